//! Regular expressions: tokens that may have a match are found on the raw bytes, then searched one by one.
//!
//! Candidates come from texts that every match has, else from the same expression kept from crossing a string's end; where
//! neither is possible (`^[0-9]+$`) every token is searched. A string with an escape is always decoded and searched. Where all
//! matches begin with certain bytes and no escape can be in one, [`Begins`] searches instead.
//!
//! *Limitation*: in a string over [`WINDOW`] bytes a match is found whole only where it is at most [`OVERLAP`] bytes long; one that
//! is longer than [`LONGEST`] counts as several, since a search that can't be stopped would be worse.

use super::anchored::Begins;
use super::literals::{Relevant, can_be_raw, required, within_strings};
use super::query::{self, InvalidQuery, Scope};
use super::sieve::{self, Sieve};
use super::tokens::{Stretch, can_be_outside, is_scalar_byte};
use super::{Scratch, tokens::Inside};
use crate::document::scalar::unit;
use crate::document::scan::plain_run;
use memchr::{memchr, memchr2, memrchr};
use regex_automata::meta::{Cache, Regex};
use regex_automata::util::prefilter::Prefilter;
use regex_automata::{Input, MatchKind, Span};
use regex_syntax::hir::{Hir, HirKind};
use std::ops::{ControlFlow, Range};

/// So much of one string is searched before `watch` is asked again.
const WINDOW: usize = 1 << 20;
/// And as much at most, where a match goes on that long.
const LONGEST: usize = 2 << 20;
/// So many places where a match may begin are looked at in the time that a string takes which has one of its texts.
const CHEAPER: f32 = 30.0;
/// Windows overlap by this.
const OVERLAP: usize = 64 << 10;

/// Where matches may be.
pub struct Pattern {
    candidates: Candidates,
    /// A string where no escape stands for one of these has a match only where there is a candidate. `None`: every string with
    /// an escape is searched.
    relevant: Option<Relevant>,
    begins: Option<Begins>,
}

enum Candidates {
    /// At these texts; `is_outside` where they can stand outside strings.
    Texts { finder: Prefilter, is_outside: bool },
    /// Where this matches.
    Bytes(Regex),
    /// Only where an escape is.
    Escapes,
    /// Everywhere.
    Every,
}

/// A token of the text.
enum Token {
    String {
        /// With the quotes.
        range: Range<usize>,
        has_escape: bool,
    },
    Scalar(Range<usize>),
    /// None: the next one is here or behind.
    Gap(usize),
}

impl Pattern {
    /// Chooses how candidates are found.
    ///
    /// # Errors
    /// The expression is too large.
    pub fn new(hir: &Hir) -> Result<Self, InvalidQuery> {
        if let Some(mut texts) = required(hir) {
            let relevant = Some(Relevant::of_texts(&texts));
            texts.retain(|text| can_be_raw(text));
            if texts.is_empty() {
                return Ok(Self { candidates: Candidates::Escapes, relevant, begins: None });
            }
            let is_outside = texts.iter().any(|text| can_be_outside(text));
            if let Some(finder) = Prefilter::new(MatchKind::LeftmostFirst, &texts) {
                let begins = Begins::of(hir).filter(|begins| begins.share() < CHEAPER * share_of_texts(&texts));
                return Ok(Self { candidates: Candidates::Texts { finder, is_outside }, relevant, begins });
            }
        }
        // What looks around would see quotes where a string's end is.
        if !hir.properties().look_set().is_empty() || hir.properties().minimum_len() == Some(0) {
            return Ok(Self { candidates: Candidates::Every, relevant: None, begins: None });
        }
        let raw = within_strings(hir);
        let candidates = match raw.kind() {
            HirKind::Class(class) if class.is_empty() => Candidates::Escapes,
            _ => Candidates::Bytes(query::compile(&raw)?),
        };
        Ok(Self { candidates, relevant: Some(Relevant::of(hir)), begins: Begins::of(hir) })
    }

    /// What a thread needs to find candidates.
    pub fn cache(&self) -> Option<Cache> {
        match &self.candidates {
            Candidates::Bytes(regex) => Some(regex.create_cache()),
            _ => None,
        }
    }

