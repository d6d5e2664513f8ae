//! Saving: what is ordered, and how it ended.

use super::super::on_disk::Status;
use super::super::session::{Base, Failure, Purpose, Saving, Session};
use super::super::{DocumentId, State};
use super::{Effect, Now, PickPurpose, SaveOrder, current, files};
use crate::state::SaveEnd;
use crate::state::journal::{EndOfJournal, Note};
use crate::storage::{Digest, Expected, Record, Stamp, Version};
use std::path::PathBuf;

const STOPPED: &str = "The save was stopped. Nothing was written.";

/// The ordinary save. A document without a file asks where.
pub fn save(state: &mut State, now: &Now, effects: &mut Vec<Effect>) {
    let Some((id, session)) = current(state) else { return };
    if session.saving.is_some() || session.editor.is_some() || session.is_version {
        return files::stay_open(state);
    }
    if session.path.is_none() {
        return files::pick(state, PickPurpose::SaveCopy, now, effects);
    }
    // Nothing to write, and nobody to disagree with.
    if session.unsaved() == 0 && session.status_of_disk() == Status::Saved && !session.is_unconfirmed {
        return files::close_if_asked(state, None, effects);
    }
    begin(id, session, Purpose::Save, now, effects);
}

/// Orders a save of the document as it is now.
pub fn begin(id: DocumentId, session: &mut Session, purpose: Purpose, now: &Now, effects: &mut Vec<Effect>) {
    let revision = session.history.current();
    let mut saving = Saving {
        revision: revision.id,
        document: revision.document.clone(),
        purpose: purpose.clone(),
        since_ms: now.ms,
        step: String::new(),
        progress: None,
        waits_for_digest: false,
    };
    let own = session.path.clone();
    let (path, expected) = match (&purpose, session.history.base()) {
        (Purpose::Copy(path) | Purpose::First(path), _) => (path.clone(), Expected::Anything),
        (Purpose::Again, _) => (own.clone().unwrap_or_default(), Expected::Nothing),
        (Purpose::KeepMine, _) => match session.known_on_disk() {
            Some(version) => (own.clone().unwrap_or_default(), Expected::Version(version)),
            None => return,
        },
        (Purpose::Save, Base::Version(version)) => (own.clone().unwrap_or_default(), Expected::Version(*version)),
        (Purpose::Save, Base::New) => (own.clone().unwrap_or_default(), Expected::Nothing),
        (Purpose::Save, Base::Read(_)) => {
            saving.waits_for_digest = true;
            session.saving = Some(saving);
            return;
        }
    };
    session.journal.note_if_begun(Note::Record(Record::Mark(saving.revision.number())));
    effects.push(Effect::Save(SaveOrder {
        keeps_backup: session.keeps_backup,
        id,
        path,
        expected,
        document: saving.document.clone(),
        revision: saving.revision,
        purpose,
        own,
    }));
    session.failure = None;
    session.saving = Some(saving);
}

/// There is no room for a backup, and the person goes on without.
pub fn save_without_backup(state: &mut State, now: &Now, effects: &mut Vec<Effect>) {
    let Some((id, session)) = current(state) else { return };
    if let Some(failure) = session.failure.take() {
        session.keeps_backup = false;
        begin(id, session, failure.purpose, now, effects);
        session.keeps_backup = true;
    }
}

/// A copy, or the first save of a new document.
pub fn save_to(state: &mut State, path: PathBuf, now: &Now, effects: &mut Vec<Effect>) {
    let Some((id, session)) = current(state) else { return };
    if session.saving.is_some() {
        session.notice = Some("Nothing was written there, since another save ran. Choose the file once more.".to_owned());
        return files::stay_open(state);
    }
    let purpose = files::purpose_of(session, &path);
    begin(id, session, purpose, now, effects);
}

/// Mine over theirs, as it was shown.
pub fn keep_mine(state: &mut State, now: &Now, effects: &mut Vec<Effect>) {
    if let Some((id, session)) = current(state) {
        begin(id, session, Purpose::KeepMine, now, effects);
    }
}

/// A file that was deleted comes back.
pub fn save_again(state: &mut State, now: &Now, effects: &mut Vec<Effect>) {
    if let Some((id, session)) = current(state) {
        begin(id, session, Purpose::Again, now, effects);
    }
}

/// What failed is tried once more.
pub fn retry(state: &mut State, now: &Now, effects: &mut Vec<Effect>) {
    let Some((id, session)) = current(state) else { return };
    if let Some(failure) = session.failure.take() {
        // What was deleted may be there again: then it is not to be made anew.
        let purpose = match failure.purpose {
            Purpose::Again if !session.is_deleted() => Purpose::Save,
            purpose => purpose,
        };
        begin(id, session, purpose, now, effects);
    }
}

