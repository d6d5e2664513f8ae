//! Files that can't be replaced by a rename are written in place, behind a plan that a crash leaves whole.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::{NEW, OLD, Place, Quick};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use treekeep::document::Alone;
use treekeep::storage::{
    Backups, Call, Disk, Env, Expected, Obstacle, SaveError, Settled, SystemClock, finish_interrupted, version_of,
};

fn expected(path: &Path) -> Expected {
    Expected::Version(version_of(&Disk::real(), &SystemClock, path).unwrap().0)
}

fn settle(place: &Place, path: &Path) -> Option<Settled> {
    let state = place.state();
    let env = Env { disk: &Disk::real(), clock: &Quick, state_folder: &state, crew: &Alone };
    finish_interrupted(&env, path, Duration::from_secs(1)).unwrap()
}

fn plans(place: &Place) -> usize {
    fs::read_dir(place.state().join("in-place")).map_or(0, Iterator::count)
}

fn long(value: &str, items: usize) -> String {
    format!("[{}0]\n", format!("\"{value}\", ").repeat(items))
}

#[test]
fn all_names_of_a_file_have_the_new_text() {
    let place = Place::new();
    let path = place.file(OLD);
    let other = place.data("other-name");
    fs::hard_link(&path, &other).unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    let saved = place.save(&path, &expected(&path), NEW).unwrap();
    assert!(matches!(saved.in_place, Some(Obstacle::HardLinks(2))));
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), fs::read_to_string(&other).unwrap().as_str()), (NEW, NEW));
    assert_eq!((fs::metadata(&path).unwrap().ino(), plans(&place)), (inode, 0));
    assert_eq!(fs::read_to_string(saved.backup.unwrap().path).unwrap(), OLD);
    assert_eq!(expected(&path).digest(), saved.version.digest);
    // The version that it tells is one that the next save starts from.
    place.save(&path, &Expected::Version(saved.version), "[1, 2]").unwrap();
    // Shorter than before, and longer.
    place.save(&path, &expected(&path), &long("1", 1000)).unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), long("1", 1000));
}

trait DigestOf {
    fn digest(&self) -> treekeep::storage::Digest;
}

impl DigestOf for Expected {
    fn digest(&self) -> treekeep::storage::Digest {
        match self {
            Expected::Version(version) => version.digest,
            _ => panic!("a version"),
        }
    }
}

#[test]
fn another_version_is_a_conflict_and_stays() {
    let place = Place::new();
    let path = place.file(OLD);
    fs::hard_link(&path, place.data("other-name")).unwrap();
    let known = expected(&path);
    fs::write(&path, "[9]").unwrap();
    assert!(matches!(place.save(&path, &known, NEW), Err(SaveError::Conflict(_))));
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), plans(&place)), ("[9]", 0));
}

/// All calls fail from the n-th on, as if the process had ended there; and then somebody comes by.
#[test]
fn a_write_that_ends_anywhere_is_finished_or_undone() {
    let (old, new) = (long("old", 200_000), long("a newer one", 150_000));
    let (mut torn, mut undone, mut finished, mut never) = (0, 0, 0, 0);
    for last in 0.. {
        let place = Place::new();
        let path = place.file(&old);
        fs::hard_link(&path, place.data("other-name")).unwrap();
        let known = expected(&path);
        let count = Arc::new(AtomicUsize::new(0));
        let disk = Disk::with_hook(move |_, _| {
            if count.fetch_add(1, Ordering::SeqCst) < last { Ok(()) } else { Err(io::Error::other("the process is gone")) }
        });
        let saved = place.save_on(&disk, &path, &known, &new);
        let now = fs::read_to_string(&path).unwrap();
        let is_torn = now != old && now != new;
        torn += usize::from(is_torn);
        if is_torn {
            assert!(matches!(saved, Err(SaveError::Interrupted { .. })), "{last}: {saved:?}");
        }
        match settle(&place, &path) {
            None => never += 1,
            Some(Settled::Undone) => undone += 1,
            Some(Settled::Finished { .. }) => finished += 1,
            Some(Settled::Superseded) => panic!("{last}: nobody else wrote"),
        }
        let then = fs::read_to_string(&path).unwrap();
        assert!(then == old || then == new, "{last}");
        assert!(!is_torn || then == new, "{last}: what was begun is finished");
        if now != old {
            let state = place.state();
            let backups = Backups::of(&disk, &state, &path.canonicalize().unwrap());
            let kept: Vec<_> = fs::read_dir(backups.folder())
                .unwrap()
                .flatten()
                .filter_map(|entry| fs::read_to_string(entry.path()).ok())
                .collect();
            assert!(kept.contains(&old), "{last}: the old text is kept");
        }
        place.save(&path, &expected(&path), NEW).unwrap();
        assert_eq!(plans(&place), 0, "{last}");
        if saved.is_ok() {
            break;
        }
    }
    println!("{torn} torn, {undone} undone, {finished} finished, {never} without a plan");
    assert!(torn > 2 && undone > 0 && finished > 0 && never > 0);
}