    /// Hands the start of each match of `regex` to `emit`, in order.
    pub fn search(
        &self,
        regex: &Regex,
        stretch: &Stretch<'_>,
        scope: Scope,
        scratch: &mut Scratch,
        emit: &mut dyn FnMut(usize),
        watch: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if let Some(begins) = self.begins.as_ref().filter(|begins| begins.is_for(stretch)) {
            return begins.search(regex, stretch, scope, scratch, emit, watch);
        }
        let Stretch { text, from, to, .. } = *stretch;
        // Between two tokens.
        let mut at = from;
        let mut candidate = None;
        let mut inside = Inside::new(from);
        let mut escapes = Escapes { next: from, passed: None };
        while at < to {
            let place = match candidate {
                Some(place) if place >= at => place,
                _ => self.next_candidate(text, at..to, scratch.raw.as_mut(), watch)?,
            };
            candidate = Some(place);
            let string = escapes.string_before(stretch, at, place, self.relevant.as_ref(), watch)?;
            let token = match string {
                Some(range) => Token::String { range, has_escape: true },
                None if place < to => self.token_at(stretch, escapes.after(text, at), place, &mut inside),
                None => break,
            };
            let is_wanted = |end: usize| scope == Scope::Both || stretch.is_key_before(end) == scope.has_keys();
            at = match token {
                Token::Gap(next) => next,
                Token::Scalar(range) => {
                    if scope.has_values() {
                        let mut emit = |found: usize| emit(range.start + found);
                        each_match(regex, &mut scratch.regex, &text[range.clone()], 0, &mut emit, watch)?;
                    }
                    range.end
                }
                Token::String { range, has_escape: false } => {
                    if is_wanted(range.end) {
                        let mut emit = |found: usize| emit(range.start + 1 + found);
                        let content = &text[range.start + 1..range.end - 1];
                        each_match(regex, &mut scratch.regex, content, 0, &mut emit, watch)?;
                    }
                    range.end
                }
                Token::String { range, has_escape: true } => {
                    if is_wanted(range.end) {
                        decode(text, &range, &mut scratch.text, &mut scratch.map, watch)?;
                        let map = &scratch.map;
                        let mut emit = |found: usize| emit(raw_place(map, found));
                        each_match(regex, &mut scratch.regex, scratch.text.as_bytes(), 0, &mut emit, watch)?;
                    }
                    range.end
                }
            };
        }
        ControlFlow::Continue(())
    }

    /// The first place in `range` where a match may be; the range's end if there is none. A match may also be at an escape.
    fn next_candidate(
        &self,
        text: &[u8],
        range: Range<usize>,
        cache: Option<&mut Cache>,
        watch: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), usize> {
        let mut cache = cache;
        let mut from = range.start;
        let found = match &self.candidates {
            Candidates::Escapes => None,
            Candidates::Every => {
                let mut at = range.start;
                while at < range.end && matches!(text[at], b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' | b'[' | b']' | b'{' | b'}')
                {
                    at += 1;
                }
                Some(at)
            }
            Candidates::Texts { .. } | Candidates::Bytes(_) => loop {
                let end = (from + WINDOW).min(range.end);
                let found = match (&self.candidates, cache.as_deref_mut()) {
                    (Candidates::Texts { finder, .. }, _) => finder.find(text, Span::from(from..end)).map(|span| span.start),
                    (Candidates::Bytes(regex), Some(cache)) => {
                        regex.search_with(cache, &Input::new(text).range(from..end)).map(|found| found.start())
                    }
                    _ => None,
                };
                if found.is_some() || end == range.end {
                    break found;
                }
                watch()?;
                from = boundary_before(text, end - OVERLAP);
            },
        };
        ControlFlow::Continue(found.unwrap_or(range.end))
    }

    /// The token at a candidate; `at` is between two tokens, and no backslash is between both.
    fn token_at(&self, stretch: &Stretch<'_>, at: usize, place: usize, inside: &mut Inside) -> Token {
        let text = stretch.text;
        let open = match &self.candidates {
            Candidates::Every if text[place] == b'"' => Some(place),
            Candidates::Every => None,
            Candidates::Texts { is_outside: false, .. } => memrchr(b'"', &text[at..place]).map(|step| at + step),
            _ if inside.is_inside(text, place) => memrchr(b'"', &text[at..place]).map(|step| at + step),
            _ => None,
        };
        match open {
            Some(open) => match memchr2(b'"', b'\\', &text[open + 1..stretch.to]) {
                Some(step) if text[open + 1 + step] == b'"' => Token::String { range: open..open + step + 2, has_escape: false },
                _ => Token::String { range: open..stretch.string_end(open + 1), has_escape: true },
            },
            None if is_scalar_byte(text[place]) => Token::Scalar(stretch.scalar_around(place)),
            None => Token::Gap(stretch.skip_gap(place).max(place + 1)),
        }
    }
}

/// The escapes of a stretch, one after the other.
struct Escapes {
    /// None is before this one that was not looked at.
    next: usize,
    /// Of the last string that had escapes of no interest: the first of them, and the end of the last.
    passed: Option<(usize, usize)>,
}

impl Escapes {
    /// The first string from `at` on, and begun before `place`, that has to be decoded: for an escape that matters, or since
    /// `place` is in it and it has escapes.
    fn string_before(
        &mut self,
        stretch: &Stretch<'_>,
        at: usize,
        place: usize,
        relevant: Option<&Relevant>,
        watch: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), Option<Range<usize>>> {
        let Stretch { text, to, .. } = *stretch;
        if self.next < at {
            (self.next, self.passed) = (at, None);
        }
        self.passed = self.passed.filter(|(_, end)| *end > at);
        let mut watched = self.next;
        while self.next < place
            && let Some(step) = memchr(b'\\', &text[self.next..place])
        {
            let escape = self.next + step;
            let Some(unit) = unit(text, escape) else { break };
            let first = match self.passed {
                Some((first, end)) if memchr(b'"', &text[end..escape]).is_none() => first,
                _ => escape,
            };
            if relevant.is_none_or(|relevant| relevant.has(unit.character)) {
                let string = stretch.string_with_first_escape(first);
                (self.next, self.passed) = (string.end, None);
                return ControlFlow::Continue(Some(string));
            }
            self.next = escape + unit.length;
            self.passed = Some((first, self.next));
            if escape - watched > WINDOW {
                watched = escape;
                watch()?;
            }
        }
        self.next = self.next.max(place.min(to));
        let Some((first, end)) = self.passed else { return ControlFlow::Continue(None) };
        // A candidate inside an escape is no match, but the string may have one.
        if place < to && (place < end || memchr(b'"', &text[end..place]).is_none()) {
            let string = stretch.string_with_first_escape(first);
            (self.next, self.passed) = (string.end, None);
            return ControlFlow::Continue(Some(string));
        }
        ControlFlow::Continue(None)
    }