/// After a failed save the next edit tries again.
pub fn retry_after_edit(state: &mut State, now: &Now, effects: &mut Vec<Effect>) {
    let Some((id, session)) = current(state) else { return };
    let revision = session.history.current().id;
    let due = session
        .failure
        .as_ref()
        .is_some_and(|failure| failure.purpose == Purpose::Save && failure.tries_again && failure.revision != revision);
    if due && session.saving.is_none() && session.editor.is_none() && session.unsaved() > 0 {
        begin(id, session, Purpose::Save, now, effects);
    }
}

/// Stops the save that runs, if that is still possible.
pub fn stop_save(state: &mut State, effects: &mut Vec<Effect>) {
    let Some((id, session)) = current(state) else { return };
    // One that waits for the digest was not ordered yet.
    if session.saving.take_if(|saving| saving.waits_for_digest).is_some() {
        session.notice = Some(STOPPED.to_owned());
        return files::stay_open(state);
    }
    effects.push(Effect::StopSave(id));
}

/// The digest of the text that was read: from now on it can be saved and watched.
pub fn digest(state: &mut State, id: DocumentId, stamp: Stamp, digest: Digest, now: &Now, effects: &mut Vec<Effect>) {
    let Some(session) = state.session_of(id) else { return };
    if *session.history.base() != Base::Read(stamp) {
        return;
    }
    let version = Version { stamp, digest };
    session.history.rebase(Base::Version(version));
    session.bases.iter_mut().filter(|(known, _)| known.is_none()).for_each(|(known, _)| *known = Some(digest));
    session.journal.note_if_begun(Note::Record(Record::Base(digest)));
    effects.extend(session.watch(id, version));
    if session.saving.as_ref().is_some_and(|saving| saving.waits_for_digest) {
        session.saving = None;
        begin(id, session, Purpose::Save, now, effects);
    }
}

/// A save ended.
pub fn ended(state: &mut State, id: DocumentId, end: SaveEnd, now: &Now, effects: &mut Vec<Effect>) {
    let Some(session) = state.session_of(id) else { return };
    let saving = session.saving.take();
    let replaced = matches!(&end, SaveEnd::Saved { purpose, .. } if !matches!(purpose, Purpose::Copy(_)));
    if std::mem::take(&mut session.missed) && !replaced {
        effects.extend(session.known_on_disk().and_then(|version| session.watch(id, version)));
    }
    match end {
        SaveEnd::Saved { version, purpose, revision, remark, is_confirmed, timing } => {
            session.failure = None;
            session.metrics.timed(timing);
            session.notice = remark;
            if let Purpose::Copy(path) = &purpose {
                let text = format!("A copy was saved as {}.", path.display());
                session.notice = Some(session.notice.take().map_or(text.clone(), |remark| format!("{text} {remark}")));
            } else {
                if let Purpose::First(path) = &purpose {
                    session.path = Some(path.clone());
                    session.name = super::super::file_name(path);
                }
                session.loaded = None;
                session.read_only = false;
                session.is_unconfirmed = !is_confirmed;
                let document = saving.map_or_else(|| session.document().clone(), |saving| saving.document);
                session.is_in_file(revision, version, document, now);
                session.metrics.saved(session.unsaved() > 0, now.ms);
                if matches!(purpose, Purpose::First(_)) {
                    // The journal did not know the file: it begins anew.
                    session.journal.begun = false;
                    session.journal.outgoing.clear();
                    match session.unsaved() {
                        0 if is_confirmed => {
                            session.journal.trouble = None;
                            effects.push(Effect::EndJournal(id, EndOfJournal::Saved));
                        }
                        // The new one takes the place of the one before.
                        _ => session.journal.outgoing.push(Note::Snapshot),
                    }
                } else if is_confirmed {
                    session.journal.note_if_begun(Note::Record(Record::Saved(revision.number(), version.digest)));
                }
                session.last_save = Some(now.clock_with_seconds(now.unix_ns));
                session.differences = None;
                let path = session.path.clone().unwrap_or_default();
                effects.push(Effect::Watch(id, path.clone(), version));
                if matches!(purpose, Purpose::First(_)) {
                    files::remember(state, &path, effects);
                }
            }
            let kept = matches!(purpose, Purpose::Copy(_)).then_some(revision);
            files::close_if_asked(state, kept, effects);
        }
        SaveEnd::Failed { report, purpose, is_conflict, is_cancelled, needs_backup, timing } => {
            session.metrics.timed(timing);
            if is_cancelled {
                session.notice = Some(STOPPED.to_owned());
            } else {
                let revision = saving.map_or(session.history.current().id, |saving| saving.revision);
                session.metrics.failed(is_conflict, !is_conflict && purpose == Purpose::Save, now.ms);
                session.failure = Some(Failure { report, purpose, revision, tries_again: !is_conflict, needs_backup });
            }
            // What is on the disk is looked at now, not at the next turn.
            effects.push(Effect::LookNow);
            files::stay_open(state);
        }
    }
}
