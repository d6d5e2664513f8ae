//! Promises of the save protocol that one careless change would break, each held by a test of its own; `tests/mutants/` makes those
//! changes and looks whether they are caught.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::{NEW, OLD, Place, Quick, text, version};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use treekeep::document::{Alone, Document};
use treekeep::storage::{
    BackupPolicy, Call, Cause, Clock, Content, Digest, Disk, Env, Expected, Options, Retention, SaveError, Step, save,
};

/// All calls that a save of [`NEW`] over [`OLD`] makes.
fn calls_of_a_save(place: &Place, path: &Path) -> Vec<(Call, PathBuf)> {
    let calls: Arc<Mutex<Vec<(Call, PathBuf)>>> = Arc::default();
    let seen = Arc::clone(&calls);
    let disk = Disk::with_hook(move |call, path| {
        seen.lock().unwrap().push((call, path.to_owned()));
        Ok(())
    });
    place.save_on(&disk, path, &version(path), NEW).unwrap();
    let calls = calls.lock().unwrap();
    calls.clone()
}

/// No name is given while something written is not synced: not to the backup, not to the new text.
#[test]
fn what_is_written_is_synced_before_the_next_name_is_given() {
    let place = Place::new();
    let path = place.file(OLD);
    let mut unsynced = BTreeSet::new();
    let mut written = 0;
    for (call, at) in calls_of_a_save(&place, &path) {
        match call {
            Call::Write => {
                written += 1;
                unsynced.insert(at);
            }
            Call::SyncFile => {
                unsynced.remove(&at);
            }
            Call::Rename | Call::RenameNew | Call::Exchange => {
                // The new text is called finished after its sync, and not before.
                assert!(unsynced.is_empty(), "{call:?} to {}: {unsynced:?} may not be on the disk", at.display());
            }
            _ => {}
        }
    }
    assert_eq!((written, unsynced), (3, BTreeSet::new()), "the folder's label, the backup, the new text");
}

/// A name is durable when its folder is synced: the backup's before the file is touched, the file's before the save is told.
#[test]
fn each_name_is_synced_before_what_relies_on_it() {
    let place = Place::new();
    let path = place.file(OLD);
    let folder = path.parent().unwrap().canonicalize().unwrap();
    let mut backups_to_sync = BTreeSet::new();
    let mut is_confirmed = false;
    for (call, at) in calls_of_a_save(&place, &path) {
        let its_folder = at.parent().unwrap_or(&at).to_owned();
        match call {
            Call::RenameNew if its_folder != folder => {
                backups_to_sync.insert(its_folder);
            }
            Call::SyncFolder => {
                backups_to_sync.remove(&at);
                is_confirmed = at == folder;
            }
            Call::Exchange => {
                assert!(backups_to_sync.is_empty(), "the backup's name is not confirmed");
                is_confirmed = false;
            }
            _ => {}
        }
    }
    assert!(is_confirmed, "the folder is synced after the exchange");
}

#[test]
fn who_reads_the_old_version_reads_it_to_its_end() {
    let place = Place::new();
    let path = place.file(OLD);
    let mut reader = fs::File::open(&path).unwrap();
    let mut begin = [0; 4];
    reader.read_exact(&mut begin).unwrap();
    place.save(&path, &version(&path), NEW).unwrap();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(String::from_utf8_lossy(&begin).into_owned() + &rest, OLD);
    assert_eq!(text(&path), NEW);
}

