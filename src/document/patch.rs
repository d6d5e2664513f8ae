//! Patches: JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396) applied to a document, and a JSON Patch made from two.
//!
//! A patch becomes edits, so what it does not touch stays byte for byte. A value from the patch is laid out like its
//! neighbours; what is moved or copied keeps its bytes.

use super::align::{Span, align_all};
use super::edit::{Edit, Key, Refusal, Value};
use super::node::{Child, Node, Text};
use super::path::Path;
use super::pointer::{self, PointerError};
use super::same::same_bytes;
use super::scalar::{self, Kind};
use super::{Difference, Document, compare};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Why a patch does not apply. Nothing was changed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// Neither an array nor an object.
    #[error("a patch is an array of operations (JSON Patch) or an object (merge patch), not {0}")]
    NotAPatch(&'static str),
    /// An operation that can't be read or made.
    #[error("operation {number}{}: {why}", name(.op))]
    Operation {
        /// Its place in the patch, from 0.
        number: usize,
        /// What it is called; empty where it does not say.
        op: String,
        /// Why it can't be made.
        why: String,
    },
    /// A merge patch that can't be applied.
    #[error("{0}")]
    Merge(#[from] Refusal),
}

fn name(op: &str) -> String {
    if op.is_empty() { String::new() } else { format!(" ({op})") }
}

/// What a patch does to a document.
#[derive(Debug)]
pub struct Patched {
    /// The changes, each on what the one before left; empty where it only tests.
    pub edits: Vec<Edit>,
    /// The document afterwards.
    pub document: Document,
}

/// Applies a patch: all of it or nothing.
///
/// # Errors
/// Which operation can't be made, and why.
pub fn patch(document: &Document, patch: &Document) -> Result<Patched, PatchError> {
    let mut target = Patched { edits: Vec::new(), document: document.clone() };
    match patch.root().kind() {
        Kind::Array => {
            for (number, child) in patch.root().children().enumerate() {
                let op = text_member(&child.node, "op").unwrap_or_default();
                target.operation(&op, &child.node).map_err(|why| PatchError::Operation { number, op, why })?;
            }
        }
        Kind::Object => target.merge(patch.root())?,
        other => return Err(PatchError::NotAPatch(other.name())),
    }
    Ok(target)
}

fn member(object: &Node, name: &str) -> Option<Node> {
    if object.kind() != Kind::Object {
        return None;
    }
    pointer::child_by_token(object, name).map(|(_, child)| child.node)
}

fn text_member(object: &Node, name: &str) -> Option<String> {
    let node = member(object, name).filter(|node| node.kind() == Kind::String)?;
    Some(scalar::decode(node.raw_text()?).into_owned())
}

fn value_of(node: &Node, as_is: bool) -> Result<Value, String> {
    let text = node.to_bytes();
    let value = if as_is { Value::as_is(text) } else { Value::new(&String::from_utf8_lossy(&text)) };
    value.map_err(|problem| problem.to_string())
}

impl Patched {
    fn make(&mut self, edit: Edit) -> Result<(), Refusal> {
        self.document = edit.apply(&self.document)?.document;
        self.edits.push(edit);
        Ok(())
    }

    fn operation(&mut self, op: &str, operation: &Node) -> Result<(), String> {
        let pointer_of = |name: &str| text_member(operation, name).ok_or(format!("it has no `{name}`"));
        let value_member = || member(operation, "value").ok_or("it has no `value`".to_owned());
        let place = pointer_of("path")?;
        match op {
            "add" => self.add(&place, value_of(&value_member()?, false)?),
            "remove" => self.remove(&place),
            "replace" => {
                let path = self.resolve(&place)?;
                let value = value_of(&value_member()?, false)?;
                self.make(Edit::Replace { path, value }).map_err(|refusal| refusal.to_string())
            }
            "move" => {
                let from = pointer_of("from")?;
                let source = self.node(&from)?;
                if place.strip_prefix(&from).is_some_and(|rest| rest.starts_with('/')) {
                    return Err("a value can't be moved into itself".to_owned());
                }
                if place == from {
                    return Ok(());
                }
                let value = value_of(&source, true)?;
                self.remove(&from)?;
                self.add(&place, value)
            }
            "copy" => {
                let source = self.node(&pointer_of("from")?)?;
                self.add(&place, value_of(&source, true)?)
            }
            "test" => {
                let found = self.node(&place)?;
                if equal(&found, &value_member()?) { Ok(()) } else { Err(format!("the value at `{place}` is another one")) }
            }
            "" => Err("it has no `op`".to_owned()),
            _ => Err("there is no such operation".to_owned()),
        }
    }

    fn resolve(&self, place: &str) -> Result<Path, String> {
        pointer::resolve(self.document.root(), place).map_err(|error| error.to_string())
    }

    fn node(&self, place: &str) -> Result<Node, String> {
        let path = self.resolve(place)?;
        self.document.node(&path).ok_or_else(|| Refusal::NoSuchPlace.to_string())
    }

    fn remove(&mut self, place: &str) -> Result<(), String> {
        let path = self.resolve(place)?;
        self.make(Edit::Remove { path }).map_err(|refusal| refusal.to_string())
    }

    /// A member that is there is replaced; an element comes before the one that is there.
    fn add(&mut self, place: &str, value: Value) -> Result<(), String> {
        let edit = edit_to_add(&self.document, place, value, ArrayPlace::Before)?;
        self.make(edit).map_err(|refusal| refusal.to_string())
    }

    fn merge(&mut self, patch: &Node) -> Result<(), Refusal> {
        // Pairs of a place in the document and the patch's object for it.
        let mut tasks = vec![(Path::root(), patch.clone())];
        while let Some((path, patch)) = tasks.pop() {
            let target = self.document.node(&path).ok_or(Refusal::NoSuchPlace)?;
            if target.kind() != Kind::Object {
                let value = Value::new("{}").map_err(Refusal::Invalid)?;
                self.make(Edit::Replace { path: path.clone(), value })?;
            }
            let mut inside = Vec::new();
            for child in patch.children() {
                let Some(literal) = child.key.as_ref() else { continue };
                let token = scalar::decode(literal.bytes()).into_owned();
                let target = self.document.node(&path).ok_or(Refusal::NoSuchPlace)?;
                let found = pointer::child_by_token(&target, &token).map(|(k, _)| path.child(k));
                match (child.node.kind(), found) {
                    (Kind::Null, Some(path)) => self.make(Edit::Remove { path })?,
                    (Kind::Null, None) => {}
                    (Kind::Object, Some(_)) => inside.push((token, child.node)),
                    (Kind::Object, None) => {
                        let index = target.child_count();
                        self.insert(&path, index, literal, Value::new("{}").map_err(Refusal::Invalid)?)?;
                        inside.push((token, child.node));
                    }
                    (_, found) => {
                        let text = child.node.to_bytes();
                        let value = Value::new(&String::from_utf8_lossy(&text)).map_err(Refusal::Invalid)?;
                        match found {
                            Some(path) => self.make(Edit::Replace { path, value })?,
                            None => self.insert(&path, target.child_count(), literal, value)?,
                        }
                    }
                }
            }
            // The places are told when all members are where they stay.
            let target = self.document.node(&path).ok_or(Refusal::NoSuchPlace)?;
            for (token, patch) in inside {
                if let Some((k, _)) = pointer::child_by_token(&target, &token) {
                    tasks.push((path.child(k), patch));
                }
            }
        }
        Ok(())
    }

    fn insert(&mut self, parent: &Path, index: u64, literal: &Text, value: Value) -> Result<(), Refusal> {
        let key = Key::literal(&String::from_utf8_lossy(literal.bytes())).map_err(Refusal::Invalid)?;
        self.make(Edit::Insert { parent: parent.clone(), index, key: Some(key), value })
    }
}

/// What a pointer to an element of an array stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ArrayPlace {
    /// The new value comes before the one that is there.
    Before,
    /// The new value takes the place of the one that is there.
    Instead,
}

