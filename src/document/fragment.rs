//! Immutable text that is valid JSON, with its container index: the ground that every document stands on.
//!
//! Offsets are bytes from the start of the fragment's text. A *slot* is the place of one child in its container.

use super::entries::Cursor;
use super::index::{Entry, LARGE, LONG_STRING};
use super::measure::{Measure, measure};
use super::parts::{self, Crew, Feed, Unloaded};
use super::reclaim;
use super::scan::{self, ScanError, plain_run, skip_white_space};
use super::{Kind, Problem};
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// One immutable text with one JSON value, perhaps with white space and a byte-order mark around it.
pub struct Fragment {
    text: Vec<u8>,
    pub(super) scanned: scan::Scanned,
}

/// Where one child stands in its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Start of the key in an object, of the value in an array.
    pub start: usize,
    /// The key with its quotes.
    pub key: Option<(usize, usize)>,
    /// Start of the value.
    pub value: usize,
}

/// What the index or a look at the text says of a container.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub end: usize,
    pub children: u64,
    pub values: u64,
    pub entry: Option<u32>,
}

impl Drop for Fragment {
    fn drop(&mut self) {
        if self.text.len() >= reclaim::LARGE {
            reclaim(std::mem::take(&mut self.text));
        }
    }
}

impl fmt::Debug for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fragment({} bytes, {} values)", self.text.len(), self.scanned.values)
    }
}

impl Fragment {
    /// Validates and indexes a text. O(length).
    ///
    /// # Errors
    /// The first place at which the text is not JSON.
    pub fn new(text: impl Into<Vec<u8>>) -> Result<Arc<Self>, Problem> {
        match Self::watched(text.into(), &mut |_| ControlFlow::Continue(())) {
            Ok(fragment) => Ok(fragment),
            Err((ScanError::Problem(problem), _)) => Err(problem),
            Err((ScanError::Cancelled, _)) => unreachable!("this watcher never breaks off"),
        }
    }

