//! The children of an edited container: a rope of untouched runs and entries of their own.
//!
//! ```text
//! {⟨head⟩ ⟨key⟩⟨colon⟩⟨value⟩ ⟨lead⟩ ⟨key⟩⟨colon⟩⟨value⟩ … ⟨tail⟩}
//! ```
//! A *lead* is what stands between two children: white space, a comma, white space. The first child's lead is not written,
//! the *head* is. A *run* is a stretch of children as they stand in a fragment, leads between them included; so what was not
//! touched is written back byte for byte.

use super::fragment::{Fragment, Slot};
use super::node::{Child, Node, Text};
use super::scalar::Kind;
use super::seq::{Item, Seq, Summary};
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

/// A stretch of untouched children.
#[derive(Clone)]
struct Run {
    lead: Option<Text>,
    fragment: Arc<Fragment>,
    /// Start of their container in the fragment.
    container: usize,
    /// Number of the first one in their container.
    first: u64,
    count: u64,
    /// From the first one's start to the last one's end.
    from: usize,
    to: usize,
    values: u64,
}

/// One child of its own.
#[derive(Clone)]
pub struct Entry {
    /// What separates it from the child before; `None` for one that always was the first.
    pub lead: Option<Text>,
    /// The key with its quotes.
    pub key: Option<Text>,
    /// The colon with the white space around it; empty in arrays.
    pub colon: Text,
    /// The value.
    pub node: Node,
}

#[derive(Clone)]
enum PieceKind {
    Run(Run),
    Entry(Entry),
}

#[derive(Clone)]
struct Piece(Arc<PieceKind>);

/// Sums over some pieces.
#[derive(Clone, Copy, Default)]
pub struct PieceSum {
    children: u64,
    values: u64,
    bytes: u64,
    height: usize,
}

impl Summary for PieceSum {
    fn plus(self, next: Self) -> Self {
        Self {
            children: self.children + next.children,
            values: self.values + next.values,
            bytes: self.bytes + next.bytes,
            height: self.height.max(next.height),
        }
    }
}

impl Item for Piece {
    type Summary = PieceSum;

    fn summary(&self) -> PieceSum {
        let lead = self.lead().map_or(0, Text::len) as u64;
        match &*self.0 {
            PieceKind::Run(run) => {
                PieceSum { children: run.count, values: run.values, bytes: lead + (run.to - run.from) as u64, height: 0 }
            }
            PieceKind::Entry(entry) => PieceSum {
                children: 1,
                values: 1 + entry.node.values_inside(),
                bytes: lead + entry.key.as_ref().map_or(0, Text::len) as u64 + entry.colon.len() as u64 + entry.node.byte_len(),
                height: entry.node.edited_height(),
            },
        }
    }
}

impl Piece {
    fn run(run: Run) -> Self {
        Self(Arc::new(PieceKind::Run(run)))
    }

    fn entry(entry: Entry) -> Self {
        Self(Arc::new(PieceKind::Entry(entry)))
    }

    fn lead(&self) -> Option<&Text> {
        match &*self.0 {
            PieceKind::Run(run) => run.lead.as_ref(),
            PieceKind::Entry(entry) => entry.lead.as_ref(),
        }
    }

    fn with_lead(&self, lead: Text) -> Self {
        match (*self.0).clone() {
            PieceKind::Run(run) => Self::run(Run { lead: Some(lead), ..run }),
            PieceKind::Entry(entry) => Self::entry(Entry { lead: Some(lead), ..entry }),
        }
    }
}

/// What stands at a child number.
pub enum At {
    /// A child of its own.
    Entry(Child),
    /// Untouched children, from this slot on.
    Run {
        /// Their fragment.
        fragment: Arc<Fragment>,
        /// The first of them.
        slot: Slot,
        /// How many there are.
        left: u64,
    },
}

/// Where a child stands among untouched ones.
pub struct Untouched {
    /// Their fragment.
    pub fragment: Arc<Fragment>,
    /// Start of their container in it.
    pub container: usize,
    /// The child's number there.
    pub number: u64,
    /// How many stand before it, one behind the other.
    pub before: u64,
    /// How many from it on, itself counted.
    pub left: u64,
}

/// An edited container; a value like everything here: a change gives another one.
#[derive(Clone)]
pub struct Container {
    kind: Kind,
    head: Text,
    tail: Text,
    pieces: Seq<Piece>,
}

