//! How long a container is and what is in it, found out in its text: small ones stand in no index.
//!
//! In valid text each comma, and each bracket that opens what is not empty, stands for one value: where the container ends its
//! values are counted by bitmaps, without a look at each of them. Finding a row among all coordinates of 100 MB took 17 µs token by
//! token and 10 µs so, comparing two edited texts of 100 MB 0.65 s and 0.22 s.

use super::bitmap::{self, Machine, Pass};
use super::fragment::{close_of_string, scalar_end};
use super::tokens::escapes_begin;

/// Length, children and values inside of the container that `text` begins with, if it ends inside `text`: the piece of a valid text
/// in which a small one has room.
pub fn measure(text: &[u8]) -> Option<(usize, u64, u64)> {
    bitmap::run(Small(text))
}

struct Small<'a>(&'a [u8]);

impl Pass for Small<'_> {
    type Output = Option<(usize, u64, u64)>;

    #[inline(always)]
    fn run<M: Machine>(self, machine: M) -> Self::Output {
        if !M::FAST {
            return plain(self.0);
        }
        let (blocks, rest) = self.0.as_chunks::<64>();
        let mut padded = [b' '; 64];
        padded[..rest.len()].copy_from_slice(rest);
        let last = (!rest.is_empty()).then_some(&padded);
        let (mut escaped, mut in_string, mut after_open) = (0, 0, 0);
        let (mut depth, mut commas_inside, mut values) = (0_u64, 0_u64, 0_u64);
        for (number, block) in blocks.iter().chain(last).enumerate() {
            let strings = machine.strings(block);
            let begins = escapes_begin(strings.backslashes, escaped);
            let quotes = strings.quotes & !(begins << 1 | escaped);
            escaped = begins >> 63;
            let string = machine.parity(quotes) ^ in_string;
            in_string = ((string as i64) >> 63) as u64;
            let structure = machine.structure(block);
            let outside = |bits: u64| bits & !string;
            let (commas, opens, closes) = (outside(structure.commas), outside(structure.opens), outside(structure.closes));
            // What is behind an opening bracket and white space: the bits behind the brackets run through the white space.
            let (behind, runs_on) = structure.white.overflowing_add(opens << 1 | after_open);
            let empties = closes & behind & !structure.white;
            after_open = opens >> 63 | u64::from(runs_on);
            let counted = |mask: u64| {
                let ones = |bits: u64| u64::from((bits & mask).count_ones());
                // The empty one may have been opened in the block before.
                (ones(commas) + ones(opens)).wrapping_sub(ones(empties))
            };
            let mut brackets = opens | closes;
            // The bits from the last bracket on.
            let mut left = u64::MAX;
            while brackets != 0 {
                let bracket = brackets & brackets.wrapping_neg();
                brackets ^= bracket;
                let before = bracket - 1;
                if depth == 1 {
                    commas_inside += u64::from((commas & left & before).count_ones());
                }
                left = !before;
                if opens & bracket != 0 {
                    depth += 1;
                    continue;
                }
                depth -= 1;
                if depth == 0 {
                    values = values.wrapping_add(counted(bracket | before));
                    let children = if values == 0 { 0 } else { commas_inside + 1 };
                    return Some((64 * number + bracket.trailing_zeros() as usize + 1, children, values));
                }
            }
            if depth == 1 {
                commas_inside += u64::from((commas & left).count_ones());
            }
            values = values.wrapping_add(counted(u64::MAX));
        }
        None
    }
}

/// The same as [`measure`], token by token.
fn plain(text: &[u8]) -> Option<(usize, u64, u64)> {
    let mut measure = Measure::default();
    let mut at = 0;
    loop {
        at = measure.step(text, at)?;
        if measure.depth == 0 {
            return Some((at, measure.children(), measure.values));
        }
    }
}

/// Counts tokens of valid text: no stack is needed, since brackets are known to match.
#[derive(Default)]
pub struct Measure {
    /// Brackets that are open.
    pub depth: u64,
    /// Commas of the outermost level.
    commas: u64,
    /// Values inside of the outermost level.
    pub values: u64,
}

impl Measure {
    /// Children of the outermost level.
    pub fn children(&self) -> u64 {
        if self.values == 0 { 0 } else { self.commas + 1 }
    }

    /// Passes a container with so many values, itself counted.
    pub fn skip(&mut self, values: u64) {
        self.values += values;
    }

    /// Takes the token at `at` and gives the place behind it; `None` where the text ends inside it.
    pub fn step(&mut self, text: &[u8], at: usize) -> Option<usize> {
        match text.get(at)? {
            b'{' | b'[' => {
                self.values += u64::from(self.depth > 0);
                self.depth += 1;
                Some(at + 1)
            }
            b'}' | b']' => {
                self.depth -= 1;
                Some(at + 1)
            }
            b'"' => {
                self.values += 1;
                close_of_string(text, at)
            }
            b',' => {
                self.commas += u64::from(self.depth == 1);
                Some(at + 1)
            }
            // The string before it was a key.
            b':' => {
                self.values -= 1;
                Some(at + 1)
            }
            b' ' | b'\n' | b'\r' | b'\t' => Some(at + 1),
            _ => {
                self.values += 1;
                let end = scalar_end(text, at);
                // Cut inside a number, perhaps: the caller looks at a part of the text only.
                (end < text.len()).then_some(end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::common::{format, model, text_of};
    use super::*;
    use proptest::prelude::*;

    /// At each bracket outside of strings, in as much text as there is and in less.
    #[track_caller]
    fn check(text: &[u8]) {
        let mut at = 0;
        while at < text.len() {
            match text[at] {
                b'"' => at = close_of_string(text, at).unwrap(),
                open => {
                    if matches!(open, b'[' | b'{') {
                        for room in [256, 100, 64, 63, 7] {
                            let cut = &text[at..text.len().min(at + room)];
                            assert_eq!(measure(cut), plain(cut), "{}", String::from_utf8_lossy(cut));
                        }
                    }
                    at += 1;
                }
            }
        }
    }

    #[test]
    fn at_the_borders_of_blocks() {
        for text in [
            "[]",
            "[[]]",
            "[ ]",
            "{}",
            "[[],[ ],{}]",
            "[1,2]",
            "[[1,2],[3,[4]],5]",
            r#"{"a":[1,"\\"],"]":{"\"":"\\\""}}"#,
            r#"["\\\\\\"]"#,
        ] {
            for before in 0..130 {
                check(format!("[{}]", " ".repeat(before)).as_bytes());
                check(format!("[\"{}\",{text},{}{text}]", "x".repeat(before), " ".repeat(before)).as_bytes());
            }
        }
        assert_eq!(measure(b"[[1, 2], {\"a\": []}, 3]"), Some((22, 3, 6)));
        assert_eq!(measure(b"[[1, 2], {\"a\": []}, 3"), None);
    }

    proptest! {
        #[test]
        fn bitmaps_count_what_the_tokens_are(models in proptest::collection::vec(model(), 1..9), format in format()) {
            let items: Vec<String> = models.iter().map(|model| text_of(model, &format)).collect();
            check(format!("[{}]", items.join(",")).as_bytes());
        }
    }
}
