//! What the find bar decides, as lists of commands and events: no window, no thread.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use jiff::tz::TimeZone;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use treekeep::document::search::{Chunk, Query, Scope, Searcher};
use treekeep::document::{Fragment, offset_of_path, path_of_offset};
use treekeep::state::find::Find;
use treekeep::state::session::Part;
use treekeep::state::{Command, Effect, Event, FindInput, Found, Input, Now, Opened, Session, State, update};
use treekeep::storage::Stamp;

const TEXT: &str = r#"{"title": "apple", "list": [{"name": "pear"}, {"name": "apple pie, apple"}], "apples": 12}"#;

struct Program {
    state: State,
    effects: Vec<Effect>,
}

impl Program {
    fn open(text: &str) -> Self {
        let mut program = Self { state: State::default(), effects: Vec::new() };
        program.take(Input::OpenFiles(vec![PathBuf::from("/data/fruit.json")]));
        let id = program.state.tab().unwrap().id;
        let stamp = Stamp { size: 0, modified_ns: 1, changed_ns: 1, device: 1, inode: 1, seen_ns: 2 };
        let opened = Opened { fragment: Fragment::new(text).unwrap(), stamp, read_only: false };
        program.take(Input::Event(Event::Opened(id, "/data/fruit.json".into(), opened)));
        program
    }

    fn take(&mut self, input: Input) {
        let now = Now { ms: 0, unix_ns: 0, zone: TimeZone::UTC };
        self.effects.extend(update(&mut self.state, input, &now));
    }

    fn command(&mut self, command: Command) {
        self.take(Input::Command(command));
    }

    /// Does what the jobs would do with the searches that were ordered; only the last one is not stopped.
    fn run(&mut self) {
        let Some(place) = self.effects.iter().rposition(|effect| matches!(effect, Effect::Search(..))) else { return };
        let Effect::Search(id, number, query, document, _) = self.effects.remove(place) else { unreachable!() };
        self.effects.retain(|effect| !matches!(effect, Effect::Search(..)));
        let mut event = |found| self.take(Input::Event(Event::Search(id, number, found)));
        match Searcher::new(&query) {
            Err(invalid) => event(Found::Invalid(invalid.to_string())),
            Ok(searcher) => {
                let ControlFlow::Continue(hits) = searcher.search_all(&document, &mut |_| ControlFlow::Continue(())) else {
                    unreachable!()
                };
                event(Found::Begun(Arc::new(searcher)));
                // In two parts, as they come from a large document.
                let (one, two) = hits.split_at(hits.len() / 2);
                event(Found::Hits(Chunk::pack(&[one]), 10));
                event(Found::Hits(Chunk::pack(&[two]), document.byte_len()));
                event(Found::Ended);
            }
        }
    }

    fn find(&mut self, text: &str) {
        self.command(Command::Find);
        self.take(Input::Find(FindInput::Text(text.to_owned())));
        self.run();
    }

    fn session(&self) -> &Session {
        self.state.session().unwrap()
    }

    fn bar(&self) -> &Find {
        &self.session().find
    }

    /// Number of the current hit from 1, number of hits, and the selection.
    #[track_caller]
    fn check(&self, number: u64, count: u64, selection: &[u64]) {
        let current = self.bar().current.as_ref().and_then(|current| current.number).map_or(0, |number| number + 1);
        assert_eq!((current, self.bar().count(), &self.session().view.selection[..]), (number, count, selection));
    }
}

#[test]
fn typing_goes_to_the_first_hit_and_the_keys_go_on() {
    let mut program = Program::open(TEXT);
    program.command(Command::Find);
    assert!(program.bar().is_open);
    program.take(Input::Find(FindInput::Text("apple".into())));
    assert!(program.bar().is_running());
    program.run();
    program.check(1, 4, &[0]);
    assert!(!program.bar().is_running());
    program.command(Command::FindNext);
    program.check(2, 4, &[1, 1, 0]);
    program.command(Command::FindNext);
    program.check(3, 4, &[1, 1, 0]);
    program.command(Command::FindNext);
    program.check(4, 4, &[2]);
    program.command(Command::FindNext);
    program.check(1, 4, &[0]);
    program.command(Command::FindPrevious);
    program.check(4, 4, &[2]);
    program.take(Input::Find(FindInput::Go(2)));
    program.check(3, 4, &[1, 1, 0]);
}

