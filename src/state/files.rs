//! Opening, closing, dialogs.

use super::super::on_disk::Loss;
use super::super::session::{Base, Purpose, Report, Session, View};
use super::super::{CameFrom, Content, Dialog, DocumentId, Loading, Progress, State, Tab, Then, file_name};
use super::{Effect, Now, PickPurpose, edits, mend, navigate, save};
use crate::document::{Document, Head, History, RevisionId};
use crate::state::journal::Journaling;
use crate::state::recovery::{self, RecoverFor};
use crate::state::{Answer, Opened, Task};
use std::path::{Path, PathBuf};

/// The document that the start page offers.
const SAMPLE: &str = include_str!("../../assets/sample.json");
/// Files in the list of recent ones.
const RECENT: usize = 12;

/// Longer texts take a while to read, and memory that another file may need.
pub const LARGE: u64 = 64 << 20;

/// Shows a document in the window; one that was shown and has nothing unsaved goes, or waits until another one is read.
fn show(state: &mut State, mut content: Content) -> DocumentId {
    let id = DocumentId(state.number());
    let before = state.tabs.drain(..).next();
    match &mut content {
        Content::Loading(loading) => loading.came_from = before.and_then(came_from),
        _ => before.into_iter().for_each(|tab| tab.content.reclaim()),
    }
    state.tabs.push(Tab { id, content });
    state.active = 0;
    id
}

/// How what is shown is found again.
pub fn came_from(tab: Tab) -> Option<CameFrom> {
    match tab.content {
        Content::Loading(loading) => loading.came_from,
        Content::Broken { ref path, ref broken } if broken.bytes.len() as u64 > LARGE => {
            let path = path.clone();
            tab.content.reclaim();
            Some(CameFrom::File(path))
        }
        Content::Broken { .. } => Some(CameFrom::Shown(Box::new(tab))),
        Content::Ready(session) => {
            // What jobs would tell of it nobody would hear.
            let is_settled =
                session.following.is_none() && session.due.is_none() && !matches!(session.history.base(), Base::Read(_));
            match &session.path {
                Some(path) if session.document().byte_len() > LARGE || !is_settled => Some(CameFrom::File(path.clone())),
                _ => Some(CameFrom::Shown(Box::new(Tab { content: Content::Ready(session), ..tab }))),
            }
        }
    }
}

/// A file was not read: what was shown before is shown again, or the start page.
pub fn go_back(state: &mut State, id: DocumentId, effects: &mut Vec<Effect>) {
    let is_it = |tab: &Tab| tab.id == id && matches!(tab.content, Content::Loading(_));
    let Some(place) = state.tabs.iter().position(is_it) else { return };
    let Content::Loading(loading) = state.tabs.remove(place).content else { return };
    state.active = 0;
    match loading.came_from {
        None => effects.push(Effect::FindUnsaved(None)),
        Some(CameFrom::File(path)) => {
            let id = show(state, Content::Loading(Loading::new(path.clone())));
            effects.push(Effect::Open(id, path));
        }
        Some(CameFrom::Shown(mut tab)) => {
            let path = match &mut tab.content {
                Content::Ready(session) => {
                    // Its journal has ended, and so has what was under way.
                    session.journal = Journaling::default();
                    (session.statistics, session.versions, session.awaits_value) = (None, None, None);
                    session.tasks.clear();
                    crate::state::find::close(session, tab.id, effects);
                    let known = session.known_on_disk();
                    effects.extend(known.and_then(|version| session.watch(tab.id, version)));
                    session.path.clone()
                }
                Content::Broken { path, broken } => {
                    mend::watch_broken(tab.id, path, &broken.base, effects);
                    Some(path.clone())
                }
                Content::Loading(_) => None,
            };
            effects.extend(path.map(|path| Effect::FindUnsaved(Some((tab.id, path)))));
            state.tabs.push(*tab);
        }
    }
}

/// Whether what is shown can go; asks otherwise.
fn may_replace(state: &mut State, now: &Now) -> bool {
    if !edits::is_settled(state, now) {
        return false;
    }
    let is_busy = |session: &Session| session.closing_loses().is_some() || session.saving.is_some() || session.merging.is_some();
    let busy = state.session().is_some_and(is_busy);
    if busy && let Some(session) = state.session_mut() {
        session.notice = Some("Save or close this document first: a window holds one document.".to_owned());
    }
    let is_mended = mend::is_mended(state);
    if is_mended {
        state.dialog = Some(Dialog::Trouble(Report {
            what: "A window holds one document, and this one is being mended.".to_owned(),
            safe: "Nothing was opened.".to_owned(),
            todo: "Read the mended text again and save it, or close the window.".to_owned(),
        }));
    }
    !busy && !is_mended
}

