//! Words in either case, found by two of their letters.
//!
//! An automaton has to look for each spelling of a word's beginning. But a letter of ASCII differs from its other case in one bit
//! only: so 64 places at once are held against two letters of the word at their distance, and what is left is looked at character
//! by character.

use super::tokens::{raw_character_at, raw_character_before};
use crate::document::bitmap::{self, Machine, Pass};
use std::ops::Range;

/// So many places are looked at together.
const BLOCK: usize = 64;
/// The two letters are at most so far from each other.
const GAP: usize = 16;

/// Two letters of a word, and where they stand in it.
pub struct Folded {
    /// The word: for each place the characters that count as the same, and the letter that they are, if they are one.
    word: Vec<(Box<[char]>, Option<Letter>)>,
    pair: Pair,
}

/// Two letters near each other, with none between that could be of several bytes.
#[derive(Clone, Copy)]
struct Pair {
    /// The number of the first one's place in the word.
    place: usize,
    first: Letter,
    /// From the first to the second, in bytes.
    gap: usize,
    second: Letter,
}

/// One character of ASCII, or a letter of it in both cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Letter {
    /// The bit that does not matter.
    case: u8,
    byte: u8,
}

impl Letter {
    /// The characters of one place of a word, if they are such.
    fn of(class: &[char]) -> Option<Self> {
        let ascii = |character: char| u8::try_from(character).ok().filter(u8::is_ascii);
        match *class {
            [one] => Some(Self { case: 0, byte: ascii(one)? }),
            [one, other] => {
                let (one, other) = (ascii(one)?, ascii(other)?);
                (one ^ other == 0x20 && one.is_ascii_alphabetic()).then_some(Self { case: 0x20, byte: one | 0x20 })
            }
            _ => None,
        }
    }

    #[inline(always)]
    fn is(self, byte: u8) -> bool {
        byte | self.case == self.byte
    }

    /// How seldom it is in texts, by a guess.
    fn rarity(self) -> usize {
        const FREQUENT: &[u8] = b" etaoinsrlhdcumpfgywbvk0123456789_-./,:xjqz";
        FREQUENT.iter().position(|byte| *byte == self.byte.to_ascii_lowercase()).unwrap_or(FREQUENT.len())
    }
}

impl Folded {
    /// Chooses the two rarest of a word's letters, where it has two near each other. The word is told by the characters that count
    /// as the same, place by place.
    pub fn new(classes: &[Box<[char]>]) -> Option<Self> {
        let word: Vec<_> = classes.iter().map(|class| (class.clone(), Letter::of(class))).collect();
        let letters = word.iter().enumerate().filter_map(|(place, (_, letter))| Some((place, (*letter)?)));
        let pairs = letters.flat_map(|(place, first)| {
            let behind = word[place + 1..].iter().map_while(|(_, letter)| *letter).take(GAP).enumerate();
            behind.map(move |(between, second)| Pair { place, first, gap: between + 1, second })
        });
        let pair = pairs.max_by_key(|pair| pair.first.rarity() + pair.second.rarity())?;
        Some(Self { word, pair })
    }

    /// The first match in a range of the text.
    pub fn find(&self, text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
        bitmap::run(Finding { folded: self, text, range })
    }

    /// The match whose first letter of the two is at `at`.
    fn around(&self, text: &[u8], at: usize, range: &Range<usize>) -> Option<Range<usize>> {
        let (before, behind) = self.word.split_at(self.pair.place);
        let (mut start, mut end) = (at, at);
        for (class, _) in before.iter().rev() {
            start -= raw_character_before(text, start).filter(|character| class.contains(character))?.len_utf8();
        }
        for (class, letter) in behind {
            end += match letter {
                Some(letter) => text.get(end).filter(|byte| letter.is(**byte)).map(|_| 1)?,
                None => raw_character_at(text, end).filter(|character| class.contains(character))?.len_utf8(),
            };
        }
        (range.start <= start && end <= range.end).then_some(start..end)
    }
}

struct Finding<'a> {
    folded: &'a Folded,
    text: &'a [u8],
    range: Range<usize>,
}

impl Pass for Finding<'_> {
    type Output = Option<Range<usize>>;

    #[inline(always)]
    fn run<M: Machine>(self, _: M) -> Self::Output {
        let Self { folded, text, range } = self;
        let Pair { first, gap, second, .. } = folded.pair;
        let mut at = range.start;
        while at < range.end
            && let Some(one) = text[at..].first_chunk::<BLOCK>()
            && let Some(other) = text.get(at + gap..).and_then(<[u8]>::first_chunk::<BLOCK>)
        {
            let mut both = [0; BLOCK];
            let mut any = 0;
            for ((both, one), other) in both.iter_mut().zip(one).zip(other) {
                *both = u8::from(first.is(*one)) & u8::from(second.is(*other));
                any |= *both;
            }
            if any != 0 {
                let mut places = gather(&both);
                while places != 0 {
                    if let Some(hit) = folded.around(text, at + places.trailing_zeros() as usize, &range) {
                        return Some(hit);
                    }
                    places &= places - 1;
                }
            }
            at += BLOCK;
        }
        (at..range.end.min(text.len())).find_map(|at| first.is(text[at]).then(|| folded.around(text, at, &range)).flatten())
    }
}

/// Bit `n` for byte `n`; the bytes are 0 or 1.
#[inline(always)]
fn gather(bytes: &[u8; BLOCK]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().rev().fold(0, |bits, word| bits << 8 | u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(word: &[&str]) -> Vec<Box<[char]>> {
        word.iter().map(|class| class.chars().collect()).collect()
    }

    #[test]
    fn two_rare_letters_near_each_other_are_chosen() {
        let found = |word: &[&str]| Folded::new(&classes(word)).map(|folded| (folded.pair.place, folded.pair.gap));
        assert_eq!(found(&["Mm", "Ee", "Rr", "Gg", "Ee"]), Some((0, 3)));
        // A long s has two bytes.
        assert_eq!(found(&["Jj", "Ssſ", "Ee", "Aa", "Zz"]), Some((3, 1)));
        assert_eq!(found(&["Aa", "Ssſ", "Ee"]), None);
        assert_eq!(found(&["Aa"]), None);
        assert_eq!(found(&["éÉ", "אב", "ae"]), None);
        assert_eq!(found(&["v", "1"]), Some((0, 1)));
    }

    #[test]
    fn matches_are_found_wherever_they_stand() {
        let word = classes(&["Ss\u{17f}", "Ee", "éÉ", "Gg", "Kk\u{212a}", "Ll", "Mm"]);
        let folded = Folded::new(&word).unwrap();
        for spelling in ["seégklm", "ſEÉGkLM", "SEéG\u{212a}lm"] {
            for before in 0..200 {
                let text = format!("{}{spelling}{}", "gk l".repeat(before)[..before].to_owned(), "m".repeat(before % 90));
                let hit = before..before + spelling.len();
                for start in [0, before / 2, before] {
                    assert_eq!(folded.find(text.as_bytes(), start..text.len()), Some(hit.clone()), "{text}");
                }
                assert_eq!(folded.find(text.as_bytes(), hit.start + 1..text.len()), None);
                assert_eq!(folded.find(text.as_bytes(), 0..hit.end - 1), None);
            }
        }
    }
}
