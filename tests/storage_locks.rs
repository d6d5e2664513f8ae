//! The lock, as other programs and other users hold it.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::{NEW, OLD, Place, Quick, has, is_root, skip, text, version};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};
use treekeep::document::{Alone, Document};
use treekeep::storage::{
    BackupPolicy, Clock, Disk, Env, Expected, Options, READ_WAIT, Retention, SaveError, Step, SystemClock, load, read, save,
};

/// A Python program that holds the lock; `None` where there is no Python.
fn held_by_python(lock: &Path) -> Option<Child> {
    const HOLD: &str = "import fcntl, sys, time\nfile = open(sys.argv[1], 'w')\nfcntl.flock(file, fcntl.LOCK_EX)\nprint('held', flush=True)\ntime.sleep(600)";
    let Ok(mut child) = Command::new("python3").args(["-c", HOLD]).arg(lock).stdout(Stdio::piped()).spawn() else {
        skip("needs python3");
        return None;
    };
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    Some(child)
}

fn options(wait: Duration) -> Options {
    Options { backup: BackupPolicy::Skip, wait, retention: Retention::default() }
}

#[test]
fn a_lock_of_another_program_holds_until_that_program_ends_however_it_ends() {
    let place = Place::new();
    let path = place.file(OLD);
    let Some(mut holder) = held_by_python(&place.data("a.json.lock")) else { return };
    let begun = Instant::now();
    let output = place.treekeep(&["set", "a.json", "/a", "2", "--wait", "0.4"]);
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(begun.elapsed() >= Duration::from_millis(400) && begun.elapsed() < Duration::from_secs(4));
    assert_eq!((text(&path).as_str(), place.litter()), (OLD, Vec::new()));
    // Whoever reads waits a little, then reads without it.
    let begun = Instant::now();
    assert_eq!(place.treekeep(&["get", "a.json", "/a"]).stdout, b"1\n");
    assert!(begun.elapsed() >= READ_WAIT && begun.elapsed() < 2 * READ_WAIT, "{:?}", begun.elapsed());
    // A holder that stands still holds all the same.
    let signal = |signal| rustix::process::kill_process(rustix::process::Pid::from_child(&holder), signal).unwrap();
    signal(rustix::process::Signal::STOP);
    assert_eq!(place.treekeep(&["set", "a.json", "/a", "2", "--wait", "0.2"]).status.code(), Some(4));
    // One that is killed holds nothing.
    signal(rustix::process::Signal::KILL);
    holder.wait().unwrap();
    assert_eq!(place.treekeep(&["set", "a.json", "/a", "2", "--wait", "5"]).status.code(), Some(0));
    assert_eq!(text(&path), NEW);
    assert!(place.data("a.json.lock").exists());
}

