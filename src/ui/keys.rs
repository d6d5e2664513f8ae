//! The keyboard: the shortcuts of the table of commands, and the clipboard.

use crate::state::command::{Command, TABLE};
use crate::state::{Go, Input, State};
use egui::{Event, Key, KeyboardShortcut, Modifiers, Ui};

/// A shortcut as the table writes it, `Ctrl+Shift+P`, for egui.
pub fn parse(shortcut: &str) -> Option<KeyboardShortcut> {
    let mut modifiers = Modifiers::NONE;
    let mut key = None;
    for part in shortcut.split('+') {
        match part {
            "Ctrl" => modifiers |= Modifiers::COMMAND,
            "Shift" => modifiers |= Modifiers::SHIFT,
            "Alt" => modifiers |= Modifiers::ALT,
            name => key = Key::from_name(name),
        }
    }
    key.map(|key| KeyboardShortcut::new(modifiers, key))
}

/// The commands that keep their keys while text is being typed: none of them means anything to a text field.
fn works_in_text(command: Command) -> bool {
    matches!(
        command,
        Command::Save
            | Command::SaveCopy
            | Command::Open
            | Command::New
            | Command::Close
            | Command::Help
            | Command::CheckDisk
            | Command::Find
            | Command::FindNext
            | Command::FindPrevious
    )
}

/// Keys that move the selection; `page` rows are a page.
fn movement(key: Key, page: u64) -> Option<Go> {
    Some(match key {
        Key::ArrowUp => Go::Up,
        Key::ArrowDown => Go::Down,
        Key::ArrowLeft => Go::Left,
        Key::ArrowRight => Go::Right,
        Key::PageUp => Go::PageUp(page),
        Key::PageDown => Go::PageDown(page),
        Key::Home => Go::First,
        Key::End => Go::Last,
        _ => return None,
    })
}

/// Takes the keys of this frame in the order in which they were pressed, which matters when several come at once.
pub fn take(ui: &Ui, state: &State, page: u64, inputs: &mut Vec<Input>) {
    let in_text = ui.ctx().text_edit_focused();
    // Keys without Ctrl belong to what has the focus: a button is pressed with Enter.
    let in_merge = state.session().is_some_and(|session| session.merging.is_some());
    let in_reader = ui.memory(|memory| memory.has_focus(super::reader::focus_id()));
    let in_tree =
        !in_text && !in_merge && ui.memory(|memory| memory.focused()).is_none_or(|focused| focused == super::tree::focus_id());
    let shortcuts: Vec<(Command, KeyboardShortcut)> = TABLE
        .iter()
        .flat_map(|entry| entry.shortcuts.iter().filter_map(|text| parse(text)).map(|keys| (entry.command, keys)))
        .collect();
    let mut take = |event: &Event| -> bool {
        let input = match event {
            Event::Key { key, pressed: true, modifiers, .. } => {
                if in_tree
                    && modifiers.is_none()
                    && let Some(go) = movement(*key, page)
                {
                    Some(Input::Go(go))
                } else {
                    let found =
                        shortcuts.iter().find(|(_, keys)| keys.logical_key == *key && modifiers.matches_exact(keys.modifiers));
                    found
                        .filter(|(command, keys)| {
                            // In a merge there is no tree that the others could be meant for: Enter presses a button.
                            let anywhere = (in_merge && command.is_enabled(state))
                                || keys.modifiers.command
                                || matches!(key, Key::F1 | Key::F3 | Key::F5);
                            let here = if in_text { works_in_text(*command) } else { anywhere || in_tree };
                            // Escape closes menus, too: it is taken only where there is something to stop.
                            here && (*command != Command::Cancel || command.is_enabled(state))
                        })
                        .map(|(command, _)| Input::Command(*command))
                }
            }
            Event::Copy if !in_text && !in_reader => Some(Input::Command(Command::Copy)),
            Event::Cut if !in_text && !in_reader => Some(Input::Command(Command::Cut)),
            Event::Paste(text) if !in_text && !in_reader => Some(Input::Paste(text.clone(), false)),
            // As in file managers: opens everything inside.
            Event::Text(text) if in_tree && text == "*" => Some(Input::Command(Command::ExpandBelow)),
            _ => None,
        };
        let taken = input.is_some();
        inputs.extend(input);
        taken
    };
    ui.input_mut(|input| input.events.retain(|event| !take(event)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shortcut_of_the_table_is_a_key() {
        for entry in TABLE {
            for shortcut in entry.shortcuts {
                assert!(parse(shortcut).is_some(), "{shortcut}");
            }
        }
        let keys = parse("Ctrl+Shift+Z").unwrap();
        assert_eq!((keys.logical_key, keys.modifiers), (Key::Z, Modifiers::COMMAND | Modifiers::SHIFT));
    }
}
