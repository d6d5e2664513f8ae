//! Sixty-four bytes as bitmaps: for each class of characters one word, bit `n` for byte `n`.
//!
//! The only module with unsafe code, and why it has it: with AVX2 the classes of 64 bytes come out in some 70 instructions;
//! [`Portable`], the twin without it, takes several hundred. In `cargo bench` the scan of records takes 2.2 times as long with
//! the twin, and opening a file 1.5 times (`TREEKEEP_PORTABLE=1` of `benches/open.rs` shows it again).
//!
//! Why it is safe: what is unsafe is to run instructions that the processor lacks. A value of [`Avx2`] is made in [`run`] alone,
//! behind a look at the processor, and every function that needs the instructions takes one. The one pointer that is read from
//! is that of an array of as many bytes as are read. Tests hold both twins against each other.

/// The classes of 64 bytes. Bytes in strings are not told from others here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masks {
    /// `"`
    pub quotes: u64,
    /// `\`
    pub backslashes: u64,
    /// U+0000 to U+001F.
    pub controls: u64,
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
    /// `0` to `9`.
    pub digits: u64,
    /// `0`
    pub zeros: u64,
    /// `.`
    pub points: u64,
    /// `-`
    pub minuses: u64,
    /// Parts of characters that are not ASCII.
    pub high: u64,
}

/// What can make bitmaps.
pub trait Machine: Copy {
    /// The classes of a block.
    fn masks(self, block: &[u8; 64]) -> Masks;

    /// Bit `n` is the parity of the bits up to and with `n`.
    fn parity(self, bits: u64) -> u64;
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

impl Machine for Portable {
    #[inline]
    fn masks(self, block: &[u8; 64]) -> Masks {
        let mut masks = Masks::default();
        let (words, _) = block.as_chunks::<8>();
        for (place, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let shift = place * 8;
            let is = |byte: u8| zero_bytes(word ^ (ONES * u64::from(byte)));
            let lower = word | (ONES * 0x20);
            let is_bracket = |byte: u8| zero_bytes(lower ^ (ONES * u64::from(byte)));
            masks.quotes |= gather(is(b'"')) << shift;
            masks.backslashes |= gather(is(b'\\')) << shift;
            masks.controls |= gather(below(word, 0x20)) << shift;
            masks.white |= gather(is(b' ') | is(b'\t') | is(b'\n') | is(b'\r')) << shift;
            masks.commas |= gather(is(b',')) << shift;
            masks.colons |= gather(is(b':')) << shift;
            masks.opens |= gather(is_bracket(b'{')) << shift;
            masks.closes |= gather(is_bracket(b'}')) << shift;
            masks.digits |= gather(below(word, b'9' + 1) & !below(word, b'0')) << shift;
            masks.zeros |= gather(is(b'0')) << shift;
            masks.points |= gather(is(b'.')) << shift;
            masks.minuses |= gather(is(b'-')) << shift;
            masks.high |= gather(word) << shift;
        }
        masks
    }

    #[inline]
    fn parity(self, bits: u64) -> u64 {
        [1, 2, 4, 8, 16, 32].into_iter().fold(bits, |bits, shift| bits ^ bits << shift)
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)] // see the module's documentation
mod x86 {
    use super::{Machine, Masks, Pass};
    use std::arch::x86_64::{
        __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8,
        _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_setr_epi8, _mm256_shuffle_epi8, _mm256_sub_epi8,
    };

    /// A processor with AVX2 and PCLMULQDQ, and the instructions on single bits that come with them.
    #[derive(Clone, Copy)]
    pub struct Avx2(());

    impl Avx2 {
        /// The proof that the processor has them.
        pub fn detect() -> Option<Self> {
            let has = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("pclmulqdq")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt");
            has.then_some(Self(()))
        }

        pub fn run<P: Pass>(self, pass: P) -> P::Output {
            // SAFETY: `self` proves that the processor has these instructions.
            unsafe { run(self, pass) }
        }
    }

    #[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
    fn run<P: Pass>(machine: Avx2, pass: P) -> P::Output {
        pass.run(machine)
    }

    impl Machine for Avx2 {
        #[inline(always)]
        fn masks(self, block: &[u8; 64]) -> Masks {
            // SAFETY: `self` proves that the processor has these instructions.
            unsafe { masks(block) }
        }

