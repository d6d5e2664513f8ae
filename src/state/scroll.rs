//! Where the tree is scrolled to: a row and a part of it, exact for any number of rows.

/// The first row on screen and how much of it is scrolled away.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct ScrollPosition {
    /// Number of the row.
    pub top_row: u64,
    /// Part of it that is above the edge, from 0 to below 1.
    pub part: f32,
}
