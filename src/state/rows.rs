//! Which containers are open, and which row is what.
//!
//! One persistent tree beside the document's. A container is closed, open, or *open below*: then everything inside is open but
//! for the exceptions that stand in the tree. So "expand everything" is a flag, and row k of it is value k, which the
//! container index finds. The root is row 0.

use crate::document::seq::{Item, Seq, Summary};
use crate::document::{Child, Children, Node, Path, Shift};
use std::cmp::Ordering;
use std::sync::Arc;

/// How one container is shown. `clone` is a pointer copy.
#[derive(Clone, Default)]
pub struct Fold(Option<Arc<Open>>);

#[derive(Clone, Default)]
struct Open {
    /// Whether children that are not in `kids` are open, and all in them.
    below: bool,
    /// The children that are not as the others, by number.
    kids: Seq<Kid>,
}

#[derive(Clone)]
struct Kid {
    /// Children before this one that are as the others, since the last kid.
    skip: u64,
    fold: Fold,
    /// Rows below it, as it is folded.
    rows: u64,
    /// Values inside it: the rows below it if it were open below.
    values: u64,
    /// Whether the container that it is in is open below.
    in_below: bool,
}

#[derive(Clone, Copy, Default)]
struct KidSum {
    children: u64,
    /// Rows more than if all were as the others.
    extra: i64,
}

impl Summary for KidSum {
    fn plus(self, next: Self) -> Self {
        Self { children: self.children + next.children, extra: self.extra + next.extra }
    }
}

impl Item for Kid {
    type Summary = KidSum;

    fn summary(&self) -> KidSum {
        let usual = if self.in_below { self.values } else { 0 };
        KidSum { children: self.skip + 1, extra: self.rows as i64 - usual as i64 }
    }
}

impl Drop for Open {
    /// Not recursive: folds nest as deep as documents do.
    fn drop(&mut self) {
        let mut doomed: Vec<Arc<Open>> = self.kids.iter().filter_map(|kid| kid.fold.0.clone()).collect();
        self.kids = Seq::default();
        while let Some(open) = doomed.pop() {
            if let Some(mut open) = Arc::into_inner(open) {
                doomed.extend(open.kids.iter().filter_map(|kid| kid.fold.0.clone()));
                open.kids = Seq::default();
            }
        }
    }
}

fn at_child(number: u64) -> impl Fn(&KidSum, &Kid) -> Ordering {
    move |before, kid| number.cmp(&(before.children + kid.skip))
}

impl Open {
    /// What a child without an entry is.
    fn usual(&self) -> Fold {
        if self.below { Fold::open_below() } else { Fold::default() }
    }

    fn kid(&self, number: u64) -> Fold {
        self.kids.find(at_child(number)).map_or_else(|| self.usual(), |(kid, _)| kid.fold.clone())
    }

    /// Rows below `node`, a container that is folded so.
    fn rows(&self, node: &Node) -> u64 {
        let usual = if self.below { node.values_inside() } else { node.child_count() };
        usual.saturating_add_signed(self.kids.summary().extra)
    }

    /// The row of child `number`, counted from the first row below `node`.
    fn row_of_child(&self, node: &Node, number: u64) -> u64 {
        let (left, ..) = self.kids.split(at_child(number));
        let extra = left.summary().extra;
        let usual = if self.below { node.values_before(number) } else { number };
        usual.saturating_add_signed(extra)
    }

    /// With another fold for child `number`, whose node is `child`.
    fn with_kid(&self, number: u64, fold: Fold, child: Option<&Node>) -> Self {
        let (left, old, right) = self.kids.split(at_child(number));
        let skip = number - left.summary().children;
        let usual = if self.below { fold.is_plain_below() } else { fold.0.is_none() };
        let kids = match (usual, old) {
            (true, None) => return self.clone(),
            (true, Some(_)) => left.concat(skip_more(right, skip as i64 + 1)),
            (false, old) => {
                let right = if old.is_some() { right } else { skip_more(right, -(skip as i64) - 1) };
                let rows = child.map_or(0, |child| fold.rows_below(child));
                let values = child.map_or(0, Node::values_inside);
                Seq::join(left, Kid { skip, fold, rows, values, in_below: self.below }, right)
            }
        };
        Self { below: self.below, kids }
    }

