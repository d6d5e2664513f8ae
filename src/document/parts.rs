//! Reading and sweeping a text in parts that run side by side.
//!
//! Each part is read a little ahead of the sweep, so that the bytes are swept while they are near. A part starts at a comma
//! outside of strings; where such a one is, is guessed from the bytes around: a raw line end can't stand inside of a string, and
//! in a text without line ends most quotes show by their neighbours whether they open or close. Where there is no quote for long
//! the part starts inside of a string. Where nothing can be guessed the part is read ahead by its thread and swept when those
//! before it are. There are more parts than threads, so that none of these has nothing to do while another is at work.
//!
//! This module starts no thread: it is given a [`Crew`].
//!
//! What was measured (two cores, 100 MB of records, as shares of reading and checking UTF-8 by one thread): reading by two threads
//! takes 0.45, half of that page faults of the fresh buffer, sweeping 0.55. Steps of 4 MB are not faster than those of 256 kB.
//! Equal parts of 8 MB took 0.1 more than parts that become smaller. Pages that the system fills ahead (`MADV_POPULATE_WRITE`)
//! would save 0.11, with unsafe code. Large pages (`MADV_HUGEPAGE`) take 0.75 of the time of small ones where they were in use a moment
//! ago, and up to twice as long once they were free for some seconds, since a virtual machine gives free ones back to its host: with
//! them opening took 0.9 of its time, reading a changed file again from 0.9 to 1.3.

use super::problem::Problem;
use super::scan::{self, ScanError, Scanned, bom_length, skip_white_space};
use super::sweep::{AHEAD, Sweep};
use super::tokens::GROUP;
use std::ops::{ControlFlow, Range};

/// Bytes that are read at once, and swept between two looks at whether to go on.
const STEP: usize = 1 << 18;
/// Shorter parts are not worth a thread. With four times as much one thread waited for the other at the end: up to 4 % of opening.
const LEAST_PART: usize = 1 << 19;
/// Bytes in which a place to start at is looked for: few at first.
const WINDOWS: [usize; 2] = [1 << 12, 1 << 16];

/// One job of a [`Crew`].
pub type Job<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Does several jobs at once, if it can.
pub trait Crew {
    /// How many jobs run at once.
    fn size(&self) -> usize;

    /// Does all jobs, as many at once, and returns when the last one has ended.
    fn run(&self, jobs: Vec<Job<'_>>) {
        self.run_at_once(self.size(), jobs);
    }

    /// Does all jobs, so many at once: more than [`Crew::size`] where they wait for something else than the processor.
    fn run_at_once(&self, count: usize, jobs: Vec<Job<'_>>);
}

/// One job after the other.
pub struct Alone;

impl Crew for Alone {
    fn size(&self) -> usize {
        1
    }

    fn run_at_once(&self, _: usize, jobs: Vec<Job<'_>>) {
        jobs.into_iter().for_each(|job| job());
    }
}

/// Where the bytes of a text come from.
pub trait Feed: Sync {
    /// Why it ended early.
    type Stop: Send;

    /// Fills `room` with the bytes from `offset` on. Parts call it side by side, and some bytes are asked for twice.
    ///
    /// # Errors
    /// What ends the loading.
    fn fill(&self, offset: usize, room: &mut [u8]) -> Result<(), Self::Stop>;

    /// Asked between steps without [`Feed::fill`].
    ///
    /// # Errors
    /// What ends the loading.
    fn go_on(&self) -> Result<(), Self::Stop>;
}

/// Why loading gave no fragment.
pub enum Unloaded<S> {
    /// The feed ended it.
    Stopped(S),
    /// The text, which is not JSON, and where it stops to be.
    Problem(Problem, Vec<u8>),
}

/// Where a part starts, as far as can be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// At the start of the text, or at a comma outside of strings.
    Comma,
    /// Inside of a string, between two characters.
    InString,
    /// Nothing is known.
    Anywhere,
}

/// A stretch of the text, and what one thread finds out of it.
struct Part<S> {
    range: Range<usize>,
    start: Start,
    /// How the next part starts.
    next: Start,
    /// None where the start can't be guessed.
    sweep: Option<Sweep>,
    /// The end of what is swept, from the start of the text.
    swept: usize,
    /// The sweep went to the part's end, and the next may be joined to it.
    finished: bool,
    stopped: Option<S>,
}

