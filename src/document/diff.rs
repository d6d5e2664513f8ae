//! Comparison of two documents by structure.
//!
//! Which children belong together [`align`](super::align) says. What is the same but for white space, or the very same place, is
//! skipped without a look inside. A difference counts once, at the outermost
//! place that differs. Formatting is no difference; numbers are compared as text, strings as what they stand for.

use super::align::{Span, Watch, align, go_on};
use super::node::{Child, Children, Node};
use super::path::{Path, Shift};
use super::same::Same;
use super::scalar::{self, Kind};
use std::collections::HashMap;

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
    /// An element stands elsewhere in its array, as it is.
    Moved {
        /// Its place in the earlier document.
        before: Path,
        /// Its place in the later one.
        after: Path,
    },
    /// A member has another key.
    Renamed {
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
    /// The first ones, ten thousand unless more are asked for, in the order of the documents.
    pub differences: Vec<Difference>,
    /// How positions in the earlier document become positions in the later one; incomplete where very much changed.
    pub shifts: Vec<Shift>,
    /// It took too long and was given up: nothing is known but that much of it differs.
    pub is_given_up: bool,
    listed: usize,
}

impl Comparison {
    /// One that took too long.
    pub fn given_up() -> Self {
        Self { shifts: vec![Shift::Replaced(Path::root())], is_given_up: true, ..Self::default() }
    }
}

/// Compares two values. O(length) of what is not equal byte for byte, plus one pass over the bytes that are.
///
/// Gives `None` where `watch`, asked now and then, breaks off.
pub fn compare(before: &Node, after: &Node, watch: &mut Watch<'_>) -> Option<Comparison> {
    compare_all(before, after, LISTED, watch)
}

/// As [`compare`], with up to `listed` differences in the list.
pub fn compare_all(before: &Node, after: &Node, listed: usize, watch: &mut Watch<'_>) -> Option<Comparison> {
    let mut found = Comparison { listed, ..Comparison::default() };
    let mut rests = Vec::new();
    rests.extend(found.pair((before.clone(), Path::root()), (after.clone(), Path::root()), watch)?);
    while let Some(mut rest) = rests.pop() {
        let inner = rest.go_on(&mut found, watch)?;
        if !rest.spans.as_slice().is_empty() {
            rests.push(rest);
        }
        rests.extend(inner);
    }
    Some(found)
}

/// Two containers that differ, and which of their children were not looked at yet.
struct Rest {
    a: Side,
    b: Side,
    spans: std::vec::IntoIter<Span>,
    /// Elements that went elsewhere: where from, where to.
    moved: HashMap<u64, u64>,
}

/// One of them, and its children as far as they are asked for in their order.
struct Side {
    node: Node,
    path: Path,
    children: Children,
    next: u64,
}

impl Side {
    fn new((node, path): (Node, Path)) -> Self {
        Self { children: node.children(), node, path, next: 0 }
    }

    /// Child `k`: O(1) behind the last one, else as [`Node::child`].
    fn child(&mut self, k: u64) -> Option<Child> {
        if k != self.next {
            self.children = self.node.children_from(k);
        }
        self.next = k + 1;
        self.children.next()
    }
}

impl Rest {
    /// Reports differences in order, up to a pair of containers that is to be looked into first. `None` where `watch` breaks off.
    fn go_on(&mut self, found: &mut Comparison, watch: &mut Watch<'_>) -> Option<Option<Self>> {
        /// To find one that is gone, to tell how far it is, takes longer than to report it.
        const TOLD: u64 = 256;
        for span in self.spans.by_ref() {
            let gone = match span {
                Span::Gone(x) if x % TOLD == 0 => self.a.child(x),
                _ => None,
            };
            go_on(watch, gone.as_ref().map_or(&self.a.node, |child| &child.node))?;
            match span {
                Span::Same { .. } => {}
                Span::Pair { a: x, b: y } => {
                    let (Some(of_a), Some(of_b)) = (self.a.child(x), self.b.child(y)) else { continue };
                    let (before, after) = (self.a.path.child(x), self.b.path.child(y));
                    if !same_key(&of_a, &of_b) {
                        found.add(Difference::Renamed { before: before.clone(), after: after.clone() });
                    }
                    let inner = found.pair((of_a.node, before), (of_b.node, after), watch)?;
                    if inner.is_some() {
                        return Some(inner);
                    }
                }
                Span::Gone(x) => {
                    let before = self.a.path.child(x);
                    found.add(match self.moved.get(&x) {
                        Some(&y) => Difference::Moved { before, after: self.b.path.child(y) },
                        None => Difference::Removed { before },
                    });
                }
                Span::New(y) if self.moved.values().any(|&place| place == y) => {}
                Span::New(y) => found.add(Difference::Added { after: self.b.path.child(y) }),
            }
        }
        Some(None)
    }
}

