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
    fn sentence(&self) -> String {
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
            Self::Io { source, path, .. } if is_full(source) => format!("The disk is full ({}).", path.display()),
            Self::Io { step, path, source } => format!("Error while {}: {} ({}).", step.doing(), cause(source), path.display()),
        }
    }

    /// What is safe.
    pub fn safe(&self) -> String {
        match self {
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
            Self::Io { source, .. } if is_full(source) => "Make room and try again, or save a copy elsewhere.",
            Self::Backup { .. } => "Make room in that folder and try again, or save a copy.",
            Self::ReadOnly | Self::NotRegular(_) | Self::CannotReplace(_) => "Save a copy elsewhere.",
            Self::Invalid(_) => "Undo the last change, or save a copy.",
            Self::KeptBeside { .. } | Self::Io { .. } => "Try again, or save a copy elsewhere.",
        }
        .to_owned()
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

/// What the system says, without the number behind it.
fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
