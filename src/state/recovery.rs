//! Edits that an earlier run left unsaved: found, shown, made again or put away.

use super::merging::MergeOrder;
use super::on_disk::OnDisk;
use super::session::{Base, Session, View};
use super::update::{CompareFor, Effect, Now, read_anew, watch_broken};
use super::{Broken, Content, Dialog, DocumentId, Loading, State, Tab, file_name};
use crate::document::path::map_all;
use crate::document::{Document, History, Step};
use crate::state::journal::Note;
use crate::storage::{Found, Place, Recovery, Version};
use std::path::PathBuf;

const SAVE_FIRST: &str = "Save or undo what you edited since, then recover the edits from before.";
const IN_THE_FILE: &str = "All of these edits are in the file already.";

/// What a journal is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoverFor {
    /// To make its edits again.
    Apply,
    /// To show what they would change.
    Compare,
}

/// Journals were looked for: for a document that was just opened, or for all.
pub(super) fn found(state: &mut State, id: Option<DocumentId>, found: Vec<Found>) {
    let Some(id) = id else {
        state.unsaved = found;
        return;
    };
    let Some(tab) = state.tabs.iter_mut().find(|tab| tab.id == id) else { return };
    let Some(recoverable) = recoverable_mut(tab) else { return };
    *recoverable = found;
    if !recoverable.is_empty() && state.dialog.is_none() {
        state.dialog = Some(Dialog::Recover);
    }
}

fn recoverable_mut(tab: &mut Tab) -> Option<&mut Vec<Found>> {
    match &mut tab.content {
        Content::Ready(session) => Some(&mut session.recoverable),
        Content::Broken { broken, .. } => Some(&mut broken.recoverable),
        Content::Loading(_) => None,
    }
}

/// *Recover*, *Compare…* or *Discard* of the first one found.
pub(super) fn recover(state: &mut State, purpose: RecoverFor, effects: &mut Vec<Effect>) {
    let Some(id) = state.tab().map(|tab| tab.id) else { return };
    let Some(journal) = state.recoverable().first().map(|found| found.journal.clone()) else { return };
    if let Some(session) = state.session_mut().filter(|session| session.unsaved() > 0 && purpose == RecoverFor::Apply) {
        session.notice = Some(SAVE_FIRST.to_owned());
        return;
    }
    effects.push(Effect::Recover(id, journal, purpose));
}

/// Nobody wants them; they are kept aside for 30 days.
pub(super) fn discard(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(recoverable) = state.tabs.get_mut(state.active).and_then(recoverable_mut).filter(|list| !list.is_empty()) else {
        return;
    };
    let found = recoverable.remove(0);
    effects.push(Effect::DiscardJournal(found.journal));
    if !recoverable.is_empty() {
        state.dialog = Some(Dialog::Recover);
    }
}

/// One of the list on the start page: its file is opened, or it becomes a document without one.
pub(super) fn open_found(state: &mut State, number: usize, now: &Now, effects: &mut Vec<Effect>) {
    let Some(found) = state.unsaved.get(number).cloned() else { return };
    match &found.document {
        Some(path) => {
            super::update::open_files(state, vec![path.clone()], now, effects);
            if let Some(Tab { content: Content::Loading(loading), .. }) = state.tabs.get_mut(state.active) {
                loading.recovers = Some(found.journal);
            }
        }
        None => {
            let id = DocumentId(state.number());
            state.tabs = vec![Tab { id, content: Content::Loading(Loading::new(PathBuf::from(&found.name))) }];
            state.active = 0;
            effects.push(Effect::Recover(id, found.journal, RecoverFor::Apply));
        }
    }
}

