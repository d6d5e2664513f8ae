//! Threads for work that can be split.

use crate::document::{Crew, Job};
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// One thread for each core.
pub struct Threads;

/// One thread for each core but one, which has something else to do; one at least.
pub struct Others;

impl Crew for Others {
    fn size(&self) -> usize {
        Threads.size().saturating_sub(1).max(1)
    }

    fn run_at_once(&self, count: usize, jobs: Vec<Job<'_>>) {
        Threads.run_at_once(count, jobs);
    }
}

impl Crew for Threads {
    fn size(&self) -> usize {
        thread::available_parallelism().map_or(1, NonZero::get)
    }

    /// Each thread takes the next job when it is done with one.
    fn run_at_once(&self, count: usize, jobs: Vec<Job<'_>>) {
        let others = count.min(jobs.len()).saturating_sub(1);
        let left = Mutex::new(jobs.into_iter());
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            while let Some(job) = next() {
                job();
            }
        };
        thread::scope(|scope| {
            for _ in 0..others {
                scope.spawn(work);
            }
            // This thread has nothing else to do meanwhile.
            work();
        });
    }
}
