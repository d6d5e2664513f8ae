//! What a text has in common with the one that it came out of, found in its bytes.
//!
//! Another program that writes a large file anew leaves most of it as it was. The new text is taken block by block, each for itself,
//! so that several threads can: from a place in the old text where the block most likely goes on, up to the first byte that differs;
//! there a few bytes from further on are sought nearby (`memmem`), and from where they stand it goes on. What is found need not be the
//! least that changed: it is always right, byte for byte, and changes that are far from each other are told apart.

use super::Document;
use super::remake::Replacement;
use memchr::memmem;
use std::mem::take;
use std::ops::Range;

/// A part of a new text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Portion {
    /// It stands here in the old one.
    Kept(Range<usize>),
    /// These bytes.
    New(Vec<u8>),
}

/// So many bytes are sought,
const NEEDLE: usize = 32;
/// and so many have to be the same where they are found.
const SURE: usize = 64;
/// How far behind a difference they are taken from.
const AHEAD: [usize; 9] = [0, 16, 64, 256, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18];
/// They are sought so far around where they would be without the difference, at least;
const NEAR: usize = 1 << 12;
/// and so far where that is of no use, which takes milliseconds: so often in a block. What was put into another order is new.
const FAR: usize = 16 << 20;
const FAR_LOOKS: u32 = 2;
/// What stands that often is no sign.
const OFTEN: usize = 8;
/// Of a block with more portions than this the rest is new.
const MOST: usize = 1000;

/// What a block of a new text has of the text `before`, in which its first byte most likely stands at `guess`; if what follows is as
/// it was, at `from_end`. O(length) where it has much of it.
pub fn portions(block: &[u8], before: &[u8], guess: usize, from_end: Option<usize>) -> Vec<Portion> {
    let mut portions = Vec::new();
    let (mut at, mut like, mut floor, mut looks) = (0, guess.min(before.len()), 0, FAR_LOOKS);
    while portions.len() < MOST
        && let Some((mut place, mut found)) = meet(&block[at..], before, (like, from_end.map(|end| end + at)), floor, &mut looks)
    {
        while place > 0 && found > floor && block[at + place - 1] == before[found - 1] {
            (place, found) = (place - 1, found - 1);
        }
        if place > 0 {
            portions.push(Portion::New(block[at..at + place].to_vec()));
        }
        at += place;
        let same = in_common(&block[at..], &before[found..]);
        portions.push(Portion::Kept(found..found + same));
        at += same;
        (like, floor) = (found + same, found + same);
    }
    if at < block.len() {
        portions.push(Portion::New(block[at..].to_vec()));
    }
    portions
}

/// The next place in `new` that stands in the old text behind `floor`, and where: near one of two places, or at least not very far.
fn meet(
    new: &[u8],
    before: &[u8],
    (like, from_end): (usize, Option<usize>),
    floor: usize,
    looks: &mut u32,
) -> Option<(usize, usize)> {
    let seek = |step: usize, reach: usize| {
        let needle = new.get(step..step + NEEDLE)?;
        let is_sure = |found: usize| {
            let rest = &new[step..];
            before.get(found..).is_some_and(|text| in_common(&rest[..rest.len().min(SURE)], text) == rest.len().min(SURE))
        };
        // Where there is a single change the second one is right also where all looks alike.
        let mut likely = from_end.filter(|&end| end >= floor).into_iter().chain([like]).map(|place| place + step);
        if let Some(found) = likely.find(|&found| is_sure(found)) {
            return Some((step, found));
        }
        let from = floor.max(like.saturating_sub(reach));
        let window = before.get(from..before.len().min(like + step + reach))?;
        let mut places = memmem::find_iter(window, needle).take(OFTEN).map(|place| from + place);
        places.find(|&found| is_sure(found)).map(|found| (step, found))
    };
    let near = AHEAD.iter().find_map(|&step| seek(step, NEAR.max(4 * step)));
    near.or_else(|| {
        *looks = looks.checked_sub(1)?;
        (0..4).find_map(|quarter| seek(new.len() / 4 * quarter, FAR))
    })
}

