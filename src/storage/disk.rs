//! The seam to the file system: every call that the protocol makes goes through here, so a test can make each of them fail.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The calls that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// Opening a file to read it.
    Open,
    /// Metadata of a path or an open file.
    Stat,
    /// Reading.
    Read,
    /// Creating a file that is not there.
    Create,
    /// Writing.
    Write,
    /// Owner, mode, extended attributes.
    Attributes,
    /// Making a file durable.
    SyncFile,
    /// Making names in a folder durable.
    SyncFolder,
    /// Replacing by rename.
    Rename,
    /// Exchanging two names.
    Exchange,
    /// Giving a file a name that must be free.
    RenameNew,
    /// Removing a name.
    Remove,
    /// Opening a file to write over what is in it.
    OpenToWrite,
    /// Giving an open file its length.
    Truncate,
    /// Opening the lock's file.
    OpenLock,
    /// Making a folder.
    MakeFolder,
    /// Listing a folder.
    List,
}

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone.
    Owner,
    /// Whoever may read files that programs create here: 0666 less the process's mask.
    Usual,
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// To read it.
    Read,
    /// To write over what is in it.
    Write,
}

type Hook = dyn Fn(Call, &Path) -> io::Result<()> + Send + Sync;

/// The disk; with a hook in tests, which is asked before each call and may fail it.
#[derive(Clone, Default)]
pub struct Disk {
    hook: Option<Arc<Hook>>,
}

impl Disk {
    /// The real disk.
    pub fn real() -> Self {
        Self::default()
    }

    /// A disk on which each call fails that `hook` refuses.
    pub fn with_hook(hook: impl Fn(Call, &Path) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self { hook: Some(Arc::new(hook)) }
    }

    fn before(&self, call: Call, path: &Path) -> io::Result<()> {
        self.hook.as_ref().map_or(Ok(()), |hook| hook(call, path))
    }

