//! Large memory is given back elsewhere: the system takes a tenth of a second for a gigabyte, and a window would stand still meanwhile.

use std::sync::OnceLock;

/// Memory from this size on is worth a thread: below, it is gone within two milliseconds.
pub const LARGE: usize = 16 << 20;

static ELSEWHERE: OnceLock<fn(Box<dyn Send>)> = OnceLock::new();

/// Says who drops what is large; once in a process. Until then it is dropped where it is.
pub fn reclaim_with(elsewhere: fn(Box<dyn Send>)) {
    // The second one does the same.
    let _ = ELSEWHERE.set(elsewhere);
}

/// Drops something large, by now or soon.
pub fn reclaim(what: impl Send + 'static) {
    match ELSEWHERE.get() {
        Some(elsewhere) => elsewhere(Box::new(what)),
        None => drop(what),
    }
}
