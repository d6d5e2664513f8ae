//! Backups over time: what a save replaced is there afterwards, whatever was replaced before and whatever the clock says.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::{OLD, Place, text, version};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use treekeep::storage::{Backup, Backups, Clock, Disk, Expected};

const DAY_S: i64 = 86_400;

/// A clock that is set by hand, in seconds since 1970.
struct Set(AtomicI64);

impl Clock for Set {
    fn now_ns(&self) -> i128 {
        i128::from(self.0.load(Ordering::SeqCst)) * 1_000_000_000
    }

    fn sleep(&self, _time: Duration) {}
}

/// 2026-11-24 12:00 UTC.
const NOON_S: i64 = 1_795_521_600;

fn kept(place: &Place, path: &Path) -> Vec<Backup> {
    Backups::of(&Disk::real(), &place.state(), &path.canonicalize().unwrap()).list().unwrap()
}

/// The same version, replaced again much later, is a version of today: the rules for old ones must not take it away.
#[test]
fn a_version_that_is_replaced_again_counts_from_now_on() {
    let place = Place::new();
    let path = place.file(OLD);
    let clock = Set(AtomicI64::new(NOON_S));
    let save = |text: &str| place.save_at(&Disk::real(), &clock, &path, &version(&path), text).unwrap();
    save("[0]");
    for day in 1..=60 {
        clock.0.store(NOON_S + day * DAY_S, Ordering::SeqCst);
        save(&format!("[{day}]"));
    }
    assert!(!place.backups().contains(OLD), "it is two months old, and sixty came after it");
    save(OLD);
    save("[61]");
    // Once more, so that it is not the newest one.
    save("[62]");
    assert!(place.backups().contains(OLD));
    for day in 61..=85 {
        clock.0.store(NOON_S + day * DAY_S, Ordering::SeqCst);
        save(&format!("[{}]", 100 + day));
    }
    save(OLD);
    let saved = save("[99]");
    let backup = saved.backup.unwrap();
    assert_eq!(text(&backup.path), OLD);
    assert_eq!(backup.time.as_second(), NOON_S + 85 * DAY_S, "it was replaced today");
    assert_eq!(kept(&place, &path).last().unwrap().path, backup.path, "and stands last in the list");
    let texts: Vec<String> = kept(&place, &path).iter().map(|backup| text(&backup.path)).collect();
    assert_eq!(texts.iter().filter(|text| *text == OLD).count(), 1, "the same version is kept once");
}

#[test]
fn five_hundred_saves_keep_what_the_rules_say_and_touch_nothing_else() {
    let place = Place::new();
    let path = place.file("[0]");
    let clock = Set(AtomicI64::new(NOON_S));
    let mut expected = version(&path);
    for number in 1..=500 {
        clock.0.store(NOON_S + number * 60, Ordering::SeqCst);
        let saved = place.save_at(&Disk::real(), &clock, &path, &expected, &format!("[{number}]")).unwrap();
        if number == 1 {
            let folder = saved.backup.as_ref().unwrap().path.parent().unwrap().to_owned();
            fs::write(folder.join("notes.json"), "mine").unwrap();
            fs::write(folder.join("20261124T030405.123Z-0a1b2c3d-save.json.bak"), "mine, too").unwrap();
        }
        expected = Expected::Version(saved.version);
    }
    let listed = kept(&place, &path);
    let minutes: Vec<i64> = listed.iter().map(|backup| (backup.time.as_second() - NOON_S) / 60).collect();
    // 500 minutes are eight hours and twenty minutes: the newest one of each, and the newest twenty.
    let hourly: Vec<i64> = (1..=8).map(|hour| hour * 60 - 1).collect();
    let newest: Vec<i64> = (481..=500).collect();
    assert_eq!(minutes, [hourly, newest].concat());
    let folder = listed[0].path.parent().unwrap();
    assert_eq!((text(&folder.join("notes.json")).as_str(), faults::names(folder).len()), ("mine", listed.len() + 3));
}

#[test]
fn a_clock_that_jumps_overwrites_no_backup() {
    let place = Place::new();
    let path = place.file("[0]");
    let clock = Set(AtomicI64::new(NOON_S));
    for (number, now) in [NOON_S, NOON_S, NOON_S - DAY_S, 0, -5, NOON_S + 3650 * DAY_S, NOON_S].into_iter().enumerate() {
        clock.0.store(now, Ordering::SeqCst);
        let before = text(&path);
        let saved = place.save_at(&Disk::real(), &clock, &path, &version(&path), &format!("[{}]", number + 1)).unwrap();
        assert_eq!(text(&saved.backup.unwrap().path), before, "at {now}");
    }
    assert_eq!(kept(&place, &path).len(), 7);
}

#[test]
fn a_backup_that_was_damaged_is_not_taken_for_the_version() {
    let place = Place::new();
    let path = place.file(OLD);
    let first = place.save(&path, &version(&path), "[1]").unwrap().backup.unwrap();
    fs::write(&first.path, "{\"a\": 9}\n").unwrap();
    place.save(&path, &version(&path), OLD).unwrap();
    let again = place.save(&path, &version(&path), "[2]").unwrap().backup.unwrap();
    assert_eq!(text(&again.path), OLD);
}

#[test]
fn backups_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let path = place.file(OLD);
    let backup = place.save(&path, &version(&path), "[1]").unwrap().backup.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&backup.path), mode(backup.path.parent().unwrap())), (0o600, 0o700));
    let label = backup.path.with_file_name("path.txt");
    assert_eq!(text(&label), path.canonicalize().unwrap().to_string_lossy());
}

#[test]
fn where_no_backup_can_be_kept_nothing_is_saved_unless_asked_for() {
    let place = Place::new();
    let path = place.file(OLD);
    fs::create_dir_all(place.root().join("state")).unwrap();
    fs::write(place.root().join("state/treekeep"), "a file where a folder should be").unwrap();
    let output = place.treekeep(&["set", "a.json", "/a", "2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("could not be kept as a backup"));
    assert_eq!(
        (text(&path).as_str(), faults::names(&place.data(""))),
        (OLD, vec!["a.json".to_owned(), "a.json.lock".to_owned()])
    );
    assert_eq!(place.treekeep(&["set", "a.json", "/a", "2", "--without-backup"]).status.code(), Some(0));
    assert_eq!(text(&path), faults::NEW);
}