    /// Children came to stand at `index`.
    fn inserted(&self, index: u64, count: u64) -> Self {
        let (left, right) = self.split_before(index);
        Self { below: self.below, kids: left.concat(skip_more(right, count as i64)) }
    }

    /// Children from `index` on went.
    fn removed(&self, index: u64, count: u64) -> Self {
        let (left, right) = self.split_before(index);
        let from = left.summary().children;
        let rest = Self { below: self.below, kids: right };
        let (gone, kept) = rest.split_before(index + count - from);
        // What is kept counted from the last one gone, or from the last one left.
        let change = gone.summary().children as i64 - count as i64;
        Self { below: self.below, kids: left.concat(skip_more(kept, change)) }
    }

    /// The kids before child `index`, and those from it on.
    fn split_before(&self, index: u64) -> (Seq<Kid>, Seq<Kid>) {
        let (left, at, right) = self.kids.split(at_child(index));
        match at {
            Some(kid) => (left, Seq::join(Seq::default(), kid, right)),
            None => (left, right),
        }
    }
}

/// Changes how many usual children stand before the first kid.
fn skip_more(kids: Seq<Kid>, more: i64) -> Seq<Kid> {
    let (_, first, rest) = kids.split(|before, _| if before.children == 0 { Ordering::Equal } else { Ordering::Less });
    match first {
        Some(kid) => Seq::join(Seq::default(), Kid { skip: kid.skip.saturating_add_signed(more), ..kid }, rest),
        None => kids,
    }
}

/// What a row shows.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its place.
    pub path: Path,
    /// Its value.
    pub node: Node,
    /// The key as it is written, in objects.
    pub key: Option<crate::document::Text>,
    /// Whether the rows of its children follow.
    pub open: bool,
    /// Children of the container that it is in; 1 for the root.
    pub siblings: u64,
}

impl Fold {
    /// Open, its children closed.
    pub fn open() -> Self {
        Self(Some(Arc::new(Open::default())))
    }

    /// Open with everything inside.
    pub fn open_below() -> Self {
        Self(Some(Arc::new(Open { below: true, kids: Seq::default() })))
    }

    /// Whether children are shown.
    pub fn is_open(&self) -> bool {
        self.0.is_some()
    }

    fn is_plain_below(&self) -> bool {
        self.0.as_ref().is_some_and(|open| open.below && open.kids.is_empty())
    }

    /// Rows below a value that is folded so. O(1), or O(log n) in a fragment.
    pub fn rows_below(&self, node: &Node) -> u64 {
        match &self.0 {
            Some(open) if node.kind().is_container() => open.rows(node),
            _ => 0,
        }
    }

    /// The fold of the value at `path` below, as it would be if everything above were open.
    pub fn at(&self, path: &[u64]) -> Self {
        path.iter().fold(self.clone(), |fold, &number| match &fold.0 {
            Some(open) => open.kid(number),
            None => Self::default(),
        })
    }

    /// What row `number` shows, from 0, the value `root` itself. O(depth · log n).
    pub fn row(&self, root: &Node, number: u64) -> Option<Row> {
        self.rows_from(root, number).next()
    }

    /// The rows from `number` on. O(depth · log n) for the first, then a step over a value each.
    pub fn rows_from(&self, root: &Node, number: u64) -> Rows {
        self.descended(root, number).unwrap_or_default()
    }

    fn descended(&self, root: &Node, number: u64) -> Option<Rows> {
        let mut rows = Rows::default();
        let (mut child, mut fold) = (Child { key: None, node: root.clone() }, self.clone());
        // Rows still to go, from the row of `child` on.
        let mut left = number;
        while left > 0 {
            let open = fold.0.filter(|open| left <= open.rows(&child.node))?;
            let (k, inside, rest) = open.child_at_row(&child.node, left - 1)?;
            fold = open.kid(k);
            rows.above.push(Level { open, siblings: child.node.child_count(), node: child.node, next: k + 1, children: None });
            rows.path.push(k);
            (child, left) = (inside, rest);
        }
        rows.at = Some((child, fold));
        Some(rows)
    }

