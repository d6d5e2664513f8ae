//! Starting the program: from the start of the process to what is painted, and its memory, beside an empty eframe window of the same
//! size.
//!
//! `cargo bench --bench startup` starts an X server without a screen (Xvfb), then each program in turn: the empty window, the same
//! with some lines of text (without a graphics card their painting is most of a start), Treekeep with no file, with 10 kB, and with records of 100 MB (`TREEKEEP_BENCH_MB` another size), whose opening without a window is measured
//! beside. Memory is looked at half a second after the last thing was painted.

mod data;
#[path = "data/figures.rs"]
mod figures;

use data::{file, megabytes, shapes};
use egui_system_font_provider::SystemFontProvider;
use figures::{at, memory_mb};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 9;
/// As many as there are rows in Treekeep's window.
const LINES: usize = 30;
/// Before each start: a processor that was busy just before is faster than one that had nothing to do.
const REST: Duration = Duration::from_millis(500);
/// Nothing takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// A window that shows nothing, or the first lines of a text as plain labels: what any window takes that shows as much.
#[derive(Default)]
struct Empty {
    frames: u64,
    lines: Vec<String>,
}

impl eframe::App for Empty {
    fn logic(&mut self, _ctx: &egui::Context, _frame: &mut eframe::Frame) {
        // As Treekeep does it: the frame before is painted.
        if self.frames == 1 {
            log::debug!("painted: {}", if self.lines.is_empty() { "nothing" } else { "lines" });
        }
        self.frames += 1;
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        egui::CentralPanel::default().show(ui, |ui| self.lines.iter().for_each(|line| drop(ui.monospace(line))));
    }
}

/// An X server without a screen.
struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    fn start() -> Option<Self> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1920x1080x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(server.stdout.take()?).read_line(&mut line).ok()?;
        Some(Self { server, display: format!(":{}", line.trim()) })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// One start: when each thing was painted, in seconds, and the memory in MB.
struct Start {
    painted: Vec<(String, f64)>,
    memory: f64,
}

impl Start {
    fn at(&self, what: &str) -> f64 {
        self.painted.iter().find(|(painted, _)| painted == what).map_or(f64::NAN, |(_, seconds)| *seconds)
    }

    fn first(&self) -> f64 {
        self.painted.first().map_or(f64::NAN, |(_, seconds)| *seconds)
    }
}

/// Starts a program and waits until `last` is painted.
fn start(mut command: Command, screen: &Screen, state: &Path, last: &str) -> Start {
    command
        .env("DISPLAY", &screen.display)
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .env("XDG_STATE_HOME", state)
        .env("XDG_CONFIG_HOME", state)
        .env("RUST_LOG", "treekeep=debug,startup=debug")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    std::thread::sleep(REST);
    let begun = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let Some(stderr) = child.stderr.take() else { panic!("{command:?} has no standard error") };
    let mut painted = Vec::new();
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if let Some((_, what)) = line.split_once("painted: ") {
            painted.push((what.to_owned(), begun.elapsed().as_secs_f64()));
        }
        if line.ends_with(&format!("painted: {last}")) || begun.elapsed() > LIMIT {
            break;
        }
    }
    std::thread::sleep(Duration::from_millis(500));
    let memory = memory_mb(&child.id().to_string(), "VmHWM:");
    let _ = child.kill();
    let _ = child.wait();
    Start { painted, memory }
}

