//! From bitmaps to tokens: where strings, numbers, separators and brackets are, and whether neighbours may stand side by side.
//!
//! Most of JSON's grammar is about neighbours: a value follows a comma, a colon or an opening bracket; a colon follows a key; a
//! point stands between digits. All of it is decided here for 256 bytes at once, without a look at single bytes, by words that
//! carry over from block to block. What is left, which brackets match and whether a container wants keys, is for
//! [`brackets`](super::brackets).
//!
//! "What follows `x` behind white space" is one addition: the bits behind `x` are added to those of white space, so that a
//! carry runs through each run of white space and comes out behind it.
//!
//! What can't be foreseen is done without branches: one that is taken or not as it happens takes as long as fifty instructions.

use super::bitmap::{Machine, Numbers, Structure};
use super::index::LONG_STRING;

/// Bytes that are looked at together, in blocks of 64: fewer than a long string has, so that no more than one of these ends in them.
pub const GROUP: usize = 256;
const _: () = assert!(GROUP < LONG_STRING);

/// The tokens of four blocks: bit `n` of a word for byte `n` of its block.
pub struct Tokens {
    /// Where the first block starts.
    pub at: usize,
    /// Commas.
    pub commas: [u64; 4],
    /// Colons.
    pub colons: [u64; 4],
    /// Opening brackets.
    pub opens: [u64; 4],
    /// Closing brackets.
    pub closes: [u64; 4],
    /// Which brackets are those of objects; other bytes may have a bit.
    pub braces: [u64; 4],
    /// Closing brackets with nothing but white space behind the opening one.
    pub empties: [u64; 4],
    /// The first bytes of values and of keys.
    pub starts: [u64; 4],
    /// Commas and brackets where an object would need a colon: since the last comma or opening bracket none came.
    pub keyless: [u64; 4],
}

/// What [`Tokenizer::step`] saw.
pub struct Seen {
    /// None where all is in one string.
    pub tokens: Option<Tokens>,
    /// Parts of characters that are not ASCII.
    pub high: u64,
    /// A string of [`LONG_STRING`] bytes or more that ends in these blocks, before all tokens: start and end. Also the string that
    /// was open from the beginning, whose start is not known.
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
    /// Behind a comma or opening bracket no other one, colon or closing bracket came yet.
    first: u64,
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

/// One word of each block's masks.
#[inline(always)]
fn each<M: Machine, T>(machine: M, masks: &[T; 4], of: fn(&T) -> u64) -> M::Words {
    let [a, b, c, d] = masks;
    machine.words([of(a), of(b), of(c), of(d)])
}

/// One bit further on; `carry` is the last bit of the last blocks and becomes that of these.
#[inline(always)]
fn next<M: Machine>(machine: M, words: M::Words, carry: &mut u64) -> M::Words {
    let moved;
    (moved, *carry) = machine.next(words, *carry);
    moved
}

/// What follows `marks`, with characters of `between` in the midst or not; `carry` is that of the last blocks and becomes that of
/// these. The bits behind the marks are added to those between: the carries run through each of their runs and come out behind it.
#[inline(always)]
fn behind<M: Machine>(machine: M, marks: M::Words, between: M::Words, carry: &mut u64) -> M::Words {
    let (seeds, last) = machine.next(marks, 0);
    let (sums, ran_out) = machine.sum(between, seeds, *carry);
    *carry = last | ran_out;
    sums & !between
}

/// Bytes that are an escape behind a backslash.
const IS_SHORT: [bool; 256] = table(b"\"\\/bfnrt");
/// Digits of an escape by number.
const IS_HEX: [bool; 256] = table(b"0123456789abcdefABCDEF");

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut n = 0;
    while n < bytes.len() {
        table[bytes[n] as usize] = true;
        n += 1;
    }
    table
}

/// Takes the place of each bit, counted from the first block's start. One loop over all words: only its end can't be foreseen.
#[inline(always)]
fn for_each_place(words: [u64; 4], mut take: impl FnMut(usize)) {
    let mut words = words;
    let mut filled = (0..4).fold(0, |filled, n| filled | u64::from(words[n] != 0) << n);
    while filled != 0 {
        let n = filled.trailing_zeros() as usize % 4;
        take(n * 64 + words[n].trailing_zeros() as usize);
        words[n] &= words[n] - 1;
        filled &= filled - u64::from(words[n] == 0);
    }
}

