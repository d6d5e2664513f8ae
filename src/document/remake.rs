//! A document that came out of the text of another one, of which most is still there: it stands on the same text.
//!
//! Each change is looked at where it is: in the children of one container, the innermost that has all of it inside. These are read
//! anew, together with what did not change of them, and take the place of those that were there. Everything before is as it was, so
//! that they stand in the same container as before; and if they are a list of members or elements, what follows does, too. So the
//! whole is valid without another look at what did not change.

use super::edit::{MAX_EDITED_DEPTH, update};
use super::fragment::Fragment;
use super::node::Text;
use super::scalar::{Escaping, Kind};
use super::scan::bom_length;
use super::{Document, Refusal};
use std::ops::Range;
use std::sync::Arc;

/// A change of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The bytes that go.
    pub was: Range<usize>,
    /// Those that come instead.
    pub now: Vec<u8>,
}

/// More changes than this make a document that is slower than one that is read anew.
pub const MOST_REPLACEMENTS: usize = 10_000;
/// What each takes besides its text, about: a fragment, and what leads to it.
const PLACE: u64 = 2_000;

/// Changes that touch the same children of one container.
struct Place {
    /// Their numbers.
    changes: Range<usize>,
    /// The path of the container,
    path: Vec<u64>,
    /// and where it starts.
    container: usize,
    /// Which children.
    children: Range<u64>,
    /// From the first one's start to the last one's end.
    stretch: Range<usize>,
}

impl Document {
    /// The document that a fragment's text is after `changes`, which are in order and apart from each other. It holds the fragment.
    /// O(changes · depth · log n) and the length of the children that they touch.
    ///
    /// `None` where that is not JSON, and where nothing would be gained: where there are very many changes, the outermost value is
    /// another, or one of the values that hold them directly is large.
    pub fn remade(fragment: &Arc<Fragment>, changes: &[Replacement]) -> Option<Self> {
        let was = Self::of(fragment);
        if changes.len() > MOST_REPLACEMENTS {
            return None;
        }
        let root = fragment.root();
        let inside_from = changes.partition_point(|change| change.was.end <= root.start);
        let inside_to = changes.partition_point(|change| change.was.start < root.end);
        let before = framing(&was.before, fragment, 0..root.start, &changes[..inside_from])?;
        let behind = framing(&was.behind, fragment, root.end..fragment.text().len(), &changes[inside_to..])?;
        let mark = bom_length(before.bytes());
        if before.bytes()[mark..].iter().chain(behind.bytes()).any(is_ink) {
            return None;
        }
        let (mut root, mut style, mut depth, mut beside) = (was.root, was.style, was.depth, 0);
        // From the last to the first: what is before has the numbers that it had.
        for (place, new) in places(fragment, changes, inside_from..inside_to)?.iter().rev() {
            let changed = update(&root, &place.path, &mut |container| {
                container.with_untouched(place.children.clone(), new, 0).ok_or(Refusal::NoSuchPlace)
            });
            root = changed.ok()?;
            // No less than it is: what was the deepest may be gone.
            depth = depth.max(place.path.len() as u64 + new.depth());
            beside += PLACE + new.text().len() as u64;
            if style.escaping == Escaping::Ascii && !new.text().is_ascii() {
                Arc::make_mut(&mut style).escaping = Escaping::Needed;
            }
        }
        Some(Self { root, before, behind, style, depth, ground: was.ground, beside })
    }
}

