//! One open document: its history, and all that the window and the jobs know of it.

use super::DocumentId;
use super::find::Find;
use super::journal::Journaling;
use super::merging::Merging;
use super::on_disk::{Differing, Follow, OnDisk, Theirs};
use super::progress::{Progress, Task};
use super::rows::Fold;
use super::saving::Metrics;
use super::scroll::ScrollPosition;
use super::update::{Effect, Now};
use super::versions::{Counting, Versions};
use crate::document::{Difference, Document, Head, History, Node, Path, RevisionId, Text};
use crate::storage::{Digest, Found, Stamp, Version};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

/// What the window shows of a document. `clone` is cheap: each step of the history keeps one.
#[derive(Clone, Default)]
pub struct View {
    /// Which containers are open.
    pub fold: Fold,
    /// The selected value.
    pub selection: Path,
    /// The first row on screen.
    pub scroll: ScrollPosition,
}

impl View {
    /// That of a document that was just opened: its first level is open.
    pub fn first() -> Self {
        Self { fold: Fold::open(), ..Self::default() }
    }
}

/// The version on disk that revisions stand on. The digest of a large file comes a moment after its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// There is no file yet.
    New,
    /// A version whose digest is being computed.
    Read(Stamp),
    /// A version.
    Version(Version),
}

impl Base {
    /// The content's digest, if there is a file and it is known.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Version(version) => Some(version.digest),
            Self::New | Self::Read(_) => None,
        }
    }
}

/// What a save is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The ordinary save.
    Save,
    /// *Keep mine*: over theirs, which is backed up.
    KeepMine,
    /// Another file; the document stays where it is.
    Copy(PathBuf),
    /// The first save of a new document, which then stands there.
    First(PathBuf),
    /// A deleted file comes back.
    Again,
}

/// A save under way.
#[derive(Clone, Debug)]
pub struct Saving {
    /// The revision that is being written.
    pub revision: RevisionId,
    /// The document of that revision.
    pub document: Document,
    /// What for.
    pub purpose: Purpose,
    /// When it began.
    pub since_ms: u64,
    /// What it is doing, in words.
    pub step: String,
    /// How far it is in that step.
    pub progress: Option<Progress>,
    /// Still waiting for the digest of the base.
    pub waits_for_digest: bool,
}

/// Something that went wrong, in three sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What happened.
    pub what: String,
    /// What is safe.
    pub safe: String,
    /// What can be done.
    pub todo: String,
}

/// A failed save; stays until the next one succeeds or it is put away.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What to tell.
    pub report: Report,
    /// What was tried.
    pub purpose: Purpose,
    /// With which revision.
    pub revision: RevisionId,
    /// Whether the next edit tries again.
    pub tries_again: bool,
    /// There was no place for a backup: it can be saved without one.
    pub needs_backup: bool,
}

/// A version that was loaded by itself or by choice.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The revision that it became.
    pub revision: RevisionId,
    /// What to say.
    pub text: String,
    /// The first place that differs.
    pub first: Option<Path>,
}

/// The list of differences between mine and theirs.
#[derive(Clone)]
pub struct Differences {
    /// All of them, if not too many.
    pub list: Arc<[Difference]>,
    /// How many there are.
    pub total: u64,
    /// My document when it was compared.
    pub mine: Document,
    /// Their document.
    pub theirs: Document,
    /// What the other side is called.
    pub label: String,
}

/// Which part of a row is being edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The key.
    Key,
    /// The value.
    Value,
}

/// Text that is being typed in a row.
#[derive(Clone, Debug)]
pub struct Editor {
    /// The row.
    pub path: Path,
    /// Key or value.
    pub part: Part,
    /// What is typed.
    pub text: String,
    /// Whether the text is a string's plain text; a JSON literal otherwise.
    pub plain: bool,
    /// Why it can't be taken as it is.
    pub problem: Option<String>,
    /// The row was inserted for this: the key is followed by the value, and Escape takes the row away.
    pub fresh: bool,
    /// Changes with each new editor, so that the text field starts anew.
    pub number: u64,
}

