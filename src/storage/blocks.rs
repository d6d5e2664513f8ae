//! A text or a file in blocks that several threads work on side by side, and the digest that comes of it.

use super::content::in_blocks;
use super::direct::{Aligned, Source};
use super::disk::Disk;
use super::version::Digest;
use crate::document::{Alone, Crew, Document, Job};
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What one thread takes at once: a power of two, so that the digest of each is one of BLAKE3's subtrees.
pub const BLOCK: usize = 1 << 20;
/// Bytes between two looks at whether to go on.
pub const ROUND: usize = 32 * BLOCK;

/// Does all pieces of work with a number below `count`, the lowest begun first, and gives what came of them in order. Each thread
/// keeps something of its own from one to the next. There are two threads for each core: where one waits for the disk, another
/// has the core.
///
/// # Errors
/// One of the errors that there were; what had not begun by then is not done.
pub fn side_by_side<Own: Default, T: Send, E: Send>(
    crew: &dyn Crew,
    count: usize,
    work: &(dyn Fn(&mut Own, usize) -> Result<T, E> + Sync),
) -> Result<Vec<T>, E> {
    by_threads(2 * crew.size(), crew, count, work)
}

fn by_threads<Own: Default, T: Send, E: Send>(
    threads: usize,
    crew: &dyn Crew,
    count: usize,
    work: &(dyn Fn(&mut Own, usize) -> Result<T, E> + Sync),
) -> Result<Vec<T>, E> {
    // For two a thread costs more than it gives.
    let crew = if count > 2 { crew } else { &Alone };
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Ok(Vec::with_capacity(count)));
    let thread = || {
        let mut own = Own::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            let outcome = work(&mut own, number);
            let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match (outcome, &mut *done) {
                (Ok(value), Ok(values)) => values.push((number, value)),
                (Err(error), Ok(_)) => {
                    *done = Err(error);
                    next.store(count, Ordering::Relaxed);
                }
                (_, Err(_)) => {}
            }
        }
    };
    let threads = threads.min(count);
    crew.run_at_once(threads, (0..threads).map(|_| Box::new(thread) as Job<'_>).collect());
    let mut values = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)?;
    values.sort_unstable_by_key(|(number, _)| *number);
    Ok(values.into_iter().map(|(_, value)| value).collect())
}

/// The digest of a text of which each block is hashed by itself.
pub struct Tree {
    length: u64,
    blocks: u64,
    /// Subtrees that are whole; of two of one size the second is the last block.
    roots: Vec<ChainingValue>,
}

impl Tree {
    /// For a text of this length.
    pub fn new(length: u64) -> Self {
        Self { length, blocks: 0, roots: Vec::new() }
    }

    /// Hashes the block at `offset`, a multiple of [`BLOCK`]; all but the last are whole.
    pub fn hash(&self, offset: u64, block: &[u8]) -> ChainingValue {
        if self.length <= BLOCK as u64 {
            // It is the root itself, which is hashed in another way.
            return *blake3::hash(block).as_bytes();
        }
        blake3::Hasher::new().set_input_offset(offset).update(block).finalize_non_root()
    }

    /// Takes the next block in order.
    pub fn push(&mut self, block: ChainingValue) {
        // What is merged is not the root, since something follows.
        if self.blocks > 0 {
            for _ in 0..self.blocks.trailing_zeros() {
                self.merge();
            }
        }
        self.roots.push(block);
        self.blocks += 1;
    }

    /// Takes the next blocks, which begin at `offset`.
    fn push_all(&mut self, offset: u64, text: &[u8], crew: &dyn Crew) {
        let blocks: Vec<&[u8]> = text.chunks(BLOCK).collect();
        // Nothing is waited for: a second thread on a core gains nothing.
        let hashed = by_threads(crew.size(), crew, blocks.len(), &|_: &mut (), number| {
            Ok::<_, std::convert::Infallible>(self.hash(offset + (number * BLOCK) as u64, blocks[number]))
        });
        let Ok(hashed) = hashed;
        hashed.into_iter().for_each(|block| self.push(block));
    }

