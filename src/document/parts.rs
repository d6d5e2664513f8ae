//! Reading and sweeping a text in parts that run side by side.
//!
//! Each part is read a little ahead of the sweep, so that the bytes are swept while they are near. A part starts at a comma
//! outside of strings; where such a one is, is guessed from the bytes around: a raw line end can't stand inside of a string, and
//! in a text without line ends most quotes show by their neighbours whether they open or close. Where nothing can be guessed the
//! part is read ahead by its thread and swept by that of the part before.
//!
//! This module starts no thread: it is given a [`Crew`].

use super::problem::Problem;
use super::scan::{self, ScanError, Scanned, bom_length, skip_white_space};
use super::sweep::{AHEAD, Sweep};
use std::ops::{ControlFlow, Range};

/// Bytes that are read at once, and swept between two looks at whether to go on.
const STEP: usize = 1 << 18;
/// Shorter parts are not worth a thread.
const LEAST_PART: usize = 1 << 20;
/// Bytes in which a comma to start at is looked for.
const WINDOW: usize = 1 << 16;

/// One job of a [`Crew`].
pub type Job<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Does several jobs at once, if it can.
pub trait Crew {
    /// How many jobs run at once.
    fn size(&self) -> usize;

    /// Does all jobs and returns when the last one has ended.
    fn run(&self, jobs: Vec<Job<'_>>);
}

/// One job after the other.
pub struct Alone;

impl Crew for Alone {
    fn size(&self) -> usize {
        1
    }

    fn run(&self, jobs: Vec<Job<'_>>) {
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

/// A stretch of the text, and what one thread finds out of it.
struct Part<S> {
    range: Range<usize>,
    /// None where it does not start at a comma, as far as can be guessed.
    sweep: Option<Sweep>,
    /// The end of what is swept, from the start of the text.
    swept: usize,
    /// The sweep went to the part's end, and another may be joined to it.
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
    match sweep.finish(text).then(|| sweep.into_scanned(text)).flatten() {
        Some(scanned) => Ok(scanned),
        None => scan::scan(text, watch),
    }
}

/// Fills `text` from `feed` and sweeps it, in as many parts as the crew can do at once.
///
/// # Errors
/// What ended it; `text` is of no use then.
pub fn load<F: Feed>(text: &mut [u8], feed: &F, crew: &dyn Crew) -> Result<Result<Scanned, Problem>, F::Stop> {
    let number = crew.size().min(text.len() / LEAST_PART).max(1);
    load_in(text, feed, crew, number)
}

fn load_in<F: Feed>(text: &mut [u8], feed: &F, crew: &dyn Crew, number: usize) -> Result<Result<Scanned, Problem>, F::Stop> {
    let mut starts = vec![(0, true)];
    for k in 1..number {
        let middle = text.len() / number * k;
        let end = text.len().min(middle + WINDOW);
        feed.fill(middle, &mut text[middle..end])?;
        starts.push(match guess_comma(&text[middle..end]) {
            Some(place) => (middle + place, true),
            None => (middle, false),
        });
    }
    sweep_from(text, &starts, feed, crew)
}

/// Loads parts that start at `starts`: at a comma that is hoped to be outside of strings where that says so.
fn sweep_from<F: Feed>(
    text: &mut [u8],
    starts: &[(usize, bool)],
    feed: &F,
    crew: &dyn Crew,
) -> Result<Result<Scanned, Problem>, F::Stop> {
    let mut parts: Vec<Part<F::Stop>> = Vec::new();
    for (k, &(start, guessed)) in starts.iter().enumerate() {
        let end = starts.get(k + 1).map_or(text.len(), |next| next.0);
        let sweep = match k {
            0 => Some(Sweep::from_start()),
            _ => guessed.then(|| Sweep::from_comma(start)),
        };
        parts.push(Part { range: start..end, sweep, swept: start, finished: false, stopped: None });
    }
    let mut rest = &mut *text;
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (k, part) in parts.iter_mut().enumerate() {
        let (bytes, behind) = rest.split_at_mut(part.range.len());
        rest = behind;
        // Where the next part does not start at a comma, this one ends anywhere: in a string, in a number.
        let ends_at_comma = starts.get(k + 1).is_none_or(|next| next.1);
        jobs.push(Box::new(move || part.stopped = part.run(bytes, feed, ends_at_comma).err()));
    }
    crew.run(jobs);
    match parts.iter_mut().find_map(|part| part.stopped.take()) {
        Some(stop) => Err(stop),
        None => put_together(text, parts, feed),
    }
}

impl<S> Part<S> {
    /// Reads and sweeps.
    fn run<F: Feed<Stop = S>>(&mut self, bytes: &mut [u8], feed: &F, ends_at_comma: bool) -> Result<(), S> {
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
            let to = match filled == bytes.len() && ends_at_comma {
                true => filled,
                false => swept + filled.saturating_sub(AHEAD + swept) / 64 * 64,
            };
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
        if let Some(sweep) = &mut self.sweep
            && ends_at_comma
        {
            self.finished = sweep.finish(bytes);
        }
        Ok(())
    }
}

/// Joins the parts; sweeps again what can't be joined.
fn put_together<F: Feed>(text: &[u8], parts: Vec<Part<F::Stop>>, feed: &F) -> Result<Result<Scanned, Problem>, F::Stop> {
    let ends: Vec<(usize, bool)> = parts.iter().map(|part| (part.range.end, part.sweep.is_some())).collect();
    let mut parts = parts.into_iter();
    let mut whole = match parts.next() {
        Some(Part { sweep: Some(sweep), swept, finished, .. }) => (sweep, swept, finished),
        _ => return tell(text, feed),
    };
    for (k, part) in (1..).zip(parts) {
        let (left, swept, finished) = &mut whole;
        if let Some(right) = part.sweep
            && *finished
            && left.join(right)
        {
            (*swept, *finished) = (part.swept, part.finished);
            continue;
        }
        let end = part.range.end;
        let ends_at_comma = ends.get(k + 1).is_none_or(|next| next.1);
        let last = match ends_at_comma {
            true => end,
            false => *swept + end.saturating_sub(AHEAD + *swept) / 64 * 64,
        };
        while *swept < last {
            feed.go_on()?;
            let to = last.min(*swept + STEP);
            if !left.advance(&text[..end], *swept, to) {
                return tell(text, feed);
            }
            *swept = to;
        }
        *finished = ends_at_comma && left.finish(&text[..end]);
    }
    match whole.0.into_scanned(text) {
        Some(scanned) => Ok(Ok(scanned)),
        None => tell(text, feed),
    }
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
    // Behind a line end no string is open.
    if let Some(line_end) = memchr::memchr(b'\n', window)
        && let Some(comma) = commas_outside(&window[line_end..], false).next()
    {
        return Some(line_end + comma);
    }
    let in_string = is_in_string(window)?;
    commas_outside(window, in_string).next()
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
        0 => {
            let is_plain = |byte: &u8| b"{}[]:,.-+ \t\r\n0123456789eEtrufalsn".contains(byte);
            window.iter().all(is_plain).then_some(false)
        }
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
                let mut starts: Vec<u64> = plain.index.content().1.iter().map(|wide| entries[wide.0 as usize].start()).collect();
                starts.extend(wide.iter().map(|wide| entries[wide.0 as usize].start()));
                let plain = Fragment::of(text.to_vec(), plain);
                for start in starts {
                    let (number, entry) = swept.index.at(start).unwrap();
                    let mut next = 0;
                    while let Some((child, point)) = swept.index.checkpoints(number).last(|child, _| child < next + 2 * STRIDE)
                        && child > next
                    {
                        let slot = plain.slot(start as usize, child).unwrap();
                        assert_eq!(start + point.offset(), slot.start as u64, "{shown}");
                        assert_eq!(point.values(), plain.values_before(start as usize, child), "{shown}");
                        next = child;
                    }
                    assert!(entry.children() - next <= 2 * STRIDE, "{shown}");
                }
            }
            (Err(ScanError::Problem(plain)), Err(swept)) => assert_eq!(swept, plain, "{shown}"),
            (plain, swept) => panic!("{:?} {:?}: {shown}", plain.is_ok(), swept.is_ok()),
        }
    }

