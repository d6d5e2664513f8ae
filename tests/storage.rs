//! The save protocol on real files: what it keeps, replaces, refuses and leaves behind.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::{NEW, OLD, Quick};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use treekeep::document::{Alone, Document};
use treekeep::storage::{
    BackupPolicy, Backups, Call, Cause, Digest, Disk, Doing, Durability, Env, Expected, Options, Retention, SaveError, Saved,
    Step, SystemClock, Version, read, save,
};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        Self { folder }
    }

    fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn file(&self, text: &str) -> PathBuf {
        let path = self.data("a.json");
        fs::write(&path, text).unwrap();
        path
    }

    fn save_with(
        &self,
        disk: &Disk,
        path: &Path,
        expected: &Expected,
        text: &str,
        observer: &mut dyn FnMut(Doing) -> ControlFlow<()>,
    ) -> Result<Saved, SaveError> {
        let state = self.state();
        let env = Env { disk, clock: &Quick, state_folder: &state, crew: &Alone };
        let options = Options {
            backup: BackupPolicy::Keep(Cause::Save),
            wait: Duration::from_millis(200),
            retention: Retention::default(),
        };
        save(&env, path, expected, &Document::parse(text).unwrap(), options, observer)
    }

    fn save(&self, path: &Path, expected: &Expected, text: &str) -> Result<Saved, SaveError> {
        self.save_with(&Disk::real(), path, expected, text, &mut |_| ControlFlow::Continue(()))
    }

    /// All kept versions, in any order.
    fn backups(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for folder in fs::read_dir(self.state().join("backups")).into_iter().flatten().flatten() {
            for entry in fs::read_dir(folder.path()).unwrap().flatten() {
                if entry.path().extension().is_some_and(|ending| ending == "json") {
                    found.insert(fs::read_to_string(entry.path()).unwrap());
                }
            }
        }
        found
    }

    /// The names beside the file, and those that are no backup in the folder of backups.
    fn litter(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path().join("data"))
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        for folder in fs::read_dir(self.state().join("backups")).into_iter().flatten().flatten() {
            for entry in fs::read_dir(folder.path()).unwrap().flatten() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.retain(|name| !(name == "a.json" || name == "a.json.lock" || name == "path.txt" || name.starts_with("20")));
        names
    }
}

fn version(path: &Path) -> Expected {
    let opened = read(&Disk::real(), &SystemClock, path, &mut |_, _| ControlFlow::Continue(())).unwrap();
    Expected::Version(Version { stamp: opened.stamp, digest: Digest::of(&opened.bytes) })
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_save_replaces_the_file_and_keeps_the_version_before() {
    let place = Place::new();
    let path = place.file(OLD);
    let saved = place.save(&path, &version(&path), NEW).unwrap();
    assert_eq!(text(&path), NEW);
    assert_eq!(saved.version.digest, Digest::of(NEW.as_bytes()));
    assert_eq!(saved.durability, Durability::Confirmed);
    assert_eq!((saved.displaced, saved.unlocked), (None, None));
    assert_eq!(place.backups(), BTreeSet::from([OLD.to_owned()]));
    assert_eq!(text(&saved.backup.unwrap().path), OLD);
    assert!(place.litter().is_empty(), "{:?}", place.litter());
    // The version that came back is the one to save from.
    place.save(&path, &Expected::Version(saved.version), OLD).unwrap();
    assert_eq!(text(&path), OLD);
}

#[test]
fn the_content_decides_whatever_the_times_say() {
    let place = Place::new();
    let path = place.file(OLD);
    let expected = version(&path);
    let Expected::Version(known) = &expected else { unreachable!() };
    // The same size, the same times.
    fs::write(&path, "{\"a\": 7}\n").unwrap();
    let seconds = (known.stamp.modified_ns / 1_000_000_000) as i64;
    let times = rustix::fs::Timestamps {
        last_access: rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 },
        last_modification: rustix::fs::Timespec { tv_sec: seconds, tv_nsec: (known.stamp.modified_ns % 1_000_000_000) as i64 },
    };
    rustix::fs::utimensat(rustix::fs::CWD, &path, &times, rustix::fs::AtFlags::empty()).unwrap();
    assert!(
        matches!(place.save(&path, &expected, NEW), Err(SaveError::Conflict(theirs)) if theirs.digest == Digest::of(b"{\"a\": 7}\n"))
    );
    assert_eq!(text(&path), "{\"a\": 7}\n");
    // The same content under other times is no conflict.
    fs::remove_file(&path).unwrap();
    fs::write(&path, OLD).unwrap();
    place.save(&path, &expected, NEW).unwrap();
    assert_eq!(text(&path), NEW);
}

