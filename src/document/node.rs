//! One value of a document: as it stands in a fragment, or an edited container.

use super::fragment::{Fragment, Slot};
use super::pieces::{Container, Untouched};
use super::scalar::Kind;
use std::fmt;
use std::sync::Arc;

/// A stretch of text that is shared, not copied.
#[derive(Clone)]
pub enum Text {
    /// A part of a fragment.
    Slice {
        /// The fragment.
        fragment: Arc<Fragment>,
        /// Where the part begins.
        from: usize,
        /// Where the part ends.
        to: usize,
    },
    /// Text of its own.
    Own(Arc<str>),
    /// Text that the program knows.
    Fixed(&'static str),
}

impl Text {
    /// A part of a fragment.
    pub fn slice(fragment: &Arc<Fragment>, from: usize, to: usize) -> Self {
        Self::Slice { fragment: Arc::clone(fragment), from, to }
    }

    /// The text.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Slice { fragment, from, to } => &fragment.text()[*from..*to],
            Self::Own(text) => text.as_bytes(),
            Self::Fixed(text) => text.as_bytes(),
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Slice { from, to, .. } => to - from,
            Self::Own(text) => text.len(),
            Self::Fixed(text) => text.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Own(text.into())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.bytes()))
    }
}

/// One value. `clone` is a pointer copy.
#[derive(Clone)]
pub enum Node {
    /// The value that starts at `start` in a fragment. All scalars are of this kind.
    Raw {
        /// The fragment.
        fragment: Arc<Fragment>,
        /// Offset of the value's first byte.
        start: usize,
    },
    /// A container of which some part is not as it was read.
    Edited(Arc<Container>),
}

/// A member or element.
#[derive(Clone)]
pub struct Child {
    /// The key as it is written, with its quotes; `None` in arrays.
    pub key: Option<Text>,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The root value of a fragment.
    pub fn root_of(fragment: &Arc<Fragment>) -> Self {
        Self::Raw { fragment: Arc::clone(fragment), start: fragment.root().start }
    }

