//! Another program replaces an open file: from the look at the disk to the new version in the tree, beside opening the same file.
//!
//! `cargo bench --bench reload` makes records of 100 MB (`TREEKEEP_BENCH_MB` another size), a version that differs in a hundred
//! places, and the same laid out otherwise, of which nothing stands where it was. The real jobs and decisions run, without a window;
//! each round is a process of its own.

use jiff::tz::TimeZone;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command as Process;
use std::sync::Arc;
use std::time::{Duration, Instant};
use treekeep::jobs::{FileChooser, Jobs, Picked, Surroundings, Threads};
use treekeep::state::{Command, Effect, FileKind, Input, Now, State, update};
use treekeep::storage::{Disk, SystemClock, load};

#[path = "data/figures.rs"]
mod figures;

const ROUNDS: usize = 5;
/// Hints from the file system are waited for that long to come in a bunch before anything is read.
const DEBOUNCE: Duration = Duration::from_millis(100);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--round") {
        return round(Path::new(&arguments[place + 1]));
    }
    let megabytes: usize = std::env::var("TREEKEEP_BENCH_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reload");
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{error}"));
    fs::write(folder.join("before.json"), records(megabytes * 1_000_000, false, " ")).unwrap_or_else(|error| panic!("{error}"));
    for (name, space) in [("a hundred places", " "), ("laid out anew", "  ")] {
        fs::write(folder.join("after.json"), records(megabytes * 1_000_000, true, space))
            .unwrap_or_else(|error| panic!("{error}"));
        let rounds: Vec<[f64; 4]> = (0..ROUNDS).map(|_| measure(&folder)).collect();
        let median = |of: &dyn Fn(&[f64; 4]) -> f64| figures::at(&mut rounds.iter().map(of).collect::<Vec<f64>>(), 0.5);
        println!("{name}");
        println!("  opening, the core alone      {:>7.3} s", median(&|round| round[0]));
        println!("  reload                       {:>7.3} s", median(&|round| round[1]));
        println!("  ratio                        {:>7.2}", median(&|round| round[1] / round[0]));
        println!("  memory at most / file        {:>7.2}", median(&|round| round[2]));
        println!("  memory once it is forgotten  {:>7.2}", median(&|round| round[3]));
    }
    fs::remove_dir_all(&folder).unwrap_or_else(|error| panic!("{error}"));
}

/// Seconds to open and to reload, memory during the reload and after the earlier version is forgotten, as a part of the file.
fn measure(folder: &Path) -> [f64; 4] {
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    fs::copy(folder.join("before.json"), folder.join("open.json")).unwrap_or_else(|error| panic!("{error}"));
    fs::copy(folder.join("after.json"), folder.join("new.json")).unwrap_or_else(|error| panic!("{error}"));
    let output = Process::new(program).arg("--round").arg(folder).output().unwrap_or_else(|error| panic!("{error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)))
}

struct NoChooser;

impl FileChooser for NoChooser {
    fn pick(&self, _: FileKind, _: Option<&Path>) -> Picked {
        Picked::Nothing
    }
}

/// The program without its window.
struct Program {
    state: State,
    jobs: Jobs,
    begun: Instant,
}

impl Program {
    fn take(&mut self, input: Input) {
        let unix_ns = jiff::Timestamp::now().as_nanosecond();
        let now = Now { ms: self.begun.elapsed().as_millis() as u64, unix_ns, zone: TimeZone::UTC };
        for effect in update(&mut self.state, input, &now) {
            self.jobs.run(effect);
        }
    }

    fn wait(&mut self, is_there: impl Fn(&State) -> bool) {
        while !is_there(&self.state) {
            let events: Vec<_> = self.jobs.events().collect();
            if events.is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
            events.into_iter().for_each(|event| self.take(Input::Event(event)));
        }
    }
}

fn round(folder: &Path) {
    let path = folder.join("open.json");
    let begun = Instant::now();
    let loaded = load(&Disk::real(), &SystemClock, &path, &Threads, &|_, _| ControlFlow::Continue(()));
    let opening = begun.elapsed().as_secs_f64();
    drop(loaded.unwrap_or_else(|error| panic!("{error}")));
    let surroundings = Surroundings {
        disk: Disk::real(),
        state_folder: folder.join("state"),
        settings_path: folder.join("settings.json"),
        chooser: Arc::new(NoChooser),
    };
    let (jobs, ..) = Jobs::new(surroundings, Arc::new(|| ()));
    let mut program = Program { state: State::default(), jobs, begun: Instant::now() };
    program.take(Input::OpenFiles(vec![path.clone()]));
    program.wait(|state| state.session().is_some_and(|session| session.history.base().digest().is_some()));
    let size = program.state.session().map_or(1, |session| session.document().byte_len()) as f64;
    // A file that was opened is looked at once more so much later, without a hint.
    std::thread::sleep(3 * DEBOUNCE);
    // The hint comes from the midst of the renaming, which is over soon: what is new is on the disk, what was there is not freed.
    let new = folder.join("new.json");
    let kept = [&new, &path].map(|path| File::open(path).unwrap_or_else(|error| panic!("{error}")));
    kept[0].sync_all().unwrap_or_else(|error| panic!("{error}"));
    let begun = Instant::now();
    fs::rename(&new, &path).unwrap_or_else(|error| panic!("{error}"));
    program.jobs.run(Effect::LookNow);
    program.wait(|state| state.session().is_some_and(|session| session.loaded.is_some()));
    let reload = begun.elapsed().saturating_sub(DEBOUNCE).as_secs_f64();
    let peak = figures::memory_mb("self", "VmHWM") * 1e6;
    program.take(Input::Command(Command::ForgetEarlier));
    // It is given back beside the window's thread.
    std::thread::sleep(3 * DEBOUNCE);
    println!("{opening} {reload} {} {}", peak / size, figures::memory_mb("self", "VmRSS") * 1e6 / size);
}

/// Records; in the other version one of a thousandth, evenly spread, is another, is gone, or has a new one before it.
fn records(bytes: usize, changed: bool, space: &str) -> String {
    let count = bytes as u64 / 150;
    let mut text = String::with_capacity(bytes + bytes / 8);
    text.push('[');
    for number in 0..count {
        let mixed = number.wrapping_mul(6_364_136_223_846_793_005) >> 20;
        let turn = (changed && number % (count / 100) == count / 200).then_some(number / (count / 100) % 3);
        if turn == Some(0) {
            continue;
        }
        if turn == Some(1) {
            text.push_str(if text.len() > 1 { ",\n {\"new\": true}" } else { "{\"new\": true}" });
        }
        let _ = write!(
            text,
            "{}{{\"id\":{space}{number}, \"login\": \"user{mixed}\", \"tags\": [\"a\", \"ב\", {}], \"actor\": {{\"url\": \"https://api.example.org/{mixed}\", \"score\": {}.5}}}}",
            if text.len() > 1 { ",\n " } else { "" },
            if turn == Some(2) { 99 } else { mixed % 17 },
            mixed % 100
        );
    }
    text.push_str("]\n");
    text
}