/// A container taken apart at one child.
pub struct Opened {
    container: Container,
    left: Seq<Piece>,
    right: Seq<Piece>,
    /// The child.
    pub entry: Entry,
}

impl Opened {
    /// Puts the container together again, with another child in the place of the one taken out.
    pub fn close(self, entry: Entry) -> Container {
        Container { pieces: Seq::join(self.left, Piece::entry(entry), self.right), ..self.container }
    }
}

fn holds(k: u64) -> impl Fn(&PieceSum, &Piece) -> Ordering {
    move |before, piece| {
        if k < before.children {
            Ordering::Less
        } else if k < before.children + piece.summary_children() {
            Ordering::Equal
        } else {
            Ordering::Greater
        }
    }
}

impl Piece {
    fn summary_children(&self) -> u64 {
        match &*self.0 {
            PieceKind::Run(run) => run.count,
            PieceKind::Entry(_) => 1,
        }
    }
}

impl Container {
    /// The container at `start` of a fragment, all in one run. O(1) and O(log entries).
    pub fn from_raw(fragment: &Arc<Fragment>, start: usize) -> Self {
        let text = fragment.text();
        let inside_end = fragment.value_end(start) - 1;
        let kind = fragment.kind(start);
        let Some(first) = fragment.first_slot(start) else {
            let head = Text::slice(fragment, start + 1, inside_end);
            return Self { kind, head, tail: Text::Fixed(""), pieces: Seq::default() };
        };
        let mut to = inside_end;
        while matches!(text[to - 1], b' ' | b'\n' | b'\r' | b'\t') {
            to -= 1;
        }
        let run = Run {
            lead: None,
            fragment: Arc::clone(fragment),
            container: start,
            first: 0,
            count: fragment.child_count(start),
            from: first.start,
            to,
            values: fragment.values_inside(start),
        };
        Self {
            kind,
            head: Text::slice(fragment, start + 1, first.start),
            tail: Text::slice(fragment, to, inside_end),
            pieces: Seq::join(Seq::default(), Piece::run(run), Seq::default()),
        }
    }

    /// Object or array.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Number of children.
    pub fn child_count(&self) -> u64 {
        self.pieces.summary().children
    }

    /// Number of values inside.
    pub fn values_inside(&self) -> u64 {
        self.pieces.summary().values
    }

    /// Length of the text, brackets included.
    pub fn byte_len(&self) -> u64 {
        let unwritten = self.pieces.first().and_then(Piece::lead).map_or(0, Text::len) as u64;
        2 + self.head.len() as u64 + self.tail.len() as u64 + self.pieces.summary().bytes - unwritten
    }

    /// How deep edited containers nest here, this one counted.
    pub fn edited_height(&self) -> usize {
        1 + self.pieces.summary().height
    }

    /// What stands behind the opening bracket.
    pub fn head(&self) -> &Text {
        &self.head
    }

    /// Child number `k`. O(log n).
    pub fn child(&self, k: u64) -> Option<Child> {
        match self.piece_at(k)? {
            At::Entry(child) => Some(child),
            At::Run { fragment, slot, .. } => Some(super::node::child_of(&fragment, &slot)),
        }
    }

    /// What stands at child number `k`.
    pub fn piece_at(&self, k: u64) -> Option<At> {
        let (piece, before) = self.pieces.find(holds(k))?;
        match &*piece.0 {
            PieceKind::Entry(entry) => Some(At::Entry(Child { key: entry.key.clone(), node: entry.node.clone() })),
            PieceKind::Run(run) => {
                let inside = k - before.children;
                let slot = run.fragment.slot(run.container, run.first + inside)?;
                Some(At::Run { fragment: Arc::clone(&run.fragment), slot, left: run.count - inside })
            }
        }
    }

    /// Where child `k` stands, if it is not a child of its own. O(log n).
    pub fn untouched_at(&self, k: u64) -> Option<Untouched> {
        let (piece, before) = self.pieces.find(holds(k))?;
        let PieceKind::Run(Run { fragment, container, first, count, .. }) = &*piece.0 else { return None };
        let inside = k - before.children;
        let (fragment, container) = (Arc::clone(fragment), *container);
        Some(Untouched { fragment, container, number: first + inside, before: inside, left: count - inside })
    }

