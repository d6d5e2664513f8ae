//! The children of a container in a fragment: by number, by the number of a value in them, by a byte of the text.
//!
//! Each look goes to the nearest checkpoint before and steps from child to child, [`STRIDE`] steps or, where parts of a text were
//! joined, up to twice as many: a few microseconds in a container of any size.

use super::entries::Cursor;
use super::fragment::{Extent, Fragment, Slot, close_of_string, scalar_end};
use super::index::{Checkpoint, Checkpoints, Entry, LONG_STRING, STRIDE};
use super::scan::skip_white_space;

/// A checkpoint and the number of its child.
type Near<'a> = Option<(u64, &'a Checkpoint)>;

/// Steps from child to child. The index is looked at in order, so that each look starts where the last one ended.
struct Walk<'a> {
    fragment: &'a Fragment,
    /// Sought when it is needed: among scalars it is not.
    cursor: Option<Cursor<'a>>,
    object: bool,
    slot: Slot,
    /// The slot's number.
    child: u64,
    /// Values inside the container that stand before it.
    before: u64,
    /// End of its value, and how many values that is, itself counted; measured only where it is needed: below the scanner's
    /// depth limit it may take a while.
    extent: Option<(usize, u64)>,
}

impl<'a> Walk<'a> {
    /// Starts at the checkpoint that `near` takes, or at the first child; with the extent of the container, which had to be found out.
    fn from(
        fragment: &'a Fragment,
        start: usize,
        near: impl FnOnce(&Checkpoints<'a>, &Extent) -> Near<'a>,
    ) -> Option<(Self, Extent)> {
        if !fragment.is_container(start) {
            return None;
        }
        let (extent, cursor) = fragment.extent_and_cursor(start);
        let point = extent.entry.and_then(|number| near(&fragment.scanned.index.checkpoints(number), &extent));
        // Far ahead another search is shorter than the cursor's way.
        let cursor = if point.is_some() { None } else { cursor };
        Some((Self::at(fragment, start, point, cursor)?, extent))
    }

    fn at(fragment: &'a Fragment, start: usize, point: Near<'a>, cursor: Option<Cursor<'a>>) -> Option<Self> {
        let object = fragment.text()[start] == b'{';
        let (at, child, before) = match point {
            Some((child, point)) => (start + point.offset() as usize, child, point.values()),
            None => (fragment.first_slot(start)?.start, 0, 0),
        };
        let slot = Slot { start: at, key: None, value: at };
        let mut walk = Self { fragment, cursor, object, slot, child, before, extent: None };
        walk.look(at);
        Some(walk)
    }

    /// The entry that starts at `offset`.
    fn entry(&mut self, offset: usize) -> Option<Entry> {
        let index = &self.fragment.scanned.index;
        let cursor = self.cursor.get_or_insert_with(|| index.cursor(offset as u64));
        cursor.at(offset as u64).map(|(_, entry)| entry)
    }

    /// Takes the child that starts at `at`.
    fn look(&mut self, at: usize) {
        let text = self.fragment.text();
        self.slot = Slot { start: at, key: None, value: at };
        if self.object {
            let key_end = self.string_end(at);
            let colon = skip_white_space(text, key_end);
            self.slot.key = Some((at, key_end));
            self.slot.value = skip_white_space(text, colon + 1);
        }
        self.extent = None;
    }

    /// End of the slot's value, and how many values that is.
    fn extent(&mut self) -> (usize, u64) {
        if let Some(extent) = self.extent {
            return extent;
        }
        let (text, value) = (self.fragment.text(), self.slot.value);
        // Large values are far from each other: where the index knows one its text is not waited for.
        let is_asked = self.cursor.is_some() || self.fragment.is_container(value);
        let recorded = if is_asked { self.entry(value) } else { None };
        let extent = match recorded {
            Some(entry) => (entry.end as usize, entry.values + 1),
            None => match text[value] {
                b'{' | b'[' => {
                    let extent = self.fragment.extent_unrecorded(value);
                    (extent.end, extent.values + 1)
                }
                b'"' => (self.string_end(value), 1),
                _ => (scalar_end(text, value), 1),
            },
        };
        self.extent = Some(extent);
        extent
    }

    fn string_end(&mut self, start: usize) -> usize {
        let text = self.fragment.text();
        // What is not recorded ends within reach.
        close_of_string(&text[..text.len().min(start + LONG_STRING)], start)
            .or_else(|| self.entry(start).map(|entry| entry.end as usize))
            .unwrap_or(text.len())
    }

    /// Start of the next child.
    fn next_start(&mut self) -> Option<usize> {
        let text = self.fragment.text();
        let end = self.extent().0;
        // Between a value and one that is recorded a single byte behind it is nothing but a comma.
        if let Some(cursor) = &mut self.cursor
            && cursor.at(end as u64 + 1).is_some()
        {
            return Some(end + 1);
        }
        let at = skip_white_space(text, end);
        (text.get(at) == Some(&b',')).then(|| skip_white_space(text, at + 1))
    }

    /// Goes on to the next child; `None` at the last.
    fn step(&mut self) -> Option<()> {
        let next = self.next_start()?;
        self.before += self.extent().1;
        self.child += 1;
        self.look(next);
        Some(())
    }
}

impl Fragment {
    /// Slot number `k` of the container at `start`. O(log n).
    pub fn slot(&self, start: usize, k: u64) -> Option<Slot> {
        // Near the start no checkpoint can help, and the container need not be measured.
        let mut walk = match k < STRIDE {
            true if self.is_container(start) => Walk::at(self, start, None, None)?,
            true => return None,
            false => Walk::from(self, start, |points, _| points.up_to(k))?.0,
        };
        while walk.child < k {
            walk.step()?;
        }
        Some(walk.slot)
    }

