//! Parts of a word by which it is found: the longest with a fixed length, or its ASCII where other characters may be escaped.

use super::sieve::{self, Sieve};
use crate::document::bitmap::Class;
use std::ops::Range;

/// So many bytes of a word are compared at once.
const HEAD: usize = 16;

/// A part of a word by which its hits are found.
pub struct Run {
    /// Where the part may be.
    pub sieve: Sieve,
    /// The part begins with this character of the word.
    pub place: usize,
    /// The word in its usual spelling, if it has one.
    pub raw: Option<Raw>,
}

impl Run {
    /// The characters of a word that are in a range. `None` where hits have different numbers of bytes for one of them.
    fn of(classes: &[Box<[char]>], places: Range<usize>) -> Option<Self> {
        let bytes = classes[places.clone()].iter().map(|class| bytes_of(class)).collect::<Option<Vec<_>>>()?.concat();
        Some(Self { sieve: Sieve::new(&bytes)?, place: places.start, raw: Raw::of(classes, places.start) })
    }

    /// The part that is in the fewest places.
    pub fn best(classes: &[Box<[char]>]) -> Option<Self> {
        runs(classes, is_fixed)
            .filter_map(|places| Self::of(classes, places))
            .min_by(|a, b| a.sieve.share().total_cmp(&b.sieve.share()))
    }
}

/// A word in bytes; letters of ASCII that count as the same in both cases are small.
pub struct Raw {
    bytes: Box<[u8]>,
    /// For each of them the bit that does not matter.
    cases: Box<[u8]>,
    /// So many of them are before the part that is sought.
    before: usize,
    /// The first [`HEAD`] of them, or fewer, and where these are in a number.
    head: u128,
    head_cases: u128,
    mask: u128,
    /// Every hit without escapes is spelled like this: `s` can also be a long one.
    pub is_only_spelling: bool,
}

impl Raw {
    /// As people write it. `None` where a place has no usual spelling; the part that is sought begins with character `place`.
    fn of(classes: &[Box<[char]>], place: usize) -> Option<Self> {
        let mut is_only_spelling = true;
        let mut spell = |class: &[char]| {
            let (character, case) = match single(class) {
                Some(character) => (character, 0),
                None => (small_letter(class)?, 0x20),
            };
            is_only_spelling &= class.len() == if case == 0 { 1 } else { 2 };
            Some(encoded(character)[..character.len_utf8()].iter().map(|byte| (*byte, case)).collect())
        };
        let spelled = classes.iter().map(|class| spell(class)).collect::<Option<Vec<_>>>()?;
        Some(Self::spelled(&spelled, place, is_only_spelling))
    }

    /// As programs write it that write ASCII alone. `None` for a word that begins with an escape then: another backslash may stand
    /// before it.
    fn escaped(word: &[char], place: usize) -> Option<Self> {
        let spell = |character: &char| -> Vec<(u8, u8)> {
            if character.is_ascii() {
                return vec![(*character as u8, 0)];
            }
            let escapes: String = character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
            escapes.bytes().map(|byte| (byte, if matches!(byte, b'a'..=b'f') { 0x20 } else { 0 })).collect()
        };
        let spelled: Vec<_> = word.iter().map(spell).collect();
        word.first()?.is_ascii().then(|| Self::spelled(&spelled, place, false))
    }

    /// Of the bytes of each character, each with the bit that does not matter.
    fn spelled(spelled: &[Vec<(u8, u8)>], place: usize, is_only_spelling: bool) -> Self {
        let before = spelled[..place].iter().map(Vec::len).sum();
        let (bytes, cases): (Vec<u8>, Vec<u8>) = spelled.iter().flatten().copied().unzip();
        let head = |bytes: &[u8]| {
            let mut head = [0; HEAD];
            head.iter_mut().zip(bytes).for_each(|(head, byte)| *head = *byte);
            u128::from_le_bytes(head)
        };
        let mask = u128::MAX >> (8 * (HEAD - bytes.len().min(HEAD)).min(HEAD - 1));
        let (head, head_cases) = (head(&bytes), head(&cases));
        Self { bytes: bytes.into(), cases: cases.into(), before, head, head_cases, mask, is_only_spelling }
    }

    /// The word whose part is at `at`.
    #[inline]
    pub fn around(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        let start = at.checked_sub(self.before)?;
        let text = text.get(start..)?;
        let is_from = |from: usize| {
            let rest = text.get(from..self.bytes.len());
            rest.is_some_and(|text| {
                let word = self.bytes[from..].iter().zip(&self.cases[from..]);
                text.iter().zip(word).all(|(byte, (own, case))| byte | case == *own)
            })
        };
        let is_there = match text.first_chunk() {
            // A call for a few bytes would take longer than the search for them.
            Some(head) => {
                (u128::from_le_bytes(*head) | self.head_cases) & self.mask == self.head
                    && (self.bytes.len() <= HEAD || is_from(HEAD))
            }
            None => is_from(0),
        };
        is_there.then(|| start..start + self.bytes.len())
    }
}

/// The letter of ASCII that a place has in both cases, as a small one.
fn small_letter(class: &[char]) -> Option<char> {
    let small = *class.iter().find(|character| character.is_ascii_lowercase())?;
    class.contains(&small.to_ascii_uppercase()).then_some(small)
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

/// Whether all characters of a place have as many bytes.
fn is_fixed(class: &[char]) -> bool {
    class.windows(2).all(|two| two[0].len_utf8() == two[1].len_utf8())
}

/// The bytes of a place's characters; some others may be among them. `None` where some have more bytes than others.
fn bytes_of(class: &[char]) -> Option<Vec<Class>> {
    let length = class.first()?.len_utf8();
    let bytes: Vec<[u8; 4]> = class.iter().map(|character| encoded(*character)).collect();
    let nth = |place: usize| sieve::class_of(&bytes.iter().map(|bytes| bytes[place]).collect::<Vec<_>>());
    if is_fixed(class) { (0..length).map(nth).collect() } else { None }
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
    /// The word with escapes, as they are written mostly.
    pub escaped: Option<Raw>,
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
        let run = (longest.len() >= 2).then(|| Run::of(classes, longest)).flatten()?;
        let escaped = Raw::escaped(&word, run.place);
        Some(Self { run, escaped, escape_bits: ascii().fold(0, |bits, character| bits | escape_bits(character)) })
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
