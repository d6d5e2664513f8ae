//! The thread that writes journals: what it is told is written at once, and synced within a second.

use super::mends::Mends;
use super::{Outbox, Surroundings};
use crate::document::Document;
use crate::state::journal::{EndOfJournal, JournalOrder, MendOrder, Note};
use crate::state::{DocumentId, Event};
use crate::storage::{self, BASE_LIMIT, Begin, Digest, Journal, Record};
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Larger documents are never written as a whole.
const SNAPSHOT_LIMIT: u64 = 64 << 20;
/// What was written is synced so long after the first of it.
pub const SYNC_AFTER: Duration = Duration::from_millis(250);
/// A journal that could not be written is tried again after this.
pub const TRY_AGAIN: Duration = Duration::from_secs(10);
/// Journals are begun anew when they have grown by at least this, and at most that much.
const GROWTH: (u64, u64) = (1 << 20, 16 << 20);

/// What the thread is told.
pub enum Order {
    /// Notes of a document.
    Write(JournalOrder),
    /// The text with this mark is about to take the file's place; answered when that is durable.
    SaveBegin(DocumentId, u64, Digest, mpsc::Sender<()>),
    /// What was mended in a text that is not JSON.
    Mend(MendOrder),
    /// The document is closed.
    End(DocumentId, EndOfJournal),
    /// Edits of an older journal were made again here: it goes when they are durable.
    Forget(DocumentId, PathBuf),
    /// Makes everything durable now.
    Sync,
    /// Makes everything durable, and ends. A save that hangs may hold the other end of the channel for long.
    Finish,
}

/// Starts the thread. It ends when it is told to, or nobody can tell it anything any more, with everything durable.
pub fn start(surroundings: Arc<Surroundings>, outbox: Outbox) -> Option<(mpsc::Sender<Order>, JoinHandle<()>)> {
    let (sender, orders) = mpsc::channel();
    let teller = outbox.clone();
    let work = move || Thread::new(surroundings, outbox).run(&orders);
    match thread::Builder::new().name("journal".to_owned()).spawn(work) {
        Ok(thread) => Some((sender, thread)),
        Err(error) => {
            teller.send(Event::Notice(format!("Edits are not safe from a crash, since no thread could be started: {error}.")));
            None
        }
    }
}

struct Thread {
    surroundings: Arc<Surroundings>,
    outbox: Outbox,
    writers: HashMap<DocumentId, Writer>,
    mends: Mends,
}

/// The journal of one document.
struct Writer {
    begin: Begin,
    base: Option<Document>,
    journal: Option<Journal>,
    /// The document after the last note.
    document: Document,
    unsaved: u64,
    /// Steps that can be taken back, and made again, by what is in the journal.
    undoable: u64,
    redoable: u64,
    /// Bytes at its beginning.
    base_length: u64,
    notes: u64,
    /// What was told last of a failure.
    trouble: Option<String>,
    /// A journal of the same document that this one takes the place of.
    replaces: Option<Journal>,
    /// Texts that are being saved.
    marked: HashMap<u64, Marked>,
    /// Records that could not be written yet.
    unwritten: Vec<Record>,
    /// Records that the journal has for sure; one that failed may have more.
    written: usize,
    /// The journal failed, and is not written any more: a new one has to take its place.
    is_spoiled: bool,
    /// A step is missing that only the whole text can tell: nothing that comes after it can be told before that is, or a save or a load
    /// is a new beginning.
    has_gap: bool,
    sync_at: Option<Instant>,
    try_at: Option<Instant>,
}

/// A text that is being saved.
struct Marked {
    document: Document,
    /// The journal has its mark.
    is_told: bool,
    /// It is about to take the file's place: a journal that is begun anew would not know of that.
    is_begun: bool,
}

impl Thread {
    fn new(surroundings: Arc<Surroundings>, outbox: Outbox) -> Self {
        let mends = Mends::new(Arc::clone(&surroundings), outbox.clone());
        Self { surroundings, outbox, writers: HashMap::new(), mends }
    }

