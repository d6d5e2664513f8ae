//! Comparison of two documents by structure.
//!
//! Members are matched by key (equal ones by rank), elements by common head and tail and the middle by position. What is
//! equal byte for byte, or the very same place, is skipped without a look inside. A difference counts once, at the outermost
//! place that differs. Formatting is no difference; numbers are compared as text, strings as what they stand for.

use super::node::{Child, Node};
use super::path::{Path, Shift};
use super::scalar::{self, Kind};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// More differences than this are counted, not listed.
const LISTED: usize = 10_000;
/// More shifts than this are not worth the time of mapping each position through them.
const SHIFTS: usize = 4_000;

/// One place that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Only the later document has it.
    Added {
        /// Its place there.
        after: Path,
    },
    /// Only the earlier document has it.
    Removed {
        /// Its place there.
        before: Path,
    },
    /// Both have it, with other values.
    Changed {
        /// Its place in the earlier document.
        before: Path,
        /// Its place in the later one.
        after: Path,
    },
}

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// How many places differ.
    pub total: u64,
    /// The first ten thousand of them, in the order of the documents.
    pub differences: Vec<Difference>,
    /// How positions in the earlier document become positions in the later one; incomplete where very much changed.
    pub shifts: Vec<Shift>,
}

/// Compares two values. O(length) of what is not equal byte for byte, plus one pass over the bytes that are.
///
/// Gives `None` where `watch`, asked now and then, breaks off.
pub fn compare(before: &Node, after: &Node, watch: &mut dyn FnMut() -> ControlFlow<()>) -> Option<Comparison> {
    let mut found = Comparison::default();
    let mut tasks = vec![Task::Pair(before.clone(), after.clone(), Path::root(), Path::root())];
    while let Some(task) = tasks.pop() {
        if watch().is_break() {
            return None;
        }
        match task {
            Task::Found(difference) => found.add(difference),
            Task::Pair(a, b, path_a, path_b) => match (a.kind(), b.kind()) {
                _ if same_bytes(&a, &b) => {}
                (Kind::Object, Kind::Object) => members(&a, &b, &path_a, &path_b, &mut found, &mut tasks),
                (Kind::Array, Kind::Array) => elements(&a, &b, &path_a, &path_b, &mut found, &mut tasks),
                (x, y) if x == y && same_scalar(&a, &b) => {}
                _ => {
                    found.shift(Shift::Replaced(path_b.clone()));
                    found.add(Difference::Changed { before: path_a, after: path_b });
                }
            },
        }
    }
    Some(found)
}

/// Work that is left: pairs to look into and differences to report, the next on top, so that all comes in order.
enum Task {
    Pair(Node, Node, Path, Path),
    Found(Difference),
}

impl Comparison {
    fn add(&mut self, difference: Difference) {
        self.total += 1;
        if self.differences.len() < LISTED {
            self.differences.push(difference);
        }
    }

    fn shift(&mut self, shift: Shift) {
        if self.shifts.len() < SHIFTS {
            self.shifts.push(shift);
        }
    }
}

fn same_bytes(a: &Node, b: &Node) -> bool {
    a.is_same(b) || matches!((a.raw_text(), b.raw_text()), (Some(a), Some(b)) if a == b)
}

fn same_scalar(a: &Node, b: &Node) -> bool {
    match (a.raw_text(), b.raw_text()) {
        (Some(a), Some(b)) => a == b || (a.starts_with(b"\"") && scalar::same_text(a, b)),
        _ => false,
    }
}

fn same_child(a: &Child, b: &Child) -> bool {
    let keys = match (&a.key, &b.key) {
        (Some(a), Some(b)) => a.bytes() == b.bytes(),
        (None, None) => true,
        _ => false,
    };
    keys && same_bytes(&a.node, &b.node)
}

/// How many children are the same from the start, and how many of the rest from the end.
fn common_ends(a: &Node, b: &Node) -> (u64, u64) {
    let shorter = a.child_count().min(b.child_count());
    let known = common_head_of_text(a, b).unwrap_or(0).min(shorter);
    let same = a.children_from(known).zip(b.children_from(known)).take_while(|(a, b)| same_child(a, b)).count() as u64;
    let head = known + same;
    let room = shorter - head;
    let mut tail = 0;
    // From the end, in blocks that are walked forwards.
    const BLOCK: u64 = 64;
    while tail < room {
        let size = BLOCK.min(room - tail);
        let block =
            |node: &Node| -> Vec<Child> { node.children_from(node.child_count() - tail - size).take(size as usize).collect() };
        let same = block(a).iter().rev().zip(block(b).iter().rev()).take_while(|(a, b)| same_child(a, b)).count() as u64;
        tail += same;
        if same < size {
            break;
        }
    }
    (head, tail)
}

