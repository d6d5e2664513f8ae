//! Commands that change the document, and the field in a row.

use super::super::on_disk::Follow;
use super::super::session::{Editor, Part, Session};
use super::super::{Command, State};
use super::Now;
use super::clipboard::COPY_LIMIT;
use crate::document::path::map_all;
use crate::document::scalar::{self, Escaping};
use crate::document::{Applied, Edit, Key, Kind, Node, Path, Shift, Step, Value};
use crate::state::format::byte_size;
use crate::state::journal::Note;
use crate::storage::Record;

/// Told where a field is open that can't be taken, until it is closed.
const NOT_VALID: &str = "What is typed in the row is not valid yet. Mend it, or press Escape to leave it.";

/// Longer values are not edited in their row.
pub const EDIT_LIMIT: u64 = 16 * 1024;

/// Makes an edit: a step of the history, with the view following.
pub(super) fn apply(session: &mut Session, edit: &Edit, group: Option<u64>, now: &Now) -> bool {
    let applied = match edit.apply(session.document()) {
        Ok(applied) => applied,
        Err(refusal) => {
            let text = refusal.to_string();
            session.notice = Some(format!("Not possible: {text}."));
            return false;
        }
    };
    push(session, edit, applied, group, now);
    true
}

/// An edit that was made becomes the last step.
fn push(session: &mut Session, edit: &Edit, applied: Applied, group: Option<u64>, now: &Now) {
    let view_before = session.view.clone();
    let before = session.document().clone();
    let root = applied.document.root().clone();
    session.view.fold = session.view.fold.shifted(&root, &applied.shifts);
    session.view.selection = map_all(&applied.shifts, &session.view.selection).into_path();
    session.find.moved(&applied.shifts);
    let step = Step { document: applied.document, label: edit.describe().into(), shifts: applied.shifts, view_before, group };
    let joins = session.history.push(step, now.ms);
    session.note_edit(&before, edit, joins, now.unix_ns);
    session.metrics.edited(now.ms);
    (session.loaded, session.notice) = (None, None);
}

/// Takes the last step back.
pub fn undo(state: &mut State) {
    let Some(session) = state.session_mut() else { return };
    let Some(undone) = session.history.undo() else { return };
    // To the journal each version that was passed over is a step, too.
    session.journal.outgoing.extend((0..=undone.passed).map(|_| Note::Record(Record::Undo)));
    stay(session);
    (session.loaded, session.notice) = (None, None);
    session.find.moved(&undone.shifts.iter().rev().map(Shift::inverse).collect::<Vec<_>>());
    let root = session.document().root().clone();
    session.view = match undone.shifts.as_ref() {
        // What was opened since stays open; what the step removed comes back as it was folded.
        [] | [Shift::Inserted { .. } | Shift::Moved { .. }] => {
            let back: Vec<Shift> = undone.shifts.iter().rev().map(Shift::inverse).collect();
            let fold = session.view.fold.shifted(&root, &back);
            super::super::session::View { fold, ..undone.view_before }
        }
        [shift @ (Shift::Removed { .. } | Shift::Replaced(_))] => {
            let mut fold = session.view.fold.shifted(&root, &[shift.inverse()]);
            let returned = match shift {
                Shift::Removed { parent, index, count, .. } => (*index..index + count).map(|k| parent.child(k)).collect(),
                Shift::Replaced(path) => vec![path.clone()],
                _ => Vec::new(),
            };
            for path in returned {
                let old = undone.view_before.fold.at(&path);
                fold = fold.with(&root, &path, |_| old);
            }
            super::super::session::View { fold, ..undone.view_before }
        }
        _ => undone.view_before,
    };
    if session.view.fold.row_of(&root, &session.view.selection).is_none() {
        super::navigate::reveal(session, &session.view.selection.clone());
    }
}

/// Who goes back or forth by choice is not taken elsewhere by what is on the disk.
fn stay(session: &mut Session) {
    if session.due == Some(Follow::Load) {
        session.due = Some(Follow::Count);
    }
}

/// Makes the undone step again.
pub fn redo(state: &mut State) {
    let Some(session) = state.session_mut() else { return };
    let Some(redone) = session.history.redo() else { return };
    session.journal.outgoing.extend((0..=redone.passed).map(|_| Note::Record(Record::Redo)));
    stay(session);
    (session.loaded, session.notice) = (None, None);
    session.find.moved(&redone.shifts);
    let root = session.document().root().clone();
    session.view.fold = session.view.fold.shifted(&root, &redone.shifts);
    session.view.selection = match redone.shifts.last() {
        Some(Shift::Inserted { parent, index, .. }) => parent.child(*index),
        Some(Shift::Replaced(path)) => path.clone(),
        _ => map_all(redone.shifts.iter(), &session.view.selection).into_path(),
    };
    super::navigate::reveal(session, &session.view.selection.clone());
}

