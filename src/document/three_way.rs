//! What three versions of a document have that is not the same: the search behind [`Merge`](super::Merge).

use super::Fragment;
use super::align::{Span, Watch, align, go_on};
use super::merge::{Change, ChangedBy, Choice, Op, Region};
use super::node::{Child, Node, Text};
use super::path::Path;
use super::pointer;
use super::same::{Same, same_bytes};
use super::scalar::{self, Kind};
use std::collections::HashMap;

/// Deeper values are taken or left as a whole: the search recurses.
const DEEPEST: usize = 400;

/// Finds what changed, in the order of the documents. `None` where `watch` breaks off.
pub fn changes(base: &Node, mine: &Node, theirs: &Node, watch: &mut Watch<'_>) -> Option<(Vec<Change>, Vec<Region>)> {
    let mut finder = Finder { changes: Vec::new(), regions: Vec::new(), region: None, watch };
    finder.value(Some(base), mine, theirs, &Place::root())?;
    Some((finder.changes, finder.regions))
}

/// Where the search is, on their side.
#[derive(Clone)]
struct Place {
    path: Path,
    pointer: String,
    container: String,
}

impl Place {
    fn root() -> Self {
        Self { path: Path::root(), pointer: String::new(), container: String::new() }
    }

    fn child(&self, index: u64, token: &str) -> Self {
        let pointer = format!("{}/{}", self.pointer, pointer::escape(token));
        Self { path: self.path.child(index), pointer, container: self.pointer.clone() }
    }

    fn member(&self, index: u64, key: Option<&Text>) -> Self {
        match key {
            Some(key) => self.child(index, &scalar::decode(key.bytes())),
            None => self.child(index, &index.to_string()),
        }
    }
}

struct Finder<'a, 'w> {
    changes: Vec<Change>,
    regions: Vec<Region>,
    region: Option<usize>,
    watch: &'a mut Watch<'w>,
}

/// The three values at a place.
#[derive(Clone, Copy, Default)]
struct Three<'a> {
    base: Option<&'a Node>,
    mine: Option<&'a Node>,
    theirs: Option<&'a Node>,
}

impl Finder<'_, '_> {
    fn add(&mut self, by: ChangedBy, place: &Place, three: Three, op: Op) {
        self.add_aspect(by, place, three, op, None);
    }

    fn add_aspect(&mut self, by: ChangedBy, place: &Place, three: Three, op: Op, aspect: Option<&'static str>) {
        let choice = match by {
            ChangedBy::Mine => Some(Choice::Mine),
            ChangedBy::Theirs => Some(Choice::Theirs),
            ChangedBy::Both => None,
        };
        self.changes.push(Change {
            pointer: place.pointer.clone(),
            container: place.container.clone(),
            by,
            aspect,
            base: three.base.cloned(),
            mine: three.mine.cloned(),
            theirs: three.theirs.cloned(),
            choice,
            can_be_both: by == ChangedBy::Both && matches!(op, Op::Elements { .. }),
            op,
            region: self.region,
        });
    }

    /// A value that all sides have, or both added.
    fn value(&mut self, base: Option<&Node>, mine: &Node, theirs: &Node, place: &Place) -> Option<()> {
        go_on(self.watch, base.unwrap_or(mine))?;
        if same_bytes(mine, theirs) {
            return Some(());
        }
        let same = |a: &Node| base.is_some_and(|base| same_bytes(base, a));
        let three = Three { base, mine: Some(mine), theirs: Some(theirs) };
        let by = match (same(mine), same(theirs)) {
            (true, _) => ChangedBy::Theirs,
            (_, true) => ChangedBy::Mine,
            _ => ChangedBy::Both,
        };
        let kind = mine.kind();
        let containers = kind.is_container() && theirs.kind() == kind && base.is_none_or(|base| base.kind() == kind);
        // Both added an array: there is nothing to tell whose items are whose.
        let inside = containers && (base.is_some() || kind == Kind::Object) && place.path.len() < DEEPEST;
        if !inside {
            if same_scalars(mine, theirs) {
                // Two spellings of the same.
                return Some(());
            }
            self.add(by, place, three, Op::Replace { at: place.path.clone(), node: mine.clone() });
            return Some(());
        }
        let opens_region = by == ChangedBy::Mine && self.region.is_none();
        let changes_before = self.changes.len();
        if opens_region {
            self.region = Some(self.regions.len());
            self.regions.push(Region { at: place.path.clone(), mine: mine.clone() });
        }
        match kind {
            Kind::Object => self.members(base, mine, theirs, place)?,
            _ => self.elements(base, mine, theirs, place)?,
        }
        if opens_region {
            if self.changes.len() == changes_before {
                self.add_aspect(by, place, three, Op::Region { at: place.path.clone() }, Some("order and layout"));
            }
            self.region = None;
        }
        Some(())
    }

