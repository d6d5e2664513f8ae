//! The list of changes to merge: what each side has, and what is chosen.

use crate::document::{Change, ChangedBy, Choice};
use crate::state::command::Command;
use crate::state::format::counted;
use crate::state::merging::{MergeInput, MergeRow, Merging, Pick};
use crate::state::{Input, Session};
use crate::ui::field;
use crate::ui::text::{line_ui, visible};
use crate::ui::theme;
use crate::ui::value_line::value_line;
use egui::{
    Align, Frame, Id, Label, Layout, Margin, RichText, ScrollArea, Sense, Stroke, StrokeKind, TextEdit, TextStyle, Ui, vec2,
};

const GROUP_HEIGHT: f32 = 30.0;
const CHANGE_HEIGHT: f32 = 96.0;

/// What drawing remembers.
#[derive(Default)]
pub struct Memory {
    scrolled_to: u64,
}

/// Draws the merge in the place of the tree.
pub fn merge_ui(ui: &mut Ui, session: &Session, merging: &Merging, memory: &mut Memory, inputs: &mut Vec<Input>) {
    let frame = Frame::new().inner_margin(Margin::symmetric(16, 12));
    frame.show(ui, |ui| {
        head_ui(ui, session, merging, inputs);
        ui.add_space(8.0);
        list_ui(ui, merging, memory, inputs);
    });
}

fn head_ui(ui: &mut Ui, session: &Session, merging: &Merging, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let left = merging.merge.conflicts_left();
    // In a narrow window the buttons have a line of their own.
    let is_wide = ui.available_width() >= 760.0;
    ui.horizontal(|ui| {
        ui.add(Label::new(RichText::new(format!("Merge {}", session.name)).size(16.0)).truncate());
        let told = match (left, merging.merge.conflicts()) {
            (0, 0) => "everything merges by itself".to_owned(),
            (0, all) => format!("{}, all chosen", counted(all as u64, "conflict")),
            (left, _) => format!("{} left to choose", counted(left as u64, "conflict")),
        };
        ui.add(Label::new(RichText::new(told).color(if left > 0 { tokens.edited } else { tokens.muted })).truncate());
        if is_wide {
            buttons_ui(ui, merging, inputs);
        }
    });
    if !is_wide {
        ui.horizontal(|ui| buttons_ui(ui, merging, inputs));
    }
    let text =
        format!("Base is what both began with; theirs was written at {}. What one side alone changed is taken.", merging.when);
    ui.horizontal(|ui| {
        // Nothing moves when the buttons go.
        ui.set_min_height(theme::BUTTON_HEIGHT);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let sides = [(Pick::Theirs, "Theirs for all left", "Take their"), (Pick::Mine, "Mine for all left", "Take your")];
            for (pick, label, hint) in sides.into_iter().filter(|_| left > 1) {
                let hint = format!("{hint} side of {}. Each can still be chosen otherwise.", counted(left as u64, "conflict"));
                if theme::quiet_button(ui, label).on_hover_text(hint).clicked() {
                    inputs.push(Input::Merge(MergeInput::ChooseLeft(pick)));
                }
            }
            // In what the buttons leave.
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(RichText::new(text).color(tokens.muted)).truncate());
            });
        });
    });
}

/// What leads on, at the right.
fn buttons_ui(ui: &mut Ui, merging: &Merging, inputs: &mut Vec<Input>) {
    let left = merging.merge.conflicts_left();
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if theme::quiet_button(ui, "Leave merge").on_hover_text("Everything stays as it was.").clicked() {
            inputs.push(Input::Merge(MergeInput::Close));
        }
        let finish = ui.add_enabled_ui(left == 0 && !merging.finishing, |ui| theme::primary_button(ui, "Use merged")).inner;
        let why = if left == 0 {
            "The merged document is shown, and saved when you save it."
        } else {
            "Choose for each conflict first."
        };
        if finish.on_hover_text(why).on_disabled_hover_text(why).clicked() {
            inputs.push(Input::Merge(MergeInput::Finish));
        }
        for command in [Command::NextConflict, Command::PreviousConflict] {
            let entry = command.entry();
            let keys = entry.shortcuts.first().copied().unwrap_or_default();
            if theme::quiet_button(ui, entry.label).on_hover_text(format!("{} ({keys})", entry.tooltip)).clicked() {
                inputs.push(Input::Command(command));
            }
        }
    });
}

