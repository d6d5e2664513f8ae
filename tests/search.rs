//! Search finds what a plain reading finds: every string decoded, every key and value looked at, one after the other.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use proptest::prelude::*;
use regex_automata::meta::Regex;
use std::ops::ControlFlow;
use treekeep::document::search::{Blocks, Query, Scope, Searcher};
use treekeep::document::{Document, Edit, Key, Path, Place, Side, Value, offset_of_path, path_of_offset};

/// A key or scalar as the plain reading sees it.
struct Token {
    place: Place,
    /// Decoded, where it is a string.
    text: String,
    /// Where each of its bytes stands in the document's text.
    offsets: Vec<u64>,
}

/// Reads a text byte by byte.
fn tokens(text: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut stack: Vec<(bool, u64)> = Vec::new();
    let mut at = 0;
    let mut waits_for_key = false;
    while at < text.len() {
        let place = |side| Place { path: stack.iter().map(|(_, k)| *k).collect::<Vec<_>>().into(), side, inside: at as u64 };
        match text[at] {
            open @ (b'{' | b'[') => {
                stack.push((open == b'{', 0));
                waits_for_key = open == b'{';
                at += 1;
            }
            b'}' | b']' => {
                stack.pop();
                at += 1;
            }
            b',' => {
                let (is_object, k) = stack.last_mut().unwrap();
                *k += 1;
                waits_for_key = *is_object;
                at += 1;
            }
            b'"' => {
                let mut end = at + 1;
                let mut offsets = Vec::new();
                while text[end] != b'"' {
                    let length = match (text[end], text.get(end + 1)) {
                        (b'\\', Some(b'u')) if text[end + 2..end + 6].eq_ignore_ascii_case(b"d83d") => 12,
                        (b'\\', Some(b'u')) => 6,
                        (b'\\', _) => 2,
                        _ => 1,
                    };
                    let unit = [&b"\""[..], &text[end..end + length], b"\""].concat();
                    let bytes = match text[end] {
                        b'\\' => serde_json::from_slice::<String>(&unit).unwrap().len(),
                        _ => 1,
                    };
                    // All bytes of an escaped character stand where the escape does.
                    offsets.extend(std::iter::repeat_n(end as u64, bytes));
                    end += length;
                }
                let decoded: String = serde_json::from_slice(&text[at..=end]).unwrap();
                let side = if std::mem::take(&mut waits_for_key) { Side::Key } else { Side::Value };
                tokens.push(Token { place: place(side), text: decoded, offsets });
                at = end + 1;
            }
            b':' | b' ' | b'\n' | b'\r' | b'\t' => at += 1,
            _ => {
                let end = (at..text.len()).find(|&end| b",]} \n\r\t".contains(&text[end])).unwrap_or(text.len());
                let scalar = String::from_utf8(text[at..end].to_vec()).unwrap();
                tokens.push(Token { place: place(Side::Value), text: scalar, offsets: (at as u64..end as u64).collect() });
                at = end;
            }
        }
    }
    tokens
}

fn is_same(one: char, other: char, sensitive: bool) -> bool {
    one == other || (!sensitive && (one.to_lowercase().eq(other.to_lowercase()) || one.to_uppercase().eq(other.to_uppercase())))
}

/// Where `query` is in one text, the plain way.
fn found(query: &Query, text: &str) -> Vec<usize> {
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let sought: Vec<char> = query.text.chars().collect();
    let is_word = |place: Option<usize>| {
        place
            .and_then(|place| characters.get(place))
            .is_some_and(|(_, character)| character.is_alphanumeric() || *character == '_')
    };
    let mut hits = Vec::new();
    let mut at = 0;
    while at + sought.len() <= characters.len() {
        let same = sought.iter().zip(&characters[at..]).all(|(a, (_, b))| is_same(*a, *b, query.is_case_sensitive));
        let whole = !query.is_whole_word || !(is_word(at.checked_sub(1)) || is_word(Some(at + sought.len())));
        if same && whole {
            hits.push(characters[at].0);
            at += sought.len();
        } else {
            at += 1;
        }
    }
    hits
}

/// Matches of an expression in one text.
fn matched(regex: &Regex, text: &str) -> Vec<usize> {
    regex.find_iter(text).filter(|found| !found.is_empty()).map(|found| found.start()).collect()
}

