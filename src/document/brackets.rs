//! Brackets, commas and colons of four blocks: which brackets match, how many children a container has, and whether each member
//! of an object has a key and no element of an array has one.
//!
//! Most containers are small. Those that begin and end in the four blocks, and have others in them on one level at most, are found
//! by bitmaps; what is left is looked at bracket by bracket.
//!
//! Tried, and not faster: one loop over the brackets of all four blocks, with which a simulated processor guesses 0.6 times as many
//! branches wrong (1.03 times the time of the sweep); brackets behind the tokens of sixteen groups (1.08 times); literals checked
//! without bits for each of them (1.0 times). What is left of the time is no wrong guesses: records that are all the same, whose
//! branches can be foreseen, take 0.97 times as long as those with numbers and strings of any length.

use super::bitmap::Machine;
use super::index::{Checkpoint, LARGE, STRIDE};
use super::scan::{DEEP, skip_white_space};
use super::sweep::{AHEAD, Claim, Level, Outer, Sweep, Wide};
use super::tokens::Tokens;

/// What changes with every bracket: kept in registers over many blocks.
pub(super) struct Hot {
    /// Of the innermost open container: the commas so far.
    commas: u64,
    /// All ones if it is an object.
    object: u64,
    values: u64,
    /// Open containers, less those claimed, and the most there were.
    net: i64,
    deepest: i64,
    wrong: u64,
}

/// All ones or none.
fn all(is: bool) -> u64 {
    0_u64.wrapping_sub(u64::from(is))
}

impl Outer {
    /// Sees a stretch of it, in block `n`.
    fn see(&mut self, tokens: &Tokens, n: usize, stretch: u64) {
        self.array &= tokens.colons[n] & stretch == 0;
        self.object &= tokens.keyless[n] & stretch == 0;
    }
}

impl Tokens {
    /// Values among the bits of `upto` in block `n`. Of keys, the colons have been passed.
    #[inline(always)]
    fn values(&self, n: usize, upto: u64) -> u64 {
        u64::from((self.starts[n] & upto).count_ones()).wrapping_sub(u64::from((self.colons[n] & upto).count_ones()))
    }
}

impl Hot {
    pub fn new(sweep: &Sweep) -> Self {
        let Level { commas, object, .. } = sweep.levels[sweep.depth];
        let net = sweep.depth as i64 - sweep.claims.len() as i64;
        Self { commas, object, values: sweep.values, net, deepest: sweep.deepest, wrong: 0 }
    }

    pub fn put_back(&self, sweep: &mut Sweep) {
        sweep.levels[sweep.depth].commas = self.commas;
        sweep.values = self.values;
        sweep.deepest = self.deepest;
        sweep.wrong |= self.wrong != 0;
    }

    /// Counts commas; whether one of them is a [`STRIDE`]th.
    #[inline(always)]
    fn count(&mut self, commas: u64) -> bool {
        let before = self.commas;
        self.commas += commas;
        before ^ self.commas >= STRIDE
    }

    /// Small containers that begin in a stretch of block `n` are in the innermost open one.
    #[inline(always)]
    fn reach(&mut self, small: &Small, n: usize, stretch: u64) {
        let levels = i64::from(small.first[n] & stretch != 0) + i64::from(small.outer_first[n] & stretch != 0);
        self.deepest = self.deepest.max(self.net + levels);
    }
}

/// Containers of less than [`LARGE`] bytes in four blocks, with no others in them or with such ones: they leave no trace but that
/// they are right.
#[derive(Default)]
struct Small {
    /// Their opening brackets.
    first: [u64; 4],
    /// Of those that have others in them.
    outer_first: [u64; 4],
    /// All behind the opening brackets, with the closing ones.
    inside: [u64; 4],
    /// Where the innermost of them is an object.
    inside_object: [u64; 4],
    /// Brackets of other containers.
    others: [u64; 4],
    /// How many brackets there are, with these.
    count: usize,
}

impl Small {
    #[inline(always)]
    fn find<M: Machine>(machine: M, tokens: &Tokens) -> Self {
        let mut small = Self::default();
        for n in 0..4 {
            small.others[n] = tokens.opens[n] | tokens.closes[n];
            small.count += small.others[n].count_ones() as usize;
        }
        match small.count {
            0 => {}
            1..=64 => small.pair::<M, 4>(machine, tokens, 0),
            _ => (0..4).for_each(|n| small.pair::<M, 1>(machine, tokens, n)),
        }
        small
    }

