//! What counts as the same value, and hashes that find it again.

use super::node::{Child, Node};
use super::spacing;

/// Edited values up to this length are compared by a copy of their text.
const COPIED: u64 = 1 << 16;

/// Whether two values are known to be the same, byte for byte. O(length) where they are.
pub fn same_bytes(a: &Node, b: &Node) -> bool {
    if a.is_same(b) {
        return true;
    }
    match (a.raw_text(), b.raw_text()) {
        (Some(a), Some(b)) => a == b,
        // One of them is edited. Large ones are looked into rather than copied.
        _ => a.byte_len() == b.byte_len() && a.byte_len() <= COPIED && a.to_bytes() == b.to_bytes(),
    }
}

/// What counts as the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    /// All bytes are.
    Bytes,
    /// All tokens are, whatever white space is between them; where one is edited they are short.
    Tokens,
}

impl Same {
    pub(super) fn values(self, a: &Node, b: &Node) -> bool {
        if same_bytes(a, b) {
            return true;
        }
        match (a.raw_text(), b.raw_text()) {
            _ if self == Self::Bytes => false,
            (Some(a), Some(b)) => spacing::are_same(a, b),
            _ => a.byte_len().max(b.byte_len()) <= COPIED && spacing::are_same(&a.to_bytes(), &b.to_bytes()),
        }
    }

    pub(super) fn children(self, a: &Child, b: &Child) -> bool {
        same_key(a, b) && self.values(&a.node, &b.node)
    }
}

/// Whether two children have the same key, byte for byte, or neither has one.
pub(super) fn same_key(a: &Child, b: &Child) -> bool {
    match (&a.key, &b.key) {
        (Some(a), Some(b)) => a.bytes() == b.bytes(),
        (None, None) => true,
        _ => false,
    }
}

/// A hash of each value. `None` where `go_on`, told which one it is, says so.
pub(super) fn hashes(children: &[Child], same: Same, go_on: &mut dyn FnMut(usize) -> Option<()>) -> Option<Vec<u64>> {
    let mut bare = Vec::new();
    let mut of = |child: &Child| {
        if same == Same::Bytes {
            return hash_of(child);
        }
        bare.clear();
        match child.node.raw_text() {
            Some(text) => spacing::push_bare(text, &mut bare),
            None => spacing::push_bare(&child.node.to_bytes(), &mut bare),
        }
        hash(&bare)
    };
    children.iter().enumerate().map(|(place, child)| go_on(place).map(|()| of(child))).collect()
}

pub(super) fn hash_of(child: &Child) -> u64 {
    match child.node.raw_text() {
        Some(text) => hash(text),
        None => hash(&child.node.to_bytes()),
    }
}

/// Eight bytes at a time, multiplied and folded. What has the same hash is compared byte for byte before it counts as the same.
fn hash(text: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(FACTOR);
        (product as u64) ^ (product >> 64) as u64
    };
    let (words, rest) = text.as_chunks::<8>();
    let hash = words.iter().fold(mix(FACTOR, text.len() as u64), |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(hash, u64::from_le_bytes(last))
}
