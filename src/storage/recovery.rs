//! What a journal that was left behind has to give back, and how that fits what is on the disk now.
//!
//! The records become a list of steps, as a history has them: an undo takes the last one back, an edit after it cuts the undone
//! ones off, a load begins anew. What is on the disk decides what becomes of the steps: the journal's base or a text that was
//! saved from it → the steps that are missing are made on it; another version → both are merged, where the base's text can be
//! had (from the journal or a backup); where it can't, an edit whose old value still stands at its place is made, and the rest
//! are told with both values.

use super::backup::Backups;
use super::clock::Clock;
use super::disk::Disk;
use super::journal::{self, Begin, Made, Record};
use super::open::{self, OpenError};
use super::version::{Digest, Version};
use crate::document::{Document, Edit, Fragment, Kind, Node, Shift, Value, pointer};
use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Values are told up to this many bytes.
const TOLD: usize = 200;
/// Edits that are listed before anybody decides.
const LISTED: usize = 500;

/// One step that was not saved.
#[derive(Clone, Debug)]
enum Entry {
    /// Edits that were made as one step.
    Edits(Vec<Made>),
    /// Another version was loaded.
    Load(Origin),
    /// So many steps as one text.
    Snapshot(u64, Arc<Vec<u8>>),
}

/// A text that edits stand on.
#[derive(Clone, Debug, Default)]
struct Origin {
    digest: Option<Digest>,
    text: Option<Arc<Vec<u8>>>,
}

/// What is in a journal, as a history.
#[derive(Clone, Debug)]
pub struct Unsaved {
    begin: Begin,
    origin: Origin,
    /// The steps from the origin to what was shown last.
    steps: Vec<Entry>,
    /// The last texts that were about to be saved.
    saves: Vec<Save>,
}

/// A text that was about to be saved.
#[derive(Clone, Debug)]
struct Save {
    digest: Digest,
    /// The steps that led to it from the origin. They may have been taken back since.
    steps: Vec<Entry>,
    /// How many they are, while they are on the way to what was shown last.
    position: Option<usize>,
    /// It is known that it was saved.
    was_made: bool,
}

/// Older saves can't be what is on the disk, unless somebody put it back: then it is another program's version.
const SAVES: usize = 3;

impl Unsaved {
    /// Reads the records of a journal; `None` where it does not begin like one.
    pub fn of(records: &[Record]) -> Option<Self> {
        let mut records = records.iter();
        let Some(Record::Begin(begin)) = records.next() else { return None };
        let mut origin = Origin { digest: begin.digest.as_deref().and_then(|digest| digest.parse().ok()), text: None };
        let mut entries: Vec<Entry> = Vec::new();
        let mut at: usize = 0;
        let mut saves: Vec<Save> = Vec::new();
        // Texts that are being saved: their steps.
        let mut marks: HashMap<u64, Vec<Entry>> = HashMap::new();
        let cut = |saves: &mut Vec<Save>, kept: usize| {
            saves.iter_mut().filter(|save| save.position.is_some_and(|at| at > kept)).for_each(|save| save.position = None);
        };
        for record in records {
            match record {
                Record::Begin(_) => {}
                Record::Text(text) => match entries.get_mut(at.wrapping_sub(1)) {
                    Some(Entry::Load(loaded)) => loaded.text = Some(Arc::clone(text)),
                    _ if at == 0 => origin.text = Some(Arc::clone(text)),
                    _ => {}
                },
                Record::Base(digest) => origin.digest = Some(*digest),
                Record::Edit(made) => {
                    entries.truncate(at);
                    // A step that grows is another text than what was saved of it.
                    cut(&mut saves, if made.joins { at.saturating_sub(1) } else { at });
                    match entries.last_mut() {
                        Some(Entry::Edits(step)) if made.joins => step.push(made.clone()),
                        _ => {
                            entries.push(Entry::Edits(vec![made.clone()]));
                            at += 1;
                        }
                    }
                }
                Record::Undo => at = at.saturating_sub(1),
                Record::Redo => at = (at + 1).min(entries.len()),
                Record::Load(digest, _) => {
                    saves.clear();
                    marks.clear();
                    entries.truncate(at);
                    entries.push(Entry::Load(Origin { digest: Some(*digest), text: None }));
                    at += 1;
                }
                Record::Snapshot(steps, text) => {
                    (entries, at) = (vec![Entry::Snapshot(*steps, Arc::clone(text))], 1);
                    saves.clear();
                    marks.clear();
                }
                Record::Mark(mark) => {
                    let loaded =
                        entries[..at].iter().rposition(|entry| matches!(entry, Entry::Load(_))).map_or(0, |place| place + 1);
                    marks.insert(*mark, entries[loaded..at].to_vec());
                }
                Record::SaveBegin(mark, digest) => {
                    if let Some(steps) = marks.remove(mark) {
                        // Steps that are still on the way are the same ones, and not only as many.
                        let loaded =
                            entries[..at].iter().rposition(|entry| matches!(entry, Entry::Load(_))).map_or(0, |place| place + 1);
                        let is_on_the_way =
                            entries.len() >= loaded + steps.len() && same_steps(&entries[loaded..loaded + steps.len()], &steps);
                        let position = is_on_the_way.then_some(loaded + steps.len());
                        saves.push(Save { digest: *digest, steps, position, was_made: false });
                        if saves.len() > SAVES {
                            saves.remove(0);
                        }
                    }
                }
                Record::Saved(_, digest) => {
                    saves.iter_mut().filter(|save| save.digest == *digest).for_each(|save| save.was_made = true);
                }
            }
        }
        entries.truncate(at);
        let loaded = entries.iter().rposition(|entry| matches!(entry, Entry::Load(_)));
        if let Some(place) = loaded {
            let steps = entries.split_off(place + 1);
            if let Some(Entry::Load(of)) = entries.pop() {
                origin = of;
            }
            let moved = |save: Save| Save { position: save.position.and_then(|at| at.checked_sub(place + 1)), ..save };
            let saves = saves.into_iter().map(moved).collect();
            return Some(Self { begin: begin.clone(), origin, steps, saves });
        }
        Some(Self { begin: begin.clone(), origin, steps: entries, saves })
    }

