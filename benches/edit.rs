//! One edit: from what a person does to the new state, with history, open rows, search marks and the journal told.
//!
//! `cargo bench --bench edit` edits random places in 100 MB (`TREEKEEP_BENCH_MB` another size) of records, of an array of small
//! integers and of an object of millions of keys (`TREEKEEP_BENCH_SETS` some of them), closed and with everything expanded.
//! What is measured is all that the window's thread does for it: selecting the row, typing, the edit, handing it to the jobs. Then
//! 10,000 edits, and the memory that they take.

mod data;
#[path = "data/figures.rs"]
mod figures;
#[path = "data/stopwatch.rs"]
mod stopwatch;

use data::{Dice, file, megabytes, shapes};
use figures::{at, memory_mb};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use stopwatch::Stopwatch;
use treekeep::document::{Kind, Path as Place, RevisionId};
use treekeep::jobs::{FileChooser, Jobs, Picked, Surroundings};
use treekeep::state::session::Part;
use treekeep::state::{Command, FileKind, Input, Now, State, update};
use treekeep::storage::Disk;

/// Edits of each kind.
const EDITS: usize = 400;
/// Edits whose memory is measured.
const MANY: usize = 10_000;

struct NoChooser;

impl FileChooser for NoChooser {
    fn pick(&self, _kind: FileKind, _suggested: Option<&Path>) -> Picked {
        Picked::NotShown("no dialogs here".to_owned())
    }
}

/// The program without drawing.
struct Program {
    state: State,
    jobs: Jobs,
    begun: Instant,
    dice: Dice,
    _folder: tempfile::TempDir,
}

impl Program {
    fn open(path: &Path) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error}"));
        let surroundings = Surroundings {
            disk: Disk::real(),
            state_folder: folder.path().join("state"),
            settings_path: folder.path().join("settings.json"),
            chooser: Arc::new(NoChooser),
        };
        let (jobs, settings, _) = Jobs::new(surroundings, Arc::new(|| ()));
        let options = settings.saving;
        let state = State::new(Vec::new(), Default::default(), options);
        let mut program = Self { state, jobs, begun: Instant::now(), dice: Dice(9), _folder: folder };
        program.take(Input::OpenFiles(vec![PathBuf::from(path)]));
        while program.state.session().is_none_or(|session| session.history.base().digest().is_none()) {
            assert!(program.begun.elapsed() < Duration::from_secs(100), "{} did not open", path.display());
            program.settle();
        }
        program
    }

    /// What a frame does with one input, but for drawing.
    fn take(&mut self, input: Input) {
        let now = Now {
            ms: self.begun.elapsed().as_millis() as u64,
            unix_ns: jiff::Timestamp::now().as_nanosecond(),
            zone: jiff::tz::TimeZone::UTC,
        };
        for effect in update(&mut self.state, input, &now) {
            self.jobs.run(effect);
        }
    }

    /// Takes what the jobs sent.
    fn settle(&mut self) {
        let events: Vec<_> = self.jobs.events().collect();
        events.into_iter().for_each(|event| self.take(Input::Event(event)));
    }

    fn revision(&self) -> Option<RevisionId> {
        self.state.session().map(|session| session.history.current().id)
    }

    /// A random place: of a scalar, or of one that is a member, as deep as it goes.
    fn place(&mut self, wants_member: bool) -> Place {
        loop {
            let mut path = Place::root();
            let Some(session) = self.state.session() else { return path };
            let mut node = session.document().root().clone();
            let mut in_object = false;
            while node.child_count() > 0 {
                in_object = node.kind() == Kind::Object;
                let number = self.dice.roll(node.child_count());
                let Some(child) = node.child(number) else { break };
                (node, path) = (child.node, path.child(number));
            }
            if !node.kind().is_container() && (!wants_member || in_object) {
                return path;
            }
        }
    }

    /// Takes the inputs as one edit: how long they took, in ms, and of the processor's time.
    fn time(&mut self, inputs: Vec<Input>) -> (f64, f64) {
        let before = self.revision();
        let watch = Stopwatch::start();
        inputs.into_iter().for_each(|input| self.take(input));
        let took = watch.ms();
        assert_ne!(self.revision(), before, "nothing was edited: {:?}", self.state.session().map(|session| &session.notice));
        self.settle();
        took
    }

    fn edit(&mut self, kind: &str, number: usize) -> (f64, f64) {
        let inputs = match kind {
            "replace" => {
                let path = self.place(false);
                // A number that is in none of the files.
                vec![Input::Edit(path, Part::Value), Input::Type(format!("{}", 1_000_000_000_000 + number)), Input::Commit]
            }
            "rename" => {
                let path = self.place(true);
                vec![Input::Edit(path, Part::Key), Input::Type(format!("name {number}")), Input::Commit]
            }
            "insert" => {
                vec![Input::Select(self.place(false)), Input::Paste(format!("{{\"new\": [{number}]}}"), false)]
            }
            "insert first" => vec![Input::Select([0].as_slice().into()), Input::Command(Command::InsertBefore), Input::Commit],
            "remove" => vec![Input::Select(self.place(false)), Input::Command(Command::Delete)],
            "remove a child of the root" => {
                let count = self.state.session().map_or(1, |session| session.document().root().child_count());
                vec![Input::Select([self.dice.roll(count)].as_slice().into()), Input::Command(Command::Delete)]
            }
            "duplicate" => vec![Input::Select(self.place(false)), Input::Command(Command::Duplicate)],
            "move" => {
                let path = self.place(false);
                let command = match &path[..] {
                    [0] => Command::MoveDown,
                    [.., 0] => Command::MoveOut,
                    _ => Command::MoveUp,
                };
                vec![Input::Select(path), Input::Command(command)]
            }
            "undo" => vec![Input::Command(Command::Undo)],
            _ => vec![Input::Command(Command::Redo)],
        };
        self.time(inputs)
    }
}

