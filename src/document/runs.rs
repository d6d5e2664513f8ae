//! Runs of children that two containers have in common.
//!
//! Most of two large versions is the same. Where both stand in one piece of text such a run is found by comparing the texts, not
//! child by child: up to the first byte that differs, and back to the last one. Between them, where many children are left, the
//! two sides are brought together again in windows: children that stand once in each window, and again from there up to the
//! next byte that differs. So a hundred changes in a gigabyte cost little more than one look at each byte. Where one was made of the
//! other what both still have untouched is the same without a look.

use super::align::{Watch, anchors, go_on};
use super::node::{Child, Node};
use super::same::{Same, hashes};
use super::spacing;
use super::successor::in_common;
use std::sync::Arc;

/// So many children from each of two numbers on are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first one, before.
    pub a: u64,
    /// The first one, after.
    pub b: u64,
    /// How many.
    pub count: u64,
}

/// Where no more children than this are left on either side, all of them are looked at together.
const FEW: u64 = 2048;
/// Children on each side in which a common one is looked for first.
const WINDOW: u64 = 32;

/// Runs in common, in order on both sides, none of them empty: the common head and tail, and what is between in large containers.
/// `None` where `watch` breaks off.
pub fn runs(a: &Node, b: &Node, same: Same, watch: &mut Watch<'_>) -> Option<Vec<Run>> {
    let (end_a, end_b) = (a.child_count(), b.child_count());
    let head = Run { a: 0, b: 0, count: run_from(a, b, 0, 0, end_a.min(end_b), same, watch)? };
    let tail = common_tail(a, b, end_a.min(end_b) - head.count, same);
    let mut runs = vec![head];
    between(a, b, (head.count, end_a - tail), (head.count, end_b - tail), same, &mut runs, watch)?;
    runs.push(Run { a: end_a - tail, b: end_b - tail, count: tail });
    runs.retain(|run| run.count > 0);
    Some(runs)
}

/// Runs among the children `from_a..end_a` and `from_b..end_b`, while there are many.
fn between(
    a: &Node,
    b: &Node,
    (mut from_a, end_a): (u64, u64),
    (mut from_b, end_b): (u64, u64),
    same: Same,
    runs: &mut Vec<Run>,
    watch: &mut Watch<'_>,
) -> Option<()> {
    let mut size = WINDOW;
    while (end_a - from_a).min(end_b - from_b) > FEW.max(size) {
        let (base_a, base_b) = (from_a, from_b);
        let (of_a, of_b) = (window(a, base_a, size), window(b, base_b, size));
        // A window may be found to say nothing, and be looked at again: how far it is looked at does not count.
        let first = &of_a.first()?.node;
        let mut wait = || go_on(watch, first);
        let (hash_a, hash_b) = (hashes(&of_a, same, &mut |_| wait())?, hashes(&of_b, same, &mut |_| wait())?);
        let common = anchors(&hash_a, &hash_b, &mut wait)?;
        // A few that look alike by chance say nothing: where much was replaced the window grows. Those at the window's end could
        // belong to what is behind it.
        let telling = if common.len() as u64 >= size / 4 { &common[..common.len() * 3 / 4] } else { &[] };
        for &(x, y) in telling {
            let (at_a, at_b) = (base_a + x as u64, base_b + y as u64);
            if at_a >= from_a && at_b >= from_b && same.children(&of_a[x], &of_b[y]) {
                let count = run_from(a, b, at_a, at_b, (end_a - at_a).min(end_b - at_b), same, watch)?;
                runs.push(Run { a: at_a, b: at_b, count });
                (from_a, from_b) = (at_a + count, at_b + count);
            }
        }
        size = if from_a > base_a + size / 8 { WINDOW } else { size * 4 };
    }
    Some(())
}

fn window(node: &Node, from: u64, size: u64) -> Vec<Child> {
    node.children_from(from).take(size as usize).collect()
}

