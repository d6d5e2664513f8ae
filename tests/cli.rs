//! The command line: every call and every exit.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod command;

use command::Place;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

impl Place {
    /// Runs, and holds exit, standard output and a part of the messages against what is expected.
    #[track_caller]
    fn check(&self, arguments: &[&str], exit: i32, out: &str, message: &str) {
        let output = self.run(arguments);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}\n{stdout}{stderr}");
        assert_eq!(stdout, out, "{arguments:?}");
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
        assert_eq!(stderr.is_empty(), message.is_empty(), "{stderr}");
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn check_tells_size_values_and_depth() {
    let place = Place::new();
    place.file("a.json", "{\"a\": [1, {\"b\": null}], \"ב\": \"x\"}\n");
    place.file("s.json", "\u{FEFF}7");
    place.check(
        &["check", "a.json", "s.json"],
        0,
        "a.json: JSON, 35 bytes, 6 values, depth 3\ns.json: JSON, 4 bytes, 1 values, depth 0\n",
        "",
    );
}

#[test]
fn check_tells_the_place_of_a_problem() {
    let place = Place::new();
    place.file("ok.json", "[]");
    place.file("bad.json", "[\n\"אב\", x]");
    place.check(
        &["check", "bad.json", "ok.json"],
        1,
        "ok.json: JSON, 2 bytes, 1 values, depth 1\n",
        "bad.json:2:7: expected a value, found `x`\n",
    );
    place.check(&["check", "missing.json"], 2, "", "missing.json: there is no such file");
    place.check(&["check", "missing.json", "bad.json"], 2, "", "bad.json:2:7");
    place.check(&["check", "."], 2, "", "a folder");
    place.file("nul.json", "[1]\0");
    place.check(&["check", "nul.json"], 1, "", "nul.json:1:4: expected the end of the text, found U+0000");
}

#[test]
fn get_prints_the_text_as_it_stands() {
    let place = Place::new();
    place.file("a.json", r#"{"a": [1.50, -0, 1e400], "b/c": {"x" : "\u05d0"}, "d": 1, "d": 2}"#);
    place.check(&["get", "a.json", "/a/0"], 0, "1.50\n", "");
    place.check(&["get", "a.json", "/a"], 0, "[1.50, -0, 1e400]\n", "");
    place.check(&["get", "a.json", "/b~1c"], 0, "{\"x\" : \"\\u05d0\"}\n", "");
    place.check(&["get", "a.json", "/d"], 0, "2\n", "");
    place.check(&["get", "a.json", "/nope"], 1, "", "nothing is at `/nope`");
    place.check(&["get", "a.json", "a"], 2, "", "a JSON Pointer is empty or begins with `/`");
    place.check(&["get", "missing.json", "/a"], 2, "", "no such file");
    place.file("bad.json", "{");
    place.check(&["get", "bad.json", "/a"], 1, "", "bad.json:1:2: the text ends too early");
    assert!(!place.folder.path().join("a.json.lock").exists(), "a reader leaves no litter");
}

#[test]
fn set_changes_these_bytes_and_no_others() {
    let place = Place::new();
    let set = |before: &str, pointer: &str, json: &str, after: &str| {
        let file = place.file("a.json", before);
        place.check(&["set", "a.json", pointer, json], 0, "", "");
        assert_eq!(text(&file), after);
    };
    set("{\r\n\t\"a\" : 1,\r\n\t\"b\":2}\r\n\r\n", "/a", "-1.50", "{\r\n\t\"a\" : -1.50,\r\n\t\"b\":2}\r\n\r\n");
    set("\u{FEFF}[1, 2]", "/1", "\"\\u0041\"", "\u{FEFF}[1, \"\\u0041\"]");
    set("{\"a\": 1}", "/b", "[1]", "{\"a\": 1, \"b\": [1]}");
    set("{\n  \"a\": 1\n}\n", "/b~1ב", "true", "{\n  \"a\": 1,\n  \"b/ב\": true\n}\n");
    set("{\"k\": \"\\u05d0\"}", "/ב", "1", "{\"k\": \"\\u05d0\", \"\\u05d1\": 1}");
    set("[1]", "/-", "2", "[1, 2]");
    set("[1]", "/1", "2", "[1, 2]");
    set("[]", "", "{}", "{}");
    set("{\"a\": 1, \"a\": 2}", "/a", "3", "{\"a\": 1, \"a\": 3}");
}

#[test]
fn set_refuses_what_makes_no_sense() {
    let place = Place::new();
    let file = place.file("a.json", "{\"a\": [1]}");
    place.check(&["set", "a.json", "/a/2", "1"], 1, "", "nothing is at `/a/2`");
    place.check(&["set", "a.json", "/b/c", "1"], 1, "", "nothing is at `/b`");
    place.check(&["set", "a.json", "/a/0/x", "1"], 1, "", "nothing is at");
    place.check(&["set", "a.json", "/a/0", "{"], 1, "", "the value is not JSON");
    place.check(&["set", "a.json", "a", "1"], 2, "", "begins with `/`");
    place.check(&["set", "missing.json", "/a", "1"], 2, "", "missing.json: there is no such file");
    place.check(&["remove", "a.json", ""], 1, "", "outermost value");
    place.check(&["remove", "a.json", "/x"], 1, "", "nothing is at `/x`");
    place.check(&["set", "a.json"], 2, "", "Usage");
    place.check(&["set", "a.json", "/a", "1", "--wait", "never"], 2, "", "--wait");
    place.check(&["set", "a.json", "/a", "1", "--if-version", "12"], 2, "", "64 hexadecimal digits");
    assert_eq!(text(&file), "{\"a\": [1]}");
    place.file("bad.json", "[1,]");
    place.check(&["set", "bad.json", "/0", "1"], 1, "", "bad.json:1:4: expected a value, found `]`");
}

#[test]
fn what_is_no_file_is_told_as_it_was_given_and_gets_no_lock() {
    let place = Place::new();
    assert!(Command::new("mkfifo").arg(place.folder.path().join("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink("pipe", place.folder.path().join("link")).unwrap();
    fs::create_dir(place.folder.path().join("folder")).unwrap();
    for (name, kind) in [("pipe", "a named pipe"), ("./link", "a named pipe"), ("folder", "a folder")] {
        let told = format!("{name}: this is {kind}, not a file\n");
        for arguments in
            [&["check", name][..], &["get", name, ""], &["version", name], &["set", name, "", "1"], &["remove", name, "/a"]]
        {
            let output = place.run(arguments);
            assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(2), told.as_str()));
        }
    }
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 3, "no lock is made for what can't be saved");
}

#[test]
fn options_stand_anywhere_and_values_may_begin_with_a_dash() {
    let place = Place::new();
    let file = place.file("a.json", "[1,2]");
    for arguments in [
        &["set", "a.json", "/-", "-5"][..],
        &["set", "a.json", "/-", "-1e5", "--wait", "1"],
        &["set", "a.json", "/-", "--wait", "1", "7"],
        &["set", "--without-backup", "a.json", "/-", "8"],
    ] {
        place.check(arguments, 0, "", "");
    }
    assert_eq!(text(&file), "[1,2,-5,-1e5,7,8]");
    for wait in ["-1", "nan", "inf", "soon"] {
        place.check(&["set", "a.json", "/0", "1", &format!("--wait={wait}")], 2, "", "--wait");
    }
    // A file named like a command.
    place.file("check", "1");
    place.check(&["check", "./check"], 0, "./check: JSON, 1 bytes, 1 values, depth 0\n", "");
}

#[test]
fn remove_takes_a_comma_along() {
    let place = Place::new();
    let file = place.file("a.json", "{\n  \"a\": 1,\n  \"b\": [1, 2]\n}\n");
    place.check(&["remove", "a.json", "/b/0"], 0, "", "");
    place.check(&["remove", "a.json", "/a"], 0, "", "");
    assert_eq!(text(&file), "{\n  \"b\": [2]\n}\n");
}

#[test]
fn versions_and_conflicts() {
    let place = Place::new();
    let file = place.file("a.json", "[1]");
    let version = || String::from_utf8(place.run(&["version", "a.json"]).stdout).unwrap().trim().to_owned();
    let first = version();
    assert_eq!((first.len(), first.bytes().all(|byte| byte.is_ascii_hexdigit())), (64, true));
    place.check(&["set", "a.json", "/0", "2", "--if-version", &first], 0, "", "");
    assert_ne!(version(), first);
    place.check(&["set", "a.json", "/0", "3", "--if-version", &first], 3, "", "another version");
    place.check(&["remove", "a.json", "/0", "--if-version", &first], 3, "", "another version");
    assert_eq!(text(&file), "[2]");
    fs::write(&file, "[1]").unwrap();
    assert_eq!(version(), first, "the content decides, not the time");
}

#[test]
fn each_replaced_version_is_kept() {
    let place = Place::new();
    let file = place.file("a.json", "[1]");
    place.check(&["backups", "a.json"], 0, "", "");
    place.check(&["set", "a.json", "/0", "2"], 0, "", "");
    place.check(&["set", "a.json", "/0", "3", "--without-backup"], 0, "", "");
    place.check(&["set", "a.json", "/0", "4"], 0, "", "");
    let listed = String::from_utf8(place.run(&["backups", "a.json"]).stdout).unwrap();
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.iter().map(|line| (line[2], line[3])).collect::<Vec<_>>(), [("3 bytes", "save"), ("3 bytes", "save")]);
    let folder = fs::read_dir(place.folder.path().join("state/treekeep/backups")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(lines.iter().map(|line| text(&folder.join(line[0]))).collect::<Vec<_>>(), ["[1]", "[3]"]);
    fs::remove_file(&file).unwrap();
    assert_eq!(place.run(&["backups", "a.json"]).status.code(), Some(0), "a deleted file still has its backups");
    place.check(&["backups", "other.json"], 2, "", "no such file");
}

#[test]
fn a_held_lock_is_waited_for() {
    let place = Place::new();
    let file = place.file("a.json", "[1]");
    let lock = fs::File::create(place.folder.path().join("a.json.lock")).unwrap();
    lock.lock().unwrap();
    place.check(&["set", "a.json", "/0", "2", "--wait", "0.1"], 4, "", "holds the lock");
    assert_eq!(text(&file), "[1]");
    let waiting = place.command(&["set", "a.json", "/0", "2"]).spawn().unwrap();
    place.check(&["get", "a.json", "/0"], 0, "1\n", "");
    drop(lock);
    assert!(waiting.wait_with_output().unwrap().status.success());
    assert_eq!(text(&file), "[2]");
    assert!(place.folder.path().join("a.json.lock").exists());
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::new();
    place.file("a.json", format!("[{}0]", "1,".repeat(500_000)));
    let mut child = place.command(&["get", "a.json", ""]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn help_and_version() {
    let place = Place::new();
    let help = String::from_utf8(place.run(&["--help"]).stdout).unwrap();
    for word in ["check", "get", "set", "remove", "version", "backups", "JSON Pointer", "Exit:"] {
        assert!(help.contains(word), "{word}");
    }
    place.check(&["--version"], 0, &format!("treekeep {}\n", env!("CARGO_PKG_VERSION")), "");
    place.check(&["--nonsense"], 2, "", "--nonsense");
}

#[test]
fn a_size_limit_is_an_error_and_not_the_end() {
    let place = Place::new();
    let file = place.file("a.json", format!("[{}0]", "1,".repeat(100_000)));
    let before = text(&file);
    let script = format!("ulimit -f 10; exec {} set a.json /0 2", env!("CARGO_BIN_EXE_treekeep"));
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(place.folder.path()).env("XDG_STATE_HOME", place.folder.path().join("state"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text(&file), before);
}

#[test]
fn patch_applies_whole_or_not_at_all() {
    let place = Place::new();
    let file = place.file("a.json", "{ \"a\": 1.0,\n  \"b\": [1, 2]}\n");
    place.file("p.json", r#"[{"op": "test", "path": "/a", "value": 1}, {"op": "add", "path": "/b/-", "value": 3}, {"op": "remove", "path": "/a"}]"#);
    place.check(&["patch", "a.json", "p.json"], 0, "", "");
    assert_eq!(text(&file), "{ \"b\": [1, 2, 3]}\n");
    place.file("wrong.json", r#"[{"op": "remove", "path": "/b"}, {"op": "replace", "path": "/nope", "value": 3}]"#);
    place.check(&["patch", "a.json", "wrong.json"], 1, "", "operation 1 (replace)");
    assert_eq!(text(&file), "{ \"b\": [1, 2, 3]}\n");
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    place.file("test.json", r#"[{"op": "test", "path": "/b/0", "value": 1}]"#);
    place.check(&["patch", "a.json", "test.json"], 0, "", "");
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before, "tests alone write nothing");
    place.file("merge.json", r#"{"b": null, "c": {"d": 1}}"#);
    place.check(&["patch", "a.json", "merge.json"], 0, "", "");
    assert_eq!(text(&file), "{\"c\": {\"d\": 1}}\n");
    place.file("five.json", "5");
    place.check(&["patch", "a.json", "five.json"], 1, "", "a patch is an array");
    place.file("broken.json", "[");
    place.check(&["patch", "a.json", "broken.json"], 1, "", "broken.json:1:2");
}

#[test]
fn diff_tells_places_and_values() {
    let place = Place::new();
    place.file("a.json", r#"{"a": 1, "b": [1, 2], "old": "a long text"}"#);
    place.file("b.json", "{\"b\": [1, 2, {\"x\":\n3}], \"a\": 2, \"new\": \"a long text\"}");
    place.file("c.json", "{\"b\":[1,2],\"a\":1,\"old\":\"a long text\"}");
    place.file("broken.json", "[");
    let told = "+ /b/2 {\"x\": 3}\n~ /a 1 -> 2\n> /old -> /new\n";
    let output = place.run(&["diff", "a.json", "b.json"]);
    let mut lines: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
    lines.sort();
    let mut expected: Vec<&str> = told.lines().collect();
    expected.sort();
    assert_eq!((output.status.code(), lines), (Some(1), expected));
    place.check(&["diff", "a.json", "c.json"], 0, "", "");
    place.check(&["diff", "a.json", "broken.json"], 2, "", "broken.json:1:2");
    place.check(&["diff", "a.json", "missing.json"], 2, "", "missing.json");
    let patch = place.run(&["diff", "--patch", "a.json", "b.json"]);
    assert_eq!(patch.status.code(), Some(1));
    place.file("p.json", &patch.stdout);
    place.check(&["patch", "a.json", "p.json"], 0, "", "");
    place.check(&["diff", "a.json", "b.json"], 0, "", "");
}

#[test]
fn merge_writes_the_result_and_lists_what_is_left() {
    let place = Place::new();
    place.file("base.json", r#"{"a": 1, "b": 2}"#);
    let mine = place.file("mine.json", r#"{"a": 5, "b": 2}"#);
    place.file("theirs.json", r#"{"a": 1, "b": 6}"#);
    place.check(&["merge", "base.json", "mine.json", "theirs.json", "-o", "out.json"], 0, "", "");
    assert_eq!(text(&place.folder.path().join("out.json")), r#"{"a": 5, "b": 6}"#);
    place.file("theirs.json", r#"{"a": 7, "b": 6}"#);
    place.check(&["merge", "base.json", "mine.json", "theirs.json", "-o", "mine.json"], 1, "", "/a\n");
    assert_eq!(text(&mine), r#"{"a": 5, "b": 6}"#);
    place.file("theirs.json", "{");
    place.check(&["merge", "base.json", "mine.json", "theirs.json", "-o", "mine.json"], 2, "", "theirs.json:1:2");
    assert_eq!(text(&mine), r#"{"a": 5, "b": 6}"#);
    let names: Vec<String> =
        fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 4, "no lock, no backup, no litter: {names:?}");
}

/// As the README sets it up.
#[test]
fn git_uses_it_as_its_merge_and_diff_driver() {
    let place = Place::new();
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(place.folder.path())
            .env(
                "PATH",
                format!(
                    "{}:{}",
                    Path::new(env!("CARGO_BIN_EXE_treekeep")).parent().unwrap().display(),
                    std::env::var("PATH").unwrap()
                ),
            )
            .output();
        output.map(|output| {
            (
                output.status.success(),
                String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
            )
        })
    };
    if git(&["init"]).is_err() {
        return println!("skipped: there is no git");
    }
    let readme = include_str!("../README.md");
    let set_up: Vec<&str> = readme.lines().filter(|line| line.starts_with("git config --global ")).collect();
    assert_eq!(set_up.len(), 3, "the README has the configuration");
    for line in set_up {
        let status =
            Command::new("sh").args(["-c", &line.replace("--global ", "")]).current_dir(place.folder.path()).status().unwrap();
        assert!(status.success());
    }
    place.file(".gitattributes", "*.json diff=treekeep merge=treekeep\n");
    let file = place.file("a.json", "{\"a\": 1,\n \"b\": 2}\n");
    git(&["add", "."]).unwrap();
    git(&["commit", "-m", "base"]).unwrap();
    git(&["checkout", "-b", "other"]).unwrap();
    fs::write(&file, "{\"a\": 1, \"b\": 3}\n").unwrap();
    git(&["commit", "-am", "other"]).unwrap();
    git(&["checkout", "main"]).unwrap();
    fs::write(&file, "{\"a\": 9,\n \"b\": 2}\n").unwrap();
    let (_, shown) = git(&["diff"]).unwrap();
    assert!(shown.contains("~ /a 1 -> 9"), "{shown}");
    git(&["commit", "-am", "mine"]).unwrap();
    let (merged, told) = git(&["merge", "other"]).unwrap();
    assert!(merged, "{told}");
    assert_eq!(text(&file), "{\"a\": 9, \"b\": 3}\n");
}
