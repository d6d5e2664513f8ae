//! A persistent sequence with summaries: what an edited container keeps its children in, and the tree its open rows.
//!
//! A weight-balanced tree (Adams 1993; Hirai and Yamamoto 2011 for the constants 3 and 2) of shared nodes: a change copies the
//! O(log n) nodes on one path and shares the rest, so every older version stays as it was.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// What is known of a stretch of items without looking at them; a monoid.
pub trait Summary: Copy + Default {
    /// The summary of this stretch with `next` behind it.
    fn plus(self, next: Self) -> Self;
}

/// Something that a [`Seq`] holds.
pub trait Item: Clone {
    /// Its summary.
    type Summary: Summary;
    /// The summary of this one item.
    fn summary(&self) -> Self::Summary;
}

/// A persistent sequence. `clone` is O(1); a change or a look by summary is O(log n).
pub struct Seq<T: Item>(Option<Arc<Node<T>>>);

struct Node<T: Item> {
    left: Seq<T>,
    item: T,
    right: Seq<T>,
    len: usize,
    sum: T::Summary,
}

impl<T: Item> Clone for Seq<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Item> Default for Seq<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Item + fmt::Debug> fmt::Debug for Seq<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: Item> FromIterator<T> for Seq<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        items.into_iter().fold(Self::default(), |seq, item| Self::join(seq, item, Self::default()))
    }
}

impl<T: Item> Seq<T> {
    /// Number of items.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |node| node.len)
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The summary of all items.
    pub fn summary(&self) -> T::Summary {
        self.0.as_ref().map_or_else(T::Summary::default, |node| node.sum)
    }

    /// The first item.
    pub fn first(&self) -> Option<&T> {
        let mut node = self.0.as_ref()?;
        while let Some(left) = &node.left.0 {
            node = left;
        }
        Some(&node.item)
    }

    fn weight(&self) -> usize {
        self.len() + 1
    }

    fn node(left: Self, item: T, right: Self) -> Self {
        let len = left.len() + 1 + right.len();
        let sum = left.summary().plus(item.summary()).plus(right.summary());
        Self(Some(Arc::new(Node { left, item, right, len, sum })))
    }

    /// `left`, then `item`, then `right`. O(log n), or O(1) where both are of similar length.
    pub fn join(left: Self, item: T, right: Self) -> Self {
        const DELTA: usize = 3;
        if left.weight() > DELTA * right.weight()
            && let Some(root) = &left.0
        {
            return Self::balance(root.left.clone(), root.item.clone(), Self::join(root.right.clone(), item, right));
        }
        if right.weight() > DELTA * left.weight()
            && let Some(root) = &right.0
        {
            return Self::balance(Self::join(left, item, root.left.clone()), root.item.clone(), root.right.clone());
        }
        Self::node(left, item, right)
    }

    /// A node of two trees of which one may have grown by one step too many.
    fn balance(left: Self, item: T, right: Self) -> Self {
        const DELTA: usize = 3;
        const GAMMA: usize = 2;
        match (&left.0, &right.0) {
            (_, Some(root)) if right.weight() > DELTA * left.weight() => match &root.left.0 {
                Some(inner) if root.left.weight() >= GAMMA * root.right.weight() => Self::node(
                    Self::node(left, item, inner.left.clone()),
                    inner.item.clone(),
                    Self::node(inner.right.clone(), root.item.clone(), root.right.clone()),
                ),
                _ => Self::node(Self::node(left, item, root.left.clone()), root.item.clone(), root.right.clone()),
            },
            (Some(root), _) if left.weight() > DELTA * right.weight() => match &root.right.0 {
                Some(inner) if root.right.weight() >= GAMMA * root.left.weight() => Self::node(
                    Self::node(root.left.clone(), root.item.clone(), inner.left.clone()),
                    inner.item.clone(),
                    Self::node(inner.right.clone(), item, right),
                ),
                _ => Self::node(root.left.clone(), root.item.clone(), Self::node(root.right.clone(), item, right)),
            },
            _ => Self::node(left, item, right),
        }
    }

    /// `self`, then `next`. O(log n).
    pub fn concat(self, next: Self) -> Self {
        match next.take_first() {
            None => self,
            Some((item, rest)) => Self::join(self, item, rest),
        }
    }

    fn take_first(&self) -> Option<(T, Self)> {
        let node = self.0.as_ref()?;
        Some(match node.left.take_first() {
            None => (node.item.clone(), node.right.clone()),
            Some((item, left)) => (item, Self::join(left, node.item.clone(), node.right.clone())),
        })
    }

