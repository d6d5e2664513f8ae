//! All that the program remembers and decides; pure.
pub mod rows;
