//! What a journal that was left behind has to give back, and how that fits what is on the disk now.
//!
//! What is on the disk decides what becomes of the steps: the journal's base or a text that was saved from it → the steps that are
//! missing are made on it; another version → both are merged, where the base's text can be had (from the journal or a backup);
//! where it can't, an edit whose old value still stands at its place is made, and the rest are told with both values. Where the
//! journal has the text as a whole instead of edits, that becomes a document of its own then.

use super::backup::Backups;
use super::clock::Clock;
use super::disk::Disk;
use super::document_path;
use super::journal::{self, Made, Mend};
use super::open::{self, OpenError, Progress};
use super::save::Env;
use super::unsaved::{Entry, Found, Lost, Standing, Unsaved, cut, told};
use super::version::{Digest, Version};
use crate::document::{Document, Edit, Fragment, Kind, Node, Problem, ScanError, Shift, pointer};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A step that is made again.
#[derive(Debug)]
pub struct Ready {
    /// Its edits; empty where the text as a whole is all that is known.
    pub edits: Vec<Edit>,
    /// The document after it.
    pub document: Document,
    /// How it moved positions.
    pub shifts: Vec<Shift>,
    /// What it did, in words.
    pub label: &'static str,
}

/// What is on the disk.
#[derive(Clone, Debug)]
pub struct OnDisk {
    /// Its text.
    pub fragment: Arc<Fragment>,
    /// Its version.
    pub version: Version,
    /// Whether it can't be written.
    pub read_only: bool,
}

/// What becomes of the edits.
#[derive(Debug)]
pub enum Recovery {
    /// All of them are on the disk.
    Nothing,
    /// They are made on what is on the disk.
    Steps {
        /// What is on the disk.
        on: OnDisk,
        /// The steps.
        steps: Vec<Ready>,
        /// Edits whose place is not what it was.
        left: Vec<Lost>,
    },
    /// What is on the disk changed, too: both are merged.
    Merge {
        /// What both stand on.
        base: Document,
        /// The document with the edits.
        mine: Document,
        /// What is on the disk.
        on: OnDisk,
    },
    /// A text that is not JSON was mended, and is not JSON yet.
    Broken(StillBroken),
    /// There is nothing on the disk that they could be made on.
    Fresh {
        /// The document with the edits.
        document: Document,
        /// Where it belongs.
        place: Place,
    },
}

/// A text that was mended and is not JSON yet.
#[derive(Debug)]
pub struct StillBroken {
    /// The text that was mended,
    pub origin: Arc<Vec<u8>>,
    /// how,
    pub mends: Vec<Mend>,
    /// what it is now,
    pub text: Arc<Vec<u8>>,
    /// and why that is not JSON.
    pub problem: Problem,
    /// Where it belongs: its file, which is as it was or not there any more.
    pub place: Place,
}

/// Where a document belongs that was recovered without what is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It never had a file.
    Nowhere,
    /// Its file is not there any more.
    Missing(PathBuf),
    /// In its file is what the edits stand on, and that is not JSON: it was mended.
    Broken(PathBuf, Version),
    /// In its file is another program's text, and what both have in common is not to be had.
    Apart,
}

/// Why edits can't be recovered now. The journal stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// Another window recovers them, or did.
    #[error("the journal is not there any more, or in use")]
    Gone,
    /// The journal holds nothing that can be read.
    #[error("the journal can't be read")]
    Unreadable,
    /// The file can't be read.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// The file is not JSON.
    #[error("{}:{}", .0.display(), .1)]
    NotJson(PathBuf, Problem),
    /// The text that the edits stand on is not to be had.
    #[error("the text that the edits were made on is not to be had any more")]
    NoBase,
    /// What the system says.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
}

/// Edits that were left behind: those for `document`, or all. What is saved already goes, unasked.
///
/// # Errors
/// What the system says of the folder.
pub fn unsaved(disk: &Disk, clock: &dyn Clock, state_folder: &Path, document: Option<&Path>) -> io::Result<Vec<Found>> {
    if let Err(error) = journal::prune(disk, state_folder, clock.now_ns()) {
        log::warn!("discarded journals could not be removed: {error}");
    }
    let wanted = document.map(|path| document_path(disk, path));
    let mut found = Vec::new();
    for orphan in journal::orphans(disk, state_folder, clock.now_ns())? {
        let Some(unsaved) = Unsaved::of(&orphan.records) else { continue };
        if wanted.is_some() && unsaved.path().map(|path| document_path(disk, path)) != wanted {
            continue;
        }
        let saved = unsaved.path().and_then(|path| open::version_of(disk, clock, path).ok()).map(|(version, _)| version.digest);
        let told = unsaved.told(&orphan.path, saved);
        if told.edits == 0 {
            if let Err(error) = disk.remove(&orphan.path) {
                log::warn!("{}: {error}", orphan.path.display());
            }
            continue;
        }
        found.push(told);
    }
    Ok(found)
}

