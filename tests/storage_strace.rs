//! The program itself under faults of the system calls that it makes, libraries included: errors of each call, and writes that lie.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::{Place, has, skip, text};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::ops::RangeInclusive;
use std::process::Output;

/// Long enough that a write can be told to have done a part of it.
fn old() -> String {
    format!("{{\"a\": 1, \"long\": \"{}\"}}\n", "x".repeat(1000))
}

fn new() -> String {
    old().replacen('1', "2", 1)
}

/// `treekeep set a.json /a 2` as strace runs it with these options.
fn set(place: &Place, options: &[&str]) -> Output {
    let mut command = place.command(OsStr::new("strace"));
    command.args(["-f", "-qq"]).args(options).arg(env!("CARGO_BIN_EXE_treekeep")).args(["set", "a.json", "/a", "2"]);
    command.args(["--wait", "0.2"]).output().unwrap()
}

fn calls_of_a_save() -> BTreeMap<String, RangeInclusive<usize>> {
    let place = Place::new();
    place.file(old());
    let trace = place.root().join("trace");
    assert!(set(&place, &["-o", trace.to_str().unwrap()]).status.success());
    faults::calls_of_a_save(&trace)
}

/// Calls that touch no file.
const OTHERS: &[&str] = &[
    "mmap",
    "munmap",
    "mprotect",
    "mremap",
    "brk",
    "madvise",
    "close",
    "exit",
    "exit_group",
    "sigaltstack",
    "futex",
    "getrandom",
    "rt_sigaction",
    "geteuid",
    "umask",
];

#[test]
fn every_system_call_may_fail() {
    if !has("strace") {
        return skip("needs strace");
    }
    let calls = calls_of_a_save();
    for needed in ["openat", "write", "pwrite64", "fsync", "rename", "renameat2", "flock", "fallocate", "fchmod", "unlink"] {
        assert!(calls.contains_key(needed), "a save calls {needed}: {calls:?}");
    }
    let mut faults = Vec::new();
    for (name, range) in calls.iter().filter(|(name, _)| !OTHERS.contains(&name.as_str())) {
        for number in range.clone() {
            for (error, lasts) in [("EIO", ""), ("ENOSPC", "+"), ("EACCES", ""), ("EMFILE", "+"), ("EINTR", "")] {
                faults.push((name.as_str(), format!("inject={name}:error={error}:when={number}{lasts}")));
            }
        }
    }
    let ends: Vec<End> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let own = faults.iter().skip(worker).step_by(4);
                scope.spawn(move || own.map(|(name, inject)| one_fault(name, inject)).collect::<Vec<End>>())
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let (runs, failed) = (ends.len(), ends.iter().filter(|end| end.has_failed).count());
    let unlocked = ends.iter().filter(|end| end.is_unlocked).count();
    println!("{runs} runs, {failed} saves failed, {unlocked} went on without a lock");
    assert!(failed > runs / 10 && unlocked > 0, "the faults were met: {runs} runs, {failed} failed, {unlocked} unlocked");
}

struct End {
    has_failed: bool,
    is_unlocked: bool,
}

fn one_fault(name: &str, inject: &str) -> End {
    let place = Place::new();
    let path = place.file(old());
    let output = set(&place, &["-o", "/dev/null", "-e", &format!("trace={name}"), "-e", inject]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let context = format!("{inject}: exit {:?}: {told}", output.status.code());
    let now = text(&path);
    let has_failed = match output.status.code() {
        Some(0) => {
            assert!(now == new(), "{context}");
            false
        }
        Some(2..=4) => {
            // Where nobody can be told, the exit tells.
            assert!(!told.is_empty() || name == "write", "{context}");
            assert!(now == old() || told.contains("saved, but"), "{context}");
            true
        }
        _ => panic!("{context}"),
    };
    assert!(now == old() || (now == new() && place.backups().contains(&old())), "{context}");
    let again = set(&place, &["-o", "/dev/null", "-e", "trace=none"]);
    assert!(again.status.success(), "{context}; then {}", String::from_utf8_lossy(&again.stderr));
    assert_eq!((text(&path) == new(), place.litter()), (true, Vec::new()), "{context}");
    End { has_failed, is_unlocked: told.contains("without a lock") }
}

/// A write that says it wrote ten bytes and wrote none, as broken disks and drivers do.
#[test]
fn a_write_that_lies_is_found_out() {
    if !has("strace") {
        return skip("needs strace");
    }
    let calls = calls_of_a_save();
    let writes = ["write", "pwrite64"].into_iter().flat_map(|name| calls[name].clone().map(move |number| (name, number)));
    let mut found_out = 0;
    for (name, number) in writes {
        let place = Place::new();
        let path = place.file(old());
        let (trace, inject) = (format!("trace={name}"), format!("inject={name}:retval=10:when={number}"));
        let output = set(&place, &["-o", "/dev/null", "-e", &trace, "-e", &inject]);
        if output.status.success() {
            assert!(text(&path) == new() && place.backups().contains(&old()), "{name} {number}");
        } else {
            found_out += 1;
            assert!(text(&path) == old(), "{name} {number}");
        }
        assert!(place.backups().iter().all(|kept| *kept == old()), "{name} {number}: a backup is the version or is not there");
        assert!(set(&place, &["-o", "/dev/null", "-e", "trace=none"]).status.success());
        assert_eq!((text(&path) == new(), place.litter()), (true, Vec::new()), "{name} {number}");
    }
    assert!(found_out >= 2, "the new text and the backup: {found_out}");
}

/// After an fsync that failed, that file is thrown away: a second fsync of it would say yes although the text is gone.
#[test]
fn a_file_whose_sync_failed_is_not_synced_again() {
    if !has("strace") {
        return skip("needs strace");
    }
    let place = Place::new();
    let path = place.file(old());
    let trace = place.root().join("trace");
    let options = ["-y", "-o", trace.to_str().unwrap(), "-e", "trace=fsync", "-e", "inject=fsync:error=EIO"];
    let output = set(&place, &[&options[..], &[]].concat());
    assert_eq!((output.status.code(), text(&path) == old()), (Some(2), true));
    let trace = fs::read_to_string(&trace).unwrap();
    let files: Vec<&str> = trace.lines().filter_map(|line| line.split(['<', '>']).nth(1)).collect();
    let mut different = files.clone();
    different.sort();
    different.dedup();
    assert!(!files.is_empty() && files.len() == different.len(), "{files:?}");
}
