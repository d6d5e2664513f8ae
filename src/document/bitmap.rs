//! Sixty-four bytes as bitmaps: for each class of characters one word, bit `n` for byte `n`; and arithmetic on four such words.
//!
//! The only module with unsafe code, and why it has it: with AVX2 the classes of 64 bytes come out in some 70 instructions;
//! [`Portable`], the twin without it, takes several hundred. The sweep of records took 4.4 times as long with the twin, and opening
//! their file (`cargo bench --bench open`, two threads, 100 MB) 2.4 times. AVX-512 was tried: 1.08 times as fast, which is not enough.
//! A search for a word in 400 MB took 1.4 times as long without fetching ahead, which a processor does by itself only within a page.
//!
//! Why it is safe: what is unsafe is to run instructions that the processor lacks. A value of `Avx2` is made by its `detect` alone,
//! behind a look at the processor, and what needs the instructions takes one, or four words that one has made. Each pointer that
//! is read from or written to is that of an array of as many bytes. Tests hold both twins against each other.

use super::portable::Portable;
use std::ops::{BitAnd, BitOr, Not};

/// So far ahead it is fetched: 1 kB was 0.9 times as fast, twice as much the same.
const AHEAD: usize = 3 << 10;

/// What tells strings from what is outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strings {
    /// `"`
    pub quotes: u64,
    /// `\`
    pub backslashes: u64,
    /// U+0000 to U+001F.
    pub controls: u64,
    /// Parts of characters that are not ASCII.
    pub high: u64,
}

/// What has a meaning outside of strings. Bytes in strings are not told from others here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// Space, tab, LF, CR.
    pub white: u64,
    /// `,`
    pub commas: u64,
    /// `:`
    pub colons: u64,
    /// `[` and `{`.
    pub opens: u64,
    /// `]` and `}`.
    pub closes: u64,
    /// Among brackets, those of objects.
    pub braces: u64,
}

/// What plain numbers are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// `0` to `9`.
    pub digits: u64,
    /// `0`
    pub zeros: u64,
    /// `.`
    pub points: u64,
    /// `-`
    pub minuses: u64,
}

/// The bytes that are in a range, once a bit is set in them: `Class { mask: 0x20, from: b'a', span: 25 }` is every letter of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// What is set first.
    pub mask: u8,
    /// The lowest byte of the range.
    pub from: u8,
    /// The highest is so much higher.
    pub span: u8,
}

impl Class {
    /// Whether a byte is one of them.
    #[inline(always)]
    pub fn has(self, byte: u8) -> bool {
        (byte | self.mask).wrapping_sub(self.from) <= self.span
    }
}

/// What can make bitmaps: in three groups, since most blocks don't need all, and of any class.
pub trait Machine: Copy {
    /// Four words, worked on at once.
    type Words: Copy + BitAnd<Output = Self::Words> + BitOr<Output = Self::Words> + Not<Output = Self::Words>;

    /// Whether bitmaps that are of no use take less time than to ask whether they are.
    const FAST: bool;

    /// Strings of a block.
    fn strings(self, block: &[u8; 64]) -> Strings;

    /// Structure of a block.
    fn structure(self, block: &[u8; 64]) -> Structure;

    /// Numbers of a block.
    fn numbers(self, block: &[u8; 64]) -> Numbers;

    /// The places at which each of some blocks has a byte of its class. `RANGES` is false where all classes have a span of 0, which
    /// takes half the time.
    fn places<const N: usize, const RANGES: bool>(self, blocks: [&[u8; 64]; N], classes: &[Class; N]) -> u64;

    /// Begins to fetch from memory what is [`AHEAD`] of a block: worth it where a long text is walked once, and nothing else waits.
    fn fetch_ahead(self, block: &[u8; 64]);

    /// Bit `n` is the parity of the bits up to and with `n`.
    fn parity(self, bits: u64) -> u64;

    /// Four words of four blocks.
    fn words(self, words: [u64; 4]) -> Self::Words;

    /// The words by themselves.
    fn array(self, words: Self::Words) -> [u64; 4];

    /// Whether there is a bit.
    fn any(self, words: Self::Words) -> bool;

    /// Which words have one: bit `n` for word `n`.
    fn filled(self, words: Self::Words) -> u64;