impl Comparison {
    fn add(&mut self, difference: Difference) {
        self.total += 1;
        if self.differences.len() < self.listed {
            self.differences.push(difference);
        }
    }

    /// Reports whether two values differ; containers of one kind are to be looked into. `None` where `watch` breaks off.
    fn pair(&mut self, a: (Node, Path), b: (Node, Path), watch: &mut Watch<'_>) -> Option<Option<Rest>> {
        go_on(watch, &a.0)?;
        match (a.0.kind(), b.0.kind()) {
            (Kind::Object, Kind::Object) | (Kind::Array, Kind::Array) => return self.children(a, b, watch).map(Some),
            (x, y) if x == y && same_scalar(&a.0, &b.0) => {}
            _ => {
                self.shift(Shift::Replaced(b.1.clone()));
                self.add(Difference::Changed { before: a.1, after: b.1 });
            }
        }
        Some(None)
    }

    /// The children of two containers that differ: what is to be looked at, and how positions move.
    fn children(&mut self, a: (Node, Path), b: (Node, Path), watch: &mut Watch<'_>) -> Option<Rest> {
        let spans = align(&a.0, &b.0, Same::Tokens, watch)?;
        let is_object = a.0.kind() == Kind::Object;
        let moved = if is_object { HashMap::new() } else { moved(&a.0, &b.0, &spans) };
        if is_object {
            member_shifts(&spans, &b.1, a.0.child_count(), self)
        } else {
            element_shifts(&spans, &b.1, a.0.child_count(), self)
        }
        Some(Rest { a: Side::new(a), b: Side::new(b), spans: spans.into_iter(), moved })
    }

    fn shift(&mut self, shift: Shift) {
        if self.shifts.len() < SHIFTS {
            self.shifts.push(shift);
        }
    }
}

fn same_scalar(a: &Node, b: &Node) -> bool {
    match (a.raw_text(), b.raw_text()) {
        (Some(a), Some(b)) => a == b || (a.starts_with(b"\"") && scalar::same_text(a, b)),
        _ => false,
    }
}

fn same_key(a: &Child, b: &Child) -> bool {
    match (&a.key, &b.key) {
        (Some(a), Some(b)) => a.bytes() == b.bytes() || scalar::same_text(a.bytes(), b.bytes()),
        (None, None) => true,
        _ => false,
    }
}

/// Elements that went to another place of their array as they are, where that is certain: told by what is in them, once.
fn moved(a: &Node, b: &Node, spans: &[Span]) -> HashMap<u64, u64> {
    /// Where more went and came, nobody would call it moving.
    const MANY: usize = 200;
    /// Shorter values look alike by chance.
    const TELLING: u64 = 8;
    let gone: Vec<u64> = spans.iter().filter_map(|span| if let Span::Gone(x) = span { Some(*x) } else { None }).collect();
    let new: Vec<u64> = spans.iter().filter_map(|span| if let Span::New(y) = span { Some(*y) } else { None }).collect();
    if gone.len() > MANY || new.len() > MANY {
        return HashMap::new();
    }
    let text =
        |node: &Node, k: &u64| node.child(*k).filter(|child| child.node.byte_len() >= TELLING).map(|child| child.node.to_bytes());
    let mut places: HashMap<Vec<u8>, Option<u64>> = HashMap::new();
    for y in &new {
        if let Some(text) = text(b, y) {
            places.entry(text).and_modify(|place| *place = None).or_insert(Some(*y));
        }
    }
    let mut found = HashMap::new();
    for x in &gone {
        if let Some(Some(y)) = text(a, x).and_then(|text| places.insert(text, None)) {
            found.insert(*x, y);
        }
    }
    found
}

