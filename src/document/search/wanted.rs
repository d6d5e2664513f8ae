//! Where hits may stand, and which of them are wanted: in keys or values, in strings or outside.

use super::query::Scope;
use super::tokens::{Inside, Stretch, can_be_outside, is_outside_byte, is_scalar_byte};
use std::ops::Range;

/// Where matches can stand besides in strings.
#[derive(Clone, Copy)]
pub struct Places {
    /// Whether one can stand outside of them.
    pub is_outside: bool,
    /// Whether only in a number, `true`, `false` or `null`.
    pub is_scalar: bool,
}

/// Where matches of these characters can stand; `None` where one could cover a scalar and what is beside it.
pub fn places_of(classes: &[Box<[char]>]) -> Option<Places> {
    // As ASCII where that is the same.
    let ascii = |class: &[char]| class.iter().copied().find(char::is_ascii).or_else(|| class.first().copied());
    let is_one = |class: &[char]| {
        let small = ascii(class).map(|character| character.to_ascii_lowercase());
        class.iter().all(|character| !character.is_ascii() || Some(character.to_ascii_lowercase()) == small)
    };
    if classes.iter().all(|class| is_one(class)) {
        let text: String = classes.iter().filter_map(|class| ascii(class)).collect();
        let (is_outside, is_scalar) = (can_be_outside(text.as_bytes()), text.bytes().all(is_scalar_byte));
        return Some(Places { is_outside, is_scalar });
    }
    let is_in = |character: char, test: fn(u8) -> bool| u8::try_from(character).is_ok_and(|byte| byte.is_ascii() && test(byte));
    let is_outside = classes.iter().all(|class| class.iter().any(|character| is_in(*character, is_outside_byte)));
    let is_scalar = classes.iter().flatten().all(|character| is_in(*character, is_scalar_byte));
    (!is_outside || is_scalar).then_some(Places { is_outside, is_scalar })
}

/// Tells which hits are wanted, from left to right.
pub struct Wanted<'s> {
    stretch: &'s Stretch<'s>,
    scope: Scope,
    places: Places,
    inside: Inside,
    /// The string of the last hit ends here, and is a key.
    string: (usize, bool),
}

impl<'s> Wanted<'s> {
    /// From the beginning of a stretch on.
    pub fn new(places: Places, stretch: &'s Stretch<'s>, scope: Scope) -> Self {
        let inside = Inside::new(stretch.from);
        Self { stretch, scope, places, inside, string: (stretch.from, false) }
    }

    /// Whether this hit is; no earlier one is asked for afterwards.
    #[inline]
    pub fn has(&mut self, hit: &Range<usize>) -> bool {
        if self.places.is_outside && !self.inside.is_inside(self.stretch.text, hit.start) {
            return self.places.is_scalar && self.scope.has_values();
        }
        if self.scope == Scope::Both {
            return true;
        }
        if hit.start >= self.string.0 {
            let end = self.stretch.string_end(hit.start);
            self.string = (end, self.stretch.is_key_before(end));
        }
        self.string.1 == self.scope.has_keys()
    }
}