#[test]
fn what_is_not_there_and_what_is() {
    let place = Place::new();
    let path = place.file(OLD);
    let expected = version(&path);
    assert!(matches!(place.save(&path, &Expected::Nothing, NEW), Err(SaveError::Exists)));
    fs::remove_file(&path).unwrap();
    assert!(matches!(place.save(&path, &expected, NEW), Err(SaveError::Deleted)));
    assert!(!path.exists());
    place.save(&path, &Expected::Nothing, NEW).unwrap();
    assert_eq!(text(&path), NEW);
    place.save(&path, &Expected::Anything, OLD).unwrap();
    assert_eq!((text(&path), place.backups()), (OLD.to_owned(), BTreeSet::from([NEW.to_owned()])));
}

#[test]
fn links_are_followed_and_stay() {
    let place = Place::new();
    let path = place.file(OLD);
    symlink("a.json", place.data("one")).unwrap();
    symlink("one", place.data("two")).unwrap();
    let link = place.data("two");
    place.save(&link, &version(&link), NEW).unwrap();
    assert_eq!(text(&path), NEW);
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("one"));
    assert!(place.data("two.lock").exists() && place.data("a.json.lock").exists(), "both spellings are locked");
    symlink("nowhere", place.data("dangling")).unwrap();
    assert!(matches!(place.save(&place.data("dangling"), &Expected::Anything, NEW), Err(SaveError::NotRegular(_))));
}

#[test]
fn what_may_not_be_written_is_refused() {
    let place = Place::new();
    let path = place.file(OLD);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let error = place.save(&path, &version(&path), NEW).unwrap_err();
    assert!(matches!(error, SaveError::ReadOnly));
    assert_eq!(error.safe(), "The file on disk is unchanged, and your edits are still here.");
    assert_eq!((text(&path), place.litter()), (OLD.to_owned(), Vec::new()));
    assert!(matches!(
        place.save(&place.folder.path().join("data"), &Expected::Anything, NEW),
        Err(SaveError::NotRegular("a folder"))
    ));
    let pipe = place.data("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
    assert!(matches!(place.save(&pipe, &Expected::Anything, NEW), Err(SaveError::NotRegular("a named pipe"))));
    let opened = read(&Disk::real(), &SystemClock, &pipe, &mut |_, _| ControlFlow::Continue(()));
    assert!(opened.unwrap_err().to_string().contains("a named pipe"));
}

#[test]
fn mode_owner_and_attributes_stay() {
    let place = Place::new();
    let path = place.file(OLD);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4640)).unwrap();
    if is_root() {
        std::os::unix::fs::chown(&path, Some(1234), Some(2345)).unwrap();
    }
    let has_attributes = rustix::fs::setxattr(&path, "user.note", b"kept", rustix::fs::XattrFlags::empty()).is_ok();
    let has_acl = Command::new("setfacl").args(["-m", "u:4321:r"]).arg(&path).status().is_ok_and(|status| status.success());
    let before = fs::metadata(&path).unwrap();
    place.save(&path, &version(&path), NEW).unwrap();
    let after = fs::metadata(&path).unwrap();
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert_eq!(after.mode() & 0o777, before.mode() & 0o777);
    assert_eq!(after.mode() & 0o7000, 0, "the set-user bit is dropped");
    if has_attributes {
        let mut value = [0; 16];
        let length = rustix::fs::getxattr(&path, "user.note", &mut value).unwrap();
        assert_eq!(&value[..length], b"kept");
    } else {
        println!("skipped: extended attributes are not to be had here");
    }
    if has_acl {
        let listed = Command::new("getfacl").arg(&path).output().unwrap();
        assert!(String::from_utf8_lossy(&listed.stdout).contains("user:4321:r--"));
    } else {
        println!("skipped: setfacl is not installed");
    }
    let lock = fs::metadata(place.data("a.json.lock")).unwrap();
    assert_eq!((lock.mode() & 0o777, lock.len()), (before.mode() & 0o666, 0), "who may write the file may lock it");
}

#[test]
fn long_and_strange_names() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let names = [
        std::ffi::OsString::from("x".repeat(250)),
        "א".repeat(120).into(),
        std::ffi::OsStr::from_bytes(b"\xFF\xFE.json").to_owned(),
    ];
    for name in names {
        let path = place.folder.path().join("data").join(&name);
        fs::write(&path, OLD).unwrap();
        place.save(&path, &version(&path), NEW).unwrap();
        assert_eq!(text(&path), NEW);
    }
}

