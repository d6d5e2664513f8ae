//! The texts that were read of each open file, while somebody holds them: what another program writes has much in common with the
//! last one most times, and can be read beside it.

use crate::document::Fragment;
use crate::state::DocumentId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What was read of each file, in order.
#[derive(Clone, Default)]
pub struct Texts(Arc<Mutex<HashMap<DocumentId, Vec<Weak<Fragment>>>>>);

impl Texts {
    fn lock(&self) -> MutexGuard<'_, HashMap<DocumentId, Vec<Weak<Fragment>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets those of all files.
    pub fn forget(&self) {
        self.lock().clear();
    }

    /// A text was read.
    pub fn was_read(&self, id: DocumentId, text: &Arc<Fragment>) {
        let mut all = self.lock();
        let texts = all.entry(id).or_default();
        texts.retain(|text| text.strong_count() > 0);
        texts.push(Arc::downgrade(text));
    }

    /// The last one that is still there.
    pub fn last(&self, id: DocumentId) -> Option<Arc<Fragment>> {
        self.lock().get(&id)?.iter().rev().find_map(Weak::upgrade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_kept() {
        let texts = Texts::default();
        let read = |id, text: &str| {
            let text = Fragment::new(text).unwrap();
            texts.was_read(DocumentId(id), &text);
            text
        };
        let last = |id| texts.last(DocumentId(id)).map(|text| String::from_utf8(text.text().to_vec()).unwrap());
        let (first, second, other) = (read(1, "1"), read(1, "2"), read(2, "3"));
        assert_eq!((last(1).as_deref(), last(2).as_deref(), last(3)), (Some("2"), Some("3"), None));
        drop((second, other));
        assert_eq!((last(1).as_deref(), last(2)), (Some("1"), None));
        drop(first);
        assert_eq!(last(1), None);
        let _again = read(1, "4");
        assert_eq!(last(1).as_deref(), Some("4"));
        texts.forget();
        assert_eq!(last(1), None);
    }
}
