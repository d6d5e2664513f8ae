//! Keeping, in the whole app: recovery, merging, kept versions, panels, a hung disk.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod kit;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use kit::{TEXT, Window};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use treekeep::storage::{Call, Disk};

fn again(folder: Arc<tempfile::TempDir>) -> Window {
    Window::on(Disk::real(), folder, &["genesis.json"], None)
}

fn journaled(window: &mut Window) {
    window.wait_for("the journal", |window| {
        window.harness.state().state().session().is_some_and(|session| session.journal.pending() == 0)
    });
}

/// A file was opened of which nothing is left to recover.
fn asks_for_nothing(mut window: Window) {
    window.wait("Saved");
    for _ in 0..20 {
        window.harness.step();
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(window.harness.query_by_label("Recover").is_none());
}

#[test]
fn unsaved_edits_come_back_after_a_crash() {
    let mut window = Window::opened();
    window.edit("title: \"Genesis\"", "Value of title", "Exodus");
    window.edit("number: 12.50", "Value of number", "7");
    journaled(&mut window);
    let mut window = again(window.crash());
    window.wait_part("Recover 2 unsaved edits of genesis.json from ");
    window.wait("Change value /title: \"Genesis\" → \"Exodus\"");
    window.click("Recover");
    window.wait("title: \"Exodus\"");
    window.wait("Edited (2)");
    assert_eq!(window.text(), TEXT);
    // Crashed once more before anything was saved.
    journaled(&mut window);
    window.wait_for("the older journal to go", |window| {
        fs::read_dir(window.folder.path().join("state/journal/discarded")).is_ok_and(|found| found.count() == 1)
    });
    let mut window = again(window.crash());
    window.wait_part("Recover 2 unsaved edits");
    window.click("Recover");
    window.wait("Edited (2)");
    window.command_key(Key::S);
    window.wait("Saved");
    assert_eq!(window.text(), TEXT.replace("Genesis", "Exodus").replace("12.50", "7"));
    window.wait_for("the journal", |window| window.harness.state().state().session().unwrap().recoverable.is_empty());
    asks_for_nothing(again(window.crash()));
}

#[test]
fn a_half_mended_text_comes_back_after_a_crash() {
    const BROKEN: &str = "[1,,\n 2,,\n \"ש\"]";
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let file = folder.path().join("broken.json");
    fs::write(&file, BROKEN).unwrap();
    let open = |folder| Window::on(Disk::real(), folder, &["broken.json"], None);
    let journals = |window: &Window| {
        let entries = fs::read_dir(window.folder.path().join("state/journal")).into_iter().flatten();
        entries.filter(|entry| entry.as_ref().unwrap().path().is_file()).count()
    };
    let excerpt = |window: &Window| window.harness.state().state().broken().map(|broken| broken.excerpt.clone());
    let mut window = open(folder);
    window.wait("Text around the problem");
    window.key(Key::Delete);
    window.wait_for("the journal", |window| journals(window) == 1);
    let mut window = open(window.crash());
    window.wait_part("Recover 1 unsaved edit of broken.json from ");
    window.wait("Remove text at byte 3");
    window.click("Recover");
    window.wait_part("Line 2, column 4, byte 7: ");
    assert_eq!(excerpt(&window), Some(BROKEN.replacen(",,", ",", 1)));
    // The caret stands at the next problem. What is mended there is behind the first.
    window.wait("Text around the problem");
    window.key(Key::Delete);
    window.wait_for("the older journal to go", |window| {
        fs::read_dir(window.folder.path().join("state/journal/discarded")).is_ok_and(|found| found.count() == 1)
    });
    let mut window = open(window.crash());
    window.wait_part("Recover 2 unsaved edits of broken.json from ");
    window.click("Recover");
    window.wait("Edited (1)");
    assert_eq!(fs::read_to_string(&file).unwrap(), BROKEN);
    window.command_key(Key::S);
    window.wait("Saved");
    assert_eq!(fs::read_to_string(&file).unwrap(), BROKEN.replace(",,", ","));
    asks_for_nothing(open(window.crash()));
}

#[test]
fn edits_of_a_crash_are_listed_compared_and_put_away() {
    let mut window = Window::opened();
    window.edit("title: \"Genesis\"", "Value of title", "Exodus");
    journaled(&mut window);
    let folder = window.crash();
    let mut window = Window::on(Disk::real(), folder, &[], None);
    window.click_when_there("Recover genesis.json");
    window.wait_part("Recover 1 unsaved edit of genesis.json");
    window.click("Compare…");
    window.wait("1 difference");
    window.wait("\"Exodus\"");
    window.click("Close list");
    window.click("Recover…");
    window.click("Discard");
    window.wait("title: \"Genesis\"");
    let kept = fs::read_dir(window.folder.path().join("state/journal/discarded"));
    window.wait_for("the journal to be put away", |window| {
        fs::read_dir(window.folder.path().join("state/journal/discarded")).is_ok_and(|found| found.count() == 1)
    });
    drop(kept);
    assert_eq!(window.text(), TEXT);
}

#[test]
fn a_document_without_a_file_comes_back_too() {
    let mut window = Window::new(&[], None);
    window.click("New");
    window.wait("Edited (0), no file yet");
    window.key(Key::Insert);
    window.wait("Edited (1), no file yet");
    journaled(&mut window);
    let mut window = Window::on(Disk::real(), window.crash(), &[], None);
    window.click_when_there("Recover Untitled");
    window.wait("key: null");
}

#[test]
fn edits_of_a_crash_are_merged_with_what_others_wrote() {
    let mut window = Window::opened();
    window.edit("title: \"Genesis\"", "Value of title", "Exodus");
    journaled(&mut window);
    let folder = window.crash();
    fs::write(folder.path().join("genesis.json"), TEXT.replace("12.50", "13")).unwrap();
    let mut window = again(folder);
    window.wait_part("Recover 1 unsaved edit");
    window.click("Recover");
    window.wait("everything merges by itself");
    window.click("Use merged");
    window.wait("title: \"Exodus\"");
    window.wait("number: 13");
    window.wait("Edited (1)");
}

#[test]
fn a_conflict_is_merged_change_by_change() {
    let mut window = Window::opened();
    window.edit("title: \"Genesis\"", "Value of title", "Mine");
    fs::write(window.path(), TEXT.replace("Genesis", "Theirs").replace("12.50", "13")).unwrap();
    window.wait("Conflict");
    window.command_key(Key::S);
    window.wait_part("Not saved: genesis.json was changed on disk");
    window.click("Compare and merge…");
    window.wait("1 conflict left to choose");
    window.wait("\"Theirs\"");
    assert!(window.harness.query_by_label("Retry").is_none(), "who merges is not asked to try again");
    window.click("Mine at /title");
    window.wait("1 conflict, all chosen");
    window.click("Use merged");
    window.wait("title: \"Mine\"");
    window.wait("number: 13");
    window.wait("Edited (1)");
    assert!(window.harness.query_by_label("Retry").is_none(), "nor who has merged");
    window.command_key(Key::S);
    window.wait("Saved");
    assert_eq!(window.text(), TEXT.replace("Genesis", "Mine").replace("12.50", "13"));
}

#[test]
fn kept_versions_are_listed_compared_and_restored() {
    let mut window = Window::opened();
    window.edit("title: \"Genesis\"", "Value of title", "Exodus");
    window.command_key(Key::S);
    window.wait("Saved");
    window.command_key(Key::H);
    window.wait("1 kept version");
    window.click_part("Compare version of");
    window.wait("1 difference");
    window.click_part("Restore version of");
    window.wait("title: \"Genesis\"");
    window.wait("Saved");
    assert_eq!(window.text(), TEXT);
    window.command_key(Key::Z);
    window.wait("title: \"Exodus\"");
    window.wait("Edited (1)");
}

#[test]
fn panels_tell_what_is_counted() {
    let mut window = Window::opened();
    window.command_key(Key::I);
    window.wait("7 values");
    window.wait_part("3 children  /list");
    window.click("Close panel");
    window.edit("title: \"Genesis\"", "Value of title", "Exodus");
    window.command_key(Key::S);
    window.wait("Saved");
    window.harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::I);
    window.wait("Time of the last save, by step");
    window.wait("replacing the file");
}

