//! Edits that were not saved: the journal of `treekeep edit`, and what `treekeep recover` makes of it.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod command;

use command::Place;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

impl Place {
    /// Runs: the exit, what was printed, and the messages.
    fn outcome(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.run(arguments);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }

    /// Gives lines to `treekeep edit`, waits for the answers, and ends its input or kills it.
    fn edit(&self, lines: &[&str], end: End) -> (Vec<String>, i32, String) {
        let mut editing = Editing::start(self);
        let answers = lines.iter().map(|line| editing.line(line)).collect();
        let (exit, stderr) = editing.end(end);
        (answers, exit, stderr)
    }

    fn journals(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join("state/treekeep/journal");
        let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "journal")).collect()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Well,
    Killed,
}

struct Editing {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Editing {
    fn start(place: &Place) -> Self {
        let mut command = place.command(&["edit", "a.json"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    fn line(&mut self, line: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    fn end(mut self, end: End) -> (i32, String) {
        if end == End::Killed {
            self.child.kill().unwrap();
        }
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

const OLD: &str = "{\"a\": 1, \"b\": [1, 2, 3], \"c\": {\"d\": \"ש\"}}\n";

fn set(path: &str, value: &str) -> String {
    format!("{{\"op\":\"set\",\"path\":\"{path}\",\"value\":{value}}}")
}

#[test]
fn many_edits_in_one_save() {
    let place = Place::new();
    let file = place.file("a.json", OLD);
    let lines = [
        &set("/a", "2"),
        r#"{"op":"insert","path":"/b/0","value":0}"#,
        r#"{"op":"insert","path":"/b/-","value":[4]}"#,
        r#"{"op":"remove","path":"/b/1"}"#,
        r#"{"op":"rename","path":"/c","key":"ג"}"#,
        r#"{"op":"move","from":"/ג/d","path":"/d"}"#,
        r#"{"op":"undo"}"#,
        r#"{"op":"undo"}"#,
        r#"{"op":"redo"}"#,
        r#"{"op":"save"}"#,
    ];
    let (answers, exit, stderr) = place.edit(&lines, End::Well);
    let unsaved = [1, 2, 3, 4, 5, 6, 5, 4, 5, 0];
    let expected: Vec<String> =
        unsaved.iter().zip(1..).map(|(unsaved, line)| format!("{{\"line\":{line},\"ok\":true,\"unsaved\":{unsaved}}}")).collect();
    assert_eq!((answers, exit, stderr.as_str()), (expected, 0, ""));
    assert_eq!(text(&file), "{\"a\": 2, \"b\": [0, 2, 3, [4]], \"ג\": {\"d\": \"ש\"}}\n");
    assert!(place.journals().is_empty());
    let (_, backups, _) = place.outcome(&["backups", "a.json"]);
    assert_eq!(backups.lines().count(), 1, "one save: {backups}");
}

#[test]
fn a_wrong_line_is_refused_and_the_next_one_is_taken() {
    let place = Place::new();
    let file = place.file("a.json", OLD);
    let wrong = [
        "nonsense",
        r#"{"op":"spin"}"#,
        &set("/x/y", "1"),
        r#"{"op":"insert","path":"/a","value":1}"#,
        r#"{"op":"move","from":"/c","path":"/c/d"}"#,
        r#"{"op":"undo"}"#,
        r#"{"op":"remove","path":""}"#,
    ];
    let right = [set("/a", "2"), r#"{"op":"save"}"#.to_owned()];
    let lines: Vec<&str> = wrong.iter().copied().chain(right.iter().map(String::as_str)).collect();
    let (answers, exit, stderr) = place.edit(&lines, End::Well);
    let (refused, taken) = answers.split_at(wrong.len());
    assert!(refused.iter().all(|answer| answer.contains("\"ok\":false,\"why\":\"")), "{refused:?}");
    assert!(taken.iter().all(|answer| answer.contains("\"ok\":true")), "{taken:?}");
    assert_eq!((exit, stderr.contains("7 lines were refused")), (1, true), "{stderr}");
    assert_eq!(text(&file), OLD.replace("1,", "2,").replace("[2,", "[1,"));
}

#[test]
fn what_was_answered_survives_kill_9() {
    for end in [End::Killed, End::Well] {
        let place = Place::new();
        let file = place.file("a.json", OLD);
        let (answers, exit, stderr) = place.edit(&[&set("/a", "2"), r#"{"op":"remove","path":"/b/1"}"#], end);
        assert_eq!(answers.len(), 2);
        if end == End::Well {
            assert_eq!((exit, stderr.contains("2 edits are not saved")), (1, true), "{stderr}");
        }
        assert_eq!(text(&file), OLD);
        let (exit, listed, _) = place.outcome(&["recover"]);
        assert_eq!(exit, 0);
        assert!(listed.contains("a.json: 2 unsaved edits from 2"), "{listed}");
        assert!(listed.contains("Change value /a: 1 -> 2") && listed.contains("Delete /b/1: 2"), "{listed}");
        let (exit, told, stderr) = place.outcome(&["recover", "a.json"]);
        assert_eq!((exit, stderr.as_str(), told.contains("recovered and saved")), (0, "", true), "{told}");
        assert_eq!(text(&file), "{\"a\": 2, \"b\": [1, 3], \"c\": {\"d\": \"ש\"}}\n");
        assert_eq!(place.outcome(&["recover"]), (0, String::new(), String::new()));
        assert!(place.journals().is_empty());
    }
}

#[test]
fn what_was_saved_is_not_made_again() {
    let place = Place::new();
    let file = place.file("a.json", OLD);
    place.edit(&[&set("/a", "2"), r#"{"op":"save"}"#, &set("/b/0", "7")], End::Killed);
    let (_, listed, _) = place.outcome(&["recover", "--list", "a.json"]);
    assert!(listed.contains("1 unsaved edit from") && !listed.contains("value /a:"), "{listed}");
    assert_eq!(place.outcome(&["recover", "a.json"]).0, 0);
    assert_eq!(text(&file), OLD.replace("\"a\": 1", "\"a\": 2").replace("[1,", "[7,"));
    // All is saved: nobody is asked.
    let place = Place::new();
    place.file("a.json", OLD);
    place.edit(&[&set("/a", "2"), r#"{"op":"save"}"#], End::Killed);
    assert_eq!(place.outcome(&["recover"]), (0, String::new(), String::new()));
    assert!(place.journals().is_empty());
    // A save that was taken back.
    let place = Place::new();
    let file = place.file("a.json", OLD);
    place.edit(&[&set("/a", "2"), &set("/a", "3"), r#"{"op":"save"}"#, r#"{"op":"undo"}"#], End::Killed);
    assert_eq!(place.outcome(&["recover", "a.json"]).0, 0);
    assert_eq!(text(&file), OLD.replace("\"a\": 1", "\"a\": 2"));
}

/// Found by the soak: what was left to recover was the undoing alone, on a file that another program had changed, too.
#[test]
fn a_save_that_was_taken_back_is_recovered_on_what_others_wrote() {
    let place = Place::new();
    let file = place.file("a.json", OLD);
    place.edit(&[&set("/a", "2"), r#"{"op":"save"}"#, r#"{"op":"undo"}"#], End::Killed);
    fs::write(&file, text(&file).replace("[1,", "[7,")).unwrap();
    assert_eq!(place.outcome(&["recover", "a.json"]).0, 0);
    assert_eq!(text(&file), OLD.replace("[1,", "[7,"));
    // And where another edit took its place.
    place.edit(&[&set("/a", "3"), r#"{"op":"save"}"#, r#"{"op":"undo"}"#, &set("/b/1", "9")], End::Killed);
    fs::write(&file, text(&file).replace("\"ש\"", "\"theirs\"")).unwrap();
    assert_eq!(place.outcome(&["recover", "a.json"]).0, 0);
    assert_eq!(text(&file), OLD.replace("[1, 2", "[7, 9").replace("\"ש\"", "\"theirs\""));
}

#[test]
fn what_others_wrote_meanwhile_is_merged_or_asked_about() {
    let place = Place::new();
    let file = place.file("a.json", OLD);
    place.edit(&[&set("/a", "2"), &set("/b/2", "9")], End::Killed);
    fs::write(&file, OLD.replace("\"ש\"", "\"theirs\"")).unwrap();
    assert_eq!(place.outcome(&["recover", "a.json"]).0, 0);
    assert_eq!(text(&file), "{\"a\": 2, \"b\": [1, 2, 9], \"c\": {\"d\": \"theirs\"}}\n");

    place.edit(&[&set("/a", "5")], End::Killed);
    let theirs = text(&file).replace("\"a\": 2", "\"a\": 6");
    fs::write(&file, &theirs).unwrap();
    let (exit, _, stderr) = place.outcome(&["recover", "a.json"]);
    assert_eq!((exit, stderr.contains("/a"), text(&file)), (3, true, theirs.clone()), "{stderr}");
    assert_eq!(place.journals().len(), 1, "it stays until somebody decides");
    assert_eq!(place.outcome(&["recover", "a.json", "--discard"]).0, 0);
    assert_eq!((place.journals().len(), text(&file)), (0, theirs));
    assert_eq!(fs::read_dir(place.folder.path().join("state/treekeep/journal/discarded")).unwrap().count(), 2);

    fs::write(&file, "{").unwrap();
    fs::write(&file, OLD).unwrap();
    place.edit(&[&set("/a", "5")], End::Killed);
    fs::write(&file, "{").unwrap();
    let (exit, _, stderr) = place.outcome(&["recover", "a.json"]);
    assert_eq!((exit, stderr.contains("the journal is kept"), text(&file).as_str()), (1, true, "{"), "{stderr}");
    fs::remove_file(&file).unwrap();
    assert_eq!(place.outcome(&["recover", "a.json"]).0, 0);
    assert_eq!(text(&file), OLD.replace("\"a\": 1", "\"a\": 5"));
}

/// Above 8 MiB the journal has no text of the base, and here no backup has it.
#[test]
fn without_the_base_an_edit_is_made_where_its_old_value_stands() {
    let place = Place::new();
    let filler = format!("\"{}\"", "x".repeat(9 << 20));
    let large = OLD.replace("\"c\"", &format!("\"filler\": {filler}, \"c\""));
    let file = place.file("a.json", &large);
    place.edit(&[&set("/a", "2"), &set("/b/1", "8"), &set("/new", "true"), r#"{"op":"remove","path":"/c/d"}"#], End::Killed);
    assert!(fs::metadata(&place.journals()[0]).unwrap().len() < 10_000);
    let theirs = large.replace("\"ש\"", "\"theirs\"");
    fs::write(&file, &theirs).unwrap();
    let (exit, _, stderr) = place.outcome(&["recover", "a.json"]);
    assert_eq!((exit, stderr.lines().count()), (3, 2), "{stderr}");
    assert!(stderr.contains("Delete /c/d: \"ש\" (on the disk: \"theirs\")"), "{stderr}");
    assert_eq!(text(&file), theirs);
    fs::write(&file, large.replace("[1, 2", "[0, 2")).unwrap();
    assert_eq!(place.outcome(&["recover", "a.json"]).0, 0);
    let expected =
        large.replace("\"a\": 1", "\"a\": 2").replace("[1, 2", "[0, 8").replace("{\"d\": \"ש\"}}", "{}, \"new\": true}");
    assert!(text(&file) == expected);
}

#[test]
fn a_kept_version_is_restored() {
    let place = Place::new();
    let file = place.file("a.json", OLD);
    place.edit(&[&set("/a", "2"), r#"{"op":"save"}"#], End::Well);
    let (_, backups, _) = place.outcome(&["backups", "a.json"]);
    let name = backups.split('\t').next().unwrap().to_owned();
    let changed = text(&file);
    assert_eq!(place.outcome(&["restore", "a.json", &name]).0, 0);
    assert_eq!(text(&file), OLD);
    let (_, backups, _) = place.outcome(&["backups", "a.json"]);
    assert_eq!(backups.lines().count(), 2, "what it replaced is kept: {changed}");
    assert_eq!(place.outcome(&["restore", "a.json", "1970"]).0, 1);
    assert_eq!(place.outcome(&["restore", "a.json", "2"]).0, 2, "it says that several begin so");
    // Also over what is not JSON, and where nothing is.
    fs::write(&file, "{").unwrap();
    let oldest = backups.lines().last().unwrap().split('\t').next().unwrap().to_owned();
    assert_eq!(place.outcome(&["restore", "a.json", &oldest]).0, 0);
    fs::remove_file(&file).unwrap();
    assert_eq!(place.outcome(&["restore", "a.json", &oldest]).0, 0);
    assert!(text(&file) == OLD || text(&file) == changed);
}
