//! Parts of a word by which it is found: the longest with a fixed length, or its ASCII where other characters may be escaped.

use super::sieve::{self, Sieve};
use crate::document::bitmap::Class;
use std::ops::Range;

/// A part of a word by which its hits are found.
pub struct Run {
    /// Where the part may be.
    pub sieve: Sieve,
    /// The part begins with this character of the word.
    pub place: usize,
    /// The word, where every hit without escapes has the same bytes.
    pub raw: Option<Raw>,
}

impl Run {
    /// The characters of a word that are in a range. `None` where hits have different numbers of bytes for one of them.
    fn of(classes: &[Box<[char]>], places: Range<usize>) -> Option<Self> {
        let bytes = classes[places.clone()].iter().map(|class| bytes_of(class)).collect::<Option<Vec<_>>>()?.concat();
        let text = |part: &[Box<[char]>]| part.iter().map(|class| single(class)).collect::<Option<String>>();
        let before = text(&classes[..places.start]).map_or(0, |text| text.len());
        let raw = text(classes).map(|word| Raw::new(word.into_bytes().into(), before));
        Some(Self { sieve: Sieve::new(&bytes)?, place: places.start, raw })
    }

    /// The part that is in the fewest places.
    pub fn best(classes: &[Box<[char]>]) -> Option<Self> {
        let is_fixed = |class: &[char]| class.windows(2).all(|two| two[0].len_utf8() == two[1].len_utf8());
        let runs = runs(classes, |class| is_fixed(class));
        runs.filter_map(|places| Self::of(classes, places)).min_by(|a, b| a.sieve.share().total_cmp(&b.sieve.share()))
    }
}

/// A word in bytes.
pub struct Raw {
    bytes: Box<[u8]>,
    /// So many of them are before the part that is sought.
    before: usize,
    /// The first eight of them, or fewer, and where these are in a number.
    head: u64,
    mask: u64,
}

impl Raw {
    fn new(bytes: Box<[u8]>, before: usize) -> Self {
        let mut head = [0; 8];
        let length = bytes.len().min(8);
        head[..length].copy_from_slice(&bytes[..length]);
        let mask = u64::MAX >> (8 * (8 - length).min(7));
        Self { bytes, before, head: u64::from_le_bytes(head), mask }
    }

    /// The word whose part is at `at`.
    #[inline]
    pub fn around(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        let start = at.checked_sub(self.before)?;
        let text = text.get(start..)?;
        let is_there = match text.first_chunk() {
            // A call for a few bytes would take longer than the search for them.
            Some(head) => {
                u64::from_le_bytes(*head) & self.mask == self.head
                    && (self.bytes.len() <= 8 || text.get(8..).is_some_and(|rest| rest.starts_with(&self.bytes[8..])))
            }
            None => text.starts_with(&self.bytes),
        };
        is_there.then(|| start..start + self.bytes.len())
    }
}

/// The longest ranges of places with characters that pass a test.
fn runs(classes: &[Box<[char]>], is_in: impl Fn(&[char]) -> bool + Copy) -> impl Iterator<Item = Range<usize>> {
    let parts = classes.chunk_by(move |a, b| is_in(a) == is_in(b));
    let ranges = parts.scan(0, |at, part| {
        let from = std::mem::replace(at, *at + part.len());
        Some((part, from..*at))
    });
    ranges.filter(move |(part, _)| is_in(&part[0])).map(|(_, range)| range)
}

/// The character of a place that has one only.
fn single(class: &[char]) -> Option<char> {
    <[char; 1]>::try_from(class).ok().map(|[character]| character)
}

/// The bytes of a place's characters; some others may be among them. `None` where some have more bytes than others.
fn bytes_of(class: &[char]) -> Option<Vec<Class>> {
    let length = class.first()?.len_utf8();
    let bytes: Vec<[u8; 4]> = class.iter().map(|character| encoded(*character)).collect();
    let is_fixed = class.iter().all(|character| character.len_utf8() == length);
    let nth = |place: usize| sieve::class_of(&bytes.iter().map(|bytes| bytes[place]).collect::<Vec<_>>());
    if is_fixed { (0..length).map(nth).collect() } else { None }
}

fn encoded(character: char) -> [u8; 4] {
    let mut bytes = [0; 4];
    character.encode_utf8(&mut bytes);
    bytes
}

/// A run of ASCII in a word that has other characters, too.
pub struct Anchor {
    /// By which hits are found.
    pub run: Run,
    /// The bits of the `\u` escapes of all its ASCII.
    pub escape_bits: u64,
}

impl Anchor {
    /// The longest run, where none of the word's ASCII has an escape of two bytes.
    pub fn of(classes: &[Box<[char]>]) -> Option<Self> {
        let word: Vec<char> = classes.iter().map(|class| single(class)).collect::<Option<_>>()?;
        let ascii = || word.iter().copied().filter(char::is_ascii);
        if ascii().count() == word.len() || ascii().any(|character| must_be_escaped(character) || has_short_escape(character)) {
            return None;
        }
        let longest = runs(classes, |class| class[0].is_ascii()).max_by_key(|places| places.len())?;
        // A single byte is everywhere.
        (longest.len() >= 2)
            .then(|| Run::of(classes, longest))
            .flatten()
            .map(|run| Self { run, escape_bits: ascii().fold(0, |bits, character| bits | escape_bits(character)) })
    }
}

/// Whether it stands in no string as it is.
pub fn must_be_escaped(character: char) -> bool {
    character < ' ' || matches!(character, '"' | '\\')
}

/// Whether it has an escape of two bytes.
pub fn has_short_escape(character: char) -> bool {
    matches!(character, '"' | '\\' | '/' | '\u{8}' | '\u{c}' | '\n' | '\r' | '\t')
}

/// The bits of the `\u` escapes that stand for a character, as [`escape_bit`](crate::document::tokens::escape_bit) has them.
pub fn escape_bits(character: char) -> u64 {
    match character {
        // What lone surrogates are shown as.
        char::REPLACEMENT_CHARACTER => u64::MAX,
        _ => 1 << (character.encode_utf16(&mut [0; 2])[0] >> 4 & 63),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tokens::escape_bit;

    #[test]
    fn a_character_has_the_bit_of_its_escapes() {
        for character in ['\0', 'a', 'Z', '/', '\u{e9}', '\u{5d0}', '\u{17f}', '\u{4e00}', '\u{ffff}', '\u{1F600}'] {
            let unit = character.encode_utf16(&mut [0; 2])[0];
            for digits in [format!("{unit:04x}"), format!("{unit:04X}")] {
                let bit = escape_bit(digits.as_bytes().first_chunk().unwrap());
                assert_eq!(escape_bits(character), bit, "{digits}");
            }
        }
    }
}
