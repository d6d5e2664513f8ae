//! Power cuts: what stands on the disk at any moment of a save is one whole version, and a save that was told as made is there.
//!
//! The file system lives in an image. Before a call of the save the program is killed and the image copied: what the system had
//! not written yet is not in the copy, as after a power cut.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::{NEW, OLD, calls_of_a_save, has, is_root, run, skip};
use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Mounts until it is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn new(image: &Path, options: &str, on: &Path) -> Self {
        run(Command::new("mount").args(["-o", &format!("loop,{options}")]).arg(image).arg(on));
        Self(on.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

struct Bench {
    folder: tempfile::TempDir,
    options: &'static str,
}

/// What was found after the power came back.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Old,
    New,
    /// Neither.
    Lost(String),
    /// The new version, and no backup of the old one.
    WithoutBackup,
}

impl Bench {
    /// An image with the old version in it; `None` where there is no such file system.
    fn new(make: &str, arguments: &[&str], megabytes: u64, options: &'static str) -> Option<Self> {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let bench = Self { folder, options };
        for name in ["mounted", "after"] {
            fs::create_dir(bench.path(name)).unwrap();
        }
        fs::File::create(bench.path("clean")).unwrap().set_len(megabytes << 20).unwrap();
        let made = Command::new(make).args(arguments).arg(bench.path("clean")).stdout(Stdio::null()).status();
        if !made.is_ok_and(|status| status.success()) {
            return None;
        }
        let mounted = Mounted::new(&bench.path("clean"), options, &bench.path("mounted"));
        fs::create_dir(bench.path("mounted/data")).unwrap();
        fs::write(bench.path("mounted/data/a.json"), OLD).unwrap();
        drop(mounted);
        Some(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn copy(&self, from: &str, to: &str) {
        run(Command::new("cp").arg("--sparse=always").arg(self.path(from)).arg(self.path(to)));
    }

    /// Saves under strace with these options, cuts the power, and looks at what is there. Says whether the save was told as made.
    fn cut(&self, options: &[&str]) -> (bool, Found) {
        self.copy("clean", "disk");
        let mounted = Mounted::new(&self.path("disk"), self.options, &self.path("mounted"));
        let mut command = Command::new("strace");
        command.args(["-f", "-qq"]).args(options).arg(env!("CARGO_BIN_EXE_treekeep"));
        command.arg("set").arg(self.path("mounted/data/a.json")).args(["/a", "2"]);
        command.env("XDG_STATE_HOME", self.path("mounted/state")).stderr(Stdio::null());
        let is_told = command.status().unwrap().success();
        self.copy("disk", "cut");
        drop(mounted);
        let after = Mounted::new(&self.path("cut"), self.options, &self.path("after"));
        let now = fs::read(self.path("after/data/a.json")).unwrap_or_default();
        let found = match String::from_utf8_lossy(&now).as_ref() {
            OLD => Found::Old,
            NEW if self.has_backup() => Found::New,
            NEW => Found::WithoutBackup,
            other => Found::Lost(other.to_owned()),
        };
        drop(after);
        (is_told, found)
    }

    fn has_backup(&self) -> bool {
        let folders = fs::read_dir(self.path("after/state/treekeep/backups")).into_iter().flatten().flatten();
        let mut files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
        files.any(|file| {
            file.path().extension().is_some_and(|ending| ending == "json") && fs::read(file.path()).unwrap() == OLD.as_bytes()
        })
    }

    /// The calls of a save that can change the disk.
    fn calls(&self) -> BTreeMap<String, RangeInclusive<usize>> {
        const CHANGING: &str = "openat,write,fsync,fdatasync,rename,renameat,renameat2,linkat,unlink,unlinkat,fallocate,ftruncate,\
                                fchmod,fchown,fsetxattr,mkdir,flock,exit_group";
        let trace = self.path("trace");
        let (told, found) = self.cut(&["-o", trace.to_str().unwrap(), "-e", &format!("trace={CHANGING}")]);
        assert_eq!((told, found), (true, Found::New));
        calls_of_a_save(&trace)
    }
}

#[test]
fn the_power_may_be_cut_before_every_call() {
    if !(is_root() && has("strace") && Path::new("/dev/loop-control").exists()) {
        return skip("needs root, strace and loop devices");
    }
    let systems: [(&str, &[&str], u64, &str); 4] = [
        ("mkfs.ext4", &["-q"], 16, "noauto_da_alloc"),
        ("mkfs.ext4", &["-q"], 16, "rw"),
        ("mkfs.xfs", &["-q"], 320, "rw"),
        ("mkfs.btrfs", &["-q"], 128, "rw"),
    ];
    let rounds: usize = std::env::var("TREEKEEP_POWER_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut seen = 0;
    for (make, arguments, megabytes, options) in systems {
        let Some(bench) = Bench::new(make, arguments, megabytes, options) else {
            println!("skipped: no {make}");
            continue;
        };
        seen += 1;
        let calls = bench.calls();
        assert!(calls["fsync"].clone().count() >= 4 && calls["exit_group"].clone().count() == 1, "{calls:?}");
        let (mut cuts, mut old, mut new) = (0, 0, 0);
        for (name, range) in (0..rounds).flat_map(|_| &calls) {
            for number in range.clone() {
                cuts += 1;
                let inject = format!("inject={name}:signal=KILL:when={number}");
                let (_, found) = bench.cut(&["-o", "/dev/null", "-e", &format!("trace={name}"), "-e", &inject]);
                match found {
                    Found::Old => old += 1,
                    Found::New => new += 1,
                    found => panic!("{make}: the power was cut before {name} {number}: {found:?}"),
                }
                // At its end it has told that it is saved.
                assert!(name != "exit_group" || found == Found::New, "{make}: saved, and gone with the power");
            }
        }
        println!("{make} {options}: {cuts} cuts: {old} left the old version, {new} the new one");
        assert!(old > 0 && new > 0);
        // With its defaults ext4 writes what a rename needs, most of the time.
        if make == "mkfs.ext4" && options == "rw" {
            continue;
        }
        // The test can see a loss: where fsync does nothing, a save that was told is not there.
        let found = bench.cut(&["-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:retval=0"]);
        assert_ne!(found, (true, Found::New), "{make}: without fsync a cut must show");
    }
    if seen == 0 {
        skip("needs mkfs.ext4, mkfs.xfs or mkfs.btrfs");
    }
}
