//! Reading a file of which most is in memory already, since it was read before.
//!
//! Another program that writes a large file most times changes little of it. The file is read block by block, and each block is
//! compared with the text from before: what is there already takes no memory and is not understood anew. So a gigabyte in which a few
//! values changed takes a fraction of the time of opening it, and of the memory almost nothing (`cargo bench --bench reload`). Where
//! much is new, and where it is no JSON, this gives up early, and the file is to be loaded as any other.

use super::blocks::{BLOCK, Reading};
use super::clock::Clock;
use super::disk::Disk;
use super::lock;
use super::memory::free_memory;
use super::open::{OpenError, Progress, READ_WAIT, is_read_only, open_regular};
use super::version::{Stamp, Version};
use crate::document::{Crew, Document, Fragment, MOST_REPLACEMENTS, Portion, consists_of, portions, replacements};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// A file that was read again.
#[derive(Debug)]
pub struct Reloaded {
    /// What is in it. It stands on the text from before.
    pub document: Document,
    /// Its version.
    pub version: Version,
    /// Whether nobody may write it.
    pub read_only: bool,
}

/// Reads a file whose content once was `before`. Locks as [`load`](super::load) does.
///
/// `None` where it has too little in common with that, is no JSON, or changed while it was read.
///
/// # Errors
/// Why it can't be read; nothing was changed or created on the disk.
pub fn reload(
    disk: &Disk,
    clock: &dyn Clock,
    path: &Path,
    before: &Arc<Fragment>,
    crew: &dyn Crew,
    progress: &Progress,
) -> Result<Option<Reloaded>, OpenError> {
    let real = disk.canonical(path).map_err(|error| OpenError::of(path, error))?;
    // Whoever holds it for longer is read without it, as ever.
    let _lock = lock::shared(disk, clock, &lock::lock_names(disk, path, &real), READ_WAIT).unwrap_or_default();
    let (file, metadata, stamp) = open_regular(disk, clock, &real).map_err(|error| error.at(path))?;
    if stamp.size < before.text().len() as u64 / 2 {
        // It would hold on to much that is not in it.
        return Ok(None);
    }
    let reading = Reading { disk, file: &file, path: &real, length: stamp.size, past_cache: false };
    // What is new is there as it was read, put together, as a text and with its index.
    let room = free_memory(disk).map_or(u64::MAX, |free| free / 8);
    let found = Found { before: before.text(), length: stamp.size, room, progress, blocks: Mutex::default() };
    // Each block asks.
    let digest = match reading.digest(crew, &|offset, block| found.take(offset, block), &mut |_| Ok(())) {
        Ok(digest) => digest,
        Err(Stop::Asked) => return Err(OpenError::Cancelled(path.to_owned())),
        Err(Stop::TooMuch) => return Ok(None),
        Err(Stop::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(Stop::Io(error)) => return Err(OpenError::of(path, error)),
    };
    let after = disk.stat_open(&file, &real).map_err(|error| OpenError::of(path, error))?;
    if !stamp.same_metadata(&Stamp::of(&after, stamp.seen_ns)) {
        return Ok(None);
    }
    let portions = found.all();
    let changes = replacements(&portions, before.text());
    // What is saved later is what is shown: that this is what was read is not left to the changes being put in the right places.
    let is_whole = |document: &Document| consists_of(document, &portions, before.text());
    let document = Document::remade(before, &changes).filter(is_whole);
    let read_only = is_read_only(&real, &metadata);
    Ok(document.map(|document| Reloaded { document, version: Version { stamp, digest }, read_only }))
}

/// Why the reading ended early.
enum Stop {
    /// Somebody wanted that.
    Asked,
    /// Too much is new.
    TooMuch,
    /// What the system says.
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What the blocks of a file have of a text, as threads find it side by side.
struct Found<'a> {
    before: &'a [u8],
    /// Length of the file.
    length: u64,
    /// So much may be new at most.
    room: u64,
    progress: &'a Progress<'a>,
    blocks: Mutex<Blocks>,
}

#[derive(Default)]
struct Blocks {
    /// By their offsets.
    portions: BTreeMap<u64, Vec<Portion>>,
    /// Bytes of all of them.
    done: u64,
    /// Those that are new.
    new: u64,
    /// How many portions they have.
    count: u64,
}

impl Found<'_> {
    /// Compares a block with the text.
    fn take(&self, offset: u64, block: &[u8]) -> Result<(), Stop> {
        /// So much may be new whatever the rest is, in so many places; and so much of the rest.
        const LITTLE: (u64, u64) = (4 * BLOCK as u64, 2000);
        const PART: u64 = 8;
        let lock = || self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let guess = lock().guess(offset);
        let from_end = (self.before.len() as u64 + offset).checked_sub(self.length).map(|place| place as usize);
        let found = portions(block, self.before, guess, from_end);
        let new = found.iter().map(|portion| if let Portion::New(bytes) = portion { bytes.len() as u64 } else { 0 }).sum::<u64>();
        let mut blocks = lock();
        blocks.done += block.len() as u64;
        blocks.new += new;
        blocks.count += found.len() as u64;
        blocks.portions.insert(offset, found);
        // A change is a portion, and what is kept behind it another.
        let most = LITTLE.1 + 2 * MOST_REPLACEMENTS as u64 * blocks.done / self.length;
        if blocks.new > self.room.min(LITTLE.0 + blocks.done / PART) || blocks.count > most {
            return Err(Stop::TooMuch);
        }
        if (self.progress)(blocks.done, self.length).is_break() { Err(Stop::Asked) } else { Ok(()) }
    }

    /// The whole file.
    fn all(self) -> Vec<Portion> {
        self.blocks.into_inner().unwrap_or_else(PoisonError::into_inner).portions.into_values().flatten().collect()
    }
}