fn is_ink(byte: &u8) -> bool {
    !matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// A stretch of the text after the changes in it.
fn made(text: &[u8], stretch: Range<usize>, changes: &[Replacement], out: &mut Vec<u8>) {
    let mut at = stretch.start;
    for Replacement { was, now } in changes {
        out.extend_from_slice(&text[at..was.start]);
        out.extend_from_slice(now);
        at = was.end;
    }
    out.extend_from_slice(&text[at..stretch.end]);
}

/// What stands before or behind the outermost value; `None` where a change goes over its edge.
fn framing(was: &Text, fragment: &Fragment, stretch: Range<usize>, changes: &[Replacement]) -> Option<Text> {
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else { return Some(was.clone()) };
    if first.was.start < stretch.start || last.was.end > stretch.end {
        return None;
    }
    let mut text = Vec::new();
    made(fragment.text(), stretch, changes, &mut text);
    String::from_utf8(text).ok().map(Text::from)
}

/// Where the changes are, in order, with what is there after them: a container that has the new children alone. `None` where they
/// can't be read.
fn places(fragment: &Fragment, changes: &[Replacement], numbers: Range<usize>) -> Option<Vec<(Place, Arc<Fragment>)>> {
    /// Of what does not change so much is read again at most: this part of the whole, or a little.
    const PART: usize = 8;
    const LITTLE: usize = 4 << 20;
    let mut left = LITTLE + fragment.text().len() / PART;
    // What touches the same children is known before any are read.
    let mut unread: Vec<Place> = Vec::new();
    for number in numbers {
        let mut place = Place::innermost(fragment, changes, number..number + 1, MAX_EDITED_DEPTH)?;
        while let Some(before) = unread.pop_if(|before| before.stretch.end > place.stretch.start) {
            place = Place::innermost(fragment, changes, before.changes.start..number + 1, MAX_EDITED_DEPTH)?;
        }
        unread.push(place);
    }
    let mut places: Vec<(Place, Arc<Fragment>)> = Vec::new();
    for mut place in unread {
        let new = loop {
            if let Some((before, _)) = places.pop_if(|(before, _)| before.stretch.end > place.stretch.start) {
                place = Place::innermost(fragment, changes, before.changes.start..place.changes.end, MAX_EDITED_DEPTH)?;
                continue;
            }
            let new: usize = changes[place.changes.clone()].iter().map(|change| change.now.len()).sum();
            left = left.checked_sub(place.stretch.len() + new)?;
            match place.read(fragment, changes) {
                Some(new) => break new,
                // `{"a": 1}, {"a": 2}` became of `{"a": 2}` by what is new behind the first `{"a": `.
                None => place = Place::innermost(fragment, changes, place.changes, place.path.len())?,
            }
        };
        places.push((place, new));
    }
    Some(places)
}

impl Place {
    /// The innermost place that has all of some changes, in a container with a path shorter than `limit`. O(depth · log n).
    fn innermost(fragment: &Fragment, changes: &[Replacement], numbers: Range<usize>, limit: usize) -> Option<Self> {
        let was = changes[numbers.start].was.start..changes[numbers.end - 1].was.end;
        let has_inside = |value: usize, end: usize| fragment.is_container(value) && value < was.start && was.end < end;
        let root = fragment.root();
        let (mut container, mut path, mut around) = (root.start, Vec::new(), None);
        let mut is_inside = has_inside(root.start, root.end);
        while is_inside && path.len() < limit {
            // White space at the brackets belongs to the container, which is a child in the one around it then.
            let Some((children, value, stretch)) = touched(fragment, container, &was) else { break };
            let first = children.start;
            is_inside = children.end == first + 1 && has_inside(value, stretch.end);
            around = Some(Self { changes: numbers.clone(), path: path.clone(), container, children, stretch });
            path.push(first);
            container = value;
        }
        around
    }

    /// The children as they are after the changes; `None` where that is no list of children.
    fn read(&self, fragment: &Fragment, changes: &[Replacement]) -> Option<Arc<Fragment>> {
        let (open, close) = if fragment.kind(self.container) == Kind::Object { (b'{', b'}') } else { (b'[', b']') };
        let mut text = vec![open];
        made(fragment.text(), self.stretch.clone(), &changes[self.changes.clone()], &mut text);
        let inside = &text[1..];
        // White space there belongs to nobody.
        if !inside.first().is_some_and(is_ink) || !inside.last().is_some_and(is_ink) {
            return None;
        }
        text.push(close);
        Fragment::new(text).ok()
    }
}

/// The children of a container that a change touches, where the value of the first one begins, and from where to where they stand.
/// `None` where it touches what is before the first or behind the last.
fn touched(fragment: &Fragment, container: usize, was: &Range<usize>) -> Option<(Range<u64>, usize, Range<usize>)> {
    let (first, slot) = fragment.child_at_offset(container, was.start)?;
    if slot.start > was.start {
        return None;
    }
    let (mut last, mut last_slot, mut end) = (first, slot, fragment.value_end(slot.value));
    if end < was.end {
        (last, last_slot) = fragment.child_at_offset(container, was.end)?;
        end = fragment.value_end(last_slot.value);
    }
    if end < was.end {
        last_slot = fragment.next_slot(&last_slot)?;
        (last, end) = (last + 1, fragment.value_end(last_slot.value));
    }
    Some((first..last + 1, slot.value, slot.start..end))
}

#[cfg(test)]
mod tests {
    use super::super::common::{format, model, text_of};
    use super::super::successor::{portions, replacements};
    use super::super::{Node, compare, path};
    use super::*;
    use proptest::prelude::*;
    use std::ops::ControlFlow;

    fn remade(before: &str, after: &[u8]) -> Option<Document> {
        let fragment = Fragment::new(before).unwrap();
        let text = fragment.text();
        Document::remade(&fragment, &changes(after, text))
    }

    fn changes(after: &[u8], before: &[u8]) -> Vec<Replacement> {
        replacements(&portions(after, before, 0, before.len().checked_sub(after.len())), before)
    }

    /// All values by walking, with their keys and texts.
    fn walk(node: &Node, at: &path::Path, out: &mut Vec<String>) {
        for (k, child) in node.children().enumerate() {
            let key = child.key.map(|key| String::from_utf8_lossy(key.bytes()).into_owned());
            out.push(format!("{at:?} {k} {key:?} {}", String::from_utf8_lossy(&child.node.to_bytes())));
            walk(&child.node, &at.child(k as u64), out);
        }
    }

    fn walked(document: &Document) -> Vec<String> {
        let mut all = Vec::new();
        walk(document.root(), &path::Path::root(), &mut all);
        all
    }

    /// What is made is what reading the text gives.
    #[track_caller]
    fn check_same(document: &Document, text: &[u8]) {
        assert_eq!(String::from_utf8_lossy(&document.to_bytes()), String::from_utf8_lossy(text));
        let read = Document::parse(text).unwrap();
        assert_eq!((document.byte_len(), document.values()), (read.byte_len(), read.values()));
        assert!(document.depth_as_read() >= read.depth_as_read());
        assert_eq!(walked(document), walked(&read));
        assert_eq!(compare(document.root(), read.root(), &mut |_| ControlFlow::Continue(())).unwrap().total, 0);
    }

    #[track_caller]
    fn check(before: &str, after: &str, is_made: bool) {
        // Long enough to be found again, on both sides.
        let pad = |n: u64| format!("\"{}\"", n.to_string().repeat(40));
        let within = |text: &str| format!("[{}, {text}, {}]\n", pad(11), pad(22));
        let (before, after) = (within(before), within(after));
        match remade(&before, after.as_bytes()) {
            Some(document) if is_made => check_same(&document, after.as_bytes()),
            None if !is_made => {}
            other => panic!("{after} {other:?}"),
        }
    }

    #[test]
    fn changes_are_found_where_they_are() {
        check("1", "2", true);
        check("12", "123", true);
        check("[]", "[1]", true);
        check("[1]", "[]", true);
        check("[1]", "[ 1]", true);
        check("[1]", "[1 ]", true);
        check("[1, 2, 3]", "[1, 3]", true);
        check("[1, 2, 3]", "[1, 2]", true);
        check("[1, 2, 3]", "[1,2, 3]", true);
        check("[1, 2, 3]", "[0, 1, 2, 3]", true);
        check("[1, 2, 3]", "[1, 2, 3, 4]", true);
        check(r#"{"a": 1, "b": [true]}"#, r#"{"a": 1, "c": [true]}"#, true);
        check(r#"{"a": 1, "b": [true]}"#, r#"{"a": 1, "b" : [true], "x": {}}"#, true);
        check(r#"{"a": 1}"#, r#"{"a": "1"}"#, true);
        check(r#"{"a": 1}"#, r#"["a", 1]"#, true);
        check(r#""a", "b""#, r#""a\", \"b""#, true);
        check("[1], [2]", "[1, [2]]", true);
        check("[[1], [2]], 3", "[[1, 2], 3]", true);
        check("\"\u{5e9}\u{5dc}\"", "\"\u{5e9}\u{5dd}\"", true);
    }

    #[test]
    fn what_is_no_json_is_not_made() {
        check("[1, 2]", "[1, 2", false);
        check("[1, 2]", "[1, 2]]", false);
        check("[1]", "[1], 2]", false);
        check("[1]", "1], [2", false);
        check("[1, 2]", "[1,, 2]", false);
        check("[1, 2]", "[1 2]", false);
        check(r#"{"a": 1}"#, r#"{"a": 1, 2}"#, false);
        check(r#"{"a": 1}"#, r#"{"a": 1, }"#, false);
        check(r#""a", "b""#, r#""a, "b""#, false);
        check("1", "", false);
        check("1", "01", false);
        let text = "[\"\u{5e9}\u{5dc}\u{5d5}\u{5dd} and more, so that it is found again; and still more of it\", 1]";
        let mut broken = text.as_bytes().to_vec();
        broken[3] = b'x';
        assert!(remade(text, &broken).is_none());
    }

    #[test]
    fn what_stands_around_the_outermost_value_may_change() {
        let inside = format!("[{}]", (0..60).map(|n| (n * 7919 % 1013).to_string()).collect::<Vec<_>>().join(", "));
        let is_made = |before: &str, after: &str| {
            let after = after.replace('#', &inside);
            let document = remade(&before.replace('#', &inside), after.as_bytes());
            document.inspect(|document| check_same(document, after.as_bytes())).is_some()
        };
        assert!(is_made("#", "#\n") && is_made("#\n", "#") && is_made("#", "\n #"));
        assert!(is_made("\u{feff}#", "\u{feff} #\r\n") && is_made("\u{feff}#", "#"));
        assert!(!is_made("#", "#x") && !is_made("#", "x#") && !is_made("#", "#\u{feff}"));
        assert!(!is_made("#", "[#]") && !is_made("#", "#,1") && !is_made("#", "# 1"));
    }

    #[test]
    fn most_of_it_stands_where_it_was_read() {
        let record = |n: u64| format!("{{\"id\": {n}, \"list\": [{}, {{\"deep\": \"{}\"}}]}}", n * 7, n * 31 % 89);
        let text = |records: Vec<String>| format!("{{\"all\": [\n{}\n], \"count\": 5}}\n", records.join(",\n"));
        let before: Vec<String> = (0..3000).map(record).collect();
        let mut after = before.clone();
        after[2500] = after[2500].replace("deep", "other");
        after.remove(1700);
        after.insert(900, record(5000));
        after.push(record(6000));
        let (before, after) = (text(before), text(after));
        let fragment = Fragment::new(before.clone()).unwrap();
        let document = Document::remade(&fragment, &changes(after.as_bytes(), before.as_bytes())).unwrap();
        check_same(&document, after.as_bytes());
        let all = document.node(&[0]).unwrap();
        let stands_there = |child: &Node| matches!(child, Node::Raw { fragment: of, .. } if Arc::ptr_eq(of, &fragment));
        let new = all.children().filter(|child| !stands_there(&child.node)).count();
        assert!(new < 12, "{new}");
        // The way to what changed deep inside is all that is new there.
        let list = document.node(&[0, 2500]).unwrap().child(1).unwrap().node;
        assert!(stands_there(&list.child(0).unwrap().node) && !stands_there(&list.child(1).unwrap().node));
    }

    #[test]
    fn below_the_deepest_level_that_may_be_edited_a_value_is_new() {
        let deep = |inside: &str| format!("{}{inside}{}", "[7, ".repeat(1500), "]".repeat(1500));
        let (before, after) = (deep("\"before\""), deep("\"after\""));
        let document = remade(&before, after.as_bytes()).unwrap();
        assert_eq!((document.to_bytes(), document.depth_as_read() >= 1500), (after.into_bytes(), true));
        assert!(document.root().edited_height() <= MAX_EDITED_DEPTH);
    }

    #[test]
    fn new_letters_end_the_style_that_has_none() {
        let text = |last: &str| format!("[{}{last}]", "\"\\u05e9\", ".repeat(40));
        let escaping = |last: &str| remade(&text("1"), text(last).as_bytes()).unwrap().style().escaping;
        assert_eq!((escaping("2"), escaping("\"\u{5e9}\"")), (Escaping::Ascii, Escaping::Needed));
    }

    proptest! {
        #[test]
        fn a_text_that_was_changed_anywhere(
            value in model(),
            layout in format(),
            cuts in proptest::collection::vec((0.0..1.0, 0_usize..12, "[\\[\\]{},:\" 0-9a\\\\\u{5e9}]{0,8}"), 1..4),
        ) {
            let before = text_of(&value, &layout);
            let mut after = before.clone().into_bytes();
            for (place, length, new) in cuts {
                let start = (place * after.len() as f64) as usize;
                let end = (start + length).min(after.len());
                after.splice(start..end, new.into_bytes());
            }
            let fragment = Fragment::new(before).unwrap();
            let text = fragment.text();
            // As it is found, and as one change from the first difference to the last.
            let same = |a: &[u8], b: &[u8]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
            let head = same(text, &after);
            let backwards = |text: &[u8]| text[head..].iter().rev().copied().collect::<Vec<u8>>();
            let tail = same(&backwards(text), &backwards(&after));
            let one = vec![Replacement { was: head..text.len() - tail, now: after[head..after.len() - tail].to_vec() }];
            for changes in [one, changes(&after, text)] {
                if let Some(document) = Document::remade(&fragment, &changes) {
                    check_same(&document, &after);
                    // It differs from what was before as what is read does.
                    let (before, read) = (Document::of(&fragment), Document::parse(&*after).unwrap());
                    let differing = |other: &Document| {
                        let found = compare(before.root(), other.root(), &mut |_| ControlFlow::Continue(())).unwrap();
                        (found.total, format!("{:?}", found.differences))
                    };
                    prop_assert_eq!(differing(&document), differing(&read));
                }
            }
        }
    }
}
