//! The fast pass: validates a text and records its large values, 256 bytes at a time, from the start or from the middle.
//!
//! [`tokens`](super::tokens) says where tokens are and that neighbours fit, [`brackets`](super::brackets) that brackets match and
//! that members have keys. Here is what both leave behind: the entries of large values, and the open containers, with no recursion.
//!
//! A sweep says only *whether* a text is JSON; where it is not [`scan`](super::scan), which reads byte by byte, says why. It also
//! gives up where looking on would take long (white space for pages behind a comma) or much memory (a thousand levels), and the same
//! happens: it is never wrong.

use super::bitmap::{self, Machine, Pass};
use super::brackets::Hot;
use super::entries::Entries;
use super::index::{Checkpoint, Entry, Index, STRIDE, Seam};
use super::points::Points;
use super::scan::{Scanned, bom_length, skip_white_space};
use super::tokens::{GROUP, Tokenizer};

/// Bytes whose UTF-8 is checked while they are near.
const CHUNK: usize = 1 << 15;
/// Bytes that may be looked at behind those that are swept: the rest of an escape, a number, white space.
pub const AHEAD: usize = 1 << 12;

/// A container that is open.
#[derive(Clone, Copy, Default)]
pub(super) struct Level {
    pub start: usize,
    /// The number of its entry, once a place is held for it.
    pub entry: usize,
    /// Commas so far, up to where a container inside was opened.
    pub commas: u64,
    /// Values before its first child.
    pub values_before: u64,
    /// All ones if it is an object.
    pub object: u64,
}

impl Level {
    /// A container that was opened before the sweep's start: its first comma gets a checkpoint.
    pub const OUTER: Self = Self { start: 0, entry: 0, commas: STRIDE - 1, values_before: 0, object: 0 };
}

/// Checkpoints of a container that is open.
pub(super) struct Wide {
    pub depth: usize,
    pub points: Vec<Checkpoint>,
    /// As [`Seam`] has them: place and child.
    pub seams: Vec<(usize, u64)>,
}

impl Wide {
    pub fn push(&mut self, child: u64, point: Checkpoint) {
        let place = self.points.len();
        // Behind a join the numbers are others than these.
        if let Some(&(last, first)) = self.seams.last()
            && child != first + (place - last) as u64 * STRIDE
        {
            self.seams.push((place, child));
        }
        self.points.push(point);
    }
}

/// What is seen of a container that was opened before the sweep's start.
pub(super) struct Outer {
    /// It could be an array by what is seen.
    pub array: bool,
    /// It could be an object.
    pub object: bool,
    pub commas: u64,
    /// Places from the start of the text, values from that of the sweep; the first at the first comma.
    pub points: Vec<Checkpoint>,
}

/// A bracket that closes a container that was opened before the sweep's start.
pub(super) struct Claim {
    pub object: bool,
    pub end: usize,
    /// Values in the sweep so far.
    pub values: u64,
    pub outer: Outer,
}

/// A pass over a text, or over one part of it.
pub struct Sweep {
    /// Where the part starts in the text.
    pub(super) base: usize,
    pub(super) tokenizer: Tokenizer,
    /// Up to where in the part its UTF-8 is checked.
    pub(super) utf8_done: usize,
    pub(super) entries: Entries,
    pub(super) wide: Points,
    pub(super) seams: Vec<Seam>,
    /// Open containers from the outermost on, behind one for what was opened before; more than are open.
    pub(super) levels: Vec<Level>,
    /// How many are open.
    pub(super) depth: usize,
    /// How many of these, from the outermost on, have a place in the entries.
    pub(super) placed: usize,
    pub(super) open_wide: Vec<Wide>,
    /// A container with few commas may have checkpoints.
    pub(super) joined: bool,
    /// The end of the string in which the sweep started.
    pub(super) rest_of_string: Option<usize>,
    pub(super) claims: Vec<Claim>,
    pub(super) outer: Outer,
    pub(super) values: u64,
    /// Open containers at the deepest place, less those claimed by then.
    pub(super) deepest: i64,
    pub(super) wrong: bool,
}

