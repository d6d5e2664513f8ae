//! What a process says of itself after one task.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

/// A whole file, as a program reads it that means to do it well.
pub fn read(path: &Path) -> Vec<u8> {
    let mut file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = Vec::with_capacity(file.metadata().map_or(0, |metadata| metadata.len() as usize) + 1);
    file.read_to_end(&mut bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    bytes
}

/// Prints the seconds since `begun`, the processor's seconds of all threads (those that ended too), and the peak of memory in
/// bytes. The processor's time is told on Unix alone, memory on Linux.
pub fn report(begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    let cpu_seconds = cpu_seconds();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|text| text.split_whitespace().next());
    println!("{seconds} {cpu_seconds} {}", peak.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) * 1024);
}

#[cfg(unix)]
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(not(unix))]
fn cpu_seconds() -> f64 {
    f64::NAN
}
