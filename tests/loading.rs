//! A large file while it is read: its beginning is shown, can be moved in, and becomes the document.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod kit;
mod program;

use egui::{Key, Rect};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use kit::Window;
use program::{Program, stamp};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use treekeep::document::{Fragment, Head};
use treekeep::state::{Command, DocumentId, Effect, Event, Go, Input, Opened, Task};
use treekeep::storage::{Call, Disk};
use treekeep::ui::{Memory, window_ui};

fn opening(start: &str) -> (Program, DocumentId) {
    let mut program = Program::new();
    program.take(Input::OpenFiles(vec!["/data/a.json".into()]));
    let id = program.id();
    program.event(Event::Head(id, Head::of(start.as_bytes()).unwrap()));
    (program, id)
}

fn opened(program: &mut Program, id: DocumentId, text: &str) {
    let opened = Opened { fragment: Fragment::new(text).unwrap(), stamp: stamp(1), read_only: false };
    program.event(Event::Opened(id, "/data/a.json".into(), opened));
}

/// What the rows show, a letter for an open container, and the selected one in brackets.
fn rows(program: &Program) -> Vec<String> {
    let session = program.state.shown().unwrap();
    let root = session.document().root();
    (0..session.rows())
        .map(|number| {
            let row = session.view.fold.row(root, number).unwrap();
            let name = format!(
                "{}{}",
                row.path.iter().map(u64::to_string).collect::<Vec<_>>().join("."),
                if row.open { "+" } else { "" }
            );
            if row.path == session.view.selection { format!("[{name}]") } else { name }
        })
        .collect()
}

