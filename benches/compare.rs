//! Comparing and merging two versions of a file that differ in a hundred places.
//!
//! `cargo bench --bench compare` makes records of 100 MB (`TREEKEEP_BENCH_MB` another size). One thread does all of it.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::time::Instant;
use treekeep::document::{Document, Edit, Merge, Value, compare};

const PLACES: usize = 100;

fn main() {
    let megabytes: usize = std::env::var("TREEKEEP_BENCH_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let text = records(megabytes * 1_000_000);
    let begun = Instant::now();
    let base = Document::parse(text.clone()).unwrap_or_else(|problem| panic!("{problem}"));
    println!("parse, one thread         {:>8.3} s", begun.elapsed().as_secs_f64());
    let count = base.root().child_count();
    let changed = |seed: u64| {
        (0..PLACES as u64).fold(base.clone(), |document, number| {
            let at = (number * 7919 + seed) * 104_729 % count;
            let edit = match number % 3 {
                0 => Edit::Remove { path: [at.min(document.root().child_count() - 1)].into() },
                1 => Edit::Replace { path: [at.min(count - 200), 1].into(), value: value(number + seed) },
                _ => Edit::Insert { parent: [].into(), index: at.min(count - 200), key: None, value: value(number) },
            };
            edit.apply(&document).unwrap_or_else(|refusal| panic!("{refusal}")).document
        })
    };
    let (mine, theirs) = (changed(1), changed(2));
    let read_anew = |document: &Document| Document::parse(document.to_bytes()).unwrap_or_else(|problem| panic!("{problem}"));
    let disk = read_anew(&theirs);
    let go_on = |_: &treekeep::document::Node| ControlFlow::Continue(());
    for (name, a, b) in [
        ("compare with what was read", &base, &disk),
        ("compare with what was edited", &base, &theirs),
        ("compare edited and read", &mine, &disk),
    ] {
        let begun = Instant::now();
        let found = compare(a.root(), b.root(), &mut { go_on }).map_or(0, |found| found.total);
        println!("{name:<29} {:>6.3} s, {found} differences", begun.elapsed().as_secs_f64());
    }
    let begun = Instant::now();
    let merge = Merge::new(&base, &mine, &disk, &mut { go_on }).unwrap_or_else(|| panic!("it was not broken off"));
    let merged = merge.document().unwrap_or_else(|refusal| panic!("{refusal}"));
    println!(
        "merge on three sides          {:>6.3} s, {} changes, {} conflicts, {} bytes",
        begun.elapsed().as_secs_f64(),
        merge.changes.len(),
        merge.conflicts(),
        merged.byte_len()
    );
}

fn value(number: u64) -> Value {
    Value::new(&format!("{{\"changed\": {number}}}")).unwrap_or_else(|problem| panic!("{problem}"))
}

fn records(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 500);
    text.push('[');
    let mut number: u64 = 0;
    while text.len() < bytes {
        let mixed = number.wrapping_mul(6_364_136_223_846_793_005) >> 20;
        let _ = write!(
            text,
            "{}{{\"id\": {number}, \"login\": \"user{mixed}\", \"tags\": [\"a\", \"ב\", {}], \"actor\": {{\"url\": \"https://api.example.org/{mixed}\", \"score\": {}.5}}}}",
            if number == 0 { "" } else { ",\n " },
            mixed % 17,
            mixed % 100
        );
        number += 1;
    }
    text.push_str("]\n");
    text
}
