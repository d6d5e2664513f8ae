//! Every call of every kind of save × every error that a system has for it: once, from then on, and from then on but for cleaning
//! up. After each: one whole version at the path at every instant, nothing told as saved that is not, nothing of anybody's gone, the
//! message clear, and with the disk well again the next save works and leaves no litter.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::{NEW, OLD, Place, Quick, text, version};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use treekeep::storage::{Call, Disk, Durability, Expected, SaveError, Saved, Step};

const ERRORS: [(&str, i32); 15] = [
    ("EIO", 5),
    ("ENOSPC", 28),
    ("EDQUOT", 122),
    ("EROFS", 30),
    ("EACCES", 13),
    ("EPERM", 1),
    ("ENOENT", 2),
    ("EINTR", 4),
    ("EMFILE", 24),
    ("ENFILE", 23),
    ("ENOLCK", 37),
    ("EOPNOTSUPP", 95),
    ("ESTALE", 116),
    ("EBUSY", 16),
    ("EXDEV", 18),
];

const FOREIGN: &str = "// not JSON, and somebody's all the same\n";
/// What the second save writes.
const THIRD: &str = "[3]";

/// What a save meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    /// A file that is replaced for the first time.
    First,
    /// One whose version was replaced before: its backup is dated anew.
    Again,
    /// No file.
    New,
    /// A file system without an exchange of names.
    PlainRename,
    /// A file with two names.
    InPlace,
    /// Another program writes in the moment of the exchange.
    Displaced,
    /// A killed save has left its text.
    Leftover,
    /// A link leads to the file.
    Link,
}

impl Scene {
    const ALL: [Self; 8] =
        [Self::First, Self::Again, Self::New, Self::PlainRename, Self::InPlace, Self::Displaced, Self::Leftover, Self::Link];

    /// The place, the path that is saved, and what is expected there.
    fn prepare(self) -> (Place, PathBuf, Expected) {
        let place = Place::in_memory();
        let path = place.data("a.json");
        if self != Self::New {
            place.file(OLD);
        }
        match self {
            Self::Again => {
                place.save(&path, &version(&path), "[0]").unwrap();
                place.save(&path, &version(&path), OLD).unwrap();
            }
            Self::InPlace => fs::hard_link(&path, place.root().join("second")).unwrap(),
            Self::Leftover => fs::write(place.data(".a.json.treekeep-12345678.tmp"), FOREIGN).unwrap(),
            _ => {}
        }
        let mut given = path.clone();
        if self == Self::Link {
            given = place.root().join("link.json");
            std::os::unix::fs::symlink(&path, &given).unwrap();
        }
        let expected = if self == Self::New { Expected::Nothing } else { version(&path) };
        (place, given, expected)
    }

    /// What this scene does to a call by itself.
    fn meddle(self, call: Call, path: &Path) -> io::Result<()> {
        match self {
            Self::PlainRename if call == Call::Exchange => Err(io::ErrorKind::Unsupported.into()),
            // Once: what is tried again meets it as a conflict.
            Self::Displaced if call == Call::Exchange && text(path) == OLD => fs::write(path, FOREIGN),
            _ => Ok(()),
        }
    }
}

/// What was seen while a save ran.
#[derive(Default)]
struct Seen {
    /// The call that was made to fail.
    hit: Option<(Call, PathBuf)>,
    /// What stood at the path in between, and was neither version.
    torn: Option<String>,
    /// The folder was not synced after the new text came into place.
    is_unconfirmed: bool,
    /// The other program has written.
    wrote_foreign: bool,
}

fn in_place_plans(place: &Place) -> usize {
    let entries = fs::read_dir(place.state().join("in-place")).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "plan")).count()
}

struct End {
    has_failed: bool,
}

/// How long a call goes on failing, and all behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lasting {
    /// It fails once.
    Once,
    /// From then on.
    Always,
    /// From then on, but for what cleans up.
    ButRemoving,
}

impl Lasting {
    const ALL: [Self; 3] = [Self::Once, Self::Always, Self::ButRemoving];

    fn fails_behind(self, call: Call) -> bool {
        self == Self::Always || self == Self::ButRemoving && call != Call::Remove
    }
}

