//! A comparison that begins before it is asked for.
//!
//! What another program wrote is read, and its digest is made; then the window asks how it differs from what it shows. Most times
//! that is what was read before: then comparing begins beside the digest, to which one core is lacking meanwhile (with two
//! cores: a reload of 100 MB took 1.45 times as long as opening it, and 1.25 times so). The window hears of the new version when
//! the digest is made, however far the comparison is, and goes on with it.

use super::crew::Others;
use super::running::{Far, Running};
use super::{Stop, Threads, aside};
use crate::document::{Comparison, Fragment, Node, compare};
use crate::state::DocumentId;
use crate::storage::Digest;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::time::Duration;

/// Between two looks at how far it is.
const PAUSE: Duration = Duration::from_millis(20);

/// What was read last of each file.
#[derive(Clone, Default)]
pub struct Ahead(Arc<Mutex<HashMap<DocumentId, Read>>>);

struct Read {
    text: Weak<Fragment>,
    begun: Option<Begun>,
}

/// A comparison with the text before. It holds both texts while it is under way; dropping this ends it.
pub struct Begun {
    before: Weak<Fragment>,
    total: u64,
    done: Arc<AtomicU64>,
    stop: Stop,
    answer: mpsc::Receiver<Option<Comparison>>,
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
    pub fn was_read(&self, id: DocumentId, text: &Arc<Fragment>, begun: Option<Begun>) {
        self.lock().insert(id, Read { text: Arc::downgrade(text), begun });
    }

    /// The digest of a text. Begins to compare it with the one that was read before, if that is still there.
    pub fn digest(&self, id: DocumentId, text: &Arc<Fragment>) -> (Digest, Option<Begun>) {
        let before = self.lock().get(&id).and_then(|read| read.text.upgrade());
        match before.map(|before| Begun::new(&before, text)) {
            Some(begun) => (Digest::of_text(text.text(), &Others), Some(begun)),
            None => (Digest::of_text(text.text(), &Threads), None),
        }
    }

    /// The comparison of two values, if it has begun already. Given away once; who shows something else than what was read has no
    /// use for the next one.
    pub fn take(&self, id: DocumentId, before: &Node, after: &Node) -> Option<Begun> {
        let mut all = self.lock();
        let read = all.get_mut(&id)?;
        match read.begun.take() {
            Some(begun) if is_root(&begun.before, before) && is_root(&read.text, after) => Some(begun),
            _ => {
                all.remove(&id);
                None
            }
        }
    }
}

impl Begun {
    fn new(before: &Arc<Fragment>, after: &Arc<Fragment>) -> Self {
        let (a, b) = (Node::root_of(before), Node::root_of(after));
        let (done, stop, (sender, answer)) = (Arc::new(AtomicU64::new(0)), Stop::default(), mpsc::channel());
        let begun = Self { before: Arc::downgrade(before), total: a.byte_len(), done: done.clone(), stop: stop.clone(), answer };
        aside("compare", move || {
            let mut far = Far::in_values_of(&a);
            let comparison = compare(&a, &b, &mut |node| {
                done.store(far.at(node), Ordering::Relaxed);
                stop.asked()
            });
            // Who hears of it may want to free them.
            drop((a, b));
            // Who gave up does not listen.
            let _ = sender.send(comparison);
        });
        begun
    }

