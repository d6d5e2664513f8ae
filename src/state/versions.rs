//! The kept versions of a file, and what a document is made of.

use super::session::Session;
use super::update::{CompareFor, Effect, Now};
use super::{DocumentId, State};
use crate::document::{Document, Fragment, RevisionId, Shift, Statistics, Step};
use crate::state::journal::Note;
use crate::storage::Backup;
use std::sync::Arc;

/// The list of kept versions.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    /// Newest first; `None` while they are looked up.
    pub list: Option<Vec<Backup>>,
    /// Why there is no list.
    pub trouble: Option<String>,
    /// The one that is compared or read.
    pub selected: Option<usize>,
}

/// Counting under way, or done.
#[derive(Clone, Debug, Default)]
pub struct Counting {
    /// All counts.
    pub statistics: Option<Arc<Statistics>>,
    /// The document that is counted.
    pub document: Option<Document>,
}

/// What a kept version is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionFor {
    /// To list what differs from now.
    Compare,
    /// To bring it back, in place of this revision.
    Restore(RevisionId),
}

/// What a person does with a kept version, by its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionInput {
    /// Compare it with what is shown.
    Compare(usize),
    /// Open it in a window of its own.
    Open(usize),
    /// Bring it back.
    Restore(usize),
    /// Put the list away.
    Close,
}

/// *File history*.
pub(super) fn list(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(id) = state.tab().map(|tab| tab.id) else { return };
    let Some(session) = state.session_mut() else { return };
    if let Some(path) = session.path.clone() {
        session.versions = Some(Versions::default());
        (session.differences, session.statistics) = (None, None);
        effects.push(Effect::ListVersions(id, path));
    }
}

/// The list is there.
pub(super) fn listed(session: &mut Session, list: Result<Vec<Backup>, String>) {
    let Some(versions) = &mut session.versions else { return };
    match list {
        Ok(list) => versions.list = Some(list.into_iter().rev().collect()),
        Err(why) => versions.trouble = Some(why),
    }
}

/// A person did something with a version.
pub(super) fn take(state: &mut State, input: VersionInput, effects: &mut Vec<Effect>) {
    let Some(id) = state.tab().map(|tab| tab.id) else { return };
    let Some(session) = state.session_mut() else { return };
    let Some(versions) = &mut session.versions else { return };
    let backup = |number: usize| versions.list.as_ref().and_then(|list| list.get(number)).cloned();
    match input {
        VersionInput::Close => session.versions = None,
        VersionInput::Open(number) => effects.extend(backup(number).map(|backup| Effect::OpenVersion(backup.path))),
        VersionInput::Compare(number) | VersionInput::Restore(number) => {
            let revision = session.history.current().id;
            let purpose =
                if matches!(input, VersionInput::Compare(_)) { VersionFor::Compare } else { VersionFor::Restore(revision) };
            if let Some(backup) = backup(number) {
                versions.selected = Some(number);
                effects.push(Effect::ReadVersion(id, backup, purpose));
            }
        }
    }
}

/// A version was read.
pub(super) fn read(
    session: &mut Session,
    id: DocumentId,
    backup: &Backup,
    purpose: VersionFor,
    fragment: Result<Arc<Fragment>, String>,
    now: &Now,
    effects: &mut Vec<Effect>,
) -> bool {
    let fragment = match fragment {
        Ok(fragment) => fragment,
        Err(why) => {
            session.notice = Some(why);
            return false;
        }
    };
    let document = Document::of(&fragment);
    match purpose {
        VersionFor::Compare => {
            let mine = session.document().clone();
            let purpose = CompareFor::List { mine: mine.clone(), theirs: document.clone(), label: version_label(backup, now) };
            effects.push(Effect::Compare(id, mine.root().clone(), document.root().clone(), purpose));
            false
        }
        VersionFor::Restore(revision) if session.history.current().id != revision || !session.can_load() => {
            session.notice = Some("The document was edited while that version was read. Restore it once more.".to_owned());
            false
        }
        VersionFor::Restore(_) => {
            restore(session, document, &version_label(backup, now), now);
            true
        }
    }
}

/// A version's time for people.
pub fn version_label(backup: &Backup, now: &Now) -> String {
    now.day_and_clock(backup.time.as_nanosecond())
}

/// An edit like any other: it can be undone, and is saved like others.
fn restore(session: &mut Session, document: Document, label: &str, now: &Now) {
    let view_before = session.view.clone();
    let shifts = vec![Shift::Replaced(crate::document::Path::root())];
    session.view.fold = session.view.fold.shifted(document.root(), &shifts);
    session.view.selection = crate::document::Path::root();
    session.find.moved(&shifts);
    let step = Step { document, label: "Restore version".into(), shifts, view_before, group: None };
    session.history.push(step, now.ms);
    session.metrics.edited(now.ms);
    session.journal.outgoing.push(Note::Snapshot);
    session.loaded = None;
    session.notice = Some(format!("The version of {label} is back. Undo leads to what was there."));
}

/// *Statistics*.
pub(super) fn count(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(id) = state.tab().map(|tab| tab.id) else { return };
    let Some(session) = state.session_mut() else { return };
    let document = session.document().clone();
    session.statistics = Some(Counting { document: Some(document.clone()), ..Counting::default() });
    (session.differences, session.versions) = (None, None);
    effects.push(Effect::Count(id, document));
}

/// Everything is counted.
pub(super) fn counted(session: &mut Session, statistics: Statistics) {
    if let Some(counting) = &mut session.statistics {
        counting.statistics = Some(Arc::new(statistics));
    }
}
