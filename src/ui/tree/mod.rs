//! The tree of values, drawn by hand so that its length does not matter.
//!
//! * [`scroll`]: which rows are visible; arithmetic only.
//! * [`row`]: one row.
//! * [`scroll_bar`]: the bar at the right edge.

pub mod row;
pub mod scroll;
pub mod scroll_bar;