    /// Waits for its end, and tells how far it is meanwhile. `None` where it was stopped, and where it can't end: by a panic, or
    /// since there was no thread for it.
    pub fn wait(self, running: &Running) -> Option<Comparison> {
        loop {
            match self.answer.recv_timeout(PAUSE) {
                Ok(comparison) => return comparison,
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    if running.at(self.done.load(Ordering::Relaxed), self.total).is_break() {
                        return None;
                    }
                }
            }
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.stop.now();
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
    use crate::jobs::Outbox;
    use crate::state::{Event, Task};
    use std::ops::ControlFlow;

    const ID: DocumentId = DocumentId(1);

    fn read(text: &str) -> Arc<Fragment> {
        Fragment::new(text).unwrap()
    }

    /// What was read after another text.
    fn reread(ahead: &Ahead, before: &Arc<Fragment>, text: &str) -> Arc<Fragment> {
        ahead.was_read(ID, before, None);
        let after = read(text);
        let (digest, begun) = ahead.digest(ID, &after);
        assert_eq!(digest, Digest::of(text.as_bytes()));
        ahead.was_read(ID, &after, begun);
        after
    }

    fn running() -> (Running, Stop, mpsc::Receiver<Event>) {
        let (events, received) = mpsc::channel();
        let (outbox, stop) = (Outbox { events, wake: Arc::new(|| ()) }, Stop::default());
        (Running::new(&outbox, ID, Task::Compare, stop.clone(), Stop::default()), stop, received)
    }

    /// Two texts that take long to compare.
    fn unlike() -> (Arc<Fragment>, Arc<Fragment>) {
        let numbers = |from: usize| (from..from + 300_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        (read(&format!("[{}]", numbers(0))), read(&format!("[{}]", numbers(700_000))))
    }

    /// Waits for the thread of a comparison to end, and says whether it came to the end of the text.
    fn came_to_the_end(done: &Arc<AtomicU64>, text: &Fragment) -> bool {
        while Arc::strong_count(done) > 1 {
            std::thread::yield_now();
        }
        done.load(Ordering::Relaxed) + 10 > text.text().len() as u64
    }

    #[test]
    fn what_was_read_and_is_shown_is_compared() {
        let ahead = Ahead::default();
        let before = read("[1, 2, 3]");
        let after = reread(&ahead, &before, "[1, 5, 3, 4]");
        let (a, b) = (Document::of(&before), Document::of(&after));
        let found = ahead.take(ID, a.root(), b.root()).unwrap().wait(&running().0).unwrap();
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
    fn what_takes_long_goes_on_and_is_told() {
        let ahead = Ahead::default();
        let (before, after) = unlike();
        ahead.was_read(ID, &before, None);
        let (digest, begun) = ahead.digest(ID, &after);
        assert_eq!(digest, Digest::of(after.text()));
        let (begun, (running, _, events)) = (begun.unwrap(), running());
        let done = Arc::clone(&begun.done);
        assert_eq!(begun.wait(&running).unwrap().total, 300_000);
        assert!(came_to_the_end(&done, &before));
        assert!(events.try_iter().all(|event| matches!(event, Event::TaskProgress(_, Task::Compare, ..))));
    }

    #[test]
    fn what_is_stopped_or_of_no_use_ends() {
        let ahead = Ahead::default();
        let (before, after) = unlike();
        ahead.was_read(ID, &before, None);
        let begun = Begun::new(&before, &after);
        let done = Arc::clone(&begun.done);
        ahead.was_read(ID, &after, Some(begun));
        ahead.was_read(ID, &before, None);
        assert!(!came_to_the_end(&done, &before));
        let begun = Begun::new(&before, &after);
        let (done, (running, stop, _events)) = (Arc::clone(&begun.done), running());
        stop.now();
        assert!(begun.wait(&running).is_none());
        assert!(!came_to_the_end(&done, &before));
    }

    #[test]
    fn no_text_is_kept() {
        let ahead = Ahead::default();
        let before = read("[1, 2, 3]");
        let after = reread(&ahead, &before, "[1, 5, 3]");
        let begun = ahead.lock().get_mut(&ID).unwrap().begun.take().unwrap();
        begun.answer.recv().unwrap();
        let (a, b) = (Arc::downgrade(&before), Arc::downgrade(&after));
        drop((before, after));
        assert_eq!((a.strong_count(), b.strong_count()), (0, 0));
        assert!(ahead.digest(ID, &read("[9]")).1.is_none());
    }
}
