//! Edits mean what they say, and every byte outside the edited places stays.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod common;

use common::{Model, format, model, scalar, string, text_of};
use proptest::prelude::*;
use treekeep::document::path::map_all;
use treekeep::document::{Applied, Document, Edit, History, Key, Moved, Path, Shift, Value};

/// An edit drawn at random, made concrete by the document that it meets.
#[derive(Clone, Debug)]
enum Draw {
    Replace(prop::sample::Index, Model),
    Insert(prop::sample::Index, prop::sample::Index, String, Model),
    Remove(prop::sample::Index),
    Rename(prop::sample::Index, String),
    Move(prop::sample::Index, prop::sample::Index, prop::sample::Index, String),
    Duplicate(prop::sample::Index),
}

fn draw() -> impl Strategy<Value = Draw> {
    use any as a;
    type I = prop::sample::Index;
    let value = || prop_oneof![scalar().prop_map(Model::Scalar), model()];
    prop_oneof![
        (a::<I>(), value()).prop_map(|(at, value)| Draw::Replace(at, value)),
        (a::<I>(), a::<I>(), string(), value()).prop_map(|(at, k, key, value)| Draw::Insert(at, k, key, value)),
        a::<I>().prop_map(Draw::Remove),
        (a::<I>(), string()).prop_map(|(at, key)| Draw::Rename(at, key)),
        (a::<I>(), a::<I>(), a::<I>(), string()).prop_map(|(from, to, k, key)| Draw::Move(from, to, k, key)),
        a::<I>().prop_map(Draw::Duplicate),
    ]
}

fn value(model: &Model) -> Value {
    Value::new(&text_of(model, &common::Format::Minified)).unwrap()
}

fn insert(place: &mut Model, k: usize, key: String, value: Model) {
    match place {
        Model::Array(items) => items.insert(k, value),
        Model::Object(members) => members.insert(k, (key, value)),
        Model::Scalar(_) => panic!("not a container"),
    }
}

fn remove(place: &mut Model, k: usize) -> (Option<String>, Model) {
    match place {
        Model::Array(items) => (None, items.remove(k)),
        Model::Object(members) => {
            let (key, value) = members.remove(k);
            (Some(key), value)
        }
        Model::Scalar(_) => panic!("not a container"),
    }
}

/// Makes the edit concrete and does it to the model.
fn concrete(draw: &Draw, model: &mut Model) -> Option<Edit> {
    let paths = model.paths();
    let inner: Vec<_> = paths.iter().filter(|path| !path.is_empty()).cloned().collect();
    let containers: Vec<_> = paths.iter().filter(|path| !matches!(model.at(path), Model::Scalar(_))).cloned().collect();
    let pick = |from: &[Vec<u64>], index: &prop::sample::Index| (!from.is_empty()).then(|| from[index.index(from.len())].clone());
    match draw {
        Draw::Replace(at, new) => {
            let path = pick(&paths, at)?;
            *model.at(&path) = new.clone();
            Some(Edit::Replace { path: path.into(), value: value(new) })
        }
        Draw::Insert(at, k, key, new) => {
            let parent = pick(&containers, at)?;
            let place = model.at(&parent);
            let k = k.index(place.len() + 1);
            let key = matches!(place, Model::Object(_)).then(|| key.clone());
            insert(place, k, key.clone().unwrap_or_default(), new.clone());
            let key = key.map(|key| Key::literal(&key).unwrap());
            Some(Edit::Insert { parent: parent.into(), index: k as u64, key, value: value(new) })
        }
        Draw::Remove(at) => {
            let path = pick(&inner, at)?;
            let (&k, parent) = path.split_last()?;
            remove(model.at(parent), k as usize);
            Some(Edit::Remove { path: path.into() })
        }
        Draw::Rename(at, key) => {
            let path = pick(&inner, at)?;
            let (&k, parent) = path.split_last()?;
            let Model::Object(members) = model.at(parent) else { return None };
            members[k as usize].0.clone_from(key);
            Some(Edit::Rename { path: path.into(), key: Key::literal(key).unwrap() })
        }
        Draw::Move(from, to, k, key) => {
            let from = pick(&inner, from)?;
            let (&number, parent) = from.split_last()?;
            let mut without = model.clone();
            let (old_key, moved) = remove(without.at(parent), number as usize);
            let containers: Vec<_> =
                without.paths().into_iter().filter(|path| !matches!(without.clone().at(path), Model::Scalar(_))).collect();
            let parent = pick(&containers, to)?;
            let place = without.at(&parent);
            let k = k.index(place.len() + 1);
            let new_key = (matches!(place, Model::Object(_)) && old_key.is_none()).then(|| key.clone());
            insert(place, k, new_key.clone().or(old_key).unwrap_or_default(), moved);
            *model = without;
            let to = [parent, vec![k as u64]].concat();
            Some(Edit::Move { from: from.into(), to: to.into(), key: new_key.map(|key| Key::literal(&key).unwrap()) })
        }
        Draw::Duplicate(at) => {
            let path = pick(&inner, at)?;
            let (&k, parent) = path.split_last()?;
            let copy = model.at(&path).clone();
            let place = model.at(parent);
            let key = if let Model::Object(members) = place { members[k as usize].0.clone() } else { String::new() };
            insert(place, k as usize + 1, key, copy);
            Some(Edit::Duplicate { path: path.into(), key: None })
        }
    }
}

