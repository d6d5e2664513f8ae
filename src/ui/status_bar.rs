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
        job_ui(ui, "", loading.progress, now_ms, Input::Command(Command::Cancel), inputs);
    });
}

/// The words for how far a job is have this width at least, so that what stands beside them stays in its place.
const WORDS: f32 = 240.0;

/// A bar, a way to stop, and the words for how far the job is: what it is doing now, then how much of it is done. The words come
/// last: they grow and shrink while somebody is about to press the button.
pub fn job_ui(ui: &mut Ui, step: &str, progress: Option<Progress>, now_ms: u64, stop: Input, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    ui.spacing_mut().item_spacing.x = 10.0;
    ui.spacing_mut().interact_size.y = 20.0;
    let part = progress.map_or(0.0, |progress| progress.part());
    ui.add(ProgressBar::new(part).desired_width(140.0).desired_height(6.0).fill(tokens.accent).corner_radius(3.0));
    if theme::small_button(ui, Command::Cancel.entry().label).clicked() {
        inputs.push(stop);
    }
    let far = progress.map(|progress| format::progress(&progress, now_ms)).unwrap_or_default();
    let words = [step, &far].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(": ");
    let begin = ui.cursor().min.x;
    ui.label(RichText::new(words).color(tokens.muted).size(12.0));
    ui.add_space((begin + WORDS - ui.min_rect().max.x).max(0.0));
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
        let response = ui.label(RichText::new(text).color(color).strong());
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(egui::accesskit::Live::Polite));
        ui.spacing_mut().item_spacing.x = 18.0;
        ui.add_space(2.0);
        if let Some(saving) = saving {
            ui.scope(|ui| job_ui(ui, &saving.step, saving.progress, now_ms, Input::StopSave, inputs));
        }
        let search = session.find.search.as_ref().filter(|search| search.is_running).and_then(|search| search.progress);
        let search = search.filter(|progress| progress.left_ms(now_ms).is_some());
        let search = search.map(|progress| ("Searching", progress, Input::Find(FindInput::Close)));
        let tasks = session.tasks.iter().map(|&(task, progress)| (task.name(), progress, Input::StopTask(task)));
        if let Some((name, progress, stop)) = search.into_iter().chain(tasks).next() {
            ui.label(RichText::new(format!("{name}…")).color(tokens.accent).size(12.0));
            ui.scope(|ui| job_ui(ui, "", Some(progress), now_ms, stop, inputs));
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
