//! `update`: a command or an event changes the state and gives effects. Everything that the program decides is decided here and
//! in the files beside: [`files`] opens and closes, [`disk`] saves and meets other versions, [`edits`] changes the document,
//! [`navigate`] moves the selection.

#[path = "disk.rs"]
mod disk;
#[path = "edits.rs"]
mod edits;
#[path = "files.rs"]
mod files;
#[path = "navigate.rs"]
mod navigate;

use super::session::{Part, Purpose, Report};
use super::{Command, Dialog, DocumentId, State, Theme};
use crate::document::{Comparison, Document, Fragment, Node, Path, Problem, RevisionId};
use crate::storage::{Digest, Expected, Stamp, Version};
use jiff::tz::TimeZone;
use std::path::PathBuf;
use std::sync::Arc;

pub use navigate::Go;

/// The moment of an input.
#[derive(Clone, Debug)]
pub struct Now {
    /// Milliseconds since the program began.
    pub ms: u64,
    /// Nanoseconds since 1970.
    pub unix_ns: i128,
    /// Where the person is.
    pub zone: TimeZone,
}

impl Now {
    /// A time of day for people: `14:02`.
    pub fn clock(&self, unix_ns: i128) -> String {
        self.format(unix_ns, "%H:%M")
    }

    /// With seconds: `14:02:07`.
    pub fn clock_with_seconds(&self, unix_ns: i128) -> String {
        self.format(unix_ns, "%H:%M:%S")
    }

    fn format(&self, unix_ns: i128, format: &str) -> String {
        let time = jiff::Timestamp::from_nanosecond(unix_ns).unwrap_or_default();
        time.to_zoned_datetime(self.zone.clone()).strftime(format).to_string()
    }
}

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
    /// The field in the row is done: Enter, or a click elsewhere.
    Commit,
    /// Text came from the clipboard; `true` where it goes over the selected value.
    Paste(String, bool),
    /// The excerpt of a broken text changed.
    Mend(String),
    /// The mended text is to be read again.
    ReadAgain,
    /// An answer to the dialog.
    Answer(Answer),
    /// The list of differences is put away.
    CloseDifferences,
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
    /// A file was read.
    Opened(DocumentId, PathBuf, Opened),
    /// A file is not JSON.
    NotJson(DocumentId, PathBuf, Arc<Vec<u8>>, Version, Problem),
    /// A file was not read.
    NotOpened(DocumentId, PathBuf, Report),
    /// Opening was stopped.
    OpeningStopped(DocumentId),
    /// The digest of the text that was read.
    Digest(DocumentId, Stamp, Digest),
    /// A mended text was read.
    Mended(DocumentId, Result<Arc<Fragment>, (Arc<Vec<u8>>, Problem)>),
    /// A save is at this step.
    SaveStep(DocumentId, &'static str),
    /// A save ended.
    SaveEnded(DocumentId, SaveEnd),
    /// Another version is on the disk.
    DiskChanged(DocumentId, Version, Arc<Fragment>),
    /// The same content has other metadata.
    DiskTouched(DocumentId, Version, bool),
    /// The file is gone.
    DiskGone(DocumentId),
    /// The file is not JSON at the moment; what is shown stays.
    DiskNotJson(DocumentId, Problem),
    /// Events from the file system are not to be had.
    Polling(DocumentId, String),
    /// Two documents were compared.
    Compared(DocumentId, CompareFor, Box<Comparison>),
    /// A dialog was answered.
    Picked(PickPurpose, Option<PathBuf>),
    /// No dialog could be shown.
    CannotPick(PickPurpose, String),
    /// A file's value for the selected place.
    ValueRead(DocumentId, Result<String, String>),
    /// Something to tell.
    Notice(String),
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
    },
}

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
        /// The version that was counted.
        version: Version,
    },
    /// The list of differences.
    List {
        /// Mine.
        mine: Document,
        /// Theirs.
        theirs: Document,
    },
}

/// What is to be done outside.
pub enum Effect {
    /// Reads a file.
    Open(DocumentId, PathBuf),
    /// Stops reading it.
    StopOpening(DocumentId),
    /// Computes the digest of a text.
    ComputeDigest(DocumentId, Stamp, Arc<Fragment>),
    /// Reads a mended text.
    ReadMended(DocumentId, Vec<u8>),
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
    /// Shows the system's file dialog.
    Pick(PickPurpose, Option<PathBuf>),
    /// Reads a small file's value.
    ReadValue(DocumentId, PathBuf),
    /// Puts text on the clipboard.
    Copy(String),
    /// Asks for the clipboard's text; `true` where it goes over the selected value.
    RequestPaste(bool),
    /// Remembers recent files and colours.
    StoreSettings(Vec<PathBuf>, Theme),
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
}

