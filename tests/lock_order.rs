//! One file under many names: links that lead both ways between two folders, threads and programs that save, read, break off and
//! are killed through all of them. Nobody waits for ever, and nothing that was saved is lost.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::{NEW, OLD, Place, Quick, text, version};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use treekeep::document::{Alone, Document, Edit, Problem, Value, pointer};
use treekeep::storage::{
    BackupPolicy, Call, Disk, Env, Options, Retention, SaveError, Saved, Step, SystemClock, UpdateError, read, update,
};

/// After this time somebody waits for somebody who waits for him.
const LIMIT: Duration = Duration::from_secs(150);
const THREADS_PER_NAME: usize = 2;
const UPDATES: u64 = 100;
const SETS: u64 = 50;

/// Two documents, each under four names: one in `p` with links from elsewhere, one in `q` with links from elsewhere.
struct Names {
    place: Place,
    documents: [[PathBuf; 4]; 2],
}

impl Names {
    fn new(text: &str) -> Self {
        let place = Place::new();
        let at = |name: &str| place.data(name);
        for folder in ["p", "q"] {
            fs::create_dir(at(folder)).unwrap();
        }
        let mut documents = Vec::new();
        for (name, own, other) in [("one.json", "p", "q"), ("two.json", "q", "p")] {
            let real = at(own).join(name);
            fs::write(&real, text).unwrap();
            symlink(format!("../{own}/{name}"), at(other).join(name)).unwrap();
            // A link to the link, and one whose name comes after the others.
            symlink(format!("{other}/{name}"), at(&format!("a-{name}"))).unwrap();
            symlink(format!("{own}/{name}"), at(&format!("z-{name}"))).unwrap();
            documents.push([real, at(other).join(name), at(&format!("a-{name}")), at(&format!("z-{name}"))]);
        }
        Self { place, documents: documents.try_into().unwrap() }
    }
}

/// Adds one to the number at `place`.
fn add(document: Result<Document, Problem>, place: &str) -> Result<Document, String> {
    let told = |error: &dyn std::fmt::Debug| format!("{error:?}");
    let document = document.map_err(|error| told(&error))?;
    let path = pointer::resolve(document.root(), place).map_err(|error| told(&error))?;
    let number: u64 = String::from_utf8(document.node(&path).unwrap().to_bytes()).unwrap().parse().map_err(|e| told(&e))?;
    let value = Value::new((number + 1).to_string().as_str()).map_err(|error| told(&error))?;
    Ok(Edit::Replace { path, value }.apply(&document).map_err(|error| told(&error))?.document)
}