        #[inline(always)]
        fn parity(self, bits: u64) -> u64 {
            // SAFETY: as above.
            unsafe { parity(bits) }
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn load(half: &[u8; 32]) -> __m256i {
        // SAFETY: 32 bytes are read, from a place of 32 bytes, which need not be aligned.
        unsafe { _mm256_loadu_si256(half.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn masks(block: &[u8; 64]) -> Masks {
        let (halves, _) = block.as_chunks::<32>();
        let (low, high) = (load(&halves[0]), load(&halves[1]));
        let gather = |low: __m256i, high: __m256i| {
            u64::from(_mm256_movemask_epi8(low) as u32) | u64::from(_mm256_movemask_epi8(high) as u32) << 32
        };
        let is = |byte: u8| {
            let wanted = _mm256_set1_epi8(byte as i8);
            gather(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted))
        };
        let at_most = |low: __m256i, high: __m256i, limit: i8| {
            let limit = _mm256_set1_epi8(limit);
            gather(_mm256_cmpeq_epi8(_mm256_min_epu8(low, limit), low), _mm256_cmpeq_epi8(_mm256_min_epu8(high, limit), high))
        };
        // White space by the low half of the byte: the table has a space, tab, LF or CR where that could be one.
        let table = _mm256_setr_epi8(
            32, 0, 0, 0, 0, 0, 0, 0, 0, 9, 10, 0, 0, 13, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 9, 10, 0, 0, 13, 0, 0,
        );
        let is_white = |half: __m256i| _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, half), half);
        // `[` and `{` differ in one bit, as `]` and `}` do.
        let bit = _mm256_set1_epi8(0x20);
        let (low_braces, high_braces) = (_mm256_or_si256(low, bit), _mm256_or_si256(high, bit));
        let is_bracket = |byte: u8| {
            let wanted = _mm256_set1_epi8(byte as i8);
            gather(_mm256_cmpeq_epi8(low_braces, wanted), _mm256_cmpeq_epi8(high_braces, wanted))
        };
        let zero = _mm256_set1_epi8(b'0' as i8);
        Masks {
            quotes: is(b'"'),
            backslashes: is(b'\\'),
            controls: at_most(low, high, 0x1F),
            white: gather(is_white(low), is_white(high)),
            commas: is(b','),
            colons: is(b':'),
            opens: is_bracket(b'{'),
            closes: is_bracket(b'}'),
            digits: at_most(_mm256_sub_epi8(low, zero), _mm256_sub_epi8(high, zero), 9),
            zeros: is(b'0'),
            points: is(b'.'),
            minuses: is(b'-'),
            high: gather(low, high),
        }
    }

    #[target_feature(enable = "pclmulqdq")]
    #[inline]
    fn parity(bits: u64) -> u64 {
        // A product without carries by all ones sums up all lower bits.
        let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits as i64), _mm_set_epi64x(0, -1));
        _mm_cvtsi128_si64(product) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The classes by looking at each byte.
    fn plain(block: &[u8; 64]) -> Masks {
        let gather = |is: fn(u8) -> bool| (0..64).filter(|&n| is(block[n])).fold(0, |bits, n| bits | 1 << n);
        Masks {
            quotes: gather(|byte| byte == b'"'),
            backslashes: gather(|byte| byte == b'\\'),
            controls: gather(|byte| byte < 0x20),
            white: gather(|byte| b" \t\n\r".contains(&byte)),
            commas: gather(|byte| byte == b','),
            colons: gather(|byte| byte == b':'),
            opens: gather(|byte| b"[{".contains(&byte)),
            closes: gather(|byte| b"]}".contains(&byte)),
            digits: gather(|byte| byte.is_ascii_digit()),
            zeros: gather(|byte| byte == b'0'),
            points: gather(|byte| byte == b'.'),
            minuses: gather(|byte| byte == b'-'),
            high: gather(|byte| !byte.is_ascii()),
        }
    }

    struct Both([u8; 64], u64);

    impl Pass for Both {
        type Output = (Masks, u64);

        #[inline(always)]
        fn run<M: Machine>(self, machine: M) -> Self::Output {
            (machine.masks(&self.0), machine.parity(self.1))
        }
    }

    #[track_caller]
    fn check(block: [u8; 64], bits: u64) {
        let parity = (0..64).fold(0, |sum, n| sum | u64::from((bits << (63 - n)).count_ones() & 1) << n);
        assert_eq!(Both(block, bits).run(Portable), (plain(&block), parity));
        assert_eq!(run(Both(block, bits)), (plain(&block), parity));
    }

    #[test]
    fn every_byte_has_its_classes() {
        for byte in 0..=255 {
            let mut block = [byte; 64];
            check(block, u64::MAX);
            for n in 0..64 {
                block = [b'x'; 64];
                block[n] = byte;
                check(block, 1 << n);
            }
        }
    }

    proptest! {
        #[test]
        fn the_machines_agree(bytes in proptest::array::uniform32(any::<u8>()), more in "[ -~\\t\\n]{32}", bits in any::<u64>()) {
            let mut block = [0; 64];
            block[..32].copy_from_slice(&bytes);
            block[32..].copy_from_slice(more.as_bytes());
            check(block, bits);
        }
    }
}
