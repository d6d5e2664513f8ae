//! The fast pass: validates a text and records its large values, 64 bytes at a time, from the start or from the middle.
//!
//! [`tokens`](super::tokens) says where tokens are and that neighbours fit. Here brackets are matched, with a stack of bits and
//! no recursion, and between two brackets commas and colons are counted: in an object each member has one colon, so there are as
//! many colons as commas, and one more behind the opening bracket; in an array there are none. Since a colon follows nothing but
//! a string, and no second one before a comma or bracket, equal numbers mean that each member has its key.
//!
//! A sweep says only *whether* a text is JSON; where it is not [`scan`](super::scan), which reads byte by byte, says why. It also
//! gives up where looking on would take long (white space for pages behind a comma), and the same happens: it is never wrong.

use super::bitmap::{self, Machine, Pass};
use super::entries::Entries;
use super::index::{Checkpoint, Entry, Index, LARGE, STRIDE, Seam};
use super::points::Points;
use super::scan::{Bits, DEEP, Scanned, bom_length, skip_white_space};
use super::tokens::{Tokenizer, Tokens};

/// Bytes whose UTF-8 is checked while they are near.
const CHUNK: usize = 1 << 15;
/// Bytes that may be looked at behind those that are swept: the rest of an escape, a number, white space.
pub const AHEAD: usize = 1 << 12;

/// A container that is open and may be recorded.
pub(super) struct Frame {
    /// Open containers, with it.
    pub depth: usize,
    pub start: usize,
    /// The number of its entry, once a place is held for it.
    pub entry: usize,
    /// Commas so far, up to where a container inside was opened.
    pub commas: u64,
    /// Values before its first child.
    pub values_before: u64,
}

/// Checkpoints of a container that is open.
pub(super) struct Wide {
    pub depth: usize,
    pub points: Vec<Checkpoint>,
    /// As [`Seam`] has them: place and child.
    pub seams: Vec<(usize, u64)>,
}

