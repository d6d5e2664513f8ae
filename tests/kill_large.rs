//! `kill -9` in the save of a file that is read, kept and written in blocks by several threads, also where a backup shares its
//! blocks with the file: before the first call of each name that changes something on the disk, one in the middle and the last.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;
mod mounts;

use faults::{Place, has, is_root, skip, text};
use mounts::Image;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

/// Calls that change something on the disk. `ioctl` is how blocks are shared.
const CHANGES: [&str; 10] =
    ["fadvise64", "fallocate", "fsync", "ftruncate", "ioctl", "pwrite64", "rename", "renameat2", "unlink", "write"];

/// Larger than what is held in memory while it is verified. In one string, which is quick to read in a debug build, too.
fn version(number: u32) -> String {
    format!("{{\"a\": {number}, \"b\": \"{}\"}}\n", "large ".repeat(11_400_000))
}

/// `treekeep set` under strace with these options; what it says where it does not work.
fn set(place: &Place, options: &[&str], number: u32) -> Result<(), String> {
    let mut command = place.command(OsStr::new("strace"));
    command.args(["-f", "-qq"]).args(options).arg(env!("CARGO_BIN_EXE_treekeep"));
    let output = command.args(["set", "a.json", "/a", &number.to_string()]).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// How often a thread makes each call, at most: strace counts by thread.
fn calls(root: &Path) -> BTreeMap<String, usize> {
    let place = Place::in_folder(root);
    place.file(version(1));
    let trace = place.root().join("trace");
    let filter = format!("trace={}", CHANGES.join(","));
    set(&place, &["-o", trace.to_str().unwrap(), "-e", &filter], 2).unwrap();
    let mut by_thread: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in fs::read_to_string(&trace).unwrap().lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let name = call.trim_start().split('(').next().unwrap_or_default();
        if CHANGES.contains(&name) {
            *by_thread.entry((name.to_owned(), thread.to_owned())).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((name, _), count) in by_thread {
        let most = most.entry(name).or_default();
        *most = count.max(*most);
    }
    most
}

fn kill_all_along(name: &str, root: &Path) {
    let [old, new, next] = [1, 2, 3].map(version);
    let counts = calls(root);
    let (mut runs, mut killed, mut replaced) = (0, 0, 0);
    for (call, count) in &counts {
        for number in BTreeSet::from([1, count.div_ceil(2), *count]) {
            let context = format!("{name}, killed before {call} {number}");
            let place = Place::in_folder(root);
            let path = place.file(&old);
            let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=KILL:when={number}"));
            let was_killed = set(&place, &["-o", "/dev/null", "-e", &trace, "-e", &inject], 2).is_err();
            let now = text(&path);
            assert!(now == old || now == new, "{context}: {} bytes", now.len());
            let backups = place.backups();
            assert!(now == old || backups.contains(&old), "{context}: the version before is kept");
            assert!(backups.iter().all(|kept| *kept == old), "{context}: what has a version's name is one");
            // The next save works, and takes the litter away.
            set(&place, &["-o", "/dev/null", "-e", "trace=none"], 3).unwrap_or_else(|why| panic!("{context}: {why}"));
            assert!(text(&path) == next && place.backups().contains(&now), "{context}");
            assert!(place.litter().is_empty(), "{context}: {:?}", place.litter());
            runs += 1;
            killed += usize::from(was_killed);
            replaced += usize::from(now == new);
        }
    }
    println!("{name}: {runs} runs, {killed} killed, {replaced} left the new version; {counts:?}");
    // A thread may get fewer blocks than it got when the calls were counted.
    assert!(killed * 3 > runs * 2 && replaced > 0 && replaced < runs, "{name}: {runs}, {killed}, {replaced}");
}

#[test]
fn killed_while_a_large_file_is_saved() {
    if !has("strace") {
        return skip("needs strace");
    }
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    kill_all_along("copied", &folder);
}

#[test]
fn killed_while_a_large_file_is_saved_whose_backup_shares_its_blocks() {
    if !(is_root() && has("strace")) {
        return skip("needs root and strace");
    }
    if let Some(image) = Image::new("mkfs.xfs", 700) {
        kill_all_along("shared", &image.root());
    }
}