    fn run(&mut self, orders: &mpsc::Receiver<Order>) {
        loop {
            let of_writers = self.writers.values().flat_map(|writer| writer.sync_at.into_iter().chain(writer.try_at));
            let next = of_writers.chain(self.mends.next_at()).min();
            let order = match next {
                None => orders.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
                Some(at) => orders.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match order {
                Ok(Order::Finish) => return self.sync(true),
                Ok(order) => self.take(order),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return self.sync(true),
            }
            self.sync(false);
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Write(order) => self.write(order),
            Order::Mend(order) => self.mends.take(order),
            Order::SaveBegin(id, mark, digest, done) => {
                if let Some(writer) = self.writers.get_mut(&id) {
                    writer.marked.entry(mark).and_modify(|saving| saving.is_begun = true);
                    let noted = writer.append(&[Record::SaveBegin(mark, digest)]).and_then(|()| writer.sync());
                    self.settle(id, noted);
                }
                // Who does not wait any more went on without.
                let _ = done.send(());
            }
            Order::End(id, end) => {
                let of_writer = self.writers.remove(&id).map(|writer| [writer.journal, writer.replaces]);
                // The one that it was to take the place of is there, too, where it could not be made durable.
                for journal in of_writer.into_iter().flatten().chain([self.mends.remove(id)]).flatten() {
                    let ended = match end {
                        EndOfJournal::Saved => journal.remove(),
                        EndOfJournal::Discarded => journal.discard(&self.surroundings.state_folder),
                    };
                    if let Err(error) = ended {
                        log::warn!("a journal that is not needed stays: {error}");
                    }
                }
            }
            Order::Forget(id, old) => {
                let is_durable = |writer: &mut Writer| writer.journal.is_some() && !writer.has_gap && writer.sync().is_ok();
                let durable = self.writers.get_mut(&id).is_none_or(is_durable) && self.mends.make_durable(id);
                let forgotten = if durable {
                    storage::forget(&self.surroundings.disk, &self.surroundings.state_folder, &old)
                } else {
                    Ok(())
                };
                if let Err(error) = forgotten {
                    log::warn!("{}: {error}", old.display());
                }
            }
            Order::Sync | Order::Finish => self.sync(true),
        }
    }

    fn write(&mut self, order: JournalOrder) {
        let JournalOrder { id, is_new, begin, base, notes, document, unsaved, is_on_disk, handed } = order;
        if is_new {
            let writer = Writer {
                begin: begin.clone(),
                base: None,
                journal: None,
                document: document.clone(),
                unsaved,
                undoable: 0,
                redoable: 0,
                base_length: 0,
                notes: 0,
                trouble: None,
                replaces: None,
                marked: HashMap::new(),
                unwritten: Vec::new(),
                written: 0,
                is_spoiled: false,
                has_gap: false,
                sync_at: None,
                try_at: None,
            };
            // One that is begun anew takes the place of the one before when it is durable.
            let old = self.writers.insert(id, writer).and_then(|old| old.journal.or(old.replaces));
            // A text that was mended, and is JSON by now: what was mended is kept until that is.
            self.mends.make_durable(id);
            let mended = self.mends.remove(id);
            if let Some(writer) = self.writers.get_mut(&id) {
                writer.replaces = old.or(mended);
            }
        }
        let Some(writer) = self.writers.get_mut(&id) else { return };
        // A journal that is begun anew stands on what the document stands on now. When the first edit was made stays.
        writer.begin = Begin { at_ms: writer.begin.at_ms, ..begin };
        writer.base = base.filter(|base| base.byte_len() <= BASE_LIMIT);
        (writer.document, writer.unsaved) = (document, unsaved);
        writer.notes = handed;
        let outcome = writer.take(&self.surroundings, notes, is_on_disk);
        self.settle(id, outcome);
    }

    /// Tells how it went. A journal that failed is left, and a new one begun: what a failed sync left behind can't be trusted.
    fn settle(&mut self, id: DocumentId, outcome: io::Result<()>) {
        let Some(writer) = self.writers.get_mut(&id) else { return };
        let outcome = outcome.or_else(|_| writer.begin_anew(&self.surroundings));
        match outcome {
            Ok(()) => {
                (writer.try_at, writer.trouble) = (None, None);
                let length = writer.journal.as_ref().map_or(0, Journal::length);
                self.outbox.send(Event::Journaled { id, notes: writer.notes, length });
            }
            Err(error) => {
                // What only the whole text can tell, and that is too large, is told no better a while later.
                writer.try_at = (!writer.waits_for_a_beginning()).then(|| Instant::now() + TRY_AGAIN);
                let trouble = storage::cause(&error);
                if writer.trouble.as_ref() != Some(&trouble) {
                    writer.trouble = Some(trouble.clone());
                    self.outbox.send(Event::JournalTrouble(id, trouble));
                }
            }
        }
    }

    /// Syncs what is due, and tries again what failed.
    fn sync(&mut self, all: bool) {
        let now = Instant::now();
        self.mends.write_due(all);
        for id in self.writers.keys().copied().collect::<Vec<_>>() {
            let Some(writer) = self.writers.get_mut(&id) else { continue };
            if writer.try_at.is_some_and(|at| at <= now || all) {
                self.settle(id, Err(failed_before()));
            }
            let Some(writer) = self.writers.get_mut(&id) else { continue };
            if writer.sync_at.is_some_and(|at| at <= now || all)
                && let Err(error) = writer.sync()
            {
                self.settle(id, Err(error));
            }
        }
    }
}

impl Writer {
    fn append(&mut self, records: &[Record]) -> io::Result<()> {
        if self.has_gap {
            return Err(too_large());
        }
        self.unwritten.extend_from_slice(records);
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(journal) = self.journal.as_mut().filter(|_| !self.is_spoiled) else {
            return Err(failed_before());
        };
        if let Err(error) = journal.append(&self.unwritten) {
            self.is_spoiled = true;
            return Err(error);
        }
        self.written += self.unwritten.len();
        self.unwritten.clear();
        self.sync_at.get_or_insert_with(|| Instant::now() + SYNC_AFTER);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_at = None;
        if self.is_spoiled {
            return Err(failed_before());
        }
        let synced = self.journal.as_mut().map_or(Ok(()), Journal::sync);
        self.is_spoiled = synced.is_err();
        synced
    }