impl Wide {
    fn push(&mut self, child: u64, point: Checkpoint) {
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
    pub(super) frames: Vec<Frame>,
    /// How many of the frames, from the outermost on, have a place in the entries.
    pub(super) placed: usize,
    /// One bit for each open container, set for objects.
    pub(super) kinds: Bits,
    pub(super) open_wide: Vec<Wide>,
    /// The end of the string in which the sweep started.
    pub(super) rest_of_string: Option<usize>,
    pub(super) claims: Vec<Claim>,
    pub(super) outer: Outer,
    pub(super) values: u64,
    /// Open containers at the deepest place, less those claimed by then.
    pub(super) deepest: i64,
    pub(super) level: Level,
    pub(super) wrong: bool,
}

/// The innermost open container.
#[derive(Clone, Copy)]
pub(super) struct Level {
    /// All ones in an object.
    pub object: u64,
    /// It has a frame.
    pub framed: bool,
    /// Commas so far; an outer container begins with [`STRIDE`] - 1, so that its first comma gets a checkpoint.
    pub commas: u64,
    /// Since the last bracket: commas, colons, and 1 if that was the opening one.
    pub new_commas: u64,
    pub new_colons: u64,
    pub fresh: u64,
}

impl Level {
    /// A container that was opened before the sweep's start.
    pub const OUTER: Self = Self { object: 0, framed: false, commas: STRIDE - 1, new_commas: 0, new_colons: 0, fresh: 0 };
}

/// What changes with every bracket: kept in registers over many blocks, which is half of the speed.
struct Hot {
    level: Level,
    values: u64,
    wrong: bool,
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
            frames: Vec::new(),
            placed: 0,
            kinds: Bits::default(),
            open_wide: Vec::new(),
            rest_of_string: None,
            claims: Vec::new(),
            outer: Outer::new(),
            values: 0,
            deepest: 0,
            level: Level::OUTER,
            wrong: false,
        }
    }

    /// Sweeps `part[from..to]`: what follows the last call, a number of whole blocks except at the part's end. [`AHEAD`] bytes
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
        if self.tokenizer.is_behind_value() {
            let mut hot = Hot { level: self.level, values: self.values, wrong: self.wrong };
            self.segment(&mut hot, 0);
            hot.level.fresh = 0;
            (self.level, self.wrong) = (hot.level, hot.wrong);
        }
        !self.wrong && self.tokenizer.is_behind_value()
    }

    /// As [`Sweep::finish`], for a part that ends inside of a string. False, and nothing is changed, where that is a key.
    pub fn finish_inside_string(&mut self) -> bool {
        let outer = (self.outer.array, self.outer.object);
        let mut hot = Hot { level: self.level, values: self.values, wrong: self.wrong };
        self.segment(&mut hot, 0);
        let is_value = !hot.wrong && (self.outer.array || self.outer.object) && self.tokenizer.is_inside_string();
        if is_value {
            hot.level.fresh = 0;
            self.level = hot.level;
        } else {
            (self.outer.array, self.outer.object) = outer;
        }
        is_value
    }

    /// What was found out in a whole text, if it is one.
    pub fn into_scanned(self, text: &[u8]) -> Option<Scanned> {
        let whole = !self.wrong
            && self.tokenizer.is_behind_value()
            && self.kinds.len == 0
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

    /// A bracket, or the end of the part: what was counted since the last one must fit the container. `empty` is 1 where
    /// nothing stands between two brackets.
    #[inline(always)]
    fn segment(&mut self, hot: &mut Hot, empty: u64) {
        let level = &mut hot.level;
        if self.kinds.len == 0 {
            self.outer.array &= level.new_colons == 0;
            self.outer.object &= level.new_colons == level.new_commas;
        } else {
            let wanted = (level.new_commas + (level.fresh & !empty)) & level.object;
            hot.wrong |= level.new_colons != wanted;
        }
        level.new_commas = 0;
        level.new_colons = 0;
    }

    #[inline(always)]
    fn brackets(&mut self, hot: &mut Hot, tokens: &Tokens, text: &[u8]) {
        let Tokens { at, colons, opens, closes, starts, .. } = *tokens;
        let mut brackets = opens | closes;
        let mut left = u64::MAX;
        while brackets != 0 {
            let bit = brackets & brackets.wrapping_neg();
            brackets ^= bit;
            let before = bit - 1;
            self.count(hot, tokens, before & left, text);
            left = !(before | bit);
            let place = at + bit.trailing_zeros() as usize;
            let empty = u64::from(tokens.empties & bit != 0);
            self.segment(hot, empty);
            let next = brackets & brackets.wrapping_neg();
            if opens & bit != 0 && closes & next != 0 {
                brackets ^= next;
                left = !((next - 1) | next);
                self.small(hot, tokens, bit, next, text);
                continue;
            }
            // Of keys, the colons have been passed.
            let values =
                |upto: u64| u64::from((starts & upto).count_ones()).wrapping_sub(u64::from((colons & upto).count_ones()));
            let object = text[place] & 0x20 != 0;
            if opens & bit != 0 {
                let values = hot.values.wrapping_add(values(before | bit));
                self.open(hot, self.base + place, object, values);
            } else {
                let total = hot.values;
                self.close(hot, self.base + place, object, empty, || total.wrapping_add(values(before)));
            }
        }
        self.count(hot, tokens, left, text);
        let new = u64::from(starts.count_ones()).wrapping_sub(u64::from(colons.count_ones()));
        hot.values = hot.values.wrapping_add(new);
    }

    /// A container inside of a block, without others in it: as if it were opened and closed, but for the stacks.
    #[inline(always)]
    fn small(&mut self, hot: &mut Hot, tokens: &Tokens, open: u64, close: u64, text: &[u8]) {
        let inside = (close - 1) & !((open - 1) | open);
        let (first, last) = (text[tokens.at + open.trailing_zeros() as usize], text[tokens.at + close.trailing_zeros() as usize]);
        let commas = (tokens.commas & inside).count_ones();
        let colons = (tokens.colons & inside).count_ones();
        let filled = u32::from(tokens.empties & close == 0);
        let wanted = if first == b'{' { commas + filled } else { 0 };
        hot.wrong |= colons != wanted || last != first + 2;
        hot.level.fresh = 0;
        self.deepest = self.deepest.max(self.kinds.len as i64 + 1 - self.claims.len() as i64);
    }

    /// Counts the commas and colons of a stretch without brackets.
    #[inline(always)]
    fn count(&mut self, hot: &mut Hot, tokens: &Tokens, stretch: u64, text: &[u8]) {
        let commas = tokens.commas & stretch;
        let number = u64::from(commas.count_ones());
        let level = &mut hot.level;
        level.new_commas += number;
        level.new_colons += u64::from((tokens.colons & stretch).count_ones());
        let before = level.commas;
        level.commas += number;
        if before / STRIDE != level.commas / STRIDE {
            let behind = STRIDE - before % STRIDE;
            let (level, values) = (*level, hot.values);
            self.checkpoint(level, values, tokens, commas, behind, text);
        }
    }

    /// Makes a checkpoint of the child behind comma number `count` (from 1) of `commas`.
    #[cold]
    #[inline(never)]
    fn checkpoint(&mut self, level: Level, values: u64, tokens: &Tokens, commas: u64, count: u64, text: &[u8]) {
        let depth = self.kinds.len;
        let mut commas = commas;
        if depth > 0 && !level.framed {
            return;
        }
        for _ in 1..count {
            commas &= commas.wrapping_sub(1);
        }
        let before = (commas & commas.wrapping_neg()).wrapping_sub(1);
        let values = values.wrapping_add(u64::from((tokens.starts & before).count_ones()));
        let values = values.wrapping_sub(u64::from((tokens.colons & before).count_ones()));
        let comma = tokens.at + commas.trailing_zeros() as usize;
        let end = text.len().min(comma + AHEAD);
        let child = skip_white_space(&text[..end], comma + 1);
        // No child in reach.
        self.wrong |= child >= end;
        let child = self.base + child;
        match self.frames.last() {
            Some(frame) if depth > 0 => {
                let point = Checkpoint::new((child - frame.start) as u64, values.wrapping_sub(frame.values_before));
                match self.open_wide.last_mut() {
                    Some(wide) if wide.depth == depth => wide.push(level.commas / STRIDE * STRIDE, point),
                    _ => self.open_wide.push(Wide { depth, points: vec![point], seams: Vec::new() }),
                }
            }
            _ => self.outer.points.push(Checkpoint::new(child as u64, values)),
        }
    }

    #[inline(always)]
    fn open(&mut self, hot: &mut Hot, at: usize, object: bool, values: u64) {
        match self.frames.last_mut() {
            Some(frame) if hot.level.framed => frame.commas = hot.level.commas,
            _ if self.kinds.len == 0 => self.outer.commas = hot.level.commas,
            _ => {}
        }
        self.kinds.push(object);
        let depth = self.kinds.len;
        self.deepest = self.deepest.max(depth as i64 - self.claims.len() as i64);
        let framed = depth <= DEEP || self.frames.last().is_none_or(|frame| at - frame.start >= LARGE);
        if framed {
            self.frames.push(Frame { depth, start: at, entry: 0, commas: 0, values_before: values });
        }
        let object = if object { u64::MAX } else { 0 };
        hot.level = Level { object, framed, commas: 0, new_commas: 0, new_colons: 0, fresh: 1 };
    }

    #[inline(always)]
    fn close(&mut self, hot: &mut Hot, at: usize, object: bool, empty: u64, values: impl Fn() -> u64) {
        let depth = self.kinds.len;
        if depth == 0 {
            self.claim(hot.level.commas, at, object, empty, values());
            hot.level = Level::OUTER;
            return;
        }
        hot.wrong |= (hot.level.object != 0) != object;
        self.kinds.pop();
        if hot.level.framed
            && let Some(frame) = self.frames.pop()
        {
            // Nothing inside of a small one was recorded either.
            if at + 1 - frame.start >= LARGE {
                let inside = values().wrapping_sub(frame.values_before);
                // Fewer than none, by a colon without a key: that is found wrong with the chunk.
                let most = (at + 1 - frame.start) as u64;
                hot.wrong |= inside > most;
                self.record(frame, at + 1, hot.level.commas + 1 - empty, inside.min(most));
            } else if self.open_wide.last().is_some_and(|wide| wide.depth == depth) {
                self.open_wide.pop();
            }
        }
        self.resume(&mut hot.level);
    }

    /// Goes on in the container around the one that was closed.
    #[inline(always)]
    pub(super) fn resume(&self, level: &mut Level) {
        let depth = self.kinds.len;
        level.fresh = 0;
        match self.frames.last() {
            Some(frame) if frame.depth == depth => {
                level.framed = true;
                level.commas = frame.commas;
            }
            _ => {
                level.framed = false;
                level.commas = if depth == 0 { self.outer.commas } else { 0 };
            }
        }
        level.object = if self.kinds.last() == Some(true) { u64::MAX } else { 0 };
    }

    /// Records the container of `frame`, which is none of the frames any more.
    #[inline(never)]
    pub(super) fn record(&mut self, frame: Frame, end: usize, children: u64, values: u64) {
        let depth = frame.depth;
        let start = frame.start as u64;
        let entry = Entry::new(start, end as u64, children, values);
        let number = if self.placed > self.frames.len() {
            self.placed = self.frames.len();
            self.entries.set(frame.entry, entry);
            frame.entry
        } else {
            self.place_frames();
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
        self.place_frames();
        self.entries.push(Entry::new(start as u64, end as u64, 0, 0));
    }

    /// Holds a place in the entries for each open container, since something inside is recorded.
    pub(super) fn place_frames(&mut self) {
        for frame in &mut self.frames[self.placed..] {
            frame.entry = self.entries.len();
            self.entries.push(Entry::open(frame.start as u64));
        }
        self.placed = self.frames.len();
    }

    /// The end of a container that was opened before the sweep's start.
    #[cold]
    #[inline(never)]
    fn claim(&mut self, commas: u64, at: usize, object: bool, empty: u64, values: u64) {
        let mut outer = std::mem::replace(&mut self.outer, Outer::new());
        outer.commas = commas;
        // It has a child at least: the part begins behind one.
        self.wrong |= empty != 0 || !(if object { outer.object } else { outer.array });
        // More than can be joined.
        self.wrong |= self.claims.len() >= DEEP;
        self.claims.push(Claim { object, end: at + 1, values, outer });
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
        let mut hot = Hot { level: sweep.level, values: sweep.values, wrong: false };
        let mut high = 0;
        let mut at = from;
        while at < to {
            let mut padded = [b' '; 64];
            let block = text[at..to].first_chunk().unwrap_or_else(|| {
                padded[..to - at].copy_from_slice(&text[at..to]);
                &padded
            });
            let tokens = tokenizer.step(machine, block, text, at);
            high |= tokens.high;
            if let Some((start, end)) = tokens.long_string {
                sweep.long_string(start, end);
            }
            sweep.brackets(&mut hot, &tokens, text);
            at += 64;
        }
        sweep.tokenizer = tokenizer;
        (sweep.level, sweep.values) = (hot.level, hot.values);
        sweep.wrong |= hot.wrong;
        high
    }
}
