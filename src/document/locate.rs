//! The way from a byte of the text to the value that it is of.

use super::{Document, Node, Path};

/// Key or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The key of a member.
    Key,
    /// The value.
    Value,
}

/// What a byte of the text is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The value, or the member whose key it is.
    pub path: Path,
    /// Which of both.
    pub side: Side,
    /// Bytes from the start of the key or value, as it is written.
    pub inside: u64,
}

/// The place of a byte of a document's text; what is between two tokens is of the token before. O(depth · log n) and at most
/// 64 steps in a container: the text is not searched.
pub fn path_of_offset(document: &Document, offset: u64) -> Place {
    let mut path = Vec::new();
    let mut node = document.root().clone();
    let mut offset = offset.saturating_sub(document.before.len() as u64);
    let mut side = Side::Value;
    while let Some((k, child, inside)) = node.child_at_offset(offset) {
        path.push(k);
        match inside {
            Some(inside) => offset = inside,
            None => {
                offset = offset.saturating_sub(child_offset(&node, k));
                side = if child.key.is_some_and(|key| offset < key.len() as u64) { Side::Key } else { Side::Value };
                break;
            }
        }
        node = child.node;
    }
    Place { path: path.into(), side, inside: offset }
}

/// Where child `k` begins (its key in an object), from the start of the container's text.
fn child_offset(node: &Node, k: u64) -> u64 {
    match node {
        Node::Raw { fragment, start } => fragment.slot(*start, k).map_or(0, |slot| (slot.start - start) as u64),
        Node::Edited(container) => container.child_offset(k).unwrap_or(0),
    }
}

/// The start of a value's text, or of its key's where it has one: where a search from there on begins. O(depth · log n).
pub fn offset_of_path(document: &Document, path: &[u64]) -> Option<u64> {
    let mut offset = document.before.len() as u64;
    let mut node = document.root().clone();
    for (depth, &k) in path.iter().enumerate() {
        let child = node.child(k)?;
        offset += child_offset(&node, k);
        if depth + 1 == path.len() {
            return Some(offset);
        }
        offset += match &node {
            Node::Raw { fragment, start } => fragment.slot(*start, k).map_or(0, |slot| (slot.value - slot.start) as u64),
            Node::Edited(container) => container.key_length(k).unwrap_or(0),
        };
        node = child.node;
    }
    Some(offset)
}
