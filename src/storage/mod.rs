//! The only place that touches the disk.
//!
//! What holds here:
//! - I1: at every instant and after any crash a path leads to one whole version, the old or the new. A file that can't be
//!   replaced is written in place behind a durable plan, and whoever meets it next finishes the write.
//! - I2: a save is told as made only when its text and its name are on the disk, and what was written was read back.
//! - I3: nothing that a person or a program wrote is removed unless a durable copy exists elsewhere.
//! - I4: a record that [`Journal::append`] took survives the end of the process, and after [`Journal::sync`] that of the machine.
//! - I5: an error makes nothing forget the text that was to be written: it stays with the caller, and in the journal.
//! - I6: nothing here is called by the thread that draws; a disk that hangs stops a job, never the window.
//!
//! Locks are taken in the order of their names, all or none, and held for one save: there is no other lock to meet.
//!
//! What is not promised: where a program ignores the lock and the system has no exchange of names, its write in the microseconds
//! between the last look and the rename is lost; locks on network drives bind the other clients at best.
//!
//! In reading order: [`disk`](self) is the seam to the system, [`version`](self) tells versions apart, [`lock`](self) excludes
//! other writers, [`open`](self) reads, [`reload`](self) reads again, [`target`](self) finds and locks what is written, [`save`](self) is the protocol with
//! [`temporary`](self), [`metadata`](self), [`backup`](self) and [`in_place`](self); [`journal`](self) keeps what is not saved,
//! [`unsaved`](self) reads it as a history, and [`recovery`](self) brings it back.

mod backup;
mod blocks;
mod clock;
mod content;
mod direct;
mod disk;
mod error;
mod head;
mod in_place;
mod journal;
mod lock;
mod lock_holder;
mod memory;
mod metadata;
mod open;
mod recovery;
mod reload;
mod save;
mod settings;
mod target;
mod temporary;
mod unsaved;
mod update;
mod verify;
mod version;
mod watch;
mod write_out;

pub use backup::{Backup, Backups, Cause, Retention};
pub use clock::{Clock, SystemClock};
pub use content::{Announced, Content};
pub use disk::{Call, Disk, survive_size_limits};
pub use error::{Doing, Obstacle, SaveError, Step, cause};
pub use head::read_head;
pub use in_place::Settled;
pub use journal::{BASE_LIMIT, Begin, Journal, Made, Mend, OLD_LIMIT, Record, journal_records, old_value};
pub use lock_holder::lock_holder;
pub use memory::lacking_memory;
pub use open::{Loaded, OpenError, Opened, READ_WAIT, is_read_only, load, read, version_of};
pub use recovery::{OnDisk, Place, Ready, RecoverError, Recovery, StillBroken, forget, recover, unsaved};
pub use reload::{Reloaded, reload};
pub use save::{BackupPolicy, Durability, Env, Expected, Observer, Options, Saved, save};
pub use settings::{SavingOptions, Settings, load as load_settings, store as store_settings};
pub use target::finish_interrupted;
pub use unsaved::{Found, Lost};
pub use update::{UpdateError, update};
pub use version::{Digest, Look, Stamp, Version, has_coarse_times, look};
pub use watch::{Hint, Watch, watch};
pub use write_out::write_out;

use std::path::PathBuf;

/// Where backups stand: `$XDG_STATE_HOME/treekeep`, or what the system has for it.
pub fn state_folder() -> PathBuf {
    dirs::state_dir().or_else(dirs::data_local_dir).unwrap_or_else(std::env::temp_dir).join("treekeep")
}

/// The settings' file: `$XDG_CONFIG_HOME/treekeep/settings.json`, or what the system has for it.
pub fn settings_path() -> PathBuf {
    dirs::config_dir().unwrap_or_else(std::env::temp_dir).join("treekeep").join("settings.json")
}

/// Whether a program of this name is in the `PATH`.
pub fn is_in_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The path by which a document is known: the real one, links followed, also of a file that is not there any more.
pub fn document_path(disk: &Disk, path: &std::path::Path) -> PathBuf {
    if let Ok(real) = disk.canonical(path) {
        return real;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (absolute.parent().and_then(|folder| disk.canonical(folder).ok()), absolute.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => absolute,
    }
}

/// The real path of a file, links followed.
///
/// # Errors
/// What the system says.
pub fn real_path(disk: &Disk, path: &std::path::Path) -> std::io::Result<PathBuf> {
    disk.canonical(path)
}