/// Takes one input. Pure but for the state that it changes.
pub fn update(state: &mut State, input: Input, now: &Now) -> Vec<Effect> {
    let mut effects = Vec::new();
    match input {
        Input::Command(command) => run(state, command, now, &mut effects),
        Input::OpenFiles(paths) => files::open(state, paths, &mut effects),
        Input::Select(path) => {
            if edits::leave_editor(state, now) {
                navigate::select(state, path);
            }
        }
        Input::Toggle(path) => {
            if edits::leave_editor(state, now) {
                navigate::toggle(state, &path);
            }
        }
        Input::Go(go) => navigate::go(state, go),
        Input::Scroll(position) => {
            if let Some(session) = state.session_mut() {
                session.view.scroll = position;
            }
        }
        Input::Edit(path, part) => {
            if edits::leave_editor(state, now) {
                navigate::select(state, path);
                edits::start(state, part);
            }
        }
        Input::Type(text) => edits::typed(state, text),
        Input::Commit => edits::commit(state, now),
        Input::Paste(text, over) => edits::paste(state, &text, over, now),
        Input::Mend(text) => files::mend(state, text),
        Input::ReadAgain => files::read_again(state, &mut effects),
        Input::Answer(answer) => files::answer(state, answer, now, &mut effects),
        Input::CloseDifferences => {
            if let Some(session) = state.session_mut() {
                session.differences = None;
            }
        }
        Input::CloseRequested => files::close(state, now, &mut effects),
        Input::Event(event) => take(state, event, now, &mut effects),
    }
    disk::retry_after_edit(state, now, &mut effects);
    disk::load_if_due(state, &mut effects);
    effects
}

fn run(state: &mut State, command: Command, now: &Now, effects: &mut Vec<Effect>) {
    if !command.is_enabled(state) {
        return;
    }
    match command {
        Command::New => files::new(state),
        Command::Open => files::pick(state, PickPurpose::Open, effects),
        Command::OpenSample => files::sample(state),
        Command::Close => files::close(state, now, effects),
        Command::Save => {
            if edits::is_settled(state, now) {
                disk::save(state, now, effects);
            }
        }
        Command::SaveCopy => {
            if edits::is_settled(state, now) {
                files::pick(state, PickPurpose::SaveCopy, effects);
            }
        }
        Command::ReplaceFromFile => files::pick(state, PickPurpose::ReplaceValue, effects),
        Command::CheckDisk => effects.push(Effect::LookNow),
        Command::Copy => edits::copy(state, effects),
        Command::Cut => edits::cut(state, now, effects),
        Command::CopyPath => edits::copy_path(state, effects),
        Command::Paste | Command::PasteOver => effects.push(Effect::RequestPaste(command == Command::PasteOver)),
        Command::EditValue => edits::start(state, Part::Value),
        Command::EditKey => edits::start(state, Part::Key),
        Command::Undo => edits::undo(state),
        Command::Redo => edits::redo(state),
        Command::Expand | Command::ExpandBelow | Command::CollapseBelow => navigate::fold(state, command),
        Command::ExpandAll | Command::CollapseAll | Command::ExpandLevels(_) => navigate::fold(state, command),
        Command::Theme(theme) => {
            state.theme = theme;
            effects.push(Effect::StoreSettings(state.recent.clone(), state.theme));
        }
        Command::Help => state.dialog = Some(Dialog::Help),
        Command::About => state.dialog = Some(Dialog::About),
        Command::KeepMine => disk::keep_mine(state, now, effects),
        Command::TakeTheirs => disk::take_theirs(state, effects),
        Command::Compare => disk::compare(state, effects),
        Command::ShowChange => disk::show_change(state),
        Command::UndoLoad => edits::undo(state),
        Command::Retry => disk::retry(state, now, effects),
        Command::SaveAgain => disk::save_again(state, now, effects),
        Command::Cancel => files::cancel(state, effects),
        Command::Dismiss => {
            if let Some(session) = state.session_mut() {
                (session.loaded, session.failure, session.notice) = (None, None, None);
            }
        }
        other => edits::run(state, other, now),
    }
}

fn take(state: &mut State, event: Event, now: &Now, effects: &mut Vec<Effect>) {
    match event {
        Event::Progress(id, done, total) => files::progress(state, id, done, total),
        Event::Opened(id, path, opened) => files::opened(state, id, path, opened, effects),
        Event::NotJson(id, path, bytes, version, problem) => files::not_json(state, id, path, bytes, version, problem, effects),
        Event::NotOpened(id, path, report) => files::not_opened(state, id, &path, report, effects),
        Event::OpeningStopped(id) => state.tabs.retain(|tab| tab.id != id),
        Event::Digest(id, stamp, digest) => disk::digest(state, id, stamp, digest, now, effects),
        Event::Mended(id, result) => files::mended(state, id, result, effects),
        Event::SaveStep(id, step) => {
            if let Some(saving) = state.session_of(id).and_then(|session| session.saving.as_mut()) {
                saving.step = step;
            }
        }
        Event::SaveEnded(id, end) => disk::ended(state, id, end, now, effects),
        Event::DiskChanged(id, version, fragment) => disk::changed(state, id, version, &fragment, now, effects),
        Event::DiskTouched(id, version, read_only) => disk::touched(state, id, version, read_only),
        Event::DiskGone(id) => disk::gone(state, id),
        Event::DiskNotJson(id, problem) => disk::not_json(state, id, &problem),
        Event::Polling(id, why) => {
            if let Some(session) = state.session_of(id) {
                session.polling = Some(why);
            }
        }
        Event::Compared(id, purpose, comparison) => disk::compared(state, id, purpose, *comparison, now, effects),
        Event::Picked(purpose, path) => files::picked(state, purpose, path, now, effects),
        Event::CannotPick(purpose, why) => {
            state.picking = false;
            state.dialog = Some(Dialog::Path { purpose, text: String::new(), why });
        }
        Event::ValueRead(id, value) => edits::value_read(state, id, value, now),
        Event::Notice(text) => match state.session_mut() {
            Some(session) => session.notice = Some(text),
            None => {
                state.dialog = Some(Dialog::Trouble(Report { what: text, safe: String::new(), todo: String::new() }));
            }
        },
    }
}
