//! What is to be done outside: the effects that `update` gives, and what goes with them.

use crate::document::search::Query;
use crate::document::{Document, Fragment, Merge, Node, Path, RevisionId};
use crate::state::journal::{EndOfJournal, JournalOrder, MendOrder};
use crate::state::merging::MergeOrder;
use crate::state::recovery::RecoverFor;
use crate::state::session::Purpose;
use crate::state::versions::VersionFor;
use crate::state::{DocumentId, Mended, PickPurpose, Task, Theme, saving};
use crate::storage::{Backup, Expected, Stamp, Version};
use std::path::PathBuf;
use std::sync::Arc;

/// What a comparison is for.
pub enum CompareFor {
    /// A version that loads by itself, because nothing is edited.
    Load {
        /// The revision that it was compared with.
        revision: RevisionId,
        /// The version.
        version: Version,
        /// Its text.
        document: Document,
    },
    /// *Take theirs*.
    Take {
        /// The revision that it was compared with.
        revision: RevisionId,
        /// The version.
        version: Version,
        /// Its text.
        document: Document,
    },
    /// The number in the banner.
    Count {
        /// The revision that it was compared with,
        revision: RevisionId,
        /// and its text.
        mine: Document,
        /// The version that was counted.
        version: Version,
        /// Its text is the same, byte for byte; found out where no value differs.
        is_same: bool,
    },
    /// The list of differences.
    List {
        /// Mine.
        mine: Document,
        /// Theirs.
        theirs: Document,
        /// What the other side is called.
        label: String,
    },
}

/// What is to be done outside.
pub enum Effect {
    /// Reads a file.
    Open(DocumentId, PathBuf),
    /// Reads a file although there may not be enough memory.
    OpenAnyway(DocumentId, PathBuf),
    /// Stops reading it.
    StopOpening(DocumentId),
    /// Computes the digest of a text.
    ComputeDigest(DocumentId, Stamp, Arc<Fragment>),
    /// Reads a mended text.
    ReadMended(DocumentId, Mended),
    /// Saves.
    Save(SaveOrder),
    /// Stops a save, if that is still possible.
    StopSave(DocumentId),
    /// Watches a file; what was watched for the document before is not any more.
    Watch(DocumentId, PathBuf, Version),
    /// Looks at the disk now.
    LookNow,
    /// Compares two values.
    Compare(DocumentId, Node, Node, CompareFor),
    /// Searches a document, under this number; a search of it that runs stops. The person looks at the offset.
    Search(DocumentId, u64, Query, Document, u64),
    /// Stops the search of a document.
    StopSearch(DocumentId),
    /// Shows the system's file dialog.
    Pick(PickPurpose, Option<PathBuf>),
    /// Reads a file's value, and puts it in a place of the document.
    ReadValue {
        /// The document's name.
        id: DocumentId,
        /// Which of the values that were asked for.
        number: u64,
        /// The file.
        file: PathBuf,
        /// The document as it is.
        document: Document,
        /// The place.
        place: Path,
    },
    /// Looks up the place that a JSON Pointer names in a document of this revision.
    Resolve(DocumentId, RevisionId, Document, String),
    /// Puts text on the clipboard.
    Copy(String),
    /// Asks for the clipboard's text; `true` where it goes over the selected value.
    RequestPaste(bool),
    /// Remembers recent files, colours and choices.
    StoreSettings(Vec<PathBuf>, Theme, saving::Options),
    /// Writes notes into the journal.
    Journal(JournalOrder),
    /// Writes down what is mended in a text that is not JSON.
    JournalMends(MendOrder),
    /// The document is closed: its journal is not needed any more.
    EndJournal(DocumentId, EndOfJournal),
    /// Makes the journals durable now.
    SyncJournals,
    /// Looks for journals that an earlier run left: for a document, or all of them.
    FindUnsaved(Option<(DocumentId, PathBuf)>),
    /// Reads a journal, and holds it against the disk.
    Recover(DocumentId, PathBuf, RecoverFor),
    /// The journal's edits were made again in this document: it goes when they are durable.
    ForgetJournal(DocumentId, PathBuf),
    /// Nobody wants the journal's edits.
    DiscardJournal(PathBuf),
    /// Finds what both sides changed.
    Merge(DocumentId, Box<MergeOrder>),
    /// Makes the result of a merge.
    FinishMerge(DocumentId, Box<Merge>),
    /// Looks up the kept versions of a file.
    ListVersions(DocumentId, PathBuf),
    /// Reads a kept version.
    ReadVersion(DocumentId, Backup, VersionFor),
    /// Opens a kept version in a window of its own.
    OpenVersion(PathBuf),
    /// Counts what a document is made of.
    Count(DocumentId, Document),
    /// Measures what the backups take.
    MeasureBackups,
    /// Stops a job.
    StopTask(DocumentId, Task),
    /// Closes the window.
    CloseWindow,
}

/// A save to be made.
pub struct SaveOrder {
    /// The document.
    pub id: DocumentId,
    /// Where.
    pub path: PathBuf,
    /// What must be there.
    pub expected: Expected,
    /// The snapshot.
    pub document: Document,
    /// Its revision.
    pub revision: RevisionId,
    /// What for.
    pub purpose: Purpose,
    /// The document's own file: a copy must not go over it.
    pub own: Option<PathBuf>,
    /// The replaced version is kept.
    pub keeps_backup: bool,
}