    fn beginning(&mut self) -> Vec<Record> {
        let text = self.base.as_ref().map(|base| Arc::new(base.to_bytes()));
        if let (None, Some(text), Some(_)) = (&self.begin.digest, &text, &self.begin.path) {
            self.begin.digest = Some(Digest::of(text).to_string());
        }
        [Record::Begin(self.begin.clone())].into_iter().chain(text.map(Record::Text)).collect()
    }

    fn take(&mut self, surroundings: &Surroundings, notes: Vec<Note>, is_on_disk: bool) -> io::Result<()> {
        let mut records = Vec::new();
        // What the document is was saved or loaded so, or undo and redo led back to it, and nothing was edited since.
        let mut is_beginning = is_on_disk;
        // Something is not known to the journal, and only the whole text can tell it.
        let mut is_whole = false;
        for note in notes {
            match note {
                Note::Record(record) => {
                    let known = match &record {
                        Record::Edit(made) => {
                            self.undoable += u64::from(!made.joins);
                            self.redoable = 0;
                            true
                        }
                        Record::Mark(mark) => {
                            self.marked
                                .insert(*mark, Marked { document: self.document.clone(), is_told: !is_whole, is_begun: false });
                            true
                        }
                        Record::Saved(mark, _) => {
                            let saved = self.marked.remove(mark);
                            let is_current = |saved: &Marked| saved.document.root().is_same(self.document.root());
                            is_beginning |= saved.as_ref().is_some_and(is_current);
                            self.marked.retain(|known, _| known > mark);
                            // Of a large text the edits are worth more than a gap.
                            saved.is_some_and(|saved| saved.is_told) || self.document.byte_len() > SNAPSHOT_LIMIT
                        }
                        Record::Undo => step(&mut self.undoable, &mut self.redoable),
                        Record::Redo => step(&mut self.redoable, &mut self.undoable),
                        _ => true,
                    };
                    is_whole |= !known;
                    if !is_whole {
                        records.push(record);
                    }
                }
                Note::Snapshot => is_whole = true,
                Note::Load(digest, size, document) => {
                    (self.undoable, self.redoable) = (self.undoable + 1, 0);
                    is_beginning |= document.root().is_same(self.document.root());
                    if !is_whole {
                        records.push(Record::Load(digest, size));
                    }
                    if !is_whole && size <= BASE_LIMIT {
                        records.push(Record::Text(Arc::new(document.to_bytes())));
                    }
                }
            }
        }
        if (is_whole || self.has_gap) && is_beginning {
            let beginning = self.beginning();
            self.create(surroundings, &beginning)?;
            self.marked.values_mut().for_each(|saving| saving.is_told = false);
            (self.undoable, self.redoable) = (0, 0);
            return Ok(());
        }
        if is_whole {
            return self.tell_whole(surroundings, records);
        }
        if self.has_gap {
            return Err(too_large());
        }
        self.tell(surroundings, records)?;
        let length = self.journal.as_ref().map_or(0, Journal::length);
        let grown = length.saturating_sub(self.base_length);
        if self.document.byte_len() <= SNAPSHOT_LIMIT
            && grown > (4 * self.document.byte_len()).clamp(GROWTH.0, GROWTH.1)
            && let Err(error) = self.snapshot(surroundings)
        {
            // The long one is whole: it is begun anew when it has grown so much once more.
            log::warn!("a journal that has grown stays: {error}");
            self.base_length = length;
        }
        Ok(())
    }

    /// Writes records, in a new journal where there is none yet.
    fn tell(&mut self, surroundings: &Surroundings, records: Vec<Record>) -> io::Result<()> {
        if self.journal.is_none() {
            if self.unwritten.is_empty() {
                self.unwritten = self.beginning();
            }
            self.unwritten.extend(records);
            return self.create(surroundings, &self.unwritten.clone());
        }
        self.append(&records)
    }

    /// Tells a step that can only be told by the whole text, after some records. Until that is done there is a gap.
    fn tell_whole(&mut self, surroundings: &Surroundings, before: Vec<Record>) -> io::Result<()> {
        if !self.has_gap && !before.is_empty() {
            // What can't be written waits, and the outcome is that of the whole.
            let _ = self.tell(surroundings, before);
        }
        self.has_gap = true;
        self.snapshot(surroundings)
    }

