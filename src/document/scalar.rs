//! Scalars as text: strings decoded and encoded, kinds, what an edit of a string keeps.

use super::scan::plain_run;
use std::borrow::Cow;

/// The kinds of value of RFC 8259, true and false as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Members with keys.
    Object,
    /// Elements by number.
    Array,
    /// A string.
    String,
    /// A number, kept as it is written.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
}

impl Kind {
    /// Whether values of this kind have children.
    pub fn is_container(self) -> bool {
        matches!(self, Self::Object | Self::Array)
    }

    /// The kind's name in the middle of a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Number => "number",
            Self::Bool => "boolean",
            Self::Null => "null",
        }
    }
}

/// One character of a string literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The character; U+FFFD for a lone surrogate.
    pub character: char,
    /// Whether a surrogate stands alone here: legal JSON that no `str` can hold.
    pub lone: bool,
    /// Bytes of the literal that it takes.
    pub length: usize,
}

/// The characters of a valid literal (with its quotes), one by one. A cut literal ends where it is cut.
pub fn units(literal: &[u8]) -> impl Iterator<Item = Unit> + '_ {
    units_from(literal, 1).map(|(_, unit)| unit)
}

/// The characters of a literal from byte `at` on, where one begins, each with the byte at which it begins.
pub fn units_from(literal: &[u8], mut at: usize) -> impl Iterator<Item = (usize, Unit)> + '_ {
    std::iter::from_fn(move || {
        let (begin, unit) = (at, unit(literal, at)?);
        at += unit.length;
        Some((begin, unit))
    })
}

/// Where the character of a literal begins that byte `at` is a part of. At `known`, which is not behind it, one begins. O(1), but for
/// backslashes in a row.
pub fn unit_start(literal: &[u8], known: usize, at: usize) -> usize {
    /// Bytes of an escape of two surrogates.
    const LONGEST: usize = 12;
    let at = at.min(literal.len().saturating_sub(1));
    let known = known.min(at);
    let nearest = at.saturating_sub(LONGEST - 1).max(known);
    let mut is_escaped = !begins_escape(&literal[known..], nearest - known);
    // The first one that covers it: the second of two surrogates looks like an escape of its own.
    for start in nearest..=at {
        let begins = literal[start] == b'\\' && !is_escaped;
        if begins && unit(literal, start).is_some_and(|unit| start + unit.length > at) {
            return start;
        }
        is_escaped = begins;
    }
    (at.saturating_sub(3)..=at).rev().find(|place| literal[*place] & 0xC0 != 0x80).unwrap_or(at)
}

/// The character at byte `at` of a literal; `None` at its end.
pub(super) fn unit(literal: &[u8], at: usize) -> Option<Unit> {
    let plain = |character, length| Some(Unit { character, lone: false, length });
    match *literal.get(at)? {
        b'"' => None,
        b'\\' => match literal.get(at + 1)? {
            b'b' => plain('\u{8}', 2),
            b'f' => plain('\u{c}', 2),
            b'n' => plain('\n', 2),
            b'r' => plain('\r', 2),
            b't' => plain('\t', 2),
            b'u' => {
                let first = hex(literal, at + 2)?;
                if let Some(character) = char::from_u32(first) {
                    return plain(character, 6);
                }
                let second =
                    (first < 0xDC00 && literal.get(at + 6..at + 8) == Some(b"\\u")).then(|| hex(literal, at + 8)).flatten();
                match second {
                    Some(second @ 0xDC00..=0xDFFF) => {
                        let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                        plain(char::from_u32(code).unwrap_or('\u{FFFD}'), 12)
                    }
                    _ => Some(Unit { character: '\u{FFFD}', lone: true, length: 6 }),
                }
            }
            &other => plain(char::from(other), 2),
        },
        first if first < 0x80 => plain(char::from(first), 1),
        first => {
            let length = match first {
                0xF0.. => 4,
                0xE0.. => 3,
                _ => 2,
            };
            let character = std::str::from_utf8(literal.get(at..at + length)?).ok()?.chars().next()?;
            plain(character, length)
        }
    }
}