/// Opens the first of some files, and names the rest.
pub fn open(state: &mut State, paths: Vec<PathBuf>, now: &Now, effects: &mut Vec<Effect>) {
    let mut paths = paths.into_iter();
    let Some(path) = paths.next() else { return };
    if !may_replace(state, now) {
        return;
    }
    let others: Vec<String> = paths.map(|path| file_name(&path)).collect();
    let id = show(state, Content::Loading(Loading::new(path.clone())));
    effects.push(Effect::Open(id, path));
    if !others.is_empty() {
        state.dialog = Some(Dialog::Trouble(Report {
            what: format!("A window holds one document. Not opened: {}.", others.join(", ")),
            safe: String::new(),
            todo: "Start Treekeep once more for each of them.".to_owned(),
        }));
    }
}

/// An empty document.
pub fn new(state: &mut State, now: &Now) {
    if may_replace(state, now) {
        start_with(state, "{}\n", "Untitled");
    }
}

/// The sample.
pub fn sample(state: &mut State, now: &Now) {
    if may_replace(state, now) {
        start_with(state, SAMPLE, "sample.json");
    }
}

fn start_with(state: &mut State, text: &str, name: &str) {
    if let Ok(document) = Document::parse(text) {
        let history = History::new(document, Base::New, View::first());
        show(state, Content::Ready(Box::new(Session::new(None, name.to_owned(), history))));
    }
}

fn loading(state: &mut State, id: DocumentId) -> Option<&mut Loading> {
    match &mut state.tabs.iter_mut().find(|tab| tab.id == id)?.content {
        Content::Loading(loading) => Some(loading),
        _ => None,
    }
}

/// How far a file is read.
pub fn progress(state: &mut State, id: DocumentId, done: u64, total: u64, now: &Now) {
    if let Some(Loading { progress, .. }) = loading(state, id) {
        *progress = Some(Progress::after(*progress, done, total, now.ms));
    }
}

/// The beginning of a file that is being read.
pub fn head(state: &mut State, id: DocumentId, head: Head) {
    if let Some(Loading { path, head: shown, .. }) = loading(state, id) {
        let history = History::new(head.document.clone(), Base::New, View::first());
        let session = Session::new(Some(path.clone()), file_name(path), history);
        *shown = Some(Box::new(Session { head: Some(head), ..session }));
    }
}

/// Shows the find bar, also of a file that is still being read: as soon as it is there.
pub fn find(state: &mut State) {
    match state.tabs.get_mut(state.active).map(|tab| &mut tab.content) {
        Some(Content::Loading(loading)) => loading.finds = true,
        _ => crate::state::find::open(state),
    }
}

/// What was looked at while a file was read is looked at in the whole document.
fn carry_view(from: &Session, to: &mut Session, text: &[u8]) {
    if let Some(head) = &from.head
        && head.begins(text)
    {
        to.view = from.view.clone();
        to.view.fold = to.view.fold.refreshed(to.document().root(), &head.open);
    }
}

/// The document in a file; one of a kept version can't be written.
pub fn session_at(path: &Path, history: History<Base, View>, is_version: bool) -> Session {
    Session { is_version, read_only: is_version, ..Session::new(Some(path.to_owned()), file_name(path), history) }
}

/// A file was read.
pub fn opened(state: &mut State, id: DocumentId, path: PathBuf, opened: Opened, effects: &mut Vec<Effect>) {
    let opens_versions = state.opens_versions;
    let Some(tab) = state.tabs.iter_mut().find(|tab| tab.id == id) else { return };
    let history = History::new(Document::of(&opened.fragment), Base::Read(opened.stamp), View::first());
    let mut session = session_at(&path, history, opens_versions);
    session.read_only |= opened.read_only;
    let mut finds = false;
    if let Content::Loading(loading) = &tab.content {
        finds = loading.finds;
        if let Some(head) = &loading.head {
            carry_view(head, &mut session, opened.fragment.text());
        }
    }
    tab.content = Content::Ready(Box::new(session));
    if finds {
        find(state);
    }
    effects.push(Effect::ComputeDigest(id, opened.stamp, opened.fragment));
    effects.push(Effect::FindUnsaved(Some((id, path.clone()))));
    remember(state, &path, effects);
}

/// Puts a file on top of the recent ones.
pub fn remember(state: &mut State, path: &Path, effects: &mut Vec<Effect>) {
    if state.opens_versions {
        return;
    }
    state.recent.retain(|known| known != path);
    state.recent.insert(0, path.to_owned());
    state.recent.truncate(RECENT);
    effects.push(super::store_settings(state));
}

/// A file was not read.
pub fn not_opened(state: &mut State, id: DocumentId, path: &Path, report: Report, effects: &mut Vec<Effect>) {
    if let Some(journal) = loading(state, id).and_then(|loading| loading.recovers.take()) {
        return effects.push(Effect::Recover(id, journal, RecoverFor::Apply));
    }
    go_back(state, id, effects);
    state.dialog = Some(Dialog::Trouble(report));
    if state.recent.iter().any(|known| known == path) {
        state.recent.retain(|known| known != path);
        effects.push(super::store_settings(state));
    }
}

