//! Words: found on the raw bytes, and through escapes.
//!
//! A hit without an escape in it is found by a search in memory. Every other hit has a first escaped character: so each escape
//! that stands for a character of the sought text is looked at from there, backwards over the raw characters before it and
//! forwards over whatever is behind it. No string is decoded, and each hit is found exactly once.
//!
//! In most texts escapes stand for other characters than ASCII alone. Then the ASCII of a word is there as it is, and one search for
//! a part of it finds the hits with escapes and those without: `café` by `caf` (on 1 GB with a hit in every 400 bytes in
//! 0.6 of the time of two searches).

use super::Scratch;
use super::query::{self, InvalidQuery, Query, Scope};
use super::run::{Anchor, Raw, Run, escape_bits, has_short_escape, must_be_escaped};
use super::sieve;
use super::tokens::{Stretch, character_at, character_before, is_inside_escape, raw_character_at};
use super::wanted::{Places, Wanted, places_of};
use crate::document::scalar::{begins_escape, raw_character_before, unit, unit_before};
use memchr::{memchr, memmem};
use regex_automata::Input;
use regex_automata::meta::{Cache, Regex};
use regex_syntax::hir::{self, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Literal, Look};
use std::ops::{ControlFlow, Range};

/// So much is searched before `watch` is asked again.
const WINDOW: usize = 4 << 20;

/// A text to find.
pub struct Plain {
    /// For each of its characters those that count as the same.
    classes: Vec<Box<[char]>>,
    /// One bit for the low six bits of each of those characters.
    bits: u64,
    /// `None` where it has a character that stands in no string as it is.
    finder: Option<Finder>,
    /// The longest that a hit without escapes can be, in bytes.
    longest: usize,
    /// Characters that can stand raw before the first escaped one.
    raw_limit: usize,
    is_whole_word: bool,
    /// Whether a string has to begin or end with it.
    edges: Edges,
    /// Where it can stand.
    places: Places,
    /// Whether one of its characters has an escape of two bytes.
    has_short_escape: bool,
    /// The bits of the `\u` escapes of its characters.
    escape_bits: u64,
    /// How the `\u` escapes of all its characters begin.
    escapes: memmem::Finder<'static>,
    anchor: Option<Anchor>,
}

enum Finder {
    Run(Run),
    /// For a word that has no part of a fixed length, as `s` in either case.
    Regex(Regex),
}

/// Where the search in one stretch stands.
struct Walk<'s, 'w> {
    stretch: &'s Stretch<'s>,
    cache: Option<&'s mut Cache>,
    sifted: sieve::Found,
    watch: &'w mut dyn FnMut() -> ControlFlow<()>,
    /// The next escape to look at is here or behind.
    escape_at: usize,
    watched_at: usize,
}

impl Walk<'_, '_> {
    /// Asks whether to go on, where much was passed since that was asked.
    fn passed(&mut self, at: usize) -> ControlFlow<()> {
        if at.saturating_sub(self.watched_at) > WINDOW {
            self.watched_at = at;
            (self.watch)()?;
        }
        ControlFlow::Continue(())
    }
}

