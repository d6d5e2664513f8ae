//! All that the program remembers, as plain data, and what it decides: `update` takes a command or an event and gives effects.
//!
//! Pure: no window, no disk, no thread, no clock but the one that is passed in. So every decision — save, conflict, reload,
//! close — is tested with a list of inputs.

mod broken;
pub mod command;
mod event;
pub mod find;
pub mod format;
pub mod journal;
pub mod merging;
pub mod on_disk;
mod progress;
pub mod recovery;
pub mod rows;
pub mod saving;
pub mod scroll;
pub mod session;
mod update;
pub mod versions;

pub use broken::{Broken, Mended, Then};
pub use command::{Command, Theme};
pub use event::{Answer, Event, FileKind, Input, Opened, PickPurpose, SaveEnd, Timing};
pub use find::{FindInput, Found};
pub use on_disk::Status;
pub use progress::{Progress, Task};
pub use session::{Report, Session};

/// An edit that could not be made again.
pub type Left = crate::storage::Lost;
pub use update::{CompareFor, Effect, Go, Now, SaveOrder, update};

use crate::document::reclaim;
use std::path::PathBuf;

/// Names one open document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DocumentId(pub u64);

/// What one place in the window holds.
pub enum Content {
    /// A file on its way.
    Loading(Loading),
    /// A text that is not JSON.
    Broken {
        /// The file.
        path: PathBuf,
        /// The text.
        broken: Box<Broken>,
    },
    /// A document.
    Ready(Box<Session>),
}

/// A file on its way.
pub struct Loading {
    /// The file.
    pub path: PathBuf,
    /// How far it is, once that was heard.
    pub progress: Option<Progress>,
    /// Its beginning, to be looked at meanwhile; nothing else can be done with it.
    pub head: Option<Box<Session>>,
    /// It is opened for the edits in this journal, which may not need the file.
    pub recovers: Option<PathBuf>,
    /// Somebody wants to search it once it is there.
    finds: bool,
    /// What was shown before: it is shown again where this comes to nothing.
    came_from: Option<CameFrom>,
}

/// What gave way to a file that is being read.
enum CameFrom {
    /// It is kept as it was.
    Shown(Box<Tab>),
    /// It is read anew: a large one is not to take up memory that the other needs.
    File(PathBuf),
}

impl Loading {
    /// Nothing is there yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, progress: None, head: None, recovers: None, finds: false, came_from: None }
    }
}

impl Content {
    /// It is not shown any more. A document gives its memory back elsewhere by itself.
    fn reclaim(self) {
        if let Self::Broken { broken, .. } = self {
            reclaim(broken.bytes);
        }
    }
}

/// An open document and its name.
pub struct Tab {
    /// Names it in effects and events.
    pub id: DocumentId,
    /// What it holds.
    pub content: Content,
}

impl Tab {
    /// Shows something else under the same name.
    fn show(&mut self, content: Content) {
        std::mem::replace(&mut self.content, content).reclaim();
    }

    /// Whether a journal knows of unsaved edits in it.
    fn has_journal(&self) -> bool {
        match &self.content {
            Content::Ready(session) => session.journal.begun,
            Content::Broken { broken, .. } => broken.journal.is_begun,
            Content::Loading(_) => false,
        }
    }
}

/// A question or a list over the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// Closing with unsaved edits.
    Close,
    /// Closing was asked for while a save runs.
    ClosingAfterSave,
    /// A path is typed, since no system dialog could be shown.
    Path {
        /// What for.
        purpose: PickPurpose,
        /// What is typed.
        text: String,
        /// Why the system's dialog is not there.
        why: String,
    },
    /// The path of a value is typed, to go there.
    GoTo {
        /// What is typed.
        text: String,
        /// Why that leads nowhere.
        problem: Option<String>,
    },
    /// Edits that an earlier run left unsaved.
    Recover,
    /// Edits that could not be made again, with both values.
    Left(Vec<Left>),
    /// A file may not fit into memory.
    Memory {
        /// The file.
        path: PathBuf,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// Choices about saving.
    Settings,
    /// Keys.
    Help,
    /// Version and licence.
    About,
    /// Something that could not be done, when there is no document to say it at.
    Trouble(Report),
}