    fn merge(&mut self) {
        if let (Some(right), Some(left)) = (self.roots.pop(), self.roots.pop()) {
            self.roots.push(merge_subtrees_non_root(&left, &right, Mode::Hash));
        }
    }

    /// The digest of the whole.
    pub fn finish(mut self) -> Digest {
        while self.roots.len() > 2 {
            self.merge();
        }
        match self.roots[..] {
            [] => Digest::of(b""),
            [only] => blake3::Hash::from_bytes(only).into(),
            [left, right, ..] => merge_subtrees_root(&left, &right, Mode::Hash).into(),
        }
    }
}

impl Digest {
    /// As [`Digest::of`], by all of the crew.
    pub fn of_text(text: &[u8], crew: &dyn Crew) -> Self {
        let mut tree = Tree::new(text.len() as u64);
        tree.push_all(0, text, crew);
        tree.finish()
    }

    /// The digest of a document's text, by all of the crew.
    pub fn of_document(document: &Document, crew: &dyn Crew) -> Self {
        /// Where it was edited in many places so much is copied at once.
        const AT_ONCE: usize = 4 * BLOCK;
        let mut tree = Tree::new(document.byte_len());
        let mut done = 0;
        let written = in_blocks(document, AT_ONCE, &mut |stretch| {
            tree.push_all(done, stretch, crew);
            done += stretch.len() as u64;
            Ok(())
        });
        // A document is as long as it says.
        debug_assert!(written.is_ok(), "{written:?}");
        tree.finish()
    }
}

/// A file that is read in blocks.
pub struct Reading<'a> {
    /// The disk that it is on.
    pub disk: &'a Disk,
    /// The file, open.
    pub file: &'a File,
    /// Its path.
    pub path: &'a Path,
    /// Its length.
    pub length: u64,
    /// Whether it is read past the cache: what nobody read before is not there.
    pub past_cache: bool,
}