    /// All bits one place further, from word to word: `carry`, 0 or 1, becomes the first one, and comes back as the last.
    fn next(self, words: Self::Words, carry: u64) -> (Self::Words, u64);

    /// The sum of two numbers of 256 bits and of `carry`, which is 0 or 1, and what it carries.
    fn sum(self, a: Self::Words, b: Self::Words, carry: u64) -> (Self::Words, u64);

    /// The bits at the places of `mask`, moved together to the lowest ones.
    fn gather(self, bits: u64, mask: u64) -> u64;

    /// The lowest bits, moved apart to the places of `mask`.
    fn scatter(self, bits: u64, mask: u64) -> u64;
}

/// Work that needs a machine; compiled once for each.
pub trait Pass {
    /// What comes out.
    type Output;

    /// Does it. To be `#[inline(always)]`, so that it is compiled with the instructions of the machine.
    fn run<M: Machine>(self, machine: M) -> Self::Output;
}

/// Does some work with the best machine that this processor has.
pub fn run<P: Pass>(pass: P) -> P::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(machine) = x86::Avx2::detect() {
        return machine.run(pass);
    }
    pass.run(Portable)
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)] // see the module's documentation
mod x86 {
    use super::{AHEAD, Class, Machine, Numbers, Pass, Strings, Structure};
    use std::arch::x86_64::{
        __m256i, _MM_HINT_T0, _mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_prefetch,
        _mm_set_epi64x, _mm256_add_epi64, _mm256_and_si256, _mm256_andnot_si256, _mm256_blend_epi32, _mm256_broadcastsi128_si256,
        _mm256_castsi128_si256, _mm256_castsi256_pd, _mm256_cmpeq_epi8, _mm256_cmpeq_epi64, _mm256_loadu_si256, _mm256_min_epu8,
        _mm256_movemask_epi8, _mm256_movemask_pd, _mm256_or_si256, _mm256_permute4x64_epi64, _mm256_set_epi64x, _mm256_set1_epi8,
        _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_slli_epi64, _mm256_srli_epi64,
        _mm256_storeu_si256, _mm256_sub_epi8, _mm256_sub_epi64, _mm256_testz_si256, _mm256_xor_si256, _pdep_u64, _pext_u64,
    };
    use std::ops::{BitAnd, BitOr, Not};
    use std::sync::OnceLock;

    /// A processor with AVX2 and PCLMULQDQ, and the instructions on single bits that come with them.
    #[derive(Clone, Copy)]
    pub struct Avx2(());

    impl Avx2 {
        /// The proof that the processor has them.
        pub fn detect() -> Option<Self> {
            static HAS: OnceLock<bool> = OnceLock::new();
            let has = *HAS.get_or_init(|| {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("pclmulqdq")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("lzcnt")
                    && is_x86_feature_detected!("popcnt")
            });
            has.then_some(Self(()))
        }

        pub fn run<P: Pass>(self, pass: P) -> P::Output {
            #[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
            fn run<P: Pass>(machine: Avx2, pass: P) -> P::Output {
                pass.run(machine)
            }
            // SAFETY: `self` proves that the processor has these instructions.
            unsafe { run(self, pass) }
        }
    }

    /// Four words in one register: made by an [`Avx2`] alone, so the processor has the instructions.
    #[derive(Clone, Copy)]
    pub struct FourWords(__m256i);

    impl BitAnd for FourWords {
        type Output = Self;

        #[inline(always)]
        fn bitand(self, other: Self) -> Self {
            // SAFETY: `self` proves that the processor has these instructions.
            unsafe { Self(_mm256_and_si256(self.0, other.0)) }
        }
    }

    impl BitOr for FourWords {
        type Output = Self;

        #[inline(always)]
        fn bitor(self, other: Self) -> Self {
            // SAFETY: as above.
            unsafe { Self(_mm256_or_si256(self.0, other.0)) }
        }
    }

    impl Not for FourWords {
        type Output = Self;

        #[inline(always)]
        fn not(self) -> Self {
            // SAFETY: as above.
            unsafe { Self(_mm256_xor_si256(self.0, _mm256_set1_epi8(-1))) }
        }
    }

    impl Machine for Avx2 {
        type Words = FourWords;
        const FAST: bool = true;

