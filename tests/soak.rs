//! Random edits, saves, foreign writes, kills, errors and recoveries against a model, seeded: what was answered is never lost.
//!
//! `TREEKEEP_SOAK_SEEDS` and `TREEKEEP_SOAK_STEPS` make it longer. A session edits below `/mine`, another program below
//! `/theirs`, so that the result is known whatever is merged.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

type Members = BTreeMap<String, u64>;

/// What a session knows: its history, and where it is in it.
struct Session {
    child: Child,
    answers: BufReader<ChildStdout>,
    history: Vec<Members>,
    at: usize,
}

struct World {
    folder: tempfile::TempDir,
    random: u64,
    /// What the file has to hold when everything is recovered.
    mine: Members,
    theirs: Members,
    session: Option<Session>,
    counts: BTreeMap<&'static str, u64>,
    steps: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            random: seed,
            mine: Members::new(),
            theirs: Members::new(),
            session: None,
            counts: BTreeMap::new(),
            steps: Vec::new(),
        };
        fs::write(world.path(), "{\n  \"mine\": {},\n  \"theirs\": {}\n}\n").unwrap();
        world
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.json")
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
        self.steps.push(what.to_owned());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_treekeep"));
        command.args(arguments).current_dir(self.folder.path()).env("XDG_STATE_HOME", self.folder.path().join("state"));
        command.env("XDG_CONFIG_HOME", self.folder.path().join("config"));
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) {
        let output = self.command(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}\nafter {:?}", self.steps);
    }

    /// What is in the file.
    fn file(&self) -> (Members, Members) {
        let value: serde_json::Value = serde_json::from_slice(&fs::read(self.path()).unwrap()).unwrap();
        let members = |name: &str| -> Members {
            value[name].as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.as_u64().unwrap())).collect()
        };
        (members("mine"), members("theirs"))
    }

    fn start(&mut self) {
        let mut child =
            self.command(&["edit", "a.json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        self.session = Some(Session { child, answers, history: vec![self.mine.clone()], at: 0 });
        self.count("session");
    }

    /// Says a line; whether it was answered well. A session that ends has told why.
    fn say(&mut self, line: &str) -> bool {
        let session = self.session.as_mut().unwrap();
        self.steps.push(line.to_owned());
        let mut answer = String::new();
        let said =
            writeln!(session.child.stdin.as_mut().unwrap(), "{line}").and_then(|()| session.answers.read_line(&mut answer));
        said.is_ok() && answer.contains("\"ok\":true")
    }

    fn edit(&mut self) {
        let key = format!("k{}", self.below(12));
        let session = self.session.as_ref().unwrap();
        let mut next = session.history[session.at].clone();
        let is_there = next.contains_key(&key);
        let line = match self.below(4) {
            0 if is_there => {
                next.remove(&key);
                format!("{{\"op\":\"remove\",\"path\":\"/mine/{key}\"}}")
            }
            1 if is_there && !next.contains_key("renamed") => {
                let value = next.remove(&key).unwrap();
                next.insert("renamed".to_owned(), value);
                format!("{{\"op\":\"rename\",\"path\":\"/mine/{key}\",\"key\":\"renamed\"}}")
            }
            _ => {
                let value = self.below(1000);
                next.insert(key.clone(), value);
                format!("{{\"op\":\"set\",\"path\":\"/mine/{key}\",\"value\":{value}}}")
            }
        };
        assert!(self.say(&line), "{line}\nafter {:?}", self.steps);
        let session = self.session.as_mut().unwrap();
        session.history.truncate(session.at + 1);
        session.history.push(next);
        session.at += 1;
        self.count("edit");
    }

    fn undo_or_redo(&mut self) {
        let choice = self.below(2);
        let session = self.session.as_ref().unwrap();
        let (line, at) = match choice {
            0 if session.at > 0 => ("undo", session.at - 1),
            1 if session.at + 1 < session.history.len() => ("redo", session.at + 1),
            _ => return,
        };
        assert!(self.say(&format!("{{\"op\":\"{line}\"}}")), "after {:?}", self.steps);
        self.session.as_mut().unwrap().at = at;
        self.count(line);
    }

    /// A save, sometimes with no place for its backup. Where it fails the session ends, and its edits are in the journal.
    fn save(&mut self, broken: bool) {
        let backups = self.folder.path().join("state/treekeep/backups");
        let aside = self.folder.path().join("aside");
        let broken = broken && (!backups.exists() || fs::rename(&backups, &aside).is_ok());
        if broken {
            fs::create_dir_all(backups.parent().unwrap()).unwrap();
            fs::write(&backups, "not a folder").unwrap();
        }
        let saved = self.say("{\"op\":\"save\"}");
        if broken {
            fs::remove_file(&backups).unwrap();
            if aside.exists() {
                fs::rename(&aside, &backups).unwrap();
            }
        }
        if saved {
            let session = self.session.as_ref().unwrap();
            assert_eq!(self.file().0, session.history[session.at], "after {:?}", self.steps);
            self.count("save");
        } else {
            self.count("failed save");
            self.end(false);
        }
    }

    /// The session ends, well or by a kill; what was answered comes back.
    fn end(&mut self, killed: bool) {
        let Some(mut session) = self.session.take() else { return };
        if killed {
            session.child.kill().unwrap();
            self.count("kill");
        }
        drop(session.child.stdin.take());
        session.child.wait().unwrap();
        self.mine = session.history[session.at].clone();
        self.run(&["recover", "a.json"]);
        self.count("recovery");
        self.check();
    }

    fn check(&self) {
        assert_eq!(self.file(), (self.mine.clone(), self.theirs.clone()), "after {:?}", self.steps);
    }

    /// Another program, with the lock or without.
    fn foreign(&mut self) {
        let (key, value) = (format!("t{}", self.below(6)), self.below(1000));
        self.theirs.insert(key.clone(), value);
        if self.below(2) == 0 {
            self.run(&["set", "a.json", &format!("/theirs/{key}"), &value.to_string()]);
        } else {
            let mut whole: serde_json::Value = serde_json::from_slice(&fs::read(self.path()).unwrap()).unwrap();
            whole["theirs"][&key] = value.into();
            let part = self.folder.path().join("part");
            fs::write(&part, serde_json::to_string_pretty(&whole).unwrap()).unwrap();
            fs::rename(&part, self.path()).unwrap();
        }
        self.count("foreign write");
    }

    fn step(&mut self) {
        if self.session.is_none() {
            return self.start();
        }
        match self.below(100) {
            0..60 => self.edit(),
            60..75 => self.undo_or_redo(),
            75..82 => self.save(false),
            82..84 => self.save(true),
            84..90 => self.foreign(),
            90..96 => self.end(true),
            _ => self.end(false),
        }
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn a_model_and_the_program_never_differ() {
    let (seeds, steps) = (number("TREEKEEP_SOAK_SEEDS", 4), number("TREEKEEP_SOAK_STEPS", 400));
    let totals: Vec<BTreeMap<&'static str, u64>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                scope.spawn(move || {
                    let mut all = Vec::new();
                    for seed in (worker..seeds).step_by(2) {
                        let mut world = World::new(seed);
                        (0..steps).for_each(|_| world.step());
                        world.end(true);
                        world.check();
                        all.push(world.counts);
                    }
                    all
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let mut sum: BTreeMap<&str, u64> = BTreeMap::new();
    totals.iter().flatten().for_each(|(what, count)| *sum.entry(what).or_default() += count);
    println!("{seeds} seeds × {steps} steps, 0 differences: {sum:?}");
    for what in ["edit", "undo", "save", "failed save", "foreign write", "kill", "recovery"] {
        assert!(sum.contains_key(what), "{what} never happened: {sum:?}");
    }
}
