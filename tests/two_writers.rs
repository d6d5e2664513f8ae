//! Programs that save the same file as fast as they can lose nothing: two `treekeep set`, and Python with `filelock`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PYTHON: &str = r#"
import json, sys
from filelock import FileLock
path, times = sys.argv[1], int(sys.argv[2])
for _ in range(times):
    with FileLock(path + ".lock"):
        with open(path) as file:
            data = json.load(file)
        data["python"] += 1
        with open(path, "w") as file:
            json.dump(data, file)
"#;

/// A Python with `filelock`, installed into the target folder where the system's has none.
fn python() -> Option<PathBuf> {
    let has = |python: &Path| {
        let status = Command::new(python).args(["-c", "import filelock"]).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("filelock");
    let own = home.join("bin/python");
    if has(&own) {
        return Some(own);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&home).status().is_ok_and(|status| status.success())
        && Command::new(&own).args(["-m", "pip", "install", "--quiet", "filelock"]).status().is_ok_and(|status| status.success());
    (made && has(&own)).then_some(own)
}

fn treekeep(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_treekeep"));
    command.args(arguments).arg("--without-backup").current_dir(folder).env("XDG_STATE_HOME", folder.join("state"));
    command
}

fn counter(folder: &Path, pointer: &str) -> u64 {
    let output =
        Command::new(env!("CARGO_BIN_EXE_treekeep")).args(["get", "a.json", pointer]).current_dir(folder).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// Adds one, `times` times, under a condition on the version: what another program wrote in between is read again.
fn add_by_version(folder: &Path, times: u64) -> u64 {
    let mut conflicts = 0;
    for _ in 0..times {
        loop {
            let output =
                Command::new(env!("CARGO_BIN_EXE_treekeep")).args(["version", "a.json"]).current_dir(folder).output().unwrap();
            let version = String::from_utf8(output.stdout).unwrap().trim().to_owned();
            let next = (counter(folder, "/checked") + 1).to_string();
            let status = treekeep(folder, &["set", "a.json", "/checked", &next, "--if-version", &version, "--wait", "60"])
                .stderr(Stdio::null())
                .status();
            match status.unwrap().code() {
                Some(0) => break,
                Some(3) => conflicts += 1,
                other => panic!("exit {other:?}"),
            }
        }
    }
    conflicts
}

#[test]
fn nothing_is_lost_between_programs() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), r#"{"python": 0, "plain": 0, "checked": 0}"#).unwrap();
    let python = python();
    let (by_python, plain, checked) = (1000, 700, 300);
    let mut other = python.as_ref().map(|python| {
        Command::new(python).args(["-c", PYTHON, "a.json", &by_python.to_string()]).current_dir(folder.path()).spawn().unwrap()
    });
    if other.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI can install filelock");
        println!("skipped: Python's filelock can't be installed here; two programs of ours alone");
    }
    let path = folder.path().to_owned();
    let setter = std::thread::spawn(move || {
        for number in 1..=plain {
            let status = treekeep(&path, &["set", "a.json", "/plain", &number.to_string(), "--wait", "60"]).status().unwrap();
            assert!(status.success(), "{status}");
        }
    });
    let conflicts = add_by_version(folder.path(), checked);
    setter.join().unwrap();
    if let Some(other) = &mut other {
        assert!(other.wait().unwrap().success());
        assert_eq!(counter(folder.path(), "/python"), by_python);
    }
    assert_eq!(counter(folder.path(), "/plain"), plain);
    assert_eq!(counter(folder.path(), "/checked"), checked);
    assert!(folder.path().join("a.json.lock").exists(), "the lock file stays");
    println!(
        "{} updates, 0 lost, {conflicts} conflicts met and repeated",
        plain + checked + if other.is_some() { by_python } else { 0 }
    );
}
