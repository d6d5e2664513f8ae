//! The whole app with real jobs and files, through accessible labels, without a display.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod kit;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use kit::{TEXT, Window};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[test]
fn open_expand_edit_save() {
    let mut window = Window::opened();
    window.harness.get_by_role_and_label(Role::TreeItem, "genesis.json: object, 3 members");
    window.click("list: array, 3 items");
    window.key(Key::ArrowRight);
    window.wait("1: 2");
    window.edit("1: 2", "Value of 1", "1e400");
    window.wait("1: 1e400");
    window.wait("Edited (1)");
    assert_eq!(window.text(), TEXT);
    window.command_key(Key::S);
    window.wait("Saved");
    assert_eq!(window.text(), TEXT.replace("2, 3", "1e400, 3"));
}

#[test]
fn the_menu_of_a_row_is_about_that_row() {
    let mut window = Window::opened();
    window.harness.get_by_label("number: 12.50").click_secondary();
    window.wait_part("Duplicate");
    window.harness.run();
    window.harness.get_by_label_contains("Duplicate").click();
    window.wait("genesis.json: object, 4 members");
    assert_eq!(window.harness.query_all_by_label("number: 12.50").count(), 2);
}

#[test]
fn line_breaks_that_are_pasted_into_a_field_are_kept() {
    let mut window = Window::opened();
    window.click("title: \"Genesis\"");
    window.key(Key::Enter);
    window.wait("Value of title");
    window.key(Key::End);
    for text in [" 1", "\none \"two\"\r\nthree", "!"] {
        window.harness.event(egui::Event::Paste(text.to_owned()));
        window.harness.step();
        window.harness.step();
    }
    window.key(Key::Enter);
    window.wait("Edited (1)");
    window.command_key(Key::S);
    window.wait("Saved");
    assert_eq!(window.text(), TEXT.replace("Genesis", r#"Genesis 1\none \"two\"\r\nthree!"#));
}

#[test]
fn what_is_not_valid_is_told_while_typing() {
    let mut window = Window::opened();
    window.click("number: 12.50");
    window.key(Key::Enter);
    window.command_key(Key::A);
    window.harness.get_by_label("Value of number").type_text("1..");
    window.wait_part("Not valid: ");
    window.key(Key::Escape);
    window.wait("number: 12.50");
    window.wait("Saved");
}

#[test]
fn another_program_while_nothing_is_edited() {
    let mut window = Window::opened();
    fs::write(window.path(), TEXT.replace("Genesis", "Exodus")).unwrap();
    window.wait("title: \"Exodus\"");
    window.wait_part("loaded. 1 value differs.");
    window.click("Undo");
    window.wait("title: \"Genesis\"");
    window.wait("Changed on disk");
}

#[test]
fn another_program_while_something_is_edited() {
    let mut window = Window::opened();
    window.edit("title: \"Genesis\"", "Value of title", "Mine");
    window.wait("Edited (1)");
    let theirs = TEXT.replace("Genesis", "Theirs");
    fs::write(window.path(), &theirs).unwrap();
    window.wait("Conflict");
    window.wait_part("1 value differs; both versions are safe");
    for choice in ["Keep mine", "Take theirs", "Save a copy…", "Compare…"] {
        window.wait(choice);
    }
    assert_eq!(window.text(), theirs);
    window.click("Keep mine");
    window.wait("Saved");
    assert_eq!(window.text(), TEXT.replace("Genesis", "Mine"));
    let kept = walk(&window.folder.path().join("state"));
    assert!(kept.iter().any(|path| fs::read_to_string(path).is_ok_and(|text| text == theirs)), "theirs is kept");
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { found.extend(walk(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

#[test]
fn a_file_is_opened_by_dialog_and_by_typing() {
    let mut window = Window::new(&[], Some("genesis.json"));
    window.harness.step();
    window.click("Open…");
    window.wait("title: \"Genesis\"");
    let mut window = Window::new(&[], None);
    window.harness.step();
    window.click("Open…");
    window.wait("Path of the file");
    let path = window.path();
    window.harness.get_by_label("Path of the file").type_text(path.to_str().unwrap());
    window.harness.step();
    window.click("Open file");
    window.wait("title: \"Genesis\"");
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        panic!("a file is read by its path, on a thread")
    }
}

#[test]
fn a_file_that_is_dropped_on_the_window_opens() {
    let mut window = Window::new(&[], None);
    window.harness.step();
    let path = window.path();
    window.harness.input_mut().dropped_files.push(Arc::new(Dropped(path)));
    window.wait("title: \"Genesis\"");
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let mut window = Window::new(&["missing.json"], None);
    window.wait("missing.json could not be opened.");
    window.click("OK");
    window.wait("Open the sample");
}

#[test]
fn a_text_that_is_not_json_is_shown_where_it_breaks() {
    let mut window = Window::new(&[], Some("broken.json"));
    fs::write(window.folder.path().join("broken.json"), "[1,\n 2,,]").unwrap();
    window.harness.step();
    window.click("Open…");
    window.wait("broken.json is not JSON");
    window.wait_part("Line 2, column 4, byte 7: expected a value, found `,`.");
    window.wait("Text around the problem");
    // The caret stands there: what is one comma too many goes, then the other one.
    window.key(Key::Delete);
    window.command_key(Key::Enter);
    window.wait_part("Line 2, column 4, byte 7: expected a value, found `]`.");
    window.key(Key::Backspace);
    window.command_key(Key::S);
    window.wait("Saved");
    assert_eq!(fs::read_to_string(window.folder.path().join("broken.json")).unwrap(), "[1,\n 2]");
}

#[test]
fn the_sample_and_the_help_open() {
    let mut window = Window::new(&[], None);
    window.harness.step();
    window.click("Open the sample");
    window.wait_part("sample.json: object");
    window.key(Key::F1);
    window.wait("Keys");
    window.key(Key::Escape);
    window.wait_for("the help to go", |window| window.harness.query_by_label("Close help").is_none());
}

#[test]
fn idle_is_idle() {
    let mut window = Window::opened();
    // `run` panics if frames are wanted without end.
    window.harness.run();
    window.harness.run();
}

#[test]
fn ten_million_rows_scroll_by_exactly_one_row() {
    let mut window = Window::new(&[], Some("big.json"));
    fs::write(window.folder.path().join("big.json"), format!("[{}7]", "7,".repeat(9_999_999))).unwrap();
    window.harness.step();
    window.click("Open…");
    window.wait("big.json: array, 10,000,000 items");
    window.harness.hover_at(egui::pos2(400.0, 400.0));
    let top = |window: &Window| window.harness.state().state().session().unwrap().view.scroll.top_row;
    let wheel = |window: &mut Window, rows: f32| {
        let delta = egui::vec2(0.0, -rows * treekeep::ui::tree::row::ROW_HEIGHT);
        let before = top(window);
        window.harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta,
            source: egui::MouseWheelSource::Wheel,
            phase: egui::TouchPhase::Move,
            modifiers: Modifiers::NONE,
        });
        window.harness.run();
        top(window) as i64 - before as i64
    };
    assert_eq!(wheel(&mut window, 1.0), 1);
    assert_eq!(wheel(&mut window, -1.0), -1);
    window.click("big.json: array, 10,000,000 items");
    window.key(Key::End);
    window.wait("9999999: 7");
    assert_eq!(wheel(&mut window, -1.0), -1);
    assert_eq!(wheel(&mut window, 1.0), 1);
    for _ in 0..300 {
        window.harness.key_press(Key::PageUp);
    }
    window.harness.run();
    assert!(top(&window) > 9_980_000);
    assert_eq!(wheel(&mut window, 1.0), 1);
    assert_eq!(wheel(&mut window, -1.0), -1);
}
