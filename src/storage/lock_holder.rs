//! Who holds a lock, where the system tells: for the sentence under which a person waits.

use super::disk::Disk;
use super::version::Stamp;
use std::path::Path;

/// The program that holds the lock file, as `python3 (4711)`. Only Linux tells, and only of processes that can be seen here.
pub fn lock_holder(disk: &Disk, lock: &Path) -> Option<String> {
    let stamp = Stamp::of(&disk.stat(lock).ok()?, 0);
    let table = disk.read_small(Path::new("/proc/locks")).ok()?;
    let pid = holder_in(&String::from_utf8_lossy(&table), stamp.inode)?;
    let name = disk.read_small(Path::new(&format!("/proc/{pid}/comm"))).ok()?;
    Some(format!("{} ({pid})", String::from_utf8_lossy(&name).trim_end()))
}

/// Reads the kernel's table (proc_locks(5)): `1: FLOCK  ADVISORY  WRITE 4711 fd:01:2621 0 EOF`; waiting ones have an arrow.
fn holder_in(table: &str, inode: u64) -> Option<u32> {
    table.lines().filter(|line| !line.contains("->")).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let file = words.get(5)?.rsplit(':').next()?;
        (words.get(1) == Some(&"FLOCK") && file.parse() == Ok(inode)).then(|| words[4].parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let table = "1: POSIX  ADVISORY  WRITE 12 fd:01:55 0 EOF\n2: FLOCK  ADVISORY  WRITE 4711 fd:01:2621 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 9 fd:01:55 0 EOF\n";
        assert_eq!((holder_in(table, 2621), holder_in(table, 55), holder_in("", 1)), (Some(4711), None, None));
    }
}
