//! A job that is told of once it takes a while, and that a person can stop.

use super::{Outbox, Stop};
use crate::document::Node;
use crate::state::{DocumentId, Event, Task};
use std::ops::ControlFlow;
use std::sync::Mutex;
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
}

impl Running {
    /// Begins now.
    pub fn new(outbox: &Outbox, id: DocumentId, task: Task, stop: Stop, closing: Stop) -> Self {
        let next = Mutex::new(Instant::now() + SLOW);
        Self { outbox: outbox.clone(), id, task, stop, closing, next, told: Mutex::new(false) }
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

    /// What a comparison or merge asks: it has come to a value of `root`, or of what became of that.
    pub fn watch_values(&self, root: &Node) -> impl FnMut(&Node) -> ControlFlow<()> + '_ {
        /// Values between two looks at the clock.
        const STEP: u32 = 64;
        let (start, total) = (root.offset_as_read().unwrap_or(0), root.byte_len());
        let (mut done, mut turn) = (0, 0);
        move |node| {
            // Values that were typed stand in texts of their own, at the beginning.
            done = node.offset_as_read().map_or(done, |offset| done.max(offset.saturating_sub(start)).min(total));
            turn = (turn + 1) % STEP;
            if turn == 1 { self.at(done, total) } else { self.go_on() }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.told.lock().is_ok_and(|told| *told) || self.stop.asked().is_break() {
            self.outbox.send(Event::TaskEnded(self.id, self.task, self.stop.asked().is_break()));
        }
    }
}