/// Everything.
pub struct State {
    /// Open documents; at the moment one a window.
    pub tabs: Vec<Tab>,
    /// Number of the one that is shown.
    pub active: usize,
    /// What stands over the window.
    pub dialog: Option<Dialog>,
    /// A system dialog is open.
    pub picking: bool,
    /// The document for which it is shown.
    pub picked_for: Option<DocumentId>,
    /// Files that were open before, the last one first.
    pub recent: Vec<PathBuf>,
    /// Colours.
    pub theme: Theme,
    /// What was copied last, with its key, so that pasting brings the key back.
    copied: Option<(String, Option<String>)>,
    /// The window closes when the save that runs has ended well.
    close_after_save: bool,
    /// The window may close.
    pub closing: bool,
    /// It closes while a save runs: the journal stays.
    pub recover_later: bool,
    /// What the person chose about saving.
    pub options: saving::Options,
    /// The panel with counts and times of saves is shown.
    pub shows_saving: bool,
    /// The panel with the text of the selected value is shown.
    pub shows_text: bool,
    /// Bytes that all backups take, once measured.
    pub backups_bytes: Option<u64>,
    /// What is opened is only looked at: a kept version.
    pub opens_versions: bool,
    /// Edits that earlier runs left unsaved, for the start page.
    pub unsaved: Vec<crate::storage::Found>,
    next_number: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            tabs: Vec::new(),
            active: 0,
            dialog: None,
            picking: false,
            picked_for: None,
            recent: Vec::new(),
            theme: Theme::System,
            copied: None,
            close_after_save: false,
            closing: false,
            recover_later: false,
            options: saving::Options::default(),
            shows_saving: false,
            shows_text: false,
            backups_bytes: None,
            opens_versions: false,
            unsaved: Vec::new(),
            next_number: 1,
        }
    }
}

impl State {
    /// No document yet.
    pub fn new(recent: Vec<PathBuf>, theme: Theme, options: saving::Options) -> Self {
        Self { recent, theme, options, ..Self::default() }
    }

    /// The tab that is shown.
    pub fn tab(&self) -> Option<&Tab> {
        self.tabs.get(self.active)
    }

    /// The document that is shown.
    pub fn session(&self) -> Option<&Session> {
        match &self.tab()?.content {
            Content::Ready(session) => Some(session),
            _ => None,
        }
    }

    /// What the tree shows: the document, or the beginning of one that is on its way.
    pub fn shown(&self) -> Option<&Session> {
        match &self.tab()?.content {
            Content::Ready(session) => Some(session),
            Content::Loading(loading) => loading.head.as_deref(),
            Content::Broken { .. } => None,
        }
    }

    fn shown_mut(&mut self) -> Option<&mut Session> {
        match &mut self.tabs.get_mut(self.active)?.content {
            Content::Ready(session) => Some(session),
            Content::Loading(loading) => loading.head.as_deref_mut(),
            Content::Broken { .. } => None,
        }
    }

    fn session_mut(&mut self) -> Option<&mut Session> {
        match &mut self.tabs.get_mut(self.active)?.content {
            Content::Ready(session) => Some(session),
            _ => None,
        }
    }

    fn session_of(&mut self, id: DocumentId) -> Option<&mut Session> {
        match &mut self.tabs.iter_mut().find(|tab| tab.id == id)?.content {
            Content::Ready(session) => Some(session),
            _ => None,
        }
    }

    /// The text that is not JSON, where that is what is shown.
    pub fn broken(&self) -> Option<&Broken> {
        match &self.tab()?.content {
            Content::Broken { broken, .. } => Some(broken),
            _ => None,
        }
    }

    fn broken_of(&mut self, id: DocumentId) -> Option<&mut Broken> {
        match &mut self.tabs.iter_mut().find(|tab| tab.id == id)?.content {
            Content::Broken { broken, .. } => Some(broken),
            _ => None,
        }
    }

    /// Edits of what is shown that an earlier run left unsaved.
    pub fn recoverable(&self) -> &[crate::storage::Found] {
        match self.tab().map(|tab| &tab.content) {
            Some(Content::Ready(session)) => &session.recoverable,
            Some(Content::Broken { broken, .. }) => &broken.recoverable,
            _ => &[],
        }
    }

    /// Whether a file is on its way.
    pub fn is_loading(&self) -> bool {
        matches!(self.tab(), Some(Tab { content: Content::Loading(_), .. }))
    }

    /// The window's title.
    pub fn title(&self) -> String {
        match self.tab().map(|tab| &tab.content) {
            None => "Treekeep".to_owned(),
            Some(Content::Loading(Loading { path, .. })) => format!("{} — Treekeep", file_name(path)),
            Some(Content::Broken { path, broken }) => titled(&file_name(path), broken.is_touched()),
            Some(Content::Ready(session)) => titled(&session.name, session.unsaved() > 0),
        }
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }
}

fn titled(name: &str, is_edited: bool) -> String {
    format!("{}{name} — Treekeep", if is_edited { "• " } else { "" })
}

/// A file's name for people.
pub fn file_name(path: &std::path::Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
