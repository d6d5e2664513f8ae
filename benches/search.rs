//! Searching, beside `rg` on the same file: times as ratios, and when the first hit is there.
//!
//! `cargo bench --bench search` makes a file of 100 MB (`TREEKEEP_BENCH_MB` another size) of records like API events, pretty and on
//! one line; `TREEKEEP_BENCH_SETS=merge` searches for what has that in its name alone. The document is open, as it is in a window;
//! `rg` is a process that reads the file from the system's cache. Both take turns. For words `rg -c` counts lines, for expressions `rg --count-matches` counts hits, which is what Treekeep always does.
//! `rg` sees bytes, not JSON: its numbers differ where hits stand in escapes or across strings.

mod data;

use data::Dice;
use std::fmt::Write as _;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use treekeep::document::search::{Hits, Query, Searcher};
use treekeep::document::{Crew, Document, Fragment, Job, path_of_offset};
use treekeep::jobs::{Threads, search_document};

const ROUNDS: usize = 5;

/// What is searched for, and how `rg` is asked for the same.
struct Task {
    text: &'static str,
    is_pattern: bool,
    is_case_sensitive: bool,
    is_whole_word: bool,
}

const fn words(text: &'static str) -> Task {
    Task { text, is_pattern: false, is_case_sensitive: true, is_whole_word: false }
}

const fn pattern(text: &'static str) -> Task {
    Task { text, is_pattern: true, is_case_sensitive: true, is_whole_word: false }
}

const TASKS: &[Task] = &[
    words("nowhere in it"),
    words("release"),
    words("user4711"),
    words("בראשית"),
    words("café"),
    Task { is_case_sensitive: false, ..words("release") },
    Task { is_whole_word: true, ..words("review") },
    pattern("(?i)merge"),
    pattern(r"user[0-9]+1[0-9]\b"),
    pattern(r"v[0-9]+\.[0-9]+"),
    pattern(r"[א-ת]+ל"),
    pattern("[א-ת]{4,}"),
    pattern("[0-9a-f]{6}00"),
    pattern("^PushEvent$"),
];

impl Task {
    fn query(&self) -> Query {
        Query {
            text: self.text.to_owned(),
            is_case_sensitive: self.is_case_sensitive,
            is_whole_word: self.is_whole_word,
            is_pattern: self.is_pattern,
            ..Query::default()
        }
    }

    fn rg(&self, path: &Path) -> Command {
        let mut command = Command::new("rg");
        command.arg(if self.is_pattern { "--count-matches" } else { "-c" });
        command.args((!self.is_case_sensitive).then_some("-i"));
        command.args((!self.is_pattern).then_some("-F"));
        command.args(self.is_whole_word.then_some("-w"));
        // An anchor means the string's edge here, a line's there.
        let text = self.text.replace(['^', '$'], "\"");
        command.arg("-e").arg(text).arg(path);
        command
    }

    fn name(&self) -> String {
        let marks = [(self.is_case_sensitive, ""), (!self.is_case_sensitive, " -i"), (self.is_whole_word, " -w")];
        let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        format!("{}{}{marks}", if self.is_pattern { "/" } else { "" }, self.text)
    }
}

fn main() {
    let megabytes = data::megabytes();
    let wanted = std::env::var("TREEKEEP_BENCH_SETS").unwrap_or_default();
    println!(
        "{:<16} {:<24} {:>10} {:>9} {:>9} {:>6} {:>9} {:>10}",
        "file", "search", "hits", "seconds", "rg", "ratio", "first", "hit → path"
    );
    for (name, is_minified) in [("records", false), ("records, 1 line", true)] {
        let path = file(name, megabytes, is_minified);
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let fragment = Fragment::new(bytes).unwrap_or_else(|problem| panic!("{problem}"));
        let document = Document::of(&fragment);
        let floor = median((0..ROUNDS).map(|_| read_all(fragment.text())).collect());
        println!("{name:<16} {:<24} {:>10} {floor:>9.4}", "(every byte read once)", "-");
        for task in TASKS.iter().filter(|task| task.name().contains(&wanted)) {
            let (mut own, mut other, mut first) = (Vec::new(), Vec::new(), Vec::new());
            let mut hits = Hits::default();
            for _ in 0..ROUNDS {
                let begun = Instant::now();
                let found = Mutex::new((Hits::default(), None));
                let searcher = Searcher::new(&task.query()).unwrap_or_else(|invalid| panic!("{invalid}"));
                let ended = search_document(&searcher, &document, &|| ControlFlow::Continue(()), &|chunks, _| {
                    let mut found = found.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                    if !chunks.is_empty() {
                        found.1.get_or_insert_with(|| begun.elapsed().as_secs_f64());
                    }
                    chunks.into_iter().for_each(|chunk| found.0.push(chunk));
                });
                assert!(ended.is_continue());
                own.push(begun.elapsed().as_secs_f64());
                let found = found.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
                hits = found.0;
                first.extend(found.1);
                let begun = Instant::now();
                let output = task.rg(&path).output().unwrap_or_else(|error| panic!("rg: {error}"));
                other.push(begun.elapsed().as_secs_f64());
                assert!(output.status.code() != Some(2), "{}", String::from_utf8_lossy(&output.stderr));
            }
            let (own, other) = (median(own), median(other));
            let first = if first.is_empty() { "-".to_owned() } else { format!("{:.1} ms", median(first) * 1e3) };
            let ratio = own / other;
            let name_of_task = task.name();
            println!(
                "{name:<16} {name_of_task:<24} {:>10} {own:>9.4} {other:>9.4} {ratio:>5.2}x {first:>9} {:>10}",
                hits.len(),
                to_path(&document, &hits)
            );
        }
    }
    if wanted.is_empty() || wanted == "stop" {
        for task in
            [words("nowhere in it"), words("after"), pattern(".*"), pattern("[a-z ]+"), pattern("(?s)w.*7"), pattern(r"\bx\w+")]
        {
            println!("{:<16} {:<24} stops within {:.0} ms", "one string", task.name(), time_to_stop(&task.query()));
        }
    }
}