    fn members(&mut self, base: Option<&Node>, mine: &Node, theirs: &Node, place: &Place) -> Option<()> {
        let base_children: Vec<Child> = base.map(|base| base.children().collect()).unwrap_or_default();
        let (mine_children, their_children): (Vec<Child>, Vec<Child>) = (mine.children().collect(), theirs.children().collect());
        let (in_mine, in_theirs) = match base {
            Some(base) => {
                let (in_mine, in_theirs) =
                    (align(base, mine, Same::Bytes, self.watch)?, align(base, theirs, Same::Bytes, self.watch)?);
                (partners(&in_mine, base_children.len()), partners(&in_theirs, base_children.len()))
            }
            None => Default::default(),
        };
        // New ones of both sides under the same key belong together.
        let new_in = |partners: &[Option<u64>], children: &[Child]| -> Vec<usize> {
            let known: std::collections::HashSet<u64> = partners.iter().flatten().copied().collect();
            (0..children.len()).filter(|k| !known.contains(&(*k as u64))).collect()
        };
        let (new_mine, new_theirs) = (new_in(&in_mine, &mine_children), new_in(&in_theirs, &their_children));
        let key = |child: &Child| child.key.as_ref().map(|key| scalar::decode(key.bytes()).into_owned()).unwrap_or_default();
        let mut new_keys: HashMap<String, Vec<usize>> = HashMap::new();
        new_theirs.iter().rev().for_each(|&k| new_keys.entry(key(&their_children[k])).or_default().push(k));
        // Where each of mine stands in theirs.
        let mut their_place: Vec<Option<usize>> = vec![None; mine_children.len()];
        for (b, m) in in_mine.iter().enumerate() {
            if let (Some(m), Some(t)) = (m, in_theirs[b]) {
                their_place[*m as usize] = Some(t as usize);
            }
        }
        for &m in &new_mine {
            their_place[m] = new_keys.get_mut(&key(&mine_children[m])).and_then(Vec::pop);
        }
        let base_of_mine = inverse(&in_mine, mine_children.len());
        let base_of_theirs = inverse(&in_theirs, their_children.len());
        let mine_of_theirs: HashMap<usize, usize> =
            their_place.iter().enumerate().filter_map(|(m, t)| t.map(|t| (t, m))).collect();
        // A member of mine that they don't have comes behind the one that it follows.
        let mut behind: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut last = 0;
        for (m, t) in their_place.iter().enumerate() {
            match t {
                Some(t) => last = *t as u64 + 1,
                None => behind.entry(last).or_default().push(m),
            }
        }
        // Behind each of theirs, and behind all of them.
        for (t, child) in their_children.iter().map(Some).chain([None]).enumerate() {
            for &m in behind.get(&(t as u64)).into_iter().flatten() {
                let child = &mine_children[m];
                let at = place.member(t as u64, child.key.as_ref());
                let base = base_of_mine[m].map(|b| &base_children[b].node);
                let op = Op::Insert { at: at.path.clone(), key: child.key.clone(), node: child.node.clone() };
                let by = match base {
                    // They removed it.
                    Some(base) if same_bytes(base, &child.node) => ChangedBy::Theirs,
                    Some(_) => ChangedBy::Both,
                    None => ChangedBy::Mine,
                };
                self.add(by, &at, Three { base, mine: Some(&child.node), theirs: None }, op);
            }
            let Some(child) = child else { break };
            let at = place.member(t as u64, child.key.as_ref());
            let base = base_of_theirs[t].map(|b| &base_children[b]);
            match mine_of_theirs.get(&t) {
                Some(&m) => {
                    self.key(base, &mine_children[m], child, &at);
                    self.value(base.map(|base| &base.node), &mine_children[m].node, &child.node, &at)?;
                }
                None => self.only_theirs(base.map(|base| &base.node), &child.node, &at),
            }
        }
        Some(())
    }