    /// Finds those in `N` blocks from block `begin` on, with no more than 64 brackets.
    #[inline(always)]
    fn pair<M: Machine, const N: usize>(&mut self, machine: M, tokens: &Tokens, begin: usize) {
        // All brackets moved together, so that neighbours are beside each other.
        let (mut count, mut opens, mut closes) = (0, 0, 0);
        let mut begins = [0; N];
        for (k, place) in begins.iter_mut().enumerate() {
            let n = begin + k;
            *place = count % 64;
            opens |= machine.gather(tokens.opens[n], self.others[n]) << *place;
            closes |= machine.gather(tokens.closes[n], self.others[n]) << *place;
            count += self.others[n].count_ones();
        }
        // One in all of four blocks is large.
        let whole = if N == 4 { tokens.opens[0] & 1 } else { 0 };
        let inner = opens & closes >> 1 & !whole;
        let others = (opens | closes) & !(inner | inner << 1);
        let outer = machine.gather(opens, others) & machine.gather(closes, others) >> 1 & !whole;
        if !M::FAST && inner | outer == 0 {
            return;
        }
        let outer_last = machine.scatter(outer << 1, others);
        let outer = machine.scatter(outer, others);
        let (mut in_inner, mut in_inner_object, mut in_outer, mut in_outer_object) = (0, 0, 0, 0);
        for (k, place) in begins.into_iter().enumerate() {
            let n = begin + k;
            let scatter = |bits: u64| machine.scatter(bits >> place, self.others[n]);
            let (inner, outer_first) = (scatter(inner | inner << 1), scatter(outer));
            let outer = outer_first | scatter(outer_last);
            self.first[n] = inner & tokens.opens[n] | outer_first;
            self.outer_first[n] = outer_first;
            self.others[n] &= !(inner | outer);
            let braces = tokens.braces[n];
            let within = between(machine, inner, &mut in_inner);
            self.inside[n] = within | between(machine, outer, &mut in_outer);
            self.inside_object[n] = between(machine, outer & braces, &mut in_outer_object) & !within
                | between(machine, inner & braces, &mut in_inner_object);
        }
    }
}

/// What is behind an odd number of `flips`, beginning with `first`, which is all ones or none and becomes what comes next.
#[inline(always)]
fn between<M: Machine>(machine: M, flips: u64, first: &mut u64) -> u64 {
    let parity = machine.parity(flips);
    let between = parity << 1 ^ *first;
    *first ^= ((parity as i64) >> 63) as u64;
    between
}

impl Sweep {
    /// Takes the tokens of four blocks.
    #[inline(always)]
    pub(super) fn take<M: Machine>(&mut self, hot: &mut Hot, machine: M, tokens: &Tokens, text: &[u8]) {
        if self.depth > DEEP {
            // Not all of what lies so deep is recorded, and it is not to be done here.
            hot.wrong = 1;
            return;
        }
        let small = Small::find(machine, tokens);
        // As many as there can be, and one to be left over.
        if self.levels.len() < self.depth + small.count + 2 {
            self.levels.resize(2 * (self.depth + small.count + 2), Level::default());
        }
        for n in 0..4 {
            self.block(hot, tokens, &small, n, text);
        }
    }

    #[inline(always)]
    fn block(&mut self, hot: &mut Hot, tokens: &Tokens, small: &Small, n: usize, text: &[u8]) {
        // Where the innermost container is an object, and where it was opened before the sweep's start.
        let mut object = hot.object;
        let mut outer = all(self.depth == 0);
        let mut unclaimed = u64::MAX;
        let commas = tokens.commas[n] & !small.inside[n];
        let mut passed = 0;
        let mut rest = u64::MAX;
        let mut left = small.others[n];
        while left != 0 {
            let bit = left & left.wrapping_neg();
            left ^= bit;
            let before = bit - 1;
            let behind = !(before | bit);
            let passing = u64::from((commas & before).count_ones());
            if hot.count(passing - passed) {
                self.checkpoint(hot, tokens, n, commas & before & rest, text);
            }
            passed = passing;
            hot.reach(small, n, before & rest);
            rest = behind;
            let place = self.base + tokens.at + n * 64 + bit.trailing_zeros() as usize;
            let was_object = hot.object;
            let is_object = all(tokens.braces[n] & bit != 0);
            let depth = self.depth;
            if tokens.opens[n] & bit != 0 {
                if depth == 0 {
                    outer ^= behind;
                }
                self.levels[depth].commas = hot.commas;
                let values_before = hot.values.wrapping_add(tokens.values(n, before | bit));
                self.levels[depth + 1] = Level { start: place, entry: 0, commas: 0, values_before, object: is_object };
                self.depth = depth + 1;
                hot.wrong |= u64::from(depth >= DEEP);
                (hot.commas, hot.object) = (0, is_object);
                hot.net += 1;
                hot.deepest = hot.deepest.max(hot.net);
            } else {
                let children = hot.commas + 1 - u64::from(tokens.empties[n] & bit != 0);
                if depth == 0 {
                    self.outer.see(tokens, n, outer & unclaimed & !(behind | small.inside[n]));
                    unclaimed = behind;
                    let values = hot.values.wrapping_add(tokens.values(n, before));
                    self.claim(hot, place + 1, is_object != 0, children, values);
                } else {
                    if place + 1 - self.levels[depth].start >= LARGE {
                        let values = hot.values.wrapping_add(tokens.values(n, before));
                        hot.wrong |= u64::from(!self.close(place + 1, children, values));
                    } else if hot.commas >= STRIDE || self.joined {
                        self.leave_wide();
                    }
                    self.depth = depth - 1;
                    let level = &self.levels[depth - 1];
                    (hot.commas, hot.object) = (level.commas, level.object);
                    if depth == 1 {
                        outer |= behind;
                    }
                }
                hot.net -= 1;
            }
            object ^= (was_object ^ hot.object) & behind;
        }
        if hot.count(u64::from(commas.count_ones()) - passed) {
            self.checkpoint(hot, tokens, n, commas & rest, text);
        }
        hot.reach(small, n, rest);
        object = object & !small.inside[n] | small.inside_object[n];
        outer &= !small.inside[n];
        if outer != 0 {
            self.outer.see(tokens, n, outer & unclaimed);
        }
        hot.wrong |= tokens.closes[n] & (tokens.braces[n] ^ object) & !outer
            | tokens.colons[n] & !(object | outer)
            | tokens.keyless[n] & object;
        hot.values = hot.values.wrapping_add(tokens.values(n, u64::MAX));
    }

