//! Where a path leads, and the lock on it: the first steps of everything that writes.

use super::disk::Disk;
use super::error::{SaveError, Step};
use super::in_place::{self, Settled};
use super::lock::{self, LockError, Locking};
use super::open;
use super::save::{Env, Observer};
use super::temporary;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a link is followed that is turned meanwhile.
const TRIES: usize = 3;

/// The real path of what is replaced: links are followed, and stay.
fn resolve(disk: &Disk, path: &Path) -> Result<PathBuf, SaveError> {
    match disk.canonical(path) {
        Ok(real) => return Ok(real),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(SaveError::io(Step::Verify, path)(error)),
    }
    if disk.stat_link(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(SaveError::NotRegular("a link that leads nowhere"));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = disk.canonical(folder).map_err(SaveError::io(Step::Verify, folder))?;
    let name = path.file_name().ok_or(SaveError::NotRegular("a folder"))?;
    Ok(folder.join(name))
}

/// Steps 1 and 2: where the path leads, locked. A link may be turned while this waits; then what it leads to now is locked.
pub(super) fn lock_target(
    env: &Env,
    path: &Path,
    wait: Duration,
    observer: &mut Observer,
) -> Result<(PathBuf, Locking), SaveError> {
    for _ in 0..TRIES {
        let target = resolve(env.disk, path)?;
        // Before a lock is made for it, which nobody would ever remove.
        if let Ok(metadata) = env.disk.stat_link(&target)
            && !metadata.is_file()
        {
            return Err(SaveError::NotRegular(open::kind_name(&metadata)));
        }
        let locking = take_lock(env, path, &target, wait, observer)?;
        if resolve(env.disk, path)? == target {
            return Ok((target, locking));
        }
    }
    Err(SaveError::io(Step::Lock, path)(io::Error::other("the link is turned again and again")))
}

fn take_lock(env: &Env, path: &Path, target: &Path, wait: Duration, observer: &mut Observer) -> Result<Locking, SaveError> {
    if observer(Step::Lock.into()).is_break() {
        return Err(SaveError::Cancelled);
    }
    let names = lock::lock_names(env.disk, path, target);
    lock::exclusive(env.disk, env.clock, &names, target, wait, &mut |_| observer(Step::Lock.into()).is_continue()).map_err(
        |error| match error {
            LockError::Busy => SaveError::Locked,
            LockError::Cancelled => SaveError::Cancelled,
        },
    )
}

/// Finishes a write in place that was interrupted, if one was, and takes away what an interrupted save left beside the file;
/// under the lock, like a save.
///
/// # Errors
/// Why not; the plan stays, and the next one tries again.
pub fn finish_interrupted(env: &Env, path: &Path, wait: Duration) -> Result<Option<Settled>, SaveError> {
    let Ok(target) = env.disk.canonical(path) else { return Ok(None) };
    let has_leftovers = temporary::has_leftovers(env.disk, &target);
    if !has_leftovers && !in_place::is_pending(env.disk, env.state_folder, &target) {
        return Ok(None);
    }
    let (target, _locking) = lock_target(env, path, wait, &mut |_| ControlFlow::Continue(()))?;
    temporary::sweep(env, &target);
    in_place::settle(env, &target).map_err(SaveError::io(Step::Commit, &target))
}

/// The folder of a real path.
pub(super) fn folder_of(target: &Path) -> &Path {
    target.parent().unwrap_or(Path::new("/"))
}