/// The edit that puts a value at a pointer: a member or the root that is there is replaced, one that is not comes at the end of
/// its object; `-` and the length append to an array.
///
/// # Errors
/// Why there is no such place.
pub fn edit_to_add(document: &Document, place: &str, value: Value, array: ArrayPlace) -> Result<Edit, String> {
    let missing = match pointer::resolve(document.root(), place) {
        Ok(path) => match path.split_last() {
            Some((parent, index)) if array == ArrayPlace::Before && is_array(document, &parent) => {
                return Ok(Edit::Insert { parent, index, key: None, value });
            }
            _ => return Ok(Edit::Replace { path, value }),
        },
        Err(error) => error,
    };
    let tokens = pointer::tokens(place).map_err(|error| error.to_string())?;
    let told = |error: PointerError| error.to_string();
    let (Some(last), Some(cut)) = (tokens.last(), place.rfind('/')) else { return Err(missing.to_string()) };
    let parent = pointer::resolve(document.root(), &place[..cut]).map_err(told)?;
    let container = document.node(&parent).ok_or_else(|| Refusal::NoSuchPlace.to_string())?;
    let index = container.child_count();
    let key = match container.kind() {
        Kind::Object => {
            let literal = scalar::encode(last, document.style().escaping);
            Some(Key::literal(&literal).map_err(|problem| problem.to_string())?)
        }
        Kind::Array if last == "-" || pointer::array_index(last) == Some(index) => None,
        _ => return Err(missing.to_string()),
    };
    Ok(Edit::Insert { parent, index, key, value })
}