    /// A new journal with the whole text in place of the edits.
    fn snapshot(&mut self, surroundings: &Surroundings) -> io::Result<()> {
        if self.document.byte_len() > SNAPSHOT_LIMIT {
            return Err(too_large());
        }
        let snapshot = Record::Snapshot(self.unsaved, Arc::new(self.document.to_bytes()));
        // What is being saved is marked in the new one, too, if it is this text: no other can be told any more.
        let root = self.document.root();
        self.marked.values_mut().for_each(|saving| saving.is_told = !saving.is_begun && saving.document.root().is_same(root));
        let marks: Vec<Record> =
            self.marked.iter().filter(|(_, saving)| saving.is_told).map(|(mark, _)| Record::Mark(*mark)).collect();
        let all: Vec<Record> = self.beginning().into_iter().chain([snapshot]).chain(marks).collect();
        self.create(surroundings, &all)?;
        (self.undoable, self.redoable) = (0, 0);
        Ok(())
    }

    fn create(&mut self, surroundings: &Surroundings, records: &[Record]) -> io::Result<()> {
        let mut journal = Journal::create(&surroundings.disk, &surroundings.state_folder, records)?;
        let olds = [self.journal.take(), self.replaces.take()];
        if olds.iter().any(Option::is_some)
            && let Err(error) = journal.sync()
        {
            let [old, replaces] = olds;
            (self.journal, self.replaces) = (old, replaces);
            if let Err(error) = journal.remove() {
                log::warn!("a journal that could not be synced stays: {error}");
            }
            return Err(error);
        }
        self.base_length = journal.length();
        self.written = records.len();
        self.unwritten.clear();
        (self.is_spoiled, self.has_gap) = (false, false);
        self.sync_at = Some(Instant::now() + SYNC_AFTER);
        self.journal = Some(journal);
        // The old ones go now that the new one is durable.
        for old in olds.into_iter().flatten() {
            if let Err(error) = old.remove() {
                log::warn!("an older journal stays: {error}");
            }
        }
        Ok(())
    }

    /// There is a gap, all before it is written, and nothing but a save, a load or a smaller text closes it.
    fn waits_for_a_beginning(&self) -> bool {
        let is_large = self.document.byte_len() > SNAPSHOT_LIMIT;
        is_large && self.has_gap && !self.is_spoiled && self.unwritten.is_empty()
    }

    /// After a failure: everything once more, in another file; up to the gap where there is one that can't be closed.
    fn begin_anew(&mut self, surroundings: &Surroundings) -> io::Result<()> {
        if self.document.byte_len() <= SNAPSHOT_LIMIT {
            return self.snapshot(surroundings);
        }
        if self.waits_for_a_beginning() {
            return Err(too_large());
        }
        // What was written before can still be read, as far as it went.
        let mut records = match &self.journal {
            Some(old) => storage::journal_records(&surroundings.disk, old.path())?,
            None => Vec::new(),
        };
        if records.len() < self.written {
            return Err(failed_before());
        }
        records.truncate(self.written);
        records.extend(self.unwritten.iter().cloned());
        let has_gap = self.has_gap;
        self.create(surroundings, &records)?;
        self.has_gap = has_gap;
        if has_gap { Err(too_large()) } else { Ok(()) }
    }
}

fn failed_before() -> io::Error {
    io::Error::other("a journal that failed is not written any more")
}

fn too_large() -> io::Error {
    io::Error::other("this document is too large to be kept as a whole; save it")
}

/// A step from one side to the other; `false` where there is none.
fn step(from: &mut u64, to: &mut u64) -> bool {
    if *from == 0 {
        return false;
    }
    (*from, *to) = (*from - 1, *to + 1);
    true
}

#[cfg(test)]
mod tests {
    use super::super::SystemChooser;
    use super::*;
    use crate::storage::{Call, Disk, Mend};
    use std::sync::atomic::{AtomicBool, Ordering};

    const ID: DocumentId = DocumentId(1);

    /// The thread's work on a disk that refuses some calls while it is full.
    fn on_a_disk(refused: &'static [Call]) -> (tempfile::TempDir, Arc<AtomicBool>, Thread, mpsc::Receiver<Event>) {
        let folder = tempfile::tempdir().unwrap();
        let is_full = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_full);
        let disk = Disk::with_hook(move |call, _| {
            let refused = refused.contains(&call) && asked.load(Ordering::SeqCst);
            if refused { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        });
        let surroundings = Surroundings {
            disk,
            state_folder: folder.path().to_owned(),
            settings_path: folder.path().join("settings.json"),
            chooser: Arc::new(SystemChooser),
        };
        let (events, heard) = mpsc::channel();
        let outbox = Outbox { events, wake: Arc::new(|| {}) };
        let thread = Thread::new(Arc::new(surroundings), outbox);
        (folder, is_full, thread, heard)
    }

    /// Notes of a document; they begin a journal if `base` is what it stands on.
    fn order(base: Option<&Document>, notes: Vec<Note>, document: &Document) -> Order {
        let begin = Begin { path: None, name: "new".to_owned(), digest: None, size: 0, at_ms: 1, program: "test".to_owned() };
        let (is_new, base, document) = (base.is_some(), base.cloned(), document.clone());
        Order::Write(JournalOrder { id: ID, is_new, begin, base, notes, document, unsaved: 1, is_on_disk: false, handed: 1 })
    }

