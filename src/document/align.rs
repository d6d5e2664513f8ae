//! Which children of two containers belong together: members by key, elements by what they are.
//!
//! First [`runs`] passes what is the same. Elements are then matched in three steps: items that stand once on either side, in the
//! longest run that keeps their order (as patience diff does, O(n log n) whatever the input); the small gaps between them by
//! Myers' algorithm; and what is left by likeness: objects that share an identifying member or half of what they hold, and
//! what stands alone in the same place.

use super::node::{Child, Node};
use super::runs::{Run, runs};
use super::same::{Same, hash_of, hashes, same_bytes, same_key};
use super::scalar::{self, Kind};
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

/// A stretch of two containers' children, as child numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// So many children are the same on both sides.
    Same {
        /// The first one, before.
        a: u64,
        /// The first one, after.
        b: u64,
        /// How many.
        count: u64,
    },
    /// Two children belong together and are not the same.
    Pair {
        /// Before.
        a: u64,
        /// After.
        b: u64,
    },
    /// Only before.
    Gone(u64),
    /// Only after.
    New(u64),
}

/// Asked now and then whether to go on, with a value of the earlier side: about so far it is.
pub type Watch<'a> = dyn FnMut(&Node) -> ControlFlow<()> + 'a;

/// Aligns the children of two containers of the same kind, in the order of the later one as far as there is one. `None` where
/// `watch` breaks off.
pub fn align(a: &Node, b: &Node, same: Same, watch: &mut Watch<'_>) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    if a.is_same(b) {
        push(&mut spans, Span::Same { a: 0, b: 0, count: a.child_count() });
        return Some(spans);
    }
    if let Some(spans) = same_keys(a, b, same) {
        return Some(spans);
    }
    let runs = runs(a, b, same, watch)?;
    let end = Run { a: a.child_count(), b: b.child_count(), count: 0 };
    let gaps = || {
        let starts = std::iter::once((0, 0)).chain(runs.iter().map(|run| (run.a + run.count, run.b + run.count)));
        starts.zip(runs.iter().chain([&end])).map(|((a, b), next)| (a..next.a, b..next.b))
    };
    if a.kind() == Kind::Object {
        // A member may have gone to any other gap.
        let (numbers_a, rest_a) = members_in(a, gaps().map(|(a, _)| a));
        let (numbers_b, rest_b) = members_in(b, gaps().map(|(_, b)| b));
        let mut runs = runs.iter().peekable();
        for span in members(&rest_a, &rest_b, same, watch)? {
            let span = span.moved(|a| numbers_a[a as usize], |b| numbers_b[b as usize]);
            let is_before = |run: &&Run| match span {
                Span::Gone(a) => run.a < a,
                Span::New(b) | Span::Pair { b, .. } | Span::Same { b, .. } => run.b < b,
            };
            while let Some(run) = runs.next_if(|run| is_before(run)) {
                push(&mut spans, run.span());
            }
            push(&mut spans, span);
        }
        runs.for_each(|run| push(&mut spans, run.span()));
    } else {
        for ((of_a, of_b), run) in gaps().zip(runs.iter().chain([&end])) {
            let mut children = |node: &Node, range: Range<u64>| -> Option<Vec<Child>> {
                let children = node.children_from(range.start).take((range.end - range.start) as usize);
                // How far that is says nothing of what is left to do.
                children.map(|child| go_on(watch, node).map(|()| child)).collect()
            };
            let (from_a, from_b) = (of_a.start, of_b.start);
            let (of_a, of_b) = (children(a, of_a)?, children(b, of_b)?);
            for span in elements(&of_a, &of_b, same, watch)? {
                push(&mut spans, span.moved(|a| a + from_a, |b| b + from_b));
            }
            push(&mut spans, run.span());
        }
    }
    Some(spans)
}

