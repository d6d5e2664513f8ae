//! Really full disks: a save on a disk of any size works, or is refused with the old version whole and nothing left behind.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::{is_root, skip};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small disk in memory, mounted until it is dropped.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new(kilobytes: usize) -> Option<Self> {
        let disk = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(disk.path("disk")).unwrap();
        let option = format!("size={kilobytes}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &option, "tmpfs"]).arg(disk.path("disk")).status();
        mounted.is_ok_and(|status| status.success()).then_some(disk)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn grow(&self) {
        let grown = Command::new("mount").args(["-o", "remount,size=4m"]).arg(self.path("disk")).status().unwrap();
        assert!(grown.success());
    }

    /// `treekeep set` on a file; its state is on the small disk, too, or elsewhere.
    fn set(&self, file: &Path, state: &str, options: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_treekeep"));
        command.arg("set").arg(file).args(["/a", "2"]).args(options).env("XDG_STATE_HOME", self.path(state));
        let output = command.output().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn litter(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("disk")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !["a.json", "a.json.lock", "treekeep"].contains(&name.as_str())).collect()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path("disk")).status();
    }
}

#[test]
fn a_save_works_or_leaves_everything_as_it_was() {
    const KILOBYTES: usize = 200;
    if !is_root() {
        return skip("needs root to mount");
    }
    let old = format!("{{\"a\": 1, \"filler\": \"{}\"}}\n", "x".repeat(KILOBYTES * 1024 - 40));
    let new = old.replacen('1', "2", 1);
    let (mut saved, mut full) = (0, 0);
    for step in 0..100 {
        // From one block more than the file to twice the file and the lock.
        let Some(disk) = Disk::new(KILOBYTES + 4 + step * 4) else { return skip("needs the right to mount") };
        let file = disk.path("disk/a.json");
        fs::write(&file, &old).unwrap();
        let (exit, told) = disk.set(&file, "state", &[]);
        let now = fs::read_to_string(&file).unwrap();
        assert!(disk.litter().is_empty(), "{step}: {:?}", disk.litter());
        match exit {
            0 => {
                assert!(now == new, "{step}");
                saved += 1;
            }
            2 => {
                assert!(now == old && told.contains("The disk is full"), "{step}: {told}");
                assert!(told.contains("The file on disk is unchanged") && told.contains("Make room"), "{step}: {told}");
                full += 1;
                disk.grow();
                assert_eq!(disk.set(&file, "state", &[]).0, 0, "{step}: with room it is saved");
                assert!(fs::read_to_string(&file).unwrap() == new, "{step}");
            }
            other => panic!("{step}: {other}: {told}"),
        }
    }
    println!("100 sizes: {saved} saved, {full} full, 0 violations");
    assert!(saved > 20 && full > 20, "{saved} saved, {full} full");
}

#[test]
fn without_room_for_a_backup_the_save_stops_with_a_choice() {
    if !is_root() {
        return skip("needs root to mount");
    }
    let Some(disk) = Disk::new(64) else { return skip("needs the right to mount") };
    let file = disk.path("a.json");
    let old = format!("{{\"a\": 1, \"filler\": \"{}\"}}\n", "x".repeat(100_000));
    fs::write(&file, &old).unwrap();
    let (exit, told) = disk.set(&file, "disk", &[]);
    assert_eq!((exit, told.contains("could not be kept as a backup")), (2, true), "{told}");
    assert!(fs::read_to_string(&file).unwrap() == old);
    assert_eq!(disk.set(&file, "disk", &["--without-backup"]).0, 0);
    assert!(fs::read_to_string(&file).unwrap() == old.replacen('1', "2", 1));
}
