//! One change as a value: it applies to a document and gives a document, or says why it can't.

use super::fragment::Fragment;
use super::node::{Node, Text};
use super::path::{Path, Shift};
use super::pieces::{Blank, Container, Entry};
use super::scalar::Kind;
use super::style::{Layout, Style, lay_out};
use super::{Document, Problem};
use std::sync::Arc;

/// Edited containers nest at most this deep; below, the text of the ancestor at that depth is spliced and scanned again.
///
/// Code over edited nodes may recurse for that reason: dropping and writing this many levels fits a 2 MB stack also in a
/// debug build.
pub const MAX_EDITED_DEPTH: usize = 1000;

/// New text for a place: valid JSON, as it was typed, pasted or given.
#[derive(Clone, Debug)]
pub struct Value {
    fragment: Arc<Fragment>,
    /// It stands in the document with its own white space.
    as_is: bool,
}

impl Value {
    /// Takes a text. Scalars will stand as they are written, containers are laid out like their neighbours.
    ///
    /// # Errors
    /// The first place at which it is not JSON.
    pub fn new(text: &str) -> Result<Self, Problem> {
        Fragment::new(text).map(|fragment| Self::of(fragment, false))
    }

    /// Takes a text that was read, to stand as it is or to be laid out like its neighbours.
    pub fn of(fragment: Arc<Fragment>, as_is: bool) -> Self {
        Self { fragment, as_is }
    }

    /// Takes a text that will stand as it is, also where it is a container: one that comes from another version of the document.
    ///
    /// # Errors
    /// The first place at which it is not JSON.
    pub fn as_is(text: impl Into<Vec<u8>>) -> Result<Self, Problem> {
        Fragment::new(text).map(|fragment| Self::of(fragment, true))
    }

    /// Whether it is not laid out like its neighbours.
    pub fn stands_as_is(&self) -> bool {
        self.as_is
    }

    /// The kind of the value.
    pub fn kind(&self) -> Kind {
        self.fragment.kind(self.fragment.root().start)
    }

    /// The value's text, without white space around it.
    pub fn text(&self) -> &[u8] {
        &self.fragment.text()[self.fragment.root()]
    }
}

/// A key: a string literal with its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Arc<str>);

impl Key {
    /// Takes a string literal.
    ///
    /// # Errors
    /// The first place at which it is not one.
    pub fn literal(text: &str) -> Result<Self, Problem> {
        let fragment = Fragment::new(text)?;
        match fragment.kind(fragment.root().start) {
            Kind::String => Ok(Self(String::from_utf8_lossy(&fragment.text()[fragment.root()]).as_ref().into())),
            _ => Err(super::problem::expected(text.as_bytes(), fragment.root().start, "a key in double quotes")),
        }
    }

    /// What it stands for.
    pub fn plain(&self) -> String {
        super::scalar::decode(self.0.as_bytes()).into_owned()
    }

    /// The literal, with its quotes.
    pub fn literal_text(&self) -> &str {
        &self.0
    }

    fn text(&self) -> Text {
        Text::Own(Arc::clone(&self.0))
    }
}

/// One change.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Another value at a place.
    Replace {
        /// The place.
        path: Path,
        /// The value.
        value: Value,
    },
    /// A new child.
    Insert {
        /// The container.
        parent: Path,
        /// Its number afterwards.
        index: u64,
        /// Its key, in objects.
        key: Option<Key>,
        /// Its value.
        value: Value,
    },
    /// A member or element goes.
    Remove {
        /// Its place.
        path: Path,
    },
    /// Another key for a member.
    Rename {
        /// The member.
        path: Path,
        /// The key.
        key: Key,
    },
    /// A value goes to another place, bytes unchanged.
    Move {
        /// Its place.
        from: Path,
        /// Its place afterwards.
        to: Path,
        /// Its key where it comes into an object, if not the one that it has.
        key: Option<Key>,
    },
    /// The same once more, right behind it, bytes unchanged.
    Duplicate {
        /// What to copy.
        path: Path,
        /// The copy's key, if not the same.
        key: Option<Key>,
    },
    /// Several changes as one, each on what the one before left.
    All(Vec<Edit>),
}