    /// As [`Fragment::new`], for texts that take a while: `watch` gets the bytes done and may break off.
    ///
    /// # Errors
    /// Why there is no fragment, with the text, so that it can be shown and mended.
    pub fn watched(text: Vec<u8>, watch: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<Arc<Self>, (ScanError, Vec<u8>)> {
        match parts::sweep(&text, watch) {
            Ok(scanned) => Ok(Arc::new(Self { text, scanned })),
            Err(error) => Err((error, text)),
        }
    }

    /// As [`Fragment::new`], for a text that is read while it is validated, in parts that the crew works on side by side. `room` is
    /// as long as the text; what it holds does not matter.
    ///
    /// # Errors
    /// Why there is no fragment.
    pub fn load<F: Feed>(mut room: Vec<u8>, feed: &F, crew: &dyn Crew) -> Result<Arc<Self>, Unloaded<F::Stop>> {
        match parts::load(&mut room, feed, crew) {
            Ok(Ok(scanned)) => Ok(Arc::new(Self { text: room, scanned })),
            Ok(Err(problem)) => Err(Unloaded::Problem(problem, room)),
            Err(stop) => Err(Unloaded::Stopped(stop)),
        }
    }

    /// The whole text, with what stands around the root value.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Place of the root value.
    pub fn root(&self) -> Range<usize> {
        self.scanned.start..self.scanned.end
    }

    /// Number of values in the text.
    pub fn values(&self) -> u64 {
        self.scanned.values
    }

    /// Open brackets at the deepest place; 0 for a scalar.
    pub fn depth(&self) -> u64 {
        self.scanned.depth
    }

    /// Whether a string has a `\u` escape.
    pub fn has_unicode_escapes(&self) -> bool {
        self.scanned.escapes != 0
    }

    /// Which `\u` escapes the strings have, as [`escape_bit`](super::tokens::escape_bit) has it.
    pub(super) fn unicode_escapes(&self) -> u64 {
        self.scanned.escapes
    }

    /// Memory that the container index holds, in bytes.
    pub fn index_memory(&self) -> usize {
        self.scanned.index.memory()
    }

    /// What kind of value starts at `start`.
    pub fn kind(&self, start: usize) -> Kind {
        match self.text[start] {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::String,
            b't' | b'f' => Kind::Bool,
            b'n' => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// The end of the value that starts at `start`. O(1) for small values, O(log entries) for large ones.
    pub fn value_end(&self, start: usize) -> usize {
        match self.text[start] {
            b'{' | b'[' => self.extent(start).end,
            b'"' => self.string_end(start),
            _ => scalar_end(&self.text, start),
        }
    }

    /// Number of children of the container at `start`; 0 for scalars.
    pub fn child_count(&self, start: usize) -> u64 {
        if self.is_container(start) { self.extent(start).children } else { 0 }
    }

    /// Number of values inside the container at `start`, itself not counted; 0 for scalars.
    pub fn values_inside(&self, start: usize) -> u64 {
        if self.is_container(start) { self.extent(start).values } else { 0 }
    }

    pub(super) fn is_container(&self, start: usize) -> bool {
        matches!(self.text[start], b'{' | b'[')
    }

    fn string_end(&self, start: usize) -> usize {
        // What is not recorded ends within reach; a recorded one is not read.
        let near = self.text.len().min(start + LONG_STRING);
        match close_of_string(&self.text[..near], start) {
            Some(end) => end,
            None => match self.scanned.index.at(start as u64) {
                Some((_, entry)) => entry.end as usize,
                None => close_of_string(&self.text, start).unwrap_or(self.text.len()),
            },
        }
    }

    fn extent(&self, start: usize) -> Extent {
        self.extent_and_cursor(start).0
    }

    /// The extent of the container at `start`, and a look at the index from there on, if one was taken.
    pub(super) fn extent_and_cursor(&self, start: usize) -> (Extent, Option<Cursor<'_>>) {
        if let Some(extent) = self.near_extent(start) {
            return (extent, None);
        }
        let mut cursor = self.scanned.index.cursor(start as u64);
        let extent = match cursor.at(start as u64) {
            Some((number, Entry { end, children, values, .. })) => {
                Extent { end: end as usize, children, values, entry: Some(number as u32) }
            }
            None => self.measure_deep(start),
        };
        (extent, Some(cursor))
    }

    /// The extent of a container that is not recorded.
    pub(super) fn extent_unrecorded(&self, start: usize) -> Extent {
        self.near_extent(start).unwrap_or_else(|| self.measure_deep(start))
    }

    /// The extent of the container at `start`, if it is a small one.
    fn near_extent(&self, start: usize) -> Option<Extent> {
        let near = self.text.len().min(start + LARGE);
        let (length, children, values) = measure(&self.text[start..near])?;
        Some(Extent { end: start + length, children, values, entry: None })
    }

    /// A large container that is not recorded, which happens below the scanner's depth limit only. O(its length without
    /// the recorded containers inside).
    fn measure_deep(&self, start: usize) -> Extent {
        let mut measure = Measure::default();
        let mut at = start;
        loop {
            if at != start
                && matches!(self.text[at], b'{' | b'[')
                && let Some((_, entry)) = self.scanned.index.at(at as u64)
            {
                measure.skip(1 + entry.values);
                at = entry.end as usize;
                continue;
            }
            match measure.step(&self.text, at) {
                Some(next) if measure.depth == 0 => {
                    return Extent { end: next, children: measure.children(), values: measure.values, entry: None };
                }
                Some(next) => at = next,
                // Can't be: a fragment is valid. The whole text is the safe answer.
                None => return Extent { end: self.text.len(), children: 0, values: measure.values, entry: None },
            }
        }
    }

    /// The first slot of the container at `start`, if it has children.
    pub fn first_slot(&self, start: usize) -> Option<Slot> {
        let at = skip_white_space(&self.text, start + 1);
        match self.text[at] {
            b'}' | b']' => None,
            _ => Some(self.slot_at(at, self.text[start] == b'{')),
        }
    }

    /// The slot behind `slot`, if any. Costs one step over the slot's value.
    pub fn next_slot(&self, slot: &Slot) -> Option<Slot> {
        let at = skip_white_space(&self.text, self.value_end(slot.value));
        if self.text.get(at) != Some(&b',') {
            return None;
        }
        Some(self.slot_at(skip_white_space(&self.text, at + 1), slot.key.is_some()))
    }

    fn slot_at(&self, at: usize, object: bool) -> Slot {
        if !object {
            return Slot { start: at, key: None, value: at };
        }
        let key_end = self.string_end(at);
        let colon = skip_white_space(&self.text, key_end);
        Slot { start: at, key: Some((at, key_end)), value: skip_white_space(&self.text, colon + 1) }
    }
}

/// The end of the string at `start`, if it is inside `text`.
pub(super) fn close_of_string(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at = plain_run(text, at);
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

pub(super) fn scalar_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(&byte) = text.get(at)
        && !matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\n' | b'\r' | b'\t')
    {
        at += 1;
    }
    at
}

#[cfg(any(test, fuzzing))]
impl Fragment {
    /// A text with what was found out in it by other means.
    pub(super) fn of(text: Vec<u8>, scanned: scan::Scanned) -> Self {
        Self { text, scanned }
    }
}
