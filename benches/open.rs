//! Opening a file beside reading it and checking UTF-8 alone, and beside programs that hold a whole text: time, the processor's time
//! and peak memory.
//!
//! `cargo bench --bench open` makes a file of 100 MB (`TREEKEEP_BENCH_MB` another size) for each shape (`TREEKEEP_BENCH_SETS` some of
//! them, as in `"records;flat"`): records like API events, pretty and on one line; coordinates; small integers; an object of
//! millions of keys; two long strings; a million brackets, and, where they are named, `brackets` in the file's size. Each measurement is a process of its own; the programs take turns, so
//! that a noisy machine disturbs all alike, and ratios are the median of each turn's. The file is in the system's cache.
//!
//! The peers take part once they are built: `cargo build --release --manifest-path benches/peers/Cargo.toml`.

mod data;
#[path = "data/measure.rs"]
mod measure;

use data::{file, megabytes, shapes};
use measure::{read, report};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use treekeep::jobs::Threads;
use treekeep::storage::{Disk, SystemClock, load};

const ROUNDS: usize = 5;
/// Bytes up to which the others take part: they need up to 22 times as much memory.
const LARGEST_FOR_ALL: f64 = 500e6;
const SHAPES: [&str; 7] = ["records", "records, 1 line", "numbers", "flat", "bigobj", "longstr", "deep"];
const OWN: [&str; 3] = ["read + UTF-8", "treekeep", "serde_json::Value"];

/// A way to open a file, in a process of its own.
struct Task {
    name: String,
    program: PathBuf,
}

#[derive(Clone, Copy, Default)]
struct Measured {
    seconds: f64,
    cpu_seconds: f64,
    peak: f64,
    /// Bytes of index, and values.
    index: f64,
    values: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--task") {
        return run(&arguments[place + 1], Path::new(&arguments[place + 2]));
    }
    let tasks = tasks();
    println!("{:<16} {:<27} {:>8} {:>7} {:>7} {:>12}", "file", "program", "seconds", "ratio", "CPU", "memory/file");
    for shape in shapes(&SHAPES) {
        let path = file(shape, megabytes());
        let size = fs::metadata(&path).map_or(1, |metadata| metadata.len()) as f64;
        // Of a million levels the others refuse or overflow the stack; of a large file they want more memory than there may be.
        let alone = ["deep", "brackets"].contains(&shape.0) || size > LARGEST_FOR_ALL;
        let tasks = if alone { &tasks[..2] } else { &tasks[..] };
        let rounds: Vec<Vec<Measured>> = (0..ROUNDS).map(|_| tasks.iter().map(|task| measure(task, &path)).collect()).collect();
        for (number, task) in tasks.iter().enumerate() {
            let of = |what: &dyn Fn(&[Measured]) -> f64| median(rounds.iter().map(|round| what(round)).collect());
            let seconds = of(&|round| round[number].seconds);
            let ratio = of(&|round| round[number].seconds / round[0].seconds);
            let cpu = of(&|round| round[number].cpu_seconds / round[0].cpu_seconds);
            let memory = of(&|round| round[number].peak / size);
            print!("{:<16} {:<27} {seconds:>8.3} {ratio:>6.2}x {cpu:>6.2}x {memory:>11.3}x", shape.0, task.name);
            match number {
                0 => println!(),
                1 => println!("  index: {:.2} bytes a value", of(&|round| round[1].index / round[1].values)),
                _ => {
                    let slower = of(&|round| round[number].seconds / round[1].seconds);
                    let larger = of(&|round| round[number].peak / round[1].peak);
                    println!("  treekeep: {slower:.1} x faster, {larger:.1} x smaller");
                }
            }
        }
    }
}

/// This program's own tasks and those of the peers.
fn tasks() -> Vec<Task> {
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("the benchmark's own program: {error}"));
    let mut tasks: Vec<Task> = OWN.iter().map(|name| Task { name: (*name).to_owned(), program: program.clone() }).collect();
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/target/release/peers");
    match Command::new(&peers).output() {
        Ok(output) => {
            let names = String::from_utf8_lossy(&output.stdout).into_owned();
            tasks.extend(names.lines().map(|name| Task { name: name.to_owned(), program: peers.clone() }));
        }
        Err(_) => println!("without peers: cargo build --release --manifest-path benches/peers/Cargo.toml"),
    }
    tasks
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn measure(Task { name, program }: &Task, path: &Path) -> Measured {
    let mut command = Command::new(program);
    if OWN.contains(&&**name) {
        command.arg("--task");
    }
    let output = command.arg(name).arg(path).output().unwrap_or_else(|error| panic!("{name}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [seconds, cpu_seconds, peak] => Measured { seconds, cpu_seconds, peak, ..Measured::default() },
        [seconds, cpu_seconds, peak, index, values] => Measured { seconds, cpu_seconds, peak, index, values },
        _ => panic!("{name} said {text:?} and {}", String::from_utf8_lossy(&output.stderr)),
    }
}

fn run(name: &str, path: &Path) {
    let begun = Instant::now();
    match name {
        "read + UTF-8" => {
            let bytes = read(path);
            assert!(simdutf8::basic::from_utf8(&bytes).is_ok());
            report(begun);
        }
        // As the window and the command line do it.
        "treekeep" => {
            let loaded = load(&Disk::real(), &SystemClock, path, &Threads, &|_, _| ControlFlow::Continue(()));
            let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
            let fragment = loaded.fragment.unwrap_or_else(|(problem, _)| panic!("{problem}"));
            report(begun);
            println!("{} {}", fragment.index_memory(), fragment.values());
            std::mem::forget(fragment);
        }
        _ => {
            let value: serde_json::Value = serde_json::from_slice(&read(path)).unwrap_or_else(|error| panic!("{error}"));
            report(begun);
            std::mem::forget(value);
        }
    }
}