    /// The same for a document with a file, which stands on `base`.
    fn order_on(file: &std::path::Path, base: &Document, is_new: bool, notes: Vec<Note>, document: &Document) -> Order {
        let Order::Write(order) = order(Some(base), notes, document) else { unreachable!() };
        let digest = Some(Digest::of(&base.to_bytes()).to_string());
        let begin = Begin { path: Some(file.to_owned()), digest, size: base.byte_len(), ..order.begin };
        Order::Write(JournalOrder { is_new, begin, ..order })
    }

    /// What is in each journal.
    fn journals(folder: &std::path::Path) -> Vec<Vec<Record>> {
        let files = std::fs::read_dir(folder.join("journal")).into_iter().flatten().map(|entry| entry.unwrap().path());
        files.filter(|path| path.is_file()).map(|path| storage::journal_records(&Disk::real(), &path).unwrap()).collect()
    }

    /// Whether the window knows of a failure.
    fn is_trouble(thread: &Thread, heard: &mpsc::Receiver<Event>) -> bool {
        let is_trouble = thread.writers[&ID].trouble.is_some();
        if let Some(last) = heard.try_iter().last() {
            assert_eq!(matches!(last, Event::JournalTrouble(..)), is_trouble);
        }
        is_trouble
    }

    #[test]
    fn what_is_mended_is_kept_until_the_document_is() {
        let (folder, is_full, mut thread, heard) = on_a_disk(&[Call::Create, Call::Write]);
        let mends = |bytes: &[&str]| {
            let begin = Begin {
                path: Some("/a.json".into()),
                name: "a".to_owned(),
                digest: None,
                size: 0,
                at_ms: 1,
                program: String::new(),
            };
            let mends = bytes.iter().map(|bytes| Mend { place: 0..0, bytes: bytes.as_bytes().to_vec() }).collect();
            Order::Mend(MendOrder { id: ID, begin, text: None, mends })
        };
        let told = |folder: &tempfile::TempDir| -> Vec<Vec<String>> {
            let of = |records: Vec<Record>| records.iter().skip(1).map(|record| format!("{record:?}")).collect();
            journals(folder.path()).into_iter().map(of).collect()
        };
        let as_told = |all: &[&str]| -> Vec<String> {
            all.iter()
                .map(|bytes| format!("{:?}", Record::Mend(Mend { place: 0..0, bytes: bytes.as_bytes().to_vec() })))
                .collect()
        };
        thread.take(mends(&["a"]));
        thread.sync(false);
        assert!(told(&folder).is_empty() && thread.mends.next_at().is_some(), "a moment later");
        thread.sync(true);
        assert_eq!(told(&folder), [as_told(&["a"])]);
        thread.take(mends(&["a", "b"]));
        // One that recovers it lets the older journal go only once this one is there.
        let older = folder.path().join("journal/older.journal");
        std::fs::write(&older, "").unwrap();
        is_full.store(true, Ordering::SeqCst);
        thread.take(Order::Forget(ID, older.clone()));
        assert!(older.exists() && matches!(heard.try_iter().last(), Some(Event::JournalTrouble(..))));
        is_full.store(false, Ordering::SeqCst);
        thread.take(Order::Forget(ID, older.clone()));
        assert!(!older.exists() && matches!(heard.try_iter().last(), Some(Event::Journaled { .. })));
        assert_eq!(told(&folder), [as_told(&["a", "b"])]);
        // Taken back: nothing is left to recover.
        thread.take(mends(&[]));
        thread.sync(true);
        assert!(told(&folder).is_empty());
        // It is JSON by now: its journal takes the place of this one, unless that can't be written.
        thread.take(mends(&["c"]));
        is_full.store(true, Ordering::SeqCst);
        thread.sync(true);
        is_full.store(false, Ordering::SeqCst);
        let document = Document::parse("[1]").unwrap();
        thread.mends.make_durable(ID);
        is_full.store(true, Ordering::SeqCst);
        thread.take(order(Some(&document), vec![Note::Snapshot], &document));
        assert_eq!(told(&folder), [as_told(&["c"])]);
        is_full.store(false, Ordering::SeqCst);
        thread.take(order(None, vec![Note::Snapshot], &document));
        let left = journals(folder.path());
        assert!(left.len() == 1 && matches!(left[0].last(), Some(Record::Snapshot(..))));
        // Closed without saving: it is kept aside.
        thread.take(Order::End(ID, EndOfJournal::Discarded));
        thread.take(mends(&["d"]));
        thread.sync(true);
        thread.take(Order::End(ID, EndOfJournal::Discarded));
        assert!(told(&folder).is_empty());
        assert_eq!(std::fs::read_dir(folder.path().join("journal/discarded")).unwrap().count(), 3);
    }

