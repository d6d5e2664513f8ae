//! The scanner accepts what serde_json accepts and sees the tree that it sees; in one part or in several it is the same.

use crate::document::fuzzing::{joined, plain, swept};
use crate::document::{Document, Fragment, Kind, Node, Problem, Validator, scalar};
use serde_json::value::RawValue;
use std::sync::Arc;

/// More is slow, and nothing new.
const LONGEST: usize = 1 << 16;
/// The sweep reads so much at once.
const STEP: usize = 1 << 18;

/// Checks one text.
pub fn check(text: &[u8]) {
    if text.len() > LONGEST {
        return;
    }
    let is_json = accepted_by_serde(text);
    let found = plain(text);
    assert_eq!(found.is_ok(), is_json, "plain scan");
    assert_eq!(Fragment::new(text).map(|_| ()), found.as_ref().map(|_| ()).map_err(Clone::clone), "fragment");
    let mut dice = Dice::of(text);
    let mut validator = Validator::new();
    let step = 1 + dice.below(80);
    let streamed = text.chunks(step).try_for_each(|piece| validator.push(piece)).and_then(|()| validator.finish());
    assert_eq!(streamed.is_ok(), is_json, "validator");

    let alone = swept(text);
    assert_eq!(alone.is_some(), is_json, "sweep");
    check_joins(text, &found, &mut dice);
    if let (Ok(plain), Some(alone)) = (&found, &alone) {
        assert_same(plain, alone);
        let content = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        if let Ok(value) = serde_json::from_slice::<serde_json::Value>(content) {
            let document = Document::of(alone);
            assert_eq!(value_of(document.root()), value);
            assert_eq!(document.to_bytes(), text);
        }
    }
    if dice.below(32) == 0 {
        check_shifted(text, is_json, &mut dice);
    }
}

fn accepted_by_serde(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<&RawValue>(text).is_ok())
}

/// Cut at commas, in strings or not, and at other places.
fn check_joins(text: &[u8], found: &Result<Arc<Fragment>, Problem>, dice: &mut Dice) {
    if text.len() < 2 {
        return;
    }
    for number in 1..=3 {
        let mut places: Vec<usize> = (0..number)
            .map(|_| {
                let place = 1 + dice.below(text.len() - 1);
                match text[place..].iter().position(|byte| *byte == b',') {
                    Some(step) if dice.below(8) > 0 => place + step,
                    _ => place,
                }
            })
            .collect();
        places.sort_unstable();
        places.dedup();
        let starts: Vec<(usize, bool)> = places.iter().map(|place| (*place, text[*place] == b',')).collect();
        match (joined(text, &starts), found) {
            (Ok(joined), Ok(plain)) => assert_same(plain, &joined),
            (Err(joined), Err(plain)) => assert_eq!(joined, *plain),
            (joined, plain) => panic!("joined at {places:?}: {}, plain: {}", joined.is_ok(), plain.is_ok()),
        }
    }
}

/// The same text far behind the start, across the border of two steps.
fn check_shifted(text: &[u8], is_json: bool, dice: &mut Dice) {
    let content = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let length = STEP - 2 - dice.below(content.len().clamp(1, 300));
    let before = if dice.below(2) == 0 { [&b"[\""[..], &vec![b'x'; length - 4], b"\","].concat() } else { blanks(length) };
    let behind: &[u8] = if before[0] == b'[' { b"]" } else { b"" };
    let shifted = [&before, content, behind].concat();
    // A text like `1,2` is right in brackets alone.
    let is_right = if before[0] == b'[' { accepted_by_serde(&shifted) } else { is_json };
    let fragment = swept(&shifted);
    assert_eq!(fragment.is_some(), is_right, "shifted by {}", before.len());
    let cut = before.len() - 1;
    let joined = joined(&shifted, &[(cut, shifted[cut] == b',')]);
    assert_eq!(joined.is_ok(), is_right, "shifted by {} and joined", before.len());
    if let (Some(fragment), Ok(joined)) = (fragment, joined) {
        assert_same(&fragment, &joined);
    }
}

fn blanks(length: usize) -> Vec<u8> {
    vec![b' '; length]
}

/// Both must say the same of each value.
fn assert_same(one: &Fragment, other: &Fragment) {
    assert_eq!(one.root(), other.root());
    assert_eq!((one.values(), one.depth()), (other.values(), other.depth()));
    assert_eq!(one.has_unicode_escapes(), other.has_unicode_escapes());
    let mut open = vec![one.root().start];
    while let Some(start) = open.pop() {
        assert_eq!(one.value_end(start), other.value_end(start));
        if !one.kind(start).is_container() {
            continue;
        }
        let count = one.child_count(start);
        assert_eq!(count, other.child_count(start));
        assert_eq!(one.values_inside(start), other.values_inside(start));
        let (mut k, mut next) = (0, one.first_slot(start));
        while let Some(slot) = next {
            // Each by its number where there are few, else those near checkpoints and some more.
            if count < 200 || k % 64 < 2 || k % 37 == 0 || k + 1 == count {
                assert_eq!(one.slot(start, k), Some(slot));
                assert_eq!(other.slot(start, k), Some(slot));
                assert_eq!(one.values_before(start, k), other.values_before(start, k));
                assert_eq!(other.child_at_offset(start, slot.value), Some((k, slot)));
            }
            open.push(slot.value);
            k += 1;
            next = one.next_slot(&slot);
        }
        assert_eq!(k, count);
        assert_eq!(other.slot(start, count), None);
    }
}

/// Builds serde's value by walking the tree.
fn value_of(node: &Node) -> serde_json::Value {
    match node.kind() {
        Kind::Array => node.children().map(|child| value_of(&child.node)).collect(),
        Kind::Object => node
            .children()
            .map(|child| (scalar::decode(child.key.expect("members have keys").bytes()).into_owned(), value_of(&child.node)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Kind::String => scalar::decode(node.raw_text().expect("scalars are raw")).into_owned().into(),
        _ => serde_json::from_slice(node.raw_text().expect("scalars are raw")).expect("scalars are JSON"),
    }
}

/// Numbers that depend on the text alone, so that an input which fails does so again.
struct Dice(u64);

impl Dice {
    /// Hashes the text (FNV-1a).
    fn of(text: &[u8]) -> Self {
        Self(text.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}
