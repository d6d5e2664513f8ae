//! Reading files.

use super::{Outbox, Stop, absolute};
use crate::document::{Fragment, ScanError};
use crate::state::{DocumentId, Event, Opened, Report, file_name};
use crate::storage::{self, Digest, Disk, OpenError, SystemClock, Version};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Progress is told at most this often.
const PROGRESS: Duration = Duration::from_millis(80);
/// Longer files are not put in a value's place.
const VALUE_LIMIT: u64 = 1 << 30;

/// Reads and understands a file.
pub fn open(disk: &Disk, outbox: &Outbox, id: DocumentId, path: &Path, stop: &Stop) {
    let path = absolute(path);
    let mut last = Instant::now();
    let mut tell = |done: u64, total: u64| {
        if last.elapsed() >= PROGRESS {
            last = Instant::now();
            outbox.send(Event::Progress(id, done, total));
        }
        stop.asked()
    };
    // Reading is the first half of the way, understanding the second.
    let read = match storage::read(disk, &SystemClock, &path, &mut |done, total| tell(done, 2 * total)) {
        Ok(read) => read,
        Err(OpenError::Cancelled(_)) => return outbox.send(Event::OpeningStopped(id)),
        Err(error) => {
            let report = Report {
                what: format!("{} could not be opened.", file_name(&path)),
                safe: format!("{error}."),
                todo: "Nothing was changed.".to_owned(),
            };
            return outbox.send(Event::NotOpened(id, path, report));
        }
    };
    let size = read.bytes.len() as u64;
    match Fragment::watched(read.bytes, &mut |done| tell(size + done, 2 * size)) {
        Ok(fragment) => outbox.send(Event::Opened(id, path, Opened { fragment, stamp: read.stamp, read_only: read.read_only })),
        Err((ScanError::Cancelled, _)) => outbox.send(Event::OpeningStopped(id)),
        Err((ScanError::Problem(problem), bytes)) => {
            let version = Version { stamp: read.stamp, digest: Digest::of(&bytes) };
            outbox.send(Event::NotJson(id, path, Arc::new(bytes), version, problem));
        }
    }
}

/// Understands a text that was mended.
pub fn read_mended(outbox: &Outbox, id: DocumentId, bytes: Vec<u8>) {
    let result = match Fragment::watched(bytes, &mut |_| ControlFlow::Continue(())) {
        Ok(fragment) => Ok(fragment),
        Err((ScanError::Problem(problem), bytes)) => Err((Arc::new(bytes), problem)),
        Err((ScanError::Cancelled, _)) => return,
    };
    outbox.send(Event::Mended(id, result));
}

/// Reads a file that is to become a value.
pub fn read_value(disk: &Disk, outbox: &Outbox, id: DocumentId, path: &Path) {
    let mut too_long = false;
    let read = storage::read(disk, &SystemClock, path, &mut |_, total| {
        too_long = total > VALUE_LIMIT;
        if too_long { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let value = match read {
        Ok(read) => {
            String::from_utf8(read.bytes).map_err(|_| format!("{} is not UTF-8 text. Nothing was changed.", path.display()))
        }
        Err(_) if too_long => Err(format!("{} is too long to become a value. Open it instead.", path.display())),
        Err(error) => Err(format!("{error}. Nothing was changed.")),
    };
    outbox.send(Event::ValueRead(id, value));
}
