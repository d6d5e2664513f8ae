//! JSON checked while it streams by.
//!
//! A second, independent reading of the grammar: a save is checked with it before it replaces a file, so a mistake in the scanner
//! or in the writer does not pass unnoticed. Tokens that are whole in a piece are read as such, all others byte by byte.
//!
//! Stretches of a text may be read side by side, each from a comma that is hoped to be outside of strings ([`Stretch`]). The one
//! reader that goes from the start to the end takes over what was read where it comes by in the state that was hoped for, and reads
//! for itself where it does not: a wrong guess costs time and nothing else.

use super::fragment::close_of_string;
use super::parts::guess_comma;
use super::problem::{self, Problem};
use super::scan::{Bits, plain_run, skip_white_space};

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
    /// A bit for each open container, set for objects.
    open: Bits,
    /// Of a stretch: which containers around its start it ended or came into, from the innermost out; true for objects.
    around: Option<Vec<bool>>,
    offset: u64,
    line: u64,
    line_start_column: u64,
    /// The start of a character that was cut at the end of a piece.
    pending: Vec<u8>,
    bom: Option<u8>,
}

/// What was read of a part of a text that stands somewhere behind its start.
pub struct Stretch {
    /// Where it begins and ends in the bytes that it was read from.
    start: usize,
    end: usize,
    reader: Validator,
}

impl Stretch {
    /// Bytes in which a comma to start at is looked for.
    const WINDOW: usize = 1 << 16;

    /// Reads the stretch in some bytes, if there is a place in them to begin at. O(length).
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let start = guess_comma(&bytes[..bytes.len().min(Self::WINDOW)])? + 1;
        let in_object = is_key_next(bytes, start)?;
        let mut reader = Validator::new();
        reader.state = if in_object { State::Key } else { State::Value };
        reader.open.push(in_object);
        (reader.around, reader.bom) = (Some(vec![in_object]), None);
        reader.check_utf8(&bytes[start..]).ok()?;
        let end = match reader.read(&bytes[start..]) {
            Ok(()) => bytes.len(),
            // What it is about is seen by who comes by from the start. Before it stands a whole character.
            Err((at, _)) => {
                reader.pending.clear();
                start + at
            }
        };
        Some(Self { start, end, reader })
    }
}

/// Whether a member and not an element stands behind a comma; `None` where that does not show in these bytes.
fn is_key_next(bytes: &[u8], behind_comma: usize) -> Option<bool> {
    let at = skip_white_space(bytes, behind_comma);
    if *bytes.get(at)? != b'"' {
        return Some(false);
    }
    let behind = skip_white_space(bytes, close_of_string(bytes, at)?);
    bytes.get(behind).map(|&byte| byte == b':')
}

/// As [`skip_white_space`], quick also where lines are indented.
fn behind_white_space(bytes: &[u8], mut at: usize) -> usize {
    const SPACES: u64 = u64::from_le_bytes([b' '; 8]);
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
        while let Some(chunk) = bytes.get(at..at + 8).and_then(|chunk| <[u8; 8]>::try_from(chunk).ok()) {
            let other = u64::from_le_bytes(chunk) ^ SPACES;
            at += other.trailing_zeros() as usize / 8;
            if other != 0 {
                break;
            }
        }
    }
    at
}

/// Where a string ends whose first byte stands at `at`, behind the closing quote; `None` where it does not, or is wrong.
fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = plain_run(bytes, at);
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match bytes.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' if bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => at += 6,
                _ => return None,
            },
            _ => return None,
        }
    }
}