    /// A value that mine does not have: they added it, or mine removed it.
    fn only_theirs(&mut self, base: Option<&Node>, theirs: &Node, at: &Place) {
        let by = match base {
            Some(base) if same_bytes(base, theirs) => ChangedBy::Mine,
            Some(_) => ChangedBy::Both,
            None => ChangedBy::Theirs,
        };
        self.add(by, at, Three { base, mine: None, theirs: Some(theirs) }, Op::Remove { at: at.path.clone() });
    }

    /// The key of a member that both have.
    fn key(&mut self, base: Option<&Child>, mine: &Child, theirs: &Child, at: &Place) {
        let text = |child: &Child| child.key.as_ref().map(|key| key.bytes().to_vec());
        let (of_mine, of_theirs) = (text(mine), text(theirs));
        if of_mine == of_theirs {
            return;
        }
        let of_base = base.and_then(text);
        let by = match (of_mine == of_base, of_theirs == of_base) {
            (true, _) => ChangedBy::Theirs,
            (_, true) => ChangedBy::Mine,
            _ => ChangedBy::Both,
        };
        let Some(key) = mine.key.clone() else { return };
        let node =
            |text: Option<Vec<u8>>| text.and_then(|text| Fragment::new(text).ok()).map(|fragment| Node::root_of(&fragment));
        let (base, mine, theirs) = (node(of_base), node(of_mine), node(of_theirs));
        let three = Three { base: base.as_ref(), mine: mine.as_ref(), theirs: theirs.as_ref() };
        self.add_aspect(by, at, three, Op::Rename { at: at.path.clone(), key }, Some("key"));
    }

    fn elements(&mut self, base: Option<&Node>, mine: &Node, theirs: &Node, place: &Place) -> Option<()> {
        let Some(base) = base else { return Some(()) };
        let (to_mine, to_theirs) = (Side::of(base, mine, self.watch)?, Side::of(base, theirs, self.watch)?);
        let count = base.child_count();
        // What is the same on all sides at both ends is not walked through.
        let head = to_mine.head.min(to_theirs.head);
        let mut next = (head, head);
        let mut b = head;
        while b <= count {
            let (gap_mine, gap_theirs) = (to_mine.new_at(b), to_theirs.new_at(b));
            self.gap(mine, theirs, gap_mine, gap_theirs, next.1, place);
            next = (next.0 + gap_mine.len() as u64, next.1 + gap_theirs.len() as u64);
            if b == count {
                break;
            }
            if b >= count - to_mine.tail.min(to_theirs.tail) {
                // New ones behind the last element have been looked at, or there are none.
                break;
            }
            // What is the same on all sides is passed over, however much it is.
            let same = to_mine.same_from(b).min(to_theirs.same_from(b));
            if same > 0 {
                (b, next) = (b + same, (next.0 + same, next.1 + same));
                continue;
            }
            let (m, t) = (to_mine.partner(b), to_theirs.partner(b));
            let of_base = base.child(b)?.node;
            let of_mine = m.and_then(|m| mine.child(m)).map(|child| child.node);
            let of_theirs = t.and_then(|t| theirs.child(t)).map(|child| child.node);
            let at = place.child(next.1, &next.1.to_string());
            match (&of_mine, &of_theirs) {
                (Some(of_mine), Some(of_theirs)) => self.value(Some(&of_base), of_mine, of_theirs, &at)?,
                (None, Some(of_theirs)) => self.only_theirs(Some(&of_base), of_theirs, &at),
                (Some(of_mine), None) => {
                    let by = if same_bytes(&of_base, of_mine) { ChangedBy::Theirs } else { ChangedBy::Both };
                    let op = Op::Insert { at: at.path.clone(), key: None, node: of_mine.clone() };
                    self.add(by, &at, Three { base: Some(&of_base), mine: Some(of_mine), theirs: None }, op);
                }
                (None, None) => {}
            }
            next = (next.0 + u64::from(m.is_some()), next.1 + u64::from(t.is_some()));
            b += 1;
        }
        Some(())
    }