fn hex(literal: &[u8], at: usize) -> Option<u32> {
    literal.get(at..at + 4)?.iter().try_fold(0, |code, digit| char::from(*digit).to_digit(16).map(|digit| code << 4 | digit))
}

/// The text of a string literal, lone surrogates as U+FFFD. Borrowed where the literal has no escape. O(length).
pub fn decode(literal: &[u8]) -> Cow<'_, str> {
    let inner_end = plain_run(literal, 1);
    if inner_end + 1 == literal.len()
        && let Ok(text) = std::str::from_utf8(&literal[1..inner_end])
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(units(literal).map(|unit| unit.character).collect())
}

/// The start of a string's text, at most `limit` characters, and whether that is all. Never reads further than it needs.
pub fn decode_start(literal: &[u8], limit: usize) -> (String, bool) {
    let mut text = String::new();
    let mut rest = units(literal);
    for _ in 0..limit {
        match rest.next() {
            Some(unit) => text.push(unit.character),
            None => return (text, true),
        }
    }
    let whole = rest.next().is_none();
    (text, whole)
}

/// A part of a string's text around one of its characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Around {
    /// The part.
    pub text: String,
    /// Where in it the character is that was asked for, in bytes.
    pub place: usize,
    /// Whether it begins where the string begins.
    pub is_start: bool,
    /// Whether it ends where the string ends.
    pub is_end: bool,
}

/// The text around the character at byte `inside` of a string literal: as many characters as `before` in front of it, at most `limit`
/// in all. Never reads further than it needs. `None` where no character begins there.
pub fn decode_around(literal: &[u8], inside: usize, before: usize, limit: usize) -> Option<Around> {
    if inside == 0 || inside >= literal.len() {
        return None;
    }
    let (mut from, mut place) = (inside, 0);
    for _ in 0..before {
        let Some((character, length)) = unit_before(literal, from).filter(|(_, length)| *length < from) else { break };
        from -= length;
        place += character.len_utf8();
    }
    let mut text = String::new();
    let mut at = from;
    for _ in 0..limit {
        let Some(unit) = unit(literal, at) else { break };
        text.push(unit.character);
        at += unit.length;
    }
    (place < text.len()).then(|| Around { place, is_start: from == 1, is_end: unit(literal, at).is_none(), text })
}

/// Whether the byte at `at` begins an escape, if it is a backslash: an even number of them stands before it.
pub(super) fn begins_escape(text: &[u8], at: usize) -> bool {
    /// Compared at once: an even number, which a text of megabytes of backslashes is passed over by.
    const STRIDE: usize = 64;
    let ending =
        text[..at].rchunks(STRIDE).take_while(|chunk| chunk.len() == STRIDE && chunk.iter().all(|byte| *byte == b'\\')).count();
    text[..at - ending * STRIDE].iter().rev().take_while(|byte| **byte == b'\\').count().is_multiple_of(2)
}

/// The character that ends before `at` in a string, and its length there; `None` at the string's start.
pub(super) fn unit_before(text: &[u8], at: usize) -> Option<(char, usize)> {
    let escape = |length: usize| -> Option<Unit> {
        let start = at.checked_sub(length)?;
        let found = text[start] == b'\\' && begins_escape(text, start);
        found.then(|| unit(text, start)).flatten().filter(|unit| unit.length == length)
    };
    if let Some(unit) = escape(12).or_else(|| escape(6)).or_else(|| escape(2)) {
        return Some((unit.character, unit.length));
    }
    raw_character_before(text, at).filter(|character| *character != '"').map(|character| (character, character.len_utf8()))
}

/// The character that ends before `at`, as it stands.
pub(super) fn raw_character_before(text: &[u8], at: usize) -> Option<char> {
    if let Some(byte) = text[..at].last().filter(|byte| byte.is_ascii()) {
        return Some(char::from(*byte));
    }
    let from = (at.saturating_sub(4)..at).rev().find(|place| text[*place] & 0xC0 != 0x80)?;
    std::str::from_utf8(&text[from..at]).ok()?.chars().next()
}

