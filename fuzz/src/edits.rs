//! Edits on a text: the result is JSON, reads as the same edits of a plain model do, and leaves the old document as it was.

use crate::Draw;
use crate::document::{Document, Edit, Key, Kind, Node, Value, scalar};

/// Deeper texts would overflow the recursion here, not there.
const DEEPEST: u64 = 100;
const LONGEST: usize = 1 << 14;

/// A value without its white space and spelling of strings.
#[derive(Clone, Debug, PartialEq)]
enum Model {
    Scalar(String),
    Array(Vec<Model>),
    Object(Vec<(String, Model)>),
}

impl Model {
    fn of(node: &Node) -> Self {
        match node.kind() {
            Kind::Array => Self::Array(node.children().map(|child| Self::of(&child.node)).collect()),
            Kind::Object => Self::Object(
                node.children()
                    .map(|child| {
                        let key = child.key.expect("members have keys");
                        (scalar::decode(key.bytes()).into_owned(), Self::of(&child.node))
                    })
                    .collect(),
            ),
            Kind::String => Self::Scalar(format!("\"{}", scalar::decode(node.raw_text().expect("scalars are raw")))),
            _ => Self::Scalar(String::from_utf8_lossy(node.raw_text().expect("scalars are raw")).into_owned()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Scalar(_) => 0,
            Self::Array(items) => items.len(),
            Self::Object(members) => members.len(),
        }
    }

    fn at(&mut self, path: &[u64]) -> &mut Self {
        path.iter().fold(self, |model, k| match model {
            Self::Array(items) => &mut items[*k as usize],
            Self::Object(members) => &mut members[*k as usize].1,
            Self::Scalar(_) => unreachable!("the path is there"),
        })
    }

    fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    fn insert(&mut self, k: usize, key: String, value: Self) {
        match self {
            Self::Array(items) => items.insert(k, value),
            Self::Object(members) => members.insert(k, (key, value)),
            Self::Scalar(_) => unreachable!("a container"),
        }
    }

    fn remove(&mut self, k: usize) -> (String, Self) {
        match self {
            Self::Array(items) => (String::new(), items.remove(k)),
            Self::Object(members) => members.remove(k),
            Self::Scalar(_) => unreachable!("a container"),
        }
    }

    /// A place drawn at random.
    fn path(&mut self, draw: &mut Draw<'_>) -> Vec<u64> {
        let mut path = Vec::new();
        loop {
            let length = self.at(&path).len();
            if length == 0 || draw.byte() % 4 == 0 {
                return path;
            }
            path.push(draw.below(length) as u64);
        }
    }
}

/// Draws up to 24 edits from the input's first bytes (as many as the first says) and makes them in the text behind those.
pub fn check(input: &[u8]) {
    let mut draw = Draw(input);
    let number = usize::from(draw.byte()) % 25;
    let mut draw = Draw(draw.bytes(number * 16));
    let text = &input[(1 + number * 16).min(input.len())..];
    if text.len() > LONGEST {
        return;
    }
    let Ok(first) = Document::parse(text) else { return };
    if first.depth_as_read() > DEEPEST {
        return;
    }
    let mut model = Model::of(first.root());
    let mut versions = vec![(first.clone(), text.to_vec())];
    for _ in 0..number {
        let (document, _) = &versions[versions.len() - 1];
        let Some(edit) = drawn(&mut draw, document, &mut model) else { continue };
        let applied = edit.apply(document).unwrap_or_else(|refusal| panic!("{edit:?}: {refusal}"));
        let bytes = applied.document.to_bytes();
        assert_eq!(applied.document.byte_len(), bytes.len() as u64);
        let read = Document::parse(bytes.clone()).unwrap_or_else(|problem| panic!("{edit:?}: {problem}"));
        assert_eq!(Model::of(read.root()), model, "{edit:?}");
        assert_eq!(Model::of(applied.document.root()), model, "{edit:?}");
        assert_eq!(read.values(), applied.document.values());
        assert_numbers(applied.document.root());
        versions.push((applied.document, bytes));
    }
    for (document, bytes) in &versions {
        assert_eq!(document.to_bytes(), *bytes);
    }
}

/// Children are found by number and by offset as they stand.
fn assert_numbers(node: &Node) {
    let mut values = 0;
    for (k, child) in node.children().enumerate() {
        let k = k as u64;
        assert_eq!(node.values_before(k), values);
        assert_eq!(node.child(k).map(|child| child.node.to_bytes()), Some(child.node.to_bytes()));
        assert_eq!(node.child_with_value(values).map(|found| found.0), Some(k));
        values += 1 + child.node.values_inside();
        assert_numbers(&child.node);
    }
    assert_eq!(node.values_inside(), values);
}

/// An edit that can be made, which is made in the model.
fn drawn(draw: &mut Draw<'_>, document: &Document, model: &mut Model) -> Option<Edit> {
    const TEXTS: &[&str] = &[
        "1",
        "null",
        "\"\"",
        "\"a\\u0041\"",
        "[]",
        "{}",
        "[1,2]",
        "{\"a\":[{}],\"b\":\"\u{5d0}\"}",
        "-0.50E+7",
        "\"\\ud800\"",
        "[ [ 1 , 2 ] , { \"k\" : \"\\\"\" } ]",
    ];
    const KEYS: &[&str] = &["", "a", "key", "\u{5d0}", "\\n", "\\u0061", "\\ud83d\\ude00"];
    let key = |draw: &mut Draw<'_>| {
        let literal = format!("\"{}\"", KEYS[draw.below(KEYS.len())]);
        let key = Key::literal(&literal).expect("it is a string");
        (key, scalar::decode(literal.as_bytes()).into_owned())
    };
    let value = |draw: &mut Draw<'_>| {
        let text = match draw.byte() % 4 {
            // Large enough for the index.
            0 => format!("[{}]", vec![TEXTS[draw.below(TEXTS.len())]; 1 + draw.below(150)].join(", ")),
            _ => TEXTS[draw.below(TEXTS.len())].to_owned(),
        };
        let as_read = Document::parse(text.clone()).expect("it is JSON");
        (Value::new(&text).expect("it is JSON"), Model::of(as_read.root()))
    };
    let kind = draw.byte() % 6;
    let path = model.path(draw);
    match kind {
        0 => {
            let (value, new) = value(draw);
            *model.at(&path) = new;
            Some(Edit::Replace { path: path.into(), value })
        }
        1 => {
            let place = model.at(&path);
            if let Model::Scalar(_) = place {
                return None;
            }
            let index = draw.below(place.len() + 1);
            let (literal, name) = key(draw);
            let (value, new) = value(draw);
            let key = place.is_object().then_some(literal);
            place.insert(index, name, new);
            Some(Edit::Insert { parent: path.into(), index: index as u64, key, value })
        }
        2 => {
            let (k, parent) = path.split_last()?;
            model.at(parent).remove(*k as usize);
            Some(Edit::Remove { path: path.into() })
        }
        3 => {
            let (k, parent) = path.split_last()?;
            let Model::Object(members) = model.at(parent) else { return None };
            let (literal, name) = key(draw);
            members[*k as usize].0 = name;
            Some(Edit::Rename { path: path.into(), key: literal })
        }
        4 => {
            let (k, parent) = path.split_last()?;
            let mut without = model.clone();
            let was_member = without.at(parent).is_object();
            let (old, moved) = without.at(parent).remove(*k as usize);
            let to = without.path(draw);
            let place = without.at(&to);
            if let Model::Scalar(_) = place {
                return None;
            }
            let index = draw.below(place.len() + 1);
            let (literal, name) = key(draw);
            let (key, name) = if place.is_object() && !was_member { (Some(literal), name) } else { (None, old) };
            place.insert(index, name, moved);
            *model = without;
            Some(Edit::Move { from: path.into(), to: [to, vec![index as u64]].concat().into(), key })
        }
        _ => {
            let (k, parent) = path.split_last()?;
            debug_assert!(document.node(&path).is_some());
            let copy = model.at(&path).clone();
            let place = model.at(parent);
            let name = if let Model::Object(members) = place { members[*k as usize].0.clone() } else { String::new() };
            place.insert(*k as usize + 1, name, copy);
            Some(Edit::Duplicate { path: path.into(), key: None })
        }
    }
}