/// Texts of so many bytes are worth being forgotten.
pub const LARGE: u64 = 256_000_000;

/// One open document.
pub struct Session {
    /// Its file; `None` for one that was never saved.
    pub path: Option<PathBuf>,
    /// Its name in the window.
    pub name: String,
    /// All revisions.
    pub history: History<Base, View>,
    /// What the window shows.
    pub view: View,
    /// What was last seen on the disk.
    pub on_disk: OnDisk,
    /// Another version may be there: reading it was stopped.
    pub is_passed_over: bool,
    /// Whether the file can't be written.
    pub read_only: bool,
    /// A save under way.
    pub saving: Option<Saving>,
    /// The last save was made, but the disk did not confirm it.
    pub is_unconfirmed: bool,
    /// The last save's failure.
    pub failure: Option<Failure>,
    /// A version that was loaded.
    pub loaded: Option<Loaded>,
    /// A version came, and this is to be done with it as soon as it can be.
    pub due: Option<Follow>,
    /// This is being done with a version that came. One at a time: what came since is done next.
    pub following: Option<Follow>,
    /// The disk was another while a save ran: it is to be told once more, unless the save replaced it.
    pub missed: bool,
    /// An own version that seemed to be told late, and was looked at once more.
    pub late: Option<Digest>,
    /// A short remark.
    pub notice: Option<String>,
    /// A row that is being edited.
    pub editor: Option<Editor>,
    /// Differences that are being shown.
    pub differences: Option<Differences>,
    /// The find bar.
    pub find: Find,
    /// Time of the last save, `14:02:07`.
    pub last_save: Option<String>,
    /// Why the file is watched by looking only, where the system sends no events.
    pub polling: Option<String>,
    /// What the journal is told, and what it told back.
    pub journal: Journaling,
    /// The texts of versions that the document stood on, the last one at the end.
    pub bases: Vec<(Option<Digest>, Document)>,
    /// Edits that an earlier run left unsaved.
    pub recoverable: Vec<Found>,
    /// A merge under way.
    pub merging: Option<Merging>,
    /// The kept versions that are shown.
    pub versions: Option<Versions>,
    /// What the document is made of, as far as it was asked for.
    pub statistics: Option<Counting>,
    /// It is only looked at, and not saved over: a kept version.
    pub is_version: bool,
    /// The next save keeps the version that it replaces.
    pub keeps_backup: bool,
    /// Saves of this document, for the panel and the alerts.
    pub metrics: Metrics,
    /// Jobs that take a while, and how far they are.
    pub tasks: Vec<(Task, Progress)>,
    /// The number of the file's value that was asked for last and is not there yet, and the revision that it comes into.
    pub awaits_value: Option<(u64, RevisionId)>,
    /// Only the beginning of a file that is on its way: where it is cut.
    pub head: Option<Head>,
}

impl Session {
    /// A document as it was read from `path`.
    pub fn new(path: Option<PathBuf>, name: String, history: History<Base, View>) -> Self {
        let bases = vec![(history.base().digest(), history.current().document.clone())];
        Self {
            journal: Journaling::default(),
            bases,
            recoverable: Vec::new(),
            merging: None,
            versions: None,
            statistics: None,
            is_version: false,
            keeps_backup: true,
            metrics: Metrics::default(),
            tasks: Vec::new(),
            awaits_value: None,
            head: None,
            path,
            name,
            history,
            view: View::first(),
            on_disk: OnDisk::Base,
            is_passed_over: false,
            read_only: false,
            saving: None,
            is_unconfirmed: false,
            failure: None,
            loaded: None,
            due: None,
            following: None,
            missed: false,
            late: None,
            notice: None,
            editor: None,
            differences: None,
            find: Find::default(),
            last_save: None,
            polling: None,
        }
    }

    /// The document stands on another version now.
    pub fn stands_on(&mut self, digest: Digest, document: Document) {
        /// Undo may lead back to the one before.
        const KEPT: usize = 3;
        self.bases.push((Some(digest), document));
        if self.bases.len() > KEPT {
            self.bases.remove(0);
        }
    }