fn expected(query: &Query, tokens: &[Token]) -> Vec<(u64, Place)> {
    let pattern = match (query.is_case_sensitive, query.is_whole_word) {
        (sensitive, true) => format!("{}\\b{{start-half}}(?:{})\\b{{end-half}}", if sensitive { "" } else { "(?i)" }, query.text),
        (sensitive, false) => format!("{}{}", if sensitive { "" } else { "(?i)" }, query.text),
    };
    let regex = query.is_pattern.then(|| Regex::new(&pattern).unwrap());
    let mut hits = Vec::new();
    for token in tokens {
        let wanted = if token.place.side == Side::Key { query.scope.has_keys() } else { query.scope.has_values() };
        if wanted {
            let places = match &regex {
                Some(regex) => matched(regex, &token.text),
                None => found(query, &token.text),
            };
            hits.extend(places.into_iter().map(|place| {
                let offset = token.offsets[place];
                (offset, Place { inside: offset - token.place.inside, ..token.place.clone() })
            }));
        }
    }
    hits
}

#[track_caller]
fn check(query: &Query, document: &Document) {
    let text = document.to_bytes();
    let searcher = Searcher::new(query).unwrap();
    let ControlFlow::Continue(hits) = searcher.search_all(document, &mut |_| ControlFlow::Continue(())) else { unreachable!() };
    let expected = expected(query, &tokens(&text));
    let offsets: Vec<u64> = expected.iter().map(|(offset, _)| *offset).collect();
    let shown = String::from_utf8_lossy(&text);
    assert_eq!(hits, offsets, "{query:?} in {}", if shown.len() < 3000 { &shown } else { "a long text" });
    for (offset, place) in expected {
        assert_eq!(path_of_offset(document, offset), place, "at {offset} in {shown}");
    }
}

/// One character of a string as it may be written.
fn unit() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "a", "b", "A", "n", "u", "e", "t", "1", "0", "5", "d", " ", ",", ":", ".", "-", "_", "א", "ב", "é",
    ]);
    let escaped = prop::sample::select(vec![
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "\\t",
        "\\u0061",
        "\\u0041",
        "\\u05d0",
        "\\u05D1",
        "\\u00e9",
        "\\ud83d\\ude00",
        "\\u000a",
        "/",
        "\u{1F600}",
    ]);
    prop_oneof![3 => plain, 1 => escaped].prop_map(str::to_owned)
}

fn literal() -> impl Strategy<Value = String> {
    proptest::collection::vec(unit(), 0..10).prop_map(|units| format!("\"{}\"", units.concat()))
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![4 => literal(), 1 => "-?(0|[15][05]{0,4})(\\.[015]{1,2})?(e-?1)?", 1 => prop::sample::select(vec!["true", "false", "null"]).prop_map(str::to_owned)]
}

fn gap() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "", " ", "\n  ", "\t", " \r\n"]).prop_map(str::to_owned)
}

fn json() -> impl Strategy<Value = String> {
    scalar().prop_recursive(4, 40, 6, |inner| {
        let array = (proptest::collection::vec((gap(), inner.clone(), gap()), 0..6), gap()).prop_map(|(items, blank)| {
            let items: Vec<String> = items.into_iter().map(|(a, item, b)| format!("{a}{item}{b}")).collect();
            if items.is_empty() { format!("[{blank}]") } else { format!("[{}]", items.join(",")) }
        });
        let object =
            (proptest::collection::vec((gap(), literal(), gap(), inner, gap()), 0..6), gap()).prop_map(|(members, blank)| {
                let members: Vec<String> =
                    members.into_iter().map(|(a, key, b, value, c)| format!("{a}{key}{b}:{value}{c}")).collect();
                if members.is_empty() { format!("{{{blank}}}") } else { format!("{{{}}}", members.join(",")) }
            });
        prop_oneof![array, object]
    })
}

fn scope() -> impl Strategy<Value = Scope> {
    prop::sample::select(vec![Scope::Both, Scope::Keys, Scope::Values])
}

fn words() -> impl Strategy<Value = Query> {
    let text = prop_oneof![
        proptest::collection::vec(prop::sample::select("abAnu1e0d. ,:אבé/\"\\\n\u{1F600}".chars().collect::<Vec<_>>()), 1..4)
            .prop_map(String::from_iter),
        prop::sample::select(vec!["aa", "true", "ue", "u05d0", "15", "1,", "-1", "[", "\\u", "a,", "ABA"])
            .prop_map(str::to_owned),
    ];
    (text, scope(), any::<bool>(), any::<bool>()).prop_map(|(text, scope, is_case_sensitive, is_whole_word)| Query {
        text,
        scope,
        is_case_sensitive,
        is_whole_word,
        is_pattern: false,
    })
}