fn list_ui(ui: &mut Ui, merging: &Merging, memory: &mut Memory, inputs: &mut Vec<Input>) {
    let height = |row: &MergeRow| if matches!(row, MergeRow::Group(_)) { GROUP_HEIGHT } else { CHANGE_HEIGHT };
    let groups_before = |index: usize| merging.rows[..index].iter().map(height).sum::<f32>();
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("merge");
    if memory.scrolled_to != merging.scroll_to {
        memory.scrolled_to = merging.scroll_to;
        let place = merging.rows.iter().position(|row| *row == MergeRow::Change(merging.selected)).unwrap_or(0);
        area = area.vertical_scroll_offset((groups_before(place) - 60.0).max(0.0));
    }
    area.show_viewport(ui, |ui, viewport| {
        let total = groups_before(merging.rows.len());
        ui.set_height(total);
        let (origin, width) = (ui.min_rect().left_top(), ui.available_width());
        let mut top = 0.0;
        for row in merging.rows.iter() {
            let size = height(row);
            if top + size >= viewport.top() && top <= viewport.bottom() {
                let rect = egui::Rect::from_min_size(origin + vec2(0.0, top), vec2(width, size));
                ui.scope_builder(egui::UiBuilder::new().max_rect(rect), |ui| match row {
                    MergeRow::Group(container) => group_ui(ui, container),
                    MergeRow::Change(number) => change_ui(ui, merging, *number, inputs),
                });
            }
            top += size;
        }
    });
}

fn group_ui(ui: &mut Ui, container: &str) {
    let tokens = theme::tokens(ui);
    let text = if container.is_empty() { "the outermost value".to_owned() } else { format!("in {container}") };
    ui.add_space(9.0);
    line_ui(ui, &visible(&text), &TextStyle::Body.resolve(ui.style()), tokens.muted, Sense::hover());
}

fn change_ui(ui: &mut Ui, merging: &Merging, number: usize, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let Some(change) = merging.merge.changes.get(number) else { return };
    let is_selected = merging.selected == number;
    let rect = ui.max_rect().shrink2(vec2(0.0, 3.0));
    let response = ui.interact(rect, ui.scope_id().with(("change", number)), Sense::click());
    let fill = if is_selected { tokens.selected } else { tokens.window };
    let line = if change.choice.is_none() { tokens.edited } else { tokens.line };
    ui.painter().rect(rect, 6.0, fill, Stroke::new(1.0, line), StrokeKind::Inside);
    if response.clicked() {
        inputs.push(Input::Merge(MergeInput::Select(number)));
    }
    ui.scope_builder(egui::UiBuilder::new().max_rect(rect.shrink2(vec2(12.0, 7.0))), |ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        ui.horizontal(|ui| {
            let place = if change.pointer.is_empty() { "the whole document" } else { &change.pointer };
            let about = change.aspect.map_or_else(String::new, |aspect| format!(" ({aspect})"));
            ui.label(RichText::new(visible(&format!("{place}{about}"))).color(tokens.text).strong());
            ui.label(
                RichText::new(state_of(change))
                    .color(if change.choice.is_none() { tokens.edited } else { tokens.muted })
                    .size(12.0),
            );
        });
        match merging.editor.as_ref().filter(|editor| editor.change == number) {
            Some(editor) => editor_ui(ui, editor, inputs),
            None => sides_ui(ui, change, number, inputs),
        }
    });
}