/// Seconds in which all cores read every byte of the text: no search can be faster.
fn read_all(text: &[u8]) -> f64 {
    let begun = Instant::now();
    let share = text.len().div_ceil(Threads.size()).max(1);
    // No text has this byte.
    let read = |part: &[u8]| assert_eq!(memchr::memchr(0xFF, part), None);
    Threads.run(text.chunks(share).map(|part| Box::new(move || read(part)) as Job<'_>).collect());
    begun.elapsed().as_secs_f64()
}

/// Milliseconds that a search in one string of 50 MB goes on after it was told to stop, at most.
fn time_to_stop(query: &Query) -> f64 {
    let text = format!("[\"{}\"]", "word after word, and 7 numbers; ".repeat(50_000_000 / 32));
    let document = Document::parse(text).unwrap_or_else(|problem| panic!("{problem}"));
    let searcher = Searcher::new(query).unwrap_or_else(|invalid| panic!("{invalid}"));
    let mut worst: f64 = 0.0;
    for round in 0..20 {
        let stop = AtomicBool::new(false);
        let asked = || if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        std::thread::scope(|scope| {
            let search = scope.spawn(|| search_document(&searcher, &document, &asked, &|_, _| ()));
            std::thread::sleep(Duration::from_millis(2 + 3 * round));
            let begun = Instant::now();
            stop.store(true, Ordering::Relaxed);
            let _ = search.join();
            worst = worst.max(begun.elapsed().as_secs_f64() * 1e3);
        });
    }
    worst
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The time that the path of a hit takes.
fn to_path(document: &Document, hits: &Hits) -> String {
    let some: Vec<u64> =
        (0..hits.len()).step_by((hits.len() as usize / 1000).max(1)).filter_map(|number| hits.get(number)).collect();
    if some.is_empty() {
        return "-".to_owned();
    }
    let begun = Instant::now();
    let levels: usize = some.iter().map(|hit| path_of_offset(document, *hit).path.len()).sum();
    assert!(levels > 0);
    format!("{:.2} µs", begun.elapsed().as_secs_f64() * 1e6 / some.len() as f64)
}

fn file(name: &str, megabytes: usize, is_minified: bool) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("search-{}-{megabytes}.json", name.replace([' ', ','], "-")));
    if !path.exists() {
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, records(megabytes * 1_000_000, is_minified)))
            .unwrap_or_else(|error| panic!("{error}"));
    }
    path
}

fn records(bytes: usize, is_minified: bool) -> String {
    const WORDS: [&str; 16] = [
        "merge",
        "review",
        "בראשית",
        "issue \\\"quoted\\\"",
        "王芳",
        "line\\nbreak",
        "release",
        "caf\\u00e9",
        "café",
        "גדול",
        "Merge",
        "v1.20",
        "docs",
        "fix",
        "tests",
        "refactoring",
    ];
    let (line, colon) = if is_minified { ("", ":") } else { ("\n", ": ") };
    let mut dice = Dice(7);
    let mut text = String::with_capacity(bytes + 2000);
    text.push('[');
    while text.len() < bytes {
        if text.len() > 2 {
            text.push(',');
        }
        let (id, actor) = (dice.roll(1 << 31), dice.roll(90_000));
        let indent = |levels: usize| if is_minified { String::new() } else { "  ".repeat(levels) };
        let (one, two, three) = (indent(1), indent(2), indent(3));
        let _ = write!(text, "{line}{one}{{{line}{two}\"id\"{colon}\"{id}\",{line}{two}\"type\"{colon}\"PushEvent\",{line}");
        let _ = write!(
            text,
            "{two}\"actor\"{colon}{{{line}{three}\"id\"{colon}{actor},{line}{three}\"login\"{colon}\"user{actor}\",{line}"
        );
        let _ = write!(text, "{three}\"url\"{colon}\"https://api.example.org/users/user{actor}\"{line}{two}}},{line}");
        let _ =
            write!(text, "{two}\"sha\"{colon}\"{:032x}\",{line}{two}\"message\"{colon}\"", u128::from(id) * 7_919_000_000_011);
        for _ in 0..3 + dice.roll(6) {
            let _ = write!(text, "{} ", WORDS[dice.roll(16) as usize]);
        }
        let _ = write!(
            text,
            "#{actor}\",{line}{two}\"public\"{colon}true,{line}{two}\"score\"{colon}{}.{},{line}",
            id % 100,
            actor % 1000
        );
        let _ = write!(text, "{two}\"org\"{colon}null{line}{one}}}");
    }
    text.push_str("\n]\n");
    text
}
