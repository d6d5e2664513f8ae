//! `kill -9` before every system call of a save: the file is always one whole version, and the next save works.
//!
//! strace counts the calls of a save and then kills the program before the k-th of each name. The kernel runs none of the killed
//! program's code after that, so what is on the disk is what a crash leaves.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The same, undisturbed; it has to work.
    #[track_caller]
    fn set_well(&self, json: &str, context: &str) {
        let output = self.set(&["-o", "/dev/null", "-e", "trace=none"], json).stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "{context}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }

    /// What stands beside the file or among the backups, and is neither a document, its lock nor a version.
    fn litter(&self) -> Vec<String> {
        let mut folders = vec![self.folder.path().join("data")];
        folders.extend(self.backup_folders());
        let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap().flatten());
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| !(name == "path.txt" || name == "a.json.lock" || name.ends_with(".json"))).collect()
    }

    fn backup_folders(&self) -> Vec<PathBuf> {
        let root = self.folder.path().join("state/treekeep/backups");
        fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    }

    fn backups(&self) -> Vec<String> {
        let mut found = Vec::new();
        for folder in self.backup_folders() {
            for entry in fs::read_dir(folder).unwrap().flatten().filter(|entry| is_backup(&entry.path())) {
                found.push(fs::read_to_string(entry.path()).unwrap());
            }
        }
        found
    }
}

fn is_backup(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
}

/// What was there before the save that is killed.
#[derive(Clone, Copy, Debug)]
enum Scene {
    /// No save yet: the lock and the folder of backups are made.
    First,
    /// The version that is replaced was replaced before: its backup is dated anew.
    Again,
    /// The file has two names, and is written in place.
    InPlace,
}

impl Scene {
    fn place(self) -> Place {
        let place = Place::new(Some(OLD));
        if matches!(self, Self::Again) {
            place.set_well("7", "the save before");
            fs::write(place.path(), OLD).unwrap();
        }
        if matches!(self, Self::InPlace) {
            fs::hard_link(place.path(), place.folder.path().join("second")).unwrap();
        }
        place
    }

    /// How often each system call is made.
    fn calls(self) -> BTreeMap<String, usize> {
        let place = self.place();
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
}

/// How a run ended.
struct End {
    was_killed: bool,
    is_new: bool,
}

fn kill(scene: Scene, name: &str, number: usize) -> End {
    let place = scene.place();
    let (trace, inject) = (format!("trace={name}"), format!("inject={name}:signal=KILL:when={number}"));
    let status = place.set(&["-o", "/dev/null", "-e", &trace, "-e", &inject], "2").status().unwrap();
    let context = format!("{scene:?}, killed before {name} {number}");
    let now = fs::read_to_string(place.path()).unwrap_or_default();
    assert!(now == OLD || now == NEW, "{context}: {now:?}");
    assert!(now == OLD || place.backups().contains(&OLD.to_owned()), "{context}: the version before is kept");
    // A second save works, and takes the litter away.
    let next = OLD.replacen('1', "3", 1);
    place.set_well("3", &context);
    assert_eq!(fs::read_to_string(place.path()).unwrap(), next, "{context}");
    assert!(place.litter().is_empty(), "{context}: {:?}", place.litter());
    assert!(place.backups().contains(&now), "{context}: what the second save replaced is kept");
    let whole = [OLD, NEW, &OLD.replacen('1', "7", 1)];
    assert!(place.backups().iter().all(|kept| whole.contains(&kept.as_str())), "{context}: {:?}", place.backups());
    End { was_killed: !status.success(), is_new: now == NEW }
}

#[test]
fn killed_before_every_system_call_of_a_save() {
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has strace");
        return println!("skipped: strace is not installed");
    }
    let rounds: usize = std::env::var("TREEKEEP_KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    for scene in [Scene::First, Scene::Again, Scene::InPlace] {
        let counts = scene.calls();
        let replaces: &[&str] = if matches!(scene, Scene::InPlace) { &["ftruncate"] } else { &["rename"] };
        for needed in ["renameat2", "fsync", "pwrite64", "flock"].iter().chain(replaces) {
            assert!(counts.contains_key(*needed), "a save calls {needed}: {counts:?}");
        }
        let points: Vec<(&str, usize)> =
            counts.iter().flat_map(|(name, count)| (1..=*count).map(|number| (name.as_str(), number))).collect();
        let points: Vec<(&str, usize)> = (0..rounds).flat_map(|_| points.iter().copied()).collect();
        let ends: Vec<End> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|worker| {
                    let own = points.iter().skip(worker).step_by(4);
                    scope.spawn(move || own.map(|&(name, number)| kill(scene, name, number)).collect::<Vec<End>>())
                })
                .collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        let runs = ends.len();
        let killed = ends.iter().filter(|end| end.was_killed).count();
        let new = ends.iter().filter(|end| end.is_new).count();
        println!("{scene:?}: {runs} runs, {killed} killed: {} left the old version, {new} the new one", runs - new);
        assert!(killed * 10 > runs * 9 && new > 0 && new < runs, "{scene:?}: {runs} runs, {killed} killed, {new} new");
    }
}
