//! Read, edit and save under one hold of the lock: what a script does to a file.

use super::error::{SaveError, Step};
use super::in_place;
use super::open::{OpenError, kind_name, load_locked};
use super::save::{Attempt, Env, Expected, Observer, Options, Saved, finish};
use super::target::lock_target;
use super::version::{Digest, Version};
use crate::document::{Document, Problem};
use std::ops::ControlFlow;
use std::path::Path;

/// Why an update was not made.
#[derive(Debug)]
pub enum UpdateError<E> {
    /// The file could not be read.
    Open(OpenError),
    /// The edit itself refused.
    Edit(E),
    /// It could not be saved.
    Save(SaveError),
}

/// Reads, edits and saves under one hold of the lock. A version that appears in between, by a program that ignores the lock, is
/// read again and the edit repeated, five times in all.
///
/// # Errors
/// Why not; the file on disk is as it was.
pub fn update<E>(
    env: &Env,
    path: &Path,
    options: Options,
    edit: &mut dyn FnMut(Result<Document, Problem>, &Digest) -> Result<Document, E>,
    observer: &mut Observer,
) -> Result<Saved, UpdateError<E>> {
    const REPEATS: usize = 5;
    // What can't be read is told as reading tells it, before a lock is made for it.
    let metadata = env.disk.stat(path).map_err(|error| UpdateError::Open(OpenError::of(path, error)))?;
    if !metadata.is_file() {
        return Err(UpdateError::Open(OpenError::NotRegular(path.to_owned(), kind_name(&metadata))));
    }
    let (target, locking) = lock_target(env, path, options.wait, observer).map_err(UpdateError::Save)?;
    in_place::settle(env, &target).map_err(|error| UpdateError::Save(SaveError::io(Step::Verify, &target)(error)))?;
    let mut tries = 0;
    loop {
        tries += 1;
        let loaded = load_locked(env.disk, env.clock, &target, env.crew, &|_, _| ControlFlow::Continue(()))
            .map_err(|error| UpdateError::Open(error.at(path)))?;
        let (digest, read) = match loaded.fragment {
            Ok(fragment) => (Digest::of_text(fragment.text(), env.crew), Ok(Document::of(&fragment))),
            Err((problem, text)) => (Digest::of_text(&text, env.crew), Err(problem)),
        };
        let version = Version { stamp: loaded.stamp, digest };
        let document = edit(read, &digest).map_err(UpdateError::Edit)?;
        let expected = Expected::Version(version);
        match (Attempt { env, target: &target, options, observer: &mut *observer }).run(&expected, &document) {
            Err(SaveError::Conflict(_)) if tries < REPEATS => {}
            Err(error) => return Err(UpdateError::Save(error)),
            Ok(saved) => return Ok(finish(env, &target, locking, &options.retention, saved)),
        }
    }
}