/// Finds out what becomes of the edits in a journal. It stays until [`forget`] is called. Reading the file is told to `progress`,
/// which may break it off.
///
/// # Errors
/// Why they can't be recovered now.
pub fn recover(env: &Env, journal: &Path, progress: &Progress) -> Result<Recovery, RecoverError> {
    let Env { disk, clock, state_folder, crew } = *env;
    let io = |error| RecoverError::Io(journal.to_owned(), error);
    let orphan = journal::orphan(disk, journal, clock.now_ns()).map_err(io)?.ok_or(RecoverError::Gone)?;
    let unsaved = Unsaved::of(&orphan.records).ok_or(RecoverError::Unreadable)?;
    let base = || unsaved.base_text(disk, state_folder);
    let Some(path) = unsaved.path() else {
        return Ok(Recovery::Fresh { document: unsaved.mine(base)?, place: Place::Nowhere });
    };
    let loaded = match open::load(disk, clock, path, crew, progress) {
        Err(OpenError::Missing(_)) if !unsaved.mends.is_empty() => {
            let text = base().ok_or(RecoverError::NoBase)?;
            return unsaved.mended(text, Place::Missing(path.to_owned()));
        }
        Err(OpenError::Missing(_)) => {
            return Ok(Recovery::Fresh { document: unsaved.mine(base)?, place: Place::Missing(path.to_owned()) });
        }
        loaded => loaded?,
    };
    let version = |text: &[u8]| Version { stamp: loaded.stamp, digest: Digest::of_text(text, crew) };
    match loaded.fragment {
        Ok(fragment) => {
            let version = version(fragment.text());
            unsaved.against(OnDisk { fragment, version, read_only: loaded.read_only }, base)
        }
        Err((_, text)) if unsaved.standing(version(&text).digest) == Standing::At(0) => {
            let place = Place::Broken(path.to_owned(), version(&text));
            match unsaved.mends.is_empty() {
                true => Ok(Recovery::Fresh { document: unsaved.mine(base)?, place }),
                false => unsaved.mended(Arc::new(text), place),
            }
        }
        Err((problem, _)) => Err(RecoverError::NotJson(path.to_owned(), problem)),
    }
}

