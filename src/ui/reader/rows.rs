//! The text of a string in rows as wide as there is room: broken at its line breaks, and between words where a row is full.
//!
//! No list of rows is made: each is found from the byte at which it starts, so that the beginning and the middle of a text of any size
//! take the same. Rows of a line are counted from the line's start. Where a line goes on for more than a [`BLOCK`], they are counted
//! anew from there: the way back to a row's start is never longer than two blocks.

use crate::document::scalar::{unit_start, units_from};
use crate::ui::text::{is_right_to_left, is_unseen, visible};
use std::collections::BTreeMap;
use unicode_linebreak::linebreaks;
use unicode_segmentation::GraphemeCursor;

/// Bytes after which a line that is still going on is cut.
const BLOCK: usize = 1 << 14;
/// Characters of a row, however narrow they are.
const LONGEST: usize = 480;
/// What a tab stands for.
const TAB: &str = "    ";

/// Where a character stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first byte in the literal.
    pub raw: usize,
    /// Where it begins in the row's text.
    pub shown: usize,
    /// Which one it is.
    pub character: char,
}

/// A row of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is drawn. Characters that can't be seen are escaped, line breaks left out.
    pub text: String,
    /// All its characters, with the line break at its end.
    pub places: Vec<Place>,
    /// Its first byte in the literal.
    pub start: usize,
    /// Where the next row starts; `None` at the end of the text.
    pub next: Option<usize>,
    /// Whether its line is one from right to left: the first letter says so. Known of rows of a [`page`](Rows::page).
    pub is_right_to_left: bool,
}

impl Row {
    /// Whether it ends with a line break.
    pub fn ends_line(&self) -> bool {
        self.next.is_some() && self.places.last().is_some_and(|place| place.character == '\n')
    }

    /// Where byte `raw` of the literal stands in the row's text; at its ends what is outside.
    pub fn shown_at(&self, raw: usize) -> usize {
        let behind = self.places.partition_point(|place| place.raw < raw);
        self.places.get(behind).map_or(self.text.len(), |place| place.shown)
    }

    /// The character of the literal that begins at or before place `shown` of the row's text. At its end what is behind it, which may
    /// be a line break of two characters, or `end`, that of the literal.
    pub fn raw_at(&self, shown: usize, end: usize) -> usize {
        if shown >= self.text.len() {
            let ending = self.places.partition_point(|place| place.shown < self.text.len());
            return self.places.get(ending).map_or(self.next.unwrap_or(end), |place| place.raw);
        }
        let behind = self.places.partition_point(|place| place.shown <= shown);
        behind.checked_sub(1).map_or(self.start, |last| self.places[last].raw)
    }
}

/// A text, and what its rows depend on.
pub struct Rows<'a> {
    literal: &'a [u8],
    /// Where its first character begins.
    first: usize,
    /// The end of its last one.
    end: usize,
    /// How much fits into a row.
    width: f32,
    /// How wide a character is.
    measure: Box<dyn FnMut(char) -> f32 + 'a>,
    known: Known,
}

/// What was found on the way, of use as long as value and width are the same.
#[derive(Default)]
pub struct Known {
    /// Where rows start that follow each other: those that were walked over last on the way up.
    walked: Vec<usize>,
    /// Where the first character of a block begins. What is nothing but backslashes has to be counted for it.
    blocks: BTreeMap<usize, usize>,
}

impl<'a> Rows<'a> {
    /// The rows of a value as it is written: of what stands between the quotes of a string. `known` is empty, or what
    /// [`into_known`](Rows::into_known) gave for the same value and width.
    pub fn new(literal: &'a [u8], width: f32, measure: impl FnMut(char) -> f32 + 'a, known: Known) -> Self {
        let quote = usize::from(literal.first() == Some(&b'"'));
        Self { literal, first: quote, end: literal.len() - quote, width, measure: Box::new(measure), known }
    }

    /// What makes the next looks quick.
    pub fn into_known(self) -> Known {
        self.known
    }

    /// Where the first row starts.
    pub fn first(&self) -> usize {
        self.first
    }

    /// Where the text ends.
    pub fn end(&self) -> usize {
        self.end
    }

