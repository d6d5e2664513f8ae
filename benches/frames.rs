//! A frame of the window: events taken, layout and painting calls, without the renderer. The whole program runs, with its jobs and
//! real files, on an egui context of its own.
//!
//! `cargo bench --bench frames` works on 100 MB (`TREEKEEP_BENCH_MB` another size) of records, of two strings, and of an object of
//! millions of keys (`TREEKEEP_BENCH_SETS` some of them, as in `"records;longstr"`): as it is opened, with everything expanded, and,
//! the records, with a screen reader and while jobs run. Only the time in the frame counts; while a job runs, frames come every 8 ms.

mod data;
#[path = "data/figures.rs"]
mod figures;
#[path = "data/stopwatch.rs"]
mod stopwatch;

use data::{file, megabytes, shapes};
use figures::{at, memory_mb};
use stopwatch::Stopwatch;

use eframe::App as _;
use egui::{Context, Event, Key, Modifiers, MouseWheelUnit, PointerButton, Pos2, RawInput, Rect, TouchPhase, pos2, vec2};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use treekeep::app::App;
use treekeep::jobs::{FileChooser, Picked, Surroundings};
use treekeep::state::{Content, FileKind, Status};
use treekeep::storage::Disk;

/// Points.
const SIZE: (f32, f32) = (1920.0, 1080.0);
/// Frames of a situation without jobs.
const FRAMES: usize = 400;

struct NoChooser;

impl FileChooser for NoChooser {
    fn pick(&self, _kind: FileKind, _suggested: Option<&Path>) -> Picked {
        Picked::NotShown("no dialogs here".to_owned())
    }
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

struct Window {
    ctx: Context,
    app: App,
    frame: eframe::Frame,
    seconds: f64,
    times_ms: Vec<f64>,
    cpu_ms: Vec<f64>,
    tessellation_ms: Vec<f64>,
    _state: tempfile::TempDir,
}

impl Window {
    fn new(path: &Path, has_screen_reader: bool) -> Self {
        let state = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error}"));
        let surroundings = Surroundings {
            disk: Disk::real(),
            state_folder: state.path().join("state"),
            settings_path: state.path().join("settings.json"),
            chooser: Arc::new(NoChooser),
        };
        let ctx = Context::default();
        // As eframe does it, and in time: a program takes longer to open its window than the thread of this to look at all fonts.
        ctx.add_font_provider(treekeep::app::system_fonts());
        std::thread::sleep(Duration::from_millis(300));
        if has_screen_reader {
            ctx.enable_accesskit();
        }
        let app = App::new(&ctx, surroundings, vec![path.to_owned()], false);
        let frame = eframe::Frame::_new_kittest();
        Self {
            ctx,
            app,
            frame,
            seconds: 0.0,
            times_ms: Vec::new(),
            cpu_ms: Vec::new(),
            tessellation_ms: Vec::new(),
            _state: state,
        }
    }

    fn draw(&mut self, events: Vec<Event>) {
        self.draw_input(RawInput { events, ..RawInput::default() });
    }