const PATTERNS: &[&str] = &[
    "a+",
    "a.*b",
    "[א-ת]+ב",
    "[א-ת]+",
    r"\d+",
    r"[0-9]{2}",
    "^a",
    "b$",
    "^b",
    "^אב$",
    "^bd$",
    "(?i)^ub",
    "^[^a]+$",
    r"\bא",
    "a|ab|1",
    "(ab|ba)+",
    "x*",
    ".",
    r"\n",
    "a?1",
    r"[^ab]+",
    r"\w+",
    "true",
    "(?-i)A",
    r"e|\.5",
    "[ ,]+",
    r"\\",
    "\"",
    "1.",
    "an|un",
    "(aa|bb|nu)[ab]",
    r"\s",
    r"\PL",
    "",
    "a{0}",
    "é|😀",
    "(?s)a.b",
    "[0-5]{2}",
    "[ab1]{2}[^b]",
    "[ 1]{2}",
    "[1e][05-]",
    "[aא][bב]",
    "(?i)AB",
    r"[n\n]a",
    r"[\n]",
    "(?:a[bn]){2}",
];

fn patterns() -> impl Strategy<Value = Query> {
    (prop::sample::select(PATTERNS), scope(), any::<bool>(), any::<bool>()).prop_map(
        |(text, scope, is_case_sensitive, is_whole_word)| Query {
            text: text.to_owned(),
            scope,
            is_case_sensitive,
            is_whole_word,
            is_pattern: true,
        },
    )
}

/// A change somewhere; several make a document of many pieces.
fn change(document: &Document, place: prop::sample::Index, kind: u8, text: &str, key: &str) -> Document {
    let mut paths = vec![Path::root()];
    let mut next = 0;
    while next < paths.len() {
        let path = paths[next].clone();
        let count = document.node(&path).unwrap().child_count();
        paths.extend((0..count).map(|k| path.child(k)));
        next += 1;
    }
    let path = paths[place.index(paths.len())].clone();
    let node = document.node(&path).unwrap();
    let edit = match (kind, path.split_last()) {
        (0, Some(_)) => Edit::Remove { path },
        (1, Some(_)) => Edit::Duplicate { path, key: None },
        (2, _) if node.kind().is_container() => {
            let key = (node.kind() == treekeep::document::Kind::Object).then(|| Key::literal(key).unwrap());
            Edit::Insert {
                parent: path,
                index: place.index(node.child_count() as usize + 1) as u64,
                key,
                value: Value::new(text).unwrap(),
            }
        }
        (3, Some((parent, _))) if document.node(&parent).unwrap().kind() == treekeep::document::Kind::Object => {
            Edit::Rename { path, key: Key::literal(key).unwrap() }
        }
        _ => Edit::Replace { path, value: Value::new(text).unwrap() },
    };
    edit.apply(document).map_or_else(|_| document.clone(), |applied| applied.document)
}

type Change = (prop::sample::Index, u8, String, String);

fn changes() -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec((any::<prop::sample::Index>(), 0u8..5, json(), literal()), 0..5)
}

fn edited(text: &str, changes: &[Change]) -> Document {
    let document = Document::parse(text).unwrap();
    changes.iter().fold(document, |document, (place, kind, text, key)| change(&document, *place, *kind, text, key))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn words_are_found_as_by_the_plain_reading(text in json(), changes in changes(), query in words()) {
        check(&query, &edited(&text, &changes));
    }

    #[test]
    fn expressions_are_found_as_by_the_plain_reading(text in json(), changes in changes(), query in patterns()) {
        check(&query, &edited(&text, &changes));
    }

    #[test]
    fn the_start_of_a_value_is_found_from_its_path(text in json(), changes in changes()) {
        let document = edited(&text, &changes);
        for token in tokens(&document.to_bytes()) {
            let offset = offset_of_path(&document, &token.place.path).unwrap();
            match token.place.side {
                Side::Key => prop_assert_eq!(offset, token.place.inside),
                Side::Value => prop_assert!(offset <= token.place.inside),
            }
            prop_assert_eq!(path_of_offset(&document, offset).path, token.place.path);
        }
    }
}

