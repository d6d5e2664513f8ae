//! Questions over the window. Escape is always the choice that changes nothing.

use crate::state::command::{Command, TABLE};
use crate::state::{Answer, Dialog, FileKind, Input, Report, State};
use crate::ui::theme;
use egui::{Grid, Id, Modal, RichText, ScrollArea, TextEdit, Ui};

/// Draws the dialog that is due.
pub fn dialog_ui(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    let Some(dialog) = &state.dialog else { return };
    let frame = egui::Frame::popup(ui.style()).inner_margin(18.0).fill(theme::tokens(ui).window);
    let response = Modal::new(Id::unique("dialog")).frame(frame).show(ui.ctx(), |ui| {
        ui.set_max_width(560.0);
        match dialog {
            Dialog::Close => close_ui(ui, state, inputs),
            Dialog::ClosingAfterSave => closing_ui(ui, state, inputs),
            Dialog::Path { purpose, text, why } => path_ui(ui, purpose.kind(), text, why, inputs),
            Dialog::Help => help_ui(ui, inputs),
            Dialog::About => about_ui(ui, inputs),
            Dialog::Trouble(report) => trouble_ui(ui, report, inputs),
        }
    });
    if response.should_close() {
        inputs.push(Input::Answer(Answer::Cancel));
    }
}

fn title(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).size(16.0));
    ui.add_space(4.0);
}

fn buttons(ui: &mut Ui, choices: &[(&str, Answer)], inputs: &mut Vec<Input>) {
    ui.add_space(10.0);
    ui.horizontal(|ui| {
        for (number, (label, answer)) in choices.iter().enumerate() {
            let response = if number == 0 { theme::primary_button(ui, label) } else { theme::quiet_button(ui, label) };
            // The first choice is a key press away.
            if number == 0 && ui.memory(|memory| memory.focused().is_none()) {
                response.request_focus();
            }
            if response.clicked() {
                inputs.push(Input::Answer(answer.clone()));
            }
        }
    });
}

fn close_ui(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    let (name, unsaved) =
        state.session().map_or(("This document".to_owned(), 0), |session| (session.name.clone(), session.unsaved()));
    title(ui, &format!("Save the changes to {name}?"));
    ui.label(match unsaved {
        0 => "What you mended is not read and not saved yet. Without that it is lost.".to_owned(),
        1 => "One change is not saved. Without saving it is lost.".to_owned(),
        more => format!("{more} changes are not saved. Without saving they are lost."),
    });
    let mut choices = vec![("Save", Answer::Save), ("Don't save", Answer::DoNotSave), ("Cancel", Answer::Cancel)];
    if state.session().is_none() {
        choices.remove(0);
    }
    buttons(ui, &choices, inputs);
}

fn closing_ui(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    title(ui, "Still saving…");
    let step = state.session().and_then(|session| session.saving.as_ref()).map_or("", |saving| saving.step);
    ui.label(format!("The window closes as soon as the file is safe on the disk. At the moment: {step}."));
    buttons(ui, &[("Keep the window open", Answer::Cancel)], inputs);
}

fn path_ui(ui: &mut Ui, kind: FileKind, text: &str, why: &str, inputs: &mut Vec<Input>) {
    title(ui, if kind == FileKind::Open { "Which file?" } else { "Save a copy where?" });
    ui.label(why);
    let mut typed = text.to_owned();
    let id = Id::unique("typed path");
    let response = ui.add(TextEdit::singleline(&mut typed).id(id).desired_width(500.0).hint_text("/home/me/file.json"));
    ui.ctx().accesskit_node_builder(id, |node| node.set_label("Path of the file"));
    if typed != text {
        inputs.push(Input::Answer(Answer::TypePath(typed.clone())));
    }
    if response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter)) {
        inputs.push(Input::Answer(Answer::Path(typed.clone())));
    } else if ui.memory(|memory| memory.focused().is_none()) {
        response.request_focus();
    }
    let label = if kind == FileKind::Open { "Open file" } else { "Write file" };
    buttons(ui, &[(label, Answer::Path(typed)), ("Cancel", Answer::Cancel)], inputs);
}

fn help_ui(ui: &mut Ui, inputs: &mut Vec<Input>) {
    title(ui, "Keys");
    let tokens = theme::tokens(ui);
    ScrollArea::vertical().max_height(480.0).show(ui, |ui| {
        Grid::new("keys").num_columns(3).spacing([18.0, 5.0]).show(ui, |ui| {
            const TREE: [(&str, &str); 6] = [
                ("Up, Down", "The row above, the row below"),
                ("Right", "Open, or go to the first value inside"),
                ("Left", "Close, or go to what the value is in"),
                ("Page Up, Page Down", "A page up, a page down"),
                ("Home, End", "The first row, the last row"),
                ("Escape", "Leave a field without changing anything; stop a save"),
            ];
            for (keys, does) in TREE {
                ui.label(RichText::new(keys).monospace());
                ui.label(does);
                ui.end_row();
            }
            for entry in TABLE.iter().filter(|entry| !entry.shortcuts.is_empty() && entry.command != Command::Cancel) {
                ui.label(RichText::new(entry.shortcuts.join(", ")).monospace());
                ui.label(entry.label);
                ui.label(RichText::new(entry.tooltip).color(tokens.muted));
                ui.end_row();
            }
        });
    });
    buttons(ui, &[("Close help", Answer::Cancel)], inputs);
}

fn about_ui(ui: &mut Ui, inputs: &mut Vec<Input>) {
    title(ui, &format!("Treekeep {}", env!("CARGO_PKG_VERSION")));
    ui.label("A JSON viewer and editor that never loses a byte. MIT or Apache-2.0.");
    buttons(ui, &[("OK", Answer::Cancel)], inputs);
}

fn trouble_ui(ui: &mut Ui, report: &Report, inputs: &mut Vec<Input>) {
    title(ui, &report.what);
    for text in [&report.safe, &report.todo] {
        if !text.is_empty() {
            ui.label(text);
        }
    }
    buttons(ui, &[("OK", Answer::Cancel)], inputs);
}