    /// With the children of the container at `start` of a fragment instead of those in `range`; what stands around these there is
    /// left out. `None` where there are none, here or there. O(log n).
    pub fn with_untouched(&self, range: Range<u64>, fragment: &Arc<Fragment>, start: usize) -> Option<Self> {
        let first = self.open(range.start)?;
        let right = if range.end == range.start + 1 { first.right } else { self.open(range.end.checked_sub(1)?)?.right };
        let all = Self::from_raw(fragment, start);
        let new = all.pieces.first()?;
        let new = first.entry.lead.map_or(new.clone(), |lead| new.with_lead(lead));
        Some(Self { pieces: Seq::join(first.left, new, right), ..self.clone() })
    }

    /// How many values inside stand before child `k`.
    pub fn values_before(&self, k: u64) -> u64 {
        let Some((piece, before)) = self.pieces.find(holds(k)) else { return self.values_inside() };
        match &*piece.0 {
            PieceKind::Entry(_) => before.values,
            PieceKind::Run(run) => {
                let inside = run.first + (k - before.children);
                before.values + run.fragment.values_before(run.container, inside)
                    - run.fragment.values_before(run.container, run.first)
            }
        }
    }

    /// The child that is or holds value `number`, as [`Node::child_with_value`] has it.
    pub fn child_with_value(&self, number: u64) -> Option<(u64, Child, u64)> {
        let (piece, before) = self.pieces.find(|before, piece| {
            if number < before.values {
                Ordering::Less
            } else if number < before.values + piece.summary().values {
                Ordering::Equal
            } else {
                Ordering::Greater
            }
        })?;
        match &*piece.0 {
            PieceKind::Entry(entry) => {
                Some((before.children, Child { key: entry.key.clone(), node: entry.node.clone() }, before.values))
            }
            PieceKind::Run(run) => {
                let text = &run.fragment;
                let skipped = text.values_before(run.container, run.first);
                let (k, slot, values) = text.child_with_value(run.container, number - before.values + skipped)?;
                Some((before.children + k - run.first, super::node::child_of(text, &slot), before.values + values - skipped))
            }
        }
    }

    /// The child at byte `offset` of the text, as [`Node::child_at_offset`] has it.
    pub fn child_at_offset(&self, offset: u64) -> Option<(u64, Child, Option<u64>)> {
        // As the sums count, with the first lead that is not written.
        let unwritten = self.pieces.first().and_then(Piece::lead).map_or(0, Text::len) as u64;
        let target = offset.checked_sub(1 + self.head.len() as u64)? + unwritten;
        if offset + 1 >= self.byte_len() {
            return None;
        }
        let (piece, before) = self.pieces.find(|before, piece| {
            let end = before.bytes + piece.summary().bytes;
            // White space behind the last child belongs to it here.
            let last = end == self.pieces.summary().bytes;
            if target < before.bytes {
                Ordering::Less
            } else if target < end || last {
                Ordering::Equal
            } else {
                Ordering::Greater
            }
        })?;
        let lead = piece.lead().map_or(0, Text::len) as u64;
        let Some(inside) = (target - before.bytes).checked_sub(lead) else {
            // In the gap before this piece: the child before it.
            let k = before.children.checked_sub(1)?;
            return self.child(k).map(|child| (k, child, None));
        };
        match &*piece.0 {
            PieceKind::Run(run) => {
                let (number, slot) = run.fragment.child_at_offset(run.container, run.from + inside as usize)?;
                let number = number.min(run.first + run.count - 1);
                let child = self.child(before.children + number - run.first)?;
                let inside = (run.from + inside as usize).checked_sub(slot.value).map(|inside| inside as u64);
                let inside = inside.filter(|inside| *inside < child.node.byte_len());
                Some((before.children + number - run.first, child, inside))
            }
            PieceKind::Entry(entry) => {
                let key = entry.key.as_ref().map_or(0, Text::len) + entry.colon.len();
                let inside = inside.checked_sub(key as u64).filter(|inside| *inside < entry.node.byte_len());
                Some((before.children, Child { key: entry.key.clone(), node: entry.node.clone() }, inside))
            }
        }
    }

