//! The files that the benchmarks open: made once for each size, the same on every machine.
#![allow(dead_code)] // each benchmark uses a part

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A shape and what makes it, in about as many bytes as are wanted.
pub type Shape = (&'static str, fn(usize) -> String);

/// Every shape.
pub const SHAPES: [Shape; 8] = [
    ("records", records),
    ("records, 1 line", minified),
    ("numbers", numbers),
    ("flat", flat),
    ("bigobj", bigobj),
    ("longstr", longstr),
    ("deep", deep),
    ("brackets", brackets),
];

/// The size of a file, from `TREEKEEP_BENCH_MB`.
pub fn megabytes() -> usize {
    std::env::var("TREEKEEP_BENCH_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// The shapes that `TREEKEEP_BENCH_SETS` names, with `;` between, or else those of `usual`.
pub fn shapes(usual: &[&str]) -> Vec<Shape> {
    let named = std::env::var("TREEKEEP_BENCH_SETS").unwrap_or_default();
    let wanted: Vec<&str> = if named.is_empty() { usual.to_vec() } else { named.split(';').collect() };
    SHAPES.into_iter().filter(|(name, _)| wanted.contains(name)).collect()
}

/// The file of a shape, made where it is not there yet.
pub fn file((name, make): Shape, megabytes: usize) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("{}-{megabytes}.json", name.replace([' ', ','], "-")));
    if !path.exists() {
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, make(megabytes * 1_000_000)))
            .unwrap_or_else(|error| panic!("{error}"));
    }
    path
}

/// The same numbers in each run (Knuth's constants for a linear congruence).
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn records(bytes: usize) -> String {
    const WORDS: [&str; 8] =
        ["merge", "review", "בראשית", "issue \\\"quoted\\\"", "王芳", "line\\nbreak", "release", "caf\\u00e9"];
    let mut dice = Dice(7);
    let mut text = String::with_capacity(bytes + 2000);
    text.push_str("[\n");
    while text.len() < bytes {
        if text.len() > 2 {
            text.push_str(",\n");
        }
        let (id, actor) = (dice.roll(1 << 31), dice.roll(90_000));
        let mut word = || WORDS[dice.roll(8) as usize];
        let (one, two, three) = (word(), word(), word());
        let _ = write!(
            text,
            "  {{\n    \"id\": \"{id}\",\n    \"type\": \"PushEvent\",\n    \"actor\": {{\n      \"id\": {actor},\n      \"login\": \"user{actor}\",\n      \
             \"url\": \"https://api.example.org/users/user{actor}\"\n    }},\n    \"payload\": {{\n      \"size\": {},\n      \"commits\": [\n        {{\n          \
             \"sha\": \"{:032x}\",\n          \"message\": \"{one} {two}: {three}\",\n          \"distinct\": true\n        }}\n      ]\n    }},\n    \"public\": true,\n    \
             \"score\": {}.{},\n    \"org\": null\n  }}",
            id % 9,
            u128::from(id) * 7_919,
            id % 100,
            actor % 1000
        );
    }
    text.push_str("\n]\n");
    text
}

fn minified(bytes: usize) -> String {
    let text = records(bytes * 3 / 2);
    String::from_utf8_lossy(&treekeep::document::lay_out(
        text.as_bytes(),
        &treekeep::document::Style { colon: ":".into(), comma: ",".into(), ..Default::default() },
        &treekeep::document::Layout::OneLine,
    ))
    .into_owned()
}

fn numbers(bytes: usize) -> String {
    let mut dice = Dice(11);
    let mut text = String::with_capacity(bytes + 200);
    text.push_str("{\"type\":\"MultiLineString\",\"coordinates\":[[");
    while text.len() < bytes {
        if !text.ends_with("[[") {
            text.push_str(if dice.roll(60) == 0 { "],[" } else { "," });
        }
        let _ = write!(text, "[{}.{:06},{}.{:06}]", dice.roll(180), dice.roll(1_000_000), dice.roll(90), dice.roll(1_000_000));
    }
    text.push_str("]]}");
    text
}

/// One array of small integers.
fn flat(bytes: usize) -> String {
    let mut dice = Dice(3);
    let mut text = String::with_capacity(bytes + 20);
    text.push('[');
    while text.len() < bytes {
        let _ = write!(text, "{},", dice.roll(1000));
    }
    text.push_str("0]");
    text
}

/// One object of many keys.
fn bigobj(bytes: usize) -> String {
    let mut dice = Dice(5);
    let mut text = String::with_capacity(bytes + 80);
    text.push('{');
    while text.len() < bytes {
        let (key, value) = (dice.roll(1 << 40), dice.roll(100_000));
        let _ = write!(text, "\"key-{key:012}\":{{\"v\":{value}}},");
    }
    text.push_str("\"end\":null}");
    text
}

/// A few long strings.
fn longstr(bytes: usize) -> String {
    const LINE: &str = "The quick brown fox \\n\\\"quoted\\\" בראשית ברא 王芳 jumps over the lazy dog. ";
    let mut text = String::with_capacity(bytes + 200);
    text.push('[');
    for part in 0..2 {
        text.push_str(if part == 0 { "\"" } else { ",\"" });
        while text.len() < bytes / 2 * (part + 1) {
            text.push_str(LINE);
        }
        text.push('"');
    }
    text.push(']');
    text
}

/// Nested brackets, a million of them.
fn deep(_: usize) -> String {
    brackets(2_000_000)
}

fn brackets(bytes: usize) -> String {
    format!("{}{}", "[".repeat(bytes / 2), "]".repeat(bytes / 2))
}
