//! Large memory is given back elsewhere: the system takes a tenth of a second for a gigabyte, and a window would stand still meanwhile.

use std::sync::{Arc, OnceLock};

/// Memory from this size on is worth a thread: below, it is gone within two milliseconds.
pub const LARGE: usize = 16 << 20;

/// So much is given back at once, in a third of a millisecond: others in the process who ask the system for memory wait for that.
const PIECE: usize = 4 << 20;

static ELSEWHERE: OnceLock<fn(Box<dyn Spent>)> = OnceLock::new();

/// Memory that nobody needs any more.
pub trait Spent: Send {
    /// Gives a piece of it back; says whether there is more. What is left goes when it is dropped.
    fn give_back(&mut self) -> bool;
}

impl Spent for Vec<u8> {
    fn give_back(&mut self) -> bool {
        self.truncate(self.len().saturating_sub(PIECE));
        self.shrink_to_fit();
        !self.is_empty()
    }
}

/// Who is not the last to hold it gives nothing back.
impl Spent for Arc<Vec<u8>> {
    fn give_back(&mut self) -> bool {
        Self::get_mut(self).is_some_and(Spent::give_back)
    }
}

/// Says who gives back what is large; once in a process. Until then it is dropped where it is.
pub fn reclaim_with(elsewhere: fn(Box<dyn Spent>)) {
    // The second one does the same.
    let _ = ELSEWHERE.set(elsewhere);
}

/// Gives something large back, by now or soon.
pub fn reclaim(what: impl Spent + 'static) {
    match ELSEWHERE.get() {
        Some(elsewhere) => elsewhere(Box::new(what)),
        None => drop(what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_in_pieces() {
        let mut text = vec![1_u8; 2 * PIECE + 1];
        assert!(text.give_back() && text.len() == PIECE + 1 && text.capacity() < 2 * PIECE);
        assert!(text.give_back() && !text.give_back() && text.capacity() == 0);
        let mut held = Arc::new(vec![1_u8; PIECE + 1]);
        let other = Arc::clone(&held);
        assert!(!held.give_back() && held.len() == PIECE + 1, "somebody needs it");
        drop(other);
        assert!(held.give_back() && !held.give_back());
    }
}
