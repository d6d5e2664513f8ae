//! Opens a file as one of the peers does: `peers TASK FILE` prints the seconds that it took, the CPU seconds of the process, and
//! the peak of its memory in bytes. Without arguments it prints the tasks' names.

#[path = "../../data/measure.rs"]
mod measure;

use std::path::Path;
use std::time::Instant;

const TASKS: [&str; 3] = ["serde_json::Value, lossless", "simd-json tape", "sonic-rs Value"];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, task, path] = &arguments[..] else {
        return println!("{}", TASKS.join("\n"));
    };
    let begun = Instant::now();
    let mut bytes = measure::read(Path::new(path));
    // What was made is there when the memory is looked at, and is not taken apart.
    if task == TASKS[0] {
        keep(begun, serde_json::from_slice::<serde_json::Value>(&bytes));
    } else if task == TASKS[1] {
        keep(begun, simd_json::to_tape(&mut bytes));
    } else if task == TASKS[2] {
        keep(begun, sonic_rs::from_slice::<sonic_rs::Value>(&bytes));
    } else {
        panic!("{task}: there is no such task");
    }
}

fn keep<T, E: std::fmt::Display>(begun: Instant, made: Result<T, E>) {
    let made = made.unwrap_or_else(|error| panic!("{error}"));
    measure::report(begun);
    std::mem::forget(made);
}