    /// The row of the value at `path`; `None` where a container above is closed. O(depth · log n).
    pub fn row_of(&self, root: &Node, path: &[u64]) -> Option<u64> {
        let mut node = root.clone();
        let mut fold = self.clone();
        let mut row = 0;
        for &number in path {
            let open = fold.0.clone()?;
            row += 1 + open.row_of_child(&node, number);
            node = node.child(number)?.node;
            fold = open.kid(number);
        }
        Some(row)
    }

    /// With the fold of the value at `path` changed and everything above it open. O(depth · log n).
    pub fn with(&self, root: &Node, path: &[u64], change: impl FnOnce(Fold) -> Fold) -> Self {
        let mut above: Vec<(Open, u64, Option<Node>)> = Vec::with_capacity(path.len());
        let mut fold = self.clone();
        let mut node = Some(root.clone());
        for &number in path {
            let open = fold.0.as_deref().cloned().unwrap_or_default();
            fold = open.kid(number);
            node = node.and_then(|node| node.child(number)).map(|child| child.node);
            above.push((open, number, node.clone()));
        }
        fold = change(fold);
        while let Some((open, number, node)) = above.pop() {
            fold = Self(Some(Arc::new(open.with_kid(number, fold, node.as_ref()))));
        }
        fold
    }

    /// Follows an edit that gave the document `root`. O(depth · log n) for each shift.
    pub fn shifted(&self, root: &Node, shifts: &[Shift]) -> Self {
        let mut fold = self.clone();
        for shift in shifts {
            fold = fold.moved(shift);
        }
        // The structure is right now; the sums above each changed place are not yet.
        for (number, shift) in shifts.iter().enumerate() {
            let places = match shift {
                Shift::Inserted { parent, .. } | Shift::Removed { parent, .. } => vec![parent.clone()],
                Shift::Replaced(path) => vec![path.clone()],
                Shift::Moved { from, to, .. } => {
                    let source = crate::document::path::map_all([shift], &from.parent().unwrap_or_default()).into_path();
                    vec![source, to.clone()]
                }
            };
            for place in places {
                let place = crate::document::path::map_all(&shifts[number + 1..], &place).into_path();
                fold = fold.refreshed(root, &place);
            }
        }
        fold
    }

    /// With the sums along `path` taken anew: the value there, or what it is in, has more or less in it than before.
    /// O(depth · log n).
    pub fn refreshed(&self, root: &Node, path: &[u64]) -> Self {
        // Where something above is closed there are no sums.
        let open_above = (0..path.len()).take_while(|&depth| self.at(&path[..depth]).is_open()).count();
        self.with(root, &path[..open_above], |fold| fold)
    }

    /// The structure after a shift, sums aside.
    fn moved(&self, shift: &Shift) -> Self {
        match shift {
            Shift::Inserted { parent, index, count } => self.with_structure(parent, |open| open.inserted(*index, *count)),
            Shift::Removed { parent, index, count, .. } => self.with_structure(parent, |open| open.removed(*index, *count)),
            Shift::Replaced(path) => self.with_structure(path, |open| Open { below: open.below, kids: Seq::default() }),
            Shift::Moved { from, to, .. } => {
                let (Some((source, index)), Some((target, place))) = (from.split_last(), to.split_last()) else {
                    return self.clone();
                };
                let carried = self.at(from);
                let without = self.with_structure(&source, |open| open.removed(index, 1));
                without.with_structure(&target, |open| open.inserted(place, 1).with_kid(place, carried.clone(), None))
            }
        }
    }

