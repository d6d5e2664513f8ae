//! What a regular expression can't match without: texts of which each match has at least one, wherever in it.
//!
//! `[א-ת]+ל` begins with no certain text, and an automaton reads every byte for it. But each match has a `ל`: so strings without
//! one need no look. ripgrep does the same with lines.

use super::run::has_short_escape;
use super::sieve;
use crate::document::bitmap;
use regex_syntax::hir::literal::{Extractor, Seq};
use regex_syntax::hir::{Class, ClassBytesRange, ClassUnicodeRange, Hir, HirKind, Literal, Repetition};
use regex_syntax::utf8::Utf8Sequences;

/// More texts than this are no faster than the automaton.
const LIMIT: usize = 64;

/// Texts of which every match of `hir` has one; `None` where there are no good ones.
pub fn required(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => None,
        HirKind::Literal(_) | HirKind::Class(_) => prefixes(hir),
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => better(prefixes(hir), required(&repetition.sub)),
        HirKind::Repetition(_) => None,
        HirKind::Alternation(choices) => {
            let together = choices.iter().map(required).collect::<Option<Vec<_>>>().map(|all| all.concat());
            better(prefixes(hir), together.filter(|all| all.len() <= LIMIT))
        }
        HirKind::Concat(parts) => (0..parts.len()).fold(None, |best, first| {
            let tail = Hir::concat(parts[first..].to_vec());
            better(better(best, prefixes(&tail)), required(&parts[first]))
        }),
    }
}

