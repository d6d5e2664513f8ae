//! What happens in and after the exchange: nothing that somebody wrote goes, and what is told is true.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::{NEW, OLD, Place, names, text, version};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use treekeep::storage::{Call, Cause, Digest, Disk, Durability, Expected, SaveError, SystemClock};

const FOREIGN: &str = "// not JSON, and somebody's all the same\n";

/// A disk on which `act` is done before each call after the exchange.
fn after_exchange(act: impl Fn(Call, &std::path::Path) -> io::Result<()> + Send + Sync + 'static) -> Disk {
    let exchanged = AtomicBool::new(false);
    Disk::with_hook(move |call, path| {
        let before = exchanged.swap(call == Call::Exchange || exchanged.load(Ordering::SeqCst), Ordering::SeqCst);
        if before { act(call, path) } else { Ok(()) }
    })
}

#[test]
fn a_displaced_version_that_can_not_be_kept_elsewhere_stays_beside_and_is_told() {
    let place = Place::new();
    let path = place.file(OLD);
    let target = path.clone();
    let exchanged = AtomicBool::new(false);
    let disk = Disk::with_hook(move |call, path| {
        if call == Call::Exchange {
            fs::write(&target, FOREIGN)?;
            exchanged.store(true, Ordering::SeqCst);
        }
        let is_backup = path.to_string_lossy().contains("backups");
        if exchanged.load(Ordering::SeqCst) && is_backup { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    });
    let saved = place.save_on(&disk, &path, &version(&path), NEW).unwrap();
    let displaced = saved.displaced.expect("another program's version was displaced, and that is told");
    assert_eq!((text(&displaced.path).as_str(), displaced.cause), (FOREIGN, Cause::Conflict));
    // The next save finds it there, and keeps it although it is not JSON.
    place.save(&path, &version(&path), OLD).unwrap();
    assert!(place.backups().contains(FOREIGN), "{:?}", place.backups());
    assert!(place.litter().is_empty(), "{:?}", place.litter());
}

#[test]
fn leftovers_that_are_not_known_elsewhere_are_kept_whatever_they_are() {
    let place = Place::new();
    let path = place.file(OLD);
    // What an exchange displaced, before the program was killed: another program's text, which need not be JSON.
    fs::write(place.data(".a.json.treekeep-12345678.tmp"), FOREIGN).unwrap();
    // The document `a.json.treekeep-b` has leftovers of its own.
    let other = place.data(".a.json.treekeep-b.treekeep-12345678.tmp");
    fs::write(&other, "[1]").unwrap();
    place.save(&path, &version(&path), NEW).unwrap();
    assert!(place.backups().contains(FOREIGN), "{:?}", place.backups());
    assert!(other.exists(), "another document's leftovers are not this one's");
}

#[test]
fn a_new_text_that_was_not_finished_is_no_version() {
    let place = Place::new();
    let path = place.file(OLD);
    fs::write(place.data(".a.json.treekeep-12345678.part"), "{\"half").unwrap();
    place.save(&path, &version(&path), NEW).unwrap();
    assert!(place.litter().is_empty(), "{:?}", place.litter());
    assert_eq!(place.backups().into_iter().collect::<Vec<_>>(), [OLD]);
}

#[test]
fn what_fails_after_the_exchange_does_not_unmake_the_save() {
    for (call, error) in [(Call::Open, 24), (Call::Stat, 5), (Call::Read, 5), (Call::Remove, 1), (Call::List, 5)] {
        let place = Place::new();
        let path = place.file(OLD);
        let disk = after_exchange(move |now, _| if now == call { Err(io::Error::from_raw_os_error(error)) } else { Ok(()) });
        let saved = place.save_on(&disk, &path, &version(&path), NEW);
        let saved =
            saved.unwrap_or_else(|error| panic!("{call:?}: the new text is in place, yet: {} {}", error.what(), error.safe()));
        assert_eq!((text(&path).as_str(), saved.version.digest), (NEW, Digest::of(NEW.as_bytes())), "{call:?}");
        // The version that came back is one to save from.
        place.save(&path, &Expected::Version(saved.version), "[3]").unwrap();
        assert!(place.litter().is_empty(), "{call:?}: {:?}", place.litter());
        assert!(place.backups().contains(OLD), "{call:?}");
    }
}

#[test]
fn the_version_that_comes_back_is_never_another_programs() {
    let place = Place::new();
    let path = place.file(OLD);
    let target = path.clone();
    let done = AtomicBool::new(false);
    let disk = after_exchange(move |call, _| {
        if call == Call::SyncFolder && !done.swap(true, Ordering::SeqCst) {
            let beside = target.with_extension("other");
            fs::write(&beside, "[\"theirs\"]")?;
            fs::rename(beside, &target)?;
        }
        Ok(())
    });
    let saved = place.save_on(&disk, &path, &version(&path), NEW).unwrap();
    assert_eq!(saved.version.digest, Digest::of(NEW.as_bytes()));
    let there = fs::metadata(&path).unwrap();
    let theirs = treekeep::storage::Stamp::of(&there, 0);
    assert!(!saved.version.stamp.same_metadata(&theirs), "their metadata with our digest would hide their version");
    let look = treekeep::storage::look(&Disk::real(), &SystemClock, &path, &saved.version.stamp).unwrap();
    assert!(matches!(look, treekeep::storage::Look::Other(_)));
    assert!(matches!(place.save(&path, &Expected::Version(saved.version), "[3]"), Err(SaveError::Conflict(_))));
}

#[test]
fn a_folder_that_is_not_confirmed_is_told() {
    let place = Place::new();
    let path = place.file(OLD);
    let disk = after_exchange(|call, _| if call == Call::SyncFolder { Err(io::Error::other("EIO")) } else { Ok(()) });
    let saved = place.save_on(&disk, &path, &version(&path), NEW).unwrap();
    assert!(matches!(saved.durability, Durability::NameNotConfirmed(_)));
    assert_eq!(text(&path), NEW);
}

/// A share: no exchange, and a rename that fails marks the old file to vanish when the last one closes it.
#[test]
fn where_a_plain_rename_fails_the_new_text_is_kept_beside() {
    let place = Place::new();
    let path = place.file(OLD);
    let renames = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&renames);
    let disk = Disk::with_hook(move |call, path| match call {
        Call::Exchange => Err(io::ErrorKind::Unsupported.into()),
        Call::Rename if path.ends_with("a.json") => {
            counted.fetch_add(1, Ordering::SeqCst);
            Err(io::ErrorKind::PermissionDenied.into())
        }
        _ => Ok(()),
    });
    let error = place.save_on(&disk, &path, &version(&path), NEW).unwrap_err();
    assert_eq!(renames.load(Ordering::SeqCst), 10, "it is tried for some seconds");
    let SaveError::KeptBeside { kept, .. } = &error else { panic!("{error}: the old file may vanish yet") };
    assert_eq!((text(kept).as_str(), text(&path).as_str()), (NEW, OLD));
    assert!(kept.file_name().unwrap().to_string_lossy().starts_with("a.json.unsaved-"));
    assert!(error.safe().contains("unsaved-"));
}