fn common_ends(a: &[u8], b: &[u8]) -> usize {
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let room = a.len().min(b.len()) - head;
    head + a.iter().rev().zip(b.iter().rev()).take(room).take_while(|(a, b)| a == b).count()
}

fn text(document: &Document) -> String {
    String::from_utf8(document.to_bytes()).unwrap()
}

/// Every scalar stands as the model has it, to the letter; so what was not edited did not change.
fn check_scalars(document: &Document, model: &mut Model) {
    for path in model.paths() {
        let node = document.node(&path).unwrap_or_else(|| panic!("{path:?} is gone"));
        match model.at(&path) {
            Model::Scalar(text) => assert_eq!(node.raw_text().unwrap(), text.as_bytes()),
            Model::Object(members) => {
                for (child, (key, _)) in node.children().zip(members.iter()) {
                    assert_eq!(child.key.unwrap().bytes(), key.as_bytes());
                }
            }
            Model::Array(_) => {}
        }
        let container = model.at(&path);
        assert_eq!((node.child_count(), node.values_inside()), (container.len() as u64, container.paths().len() as u64 - 1));
        assert_eq!(node.byte_len(), node.to_bytes().len() as u64);
    }
}

/// One edit leaves all bytes outside its place: the old and the new text differ in one stretch, no longer than the edit.
fn check_bytes(edit: &Edit, before: &Document, after: &Document) {
    let (old, new) = (before.to_bytes(), after.to_bytes());
    let kept = common_ends(&old, &new);
    match edit {
        Edit::Replace { path, .. } => {
            let value = before.node(path).unwrap().byte_len() as usize;
            assert!(kept + value >= old.len(), "{} bytes outside the value changed", old.len() - kept - value);
        }
        Edit::Rename { path, .. } => {
            let (parent, k) = path.split_last().unwrap();
            let key = before.node(&parent).unwrap().child(k).unwrap().key.unwrap();
            assert!(kept + key.len() >= old.len());
        }
        Edit::Insert { parent, .. } if before.node(parent).unwrap().child_count() > 0 => assert!(kept >= old.len()),
        Edit::Duplicate { .. } => assert!(kept >= old.len()),
        Edit::Remove { path } => assert!(kept >= new.len(), "{path:?}\n{}\n{}", text(before), text(after)),
        _ => {}
    }
}

