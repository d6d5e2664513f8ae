//! Hits in memory: four bytes each.

use crate::document::reclaim::{self, Spent, reclaim};

/// Hits that follow each other: offsets in the searched text.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    base: u64,
    offsets: Box<[u32]>,
}

impl Chunk {
    /// Packs offsets, in parts that follow each other, all sorted; more than one chunk where they are far apart.
    pub fn pack(parts: &[impl AsRef<[u64]>]) -> Vec<Self> {
        let parts = || parts.iter().map(AsRef::as_ref);
        let mut chunks = Vec::new();
        let mut rest: usize = parts().map(<[u64]>::len).sum();
        let mut packed = Vec::with_capacity(rest);
        let mut base = None;
        for mut part in parts() {
            while let Some(&first) = part.first() {
                let start = *base.get_or_insert(first);
                let near = part.partition_point(|hit| hit - start <= u64::from(u32::MAX));
                packed.extend(part[..near].iter().map(|hit| (hit - start) as u32));
                (part, rest) = (&part[near..], rest - near);
                if !part.is_empty() {
                    let offsets = std::mem::replace(&mut packed, Vec::with_capacity(rest));
                    chunks.push(Self { base: start, offsets: offsets.into() });
                    base = None;
                }
            }
        }
        chunks.extend(base.map(|base| Self { base, offsets: packed.into() }));
        chunks
    }

    /// Number of hits.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }
}

/// All hits found so far, in the order of the text. Any number; a look is O(log chunks).
#[derive(Clone, Debug, Default)]
pub struct Hits {
    /// With the number of hits before each.
    chunks: Vec<(u64, Chunk)>,
    len: u64,
}

impl Spent for Vec<(u64, Chunk)> {
    fn give_back(&mut self) -> bool {
        self.pop();
        !self.is_empty()
    }
}

impl Drop for Hits {
    fn drop(&mut self) {
        if self.memory() >= reclaim::LARGE {
            reclaim(std::mem::take(&mut self.chunks));
        }
    }
}

impl Hits {
    /// Adds hits that stand behind all others.
    pub fn push(&mut self, chunk: Chunk) {
        if chunk.is_empty() {
            return;
        }
        let before = self.len;
        self.len += chunk.len() as u64;
        self.chunks.push((before, chunk));
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Hit number `number`, from 0: its offset in the searched text.
    pub fn get(&self, number: u64) -> Option<u64> {
        let place = self.chunks.partition_point(|(before, _)| *before <= number).checked_sub(1)?;
        let (before, chunk) = &self.chunks[place];
        chunk.offsets.get((number - before) as usize).map(|offset| chunk.base + u64::from(*offset))
    }

    /// The number of the first hit at or behind `offset`; their count if there is none.
    pub fn first_from(&self, offset: u64) -> u64 {
        let Some(place) = self.chunks.partition_point(|(_, chunk)| chunk.base <= offset).checked_sub(1) else { return 0 };
        let (before, chunk) = &self.chunks[place];
        before + chunk.offsets.partition_point(|hit| chunk.base + u64::from(*hit) < offset) as u64
    }

    /// Memory that the hits take, in bytes.
    pub fn memory(&self) -> usize {
        self.chunks.capacity() * size_of::<(u64, Chunk)>() + self.len as usize * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_found_by_number_and_by_offset() {
        let all = [3, 4, 90, 5_000_000_000, 5_000_000_001, 12_000_000_000];
        let mut hits = Hits::default();
        for part in [&all[..2], &[], &all[2..4], &all[4..]] {
            Chunk::pack(&[part]).into_iter().for_each(|chunk| hits.push(chunk));
        }
        assert_eq!((0..7).map_while(|number| hits.get(number)).collect::<Vec<_>>(), all);
        assert_eq!(hits.len(), 6);
        for offset in [0, 3, 4, 5, 89, 90, 91, 4_999_999_999, 5_000_000_000, 5_000_000_001, 11_000_000_000, 13_000_000_000] {
            assert_eq!(hits.first_from(offset), all.partition_point(|hit| *hit < offset) as u64, "{offset}");
        }
        assert_eq!(Hits::default().get(0), None);
        assert_eq!(Hits::default().first_from(9), 0);
    }
}
