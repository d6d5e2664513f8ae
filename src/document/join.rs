//! Joining two parts of a text that were swept by themselves.
//!
//! The left part ends before a comma at which the right one starts, or in a string in which it does. The right one did not know
//! what was open there: where a bracket closed nothing that it had seen opened, it noted what the container held since
//! ([`Claim`]). Here each claim meets the container that the left part left open. That the comma stands outside of strings was a
//! guess until now; the left part, swept from the text's start, knows. So a wrong guess makes a join fail, and nothing else.

use super::index::{Checkpoint, LARGE, LONG_STRING, Seam};
use super::scan::DEEP;
use super::sweep::{Claim, Level, Outer, Sweep, Wide};

impl Sweep {
    /// Takes what the part to the right found; this one is finished. False, and nothing is taken, where they do not fit.
    pub fn join(&mut self, mut right: Sweep) -> bool {
        if !self.takes(&right) {
            return false;
        }
        right.outer.commas = right.levels[0].commas;
        // The left part ended in the string in which the right one started.
        let string_start = self.tokenizer.known_string_start().unwrap_or_default();
        if let Some(end) = right.rest_of_string
            && end - string_start >= LONG_STRING
        {
            self.record_string(string_start, end);
        }
        let levels = self.depth;
        for claim in right.claims {
            self.take_claim(claim);
        }
        self.take_outer(right.outer);
        let depth = self.depth;
        if right.entries.len() > 0 {
            self.hold_places(depth);
            self.placed += right.placed;
        }
        let entries = self.entries.len();
        self.entries.append(right.entries);
        self.wide.append(right.wide, entries);
        self.seams.extend(right.seams.into_iter().map(|seam| Seam { entry: seam.entry + entries as u32, ..seam }));
        self.levels.truncate(depth + 1);
        self.levels.extend(right.levels[..=right.depth].iter().skip(1).map(|level| Level {
            entry: level.entry + entries,
            values_before: level.values_before.wrapping_add(self.values),
            ..*level
        }));
        self.depth += right.depth;
        self.open_wide.extend(right.open_wide.into_iter().map(|wide| Wide { depth: wide.depth + depth, ..wide }));
        self.deepest = self.deepest.max(levels as i64 + right.deepest);
        self.values = self.values.wrapping_add(right.values);
        self.utf8_done = right.base + right.utf8_done;
        let escapes = self.tokenizer.unicode_escapes;
        self.tokenizer = right.tokenizer;
        self.tokenizer.unicode_escapes |= escapes;
        self.tokenizer.moved_by(right.base, string_start);
        true
    }

    fn takes(&self, right: &Sweep) -> bool {
        let levels = self.depth;
        if self.wrong || right.wrong || right.claims.len() > levels || levels as i64 + right.deepest > DEEP as i64 {
            return false;
        }
        let mut kinds = self.levels[..=levels].iter().skip(1).rev().map(|level| level.object != 0);
        let claims_fit = right.claims.iter().all(|claim| kinds.next() == Some(claim.object));
        claims_fit
            && match kinds.next() {
                Some(true) => right.outer.object,
                Some(false) => right.outer.array,
                None => right.outer.object && right.outer.array,
            }
    }

    /// Closes the innermost open container.
    fn take_claim(&mut self, claim: Claim) {
        self.take_outer(claim.outer);
        let level = self.levels[self.depth];
        if claim.end - level.start >= LARGE {
            let values = self.values.wrapping_add(claim.values).wrapping_sub(level.values_before);
            self.record(claim.end, level.commas + 1, values);
        } else {
            self.leave_wide();
        }
        self.depth -= 1;
    }

    /// Adds what the right part saw directly in the innermost open container.
    fn take_outer(&mut self, outer: Outer) {
        let depth = self.depth;
        if depth == 0 {
            return;
        }
        let level = self.levels[depth];
        if !outer.points.is_empty() {
            self.joined = true;
            let start = level.start as u64;
            let values = self.values.wrapping_sub(level.values_before);
            let points =
                outer.points.iter().map(|point| Checkpoint::new(point.offset() - start, point.values().wrapping_add(values)));
            if self.open_wide.last().is_none_or(|wide| wide.depth != depth) {
                self.open_wide.push(Wide { depth, points: Vec::new(), seams: Vec::new() });
            }
            if let Some(wide) = self.open_wide.last_mut() {
                wide.seams.push((wide.points.len(), level.commas + 1));
                wide.points.extend(points);
            }
        }
        self.levels[depth].commas += outer.commas - Level::OUTER.commas;
    }
}
