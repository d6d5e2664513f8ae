//! The text of one JSON file and what it means. Pure: no files, no threads, no clock.

mod problem;
mod validate;

pub use problem::Problem;
pub use validate::Validator;
