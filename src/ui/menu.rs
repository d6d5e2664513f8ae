//! The menu bar, and the menu of a row.

use crate::document::Kind;
use crate::state::command::{Command, Theme};
use crate::state::{Input, State, file_name};
use crate::ui::theme;
use egui::{Button, MenuBar, ScrollArea, Ui};

const EDIT: &[Command] = &[Command::EditValue, Command::EditKey, Command::ShowText];
const CLIPBOARD: &[Command] =
    &[Command::Cut, Command::Copy, Command::CopyText, Command::CopyPath, Command::Paste, Command::PasteOver];
const INSERT: &[Command] =
    &[Command::InsertBefore, Command::InsertAfter, Command::InsertInside, Command::Duplicate, Command::Delete];
const MOVE: &[Command] = &[Command::MoveUp, Command::MoveDown, Command::MoveOut, Command::MoveIn];
const KINDS: [Kind; 6] = [Kind::String, Kind::Number, Kind::Bool, Kind::Null, Kind::Object, Kind::Array];

/// Draws the menu bar.
pub fn menu_ui(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    MenuBar::new().ui(ui, |ui| {
        ui.menu_button("File", |ui| in_sight(ui, |ui| file_menu(ui, state, inputs)));
        ui.menu_button("Edit", |ui| in_sight(ui, |ui| edit_menu(ui, state, inputs)));
        ui.menu_button("View", |ui| in_sight(ui, |ui| view_menu(ui, state, inputs)));
        ui.menu_button("Help", |ui| items(ui, state, &[Command::Help, Command::About], inputs));
    });
}

/// A menu that is too long for the window scrolls.
fn in_sight(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    /// Above the menus, and below.
    const BESIDE: f32 = 56.0;
    let height = (ui.ctx().content_rect().height() - BESIDE).max(80.0);
    ScrollArea::vertical().max_height(height).min_scrolled_height(height).show(ui, content);
}

fn edit_menu(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    items(ui, state, &[Command::Undo, Command::Redo], inputs);
    ui.separator();
    items(ui, state, &[Command::Find, Command::FindNext, Command::FindPrevious, Command::GoTo], inputs);
    ui.separator();
    row_items(ui, state, inputs);
}

fn view_menu(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    items(ui, state, &[Command::ExpandAll, Command::CollapseAll], inputs);
    ui.separator();
    items(ui, state, &[Command::ExpandBelow, Command::CollapseBelow], inputs);
    ui.separator();
    items(ui, state, &[1, 2, 3, 4].map(Command::ExpandLevels), inputs);
    ui.separator();
    items(ui, state, &[Command::ShowText, Command::Statistics, Command::Saving], inputs);
    ui.separator();
    for choice in [Theme::System, Theme::Light, Theme::Dark] {
        let entry = Command::Theme(choice).entry();
        if theme::radio(ui, state.theme == choice, entry.label).on_hover_text(entry.tooltip).clicked() {
            inputs.push(Input::Command(entry.command));
            ui.close();
        }
    }
}

fn file_menu(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    items(ui, state, &[Command::New, Command::Open], inputs);
    ui.menu_button("Open recent", |ui| {
        if state.recent.is_empty() {
            ui.label("No files yet");
        }
        for path in &state.recent {
            if ui.button(file_name(path)).on_hover_text(path.display().to_string()).clicked() {
                inputs.push(Input::OpenFiles(vec![path.clone()]));
                ui.close();
            }
        }
    });
    items(ui, state, &[Command::OpenSample], inputs);
    ui.separator();
    items(ui, state, &[Command::Save, Command::SaveCopy, Command::CheckDisk], inputs);
    ui.separator();
    items(ui, state, &[Command::FileHistory, Command::Merge, Command::Recover, Command::ForgetEarlier], inputs);
    ui.separator();
    items(ui, state, &[Command::Settings, Command::Close], inputs);
}

/// Draws the menu of the selected row.
pub fn row_menu(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    in_sight(ui, |ui| row_items(ui, state, inputs));
}

/// Draws what can be done with the selected row.
fn row_items(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    items(ui, state, EDIT, inputs);
    ui.menu_button("Change type", |ui| items(ui, state, &KINDS.map(Command::ChangeType), inputs));
    items(ui, state, &[Command::ReplaceFromFile], inputs);
    ui.separator();
    items(ui, state, CLIPBOARD, inputs);
    ui.separator();
    items(ui, state, INSERT, inputs);
    ui.separator();
    items(ui, state, MOVE, inputs);
}

fn items(ui: &mut Ui, state: &State, commands: &[Command], inputs: &mut Vec<Input>) {
    for &command in commands {
        let entry = command.entry();
        let label = match (command, state.session()) {
            (Command::Undo, Some(session)) => with_step(entry.label, session.history.undo_label()),
            (Command::Redo, Some(session)) => with_step(entry.label, session.history.redo_label()),
            _ => entry.label.to_owned(),
        };
        let button = Button::new(label).shortcut_text(entry.shortcuts.first().copied().unwrap_or_default());
        let response = ui.add_enabled(command.is_enabled(state), button);
        theme::focus_ring(ui, &response, theme::BUTTON_RADIUS);
        if response.on_hover_text(entry.tooltip).clicked() {
            inputs.push(Input::Command(command));
            ui.close();
        }
    }
}

fn with_step(label: &str, step: Option<&str>) -> String {
    match step {
        Some(step) => format!("{label}: {}", step.to_lowercase()),
        None => label.to_owned(),
    }
}