impl Blocks {
    /// Where a block most likely goes on: as the nearest one before it that was compared.
    fn guess(&self, offset: u64) -> usize {
        for (&start, portions) in self.portions.range(..offset).rev() {
            let mut at = start;
            let mut behind = None;
            for portion in portions {
                match portion {
                    Portion::Kept(kept) => {
                        at += kept.len() as u64;
                        behind = Some((at, kept.end as u64));
                    }
                    Portion::New(bytes) => at += bytes.len() as u64,
                }
            }
            if let Some((at, place)) = behind {
                return (place + (offset - at)) as usize;
            }
        }
        offset as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Alone;
    use crate::storage::{Digest, SystemClock};
    use std::ops::ControlFlow;
    use std::path::PathBuf;

    /// 6 MB of records, of which some are `changed`.
    fn records(changed: impl Fn(u64) -> Option<String>) -> String {
        let record =
            |n: u64| format!("{{\"id\": {n}, \"name\": \"user {}\", \"list\": [{}, \"\u{5d0}\"]}}", n * 7919 % 100_003, n * 31);
        let all: Vec<String> = (0..100_000).map(|n| changed(n).unwrap_or_else(|| record(n))).collect();
        format!("{{\"all\": [\n{}\n], \"count\": 100000}}\n", all.join(",\n"))
    }

    struct File {
        _folder: tempfile::TempDir,
        path: PathBuf,
        before: Arc<Fragment>,
    }

    impl File {
        fn new(before: String, after: &[u8]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.json");
            std::fs::write(&path, after).unwrap();
            Self { _folder: folder, path, before: Fragment::new(before).unwrap() }
        }

        fn reload(&self, progress: &Progress) -> Result<Option<Reloaded>, OpenError> {
            reload(&Disk::real(), &SystemClock, &self.path, &self.before, &Alone, progress)
        }

        fn reloaded(&self) -> Option<Reloaded> {
            self.reload(&|_, _| ControlFlow::Continue(())).unwrap()
        }
    }

    #[test]
    fn what_did_not_change_is_not_held_twice() {
        let before = records(|_| None);
        let after = records(|n| match n {
            3 | 50_001 | 99_999 => Some(format!("{{\"id\": {n}, \"new\": true}}")),
            70_000 => Some("null,\n[1]".to_owned()),
            _ => None,
        });
        let file = File::new(before, after.as_bytes());
        let reloaded = file.reloaded().unwrap();
        assert!(reloaded.document.to_bytes() == after.as_bytes());
        assert_eq!(reloaded.version.digest, Digest::of(after.as_bytes()));
        assert_eq!(reloaded.version.stamp.size, after.len() as u64);
        let mut own = 0;
        reloaded.document.root().stretches(0, &mut |_, text, _| match text {
            crate::document::Text::Slice { fragment, .. } if Arc::ptr_eq(&fragment, &file.before) => {}
            text => own += text.len(),
        });
        assert!(own < 1000, "{own}");
    }

    #[test]
    fn what_is_not_worth_it_is_left() {
        let before = records(|_| None);
        let is_left = |after: &[u8]| File::new(before.clone(), after).reloaded().is_none();
        assert!(is_left(before.replace(", ", ",").as_bytes()), "laid out anew");
        assert!(is_left(&before.as_bytes()[..before.len() / 3]), "most is gone");
        assert!(is_left(&before.as_bytes()[..before.len() - 7]), "cut off");
        assert!(is_left(records(|n| (n == 7).then(|| "{\"id\": 7".to_owned())).as_bytes()), "a bracket is gone");
        let other = records(|n| Some(format!("[{}, \"{}\"]", n * 13, n * n)));
        assert!(is_left(other.as_bytes()), "another");
        assert!(!is_left(before.as_bytes()));
    }

    #[test]
    fn it_can_be_stopped_and_what_is_wrong_is_told() {
        let file = File::new(records(|_| None), records(|_| None).as_bytes());
        assert!(matches!(file.reload(&|_, _| ControlFlow::Break(())), Err(OpenError::Cancelled(_))));
        std::fs::remove_file(&file.path).unwrap();
        assert!(matches!(file.reload(&|_, _| ControlFlow::Continue(())), Err(OpenError::Missing(_))));
    }

    #[test]
    fn a_file_that_changes_meanwhile_is_not_taken() {
        let file = File::new(records(|_| None), records(|_| None).as_bytes());
        let touched = file.reload(&|_, _| {
            std::fs::File::options().append(true).open(&file.path).unwrap().set_len(file.before.text().len() as u64 + 1).unwrap();
            ControlFlow::Continue(())
        });
        assert!(touched.unwrap().is_none());
    }
}