/// The edits of a journal were recovered, or nobody wants them: it is kept aside for 30 days.
///
/// # Errors
/// What the system says.
pub fn forget(disk: &Disk, state_folder: &Path, journal: &Path) -> io::Result<()> {
    match journal::discard(disk, state_folder, journal) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn parse(text: &[u8]) -> Result<Document, RecoverError> {
    Document::parse(text.to_vec()).map_err(|problem| RecoverError::NotJson(PathBuf::from("the base"), problem))
}

/// Makes steps again; gives the last document, and each step.
fn replay(document: &Document, steps: &[Entry]) -> Result<(Document, Vec<Ready>), RecoverError> {
    let mut document = document.clone();
    let mut made = Vec::new();
    for step in steps {
        let (mut edits, mut shifts, mut label) = (Vec::new(), Vec::new(), "Recovered edits");
        match step {
            Entry::Load(_) => continue,
            Entry::Snapshot(_, text) => {
                document = parse(text)?;
                shifts.push(Shift::Replaced(crate::document::Path::root()));
            }
            Entry::Edits(step) => {
                for one in step {
                    let applied = one.edit.apply(&document).map_err(|_| RecoverError::Unreadable)?;
                    document = applied.document;
                    shifts.extend(applied.shifts);
                    label = one.edit.describe();
                    edits.push(one.edit.clone());
                }
            }
        }
        made.push(Ready { edits, document: document.clone(), shifts, label });
    }
    Ok((document, made))
}

impl Unsaved {
    /// The origin's text: from the journal, or from a backup.
    fn base_text(&self, disk: &Disk, state_folder: &Path) -> Option<Arc<Vec<u8>>> {
        if let Some(text) = &self.origin.text {
            return Some(Arc::clone(text));
        }
        let (path, digest) = (self.path()?, self.origin.digest?);
        let backup = Backups::of(disk, state_folder, &document_path(disk, path)).find(&digest).ok()??;
        disk.read_small(&backup.path).ok().map(Arc::new)
    }

    /// The origin with all that was mended in it.
    fn mended(&self, origin: Arc<Vec<u8>>, place: Place) -> Result<Recovery, RecoverError> {
        let mut text = Vec::clone(&origin);
        for mend in &self.mends {
            text = mend.apply(&text).ok_or(RecoverError::Unreadable)?;
        }
        Ok(match Fragment::watched(text, &mut |_| ControlFlow::Continue(())) {
            Ok(fragment) => Recovery::Fresh { document: Document::of(&fragment), place },
            Err((ScanError::Problem(problem), text)) => {
                Recovery::Broken(StillBroken { origin, mends: self.mends.clone(), text: Arc::new(text), problem, place })
            }
            Err((ScanError::Cancelled, _)) => unreachable!("this watcher never breaks off"),
        })
    }

    /// Whether the journal has a text as a whole, which needs no base.
    fn is_whole(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Entry::Snapshot(..)))
    }

    /// The document with all steps.
    fn mine(&self, base: impl Fn() -> Option<Arc<Vec<u8>>>) -> Result<Document, RecoverError> {
        let whole = self.steps.iter().enumerate().rev().find_map(|(place, step)| match step {
            Entry::Snapshot(_, text) => Some((place, Arc::clone(text))),
            _ => None,
        });
        let (text, steps) = match whole {
            Some((place, text)) => (text, &self.steps[place + 1..]),
            None => (base().ok_or(RecoverError::NoBase)?, &self.steps[..]),
        };
        Ok(replay(&parse(&text)?, steps)?.0)
    }

    fn against(&self, on: OnDisk, base: impl Fn() -> Option<Arc<Vec<u8>>>) -> Result<Recovery, RecoverError> {
        if !self.mends.is_empty() {
            // There is JSON by now: what was mended has no place in it.
            return Ok(Recovery::Steps { on, steps: Vec::new(), left: self.told_mends() });
        }
        let disk = Document::of(&on.fragment);
        let is_on_disk = |mine: &Document| Digest::of(&mine.to_bytes()) == on.version.digest;
        match self.standing(on.version.digest) {
            Standing::At(at) if at == self.steps.len() => return Ok(Recovery::Nothing),
            // It was saved, but nobody knew whether the disk had it.
            Standing::At(0) if self.is_whole() && is_on_disk(&self.mine(&base)?) => return Ok(Recovery::Nothing),
            Standing::At(at) if at < self.steps.len() => {
                let steps = replay(&disk, &self.steps[at..])?.1;
                return Ok(Recovery::Steps { on, steps, left: Vec::new() });
            }
            // What was saved was taken back afterwards: the text without it is what was shown.
            Standing::At(_) | Standing::Beside => {
                let document = self.mine(base)?;
                let shifts = vec![Shift::Replaced(crate::document::Path::root())];
                let steps = vec![Ready { edits: Vec::new(), document, shifts, label: "Recovered edits" }];
                return Ok(Recovery::Steps { on, steps, left: Vec::new() });
            }
            Standing::Unknown => {}
        }
        let text = base();
        if text.is_none() && !self.is_whole() {
            return Ok(self.by_place(on));
        }
        let mine = self.mine(|| text.clone())?;
        if is_on_disk(&mine) {
            return Ok(Recovery::Nothing);
        }
        let Some(text) = text else { return Ok(Recovery::Fresh { document: mine, place: Place::Apart }) };
        let origin = parse(&text)?;
        // Others went on from the text that was saved last.
        let saved = self.saves.iter().rev().find(|save| save.was_made);
        let base = replay(&origin, saved.map_or(&[], |save| &save.steps))?.0;
        Ok(Recovery::Merge { base, mine, on })
    }

    /// Without the base's text: each edit whose old value still stands at its place.
    fn by_place(&self, on: OnDisk) -> Recovery {
        let mut document = Document::of(&on.fragment);
        let (mut steps, mut left) = (Vec::new(), Vec::new());
        for made in self.steps.iter().flat_map(|step| if let Entry::Edits(made) = step { &made[..] } else { &[] }) {
            let applied = at_its_place(&document, made).map(|edit| (edit.apply(&document), edit));
            match applied {
                Some((Ok(applied), edit)) => {
                    document = applied.document.clone();
                    let label = edit.describe();
                    steps.push(Ready { edits: vec![edit], document: applied.document, shifts: applied.shifts, label });
                }
                _ => {
                    let now = node_at(&document, &made.pointer).map(|node| text_of(&node));
                    let mut lost = told(made);
                    lost.now = now.as_deref().map(cut);
                    // What was to be put there stands there.
                    let is_there = matches!(&made.edit, Edit::Replace { value, .. } if now.as_deref() == std::str::from_utf8(value.text()).ok());
                    if !is_there {
                        left.push(lost);
                    }
                }
            }
        }
        if steps.is_empty() && left.is_empty() { Recovery::Nothing } else { Recovery::Steps { on, steps, left } }
    }
}

