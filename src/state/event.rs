//! What comes in: from the person an [`Input`], from the jobs an [`Event`].

use super::find::{FindInput, Found};
use super::merging::{MergeDone, MergeInput, MergeOrder};
use super::on_disk::Unread;
use super::recovery::RecoverFor;
use super::saving;
use super::session::{Part, Purpose, Report};
use super::update::{CompareFor, Go};
use super::versions::{VersionFor, VersionInput};
use super::{Command, DocumentId, Task};
use crate::document::{Applied, Comparison, Document, Edit, Fragment, Head, Merge, Path, Problem, RevisionId, Statistics};
use crate::storage::{Backup, Digest, Found as Recoverable, Recovery, Stamp, Version};
use std::path::PathBuf;
use std::sync::Arc;

/// What comes in.
pub enum Input {
    /// A command of the table.
    Command(Command),
    /// Files by argument, by dropping or from the list of recent ones. The first is opened.
    OpenFiles(Vec<PathBuf>),
    /// A row was clicked.
    Select(Path),
    /// A container is opened or closed.
    Toggle(Path),
    /// The selection moves, as the arrow keys say.
    Go(Go),
    /// The tree was scrolled.
    Scroll(super::scroll::ScrollPosition),
    /// A value or key is to be edited in its row.
    Edit(Path, Part),
    /// The text in a row's field changed.
    Type(String),
    /// Plain text in a row's field has line breaks now: it is this JSON literal from here on.
    TypeLiteral(String),
    /// The field in the row is done: Enter, or a click elsewhere.
    Commit,
    /// Text came from the clipboard; `true` where it goes over the selected value.
    Paste(String, bool),
    /// A single value's text goes to the clipboard: all of it, or what stands in these bytes of what is written.
    CopyText(Path, Option<std::ops::Range<usize>>),
    /// The excerpt of a broken text changed.
    Mend(String),
    /// The mended text is to be read again.
    ReadAgain,
    /// An answer to the dialog.
    Answer(Answer),
    /// Something in the find bar.
    Find(FindInput),
    /// The list of differences is put away.
    CloseDifferences,
    /// Something in the list of changes to merge.
    Merge(MergeInput),
    /// Something in the list of kept versions.
    Version(VersionInput),
    /// An entry of the list of unsaved edits on the start page.
    OpenUnsaved(usize),
    /// A place in a list was clicked: it is selected and shown.
    ShowPlace(Path),
    /// A panel at the side is put away.
    ClosePanel,
    /// The save that runs is to be stopped.
    StopSave,
    /// A job that takes a while is to be stopped.
    StopTask(Task),
    /// Another choice in the settings.
    Options(saving::Options),
    /// Time went by.
    Tick,
    /// The window lost the focus.
    FocusLost,
    /// The window is to be closed.
    CloseRequested,
    /// Something from the jobs.
    Event(Event),
}

/// Answers to dialogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Save, then close.
    Save,
    /// Close without saving.
    DoNotSave,
    /// Leave all as it is.
    Cancel,
    /// The typed path.
    Path(String),
    /// What is typed as a path.
    TypePath(String),
    /// Make the edits again that an earlier run left unsaved.
    Recover,
    /// Show what they would change.
    CompareRecovered,
    /// Put them away.
    Discard,
    /// Open the file although there may not be enough memory.
    OpenAnyway,
    /// Close although a save runs; what is not saved is in the journal.
    CloseNow,
}

/// Which files a dialog is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// One to read.
    Open,
    /// One to write.
    Save,
}

/// What a file is picked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickPurpose {
    /// To open it.
    Open,
    /// To save a copy there, or a new document.
    SaveCopy,
    /// To put its value in the selected one's place.
    ReplaceValue,
}

impl PickPurpose {
    /// Reading or writing.
    pub fn kind(self) -> FileKind {
        if self == Self::SaveCopy { FileKind::Save } else { FileKind::Open }
    }
}

/// A text that was read and understood.
pub struct Opened {
    /// The text.
    pub fragment: Arc<Fragment>,
    /// Its version, without the digest.
    pub stamp: Stamp,
    /// Whether the file can't be written.
    pub read_only: bool,
}