#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    let place = Place::new();
    let small = place.folder.path().join("small");
    fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&small).status();
    if !mounted.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "CI can mount");
        return println!("skipped: a small file system can't be mounted here");
    }
    let path = small.join("a.json");
    fs::write(&path, OLD).unwrap();
    let large = format!("[{}1]", "1,".repeat(200_000));
    let error = place.save(&path, &version(&path), &large).unwrap_err();
    let names: Vec<_> = fs::read_dir(&small).unwrap().flatten().map(|entry| entry.file_name()).collect();
    let kept = text(&path);
    Command::new("umount").arg("-l").arg(&small).status().unwrap();
    assert!(error.what().contains("The disk is full"), "{error}");
    assert_eq!(kept, OLD);
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_version_that_appears_between_look_and_exchange_is_kept() {
    let place = Place::new();
    let path = place.file(OLD);
    let expected = version(&path);
    let target = path.clone();
    let disk = Disk::with_hook(move |call, _| {
        if call == Call::Exchange {
            fs::write(&target, "{\"hostile\": true}")?;
        }
        Ok(())
    });
    let saved = place.save_with(&disk, &path, &expected, NEW, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(text(&path), NEW);
    let displaced = saved.displaced.expect("it is told");
    assert_eq!((text(&displaced.path).as_str(), displaced.cause), ("{\"hostile\": true}", Cause::Conflict));
    assert!(place.litter().is_empty());
}

#[test]
fn a_version_that_appears_before_the_last_look_is_a_conflict() {
    let place = Place::new();
    let path = place.file(OLD);
    let expected = version(&path);
    let target = path.clone();
    let disk = Disk::with_hook(move |call, _| {
        if call == Call::SyncFile {
            fs::write(&target, "{\"hostile\": true}")?;
        }
        Ok(())
    });
    let outcome = place.save_with(&disk, &path, &expected, NEW, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(outcome, Err(SaveError::Conflict(_))), "{outcome:?}");
    assert_eq!((text(&path).as_str(), place.litter()), ("{\"hostile\": true}", Vec::new()));
}

#[test]
fn without_an_exchange_a_rename_does_it() {
    let place = Place::new();
    let path = place.file(OLD);
    let disk = Disk::with_hook(|call, _| if call == Call::Exchange { Err(io::ErrorKind::Unsupported.into()) } else { Ok(()) });
    place.save_with(&disk, &path, &version(&path), NEW, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((text(&path).as_str(), place.litter()), (NEW, Vec::new()));
}

#[test]
fn a_failed_sync_is_never_tried_again_on_the_same_file() {
    let place = Place::new();
    let path = place.file(OLD);
    let synced: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
    let disk = Disk::with_hook({
        let synced = Arc::clone(&synced);
        move |call, path| {
            if call == Call::SyncFile && path.to_string_lossy().contains(".treekeep-") {
                synced.lock().unwrap().push(path.to_owned());
                return Err(io::Error::other("EIO"));
            }
            Ok(())
        }
    });
    let error = place.save_with(&disk, &path, &version(&path), NEW, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, SaveError::Io { step: Step::Sync, .. }));
    let synced = synced.lock().unwrap();
    assert_eq!(synced.len(), 2, "a new file is written, once");
    assert_ne!(synced[0], synced[1]);
    assert_eq!((text(&path).as_str(), place.litter()), (OLD, Vec::new()));
}

#[test]
fn a_sync_comes_before_each_name() {
    let place = Place::new();
    let path = place.file(OLD);
    let calls: Arc<Mutex<Vec<(Call, PathBuf)>>> = Arc::default();
    let disk = Disk::with_hook({
        let calls = Arc::clone(&calls);
        move |call, path| {
            calls.lock().unwrap().push((call, path.to_owned()));
            Ok(())
        }
    });
    place.save_with(&disk, &path, &version(&path), NEW, &mut |_| ControlFlow::Continue(())).unwrap();
    let calls = calls.lock().unwrap();
    let folder = path.parent().unwrap().canonicalize().unwrap();
    let first = |wanted: Call, part: &str| {
        calls.iter().position(|(call, path)| *call == wanted && path.to_string_lossy().contains(part)).unwrap()
    };
    let last_sync_of_folder = calls.iter().rposition(|(call, path)| *call == Call::SyncFolder && *path == folder).unwrap();
    let backup_name = first(Call::RenameNew, "backups");
    let backup_sync = calls[..backup_name]
        .iter()
        .rposition(|(call, _)| *call == Call::SyncFile)
        .expect("the backup is synced before it has its name");
    let exchange = first(Call::Exchange, "a.json");
    let text_sync = first(Call::SyncFile, ".treekeep-");
    let backup_folder =
        calls.iter().enumerate().skip(backup_name).position(|(_, (call, _))| *call == Call::SyncFolder).unwrap() + backup_name;
    assert!(
        backup_sync < backup_name && backup_name < backup_folder && backup_folder < exchange,
        "the backup is durable before the file is touched"
    );
    assert!(text_sync < exchange && exchange < last_sync_of_folder);
}

#[test]
fn a_save_can_be_stopped_until_the_exchange() {
    for stop_at in [Step::Lock, Step::Verify, Step::Backup, Step::Write, Step::Sync, Step::Commit] {
        let place = Place::new();
        let path = place.file(OLD);
        let outcome = place.save_with(&Disk::real(), &path, &version(&path), NEW, &mut |doing| {
            if doing.step == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(outcome, Err(SaveError::Cancelled)), "{stop_at:?}: {outcome:?}");
        assert_eq!((text(&path).as_str(), place.litter()), (OLD, Vec::new()), "{stop_at:?}");
    }
}

#[test]
fn leftovers_of_a_killed_save_are_swept_and_nothing_whole_is_lost() {
    let place = Place::new();
    let path = place.file(OLD);
    fs::write(place.data(".a.json.treekeep-12345678.part"), "{\"half\": ").unwrap();
    fs::write(place.data(".a.json.treekeep-abcdefgh.tmp"), "{\"whole\": true}").unwrap();
    fs::write(place.data(".b.json.treekeep-abcdefgh.tmp"), "other").unwrap();
    place.save(&path, &version(&path), NEW).unwrap();
    assert_eq!(place.litter(), [".b.json.treekeep-abcdefgh.tmp"]);
    assert_eq!(place.backups(), BTreeSet::from([OLD.to_owned(), "{\"whole\": true}".to_owned()]));
}

#[test]
fn large_files_take_the_streaming_way() {
    let place = Place::new();
    let old = format!("[{}1]", "12345678901,".repeat(6_000_000));
    let path = place.file(&old);
    let expected = version(&path);
    let new = old.replacen("12345678901", "7", 1);
    place.save(&path, &expected, &new).unwrap();
    assert!(text(&path) == new);
    assert!(place.backups() == BTreeSet::from([old]));
    assert!(matches!(place.save(&path, &expected, "[]"), Err(SaveError::Conflict(_))));
    assert!(place.litter().is_empty(), "{:?}", place.litter());
}

#[test]
fn a_file_that_changes_while_it_is_read_is_read_again() {
    let place = Place::new();
    let path = place.file(&"[1] ".repeat(1_000_000));
    let target = path.clone();
    let reads = AtomicUsize::new(0);
    let disk = Disk::with_hook(move |call, _| {
        if call == Call::Read && reads.fetch_add(1, Ordering::SeqCst) == 0 {
            fs::write(&target, "[2]")?;
        }
        Ok(())
    });
    let opened = read(&disk, &Quick, &path, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert_eq!(opened.bytes, b"[2]");
    let always = path.clone();
    let writes = AtomicUsize::new(0);
    let unsteady = Disk::with_hook(move |call, _| {
        if call == Call::Read {
            fs::write(&always, "[2]".repeat(1 + writes.fetch_add(1, Ordering::SeqCst)))?;
        }
        Ok(())
    });
    let error = read(&unsteady, &Quick, &path, &mut |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("keeps writing"), "{error}");
}

#[test]
fn backups_are_listed_by_time_and_kept_once() {
    let place = Place::new();
    let path = place.file("[0]");
    for number in 1..=30 {
        place.save(&path, &version(&path), &format!("[{}]", number % 3)).unwrap();
    }
    let real = path.canonicalize().unwrap();
    let listed = Backups::of(&Disk::real(), &place.state(), &real).list().unwrap();
    assert_eq!(listed.len(), 3, "the same version is kept once");
    assert!(listed.windows(2).all(|pair| pair[0].time <= pair[1].time));
}

#[test]
fn many_threads_saving_one_file_lose_nothing() {
    let place = Place::new();
    let path = place.file("[0]");
    let state = place.state();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (path, state) = (path.clone(), state.clone());
            std::thread::spawn(move || {
                for _ in 0..25 {
                    let disk = Disk::real();
                    let env = Env { disk: &disk, clock: &SystemClock, state_folder: &state, crew: &Alone };
                    let options =
                        Options { backup: BackupPolicy::Skip, wait: Duration::from_secs(60), retention: Retention::default() };
                    treekeep::storage::update(
                        &env,
                        &path,
                        options,
                        &mut |document: Result<Document, _>, _| {
                            let count: u64 =
                                String::from_utf8_lossy(&document?.to_bytes()).trim_matches(['[', ']']).parse().unwrap();
                            Document::parse(format!("[{}]", count + 1))
                        },
                        &mut |_| ControlFlow::Continue(()),
                    )
                    .map_err(|_| "not saved")
                    .unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(text(&path), "[100]");
}
