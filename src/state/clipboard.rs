//! The clipboard: values as JSON, texts, paths; what is pasted becomes an edit.

use super::super::State;
use super::edits::{apply, free_key, run};
use super::{Effect, Now};
use crate::document::{Edit, Key, Kind, Path, Value, pointer, scalar};
use crate::state::command::Command;
use crate::state::format::{byte_size, counted};
use std::ops::Range;

/// Longer values are not put on the clipboard, nor changed into another type in one step.
pub const COPY_LIMIT: u64 = 64 << 20;

/// Puts the value on the clipboard.
pub fn copy(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(session) = state.session_mut() else { return };
    let node = session.selected();
    if node.byte_len() > COPY_LIMIT {
        session.notice = Some(too_large_to_copy());
        return;
    }
    let text = String::from_utf8_lossy(&node.to_bytes()).into_owned();
    let key = session.selected_key().map(|key| String::from_utf8_lossy(key.bytes()).into_owned());
    state.copied = Some((text.clone(), key));
    effects.push(Effect::Copy(text));
}

/// Puts the text of a single value on the clipboard, without quotes and escapes: all of it, or what stands in some bytes of what is
/// written.
pub fn copy_text(state: &mut State, path: &Path, bytes: Option<Range<usize>>, effects: &mut Vec<Effect>) {
    let Some(session) = state.session_mut() else { return };
    let Some(node) = session.document().node(path).filter(|node| !node.kind().is_container()) else { return };
    let Some(literal) = node.raw_text() else { return };
    let bytes = bytes.unwrap_or(usize::from(node.kind() == Kind::String)..literal.len());
    if bytes.len() as u64 > COPY_LIMIT {
        session.notice = Some(too_large_to_copy());
        return;
    }
    let units = scalar::units_from(literal, bytes.start).take_while(|(begin, _)| *begin < bytes.end);
    let mut lone = 0;
    let text: String = units.inspect(|(_, unit)| lone += u64::from(unit.lone)).map(|(_, unit)| unit.character).collect();
    if lone > 0 {
        session.notice = Some(format!("Copied, with U+FFFD in the place of {}.", counted(lone, "lone surrogate")));
    }
    effects.push(Effect::Copy(text));
}

fn too_large_to_copy() -> String {
    format!("This value is too large for the clipboard, which takes up to {}.", byte_size(COPY_LIMIT))
}

/// Copies and removes.
pub fn cut(state: &mut State, now: &Now, effects: &mut Vec<Effect>) {
    let before = effects.len();
    copy(state, effects);
    if effects.len() > before {
        run(state, Command::Delete, now);
    }
}

/// Puts the JSON Pointer on the clipboard.
pub fn copy_path(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(session) = state.shown_mut() else { return };
    if let Some(text) = pointer::pointer(session.document().root(), &session.view.selection) {
        session.notice = Some(format!("Copied: {}", if text.is_empty() { "the empty pointer (the root)" } else { &text }));
        effects.push(Effect::Copy(text));
    }
}

/// Puts text from the clipboard behind the selected value, or in its place.
pub fn paste(state: &mut State, text: &str, over: bool, now: &Now) {
    let key = state.copied.as_ref().filter(|(copied, _)| copied == text).and_then(|(_, key)| key.clone());
    let Some(session) = state.session_mut() else { return };
    if session.editor.is_some() {
        return;
    }
    let looks_like_json = matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'[' | b'"'));
    let value = match Value::new(text) {
        Ok(value) => value,
        Err(problem) if looks_like_json || text.is_empty() => {
            session.notice = Some(format!("What was copied is not JSON ({problem}). Nothing was inserted."));
            return;
        }
        // Words are taken as a string.
        Err(_) => match Value::new(&scalar::encode(text, session.document().style().escaping)) {
            Ok(value) => value,
            Err(_) => return,
        },
    };
    let path = session.view.selection.clone();
    let target = path.split_last().filter(|_| !over);
    let (parent, index) = match target {
        Some((parent, index)) => (parent, index + 1),
        // Behind the root there is nothing: a container takes it in.
        None if !over && session.selected().kind().is_container() => (path.clone(), session.selected().child_count()),
        None => {
            apply(session, &Edit::Replace { path, value }, None, now);
            return;
        }
    };
    let is_object = session.document().node(&parent).is_some_and(|node| node.kind() == Kind::Object);
    let key = match key.filter(|_| is_object).and_then(|key| Key::literal(&key).ok()) {
        Some(key) => Some(key),
        None => free_key(session, &parent),
    };
    if apply(session, &Edit::Insert { parent: parent.clone(), index, key, value }, None, now) {
        let path = parent.child(index);
        super::navigate::reveal(session, &path);
        session.view.selection = path;
    }
}
