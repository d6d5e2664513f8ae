//! Meeting the versions of others: what comes on the disk, what differs, what is loaded.

use super::super::on_disk::{Differing, Follow, OnDisk, Status, Theirs, Unread};
use super::super::session::{Base, Differences, LARGE, Loaded, Session, View};
use super::super::{Content, DocumentId, State};
use super::{CompareFor, Effect, Now, current, files, mend, navigate};
use crate::document::path::map_all;
use crate::document::{Comparison, Difference, Document, History, Path, RevisionId, Step};
use crate::state::format::{byte_size, differs};
use crate::state::journal::Note;
use crate::storage::{Record, Version};

/// Another version is on the disk.
pub fn changed(state: &mut State, id: DocumentId, version: Version, document: Document, now: &Now, effects: &mut Vec<Effect>) {
    if replace_broken(state, id, version, &document, effects) {
        return;
    }
    let Some(session) = state.session_of(id) else { return };
    // An own version from before a later save, read before that and told after it: what is there now is looked at once more. Only
    // once, for the clock may have been set back.
    if let Some(known) = session.known_on_disk()
        && version.stamp.seen_ns < known.stamp.seen_ns
        && session.bases.iter().any(|(digest, _)| *digest == Some(version.digest))
        && session.late.replace(version.digest) != Some(version.digest)
    {
        effects.extend(session.watch(id, known));
        return;
    }
    session.late = None;
    session.is_passed_over = false;
    // After the save the file is watched anew, from what the save left.
    if session.saving.is_some() {
        session.missed = true;
        return;
    }
    let follows = session.is_about_to_load()
        || match &session.on_disk {
            OnDisk::Gone(before) | OnDisk::Unread { before, .. } => {
                before.is_none() || *before == session.history.base().digest()
            }
            OnDisk::Base | OnDisk::Known(_) => session.status_of_disk() == Status::Saved,
        };
    let theirs = Theirs::new(document, version, now);
    if session.history.base().digest() == Some(version.digest) {
        session.on_disk = OnDisk::Known(theirs);
        session.history.rebase(Base::Version(version));
        session.failure = None;
        return;
    }
    // At once, or on the way to load it.
    session.on_disk = OnDisk::Known(Theirs { differing: Differing::Counting, ..theirs });
    session.due = Some(if follows && session.unsaved() == 0 { Follow::Load } else { Follow::Count });
}

/// Compares the newest version on the disk where that is due; what is to be loaded waits until no field is open.
pub fn follow_if_due(state: &mut State, effects: &mut Vec<Effect>) {
    let Some((id, session)) = current(state) else { return };
    let Some(due) = session.due.filter(|due| session.following.is_none() && (*due == Follow::Count || session.can_load())) else {
        return;
    };
    session.due = None;
    let Some(theirs) = session.theirs().cloned() else { return };
    let (mine, other) = (session.document().root().clone(), theirs.document.root().clone());
    let version = theirs.version;
    let purpose = if due == Follow::Load && session.unsaved() == 0 {
        session.following = Some(Follow::Load);
        CompareFor::Load { revision: session.history.current().id, version, document: theirs.document }
    } else {
        session.following = Some(Follow::Count);
        let (revision, mine) = (session.history.current().id, session.document().clone());
        CompareFor::Count { revision, mine, version, is_same: false }
    };
    effects.push(Effect::Compare(id, mine, other, purpose));
}

/// A broken text that another program mended, and nobody here touched.
fn replace_broken(state: &mut State, id: DocumentId, version: Version, document: &Document, effects: &mut Vec<Effect>) -> bool {
    let Some(tab) = state.tabs.iter_mut().find(|tab| tab.id == id) else { return false };
    let Content::Broken { path, broken } = &tab.content else { return false };
    if !broken.is_busy() {
        let path = path.clone();
        let opens_versions = state.opens_versions;
        let history = History::new(document.clone(), Base::Version(version), View::first());
        tab.show(Content::Ready(Box::new(files::session_at(&path, history, opens_versions))));
        effects.push(Effect::Watch(id, path.clone(), version));
        effects.push(Effect::FindUnsaved(Some((id, path.clone()))));
        files::remember(state, &path, effects);
    }
    true
}

