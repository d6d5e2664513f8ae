//! A text that is not JSON: what is wrong, where, and the text around it, which can be mended.

use crate::state::format::{byte_size, grouped};
use crate::state::{Broken, Input, Task, file_name};
use crate::ui::field;
use crate::ui::status_bar::job_ui;
use crate::ui::theme;
use egui::text::{CCursor, CCursorRange};
use egui::{Id, Key, Margin, Modifiers, RichText, ScrollArea, TextEdit, Ui};
use std::path::Path;

/// Draws the text around the problem.
pub fn broken_ui(ui: &mut Ui, path: &Path, broken: &Broken, now_ms: u64, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let is_reading = broken.reading.is_some();
    egui::Frame::new().inner_margin(Margin::symmetric(20, 16)).show(ui, |ui| {
        let problem = &broken.problem;
        ui.label(RichText::new(format!("{} is not JSON", file_name(path))).size(16.0));
        let [line, column, byte] = [problem.line, problem.column, problem.offset].map(grouped);
        ui.label(format!("Line {line}, column {column}, byte {byte}: {}.", problem.message));
        if broken.is_refused {
            ui.label(RichText::new("It is still not JSON: nothing was saved.").color(tokens.edited));
        }
        if let Some(trouble) = &broken.journal.trouble {
            let text = format!("Crash protection off: what you mend is not safe from a crash ({trouble}).");
            ui.label(RichText::new(text).color(tokens.edited));
        }
        if broken.looks_like_lines() {
            ui.label("It looks like JSON Lines, one value in each line. Treekeep opens files that are one value.");
        }
        let whole = broken.place.len() == broken.bytes.len();
        let part = if whole {
            "This is the whole text.".to_owned()
        } else {
            format!(
                "This is the text around that place, {} of {}.",
                byte_size(broken.place.len() as u64),
                byte_size(broken.bytes.len() as u64)
            )
        };
        ui.label(
            RichText::new(format!("{part} Mend it and read it again. The file stays as it is until you save."))
                .color(tokens.muted),
        );
        ui.add_space(6.0);
        ui.horizontal(|ui| {
            let again = ui.add_enabled_ui(!is_reading, |ui| theme::primary_button(ui, "Read again")).inner;
            let again = again.on_hover_text("Reads the text (Ctrl+Enter). Ctrl+S saves it then.");
            // Before the field sees it, which would take it for a line break.
            if again.clicked() || ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Enter)) {
                inputs.push(Input::ReadAgain);
            }
            if broken.progress.is_some() {
                ui.add_space(6.0);
                job_ui(ui, broken.progress, now_ms, Input::StopTask(Task::Mend), inputs);
            }
        });
        ui.add_space(6.0);
        let id = Id::unique(("excerpt", broken.number));
        let mut text = broken.excerpt.clone();
        ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            let mut layouter = field::layouter(egui::TextStyle::Monospace.resolve(ui.style()), true);
            let field = TextEdit::multiline(&mut text)
                .id(id)
                .code_editor()
                .interactive(!is_reading)
                .desired_width(f32::INFINITY)
                .desired_rows(20);
            let mut output = field.layouter(&mut layouter).show(ui);
            ui.ctx().accesskit_node_builder(id, |node| node.set_label("Text around the problem"));
            let first = ui.data_mut(|data| !std::mem::replace(data.get_temp_mut_or_default::<bool>(id), true));
            if first {
                // The caret comes to stand at the problem, and the problem into view.
                let character = broken.excerpt[..broken.problem_in_excerpt()].chars().count();
                let caret = CCursor::new(character);
                output.state.cursor.set_char_range(Some(CCursorRange::one(caret)));
                output.state.clone().store(ui.ctx(), id);
                output.response.request_focus();
                let place = output.galley.pos_from_cursor(caret).translate(output.galley_pos.to_vec2());
                ui.scroll_to_rect(place.expand(120.0), Some(egui::Align::Center));
            }
        });
        if text != broken.excerpt {
            inputs.push(Input::Mend(text));
        }
    });
}
