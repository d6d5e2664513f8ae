//! The bitmaps of [`bitmap`](super::bitmap) without special instructions: what runs where a processor lacks them, and what the others
//! are tested against.

use super::bitmap::{Class, Machine, Numbers, Strings, Structure};
use std::ops::{BitAnd, BitOr, Not};

/// Plain words of eight bytes.
#[derive(Clone, Copy)]
pub struct Portable;

const ONES: u64 = 0x0101_0101_0101_0101;
const SEVENS: u64 = 0x7F7F_7F7F_7F7F_7F7F;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// The top bit of each byte, gathered: bit `n` for byte `n`.
fn gather(tops: u64) -> u64 {
    ((tops & TOPS) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The top bit of each byte that is zero (Bit Twiddling Hacks, the exact form).
fn zero_bytes(word: u64) -> u64 {
    !((word & SEVENS).wrapping_add(SEVENS) | word | SEVENS)
}

/// The top bit of each byte that is below `limit`, which is at most 0x80.
fn below(word: u64, limit: u8) -> u64 {
    !((word & SEVENS).wrapping_add(ONES * u64::from(0x80 - limit)) | word)
}

/// The bytes of a block that `top_bits` marks, eight at once.
#[inline(always)]
fn marked(block: &[u8; 64], top_bits: impl Fn(u64) -> u64) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    let bits = words.iter().enumerate().map(|(place, word)| gather(top_bits(u64::from_le_bytes(*word))) << (place * 8));
    bits.fold(0, |bits, more| bits | more)
}

fn equal(word: u64, byte: u8) -> u64 {
    zero_bytes(word ^ (ONES * u64::from(byte)))
}

/// Four words, one after the other.
#[derive(Clone, Copy)]
pub struct FourWords([u64; 4]);

impl BitAnd for FourWords {
    type Output = Self;

    #[inline]
    fn bitand(self, other: Self) -> Self {
        Self(std::array::from_fn(|n| self.0[n] & other.0[n]))
    }
}

impl BitOr for FourWords {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        Self(std::array::from_fn(|n| self.0[n] | other.0[n]))
    }
}

impl Not for FourWords {
    type Output = Self;

    #[inline]
    fn not(self) -> Self {
        Self(self.0.map(|word| !word))
    }
}

impl Machine for Portable {
    type Words = FourWords;
    const FAST: bool = false;

    #[inline]
    fn strings(self, block: &[u8; 64]) -> Strings {
        Strings {
            quotes: marked(block, |word| equal(word, b'"')),
            backslashes: marked(block, |word| equal(word, b'\\')),
            controls: marked(block, |word| below(word, 0x20)),
            high: marked(block, |word| word),
        }
    }

    #[inline]
    fn structure(self, block: &[u8; 64]) -> Structure {
        let is_white = |word| equal(word, b' ') | equal(word, b'\t') | equal(word, b'\n') | equal(word, b'\r');
        Structure {
            white: marked(block, is_white),
            commas: marked(block, |word| equal(word, b',')),
            colons: marked(block, |word| equal(word, b':')),
            opens: marked(block, |word| equal(word | (ONES * 0x20), b'{')),
            closes: marked(block, |word| equal(word | (ONES * 0x20), b'}')),
            braces: marked(block, |word| word << 2),
        }
    }

    #[inline]
    fn numbers(self, block: &[u8; 64]) -> Numbers {
        Numbers {
            digits: marked(block, |word| below(word, b'9' + 1) & !below(word, b'0')),
            zeros: marked(block, |word| equal(word, b'0')),
            points: marked(block, |word| equal(word, b'.')),
            minuses: marked(block, |word| equal(word, b'-')),
        }
    }

    #[inline(always)]
    fn places<const N: usize, const RANGES: bool>(self, blocks: [&[u8; 64]; N], classes: &[Class; N]) -> u64 {
        blocks.iter().zip(classes).fold(u64::MAX, |places, (block, class)| {
            // What compilers make vectors of.
            let tops = block.map(|byte| u8::from(class.has(byte)) << 7);
            places & marked(&tops, |word| word)
        })
    }

    #[inline]
    fn fetch_ahead(self, _block: &[u8; 64]) {}

    #[inline]
    fn parity(self, bits: u64) -> u64 {
        [1, 2, 4, 8, 16, 32].into_iter().fold(bits, |bits, shift| bits ^ bits << shift)
    }

    #[inline]
    fn words(self, words: [u64; 4]) -> FourWords {
        FourWords(words)
    }

    #[inline]
    fn array(self, words: FourWords) -> [u64; 4] {
        words.0
    }

    #[inline]
    fn any(self, words: FourWords) -> bool {
        words.0 != [0; 4]
    }

    #[inline]
    fn filled(self, words: FourWords) -> u64 {
        words.0.iter().rev().fold(0, |filled, word| filled << 1 | u64::from(*word != 0))
    }

    #[inline]
    fn next(self, FourWords([a, b, c, d]): FourWords, carry: u64) -> (FourWords, u64) {
        (FourWords([a << 1 | carry, b << 1 | a >> 63, c << 1 | b >> 63, d << 1 | c >> 63]), d >> 63)
    }

    #[inline]
    fn sum(self, a: FourWords, b: FourWords, carry: u64) -> (FourWords, u64) {
        let mut carry = carry != 0;
        let mut sums = a;
        for (sum, b) in sums.0.iter_mut().zip(b.0) {
            (*sum, carry) = sum.carrying_add(b, carry);
        }
        (sums, u64::from(carry))
    }

    #[inline]
    fn gather(self, bits: u64, mask: u64) -> u64 {
        let mut gathered = 0;
        let (mut left, mut bit) = (mask, 1);
        while left != 0 {
            if bits & left & left.wrapping_neg() != 0 {
                gathered |= bit;
            }
            left &= left - 1;
            bit <<= 1;
        }
        gathered
    }

    #[inline]
    fn scatter(self, bits: u64, mask: u64) -> u64 {
        let mut scattered = 0;
        let (mut left, mut bits) = (mask, bits);
        while left != 0 {
            if bits & 1 != 0 {
                scattered |= left & left.wrapping_neg();
            }
            left &= left - 1;
            bits >>= 1;
        }
        scattered
    }
}