impl Reading<'_> {
    /// Reads the file to its end and gives its digest. Each block is handed to `take` with its offset, by any thread and in any
    /// order; between rounds `go_on` is told how many bytes are done.
    ///
    /// # Errors
    /// What `take`, `go_on` or the system says; [`io::ErrorKind::UnexpectedEof`] where it is not as long as it was said to be.
    pub fn digest<E: From<io::Error> + Send>(
        &self,
        crew: &dyn Crew,
        take: &(dyn Fn(u64, &[u8]) -> Result<(), E> + Sync),
        go_on: &mut dyn FnMut(u64) -> Result<(), E>,
    ) -> Result<Digest, E> {
        let source = match self.past_cache {
            true => Source::uncached(self.disk, self.file, self.path),
            false => Source::cached(self.disk, self.file, self.path),
        };
        let mut tree = Tree::new(self.length);
        let mut done = 0;
        while done < self.length {
            go_on(done)?;
            let round = (ROUND as u64).min(self.length - done);
            let hashed = side_by_side(crew, round.div_ceil(BLOCK as u64) as usize, &|buffer: &mut Aligned, number| {
                let offset = done + (number * BLOCK) as u64;
                let block = source.read(offset, (self.length - offset).min(BLOCK as u64) as usize, buffer)?;
                take(offset, block)?;
                Ok::<_, E>(tree.hash(offset, block))
            })?;
            hashed.into_iter().for_each(|block| tree.push(block));
            done += round;
        }
        match self.disk.read_at(self.file, self.path, self.length, &mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(tree.finish()),
            Err(error) => Err(error.into()),
            // It has grown.
            Ok(()) => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Edit, Value};
    use std::sync::{Arc, Condvar};

    /// Two threads, and no more.
    struct Pair;

    impl Crew for Pair {
        fn size(&self) -> usize {
            2
        }

        fn run_at_once(&self, _: usize, jobs: Vec<Job<'_>>) {
            std::thread::scope(|scope| jobs.into_iter().for_each(|job| drop(scope.spawn(job))));
        }
    }

    fn text(length: usize) -> Vec<u8> {
        (0..length).map(|place| (place * 31 / 7 + place / 1000) as u8).collect()
    }

    #[test]
    fn the_digest_is_that_of_the_whole() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 5 * BLOCK + 77, 8 * BLOCK, 11 * BLOCK + 1025] {
            let text = text(length);
            let mut tree = Tree::new(length as u64);
            for (number, block) in text.chunks(BLOCK).enumerate() {
                tree.push(tree.hash((number * BLOCK) as u64, block));
            }
            assert_eq!(tree.finish(), Digest::of(&text), "{length}");
            assert_eq!(Digest::of_text(&text, &Pair), Digest::of(&text), "{length}");
        }
    }

    #[test]
    fn the_digest_of_a_document_is_that_of_its_text() {
        for length in [0, 10, BLOCK, ROUND, ROUND + 3 * BLOCK] {
            let read = Document::parse(format!("[0, \"{}\", 2, 3]\n", "a".repeat(length))).unwrap();
            let edit = Edit::Replace { path: [2].into(), value: Value::new("\"other\"").unwrap() };
            let edited = edit.apply(&read).unwrap().document;
            for document in [read, edited] {
                assert_eq!(Digest::of_document(&document, &Pair), Digest::of(&document.to_bytes()), "{length}");
            }
        }
    }

    #[test]
    fn a_file_is_read_to_its_end_and_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let text = text(ROUND + 3 * BLOCK + 5);
        std::fs::write(&path, &text).unwrap();
        let disk = Disk::real();
        let file = disk.open(&path).unwrap();
        let read = |length| {
            let copy = Mutex::new(vec![0; text.len()]);
            let reading = Reading { disk: &disk, file: &file, path: &path, length, past_cache: length.is_multiple_of(2) };
            let mut asked = Vec::new();
            let digest: io::Result<Digest> = reading.digest(
                &Pair,
                &|offset, bytes| {
                    copy.lock().unwrap()[offset as usize..][..bytes.len()].copy_from_slice(bytes);
                    Ok(())
                },
                &mut |done| {
                    asked.push(done);
                    Ok(())
                },
            );
            digest.map(|digest| (digest, copy.into_inner().unwrap() == text, asked))
        };
        assert_eq!(read(text.len() as u64).unwrap(), (Digest::of(&text), true, vec![0, ROUND as u64]));
        for wrong in [1, BLOCK as u64, text.len() as u64 - 1, text.len() as u64 + 1] {
            assert_eq!(read(wrong).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    /// What a thread keeps: once it has ended, whoever waits is told if it was the one with the error.
    #[derive(Default)]
    struct Ends {
        with_error: Option<Arc<(Mutex<bool>, Condvar)>>,
    }

    impl Drop for Ends {
        fn drop(&mut self) {
            if let Some(told) = &self.with_error {
                *told.0.lock().unwrap() = true;
                told.1.notify_all();
            }
        }
    }

    #[test]
    fn after_an_error_nothing_more_is_begun() {
        let told = Arc::new((Mutex::new(false), Condvar::new()));
        let begun = AtomicUsize::new(0);
        let outcome = side_by_side(&Pair, 1000, &|thread: &mut Ends, number| {
            begun.fetch_add(1, Ordering::SeqCst);
            if number == 2 {
                thread.with_error = Some(Arc::clone(&told));
                return Err("broken");
            }
            // The others are in the middle of something when the error comes.
            if number > 2 && thread.with_error.is_none() {
                drop(told.1.wait_while(told.0.lock().unwrap(), |told| !*told).unwrap());
            }
            Ok(())
        });
        assert_eq!(outcome, Err("broken"));
        // Three before it and with it, one on each of three other threads.
        assert!(begun.load(Ordering::SeqCst) <= 6, "{begun:?}");
    }
}
