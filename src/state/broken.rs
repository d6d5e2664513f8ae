//! A text that is not JSON: the part around the problem, which can be mended.

use super::DocumentId;
use super::journal::{MendOrder, begin_on};
use super::progress::Progress;
use super::session::Base;
use crate::document::Problem;
use crate::storage::{BASE_LIMIT, Found, Mend, StillBroken};
use std::path::Path;
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
    /// What was mended before, in order.
    pub mends: Vec<Mend>,
    /// The text before all of that, where it is short enough for the journal.
    pub first: Option<Arc<Vec<u8>>>,
    /// What the journal knows of it.
    pub journal: MendJournal,
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

/// What the journal knows of a text that is being mended.
#[derive(Clone, Debug, Default)]
pub struct MendJournal {
    /// It was told something.
    pub is_begun: bool,
    /// Something was mended since it was told.
    pub is_behind: bool,
    /// Why what was mended is not safe from a crash at the moment.
    pub trouble: Option<String>,
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
            mends: Vec::new(),
            first: (bytes.len() as u64 <= BASE_LIMIT).then(|| Arc::clone(&bytes)),
            journal: MendJournal::default(),
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
        !self.mends.is_empty() || self.excerpt != self.original
    }

    /// The next problem of a text in which this was mended.
    pub fn next(&self, bytes: Arc<Vec<u8>>, problem: Problem, number: u64) -> Self {
        Self {
            mends: self.all_mends(),
            first: self.first.clone(),
            journal: self.journal.clone(),
            recoverable: self.recoverable.clone(),
            ..Self::new(bytes, self.base.clone(), problem, number)
        }
    }

    /// A text that an earlier run left half mended; `base` is what is on the disk.
    pub fn recovered(still: StillBroken, base: Base, number: u64) -> Self {
        Self {
            mends: still.mends,
            first: (still.origin.len() as u64 <= BASE_LIMIT).then_some(still.origin),
            journal: MendJournal { is_behind: true, ..MendJournal::default() },
            ..Self::new(still.text, base, still.problem, number)
        }
    }

    /// What was mended so far, in the excerpt, too. O([`EXCERPT_BYTES`] and all of them).
    pub fn all_mends(&self) -> Vec<Mend> {
        self.mends.iter().cloned().chain(self.mend()).collect()
    }

    /// What is mended in the excerpt: the bytes between what is as it was.
    fn mend(&self) -> Option<Mend> {
        let (before, after) = (&self.bytes[self.place.clone()], unshown(&self.excerpt));
        let same = |a: &mut dyn Iterator<Item = (&u8, &u8)>| a.take_while(|(a, b)| a == b).count();
        let head = same(&mut before.iter().zip(&after));
        let tail = same(&mut before[head..].iter().rev().zip(after[head..].iter().rev()));
        let place = self.place.start + head..self.place.end - tail;
        let bytes = after[head..after.len() - tail].to_vec();
        (self.excerpt != self.original && !(place.is_empty() && bytes.is_empty())).then_some(Mend { place, bytes })
    }

    /// What the journal is to know, where that is something new.
    pub fn take_mends(&mut self, id: DocumentId, path: &Path, unix_ns: i128) -> Option<MendOrder> {
        if !std::mem::take(&mut self.journal.is_behind) {
            return None;
        }
        self.journal.is_begun = true;
        let begin = begin_on(&self.base, Some(path.to_owned()), super::file_name(path), unix_ns);
        Some(MendOrder { id, begin, text: self.first.clone(), mends: self.all_mends() })
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
    fn what_was_mended_is_told_in_a_few_bytes_and_makes_the_same_text() {
        let text = "[\"אב\",, 1,,\u{feff}]".replace('\u{feff}', "\u{fffd}");
        let first = Arc::new([text.as_bytes(), b"\xFF"].concat());
        let problem = || Document::parse(Vec::clone(&first)).unwrap_err();
        let mut broken = Broken::new(Arc::clone(&first), Base::New, problem(), 0);
        assert!(broken.all_mends().is_empty());
        let mut excerpts = vec![broken.excerpt.clone()];
        for (from, to) in [(",, ", ", "), ("\"אב\"", "\"אג\""), ("⟦FF⟧", ""), (",,", ",,,"), ("1", "11"), ("11", "1")] {
            broken.excerpt = broken.excerpt.replacen(from, to, 1);
            assert_ne!(excerpts.last(), Some(&broken.excerpt));
            excerpts.push(broken.excerpt.clone());
            let made = broken.all_mends().iter().fold(Vec::clone(&first), |text, mend| mend.apply(&text).unwrap());
            assert_eq!(made, broken.mended().text());
            broken = broken.next(Arc::new(made), problem(), 1);
        }
        assert_eq!(
            broken.mends.iter().map(|mend| (mend.place.len(), mend.bytes.len())).collect::<Vec<_>>(),
            [(1, 0), (1, 1), (1, 0), (0, 1), (0, 1), (1, 0)]
        );
        assert!(broken.is_touched() && broken.mend().is_none());
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