/// Commands that are one edit of the selected value.
pub fn run(state: &mut State, command: Command, now: &Now) {
    let number = state.number();
    let Some(session) = state.session_mut() else { return };
    let path = session.view.selection.clone();
    match command {
        Command::InsertBefore | Command::InsertAfter => {
            if let Some((parent, index)) = path.split_last() {
                insert_new(session, &parent, index + u64::from(command == Command::InsertAfter), number, now);
            }
        }
        Command::InsertInside => {
            let index = session.selected().child_count();
            insert_new(session, &path, index, number, now);
        }
        Command::Duplicate => {
            if apply(session, &Edit::Duplicate { path: path.clone(), key: None }, None, now)
                && let Some((parent, index)) = path.split_last()
            {
                session.view.selection = parent.child(index + 1);
            }
        }
        Command::Delete => {
            apply(session, &Edit::Remove { path }, None, now);
        }
        Command::MoveUp | Command::MoveDown | Command::MoveOut | Command::MoveIn => move_selected(session, command, &path, now),
        Command::ChangeType(kind) => change_type(session, &path, kind, now),
        _ => {}
    }
}

fn move_selected(session: &mut Session, command: Command, path: &Path, now: &Now) {
    /// Moves of the same value that follow each other quickly are one step.
    const GROUP: u64 = 1;
    let Some((parent, index)) = path.split_last() else { return };
    let to = match command {
        Command::MoveUp if index > 0 => parent.child(index - 1),
        Command::MoveDown => parent.child(index + 1),
        Command::MoveOut => match parent.split_last() {
            Some((above, number)) => above.child(number + 1),
            None => return,
        },
        Command::MoveIn if index > 0 => {
            let into = parent.child(index - 1);
            let count = session.document().node(&into).map_or(0, |node| node.child_count());
            into.child(count)
        }
        _ => return,
    };
    let has_key = session.selected_key().is_some();
    let key = match to.parent() {
        Some(target) if !has_key => free_key(session, &target),
        _ => None,
    };
    let group = matches!(command, Command::MoveUp | Command::MoveDown).then_some(GROUP);
    if apply(session, &Edit::Move { from: path.clone(), to: to.clone(), key }, group, now) {
        super::navigate::reveal(session, &to);
        session.view.selection = to;
    }
}

/// In larger objects nobody looks whether a key is free: duplicate keys are no error.
const LOOK: usize = 1000;

/// Whether another member has the key of the member at `path`, as far as is looked.
fn is_key_twice(session: &Session, path: &Path) -> bool {
    let Some((parent, number)) = path.split_last() else { return false };
    let Some(object) = session.document().node(&parent) else { return false };
    let Some(key) = object.child(number).and_then(|member| member.key) else { return false };
    let others = object.children().take(LOOK).enumerate().filter(|(k, _)| *k as u64 != number);
    others.filter_map(|(_, member)| member.key).any(|other| scalar::same_text(other.bytes(), key.bytes()))
}

/// A key that the object at `path` does not have; `None` where it is no object.
pub(super) fn free_key(session: &Session, path: &Path) -> Option<Key> {
    let node = session.document().node(path).filter(|node| node.kind() == Kind::Object)?;
    let taken: Vec<String> =
        node.children().take(LOOK).filter_map(|child| Some(scalar::decode(child.key?.bytes()).into_owned())).collect();
    let name = (1..)
        .map(|number| if number == 1 { "key".to_owned() } else { format!("key {number}") })
        .find(|name| !taken.contains(name))?;
    Key::literal(&scalar::encode(&name, Escaping::Needed)).ok()
}

fn null() -> Option<Value> {
    Value::new("null").ok()
}

/// A new value, and a field to say what it is.
fn insert_new(session: &mut Session, parent: &Path, index: u64, number: u64, now: &Now) {
    let Some(value) = null() else { return };
    let key = free_key(session, parent);
    let part = if key.is_some() { Part::Key } else { Part::Value };
    if !apply(session, &Edit::Insert { parent: parent.clone(), index, key, value }, None, now) {
        return;
    }
    let path = parent.child(index);
    super::navigate::reveal(session, &path);
    session.view.selection = path;
    open_editor(session, part, true, number);
}

