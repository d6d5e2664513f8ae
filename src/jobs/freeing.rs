//! Large memory is given back in threads of its own. Who asks how much is free waits for them.

use super::crew;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Nobody waits for longer.
const LONGEST: Duration = Duration::from_secs(5);

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

/// Drops something in a thread; here, where there is none to be had.
pub fn free(what: Box<dyn Send>) {
    let under_way = UnderWay::begin();
    let _ = crew::start("free", move || {
        drop(what);
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
        impl Drop for Slow {
            fn drop(&mut self) {
                std::thread::sleep(Duration::from_millis(200));
                self.0.store(true, Ordering::SeqCst);
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
