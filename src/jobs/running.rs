//! A job that is told of once it takes a while, and that a person can stop.

use super::{Outbox, Stop};
use crate::document::Node;
use crate::state::{DocumentId, Event, Task};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Nobody has to know of shorter jobs.
const SLOW: Duration = Duration::from_millis(300);
/// Between two tellings.
const PAUSE: Duration = Duration::from_millis(100);

/// A job under way; dropping it ends it.
pub struct Running {
    outbox: Outbox,
    id: DocumentId,
    task: Task,
    stop: Stop,
    /// The window is closed.
    closing: Stop,
    next: Mutex<Instant>,
    told: Mutex<bool>,
    delivered: AtomicBool,
}

impl Running {
    /// Begins now.
    pub fn new(outbox: &Outbox, id: DocumentId, task: Task, stop: Stop, closing: Stop) -> Self {
        let next = Mutex::new(Instant::now() + SLOW);
        let (told, delivered) = (Mutex::new(false), AtomicBool::new(false));
        Self { outbox: outbox.clone(), id, task, stop, closing, next, told, delivered }
    }

    /// The document that it is about.
    pub fn id(&self) -> DocumentId {
        self.id
    }

    /// So much is done; says whether to go on. Threads may call it side by side.
    pub fn at(&self, done: u64, total: u64) -> ControlFlow<()> {
        // Who finds them locked has nothing newer to tell.
        if let (Ok(mut next), Ok(mut told)) = (self.next.try_lock(), self.told.try_lock())
            && *next <= Instant::now()
        {
            *next = Instant::now() + PAUSE;
            *told = true;
            self.outbox.send(Event::TaskProgress(self.id, self.task, done, total));
        }
        self.go_on()
    }

    /// Says whether to go on.
    pub fn go_on(&self) -> ControlFlow<()> {
        match self.closing.asked() {
            ControlFlow::Continue(()) => self.stop.asked(),
            over => over,
        }
    }

    /// Sends what came of it, unless it was stopped: what is done is not told as stopped, and what was stopped is not done.
    pub fn deliver(&self, event: Event) {
        if self.go_on().is_continue() {
            self.delivered.store(true, Ordering::Relaxed);
            self.outbox.send(event);
        }
    }

    /// What a comparison or merge asks: it has come to a value of `root`, or of what became of that.
    pub fn watch_values(&self, root: &Node) -> impl FnMut(&Node) -> ControlFlow<()> + '_ {
        /// Values between two looks at the clock.
        const STEP: u32 = 64;
        let (mut far, mut turn) = (Far::in_values_of(root), 0);
        move |node| {
            let done = far.at(node);
            turn = (turn + 1) % STEP;
            if turn == 1 { self.at(done, far.total) } else { self.go_on() }
        }
    }
}

/// How far a walk through the values of a text is, in bytes.
struct Far {
    start: u64,
    total: u64,
    done: u64,
}

impl Far {
    /// At the first value of `root`.
    fn in_values_of(root: &Node) -> Self {
        Self { start: root.offset_as_read().unwrap_or(0), total: root.byte_len(), done: 0 }
    }

    /// At this value.
    fn at(&mut self, node: &Node) -> u64 {
        // Values that were typed stand in texts of their own, at the beginning.
        let here = node.offset_as_read().map_or(0, |offset| offset.saturating_sub(self.start).min(self.total));
        self.done = self.done.max(here);
        self.done
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What is waited for never comes where a panic ended it, or no thread was there for it.
        let is_awaited = matches!(self.task, Task::Follow | Task::Mend | Task::Merge);
        let is_over = is_awaited || self.stop.asked().is_break() || std::thread::panicking();
        let is_stopped = is_over && !self.delivered.load(Ordering::Relaxed);
        if self.told.lock().is_ok_and(|told| *told) || is_stopped {
            self.outbox.send(Event::TaskEnded(self.id, self.task, is_stopped));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, mpsc};

    fn job() -> (Running, Stop, mpsc::Receiver<Event>) {
        let (events, received) = mpsc::channel();
        let (outbox, stop) = (Outbox { events, wake: Arc::new(|| ()) }, Stop::default());
        (Running::new(&outbox, DocumentId(1), Task::Recover, stop.clone(), Stop::default()), stop, received)
    }

    #[test]
    fn what_is_done_is_not_told_as_stopped() {
        let (running, stop, received) = job();
        running.deliver(Event::BackupsMeasured(7));
        stop.now();
        drop(running);
        assert!(matches!(received.try_iter().collect::<Vec<_>>()[..], [Event::BackupsMeasured(7)]));
    }

    #[test]
    fn what_was_stopped_is_not_done() {
        let (running, stop, received) = job();
        stop.now();
        running.deliver(Event::BackupsMeasured(7));
        drop(running);
        assert!(matches!(received.try_iter().collect::<Vec<_>>()[..], [Event::TaskEnded(_, Task::Recover, true)]));
    }
}
