//! Positions in a document, and how edits move them.

use std::fmt;
use std::ops::Deref;

/// The way to a value from the root: child numbers, outermost first. Empty for the root.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Path(Vec<u64>);

impl Path {
    /// The root.
    pub fn root() -> Self {
        Self::default()
    }

    /// Child `k` of this place.
    pub fn child(&self, k: u64) -> Self {
        let mut numbers = self.0.clone();
        numbers.push(k);
        Self(numbers)
    }

    /// The container's path and the number in it; `None` for the root.
    pub fn split_last(&self) -> Option<(Self, u64)> {
        let (&last, parent) = self.0.split_last()?;
        Some((Self(parent.to_vec()), last))
    }

    /// The container of this place; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        self.split_last().map(|(parent, _)| parent)
    }

    /// Whether `other` is this place or inside it.
    pub fn contains(&self, other: &[u64]) -> bool {
        other.starts_with(&self.0)
    }
}

impl Deref for Path {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.0
    }
}

impl From<Vec<u64>> for Path {
    fn from(numbers: Vec<u64>) -> Self {
        Self(numbers)
    }
}

impl From<&[u64]> for Path {
    fn from(numbers: &[u64]) -> Self {
        Self(numbers.to_vec())
    }
}

impl<const N: usize> From<[u64; N]> for Path {
    fn from(numbers: [u64; N]) -> Self {
        Self(numbers.to_vec())
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|number| write!(f, "/{number}"))
    }
}

/// How an edit moved what is in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shift {
    /// `count` children came to stand at `index`.
    Inserted {
        /// Their container.
        parent: Path,
        /// Number of the first.
        index: u64,
        /// How many.
        count: u64,
    },
    /// `count` children from `index` on went; `left` remain in the container.
    Removed {
        /// Their container.
        parent: Path,
        /// Number of the first.
        index: u64,
        /// How many.
        count: u64,
        /// Children that the container has afterwards.
        left: u64,
    },
    /// One value went from one place to another.
    Moved {
        /// Where it was.
        from: Path,
        /// Where it is, as paths are afterwards.
        to: Path,
        /// Children that are left in the container it came from.
        left: u64,
    },
    /// The value at the place was replaced: what was inside has no place any more.
    Replaced(Path),
}

/// Where a position is after an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// What stood there stands here now.
    Kept(Path),
    /// It is gone; this is the nearest place.
    Gone(Path),
}

impl Moved {
    /// The place, whether what stood there is kept or not.
    pub fn into_path(self) -> Path {
        match self {
            Self::Kept(path) | Self::Gone(path) => path,
        }
    }
}

impl Shift {
    /// Where `path` is after this edit. O(length of the path).
    pub fn map(&self, path: &Path) -> Moved {
        match self {
            Self::Inserted { parent, index, count } => {
                Moved::Kept(shifted(path, parent, |k| if k >= *index { k + count } else { k }))
            }
            Self::Removed { parent, index, count, left } => removed(path, parent, *index, *count, *left),
            Self::Moved { from, to, left } => {
                if from.contains(path) {
                    let mut numbers = to.to_vec();
                    numbers.extend_from_slice(&path[from.len()..]);
                    return Moved::Kept(numbers.into());
                }
                let (Some((source, source_index)), Some((target, target_index))) = (from.split_last(), to.split_last()) else {
                    return Moved::Kept(path.clone());
                };
                let between = removed(path, &source, source_index, 1, *left).into_path();
                Moved::Kept(shifted(&between, &target, |k| if k >= target_index { k + 1 } else { k }))
            }
            Self::Replaced(place) if place.contains(path) && path.len() > place.len() => Moved::Gone(place.clone()),
            Self::Replaced(_) => Moved::Kept(path.clone()),
        }
    }

    /// The shift of the edit's undoing. `children` is the number of children that the container had before an insertion.
    pub fn inverse(&self) -> Self {
        match self {
            // How many are left decides only where a position goes that stood in the inserted part; its container serves.
            Self::Inserted { parent, index, count } => {
                Self::Removed { parent: parent.clone(), index: *index, count: *count, left: *index }
            }
            Self::Removed { parent, index, count, .. } => Self::Inserted { parent: parent.clone(), index: *index, count: *count },
            Self::Moved { from, to, .. } => Self::Moved { from: to.clone(), to: from.clone(), left: u64::MAX },
            Self::Replaced(place) => Self::Replaced(place.clone()),
        }
    }
}

