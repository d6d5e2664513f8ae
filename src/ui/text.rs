//! Text on its way to the screen: cut before it is laid out, control characters shown, right-to-left words in visual order.
//!
//! egui 0.37 lays out a whole string even if one line of it is shown, hides control characters, and draws the words of right-to-left
//! text from left to right. It does draw a single word of one script right, so here every such word is a galley of its own, placed
//! where the Unicode Bidirectional Algorithm (UAX #9) wants it. The half of this file about order can go when egui orders text itself.
//!
//! # Limitations
//!
//! * Brackets and quotes within right-to-left text are mirrored for the common pairs only.
//! * A word whose letters come from two fonts keeps the order of egui.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Color32, FontId, Galley, Painter, Pos2, Response, Sense, Ui, WidgetInfo, vec2};
use unicode_bidi::{Level, ParagraphBidiInfo};
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

/// The most characters that are ever laid out as one line; more would be outside every window.
pub const MAX_CHARS: usize = 500;

/// The start of a text, and whether something is missing after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clipped<'a> {
    /// What is left.
    pub text: &'a str,
    /// Whether the text went on.
    pub cut: bool,
}

/// Cuts a text after at most `max_chars` characters, between two graphemes.
///
/// Looks at no more than the part that stays, so the length of the text does not matter.
#[must_use]
pub fn clip(text: &str, max_chars: usize) -> Clipped<'_> {
    let Some((limit, first_outside)) = text.char_indices().nth(max_chars) else {
        return Clipped { text, cut: false };
    };
    // One character more than fits tells whether it belongs to the grapheme before it.
    let head = &text[..limit + first_outside.len_utf8()];
    let mut cursor = GraphemeCursor::new(limit, head.len(), true);
    let boundary = match cursor.is_boundary(head, 0) {
        Ok(false) => cursor.prev_boundary(head, 0).ok().flatten(),
        _ => Some(limit),
    };
    // A single grapheme longer than the limit is cut inside rather than dropped.
    let end = boundary.filter(|&end| end > 0).unwrap_or(limit);
    Clipped { text: &text[..end], cut: true }
}

/// Cuts UTF-8 bytes as [`clip`] does; the text also ends where the bytes stop being UTF-8.
#[must_use]
pub fn clip_bytes(bytes: &[u8], max_chars: usize) -> Clipped<'_> {
    let window = &bytes[..bytes.len().min((max_chars + 1).saturating_mul(4))];
    let text = window.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let clipped = clip(text, max_chars);
    Clipped { cut: clipped.text.len() < bytes.len(), ..clipped }
}

/// Writes characters that can't be seen, or that would change the order of others, as JSON escapes: `\n`, `\u202e`.
///
/// For reading only: a backslash of the text itself stays single, so the result can't be turned back.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, is_unseen)
}

/// Puts a text between marks that keep its direction from spreading to its neighbours in the same [`Line`].
///
/// For lists such as `"אב", "גד"`: without marks the second would stand to the left of the first.
#[must_use]
pub fn isolated(text: &str) -> String {
    format!("{FIRST_STRONG_ISOLATE}{}{POP_ISOLATE}", visible(text))
}

const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_ISOLATE: char = '\u{2069}';

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    let Some(first) = text.find(&is_escaped) else {
        return Cow::Borrowed(text);
    };
    let mut shown = String::with_capacity(text.len() + 16);
    shown.push_str(&text[..first]);
    for character in text[first..].chars() {
        match character {
            _ if !is_escaped(character) => shown.push(character),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\u{8}' => shown.push_str("\\b"),
            '\u{c}' => shown.push_str("\\f"),
            // Every one of them is in the basic plane, where four digits are enough.
            _ => shown.push_str(&format!("\\u{:04x}", u32::from(character))),
        }
    }
    Cow::Owned(shown)
}

/// Whether a reader would miss the character. Joiners (U+200C, U+200D) are not among them: words and emoji are made with them.
pub(super) fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// The direction that a line starts with, and so where its ends and its punctuation go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// From left to right, whatever the text: for keys and lists.
    LeftToRight,
    /// As the first letter says: for a value that is a text of its own.
    FirstStrong,
    /// From right to left: for a line of a text that began so.
    RightToLeft,
}

