//! Backups: one file for each version that a save replaced, with its bytes as they were.
//!
//! They stand in the state folder, never beside the document, in a folder of their own for each document. A version is kept
//! once, however often it is replaced.

use super::clock::Clock;
use super::disk::{Disk, Readers};
use super::save::SMALL;
use super::version::Digest;
use jiff::Timestamp;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Why a version was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The version as it was opened first.
    Open,
    /// A save replaced it.
    Save,
    /// It appeared in the moment of a save.
    Conflict,
    /// *Keep mine* went over it.
    Theirs,
}

impl Cause {
    const ALL: [Self; 4] = [Self::Open, Self::Save, Self::Conflict, Self::Theirs];

    fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Save => "save",
            Self::Conflict => "conflict",
            Self::Theirs => "theirs",
        }
    }

    /// Versions of others, which nobody here has seen.
    fn is_foreign(self) -> bool {
        matches!(self, Self::Conflict | Self::Theirs)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One kept version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it is.
    pub path: PathBuf,
    /// When it was kept.
    pub time: Timestamp,
    /// Bytes.
    pub size: u64,
    /// Why.
    pub cause: Cause,
    /// The first eight digits of its digest.
    pub digest: String,
}

impl Backup {
    /// Its file's name.
    pub fn name(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Another program's version that could not be copied to the backups, and stays where it is.
    pub(super) fn beside(path: &Path, clock: &dyn Clock) -> Self {
        let (time, path) = (timestamp(clock.now_ns()), path.to_owned());
        Self { path, time, size: 0, cause: Cause::Conflict, digest: String::new() }
    }
}

/// The backups of one document.
pub struct Backups<'a> {
    disk: &'a Disk,
    folder: PathBuf,
    document: PathBuf,
}

const SECOND: i64 = 1;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// How many backups are kept. Whatever it says, the newest one of a file stays, and what others wrote stays for 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The newest ones of each file that stay.
    pub count: usize,
    /// One for each day stays, for so many days; one for each hour for a day.
    pub days: u32,
    /// Bytes that the backups of one file may take.
    pub file_bytes: u64,
    /// Bytes that all may take.
    pub total_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { count: 20, days: 30, file_bytes: 256 << 20, total_bytes: 2 << 30 }
    }
}

/// How the name of a version ends that is being written.
const UNFINISHED: &str = ".part";

impl<'a> Backups<'a> {
    /// The backups of the file whose real path is `document`.
    pub fn of(disk: &'a Disk, state_folder: &Path, document: &Path) -> Self {
        let name = Digest::of(document.as_os_str().as_encoded_bytes()).to_string();
        let folder = state_folder.join("backups").join(&name[..16]);
        Self { disk, folder, document: document.to_owned() }
    }

    /// Bytes that the backups of all documents take.
    ///
    /// # Errors
    /// What the system says.
    pub fn total_size(disk: &Disk, state_folder: &Path) -> io::Result<u64> {
        let mut total = 0;
        for folder in disk.list(&state_folder.join("backups"))? {
            total += list(disk, &folder)?.iter().map(|backup| backup.size).sum::<u64>();
        }
        Ok(total)
    }

    /// Where they stand.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All of them, the oldest first.
    pub fn list(&self) -> io::Result<Vec<Backup>> {
        list(self.disk, &self.folder)
    }

    /// Files of [`Backups::begin`] that have no name of a version yet, or never got one.
    pub fn unfinished(&self) -> io::Result<Vec<PathBuf>> {
        let all = self.disk.list(&self.folder)?.into_iter();
        let is_part = |name: &str| name.starts_with('.') && name.ends_with(UNFINISHED);
        Ok(all.filter(|path| path.file_name().is_some_and(|name| is_part(&name.to_string_lossy()))).collect())
    }