    fn draw_input(&mut self, input: RawInput) {
        self.seconds += 1.0 / 60.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(SIZE.0, SIZE.1))),
            time: Some(self.seconds),
            focused: true,
            ..input
        };
        let watch = Stopwatch::start();
        let mut output = self.ctx.run_ui(input, |ui| {
            self.app.logic(ui.ctx(), &mut self.frame);
            self.app.ui(ui, &mut self.frame);
        });
        let (time, cpu) = watch.ms();
        self.times_ms.push(time);
        self.cpu_ms.push(cpu);
        let begun = Instant::now();
        let shapes = self.ctx.tessellate(std::mem::take(&mut output.shapes), output.pixels_per_point);
        self.tessellation_ms.push(begun.elapsed().as_secs_f64() * 1e3);
        drop(shapes);
        output.drop_without_applying_deltas();
    }

    fn key(&mut self, key: Key, modifiers: Modifiers) {
        let event = |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
        self.draw(vec![event(true)]);
        self.draw(vec![event(false)]);
    }

    fn command(&mut self, key: Key) {
        self.key(key, Modifiers::COMMAND);
    }

    fn type_text(&mut self, text: &str) {
        self.draw(vec![Event::Text(text.to_owned())]);
    }

    fn point_at(&mut self, at: Pos2) {
        self.draw(vec![Event::PointerMoved(at)]);
    }

    fn press(&mut self, pos: Pos2, pressed: bool) {
        self.draw(vec![Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE }]);
    }

    fn wheel(&mut self, points: f32) {
        self.draw(vec![Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(0.0, -points),
            phase: TouchPhase::Move,
            modifiers: Modifiers::NONE,
            source: egui::MouseWheelSource::Unknown,
        }]);
    }

    fn status(&self) -> Option<Status> {
        self.app.state().session().map(|session| session.status())
    }

    /// Draws while `condition` holds, every 8 ms.
    fn draw_while(&mut self, mut condition: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(120);
        while condition(self) {
            assert!(Instant::now() < end, "a job did not end");
            let begun = Instant::now();
            self.draw(Vec::new());
            std::thread::sleep(Duration::from_millis(8).saturating_sub(begun.elapsed()));
        }
    }

    fn is_loading(&self) -> bool {
        self.app.state().tabs.iter().any(|tab| matches!(tab.content, Content::Loading { .. }))
    }

    /// The digest of a large text comes after it.
    fn is_settling(&self) -> bool {
        self.app.state().session().is_some_and(|session| session.history.base().digest().is_none())
    }

    fn is_searching(&self) -> bool {
        self.app.state().session().is_some_and(|session| session.find.is_running())
    }

    /// Forgets what was measured.
    fn begin(&mut self) {
        self.times_ms.clear();
        self.cpu_ms.clear();
        self.tessellation_ms.clear();
    }

    /// Prints what was measured since [`begin`](Self::begin).
    fn report(&mut self, what: &str) {
        let count = self.times_ms.len();
        let [median, most, worst] = [0.5, 0.99, 1.0].map(|part| at(&mut self.times_ms, part));
        let worst_cpu = at(&mut self.cpu_ms, 1.0);
        let [paint, worst_paint] = [0.5, 1.0].map(|part| at(&mut self.tessellation_ms, part));
        println!(
            "{what:<48} {count:>6} {median:>8.2} {most:>8.2} {worst:>8.2} {worst_cpu:>8.2}   {paint:>8.2} {worst_paint:>8.2}"
        );
        self.begin();
    }

    /// Stands, and scrolls by wheel, bar and keys.
    fn look_around(&mut self, what: &str) {
        let in_tree = pos2(SIZE.0 / 2.0, SIZE.1 / 2.0);
        self.point_at(in_tree);
        self.begin();
        for (name, key) in [("start", Key::Home), ("end", Key::End)] {
            self.key(key, Modifiers::NONE);
            self.begin();
            (0..FRAMES).for_each(|_| self.draw(Vec::new()));
            self.report(&format!("{what}: still, {name}"));
            let back = if key == Key::End { -1.0 } else { 1.0 };
            (0..FRAMES).for_each(|frame| self.wheel(back * (1.0 + (frame % 9) as f32 * 60.0)));
            self.report(&format!("{what}: wheel, {name}"));
            (0..FRAMES).for_each(|_| self.key(if key == Key::End { Key::PageUp } else { Key::PageDown }, Modifiers::NONE));
            self.report(&format!("{what}: pages, {name}"));
        }
        self.drag(what);
        (0..FRAMES).for_each(|_| self.draw(Vec::new()));
        self.report(&format!("{what}: still, middle"));
        self.point_at(in_tree);
        (0..FRAMES).for_each(|frame| self.wheel(1.0 + (frame % 9) as f32 * 60.0));
        self.report(&format!("{what}: wheel, middle"));
    }

    /// Reads the first string in the panel below the tree.
    fn read(&mut self, what: &str) {
        self.key(Key::Home, Modifiers::NONE);
        self.key(Key::ArrowDown, Modifiers::NONE);
        self.begin();
        self.command(Key::T);
        self.report(&format!("{what}: the text is shown"));
        self.point_at(pos2(SIZE.0 / 2.0, SIZE.1 - 120.0));
        self.begin();
        (0..FRAMES).for_each(|_| self.draw(Vec::new()));
        self.report(&format!("{what}, its text: still"));
        (0..FRAMES).for_each(|frame| self.wheel(1.0 + (frame % 9) as f32 * 60.0));
        self.report(&format!("{what}, its text: wheel down"));
        self.press(pos2(SIZE.0 - 22.0, SIZE.1 - 120.0), true);
        self.press(pos2(SIZE.0 - 22.0, SIZE.1 - 120.0), false);
        self.report(&format!("{what}, its text: in the middle"));
        (0..FRAMES).for_each(|frame| self.wheel(-1.0 - (frame % 9) as f32 * 60.0));
        self.report(&format!("{what}, its text: wheel up"));
        self.command(Key::T);
    }

    /// Drags the scroll bar from its lower end to the upper one, and back to the middle.
    fn drag(&mut self, what: &str) {
        let x = SIZE.0 - 8.0;
        let (top, bottom) = (90.0, SIZE.1 - 50.0);
        self.point_at(pos2(x, bottom));
        self.press(pos2(x, bottom), true);
        let steps = 2 * FRAMES;
        for step in 0..steps {
            let part = step as f32 / steps as f32 * 1.5;
            let part = if part < 1.0 { 1.0 - part } else { part - 1.0 };
            // Every second frame stands still, as when the mouse is slow.
            self.point_at(pos2(x, top + (bottom - top) * part));
        }
        self.press(pos2(x, top + (bottom - top) * 0.5), false);
        self.report(&format!("{what}: bar dragged"));
    }
}