/// The last place that has a bit, counted from the first block's start; `other` if there is none. `filled` says which words have.
#[inline(always)]
fn last_place(words: &[u64; 4], filled: u64, other: usize) -> usize {
    // No branch for each word: which one it is can't be foreseen.
    match filled.checked_ilog2() {
        Some(last) => last as usize * 64 + 63 - words[last as usize % 4].leading_zeros() as usize,
        None => other,
    }
}

/// The backslashes of a block that begin an escape: of some beside each other every other one. `escaped` is 1 where the first byte
/// is behind one that does.
#[inline(always)]
pub fn escapes_begin(backslashes: u64, escaped: u64) -> u64 {
    let mut left = backslashes & !escaped;
    if left & left << 1 == 0 {
        return left;
    }
    let mut begins = 0;
    while left != 0 {
        let bit = left & left.wrapping_neg();
        begins |= bit;
        left &= !(bit | bit << 1);
    }
    begins
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
            first: 0,
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

    /// Whether a comma or opening bracket came, and no other one, colon or closing bracket behind it.
    pub fn is_before_colon(&self) -> bool {
        self.first != 0
    }

    /// Takes the next four blocks, which start at `at` in `text`; behind the end of `text` stand spaces.
    #[inline(always)]
    pub fn step<M: Machine>(&mut self, machine: M, blocks: &[[u8; 64]; 4], text: &[u8], at: usize) -> Seen {
        // Strings. Where the number of quotes so far is odd is inside one; its first quote is, its last one is not.
        let (mut quotes, mut backslashes, mut controls, mut string) = ([0; 4], [0; 4], [0; 4], [0; 4]);
        let (mut high, mut any, was_in_string) = (0, self.escaped, self.in_string);
        for (n, block) in blocks.iter().enumerate() {
            let masks = machine.strings(block);
            (quotes[n], backslashes[n], controls[n]) = (masks.quotes, masks.backslashes, masks.controls);
            high |= masks.high;
            any |= masks.backslashes;
        }
        if any != 0 {
            let escaped = self.escapes(&backslashes, text, at);
            for n in 0..4 {
                quotes[n] &= !escaped[n];
            }
        }
        for n in 0..4 {
            string[n] = machine.parity(quotes[n]) ^ self.in_string;
            self.in_string = ((string[n] as i64) >> 63) as u64;
            self.wrong |= controls[n] & string[n];
        }
        let filled = machine.filled(machine.words(quotes));
        if was_in_string != 0 && filled == 0 {
            // Nothing else can be here, and nothing carries over but the string.
            return Seen { tokens: None, high, long_string: None };
        }
        let long_string = self.pass_strings(&quotes, filled, was_in_string, at);

        let mut masks = [Structure::default(); 4];
        for n in 0..4 {
            if M::FAST || string[n] != u64::MAX {
                masks[n] = machine.structure(&blocks[n]);
            }
        }
        let (quotes, string) = (machine.words(quotes), machine.words(string));
        let outside = |of: fn(&Structure) -> u64| each(machine, &masks, of) & !string;
        let (white, commas) = (outside(|masks| masks.white), outside(|masks| masks.commas));
        let (opens, closes) = (outside(|masks| masks.opens), outside(|masks| masks.closes));
        let colons = outside(|masks| masks.colons);
        let heads = commas | opens;
        let structure = heads | colons | closes;

        // Numbers and literals: what is left.
        let scalar = !(string | quotes | white | structure);
        let has_scalar = self.in_scalar != 0 || machine.any(scalar);
        let scalars = scalar & !next(machine, scalar, &mut self.in_scalar);
        let mut wrong = if has_scalar { self.numbers(machine, blocks, scalar, scalars, text, at) } else { scalars };

        // Neighbours.
        let after_open = behind(machine, opens, white, &mut self.after_open);
        let after_separator = behind(machine, heads | colons, white, &mut self.after_separator);
        let after_string = behind(machine, quotes & !string, white, &mut self.after_string);
        let firsts = behind(machine, heads, !structure, &mut self.first);
        let starts = quotes & string | scalars | opens;
        let empties = closes & after_open;
        wrong = wrong
            | starts & !after_separator
            | (commas | closes & !empties) & after_separator
            | colons & !(after_string & firsts);
        self.wrong |= u64::from(machine.any(wrong));
        let keyless = firsts & !(colons | empties);
        let tokens = Tokens {
            at,
            commas: machine.array(commas),
            colons: machine.array(colons),
            opens: machine.array(opens),
            closes: machine.array(closes),
            braces: masks.map(|masks| masks.braces),
            empties: machine.array(empties),
            starts: machine.array(starts),
            keyless: machine.array(keyless),
        };
        Seen { tokens: Some(tokens), high, long_string }
    }

    /// Where the last string starts, and whether the one that was open was a long one.
    #[inline(always)]
    fn pass_strings(&mut self, quotes: &[u64; 4], filled: u64, was_in_string: u64, at: usize) -> Option<(Option<usize>, usize)> {
        let mut long_string = None;
        if was_in_string != 0 && (at + GROUP).wrapping_sub(self.string_start) >= LONG_STRING {
            let first = (0..4).find(|&n| quotes[n] != 0).map_or(at, |n| at + n * 64 + quotes[n].trailing_zeros() as usize);
            let is_long = first.wrapping_sub(self.string_start) >= LONG_STRING - 1;
            long_string = is_long.then(|| (self.known_string_start(), first + 1));
        }
        // The last quote: only where it opens a string is this looked at.
        self.string_start = at.wrapping_add(last_place(quotes, filled, self.string_start.wrapping_sub(at)));
        long_string
    }

    /// The bytes behind backslashes that count. What stands behind one outside of strings is found wrong as a scalar.
    #[inline(never)]
    fn escapes(&mut self, backslashes: &[u64; 4], text: &[u8], at: usize) -> [u64; 4] {
        let (mut escaped, mut begins) = ([0; 4], [0; 4]);
        for n in 0..4 {
            begins[n] = escapes_begin(backslashes[n], self.escaped);
            escaped[n] = begins[n] << 1 | self.escaped;
            self.escaped = begins[n] >> 63;
        }
        for_each_place(begins, |place| self.escape(text, at + place + 1));
        escaped
    }

    /// Checks the escape whose second byte is at `place`.
    #[inline(always)]
    fn escape(&mut self, text: &[u8], place: usize) {
        let mut bytes = [b' '; 5];
        match text.get(place..).and_then(<[u8]>::first_chunk) {
            Some(whole) => bytes = *whole,
            None => text.iter().skip(place).zip(&mut bytes).for_each(|(from, to)| *to = *from),
        }
        // Tables and no branches: what comes next can't be foreseen.
        let [kind, digits @ ..] = bytes;
        let is_unicode = kind == b'u';
        let are_digits = digits.iter().fold(true, |all, &digit| all & IS_HEX[usize::from(digit)]);
        self.wrong |= u64::from(!(IS_SHORT[usize::from(kind)] | is_unicode & are_digits));
        self.unicode_escapes |= if is_unicode { escape_bit(&digits) } else { 0 };
    }

    /// Checks numbers and literals; gives what is wrong. Plain numbers (digits, a minus, a point) by bitmaps; what has other
    /// characters (an exponent, a literal) each by itself.
    #[inline(always)]
    fn numbers<M: Machine>(
        &mut self,
        machine: M,
        blocks: &[[u8; 64]; 4],
        scalar: M::Words,
        scalars: M::Words,
        text: &[u8],
        at: usize,
    ) -> M::Words {
        let mut masks = [Numbers::default(); 4];
        let scalar_words = machine.array(scalar);
        for n in 0..4 {
            if M::FAST || scalar_words[n] != 0 {
                masks[n] = machine.numbers(&blocks[n]);
            }
        }
        let of = |of: fn(&Numbers) -> u64| each(machine, &masks, of) & scalar;
        let (digits, zeros) = (of(|masks| masks.digits), of(|masks| masks.zeros));
        let (points, minuses) = (of(|masks| masks.points), of(|masks| masks.minuses));
        let letters = scalar & !(digits | points | minuses);
        let starts = machine.array(scalars);
        let mut checked = letters;
        if self.checked != 0 || machine.any(letters) {
            let plain = literals(machine.array(letters & scalars), &scalar_words, text, at);
            checked = machine.words(plain);
            if self.checked != 0 || machine.any(letters & !checked) {
                checked = machine.words(self.odd_scalars(plain, machine.array(letters), scalar_words, &starts, text, at));
            }
        }
        let (digits, points, minuses) = (digits & !checked, points & !checked, minuses & !checked);
        self.scalar_start = at.wrapping_add(last_place(&starts, machine.filled(scalars), self.scalar_start.wrapping_sub(at)));
        // A minus comes first. Behind it, before a point and behind one stand digits, behind a leading zero none.
        let after_minus = next(machine, minuses, &mut self.after_minus);
        let leading_zeros = zeros & digits & (scalars | after_minus);
        let after_zero = next(machine, leading_zeros, &mut self.after_zero);
        let after_point = next(machine, points, &mut self.after_point);
        // A fraction ends before a second point.
        let fraction_ends = behind(machine, points, digits, &mut self.in_fraction);
        minuses & !scalars
            | (after_minus | after_point) & !(digits | checked)
            | points & (scalars | fraction_ends)
            | after_zero & digits
    }

    /// Checks each number or literal that has `letters` and is not `plain`; gives the bytes of both from the first letter's
    /// block on.
    #[inline(never)]
    fn odd_scalars(
        &mut self,
        plain: [u64; 4],
        letters: [u64; 4],
        scalar: [u64; 4],
        scalars: &[u64; 4],
        text: &[u8],
        at: usize,
    ) -> [u64; 4] {
        let mut start = self.scalar_start;
        let mut all = [0; 4];
        for n in 0..4 {
            let (scalar, scalars) = (scalar[n], scalars[n]);
            // The rest of what was checked already.
            let mut checked = plain[n] | if self.checked != 0 { scalar & !scalar.wrapping_add(1) } else { 0 };
            let mut left = letters[n] & !checked;
            while left != 0 {
                let begun = scalars & (left ^ left.wrapping_sub(1));
                let first = if begun == 0 { 1 } else { 1 << (63 - begun.leading_zeros()) };
                let run = scalar & !scalar.wrapping_add(first);
                let place = at + n * 64 + first.trailing_zeros() as usize;
                self.wrong |= u64::from(!is_scalar(text, if begun == 0 { start } else { place }));
                checked |= run;
                left &= !run;
            }
            if scalars != 0 {
                start = at + n * 64 + 63 - scalars.leading_zeros() as usize;
            }
            self.checked = checked >> 63;
            all[n] = checked;
        }
        all
    }
}

/// All bytes of literals among what starts at the places of `starts`; not of one that ends with the last
/// block, or within eight bytes of the text's end.
#[inline(always)]
fn literals(starts: [u64; 4], scalar: &[u64; 4], text: &[u8], at: usize) -> [u64; 4] {
    let mut all = [0; 5];
    for_each_place(starts, |place| {
        let Some(bytes) = text.get(at + place..).and_then(<[u8]>::first_chunk) else { return };
        let word = u64::from_le_bytes(*bytes);
        let is = |literal: &[u8; 8], length: usize| (word ^ u64::from_le_bytes(*literal)) << (64 - 8 * length) == 0;
        let is_false = is(b"false   ", 5);
        let length = 4 + usize::from(is_false);
        let end = place + length;
        let ends = end < GROUP && scalar[end / 64 % 4] >> (end % 64) & 1 == 0;
        let right = (is(b"true    ", 4) | is(b"null    ", 4) | is_false) & ends;
        let bits = if right { (1_u128 << length) - 1 } else { 0 } << (place % 64);
        all[place / 64] |= bits as u64;
        all[place / 64 + 1] |= (bits >> 64) as u64;
    });
    [all[0], all[1], all[2], all[3]]
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
