//! Commands that change a file under one hold of its lock.

use super::{CONFLICT, Failure, INVALID, IO, LOCKED, SaveOptions, read};
use crate::document::{ArrayPlace, Document, Edit, Problem, Refusal, Value, edit_to_add, pointer};
use crate::jobs::Threads;
use crate::storage::{self, BackupPolicy, Backups, Cause, Disk, Env, SaveError, Saved, SystemClock, UpdateError};
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;

/// Why an edit of a file was not made.
enum EditError {
    Problem(Problem),
    Refusal(Refusal),
    Place(String),
    OtherVersion,
    /// There is nothing to write.
    Nothing,
}

pub fn set(file: &Path, place: &str, json: &str, options: &SaveOptions) -> Result<(), Failure> {
    pointer::tokens(place).map_err(|error| Failure::new(IO, error.to_string()))?;
    let value = Value::new(json).map_err(|problem| Failure::new(INVALID, format!("the value is not JSON: {problem}")))?;
    change(file, options, &|document| {
        let edit = edit_to_add(document, place, value.clone(), ArrayPlace::Instead).map_err(EditError::Place)?;
        Ok(edit.apply(document).map_err(EditError::Refusal)?.document)
    })
}

pub fn remove(file: &Path, place: &str, options: &SaveOptions) -> Result<(), Failure> {
    pointer::tokens(place).map_err(|error| Failure::new(IO, error.to_string()))?;
    change(file, options, &|document| {
        let path = pointer::resolve(document.root(), place).map_err(|error| EditError::Place(error.to_string()))?;
        Ok(Edit::Remove { path }.apply(document).map_err(EditError::Refusal)?.document)
    })
}

fn change(file: &Path, options: &SaveOptions, edit: &dyn Fn(&Document) -> Result<Document, EditError>) -> Result<(), Failure> {
    replace(file, options, &|document| edit(&document.map_err(EditError::Problem)?))
}

/// Another text for the one that is there.
fn replace(
    file: &Path,
    options: &SaveOptions,
    edit: &dyn Fn(Result<Document, Problem>) -> Result<Document, EditError>,
) -> Result<(), Failure> {
    let (disk, state_folder) = (Disk::real(), storage::state_folder());
    let env = Env { disk: &disk, clock: &SystemClock, state_folder: &state_folder, crew: &Threads };
    let backup = if options.without_backup { BackupPolicy::Skip } else { BackupPolicy::Keep(Cause::Save) };
    let saved = storage::update(
        &env,
        file,
        storage::Options { backup, wait: options.wait, retention: super::retention() },
        &mut |document, digest| {
            if options.if_version.is_some_and(|wanted| wanted != *digest) {
                return Err(EditError::OtherVersion);
            }
            edit(document)
        },
        &mut |_| ControlFlow::Continue(()),
    );
    let saved = match saved {
        Ok(saved) => saved,
        Err(UpdateError::Open(error)) => return Err(error.into()),
        Err(UpdateError::Save(error)) => return Err(save_failure(file, &error)),
        Err(UpdateError::Edit(EditError::Problem(problem))) => return Err(Failure::problem(file, &problem)),
        Err(UpdateError::Edit(EditError::Refusal(refusal))) => {
            return Err(Failure::new(INVALID, format!("{}: {refusal}", file.display())));
        }
        Err(UpdateError::Edit(EditError::Place(error))) => {
            return Err(Failure::new(INVALID, format!("{}: {error}", file.display())));
        }
        Err(UpdateError::Edit(EditError::Nothing)) => return Ok(()),
        Err(UpdateError::Edit(EditError::OtherVersion)) => {
            return Err(Failure::new(CONFLICT, format!("{}: the file has another version; nothing was written", file.display())));
        }
    };
    tell(file, &saved)
}

/// What is to be told of a save that was made.
pub fn tell(file: &Path, saved: &Saved) -> Result<(), Failure> {
    if let Some(why) = &saved.unlocked {
        let _ = writeln!(io::stderr(), "{}: saved without a lock ({why})", file.display());
    }
    if let Some(obstacle) = &saved.in_place {
        let _ = writeln!(io::stderr(), "{}: written in place. {}", file.display(), obstacle.sentence());
    }
    if let Some(displaced) = &saved.displaced {
        let _ = writeln!(
            io::stderr(),
            "{}: another program wrote it in the same moment; its version is kept: {}",
            file.display(),
            displaced.path.display()
        );
    }
    match &saved.durability {
        storage::Durability::Confirmed => Ok(()),
        storage::Durability::NameNotConfirmed(why) => {
            Err(Failure::new(IO, format!("{}: saved, but the disk did not confirm it ({why})", file.display())))
        }
    }
}

/// A save that was not made, with its exit.
pub fn save_failure(file: &Path, error: &SaveError) -> Failure {
    let exit = match error {
        SaveError::Conflict(_) | SaveError::Deleted | SaveError::Exists => CONFLICT,
        SaveError::Locked => LOCKED,
        _ => IO,
    };
    Failure::new(exit, format!("{}: {} {} {}", file.display(), error.what(), error.safe(), error.todo()))
}

pub fn patch(file: &Path, patch: &Path, options: &SaveOptions) -> Result<(), Failure> {
    let text = if patch == Path::new("-") {
        let mut text = Vec::new();
        io::stdin().lock().read_to_end(&mut text).map_err(|error| Failure::new(IO, format!("standard input: {error}")))?;
        text
    } else {
        read(patch)?
    };
    let operations = Document::parse(text).map_err(|problem| Failure::problem(patch, &problem))?;
    change(file, options, &|document| {
        let patched = crate::document::patch(document, &operations).map_err(|error| EditError::Place(error.to_string()))?;
        if patched.edits.is_empty() { Err(EditError::Nothing) } else { Ok(patched.document) }
    })
}

pub fn restore(file: &Path, version: &str, options: &SaveOptions) -> Result<(), Failure> {
    let disk = Disk::real();
    let told = |error: io::Error| Failure::new(IO, format!("{}: {error}", file.display()));
    let real = storage::document_path(&disk, file);
    let all = Backups::of(&disk, &storage::state_folder(), &real).list().map_err(told)?;
    let mut named = all.iter().filter(|backup| backup.name().starts_with(version));
    let backup = match (named.next(), named.next()) {
        (Some(backup), None) => backup,
        (Some(_), Some(_)) => {
            return Err(Failure::new(IO, format!("{}: several versions begin with `{version}`", file.display())));
        }
        (None, _) => return Err(Failure::new(INVALID, format!("{}: there is no version `{version}`", file.display()))),
    };
    let text = disk.read_small(&backup.path).map_err(told)?;
    let restored = Document::parse(text).map_err(|problem| Failure::problem(&backup.path, &problem))?;
    if !file.exists() {
        let state_folder = storage::state_folder();
        let env = Env { disk: &disk, clock: &SystemClock, state_folder: &state_folder, crew: &Threads };
        return super::recover::save(&env, file, &storage::Expected::Nothing, &restored, options.wait);
    }
    // Also where what is there is not JSON: that may be why.
    replace(file, options, &|_| Ok(restored.clone()))
}
