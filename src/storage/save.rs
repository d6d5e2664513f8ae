//! The save protocol, in this order: lock, verify by content, back up, write beside, sync, look again, exchange, look at what was
//! displaced, sync the folder, take the new version.
//!
//! What it holds at every instant, also where the process or the machine stops: the path leads to one whole version, the old or
//! the new; nothing that somebody wrote is removed unless a durable copy exists; success is told only when the new text and its
//! name are on the disk. A failure leaves the old file whole and no litter.

use super::backup::{Backup, Backups, Cause};
use super::clock::Clock;
use super::disk::Disk;
use super::error::{Obstacle, SaveError, Step};
use super::lock::{self, LockError, Locking};
use super::metadata;
use super::open;
use super::temporary::{self, Temporary};
use super::version::{Digest, Stamp, Version};
use crate::document::{Document, Validator};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Files up to this size are held in memory while they are verified, and read back after they were written.
const SMALL: u64 = 64 << 20;
/// How often a file that changes between the check and the exchange is checked anew.
const TRIES: usize = 3;

/// What is written.
pub trait Content {
    /// Length in bytes.
    fn size(&self) -> u64;
    /// Hands all bytes to `sink`, in order.
    ///
    /// # Errors
    /// The first error of `sink`.
    fn write(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>;
}

impl Content for Document {
    fn size(&self) -> u64 {
        self.byte_len()
    }

    fn write(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        Self::write(self, sink)
    }
}

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
}

/// How a save is made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What becomes of the replaced version.
    pub backup: BackupPolicy,
    /// How long to wait for the lock.
    pub wait: Duration,
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
}

/// Told what a save is doing; breaks it off where that is still possible. `Lock` comes again and again while it waits.
pub type Observer<'a> = dyn FnMut(Step) -> ControlFlow<()> + 'a;

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
    let target = resolve(env.disk, path)?;
    let locking = take_lock(env, path, &target, options.wait, observer)?;
    let mut saved = Attempt { env, target: &target, options, observer }.run(expected, content)?;
    if let Locking::Unavailable(why) = &locking {
        saved.unlocked = Some(why.clone());
    }
    Ok(saved)
}