fn change_type(session: &mut Session, path: &Path, kind: Kind, now: &Now) {
    let node = session.selected();
    if node.kind() == kind {
        return;
    }
    if node.kind().is_container() && node.byte_len() > COPY_LIMIT {
        session.notice = Some("This value is too large to be changed into another type in one step.".to_owned());
        return;
    }
    let text = converted(&node, kind, session.document().style().escaping);
    if let Ok(value) = Value::new(&text) {
        apply(session, &Edit::Replace { path: path.clone(), value }, None, now);
    }
}

/// The value as one of another type, as near as there is one.
fn converted(node: &Node, kind: Kind, escaping: Escaping) -> String {
    let text = String::from_utf8_lossy(&node.to_bytes()).into_owned();
    let plain = if node.kind() == Kind::String { scalar::decode(text.as_bytes()).into_owned() } else { text.clone() };
    match (kind, node.kind()) {
        (Kind::Null, _) => "null".to_owned(),
        (Kind::Bool, _) => (plain == "true" || (node.kind() == Kind::Number && plain != "0")).to_string(),
        (Kind::Number, Kind::Bool) => u8::from(plain == "true").to_string(),
        (Kind::Number, _) => match Value::new(&plain) {
            Ok(value) if value.kind() == Kind::Number => plain,
            _ => "0".to_owned(),
        },
        (Kind::String, _) => scalar::encode(&plain, escaping),
        (Kind::Array, Kind::Object) => {
            let items: Vec<String> =
                node.children().map(|child| String::from_utf8_lossy(&child.node.to_bytes()).into_owned()).collect();
            format!("[{}]", items.join(","))
        }
        (Kind::Object, Kind::Array) => {
            let member = |(k, child): (usize, crate::document::Child)| {
                format!("\"{k}\":{}", String::from_utf8_lossy(&child.node.to_bytes()))
            };
            let members: Vec<String> = node.children().enumerate().map(member).collect();
            format!("{{{}}}", members.join(","))
        }
        (Kind::Array, Kind::Null) => "[]".to_owned(),
        (Kind::Object, Kind::Null) => "{}".to_owned(),
        (Kind::Array, _) => format!("[{text}]"),
        (Kind::Object, _) => format!("{{\"value\":{text}}}"),
    }
}

/// Opens a field for the selected row. On a container Enter opens or closes it.
pub fn start(state: &mut State, part: Part) {
    let number = state.number();
    let Some(session) = state.session_mut() else { return };
    if session.editor.is_some() {
        return;
    }
    if part == Part::Value && session.selected().kind().is_container() {
        let path = session.view.selection.clone();
        return super::navigate::toggle(state, &path);
    }
    super::navigate::reveal(session, &session.view.selection.clone());
    open_editor(session, part, false, number);
}

fn open_editor(session: &mut Session, part: Part, fresh: bool, number: u64) {
    let literal = match part {
        Part::Key => session.selected_key().map(|key| key.bytes().to_vec()),
        Part::Value => {
            let node = session.selected();
            if node.byte_len() > EDIT_LIMIT {
                session.notice = Some(format!(
                    "This value has {}: too long to be edited in its row. Ctrl+T shows its text. Replace it by pasting over it (Ctrl+Shift+V) or from a file.",
                    byte_size(node.byte_len())
                ));
                return;
            }
            node.raw_text().map(<[u8]>::to_vec)
        }
    };
    let Some(literal) = literal else { return };
    let plain = literal.starts_with(b"\"") && scalar::is_plain_editable(&literal);
    let text = if plain { scalar::decode(&literal).into_owned() } else { String::from_utf8_lossy(&literal).into_owned() };
    session.editor = Some(Editor { path: session.view.selection.clone(), part, text, plain, problem: None, fresh, number });
}

/// The text in the field changed: is it valid?
pub fn typed(state: &mut State, text: String) {
    if let Some(editor) = state.session_mut().and_then(|session| session.editor.as_mut()) {
        editor.text = text;
        editor.problem = problem(editor);
    }
}

/// What is typed is no plain text any more.
pub fn typed_literal(state: &mut State, literal: String) {
    if let Some(editor) = state.session_mut().and_then(|session| session.editor.as_mut()) {
        editor.plain = false;
    }
    typed(state, literal);
}

fn problem(editor: &Editor) -> Option<String> {
    let told = |problem: crate::document::Problem| problem.message;
    match (editor.plain, editor.part) {
        (true, _) => None,
        (false, Part::Key) => Key::literal(&editor.text).err().map(told),
        (false, Part::Value) => Value::new(&editor.text).err().map(|problem| match is_bare_text(&editor.text) {
            true => format!("{}; a text stands in quotes", problem.message),
            false => problem.message,
        }),
    }
}