    /// Takes the container apart at child `k`. O(log n).
    pub fn open(&self, k: u64) -> Option<Opened> {
        let mut offset = 0;
        let (left, piece, right) = self.pieces.split(|before, piece| {
            offset = before.children;
            holds(k)(before, piece)
        });
        let piece = piece?;
        let (left, entry, right) = match &*piece.0 {
            PieceKind::Entry(entry) => (left, entry.clone(), right),
            PieceKind::Run(run) => {
                let (before, entry, behind) = run.cut(k - offset)?;
                let left = before.map_or(left.clone(), |run| Seq::join(left, Piece::run(run), Seq::default()));
                let right = behind.map_or(right.clone(), |run| Seq::join(Seq::default(), Piece::run(run), right));
                (left, entry, right)
            }
        };
        Some(Opened { container: Self { pieces: Seq::default(), ..self.clone() }, left, entry, right })
    }

    /// Without child `k`. The text between its neighbours is the lead of the one that follows it.
    pub fn without(&self, k: u64) -> Option<Self> {
        let opened = self.open(k)?;
        let pieces = opened.left.concat(opened.right);
        Some(if pieces.is_empty() {
            // White space between brackets was made for children.
            Self { head: Text::Fixed(""), tail: Text::Fixed(""), pieces, ..self.clone() }
        } else {
            Self { pieces, ..self.clone() }
        })
    }

    /// With a new child before child `k` (or at the end), laid out like its neighbours; `blank` says how in an empty container.
    pub fn with(&self, k: u64, key: Option<Text>, node: Node, blank: &Blank) -> Option<Self> {
        let count = self.child_count();
        if k > count {
            return None;
        }
        let colon = match (&key, self.colon_like(k)) {
            (None, _) => Text::Fixed(""),
            (_, Some(colon)) => colon,
            (_, None) => blank.colon.clone(),
        };
        let mut entry = Entry { lead: None, key, colon, node };
        if count == 0 {
            let pieces = Seq::join(Seq::default(), Piece::entry(entry), Seq::default());
            return Some(Self { head: blank.head.clone(), tail: blank.tail.clone(), pieces, ..self.clone() });
        }
        let lead = self.lead_like(k, blank);
        let (left, right) = if k == count {
            (self.pieces.clone(), Seq::default())
        } else {
            let opened = self.open(k)?;
            let follower = if k == 0 { Piece::entry(opened.entry).with_lead(lead.clone()) } else { Piece::entry(opened.entry) };
            (opened.left, Seq::join(Seq::default(), follower, opened.right))
        };
        if k > 0 {
            entry.lead = Some(lead);
        }
        Some(Self { pieces: Seq::join(left, Piece::entry(entry), right), ..self.clone() })
    }

    /// The lead for a new child before child `k`: that of a neighbour.
    fn lead_like(&self, k: u64, blank: &Blank) -> Text {
        let count = self.child_count();
        let neighbour = if count >= 2 { self.open(k.clamp(1, count - 1)).and_then(|opened| opened.entry.lead) } else { None };
        neighbour.unwrap_or_else(|| {
            let head = String::from_utf8_lossy(self.head.bytes());
            if head.contains('\n') { format!(",{head}").into() } else { blank.comma.clone() }
        })
    }

    fn colon_like(&self, k: u64) -> Option<Text> {
        let neighbour = k.min(self.child_count().checked_sub(1)?);
        let entry = self.open(neighbour)?.entry;
        entry.key.map(|_| entry.colon)
    }

    /// Hands the text to `sink` in pieces. Recursive: edited containers nest at most [`super::edit::MAX_EDITED_DEPTH`] deep.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn write<E>(&self, sink: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let (open, close): (&[u8], &[u8]) = if self.kind == Kind::Object { (b"{", b"}") } else { (b"[", b"]") };
        sink(open)?;
        sink(self.head.bytes())?;
        for (number, piece) in self.pieces.iter().enumerate() {
            if number > 0 {
                sink(piece.lead().map_or(b",", Text::bytes))?;
            }
            match &*piece.0 {
                PieceKind::Run(run) => sink(&run.fragment.text()[run.from..run.to])?,
                PieceKind::Entry(entry) => {
                    sink(entry.key.as_ref().map_or(b"", Text::bytes))?;
                    sink(entry.colon.bytes())?;
                    entry.node.write(sink)?;
                }
            }
        }
        sink(self.tail.bytes())?;
        sink(close)
    }
}

