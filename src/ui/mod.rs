//! The window: draws what the state holds, and reports what the user did. It decides nothing.
//!
//! * [`theme`]: colours, fonts and buttons; no other file names a colour.
//! * [`text`]: text cut, escaped and put in visual order before it is drawn.
//! * [`format`]: numbers and sizes for people.
//! * [`tree`]: the rows, their scroll position and the scroll bar.

pub mod format;
pub mod text;
pub mod theme;
pub mod tree;
