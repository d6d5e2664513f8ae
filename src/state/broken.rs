//! A text that is not JSON: the part around the problem, which can be mended.

use super::progress::Progress;
use super::session::Base;
use crate::document::Problem;
use crate::storage::Found;
use std::sync::Arc;

/// A text that is not JSON, shown around the place where it stops being that.
#[derive(Clone)]
pub struct Broken {
    /// The whole text.
    pub bytes: Arc<Vec<u8>>,
    /// The version on disk.
    pub base: Base,
    /// Why it is not JSON.
    pub problem: Problem,
    /// Where the excerpt stands in the text.
    pub place: std::ops::Range<usize>,
    /// The excerpt as it is being mended; bytes that are not UTF-8 as `⟦FF⟧`.
    pub excerpt: String,
    /// The excerpt as it was.
    pub original: String,
    /// Whether another place was mended before.
    pub is_mended: bool,
    /// Edits that an earlier run left unsaved.
    pub recoverable: Vec<Found>,
    /// What comes once it was read again, while it is.
    pub reading: Option<Then>,
    /// It was to be saved as it is, and is still not JSON.
    pub is_refused: bool,
    /// How far that is, once it takes a while.
    pub progress: Option<Progress>,
    /// Changes with each new excerpt, so that the text field starts anew.
    pub number: u64,
}

/// What comes once a mended text was read and is JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is shown.
    Show,
    /// It is shown and saved.
    Save,
}

/// Bytes of text that are shown around a problem.
const EXCERPT_BYTES: usize = 16 * 1024;

impl Broken {
    /// The excerpt around the problem. O([`EXCERPT_BYTES`]).
    pub fn new(bytes: Arc<Vec<u8>>, base: Base, problem: Problem, number: u64) -> Self {
        let middle = problem.offset as usize;
        let boundary = |mut at: usize| {
            // Between characters, so that none is shown as two wrong halves.
            while at > 0 && at < bytes.len() && bytes[at] & 0xC0 == 0x80 {
                at -= 1;
            }
            at
        };
        let from = boundary(middle.saturating_sub(EXCERPT_BYTES / 2));
        let to = boundary((from + EXCERPT_BYTES).min(bytes.len())).max(from);
        let excerpt = shown(&bytes[from..to]);
        let original = excerpt.clone();
        Self {
            base,
            problem,
            place: from..to,
            original,
            is_mended: false,
            recoverable: Vec::new(),
            excerpt,
            bytes,
            reading: None,
            is_refused: false,
            progress: None,
            number,
        }
    }

    /// The whole text with the excerpt as it is mended. O([`EXCERPT_BYTES`]).
    pub fn mended(&self) -> Mended {
        let middle = if self.excerpt == self.original { self.bytes[self.place.clone()].to_vec() } else { unshown(&self.excerpt) };
        Mended { bytes: Arc::clone(&self.bytes), place: self.place.clone(), middle }
    }

    /// Whether it looks like JSON Lines: a value, and another one in the next line.
    pub fn looks_like_lines(&self) -> bool {
        let (before, behind) = self.bytes.split_at((self.problem.offset as usize).min(self.bytes.len()));
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
        let last = before.iter().rposition(|byte| !is_blank(byte)).map(|at| before[at]);
        let value = before.trim_ascii_end().last();
        last == Some(b'\n') && matches!(value, Some(b'}' | b']')) && matches!(behind.first(), Some(b'{' | b'['))
    }

    /// Whether a person mended anything in it.
    pub fn is_touched(&self) -> bool {
        self.is_mended || self.excerpt != self.original
    }

    /// Whether there is anything that could get lost: something mended, or on its way.
    pub fn is_busy(&self) -> bool {
        self.is_touched() || self.reading.is_some()
    }

    /// It was read again, or that was stopped.
    pub fn task_ended(&mut self) {
        (self.reading, self.progress) = (None, None);
    }

    /// Where the problem stands in the excerpt, in bytes of the excerpt's text.
    pub fn problem_in_excerpt(&self) -> usize {
        let offset = (self.problem.offset as usize).clamp(self.place.start, self.place.end);
        shown(&self.bytes[self.place.start..offset]).len().min(self.original.len())
    }
}

/// A text in which a part is another one, not put together yet.
#[derive(Clone, Debug)]
pub struct Mended {
    bytes: Arc<Vec<u8>>,
    place: std::ops::Range<usize>,
    middle: Vec<u8>,
}

impl Mended {
    /// The text. O(length).
    pub fn text(&self) -> Vec<u8> {
        [&self.bytes[..self.place.start], &self.middle, &self.bytes[self.place.end..]].concat()
    }
}

/// Text for people: bytes that are not UTF-8 as hex in brackets.
fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("⟦{byte:02X}⟧")));
    }
    text
}

/// The bytes that [`shown`] showed.
fn unshown(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('⟦') {
        let marker = rest[open..].split('⟧').next().unwrap_or("");
        let byte = u8::from_str_radix(&marker['⟦'.len_utf8()..], 16).ok().filter(|_| marker.chars().count() == 3);
        let end = open + marker.len() + '⟧'.len_utf8();
        match byte {
            Some(byte) if end <= rest.len() => {
                bytes.extend_from_slice(&rest.as_bytes()[..open]);
                bytes.push(byte);
                rest = &rest[end..];
            }
            _ => {
                let next = open + '⟦'.len_utf8();
                bytes.extend_from_slice(&rest.as_bytes()[..next]);
                rest = &rest[next..];
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    #[test]
    fn bytes_that_are_not_text_come_back() {
        for bytes in [&b"a\xFFb\xC3"[..], "⟦x⟧ ⟦".as_bytes(), "⟦12".as_bytes(), b"", "אב".as_bytes()] {
            assert_eq!(unshown(&shown(bytes)), bytes);
        }
        assert_eq!(shown(b"a\xFF"), "a⟦FF⟧");
    }

    #[test]
    fn an_excerpt_of_a_large_text_is_small_and_mends_it() {
        let text = format!("[{}x,{}1]", "1,".repeat(50_000), "\"א\",".repeat(20_000));
        let problem = Document::parse(text.clone()).unwrap_err();
        let mut broken = Broken::new(Arc::new(text.clone().into_bytes()), Base::New, problem, 0);
        assert!(broken.excerpt.len() <= EXCERPT_BYTES);
        assert!(broken.excerpt[broken.problem_in_excerpt()..].starts_with('x'));
        assert_eq!(broken.mended().text(), text.as_bytes());
        broken.excerpt = broken.excerpt.replace('x', "7");
        assert_eq!(broken.mended().text(), text.replace('x', "7").as_bytes());
    }

    #[test]
    fn lines_of_values_are_told_from_other_texts() {
        let broken = |text: &str| {
            let problem = Document::parse(text).unwrap_err();
            Broken::new(Arc::new(text.into()), Base::New, problem, 1).looks_like_lines()
        };
        assert!(broken("{\"a\": 1}\n{\"a\": 2}\n") && broken("[1]\r\n [2]"));
        assert!(!broken("{\"a\": 1} {\"a\": 2}") && !broken("[1,\n{]") && !broken("{}\nx") && !broken("1\n2"));
    }
}
