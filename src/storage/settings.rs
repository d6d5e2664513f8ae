//! What the program remembers between starts: recent files, colours, the window.

use super::backup::Retention;
use super::disk::{Disk, Readers};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// The settings file's content. What a newer version wrote is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Files that were open, the last one first. Those whose names are not Unicode are not remembered.
    #[serde(serialize_with = "unicode_only")]
    pub recent: Vec<PathBuf>,
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// The window's inner size in points.
    pub window: Option<(f32, f32)>,
    /// Choices about saving.
    #[serde(flatten)]
    pub saving: SavingOptions,
    /// What this version does not know.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// What a person chose about saving.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavingOptions {
    /// Saves by itself after so many edits; 0 for never.
    pub autosave_edits: u32,
    /// Saves by itself after so many seconds without an edit; 0 for never.
    pub autosave_seconds: u32,
    /// Backups of each file that stay; `None` for the usual number, here and below.
    pub backup_count: Option<u32>,
    /// Days for which one backup a day stays.
    pub backup_days: Option<u32>,
    /// Megabytes for the backups of one file.
    pub backup_file_mb: Option<u32>,
    /// Megabytes for all backups.
    pub backup_total_mb: Option<u32>,
}

impl SavingOptions {
    /// Whether something saves by itself.
    pub fn autosaves(&self) -> bool {
        self.autosave_edits > 0 || self.autosave_seconds > 0
    }

    /// Which backups are kept.
    pub fn retention(&self) -> Retention {
        let usual = Retention::default();
        let bytes = |megabytes: Option<u32>, usual: u64| megabytes.map_or(usual, |megabytes| u64::from(megabytes) << 20);
        Retention {
            count: self.backup_count.map_or(usual.count, |count| count as usize),
            days: self.backup_days.unwrap_or(usual.days),
            file_bytes: bytes(self.backup_file_mb, usual.file_bytes),
            total_bytes: bytes(self.backup_total_mb, usual.total_bytes),
        }
    }
}

/// JSON has no words for a path that is not Unicode.
fn unicode_only<S: serde::Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().filter_map(|path| path.to_str()))
}

/// Reads the settings. A broken file means defaults, and a sentence that says so; it is put aside as `NAME.broken`, so that
/// storing the settings does not write over what somebody meant to mend.
pub fn load(disk: &Disk, path: &Path) -> (Settings, Option<String>) {
    let broken = |error: &dyn std::fmt::Display, rest: &str| {
        (Settings::default(), Some(format!("The settings in {} could not be read ({error}).{rest}", path.display())))
    };
    match disk.read_small(path) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(settings) => (settings, None),
            Err(error) => {
                let aside = path.with_added_extension("broken");
                match disk.rename(path, &aside) {
                    Ok(()) => broken(&error, &format!(" They are kept as {}.", aside.display())),
                    Err(_) => broken(&error, ""),
                }
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => (Settings::default(), None),
        Err(error) => broken(&error, ""),
    }
}

/// Writes the settings: beside, synced, renamed.
///
/// # Errors
/// What the system says; the old settings are whole.
pub fn store(disk: &Disk, path: &Path, settings: &Settings) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    disk.make_folder(folder)?;
    let bytes = serde_json::to_vec_pretty(settings)?;
    let (file, part) = disk.create_temporary(folder, ".settings-", ".part", Readers::Owner)?;
    let written = disk
        .write(&file, &part, &bytes)
        .and_then(|()| disk.sync(&file, &part))
        .and_then(|()| disk.rename(&part, path))
        .and_then(|()| disk.sync_folder(folder));
    written.inspect_err(|_| {
        // The error is what is told; the part is litter, or in place already.
        let _ = disk.remove(&part);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_and_a_broken_file_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("treekeep").join("settings.json");
        let disk = Disk::real();
        assert_eq!(load(&disk, &path), (Settings::default(), None));
        let mut settings = Settings { recent: vec!["/a.json".into()], theme: "dark".into(), ..Settings::default() };
        settings.other.insert("future".into(), serde_json::json!([1]));
        store(&disk, &path, &settings).unwrap();
        assert_eq!(load(&disk, &path), (settings, None));
        std::fs::write(&path, "{\"recent\": 7").unwrap();
        let (loaded, notice) = load(&disk, &path);
        assert_eq!(loaded, Settings::default());
        assert!(notice.unwrap().contains("settings.json"));
        assert_eq!(std::fs::read_to_string(path.with_extension("json.broken")).unwrap(), "{\"recent\": 7");
        assert_eq!(load(&disk, &path), (Settings::default(), None), "it is told once");
        store(&disk, &path, &Settings::default()).unwrap();
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 2, "no litter");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_unicode_keeps_no_setting_from_being_stored() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let strange = PathBuf::from(std::ffi::OsStr::from_bytes(b"/\xFF.json"));
        let settings = Settings { recent: vec![strange, "/a.json".into()], theme: "dark".into(), ..Settings::default() };
        store(&Disk::real(), &path, &settings).unwrap();
        let (loaded, notice) = load(&Disk::real(), &path);
        assert_eq!((loaded.recent, loaded.theme, notice), (vec!["/a.json".into()], "dark".to_owned(), None));
    }
}