/// A number of children that are the same for sure, where both containers stand in one piece: up to the first byte that differs.
fn common_head_of_text(a: &Node, b: &Node) -> Option<u64> {
    let (text_a, text_b) = (a.raw_text()?, b.raw_text()?);
    let first = first_difference(text_a, text_b);
    // On a closing bracket the last child may go on in the other text: `[12]`, `[123]`.
    let number = |node: &Node| match node.child_at_offset(first as u64) {
        Some((k, ..)) => k,
        None if first <= 1 => 0,
        None => node.child_count().saturating_sub(1),
    };
    Some(number(a).min(number(b)))
}

fn first_difference(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 4096;
    let length = a.len().min(b.len());
    let mut at = 0;
    // Whole blocks first: they are compared by the platform's fastest means.
    while at + STEP <= length && a[at..at + STEP] == b[at..at + STEP] {
        at += STEP;
    }
    at + a[at..length].iter().zip(&b[at..length]).take_while(|(a, b)| a == b).count()
}

fn elements(a: &Node, b: &Node, path_a: &Path, path_b: &Path, found: &mut Comparison, tasks: &mut Vec<Task>) {
    let (count_a, count_b) = (a.child_count(), b.child_count());
    let (head, tail) = common_ends(a, b);
    let (middle_a, middle_b) = (count_a - head - tail, count_b - head - tail);
    let paired = middle_a.min(middle_b);
    let mut here = Vec::new();
    for (number, (child_a, child_b)) in a.children_from(head).zip(b.children_from(head)).take(paired as usize).enumerate() {
        let k = head + number as u64;
        if !same_bytes(&child_a.node, &child_b.node) {
            here.push(Task::Pair(child_a.node, child_b.node, path_a.child(k), path_b.child(k)));
        }
    }
    let index = head + paired;
    if middle_a > paired {
        let count = middle_a - paired;
        found.shift(Shift::Removed { parent: path_b.clone(), index, count, left: count_a - count });
        here.extend((index..index + count).map(|k| Task::Found(Difference::Removed { before: path_a.child(k) })));
    }
    if middle_b > paired {
        let count = middle_b - paired;
        found.shift(Shift::Inserted { parent: path_b.clone(), index, count });
        here.extend((index..index + count).map(|k| Task::Found(Difference::Added { after: path_b.child(k) })));
    }
    tasks.extend(here.into_iter().rev());
}

fn members(a: &Node, b: &Node, path_a: &Path, path_b: &Path, found: &mut Comparison, tasks: &mut Vec<Task>) {
    let (head, tail) = common_ends(a, b);
    let middle = |node: &Node| -> Vec<Child> {
        let count = node.child_count() - head - tail;
        node.children_from(head).take(count as usize).collect()
    };
    let (middle_a, middle_b) = (middle(a), middle(b));
    let key = |child: &Child| child.key.as_ref().map(|key| scalar::decode(key.bytes()).into_owned()).unwrap_or_default();
    // The members of the later side by key and rank.
    let mut places: HashMap<(String, u64), usize> = HashMap::with_capacity(middle_b.len());
    let mut ranks: HashMap<String, u64> = HashMap::new();
    for (number, child) in middle_b.iter().enumerate() {
        let rank = ranks.entry(key(child)).or_default();
        places.insert((key(child), *rank), number);
        *rank += 1;
    }
    ranks.clear();
    let mut partner_of_b = vec![None; middle_b.len()];
    let mut partner_of_a = vec![None; middle_a.len()];
    for (number, child) in middle_a.iter().enumerate() {
        let rank = ranks.entry(key(child)).or_default();
        if let Some(&place) = places.get(&(key(child), *rank)) {
            partner_of_a[number] = Some(place);
            partner_of_b[place] = Some(number);
        }
        *rank += 1;
    }
    member_shifts(&partner_of_a, &partner_of_b, path_b, head, a.child_count(), found);
    let mut here = Vec::new();
    for (number, child) in middle_a.iter().enumerate() {
        let before = path_a.child(head + number as u64);
        match partner_of_a[number] {
            None => here.push(Task::Found(Difference::Removed { before })),
            Some(place) if !same_bytes(&child.node, &middle_b[place].node) => {
                let after = path_b.child(head + place as u64);
                here.push(Task::Pair(child.node.clone(), middle_b[place].node.clone(), before, after));
            }
            Some(_) => {}
        }
    }
    let added = partner_of_b.iter().enumerate().filter(|(_, partner)| partner.is_none());
    here.extend(added.map(|(place, _)| Task::Found(Difference::Added { after: path_b.child(head + place as u64) })));
    tasks.extend(here.into_iter().rev());
}