#[test]
fn the_next_hit_is_the_one_behind_the_selection() {
    let mut program = Program::open(TEXT);
    program.find("apple");
    program.take(Input::Select([1, 0].into()));
    program.command(Command::FindNext);
    program.check(2, 4, &[1, 1, 0]);
    program.take(Input::Select([1, 0].into()));
    program.command(Command::FindPrevious);
    program.check(1, 4, &[0]);
}

#[test]
fn what_typing_opened_on_the_way_is_closed_again() {
    let mut program = Program::open(TEXT);
    program.find("pie");
    program.check(1, 1, &[1, 1, 0]);
    assert!(program.session().view.fold.at(&[1, 1]).is_open());
    // Asked for anew, the search begins where the last one led.
    program.find("12");
    program.check(1, 1, &[2]);
    program.find("nothing like that");
    program.check(0, 0, &[2]);
    let mut program = Program::open(TEXT);
    program.command(Command::Find);
    for text in ["p", "pi", "pie", "pies"] {
        program.take(Input::Find(FindInput::Text(text.into())));
        program.run();
    }
    program.check(0, 0, &[]);
    assert!(!program.session().view.fold.at(&[1]).is_open());
}

#[test]
fn options_search_anew() {
    let mut program = Program::open(TEXT);
    program.find("APPLE");
    program.check(1, 4, &[0]);
    program.take(Input::Find(FindInput::CaseSensitive(true)));
    program.run();
    program.check(0, 0, &[]);
    program.take(Input::Find(FindInput::CaseSensitive(false)));
    program.take(Input::Find(FindInput::WholeWord(true)));
    program.run();
    program.check(1, 3, &[0]);
    program.take(Input::Find(FindInput::WholeWord(false)));
    program.take(Input::Find(FindInput::Scope(Scope::Keys)));
    program.run();
    program.check(1, 1, &[2]);
    assert_eq!(program.bar().query, Query { text: "APPLE".into(), scope: Scope::Keys, ..Query::default() });
}

#[test]
fn an_expression_that_is_none_is_told() {
    let mut program = Program::open(TEXT);
    program.find("ap(");
    program.check(0, 0, &[]);
    program.take(Input::Find(FindInput::Pattern(true)));
    program.run();
    assert_eq!(program.bar().invalid.as_deref(), Some("This is not a regular expression: unclosed group, at character 3."));
    program.command(Command::FindNext);
    program.take(Input::Find(FindInput::Text("ap(p)".into())));
    assert!(program.bar().invalid.is_none());
    program.run();
    program.check(1, 4, &[0]);
}

#[test]
fn an_edit_is_searched_and_keeps_the_current_hit() {
    let mut program = Program::open(TEXT);
    program.find("apple");
    program.take(Input::Find(FindInput::Go(2)));
    program.check(3, 4, &[1, 1, 0]);
    // One hit goes, before the current one.
    program.take(Input::Edit([0].into(), Part::Value));
    program.take(Input::Type("cherry".into()));
    program.take(Input::Commit);
    // Until the search has ended the old hits are shown, mapped through the edit.
    assert_eq!(program.bar().count(), 4);
    program.take(Input::Find(FindInput::Go(3)));
    program.check(4, 4, &[2]);
    program.take(Input::Find(FindInput::Go(2)));
    program.run();
    program.check(2, 3, &[1, 1, 0]);
    program.command(Command::Undo);
    program.run();
    assert_eq!((program.bar().count(), program.bar().current.as_ref().unwrap().number), (4, Some(2)));
    // What the current hit stood in goes.
    program.take(Input::Select([1, 1].into()));
    program.command(Command::Delete);
    program.run();
    assert_eq!((program.bar().count(), &program.bar().current), (2, &None));
    program.command(Command::FindNext);
    program.check(2, 2, &[2]);
}

