//! Treekeep: a desktop JSON viewer and editor. It opens a file of any size as a tree, lets a person edit it there, and saves it
//! without losing a byte: not of the person's edits, not of the file, not of what another program wrote.
//!
//! # The program in one loop
//!
//! `ui` draws the state and sends what the person did → [`state::update`] changes the state and gives effects → `jobs` does them
//! on threads and sends events → `update` → `ui` draws. Everything that is decided (save, conflict, reload, close) is decided in
//! `update`, which is pure: tests call it with a list of inputs. The command line uses the same document core and storage without
//! a window.
//!
//! # Map, in reading order
//!
//! | module | what is in it |
//! |---|---|
//! | [`document`] | the text of one JSON file and what it means: `sweep` validates and records large values in the `index` of `entries` and `points`: the `bitmap` of each 64 bytes (`portable` on other processors) gives `tokens`, among which `brackets` are matched; it works in `parts` side by side, which `join` puts together; `scan` does the same byte by byte, and says what is wrong; text and index together are a `fragment`, whose `children` are found by number, value and byte, past small ones that `measure` measures; `head` is the beginning of one that is not there yet; a `node` is a value in a fragment or an edited container made of `pieces`; `stats` counts them; `edit` makes one document out of another, `path` says how positions move; `successor` finds what a text has in common with the one it came out of, and `remake` makes a document of it that stands on that one; `style` lays out new text, `history` keeps revisions; `same` says what counts as the same, also where the `spacing` is another, `runs` finds what two containers have in common, `align` says which of their children belong together, `diff` compares, `merge` chooses among what `three_way` finds, `patch` applies patches, `record` writes edits down; `search` finds words and expressions and `locate` the place of a byte; `pointer` and `scalar` translate, `validate` checks what is written, `seq` is the persistent sequence beneath, `reclaim` gives large memory back elsewhere; `fuzzing` lets `fuzz/` in |
//! | [`storage`] | the disk: `disk` is the seam, `version` tells versions apart, `lock` excludes other writers, `open` reads, `head` looks at the beginning before, and `reload` reads what was read before; `target` finds and locks what a path leads to, `save` is the protocol for some `content` with `verify`, `temporary`, `metadata` and `backup`, `in_place` is for files that can't be replaced, `blocks` of a large file are worked on side by side, `direct` reads and writes them past the cache, `update` reads, edits and saves, `write_out` writes a result; `journal` keeps edits that are not saved, `unsaved` reads them as a history, `recovery` brings them back; `watch` gives hints, `settings`, `error`; `lock_holder` tells who holds a lock, `memory` whether a file fits |
//! | [`document::search`] | `query` is what is asked for; `blocks` cuts the text, `tokens` tells keys, values and structure apart, `plain` finds words by a `run` of their characters and `wanted` says which of them count, `pattern` expressions with the help of `literals`, `anchored` those whose matches begin with certain bytes; the `sieve` tries sixty-four places together; `hits` holds what was found |
//! | [`jobs`] | threads: `open`, `save`, `search`, `compare`, `journal` (with `mends` of texts that are not JSON), `crew`, `watch` (with `texts` that were read before), `dialog`, `freeing` of large memory, `running` for how far a job is, and `kept` for what was kept; effects in, events out |
//! | [`state`] | all that the program remembers; `event` is what comes in, `command` the table of commands, `session` one open document, `on_disk` what is known of its file and the status, `broken` a text that is not JSON, `rows` which row is what, `scroll` the arithmetic of scrolling, `find` the find bar, `progress` how far a job is, `effect` what is to be done outside, `update` the decisions, in `files`, `mend`, `save`, `disk`, `edits`, `clipboard`, `navigate`; `journal` what the journal is told, `recovery` what comes back from it, `merging` a merge in the window, `versions` what was kept, `saving` counts, alerts and saving by itself |
//! | [`ui`] | egui: `tree` (rows, field, scroll bar, search `marks`), `keys`, `menu`, `banner`, `path_bar`, `status_bar`, `start_page`, `broken`, `differences`, `find_bar`, `merge`, `side_panels`, `reader` (the text of a value, in `rows`), `dialogs`; `value_line` writes a value in a line; `field` sets carets right; `theme` has the colours, `text` the order of right-to-left text |
//! | [`app`] | eframe: takes events, calls `update`, hands effects on, calls `ui` |
//! | [`cli`] | arguments and printed lines; `change`, `edit`, `compare`, `recover` |
//!
//! # Invariants
//!
//! `tests/architecture.rs` reads the sources and holds them.
//!
//! - Layers know what is below them only: `app → {ui, jobs, state}`, `ui → state`, `cli → jobs`, `{state, jobs} → storage → document`.
//!   What may be used of a lower layer's own lower layers may be used, too; `state` takes plain data of `storage` only, `ui` nothing.
//! - Files are touched in `storage` only; threads start in `jobs` only; egui is known in `app` and `ui` only; colours are named in
//!   `ui/theme.rs` only.
//! - A frame does no disk access, no parsing of a large text, no search.
//! - A document is an immutable value: an edit makes a new one and shares the rest. No code recurses over the text; over edited
//!   containers it may, since they nest at most [`document::MAX_EDITED_DEPTH`] deep.
//! - What was not edited is written back byte for byte.
//! - The saved revision moves only after the last step of a save; the status is computed from revisions and versions, never set.
//! - No `unwrap` or `expect` outside tests; `unsafe` in `document/bitmap.rs` alone, for what a benchmark there shows.
//!
//! # Glossary
//!
//! - *value, member, element, pointer*: as RFC 8259 and RFC 6901 have them. A *container* is an object or array, a *child* a member
//!   or element, counted from 0.
//! - *fragment*: an immutable text that is valid JSON, with its index. *Raw* nodes are slices of one.
//! - *path*: child numbers from the root. *Shift*: how an edit moves paths.
//! - *revision*: one state of a document in its history. *Step*: what leads to it. *Era*: the revisions since a text came from the
//!   disk; they stand on one *base*.
//! - *version*: the content of a file at some time, told by its *digest*; *stamp*: its metadata. *Mine* and *theirs*: what is shown
//!   here, and what another program wrote.
//! - *hit*: the place of a search's match, an offset in the text of the revision that was searched. *Block*: a part of the text that
//!   is searched at once.
//! - *fold*: which containers are open. *Row*: one line of the tree; row 0 is the root.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))] // in a test a panic is the report

pub mod app;
pub mod cli;
pub mod document;
pub mod jobs;
pub mod state;
pub mod storage;
pub mod ui;