    /// A revision is what is in the file, as this version: what was made of it since is what is left to save.
    pub fn is_in_file(&mut self, revision: RevisionId, version: Version, document: Document, now: &Now) {
        self.history.saved(revision, Base::Version(version));
        self.stands_on(version.digest, document.clone());
        self.on_disk = OnDisk::Known(Theirs::new(document, version, now));
        self.is_passed_over = false;
    }

    /// The text of the version that the document stands on, if it is still known.
    pub fn base_document(&self) -> Option<Document> {
        let digest = self.history.base().digest();
        self.bases.iter().rev().find(|(known, _)| *known == digest).map(|(_, document)| document.clone())
    }

    /// Bytes that the text from before a load holds, to which undo leads back, beside what is shown.
    pub fn earlier_bytes(&self) -> u64 {
        self.history.earlier().map_or(0, |earlier| earlier.held_beside(self.document()))
    }

    /// The document as it is shown.
    pub fn document(&self) -> &Document {
        &self.history.current().document
    }

    /// The selected value; the root where the selection leads nowhere.
    pub fn selected(&self) -> Node {
        self.document().node(&self.view.selection).unwrap_or_else(|| self.document().root().clone())
    }

    /// The selected member's key as it is written.
    pub fn selected_key(&self) -> Option<Text> {
        let (parent, number) = self.view.selection.split_last()?;
        self.document().node(&parent)?.child(number)?.key
    }

    /// A job is so far.
    pub fn task_at(&mut self, task: Task, done: u64, total: u64, now_ms: u64) {
        match self.tasks.iter_mut().find(|(known, _)| *known == task) {
            Some((_, progress)) => *progress = progress.moved(done, total, now_ms),
            None => self.tasks.push((task, Progress::new(done, total, now_ms))),
        }
    }

    /// A job has ended, or was stopped.
    pub fn task_ended(&mut self, task: Task, is_stopped: bool) {
        self.tasks.retain(|(known, _)| *known != task);
        if task == Task::Resolve {
            return;
        }
        if is_stopped && task == Task::Value {
            self.awaits_value = None;
        }
        if is_stopped && task == Task::Count {
            self.statistics = self.statistics.take().filter(|counting| counting.statistics.is_some());
        } else if is_stopped {
            if let Some(merging) = self.merging.as_mut().filter(|_| task == Task::Merge) {
                merging.finishing = false;
            }
            if task == Task::Follow {
                (self.due, self.following) = (None, None);
                if let OnDisk::Known(theirs) = &mut self.on_disk
                    && theirs.differing == Differing::Counting
                {
                    theirs.differing = Differing::Uncounted;
                }
            }
            if task == Task::Reload {
                // The banner says so for as long as it is so.
                self.is_passed_over = true;
                return;
            }
            let hint = if task == Task::Recover { " The edits are kept." } else { "" };
            self.notice = Some(format!("{} was stopped. Nothing was changed.{hint}", task.name()));
        }
    }

    /// Whether the value at `path` is only there in part, since the rest of the file is still on its way.
    pub fn is_growing(&self, path: &Path) -> bool {
        self.head.as_ref().is_some_and(|head| path.contains(&head.open))
    }

    /// Rows in the tree.
    pub fn rows(&self) -> u64 {
        1 + self.view.fold.rows_below(self.document().root())
    }

    /// Steps that are not saved. One for a document that has no file yet and is not empty.
    pub fn unsaved(&self) -> u64 {
        self.history.unsaved_steps()
    }

    /// Whether nothing is under way from which another document would be pulled away.
    pub fn can_load(&self) -> bool {
        self.editor.is_none() && self.saving.is_none() && self.merging.is_none()
    }

    /// Watches the document's file from this version on; `None` where it has no file.
    pub fn watch(&self, id: DocumentId, version: Version) -> Option<Effect> {
        self.path.clone().map(|path| Effect::Watch(id, path, version))
    }

    /// Whether `path` is this document's file.
    pub fn is_at(&self, path: &FilePath) -> bool {
        self.path.as_deref() == Some(path)
    }
}
