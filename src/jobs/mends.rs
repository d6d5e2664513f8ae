//! Journals of texts that are not JSON and are being mended: a few records, written anew as a whole a moment after each change.

use super::journal::{SYNC_AFTER, TRY_AGAIN};
use super::{Outbox, Surroundings};
use crate::state::journal::MendOrder;
use crate::state::{DocumentId, Event};
use crate::storage::{self, Begin, Journal, Record};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// What the journal's thread knows of them.
pub struct Mends {
    surroundings: Arc<Surroundings>,
    outbox: Outbox,
    texts: HashMap<DocumentId, Text>,
}

/// One text.
struct Text {
    /// What was told last.
    order: MendOrder,
    /// The journal, if anything is mended.
    journal: Option<Journal>,
    /// When that is written, where it is not yet.
    due: Option<Instant>,
}

impl Mends {
    /// None yet.
    pub fn new(surroundings: Arc<Surroundings>, outbox: Outbox) -> Self {
        Self { surroundings, outbox, texts: HashMap::new() }
    }

    /// Something was mended: it is written soon.
    pub fn take(&mut self, order: MendOrder) {
        let due = Some(Instant::now() + SYNC_AFTER);
        match self.texts.get_mut(&order.id) {
            Some(text) => {
                text.due = text.due.or(due);
                // When the first of it was mended stays.
                let begin = Begin { at_ms: text.order.begin.at_ms, ..order.begin };
                text.order = MendOrder { begin, ..order };
            }
            None => {
                self.texts.insert(order.id, Text { order, journal: None, due });
            }
        }
    }

    /// When something is due.
    pub fn next_at(&self) -> Option<Instant> {
        self.texts.values().filter_map(|text| text.due).min()
    }

    /// Writes what is due, or all that is not written.
    pub fn write_due(&mut self, all: bool) {
        let now = Instant::now();
        let due = self.texts.iter().filter(|(_, text)| text.due.is_some_and(|at| all || at <= now)).map(|(id, _)| *id);
        for id in due.collect::<Vec<_>>() {
            self.make_durable(id);
        }
    }

    /// Writes it now; says whether all of it is durable.
    pub fn make_durable(&mut self, id: DocumentId) -> bool {
        let Some(text) = self.texts.get_mut(&id).filter(|text| text.due.is_some()) else { return true };
        match text.write(&self.surroundings) {
            Ok(()) => {
                text.due = None;
                let length = text.journal.as_ref().map_or(0, Journal::length);
                self.outbox.send(Event::Journaled { id, notes: 0, length });
                true
            }
            Err(error) => {
                text.due = Some(Instant::now() + TRY_AGAIN);
                self.outbox.send(Event::JournalTrouble(id, storage::cause(&error)));
                false
            }
        }
    }

    /// The text is not shown any more, or is a document by now: its journal.
    pub fn remove(&mut self, id: DocumentId) -> Option<Journal> {
        self.texts.remove(&id)?.journal
    }
}

impl Text {
    /// A new journal in the place of the one before, which goes once the new one is durable.
    fn write(&mut self, surroundings: &Surroundings) -> io::Result<()> {
        let MendOrder { begin, text, mends, .. } = &self.order;
        let mut journal = None;
        if !mends.is_empty() {
            let base = text.iter().map(|text| Record::Text(Arc::clone(text)));
            let mended = mends.iter().cloned().map(Record::Mend);
            let records: Vec<Record> = [Record::Begin(begin.clone())].into_iter().chain(base).chain(mended).collect();
            let mut written = Journal::create(&surroundings.disk, &surroundings.state_folder, &records)?;
            if let Err(error) = written.sync() {
                if let Err(error) = written.remove() {
                    log::warn!("a journal that could not be synced stays: {error}");
                }
                return Err(error);
            }
            journal = Some(written);
        }
        if let Some(old) = std::mem::replace(&mut self.journal, journal)
            && let Err(error) = old.remove()
        {
            log::warn!("an older journal stays: {error}");
        }
        Ok(())
    }
}
