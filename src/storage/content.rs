//! What a save writes.

use super::blocks::BLOCK;
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

/// Hands a content to `take` in stretches that begin at multiples of [`BLOCK`] and are `most` bytes long at most, itself such a
/// multiple. Long untouched parts are handed on as they are, the others gathered.
///
/// # Errors
/// The first error of `take`; or that it was not as many bytes as the content said it was.
pub fn in_blocks(content: &dyn Content, most: usize, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut handed = 0;
    let take = &mut |stretch: &[u8]| {
        handed += stretch.len() as u64;
        take(stretch)
    };
    let mut gathered: Vec<u8> = Vec::with_capacity(usize::try_from(content.size()).unwrap_or(most).min(most));
    content.write(&mut |mut piece| {
        while !piece.is_empty() {
            let is_long = piece.len() >= 2 * BLOCK;
            if is_long && gathered.is_empty() {
                let (now, later) = piece.split_at((piece.len() / BLOCK * BLOCK).min(most));
                take(now)?;
                piece = later;
                continue;
            }
            // A long one goes on at the end of the block.
            let room = if is_long { gathered.len().next_multiple_of(BLOCK) } else { most } - gathered.len();
            let (now, later) = piece.split_at(room.min(piece.len()));
            gathered.extend_from_slice(now);
            piece = later;
            if gathered.len() == most || is_long {
                take(&gathered)?;
                gathered.clear();
            }
        }
        Ok(())
    })?;
    if !gathered.is_empty() {
        take(&gathered)?;
    }
    if handed == content.size() { Ok(()) } else { Err(io::Error::other("the text is not whole")) }
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Pieces(Vec<Vec<u8>>);

    impl Content for Pieces {
        fn size(&self) -> u64 {
            self.0.iter().map(Vec::len).sum::<usize>() as u64
        }

        fn write(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
            self.0.iter().try_for_each(|piece| sink(piece))
        }
    }

    #[test]
    fn stretches_begin_where_blocks_do() {
        const MOST: usize = 4 * BLOCK;
        for lengths in [
            vec![],
            vec![0, 1],
            vec![MOST],
            vec![5, 3 * BLOCK, 7],
            vec![BLOCK, BLOCK, 9 * BLOCK + 1, BLOCK - 1, 2 * BLOCK, 3],
            vec![BLOCK / 3; 40],
            vec![2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 1],
        ] {
            let content = Pieces(lengths.iter().enumerate().map(|(k, &length)| vec![k as u8 + 1; length]).collect());
            let mut out = Vec::new();
            in_blocks(&content, MOST, &mut |stretch| {
                assert!(out.len() % BLOCK == 0 && stretch.len() <= MOST && !stretch.is_empty(), "{lengths:?}");
                out.extend_from_slice(stretch);
                Ok(())
            })
            .unwrap();
            assert!(out == content.0.concat(), "{lengths:?}");
        }
    }
}