/// Removals from the last on, then insertions from the first on, lead from one order of members to the other; members that
/// went past others go and come again.
fn member_shifts(a: &[Option<usize>], b: &[Option<usize>], parent: &Path, head: u64, count: u64, found: &mut Comparison) {
    let mut reached = None;
    let stays: Vec<bool> = a
        .iter()
        .map(|partner| {
            let stays = partner.is_some() && *partner > reached;
            if stays {
                reached = *partner;
            }
            stays
        })
        .collect();
    let mut left = count;
    for number in (0..a.len()).rev().filter(|&number| !stays[number]) {
        left -= 1;
        found.shift(Shift::Removed { parent: parent.clone(), index: head + number as u64, count: 1, left });
    }
    for (place, _) in b.iter().enumerate().filter(|(_, partner)| partner.is_none_or(|number| !stays[number])) {
        found.shift(Shift::Inserted { parent: parent.clone(), index: head + place as u64, count: 1 });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Document;
    use super::super::path::{Moved, map_all};
    use super::*;

    fn root(text: &str) -> Node {
        Document::parse(text).unwrap().root().clone()
    }

    fn compared(a: &str, b: &str) -> Comparison {
        compare(&root(a), &root(b), &mut || ControlFlow::Continue(())).unwrap()
    }

    #[track_caller]
    fn check(a: &str, b: &str, expected: &[&str]) {
        let found = compared(a, b);
        let shown: Vec<String> = found
            .differences
            .iter()
            .map(|difference| match difference {
                Difference::Added { after } => format!("+{after:?}"),
                Difference::Removed { before } => format!("-{before:?}"),
                Difference::Changed { before, after } if before == after => format!("{before:?}"),
                Difference::Changed { before, after } => format!("{before:?}→{after:?}"),
            })
            .collect();
        assert_eq!(shown, expected);
        assert_eq!(found.total, expected.len() as u64);
    }

    #[test]
    fn what_counts_as_a_difference() {
        check("[1, 2]", "[ 1,2 ]", &[]);
        check(r#"{"a": 1, "b": 2}"#, r#"{"b": 2, "a": 1}"#, &[]);
        check(r#""\u0061""#, r#""a""#, &[]);
        check("1.0", "1", &[""]);
        check("[1]", "{}", &[""]);
        check(r#"{"a": 1}"#, r#"{"a": 2}"#, &["/0"]);
        check(r#"{"a": {"b": [1, 2, 3]}}"#, r#"{"a": {"b": [1, 9, 3]}}"#, &["/0/0/1"]);
        check("[12]", "[123]", &["/0"]);
        check("[]", "[1]", &["+/0"]);
        check("[1]", "[]", &["-/0"]);
        check("{}", r#"{"a": []}"#, &["+/0"]);
        check("[1, 2, 3, 4]", "[1, 9, 2, 3, 4]", &["+/1"]);
        check("[1, 2, 3, 4]", "[1, 3, 4]", &["-/1"]);
        check("[1, 1, 1]", "[1, 1]", &["-/2"]);
        check(r#"{"a": 1, "b": [1], "c": 3}"#, r#"{"b": [2], "c": 3, "d": 4}"#, &["-/0", "/1/0→/0/0", "+/2"]);
    }

    #[test]
    fn duplicate_keys_are_matched_by_rank() {
        check(r#"{"a": 1, "a": 2}"#, r#"{"a": 1, "a": 3}"#, &["/1"]);
        check(r#"{"a": 1, "x": 0, "a": 2}"#, r#"{"a": 5, "a": 2}"#, &["/0", "-/1"]);
    }

    #[test]
    fn positions_follow_the_comparison() {
        let follow = |a: &str, b: &str, path: &[u64]| map_all(&compared(a, b).shifts, &path.into());
        assert_eq!(follow("[0, [1, 2], 3]", "[9, 0, [1, 2], 3]", &[1, 1]), Moved::Kept([2, 1].into()));
        assert_eq!(follow("[0, [1, 2], 3]", "[[1, 2], 3]", &[1, 1]), Moved::Kept([0, 1].into()));
        assert_eq!(follow(r#"{"a": 1, "b": [2]}"#, r#"{"b": [2], "a": 1}"#, &[0]), Moved::Kept([1].into()));
        assert_eq!(follow(r#"{"a": 1, "b": [2, 3]}"#, r#"{"x": 0, "b": [9, 2, 3]}"#, &[1, 1]), Moved::Kept([1, 2].into()));
    }

    #[test]
    fn a_million_brackets_are_compared_without_recursion() {
        let deep = |inner: &str| format!("{}{inner}{}", "[".repeat(3000), "]".repeat(3000));
        assert_eq!(compared(&deep("1"), &deep("2")).total, 1);
    }
}
