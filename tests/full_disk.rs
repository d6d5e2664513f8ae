//! Disks that are full, really: file systems of every size from one page to twice the document, with too few files, and one for
//! the backups alone. The old file stays whole, the message says what is missing, nothing is littered, and with room it works.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;
mod mounts;

use faults::{OLD, Place, text, version};
use mounts::Mounted;
use std::fs;
use std::os::unix::fs::MetadataExt;
use treekeep::storage::SaveError;

const PAGE: u64 = 4096;
/// Twice this is the largest of a hundred sizes.
const LENGTH: u64 = 50 * PAGE;

/// A document of `LENGTH` bytes that begins with `first`.
fn large(first: u8) -> String {
    let head = format!("[{first},\"");
    let filling = LENGTH as usize - head.len() - 3;
    format!("{head}{}\"]\n", "x".repeat(filling))
}

/// Three sentences for people, the first of them about room.
#[track_caller]
fn assert_clear(error: &SaveError, context: &str) {
    let (what, safe, todo) = (error.what(), error.safe(), error.todo());
    assert!(what.starts_with("The disk is full"), "{context}: {what}");
    assert!(safe.starts_with("The file on disk is unchanged"), "{context}: {safe}");
    assert!(todo.contains("Make room"), "{context}: {todo}");
    assert!(!what.contains("os error"), "{context}: {what}");
}

#[derive(Default)]
struct Tally {
    full: usize,
    saved: usize,
}

/// Saves `new` over `old` on a disk of this size; with room again it has to work.
fn save_on_a_disk_of(size: u64, files: u64, old: &str, new: &str, tally: &mut Tally) -> Option<()> {
    let place = Place::new();
    let folder = place.data("");
    let mounted = Mounted::in_memory(size, files, &folder)?;
    let path = place.file(old);
    let before = fs::metadata(&path).unwrap();
    let context = format!("a disk of {size} bytes and {files} files");
    match place.save(&path, &version(&path), new) {
        Ok(saved) => {
            tally.saved += 1;
            assert_eq!((text(&path) == new, saved.displaced.is_none()), (true, true), "{context}");
        }
        Err(error) => {
            tally.full += 1;
            assert_clear(&error, &context);
            let after = fs::metadata(&path).unwrap();
            assert!(text(&path) == old, "{context}: the old text is whole");
            assert_eq!((after.ino(), after.mode(), after.mtime()), (before.ino(), before.mode(), before.mtime()), "{context}");
            assert!(place.litter().is_empty(), "{context}: {:?}", place.litter());
        }
    }
    mounted.grow(files);
    let now = text(&path);
    place.save(&path, &version(&path), if now == new { old } else { new }).unwrap_or_else(|error| panic!("{context}: {error}"));
    assert!(text(&path) == if now == new { old } else { new }, "{context}");
    assert!(place.litter().is_empty() && place.backups().contains(&now), "{context}: {:?}", place.litter());
    Some(())
}

#[test]
fn a_disk_of_any_size_up_to_twice_the_document() {
    let mut tally = Tally::default();
    for size in (PAGE..=2 * LENGTH).step_by(PAGE as usize) {
        let Some(()) = save_on_a_disk_of(size, 0, OLD, &large(1), &mut tally) else { return };
    }
    println!("a small file becomes a large one: {} sizes, {} full, {} saved", tally.full + tally.saved, tally.full, tally.saved);
    assert_eq!((tally.full, tally.saved), (50, 50), "the old one takes a page, the new one fifty");
}

#[test]
fn a_disk_that_holds_the_document_and_less_than_once_more() {
    let mut tally = Tally::default();
    for size in (LENGTH..=2 * LENGTH + PAGE).step_by(PAGE as usize) {
        let Some(()) = save_on_a_disk_of(size, 0, &large(1), &large(2), &mut tally) else { return };
    }
    println!("a large file becomes another: {} sizes, {} full, {} saved", tally.full + tally.saved, tally.full, tally.saved);
    assert_eq!((tally.full, tally.saved), (50, 2), "both stand there for a moment");
}

/// The root folder and the file are there; the lock and the new text may find no room for their names.
#[test]
fn a_disk_without_room_for_one_file_more() {
    let mut tally = Tally::default();
    for files in 2..=6 {
        let Some(()) = save_on_a_disk_of(1 << 20, files, OLD, &large(1), &mut tally) else { return };
    }
    assert!(tally.full >= 1 && tally.saved >= 2, "{} full, {} saved", tally.full, tally.saved);
}

