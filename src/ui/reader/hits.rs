//! What a search finds in the rows in sight.

use super::rows::{Row, Rows};
use crate::document::search::Searcher;
use std::ops::Range;

/// Bytes above the rows in which a hit that reaches into them may begin: they are searched in each frame.
const ABOVE: usize = 4096;

/// The hits in rows that follow each other, as bytes of the literal. They may begin above the first row and end in another one.
pub fn hits_in(searcher: &Searcher, rows: &mut Rows<'_>, shown: &[Row]) -> Vec<Range<usize>> {
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else { return Vec::new() };
    let in_sight = shown.iter().flat_map(|row| &row.places).map(|place| (place.raw, place.character));
    let mut characters: Vec<(usize, char)> = rows.characters_before(first.start, ABOVE).chain(in_sight).collect();
    characters.extend(last.next.and_then(|next| rows.characters_from(next).next()));
    let text: String = characters.iter().map(|(_, character)| character).collect();
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
    // Where the text goes on, the first or last character only tells that neither it nor a word begins or ends there.
    let is_within = characters.first().is_some_and(|(raw, _)| *raw > rows.first());
    let place = |number: usize| places.get(number).copied().unwrap_or(text.len());
    let part = place(usize::from(is_within))..place(places.len().saturating_sub(usize::from(last.next.is_some())));
    let raw = |place: usize| {
        let number = places.partition_point(|known| *known < place);
        characters.get(number).map_or(rows.end(), |(raw, _)| *raw)
    };
    let found = searcher.ranges(&text, part).into_iter().map(|hit| raw(hit.start)..raw(hit.end));
    found.filter(|hit| hit.end > first.start).collect()
}

#[cfg(test)]
mod tests {
    use super::super::rows::Known;
    use super::*;
    use crate::document::search::Query;

    /// What is found in three rows of ten characters, from row number `top` on.
    fn found(literal: &str, query: Query, top: usize) -> Vec<String> {
        let mut rows = Rows::new(literal.as_bytes(), 10.0, |_| 1.0, Known::default());
        let start = (0..top).fold(rows.first(), |start, _| rows.row(start).next.unwrap());
        let shown = rows.page(start, 3);
        let hits = hits_in(&Searcher::new(&query).unwrap(), &mut rows, &shown);
        hits.into_iter().map(|hit| literal[hit].to_owned()).collect()
    }

    #[test]
    fn what_is_out_of_sight_decides_what_a_hit_is() {
        let rows: Vec<String> = (0..9).map(|number| format!("{number} aa bb cc ")).collect();
        let literal = format!("\"{}\"", rows.concat());
        let word = |text: &str| Query { text: text.to_owned(), is_whole_word: true, ..Query::default() };
        let pattern = |text: &str| Query { text: text.to_owned(), is_pattern: true, ..Query::default() };
        assert_eq!(found(&literal, word("aa"), 3), ["aa"; 3]);
        for (text, top, hits) in [
            ("^.", 0, &["0"][..]),
            ("^.", 3, &[]),
            (r"\z|cc $", 6, &["cc "]),
            (r"cc \z", 3, &[]),
            // It begins above, and ends in the second row.
            ("2 aa bb cc 3 aa bb cc 4", 3, &["2 aa bb cc 3 aa bb cc 4"]),
        ] {
            assert_eq!(found(&literal, pattern(text), top), hits, "{text} {top}");
        }
        // A word does not begin or end where the rows do.
        let literal = format!("\"{}\"", "x".repeat(100));
        assert!(found(&literal, word("xxxxxxxxxx"), 3).is_empty());
        assert_eq!(found(&literal, Query { text: "x".to_owned(), ..Query::default() }, 3).len(), 30);
    }

    #[test]
    fn escapes_are_one_character_each() {
        let literal = r#""a\nb\u0062c""#;
        let query = Query { text: "bbc".to_owned(), ..Query::default() };
        assert_eq!(found(literal, query, 0), [r"b\u0062c"]);
    }
}