fn is_array(document: &Document, path: &Path) -> bool {
    document.node(path).is_some_and(|node| node.kind() == Kind::Array)
}

/// Equality as RFC 6902 has it (4.6): members in any order, numbers by value.
fn equal(a: &Node, b: &Node) -> bool {
    let Some(found) = compare(a, b, &mut |_| ControlFlow::Continue(())) else { return false };
    let same_number = |difference: &Difference| {
        let Difference::Changed { before, after } = difference else { return false };
        let number =
            |node: &Node, path: &Path| node.descend(path).filter(|node| node.kind() == Kind::Number)?.raw_text().and_then(number);
        matches!((number(a, before), number(b, after)), (Some(x), Some(y)) if x == y)
    };
    found.total == found.differences.len() as u64 && found.differences.iter().all(same_number)
}

/// A number as sign, digits without zeros at either end, and the power of ten of the last one.
fn number(text: &[u8]) -> Option<(bool, String, i128)> {
    let text = std::str::from_utf8(text).ok()?;
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let trimmed = digits.trim_end_matches('0');
    let power = exponent.parse::<i128>().ok()?.checked_sub(fraction.len() as i128)? + (digits.len() - trimmed.len()) as i128;
    let significant = trimmed.trim_start_matches('0');
    if significant.is_empty() { Some((false, String::new(), 0)) } else { Some((negative, significant.to_owned(), power)) }
}

/// A JSON Patch that turns the values of `a` into those of `b`: one operation a line. O(length of both).
pub fn patch_between(a: &Document, b: &Document) -> Vec<u8> {
    let mut operations: Vec<Vec<u8>> = Vec::new();
    let mut tasks = vec![Task::Pair(a.root().clone(), b.root().clone(), String::new())];
    while let Some(task) = tasks.pop() {
        match task {
            Task::Write(operation) => operations.push(operation),
            Task::Pair(a, b, place) => {
                if same_bytes(&a, &b) {
                    continue;
                }
                match (a.kind(), b.kind()) {
                    (Kind::Array, Kind::Array) => elements(&a, &b, &place, &mut tasks),
                    (Kind::Object, Kind::Object) if has_one_of_each(&a) && has_one_of_each(&b) => {
                        members(&a, &b, &place, &mut tasks)
                    }
                    _ if equal(&a, &b) && a.kind() != Kind::Number => {}
                    _ => operations.push(operation("replace", &place, Some(&b))),
                }
            }
        }
    }
    let mut text = b"[".to_vec();
    for (number, operation) in operations.iter().enumerate() {
        text.extend_from_slice(if number == 0 { b"\n" } else { b",\n" });
        text.extend_from_slice(operation);
    }
    text.extend_from_slice(if operations.is_empty() { b"]\n" } else { b"\n]\n" });
    text
}

/// Work that is left, the next on top.
enum Task {
    Pair(Node, Node, String),
    Write(Vec<u8>),
}

fn operation(op: &str, place: &str, value: Option<&Node>) -> Vec<u8> {
    let place = scalar::encode(place, scalar::Escaping::Needed);
    let mut text = format!("{{\"op\":\"{op}\",\"path\":{place}").into_bytes();
    if let Some(value) = value {
        text.extend_from_slice(b",\"value\":");
        text.extend_from_slice(&value.to_bytes());
    }
    text.push(b'}');
    text
}

