//! Treekeep: a JSON viewer and editor that never loses a byte.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))] // in a test a panic is the report

pub mod app;
pub mod cli;
pub mod document;
pub mod jobs;
pub mod state;
pub mod storage;
pub mod ui;
