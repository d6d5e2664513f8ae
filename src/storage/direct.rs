//! Direct I/O: large files that are read or written past the system's page cache.
//!
//! A copy that nobody reads soon has no use for a place in memory, and each page that it takes has to be found and filled first: on
//! a virtual machine whose host hands out memory as it is touched, that made the same 500 MB take 0.3 to 1.4 s, and 0.25 s past the
//! cache (`cargo bench --bench save`). Nor does it push out what other programs have there. Whether something is durable is asked
//! by a sync as ever.

use super::blocks::BLOCK;
use super::disk::{Disk, Use};
use super::save::SMALL;
use super::temporary::reserve;
use super::version::has_coarse_times;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What direct I/O asks of offsets, lengths and places in memory: the size of a page, and never less than a disk's sector.
const ALIGNMENT: usize = 4096;

/// Room for one block, at a place in memory that direct I/O can use.
#[derive(Default)]
pub struct Aligned(Vec<u8>);

impl Aligned {
    /// So many bytes of it, at most [`BLOCK`], with whatever is in them.
    pub fn room(&mut self, length: usize) -> &mut [u8] {
        // Made anew it has the system's cleared pages, of which a small file touches a few.
        if self.0.is_empty() {
            self.0 = vec![0; BLOCK + ALIGNMENT];
        }
        let start = self.0.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        &mut self.0[start..][..length]
    }
}

/// Whether an error tells of the disk itself, and not of the way to write on it.
fn is_of_the_disk(error: &io::Error) -> bool {
    const EIO: i32 = 5;
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) || error.raw_os_error() == Some(EIO)
}

fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().align_offset(ALIGNMENT) == 0
}

/// An open file that is read in blocks, past the cache where that is asked for and can be.
pub struct Source<'a> {
    disk: &'a Disk,
    file: &'a File,
    path: &'a Path,
    direct: Option<File>,
}

impl<'a> Source<'a> {
    /// Through the cache: what others read or wrote is there.
    pub fn cached(disk: &'a Disk, file: &'a File, path: &'a Path) -> Self {
        Self { disk, file, path, direct: None }
    }

    /// Past the cache: what nobody read before.
    pub fn uncached(disk: &'a Disk, file: &'a File, path: &'a Path) -> Self {
        Self { direct: disk.open_direct(file, Use::Read), ..Self::cached(disk, file, path) }
    }

    /// Reads `length` bytes, at most [`BLOCK`], from `offset` on, a multiple of it.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::UnexpectedEof`] where the file is shorter.
    pub fn read<'b>(&self, offset: u64, length: usize, buffer: &'b mut Aligned) -> io::Result<&'b [u8]> {
        let room = buffer.room(length);
        match &self.direct {
            Some(direct) if length.is_multiple_of(ALIGNMENT) => match self.disk.read_at(direct, self.path, offset, room) {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    self.disk.read_at(self.file, self.path, offset, room)?;
                }
                done => done?,
            },
            _ => self.disk.read_at(self.file, self.path, offset, room)?,
        }
        Ok(room)
    }
}

/// A new file of known length that is written in blocks, by several threads in any order.
pub struct Sink<'a> {
    disk: &'a Disk,
    file: &'a File,
    path: &'a Path,
    direct: Option<File>,
    spare: Mutex<Vec<Aligned>>,
}

impl<'a> Sink<'a> {
    /// Reserves room for all of it, so that a full disk is known before anything is written, and it is in one piece there in whatever
    /// order its blocks come. Small files go through the cache, and those of file systems that have it elsewhere (FAT, networks, FUSE).
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(disk: &'a Disk, file: &'a File, path: &'a Path, length: u64) -> io::Result<Self> {
        Self::past_cache(disk, file, path, length, length > SMALL && !has_coarse_times(path))
    }

    fn past_cache(disk: &'a Disk, file: &'a File, path: &'a Path, length: u64, is_wanted: bool) -> io::Result<Self> {
        reserve(file, length)?;
        let direct = if is_wanted { disk.open_direct(file, Use::Write) } else { None };
        if direct.is_some() {
            // Writes that make a file longer would wait for each other.
            disk.truncate(file, path, length)?;
        }
        Ok(Self { disk, file, path, direct, spare: Mutex::default() })
    }