#[test]
fn a_rename_that_works_at_last_is_a_save() {
    let place = Place::new();
    let path = place.file(OLD);
    let renames = AtomicUsize::new(0);
    let disk = Disk::with_hook(move |call, path| match call {
        Call::Exchange => Err(io::ErrorKind::Unsupported.into()),
        Call::Rename if path.ends_with("a.json") && renames.fetch_add(1, Ordering::SeqCst) < 4 => {
            Err(io::ErrorKind::PermissionDenied.into())
        }
        _ => Ok(()),
    });
    place.save_on(&disk, &path, &version(&path), NEW).unwrap();
    assert_eq!((text(&path).as_str(), place.litter()), (NEW, Vec::new()));
}

/// A file that is made private while it is being saved is not made public again.
#[test]
fn a_mode_that_changes_during_the_save_is_kept() {
    let place = Place::new();
    let path = place.file(OLD);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let target = path.clone();
    let done = AtomicBool::new(false);
    let disk = Disk::with_hook(move |call, path| {
        if call == Call::SyncFile && path.to_string_lossy().contains(".treekeep-") && !done.swap(true, Ordering::SeqCst) {
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600))?;
        }
        Ok(())
    });
    place.save_on(&disk, &path, &version(&path), NEW).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(text(&path), NEW);
}

#[test]
fn old_backups_are_removed_after_the_lock_was_let_go() {
    let place = Place::new();
    let path = place.file(OLD);
    let lock = place.data("a.json.lock");
    let free = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&free);
    // All backups are listed for that.
    let disk = after_exchange(move |call, path| {
        if call == Call::List && path.ends_with("backups") {
            let other = fs::File::open(&lock)?;
            seen.store(other.try_lock().is_ok(), Ordering::SeqCst);
        }
        Ok(())
    });
    place.save_on(&disk, &path, &version(&path), NEW).unwrap();
    assert!(free.load(Ordering::SeqCst), "others wait no longer than they have to");
}

#[test]
fn a_new_file_appears_whole_or_not_at_all() {
    let place = Place::new();
    let path = place.data("a.json");
    let target = path.clone();
    let disk = Disk::with_hook(move |call, _| if call == Call::RenameNew { fs::write(&target, "[0]") } else { Ok(()) });
    assert!(matches!(place.save_on(&disk, &path, &Expected::Nothing, NEW), Err(SaveError::Exists)));
    assert_eq!((text(&path).as_str(), names(&place.data(""))), ("[0]", vec!["a.json".to_owned(), "a.json.lock".to_owned()]));
}

#[test]
fn a_new_file_may_be_read_by_whom_the_mask_allows() {
    let place = Place::new();
    let path = place.data("a.json");
    fs::write(place.data("other"), "").unwrap();
    place.save(&path, &Expected::Nothing, NEW).unwrap();
    let mode = |name: &str| fs::metadata(place.data(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("a.json"), mode("other"), "as any file that a program creates here");
}