#[test]
fn the_next_save_finishes_what_was_begun_and_goes_on_from_there() {
    let (old, new) = (long("old", 200_000), long("a newer one", 150_000));
    let place = Place::new();
    let path = place.file(&old);
    fs::hard_link(&path, place.data("other-name")).unwrap();
    let known = expected(&path);
    let target = path.clone();
    let written = AtomicUsize::new(0);
    let disk = Disk::with_hook(move |call, path| {
        if call == Call::Write && path == target && written.fetch_add(1, Ordering::SeqCst) == 1 {
            return Err(io::Error::other("EIO"));
        }
        Ok(())
    });
    let error = place.save_on(&disk, &path, &known, &new).unwrap_err();
    assert!(matches!(error, SaveError::Interrupted { .. }), "{error}");
    assert!(error.safe().contains("in-place"), "{}", error.safe());
    assert_eq!(plans(&place), 1);
    place.save(&path, &known, &new).unwrap();
    assert_eq!((fs::read_to_string(&path).unwrap(), plans(&place)), (new, 0));
}

#[test]
fn what_another_program_wrote_after_the_crash_is_left_alone() {
    let place = Place::new();
    let path = place.file(OLD);
    fs::hard_link(&path, place.data("other-name")).unwrap();
    let known = expected(&path);
    let target = path.clone();
    let disk = Disk::with_hook(move |call, path| match call {
        Call::Write if path == target => Err(io::Error::other("EIO")),
        _ => Ok(()),
    });
    assert!(matches!(place.save_on(&disk, &path, &known, NEW), Err(SaveError::Interrupted { .. })));
    fs::write(&path, "[\"theirs\"]").unwrap();
    assert_eq!(settle(&place, &path), Some(Settled::Superseded));
    assert_eq!(fs::read_to_string(&path).unwrap(), "[\"theirs\"]");
    let state = place.state();
    let kept = Backups::of(&disk, &state, &path.canonicalize().unwrap()).list().unwrap();
    let texts: Vec<String> = kept.iter().map(|backup| fs::read_to_string(&backup.path).unwrap()).collect();
    assert!(texts.contains(&NEW.to_owned()) && texts.contains(&OLD.to_owned()), "{texts:?}");
}

#[test]
fn without_a_place_for_the_plan_nothing_is_written() {
    let place = Place::new();
    let path = place.file(OLD);
    fs::hard_link(&path, place.data("other-name")).unwrap();
    let known = expected(&path);
    let disk = Disk::with_hook(|call, path| match call {
        Call::Create if path.ends_with("in-place") => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    });
    let error = place.save_on(&disk, &path, &known, NEW).unwrap_err();
    assert!(matches!(error, SaveError::Plan { .. }) && error.todo().starts_with("Make room"), "{error}");
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), plans(&place)), (OLD, 0));
}

/// The new text is on the disk, by name, before the first byte of the file is touched.
#[test]
fn the_plan_is_durable_before_the_file_is_written() {
    let place = Place::new();
    let path = place.file(OLD);
    fs::hard_link(&path, place.data("other-name")).unwrap();
    let known = expected(&path);
    let calls: Arc<std::sync::Mutex<Vec<(Call, std::path::PathBuf)>>> = Arc::default();
    let seen = Arc::clone(&calls);
    let disk = Disk::with_hook(move |call, path| {
        seen.lock().unwrap().push((call, path.to_owned()));
        Ok(())
    });
    place.save_on(&disk, &path, &known, NEW).unwrap();
    let calls = calls.lock().unwrap();
    let at = |wanted: &dyn Fn(&(Call, std::path::PathBuf)) -> bool| calls.iter().position(wanted).unwrap();
    let in_plans = |path: &Path| path.parent().is_some_and(|folder| folder.ends_with("in-place"));
    let opened = at(&|(call, _)| *call == Call::OpenToWrite);
    let synced = at(&|(call, path)| *call == Call::SyncFile && in_plans(path));
    let named = at(&|(call, path)| *call == Call::RenameNew && in_plans(path));
    let durable = at(&|(call, path)| *call == Call::SyncFolder && path.ends_with("in-place"));
    assert!(synced < named && named < durable && durable < opened, "{synced} {named} {durable} {opened}");
}
