//! The new text beside the file before it takes its place, and what is left of it when a save was killed.
//!
//! While it is being written its name ends with `.part`: nobody's version, and an orphan of that name can go. Finished, it ends
//! with `.tmp`; after the exchange that name is the old version's, or that of another program which wrote in the same moment, so
//! an orphan of that name goes only where its content is known elsewhere.

use super::backup::{Backups, Cause};
use super::blocks::{BLOCK, ROUND, Tree, side_by_side};
use super::content::{Content, in_blocks};
use super::direct::Sink;
use super::disk::{Disk, Readers};
use super::error::{Doing, Obstacle, SaveError, Step};
use super::metadata;
use super::save::{Attempt, Env, SMALL};
use super::target::folder_of;
use super::verify::Verified;
use super::version::{Digest, Stamp};
use crate::document::{Stretch, Validator};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// An own temporary file that nobody holds is an orphan after this time.
const ORPHAN_NS: i128 = 3_600_000_000_000;
/// How the name of a text ends that is not written to its end.
const UNFINISHED: &str = ".part";
/// How the name of a finished one ends.
const FINISHED: &str = ".tmp";
/// Characters between the prefix and the ending, which nobody can guess.
const RANDOM: usize = 8;

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

impl Attempt<'_, '_> {
    /// Steps 6 and 7: the new text beside the file, durable. A sync that failed is never tried again on the same file, since
    /// the kernel may have dropped what it could not write: a new file is written, once.
    pub fn write(&mut self, content: &dyn Content, old: Option<&Verified>) -> Result<Temporary, SaveError> {
        self.step(Step::Write)?;
        match self.write_once(content, old) {
            Err(SaveError::Io { step: Step::Sync, .. }) => self.write_once(content, old),
            other => other,
        }
    }

    fn write_once(&mut self, content: &dyn Content, old: Option<&Verified>) -> Result<Temporary, SaveError> {
        let disk = self.env.disk;
        let folder = self.folder().to_owned();
        // What takes another file's place is dressed like it before it does.
        let readers = if old.is_some() { Readers::Owner } else { Readers::Usual };
        let (file, path) = disk
            .create_temporary(&folder, &prefix(self.target), UNFINISHED, readers)
            .map_err(|source| self.not_written(content, &folder, source))?;
        let mut written = Temporary { disk: disk.clone(), path, file, digest: Digest::of(b""), stays: false };
        let path = written.path.clone();
        let failed = |source| self.not_written(content, &path, source);
        let sink = Sink::begin(disk, &written.file, &path, content.size()).map_err(failed)?;
        written.digest = self.write_content(content, &sink, &path)?;
        self.dress(&written, old)?;
        let failed = SaveError::io(Step::Write, &path);
        // A large file has its length from the beginning.
        if disk.stat_open(&written.file, &path).map_err(&failed)?.len() != content.size() {
            return Err(failed(io::Error::other("the disk did not take all that was written")));
        }
        self.step(Step::Sync)?;
        disk.sync(&written.file, &path).map_err(SaveError::io(Step::Sync, &path))?;
        if content.size() <= SMALL {
            // A write that lies, a cable, a stray pointer: read back through another handle.
            let back = disk.open(&path).map_err(&failed)?;
            if Digest::of_file(disk, &back, &path).map_err(&failed)? != written.digest {
                return Err(failed(io::Error::other("what was read back is not what was written")));
            }
        }
        let finished = path.with_extension("tmp");
        disk.rename(&path, &finished).map_err(&failed)?;
        written.path = finished;
        Ok(written)
    }

    /// Gives the new text the owner, mode and attributes of the old one, if there is one.
    pub fn dress(&self, written: &Temporary, old: Option<&Verified>) -> Result<(), SaveError> {
        let (disk, path) = (self.env.disk, &written.path);
        let failed = SaveError::io(Step::Write, path);
        let Some(old) = old else { return Ok(()) };
        let old_file = disk.open(self.target).map_err(SaveError::io(Step::Write, self.target))?;
        metadata::take_over(disk, &written.file, path, &old_file, &old.metadata).map_err(|refused| match refused {
            metadata::Refused::Owner => SaveError::CannotReplace(Obstacle::Owner),
            metadata::Refused::Io(source) => failed(source),
        })
    }

    /// What failed while the new text was written; where there was no room, with how much is missing.
    pub fn not_written(&self, content: &dyn Content, path: &Path, source: io::Error) -> SaveError {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let free = self.env.disk.free_space(self.folder());
                SaveError::Full { path: path.to_owned(), needed: content.size(), free }
            }
            _ => SaveError::Io { step: Step::Write, path: path.to_owned(), source },
        }
    }

    /// Writes, hashes and checks the text as it goes by, its blocks side by side.
    pub fn write_content(&mut self, content: &dyn Content, to: &Sink, path: &Path) -> Result<Digest, SaveError> {
        let (crew, total) = (self.env.crew, content.size());
        let mut tree = Tree::new(total);
        let mut validator = Validator::new();
        let mut done = 0;
        // What else than the disk ends it.
        let mut ended = None;
        let written = in_blocks(content, ROUND, &mut |stretch| {
            let mut end = |why| {
                ended = Some(why);
                io::Error::other("it ended early")
            };
            self.tell(Doing { step: Step::Write, done, total }).map_err(&mut end)?;
            let blocks: Vec<&[u8]> = stretch.chunks(BLOCK).collect();
            let read = side_by_side(crew, blocks.len(), &|_: &mut (), number| {
                let (offset, block) = (done + (number * BLOCK) as u64, blocks[number]);
                to.write(offset, block)?;
                Ok::<_, io::Error>((tree.hash(offset, block), Stretch::of(block)))
            })?;
            for (block, (hash, stretch)) in blocks.iter().zip(read) {
                tree.push(hash);
                validator.push_read(block, stretch).map_err(|problem| end(SaveError::Invalid(problem)))?;
            }
            done += stretch.len() as u64;
            Ok(())
        });
        match (ended, written) {
            (Some(why), _) => Err(why),
            (None, Err(source)) => Err(self.not_written(content, path, source)),
            (None, Ok(())) => validator.finish().map(|()| tree.finish()).map_err(SaveError::Invalid),
        }
    }
}

