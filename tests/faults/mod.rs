//! What the storage tests share: a place with a file and a state folder, and the program run in it.
#![allow(dead_code)] // each test file uses a part

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::ops::{ControlFlow, RangeInclusive};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use treekeep::document::{Alone, Document};
use treekeep::storage::{
    BackupPolicy, Cause, Clock, Digest, Disk, Env, Expected, Options, Retention, SaveError, Saved, SystemClock, Version, read,
    save,
};

pub const OLD: &str = "{\"a\": 1}\n";
pub const NEW: &str = "{\"a\": 2}\n";

/// A folder with `data` for documents and `state` for backups.
pub struct Place {
    folder: tempfile::TempDir,
}

/// A clock that does not wait.
pub struct Quick;

impl Clock for Quick {
    fn now_ns(&self) -> i128 {
        SystemClock.now_ns()
    }

    fn sleep(&self, time: Duration) {
        // Not nothing: a child that another test starts holds copies of our locks until it runs its program.
        std::thread::sleep(time.min(Duration::from_millis(2)));
    }
}

impl Place {
    pub fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap())
    }

    /// In the memory, where the system has such a folder: there a save takes as long as its calls, whatever the disk is doing.
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::in_folder(memory) } else { Self::new() }
    }

    /// Within a folder, which is another file system's for one.
    pub fn in_folder(folder: &Path) -> Self {
        Self::within(tempfile::tempdir_in(folder).unwrap())
    }

    fn within(folder: tempfile::TempDir) -> Self {
        // Other users are to reach it, too.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        Self { folder }
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state/treekeep")
    }

    pub fn file(&self, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.data("a.json");
        fs::write(&path, text).unwrap();
        path
    }

    pub fn save_on(&self, disk: &Disk, path: &Path, expected: &Expected, text: &str) -> Result<Saved, SaveError> {
        self.save_at(disk, &Quick, path, expected, text)
    }

    pub fn save_at(
        &self,
        disk: &Disk,
        clock: &dyn Clock,
        path: &Path,
        expected: &Expected,
        text: &str,
    ) -> Result<Saved, SaveError> {
        let state = self.state();
        let env = Env { disk, clock, state_folder: &state, crew: &Alone };
        let options = Options {
            backup: BackupPolicy::Keep(Cause::Save),
            wait: Duration::from_millis(200),
            retention: Retention::default(),
        };
        save(&env, path, expected, &Document::parse(text).unwrap(), options, &mut |_| ControlFlow::Continue(()))
    }

    pub fn save(&self, path: &Path, expected: &Expected, text: &str) -> Result<Saved, SaveError> {
        self.save_on(&Disk::real(), path, expected, text)
    }

    /// The program, with this place's state.
    pub fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.data("")).env("XDG_STATE_HOME", self.root().join("state")).env_remove("RUST_BACKTRACE");
        command
    }

    pub fn treekeep(&self, arguments: &[&str]) -> Output {
        self.command(OsStr::new(env!("CARGO_BIN_EXE_treekeep"))).args(arguments).output().unwrap()
    }

    /// All names beside the file that are neither it nor its lock, and those among the backups that are none.
    pub fn litter(&self) -> Vec<String> {
        let mut names = names(&self.data(""));
        names.retain(|name| name != "a.json" && name != "a.json.lock");
        names.extend(self.backup_files().into_iter().map(|path| name_of(&path)).filter(|name| !name.ends_with(".json")));
        names.retain(|name| name != "path.txt");
        names
    }

    fn backup_files(&self) -> Vec<PathBuf> {
        let folders = fs::read_dir(self.state().join("backups")).into_iter().flatten().flatten();
        folders.flat_map(|folder| fs::read_dir(folder.path()).unwrap().flatten()).map(|entry| entry.path()).collect()
    }

    /// The texts of all kept versions.
    pub fn backups(&self) -> BTreeSet<String> {
        let kept = self.backup_files().into_iter().filter(|path| name_of(path).ends_with(".json"));
        kept.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()).collect()
    }
}

pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().flatten().map(|entry| name_of(&entry.path())).collect();
    names.sort();
    names
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

pub fn version(path: &Path) -> Expected {
    let opened = read(&Disk::real(), &SystemClock, path, &mut |_, _| ControlFlow::Continue(())).unwrap();
    Expected::Version(Version { stamp: opened.stamp, digest: Digest::of(&opened.bytes) })
}

pub fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says why a test is skipped; where nothing may be skipped this is a failure.
pub fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "{reason}");
    println!("skipped: {reason}");
}

pub fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

#[track_caller]
pub fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Which calls of each name belong to a save: from the first one on that names the file; numbers count from 1, as strace does.
pub fn calls_of_a_save(trace: &Path) -> BTreeMap<String, RangeInclusive<usize>> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut calls: BTreeMap<String, RangeInclusive<usize>> = BTreeMap::new();
    let mut has_begun = false;
    for line in text(trace).lines() {
        let call = line.split_once(' ').map_or(line, |(_, rest)| rest.trim_start());
        let name = call.split('(').next().unwrap_or_default().to_owned();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        has_begun |= call.contains("a.json") && !name.starts_with("exec");
        if has_begun {
            calls.entry(name).and_modify(|range| *range = *range.start()..=*count).or_insert(*count..=*count);
        }
    }
    calls
}
