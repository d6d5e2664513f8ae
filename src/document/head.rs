//! The beginning of a text as a document, to be shown while the rest is still on its way.

use super::fragment::{close_of_string, scalar_end};
use super::scan::{bom_length, skip_white_space};
use super::{Document, Path};

/// Containers that are followed inwards; a beginning that is deeper is cut there.
const DEEPEST: usize = 500;

/// The beginning of a text, closed where it was cut. Its places are those of the whole text.
#[derive(Clone, Debug)]
pub struct Head {
    /// What is there so far.
    pub document: Document,
    /// The innermost value that the cut left open. It, and what it is in, are still to grow.
    pub open: Path,
    /// Bytes of the text that the document begins with; what follows in it only closes it.
    pub bytes: usize,
}

impl Head {
    /// What the beginning `start` of a text shows; `None` where it is not JSON so far, or where nothing is missing. O(length).
    pub fn of(start: &[u8]) -> Option<Self> {
        let valid = match std::str::from_utf8(start) {
            Ok(text) => text.len(),
            // A character that is cut is no mistake.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return None,
        };
        let cut = Cut::of(&start[..valid])?;
        let open = cut.open_path();
        let Cut { end, opened, in_string } = cut;
        let mut text = start[..end].to_vec();
        text.extend(in_string.then_some(b'"'));
        text.extend(opened.iter().rev().map(|&(closing, _)| closing));
        // Whether it is JSON up to here is looked at only now.
        let document = Document::parse(text).ok()?;
        Some(Self { document, open, bytes: end })
    }

    /// Whether a whole text begins as this does.
    pub fn begins(&self, text: &[u8]) -> bool {
        let mut left = text.get(..self.bytes);
        let mut same = |piece: &[u8]| -> Result<(), ()> {
            let rest = left.ok_or(())?;
            let length = piece.len().min(rest.len());
            left = (rest[..length] == piece[..length]).then_some(&rest[length..]);
            left.map(drop).ok_or(())
        };
        self.document.write(&mut same).is_ok()
    }
}

/// Where a beginning is cut.
#[derive(Default)]
struct Cut {
    end: usize,
    /// For each container that is open there: what closes it, and how many children it has so far.
    opened: Vec<(u8, u64)>,
    /// The cut is in a string, which is a value.
    in_string: bool,
}

impl Cut {
    /// Behind the last value or opening bracket that is there as a whole, or in a string. Looks at no more of the grammar than
    /// that takes.
    fn of(text: &[u8]) -> Option<Self> {
        let mut cut = Self::default();
        let mut at = bom_length(text);
        loop {
            at = skip_white_space(text, at);
            let Some(&byte) = text.get(at) else { return Some(cut) };
            match byte {
                b'{' | b'[' => {
                    if cut.opened.len() == DEEPEST {
                        return Some(cut);
                    }
                    cut.count();
                    cut.opened.push((byte + 2, 0));
                    at += 1;
                    cut.end = at;
                }
                b'}' | b']' => {
                    cut.opened.pop();
                    at += 1;
                    cut.end = at;
                    if cut.opened.is_empty() {
                        return None;
                    }
                }
                b',' | b':' => at += 1,
                b'"' => {
                    let end = close_of_string(text, at);
                    let behind = end.map(|end| skip_white_space(text, end));
                    let is_key = match cut.opened.last() {
                        Some((b'}', _)) => text[..at].iter().rev().find(|byte| !byte.is_ascii_whitespace()) != Some(&b':'),
                        _ => false,
                    };
                    match (end, is_key) {
                        (None, true) => return Some(cut),
                        (None, false) => {
                            cut.count();
                            cut.end = last_whole_character(text, at);
                            cut.in_string = true;
                            return Some(cut);
                        }
                        (Some(_), true) => at = behind?,
                        (Some(end), false) => {
                            cut.count();
                            at = end;
                            cut.end = end;
                        }
                    }
                }
                _ => {
                    at = scalar_end(text, at);
                    if at == text.len() {
                        return Some(cut);
                    }
                    cut.count();
                    cut.end = at;
                }
            }
        }
    }

    /// One child more.
    fn count(&mut self) {
        if let Some((_, children)) = self.opened.last_mut() {
            *children += 1;
        }
    }

