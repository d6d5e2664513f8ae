//! A merge under way: what changed on either side, what is chosen, and what becomes of it.

use super::session::{Base, Session};
use super::update::{Effect, Now};
use super::{DocumentId, State};
use crate::document::path::map_all;
use crate::document::{ChangedBy, Choice, Comparison, Document, Merge, RevisionId, Step, Value};
use crate::state::journal::Note;
use crate::storage::Version;
use std::path::PathBuf;
use std::sync::Arc;

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeRow {
    /// A container, by its JSON Pointer.
    Group(String),
    /// A change, by its number.
    Change(usize),
}

/// A merge in the window.
#[derive(Clone)]
pub struct Merging {
    /// The changes and their choices.
    pub merge: Box<Merge>,
    /// Their version.
    pub version: Version,
    /// When it was written, for people.
    pub when: String,
    /// The change that the keys are about.
    pub selected: usize,
    /// The list, grouped by container.
    pub rows: Arc<[MergeRow]>,
    /// A value that is typed for a change.
    pub editor: Option<MergeEditor>,
    /// The result is being made.
    pub finishing: bool,
    /// Changes with each selection that was made by a key: the list scrolls there.
    pub scroll_to: u64,
    revision: RevisionId,
    journal: Option<PathBuf>,
}

/// A value that is typed for a change.
#[derive(Clone, Debug)]
pub struct MergeEditor {
    /// The change.
    pub change: usize,
    /// What is typed, as JSON.
    pub text: String,
    /// Whether somebody typed: then it is not dropped without being asked for.
    pub is_touched: bool,
    /// Why it can't be taken.
    pub problem: Option<String>,
}

/// What is chosen by a click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// My side.
    Mine,
    /// Their side.
    Theirs,
    /// Both, one after the other.
    Both,
}

/// What a person does in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeInput {
    /// A change was clicked.
    Select(usize),
    /// A side was chosen.
    Choose(usize, Pick),
    /// For the selected change.
    ChooseSelected(Pick),
    /// For every conflict that is left.
    ChooseLeft(Pick),
    /// The next conflict that is left, or the next conflict.
    Next,
    /// The conflict before.
    Previous,
    /// A value is to be typed.
    Edit(usize),
    /// The typed value changed.
    Type(String),
    /// The typed value is chosen.
    TakeTyped,
    /// The typed value is not wanted.
    DropTyped,
    /// Everything is chosen.
    Finish,
    /// Everything stays as it was.
    Close,
}

/// Three texts to be merged.
pub struct MergeOrder {
    /// What both began with.
    pub base: Document,
    /// My side.
    pub mine: Document,
    /// Their side.
    pub theirs: Document,
    /// Their version.
    pub version: Version,
    /// My revision.
    pub revision: RevisionId,
    /// The journal that my side came from.
    pub journal: Option<PathBuf>,
}

/// What came of a merge.
pub struct MergeDone {
    /// The result.
    pub document: Document,
    /// From mine to theirs.
    pub to_theirs: Comparison,
    /// From theirs to the result.
    pub to_merged: Comparison,
}

/// *Compare and merge…*
pub(super) fn begin(state: &mut State, id: DocumentId, effects: &mut Vec<Effect>) {
    let Some(session) = state.session_of(id) else { return };
    let Some(theirs) = session.theirs().cloned() else { return };
    let Some(base) = session.base_document() else {
        session.notice = Some("The version that both began with is not known any more: compare, and choose one side.".to_owned());
        return;
    };
    effects.push(Effect::Merge(
        id,
        Box::new(MergeOrder {
            base,
            mine: session.document().clone(),
            theirs: theirs.document,
            version: theirs.version,
            revision: session.history.current().id,
            journal: None,
        }),
    ));
}

