//! Opening a file, beside `serde_json::Value` and beside reading and checking UTF-8 alone: times as ratios, and peak memory.
//!
//! `cargo bench` makes a file of 100 MB (`TREEKEEP_BENCH_MB` another size) of records like API events, pretty and on one line, and
//! of numbers. Each measurement is a process of its own; the programs take turns, so that a noisy machine disturbs all alike.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const ROUNDS: usize = 5;
const TASKS: [&str; 3] = ["read + UTF-8", "treekeep", "serde_json::Value"];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--task") {
        return task(&arguments[place + 1], Path::new(&arguments[place + 2]));
    }
    let megabytes: usize = std::env::var("TREEKEEP_BENCH_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    println!("{:<16} {:<20} {:>8} {:>8} {:>12}", "file", "program", "seconds", "ratio", "memory/file");
    let sets: [(&str, fn(usize) -> String); 7] = [
        ("records", records),
        ("records, 1 line", minified),
        ("numbers", numbers),
        ("flat", flat),
        ("bigobj", bigobj),
        ("longstr", longstr),
        ("deep", deep),
    ];
    let wanted = std::env::var("TREEKEEP_BENCH_SETS").unwrap_or_default();
    for (name, make) in sets.into_iter().filter(|(name, _)| wanted.is_empty() || wanted.split(';').any(|word| word == *name)) {
        let path = file(name, megabytes, make);
        let size = fs::metadata(&path).map_or(1, |metadata| metadata.len());
        // serde_json::Value stops at 128 levels.
        let tasks = if name == "deep" { &TASKS[..2] } else { &TASKS[..] };
        let mut times = vec![Vec::new(); tasks.len()];
        let mut bytes_a_value = 0.0;
        let mut peaks = vec![0; tasks.len()];
        for _ in 0..ROUNDS {
            for (number, task) in tasks.iter().enumerate() {
                let (seconds, peak, index) = measure(task, &path);
                bytes_a_value = index.max(bytes_a_value);
                times[number].push(seconds);
                peaks[number] = peaks[number].max(peak);
            }
        }
        let medians: Vec<f64> = times.into_iter().map(median).collect();
        for (number, task) in tasks.iter().enumerate() {
            let ratio = medians[number] / medians[0];
            let memory = peaks[number] as f64 / size as f64;
            let index = if *task == "treekeep" { format!("  index {bytes_a_value:.2} bytes a value") } else { String::new() };
            println!("{name:<16} {task:<20} {:>8.3} {ratio:>7.2}x {memory:>11.2}x{index}", medians[number]);
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs one task in a process of its own: seconds inside it, the peak of its memory in bytes, and bytes of index a value.
fn measure(task: &str, path: &Path) -> (f64, u64, f64) {
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("the benchmark's own program: {error}"));
    let output =
        Command::new(program).args(["--task", task]).arg(path).output().unwrap_or_else(|error| panic!("{task}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.split_whitespace();
    let mut next = || numbers.next().and_then(|text| text.parse::<f64>().ok()).unwrap_or_else(|| panic!("{task} said {text:?}"));
    (next(), next() as u64, if task == "treekeep" { next() } else { 0.0 })
}

fn task(name: &str, path: &Path) {
    let begun = Instant::now();
    match name {
        "read + UTF-8" => {
            let bytes = read(path);
            assert!(simdutf8::basic::from_utf8(&bytes).is_ok());
        }
        "treekeep" => {
            let (disk, clock) = (treekeep::storage::Disk::real(), treekeep::storage::SystemClock);
            let go_on = |_, _| std::ops::ControlFlow::Continue(());
            let loaded = treekeep::storage::load(&disk, &clock, path, &treekeep::jobs::Threads, &go_on);
            let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
            let fragment = loaded.fragment.unwrap_or_else(|(problem, _)| panic!("{problem}"));
            report(begun);
            println!("{}", fragment.index_memory() as f64 / fragment.values() as f64);
            std::mem::forget(fragment);
            return;
        }
        _ => {
            let value: serde_json::Value = serde_json::from_slice(&read(path)).unwrap_or_else(|error| panic!("{error}"));
            report(begun);
            std::mem::forget(value);
            return;
        }
    }
    report(begun);
}

fn read(path: &Path) -> Vec<u8> {
    let mut file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = Vec::with_capacity(file.metadata().map_or(0, |metadata| metadata.len() as usize) + 1);
    file.read_to_end(&mut bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    bytes
}

fn report(begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|text| text.split_whitespace().next())
        .unwrap_or("0");
    println!("{seconds} {}", peak.parse::<u64>().unwrap_or(0) * 1024);
}

fn file(name: &str, megabytes: usize, make: fn(usize) -> String) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("{}-{megabytes}.json", name.replace([' ', ','], "-")));
    if !path.exists() {
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, make(megabytes * 1_000_000)))
            .unwrap_or_else(|error| panic!("{error}"));
    }
    path
}

