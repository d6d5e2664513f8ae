//! Hints from the file system that a file may have changed.
//!
//! The parent folder is watched, not the file: a rename replaces the file, and a watch on it would be dead. A hint says nothing
//! of what happened; the version does. Where the system sends no events (network drives, no watches left) looking at the
//! metadata now and then has to do.

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::Path;

/// Something may have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// To this file, or to its folder.
    Touched,
    /// Events were lost, or there will be none.
    Lost(String),
}

/// Watches until it is dropped.
pub struct Watch {
    _watcher: RecommendedWatcher,
}

/// Watches `path`, an absolute one. `hint` is called on a thread of the watcher.
///
/// # Errors
/// Why there will be no events.
pub fn watch(path: &Path, hint: impl Fn(Hint) + Send + 'static) -> Result<Watch, String> {
    let name = path.file_name().map(ToOwned::to_owned);
    let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
    let watched = folder.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
        // Our own reading, too.
        Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
        Ok(event) if event.need_rescan() => hint(Hint::Touched),
        Ok(event) if event.paths.iter().any(|path| path.file_name() == name.as_deref() || *path == watched) => {
            hint(Hint::Touched)
        }
        Ok(_) => {}
        Err(error) => hint(Hint::Lost(error.to_string())),
    })
    .map_err(|error| error.to_string())?;
    watcher.watch(&folder, RecursiveMode::NonRecursive).map_err(|error| error.to_string())?;
    Ok(Watch { _watcher: watcher })
}
