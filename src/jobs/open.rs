//! Reading files.

use super::running::Running;
use super::texts::Texts;
use super::{Outbox, Stop, Threads, absolute};
use crate::document::{self, Applied, Document, Edit, Fragment, Head, ScanError, Value};
use crate::state::{DocumentId, Event, Mended, Opened, Report, file_name};
use crate::storage::{self, Digest, Disk, OpenError, SystemClock, Version};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Progress is told at most this often.
const PROGRESS: Duration = Duration::from_millis(80);
/// Shorter files are there in a moment.
const HEAD_LEAST: u64 = 8 << 20;
/// Longer files are not put in a value's place.
const VALUE_LIMIT: u64 = 1 << 30;

/// Longer ones stand there as they are written: to lay them out like their neighbours would take longer than to read them.
const LAID_OUT: usize = 16 << 20;

/// Reads and understands a file.
pub fn open(disk: &Disk, outbox: &Outbox, texts: &Texts, id: DocumentId, path: &Path, stop: &Stop) {
    let path = absolute(path);
    let last = Mutex::new(Instant::now());
    let tell = |done: u64, total: u64| {
        // Who finds it locked has nothing newer to tell.
        if let Ok(mut last) = last.try_lock()
            && last.elapsed() >= PROGRESS
        {
            *last = Instant::now();
            outbox.send(Event::Progress(id, done, total));
        }
        stop.asked()
    };
    show_head(disk, outbox, id, &path);
    let loaded = match storage::load(disk, &SystemClock, &path, &Threads, &tell) {
        Ok(loaded) => loaded,
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
    match loaded.fragment {
        Ok(fragment) => {
            texts.was_read(id, &fragment);
            outbox.send(Event::Opened(id, path, Opened { fragment, stamp: loaded.stamp, read_only: loaded.read_only }))
        }
        Err((problem, bytes)) => {
            let version = Version { stamp: loaded.stamp, digest: Digest::of_text(&bytes, &Threads) };
            outbox.send(Event::NotJson(id, path, Arc::new(bytes), version, problem));
        }
    }
}

/// Shows the beginning of a file that takes a while to read.
fn show_head(disk: &Disk, outbox: &Outbox, id: DocumentId, path: &Path) {
    // What is wrong with the file the reading tells.
    if let Ok(Some(start)) = storage::read_head(disk, &SystemClock, path, HEAD_LEAST)
        && let Some(head) = Head::of(&start)
    {
        outbox.send(Event::Head(id, head));
    }
}

/// Understands a text that was mended.
pub fn read_mended(id: DocumentId, mended: &Mended, running: &Running) {
    let bytes = mended.text();
    let total = bytes.len() as u64;
    let result = match Fragment::watched(bytes, &mut |done| running.at(done, total)) {
        Ok(fragment) => Ok(fragment),
        Err((ScanError::Problem(problem), bytes)) => Err((Arc::new(bytes), problem)),
        Err((ScanError::Cancelled, _)) => return,
    };
    running.deliver(Event::Mended(id, result));
}

/// Reads a file that is to become a value, and puts it in its place; `None` where that was stopped.
pub fn read_value(
    disk: &Disk,
    file: &Path,
    document: &Document,
    place: document::Path,
    running: &Running,
) -> Option<Result<Box<(Edit, Applied)>, String>> {
    let too_long = AtomicBool::new(false);
    let loaded = storage::load(disk, &SystemClock, file, &Threads, &|done, total| {
        if total > VALUE_LIMIT {
            too_long.store(true, Ordering::Relaxed);
            return ControlFlow::Break(());
        }
        running.at(done, total)
    });
    Some(match loaded.map(|loaded| loaded.fragment) {
        Ok(Ok(fragment)) => {
            let stands_as_is = fragment.text().len() > LAID_OUT;
            let edit = Edit::Replace { path: place, value: Value::of(fragment, stands_as_is) };
            edit.apply(document).map(|applied| Box::new((edit, applied))).map_err(|refusal| format!("Not possible: {refusal}."))
        }
        Ok(Err((problem, _))) => Err(format!("{} is not JSON ({problem}). Nothing was changed.", file.display())),
        Err(_) if too_long.into_inner() => Err(format!("{} is too long to become a value. Open it instead.", file.display())),
        Err(OpenError::Cancelled(_)) => return None,
        Err(error) => Err(format!("{error}. Nothing was changed.")),
    })
}
