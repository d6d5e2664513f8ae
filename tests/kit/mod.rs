//! The whole app with real jobs and files, through accessible labels, without a display.
#![allow(dead_code)] // each test file uses a part

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use treekeep::app::App;
use treekeep::jobs::{FileChooser, Picked, Surroundings};
use treekeep::state::FileKind;
use treekeep::storage::Disk;

pub const TEXT: &str = "{\n  \"title\": \"Genesis\",\n  \"list\": [1, 2, 3],\n  \"number\": 12.50\n}\n";

/// Answers each dialog with the same file.
pub struct Chooser(Option<PathBuf>);

impl FileChooser for Chooser {
    fn pick(&self, _kind: FileKind, _suggested: Option<&Path>) -> Picked {
        match &self.0 {
            Some(path) => Picked::File(path.clone()),
            None => Picked::NotShown("no dialog in this test".to_owned()),
        }
    }
}

pub struct Window {
    pub harness: Harness<'static, App>,
    pub folder: Arc<tempfile::TempDir>,
}

impl Window {
    pub fn new(files: &[&str], picked: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("genesis.json"), TEXT).unwrap();
        Self::on(Disk::real(), Arc::new(folder), files, picked)
    }

    /// A window on this disk, with the files and the state of a folder that others may use, too.
    pub fn on(disk: Disk, folder: Arc<tempfile::TempDir>, files: &[&str], picked: Option<&str>) -> Self {
        let files = files.iter().map(|name| folder.path().join(name)).collect();
        let surroundings = Surroundings {
            disk,
            state_folder: folder.path().join("state"),
            settings_path: folder.path().join("config/settings.json"),
            chooser: Arc::new(Chooser(picked.map(|name| folder.path().join(name)))),
        };
        let harness = Harness::builder()
            .with_size([1000.0, 700.0])
            .with_max_steps(20)
            .allow_missing_glyphs()
            .build_eframe(|creation| App::new(&creation.egui_ctx, surroundings, files, false));
        Self { harness, folder }
    }

    /// The window goes away without being closed, as in a crash; what is on the disk stays.
    pub fn crash(self) -> Arc<tempfile::TempDir> {
        Arc::clone(&self.folder)
    }

    pub fn opened() -> Self {
        Self::opened_on(Disk::real())
    }

    /// The usual file, opened on this disk.
    pub fn opened_on(disk: Disk) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("genesis.json"), TEXT).unwrap();
        let mut window = Self::on(disk, Arc::new(folder), &["genesis.json"], None);
        window.wait("Saved");
        window
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("genesis.json")
    }

    pub fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    /// Steps until a widget of that name is there; jobs take the time that they take.
    #[track_caller]
    pub fn wait(&mut self, label: &str) {
        self.wait_for(label, |window| window.harness.query_all_by_label(label).next().is_some());
    }

    #[track_caller]
    pub fn wait_part(&mut self, label: &str) {
        self.wait_for(label, |window| window.harness.query_all_by_label_contains(label).next().is_some());
    }

    #[track_caller]
    pub fn wait_for(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !condition(self) {
            assert!(Instant::now() < end, "waited in vain for {what}");
            self.harness.step();
            std::thread::yield_now();
        }
    }

    pub fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.step();
        self.harness.step();
    }

    pub fn click_part(&mut self, label: &str) {
        self.harness.get_by_label_contains(label).click();
        self.harness.step();
        self.harness.step();
    }

    #[track_caller]
    pub fn click_when_there(&mut self, label: &str) {
        self.wait(label);
        self.click(label);
    }

    pub fn key(&mut self, key: Key) {
        self.harness.key_press(key);
        self.harness.step();
        self.harness.step();
    }

    pub fn command_key(&mut self, key: Key) {
        self.harness.key_press_modifiers(Modifiers::COMMAND, key);
        self.harness.step();
        self.harness.step();
    }

    /// Types in a field, over what is there.
    pub fn type_text(&mut self, field: &str, text: &str) {
        self.harness.get_by_label(field).focus();
        self.harness.step();
        self.command_key(Key::A);
        self.harness.get_by_label(field).type_text(text);
        self.harness.step();
        self.harness.step();
    }

    pub fn edit(&mut self, row: &str, name: &str, text: &str) {
        self.click(row);
        self.key(Key::Enter);
        self.wait(name);
        self.command_key(Key::A);
        self.harness.get_by_label(name).type_text(text);
        self.harness.step();
        self.key(Key::Enter);
    }
}
