//! Writing a file in place, where it can't be replaced by a rename: it has several names, its folder can't be written, it
//! belongs to somebody else, something is mounted on it.
//!
//! Before the first byte of the file changes, a *plan* stands in the state folder, durable: the whole new text, and the digests
//! and lengths of both texts; the old text is in a backup. A crash in between leaves a file whose blocks are some old, some new.
//! Whoever meets it next — a save, an opening, `treekeep recover` — knows it by that and finishes the write. A file that holds
//! the old or the new text as a whole needs nothing but the plan's removal. One that somebody else wrote meanwhile is left
//! alone, and the plan's text is kept as a backup.

use super::backup::{Backups, Cause};
use super::content::Content;
use super::direct::Sink;
use super::disk::{Disk, Readers};
use super::error::{SaveError, Step};
use super::save::{Attempt, Env};
use super::temporary;
use super::verify::Verified;
use super::version::{Digest, Stamp};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

const ENDING: &str = ".plan";
/// What is told apart as old or new after a power cut: no disk writes less at once.
const BLOCK: usize = 512;

/// What stands at the beginning of a plan, on a line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// Of the path in bytes: only the digest, since paths need not be Unicode.
    target: String,
    #[serde(with = "digest_text")]
    old: Digest,
    old_size: u64,
    #[serde(with = "digest_text")]
    new: Digest,
    new_size: u64,
}

mod digest_text {
    use super::Digest;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(digest)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A plan on the disk.
pub struct Plan {
    path: PathBuf,
    file: File,
    head: Head,
}

/// What was done about an interrupted write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The new text stands in the file, all of it, where the old one was.
    Finished {
        /// Of the old text.
        old: Digest,
        /// Of the new text.
        new: Digest,
    },
    /// The old text stands there: the write had not begun.
    Undone,
    /// Another program wrote the file since; the new text is a backup.
    Superseded,
}

fn folder(state_folder: &Path) -> PathBuf {
    state_folder.join("in-place")
}

fn name_of(target: &Path) -> String {
    Digest::of(target.as_os_str().as_encoded_bytes()).to_string()
}

impl Attempt<'_, '_> {
    /// Steps 6 to 9 of a save that rewrites the file. The backup was made.
    pub fn write_in_place(&mut self, content: &dyn Content, verified: &Verified) -> Result<(Digest, Stamp), SaveError> {
        let disk = self.env.disk;
        let plan = self.make_plan(content, verified)?;
        content.will_be_saved(&plan.head.new);
        let planned = self.step(Step::Commit).and_then(|()| {
            let file = disk.open_to_write(self.target).map_err(|error| match error.kind() {
                io::ErrorKind::PermissionDenied => SaveError::ReadOnly,
                _ => SaveError::Io { step: Step::Commit, path: self.target.to_owned(), source: error },
            })?;
            // Through the handle that is written: nobody can put another file here in between.
            let found = Digest::of_file(disk, &file, self.target).map_err(SaveError::io(Step::Verify, self.target))?;
            if found != verified.version.digest {
                return Err(SaveError::Conflict(Box::new(super::Version {
                    digest: found,
                    stamp: Stamp { seen_ns: 0, ..verified.version.stamp },
                })));
            }
            // A text that grows on a full disk must not break off half-way.
            temporary::reserve(&file, content.size()).map_err(|source| self.not_written(content, self.target, source))?;
            Ok(file)
        });
        let file = match planned {
            Ok(file) => file,
            Err(error) => {
                // The file was not touched.
                let _ = disk.remove(&plan.path);
                return Err(error);
            }
        };
        // From here on the plan stays until the new text is in place as a whole.
        let interrupted = |source| SaveError::Interrupted { plan: plan.path.clone(), source };
        plan.write_to(disk, &file, self.target).map_err(interrupted)?;
        if let Err(error) = disk.remove(&plan.path) {
            log::warn!("{}: {error}; the next save removes it", plan.path.display());
        }
        let seen_ns = self.env.clock.now_ns();
        let stamp = disk.stat_open(&file, self.target).map_or(Stamp::unknown(0), |metadata| Stamp::of(&metadata, seen_ns));
        Ok((plan.head.new, stamp))
    }