fn report(file: &str, kind: &str, times: Vec<(f64, f64)>) {
    let (mut times_ms, mut cpu_ms): (Vec<f64>, Vec<f64>) = times.into_iter().unzip();
    let first = times_ms.first().copied().unwrap_or(f64::NAN);
    let [median, most, worst] = [0.5, 0.99, 1.0].map(|part| at(&mut times_ms, part));
    let (count, worst_cpu) = (times_ms.len(), at(&mut cpu_ms, 1.0));
    println!("{file:<14} {kind:<28} {count:>6} {first:>8.3} {median:>8.3} {most:>8.3} {worst:>8.3} {worst_cpu:>10.3}");
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--task") {
        return many(Path::new(&arguments[place + 1]));
    }
    let files = shapes(&["records", "flat", "bigobj"]).into_iter().map(|shape| (shape.0, file(shape, megabytes())));
    let files: Vec<(&str, PathBuf)> = files.collect();
    println!(
        "{:<14} {:<28} {:>6} {:>8} {:>8} {:>8} {:>8} {:>10}",
        "ms", "edit", "count", "first", "median", "99 %", "worst", "worst, CPU"
    );
    for (name, path) in &files {
        for is_expanded in [false, true] {
            let mut program = Program::open(path);
            let name = if is_expanded { format!("{name}, open") } else { (*name).to_owned() };
            if is_expanded {
                program.take(Input::Command(Command::ExpandAll));
            }
            let kinds =
                ["replace", "insert", "insert first", "remove", "remove a child of the root", "duplicate", "move", "rename"];
            for kind in kinds {
                if kind == "rename" && name.starts_with("flat") {
                    continue;
                }
                report(&name, kind, (0..EDITS).map(|number| program.edit(kind, number)).collect());
            }
            for kind in ["undo", "redo"] {
                report(&name, kind, (0..EDITS * 6).map(|number| program.edit(kind, number)).collect());
            }
        }
    }
    println!("\n{:<14} {:>8} {:>12} {:>14}", "", "edits", "MB of memory", "a document, MB");
    for (name, path) in &files {
        let program = std::env::current_exe().unwrap_or_else(|error| panic!("the benchmark's own program: {error}"));
        let output =
            std::process::Command::new(program).arg("--task").arg(path).output().unwrap_or_else(|error| panic!("{error}"));
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let [before, after] = numbers[..] else { panic!("{name}: {text} {}", String::from_utf8_lossy(&output.stderr)) };
        println!("{name:<14} {MANY:>8} {:>12.1} {before:>14.1}", after - before);
    }
}

/// The memory before and after many edits, in MB, in a process of its own.
fn many(path: &Path) {
    let mut program = Program::open(path);
    let before = memory_mb("self", "VmRSS:");
    for number in 0..MANY {
        let kind = ["replace", "insert", "remove", "duplicate", "move"][number % 5];
        program.edit(kind, number);
    }
    let pending = |program: &Program| program.state.session().map_or(0, |session| session.journal.pending());
    let end = Instant::now() + Duration::from_secs(60);
    while pending(&program) > 0 && Instant::now() < end {
        program.settle();
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("{before} {}", memory_mb("self", "VmRSS:"));
}
