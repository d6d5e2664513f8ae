//! The save protocol, in this order: lock, verify by content, back up, write beside, sync, look again, exchange, look at what was
//! displaced, sync the folder, take the new version.
//!
//! What it holds at every instant, also where the process or the machine stops: the path leads to one whole version, the old or
//! the new; nothing that somebody wrote is removed unless a durable copy exists; success is told only when the new text and its
//! name are on the disk. A failure leaves the old file whole and no litter.

use super::backup::{Backup, Backups, Cause, Retention};
use super::clock::Clock;
use super::content::Content;
use super::disk::Disk;
use super::error::{Doing, Obstacle, SaveError, Step};
use super::in_place::{self, Settled};
use super::lock::Locking;
use super::target::{folder_of, lock_target};
use super::temporary::{self, Temporary};
use super::verify::Verified;
use super::version::{Digest, Stamp, Version};
use crate::document::Crew;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

/// Files up to this size are held in memory while they are verified, and read back after they were written.
pub(super) const SMALL: u64 = 64 << 20;
/// How often a file that changes between the check and the exchange is checked anew.
pub(super) const TRIES: usize = 3;

/// What must be on the disk for a save to go on.
#[derive(Clone, Debug)]
pub enum Expected {
    /// This version; anything else is a conflict.
    Version(Version),
    /// Nothing; a file of that name is not replaced.
    Nothing,
    /// Whatever there is: a person chose to replace it. It is backed up like any other.
    Anything,
}

/// Whether the replaced version is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupPolicy {
    /// It is kept, for this reason; no backup, no save.
    Keep(Cause),
    /// It is not kept.
    Skip,
}

/// What a save works with.
pub struct Env<'a> {
    /// The disk.
    pub disk: &'a Disk,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Where backups stand.
    pub state_folder: &'a Path,
    /// Who works on a large file side by side.
    pub crew: &'a dyn Crew,
}

/// How a save is made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What becomes of the replaced version.
    pub backup: BackupPolicy,
    /// How long to wait for the lock.
    pub wait: Duration,
    /// Which backups are kept afterwards.
    pub retention: Retention,
}

/// How sure it is that a power cut can't take the save back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The disk confirmed everything.
    Confirmed,
    /// The new name was not confirmed, for this reason.
    NameNotConfirmed(String),
}

/// A save that was made.
#[derive(Debug)]
pub struct Saved {
    /// The version that is on the disk now.
    pub version: Version,
    /// The replaced version's backup.
    pub backup: Option<Backup>,
    /// A version that appeared in the moment of the exchange, and is kept.
    pub displaced: Option<Backup>,
    /// Whether the disk confirmed it.
    pub durability: Durability,
    /// Why there was no lock, if there was none.
    pub unlocked: Option<String>,
    /// Why the file was written in place, if it was.
    pub in_place: Option<Obstacle>,
}

/// Told what a save is doing; breaks it off where that is still possible. `Lock` comes again and again while it waits, the steps
/// that are counted in bytes as these are done.
pub type Observer<'a> = dyn FnMut(Doing) -> ControlFlow<()> + 'a;

/// Saves `content` at `path`, links followed.
///
/// # Errors
/// Why not; the file on disk is as it was.
pub fn save(
    env: &Env,
    path: &Path,
    expected: &Expected,
    content: &dyn Content,
    options: Options,
    observer: &mut Observer,
) -> Result<Saved, SaveError> {
    let (target, locking) = lock_target(env, path, options.wait, observer)?;
    let saved = Attempt { env, target: &target, options, observer }.run(expected, content)?;
    Ok(finish(env, &target, locking, &options.retention, saved))
}

/// Lets go of the lock, and then does what nobody has to wait for.
pub(super) fn finish(env: &Env, target: &Path, locking: Locking, retention: &Retention, mut saved: Saved) -> Saved {
    if let Locking::Unavailable(why, _) = &locking {
        saved.unlocked = Some(why.clone());
    }
    drop(locking);
    if saved.backup.is_none() && saved.displaced.is_none() {
        // No backup more, none too many.
        return saved;
    }
    if let Err(error) = Backups::of(env.disk, env.state_folder, target).prune(env.clock, retention) {
        log::warn!("old backups could not be removed: {error}");
    }
    saved
}

/// One save under the lock.
pub(super) struct Attempt<'a, 'o> {
    pub env: &'a Env<'a>,
    pub target: &'a Path,
    pub options: Options,
    pub observer: &'a mut Observer<'o>,
}

impl Attempt<'_, '_> {
    pub(super) fn step(&mut self, step: Step) -> Result<(), SaveError> {
        self.tell(step.into())
    }

    pub(super) fn tell(&mut self, doing: Doing) -> Result<(), SaveError> {
        if (self.observer)(doing).is_break() { Err(SaveError::Cancelled) } else { Ok(()) }
    }

