//! The advisory lock on `NAME.lock` beside a file, the same that Python's `filelock` takes on Unix.
//!
//! The file is created by the first save, stays empty and is never removed by us: some versions of `filelock` can't bear that.
//! Others remove it when they let go, before unlocking; so after each `flock` the name must still lead to the file that is
//! locked, else it is opened anew. Each attempt opens the file freshly and never blocks; the kernel frees a dead holder's lock.

use super::clock::Clock;
use super::disk::Disk;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    files: Vec<File>,
}

impl Lock {
    fn none() -> Self {
        Self { files: Vec::new() }
    }
}

impl Drop for Lock {
    /// Closing them is not enough: a program that is being started holds copies of them for a moment.
    fn drop(&mut self) {
        for file in &self.files {
            if let Err(error) = fs4::FileExt::unlock(file) {
                log::debug!("not unlocked, but closed: {error}");
            }
        }
    }
}

/// Whether a save or a read runs under the lock.
#[derive(Debug)]
pub enum Locking {
    /// The lock is held.
    Held(#[allow(dead_code)] /* held, not read */ Lock),
    /// The file's own name can't be locked here, for this reason; the checks of the protocol protect all the same. What could
    /// be locked of its other spelling is held.
    Unavailable(String, #[allow(dead_code)] /* held, not read */ Lock),
}

/// Why there is no lock.
#[derive(Debug)]
pub enum LockError {
    /// Somebody held it all the time.
    Busy,
    /// The caller stopped waiting.
    Cancelled,
}

enum Attempt {
    Held(File),
    Busy,
    /// The name led elsewhere in the meantime.
    Again,
    Missing,
    Unavailable(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Exclusive,
    Shared,
}

/// `NAME.lock` of a file.
pub fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// The lock names of a file that is reached as `given` and is `real`: both, since others lock the spelling that they were given.
/// Folders are resolved, so that one lock is never taken under two names. In byte order, so that two programs can't take them
/// crosswise.
pub fn lock_names(disk: &Disk, given: &Path, real: &Path) -> Vec<PathBuf> {
    let folder = match given.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut names = vec![lock_path(real)];
    if let (Ok(folder), Some(name)) = (disk.canonical(folder), given.file_name()) {
        names.push(lock_path(&folder.join(name)));
    }
    names.sort();
    names.dedup();
    names
}

/// Takes the lock to write, waiting up to `wait`. `waiting`, told how long it has been, says whether to go on; it is asked at
/// least ten times a second.
///
/// # Errors
/// That somebody holds it, or that the caller gave up.
pub fn exclusive(
    disk: &Disk,
    clock: &dyn Clock,
    names: &[PathBuf],
    target: &Path,
    wait: Duration,
    waiting: &mut dyn FnMut(Duration) -> bool,
) -> Result<Locking, LockError> {
    let own = lock_path(target);
    acquire(disk, clock, names, &own, Mode::Exclusive, wait, waiting, &mut |file, path| created(disk, file, path, target))
        .map(|locking| locking.unwrap_or_else(|| Locking::Unavailable("the lock's file went away".to_owned(), Lock::none())))
}

/// Takes the lock to read, where there is a `NAME.lock`; never creates it, and waits up to `wait`. `None` where there is none.
///
/// # Errors
/// As [`exclusive`].
pub fn shared(disk: &Disk, clock: &dyn Clock, names: &[PathBuf], wait: Duration) -> Result<Option<Locking>, LockError> {
    acquire(disk, clock, names, Path::new(""), Mode::Shared, wait, &mut |_| true, &mut |_, _| {})
}

/// Takes all of `names`, or waits and begins again. `own` is the one without which a save counts as not locked.
#[allow(clippy::too_many_arguments)] // the two doors above name them
fn acquire(
    disk: &Disk,
    clock: &dyn Clock,
    names: &[PathBuf],
    own: &Path,
    mode: Mode,
    wait: Duration,
    waiting: &mut dyn FnMut(Duration) -> bool,
    created: &mut dyn FnMut(&File, &Path),
) -> Result<Option<Locking>, LockError> {
    let mut pause_ms: u64 = 5;
    // What was slept, not what the clock says: a clock can be set back.
    let mut waited = Duration::ZERO;
    loop {
        let mut files = Vec::new();
        let mut again = false;
        let mut unavailable = None;
        for name in names {
            match attempt(disk, name, mode, created) {
                Attempt::Held(file) => files.push(file),
                Attempt::Missing => {}
                // A spelling in a folder of somebody else: the file's own lock is what counts.
                Attempt::Unavailable(why) if name == own => unavailable = Some(why),
                Attempt::Unavailable(why) => log::debug!("not locked: {why}"),
                Attempt::Busy | Attempt::Again => {
                    again = true;
                    break;
                }
            }
        }
        if !again {
            let lock = Lock { files };
            return Ok(match unavailable {
                Some(why) => Some(Locking::Unavailable(why, lock)),
                None => (!lock.files.is_empty()).then_some(Locking::Held(lock)),
            });
        }
        // All are let go while waiting: nobody waits holding one.
        drop(Lock { files });
        if waited >= wait {
            return Err(LockError::Busy);
        }
        if !waiting(waited) {
            return Err(LockError::Cancelled);
        }
        // Spread, so that two waiters do not meet each time.
        let spread = (clock.now_ns() as u64) % (pause_ms / 2 + 1);
        let pause = Duration::from_millis(pause_ms - spread).min(wait - waited);
        clock.sleep(pause);
        waited += pause;
        pause_ms = (pause_ms * 2).min(100);
    }
}

fn attempt(disk: &Disk, name: &Path, mode: Mode, created: &mut dyn FnMut(&File, &Path)) -> Attempt {
    let (file, new) = match disk.open_lock(name, mode == Mode::Exclusive) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound && mode == Mode::Shared => return Attempt::Missing,
        // Somebody else created it, or removed it, in between.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists || passes(&error) => return Attempt::Again,
        Err(error) => return Attempt::Unavailable(format!("{}: {error}", name.display())),
    };
    if new {
        created(&file, name);
    }
    let locked = match mode {
        Mode::Exclusive => fs4::FileExt::try_lock(&file),
        Mode::Shared => fs4::FileExt::try_lock_shared(&file),
    };
    match locked {
        Ok(()) if leads_to(disk, &file, name) => Attempt::Held(file),
        Ok(()) => Attempt::Again,
        Err(fs4::TryLockError::WouldBlock) => Attempt::Busy,
        Err(fs4::TryLockError::Error(error)) if passes(&error) => Attempt::Again,
        Err(fs4::TryLockError::Error(error)) if has_no_flock(&error) => without_flock(disk, &file, name, new, &error),
        Err(fs4::TryLockError::Error(error)) => Attempt::Unavailable(format!("{}: {error}", name.display())),
    }
}

/// Whether an error may be gone at the next attempt.
fn passes(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::StaleNetworkFileHandle)
}

fn has_no_flock(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        error.raw_os_error() == Some(rustix::io::Errno::NOSYS.raw_os_error())
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

/// A system without `flock`: there Python's filelock locks by the file's existence and writes its holder's name into it. An empty
/// one of ours would keep it waiting for ever.
fn without_flock(disk: &Disk, file: &File, name: &Path, new: bool, error: &io::Error) -> Attempt {
    if disk.stat_open(file, name).is_ok_and(|metadata| metadata.len() > 0) {
        return Attempt::Busy;
    }
    if new && let Err(error) = disk.remove(name) {
        log::warn!("{}: {error}", name.display());
    }
    Attempt::Unavailable(format!("{}: {error}", name.display()))
}

/// Whether the name still leads to the file that is locked.
fn leads_to(disk: &Disk, file: &File, name: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        match (disk.stat_open(file, name), disk.stat_link(name)) {
            (Ok(open), Ok(named)) => open.dev() == named.dev() && open.ino() == named.ino() && open.nlink() > 0,
            _ => false,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (disk, file, name);
        true
    }
}

/// A lock that we created can be locked by everyone who may write the file.
fn created(disk: &Disk, file: &File, name: &Path, target: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let Ok(metadata) = disk.stat(target) else { return };
        // Where this is not allowed the lock works all the same, for us.
        let _ = disk.attributes(name, || {
            file.set_permissions(std::fs::Permissions::from_mode(metadata.mode() & 0o666))?;
            if rustix::process::geteuid().is_root() {
                std::os::unix::fs::fchown(file, Some(metadata.uid()), Some(metadata.gid()))?;
            }
            Ok(())
        });
    }
    #[cfg(not(unix))]
    {
        let _ = (disk, file, name, target);
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::SystemClock;
    use super::*;

    fn take(names: &[PathBuf], wait_ms: u64) -> Result<Locking, LockError> {
        let wait = Duration::from_millis(wait_ms);
        exclusive(&Disk::real(), &SystemClock, names, &names[0].with_extension(""), wait, &mut |_| true)
    }

    #[test]
    fn one_at_a_time_and_the_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let names = [lock_path(&folder.path().join("a.json"))];
        let held = take(&names, 0).unwrap();
        assert!(matches!(held, Locking::Held(_)));
        assert!(matches!(take(&names, 30), Err(LockError::Busy)));
        assert!(matches!(shared(&Disk::real(), &SystemClock, &names, Duration::ZERO), Err(LockError::Busy)));
        drop(held);
        assert!(names[0].exists());
        assert!(matches!(take(&names, 0), Ok(Locking::Held(_))));
    }

    #[test]
    fn what_was_let_go_is_free_although_a_copy_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let names = [lock_path(&folder.path().join("a.json"))];
        let Ok(Locking::Held(held)) = take(&names, 0) else { panic!("it was free") };
        let copies: Vec<File> = held.files.iter().map(|file| file.try_clone().unwrap()).collect();
        assert!(matches!(take(&names, 0), Err(LockError::Busy)));
        drop(held);
        assert!(matches!(take(&names, 0), Ok(Locking::Held(_))));
        drop(copies);
    }

