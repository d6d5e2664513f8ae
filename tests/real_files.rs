//! Real files that nobody here wrote: what serde_json reads is what the tree shows, and `set` changes one value's bytes.
//!
//! `TREEKEEP_REAL_FILES=FOLDER cargo test --release --test real_files -- --nocapture` takes all `*.json` of 500 kB and more below
//! a folder. Without it there is nothing to take, and the test says so.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use serde_json::Value as Oracle;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use treekeep::document::{Document, Edit, Kind, Node, Value, pointer, scalar};

const SMALLEST: u64 = 500_000;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "json") && entry.metadata().unwrap().len() >= SMALLEST {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Every value, compared; the number of values.
fn compare(node: &Node, oracle: &Oracle) -> u64 {
    match (node.kind(), oracle) {
        (Kind::Array, Oracle::Array(items)) => {
            assert_eq!(node.child_count(), items.len() as u64);
            1 + node.children().zip(items).map(|(child, item)| compare(&child.node, item)).sum::<u64>()
        }
        (Kind::Object, Oracle::Object(members)) => {
            let mut count = 1;
            for child in node.children() {
                let key = scalar::decode(child.key.as_ref().unwrap().bytes()).into_owned();
                count += compare(&child.node, &members[&key]);
            }
            count
        }
        (Kind::String, Oracle::String(text)) => {
            assert_eq!(scalar::decode(node.raw_text().unwrap()), *text);
            1
        }
        (Kind::Number | Kind::Bool | Kind::Null, other) => {
            assert_eq!(&serde_json::from_slice::<Oracle>(node.raw_text().unwrap()).unwrap(), other);
            1
        }
        (kind, _) => panic!("{} is something else to serde_json", kind.name()),
    }
}

fn common_ends(a: &[u8], b: &[u8]) -> (usize, usize) {
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let room = a.len().min(b.len()) - head;
    (head, a.iter().rev().zip(b.iter().rev()).take(room).take_while(|(a, b)| a == b).count())
}

#[test]
fn real_files_are_read_and_edited() {
    let Some(folder) = std::env::var_os("TREEKEEP_REAL_FILES") else {
        return println!("skipped: TREEKEEP_REAL_FILES names no folder");
    };
    let scratch = tempfile::tempdir().unwrap();
    for path in files(Path::new(&folder)) {
        let bytes = fs::read(&path).unwrap();
        let document = match (Document::parse(bytes.clone()), serde_json::from_slice::<Oracle>(&bytes)) {
            (Ok(document), Ok(oracle)) => {
                assert_eq!(compare(document.root(), &oracle), document.values());
                document
            }
            (Err(problem), Err(_)) => {
                println!("{}: both refuse it ({problem})", path.display());
                continue;
            }
            (ours, theirs) => panic!("{}: {:?}, {:?}", path.display(), ours.err(), theirs.err()),
        };
        // A scalar somewhere in the middle of the bytes, by its pointer.
        let mut place = document.path_at(bytes.len() as u64 / 2);
        while document.node(&place).unwrap().kind().is_container() && !document.node(&place).unwrap().has_no_children() {
            place = place.child(0);
        }
        let pointer = pointer::pointer(document.root(), &place).unwrap();
        let node = document.node(&place).unwrap();
        let copy = scratch.path().join("copy.json");
        fs::write(&copy, &bytes).unwrap();
        let treekeep = |arguments: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_treekeep"))
                .arg(arguments[0])
                .arg(&copy)
                .args(&arguments[1..])
                .env("XDG_STATE_HOME", scratch.path().join("state"))
                .output()
                .unwrap();
            assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        assert_eq!(treekeep(&["get", &pointer]), [&node.to_bytes()[..], b"\n"].concat());
        let shown = String::from_utf8(treekeep(&["check"])).unwrap();
        assert!(shown.contains(&format!("JSON, {} bytes, {} values", bytes.len(), document.values())), "{shown}");
        treekeep(&["set", &pointer, "\"changed\""]);
        let after = fs::read(&copy).unwrap();
        let (head, tail) = common_ends(&bytes, &after);
        assert!(head + tail + node.byte_len() as usize >= bytes.len(), "bytes outside the value changed");
        let edit = Edit::Replace { path: place, value: Value::new("\"changed\"").unwrap() };
        assert!(edit.apply(&document).unwrap().document.to_bytes() == after);
        println!("{}: {} bytes, {} values, {pointer}", path.display(), bytes.len(), document.values());
    }
}
