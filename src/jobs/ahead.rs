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
    /// Those from before of which something may be shown.
    earlier: Vec<Weak<Fragment>>,
    /// The window showed something else when it was last asked to compare.
    is_other_shown: bool,
    begun: Option<Begun>,
}

/// A comparison with the text before. It holds both texts while it is under way, also where nobody asks for it; dropping this ends it.
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

    /// A text goes to the window. Where all was forgotten since the comparison began it is of no use.
    pub fn was_read(&self, id: DocumentId, text: &Arc<Fragment>, begun: Option<Begun>) {
        let mut all = self.lock();
        let begun = begun.filter(|_| all.contains_key(&id));
        let mut earlier = all.remove(&id).map_or_else(Vec::new, |read| [read.earlier, vec![read.text]].concat());
        earlier.retain(|text| text.strong_count() > 0);
        all.insert(id, Read { text: Arc::downgrade(text), earlier, is_other_shown: false, begun });
    }

    /// The last text that was read and is still there: what comes may have much in common with it.
    pub fn text(&self, id: DocumentId) -> Option<Arc<Fragment>> {
        let all = self.lock();
        let read = all.get(&id)?;
        read.text.upgrade().or_else(|| read.earlier.iter().rev().find_map(Weak::upgrade))
    }

    /// What is shown from now on is not what was read last: to compare that is of no use.
    pub fn is_past(&self, id: DocumentId) {
        if let Some(read) = self.lock().get_mut(&id) {
            (read.begun, read.is_other_shown) = (None, true);
        }
    }

    /// The digest of a text. Begins to compare it with the one that was read before, if that is still there.
    pub fn digest(&self, id: DocumentId, text: &Arc<Fragment>) -> (Digest, Option<Begun>) {
        let before = self.lock().get(&id).filter(|read| !read.is_other_shown).and_then(|read| read.text.upgrade());
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
                read.is_other_shown = true;
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
        while running.at(self.done.load(Ordering::Relaxed), self.total).is_continue() {
            match self.answer.recv_timeout(PAUSE) {
                Ok(comparison) => return comparison,
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
        None
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
        (Running::new(&outbox, ID, Task::Follow, stop.clone(), Stop::default()), stop, received)
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
    fn what_takes_long_is_told_of_until_it_ends() {
        let (sender, answer) = mpsc::channel();
        let begun = Begun { before: Weak::new(), total: 100, done: Arc::new(AtomicU64::new(40)), stop: Stop::default(), answer };
        let (running, _, events) = running();
        let waiting = std::thread::spawn(move || begun.wait(&running));
        let told = events.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(matches!(told, Event::TaskProgress(ID, Task::Follow, 40, 100)));
        let (a, b) = (Document::of(&read("[1]")), Document::of(&read("[2]")));
        sender.send(compare(a.root(), b.root(), &mut |_| ControlFlow::Continue(()))).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap().total, 1);
    }

    #[test]
    fn what_is_stopped_or_of_no_use_ends() {
        let ahead = Ahead::default();
        let (before, after) = (read("[1, 2, 3]"), read("[1, 5, 3]"));
        let begin = || {
            let begun = Begun::new(&before, &after);
            (begun.stop.clone(), begun)
        };
        let is_over = |stop: &Stop| stop.asked().is_break();
        ahead.was_read(ID, &before, None);
        let (stop, begun) = begin();
        ahead.was_read(ID, &after, Some(begun));
        assert!(!is_over(&stop));
        ahead.was_read(ID, &before, None);
        assert!(is_over(&stop), "another text was read");
        let (stop, begun) = begin();
        ahead.forget();
        ahead.was_read(ID, &after, Some(begun));
        assert!(is_over(&stop), "all was forgotten meanwhile");
        let (own, begun) = begin();
        let (running, stop, _events) = running();
        stop.now();
        assert!(begun.wait(&running).is_none() && is_over(&own), "a person stopped it");
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