    /// Opens to read. Never blocks on a named pipe.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        self.before(Call::Open, path)?;
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
        }
        options.open(path)
    }

    /// Opens to read and to write over what is there. Never blocks on a named pipe, never follows a link.
    pub fn open_to_write(&self, path: &Path) -> io::Result<File> {
        self.before(Call::OpenToWrite, path)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.custom_flags((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits() as i32);
        }
        options.open(path)
    }

    /// Opens an open file once more, to read or write past the page cache; `None` where the system or the file system can't, which is
    /// no error and so asks no hook: there is always the cache.
    pub fn open_direct(&self, file: &File, what_for: Use) -> Option<File> {
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            use std::os::unix::fs::OpenOptionsExt;
            let mut options = OpenOptions::new();
            options.read(what_for == Use::Read).write(what_for == Use::Write);
            options.custom_flags(rustix::fs::OFlags::DIRECT.bits() as i32);
            // Not by its name, which may be another file's by now.
            options.open(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (file, what_for);
            None
        }
    }

    /// Gives an open file its length.
    pub fn truncate(&self, file: &File, path: &Path, length: u64) -> io::Result<()> {
        self.before(Call::Truncate, path)?;
        file.set_len(length)
    }

    /// Metadata of what a path leads to, through links.
    pub fn stat(&self, path: &Path) -> io::Result<Metadata> {
        self.before(Call::Stat, path)?;
        fs::metadata(path)
    }

    /// Metadata of the name itself.
    pub fn stat_link(&self, path: &Path) -> io::Result<Metadata> {
        self.before(Call::Stat, path)?;
        fs::symlink_metadata(path)
    }

    /// Metadata of an open file.
    pub fn stat_open(&self, file: &File, path: &Path) -> io::Result<Metadata> {
        self.before(Call::Stat, path)?;
        file.metadata()
    }

    /// Reads at most `buffer` full; 0 at the end.
    pub fn read(&self, mut file: &File, path: &Path, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.before(Call::Read, path)?;
            match file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Fills `buffer` from `offset` on; [`io::ErrorKind::UnexpectedEof`] where the file is shorter. Threads may do this side by side.
    pub fn read_at(&self, file: &File, path: &Path, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.before(Call::Read, path)?;
        #[cfg(unix)]
        {
            std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
        }
        #[cfg(not(unix))]
        {
            let mut done = 0;
            while done < buffer.len() {
                let count = std::os::windows::fs::FileExt::seek_read(file, &mut buffer[done..], offset + done as u64)?;
                if count == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                done += count;
            }
            Ok(())
        }
    }

    /// Appends at most `limit` bytes to `bytes`; fewer mean that the file is over.
    pub fn read_more(&self, file: &File, path: &Path, bytes: &mut Vec<u8>, limit: u64) -> io::Result<usize> {
        self.before(Call::Read, path)?;
        // This goes on after an interruption, and fills room that was reserved without clearing it first.
        file.take(limit).read_to_end(bytes)
    }

    /// Opens a lock's file to write, or to read where that is all that is allowed; creates it if asked to.
    pub fn open_lock(&self, path: &Path, create: bool) -> io::Result<(File, bool)> {
        self.before(Call::OpenLock, path)?;
        let options = |write: bool, new: bool| {
            let mut options = OpenOptions::new();
            options.read(true).write(write).create_new(new);
            #[cfg(unix)]
            {
                use std::os::unix::fs::OpenOptionsExt;
                // A link or a pipe in the lock's place is nobody's lock.
                options.custom_flags((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits() as i32);
                options.mode(0o666);
            }
            options
        };
        match options(true, false).open(path) {
            Ok(file) => Ok((file, false)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                options(false, false).open(path).map(|file| (file, false))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && create => {
                options(true, true).open(path).map(|file| (file, true))
            }
            Err(error) => Err(error),
        }
    }

    /// A new file beside others, with a name that nobody can guess; it stays until it is removed.
    /// While it is open it is locked: an orphan is told by that. Where there are no locks its age alone tells.
    pub fn create_temporary(&self, folder: &Path, prefix: &str, suffix: &str, readers: Readers) -> io::Result<(File, PathBuf)> {
        self.before(Call::Create, folder)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix).suffix(suffix).rand_bytes(8).disable_cleanup(true);
        #[cfg(unix)]
        if readers == Readers::Usual {
            use std::os::unix::fs::PermissionsExt;
            // The system takes the mask away. Asking for the mask would set it, for all threads.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        #[cfg(not(unix))]
        let _ = readers;
        let named = builder.tempfile_in(folder)?;
        let (file, path) = named.into_parts();
        let _ = fs4::FileExt::try_lock(&file);
        Ok((file, path.to_path_buf()))
    }

    /// Writes all of `bytes`.
    pub fn write(&self, mut file: &File, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.before(Call::Write, path)?;
        file.write_all(bytes)
    }

    /// Writes all of `bytes` from `offset` on. Threads may do this side by side.
    pub fn write_at(&self, file: &File, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.before(Call::Write, path)?;
        #[cfg(unix)]
        {
            std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
        }
        #[cfg(not(unix))]
        {
            let mut done = 0;
            while done < bytes.len() {
                done += std::os::windows::fs::FileExt::seek_write(file, &bytes[done..], offset + done as u64)?;
            }
            Ok(())
        }
    }

    /// Makes `to`, which is empty, share the content that `from` has at this moment, where the file system can do that; what is
    /// written to either later is not seen in the other. False where it can't, and nothing was done.
    pub fn share(&self, from: &File, to: &File, path: &Path) -> io::Result<bool> {
        self.before(Call::Write, path)?;
        #[cfg(target_os = "linux")]
        {
            // Whatever the reason is: a copy will tell if there is something wrong.
            Ok(rustix::fs::ioctl_ficlone(to, from).is_ok())
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (from, to);
            Ok(false)
        }
    }

    /// Lets the system begin to write out what was written to a file, so that less is left to wait for when it is synced. A hint:
    /// nothing is durable by it, and an error shows in the sync.
    pub fn begin_write_back(&self, file: &File, offset: u64, length: u64) {
        #[cfg(target_os = "linux")]
        {
            // What is not on the disk yet can't be forgotten: the system writes it first, and this does not wait for it.
            let _ = rustix::fs::fadvise(file, offset, std::num::NonZeroU64::new(length), rustix::fs::Advice::DontNeed);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (file, offset, length);
    }

    /// Sets attributes by `change`.
    pub fn attributes(&self, path: &Path, change: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.before(Call::Attributes, path)?;
        change()
    }

    /// Makes a file's content durable. After an error it must not be tried again on the same file: the kernel may have
    /// dropped the pages and say yes.
    pub fn sync(&self, file: &File, path: &Path) -> io::Result<()> {
        self.before(Call::SyncFile, path)?;
        file.sync_all()
    }

    /// Makes the names in a folder durable.
    pub fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.before(Call::SyncFolder, folder)?;
        // Windows has no such call: renames are journalled there. Some file systems have none for folders.
        let has_none = |error: &io::Error| matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported);
        let synced = if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) };
        synced.or_else(|error| if has_none(&error) { Ok(()) } else { Err(error) })
    }

    /// Replaces `to` by `from` atomically.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.before(Call::Rename, to)?;
        fs::rename(from, to)
    }

    /// Exchanges two names atomically; [`io::ErrorKind::Unsupported`] where the system or the file system can't.
    pub fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        self.before(Call::Exchange, b)?;
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).map_err(unsupported)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = a;
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// Gives `from` the name `to` if that is free.
    pub fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.before(Call::RenameNew, to)?;
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(unsupported) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
                other => return other,
            }
        }
        fs::hard_link(from, to)?;
        // It has the new name already. Where the old one stays, the next save sweeps it.
        fs::remove_file(from).or_else(|error| {
            log::warn!("{}: {error}", from.display());
            Ok(())
        })
    }

    /// Removes a file.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.before(Call::Remove, path)?;
        fs::remove_file(path)
    }

    /// Makes a folder and those above it, for the owner alone.
    pub fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.before(Call::MakeFolder, folder)?;
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        builder.create(folder)
    }

    /// The names in a folder; none where there is no folder.
    pub fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.before(Call::List, folder)?;
        match fs::read_dir(folder) {
            Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The real path, links followed.
    pub fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.before(Call::Stat, path)?;
        fs::canonicalize(path)
    }

    /// Bytes that this user may still write where `path` is; `None` where the system does not say.
    pub fn free_space(&self, path: &Path) -> Option<u64> {
        self.before(Call::Stat, path).ok()?;
        fs4::available_space(path).ok()
    }

    /// Reads a small file whole.
    pub fn read_small(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.before(Call::Read, path)?;
        fs::read(path)
    }
}

/// Makes a file that grows over the process's limit an error of the write that grows it, not the end of the process.
pub fn survive_size_limits() {
    #[cfg(unix)]
    {
        const SIGXFSZ: i32 = 25;
        let seen = Arc::new(std::sync::atomic::AtomicBool::new(false));
        if let Err(error) = signal_hook::flag::register(SIGXFSZ, seen) {
            log::warn!("a size limit would end the process: {error}");
        }
    }
}

#[cfg(target_os = "linux")]
fn unsupported(error: rustix::io::Errno) -> io::Error {
    use rustix::io::Errno;
    match error {
        Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP => io::ErrorKind::Unsupported.into(),
        other => other.into(),
    }
}
