//! `treekeep edit`: many edits in one process, each answered when it stands in the journal.

use super::change::{save_failure, tell};
use super::{Failure, INVALID, IO, SaveOptions, read_versioned};
use crate::document::{
    ArrayPlace, Document, Edit, History, Key, Path as Place, RevisionId, Step, Value, edit_to_add, pointer, scalar,
};
use crate::jobs::Threads;
use crate::storage::{
    self, Announced, BASE_LIMIT, BackupPolicy, Begin, Cause, Digest, Disk, Env, Expected, Journal, Made, Record, SystemClock,
    Version,
};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, BufRead};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

/// One line of input.
enum Line {
    Set { path: String, value: String },
    Insert { path: String, value: String },
    Remove { path: String },
    Rename { path: String, key: String },
    Move { from: String, path: String },
    Undo,
    Redo,
    Save,
}

impl Line {
    /// Reads a line; values keep the text that they have there.
    fn read(line: &str) -> Result<Self, String> {
        let document = Document::parse(line).map_err(|problem| problem.to_string())?;
        let mut members = HashMap::new();
        for child in document.root().children() {
            let key = child.key.as_ref().map(|key| scalar::decode(key.bytes()).into_owned()).ok_or("a line is an object")?;
            members.insert(key, String::from_utf8_lossy(&child.node.to_bytes()).into_owned());
        }
        let mut take = |name: &str| members.remove(name).ok_or(format!("it has no `{name}`"));
        let text = |json: String| match json.starts_with('"') {
            true => Ok(scalar::decode(json.as_bytes()).into_owned()),
            false => Err(format!("{json} is not a string")),
        };
        let read = match text(take("op")?)?.as_str() {
            "set" => Self::Set { path: text(take("path")?)?, value: take("value")? },
            "insert" => Self::Insert { path: text(take("path")?)?, value: take("value")? },
            "remove" => Self::Remove { path: text(take("path")?)? },
            "rename" => Self::Rename { path: text(take("path")?)?, key: text(take("key")?)? },
            "move" => Self::Move { from: text(take("from")?)?, path: text(take("path")?)? },
            "undo" => Self::Undo,
            "redo" => Self::Redo,
            "save" => Self::Save,
            other => return Err(format!("there is no `{other}`")),
        };
        match members.keys().next() {
            Some(name) => Err(format!("`{name}` has no meaning here")),
            None => Ok(read),
        }
    }
}

/// A document that is edited line by line.
struct Editing<'a> {
    file: &'a Path,
    disk: Disk,
    state_folder: std::path::PathBuf,
    options: &'a SaveOptions,
    history: History<Version, ()>,
    base_text: Option<Vec<u8>>,
    journal: RefCell<Option<Journal>>,
    /// When the journal was synced last.
    synced: Cell<Instant>,
}

/// What was written is synced with the first edit after this time.
const SYNC_AFTER: Duration = Duration::from_millis(250);

pub fn edit(file: &Path, options: &SaveOptions) -> Result<(), Failure> {
    let disk = Disk::real();
    let state_folder = storage::state_folder();
    let env = Env { disk: &disk, clock: &SystemClock, state_folder: &state_folder, crew: &Threads };
    storage::finish_interrupted(&env, file, options.wait).map_err(|error| save_failure(file, &error))?;
    let (bytes, version) = read_versioned(file)?;
    options.check_version(file, &version.digest)?;
    let base_text = (bytes.len() as u64 <= BASE_LIMIT).then(|| bytes.clone());
    let document = Document::parse(bytes).map_err(|problem| Failure::problem(file, &problem))?;
    let history = History::new(document, version, ());
    let mut editing = Editing {
        file,
        disk,
        state_folder,
        options,
        history,
        base_text,
        journal: RefCell::new(None),
        synced: Cell::new(Instant::now()),
    };
    let mut refused = 0;
    for (number, line) in io::stdin().lock().lines().enumerate() {
        let line = line.map_err(|error| Failure::new(IO, format!("standard input: {error}")))?;
        if line.trim().is_empty() {
            continue;
        }
        match editing.take(&line) {
            Ok(()) => {
                answer(&format!("{{\"line\":{},\"ok\":true,\"unsaved\":{}}}", number + 1, editing.history.unsaved_steps()))?
            }
            Err(Trouble::Refused(why)) => {
                refused += 1;
                let why = scalar::encode(&why, scalar::Escaping::Needed);
                answer(&format!("{{\"line\":{},\"ok\":false,\"why\":{why}}}", number + 1))?;
            }
            Err(Trouble::Over(failure)) => return Err(failure),
        }
    }
    editing.finish(refused)
}

