//! Revisions of a document: undo, redo, grouping, and which revision is on the disk.
//!
//! Revisions stand in *eras*: a new one begins where a text came from the disk (opening, a reload, *Take theirs*). All revisions
//! of an era stand on one base, the version on disk that saving them replaces; a save gives its era a new base. Undoing a
//! reload goes back to an era whose base is not what is on the disk, so saving there meets the conflict.

use super::Document;
use super::path::Shift;
use std::sync::Arc;

/// Names one revision of one history; never used again after it is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RevisionId(u64);

impl RevisionId {
    /// Its number, for the journal.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// Edits of one group that follow each other within this time are one step.
const GROUP_MS: u64 = 1000;

/// One state of the document, and the step that led to it.
#[derive(Clone, Debug)]
pub struct Revision<V> {
    /// Its name.
    pub id: RevisionId,
    /// The document.
    pub document: Document,
    /// What the step did, in words.
    pub label: Arc<str>,
    /// How the step moved positions.
    pub shifts: Arc<[Shift]>,
    /// The view just before the step.
    pub view_before: V,
    /// Versions between this one and the one before that were passed over.
    pub passed: usize,
    era: usize,
    /// Time of the last edit in it, for grouping.
    at_ms: u64,
    group: Option<u64>,
}

#[derive(Clone, Debug)]
struct Era<B> {
    base: B,
    saved: Mark,
}

/// How far a revision is away: it is `beyond` steps off the revision at `index`, on a branch that was cut off.
#[derive(Clone, Copy, Debug)]
struct Mark {
    index: usize,
    beyond: u64,
}

impl Mark {
    fn distance(self, from: usize) -> u64 {
        from.abs_diff(self.index) as u64 + self.beyond
    }

    /// Everything behind `last` is cut off.
    fn cut(&mut self, last: usize) {
        if self.index > last {
            self.beyond += (self.index - last) as u64;
            self.index = last;
        }
    }
}

/// A step to record.
pub struct Step<V> {
    /// The document after it.
    pub document: Document,
    /// What it did, in words.
    pub label: Arc<str>,
    /// How it moved positions.
    pub shifts: Vec<Shift>,
    /// The view before it.
    pub view_before: V,
    /// Steps with the same number that follow each other quickly become one.
    pub group: Option<u64>,
}

/// The revisions of one document; `B` is what a base is, `V` what a view is.
#[derive(Clone, Debug)]
pub struct History<B, V> {
    revisions: Vec<Revision<V>>,
    current: usize,
    eras: Vec<Era<B>>,
    next_id: u64,
    /// Revisions that are cut off but may still be on their way to the disk.
    cut: Vec<(RevisionId, Mark, usize)>,
}

impl<B, V: Clone> History<B, V> {
    /// Begins with a document as it is on the disk as `base`.
    pub fn new(document: Document, base: B, view: V) -> Self {
        let first = Revision {
            id: RevisionId(0),
            document,
            label: "Open".into(),
            shifts: Arc::new([]),
            view_before: view,
            passed: 0,
            era: 0,
            at_ms: 0,
            group: None,
        };
        let era = Era { base, saved: Mark { index: 0, beyond: 0 } };
        Self { revisions: vec![first], current: 0, eras: vec![era], next_id: 1, cut: Vec::new() }
    }

    /// Begins with a document that is one step away from what is on the disk: a text that was mended.
    pub fn unsaved(document: Document, base: B, view: V) -> Self {
        let mut history = Self::new(document, base, view);
        history.eras[0].saved.beyond = 1;
        history
    }

    /// The revision that is shown.
    pub fn current(&self) -> &Revision<V> {
        &self.revisions[self.current]
    }

    /// What the current revision stands on.
    pub fn base(&self) -> &B {
        &self.eras[self.current().era].base
    }

    /// Replaces the base of the current era: the same content under other metadata.
    pub fn rebase(&mut self, base: B) {
        let era = self.current().era;
        self.eras[era].base = base;
    }

    /// Steps from the revision that is on the disk as the base, either way.
    pub fn unsaved_steps(&self) -> u64 {
        self.eras[self.current().era].saved.distance(self.current)
    }

    /// The document from before the text of the current era came from the disk, while undo still leads to it.
    pub fn earlier(&self) -> Option<&Document> {
        Some(&self.revisions[self.era_start(self.current).checked_sub(1)?].document)
    }

    /// Forgets all from before the current era: undo ends there, and what those documents alone held needs no memory.
    pub fn forget_earlier(&mut self) {
        self.forget(self.era_start(self.current));
    }

    /// The texts that came from the disk before the current era's.
    pub fn earlier_texts(&self) -> impl Iterator<Item = &Document> {
        let earlier = self.revisions[..self.era_start(self.current)].chunk_by(|a, b| a.era == b.era);
        earlier.map(|era| &era[0].document)
    }

