//! The save protocol, in this order: lock, verify by content, back up, write beside, sync, look again, exchange, look at what was
//! displaced, sync the folder, take the new version.
//!
//! What it holds at every instant, also where the process or the machine stops: the path leads to one whole version, the old or
//! the new; nothing that somebody wrote is removed unless a durable copy exists; success is told only when the new text and its
//! name are on the disk. A failure leaves the old file whole and no litter.

use super::backup::{Backup, Backups, Cause, Retention};
use super::blocks::Reading;
use super::clock::Clock;
use super::content::Content;
use super::direct::Sink;
use super::disk::Disk;
use super::error::{Doing, Obstacle, SaveError, Step};
use super::in_place::{self, Settled};
use super::lock::Locking;
use super::metadata;
use super::open;
use super::target::{folder_of, lock_target};
use super::temporary::{self, Temporary};
use super::version::{Digest, Stamp, Version};
use crate::document::Crew;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

/// Files up to this size are held in memory while they are verified, and read back after they were written.
pub(super) const SMALL: u64 = 64 << 20;
/// How often a file that changes between the check and the exchange is checked anew.
const TRIES: usize = 3;

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

/// What ended a reading.
enum Ended {
    /// Reading itself.
    Reading(io::Error),
    /// Something that is an error of the save already.
    Told(SaveError),
}

impl From<io::Error> for Ended {
    fn from(source: io::Error) -> Self {
        Self::Reading(source)
    }
}

/// What was found on the disk, and is safe to replace. It is not held open: an open file can't be replaced everywhere.
pub(super) struct Verified {
    pub version: Version,
    backup: Option<Backup>,
    pub metadata: std::fs::Metadata,
    /// Why it can't be replaced by a rename.
    obstacle: Option<Obstacle>,
}

impl Attempt<'_, '_> {
    pub(super) fn step(&mut self, step: Step) -> Result<(), SaveError> {
        self.tell(step.into())
    }

    pub(super) fn tell(&mut self, doing: Doing) -> Result<(), SaveError> {
        if (self.observer)(doing).is_break() { Err(SaveError::Cancelled) } else { Ok(()) }
    }

    fn backups(&self) -> Backups<'_> {
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

