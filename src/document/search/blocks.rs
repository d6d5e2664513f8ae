//! A document's text cut into blocks that can be searched in any order: no token reaches from one into the next.

use crate::document::{Document, Fragment, Text};
use std::collections::VecDeque;

/// A block has about this many bytes: enough to be worth a thread's while, little enough to stay in its cache.
const BLOCK_BYTES: usize = 1 << 20;
/// A line end is sought this far for a cut.
const LINE_BYTES: usize = 4096;
/// Without line ends the cut is sought so many levels deep.
const LEVELS: usize = 64;

/// A part of the document's text that begins and ends between two tokens.
#[derive(Clone, Debug)]
pub struct Part {
    /// The text.
    pub text: Text,
    /// Where it stands in the document's text.
    pub offset: u64,
    /// Whether it is a key and nothing else.
    pub is_key: bool,
}

impl Part {
    /// Where the part begins in the text that it is shared from.
    pub(super) fn from(&self) -> usize {
        if let Text::Slice { from, .. } = &self.text { *from } else { 0 }
    }
}

/// Parts to be searched together.
#[derive(Clone, Debug, Default)]
pub struct Block {
    parts: Vec<Part>,
    bytes: u64,
}

impl Block {
    /// The parts, in the order of the text.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Bytes to search.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether there is nothing to search.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    fn push(&mut self, part: Part) {
        self.bytes += part.text.len() as u64;
        self.parts.push(part);
    }
}

/// The blocks of a document, cut one by one.
pub struct Blocks {
    parts: VecDeque<Part>,
}

impl Blocks {
    /// The blocks of a document. O(edits).
    pub fn of(document: &Document) -> Self {
        let mut parts = VecDeque::new();
        let offset = document.before.len() as u64;
        document.root().stretches(offset, &mut |offset, text, is_key| parts.push_back(Part { text, offset, is_key }));
        Self { parts }
    }

    /// The blocks of what is at or behind `offset`, where a key or a value begins. O(edits).
    pub fn from(document: &Document, offset: u64) -> Self {
        let mut parts = Self::of(document).parts;
        while parts.front().is_some_and(|part| part.offset + part.text.len() as u64 <= offset) {
            parts.pop_front();
        }
        if let Some(part) = parts.front_mut()
            && let Some(before) = offset.checked_sub(part.offset)
            && let Text::Slice { fragment, from, to } = &part.text
        {
            *part = Part { text: Text::slice(fragment, from + before as usize, *to), offset, is_key: part.is_key };
        }
        Self { parts }
    }
}

impl Iterator for Blocks {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let mut block = Block::default();
        while let Some(mut part) = self.parts.pop_front() {
            if part.text.len() > BLOCK_BYTES
                && let Text::Slice { fragment, from, to } = &part.text
                && let Some(cut) = cut(fragment, *from, *to)
            {
                let rest = Part {
                    text: Text::slice(fragment, cut, *to),
                    offset: part.offset + (cut - from) as u64,
                    is_key: part.is_key,
                };
                part.text = Text::slice(fragment, *from, cut);
                self.parts.push_front(rest);
            }
            block.push(part);
            if block.len() >= BLOCK_BYTES as u64 {
                break;
            }
        }
        (!block.parts.is_empty()).then_some(block)
    }
}

/// A place between tokens about a block behind `from`; further where a long string is in the way.
fn cut(fragment: &Fragment, from: usize, to: usize) -> Option<usize> {
    let mut target = from + BLOCK_BYTES;
    while target < to {
        // A line end can't stand in a string as it is.
        let near = (target + LINE_BYTES).min(to);
        if let Some(place) = memchr::memchr(b'\n', &fragment.text()[target..near]) {
            return Some(target + place + 1).filter(|cut| *cut < to);
        }
        let place = child_start(fragment, target);
        if place > from + BLOCK_BYTES / 2 {
            return Some(place);
        }
        target += (target - from).max(BLOCK_BYTES);
    }
    None
}

/// The start of a key or element at or before `offset`, as near as [`LEVELS`] levels lead.
fn child_start(fragment: &Fragment, offset: usize) -> usize {
    let mut container = fragment.root().start;
    let mut place = container;
    for _ in 0..LEVELS {
        if !fragment.kind(container).is_container() {
            break;
        }
        let Some((_, slot)) = fragment.child_at_offset(container, offset) else { break };
        if slot.start > offset {
            break;
        }
        place = slot.start;
        if slot.value > offset || fragment.value_end(slot.value) <= offset {
            break;
        }
        container = slot.value;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::search::{Query, Searcher};
    use crate::document::{Edit, Path, Value, offset_of_path};
    use std::ops::ControlFlow;

    /// Every place from which a person could look for the next hit.
    fn places(document: &Document, path: &Path, all: &mut Vec<u64>) {
        all.extend(offset_of_path(document, path));
        for k in 0..document.node(path).unwrap().child_count() {
            places(document, &path.child(k), all);
        }
    }

    #[test]
    fn blocks_from_a_place_have_what_is_behind_it() {
        let records: String = (0..3000).map(|k| format!("{{\"name\": \"ab {k}\",\n \"ab\": [{k}, \"\\u0061b\"]}},")).collect();
        let mut document = Document::parse(format!("\u{feff} [{records} \"ab\"]\n")).unwrap();
        for edit in [
            Edit::Replace { path: [2000, 1].into(), value: Value::new("[\"ab\", [\"ab\"]]").unwrap() },
            Edit::Remove { path: [10].into() },
        ] {
            document = edit.apply(&document).unwrap().document;
        }
        let searcher = Searcher::new(&Query { text: "ab".to_owned(), ..Query::default() }).unwrap();
        let mut watch = |_| ControlFlow::Continue(());
        let all = searcher.search_all(&document, &mut watch).continue_value().unwrap();
        assert!(all.len() > 8_900);
        let mut from = Vec::new();
        places(&document, &Path::root(), &mut from);
        for &from in from.iter().step_by(311).chain([0, document.byte_len()].iter()) {
            let (mut hits, mut scratch) = (Vec::new(), searcher.scratch());
            for block in Blocks::from(&document, from) {
                assert!(searcher.search(&block, &mut scratch, &mut hits, &mut || ControlFlow::Continue(())).is_continue());
            }
            assert_eq!(hits, all[all.partition_point(|hit| *hit < from)..], "{from}");
        }
    }
}