/// Written at once: whoever reads it knows that the line is safe.
fn answer(text: &str) -> Result<(), Failure> {
    super::print(format!("{text}\n").as_bytes())
}

enum Trouble {
    /// This line can't be done; the next can.
    Refused(String),
    /// Nothing more can be done.
    Over(Failure),
}

impl Editing<'_> {
    fn document(&self) -> &Document {
        &self.history.current().document
    }

    fn take(&mut self, line: &str) -> Result<(), Trouble> {
        let line = Line::read(line).map_err(Trouble::Refused)?;
        let (edit, place) = match line {
            Line::Undo => {
                self.history.undo().ok_or_else(|| Trouble::Refused("there is nothing to undo".to_owned()))?;
                return self.write(Record::Undo);
            }
            Line::Redo => {
                self.history.redo().ok_or_else(|| Trouble::Refused("there is nothing to redo".to_owned()))?;
                return self.write(Record::Redo);
            }
            Line::Save => return self.save(),
            Line::Set { path, value } => (self.put(&path, &value, ArrayPlace::Instead)?, path),
            Line::Insert { path, value } => (self.insert(&path, &value)?, path),
            Line::Remove { path } => (Edit::Remove { path: self.resolve(&path)? }, path),
            Line::Rename { path, key } => {
                let literal = scalar::encode(&key, self.document().style().escaping);
                let key = Key::literal(&literal).map_err(|problem| Trouble::Refused(problem.to_string()))?;
                (Edit::Rename { path: self.resolve(&path)?, key }, path)
            }
            Line::Move { from, path } => (self.move_to(&from, &path)?, from),
        };
        self.make(edit, place)
    }

    fn resolve(&self, place: &str) -> Result<Place, Trouble> {
        pointer::resolve(self.document().root(), place).map_err(|error| Trouble::Refused(error.to_string()))
    }

    fn put(&self, place: &str, json: &str, array: ArrayPlace) -> Result<Edit, Trouble> {
        let value = Value::new(json).map_err(|problem| Trouble::Refused(problem.to_string()))?;
        edit_to_add(self.document(), place, value, array).map_err(Trouble::Refused)
    }

    /// As `set`, but nothing is replaced.
    fn insert(&self, place: &str, json: &str) -> Result<Edit, Trouble> {
        match self.put(place, json, ArrayPlace::Before)? {
            Edit::Replace { .. } => Err(Trouble::Refused(format!("there is a value at `{place}` already"))),
            insert => Ok(insert),
        }
    }

    /// The place is as it is when the value was taken away.
    fn move_to(&self, from: &str, to: &str) -> Result<Edit, Trouble> {
        let refused = |text: String| Trouble::Refused(text);
        let source = self.resolve(from)?;
        if to.strip_prefix(from).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Err(refused("a value can't be moved into itself".to_owned()));
        }
        let without =
            Edit::Remove { path: source.clone() }.apply(self.document()).map_err(|refusal| refused(refusal.to_string()))?;
        let placeholder = Value::new("null").map_err(|problem| refused(problem.to_string()))?;
        match edit_to_add(&without.document, to, placeholder, ArrayPlace::Before).map_err(refused)? {
            Edit::Insert { parent, index, key, .. } => Ok(Edit::Move { from: source, to: parent.child(index), key }),
            _ => Err(refused(format!("there is a value at `{to}` already"))),
        }
    }

    fn make(&mut self, edit: Edit, place: String) -> Result<(), Trouble> {
        let old = storage::old_value(self.document(), &edit);
        let applied = edit.apply(self.document()).map_err(|refusal| Trouble::Refused(refusal.to_string()))?;
        let step = Step {
            document: applied.document,
            label: edit.describe().into(),
            shifts: applied.shifts,
            view_before: (),
            group: None,
        };
        self.history.push(step, 0);
        self.write(Record::Edit(Made { edit, joins: false, at_ms: now_ms(), pointer: place, old }))
    }

    /// An edit that can't be kept safe is told as that: nothing more is taken.
    fn write(&self, record: Record) -> Result<(), Trouble> {
        let over = |error: io::Error| {
            Trouble::Over(Failure::new(IO, format!("{}: the journal can't be written: {error}", self.file.display())))
        };
        let mut journal = self.journal.borrow_mut();
        match journal.as_mut() {
            Some(journal) => {
                journal.append(&[record]).map_err(over)?;
                // An edit survives a kill at once, and a power cut soon: many edits share the wait for the disk.
                if self.synced.get().elapsed() >= SYNC_AFTER {
                    journal.sync().map_err(over)?;
                    self.synced.set(Instant::now());
                }
                Ok(())
            }
            None => {
                let records = self.beginning().into_iter().chain([record]).collect::<Vec<_>>();
                *journal = Some(Journal::create(&self.disk, &self.state_folder, &records).map_err(over)?);
                Ok(())
            }
        }
    }

    fn beginning(&self) -> Vec<Record> {
        let version = self.history.base();
        let begin = Begin {
            path: Some(std::path::absolute(self.file).unwrap_or_else(|_| self.file.to_owned())),
            name: self.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            digest: Some(version.digest.to_string()),
            size: version.stamp.size,
            at_ms: now_ms(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let text = self.base_text.clone().map(|text| Record::Text(text.into()));
        [Record::Begin(begin)].into_iter().chain(text).collect()
    }

    fn save(&mut self) -> Result<(), Trouble> {
        if self.history.unsaved_steps() == 0 {
            return Ok(());
        }
        let env = Env { disk: &self.disk, clock: &SystemClock, state_folder: &self.state_folder, crew: &Threads };
        let backup = if self.options.without_backup { BackupPolicy::Skip } else { BackupPolicy::Keep(Cause::Save) };
        let options = storage::Options { backup, wait: self.options.wait, retention: super::retention() };
        let revision: RevisionId = self.history.current().id;
        let mark = revision.number();
        self.write(Record::Mark(mark))?;
        let announce = |digest: &Digest| {
            if let Some(journal) = self.journal.borrow_mut().as_mut()
                && let Err(error) = journal.append(&[Record::SaveBegin(mark, *digest)]).and_then(|()| journal.sync())
            {
                // The save may be what rescues the edits: it goes on.
                log::warn!("the journal can't be written: {error}");
            }
        };
        let content = Announced { document: self.document(), announce: &announce };
        let expected = Expected::Version(*self.history.base());
        let saved = storage::save(&env, self.file, &expected, &content, options, &mut |_| ControlFlow::Continue(()))
            .map_err(|error| Trouble::Over(save_failure(self.file, &error)))?;
        self.history.saved(revision, saved.version);
        // The save is made, whatever becomes of this note: the digest that was noted before tells it, too.
        let noted =
            self.journal.borrow_mut().as_mut().map(|journal| journal.append(&[Record::Saved(mark, saved.version.digest)]));
        if let Some(Err(error)) = noted {
            log::warn!("the journal can't be written: {error}");
        }
        tell(self.file, &saved).map_err(Trouble::Over)
    }

    /// What is not saved stays in the journal, and can be recovered.
    fn finish(self, refused: usize) -> Result<(), Failure> {
        let unsaved = self.history.unsaved_steps();
        if let Some(journal) = self.journal.into_inner() {
            let ended = if unsaved == 0 { journal.remove() } else { { journal }.sync() };
            ended.map_err(|error| Failure::new(IO, format!("{}: the journal: {error}", self.file.display())))?;
        }
        if unsaved > 0 {
            let file = self.file.display();
            let text =
                format!("{file}: {unsaved} edits are not saved; `treekeep recover {file}` makes them again and saves them");
            return Err(Failure::new(INVALID, text));
        }
        if refused > 0 {
            Err(Failure::new(INVALID, format!("{}: {refused} lines were refused", self.file.display())))
        } else {
            Ok(())
        }
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