/// Of small objects with the same keys in the same order, as most records are that were changed.
fn same_keys(a: &Node, b: &Node, same: Same) -> Option<Vec<Span>> {
    /// In larger ones what is the same is found faster otherwise.
    const MEMBERS: u64 = 32;
    let count = a.child_count();
    if a.kind() != Kind::Object || count > MEMBERS || count != b.child_count() {
        return None;
    }
    let mut spans = Vec::new();
    for (number, (x, y)) in (0..count).zip(a.children().zip(b.children())) {
        if !same_key(&x, &y) {
            return None;
        }
        push(&mut spans, Span::partners(number, number, same.values(&x.node, &y.node)));
    }
    Some(spans)
}

/// As [`align`], to the end, by bytes.
pub fn align_all(a: &Node, b: &Node) -> Vec<Span> {
    // Nothing breaks it off.
    align(a, b, Same::Bytes, &mut |_| ControlFlow::Continue(())).unwrap_or_default()
}

/// `None` where `watch` breaks off.
pub(super) fn go_on(watch: &mut Watch<'_>, node: &Node) -> Option<()> {
    watch(node).is_continue().then_some(())
}

impl Run {
    fn span(&self) -> Span {
        Span::Same { a: self.a, b: self.b, count: self.count }
    }
}

impl Span {
    /// Two children that belong together.
    fn partners(a: u64, b: u64, are_same: bool) -> Self {
        if are_same { Self::Same { a, b, count: 1 } } else { Self::Pair { a, b } }
    }

    fn moved(self, of_a: impl Fn(u64) -> u64, of_b: impl Fn(u64) -> u64) -> Self {
        match self {
            Self::Same { a, b, count } => Self::Same { a: of_a(a), b: of_b(b), count },
            Self::Pair { a, b } => Self::Pair { a: of_a(a), b: of_b(b) },
            Self::Gone(a) => Self::Gone(of_a(a)),
            Self::New(b) => Self::New(of_b(b)),
        }
    }
}

/// The members in some stretches of an object, with their numbers in it.
fn members_in(node: &Node, ranges: impl Iterator<Item = Range<u64>>) -> (Vec<u64>, Vec<Child>) {
    ranges.flat_map(|range| range.clone().zip(node.children_from(range.start))).unzip()
}

/// Appends a span; neighbouring stretches of the same become one.
fn push(spans: &mut Vec<Span>, span: Span) {
    match (spans.last_mut(), span) {
        (_, Span::Same { count: 0, .. }) => {}
        (Some(Span::Same { a, b, count }), Span::Same { a: next_a, b: next_b, count: more })
            if *a + *count == next_a && *b + *count == next_b =>
        {
            *count += more;
        }
        _ => spans.push(span),
    }
}

/// Where little is the same all elements are looked at three times: for what is the same, for what is alike, and by who asked, for how
/// that differs. How far the first two are is told as a quarter each of the way, so that the last one, which may take longest, has
/// something left to tell.
const PARTS: usize = 4;

/// Elements: what is the same first, what is alike in the gaps.
fn elements(a: &[Child], b: &[Child], same: Same, watch: &mut Watch<'_>) -> Option<Vec<Span>> {
    let mut hash_all = |children: &[Child], place: &dyn Fn(usize) -> usize| {
        hashes(children, same, &mut |k| a.get(place(k)).map_or(Some(()), |child| go_on(watch, &child.node)))
    };
    let (hash_a, hash_b) = (hash_all(a, &|k| k / PARTS)?, hash_all(b, &|_| a.len() / PARTS)?);
    let of_same = anchors(&hash_a, &hash_b, &mut || a.get(a.len() / PARTS).map_or(Some(()), |child| go_on(watch, &child.node)))?;
    let mut elements = Elements { a, b, same, hash_a: &hash_a, hash_b: &hash_b, spans: Vec::new(), watch };
    let (mut from_a, mut from_b) = (0, 0);
    for (at_a, at_b) in of_same {
        elements.gap(from_a..at_a, from_b..at_b)?;
        elements.push_same(at_a, at_b);
        (from_a, from_b) = (at_a + 1, at_b + 1);
    }
    elements.gap(from_a..a.len(), from_b..b.len())?;
    Some(elements.spans)
}

