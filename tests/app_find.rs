//! The find bar, in the whole app.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod kit;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use kit::Window;

fn finding(text: &str) -> Window {
    let mut window = Window::opened();
    window.command_key(Key::F);
    window.wait("Find in the document");
    window.type_text("Find in the document", text);
    window
}

#[test]
fn hits_are_counted_and_gone_to() {
    let mut window = finding("i");
    // title, Genesis, list
    window.wait("1 of 3");
    window.key(Key::Enter);
    window.wait("2 of 3");
    window.harness.key_press(Key::F3);
    window.wait("3 of 3");
    window.wait_for("the selection", |window| *window.harness.state().state().session().unwrap().view.selection == [1]);
    window.harness.key_press_modifiers(Modifiers::SHIFT, Key::F3);
    window.wait("2 of 3");
    window.click("Match case");
    window.click("Keys");
    window.wait_part("of 2");
    window.click("List hits");
    window.wait_part("/title   \"Genesis\"");
    window.click_part("/list   [1, 2, 3]");
    window.wait("2 of 2");
    window.harness.get_by_label("Find in the document").focus();
    window.harness.step();
    window.key(Key::Escape);
    assert!(window.harness.query_by_label("Find in the document").is_none());
    assert_eq!(*window.harness.state().state().session().unwrap().view.selection, [1]);
}

#[test]
fn a_wrong_expression_is_told_and_an_edit_is_searched_again() {
    let mut window = finding("(");
    window.wait("no hits");
    window.click("Regular expression");
    window.wait_part("This is not a regular expression");
    window.click("Regular expression");
    window.type_text("Find in the document", "2");
    window.wait_part("of 2");
    window.edit("number: 12.50", "Value of number", "7");
    window.wait_part("of 1");
}

#[test]
fn pasted_lines_are_found() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("a.json"), r#"["first second", "first\nsecond"]"#).unwrap();
    let mut window = Window::on(treekeep::storage::Disk::real(), folder, &["a.json"], None);
    window.wait("Saved");
    window.command_key(Key::F);
    window.wait("Find in the document");
    window.harness.event(egui::Event::Paste("first\nsec\n".to_owned()));
    window.wait("1 of 1");
    window.wait_for("the selection", |window| *window.harness.state().state().session().unwrap().view.selection == [1]);
    assert_eq!(window.harness.state().state().session().unwrap().find.query.text, r"first\nsec");
}

#[test]
fn escape_leads_back_into_the_tree_at_the_hit() {
    let mut window = finding("Genesis");
    window.wait("1 of 1");
    window.key(Key::Escape);
    window.wait_for("the bar to close", |window| window.harness.query_by_label("Find in the document").is_none());
    assert!(window.harness.get_by_label("title: \"Genesis\"").is_focused(), "the tree has the focus");
    window.key(Key::ArrowDown);
    assert_eq!(*window.harness.state().state().session().unwrap().view.selection, [1]);
    // Asked for again, the words are there to be written over.
    window.command_key(Key::F);
    window.harness.get_by_label("Find in the document").type_text("number");
    window.wait("1 of 1");
    window.wait_for("the selection", |window| *window.harness.state().state().session().unwrap().view.selection == [2]);
    window.harness.run();
}

#[test]
fn a_hundred_thousand_hits_are_listed_and_marked() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("big.json"), format!("[{}\"end\"]", "\"hit\",1,".repeat(100_000))).unwrap();
    let mut window = Window::on(treekeep::storage::Disk::real(), folder, &["big.json"], None);
    window.wait("Saved");
    window.command_key(Key::F);
    window.type_text("Find in the document", "hit");
    window.wait("1 of 100,000");
    window.click("List hits");
    window.harness.key_press_modifiers(Modifiers::SHIFT, Key::F3);
    window.wait("100,000 of 100,000");
    window.wait("199998: \"hit\"");
    // The list follows, and only what is in sight is drawn.
    window.wait_part("/199998   \"hit\"");
    assert!(window.harness.query_all_by_label_contains("/0   \"hit\"").next().is_none());
    // The marks of the scroll bar come in parts; then the window is idle.
    for _ in 0..40 {
        window.harness.step();
    }
    window.harness.run();
    // The panel stays as high as it is, whatever rows are in it in part.
    let height = |window: &Window| window.harness.get_by_label("Hits").rect().height();
    let before = height(&window);
    let middle = window.harness.get_by_label("Hits").rect().center() - egui::vec2(200.0, 0.0);
    window.harness.hover_at(middle);
    for _ in 0..4 {
        let delta = egui::vec2(0.0, 7.0);
        window.harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta,
            phase: egui::TouchPhase::Move,
            modifiers: Modifiers::NONE,
            source: egui::MouseWheelSource::Wheel,
        });
        window.harness.step();
    }
    assert_eq!(height(&window), before);
}