    /// Number of values inside the container at `start` that stand before child `k`; all of them where `k` is the number of
    /// children. O(log n).
    pub fn values_before(&self, start: usize, k: u64) -> u64 {
        let Some((mut walk, extent)) = Walk::from(self, start, |points, _| points.up_to(k)) else { return 0 };
        if k >= extent.children {
            return extent.values;
        }
        while walk.child < k && walk.step().is_some() {}
        walk.before
    }

    /// The child of the container at `start` that is or holds value `number` of its inside (from 0, in document order):
    /// its number, its slot and how many values stand before it. O(log n).
    pub fn child_with_value(&self, start: usize, number: u64) -> Option<(u64, Slot, u64)> {
        let (mut walk, _) =
            Walk::from(self, start, |points, all| points.last((number, all.values), |point| point.values() <= number))?;
        while number >= walk.before + walk.extent().1 {
            walk.step()?;
        }
        Some((walk.child, walk.slot, walk.before))
    }

    /// The child of the container at `start` whose key or value is at `offset` or, between two, the one before it. O(log n).
    pub fn child_at_offset(&self, start: usize, offset: usize) -> Option<(u64, Slot)> {
        self.walk_to(start, offset).map(|(walk, _)| (walk.child, walk.slot))
    }

    /// The same, and the end of its value; `None` before the first child and on or behind the closing bracket. O(log n).
    pub fn child_inside_at(&self, start: usize, offset: usize) -> Option<(u64, Slot, usize)> {
        let (mut walk, container) = self.walk_to(start, offset)?;
        let is_inside = walk.slot.start <= offset && offset + 1 < container.end;
        is_inside.then(|| (walk.child, walk.slot, walk.extent().0))
    }

    fn walk_to(&self, start: usize, offset: usize) -> Option<(Walk<'_>, Extent)> {
        let inside = offset.saturating_sub(start) as u64;
        let (mut walk, extent) = Walk::from(self, start, |points, all| {
            points.last((inside, (all.end - start) as u64), |point| point.offset() <= inside)
        })?;
        while walk.next_start().is_some_and(|next| next <= offset) {
            walk.step()?;
        }
        Some((walk, extent))
    }
}

#[cfg(test)]
mod tests {
    use super::super::common::{format, model, text_of};
    use super::super::{Document, Node};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn far_children_are_found() {
        let text = format!("{{\"x\": [{}], \"y\": 2}}", ["[1, {\"k\": \"v\"}]"; 10_000].join(", "));
        let fragment = Fragment::new(text.clone()).unwrap();
        let array = fragment.slot(fragment.root().start, 0).unwrap().value;
        for k in [0, 1, 63, 64, 65, 4_999, 9_999] {
            let slot = fragment.slot(array, k).unwrap();
            assert_eq!(slot.start, 7 + 17 * k as usize);
            assert_eq!(fragment.values_before(array, k), 4 * k);
            assert_eq!(fragment.child_at_offset(array, slot.start + 10), Some((k, slot)));
            assert_eq!(fragment.child_with_value(array, 4 * k + 3), Some((k, slot, 4 * k)));
        }
        assert_eq!(fragment.slot(array, 10_000), None);
        assert_eq!(fragment.values_before(array, 10_000), 40_000);
        assert_eq!(fragment.child_with_value(array, 40_000), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        /// Large children beside small ones: each way to a child leads to the one that comes when all are gone through.
        #[test]
        fn all_ways_lead_to_the_same_child(models in proptest::collection::vec(model(), 1..90), format in format()) {
            let items: Vec<String> = models.iter().map(|model| text_of(model, &format)).collect();
            let text = format!("{{\"{}\":[{}]}}", "k".repeat(1200), items.join(","));
            let fragment = Fragment::new(text).unwrap();
            let Node::Raw { start, .. } = Document::of(&fragment).root().child(0).unwrap().node else { unreachable!() };
            let mut next = fragment.first_slot(start);
            let (mut k, mut values) = (0, 0);
            while let Some(slot) = next {
                prop_assert_eq!(fragment.slot(start, k), Some(slot));
                prop_assert_eq!(fragment.values_before(start, k), values);
                let inside = fragment.values_inside(slot.value);
                for number in [values, values + inside] {
                    prop_assert_eq!(fragment.child_with_value(start, number), Some((k, slot, values)));
                }
                for offset in [slot.start, fragment.value_end(slot.value) - 1] {
                    prop_assert_eq!(fragment.child_at_offset(start, offset), Some((k, slot)));
                }
                (k, values) = (k + 1, values + 1 + inside);
                next = fragment.next_slot(&slot);
            }
            prop_assert_eq!(k, fragment.child_count(start));
        }
    }
}