    /// New elements between two of the base. `at` is where theirs begin, or where mine would come to stand.
    fn gap(&mut self, mine: &Node, theirs: &Node, of_mine: &[u64], of_theirs: &[u64], at: u64, place: &Place) {
        let nodes = |node: &Node, numbers: &[u64]| -> Vec<Node> {
            numbers.iter().filter_map(|&k| node.child(k)).map(|child| child.node).collect()
        };
        let (mut new_mine, mut new_theirs) = (nodes(mine, of_mine), nodes(theirs, of_theirs));
        let alike = new_mine.iter().zip(&new_theirs).take_while(|(a, b)| same_bytes(a, b)).count();
        new_mine.drain(..alike);
        new_theirs.drain(..alike);
        let at = at + alike as u64;
        let here = place.child(at, &at.to_string());
        if !new_mine.is_empty() && !new_theirs.is_empty() {
            let three = Three { base: None, mine: new_mine.first(), theirs: new_theirs.first() };
            let op = Op::Elements { at: here.path.clone(), count: new_theirs.len() as u64, nodes: new_mine.clone() };
            return self.add(ChangedBy::Both, &here, three, op);
        }
        for node in &new_mine {
            let op = Op::Insert { at: here.path.clone(), key: None, node: node.clone() };
            self.add(ChangedBy::Mine, &here, Three { base: None, mine: Some(node), theirs: None }, op);
        }
        for (k, node) in new_theirs.iter().enumerate() {
            let at = place.child(at + k as u64, &(at + k as u64).to_string());
            self.only_theirs(None, node, &at);
        }
    }
}

fn same_scalars(a: &Node, b: &Node) -> bool {
    match (a.raw_text(), b.raw_text()) {
        (Some(a), Some(b)) => a.starts_with(b"\"") && b.starts_with(b"\"") && scalar::same_text(a, b),
        _ => false,
    }
}

fn partners(spans: &[Span], count: usize) -> Vec<Option<u64>> {
    let mut partners = vec![None; count];
    for span in spans {
        match *span {
            Span::Same { a, b, count } => (0..count).for_each(|k| partners[(a + k) as usize] = Some(b + k)),
            Span::Pair { a, b } => partners[a as usize] = Some(b),
            Span::Gone(_) | Span::New(_) => {}
        }
    }
    partners
}

fn inverse(partners: &[Option<u64>], count: usize) -> Vec<Option<usize>> {
    let mut inverse = vec![None; count];
    partners.iter().enumerate().for_each(|(b, partner)| {
        if let Some(k) = partner {
            inverse[*k as usize] = Some(b);
        }
    });
    inverse
}

/// The elements of the base on one side, by stretches: nothing is kept for what stays the same.
struct Side {
    /// The same from the start, and from the end.
    head: u64,
    tail: u64,
    /// What becomes of the base's elements, in their order.
    known: Vec<Span>,
    /// New ones, by the element of the base before which they stand.
    new: HashMap<u64, Vec<u64>>,
}

impl Side {
    fn of(base: &Node, side: &Node, watch: &mut Watch<'_>) -> Option<Self> {
        let spans = align(base, side, Same::Bytes, watch)?;
        let same = |span: Option<&Span>| match span {
            Some(Span::Same { count, .. }) => *count,
            _ => 0,
        };
        let mut new: HashMap<u64, Vec<u64>> = HashMap::new();
        let mut next = 0;
        for span in &spans {
            match *span {
                Span::Same { a, count, .. } => next = a + count,
                Span::Pair { a, .. } | Span::Gone(a) => next = a + 1,
                Span::New(b) => new.entry(next).or_default().push(b),
            }
        }
        let tail = if spans.len() > 1 { same(spans.last()) } else { 0 };
        let head = same(spans.first());
        let known = spans.into_iter().filter(|span| !matches!(span, Span::New(_))).collect();
        Some(Self { head, tail, known, new })
    }

    fn new_at(&self, b: u64) -> &[u64] {
        self.new.get(&b).map_or(&[], Vec::as_slice)
    }

    /// How many elements from this one on are the same, with nothing new between them.
    fn same_from(&self, b: u64) -> u64 {
        match self.stretch(b) {
            Some(Span::Same { a, count, .. }) => a + count - b,
            _ => 0,
        }
    }

    fn partner(&self, b: u64) -> Option<u64> {
        match self.stretch(b)? {
            Span::Same { a, b: first, .. } => Some(first + (b - a)),
            Span::Pair { b, .. } => Some(b),
            Span::Gone(_) | Span::New(_) => None,
        }
    }

    fn stretch(&self, b: u64) -> Option<Span> {
        let place = self.known.binary_search_by(|span| match *span {
            Span::Same { a, count, .. } if a + count <= b => std::cmp::Ordering::Less,
            Span::Pair { a, .. } | Span::Gone(a) if a < b => std::cmp::Ordering::Less,
            Span::Same { a, .. } | Span::Pair { a, .. } | Span::Gone(a) if a > b => std::cmp::Ordering::Greater,
            _ => std::cmp::Ordering::Equal,
        });
        Some(self.known[place.ok()?])
    }
}