    /// The document's file.
    pub fn path(&self) -> Option<&Path> {
        self.begin.path.as_deref()
    }

    /// What is to be told of it, before anybody decides. `saved` is the digest of what is on the disk.
    fn told(&self, journal: &Path, saved: Option<Digest>) -> Found {
        // Where it is another program's text that is on the disk, what was saved last counts.
        let last = || match self.saves.iter().rev().find(|save| save.was_made) {
            Some(Save { position: Some(at), .. }) => Standing::At(*at),
            Some(_) => Standing::Beside,
            None => Standing::At(0),
        };
        let stands = match saved.map(|digest| self.standing(digest)) {
            None | Some(Standing::Unknown) => last(),
            Some(known) => known,
        };
        let from = match stands {
            Standing::At(at) => at.min(self.steps.len()),
            _ => 0,
        };
        let steps = &self.steps[from..];
        let mut edits = 0;
        let mut list = Vec::new();
        for step in steps {
            match step {
                Entry::Snapshot(count, _) => edits += count,
                Entry::Load(_) => {}
                Entry::Edits(made) => {
                    edits += 1;
                    list.extend(made.iter().map(told));
                }
            }
        }
        let backwards = match stands {
            Standing::At(at) => at.saturating_sub(self.steps.len()),
            Standing::Beside if edits == 0 => 1,
            _ => 0,
        };
        list.truncate(LISTED);
        Found {
            journal: journal.to_owned(),
            document: self.begin.path.clone(),
            name: self.begin.name.clone(),
            at_ms: self.begin.at_ms,
            edits: edits + backwards as u64,
            list,
        }
    }

    /// Where a text with this digest stands.
    fn standing(&self, digest: Digest) -> Standing {
        match self.saves.iter().rev().find(|save| save.digest == digest) {
            Some(Save { position: Some(at), .. }) => Standing::At(*at),
            Some(_) => Standing::Beside,
            None if self.origin.digest == Some(digest) => Standing::At(0),
            None => Standing::Unknown,
        }
    }
}

/// How a text on the disk belongs to the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is the text after so many of them; more than there are, where the last ones were taken back.
    At(usize),
    /// It was saved, and what led to it was taken back and replaced.
    Beside,
    /// It is another program's.
    Unknown,
}