/// The changes were found.
pub(super) fn found(session: &mut Session, order: MergeOrder, merge: Merge, now: &Now) {
    if session.history.current().id != order.revision || session.saving.is_some() || session.editor.is_some() {
        session.notice = Some("The document was edited in the meantime. Compare and merge once more.".to_owned());
        return;
    }
    let mut rows = Vec::new();
    let mut group = None;
    for (number, change) in merge.changes.iter().enumerate() {
        if group != Some(&change.container) {
            group = Some(&change.container);
            rows.push(MergeRow::Group(change.container.clone()));
        }
        rows.push(MergeRow::Change(number));
    }
    let selected = merge.changes.iter().position(|change| change.choice.is_none()).unwrap_or(0);
    session.differences = None;
    session.merging = Some(Merging {
        merge: Box::new(merge),
        version: order.version,
        when: now.clock(order.version.stamp.modified_ns),
        selected,
        rows: rows.into(),
        editor: None,
        finishing: false,
        scroll_to: 1,
        revision: order.revision,
        journal: order.journal,
    });
}

/// A person did something in the list.
pub(super) fn take(state: &mut State, input: MergeInput, effects: &mut Vec<Effect>) {
    let Some(id) = state.tab().map(|tab| tab.id) else { return };
    let Some(session) = state.session_mut() else { return };
    let Some(merging) = &mut session.merging else { return };
    if merging.finishing {
        return;
    }
    let count = merging.merge.changes.len();
    match input {
        MergeInput::Select(number) if number < count => merging.selected = number,
        MergeInput::Choose(number, pick) => merging.choose(number, pick),
        MergeInput::ChooseSelected(pick) => {
            // What is being typed for it is another choice.
            if !merging.is_typing_for(merging.selected) {
                merging.editor.take_if(|editor| editor.change == merging.selected);
                merging.choose(merging.selected, pick);
                merging.go(true);
            }
        }
        MergeInput::ChooseLeft(pick) => {
            let is_left = |number: usize| merging.merge.changes[number].choice.is_none() && !merging.is_typing_for(number);
            let left: Vec<usize> = (0..count).filter(|&number| is_left(number)).collect();
            left.into_iter().for_each(|number| merging.choose(number, pick));
        }
        MergeInput::Next => merging.go(true),
        MergeInput::Previous => merging.go(false),
        // What is typed for another one is taken first, or is wrong and stays.
        MergeInput::Edit(number) if number < count && merging.leave_editor() => {
            let change = &merging.merge.changes[number];
            let node = change.mine.as_ref().or(change.theirs.as_ref());
            /// Longer values are not typed.
            const TYPED: u64 = 16 * 1024;
            let text = match node {
                Some(node) if node.byte_len() <= TYPED => String::from_utf8_lossy(&node.to_bytes()).into_owned(),
                _ => String::new(),
            };
            merging.selected = number;
            merging.editor = Some(MergeEditor { change: number, text, is_touched: false, problem: None });
        }
        MergeInput::Type(text) => {
            if let Some(editor) = &mut merging.editor {
                editor.problem = Value::new(&text).err().map(|problem| problem.to_string());
                (editor.text, editor.is_touched) = (text, true);
            }
        }
        MergeInput::TakeTyped => {
            merging.take_typed();
        }
        MergeInput::DropTyped => merging.editor = None,
        MergeInput::Finish if merging.leave_editor() && merging.merge.conflicts_left() == 0 => {
            merging.finishing = true;
            effects.push(Effect::FinishMerge(id, merging.merge.clone()));
        }
        MergeInput::Close => session.merging = None,
        MergeInput::Select(_) | MergeInput::Edit(_) | MergeInput::Finish => {}
    }
}

impl Merging {
    fn is_typing_for(&self, number: usize) -> bool {
        self.editor.as_ref().is_some_and(|editor| editor.change == number && editor.is_touched)
    }

    /// Closes the field; says whether it is closed now. What was typed is taken.
    fn leave_editor(&mut self) -> bool {
        self.editor.take_if(|editor| !editor.is_touched);
        self.take_typed()
    }

