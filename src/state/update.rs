//! `update`: a command or an event changes the state and gives effects. Everything that the program decides is decided here and
//! in the files beside: [`files`] opens and closes, [`mend`] mends what is not JSON, [`save`] saves, [`disk`] meets other versions,
//! [`edits`] changes the document, [`clipboard`] takes from it and pastes, [`navigate`] moves the selection.

#[path = "clipboard.rs"]
mod clipboard;
#[path = "disk.rs"]
mod disk;
#[path = "edits.rs"]
mod edits;
#[path = "effect.rs"]
mod effect;
#[path = "files.rs"]
mod files;
#[path = "mend.rs"]
mod mend;
#[path = "navigate.rs"]
mod navigate;
#[path = "save.rs"]
mod save;

use super::find::{self, FindInput};
use super::journal::EndOfJournal;
use super::merging::{self, MergeInput};
use super::session::{Part, Report, Session};
use super::{Command, Content, Dialog, DocumentId, Event, Input, PickPurpose, Progress, State, Task, Then};
use super::{recovery, saving, versions};
use jiff::tz::TimeZone;

pub use effect::{CompareFor, Effect, SaveOrder};
pub use navigate::Go;
pub(super) use navigate::reveal;

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

    /// With the day where it is not today: `24 Nov, 14:02:07`.
    pub fn day_and_clock(&self, unix_ns: i128) -> String {
        let day = |unix_ns: i128| self.format(unix_ns, "%Y-%m-%d");
        let format = if day(unix_ns) == day(self.unix_ns) { "%H:%M:%S" } else { "%-d %b %Y, %H:%M:%S" };
        self.format(unix_ns, format)
    }

    fn format(&self, unix_ns: i128, format: &str) -> String {
        let time = jiff::Timestamp::from_nanosecond(unix_ns).unwrap_or_default();
        time.to_zoned_datetime(self.zone.clone()).strftime(format).to_string()
    }
}