impl Plain {
    /// Prepares words.
    ///
    /// # Errors
    /// They are too many.
    pub fn new(query: &Query) -> Result<Self, InvalidQuery> {
        let same = |character: char| -> Box<[char]> {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(character, character)]);
            if !query.is_case_sensitive {
                class.case_fold_simple();
            }
            class.iter().flat_map(|range| range.start()..=range.end()).collect()
        };
        let classes: Vec<Box<[char]>> = query.text.chars().map(same).collect();
        let hir = Query { is_whole_word: false, ..query.clone() }.hir()?;
        let places = places_of(&classes).unwrap_or(Places { is_outside: true, is_scalar: false });
        Self::of(classes, &hir, query.is_whole_word, Edges::default(), places)
    }

    /// Prepares an expression that is words in fact: each place of a match has one of a few characters, as in `(?i)merge` and
    /// `gr[ae]y`, also `^gr[ae]y$`. `None` for any other.
    ///
    /// # Errors
    /// It is too large.
    pub fn of_pattern(query: &Query) -> Result<Option<Self>, InvalidQuery> {
        let hir = Query { is_whole_word: false, ..query.clone() }.hir()?;
        let (edges, hir) = Edges::of(hir);
        let Some(classes) = fixed(&hir).filter(|classes| !classes.is_empty()) else { return Ok(None) };
        if classes.iter().any(|class| class.len() > 1 && class.iter().copied().any(must_be_escaped)) {
            return Ok(None);
        }
        // The edges of numbers and literals are not looked at here.
        let places = places_of(&classes).filter(|places| edges == Edges::default() || !places.is_outside);
        places.map(|places| Self::of(classes, &hir, query.is_whole_word, edges, places)).transpose()
    }

    fn of(classes: Vec<Box<[char]>>, hir: &Hir, is_whole_word: bool, edges: Edges, places: Places) -> Result<Self, InvalidQuery> {
        let all = || classes.iter().flatten().copied();
        let finder = match all().any(must_be_escaped) {
            true => None,
            false => {
                Some(Run::best(&classes).map_or_else(|| query::compile(hir).map(Finder::Regex), |run| Ok(Finder::Run(run)))?)
            }
        };
        Ok(Self {
            escapes: memmem::Finder::new(&escapes_begin(all())).into_owned(),
            escape_bits: all().fold(0, |bits, character| bits | escape_bits(character)),
            bits: all().fold(0, |bits, character| bits | bit(character)),
            longest: classes.iter().map(|class| class.iter().map(|character| character.len_utf8()).max().unwrap_or(0)).sum(),
            raw_limit: classes
                .iter()
                .position(|class| class.iter().copied().any(must_be_escaped))
                .unwrap_or(classes.len().saturating_sub(1)),
            is_whole_word,
            edges,
            places,
            has_short_escape: all().any(has_short_escape),
            anchor: Anchor::of(&classes),
            finder,
            classes,
        })
    }

    /// What a thread needs for the finder.
    pub fn cache(&self) -> Option<Cache> {
        match &self.finder {
            Some(Finder::Regex(regex)) => Some(regex.create_cache()),
            _ => None,
        }
    }

    /// Hands the start of each hit to `emit`, in order.
    pub fn search(
        &self,
        stretch: &Stretch<'_>,
        scope: Scope,
        scratch: &mut Scratch,
        emit: &mut dyn FnMut(usize),
        watch: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if self.classes.is_empty() {
            return ControlFlow::Continue(());
        }
        let is_escaped = |bits: u64| stretch.unicode_escapes & bits != 0;
        let anchor = self.anchor.as_ref().filter(|anchor| is_escaped(self.escape_bits) && !is_escaped(anchor.escape_bits));
        let mut wanted = Wanted::new(self.places, stretch, scope);
        match (anchor, &self.finder) {
            (Some(anchor), _) => self.search_by_run(&anchor.run, Some(anchor), stretch, &mut wanted, emit, watch),
            (None, Some(Finder::Run(run))) if !self.may_be_escaped(stretch) => {
                self.search_by_run(run, None, stretch, &mut wanted, emit, watch)
            }
            _ => self.search_by_turns(stretch, scratch.raw.as_mut(), &mut wanted, emit, watch),
        }
    }

    /// Whether a hit may have an escape in it.
    fn may_be_escaped(&self, stretch: &Stretch<'_>) -> bool {
        stretch.unicode_escapes & self.escape_bits != 0 || self.has_short_escape
    }

    /// All hits, where a part of the word leads to each of them.
    fn search_by_run(
        &self,
        run: &Run,
        anchor: Option<&Anchor>,
        stretch: &Stretch<'_>,
        wanted: &mut Wanted<'_>,
        emit: &mut dyn FnMut(usize),
        watch: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Stretch { text, to, .. } = *stretch;
        let mut sifted = sieve::Found::default();
        let (mut at, mut behind_last) = (stretch.from, stretch.from);
        loop {
            let end = to.min(at + WINDOW);
            while let Some(place) = run.sieve.find(text, at..end, &mut sifted) {
                at = place + 1;
                if let Some(hit) = self.hit_around(run, anchor, text, place)
                    && hit.start >= behind_last
                    && hit.end <= to
                {
                    if wanted.has(&hit) {
                        emit(hit.start);
                    }
                    behind_last = hit.end;
                    at = hit.end;
                }
            }
            if end == to {
                return ControlFlow::Continue(());
            }
            at = at.max(end);
            watch()?;
        }
    }

    /// All hits: those without escapes and those with escapes are sought side by side.
    fn search_by_turns(
        &self,
        stretch: &Stretch<'_>,
        cache: Option<&mut Cache>,
        wanted: &mut Wanted<'_>,
        emit: &mut dyn FnMut(usize),
        watch: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut from = stretch.from;
        let sifted = sieve::Found::default();
        let mut walk = Walk { stretch, cache, sifted, watch, escape_at: from, watched_at: from };
        let mut raw = self.next_raw(&mut walk, from)?;
        let mut escaped = self.next_escaped(&mut walk, from)?;
        loop {
            let hit = match (&raw, &escaped) {
                (Some(a), Some(b)) if b.start < a.start => b.clone(),
                (Some(a), _) => a.clone(),
                (None, Some(b)) => b.clone(),
                (None, None) => return ControlFlow::Continue(()),
            };
            from = hit.end;
            if wanted.has(&hit) {
                emit(hit.start);
            }
            walk.passed(from)?;
            if raw.as_ref().is_some_and(|raw| raw.start < from) {
                raw = self.next_raw(&mut walk, from)?;
            }
            if escaped.as_ref().is_some_and(|escaped| escaped.start < from) {
                escaped = self.next_escaped(&mut walk, from)?;
            }
        }
    }

    /// The hit whose run is at `at`; with escapes in it, where it is sought by an anchor.
    #[inline]
    fn hit_around(&self, run: &Run, anchor: Option<&Anchor>, text: &[u8], at: usize) -> Option<Range<usize>> {
        let spelled = |raw: Option<&Raw>| raw.and_then(|raw| raw.around(text, at));
        let hit = match (spelled(run.raw.as_ref()), anchor) {
            (Some(hit), _) => hit,
            (None, Some(anchor)) => match spelled(anchor.escaped.as_ref()) {
                Some(hit) => hit,
                None => self.spelled_around(run, true, text, at)?,
            },
            (None, None) if run.raw.as_ref().is_some_and(|raw| raw.is_only_spelling) => return None,
            (None, None) => self.spelled_around(run, false, text, at)?,
        };
        let is_inside = is_inside_escape(text, hit.start) || (hit.start != at && anchor.is_some() && is_inside_escape(text, at));
        Some(hit).filter(|hit| !is_inside && self.is_whole(text, hit))
    }

    /// The same, character by character.
    #[inline(never)]
    fn spelled_around(&self, run: &Run, is_anchor: bool, text: &[u8], at: usize) -> Option<Range<usize>> {
        let with_length = |character: char| (character, character.len_utf8());
        let (mut start, mut end) = (at, at);
        for class in &self.classes[run.place..] {
            let behind = match raw_character_at(text, end) {
                None if is_anchor => unit(text, end).map(|unit| (unit.character, unit.length)),
                raw => raw.map(with_length),
            };
            end += behind.filter(|(character, _)| class.contains(character))?.1;
        }
        for class in self.classes[..run.place].iter().rev() {
            let before = match is_anchor {
                true => unit_before(text, start),
                false => raw_character_before(text, start).map(with_length),
            };
            start -= before.filter(|(character, _)| class.contains(character))?.1;
        }
        Some(start..end)
    }

    /// The first hit without escapes at or behind `from`.
    fn next_raw(&self, walk: &mut Walk<'_, '_>, from: usize) -> ControlFlow<(), Option<Range<usize>>> {
        let text = walk.stretch.text;
        let mut at = from;
        while at < walk.stretch.to {
            let end = (at + WINDOW + self.longest).min(walk.stretch.to);
            // Where something was found, and the hit there if it is one.
            let found = match (&self.finder, walk.cache.as_deref_mut()) {
                (Some(Finder::Run(run)), _) => run.sieve.find(text, at..end, &mut walk.sifted).map(|place| {
                    let hit = self.hit_around(run, None, text, place);
                    (place, hit.filter(|hit| hit.start >= from && hit.end <= walk.stretch.to))
                }),
                (Some(Finder::Regex(regex)), Some(cache)) => {
                    regex.search_with(cache, &Input::new(text).range(at..end)).map(|found| {
                        let hit = found.range();
                        let is_hit = !is_inside_escape(text, hit.start) && self.is_whole(text, &hit);
                        (hit.start, Some(hit).filter(|_| is_hit))
                    })
                }
                _ => return ControlFlow::Continue(None),
            };
            match found {
                Some((_, Some(hit))) => return ControlFlow::Continue(Some(hit)),
                Some((place, None)) => {
                    at = place + 1;
                    walk.passed(at)?;
                }
                None if end == walk.stretch.to => break,
                None => {
                    (walk.watch)()?;
                    at += WINDOW;
                }
            }
        }
        ControlFlow::Continue(None)
    }

    /// The first hit with an escape in it at or behind `from`.
    fn next_escaped(&self, walk: &mut Walk<'_, '_>, from: usize) -> ControlFlow<(), Option<Range<usize>>> {
        let Stretch { text, to, .. } = *walk.stretch;
        if !self.may_be_escaped(walk.stretch) {
            return ControlFlow::Continue(None);
        }
        walk.escape_at = walk.escape_at.max(from);
        let next = |from: usize| match self.has_short_escape {
            true => memchr(b'\\', &text[from..to]),
            false => self.escapes.find(&text[from..to]),
        };
        while let Some(step) = next(walk.escape_at) {
            let at = walk.escape_at + step;
            walk.escape_at = at;
            // An escaped backslash with a `u` behind it.
            if !self.has_short_escape && !begins_escape(text, at) {
                walk.escape_at += 1;
                walk.passed(at)?;
                continue;
            }
            let Some(escape) = unit(text, at) else { break };
            if self.bits & bit(escape.character) != 0 {
                let places = (0..=self.raw_limit).rev().filter(|place| self.classes[*place].contains(&escape.character));
                for place in places {
                    if let Some(hit) = self.hit_through(walk.stretch, at, place, from) {
                        return ControlFlow::Continue(Some(hit));
                    }
                }
            }
            walk.escape_at = at + escape.length;
            walk.passed(at)?;
        }
        walk.escape_at = to;
        ControlFlow::Continue(None)
    }

    /// The hit whose first escaped character is number `place`, at `at`.
    fn hit_through(&self, stretch: &Stretch<'_>, at: usize, place: usize, from: usize) -> Option<Range<usize>> {
        let text = stretch.text;
        let mut start = at;
        for class in self.classes[..place].iter().rev() {
            let character = raw_character_before(text, start).filter(|character| class.contains(character))?;
            start -= character.len_utf8();
        }
        if start < from || (place > 0 && is_inside_escape(text, start)) {
            return None;
        }
        debug_assert!(place > 0 || begins_escape(text, at));
        let mut end = at;
        for class in &self.classes[place..] {
            let unit = unit(text, end).filter(|unit| class.contains(&unit.character))?;
            end += unit.length;
        }
        Some(start..end).filter(|hit| self.is_whole(text, hit))
    }

    #[inline]
    fn is_whole(&self, text: &[u8], hit: &Range<usize>) -> bool {
        (!self.is_whole_word && self.edges == Edges::default()) || self.has_edges(text, hit)
    }

    #[inline(never)]
    fn has_edges(&self, text: &[u8], hit: &Range<usize>) -> bool {
        let is_word = |character: Option<char>| {
            character.is_some_and(|character| match character.is_ascii() {
                true => character.is_ascii_alphanumeric() || character == '_',
                false => regex_syntax::try_is_word_character(character).unwrap_or(false),
            })
        };
        (!self.edges.at_start || character_before(text, hit.start).is_none())
            && (!self.edges.at_end || character_at(text, hit.end).is_none())
            && (!self.is_whole_word || !(is_word(character_before(text, hit.start)) || is_word(character_at(text, hit.end))))
    }
}

