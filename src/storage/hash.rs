//! The digest of a large text, by several threads: BLAKE3 is a tree, and its branches need not know of each other.

use super::version::Digest;
use crate::document::{Crew, Job};
use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};

/// Branches are at most this long, so that the work can be shared out evenly; shorter texts are not worth a thread.
const BRANCH: usize = 1 << 24;

impl Digest {
    /// As [`Digest::of`], by all of the crew.
    pub fn of_text(text: &[u8], crew: &dyn Crew) -> Self {
        if text.len() <= BRANCH || crew.size() == 1 {
            return Self::of(text);
        }
        let mut branches = Vec::new();
        split(text, 0, &mut branches);
        let share = branches.len().div_ceil(crew.size());
        let mut values = vec![[0; 32]; branches.len()];
        let jobs = values.chunks_mut(share).zip(branches.chunks(share)).map(|(values, branches)| -> Job<'_> {
            Box::new(move || {
                for (value, (offset, bytes)) in values.iter_mut().zip(branches) {
                    *value = Hasher::new().set_input_offset(*offset).update(bytes).finalize_non_root();
                }
            })
        });
        crew.run(jobs.collect());
        let mut values = values.into_iter();
        let (left, right) = halves(text);
        match (merged(left, &mut values), merged(right, &mut values)) {
            (Some(left), Some(right)) => merge_subtrees_root(&left, &right, Mode::Hash).into(),
            // Can't be: there is a value for each branch. The other way is as good.
            _ => Self::of(text),
        }
    }
}

fn halves(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(left_subtree_len(text.len() as u64) as usize)
}

/// The branches of a text in order, with where they start.
fn split<'a>(text: &'a [u8], offset: u64, branches: &mut Vec<(u64, &'a [u8])>) {
    if text.len() <= BRANCH {
        return branches.push((offset, text));
    }
    let (left, right) = halves(text);
    split(left, offset, branches);
    split(right, offset + left.len() as u64, branches);
}

/// The value of the branch `text`, from the next ones of those it was split into.
fn merged(text: &[u8], values: &mut impl Iterator<Item = ChainingValue>) -> Option<ChainingValue> {
    if text.len() <= BRANCH {
        return values.next();
    }
    let (left, right) = halves(text);
    let (left, right) = (merged(left, values)?, merged(right, values)?);
    Some(merge_subtrees_non_root(&left, &right, Mode::Hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One job after the other, as if by so many threads.
    struct Turns(usize);

    impl Crew for Turns {
        fn size(&self) -> usize {
            self.0
        }

        fn run(&self, jobs: Vec<Job<'_>>) {
            assert!(jobs.len() <= self.0);
            jobs.into_iter().for_each(|job| job());
        }
    }

    #[test]
    fn many_hands_come_to_the_same_digest() {
        let text: Vec<u8> = (0..3 * BRANCH + 12_345).map(|n| (n * 31 % 251) as u8).collect();
        for length in [0, 1, BRANCH, BRANCH + 1, 2 * BRANCH, 2 * BRANCH + 1024, text.len()] {
            for hands in [1, 2, 3, 8] {
                assert_eq!(Digest::of_text(&text[..length], &Turns(hands)), Digest::of(&text[..length]), "{length} {hands}");
            }
        }
    }
}
