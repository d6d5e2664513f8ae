//! Merging on three sides: the base, mine, and theirs.
//!
//! What one side alone changed is taken from it, what both changed alike is taken once, and what both changed otherwise is a
//! conflict, to be chosen. The result is their document with the chosen changes of mine made in it, so whatever they have and
//! nobody overruled stays byte for byte; a value of mine comes with its own bytes.
//!
//! *Limitations*: where both sides changed an object, its members stand in their order; an element that one side moved and the
//! other changed is a conflict. Below 400 levels a value is taken or left as a whole.

use super::edit::{self, Refusal, Value};
use super::node::{Node, Text};
use super::path::Path;
use super::{Document, Fragment, Watch, three_way};

/// Who changed a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangedBy {
    /// Mine alone.
    Mine,
    /// Theirs alone.
    Theirs,
    /// Both, and not alike.
    Both,
}

/// What becomes of a place.
#[derive(Clone, Debug)]
pub enum Choice {
    /// As it is in mine.
    Mine,
    /// As it is in theirs.
    Theirs,
    /// Elements of both, mine first.
    Both,
    /// A value of its own.
    Value(Value),
}

/// One place at which the three sides are not the same.
#[derive(Clone)]
pub struct Change {
    /// JSON Pointer of the place: in theirs, or in mine where they don't have it.
    pub pointer: String,
    /// JSON Pointer of its container.
    pub container: String,
    /// Who changed it.
    pub by: ChangedBy,
    /// What is different where it is not the value: `key`, `order and layout`.
    pub aspect: Option<&'static str>,
    /// The base's value.
    pub base: Option<Node>,
    /// My value.
    pub mine: Option<Node>,
    /// Their value.
    pub theirs: Option<Node>,
    /// What is chosen; `None` for a conflict that is left.
    pub choice: Option<Choice>,
    /// Whether *both* makes sense.
    pub can_be_both: bool,
    pub(super) op: Op,
    pub(super) region: Option<usize>,
}

/// What makes theirs at this place like mine. Places are theirs, before any change.
#[derive(Clone)]
pub(super) enum Op {
    Replace {
        at: Path,
        node: Node,
    },
    Insert {
        at: Path,
        key: Option<Text>,
        node: Node,
    },
    Remove {
        at: Path,
    },
    Rename {
        at: Path,
        key: Text,
    },
    /// Elements of mine instead of `count` ones of theirs.
    Elements {
        at: Path,
        count: u64,
        nodes: Vec<Node>,
    },
    /// Nothing but the region that it stands for.
    Region {
        at: Path,
    },
}

impl Op {
    fn at(&self) -> &Path {
        match self {
            Self::Replace { at, .. }
            | Self::Insert { at, .. }
            | Self::Remove { at }
            | Self::Rename { at, .. }
            | Self::Elements { at, .. }
            | Self::Region { at } => at,
        }
    }

    fn comes_before_the_value(&self) -> bool {
        matches!(self, Self::Insert { .. } | Self::Elements { .. })
    }
}

/// A container that only mine changed: with all of its changes it is mine, byte for byte.
#[derive(Clone)]
pub(super) struct Region {
    pub at: Path,
    pub mine: Node,
}

/// A merge under way: the changes, and what is chosen for each.
#[derive(Clone)]
pub struct Merge {
    /// All places, in the order of the documents.
    pub changes: Vec<Change>,
    base: Document,
    mine: Document,
    theirs: Document,
    regions: Vec<Region>,
}

impl Merge {
    /// Finds what changed. O(length) of what is not the same byte for byte.
    ///
    /// Gives `None` where `watch`, asked now and then, breaks off.
    pub fn new(base: &Document, mine: &Document, theirs: &Document, watch: &mut Watch<'_>) -> Option<Self> {
        let (changes, regions) = three_way::changes(base.root(), mine.root(), theirs.root(), watch)?;
        Some(Self { changes, base: base.clone(), mine: mine.clone(), theirs: theirs.clone(), regions })
    }

    /// How many conflicts nobody chose for yet.
    pub fn conflicts_left(&self) -> usize {
        self.changes.iter().filter(|change| change.choice.is_none()).count()
    }

    /// How many conflicts there were.
    pub fn conflicts(&self) -> usize {
        self.changes.iter().filter(|change| change.by == ChangedBy::Both).count()
    }