/// How many bytes at the start are the same.
pub(super) fn in_common(a: &[u8], b: &[u8]) -> usize {
    /// Whole blocks are compared by the platform's fastest means.
    const STEP: usize = 1 << 12;
    let length = a.len().min(b.len());
    let mut at = 0;
    while at + STEP <= length && a[at..at + STEP] == b[at..at + STEP] {
        at += STEP;
    }
    at + a[at..length].iter().zip(&b[at..length]).take_while(|(a, b)| a == b).count()
}

/// What has to be replaced in the text `before`, in order and apart from each other, so that it is the one that consists of
/// `portions`. O(portions) and the length of the new ones.
pub fn replacements(portions: &[Portion], before: &[u8]) -> Vec<Replacement> {
    let mut all = Vec::new();
    let (mut at, mut new) = (0, Vec::new());
    for portion in portions {
        match portion {
            Portion::New(bytes) => new.extend_from_slice(bytes),
            Portion::Kept(kept) => {
                // What blocks side by side found out of order is new here.
                let start = kept.start.max(at).min(kept.end);
                new.extend_from_slice(&before[kept.start..start]);
                if start < kept.end {
                    all.extend(Replacement::of(before, at..start, take(&mut new)));
                    at = kept.end;
                }
            }
        }
    }
    all.extend(Replacement::of(before, at..before.len(), new));
    all
}

/// Whether a document's text consists of `portions`. O(portions and pieces) where what is kept stands where it was, else O(length).
pub fn consists_of(document: &Document, portions: &[Portion], before: &[u8]) -> bool {
    let mut bytes = portions.iter().map(|portion| match portion {
        Portion::Kept(kept) => &before[kept.clone()],
        Portion::New(bytes) => bytes.as_slice(),
    });
    let mut here: &[u8] = &[];
    let written = document.write(&mut |mut piece| {
        while !piece.is_empty() {
            while here.is_empty() {
                here = bytes.next().ok_or(())?;
            }
            let length = piece.len().min(here.len());
            let (now, expected) = (&piece[..length], &here[..length]);
            // The very same bytes need no look.
            if now.as_ptr() != expected.as_ptr() && now != expected {
                return Err(());
            }
            (piece, here) = (&piece[length..], &here[length..]);
        }
        Ok(())
    });
    written.is_ok() && here.is_empty() && bytes.all(<[u8]>::is_empty)
}