    /// Takes what is in the field, also as it was offered; says whether it is closed now. What is wrong stays, with the reason.
    fn take_typed(&mut self) -> bool {
        let Some(editor) = self.editor.take() else { return true };
        match Value::as_is(editor.text.trim()) {
            Ok(value) => {
                if let Some(change) = self.merge.changes.get_mut(editor.change) {
                    change.choice = Some(Choice::Value(value));
                }
                true
            }
            Err(problem) => {
                self.selected = editor.change;
                self.scroll_to += 1;
                self.editor = Some(MergeEditor { problem: Some(problem.to_string()), ..editor });
                false
            }
        }
    }

    fn choose(&mut self, number: usize, pick: Pick) {
        let Some(change) = self.merge.changes.get_mut(number) else { return };
        self.selected = number;
        change.choice = Some(match pick {
            Pick::Mine => Choice::Mine,
            Pick::Theirs => Choice::Theirs,
            Pick::Both if change.can_be_both => Choice::Both,
            Pick::Both => return,
        });
    }

    /// To the next conflict, those that are left first.
    fn go(&mut self, forward: bool) {
        let changes = &self.merge.changes;
        let count = changes.len();
        let is_left = |number: usize| changes[number].choice.is_none();
        let is_conflict = |number: usize| changes[number].by == ChangedBy::Both;
        let order: Vec<usize> =
            (1..=count)
                .map(|distance| {
                    if forward { (self.selected + distance) % count } else { (self.selected + count - distance % count) % count }
                })
                .collect();
        let found = order.iter().copied().find(|&number| is_left(number));
        if let Some(number) = found.or_else(|| order.iter().copied().find(|&number| is_conflict(number))) {
            self.selected = number;
            self.scroll_to += 1;
        }
    }
}

/// The result was made: it stands on their version, and both ways back can be undone.
pub(super) fn done(
    state: &mut State,
    id: DocumentId,
    done: Result<Box<MergeDone>, String>,
    now: &Now,
    effects: &mut Vec<Effect>,
) {
    let Some(session) = state.session_of(id) else { return };
    let Some(merging) = session.merging.take() else { return };
    let done = match done {
        Ok(done) if session.history.current().id == merging.revision => done,
        Ok(_) => {
            return session.notice = Some("The document was edited in the meantime. Compare and merge once more.".to_owned());
        }
        Err(why) => {
            session.notice = Some(format!("Not possible: {why}."));
            session.merging = Some(Merging { finishing: false, ..merging });
            return;
        }
    };
    let MergeDone { document, to_theirs, to_merged } = *done;
    let theirs = merging.merge.theirs().clone();
    super::update::load_version(session, merging.version, theirs, to_theirs, String::new(), now);
    session.loaded = None;
    let differs = to_merged.total > 0
        || document.byte_len() != session.document().byte_len()
        || !document.root().is_same(session.document().root());
    if differs {
        let view_before = session.view.clone();
        let root = document.root().clone();
        session.view.fold = session.view.fold.shifted(&root, &to_merged.shifts);
        session.view.selection = map_all(&to_merged.shifts, &session.view.selection).into_path();
        session.find.moved(&to_merged.shifts);
        let step = Step { document, label: "Merge".into(), shifts: to_merged.shifts, view_before, group: None };
        session.history.push(step, now.ms);
        session.metrics.edited(now.ms);
    }
    // The journal begins anew, with their version as its base.
    session.journal.begun = false;
    session.journal.outgoing = vec![Note::Snapshot];
    session.notice = Some("Merged. Save writes the result; undo leads back to their version, and to yours.".to_owned());
    if let Some(journal) = merging.journal {
        session.recoverable.retain(|found| found.journal != journal);
        effects.push(Effect::ForgetJournal(id, journal));
    }
    if let Base::Version(version) = session.history.base() {
        effects.extend(session.watch(id, *version));
    }
}