/// Why a change can't be made. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The path leads nowhere.
    #[error("there is no such place in the document")]
    NoSuchPlace,
    /// The place has no children.
    #[error("a {0} has no children")]
    NotAContainer(&'static str),
    /// A member without a key.
    #[error("a member of an object needs a key")]
    NeedsKey,
    /// An element with a key.
    #[error("an element of an array has no key")]
    HasNoKey,
    /// The root went somewhere.
    #[error("the outermost value can be replaced, but not removed, moved or copied")]
    IsRoot,
    /// A move into itself.
    #[error("a value can't be moved into itself")]
    IntoItself,
    /// Text that came out invalid; a defect.
    #[error("the changed text would not be valid JSON ({0}); nothing was changed")]
    Invalid(Problem),
}

/// What came of an edit.
pub struct Applied {
    /// The new document.
    pub document: Document,
    /// How positions moved.
    pub shifts: Vec<Shift>,
}

impl Edit {
    /// Applies the change. O(depth · log n); below [`MAX_EDITED_DEPTH`] levels also the length of the value at that depth.
    ///
    /// # Errors
    /// Why it can't be made; the document stays as it is in any case.
    pub fn apply(&self, document: &Document) -> Result<Applied, Refusal> {
        let mut shifts = Vec::new();
        let root = self.apply_to(document.root(), document.style(), &mut shifts)?;
        Ok(Applied { document: document.with_root(root), shifts })
    }

    /// A short sentence for menus and notices: `Change of a value`.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Replace { .. } => "Change value",
            Self::Insert { .. } => "Insert",
            Self::Remove { .. } => "Delete",
            Self::Rename { .. } => "Rename key",
            Self::Move { .. } => "Move",
            Self::Duplicate { .. } => "Duplicate",
            Self::All(edits) => match edits.as_slice() {
                [first, rest @ ..] if rest.iter().all(|edit| edit.describe() == first.describe()) => first.describe(),
                _ => "Several changes",
            },
        }
    }

    fn apply_to(&self, root: &Node, style: &Style, shifts: &mut Vec<Shift>) -> Result<Node, Refusal> {
        match self {
            Self::Replace { path, value } => {
                let node = placed(root, style, path, value, Place::Instead)?;
                shifts.push(Shift::Replaced(path.clone()));
                replace(root, path, node)
            }
            Self::Insert { parent, index, key, value } => {
                let node = placed(root, style, &parent.child(*index), value, Place::New)?;
                insert(root, style, &parent.child(*index), key.as_ref().map(Key::text), node, shifts)
            }
            Self::Remove { path } => remove(root, path, shifts),
            Self::Rename { path, key } => rename(root, path, key.text()),
            Self::Move { from, to, key } => {
                if from.is_empty() || to.is_empty() {
                    return Err(Refusal::IsRoot);
                }
                let child = child_at(root, from)?;
                let mut steps = Vec::new();
                let without = remove(root, from, &mut steps)?;
                // `to` names places as they are afterwards, so one inside the moved value can't be told from its neighbour's:
                // what was meant is refused by the caller, which knows the place before.
                let key = key.as_ref().map(Key::text).or(child.key);
                let moved = insert(&without, style, to, key_for(&without, to, key)?, child.node, &mut steps)?;
                let left = match steps.first() {
                    Some(Shift::Removed { left, .. }) => *left,
                    _ => 0,
                };
                shifts.push(Shift::Moved { from: from.clone(), to: to.clone(), left });
                Ok(moved)
            }
            Self::Duplicate { path, key } => {
                let (parent, index) = path.split_last().ok_or(Refusal::IsRoot)?;
                let child = child_at(root, path)?;
                let key = key.as_ref().map(Key::text).or(child.key);
                insert(root, style, &parent.child(index + 1), key, child.node, shifts)
            }
            Self::All(edits) => edits.iter().try_fold(root.clone(), |root, edit| edit.apply_to(&root, style, shifts)),
        }
    }
}

/// Where a value is headed: for what stands there already, or as a new child.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Instead,
    New,
}

fn child_at(root: &Node, path: &Path) -> Result<super::node::Child, Refusal> {
    let (parent, index) = path.split_last().ok_or(Refusal::IsRoot)?;
    root.descend(&parent).and_then(|node| node.child(index)).ok_or(Refusal::NoSuchPlace)
}

/// A moved value has its key with it: an array drops it.
fn key_for(root: &Node, to: &Path, key: Option<Text>) -> Result<Option<Text>, Refusal> {
    let parent = to.parent().ok_or(Refusal::IsRoot)?;
    Ok(match root.descend(&parent).ok_or(Refusal::NoSuchPlace)?.kind() {
        Kind::Array => None,
        _ => key,
    })
}

