//! The new text beside the file before it takes its place, and what is left of it when a save was killed.

use super::backup::{Backups, Cause};
use super::disk::Disk;
use super::save::{Env, folder_of};
use super::version::{Digest, Stamp};
use crate::document::Document;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// An own temporary file that nobody holds is an orphan after this time.
const ORPHAN_NS: i128 = 3_600_000_000_000;

/// The new text beside the file. Removed when dropped, unless it was told to stay.
pub struct Temporary {
    /// The disk that it is on.
    pub disk: Disk,
    /// Its name.
    pub path: PathBuf,
    /// Held with a lock, so that another save does not take it for an orphan.
    pub file: File,
    /// Of what was written.
    pub digest: Digest,
    /// It is not removed.
    pub stays: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.stays {
            // What can't be removed now is swept by a later save.
            let _ = self.disk.remove(&self.path);
        }
    }
}

/// `.NAME.treekeep-`, cut so that the whole fits 255 bytes.
pub fn prefix(target: &Path) -> String {
    const ROOM: usize = 255 - ".".len() - ".treekeep-12345678.tmp".len();
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let mut end = name.len().min(ROOM);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!(".{}.treekeep-", &name[..end])
}

/// Step 3: own temporary files of saves that were killed. One whose content is known elsewhere goes; another is moved to the
/// backups, since it may be the version that an exchange displaced.
pub fn sweep(env: &Env, target: &Path) {
    if let Err(error) = try_sweep(env, target) {
        log::warn!("leftovers of an interrupted save could not be looked at: {error}");
    }
}

fn try_sweep(env: &Env, target: &Path) -> io::Result<()> {
    let disk = env.disk;
    let backups = Backups::of(disk, env.state_folder, target);
    let prefix = prefix(target);
    for path in disk.list(folder_of(target))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with(&prefix) || !name.ends_with(".tmp") {
            continue;
        }
        let file = disk.open(&path)?;
        let stamp = Stamp::of(&disk.stat_open(&file, &path)?, env.clock.now_ns());
        // Its maker held a lock on it, which went with the maker. Where there are no locks, age tells.
        let maker_is_gone = match fs4::FileExt::try_lock(&file) {
            Ok(()) => true,
            Err(fs4::TryLockError::WouldBlock) => false,
            Err(fs4::TryLockError::Error(_)) => stamp.seen_ns - stamp.modified_ns > ORPHAN_NS,
        };
        if !maker_is_gone {
            continue;
        }
        let bytes = disk.read_small(&path)?;
        let digest = Digest::of(&bytes);
        let is_known = || -> io::Result<bool> {
            let in_place = disk.read_small(target).is_ok_and(|now| Digest::of(&now) == digest);
            Ok(in_place || backups.find(&digest)?.is_some())
        };
        // Half a text was never anybody's version.
        if Document::parse(bytes.clone()).is_ok() && !is_known()? {
            backups.store(env.clock, &bytes, &digest, Cause::Conflict)?;
        }
        disk.remove(&path)?;
    }
    Ok(())
}

/// Room for the whole text, so that a full disk is known before anything is written.
pub fn reserve(file: &File, length: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        if length > 0 {
            return match fallocate(file, FallocateFlags::KEEP_SIZE, 0, length) {
                Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
                Err(error) => Err(error.into()),
            };
        }
    }
    let _ = (file, length);
    Ok(())
}

/// A new file is readable as any that a program creates: 0666 less the process's mask.
pub fn set_usual_mode(disk: &Disk, file: &File, path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mask = rustix::process::umask(rustix::fs::Mode::empty());
        rustix::process::umask(mask);
        let mode = 0o666 & !mask.bits();
        disk.attributes(path, || file.set_permissions(std::fs::Permissions::from_mode(mode)))
    }
    #[cfg(not(unix))]
    {
        let _ = (disk, file, path);
        Ok(())
    }
}