/// The same content has other metadata, or is there again.
pub fn touched(state: &mut State, id: DocumentId, version: Version, read_only: bool, now: &Now, effects: &mut Vec<Effect>) {
    let Some(session) = state.session_of(id) else { return };
    session.read_only = read_only || session.is_version;
    session.is_passed_over = false;
    let is_base = session.history.base().digest() == Some(version.digest);
    if is_base {
        session.history.rebase(Base::Version(version));
        // Nobody disagrees any more.
        session.failure.take_if(|failure| !failure.tries_again);
    }
    match &mut session.on_disk {
        OnDisk::Known(theirs) if theirs.version.digest == version.digest => theirs.version = version,
        OnDisk::Gone(_) | OnDisk::Unread { .. } if is_base => {
            let document = session.base_document();
            session.on_disk = document.map_or(OnDisk::Base, |document| OnDisk::Known(Theirs::new(document, version, now)));
        }
        // It is read once more: its text is not here any more.
        OnDisk::Gone(_) | OnDisk::Unread { .. } => {
            let base = if let Base::Version(base) = session.history.base() { *base } else { Version::of_nothing() };
            effects.extend(session.watch(id, base));
        }
        _ => {}
    }
}

/// The file is gone. What is shown stays.
pub fn gone(state: &mut State, id: DocumentId) {
    let Some(session) = state.session_of(id) else { return };
    session.is_passed_over = false;
    if session.saving.is_some() {
        session.missed = true;
    } else {
        session.on_disk = OnDisk::Gone(session.read_last());
    }
}

/// What is on the disk can't be shown at the moment. What is shown stays.
pub fn unread(state: &mut State, id: DocumentId, version: Version, why: Unread, effects: &mut Vec<Effect>) {
    let Some(session) = state.session_of(id) else {
        // Of one that there is no memory for there is nothing else to show.
        if matches!(why, Unread::NotJson(..)) {
            mend::open_again(state, id, version, effects);
        }
        return;
    };
    session.is_passed_over = false;
    if session.saving.is_some() {
        session.missed = true;
    } else {
        session.on_disk = OnDisk::Unread { version, why, before: session.read_last() };
    }
}

/// Loads theirs; the way there is a comparison, which says how positions move.
pub fn take_theirs(state: &mut State, effects: &mut Vec<Effect>) {
    let Some((id, session)) = current(state) else { return };
    let Some(theirs) = session.theirs().cloned() else { return };
    let (mine, other) = (session.document().root().clone(), theirs.document.root().clone());
    let purpose = CompareFor::Take { revision: session.history.current().id, version: theirs.version, document: theirs.document };
    effects.push(Effect::Compare(id, mine, other, purpose));
}

/// Lists what differs.
pub fn compare(state: &mut State, effects: &mut Vec<Effect>) {
    let Some((id, session)) = current(state) else { return };
    let Some(theirs) = session.theirs().cloned() else { return };
    let mine = session.document().clone();
    let purpose = CompareFor::List { mine: mine.clone(), theirs: theirs.document.clone(), label: "Theirs".to_owned() };
    effects.push(Effect::Compare(id, mine.root().clone(), theirs.document.root().clone(), purpose));
}

/// Two documents were compared.
pub fn compared(state: &mut State, id: DocumentId, purpose: CompareFor, comparison: Comparison, now: &Now) {
    let Some(session) = state.session_of(id) else { return };
    match purpose {
        CompareFor::Count { revision, mine, version, is_same } => {
            session.following = None;
            if is_same && session.can_load() && session.theirs().is_some_and(|theirs| theirs.version.digest == version.digest) {
                return is_on_disk(session, revision, version, mine, now);
            }
            match &mut session.on_disk {
                OnDisk::Known(theirs) if theirs.version.digest == version.digest => {
                    theirs.differing = Differing::Count(comparison.total);
                }
                // A newer one came meanwhile.
                _ => session.due = session.due.or(session.theirs().map(|_| Follow::Count)),
            }
        }
        CompareFor::List { mine, theirs, label } => {
            let list = comparison.differences.into();
            session.differences = Some(Differences { list, total: comparison.total, mine, theirs, label });
        }
        CompareFor::Load { revision, version, document } => {
            session.following = None;
            // Where the disk went back to what is shown there is nothing to load.
            let is_other = session.theirs().is_some();
            if is_other && session.history.current().id == revision && session.unsaved() == 0 && session.can_load() {
                let when = now.clock(version.stamp.modified_ns);
                let text = format!("Changed on disk at {when}, loaded. {}.", differs(&comparison));
                load(session, version, document, comparison, text, now);
            } else {
                // Who went back to an earlier revision meanwhile is asked.
                let is_shown = session.history.current().id == revision;
                session.due = is_other.then_some(if is_shown { Follow::Load } else { Follow::Count });
            }
        }
        CompareFor::Take { revision, version, document } => {
            let is_theirs = session.theirs().is_some() || matches!(session.on_disk, OnDisk::Gone(_) | OnDisk::Unread { .. });
            if !is_theirs {
                // The disk went back to what the document stands on.
            } else if session.history.current().id == revision && session.can_load() {
                let text = format!("Their version is loaded; {}. Undo brings yours back.", differs(&comparison).to_lowercase());
                load(session, version, document, comparison, text, now);
            } else {
                session.notice = Some("The document was edited in the meantime. Take their version once more.".to_owned());
            }
        }
    }
}

