//! The system's file dialogs, on a thread of their own: one may hang, and a frame must not.

use crate::state::{Event, FileKind, PickPurpose};
use crate::storage;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What came of a dialog.
pub enum Picked {
    /// This file.
    File(PathBuf),
    /// None: it was closed.
    Nothing,
    /// It could not be shown, for this reason.
    NotShown(String),
}

/// Shows file dialogs; tests have one that answers by itself.
pub trait FileChooser: Send + Sync {
    /// Shows a dialog and waits for its end.
    fn pick(&self, kind: FileKind, suggested: Option<&Path>) -> Picked;
}

/// The dialogs of the system.
pub struct SystemChooser;

impl FileChooser for SystemChooser {
    fn pick(&self, kind: FileKind, suggested: Option<&Path>) -> Picked {
        /// Nobody closes a dialog in less than this after it was asked for.
        const AT_ONCE: Duration = Duration::from_millis(300);
        let mut dialog = rfd::FileDialog::new();
        if let Some(folder) = suggested.and_then(Path::parent) {
            dialog = dialog.set_directory(folder);
        }
        let begun = Instant::now();
        let file = match kind {
            FileKind::Open => dialog
                .set_title("Open")
                .add_filter("JSON", &["json", "geojson", "topojson"])
                .add_filter("All files", &["*"])
                .pick_file(),
            FileKind::Save => {
                if let Some(name) = suggested.and_then(Path::file_name) {
                    dialog = dialog.set_file_name(name.to_string_lossy());
                }
                dialog.set_title("Save a copy").save_file()
            }
        };
        match file {
            Some(file) => Picked::File(file),
            // The library says the same for "closed" and "could not be shown". On Linux it falls back to zenity.
            None if cfg!(target_os = "linux") && begun.elapsed() < AT_ONCE && !storage::is_in_path("zenity") => Picked::NotShown(
                "The system's file dialog could not be shown (no desktop portal, and zenity is not installed).".to_owned(),
            ),
            None => Picked::Nothing,
        }
    }
}

/// Shows a dialog; the event that comes of it.
pub fn pick(chooser: &dyn FileChooser, purpose: PickPurpose, suggested: Option<&Path>) -> Event {
    match chooser.pick(purpose.kind(), suggested) {
        Picked::File(path) => Event::Picked(purpose, Some(path)),
        Picked::Nothing => Event::Picked(purpose, None),
        Picked::NotShown(why) => Event::CannotPick(purpose, why),
    }
}