/// The better of two: the one whose shortest text is longer, then the one with fewer texts.
fn better(one: Option<Vec<Vec<u8>>>, other: Option<Vec<Vec<u8>>>) -> Option<Vec<Vec<u8>>> {
    let worth = |texts: &Vec<Vec<u8>>| (texts.iter().map(Vec::len).min().unwrap_or(0).min(4), usize::MAX - texts.len());
    match (one, other) {
        (Some(one), Some(other)) => Some(if worth(&other) > worth(&one) { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// The texts with which matches begin.
fn prefixes(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let mut seq: Seq = Extractor::new().extract(hir);
    let mut optimal = seq.clone();
    optimal.optimize_for_prefix_by_preference();
    if optimal.is_finite() {
        seq = optimal;
    } else if seq.len().is_none_or(|count| count > LIMIT) {
        seq.keep_first_bytes(3);
        seq.dedup();
    }
    let texts: Vec<Vec<u8>> = seq.literals()?.iter().map(|literal| literal.as_bytes().to_vec()).collect();
    let shortest = texts.iter().map(Vec::len).min()?;
    // A single byte is everywhere.
    (shortest >= 2 && texts.len() <= LIMIT).then_some(texts)
}

/// The bytes that matches of `hir` begin with, place by place; some others may be among them. As far as places are the same in all
/// matches: `[א-ת]{2}x*` has four.
pub fn beginning(hir: &Hir) -> Vec<bitmap::Class> {
    let mut classes = Vec::new();
    add_beginning(hir, &mut classes);
    classes
}

/// Adds the bytes of `hir`; says whether it is whole, so that what is behind it has fixed places, too.
fn add_beginning(hir: &Hir, classes: &mut Vec<bitmap::Class>) -> bool {
    /// What is behind is of no use.
    const PLACES: usize = 64;
    let room = |classes: &Vec<_>| classes.len() < PLACES;
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(Literal(bytes)) => {
            classes.extend(bytes.iter().filter_map(|byte| sieve::class_of(&[*byte])));
            room(classes)
        }
        HirKind::Class(class) => match class_bytes(class) {
            Some(bytes) => {
                classes.extend(bytes);
                room(classes)
            }
            None => false,
        },
        HirKind::Repetition(repetition) => {
            let is_whole = (0..repetition.min).all(|_| room(classes) && add_beginning(&repetition.sub, classes));
            is_whole && repetition.max == Some(repetition.min)
        }
        HirKind::Capture(capture) => add_beginning(&capture.sub, classes),
        HirKind::Concat(parts) => parts.iter().all(|part| add_beginning(part, classes)),
        HirKind::Alternation(choices) => {
            let all: Vec<_> = choices.iter().map(beginning).collect();
            let length = all.iter().map(Vec::len).min().unwrap_or(0);
            classes.extend((0..length).filter_map(|place| sieve::around(all.iter().map(|classes| classes[place]))));
            false
        }
    }
}

/// The bytes of a class, place by place; `None` where its characters have different numbers of them.
fn class_bytes(class: &Class) -> Option<Vec<bitmap::Class>> {
    /// Larger classes pass everything.
    const SEQUENCES: usize = 32;
    let byte = |start, end| bitmap::Class { mask: 0, from: start, span: end - start };
    let sequences: Vec<Vec<bitmap::Class>> = match class {
        Class::Bytes(class) => class.iter().map(|range| vec![byte(range.start(), range.end())]).collect(),
        Class::Unicode(class) => class
            .iter()
            .flat_map(|range| Utf8Sequences::new(range.start(), range.end()))
            .take(SEQUENCES + 1)
            .map(|sequence| sequence.as_slice().iter().map(|range| byte(range.start, range.end)).collect())
            .collect(),
    };
    let length = sequences.first()?.len();
    let is_fixed = sequences.len() <= SEQUENCES && sequences.iter().all(|sequence| sequence.len() == length);
    let nth = |place: usize| sieve::around(sequences.iter().map(|sequence| sequence[place]));
    if is_fixed { (0..length).map(nth).collect() } else { None }
}

/// Characters that an escape may stand for to be of interest; some others may be among them.
#[derive(Clone, Copy, Default)]
pub struct Relevant {
    ascii: u128,
    /// For those that are not ASCII one bit for each 16 of them, over and over.
    others: u64,
    /// The bits of their `\u` escapes.
    unicode_escapes: u64,
}

impl Relevant {
    /// Whether the character is one.
    pub fn has(&self, character: char) -> bool {
        let code = u32::from(character);
        if character.is_ascii() { self.ascii >> code & 1 == 1 } else { self.others >> (code >> 4 & 63) & 1 == 1 }
    }

    /// Which `\u` escapes may stand for one of them, as [`escape_bit`](crate::document::tokens::escape_bit) has it.
    pub fn unicode_escapes(&self) -> u64 {
        self.unicode_escapes
    }

    /// Whether one of them has an escape of two bytes.
    pub fn has_short_escape(&self) -> bool {
        (0..=0x7F).map(char::from).any(|character| has_short_escape(character) && self.has(character))
    }

    /// Those of some texts, which may be cut inside a character.
    pub fn of_texts(texts: &[Vec<u8>]) -> Self {
        let mut all = Self::default();
        texts.iter().for_each(|text| all.add_text(text));
        all
    }

    /// Those that a match of an expression may have in it.
    pub fn of(hir: &Hir) -> Self {
        let mut all = Self::default();
        all.collect(hir);
        all
    }

    fn add_text(&mut self, text: &[u8]) {
        match std::str::from_utf8(text) {
            Ok(text) => text.chars().for_each(|character| self.add(character, character)),
            Err(_) => text.iter().for_each(|byte| self.add_byte(*byte)),
        }
    }

    /// Where a byte is a part of a character, that can be any.
    fn add_byte(&mut self, byte: u8) {
        if byte.is_ascii() {
            self.add(char::from(byte), char::from(byte));
        } else {
            self.add('\u{80}', char::MAX);
        }
    }

    fn add(&mut self, from: char, to: char) {
        let (from, to) = (u32::from(from), u32::from(to));
        (from..=to.min(0x7f)).for_each(|code| self.ascii |= 1 << code);
        self.unicode_escapes |= match to {
            // Halves of pairs may stand for any of these; lone ones are U+FFFD.
            0xFFFD.. => u64::MAX,
            _ => (from >> 4..=to >> 4).take(64).fold(0, |bits, sixteen| bits | 1 << (sixteen & 63)),
        };
        if to > 0x7f {
            // After 64 they come again.
            (from.max(0x80) >> 4..=to >> 4).take(64).for_each(|sixteen| self.others |= 1 << (sixteen & 63));
        }
    }

    fn collect(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Literal(Literal(bytes)) => self.add_text(bytes),
            HirKind::Class(Class::Unicode(class)) => class.iter().for_each(|range| self.add(range.start(), range.end())),
            HirKind::Class(Class::Bytes(class)) => {
                class.iter().for_each(|range| (range.start()..=range.end()).for_each(|byte| self.add_byte(byte)));
            }
            kind => kind.subs().iter().for_each(|sub| self.collect(sub)),
        }
    }
}

/// Bytes that stand in no string as they are.
fn is_never_raw(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'"' | b'\\')
}

/// Whether a text can stand in a string as it is.
pub fn can_be_raw(text: &[u8]) -> bool {
    !text.iter().any(|byte| is_never_raw(*byte))
}

/// The same expression, matching only what can stand in a string as it is: run over raw bytes it can't cross a string's end.
pub fn within_strings(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => hir.clone(),
        HirKind::Literal(Literal(bytes)) if can_be_raw(bytes) => hir.clone(),
        HirKind::Literal(_) => Hir::fail(),
        HirKind::Class(Class::Unicode(class)) => {
            let mut class = class.clone();
            let range = |from, to| ClassUnicodeRange::new(from, to);
            class.difference(&regex_syntax::hir::ClassUnicode::new([range('\0', '\u{1f}'), range('"', '"'), range('\\', '\\')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(Class::Bytes(class)) => {
            let mut class = class.clone();
            let range = |from, to| ClassBytesRange::new(from, to);
            class.difference(&regex_syntax::hir::ClassBytes::new([range(0, 0x1f), range(b'"', b'"'), range(b'\\', b'\\')]));
            Hir::class(Class::Bytes(class))
        }
        HirKind::Repetition(repetition) => {
            Hir::repetition(Repetition { sub: Box::new(within_strings(&repetition.sub)), ..repetition.clone() })
        }
        HirKind::Capture(capture) => within_strings(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(within_strings).collect()),
        HirKind::Alternation(choices) => Hir::alternation(choices.iter().map(within_strings).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_match_can_not_do_without() {
        for (pattern, expected) in [
            ("[א-ת]+ל", Some(vec!["ל"])),
            (r"\d+merge\w", Some(vec!["merge"])),
            ("(cat|dog)s?", Some(vec!["cat", "dog"])),
            ("x*(ab)+", Some(vec!["ab"])),
            ("^abc$", Some(vec!["abc"])),
            ("[a-z]+", None),
            ("a?b?", None),
        ] {
            let found = required(&regex_syntax::parse(pattern).unwrap());
            let expected = expected.map(|all| all.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>());
            assert_eq!(found, expected, "{pattern}");
        }
    }

    #[test]
    fn where_matches_begin() {
        let members = |class: &bitmap::Class| (0..=u8::MAX).filter(|byte| class.has(*byte)).map(char::from).collect::<String>();
        for (pattern, expected) in [
            (r"v[0-9]+\.[0-9]+", &["v", "0123456789"][..]),
            ("^[0-3]{2}(x|yz)q", &["0123", "0123", "xy"]),
            (r"\b(?:ab)?c", &[]),
            ("(?i)ab*", &["Aa"]),
            ("(foo){2}s?", &["f", "o", "o", "f", "o", "o"]),
            ("[aא]b", &[]),
            ("[א-ג]x", &["\u{D7}", "\u{90}\u{91}\u{92}", "x"]),
            (".x", &[]),
        ] {
            let found: Vec<String> = beginning(&regex_syntax::parse(pattern).unwrap()).iter().map(members).collect();
            assert_eq!(found, expected, "{pattern}");
        }
    }

    #[test]
    fn escapes_matter_for_what_can_be_in_a_match() {
        let has = |pattern: &str, character: char| Relevant::of(&regex_syntax::parse(pattern).unwrap()).has(character);
        assert!(has("[א-ת]+x", 'ש') && has("[א-ת]+x", 'x') && !has("[א-ת]+x", 'é') && !has("[א-ת]+x", 'y'));
        assert!(has("é", 'é') && has(".", '王') && has(".", '\u{10FFFF}') && has("[^a]", 'é') && !has("[a-z]", 'é'));
        assert!(has("[z-\u{81}]", '\u{80}') && has("[\u{FFF0}-\u{10010}]", '\u{10000}'));
        assert!(Relevant::of_texts(&[vec![0xD7]]).has('א'));
    }

    #[test]
    fn within_strings_nothing_crosses_a_quote() {
        let check = |pattern: &str, text: &str, found: Option<&str>| {
            let hir = within_strings(&regex_syntax::parse(pattern).unwrap());
            let regex = super::super::query::compile(&hir).unwrap();
            assert_eq!(regex.find(text).map(|found| &text[found.range()]), found, "{pattern}");
        };
        check("a.*b", r#""xa","b""#, None);
        check("a.*b", r#""xa b","b""#, Some("a b"));
        check("[^x]+", r#"aa"b"#, Some("aa"));
        check(r#"a"?"#, r#"a""#, Some("a"));
        check(r#"""#, r#"a""#, None);
    }
}