    /// Writes `bytes`, at most [`BLOCK`], from `offset` on, a multiple of it.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let whole = match &self.direct {
            Some(direct) if bytes.len() >= ALIGNMENT => {
                let whole = &bytes[..bytes.len() / ALIGNMENT * ALIGNMENT];
                match self.write_direct(direct, offset, whole) {
                    // It asks for more than any disk that we know of, or for something else; the cache takes it, or tells why not.
                    Err(error) if !is_of_the_disk(&error) => 0,
                    done => done.map(|()| whole.len())?,
                }
            }
            _ => 0,
        };
        let (offset, rest) = (offset + whole as u64, &bytes[whole..]);
        if !rest.is_empty() {
            self.disk.write_at(self.file, self.path, offset, rest)?;
            self.disk.begin_write_back(self.file, offset, rest.len() as u64);
        }
        Ok(())
    }

    fn write_direct(&self, direct: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if is_aligned(bytes) {
            return self.disk.write_at(direct, self.path, offset, bytes);
        }
        let spare = || self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = spare().pop().unwrap_or_default();
        let room = buffer.room(bytes.len());
        room.copy_from_slice(bytes);
        let written = self.disk.write_at(direct, self.path, offset, room);
        spare().push(buffer);
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Call;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn text(length: usize) -> Vec<u8> {
        (0..length).map(|place| (place * 31 / 7 + place / 1000) as u8).collect()
    }

    /// Writes a file in blocks, the last one first, and gives what is in it then.
    fn written(disk: &Disk, text: &[u8], past_cache: bool) -> io::Result<Vec<u8>> {
        // Where programs are built is a disk more often than where temporary files are.
        let folder = tempfile::tempdir_in(std::env::current_exe()?.parent().unwrap())?;
        let path = folder.path().join("a");
        let file = File::create_new(&path)?;
        let sink = Sink::past_cache(disk, &file, &path, text.len() as u64, past_cache)?;
        for (number, block) in text.chunks(BLOCK).enumerate().collect::<Vec<_>>().into_iter().rev() {
            sink.write((number * BLOCK) as u64, block)?;
        }
        let read = std::fs::read(&path)?;
        let file = disk.open(&path)?;
        for source in [Source::cached(disk, &file, &path), Source::uncached(disk, &file, &path)] {
            let mut buffer = Aligned::default();
            for (number, block) in read.chunks(BLOCK).enumerate() {
                assert!(source.read((number * BLOCK) as u64, block.len(), &mut buffer)? == block);
            }
        }
        Ok(read)
    }

    #[test]
    fn a_file_holds_what_was_written_in_any_order() {
        let all = text(3 * BLOCK + 3 * ALIGNMENT + 5);
        for past_cache in [false, true] {
            for length in [0, 1, ALIGNMENT, ALIGNMENT + 1, BLOCK - 1, BLOCK, BLOCK + 77, all.len()] {
                // At any place in memory.
                for shift in [0, 1, 8] {
                    let text = &all[shift.min(length)..length];
                    assert!(written(&Disk::real(), text, past_cache).unwrap() == text, "{past_cache} {length} {shift}");
                }
            }
        }
    }

    #[test]
    fn what_the_system_refuses_past_the_cache_goes_through_it() {
        let (seen, text) = (Arc::new(AtomicUsize::new(0)), text(2 * BLOCK + ALIGNMENT));
        let count = Arc::clone(&seen);
        let disk = Disk::with_hook(move |call, _| {
            // The first write of each block.
            let is_first = call == Call::Write && count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
            if is_first { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(()) }
        });
        if Disk::real().open_direct(&File::open(std::env::current_exe().unwrap()).unwrap(), Use::Read).is_none() {
            assert!(std::env::var_os("CI").is_none(), "CI has such a disk");
            return println!("skipped: the disk can't be written past the cache");
        }
        assert!(written(&disk, &text, true).unwrap() == text);
        assert_eq!(seen.load(Ordering::Relaxed), 6);
    }

    #[test]
    fn an_error_of_the_disk_is_told() {
        let disk = Disk::with_hook(|call, _| match call {
            Call::Write => Err(io::Error::from_raw_os_error(5)),
            _ => Ok(()),
        });
        for past_cache in [false, true] {
            assert_eq!(written(&disk, &text(BLOCK), past_cache).unwrap_err().raw_os_error(), Some(5));
        }
    }
}
