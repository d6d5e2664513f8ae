//! JSON checked while it streams by.
//!
//! A second, independent reading of the grammar, byte by byte: a save is checked with it before it replaces a file, so a
//! mistake in the scanner or in the writer does not pass unnoticed.

use super::problem::{self, Problem};
use super::scan::{plain_run, skip_white_space};

/// Where in the grammar the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    FirstElement,
    FirstKey,
    Key,
    Colon,
    After,
    String,
    Escape,
    Hex(u8),
    /// Inside a literal: the letters that are still to come.
    Literal(&'static [u8]),
    Minus,
    Zero,
    Digits,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

/// Checks a text that arrives in pieces, without holding it. One leading byte-order mark is allowed.
pub struct Validator {
    state: State,
    string_is_key: bool,
    /// A byte for each open container: `{` or `[`.
    open: Vec<u8>,
    offset: u64,
    line: u64,
    line_start_column: u64,
    /// The start of a character that was cut at the end of a piece.
    pending: Vec<u8>,
    bom: Option<u8>,
}

impl Default for Validator {
    fn default() -> Self {
        Self::new()
    }
}

impl Validator {
    /// Starts before the first byte.
    pub fn new() -> Self {
        Self {
            state: State::Value,
            string_is_key: false,
            open: Vec::new(),
            offset: 0,
            line: 1,
            line_start_column: 1,
            pending: Vec::new(),
            bom: Some(0),
        }
    }

    /// Takes the next piece; pieces may be cut anywhere, also inside a character. O(length).
    ///
    /// # Errors
    /// The first place at which the text is not JSON.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Problem> {
        self.check_utf8(piece)?;
        let mut at = 0;
        while at < piece.len() {
            // Runs that leave the state as it is: most of a text.
            at = match self.state {
                State::String => plain_run(piece, at),
                State::Value | State::FirstKey | State::Key | State::Colon | State::After if self.bom.is_none() => {
                    skip_white_space(piece, at)
                }
                State::Digits | State::Fraction => at + piece[at..].iter().take_while(|byte| byte.is_ascii_digit()).count(),
                _ => at,
            };
            let Some(&byte) = piece.get(at) else { break };
            if let Err(message) = self.byte(byte) {
                self.pass(&piece[..at]);
                return Err(self.problem(message));
            }
            at += 1;
        }
        self.pass(piece);
        Ok(())
    }

    /// Says that the text is over.
    ///
    /// # Errors
    /// Where more was expected.
    pub fn finish(self) -> Result<(), Problem> {
        let complete = match self.state {
            State::After => self.open.is_empty(),
            State::Zero | State::Digits | State::Fraction | State::ExponentDigits => self.open.is_empty(),
            _ => false,
        };
        if complete && self.pending.is_empty() { Ok(()) } else { Err(self.problem("the text ends too early")) }
    }

    fn problem(&self, message: &str) -> Problem {
        Problem { offset: self.offset, line: self.line, column: self.line_start_column, message: message.to_owned() }
    }

    /// Counts what was passed.
    fn pass(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        match memchr::memrchr(b'\n', bytes) {
            Some(last) => {
                self.line += memchr::memchr_iter(b'\n', bytes).count() as u64;
                self.line_start_column = 1 + problem::code_points(&bytes[last + 1..]);
            }
            None => self.line_start_column += problem::code_points(bytes),
        }
    }

    fn check_utf8(&mut self, piece: &[u8]) -> Result<(), Problem> {
        let mut rest = piece;
        while !self.pending.is_empty() && !rest.is_empty() {
            self.pending.push(rest[0]);
            rest = &rest[1..];
            match std::str::from_utf8(&self.pending) {
                Ok(_) => self.pending.clear(),
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(self.problem("the text is not UTF-8")),
            }
        }
        match simdutf8::compat::from_utf8(rest) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_none() => {
                self.pending = rest[error.valid_up_to()..].to_vec();
                Ok(())
            }
            Err(_) => Err(self.problem("the text is not UTF-8")),
        }
    }

    fn byte(&mut self, byte: u8) -> Result<(), &'static str> {
        if let Some(place) = self.bom {
            const BOM: [u8; 3] = *b"\xEF\xBB\xBF";
            if place < 3 && byte == BOM[usize::from(place)] {
                self.bom = Some(place + 1);
                return Ok(());
            }
            self.bom = None;
        }
        let white = matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        // A number has no end of its own: the byte behind it belongs to what follows.
        let number_ends = match self.state {
            State::Zero => !matches!(byte, b'.' | b'e' | b'E'),
            State::Digits => !byte.is_ascii_digit() && !matches!(byte, b'.' | b'e' | b'E'),
            State::Fraction => !byte.is_ascii_digit() && !matches!(byte, b'e' | b'E'),
            State::ExponentDigits => !byte.is_ascii_digit(),
            _ => false,
        };
        if number_ends {
            self.state = State::After;
        }
        self.state = match self.state {
            State::Value | State::FirstElement | State::FirstKey | State::Key | State::Colon | State::After if white => {
                return Ok(());
            }
            State::FirstElement if byte == b']' => self.close(),
            State::Value | State::FirstElement => self.value(byte)?,
            State::FirstKey if byte == b'}' => self.close(),
            State::FirstKey | State::Key if byte == b'"' => {
                self.string_is_key = true;
                State::String
            }
            State::Colon if byte == b':' => State::Value,
            State::After => match (byte, self.open.last()) {
                (b',', Some(b'{')) => State::Key,
                (b',', Some(b'[')) => State::Value,
                (b'}', Some(b'{')) | (b']', Some(b'[')) => self.close(),
                _ => return Err("a comma, a closing bracket or the end was expected"),
            },
            State::String => match byte {
                b'"' if self.string_is_key => {
                    self.string_is_key = false;
                    State::Colon
                }
                b'"' => State::After,
                b'\\' => State::Escape,
                0..0x20 => return Err("a control character stands in a string"),
                _ => State::String,
            },
            State::Escape => match byte {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => State::String,
                b'u' => State::Hex(4),
                _ => return Err("an unknown escape"),
            },
            State::Hex(left) if byte.is_ascii_hexdigit() => {
                if left == 1 {
                    State::String
                } else {
                    State::Hex(left - 1)
                }
            }
            State::Literal(rest) if rest.first() == Some(&byte) => {
                if rest.len() == 1 {
                    State::After
                } else {
                    State::Literal(&rest[1..])
                }
            }
            State::Minus if byte == b'0' => State::Zero,
            State::Minus | State::Digits if byte.is_ascii_digit() => State::Digits,
            State::Zero | State::Digits if byte == b'.' => State::Point,
            State::Zero | State::Digits | State::Fraction if matches!(byte, b'e' | b'E') => State::Exponent,
            State::Point | State::Fraction if byte.is_ascii_digit() => State::Fraction,
            State::Exponent if matches!(byte, b'+' | b'-') => State::ExponentSign,
            State::Exponent | State::ExponentSign | State::ExponentDigits if byte.is_ascii_digit() => State::ExponentDigits,
            _ => return Err("this character can't stand here"),
        };
        Ok(())
    }

    fn close(&mut self) -> State {
        self.open.pop();
        State::After
    }

    fn value(&mut self, byte: u8) -> Result<State, &'static str> {
        Ok(match byte {
            b'{' => {
                self.open.push(byte);
                State::FirstKey
            }
            b'[' => {
                self.open.push(byte);
                State::FirstElement
            }
            b'"' => State::String,
            b'-' => State::Minus,
            b'0' => State::Zero,
            b'1'..=b'9' => State::Digits,
            b't' => State::Literal(b"rue"),
            b'f' => State::Literal(b"alse"),
            b'n' => State::Literal(b"ull"),
            _ => return Err("a value was expected"),
        })
    }
}
