//! Which token a byte is in. Everything here relies on the text being valid JSON that begins between two tokens.

use super::blocks::Part;
use crate::document::Text;
use crate::document::fragment::close_of_string;
use crate::document::scalar::{begins_escape, unit, unit_before};
use crate::document::scan::skip_white_space;
use memchr::{memchr, memchr_iter, memrchr};
use std::ops::Range;

/// A part of a text to search.
pub struct Stretch<'a> {
    /// The whole text that the part is of.
    pub text: &'a [u8],
    /// Where the part begins.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// Whether it is a key alone.
    pub is_key: bool,
    /// Which `\u` escapes there can be, as [`escape_bit`](crate::document::tokens::escape_bit) has it.
    pub unicode_escapes: u64,
}

impl<'a> Stretch<'a> {
    /// A part, with what stands around it.
    pub fn of(part: &'a Part) -> Self {
        let is_key = part.is_key;
        match &part.text {
            Text::Slice { fragment, from, to } => {
                Self { text: fragment.text(), from: *from, to: *to, is_key, unicode_escapes: fragment.unicode_escapes() }
            }
            text => Self { text: text.bytes(), from: 0, to: text.len(), is_key, unicode_escapes: u64::MAX },
        }
    }

    /// Whether the string that ends before `end` is a key.
    pub fn is_key_before(&self, end: usize) -> bool {
        self.is_key || self.text.get(skip_white_space(self.text, end)) == Some(&b':')
    }

    /// The end of the string that has `inside`, a place between two of its characters, in it.
    pub fn string_end(&self, inside: usize) -> usize {
        close_of_string(self.text, inside - 1).unwrap_or(self.to)
    }

    /// The string whose first escape is at `backslash`: its place with the quotes.
    pub fn string_with_first_escape(&self, backslash: usize) -> Range<usize> {
        let open = memrchr(b'"', &self.text[..backslash]).unwrap_or(self.from);
        open..close_of_string(self.text, open).unwrap_or(self.to)
    }

    /// The scalar that has `at` in it.
    pub fn scalar_around(&self, at: usize) -> Range<usize> {
        let mut from = at;
        while from > self.from && is_scalar_byte(self.text[from - 1]) {
            from -= 1;
        }
        let mut to = at;
        while to < self.to && is_scalar_byte(self.text[to]) {
            to += 1;
        }
        from..to
    }

    /// Behind the white space and structure at `at`.
    pub fn skip_gap(&self, mut at: usize) -> usize {
        while at < self.to && matches!(self.text[at], b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' | b'[' | b']' | b'{' | b'}') {
            at += 1;
        }
        at
    }
}

/// Bytes of numbers and of `true`, `false`, `null`.
pub fn is_scalar_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Bytes that stand outside strings.
pub fn is_outside_byte(byte: u8) -> bool {
    is_scalar_byte(byte) || matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' | b'[' | b']' | b'{' | b'}')
}

/// Whether a text can stand outside strings: as a part of numbers and literals with structure between them. Cautious: says yes
/// also for some that can't.
pub fn can_be_outside(text: &[u8]) -> bool {
    text.iter().all(|byte| is_outside_byte(*byte))
        && text.split(|byte| !byte.is_ascii_alphabetic()).all(|letters| {
            let letters = letters.to_ascii_lowercase();
            letters.len() <= 5
                && [&b"true"[..], b"false", b"null", b"e"]
                    .iter()
                    .any(|word| letters.is_empty() || word.windows(letters.len()).any(|part| part == letters))
        })
}

/// Whether `at` is inside an escape, not at its start.
#[inline]
pub fn is_inside_escape(text: &[u8], at: usize) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    if let Some(before) = text[..at].last_chunk() {
        // A zero byte among the last five is where a backslash was.
        let differs = (u64::from_le_bytes(*before) ^ (ONES * u64::from(b'\\'))) >> 24;
        let has_zero = differs.wrapping_sub(ONES >> 24) & !differs & (ONES >> 24 << 7);
        if has_zero == 0 {
            return false;
        }
    }
    is_behind_escape_start(text, at)
}

#[inline(never)]
fn is_behind_escape_start(text: &[u8], at: usize) -> bool {
    (1..=5.min(at)).any(|back| {
        let start = at - back;
        text[start] == b'\\' && (back == 1 || text[start + 1] == b'u') && begins_escape(text, start)
    })
}

/// The character that ends before `at` in a string; `None` at the string's start.
pub fn character_before(text: &[u8], at: usize) -> Option<char> {
    unit_before(text, at).map(|(character, _)| character)
}

/// The character that begins at `at`, as it stands; `None` at a quote or backslash.
pub fn raw_character_at(text: &[u8], at: usize) -> Option<char> {
    match *text.get(at)? {
        b'"' | b'\\' => None,
        byte if byte.is_ascii() => Some(char::from(byte)),
        _ => character_at(text, at),
    }
}

/// The character that begins at `at` in a string; `None` at the string's end.
pub fn character_at(text: &[u8], at: usize) -> Option<char> {
    unit(text, at).map(|unit| unit.character)
}

/// Follows which places are inside strings, from left to right.
pub struct Inside {
    at: usize,
    is_inside: bool,
}

impl Inside {
    /// Starts at a place between tokens.
    pub fn new(at: usize) -> Self {
        Self { at, is_inside: false }
    }

    /// Whether `to` is inside a string; `to` is inside no escape and never moves back. Quotes are counted, which is as fast as
    /// memory.
    pub fn is_inside(&mut self, text: &[u8], to: usize) -> bool {
        let odd = |part: &[u8]| memchr_iter(b'"', part).count() % 2 == 1;
        while self.at < to {
            let part = &text[self.at..to];
            match memchr(b'\\', part) {
                Some(backslash) => {
                    self.is_inside ^= odd(&part[..backslash]);
                    self.at += backslash + 2;
                }
                None => {
                    self.is_inside ^= odd(part);
                    self.at = to;
                }
            }
        }
        self.is_inside
    }
}
