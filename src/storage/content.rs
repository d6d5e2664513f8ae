//! What a save writes.

use super::version::Digest;
use crate::document::Document;
use std::io;

/// What is written.
pub trait Content {
    /// Length in bytes.
    fn size(&self) -> u64;
    /// Hands all bytes to `sink`, in order.
    ///
    /// # Errors
    /// The first error of `sink`.
    fn write(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>;
    /// Told when all is written and durable, right before it takes the file's place: a journal notes it, so that it is known
    /// after a crash whether that happened.
    fn will_be_saved(&self, digest: &Digest) {
        let _ = digest;
    }
}

impl Content for Document {
    fn size(&self) -> u64 {
        self.byte_len()
    }

    fn write(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        Self::write(self, sink)
    }
}

/// A document whose save is announced right before it is made.
pub struct Announced<'a> {
    /// What is written.
    pub document: &'a Document,
    /// Notes the digest of the text that is about to be in the file.
    pub announce: &'a dyn Fn(&Digest),
}

impl Content for Announced<'_> {
    fn size(&self) -> u64 {
        self.document.byte_len()
    }

    fn write(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        self.document.write(sink)
    }

    fn will_be_saved(&self, digest: &Digest) {
        (self.announce)(digest);
    }
}
