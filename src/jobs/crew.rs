//! Threads for work that can be split.

use crate::document::{Crew, Job};
use std::io;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Starts a thread for a job. The window's thread goes before it and before those that it starts in turn: where every core has a job
/// a frame took up to twice its time. Saves and the journal, which have other threads, don't give way.
///
/// # Errors
/// The system has no thread to give.
pub fn start(name: &str, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let gives_way = || {
        // Elsewhere it would be the whole process that gives way. Where it may not be done the job goes on as it is.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::nice(NICER);
        job();
    };
    thread::Builder::new().name(name.to_owned()).spawn(gives_way).map(drop)
}

/// A third of the time that the window's thread gets where both want the same core.
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// One thread for each core.
pub struct Threads;

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

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn a_job_and_its_crew_give_way_and_nobody_else() {
        use super::*;
        use std::sync::mpsc;

        // Of the thread that asks.
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let (sender, answer) = mpsc::channel();
        start("job", move || {
            // Two that wait for each other are on two threads.
            let both = std::sync::Barrier::new(2);
            let all = Mutex::new(Vec::new());
            let job = || {
                both.wait();
                all.lock().unwrap().push(niceness());
            };
            Threads.run_at_once(2, vec![Box::new(job), Box::new(job)]);
            sender.send((niceness(), all.into_inner().unwrap())).unwrap();
        })
        .unwrap();
        let (own, of_crew) = answer.recv().unwrap();
        let nicer = (before + NICER).min(19);
        assert_eq!((own, of_crew), (nicer, vec![nicer; 2]));
        assert_eq!(niceness(), before);
    }
}
