//! What is searched for, and how it becomes a regular expression.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_syntax::hir::{Hir, Look};

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
    /// The words, or the regular expression.
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
        let escaped;
        let pattern = match self.is_pattern {
            true => &self.text,
            false => {
                escaped = regex_syntax::escape(&self.text);
                &escaped
            }
        };
        let mut parser = regex_syntax::ParserBuilder::new();
        let hir = parser.case_insensitive(!self.is_case_sensitive).build().parse(pattern).map_err(|error| sentence(&error))?;
        Ok(match self.is_whole_word {
            true => Hir::concat(vec![Hir::look(Look::WordStartHalfUnicode), hir, Hir::look(Look::WordEndHalfUnicode)]),
            false => hir,
        })
    }

    /// The query with another text.
    #[must_use]
    pub fn with_text(&self, text: &str) -> Self {
        Self { text: text.to_owned(), ..self.clone() }
    }
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