    /// A step that can only be told as a whole, and the document is too large for that: the journal that can be read stays as it is,
    /// and nobody is told that all is well, until a save is a new beginning.
    #[test]
    fn a_step_that_can_not_be_told_is_not_passed_over() {
        let (folder, _, mut thread, heard) = on_a_disk(&[]);
        let long = format!("[\"{}\"", "a".repeat(SNAPSHOT_LIMIT as usize));
        let (base, document) = (Document::parse(format!("{long}]")).unwrap(), Document::parse(format!("{long},1]")).unwrap());
        let edits = || vec![Note::Record(Record::Mark(1))];
        thread.take(order(Some(&base), edits(), &base));
        assert!(!is_trouble(&thread, &heard));
        // A merge: its journal would begin anew.
        thread.take(order(Some(&base), vec![Note::Snapshot], &document));
        assert!(is_trouble(&thread, &heard));
        assert!(matches!(journals(folder.path())[..], [ref one] if matches!(one[..], [Record::Begin(_), Record::Mark(1)])));
        thread.sync(true);
        thread.take(order(None, vec![Note::Record(Record::Undo)], &document));
        assert!(is_trouble(&thread, &heard), "nothing can be told behind a gap");
        thread.take(order(None, vec![Note::Record(Record::Mark(7))], &document));
        thread.take(order(None, vec![Note::Record(Record::Saved(7, Digest::of(b"")))], &document));
        assert!(!is_trouble(&thread, &heard));
        assert!(matches!(journals(folder.path())[..], [ref one] if matches!(one[..], [Record::Begin(_)])));
        // One that was begun stays readable up to there.
        thread.take(order(None, vec![Note::Record(Record::Mark(8)), Note::Record(Record::Undo)], &document));
        assert!(is_trouble(&thread, &heard));
        assert!(matches!(journals(folder.path())[..], [ref one] if matches!(one[..], [Record::Begin(_), Record::Mark(8)])));
        thread.take(Order::End(ID, EndOfJournal::Saved));
        assert!(journals(folder.path()).is_empty());
    }

    /// A gap is closed by a load, and by the whole text once the document is small enough.
    #[test]
    fn a_gap_lasts_no_longer_than_its_reason() {
        let (folder, _, mut thread, heard) = on_a_disk(&[]);
        let large = Document::parse(format!("[\"{}\"]", "a".repeat(SNAPSHOT_LIMIT as usize))).unwrap();
        let small = Document::parse("[1]").unwrap();
        let theirs = Digest::of(&large.to_bytes());
        let load = || Note::Load(theirs, large.byte_len(), large.clone());
        thread.take(order(Some(&large), vec![Note::Snapshot], &large));
        assert!(is_trouble(&thread, &heard));
        thread.take(order_on(folder.path(), &large, false, vec![load()], &large));
        assert!(!is_trouble(&thread, &heard));
        let all = journals(folder.path());
        let Some(Record::Begin(begin)) = all[0].first() else { panic!("{all:?}") };
        assert_eq!((all[0].len(), begin.digest.clone()), (1, Some(theirs.to_string())));
        // Who takes back the loading has what is nowhere else; who makes it again what is on the disk.
        let other = Document::parse(format!("[\"{}\"]", "b".repeat(SNAPSHOT_LIMIT as usize))).unwrap();
        thread.take(order_on(folder.path(), &other, false, vec![Note::Record(Record::Undo)], &other));
        assert!(is_trouble(&thread, &heard));
        let Order::Write(redo) = order_on(folder.path(), &large, false, vec![Note::Record(Record::Redo)], &large) else {
            panic!()
        };
        thread.take(Order::Write(JournalOrder { is_on_disk: true, ..redo }));
        assert!(!is_trouble(&thread, &heard));
        let all = journals(folder.path());
        assert!(matches!(&all[0][..], [Record::Begin(begin)] if begin.digest == Some(theirs.to_string())), "{all:?}");
        thread.take(order(None, vec![Note::Snapshot], &large));
        assert!(is_trouble(&thread, &heard));
        thread.take(order(None, vec![Note::Record(Record::Mark(3))], &small));
        assert!(!is_trouble(&thread, &heard));
        let all = journals(folder.path());
        assert!(matches!(&all[0][..], [.., Record::Snapshot(_, text), Record::Mark(3)] if text.as_slice() == b"[1]"), "{all:?}");
    }

    /// A restored version and its save come in one order, the save's mark behind the whole text.
    #[test]
    fn a_save_of_what_is_told_as_a_whole_is_known() {
        let (folder, _, mut thread, heard) = on_a_disk(&[]);
        let saved = |thread: &mut Thread, base: &Document, document: &Document| {
            let (done, _noted) = mpsc::channel();
            thread.take(order(Some(base), vec![Note::Snapshot, Note::Record(Record::Mark(5))], document));
            thread.take(Order::SaveBegin(ID, 5, Digest::of(b"new"), done));
            thread.take(order(None, vec![Note::Record(Record::Saved(5, Digest::of(b"new")))], document));
        };
        let (old, new) = (Document::parse("[1]").unwrap(), Document::parse("[2]").unwrap());
        saved(&mut thread, &old, &new);
        let all = journals(folder.path());
        let [.., Record::Snapshot(..), Record::Mark(5), Record::SaveBegin(5, _), Record::Saved(5, _)] = all[0][..] else {
            panic!("{all:?}")
        };
        // Of one that is too large to be told the save is a new beginning.
        let large = Document::parse(format!("[\"{}\"]", "a".repeat(SNAPSHOT_LIMIT as usize))).unwrap();
        saved(&mut thread, &old, &large);
        assert!(!is_trouble(&thread, &heard));
        assert!(matches!(journals(folder.path())[0][..], [Record::Begin(_), ..]));
    }