/// Saves with the backups on a disk of their own; where there is no room for them it stops with a choice, and goes on without one if
/// that is what is chosen.
fn back_up_on_a_disk_of(size: u64, files: u64, tally: &mut Tally) -> Option<()> {
    let place = Place::new();
    let state = place.root().join("state");
    fs::create_dir(&state).unwrap();
    let mounted = Mounted::in_memory(size, files, &state)?;
    let (old, new) = (large(1), large(2));
    let path = place.file(&old);
    let context = format!("backups on a disk of {size} bytes and {files} files");
    let set = |more: &[&str]| place.treekeep(&[&["set", "a.json", "/0", "2"], more].concat());
    let output = set(&[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        tally.saved += 1;
        assert!(text(&path) == new && place.backups().contains(&old), "{context}");
        return Some(());
    }
    tally.full += 1;
    assert_eq!(output.status.code(), Some(2), "{context}: {told}");
    assert!(told.contains("could not be kept as a backup in") && told.contains("Make room in that folder"), "{context}: {told}");
    assert!(told.contains("The file on disk is unchanged"), "{context}: {told}");
    assert!(text(&path) == old && place.litter().is_empty(), "{context}: {:?}", place.litter());
    assert!(place.backups().is_empty(), "{context}: half a backup is none");
    if size.is_multiple_of(5 * PAGE) {
        // The choice.
        let output = set(&["--without-backup"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), told.as_str()), (Some(0), ""), "{context}");
    } else {
        mounted.grow(files);
        assert!(set(&[]).status.success(), "{context}: with room it works");
        assert!(place.backups().contains(&old), "{context}");
    }
    assert!(text(&path) == new && place.litter().is_empty(), "{context}: {:?}", place.litter());
    Some(())
}

#[test]
fn a_disk_for_the_backups_of_any_size_up_to_twice_the_document() {
    let mut tally = Tally::default();
    for size in (PAGE..=2 * LENGTH).step_by(2 * PAGE as usize).chain([5 * PAGE, 20 * PAGE, 45 * PAGE]) {
        let Some(()) = back_up_on_a_disk_of(size, 0, &mut tally) else { return };
    }
    for files in 1..=8 {
        let Some(()) = back_up_on_a_disk_of(5 << 20, files, &mut tally) else { return };
    }
    println!("backups: {} disks, {} full, {} saved", tally.full + tally.saved, tally.full, tally.saved);
    assert!(tally.full > 20 && tally.saved > 20, "{} full, {} saved", tally.full, tally.saved);
}

/// A file with two names is written in place, for which its whole new text must find room elsewhere first.
#[test]
fn a_file_that_is_written_in_place_on_a_full_disk() {
    let mut tally = Tally::default();
    for pages in 1..=110 {
        let place = Place::new();
        fs::create_dir(place.root().join("state")).unwrap();
        let Some(mounted) = Mounted::in_memory(pages * PAGE, 0, &place.root().join("state")) else { return };
        let path = place.file(large(1));
        fs::hard_link(&path, place.root().join("second")).unwrap();
        let context = format!("plans on a disk of {pages} pages");
        match place.save(&path, &version(&path), &large(2)) {
            Ok(saved) => {
                tally.saved += 1;
                assert!(saved.in_place.is_some() && text(&path) == large(2), "{context}");
            }
            Err(error) => {
                tally.full += 1;
                assert!(text(&path) == large(1), "{context}: {error}");
                assert!(error.safe().starts_with("The file on disk is unchanged"), "{context}: {}", error.safe());
                assert!(error.todo().contains("Make room"), "{context}: {} {}", error.what(), error.todo());
                assert!(plans(&place).is_empty(), "{context}: {:?}", plans(&place));
                mounted.grow(0);
                place.save(&path, &version(&path), &large(2)).unwrap_or_else(|error| panic!("{context}: {error}"));
            }
        }
        assert!(text(&place.root().join("second")) == large(2), "{context}: both names have the new text");
        assert!(place.litter().is_empty() && plans(&place).is_empty(), "{context}: {:?}", place.litter());
    }
    println!("in place: {} full, {} saved", tally.full, tally.saved);
    assert!(tally.full > 50 && tally.saved > 2, "{} full, {} saved", tally.full, tally.saved);
}

fn plans(place: &Place) -> Vec<String> {
    let folder = place.state().join("in-place");
    if folder.is_dir() { faults::names(&folder) } else { Vec::new() }
}

/// The file itself can't grow: it has holes, and its disk no room for what goes into them.
#[test]
fn a_file_that_can_not_grow_in_place() {
    let place = Place::new();
    let Some(mounted) = Mounted::in_memory(60 * PAGE, 0, &place.data("")) else { return };
    let path = place.file(OLD);
    fs::hard_link(&path, place.data("second")).unwrap();
    let filler = place.data("filler");
    fs::write(&filler, vec![b' '; 30 * PAGE as usize]).unwrap();
    let outcome = place.save(&path, &version(&path), &large(2));
    let error = outcome.expect_err("thirty pages are free, fifty are needed");
    let now = text(&path);
    assert!(now == OLD, "{} bytes; {} {} {}", now.len(), error.what(), error.safe(), error.todo());
    mounted.grow(0);
    place.save(&path, &version(&path), &large(2)).unwrap();
    assert!(text(&path) == large(2) && text(&place.data("second")) == large(2));
}
