//! What was kept: backups, and edits that were not saved.

use super::change::{save_failure, tell};
use super::{CONFLICT, Failure, INVALID, IO, print};
use crate::document::{Document, Merge};
use crate::jobs::Threads;
use crate::storage::{
    self, BackupPolicy, Backups, Cause, Disk, Env, Expected, Found, Lost, OpenError, Options, Place, RecoverError, Recovery,
    Settled, SystemClock,
};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

fn told(file: &Path) -> impl Fn(io::Error) -> Failure + '_ {
    move |error| Failure::new(IO, format!("{}: {error}", file.display()))
}

pub fn backups(file: &Path) -> Result<(), Failure> {
    let disk = Disk::real();
    let real = storage::document_path(&disk, file);
    let mut lines = String::new();
    for backup in Backups::of(&disk, &storage::state_folder(), &real).list().map_err(told(file))? {
        lines.push_str(&format!("{}\t{}\t{} bytes\t{}\n", backup.name(), backup.time, backup.size, backup.cause));
    }
    if lines.is_empty() && !file.exists() {
        return Err(OpenError::Missing(file.to_owned()).into());
    }
    print(lines.as_bytes())
}

/// Lists what was left behind; for one file makes it again and saves it.
pub fn recover(file: Option<&Path>, list: bool, discard: bool, wait: Duration) -> Result<(), Failure> {
    let (disk, state_folder) = (Disk::real(), storage::state_folder());
    let env = Env { disk: &disk, clock: &SystemClock, state_folder: &state_folder, crew: &Threads };
    if let Some(file) = file
        && !list
        && let Some(settled) = storage::finish_interrupted(&env, file, wait).map_err(|error| save_failure(file, &error))?
    {
        let what = match settled {
            Settled::Finished { .. } => "an interrupted save was finished",
            Settled::Undone => "an interrupted save had not begun to write",
            Settled::Superseded => "an interrupted save was superseded by another program; its text is kept as a backup",
        };
        print(format!("{}: {what}\n", file.display()).as_bytes())?;
    }
    let all = storage::unsaved(&disk, &SystemClock, &state_folder, file).map_err(told(&state_folder))?;
    for found in &all {
        print(shown(found).as_bytes())?;
        let Some(file) = file.filter(|_| !list) else { continue };
        if discard {
            storage::forget(&disk, &state_folder, &found.journal).map_err(told(&found.journal))?;
            continue;
        }
        apply(&env, file, found, wait)?;
        print(format!("{}: recovered and saved\n", file.display()).as_bytes())?;
        storage::forget(&disk, &state_folder, &found.journal).map_err(told(&found.journal))?;
    }
    Ok(())
}

fn shown(found: &Found) -> String {
    let time = jiff::Timestamp::from_millisecond(found.at_ms).unwrap_or_default();
    let name = found.document.as_ref().map_or_else(|| format!("{} (never saved)", found.name), |path| path.display().to_string());
    let edits = if found.edits == 1 { "edit" } else { "edits" };
    let mut text = format!("{name}: {} unsaved {edits} from {time}\n", found.edits);
    found.list.iter().for_each(|lost| text.push_str(&format!("  {}\n", line(lost))));
    text
}

fn line(lost: &Lost) -> String {
    let values = match (&lost.was, &lost.mine) {
        (Some(was), Some(mine)) => format!(": {was} -> {mine}"),
        (Some(value), None) | (None, Some(value)) => format!(": {value}"),
        (None, None) => String::new(),
    };
    let now = lost.now.as_ref().map_or_else(String::new, |now| format!(" (on the disk: {now})"));
    format!("{} {}{values}{now}", lost.what, if lost.pointer.is_empty() { "the whole document" } else { &lost.pointer })
}

fn apply(env: &Env, file: &Path, found: &Found, wait: Duration) -> Result<(), Failure> {
    let recovery = storage::recover(env, &found.journal, &|_, _| ControlFlow::Continue(())).map_err(|error| {
        let exit = if matches!(error, RecoverError::NotJson(..)) { INVALID } else { IO };
        Failure::new(exit, format!("{}: {error}; the journal is kept", file.display()))
    })?;
    match recovery {
        Recovery::Nothing => Ok(()),
        Recovery::Broken(still) => Err(Failure::new(
            INVALID,
            format!(
                "{}:{}; that is what was mended, nothing was written, and the journal is kept",
                file.display(),
                still.problem
            ),
        )),
        Recovery::Fresh { document, place } => match place {
            Place::Nowhere | Place::Missing(_) => save(env, file, &Expected::Nothing, &document, wait),
            Place::Broken(_, version) => save(env, file, &Expected::Version(version), &document, wait),
            Place::Apart => Err(Failure::new(
                CONFLICT,
                format!(
                    "{}: another program changed it, and the text that the edits were made on is not to be had any more; \
                     nothing was written, and the journal is kept: the window has them as a document of their own",
                    file.display()
                ),
            )),
        },
        Recovery::Steps { on, steps, left } => {
            if !left.is_empty() {
                let lines: Vec<String> = left.iter().map(line).collect();
                return Err(Failure::new(
                    CONFLICT,
                    format!(
                        "{}: another program changed these places; nothing was written\n{}",
                        file.display(),
                        lines.join("\n")
                    ),
                ));
            }
            match steps.last() {
                Some(last) => save(env, file, &Expected::Version(on.version), &last.document, wait),
                None => Ok(()),
            }
        }
        Recovery::Merge { base, mine, on } => {
            let theirs = Document::of(&on.fragment);
            let merge = Merge::new(&base, &mine, &theirs, &mut |_| ControlFlow::Continue(()));
            let Some(merge) = merge else { return Ok(()) };
            if merge.conflicts_left() > 0 {
                let left = merge.changes.iter().filter(|change| change.choice.is_none());
                let places: Vec<&str> = left.map(|change| change.pointer.as_str()).collect();
                return Err(Failure::new(
                    CONFLICT,
                    format!(
                        "{}: another program changed the same places; nothing was written\n{}",
                        file.display(),
                        places.join("\n")
                    ),
                ));
            }
            let merged = merge.document().map_err(|refusal| Failure::new(INVALID, format!("{}: {refusal}", file.display())))?;
            save(env, file, &Expected::Version(on.version), &merged, wait)
        }
    }
}

/// Saves a text that was kept.
pub fn save(env: &Env, file: &Path, expected: &Expected, document: &Document, wait: Duration) -> Result<(), Failure> {
    let options = Options { backup: BackupPolicy::Keep(Cause::Save), wait, retention: super::retention() };
    let saved = storage::save(env, file, expected, document, options, &mut |_| ControlFlow::Continue(()))
        .map_err(|error| save_failure(file, &error))?;
    tell(file, &saved)
}