/// Places of items that stand once on either side, as many as can be had without crossing: the longest increasing subsequence.
/// `None` where `go_on` says so.
pub(super) fn anchors(a: &[u64], b: &[u64], go_on: &mut dyn FnMut() -> Option<()>) -> Option<Vec<(usize, usize)>> {
    let (once_a, once_b) = (once(a, go_on)?, once(b, go_on)?);
    let mut partners = vec![usize::MAX; a.len()];
    let mut of_b = once_b.iter().peekable();
    for &(hash, place) in &once_a {
        go_on()?;
        while of_b.next_if(|other| other.0 < hash).is_some() {}
        if let Some(&(_, partner)) = of_b.next_if(|other| other.0 == hash) {
            partners[place] = partner;
        }
    }
    drop((once_a, once_b));
    let pairs: Vec<(usize, usize)> = partners.into_iter().enumerate().filter(|&(_, partner)| partner != usize::MAX).collect();
    // `ends[n]`: the pair with the smallest later place that ends a run of n + 1.
    let mut ends: Vec<usize> = Vec::new();
    let mut before = vec![usize::MAX; pairs.len()];
    for (number, &(_, place)) in pairs.iter().enumerate() {
        go_on()?;
        let length = ends.partition_point(|&end| pairs[end].1 < place);
        if length > 0 {
            before[number] = ends[length - 1];
        }
        if length == ends.len() { ends.push(number) } else { ends[length] = number }
    }
    let mut run = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(number) = at {
        run.push(pairs[number]);
        at = Some(before[number]).filter(|&number| number != usize::MAX);
    }
    run.reverse();
    Some(run)
}

/// Those that stand once, with their places, sorted. `None` where `go_on` says so.
fn once(hashes: &[u64], go_on: &mut dyn FnMut() -> Option<()>) -> Option<Vec<(u64, usize)>> {
    /// So many are sorted at once: they fit into the processor's cache, and soon it can be asked again whether to go on.
    const AT_ONCE: usize = 1 << 12;
    /// More stretches than this are far from each other for the processor.
    const MOST: usize = 1 << 10;
    let stretches = (hashes.len() / AT_ONCE).next_power_of_two().min(MOST);
    // By the first bits: in order, too.
    let stretch = |hash: u64| (((hash >> 32) * stretches as u64) >> 32) as usize;
    let mut ends = vec![0; stretches];
    hashes.iter().for_each(|&hash| ends[stretch(hash)] += 1);
    let mut sum = 0;
    for end in &mut ends {
        (*end, sum) = (sum, sum + *end);
    }
    let mut sorted = vec![(0, 0); hashes.len()];
    for (place, &hash) in hashes.iter().enumerate() {
        go_on()?;
        let end = &mut ends[stretch(hash)];
        sorted[*end] = (hash, place);
        *end += 1;
    }
    let (mut begin, mut kept) = (0, 0);
    for end in ends {
        go_on()?;
        sorted[begin..end].sort_unstable();
        while begin < end {
            let hash = sorted[begin].0;
            let count = sorted[begin..end].iter().take_while(|other| other.0 == hash).count();
            if count == 1 {
                sorted[kept] = sorted[begin];
                kept += 1;
            }
            begin += count;
        }
    }
    sorted.truncate(kept);
    Some(sorted)
}

/// Elements on both sides that are being aligned, and what was found so far. What gives an `Option` gives `None` where `watch`
/// breaks off.
struct Elements<'a, 'w> {
    a: &'a [Child],
    b: &'a [Child],
    same: Same,
    hash_a: &'a [u64],
    hash_b: &'a [u64],
    spans: Vec<Span>,
    watch: &'a mut Watch<'w>,
}

impl Elements<'_, '_> {
    /// Two with the same hash.
    fn push_same(&mut self, at_a: usize, at_b: usize) {
        // Equal hashes are a strong hint, not a proof.
        let same = self.same.values(&self.a[at_a].node, &self.b[at_b].node);
        push(&mut self.spans, Span::partners(at_a as u64, at_b as u64, same));
    }

