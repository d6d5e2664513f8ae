//! Regular expressions whose matches begin with a few certain bytes, as `v[0-9]+`: a sieve finds where, and the automaton is asked
//! there alone.
//!
//! For texts where no escape stands for a character of a match, which is most: then a match lies between two escapes or quotes, or in
//! one number or literal, and nothing is decoded.

use super::Scratch;
use super::literals::{Relevant, beginning, within_strings};
use super::pattern::each_match;
use super::query::Scope;
use super::sieve::{Found, Sieve};
use super::tokens::{Inside, Stretch, can_be_outside, is_inside_escape, is_scalar_byte};
use crate::document::bitmap::Class;
use memchr::memchr2;
use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::Hir;
use std::ops::{ControlFlow, Range};

/// So much is searched before `watch` is asked again.
const WINDOW: usize = 4 << 20;
/// A sieve that more places pass is no better than an automaton.
const SHARE: f32 = 0.002;
/// So many candidates in one part of a string may be none, before the rest of it is searched as a whole: else `a[^b]*b` would be
/// sought from each `a` to the end.
const MISSES: usize = 4;

/// Where matches of an expression begin.
pub struct Begins {
    sieve: Sieve,
    /// Whether one may begin outside of strings.
    is_outside: bool,
    /// The bits of the `\u` escapes of its characters.
    escape_bits: u64,
}

impl Begins {
    /// `None` where the expression looks around, its characters have escapes of two bytes, or too many places pass.
    pub fn of(hir: &Hir) -> Option<Self> {
        let relevant = Relevant::of(hir);
        if !hir.properties().look_set().is_empty() || relevant.has_short_escape() {
            return None;
        }
        let classes = beginning(&within_strings(hir));
        let sieve = Sieve::new(&classes).filter(|sieve| sieve.share() <= SHARE)?;
        let bytes = |class: Class| (0..=u8::MAX).filter(move |byte| class.has(*byte));
        let is_outside =
            classes.windows(2).all(|two| bytes(two[0]).any(|first| bytes(two[1]).any(|second| can_be_outside(&[first, second]))));
        Some(Self { sieve, is_outside, escape_bits: relevant.unicode_escapes() })
    }

    /// The share of all places where a match may begin, by a guess.
    pub fn share(&self) -> f32 {
        self.sieve.share()
    }

    /// Whether a stretch is one of those that this is for.
    pub fn is_for(&self, stretch: &Stretch<'_>) -> bool {
        stretch.unicode_escapes & self.escape_bits == 0
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
        let Stretch { text, to, .. } = *stretch;
        let mut sifted = Found::default();
        let mut inside = Inside::new(stretch.from);
        let mut from = stretch.from;
        let mut part = Part { range: from..from, is_wanted: false, misses: 0 };
        let mut watched = from;
        while from < to {
            if from - watched >= WINDOW {
                watched = from;
                watch()?;
            }
            let end = (from + WINDOW).min(to);
            let Some(place) = self.sieve.find(text, from..end, &mut sifted) else {
                from = end;
                continue;
            };
            from = place + 1;
            if is_inside_escape(text, place) {
                continue;
            }
            if place >= part.range.end {
                part = self.part_at(stretch, scope, place, &mut inside);
            }
            if !part.is_wanted {
                from = from.max(part.range.end);
                continue;
            }
            if part.misses == MISSES || part.range.len() > WINDOW {
                let begin = part.range.start;
                let mut emit = |found: usize| emit(begin + found);
                each_match(regex, &mut scratch.regex, &text[part.range.clone()], place - begin, &mut emit, watch)?;
                from = from.max(part.range.end);
                continue;
            }
            let input = Input::new(&text[..part.range.end]).range(place..).anchored(Anchored::Yes);
            match regex.search_half_with(&mut scratch.regex, &input) {
                Some(end) => {
                    emit(place);
                    from = end.offset();
                }
                None => part.misses += 1,
            }
        }
        ControlFlow::Continue(())
    }

    /// What a match that begins at `place` lies in.
    fn part_at(&self, stretch: &Stretch<'_>, scope: Scope, place: usize, inside: &mut Inside) -> Part {
        let Stretch { text, to, .. } = *stretch;
        if self.is_outside && !inside.is_inside(text, place) {
            let is_scalar = is_scalar_byte(text[place]);
            let range = if is_scalar { place..stretch.scalar_around(place).end } else { place..place };
            return Part { range, is_wanted: is_scalar && scope.has_values(), misses: 0 };
        }
        let end = memchr2(b'"', b'\\', &text[place..to]).map_or(to, |step| place + step);
        let is_wanted = scope == Scope::Both || stretch.is_key_before(stretch.string_end(place)) == scope.has_keys();
        Part { range: place..end, is_wanted, misses: 0 }
    }
}

/// What matches don't reach out of.
struct Part {
    range: Range<usize>,
    is_wanted: bool,
    /// So many candidates in it were none.
    misses: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_which_expressions_it_is() {
        let of = |pattern: &str| Begins::of(&regex_syntax::parse(pattern).unwrap());
        for (pattern, is_outside) in [
            (r"v[0-9]+\.[0-9]+", false),
            ("[01ab]{3}00", true),
            ("[א-ת]{4,}", false),
            ("(vx|vy)[01]{2}", false),
            ("nul[l-n]", true),
        ] {
            assert_eq!(of(pattern).map(|begins| begins.is_outside), Some(is_outside), "{pattern}");
        }
        for pattern in [r"\bv[0-9]", "[a-z]+", "v.*[0-9]", "v/[0-9]", "x?v"] {
            assert!(of(pattern).is_none(), "{pattern}");
        }
    }
}
