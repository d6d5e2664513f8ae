//! What is made of measurements.

use std::fs;

/// One of the values, sorted, at that part of them: 0.5 is the median, 1 the largest.
pub fn at(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(((values.len() as f64 - 1.0) * part).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Megabytes of a process's memory, told on Linux alone: a line of `/proc/PROCESS/status`, as `VmRSS` or `VmHWM`.
pub fn memory_mb(process: &str, line: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|found| found.starts_with(line)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).map_or(f64::NAN, |kb| kb * 1024.0 / 1e6)
}
