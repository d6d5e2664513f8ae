//! Large memory is given back in threads of its own. Who asks how much is free waits for them.

use crate::document::Spent;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Nobody waits for longer.
const LONGEST: Duration = Duration::from_secs(5);
/// Between two pieces.
const PAUSE: Duration = Duration::from_millis(1);

static UNDER_WAY: Mutex<usize> = Mutex::new(0);
static DONE: Condvar = Condvar::new();

/// One that is under way, until it is dropped, wherever that is.
struct UnderWay;

impl UnderWay {
    fn begin() -> Self {
        *UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        *UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        DONE.notify_all();
    }
}

/// Gives something back in a thread; here, where there is none to be had.
pub fn free(mut what: Box<dyn Spent>) {
    let under_way = UnderWay::begin();
    // It does not give way to other jobs: the window's thread may wait for what it holds.
    let _ = thread::Builder::new().name("free".to_owned()).spawn(move || {
        while what.give_back() {
            // Others get what they wait for.
            thread::sleep(PAUSE);
        }
        drop(under_way);
    });
}

/// Waits until all that was given is free.
pub fn wait() {
    let under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
    // Whoever waits too long goes on all the same.
    let _ = DONE.wait_timeout_while(under_way, LONGEST, |count| *count > 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn who_asks_waits_until_all_is_free() {
        struct Slow(Arc<AtomicBool>);
        impl Spent for Slow {
            fn give_back(&mut self) -> bool {
                thread::sleep(Duration::from_millis(100));
                // The second piece is the last one.
                !self.0.swap(true, Ordering::SeqCst)
            }
        }
        let is_free = Arc::new(AtomicBool::new(false));
        free(Box::new(Slow(Arc::clone(&is_free))));
        assert!(!is_free.load(Ordering::SeqCst), "elsewhere");
        wait();
        assert!(is_free.load(Ordering::SeqCst));
        wait();
    }
}