/// Another program wrote what a revision here has, byte for byte: nobody disagrees, and there is nothing left to save.
fn is_on_disk(session: &mut Session, revision: RevisionId, version: Version, document: Document, now: &Now) {
    session.is_in_file(revision, version, document, now);
    session.metrics.unsaved_since_ms = (session.unsaved() > 0).then_some(now.ms);
    session.journal.note_if_begun(Note::Record(Record::Saved(revision.number(), version.digest)));
    (session.loaded, session.differences, session.failure, session.is_unconfirmed) = (None, None, None, false);
    if session.unsaved() == 0 {
        session.notice = Some("Another program wrote the same as is here: nothing is left to save.".to_owned());
    }
}

/// Another version becomes a revision of its own, with positions where they were. Where the disk has a newer one by now, that is
/// still to be met.
pub fn load(session: &mut Session, version: Version, document: Document, comparison: Comparison, text: String, now: &Now) {
    let is_newest = session.theirs().is_none_or(|theirs| theirs.version.digest == version.digest);
    let view_before = session.view.clone();
    let old_root = session.document().root().clone();
    let top = session.view.fold.row(&old_root, session.view.scroll.top_row).map(|row| row.path);
    let root = document.root().clone();
    let place = |path: &Path| {
        // Where nothing is known of what went where, things are as likely where they were.
        let mut path = if comparison.is_given_up { path.clone() } else { map_all(&comparison.shifts, path).into_path() };
        // Where very much changed the way there may end early.
        while document.node(&path).is_none() {
            path = path.parent().unwrap_or_default();
        }
        path
    };
    session.view.fold = session.view.fold.shifted(&root, &comparison.shifts);
    session.view.selection = place(&session.view.selection);
    if let Some(top) = top
        && let Some(row) = session.view.fold.row_of(&root, &place(&top))
    {
        session.view.scroll.top_row = row;
    }
    let first = comparison.differences.first().map(|difference| match difference {
        Difference::Changed { after, .. }
        | Difference::Added { after }
        | Difference::Moved { after, .. }
        | Difference::Renamed { after, .. } => after.clone(),
        Difference::Removed { before } => place(&before.parent().unwrap_or_default()),
    });
    session.find.moved(&comparison.shifts);
    let step =
        Step { document: document.clone(), label: "Load from disk".into(), shifts: comparison.shifts, view_before, group: None };
    session.history.load(step, Base::Version(version), now.ms);
    if comparison.is_given_up {
        navigate::reveal(session, &session.view.selection.clone());
    }
    session.stands_on(version.digest, document.clone());
    // Each beside the one before, where they have most in common.
    let mut other = &document;
    let held = session.history.earlier_texts().map(|earlier| {
        let beside = earlier.held_beside(std::mem::replace(&mut other, earlier));
        beside.min(earlier.held_beside(&document))
    });
    if held.sum::<u64>() >= LARGE {
        // A file that another program goes on writing must not fill the memory with what it was.
        session.history.forget_unedited();
        let spare = session.bases.len().saturating_sub(2);
        session.bases.drain(..spare);
    }
    session.journal.note_if_begun(Note::Load(version.digest, document.byte_len(), document.clone()));
    (session.metrics.unsaved_since_ms, session.is_unconfirmed) = (None, false);
    if is_newest && matches!(session.on_disk, OnDisk::Base | OnDisk::Known(_)) {
        session.on_disk = OnDisk::Known(Theirs::new(document, version, now));
    }
    session.due = session.theirs().map(|_| Follow::Load);
    session.is_passed_over = false;
    session.loaded = Some(Loaded { revision: session.history.current().id, text, first });
    (session.failure, session.differences, session.notice) = (None, None, None);
}

/// Frees what the version from before the last load holds.
pub fn forget_earlier(state: &mut State) {
    let Some(session) = state.session_mut() else { return };
    let freed = session.earlier_bytes();
    session.history.forget_earlier();
    let base = session.history.base().digest();
    session.bases.retain(|(digest, _)| *digest == base);
    // What was counted or compared holds its document, too.
    (session.loaded, session.differences, session.statistics) = (None, None, None);
    session.find.forget();
    session.notice = Some(match freed {
        0..1_000_000 => "The earlier version is forgotten.".to_owned(),
        more => format!("The earlier version is forgotten: {} are free again.", byte_size(more)),
    });
}

/// Selects the first value that a load changed.
pub fn show_change(state: &mut State) {
    let Some(session) = state.session_mut() else { return };
    if let Some(path) = session.loaded.as_ref().and_then(|loaded| loaded.first.clone()) {
        navigate::select(state, path);
    }
}
