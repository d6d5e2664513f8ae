//! The checkpoints of an index while they are made and when they are there: the lists of many containers, most of them short.
//!
//! A list of its own on the heap takes more room around it than a short one holds, which on files of coordinates is 1 % of the
//! file: short lists stand in common pools. A long one is never copied.

use super::entries::partition_near;
use super::index::Checkpoint;

/// Checkpoints in a pool; longer lists have one for themselves.
const POOL: usize = 1 << 12;

/// The lists by the numbers of their containers' entries.
#[derive(Default)]
pub struct Points {
    lists: Vec<List>,
    pools: Vec<Vec<Checkpoint>>,
}

struct List {
    entry: u32,
    pool: u32,
    first: u32,
    count: u32,
}

impl Points {
    /// Adds the list of a container.
    pub fn push(&mut self, entry: usize, mut points: Vec<Checkpoint>) {
        let count = points.len();
        let first = match self.pools.last_mut() {
            Some(pool) if pool.len() + count <= POOL => {
                pool.append(&mut points);
                pool.len() - count
            }
            _ => {
                self.shrink_last();
                self.pools.push(points);
                0
            }
        };
        let pool = self.pools.len() as u32 - 1;
        self.lists.push(List { entry: entry as u32, pool, first: first as u32, count: count as u32 });
    }

    /// Adds those of another text, whose entries stand behind `entries` others.
    pub fn append(&mut self, other: Self, entries: usize) {
        self.shrink_last();
        let pools = self.pools.len() as u32;
        self.pools.extend(other.pools);
        let moved = |list: List| List { entry: list.entry + entries as u32, pool: list.pool + pools, ..list };
        self.lists.extend(other.lists.into_iter().map(moved));
    }

    fn shrink_last(&mut self) {
        if let Some(pool) = self.pools.last_mut() {
            pool.shrink_to_fit();
        }
    }

    /// No more will come; the lists may have come in any order.
    pub fn sort(&mut self) {
        self.shrink_last();
        self.pools.shrink_to_fit();
        self.lists.shrink_to_fit();
        self.lists.sort_unstable_by_key(|list| list.entry);
    }

    /// The list of an entry, once they are sorted; most have none. O(log lists).
    pub fn of(&self, entry: u32) -> &[Checkpoint] {
        let last = self.lists.last().map_or(0, |list| list.entry);
        let place = partition_near(&self.lists, (u64::from(entry), u64::from(last)), |list| list.entry < entry);
        self.lists.get(place).filter(|list| list.entry == entry).map_or(&[], |list| self.list(list))
    }

    fn list(&self, list: &List) -> &[Checkpoint] {
        let first = list.first as usize;
        &self.pools[list.pool as usize][first..first + list.count as usize]
    }

    /// Memory that they hold, in bytes.
    pub fn memory(&self) -> usize {
        let points: usize = self.pools.iter().map(Vec::capacity).sum();
        let pools = self.pools.capacity() * size_of::<Vec<Checkpoint>>();
        points * size_of::<Checkpoint>() + pools + self.lists.capacity() * size_of::<List>()
    }

    #[cfg(test)]
    pub fn to_vec(&self) -> Vec<(u32, &[Checkpoint])> {
        self.lists.iter().map(|list| (list.entry, self.list(list))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_short_lists() {
        let list = |entry: usize, count: usize| -> Vec<Checkpoint> {
            (0..count as u64).map(|n| Checkpoint::new(n, entry as u64)).collect()
        };
        let counts = [1, 2, POOL, 3, POOL - 1, 1, POOL + 5, 1, 7, POOL - 8, 1, 1];
        let lists = |from: usize| {
            let mut points = Points::default();
            // A container is recorded when it ends.
            for (place, count) in counts.iter().enumerate().rev() {
                points.push(place, list(from + place, *count));
            }
            points
        };
        let mut points = lists(0);
        points.append(lists(100), 100);
        points.append(Points::default(), 200);
        points.push(200, list(200, 3));
        points.sort();
        for (place, count) in counts.iter().enumerate() {
            assert_eq!(points.of(place as u32), list(place, *count));
            assert_eq!(points.of(100 + place as u32), list(100 + place, *count));
        }
        assert_eq!(points.of(200), list(200, 3));
        assert!(points.of(counts.len() as u32).is_empty());
        assert!(points.to_vec().is_sorted_by_key(|list| list.0));
    }
}
