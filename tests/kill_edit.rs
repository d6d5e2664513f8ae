//! `kill -9` before every system call of an editing session, and of the recovery after it: each edit that was answered comes back.
//!
//! `TREEKEEP_KILL_ROUNDS` makes more of it.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const OLD: &str = "{\"a\": 0, \"b\": []}\n";
/// Lines of a session, with a save in the middle.
const EDITS: usize = 16;

struct Place {
    folder: tempfile::TempDir,
}

/// The text after so many lines.
fn text_after(lines: usize) -> String {
    let edits = lines - usize::from(lines > EDITS / 2);
    let items: Vec<String> = (1..=edits).map(|number| number.to_string()).collect();
    format!("{{\"a\": 0, \"b\": [{}]}}\n", items.join(", "))
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(place.path("a.json"), OLD).unwrap();
        let mut lines = String::new();
        for number in 1..=EDITS {
            lines.push_str(&format!("{{\"op\":\"insert\",\"path\":\"/b/-\",\"value\":{number}}}\n"));
            if number == EDITS / 2 {
                lines.push_str("{\"op\":\"save\"}\n");
            }
        }
        fs::write(place.path("lines"), lines).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, strace: &[&str], arguments: &[&str]) -> Command {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq"]).args(strace).arg(env!("CARGO_BIN_EXE_treekeep")).args(arguments);
        command.current_dir(self.folder.path()).env("XDG_STATE_HOME", self.path("state")).env_remove("RUST_BACKTRACE");
        command.env("XDG_CONFIG_HOME", self.path("config")).stderr(Stdio::null());
        command
    }

    /// Runs the session; gives how many lines were answered, and whether it was killed.
    fn edit(&self, strace: &[&str]) -> (usize, bool) {
        let mut command = self.command(strace, &["edit", "a.json"]);
        command.stdin(File::open(self.path("lines")).unwrap()).stdout(File::create(self.path("answers")).unwrap());
        let status = command.status().unwrap();
        let answers = fs::read_to_string(self.path("answers")).unwrap();
        (answers.matches("\"ok\":true").count(), status.code() != Some(1))
    }

    fn recover(&self, strace: &[&str]) -> bool {
        self.command(strace, &["recover", "a.json"]).stdout(Stdio::null()).status().unwrap().success()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path("a.json")).unwrap()
    }

    fn litter(&self) -> Vec<String> {
        let journals = fs::read_dir(self.path("state/treekeep/journal")).into_iter().flatten().flatten();
        let beside = fs::read_dir(self.folder.path()).unwrap().flatten();
        // One that was killed before its beginning was written may be another process's that is about to write it.
        let still_born =
            |entry: &fs::DirEntry| entry.path().extension().is_some() && entry.metadata().is_ok_and(|found| found.len() < 64);
        let names = journals
            .filter(|entry| !still_born(entry))
            .chain(beside)
            .map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(".journal") || name.starts_with('.')).collect()
    }

    /// How often each system call is made.
    fn calls(&self, run: impl Fn(&[&str])) -> Vec<(String, usize)> {
        let trace = self.path("trace");
        run(&["-o", trace.to_str().unwrap()]);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for line in fs::read_to_string(&trace).unwrap().lines() {
            let call = line.split_once(' ').map_or(line, |(_, rest)| rest.trim_start());
            let name = call.split('(').next().unwrap_or_default();
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if is_name && !["execve", "exit_group", "exit"].contains(&name) {
                *counts.entry(name.to_owned()).or_default() += 1;
            }
        }
        counts.into_iter().flat_map(|(name, count)| (1..=count).map(move |number| (name.clone(), number))).collect()
    }
}

fn inject(name: &str, number: usize) -> [String; 6] {
    let (trace, inject) = (format!("trace={name}"), format!("inject={name}:signal=KILL:when={number}"));
    ["-o".into(), "/dev/null".into(), "-e".into(), trace, "-e".into(), inject]
}

fn arguments(options: &[String]) -> Vec<&str> {
    options.iter().map(String::as_str).collect()
}

/// Runs all points on a few threads; gives how many there were and how many were killed.
fn all(points: &[(String, usize)], run: impl Fn(&str, usize) -> bool + Sync) -> (usize, usize) {
    const WORKERS: usize = 4;
    let rounds: usize = std::env::var("TREEKEEP_KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let points: Vec<(String, usize)> = (0..rounds).flat_map(|_| points.iter().cloned()).collect();
    let killed: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let (own, run) = (points.iter().skip(worker).step_by(WORKERS), &run);
                scope.spawn(move || own.filter(|(name, number)| run(name, *number)).count())
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    (points.len(), killed)
}

fn has_strace() -> bool {
    let has = Command::new("strace").arg("-V").output().is_ok();
    assert!(has || std::env::var_os("CI").is_none(), "CI has strace");
    if !has {
        println!("skipped: strace is not installed");
    }
    has
}

#[test]
fn an_answered_edit_survives_a_kill_anywhere() {
    if !has_strace() {
        return;
    }
    let points = Place::new().calls_of_edit();
    let (runs, killed) = all(&points, |name, number| {
        let context = format!("killed before {name} {number}");
        let place = Place::new();
        let (answered, was_killed) = place.edit(&arguments(&inject(name, number)));
        assert!([OLD, &text_after(EDITS / 2 + 1)].contains(&place.text().as_str()), "{context}: {}", place.text());
        assert!(place.recover(&["-o", "/dev/null", "-e", "trace=none"]), "{context}");
        // The line that was under way may be in the journal, and not answered.
        let now = place.text();
        let possible = [text_after(answered), text_after((answered + 1).min(EDITS + 1))];
        assert!(possible.contains(&now), "{context}: {answered} answered, then {now}");
        assert!(place.litter().is_empty(), "{context}: {:?}", place.litter());
        was_killed
    });
    println!("{runs} runs, {killed} killed, 0 edits lost");
    assert!(killed * 10 > runs * 9, "{killed} of {runs}");
}

impl Place {
    fn calls_of_edit(&self) -> Vec<(String, usize)> {
        self.calls(|options| {
            let (answered, _) = self.edit(options);
            assert_eq!(answered, EDITS + 1);
        })
    }
}

#[test]
fn a_recovery_that_is_killed_is_made_by_the_next_one() {
    if !has_strace() {
        return;
    }
    let left_behind = || {
        let place = Place::new();
        assert_eq!(place.edit(&["-o", "/dev/null", "-e", "trace=none"]).0, EDITS + 1);
        place
    };
    let place = left_behind();
    let points = place.calls(|options| assert!(place.recover(options)));
    let (runs, killed) = all(&points, |name, number| {
        let context = format!("killed before {name} {number}");
        let place = left_behind();
        let was_killed = !place.recover(&arguments(&inject(name, number)));
        assert!([text_after(EDITS / 2 + 1), text_after(EDITS + 1)].contains(&place.text()), "{context}: {}", place.text());
        assert!(place.recover(&["-o", "/dev/null", "-e", "trace=none"]), "{context}");
        assert_eq!(place.text(), text_after(EDITS + 1), "{context}");
        assert!(place.litter().is_empty(), "{context}: {:?}", place.litter());
        was_killed
    });
    println!("{runs} runs, {killed} killed, 0 edits lost");
    assert!(killed * 10 > runs * 9, "{killed} of {runs}");
}
