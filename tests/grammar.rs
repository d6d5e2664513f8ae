//! The scanner accepts exactly what RFC 8259 does, and yields what serde_json yields.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod common;

use common::{format, model, text_of};
use proptest::prelude::*;
use serde_json::value::RawValue;
use treekeep::document::{Document, Fragment, Kind, Node, Validator, scalar};

fn accepted_by_oracle(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<&RawValue>(text).is_ok())
}

/// Scanner, streaming validator and oracle must agree; the validator gets the text in pieces of `step` bytes.
fn agreed(text: &[u8], step: usize) -> bool {
    let scanned = Fragment::new(text);
    let mut validator = Validator::new();
    let streamed = text.chunks(step).try_for_each(|piece| validator.push(piece)).and_then(|()| validator.finish());
    let shown = String::from_utf8_lossy(text);
    assert_eq!(scanned.is_ok(), accepted_by_oracle(text), "scanner: {shown:?} {:?}", scanned.err());
    assert_eq!(streamed.is_ok(), accepted_by_oracle(text), "validator: {shown:?} {streamed:?}");
    scanned.is_ok()
}

/// Builds serde's value by walking the tree.
fn value_of(node: &Node) -> serde_json::Value {
    match node.kind() {
        Kind::Array => node.children().map(|child| value_of(&child.node)).collect(),
        Kind::Object => node
            .children()
            .map(|child| (scalar::decode(child.key.unwrap().bytes()).into_owned(), value_of(&child.node)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Kind::String => scalar::decode(node.raw_text().unwrap()).into_owned().into(),
        _ => serde_json::from_slice(node.raw_text().unwrap()).unwrap(),
    }
}

#[test]
fn every_production_of_the_grammar() {
    let valid: &[&[u8]] = &[
        b"0",
        b"-0",
        b"1",
        b"-1",
        b"10",
        b"0.0",
        b"-0.5",
        b"1.25e3",
        b"1E+2",
        b"1e-2",
        b"0e0",
        b"1e400",
        b"-1e-400",
        b"12345678901234567890123456789012345678901234567890",
        b"true",
        b"false",
        b"null",
        b"\"\"",
        b"\"a\"",
        b"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        b"\"\\u0000\"",
        b"\"\\uD800\"",
        b"\"\\udc00x\"",
        b"\"\\ud83d\\uDE00\"",
        b"\"\x7F\"",
        "\"\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}\"".as_bytes(),
        "\"\u{2028}\u{FEFF}\"".as_bytes(),
        b"[]",
        b"{}",
        b"[[]]",
        b"[{}]",
        b"{\"\":{}}",
        b"[1,2]",
        b"{\"a\":1,\"a\":2}",
        b" \t\r\n1 \t\r\n",
        b"[ ]",
        b"{ }",
        b"[ 1 , 2 ]",
        b"{ \"a\" : 1 , \"b\" : 2 }",
        b"\xEF\xBB\xBF1",
        b"\xEF\xBB\xBF {}\n",
    ];
    for text in valid {
        assert!(agreed(text, 1), "{}", String::from_utf8_lossy(text));
    }
    let invalid: &[&[u8]] = &[
        b"",
        b" ",
        b"\xEF\xBB\xBF",
        b"\xEF\xBB",
        b"\xEF\xBB\xBF\xEF\xBB\xBF1",
        b" \xEF\xBB\xBF1",
        b"-",
        b"+1",
        b"01",
        b"-01",
        b"00",
        b".5",
        b"1.",
        b"1.e1",
        b"1e",
        b"1e+",
        b"1E-",
        b"0x1",
        b"1_000",
        b"1a",
        b"- 1",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"tru",
        b"trux",
        b"True",
        b"nul",
        b"fals",
        b"truee",
        b"\"",
        b"\"a",
        b"\"\\\"",
        b"\"\\",
        b"\"\\x\"",
        b"\"\\u\"",
        b"\"\\u12\"",
        b"\"\\u123g\"",
        b"\"\\U0041\"",
        b"\"\n\"",
        b"\"\t\"",
        b"\"\0\"",
        b"\"\x1F\"",
        b"'a'",
        b"[",
        b"]",
        b"{",
        b"}",
        b"[1",
        b"[1,",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"[1,,2]",
        b"[}",
        b"{]",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{\"a\" 1}",
        b"{\"a\":1,}",
        b"{,}",
        b"{a:1}",
        b"{1:1}",
        b"{\"a\":1 \"b\":2}",
        b"{\"a\"::1}",
        b"{\"a\":1",
        b"{\"a\":",
        b"{\"a\"",
        b"{\"a",
        b"1 2",
        b"[] []",
        b"{}x",
        b"1,",
        b"// c\n1",
        b"/* c */1",
        b"[1]#",
        b"\0",
        b"1\0",
        b"\x0B1",
        b"\x0C1",
        b"\xA01",
        "\u{A0}1".as_bytes(),
        "\u{2028}1".as_bytes(),
        b"\"\xFF\"",
        b"\"\xC0\x80\"",
        b"\"\xED\xA0\x80\"",
        b"\"\xF4\x90\x80\x80\"",
        b"\"\xE2\x82\"",
        b"\"\xE2",
        b"[\"\x80\"]",
        b"1\xFF",
        b"\xFF\xFE1\0",
    ];
    for text in invalid {
        assert!(!agreed(text, 1), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn problems_tell_their_place() {
    let cases: &[(&[u8], u64, u64, u64, &str)] = &[
        (b"", 0, 1, 1, "the text ends too early, expected a value"),
        (b"[1,\n 2,]", 7, 2, 4, "expected a value, found `]`"),
        (b"[1", 2, 1, 3, "the text ends too early, expected `,` or `]`"),
        (b"01", 1, 1, 2, "expected the end of the text, found `1`"),
        (b"{\"a\": tru}", 9, 1, 10, "expected `true`, found `}`"),
        (b"{\"a\" 1}", 5, 1, 6, "expected `:`, found `1`"),
        (b"{\"a\": 1,}", 8, 1, 9, "expected a key in double quotes, found `}`"),
        (b"[\r\n1 2]", 5, 2, 3, "expected `,` or `]`, found `2`"),
        ("[\"אב\", x]".as_bytes(), 9, 1, 8, "expected a value, found `x`"),
        ("[\"\u{1F600}\", ']".as_bytes(), 9, 1, 7, "expected a value, found `'`"),
        (b"[\"a\xFFb\"]", 3, 1, 4, "byte 0xFF is not UTF-8 text"),
        (b"[x, \"\xFF\"]", 1, 1, 2, "expected a value or `]`, found `x`"),
        (b"\"a\nb\"", 2, 1, 3, "expected an escape: control characters can't stand in a string as they are, found a line end"),
        (b"\xEF\xBB\xBF[x", 4, 1, 3, "expected a value or `]`, found `x`"),
        (b"[1]\n\n", u64::MAX, 0, 0, ""),
    ];
    for &(text, offset, line, column, message) in cases {
        match Fragment::new(text) {
            Ok(_) => assert_eq!(offset, u64::MAX),
            Err(problem) => {
                assert_eq!((problem.offset, problem.line, problem.column, &*problem.message), (offset, line, column, message))
            }
        }
    }
}

#[test]
fn a_million_brackets() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = 1_000_000;
        let inner = if open == "[" { "" } else { "0" };
        let text = format!("{}{inner}{}", open.repeat(deep), close.repeat(deep));
        let fragment = Fragment::new(text.clone()).unwrap();
        assert_eq!(fragment.depth(), deep as u64);
        assert!(fragment.index_memory() < text.len(), "{} bytes of index", fragment.index_memory());
        assert!(Fragment::new(&text.as_bytes()[..text.len() - 1]).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn generated_texts_are_read_as_serde_reads_them(model in model(), format in format()) {
        let text = text_of(&model, &format);
        prop_assert!(agreed(text.as_bytes(), 7));
        let document = Document::parse(text.clone()).unwrap();
        prop_assert_eq!(value_of(document.root()), serde_json::from_str::<serde_json::Value>(&text).unwrap());
        prop_assert_eq!(document.values(), model.paths().len() as u64);
        prop_assert_eq!(document.to_bytes(), text.into_bytes());
    }

    #[test]
    fn mutated_texts_are_accepted_and_refused_as_serde_does(
        model in model(),
        format in format(),
        mutations in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4u8), 1..4),
    ) {
        const BYTES: &[u8] = b"{}[]\",:\\u0019.eE+-truefalsn \n\t\x00\x1F\xFF\xC3\x80\xEF\xBB\xBF/*'x";
        let mut text = text_of(&model, &format).into_bytes();
        for (place, byte, kind) in mutations {
            let byte = BYTES[byte.index(BYTES.len())];
            let place = place.index(text.len() + 1);
            match kind {
                0 => text.insert(place, byte),
                1 if place < text.len() => text[place] = byte,
                2 if place < text.len() => { text.remove(place); }
                _ => text.truncate(place),
            }
        }
        agreed(&text, 5);
    }

    #[test]
    fn children_and_values_are_found_by_number(model in model(), format in format()) {
        let text = text_of(&model, &format);
        let fragment = Fragment::new(text).unwrap();
        let root = Node::root_of(&fragment);
        for path in model.paths() {
            let node = root.descend(&path).unwrap();
            let mut place = model.clone();
            let here = place.at(&path).clone();
            prop_assert_eq!(node.child_count(), here.len() as u64);
            prop_assert_eq!(node.values_inside(), here.paths().len() as u64 - 1);
            prop_assert!(node.child(here.len() as u64).is_none());
            let mut values = 0;
            for k in 0..here.len() {
                prop_assert_eq!(node.values_before(k as u64), values);
                values += here.child(k).paths().len() as u64;
            }
            prop_assert_eq!(node.values_before(here.len() as u64), values);
            if let Node::Raw { fragment, start } = &node {
                let mut number = 0;
                for k in 0..here.len() {
                    for _ in 0..here.child(k).paths().len() {
                        let found = fragment.child_with_value(*start, number).unwrap();
                        prop_assert_eq!((found.0, found.2), (k as u64, node.values_before(k as u64)));
                        number += 1;
                    }
                }
                prop_assert!(fragment.child_with_value(*start, number).is_none());
            }
        }
    }
}