/// The same numbers in each run (Knuth's constants for a linear congruence).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn records(bytes: usize) -> String {
    const WORDS: [&str; 8] =
        ["merge", "review", "בראשית", "issue \\\"quoted\\\"", "王芳", "line\\nbreak", "release", "caf\\u00e9"];
    let mut dice = Dice(7);
    let mut text = String::with_capacity(bytes + 2000);
    text.push_str("[\n");
    while text.len() < bytes {
        if text.len() > 2 {
            text.push_str(",\n");
        }
        let (id, actor) = (dice.roll(1 << 31), dice.roll(90_000));
        let mut word = || WORDS[dice.roll(8) as usize];
        let (one, two, three) = (word(), word(), word());
        let _ = write!(
            text,
            "  {{\n    \"id\": \"{id}\",\n    \"type\": \"PushEvent\",\n    \"actor\": {{\n      \"id\": {actor},\n      \"login\": \"user{actor}\",\n      \
             \"url\": \"https://api.example.org/users/user{actor}\"\n    }},\n    \"payload\": {{\n      \"size\": {},\n      \"commits\": [\n        {{\n          \
             \"sha\": \"{:032x}\",\n          \"message\": \"{one} {two}: {three}\",\n          \"distinct\": true\n        }}\n      ]\n    }},\n    \"public\": true,\n    \
             \"score\": {}.{},\n    \"org\": null\n  }}",
            id % 9,
            u128::from(id) * 7_919,
            id % 100,
            actor % 1000
        );
    }
    text.push_str("\n]\n");
    text
}

fn minified(bytes: usize) -> String {
    let text = records(bytes * 3 / 2);
    String::from_utf8_lossy(&treekeep::document::lay_out(
        text.as_bytes(),
        &treekeep::document::Style { colon: ":".into(), comma: ",".into(), ..Default::default() },
        &treekeep::document::Layout::OneLine,
    ))
    .into_owned()
}

fn numbers(bytes: usize) -> String {
    let mut dice = Dice(11);
    let mut text = String::with_capacity(bytes + 200);
    text.push_str("{\"type\":\"MultiLineString\",\"coordinates\":[[");
    while text.len() < bytes {
        if !text.ends_with("[[") {
            text.push_str(if dice.roll(60) == 0 { "],[" } else { "," });
        }
        let _ = write!(text, "[{}.{:06},{}.{:06}]", dice.roll(180), dice.roll(1_000_000), dice.roll(90), dice.roll(1_000_000));
    }
    text.push_str("]]}");
    text
}

/// One array of small integers.
fn flat(bytes: usize) -> String {
    let mut dice = Dice(3);
    let mut text = String::with_capacity(bytes + 20);
    text.push('[');
    while text.len() < bytes {
        let _ = write!(text, "{},", dice.roll(1000));
    }
    text.push_str("0]");
    text
}

/// One object of many keys.
fn bigobj(bytes: usize) -> String {
    let mut dice = Dice(5);
    let mut text = String::with_capacity(bytes + 80);
    text.push('{');
    while text.len() < bytes {
        let (key, value) = (dice.roll(1 << 40), dice.roll(100_000));
        let _ = write!(text, "\"key-{key:012}\":{{\"v\":{value}}},");
    }
    text.push_str("\"end\":null}");
    text
}

/// A few long strings.
fn longstr(bytes: usize) -> String {
    const LINE: &str = "The quick brown fox \\n\\\"quoted\\\" בראשית ברא 王芳 jumps over the lazy dog. ";
    let mut text = String::with_capacity(bytes + 200);
    text.push('[');
    for part in 0..2 {
        text.push_str(if part == 0 { "\"" } else { ",\"" });
        while text.len() < bytes / 2 * (part + 1) {
            text.push_str(LINE);
        }
        text.push('"');
    }
    text.push(']');
    text
}

/// Nested brackets; more would say no more.
fn deep(_: usize) -> String {
    format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000))
}
