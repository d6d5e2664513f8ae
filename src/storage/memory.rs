//! Whether a file fits into memory, before it is read.

use super::disk::Disk;
use std::path::Path;

/// What an open file takes, in tenths of its size: its bytes, and the index.
const TENTHS: u64 = 11;

/// Bytes that opening a file needs and that are free, where it needs more than are free; `None` where it fits, or the system does
/// not say.
pub fn lacking_memory(disk: &Disk, path: &Path) -> Option<(u64, u64)> {
    let needed = disk.stat(path).ok()?.len() / 10 * TENTHS;
    let free = free_memory(disk)?;
    (needed > free).then_some((needed, free))
}

/// Bytes that programs can have without swapping; `None` where the system does not say.
pub(super) fn free_memory(disk: &Disk) -> Option<u64> {
    free_in(&String::from_utf8_lossy(&disk.read_small(Path::new("/proc/meminfo")).ok()?))
}

/// The same out of proc_meminfo(5).
fn free_in(table: &str) -> Option<u64> {
    let line = table.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        assert_eq!(free_in("MemTotal: 24 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(free_in(""), None);
    }

    #[test]
    fn a_file_that_is_larger_than_the_memory_is_told_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, "1").unwrap();
        assert_eq!(lacking_memory(&Disk::real(), &path), None);
        // Nothing is on the disk of it.
        std::fs::File::options().write(true).open(&path).unwrap().set_len(1 << 42).unwrap();
        let (needed, free) = lacking_memory(&Disk::real(), &path).unwrap();
        assert!(needed > 1 << 42 && free < needed);
    }
}
