//! The entries of an index while they are made and when they are there: in pieces, none of which is ever moved or copied.
//!
//! One vector would double when it is full and be cut to its size at the end, and two parts of a text would be joined by a
//! copy: each of these holds the entries twice for a moment, which on records is 3 % of the file.

use super::index::Entry;

/// Entries in a piece.
const PIECE: usize = 1 << 15;

/// Numbered from 0.
#[derive(Default)]
pub struct Entries {
    /// Before the last one; none is empty.
    full: Vec<Piece>,
    last: Piece,
    /// Those that can't be packed.
    huge: Vec<Entry>,
}

#[derive(Default)]
struct Piece {
    /// The number of the first entry,
    first: usize,
    /// and its start, once the piece is full: who seeks among many needs not look into each.
    start: u64,
    entries: Vec<Packed>,
}

/// An entry in 16 bytes: 40 bits of the start, 29 bits of the length and of both counts, or the entry's place in `huge`, which the
/// 41st bit tells.
#[derive(Clone, Copy)]
struct Packed(u64, u64);

impl Packed {
    const START: u64 = (1 << 40) - 1;
    const HUGE: u64 = 1 << 40;
    /// Nothing as large or larger can be packed.
    const LIMIT: u64 = 1 << 29;

    fn start(&self) -> u64 {
        self.0 & Self::START
    }
}

impl Entries {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.last.first + self.last.entries.len()
    }

    /// Adds one.
    #[inline(always)]
    pub fn push(&mut self, entry: Entry) {
        if self.last.entries.len() >= PIECE {
            self.begin_piece(PIECE);
        }
        let packed = self.packed(entry);
        self.last.entries.push(packed);
    }

    #[inline(always)]
    fn packed(&mut self, entry: Entry) -> Packed {
        let Entry { start, end, children, values } = entry;
        debug_assert!(start <= Packed::START);
        let length = end - start;
        if (length | children | values) < Packed::LIMIT {
            // The lower 23 bits of the children are in the first word, six in the second.
            return Packed(start | children << 41, length | values << 29 | children >> 23 << 58);
        }
        self.huge.push(entry);
        Packed(start | Packed::HUGE, self.huge.len() as u64 - 1)
    }

    fn unpacked(&self, packed: Packed) -> Entry {
        let Packed(first, second) = packed;
        if first & Packed::HUGE != 0 {
            return self.huge[second as usize];
        }
        let low = |bits: u64| bits & (Packed::LIMIT - 1);
        let start = packed.start();
        Entry { start, end: start + low(second), children: first >> 41 | second >> 58 << 23, values: low(second >> 29) }
    }

    #[cold]
    fn begin_piece(&mut self, room: usize) {
        let next = Piece { first: self.len(), start: 0, entries: Vec::with_capacity(room) };
        let mut last = std::mem::replace(&mut self.last, next);
        if let Some(entry) = last.entries.first() {
            last.start = entry.start();
            self.full.push(last);
        }
    }

    /// Puts another in the place of entry `number`, which is there.
    pub fn set(&mut self, number: usize, entry: Entry) {
        let packed = self.packed(entry);
        let piece = match number >= self.last.first {
            true => &mut self.last,
            false => {
                let place = self.full.partition_point(|piece| piece.first <= number) - 1;
                &mut self.full[place]
            }
        };
        piece.entries[number - piece.first] = packed;
    }

    /// Forgets the entries from `number` on.
    #[inline(always)]
    pub fn truncate(&mut self, number: usize) {
        while number < self.last.first
            && let Some(piece) = self.full.pop()
        {
            self.last = piece;
        }
        self.last.entries.truncate(number - self.last.first);
    }

    /// Adds those of another text behind.
    pub fn append(&mut self, other: Self) {
        let moved_by = self.len();
        self.last.entries.shrink_to_fit();
        self.begin_piece(0);
        let huge = self.huge.len() as u64;
        let moved = |mut piece: Piece| {
            piece.first += moved_by;
            if huge > 0 && !other.huge.is_empty() {
                let of_huge = piece.entries.iter_mut().filter(|entry| entry.0 & Packed::HUGE != 0);
                of_huge.for_each(|entry| entry.1 += huge);
            }
            piece
        };
        self.full.extend(other.full.into_iter().map(moved));
        self.last = moved(other.last);
        self.huge.extend(&other.huge);
    }

    /// No more will come.
    pub fn shrink(&mut self) {
        self.last.entries.shrink_to_fit();
        self.full.shrink_to_fit();
    }

    /// Memory that they hold, in bytes.
    pub fn memory(&self) -> usize {
        let pieces = self.full.capacity() * size_of::<Piece>();
        let entries: usize = self.full.iter().chain([&self.last]).map(|piece| piece.entries.capacity()).sum();
        pieces + entries * size_of::<Packed>() + self.huge.capacity() * size_of::<Entry>()
    }

    /// A look at the entries in order, from the first one at or behind `offset` on. O(log n).
    pub fn cursor(&self, offset: u64) -> Cursor<'_> {
        let place = match self.last.entries.first().is_some_and(|entry| entry.start() < offset) {
            true => self.full.len(),
            false => self.full.partition_point(|piece| piece.start < offset).saturating_sub(1),
        };
        let entries = &self.piece(place).entries;
        let (start, end) = (entries.first().map_or(0, Packed::start), entries.last().map_or(0, Packed::start));
        let first = partition_near(entries, (offset.saturating_sub(start), end - start), |entry| entry.start() < offset);
        Cursor { entries: self, piece: place, place: first, next: 0 }
    }

    fn piece(&self, place: usize) -> &Piece {
        self.full.get(place).unwrap_or(&self.last)
    }

    #[cfg(test)]
    pub fn to_vec(&self) -> Vec<Entry> {
        let pieces = self.full.iter().chain([&self.last]);
        pieces.flat_map(|piece| piece.entries.iter().map(|entry| self.unpacked(*entry))).collect()
    }
}