/// A journal was read and held against the disk.
pub(super) fn recovered(
    state: &mut State,
    id: DocumentId,
    journal: PathBuf,
    purpose: RecoverFor,
    recovery: Result<Box<Recovery>, String>,
    now: &Now,
    effects: &mut Vec<Effect>,
) {
    let recovery = match recovery {
        Ok(recovery) => *recovery,
        Err(why) => return trouble(state, id, &why),
    };
    let (apart, number) = (DocumentId(state.number()), state.number());
    let Some(tab) = state.tabs.iter_mut().find(|tab| tab.id == id) else { return };
    if purpose == RecoverFor::Compare {
        return compare(tab, recovery, effects);
    }
    let is_busy = match &tab.content {
        Content::Ready(session) => session.closing_loses().is_some() || !session.can_load(),
        Content::Broken { broken, .. } => broken.is_busy(),
        Content::Loading(_) => false,
    };
    if is_busy && !matches!(recovery, Recovery::Nothing) {
        return tell(state, id, SAVE_FIRST);
    }
    match recovery {
        Recovery::Nothing => {
            if let Some(recoverable) = recoverable_mut(tab) {
                recoverable.retain(|found| found.journal != journal);
            }
            if let Content::Loading(Loading { path, .. }) = &tab.content {
                effects.push(Effect::Open(id, path.clone()));
            }
            effects.push(Effect::ForgetJournal(id, journal));
            tell(state, id, IN_THE_FILE);
        }
        Recovery::Fresh { document, place } => {
            if place == Place::Apart {
                // The file that was shown here is watched under the other name.
                tab.id = apart;
            }
            fresh(tab, document, place, effects);
            effects.push(Effect::ForgetJournal(tab.id, journal.clone()));
            state.unsaved.retain(|found| found.journal != journal);
        }
        Recovery::Broken(still) => {
            let (path, base) = match &still.place {
                Place::Broken(path, version) => (path.clone(), Base::Version(*version)),
                Place::Missing(path) => (path.clone(), Base::New),
                Place::Nowhere | Place::Apart => return,
            };
            watch_broken(id, &path, &base, effects);
            tab.show(Content::Broken { path, broken: Box::new(Broken::recovered(still, base, number)) });
            effects.push(Effect::ForgetJournal(id, journal.clone()));
            state.unsaved.retain(|found| found.journal != journal);
        }
        // The file was not there or not JSON, and is by now: it is opened, and then they are offered.
        Recovery::Steps { .. } | Recovery::Merge { .. } if !matches!(tab.content, Content::Ready(_)) => match &tab.content {
            Content::Loading(Loading { path, .. }) => effects.push(Effect::Open(id, path.clone())),
            Content::Broken { path, .. } => read_anew(tab, path.clone(), effects),
            Content::Ready(_) => {}
        },
        Recovery::Steps { on, steps, left } => {
            let Content::Ready(old) = &mut tab.content else { return };
            let (path, name) = (old.path.clone(), old.name.clone());
            let recoverable: Vec<Found> = old.recoverable.iter().filter(|found| found.journal != journal).cloned().collect();
            let document = Document::of(&on.fragment);
            let mut session = Session::new(path, name, History::new(document, Base::Version(on.version), old.view.clone()));
            session.view = old.view.clone();
            session.read_only = on.read_only;
            session.on_disk = OnDisk::Base;
            session.recoverable = recoverable;
            session.journal.handed = old.journal.handed;
            let count = steps.len();
            for ready in steps {
                let before = session.document().clone();
                let view_before = session.view.clone();
                session.view.fold = session.view.fold.shifted(ready.document.root(), &ready.shifts);
                session.view.selection = map_all(&ready.shifts, &session.view.selection).into_path();
                let step =
                    Step { document: ready.document, label: ready.label.into(), shifts: ready.shifts, view_before, group: None };
                session.history.push(step, now.ms);
                if ready.edits.is_empty() {
                    session.journal.outgoing.push(Note::Snapshot);
                }
                let mut between = before;
                for (number, edit) in ready.edits.iter().enumerate() {
                    session.note_edit(&between, edit, number > 0, now.unix_ns);
                    if number + 1 < ready.edits.len()
                        && let Ok(applied) = edit.apply(&between)
                    {
                        between = applied.document;
                    }
                }
            }
            if count > 0 {
                session.metrics.edited(now.ms);
            }
            let edits = if count == 1 { "1 edit is back. It is".to_owned() } else { format!("{count} edits are back. They are") };
            session.notice = (count > 0).then(|| format!("{edits} not saved yet."));
            effects.extend(session.watch(id, on.version));
            tab.content = Content::Ready(Box::new(session));
            effects.push(Effect::ForgetJournal(id, journal));
            if !left.is_empty() {
                state.dialog = Some(Dialog::Left(left));
            }
        }
        Recovery::Merge { base, mine, on } => {
            let Content::Ready(session) = &mut tab.content else { return };
            let (theirs, revision) = (Document::of(&on.fragment), session.history.current().id);
            let order = MergeOrder { base, mine, theirs, version: on.version, revision, journal: Some(journal) };
            effects.push(Effect::Merge(id, Box::new(order)));
        }
    }
}

