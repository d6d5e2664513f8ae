//! Why a text is not JSON, and where.

use std::fmt;

/// The first place at which a text stops being JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Byte offset of the first character that no JSON text can have there; the text's length where more was expected.
    pub offset: u64,
    /// Line of that place, from 1; lines end at LF.
    pub line: u64,
    /// Column of that place in code points, from 1.
    pub column: u64,
    /// What is wrong and what was expected, as a sentence without its full stop.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Problem {}

/// A problem at `offset`, with line and column counted from the text before it. O(offset).
pub fn at(text: &[u8], offset: usize, message: String) -> Problem {
    let before = &text[..offset];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |place| place + 1);
    Problem {
        offset: offset as u64,
        line: memchr::memchr_iter(b'\n', before).count() as u64 + 1,
        column: code_points(&before[line_start..]) + 1,
        message,
    }
}

/// A problem of which the scanner knows what could have stood there.
pub fn expected(text: &[u8], offset: usize, expected: &str) -> Problem {
    let message = match character(&text[offset..]) {
        None => format!("the text ends too early, expected {expected}"),
        Some(found) => format!("expected {expected}, found {found}"),
    };
    at(text, offset, message)
}

/// Number of code points in a valid stretch of UTF-8.
pub fn code_points(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte & 0xC0 != 0x80).count() as u64
}

/// The first character of some bytes, as a person would name it.
fn character(bytes: &[u8]) -> Option<String> {
    let &first = bytes.first()?;
    let head = &bytes[..bytes.len().min(4)];
    let valid = std::str::from_utf8(head).unwrap_or_else(|error| std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or(""));
    Some(match valid.chars().next() {
        Some('`') => "a backtick".to_owned(),
        Some(' ') => "a space".to_owned(),
        Some('\n') => "a line end".to_owned(),
        Some(c) if c.is_control() || ('\u{200b}'..='\u{206f}').contains(&c) || c == '\u{feff}' => {
            format!("U+{:04X}", u32::from(c))
        }
        Some(c) => format!("`{c}`"),
        None => format!("byte 0x{first:02X}"),
    })
}