/// Where `path` is after `shifts`, one after the other, and whether it was kept by all.
pub fn map_all<'a>(shifts: impl IntoIterator<Item = &'a Shift>, path: &Path) -> Moved {
    let mut kept = true;
    let mut path = path.clone();
    for shift in shifts {
        path = match shift.map(&path) {
            Moved::Kept(path) => path,
            Moved::Gone(path) => {
                kept = false;
                path
            }
        };
    }
    if kept { Moved::Kept(path) } else { Moved::Gone(path) }
}

/// `path` with its number in the container `parent` changed, if it goes through that container.
fn shifted(path: &Path, parent: &Path, change: impl Fn(u64) -> u64) -> Path {
    let mut path = path.clone();
    if parent.contains(&path)
        && let Some(number) = path.0.get_mut(parent.len())
    {
        *number = change(*number);
    }
    path
}

fn removed(path: &Path, parent: &Path, index: u64, count: u64, left: u64) -> Moved {
    let number = match path.get(parent.len()) {
        Some(&number) if parent.contains(path) && number >= index => number,
        _ => return Moved::Kept(path.clone()),
    };
    if number >= index + count {
        return Moved::Kept(shifted(path, parent, |k| k - count));
    }
    // The one that follows takes its place, else the last, else the container.
    Moved::Gone(match left.checked_sub(1) {
        Some(last) => parent.child(index.min(last)),
        None => parent.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shift: &Shift, path: &[u64], expected: Moved) {
        assert_eq!(shift.map(&path.into()), expected);
    }

    fn kept(path: &[u64]) -> Moved {
        Moved::Kept(path.into())
    }

    fn gone(path: &[u64]) -> Moved {
        Moved::Gone(path.into())
    }

    #[test]
    fn positions_move_with_what_they_stand_on() {
        let insert = Shift::Inserted { parent: [1].into(), index: 2, count: 1 };
        check(&insert, &[1, 1, 5], kept(&[1, 1, 5]));
        check(&insert, &[1, 2, 5], kept(&[1, 3, 5]));
        check(&insert, &[1], kept(&[1]));
        check(&insert, &[2, 2], kept(&[2, 2]));
        let remove = Shift::Removed { parent: [1].into(), index: 2, count: 2, left: 3 };
        check(&remove, &[1, 1], kept(&[1, 1]));
        check(&remove, &[1, 2, 7], gone(&[1, 2]));
        check(&remove, &[1, 3], gone(&[1, 2]));
        check(&remove, &[1, 4, 7], kept(&[1, 2, 7]));
        check(&Shift::Removed { parent: [].into(), index: 4, count: 1, left: 4 }, &[4], gone(&[3]));
        check(&Shift::Removed { parent: [9].into(), index: 0, count: 1, left: 0 }, &[9, 0], gone(&[9]));
        let moved = Shift::Moved { from: [0].into(), to: [2, 1].into(), left: 4 };
        check(&moved, &[0, 8], kept(&[2, 1, 8]));
        check(&moved, &[3, 1], kept(&[2, 2]));
        check(&moved, &[3, 0], kept(&[2, 0]));
        check(&moved, &[1], kept(&[0]));
        check(&Shift::Replaced([1].into()), &[1, 4], gone(&[1]));
        check(&Shift::Replaced([1].into()), &[1], kept(&[1]));
    }

    #[test]
    fn an_edit_and_its_undo_move_nothing_that_the_edit_kept() {
        let shifts = [
            Shift::Inserted { parent: [1].into(), index: 2, count: 3 },
            Shift::Removed { parent: [1].into(), index: 2, count: 2, left: 3 },
            Shift::Moved { from: [0].into(), to: [2, 1].into(), left: 4 },
            Shift::Moved { from: [2, 1].into(), to: [0].into(), left: 4 },
            Shift::Moved { from: [1, 4].into(), to: [1, 0].into(), left: 4 },
            Shift::Replaced([1, 1].into()),
        ];
        for shift in &shifts {
            for a in 0..5 {
                for b in 0..6 {
                    for path in [Path::from([a]), [a, b].into(), [a, b, 1].into()] {
                        if let Moved::Kept(after) = shift.map(&path) {
                            assert_eq!(shift.inverse().map(&after), Moved::Kept(path.clone()), "{shift:?} {path:?}");
                        }
                    }
                }
            }
        }
    }
}
