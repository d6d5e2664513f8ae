//! From bitmaps to tokens: where strings, numbers, separators and brackets are, and whether neighbours may stand side by side.
//!
//! Most of JSON's grammar is about neighbours: a value follows a comma, a colon or an opening bracket; a colon follows a key; a
//! point stands between digits. All of it is decided here for 64 bytes at once, without a look at single bytes, by words that
//! carry over from block to block. What is left is which brackets match, and whether each member of an object has a key and no
//! element of an array has one: [`sweep`](super::sweep) counts commas and colons between brackets for that.
//!
//! "What follows `x` behind white space" is one addition: the bits behind `x` are added to those of white space, so that a
//! carry runs through each run of white space and comes out behind it.

use super::bitmap::Machine;
use super::index::LONG_STRING;

/// The tokens of one block: bit `n` for byte `n`.
#[derive(Default)]
pub struct Tokens {
    /// Where the block starts.
    pub at: usize,
    /// Commas.
    pub commas: u64,
    /// Colons.
    pub colons: u64,
    /// Opening brackets.
    pub opens: u64,
    /// Closing brackets.
    pub closes: u64,
    /// Closing brackets with nothing but white space behind the opening one.
    pub empties: u64,
    /// The first bytes of values and of keys.
    pub starts: u64,
    /// Parts of characters that are not ASCII.
    pub high: u64,
    /// A string of [`LONG_STRING`] bytes or more that ends in this block, and began in an earlier one: start and end. Also the
    /// string that was open from the beginning, whose start is not known.
    pub long_string: Option<(Option<usize>, usize)>,
}

/// What is known at the border of two blocks. Words are 0 or 1 where nothing else is said.
#[derive(Clone, Copy)]
pub struct Tokenizer {
    /// The next byte is behind a backslash that counts.
    escaped: u64,
    /// All ones inside a string.
    in_string: u64,
    string_start: usize,
    /// Behind a comma, colon or opening bracket, and perhaps white space.
    after_separator: u64,
    after_open: u64,
    after_string: u64,
    /// Behind a colon no comma or bracket came yet.
    colon_before: u64,
    /// The last byte belongs to a number or literal.
    in_scalar: u64,
    scalar_start: usize,
    /// That number or literal was checked to its end.
    checked: u64,
    after_minus: u64,
    after_point: u64,
    after_zero: u64,
    in_fraction: u64,
    /// Which `\u` escapes the strings have, as [`escape_bit`] has it.
    pub unicode_escapes: u64,
    /// Not zero once something can't stand where it does.
    pub wrong: u64,
}

/// Where a string starts that was opened before: as far from everything as a long string's start.
const UNKNOWN: usize = usize::MAX - LONG_STRING;

/// One of 64 bits for a `\u` escape, by the two digits in the middle of its four: by them a search knows that no character that it
/// looks for is escaped anywhere, as in a text whose escapes are all of another script.
pub fn escape_bit(digits: &[u8; 4]) -> u64 {
    let digit = |byte: u8| (byte & 0xF) + 9 * (byte >> 6);
    1 << ((digit(digits[1]) & 3) << 4 | digit(digits[2]) & 0xF)
}

/// The bits at which an addition of `seeds` to the runs in `through` comes out, and the carry into the next block.
#[inline(always)]
fn ripple(seeds: u64, through: u64) -> (u64, u64) {
    let (sum, carry) = through.overflowing_add(seeds);
    (sum & !through, u64::from(carry))
}

/// What follows `marks`, with characters of `between` in the midst or not; `carry` is that of the last block and becomes that of
/// this one.
#[inline(always)]
fn behind(marks: u64, between: u64, carry: &mut u64) -> u64 {
    let (found, ran_out) = ripple(marks << 1 | *carry, between);
    *carry = marks >> 63 | ran_out;
    found
}

impl Tokenizer {
    /// At the start of a text, where a value is to come, as behind a comma.
    pub fn at_start() -> Self {
        Self { after_separator: 1, ..Self::behind_value() }
    }

    /// Behind a value, where a comma or closing bracket is to come.
    pub fn behind_value() -> Self {
        Self {
            escaped: 0,
            in_string: 0,
            string_start: 0,
            after_separator: 0,
            after_open: 0,
            after_string: 0,
            colon_before: 0,
            in_scalar: 0,
            scalar_start: 0,
            checked: 0,
            after_minus: 0,
            after_point: 0,
            after_zero: 0,
            in_fraction: 0,
            unicode_escapes: 0,
            wrong: 0,
        }
    }