    /// A text that was being saved while the journal was begun anew with a later one is what the next journal stands on.
    #[test]
    fn a_save_that_the_journal_lost_is_a_new_beginning() {
        let (folder, is_full, mut thread, heard) = on_a_disk(&[Call::Write]);
        let file = folder.path().join("a.json");
        let document = |text: &str| Document::parse(text).unwrap();
        let note = |record| vec![Note::Record(record)];
        thread.take(order_on(&file, &document("[1]"), true, note(Record::Mark(2)), &document("[2]")));
        is_full.store(true, Ordering::SeqCst);
        thread.take(order_on(&file, &document("[1]"), false, note(Record::Redo), &document("[3]")));
        is_full.store(false, Ordering::SeqCst);
        thread.take(Order::Sync);
        thread.take(order_on(&file, &document("[2]"), false, note(Record::Saved(2, Digest::of(b"[2]"))), &document("[3]")));
        assert!(!is_trouble(&thread, &heard));
        let all = journals(folder.path());
        let [Record::Begin(begin), Record::Text(base), Record::Snapshot(1, text)] = &all[0][..] else { panic!("{all:?}") };
        assert_eq!(begin.digest, Some(Digest::of(b"[2]").to_string()));
        assert_eq!((base.as_slice(), text.as_slice()), (&b"[2]"[..], &b"[3]"[..]));
    }

    /// A save was announced to a journal that another took the place of before it was over.
    #[test]
    fn a_save_that_the_next_journal_was_not_told_of_is_a_new_beginning() {
        let (folder, _, mut thread, heard) = on_a_disk(&[]);
        let file = folder.path().join("a.json");
        let (old, new) = (Document::parse("[1]").unwrap(), Document::parse("[2]").unwrap());
        let digest = Digest::of(b"[2]");
        thread.take(order_on(&file, &old, true, vec![Note::Snapshot, Note::Record(Record::Mark(5))], &new));
        let (done, _noted) = mpsc::channel();
        thread.take(Order::SaveBegin(ID, 5, digest, done));
        // Neither is known to the journal: each time the text is told as a whole.
        thread.take(order_on(&file, &old, false, vec![Note::Record(Record::Undo)], &old));
        thread.take(order_on(&file, &old, false, vec![Note::Record(Record::Redo)], &new));
        thread.take(order_on(&file, &new, false, vec![Note::Record(Record::Saved(5, digest))], &new));
        assert!(!is_trouble(&thread, &heard));
        let all = journals(folder.path());
        let [Record::Begin(begin), Record::Text(base)] = &all[0][..] else { panic!("{all:?}") };
        assert_eq!((begin.digest.clone(), base.as_slice()), (Some(digest.to_string()), &b"[2]"[..]));
    }

    /// One that is begun anew after a load stands on what was loaded.
    #[test]
    fn a_journal_that_is_begun_anew_stands_on_what_the_document_stands_on() {
        let (folder, is_full, mut thread, heard) = on_a_disk(&[Call::Write]);
        let file = folder.path().join("a.json");
        let (old, theirs, mine) = ("[1]", "[2]", "[3]");
        let document = |text: &str| Document::parse(text).unwrap();
        let load = Note::Load(Digest::of(theirs.as_bytes()), 3, document(theirs));
        thread.take(order_on(&file, &document(old), true, vec![Note::Record(Record::Mark(1))], &document(old)));
        thread.take(order_on(&file, &document(theirs), false, vec![load], &document(theirs)));
        is_full.store(true, Ordering::SeqCst);
        thread.take(order_on(&file, &document(theirs), false, vec![Note::Record(Record::Mark(2))], &document(mine)));
        assert!(is_trouble(&thread, &heard));
        is_full.store(false, Ordering::SeqCst);
        thread.take(Order::Sync);
        assert!(!is_trouble(&thread, &heard));
        let all = journals(folder.path());
        let [Record::Begin(begin), Record::Text(base), Record::Snapshot(..), ..] = &all[0][..] else { panic!("{all:?}") };
        let digest = Digest::of(theirs.as_bytes()).to_string();
        assert_eq!((begin.digest.clone(), base.as_slice()), (Some(digest), theirs.as_bytes()));
    }