/// In order, each where it happens.
fn element_shifts(spans: &[Span], parent: &Path, count: u64, found: &mut Comparison) {
    let (mut index, mut left) = (0, count);
    let mut spans = spans.iter().peekable();
    while let Some(span) = spans.next() {
        match span {
            Span::Same { count, .. } => index += count,
            Span::Pair { .. } => index += 1,
            Span::Gone(_) => {
                let mut count = 1;
                while spans.next_if(|next| matches!(next, Span::Gone(_))).is_some() {
                    count += 1;
                }
                left -= count;
                found.shift(Shift::Removed { parent: parent.clone(), index, count, left });
            }
            Span::New(_) => {
                let mut count = 1;
                while spans.next_if(|next| matches!(next, Span::New(_))).is_some() {
                    count += 1;
                }
                left += count;
                found.shift(Shift::Inserted { parent: parent.clone(), index, count });
                index += count;
            }
        }
    }
}

/// Removals from the last on, then insertions from the first on, lead from one order of members to the other; members that
/// went past others go and come again.
fn member_shifts(spans: &[Span], parent: &Path, count: u64, found: &mut Comparison) {
    let mut gone: Vec<u64> = Vec::new();
    let mut new: Vec<u64> = Vec::new();
    let mut both: Vec<(u64, u64, u64)> = Vec::new();
    for span in spans {
        match *span {
            Span::Gone(x) => gone.push(x),
            Span::New(y) => new.push(y),
            Span::Same { a, b, count } => both.push((a, b, count)),
            Span::Pair { a, b } => both.push((a, b, 1)),
        }
    }
    // In the order of the earlier side: what keeps rising stays.
    both.sort_unstable();
    let mut reached = None;
    for (a, b, count) in both {
        if Some(b) > reached {
            reached = Some(b + count - 1);
        } else {
            gone.extend(a..a + count);
            new.extend(b..b + count);
        }
    }
    gone.sort_unstable();
    new.sort_unstable();
    let mut left = count;
    for index in gone.into_iter().rev() {
        left -= 1;
        found.shift(Shift::Removed { parent: parent.clone(), index, count: 1, left });
    }
    for index in new {
        found.shift(Shift::Inserted { parent: parent.clone(), index, count: 1 });
    }
}

#[cfg(test)]
mod tests {
    use super::super::path::{Moved, map_all};
    use super::super::{Document, Edit, Value};
    use super::*;
    use std::ops::ControlFlow;

    fn root(text: &str) -> Node {
        Document::parse(text).unwrap().root().clone()
    }

    fn compared(a: &str, b: &str) -> Comparison {
        compare(&root(a), &root(b), &mut |_| ControlFlow::Continue(())).unwrap()
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
                Difference::Moved { before, after } => format!("{before:?}⇒{after:?}"),
                Difference::Renamed { before, after } => format!("{before:?}≙{after:?}"),
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
    fn what_is_edited_is_the_same_as_what_is_read_with_other_white_space() {
        let text = |rows: &[String]| format!("[{}]", rows.join(", "));
        let rows: Vec<String> = (0..50).map(|n| format!("[{n}, 0]")).collect();
        let before = Document::parse(text(&rows)).unwrap();
        let edit = Edit::Replace { path: [20, 1].into(), value: Value::new("5").unwrap() };
        let edited = edit.apply(&before).unwrap().document;
        let mut other = rows;
        (other[5], other[20], other[45]) = ("[5, 9]".to_owned(), "[20,  5]".to_owned(), "[45, 9]".to_owned());
        other.insert(20, "[\"new\", 0]".to_owned());
        let found = compare(edited.root(), &root(&text(&other)), &mut |_| ControlFlow::Continue(())).unwrap();
        let at = |before: u64, after: u64| Difference::Changed { before: [before, 1].into(), after: [after, 1].into() };
        assert_eq!(found.differences, [at(5, 5), Difference::Added { after: [20].into() }, at(45, 46)]);
    }

    #[test]
    fn what_moved_and_what_got_another_key() {
        check(r#"["a long text", 1, 2]"#, r#"[1, 2, "a long text"]"#, &["/0⇒/2"]);
        check(r#"{"old": [1, 2, 3]}"#, r#"{"new": [1, 2, 3]}"#, &["/0≙/0"]);
        check("[[1, 2], [3, 4], [5, 6]]", "[[1, 2], [0], [3, 4], [5, 7]]", &["+/1", "/2/1→/3/1"]);
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
