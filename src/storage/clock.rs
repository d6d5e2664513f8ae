//! The clock that storage is given: time stamps and waiting.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time as storage needs it. Tests pass one that does not wait.
pub trait Clock: Send + Sync {
    /// Nanoseconds since 1970, as file times are.
    fn now_ns(&self) -> i128;
    /// Waits.
    fn sleep(&self, time: Duration);
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ns(&self) -> i128 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_nanos() as i128,
            Err(before) => -(before.duration().as_nanos() as i128),
        }
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}