impl Outer {
    pub fn new() -> Self {
        Self { array: true, object: true, commas: STRIDE - 1, points: Vec::new() }
    }
}

impl Sweep {
    /// From a whole text's start; its byte-order mark is not swept.
    pub fn from_start() -> Self {
        Self::new(0, Tokenizer::at_start())
    }

    /// From a comma at `base`, with unknown containers around.
    pub fn from_comma(base: usize) -> Self {
        Self::new(base, Tokenizer::behind_value())
    }

    /// From the inside of a string at `base`, which is a value.
    pub fn from_inside_string(base: usize) -> Self {
        Self::new(base, Tokenizer::inside_string())
    }

    fn new(base: usize, tokenizer: Tokenizer) -> Self {
        Self {
            base,
            tokenizer,
            utf8_done: 0,
            entries: Entries::default(),
            wide: Points::default(),
            seams: Vec::new(),
            levels: vec![Level::OUTER],
            depth: 0,
            placed: 0,
            open_wide: Vec::new(),
            joined: false,
            rest_of_string: None,
            claims: Vec::new(),
            outer: Outer::new(),
            values: 0,
            deepest: 0,
            wrong: false,
        }
    }

    /// Sweeps `part[from..to]`: what follows the last call, a multiple of [`GROUP`] bytes except at the part's end. [`AHEAD`] bytes
    /// behind `to` are there, or all. False where it is of no use to go on.
    pub fn advance(&mut self, text: &[u8], from: usize, to: usize) -> bool {
        let mut at = from;
        while at < to && !self.wrong {
            let end = to.min(at + CHUNK);
            let high = bitmap::run(Chunk { sweep: self, text, from: at, to: end });
            self.check_utf8(text, at, end, high);
            self.wrong |= self.tokenizer.wrong != 0;
            at = end;
        }
        !self.wrong
    }

    /// The part is over. Whether it ends behind a value, so that another can be joined to it or it can be whole.
    pub fn finish(&mut self) -> bool {
        bitmap::run(Chunk { sweep: self, text: &[b' '; 64], from: 0, to: 64 });
        self.wrong |= self.tokenizer.wrong != 0;
        if self.tokenizer.is_behind_value() && self.tokenizer.is_before_colon() {
            // No key, but an element.
            match self.depth {
                0 => self.outer.object = false,
                depth => self.wrong |= self.levels[depth].object != 0,
            }
        }
        !self.wrong && self.tokenizer.is_behind_value()
    }

    /// As [`Sweep::finish`], for a part that ends inside of a string. False, and nothing is changed, where that is a key. Where it is
    /// not known what is around it is taken for an element, and else not joined.
    pub fn finish_inside_string(&mut self) -> bool {
        let is_element = self.tokenizer.is_before_colon();
        let in_array = if self.depth == 0 { self.outer.array } else { self.levels[self.depth].object == 0 };
        let fits = !is_element || in_array;
        let is_value = !self.wrong && fits && self.tokenizer.is_inside_string();
        if is_value && is_element && self.depth == 0 {
            self.outer.object = false;
        }
        is_value
    }

    /// What was found out in a whole text, if it is one.
    pub fn into_scanned(self, text: &[u8]) -> Option<Scanned> {
        let whole = !self.wrong
            && self.tokenizer.is_behind_value()
            && self.depth == 0
            && self.claims.is_empty()
            && self.outer.array
            && self.outer.object;
        let is_white = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        whole.then(|| Scanned {
            start: skip_white_space(text, bom_length(text)),
            end: text.iter().rposition(|byte| !is_white(byte)).map_or(0, |last| last + 1),
            values: self.values,
            depth: self.deepest as u64,
            escapes: self.tokenizer.unicode_escapes,
            index: Index::new(self.entries, self.wide, self.seams),
        })
    }

