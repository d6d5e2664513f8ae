//! JSON Pointer (RFC 6901), both ways.

use super::align::Watch;
use super::node::{Child, Node};
use super::path::Path;
use super::scalar::{self, Kind};
use std::ops::ControlFlow;

/// Why a pointer leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// Not `""` and no leading slash.
    #[error("a JSON Pointer is empty or begins with `/`")]
    NoSlash,
    /// A `~` that is not part of `~0` or `~1`.
    #[error("in a JSON Pointer `~` stands in `~0` and `~1` only")]
    BadEscape,
    /// Nothing is there.
    #[error("nothing is at `{0}`")]
    Nothing(String),
}

/// Splits a pointer into its reference tokens, decoded.
///
/// # Errors
/// What is wrong with the pointer's form.
pub fn tokens(pointer: &str) -> Result<Vec<String>, PointerError> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let rest = pointer.strip_prefix('/').ok_or(PointerError::NoSlash)?;
    rest.split('/').map(unescape).collect()
}

fn unescape(token: &str) -> Result<String, PointerError> {
    let mut text = String::with_capacity(token.len());
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '~' => match characters.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(PointerError::BadEscape),
            },
            other => other,
        });
    }
    Ok(text)
}

/// The index that a token is in an array: digits without leading zeros.
pub fn array_index(token: &str) -> Option<u64> {
    let canonical =
        token == "0" || (!token.starts_with('0') && !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit()));
    if canonical { token.parse().ok() } else { None }
}

/// The child that a token names: of members with the same key the last.
pub fn child_by_token(node: &Node, token: &str) -> Option<(u64, Child)> {
    match child_watched(node, token, &mut |_| ControlFlow::Continue(())) {
        ControlFlow::Continue(found) => found,
        ControlFlow::Break(()) => unreachable!("this watcher never breaks off"),
    }
}

fn child_watched(node: &Node, token: &str, watch: &mut Watch<'_>) -> ControlFlow<(), Option<(u64, Child)>> {
    ControlFlow::Continue(match node.kind() {
        Kind::Array => array_index(token).and_then(|k| node.child(k).map(|child| (k, child))),
        Kind::Object => {
            let mut found = None;
            for (number, child) in node.children().enumerate() {
                watch(&child.node)?;
                if child.key.as_ref().is_some_and(|key| key_is(key.bytes(), token)) {
                    found = Some((number as u64, child));
                }
            }
            found
        }
        _ => None,
    })
}

/// Whether a key's literal stands for `text`. A lone surrogate is no text, and equals none.
pub fn key_is(literal: &[u8], text: &str) -> bool {
    let mut rest = text.chars();
    for unit in scalar::units(literal) {
        if unit.lone || rest.next() != Some(unit.character) {
            return false;
        }
    }
    rest.next().is_none()
}

/// The place that a pointer names. O(members) for each object on the way.
///
/// # Errors
/// What is wrong with the pointer, or up to where it leads.
pub fn resolve(root: &Node, pointer: &str) -> Result<Path, PointerError> {
    match resolve_watched(root, pointer, &mut |_| ControlFlow::Continue(())) {
        ControlFlow::Continue(place) => place,
        ControlFlow::Break(()) => unreachable!("this watcher never breaks off"),
    }
}

/// As [`resolve`], for objects with many members: `watch` gets the members' values and may break off.
///
/// # Errors
/// Broken off by `watch`.
pub fn resolve_watched(root: &Node, pointer: &str, watch: &mut Watch<'_>) -> ControlFlow<(), Result<Path, PointerError>> {
    let tokens = match tokens(pointer) {
        Ok(tokens) => tokens,
        Err(error) => return ControlFlow::Continue(Err(error)),
    };
    let mut node = root.clone();
    let mut path = Vec::new();
    for (number, token) in tokens.iter().enumerate() {
        let Some((k, child)) = child_watched(&node, token, watch)? else {
            let end = pointer.match_indices('/').nth(number + 1).map_or(pointer.len(), |(place, _)| place);
            return ControlFlow::Continue(Err(PointerError::Nothing(pointer[..end].to_owned())));
        };
        path.push(k);
        node = child.node;
    }
    ControlFlow::Continue(Ok(path.into()))
}

/// The pointer to a place; `None` where there is no such place.
///
/// *Limitation*: of members with the same key it names the last, as everyone reads it; lone surrogates in keys become U+FFFD.
pub fn pointer(root: &Node, path: &[u64]) -> Option<String> {
    let mut node = root.clone();
    let mut pointer = String::new();
    for &k in path {
        let child = node.child(k)?;
        pointer.push('/');
        match &child.key {
            Some(key) => pointer.push_str(&escape(&scalar::decode(key.bytes()))),
            None => pointer.push_str(&k.to_string()),
        }
        node = child.node;
    }
    Some(pointer)
}

/// A reference token with `~` and `/` escaped.
pub fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Fragment;

    #[test]
    fn a_long_look_can_be_broken_off() {
        let document = crate::document::Document::parse(r#"{"a": {"b": 1, "c": [2]}, "d": 3}"#).unwrap();
        let mut looks = 0;
        let mut look = |limit: u32, pointer: &str| {
            looks = 0;
            let place = resolve_watched(document.root(), pointer, &mut |_| {
                looks += 1;
                if looks > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            (looks, place.map_continue(|place| place.map(|path| path.to_vec())))
        };
        assert_eq!(look(9, "/a/c/0"), (4, ControlFlow::Continue(Ok(vec![0, 1, 0]))));
        assert_eq!(look(3, "/a/c/0"), (4, ControlFlow::Break(())));
        assert_eq!(look(9, "x"), (0, ControlFlow::Continue(Err(PointerError::NoSlash))));
    }

    /// The document of RFC 6901, section 5.
    const RFC: &str =
        r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}"#;

    #[test]
    fn the_examples_of_the_rfc() {
        let root = Node::root_of(&Fragment::new(RFC).unwrap());
        let examples = [
            ("/foo", r#"["bar", "baz"]"#),
            ("/foo/0", "\"bar\""),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ];
        for (text, value) in examples {
            let path = resolve(&root, text).unwrap();
            assert_eq!(root.descend(&path).unwrap().to_bytes(), value.as_bytes(), "{text}");
            assert_eq!(pointer(&root, &path).unwrap(), text);
        }
        assert_eq!(resolve(&root, "").unwrap(), Path::root());
    }

    #[test]
    fn what_leads_nowhere_is_told() {
        let root = Node::root_of(&Fragment::new(RFC).unwrap());
        let nothing = |place: &str| Err(PointerError::Nothing(place.to_owned()));
        assert_eq!(resolve(&root, "/foo/2/x"), nothing("/foo/2"));
        assert_eq!(resolve(&root, "/foo/01"), nothing("/foo/01"));
        assert_eq!(resolve(&root, "/foo/-"), nothing("/foo/-"));
        assert_eq!(resolve(&root, "/nope"), nothing("/nope"));
        assert_eq!(resolve(&root, "foo"), Err(PointerError::NoSlash));
        assert_eq!(resolve(&root, "/m~n"), Err(PointerError::BadEscape));
        assert_eq!(resolve(&root, "/m~"), Err(PointerError::BadEscape));
    }

    #[test]
    fn of_duplicate_keys_a_pointer_means_the_last() {
        let root = Node::root_of(&Fragment::new(r#"{"a": 1, "b": 2, "\u0061": 3}"#).unwrap());
        assert_eq!(resolve(&root, "/a").unwrap(), Path::from([2]));
    }
}
