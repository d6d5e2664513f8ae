//! What several test files share: generated JSON in random formatting.
#![allow(dead_code)] // each test file uses a part

use proptest::prelude::*;

/// A value as the tests think of it: scalars as their text, members in order with duplicates.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    Scalar(String),
    Array(Vec<Model>),
    Object(Vec<(String, Model)>),
}

impl Model {
    pub fn to_value(&self) -> serde_json::Value {
        match self {
            Self::Scalar(text) => serde_json::from_str(text).unwrap(),
            Self::Array(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(members) => {
                let key = |text: &String| serde_json::from_str::<String>(text).unwrap();
                serde_json::Value::Object(members.iter().map(|(text, value)| (key(text), value.to_value())).collect())
            }
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Scalar(_) => 0,
            Self::Array(items) => items.len(),
            Self::Object(members) => members.len(),
        }
    }

    pub fn child(&self, k: usize) -> &Model {
        match self {
            Self::Scalar(_) => panic!("a scalar has no children"),
            Self::Array(items) => &items[k],
            Self::Object(members) => &members[k].1,
        }
    }

    pub fn at(&mut self, path: &[u64]) -> &mut Model {
        path.iter().fold(self, |model, &k| match model {
            Self::Scalar(_) => panic!("a scalar has no children"),
            Self::Array(items) => &mut items[k as usize],
            Self::Object(members) => &mut members[k as usize].1,
        })
    }

    /// All paths, in document order.
    pub fn paths(&self) -> Vec<Vec<u64>> {
        let mut paths = vec![Vec::new()];
        for k in 0..self.len() {
            paths.extend(self.child(k).paths().into_iter().map(|path| [vec![k as u64], path].concat()));
        }
        paths
    }

    /// The text, with white space drawn from `gaps` in turn.
    pub fn write(&self, gaps: &mut dyn FnMut() -> String, out: &mut String) {
        let (open, close) = match self {
            Self::Scalar(text) => return out.push_str(text),
            Self::Array(_) => ('[', ']'),
            Self::Object(_) => ('{', '}'),
        };
        out.push(open);
        for k in 0..self.len() {
            if k > 0 {
                out.push_str(&gaps());
                out.push(',');
            }
            out.push_str(&gaps());
            if let Self::Object(members) = self {
                out.push_str(&members[k].0);
                out.push_str(&gaps());
                out.push(':');
                out.push_str(&gaps());
            }
            self.child(k).write(gaps, out);
        }
        out.push_str(&gaps());
        out.push(close);
    }
}

pub fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("0".to_owned()),
        Just("-0".to_owned()),
        Just("1.0".to_owned()),
        Just("12345678901234567890123456789012345678901".to_owned()),
        "-?(0|[1-9][0-9]{0,6})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?",
        string(),
    ]
}

/// String literals: plain, escaped, Hebrew, Chinese, long.
pub fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "\"([a-z ,:{}\\[\\]]|\\\\n|\\\\\"|\\\\\\\\|\\\\u00e9|\\\\ud83d\\\\ude00|[א-ת]|[一-丏]|\u{1F600}){0,8}\"",
        1 => (0usize..1500).prop_map(|length| format!("\"{}\"", "x".repeat(length))),
    ]
}

pub fn model() -> impl Strategy<Value = Model> {
    scalar().prop_map(Model::Scalar).prop_recursive(6, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Model::Array),
            proptest::collection::vec(scalar().prop_map(Model::Scalar), 60..140).prop_map(Model::Array),
            // Few different keys, so that some stand twice.
            proptest::collection::vec(("\"[ab](\\\\u0061)?[א]?\"", inner), 0..8).prop_map(Model::Object),
        ]
    })
}

/// How the white space of a text is made.
#[derive(Clone, Debug)]
pub enum Format {
    Minified,
    Random(Vec<String>),
}

pub fn format() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Minified), proptest::collection::vec("[ \n\t]{0,3}|\r\n", 1..12).prop_map(Format::Random),]
}

pub fn text_of(model: &Model, format: &Format) -> String {
    let mut number = 0;
    let mut gaps = || match format {
        Format::Minified => String::new(),
        Format::Random(gaps) => {
            number += 1;
            gaps[number % gaps.len()].clone()
        }
    };
    let mut text = gaps();
    model.write(&mut gaps, &mut text);
    text.push_str(&gaps());
    text
}
