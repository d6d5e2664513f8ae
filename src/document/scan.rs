//! One strict pass over a text (RFC 8259), byte by byte: everything is validated, large values are recorded.
//!
//! Not recursive: a million nested brackets cost a bit each. [`sweep`](super::sweep) does the same several times as fast; this
//! pass is what it is tested against, and the one that says where a text stops being JSON and what could have stood there.
//!
//! *Limitation*: below [`DEEP`] levels a container is recorded only where it starts [`LARGE`] bytes after the last recorded
//! one that is open. Without that rule a hostile gigabyte of brackets would take twelve gigabytes of index.

use super::entries::Entries;
use super::index::{Checkpoint, Entry, Index, LARGE, LONG_STRING, STRIDE};
use super::points::Points;
use super::problem::{self, Problem};
use super::tokens::escape_bit;
use std::ops::ControlFlow;

/// Down to this depth every large container is recorded.
pub(super) const DEEP: usize = 1024;
/// How often a long scan looks whether it should stop.
const WATCH_BYTES: usize = 1 << 22;

/// What one pass finds out.
pub struct Scanned {
    /// Large values.
    pub index: Index,
    /// Start of the root value.
    pub start: usize,
    /// End of the root value.
    pub end: usize,
    /// Number of values, keys not counted.
    pub values: u64,
    /// Open brackets at the deepest place.
    pub depth: u64,
    /// Which `\u` escapes the strings have, as [`escape_bit`] has it; 0 for none.
    pub escapes: u64,
}

/// Why a scan gave nothing.
#[derive(Debug)]
pub enum ScanError {
    /// The text is not JSON.
    Problem(Problem),
    /// The watcher said to stop.
    Cancelled,
}

/// Length of a leading UTF-8 byte-order mark: 0 or 3.
pub fn bom_length(text: &[u8]) -> usize {
    if text.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 }
}

/// Scans a whole text; `watch` is called every few megabytes with the bytes done.
///
/// # Errors
/// The first problem, or that `watch` broke off.
pub fn scan(text: &[u8], watch: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<Scanned, ScanError> {
    // A text that is not UTF-8 is scanned up to there: an earlier problem is the one to tell.
    let valid = simdutf8::compat::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
    let mut scanner = Scanner::new(&text[..valid]);
    match scanner.run(watch) {
        Ok(()) if valid == text.len() => Ok(scanner.into_scanned()),
        // What follows a complete text may be white space alone, which these bytes are not.
        Ok(()) => Err(ScanError::Problem(not_utf8(text, valid))),
        Err(Stop::Cancelled) => Err(ScanError::Cancelled),
        Err(Stop::At(offset, _)) if offset == valid && valid < text.len() => Err(ScanError::Problem(not_utf8(text, valid))),
        Err(Stop::At(offset, expected)) => Err(ScanError::Problem(problem::expected(text, offset, expected))),
    }
}

fn not_utf8(text: &[u8], offset: usize) -> Problem {
    problem::at(text, offset, format!("byte 0x{:02X} is not UTF-8 text", text[offset]))
}

/// Why the pass ended early.
enum Stop {
    /// Offset, and what could have stood there.
    At(usize, &'static str),
    Cancelled,
}

/// An open container that may be recorded when it closes.
struct Frame {
    start: usize,
    depth: usize,
    /// Number of its place in `entries`, which is held for it.
    entry: usize,
    children: u64,
    values_before: u64,
}

struct Scanner<'a> {
    text: &'a [u8],
    entries: Entries,
    wide: Points,
    frames: Vec<Frame>,
    /// Checkpoints of open containers, with how many are open there: few have some.
    open_wide: Vec<(usize, Vec<Checkpoint>)>,
    /// One bit for each open container, set for objects.
    kinds: Bits,
    values: u64,
    depth: usize,
    escapes: u64,
    start: usize,
    end: usize,
}

/// A stack of bits.
#[derive(Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    pub len: usize,
}

impl Bits {
    pub fn push(&mut self, bit: bool) {
        let (word, shift) = (self.len / 64, self.len % 64);
        if word == self.words.len() {
            self.words.push(0);
        }
        self.words[word] = self.words[word] & !(1 << shift) | u64::from(bit) << shift;
        self.len += 1;
    }

    pub fn pop(&mut self) {
        self.len -= 1;
    }

    pub fn last(&self) -> Option<bool> {
        let last = self.len.checked_sub(1)?;
        Some(self.bit(last))
    }

    fn bit(&self, place: usize) -> bool {
        self.words[place / 64] >> (place % 64) & 1 == 1
    }

    /// From the lowest to the last that was pushed.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = bool> {
        (0..self.len).map(|place| self.bit(place))
    }
}