    /// Their document, which the result stands on.
    pub fn theirs(&self) -> &Document {
        &self.theirs
    }

    /// My document.
    pub fn mine(&self) -> &Document {
        &self.mine
    }

    /// The merged document; mine where nothing is chosen. O(changes · depth · log n).
    ///
    /// # Errors
    /// A choice that can't stand where it is put.
    pub fn document(&self) -> Result<Document, Refusal> {
        let of_mine = |change: &Change| matches!(change.choice, None | Some(Choice::Mine));
        let mut whole = vec![true; self.regions.len()];
        for change in &self.changes {
            if let Some(region) = change.region
                && !of_mine(change)
            {
                whole[region] = false;
            }
        }
        let mut steps: Vec<(Path, bool, Step)> = Vec::new();
        for (region, _) in self.regions.iter().zip(&whole).filter(|(_, whole)| **whole) {
            steps.push((region.at.clone(), false, Step::Op(Op::Replace { at: region.at.clone(), node: region.mine.clone() })));
        }
        for change in self.changes.iter().filter(|change| !change.region.is_some_and(|region| whole[region])) {
            let step = match &change.choice {
                Some(Choice::Theirs) => continue,
                None | Some(Choice::Mine) => Step::Op(change.op.clone()),
                Some(Choice::Both) => Step::Both(change.op.clone()),
                Some(Choice::Value(value)) => Step::Value(change.op.clone(), Node::root_of(&bare(value)?)),
            };
            steps.push((change.op.at().clone(), change.op.comes_before_the_value(), step));
        }
        // From the end on, what stands before keeps its place. What is inserted before a value comes after the value's own changes.
        steps.sort_by(|(a, first_a, _), (b, first_b, _)| a.cmp(b).then(first_b.cmp(first_a)));
        let mut root = self.theirs.root().clone();
        for (_, _, step) in steps.into_iter().rev() {
            root = step.apply(&root, &self.theirs)?;
        }
        Ok(self.theirs.with_root(root).framed(&self.base, &self.mine, &self.theirs))
    }
}

/// The value's fragment without white space around it.
fn bare(value: &Value) -> Result<std::sync::Arc<Fragment>, Refusal> {
    Fragment::new(value.text()).map_err(Refusal::Invalid)
}

/// One change on the way to the result.
enum Step {
    Op(Op),
    Both(Op),
    Value(Op, Node),
}

impl Step {
    fn apply(self, root: &Node, document: &Document) -> Result<Node, Refusal> {
        let style = document.style();
        match self {
            Self::Op(Op::Replace { at, node }) => edit::replace(root, &at, node),
            Self::Op(Op::Insert { at, key, node }) => edit::insert(root, style, &at, key, node, &mut Vec::new()),
            Self::Op(Op::Remove { at }) => edit::remove(root, &at, &mut Vec::new()),
            Self::Op(Op::Rename { at, key }) => edit::rename(root, &at, key),
            Self::Op(Op::Elements { at, count, nodes }) => {
                let without = (0..count).try_fold(root.clone(), |root, _| edit::remove(&root, &at, &mut Vec::new()))?;
                put(&without, document, &at, nodes)
            }
            Self::Both(Op::Elements { at, nodes, .. }) => put(root, document, &at, nodes),
            Self::Op(Op::Region { .. }) | Self::Both(_) => Ok(root.clone()),
            Self::Value(Op::Replace { at, .. } | Op::Remove { at } | Op::Rename { at, .. }, node) => {
                edit::replace(root, &at, node)
            }
            Self::Value(Op::Insert { at, key, .. }, node) => edit::insert(root, style, &at, key, node, &mut Vec::new()),
            Self::Value(Op::Elements { at, count, .. }, node) => {
                Self::Op(Op::Elements { at, count, nodes: vec![node] }).apply(root, document)
            }
            Self::Value(Op::Region { .. }, _) => Ok(root.clone()),
        }
    }
}

fn put(root: &Node, document: &Document, at: &Path, nodes: Vec<Node>) -> Result<Node, Refusal> {
    nodes
        .into_iter()
        .rev()
        .try_fold(root.clone(), |root, node| edit::insert(&root, document.style(), at, None, node, &mut Vec::new()))
}