/// A part of a line that is drawn at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its bytes in the text.
    pub range: Range<usize>,
    /// Its direction. Right-to-left words have letters of one script only, or no letters at all.
    pub right_to_left: bool,
}

impl Word {
    /// The word as it has to be given to egui, which draws letters in the right order, and all else from left to right.
    #[must_use]
    pub fn displayed<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let word = &text[self.range.clone()];
        if !self.right_to_left || word.chars().any(|character| script(character).is_some()) {
            return Cow::Borrowed(word);
        }
        Cow::Owned(word.graphemes(true).rev().flat_map(str::chars).map(mirrored).collect())
    }
}

/// Splits a line into words, from left to right as they appear on the screen (UAX #9, L2).
///
/// Marks from [`isolated`] take part in the ordering and are in no word.
#[must_use]
pub fn visual_order(text: &str, base: Base) -> Vec<Word> {
    if text.is_empty() {
        return Vec::new(); // unicode-bidi 0.3.18 panics in `visual_runs`
    }
    let level = match base {
        Base::LeftToRight => Some(Level::ltr()),
        Base::RightToLeft => Some(Level::rtl()),
        Base::FirstStrong => None,
    };
    let paragraph = ParagraphBidiInfo::new(text, level);
    let (levels, runs) = paragraph.visual_runs(0..text.len());
    let mut words = Vec::with_capacity(runs.len());
    for run in runs {
        let right_to_left = levels.get(run.start).is_some_and(|level| level.is_rtl());
        let from = words.len();
        split_run(text, run, right_to_left, &mut words);
        if right_to_left {
            words[from..].reverse();
        }
    }
    words
}

/// Splits a run of one direction into what egui draws right; in the order of the text.
fn split_run(text: &str, run: Range<usize>, right_to_left: bool, words: &mut Vec<Word>) {
    let mut previous = None;
    for (offset, grapheme) in text[run.clone()].grapheme_indices(true) {
        let start = run.start + offset;
        let range = start..start + grapheme.len();
        if grapheme.starts_with(is_isolate) {
            previous = None;
            continue;
        }
        let first = grapheme.chars().next();
        let kind = first.and_then(script);
        // Arabic and Persian digits run from left to right, but as a word egui would reverse them like letters.
        let alone = !right_to_left && (kind.is_some() || first.is_some_and(is_arabic_digit));
        match words.last_mut() {
            Some(word) if previous == Some(kind) && !alone => word.range.end = range.end,
            _ => words.push(Word { range, right_to_left }),
        }
        previous = (!alone).then_some(kind);
    }
}

/// A digit, or a sign between digits, of the Arabic block.
fn is_arabic_digit(character: char) -> bool {
    matches!(character, '\u{660}'..='\u{66c}' | '\u{6f0}'..='\u{6f9}')
}

fn is_isolate(character: char) -> bool {
    matches!(character, '\u{2066}'..='\u{2069}')
}

/// The block of a right-to-left script, or `None` for everything else.
///
/// Two scripts usually come from two fonts, which egui would place from left to right.
fn script(character: char) -> Option<u8> {
    match character {
        '\u{590}'..='\u{5ff}' | '\u{fb1d}'..='\u{fb4f}' => Some(0),
        // The Arabic comma, semicolon and question mark, and the digits, are shared by scripts and placed one by one.
        '\u{600}'..='\u{60b}'
        | '\u{60d}'..='\u{61a}'
        | '\u{61d}'
        | '\u{61e}'
        | '\u{620}'..='\u{65f}'
        | '\u{66e}'..='\u{6ff}'
        | '\u{750}'..='\u{77f}'
        | '\u{860}'..='\u{8ff}'
        | '\u{fb50}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefe}' => Some(1),
        '\u{700}'..='\u{74f}' => Some(2),
        '\u{780}'..='\u{7bf}' => Some(3),
        '\u{7c0}'..='\u{7ff}' => Some(4),
        '\u{800}'..='\u{85f}' => Some(5),
        '\u{10800}'..='\u{10fff}' => Some(6),
        '\u{1e800}'..='\u{1efff}' => Some(7),
        _ => None,
    }
}