/// With duplicate keys a pointer is ambiguous: such an object is replaced.
fn has_one_of_each(object: &Node) -> bool {
    let mut seen = HashSet::new();
    object.children().all(|child| child.key.is_none_or(|key| seen.insert(scalar::decode(key.bytes()).into_owned())))
}

/// In order: when an element's turn comes, all before it stand where they stay.
fn elements(a: &Node, b: &Node, place: &str, tasks: &mut Vec<Task>) {
    let mut index = 0;
    let mut here = Vec::new();
    for span in align_all(a, b) {
        let at = format!("{place}/{index}");
        match span {
            Span::Same { count, .. } => index += count,
            Span::Gone(_) => here.push(Task::Write(operation("remove", &at, None))),
            Span::Pair { a: x, b: y } => {
                if let (Some(x), Some(y)) = (a.child(x), b.child(y)) {
                    here.push(Task::Pair(x.node, y.node, at));
                }
                index += 1;
            }
            Span::New(y) => {
                if let Some(child) = b.child(y) {
                    here.push(Task::Write(operation("add", &at, Some(&child.node))));
                }
                index += 1;
            }
        }
    }
    tasks.extend(here.into_iter().rev());
}

fn members(a: &Node, b: &Node, place: &str, tasks: &mut Vec<Task>) {
    let at = |child: &Child| {
        let key = child.key.as_ref().map(|key| scalar::decode(key.bytes()).into_owned()).unwrap_or_default();
        format!("{place}/{}", pointer::escape(&key))
    };
    let (mut gone, mut rest) = (Vec::new(), Vec::new());
    for span in align_all(a, b) {
        match span {
            Span::Same { .. } => {}
            Span::Gone(x) => {
                if let Some(child) = a.child(x) {
                    gone.push(Task::Write(operation("remove", &at(&child), None)));
                }
            }
            Span::New(y) => {
                if let Some(child) = b.child(y) {
                    rest.push(Task::Write(operation("add", &at(&child), Some(&child.node))));
                }
            }
            Span::Pair { a: x, b: y } => {
                let (Some(x), Some(y)) = (a.child(x), b.child(y)) else { continue };
                let place = at(&y);
                if at(&x) == place {
                    rest.push(Task::Pair(x.node, y.node, place));
                } else {
                    // Another key: removed first, so that keys that are exchanged don't meet.
                    gone.push(Task::Write(operation("remove", &at(&x), None)));
                    rest.push(Task::Write(operation("add", &at(&y), Some(&y.node))));
                }
            }
        }
    }
    tasks.extend(gone.into_iter().chain(rest).rev());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(text).unwrap()
    }

    #[track_caller]
    fn check(text: &str, by: &str, expected: &str) {
        let found = match patch(&document(text), &document(by)) {
            Ok(patched) => String::from_utf8(patched.document.to_bytes()).unwrap(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    /// The examples of RFC 6902, appendix A, and what they leave open.
    #[test]
    fn json_patch() {
        check(r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/baz","value":"qux"}]"#, r#"{"foo":"bar","baz":"qux"}"#);
        check(r#"{"foo":["bar","baz"]}"#, r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#, r#"{"foo":["bar","qux","baz"]}"#);
        check(r#"{"baz":"qux","foo":"bar"}"#, r#"[{"op":"remove","path":"/baz"}]"#, r#"{"foo":"bar"}"#);
        check(r#"{"foo":["bar","qux","baz"]}"#, r#"[{"op":"remove","path":"/foo/1"}]"#, r#"{"foo":["bar","baz"]}"#);
        check(
            r#"{"baz":"qux","foo":"bar"}"#,
            r#"[{"op":"replace","path":"/baz","value":"boo"}]"#,
            r#"{"baz":"boo","foo":"bar"}"#,
        );
        let moved = r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#;
        check(
            r#"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
            r#"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
            moved,
        );
        check(
            r#"{"foo":["all","grass","cows","eat"]}"#,
            r#"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
            r#"{"foo":["all","cows","eat","grass"]}"#,
        );
        check(
            r#"{"baz":"qux","foo":["a",2,"c"]}"#,
            r#"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2.0}]"#,
            r#"{"baz":"qux","foo":["a",2,"c"]}"#,
        );
        check(
            r#"{"baz":"qux"}"#,
            r#"[{"op":"test","path":"/baz","value":"bar"}]"#,
            "operation 0 (test): the value at `/baz` is another one",
        );
        check(
            r#"{"foo":"bar"}"#,
            r#"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
            r#"{"foo":"bar","child":{"grandchild":{}}}"#,
        );
        check(r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#, r#"{"foo":"bar","baz":"qux"}"#);
        check(
            r#"{"foo":["bar"]}"#,
            r#"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
            r#"{"foo":["bar",["abc","def"]]}"#,
        );
        check(r#"{"/":9,"~1":10}"#, r#"[{"op":"test","path":"/~01","value":10}]"#, r#"{"/":9,"~1":10}"#);
        check(
            r#"{"/":9,"~1":10}"#,
            r#"[{"op":"test","path":"/~01","value":"10"}]"#,
            "operation 0 (test): the value at `/~01` is another one",
        );
        check("{ \"a\" : [ 1, 2 ] }", r#"[{"op":"copy","from":"/a","path":"/b"}]"#, "{ \"a\" : [ 1, 2 ], \"b\" : [ 1, 2 ] }");
        check("[1]", r#"[{"op":"add","path":"","value":7}]"#, "7");
        check(r#"{"a":1}"#, r#"[{"op":"add","path":"/a","value":2}]"#, r#"{"a":2}"#);
        check(
            r#"{"a":{"b":1}}"#,
            r#"[{"op":"move","from":"/a","path":"/a/b"}]"#,
            "operation 0 (move): a value can't be moved into itself",
        );
        for wrong in [
            r#"[{"op":"add","path":"/b/c","value":1}]"#,
            r#"[{"path":"/a"}]"#,
            r#"[{"op":"spin","path":"/a"}]"#,
            r#"[{"op":"add","path":"/a"}]"#,
            r#"[{"op":"remove","path":"/x"}]"#,
            "[7]",
        ] {
            assert!(
                matches!(patch(&document(r#"{"a":1}"#), &document(wrong)), Err(PatchError::Operation { number: 0, .. })),
                "{wrong}"
            );
        }
        check("1", "2", "a patch is an array of operations (JSON Patch) or an object (merge patch), not number");
    }

    /// The examples of RFC 7396, appendix A, that have an object as the patch.
    #[test]
    fn merge_patch() {
        check(r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        check(r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#);
        check(r#"{"a":"b"}"#, r#"{"a":null}"#, "{}");
        check(r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#);
        check(r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        check(r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#);
        check(r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#);
        check(r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#);
        check(r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#);
        check(r#"{"z":0}"#, r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"z":0,"a":{"bb":{}}}"#);
        check("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#);
    }

    #[test]
    fn numbers_are_equal_by_value() {
        for (a, b, same) in [
            ("1", "1.0", true),
            ("10", "1e1", true),
            ("0", "-0.0", true),
            ("0.10", "1E-1", true),
            ("1", "2", false),
            ("1e400", "10e399", true),
        ] {
            assert_eq!(equal(document(a).root(), document(b).root()), same, "{a} {b}");
        }
    }

    #[test]
    fn a_patch_between_two_leads_from_one_to_the_other() {
        for (a, b) in [
            ("1", "2"),
            ("[1,2,3,4]", "[2,9,4,5]"),
            (r#"{"a":1,"b":[1,2],"c":{"d":1}}"#, r#"{"b":[2],"c":{"d":2,"e":3},"z":null}"#),
            (r#"{"old key":[1,2,3,4]}"#, r#"{"new/key":[1,2,3,4]}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":3}"#),
            (r#"{"a":[1,2,3,4,5],"b":[6,7,8,9,0]}"#, r#"{"b":[1,2,3,4,5],"a":[6,7,8,9,0]}"#),
            ("[[1,2],[3]]", "[[3],[1,2,{}]]"),
            ("1.0", "1"),
        ] {
            let (from, to) = (document(a), document(b));
            let between = patch_between(&from, &to);
            let patched = patch(&from, &Document::parse(between.clone()).unwrap()).unwrap();
            let rest = compare(patched.document.root(), to.root(), &mut |_| ControlFlow::Continue(())).unwrap();
            assert_eq!(rest.total, 0, "{a} {b} {}", String::from_utf8_lossy(&between));
        }
        assert_eq!(patch_between(&document("[1]"), &document("[ 1 ]")), b"[]\n");
    }
}