    #[test]
    fn readers_leave_no_litter_and_share() {
        let folder = tempfile::tempdir().unwrap();
        let names = [lock_path(&folder.path().join("a.json"))];
        let read = || shared(&Disk::real(), &SystemClock, &names, Duration::ZERO).unwrap();
        assert!(read().is_none());
        assert!(!names[0].exists());
        drop(take(&names, 0).unwrap());
        let (first, second) = (read(), read());
        assert!(first.is_some() && second.is_some());
        assert!(matches!(take(&names, 0), Err(LockError::Busy)));
    }

    #[test]
    fn a_lock_on_a_removed_file_is_not_the_lock() {
        // The holder removes the file and then lets go, as some versions of Python's filelock do: who had opened it before
        // would lock a file that nobody else can find.
        let folder = tempfile::tempdir().unwrap();
        let name = lock_path(&folder.path().join("a.json"));
        let disk = Disk::with_hook({
            let name = name.clone();
            let removed = std::sync::atomic::AtomicBool::new(false);
            move |call, _| {
                if call == super::super::disk::Call::Stat && !removed.swap(true, std::sync::atomic::Ordering::SeqCst) {
                    std::fs::remove_file(&name)?;
                }
                Ok(())
            }
        });
        let held =
            exclusive(&disk, &SystemClock, std::slice::from_ref(&name), &name, Duration::from_secs(5), &mut |_| true).unwrap();
        assert!(matches!(held, Locking::Held(_)));
        assert!(name.exists());
        assert!(matches!(take(&[name], 0), Err(LockError::Busy)));
    }

    #[test]
    #[cfg(unix)]
    fn both_spellings_of_a_linked_file_and_one_of_a_linked_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::os::unix::fs::symlink("real", root.join("link")).unwrap();
        let real = root.join("real/a.json");
        std::os::unix::fs::symlink(&real, root.join("b.json")).unwrap();
        let names = |given: &str| lock_names(&Disk::real(), &root.join(given), &real);
        assert_eq!(names("b.json"), [root.join("b.json.lock"), root.join("real/a.json.lock")]);
        assert_eq!(names("link/a.json"), [root.join("real/a.json.lock")]);
    }

    #[test]
    fn no_lock_where_none_can_be() {
        let missing = [PathBuf::from("/nonexistent-folder/a.json.lock")];
        assert!(matches!(take(&missing, 0), Ok(Locking::Unavailable(..))));
    }

    #[test]
    fn waiting_can_be_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let names = [lock_path(&folder.path().join("a.json"))];
        let _held = take(&names, 0).unwrap();
        let given_up = exclusive(&Disk::real(), &SystemClock, &names, &names[0], Duration::from_secs(60), &mut |_| false);
        assert!(matches!(given_up, Err(LockError::Cancelled)));
    }
}
