//! Comparing two versions.

use super::Threads;
use super::running::Running;
use crate::document::{Comparison, Node, compare};
use crate::state::{CompareFor, Event};
use crate::storage::Digest;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// What is to be loaded waits so long for a comparison: it says where things went and how many differ, and that is not worth more. A text
/// that was laid out anew takes 1.4 seconds for a gigabyte.
pub fn patience(before: &Node) -> Duration {
    Duration::from_secs(1) + Duration::from_nanos(2 * before.byte_len())
}

/// Compares two values, for as long as it is worth that: `patience` where one of them is to be loaded.
pub fn compare_for(before: &Node, after: &Node, mut purpose: CompareFor, patience: Duration, running: &Running) {
    let is_loading = matches!(purpose, CompareFor::Load { .. } | CompareFor::Take { .. });
    let until = is_loading.then(|| Instant::now() + patience);
    let mut watch = running.watch_values(before);
    let mut is_late = false;
    let found = compare(before, after, &mut |node| {
        watch(node)?;
        is_late = until.is_some_and(|until| Instant::now() >= until);
        if is_late { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let Some(comparison) = found.or_else(|| is_late.then(Comparison::given_up)) else { return };
    if let CompareFor::Count { mine, version, is_same, .. } = &mut purpose {
        *is_same = comparison.total == 0
            && mine.byte_len() == version.stamp.size
            && Digest::of_document(mine, &Threads) == version.digest;
    }
    running.deliver(Event::Compared(running.id(), purpose, Box::new(comparison)));
}

#[cfg(test)]
mod tests {
    use super::super::{Outbox, Stop};
    use super::*;
    use crate::document::{Document, History};
    use crate::state::session::{Base, View};
    use crate::state::{DocumentId, Task};
    use crate::storage::{Stamp, Version};
    use std::sync::{Arc, mpsc};

    /// What is sent of a comparison for `purpose`.
    fn compared(patience: Duration, is_stopped: bool, purpose: impl Fn(Version, Document) -> CompareFor) -> Vec<Event> {
        let (events, received) = mpsc::channel();
        let (outbox, stop) = (Outbox { events, wake: Arc::new(|| ()) }, Stop::default());
        let running = Running::new(&outbox, DocumentId(1), Task::Compare, stop.clone(), Stop::default());
        if is_stopped {
            stop.now();
        }
        let document = |numbers: std::ops::Range<u32>| {
            let numbers: Vec<String> = numbers.map(|number| format!("[{number}]")).collect();
            Document::parse(format!("[{}]", numbers.join(","))).unwrap()
        };
        let (mine, theirs) = (document(0..500), document(400..900));
        let stamp = Stamp { size: 1, modified_ns: 1, changed_ns: 1, device: 1, inode: 1, seen_ns: 2 };
        let version = Version { stamp, digest: Digest::of(b"") };
        compare_for(mine.root(), theirs.root(), purpose(version, theirs.clone()), patience, &running);
        received.try_iter().collect()
    }

    #[test]
    fn what_is_to_be_loaded_does_not_wait_for_long() {
        let base = Document::parse("1").unwrap();
        let revision = History::new(base.clone(), Base::New, View::first()).current().id;
        let load = |version, document| CompareFor::Load { revision, version, document };
        let take = |version, document| CompareFor::Take { revision, version, document };
        let list = |_, theirs: Document| CompareFor::List { mine: base.clone(), theirs, label: String::new() };
        let total = |events: Vec<Event>| match &events[..] {
            [Event::Compared(DocumentId(1), _, comparison)] => Some((comparison.is_given_up, comparison.total > 0)),
            _ => None,
        };
        for purpose in [&load as &dyn Fn(Version, Document) -> CompareFor, &take] {
            assert_eq!(total(compared(Duration::ZERO, false, purpose)), Some((true, false)));
            assert_eq!(total(compared(Duration::from_secs(60), false, purpose)), Some((false, true)));
            assert_eq!(total(compared(Duration::ZERO, true, purpose)), None, "a person stopped it");
        }
        assert_eq!(total(compared(Duration::ZERO, false, list)), Some((false, true)), "a list is asked for, and waited for");
    }
}