/// How many children from these on are the same, up to `limit`. `None` where `watch` breaks off.
fn run_from(a: &Node, b: &Node, from_a: u64, from_b: u64, limit: u64, how: Same, watch: &mut Watch<'_>) -> Option<u64> {
    let mut same = run_of_text(a, b, from_a, from_b, Same::Bytes).unwrap_or(0).min(limit);
    // The child before is where it is told to be.
    let mut more = if how == Same::Tokens { limit - same } else { 0 };
    while more > 0 && same < limit {
        more = run_of_text(a, b, from_a + same, from_b + same, how).unwrap_or(0).min(limit - same);
        same += more;
        go_on(watch, &a.child(from_a + same.saturating_sub(1))?.node)?;
    }
    while same < limit {
        // Both are looked up again behind what they share, or after so many children.
        if let Some((_, behind)) = shared(a, b, from_a + same, from_b + same) {
            same += behind.min(limit - same);
            continue;
        }
        let most = FEW.min(limit - same);
        let pairs = a.children_from(from_a + same).zip(b.children_from(from_b + same)).take(most as usize);
        let count = pairs.take_while(|(a, b)| how.children(a, b)).count() as u64;
        same += count;
        if count < most {
            break;
        }
        go_on(watch, &a.child(from_a + same - 1)?.node)?;
    }
    Some(same)
}

/// Where child `at_a` and child `at_b` are the very same: how many up to there are so too, and how many from there on, these counted
/// in both.
fn shared(a: &Node, b: &Node, at_a: u64, at_b: u64) -> Option<(u64, u64)> {
    let (of_a, of_b) = (a.untouched_at(at_a)?, b.untouched_at(at_b)?);
    let is_same = Arc::ptr_eq(&of_a.fragment, &of_b.fragment) && (of_a.container, of_a.number) == (of_b.container, of_b.number);
    is_same.then(|| (1 + of_a.before.min(of_b.before), of_a.left.min(of_b.left)))
}

/// A number of children that are the same for sure, where both containers stand in one piece: up to the first byte that differs.
fn run_of_text(a: &Node, b: &Node, from_a: u64, from_b: u64, same: Same) -> Option<u64> {
    let (place_a, text_a) = text_from(a, from_a)?;
    let (place_b, text_b) = text_from(b, from_b)?;
    let (first_a, first_b) = match same {
        Same::Bytes => {
            let first = in_common(text_a, text_b);
            (first, first)
        }
        // So far as takes a few milliseconds: who waits may want to stop it.
        Same::Tokens => spacing::in_common(&text_a[..text_a.len().min(AT_ONCE)], text_b),
    };
    // The child with that byte, or the last one before it, may go on in the other text: `[12]`, `[123]`.
    let before = |node: &Node, place: u64, from: u64| match node.child_at_offset(place) {
        Some((k, ..)) => k.saturating_sub(from),
        None => node.child_count().saturating_sub(1 + from),
    };
    Some(before(a, place_a + first_a as u64, from_a).min(before(b, place_b + first_b as u64, from_b)))
}

/// The text of a container from child `k` on, and where in the container that is; `None` where it does not stand in one piece.
fn text_from(node: &Node, k: u64) -> Option<(u64, &[u8])> {
    let Node::Raw { fragment, start } = node else { return None };
    let place = fragment.slot(*start, k)?.start - start;
    Some((place as u64, node.raw_text()?.get(place..)?))
}

/// How many children at the end are the same, up to `limit`.
fn common_tail(a: &Node, b: &Node, limit: u64, how: Same) -> u64 {
    // From the end, in blocks that are walked forwards.
    const BLOCK: u64 = 64;
    let mut tail = tail_of_text(a, b).unwrap_or(0).min(limit);
    while tail < limit {
        if let Some((until, _)) = shared(a, b, a.child_count() - tail - 1, b.child_count() - tail - 1) {
            tail += until.min(limit - tail);
            continue;
        }
        let size = BLOCK.min(limit - tail);
        let block = |node: &Node| window(node, node.child_count() - tail - size, size);
        let same = block(a).iter().rev().zip(block(b).iter().rev()).take_while(|(a, b)| how.children(a, b)).count() as u64;
        tail += same;
        if same < size {
            break;
        }
    }
    tail
}