    fn open_path(&self) -> Path {
        let levels = self.opened.len().saturating_sub(usize::from(!self.in_string));
        let path: Vec<u64> = self.opened[..levels].iter().map(|(_, children)| children.saturating_sub(1)).collect();
        path.into()
    }
}

/// The end of what of the string at `start` is there without a broken escape; the string goes on behind `text`.
fn last_whole_character(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(backslash) = memchr::memchr(b'\\', &text[at..]).map(|found| at + found) {
        let length = if text.get(backslash + 1) == Some(&b'u') { 6 } else { 2 };
        if backslash + length > text.len() {
            return backslash;
        }
        at = backslash + length;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::super::common::{format, model, text_of};
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(start: &str, shown: &str, open: &[u64]) {
        let head = Head::of(start.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(head.document.to_bytes()).unwrap(), shown);
        assert_eq!(&head.open[..], open);
        assert!(head.begins(start.as_bytes()));
    }

    #[test]
    fn a_beginning_is_cut_behind_the_last_whole_value() {
        check("[1, 2, 3", "[1, 2]", &[]);
        check("[1, 2, 3,", "[1, 2, 3]", &[]);
        check("  [", "  []", &[]);
        check("\u{FEFF}{\"a\": {\"b\": [true, nul", "\u{FEFF}{\"a\": {\"b\": [true]}}", &[0, 0]);
        check("{\"a\": 1, \"b\": [[1], [2, {\"c\"", "{\"a\": 1, \"b\": [[1], [2, {}]]}", &[1, 1, 1]);
        check("{\"a\": 1, \"b\" : ", "{\"a\": 1}", &[]);
        check("{\"a\": 1, \"b", "{\"a\": 1}", &[]);
        check("{\"a\" : \"x:,\", \"b\": [], ", "{\"a\" : \"x:,\", \"b\": []}", &[]);
    }

    #[test]
    fn a_long_string_is_shown_as_far_as_it_is_there() {
        check("\"abc", "\"abc\"", &[]);
        check("[1, {\"k\": \"ab\\n\\u05", "[1, {\"k\": \"ab\\n\"}]", &[1, 0]);
        check("[\"ab\\", "[\"ab\"]", &[0]);
        check("[\"ab\\\\", "[\"ab\\\\\"]", &[0]);
        let cut = &"[\"אב".as_bytes()[..5];
        assert_eq!(Head::of(cut).unwrap().document.to_bytes(), "[\"א\"]".as_bytes());
    }

    #[test]
    fn what_is_whole_or_wrong_has_no_head() {
        for start in ["[1] ", "{}", "[1, }, ", "[1 2, ", "{\"a\", 1, ", "]", "[\"a\u{1}", ""] {
            assert!(Head::of(start.as_bytes()).is_none(), "{start}");
        }
        assert!(Head::of(b"[1, \xFF, ").is_none());
    }

    #[test]
    fn another_text_does_not_begin_so() {
        let head = Head::of(b"[1, 2, 3").unwrap();
        assert!(head.begins(b"[1, 2, 30, 4]"));
        for other in [&b"[1, 3, 30, 4]"[..], b"[1,2]", b"[1,", b""] {
            assert!(!head.begins(other));
        }
        let deep = format!("{}1", "[".repeat(10_000));
        assert_eq!(Head::of(deep.as_bytes()).unwrap().open.len(), DEEPEST - 1);
    }

    proptest! {
        #[test]
        fn what_a_beginning_shows_is_in_the_whole_text(
            model in model(), format in format(), cut in any::<prop::sample::Index>(),
        ) {
            let text = text_of(&model, &format).into_bytes();
            let whole = Document::parse(text.clone()).unwrap();
            if let Some(head) = Head::of(&text[..cut.index(text.len())]) {
                prop_assert!(head.begins(&text));
                // Each container on the way to the cut has the children of the whole, as far as they are there.
                for depth in 0..=head.open.len() {
                    let path = &head.open[..depth];
                    let (part, full) = (head.document.node(path).unwrap(), whole.node(path).unwrap());
                    prop_assert_eq!(part.kind(), full.kind());
                    prop_assert!(part.child_count() <= full.child_count());
                    for (k, child) in part.children().enumerate().filter(|&(k, _)| head.open.get(depth) != Some(&(k as u64))) {
                        prop_assert_eq!(child.node.to_bytes(), full.child(k as u64).unwrap().node.to_bytes());
                    }
                }
            }
        }
    }
}
