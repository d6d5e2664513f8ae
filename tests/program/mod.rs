//! The program without window, disk or thread: inputs in, effects out.
#![allow(dead_code)] // each test file uses a part

use jiff::tz::TimeZone;
use std::ops::ControlFlow;
use std::path::PathBuf;
use treekeep::document::{Comparison, Document, Fragment, Merge, Path, compare};
use treekeep::state::on_disk::Unread;
use treekeep::state::session::Part;
use treekeep::state::{
    Command, CompareFor, DocumentId, Effect, Event, Input, Now, Opened, PickPurpose, Report, SaveEnd, SaveOrder, Session, State,
    Status, Timing, update,
};
use treekeep::storage::{Digest, Stamp, Version};

pub const TEXT: &str = r#"{"title": "Genesis", "list": [1, 2, 3], "number": 12.50}"#;

pub struct Program {
    pub state: State,
    pub effects: Vec<Effect>,
    pub ms: u64,
}

pub fn stamp(time: i128) -> Stamp {
    Stamp { size: 0, modified_ns: time, changed_ns: time, device: 1, inode: 1, seen_ns: time + 10_000_000_000 }
}

pub fn version(text: &str) -> Version {
    // 14:02 on some day.
    Version { stamp: stamp(50_520_000_000_000), digest: Digest::of(text.as_bytes()) }
}

impl Program {
    pub fn new() -> Self {
        Self { state: State::default(), effects: Vec::new(), ms: 0 }
    }

    /// A program with a file open, digest known.
    pub fn open(text: &str) -> Self {
        let mut program = Self::new();
        program.take(Input::OpenFiles(vec![PathBuf::from("/data/genesis.json")]));
        let id = program.id();
        let fragment = Fragment::new(text).unwrap();
        let opened = Opened { fragment, stamp: version(text).stamp, read_only: false };
        program.event(Event::Opened(id, "/data/genesis.json".into(), opened));
        program.event(Event::Digest(id, version(text).stamp, version(text).digest));
        program
    }

    pub fn id(&self) -> DocumentId {
        self.state.tab().unwrap().id
    }

    pub fn take(&mut self, input: Input) {
        self.ms += 5000;
        let now = Now { ms: self.ms, unix_ns: 50_527_000_000_000, zone: TimeZone::UTC };
        self.effects.extend(update(&mut self.state, input, &now));
    }

    pub fn event(&mut self, event: Event) {
        self.take(Input::Event(event));
    }

    pub fn command(&mut self, command: Command) {
        self.take(Input::Command(command));
    }

    pub fn session(&self) -> &Session {
        self.state.session().unwrap()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.session().document().to_bytes()).unwrap()
    }

    pub fn status(&self) -> Status {
        self.session().status()
    }

    /// Edits the value at `path`, as Enter, typing, Enter do.
    pub fn edit(&mut self, path: &[u64], text: &str) {
        self.take(Input::Edit(path.into(), Part::Value));
        self.take(Input::Type(text.to_owned()));
        self.take(Input::Commit);
    }

    /// What is on the disk is not JSON.
    pub fn other_breaks(&mut self, text: &str) {
        let problem = Document::parse(text).unwrap_err();
        self.event(Event::DiskUnread(self.id(), version(text), Unread::NotJson(problem.line, problem.column)));
    }

    /// A new document with `[1]`-like content: one member with a value.
    pub fn begin_new(&mut self) {
        self.command(Command::New);
        self.take(Input::Select(Path::root()));
        self.command(Command::InsertInside);
        self.take(Input::Commit);
        self.take(Input::Type("1".into()));
        self.take(Input::Commit);
    }

    /// Does what the jobs would do with all comparisons that are asked for, in order.
    pub fn compare(&mut self) {
        while self.compare_once() {}
    }

    /// Makes the first one; says whether there was one.
    pub fn compare_once(&mut self) -> bool {
        let Some(place) = self.effects.iter().position(|effect| matches!(effect, Effect::Compare(..))) else { return false };
        let Effect::Compare(id, before, after, mut purpose) = self.effects.remove(place) else { unreachable!() };
        let comparison: Comparison = compare(&before, &after, &mut |_| ControlFlow::Continue(())).unwrap();
        if let CompareFor::Count { mine, version, is_same, .. } = &mut purpose {
            *is_same = Digest::of(&mine.to_bytes()) == version.digest;
        }
        self.event(Event::Compared(id, purpose, Box::new(comparison)));
        true
    }

    /// Makes the merge that was ordered.
    pub fn merge(&mut self) {
        let place = self.effects.iter().position(|effect| matches!(effect, Effect::Merge(..))).expect("a merge was ordered");
        let Effect::Merge(id, order) = self.effects.remove(place) else { unreachable!() };
        let merge = Merge::new(&order.base, &order.mine, &order.theirs, &mut |_| ControlFlow::Continue(())).unwrap();
        self.event(Event::Merged(id, order, Box::new(merge)));
    }

    /// A new document is saved for the first time: the order, after a path was picked.
    pub fn first_save(&mut self) -> SaveOrder {
        self.command(Command::Save);
        self.event(Event::Picked(PickPurpose::SaveCopy, Some("/data/new.json".into())));
        self.save()
    }

    pub fn saves(&mut self) -> Vec<SaveOrder> {
        let (saves, others) = self.effects.drain(..).partition(|effect| matches!(effect, Effect::Save(_)));
        self.effects = others;
        let saves: Vec<Effect> = saves;
        saves.into_iter().filter_map(|effect| if let Effect::Save(order) = effect { Some(order) } else { None }).collect()
    }

    pub fn save(&mut self) -> SaveOrder {
        let mut saves = self.saves();
        assert_eq!(saves.len(), 1, "one save was ordered");
        saves.remove(0)
    }

    pub fn saved(&mut self, order: &SaveOrder) {
        self.saved_so(order, true);
    }

    /// A save ended well; the disk confirmed it or not.
    pub fn saved_so(&mut self, order: &SaveOrder, is_confirmed: bool) {
        let text = String::from_utf8(order.document.to_bytes()).unwrap();
        let end = SaveEnd::Saved {
            version: version(&text),
            purpose: order.purpose.clone(),
            revision: order.revision,
            remark: None,
            is_confirmed,
            timing: Timing::default(),
        };
        self.event(Event::SaveEnded(order.id, end));
    }

    pub fn failed(&mut self, order: &SaveOrder, is_conflict: bool) {
        let report =
            Report { what: "The disk is full.".into(), safe: "The file is unchanged.".into(), todo: "Make room.".into() };
        let end = SaveEnd::Failed {
            report,
            purpose: order.purpose.clone(),
            is_conflict,
            is_cancelled: false,
            needs_backup: false,
            timing: Timing::default(),
        };
        self.event(Event::SaveEnded(order.id, end));
    }

    /// There was no room for a backup.
    pub fn failed_for_backup(&mut self, order: &SaveOrder) {
        let report = Report { what: "No backup.".into(), safe: "The file is unchanged.".into(), todo: "Make room.".into() };
        let end = SaveEnd::Failed {
            report,
            purpose: order.purpose.clone(),
            is_conflict: false,
            is_cancelled: false,
            needs_backup: true,
            timing: Timing::default(),
        };
        self.event(Event::SaveEnded(order.id, end));
    }

    /// Another program writes the file.
    pub fn other_writes(&mut self, text: &str) {
        let id = self.id();
        self.event(Event::DiskChanged(id, version(text), Document::parse(text).unwrap()));
    }
}