fn one_fault(scene: Scene, number: usize, (name, error): (&str, i32), lasting: Lasting) -> End {
    let (place, path, expected) = scene.prepare();
    let target = place.data("a.json");
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let calls = AtomicUsize::new(0);
    let disk = Disk::with_hook({
        let (seen, target, state) = (Arc::clone(&seen), target.clone(), place.state());
        move |call, at| {
            let mut seen = seen.lock().unwrap();
            let now = fs::read_to_string(&target).unwrap_or_default();
            let has_plan = || fs::read_dir(state.join("in-place")).is_ok_and(|mut plans| plans.next().is_some());
            let is_whole = [OLD, NEW, FOREIGN].contains(&now.as_str()) || (scene == Scene::New && now.is_empty());
            if !(is_whole || scene == Scene::InPlace && has_plan()) {
                seen.torn = Some(format!("{now:?} before {call:?} {}", at.display()));
            }
            let meddled = scene.meddle(call, at);
            seen.wrote_foreign |= scene == Scene::Displaced && call == Call::Exchange;
            let this = calls.fetch_add(1, Ordering::SeqCst);
            if this == number || (this > number && lasting.fails_behind(call)) {
                seen.hit.get_or_insert((call, at.to_owned()));
                seen.is_unconfirmed |= call == Call::SyncFolder && now == NEW && target.parent() == Some(at);
                return Err(io::Error::from_raw_os_error(error));
            }
            meddled
        }
    });
    let outcome = place.save_at(&disk, &Quick, &path, &expected, NEW);
    let seen = seen.lock().unwrap();
    let context = format!("{scene:?}: call {number}, {:?}: {name} {lasting:?}: {outcome:?}", seen.hit);
    assert_eq!(seen.torn, None, "{context}");
    let now = fs::read_to_string(&target).unwrap_or_default();
    check_outcome(scene, &outcome, &now, seen.is_unconfirmed, &place, &context);
    // Whatever is not in place is somewhere.
    let is_beside = |text: &str| {
        let beside = fs::read_dir(place.data("")).unwrap().flatten();
        beside.into_iter().any(|entry| fs::read_to_string(entry.path()).is_ok_and(|found| found == text))
    };
    let is_safe = |text: &str| place.backups().contains(text) || is_beside(text);
    assert!(scene == Scene::New || is_safe(OLD), "{context}: the version before is kept");
    assert!(scene != Scene::Leftover || is_safe(FOREIGN), "{context}: what a killed save left is kept");
    // Where the system has no exchange of names, what others write in that moment without a lock is lost, and that is said.
    let has_no_exchange = name == "EOPNOTSUPP" && seen.hit.as_ref().is_some_and(|(call, _)| *call == Call::Exchange);
    let wrote_foreign = seen.wrote_foreign && !has_no_exchange;
    assert!(!wrote_foreign || now == FOREIGN || is_safe(FOREIGN), "{context}: their version is kept");

    let second = if now.is_empty() { Expected::Nothing } else { version(&target) };
    let again = place.save(&path, &second, THIRD);
    // A write in place that broke off is finished first, by which the version is another one.
    let again = match again {
        Err(SaveError::Conflict(_)) if scene == Scene::InPlace => place.save(&path, &version(&target), THIRD),
        other => other,
    };
    assert!(again.is_ok(), "{context}; then {again:?}");
    assert_eq!(text(&target), THIRD, "{context}");
    let kept = place.backups();
    assert!(now.is_empty() || ![OLD, NEW, FOREIGN].contains(&now.as_str()) || kept.contains(&now), "{context}: {kept:?}");
    assert!(!wrote_foreign || kept.contains(FOREIGN), "{context}: {kept:?}");
    assert!(scene != Scene::Leftover || kept.contains(FOREIGN), "{context}: {kept:?}");
    let mut litter = place.litter();
    litter.retain(|name| !name.contains(".unsaved-"));
    assert!(litter.is_empty() && in_place_plans(&place) == 0, "{context}: {litter:?}");
    End { has_failed: outcome.is_err() }
}

/// What is told is what is there.
#[track_caller]
fn check_outcome(
    scene: Scene,
    outcome: &Result<Saved, SaveError>,
    now: &str,
    is_unconfirmed: bool,
    place: &Place,
    context: &str,
) {
    match outcome {
        Ok(saved) => {
            assert_eq!(now, NEW, "{context}");
            assert!(!is_unconfirmed || saved.durability != Durability::Confirmed, "{context}: the disk did not confirm it");
            assert!(scene == Scene::New || place.backups().contains(OLD), "{context}: no backup, no save");
            if let Some(displaced) = &saved.displaced {
                assert_eq!((scene, text(&displaced.path).as_str()), (Scene::Displaced, FOREIGN), "{context}");
            }
        }
        Err(error) => {
            for sentence in [error.what(), error.safe(), error.todo()] {
                let is_sentence = sentence.ends_with('.') && sentence.starts_with(char::is_uppercase);
                assert!(is_sentence && !sentence.contains("os error"), "{context}: {sentence}");
            }
            let is_as_it_was = now == OLD || now == FOREIGN || (scene == Scene::New && now.is_empty());
            let says_so = error.safe().starts_with("The file on disk is unchanged");
            assert!(is_as_it_was || !says_so, "{context}: {now:?}, and that is told as unchanged");
            // Before the exchange the new text is not in place, and behind it only as one that can't be told as saved.
            let is_behind = matches!(error, SaveError::Io { step: Step::Commit, .. }) || scene == Scene::InPlace;
            assert!(is_behind || now != NEW, "{context}");
            if let SaveError::KeptBeside { kept, .. } = error {
                assert_eq!(text(kept), NEW, "{context}");
            }
        }
    }
}

/// How many calls a save makes of which nothing fails.
fn calls(scene: Scene) -> usize {
    let (place, path, expected) = scene.prepare();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let disk = Disk::with_hook(move |call, at| {
        counter.fetch_add(1, Ordering::SeqCst);
        scene.meddle(call, at)
    });
    place.save_at(&disk, &Quick, &path, &expected, NEW).unwrap();
    calls.load(Ordering::SeqCst)
}

#[test]
fn every_call_of_every_save_meets_every_error() {
    let mut faults = Vec::new();
    for scene in Scene::ALL {
        let count = calls(scene);
        assert!(count > 20, "{scene:?}: {count} calls");
        for number in 0..count {
            for error in ERRORS {
                faults.extend(Lasting::ALL.map(|lasting| (scene, number, error, lasting)));
            }
        }
    }
    let ends: Vec<(Scene, End)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                let own = faults.iter().skip(worker).step_by(2);
                let run = |&(scene, number, error, lasting)| (scene, one_fault(scene, number, error, lasting));
                scope.spawn(move || own.map(run).collect::<Vec<_>>())
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    for scene in Scene::ALL {
        let own = ends.iter().filter(|(of, _)| *of == scene);
        let (runs, failed) = (own.clone().count(), own.filter(|(_, end)| end.has_failed).count());
        println!("{scene:?}: {runs} runs, {failed} saves failed, 0 violations");
        assert!(failed > runs / 10, "{scene:?}: {failed} of {runs}: the faults were not met");
    }
    println!("{} runs in all", ends.len());
}
