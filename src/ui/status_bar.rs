//! The status bar: status first, then what there is to know.

use crate::state::command::Command;
use crate::state::{FindInput, Input, Loading, Progress, Session, Status};
use crate::ui::format::{self, byte_size, counted, grouped};
use crate::ui::theme;
use egui::{Align, Layout, ProgressBar, RichText, Sense, Ui, vec2};

/// Draws how far a file is whose beginning is shown already.
pub fn loading_ui(ui: &mut Ui, loading: &Loading, now_ms: u64, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let (dot, _) = ui.allocate_exact_size(vec2(9.0, 9.0), Sense::hover());
        ui.painter().circle_filled(dot.center(), 4.0, tokens.accent);
        let response = ui.label(RichText::new("Opening…").color(tokens.accent).strong());
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(egui::accesskit::Live::Polite));
        job_ui(ui, loading.progress, now_ms, Input::Command(Command::Cancel), inputs);
    });
}

/// A bar, the words for it, and a way to stop.
pub fn job_ui(ui: &mut Ui, progress: Option<Progress>, now_ms: u64, stop: Input, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    ui.spacing_mut().item_spacing.x = 10.0;
    ui.spacing_mut().interact_size.y = 20.0;
    if let Some(progress) = progress {
        let bar =
            ProgressBar::new(progress.part()).desired_width(140.0).desired_height(6.0).fill(tokens.accent).corner_radius(3.0);
        ui.add(bar);
        ui.label(RichText::new(format::progress(&progress, now_ms)).color(tokens.muted).size(12.0));
    }
    if theme::small_button(ui, Command::Cancel.entry().label).clicked() {
        inputs.push(stop);
    }
}

/// A save that takes longer says what it is doing.
const SLOW_SAVE_MS: u64 = 300;

/// Draws the status bar.
pub fn status_ui(ui: &mut Ui, session: &Session, now_ms: u64, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let status = session.status();
    let color = match status {
        Status::Saved | Status::ReadOnly => tokens.muted,
        Status::Saving => tokens.accent,
        _ => tokens.edited,
    };
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let (dot, _) = ui.allocate_exact_size(vec2(9.0, 9.0), Sense::hover());
        ui.painter().circle_filled(dot.center(), 4.0, color);
        let mut text = status.text();
        if session.path.is_none() && session.saving.is_none() {
            text.push_str(", no file yet");
        }
        let saving = session.saving.as_ref().filter(|saving| now_ms.saturating_sub(saving.since_ms) > SLOW_SAVE_MS);
        if let Some(saving) = saving.filter(|saving| !saving.step.is_empty()) {
            text.push_str(&format!(" {}", saving.step));
        }
        let response = ui.label(RichText::new(text).color(color).strong());
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(egui::accesskit::Live::Polite));
        ui.spacing_mut().item_spacing.x = 18.0;
        ui.add_space(2.0);
        if let Some(saving) = saving {
            ui.scope(|ui| job_ui(ui, saving.progress, now_ms, Input::StopSave, inputs));
        }
        let search = session.find.search.as_ref().filter(|search| search.is_running).and_then(|search| search.progress);
        let search = search.filter(|progress| progress.left_ms(now_ms).is_some());
        let search = search.map(|progress| ("Searching", progress, Input::Find(FindInput::Close)));
        let tasks = session.tasks.iter().map(|&(task, progress)| (task.name(), progress, Input::StopTask(task)));
        if let Some((name, progress, stop)) = search.into_iter().chain(tasks).next() {
            ui.label(RichText::new(format!("{name}…")).color(tokens.accent).size(12.0));
            ui.scope(|ui| job_ui(ui, Some(progress), now_ms, stop, inputs));
        }
        let muted = |ui: &mut Ui, text: String| ui.label(RichText::new(text).color(tokens.muted).size(12.0));
        let unsaved = session.unsaved();
        if unsaved > 0 {
            muted(ui, counted(unsaved, "unsaved change"));
        }
        muted(ui, byte_size(session.document().byte_len()));
        muted(
            ui,
            format!(
                "{} {}",
                grouped(session.document().values()),
                if session.document().values() == 1 { "value" } else { "values" }
            ),
        );
        if let Some(why) = &session.journal.trouble {
            let text = RichText::new("Crash protection off").color(tokens.edited).size(12.0).strong();
            ui.label(text).on_hover_text(format!("Edits would not survive a crash: {why}. Save now."));
        } else if session.journal.pending() > 0 {
            let hint = "They are being written to the crash journal.";
            muted(ui, format!("{} not safe from a crash yet", counted(session.journal.pending(), "edit"))).on_hover_text(hint);
        }
        if let Some(time) = &session.last_save {
            muted(ui, format!("Last save {time}"));
        }
        if let Some(why) = &session.polling {
            muted(ui, "Watching by looking".to_owned()).on_hover_text(why);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let style = session.document().style();
            let indent = match style.indent.as_deref() {
                None => "one line".to_owned(),
                Some(indent) if indent.contains('\t') => "tabs".to_owned(),
                Some(indent) => counted(indent.len() as u64, "space"),
            };
            muted(ui, indent);
            muted(ui, if style.line_end == "\n" { "LF" } else { "CRLF" }.to_owned());
            muted(ui, "UTF-8".to_owned());
        });
    });
}