    /// The value's kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Raw { fragment, start } => fragment.kind(*start),
            Self::Edited(container) => container.kind(),
        }
    }

    /// Number of members or elements; 0 for scalars.
    pub fn child_count(&self) -> u64 {
        match self {
            Self::Raw { fragment, start } => fragment.child_count(*start),
            Self::Edited(container) => container.child_count(),
        }
    }

    /// Whether there are no children. Cheaper than counting them.
    pub fn has_no_children(&self) -> bool {
        match self {
            Self::Raw { fragment, start } => !self.kind().is_container() || fragment.first_slot(*start).is_none(),
            Self::Edited(container) => container.child_count() == 0,
        }
    }

    /// Number of values at any depth inside, itself not counted.
    pub fn values_inside(&self) -> u64 {
        match self {
            Self::Raw { fragment, start } => fragment.values_inside(*start),
            Self::Edited(container) => container.values_inside(),
        }
    }

    /// How many values inside stand before child `k`.
    pub fn values_before(&self, k: u64) -> u64 {
        match self {
            Self::Raw { fragment, start } => fragment.values_before(*start, k),
            Self::Edited(container) => container.values_before(k),
        }
    }

    /// The child that is or holds value `number` of the inside (from 0, in document order), its number, and how many values
    /// stand before it.
    pub fn child_with_value(&self, number: u64) -> Option<(u64, Child, u64)> {
        match self {
            Self::Raw { fragment, start } => {
                let (k, slot, before) = fragment.child_with_value(*start, number)?;
                Some((k, child_of(fragment, &slot), before))
            }
            Self::Edited(container) => container.child_with_value(number),
        }
    }

    /// Length of the value's text in bytes.
    pub fn byte_len(&self) -> u64 {
        match self {
            Self::Raw { fragment, start } => (fragment.value_end(*start) - start) as u64,
            Self::Edited(container) => container.byte_len(),
        }
    }

    /// How deep edited containers nest here; 0 for what is not edited.
    pub fn edited_height(&self) -> usize {
        match self {
            Self::Raw { .. } => 0,
            Self::Edited(container) => container.edited_height(),
        }
    }

    /// Child number `k`. O(log n) and at most 64 steps in a fragment.
    pub fn child(&self, k: u64) -> Option<Child> {
        match self {
            Self::Raw { fragment, start } => fragment.slot(*start, k).map(|slot| child_of(fragment, &slot)),
            Self::Edited(container) => container.child(k),
        }
    }

    /// The child at byte `offset` of the value's text, or the last one before it; `None` before the first and on or behind
    /// the closing bracket. With the offset inside the child's value, where it is there.
    pub fn child_at_offset(&self, offset: u64) -> Option<(u64, Child, Option<u64>)> {
        match self {
            Self::Raw { fragment, start } => {
                let at = start + offset as usize;
                let (k, slot, end) = fragment.child_inside_at(*start, at)?;
                let inside = at.checked_sub(slot.value).filter(|_| at < end).map(|inside| inside as u64);
                Some((k, child_of(fragment, &slot), inside))
            }
            Self::Edited(container) => container.child_at_offset(offset),
        }
    }

    /// The children from number `k` on.
    pub fn children_from(&self, k: u64) -> Children {
        let run = match self {
            Self::Raw { fragment, start } => fragment.slot(*start, k).map(|slot| RunCursor {
                fragment: Arc::clone(fragment),
                slot: Some(slot),
                left: u64::MAX,
            }),
            Self::Edited(_) => None,
        };
        Children { node: self.clone(), number: k, run }
    }

    /// All children.
    pub fn children(&self) -> Children {
        self.children_from(0)
    }

    /// The value at `path` below this one.
    pub fn descend(&self, path: &[u64]) -> Option<Self> {
        path.iter().try_fold(self.clone(), |node, &k| node.child(k).map(|child| child.node))
    }

    /// The text of a scalar as it is written; for containers of a fragment too. `None` for an edited container, whose
    /// text stands nowhere in one piece.
    pub fn raw_text(&self) -> Option<&[u8]> {
        match self {
            Self::Raw { fragment, start } => Some(&fragment.text()[*start..fragment.value_end(*start)]),
            Self::Edited(_) => None,
        }
    }

    /// Where the value stands in the text that it was read from; `None` for an edited container.
    pub fn offset_as_read(&self) -> Option<u64> {
        match self {
            Self::Raw { start, .. } => Some(*start as u64),
            Self::Edited(_) => None,
        }
    }

    /// The text from the value's first byte to the end of its fragment: for a look at the start of a value, however long.
    pub fn raw_start(&self) -> Option<&[u8]> {
        match self {
            Self::Raw { fragment, start } => Some(&fragment.text()[*start..]),
            Self::Edited(_) => None,
        }
    }

    /// Hands the value's text to `sink` in pieces.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn write<E>(&self, sink: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        match self {
            Self::Raw { fragment, start } => sink(&fragment.text()[*start..fragment.value_end(*start)]),
            Self::Edited(container) => container.write(sink),
        }
    }

    /// The keys, values and untouched runs of the text in order, with where they begin if the value's text begins at `offset`,
    /// and whether they are a key alone. What is left out is white space and structure. O(edited containers and their pieces).
    pub fn stretches(&self, offset: u64, out: &mut dyn FnMut(u64, Text, bool)) {
        match self {
            Self::Raw { fragment, start } => out(offset, Text::slice(fragment, *start, fragment.value_end(*start)), false),
            Self::Edited(container) => container.stretches(offset, out),
        }
    }

    /// A copy of the value's text. O(length).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.byte_len() as usize);
        let written: Result<(), std::convert::Infallible> = self.write(&mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        match written {
            Ok(()) => bytes,
        }
    }

    /// Where child `k` stands among those that are as they were read; `None` where it has another neighbour on both sides, or is
    /// edited itself. O(log n).
    pub(super) fn untouched_at(&self, k: u64) -> Option<Untouched> {
        match self {
            Self::Raw { fragment, start } => {
                let count = fragment.child_count(*start);
                let fragment = Arc::clone(fragment);
                (k < count).then(|| Untouched { fragment, container: *start, number: k, before: k, left: count - k })
            }
            Self::Edited(container) => container.untouched_at(k),
        }
    }

    /// Whether both are the same place of the same text or share the same edited container: then they are equal, without a look.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Raw { fragment: a, start: x }, Self::Raw { fragment: b, start: y }) => x == y && Arc::ptr_eq(a, b),
            (Self::Edited(a), Self::Edited(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.kind().name(), self.byte_len())
    }
}

pub(super) fn child_of(fragment: &Arc<Fragment>, slot: &Slot) -> Child {
    Child {
        key: slot.key.map(|(from, to)| Text::slice(fragment, from, to)),
        node: Node::Raw { fragment: Arc::clone(fragment), start: slot.value },
    }
}

/// A walk along untouched children in a fragment.
struct RunCursor {
    fragment: Arc<Fragment>,
    slot: Option<Slot>,
    left: u64,
}

impl RunCursor {
    fn next(&mut self) -> Option<Child> {
        if self.left == 0 {
            return None;
        }
        let slot = self.slot?;
        self.left -= 1;
        self.slot = if self.left == 0 { None } else { self.fragment.next_slot(&slot) };
        Some(child_of(&self.fragment, &slot))
    }
}

/// Children one by one. One step over a value each.
pub struct Children {
    node: Node,
    number: u64,
    run: Option<RunCursor>,
}

impl Iterator for Children {
    type Item = Child;

    fn next(&mut self) -> Option<Child> {
        loop {
            if let Some(run) = &mut self.run
                && let Some(child) = run.next()
            {
                self.number += 1;
                return Some(child);
            }
            self.run = None;
            let Node::Edited(container) = &self.node else { return None };
            match container.piece_at(self.number)? {
                super::pieces::At::Entry(child) => {
                    self.number += 1;
                    return Some(child);
                }
                super::pieces::At::Run { fragment, slot, left } => {
                    self.run = Some(RunCursor { fragment, slot: Some(slot), left })
                }
            }
        }
    }
}