#[test]
fn waiting_is_given_up_within_a_tenth_of_a_second() {
    let place = Place::new();
    let path = place.file(OLD);
    let lock = fs::File::create(place.data("a.json.lock")).unwrap();
    lock.lock().unwrap();
    let (disk, state, expected) = (Disk::real(), place.state(), version(&path));
    let env = Env { disk: &disk, clock: &SystemClock, state_folder: &state, crew: &Alone };
    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    let mut last = Instant::now();
    let outcome = save(&env, &path, &expected, &Document::parse(NEW).unwrap(), options(Duration::from_secs(60)), &mut |doing| {
        assert_eq!(doing.step, Step::Lock);
        longest = longest.max(last.elapsed());
        last = Instant::now();
        if begun.elapsed() > Duration::from_secs(2) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(outcome, Err(SaveError::Cancelled)), "{outcome:?}");
    assert!(longest < Duration::from_millis(125), "{longest:?} between two questions whether to go on");
}

/// A clock that was set back stands still for a while, as far as waiting goes.
struct Stopped;

impl Clock for Stopped {
    fn now_ns(&self) -> i128 {
        1_000_000_000
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

#[test]
fn the_wait_ends_whatever_the_clock_says() {
    let place = Place::new();
    let path = place.file(OLD);
    let lock = fs::File::create(place.data("a.json.lock")).unwrap();
    lock.lock().unwrap();
    let (expected, state) = (version(&path), place.state());
    let (done, waiting) = mpsc::channel();
    std::thread::spawn(move || {
        let disk = Disk::real();
        let env = Env { disk: &disk, clock: &Stopped, state_folder: &state, crew: &Alone };
        let outcome =
            save(&env, &path, &expected, &Document::parse(NEW).unwrap(), options(Duration::from_millis(300)), &mut |_| {
                ControlFlow::Continue(())
            });
        let _ = done.send(matches!(outcome, Err(SaveError::Locked)));
    });
    assert_eq!(waiting.recv_timeout(Duration::from_secs(10)), Ok(true), "300 ms have passed");
}

/// The link's folder is not ours, so its spelling can't be locked; the file's own lock counts all the same.
#[test]
fn one_name_that_can_not_be_locked_does_not_undo_the_other() {
    if !is_root() || !has("setpriv") {
        return skip("needs root and setpriv to act as another user");
    }
    let place = Place::new();
    let own = place.root().join("own");
    fs::create_dir(&own).unwrap();
    fs::create_dir(place.root().join("state")).unwrap();
    for folder in [&own, &place.root().join("state")] {
        chown(folder, Some(65534), Some(65534)).unwrap();
    }
    fs::write(own.join("a.json"), OLD).unwrap();
    chown(own.join("a.json"), Some(65534), Some(65534)).unwrap();
    symlink(own.join("a.json"), place.data("link.json")).unwrap();
    let program = place.root().join("treekeep");
    fs::copy(env!("CARGO_BIN_EXE_treekeep"), &program).unwrap();
    let set = || {
        let mut command = place.command(OsStr::new("setpriv"));
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        command.args(["set", "link.json", "/a", "2", "--wait", "0.3"]).output().unwrap()
    };
    let lock = fs::File::create(own.join("a.json.lock")).unwrap();
    lock.lock().unwrap();
    fs::set_permissions(own.join("a.json.lock"), fs::Permissions::from_mode(0o666)).unwrap();
    let output = set();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text(&own.join("a.json")), OLD);
    drop(lock);
    let output = set();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    assert_eq!(text(&own.join("a.json")), NEW);
}

/// A link that is turned while the save waits leads elsewhere now: what it leads to is what counts.
#[test]
fn a_link_that_turns_during_the_wait_is_followed_anew() {
    for (second, outcome_is_saved) in [("{\"other\": true}", false), (OLD, true)] {
        let place = Place::new();
        let first = place.file(OLD);
        let other = place.data("b.json");
        fs::write(&other, second).unwrap();
        let link = place.data("link.json");
        symlink("a.json", &link).unwrap();
        let expected = version(&link);
        let lock = fs::File::create(place.data("link.json.lock")).unwrap();
        lock.lock().unwrap();
        let (disk, state) = (Disk::real(), place.state());
        let env = Env { disk: &disk, clock: &Quick, state_folder: &state, crew: &Alone };
        let mut held = Some(lock);
        let mut asked = 0;
        let outcome =
            save(&env, &link, &expected, &Document::parse(NEW).unwrap(), options(Duration::from_secs(9)), &mut |doing| {
                asked += usize::from(doing.step == Step::Lock);
                if asked == 3 && held.take().is_some() {
                    fs::remove_file(&link).unwrap();
                    symlink("b.json", &link).unwrap();
                }
                ControlFlow::Continue(())
            });
        assert_eq!(outcome.is_ok(), outcome_is_saved, "{outcome:?}");
        assert!(outcome_is_saved || matches!(outcome, Err(SaveError::Conflict(_))));
        assert_eq!(text(&first), OLD, "nothing leads there any more");
        assert_eq!(text(&other), if outcome_is_saved { NEW } else { second });
    }
}

#[test]
fn without_locks_a_save_goes_on_and_says_so() {
    if !has("strace") {
        return skip("needs strace");
    }
    for error in ["ENOLCK", "EOPNOTSUPP", "ENOSYS"] {
        let place = Place::new();
        let path = place.file(OLD);
        let inject = format!("inject=flock:error={error}");
        let set = || {
            let mut command = place.command(OsStr::new("strace"));
            command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e", &inject]);
            command.arg(env!("CARGO_BIN_EXE_treekeep")).args(["set", "a.json", "/a", "2", "--wait", "0.2"]).output().unwrap()
        };
        let output = set();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), text(&path).as_str()), (Some(0), NEW), "{error}: {told}");
        assert!(told.contains("without a lock"), "{error}: {told}");
        assert!(place.litter().is_empty(), "{error}: {:?}", place.litter());
        // Where there is no flock at all, Python's filelock tells by the file's existence.
        assert_eq!(place.data("a.json.lock").exists(), error != "ENOSYS", "{error}");
        if error == "ENOSYS" {
            fs::write(place.data("a.json.lock"), "4711\nhost\n").unwrap();
            assert_eq!(set().status.code(), Some(4), "a marker with content is a lock that is held");
            assert_eq!(text(&place.data("a.json.lock")), "4711\nhost\n");
        }
    }
}

#[test]
fn a_reader_is_told_nothing_of_locks_and_leaves_none() {
    let place = Place::new();
    let path = place.file(OLD);
    read(&Disk::real(), &SystemClock, &path, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert!(place.litter().is_empty() && !place.data("a.json.lock").exists());
    let _ = Expected::Nothing;
}

/// A program that writes in place, and ends after its reader has slept so often.
struct Writes {
    left: AtomicI32,
    path: PathBuf,
    lock: Mutex<Option<fs::File>>,
}

impl Clock for Writes {
    fn now_ns(&self) -> i128 {
        SystemClock.now_ns()
    }

    fn sleep(&self, _time: Duration) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            fs::write(&self.path, NEW).unwrap();
            *self.lock.lock().unwrap() = None;
        }
    }
}

#[test]
fn what_is_half_written_under_the_lock_is_read_again() {
    let place = Place::new();
    let path = place.file(OLD);
    let opened = |sleeps: i32| {
        fs::write(&path, &NEW[..NEW.len() / 2]).unwrap();
        let lock = fs::File::create(place.data("a.json.lock")).unwrap();
        lock.try_lock().unwrap();
        let clock = Writes { left: AtomicI32::new(sleeps), path: path.clone(), lock: Mutex::new(Some(lock)) };
        let loaded = load(&Disk::real(), &clock, &path, &Alone, &|_, _| ControlFlow::Continue(())).unwrap();
        loaded.fragment.map(|fragment| fragment.text().to_vec())
    };
    // More than one wait, and less than all.
    assert_eq!(opened(40).unwrap(), NEW.as_bytes());
    // One that never ends is not waited for for ever: what is there is shown as it is.
    assert_eq!(opened(i32::MAX).unwrap_err().1, &NEW.as_bytes()[..NEW.len() / 2]);
}