/// What an edit keeps is found at its mapped place, and back.
fn check_shifts(shifts: &[Shift], before: &Document, after: &Document, model: &Model, edit: &Edit) {
    let inverse: Vec<Shift> = shifts.iter().rev().map(Shift::inverse).collect();
    for path in model.paths() {
        let path = Path::from(path);
        if let Moved::Kept(moved) = map_all(shifts, &path) {
            let (old, new) =
                (before.node(&path).unwrap(), after.node(&moved).unwrap_or_else(|| panic!("{edit:?}: {path:?} → {moved:?}")));
            let touched = matches!(edit, Edit::Replace { path: place, .. } if place.contains(&path));
            if !old.kind().is_container() && !touched {
                assert_eq!(old.raw_text(), new.raw_text(), "{edit:?}: {path:?} → {moved:?}");
            }
            assert_eq!(map_all(&inverse, &moved), Moved::Kept(path));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn edits_mean_what_they_mean_on_values(model in model(), format in format(), draws in proptest::collection::vec(draw(), 1..12)) {
        let mut model = model;
        let original = text_of(&model, &format);
        let mut history: History<(), ()> = History::new(Document::parse(original.clone()).unwrap(), (), ());
        let mut texts = vec![original];
        for draw in &draws {
            let before_model = model.clone();
            let Some(edit) = concrete(draw, &mut model) else { continue };
            let before = history.current().document.clone();
            let Applied { document, shifts } = edit.apply(&before).map_err(|refusal| TestCaseError::fail(format!("{edit:?}: {refusal}")))?;
            let written = text(&document);
            let value: serde_json::Value = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(value, model.to_value(), "{:?} gave {}", edit, written);
            prop_assert_eq!(document.byte_len(), written.len() as u64);
            check_scalars(&document, &mut model);
            check_bytes(&edit, &before, &document);
            check_shifts(&shifts, &before, &document, &before_model, &edit);
            history.push(treekeep::document::Step { document, label: "".into(), shifts, view_before: (), group: None }, 0);
            texts.push(written);
        }
        for expected in texts.iter().rev() {
            prop_assert_eq!(&text(&history.current().document), expected);
            history.undo();
        }
        for expected in &texts[1..] {
            history.redo();
            prop_assert_eq!(&text(&history.current().document), expected);
        }
    }

    #[test]
    fn an_edited_document_finds_places_as_its_text_read_anew(model in model(), format in format(), draws in proptest::collection::vec(draw(), 1..6)) {
        let mut model = model;
        let mut document = Document::parse(text_of(&model, &format)).unwrap();
        for draw in &draws {
            if let Some(edit) = concrete(draw, &mut model) {
                document = edit.apply(&document).unwrap().document;
            }
        }
        let anew = Document::parse(document.to_bytes()).unwrap();
        for offset in 0..document.byte_len() {
            prop_assert_eq!(document.path_at(offset), anew.path_at(offset), "offset {}", offset);
        }
        for path in model.paths() {
            let (edited, plain) = (document.node(&path).unwrap(), anew.node(&path).unwrap());
            for k in 0..=edited.child_count() {
                prop_assert_eq!(edited.values_before(k), plain.values_before(k));
            }
            for number in 0..=edited.values_inside() {
                let place = |(k, _, before)| (k, before);
                prop_assert_eq!(edited.child_with_value(number).map(place), plain.child_with_value(number).map(place));
            }
            let some = edited.child_count() / 2;
            prop_assert_eq!(edited.children_from(some).count(), plain.children_from(some).count());
        }
    }
}

#[track_caller]
fn check(before: &str, edit: Edit, after: &str) {
    let applied = edit.apply(&Document::parse(before).unwrap()).unwrap();
    assert_eq!(text(&applied.document), after);
}

fn new_value(text: &str) -> Value {
    Value::new(text).unwrap()
}

fn key(text: &str) -> Option<Key> {
    Some(Key::literal(text).unwrap())
}

#[test]
fn new_text_is_laid_out_like_its_neighbours() {
    let insert = |parent: &[u64], index, name: Option<&str>, value: &str| Edit::Insert {
        parent: parent.into(),
        index,
        key: name.and_then(key),
        value: new_value(value),
    };
    check("[1, 2]", insert(&[], 2, None, "3"), "[1, 2, 3]");
    check("[1, 2]", insert(&[], 0, None, "3"), "[3, 1, 2]");
    check("[1,2]", insert(&[], 1, None, "3"), "[1,3,2]");
    check("[1]", insert(&[], 1, None, "3"), "[1, 3]");
    check("[]", insert(&[], 0, None, "1"), "[\n  1\n]");
    check("{\n    \"a\": 1\n}", insert(&[], 1, Some("\"b\""), "2"), "{\n    \"a\": 1,\n    \"b\": 2\n}");
    check("{\r\n\t\"a\" : 1\r\n}\r\n", insert(&[], 0, Some("\"b\""), "2"), "{\r\n\t\"b\" : 2,\r\n\t\"a\" : 1\r\n}\r\n");
    check("{\n  \"a\": {}\n}", insert(&[0], 0, Some("\"b\""), "2"), "{\n  \"a\": {\n    \"b\": 2\n  }\n}");
    check(r#"{"a":{},"b":1}"#, insert(&[0], 0, Some("\"b\""), "[1, 2]"), r#"{"a":{"b":[1,2]},"b":1}"#);
    check(
        "{\n  \"a\": 1\n}",
        insert(&[], 1, Some("\"b\""), "{\"c\":[1,{}]}"),
        "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": [\n      1,\n      {}\n    ]\n  }\n}",
    );
    // A neighbour that is on one line shows how its like are written.
    check("[\n  [1, 2],\n  [3, 4]\n]", insert(&[], 2, None, "[5,6]"), "[\n  [1, 2],\n  [3, 4],\n  [5, 6]\n]");
}

#[test]
fn removal_takes_one_comma_along() {
    let remove = |path: &[u64]| Edit::Remove { path: path.into() };
    check("[1, 2, 3]", remove(&[0]), "[2, 3]");
    check("[1, 2, 3]", remove(&[1]), "[1, 3]");
    check("[1, 2, 3 ]", remove(&[2]), "[1, 2 ]");
    check("[\n  1\n]", remove(&[0]), "[]");
    check("{\n  \"a\": 1,\n  \"b\": 2\n}", remove(&[1]), "{\n  \"a\": 1\n}");
    check("{\n  \"a\": 1,\n  \"b\": 2\n}", remove(&[0]), "{\n  \"b\": 2\n}");
}

#[test]
fn scalars_are_written_as_given() {
    let replace = |path: &[u64], value: &str| Edit::Replace { path: path.into(), value: new_value(value) };
    check("\u{FEFF} [1e5 ]\n", replace(&[0], " 1.50E+007 "), "\u{FEFF} [1.50E+007 ]\n");
    check("1", replace(&[], "\"\\u0041\""), "\"\\u0041\"");
    check("{\"a\": 1, \"a\": 2}", replace(&[0], "-0"), "{\"a\": -0, \"a\": 2}");
}

#[test]
fn several_edits_are_one() {
    let edit = Edit::All(vec![Edit::Remove { path: [0].into() }, Edit::Remove { path: [0].into() }]);
    check("[1, 2, 3]", edit, "[3]");
    let refused = Edit::All(vec![Edit::Remove { path: [0].into() }, Edit::Remove { path: [9].into() }]);
    assert!(refused.apply(&Document::parse("[1, 2, 3]").unwrap()).is_err());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let document = Document::parse(r#"{"a": [1], "b": "x"}"#).unwrap();
    let refused = |edit: Edit| edit.apply(&document).err().map(|refusal| refusal.to_string());
    let value = || new_value("1");
    let cases = [
        (Edit::Remove { path: [].into() }, "the outermost value"),
        (Edit::Remove { path: [5].into() }, "no such place"),
        (Edit::Replace { path: [0, 1].into(), value: value() }, "no such place"),
        (Edit::Replace { path: [1, 0].into(), value: value() }, "a string has no children"),
        (Edit::Insert { parent: [1].into(), index: 0, key: None, value: value() }, "a string has no children"),
        (Edit::Insert { parent: [].into(), index: 0, key: None, value: value() }, "needs a key"),
        (Edit::Insert { parent: [0].into(), index: 0, key: key("\"k\""), value: value() }, "has no key"),
        (Edit::Insert { parent: [0].into(), index: 2, key: None, value: value() }, "no such place"),
        (Edit::Rename { path: [0, 0].into(), key: Key::literal("\"k\"").unwrap() }, "has no key"),
        (Edit::Move { from: [0, 0].into(), to: [0].into(), key: None }, "needs a key"),
    ];
    for (edit, expected) in cases {
        let shown = format!("{edit:?}");
        assert!(refused(edit).is_some_and(|refusal| refusal.contains(expected)), "{shown}");
    }
    assert!(Key::literal("1").is_err());
    assert!(Key::literal("\"a").is_err());
    assert!(Value::new("").is_err());
}

#[test]
fn inside_a_million_brackets_on_a_small_stack() {
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(|| {
            let deep = 1_000_000;
            let original = format!("{}1{}", "[".repeat(deep), "]".repeat(deep));
            let document = Document::parse(original.clone()).unwrap();
            let innermost = Path::from(vec![0; deep]);
            let mut history: History<(), ()> = History::new(document.clone(), (), ());
            let mut push = |edit: Edit| {
                let Applied { document, shifts } = edit.apply(&history.current().document).unwrap();
                history.push(treekeep::document::Step { document, label: "".into(), shifts, view_before: (), group: None }, 0);
                text(&history.current().document)
            };
            let edited = push(Edit::Replace { path: innermost.clone(), value: new_value("22") });
            assert!(edited == original.replace('1', "22"));
            let parent = innermost.parent().unwrap();
            let edited = push(Edit::Insert { parent, index: 1, key: None, value: new_value("3") });
            assert!(edited == original.replace('1', "22, 3"));
            history.undo();
            history.undo();
            assert!(text(&history.current().document) == original);
            history.redo();
            drop(history);
            // The deepest nest of edited containers that there can be.
            let mut document = document;
            for depth in [treekeep::document::MAX_EDITED_DEPTH - 1, treekeep::document::MAX_EDITED_DEPTH, 5000] {
                let edit = Edit::Insert { parent: vec![0; depth].into(), index: 1, key: None, value: new_value("[]") };
                document = edit.apply(&document).unwrap().document;
            }
            assert_eq!(document.byte_len(), original.len() as u64 + 12);
            assert!(document.root().edited_height() <= treekeep::document::MAX_EDITED_DEPTH);
            let copy = Edit::Duplicate { path: vec![0; 600].into(), key: None }.apply(&document).unwrap().document;
            assert!(copy.root().edited_height() <= treekeep::document::MAX_EDITED_DEPTH);
            assert!(text(&copy).len() > 2 * (original.len() - 1200));
            Document::parse(copy.to_bytes()).unwrap();
        })
        .unwrap()
        .join()
        .unwrap();
}
