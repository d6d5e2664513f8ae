//! The real watcher on a real file: each state of the disk is told, whatever came before it.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};
use treekeep::jobs::{Jobs, Surroundings, SystemChooser};
use treekeep::state::on_disk::Unread;
use treekeep::state::{DocumentId, Effect, Event};
use treekeep::storage::{Disk, SystemClock, Version, version_of};

/// Waits for the next event that is a state of the disk.
fn next(jobs: &Jobs) -> &'static str {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        for event in jobs.events() {
            match event {
                Event::DiskChanged(..) => return "changed",
                Event::DiskTouched(..) => return "touched",
                Event::DiskGone(_) => return "gone",
                Event::DiskUnread(_, _, Unread::NotJson(..)) => return "not JSON",
                _ => {}
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    "nothing"
}

#[test]
fn every_state_is_told_though_it_was_told_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    let surroundings = Surroundings {
        disk: Disk::real(),
        state_folder: folder.path().join("state"),
        settings_path: folder.path().join("settings.json"),
        chooser: Arc::new(SystemChooser),
    };
    let (mut jobs, ..) = Jobs::new(surroundings, Arc::new(|| {}));
    fs::write(&file, "[1]").unwrap();
    let (version, _) = version_of(&Disk::real(), &SystemClock, &file).unwrap();
    jobs.run(Effect::Watch(DocumentId(1), file.clone(), version));
    let write = |text: Option<&str>| match text {
        Some(text) => fs::write(&file, text).unwrap(),
        None => fs::remove_file(&file).unwrap(),
    };
    for (text, told) in [
        (Some("[1,,"), "not JSON"),
        (None, "gone"),
        (Some("[1,,"), "not JSON"),
        (None, "gone"),
        (Some("[1]"), "touched"),
        (None, "gone"),
        (Some("[1,,"), "not JSON"),
        (Some("[1]"), "touched"),
        (Some("[2]"), "changed"),
    ] {
        write(text);
        assert_eq!(next(&jobs), told, "{text:?}");
    }
    // One that nobody knows anything of is told whatever it is.
    jobs.run(Effect::Watch(DocumentId(1), file.clone(), Version::of_nothing()));
    assert_eq!(next(&jobs), "changed");
}