    /// Inside of a string that was opened before.
    pub fn inside_string() -> Self {
        Self { in_string: u64::MAX, string_start: UNKNOWN, ..Self::behind_value() }
    }

    /// Whether what was passed ends in a string, between two characters.
    pub fn is_inside_string(&self) -> bool {
        self.wrong == 0 && self.in_string != 0 && self.escaped == 0
    }

    /// The start of the string that is open or was the last one, if that is known.
    pub fn known_string_start(&self) -> Option<usize> {
        (self.string_start != UNKNOWN).then_some(self.string_start)
    }

    /// Whether what was passed ends with a value or closing bracket and perhaps white space.
    pub fn is_behind_value(&self) -> bool {
        self.wrong == 0 && self.in_string == 0 && self.after_separator == 0
    }

    /// The text is now counted from `bytes` further ahead; the string of unknown start began at `string_start`.
    pub fn moved_by(&mut self, bytes: usize, string_start: usize) {
        self.string_start = self.known_string_start().map_or(string_start, |start| start + bytes);
        self.scalar_start += bytes;
    }

    /// Takes the next block, which starts at `at` in `text`; behind the end of `text` stand spaces.
    #[inline(always)]
    pub fn step<M: Machine>(&mut self, machine: M, block: &[u8; 64], text: &[u8], at: usize) -> Tokens {
        // Strings. Where the number of quotes so far is odd is inside one; its first quote is, its last one is not.
        let masks = machine.strings(block);
        let escaped = match masks.backslashes | self.escaped {
            0 => 0,
            _ => self.escapes(masks.backslashes, text, at),
        };
        let quotes = masks.quotes & !escaped;
        let was_in_string = self.in_string;
        if was_in_string & !quotes == u64::MAX {
            // All of it is in one string: nothing else can be here, and nothing carries over but the string.
            self.wrong |= masks.controls;
            return Tokens { at, high: masks.high, ..Tokens::default() };
        }
        let string = machine.parity(quotes) ^ was_in_string;
        self.in_string = ((string as i64) >> 63) as u64;
        let strings = quotes & string;
        let mut wrong = masks.controls & string;
        let high = masks.high;

        let first_quote = at + quotes.trailing_zeros() as usize;
        let is_long = was_in_string & quotes != 0 && first_quote.wrapping_sub(self.string_start) >= LONG_STRING - 1;
        let long_string = is_long.then(|| (self.known_string_start(), first_quote + 1));
        if quotes != 0 {
            // The last quote: only where it opens a string is this looked at.
            self.string_start = at + 63 - quotes.leading_zeros() as usize;
        }

        let masks = machine.structure(block);
        let (white, commas, colons) = (masks.white & !string, masks.commas & !string, masks.colons & !string);
        let (opens, closes) = (masks.opens & !string, masks.closes & !string);

        // Numbers and literals: what is left.
        let scalar = !(string | quotes | white | commas | colons | opens | closes);
        let scalars = scalar & !(scalar << 1 | self.in_scalar);
        if scalar | self.in_scalar != 0 {
            wrong |= self.numbers(machine, block, scalar, scalars, text, at);
        }

        // Neighbours.
        let after_open = behind(opens, white, &mut self.after_open);
        let after_separator = behind(commas | colons | opens, white, &mut self.after_separator);
        let after_string = behind(quotes & !string, white, &mut self.after_string);
        let behind_colon = behind(colons, !(commas | colons | opens | closes), &mut self.colon_before);
        let starts = strings | scalars | opens;
        let empties = closes & after_open;
        wrong |=
            starts & !after_separator | (commas | closes & !empties) & after_separator | colons & (!after_string | behind_colon);
        self.wrong |= wrong;
        Tokens { at, commas, colons, opens, closes, empties, starts, high, long_string }
    }