    /// The row that starts at `start`.
    pub fn row(&mut self, start: usize) -> Row {
        let mut row = Row { text: String::new(), places: Vec::new(), start, next: None, is_right_to_left: false };
        let (mut width, mut count, mut block) = (0.0, 0, start / BLOCK);
        let mut rest = units_from(self.literal, start).peekable();
        while let Some((raw, unit)) = rest.next() {
            if raw / BLOCK != block {
                block = raw / BLOCK;
                if !row.places.is_empty() && self.is_cut(block) {
                    row.next = Some(raw);
                    return row;
                }
            }
            let (shown, character) = (row.text.len(), unit.character);
            row.places.push(Place { raw, shown, character });
            match character {
                '\n' => {
                    row.next = Some(raw + unit.length);
                    return row;
                }
                '\r' if rest.peek().is_some_and(|(_, next)| next.character == '\n') => {}
                '\t' => row.text.push_str(TAB),
                _ if is_unseen(character) => row.text.push_str(&visible(character.encode_utf8(&mut [0; 4]))),
                _ => row.text.push(character),
            }
            for added in row.text[shown..].chars() {
                width += (self.measure)(added);
                count += 1;
            }
            // White space may stand over the edge.
            let is_full = width > self.width && !character.is_whitespace() || count > LONGEST;
            if is_full && row.places.len() > 1 {
                break_before(&mut row, shown);
                return row;
            }
        }
        row
    }

    /// Whether a row begins with a block, since the line has been going on for one.
    fn is_cut(&mut self, block: usize) -> bool {
        let (from, to) = (self.block_start(block - 1), self.block_start(block));
        self.last_break(from, to).is_none()
    }

    /// The first character that begins in a block.
    fn block_start(&mut self, block: usize) -> usize {
        if block == 0 {
            return self.first;
        }
        let known = self.known.blocks.range(..=block).next_back();
        if let Some((_, &start)) = known.filter(|(known, _)| **known == block) {
            return start;
        }
        let before = known.map_or(self.first, |(_, start)| *start);
        let mut start = unit_start(self.literal, before, block * BLOCK);
        if start < block * BLOCK {
            start = units_from(self.literal, start).nth(1).map_or(self.end, |(next, _)| next);
        }
        self.known.blocks.insert(block, start);
        start
    }

    /// Where the character begins that byte `at` of the literal is a part of.
    fn unit_start(&mut self, at: usize) -> usize {
        let block = at / BLOCK;
        let mut known = self.block_start(block);
        // It may have begun in the block before.
        if known > at {
            known = self.block_start(block.saturating_sub(1));
        }
        unit_start(self.literal, known, at)
    }

    /// The characters of about so many bytes before the row that starts at `start`, with their places in the literal.
    pub fn characters_before(&mut self, start: usize, bytes: usize) -> impl Iterator<Item = (usize, char)> + use<'a> {
        let from = self.unit_start(start.saturating_sub(bytes).max(self.first));
        self.characters_from(from).take_while(move |(raw, _)| *raw < start)
    }

    /// The characters from byte `start` of the literal on, with their places.
    pub fn characters_from(&self, start: usize) -> impl Iterator<Item = (usize, char)> + use<'a> {
        units_from(self.literal, start).map(|(raw, unit)| (raw, unit.character))
    }

    /// Behind the last line break that ends at or before `to`, not looking at what is before `from`.
    fn last_break(&self, from: usize, to: usize) -> Option<usize> {
        let breaks = units_from(self.literal, from).take_while(|(raw, unit)| raw + unit.length <= to);
        breaks.filter(|(_, unit)| unit.character == '\n').last().map(|(raw, unit)| raw + unit.length)
    }

    /// The start of the line, or of the part of it, that the character at `at` is in. O(1).
    fn anchor(&mut self, at: usize) -> usize {
        let block = at / BLOCK;
        let block_start = self.block_start(block);
        if let Some(start) = self.last_break(block_start, at) {
            return start;
        }
        // The line began in the block before, or it is cut.
        let Some(before) = block.checked_sub(1).map(|before| self.block_start(before)) else { return block_start };
        self.last_break(before, block_start).unwrap_or(block_start)
    }

    /// The start of the row that byte `at` of the literal is in. O(1).
    pub fn start_of(&mut self, at: usize) -> usize {
        if self.first == self.end {
            return self.first;
        }
        let is_end = at >= self.end;
        let at = self.unit_start(at.clamp(self.first, self.end - 1));
        // Behind a line break at the end there is an empty row.
        if is_end && self.last_break(at, self.end).is_some() {
            return self.end;
        }
        let mut start = self.anchor(at);
        while let Some(next) = self.row(start).next.filter(|next| *next <= at) {
            start = next;
        }
        start
    }

    /// The start of the row that is so many above the one that starts at `start`, and how many there were. O(rows).
    pub fn above(&mut self, start: usize, count: usize) -> (usize, usize) {
        let (mut at, mut left) = (start, count);
        while left > 0 && at > self.first {
            // The way from the line's start is long: one walk does for many steps up.
            let number = match self.known.walked.binary_search(&at) {
                Ok(number) if number > 0 => number,
                _ => self.walk_up_to(at),
            };
            let taken = left.min(number);
            at = self.known.walked[number - taken];
            left -= taken;
        }
        (at, count - left)
    }

    /// Walks over the rows above the one that starts at `start`, from the line's start on; how many they are.
    fn walk_up_to(&mut self, start: usize) -> usize {
        let last = self.unit_start(start - 1);
        let mut next = Some(self.anchor(last));
        self.known.walked.clear();
        while let Some(at) = next.filter(|at| *at < start) {
            self.known.walked.push(at);
            next = self.row(at).next;
        }
        self.known.walked.push(start);
        self.known.walked.len() - 1
    }

    /// So many rows from the one that starts at `start` on, or all that there are.
    pub fn page(&mut self, start: usize, count: usize) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::with_capacity(count);
        let mut next = Some(start);
        while let Some(start) = next.filter(|_| rows.len() < count) {
            let is_right_to_left = match rows.last() {
                None => {
                    let line = self.anchor(start);
                    self.begins_right_to_left(line)
                }
                Some(before) if before.ends_line() => self.begins_right_to_left(start),
                Some(before) => before.is_right_to_left,
            };
            let row = Row { is_right_to_left, ..self.row(start) };
            next = row.next;
            rows.push(row);
        }
        rows
    }

    /// Whether the first letter of the line that starts at `line` is one from right to left.
    fn begins_right_to_left(&self, line: usize) -> bool {
        let line = units_from(self.literal, line).map(|(_, unit)| unit.character);
        let mut letters =
            line.take(LONGEST).take_while(|character| *character != '\n').filter(|character| character.is_alphabetic());
        letters.next().is_some_and(is_right_to_left)
    }
}