    fn with_structure(&self, path: &[u64], change: impl Fn(&Open) -> Open) -> Self {
        let mut above: Vec<(Open, u64)> = Vec::with_capacity(path.len());
        let mut fold = self.clone();
        for &number in path {
            let Some(open) = fold.0.as_deref().cloned() else { return self.clone() };
            fold = open.kid(number);
            above.push((open, number));
        }
        let Some(open) = fold.0.as_deref() else { return self.clone() };
        fold = Self(Some(Arc::new(change(open))));
        while let Some((open, number)) = above.pop() {
            fold = Self(Some(Arc::new(open.with_kid(number, fold, None))));
        }
        fold
    }
}

impl Open {
    /// The child that row `number` below `node` shows or is inside of, its number, and how many rows further inside it stands.
    fn child_at_row(&self, node: &Node, number: u64) -> Option<(u64, Child, u64)> {
        let row_of_kid = |before: &KidSum, kid: &Kid| {
            let child = before.children + kid.skip;
            let usual = if self.below { node.values_before(child) } else { child };
            (child, usual.saturating_add_signed(before.extra))
        };
        let mut extra = 0;
        let found = self.kids.find(|before, kid| {
            let (_, row) = row_of_kid(before, kid);
            if number < row {
                Ordering::Less
            } else if number <= row + kid.rows {
                Ordering::Equal
            } else {
                extra = before.plus(kid.summary()).extra;
                Ordering::Greater
            }
        });
        if let Some((kid, before)) = found {
            let (child, row) = row_of_kid(&before, kid);
            return Some((child, node.child(child)?, number - row));
        }
        let usual = number.saturating_add_signed(-extra);
        if self.below {
            let (child, inside, before) = node.child_with_value(usual)?;
            Some((child, inside, usual - before))
        } else {
            Some((usual, node.child(usual)?, 0))
        }
    }
}

/// Rows one behind the other.
#[derive(Default)]
pub struct Rows {
    /// The containers above the row, all of them open.
    above: Vec<Level>,
    path: Vec<u64>,
    /// The row and its fold; `None` behind the last one.
    at: Option<(Child, Fold)>,
    is_begun: bool,
}

struct Level {
    node: Node,
    open: Arc<Open>,
    siblings: u64,
    /// The child to come.
    next: u64,
    /// A walk along the children from `next` on, once one is needed.
    children: Option<Children>,
}

impl Level {
    fn next_child(&mut self) -> Option<(u64, Child)> {
        let child = self.children.get_or_insert_with(|| self.node.children_from(self.next)).next()?;
        self.next += 1;
        Some((self.next - 1, child))
    }
}