    /// Forgets the versions before [`History::earlier`] that nobody edited: undo leads past them.
    pub fn forget_unedited(&mut self) {
        let Some(last) = self.era_start(self.current).checked_sub(1) else { return };
        let mut end = self.era_start(last);
        while let Some(before) = end.checked_sub(1) {
            end = self.era_start(before);
            // A text that was mended is none of these, though it has one revision alone.
            let is_saved = self.eras[self.revisions[before].era].saved.distance(before) == 0;
            if end == before && is_saved {
                self.pass_over(before);
            }
        }
    }

    /// Takes a revision away, so that the step before it and the one behind become one.
    fn pass_over(&mut self, index: usize) {
        let passed = self.revisions.remove(index);
        if let Some(next) = self.revisions.get_mut(index) {
            next.shifts =
                if index == 0 { Arc::new([]) } else { passed.shifts.iter().chain(next.shifts.iter()).cloned().collect() };
            next.view_before = passed.view_before;
            next.passed += passed.passed + 1;
        }
        self.current -= 1;
        self.marks().filter(|mark| mark.index > index).for_each(|mark| mark.index -= 1);
    }

    /// Everything that counts revisions.
    fn marks(&mut self) -> impl Iterator<Item = &mut Mark> {
        self.cut.iter_mut().map(|(_, mark, _)| mark).chain(self.eras.iter_mut().map(|era| &mut era.saved))
    }

    /// The first revision of the era of the one at `index`.
    fn era_start(&self, index: usize) -> usize {
        let era = self.revisions[index].era;
        self.revisions[..index].iter().rposition(|revision| revision.era != era).map_or(0, |other| other + 1)
    }

    /// The revision at `first`, which is not behind the current one, becomes the oldest.
    fn forget(&mut self, first: usize) {
        self.revisions.drain(..first);
        self.revisions[0].shifts = Arc::new([]);
        self.current -= first;
        self.marks().for_each(|mark| mark.index = mark.index.saturating_sub(first));
    }

    /// Records a step; what was undone is cut off. Says whether it became a part of the step before.
    pub fn push(&mut self, step: Step<V>, now_ms: u64) -> bool {
        let era = self.current().era;
        let current = self.current();
        let joins = step.group.is_some()
            && step.group == current.group
            && now_ms.saturating_sub(current.at_ms) <= GROUP_MS
            && self.current + 1 == self.revisions.len()
            && self.unsaved_steps() > 0
            && goes_on(&current.shifts, &step.shifts);
        if joins {
            let id = self.take_id();
            let old = self.current;
            let mark = Mark { index: old, beyond: 1 };
            self.cut.push((self.revisions[old].id, mark, era));
            let revision = &mut self.revisions[old];
            revision.shifts = chained(&revision.shifts, step.shifts).into();
            revision.document = step.document;
            revision.at_ms = now_ms;
            revision.id = id;
            return true;
        }
        self.cut_future();
        self.append(step, era, now_ms);
        false
    }

    /// Records a text that came from the disk.
    pub fn load(&mut self, step: Step<V>, base: B, now_ms: u64) {
        self.cut_future();
        self.eras.push(Era { base, saved: Mark { index: self.current + 1, beyond: 0 } });
        self.append(step, self.eras.len() - 1, now_ms);
    }

    /// Forgets what was undone, but for how far it is away.
    fn cut_future(&mut self) {
        let last = self.current;
        for (index, revision) in self.revisions.drain(last + 1..).enumerate() {
            self.cut.push((revision.id, Mark { index: last, beyond: index as u64 + 1 }, revision.era));
        }
        self.eras.iter_mut().for_each(|era| era.saved.cut(last));
        self.cut.iter_mut().for_each(|(_, mark, _)| mark.cut(last));
    }

    fn append(&mut self, step: Step<V>, era: usize, now_ms: u64) {
        let id = self.take_id();
        self.revisions.push(Revision {
            id,
            document: step.document,
            label: step.label,
            shifts: step.shifts.into(),
            view_before: step.view_before,
            passed: 0,
            era,
            at_ms: now_ms,
            group: step.group,
        });
        self.current += 1;
    }

    fn take_id(&mut self) -> RevisionId {
        self.next_id += 1;
        RevisionId(self.next_id - 1)
    }

    /// A revision reached the disk as `base`: its whole era stands on that now. Steps made since stay unsaved.
    pub fn saved(&mut self, id: RevisionId, base: B) {
        let found = self.revisions.iter().position(|revision| revision.id == id);
        let (mark, era) = match (found, self.cut.iter().find(|(cut, ..)| *cut == id)) {
            (Some(index), _) => (Mark { index, beyond: 0 }, self.revisions[index].era),
            (None, Some(&(_, mark, era))) => (mark, era),
            (None, None) => return,
        };
        self.eras[era] = Era { base, saved: mark };
    }

