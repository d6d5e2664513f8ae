//! The path of the selected value: every part can be clicked, and the pointer copied.

use crate::document::{Path, pointer, scalar};
use crate::state::command::Command;
use crate::state::{Input, Session};
use crate::ui::text::{clip, line_ui, visible};
use crate::ui::theme;
use egui::{Align, Layout, Sense, TextStyle, Ui};

/// More parts than this are left out in the middle.
const PARTS: usize = 12;
/// Characters of one part.
const PART_CHARS: usize = 40;
/// Characters of the pointer.
const POINTER_CHARS: usize = 60;

/// Draws the path.
pub fn path_ui(ui: &mut Ui, session: &Session, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let path = &session.view.selection;
    let font = TextStyle::Body.resolve(ui.style());
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_space(2.0);
        if theme::quiet_button(ui, "Copy path").on_hover_text(Command::CopyPath.entry().tooltip).clicked() {
            inputs.push(Input::Command(Command::CopyPath));
        }
        if path.len() <= PARTS
            && let Some(text) = pointer::pointer(session.document().root(), path)
            && !text.is_empty()
        {
            let clipped = clip(&text, POINTER_CHARS);
            let shown = format!("{}{}", visible(clipped.text), if clipped.cut { "…" } else { "" });
            let label = line_ui(ui, &shown, &font, tokens.muted, Sense::click());
            if label.on_hover_text("Copy this JSON Pointer").clicked() {
                inputs.push(Input::Command(Command::CopyPath));
            }
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| parts_ui(ui, session, path, inputs));
    });
}

fn parts_ui(ui: &mut Ui, session: &Session, path: &Path, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let font = TextStyle::Body.resolve(ui.style());
    ui.spacing_mut().item_spacing.x = 6.0;
    let mut part = |ui: &mut Ui, name: &str, place: &[u64]| {
        let last = place.len() == path.len();
        let clipped = clip(name, PART_CHARS);
        let shown = format!("{}{}", visible(clipped.text), if clipped.cut { "…" } else { "" });
        let shown = if shown.is_empty() { "\"\"".to_owned() } else { shown };
        let color = if last { tokens.text } else { tokens.muted };
        let response = line_ui(ui, &shown, &font, color, Sense::click());
        if response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked() {
            inputs.push(Input::Select(place.into()));
        }
    };
    part(ui, &session.name, &[]);
    let mut node = session.document().root().clone();
    for (depth, &k) in path.iter().enumerate() {
        let Some(child) = node.child(k) else { return };
        node = child.node;
        let left_out = path.len() > PARTS && depth >= PARTS / 2 && depth + PARTS / 2 < path.len();
        if left_out {
            if depth == PARTS / 2 {
                ui.colored_label(tokens.muted, "› …");
            }
            continue;
        }
        ui.colored_label(tokens.muted, "›");
        let name = match &child.key {
            Some(key) => scalar::decode_start(key.bytes(), PART_CHARS + 1).0,
            None => k.to_string(),
        };
        part(ui, &name, &path[..=depth]);
    }
}