    /// The backup with this content, if there is one.
    pub fn find(&self, digest: &Digest) -> io::Result<Option<Backup>> {
        let short = digest.short();
        for backup in self.list()?.into_iter().filter(|backup| backup.digest == short) {
            let file = self.disk.open(&backup.path)?;
            if Digest::of_file(self.disk, &file, &backup.path)? == *digest {
                return Ok(Some(backup));
            }
        }
        Ok(None)
    }

    /// The backup with this content, if there is one, from now on dated now: its version is replaced again, and must not go
    /// because it was replaced long ago as well.
    pub fn renew(&self, clock: &dyn Clock, digest: &Digest, cause: Cause) -> io::Result<Option<Backup>> {
        let Some(known) = self.find(digest)? else { return Ok(None) };
        let cause = if known.cause.is_foreign() || cause == Cause::Save { known.cause } else { cause };
        match self.give_name(clock, &known.path, digest, cause) {
            // Another process took it away in between, as it was old.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            named => named.map(Some),
        }
    }

    /// A file in the folder to write a version into; [`Backups::keep`] gives it its name.
    pub fn begin(&self) -> io::Result<(File, PathBuf)> {
        self.make_folder()?;
        self.disk.create_temporary(&self.folder, ".", UNFINISHED, Readers::Owner)
    }

    fn make_folder(&self) -> io::Result<()> {
        let label = self.folder.join("path.txt");
        if self.disk.stat(&label).is_ok() {
            return Ok(());
        }
        self.disk.make_folder(&self.folder)?;
        let (file, path) = self.disk.create_temporary(&self.folder, ".", UNFINISHED, Readers::Owner)?;
        let written = self.disk.write(&file, &path, self.document.as_os_str().as_encoded_bytes());
        written.and_then(|()| self.disk.sync(&file, &path)).and_then(|()| self.disk.rename(&path, &label)).inspect_err(|_| {
            // It is nothing but a label; what went wrong is told.
            let _ = self.disk.remove(&path);
        })?;
        for folder in self.folder.ancestors().skip(1).take(3) {
            self.disk.sync_folder(folder)?;
        }
        Ok(())
    }

    /// Makes a version that was written to a file of [`Backups::begin`] durable, and gives it its name.
    pub fn keep(&self, clock: &dyn Clock, file: &File, part: &Path, digest: &Digest, cause: Cause) -> io::Result<Backup> {
        self.disk.sync(file, part)?;
        if self.disk.stat_open(file, part)?.len() <= SMALL {
            // What is replaced next may be nowhere else.
            let back = self.disk.open(part)?;
            if Digest::of_file(self.disk, &back, part)? != *digest {
                return Err(io::Error::other("what was read back is not what was written"));
            }
        }
        self.give_name(clock, part, digest, cause)
    }