/// Gives a member another key.
pub(super) fn rename(root: &Node, path: &Path, key: Text) -> Result<Node, Refusal> {
    let (parent, index) = path.split_last().ok_or(Refusal::IsRoot)?;
    update(root, &parent, &mut |container| {
        let opened = container.open(index).ok_or(Refusal::NoSuchPlace)?;
        let entry = opened.entry.clone();
        if entry.key.is_none() {
            return Err(Refusal::HasNoKey);
        }
        Ok(opened.close(Entry { key: Some(key.clone()), ..entry }))
    })
}

/// Puts a node in the place of another, as it is.
pub(super) fn replace(root: &Node, path: &Path, node: Node) -> Result<Node, Refusal> {
    let Some((parent, index)) = path.split_last() else { return Ok(node) };
    update(root, &parent, &mut |container| {
        let opened = container.open(index).ok_or(Refusal::NoSuchPlace)?;
        let entry = Entry { node: node.clone(), ..opened.entry.clone() };
        Ok(opened.close(entry))
    })
}

/// Takes a child away.
pub(super) fn remove(root: &Node, path: &Path, shifts: &mut Vec<Shift>) -> Result<Node, Refusal> {
    let (parent, index) = path.split_last().ok_or(Refusal::IsRoot)?;
    let mut left = 0;
    let removed = update(root, &parent, &mut |container| {
        let without = container.without(index).ok_or(Refusal::NoSuchPlace)?;
        left = without.child_count();
        Ok(without)
    })?;
    shifts.push(Shift::Removed { parent, index, count: 1, left });
    Ok(removed)
}

/// Puts a node in as a new child, as it is.
pub(super) fn insert(
    root: &Node,
    style: &Style,
    at: &Path,
    key: Option<Text>,
    node: Node,
    shifts: &mut Vec<Shift>,
) -> Result<Node, Refusal> {
    let (parent, index) = at.split_last().ok_or(Refusal::IsRoot)?;
    let surroundings = Surroundings::of(root, style, &parent)?;
    let blank = surroundings.blank(style);
    let node = if parent.len() + 1 + node.edited_height() > MAX_EDITED_DEPTH { flattened(&node)? } else { node };
    let inserted = update(root, &parent, &mut |container| {
        match (container.kind(), &key) {
            (Kind::Object, None) => return Err(Refusal::NeedsKey),
            (Kind::Array, Some(_)) => return Err(Refusal::HasNoKey),
            _ => {}
        }
        container.with(index, key.clone(), node.clone(), &blank).ok_or(Refusal::NoSuchPlace)
    })?;
    shifts.push(Shift::Inserted { parent, index, count: 1 });
    Ok(inserted)
}

fn container_of(node: &Node) -> Result<Container, Refusal> {
    match node {
        Node::Edited(container) => Ok((**container).clone()),
        Node::Raw { fragment, start } if node.kind().is_container() => Ok(Container::from_raw(fragment, *start)),
        Node::Raw { .. } => Err(Refusal::NotAContainer(node.kind().name())),
    }
}

fn flattened(node: &Node) -> Result<Node, Refusal> {
    match node {
        Node::Raw { .. } => Ok(node.clone()),
        Node::Edited(_) => Ok(Node::root_of(&Fragment::new(node.to_bytes()).map_err(Refusal::Invalid)?)),
    }
}

/// Changes the container at `path` and everything above it.
pub(super) fn update(
    root: &Node,
    path: &[u64],
    change: &mut dyn FnMut(&Container) -> Result<Container, Refusal>,
) -> Result<Node, Refusal> {
    if path.len() >= MAX_EDITED_DEPTH {
        let (above, below) = path.split_at(MAX_EDITED_DEPTH - 1);
        let ancestor = root.descend(above).ok_or(Refusal::NoSuchPlace)?;
        return replace(root, &above.into(), spliced(&ancestor, below, change)?);
    }
    let mut opened = Vec::with_capacity(path.len());
    let mut node = root.clone();
    for &k in path {
        let parts = container_of(&node)?.open(k).ok_or(Refusal::NoSuchPlace)?;
        node = parts.entry.node.clone();
        opened.push(parts);
    }
    let mut node = Node::Edited(Arc::new(change(&container_of(&node)?)?));
    while let Some(parts) = opened.pop() {
        let entry = Entry { node, ..parts.entry.clone() };
        node = Node::Edited(Arc::new(parts.close(entry)));
    }
    Ok(node)
}

