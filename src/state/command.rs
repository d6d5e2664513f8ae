//! The table of commands: one place for label, tooltip and shortcut, and for whether a command can run now. Menus, the context
//! menu, the keys and the help all read it.

use super::on_disk::Status;
use super::{Broken, State};
use crate::document::Kind;

/// Something that a person can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// An empty document.
    New,
    /// The system's dialog to open a file.
    Open,
    /// The sample that comes with the program.
    OpenSample,
    /// Writes the document to its file.
    Save,
    /// Writes the document to another file.
    SaveCopy,
    /// Looks whether the file changed on disk.
    CheckDisk,
    /// Closes the document, and with it the window.
    Close,
    /// Takes the last step back.
    Undo,
    /// Makes the undone step again.
    Redo,
    /// Copies the value and removes it.
    Cut,
    /// Copies the value as JSON.
    Copy,
    /// Copies the text of a string, or another single value.
    CopyText,
    /// Copies the JSON Pointer.
    CopyPath,
    /// Puts the clipboard's JSON behind the selected value.
    Paste,
    /// Puts the clipboard's JSON in the place of the selected value.
    PasteOver,
    /// Edits the value in its row.
    EditValue,
    /// Edits the key in its row.
    EditKey,
    /// Shows the text of the selected value whole, or puts it away.
    ShowText,
    /// Puts a file's JSON in the place of the selected value.
    ReplaceFromFile,
    /// A new value before the selected one.
    InsertBefore,
    /// A new value behind the selected one.
    InsertAfter,
    /// A new value as the last child of the selected one.
    InsertInside,
    /// The selected value once more.
    Duplicate,
    /// Removes the selected value.
    Delete,
    /// Past the value before it.
    MoveUp,
    /// Past the value behind it.
    MoveDown,
    /// Behind its container.
    MoveOut,
    /// To the end of the container before it.
    MoveIn,
    /// Makes the value one of another type.
    ChangeType(Kind),
    /// Shows the find bar.
    Find,
    /// Goes to the next hit.
    FindNext,
    /// Goes to the hit before.
    FindPrevious,
    /// Asks for a path, and selects what is there.
    GoTo,
    /// Opens the selected container.
    Expand,
    /// Opens the selected container and all in it.
    ExpandBelow,
    /// Closes the selected container and all in it.
    CollapseBelow,
    /// Opens everything.
    ExpandAll,
    /// Closes everything but the root.
    CollapseAll,
    /// Opens so many levels.
    ExpandLevels(u8),
    /// Chooses colours.
    Theme(Theme),
    /// Shows the keys.
    Help,
    /// Shows what the program is.
    About,
    /// Saves the own version over another program's, which is backed up first.
    KeepMine,
    /// Loads another program's version; can be undone.
    TakeTheirs,
    /// Lists what differs between both.
    Compare,
    /// Merges both, change by change.
    Merge,
    /// The next conflict of a merge.
    NextConflict,
    /// The conflict before.
    PreviousConflict,
    /// Takes mine for the selected change.
    ChooseMine,
    /// Takes theirs for the selected change.
    ChooseTheirs,
    /// Shows edits that an earlier run left unsaved.
    Recover,
    /// Lists the kept versions of the file.
    FileHistory,
    /// Counts what the document is made of.
    Statistics,
    /// Shows counts and times of saves.
    Saving,
    /// Choices about saving.
    Settings,
    /// Saves although the replaced version can't be kept.
    SaveWithoutBackup,
    /// Selects the first difference of a version that was loaded.
    ShowChange,
    /// Frees the memory of the version before a load.
    ForgetEarlier,
    /// Takes back that a version was loaded.
    UndoLoad,
    /// Tries a failed save again.
    Retry,
    /// Writes a file that was deleted on disk once more.
    SaveAgain,
    /// Stops the save or the opening that is under way.
    Cancel,
    /// Puts the notice away.
    Dismiss,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Theme {
    /// As the system is set.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What the table says of a command.
pub struct Entry {
    /// The command.
    pub command: Command,
    /// Its name in menus and on buttons.
    pub label: &'static str,
    /// What it does, in a sentence.
    pub tooltip: &'static str,
    /// Its keys, `Ctrl+Shift+P`; `Ctrl` stands for the platform's command key. The first one is shown.
    pub shortcuts: &'static [&'static str],
}

const fn entry(command: Command, label: &'static str, tooltip: &'static str, shortcuts: &'static [&'static str]) -> Entry {
    Entry { command, label, tooltip, shortcuts }
}

