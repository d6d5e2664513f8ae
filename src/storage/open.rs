//! Reading a file: under the shared lock where there is one, and only as a whole that nobody changed meanwhile.

use super::clock::Clock;
use super::disk::Disk;
use super::error::amount;
use super::lock;
use super::version::{Digest, Stamp, Version};
use crate::document::{Crew, Feed, Fragment, Problem, Unloaded};
use std::fs::{File, Metadata};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a reader waits for a writer.
pub const READ_WAIT: Duration = Duration::from_secs(2);
/// Bytes between two looks at whether to go on.
const STEP: usize = 1 << 22;
/// A file that changes during this many reads in a row is not read.
const TRIES: usize = 5;
/// A text that is no JSON is read so often while somebody holds the lock.
const HALF_WRITTEN: usize = 5;

/// A file's content at one moment.
#[derive(Debug)]
pub struct Opened {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The metadata, the same before and after.
    pub stamp: Stamp,
    /// Whether nobody may write it.
    pub read_only: bool,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file.
    #[error("{}: there is no such file", .0.display())]
    Missing(PathBuf),
    /// A folder, a pipe, a device.
    #[error("{}: this is {}, not a file", .0.display(), .1)]
    NotRegular(PathBuf, &'static str),
    /// It went on changing.
    #[error("{}: another program keeps writing it; nothing was read", .0.display())]
    Unsteady(PathBuf),
    /// There is not enough memory.
    #[error("{}: {} are more than there is memory for; nothing was read", .0.display(), amount(*.1))]
    TooLarge(PathBuf, u64),
    /// The reader stopped.
    #[error("{}: reading was stopped", .0.display())]
    Cancelled(PathBuf),
    /// What the system says.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, #[source] io::Error),
}

impl OpenError {
    /// The same of another path: a file is told as it was given, not as the links lead.
    pub(super) fn at(self, path: &Path) -> Self {
        let path = path.to_owned();
        match self {
            Self::Missing(_) => Self::Missing(path),
            Self::NotRegular(_, kind) => Self::NotRegular(path, kind),
            Self::Unsteady(_) => Self::Unsteady(path),
            Self::TooLarge(_, size) => Self::TooLarge(path, size),
            Self::Cancelled(_) => Self::Cancelled(path),
            Self::Io(_, error) => Self::Io(path, error),
        }
    }

    pub(super) fn of(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing(path.to_owned()),
            _ => Self::Io(path.to_owned(), error),
        }
    }
}

