//! What a search found, in the rows in sight and on the scroll bar.

use super::row::RowMark;
use super::scroll_bar::Mark;
use crate::document::scalar::units;
use crate::document::search::Searcher;
use crate::document::{Path, RevisionId, Side};
use crate::state::scroll::{Viewport, mark_along_track};
use crate::state::{DocumentId, Session};
use crate::ui::text::MAX_CHARS;
use egui::Color32;

/// Places of hits that are looked up for the scroll bar in one frame; a few milliseconds.
const LOOKS: usize = 100;
/// Marks nearer than this, in points, are one.
const NEAR: f64 = 2.0;

/// The hits in one decoded key or value, or in a part of it; `current` is where in that the current hit begins.
pub fn marks_in(session: &Session, side: Side, text: &str, current: Option<usize>) -> Vec<RowMark> {
    let ranges = searcher_of(session, side).map(|searcher| searcher.ranges(text, 0..text.len())).unwrap_or_default().into_iter();
    ranges.map(|range| RowMark { from: range.start, to: range.end, is_current: current == Some(range.start) }).collect()
}

/// The current hit in this key or value: bytes from the start of what is written.
pub fn current_in(session: &Session, path: &Path, side: Side) -> Option<u64> {
    let current = session.find.current.as_ref().filter(|_| session.find.is_open)?;
    (current.side == side && current.path == *path).then_some(current.inside)
}

/// What keys, or values, are searched for at the moment.
pub fn searcher_of(session: &Session, side: Side) -> Option<&Searcher> {
    session.find.searcher().filter(|searcher| {
        let scope = searcher.query().scope;
        if side == Side::Key { scope.has_keys() } else { scope.has_values() }
    })
}

/// Where byte `inside` of a literal stands in its decoded text, if that is near its start.
pub fn decoded_place(literal: &[u8], inside: u64) -> Option<usize> {
    if !literal.starts_with(b"\"") {
        return Some(inside as usize);
    }
    let (mut raw, mut decoded) = (1, 0);
    for unit in units(literal).take(MAX_CHARS) {
        if raw >= inside {
            break;
        }
        raw += unit.length as u64;
        decoded += unit.character.len_utf8();
    }
    (raw == inside).then_some(decoded)
}

/// What the marks on the scroll bar were made from.
#[derive(Clone, PartialEq)]
struct Source {
    document: DocumentId,
    search: u64,
    hits: u64,
    revision: RevisionId,
    rows: u64,
    height: u32,
}

/// The marks on the scroll bar. Many hits share a point of it: which points have one is found by halving, a part in each frame.
#[derive(Default)]
pub struct ScrollMarks {
    source: Option<Source>,
    /// Rows with a hit, or a closed container that hides one.
    rows: Vec<u64>,
    /// Stretches of hits with their rows, of which it is not known yet what is between them.
    open: Vec<((u64, u64), (u64, u64))>,
    /// What is shown while others are looked up.
    shown: Vec<u64>,
}

impl ScrollMarks {
    /// The marks, and whether there will be more in the next frame.
    pub fn update(&mut self, session: &Session, document: DocumentId, viewport: &Viewport, color: Color32) -> (Vec<Mark>, bool) {
        let find = &session.find;
        let Some(search) = find.search.as_ref().filter(|_| find.is_open) else {
            *self = Self::default();
            return (Vec::new(), false);
        };
        let source = Source {
            document,
            search: search.number,
            hits: find.count(),
            revision: session.history.current().id,
            rows: viewport.rows,
            height: viewport.height as u32,
        };
        let is_new = self.source.as_ref() != Some(&source);
        // While more are found, those that are known are looked up to the end first.
        let is_due = !search.is_running || find.count() < LOOKS as u64 || self.open.is_empty();
        if is_new && is_due {
            if self.source.as_ref().is_some_and(|before| before.search != source.search) {
                self.shown.clear();
            }
            (self.source, self.rows, self.open) = (Some(source), Vec::new(), Vec::new());
            if let Some(last) = find.count().checked_sub(1) {
                let (first_row, last_row) = (visible_row(session, 0), visible_row(session, last));
                self.rows.extend([first_row, last_row]);
                self.open.push(((0, first_row), (last, last_row)));
            }
        }
        let point = |row: u64| (mark_along_track(row, viewport, f64::from(viewport.height)) / NEAR) as u64;
        for _ in 0..LOOKS {
            let Some((first, last)) = self.open.pop() else { break };
            if last.0 - first.0 > 1 && point(first.1).abs_diff(point(last.1)) > 0 {
                let middle = first.0 + (last.0 - first.0) / 2;
                let middle = (middle, visible_row(session, middle));
                self.rows.push(middle.1);
                self.open.extend([(first, middle), (middle, last)]);
            }
        }
        if self.open.is_empty() {
            self.rows.sort_unstable();
            self.rows.dedup();
            self.shown.clone_from(&self.rows);
        }
        (self.shown.iter().map(|&row| Mark { row, color }).collect(), !self.open.is_empty())
    }
}

/// The row of a hit, or of the closed container that hides it. O(depth · log n · log depth).
fn visible_row(session: &Session, number: u64) -> u64 {
    let Some((path, ..)) = session.find.path(number) else { return 0 };
    let root = session.document().root();
    let row_of = |depth: usize| session.view.fold.row_of(root, &path[..depth]);
    if let Some(row) = row_of(path.len()) {
        return row;
    }
    // A row is shown if everything above is open: so halving finds the deepest one.
    let (mut shown, mut hidden) = (0, path.len());
    while hidden - shown > 1 {
        let middle = shown.midpoint(hidden);
        if row_of(middle).is_some() { shown = middle } else { hidden = middle }
    }
    row_of(shown).unwrap_or(0)
}
