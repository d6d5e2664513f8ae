//! Places where a match may begin, by a few of its bytes: sixty-four places are tried together.
//!
//! For each byte of a match's beginning it is known which ones it may be. The one to three that are rarest in common texts are tried
//! at every place; a place that passes is looked at by the caller. What was found is kept for some thousand places: behind a hit
//! nothing is begun anew, as `memmem` has to.

use crate::document::bitmap::{self, Class, Machine, Pass};
use std::ops::Range;

/// So many places are tried together.
const BLOCK: usize = 64;
/// So many times, before what passed is looked at: as much as stays in the nearest cache.
const BLOCKS: usize = 64;
/// So many bytes of a match are tried at most.
const TESTS: usize = 3;
/// Where fewer places than this pass, another test takes more time than it saves.
const ENOUGH: f32 = 0.0005;
/// What is further behind is not tried: it may not be in the cache yet.
const REACH: usize = 64;

/// A byte of a match.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Test {
    /// Its place in the match.
    place: usize,
    class: Class,
}

/// What a match's beginning is tried by.
#[derive(Clone, Debug)]
pub struct Sieve {
    /// One to three, by their places.
    tests: Vec<Test>,
    share: f32,
}

/// What a search found beyond the place that it gave back. Begins as the default for each text.
#[derive(Clone, Debug)]
pub struct Found {
    /// The first of the places that are known.
    at: usize,
    /// What passes in each sixty-four bytes from there: bit `n` of word `k` is for the place `64 k + n`.
    words: [u64; BLOCKS],
    /// The words in which there is a bit.
    any: u64,
    /// What passes from here on is not known.
    next: usize,
}

impl Default for Found {
    fn default() -> Self {
        Self { at: 0, words: [0; BLOCKS], any: 0, next: 0 }
    }
}

impl Found {
    /// The first place at or behind `from` that is known to pass; `from` is one of those that are known.
    #[inline]
    fn first(&self, from: usize) -> Option<usize> {
        let (word, bit) = ((from - self.at) / BLOCK, (from - self.at) % BLOCK);
        let place = |word: usize, bits: u64| self.at + word * BLOCK + bits.trailing_zeros() as usize;
        let bits = self.words[word] & u64::MAX << bit;
        if bits != 0 {
            return Some(place(word, bits));
        }
        let behind = self.any & (u64::MAX - 1) << word;
        let word = behind.trailing_zeros() as usize;
        (behind != 0).then(|| place(word, self.words[word]))
    }
}

impl Sieve {
    /// A sieve for matches that begin with bytes of these classes. `None` if there are none.
    pub fn new(classes: &[Class]) -> Option<Self> {
        let mut by_share: Vec<Test> =
            classes.iter().take(REACH).enumerate().map(|(place, class)| Test { place, class: *class }).collect();
        by_share.sort_by(|a, b| share(a.class).total_cmp(&share(b.class)));
        let mut tests = Vec::new();
        let mut passing = 1.0;
        for test in by_share {
            if tests.len() == TESTS || passing < ENOUGH {
                break;
            }
            passing *= share(test.class);
            tests.push(test);
        }
        tests.sort_by_key(|test| test.place);
        (!tests.is_empty()).then_some(Self { tests, share: passing })
    }

    /// The share of all places that will pass, by a guess.
    pub fn share(&self) -> f32 {
        self.share
    }

    /// The first place in a range of the text at which a match may begin. `found` is what the search before this one, in the same
    /// text, has left.
    #[inline]
    pub fn find(&self, text: &[u8], range: Range<usize>, found: &mut Found) -> Option<usize> {
        let known = found.at..found.next;
        let mut place = None;
        if known.contains(&range.start) {
            place = found.first(range.start);
        } else {
            found.next = range.start;
        }
        if place.is_none() && found.next < range.end {
            place = self.sift(text, range.end, found);
        }
        place.filter(|place| *place < range.end)
    }

    /// Goes on to where something passes, and gives it back, or to `end`.
    #[inline(never)]
    fn sift(&self, text: &[u8], end: usize, found: &mut Found) -> Option<usize> {
        found.any = 0;
        let is_range = self.tests.iter().any(|test| test.class.span > 0);
        match (&*self.tests, is_range) {
            ([a], false) => bitmap::run(Sifting::<1, false> { tests: [*a], text, end, found }),
            ([a], true) => bitmap::run(Sifting::<1, true> { tests: [*a], text, end, found }),
            ([a, b], false) => bitmap::run(Sifting::<2, false> { tests: [*a, *b], text, end, found }),
            ([a, b], true) => bitmap::run(Sifting::<2, true> { tests: [*a, *b], text, end, found }),
            ([a, b, c, ..], false) => bitmap::run(Sifting::<3, false> { tests: [*a, *b, *c], text, end, found }),
            ([a, b, c, ..], true) => bitmap::run(Sifting::<3, true> { tests: [*a, *b, *c], text, end, found }),
            ([], _) => found.next = end,
        }
        (found.any != 0).then(|| found.first(found.at)).flatten()
    }
}

struct Sifting<'a, const N: usize, const RANGES: bool> {
    tests: [Test; N],
    text: &'a [u8],
    end: usize,
    found: &'a mut Found,
}