/// Takes one input. Pure but for the state that it changes.
pub fn update(state: &mut State, input: Input, now: &Now) -> Vec<Effect> {
    let mut effects = Vec::new();
    let before = state.tab().filter(|tab| tab.has_journal()).map(|tab| tab.id);
    // While a merge is shown the document behind it stays as it is.
    let is_edit = matches!(input, Input::Paste(..) | Input::Edit(..) | Input::Toggle(_) | Input::Select(_) | Input::Go(_));
    let is_behind = is_edit && state.session().is_some_and(|session| session.merging.is_some());
    match input {
        _ if is_behind => {}
        Input::Command(command) => run(state, command, now, &mut effects),
        Input::OpenFiles(paths) => files::open(state, paths, now, &mut effects),
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
            if let Some(session) = state.shown_mut() {
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
        Input::TypeLiteral(literal) => edits::typed_literal(state, literal),
        Input::Commit => edits::commit(state, now),
        Input::Paste(text, over) => clipboard::paste(state, &text, over, now),
        Input::CopyText(path, bytes) => clipboard::copy_text(state, &path, bytes, &mut effects),
        Input::Mend(text) => mend::mend(state, text, &mut effects),
        Input::ReadAgain => mend::read_again(state, Then::Show, now, &mut effects),
        Input::Answer(answer) => files::answer(state, answer, now, &mut effects),
        Input::Find(FindInput::Go(number)) => {
            if edits::leave_editor(state, now) {
                find::take(state, FindInput::Go(number), &mut effects);
            }
        }
        Input::Find(input) => find::take(state, input, &mut effects),
        Input::CloseDifferences => {
            if let Some(session) = state.session_mut() {
                session.differences = None;
            }
        }
        Input::Merge(input) => merging::take(state, input, &mut effects),
        Input::Version(versions::VersionInput::Restore(_)) if !edits::is_settled(state, now) => {}
        Input::Version(input) => versions::take(state, input, &mut effects),
        Input::OpenUnsaved(number) => recovery::open_found(state, number, now, &mut effects),
        Input::ShowPlace(path) => {
            if edits::leave_editor(state, now) {
                navigate::select(state, path);
            }
        }
        Input::ClosePanel => {
            if let Some(session) = state.session_mut() {
                (session.statistics, session.versions) = (None, None);
            }
            state.shows_saving = false;
            effects.extend(state.tab().map(|tab| Effect::StopTask(tab.id, Task::Count)));
        }
        Input::Options(options) => {
            state.options = options;
            effects.push(store_settings(state));
        }
        Input::StopSave => save::stop_save(state, &mut effects),
        Input::StopTask(task) => effects.extend(state.tab().map(|tab| Effect::StopTask(tab.id, task))),
        Input::Tick => {}
        Input::FocusLost => effects.push(Effect::SyncJournals),
        Input::CloseRequested => files::close(state, now, &mut effects),
        Input::Event(event) => take(state, event, now, &mut effects),
    }
    save::retry_after_edit(state, now, &mut effects);
    disk::follow_if_due(state, &mut effects);
    find::follow(state, &mut effects);
    saving::look(state, now, &mut effects);
    journal(state, before, now, &mut effects);
    // Edits that were made again are in a new journal before the old one goes.
    let (forget, mut first): (Vec<_>, Vec<_>) =
        effects.into_iter().partition(|effect| matches!(effect, Effect::ForgetJournal(..)));
    first.extend(forget);
    first
}

/// The notes of this update leave; the journal of a document that is gone ends.
fn journal(state: &mut State, before: Option<DocumentId>, now: &Now, effects: &mut Vec<Effect>) {
    for tab in &mut state.tabs {
        match &mut tab.content {
            Content::Ready(session) => effects.extend(session.take_notes(tab.id, now.unix_ns).map(Effect::Journal)),
            Content::Broken { path, broken } => {
                effects.extend(broken.take_mends(tab.id, path, now.unix_ns).map(Effect::JournalMends));
            }
            Content::Loading(_) => {}
        }
    }
    let Some(id) = before else { return };
    let unsaved = match state.tabs.iter().find(|tab| tab.id == id).map(|tab| &tab.content) {
        Some(Content::Ready(session)) if state.closing => session.closing_loses().is_some(),
        Some(Content::Broken { broken, .. }) if state.closing => broken.is_touched(),
        Some(Content::Ready(_) | Content::Broken { .. }) => return,
        // Only what has nothing unsaved gives way to another document.
        _ => false,
    };
    if !state.recover_later {
        let end = if unsaved { EndOfJournal::Discarded } else { EndOfJournal::Saved };
        effects.push(Effect::EndJournal(id, end));
    }
}

/// The document that is shown.
fn current(state: &mut State) -> Option<(DocumentId, &mut Session)> {
    let tab = state.tabs.get_mut(state.active)?;
    match &mut tab.content {
        Content::Ready(session) => Some((tab.id, session)),
        _ => None,
    }
}

fn store_settings(state: &State) -> Effect {
    Effect::StoreSettings(state.recent.clone(), state.theme, state.options.clone())
}

pub(super) use disk::load as load_version;
pub(super) use files::open as open_files;
pub(super) use mend::{read_anew, watch_broken};
pub(super) use save::begin as begin_save;

fn run(state: &mut State, command: Command, now: &Now, effects: &mut Vec<Effect>) {
    if !command.is_enabled(state) {
        return;
    }
    match command {
        Command::New => files::new(state, now),
        Command::Open => files::pick(state, PickPurpose::Open, now, effects),
        Command::OpenSample => files::sample(state, now),
        Command::Close => files::close(state, now, effects),
        Command::Save if state.broken().is_some() => mend::read_again(state, Then::Save, now, effects),
        Command::Save => {
            if edits::is_settled(state, now) {
                save::save(state, now, effects);
            }
        }
        Command::SaveCopy => {
            if edits::is_settled(state, now) {
                files::pick(state, PickPurpose::SaveCopy, now, effects);
            }
        }
        Command::ReplaceFromFile => files::pick(state, PickPurpose::ReplaceValue, now, effects),
        Command::CheckDisk => effects.push(Effect::LookNow),
        Command::Copy => clipboard::copy(state, effects),
        Command::CopyText => {
            if let Some(path) = state.session().map(|session| session.view.selection.clone()) {
                clipboard::copy_text(state, &path, None, effects);
            }
        }
        Command::Cut => clipboard::cut(state, now, effects),
        Command::CopyPath => clipboard::copy_path(state, effects),
        Command::Paste | Command::PasteOver => effects.push(Effect::RequestPaste(command == Command::PasteOver)),
        Command::EditValue => edits::start(state, Part::Value),
        Command::EditKey => edits::start(state, Part::Key),
        Command::Undo | Command::UndoLoad => edits::undo(state),
        Command::Redo => edits::redo(state),
        Command::Find => files::find(state),
        Command::GoTo => {
            if edits::is_settled(state, now) {
                state.dialog = Some(Dialog::GoTo { text: String::new(), problem: None });
            }
        }
        Command::FindNext | Command::FindPrevious => {
            if edits::is_settled(state, now) {
                find::step(state, command == Command::FindNext, effects);
            }
        }
        Command::Expand | Command::ExpandBelow | Command::CollapseBelow => navigate::fold(state, command),
        Command::ExpandAll | Command::CollapseAll | Command::ExpandLevels(_) => navigate::fold(state, command),
        Command::Theme(theme) => {
            state.theme = theme;
            effects.push(store_settings(state));
        }
        Command::Help => state.dialog = Some(Dialog::Help),
        Command::About => state.dialog = Some(Dialog::About),
        // What is typed in the row goes with the document.
        Command::KeepMine | Command::TakeTheirs | Command::Retry | Command::SaveAgain | Command::SaveWithoutBackup
            if !edits::is_settled(state, now) => {}
        Command::KeepMine => save::keep_mine(state, now, effects),
        Command::TakeTheirs => disk::take_theirs(state, effects),
        Command::Compare => disk::compare(state, effects),
        Command::Merge => {
            if let Some(id) = state.tab().map(|tab| tab.id) {
                merging::begin(state, id, effects);
            }
        }
        Command::NextConflict => merging::take(state, MergeInput::Next, effects),
        Command::PreviousConflict => merging::take(state, MergeInput::Previous, effects),
        Command::ChooseMine => merging::take(state, MergeInput::ChooseSelected(merging::Pick::Mine), effects),
        Command::ChooseTheirs => merging::take(state, MergeInput::ChooseSelected(merging::Pick::Theirs), effects),
        Command::Recover => state.dialog = Some(Dialog::Recover),
        Command::FileHistory => versions::list(state, effects),
        Command::Statistics => versions::count(state, effects),
        Command::Saving => {
            // One panel stands beside the tree.
            if let Some(session) = state.session_mut() {
                (session.versions, session.statistics) = (None, None);
            }
            effects.extend(state.tab().map(|tab| Effect::StopTask(tab.id, Task::Count)));
            state.shows_saving = true;
            effects.push(Effect::MeasureBackups);
        }
        Command::ShowText => state.shows_text = !state.shows_text,
        Command::Settings => state.dialog = Some(Dialog::Settings),
        Command::SaveWithoutBackup => save::save_without_backup(state, now, effects),
        Command::ShowChange => disk::show_change(state),
        Command::ForgetEarlier => disk::forget_earlier(state),
        Command::Retry => save::retry(state, now, effects),
        Command::SaveAgain => save::save_again(state, now, effects),
        Command::Cancel => files::cancel(state, effects),
        Command::Dismiss => {
            if let Some(session) = state.session_mut() {
                (session.loaded, session.failure, session.notice) = (None, None, None);
                session.metrics.seen();
            }
        }
        other => edits::run(state, other, now),
    }
}

fn take(state: &mut State, event: Event, now: &Now, effects: &mut Vec<Effect>) {
    match event {
        Event::Progress(id, done, total) => files::progress(state, id, done, total, now),
        Event::Head(id, head) => files::head(state, id, head),
        Event::Opened(id, path, opened) => files::opened(state, id, path, opened, effects),
        Event::NotJson(id, path, bytes, version, problem) => mend::not_json(state, id, path, bytes, version, problem, effects),
        Event::NotOpened(id, path, report) => files::not_opened(state, id, &path, report, effects),
        // Another document may be shown by now.
        Event::TooLarge(id, ..) if state.tabs.iter().all(|tab| tab.id != id) => {}
        Event::TooLarge(_, path, needed, free) => {
            // Nothing else is read while somebody is asked.
            state.dialog = Some(Dialog::Memory { path, needed, free });
        }
        Event::OpeningStopped(id) => files::go_back(state, id, effects),
        Event::TaskProgress(id, task, done, total) => {
            if let Some(session) = state.session_of(id) {
                session.task_at(task, done, total, now.ms);
            } else if let Some(broken) = state.broken_of(id).filter(|_| task == Task::Mend) {
                broken.progress = Some(Progress::after(broken.progress, done, total, now.ms));
            }
        }
        Event::TaskEnded(id, task, is_stopped) => {
            if let Some(session) = state.session_of(id) {
                session.task_ended(task, is_stopped);
            } else if task == Task::Mend {
                mend::mend_ended(state, id, effects);
            }
        }
        Event::Digest(id, stamp, digest) => save::digest(state, id, stamp, digest, now, effects),
        Event::Mended(id, result) => mend::mended(state, id, result, now, effects),
        Event::SaveStep(id, step) => {
            if let Some(saving) = state.session_of(id).and_then(|session| session.saving.as_mut()) {
                (saving.step, saving.progress) = (step, None);
            }
        }
        Event::SaveProgress(id, done, total) => {
            if let Some(saving) = state.session_of(id).and_then(|session| session.saving.as_mut()) {
                saving.progress = Some(Progress::after(saving.progress, done, total, now.ms));
            }
        }
        Event::SaveEnded(id, end) => save::ended(state, id, end, now, effects),
        Event::DiskChanged(id, version, document) => disk::changed(state, id, version, document, now, effects),
        Event::DiskTouched(id, version, read_only) => disk::touched(state, id, version, read_only, now, effects),
        Event::DiskGone(id) => disk::gone(state, id),
        Event::DiskUnread(id, version, why) => disk::unread(state, id, version, why, effects),
        Event::Polling(id, why) => {
            if let Some(session) = state.session_of(id) {
                session.polling = Some(why);
            }
        }
        Event::Compared(id, purpose, comparison) => disk::compared(state, id, purpose, *comparison, now),
        Event::Search(id, number, found) => find::found(state, id, number, found, now.ms),
        Event::Picked(purpose, path) => files::picked(state, purpose, path, now, effects),
        Event::CannotPick(purpose, why) => {
            state.picking = false;
            state.dialog = Some(Dialog::Path { purpose, text: String::new(), why });
        }
        Event::Resolved(id, revision, place) => navigate::resolved(state, id, revision, place),
        Event::ValueRead(id, number, value) => edits::value_read(state, id, number, value, now),
        Event::Journaled { id, notes, length } => {
            if let Some(session) = state.session_of(id) {
                (session.journal.written, session.journal.length, session.journal.trouble) = (notes, length, None);
            } else if let Some(broken) = state.broken_of(id) {
                broken.journal.trouble = None;
            }
        }
        Event::JournalTrouble(id, why) => {
            if let Some(session) = state.session_of(id) {
                session.journal.trouble = Some(why);
            } else if let Some(broken) = state.broken_of(id) {
                broken.journal.trouble = Some(why);
            }
        }
        Event::Unsaved(id, found) => recovery::found(state, id, found),
        Event::Recovered(id, journal, purpose, result) => recovery::recovered(state, id, journal, purpose, result, now, effects),
        Event::Merged(id, order, merge) => {
            if let Some(session) = state.session_of(id) {
                merging::found(session, *order, *merge, now);
            }
        }
        Event::MergeDone(id, done) => merging::done(state, id, done, now, effects),
        Event::Versions(id, list) => {
            if let Some(session) = state.session_of(id) {
                versions::listed(session, list);
            }
        }
        Event::VersionRead(id, backup, purpose, fragment) => {
            let restored =
                state.session_of(id).is_some_and(|session| versions::read(session, id, &backup, purpose, fragment, now, effects));
            if restored {
                save::save(state, now, effects);
            }
        }
        Event::Counted(id, statistics) => {
            if let Some(session) = state.session_of(id) {
                versions::counted(session, statistics);
            }
        }
        Event::BackupsMeasured(bytes) => state.backups_bytes = Some(bytes),
        Event::Notice(text) => match state.session_mut() {
            Some(session) => session.notice = Some(text),
            None => {
                state.dialog = Some(Dialog::Trouble(Report { what: text, safe: String::new(), todo: String::new() }));
            }
        },
    }
}