    /// A place between two tokens, `at` or behind it, with no escape between it and the next candidate.
    fn after(&self, text: &[u8], at: usize) -> usize {
        match self.passed {
            Some((_, end)) => memchr(b'"', &text[end..]).map_or(at, |step| end + step + 1),
            None => at,
        }
    }
}

/// The share of places where one of some texts is, by a guess.
fn share_of_texts(texts: &[Vec<u8>]) -> f32 {
    let classes = |text: &Vec<u8>| text.iter().filter_map(|byte| sieve::class_of(&[*byte])).collect::<Vec<_>>();
    texts.iter().filter_map(|text| Sieve::new(&classes(text))).map(|sieve| sieve.share()).sum()
}

/// The next start of a character at or before `at`.
fn boundary_before(text: &[u8], mut at: usize) -> usize {
    while at > 0 && text[at] & 0xC0 == 0x80 {
        at -= 1;
    }
    at
}

/// Hands the start of each match in one text, from `begun` on, to `emit`; empty ones are left out.
pub fn each_match(
    regex: &Regex,
    cache: &mut Cache,
    text: &[u8],
    begun: usize,
    emit: &mut dyn FnMut(usize),
    watch: &mut dyn FnMut() -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut from = begun;
    let mut length = WINDOW;
    while from <= text.len() {
        let end = match text.len().saturating_sub(from) > length {
            true => boundary_before(text, from + length),
            false => text.len(),
        };
        match regex.search_with(cache, &Input::new(text).range(from..end)) {
            // It may go on behind the window.
            Some(found) if found.end() == end && end < text.len() && (found.start() > from || length < LONGEST) => {
                if found.start() > from {
                    from = found.start();
                } else {
                    length *= 2;
                }
            }
            Some(found) if found.is_empty() => {
                from = found.end() + 1;
                while from < text.len() && text[from] & 0xC0 == 0x80 {
                    from += 1;
                }
            }
            Some(found) => {
                emit(found.start());
                (from, length) = (found.end(), WINDOW);
            }
            None if end == text.len() => break,
            None => from = boundary_before(text, end - OVERLAP),
        }
        if end < text.len() {
            watch()?;
        }
    }
    ControlFlow::Continue(())
}

/// Decodes the string at `range` and notes where the decoded text leaves step with the raw one: (decoded, raw) places.
fn decode(
    text: &[u8],
    range: &Range<usize>,
    decoded: &mut String,
    map: &mut Vec<(usize, usize)>,
    watch: &mut dyn FnMut() -> ControlFlow<()>,
) -> ControlFlow<()> {
    decoded.clear();
    map.clear();
    let mut at = range.start + 1;
    map.push((0, at));
    let mut watched = at;
    loop {
        let end = plain_run(text, at);
        decoded.push_str(&String::from_utf8_lossy(&text[at..end]));
        if text.get(end) != Some(&b'\\') {
            return ControlFlow::Continue(());
        }
        map.push((decoded.len(), end));
        let Some(unit) = unit(text, end) else { return ControlFlow::Continue(()) };
        decoded.push(unit.character);
        at = end + unit.length;
        map.push((decoded.len(), at));
        if at - watched > WINDOW {
            watched = at;
            watch()?;
        }
    }
}

/// Where a place of the decoded text stands in the raw one.
fn raw_place(map: &[(usize, usize)], decoded: usize) -> usize {
    let place = map.partition_point(|(before, _)| *before <= decoded).saturating_sub(1);
    map.get(place).map_or(0, |(before, raw)| raw + (decoded - before))
}