/// Ends a row before place `full` of its text: between words, or else between two graphemes, or else there.
fn break_before(row: &mut Row, full: usize) {
    let between_words = linebreaks(&row.text).map(|(place, _)| place).take_while(|place| *place <= full).last();
    let between_graphemes = || {
        let mut cursor = GraphemeCursor::new(full, row.text.len(), true);
        match cursor.is_boundary(&row.text, 0) {
            Ok(false) => cursor.prev_boundary(&row.text, 0).ok().flatten(),
            _ => Some(full),
        }
    };
    let place = between_words.or_else(between_graphemes).unwrap_or(full);
    // No escape is broken.
    let first_left = row.places.partition_point(|known| known.shown < place);
    let first_left = if (1..row.places.len()).contains(&first_left) { first_left } else { row.places.len() - 1 };
    row.next = Some(row.places[first_left].raw);
    row.text.truncate(row.places[first_left].shown);
    row.places.truncate(first_left);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::scalar::{Escaping, decode, encode};
    use proptest::prelude::*;

    /// Rows of as many characters.
    fn rows(literal: &[u8], width: usize) -> Rows<'_> {
        Rows::new(literal, width as f32, |_| 1.0, Known::default())
    }

    fn all(rows: &mut Rows<'_>) -> Vec<Row> {
        let mut found = vec![rows.row(rows.first())];
        while let Some(next) = found.last().and_then(|row| row.next) {
            found.push(rows.row(next));
        }
        found
    }

    fn texts(literal: &str, width: usize) -> Vec<String> {
        all(&mut rows(literal.as_bytes(), width)).into_iter().map(|row| row.text).collect()
    }

    #[test]
    fn rows_end_at_line_breaks_and_between_words() {
        for (literal, width, expected) in [
            (r#""""#, 5, &[""][..]),
            (r#""ab""#, 5, &["ab"]),
            (r#""a\nb\u000ac\r\nd""#, 5, &["a", "b", "c", "d"]),
            (r#""a\n""#, 5, &["a", ""]),
            (r#""\n\n""#, 5, &["", "", ""]),
            (r#""one two three""#, 7, &["one two ", "three"]),
            (r#""one two three""#, 3, &["one ", "two ", "thr", "ee"]),
            (r#""x\ty z""#, 6, &["x    y ", "z"]),
            (r#""王芳在家里""#, 2, &["王芳", "在家", "里"]),
            (r#""שלום עולם""#, 6, &["שלום ", "עולם"]),
            // Neither a grapheme nor an escape is broken.
            ("\"aae\u{301}x\"", 3, &["aa", "e\u{301}x"]),
            (r#""aa\u0001b""#, 4, &["aa", "\\u0001", "b"]),
            ("-12.5e3", 4, &["-12.", "5e3"]),
        ] {
            assert_eq!(texts(literal, width), expected, "{literal}");
        }
    }

    #[test]
    fn a_line_that_goes_on_for_long_is_cut() {
        let literal = format!("\"{}\"", "abcdefghi ".repeat(10_000));
        let starts: Vec<usize> = all(&mut rows(literal.as_bytes(), 100)).iter().map(|row| row.start).collect();
        for block in 1..literal.len() / BLOCK {
            assert!(starts.contains(&(block * BLOCK)), "{block}");
        }
        // With line breaks in it no row ends where a block does.
        let literal = format!("\"{}\"", "abcdefghi\\n".repeat(10_000));
        let found = all(&mut rows(literal.as_bytes(), 100));
        assert!(found.iter().all(|row| row.text.len() == 9 || row.next.is_none()), "all lines are whole");
    }

    #[test]
    fn a_text_may_end_where_a_block_does() {
        for end in ["1", "", "\n", "\n\n", "\u{301}"] {
            for length in [BLOCK - 3, BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK] {
                let digits = "1".repeat(length);
                let literal = if end == "1" { digits } else { encode(&format!("{digits}{end}"), Escaping::Needed) };
                let mut rows = rows(literal.as_bytes(), 100);
                let found = all(&mut rows);
                let last = found[found.len() - 1].start;
                assert_eq!(rows.start_of(rows.end()), last, "{end:?} {length}");
                assert_eq!(rows.above(last, 1).0, found[found.len() - 2].start);
                assert_eq!(rows.page(last, 9).len(), 1);
                assert_eq!(rows.start_of(rows.end() - 1), found.iter().rfind(|row| row.start < rows.end()).unwrap().start);
            }
        }
    }

    #[test]
    fn places_are_found_in_both_directions() {
        let literal = r#""a\tb\u05d0\n""#.as_bytes();
        let row = rows(literal, 20).row(1);
        assert_eq!(row.text, "a    bא");
        for (raw, shown) in [(1, 0), (2, 1), (4, 5), (5, 6), (11, 8)] {
            assert_eq!(row.shown_at(raw), shown, "{raw}");
            assert_eq!(row.raw_at(shown, literal.len() - 1), raw, "{shown}");
        }
        assert_eq!(row.raw_at(3, 0), 2, "inside of a tab");
        let literal = r#""ab\r\nc""#.as_bytes();
        assert_eq!(rows(literal, 20).row(1).raw_at(2, literal.len() - 1), 3, "before both characters of the line break");
    }

    #[test]
    fn the_first_letter_of_a_line_says_its_direction() {
        let literal = format!("\"{} 12 abc\\n1. {}\\nabc א\"", "א ".repeat(40), "ב ".repeat(40));
        let mut rows = rows(literal.as_bytes(), 30);
        let found: Vec<(usize, bool)> = rows.page(1, 100).iter().map(|row| (row.start, row.is_right_to_left)).collect();
        assert!(found.len() > 4 && found[..found.len() - 1].iter().all(|(_, is)| *is), "{found:?}");
        assert!(!found[found.len() - 1].1);
        // From the middle of a line, too.
        assert!(found.iter().all(|&(start, is)| rows.page(start, 1)[0].is_right_to_left == is));
    }

    fn long_text() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            (1..3000_usize).prop_map(|count| "word ".repeat(count)),
            (1..9000_usize).prop_map(|count| "x".repeat(count)),
            (1..400_usize).prop_map(|count| "line\n".repeat(count)),
            (1..2000_usize).prop_map(|count| "שָׁל".repeat(count)),
            (1..2000_usize).prop_map(|count| "😀\u{1}".repeat(count)),
            Just("\r\n\t\u{fffd}".to_owned()),
        ];
        proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn rows_are_the_same_from_wherever_they_are_looked_for(text in long_text(), ascii: bool, width in 3..120_usize, looks in proptest::collection::vec(0.0..1.0_f64, 12)) {
            let literal = encode(&text, if ascii { Escaping::Ascii } else { Escaping::Needed });
            let mut rows = rows(literal.as_bytes(), width);
            let found = all(&mut rows);
            let characters: String = found.iter().flat_map(|row| row.places.iter().map(|place| place.character)).collect();
            prop_assert_eq!(&characters, &decode(literal.as_bytes()));
            for look in looks {
                let at = rows.first() + ((rows.end() - rows.first()) as f64 * look) as usize;
                let number = found.partition_point(|row| row.start <= at) - 1;
                prop_assert_eq!(rows.start_of(at), found[number].start);
                for count in [0, 1, 7, 500] {
                    let moved = count.min(number);
                    prop_assert_eq!(rows.above(found[number].start, count), (found[number - moved].start, moved));
                }
            }
            prop_assert_eq!(rows.start_of(usize::MAX), found[found.len() - 1].start);
        }
    }
}