        #[inline(always)]
        fn strings(self, block: &[u8; 64]) -> Strings {
            // SAFETY: `self` proves that the processor has these instructions.
            unsafe { strings(block) }
        }

        #[inline(always)]
        fn structure(self, block: &[u8; 64]) -> Structure {
            // SAFETY: as above.
            unsafe { structure(block) }
        }

        #[inline(always)]
        fn numbers(self, block: &[u8; 64]) -> Numbers {
            // SAFETY: as above.
            unsafe { numbers(block) }
        }

        #[inline(always)]
        fn places<const N: usize, const RANGES: bool>(self, blocks: [&[u8; 64]; N], classes: &[Class; N]) -> u64 {
            // SAFETY: as above.
            unsafe { places::<N, RANGES>(blocks, classes) }
        }

        #[inline(always)]
        fn fetch_ahead(self, block: &[u8; 64]) {
            let ahead = block.as_ptr().wrapping_add(AHEAD);
            // SAFETY: the instruction reads nothing, wherever the address leads to.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(ahead.cast()) }
        }

        #[inline(always)]
        fn parity(self, bits: u64) -> u64 {
            // SAFETY: `self` proves that the processor has these instructions.
            unsafe { parity(bits) }
        }

        #[inline(always)]
        fn words(self, [a, b, c, d]: [u64; 4]) -> FourWords {
            // SAFETY: as above.
            unsafe { FourWords(_mm256_set_epi64x(d as i64, c as i64, b as i64, a as i64)) }
        }

        #[inline(always)]
        fn array(self, FourWords(words): FourWords) -> [u64; 4] {
            let mut array = [0; 4];
            // SAFETY: as above; 32 bytes are written, to a place of 32 bytes, which need not be aligned.
            unsafe { _mm256_storeu_si256(array.as_mut_ptr().cast(), words) };
            array
        }

        #[inline(always)]
        fn any(self, FourWords(words): FourWords) -> bool {
            // SAFETY: as above.
            unsafe { _mm256_testz_si256(words, words) == 0 }
        }

        #[inline(always)]
        fn filled(self, FourWords(words): FourWords) -> u64 {
            // SAFETY: as above.
            unsafe { tops(_mm256_cmpeq_epi64(words, _mm256_setzero_si256())) ^ 0b1111 }
        }

        #[inline(always)]
        fn next(self, words: FourWords, carry: u64) -> (FourWords, u64) {
            // SAFETY: as above.
            let (words, carry) = unsafe { next(words.0, carry) };
            (FourWords(words), carry)
        }

        #[inline(always)]
        fn sum(self, a: FourWords, b: FourWords, carry: u64) -> (FourWords, u64) {
            // SAFETY: as above.
            let (words, carry) = unsafe { sum(a.0, b.0, carry) };
            (FourWords(words), carry)
        }

        #[inline(always)]
        fn gather(self, bits: u64, mask: u64) -> u64 {
            // SAFETY: as above.
            unsafe { _pext_u64(bits, mask) }
        }

        #[inline(always)]
        fn scatter(self, bits: u64, mask: u64) -> u64 {
            // SAFETY: as above.
            unsafe { _pdep_u64(bits, mask) }
        }
    }

    /// Where white space could be by the low half of a byte: a space, tab, LF or CR.
    const WHITE: [u8; 16] = [32, 0, 0, 0, 0, 0, 0, 0, 0, 9, 10, 0, 0, 13, 0, 0];
    /// `[` and `{` differ in this bit, as `]` and `}` do.
    const BRACE: i8 = 0x20;