/// Seconds of opening a file without a window.
fn open(path: &Path) -> f64 {
    let (disk, clock) = (treekeep::storage::Disk::real(), treekeep::storage::SystemClock);
    let begun = Instant::now();
    let loaded =
        treekeep::storage::load(&disk, &clock, path, &treekeep::jobs::Threads, &|_, _| std::ops::ControlFlow::Continue(()));
    let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
    let seconds = begun.elapsed().as_secs_f64();
    assert!(loaded.fragment.is_ok());
    seconds
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--task") {
        env_logger::init();
        if arguments[place + 1] == "empty" {
            let text =
                arguments.get(place + 2).map(|path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}")));
            let lines = text.iter().flat_map(|text| text.lines()).take(LINES).map(str::to_owned).collect();
            // With the system's fonts, as eframe has them by default.
            let create = |creation: &eframe::CreationContext<'_>| {
                creation.egui_ctx.add_font_provider(Arc::new(SystemFontProvider::new()));
                Ok(Box::new(Empty { frames: 0, lines }) as Box<dyn eframe::App>)
            };
            // What eframe has by default, but for the window's size and the fonts, which are found as above.
            let eframe::NativeOptions { viewport, renderer, system_font_fallback, .. } = treekeep::app::window_options(None);
            let options = eframe::NativeOptions { viewport, renderer, system_font_fallback, ..Default::default() };
            let window = eframe::run_native("treekeep", options, Box::new(create));
            window.unwrap_or_else(|error| panic!("{error}"));
        } else {
            println!("{} {}", open(Path::new(&arguments[place + 1])), memory_mb("self", "VmHWM:"));
        }
        return;
    }
    let Some(screen) = Screen::start() else { return println!("Left out: there is no Xvfb.") };
    let state = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error}"));
    let Some(&records) = shapes(&["records"]).first() else { return println!("Left out: no records.") };
    let small = state.path().join("small.json");
    std::fs::write(&small, (records.1)(10_000)).unwrap_or_else(|error| panic!("{}: {error}", small.display()));
    let (megabytes, large) = (megabytes(), file(records, megabytes()));
    let own = std::env::current_exe().unwrap_or_else(|error| panic!("the benchmark's own program: {error}"));
    let empty = |text: Option<&PathBuf>| {
        let mut command = Command::new(&own);
        command.args(["--task", "empty"]).args(text);
        command
    };
    let treekeep = |file: Option<&PathBuf>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_treekeep"));
        command.args(file);
        command
    };

    let mut figures = vec![[const { Vec::new() }; 3]; 6];
    for _ in 0..ROUNDS {
        let starts = [
            start(empty(None), &screen, state.path(), "nothing"),
            start(empty(Some(&small)), &screen, state.path(), "lines"),
            start(treekeep(None), &screen, state.path(), "start page"),
            start(treekeep(Some(&small)), &screen, state.path(), "tree"),
            start(treekeep(Some(&large)), &screen, state.path(), "tree"),
        ];
        for (place, (start, what)) in starts.iter().zip(["nothing", "lines", "start page", "tree", "tree"]).enumerate() {
            let rows = start.at("first rows");
            figures[place][0].push(if rows.is_nan() { start.first() } else { rows });
            figures[place][1].push(start.at(what));
            figures[place][2].push(start.memory);
        }
        let output = Command::new(&own).args(["--task"]).arg(&large).output().unwrap_or_else(|error| panic!("{error}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let [seconds, memory] = numbers[..] else { panic!("{text}") };
        figures[5][1].push(seconds);
        figures[5][2].push(memory);
    }
    let names = [
        "an empty window".to_owned(),
        format!("{LINES} plain lines"),
        "Treekeep, no file".to_owned(),
        "Treekeep, 10 kB".to_owned(),
        format!("Treekeep, {megabytes} MB"),
        format!("{megabytes} MB, no window"),
    ];
    println!("{:<20} {:>18} {:>12} {:>8} {:>14} {:>8}", "", "first painting, s", "whole, s", "", "peak memory, MB", "");
    let mut base = (f64::NAN, f64::NAN);
    for (name, [first, whole, memory]) in names.iter().zip(&mut figures) {
        let [first, whole, memory] = [first, whole, memory].map(|values| at(values, 0.5));
        if base.0.is_nan() {
            base = (whole, memory);
        }
        println!("{name:<20} {first:>18.3} {whole:>12.3} {:>7.2}x {memory:>14.1} {:>7.2}x", whole / base.0, memory / base.1);
    }
}