    /// A new journal that can't be synced is not left beside the one before.
    #[test]
    fn a_journal_that_can_not_be_synced_is_removed() {
        let (folder, fails, mut thread, heard) = on_a_disk(&[Call::SyncFile]);
        let document = Document::parse("[1]").unwrap();
        thread.take(order(Some(&document), vec![Note::Record(Record::Mark(1))], &document));
        fails.store(true, Ordering::SeqCst);
        thread.sync(true);
        thread.sync(true);
        assert!(is_trouble(&thread, &heard));
        assert_eq!(journals(folder.path()).len(), 1);
        fails.store(false, Ordering::SeqCst);
        thread.sync(true);
        assert!(!is_trouble(&thread, &heard));
        thread.take(Order::End(ID, EndOfJournal::Saved));
        assert_eq!(journals(folder.path()).len(), 0);
    }

    /// What waits for room when a gap comes is written once there is room, up to the gap.
    #[test]
    fn what_came_before_a_gap_is_not_dropped() {
        let (folder, is_full, mut thread, heard) = on_a_disk(&[Call::Create, Call::Write]);
        let large = Document::parse(format!("[\"{}\"]", "a".repeat(SNAPSHOT_LIMIT as usize))).unwrap();
        let mark = |number| Note::Record(Record::Mark(number));
        thread.take(order(Some(&large), vec![mark(1)], &large));
        is_full.store(true, Ordering::SeqCst);
        thread.take(order(None, vec![mark(2)], &large));
        thread.take(order(None, vec![Note::Snapshot], &large));
        is_full.store(false, Ordering::SeqCst);
        thread.take(Order::Sync);
        assert!(is_trouble(&thread, &heard));
        assert!(matches!(
            journals(folder.path())[..],
            [ref one] if matches!(one[..], [Record::Begin(_), Record::Mark(1), Record::Mark(2)])
        ));
        // In the same order of notes, too.
        thread.take(order(Some(&large), vec![mark(3)], &large));
        thread.take(order(None, vec![mark(4), Note::Snapshot], &large));
        assert!(matches!(journals(folder.path())[0][..], [Record::Begin(_), Record::Mark(3), Record::Mark(4)]));
    }

    /// A journal that has grown, and can't be begun anew, is written further.
    #[test]
    fn a_long_journal_goes_on_where_no_new_one_can_be_made() {
        let (folder, is_full, mut thread, heard) = on_a_disk(&[Call::Create]);
        let small = Document::parse("[1]").unwrap();
        let long = Document::parse(format!("[\"{}\"]", "a".repeat(2 << 20))).unwrap();
        thread.take(order(Some(&small), vec![Note::Record(Record::Mark(1))], &small));
        is_full.store(true, Ordering::SeqCst);
        thread.take(order(None, vec![Note::Load(Digest::of(b""), long.byte_len(), long)], &small));
        thread.take(order(None, vec![Note::Record(Record::Mark(2))], &small));
        assert!(!is_trouble(&thread, &heard));
        assert!(matches!(journals(folder.path())[..], [ref one] if matches!(one.last(), Some(Record::Mark(2)))));
    }

    /// What failed once is not trusted again, also where there is room again before a new journal was begun.
    #[test]
    fn a_journal_that_failed_is_not_written_any_more() {
        let (folder, is_full, mut thread, heard) = on_a_disk(&[Call::Create, Call::Write]);
        let document = |text: &str| Document::parse(text).unwrap();
        thread.take(order(Some(&document("[1]")), vec![Note::Record(Record::Mark(1))], &document("[1]")));
        assert!(!is_trouble(&thread, &heard));
        is_full.store(true, Ordering::SeqCst);
        thread.take(order(None, vec![Note::Record(Record::Mark(2))], &document("[2]")));
        assert!(is_trouble(&thread, &heard));
        is_full.store(false, Ordering::SeqCst);
        thread.take(order(None, vec![Note::Record(Record::Mark(3))], &document("[3]")));
        assert!(!is_trouble(&thread, &heard));
        let all = journals(folder.path());
        let [.., Record::Snapshot(_, text), Record::Mark(3)] = &all[0][..] else { panic!("a new one with all of it: {all:?}") };
        assert_eq!((all.len(), text.as_slice()), (1, &b"[3]"[..]));
    }

    /// A journal that is begun anew on a disk that takes no new file leaves the one before in place, until the document is closed.
    #[test]
    fn no_journal_of_a_closed_document_stays() {
        let (folder, is_full, mut thread, _heard) = on_a_disk(&[Call::Create]);
        let document = Document::parse("[1]").unwrap();
        let begin = || order(Some(&document), vec![Note::Record(Record::Undo)], &document);
        let journals = || std::fs::read_dir(folder.path().join("journal")).unwrap().count();
        thread.take(begin());
        assert_eq!(journals(), 1);
        is_full.store(true, Ordering::SeqCst);
        thread.take(begin());
        thread.take(begin());
        assert_eq!(journals(), 1, "the one that can be read stays");
        thread.take(Order::End(ID, EndOfJournal::Saved));
        assert_eq!(journals(), 0);
    }
}