    #[target_feature(enable = "pclmulqdq")]
    #[inline]
    fn parity(bits: u64) -> u64 {
        // A product without carries by all ones sums up all lower bits.
        let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits as i64), _mm_set_epi64x(0, -1));
        _mm_cvtsi128_si64(product) as u64
    }

    /// The top bits of four words.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn tops(words: __m256i) -> u64 {
        u64::from(_mm256_movemask_pd(_mm256_castsi256_pd(words)) as u32)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn next(words: __m256i, carry: u64) -> (__m256i, u64) {
        // The word before each one; before the first, one whose last bit is the carry.
        let before = _mm256_permute4x64_epi64::<0b10_01_00_00>(words);
        let first = _mm256_castsi128_si256(_mm_cvtsi64_si128((carry << 63) as i64));
        let before = _mm256_blend_epi32::<0b11>(before, first);
        (_mm256_or_si256(_mm256_slli_epi64::<1>(words), _mm256_srli_epi64::<63>(before)), tops(words) >> 3)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn sum(a: __m256i, b: __m256i, carry: u64) -> (__m256i, u64) {
        let sums = _mm256_add_epi64(a, b);
        // Each word's carry: of both top bits, or of one that the sum has not.
        let carries = tops(_mm256_or_si256(_mm256_and_si256(a, b), _mm256_andnot_si256(sums, _mm256_or_si256(a, b))));
        // Words of ones hand a carry on: so does an addition to their bits.
        let full = tops(_mm256_cmpeq_epi64(sums, _mm256_set1_epi64x(-1)));
        let carries = (carries << 1 | carry) + full;
        let ones = _mm256_set1_epi64x((carries ^ full) as i64);
        let bits = _mm256_set_epi64x(8, 4, 2, 1);
        // All ones, which is minus one, in each word that gets a carry.
        let ones = _mm256_cmpeq_epi64(_mm256_and_si256(ones, bits), bits);
        (_mm256_sub_epi64(sums, ones), carries >> 4)
    }

    /// Both halves of a block.
    type Halves = (__m256i, __m256i);

    #[target_feature(enable = "avx2")]
    #[inline]
    fn load(block: &[u8; 64]) -> Halves {
        let (halves, _) = block.as_chunks::<32>();
        // SAFETY: 32 bytes are read, twice, from a place of 32 bytes, which need not be aligned.
        unsafe { (_mm256_loadu_si256(halves[0].as_ptr().cast()), _mm256_loadu_si256(halves[1].as_ptr().cast())) }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn top_bits((low, high): Halves) -> u64 {
        u64::from(_mm256_movemask_epi8(low) as u32) | u64::from(_mm256_movemask_epi8(high) as u32) << 32
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn equal((low, high): Halves, byte: u8) -> u64 {
        let byte = _mm256_set1_epi8(byte as i8);
        top_bits((_mm256_cmpeq_epi8(low, byte), _mm256_cmpeq_epi8(high, byte)))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn at_most((low, high): Halves, limit: i8) -> u64 {
        let limit = _mm256_set1_epi8(limit);
        let is = |half| _mm256_cmpeq_epi8(_mm256_min_epu8(half, limit), half);
        top_bits((is(low), is(high)))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn strings(block: &[u8; 64]) -> Strings {
        let bytes = load(block);
        Strings {
            quotes: equal(bytes, b'"'),
            backslashes: equal(bytes, b'\\'),
            controls: at_most(bytes, 0x1F),
            high: top_bits(bytes),
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn structure(block: &[u8; 64]) -> Structure {
        let bytes = load(block);
        // SAFETY: 16 bytes are read, from a place of 16 bytes.
        let table = unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(WHITE.as_ptr().cast())) };
        let is_white = |half| _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, half), half);
        let brace = _mm256_set1_epi8(BRACE);
        let braces = (_mm256_or_si256(bytes.0, brace), _mm256_or_si256(bytes.1, brace));
        Structure {
            white: top_bits((is_white(bytes.0), is_white(bytes.1))),
            commas: equal(bytes, b','),
            colons: equal(bytes, b':'),
            opens: equal(braces, b'{'),
            closes: equal(braces, b'}'),
            braces: top_bits((_mm256_slli_epi16::<2>(bytes.0), _mm256_slli_epi16::<2>(bytes.1))),
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn places<const N: usize, const RANGES: bool>(blocks: [&[u8; 64]; N], classes: &[Class; N]) -> u64 {
        let all = _mm256_set1_epi8(-1);
        let (mut low, mut high) = (all, all);
        for (block, class) in blocks.into_iter().zip(classes) {
            let [mask, from, span] = [class.mask, class.from, class.span].map(|byte| _mm256_set1_epi8(byte as i8));
            let has = |half| {
                let byte = _mm256_or_si256(half, mask);
                if !RANGES {
                    return _mm256_cmpeq_epi8(byte, from);
                }
                let above = _mm256_sub_epi8(byte, from);
                _mm256_cmpeq_epi8(_mm256_min_epu8(above, span), above)
            };
            let halves = load(block);
            (low, high) = (_mm256_and_si256(low, has(halves.0)), _mm256_and_si256(high, has(halves.1)));
        }
        top_bits((low, high))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn numbers(block: &[u8; 64]) -> Numbers {
        let bytes = load(block);
        let zero = _mm256_set1_epi8(b'0' as i8);
        Numbers {
            digits: at_most((_mm256_sub_epi8(bytes.0, zero), _mm256_sub_epi8(bytes.1, zero)), 9),
            zeros: equal(bytes, b'0'),
            points: equal(bytes, b'.'),
            minuses: equal(bytes, b'-'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type All = (Strings, Structure, Numbers, u64);

    /// The classes by looking at each byte.
    fn plain(block: &[u8; 64], bits: u64) -> All {
        let gather = |is: fn(u8) -> bool| (0..64).filter(|&n| is(block[n])).fold(0, |bits, n| bits | 1 << n);
        let strings = Strings {
            quotes: gather(|byte| byte == b'"'),
            backslashes: gather(|byte| byte == b'\\'),
            controls: gather(|byte| byte < 0x20),
            high: gather(|byte| !byte.is_ascii()),
        };
        let structure = Structure {
            white: gather(|byte| b" \t\n\r".contains(&byte)),
            commas: gather(|byte| byte == b','),
            colons: gather(|byte| byte == b':'),
            opens: gather(|byte| b"[{".contains(&byte)),
            closes: gather(|byte| b"]}".contains(&byte)),
            braces: gather(|byte| byte & 0x20 != 0),
        };
        let numbers = Numbers {
            digits: gather(|byte| byte.is_ascii_digit()),
            zeros: gather(|byte| byte == b'0'),
            points: gather(|byte| byte == b'.'),
            minuses: gather(|byte| byte == b'-'),
        };
        let parity = (0..64).fold(0, |sum, n| sum | u64::from((bits << (63 - n)).count_ones() & 1) << n);
        (strings, structure, numbers, parity)
    }

    struct Every<'a>(&'a [u8; 64], u64);

    impl Pass for Every<'_> {
        type Output = All;

        #[inline(always)]
        fn run<M: Machine>(self, machine: M) -> Self::Output {
            (machine.strings(self.0), machine.structure(self.0), machine.numbers(self.0), machine.parity(self.1))
        }
    }

    /// Two fours of words, and a carry.
    #[derive(Clone, Copy, Debug)]
    struct Sums([u64; 4], [u64; 4], u64);

    impl Pass for Sums {
        /// And, or, not; next; sum; which words of the first are filled, and whether one is.
        type Output = ([[u64; 4]; 3], ([u64; 4], u64), ([u64; 4], u64), u64, bool);

        #[inline(always)]
        fn run<M: Machine>(self, machine: M) -> Self::Output {
            let (a, b) = (machine.words(self.0), machine.words(self.1));
            let ((next, last), (sum, over)) = (machine.next(a, self.2), machine.sum(a, b, self.2));
            let logic = [machine.array(a & b), machine.array(a | b), machine.array(!a)];
            (logic, (machine.array(next), last), (machine.array(sum), over), machine.filled(a), machine.any(a))
        }
    }

    impl Sums {
        /// By looking at each bit.
        fn plain(self) -> <Self as Pass>::Output {
            let Self(a, b, carry) = self;
            let each = |of: fn(u64, u64) -> u64| [0, 1, 2, 3].map(|n| of(a[n], b[n]));
            let bit = |words: [u64; 4], place: usize| words[place / 64] >> (place % 64) & 1;
            let (mut next, mut sum, mut over) = ([0; 4], [0; 4], carry);
            for place in 0..256 {
                let before = if place == 0 { carry } else { bit(a, place - 1) };
                next[place / 64] |= before << (place % 64);
                let bits = bit(a, place) + bit(b, place) + over;
                sum[place / 64] |= (bits & 1) << (place % 64);
                over = bits >> 1;
            }
            let filled = (0..4).filter(|&n| a[n] != 0).fold(0, |filled, n| filled | 1 << n);
            ([each(|a, b| a & b), each(|a, b| a | b), each(|a, _| !a)], (next, bit(a, 255)), (sum, over), filled, a != [0; 4])
        }
    }

    #[derive(Clone, Copy)]
    struct Moved(u64, u64);

    impl Pass for Moved {
        type Output = (u64, u64);

        #[inline(always)]
        fn run<M: Machine>(self, machine: M) -> (u64, u64) {
            (machine.gather(self.0, self.1), machine.scatter(self.0, self.1))
        }
    }

    /// Words with long runs of ones and zeros, over which carries go.
    fn word() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(0),
            Just(u64::MAX),
            any::<u64>(),
            (0..64_u32).prop_map(|n| u64::MAX << n),
            (0..64_u32).prop_map(|n| 1 << n)
        ]
    }

    #[derive(Clone, Copy)]
    struct Places<'a>(&'a [[u8; 64]; 2], &'a [Class; 2]);

    impl Pass for Places<'_> {
        type Output = u64;

        #[inline(always)]
        fn run<M: Machine>(self, machine: M) -> u64 {
            let blocks = self.0.each_ref();
            match self.1.iter().all(|class| class.span == 0) {
                true => machine.places::<2, false>(blocks, self.1),
                false => machine.places::<2, true>(blocks, self.1),
            }
        }
    }

    #[track_caller]
    fn check(block: [u8; 64], bits: u64) {
        let expected = plain(&block, bits);
        assert_eq!(Every(&block, bits).run(Portable), expected);
        assert_eq!(run(Every(&block, bits)), expected);
    }

    #[test]
    fn every_byte_has_its_classes() {
        // Miri takes a thousand times as long.
        let step = if cfg!(miri) { 21 } else { 1 };
        for byte in 0..=255 {
            let mut block = [byte; 64];
            check(block, u64::MAX);
            for n in (0..64).step_by(step) {
                block = [b'x'; 64];
                block[n] = byte;
                check(block, 1 << n);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 16 } else { 256 }, ..ProptestConfig::default() })]

        #[test]
        fn the_machines_find_the_same_places(
            blocks in proptest::array::uniform2(any::<[[u8; 32]; 2]>()),
            classes in proptest::array::uniform2((prop_oneof![Just(0), any::<u8>()], any::<u8>(), prop_oneof![Just(0), any::<u8>()])),
            equal in any::<bool>(),
        ) {
            let blocks = blocks.map(|halves| <[u8; 64]>::try_from(halves.as_flattened()).unwrap());
            // Single bytes are in a block by chance too seldom.
            let classes = [0, 1].map(|n| {
                let (mask, from, span) = classes[n];
                let from = if equal { blocks[n][usize::from(from) % 64] | mask } else { from };
                Class { mask, from, span: if equal { 0 } else { span } }
            });
            let places = Places(&blocks, &classes);
            let expected = (0..64).filter(|&n| classes[0].has(blocks[0][n]) && classes[1].has(blocks[1][n]));
            let expected = expected.fold(0, |bits, n| bits | 1 << n);
            prop_assert_eq!(places.run(Portable), expected);
            prop_assert_eq!(run(places), expected);
        }

        #[test]
        fn four_words_are_one_number(
            a in proptest::array::uniform4(word()), b in proptest::array::uniform4(word()), carry in 0..2_u64, opposite in any::<bool>(),
        ) {
            let b = if opposite { a.map(|word| !word) } else { b };
            let sums = Sums(a, b, carry);
            let expected = sums.plain();
            prop_assert_eq!(sums.run(Portable), expected);
            prop_assert_eq!(run(sums), expected);
        }

        #[test]
        fn bits_are_moved_together_and_apart(bits in any::<u64>(), mask in word()) {
            let places: Vec<u32> = (0..64).filter(|place| mask >> place & 1 != 0).collect();
            let gathered = places.iter().enumerate().fold(0, |all, (n, place)| all | (bits >> place & 1) << n);
            let scattered = places.iter().enumerate().fold(0, |all, (n, place)| all | (bits >> n & 1) << place);
            prop_assert_eq!(Moved(bits, mask).run(Portable), (gathered, scattered));
            prop_assert_eq!(run(Moved(bits, mask)), (gathered, scattered));
        }

        #[test]
        fn the_machines_agree(bytes in proptest::array::uniform32(any::<u8>()), more in "[ -~\\t\\n]{32}", bits in any::<u64>()) {
            let mut block = [0; 64];
            block[..32].copy_from_slice(&bytes);
            block[32..].copy_from_slice(more.as_bytes());
            check(block, bits);
        }
    }
}