    /// What stands between two anchors.
    fn gap(&mut self, range_a: Range<usize>, range_b: Range<usize>) -> Option<()> {
        /// Larger gaps hold so many copies of the same items that nobody could say which belongs to which.
        const MYERS: usize = 2000;
        if range_a.len().max(range_b.len()) > MYERS || range_a.is_empty() || range_b.is_empty() {
            return self.alike(range_a, range_b);
        }
        let (mut from_a, mut from_b) = (range_a.start, range_b.start);
        let (hash_a, hash_b) = (&self.hash_a[range_a.clone()], &self.hash_b[range_b.clone()]);
        for step in similar::capture_diff_slices(similar::Algorithm::Myers, hash_a, hash_b) {
            if let similar::DiffOp::Equal { old_index, new_index, len } = step {
                let (at_a, at_b) = (range_a.start + old_index, range_b.start + new_index);
                self.alike(from_a..at_a, from_b..at_b)?;
                (0..len).for_each(|k| self.push_same(at_a + k, at_b + k));
                (from_a, from_b) = (at_a + len, at_b + len);
            }
        }
        self.alike(from_a..range_a.end, from_b..range_b.end)
    }

    /// Pairs what is alike, in order; what is left over in the same place is a pair, too, where as many went as came.
    fn alike(&mut self, range_a: Range<usize>, range_b: Range<usize>) -> Option<()> {
        /// How far ahead a partner is looked for.
        const AHEAD: usize = 32;
        let mut from_b = range_b.start;
        let mut alone = range_a.start..range_a.start;
        for at_a in range_a {
            let node = &self.a[at_a].node;
            go_on(self.watch, &self.a[(self.a.len() + at_a) / PARTS].node)?;
            let end = (from_b + AHEAD).min(range_b.end);
            // Only objects tell what they are.
            let is_object = node.kind() == Kind::Object;
            let is_partner = |at_b: &usize| likeness(node, &self.b[*at_b].node) == Likeness::Alike;
            match is_object.then(|| (from_b..end).find(is_partner)).flatten() {
                Some(at_b) => {
                    self.leftovers(alone.clone(), from_b..at_b)?;
                    push(&mut self.spans, Span::Pair { a: at_a as u64, b: at_b as u64 });
                    (alone, from_b) = (at_a + 1..at_a + 1, at_b + 1);
                }
                None => alone.end = at_a + 1,
            }
        }
        self.leftovers(alone, from_b..range_b.end)
    }

    fn leftovers(&mut self, range_a: Range<usize>, range_b: Range<usize>) -> Option<()> {
        let mut pairs = range_a.clone().zip(range_b.clone());
        let mut are_pairs = range_a.len() == range_b.len();
        while are_pairs && let Some((at_a, at_b)) = pairs.next() {
            let (a, b) = (&self.a[at_a].node, &self.b[at_b].node);
            go_on(self.watch, &self.a[(self.a.len() + at_a) / PARTS].node)?;
            are_pairs = likeness(a, b) != Likeness::Unlike;
        }
        if are_pairs {
            range_a.zip(range_b).for_each(|(a, b)| push(&mut self.spans, Span::Pair { a: a as u64, b: b as u64 }));
        } else {
            range_a.for_each(|at| push(&mut self.spans, Span::Gone(at as u64)));
            range_b.for_each(|at| push(&mut self.spans, Span::New(at as u64)));
        }
        Some(())
    }
}

/// What two values say about belonging together.
#[derive(PartialEq, Eq)]
enum Likeness {
    Alike,
    Unlike,
    Open,
}

/// Members that name what an object is about.
const NAMES: [&str; 6] = ["id", "_id", "uuid", "key", "name", "path"];