/// As [`slice::partition_point`], from `part` of `whole` of the way on: where what is sought is spread evenly few items are looked
/// at, most of them beside each other, which takes half of the time where they are far away in memory. O(log n) in any case.
pub(super) fn partition_near<T>(items: &[T], (part, whole): (u64, u64), is_before: impl Fn(&T) -> bool) -> usize {
    let guess = (u128::from(part) * items.len() as u128 / u128::from(whole.max(1))).min(items.len() as u128) as usize;
    let mut step = 8;
    if items.get(guess).is_some_and(&is_before) {
        let mut low = guess + 1;
        while let Some(item) = items.get(low + step)
            && is_before(item)
        {
            (low, step) = (low + step + 1, step * 2);
        }
        return low + items[low..items.len().min(low + step)].partition_point(is_before);
    }
    let mut high = guess;
    while high > step && !is_before(&items[high - step]) {
        (high, step) = (high - step, step * 2);
    }
    let low = high.saturating_sub(step);
    low + items[low..high].partition_point(is_before)
}

/// A place in the entries, which moves on only.
pub struct Cursor<'a> {
    entries: &'a Entries,
    piece: usize,
    place: usize,
    /// No entry starts between the offset of the last call and this one.
    next: u64,
}

impl<'a> Cursor<'a> {
    fn piece(&self) -> &'a Piece {
        self.entries.piece(self.piece)
    }

    /// The entry that starts at `offset`, which is at or behind that of the last call, with its number. O(log of the entries
    /// between).
    #[inline]
    pub fn at(&mut self, offset: u64) -> Option<(usize, Entry)> {
        if offset < self.next { None } else { self.go_to(offset) }
    }

    fn go_to(&mut self, offset: u64) -> Option<(usize, Entry)> {
        loop {
            let piece = self.piece();
            let left = &piece.entries[self.place..];
            let mut reach = 1;
            while left.get(reach - 1).is_some_and(|entry| entry.start() < offset) {
                reach *= 2;
            }
            let near = &left[..left.len().min(reach)];
            self.place += near.partition_point(|entry| entry.start() < offset);
            match piece.entries.get(self.place) {
                Some(entry) => {
                    self.next = entry.start();
                    return (self.next == offset).then(|| (piece.first + self.place, self.entries.unpacked(*entry)));
                }
                None if self.piece < self.entries.full.len() => (self.piece, self.place) = (self.piece + 1, 0),
                None => {
                    self.next = u64::MAX;
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Entries {
        fn get(&self, number: usize) -> Option<Entry> {
            let piece = match number.checked_sub(self.last.first) {
                Some(_) => &self.last,
                None => &self.full[self.full.partition_point(|piece| piece.first <= number) - 1],
            };
            piece.entries.get(number - piece.first).map(|entry| self.unpacked(*entry))
        }
    }

    fn numbered(count: usize, from: u64) -> Entries {
        let mut entries = Entries::default();
        (0..count as u64).for_each(|n| entries.push(Entry::open(from + 2 * n)));
        entries
    }

    #[test]
    fn pieces_are_one_list() {
        for (first, second, third) in [(0, 0, 0), (0, 3, 0), (PIECE, 1, PIECE + 1), (3 * PIECE + 7, 0, 5), (5, PIECE, 2 * PIECE)]
        {
            let mut entries = numbered(first, 0);
            entries.append(numbered(second, 2 * first as u64));
            entries.append(numbered(third, 2 * (first + second) as u64));
            let count = first + second + third;
            assert_eq!(entries.len(), count);
            assert_eq!(entries.to_vec(), numbered(count, 0).to_vec());
            for number in (0..count).step_by(977).chain([count.saturating_sub(1)]).filter(|number| *number < count) {
                let start = 2 * number as u64;
                assert_eq!(entries.get(number), Some(Entry::open(start)));
                assert_eq!(entries.cursor(start).at(start), Some((number, Entry::open(start))));
                let mut cursor = entries.cursor(start.saturating_sub(1));
                assert_eq!(cursor.at(start + 1), None);
                assert_eq!(cursor.at(start + 2).is_some(), number + 1 < count);
                entries.set(number, Entry::new(start, start + 9, 1, 1));
                assert_eq!(entries.get(number).map(|entry| entry.end), Some(start + 9));
            }
            assert_eq!(entries.get(count), None);
            let mut cursor = entries.cursor(0);
            for number in
                [0, 1, 2, 1000, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 50].into_iter().filter(|number| *number < count)
            {
                assert_eq!(cursor.at(2 * number as u64).map(|found| found.0), Some(number));
            }
            for left in [count, count * 2 / 3, count / 3, 0] {
                entries.truncate(left);
                assert_eq!((entries.len(), entries.to_vec().len()), (left, left));
                entries.push(Entry::open(7));
                assert_eq!(entries.get(left), Some(Entry::open(7)));
            }
        }
    }
    #[test]
    fn every_number_of_forty_bits_is_kept() {
        let far = (1 << 40) - 1;
        let counts = [0, 1, (1 << 23) - 1, 1 << 23, (1 << 29) - 1, 1 << 29, far];
        let list: Vec<Entry> = [0, 300, far]
            .into_iter()
            .flat_map(|start| counts.map(|length| (start, length)))
            .flat_map(|(start, length)| counts.map(|children| (start, length, children)))
            .flat_map(|(start, length, children)| counts.map(|values| Entry::new(start, start + length, children, values)))
            .collect();
        let of = |list: &[Entry]| {
            let mut entries = Entries::default();
            list.iter().for_each(|entry| entries.push(*entry));
            entries
        };
        let mut entries = of(&list);
        entries.append(of(&list));
        assert_eq!(entries.to_vec(), [&list[..], &list].concat());
        entries.set(7, list[300]);
        assert_eq!(entries.get(7), Some(list[300]));
    }

    proptest::proptest! {
        #[test]
        fn a_guess_changes_nothing(mut items in proptest::collection::vec(0_u64..500, 0..300), sought in 0_u64..510, near in (0_u64..400, 0_u64..400)) {
            items.sort_unstable();
            let found = partition_near(&items, near, |&item| item < sought);
            assert_eq!(found, items.partition_point(|&item| item < sought));
        }
    }
}