const VALUE: &str = "a value";
const VALUE_OR_END: &str = "a value or `]`";
const KEY: &str = "a key in double quotes";
const KEY_OR_END: &str = "a key in double quotes or `}`";

impl<'a> Scanner<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            entries: Entries::default(),
            wide: Points::default(),
            frames: Vec::new(),
            open_wide: Vec::new(),
            kinds: Bits::default(),
            values: 0,
            depth: 0,
            escapes: 0,
            start: 0,
            end: 0,
        }
    }

    fn into_scanned(self) -> Scanned {
        Scanned {
            index: Index::new(self.entries, self.wide, Vec::new()),
            start: self.start,
            end: self.end,
            values: self.values,
            depth: self.depth as u64,
            escapes: self.escapes,
        }
    }

    /// The byte at `place`; 0, which no JSON text has, behind the end.
    fn byte(&self, place: usize) -> u8 {
        self.text.get(place).copied().unwrap_or(0)
    }

    fn run(&mut self, watch: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<(), Stop> {
        let mut next_watch = WATCH_BYTES;
        let mut at = skip_white_space(self.text, bom_length(self.text));
        self.start = at;
        'value: loop {
            self.values += 1;
            match self.byte(at) {
                b'"' => at = self.string(at)?,
                b'-' | b'0'..=b'9' => at = self.number(at)?,
                b't' => at = self.literal(at, b"true", "`true`")?,
                b'f' => at = self.literal(at, b"false", "`false`")?,
                b'n' => at = self.literal(at, b"null", "`null`")?,
                b'{' => {
                    self.open(at, true);
                    at = skip_white_space(self.text, at + 1);
                    if self.byte(at) != b'}' {
                        at = self.key(at, KEY_OR_END)?;
                        continue 'value;
                    }
                    at += 1;
                    self.close(at, false);
                }
                b'[' => {
                    self.open(at, false);
                    at = skip_white_space(self.text, at + 1);
                    if self.byte(at) != b']' {
                        if !starts_value(self.byte(at)) {
                            return Err(Stop::At(at, VALUE_OR_END));
                        }
                        continue 'value;
                    }
                    at += 1;
                    self.close(at, false);
                }
                _ => return Err(Stop::At(at, VALUE)),
            }
            // Behind a value: separators and closing brackets up to the next value.
            loop {
                if at >= next_watch {
                    if watch(at as u64).is_break() {
                        return Err(Stop::Cancelled);
                    }
                    next_watch = at + WATCH_BYTES;
                }
                let Some(in_object) = self.kinds.last() else {
                    self.end = at;
                    at = skip_white_space(self.text, at);
                    return if at == self.text.len() { Ok(()) } else { Err(Stop::At(at, "the end of the text")) };
                };
                at = skip_white_space(self.text, at);
                match (self.byte(at), in_object) {
                    (b',', true) => {
                        at = skip_white_space(self.text, at + 1);
                        self.next_child(at);
                        at = self.key(at, KEY)?;
                        continue 'value;
                    }
                    (b',', false) => {
                        at = skip_white_space(self.text, at + 1);
                        self.next_child(at);
                        continue 'value;
                    }
                    (b'}', true) | (b']', false) => {
                        at += 1;
                        self.close(at, true);
                    }
                    (_, true) => return Err(Stop::At(at, "`,` or `}`")),
                    (_, false) => return Err(Stop::At(at, "`,` or `]`")),
                }
            }
        }
    }

    fn open(&mut self, at: usize, object: bool) {
        self.kinds.push(object);
        let depth = self.kinds.len;
        self.depth = self.depth.max(depth);
        let recordable = depth <= DEEP || self.frames.last().is_none_or(|frame| at - frame.start >= LARGE);
        if recordable {
            self.frames.push(Frame { start: at, depth, entry: self.entries.len(), children: 0, values_before: self.values });
            self.entries.push(Entry::open(at as u64));
        }
    }

    /// A comma was passed: another child starts at `at`.
    fn next_child(&mut self, at: usize) {
        let depth = self.kinds.len;
        if let Some(frame) = self.frames.last_mut()
            && frame.depth == depth
        {
            frame.children += 1;
            if frame.children.is_multiple_of(STRIDE) {
                let point = Checkpoint::new((at - frame.start) as u64, self.values - frame.values_before);
                match self.open_wide.last_mut() {
                    Some((of, points)) if *of == depth => points.push(point),
                    _ => self.open_wide.push((depth, vec![point])),
                }
            }
        }
    }

    /// A container ends before `end`; `filled` when it has children, of which the commas counted all but one.
    fn close(&mut self, end: usize, filled: bool) {
        let depth = self.kinds.len;
        self.kinds.pop();
        if self.frames.last().is_none_or(|frame| frame.depth != depth) {
            return;
        }
        let Some(frame) = self.frames.pop() else { return };
        let points = self.open_wide.pop_if(|(of, _)| *of == depth);
        if end - frame.start < LARGE {
            // Nothing inside was recorded either: what is inside is smaller.
            self.entries.truncate(frame.entry);
            return;
        }
        let children = frame.children + u64::from(filled);
        let values = self.values - frame.values_before;
        self.entries.set(frame.entry, Entry::new(frame.start as u64, end as u64, children, values));
        if let Some((_, points)) = points {
            self.wide.push(frame.entry, points);
        }
    }

    /// A key, its colon and the white space around it; gives the start of the value.
    fn key(&mut self, at: usize, expected: &'static str) -> Result<usize, Stop> {
        if self.byte(at) != b'"' {
            return Err(Stop::At(at, expected));
        }
        let at = skip_white_space(self.text, self.string(at)?);
        if self.byte(at) != b':' {
            return Err(Stop::At(at, "`:`"));
        }
        Ok(skip_white_space(self.text, at + 1))
    }

    /// The end of the string that starts at `start`.
    fn string(&mut self, start: usize) -> Result<usize, Stop> {
        let mut at = start + 1;
        loop {
            at = plain_run(self.text, at);
            match self.byte(at) {
                b'"' => break,
                b'\\' => {
                    at += 1;
                    match self.byte(at) {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 1,
                        b'u' => {
                            at += 1;
                            self.escapes |= self.text[at..].first_chunk().map_or(0, escape_bit);
                            for _ in 0..4 {
                                if !self.byte(at).is_ascii_hexdigit() {
                                    return Err(Stop::At(at, "a hexadecimal digit"));
                                }
                                at += 1;
                            }
                        }
                        _ => return Err(Stop::At(at, "an escape: one of `\"\\/bfnrtu`")),
                    }
                }
                _ if at >= self.text.len() => return Err(Stop::At(at, "`\"`, the end of the string")),
                _ => return Err(Stop::At(at, "an escape: control characters can't stand in a string as they are")),
            }
        }
        let end = at + 1;
        if end - start >= LONG_STRING {
            self.entries.push(Entry::new(start as u64, end as u64, 0, 0));
        }
        Ok(end)
    }

    fn number(&self, mut at: usize) -> Result<usize, Stop> {
        const DIGIT: &str = "a digit";
        if self.byte(at) == b'-' {
            at += 1;
        }
        match self.byte(at) {
            b'0' => at += 1,
            b'1'..=b'9' => at = self.digits(at),
            _ => return Err(Stop::At(at, DIGIT)),
        }
        if self.byte(at) == b'.' {
            at += 1;
            if !self.byte(at).is_ascii_digit() {
                return Err(Stop::At(at, DIGIT));
            }
            at = self.digits(at);
        }
        if matches!(self.byte(at), b'e' | b'E') {
            at += 1;
            if matches!(self.byte(at), b'+' | b'-') {
                at += 1;
            }
            if !self.byte(at).is_ascii_digit() {
                return Err(Stop::At(at, DIGIT));
            }
            at = self.digits(at);
        }
        Ok(at)
    }

    fn digits(&self, mut at: usize) -> usize {
        while self.byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    }

    fn literal(&self, start: usize, word: &'static [u8], expected: &'static str) -> Result<usize, Stop> {
        for (place, &letter) in word.iter().enumerate() {
            if self.byte(start + place) != letter {
                return Err(Stop::At(start + place, expected));
            }
        }
        Ok(start + word.len())
    }
}

fn starts_value(byte: u8) -> bool {
    matches!(byte, b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'{' | b'[')
}

/// First place at or behind `at` without JSON white space.
pub fn skip_white_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// First place at or behind `at` with a quote, a backslash or a control character; the text's length if there is none.
pub fn plain_run(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    // Eight bytes at once: the classic "has a byte equal to / less than" (Bit Twiddling Hacks); exact for the lowest hit.
    while let Some(chunk) = text.get(at..at + 8).and_then(|chunk| <[u8; 8]>::try_from(chunk).ok()) {
        let word = u64::from_le_bytes(chunk);
        let zero_if = |byte: u8| word ^ (ONES * u64::from(byte));
        let has_zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let hits = (has_zero(zero_if(b'"')) | has_zero(zero_if(b'\\')) | control) & TOPS;
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while let Some(&byte) = text.get(at) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            return at;
        }
        at += 1;
    }
    text.len()
}
