//! `kill -9` before every system call of a save: the file is always one whole version, and the next save works.
//!
//! strace counts the calls of a save and then kills the program before the k-th of each name. The kernel runs none of the killed
//! program's code after that, so what is on the disk is what a crash leaves.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const OLD: &str = "{\"a\": 1, \"b\": [1, 2, 3]}\n";
const NEW: &str = "{\"a\": 2, \"b\": [1, 2, 3]}\n";

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(old: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let place = Self { folder };
        if let Some(old) = old {
            fs::write(place.path(), old).unwrap();
        }
        place
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data/a.json")
    }

    /// `treekeep set` as strace runs it with these options.
    fn set(&self, options: &[&str], json: &str) -> Command {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq"])
            .args(options)
            .arg(env!("CARGO_BIN_EXE_treekeep"))
            .args(["set"])
            .arg(self.path())
            .args(["/a", json]);
        command.env("XDG_STATE_HOME", self.folder.path().join("state")).env_remove("RUST_BACKTRACE");
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command
    }

    fn litter(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path().join("data"))
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name != "a.json" && name != "a.json.lock").collect()
    }

    fn backups(&self) -> Vec<String> {
        let mut found = Vec::new();
        for folder in fs::read_dir(self.folder.path().join("state/treekeep/backups")).into_iter().flatten().flatten() {
            for entry in fs::read_dir(folder.path()).unwrap().flatten().filter(|entry| is_backup(&entry.path())) {
                found.push(fs::read_to_string(entry.path()).unwrap());
            }
        }
        found
    }
}

fn is_backup(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
}

/// How often each system call is made from the one that touches the file's folder first on.
fn calls() -> BTreeMap<String, usize> {
    let place = Place::new(Some(OLD));
    let trace = place.folder.path().join("trace");
    let status = place.set(&["-o", trace.to_str().unwrap()], "2").status().unwrap();
    assert!(status.success());
    let mut counts = BTreeMap::new();
    for line in fs::read_to_string(&trace).unwrap().lines() {
        let call = line.split_once(' ').map_or(line, |(_, rest)| rest.trim_start());
        let name = call.split('(').next().unwrap_or_default();
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_name && !["execve", "exit_group", "exit"].contains(&name) {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn killed_before_every_system_call_of_a_save() {
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has strace");
        return println!("skipped: strace is not installed");
    }
    let counts = calls();
    for needed in ["renameat2", "fsync", "write", "flock"] {
        assert!(counts.contains_key(needed), "a save calls {needed}: {counts:?}");
    }
    let (mut runs, mut killed, mut old, mut new) = (0, 0, 0, 0);
    for (name, count) in &counts {
        for number in 1..=*count {
            runs += 1;
            let place = Place::new(Some(OLD));
            let inject = format!("inject={name}:signal=KILL:when={number}");
            let trace = format!("trace={name}");
            let status = place.set(&["-o", "/dev/null", "-e", &trace, "-e", &inject], "2").status().unwrap();
            killed += usize::from(!status.success());
            let now = fs::read_to_string(place.path()).unwrap_or_default();
            assert!(now == OLD || now == NEW, "killed before {name} {number}: {now:?}");
            if now == NEW {
                new += 1;
                assert!(place.backups().contains(&OLD.to_owned()), "killed before {name} {number}: the version before is kept");
            } else {
                old += 1;
            }
            // A second save works, and takes the litter away.
            assert!(
                place.set(&["-o", "/dev/null", "-e", "trace=none"], "3").status().unwrap().success(),
                "after {name} {number}"
            );
            assert_eq!(fs::read_to_string(place.path()).unwrap(), OLD.replacen('1', "3", 1), "after {name} {number}");
            assert!(place.litter().is_empty(), "after {name} {number}: {:?}", place.litter());
        }
    }
    println!("{runs} runs, {killed} killed: {old} left the old version, {new} the new one");
    assert!(killed * 10 > runs * 9 && new > 0 && old > 0, "{runs} runs, {killed} killed, {old} old, {new} new");
}