/// The watcher sees that the file is replaced long before the save ends: reading it then would take as much memory again.
#[test]
fn an_own_save_is_not_read_as_news() {
    let (replaced, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let disk = {
        let (replaced, reads) = (Arc::clone(&replaced), Arc::clone(&reads));
        Disk::with_hook(move |call, _| {
            match call {
                Call::Exchange => replaced.store(true, Ordering::SeqCst),
                // A reader waits two seconds for the lock.
                Call::SyncFolder if replaced.load(Ordering::SeqCst) => {
                    std::thread::sleep(Duration::from_secs(3));
                    replaced.store(false, Ordering::SeqCst);
                }
                Call::Read if replaced.load(Ordering::SeqCst) && std::thread::current().name() == Some("watch") => {
                    reads.fetch_add(1, Ordering::SeqCst);
                }
                _ => {}
            }
            Ok(())
        })
    };
    let mut window = Window::opened_on(disk);
    window.edit("title: \"Genesis\"", "Value of title", "Exodus");
    window.command_key(Key::S);
    window.wait("Saving…");
    window.wait("Saved");
    assert_eq!(reads.load(Ordering::SeqCst), 0, "it is known what a save leaves");
    // What another program writes is read as before.
    fs::write(window.path(), TEXT.replace("Genesis", "Theirs")).unwrap();
    window.wait("title: \"Theirs\"");
}

/// A disk that hangs while a save is made: the window goes on, tells, and the save can be stopped.
#[test]
fn a_hung_disk_never_stops_the_window() {
    let hangs = Arc::new(AtomicBool::new(false));
    let disk = {
        let hangs = Arc::clone(&hangs);
        Disk::with_hook(move |call, path| {
            while hangs.load(Ordering::SeqCst) && call == Call::SyncFile && !path.to_string_lossy().ends_with(".journal") {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        })
    };
    let mut window = Window::opened_on(disk);
    window.edit("title: \"Genesis\"", "Value of title", "Exodus");
    hangs.store(true, Ordering::SeqCst);
    window.command_key(Key::S);
    let begun = Instant::now();
    let mut frames: Vec<Duration> = Vec::new();
    let mut edited = false;
    while begun.elapsed() < Duration::from_secs(10) {
        let frame = Instant::now();
        window.harness.step();
        frames.push(frame.elapsed());
        if begun.elapsed() > Duration::from_secs(1) && !edited {
            edited = true;
            window.wait("Saving…");
            window.wait_part("keeping the version on disk");
            window.edit("number: 12.50", "Value of number", "8");
            window.wait("number: 8");
        }
    }
    frames.sort();
    let (median, worst) = (frames[frames.len() / 2], frames[frames.len() - 1]);
    println!("{} frames in 10 s, median {median:?}, worst {worst:?}", frames.len());
    window.key(Key::Escape);
    hangs.store(false, Ordering::SeqCst);
    window.wait("Edited (2)");
    assert_eq!(window.text(), TEXT, "it was stopped");
    window.command_key(Key::S);
    window.wait("Saved");
    assert_eq!(window.text(), TEXT.replace("Genesis", "Exodus").replace("12.50", "8"));
}
