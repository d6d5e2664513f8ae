//! Why a save was not made, as three sentences: what happened, what is safe, what can be done.

use super::version::Version;
use std::io;
use std::path::{Path, PathBuf};

/// The step of a save in which something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Waiting for the lock.
    Lock,
    /// Reading what is on the disk and comparing it with what was loaded.
    Verify,
    /// Keeping the version on disk.
    Backup,
    /// Writing the new text beside the file.
    Write,
    /// Making it durable.
    Sync,
    /// Putting it in the file's place.
    Commit,
}

impl Step {
    /// What a save is doing, for a status bar.
    pub fn doing(self) -> &'static str {
        match self {
            Self::Lock => "waiting for the lock",
            Self::Verify => "checking the version on disk",
            Self::Backup => "keeping the version on disk",
            Self::Write => "writing",
            Self::Sync => "waiting for the disk",
            Self::Commit => "replacing the file",
        }
    }
}

/// What a save is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doing {
    /// The step.
    pub step: Step,
    /// Bytes of it that are done.
    pub done: u64,
    /// All bytes of it; 0 where a step is not counted in bytes.
    pub total: u64,
}

impl From<Step> for Doing {
    fn from(step: Step) -> Self {
        Self { step, done: 0, total: 0 }
    }
}

/// Why a file can't be replaced by a rename.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It has other names.
    HardLinks(u64),
    /// Nothing can be created in its folder.
    Folder,
    /// Its owner would change.
    Owner,
    /// The name is busy: a mount point.
    Busy,
    /// The system forbids it: sticky folder, immutable file.
    Forbidden,
}

impl Obstacle {
    /// What stands in the way, in a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::HardLinks(names) => {
                format!("The file has {names} names (hard links), and replacing one would part it from the others.")
            }
            Self::Folder => {
                "Nothing can be created in the file's folder, so the new text can't be put in its place in one step.".to_owned()
            }
            Self::Owner => "The file belongs to another user, and replacing it would make it yours.".to_owned(),
            Self::Busy => "The file can't be replaced while something is mounted on it.".to_owned(),
            Self::Forbidden => "The system does not allow this file to be replaced.".to_owned(),
        }
    }
}

