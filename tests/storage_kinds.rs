//! Every kind of file that a save may meet: kept as it is, or refused with the reason and left as it was.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::{NEW, OLD, Place, has, is_root, names, run, skip, text, version};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use treekeep::storage::{Disk, Expected, Obstacle, OpenError, SaveError, SystemClock, read};

const NOBODY: u32 = 65534;

/// The program where other users can reach it.
fn reachable(place: &Place) -> PathBuf {
    let copy = place.root().join("treekeep");
    fs::copy(env!("CARGO_BIN_EXE_treekeep"), &copy).unwrap();
    copy
}

/// `treekeep set FILE /a 2` as a user without rights.
fn set_as_nobody(place: &Place, file: &str, more: &[&str]) -> Output {
    let mut command = place.command(OsStr::new("setpriv"));
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(reachable(place));
    command.args(["set", file, "/a", "2"]).args(more).env("XDG_STATE_HOME", nobodys_folder(place, "state-of-nobody"));
    command.output().unwrap()
}

fn nobodys_folder(place: &Place, name: &str) -> PathBuf {
    let folder = place.root().join(name);
    if fs::create_dir(&folder).is_ok() {
        chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    folder
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn can_drop_rights() -> bool {
    let can = is_root() && has("setpriv");
    if !can {
        skip("needs root and setpriv to act as another user");
    }
    can
}

#[test]
fn a_folder_in_which_nothing_can_be_created() {
    if !can_drop_rights() {
        return;
    }
    let place = Place::new();
    let path = place.file(OLD);
    chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    let output = set_as_nobody(&place, "a.json", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", message(&output));
    assert!(message(&output).contains("written in place. Nothing can be created in the file's folder"), "{}", message(&output));
    assert_eq!((text(&path).as_str(), names(&place.data(""))), (NEW, vec!["a.json".to_owned()]));
}

#[test]
fn another_users_file_is_not_made_ones_own() {
    if !can_drop_rights() {
        return;
    }
    for folder_mode in [0o777, 0o1777] {
        let place = Place::new();
        let path = place.file(OLD);
        mode(&path, 0o666);
        mode(&place.data(""), folder_mode);
        let output = set_as_nobody(&place, "a.json", &[]);
        assert_eq!(output.status.code(), Some(0), "{}", message(&output));
        assert!(message(&output).contains("belongs to another user"), "{}", message(&output));
        assert_eq!((text(&path).as_str(), place.litter()), (NEW, Vec::new()));
        assert_eq!(fs::metadata(&path).unwrap().uid(), 0);
    }
}

#[test]
fn a_group_that_can_not_be_kept_gives_its_rights_to_no_other() {
    if !can_drop_rights() {
        return;
    }
    let place = Place::new();
    let folder = nobodys_folder(&place, "own");
    let path = folder.join("a.json");
    fs::write(&path, OLD).unwrap();
    chown(&path, Some(NOBODY), Some(2345)).unwrap();
    mode(&path, 0o664);
    let output = set_as_nobody(&place, path.to_str().unwrap(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", message(&output));
    let after = fs::metadata(&path).unwrap();
    assert_eq!((text(&path).as_str(), after.uid(), after.gid(), after.mode() & 0o777), (NEW, NOBODY, NOBODY, 0o604));
}

#[test]
fn a_write_protected_file_is_left_alone() {
    let place = Place::new();
    let path = place.file(OLD);
    for bits in [0o444, 0o400, 0o000] {
        mode(&path, bits);
        if bits == 0 && !is_root() {
            continue;
        }
        assert!(matches!(place.save(&path, &version(&path), NEW), Err(SaveError::ReadOnly)), "{bits:o}");
        assert!(matches!(place.save(&path, &Expected::Anything, NEW), Err(SaveError::ReadOnly)), "{bits:o}");
    }
    assert_eq!((text(&path).as_str(), place.litter()), (OLD, Vec::new()));
}

#[test]
fn an_immutable_file_and_folder() {
    let place = Place::new();
    let path = place.file(OLD);
    let chattr = |flag: &str, path: &Path| Command::new("chattr").arg(flag).arg(path).status().is_ok_and(|s| s.success());
    if !chattr("+i", &path) {
        return skip("needs root and a file system with chattr");
    }
    let error = place.save(&path, &version(&path), NEW).unwrap_err();
    chattr("-i", &path);
    assert!(matches!(error, SaveError::ReadOnly), "{error}");
    chattr("+a", &path);
    let error = place.save(&path, &version(&path), NEW).unwrap_err();
    chattr("-a", &path);
    assert!(matches!(error, SaveError::ReadOnly | SaveError::CannotReplace(Obstacle::Forbidden)), "{error}");
    assert_eq!((text(&path).as_str(), place.litter()), (OLD, Vec::new()));
    // Nothing can be made in the folder, not even the lock: the file is written in place.
    fs::remove_file(place.data("a.json.lock")).unwrap();
    chattr("+i", &place.data(""));
    let saved = place.save(&path, &version(&path), NEW);
    chattr("-i", &place.data(""));
    let saved = saved.unwrap();
    assert!(matches!(saved.in_place, Some(Obstacle::Folder)) && saved.unlocked.is_some(), "{saved:?}");
    assert_eq!((text(&path).as_str(), place.litter()), (NEW, Vec::new()));
}

/// Mounts until it is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn new(arguments: &[&OsStr], on: &Path) -> Option<Self> {
        let status = Command::new("mount").args(arguments).arg(on).output();
        let mounted = status.is_ok_and(|output| output.status.success());
        if !mounted {
            skip("needs the right to mount");
        }
        mounted.then(|| Self(on.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_file_on_which_something_is_mounted() {
    let place = Place::new();
    let path = place.file(OLD);
    let other = place.root().join("other.json");
    fs::write(&other, "[0]").unwrap();
    let Some(_mounted) = Mounted::new(&["--bind".as_ref(), other.as_ref()], &path) else { return };
    let saved = place.save(&path, &version(&path), NEW).unwrap();
    assert!(matches!(saved.in_place, Some(Obstacle::Busy)), "{saved:?}");
    assert_eq!((text(&path).as_str(), text(&other).as_str(), place.litter()), (NEW, NEW, Vec::new()));
}

#[test]
fn a_file_system_that_can_not_be_written() {
    let place = Place::new();
    let folder = place.data("");
    let Some(mounted) = Mounted::new(&["-t".as_ref(), "tmpfs".as_ref(), "tmpfs".as_ref()], &folder) else { return };
    let path = place.file(OLD);
    run(Command::new("mount").args(["-o", "remount,ro"]).arg(&folder));
    let error = place.save(&path, &version(&path), NEW).unwrap_err();
    assert!(matches!(error, SaveError::ReadOnly), "{error:?}");
    assert_eq!(text(&path), OLD);
    drop(mounted);
}

/// A disk that is full at every place: the old version stays, nothing is littered, and with room again it works.
#[test]
fn a_disk_that_is_full_at_any_point() {
    let place = Place::new();
    let folder = place.data("");
    let Some(_mounted) = Mounted::new(&["-t".as_ref(), "tmpfs".as_ref(), "-osize=256k".as_ref(), "tmpfs".as_ref()], &folder)
    else {
        return;
    };
    let path = place.file(format!("[{}0]\n", "1,".repeat(20_000)));
    let old = text(&path);
    let (mut full, mut saved) = (0, 0);
    for free_kb in (0..=120).step_by(4) {
        let filler = place.data("filler");
        let _ = fs::remove_file(&filler);
        let space = rustix::fs::statvfs(&folder).unwrap();
        let fill = (space.f_bavail * space.f_frsize).saturating_sub(free_kb * 1024);
        fs::write(&filler, vec![b' '; fill as usize]).unwrap();
        let before = text(&path);
        let new = if before == old { old.replacen('1', "2", 1) } else { old.clone() };
        match place.save(&path, &version(&path), &new) {
            Ok(_) => {
                saved += 1;
                assert_eq!(text(&path), new);
            }
            Err(error) => {
                full += 1;
                assert!(error.what().starts_with("The disk is full"), "{free_kb} kB free: {}", error.what());
                assert!(error.what().contains("needed"), "how much is missing is told: {}", error.what());
                assert_eq!(text(&path), before, "{free_kb} kB free");
            }
        }
        assert_eq!(place.litter(), ["filler"], "{free_kb} kB free");
    }
    assert!(full > 3 && saved > 3, "{full} failed, {saved} saved");
}

#[test]
fn links_that_go_round_or_nowhere_are_refused() {
    let place = Place::new();
    symlink("b", place.data("a")).unwrap();
    symlink("a", place.data("b")).unwrap();
    symlink("nowhere", place.data("c")).unwrap();
    for name in ["a", "c"] {
        assert!(place.save(&place.data(name), &Expected::Anything, NEW).is_err(), "{name}");
        assert!(read(&Disk::real(), &SystemClock, &place.data(name), &mut |_, _| std::ops::ControlFlow::Continue(())).is_err());
    }
    assert_eq!(names(&place.data("")), ["a", "b", "c"]);
}

#[test]
fn the_longest_name_can_be_saved() {
    let place = Place::new();
    let path = place.data(&format!("{}.json", "x".repeat(250)));
    fs::write(&path, OLD).unwrap();
    let saved = place.save(&path, &version(&path), NEW).unwrap();
    assert_eq!(text(&path), NEW);
    assert!(saved.unlocked.is_some(), "its lock would have too long a name, and that is told");
    assert_eq!(names(&place.data("")).len(), 1);
}

#[test]
fn a_file_larger_than_the_memory_is_an_error_and_not_the_end() {
    if fs::read_to_string("/proc/sys/vm/overcommit_memory").is_ok_and(|policy| policy.trim() == "1") {
        return println!("skipped: this system promises any amount of memory");
    }
    let place = Place::new();
    let path = place.file("");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    if file.set_len(1 << 43).is_err() {
        return println!("skipped: the file system has no such large files");
    }
    let error = read(&Disk::real(), &SystemClock, &path, &mut |_, _| std::ops::ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, OpenError::TooLarge(..)), "{error}");
    let output = place.treekeep(&["check", "a.json"]);
    assert_eq!(output.status.code(), Some(2), "{}", message(&output));
}