proptest! {
    /// Escapes stand for other characters than ASCII alone, as in most texts: a word is found by the ASCII in it.
    #[test]
    fn words_with_some_ascii_are_found(
        pieces in proptest::collection::vec(
            prop::sample::select(vec![
                "a", "b", "ab", "aab", "é", "\\u00e9", "\\u00E9", "א", "\\u05d0", "\\n", "\\\\", "\\f", "ff", "u00e9", "00", "\",\"", " ",
                "\\u000a", "\\u00ab", "aé", "a\\u00e9", "😀", "\\ud83d\\ude00",
            ]),
            0..24,
        ),
        word in prop::sample::select(vec!["abé", "éab", "אab", "aabé", "abéab", "éabא", "u00é", "00e9é", "ffé", "éffa", "ab é", "éאab", "aéab", "ab😀"]),
        is_whole_word in any::<bool>(),
    ) {
        let document = Document::parse(format!("[\"{}\"]", pieces.concat())).unwrap();
        check(&Query { is_whole_word, is_case_sensitive: true, ..words_of(word) }, &document);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Of some expressions a match can only begin where certain bytes are, and no escape can be in it.
    #[test]
    fn expressions_are_found_by_the_bytes_that_they_begin_with(
        members in proptest::collection::vec(
            (pieces(), prop_oneof![pieces().prop_map(|text| format!("\"{text}\"")), "1[01]{0,8}(\\.0[01]{0,8})?".boxed()]),
            1..6,
        ),
        pattern in prop::sample::select(vec![
            r"v[0-9]+\.[0-9]+", "[01ab]{3}00", "q[a-z0-9]*x", "q[qv]*1", "[א-ת]{2,}", "qx?", "vq[01]{2}", "1001", "v[0-9]*?0",
        ]),
        scope in scope(),
    ) {
        let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let document = Document::parse(format!("[{{{}}}]", members.join(","))).unwrap();
        check(&Query { scope, is_case_sensitive: true, ..expression(pattern) }, &document);
    }
}

/// The inside of a string whose escapes stand for none of `[a-z0-9א-ת.]`.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "v", "1", "0", ".", "q", "x", "qx", "v1.0", "00", "ab", "q1", "vq10", "שלום", "ש", "é", "\\u00e9", "\\u2100", "\\n",
        "\\\"", "\\\\", "u",
    ]);
    proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

fn words_of(text: &str) -> Query {
    Query { text: text.to_owned(), ..Query::default() }
}

fn expression(text: &str) -> Query {
    Query { is_pattern: true, ..words_of(text) }
}

/// Over block after block: pretty, on one line, with an edit in the middle.
#[test]
fn a_text_of_many_blocks_is_found_whole() {
    let record = |number: u64| {
        format!(
            "{{\n \"id\": {number},\n \"name\": \"name{} \\\"x\\\" \\u05d0\",\n \"שם\": [\"ab\", {}.5, true, \"\\\\n{}\"]\n}}",
            number % 97,
            number % 1000,
            number % 13
        )
    };
    let text = format!("[\n{}\n]", (0..36_000).map(record).collect::<Vec<_>>().join(",\n"));
    let dense = text.replace(['\n', ' '], "");
    for text in [text, dense] {
        let document = Document::parse(text).unwrap();
        let edit = Edit::Replace { path: [18_000].into(), value: Value::new("{\"name1\": \"א ab\"}").unwrap() };
        let edited = edit.apply(&document).unwrap().document;
        for document in [document, edited] {
            assert!(Blocks::of(&document).count() >= 2);
            let tokens = tokens(&document.to_bytes());
            let bytes: u64 = Blocks::of(&document).map(|block| block.len()).sum();
            assert!(bytes <= document.byte_len() && bytes > document.byte_len() - 100);
            let queries = [words_of("א"), words_of("5"), expression("[א-ת]+"), expression("me[12]+ ")];
            for query in queries {
                for scope in [Scope::Keys, Scope::Both] {
                    let query = Query { scope, ..query.clone() };
                    let searcher = Searcher::new(&query).unwrap();
                    let ControlFlow::Continue(hits) = searcher.search_all(&document, &mut |_| ControlFlow::Continue(())) else {
                        unreachable!()
                    };
                    let expected = expected(&query, &tokens);
                    assert!(
                        hits.iter().eq(expected.iter().map(|(offset, _)| offset)),
                        "{query:?}: {} {}",
                        hits.len(),
                        expected.len()
                    );
                    for (offset, place) in expected.iter().step_by(997) {
                        assert_eq!(path_of_offset(&document, *offset), *place);
                    }
                }
            }
        }
    }
}