/// The holder removes the lock's file before it lets go, as some versions of Python's filelock do: who had it open would lock a
/// file that nobody else can find.
#[test]
fn a_lock_whose_name_leads_elsewhere_is_not_the_lock() {
    let place = Place::new();
    let path = place.file(OLD);
    let lock = place.data("a.json.lock");
    let (opened, removed) = (AtomicBool::new(false), AtomicBool::new(false));
    let name = lock.clone();
    let disk = Disk::with_hook(move |call, _| {
        // The first call of any kind after it was opened and locked.
        let was_opened = opened.swap(call == Call::OpenLock, Ordering::SeqCst);
        if was_opened && call != Call::OpenLock && !removed.swap(true, Ordering::SeqCst) {
            fs::remove_file(&name)?;
        }
        Ok(())
    });
    let (state, expected) = (place.state(), version(&path));
    let is_excluding = AtomicBool::new(true);
    let env = Env { disk: &disk, clock: &Quick, state_folder: &state, crew: &Alone };
    let options = Options { backup: BackupPolicy::Skip, wait: Duration::from_secs(5), retention: Retention::default() };
    fs::write(&lock, "").unwrap();
    save(&env, &path, &expected, &Document::parse(NEW).unwrap(), options, &mut |doing| {
        if doing.step == Step::Verify {
            if !lock.exists() {
                is_excluding.store(false, Ordering::SeqCst);
            } else {
                let other = fs::File::open(&lock).unwrap();
                is_excluding.store(other.try_lock().is_err(), Ordering::SeqCst);
            }
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(is_excluding.load(Ordering::SeqCst), "others can take the lock while the file is saved");
}

#[test]
fn what_is_written_while_a_save_waits_for_the_lock_is_a_conflict() {
    let place = Place::new();
    let path = place.file(OLD);
    let lock = fs::File::create(place.data("a.json.lock")).unwrap();
    lock.lock().unwrap();
    let mut held = Some(lock);
    let (disk, state, expected) = (Disk::real(), place.state(), version(&path));
    let env = Env { disk: &disk, clock: &Quick, state_folder: &state, crew: &Alone };
    let options =
        Options { backup: BackupPolicy::Keep(Cause::Save), wait: Duration::from_secs(9), retention: Retention::default() };
    let mut asked = 0;
    let outcome = save(&env, &path, &expected, &Document::parse(NEW).unwrap(), options, &mut |doing| {
        asked += usize::from(doing.step == Step::Lock);
        if asked == 3 && held.is_some() {
            fs::write(&path, "[\"theirs\"]").unwrap();
            held = None;
        }
        ControlFlow::Continue(())
    });
    assert!(matches!(outcome, Err(SaveError::Conflict(_))), "{outcome:?}");
    assert_eq!((text(&path).as_str(), place.litter()), ("[\"theirs\"]", Vec::new()));
}

/// A clock that is set by hand, in seconds since 1970.
struct Set(AtomicI64);

impl Clock for Set {
    fn now_ns(&self) -> i128 {
        i128::from(self.0.load(Ordering::SeqCst)) * 1_000_000_000
    }

    fn sleep(&self, _time: Duration) {}
}

/// What another program wrote in the moment of a save was seen by nobody: its number and its place in the row do not make it go.
#[test]
fn versions_of_others_outlive_a_hundred_saves() {
    const NOON_S: i64 = 1_795_521_600;
    let place = Place::new();
    let path = place.file("[0]");
    let clock = Set(AtomicI64::new(NOON_S));
    let theirs = |number: i64| format!("[\"theirs\", {number}]");
    let mut expected = version(&path);
    for number in 1..=140 {
        clock.0.store(NOON_S + number, Ordering::SeqCst);
        let target = path.clone();
        let disk =
            Disk::with_hook(
                move |call, _| {
                    if call == Call::Exchange && number <= 40 { fs::write(&target, theirs(number)) } else { Ok(()) }
                },
            );
        let saved = place.save_at(&disk, &clock, &path, &expected, &format!("[{number}]")).unwrap();
        assert_eq!(saved.displaced.is_some(), number <= 40);
        expected = Expected::Version(saved.version);
    }
    let kept = place.backups();
    let missing: Vec<i64> = (1..=40).filter(|&number| !kept.contains(&theirs(number))).collect();
    assert!(missing.is_empty(), "{missing:?} are gone");
    assert!(kept.len() < 80, "the others go by the rules: {}", kept.len());
}

/// What is written, and whether it was announced.
struct Announced(Document, Arc<AtomicBool>);

impl Content for Announced {
    fn size(&self) -> u64 {
        self.0.byte_len()
    }

    fn write(&self, sink: &mut dyn FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
        self.0.write(sink)
    }

    fn will_be_saved(&self, digest: &Digest) {
        assert_eq!(*digest, Digest::of(NEW.as_bytes()));
        self.1.store(true, Ordering::SeqCst);
    }
}

/// A journal that knows the digest can tell after a crash whether the save was made.
#[test]
fn a_save_is_announced_before_it_is_made() {
    for has_two_names in [false, true] {
        let place = Place::new();
        let path = place.file(OLD);
        if has_two_names {
            fs::hard_link(&path, place.data("other-name")).unwrap();
        }
        let announced = Arc::new(AtomicBool::new(false));
        let known = Arc::clone(&announced);
        let disk = Disk::with_hook(move |call, _| {
            let makes_it = matches!(call, Call::Exchange | Call::OpenToWrite);
            assert!(!makes_it || known.load(Ordering::SeqCst), "{call:?} comes too early");
            Ok(())
        });
        let (state, expected) = (place.state(), version(&path));
        let env = Env { disk: &disk, clock: &Quick, state_folder: &state, crew: &Alone };
        let options =
            Options { backup: BackupPolicy::Keep(Cause::Save), wait: Duration::from_secs(5), retention: Retention::default() };
        let content = Announced(Document::parse(NEW).unwrap(), Arc::clone(&announced));
        save(&env, &path, &expected, &content, options, &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(announced.load(Ordering::SeqCst));
    }
}