    /// Looks an item up: `place(summary before, item)` says whether what is sought stands before (`Less`), is (`Equal`) or
    /// stands behind (`Greater`) it. Gives the item and the summary of all before it.
    pub fn find(&self, mut place: impl FnMut(&T::Summary, &T) -> Ordering) -> Option<(&T, T::Summary)> {
        let mut before = T::Summary::default();
        let mut node = self.0.as_ref()?;
        loop {
            let here = before.plus(node.left.summary());
            node = match place(&here, &node.item) {
                Ordering::Less => node.left.0.as_ref()?,
                Ordering::Equal => return Some((&node.item, here)),
                Ordering::Greater => {
                    before = here.plus(node.item.summary());
                    node.right.0.as_ref()?
                }
            };
        }
    }

    /// Cuts at the item that `place` finds, as [`Seq::find`] does: what is before it, it, what is behind it. Where nothing is
    /// found the cut is between two items.
    pub fn split(&self, mut place: impl FnMut(&T::Summary, &T) -> Ordering) -> (Self, Option<T>, Self) {
        self.split_behind(T::Summary::default(), &mut place)
    }

    fn split_behind(&self, before: T::Summary, place: &mut impl FnMut(&T::Summary, &T) -> Ordering) -> (Self, Option<T>, Self) {
        let Some(node) = &self.0 else { return (Self::default(), None, Self::default()) };
        let here = before.plus(node.left.summary());
        match place(&here, &node.item) {
            Ordering::Less => {
                let (left, item, right) = node.left.split_behind(before, place);
                (left, item, Self::join(right, node.item.clone(), node.right.clone()))
            }
            Ordering::Equal => (node.left.clone(), Some(node.item.clone()), node.right.clone()),
            Ordering::Greater => {
                let (left, item, right) = node.right.split_behind(here.plus(node.item.summary()), place);
                (Self::join(node.left.clone(), node.item.clone(), left), item, right)
            }
        }
    }

    /// The items in order.
    pub fn iter(&self) -> Iter<'_, T> {
        let mut iter = Iter { stack: Vec::new() };
        iter.descend(self);
        iter
    }
}

/// The items of a [`Seq`] in order.
pub struct Iter<'a, T: Item> {
    stack: Vec<&'a Node<T>>,
}

impl<'a, T: Item> Iter<'a, T> {
    fn descend(&mut self, seq: &'a Seq<T>) {
        let mut next = seq.0.as_deref();
        while let Some(node) = next {
            self.stack.push(node);
            next = node.left.0.as_deref();
        }
    }
}

impl<'a, T: Item> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        let node = self.stack.pop()?;
        self.descend(&node.right);
        Some(&node.item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Default, Debug, PartialEq)]
    pub struct Count(usize);

    impl Summary for Count {
        fn plus(self, next: Self) -> Self {
            Self(self.0 + next.0)
        }
    }

    impl Item for u32 {
        type Summary = Count;
        fn summary(&self) -> Count {
            Count(1)
        }
    }

    fn depth(seq: &Seq<u32>) -> usize {
        seq.0.as_ref().map_or(0, |node| 1 + depth(&node.left).max(depth(&node.right)))
    }

    fn at(number: usize) -> impl Fn(&Count, &u32) -> Ordering {
        move |before, _| number.cmp(&before.0)
    }

    proptest! {
        #[test]
        fn behaves_as_a_vector(steps in proptest::collection::vec((any::<bool>(), any::<prop::sample::Index>(), any::<u32>()), 1..300)) {
            let mut seq = Seq::default();
            let mut model: Vec<u32> = Vec::new();
            for (insert, place, value) in steps {
                let before = (seq.clone(), model.clone());
                if insert || model.is_empty() {
                    let place = place.index(model.len() + 1);
                    let (left, item, right) = seq.split(at(place));
                    let right = match item { Some(item) => Seq::join(Seq::default(), item, right), None => right };
                    seq = Seq::join(left, value, right);
                    model.insert(place, value);
                } else {
                    let place = place.index(model.len());
                    let (left, item, right) = seq.split(at(place));
                    prop_assert_eq!(item, Some(model.remove(place)));
                    seq = left.concat(right);
                }
                prop_assert_eq!(seq.iter().copied().collect::<Vec<_>>(), model.clone());
                prop_assert_eq!(before.0.iter().copied().collect::<Vec<_>>(), before.1);
                prop_assert_eq!(seq.summary(), Count(model.len()));
            }
            let log = usize::BITS - (model.len() + 1).leading_zeros();
            prop_assert!(depth(&seq) <= 3 * log as usize + 2);
        }
    }

    #[test]
    fn built_in_order_it_is_balanced() {
        let seq: Seq<u32> = (0..100_000).collect();
        assert!(depth(&seq) < 40, "{}", depth(&seq));
        assert_eq!(seq.find(at(70_000)).map(|(item, before)| (*item, before.0)), Some((70_000, 70_000)));
    }
}