#[test]
fn the_last_hit_is_not_the_last_while_the_search_runs() {
    let mut program = Program::open(TEXT);
    program.command(Command::Find);
    program.take(Input::Find(FindInput::Text("apple".into())));
    let Some(Effect::Search(id, number, ..)) = program.effects.pop() else { panic!("a search was ordered") };
    program.take(Input::Event(Event::Search(id, number, Found::Hits(Chunk::pack(&[[11]]), 20))));
    program.check(1, 1, &[0]);
    program.command(Command::FindNext);
    program.check(1, 1, &[0]);
    // Of another search, which was stopped.
    program.take(Input::Event(Event::Search(id, number - 1, Found::Hits(Chunk::pack(&[[40]]), 20))));
    program.check(1, 1, &[0]);
    program.take(Input::Event(Event::Search(id, number, Found::Hits(Chunk::pack(&[[61]]), 90))));
    program.check(2, 2, &[1, 1, 0]);
    // Who asked for the next one and went elsewhere stays there.
    program.command(Command::FindNext);
    program.take(Input::Select([2].as_slice().into()));
    program.take(Input::Event(Event::Search(id, number, Found::Hits(Chunk::pack(&[[70]]), 90))));
    assert_eq!(*program.session().view.selection, [2]);
}

#[test]
fn the_first_hit_behind_the_selection_comes_before_those_in_front_of_it_are_counted() {
    let mut program = Program::open(TEXT);
    program.take(Input::Select([1, 1].as_slice().into()));
    program.command(Command::Find);
    program.take(Input::Find(FindInput::Text("apple".into())));
    let Some(Effect::Search(id, number, query, document, from)) = program.effects.pop() else { panic!("a search was ordered") };
    assert_eq!(Some(from), offset_of_path(&document, &[1, 1]));
    let searcher = Searcher::new(&query).unwrap();
    let ControlFlow::Continue(hits) = searcher.search_all(&document, &mut |_| ControlFlow::Continue(())) else { unreachable!() };
    assert_eq!(hits.len(), 4);
    let first = hits.iter().position(|hit| *hit >= from).unwrap();
    assert!(first > 0);
    let current = |program: &Program| program.bar().current.as_ref().map(|current| (current.number, current.path.to_vec()));
    let place = Some(path_of_offset(&document, hits[first]).path.to_vec());
    let event = |program: &mut Program, found| program.take(Input::Event(Event::Search(id, number, found)));
    event(&mut program, Found::Begun(Arc::new(searcher)));
    event(&mut program, Found::First(Some(hits[first])));
    assert_eq!(current(&program), place.clone().map(|path| (None, path)));
    // The next one is gone to as soon as it is known.
    program.command(Command::FindNext);
    event(&mut program, Found::Hits(Chunk::pack(&[&hits[..first]]), 10));
    assert_eq!(current(&program), place.clone().map(|path| (None, path)));
    event(&mut program, Found::Hits(Chunk::pack(&[&hits[first..=first]]), 20));
    assert_eq!(current(&program), place.clone().map(|path| (Some(first as u64), path)));
    event(&mut program, Found::Hits(Chunk::pack(&[&hits[first + 1..]]), 30));
    assert_eq!(current(&program).and_then(|(number, _)| number), Some(first as u64 + 1));
    event(&mut program, Found::Ended);
    assert_eq!((program.bar().count(), current(&program).and_then(|(number, _)| number)), (4, Some(first as u64 + 1)));
    // Where there is none it is the first of all.
    program.take(Input::Find(FindInput::Close));
    program.take(Input::Select([2].as_slice().into()));
    program.command(Command::Find);
    program.take(Input::Find(FindInput::Text("appl".into())));
    let Some(Effect::Search(id, number, ..)) = program.effects.pop() else { panic!("a search was ordered") };
    let event = |program: &mut Program, found| program.take(Input::Event(Event::Search(id, number, found)));
    event(&mut program, Found::First(None));
    assert_eq!(current(&program), None);
    event(&mut program, Found::Hits(Chunk::pack(&[&hits[..1]]), 10));
    assert_eq!(current(&program).and_then(|(number, _)| number), Some(0));
    // Stopped before those in front of it were counted the hit stays, and nobody waits for the next one.
    program.take(Input::Find(FindInput::Close));
    program.take(Input::Select([1, 1].as_slice().into()));
    program.command(Command::Find);
    program.take(Input::Find(FindInput::Text("apple".into())));
    let Some(Effect::Search(id, number, ..)) = program.effects.pop() else { panic!("a search was ordered") };
    let event = |program: &mut Program, found| program.take(Input::Event(Event::Search(id, number, found)));
    event(&mut program, Found::First(Some(hits[first])));
    program.command(Command::FindNext);
    program.take(Input::Find(FindInput::Stop));
    event(&mut program, Found::Hits(Chunk::pack(&[&hits[..1]]), 10));
    assert_eq!(current(&program), place.map(|path| (None, path)));
}