/// `.NAME.treekeep-`, so that the whole fits 255 bytes. A long name is cut, and told from others that begin alike by its digest.
pub fn prefix(target: &Path) -> String {
    const ROOM: usize = 255 - ".".len() - ".treekeep-".len() - RANDOM - UNFINISHED.len();
    let name = target.file_name().unwrap_or_default();
    let text = name.to_string_lossy();
    if text.len() <= ROOM {
        return format!(".{text}.treekeep-");
    }
    let digest = Digest::of(name.as_encoded_bytes()).short();
    let mut end = ROOM - digest.len() - 1;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!(".{}-{digest}.treekeep-", &text[..end])
}

/// Step 3: own temporary files of saves that were killed. What is not known elsewhere becomes a backup before it goes.
pub fn sweep(env: &Env, target: &Path) {
    if let Err(error) = try_sweep(env, target) {
        log::warn!("leftovers of an interrupted save could not be looked at: {error}");
    }
}

/// Whether something of an interrupted save stands beside the file. One that is under way looks the same.
pub fn has_leftovers(disk: &Disk, target: &Path) -> bool {
    leftovers(disk, target).is_ok_and(|found| !found.is_empty())
}

/// Own temporary files of this target, with their endings.
fn leftovers(disk: &Disk, target: &Path) -> io::Result<Vec<(PathBuf, &'static str)>> {
    let prefix = prefix(target);
    let ending_of = |path: &PathBuf| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let rest = name.strip_prefix(&prefix).filter(|rest| rest.is_char_boundary(RANDOM.min(rest.len())))?;
        let (random, ending) = rest.split_at(RANDOM.min(rest.len()));
        let ending = [UNFINISHED, FINISHED].into_iter().find(|known| *known == ending)?;
        random.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(ending)
    };
    let all = disk.list(folder_of(target))?.into_iter();
    Ok(all.filter_map(|path| ending_of(&path).map(|ending| (path, ending))).collect())
}

fn try_sweep(env: &Env, target: &Path) -> io::Result<()> {
    let disk = env.disk;
    for (path, ending) in leftovers(disk, target)? {
        if let Some((file, stamp)) = orphan(env, &path)? {
            if ending == FINISHED {
                keep_orphan(env, target, &file, &path, &stamp)?;
            }
            disk.remove(&path)?;
        }
    }
    for part in Backups::of(disk, env.state_folder, target).unfinished()? {
        if orphan(env, &part)?.is_some() {
            disk.remove(&part)?;
        }
    }
    Ok(())
}

/// A temporary file whose maker is gone: the maker held a lock on it. Where there are no locks, age tells.
fn orphan(env: &Env, path: &Path) -> io::Result<Option<(File, Stamp)>> {
    let disk = env.disk;
    let file = disk.open(path)?;
    let stamp = Stamp::of(&disk.stat_open(&file, path)?, env.clock.now_ns());
    let maker_is_gone = match fs4::FileExt::try_lock(&file) {
        Ok(()) => true,
        Err(fs4::TryLockError::WouldBlock) => false,
        Err(fs4::TryLockError::Error(_)) => stamp.seen_ns - stamp.modified_ns > ORPHAN_NS,
    };
    Ok(maker_is_gone.then_some((file, stamp)))
}

/// Makes sure that an orphan's content stands elsewhere.
fn keep_orphan(env: &Env, target: &Path, orphan: &File, path: &Path, stamp: &Stamp) -> io::Result<()> {
    let disk = env.disk;
    let backups = Backups::of(disk, env.state_folder, target);
    let digest = Digest::of_file(disk, orphan, path)?;
    let in_place = || -> io::Result<bool> {
        let now = disk.open(target)?;
        Ok(disk.stat_open(&now, target)?.len() == stamp.size && Digest::of_file(disk, &now, target)? == digest)
    };
    if !in_place().unwrap_or(false) && backups.find(&digest)?.is_none() {
        backups.copy(env.clock, path, Cause::Conflict)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_never_look_like_documents() {
        let long = "x".repeat(255);
        for name in ["a.json", "א.json", &long, &"א".repeat(127), &format!("{}.json", "y".repeat(250))] {
            let whole = format!("{}12345678{UNFINISHED}", prefix(Path::new(name)));
            assert!(whole.len() <= 255, "{} bytes for {name}", whole.len());
            assert!(whole.starts_with('.') && !whole.ends_with(".json"));
        }
        let other = format!("{}y", &long[1..]);
        assert_ne!(prefix(Path::new(&long)), prefix(Path::new(&other)), "each document has leftovers of its own");
    }
}
