//! Merging on three sides, as tables and as properties.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use proptest::prelude::*;
use std::ops::ControlFlow;
use treekeep::document::{ChangedBy, Choice, Document, Edit, Key, Kind, Merge, Path, Value, compare};

fn document(text: &str) -> Document {
    Document::parse(text).unwrap()
}

fn text(document: &Document) -> String {
    String::from_utf8(document.to_bytes()).unwrap()
}

fn merge(base: &Document, mine: &Document, theirs: &Document) -> Merge {
    Merge::new(base, mine, theirs, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// The merged text, with the places that are left to choose.
#[track_caller]
fn check(base: &str, mine: &str, theirs: &str, expected: &str, conflicts: &[&str]) {
    let merge = merge(&document(base), &document(mine), &document(theirs));
    assert_eq!(text(&merge.document().unwrap()), expected);
    let left: Vec<&str> = merge.changes.iter().filter(|change| change.choice.is_none()).map(|change| &*change.pointer).collect();
    assert_eq!(left, conflicts);
}

#[test]
fn what_one_side_changed_is_taken() {
    check("[1, 2, 3]", "[1, 9, 3]", "[1, 2, 3]", "[1, 9, 3]", &[]);
    check("[1, 2, 3]", "[1, 2, 3]", "[1, 9, 3]", "[1, 9, 3]", &[]);
    check("[1, 2, 3]", "[9, 2, 3]", "[1, 2, 8]", "[9, 2, 8]", &[]);
    check("[1, 2, 3]", "[0, 1, 2, 3]", "[1, 2, 3, 4]", "[0, 1, 2, 3, 4]", &[]);
    check("[1, 2, 3]", "[2, 3]", "[1, 2]", "[2]", &[]);
    check("[1, 2, 3]", "[1, 9, 3]", "[1, 9, 3]", "[1, 9, 3]", &[]);
    check(r#"{"a": 1, "b": 2}"#, r#"{"a": 5, "b": 2}"#, r#"{"a": 1, "b": 6}"#, r#"{"a": 5, "b": 6}"#, &[]);
    check(r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#, r#"{"a": 1, "c": 3}"#, r#"{"a": 1, "b": 2, "c": 3}"#, &[]);
    check(r#"{"a": 1, "b": 2}"#, r#"{"b": 2}"#, r#"{"a": 1, "b": 3}"#, r#"{"b": 3}"#, &[]);
    check(r#"{"a": 1, "b": 2}"#, r#"{"b": 2}"#, r#"{"a": 1}"#, "{}", &[]);
}

#[test]
fn bytes_stay_as_the_side_has_them() {
    check(
        "{\"a\":[ 1 ],\"b\":2}",
        "{\"a\":[ 1,\t1.0e2 ],\"b\":2}",
        "{ \"a\":[ 1 ], \"b\" : 3}\n",
        "{ \"a\":[ 1,\t1.0e2 ], \"b\" : 3}\n",
        &[],
    );
    // Order and layout alone, and what stands around the root.
    check("{\"a\":1,\"b\":2}", "{\"b\":2, \"a\":1}\n", "{\"a\":1,\"b\":2}", "{\"b\":2, \"a\":1}\n", &[]);
    check("[{\"a\":1,\"b\":2},3]", "[{\"b\":2, \"a\":1},3]", "[{\"a\":1,\"b\":2},4]", "[{\"b\":2, \"a\":1},4]", &[]);
}

#[test]
fn what_both_changed_is_a_conflict_and_mine_stands_until_it_is_chosen() {
    check("[1]", "[2]", "[3]", "[2]", &["/0"]);
    check("1", "2", "3", "2", &[""]);
    check(r#"{"a": {"x": 1}, "z": 0}"#, r#"{"a": {"x": 2}, "z": 0}"#, r#"{"z": 0}"#, r#"{"a": {"x": 2}, "z": 0}"#, &["/a"]);
    check(r#"{"a": {"x": 1}}"#, "{}", r#"{"a": {"x": 2}}"#, "{}", &["/a"]);
    check("{}", r#"{"a": 1}"#, r#"{"a": 2}"#, r#"{"a": 1}"#, &["/a"]);
    check("{}", r#"{"a": {"x": 1}}"#, r#"{"a": {"y": 2}}"#, r#"{"a": {"x": 1, "y": 2}}"#, &[]);
    check("[1]", "[1, 2]", "[1, 3]", "[1, 2]", &["/1"]);
    check("[1]", "[1, 7, 2]", "[1, 7, 3]", "[1, 7, 2]", &["/2"]);
    check("[0, [1]]", "[0, [2]]", "[0, {}]", "[0, [2]]", &["/1"]);
}

#[test]
fn another_key_goes_together_with_another_value() {
    check(
        r#"{"old": [1, 2, 3]}"#,
        r#"{"new": [1, 2, 3]}"#,
        r#"{"old": [1, 2, 3], "z": 0}"#,
        r#"{"new": [1, 2, 3], "z": 0}"#,
        &[],
    );
    check(r#"{"old": [1, 2, 3]}"#, r#"{"a": [1, 2, 3]}"#, r#"{"b": [1, 2, 3]}"#, r#"{"a": [1, 2, 3]}"#, &["/b"]);
}

#[test]
fn elements_are_known_by_what_they_are_about() {
    let base = r#"[{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]"#;
    let mine = r#"[{"id": 0, "v": "n"}, {"id": 1, "v": "a"}, {"id": 2, "v": "mine"}]"#;
    let theirs = r#"[{"id": 2, "v": "b", "w": 1}]"#;
    check(base, mine, theirs, r#"[{"id": 0, "v": "n"}, {"id": 2, "v": "mine", "w": 1}]"#, &[]);
}

#[test]
fn each_choice_does_what_it_says() {
    let (base, mine, theirs) = (document("[0, 1]"), document("[0, 1, 2]"), document("[0, 1, 3, 4]"));
    let mut merge = merge(&base, &mine, &theirs);
    assert!(merge.changes[0].can_be_both);
    for (choice, expected) in [
        (Choice::Mine, "[0, 1, 2]"),
        (Choice::Theirs, "[0, 1, 3, 4]"),
        (Choice::Both, "[0, 1, 2, 3, 4]"),
        (Choice::Value(Value::new("9").unwrap()), "[0, 1, 9]"),
    ] {
        merge.changes[0].choice = Some(choice);
        assert_eq!(text(&merge.document().unwrap()), expected);
    }
    assert_eq!((merge.conflicts_left(), merge.conflicts()), (0, 1));
}

#[test]
fn what_merges_by_itself_can_be_overruled() {
    let (base, mine, theirs) =
        (document(r#"{"a": 1, "b": 2, "c": 3}"#), document(r#"{"a": 9, "b": 2}"#), document(r#"{"a": 1, "b": 8, "c": 3}"#));
    let mut merge = merge(&base, &mine, &theirs);
    let by: Vec<(String, ChangedBy)> = merge.changes.iter().map(|change| (change.pointer.clone(), change.by)).collect();
    assert_eq!(by, [("/a".into(), ChangedBy::Mine), ("/b".into(), ChangedBy::Theirs), ("/c".into(), ChangedBy::Mine)]);
    merge.changes.iter_mut().for_each(|change| change.choice = Some(Choice::Mine));
    assert_eq!(text(&merge.document().unwrap()), r#"{"a": 9, "b": 2}"#);
    merge.changes.iter_mut().for_each(|change| change.choice = Some(Choice::Theirs));
    assert_eq!(text(&merge.document().unwrap()), text(&theirs));
}

fn json(depth: u32) -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![Just(serde_json::Value::Null), (0..50i64).prop_map(Into::into), "[a-zא-ת]{0,6}".prop_map(Into::into),];
    leaf.prop_recursive(depth, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::Array),
            prop::collection::vec(("[a-h]", inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn laid_out(value: &serde_json::Value, pretty: bool) -> String {
    if pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() }
}

/// A random change somewhere; its number picks place and kind.
fn change(document: &Document, seed: u64) -> Option<(Edit, Path)> {
    let total = document.root().values_inside();
    let mut path = Vec::new();
    let mut node = document.root().clone();
    let mut number = seed.checked_rem(total)?;
    while let Some((k, child, before)) = node.child_with_value(number) {
        path.push(k);
        if before == number {
            break;
        }
        number -= before + 1;
        node = child.node;
    }
    let path = Path::from(path);
    let value = Value::new(&format!("\"new {}\"", seed % 7)).unwrap();
    let (parent, index) = path.split_last()?;
    let is_object = document.node(&parent)?.kind() == Kind::Object;
    let edit = match seed / 1000 % 3 {
        0 => Edit::Replace { path: path.clone(), value },
        1 => Edit::Remove { path: path.clone() },
        _ => {
            let key = is_object.then(|| Key::literal(&format!("\"key {seed}\"")).unwrap());
            Edit::Insert { parent: parent.clone(), index, key, value }
        }
    };
    Some((edit, path))
}

fn equal(a: &Document, b: &Document) -> bool {
    compare(a.root(), b.root(), &mut |_| ControlFlow::Continue(())).unwrap().total == 0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn with_an_unchanged_side_the_other_comes_out_byte_for_byte(a in json(4), b in json(4), pretty: bool) {
        let (base, other) = (document(&laid_out(&a, pretty)), document(&laid_out(&b, !pretty)));
        prop_assert_eq!(text(&merge(&base, &other, &base).document().unwrap()), text(&other));
        prop_assert_eq!(text(&merge(&base, &base, &other).document().unwrap()), text(&other));
        prop_assert_eq!(text(&merge(&base, &other, &other).document().unwrap()), text(&other));
        prop_assert_eq!(merge(&base, &other, &base).conflicts_left(), 0);
    }

    #[test]
    fn all_choices_for_one_side_give_its_values(a in json(3), b in json(3), c in json(3)) {
        let (base, mine, theirs) = (document(&a.to_string()), document(&b.to_string()), document(&c.to_string()));
        let mut merged = merge(&base, &mine, &theirs);
        merged.changes.iter_mut().for_each(|change| change.choice = Some(Choice::Theirs));
        prop_assert_eq!(text(&merged.document().unwrap()), text(&theirs));
        merged.changes.iter_mut().for_each(|change| change.choice = Some(Choice::Mine));
        let of_mine = merged.document().unwrap();
        prop_assert!(equal(&of_mine, &mine), "{} instead of {}", text(&of_mine), text(&mine));
    }

    #[test]
    fn it_is_symmetric_up_to_choices(a in json(3), b in json(3), c in json(3)) {
        let (base, x, y) = (document(&a.to_string()), document(&b.to_string()), document(&c.to_string()));
        let (one, other) = (merge(&base, &x, &y), merge(&base, &y, &x));
        prop_assert_eq!(one.conflicts(), other.conflicts());
        if one.conflicts() == 0 {
            let (one, other) = (one.document().unwrap(), other.document().unwrap());
            prop_assert!(equal(&one, &other), "{} and {}", text(&one), text(&other));
        }
    }

    #[test]
    fn changes_in_different_members_are_both_made(parts in prop::collection::vec(json(3), 2..6), x: u64, y: u64, pretty: bool) {
        let members = parts.into_iter().enumerate().map(|(k, part)| (format!("part{k}"), part)).collect();
        let base = document(&laid_out(&serde_json::Value::Object(members), pretty));
        // In different members of the root, neither at the root itself.
        let inside = |seed: u64| (0..50).filter_map(|more| change(&base, seed.wrapping_add(more))).find(|(_, place)| place.len() > 1);
        let Some((first, place)) = inside(x) else { return Ok(()) };
        let elsewhere = (0..200).filter_map(|more| change(&base, y.wrapping_add(more)));
        let Some((second, _)) = { elsewhere }.find(|(_, other)| other.len() > 1 && other.first() != place.first()) else { return Ok(()) };
        let apply = |edit: &Edit, to: &Document| edit.apply(to).unwrap().document;
        let (mine, theirs) = (apply(&first, &base), apply(&second, &base));
        let both = apply(&second, &mine);
        prop_assert_eq!(text(&both), text(&apply(&first, &theirs)));
        prop_assert_eq!(text(&merge(&base, &mine, &theirs).document().unwrap()), text(&both));
        prop_assert_eq!(text(&merge(&base, &theirs, &mine).document().unwrap()), text(&both));
        // The same with texts read anew, as they come from the disk.
        let read = |document: &Document| Document::parse(document.to_bytes()).unwrap();
        prop_assert_eq!(text(&merge(&base, &mine, &read(&theirs)).document().unwrap()), text(&both));
        prop_assert_eq!(text(&merge(&read(&base), &read(&mine), &read(&theirs)).document().unwrap()), text(&both));
    }
}
