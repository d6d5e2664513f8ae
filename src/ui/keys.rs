//! The keyboard: the shortcuts of the table of commands, and the clipboard.

use crate::state::command::{Command, TABLE};
use crate::state::{Input, State};
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
        Command::Save | Command::SaveCopy | Command::Open | Command::New | Command::Close | Command::Help | Command::CheckDisk
    )
}

/// Takes the shortcuts of this frame.
pub fn take(ui: &Ui, state: &State, inputs: &mut Vec<Input>) {
    let in_text = ui.ctx().text_edit_focused();
    // Keys without Ctrl belong to what has the focus: a button is pressed with Enter.
    let in_tree = ui.memory(|memory| memory.focused()).is_none_or(|focused| focused == super::tree::focus_id());
    // Shortcuts with more modifiers first: egui lets `Ctrl+Z` take `Ctrl+Shift+Z`.
    let mut shortcuts: Vec<(Command, KeyboardShortcut)> = TABLE
        .iter()
        .flat_map(|entry| entry.shortcuts.iter().filter_map(|text| parse(text)).map(|keys| (entry.command, keys)))
        .collect();
    shortcuts.sort_by_key(|(_, keys)| std::cmp::Reverse(keys.modifiers.shift as u8 + keys.modifiers.alt as u8));
    for (command, keys) in shortcuts {
        let bare = !keys.modifiers.command;
        if (in_text && !works_in_text(command))
            || (bare && !in_tree && keys.logical_key != Key::F1 && keys.logical_key != Key::F5)
        {
            continue;
        }
        if command.is_enabled(state) && ui.input_mut(|input| input.consume_shortcut(&keys)) {
            inputs.push(Input::Command(command));
        }
    }
    if in_text {
        return;
    }
    let events = ui.input(|input| input.events.clone());
    for event in events {
        match event {
            Event::Copy => inputs.push(Input::Command(Command::Copy)),
            Event::Cut => inputs.push(Input::Command(Command::Cut)),
            Event::Paste(text) => inputs.push(Input::Paste(text, false)),
            _ => {}
        }
    }
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
