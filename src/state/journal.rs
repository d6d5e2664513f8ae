//! What the journal is told, and what it told back. Each edit, undo and redo becomes a note in the update that makes it; the
//! notes leave as an effect at the end of the same update, so a frame never waits for the disk, and nothing is forgotten.

use super::DocumentId;
use super::on_disk::Status;
use super::session::{Base, Session};
use crate::document::{Document, Edit, pointer};
use crate::storage::{Begin, Digest, Made, Mend, Record, old_value};
use std::path::PathBuf;
use std::sync::Arc;

/// Something for the journal.
#[derive(Clone, Debug)]
pub enum Note {
    /// A record as it will stand there.
    Record(Record),
    /// What was done can only be told by the whole text.
    Snapshot,
    /// Another version was loaded: its digest, length and text.
    Load(Digest, u64, Document),
}

/// Notes on their way to the journal.
pub struct JournalOrder {
    /// The document.
    pub id: DocumentId,
    /// The journal begins with these notes.
    pub is_new: bool,
    /// What a journal begins with that has no other notes: what the document stands on after these,
    pub begin: Begin,
    /// and its text, if that is known.
    pub base: Option<Document>,
    /// The notes, in order.
    pub notes: Vec<Note>,
    /// The document after all of them.
    pub document: Document,
    /// Its unsaved steps.
    pub unsaved: u64,
    /// It is what is on the disk: a journal can begin with it.
    pub is_on_disk: bool,
    /// Notes handed over so far, these among them.
    pub handed: u64,
}

/// What was mended in a text that is not JSON, on its way to the journal: all of it, in place of what it knew before.
pub struct MendOrder {
    /// The text.
    pub id: DocumentId,
    /// What the journal begins with.
    pub begin: Begin,
    /// The text before all of it, where it is short enough.
    pub text: Option<Arc<Vec<u8>>>,
    /// What was mended, in order; nothing where that was taken back.
    pub mends: Vec<Mend>,
}

/// What becomes of a journal when its document is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOfJournal {
    /// All is saved: it goes.
    Saved,
    /// The person does not want the edits: it is kept aside for a while.
    Discarded,
}

/// What is known of a document's journal.
#[derive(Clone, Debug, Default)]
pub struct Journaling {
    /// It was begun.
    pub begun: bool,
    /// Notes that leave at the end of this update.
    pub outgoing: Vec<Note>,
    /// Notes that were handed over.
    pub handed: u64,
    /// Notes that are written: they survive the end of the process.
    pub written: u64,
    /// Bytes in it.
    pub length: u64,
    /// Why edits are not safe from a crash at the moment.
    pub trouble: Option<String>,
}

impl Journaling {
    /// Notes that are not written yet.
    pub fn pending(&self) -> u64 {
        self.handed.saturating_sub(self.written)
    }

    /// Takes note of something that is only worth it where there is a journal.
    pub fn note_if_begun(&mut self, note: Note) {
        if self.begun || !self.outgoing.is_empty() {
            self.outgoing.push(note);
        }
    }
}

/// What a journal of edits begins with that stand on `base`.
pub(super) fn begin_on(base: &Base, path: Option<PathBuf>, name: String, unix_ns: i128) -> Begin {
    let size = match base {
        Base::Version(version) => version.stamp.size,
        Base::Read(stamp) => stamp.size,
        Base::New => 0,
    };
    Begin {
        path,
        name,
        digest: base.digest().map(|digest| digest.to_string()),
        size,
        at_ms: (unix_ns / 1_000_000) as i64,
        program: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

impl Session {
    /// Takes note of an edit that was made on `before`.
    pub fn note_edit(&mut self, before: &Document, edit: &Edit, joins: bool, unix_ns: i128) {
        let pointer = pointer::pointer(before.root(), &edit.place()).unwrap_or_else(|| match edit {
            // A new child has no place of its own yet.
            Edit::Insert { parent, index, key, .. } => {
                let parent = pointer::pointer(before.root(), parent).unwrap_or_default();
                let token = key.as_ref().map_or_else(|| index.to_string(), |key| pointer::escape(&key.plain()));
                format!("{parent}/{token}")
            }
            _ => String::new(),
        });
        let made = Made { edit: edit.clone(), joins, at_ms: (unix_ns / 1_000_000) as i64, pointer, old: old_value(before, edit) };
        self.journal.outgoing.push(Note::Record(Record::Edit(made)));
    }

    /// The notes of this update, if there are any.
    pub fn take_notes(&mut self, id: DocumentId, unix_ns: i128) -> Option<JournalOrder> {
        if self.journal.outgoing.is_empty() {
            return None;
        }
        let notes = std::mem::take(&mut self.journal.outgoing);
        self.journal.handed += notes.len() as u64;
        let begin = begin_on(self.history.base(), self.path.clone(), self.name.clone(), unix_ns);
        let is_new = !std::mem::replace(&mut self.journal.begun, true);
        Some(JournalOrder {
            id,
            is_new,
            begin,
            base: self.base_document(),
            notes,
            document: self.document().clone(),
            // What the disk did not confirm may be lost as well.
            unsaved: self.unsaved().max(u64::from(self.is_unconfirmed)),
            is_on_disk: self.unsaved() == 0
                && !self.is_unconfirmed
                && self.history.base().digest().is_some()
                && self.status_of_disk() == Status::Saved,
            handed: self.journal.handed,
        })
    }
}