impl Replacement {
    /// Without what is the same at both ends; `None` where that is all.
    fn of(before: &[u8], was: Range<usize>, mut now: Vec<u8>) -> Option<Self> {
        let old = &before[was.clone()];
        let tail = old.iter().rev().zip(now.iter().rev()).take_while(|(a, b)| a == b).count();
        now.truncate(now.len() - tail);
        let head = in_common(&old[..old.len() - tail], &now);
        now.drain(..head);
        let was = was.start + head..was.end - tail;
        (!was.is_empty() || !now.is_empty()).then_some(Self { was, now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn made(before: &[u8], replacements: &[Replacement]) -> Vec<u8> {
        let (mut text, mut at) = (Vec::new(), 0);
        for Replacement { was, now } in replacements {
            assert!(was.start >= at && (was.start > at || at == 0) && was.end <= before.len(), "{replacements:?}");
            assert!(!was.is_empty() || !now.is_empty());
            text.extend_from_slice(&before[at..was.start]);
            text.extend_from_slice(now);
            at = was.end;
        }
        text.extend_from_slice(&before[at..]);
        text
    }

    /// As blocks of `size` bytes are found by threads of which none knows of another.
    fn found(before: &[u8], after: &[u8], size: usize) -> Vec<Replacement> {
        let blocks = after.chunks(size).enumerate().flat_map(|(number, block)| {
            let from_end = (before.len() + number * size).checked_sub(after.len());
            portions(block, before, number * size, from_end)
        });
        let all = replacements(&blocks.collect::<Vec<_>>(), before);
        assert!(made(before, &all) == after);
        all
    }

    fn lines(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|n| format!("{{\"id\": {n}, \"what\": \"{}\"}},\n", n * 7919 % 1013).into_bytes()).collect()
    }

    #[test]
    fn changes_far_from_each_other_are_told_apart() {
        let before = lines(4000);
        let mut after = before.clone();
        after[3500] = b"{\"id\": 3500, \"what\": \"other\"},\n".to_vec();
        after.drain(2000..2500);
        after.splice(1000..1000, lines(300).into_iter().map(|line| [b"new ", &*line].concat()));
        after[100][8] = b'X';
        let all = found(&before.concat(), &after.concat(), usize::MAX);
        assert_eq!(all.len(), 4, "{all:?}");
        assert_eq!((all[0].was.len(), &*all[0].now), (1, &b"X"[..]));
        let line = |number: usize| before[..number].concat().len();
        assert!(all[1].was.is_empty() && all[1].was.start.abs_diff(line(1000)) < 20, "{:?}", all[1].was);
        assert!(all[2].now.is_empty() && all[2].was.start.abs_diff(line(2000)) < 20, "{:?}", all[2].was);
        assert!(all[3].was.len() < 10 && all[3].now.len() < 10);
    }

    #[test]
    fn blocks_that_know_nothing_of_each_other_fit_together() {
        let before = lines(4000);
        let mut after = before.clone();
        after.remove(3000);
        after.splice(500..500, lines(40).into_iter().map(|line| [b"new ", &*line].concat()));
        let all = found(&before.concat(), &after.concat(), 4096);
        let new: usize = all.iter().map(|change| change.now.len()).sum();
        assert!(all.len() < 60 && new < 12_000, "{} {new}", all.len());
    }

    #[test]
    fn what_is_added_at_the_end_or_taken_from_it_is_all_that_is_replaced() {
        let before = lines(1000).concat();
        let more = [&before[..], b"1"].concat();
        assert_eq!(found(&before, &more, 4096), [Replacement { was: before.len()..before.len(), now: b"1".to_vec() }]);
        assert_eq!(found(&more, &before, 4096), [Replacement { was: before.len()..before.len() + 1, now: Vec::new() }]);
        let end = [&before[..before.len() - 2], b", 5]\n"].concat();
        assert_eq!(found(&[&before[..before.len() - 2], b"]\n"].concat(), &end, 4096)[0].now, b", 5");
        assert_eq!(found(&before, &before, 4096), []);
        assert_eq!(found(b"", b"12", 4096), [Replacement { was: 0..0, now: b"12".to_vec() }]);
        assert_eq!(found(b"12", b"", 4096), [Replacement { was: 0..2, now: Vec::new() }]);
    }

    #[test]
    fn a_document_of_other_portions_is_told() {
        let text = b"[1, 23, 4]".as_slice();
        let document = Document::parse(text).unwrap();
        let (new, kept) = (|bytes: &[u8]| Portion::New(bytes.to_vec()), Portion::Kept);
        let is_it = |portions: &[Portion]| consists_of(&document, portions, text);
        assert!(
            is_it(&[kept(0..10)]) && is_it(&[kept(0..4), new(b"23, "), kept(8..10)]) && is_it(&[new(b""), new(text), new(b"")])
        );
        assert!(!is_it(&[kept(0..9)]) && !is_it(&[kept(0..10), new(b" ")]) && !is_it(&[]));
        assert!(!is_it(&[kept(0..4), new(b"32, "), kept(8..10)]) && !is_it(&[kept(0..4), kept(4..10), kept(9..10)]));
    }

    proptest! {
        #[test]
        fn any_text_is_made_of_any_other(
            letters in proptest::collection::vec(b'a'..b'd', 0..3000),
            cuts in proptest::collection::vec((0_usize..3000, 0_usize..200, proptest::collection::vec(b'a'..b'e', 0..90)), 0..6),
            size in 1_usize..2000,
        ) {
            let mut after = letters.clone();
            for (place, length, new) in cuts {
                let start = place.min(after.len());
                after.splice(start..(start + length).min(after.len()), new);
            }
            found(&letters, &after, size);
        }
    }
}
