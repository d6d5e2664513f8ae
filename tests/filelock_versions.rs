//! Python's `filelock` in the versions that people have, each of which treats the lock's file differently: one counter, added to by
//! both sides as fast as they can, and nothing is lost.
//!
//! Up to 3.20 it empties the file and leaves it; 3.21 to 3.29.4 remove it when they let go, before unlocking; later ones leave it, and
//! look whether it is still the one that they opened.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::skip;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use treekeep::document::{Alone, Document, Problem};
use treekeep::storage::{BackupPolicy, Disk, Env, Options, Retention, SystemClock, update};

const VERSIONS: [&str; 7] = ["3.12.4", "3.20.3", "3.21.0", "3.28.0", "3.29.7", "3.32.7", "4.2.12"];
/// Each of two programs and two threads adds so often; `TREEKEEP_FILELOCK_TIMES` says otherwise.
const TIMES: u64 = 500;
/// After this time nobody comes to the lock any more.
const LIMIT: Duration = Duration::from_secs(240);

const PYTHON: &str = r#"
import filelock, sys
path, times, version = sys.argv[1], int(sys.argv[2]), sys.argv[3]
assert filelock.__version__ == version, filelock.__version__
for _ in range(times):
    with filelock.FileLock(path + ".lock").acquire(poll_interval=0.002):
        with open(path) as file:
            count = int(file.read().strip("[]\n"))
        with open(path, "w") as file:
            file.write(f"[{count + 1}]\n")
"#;

/// A Python that can install: the system's, or one made for that.
fn with_pip() -> PathBuf {
    let has_pip = |python: &Path| {
        let mut command = Command::new(python);
        command.args(["-m", "pip", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let system = PathBuf::from("python3");
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pip");
    if !has_pip(&system) && !has_pip(&home.join("bin/python")) {
        // Where this fails so does the installing, which is told.
        let _ = Command::new(&system).args(["-m", "venv"]).arg(&home).status();
    }
    if has_pip(&system) { system } else { home.join("bin/python") }
}

/// A folder with this version of `filelock` and what it needs; `None` where it can't be had.
fn installed(version: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("filelock-{version}"));
    let works = || {
        let mut command = Command::new("python3");
        command.args(["-c", "import filelock"]).env("PYTHONPATH", &folder).stderr(Stdio::null());
        folder.is_dir() && command.status().is_ok_and(|status| status.success())
    };
    if works() {
        return Some(folder);
    }
    let mut command = Command::new(with_pip());
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]).arg(&folder);
    let output = command.arg(format!("filelock=={version}")).output();
    if output.is_ok_and(|output| output.status.success()) && works() {
        return Some(folder);
    }
    let _ = fs::remove_dir_all(&folder);
    skip(&format!("filelock {version} can't be installed: needs python3 with pip, and a package index"));
    None
}

fn python(library: &Path, version: &str, path: &Path, times: u64) -> Child {
    let mut command = Command::new("python3");
    command.args(["-c", PYTHON]).arg(path).args([&times.to_string(), version]).env("PYTHONPATH", library);
    command.spawn().unwrap()
}

fn add_one(state: &Path, path: &Path) {
    let disk = Disk::real();
    let env = Env { disk: &disk, clock: &SystemClock, state_folder: state, crew: &Alone };
    let options = Options { backup: BackupPolicy::Skip, wait: LIMIT, retention: Retention::default() };
    let outcome = update(
        &env,
        path,
        options,
        &mut |document: Result<Document, _>, _| {
            let text = document.expect("a whole version").to_bytes();
            let count: u64 = String::from_utf8_lossy(&text).trim_matches(['[', ']', '\n']).parse().expect("a whole version");
            Document::parse(format!("[{}]\n", count + 1)).map_err(|problem: Problem| problem.to_string())
        },
        &mut |_| ControlFlow::Continue(()),
    );
    let saved = outcome.unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
    assert!(saved.displaced.is_none() && saved.unlocked.is_none(), "{saved:?}");
}

#[test]
fn nothing_is_lost_with_any_version() {
    let times = std::env::var("TREEKEEP_FILELOCK_TIMES").map_or(TIMES, |text| text.parse().unwrap());
    let libraries: Vec<(&str, PathBuf)> = VERSIONS.iter().filter_map(|&version| Some((version, installed(version)?))).collect();
    for (version, library) in &libraries {
        let begun = Instant::now();
        let folder = tempfile::tempdir().unwrap();
        let (path, state) = (folder.path().join("a.json"), folder.path().join("state"));
        fs::write(&path, "[0]\n").unwrap();
        let others: Vec<Child> = (0..2).map(|_| python(library, version, &path, times)).collect();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..times).for_each(|_| add_one(&state, &path)));
            }
        });
        for mut other in others {
            assert!(other.wait().unwrap().success(), "filelock {version} ended badly");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("[{}]\n", 4 * times), "filelock {version}");
        println!("filelock {version}: {} updates, 0 lost, {:.1?}", 4 * times, begun.elapsed());
        assert!(begun.elapsed() < LIMIT, "filelock {version}");
        let litter = faults::names(folder.path());
        let allowed = ["a.json", "a.json.lock", "state"];
        assert!(litter.iter().all(|name| allowed.contains(&name.as_str())), "filelock {version}: {litter:?}");
    }
}
