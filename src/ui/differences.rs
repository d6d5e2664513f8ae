//! The list of places that differ between mine and theirs, with both values.

use crate::document::{Difference, Document, Path, pointer};
use crate::state::format::counted;
use crate::state::session::Differences;
use crate::state::{Input, Session};
use crate::ui::text::{clip, line_ui, visible};
use crate::ui::theme;
use crate::ui::value_line::value_line;
use egui::{Align, Layout, RichText, ScrollArea, Sense, TextStyle, Ui};

const PLACE_CHARS: usize = 120;
const ROW_HEIGHT: f32 = 68.0;

/// Draws the list.
pub fn differences_ui(ui: &mut Ui, session: &Session, inputs: &mut Vec<Input>) {
    let Some(differences) = &session.differences else { return };
    let tokens = theme::tokens(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new(format!("Mine and {}", differences.label.to_lowercase())).size(14.0));
        ui.label(RichText::new(counted(differences.total, "difference")).color(tokens.muted));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if theme::quiet_button(ui, "Close list").clicked() {
                inputs.push(Input::CloseDifferences);
            }
        });
    });
    if (differences.list.len() as u64) < differences.total {
        ui.label(RichText::new(format!("The first {} are listed.", differences.list.len())).color(tokens.muted));
    }
    ui.add_space(4.0);
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, ROW_HEIGHT, differences.list.len(), |ui, rows| {
        for number in rows {
            ui.allocate_ui(egui::vec2(ui.available_width(), ROW_HEIGHT), |ui| row_ui(ui, differences, number, inputs));
        }
    });
}

fn row_ui(ui: &mut Ui, differences: &Differences, number: usize, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let (mine, theirs) = sides(&differences.list[number]);
    let place = match (mine, theirs) {
        (Some(path), _) => pointer::pointer(differences.mine.root(), path),
        (None, Some(path)) => pointer::pointer(differences.theirs.root(), path),
        (None, None) => None,
    };
    let place = place.unwrap_or_default();
    let shown =
        if place.is_empty() { "the whole document".to_owned() } else { visible(clip(&place, PLACE_CHARS).text).into_owned() };
    ui.set_min_height(ROW_HEIGHT);
    let link = line_ui(ui, &shown, &TextStyle::Body.resolve(ui.style()), tokens.accent, Sense::click());
    if let Some(path) = mine
        && link.on_hover_text("Select it in my version").clicked()
    {
        inputs.push(Input::Select(path.clone()));
    }
    let value = |document: &Document, path: Option<&Path>| value_line(path.and_then(|path| document.node(path)).as_ref());
    for (side, value) in
        [("Mine", value(&differences.mine, mine)), (differences.label.as_str(), value(&differences.theirs, theirs))]
    {
        ui.horizontal(|ui| {
            ui.add_sized(egui::vec2(42.0, 16.0), egui::Label::new(RichText::new(side).color(tokens.muted).size(11.0)));
            line_ui(ui, &value, &theme::mono(), tokens.text, Sense::hover());
        });
    }
}

/// The places in mine and in theirs. The comparison goes from mine to theirs.
fn sides(difference: &Difference) -> (Option<&Path>, Option<&Path>) {
    match difference {
        Difference::Added { after } => (None, Some(after)),
        Difference::Removed { before } => (Some(before), None),
        Difference::Changed { before, after } | Difference::Moved { before, after } | Difference::Renamed { before, after } => {
            (Some(before), Some(after))
        }
    }
}
