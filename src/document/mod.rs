//! The text of one JSON file and what it means. Pure: no files, no threads, no clock.
//!
//! In reading order: [`scan`](self) validates a text and records its large values in an [`index`](self); both together are a
//! [`Fragment`]. A [`Node`] is a value in a fragment, or an edited container made of [`pieces`](self). A [`Document`] is a root
//! node with what stands around it; an [`Edit`] makes one document out of another, a [`Replacement`] in the text too, and a
//! [`History`] keeps them.

mod align;
mod bitmap;
mod brackets;
mod children;
#[cfg(test)]
#[path = "../../tests/common/mod.rs"]
mod common;
mod diff;
mod edit;
mod entries;
mod fragment;
#[cfg(fuzzing)]
pub mod fuzzing;
mod head;
mod history;
mod index;
mod join;
mod locate;
mod measure;
mod merge;
mod node;
mod parts;
mod patch;
pub mod path;
mod pieces;
pub mod pointer;
mod points;
mod portable;
mod problem;
mod reclaim;
mod record;
mod remake;
mod runs;
mod same;
pub mod scalar;
mod scan;
pub mod search;
pub mod seq;
mod spacing;
mod stats;
mod style;
mod successor;
mod sweep;
mod three_way;
mod tokens;
mod validate;

pub use align::Watch;
pub use diff::{Comparison, Difference, compare, compare_all};
pub use edit::{Applied, Edit, Key, MAX_EDITED_DEPTH, Refusal, Value};
pub use fragment::Fragment;
pub use head::Head;
pub use history::{History, Revision, RevisionId, Step};
pub use locate::{Place, Side, offset_of_path, path_of_offset};
pub use merge::{Change, ChangedBy, Choice, Merge};
pub use node::{Child, Children, Node, Text};
pub use parts::{Alone, Crew, Feed, Job, Unloaded};
pub use patch::{ArrayPlace, PatchError, Patched, edit_to_add, patch, patch_between};
pub use path::{Moved, Path, Shift};
pub use problem::Problem;
pub use reclaim::{Spent, reclaim, reclaim_with};
pub use remake::{MOST_REPLACEMENTS, Replacement};
pub use scalar::{Escaping, Kind};
pub use scan::ScanError;
pub use stats::{Large, Statistics};
pub use style::{Layout, Style, lay_out};
pub use successor::{Portion, consists_of, portions, replacements};
pub use validate::{Stretch, Validator};

use std::sync::Arc;

/// A whole JSON text as a value: `clone` is a pointer copy, an edit makes another one.
#[derive(Clone, Debug)]
pub struct Document {
    root: Node,
    /// Byte-order mark and white space before the root.
    before: Text,
    /// White space behind it.
    behind: Text,
    style: Arc<Style>,
    depth: u64,
    /// The text that it was read from, or from which it was made.
    ground: Arc<Fragment>,
    /// Bytes of memory that it held beside that from the beginning.
    beside: u64,
}

impl Document {
    /// The document that a text is.
    ///
    /// # Errors
    /// The first place at which it is not JSON.
    pub fn parse(text: impl Into<Vec<u8>>) -> Result<Self, Problem> {
        Fragment::new(text).map(|fragment| Self::of(&fragment))
    }

    /// The document that a fragment is. O(1), but for a look at the first 64 kB.
    pub fn of(fragment: &Arc<Fragment>) -> Self {
        let root = fragment.root();
        Self {
            root: Node::root_of(fragment),
            before: Text::slice(fragment, 0, root.start),
            behind: Text::slice(fragment, root.end, fragment.text().len()),
            style: Arc::new(Style::of(fragment)),
            depth: fragment.depth(),
            ground: Arc::clone(fragment),
            beside: 0,
        }
    }

    /// The outermost value.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// How the text is laid out.
    pub fn style(&self) -> &Style {
        &self.style
    }

    /// Open brackets at the deepest place of the text that was read; edits since are not counted.
    pub fn depth_as_read(&self) -> u64 {
        self.depth
    }

    /// Bytes of memory that it would free, if `other` were still there; edits are not counted.
    pub fn held_beside(&self, other: &Self) -> u64 {
        let shared = Arc::ptr_eq(&self.ground, &other.ground);
        self.beside + if shared { 0 } else { self.ground.text().len() as u64 }
    }

    /// The same text around another root.
    pub fn with_root(&self, root: Node) -> Self {
        Self { root, ..self.clone() }
    }

    /// With what stands around the root as three sides have it: mine where theirs is as the base.
    fn framed(self, base: &Self, mine: &Self, theirs: &Self) -> Self {
        let pick = |of: fn(&Self) -> &Text| {
            if of(base).bytes() == of(theirs).bytes() { of(mine).clone() } else { of(theirs).clone() }
        };
        Self { before: pick(|document| &document.before), behind: pick(|document| &document.behind), ..self }
    }

    /// The value at a place.
    pub fn node(&self, path: &[u64]) -> Option<Node> {
        self.root.descend(path)
    }

    /// Number of values.
    pub fn values(&self) -> u64 {
        1 + self.root.values_inside()
    }

    /// Length of the text in bytes.
    pub fn byte_len(&self) -> u64 {
        self.before.len() as u64 + self.root.byte_len() + self.behind.len() as u64
    }

    /// Hands the text to `sink` in pieces: untouched stretches as they were read.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn write<E>(&self, sink: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        sink(self.before.bytes())?;
        self.root.write(sink)?;
        sink(self.behind.bytes())
    }

    /// A copy of the text. O(length).
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.before.bytes(), &self.root.to_bytes(), self.behind.bytes()].concat()
    }

    /// The place of the value at a byte of the text; between values the one before, outside the root the root.
    /// O(depth · log n).
    pub fn path_at(&self, offset: u64) -> Path {
        let mut path = Vec::new();
        let mut node = self.root.clone();
        let mut offset = match offset.checked_sub(self.before.len() as u64) {
            Some(inside) if inside < self.root.byte_len() => inside,
            _ => return Path::root(),
        };
        while let Some((k, child, inside)) = node.child_at_offset(offset) {
            path.push(k);
            match inside {
                Some(inside) => offset = inside,
                None => break,
            }
            node = child.node;
        }
        path.into()
    }
}