#[test]
fn closing_stops_a_search_and_f3_goes_on_with_the_same_words() {
    let mut program = Program::open(TEXT);
    program.command(Command::FindNext);
    assert!(program.bar().is_open, "without words there is nothing to go on with");
    program.take(Input::Find(FindInput::Text("apple".into())));
    program.command(Command::Cancel);
    assert!(!program.bar().is_open);
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::StopSearch(_))));
    program.effects.clear();
    program.command(Command::FindNext);
    program.run();
    program.check(1, 4, &[0]);
    program.command(Command::Cancel);
    // Edited meanwhile: searched again when it is wanted again.
    program.take(Input::Select([2].into()));
    program.command(Command::Delete);
    assert!(program.effects.iter().all(|effect| !matches!(effect, Effect::Search(..))));
    program.command(Command::FindNext);
    program.run();
    assert_eq!(program.bar().count(), 3);
}

#[test]
fn a_search_that_is_stopped_keeps_what_it_found() {
    let mut program = Program::open(TEXT);
    program.command(Command::Find);
    program.take(Input::Find(FindInput::Text("apple".into())));
    let place = program.effects.iter().rposition(|effect| matches!(effect, Effect::Search(..))).unwrap();
    let Effect::Search(id, number, query, document, _) = program.effects.remove(place) else { unreachable!() };
    let searcher = Searcher::new(&query).unwrap();
    let ControlFlow::Continue(hits) = searcher.search_all(&document, &mut |_| ControlFlow::Continue(())) else { unreachable!() };
    program.take(Input::Event(Event::Search(id, number, Found::Begun(Arc::new(searcher)))));
    program.take(Input::Event(Event::Search(id, number, Found::Hits(Chunk::pack(&[&hits[..2]]), 10))));
    program.take(Input::Find(FindInput::Stop));
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::StopSearch(stopped) if *stopped == id)));
    let find = &program.state.session().unwrap().find;
    assert!(find.is_open && !find.is_running() && find.search.as_ref().unwrap().is_partial);
    assert_eq!((find.count(), find.current.as_ref().and_then(|current| current.number)), (2, Some(0)));
    // From the last one that is known to the first.
    program.command(Command::FindNext);
    program.command(Command::FindNext);
    assert_eq!(program.state.session().unwrap().find.current.as_ref().and_then(|current| current.number), Some(0));
    // Stopped before anything was found: the next one is sought.
    program.take(Input::Find(FindInput::WholeWord(true)));
    program.take(Input::Find(FindInput::Stop));
    program.effects.clear();
    program.command(Command::FindNext);
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::Search(..))));
    program.take(Input::Find(FindInput::WholeWord(false)));
    // Where the bar is asked for again the rest is found.
    program.take(Input::Find(FindInput::Close));
    program.command(Command::FindNext);
    program.run();
    assert_eq!(program.state.session().unwrap().find.count(), hits.len() as u64);
}