/// All commands.
pub const TABLE: &[Entry] = &[
    entry(Command::New, "New", "Start an empty document.", &["Ctrl+N"]),
    entry(Command::Open, "Open…", "Open a JSON file.", &["Ctrl+O"]),
    entry(Command::OpenSample, "Open the sample", "Open a small document that shows what Treekeep does.", &[]),
    entry(Command::Save, "Save", "Write the changes to the file. The version before is kept as a backup.", &["Ctrl+S"]),
    entry(Command::SaveCopy, "Save a copy…", "Write the document to another file.", &["Ctrl+Shift+S"]),
    entry(Command::CheckDisk, "Check the disk", "Look now whether another program changed the file.", &["F5"]),
    entry(Command::Close, "Close", "Close the window.", &["Ctrl+W", "Ctrl+Q"]),
    entry(Command::Undo, "Undo", "Take the last change back.", &["Ctrl+Z"]),
    entry(Command::Redo, "Redo", "Make the change again.", &["Ctrl+Shift+Z", "Ctrl+Y"]),
    entry(Command::Cut, "Cut", "Copy the value as JSON and delete it.", &["Ctrl+X"]),
    entry(Command::Copy, "Copy", "Copy the value as JSON.", &["Ctrl+C"]),
    entry(Command::CopyText, "Copy text", "Copy the text of the string, without quotes and escapes.", &["Ctrl+Alt+C"]),
    entry(Command::CopyPath, "Copy path", "Copy the JSON Pointer of the selected value.", &["Ctrl+Shift+C"]),
    entry(Command::Paste, "Paste", "Insert what was copied behind the selected value.", &["Ctrl+V"]),
    entry(Command::PasteOver, "Paste over", "Replace the selected value by what was copied.", &["Ctrl+Shift+V"]),
    entry(Command::EditValue, "Edit value", "Edit the value in its row.", &["Enter"]),
    entry(Command::EditKey, "Rename key", "Edit the key in its row.", &["F2"]),
    entry(Command::ShowText, "Text of the value", "Show the selected value's text whole, with its line breaks.", &["Ctrl+T"]),
    entry(Command::ReplaceFromFile, "Replace from a file…", "Replace the selected value by the JSON of a file.", &[]),
    entry(Command::InsertBefore, "Insert before", "A new value before the selected one.", &["Ctrl+Shift+Enter"]),
    entry(Command::InsertAfter, "Insert after", "A new value behind the selected one.", &["Ctrl+Enter"]),
    entry(Command::InsertInside, "Insert inside", "A new value at the end of the selected array or object.", &["Insert"]),
    entry(Command::Duplicate, "Duplicate", "The selected value once more, right behind it.", &["Ctrl+D"]),
    entry(Command::Delete, "Delete", "Delete the selected value.", &["Delete"]),
    entry(Command::MoveUp, "Move up", "Move the value past the one before it.", &["Alt+Up"]),
    entry(Command::MoveDown, "Move down", "Move the value past the one behind it.", &["Alt+Down"]),
    entry(Command::MoveOut, "Move out", "Move the value behind its array or object.", &["Alt+Left"]),
    entry(Command::MoveIn, "Move in", "Move the value to the end of the array or object before it.", &["Alt+Right"]),
    entry(Command::ChangeType(Kind::String), "String", "Make the value a string.", &[]),
    entry(Command::ChangeType(Kind::Number), "Number", "Make the value a number.", &[]),
    entry(Command::ChangeType(Kind::Bool), "Boolean", "Make the value true or false.", &[]),
    entry(Command::ChangeType(Kind::Null), "Null", "Make the value null.", &[]),
    entry(Command::ChangeType(Kind::Object), "Object", "Make the value an object.", &[]),
    entry(Command::ChangeType(Kind::Array), "Array", "Make the value an array.", &[]),
    entry(Command::Find, "Find…", "Search in keys and values.", &["Ctrl+F"]),
    entry(Command::FindNext, "Find next", "Go to the next hit.", &["F3"]),
    entry(Command::FindPrevious, "Find previous", "Go to the hit before.", &["Shift+F3"]),
    entry(Command::GoTo, "Go to path…", "Select the value at a JSON Pointer, as /events/12/login.", &["Ctrl+G"]),
    entry(Command::Expand, "Expand", "Show what is inside the selected value.", &[]),
    entry(Command::ExpandBelow, "Expand all inside", "Open the selected value and everything in it.", &["Ctrl+Shift+Right"]),
    entry(Command::CollapseBelow, "Collapse all inside", "Close the selected value and everything in it.", &["Ctrl+Shift+Left"]),
    entry(Command::ExpandAll, "Expand everything", "Open every array and object.", &["Ctrl+E"]),
    entry(Command::CollapseAll, "Collapse everything", "Close every array and object but the outermost.", &["Ctrl+Shift+E"]),
    entry(Command::ExpandLevels(1), "Expand 1 level", "Show the outermost values only.", &["Ctrl+1"]),
    entry(Command::ExpandLevels(2), "Expand 2 levels", "Open two levels.", &["Ctrl+2"]),
    entry(Command::ExpandLevels(3), "Expand 3 levels", "Open three levels.", &["Ctrl+3"]),
    entry(Command::ExpandLevels(4), "Expand 4 levels", "Open four levels.", &["Ctrl+4"]),
    entry(Command::Theme(Theme::System), "Colours of the system", "Light or dark, as the system is set.", &[]),
    entry(Command::Theme(Theme::Light), "Light colours", "Always light.", &[]),
    entry(Command::Theme(Theme::Dark), "Dark colours", "Always dark.", &[]),
    entry(Command::Help, "Keys", "Show all keys.", &["F1"]),
    entry(Command::About, "About", "Show version and licence.", &[]),
    entry(Command::KeepMine, "Keep mine", "Save your version. Theirs is kept as a backup first.", &[]),
    entry(Command::TakeTheirs, "Take theirs", "Load the version on disk. Undo brings yours back.", &[]),
    entry(Command::Compare, "Compare…", "List what differs between both versions.", &[]),
    entry(Command::Merge, "Compare and merge…", "Go through what both sides changed, and choose.", &[]),
    entry(Command::NextConflict, "Next conflict", "Go to the next conflict of the merge.", &["F8"]),
    entry(Command::PreviousConflict, "Previous conflict", "Go to the conflict before.", &["Shift+F8"]),
    entry(Command::ChooseMine, "Choose mine", "Take your side of the selected change, and go to the next conflict.", &["Alt+1"]),
    entry(
        Command::ChooseTheirs,
        "Choose theirs",
        "Take their side of the selected change, and go to the next conflict.",
        &["Alt+2"],
    ),
    entry(Command::Recover, "Recover…", "Show the edits that were not saved when Treekeep ended.", &[]),
    entry(Command::FileHistory, "File history", "List the kept versions of this file.", &["Ctrl+H"]),
    entry(Command::Statistics, "Statistics", "Count what the document is made of.", &["Ctrl+I"]),
    entry(Command::Saving, "Saving", "Show counts and times of saves, and what is kept.", &["Ctrl+Shift+I"]),
    entry(Command::Settings, "Settings…", "Choose when to save by itself, and how many versions are kept.", &["Ctrl+,"]),
    entry(Command::SaveWithoutBackup, "Save without backup", "Save although the version on disk can't be kept.", &[]),
    entry(Command::ShowChange, "Show", "Go to the first value that differs.", &[]),
    entry(
        Command::ForgetEarlier,
        "Forget the earlier version",
        "Free the memory of the version from before another one was loaded; undo ends there then.",
        &[],
    ),
    entry(Command::UndoLoad, "Undo", "Go back to the version from before.", &[]),
    entry(Command::Retry, "Retry", "Try to save again.", &[]),
    entry(Command::SaveAgain, "Save again", "Write the file that was deleted once more.", &[]),
    entry(Command::Cancel, "Cancel", "Stop what is under way.", &["Escape"]),
    entry(Command::Dismiss, "Dismiss", "Put this notice away.", &[]),
];

