//! Search in keys and values, on the bytes of a document as it would be written.
//!
//! [`query`](Query) is what is asked for, a [`Searcher`] what it is compiled to. The text is cut into [`blocks`](Blocks) at the
//! edges of tokens, so that several threads can take them; `plain` finds words and what is like them, by a `run` of their characters,
//! and keeps those that are `wanted`; `pattern` and `anchored` find all other regular expressions, both with a `sieve`. They run over
//! the raw bytes and decode only where a backslash may hide something. A hit is the place of its first byte; [`Hits`] holds
//! them.
//!
//! What is found is what a search in every decoded key, every decoded string and the text of every number, `true`, `false` and
//! `null` would find, from left to right, without overlaps: never a quote, never structure, never across the end of a string.
//! Empty matches are no hits. Lone surrogates are searched as U+FFFD, as which they are shown.

mod anchored;
mod blocks;
mod hits;
mod literals;
mod pattern;
mod plain;
mod query;
mod run;
mod sieve;
mod tokens;
mod wanted;

pub use blocks::{Block, Blocks};
pub use hits::{Chunk, Hits};
pub use query::{InvalidQuery, Query, Scope};

use pattern::Pattern;
use plain::Plain;
use regex_automata::Input;
use regex_automata::meta::Regex;
use std::fmt;
use std::ops::{ControlFlow, Range};
use tokens::Stretch;

/// A query ready to run. Compiling takes up to some milliseconds; running shares it between threads.
pub struct Searcher {
    query: Query,
    /// Finds in one decoded text.
    text: Regex,
    engine: Engine,
}

enum Engine {
    Plain(Box<Plain>),
    Pattern(Box<Pattern>),
}

/// What one thread needs besides, kept from block to block.
pub struct Scratch {
    regex: regex_automata::meta::Cache,
    raw: Option<regex_automata::meta::Cache>,
    text: String,
    map: Vec<(usize, usize)>,
}

impl fmt::Debug for Searcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Searcher({:?})", self.query)
    }
}

impl Searcher {
    /// Compiles a query.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn new(query: &Query) -> Result<Self, InvalidQuery> {
        let hir = query.hir()?;
        let text = query::compile(&hir)?;
        let engine = match query.is_words() {
            true => Engine::Plain(Box::new(Plain::new(query)?)),
            false => match Plain::of_pattern(query)? {
                Some(plain) => Engine::Plain(Box::new(plain)),
                None => Engine::Pattern(Box::new(Pattern::new(&hir)?)),
            },
        };
        Ok(Self { query: query.clone(), text, engine })
    }

    /// What was asked for.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// What a thread needs to run this.
    pub fn scratch(&self) -> Scratch {
        let raw = match &self.engine {
            Engine::Plain(plain) => plain.cache(),
            Engine::Pattern(pattern) => pattern.cache(),
        };
        Scratch { regex: self.text.create_cache(), raw, text: String::new(), map: Vec::new() }
    }

    /// The hits in a part of one decoded text, as ranges of its bytes. What is around the part decides where words and lines end.
    pub fn ranges(&self, text: &str, part: Range<usize>) -> Vec<Range<usize>> {
        let found = self.text.find_iter(Input::new(text).range(part));
        found.map(|found| found.range()).filter(|range| !range.is_empty()).collect()
    }

    /// Finds the hits of one block: their offsets in the document's text go to `hits`, in order. `watch` is asked every few
    /// megabytes, at least once a block.
    ///
    /// # Errors
    /// Broken off by `watch`.
    pub fn search(
        &self,
        block: &Block,
        scratch: &mut Scratch,
        hits: &mut Vec<u64>,
        watch: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for part in block.parts() {
            watch()?;
            let from = part.from();
            let stretch = Stretch::of(part);
            let mut emit = |at: usize| hits.push(part.offset + (at - from) as u64);
            match &self.engine {
                Engine::Plain(plain) => plain.search(&stretch, self.query.scope, scratch, &mut emit, watch)?,
                Engine::Pattern(pattern) => {
                    pattern.search(&self.text, &stretch, self.query.scope, scratch, &mut emit, watch)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// All hits of a document, on one thread.
    ///
    /// # Errors
    /// Broken off by `watch`, which gets the bytes done.
    pub fn search_all(
        &self,
        document: &super::Document,
        watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> ControlFlow<(), Vec<u64>> {
        let mut hits = Vec::new();
        let mut scratch = self.scratch();
        let mut done = 0;
        for block in Blocks::of(document) {
            self.search(&block, &mut scratch, &mut hits, &mut || watch(done))?;
            done += block.len();
        }
        ControlFlow::Continue(hits)
    }
}
