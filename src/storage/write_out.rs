//! Writing a result that nobody has open: a new file beside, durable, then a rename. No lock, no backup, no check of what is there.

use super::blocks::{BLOCK, ROUND, side_by_side};
use super::content::{Content, in_blocks};
use super::direct::Sink;
use super::disk::{Disk, Readers};
use super::document_path;
use super::metadata;
use super::target::folder_of;
use super::temporary::prefix;
use crate::document::Crew;
use std::io;
use std::path::Path;

/// Writes `content` to `path`, which it replaces as a whole or not at all. A link is followed.
///
/// # Errors
/// What the system says; what was there is as it was.
pub fn write_out(disk: &Disk, path: &Path, content: &dyn Content, crew: &dyn Crew) -> io::Result<()> {
    let target = document_path(disk, path);
    let folder = folder_of(&target);
    let old = disk.stat(&target).ok();
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return Err(io::Error::other("this is not a file"));
    }
    let readers = if old.is_some() { Readers::Owner } else { Readers::Usual };
    let (file, part) = disk.create_temporary(folder, &prefix(&target), ".part", readers)?;
    let written = (|| {
        let sink = Sink::begin(disk, &file, &part, content.size())?;
        let mut done = 0;
        in_blocks(content, ROUND, &mut |stretch| {
            let blocks: Vec<&[u8]> = stretch.chunks(BLOCK).collect();
            side_by_side(crew, blocks.len(), &|_: &mut (), number| sink.write(done + (number * BLOCK) as u64, blocks[number]))?;
            done += stretch.len() as u64;
            Ok(())
        })?;
        if let Some(old) = &old {
            let old_file = disk.open(&target)?;
            metadata::take_over(disk, &file, &part, &old_file, old).map_err(|refused| match refused {
                metadata::Refused::Owner => io::Error::other("the file belongs to another user"),
                metadata::Refused::Io(error) => error,
            })?;
        }
        disk.sync(&file, &part)?;
        disk.rename(&part, &target)?;
        disk.sync_folder(folder)
    })();
    written.inspect_err(|_| {
        // The error is what is told; the part is litter, or in place already.
        let _ = disk.remove(&part);
    })
}