/// Shows the system's dialog, one at a time.
pub fn pick(state: &mut State, purpose: PickPurpose, now: &Now, effects: &mut Vec<Effect>) {
    if state.picking || state.dialog.is_some() {
        return stay_open(state);
    }
    if purpose == PickPurpose::Open && !may_replace(state, now) {
        return;
    }
    (state.picking, state.picked_for) = (true, state.tab().map(|tab| tab.id));
    let near = state.session().and_then(|session| session.path.clone()).or_else(|| state.recent.first().cloned());
    let suggested = match purpose {
        PickPurpose::SaveCopy => Some(near.unwrap_or_default().with_file_name(suggested_name(state))),
        _ => near,
    };
    effects.push(Effect::Pick(purpose, suggested));
}

fn suggested_name(state: &State) -> String {
    match state.session() {
        Some(session) if session.path.is_none() => match session.name.strip_suffix(".json") {
            Some(stem) => format!("{stem}.json"),
            None => format!("{}.json", session.name.to_lowercase()),
        },
        Some(session) => {
            let (stem, ending) = session.name.rsplit_once('.').unwrap_or((&session.name, "json"));
            format!("{stem} copy.{ending}")
        }
        None => "untitled.json".to_owned(),
    }
}

/// A file was picked, or the dialog was closed.
pub fn picked(state: &mut State, purpose: PickPurpose, path: Option<PathBuf>, now: &Now, effects: &mut Vec<Effect>) {
    state.picking = false;
    let asked = state.picked_for.take();
    let Some(path) = path else {
        state.close_after_save = false;
        return;
    };
    let shown = state.tab().map(|tab| tab.id);
    if let Some(asked) = asked
        && purpose != PickPurpose::Open
        && shown != Some(asked)
    {
        state.close_after_save = false;
        if let Some(session) = state.session_mut() {
            session.notice = Some("That file was chosen for another document. Nothing was done.".to_owned());
        }
        return;
    }
    match purpose {
        PickPurpose::Open => open(state, vec![path], now, effects),
        PickPurpose::SaveCopy => save::save_to(state, path, now, effects),
        PickPurpose::ReplaceValue => {
            let (id, number) = (state.tab().map(|tab| tab.id), state.number());
            if let (Some(id), Some(session)) = (id, state.session_mut()) {
                session.awaits_value = Some((number, session.history.current().id));
                let (document, place) = (session.document().clone(), session.view.selection.clone());
                effects.push(Effect::ReadValue { id, number, file: path, document, place });
            }
        }
    }
}

/// An answer to the dialog that is shown.
pub fn answer(state: &mut State, answer: Answer, now: &Now, effects: &mut Vec<Effect>) {
    match (answer, state.dialog.take()) {
        // What is not valid yet is told, and the window stays.
        (Answer::Save, Some(Dialog::Close)) if !edits::is_settled(state, now) => {}
        (Answer::Save, Some(Dialog::Close)) => save_and_close(state, now, effects),
        (Answer::DoNotSave, Some(Dialog::Close)) => {
            state.closing = true;
            effects.push(Effect::CloseWindow);
        }
        (Answer::Path(text), Some(Dialog::Path { purpose, .. })) if !text.trim().is_empty() => {
            picked(state, purpose, Some(PathBuf::from(text)), now, effects);
        }
        (Answer::CloseNow, Some(Dialog::ClosingAfterSave)) => {
            (state.closing, state.recover_later) = (true, true);
            effects.push(Effect::CloseWindow);
        }
        (Answer::OpenAnyway, Some(Dialog::Memory { path, .. })) if may_replace(state, now) => {
            let id = show(state, Content::Loading(Loading::new(path.clone())));
            effects.push(Effect::OpenAnyway(id, path));
        }
        (Answer::Cancel, Some(Dialog::Memory { path, .. })) => {
            let waits = |tab: &&Tab| matches!(&tab.content, Content::Loading(loading) if loading.path == path);
            if let Some(id) = state.tab().filter(waits).map(|tab| tab.id) {
                go_back(state, id, effects);
            }
        }
        (Answer::Recover, Some(Dialog::Recover)) => recovery::recover(state, RecoverFor::Apply, effects),
        (Answer::CompareRecovered, Some(Dialog::Recover)) => recovery::recover(state, RecoverFor::Compare, effects),
        (Answer::Discard, Some(Dialog::Recover)) => recovery::discard(state, effects),
        (Answer::Path(_), Some(dialog @ Dialog::Path { .. })) => state.dialog = Some(dialog),
        (Answer::Path(text), Some(Dialog::GoTo { .. })) => navigate::go_to(state, text, effects),
        (Answer::TypePath(text), Some(Dialog::GoTo { .. })) => {
            // What is being looked up is not asked for any more.
            effects.extend(state.tab().map(|tab| Effect::StopTask(tab.id, Task::Resolve)));
            state.dialog = Some(Dialog::GoTo { text, problem: None });
        }
        (Answer::Cancel, Some(Dialog::GoTo { .. })) => {
            effects.extend(state.tab().map(|tab| Effect::StopTask(tab.id, Task::Resolve)));
        }
        (Answer::TypePath(text), Some(Dialog::Path { purpose, why, .. })) => {
            state.dialog = Some(Dialog::Path { purpose, text, why })
        }
        (Answer::Cancel, Some(Dialog::ClosingAfterSave | Dialog::Close | Dialog::Path { .. })) => state.close_after_save = false,
        _ => {}
    }
}

