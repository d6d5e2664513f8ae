//! The real watcher on a real file: each state of the disk is told, whatever came before it.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use treekeep::document::Document;
use treekeep::jobs::{Jobs, Surroundings, SystemChooser};
use treekeep::state::on_disk::Unread;
use treekeep::state::{DocumentId, Effect, Event};
use treekeep::storage::{Call, Digest, Disk, SystemClock, Version, version_of};

/// Waits for the next event of which `wanted` makes something.
fn wait<T>(jobs: &Jobs, wanted: impl Fn(Event) -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if let Some(found) = jobs.events().find_map(&wanted) {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// The next state of the disk.
fn next(jobs: &Jobs) -> &'static str {
    let state = |event| match event {
        Event::DiskChanged(..) => Some("changed"),
        Event::DiskTouched(..) => Some("touched"),
        Event::DiskGone(_) => Some("gone"),
        Event::DiskUnread(_, _, Unread::NotJson(..)) => Some("not JSON"),
        _ => None,
    };
    wait(jobs, state).unwrap_or("nothing")
}

fn jobs(folder: &Path) -> Jobs {
    jobs_on(Disk::real(), folder)
}

fn jobs_on(disk: Disk, folder: &Path) -> Jobs {
    let surroundings = Surroundings {
        disk,
        state_folder: folder.join("state"),
        settings_path: folder.join("settings.json"),
        chooser: Arc::new(SystemChooser),
    };
    Jobs::new(surroundings, Arc::new(|| {})).0
}

/// Watches a file from what is in it now.
fn watch(jobs: &mut Jobs, file: &Path) {
    let (version, _) = version_of(&Disk::real(), &SystemClock, file).unwrap();
    jobs.run(Effect::Watch(DocumentId(1), file.to_owned(), version));
}

#[test]
fn every_state_is_told_though_it_was_told_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    let mut jobs = jobs(folder.path());
    fs::write(&file, "[1]").unwrap();
    watch(&mut jobs, &file);
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

#[test]
fn a_text_that_is_being_written_in_place_is_told_to_be_no_json_and_read_once_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    let mut jobs = jobs(folder.path());
    fs::write(&file, "[1]").unwrap();
    watch(&mut jobs, &file);
    let is_told = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let (mut text, begun) = ("[0".to_owned(), Instant::now());
            while !is_told.load(Ordering::SeqCst) && begun.elapsed() < Duration::from_secs(60) {
                text.push_str(",1");
                fs::write(&file, &text).unwrap();
                std::thread::sleep(Duration::from_millis(50));
            }
            fs::write(&file, text + "]").unwrap();
        });
        assert_eq!(next(&jobs), "not JSON");
        is_told.store(true, Ordering::SeqCst);
        writer.join().unwrap();
    });
    let next = wait(&jobs, |event| match event {
        Event::DiskUnread(..) => None,
        Event::DiskChanged(_, _, document) => Some(document.to_bytes()),
        _ => None,
    });
    assert_eq!(next, Some(fs::read(&file).unwrap()));
}

#[test]
fn a_large_file_is_not_read_while_it_is_written_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    let reads = Arc::new(AtomicUsize::new(0));
    let (counted, watched) = (Arc::clone(&reads), file.clone());
    let disk = Disk::with_hook(move |call, path| {
        counted.fetch_add(usize::from(call == Call::Read && path == watched), Ordering::SeqCst);
        Ok(())
    });
    let mut jobs = jobs_on(disk, folder.path());
    let text = format!("[{}0]\n", "1234567, ".repeat(8 << 20));
    fs::write(&file, &text).unwrap();
    watch(&mut jobs, &file);
    std::thread::sleep(Duration::from_millis(400));
    reads.store(0, Ordering::SeqCst);
    // Over what is there, a piece every twentieth of a second, for a second.
    let mut written = fs::OpenOptions::new().write(true).open(&file).unwrap();
    for _ in 0..20 {
        written.write_all(b"[ 123456,").unwrap();
        std::thread::sleep(Duration::from_millis(50));
        written.seek(std::io::SeekFrom::Start(0)).unwrap();
    }
    assert_eq!(reads.load(Ordering::SeqCst), 0);
    let changed = wait(&jobs, |event| if let Event::DiskChanged(_, version, _) = event { Some(version.digest) } else { None });
    assert_eq!(changed, Some(Digest::of(&fs::read(&file).unwrap())));
}

#[test]
fn of_a_large_file_only_what_is_new_takes_memory() {
    const ID: DocumentId = DocumentId(1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    let record =
        |n: u64| format!("{{\"id\": {n}, \"name\": \"user {}\", \"list\": [{}, \"\u{5d0}\"]}}", n * 7919 % 100_003, n * 31);
    let mut records: Vec<String> = (0..100_000).map(record).collect();
    let text = |records: &[String], comma: &str| format!("[\n{}\n]\n", records.join(comma));
    let first = text(&records, ",\n");
    fs::write(&file, &first).unwrap();
    let mut jobs = jobs(folder.path());
    jobs.run(Effect::Open(ID, file.clone()));
    let opened = wait(&jobs, |event| if let Event::Opened(_, _, opened) = event { Some(opened.fragment) } else { None });
    let opened = Document::of(&opened.unwrap());
    watch(&mut jobs, &file);
    // Another program writes: the document that comes of it, and its digest, are those of the text.
    let changed = |text: &str| {
        fs::write(folder.path().join("new"), text).unwrap();
        fs::rename(folder.path().join("new"), &file).unwrap();
        let found =
            wait(
                &jobs,
                |event| if let Event::DiskChanged(_, version, document) = event { Some((version, document)) } else { None },
            );
        let (version, document) = found.unwrap();
        assert!(document.to_bytes() == text.as_bytes() && version.digest == Digest::of(text.as_bytes()));
        document
    };
    let own = |document: &Document, beside: &Document| document.held_beside(beside);
    records[70_000] = "null".to_owned();
    records.remove(300);
    records.push(record(0));
    let second = changed(&text(&records, ",\n"));
    assert!(own(&second, &opened) < 10_000, "{}", own(&second, &opened));
    // Laid out anew all of it is; and what follows stands on that.
    let third = changed(&text(&records, ", "));
    assert!(own(&third, &second) > first.len() as u64 / 2);
    records[5] = "7".to_owned();
    let fourth = changed(&text(&records, ", "));
    assert!(own(&fourth, &third) < 10_000);
    // Once nobody shows that any more, what is shown is what it is compared with.
    drop((third, fourth));
    let fifth = changed(&text(&records, ",\n"));
    assert!(own(&fifth, &opened) < 10_000);
    fs::write(&file, &first[..first.len() - 2]).unwrap();
    assert_eq!(next(&jobs), "not JSON");
    fs::write(&file, text(&records, ",\n")).unwrap();
    assert_eq!(next(&jobs), "touched");
}