/// Whether a string can be edited as plain text and come back the same: no lone surrogate and no control character. Others
/// are edited as the literal.
pub fn is_plain_editable(literal: &[u8]) -> bool {
    units(literal).all(|unit| !unit.lone && !unit.character.is_control())
}

/// How new strings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Escaping {
    /// Only what RFC 8259 demands.
    #[default]
    Needed,
    /// All that is not ASCII too, as Python's `json` does by default.
    Ascii,
}

/// A text as a string literal with quotes.
pub fn encode(text: &str, escaping: Escaping) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for character in text.chars() {
        push_escaped(&mut literal, character, escaping);
    }
    literal.push('"');
    literal
}

fn push_escaped(literal: &mut String, character: char, escaping: Escaping) {
    match character {
        '"' => literal.push_str("\\\""),
        '\\' => literal.push_str("\\\\"),
        '\n' => literal.push_str("\\n"),
        '\r' => literal.push_str("\\r"),
        '\t' => literal.push_str("\\t"),
        '\u{8}' => literal.push_str("\\b"),
        '\u{c}' => literal.push_str("\\f"),
        c if c < ' ' || (escaping == Escaping::Ascii && !c.is_ascii()) => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                literal.push_str(&format!("\\u{unit:04x}"));
            }
        }
        c => literal.push(c),
    }
}

/// The literal for `text` that keeps the escapes of `old` in the head and the tail that did not change. O(length).
pub fn rewrite(old: &[u8], text: &str, escaping: Escaping) -> String {
    let units: Vec<Unit> = units(old).collect();
    let new: Vec<char> = text.chars().collect();
    let same = |unit: &Unit, character: char| !unit.lone && unit.character == character;
    let head = units.iter().zip(&new).take_while(|(unit, character)| same(unit, **character)).count();
    let room = units.len().min(new.len()) - head;
    let tail =
        units.iter().rev().zip(new.iter().rev()).take(room).take_while(|(unit, character)| same(unit, **character)).count();
    let bytes = |units: &[Unit]| units.iter().map(|unit| unit.length).sum::<usize>();
    let head_end = 1 + bytes(&units[..head]);
    let tail_start = old.len() - 1 - bytes(&units[units.len() - tail..]);
    let mut literal = String::from_utf8_lossy(&old[..head_end]).into_owned();
    for &character in &new[head..new.len() - tail] {
        push_escaped(&mut literal, character, escaping);
    }
    literal.push_str(&String::from_utf8_lossy(&old[tail_start..]));
    literal
}

