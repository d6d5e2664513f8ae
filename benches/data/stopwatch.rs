//! Two clocks: on a machine that does other things too, a thread may wait for its turn while time goes by.

use std::time::Instant;

/// Times what the calling thread does.
pub struct Stopwatch {
    begun: Instant,
    cpu_ms: f64,
}

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self { begun: Instant::now(), cpu_ms: cpu_ms() }
    }

    /// Milliseconds since the start, and those of them in which the thread had a processor (on Unix alone).
    pub fn ms(&self) -> (f64, f64) {
        (self.begun.elapsed().as_secs_f64() * 1e3, cpu_ms() - self.cpu_ms)
    }
}

#[cfg(unix)]
fn cpu_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

#[cfg(not(unix))]
fn cpu_ms() -> f64 {
    f64::NAN
}