impl Rows {
    fn step(&mut self) -> Option<()> {
        let (Child { node, .. }, fold) = self.at.take()?;
        if let Some(open) = fold.0.filter(|_| node.kind().is_container()) {
            self.above.push(Level { open, siblings: node.child_count(), node, next: 0, children: None });
        }
        loop {
            let level = self.above.last_mut()?;
            if let Some((k, child)) = level.next_child() {
                self.at = Some((child, level.open.kid(k)));
                self.path.truncate(self.above.len() - 1);
                self.path.push(k);
                return Some(());
            }
            self.above.pop();
        }
    }
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if std::mem::replace(&mut self.is_begun, true) {
            self.step()?;
        }
        let (Child { key, node }, fold) = self.at.clone()?;
        let open = fold.is_open() && node.kind().is_container();
        let siblings = self.above.last().map_or(1, |level| level.siblings);
        Some(Row { path: self.path.as_slice().into(), node, key, open, siblings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Applied, Document, Edit, Value};
    use proptest::prelude::*;

    /// The rows by the plain reading of the folds.
    fn listed(node: &Node, fold: &Fold, path: &Path, out: &mut Vec<Path>) {
        out.push(path.clone());
        if fold.is_open() {
            for (k, child) in node.children().enumerate() {
                listed(&child.node, &fold.at(&[k as u64]), &path.child(k as u64), out);
            }
        }
    }

    fn check(root: &Node, fold: &Fold) -> Result<(), TestCaseError> {
        let mut expected = Vec::new();
        listed(root, fold, &Path::root(), &mut expected);
        prop_assert_eq!(fold.rows_below(root) + 1, expected.len() as u64);
        for (number, path) in expected.iter().enumerate() {
            let row = fold.row(root, number as u64);
            prop_assert_eq!(row.map(|row| row.path), Some(path.clone()), "row {} of {:?}", number, expected);
            prop_assert_eq!(fold.row_of(root, path), Some(number as u64));
        }
        prop_assert!(fold.row(root, expected.len() as u64).is_none());
        let from = expected.len() / 3;
        let rows: Vec<Path> = fold.rows_from(root, from as u64).map(|row| row.path).collect();
        prop_assert_eq!(&rows, &expected[from..]);
        Ok(())
    }

    fn paths(node: &Node, path: &Path, out: &mut Vec<Path>) {
        out.push(path.clone());
        node.children().enumerate().for_each(|(k, child)| paths(&child.node, &path.child(k as u64), out));
    }

    #[derive(Clone, Debug)]
    enum Act {
        Open,
        OpenBelow,
        Close,
        Remove,
        Insert,
        Replace,
        Move(prop::sample::Index, prop::sample::Index),
    }

    fn json() -> impl Strategy<Value = String> {
        Just("1".to_owned()).prop_recursive(4, 60, 6, |inner| {
            proptest::collection::vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(", ")))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

        #[test]
        fn rows_are_what_the_folds_say(
            text in json(),
            steps in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![
                3 => Just(Act::Open), 2 => Just(Act::OpenBelow), 2 => Just(Act::Close), 1 => Just(Act::Remove), 1 => Just(Act::Insert),
                1 => Just(Act::Replace), 1 => (any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(a, b)| Act::Move(a, b)),
            ], json()), 1..25),
        ) {
            let mut document = Document::parse(text).unwrap();
            let mut fold = Fold::open();
            for (place, act, value) in steps {
                let mut all = Vec::new();
                paths(document.root(), &Path::root(), &mut all);
                let path = all[place.index(all.len())].clone();
                let is_container = document.node(&path).unwrap().kind().is_container();
                let edit = match act {
                    Act::Open => { fold = fold.with(document.root(), &path, |_| if is_container { Fold::open() } else { Fold::default() }); None }
                    Act::OpenBelow => { fold = fold.with(document.root(), &path, |_| Fold::open_below()); None }
                    Act::Close => { fold = fold.with(document.root(), &path, |_| Fold::default()); None }
                    Act::Remove if !path.is_empty() => Some(Edit::Remove { path }),
                    Act::Insert if is_container => {
                        let index = document.node(&path).unwrap().child_count() / 2;
                        Some(Edit::Insert { parent: path, index, key: None, value: Value::new(&value).unwrap() })
                    }
                    Act::Replace => Some(Edit::Replace { path, value: Value::new(&value).unwrap() }),
                    Act::Move(to, k) if !path.is_empty() => {
                        let without = Edit::Remove { path: path.clone() }.apply(&document).unwrap().document;
                        let mut left = Vec::new();
                        paths(without.root(), &Path::root(), &mut left);
                        left.retain(|path| without.node(path).unwrap().kind().is_container());
                        let to = left[to.index(left.len())].clone();
                        let k = k.index(without.node(&to).unwrap().child_count() as usize + 1) as u64;
                        Some(Edit::Move { from: path, to: to.child(k), key: None })
                    }
                    _ => None,
                };
                if let Some(edit) = edit {
                    let Applied { document: after, shifts } = edit.apply(&document).unwrap();
                    fold = fold.shifted(after.root(), &shifts);
                    document = after;
                }
                check(document.root(), &fold)?;
            }
        }
    }

    #[test]
    fn folds_nest_a_hundred_thousand_deep() {
        let deep = 100_000;
        let document = Document::parse(format!("{}{}", "[".repeat(deep), "]".repeat(deep))).unwrap();
        let fold = Fold::open().with(document.root(), &vec![0; deep - 1], |_| Fold::open());
        assert_eq!(fold.rows_below(document.root()), deep as u64 - 1);
        drop(fold);
    }
}