impl<const N: usize, const RANGES: bool> Pass for Sifting<'_, N, RANGES> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self, machine: M) {
        let Self { tests, text, end, found } = self;
        let classes = tests.map(|test| test.class);
        while found.any == 0 && found.next < end {
            found.at = found.next;
            // For each test the bytes that it is for, with those of the places behind; all as many.
            let behind = tests.map(|test| text.get(found.at + test.place..).unwrap_or_default().as_chunks::<BLOCK>().0);
            let count = behind.iter().fold(BLOCKS, |count, blocks| count.min(blocks.len()));
            let behind = behind.map(|blocks| &blocks[..count]);
            for (number, word) in found.words[..count].iter_mut().enumerate() {
                machine.fetch_ahead(&behind[0][number]);
                *word = machine.places::<N, RANGES>(behind.map(|blocks| &blocks[number]), &classes);
                found.any |= u64::from(*word != 0) << number;
            }
            found.next += count * BLOCK;
            if count == 0 {
                let passes = |place: usize| {
                    tests.iter().all(|test| text.get(place + test.place).is_some_and(|byte| test.class.has(*byte)))
                };
                found.words[0] = (0..BLOCK).filter(|step| passes(found.at + step)).fold(0, |word, step| word | 1 << step);
                found.any = u64::from(found.words[0] != 0);
                found.next += BLOCK;
            }
        }
    }
}

/// The smallest class with all of some bytes. `None` for no bytes.
pub fn class_of(bytes: &[u8]) -> Option<Class> {
    let (low, high) = (*bytes.iter().min()?, *bytes.iter().max()?);
    let differs = low ^ high;
    // Two bytes, as both cases of a letter.
    if differs.is_power_of_two() && bytes.iter().all(|byte| *byte == low || *byte == high) {
        return Some(Class { mask: differs, from: high, span: 0 });
    }
    Some(Class { mask: 0, from: low, span: high - low })
}

/// The smallest class with all that is in some classes. `None` for none.
pub fn around(classes: impl Iterator<Item = Class> + Clone) -> Option<Class> {
    let bytes: Vec<u8> = (0..=u8::MAX).filter(|byte| classes.clone().any(|class| class.has(*byte))).collect();
    class_of(&bytes)
}

/// The share of a class in the bytes of common texts, by a guess.
fn share(class: Class) -> f32 {
    (0..=u8::MAX).filter(|byte| class.has(*byte)).map(frequency).sum::<f32>().min(1.0)
}

/// How often a byte is in JSON, by a guess: what is frequent in any of letters, numbers and structure.
fn frequency(byte: u8) -> f32 {
    const LETTERS: [u8; 26] = [32, 8, 16, 16, 40, 8, 10, 14, 28, 2, 5, 18, 14, 26, 28, 14, 1, 26, 28, 30, 14, 5, 6, 3, 8, 2];
    let per_thousand = match byte {
        b' ' => 120,
        b'"' => 80,
        b',' | b':' => 25,
        b'\n' | b'0' | b'1' => 20,
        b'2'..=b'9' => 15,
        b'a'..=b'z' => LETTERS[usize::from(byte - b'a')],
        b'-' | b'_' | b'.' | b'/' | b'\\' | b'{' | b'}' | b'[' | b']' => 8,
        0xC3 | 0xD0 | 0xD1 | 0xD7..=0xD9 | 0xE0..=0xEF => 10,
        b'A'..=b'Z' | 0x80..=0xBF => 3,
        _ => 1,
    };
    f32::from(per_thousand) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn classes(word: &[&str]) -> Vec<Class> {
        word.iter().map(|bytes| class_of(bytes.as_bytes()).unwrap()).collect()
    }

    #[test]
    fn the_rarest_bytes_are_tried() {
        let places = |word: &[&str]| Sieve::new(&classes(word)).unwrap().tests.iter().map(|test| test.place).collect::<Vec<_>>();
        assert_eq!(places(&["e", "x", " ", "q", "e"]), [1, 3]);
        assert_eq!(places(&["e", "t", "a", "o"]), [1, 2, 3]);
        assert_eq!(places(&["e"]), [0]);
        assert!(Sieve::new(&[]).is_none());
    }

    #[test]
    fn a_class_has_its_bytes() {
        let members = |bytes: &str| {
            let class = class_of(bytes.as_bytes()).unwrap();
            (0..=u8::MAX).filter(|byte| class.has(*byte)).map(char::from).collect::<String>()
        };
        assert_eq!(members("a"), "a");
        assert_eq!(members("aA"), "Aa");
        assert_eq!(members("adb"), "abcd");
        assert_eq!(members("09"), "0123456789");
        assert!(class_of(&[]).is_none());
    }

    proptest! {
        #[test]
        fn every_place_is_found(
            text in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'B'), Just(b'b'), any::<u8>()], 0..400),
            word in proptest::collection::vec(prop_oneof![Just("a"), Just("bB"), Just("az"), Just("ab")], 1..6),
            steps in proptest::collection::vec(1_usize..90, 0..40),
        ) {
            let classes = classes(&word);
            let sieve = Sieve::new(&classes).unwrap();
            let begins = |place: usize| {
                classes.iter().enumerate().all(|(step, class)| text.get(place + step).is_some_and(|byte| class.has(*byte)))
            };
            let mut found = Found::default();
            let mut from = 0;
            for step in steps {
                let end = (from + 3 * step).min(text.len());
                // What passes may be no match, but each match passes.
                let mut at = from;
                while let Some(place) = sieve.find(&text, at..end, &mut found) {
                    prop_assert!((at..end).contains(&place));
                    prop_assert!(!(at..place).any(begins));
                    prop_assert!(sieve.tests.iter().all(|test| test.class.has(text[place + test.place])));
                    at = place + 1;
                }
                prop_assert!(!(at..end).any(begins));
                from = (from + step).min(end);
            }
        }
    }
}