/// Whether it is like a text without its quotes, and not the beginning of a literal.
fn is_bare_text(typed: &str) -> bool {
    let typed = typed.trim();
    typed.starts_with(char::is_alphabetic) && !["true", "false", "null"].iter().any(|literal| literal.starts_with(typed))
}

/// Takes what was typed. What is not valid stays in the field, with the reason.
pub fn commit(state: &mut State, now: &Now) {
    let number = state.number();
    let Some(session) = state.session_mut() else { return };
    let Some(editor) = session.editor.clone() else { return };
    if let Some(problem) = problem(&editor) {
        if let Some(editor) = &mut session.editor {
            editor.problem = Some(problem);
        }
        return;
    }
    let escaping = session.document().style().escaping;
    let old = match editor.part {
        Part::Key => session.document().node(&editor.path.parent().unwrap_or_default()).and_then(|parent| {
            let child = parent.child(*editor.path.last()?)?;
            child.key.map(|key| key.bytes().to_vec())
        }),
        Part::Value => session.document().node(&editor.path).and_then(|node| node.raw_text().map(<[u8]>::to_vec)),
    };
    session.editor = None;
    session.notice.take_if(|notice| notice == NOT_VALID);
    // The row went away under the field: what was typed is told, not lost.
    let Some(old) = old else {
        session.notice = Some(format!("The row is gone. What was typed: {}", editor.text));
        return;
    };
    let literal = if editor.plain { scalar::rewrite(&old, &editor.text, escaping) } else { editor.text.trim().to_owned() };
    if literal.as_bytes() != old {
        let edit = match editor.part {
            Part::Key => Key::literal(&literal).ok().map(|key| Edit::Rename { path: editor.path.clone(), key }),
            Part::Value => Value::new(&literal).ok().map(|value| Edit::Replace { path: editor.path.clone(), value }),
        };
        let taken = edit.is_some_and(|edit| apply(session, &edit, None, now));
        if !taken {
            session.editor = Some(editor);
            return;
        }
        if editor.part == Part::Key && is_key_twice(session, &editor.path) {
            session.notice =
                Some("Another member of this object has the same key. Most programs read only the last one.".to_owned());
        }
    }
    if editor.fresh && editor.part == Part::Key {
        open_editor(session, Part::Value, true, number);
    }
}

/// Closes the field by taking what was typed; says whether it is closed.
pub fn leave_editor(state: &mut State, now: &Now) -> bool {
    // The value of a fresh row is asked for once, not when the person clicks elsewhere.
    if let Some(editor) = state.session_mut().and_then(|session| session.editor.as_mut()) {
        editor.fresh = false;
    }
    commit(state, now);
    state.session().is_none_or(|session| session.editor.is_none())
}

/// Takes what was typed before something that needs the whole document; where it is not valid that is told, and it stays.
pub fn is_settled(state: &mut State, now: &Now) -> bool {
    let settled = leave_editor(state, now);
    if !settled && let Some(session) = state.session_mut() {
        session.notice = Some(NOT_VALID.to_owned());
    }
    settled
}

/// Closes the field as if nothing was typed. A row that was made for it goes again.
pub fn abandon(state: &mut State) {
    let Some(session) = state.session_mut() else { return };
    let Some(editor) = session.editor.take() else { return };
    session.notice.take_if(|notice| notice == NOT_VALID);
    let just_inserted = matches!(session.history.current().shifts.as_ref(), [Shift::Inserted { parent, index, .. }]
        if parent.child(*index) == editor.path);
    if editor.fresh && just_inserted {
        undo(state);
    }
}

/// A file's value comes in the place of the one that was selected when it was chosen.
pub fn value_read(state: &mut State, id: super::DocumentId, number: u64, value: Result<Box<(Edit, Applied)>, String>, now: &Now) {
    let Some(session) = state.session_of(id) else { return };
    // Another one was asked for since, or none any more.
    let Some((_, revision)) = session.awaits_value.take_if(|(awaited, _)| *awaited == number) else { return };
    let is_edited = session.history.current().id != revision || session.editor.is_some() || session.merging.is_some();
    match value {
        Ok(_) if is_edited => {
            let why = "The document was edited while that file was read. Choose the file again; nothing was changed.";
            session.notice = Some(why.to_owned());
        }
        Ok(made) => {
            let (edit, applied) = *made;
            push(session, &edit, applied, None, now);
        }
        Err(why) => session.notice = Some(why),
    }
}