fn likeness(a: &Node, b: &Node) -> Likeness {
    /// Of larger objects only the beginning is looked at.
    const LOOK: usize = 24;
    if a.kind() != b.kind() {
        return Likeness::Open;
    }
    if a.kind() != Kind::Object {
        return Likeness::Open;
    }
    let members = |node: &Node| -> Vec<Child> { node.children().take(LOOK).collect() };
    let (of_a, of_b) = (members(a), members(b));
    let key = |child: &Child| child.key.as_ref().map(|key| scalar::decode(key.bytes()).into_owned()).unwrap_or_default();
    for name in NAMES {
        let find = |of: &[Child]| of.iter().find(|child| key(child) == name).map(|child| child.node.clone());
        if let (Some(a), Some(b)) = (find(&of_a), find(&of_b))
            && !a.kind().is_container()
            && !b.kind().is_container()
        {
            return if same_bytes(&a, &b) { Likeness::Alike } else { Likeness::Unlike };
        }
    }
    let shared = of_a.iter().filter(|a| of_b.iter().any(|b| Same::Bytes.children(a, b))).count();
    if shared > 0 && shared * 2 >= of_a.len().max(of_b.len()) { Likeness::Alike } else { Likeness::Open }
}

/// Members by key and rank; then a value that left one key and came to another, where that is certain.
fn members(a: &[Child], b: &[Child], same: Same, watch: &mut Watch<'_>) -> Option<Vec<Span>> {
    let key = |child: &Child| child.key.as_ref().map(|key| scalar::decode(key.bytes()).into_owned()).unwrap_or_default();
    let mut ranked = |children: &[Child]| -> Option<Vec<(String, u64)>> {
        let mut ranks: HashMap<String, u64> = HashMap::new();
        let mut ranked = Vec::with_capacity(children.len());
        for child in children {
            go_on(watch, &child.node)?;
            let key = key(child);
            let rank = ranks.entry(key.clone()).or_default();
            ranked.push((key, *rank));
            *rank += 1;
        }
        Some(ranked)
    };
    let places: HashMap<(String, u64), usize> = ranked(b)?.into_iter().zip(0..).collect();
    let mut partner_of_b: Vec<Option<usize>> = vec![None; b.len()];
    let mut partner_of_a: Vec<Option<usize>> = vec![None; a.len()];
    for (number, name) in ranked(a)?.into_iter().enumerate() {
        if let Some(&place) = places.get(&name) {
            (partner_of_a[number], partner_of_b[place]) = (Some(place), Some(number));
        }
    }
    renamed(a, b, &mut partner_of_a, &mut partner_of_b);
    // In the order of the later side; what is gone stands where it was between its neighbours.
    let mut spans = Vec::new();
    let mut told = 0;
    for (place, partner) in partner_of_b.iter().enumerate() {
        match partner {
            Some(number) => {
                while told < *number {
                    if partner_of_a[told].is_none() {
                        spans.push(Span::Gone(told as u64));
                    }
                    told += 1;
                }
                told = told.max(number + 1);
                let are_same = same.children(&a[*number], &b[place]);
                push(&mut spans, Span::partners(*number as u64, place as u64, are_same));
            }
            None => spans.push(Span::New(place as u64)),
        }
    }
    spans.extend((told..a.len()).filter(|&number| partner_of_a[number].is_none()).map(|number| Span::Gone(number as u64)));
    Some(spans)
}