/// Whether a character is of a right-to-left script.
pub(super) fn is_right_to_left(character: char) -> bool {
    script(character).is_some()
}

/// Whether the order on screen may differ from the order in the text.
fn needs_ordering(text: &str) -> bool {
    !text.is_ascii() && text.chars().any(|character| script(character).is_some() || is_isolate(character))
}

/// The other one of a pair (the common part of Unicode's `BidiMirroring.txt`).
fn mirrored(character: char) -> char {
    const PAIRS: [(char, char); 14] = [
        ('(', ')'),
        ('[', ']'),
        ('{', '}'),
        ('<', '>'),
        ('«', '»'),
        ('‹', '›'),
        ('≤', '≥'),
        ('⟨', '⟩'),
        ('〈', '〉'),
        ('《', '》'),
        ('「', '」'),
        ('『', '』'),
        ('【', '】'),
        ('⁅', '⁆'),
    ];
    for (left, right) in PAIRS {
        if character == left {
            return right;
        }
        if character == right {
            return left;
        }
    }
    character
}

/// A line of text with every part in its place.
#[derive(Clone, Debug)]
pub struct Line {
    /// From left to right.
    parts: Vec<Part>,
    width: f32,
    height: f32,
    color: Color32,
}

/// Words that share a galley.
#[derive(Clone, Debug)]
struct Part {
    /// The distance from the line's left end.
    x: f32,
    galley: Arc<Galley>,
    word: Word,
    /// As [`edges`](Part::edges) found them.
    edges: OnceCell<Option<Vec<f32>>>,
}

/// Lays out one line. Text after [`MAX_CHARS`] is left out, and control characters are escaped.
#[must_use]
pub fn layout(painter: &Painter, text: &str, font: &FontId, color: Color32, base: Base) -> Line {
    let shown = escaped(clip(text, MAX_CHARS).text, |character| is_unseen(character) && !is_isolate(character));
    let shown = clip(&shown, MAX_CHARS).text; // six times longer if all of it was escaped
    // The placeholder lets lines that differ in their colour share a galley.
    let galley = |text: String| painter.layout_no_wrap(text, font.clone(), Color32::PLACEHOLDER);
    let mut line = Line { parts: Vec::new(), width: 0.0, height: 0.0, color };
    if base == Base::RightToLeft || needs_ordering(shown) {
        for word in visual_order(shown, base) {
            line.push(galley(word.displayed(shown).into_owned()), word);
        }
    } else {
        line.push(galley(shown.to_owned()), Word { range: 0..shown.len(), right_to_left: false });
    }
    line
}

/// A text of which as much is drawn as there is room for.
#[derive(Clone, Copy, Debug)]
pub struct Excerpt<'a> {
    /// The text, or its start.
    pub text: &'a str,
    /// Whether the text goes on after what is given.
    pub goes_on: bool,
    /// Whether it stands in quotation marks; each appears only where the text begins or ends.
    pub quoted: bool,
    /// Whether the text begins with what is given, and not in front of it.
    pub is_start: bool,
}

impl<'a> Excerpt<'a> {
    /// A whole text.
    pub fn plain(text: &'a str) -> Self {
        Self { text, goes_on: false, quoted: false, is_start: true }
    }

    /// A text, or its start, in quotation marks.
    pub fn quoted(text: &'a str, goes_on: bool) -> Self {
        Self { text, goes_on, quoted: true, is_start: true }
    }

