//! A search finds what a plain reading finds: every string decoded, every key and value looked at, one after the other.

use crate::Draw;
use crate::document::search::{Query, Scope, Searcher};
use crate::document::{Document, Edit, Value};
use regex_automata::meta::Regex;
use std::ops::ControlFlow;

const LONGEST: usize = 1 << 14;
const DEEPEST: u64 = 200;

/// The first byte says how to search, the second how long the sought text is, which follows; then the text to search. Where the
/// first byte is odd in its sixth bit the text is edited before.
pub fn check(input: &[u8]) {
    let mut draw = Draw(input);
    let (how, length) = (draw.byte(), usize::from(draw.byte()) % 24);
    let Ok(sought) = std::str::from_utf8(draw.bytes(length)) else { return };
    let text = draw.0;
    if text.len() > LONGEST {
        return;
    }
    let Ok(mut document) = Document::parse(text) else { return };
    if document.depth_as_read() > DEEPEST {
        return;
    }
    if how & 32 != 0 && document.root().child_count() > 0 {
        let path = [document.root().child_count() / 2].into();
        let value = Value::new("\"edited \\u05d0\\/ abc\"").expect("it is JSON");
        document = Edit::Replace { path, value }.apply(&document).expect("there is a child").document;
    }
    let query = Query {
        text: sought.to_owned(),
        scope: [Scope::Both, Scope::Keys, Scope::Values, Scope::Both][usize::from(how & 3)],
        is_case_sensitive: how & 4 != 0,
        is_whole_word: how & 8 != 0,
        is_pattern: how & 16 != 0,
    };
    let Ok(searcher) = Searcher::new(&query) else { return };
    let ControlFlow::Continue(hits) = searcher.search_all(&document, &mut |_| ControlFlow::Continue(())) else {
        unreachable!("nothing breaks it off")
    };
    let pattern = if query.is_pattern { query.text.clone() } else { regex_syntax::escape(&query.text) };
    let pattern = if query.is_whole_word { format!("\\b{{start-half}}(?:{pattern})\\b{{end-half}}") } else { pattern };
    // A group that is closed too early, as in `a)(b`, means something else with another around it.
    if query.is_pattern && query.is_whole_word && regex_syntax::parse(&query.text).is_err() {
        return;
    }
    let pattern = if query.is_case_sensitive { pattern } else { format!("(?i){pattern}") };
    let Ok(regex) = Regex::new(&pattern) else { return };
    let mut expected = Vec::new();
    read(&document.to_bytes(), &mut |token, is_key| {
        if if is_key { query.scope.has_keys() } else { query.scope.has_values() } {
            token.find(&regex, &mut expected);
        }
    });
    assert_eq!(hits, expected, "{query:?}");
}

/// A key or scalar, decoded.
struct Token {
    text: String,
    /// Decoded and raw places of each character.
    places: Vec<(usize, u64)>,
}

impl Token {
    fn of(raw: &[u8], at: usize) -> Self {
        let mut token = Self { text: String::new(), places: Vec::new() };
        if raw.first() != Some(&b'"') {
            token.text = String::from_utf8_lossy(raw).into_owned();
            token.places = (0..raw.len()).map(|place| (place, (at + place) as u64)).collect();
            return token;
        }
        let mut place = 1;
        while place + 1 < raw.len() {
            let (character, length) = character(&raw[place..]);
            token.places.push((token.text.len(), (at + place) as u64));
            token.text.push(character);
            place += length;
        }
        token
    }

    fn find(&self, regex: &Regex, hits: &mut Vec<u64>) {
        for found in regex.find_iter(&self.text).filter(|found| !found.is_empty()) {
            let place = self.places.partition_point(|(decoded, _)| *decoded < found.start());
            hits.push(self.places[place].1);
        }
    }
}

/// The first character of a string's content, and its length as it stands.
fn character(raw: &[u8]) -> (char, usize) {
    let hex = |at: usize| {
        let digits = raw.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
        u32::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
    };
    match (raw[0], raw.get(1)) {
        (b'\\', Some(b'u')) => {
            let high = hex(0).expect("four digits");
            match hex(6) {
                Some(low @ 0xDC00..=0xDFFF) if (0xD800..0xDC00).contains(&high) => {
                    let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    (char::from_u32(code).expect("a pair"), 12)
                }
                _ => (char::from_u32(high).unwrap_or('\u{FFFD}'), 6),
            }
        }
        (b'\\', Some(letter)) => {
            let character = match letter {
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                other => char::from(*other),
            };
            (character, 2)
        }
        (first, _) => {
            let length = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4][usize::from(first >> 4)];
            let character = std::str::from_utf8(&raw[..length]).expect("it is UTF-8").chars().next();
            (character.expect("one character"), length)
        }
    }
}

/// Hands every key and scalar of a whole text to `out`, in order.
fn read(bytes: &[u8], out: &mut dyn FnMut(Token, bool)) {
    let mut at = 0;
    // For each open container whether it is an object, and whether a key is to come.
    let mut keys: Vec<(bool, bool)> = Vec::new();
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                let mut end = at + 1;
                while bytes[end] != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                let is_key = keys.last().is_some_and(|(is_object, waits)| *is_object && *waits);
                if let Some(last) = keys.last_mut() {
                    last.1 = false;
                }
                out(Token::of(&bytes[at..=end], at), is_key);
                at = end + 1;
            }
            open @ (b'{' | b'[') => {
                keys.push((open == b'{', true));
                at += 1;
            }
            b'}' | b']' => {
                keys.pop();
                at += 1;
            }
            b',' => {
                if let Some(last) = keys.last_mut() {
                    last.1 = true;
                }
                at += 1;
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => {
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                let length = bytes[at..].iter().position(|byte| !is_part(byte)).unwrap_or(bytes.len() - at);
                out(Token::of(&bytes[at..at + length], at), false);
                at += length;
            }
            _ => at += 1,
        }
    }
}