    /// Gives a file in the folder the name of a version that is kept now. A clock that jumps back, or two in one millisecond: the
    /// name must be free and the time nobody else's, so that the order of names is the order in which they were kept.
    fn give_name(&self, clock: &dyn Clock, from: &Path, digest: &Digest, cause: Cause) -> io::Result<Backup> {
        let taken: std::collections::HashSet<Timestamp> = self.list()?.into_iter().map(|backup| backup.time).collect();
        let mut time = timestamp(clock.now_ns());
        for _ in 0..10_000 {
            if !taken.contains(&time) {
                let name = format!("{}-{}-{cause}.json", time.strftime("%Y%m%dT%H%M%S%.3fZ"), digest.short());
                let path = self.folder.join(name);
                match self.disk.rename_new(from, &path) {
                    Ok(()) => {
                        self.disk.sync_folder(&self.folder)?;
                        let size = self.disk.stat(&path)?.len();
                        return Ok(Backup { path, time, size, cause, digest: digest.short() });
                    }
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(error),
                }
            }
            time += jiff::SignedDuration::from_millis(1);
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Keeps a version that stands in memory; one that is kept already is dated anew.
    pub fn store(&self, clock: &dyn Clock, bytes: &[u8], digest: &Digest, cause: Cause) -> io::Result<Backup> {
        if let Some(known) = self.renew(clock, digest, cause)? {
            return Ok(known);
        }
        let (file, part) = self.begin()?;
        let kept = self.disk.write(&file, &part, bytes).and_then(|()| self.keep(clock, &file, &part, digest, cause));
        kept.inspect_err(|_| {
            // The error is what is told; the rest of it is litter.
            let _ = self.disk.remove(&part);
        })
    }

    /// Keeps a copy of the file `from`, read in steps; its digest is that of what was copied.
    pub fn copy(&self, clock: &dyn Clock, from: &Path, cause: Cause) -> io::Result<Backup> {
        let source = self.disk.open(from)?;
        let (file, part) = self.begin()?;
        let copied = (|| {
            let mut hasher = blake3::Hasher::new();
            let mut buffer = vec![0; 1 << 20];
            loop {
                match self.disk.read(&source, from, &mut buffer)? {
                    0 => break,
                    count => {
                        hasher.update(&buffer[..count]);
                        self.disk.write(&file, &part, &buffer[..count])?;
                    }
                }
            }
            self.keep(clock, &file, &part, &hasher.finalize().into(), cause)
        })();
        copied.inspect_err(|_| {
            // The error is what is told; the part is litter.
            let _ = self.disk.remove(&part);
        })
    }

    /// Removes what need not be kept by `retention`: of this file, and where all files' backups take too much, the oldest of
    /// any.
    pub fn prune(&self, clock: &dyn Clock, retention: &Retention) -> io::Result<()> {
        let now = timestamp(clock.now_ns());
        let all = self.list()?;
        for doomed in superfluous(&all, now, retention) {
            self.let_go(doomed)?;
        }
        let Some(root) = self.folder.parent() else { return Ok(()) };
        let mut everything = Vec::new();
        for folder in self.disk.list(root)? {
            let mut kept = list(self.disk, &folder)?;
            // The newest one of each file stays.
            kept.pop();
            everything.extend(kept);
        }
        let mut total: u64 = everything.iter().map(|backup| backup.size).sum();
        everything.sort_by_key(|backup| backup.time);
        for backup in everything.iter().filter(|backup| !is_fresh_foreign(backup, now)) {
            if total <= retention.total_bytes {
                break;
            }
            self.let_go(backup)?;
            total -= backup.size;
        }
        Ok(())
    }

    /// Removes one; another process may have done so, or dated it anew.
    fn let_go(&self, backup: &Backup) -> io::Result<()> {
        match self.disk.remove(&backup.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn timestamp(ns: i128) -> Timestamp {
    // In milliseconds, as the names have it.
    let ms = i64::try_from(ns.div_euclid(1_000_000)).unwrap_or(0);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn list(disk: &Disk, folder: &Path) -> io::Result<Vec<Backup>> {
    let mut found = Vec::new();
    for path in disk.list(folder)? {
        let Some((time, digest, cause)) = path.file_name().and_then(|name| parse_name(&name.to_string_lossy())) else { continue };
        match disk.stat(&path) {
            Ok(metadata) => found.push(Backup { path, time, size: metadata.len(), cause, digest }),
            // Pruned by another process in between.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    found.sort_by(|a, b| (a.time, &a.path).cmp(&(b.time, &b.path)));
    Ok(found)
}

fn parse_name(name: &str) -> Option<(Timestamp, String, Cause)> {
    let mut parts = name.strip_suffix(".json")?.split('-');
    let (time, digest, word) = (parts.next()?, parts.next()?, parts.next()?);
    let cause = Cause::ALL.into_iter().find(|cause| cause.word() == word)?;
    let is_digest = digest.len() == 8 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let time: Timestamp = time.parse().ok()?;
    (parts.next().is_none() && is_digest).then(|| (time, digest.to_owned(), cause))
}

fn is_fresh_foreign(backup: &Backup, now: Timestamp) -> bool {
    backup.cause.is_foreign() && age(backup, now) < 30 * DAY
}

fn age(backup: &Backup, now: Timestamp) -> i64 {
    now.as_second() - backup.time.as_second()
}

/// What the rules let go, the oldest first; `all` is sorted, the oldest first.
fn superfluous<'b>(all: &'b [Backup], now: Timestamp, retention: &Retention) -> Vec<&'b Backup> {
    let days = i64::from(retention.days) * DAY;
    let mut slots = std::collections::HashSet::new();
    let keep = |(rank, backup): &(usize, &Backup), slots: &mut std::collections::HashSet<(bool, i64)>| {
        let age = age(backup, now);
        let hourly = age < DAY && slots.insert((true, backup.time.as_second() / HOUR));
        let daily = age < days && slots.insert((false, backup.time.as_second() / DAY));
        let opened = backup.cause == Cause::Open && age < days;
        *rank < retention.count || hourly || daily || opened || is_fresh_foreign(backup, now)
    };
    let newest_first: Vec<(usize, &Backup)> = all.iter().rev().enumerate().collect();
    let mut size = 0;
    let mut doomed = Vec::new();
    for entry in newest_first {
        let (rank, backup) = entry;
        let fits = rank == 0 || size + backup.size <= retention.file_bytes || is_fresh_foreign(backup, now);
        if keep(&entry, &mut slots) && fits {
            size += backup.size;
        } else {
            doomed.push(backup);
        }
    }
    doomed.reverse();
    doomed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup(age_minutes: i64, size: u64, cause: Cause) -> Backup {
        let time = now() - jiff::SignedDuration::from_mins(age_minutes);
        Backup { path: PathBuf::from(format!("{age_minutes}")), time, size, cause, digest: "00000000".to_owned() }
    }

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    #[track_caller]
    fn kept(mut all: Vec<Backup>, cap: u64, expected: &[i64]) {
        all.sort_by_key(|backup| backup.time);
        let doomed: Vec<PathBuf> = superfluous(&all, now(), &Retention { file_bytes: cap, ..Retention::default() })
            .into_iter()
            .map(|backup| backup.path.clone())
            .collect();
        let mut kept: Vec<i64> = all
            .iter()
            .filter(|backup| !doomed.contains(&backup.path))
            .map(|b| b.path.to_str().unwrap().parse().unwrap())
            .collect();
        kept.sort();
        assert_eq!(kept, expected);
    }

    #[test]
    fn retention() {
        let saves = |ages: std::ops::Range<i64>, step: i64| ages.map(|k| backup(k * step, 1, Cause::Save)).collect::<Vec<_>>();
        // One a minute: the newest 20, then one for each hour begun.
        kept(saves(0..100, 1), 1 << 30, &[(0..20).collect::<Vec<_>>(), vec![61]].concat()[..]);
        // One a day: the newest 20, the rest up to 30 days.
        kept(saves(0..40, 24 * 60), 1 << 30, &(0..30).map(|k| k * 24 * 60).collect::<Vec<_>>());
        // Caps win, but not over the newest one, nor over what others wrote.
        kept(vec![backup(0, 50, Cause::Save), backup(1, 50, Cause::Save), backup(2, 5, Cause::Theirs)], 10, &[0, 2]);
        kept(vec![backup(1, 5, Cause::Conflict), backup(60 * 24 * 31, 5, Cause::Save)], 1 << 30, &[1, 60 * 24 * 31]);
    }

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        let (time, digest, cause) = parse_name("20261124T030405.123Z-0a1b2c3d-theirs.json").unwrap();
        assert_eq!((time.to_string().as_str(), digest.as_str(), cause), ("2026-11-24T03:04:05.123Z", "0a1b2c3d", Cause::Theirs));
        for name in
            ["notes.json", "20261124T030405.123Z-0a1b2c3d-other.json", "20261124T030405.123Z-0a1b2c3d-save.json.bak", ".x.part"]
        {
            assert!(parse_name(name).is_none(), "{name}");
        }
    }
}