    /// What stands in front of it.
    pub fn opening(&self) -> &'static str {
        match (self.is_start, self.quoted) {
            (false, _) => "…",
            (true, true) => "\"",
            (true, false) => "",
        }
    }

    /// The first characters, with an ellipsis if that is not all.
    pub fn written(&self, max_chars: usize) -> String {
        let Clipped { text, cut } = clip(self.text, max_chars);
        let end = if self.quoted { "\"" } else { "" };
        format!("{}{text}{}", self.opening(), if cut || self.goes_on { "…" } else { end })
    }

    /// Lays out as much as fits into `width` points.
    #[must_use]
    pub fn layout(&self, painter: &Painter, font: &FontId, color: Color32, base: Base, width: f32) -> Line {
        let char_width = painter.fonts_mut(|fonts| fonts.glyph_width(font, '0')).max(1.0);
        let columns = (width / char_width).max(0.0) as usize;
        // ASCII in a monospaced font needs exactly this much; other letters may be narrower, or marks without a width.
        let guess = if !self.text.is_ascii() {
            3 * columns
        } else if self.text.len() + 2 <= columns && !self.goes_on {
            columns
        } else {
            columns.saturating_sub(2)
        };
        let mut max_chars = guess.clamp(1, MAX_CHARS - 2);
        loop {
            let line = layout(painter, &self.written(max_chars), font, color, base);
            if line.width() <= width || max_chars == 1 {
                return line;
            }
            let laid_out = clip(self.text, max_chars).text.chars().count();
            let fitting = (laid_out as f32 * width / line.width()) as usize;
            max_chars = fitting.clamp(1, max_chars - 1);
        }
    }
}

/// Adds a line of text as a label, in the right order and as much of it as there is room for.
pub fn line_ui(ui: &mut Ui, text: &str, font: &FontId, color: Color32, sense: Sense) -> Response {
    let width = ui.available_width();
    let excerpt = Excerpt::plain(text);
    let line = excerpt.layout(ui.painter(), font, color, Base::LeftToRight, width);
    let (rect, response) = ui.allocate_exact_size(vec2(line.width(), line.height()), sense);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, ui.is_enabled(), text));
    line.paint_centred(ui.painter(), rect.left(), rect.center().y);
    response
}

impl Line {
    fn push(&mut self, galley: Arc<Galley>, word: Word) {
        let size = galley.size();
        self.parts.push(Part { x: self.width, galley, word, edges: OnceCell::new() });
        self.width += size.x;
        self.height = self.height.max(size.y);
    }

    /// The distance from its left to its right end, in points.
    #[must_use]
    pub fn width(&self) -> f32 {
        self.width
    }

    /// The height of the line, in points.
    #[must_use]
    pub fn height(&self) -> f32 {
        self.height
    }

    /// Where the bytes `range` of the text that was laid out stand: from and to, in points from the left end. A part that is
    /// drawn from right to left is covered from its right end.
    #[must_use]
    pub fn spans(&self, range: &Range<usize>) -> Vec<(f32, f32)> {
        self.parts.iter().filter_map(|part| part.span(range)).collect()
    }

    /// Draws the line with its upper left corner at `pos`.
    pub fn paint(self, painter: &Painter, pos: Pos2) {
        for part in self.parts {
            painter.galley(Pos2::new(pos.x + part.x, pos.y), part.galley, self.color);
        }
    }

    /// The place in the text that was laid out that is nearest to `x` points from the left end: a border between two characters.
    #[must_use]
    pub fn place_at(&self, x: f32) -> usize {
        let distance = |part: &&Part| (part.x - x).max(x - part.x - part.galley.size().x).max(0.0);
        let nearest = self.parts.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let Some(Part { galley, word, .. }) = nearest else { return 0 };
        let mut before = word.range.start;
        let mut best = (f32::INFINITY, before);
        // Both ends of each letter, in the order of the text.
        for (offset, _) in galley.text().char_indices().skip(1).chain([(word.range.len(), ' ')]) {
            let after = (word.range.start + offset).min(word.range.end);
            for (left, right) in self.spans(&(before..after)) {
                let (first, last) = if word.right_to_left { (right, left) } else { (left, right) };
                for (edge, place) in [(first, before), (last, after)] {
                    if (edge - x).abs() < best.0 {
                        best = ((edge - x).abs(), place);
                    }
                }
            }
            before = after;
        }
        best.1
    }

    /// Draws the line with its left end at `left` and its middle at `middle`, and returns its right end.
    pub fn paint_centred(self, painter: &Painter, left: f32, middle: f32) -> f32 {
        let right = left + self.width;
        let top = middle - self.height / 2.0;
        self.paint(painter, Pos2::new(left, top));
        right
    }
}