/// As [`run_of_text`], from the end.
fn tail_of_text(a: &Node, b: &Node) -> Option<u64> {
    let (text_a, text_b) = (a.raw_text()?, b.raw_text()?);
    let same = last_difference(text_a, text_b);
    let behind = |node: &Node, text: &[u8]| match node.child_at_offset((text.len() - same) as u64) {
        Some((k, ..)) => node.child_count() - 1 - k,
        None => 0,
    };
    let tail = behind(a, text_a).min(behind(b, text_b));
    // What follows a child's first byte follows it on either side only if it is the first byte of a child on both.
    let left = |node: &Node| text_from(node, node.child_count() - tail).map(|(_, text)| text.len());
    (tail > 0 && left(a)? == left(b)?).then_some(tail)
}

/// Bytes whose tokens are compared at once.
const AT_ONCE: usize = 8 << 20;
/// Whole blocks are compared by the platform's fastest means.
const STEP: usize = 1 << 14;

/// How many bytes at the end are the same.
fn last_difference(a: &[u8], b: &[u8]) -> usize {
    let length = a.len().min(b.len());
    let mut same = 0;
    let ends = |same: usize| (&a[a.len() - same - STEP..a.len() - same], &b[b.len() - same - STEP..b.len() - same]);
    while same + STEP <= length && matches!(ends(same), (a, b) if a == b) {
        same += STEP;
    }
    let rest = a[..a.len() - same].iter().rev().zip(b[..b.len() - same].iter().rev());
    same + rest.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::super::{Document, Edit, Value};
    use super::*;
    use std::ops::ControlFlow;

    fn common(a: &Node, b: &Node) -> Vec<Run> {
        runs(a, b, Same::Bytes, &mut |_| ControlFlow::Continue(())).unwrap()
    }

    fn root(text: &str) -> Node {
        Document::parse(text).unwrap().root().clone()
    }

    #[track_caller]
    fn check(a: &str, b: &str, expected: &[(u64, u64, u64)]) {
        let found: Vec<(u64, u64, u64)> = common(&root(a), &root(b)).iter().map(|run| (run.a, run.b, run.count)).collect();
        assert_eq!(found, expected, "{a} {b}");
    }

    #[test]
    fn heads_and_tails_are_found_in_the_text() {
        check("[]", "[]", &[]);
        check("[1, 2, 3]", "[1, 2, 3]", &[(0, 0, 3)]);
        check("[1, 2, 3]", "[1,2,3]", &[(0, 0, 3)]);
        check("[12]", "[123]", &[]);
        check("[12, 3]", "[2, 3]", &[(1, 1, 1)]);
        check("[1, 2]", "[0, 1, 2]", &[(0, 1, 2)]);
        check("[0, 1, 2]", "[1, 2]", &[(1, 0, 2)]);
        check("[1, 1, 1]", "[1, 1]", &[(0, 0, 2)]);
        check(r#"{"a": 1, "b": 2, "c": 3}"#, r#"{"a": 1, "x": 2, "c": 3}"#, &[(0, 0, 1), (2, 2, 1)]);
        check(r#"{"a": {"x": 1}, "b": 2}"#, r#"{"a": {"x": 2}, "b": 2}"#, &[(1, 1, 1)]);
    }

    #[test]
    fn the_same_end_of_text_in_other_children() {
        check(r#"["a","b","c"]"#, r#"["a\",\"b","c"]"#, &[(2, 1, 1)]);
        check(r#"["\\","c"]"#, r#"["\"","c"]"#, &[(1, 1, 1)]);
        check(r#"[[1],[2]]"#, r#"[[[1],[2]]]"#, &[]);
        check(r#"[1,[2,3]]"#, r#"[[1,[2,3]]]"#, &[]);
        check(r#"[{"a":1},2]"#, r#"["{\"a\":1}",2]"#, &[(1, 1, 1)]);
    }

    /// A large array with changes here and there: what is in no run is what was changed.
    #[track_caller]
    fn check_large(item: fn(u64) -> String, edited: bool) {
        let items: Vec<String> = (0..20_000).map(item).collect();
        let text = format!("[{}]", items.join(",\n"));
        let before = Document::parse(text).unwrap();
        let value = |text: &str| Value::new(text).unwrap();
        let edits = [
            Edit::Replace { path: [19_000].into(), value: value("\"changed\"") },
            Edit::Remove { path: [12_345].into() },
            Edit::Insert { parent: [].into(), index: 7000, key: None, value: value("\"new\"") },
            Edit::Replace { path: [6998].into(), value: value("[1]") },
            Edit::Remove { path: [0].into() },
        ];
        let after = edits.into_iter().fold(before.clone(), |document, edit| edit.apply(&document).unwrap().document);
        let read = Document::parse(after.to_bytes()).unwrap();
        let other = if edited { after.root() } else { read.root() };
        let found: Vec<(u64, u64, u64)> = common(before.root(), other).iter().map(|run| (run.a, run.b, run.count)).collect();
        let expected = [(1, 0, 6997), (6999, 6998, 1), (7000, 7000, 5345), (12_346, 12_345, 6654), (19_001, 19_000, 999)];
        assert_eq!(found, expected);
    }

    #[test]
    fn changes_in_a_large_array_are_passed() {
        check_large(|n| format!("{{\"id\": {n}, \"v\": [{}]}}", n % 7), false);
        check_large(|n| format!("{{\"id\": {n}, \"v\": [{}]}}", n % 7), true);
        // Few of these stand once in a window.
        check_large(|n| (n * 7919 % 101).to_string(), false);
    }

    #[test]
    fn another_layout_is_none_of_the_differences() {
        let item = |n: u64| format!("{{\"id\": {n}, \"v\": [{}, \"a b\"]}}", n % 7);
        let text = |items: &[String]| format!("[{}]", items.join(",\n"));
        let items: Vec<String> = (0..9000).map(item).collect();
        let mut other = items.clone();
        other[8000] = "[1, 2]".to_owned();
        other.remove(4000);
        let other: Vec<String> = other.iter().map(|item| item.replace(": ", " :").replace(", ", " ,\t")).collect();
        let (a, b, same) = (root(&text(&items)), root(&text(&other)), root(&text(&items).replace(": ", ":")));
        let found = |b: &Node| runs(&a, b, Same::Tokens, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(found(&same), [Run { a: 0, b: 0, count: 9000 }]);
        let parts = [(0, 0, 4000), (4001, 4000, 3999), (8001, 8000, 999)].map(|(a, b, count)| Run { a, b, count });
        assert_eq!(found(&b), parts);
        assert!(common(&a, &b).is_empty());
    }

    #[test]
    fn what_was_replaced_is_passed_and_what_is_alike_everywhere_is_left() {
        let array = |from: u64| root(&format!("[{}]", (from..from + 9000).map(|n| n.to_string()).collect::<Vec<_>>().join(",")));
        assert_eq!(common(&array(0), &array(20_000)), []);
        assert_eq!(common(&array(0), &array(4500)), [Run { a: 4500, b: 0, count: 4500 }]);
        let same = root(&format!("[{}]", vec!["0"; 9000].join(",")));
        let more = root(&format!("[1,{},1]", vec!["0"; 9000].join(",")));
        assert_eq!(common(&same, &more), []);
    }
}
