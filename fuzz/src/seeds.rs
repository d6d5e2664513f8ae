//! Writes texts to begin with to `corpus/`: some of each kind that the scanner treats in its own way.

use std::fs;
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let texts = texts();
    for (target, before) in [("scanner", &[&[][..]][..]), ("edits", &EDITS), ("search", &SEARCHES)] {
        let folder = Path::new("corpus").join(target);
        fs::create_dir_all(&folder)?;
        for (number, text) in texts.iter().enumerate() {
            for (variant, before) in before.iter().enumerate() {
                fs::write(folder.join(format!("seed-{number}-{variant}")), [before, text.as_bytes()].concat())?;
            }
        }
    }
    Ok(())
}

/// Draws of three edits.
const EDITS: [&[u8]; 2] = [
    b"\x03\x00\x01\x00\x02\x01\x00\x07\x00\x03\x05\x09\x01\x04\x00\x02\x01\x05\x01\x00\x03\x03\x00\x07\x01\x03\x05\x09\x01\x04\x00\x02\x01\x04\x01\x00\x02\x01\x00\x07\x00\x03\x05\x09\x01\x04\x00\x02\x01",
    b"\x01\x04\x01\x00\x02\x01\x00\x07\x00\x03\x05\x09\x01\x04\x00\x02\x01",
];

/// How to search, and what for.
const SEARCHES: [&[u8]; 6] = [
    b"\x00\x01a",
    b"\x08\x04true",
    b"\x04\x02\xD7\x90",
    b"\x10\x08[a-z]+x\\b",
    b"\x14\x08[\xD7\x90-\xD7\xAA]+",
    b"\x30\x061?e|,x",
];

fn texts() -> Vec<String> {
    let numbers = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let members = |count: usize| (0..count).map(|n| format!("\"k{n}\": {n}.5")).collect::<Vec<_>>().join(", ");
    let record = format!(
        "{{\n  \"id\": 17,\n  \"name\": \"\u{5D0}\u{5D1} \\u05d0 \\\"x\\\" \u{738B}\u{82B3}\",\n  \"list\": [{}],\n  \"more\": {{\"a\": {{}}, \"b\": []}},\n  \"ok\": true\n}}",
        numbers(70)
    );
    vec![
        "1".to_owned(),
        " {\"a\" : [ ] , \"b\" : { } }\n".to_owned(),
        "\u{FEFF}[-0.5e+10, true, false, null, \"\\ud83d\\ude00\"]".to_owned(),
        // Over the size from which a container is recorded, and over a checkpoint's stride.
        format!("[{}]", numbers(70)),
        format!("[{}]", numbers(300)),
        format!("{{{}}}", members(140)),
        format!("[{}]", vec!["{\"a\":[1,2,3]}"; 130].join(",")),
        format!("[{record},\n{record}\n]"),
        format!("{{\"x\": [{record}, [[{record}]]], \"y\": \"{}\"}}", ",x".repeat(600)),
        format!("[\"{}\", 1]", "x".repeat(1030)),
        format!("[\"{}\", \"{}\"]", "\\\\".repeat(40), "\\\"".repeat(63)),
        format!("[{}1{}]", " ".repeat(5000), "\n\t".repeat(100)),
        format!("[{}]", "1".repeat(200)),
        format!("[1.{}e5]", "0".repeat(130)),
        format!("{}{}", "[".repeat(200), "]".repeat(200)),
        format!("{}1{}", "{\"a\":".repeat(90), "}".repeat(90)),
        format!("{}1{}", "[2,".repeat(1100), "]".repeat(1100)),
        format!("\"{}\"", "\u{5D0}\\u05d0\u{1F600}".repeat(40)),
    ]
}