/// A document that was recovered without what is on the disk takes the place of what is shown.
fn fresh(tab: &mut Tab, document: Document, place: Place, effects: &mut Vec<Effect>) {
    let name = match &tab.content {
        Content::Ready(session) => session.name.clone(),
        Content::Loading(Loading { path, .. }) | Content::Broken { path, .. } => file_name(path),
    };
    let mut on_disk = OnDisk::Base;
    let (base, path, notice) = match place {
        Place::Nowhere => (Base::New, None, "The edits are back. They are not saved yet."),
        Place::Missing(path) => {
            // Whatever comes there is told.
            on_disk = OnDisk::Gone(None);
            effects.push(Effect::Watch(tab.id, path.clone(), Version::of_nothing()));
            (Base::New, Some(path), "The edits are back. They are not saved yet.")
        }
        Place::Broken(path, version) => {
            effects.push(Effect::Watch(tab.id, path.clone(), version));
            (Base::Version(version), Some(path), "The mended text is back. It is not saved yet.")
        }
        Place::Apart => (
            Base::New,
            None,
            "Another program changed the file, and what the edits were made on is not to be had any more. They are back as a document \
             of their own.",
        ),
    };
    let mut session = Session::new(path, name, History::unsaved(document, base, View::first()));
    // It stands on nothing that could be told, but is in the journal as a whole.
    session.bases.clear();
    session.on_disk = on_disk;
    session.journal.outgoing.push(Note::Snapshot);
    session.notice = Some(notice.to_owned());
    tab.content = Content::Ready(Box::new(session));
}

fn compare(tab: &mut Tab, recovery: Recovery, effects: &mut Vec<Effect>) {
    let Content::Ready(session) = &mut tab.content else { return };
    let (mine, theirs) = match recovery {
        Recovery::Nothing => {
            session.notice = Some(IN_THE_FILE.to_owned());
            return;
        }
        // Only a window that shows no JSON, which compares nothing, has one of these.
        Recovery::Broken(_) => return,
        Recovery::Fresh { document, .. } => (document, session.document().clone()),
        Recovery::Steps { on, steps, .. } => {
            let disk = Document::of(&on.fragment);
            (steps.last().map_or_else(|| disk.clone(), |step| step.document.clone()), disk)
        }
        Recovery::Merge { mine, on, .. } => (mine, Document::of(&on.fragment)),
    };
    let purpose = CompareFor::List { mine: mine.clone(), theirs: theirs.clone(), label: "On disk".to_owned() };
    effects.push(Effect::Compare(tab.id, mine.root().clone(), theirs.root().clone(), purpose));
}

fn trouble(state: &mut State, id: DocumentId, why: &str) {
    tell(state, id, &format!("The edits can't be recovered now: {why}. They are kept."));
    state.tabs.retain(|tab| tab.id != id || !matches!(tab.content, Content::Loading(_)));
}

/// Tells something about a document, if it is still shown.
fn tell(state: &mut State, id: DocumentId, text: &str) {
    if let Some(session) = state.session_of(id) {
        session.notice = Some(text.to_owned());
    } else if state.tabs.iter().any(|tab| tab.id == id) {
        let report = super::session::Report { what: text.to_owned(), safe: String::new(), todo: String::new() };
        state.dialog = Some(Dialog::Trouble(report));
    }
}