impl Part {
    /// Where what of `range` is in this part stands on the line.
    fn span(&self, range: &Range<usize>) -> Option<(f32, f32)> {
        let Word { range: own, right_to_left } = &self.word;
        let (start, end) = (range.start.max(own.start), range.end.min(own.end));
        if start >= end {
            return None;
        }
        let whole = (self.x, self.x + self.galley.size().x);
        let text = self.galley.text();
        // A mirrored sign may be longer than its twin: such a word is covered whole.
        let Some(edges) = self.edges().filter(|_| text.len() == own.len()) else { return Some(whole) };
        // What is cut ends within the ellipsis.
        let before = &text[..text.floor_char_boundary(start - own.start)];
        let up_to = &text[..text.ceil_char_boundary(end - own.start)];
        let (from, to) = (before.chars().count(), up_to.chars().count());
        let characters = edges.len() - 1;
        let (left, right) = if *right_to_left { (characters - to, characters - from) } else { (from, to) };
        Some((self.x + edges[left], self.x + edges[right]))
    }

    /// Where its characters begin, from left to right, and its right end; `None` where several are one shape, or one is several.
    fn edges(&self) -> Option<&[f32]> {
        let find = || {
            // Behind right-to-left letters egui 0.37 puts glyphs without a width.
            let glyphs = self.galley.rows.iter().flat_map(|row| row.glyphs.iter().map(move |glyph| (row.pos.x, glyph)));
            let glyphs = glyphs.filter(|(_, glyph)| !self.word.right_to_left || glyph.advance_width > 0.0);
            let mut edges: Vec<f32> = glyphs.map(|(row_x, glyph)| row_x + glyph.pos.x).collect();
            edges.sort_by(f32::total_cmp);
            edges.push(self.galley.size().x);
            (edges.len() == self.galley.text().chars().count() + 1).then_some(edges)
        };
        self.edges.get_or_init(find).as_deref()
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use proptest::prelude::*;

    use super::*;

    fn clipped(text: &str, cut: bool) -> Clipped<'_> {
        Clipped { text, cut }
    }

    #[test]
    fn text_is_cut_between_graphemes() {
        for (text, max_chars, expected) in [
            ("", 0, clipped("", false)),
            ("abc", 3, clipped("abc", false)),
            ("abcd", 3, clipped("abc", true)),
            ("ab\u{301}c", 2, clipped("a", true)),
            ("ab\u{301}c", 3, clipped("ab\u{301}", true)),
            ("בְּרֵאשִׁית", 4, clipped("בְּ", true)),
            ("👩‍👩‍👧x", 5, clipped("👩‍👩‍👧", true)),
            ("x👩‍👩‍👧x", 4, clipped("x", true)),
            ("王芳", 1, clipped("王", true)),
            // A grapheme of ten thousand accents.
            ("a\u{301}\u{301}\u{301}\u{301}", 3, clipped("a\u{301}\u{301}", true)),
        ] {
            assert_eq!(clip(text, max_chars), expected, "{text:?} {max_chars}");
        }
    }

