//! The records of a journal as a history: a list of steps, as they were before the program ended.
//!
//! An undo takes the last one back, an edit after it cuts the undone ones off, a load begins anew.

use super::journal::{Begin, Made, Mend, Record};
use super::version::Digest;
use crate::document::{Edit, Value};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Values are told up to this many bytes.
const TOLD: usize = 200;
/// Edits that are listed before anybody decides.
const LISTED: usize = 500;

/// One step that was not saved.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Edits that were made as one step.
    Edits(Vec<Made>),
    /// Another version was loaded.
    Load(Origin),
    /// So many steps as one text.
    Snapshot(u64, Arc<Vec<u8>>),
}

/// A text that edits stand on.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Its digest, if that is known.
    pub digest: Option<Digest>,
    /// The text itself, where it is in the journal.
    pub text: Option<Arc<Vec<u8>>>,
}

/// What is in a journal, as a history.
#[derive(Clone, Debug)]
pub struct Unsaved {
    begin: Begin,
    /// What the steps begin at.
    pub origin: Origin,
    /// The steps from the origin to what was shown last.
    pub steps: Vec<Entry>,
    /// The last texts that were about to be saved.
    pub saves: Vec<Save>,
    /// What was mended in an origin that is not JSON; then there are no steps.
    pub mends: Vec<Mend>,
}

/// A text that was about to be saved.
#[derive(Clone, Debug)]
pub struct Save {
    digest: Digest,
    /// The steps that led to it from the origin. They may have been taken back since.
    pub steps: Vec<Entry>,
    /// How many they are, while they are on the way to what was shown last.
    position: Option<usize>,
    /// It is known that it was saved.
    pub was_made: bool,
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
        let mut mends = Vec::new();
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
                Record::Mend(mend) => mends.push(mend.clone()),
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
            return Some(Self { begin: begin.clone(), origin, steps, saves, mends });
        }
        Some(Self { begin: begin.clone(), origin, steps: entries, saves, mends })
    }

    /// The document's file.
    pub fn path(&self) -> Option<&Path> {
        self.begin.path.as_deref()
    }

    /// What is to be told of it, before anybody decides. `saved` is the digest of what is on the disk.
    pub fn told(&self, journal: &Path, saved: Option<Digest>) -> Found {
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
        let mut edits = self.mends.len() as u64;
        let mut list = self.told_mends();
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
        if let (Some(Entry::Snapshot(_, text)), Some(saved)) = (self.steps.last(), saved)
            && Digest::of(text) == saved
        {
            edits = 0;
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

    /// What was mended, for people.
    pub fn told_mends(&self) -> Vec<Lost> {
        let told = |mend: &Mend| Lost {
            what: match (mend.place.is_empty(), mend.bytes.is_empty()) {
                (true, _) => "Add text",
                (false, true) => "Remove text",
                (false, false) => "Replace text",
            },
            pointer: format!("at byte {}", mend.place.start),
            was: None,
            mine: (!mend.bytes.is_empty()).then(|| cut(&String::from_utf8_lossy(&mend.bytes))),
            now: None,
        };
        self.mends.iter().map(told).collect()
    }

    /// Where a text with this digest stands.
    pub fn standing(&self, digest: Digest) -> Standing {
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
pub enum Standing {
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

/// An edit, for people.
pub fn told(made: &Made) -> Lost {
    let value = |value: &Value| cut(&String::from_utf8_lossy(value.text()));
    let mine = match &made.edit {
        Edit::Replace { value: of, .. } | Edit::Insert { value: of, .. } => Some(value(of)),
        _ => None,
    };
    Lost { what: made.edit.describe(), pointer: made.pointer.clone(), was: made.old.as_deref().map(cut), mine, now: None }
}

/// A value, cut where it is long.
pub fn cut(text: &str) -> String {
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