impl Command {
    /// What the table says; every command has an entry, which a test holds.
    pub fn entry(self) -> &'static Entry {
        TABLE.iter().find(|entry| entry.command == self).unwrap_or(&TABLE[0])
    }

    /// Whether the command can run now.
    pub fn is_enabled(self, state: &State) -> bool {
        let Some(session) = state.session() else {
            return match self {
                Self::New | Self::Open | Self::OpenSample | Self::Close | Self::Theme(_) => true,
                Self::Help | Self::About | Self::Settings => true,
                Self::Find => state.shown().is_some(),
                Self::Save => state.broken().is_some_and(Broken::is_touched) && !state.opens_versions,
                Self::CheckDisk => state.broken().is_some(),
                Self::Cancel => state.is_loading() || state.broken().is_some_and(|broken| broken.reading.is_some()),
                Self::Recover => !state.recoverable().is_empty(),
                Self::CopyPath | Self::ExpandAll | Self::CollapseAll | Self::ExpandLevels(_) => state.shown().is_some(),
                Self::Expand | Self::ExpandBelow | Self::CollapseBelow => {
                    state.shown().is_some_and(|head| head.selected().kind().is_container())
                }
                _ => false,
            };
        };
        let selected = session.selected();
        let path = &session.view.selection;
        let can_change = session.editor.is_none();
        let in_container = !path.is_empty();
        let child_count =
            || path.parent().and_then(|parent| session.document().node(&parent)).map_or(0, |node| node.child_count());
        let number = path.last().copied().unwrap_or(0);
        let merges = session.merging.is_some();
        if merges && !self.works_while_merging() {
            return false;
        }
        match self {
            Self::New | Self::Open | Self::OpenSample | Self::Close | Self::Theme(_) | Self::Help | Self::About => true,
            Self::Settings | Self::Statistics | Self::Saving => true,
            Self::NextConflict | Self::PreviousConflict | Self::ChooseMine | Self::ChooseTheirs => merges,
            Self::Recover => !session.recoverable.is_empty(),
            Self::FileHistory => session.path.is_some(),
            Self::SaveWithoutBackup => {
                session.failure.as_ref().is_some_and(|failure| failure.needs_backup) && session.saving.is_none()
            }
            Self::Merge => session.theirs().is_some() && session.saving.is_none() && session.editor.is_none(),
            Self::Save => session.saving.is_none() && !session.is_version,
            Self::SaveCopy => session.saving.is_none(),
            Self::CheckDisk => session.path.is_some(),
            Self::Undo => can_change && session.history.undo_label().is_some(),
            Self::Redo => can_change && session.history.redo_label().is_some(),
            Self::Copy | Self::CopyPath | Self::GoTo | Self::EditValue | Self::Find | Self::FindNext | Self::FindPrevious => true,
            Self::CopyText => !selected.kind().is_container(),
            Self::ShowText => true,
            Self::Paste | Self::PasteOver | Self::ReplaceFromFile | Self::ChangeType(_) => can_change,
            Self::InsertBefore | Self::InsertAfter | Self::Cut | Self::Delete | Self::Duplicate => can_change && in_container,
            Self::EditKey => in_container && session.selected_key().is_some(),
            Self::InsertInside => can_change && selected.kind().is_container(),
            Self::MoveUp => can_change && in_container && number > 0,
            Self::MoveDown => can_change && in_container && number + 1 < child_count(),
            Self::MoveOut => can_change && path.len() > 1,
            Self::MoveIn => {
                let before = number.checked_sub(1).and_then(|before| path.parent().map(|parent| parent.child(before)));
                let before = before.filter(|_| in_container).and_then(|path| session.document().node(&path));
                can_change && before.is_some_and(|node| node.kind().is_container())
            }
            Self::Expand | Self::ExpandBelow | Self::CollapseBelow => selected.kind().is_container(),
            Self::ExpandAll | Self::CollapseAll | Self::ExpandLevels(_) => true,
            Self::TakeTheirs | Self::Compare => session.theirs().is_some() && session.saving.is_none(),
            Self::KeepMine => {
                matches!(session.status_of_disk(), Status::Conflict | Status::ChangedOnDisk)
                    && session.saving.is_none()
                    && !session.is_passed_over
            }
            Self::ShowChange => session.loaded.as_ref().is_some_and(|loaded| loaded.first.is_some()),
            Self::UndoLoad => session.loaded.is_some(),
            Self::ForgetEarlier => session.earlier_bytes() > 0 && session.saving.is_none(),
            Self::Retry => session.failure.is_some() && session.saving.is_none(),
            Self::SaveAgain => session.is_deleted() && session.saving.is_none(),
            Self::Cancel => {
                let is_shown = session.find.is_open || session.differences.is_some() || merges;
                session.saving.is_some() || session.editor.is_some() || is_shown
            }
            Self::Dismiss => {
                session.metrics.alert.is_some()
                    || session.loaded.is_some()
                    || session.failure.is_some()
                    || session.notice.is_some()
            }
        }
    }
}

impl Command {
    /// While a merge is shown the document behind it stays as it is.
    fn works_while_merging(self) -> bool {
        matches!(
            self,
            Self::NextConflict
                | Self::PreviousConflict
                | Self::ChooseMine
                | Self::ChooseTheirs
                | Self::Close
                | Self::Theme(_)
                | Self::Help
                | Self::About
                | Self::Cancel
                | Self::Dismiss
                | Self::SaveCopy
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn shortcuts_do_not_clash() {
        let mut seen = HashMap::new();
        for entry in TABLE {
            for shortcut in entry.shortcuts {
                let before = seen.insert(*shortcut, entry.label);
                assert!(before.is_none(), "{shortcut} stands for {} and for {}", entry.label, before.unwrap_or_default());
            }
        }
    }

    #[test]
    fn labels_read_well() {
        for entry in TABLE {
            assert!(entry.label.chars().next().is_some_and(char::is_uppercase), "{}", entry.label);
            assert!(!entry.label.contains("..."), "{}", entry.label);
            assert!(entry.tooltip.ends_with('.'), "{}", entry.tooltip);
            assert_eq!(entry.command.entry().label, entry.label, "one entry for each command");
        }
    }
}