    /// The target's metadata; `None` where there is no file.
    fn metadata(&self) -> Result<Option<std::fs::Metadata>, SaveError> {
        match self.env.disk.stat_link(self.target) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SaveError::io(Step::Verify, self.target)(error)),
        }
    }

    /// Reads what is on the disk. Small files come with their bytes, large ones are hashed as they are read into the backup's file.
    fn read_version(&mut self) -> Result<Option<(Version, Option<Vec<u8>>)>, SaveError> {
        let Some(metadata) = self.metadata()? else { return Ok(None) };
        if metadata.len() > SMALL {
            let (stamp, digest) = self.stream(None)?;
            return Ok(Some((Version { stamp, digest }, None)));
        }
        match open::read_locked(self.env.disk, self.env.clock, self.target, &mut |_, _| ControlFlow::Continue(())) {
            Ok(read) => {
                let version = Version { stamp: read.stamp, digest: Digest::of(&read.bytes) };
                Ok(Some((version, Some(read.bytes))))
            }
            Err(open::OpenError::Missing(_)) => Ok(None),
            Err(open::OpenError::Io(path, source)) => Err(SaveError::Io { step: Step::Verify, path, source }),
            Err(open::OpenError::NotRegular(_, kind)) => Err(SaveError::NotRegular(kind)),
            Err(other) => {
                Err(SaveError::Io { step: Step::Verify, path: self.target.to_owned(), source: io::Error::other(other) })
            }
        }
    }

    /// Hashes the target without holding it, and copies it to `copy` on the way. Where blocks can be shared, the copy is made at
    /// once and read in the target's place: what it holds nobody else can change.
    fn stream(&mut self, copy: Option<(&File, &Path)>) -> Result<(Stamp, Digest), SaveError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.stream_once(copy) {
                Err(SaveError::Io { source, .. }) if source.kind() == io::ErrorKind::UnexpectedEof && tries < TRIES => {
                    // It became longer or shorter meanwhile. What was copied of it is copied anew.
                    if let Some((file, path)) = copy {
                        self.env.disk.truncate(file, path, 0).map_err(|source| self.backup_failed(source))?;
                    }
                    self.env.clock.sleep(Duration::from_millis(20));
                }
                other => return other,
            }
        }
    }

    fn stream_once(&mut self, copy: Option<(&File, &Path)>) -> Result<(Stamp, Digest), SaveError> {
        let Env { disk, crew, .. } = *self.env;
        let target = self.target;
        let failed = SaveError::io(Step::Verify, target);
        let file = disk.open(target).map_err(&failed)?;
        let seen_ns = self.env.clock.now_ns();
        let stamp = Stamp::of(&disk.stat_open(&file, target).map_err(&failed)?, seen_ns);
        let folder = self.env.state_folder.join("backups");
        let not_kept = |source| SaveError::Backup { folder: folder.clone(), source };
        let is_shared = match copy {
            Some((to, path)) => disk.share(&file, to, path).map_err(not_kept)?,
            None => false,
        };
        let (file, path) = match copy {
            Some(copy) if is_shared => copy,
            _ => (&file, target),
        };
        let length = if is_shared { disk.stat_open(file, path).map_err(&failed)?.len() } else { stamp.size };
        let copy = copy.filter(|_| !is_shared);
        let copy = copy.map(|(to, path)| Sink::begin(disk, to, path, length)).transpose().map_err(not_kept)?;
        let step = if copy.is_some() { Step::Backup } else { Step::Verify };
        let mut go_on = |done| self.tell(Doing { step, done, total: length }).map_err(Ended::Told);
        let take = |offset: u64, bytes: &[u8]| match &copy {
            Some(copy) => copy.write(offset, bytes).map_err(|source| Ended::Told(not_kept(source))),
            None => Ok(()),
        };
        match (Reading { disk, file, path, length, is_new: is_shared }).digest(crew, &take, &mut go_on) {
            Ok(digest) => Ok((stamp, digest)),
            Err(Ended::Reading(source)) => Err(failed(source)),
            Err(Ended::Told(error)) => Err(error),
        }
    }

    fn backup_failed(&self, source: io::Error) -> SaveError {
        SaveError::Backup { folder: self.env.state_folder.join("backups"), source }
    }

    /// Steps 3 and 4: what is on the disk is what was loaded, and is kept.
    fn verify(&mut self, expected: &Expected) -> Result<Option<Verified>, SaveError> {
        let Some(metadata) = self.metadata()? else {
            return match expected {
                Expected::Version(_) => Err(SaveError::Deleted),
                Expected::Nothing | Expected::Anything => Ok(None),
            };
        };
        if !metadata.is_file() {
            return Err(SaveError::NotRegular(open::kind_name(&metadata)));
        }
        if matches!(expected, Expected::Nothing) {
            return Err(SaveError::Exists);
        }
        let obstacle = metadata::obstacle(self.target, &metadata)?;
        let (version, backup) = if metadata.len() > SMALL { self.verify_large(expected)? } else { self.verify_small(expected)? };
        Ok(Some(Verified { version, backup, metadata, obstacle }))
    }

    fn matches(expected: &Expected, version: &Version) -> Result<(), SaveError> {
        match expected {
            Expected::Version(known) if known.digest != version.digest => Err(SaveError::Conflict(Box::new(*version))),
            _ => Ok(()),
        }
    }

    fn verify_small(&mut self, expected: &Expected) -> Result<(Version, Option<Backup>), SaveError> {
        let Some((version, bytes)) = self.read_version()? else { return Err(SaveError::Deleted) };
        Self::matches(expected, &version)?;
        let BackupPolicy::Keep(cause) = self.options.backup else { return Ok((version, None)) };
        self.step(Step::Backup)?;
        let bytes = bytes.unwrap_or_default();
        let backup =
            self.backups().store(self.env.clock, &bytes, &version.digest, cause).map_err(|source| self.backup_failed(source))?;
        Ok((version, Some(backup)))
    }

    fn verify_large(&mut self, expected: &Expected) -> Result<(Version, Option<Backup>), SaveError> {
        let BackupPolicy::Keep(cause) = self.options.backup else {
            let (stamp, digest) = self.stream(None)?;
            let version = Version { stamp, digest };
            return Self::matches(expected, &version).map(|()| (version, None));
        };
        self.step(Step::Backup)?;
        let (file, part) = self.backups().begin().map_err(|source| self.backup_failed(source))?;
        let kept = self.stream(Some((&file, &part))).and_then(|(stamp, digest)| {
            let version = Version { stamp, digest };
            Self::matches(expected, &version)?;
            let backups = self.backups();
            match backups.renew(self.env.clock, &digest, cause).map_err(|source| self.backup_failed(source))? {
                Some(known) => {
                    self.env.disk.remove(&part).map_err(|source| self.backup_failed(source))?;
                    Ok((version, Some(known)))
                }
                None => {
                    let backup = backups.keep(self.env.clock, &file, &part, &digest, cause);
                    Ok((version, Some(backup.map_err(|source| self.backup_failed(source))?)))
                }
            }
        });
        kept.inspect_err(|_| {
            // The error is what is told; the part is litter.
            let _ = self.env.disk.remove(&part);
        })
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

    /// Whether what was displaced is what was verified. Metadata alone do not tell: a store through a mapped page, or a restored
    /// time, would go unseen.
    fn is_verified(&self, verified: &Verified, path: &Path) -> io::Result<bool> {
        let disk = self.env.disk;
        let file = disk.open(path)?;
        let now = Stamp::of(&disk.stat_open(&file, path)?, 0);
        let known = &verified.version.stamp;
        // The exchange itself changes the time of change, and nothing else.
        let untouched = now.size == known.size && now.modified_ns == known.modified_ns && now.inode == known.inode;
        if now.size > SMALL && untouched && known.is_settled() {
            return Ok(true);
        }
        let reading = Reading { disk, file: &file, path, length: now.size, is_new: false };
        match reading.digest::<io::Error>(self.env.crew, &|_, _| Ok(()), &mut |_| Ok(())) {
            // Another length is another content.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            digest => Ok(digest? == verified.version.digest),
        }
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
