//! The container index: where the large values of a text are, so that small ones can be found by looking.
//!
//! One entry of 16 bytes for each container of [`LARGE`] bytes or more and for each string of [`LONG_STRING`] bytes or
//! more, in document order, and a checkpoint of 12 bytes for every [`STRIDE`]th child of a recorded container. An index
//! with one entry per value costs 30 to 180 % of the file; this one 3 to 6 % on records and less on everything else.

use super::entries::{Cursor, Entries, partition_near};
use super::points::Points;

/// Containers of at least this many bytes are recorded.
pub const LARGE: usize = 256;
/// Strings (keys too) of at least this many bytes, quotes included, are recorded, so that none is read to step over it.
pub const LONG_STRING: usize = 1024;
/// Every `STRIDE`th child of a recorded container has a checkpoint.
pub const STRIDE: u64 = 64;

const fn low(value: u64) -> u32 {
    value as u32
}

const fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

/// One recorded value: its place in the text, and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Byte offset of the first bracket or quote, up to 40 bits (a terabyte).
    pub start: u64,
    /// Byte offset behind the last bracket or quote.
    pub end: u64,
    /// Number of members or elements.
    pub children: u64,
    /// Number of values at any depth inside, itself not counted.
    pub values: u64,
}

impl Entry {
    /// An entry of these fields.
    pub fn new(start: u64, end: u64, children: u64, values: u64) -> Self {
        Self { start, end, children, values }
    }

    /// An entry whose end is not known yet.
    pub fn open(start: u64) -> Self {
        Self::new(start, start, 0, 0)
    }
}

/// The place of one child of a recorded container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint([u32; 3]);

impl Checkpoint {
    /// `offset` from the container's start to the child's (its key's in an object); `values` that stand before it.
    pub fn new(offset: u64, values: u64) -> Self {
        Self([low(offset), low(values), high(offset) | high(values) << 16])
    }

    /// Bytes from the container's start to the child's start.
    pub fn offset(&self) -> u64 {
        u64::from(self.0[0]) | u64::from(self.0[2] & 0xffff) << 32
    }

    /// Number of values inside the container that stand before the child.
    pub fn values(&self) -> u64 {
        u64::from(self.0[1]) | u64::from(self.0[2] >> 16) << 32
    }
}

/// From checkpoint `place` of a container on, checkpoints stand for child `child`, `child + STRIDE` and so on: where parts of a
/// text were joined. Before a seam there may be up to two times [`STRIDE`] children without a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seam {
    /// Number of the container's entry.
    pub entry: u32,
    /// Number of the checkpoint.
    pub place: usize,
    /// Number of its child.
    pub child: u64,
}

/// The checkpoints of one container, in order: of every [`STRIDE`]th child, more often where parts were joined.
#[derive(Clone, Copy, Default)]
pub struct Checkpoints<'a> {
    points: &'a [Checkpoint],
    seams: &'a [Seam],
}

impl<'a> Checkpoints<'a> {
    /// The last one for which `wanted` holds, which must hold for a head of them, most likely `part` of `whole` of the way on: the
    /// number of its child, and itself. O(log n).
    pub fn last(&self, near: (u64, u64), wanted: impl Fn(&Checkpoint) -> bool) -> Option<(u64, &'a Checkpoint)> {
        let place = partition_near(self.points, near, wanted).checked_sub(1)?;
        Some((self.child(place), &self.points[place]))
    }

    /// The last one of a child up to number `child`, and that number. O(log seams).
    pub fn up_to(&self, child: u64) -> Option<(u64, &'a Checkpoint)> {
        // As far as they stand for every `STRIDE`th child from the last seam before, up to the next one.
        let seam = self.seams.partition_point(|seam| seam.child <= child);
        let (place, first) = match seam.checked_sub(1) {
            Some(last) => (self.seams[last].place, self.seams[last].child),
            None => (0, STRIDE),
        };
        let end = self.seams.get(seam).map_or(self.points.len(), |next| next.place);
        let behind = child.checked_sub(first).map_or(0, |more| (more / STRIDE) as usize + 1);
        let place = end.min(place + behind).checked_sub(1)?;
        Some((self.child(place), &self.points[place]))
    }

    /// The number of the child that checkpoint `place` stands for.
    fn child(&self, place: usize) -> u64 {
        match self.seams.partition_point(|seam| seam.place <= place).checked_sub(1) {
            None => (place as u64 + 1) * STRIDE,
            Some(last) => self.seams[last].child + (place - self.seams[last].place) as u64 * STRIDE,
        }
    }
}

/// The recorded values of one text.
#[derive(Default)]
pub struct Index {
    /// Sorted by start; a container stands before what it holds.
    entries: Entries,
    /// The checkpoints of containers with more than [`STRIDE`] children.
    wide: Points,
    /// Sorted by entry and place; none in a text that was scanned in one part.
    seams: Vec<Seam>,
}

impl Index {
    /// Puts an index together; `wide` and `seams` may come in any order.
    pub fn new(mut entries: Entries, mut wide: Points, mut seams: Vec<Seam>) -> Self {
        entries.shrink();
        seams.shrink_to_fit();
        wide.sort();
        seams.sort_unstable_by_key(|seam| (seam.entry, seam.place));
        Self { entries, wide, seams }
    }

    /// The entry that starts at `offset`, with its number. O(log entries).
    pub fn at(&self, offset: u64) -> Option<(u32, Entry)> {
        let (number, entry) = self.cursor(offset).at(offset)?;
        Some((number as u32, entry))
    }

    /// A look at the entries in order, from `offset` on. O(log entries).
    pub fn cursor(&self, offset: u64) -> Cursor<'_> {
        self.entries.cursor(offset)
    }

    /// Checkpoints of entry `number`. O(log wide).
    pub fn checkpoints(&self, number: u32) -> Checkpoints<'_> {
        let first = self.seams.partition_point(|seam| seam.entry < number);
        let end = self.seams.partition_point(|seam| seam.entry <= number);
        Checkpoints { points: self.wide.of(number), seams: &self.seams[first..end] }
    }

    /// Memory that the index holds, in bytes.
    pub fn memory(&self) -> usize {
        let seams = self.seams.capacity() * size_of::<Seam>();
        self.entries.memory() + self.wide.memory() + seams
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Index {
        /// All that is recorded.
        pub(in crate::document) fn content(&self) -> (Vec<Entry>, Vec<(u32, &[Checkpoint])>, &[Seam]) {
            (self.entries.to_vec(), self.wide.to_vec(), &self.seams)
        }
    }

    #[test]
    fn checkpoints_keep_forty_bits() {
        let point = Checkpoint::new((1 << 40) + 7, (1 << 39) + 9);
        assert_eq!((point.offset(), point.values()), ((1 << 40) + 7, (1 << 39) + 9));
    }
}
