//! What the fuzz targets check, and a reader of raw input for them.
//!
//! The document core is compiled in by its path: it needs neither the window nor the disk, and builds in seconds.
//!
//! `cargo fuzz run scanner -- -dict=fuzz/json.dict` (or `edits`, `search`); `cargo run --bin seeds` in this folder writes texts to
//! begin with to `corpus/`.

#[path = "../../src/document/mod.rs"]
pub mod document;

pub mod edits;
#[cfg(fuzzing)]
pub mod scanner;
pub mod search;

/// Draws from the bytes of an input; zeros when they are used up.
pub struct Draw<'a>(pub &'a [u8]);

impl<'a> Draw<'a> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % limit
    }

    /// The next `length` bytes, or what is left.
    pub fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (first, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        first
    }
}