/// Whether two string literals stand for the same text, however they are escaped.
pub fn same_text(a: &[u8], b: &[u8]) -> bool {
    if a == b {
        return true;
    }
    // Without escapes the bytes are the text.
    if memchr::memchr(b'\\', a).is_none() && memchr::memchr(b'\\', b).is_none() {
        return false;
    }
    let surrogate_of = |unit: Unit, literal: &[u8], at: usize| unit.lone.then(|| hex(literal, at + 2));
    let (mut at_a, mut at_b) = (1, 1);
    loop {
        match (unit(a, at_a), unit(b, at_b)) {
            (None, None) => return true,
            (Some(x), Some(y)) if x.character == y.character && surrogate_of(x, a, at_a) == surrogate_of(y, b, at_b) => {
                at_a += x.length;
                at_b += y.length;
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_serde_decodes() {
        for literal in [r#""""#, r#""a""#, r#""\u0041\n\/\\\"""#, r#""\ud83d\ude00""#, r#""אב\t王""#, r#""\u05d0x\b\f\r""#] {
            let expected: String = serde_json::from_str(literal).unwrap();
            assert_eq!(decode(literal.as_bytes()), expected, "{literal}");
            assert_eq!(encode(&expected, Escaping::Needed), serde_json::to_string(&expected).unwrap());
            let ascii = encode(&expected, Escaping::Ascii);
            assert!(ascii.is_ascii());
            assert_eq!(serde_json::from_str::<String>(&ascii).unwrap(), expected);
        }
    }

    #[test]
    fn lone_surrogates_are_seen_and_not_plain() {
        for literal in [r#""\ud800""#, r#""x\udc00y""#, r#""\ud800\ud800""#, r#""\ud800\u0041""#] {
            assert!(decode(literal.as_bytes()).contains('\u{FFFD}'), "{literal}");
            assert!(!is_plain_editable(literal.as_bytes()));
        }
        assert!(is_plain_editable(r#""a\ud83d\ude00""#.as_bytes()));
        assert!(!is_plain_editable(r#""a\n""#.as_bytes()));
        assert!(!is_plain_editable(r#""\u0001""#.as_bytes()));
        assert!(!same_text(br#""\ud800""#, br#""\ud801""#));
    }

    #[test]
    fn the_character_that_a_byte_is_a_part_of_is_found() {
        for literal in [
            r#""ab""#,
            r#""a\\\\u0041\\\"x""#,
            r#""\ud83d\ude00\ud83d\u0041\ude00\ud83d\ud83d\ude00""#,
            r#""é王😀\u05d0\n\\""#,
            "12.5",
        ] {
            let first = usize::from(literal.starts_with('"'));
            for (start, unit) in units_from(literal.as_bytes(), first) {
                for at in start..start + unit.length {
                    for (known, _) in units_from(literal.as_bytes(), first).take_while(|(known, _)| *known <= at) {
                        assert_eq!(unit_start(literal.as_bytes(), known, at), start, "{literal} {known} {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn rewriting_keeps_the_escapes_around_the_change() {
        let check = |old: &str, text: &str, escaping, new: &str| assert_eq!(rewrite(old.as_bytes(), text, escaping), new);
        check(r#""\u0041bc\u0044""#, "AbxcD", Escaping::Needed, r#""\u0041bxc\u0044""#);
        check(r#""a\/b""#, "a/c", Escaping::Needed, r#""a\/c""#);
        check(r#""\/\/\/""#, "//", Escaping::Needed, r#""\/\/""#);
        check(r#""aa""#, "aaa", Escaping::Needed, r#""aaa""#);
        check(r#""x""#, "xא", Escaping::Ascii, r#""x\u05d0""#);
        check(r#""""#, "", Escaping::Needed, r#""""#);
    }

    #[test]
    fn the_same_text_in_other_escapes() {
        assert!(same_text(br#""\u0061""#, br#""a""#));
        assert!(same_text(br#""\/""#, br#""/""#));
        assert!(!same_text(br#""a""#, br#""b""#));
        assert!(!same_text(br#""a\n""#, br#""a""#));
    }

    #[test]
    fn the_start_of_a_long_string_is_cut() {
        assert_eq!(decode_start(br#""abcdef""#, 3), ("abc".to_owned(), false));
        assert_eq!(decode_start(br#""abc""#, 3), ("abc".to_owned(), true));
    }

    #[test]
    fn the_text_around_a_place_is_decoded_both_ways() {
        let literal = r#""ab\\c\u05e9\ud83d\ude00\"é end""#;
        let all: Vec<(usize, Unit)> =
            units(literal.as_bytes()).scan(1, |at, unit| Some((std::mem::replace(at, *at + unit.length), unit))).collect();
        let text: String = all.iter().map(|(_, unit)| unit.character).collect();
        for (number, (at, _)) in all.iter().enumerate() {
            for (before, limit) in [(0, 1), (2, 4), (3, 99), (99, 99)] {
                let around = decode_around(literal.as_bytes(), *at, before, limit).unwrap();
                let from = number.saturating_sub(before);
                let expected: String = text.chars().skip(from).take(limit).collect();
                assert_eq!((around.text.as_str(), around.is_start), (expected.as_str(), from == 0), "{number} {before}");
                assert_eq!(around.is_end, from + limit >= all.len());
                assert_eq!(around.text[around.place..].chars().next(), text.chars().nth(number));
            }
        }
        for nowhere in [0, literal.len() - 1, literal.len(), 1000] {
            assert_eq!(decode_around(literal.as_bytes(), nowhere, 3, 9), None);
        }
    }
}