/// Changes the container at `path` below `ancestor` in the ancestor's text. O(length of that text).
fn spliced(
    ancestor: &Node,
    path: &[u64],
    change: &mut dyn FnMut(&Container) -> Result<Container, Refusal>,
) -> Result<Node, Refusal> {
    let ancestor = flattened(ancestor)?;
    let target = ancestor.descend(path).ok_or(Refusal::NoSuchPlace)?;
    let changed = Node::Edited(Arc::new(change(&container_of(&target)?)?));
    let (Node::Raw { fragment, start }, Node::Raw { start: target_start, .. }) = (&ancestor, &target) else {
        return Err(Refusal::NoSuchPlace);
    };
    let (end, target_end) = (fragment.value_end(*start), fragment.value_end(*target_start));
    let text = [&fragment.text()[*start..*target_start], &changed.to_bytes(), &fragment.text()[target_end..end]].concat();
    Ok(Node::root_of(&Fragment::new(text).map_err(Refusal::Invalid)?))
}

/// A new value as a node, laid out for its place.
fn placed(root: &Node, style: &Style, path: &Path, value: &Value, place: Place) -> Result<Node, Refusal> {
    if value.as_is || !value.kind().is_container() {
        // Without the white space that was typed around it.
        let bare = value.text().len() == value.fragment.text().len();
        return match bare {
            true => Ok(Node::root_of(&value.fragment)),
            false => Fragment::new(value.text()).map(|fragment| Node::root_of(&fragment)).map_err(Refusal::Invalid),
        };
    }
    let layout = match path.split_last() {
        None => match &style.indent {
            Some(_) => Layout::Lines(String::new()),
            None => Layout::OneLine,
        },
        Some((parent, index)) => Surroundings::of(root, style, &parent)?.layout_of_child(index, place),
    };
    let text = lay_out(value.text(), style, &layout);
    Fragment::new(text).map(|fragment| Node::root_of(&fragment)).map_err(Refusal::Invalid)
}

/// What the layout of new text depends on.
struct Surroundings {
    container: Node,
    /// Indentation of the line that the container begins on.
    indent: String,
    /// Whether the container's children stand on lines of their own, and their indentation.
    lines: Option<String>,
}

impl Surroundings {
    fn of(root: &Node, style: &Style, path: &Path) -> Result<Self, Refusal> {
        let mut node = root.clone();
        let mut indent = String::new();
        let mut lines = inner_lines(&node, style, &indent, style.indent.is_some());
        for &k in path.iter() {
            node = node.child(k).ok_or(Refusal::NoSuchPlace)?.node;
            if let Some(inside) = &lines {
                indent.clone_from(inside);
            }
            lines = inner_lines(&node, style, &indent, lines.is_some());
        }
        Ok(Self { container: node, indent, lines })
    }

    fn layout_of_child(&self, index: u64, place: Place) -> Layout {
        let Some(indent) = &self.lines else { return Layout::OneLine };
        let neighbours = match place {
            Place::Instead => [Some(index), None],
            Place::New => [index.checked_sub(1), Some(index)],
        };
        let seen = neighbours.into_iter().flatten().filter_map(|k| self.container.child(k)).find_map(|child| {
            let filled = child.node.kind().is_container() && child.node.child_count() > 0;
            filled.then(|| head_of(&child.node).contains('\n'))
        });
        if seen.unwrap_or(true) { Layout::Lines(indent.clone()) } else { Layout::OneLine }
    }

    fn blank(&self, style: &Style) -> Blank {
        let (head, tail) = match &self.lines {
            Some(indent) => (format!("{}{indent}", style.line_end), format!("{}{}", style.line_end, self.indent)),
            None => Default::default(),
        };
        Blank { head: head.into(), tail: tail.into(), colon: style.colon.clone().into(), comma: style.comma.clone().into() }
    }
}

/// The indentation of a container's children where they stand on lines of their own. One without children is as what it
/// stands in.
fn inner_lines(node: &Node, style: &Style, indent: &str, outside: bool) -> Option<String> {
    if !node.kind().is_container() {
        return None;
    }
    let head = head_of(node);
    if node.has_no_children() {
        return outside.then(|| format!("{indent}{}", style.indent.as_deref().unwrap_or("  ")));
    }
    head.rfind('\n').map(|place| head[place + 1..].to_owned())
}

/// What stands between a container's bracket and its first child.
fn head_of(node: &Node) -> String {
    match node {
        Node::Edited(container) => String::from_utf8_lossy(container.head().bytes()).into_owned(),
        Node::Raw { fragment, start } => {
            let from = start + 1;
            let to = super::scan::skip_white_space(fragment.text(), from);
            String::from_utf8_lossy(&fragment.text()[from..to]).into_owned()
        }
    }
}