/// Reads a whole file. Waits up to [`READ_WAIT`] for a program that holds the lock, then reads without it.
///
/// # Errors
/// Why not; nothing was changed or created on the disk.
pub fn read(
    disk: &Disk,
    clock: &dyn Clock,
    path: &Path,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Opened, OpenError> {
    let real = disk.canonical(path).map_err(|error| OpenError::of(path, error))?;
    // Whoever holds it for longer is read without it: what is read is whole all the same, or is read again.
    let _lock = lock::shared(disk, clock, &lock::lock_names(disk, path, &real), READ_WAIT).unwrap_or_default();
    read_locked(disk, clock, &real, progress).map_err(|error| error.at(path))
}

/// Reads a whole file without the lock, or under one that the caller holds. The file is closed again on return.
pub(super) fn read_locked(
    disk: &Disk,
    clock: &dyn Clock,
    path: &Path,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Opened, OpenError> {
    let io = |error| OpenError::of(path, error);
    for _ in 0..TRIES {
        let (file, metadata, before) = open_regular(disk, clock, path)?;
        // All of it at once, without growing; what there is no memory for is an error here and not the end of the program.
        let mut bytes = Vec::new();
        let room = usize::try_from(before.size).ok().filter(|&size| bytes.try_reserve_exact(size).is_ok());
        let size = room.ok_or_else(|| OpenError::TooLarge(path.to_owned(), before.size))?;
        while bytes.len() < size {
            if progress(bytes.len() as u64, before.size).is_break() {
                return Err(OpenError::Cancelled(path.to_owned()));
            }
            let limit = STEP.min(size - bytes.len()) as u64;
            if disk.read_more(&file, path, &mut bytes, limit).map_err(io)? == 0 {
                break;
            }
        }
        // One byte more than there was would be a change as well.
        let grown = disk.read(&file, path, &mut [0; 1]).map_err(io)? > 0;
        let after = Stamp::of(&disk.stat_open(&file, path).map_err(io)?, before.seen_ns);
        if bytes.len() == size && !grown && before.same_metadata(&after) {
            return Ok(Opened { bytes, stamp: before, read_only: is_read_only(path, &metadata) });
        }
        clock.sleep(Duration::from_millis(20));
    }
    Err(OpenError::Unsteady(path.to_owned()))
}

/// A file that was read and understood.
#[derive(Debug)]
pub struct Loaded {
    /// The text as a fragment; or why it is none, with its bytes.
    pub fragment: Result<Arc<Fragment>, (Problem, Vec<u8>)>,
    /// The metadata, the same before and after.
    pub stamp: Stamp,
    /// Whether nobody may write it.
    pub read_only: bool,
}

/// Told how many bytes of how many are done; says whether to go on. Threads call it side by side.
pub type Progress<'a> = dyn Fn(u64, u64) -> ControlFlow<()> + Sync + 'a;

/// The bytes of an open file, for parts that read side by side.
struct Bytes<'a> {
    disk: &'a Disk,
    file: &'a File,
    path: &'a Path,
    size: u64,
    done: AtomicU64,
    progress: &'a Progress<'a>,
}

impl Feed for Bytes<'_> {
    type Stop = OpenError;

    fn fill(&self, offset: usize, room: &mut [u8]) -> Result<(), OpenError> {
        self.disk.read_at(self.file, self.path, offset as u64, room).map_err(|error| OpenError::of(self.path, error))?;
        self.done.fetch_add(room.len() as u64, Ordering::Relaxed);
        self.go_on()
    }

    fn go_on(&self) -> Result<(), OpenError> {
        let done = self.done.load(Ordering::Relaxed).min(self.size);
        if (self.progress)(done, self.size).is_break() { Err(OpenError::Cancelled(self.path.to_owned())) } else { Ok(()) }
    }
}

/// Reads and understands a whole file in one go, in parts that the crew works on side by side. Locks as [`read`] does; what is no
/// JSON while a program holds the lock is half written most likely, and is read again, [`HALF_WRITTEN`] times in all.
///
/// # Errors
/// Why not; nothing was changed or created on the disk.
pub fn load(disk: &Disk, clock: &dyn Clock, path: &Path, crew: &dyn Crew, progress: &Progress) -> Result<Loaded, OpenError> {
    let real = disk.canonical(path).map_err(|error| OpenError::of(path, error))?;
    let names = lock::lock_names(disk, path, &real);
    let mut tries = 1;
    loop {
        let lock = lock::shared(disk, clock, &names, READ_WAIT);
        let loaded = load_locked(disk, clock, &real, crew, progress).map_err(|error| error.at(path))?;
        if loaded.fragment.is_ok() || lock.is_ok() || tries == HALF_WRITTEN {
            return Ok(loaded);
        }
        tries += 1;
    }
}

/// How much room a text is given. glibc keeps what it frees of up to 32 MB for the next time: with more, of which only what is used
/// has pages, most texts have a mapping of their own, which is free once they are closed.
fn room_for(size: usize) -> usize {
    const SMALL: usize = 4 << 20;
    const ITS_OWN: usize = (32 << 20) + 1;
    let keeps = cfg!(all(target_os = "linux", target_env = "gnu"));
    if keeps && size >= SMALL { size.max(ITS_OWN) } else { size }
}

