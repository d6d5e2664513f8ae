//! Steps 3 and 4 of a save: what is on the disk is what was loaded, by its content, and is kept. And after the exchange: what was
//! displaced is what was verified.

use super::backup::Backup;
use super::blocks::Reading;
use super::direct::Sink;
use super::error::{Doing, Obstacle, SaveError, Step};
use super::metadata;
use super::open;
use super::save::{Attempt, BackupPolicy, Env, Expected, SMALL, TRIES};
use super::version::{Digest, Stamp, Version};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

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
    pub backup: Option<Backup>,
    pub metadata: std::fs::Metadata,
    /// Why it can't be replaced by a rename.
    pub obstacle: Option<Obstacle>,
}

impl Attempt<'_, '_> {
    /// The target's metadata; `None` where there is no file.
    pub(super) fn metadata(&self) -> Result<Option<std::fs::Metadata>, SaveError> {
        match self.env.disk.stat_link(self.target) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SaveError::io(Step::Verify, self.target)(error)),
        }
    }

    /// Reads what is on the disk. Small files come with their bytes, large ones are hashed as they are read into the backup's file.
    pub(super) fn read_version(&mut self) -> Result<Option<(Version, Option<Vec<u8>>)>, SaveError> {
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
        match (Reading { disk, file, path, length, past_cache: is_shared }).digest(crew, &take, &mut go_on) {
            Ok(digest) => Ok((stamp, digest)),
            Err(Ended::Reading(source)) => Err(failed(source)),
            Err(Ended::Told(error)) => Err(error),
        }
    }

    pub(super) fn backup_failed(&self, source: io::Error) -> SaveError {
        SaveError::Backup { folder: self.env.state_folder.join("backups"), source }
    }

    /// Steps 3 and 4: what is on the disk is what was loaded, and is kept.
    pub(super) fn verify(&mut self, expected: &Expected) -> Result<Option<Verified>, SaveError> {
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

    /// Whether what was displaced is what was verified. Metadata alone do not tell: a store through a mapped page, or a restored
    /// time, would go unseen.
    pub(super) fn is_verified(&self, verified: &Verified, path: &Path) -> io::Result<bool> {
        let disk = self.env.disk;
        let file = disk.open(path)?;
        let now = Stamp::of(&disk.stat_open(&file, path)?, 0);
        let known = &verified.version.stamp;
        // The exchange itself changes the time of change, and nothing else.
        let untouched = now.size == known.size && now.modified_ns == known.modified_ns && now.inode == known.inode;
        if now.size > SMALL && untouched && known.is_settled() {
            return Ok(true);
        }
        let reading = Reading { disk, file: &file, path, length: now.size, past_cache: false };
        match reading.digest::<io::Error>(self.env.crew, &|_, _| Ok(()), &mut |_| Ok(())) {
            // Another length is another content.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            digest => Ok(digest? == verified.version.digest),
        }
    }
}
