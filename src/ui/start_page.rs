//! What stands in the window without a document: ways to open one, and a file on its way.

use crate::state::command::Command;
use crate::state::format::{self, counted};
use crate::state::{Input, Loading, State, file_name};
use crate::ui::theme;
use egui::{Align, Label, Layout, ProgressBar, RichText, ScrollArea, Sense, Ui, vec2};

const WIDTH: f32 = 460.0;

/// Draws the start page.
pub fn start_ui(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    centred(ui, 0.16, |ui| {
        ui.label(RichText::new("Treekeep").size(28.0).color(tokens.text));
        ui.label(RichText::new("JSON of any size as a tree, edited there, saved without losing a byte.").color(tokens.muted));
        ui.add_space(18.0);
        ui.horizontal(|ui| {
            for command in [Command::Open, Command::New, Command::OpenSample] {
                let entry = command.entry();
                let response = match command {
                    Command::Open => theme::primary_button(ui, entry.label),
                    _ => theme::quiet_button(ui, entry.label),
                };
                if response.on_hover_text(entry.tooltip).clicked() {
                    inputs.push(Input::Command(command));
                }
            }
        });
        ui.add_space(8.0);
        ui.label(RichText::new("Or drop a file on this window.").color(tokens.muted));
        unsaved_ui(ui, state, inputs);
        if state.recent.is_empty() {
            return;
        }
        ui.add_space(22.0);
        ui.label(RichText::new("Recent files").color(tokens.muted).size(11.0));
        ScrollArea::vertical().show(ui, |ui| {
            for path in &state.recent {
                let row = ui.scope(|ui| {
                    ui.horizontal(|ui| {
                        let response =
                            ui.add(Label::new(RichText::new(file_name(path)).color(tokens.accent)).sense(Sense::click()));
                        let folder = path.parent().map_or_else(String::new, |folder| folder.display().to_string());
                        ui.add(Label::new(RichText::new(folder).color(tokens.muted)).truncate());
                        response
                    })
                    .inner
                });
                let response = row.inner.on_hover_cursor(egui::CursorIcon::PointingHand);
                theme::focus_ring(ui, &response, 3);
                if response.clicked() {
                    inputs.push(Input::OpenFiles(vec![path.clone()]));
                }
            }
        });
    });
}

/// Edits that earlier runs left unsaved.
fn unsaved_ui(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    if state.unsaved.is_empty() {
        return;
    }
    let tokens = theme::tokens(ui);
    ui.add_space(22.0);
    ui.label(RichText::new("Unsaved edits from before").color(tokens.edited).size(11.0));
    for (number, found) in state.unsaved.iter().enumerate() {
        ui.horizontal(|ui| {
            if theme::quiet_button(ui, &format!("Recover {}", found.name)).clicked() {
                inputs.push(Input::OpenUnsaved(number));
            }
            let edits = counted(found.edits, "edit");
            let place = found
                .document
                .as_ref()
                .and_then(|path| path.parent())
                .map_or("never saved".to_owned(), |folder| folder.display().to_string());
            ui.add(Label::new(RichText::new(format!("{edits}, {place}")).color(tokens.muted)).truncate());
        });
    }
}

/// Draws a file on its way, of which there is nothing to show yet.
pub fn loading_ui(ui: &mut Ui, loading: &Loading, now_ms: u64, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    centred(ui, 0.36, |ui| {
        ui.label(RichText::new(format!("Opening {}", file_name(&loading.path))).size(16.0));
        let part = loading.progress.map_or(0.0, |progress| progress.part());
        let text = loading.progress.map_or_else(String::new, |progress| format::progress(&progress, now_ms));
        ui.add(ProgressBar::new(part).desired_width(WIDTH).fill(tokens.accent).corner_radius(4.0));
        ui.horizontal(|ui| {
            ui.label(RichText::new(text).color(tokens.muted));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if theme::quiet_button(ui, Command::Cancel.entry().label).clicked() {
                    inputs.push(Input::Command(Command::Cancel));
                }
            });
        });
    });
}

fn centred(ui: &mut Ui, top: f32, contents: impl FnOnce(&mut Ui)) {
    let area = ui.available_rect_before_wrap();
    let width = WIDTH.min(area.width() - 40.0);
    let left_top = egui::pos2(area.center().x - width / 2.0, area.top() + area.height() * top);
    let rect = egui::Rect::from_min_size(left_top, vec2(width, area.bottom() - left_top.y - 12.0));
    ui.scope_builder(egui::UiBuilder::new().max_rect(rect), contents);
}
