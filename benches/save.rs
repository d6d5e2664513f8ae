//! Saving a file, beside `cp` and `sync` on the same disk: times as ratios, and the memory that a save takes beyond the document's.
//!
//! `cargo bench --bench save` makes a file of 100 MB (`TREEKEEP_BENCH_MB` another size) of records like API events where `target`
//! is (`TREEKEEP_BENCH_SETS=target` for that alone), and, where root and loop devices are there, in an image whose file system shares blocks. Each measurement is a process of
//! its own; the programs take turns, so that a noisy machine disturbs all alike. A save is measured from a document that is open
//! and edited, of a file that nobody wrote in the last seconds, as when a person edits it.

mod data;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use treekeep::document::{Document, Edit, Value};
use treekeep::storage::{self, BackupPolicy, Cause, Digest, Disk, Env, Expected, Options, Retention, SystemClock, Version};

const EDITS: u64 = 100_000;

/// What is measured, and by what it is divided.
const TASKS: [(&str, &str); 6] = [
    ("cp + sync", "cp + sync"),
    ("write out, 1 edit", "cp + sync"),
    ("write out, 100,000 edits", "cp + sync"),
    ("2 (cp + sync), read", "2 (cp + sync), read"),
    ("save, 1 edit", "2 (cp + sync), read"),
    ("save, 100,000 edits", "2 (cp + sync), read"),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--task") {
        return task(&arguments[place + 1], Path::new(&arguments[place + 2]));
    }
    let megabytes = data::megabytes();
    let wanted = std::env::var("TREEKEEP_BENCH_SETS").unwrap_or_default();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.split(';').any(|word| word == name);
    println!("{:<8} {:<26} {:>8} {:>8} {:>10}  steps in ms", "disk", "program", "seconds", "ratio", "memory");
    if is_wanted("target") {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("save");
        measure_in("target", &folder, megabytes);
        let _ = fs::remove_dir_all(&folder);
    }
    for make in ["xfs", "btrfs"].into_iter().filter(|make| is_wanted(make)) {
        match Image::new(make, megabytes as u64 * 4 + 600) {
            Some(image) => measure_in(make, &image.0.join("mounted/save"), megabytes),
            None => println!("{make:<8} (needs root, loop devices and mkfs.{make})"),
        }
    }
}

fn measure_in(disk: &str, folder: &Path, megabytes: usize) {
    let file = folder.join("a.json");
    let records = data::file(data::SHAPES[0], megabytes);
    fs::create_dir_all(folder)
        .and_then(|()| fs::copy(records, &file))
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let shares_blocks = disk != "target";
    let mut runs: Vec<Vec<Run>> = TASKS.iter().map(|_| Vec::new()).collect();
    for _ in 0..number("TREEKEEP_BENCH_ROUNDS", 5) {
        for (runs, (name, _)) in runs.iter_mut().zip(TASKS) {
            let _ = fs::remove_dir_all(folder.join("state"));
            run(Command::new("sync").arg("-f").arg(folder));
            runs.push(if name.contains("cp") { copy(name, folder) } else { measure(name, &file) });
        }
    }
    let medians: Vec<f64> = runs.iter().map(|runs| median(runs.iter().map(|run| run.seconds))).collect();
    for ((runs, median), (name, beside)) in runs.iter().zip(&medians).zip(TASKS) {
        // Where blocks are shared a backup is no copy.
        let beside = if shares_blocks { "cp + sync" } else { beside };
        let ratio = TASKS.iter().position(|(name, _)| *name == beside).map_or(1.0, |place| median / medians[place]);
        let memory = runs.iter().map(|run| run.memory).max().unwrap_or(0) as f64 / 1e6;
        let middle = runs.iter().min_by(|a, b| (a.seconds - median).abs().total_cmp(&(b.seconds - median).abs()));
        let steps = middle.map_or("", |run| &run.steps);
        println!("{disk:<8} {name:<26} {median:>8.3} {ratio:>7.2}x {memory:>7.0} MB  {steps}");
    }
}

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Run {
    seconds: f64,
    /// Bytes at the peak, beyond what was there before.
    memory: u64,
    steps: String,
}

#[track_caller]
fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "{command:?}: {status:?}");
}

/// The reference: never by sharing blocks, which would copy nothing.
fn copy(name: &str, folder: &Path) -> Run {
    let once = |copy: &str| format!("cp --reflink=never a.json {copy} && sync {copy}");
    let line = match name {
        "cp + sync" => once("b.json"),
        _ => format!("{} && {} && cat a.json > /dev/null", once("b.json"), once("c.json")),
    };
    let begun = Instant::now();
    run(Command::new("sh").args(["-c", &line]).current_dir(folder));
    let seconds = begun.elapsed().as_secs_f64();
    for copy in ["b.json", "c.json"] {
        let _ = fs::remove_file(folder.join(copy));
    }
    Run { seconds, memory: 0, steps: String::new() }
}

