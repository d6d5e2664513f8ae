//! Texts that are not JSON: shown, mended, read again, saved.

use super::super::on_disk::OnDisk;
use super::super::session::{Base, View};
use super::super::{Broken, Content, DocumentId, Loading, Progress, State, Tab, Then};
use super::files::{LARGE, came_from, remember, session_at, stay_open};
use super::{Effect, Now, save};
use crate::document::{Document, Fragment, History, Problem};
use crate::state::journal::Note;
use crate::storage::Version;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file is not JSON: it is shown where it stops being that.
pub fn not_json(
    state: &mut State,
    id: DocumentId,
    path: PathBuf,
    bytes: Arc<Vec<u8>>,
    version: Version,
    problem: Problem,
    effects: &mut Vec<Effect>,
) {
    let number = state.number();
    let base = Base::Version(version);
    effects.push(Effect::Watch(id, path.clone(), version));
    effects.push(Effect::FindUnsaved(Some((id, path.clone()))));
    if let Some(tab) = state.tabs.iter_mut().find(|tab| tab.id == id) {
        tab.content = Content::Broken { path, broken: Box::new(Broken::new(bytes, base, problem, number)) };
    }
}

/// Whether what is shown is no JSON, and a person mended something in it.
pub fn is_mended(state: &State) -> bool {
    state.broken().is_some_and(Broken::is_touched)
}

/// Another text that is not JSON came in the place of one that nobody touched: it is opened.
pub fn open_again(state: &mut State, id: DocumentId, version: Version, effects: &mut Vec<Effect>) {
    let Some(tab) = state.tabs.iter_mut().find(|tab| tab.id == id) else { return };
    if let Content::Broken { path, broken } = &tab.content
        && !broken.is_busy()
        && !matches!(broken.base, Base::Version(base) if base.digest == version.digest)
    {
        let path = path.clone();
        read_anew(tab, path, effects);
    }
}

/// Opens the file of a text that is not JSON once more, under the same name. Where that comes to nothing it is shown again.
pub(in crate::state) fn read_anew(tab: &mut Tab, path: PathBuf, effects: &mut Vec<Effect>) {
    let loading = Content::Loading(Loading::new(path.clone()));
    let before = Tab { id: tab.id, content: std::mem::replace(&mut tab.content, loading) };
    if let Content::Loading(loading) = &mut tab.content {
        loading.came_from = came_from(before);
    }
    effects.push(Effect::Open(tab.id, path));
}

/// The excerpt changed.
pub fn mend(state: &mut State, text: String, effects: &mut Vec<Effect>) {
    if let Some(Tab { id, content: Content::Broken { path, broken } }) = state.tabs.get_mut(state.active)
        && broken.reading.is_none()
    {
        if text == broken.original && broken.mends.is_empty() {
            // What another program wrote meanwhile was passed over.
            watch_broken(*id, path, &broken.base, effects);
        }
        (broken.excerpt, broken.is_refused, broken.journal.is_behind) = (text, false, true);
    }
}

/// The mended text is read. Where that is under way already it is still saved behind it, if that is asked for by now.
pub fn read_again(state: &mut State, then: Then, now: &Now, effects: &mut Vec<Effect>) {
    let Some(Tab { id, content: Content::Broken { broken, .. } }) = state.tabs.get_mut(state.active) else { return };
    if broken.reading.is_none() {
        // A long text is put together before anything is heard of it.
        let length = broken.bytes.len() as u64;
        broken.progress = (length > LARGE).then(|| Progress::new(0, length, now.ms));
        effects.push(Effect::ReadMended(*id, broken.mended()));
    }
    if broken.reading != Some(Then::Save) {
        broken.reading = Some(then);
    }
}

/// The mended text was read: a document with one unsaved change, or the next problem.
pub fn mended(
    state: &mut State,
    id: DocumentId,
    result: Result<Arc<Fragment>, (Arc<Vec<u8>>, Problem)>,
    now: &Now,
    effects: &mut Vec<Effect>,
) {
    let (number, opens_versions) = (state.number(), state.opens_versions);
    let Some(tab) = state.tabs.iter_mut().find(|tab| tab.id == id) else { return };
    let Content::Broken { path, broken } = &tab.content else { return };
    let (path, base) = (path.clone(), broken.base.clone());
    let saves = broken.reading == Some(Then::Save);
    let recoverable = broken.recoverable.clone();
    match result {
        Err((bytes, problem)) => {
            watch_broken(id, &path, &base, effects);
            let broken = Broken { is_refused: saves, ..broken.next(bytes, problem, number) };
            tab.show(Content::Broken { path, broken: Box::new(broken) });
            stay_open(state);
        }
        Ok(fragment) => {
            let history = History::unsaved(Document::of(&fragment), base.clone(), View::first());
            let mut session = session_at(&path, history, opens_versions);
            // What is on the disk is not JSON: the journal has the mended text as a whole.
            session.bases.clear();
            session.recoverable = recoverable;
            if matches!(base, Base::New) {
                // Its file was not there when it was recovered. Whatever comes there is told.
                session.on_disk = OnDisk::Gone(None);
            }
            session.journal.outgoing.push(Note::Snapshot);
            tab.show(Content::Ready(Box::new(session)));
            watch_broken(id, &path, &base, effects);
            remember(state, &path, effects);
            if saves {
                save::save(state, now, effects);
            }
        }
    }
}

/// Reading the mended text was stopped. What another program wrote meanwhile was passed over: the file is looked at once more.
pub fn mend_ended(state: &mut State, id: DocumentId, effects: &mut Vec<Effect>) {
    let Some(Tab { content: Content::Broken { path, broken }, .. }) = state.tabs.iter_mut().find(|tab| tab.id == id) else {
        return;
    };
    broken.task_ended();
    watch_broken(id, path, &broken.base, effects);
    stay_open(state);
}

/// What is on the disk is told, unless it is what the text stands on.
pub(in crate::state) fn watch_broken(id: DocumentId, path: &Path, base: &Base, effects: &mut Vec<Effect>) {
    let version = if let Base::Version(version) = base { *version } else { Version::of_nothing() };
    effects.push(Effect::Watch(id, path.to_owned(), version));
}