    /// The step that an undo would take back.
    pub fn undo_label(&self) -> Option<&str> {
        (self.current > 0).then(|| &*self.current().label)
    }

    /// The step that a redo would make again.
    pub fn redo_label(&self) -> Option<&str> {
        self.revisions.get(self.current + 1).map(|revision| &*revision.label)
    }

    /// Takes the last step back; gives the revision that was left: its shifts, backwards, are what moved.
    pub fn undo(&mut self) -> Option<Revision<V>> {
        let undone = self.current().clone();
        self.current = self.current.checked_sub(1)?;
        Some(undone)
    }

    /// Makes the undone step again; gives the revision that was reached.
    pub fn redo(&mut self) -> Option<Revision<V>> {
        let redone = self.revisions.get(self.current + 1)?.clone();
        self.current += 1;
        Some(redone)
    }
}

/// Whether what is moved is what was moved last.
fn goes_on(before: &[Shift], next: &[Shift]) -> bool {
    match (before.last(), next.first()) {
        (Some(Shift::Moved { to, .. }), Some(Shift::Moved { from, .. })) => to == from,
        _ => true,
    }
}

/// One behind the other. A value that is moved on was moved once, from where it was first to where it is now: as many moves as a
/// held key makes would cost their square when the rows follow them.
fn chained(before: &[Shift], next: Vec<Shift>) -> Vec<Shift> {
    let mut all = before.to_vec();
    for shift in next {
        match (all.last_mut(), shift) {
            (Some(Shift::Moved { to, .. }), Shift::Moved { from, to: further, .. }) if *to == from => *to = further,
            (_, shift) => all.push(shift),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(text).unwrap()
    }

    fn history() -> History<u32, ()> {
        History::new(document("0"), 100, ())
    }

    fn push(history: &mut History<u32, ()>, text: &str) -> RevisionId {
        push_grouped(history, text, None, 0)
    }

    fn push_grouped(history: &mut History<u32, ()>, text: &str, group: Option<u64>, now: u64) -> RevisionId {
        history.push(step(text, group), now);
        history.current().id
    }

    fn step(text: &str, group: Option<u64>) -> Step<()> {
        Step { document: document(text), label: "Change".into(), shifts: Vec::new(), view_before: (), group }
    }

    fn text(history: &History<u32, ()>) -> String {
        String::from_utf8(history.current().document.to_bytes()).unwrap()
    }

    #[test]
    fn unsaved_steps_count_both_ways() {
        let mut history = history();
        push(&mut history, "1");
        let two = push(&mut history, "2");
        push(&mut history, "3");
        assert_eq!(history.unsaved_steps(), 3);
        history.saved(two, 101);
        assert_eq!((history.unsaved_steps(), *history.base()), (1, 101));
        history.undo();
        assert_eq!(history.unsaved_steps(), 0);
        history.undo();
        assert_eq!((history.unsaved_steps(), text(&history).as_str()), (1, "1"));
        history.redo();
        assert_eq!(history.unsaved_steps(), 0);
    }

    #[test]
    fn earlier_versions_are_forgotten_and_the_rest_stays() {
        let mut history = history();
        push(&mut history, "1");
        history.load(step("2", None), 200, 0);
        assert_eq!(history.earlier().map(Document::to_bytes), Some(b"1".to_vec()));
        let three = push(&mut history, "3");
        push(&mut history, "4");
        history.undo();
        history.undo();
        history.forget_earlier();
        assert_eq!((text(&history).as_str(), history.undo_label(), history.unsaved_steps()), ("2", None, 0));
        assert!(history.earlier().is_none() && history.undo().is_none());
        history.redo();
        history.redo();
        assert_eq!((text(&history).as_str(), history.unsaved_steps(), *history.base()), ("4", 2, 200));
        history.saved(three, 201);
        assert_eq!((history.unsaved_steps(), *history.base()), (1, 201));
    }

    #[test]
    fn only_what_nobody_edited_is_forgotten_by_itself() {
        let mut history = history();
        for number in 1..4 {
            history.load(step(&number.to_string(), None), number, 0);
            history.forget_unedited();
        }
        assert_eq!(history.earlier().map(Document::to_bytes), Some(b"2".to_vec()));
        history.undo();
        assert_eq!((text(&history).as_str(), *history.base(), history.undo_label()), ("2", 2, None));
        push(&mut history, "22");
        let moved = || Step { shifts: vec![Shift::Replaced(super::super::Path::root())], ..step("5", None) };
        history.load(moved(), 5, 0);
        history.load(Step { document: document("6"), ..moved() }, 6, 0);
        history.forget_unedited();
        assert_eq!(std::iter::from_fn(|| history.undo()).count(), 3);
        assert_eq!(text(&history), "2");
        // What others wrote after the edits is passed over; undo leads back to these.
        while history.redo().is_some() {}
        history.load(step("7", None), 7, 0);
        let moves = |history: &History<u32, ()>| history.current().shifts.len();
        history.forget_unedited();
        let earlier: Vec<_> = history.earlier_texts().map(Document::to_bytes).collect();
        assert_eq!(earlier, [b"2", b"6"]);
        history.undo();
        assert_eq!((text(&history).as_str(), *history.base(), moves(&history)), ("6", 6, 2), "it moves as two loads did");
        history.undo();
        assert_eq!((text(&history).as_str(), history.unsaved_steps()), ("22", 1));
        history.undo();
        assert_eq!((text(&history).as_str(), history.unsaved_steps()), ("2", 0));
        while history.redo().is_some() {}
        assert_eq!((text(&history).as_str(), history.unsaved_steps(), *history.base()), ("7", 0, 7));
    }

    #[test]
    fn a_saved_revision_that_was_cut_off_is_never_reached_again() {
        let mut history = history();
        push(&mut history, "1");
        let two = push(&mut history, "2");
        history.saved(two, 101);
        history.undo();
        push(&mut history, "3");
        assert_eq!(history.unsaved_steps(), 2);
        history.undo();
        assert_eq!(history.unsaved_steps(), 1);
        history.undo();
        assert_eq!((history.unsaved_steps(), history.undo().is_none()), (2, true));
    }

    #[test]
    fn a_save_that_ends_after_its_revision_was_cut_off_still_counts() {
        let mut history = history();
        let one = push(&mut history, "1");
        history.undo();
        push(&mut history, "2");
        history.saved(one, 101);
        assert_eq!((history.unsaved_steps(), *history.base()), (2, 101));
        history.undo();
        push(&mut history, "3");
        assert_eq!(history.unsaved_steps(), 2);
    }

    #[test]
    fn undoing_a_load_goes_back_to_the_old_base() {
        let mut history = history();
        push(&mut history, "1");
        history.load(step("9", None), 200, 0);
        assert_eq!((history.unsaved_steps(), *history.base()), (0, 200));
        history.undo();
        assert_eq!((history.unsaved_steps(), *history.base()), (1, 100));
        history.undo();
        assert_eq!((history.unsaved_steps(), *history.base()), (0, 100));
        history.redo();
        history.redo();
        assert_eq!((history.unsaved_steps(), *history.base()), (0, 200));
        push(&mut history, "10");
        assert_eq!(history.unsaved_steps(), 1);
        let id = history.current().id;
        history.saved(id, 201);
        history.undo();
        history.undo();
        assert_eq!((history.unsaved_steps(), *history.base()), (1, 100), "the save belongs to the era of the load");
    }

    #[test]
    fn a_value_that_is_moved_on_is_one_move_and_another_value_another_step() {
        let mut history = history();
        let mut move_to = |from: u64, to: u64, now_ms| {
            let shift = Shift::Moved { from: [from].into(), to: [to].into(), left: 9 };
            history.push(Step { shifts: vec![shift], ..step("1", Some(1)) }, now_ms);
            history.current().shifts.to_vec()
        };
        let once = |from: u64, to: u64| vec![Shift::Moved { from: [from].into(), to: [to].into(), left: 9 }];
        assert_eq!(move_to(5, 4, 0), once(5, 4));
        assert_eq!(move_to(4, 3, 10), once(5, 3));
        assert_eq!(move_to(8, 7, 20), once(8, 7));
        assert_eq!(history.unsaved_steps(), 2);
    }

    #[test]
    fn quick_edits_of_one_group_are_one_step_but_never_across_a_save() {
        let mut history = history();
        push_grouped(&mut history, "1", Some(7), 0);
        let two = push_grouped(&mut history, "2", Some(7), 900);
        assert_eq!(history.unsaved_steps(), 1);
        history.saved(two, 101);
        push_grouped(&mut history, "3", Some(7), 1000);
        assert_eq!(history.unsaved_steps(), 1);
        push_grouped(&mut history, "4", Some(7), 3000);
        assert_eq!(history.unsaved_steps(), 2);
        history.undo();
        history.undo();
        assert_eq!((text(&history).as_str(), history.unsaved_steps()), ("2", 0));
    }

    #[test]
    fn a_save_of_a_step_that_grew_meanwhile_leaves_it_unsaved() {
        let mut history = history();
        let one = push_grouped(&mut history, "1", Some(7), 0);
        push_grouped(&mut history, "2", Some(7), 10);
        history.saved(one, 101);
        assert_eq!((history.unsaved_steps(), *history.base()), (1, 101));
    }
}