/// Runs one task in a process of its own.
fn measure(task: &str, file: &Path) -> Run {
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("the benchmark's own program: {error}"));
    let output =
        Command::new(program).args(["--task", task]).arg(file).output().unwrap_or_else(|error| panic!("{task}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    let mut words = text.trim_end_matches('\n').splitn(3, ' ');
    let mut next = || words.next().unwrap_or_else(|| panic!("{task}: {text:?}, {}", String::from_utf8_lossy(&output.stderr)));
    let (seconds, memory, steps) = (next().parse(), next().parse(), next().to_owned());
    Run { seconds: seconds.unwrap_or(0.0), memory: memory.unwrap_or(0), steps }
}

fn task(name: &str, file: &Path) {
    let (disk, clock) = (Disk::real(), SystemClock);
    let loaded = storage::load(&disk, &clock, file, &treekeep::jobs::Threads, &|_, _| ControlFlow::Continue(()))
        .unwrap_or_else(|error| panic!("{error}"));
    let fragment = loaded.fragment.unwrap_or_else(|(problem, _)| panic!("{problem}"));
    let expected =
        Expected::Version(Version { stamp: loaded.stamp, digest: Digest::of_text(fragment.text(), &treekeep::jobs::Threads) });
    let document = edited(&Document::of(&fragment), if name.contains("100,000") { EDITS } else { 1 });
    // Until any later change of the file would show in its metadata.
    std::thread::sleep(Duration::from_millis(2200));
    // Forgets the peak that opening had.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let before = memory("VmRSS:");
    let mut steps: Vec<(String, Instant)> = Vec::new();
    let begun = Instant::now();
    if name.starts_with("save") {
        let state_folder = file.with_file_name("state");
        let env = Env { disk: &disk, clock: &clock, state_folder: &state_folder, crew: &treekeep::jobs::Threads };
        let retention = Retention { file_bytes: u64::MAX, total_bytes: u64::MAX, ..Retention::default() };
        let options = Options { backup: BackupPolicy::Keep(Cause::Save), wait: Duration::from_secs(1), retention };
        let saved = storage::save(&env, file, &expected, &document, options, &mut |doing| {
            let doing = doing.step.doing();
            if steps.last().is_none_or(|(last, _)| last != doing) {
                steps.push((doing.to_owned(), Instant::now()));
            }
            ControlFlow::Continue(())
        });
        assert!(saved.is_ok_and(|saved| saved.backup.is_some()));
    } else {
        storage::write_out(&disk, file, &document, &treekeep::jobs::Threads).unwrap_or_else(|error| panic!("{error}"));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let memory = memory("VmHWM:").saturating_sub(before);
    let ends = steps.iter().skip(1).map(|(_, at)| *at).chain([Instant::now()]);
    let steps: Vec<String> =
        steps.iter().zip(ends).map(|((step, at), end)| format!("{step} {}", (end - *at).as_millis())).collect();
    println!("{seconds} {memory} {}", steps.join(", "));
    std::mem::forget((document, fragment));
}

/// With so many edits all over the document.
fn edited(document: &Document, edits: u64) -> Document {
    let records = document.root().child_count();
    let mut document = document.clone();
    for number in 0..edits {
        // Another value each time: what was saved before is there again.
        let value =
            Value::new(&format!("{}", u64::from(std::process::id()) + number)).unwrap_or_else(|problem| panic!("{problem}"));
        let path = [number * (records / edits), 0].as_slice().into();
        let applied = Edit::Replace { path, value }.apply(&document).unwrap_or_else(|refusal| panic!("{refusal}"));
        document = applied.document;
    }
    document
}

/// A line of what the system knows of this process, in bytes.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// A file system in an image, mounted until it is dropped. What is written to it goes to the disk and not only to memory.
struct Image(PathBuf, String);

impl Image {
    fn new(make: &str, megabytes: u64) -> Option<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("save-{make}"));
        fs::create_dir_all(folder.join("mounted")).ok()?;
        let image = folder.join("image");
        let done = |command: &mut Command| command.output().ok().filter(|output| output.status.success());
        done(Command::new("fallocate").args(["-l", &format!("{megabytes}MiB")]).arg(&image))?;
        done(Command::new(format!("mkfs.{make}")).arg("-q").arg(&image))?;
        let device = done(Command::new("losetup").args(["--find", "--show", "--direct-io=on"]).arg(&image))?;
        let this = Self(folder, String::from_utf8_lossy(&device.stdout).trim().to_owned());
        done(Command::new("mount").arg(&this.1).arg(this.0.join("mounted"))).map(|_| this)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.join("mounted")).status();
        let _ = Command::new("losetup").args(["-d", &self.1]).status();
        let _ = fs::remove_dir_all(&self.0);
    }
}