impl Container {
    /// What the text has of keys, values and untouched runs, as [`Node::stretches`] has it.
    pub fn stretches(&self, offset: u64, out: &mut dyn FnMut(u64, Text, bool)) {
        let mut at = offset + 1 + self.head.len() as u64;
        for (number, piece) in self.pieces.iter().enumerate() {
            if number > 0 {
                at += piece.lead().map_or(1, Text::len) as u64;
            }
            match &*piece.0 {
                PieceKind::Run(run) => {
                    out(at, Text::slice(&run.fragment, run.from, run.to), false);
                    at += (run.to - run.from) as u64;
                }
                PieceKind::Entry(entry) => {
                    if let Some(key) = &entry.key {
                        out(at, key.clone(), true);
                        at += key.len() as u64;
                    }
                    at += entry.colon.len() as u64;
                    entry.node.stretches(at, out);
                    at += entry.node.byte_len();
                }
            }
        }
    }
}

impl Container {
    /// Where child `k` begins (its key in an object), from the start of the text. O(log n).
    pub fn child_offset(&self, k: u64) -> Option<u64> {
        let unwritten = self.pieces.first().and_then(Piece::lead).map_or(0, Text::len) as u64;
        let (piece, before) = self.pieces.find(holds(k))?;
        let piece_start = 1 + self.head.len() as u64 + before.bytes + piece.lead().map_or(0, Text::len) as u64 - unwritten;
        match &*piece.0 {
            PieceKind::Entry(_) => Some(piece_start),
            PieceKind::Run(run) => {
                let slot = run.fragment.slot(run.container, run.first + (k - before.children))?;
                Some(piece_start + (slot.start - run.from) as u64)
            }
        }
    }

    /// Bytes from the start of child `k` to its value: key and colon. O(log n).
    pub fn key_length(&self, k: u64) -> Option<u64> {
        let (piece, before) = self.pieces.find(holds(k))?;
        match &*piece.0 {
            PieceKind::Entry(entry) => Some(entry.key.as_ref().map_or(0, Text::len) as u64 + entry.colon.len() as u64),
            PieceKind::Run(run) => {
                let slot = run.fragment.slot(run.container, run.first + (k - before.children))?;
                Some((slot.value - slot.start) as u64)
            }
        }
    }
}

/// How a first child is laid out, and what separates it from a second where no neighbour shows it.
pub struct Blank {
    /// Behind the opening bracket.
    pub head: Text,
    /// Before the closing bracket.
    pub tail: Text,
    /// Between key and value.
    pub colon: Text,
    /// Between two children on one line.
    pub comma: Text,
}

impl Run {
    /// Cuts child number `inside` of the run out of it.
    fn cut(&self, inside: u64) -> Option<(Option<Self>, Entry, Option<Self>)> {
        let text = &self.fragment;
        let number = self.first + inside;
        // The one before is found first, and this one a step behind it: both ends of the gap are needed.
        let previous = if inside == 0 { None } else { Some(text.slot(self.container, number - 1)?) };
        let slot = match &previous {
            Some(previous) => text.next_slot(previous)?,
            None => text.slot(self.container, number)?,
        };
        let end = text.value_end(slot.value);
        let previous_end = previous.map(|slot| text.value_end(slot.value));
        let values_first = text.values_before(self.container, self.first);
        let values_here = text.values_before(self.container, number) - values_first;
        let before = previous_end.map(|to| Self { count: inside, to, values: values_here, ..self.clone() });
        let behind = if inside + 1 < self.count {
            let next = text.next_slot(&slot)?;
            Some(Self {
                lead: Some(Text::slice(text, end, next.start)),
                first: number + 1,
                count: self.count - inside - 1,
                from: next.start,
                values: self.values - values_here - 1 - text.values_inside(slot.value),
                ..self.clone()
            })
        } else {
            None
        };
        let (key, colon) = match slot.key {
            Some((from, to)) => (Some(Text::slice(text, from, to)), Text::slice(text, to, slot.value)),
            None => (None, Text::Fixed("")),
        };
        let lead = match previous_end {
            Some(from) => Some(Text::slice(text, from, slot.start)),
            None => self.lead.clone(),
        };
        let node = Node::Raw { fragment: Arc::clone(text), start: slot.value };
        Some((before, Entry { lead, key, colon, node }, behind))
    }
}
