//! Threads for work that can be split.

use crate::document::{Crew, Job};
use std::num::NonZero;
use std::thread;

/// One thread for each core.
pub struct Threads;

impl Crew for Threads {
    fn size(&self) -> usize {
        thread::available_parallelism().map_or(1, NonZero::get)
    }

    fn run(&self, jobs: Vec<Job<'_>>) {
        thread::scope(|scope| {
            let mut jobs = jobs.into_iter();
            let own = jobs.next();
            for job in jobs {
                scope.spawn(job);
            }
            // The first one is done here: nobody else has anything to do meanwhile.
            if let Some(job) = own {
                job();
            }
        });
    }
}