    /// Whether the sweep alone, without the plain scan behind it, takes a text.
    fn is_swept(text: &[u8]) -> bool {
        let mut sweep = Sweep::from_start();
        let right = sweep.advance(text, bom_length(text), text.len()) && sweep.finish(text);
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
    fn check_parts(text: &[u8], starts: &[(usize, bool)]) {
        let mut room = vec![0; text.len()];
        let found = sweep_from(&mut room, starts, &Memory(text), &Alone).unwrap();
        assert_eq!(room, text);
        check_same(text, found);
    }

    /// Every comma, in strings or not, as the place to split; each other place as that of a part that is only read ahead.
    #[track_caller]
    fn check_all_splits(text: &[u8]) {
        for place in 1..text.len() {
            check_parts(text, &[(0, true), (place, text[place] == b',')]);
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
                check_parts(&text, &[(0, true), (place, true), (other, text[other] == b',')]);
            }
        }
        assert!((number / 3..number * 9 / 10).contains(&right), "{right} of {number}");
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
        let starts: Vec<(usize, bool)> = (0..text.len())
            .step_by(700)
            .map(|place| (place, place))
            .map(|(place, _)| {
                let comma = text[place..].find(',').map_or(place, |comma| place + comma);
                (if place == 0 { 0 } else { comma }, true)
            })
            .collect();
        check_parts(text.as_bytes(), &starts);
        // A deep text is not joined, and still found to be the same.
        let deep = format!("{}1{}", "[2,".repeat(3000), "]".repeat(3000));
        check_parts(deep.as_bytes(), &[(0, true), (300, true), (4502, true)]);
        check_parts(deep.as_bytes(), &[(0, true), (9001 + 1500, false)]);
    }

    #[test]
    fn a_comma_to_start_at_is_guessed() {
        let cases: &[(&str, Option<usize>)] = &[
            ("a, b\",\n \"c,d\", 1", Some(13)),
            (" x\", \"y\": \"a,b\", 3", Some(3)),
            ("\": 1, \"a,b\": [2", Some(4)),
            ("y,\\\"z\": 1, \"k", Some(9)),
            ("23,456,7", Some(2)),
            ("Some words, and more", None),
            ("xxxx", None),
            ("", None),
        ];
        for &(window, place) in cases {
            assert_eq!(guess_comma(window.as_bytes()), place, "{window}");
        }
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
            check_parts(text, &[(0, true), (middle, text[middle] == b',')]);
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
            let comma = |from: usize| text[from..].iter().position(|&byte| byte == b',').map(|place| (from + place, true));
            let starts: Vec<(usize, bool)> = starts.into_iter().map(|from| comma(from).unwrap_or((from, false))).collect();
            check_parts(&text, &[&[(0, true)], &starts[..]].concat());
        }
    }
}