/// Where a number ends; `None` where there is none, or its end is not in sight.
fn number_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let digits = |at: usize| at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    at += usize::from(bytes[at] == b'-');
    let whole = if *bytes.get(at)? == b'0' { at + 1 } else { digits(at) };
    if whole == at {
        return None;
    }
    at = whole;
    if *bytes.get(at)? == b'.' {
        let end = digits(at + 1);
        if end == at + 1 {
            return None;
        }
        at = end;
    }
    if let b'e' | b'E' = bytes.get(at)? {
        let first = at + 1 + usize::from(matches!(bytes.get(at + 1)?, b'+' | b'-'));
        let end = digits(first);
        if end == first {
            return None;
        }
        at = end;
    }
    (at < bytes.len()).then_some(at)
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
            open: Bits::default(),
            around: None,
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
        self.read(piece).map_err(|(_, message)| self.problem(message))
    }

    /// Takes the next piece, of which a stretch was read already. The outcome is that of [`Validator::push`].
    ///
    /// # Errors
    /// The first place at which the text is not JSON.
    pub fn push_read(&mut self, piece: &[u8], stretch: Option<Stretch>) -> Result<(), Problem> {
        let Some(stretch) = stretch else { return self.push(piece) };
        self.push(&piece[..stretch.start])?;
        let (start, end) = (stretch.start, stretch.end);
        let next = if self.take_over(stretch) { end } else { start };
        self.push(&piece[next..])
    }

    /// Goes on where a stretch ended, if this stands behind a comma in the containers that the stretch begins in.
    fn take_over(&mut self, stretch: Stretch) -> bool {
        let Stretch { reader, .. } = stretch;
        let around = reader.around.unwrap_or_default();
        // Behind the comma that was pushed last nothing but these two is outside of strings.
        if !matches!(self.state, State::Key | State::Value)
            || around.len() > self.open.len
            || !self.open.iter().rev().zip(&around).all(|(open, around)| open == *around)
        {
            return false;
        }
        around.iter().for_each(|_| self.open.pop());
        reader.open.iter().for_each(|kind| self.open.push(kind));
        self.line_start_column = match reader.line {
            1 => self.line_start_column + reader.line_start_column - 1,
            _ => reader.line_start_column,
        };
        self.offset += reader.offset;
        self.line += reader.line - 1;
        (self.state, self.string_is_key, self.pending) = (reader.state, reader.string_is_key, reader.pending);
        true
    }

    /// Reads a piece up to where it is wrong, and says where and how.
    fn read(&mut self, piece: &[u8]) -> Result<(), (usize, &'static str)> {
        let mut at = 0;
        while at < piece.len() {
            // Whole tokens, and runs that leave the state as it is: most of a text.
            at = match self.state {
                State::String => plain_run(piece, at),
                State::Value | State::FirstElement | State::FirstKey | State::Key | State::Colon | State::After
                    if self.bom.is_none() =>
                {
                    self.tokens(piece, at)
                }
                State::Digits | State::Fraction => at + piece[at..].iter().take_while(|byte| byte.is_ascii_digit()).count(),
                _ => at,
            };
            let Some(&byte) = piece.get(at) else { break };
            if let Err(message) = self.byte(byte, &piece[at + 1..]) {
                self.pass(&piece[..at]);
                return Err((at, message));
            }
            at += 1;
        }
        self.pass(piece);
        Ok(())
    }

    /// Goes over tokens that are whole in this piece. Stops before the first one that is not, or that is wrong, or that has to do
    /// with what is around a stretch: that is read byte by byte.
    fn tokens(&mut self, piece: &[u8], mut at: usize) -> usize {
        let mut innermost = self.open.last();
        loop {
            at = behind_white_space(piece, at);
            let Some(&byte) = piece.get(at) else { return at };
            (at, self.state) = match (self.state, byte) {
                (State::Key | State::FirstKey, b'"') => {
                    let Some(end) = string_end(piece, at + 1) else { return at };
                    (end, State::Colon)
                }
                (State::Colon, b':') => (at + 1, State::Value),
                (State::Value | State::FirstElement, b'{' | b'[') => {
                    let is_object = byte == b'{';
                    self.open.push(is_object);
                    innermost = Some(is_object);
                    (at + 1, if is_object { State::FirstKey } else { State::FirstElement })
                }
                (State::After, b',') => match innermost {
                    Some(true) => (at + 1, State::Key),
                    Some(false) => (at + 1, State::Value),
                    None => return at,
                },
                (State::After | State::FirstKey, b'}') if innermost == Some(true) => {
                    self.open.pop();
                    innermost = self.open.last();
                    (at + 1, State::After)
                }
                (State::After | State::FirstElement, b']') if innermost == Some(false) => {
                    self.open.pop();
                    innermost = self.open.last();
                    (at + 1, State::After)
                }
                (State::Value | State::FirstElement, _) => {
                    let end = match byte {
                        b'"' => string_end(piece, at + 1),
                        b't' => piece[at..].starts_with(b"true").then_some(at + 4),
                        b'f' => piece[at..].starts_with(b"false").then_some(at + 5),
                        b'n' => piece[at..].starts_with(b"null").then_some(at + 4),
                        _ => number_end(piece, at),
                    };
                    let Some(end) = end else { return at };
                    (end, State::After)
                }
                _ => return at,
            };
        }
    }

    /// Says that the text is over.
    ///
    /// # Errors
    /// Where more was expected.
    pub fn finish(self) -> Result<(), Problem> {
        let complete = match self.state {
            State::After => self.open.len == 0,
            State::Zero | State::Digits | State::Fraction | State::ExponentDigits => self.open.len == 0,
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

    fn byte(&mut self, byte: u8, behind: &[u8]) -> Result<(), &'static str> {
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
                (b',', Some(true)) => State::Key,
                (b',', Some(false)) => State::Value,
                (b'}', Some(true)) | (b']', Some(false)) => self.close(),
                (_, None) if self.around.is_some() => self.around(byte, behind)?,
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

    /// A byte behind the last value of a stretch that has no container of its own open: it belongs to the next one around.
    fn around(&mut self, byte: u8, behind: &[u8]) -> Result<State, &'static str> {
        let (in_object, state) = match byte {
            b'}' | b']' => (byte == b'}', State::After),
            b',' => {
                let in_object = is_key_next(behind, 0).ok_or("whether a key follows is not in sight")?;
                self.open.push(in_object);
                (in_object, if in_object { State::Key } else { State::Value })
            }
            _ => return Err("a comma or a closing bracket was expected"),
        };
        self.around.get_or_insert_default().push(in_object);
        Ok(state)
    }

    fn close(&mut self) -> State {
        self.open.pop();
        State::After
    }

    fn value(&mut self, byte: u8) -> Result<State, &'static str> {
        Ok(match byte {
            b'{' => {
                self.open.push(true);
                State::FirstKey
            }
            b'[' => {
                self.open.push(false);
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

#[cfg(test)]
mod tests {
    use super::super::common::{format, model, text_of};
    use super::*;
    use proptest::prelude::*;

    /// Reads a text in blocks of which stretches were read before.
    fn read(text: &[u8], block: usize) -> Result<(), Problem> {
        let mut validator = Validator::new();
        text.chunks(block).try_for_each(|block| validator.push_read(block, Stretch::of(block)))?;
        validator.finish()
    }

    fn plainly(text: &[u8]) -> Result<(), Problem> {
        let mut validator = Validator::new();
        validator.push(text)?;
        validator.finish()
    }

    #[track_caller]
    fn check(text: &[u8], block: usize) {
        let shown = String::from_utf8_lossy(&text[..text.len().min(2000)]);
        let (side_by_side, plain) = (read(text, block), plainly(text));
        if std::str::from_utf8(text).is_ok() {
            assert_eq!(side_by_side, plain, "{block}: {shown}");
        } else {
            assert!(side_by_side.is_err() && plain.is_err(), "{block}: {shown}");
        }
    }

    #[test]
    fn stretches_change_nothing_but_the_time() {
        let record = "{\"a\": [1, 2.5e3, {\"b,\": \"c, \\\"d\"}],\n \"e\": {\"f\": null, \"g\": [[], {}, [true]]}}";
        let whole = format!("[{record},{record},\n{record}, {{\"x\": [{record}]}}]");
        for block in 1..whole.len() {
            check(whole.as_bytes(), block);
        }
        for place in 0..whole.len() {
            for byte in b"{}[],:\"\\1e \n\xFF" {
                let mut text = whole.clone().into_bytes();
                text[place] = *byte;
                check(&text, 64);
                text.remove(place);
                check(&text, 64);
            }
            check(&whole.as_bytes()[..place], 50);
        }
        check(format!("{whole},").as_bytes(), 40);
        check(format!("{whole}]").as_bytes(), 40);
        check(format!("\u{FEFF}{whole}\n").as_bytes(), 40);
    }

    /// Bytes that come one by one are never a whole token with what shows its end.
    #[test]
    fn tokens_and_single_bytes_are_read_alike() {
        let one_by_one = |text: &[u8]| {
            let mut validator = Validator::new();
            text.chunks(1).try_for_each(|byte| validator.push(byte))?;
            validator.finish()
        };
        let whole = "{\"a\": [0, -1, 20.5e+3, 6E-7, 8e9, -0.0], \"b\\u00e9\\n\": [true, false, null], \"\": {},\n        \t  \"c\": [[ ], \"d\"]}";
        assert_eq!(plainly(whole.as_bytes()), Ok(()));
        for place in 0..=whole.len() {
            for byte in b"{}[],:\"\\1e0-+.tuG \n\x1f" {
                let mut text = whole.as_bytes().to_vec();
                text.insert(place, *byte);
                assert_eq!(plainly(&text), one_by_one(&text), "{}", String::from_utf8_lossy(&text));
                if place < whole.len() {
                    text.remove(place + 1);
                    assert_eq!(plainly(&text), one_by_one(&text), "{}", String::from_utf8_lossy(&text));
                }
            }
            let text = &whole.as_bytes()[..place];
            assert_eq!(plainly(text), one_by_one(text), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn most_of_a_text_is_read_in_stretches() {
        let record = "  {\n    \"id\": 1,\n    \"words\": [\"a, b\", \"c\"],\n    \"inside\": {\"x\": null}\n  }";
        let lines = format!("[\n{}\n]\n", [record; 2000].join(",\n"));
        let numbers = format!("[{}]", vec!["[1.5,2]"; 9000].join(","));
        for text in [lines, numbers] {
            let mut validator = Validator::new();
            let mut taken = 0;
            for block in text.as_bytes().chunks(10_000) {
                let stretch = Stretch::of(block).unwrap();
                let (start, end) = (stretch.start, stretch.end);
                validator.push(&block[..start]).unwrap();
                assert!(validator.take_over(stretch));
                taken += end - start;
                validator.push(&block[end..]).unwrap();
            }
            assert_eq!((validator.offset, validator.finish()), (text.len() as u64, Ok(())));
            assert!(taken > text.len() * 9 / 10, "{taken} of {}", text.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

        #[test]
        fn generated_texts_are_read_alike(model in model(), format in format(), block in 1_usize..200, cut in any::<prop::sample::Index>()) {
            let text = text_of(&model, &format);
            prop_assert_eq!(read(text.as_bytes(), block), Ok(()));
            check(&text.as_bytes()[..cut.index(text.len())], block);
        }
    }
}