/// Sweeps a text that is there already, in one part; `watch` is called every few megabytes with the bytes done.
///
/// # Errors
/// The first problem, or that `watch` broke off.
pub fn sweep(text: &[u8], watch: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<Scanned, ScanError> {
    const WATCH_BYTES: usize = 1 << 22;
    let mut sweep = Sweep::from_start();
    let mut swept = bom_length(text);
    while swept < text.len() {
        let to = text.len().min(swept + WATCH_BYTES);
        if !sweep.advance(text, swept, to) {
            return scan::scan(text, watch);
        }
        swept = to;
        if swept < text.len() && watch(swept as u64).is_break() {
            return Err(ScanError::Cancelled);
        }
    }
    match sweep.finish().then(|| sweep.into_scanned(text)).flatten() {
        Some(scanned) => Ok(scanned),
        None => scan::scan(text, watch),
    }
}

/// Fills `text` from `feed` and sweeps it, in more parts than the crew can do at once.
///
/// # Errors
/// What ended it; `text` is of no use then.
pub fn load<F: Feed>(text: &mut [u8], feed: &F, crew: &dyn Crew) -> Result<Result<Scanned, Problem>, F::Stop> {
    let mut starts = vec![(0, Start::Comma)];
    for middle in cuts(text.len(), crew.size()) {
        let mut guess = None;
        for window in WINDOWS {
            let end = text.len().min(middle + window);
            feed.fill(middle, &mut text[middle..end])?;
            guess = guess_start(&text[middle..end]);
            if guess.is_some() {
                break;
            }
        }
        let (place, start) = guess.unwrap_or((0, Start::Anywhere));
        starts.push((middle + place, start));
    }
    sweep_from(text, &starts, feed, crew)
}

/// About where a text is cut. Each part is a thread's share of half of what is left, so the last ones are small, and no thread waits
/// for another for long.
fn cuts(length: usize, threads: usize) -> impl Iterator<Item = usize> {
    let next = move |at: usize| at + ((length - at) / (2 * threads)).max(LEAST_PART);
    let fits = move |at: &usize| threads > 1 && at + LEAST_PART <= length;
    std::iter::successors(Some(next(0)).filter(fits), move |&at| Some(next(at)).filter(fits))
}

/// Loads parts that start at `starts`, the first at 0.
pub(super) fn sweep_from<F: Feed>(
    text: &mut [u8],
    starts: &[(usize, Start)],
    feed: &F,
    crew: &dyn Crew,
) -> Result<Result<Scanned, Problem>, F::Stop> {
    let mut parts: Vec<Part<F::Stop>> = Vec::new();
    for (k, &(at, start)) in starts.iter().enumerate() {
        let (end, next) = starts.get(k + 1).copied().unwrap_or((text.len(), Start::Comma));
        let sweep = match start {
            _ if k == 0 => Some(Sweep::from_start()),
            Start::Comma => Some(Sweep::from_comma(at)),
            Start::InString => Some(Sweep::from_inside_string(at)),
            Start::Anywhere => None,
        };
        parts.push(Part { range: at..end, start, next, sweep, swept: at, finished: false, stopped: None });
    }
    let mut rest = &mut *text;
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for part in &mut parts {
        let (bytes, behind) = rest.split_at_mut(part.range.len());
        rest = behind;
        jobs.push(Box::new(move || part.stopped = part.run(bytes, feed).err()));
    }
    crew.run(jobs);
    match parts.iter_mut().find_map(|part| part.stopped.take()) {
        Some(stop) => Err(stop),
        None => put_together(text, parts, feed),
    }
}

impl<S> Part<S> {
    /// Reads and sweeps.
    fn run<F: Feed<Stop = S>>(&mut self, bytes: &mut [u8], feed: &F) -> Result<(), S> {
        let base = self.range.start;
        let mut filled = 0;
        let mut swept = 0;
        while filled < bytes.len() {
            let end = bytes.len().min(filled + STEP);
            feed.fill(base + filled, &mut bytes[filled..end])?;
            if filled == 0 && base == 0 {
                swept = bom_length(&bytes[..end]);
            }
            filled = end;
            let to = if filled == bytes.len() { last_to_sweep(swept, filled, self.next) } else { blocks_to_sweep(swept, filled) };
            if let Some(sweep) = &mut self.sweep {
                match sweep.advance(bytes, swept, to) {
                    true => swept = to,
                    // The others go on: what is wrong is told from the whole text.
                    false if base == 0 => {}
                    false => self.sweep = None,
                }
            }
        }
        self.swept = base + swept;
        if let Some(sweep) = &mut self.sweep {
            self.finished = finish(sweep, self.next);
        }
        Ok(())
    }
}

/// Up to where whole groups of blocks can be swept, from `swept` on, while there is more to come behind `filled`.
fn blocks_to_sweep(swept: usize, filled: usize) -> usize {
    swept + filled.saturating_sub(AHEAD + swept) / GROUP * GROUP
}

/// The same at a part's end. Where nothing is known of the next part this one ends anywhere: in a number, in an escape.
fn last_to_sweep(swept: usize, end: usize, next: Start) -> usize {
    if next == Start::Anywhere { blocks_to_sweep(swept, end) } else { end }
}

/// Ends a sweep where another starts; whether that may be joined.
fn finish(sweep: &mut Sweep, next: Start) -> bool {
    match next {
        Start::Comma => sweep.finish(),
        Start::InString => sweep.finish_inside_string(),
        Start::Anywhere => false,
    }
}

/// Joins the parts; reads byte by byte where that gives nothing. What the parts hold is free by then.
fn put_together<F: Feed>(text: &[u8], parts: Vec<Part<F::Stop>>, feed: &F) -> Result<Result<Scanned, Problem>, F::Stop> {
    match join_all(text, parts, feed)? {
        Some(scanned) => Ok(Ok(scanned)),
        None => tell(text, feed),
    }
}

/// Joins the parts; sweeps again what can't be joined. `None` for what is not JSON, and where a sweep gives up.
fn join_all<F: Feed>(text: &[u8], parts: Vec<Part<F::Stop>>, feed: &F) -> Result<Option<Scanned>, F::Stop> {
    let mut parts = parts.into_iter().peekable();
    let mut whole = match parts.next() {
        Some(Part { sweep: Some(sweep), swept, finished, .. }) => (sweep, swept, finished),
        _ => return Ok(None),
    };
    while let Some(part) = parts.next() {
        let (left, swept, finished) = &mut whole;
        if let Some(right) = part.sweep
            && *finished
            && left.join(right)
        {
            (*swept, *finished) = (part.swept, part.finished);
            continue;
        }
        // Of no use is a start at which nothing is to be joined.
        let next = parts.peek().map_or(Start::Comma, |next| if next.sweep.is_some() { next.start } else { Start::Anywhere });
        let end = part.range.end;
        let last = last_to_sweep(*swept, end, next);
        while *swept < last {
            feed.go_on()?;
            let to = last.min(*swept + STEP);
            if !left.advance(&text[..end], *swept, to) {
                return Ok(None);
            }
            *swept = to;
        }
        *finished = finish(left, next);
    }
    Ok(whole.0.into_scanned(text))
}

/// Reads byte by byte, to say what is wrong.
fn tell<F: Feed>(text: &[u8], feed: &F) -> Result<Result<Scanned, Problem>, F::Stop> {
    let mut stopped = None;
    let mut watch = |_| match feed.go_on() {
        Ok(()) => ControlFlow::Continue(()),
        Err(stop) => {
            stopped = Some(stop);
            ControlFlow::Break(())
        }
    };
    match (scan::scan(text, &mut watch), stopped) {
        (_, Some(stop)) => Err(stop),
        (Ok(scanned), None) => Ok(Ok(scanned)),
        (Err(ScanError::Problem(problem)), None) => Ok(Err(problem)),
        (Err(ScanError::Cancelled), None) => unreachable!("it is cancelled by a stop alone"),
    }
}

/// A comma that stands outside of strings, as far as can be seen in this cut-out of a text.
pub(super) fn guess_comma(window: &[u8]) -> Option<usize> {
    guess_start(window).filter(|(_, start)| matches!(start, Start::Comma)).map(|(place, _)| place)
}

/// Where a part may start in this cut-out of a text, as far as can be seen.
fn guess_start(window: &[u8]) -> Option<(usize, Start)> {
    // Behind a line end no string is open.
    if let Some(line_end) = memchr::memchr(b'\n', window)
        && let Some(comma) = commas_outside(&window[line_end..], false).next()
    {
        return Some((line_end + comma, Start::Comma));
    }
    if let Some(place) = inside_string(window) {
        return Some((place, Start::InString));
    }
    let in_string = is_in_string(window)?;
    commas_outside(window, in_string).next().map(|place| (place, Start::Comma))
}

/// A place between two characters or escapes in a cut-out that can be nothing but the inside of a string.
fn inside_string(window: &[u8]) -> Option<usize> {
    let is_inside = memchr::memchr_iter(b'"', window).all(|quote| is_escaped(window, quote))
        && window.iter().all(|&byte| byte >= 0x20)
        && !window.iter().all(is_plain);
    // The cut-out may start in an escape; behind another byte a backslash starts one.
    let place = match window.windows(2).position(|two| two[0] != b'\\' && two[1] == b'\\') {
        Some(before) => before + if window.get(before + 2) == Some(&b'u') { 7 } else { 3 },
        None if window.contains(&b'\\') => return None,
        None => 6 + window.iter().skip(6).take(4).take_while(|&&byte| byte & 0xC0 == 0x80).count(),
    };
    (is_inside && place < window.len()).then_some(place)
}

/// Whether a byte can stand outside of strings.
fn is_plain(byte: &u8) -> bool {
    b"{}[]:,.-+ \t\r\n0123456789eEtrufalsn".contains(byte)
}

/// The commas outside of strings, in a cut-out that starts in a string or outside.
fn commas_outside(window: &[u8], in_string: bool) -> impl Iterator<Item = usize> {
    let mut in_string = in_string;
    let quotes_and_commas = memchr::memchr2_iter(b'"', b',', window);
    quotes_and_commas.filter(move |&place| {
        in_string ^= window[place] == b'"' && !is_escaped(window, place);
        window[place] == b',' && !in_string
    })
}

/// Whether an odd number of backslashes stands before.
fn is_escaped(window: &[u8], place: usize) -> bool {
    window[..place].iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

/// Whether a cut-out starts inside a string; `None` where its quotes do not say.
fn is_in_string(window: &[u8]) -> Option<bool> {
    let mut votes = 0_i64;
    let mut opens = true;
    for quote in memchr::memchr_iter(b'"', window).filter(|&quote| !is_escaped(window, quote)) {
        let before = window[..quote].iter().rev().find(|byte| !byte.is_ascii_whitespace());
        let behind = window.get(skip_white_space(window, quote + 1));
        let looks_open = before.is_some_and(|byte| b"{[,:".contains(byte));
        let looks_closing = behind.is_some_and(|byte| b",:]}".contains(byte));
        votes += match (looks_open, looks_closing) {
            (true, false) if opens => 1,
            (false, true) if !opens => 1,
            (true, true) | (false, false) => 0,
            _ => -1,
        };
        opens = !opens;
    }
    match votes {
        1.. => Some(false),
        ..0 => Some(true),
        0 => window.iter().all(is_plain).then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::super::common::{format, model, text_of};
    use super::super::fragment::Fragment;
    use super::super::index::STRIDE;
    use super::*;
    use proptest::prelude::*;

    /// A text in memory, whose room is filled from it.
    struct Memory<'a>(&'a [u8]);

    impl Feed for Memory<'_> {
        type Stop = ();

        fn fill(&self, offset: usize, room: &mut [u8]) -> Result<(), ()> {
            room.copy_from_slice(&self.0[offset..offset + room.len()]);
            Ok(())
        }

        fn go_on(&self) -> Result<(), ()> {
            Ok(())
        }
    }

    /// What was found must be what the plain scan finds.
    #[track_caller]
    fn check_same(text: &[u8], found: Result<Scanned, Problem>) {
        let shown = String::from_utf8_lossy(&text[..text.len().min(3000)]);
        match (scan::scan(text, &mut |_| ControlFlow::Continue(())), found) {
            (Ok(plain), Ok(swept)) => {
                assert_eq!((swept.start, swept.end), (plain.start, plain.end), "{shown}");
                assert_eq!((swept.values, swept.depth, swept.escapes), (plain.values, plain.depth, plain.escapes), "{shown}");
                let (entries, wide, seams) = swept.index.content();
                assert_eq!(entries, plain.index.content().0, "{shown}");
                if seams.is_empty() {
                    return assert_eq!(wide, plain.index.content().1, "{shown}");
                }
                // Checkpoints of other children: each must be where the plain index finds the child, and no gap too wide.
                let mut starts: Vec<u64> = plain.index.content().1.iter().map(|wide| entries[wide.0 as usize].start).collect();
                starts.extend(wide.iter().map(|wide| entries[wide.0 as usize].start));
                let plain = Fragment::of(text.to_vec(), plain);
                for start in starts {
                    let (number, entry) = swept.index.at(start).unwrap();
                    let mut next = 0;
                    while let Some((child, point)) = swept.index.checkpoints(number).up_to(next + 2 * STRIDE - 1)
                        && child > next
                    {
                        let slot = plain.slot(start as usize, child).unwrap();
                        assert_eq!(start + point.offset(), slot.start as u64, "{shown}");
                        assert_eq!(point.values(), plain.values_before(start as usize, child), "{shown}");
                        next = child;
                    }
                    assert!(entry.children - next <= 2 * STRIDE, "{shown}");
                }
            }
            (Err(ScanError::Problem(plain)), Err(swept)) => assert_eq!(swept, plain, "{shown}"),
            (plain, swept) => panic!("{:?} {:?}: {shown}", plain.is_ok(), swept.is_ok()),
        }
    }

    /// Whether the sweep alone, without the plain scan behind it, takes a text.
    fn is_swept(text: &[u8]) -> bool {
        let mut sweep = Sweep::from_start();
        let right = sweep.advance(text, bom_length(text), text.len()) && sweep.finish();
        right && sweep.into_scanned(text).is_some()
    }

    /// In one part; true if the text is JSON.
    #[track_caller]
    fn check(text: &[u8]) -> bool {
        let swept = sweep(text, &mut |_| ControlFlow::Continue(())).map_err(|error| match error {
            ScanError::Problem(problem) => problem,
            ScanError::Cancelled => unreachable!(),
        });
        let right = swept.is_ok();
        check_same(text, swept);
        assert_eq!(is_swept(text), right, "{}", String::from_utf8_lossy(&text[..text.len().min(3000)]));
        right
    }

    #[track_caller]
    fn check_parts(text: &[u8], starts: &[(usize, Start)]) {
        let mut room = vec![0; text.len()];
        let found = sweep_from(&mut room, starts, &Memory(text), &Alone).unwrap();
        assert_eq!(room, text);
        check_same(text, found);
    }

    /// A comma, in strings or not, is taken for one outside; each other place for one in a string or for anything.
    fn guess(text: &[u8], place: usize, other: Start) -> (usize, Start) {
        (place, if text[place] == b',' { Start::Comma } else { other })
    }

    /// Every place as the place to split.
    #[track_caller]
    fn check_all_splits(text: &[u8]) {
        for place in 1..text.len() {
            for start in [Start::Comma, Start::InString, Start::Anywhere] {
                if start != Start::Comma || text[place] == b',' {
                    check_parts(text, &[(0, Start::Comma), (place, start)]);
                }
            }
        }
    }

    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % sides
        }

        fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
            from[self.roll(from.len())]
        }

        /// Dense JSON with some of everything.
        fn value(&mut self, depth: usize, out: &mut String) {
            const GAPS: [&str; 8] = ["", "", "", "", "", " ", "\n  ", "\r\n\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t"];
            const SCALARS: [&str; 18] = [
                "0",
                "-0",
                "7",
                "10",
                "-123",
                "1.5",
                "0.25",
                "-0.0",
                "1e5",
                "1E+9",
                "2.5e-10",
                "true",
                "false",
                "null",
                "123456789012",
                "3.14159265358979",
                "-1",
                "5",
            ];
            const STRINGS: [&str; 12] = [
                "",
                "a",
                "key",
                "\\\"",
                "\\\\",
                "\\u00e9\\n",
                "{[,:",
                "א",
                "王芳",
                "\\\\\\\"x",
                "\u{1F600}",
                "0123456789abcdef0123456789abcdef",
            ];
            match self.roll(if depth == 0 { 3 } else { 7 }) {
                0 | 1 => out.push_str(self.pick(&SCALARS)),
                2 => *out += &format!("\"{}{}\"", self.pick(&STRINGS), self.pick(&STRINGS)),
                kind => {
                    let object = kind < 5;
                    out.push(if object { '{' } else { '[' });
                    out.push_str(self.pick(&GAPS));
                    for k in 0..self.roll(5) {
                        if k > 0 {
                            *out += &format!("{},{}", self.pick(&GAPS), self.pick(&GAPS));
                        }
                        if object {
                            *out += &format!("\"{}\"{}:{}", self.pick(&STRINGS), self.pick(&GAPS), self.pick(&GAPS));
                        }
                        self.value(depth - 1, out);
                    }
                    out.push_str(self.pick(&GAPS));
                    out.push(if object { '}' } else { ']' });
                }
            }
        }
    }

    /// `TREEKEEP_FUZZ` texts (20,000 by default), most of them with a byte or two changed.
    #[test]
    fn the_sweep_takes_what_the_plain_scan_takes() {
        const BYTES: &[u8] = b"{}[]\",:\\u0019.eE+-truefalsn \n\t\x00\x0C\x1A\x1F\xFF\xC3\x80\xEF\xBB\xBF/*'x\"\"\\\\,,::[]{}";
        let number = std::env::var("TREEKEEP_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
        let mut dice = Dice(5);
        let mut right = 0;
        for _ in 0..number {
            let mut text = dice.pick(&["", " ", "\u{FEFF}", "\n"]).to_owned();
            let depth = 1 + dice.roll(6);
            dice.value(depth, &mut text);
            let mut text = text.into_bytes();
            for _ in 0..dice.roll(3) {
                let byte = BYTES[dice.roll(BYTES.len())];
                let place = dice.roll(text.len() + 1);
                match dice.roll(4) {
                    0 => text.insert(place, byte),
                    1 => text.truncate(place.max(text.len() / 2)),
                    2 if place < text.len() => drop(text.remove(place)),
                    _ if place < text.len() => text[place] = byte,
                    _ => {}
                }
            }
            right += usize::from(check(&text));
            if let Some(place) = text.iter().position(|&byte| byte == b',').filter(|&place| place > 0) {
                let other = place.max(dice.roll(text.len()));
                let others = [Start::InString, Start::Anywhere][dice.roll(2)];
                check_parts(&text, &[(0, Start::Comma), (place, Start::Comma), guess(&text, other, others)]);
            }
        }
        assert!((number / 3..number * 9 / 10).contains(&right), "{right} of {number}");
    }

    /// It made the sweep panic: a container with fewer values than none in it. The fuzzer found it.
    #[test]
    fn a_colon_without_a_key_is_wrong() {
        let blank = " ".repeat(300);
        check(format!("[{blank}:{blank}]").as_bytes());
    }

    #[test]
    fn every_split_of_a_text_gives_the_same_index() {
        let mut dice = Dice(9);
        let numbers: Vec<String> = (0..400).map(|n| n.to_string()).collect();
        let record = format!("{{\"a,b\": [{}], \"c\": {{\"d\": \"{}\"}}}}", numbers[..70].join(","), ",x".repeat(700));
        check_all_splits(format!("[{}]", numbers.join(", ")).as_bytes());
        check_all_splits(format!("{{\"x\": [{record}], \"y\": [1, {{}}, [[{record}]]], \"z\": 1.5}}\n").as_bytes());
        check_all_splits(b"\xEF\xBB\xBF[1, [2, [3, [4, \"5\", {\"6\": [7, 8]}]]], 9, {\"a\": 1, \"b\": {}, \"c\": 2}]");
        for _ in 0..20 {
            let mut text = String::new();
            dice.value(6, &mut text);
            check_all_splits(text.as_bytes());
        }
    }

    #[test]
    fn many_parts_join() {
        let record =
            format!("{{\"a\": [{}], \"b\": \"x,y\", \"c\": {{\"d\": {{\"e\": 1, \"f\": []}}}}}}", "1, ".repeat(99) + "2");
        let text = format!("[[{}]]", [&*record; 60].join(",\n"));
        let comma = |place: usize| text[place..].find(',').map_or(place, |comma| place + comma);
        let starts: Vec<(usize, Start)> =
            (0..text.len()).step_by(700).map(|place| (if place == 0 { 0 } else { comma(place) }, Start::Comma)).collect();
        check_parts(text.as_bytes(), &starts);
        // A deep text is not joined, and still found to be the same.
        let deep = format!("{}1{}", "[2,".repeat(3000), "]".repeat(3000));
        check_parts(deep.as_bytes(), &[(0, Start::Comma), (300, Start::Comma), (4502, Start::Comma)]);
        check_parts(deep.as_bytes(), &[(0, Start::Comma), (9001 + 1500, Start::Anywhere)]);
    }

    #[test]
    fn parts_become_smaller() {
        let sizes = |length: usize, threads| {
            let mut cuts = vec![0];
            cuts.extend(super::cuts(length, threads));
            cuts.push(length);
            cuts.windows(2).map(|two| two[1] - two[0]).collect::<Vec<usize>>()
        };
        assert_eq!(sizes(LEAST_PART * 2 - 1, 2), [LEAST_PART * 2 - 1]);
        assert_eq!(sizes(LEAST_PART * 2, 2), [LEAST_PART; 2]);
        assert_eq!(sizes(1 << 30, 1), [1 << 30]);
        assert_eq!(sizes(0, 2), [0]);
        let many = sizes(1 << 30, 2);
        assert!(many.len() < 30 && many.is_sorted_by(|a, b| a >= b || *b < 2 * LEAST_PART), "{many:?}");
    }

    #[test]
    fn a_start_is_guessed() {
        let comma = |place| Some((place, Start::Comma));
        let inside = |place| Some((place, Start::InString));
        let cases: &[(&str, Option<(usize, Start)>)] = &[
            ("a, b\",\n \"c,d\", 1", comma(13)),
            (" x\", \"y\": \"a,b\", 3", comma(3)),
            ("\": 1, \"a,b\": [2", comma(4)),
            ("y,\\\"z\": 1, \"k", comma(9)),
            ("23,456,7", comma(2)),
            ("Some words, and more", inside(6)),
            ("wordsאבג", inside(7)),
            ("05d0\\u05d1\\u05d2", inside(10)),
            ("ords\\\"quoted\\\" and \\\\", inside(6)),
            ("\\\\\\\\\\\\", None),
            ("xxxx", None),
            ("", None),
        ];
        for &(window, place) in cases {
            assert_eq!(guess_start(window.as_bytes()), place, "{window}");
        }
    }

    #[test]
    fn long_strings_are_cut() {
        let string = format!("\"{}\"", "אב\\u05d0 \\\"x\\\\ ".repeat(200));
        let text = format!("{{\"a\": [1, {string}, {{\"b\": {string}, {string}: 2}}], \"c\": {string}}}");
        let inside = |from: usize| inside_string(&text.as_bytes()[from..from + 50]).map(|place| (from + place, Start::InString));
        let starts: Vec<(usize, Start)> = (20..text.len() - 60).step_by(611).filter_map(inside).collect();
        assert!(starts.len() > 20);
        check_parts(text.as_bytes(), &[&[(0, Start::Comma)], &starts[..]].concat());
        check_all_splits(format!("[{{\"k\": {string}, \"l\": 1}}, {string}]").as_bytes());
        check_all_splits(string.as_bytes());
    }

    #[test]
    fn long_texts_and_the_edges_of_what_is_looked_at() {
        let number = "1".repeat(3 * AHEAD);
        let blank = " ".repeat(3 * AHEAD);
        let items = ["1"; 64].join(",");
        for text in [
            format!("[{number}]"),
            format!("[1,{number}e5,2]"),
            format!("[{items},{blank}1,{items}]"),
            format!("\"{}\"", "א\\u05d0".repeat(30_000)),
            format!("[{}]", ["1.25"; 120_000].join(",")),
            format!("{blank}{{{blank}}}{blank}"),
            format!("[\"{}\",{{\"{}\":1}}]", "x".repeat(1021), "y".repeat(1022)),
        ] {
            let text = text.as_bytes();
            check_same(text, sweep(text, &mut |_| ControlFlow::Continue(())).map_err(|_| unreachable!("it is JSON")));
            let middle = text.len() / 2;
            for other in [Start::InString, Start::Anywhere] {
                check_parts(text, &[(0, Start::Comma), guess(text, middle, other)]);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn generated_texts_give_the_same_index_in_one_part_and_in_several(
            model in model(),
            format in format(),
            places in proptest::collection::vec(any::<prop::sample::Index>(), 1..5),
        ) {
            let text = text_of(&model, &format).into_bytes();
            prop_assert!(check(&text));
            let mut starts: Vec<usize> = places.iter().map(|place| place.index(text.len())).collect();
            starts.sort_unstable();
            let comma = |from: usize| text[from..].iter().position(|&byte| byte == b',').map(|place| (from + place, Start::Comma));
            let starts: Vec<_> = starts.into_iter().map(|from| comma(from).unwrap_or((from, Start::Anywhere))).collect();
            check_parts(&text, &[&[(0, Start::Comma)], &starts[..]].concat());
        }
    }
}