fn node_at(document: &Document, place: &str) -> Option<Node> {
    document.node(&pointer::resolve(document.root(), place).ok()?)
}

fn text_of(node: &Node) -> String {
    String::from_utf8_lossy(&node.to_bytes()).into_owned()
}

/// The edit on another document, if what it changes stands there as it stood when it was made.
fn at_its_place(document: &Document, made: &Made) -> Option<Edit> {
    let resolve = || pointer::resolve(document.root(), &made.pointer).ok();
    let as_it_was = || {
        let path = resolve()?;
        let stands = text_of(&document.node(&path)?);
        (made.old.as_deref() == Some(stands.as_str())).then_some(path)
    };
    match &made.edit {
        Edit::Replace { value, .. } => Some(Edit::Replace { path: as_it_was()?, value: value.clone() }),
        Edit::Remove { .. } => Some(Edit::Remove { path: as_it_was()? }),
        Edit::Rename { key, .. } => Some(Edit::Rename { path: as_it_was()?, key: key.clone() }),
        Edit::Insert { index, key: Some(key), value, .. } => {
            let cut = made.pointer.rfind('/')?;
            let parent = pointer::resolve(document.root(), &made.pointer[..cut]).ok()?;
            let object = document.node(&parent).filter(|node| node.kind() == Kind::Object)?;
            let index = (*index).min(object.child_count());
            resolve().is_none().then(|| Edit::Insert { parent, index, key: Some(key.clone()), value: value.clone() })
        }
        // Which neighbours an element had is not known.
        Edit::Insert { .. } | Edit::Move { .. } | Edit::Duplicate { .. } | Edit::All(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::SystemClock;
    use super::super::journal::{Begin, Journal, Record};
    use super::*;
    use crate::document::Alone;
    use std::fs;
    use std::ops::ControlFlow;

    fn records(file: PathBuf, base: &str, is_known: bool, whole: &str) -> Vec<Record> {
        let begin = Begin {
            path: Some(file),
            name: "a.json".to_owned(),
            digest: Some(Digest::of(base.as_bytes()).to_string()),
            size: base.len() as u64,
            at_ms: 1,
            program: "test".to_owned(),
        };
        let text = is_known.then(|| Record::Text(Arc::new(base.into())));
        let snapshot = Record::Snapshot(1, Arc::new(whole.into()));
        [Record::Begin(begin)].into_iter().chain(text).chain([snapshot]).collect()
    }

    /// What becomes of a journal with a text as a whole, on `base`, once the file has `now`. The journal has the base's text if that
    /// `is_known`.
    fn recovered(base: &str, is_known: bool, whole: &str, now: Option<&str>) -> Result<Recovery, RecoverError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        if let Some(now) = now {
            fs::write(&file, now).unwrap();
        }
        let disk = Disk::real();
        drop(Journal::create(&disk, folder.path(), &records(file, base, is_known, whole)).unwrap());
        let env = Env { disk: &disk, clock: &SystemClock, state_folder: folder.path(), crew: &Alone };
        let found = unsaved(&disk, &SystemClock, folder.path(), None).unwrap();
        assert_eq!(found.iter().map(|found| found.edits).collect::<Vec<_>>(), [1]);
        recover(&env, &found[0].journal, &|_, _| ControlFlow::Continue(()))
    }

    #[track_caller]
    fn check_fresh(recovery: Result<Recovery, RecoverError>, text: &str) -> Place {
        let Ok(Recovery::Fresh { document, place }) = recovery else { panic!("{recovery:?}") };
        assert_eq!(document.to_bytes(), text.as_bytes());
        place
    }

    #[test]
    fn a_text_as_a_whole_without_its_base_is_never_dropped_and_goes_over_nothing() {
        assert_eq!(check_fresh(recovered("[1]", false, "[2]", Some("[3]")), "[2]"), Place::Apart);
        assert!(matches!(check_fresh(recovered("[1]", false, "[2]", None), "[2]"), Place::Missing(_)));
        assert!(matches!(recovered("[1]", false, "[2]", Some("[1]")), Ok(Recovery::Steps { .. })));
        assert!(matches!(recovered("[1]", true, "[2]", Some("[3]")), Ok(Recovery::Merge { .. })));
    }

    /// The text was saved, but nobody knew whether the disk had it.
    #[test]
    fn a_save_that_was_not_confirmed_is_recovered_where_it_is_lost_alone() {
        assert!(matches!(check_fresh(recovered("[2]", true, "[2]", None), "[2]"), Place::Missing(_)));
        assert!(matches!(recovered("[2]", true, "[2]", Some("[1]")), Ok(Recovery::Merge { .. })));
        let folder = tempfile::tempdir().unwrap();
        let journal = Unsaved::of(&records(folder.path().join("a.json"), "[2]", true, "[2]")).unwrap();
        assert_eq!(journal.told(folder.path(), Some(Digest::of(b"[2]"))).edits, 0);
    }

    #[test]
    fn a_mended_text_is_recovered_over_the_broken_one_alone() {
        let place = check_fresh(recovered("[1,,2]", false, "[1,2]", Some("[1,,2]")), "[1,2]");
        let Place::Broken(path, version) = place else { panic!("{place:?}") };
        assert_eq!((path.file_name().unwrap().to_str(), version.digest), (Some("a.json"), Digest::of(b"[1,,2]")));
        assert!(matches!(recovered("[1,,2]", false, "[1,2]", Some("[1,,3]")), Err(RecoverError::NotJson(..))));
    }

    /// As [`recovered`], of a journal that has what was mended in `base`: bytes of it, and what took their place.
    fn after_mends(base: &str, is_known: bool, mends: &[(usize, &str)], now: Option<&str>) -> Result<Recovery, RecoverError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        if let Some(now) = now {
            fs::write(&file, now).unwrap();
        }
        let disk = Disk::real();
        let mut all = records(file, base, is_known, "");
        all.pop();
        all.extend(mends.iter().map(|(at, text)| Record::Mend(Mend { place: *at..*at + 1, bytes: text.as_bytes().to_vec() })));
        drop(Journal::create(&disk, folder.path(), &all).unwrap());
        let env = Env { disk: &disk, clock: &SystemClock, state_folder: folder.path(), crew: &Alone };
        let found = unsaved(&disk, &SystemClock, folder.path(), None).unwrap();
        assert_eq!((found[0].edits, found[0].list.len()), (mends.len() as u64, mends.len()));
        recover(&env, &found[0].journal, &|_, _| ControlFlow::Continue(()))
    }

    #[test]
    fn what_was_mended_in_a_text_that_is_not_json_comes_back() {
        let broken = "[1,,2,,3]";
        let place = check_fresh(after_mends(broken, false, &[(3, ""), (5, "")], Some(broken)), "[1,2,3]");
        assert!(matches!(place, Place::Broken(_, version) if version.digest == Digest::of(broken.as_bytes())));
        let Ok(Recovery::Broken(still)) = after_mends(broken, false, &[(3, " 7,")], Some(broken)) else { panic!("not JSON yet") };
        assert_eq!((still.text.as_slice(), still.problem.offset, still.mends.len()), (&b"[1, 7,2,,3]"[..], 8, 1));
        assert!(still.origin.as_slice() == broken.as_bytes() && matches!(still.place, Place::Broken(..)));
        // The file is gone: on the text in the journal, if that has it.
        assert!(matches!(check_fresh(after_mends("[1,,2]", true, &[(3, "")], None), "[1,2]"), Place::Missing(_)));
        assert!(matches!(after_mends("[1,,2]", false, &[(3, "")], None), Err(RecoverError::NoBase)));
        // Another program's text is none that it could be put in. Where that is JSON it is told what there was.
        assert!(matches!(after_mends("[1,,2]", true, &[(3, "")], Some("[1,,3]")), Err(RecoverError::NotJson(..))));
        let Ok(Recovery::Steps { steps, left, .. }) = after_mends("[1,,2]", true, &[(3, "7")], Some("[3]")) else {
            panic!("JSON")
        };
        assert!(steps.is_empty() && left[0].mine.as_deref() == Some("7"));
        assert!(matches!(after_mends("[", false, &[(7, "")], Some("[")), Err(RecoverError::Unreadable)));
    }
}