    /// The bytes behind backslashes that count. What stands behind one outside of strings is found wrong as a scalar.
    fn escapes(&mut self, backslashes: u64, text: &[u8], at: usize) -> u64 {
        let mut escaped = self.escaped;
        let mut left = backslashes & !self.escaped;
        self.escaped = 0;
        while left != 0 {
            let place = at + left.trailing_zeros() as usize + 1;
            match text.get(place) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                Some(b'u') => {
                    let digits = text.get(place + 1..place + 5);
                    self.unicode_escapes |= digits.and_then(<[u8]>::first_chunk).map_or(0, escape_bit);
                    self.wrong |= u64::from(!digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)));
                }
                _ => self.wrong = 1,
            }
            let behind = (left & left.wrapping_neg()) << 1;
            self.escaped |= u64::from(behind == 0);
            escaped |= behind;
            left &= left - 1;
            left &= !behind;
        }
        escaped
    }

    /// Checks numbers and literals; gives what is wrong. Plain numbers (digits, a minus, a point) by bitmaps; in a block with
    /// anything else (an exponent, a literal) each by itself.
    #[inline(always)]
    fn numbers<M: Machine>(&mut self, machine: M, block: &[u8; 64], scalar: u64, scalars: u64, text: &[u8], at: usize) -> u64 {
        let masks = machine.numbers(block);
        let was_in_scalar = self.in_scalar;
        self.in_scalar = scalar >> 63;
        let (mut digits, mut points, mut minuses) = (masks.digits & scalar, masks.points & scalar, masks.minuses & scalar);
        if scalar & !(digits | points | minuses) != 0 {
            return self.odd_scalars(was_in_scalar, scalar, scalars, text, at);
        }
        if self.checked != 0 {
            // The rest of what was checked already.
            let rest = scalar & !scalar.wrapping_add(1);
            digits &= !rest;
            points &= !rest;
            minuses &= !rest;
            self.checked = u64::from(scalar == u64::MAX);
        }
        if scalars != 0 {
            self.scalar_start = at + 63 - scalars.leading_zeros() as usize;
        }
        // A minus comes first. Behind it, before a point and behind one stand digits, behind a leading zero none.
        let after_minus = minuses << 1 | self.after_minus;
        let after_point = points << 1 | self.after_point;
        let leading_zeros = masks.zeros & digits & (scalars | after_minus);
        let after_zero = leading_zeros << 1 | self.after_zero;
        // A fraction ends before a second point.
        let (fraction_ends, ran_out) = ripple(after_point | self.in_fraction, digits);
        self.after_minus = minuses >> 63;
        self.after_point = points >> 63;
        self.after_zero = leading_zeros >> 63;
        self.in_fraction = ran_out;
        minuses & !scalars | (after_minus | after_point) & !digits | points & (scalars | fraction_ends) | after_zero & digits
    }

    /// A block with literals or exponents.
    fn odd_scalars(&mut self, was_in_scalar: u64, scalar: u64, scalars: u64, text: &[u8], at: usize) -> u64 {
        let mut right = was_in_scalar == 0 || self.checked != 0 || is_scalar(text, self.scalar_start);
        let mut left = scalars;
        while left != 0 {
            right &= is_scalar(text, at + left.trailing_zeros() as usize);
            left &= left - 1;
        }
        self.checked = scalar >> 63;
        (self.after_minus, self.after_point, self.after_zero, self.in_fraction) = (0, 0, 0, 0);
        u64::from(!right)
    }
}

/// Whether a number or literal stands at `start`, to its end.
fn is_scalar(text: &[u8], start: usize) -> bool {
    let byte = |at: usize| text.get(at).copied().unwrap_or(b' ');
    let skip_digits = |mut at: usize| {
        while byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    };
    let digits = |at: usize| if byte(at).is_ascii_digit() { Some(skip_digits(at)) } else { None };
    let word = |word: &[u8]| text[start..].starts_with(word).then_some(start + word.len());
    let number = |at: usize| {
        let at = at + usize::from(byte(at) == b'-');
        let mut at = if byte(at) == b'0' { at + 1 } else { digits(at)? };
        if byte(at) == b'.' {
            at = digits(at + 1)?;
        }
        if matches!(byte(at), b'e' | b'E') {
            at += 1;
            at = digits(at + usize::from(matches!(byte(at), b'+' | b'-')))?;
        }
        Some(at)
    };
    let end = match byte(start) {
        b't' => word(b"true"),
        b'f' => word(b"false"),
        b'n' => word(b"null"),
        _ => number(start),
    };
    end.is_some_and(|end| matches!(byte(end), b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' | b'[' | b']' | b'{' | b'}' | b'"'))
}
