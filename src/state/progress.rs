//! How far a job is, and how long the rest may take.

/// The speed in the first moments says nothing.
const LEAST_MS: u64 = 250;

/// A job that may take a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// Two versions are compared, since a person asked for it.
    Compare,
    /// What another program wrote is compared with what is shown.
    Follow,
    /// Three versions are compared, or the result of their merge is.
    Merge,
    /// A version that another program wrote is read.
    Reload,
    /// A kept version is read.
    Version,
    /// Values are counted.
    Count,
    /// Edits that an earlier run left are made again.
    Recover,
    /// A file is read whose value goes in the place of another.
    Value,
    /// A mended text is read.
    Mend,
    /// A path is looked up.
    Resolve,
}

impl Task {
    /// What is being done, at the beginning of a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compare | Self::Follow => "Comparing",
            Self::Merge => "Merging",
            Self::Reload => "Reading the new version",
            Self::Version => "Reading the kept version",
            Self::Count => "Counting",
            Self::Recover => "Recovering the edits",
            Self::Value => "Reading the value",
            Self::Mend => "Reading the mended text",
            Self::Resolve => "Looking the path up",
        }
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes, or values, that are done.
    pub done: u64,
    /// How many there are in all.
    pub total: u64,
    /// When it was first heard of, and what was done by then.
    first: (u64, u64),
}

impl Progress {
    /// As it is heard of first.
    pub fn new(done: u64, total: u64, now_ms: u64) -> Self {
        Self { done, total, first: (now_ms, done) }
    }

    /// Follows on what was heard before, if anything was.
    pub fn after(before: Option<Self>, done: u64, total: u64, now_ms: u64) -> Self {
        before.map_or_else(|| Self::new(done, total, now_ms), |before| before.moved(done, total, now_ms))
    }

    /// Some time later. Where there is less than before it began anew.
    pub fn moved(self, done: u64, total: u64, now_ms: u64) -> Self {
        if done < self.done || total != self.total { Self::new(done, total, now_ms) } else { Self { done, ..self } }
    }

    /// What part is done, from 0 to 1.
    pub fn part(&self) -> f32 {
        if self.total == 0 { 0.0 } else { (self.done as f64 / self.total as f64).min(1.0) as f32 }
    }

    /// Milliseconds that the rest takes if it goes on as it went so far; `None` while that can't be told.
    pub fn left_ms(&self, now_ms: u64) -> Option<u64> {
        let (since, before) = self.first;
        let (took, done) = (now_ms.saturating_sub(since), self.done - before);
        let left = self.total.saturating_sub(self.done);
        (took >= LEAST_MS && done > 0).then(|| (u128::from(took) * u128::from(left) / u128::from(done)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_estimated_by_the_speed_so_far() {
        let progress = Progress::new(100, 1100, 5000);
        assert_eq!((progress.left_ms(5100), progress.left_ms(9000)), (None, None));
        let progress = progress.moved(300, 1100, 6000);
        assert_eq!(progress.left_ms(6000), Some(4000));
        assert_eq!(progress.moved(1100, 1100, 8000).left_ms(8000), Some(0));
        assert_eq!(progress.left_ms(5100), None, "too early");
    }

    #[test]
    fn what_begins_anew_is_estimated_anew() {
        let progress = Progress::new(0, 100, 0).moved(90, 100, 1000).moved(10, 100, 2000);
        assert_eq!((progress.left_ms(2100), progress.part()), (None, 0.1));
        assert_eq!(progress.moved(55, 100, 3000).left_ms(3000), Some(1000));
        assert_eq!(Progress::new(0, 0, 0).part(), 0.0);
    }
}