    #[test]
    fn bytes_are_cut_where_they_stop_being_text() {
        for (bytes, max_chars, expected) in [
            (&b""[..], 5, clipped("", false)),
            (b"abc", 5, clipped("abc", false)),
            (b"abcdef", 5, clipped("abcde", true)),
            (b"ab\xffc", 5, clipped("ab", true)),
            ("a王芳".as_bytes(), 2, clipped("a王", true)),
            ("𝄞𝄞𝄞".as_bytes(), 3, clipped("𝄞𝄞𝄞", false)),
        ] {
            assert_eq!(clip_bytes(bytes, max_chars), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_long_text_costs_no_more_than_what_is_shown() {
        let long = "aé王".repeat(10_000_000);
        let start = std::time::Instant::now();
        for _ in 0..1000 {
            assert!(clip(&long, 100).cut);
            assert!(clip_bytes(long.as_bytes(), 100).cut);
        }
        assert!(start.elapsed().as_millis() < 1000, "{:?}", start.elapsed());
    }

    #[test]
    fn what_can_not_be_seen_is_escaped() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{8}\u{c}\u{0}\u{1b}\u{7f}\u{9b}", "\\b\\f\\u0000\\u001b\\u007f\\u009b"),
            ("\u{202e}txt.exe", "\\u202etxt.exe"),
            ("\u{202a}\u{202b}\u{202c}\u{202d}", "\\u202a\\u202b\\u202c\\u202d"),
            ("\u{2066}\u{2067}\u{2068}\u{2069}", "\\u2066\\u2067\\u2068\\u2069"),
            ("\u{200e}\u{200f}\u{feff}\u{200b}", "\\u200e\\u200f\\ufeff\\u200b"),
            ("می\u{200c}خواهم 👩‍👧", "می\u{200c}خواهم 👩‍👧"),
            ("C:\\new", "C:\\new"),
        ] {
            assert_eq!(visible(text), expected, "{text:?}");
        }
        assert_eq!(isolated("a\u{2069}b"), "\u{2068}a\\u2069b\u{2069}");
    }

    #[test]
    fn an_excerpt_shows_where_it_ends() {
        for (text, goes_on, quoted, expected) in [
            ("abc", false, true, "\"abc\""),
            ("abc", true, true, "\"abc…"),
            ("abcdef", false, true, "\"abcd…"),
            ("abcdef", false, false, "abcd…"),
            ("", false, true, "\"\""),
        ] {
            assert_eq!(Excerpt { goes_on, quoted, ..Excerpt::plain(text) }.written(4), expected);
        }
        assert_eq!(Excerpt { is_start: false, ..Excerpt::quoted("cd", false) }.written(4), "…cd\"");
    }

    /// The words as they stand on the screen, from left to right, separated by `|`.
    fn on_screen(text: &str, base: Base) -> String {
        let words = visual_order(text, base);
        words.iter().map(|word| word.displayed(text).into_owned()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn words_stand_in_visual_order() {
        for (text, in_a_row, as_a_value) in [
            ("", "", ""),
            ("abc def", "abc def", "abc def"),
            ("אב גד", "גד| |אב", "גד| |אב"),
            ("abc אב גד 123 x", "abc |123| |גד| |אב| x", "abc |123| |גד| |אב| x"),
            ("אבג abc", "אבג| abc", "abc| |אבג"),
            ("אבג abc דה", "אבג| abc |דה", "דה| |abc| |אבג"),
            // Numbers keep their digits in order inside Hebrew.
            ("יש 12.50 שקל", "שקל| |12.50| |יש", "שקל| |12.50| |יש"),
            ("אב-12", "12|-|אב", "12|-|אב"),
            // Niqqud stays on its letter; maqaf and sof pasuq belong to the word.
            ("בְּרֵאשִׁית בָּרָא", "בָּרָא| |בְּרֵאשִׁית", "בָּרָא| |בְּרֵאשִׁית"),
            ("וַיְהִי־אוֹר׃", "וַיְהִי־אוֹר׃", "וַיְהִי־אוֹר׃"),
            // Brackets are mirrored, quotes change places.
            ("אב (גד) הו", "הו| (|גד|) |אב", "הו| (|גד|) |אב"),
            ("אב [12] גד", "גד| [|12|] |אב", "גד| [|12|] |אב"),
            ("\"אב\"", "\"|אב|\"", "\"|אב|\""),
            ("\"אב גד…", "\"|גד| |אב|…", "…|גד| |אב|\""),
            ("צה\"ל", "ל|\"|צה", "ל|\"|צה"),
            ("אב.", "אב|.", ".|אב"),
            ("אב, גד", "גד| ,|אב", "גד| ,|אב"),
            // Arabic letters stay together, so that they join.
            ("مرحبا بالعالم", "بالعالم| |مرحبا", "بالعالم| |مرحبا"),
            ("سنة ٢٠٢٣، نعم", "نعم| ،|٢|٠|٢|٣| |سنة", "نعم| ،|٢|٠|٢|٣| |سنة"),
            ("a٢٠b", "a|٢|٠|b", "a|٢|٠|b"),
            ("سال ۱۲", "۱|۲| |سال", "۱|۲| |سال"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم", "می\u{200c}خواهم"),
            // Scripts come from different fonts.
            ("אבسن", "سن|אב", "سن|אב"),
            ("👩‍👧 אב 王", "👩‍👧 |אב| 王", "王| |אב| 👩‍👧"),
        ] {
            assert_eq!(on_screen(text, Base::LeftToRight), in_a_row, "row: {text}");
            assert_eq!(on_screen(text, Base::FirstStrong), as_a_value, "value: {text}");
        }
    }

    #[test]
    fn isolated_texts_keep_their_places_in_a_list() {
        let list = ["אב גד", "הו", "x"].map(|item| format!("\"{}\"", isolated(item))).join(", ");
        assert_eq!(on_screen(&list, Base::LeftToRight), "\"|גד| |אב|\", \"|הו|\", \"|x|\"");
        let plain = "\"אב\", \"הו\"";
        assert_eq!(on_screen(plain, Base::LeftToRight), "\"|הו|\" ,\"|אב|\"");
    }

    #[test]
    fn the_width_of_a_line_is_that_of_its_words_with_the_spaces() {
        let mut widths = Vec::new();
        let mut harness = Harness::new_ui(|ui| {
            let width = |text, base| layout(ui.painter(), text, &FontId::monospace(13.0), Color32::WHITE, base).width();
            let space = ui.fonts_mut(|fonts| fonts.glyph_width(&FontId::monospace(13.0), ' '));
            let isolated = isolated("ab ");
            let texts = ["", " ", "a ", &isolated, "a\n"];
            widths = texts.map(|text| (width(text, Base::LeftToRight) / space * 10.0).round() / 10.0).to_vec();
        });
        harness.run();
        drop(harness);
        assert_eq!(widths, [0.0, 1.0, 2.0, 3.0, 3.0]);
    }

    proptest! {
        #[test]
        fn every_byte_is_in_one_word(text in "[ -~א-ת\u{5b0}-\u{5bc}ا-ي٠-٩۰-۹王é👩‍\n]{0,30}") {
            for base in [Base::LeftToRight, Base::FirstStrong] {
                let mut ranges: Vec<_> = visual_order(&text, base).into_iter().map(|word| word.range).collect();
                ranges.sort_by_key(|range| range.start);
                let mut end = 0;
                for range in ranges {
                    prop_assert_eq!(range.start, end);
                    end = range.end;
                }
                prop_assert_eq!(end, text.len());
            }
        }

        #[test]
        fn a_clipped_text_is_a_start_of_the_text(text in "[a-c\u{301}\u{200d}👩🏽🇮🇱א\u{5b0}\r\n]{0,20}", max_chars in 0_usize..25) {
            let clipped = clip(&text, max_chars);
            prop_assert!(text.starts_with(clipped.text));
            prop_assert!(clipped.text.chars().count() <= max_chars);
            prop_assert_eq!(clipped.cut, clipped.text.len() < text.len());
            prop_assert_eq!(clip_bytes(text.as_bytes(), max_chars), clipped);
        }
    }

    #[test]
    fn a_part_of_a_line_is_found_where_it_is_drawn() {
        let mut harness = Harness::builder().allow_missing_glyphs().build_ui(|ui| {
            let line = |text| layout(ui.painter(), text, &FontId::monospace(13.0), Color32::PLACEHOLDER, Base::LeftToRight);
            let latin = line("abcd");
            let quarter = latin.width() / 4.0;
            // Glyphs stand on whole pixels.
            let near = |spans: Vec<(f32, f32)>, from: f32, to: f32| {
                assert_eq!(spans.len(), 1);
                assert!((spans[0].0 - from).abs() < 1.0 && (spans[0].1 - to).abs() < 1.0, "{spans:?} is not {from}–{to}");
            };
            near(latin.spans(&(1..3)), quarter, 3.0 * quarter);
            near(latin.spans(&(2..90)), 2.0 * quarter, 4.0 * quarter);
            assert!(latin.spans(&(4..9)).is_empty());
            // What is cut goes on in the ellipsis, of which no place is a letter's.
            let cut = line("ab…");
            near(cut.spans(&(1..4)), quarter, cut.width());
            near(cut.spans(&(3..9)), 2.0 * quarter, cut.width());
            // The first letters are on the right; what reaches over two words has two parts.
            let hebrew = line("אבג דה");
            let (first, last) = (hebrew.spans(&(0..2))[0], hebrew.spans(&(9..11))[0]);
            assert!(first.0 > last.1, "{first:?} {last:?}");
            assert!(hebrew.spans(&(2..9)).len() > 1);
        });
        harness.run();
    }
}
