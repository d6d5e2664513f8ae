//! Memory that a document held is free once it is closed. Alone in its process, since others' memory counts as well.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use std::fs::{self, File};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use treekeep::document::{Alone, Spent, reclaim_with};
use treekeep::storage::{Disk, SystemClock, load};

/// Bytes of memory that this process has.
fn resident() -> usize {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let kilobytes = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
    kilobytes.split_whitespace().next().unwrap().parse::<usize>().unwrap() << 10
}

/// Writes a file in pieces: a whole text would be memory that is freed, too.
fn write(path: &Path, megabytes: usize) {
    let mut file = File::create(path).unwrap();
    file.write_all(b"[1").unwrap();
    let piece = ",12345678901".repeat(1000);
    (0..megabytes * 1_000_000 / piece.len()).for_each(|_| file.write_all(piece.as_bytes()).unwrap());
    file.write_all(b"]").unwrap();
}

#[test]
fn closed_documents_hold_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    for megabytes in [30, 20, 25, 40] {
        write(&path, megabytes);
        let read = || load(&Disk::real(), &SystemClock, &path, &Alone, &|_, _| ControlFlow::Continue(())).unwrap();
        let before = resident();
        // A document beside another, as when the file is read again.
        let fragments = [read(), read()].map(|loaded| loaded.fragment.unwrap());
        let held = resident().saturating_sub(before);
        assert!(held > 2 * megabytes * 1_000_000 * 9 / 10, "{megabytes} MB: holds {held}");
        drop(fragments);
        let held = resident().saturating_sub(before);
        assert!(held < 5_000_000, "{megabytes} MB: still holds {held}");
    }
    // In a window somebody else gives it back: who drops it does not wait for that. What is small is not worth it.
    static LEFT: Mutex<Vec<Box<dyn Spent>>> = Mutex::new(Vec::new());
    reclaim_with(|what| LEFT.lock().unwrap().push(what));
    for (megabytes, is_large) in [(5, false), (40, true)] {
        write(&path, megabytes);
        let before = resident();
        drop(load(&Disk::real(), &SystemClock, &path, &Alone, &|_, _| ControlFlow::Continue(())).unwrap());
        assert_eq!(LEFT.lock().unwrap().len(), usize::from(is_large));
        assert_eq!(resident().saturating_sub(before) > 35_000_000, is_large);
        LEFT.lock().unwrap().clear();
        assert!(resident().saturating_sub(before) < 5_000_000);
    }
}