/// Whether two lists hold the very same steps.
fn same_steps(a: &[Entry], b: &[Entry]) -> bool {
    let same = |a: &Entry, b: &Entry| match (a, b) {
        (Entry::Edits(a), Entry::Edits(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.at_ms == b.at_ms && a.edit.to_record() == b.edit.to_record())
        }
        (Entry::Snapshot(_, a), Entry::Snapshot(_, b)) => Arc::ptr_eq(a, b),
        _ => false,
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

fn told(made: &Made) -> Lost {
    let value = |value: &Value| cut(&String::from_utf8_lossy(value.text()));
    let mine = match &made.edit {
        Edit::Replace { value: of, .. } | Edit::Insert { value: of, .. } => Some(value(of)),
        _ => None,
    };
    Lost { what: made.edit.describe(), pointer: made.pointer.clone(), was: made.old.as_deref().map(cut), mine, now: None }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Edits that can be recovered, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The journal.
    pub journal: PathBuf,
    /// The file that was edited; `None` for a document that was never saved.
    pub document: Option<PathBuf>,
    /// Its name.
    pub name: String,
    /// When the first edit was made, in milliseconds since 1970.
    pub at_ms: i64,
    /// How many steps.
    pub edits: u64,
    /// The first ones.
    pub list: Vec<Lost>,
}

/// One edit, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// What it did, `Change value`.
    pub what: &'static str,
    /// Where, as a JSON Pointer.
    pub pointer: String,
    /// What stood there.
    pub was: Option<String>,
    /// What was put there.
    pub mine: Option<String>,
    /// What stands there on the disk, where the edit could not be made.
    pub now: Option<String>,
}

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
    /// There is no file.
    Fresh {
        /// The document with the edits.
        document: Document,
    },
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
    NotJson(PathBuf, crate::document::Problem),
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
    let wanted = document.map(|path| real(disk, path));
    let mut found = Vec::new();
    for orphan in journal::orphans(disk, state_folder, clock.now_ns())? {
        let Some(unsaved) = Unsaved::of(&orphan.records) else { continue };
        if wanted.is_some() && unsaved.path().map(|path| real(disk, path)) != wanted {
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

/// The real path, also of a file that is not there any more.
fn real(disk: &Disk, path: &Path) -> PathBuf {
    if let Ok(real) = disk.canonical(path) {
        return real;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (absolute.parent().and_then(|folder| disk.canonical(folder).ok()), absolute.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => absolute,
    }
}

/// Finds out what becomes of the edits in a journal. It stays until [`forget`] is called.
///
/// # Errors
/// Why they can't be recovered now.
pub fn recover(disk: &Disk, clock: &dyn Clock, state_folder: &Path, journal: &Path) -> Result<Recovery, RecoverError> {
    let io = |error| RecoverError::Io(journal.to_owned(), error);
    let orphan = journal::orphan(disk, journal, clock.now_ns()).map_err(io)?.ok_or(RecoverError::Gone)?;
    let unsaved = Unsaved::of(&orphan.records).ok_or(RecoverError::Unreadable)?;
    let base = || unsaved.base_text(disk, state_folder);
    let Some(path) = unsaved.path() else {
        let document = replay(&parse(&base().ok_or(RecoverError::NoBase)?)?, &unsaved.steps)?.0;
        return Ok(Recovery::Fresh { document });
    };
    let on = match open::read(disk, clock, path, &mut |_, _| ControlFlow::Continue(())) {
        Ok(opened) => {
            let version = Version { stamp: opened.stamp, digest: Digest::of(&opened.bytes) };
            let read_only = opened.read_only;
            let fragment = Fragment::new(opened.bytes).map_err(|problem| RecoverError::NotJson(path.to_owned(), problem))?;
            OnDisk { fragment, version, read_only }
        }
        Err(OpenError::Missing(_)) => {
            let document = replay(&parse(&base().ok_or(RecoverError::NoBase)?)?, &unsaved.steps)?.0;
            return Ok(Recovery::Fresh { document });
        }
        Err(error) => return Err(error.into()),
    };
    unsaved.against(on, base)
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
        let backup = Backups::of(disk, state_folder, &real(disk, path)).find(&digest).ok()??;
        disk.read_small(&backup.path).ok().map(Arc::new)
    }

    fn against(&self, on: OnDisk, base: impl Fn() -> Option<Arc<Vec<u8>>>) -> Result<Recovery, RecoverError> {
        let disk = Document::of(&on.fragment);
        match self.standing(on.version.digest) {
            Standing::At(at) if at == self.steps.len() => return Ok(Recovery::Nothing),
            Standing::At(at) if at < self.steps.len() => {
                let steps = replay(&disk, &self.steps[at..])?.1;
                return Ok(Recovery::Steps { on, steps, left: Vec::new() });
            }
            // What was saved was taken back afterwards: the text without it is what was shown.
            Standing::At(_) | Standing::Beside => {
                let origin = parse(&base().ok_or(RecoverError::NoBase)?)?;
                let document = replay(&origin, &self.steps)?.0;
                let shifts = vec![Shift::Replaced(crate::document::Path::root())];
                let steps = vec![Ready { edits: Vec::new(), document, shifts, label: "Recovered edits" }];
                return Ok(Recovery::Steps { on, steps, left: Vec::new() });
            }
            Standing::Unknown => {}
        }
        let Some(text) = base() else { return Ok(self.by_place(on)) };
        let origin = parse(&text)?;
        let mine = replay(&origin, &self.steps)?.0;
        if Digest::of(&mine.to_bytes()) == on.version.digest {
            return Ok(Recovery::Nothing);
        }
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