/// *Save* in the question about closing: what is at stake is saved, and then the window closes.
fn save_and_close(state: &mut State, now: &Now, effects: &mut Vec<Effect>) {
    let Some(session) = state.session() else {
        state.close_after_save = true;
        return mend::read_again(state, Then::Save, now, effects);
    };
    let is_saving = session.saving.is_some();
    let (is_deleted, is_other) = (session.is_deleted(), session.is_version || session.closing_loses() == Some(Loss::Replaced));
    state.close_after_save = true;
    match () {
        // One that began by itself meanwhile.
        () if is_saving => state.dialog = Some(Dialog::ClosingAfterSave),
        () if is_other => pick(state, PickPurpose::SaveCopy, now, effects),
        () if is_deleted => save::save_again(state, now, effects),
        () => save::save(state, now, effects),
    }
}

/// Closes the window, or asks.
pub fn close(state: &mut State, now: &Now, effects: &mut Vec<Effect>) {
    if !edits::is_settled(state, now) {
        return;
    }
    let (saving, unsaved) = match state.session() {
        Some(session) => (session.saving.is_some(), session.closing_loses().is_some()),
        None => (false, mend::is_mended(state)),
    };
    if saving {
        state.close_after_save = true;
        state.dialog = Some(Dialog::ClosingAfterSave);
    } else if unsaved {
        state.dialog = Some(Dialog::Close);
    } else {
        state.closing = true;
        effects.push(Effect::CloseWindow);
    }
}

/// Escape: the field in the row, a save, an opening, the find bar, the list of differences.
pub fn cancel(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(Tab { id, content: Content::Loading(loading) }) = state.tabs.get_mut(state.active) {
        // Who wanted to search and did not wait does not mean the file.
        if !std::mem::take(&mut loading.finds) {
            effects.push(Effect::StopOpening(*id));
        }
        return;
    }
    if let Some(Tab { id, content: Content::Broken { .. } }) = state.tab() {
        effects.push(Effect::StopTask(*id, Task::Mend));
        return;
    }
    if state.session().is_some_and(|session| session.editor.is_some()) {
        return edits::abandon(state);
    }
    if let Some(session) = state.session_mut()
        && session.merging.as_mut().is_some_and(|merging| merging.editor.take().is_some())
    {
        return;
    }
    if state.session().is_some_and(|session| session.saving.is_some()) {
        return save::stop_save(state, effects);
    }
    let id = state.tab().map(|tab| tab.id);
    if let (Some(id), Some(session)) = (id, state.session_mut()) {
        match session.find.is_open {
            true => crate::state::find::close(session, id, effects),
            false => session.differences = None,
        }
    }
}

/// After a save: closes if that was what it was for. `kept` is the revision that is in a copy now.
pub fn close_if_asked(state: &mut State, kept: Option<RevisionId>, effects: &mut Vec<Effect>) {
    if !state.close_after_save {
        return;
    }
    state.close_after_save = false;
    if matches!(state.dialog, Some(Dialog::ClosingAfterSave)) {
        state.dialog = None;
    }
    let is_safe = |session: &Session| {
        let is_kept = session.closing_loses().is_none() || kept == Some(session.history.current().id);
        is_kept && session.editor.is_none()
    };
    if state.session().is_none_or(is_safe) {
        state.closing = true;
        effects.push(Effect::CloseWindow);
    } else {
        // Typed on while it was being saved.
        state.dialog = Some(Dialog::Close);
    }
}

/// A save failed: the window stays.
pub fn stay_open(state: &mut State) {
    state.close_after_save = false;
    if matches!(state.dialog, Some(Dialog::ClosingAfterSave)) {
        state.dialog = None;
    }
}

/// The purpose of a save to `path`.
pub fn purpose_of(session: &Session, path: &Path) -> Purpose {
    match &session.path {
        None => Purpose::First(path.to_owned()),
        Some(_) => Purpose::Copy(path.to_owned()),
    }
}
