//! A program that ignores the lock and writes the file as fast as it can, by rename and in place, while saves go on: none of its
//! versions is destroyed.
//!
//! Its author knows at each write which version it replaces, so every version has one of four ends: its author replaced it, it is
//! still there, a save knew it (as its base, or as the other side of a conflict), or it is kept as a backup.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;

use faults::Place;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use treekeep::storage::{Backups, Call, Cause, Digest, Disk, Expected, SaveError, SystemClock, Version, read};

/// How long the two go at each other; `TREEKEEP_HOSTILE_SECONDS` says otherwise.
const SECONDS: u64 = 6;

/// All of one length, so that a write in place replaces a version by a version.
fn foreign(number: u64) -> String {
    format!("{{\"theirs\": {number:012}}}\n")
}

fn number_of(text: &str) -> Option<u64> {
    text.strip_prefix("{\"theirs\": ")?.strip_suffix("}\n").filter(|digits| digits.len() == 12)?.parse().ok()
}

fn content(file: &File) -> String {
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    let length = file.read_at(&mut bytes, 0).unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

/// Small numbers that look random, always the same ones.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// The other program.
struct Author {
    path: PathBuf,
    /// How often a save looked at what it had displaced.
    looks: Arc<AtomicU64>,
    /// How long the last save took, in microseconds: as often as it writes, saves are met in all their steps and some get through.
    pace_us: Arc<AtomicU64>,
    /// How many versions it has written; they are numbered from 1.
    written: u64,
    by_rename: u64,
    /// Versions that it replaced itself.
    replaced: BTreeSet<u64>,
    /// Versions that it may have written to a file that was no longer the file when it came to writing: whoever replaces files by
    /// rename can't help that.
    too_late: BTreeSet<u64>,
}

impl Author {
    fn new(path: &Path, looks: Arc<AtomicU64>, pace_us: Arc<AtomicU64>) -> Self {
        Self {
            path: path.to_owned(),
            looks,
            pace_us,
            written: 0,
            by_rename: 0,
            replaced: BTreeSet::new(),
            too_late: BTreeSet::new(),
        }
    }

    fn work(mut self, stop: &AtomicBool) -> Self {
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
        while !stop.load(Ordering::SeqCst) {
            self.written += 1;
            match dice.throw(3) {
                0 => self.write_by_rename(),
                1 => self.write_in_place(true),
                _ => self.write_in_place(false),
            }
            let pace_us = self.pace_us.load(Ordering::SeqCst);
            std::thread::sleep(Duration::from_micros(dice.throw(3 * pace_us + 1)));
        }
        self
    }

    /// The rename is an exchange, so that what it replaces can be looked at.
    fn write_by_rename(&mut self) {
        let beside = self.path.with_extension("theirs");
        fs::write(&beside, foreign(self.written)).unwrap();
        let (cwd, exchange) = (rustix::fs::CWD, rustix::fs::RenameFlags::EXCHANGE);
        rustix::fs::renameat_with(cwd, &beside, cwd, &self.path, exchange).unwrap();
        self.replaced.extend(number_of(&fs::read_to_string(&beside).unwrap()));
        self.by_rename += 1;
    }

    fn write_in_place(&mut self, truncates: bool) {
        let looks = self.looks.load(Ordering::SeqCst);
        let file = OpenOptions::new().read(true).write(true).open(&self.path).unwrap();
        let before = number_of(&content(&file));
        if truncates {
            file.set_len(0).unwrap();
        }
        file.write_all_at(foreign(self.written).as_bytes(), 0).unwrap();
        file.set_len(foreign(0).len() as u64).unwrap();
        let (own, named) = (file.metadata().unwrap(), fs::metadata(&self.path).unwrap());
        let was_the_file = own.ino() == named.ino() || looks == self.looks.load(Ordering::SeqCst);
        if !was_the_file {
            self.too_late.insert(self.written);
        }
        self.replaced.extend(before);
    }
}

/// What a save knew, and how the saves ended.
#[derive(Default)]
struct Tally {
    known: BTreeSet<String>,
    ends: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn know(&mut self, digest: &Digest) {
        self.known.insert(digest.to_string());
    }

    fn count(&mut self, end: &'static str) {
        *self.ends.entry(end).or_default() += 1;
    }
}

fn save_in_a_loop(place: &Place, disk: &Disk, path: &Path, pace_us: &AtomicU64, until: Instant) -> Tally {
    let mut tally = Tally::default();
    let mut base = None;
    let mut number = 0;
    while Instant::now() < until {
        let version = match base.take() {
            Some(version) => version,
            None => match read(&Disk::real(), &SystemClock, path, &mut |_, _| ControlFlow::Continue(())) {
                Ok(opened) => Version { stamp: opened.stamp, digest: Digest::of(&opened.bytes) },
                Err(_) => {
                    tally.count("not read");
                    continue;
                }
            },
        };
        tally.know(&version.digest);
        number += 1;
        let begun = Instant::now();
        let outcome = place.save_at(disk, &SystemClock, path, &Expected::Version(version), &format!("{{\"ours\": {number}}}\n"));
        if outcome.is_ok() {
            pace_us.store(begun.elapsed().as_micros() as u64, Ordering::SeqCst);
        }
        match outcome {
            Ok(saved) => {
                tally.count(if saved.displaced.is_some() { "saved, one displaced" } else { "saved" });
                base = Some(saved.version);
            }
            Err(SaveError::Conflict(theirs)) => {
                tally.count("conflict");
                tally.know(&theirs.digest);
                base = Some(*theirs);
            }
            Err(_) => tally.count("failed"),
        }
    }
    tally
}

/// A disk that counts the looks at what an exchange displaced, and gives others time right before some exchanges.
fn watched_disk(looks: Arc<AtomicU64>) -> Disk {
    let exchanged = AtomicBool::new(false);
    let exchanges = AtomicU64::new(0);
    Disk::with_hook(move |call, _| -> io::Result<()> {
        if exchanged.swap(call == Call::Exchange, Ordering::SeqCst) {
            looks.fetch_add(1, Ordering::SeqCst);
        }
        if call == Call::Exchange && exchanges.fetch_add(1, Ordering::SeqCst).is_multiple_of(3) {
            std::thread::sleep(Duration::from_micros(300));
        }
        Ok(())
    })
}

#[test]
fn no_version_of_a_program_that_ignores_the_lock_is_destroyed() {
    let seconds = std::env::var("TREEKEEP_HOSTILE_SECONDS").map_or(SECONDS, |text| text.parse().unwrap());
    let place = Place::in_memory();
    let path = place.file("{\"ours\": 0}\n");
    let looks = Arc::new(AtomicU64::new(0));
    let disk = watched_disk(Arc::clone(&looks));
    let pace_us = Arc::new(AtomicU64::new(1000));
    let author = Author::new(&path, looks, Arc::clone(&pace_us));
    let stop = AtomicBool::new(false);
    let until = Instant::now() + Duration::from_secs(seconds);
    let (author, tally) = std::thread::scope(|scope| {
        let working = scope.spawn(|| author.work(&stop));
        let tally = save_in_a_loop(&place, &disk, &path, &pace_us, until);
        stop.store(true, Ordering::SeqCst);
        (working.join().unwrap(), tally)
    });

    let kept = place.backups();
    let there = fs::read_to_string(&path).unwrap();
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    let mut destroyed = Vec::new();
    for number in 1..=author.written {
        let text = foreign(number);
        let end = if there == text {
            "in place"
        } else if author.replaced.contains(&number) {
            "replaced by their author"
        } else if kept.contains(&text) {
            "kept as backups"
        } else if tally.known.contains(&Digest::of(text.as_bytes()).to_string()) {
            "known to a save"
        } else if author.too_late.contains(&number) {
            "written too late"
        } else {
            destroyed.push(number);
            "destroyed"
        };
        *ends.entry(end).or_default() += 1;
    }
    println!("{} versions of others, {} by rename: {ends:?}; saves: {:?}", author.written, author.by_rename, tally.ends);
    assert!(destroyed.is_empty(), "{} versions were destroyed: {destroyed:?}", destroyed.len());
    let displaced = tally.ends.get("saved, one displaced").copied().unwrap_or_default();
    assert!(displaced > 0, "the moment of the exchange was met: {:?}", tally.ends);
    let real = path.canonicalize().unwrap();
    let backups = Backups::of(&Disk::real(), &place.state(), &real).list().unwrap();
    let conflicts = backups.iter().filter(|backup| backup.cause == Cause::Conflict).count();
    assert!(conflicts > 0, "what is displaced is never removed for its number");
    let late = ends.get("written too late").copied().unwrap_or_default();
    assert!(late * 20 < author.written, "{late} of {} say nothing", author.written);
}
