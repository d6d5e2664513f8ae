//! What a document is made of: counted on a snapshot, so the counts belong together whatever is edited meanwhile. That a count
//! could be taken in the middle of a change can't be written down: a document never changes.

use super::node::{Child, Children, Node};
use super::path::Path;
use super::scalar::Kind;
use std::ops::ControlFlow;

/// How many of the largest are kept.
const LARGEST: usize = 10;
/// Values between two looks at whether to go on.
const STEP: u64 = 1 << 14;

/// Counts of one document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Values of each kind, in the order of [`Statistics::KINDS`].
    pub by_kind: [u64; 6],
    /// Values at each depth; the root is at depth 0.
    pub by_depth: Vec<u64>,
    /// The containers with the most children, largest first.
    pub containers: Vec<Large>,
    /// The longest strings, longest first, by their length as they are written.
    pub strings: Vec<Large>,
}

/// One of the largest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Large {
    /// Where it is.
    pub path: Path,
    /// Children, or bytes.
    pub size: u64,
}

impl Statistics {
    /// The order of the counts by kind.
    pub const KINDS: [Kind; 6] = [Kind::Object, Kind::Array, Kind::String, Kind::Number, Kind::Bool, Kind::Null];

    /// Counts all values. O(length); no recursion. `watch` is told how many values are done.
    ///
    /// Gives `None` where `watch` breaks off.
    pub fn of(root: &Node, watch: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Option<Self> {
        let mut found = Self::default();
        let mut path: Vec<u64> = Vec::new();
        let mut open: Vec<Children> = Vec::new();
        found.take(root, &path);
        if root.kind().is_container() {
            open.push(root.children());
            path.push(0);
        }
        let mut done = 1;
        while let Some(children) = open.last_mut() {
            let Some(Child { node, .. }) = children.next() else {
                open.pop();
                path.pop();
                if let Some(last) = path.last_mut() {
                    *last += 1;
                }
                continue;
            };
            found.take(&node, &path);
            done += 1;
            if done % STEP == 0 && watch(done).is_break() {
                return None;
            }
            if node.kind().is_container() {
                open.push(node.children());
                path.push(0);
            } else if let Some(last) = path.last_mut() {
                *last += 1;
            }
        }
        Some(found)
    }

    /// All values.
    pub fn total(&self) -> u64 {
        self.by_kind.iter().sum()
    }

    fn take(&mut self, node: &Node, path: &[u64]) {
        let kind = node.kind();
        if let Some(place) = Self::KINDS.iter().position(|known| *known == kind) {
            self.by_kind[place] += 1;
        }
        if self.by_depth.len() <= path.len() {
            self.by_depth.resize(path.len() + 1, 0);
        }
        self.by_depth[path.len()] += 1;
        match kind {
            Kind::Object | Kind::Array => keep(&mut self.containers, path, node.child_count()),
            Kind::String => keep(&mut self.strings, path, node.byte_len()),
            _ => {}
        }
    }
}

fn keep(largest: &mut Vec<Large>, path: &[u64], size: u64) {
    if largest.len() == LARGEST && largest.last().is_some_and(|last| last.size >= size) {
        return;
    }
    let place = largest.partition_point(|known| known.size >= size);
    largest.insert(place, Large { path: path.into(), size });
    largest.truncate(LARGEST);
}

#[cfg(test)]
mod tests {
    use super::super::{Document, Edit};
    use super::*;

    fn of(document: &Document) -> Statistics {
        Statistics::of(document.root(), &mut |_| ControlFlow::Continue(())).unwrap()
    }

    #[test]
    fn all_is_counted() {
        let found = of(&Document::parse(r#"{"a": [1, 2, {"b": "long text"}], "c": null, "d": [true, ""]}"#).unwrap());
        assert_eq!(found.by_kind, [2, 2, 2, 2, 1, 1]);
        assert_eq!((found.by_depth.as_slice(), found.total()), (&[1, 3, 5, 1][..], 10));
        assert_eq!(found.containers[0], Large { path: [].into(), size: 3 });
        assert_eq!(found.containers[1], Large { path: [0].into(), size: 3 });
        assert_eq!(found.strings[0], Large { path: [0, 2, 0].into(), size: 11 });
        assert_eq!(of(&Document::parse("7").unwrap()).by_kind, [0, 0, 0, 1, 0, 0]);
        let deep = of(&Document::parse(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))).unwrap());
        assert_eq!((deep.by_depth.len(), deep.total()), (100_000, 100_000));
    }

    /// One thread edits, others count what they are given: each count is that of one revision, never of two.
    #[test]
    fn counts_are_consistent_while_editing_goes_on() {
        let text = format!("[{}0]", "{\"a\": [1, \"x\"]}, ".repeat(2000));
        let mut document = Document::parse(text).unwrap();
        std::thread::scope(|scope| {
            let (sender, snapshots) = std::sync::mpsc::channel::<(u64, Document)>();
            let counter = scope.spawn(move || {
                let mut counted = 0;
                for (removed, snapshot) in snapshots {
                    let found = of(&snapshot);
                    let left = 2000 - removed;
                    assert_eq!(found.by_kind, [left, left + 1, left, left + 1, 0, 0]);
                    assert_eq!(found.total(), snapshot.values());
                    counted += 1;
                }
                counted
            });
            for removed in 0..200 {
                sender.send((removed, document.clone())).unwrap();
                document = Edit::Remove { path: [removed % 50].into() }.apply(&document).unwrap().document;
            }
            drop(sender);
            assert_eq!(counter.join().unwrap(), 200);
        });
    }
}