    /// Makes a checkpoint of a child in block `n`: of `commas`, which are counted, one is a [`STRIDE`]th.
    #[cold]
    #[inline(never)]
    fn checkpoint(&mut self, hot: &Hot, tokens: &Tokens, n: usize, commas: u64, text: &[u8]) {
        let mut commas = commas;
        for _ in 0..u64::from(commas.count_ones()) - hot.commas % STRIDE - 1 {
            commas &= commas.wrapping_sub(1);
        }
        let before = (commas & commas.wrapping_neg()).wrapping_sub(1);
        let values = hot.values.wrapping_add(tokens.values(n, before));
        let comma = tokens.at + n * 64 + commas.trailing_zeros() as usize;
        let end = text.len().min(comma + AHEAD);
        let child = skip_white_space(&text[..end], comma + 1);
        // No child in reach.
        self.wrong |= child >= end;
        let child = self.base + child;
        let depth = self.depth;
        if depth == 0 {
            return self.outer.points.push(Checkpoint::new(child as u64, values));
        }
        let level = &self.levels[depth];
        let point = Checkpoint::new((child - level.start) as u64, values.wrapping_sub(level.values_before));
        match self.open_wide.last_mut() {
            Some(wide) if wide.depth == depth => wide.push(hot.commas / STRIDE * STRIDE, point),
            _ => self.open_wide.push(Wide { depth, points: vec![point], seams: Vec::new() }),
        }
    }

    /// Records the innermost container, which ends. False where there can't be so many values.
    #[inline(never)]
    fn close(&mut self, end: usize, children: u64, values: u64) -> bool {
        let level = self.levels[self.depth];
        let inside = values.wrapping_sub(level.values_before);
        // Fewer than none, by a colon without a key: that is found wrong with the chunk.
        let most = (end - level.start) as u64;
        self.record(end, children, inside.min(most));
        inside <= most
    }

    /// Forgets the checkpoints of the innermost container, which is small.
    pub(super) fn leave_wide(&mut self) {
        if self.open_wide.last().is_some_and(|wide| wide.depth == self.depth) {
            self.open_wide.pop();
        }
    }

    /// The end of a container that was opened before the sweep's start.
    #[cold]
    #[inline(never)]
    fn claim(&mut self, hot: &mut Hot, end: usize, object: bool, children: u64, values: u64) {
        let mut outer = std::mem::replace(&mut self.outer, Outer::new());
        outer.commas = hot.commas;
        hot.commas = Level::OUTER.commas;
        // It has a child at least: the part begins behind one.
        self.wrong |= children == outer.commas || !(if object { outer.object } else { outer.array });
        // More than can be joined.
        self.wrong |= self.claims.len() >= DEEP;
        self.claims.push(Claim { object, end, values, outer });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a part that starts at a comma is taken, and not given up.
    fn is_taken(part: &str) -> bool {
        let mut sweep = Sweep::from_comma(0);
        sweep.advance(part.as_bytes(), 0, part.len()) && sweep.finish()
    }

    #[test]
    fn small_containers_tell_nothing_of_the_one_around() {
        assert!(is_taken(r#",{"a":1},{"b":{"c":2}}]"#));
        assert!(is_taken(r#","k":[1,2],"l":{"a":[3,4]}}"#));
        assert!(is_taken(r#","k":[1,2]},{"l":[[3,4],5]}],6]"#));
        // What is told of it counts.
        assert!(!is_taken(r#",[1],"a":2]"#));
        assert!(!is_taken(r#",{"a":1},2}"#));
    }
}
