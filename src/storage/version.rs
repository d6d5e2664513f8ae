//! Which version of a file something is: metadata for a cheap look, and a digest of the content, which decides.

use super::clock::Clock;
use super::disk::Disk;
use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::str::FromStr;

/// BLAKE3 of a file's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of an open file's content from where it stands, read in steps.
    ///
    /// # Errors
    /// What the system says.
    pub fn of_file(disk: &Disk, file: &File, path: &Path) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            match disk.read(file, path, &mut buffer)? {
                0 => return Ok(hasher.finalize().into()),
                count => hasher.update(&buffer[..count]),
            };
        }
    }

    /// The first eight digits, for file names.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.short())
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a version: 64 hexadecimal digits are");
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Version {
    /// A version that no file has, for one that has to be told whatever it is.
    pub fn of_nothing() -> Self {
        let stamp = Stamp { size: 0, modified_ns: 0, changed_ns: 0, device: 0, inode: 0, seen_ns: 0 };
        Self { stamp, digest: Digest([0; 32]) }
    }
}

/// A file's metadata at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Length in bytes.
    pub size: u64,
    /// Last change of the content, in nanoseconds since 1970.
    pub modified_ns: i128,
    /// Last change of content or metadata; 0 where the system has none.
    pub changed_ns: i128,
    /// The device.
    pub device: u64,
    /// The file's number on it; 0 where the system has none.
    pub inode: u64,
    /// When this was read.
    pub seen_ns: i128,
}

/// Changes within this time of being seen may not show in the metadata (git's "racy" case; kernels before 6.13 and FAT).
const RACY_NS: i128 = 2_000_000_000;

impl Stamp {
    /// Takes what matters out of metadata.
    pub fn of(metadata: &Metadata, seen_ns: i128) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let ns = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
            Self {
                size: metadata.len(),
                modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
                changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
                device: metadata.dev(),
                inode: metadata.ino(),
                seen_ns,
            }
        }
        #[cfg(not(unix))]
        {
            let modified = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            Self {
                size: metadata.len(),
                modified_ns: modified.map_or(0, |time| time.as_nanos() as i128),
                changed_ns: 0,
                device: 0,
                inode: 0,
                seen_ns,
            }
        }
    }

    /// A stamp that no look takes for sure, of a file whose metadata can't be had.
    pub fn unknown(size: u64) -> Self {
        Self { size, modified_ns: 0, changed_ns: 0, device: 0, inode: 0, seen_ns: 0 }
    }

    /// Whether all metadata are the same, whenever they were seen.
    pub fn same_metadata(&self, other: &Self) -> bool {
        Self { seen_ns: 0, ..*self } == Self { seen_ns: 0, ..*other }
    }

    /// Whether the file was old enough when it was seen that any later change shows.
    pub fn is_settled(&self) -> bool {
        self.modified_ns.max(self.changed_ns) < self.seen_ns - RACY_NS
    }
}

/// A version of a file: two are the same content where their digests are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its metadata.
    pub stamp: Stamp,
    /// Its content's digest.
    pub digest: Digest,
}

/// What a look at the metadata says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing changed.
    Same,
    /// It looks the same, and the content has to be read to know.
    Unsure,
    /// It looks different, like this; most likely the content is, too.
    Other(Stamp),
    /// There is no file.
    Gone,
}

/// Looks at a file's metadata; never opens it. On file systems whose times can't be trusted it is never sure.
///
/// # Errors
/// What the system says, but for a missing file.
pub fn look(disk: &Disk, clock: &dyn Clock, path: &Path, known: &Stamp) -> io::Result<Look> {
    // Before the look: what happens between the two is not taken for old.
    let seen_ns = clock.now_ns();
    let metadata = match disk.stat(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Look::Gone),
        Err(error) => return Err(error),
    };
    let now = Stamp::of(&metadata, seen_ns);
    Ok(match now.same_metadata(known) {
        false => Look::Other(now),
        true if known.is_settled() && !has_coarse_times(path) => Look::Same,
        true => Look::Unsure,
    })
}

/// Whether the file system keeps times badly or late: FAT, NFS, SMB, FUSE.
pub fn has_coarse_times(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        const COARSE: [u64; 5] = [0x4d44, 0x6969, 0xFE53_4D42, 0xFF53_4D42, 0x6573_5546];
        rustix::fs::statfs(path).is_ok_and(|found| COARSE.contains(&(found.f_type as u64 & 0xFFFF_FFFF)))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_back() {
        let digest = Digest::of(b"{}");
        assert_eq!(digest.to_string().len(), 64);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!("12".parse::<Digest>().is_err());
        assert!("é".repeat(32).parse::<Digest>().is_err());
        assert!("g".repeat(64).parse::<Digest>().is_err());
    }

    #[test]
    fn fresh_files_are_never_taken_for_unchanged() {
        let stamp = Stamp {
            size: 1,
            modified_ns: 10_000_000_000,
            changed_ns: 10_000_000_000,
            device: 1,
            inode: 1,
            seen_ns: 11_000_000_000,
        };
        assert!(!stamp.is_settled());
        assert!(Stamp { seen_ns: 12_000_000_001, ..stamp }.is_settled());
        assert!(!Stamp { seen_ns: 5, ..stamp }.is_settled(), "a file from the future");
    }
}
