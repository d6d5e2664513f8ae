//! What was kept: unsaved edits of earlier runs, and the versions of a file; and counting on a snapshot.

use super::running::Running;
use super::{Outbox, Surroundings, Threads, absolute};
use crate::document::{Document, Statistics};
use crate::state::recovery::RecoverFor;
use crate::state::versions::VersionFor;
use crate::state::{DocumentId, Event};
use crate::storage::{self, Backup, Backups, Env, Settled, SystemClock};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long an opening waits for the lock, to finish a write that was interrupted.
const WAIT: Duration = Duration::from_secs(2);

fn env(surroundings: &Surroundings) -> Env<'_> {
    Env { disk: &surroundings.disk, clock: &SystemClock, state_folder: &surroundings.state_folder, crew: &Threads }
}

/// A write in place that was interrupted is finished before the file is read.
pub fn finish_interrupted(surroundings: &Surroundings, outbox: &Outbox, path: &Path) {
    let what = match storage::finish_interrupted(&env(surroundings), &absolute(path), WAIT) {
        Ok(None | Some(Settled::Undone)) => return,
        Ok(Some(Settled::Finished { .. })) => "An interrupted save of this file was finished.".to_owned(),
        Ok(Some(Settled::Superseded)) => {
            "Another program wrote this file after a save of it was interrupted. The text of that save is kept in the file history."
                .to_owned()
        }
        Err(error) => format!("An interrupted save of this file could not be finished: {} {}", error.what(), error.safe()),
    };
    outbox.send(Event::Notice(what));
}

/// Looks for journals.
pub fn find_unsaved(surroundings: &Surroundings, outbox: &Outbox, of: Option<(DocumentId, PathBuf)>) {
    let (id, path) = of.unzip();
    match storage::unsaved(&surroundings.disk, &SystemClock, &surroundings.state_folder, path.as_deref()) {
        Ok(found) => outbox.send(Event::Unsaved(id, found)),
        Err(error) => log::warn!("unsaved edits of earlier runs could not be looked for: {error}"),
    }
}

/// Reads a journal, and holds it against the disk.
pub fn recover(surroundings: &Surroundings, id: DocumentId, journal: PathBuf, purpose: RecoverFor, running: &Running) {
    let recovery = storage::recover(&env(surroundings), &journal, &|done, total| running.at(done, total));
    let recovery = recovery.map(Box::new).map_err(|error| error.to_string());
    running.deliver(Event::Recovered(id, journal, purpose, recovery));
}

/// Puts a journal away.
pub fn discard(surroundings: &Surroundings, outbox: &Outbox, journal: &Path) {
    if let Err(error) = storage::forget(&surroundings.disk, &surroundings.state_folder, journal) {
        outbox.send(Event::Notice(format!("The edits could not be put away: {error}.")));
    }
}

/// Lists the kept versions of a file.
pub fn list(surroundings: &Surroundings, outbox: &Outbox, id: DocumentId, path: &Path) {
    let real = storage::document_path(&surroundings.disk, path);
    let list = Backups::of(&surroundings.disk, &surroundings.state_folder, &real).list();
    outbox.send(Event::Versions(id, list.map_err(|error| format!("The kept versions can't be listed: {error}."))));
}

/// Reads a kept version.
pub fn read(surroundings: &Surroundings, id: DocumentId, backup: Backup, purpose: VersionFor, running: &Running) {
    let read = storage::load(&surroundings.disk, &SystemClock, &backup.path, &Threads, &|done, total| running.at(done, total));
    let fragment = read.map_err(|error| format!("That version can't be read: {error}.")).and_then(|loaded| {
        loaded.fragment.map_err(|(problem, _)| format!("That version is not JSON ({problem}). It can be opened, not compared."))
    });
    running.deliver(Event::VersionRead(id, backup, purpose, fragment));
}

/// Opens a file in a window of its own, not to be saved over.
pub fn open_window(outbox: &Outbox, path: &Path) {
    let started = std::env::current_exe().and_then(|program| {
        std::process::Command::new(program).arg("--read-only").arg(path).stdin(std::process::Stdio::null()).spawn()
    });
    match started {
        // Waited for, so that nothing of it is left when it is closed.
        Ok(mut child) => {
            let _ = child.wait();
        }
        Err(error) => outbox.send(Event::Notice(format!("No window could be opened for that version: {error}."))),
    }
}

/// Measures what all backups take.
pub fn measure(surroundings: &Surroundings, outbox: &Outbox) {
    match Backups::total_size(&surroundings.disk, &surroundings.state_folder) {
        Ok(bytes) => outbox.send(Event::BackupsMeasured(bytes)),
        Err(error) => log::warn!("the backups could not be measured: {error}"),
    }
}

/// Counts on a snapshot.
pub fn count(id: DocumentId, document: &Document, running: &Running) {
    // A value has so many bytes of the text, more or less.
    let (values, bytes) = (u128::from(document.values()), document.byte_len());
    let at = |done: u64| (u128::from(done) * u128::from(bytes) / values) as u64;
    let counted = Statistics::of(document.root(), &mut |done| running.at(at(done), bytes));
    if let Some(counted) = counted {
        running.deliver(Event::Counted(id, counted));
    }
}