    fn check_utf8(&mut self, text: &[u8], from: usize, to: usize, high: u64) {
        if high == 0 && self.utf8_done == from {
            self.utf8_done = to;
            return;
        }
        // A character that is cut at the end is left for the next time.
        let end = if to == text.len() { to } else { to - cut_character(&text[..to]) };
        match text.get(self.utf8_done..end) {
            Some(piece) if simdutf8::basic::from_utf8(piece).is_ok() => self.utf8_done = end,
            _ => self.wrong = true,
        }
    }

    /// Records the innermost container, which ends. That it is open no more is left to do.
    pub(super) fn record(&mut self, end: usize, children: u64, values: u64) {
        let depth = self.depth;
        let Level { start, entry: held, .. } = self.levels[depth];
        let entry = Entry::new(start as u64, end as u64, children, values);
        let number = if self.placed >= depth {
            self.placed = depth - 1;
            self.entries.set(held, entry);
            held
        } else {
            self.hold_places(depth - 1);
            self.entries.push(entry);
            self.entries.len() - 1
        };
        if self.open_wide.last().is_some_and(|wide| wide.depth == depth)
            && let Some(wide) = self.open_wide.pop()
        {
            let entry = number as u32;
            self.seams.extend(wide.seams.into_iter().map(|(place, child)| Seam { entry, place, child }));
            self.wide.push(number, wide.points);
        }
    }

    /// A long string ends, or the one in which the sweep started.
    #[cold]
    fn long_string(&mut self, start: Option<usize>, end: usize) {
        let end = self.base + end;
        match start {
            Some(start) => self.record_string(self.base + start, end),
            None => self.rest_of_string = Some(end),
        }
    }

    pub(super) fn record_string(&mut self, start: usize, end: usize) {
        self.hold_places(self.depth);
        self.entries.push(Entry::new(start as u64, end as u64, 0, 0));
    }

    /// Holds a place in the entries for each of so many containers, since something inside is recorded.
    pub(super) fn hold_places(&mut self, depth: usize) {
        for level in self.placed + 1..=depth {
            self.levels[level].entry = self.entries.len();
            self.entries.push(Entry::open(self.levels[level].start as u64));
        }
        self.placed = self.placed.max(depth);
    }
}

/// Bytes at the end of `text` that are the start of a character.
fn cut_character(text: &[u8]) -> usize {
    for back in 1..=text.len().min(3) {
        let byte = text[text.len() - back];
        if byte >= 0xC0 {
            let length = if byte >= 0xF0 {
                4
            } else if byte >= 0xE0 {
                3
            } else {
                2
            };
            return if length > back { back } else { 0 };
        }
        if byte < 0x80 {
            return 0;
        }
    }
    0
}

struct Chunk<'a> {
    sweep: &'a mut Sweep,
    text: &'a [u8],
    from: usize,
    to: usize,
}

impl Pass for Chunk<'_> {
    /// Not zero if there are bytes that are not ASCII.
    type Output = u64;

    #[inline(always)]
    fn run<M: Machine>(self, machine: M) -> u64 {
        let Self { sweep, text, from, to } = self;
        let mut tokenizer = sweep.tokenizer;
        let mut hot = Hot::new(sweep);
        let mut high = 0;
        let mut at = from;
        let (groups, rest) = text[from..to].as_chunks::<GROUP>();
        let mut padded = [b' '; GROUP];
        padded[..rest.len()].copy_from_slice(rest);
        let last = (!rest.is_empty()).then_some(&padded);
        for group in groups.iter().chain(last) {
            let (blocks, _) = group.as_chunks::<64>();
            if let Some(blocks) = blocks.first_chunk() {
                let seen = tokenizer.step(machine, blocks, text, at);
                high |= seen.high;
                if let Some((start, end)) = seen.long_string {
                    sweep.long_string(start, end);
                }
                if let Some(tokens) = &seen.tokens {
                    sweep.take(&mut hot, machine, tokens, text);
                }
            }
            at += GROUP;
        }
        sweep.tokenizer = tokenizer;
        hot.put_back(sweep);
        high
    }
}