fn state_of(change: &Change) -> &'static str {
    match (change.by, &change.choice) {
        (_, None) => "conflict: choose",
        (ChangedBy::Both, Some(_)) => "conflict, chosen",
        (ChangedBy::Mine, Some(Choice::Mine)) => "changed by you alone, taken",
        (ChangedBy::Theirs, Some(Choice::Theirs)) => "changed by them alone, taken",
        (_, Some(_)) => "overruled",
    }
}

fn sides_ui(ui: &mut Ui, change: &Change, number: usize, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let chosen = |pick: Pick| {
        matches!(
            (pick, &change.choice),
            (Pick::Mine, Some(Choice::Mine)) | (Pick::Theirs, Some(Choice::Theirs)) | (Pick::Both, Some(Choice::Both))
        )
    };
    let column = (ui.available_width() - 24.0) / 3.0;
    ui.horizontal(|ui| {
        for (name, node, pick) in [
            ("Base", &change.base, None),
            ("Mine", &change.mine, Some(Pick::Mine)),
            ("Theirs", &change.theirs, Some(Pick::Theirs)),
        ] {
            ui.allocate_ui(vec2(column, 50.0), |ui| {
                ui.vertical(|ui| {
                    ui.set_width(column);
                    match pick {
                        // As high as the buttons beside it, so that the values stand on one line.
                        None => {
                            ui.horizontal(|ui| {
                                ui.set_min_height(ui.spacing().interact_size.y);
                                ui.label(RichText::new(name).color(tokens.muted).size(12.0));
                            });
                        }
                        Some(pick) => {
                            ui.horizontal(|ui| {
                                // A screen reader reads the button alone: it names the place, too.
                                let label = theme::radio(ui, chosen(pick), name);
                                let spoken = format!("{name} at {}", change.pointer);
                                ui.ctx().accesskit_node_builder(label.id, |node| node.set_label(spoken));
                                if label.clicked() {
                                    inputs.push(Input::Merge(MergeInput::Choose(number, pick)));
                                }
                                if pick == Pick::Mine
                                    && change.can_be_both
                                    && theme::radio(ui, chosen(Pick::Both), "Both").clicked()
                                {
                                    inputs.push(Input::Merge(MergeInput::Choose(number, Pick::Both)));
                                }
                                let by_hand = matches!(change.choice, Some(Choice::Value(_)));
                                if pick == Pick::Theirs && theme::radio(ui, by_hand, "By hand…").clicked() {
                                    inputs.push(Input::Merge(MergeInput::Edit(number)));
                                }
                            });
                        }
                    }
                    line_ui(ui, &value_line(node.as_ref()), &theme::mono(), tokens.text, Sense::hover());
                });
            });
        }
    });
}

fn editor_ui(ui: &mut Ui, editor: &crate::state::merging::MergeEditor, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let mut typed = editor.text.clone();
    ui.horizontal(|ui| {
        let id = Id::unique("merge value");
        let width = (ui.available_width() - 190.0).max(120.0);
        let mut layouter = field::layouter(TextStyle::Monospace.resolve(ui.style()), false);
        let field = TextEdit::singleline(&mut typed).id(id).font(TextStyle::Monospace).desired_width(width);
        let field = ui.add(field.layouter(&mut layouter));
        ui.ctx().accesskit_node_builder(id, |node| node.set_label("Value of your own, as JSON"));
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if !field.has_focus() && ui.memory(|memory| memory.focused().is_none()) {
            field.request_focus();
        }
        if typed != editor.text {
            inputs.push(Input::Merge(MergeInput::Type(typed)));
        }
        if theme::primary_button(ui, "Take it").clicked() || entered {
            inputs.push(Input::Merge(MergeInput::TakeTyped));
        }
        if theme::quiet_button(ui, "Drop it").clicked() {
            inputs.push(Input::Merge(MergeInput::DropTyped));
        }
    });
    if let Some(problem) = &editor.problem {
        ui.label(RichText::new(problem).color(tokens.edited).size(12.0));
    }
}
