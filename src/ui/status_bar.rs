//! The status bar: status first, then what there is to know.

use crate::state::command::Command;
use crate::state::format::{self, byte_size, counted, grouped};
use crate::state::{FindInput, Input, Loading, Progress, Session, Status};
use crate::ui::theme;
use egui::{Align, Color32, FontId, Layout, ProgressBar, RichText, Sense, TextStyle, Ui, vec2};

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

/// A bar, a way to stop, and the words for how far a job is.
pub fn job_ui(ui: &mut Ui, progress: Option<Progress>, now_ms: u64, stop: Input, inputs: &mut Vec<Input>) {
    ui.scope(|ui| {
        stop_ui(ui, 0.0, progress, stop, inputs);
        words_ui(ui, "", progress, now_ms);
    });
}

/// A bar, and a way to stop, with so much room left behind them. The words come behind all of it: they grow and shrink while somebody is
/// about to press a button.
fn stop_ui(ui: &mut Ui, left: f32, progress: Option<Progress>, stop: Input, inputs: &mut Vec<Input>) {
    /// In narrow windows the bar gives room to the button.
    const BUTTON: f32 = 80.0;
    let tokens = theme::tokens(ui);
    ui.spacing_mut().item_spacing.x = 10.0;
    ui.spacing_mut().interact_size.y = 20.0;
    let width = (ui.available_width() - BUTTON - left).clamp(24.0, 140.0);
    let part = progress.map_or(0.0, |progress| progress.part());
    ui.add(ProgressBar::new(part).desired_width(width).desired_height(6.0).fill(tokens.accent).corner_radius(3.0));
    if theme::small_button(ui, Command::Cancel.entry().label).clicked() {
        inputs.push(stop);
    }
}

/// What a job is doing now, and how much of it is done.
fn words_ui(ui: &mut Ui, step: &str, progress: Option<Progress>, now_ms: u64) {
    /// As wide as most words, so that what stands beside them stays in its place.
    const WIDTH: f32 = 240.0;
    let tokens = theme::tokens(ui);
    let begin = ui.cursor().min.x;
    let words = |ui: &mut Ui, text: String| ui.label(RichText::new(text).color(tokens.muted).size(12.0));
    if !step.is_empty() {
        let response = words(ui, step.to_owned());
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(egui::accesskit::Live::Polite));
    }
    if let Some(progress) = progress {
        words(ui, format::progress(&progress, now_ms));
    }
    ui.add_space((begin + WIDTH - ui.min_rect().max.x).min(ui.available_width()).max(0.0));
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
        let search = session.find.search.as_ref().filter(|search| search.is_running).and_then(|search| search.progress);
        let search = search.filter(|progress| progress.left_ms(now_ms).is_some());
        let search = search.map(|progress| ("Searching", progress, Input::Find(FindInput::Stop)));
        let tasks = session.tasks.iter().map(|&(task, progress)| (task.name(), progress, Input::StopTask(task)));
        let job = search.into_iter().chain(tasks).next();
        if let Some(saving) = saving {
            /// A job's name, the least bar, and its button.
            const JOB: f32 = 270.0;
            let left = if job.is_some() { JOB } else { 0.0 };
            ui.scope(|ui| stop_ui(ui, left, saving.progress, Input::StopSave, inputs));
        }
        let job = job.map(|(name, progress, stop)| {
            ui.label(RichText::new(format!("{name}…")).color(tokens.accent).size(12.0));
            ui.scope(|ui| stop_ui(ui, 0.0, Some(progress), stop, inputs));
            progress
        });
        if let Some(why) = &session.journal.trouble {
            let text = RichText::new("Crash protection off").color(tokens.edited).size(12.0).strong();
            ui.label(text).on_hover_text(format!("Edits would not survive a crash: {why}. Save now."));
        }
        if let Some(saving) = saving {
            words_ui(ui, &saving.step, saving.progress, now_ms);
        }
        if let Some(progress) = job {
            words_ui(ui, "", Some(progress), now_ms);
        }
        let unsaved = session.unsaved();
        if unsaved > 0 {
            remark_ui(ui, counted(unsaved, "unsaved change"), None);
        }
        if session.journal.trouble.is_none() && session.journal.pending() > 0 {
            let hint = "They are being written to the crash journal.";
            remark_ui(ui, format!("{} not safe from a crash yet", counted(session.journal.pending(), "edit")), Some(hint));
        }
        remark_ui(ui, byte_size(session.document().byte_len()), None);
        let values = session.document().values();
        remark_ui(ui, format!("{} {}", grouped(values), if values == 1 { "value" } else { "values" }), None);
        if let Some(time) = &session.last_save {
            remark_ui(ui, format!("Last save {time}"), None);
        }
        if let Some(why) = &session.polling {
            remark_ui(ui, "Watching by looking".to_owned(), Some(why));
        }
        let style = format::written_as(session.document().style());
        if fits(ui, &style.join("   ")) {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                style.into_iter().rev().for_each(|text| remark_ui(ui, text, None));
            });
        }
    });
}

/// The size of what there is to know beside the status.
const SMALL: f32 = 12.0;

/// Something to know, in muted letters, where there is room for it: so what matters least comes last.
fn remark_ui(ui: &mut Ui, text: String, hint: Option<&str>) {
    if fits(ui, &text) {
        let response = ui.label(RichText::new(text).color(theme::tokens(ui).muted).size(SMALL));
        if let Some(hint) = hint {
            response.on_hover_text(hint);
        }
    }
}

fn fits(ui: &Ui, text: &str) -> bool {
    let font = FontId::new(SMALL, TextStyle::Body.resolve(ui.style()).family);
    let needed = ui.painter().layout_no_wrap(text.to_owned(), font, Color32::PLACEHOLDER).size().x;
    needed <= ui.available_width()
}