#[test]
fn what_was_opened_and_selected_in_the_beginning_stays() {
    let (mut program, id) = opening(r#"{"a": {"b": [1, 2], "c": [1, [5, 6], 3, "#);
    assert!(program.state.is_loading());
    program.take(Input::Toggle([0].into()));
    program.take(Input::Toggle([0, 1].into()));
    program.take(Input::Toggle([0, 1, 1].into()));
    program.take(Input::Go(Go::Down));
    let before = ["+", "0+", "0.0", "0.1+", "0.1.0", "0.1.1+", "[0.1.1.0]", "0.1.1.1", "0.1.2"];
    assert_eq!(rows(&program), before);
    assert!(program.state.shown().unwrap().is_growing(&[0, 1].into()));
    assert!(!program.state.shown().unwrap().is_growing(&[0, 0].into()));
    opened(&mut program, id, r#"{"a": {"b": [1, 2], "c": [1, [5, 6], 3, 4, 5], "d": 0}, "e": 1}"#);
    assert_eq!(rows(&program), [&before[..], &["0.1.3", "0.1.4", "0.2", "1"]].concat());
    program.take(Input::Go(Go::Last));
    assert_eq!(program.session().view.selection[..], [1]);
}

#[test]
fn everything_open_stays_open() {
    let (mut program, id) = opening("[[1, 2], [3, [4");
    program.command(Command::ExpandAll);
    assert_eq!(rows(&program), ["[+]", "0+", "0.0", "0.1", "1+", "1.0", "1.1+"]);
    opened(&mut program, id, "[[1, 2], [3, [4, 5]], [6]]");
    assert_eq!(rows(&program), ["[+]", "0+", "0.0", "0.1", "1+", "1.0", "1.1+", "1.1.0", "1.1.1", "2+", "2.0"]);
}

#[test]
fn a_beginning_that_was_replaced_meanwhile_leaves_nothing() {
    let (mut program, id) = opening("[[1, 2], [3, 4], ");
    program.take(Input::Toggle([1].into()));
    opened(&mut program, id, "[[1, 2], [4, 4], 5]");
    assert_eq!(rows(&program), ["[+]", "0", "1", "2"]);
}

#[test]
fn a_beginning_is_only_looked_at() {
    let (mut program, id) = opening("[\"a\", \"b\", ");
    program.edit(&[0], "Mine");
    for command in [Command::Delete, Command::Save, Command::Undo, Command::FindNext, Command::Cut, Command::InsertInside] {
        assert!(!command.is_enabled(&program.state), "{command:?}");
        program.command(command);
    }
    program.take(Input::Paste("1".into(), true));
    assert_eq!(program.state.shown().unwrap().document().to_bytes(), b"[\"a\", \"b\"]");
    assert!(program.saves().is_empty());
    opened(&mut program, id, "[\"a\", \"b\", 3]");
    assert_eq!((program.text().as_str(), program.session().unsaved()), ("[\"a\", \"b\", 3]", 0));
}

/// Lets the first reads of a file pass, each after a pause, and holds the others until it is told.
struct Gate {
    passing: usize,
    pause: Duration,
    reads: AtomicUsize,
    is_open: Mutex<bool>,
    opened: Condvar,
    waited: AtomicBool,
}

impl Gate {
    fn closed(passing: usize, pause: Duration) -> Arc<Self> {
        let (is_open, opened) = (Mutex::new(false), Condvar::new());
        Arc::new(Self { passing, pause, reads: AtomicUsize::new(0), is_open, opened, waited: AtomicBool::new(false) })
    }

    fn disk(self: &Arc<Self>) -> Disk {
        let gate = Arc::clone(self);
        Disk::with_hook(move |call, path| {
            if call != Call::Read || !path.ends_with("large.json") || *gate.is_open.lock().unwrap() {
                return Ok(());
            }
            std::thread::sleep(gate.pause);
            if gate.reads.fetch_add(1, Ordering::SeqCst) >= gate.passing {
                gate.waited.store(true, Ordering::SeqCst);
                let held = gate.opened.wait_while(gate.is_open.lock().unwrap(), |open| !*open);
                drop(held.unwrap());
            }
            Ok(())
        })
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn close(&self) {
        *self.is_open.lock().unwrap() = false;
    }
}

fn large() -> (Arc<tempfile::TempDir>, String) {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let items: Vec<String> = (0..700_000).map(|n| format!("{{\"id\": {n}}}")).collect();
    let text = format!("[{}]", items.join(", "));
    fs::write(folder.path().join("large.json"), &text).unwrap();
    (folder, text)
}

#[test]
fn the_first_rows_are_there_before_the_rest_is_read() {
    let (folder, text) = large();
    let gate = Gate::closed(1, Duration::ZERO);
    let mut window = Window::on(gate.disk(), folder, &["large.json"], None);
    window.wait_part("items so far");
    window.wait("Opening…");
    window.click("3: object, 1 member");
    window.key(Key::ArrowRight);
    window.wait("id: 3");
    gate.open();
    window.wait("Saved");
    assert!(gate.waited.load(Ordering::SeqCst));
    window.wait("large.json: array, 700,000 items");
    window.wait("id: 3");
    let session = window.harness.state().state().session().unwrap();
    assert_eq!(session.view.selection[..], [3]);
    assert_eq!(session.document().byte_len(), text.len() as u64);
}

#[test]
fn reading_the_rest_can_be_stopped() {
    let (folder, _) = large();
    let gate = Gate::closed(1, Duration::ZERO);
    let mut window = Window::on(gate.disk(), folder, &["large.json"], None);
    window.wait_part("items so far");
    window.click("Cancel");
    gate.open();
    window.wait("New");
    assert!(window.harness.state().state().tab().is_none());
}

#[test]
fn reading_what_another_program_wrote_is_told_and_can_be_stopped() {
    let (folder, text) = large();
    let path = folder.path().join("large.json");
    // Of the ten blocks four are read, so slowly that a job is told of.
    let gate = Gate::closed(4, Duration::from_millis(400));
    gate.open();
    let mut window = Window::on(gate.disk(), folder, &["large.json"], None);
    window.wait("Saved");
    gate.close();
    fs::write(&path, text.replace("{\"id\": 5}", "{\"id\": 55, \"new\": true}")).unwrap();
    window.wait("Reading the new version…");
    window.wait_part("MB of ");
    window.click("Cancel");
    gate.open();
    window.wait_part("and reading that was stopped");
    window.wait("Changed on disk");
    assert_eq!(window.harness.state().state().session().unwrap().document().byte_len(), text.len() as u64);
    window.key(Key::F5);
    window.wait_part("2 values differ");
}

/// Where each *Cancel* of a window of that width stands, and whether a part of its text is there.
fn cancels(program: &Program, width: f32, part: &str) -> (Vec<Rect>, bool) {
    let mut memory = Memory { now_ms: program.ms, ..Memory::default() };
    let mut harness = Harness::builder().with_size([width, 700.0]).build_ui(|ui| {
        window_ui(ui, &program.state, &mut memory);
    });
    harness.run();
    let is_there = harness.query_all_by_label_contains(part).next().is_some();
    (harness.query_all_by_label("Cancel").map(|node| node.rect()).collect(), is_there)
}

#[test]
fn cancel_stays_where_it_is_while_the_words_change() {
    // The narrowest window, and one with room.
    for width in [480.0, 1000.0] {
        let mut program = Program::open("[1]");
        let id = program.id();
        program.event(Event::TaskProgress(id, Task::Reload, 1 << 20, 8 << 30));
        let (places, is_estimated) = cancels(&program, width, "left");
        assert!(places.len() == 1 && places[0].right() <= width && !is_estimated, "{places:?}");
        program.event(Event::TaskProgress(id, Task::Reload, 312_500_000, 8 << 30));
        assert_eq!(cancels(&program, width, "left"), (places, true));

        program.edit(&[0], "2");
        program.command(Command::Save);
        program.event(Event::SaveStep(id, "writing".to_owned()));
        let (places, is_told) = cancels(&program, width, "keeping");
        assert!(places.len() == 2 && places[1].right() <= width && !is_told, "{places:?}");
        program.event(Event::SaveStep(id, "keeping the version on disk".to_owned()));
        program.event(Event::SaveProgress(id, 1, 1000));
        assert_eq!(cancels(&program, width, "keeping"), (places, true));
    }
}

#[test]
fn a_job_that_takes_a_while_is_in_the_status_bar_until_it_ends() {
    let mut program = Program::open("[1]");
    let id = program.id();
    program.event(Event::TaskProgress(id, Task::Compare, 10, 100));
    program.event(Event::TaskProgress(id, Task::Merge, 1, 10));
    program.event(Event::TaskProgress(id, Task::Compare, 50, 100));
    let tasks = &program.session().tasks;
    assert_eq!(tasks.iter().map(|(task, at)| (*task, at.done)).collect::<Vec<_>>(), [(Task::Compare, 50), (Task::Merge, 1)]);
    assert_eq!(tasks[0].1.left_ms(program.ms), Some(12_500), "40 took 10 seconds");
    program.take(Input::StopTask(Task::Merge));
    assert!(matches!(program.effects.last(), Some(Effect::StopTask(stopped, Task::Merge)) if *stopped == id));
    program.event(Event::TaskEnded(id, Task::Merge, true));
    program.event(Event::TaskEnded(id, Task::Compare, false));
    assert!(program.session().tasks.is_empty());
    assert_eq!(program.session().notice.as_deref(), Some("Merging was stopped. Nothing was changed."));
}