fn add_one(state: &Path, name: &Path, place: &str, stop_at: Option<Step>) -> Result<Saved, UpdateError<String>> {
    let disk = Disk::real();
    let env = Env { disk: &disk, clock: &SystemClock, state_folder: state, crew: &Alone };
    let options = Options { backup: BackupPolicy::Skip, wait: LIMIT, retention: Retention::default() };
    update(&env, name, options, &mut |document, _| add(document, place), &mut |doing| {
        if stop_at == Some(doing.step) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

fn counter(name: &Path, place: &str) -> u64 {
    let document = Document::parse(fs::read(name).unwrap()).unwrap();
    let path = pointer::resolve(document.root(), place).unwrap();
    String::from_utf8(document.node(&path).unwrap().to_bytes()).unwrap().parse().unwrap()
}

#[test]
fn links_both_ways_and_everybody_finishes() {
    let (done, finished) = mpsc::channel();
    let begun = Instant::now();
    std::thread::spawn(move || {
        everybody();
        let _ = done.send(());
    });
    match finished.recv_timeout(LIMIT) {
        Ok(()) => println!("all finished after {:.1?}", begun.elapsed()),
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("somebody still waits after {LIMIT:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("see above"),
    }
}

fn everybody() {
    let names = Names::new("{\"threads\": 0, \"sets\": [0, 0, 0, 0], \"killed\": 0}\n");
    let state = names.place.state();
    let (names, state) = (&names, state.as_path());
    let (reads, stopped, killed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut writers = Vec::new();
        for document in &names.documents {
            for (which, name) in document.iter().enumerate() {
                for _ in 0..THREADS_PER_NAME {
                    writers.push(scope.spawn(move || {
                        for _ in 0..UPDATES {
                            add_one(state, name, "/threads", None).unwrap();
                        }
                    }));
                }
                // Another program, which comes by this name.
                writers.push(scope.spawn(move || {
                    for number in 1..=SETS {
                        let output = set(names, name, &format!("/sets/{which}"), number).output().unwrap();
                        assert!(output.status.success(), "{}: {}", name.display(), String::from_utf8_lossy(&output.stderr));
                    }
                }));
            }
            let (is_over, reads, stopped, killed) = (&is_over, &reads, &stopped, &killed);
            scope.spawn(move || {
                for name in document.iter().cycle().take_while(|_| !is_over.load(Ordering::SeqCst)) {
                    let opened = read(&Disk::real(), &SystemClock, name, &mut |_, _| ControlFlow::Continue(())).unwrap();
                    Document::parse(opened.bytes).expect("what is read is whole");
                    reads.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(3));
                }
            });
            // Windows that are closed while they save.
            scope.spawn(move || {
                let steps = [Step::Lock, Step::Verify, Step::Write, Step::Commit];
                for (name, step) in document.iter().cycle().zip(steps.into_iter().cycle()) {
                    if is_over.load(Ordering::SeqCst) {
                        break;
                    }
                    let outcome = add_one(state, name, "/threads", Some(step));
                    assert!(matches!(outcome, Err(UpdateError::Save(SaveError::Cancelled))), "{step:?}: {outcome:?}");
                    stopped.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(3));
                }
            });
            // Programs that are killed, some of them with the lock in hand.
            scope.spawn(move || {
                for (number, name) in document.iter().cycle().enumerate() {
                    if is_over.load(Ordering::SeqCst) {
                        break;
                    }
                    let mut child = set(names, name, "/killed", number as u64).stderr(Stdio::null()).spawn().unwrap();
                    std::thread::sleep(Duration::from_millis(4 + number as u64 % 9));
                    child.kill().unwrap();
                    killed.fetch_add(u64::from(!child.wait().unwrap().success()), Ordering::SeqCst);
                }
            });
        }
        let outcomes: Vec<bool> = writers.into_iter().map(|writer| writer.join().is_ok()).collect();
        is_over.store(true, Ordering::SeqCst);
        assert!(outcomes.into_iter().all(|is_well| is_well), "see above");
    });
    let threads = 4 * THREADS_PER_NAME as u64 * UPDATES;
    for document in &names.documents {
        let real = &document[0];
        assert_eq!(counter(real, "/threads"), threads, "{}: none is lost", real.display());
        for which in 0..4 {
            assert_eq!(counter(real, &format!("/sets/{which}")), SETS, "{}: none is lost", real.display());
        }
        let links: BTreeSet<bool> = document[1..].iter().map(|link| link.is_symlink()).collect();
        assert!(links == BTreeSet::from([true]) && !real.is_symlink(), "links stay links");
    }
    let count = |counted: &AtomicU64| counted.load(Ordering::SeqCst);
    println!(
        "{} updates, 0 lost; {} reads, {} saves broken off, {} programs killed",
        2 * (threads + 4 * SETS),
        count(&reads),
        count(&stopped),
        count(&killed)
    );
    assert!(count(&reads) > 0 && count(&stopped) > 0 && count(&killed) > 0);
}

fn set(names: &Names, name: &Path, place: &str, number: u64) -> std::process::Command {
    let mut command = names.place.command(OsStr::new(env!("CARGO_BIN_EXE_treekeep")));
    command.arg("set").arg(name).args([place, &number.to_string(), "--without-backup", "--wait", "140"]);
    command
}

/// Whatever the link and wherever it leads, the locks are opened in the order of their names: two programs that come by different
/// names can't take each other's.
#[test]
fn locks_are_taken_in_the_order_of_their_names() {
    let names = Names::new(OLD);
    for name in names.documents.iter().flatten() {
        let opened: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
        let seen = Arc::clone(&opened);
        let disk = Disk::with_hook(move |call, path| {
            if call == Call::OpenLock {
                seen.lock().unwrap().push(path.to_owned());
            }
            Ok(())
        });
        let before = text(name);
        let after = if before == OLD { NEW } else { OLD };
        names.place.save_at(&disk, &Quick, name, &version(name), after).unwrap();
        let opened = opened.lock().unwrap();
        let expected = if name.is_symlink() { 2 } else { 1 };
        // A child that another test starts can hold a copy of a lock for a moment: what counts is the attempt that succeeded.
        let names: BTreeSet<&PathBuf> = opened.iter().collect();
        assert_eq!(names.len(), expected, "{}: its own name and the file's: {opened:?}", name.display());
        let last = &opened[opened.len() - expected..];
        assert!(last.iter().eq(names.iter().copied()), "{}: {opened:?}", name.display());
    }
}

/// Whoever holds one of two names keeps out those who come by the other.
#[test]
fn each_name_of_a_file_keeps_the_other_out() {
    let names = Names::new(OLD);
    for document in &names.documents {
        let real = &document[0];
        let expected = version(real);
        for held in document {
            for saved in document {
                let lock = fs::OpenOptions::new().create(true).append(true).open(lock_of(held)).unwrap();
                lock.lock().unwrap();
                // The real clock: a child that another test starts holds a copy of the last lock until it runs its program.
                let outcome = names.place.save_at(&Disk::real(), &SystemClock, saved, &expected, OLD);
                let meets = held == saved || held == real;
                assert_eq!(
                    matches!(outcome, Err(SaveError::Locked)),
                    meets,
                    "{} is locked, {} is saved: {outcome:?}",
                    held.display(),
                    saved.display()
                );
            }
        }
    }
}

fn lock_of(path: &Path) -> PathBuf {
    path.with_added_extension("lock")
}
