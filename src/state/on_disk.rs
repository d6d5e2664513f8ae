//! What is known of a document's file on the disk, and the status that follows from that and the revisions.

use super::session::{Base, Session};
use super::update::Now;
use crate::document::Document;
use crate::storage::{Digest, Version};

/// What was last seen on the disk, when it is not what the document stands on.
#[derive(Clone)]
pub enum OnDisk {
    /// What the current era stands on, as far as is known.
    Base,
    /// This version, which may be what the document stands on, or not.
    Known(Theirs),
    /// There is no file. What was there before, unless that was about to load.
    Gone(Option<Digest>),
    /// What is there can't be shown.
    Unread {
        /// Its version.
        version: Version,
        /// Why not.
        why: Unread,
        /// What was there before, unless that was about to load.
        before: Option<Digest>,
    },
}

/// Why a version on the disk can't be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is not JSON: up to this line and column, from 1.
    NotJson(u64, u64),
    /// So many bytes are more than there is memory for beside what is open.
    TooLarge(u64),
}

/// A version on the disk: another program's, where the document does not stand on it.
#[derive(Clone)]
pub struct Theirs {
    /// Its text as a document.
    pub document: Document,
    /// The version.
    pub version: Version,
    /// When it was written, for people.
    pub when: String,
    /// How many values differ from the document as it was then.
    pub differing: Differing,
}

impl Theirs {
    /// A version with which nothing was compared yet.
    pub fn new(document: Document, version: Version, now: &Now) -> Self {
        Self { document, version, when: now.clock(version.stamp.modified_ns), differing: Differing::Uncounted }
    }
}

/// What becomes of a version that another program wrote, once it is compared with what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// It loads by itself, if nothing is edited by then.
    Load,
    /// A person is told in how many places it differs.
    Count,
}

/// How many values differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differing {
    /// They are being counted.
    Counting,
    /// So many.
    Count(u64),
    /// Nobody asked for that, or counting was stopped.
    Uncounted,
}

/// The status of a document; where several hold, the first in this order is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A save is under way.
    Saving,
    /// Edited here and changed on disk.
    Conflict,
    /// There is no file any more.
    DeletedOnDisk,
    /// Another program changed it; nothing is edited here.
    ChangedOnDisk,
    /// So many steps are not saved.
    Edited(u64),
    /// It was saved, but the disk did not confirm it.
    Unconfirmed,
    /// The file can't be written.
    ReadOnly,
    /// The file has what is shown.
    Saved,
}

impl Status {
    /// The status in words.
    pub fn text(self) -> String {
        match self {
            Self::Saving => "Saving…".to_owned(),
            Self::Conflict => "Conflict".to_owned(),
            Self::DeletedOnDisk => "Deleted on disk".to_owned(),
            Self::ChangedOnDisk => "Changed on disk".to_owned(),
            Self::Edited(steps) => format!("Edited ({steps})"),
            Self::Unconfirmed => "Not confirmed".to_owned(),
            Self::ReadOnly => "Read only".to_owned(),
            Self::Saved => "Saved".to_owned(),
        }
    }
}

/// What closing a document loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// So many steps that are not saved.
    Edits(u64),
    /// What is shown, since its file is gone.
    Deleted,
    /// What is shown, since another program's text is in its file.
    Replaced,
    /// What was saved, if the power fails before the disk has it.
    Unconfirmed,
}

impl Session {
    /// The status, computed from the revisions and from what is on the disk.
    pub fn status(&self) -> Status {
        if self.saving.is_some() {
            return Status::Saving;
        }
        match (self.status_of_disk(), self.unsaved()) {
            // Without a file nothing is saved, also where nothing was edited.
            (Status::Saved, 0) if self.path.is_none() => Status::Edited(0),
            (Status::Saved, steps @ 1..) => Status::Edited(steps),
            (Status::Saved, 0) if self.is_unconfirmed => Status::Unconfirmed,
            (Status::Saved, 0) if self.read_only => Status::ReadOnly,
            (status, _) => status,
        }
    }

    /// The part of the status that the disk decides: `Saved` where it has what the document stands on.
    pub fn status_of_disk(&self) -> Status {
        let is_base = match &self.on_disk {
            OnDisk::Gone(_) => return Status::DeletedOnDisk,
            OnDisk::Base => true,
            OnDisk::Known(Theirs { version, .. }) | OnDisk::Unread { version, .. } => {
                self.history.base().digest() == Some(version.digest)
            }
        };
        match is_base && !self.is_passed_over {
            true => Status::Saved,
            false if self.unsaved() > 0 => Status::Conflict,
            false => Status::ChangedOnDisk,
        }
    }

    /// Whether its file is gone, and only a save that makes it anew can bring it back.
    pub fn is_deleted(&self) -> bool {
        self.status_of_disk() == Status::DeletedOnDisk
    }

    /// What is lost where the document is closed as it is.
    pub fn closing_loses(&self) -> Option<Loss> {
        match (self.unsaved(), self.status_of_disk()) {
            (0, Status::DeletedOnDisk) => Some(Loss::Deleted),
            (0, Status::ChangedOnDisk) if !self.is_about_to_load() => Some(Loss::Replaced),
            (0, _) => self.is_unconfirmed.then_some(Loss::Unconfirmed),
            (unsaved, _) => Some(Loss::Edits(unsaved)),
        }
    }

    /// Whether the version on the disk loads by itself as soon as it can.
    pub fn is_about_to_load(&self) -> bool {
        [self.due, self.following].contains(&Some(Follow::Load))
    }

    /// What is on the disk before it can't be read any more; `None` where that was about to load.
    pub fn read_last(&self) -> Option<Digest> {
        match &self.on_disk {
            OnDisk::Gone(before) | OnDisk::Unread { before, .. } => *before,
            _ if self.is_about_to_load() => None,
            _ => self.known_on_disk().map(|version| version.digest),
        }
    }

    /// The version that is on the disk as far as is known. `None` while that has no digest.
    pub fn known_on_disk(&self) -> Option<Version> {
        match (&self.on_disk, self.history.base()) {
            (OnDisk::Known(Theirs { version, .. }) | OnDisk::Unread { version, .. }, _) => Some(*version),
            (_, Base::Version(version)) => Some(*version),
            _ => None,
        }
    }

    /// Their version, where it is not what the document stands on.
    pub fn theirs(&self) -> Option<&Theirs> {
        match &self.on_disk {
            OnDisk::Known(theirs) if self.history.base().digest() != Some(theirs.version.digest) => Some(theirs),
            _ => None,
        }
    }
}
