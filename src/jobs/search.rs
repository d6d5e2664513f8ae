//! Searching: a thread for each core takes blocks of the document, the hits go out in the order of the text.

use super::{Outbox, Stop, Threads};
use crate::document::search::{Block, Blocks, Chunk, Query, Scratch, Searcher};
use crate::document::{Crew, Document, Job};
use crate::state::{DocumentId, Event, Found};
use std::collections::BTreeMap;
use std::iter::Enumerate;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Hits go out at most this often, but for the first ones.
const DELIVERY: Duration = Duration::from_millis(30);
/// Longer documents are worth more than one thread.
const ONE_THREAD_BYTES: u64 = 2 << 20;

/// So far ahead of the place where a person looks the search of the whole gets there before anybody waits.
const NEAR_BYTES: u64 = 8 << 20;
/// So long the first hit behind that place is sought before all others are.
const AHEAD: Duration = Duration::from_millis(20);

/// Searches a snapshot; search number `number` of the document. The person looks at `from`, where a key or a value begins.
pub fn search(outbox: &Outbox, id: DocumentId, number: u64, query: &Query, (document, from): (&Document, u64), stop: &Stop) {
    let send = |found| outbox.send(Event::Search(id, number, found));
    let searcher = match Searcher::new(query) {
        Ok(searcher) => Arc::new(searcher),
        Err(invalid) => return send(Found::Invalid(invalid.to_string())),
    };
    send(Found::Begun(Arc::clone(&searcher)));
    if let Some(first) = first_behind(&searcher, document, from, stop) {
        send(Found::First(first));
    }
    let deliver = |hits, done| send(Found::Hits(hits, done));
    if search_document(&searcher, document, &|| stop.asked(), &deliver).is_continue() {
        send(Found::Ended);
    }
}

/// The first hit behind `from`, or that there is none, where `from` is far from the beginning and that is found out at once.
fn first_behind(searcher: &Searcher, document: &Document, from: u64, stop: &Stop) -> Option<Option<u64>> {
    if from < NEAR_BYTES {
        return None;
    }
    let until = Instant::now() + AHEAD;
    let mut watch = || if Instant::now() < until { stop.asked() } else { ControlFlow::Break(()) };
    let (mut scratch, mut hits) = (searcher.scratch(), Vec::new());
    for block in Blocks::from(document, from) {
        let ended = searcher.search(&block, &mut scratch, &mut hits, &mut watch);
        if !hits.is_empty() {
            return Some(hits.first().copied());
        }
        if ended.is_break() {
            return None;
        }
    }
    Some(None)
}

/// Finds all hits of a document. `deliver` gets them in order, a part at a time, with the bytes that are done; `stop` is asked
/// every few megabytes.
///
/// # Errors
/// Broken off by `stop`.
pub fn search_document(
    searcher: &Searcher,
    document: &Document,
    stop: &(dyn Fn() -> ControlFlow<()> + Sync),
    deliver: &(dyn Fn(Vec<Chunk>, u64) + Sync),
) -> ControlFlow<()> {
    let blocks = Mutex::new(Blocks::of(document).enumerate());
    let order = Mutex::new(Order {
        deliver,
        next: 0,
        ready: BTreeMap::new(),
        waiting: Vec::new(),
        done: 0,
        has_hits: false,
        delivered: Instant::now(),
    });
    let is_stopped = AtomicBool::new(false);
    let work = || {
        if work(searcher, &blocks, &order, stop).is_break() {
            is_stopped.store(true, Ordering::Relaxed);
        }
    };
    let threads = if document.byte_len() > ONE_THREAD_BYTES { Threads.size() } else { 1 };
    Threads.run((0..threads).map(|_| Box::new(work) as Job<'_>).collect());
    if is_stopped.into_inner() {
        return ControlFlow::Break(());
    }
    locked(&order).flush();
    ControlFlow::Continue(())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes block after block until there is none.
fn work(
    searcher: &Searcher,
    blocks: &Mutex<Enumerate<Blocks>>,
    order: &Mutex<Order<'_>>,
    stop: &(dyn Fn() -> ControlFlow<()> + Sync),
) -> ControlFlow<()> {
    let mut scratch: Scratch = searcher.scratch();
    loop {
        let next: Option<(usize, Block)> = locked(blocks).next();
        let Some((number, block)) = next else { return ControlFlow::Continue(()) };
        let mut hits = Vec::new();
        searcher.search(&block, &mut scratch, &mut hits, &mut || stop())?;
        locked(order).finished(number, hits, block.len());
    }
}

/// Brings the hits of blocks into the order of the text.
struct Order<'a> {
    deliver: &'a (dyn Fn(Vec<Chunk>, u64) + Sync),
    /// The block whose hits are to go out next.
    next: usize,
    /// Hits and bytes of blocks behind it.
    ready: BTreeMap<usize, (Vec<u64>, u64)>,
    /// Hits that can go out, block by block: put together as they go, for a vector that grows is moved again and again.
    waiting: Vec<Vec<u64>>,
    done: u64,
    has_hits: bool,
    delivered: Instant,
}

impl Order<'_> {
    fn finished(&mut self, number: usize, hits: Vec<u64>, bytes: u64) {
        self.ready.insert(number, (hits, bytes));
        while let Some((hits, bytes)) = self.ready.remove(&self.next) {
            self.next += 1;
            self.done += bytes;
            if !hits.is_empty() {
                self.waiting.push(hits);
            }
        }
        let is_first = !self.has_hits && !self.waiting.is_empty();
        if is_first || self.delivered.elapsed() >= DELIVERY {
            self.has_hits |= is_first;
            self.flush();
        }
    }

    fn flush(&mut self) {
        (self.deliver)(Chunk::pack(&std::mem::take(&mut self.waiting)), self.done);
        self.delivered = Instant::now();
    }
}