/// What comes back from the jobs.
pub enum Event {
    /// How far a file is read.
    Progress(DocumentId, u64, u64),
    /// The beginning of a file that is being read.
    Head(DocumentId, Head),
    /// A file was read.
    Opened(DocumentId, PathBuf, Opened),
    /// A file is not JSON.
    NotJson(DocumentId, PathBuf, Arc<Vec<u8>>, Version, Problem),
    /// A file was not read.
    NotOpened(DocumentId, PathBuf, Report),
    /// Opening was stopped.
    OpeningStopped(DocumentId),
    /// A file needs so many bytes of memory, and only so many are free.
    TooLarge(DocumentId, PathBuf, u64, u64),
    /// How far a job is that takes a while.
    TaskProgress(DocumentId, Task, u64, u64),
    /// It has ended; `true` where it was stopped.
    TaskEnded(DocumentId, Task, bool),
    /// The digest of the text that was read.
    Digest(DocumentId, Stamp, Digest),
    /// A mended text was read.
    Mended(DocumentId, Result<Arc<Fragment>, (Arc<Vec<u8>>, Problem)>),
    /// A save is at this step.
    SaveStep(DocumentId, String),
    /// So many bytes of the step that was told last are done, of so many. Not every step is counted, and a short one is over
    /// before it is told.
    SaveProgress(DocumentId, u64, u64),
    /// A save ended.
    SaveEnded(DocumentId, SaveEnd),
    /// Another version is on the disk.
    DiskChanged(DocumentId, Version, Document),
    /// The same content has other metadata.
    DiskTouched(DocumentId, Version, bool),
    /// The file is gone.
    DiskGone(DocumentId),
    /// What is in the file can't be shown at the moment; what is shown stays.
    DiskUnread(DocumentId, Version, Unread),
    /// Events from the file system are not to be had.
    Polling(DocumentId, String),
    /// Two documents were compared.
    Compared(DocumentId, CompareFor, Box<Comparison>),
    /// Something came of a search, of this number.
    Search(DocumentId, u64, Found),
    /// A dialog was answered.
    Picked(PickPurpose, Option<PathBuf>),
    /// No dialog could be shown.
    CannotPick(PickPurpose, String),
    /// The place that a JSON Pointer names in the document of this revision, or why there is none.
    Resolved(DocumentId, RevisionId, Result<Path, String>),
    /// The file's value of this number was put in its place.
    ValueRead(DocumentId, u64, Result<Box<(Edit, Applied)>, String>),
    /// So many notes of a document are written in its journal, which has so many bytes.
    Journaled {
        /// The document.
        id: DocumentId,
        /// Notes in all.
        notes: u64,
        /// Bytes.
        length: u64,
    },
    /// The journal can't be written.
    JournalTrouble(DocumentId, String),
    /// Journals that an earlier run left: for a document, or all of them.
    Unsaved(Option<DocumentId>, Vec<Recoverable>),
    /// A journal was read and held against the disk.
    Recovered(DocumentId, PathBuf, RecoverFor, Result<Box<Recovery>, String>),
    /// The changes of both sides were found.
    Merged(DocumentId, Box<MergeOrder>, Box<Merge>),
    /// The result of a merge was made.
    MergeDone(DocumentId, Result<Box<MergeDone>, String>),
    /// The kept versions of a file.
    Versions(DocumentId, Result<Vec<Backup>, String>),
    /// A kept version was read.
    VersionRead(DocumentId, Backup, VersionFor, Result<Arc<Fragment>, String>),
    /// Everything is counted.
    Counted(DocumentId, Statistics),
    /// Bytes that all backups take.
    BackupsMeasured(u64),
    /// Something to tell.
    Notice(String),
}

/// How long a save took, and what it waited for.
#[derive(Clone, Debug, Default)]
pub struct Timing {
    /// Milliseconds of each step.
    pub steps_ms: Vec<(&'static str, u64)>,
    /// Milliseconds of waiting for a lock that somebody held.
    pub lock_wait_ms: Option<u64>,
    /// Who held it, where the system tells.
    pub lock_holder: Option<String>,
}

/// How a save ended.
pub enum SaveEnd {
    /// It is on the disk.
    Saved {
        /// What is there now.
        version: Version,
        /// What it was for.
        purpose: Purpose,
        /// The revision that was written.
        revision: RevisionId,
        /// What should be told of it.
        remark: Option<String>,
        /// The disk confirmed that it will be there after a power failure.
        is_confirmed: bool,
        /// How long it took.
        timing: Timing,
    },
    /// It is not.
    Failed {
        /// What to tell.
        report: Report,
        /// What it was for.
        purpose: Purpose,
        /// The other version that was found, if that was the reason.
        is_conflict: bool,
        /// The person stopped it.
        is_cancelled: bool,
        /// The replaced version could not be kept, and that was the reason.
        needs_backup: bool,
        /// How long it took.
        timing: Timing,
    },
}