/// Why a save was not made. In each case the file on disk is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// Another version is on the disk.
    #[error("another program changed the file in the meantime")]
    Conflict(Box<Version>),
    /// The file is gone.
    #[error("the file is not there any more")]
    Deleted,
    /// A file is there, where a new one was to be made.
    #[error("there is a file of that name already")]
    Exists,
    /// Somebody holds the lock.
    #[error("another program holds the lock on the file")]
    Locked,
    /// The caller stopped it.
    #[error("the save was stopped")]
    Cancelled,
    /// The file is write-protected.
    #[error("the file is write-protected")]
    ReadOnly,
    /// A folder, a pipe, a device.
    #[error("this is {0}, not a file")]
    NotRegular(&'static str),
    /// A rename can't do.
    #[error("the file can't be replaced: {}", .0.sentence())]
    CannotReplace(Obstacle),
    /// The old version could not be kept.
    #[error("the version on disk could not be backed up in {}: {source}", folder.display())]
    Backup {
        /// Where.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What was to be written is not JSON; a defect.
    #[error("the text to be written is not valid JSON ({0}); this is a defect of Treekeep")]
    Invalid(crate::document::Problem),
    /// The rename failed, and the new text stands beside the file.
    #[error("the file could not be replaced ({source}); the new text is in {}", kept.display())]
    KeptBeside {
        /// Where the new text is.
        kept: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is written in place, and the new text could not be kept elsewhere first.
    #[error("the new text could not be kept in {} first, as writing in place needs: {source}", folder.display())]
    Plan {
        /// Where.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Writing in place broke off: the file may be half old, half new, and the whole new text is in the plan.
    #[error("writing the file in place broke off ({source}); the whole new text is in {}", plan.display())]
    Interrupted {
        /// Where the new text is.
        plan: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no room for the new text.
    #[error("{}: the disk is full", path.display())]
    Full {
        /// Where it was to be written.
        path: PathBuf,
        /// Bytes of the new text.
        needed: u64,
        /// Bytes that are free there, where the system says.
        free: Option<u64>,
    },
    /// What the system says.
    #[error("{}: {source}", path.display())]
    Io {
        /// In which step.
        step: Step,
        /// At which path.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
}

impl SaveError {
    pub(super) fn io(step: Step, path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Io { step, path: path.to_owned(), source }
    }

    /// What happened, in a sentence for people.
    pub fn what(&self) -> String {
        match self {
            Self::Conflict(_) => "Another program changed the file in the meantime.".to_owned(),
            Self::Deleted => "The file is not there any more.".to_owned(),
            Self::Exists => "There is a file of that name already.".to_owned(),
            Self::Locked => "Another program holds the lock on the file.".to_owned(),
            Self::Cancelled => "The save was stopped.".to_owned(),
            Self::ReadOnly => "The file is write-protected.".to_owned(),
            Self::NotRegular(kind) => format!("This is {kind}, not a file."),
            Self::CannotReplace(obstacle) => obstacle.sentence(),
            Self::Backup { folder, source } => {
                format!("The version on disk could not be kept as a backup in {}: {}.", folder.display(), cause(source))
            }
            Self::Invalid(problem) => {
                format!("The text to be written is not valid JSON ({problem}). This is a defect of Treekeep.")
            }
            Self::KeptBeside { source, .. } => format!("The file could not be replaced: {}.", cause(source)),
            Self::Plan { folder, source } => {
                format!(
                    "The file has to be written in place, and the new text could not be kept in {} first: {}.",
                    folder.display(),
                    cause(source)
                )
            }
            Self::Interrupted { source, .. } => {
                format!("Writing the file in place broke off: {}. It may be half old, half new at the moment.", cause(source))
            }
            Self::Full { path, needed, free: Some(free) } if free < needed => {
                format!("The disk is full: {} needed, {} free ({}).", amount(*needed), amount(*free), path.display())
            }
            Self::Full { path, .. } => format!("The disk is full ({}).", path.display()),
            Self::Io { source, path, .. } if is_full(source) => format!("The disk is full ({}).", path.display()),
            Self::Io { step, path, source } => format!("Error while {}: {} ({}).", step.doing(), cause(source), path.display()),
        }
    }

    /// What is safe.
    pub fn safe(&self) -> String {
        match self {
            Self::Interrupted { plan, .. } => {
                format!("The whole new text is in {}, the old one is a backup, and your edits are still here.", plan.display())
            }
            Self::KeptBeside { kept, .. } => format!("Your version is in {}, and your edits are still here.", kept.display()),
            Self::Deleted => "Your version is still here.".to_owned(),
            Self::Conflict(_) => "Both versions are safe.".to_owned(),
            _ => "The file on disk is unchanged, and your edits are still here.".to_owned(),
        }
    }

    /// What can be done.
    pub fn todo(&self) -> String {
        match self {
            Self::Conflict(_) => "Compare both, and choose.",
            Self::Deleted => "Save it again, or save a copy.",
            Self::Exists => "Choose another name.",
            Self::Locked => "Try again when it has finished, or save a copy.",
            Self::Cancelled => "Save again when you like.",
            Self::Full { .. } => "Make room and try again, or save a copy elsewhere.",
            Self::Io { source, .. } if is_full(source) => "Make room and try again, or save a copy elsewhere.",
            Self::Plan { .. } | Self::Backup { .. } => "Make room in that folder and try again, or save a copy.",
            Self::ReadOnly | Self::NotRegular(_) | Self::CannotReplace(_) => "Save a copy elsewhere.",
            Self::Invalid(_) => "Undo the last change, or save a copy.",
            Self::Interrupted { .. } => "Try again: the write is finished then.",
            Self::KeptBeside { .. } | Self::Io { .. } => "Try again, or save a copy elsewhere.",
        }
        .to_owned()
    }
}

/// Whether an error says that there is no room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

/// An amount of bytes for people, in decimal units as file managers count.
pub(super) fn amount(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["bytes", "kB", "MB"] {
        if value < 1000.0 {
            let digits = usize::from(unit != "bytes" && value < 10.0);
            return format!("{value:.digits$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} GB")
}

/// What the system says, without the number behind it.
pub fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_500, "1.5 kB"),
            (262_144, "262 kB"),
            (12_345_678, "12 MB"),
            (3_210_000_000, "3.2 GB"),
        ] {
            assert_eq!(amount(bytes), text);
        }
    }

    #[test]
    fn each_error_says_what_happened_what_is_safe_and_what_can_be_done() {
        let full = SaveError::Full { path: "/d/.x".into(), needed: 12_000_000, free: Some(3_000_000) };
        assert_eq!(full.what(), "The disk is full: 12 MB needed, 3.0 MB free (/d/.x).");
        assert_eq!(full.safe(), "The file on disk is unchanged, and your edits are still here.");
        let io = |kind: io::ErrorKind| SaveError::Io { step: Step::Sync, path: "/d/.x".into(), source: kind.into() };
        assert!(io(io::ErrorKind::StorageFull).what().starts_with("The disk is full"));
        assert!(io(io::ErrorKind::NotConnected).what().starts_with("Error while waiting for the disk: "));
        for error in [full, io(io::ErrorKind::Other), SaveError::Locked, SaveError::CannotReplace(Obstacle::HardLinks(2))] {
            for sentence in [error.what(), error.safe(), error.todo()] {
                assert!(sentence.ends_with('.') && sentence.starts_with(char::is_uppercase), "{sentence}");
            }
        }
    }
}
