//! A comparison that is made before it is asked for.
//!
//! What another program wrote is read, and its digest is made; then the window asks how it differs from what it shows. Most times
//! that is what was read before: then the answer is found beside the digest, to which one core is lacking meanwhile (with two
//! cores: a reload of 100 MB took 1.45 times as long as opening it, and 1.25 times so).

use super::crew::Others;
use super::{Stop, Threads, aside};
use crate::document::{Comparison, Fragment, Node, compare};
use crate::state::DocumentId;
use crate::storage::Digest;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::time::{Duration, Instant};

/// A comparison that takes so long, and twice as long as the digest, is waited for no more: a window with edits is to hear of a
/// conflict before it is known in how many places.
const PATIENCE: Duration = Duration::from_millis(50);

/// What was read last of each file. Holds no text.
#[derive(Clone, Default)]
pub struct Ahead(Arc<Mutex<HashMap<DocumentId, Read>>>);

struct Read {
    text: Weak<Fragment>,
    found: Option<Found>,
}

/// How a text differs from the one before.
pub struct Found {
    before: Weak<Fragment>,
    comparison: Comparison,
}

impl Ahead {
    fn lock(&self) -> MutexGuard<'_, HashMap<DocumentId, Read>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was read of all files.
    pub fn forget(&self) {
        self.lock().clear();
    }

    /// A text goes to the window.
    pub fn was_read(&self, id: DocumentId, text: &Arc<Fragment>, found: Option<Found>) {
        self.lock().insert(id, Read { text: Arc::downgrade(text), found });
    }

    /// The digest of a text, and how it differs from the one that was read before, if that is still there and does not take long to
    /// find out.
    pub fn digest(&self, id: DocumentId, text: &Arc<Fragment>) -> (Digest, Option<Found>) {
        self.digest_with(id, text, PATIENCE)
    }

    fn digest_with(&self, id: DocumentId, text: &Arc<Fragment>, patience: Duration) -> (Digest, Option<Found>) {
        let Some(before) = self.lock().get(&id).and_then(|read| read.text.upgrade()) else {
            return (Digest::of_text(text.text(), &Threads), None);
        };
        let begun = Instant::now();
        let (sender, answer) = mpsc::channel();
        let given_up = Stop::default();
        let (a, b, stop) = (Node::root_of(&before), Node::root_of(text), given_up.clone());
        aside("compare", move || {
            let comparison = compare(&a, &b, &mut |_| stop.asked());
            drop((a, b));
            // Who gave up does not listen.
            let _ = sender.send(comparison);
        });
        let digest = Digest::of_text(text.text(), &Others);
        let limit = patience.max(2 * begun.elapsed());
        // Where it ended by a panic it is asked for, and told, once more.
        let comparison = answer.recv_timeout(limit.saturating_sub(begun.elapsed())).ok().flatten();
        given_up.now();
        (digest, comparison.map(|comparison| Found { before: Arc::downgrade(&before), comparison }))
    }

    /// How two values differ, if that is known already. Given away once; who shows something else than what was read has no use for
    /// the next one.
    pub fn take(&self, id: DocumentId, before: &Node, after: &Node) -> Option<Comparison> {
        let mut all = self.lock();
        let read = all.get_mut(&id)?;
        match read.found.take() {
            Some(found) if is_root(&found.before, before) && is_root(&read.text, after) => Some(found.comparison),
            _ => {
                all.remove(&id);
                None
            }
        }
    }
}

/// Whether a value is all of a text, as it was read.
fn is_root(text: &Weak<Fragment>, node: &Node) -> bool {
    text.upgrade().is_some_and(|text| Node::root_of(&text).is_same(node))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Edit, Value};
    use std::ops::ControlFlow;

    const ID: DocumentId = DocumentId(1);

    fn read(text: &str) -> Arc<Fragment> {
        Fragment::new(text).unwrap()
    }

    /// What was read after another text.
    fn reread(ahead: &Ahead, before: &Arc<Fragment>, text: &str) -> Arc<Fragment> {
        ahead.was_read(ID, before, None);
        let after = read(text);
        let (digest, found) = ahead.digest_with(ID, &after, Duration::from_secs(60));
        assert_eq!(digest, Digest::of(text.as_bytes()));
        ahead.was_read(ID, &after, found);
        after
    }

    #[test]
    fn what_was_read_and_is_shown_is_compared() {
        let ahead = Ahead::default();
        let before = read("[1, 2, 3]");
        let after = reread(&ahead, &before, "[1, 5, 3, 4]");
        let (a, b) = (Document::of(&before), Document::of(&after));
        let found = ahead.take(ID, a.root(), b.root()).unwrap();
        let asked = compare(a.root(), b.root(), &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!((found.total, &found.differences, &found.shifts), (2, &asked.differences, &asked.shifts));
        assert!(ahead.take(ID, a.root(), b.root()).is_none());
    }

    #[test]
    fn nothing_else_is_taken_for_it() {
        let ahead = Ahead::default();
        let before = read("[1, 2, 3]");
        let shown = Document::of(&before);
        let edit = Edit::Replace { path: [0].into(), value: Value::new("7").unwrap() };
        let edited = edit.apply(&shown).unwrap().document;
        let after = Document::of(&reread(&ahead, &before, "[1, 5, 3]"));
        assert!(ahead.take(ID, edited.root(), after.root()).is_none());
        let after = Document::of(&reread(&ahead, &before, "[1, 5, 3]"));
        assert!(ahead.take(ID, &shown.root().child(0).unwrap().node, after.root()).is_none());
        reread(&ahead, &before, "[1, 5, 3]");
        assert!(ahead.take(ID, shown.root(), Document::of(&read("[1, 5, 3]")).root()).is_none());
        let after = Document::of(&reread(&ahead, &before, "[1, 5, 3]"));
        assert!(ahead.take(DocumentId(2), shown.root(), after.root()).is_none());
        ahead.forget();
        assert!(ahead.take(ID, shown.root(), after.root()).is_none());
    }

    #[test]
    fn what_takes_long_is_not_waited_for() {
        let ahead = Ahead::default();
        let numbers = |from: usize| (from..from + 300_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        let (before, after) = (read(&format!("[{}]", numbers(0))), read(&format!("[{}]", numbers(700_000))));
        ahead.was_read(ID, &before, None);
        let (digest, found) = ahead.digest_with(ID, &after, Duration::ZERO);
        assert_eq!(digest, Digest::of(after.text()));
        assert!(found.is_none());
    }

    #[test]
    fn no_text_is_kept() {
        let ahead = Ahead::default();
        let before = read("[1, 2, 3]");
        let after = reread(&ahead, &before, "[1, 5, 3]");
        let (a, b) = (Arc::downgrade(&before), Arc::downgrade(&after));
        drop((before, after));
        assert_eq!((a.strong_count(), b.strong_count()), (0, 0));
        assert!(ahead.digest(ID, &read("[9]")).1.is_none());
    }
}