fn main() {
    println!(
        "{:<48} {:>6} {:>8} {:>8} {:>8} {:>8}   {:>17}\n{:<48} {:>6} {:>8} {:>8} {:>8} {:>8}   {:>8} {:>8}",
        "",
        "",
        "frame,",
        "ms",
        "",
        "of CPU",
        "tessellation, ms",
        "situation",
        "frames",
        "median",
        "99 %",
        "worst",
        "worst",
        "median",
        "worst"
    );
    for shape in shapes(&["records", "longstr", "bigobj"]) {
        let (name, path) = (shape.0, file(shape, megabytes()));
        looked_at(&path, false, name);
        if name == "records" {
            looked_at(&path, true, "records, screen reader");
            jobs(&path);
        }
    }
}

/// A file as it is opened, and with everything expanded.
fn looked_at(path: &Path, has_screen_reader: bool, name: &str) {
    let mut window = opened(path, has_screen_reader, name);
    window.look_around(name);
    window.key(Key::Home, Modifiers::NONE);
    let before = memory_mb("self", "VmRSS:");
    window.begin();
    window.command(Key::E);
    window.report(&format!("{name}: all is expanded"));
    window.look_around(&format!("{name}, all expanded"));
    println!("{name}, all expanded: {:.1} MB more memory", memory_mb("self", "VmRSS:") - before);
    if name == "longstr" {
        window.read(name);
    }
    window.begin();
    window.key(Key::E, Modifiers::COMMAND | Modifiers::SHIFT);
    window.report(&format!("{name}: all is collapsed"));
}

/// A window with the file; draws while it is opened.
fn opened(path: &Path, has_screen_reader: bool, what: &str) -> Window {
    let mut window = Window::new(path, has_screen_reader);
    window.draw(Vec::new());
    window.report(&format!("{what}: the very first frame"));
    window.draw_while(Window::is_loading);
    window.report(&format!("{what}: opening"));
    window.draw_while(Window::is_settling);
    window.report(&format!("{what}: digest"));
    window
}

/// Frames while jobs run, in a copy of the records: it is saved.
fn jobs(records: &Path) {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("frames-copy.json");
    std::fs::copy(records, &copy).unwrap_or_else(|error| panic!("{}: {error}", copy.display()));
    let mut window = opened(&copy, false, "copy");
    window.command(Key::E);
    window.command(Key::F);
    window.draw(Vec::new());
    for (text, name) in [("e", "search, a hit in every line"), ("user4711", "search, few hits")] {
        window.key(Key::A, Modifiers::COMMAND);
        window.begin();
        window.type_text(text);
        window.draw_while(Window::is_searching);
        window.report(&format!("{name}: it runs"));
        (0..FRAMES).for_each(|_| window.draw(Vec::new()));
        window.report(&format!("{name}: still"));
        (0..FRAMES / 8).for_each(|_| window.key(Key::F3, Modifiers::NONE));
        window.report(&format!("{name}: next hit"));
        window.point_at(pos2(SIZE.0 / 2.0, SIZE.1 / 2.0));
        window.begin();
        (0..FRAMES).for_each(|frame| window.wheel(1.0 + (frame % 9) as f32 * 60.0));
        window.report(&format!("{name}: wheel"));
        window.drag(name);
        window.command(Key::F);
    }
    window.key(Key::Escape, Modifiers::NONE);
    window.draw(Vec::new());
    window.begin();
    window.key(Key::Delete, Modifiers::NONE);
    window.report("an edit");
    window.command(Key::S);
    window.draw_while(|window| window.status() == Some(Status::Saving));
    assert_eq!(window.status(), Some(Status::Saved));
    window.report("a save");
    window.command(Key::I);
    let begun = Instant::now();
    window.draw_while(|window| {
        let counting = window.app.state().session().and_then(|session| session.statistics.as_ref());
        begun.elapsed() < Duration::from_secs(20) && counting.is_some_and(|counting| counting.statistics.is_none())
    });
    window.report("statistics");
    let dropped = Arc::new(Dropped(records.to_owned()));
    window.draw_input(RawInput { dropped_files: vec![dropped], ..RawInput::default() });
    window.draw_while(Window::is_loading);
    window.report("another file is opened");
    drop(window);
    std::fs::remove_file(&copy).unwrap_or_else(|error| panic!("{}: {error}", copy.display()));
}