    fn make_plan(&mut self, content: &dyn Content, verified: &Verified) -> Result<Plan, SaveError> {
        self.step(Step::Write)?;
        let disk = self.env.disk;
        let folder = folder(self.env.state_folder);
        let failed = |source: io::Error| SaveError::Plan { folder: folder.clone(), source };
        disk.make_folder(&folder).map_err(failed)?;
        let prefix = format!("{}-", &name_of(self.target)[..16]);
        let (file, part) = disk.create_temporary(&folder, &prefix, ".part", Readers::Owner).map_err(failed)?;
        let made = (|| {
            let sink = Sink::begin(disk, &file, &part, content.size()).map_err(failed)?;
            let digest = self.write_content(content, &sink, &part)?;
            self.step(Step::Sync)?;
            let head = Head {
                target: name_of(self.target),
                old: verified.version.digest,
                old_size: verified.version.stamp.size,
                new: digest,
                new_size: content.size(),
            };
            // The text comes first, since its digest is known when it was written.
            let line = serde_json::to_vec(&head).map_err(io::Error::from).map_err(failed)?;
            disk.write_at(&file, &part, content.size(), &[b"\n", &line[..], b"\n"].concat()).map_err(failed)?;
            disk.sync(&file, &part).map_err(failed)?;
            let path = part.with_extension("plan");
            disk.rename_new(&part, &path).map_err(failed)?;
            folder.ancestors().take(2).try_for_each(|folder| disk.sync_folder(folder)).map_err(failed)?;
            Plan::read(disk, &path).map_err(failed)?.ok_or_else(|| failed(io::Error::other("the plan was not read back")))
        })();
        made.inspect_err(|_| {
            // The error is what is told; the file was not touched.
            let _ = disk.remove(&part).or_else(|_| disk.remove(&part.with_extension("plan")));
        })
    }
}

