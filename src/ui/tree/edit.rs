//! The text field in a row.

use crate::document::scalar::{self, Escaping};
use crate::state::Input;
use crate::state::command::Command;
use crate::state::session::{Editor, Part};
use crate::ui::{field, theme};
use egui::text::{CCursor, CCursorRange};
use egui::text_edit::TextEditState;
use egui::{Area, Event, Frame, Id, Key, Label, Margin, Order, Rect, Response, RichText, TextEdit, Ui};

/// A field is at least this wide.
const MIN_WIDTH: f32 = 120.0;

/// The width of a field for a key, which grows with what is typed.
pub fn key_width(editor: &Editor) -> f32 {
    (editor.text.chars().take(200).count() as f32 * 9.0 + 40.0).max(MIN_WIDTH)
}

/// Draws the field over the key or the value of its row; what is wrong with the text stands below it.
pub fn field_ui(ui: &mut Ui, editor: &Editor, name: &str, key: Rect, value: Rect, tree: &Response, inputs: &mut Vec<Input>) {
    let over = if editor.part == Part::Key { key } else { value };
    let rect = Rect::from_min_max(over.left_top() - egui::vec2(5.0, 0.0), over.right_bottom());
    let id = Id::unique(("field", editor.number));
    let mut text = editor.text.clone();
    let pasted = lines_pasted(ui, editor, id);
    let mut output = None;
    ui.scope_builder(egui::UiBuilder::new().max_rect(rect), |ui| {
        // As tall as the row, not as a field that stands alone.
        ui.spacing_mut().interact_size.y = 0.0;
        let mut layouter = field::layouter(theme::mono(), false);
        let field = TextEdit::singleline(&mut text)
            .id(id)
            .font(theme::mono())
            .layouter(&mut layouter)
            .margin(Margin::symmetric(4, 3))
            .desired_width(rect.width() - 8.0)
            .clip_text(true);
        output = Some(field.show(ui));
    });
    let Some(mut output) = output else { return };
    let what = if editor.part == Part::Key { "Key" } else { "Value" };
    ui.ctx().accesskit_node_builder(id, |node| node.set_label(format!("{what} of {name}")));
    let response = output.response.response.clone();
    let first = ui.data_mut(|data| !std::mem::replace(data.get_temp_mut_or_default::<bool>(id), true));
    if first {
        response.request_focus();
        let all = CCursorRange::two(CCursor::new(0), CCursor::new(editor.text.chars().count()));
        output.state.cursor.set_char_range(Some(all));
        output.state.clone().store(ui.ctx(), id);
    }
    if let Some((literal, caret)) = pasted {
        output.state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(caret))));
        output.state.store(ui.ctx(), id);
        inputs.push(Input::TypeLiteral(literal));
    } else if text != editor.text {
        inputs.push(Input::Type(text.clone()));
    }
    if let Some(problem) = &editor.problem {
        problem_ui(ui, id, rect, problem);
    }
    if !first && response.lost_focus() {
        let (enter, escape, tab) =
            ui.input(|input| (input.key_pressed(Key::Enter), input.key_pressed(Key::Escape), input.key_pressed(Key::Tab)));
        if escape {
            inputs.push(Input::Command(Command::Cancel));
            tree.request_focus();
        } else if enter || tab {
            inputs.push(Input::Commit);
            // What is not valid stays; the focus with it.
            if editor.problem.is_some() { response.request_focus() } else { tree.request_focus() }
        } else {
            inputs.push(Input::Commit);
        }
    }
}

/// What is wrong with the text, right below the field.
fn problem_ui(ui: &Ui, id: Id, rect: Rect, problem: &str) {
    let tokens = theme::tokens(ui);
    Area::new(id.with("problem"))
        .order(Order::Foreground)
        .fixed_pos(rect.left_bottom() + egui::vec2(0.0, 3.0))
        .interactable(false)
        .show(ui.ctx(), |ui| {
            let frame = Frame::new().fill(tokens.banner).stroke(egui::Stroke::new(1.0, tokens.banner_line)).corner_radius(4.0);
            frame.inner_margin(Margin::symmetric(8, 4)).show(ui, |ui| {
                let label = ui.add(Label::new(RichText::new(format!("Not valid: {problem}")).color(tokens.on_banner)).extend());
                ui.ctx().accesskit_node_builder(label.id, |node| node.set_live(egui::accesskit::Live::Assertive));
            });
        });
}

/// A field of one line makes spaces of line breaks. Plain text that they are pasted into becomes the literal that it is in JSON, where
/// they are to be seen: that, and where the caret stands behind what was pasted.
fn lines_pasted(ui: &Ui, editor: &Editor, id: Id) -> Option<(String, usize)> {
    let has_lines = |event: &Event| matches!(event, Event::Paste(text) if text.contains(['\n', '\r']));
    if !editor.plain || !ui.memory(|memory| memory.has_focus(id)) {
        return None;
    }
    let place = ui.input(|input| input.events.iter().position(has_lines))?;
    let Event::Paste(pasted) = ui.input_mut(|input| input.events.remove(place)) else { return None };
    let cursor = TextEditState::load(ui.ctx(), id).and_then(|state| state.cursor.char_range());
    let characters = editor.text.chars().count();
    let chosen = cursor.map_or(characters..characters, |range| {
        let range = range.as_sorted_char_range();
        range.start.0..range.end.0
    });
    let before: String = editor.text.chars().take(chosen.start).chain(pasted.chars()).collect();
    let all: String = before.chars().chain(editor.text.chars().skip(chosen.end)).collect();
    let caret = scalar::encode(&before, Escaping::Needed).chars().count() - 1;
    Some((scalar::encode(&all, Escaping::Needed), caret))
}