pub(super) fn load_locked(
    disk: &Disk,
    clock: &dyn Clock,
    path: &Path,
    crew: &dyn Crew,
    progress: &Progress,
) -> Result<Loaded, OpenError> {
    let io = |error| OpenError::of(path, error);
    for _ in 0..TRIES {
        let (file, metadata, before) = open_regular(disk, clock, path)?;
        let mut room: Vec<u8> = Vec::new();
        let size = usize::try_from(before.size).ok().filter(|&size| room.try_reserve_exact(room_for(size)).is_ok());
        let size = size.ok_or_else(|| OpenError::TooLarge(path.to_owned(), before.size))?;
        // The system gives cleared pages: a vector made anew is not written before it is filled.
        drop(room);
        let mut room = vec![0; room_for(size)];
        room.truncate(size);
        let bytes = Bytes { disk, file: &file, path, size: before.size, done: AtomicU64::new(0), progress };
        let fragment = match Fragment::load(room, &bytes, crew) {
            Ok(fragment) => Ok(fragment),
            Err(Unloaded::Problem(problem, bytes)) => Err((problem, bytes)),
            // It became shorter: another program writes it.
            Err(Unloaded::Stopped(OpenError::Io(_, error))) if error.kind() == io::ErrorKind::UnexpectedEof => {
                clock.sleep(Duration::from_millis(20));
                continue;
            }
            Err(Unloaded::Stopped(stop)) => return Err(stop),
        };
        let grown = match disk.read_at(&file, path, before.size, &mut [0; 1]) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(io(error)),
        };
        let after = Stamp::of(&disk.stat_open(&file, path).map_err(io)?, before.seen_ns);
        if !grown && before.same_metadata(&after) {
            return Ok(Loaded { fragment, stamp: before, read_only: is_read_only(path, &metadata) });
        }
        clock.sleep(Duration::from_millis(20));
    }
    Err(OpenError::Unsteady(path.to_owned()))
}

/// Opens what has to be a regular file; a pipe or a device is not even opened.
pub(super) fn open_regular(disk: &Disk, clock: &dyn Clock, path: &Path) -> Result<(File, Metadata, Stamp), OpenError> {
    let io = |error| OpenError::of(path, error);
    let is_file = |metadata: &Metadata| match metadata.is_file() {
        true => Ok(()),
        false => Err(OpenError::NotRegular(path.to_owned(), kind_name(metadata))),
    };
    is_file(&disk.stat(path).map_err(io)?)?;
    let file = disk.open(path).map_err(io)?;
    let seen_ns = clock.now_ns();
    let metadata = disk.stat_open(&file, path).map_err(io)?;
    is_file(&metadata)?;
    let stamp = Stamp::of(&metadata, seen_ns);
    Ok((file, metadata, stamp))
}

/// The version of a file, read in steps without holding it, and whether it is read-only: a look that is sure.
///
/// # Errors
/// Why not, as [`read`].
pub fn version_of(disk: &Disk, clock: &dyn Clock, path: &Path) -> Result<(Version, bool), OpenError> {
    let io = |error| OpenError::of(path, error);
    let real = disk.canonical(path).map_err(io)?;
    let _lock = lock::shared(disk, clock, &lock::lock_names(disk, path, &real), READ_WAIT).unwrap_or_default();
    let kind = disk.stat(&real).map_err(io)?;
    if !kind.is_file() {
        return Err(OpenError::NotRegular(path.to_owned(), kind_name(&kind)));
    }
    for _ in 0..TRIES {
        let file = disk.open(&real).map_err(io)?;
        let seen_ns = clock.now_ns();
        let metadata = disk.stat_open(&file, &real).map_err(io)?;
        let stamp = Stamp::of(&metadata, seen_ns);
        let digest = Digest::of_file(disk, &file, &real).map_err(io)?;
        let after = Stamp::of(&disk.stat_open(&file, &real).map_err(io)?, seen_ns);
        if stamp.same_metadata(&after) {
            return Ok((Version { stamp, digest }, is_read_only(&real, &metadata)));
        }
        clock.sleep(Duration::from_millis(20));
    }
    Err(OpenError::Unsteady(path.to_owned()))
}

/// Whether the file's mode or its file system forbids everyone to write it, or this user.
pub fn is_read_only(path: &Path, metadata: &Metadata) -> bool {
    #[cfg(unix)]
    {
        // The superuser may write all, but a file that nobody may write is meant to be left alone.
        metadata.permissions().readonly() || rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_err()
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        metadata.permissions().readonly()
    }
}

/// What a thing is that is not a file.
pub(super) fn kind_name(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() {
        return "a folder";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = metadata.file_type();
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    "a device"
}
