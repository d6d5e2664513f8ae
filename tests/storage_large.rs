//! Files that are too large to be held twice: they are read, kept and written in blocks, by several threads side by side.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;
mod mounts;

use faults::{Place, Quick, is_root, skip, text, version};
use mounts::Image;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use treekeep::document::Document;
use treekeep::jobs::Threads;
use treekeep::storage::{
    BackupPolicy, Call, Cause, Disk, Doing, Env, Expected, Options, Retention, SaveError, Saved, Step, save,
};

fn old() -> String {
    format!("[{}1]", "12345678901,".repeat(6_000_000))
}

fn new() -> String {
    old().replacen("12345678901", "7", 1)
}

fn document() -> Document {
    Document::parse(new()).unwrap()
}

fn save_with(
    disk: &Disk,
    state: &Path,
    path: &Path,
    expected: &Expected,
    document: &Document,
    observer: &mut dyn FnMut(Doing) -> ControlFlow<()>,
) -> Result<Saved, SaveError> {
    let env = Env { disk, clock: &Quick, state_folder: state, crew: &Threads };
    let options =
        Options { backup: BackupPolicy::Keep(Cause::Save), wait: Duration::from_secs(5), retention: Retention::default() };
    save(&env, path, expected, document, options, observer)
}

#[test]
fn a_large_save_tells_how_far_it_is_and_can_be_stopped_anywhere() {
    let place = Place::new();
    let path = place.file(old());
    let (expected, document) = (version(&path), document());
    let mut told = Vec::new();
    let mut listen = |doing: Doing| {
        told.push(doing);
        ControlFlow::Continue(())
    };
    save_with(&Disk::real(), &place.state(), &path, &expected, &document, &mut listen).unwrap();
    assert!(text(&path) == new() && place.backups() == BTreeSet::from([old()]) && place.litter().is_empty());
    for (step, total) in [(Step::Backup, old().len()), (Step::Write, new().len())] {
        let counted: Vec<&Doing> = told.iter().filter(|doing| doing.step == step && doing.total > 0).collect();
        assert!(counted.len() > 1 && counted.iter().all(|doing| doing.total == total as u64 && doing.done < doing.total));
        assert!(counted.is_sorted_by_key(|doing| doing.done), "{counted:?}");
    }
    let other = Place::new();
    let path = other.file(old());
    for stop_at in 0..told.len() {
        let mut number = 0;
        let mut stop = |_| {
            number += 1;
            if number > stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let outcome = save_with(&Disk::real(), &other.state(), &path, &expected, &document, &mut stop);
        assert!(matches!(outcome, Err(SaveError::Cancelled)), "{stop_at}: {outcome:?}");
        assert!(fs::metadata(&path).unwrap().len() == old().len() as u64 && other.litter().is_empty(), "{stop_at}");
    }
    assert!(text(&path) == old());
}

/// What is kept is the whole of it, also where it became longer while it was read.
#[test]
fn a_file_that_grows_while_it_is_read_is_kept_whole() {
    let place = Place::new();
    let path = place.file(old());
    let (target, has_grown) = (path.clone(), AtomicBool::new(false));
    let disk = Disk::with_hook(move |call, _| {
        if call == Call::Read && !has_grown.swap(true, Ordering::SeqCst) {
            fs::File::options().append(true).open(&target)?.write_all(b"\n\n\n")?;
        }
        Ok(())
    });
    save_with(&disk, &place.state(), &path, &Expected::Anything, &document(), &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(text(&path) == new());
    assert!(place.backups() == BTreeSet::from([old() + "\n\n\n"]));
}

/// A backup that shares its blocks with the file is no other name of it: what is written to the file later does not reach it.
#[test]
fn where_blocks_are_shared_a_backup_stays_what_it_was() {
    if !is_root() {
        return skip("needs root");
    }
    for make in ["mkfs.xfs", "mkfs.btrfs"] {
        let Some(image) = Image::new(make, 600) else { continue };
        let path = image.root().join("a.json");
        fs::write(&path, old()).unwrap();
        let expected = version(&path);
        let mut before = fs::File::options().write(true).open(&path).unwrap();
        let saved = save_with(&Disk::real(), &image.root().join("state"), &path, &expected, &document(), &mut |_| {
            ControlFlow::Continue(())
        });
        let backup = saved.unwrap().backup.unwrap();
        before.write_all(b"[9, 9, 9").unwrap();
        before.sync_all().unwrap();
        assert!(text(&path) == new() && text(&backup.path) == old(), "{make}");
    }
}