fn renamed(a: &[Child], b: &[Child], partner_of_a: &mut [Option<usize>], partner_of_b: &mut [Option<usize>]) {
    /// `true`, `0` and the like stand under many keys: the same place must speak for it, too.
    const TELLING: u64 = 8;
    let alone = |partners: &[Option<usize>], children: &[Child]| -> HashMap<u64, Option<usize>> {
        let mut found = HashMap::new();
        for (place, _) in partners.iter().enumerate().filter(|(_, partner)| partner.is_none()) {
            found.entry(hash_of(&children[place])).and_modify(|known| *known = None).or_insert(Some(place));
        }
        found
    };
    let (gone, new) = (alone(partner_of_a, a), alone(partner_of_b, b));
    for (hash, place) in gone {
        let (Some(from), Some(Some(to))) = (place, new.get(&hash).copied()) else { continue };
        let certain = a[from].node.byte_len() >= TELLING || from == to;
        if certain && same_bytes(&a[from].node, &b[to].node) {
            (partner_of_a[from], partner_of_b[to]) = (Some(to), Some(from));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Document;
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, expected: &str) {
        let root = |text: &str| Document::parse(text).unwrap().root().clone();
        let shown: Vec<String> = align(&root(a), &root(b), Same::Bytes, &mut |_| ControlFlow::Continue(()))
            .unwrap()
            .iter()
            .map(|span| match span {
                Span::Same { a, b, count } => format!("{a}={b}*{count}"),
                Span::Pair { a, b } => format!("{a}~{b}"),
                Span::Gone(a) => format!("-{a}"),
                Span::New(b) => format!("+{b}"),
            })
            .collect();
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn elements_are_found_where_they_went() {
        check("[]", "[]", "");
        check("[1,2,3]", "[1,2,3]", "0=0*3");
        check("[1,2,3]", "[1, 9, 2,3]", "0=0*1 +1 1=2*2");
        check("[1,2,3,4,5]", "[1,9,3,5,6]", "0=0*1 1~1 2=2*1 -3 4=3*1 +4");
        check("[1,1,1,2]", "[1,1,2,1]", "0=0*2 -2 3=2*1 +3");
        check("[7,8,9]", "[9,7,8]", "+0 0=1*2 -2");
    }

    #[test]
    fn objects_are_paired_by_what_they_are_about() {
        check(r#"[{"id":1,"v":1},{"id":2,"v":1}]"#, r#"[{"id":2,"v":5}]"#, "-0 1~0");
        check(r#"[{"id":1}]"#, r#"[{"id":2}]"#, "-0 +0");
        check(r#"[{"a":1,"b":2}]"#, r#"[{"x":0},{"a":1,"b":3}]"#, "+0 0~1");
        check(r#"[{"a":1}]"#, r#"[{"a":2}]"#, "0~0");
    }

    #[test]
    fn where_nothing_is_the_same_it_can_be_stopped_anywhere() {
        let text = |count: u64, add: u64| {
            let items: Vec<String> = (0..count).map(|k| format!("{{\"id\":{}}}", 2 * k + add)).collect();
            Document::parse(format!("[{}]", items.join(","))).unwrap()
        };
        let (a, b) = (text(3000, 0), text(2999, 1));
        let (mut asked, mut told) = (0_i32, Vec::new());
        let mut watch = |node: &Node| {
            asked += 1;
            told.push(node.offset_as_read());
            ControlFlow::Continue(())
        };
        assert_eq!(align(a.root(), b.root(), Same::Bytes, &mut watch).unwrap().len(), 5999);
        // For each item: two hashes, three looks for what stands once, and likeness.
        assert!(asked >= 6 * 2999, "{asked}");
        // At last it is half of the way: who asked is to look at all of it once more.
        let half = a.root().child((3000 + 2999) / 4).unwrap().node.offset_as_read();
        assert_eq!((told.last(), told.iter().max()), (Some(&half), Some(&half)));
        for limit in (0..asked).step_by(asked as usize / 50) {
            let mut left = limit;
            let mut watch = |_: &Node| {
                left -= 1;
                if left < 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            assert!(align(a.root(), b.root(), Same::Bytes, &mut watch).is_none(), "{limit} of {asked}");
        }
    }

    #[test]
    fn members_are_matched_by_key_and_renamed_ones_are_seen() {
        check(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, "1=0*1 0=1*1");
        check(r#"{"a":1,"a":2}"#, r#"{"a":1,"a":3}"#, "0=0*1 1~1");
        check(r#"{"old":[1,2,3,4]}"#, r#"{"x":1,"new":[1,2,3,4]}"#, "+0 0~1");
        check(r#"{"old":1,"b":2}"#, r#"{"new":1,"b":2}"#, "0~0 1=1*1");
        check(r#"{"old":1,"b":2}"#, r#"{"b":2,"new":1}"#, "-0 1=0*1 +1");
        check(r#"{"a":1,"b":1}"#, r#"{"c":1}"#, "+0 -0 -1");
    }
}
