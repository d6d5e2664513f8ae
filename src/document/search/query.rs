//! What is searched for, and how it becomes a regular expression.

use crate::document::scalar;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_syntax::hir::{Hir, Look};
use std::borrow::Cow;

/// Where to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Scope {
    /// Keys and values.
    #[default]
    Both,
    /// Keys only.
    Keys,
    /// Values only.
    Values,
}

impl Scope {
    /// Whether keys are searched.
    pub fn has_keys(self) -> bool {
        self != Self::Values
    }

    /// Whether values are searched.
    pub fn has_values(self) -> bool {
        self != Self::Keys
    }
}

/// What is searched for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Query {
    /// The words, or the regular expression. In words `\n`, `\t` and the like stand also for what is shown so.
    pub text: String,
    /// Where.
    pub scope: Scope,
    /// Whether `A` is not `a`.
    pub is_case_sensitive: bool,
    /// Whether letters and digits before and behind a hit make it none.
    pub is_whole_word: bool,
    /// Whether the text is a regular expression, as the `regex` crate has them.
    pub is_pattern: bool,
}

/// Why a query can't run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuery {
    /// The expression is not one.
    #[error("This is not a regular expression: {what}, at character {character}.")]
    Syntax {
        /// What is wrong.
        what: String,
        /// Where, counted from 1.
        character: usize,
    },
    /// The expression is one, and too large.
    #[error("This regular expression is too large to be searched with.")]
    TooLarge,
}

impl Query {
    /// The query as an expression; whole words with their edges.
    pub(super) fn hir(&self) -> Result<Hir, InvalidQuery> {
        let pattern = match self.is_pattern {
            true => Cow::Borrowed(&self.text),
            false => Cow::Owned(pieces(&self.text).map(Piece::pattern).collect()),
        };
        let mut parser = regex_syntax::ParserBuilder::new();
        let hir = parser.case_insensitive(!self.is_case_sensitive).build().parse(&pattern).map_err(|error| sentence(&error))?;
        Ok(match self.is_whole_word {
            true => Hir::concat(vec![Hir::look(Look::WordStartHalfUnicode), hir, Hir::look(Look::WordEndHalfUnicode)]),
            false => hir,
        })
    }

    /// Whether it is a text that is found as it is written, and in no other way.
    pub(super) fn is_words(&self) -> bool {
        !self.is_pattern && pieces(&self.text).all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// The query with another text.
    #[must_use]
    pub fn with_text(&self, text: &str) -> Self {
        Self { text: text.to_owned(), ..self.clone() }
    }
}

/// A part of a text that is sought.
enum Piece<'t> {
    /// What is found as it is written.
    Text(&'t str),
    /// `\n` or `\u200f`: found as it is written, and as the character that is shown so, since nobody could see or type it.
    Escape(&'t str, char),
}

impl Piece<'_> {
    fn pattern(self) -> String {
        match self {
            Self::Text(text) => regex_syntax::escape(text),
            Self::Escape(written, character) => {
                format!("(?:{}|{})", regex_syntax::escape(written), regex_syntax::escape(&character.to_string()))
            }
        }
    }
}

/// The parts of a text, in order.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (length, escaped) = escape_at(rest).map_or_else(
            || (rest[first.len_utf8()..].find('\\').map_or(rest.len(), |at| at + first.len_utf8()), None),
            |(length, character)| (length, Some(character)),
        );
        let (piece, behind) = rest.split_at(length);
        rest = behind;
        Some(escaped.map_or(Piece::Text(piece), |character| Piece::Escape(piece, character)))
    })
}

/// The escape that a text begins with: its length and what it stands for.
fn escape_at(text: &str) -> Option<(usize, char)> {
    let is_one = matches!(text.as_bytes(), [b'\\', b'b' | b'f' | b'n' | b'r' | b't' | b'u', ..]);
    let unit = is_one.then(|| scalar::unit(text.as_bytes(), 0)).flatten()?;
    // Halves of pairs, and pairs, are shown as they are.
    (!unit.lone && unit.length <= 6).then_some((unit.length, unit.character))
}

fn sentence(error: &regex_syntax::Error) -> InvalidQuery {
    let (what, span) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), Some((error.pattern(), error.span().start.offset))),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), Some((error.pattern(), error.span().start.offset))),
        other => (other.to_string(), None),
    };
    let character = span.and_then(|(pattern, offset)| pattern.get(..offset)).map_or(0, |before| before.chars().count());
    InvalidQuery::Syntax { what, character: character + 1 }
}

/// An expression ready to run.
pub(super) fn compile(hir: &Hir) -> Result<Regex, InvalidQuery> {
    let config = Regex::config().utf8_empty(true).nfa_size_limit(Some(8 << 20)).hybrid_cache_capacity(4 << 20);
    Regex::builder().configure(config).syntax(syntax::Config::new()).build_from_hir(hir).map_err(|_| InvalidQuery::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::super::Searcher;
    use super::*;

    #[test]
    fn what_is_shown_as_an_escape_is_found_as_it_is_shown() {
        let found = |text: &str, json: &str| {
            let query = Query { text: text.to_owned(), is_case_sensitive: true, ..Query::default() };
            let document = crate::document::Document::parse(json.as_bytes()).unwrap();
            let hits = Searcher::new(&query).unwrap().search_all(&document, &mut |_| std::ops::ControlFlow::Continue(()));
            hits.continue_value().unwrap()
        };
        let json = r#"["first\nsecond", "C:\\new", "a\t\u200fb", "first second", "x\u000Asec", "/n"]"#;
        assert_eq!(found(r"first\nsecond", json), [2]);
        assert_eq!(found("first\nsecond", json), [2]);
        assert_eq!(found(r"\nsec", json), [7, 61]);
        assert_eq!(found(r"C:\new", json), [19]);
        assert_eq!(found(r"a\t\u200fb", json), [30]);
        assert_eq!(found(r"\n", json), [7, 21, 61]);
        // Others are what they are.
        for text in [r"\x", r"\u20", r"\ud800", r"\ud83d\ude00", "\\\n", r"\", r"\é"] {
            assert!(
                escape_at(text).is_none() && Searcher::new(&Query { text: text.to_owned(), ..Query::default() }).is_ok(),
                "{text}"
            );
        }
        assert_eq!(found(r"\", json), [21]);
        assert!(found(r"t\x", json).is_empty());
    }

    #[test]
    fn what_is_wrong_is_a_sentence() {
        let query = |text: &str| Query { text: text.to_owned(), is_pattern: true, ..Query::default() };
        for (text, sentence) in [
            ("a(b", "This is not a regular expression: unclosed group, at character 2."),
            ("אב[", "This is not a regular expression: unclosed character class, at character 3."),
            ("*", "This is not a regular expression: repetition operator missing expression, at character 1."),
            (r"(?:\w{500}){500}", "This regular expression is too large to be searched with."),
        ] {
            assert_eq!(Searcher::new(&query(text)).unwrap_err().to_string(), sentence);
        }
        assert!(Searcher::new(&Query { text: "a(b".to_owned(), ..Query::default() }).is_ok());
    }
}