    pub(super) fn backups(&self) -> Backups<'_> {
        Backups::of(self.env.disk, self.env.state_folder, self.target)
    }

    pub fn run(&mut self, expected: &Expected, content: &dyn Content) -> Result<Saved, SaveError> {
        temporary::sweep(self.env, self.target);
        let expected = &self.settled(expected)?;
        let mut last = None;
        for _ in 0..TRIES {
            self.step(Step::Verify)?;
            let mut verified = self.verify(expected)?;
            if let Some(verified) = verified.as_mut()
                && let Some(obstacle) = verified.obstacle.take()
            {
                return self.save_in_place(content, verified, obstacle);
            }
            let written = match last.take() {
                // The text itself did not change; what it is like may have.
                Some(temporary) => self.dress(&temporary, verified.as_ref()).and_then(|()| {
                    self.env.disk.sync(&temporary.file, &temporary.path).map_err(SaveError::io(Step::Sync, &temporary.path))?;
                    Ok(temporary)
                }),
                None => self.write(content, verified.as_ref()),
            };
            let temporary = match (written, verified.as_mut()) {
                // Only now is it known that the owner can't be kept.
                (Err(SaveError::CannotReplace(obstacle)), Some(verified)) => {
                    return self.save_in_place(content, verified, obstacle);
                }
                (written, _) => written?,
            };
            let now = self.metadata()?.map(|metadata| Stamp::of(&metadata, 0));
            let steady = match (&verified, now) {
                (Some(verified), Some(now)) => verified.version.stamp.same_metadata(&now),
                (None, None) => true,
                _ => false,
            };
            if steady {
                content.will_be_saved(&temporary.digest);
                return match (self.commit(&mut verified, temporary), verified.as_mut()) {
                    // The old file is whole. What can't be exchanged may still be written.
                    (Err(SaveError::CannotReplace(obstacle)), Some(verified)) => self.save_in_place(content, verified, obstacle),
                    (committed, _) => committed,
                };
            }
            last = Some(temporary);
        }
        // It changes all the time: what is there now is the other version.
        match self.read_version()? {
            Some((version, ..)) => Err(SaveError::Conflict(Box::new(version))),
            None => Err(SaveError::Deleted),
        }
    }

    /// A write in place that was interrupted is finished first. What was to be replaced then may stand there replaced by now.
    fn settled(&mut self, expected: &Expected) -> Result<Expected, SaveError> {
        let settled = in_place::settle(self.env, self.target).map_err(SaveError::io(Step::Verify, self.target))?;
        Ok(match (settled, expected) {
            (Some(Settled::Finished { old, new }), Expected::Version(version)) if version.digest == old => {
                Expected::Version(Version { digest: new, ..*version })
            }
            _ => expected.clone(),
        })
    }

    /// Where a rename can't do. There is always a backup: with the plan it makes the write one that can be finished.
    fn save_in_place(&mut self, content: &dyn Content, verified: &mut Verified, obstacle: Obstacle) -> Result<Saved, SaveError> {
        if verified.backup.is_none() {
            self.step(Step::Backup)?;
            let backups = self.backups();
            let backup = backups.copy(self.env.clock, self.target, Cause::Save).map_err(|source| self.backup_failed(source))?;
            verified.backup = Some(backup);
        }
        let (digest, stamp) = self.write_in_place(content, verified)?;
        let durability = Durability::Confirmed;
        let backup = verified.backup.take();
        let version = Version { stamp, digest };
        Ok(Saved { version, backup, displaced: None, durability, unlocked: None, in_place: Some(obstacle) })
    }

    pub(super) fn folder(&self) -> &Path {
        folder_of(self.target)
    }

    /// Steps 9 to 12. From the exchange on the save is made: what fails then is told, and does not unmake it.
    fn commit(&mut self, verified: &mut Option<Verified>, mut temporary: Temporary) -> Result<Saved, SaveError> {
        self.step(Step::Commit)?;
        let disk = self.env.disk;
        let displaced = match &*verified {
            None => {
                disk.rename_new(&temporary.path, self.target).map_err(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => SaveError::Exists,
                    _ => SaveError::Io { step: Step::Commit, path: self.target.to_owned(), source: error },
                })?;
                temporary.stays = true;
                None
            }
            Some(verified) => self.replace(verified, &mut temporary)?,
        };
        let durability = match disk.sync_folder(self.folder()) {
            Ok(()) => Durability::Confirmed,
            Err(error) => Durability::NameNotConfirmed(error.to_string()),
        };
        let version = Version { stamp: self.stamp_in_place(&temporary), digest: temporary.digest };
        let backup = verified.as_mut().and_then(|verified| verified.backup.take());
        Ok(Saved { version, backup, displaced, durability, unlocked: None, in_place: None })
    }

    /// Puts the new text in the file's place, and keeps what was displaced if it is not what was verified.
    fn replace(&mut self, verified: &Verified, temporary: &mut Temporary) -> Result<Option<Backup>, SaveError> {
        let disk = self.env.disk;
        match disk.exchange(&temporary.path, self.target) {
            Ok(()) => {
                // From here on the temporary name is the old version's.
                temporary.stays = true;
                Ok(self.keep_displaced(verified, &temporary.path))
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.rename_with_patience(&temporary.path).map_err(|source| self.keep_beside(temporary, source))?;
                temporary.stays = true;
                Ok(None)
            }
            Err(source) => Err(self.not_exchanged(verified, temporary, source)),
        }
    }

    /// On shares an open file can't be replaced, for as long as it is open.
    fn rename_with_patience(&self, from: &Path) -> io::Result<()> {
        const REPEATS: usize = 10;
        let disk = self.env.disk;
        for _ in 1..REPEATS {
            match disk.rename(from, self.target) {
                Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ResourceBusy) => {
                    self.env.clock.sleep(Duration::from_millis(500));
                }
                other => return other,
            }
        }
        disk.rename(from, self.target)
    }

    /// The exchange failed. Where the old file is still what it was, the new text can go: it is in memory, and the person is told.
    /// Where it is not, the new text may be the only one there is.
    fn not_exchanged(&self, verified: &Verified, temporary: &mut Temporary, source: io::Error) -> SaveError {
        let whole = self.metadata().ok().flatten().is_some_and(|now| verified.version.stamp.same_metadata(&Stamp::of(&now, 0)));
        if !whole {
            return self.keep_beside(temporary, source);
        }
        match source.kind() {
            io::ErrorKind::ResourceBusy => SaveError::CannotReplace(Obstacle::Busy),
            io::ErrorKind::PermissionDenied => SaveError::CannotReplace(Obstacle::Forbidden),
            _ => SaveError::Io { step: Step::Commit, path: self.target.to_owned(), source },
        }
    }

    /// Keeps the new text under a name of its own. After a plain rename that failed this is always so: on SMB such a rename marks
    /// the old file to vanish when the last program closes it, however whole it looks now.
    fn keep_beside(&self, temporary: &mut Temporary, source: io::Error) -> SaveError {
        temporary.stays = true;
        let mut name = self.target.file_name().unwrap_or_default().to_owned();
        let time = jiff::Timestamp::from_nanosecond(self.env.clock.now_ns()).unwrap_or_default();
        name.push(format!(".unsaved-{}", time.strftime("%Y%m%dT%H%M%SZ")));
        let kept = self.folder().join(name);
        match self.env.disk.rename_new(&temporary.path, &kept) {
            Ok(()) => SaveError::KeptBeside { kept, source },
            Err(_) => SaveError::KeptBeside { kept: temporary.path.clone(), source },
        }
    }

    /// Step 10. What was displaced goes if it is the version that was verified. What another program wrote in the moment of the
    /// exchange becomes a backup; where none can be made it stays beside the file, and the next save tries again.
    fn keep_displaced(&self, verified: &Verified, path: &Path) -> Option<Backup> {
        let displaced = match self.is_verified(verified, path) {
            Ok(true) => None,
            Ok(false) => match self.backups().copy(self.env.clock, path, Cause::Conflict) {
                Ok(backup) => Some(backup),
                Err(error) => {
                    log::warn!("the displaced version stays in {}: {error}", path.display());
                    return Some(Backup::beside(path, self.env.clock));
                }
            },
            Err(error) => {
                log::warn!("the displaced version stays in {}, unseen: {error}", path.display());
                return None;
            }
        };
        if let Err(error) = self.env.disk.remove(path) {
            log::warn!("{}: {error}; the next save removes it", path.display());
        }
        displaced
    }

    /// Step 12: the metadata of what was put in place, through the handle that wrote it: the name may lead elsewhere by now. They
    /// are not to be trusted where the name does not lead to the new text.
    fn stamp_in_place(&self, temporary: &Temporary) -> Stamp {
        let disk = self.env.disk;
        let seen_ns = self.env.clock.now_ns();
        let own = disk.stat_open(&temporary.file, self.target).map(|metadata| Stamp::of(&metadata, seen_ns));
        let in_place = || -> io::Result<bool> {
            let file = disk.open(self.target)?;
            let there = Stamp::of(&disk.stat_open(&file, self.target)?, 0);
            let same_file = own.as_ref().is_ok_and(|own| own.same_metadata(&there));
            Ok(same_file && (there.size > SMALL || Digest::of_file(disk, &file, self.target)? == temporary.digest))
        };
        match (&own, in_place()) {
            (Ok(own), Ok(true)) => *own,
            (Ok(own), _) => Stamp { seen_ns: 0, ..*own },
            (Err(_), _) => Stamp::unknown(0),
        }
    }
}
