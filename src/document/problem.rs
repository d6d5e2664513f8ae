//! Why a text is not JSON, and where.

use std::fmt;

/// The first place at which a text stops being JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Byte offset of the first character that no JSON text can have there; the text's length where more was expected.
    pub offset: u64,
    /// Line of that place, from 1; lines end at LF.
    pub line: u64,
    /// Column of that place in code points, from 1.
    pub column: u64,
    /// What is wrong and what was expected, as a sentence without its full stop.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Problem {}