/// Whether a match has to stand at the start or the end of its string.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Edges {
    at_start: bool,
    at_end: bool,
}

impl Edges {
    /// Those of an expression, and what is between them.
    fn of(hir: Hir) -> (Self, Hir) {
        let HirKind::Concat(parts) = hir.kind() else { return (Self::default(), hir) };
        let is = |part: Option<&Hir>, look| part.is_some_and(|part| *part.kind() == HirKind::Look(look));
        let edges = Self { at_start: is(parts.first(), Look::Start), at_end: is(parts.last(), Look::End) };
        let between = parts[usize::from(edges.at_start)..parts.len() - usize::from(edges.at_end)].to_vec();
        (edges, Hir::concat(between))
    }
}

/// The characters of each place of a match, where all matches have as many; not too many.
fn fixed(hir: &Hir) -> Option<Vec<Box<[char]>>> {
    /// With more the automaton has nothing to leap to, and other ways to find candidates are faster (measured: twice).
    const CHARACTERS: usize = 4;
    const PLACES: u32 = 256;
    match hir.kind() {
        HirKind::Literal(Literal(bytes)) => {
            Some(std::str::from_utf8(bytes).ok()?.chars().map(|character| Box::from([character])).collect())
        }
        HirKind::Class(class) => {
            let class = match class {
                hir::Class::Unicode(class) => class.clone(),
                hir::Class::Bytes(class) => class.to_unicode_class()?,
            };
            let characters: Box<[char]> =
                class.iter().flat_map(|range| range.start()..=range.end()).take(CHARACTERS + 1).collect();
            (1..=CHARACTERS).contains(&characters.len()).then(|| vec![characters])
        }
        HirKind::Capture(capture) => fixed(&capture.sub),
        HirKind::Repetition(repetition) if repetition.max == Some(repetition.min) && repetition.min <= PLACES => {
            let once = fixed(&repetition.sub)?;
            let places = once.len().saturating_mul(repetition.min as usize);
            (places <= PLACES as usize).then(|| vec![once; repetition.min as usize].concat())
        }
        HirKind::Concat(parts) => {
            let parts = parts.iter().map(fixed).collect::<Option<Vec<_>>>()?.concat();
            (parts.len() <= PLACES as usize).then_some(parts)
        }
        _ => None,
    }
}

/// How the `\u` escapes of some characters begin, as far as that is the same for all and written in one way only.
fn escapes_begin(characters: impl Iterator<Item = char>) -> String {
    let mut begin: Option<String> = None;
    for character in characters {
        let code = u32::from(character);
        let digits = if code > 0xFFFF { String::new() } else { format!("{code:04x}") };
        let plain: String = digits.chars().take_while(char::is_ascii_digit).collect();
        begin = Some(match begin {
            None => plain,
            Some(before) => before.chars().zip(plain.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect(),
        });
    }
    format!("\\u{}", begin.unwrap_or_default())
}

fn bit(character: char) -> u64 {
    1 << (u32::from(character) & 63)
}