/// The real path of what is replaced: links are followed, and stay.
pub(super) fn resolve(disk: &Disk, path: &Path) -> Result<PathBuf, SaveError> {
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

pub(super) fn take_lock(
    env: &Env,
    path: &Path,
    target: &Path,
    wait: Duration,
    observer: &mut Observer,
) -> Result<Locking, SaveError> {
    if observer(Step::Lock).is_break() {
        return Err(SaveError::Cancelled);
    }
    let names = lock::lock_names(env.disk, path, target);
    lock::exclusive(env.disk, env.clock, &names, target, wait, &mut |_| observer(Step::Lock).is_continue()).map_err(|error| {
        match error {
            LockError::Busy => SaveError::Locked,
            LockError::Cancelled => SaveError::Cancelled,
        }
    })
}

/// The folder of a real path.
pub(super) fn folder_of(target: &Path) -> &Path {
    target.parent().unwrap_or(Path::new("/"))
}

/// One save under the lock.
pub(super) struct Attempt<'a, 'o> {
    pub env: &'a Env<'a>,
    pub target: &'a Path,
    pub options: Options,
    pub observer: &'a mut Observer<'o>,
}

/// What was found on the disk, and is safe to replace.
struct Verified {
    version: Version,
    backup: Option<Backup>,
    /// Kept open for its attributes alone; closed before the exchange, since an open file can't be replaced everywhere.
    metadata: std::fs::Metadata,
}

impl Attempt<'_, '_> {
    fn step(&mut self, step: Step) -> Result<(), SaveError> {
        if (self.observer)(step).is_break() { Err(SaveError::Cancelled) } else { Ok(()) }
    }

    fn backups(&self) -> Backups<'_> {
        Backups::of(self.env.disk, self.env.state_folder, self.target)
    }

    pub fn run(&mut self, expected: &Expected, content: &dyn Content) -> Result<Saved, SaveError> {
        temporary::sweep(self.env, self.target);
        let mut last = None;
        for _ in 0..TRIES {
            self.step(Step::Verify)?;
            let verified = self.verify(expected)?;
            let temporary = match last.take() {
                // The text itself did not change; only what it is like may have.
                Some(temporary) => temporary,
                None => self.write(content, verified.as_ref())?,
            };
            let now = self.metadata()?.map(|metadata| Stamp::of(&metadata, 0));
            let steady = match (&verified, now) {
                (Some(verified), Some(now)) => verified.version.stamp.same_metadata(&now),
                (None, None) => true,
                _ => false,
            };
            if steady {
                return self.commit(verified, temporary);
            }
            last = Some(temporary);
        }
        // It changes all the time: what is there now is the other version.
        match self.read_version()? {
            Some((version, ..)) => Err(SaveError::Conflict(Box::new(version))),
            None => Err(SaveError::Deleted),
        }
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

    /// Hashes the target without holding it, and copies it to `copy` on the way.
    fn stream(&mut self, copy: Option<(&File, &Path)>) -> Result<(Stamp, Digest), SaveError> {
        let disk = self.env.disk;
        let failed = SaveError::io(Step::Verify, self.target);
        let file = disk.open(self.target).map_err(&failed)?;
        let before = Stamp::of(&disk.stat_open(&file, self.target).map_err(&failed)?, self.env.clock.now_ns());
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 4 << 20];
        loop {
            self.step(Step::Verify)?;
            let count = disk.read(&file, self.target, &mut buffer).map_err(&failed)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            if let Some((file, path)) = copy {
                disk.write(file, path, &buffer[..count]).map_err(|source| self.backup_failed(source))?;
            }
        }
        Ok((before, hasher.finalize().into()))
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
        metadata::check_replaceable(self.target, &metadata)?;
        let (version, backup) = if metadata.len() > SMALL { self.verify_large(expected)? } else { self.verify_small(expected)? };
        Ok(Some(Verified { version, backup, metadata }))
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
            match backups.find(&digest).map_err(|source| self.backup_failed(source))? {
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

    fn folder(&self) -> &Path {
        folder_of(self.target)
    }

    /// Steps 6 and 7: the new text beside the file, durable. A sync that failed is never tried again on the same file, since
    /// the kernel may have dropped what it could not write: a new file is written, once.
    fn write(&mut self, content: &dyn Content, old: Option<&Verified>) -> Result<Temporary, SaveError> {
        self.step(Step::Write)?;
        match self.write_once(content, old) {
            Err(SaveError::Io { step: Step::Sync, .. }) => self.write_once(content, old),
            other => other,
        }
    }

    fn write_once(&mut self, content: &dyn Content, old: Option<&Verified>) -> Result<Temporary, SaveError> {
        let disk = self.env.disk;
        let folder = self.folder().to_owned();
        let (file, path) = disk
            .create_temporary(&folder, &temporary::prefix(self.target), ".tmp")
            .map_err(SaveError::io(Step::Write, &folder))?;
        let mut written = Temporary { disk: disk.clone(), path, file, digest: Digest::of(b""), stays: false };
        let path = written.path.clone();
        let failed = SaveError::io(Step::Write, &path);
        // An orphan is told by its lock. Where there are no locks its age alone tells.
        let _ = fs4::FileExt::try_lock(&written.file);
        temporary::reserve(&written.file, content.size()).map_err(&failed)?;
        written.digest = self.write_content(content, &written)?;
        if let Some(old) = old {
            let old_file = disk.open(self.target).map_err(SaveError::io(Step::Write, self.target))?;
            metadata::take_over(disk, &written.file, &path, &old_file, &old.metadata).map_err(|refused| match refused {
                metadata::Refused::Owner => SaveError::CannotReplace(Obstacle::Owner),
                metadata::Refused::Io(source) => failed(source),
            })?;
        } else {
            temporary::set_usual_mode(disk, &written.file, &path).map_err(&failed)?;
        }
        if disk.stat_open(&written.file, &path).map_err(&failed)?.len() != content.size() {
            return Err(failed(io::Error::other("the disk did not take all that was written")));
        }
        self.step(Step::Sync)?;
        disk.sync(&written.file, &path).map_err(SaveError::io(Step::Sync, &path))?;
        if content.size() <= SMALL {
            // A write that lies, a cable, a stray pointer: read back through another handle.
            let back = disk.open(&path).map_err(&failed)?;
            if self.hash(&back, &path, Step::Write)? != written.digest {
                return Err(failed(io::Error::other("what was read back is not what was written")));
            }
        }
        Ok(written)
    }

    /// Writes, hashes and checks the text as it goes by.
    fn write_content(&mut self, content: &dyn Content, to: &Temporary) -> Result<Digest, SaveError> {
        const BUFFER: usize = 1 << 20;
        let disk = self.env.disk;
        let mut hasher = blake3::Hasher::new();
        let mut validator = Validator::new();
        let mut problem = None;
        let mut buffer: Vec<u8> = Vec::with_capacity(BUFFER);
        let mut stopped = false;
        let mut flush = |buffer: &mut Vec<u8>, observer: &mut Observer| {
            if observer(Step::Write).is_break() {
                stopped = true;
                return Err(io::Error::other("stopped"));
            }
            hasher.update(buffer);
            disk.write(&to.file, &to.path, buffer)?;
            buffer.clear();
            Ok(())
        };
        let written = content.write(&mut |piece| {
            for part in piece.chunks(BUFFER) {
                if let Err(found) = validator.push(part) {
                    problem = Some(found);
                    return Err(io::ErrorKind::InvalidData.into());
                }
                if buffer.len() + part.len() > BUFFER {
                    flush(&mut buffer, self.observer)?;
                }
                buffer.extend_from_slice(part);
            }
            Ok(())
        });
        let written = written.and_then(|()| flush(&mut buffer, self.observer));
        let problem = problem.or_else(|| written.is_ok().then(|| validator.finish().err()).flatten());
        match (problem, written) {
            (Some(problem), _) => Err(SaveError::Invalid(problem)),
            (None, Err(_)) if stopped => Err(SaveError::Cancelled),
            (None, Err(source)) => Err(SaveError::Io { step: Step::Write, path: to.path.clone(), source }),
            (None, Ok(())) => Ok(hasher.finalize().into()),
        }
    }

    fn hash(&self, file: &File, path: &Path, step: Step) -> Result<Digest, SaveError> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            match self.env.disk.read(file, path, &mut buffer).map_err(SaveError::io(step, path))? {
                0 => return Ok(hasher.finalize().into()),
                count => hasher.update(&buffer[..count]),
            };
        }
    }

    /// Steps 9 to 12.
    fn commit(&mut self, verified: Option<Verified>, mut temporary: Temporary) -> Result<Saved, SaveError> {
        self.step(Step::Commit)?;
        let disk = self.env.disk;
        let displaced = match &verified {
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
        let version = self.take_version(temporary.digest)?;
        if let Err(error) = self.backups().prune(self.env.clock) {
            log::warn!("old backups could not be removed: {error}");
        }
        Ok(Saved { version, backup: verified.and_then(|verified| verified.backup), displaced, durability, unlocked: None })
    }

    /// Puts the new text in the file's place, and keeps what was displaced if it is not what was verified.
    fn replace(&mut self, verified: &Verified, temporary: &mut Temporary) -> Result<Option<Backup>, SaveError> {
        let disk = self.env.disk;
        match disk.exchange(&temporary.path, self.target) {
            Ok(()) => {
                // From here on the temporary name is the old version's.
                temporary.stays = true;
                let displaced = self.look_at_displaced(verified, &temporary.path);
                match &displaced {
                    Ok(_) => drop(disk.remove(&temporary.path)),
                    // It stays where it is: nothing that somebody wrote is removed without a copy.
                    Err(error) => log::warn!("the displaced version stays in {}: {error}", temporary.path.display()),
                }
                Ok(displaced.unwrap_or(None))
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.rename_with_patience(&temporary.path).map_err(|source| self.not_replaced(verified, temporary, source))?;
                temporary.stays = true;
                Ok(None)
            }
            Err(source) => Err(self.not_replaced(verified, temporary, source)),
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

    /// The rename failed. Where the old file is still what it was, the new text can go: it is in memory, and the person is told.
    /// Where it is not, the new text may be the only one there is.
    fn not_replaced(&self, verified: &Verified, temporary: &mut Temporary, source: io::Error) -> SaveError {
        let whole = self.metadata().ok().flatten().is_some_and(|now| verified.version.stamp.same_metadata(&Stamp::of(&now, 0)));
        if whole {
            return match source.kind() {
                io::ErrorKind::ResourceBusy => SaveError::CannotReplace(Obstacle::Busy),
                io::ErrorKind::PermissionDenied => SaveError::CannotReplace(Obstacle::Forbidden),
                _ => SaveError::Io { step: Step::Commit, path: self.target.to_owned(), source },
            };
        }
        temporary.stays = true;
        let name = self.target.file_name().unwrap_or_default().to_string_lossy();
        let time = jiff::Timestamp::from_nanosecond(self.env.clock.now_ns()).unwrap_or_default();
        let kept = self.folder().join(format!("{name}.unsaved-{}", time.strftime("%Y%m%dT%H%M%SZ")));
        match self.env.disk.rename_new(&temporary.path, &kept) {
            Ok(()) => SaveError::KeptBeside { kept, source },
            Err(_) => SaveError::KeptBeside { kept: temporary.path.clone(), source },
        }
    }

    /// Step 10. Metadata alone do not tell: a store through a mapped page, or a restored time, would go unseen.
    fn look_at_displaced(&self, verified: &Verified, path: &Path) -> Result<Option<Backup>, SaveError> {
        let disk = self.env.disk;
        let failed = SaveError::io(Step::Commit, path);
        let file = disk.open(path).map_err(&failed)?;
        let metadata = disk.stat_open(&file, path).map_err(&failed)?;
        let known = &verified.version.stamp;
        let now = Stamp::of(&metadata, 0);
        // The exchange itself changes the time of change, and nothing else.
        let untouched = now.size == known.size && now.modified_ns == known.modified_ns && now.inode == known.inode;
        if metadata.len() > SMALL && untouched && known.is_settled() {
            return Ok(None);
        }
        let digest = self.hash(&file, path, Step::Commit)?;
        if digest == verified.version.digest {
            return Ok(None);
        }
        let backups = self.backups();
        let kept = (|| {
            let (copy, part) = backups.begin()?;
            let source = disk.open(path)?;
            let mut buffer = vec![0; 1 << 20];
            loop {
                match disk.read(&source, path, &mut buffer)? {
                    0 => break,
                    count => disk.write(&copy, &part, &buffer[..count])?,
                }
            }
            backups.keep(self.env.clock, &copy, &part, &digest, Cause::Conflict)
        })();
        kept.map(Some).map_err(failed)
    }

    /// Step 12: the version of what is in place now.
    fn take_version(&self, digest: Digest) -> Result<Version, SaveError> {
        let disk = self.env.disk;
        let failed = SaveError::io(Step::Commit, self.target);
        let file = disk.open(self.target).map_err(&failed)?;
        let stamp = Stamp::of(&disk.stat_open(&file, self.target).map_err(&failed)?, self.env.clock.now_ns());
        Ok(Version { stamp, digest })
    }
}
