//! A look at the beginning of a file, to have something to show while the whole is read.

use super::clock::Clock;
use super::disk::Disk;
use super::open::{OpenError, open_regular};
use std::path::Path;

/// Bytes of a file that are looked at before it is read.
pub const HEAD_BYTES: usize = 1 << 18;

/// The first [`HEAD_BYTES`] of a file that is longer than `least`; `None` for shorter ones.
///
/// Takes no lock and promises nothing: what comes back is to be shown, and never to be saved. [`load`](super::load) decides.
///
/// # Errors
/// Why not, as [`load`](super::load).
pub fn read_head(disk: &Disk, clock: &dyn Clock, path: &Path, least: u64) -> Result<Option<Vec<u8>>, OpenError> {
    let io = |error| OpenError::of(path, error);
    let real = disk.canonical(path).map_err(io)?;
    let (file, _, stamp) = open_regular(disk, clock, &real).map_err(|error| error.at(path))?;
    if stamp.size <= least {
        return Ok(None);
    }
    let mut start = vec![0; HEAD_BYTES.min(stamp.size as usize)];
    disk.read_at(&file, &real, 0, &mut start).map_err(io)?;
    Ok(Some(start))
}