impl Plan {
    /// Reads a plan; `None` where it is not whole.
    fn read(disk: &Disk, path: &Path) -> io::Result<Option<Self>> {
        /// The line at the end is shorter.
        const TAIL: u64 = 1024;
        let mut file = disk.open(path)?;
        let length = disk.stat_open(&file, path)?.len();
        file.seek(io::SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut tail = Vec::new();
        disk.read_more(&file, path, &mut tail, TAIL)?;
        let Some(line) = tail.strip_suffix(b"\n").and_then(|tail| tail.rsplit(|&byte| byte == b'\n').next()) else {
            return Ok(None);
        };
        let Ok(head) = serde_json::from_slice::<Head>(line) else { return Ok(None) };
        let whole = length == head.new_size + line.len() as u64 + 2;
        let plan = Self { path: path.to_owned(), file, head };
        Ok(if whole && plan.digest(disk)? == plan.head.new { Some(plan) } else { None })
    }

    /// Reads the new text in order.
    fn each(&self, disk: &Disk, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(io::SeekFrom::Start(0))?;
        let mut left = self.head.new_size;
        let mut buffer = vec![0; 1 << 20];
        while left > 0 {
            let limit = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = disk.read(&self.file, &self.path, &mut buffer[..limit])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            take(&buffer[..count])?;
            left -= count as u64;
        }
        Ok(())
    }

    fn digest(&self, disk: &Disk) -> io::Result<Digest> {
        let mut hasher = blake3::Hasher::new();
        self.each(disk, &mut |bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        Ok(hasher.finalize().into())
    }

    /// Writes the new text over the file, makes it durable, and reads it back.
    fn write_to(&self, disk: &Disk, file: &File, target: &Path) -> io::Result<()> {
        let mut writer = file;
        writer.rewind()?;
        self.each(disk, &mut |bytes| disk.write(file, target, bytes))?;
        disk.truncate(file, target, self.head.new_size)?;
        disk.sync(file, target)?;
        let back = disk.open(target)?;
        if Digest::of_file(disk, &back, target)? == self.head.new {
            Ok(())
        } else {
            Err(io::Error::other("what was read back is not what was written"))
        }
    }
}

/// Plans for `target` that a process left behind: finishes or removes them. The caller holds the target's lock.
///
/// # Errors
/// What the system says; the plan stays then.
pub fn settle(env: &Env, target: &Path) -> io::Result<Option<Settled>> {
    let prefix = format!("{}-", &name_of(target)[..16]);
    let mut settled = None;
    let plans = env.disk.list(&folder(env.state_folder)).unwrap_or_else(|error| {
        // Without a state folder no write in place was ever begun.
        log::warn!("{}: {error}", folder(env.state_folder).display());
        Vec::new()
    });
    for path in plans {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.starts_with(&prefix) {
            continue;
        }
        if name.ends_with(ENDING)
            && let Some(plan) = Plan::read(env.disk, &path)?
        {
            settled = Some(settle_one(env, target, &plan)?);
        }
        // What has no whole plan in it was never begun to be written.
        env.disk.remove(&path)?;
    }
    Ok(settled)
}

/// Whether a plan for `target` was left behind. Cheap.
pub fn is_pending(disk: &Disk, state_folder: &Path, target: &Path) -> bool {
    let prefix = format!("{}-", &name_of(target)[..16]);
    let named = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
            && path.extension().is_some_and(|ending| ending == "plan")
    };
    disk.list(&folder(state_folder)).is_ok_and(|paths| paths.iter().any(named))
}

fn settle_one(env: &Env, target: &Path, plan: &Plan) -> io::Result<Settled> {
    let disk = env.disk;
    let found = match disk.open(target) {
        Ok(file) => Some(Digest::of_file(disk, &file, target)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let finished = Settled::Finished { old: plan.head.old, new: plan.head.new };
    if found == Some(plan.head.new) {
        return Ok(finished);
    }
    if found == Some(plan.head.old) {
        return Ok(Settled::Undone);
    }
    let backups = Backups::of(disk, env.state_folder, target);
    let old = backups.find(&plan.head.old)?;
    let torn = match (&old, found) {
        (Some(old), Some(_)) => is_mixture(disk, target, &old.path, plan)?,
        _ => false,
    };
    if torn {
        let file = disk.open_to_write(target)?;
        plan.write_to(disk, &file, target)?;
        return Ok(finished);
    }
    let mut text = Vec::new();
    plan.each(disk, &mut |bytes| {
        text.extend_from_slice(bytes);
        Ok(())
    })?;
    backups.store(env.clock, &text, &Digest::of(&text), Cause::Conflict)?;
    Ok(Settled::Superseded)
}

/// Whether each block of the file is the old text's or the new one's, or was never filled.
fn is_mixture(disk: &Disk, target: &Path, old: &Path, plan: &Plan) -> io::Result<bool> {
    let (mut file, mut old) = (disk.open(target)?, disk.open(old)?);
    let length = disk.stat(target)?.len();
    if length > plan.head.old_size.max(plan.head.new_size) {
        return Ok(false);
    }
    let mut new = &plan.file;
    new.seek(io::SeekFrom::Start(0))?;
    let mut new = new.take(plan.head.new_size);
    loop {
        let block = read_block(&mut file)?;
        if block.is_empty() {
            return Ok(true);
        }
        let (of_old, of_new) = (read_block(&mut old)?, read_block(&mut new)?);
        let is_from = |text: &[u8]| {
            text.starts_with(&block) || (block.starts_with(text) && block[text.len()..].iter().all(|&byte| byte == 0))
        };
        // The last block may have been cut inside, with the rest of the other text behind.
        let crossed = |a: &[u8], b: &[u8]| {
            let same = block.iter().zip(a).take_while(|(x, y)| x == y).count();
            b.get(same..).is_some_and(|rest| rest.starts_with(&block[same..]))
        };
        if !is_from(&of_old) && !is_from(&of_new) && !crossed(&of_new, &of_old) && !crossed(&of_old, &of_new) {
            return Ok(false);
        }
    }
}

fn read_block(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut block = Vec::with_capacity(BLOCK);
    from.take(BLOCK as u64).read_to_end(&mut block)?;
    Ok(block)
}