#[test]
fn a_string_longer_than_every_window_is_found_whole() {
    let text = format!("{{\"key\": [\"{}needle{}\", \"needle\"]}}", "x ".repeat(3 << 20), "\\n y".repeat(1 << 15));
    let document = Document::parse(text).unwrap();
    for query in [
        words_of("needle"),
        words_of("NEEDLE\ny"),
        words_of("needle\n y"),
        expression("need.e"),
        expression("edle( |\n)"),
        expression("[d-e]+l"),
    ] {
        check(&query, &document);
    }
}

#[test]
fn lone_surrogates_are_searched_as_they_are_shown() {
    let document = Document::parse(r#"["a\ud800b", "\udc00"]"#).unwrap();
    let searcher = Searcher::new(&words_of("\u{FFFD}")).unwrap();
    let hits = searcher.search_all(&document, &mut |_| ControlFlow::Continue(()));
    assert_eq!(hits, ControlFlow::Continue(vec![3, 14]));
}

#[test]
fn a_search_stops_when_it_is_told() {
    let document = Document::parse(format!("[{}1]", "1,".repeat(3_000_000))).unwrap();
    let searcher = Searcher::new(&words_of("7")).unwrap();
    let mut asked = 0;
    let stopped = searcher.search_all(&document, &mut |_| {
        asked += 1;
        if asked == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((stopped, asked), (ControlFlow::Break(()), 3));
}

/// A search in one long string can be stopped all along, be it full of hits or one match as a whole.
#[test]
fn a_search_in_one_string_asks_whether_to_go_on() {
    let document = Document::parse(format!("[\"{}\\u00e9 a/b \\n\"]", "word ".repeat(8 << 20))).unwrap();
    let exactly = |text| Query { is_case_sensitive: true, ..words_of(text) };
    for (query, first, least) in [
        (words_of("word"), 2, 8 << 20),
        (expression(".*"), 2, 2),
        (expression("nowhere.*x"), 0, 0),
        (exactly("wordé"), 0, 0),
        (Query { is_whole_word: true, ..exactly("wor") }, 0, 0),
        (exactly("a/b"), (5 << 23) + 9, 1),
    ] {
        let searcher = Searcher::new(&query).unwrap();
        let mut asked = 0;
        let hits = searcher.search_all(&document, &mut |_| {
            asked += 1;
            ControlFlow::Continue(())
        });
        let ControlFlow::Continue(hits) = hits else { unreachable!() };
        assert!(hits.first().copied().unwrap_or(0) == first && hits.len() >= least, "{query:?}: {} hits", hits.len());
        assert!(asked >= 4, "{query:?}: asked {asked} times in 40 MB");
    }
}

#[test]
fn a_word_begins_inside_of_no_escape() {
    for (word, text) in [
        ("aéab", r#"["\u000aéab aéab a\u00e9ab"]"#),
        ("aéab", r#"["\u000a\u00e9ab a\u00E9ab"]"#),
        ("éab", r#"["\\u00e9ab \\\u00e9ab"]"#),
        ("ab😀", r#"["\u00ab\ud83d\ude00 ab\ud83d\ude00 ab\uD83D\uDE00"]"#),
    ] {
        check(&Query { is_case_sensitive: true, ..words_of(word) }, &Document::parse(text).unwrap());
    }
}

#[test]
fn a_match_begins_inside_of_no_escape_and_behind_any() {
    for (pattern, text) in [
        ("[01ab]{3}00", r#"["\u210000"]"#),
        ("[01ab]{3}00", r#"["\u2100000"]"#),
        ("q[a-z0-9]*x", r#"[{"qx":""}]"#),
        ("q[a-z0-9]*x", r#"[{"":"q1.qxq1qv1.0qq1"}]"#),
    ] {
        for scope in [Scope::Both, Scope::Keys, Scope::Values] {
            check(&Query { scope, is_case_sensitive: true, ..expression(pattern) }, &Document::parse(text).unwrap());
        }
    }
}
