//! The panel with the text of the selected value, in the whole app.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod kit;

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, OutputCommand, PointerButton, Pos2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use kit::Window;

/// A document with this string, which is selected, and the panel open.
fn reading(string: &str) -> Window {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let text = serde_json::json!({"text": string, "list": [1]}).to_string();
    std::fs::write(folder.path().join("texts.json"), text).unwrap();
    let mut window = Window::on(treekeep::storage::Disk::real(), folder, &["texts.json"], None);
    window.wait("Saved");
    window.key(Key::Home);
    window.key(Key::ArrowDown);
    window.key(Key::ArrowDown);
    window.command_key(Key::T);
    window.wait("Close text");
    window
}

/// The rows of the text that are in sight.
fn rows(window: &Window) -> Vec<String> {
    let panel = window.harness.get_by_role_and_label(Role::Document, "Text of the value");
    panel.query_all_by_role(Role::Label).map(|row| row.accesskit_node().value().unwrap_or_default()).collect()
}

fn copied(window: &Window) -> Option<String> {
    window.harness.output().platform_output.commands.iter().find_map(|command| match command {
        OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

fn lines(count: usize) -> String {
    (0..count).map(|number| format!("line {number}")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_text_is_shown_in_lines_and_scrolled() {
    let mut window = reading(&lines(100_000));
    assert_eq!(rows(&window)[..3], ["line 0", "line 1", "line 2"]);
    let page = rows(&window).len();
    assert!((4..20).contains(&page), "{page}");
    window.harness.get_by_role_and_label(Role::Document, "Text of the value").focus();
    window.harness.step();
    window.key(Key::ArrowDown);
    assert_eq!(rows(&window)[0], "line 1");
    window.key(Key::End);
    assert_eq!(rows(&window).last().unwrap(), "line 99999");
    window.key(Key::PageUp);
    let last = rows(&window).last().unwrap().clone();
    assert!(last != "line 99999" && last.starts_with("line 9999"), "{last}");
    window.key(Key::Home);
    assert_eq!(rows(&window)[0], "line 0");
    window.harness.get_by_label("Place in the text").set_value_accesskit(500_000.0);
    window.harness.step();
    window.harness.step();
    let first = rows(&window)[0].strip_prefix("line ").unwrap().parse::<u32>().unwrap();
    assert!((40_000..50_000).contains(&first), "{first}");
    // The selection of the tree did not move with it; the text follows the selection.
    assert_eq!(*window.harness.state().state().session().unwrap().view.selection, [1]);
    window.key(Key::Escape);
    window.key(Key::ArrowUp);
    window.wait_part("This has no text of its own.");
    window.click("Close text");
    assert!(window.harness.query_by_label("Close text").is_none());
}

#[test]
fn hits_far_inside_come_into_sight() {
    let mut window = reading(&format!("{}\nneedle {}", lines(50_000), lines(50_000)));
    window.command_key(Key::F);
    window.type_text("Find in the document", "needle");
    window.wait("1 of 1");
    window.wait_for("the row", |window| rows(window).iter().any(|row| row == "needle line 0"));
    assert!(rows(&window).iter().any(|row| row == "line 49999"), "what stands before it is shown, too");
    // Who scrolled away comes back to it, also where it is the only one.
    window.harness.get_by_role_and_label(Role::Document, "Text of the value").focus();
    window.harness.step();
    window.command_key(Key::End);
    assert!(!rows(&window).iter().any(|row| row == "needle line 0"));
    window.key(Key::F3);
    assert!(rows(&window).iter().any(|row| row == "needle line 0"));
}

#[test]
fn chosen_text_is_copied_without_escapes() {
    let mut window = reading("one \"two\"\nthree\tfour\nfive");
    let point = |window: &Window, row: &str, share: f32| -> Pos2 {
        let rect = window.harness.get_by_label(row).rect();
        // Rows are as wide as the panel, and ten characters in a monospaced font are about so wide.
        Pos2::new(rect.left() + share, rect.center().y)
    };
    let width = 7.8;
    let (from, to) = (point(&window, "one \"two\"", 4.0 * width), point(&window, "three    four", 5.0 * width));
    for (at, pressed) in [(from, Some(true)), (to, None), (to, Some(false))] {
        window.harness.event(Event::PointerMoved(at));
        if let Some(pressed) = pressed {
            window.harness.event(Event::PointerButton {
                pos: at,
                button: PointerButton::Primary,
                pressed,
                modifiers: Modifiers::NONE,
            });
        }
        window.harness.step();
    }
    window.harness.event(Event::Copy);
    window.harness.step();
    assert_eq!(copied(&window).unwrap(), "\"two\"\nthree");
    // A word, wherever in it the double click is.
    for share in [5.3, 6.5, 7.9] {
        let at = point(&window, "one \"two\"", share * width);
        window.harness.hover_at(at);
        window.harness.step();
        // Two clicks in two frames: so many fit into the time of a double click.
        for _ in 0..2 {
            for pressed in [true, false] {
                let button = PointerButton::Primary;
                let event = Event::PointerButton { pos: at, button, pressed, modifiers: Modifiers::NONE };
                window.harness.input_mut().events.push(event);
            }
            window.harness.step();
        }
        window.harness.event(Event::Copy);
        window.harness.step();
        assert_eq!(copied(&window).unwrap(), "two", "{share}");
    }
    // All of it.
    window.command_key(Key::A);
    window.harness.event(Event::Copy);
    window.harness.step();
    assert_eq!(copied(&window).unwrap(), "one \"two\"\nthree\tfour\nfive");
    // The tree copies JSON.
    window.key(Key::Escape);
    window.harness.event(Event::Copy);
    window.harness.step();
    assert_eq!(copied(&window).unwrap(), r#""one \"two\"\nthree\tfour\nfive""#);
    window.harness.get_by_label("Copy text").click();
    window.harness.step();
    assert_eq!(copied(&window).unwrap(), "one \"two\"\nthree\tfour\nfive");
}
