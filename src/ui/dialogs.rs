//! Questions over the window. Escape is always the choice that changes nothing.

use crate::state::command::{Command, TABLE};
use crate::state::format::{byte_size, counted};
use crate::state::on_disk::Loss;
use crate::state::saving::Options;
use crate::state::{Answer, Content, Dialog, FileKind, Input, Progress, Report, Session, State, Task};
use crate::ui::status_bar::job_ui;
use crate::ui::text::{clip, line_ui, visible};
use crate::ui::{Memory, theme};
use egui::{Grid, Id, Key, Modal, RichText, ScrollArea, TextEdit, Ui, vec2};

/// Draws the dialog that is due.
pub fn dialog_ui(ui: &mut Ui, state: &State, memory: &Memory, inputs: &mut Vec<Input>) {
    let Some(dialog) = &state.dialog else { return };
    let frame = egui::Frame::popup(ui.style()).inner_margin(18.0).fill(theme::tokens(ui).window);
    let response = Modal::new(Id::unique("dialog")).frame(frame).show(ui.ctx(), |ui| {
        ui.set_max_width(560.0_f32.min(ui.ctx().content_rect().width() - 56.0));
        match dialog {
            Dialog::Close => close_ui(ui, state, inputs),
            Dialog::ClosingAfterSave => closing_ui(ui, state, inputs),
            Dialog::Path { purpose, text, why } => path_ui(ui, purpose.kind(), text, why, inputs),
            Dialog::GoTo { text, problem } => {
                let tasks = state.session().map_or(&[][..], |session| &session.tasks);
                let progress = tasks.iter().find(|(task, _)| *task == Task::Resolve).map(|(_, progress)| *progress);
                go_to_ui(ui, text, problem.as_deref(), progress, memory.now_ms, inputs);
            }
            Dialog::Recover => recover_ui(ui, state, memory, inputs),
            Dialog::Left(left) => left_ui(ui, left, inputs),
            Dialog::Memory { path, needed, free } => memory_ui(ui, &crate::state::file_name(path), *needed, *free, inputs),
            Dialog::Settings => settings_ui(ui, state, inputs),
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
    let name = match state.tab().map(|tab| &tab.content) {
        Some(Content::Broken { path, .. }) => crate::state::file_name(path),
        _ => state.session().map_or_else(String::new, |session| session.name.clone()),
    };
    let loss = state.session().and_then(Session::closing_loses);
    title(
        ui,
        &match loss {
            Some(Loss::Edits(_) | Loss::Unconfirmed) | None => format!("Save the changes to {name}?"),
            Some(Loss::Deleted | Loss::Replaced) => format!("Close {name}?"),
        },
    );
    ui.label(match loss {
        Some(Loss::Edits(1)) => "One change is not saved. Without saving it is lost.".to_owned(),
        Some(Loss::Edits(more)) => format!("{more} changes are not saved. Without saving they are lost."),
        Some(Loss::Deleted) => "Its file was deleted or moved. What you see here may be all that is left of it.".to_owned(),
        Some(Loss::Replaced) => "Another program changed its file. What you see here is not in it any more.".to_owned(),
        Some(Loss::Unconfirmed) => "The disk did not confirm the last save. It may be lost if the power fails.".to_owned(),
        None if state.session().is_none() => {
            "What you mended is not saved yet; without saving it is lost. It is read first: where it is still not JSON, the window \
             stays, and nothing is written."
                .to_owned()
        }
        None => "All is saved by now.".to_owned(),
    });
    let save = match state.session() {
        Some(session) if session.is_version || loss == Some(Loss::Replaced) => "Save a copy",
        Some(session) if session.is_deleted() => "Save again",
        _ => "Save",
    };
    let close = if matches!(loss, Some(Loss::Edits(_)) | None) { "Don't save" } else { "Close" };
    // What was mended in a kept version becomes a document first, of which a copy can be saved.
    let can_save = state.session().is_some() || !state.opens_versions;
    let choices = can_save.then_some((save, Answer::Save)).into_iter();
    buttons(ui, &choices.chain([(close, Answer::DoNotSave), ("Cancel", Answer::Cancel)]).collect::<Vec<_>>(), inputs);
}

fn closing_ui(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    title(ui, "Still saving…");
    let step = state.session().and_then(|session| session.saving.as_ref()).map_or("", |saving| saving.step.as_str());
    ui.label(format!("The window closes as soon as the file is safe on the disk. At the moment: {step}."));
    let mut choices = vec![("Keep the window open", Answer::Cancel)];
    // What is not in the journal could not be recovered.
    let is_kept = state.session().is_some_and(|session| session.journal.trouble.is_none());
    choices.extend(is_kept.then_some(("Close, recover later", Answer::CloseNow)));
    buttons(ui, &choices, inputs);
}

fn path_ui(ui: &mut Ui, kind: FileKind, text: &str, why: &str, inputs: &mut Vec<Input>) {
    title(ui, if kind == FileKind::Open { "Which file?" } else { "Save a copy where?" });
    ui.label(why);
    let typed = typed_ui(ui, text, "Path of the file", "/home/me/file.json", inputs);
    let label = if kind == FileKind::Open { "Open file" } else { "Write file" };
    buttons(ui, &[(label, Answer::Path(typed)), ("Cancel", Answer::Cancel)], inputs);
}

fn go_to_ui(ui: &mut Ui, text: &str, problem: Option<&str>, progress: Option<Progress>, now_ms: u64, inputs: &mut Vec<Input>) {
    title(ui, "Go to which value?");
    ui.label("A JSON Pointer, as Copy path gives it: keys and numbers from 0, each behind a slash.");
    let typed = typed_ui(ui, text, "Path of the value", "/events/12/login", inputs);
    if let Some(problem) = problem {
        let label = ui.label(RichText::new(format!("Not found: {problem}.")).color(theme::tokens(ui).edited));
        ui.ctx().accesskit_node_builder(label.id, |node| node.set_live(egui::accesskit::Live::Assertive));
    }
    if progress.is_some() {
        ui.add_space(6.0);
        ui.horizontal(|ui| job_ui(ui, progress, now_ms, Input::StopTask(Task::Resolve), inputs));
    }
    buttons(ui, &[("Go there", Answer::Path(typed)), ("Cancel", Answer::Cancel)], inputs);
}

/// A field in a dialog; Enter gives the answer. Returns what is typed.
fn typed_ui(ui: &mut Ui, text: &str, name: &str, hint: &str, inputs: &mut Vec<Input>) -> String {
    let mut typed = text.to_owned();
    let id = Id::unique("typed path");
    let response = ui.add(TextEdit::singleline(&mut typed).id(id).desired_width(500.0).hint_text(hint));
    ui.ctx().accesskit_node_builder(id, |node| node.set_label(name));
    if typed != text {
        inputs.push(Input::Answer(Answer::TypePath(typed.clone())));
    }
    if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
        inputs.push(Input::Answer(Answer::Path(typed.clone())));
    } else if ui.memory(|memory| memory.focused().is_none()) {
        response.request_focus();
    }
    typed
}

/// Edits in a list: what, where, and the values.
fn edits_ui(ui: &mut Ui, list: &[crate::state::Left]) {
    let tokens = theme::tokens(ui);
    ScrollArea::vertical().max_height(260.0).auto_shrink([false, true]).show_rows(ui, 18.0, list.len(), |ui, rows| {
        for lost in &list[rows] {
            let place = if lost.pointer.is_empty() { "the whole document" } else { &lost.pointer };
            let values = match (&lost.was, &lost.mine) {
                (Some(was), Some(mine)) => format!(": {was} → {mine}"),
                (Some(value), None) | (None, Some(value)) => format!(": {value}"),
                (None, None) => String::new(),
            };
            let now = lost.now.as_ref().map_or_else(String::new, |now| format!(" (on disk: {now})"));
            let text = format!("{} {place}{values}{now}", lost.what);
            line_ui(ui, &visible(clip(&text, 160).text), &theme::mono(), tokens.text, egui::Sense::hover());
        }
    });
}

fn recover_ui(ui: &mut Ui, state: &State, memory: &Memory, inputs: &mut Vec<Input>) {
    let Some(found) = state.recoverable().first() else { return };
    let when = memory.when.as_ref().map_or_else(String::new, |when| when(i128::from(found.at_ms) * 1_000_000));
    let edits = counted(found.edits, "unsaved edit");
    title(ui, &format!("Recover {edits} of {} from {when}?", found.name));
    let what = match found.edits {
        1 => "Treekeep ended before it was saved. It comes back as an unsaved edit",
        _ => "Treekeep ended before they were saved. They come back as unsaved edits",
    };
    ui.label(format!("{what}; the file stays as it is until you save."));
    ui.label(RichText::new("What you discard is kept aside for 30 days.").color(theme::tokens(ui).muted));
    if state.recoverable().len() > 1 {
        ui.label(format!("There are {} such sets of edits; this is the oldest.", state.recoverable().len()));
    }
    ui.add_space(6.0);
    edits_ui(ui, &found.list);
    let mut choices = vec![("Recover", Answer::Recover)];
    // What is not JSON can't be compared with.
    choices.extend(state.session().map(|_| ("Compare…", Answer::CompareRecovered)));
    choices.extend([("Discard", Answer::Discard), ("Later", Answer::Cancel)]);
    buttons(ui, &choices, inputs);
}

fn left_ui(ui: &mut Ui, left: &[crate::state::Left], inputs: &mut Vec<Input>) {
    title(ui, "Some edits could not be made again");
    ui.label("Another program changed these places. What stands there on the disk was kept; the rest of your edits is back.");
    ui.add_space(6.0);
    edits_ui(ui, left);
    buttons(ui, &[("OK", Answer::Cancel)], inputs);
}

fn memory_ui(ui: &mut Ui, name: &str, needed: u64, free: u64, inputs: &mut Vec<Input>) {
    title(ui, &format!("Open {name} all the same?"));
    let (needed, free) = (byte_size(needed), byte_size(free));
    ui.label(format!(
        "It needs about {needed} of memory, and {free} are free. The system may become slow, or end this or other programs."
    ));
    buttons(ui, &[("Don't open", Answer::Cancel), ("Open anyway", Answer::OpenAnyway)], inputs);
}

fn settings_ui(ui: &mut Ui, state: &State, inputs: &mut Vec<Input>) {
    title(ui, "Settings");
    let mut options: Options = state.options.clone();
    let height = height_between(ui, f32::INFINITY);
    ScrollArea::vertical().max_height(height).show(ui, |ui| options_ui(ui, &mut options));
    if options != state.options {
        inputs.push(Input::Options(options));
    }
    buttons(ui, &[("Done", Answer::Cancel)], inputs);
}

/// What there is room for between a dialog's title and its buttons, `most` at most.
fn height_between(ui: &Ui, most: f32) -> f32 {
    (ui.ctx().content_rect().height() - 150.0).clamp(120.0, most)
}

fn options_ui(ui: &mut Ui, options: &mut Options) {
    let tokens = theme::tokens(ui);
    section(ui, "Save by itself");
    let number = |ui: &mut Ui, label: &str, value: &mut u32, range: std::ops::RangeInclusive<u32>| {
        let response = ui.add(egui::DragValue::new(value).range(range));
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(label));
    };
    for (label, unit, value, usual) in [
        ("After so many edits", "edits", &mut options.autosave_edits, 10),
        ("After so long without an edit", "seconds", &mut options.autosave_seconds, 30),
    ] {
        ui.horizontal(|ui| {
            let mut on = *value > 0;
            if theme::checkbox(ui, &mut on, label).changed() {
                *value = if on { usual } else { 0 };
            }
            if on {
                number(ui, unit, value, 1..=100_000);
                ui.label(unit);
            }
        });
    }
    ui.label(RichText::new("Never over a conflict, and never while you are typing in a row.").color(tokens.muted));
    section(ui, "Kept versions");
    Grid::new("retention").num_columns(3).spacing([14.0, 6.0]).show(ui, |ui| {
        for (label, unit, value, usual) in [
            ("The newest of each file", "versions", &mut options.backup_count, 20),
            ("One a day for", "days", &mut options.backup_days, 30),
            ("At most, for each file", "MB", &mut options.backup_file_mb, 256),
            ("At most, in all", "MB", &mut options.backup_total_mb, 2048),
        ] {
            ui.label(label);
            let mut chosen = value.unwrap_or(usual);
            number(ui, label, &mut chosen, 1..=1_000_000);
            if chosen != value.unwrap_or(usual) {
                *value = Some(chosen);
            }
            ui.label(unit);
            ui.end_row();
        }
    });
    let remark = "The newest version of a file stays whatever these say: of a file that is larger it is the only one. What other \
                  programs wrote stays for 30 days.";
    ui.label(RichText::new(remark).color(tokens.muted));
}

fn section(ui: &mut Ui, text: &str) {
    ui.add_space(8.0);
    ui.label(RichText::new(text).strong());
}

fn help_ui(ui: &mut Ui, inputs: &mut Vec<Input>) {
    title(ui, "Keys");
    let tokens = theme::tokens(ui);
    let height = height_between(ui, 480.0);
    ScrollArea::vertical().max_height(height).min_scrolled_height(height).show(ui, |ui| {
        let pressed = |key| ui.input(|input| input.num_presses(key)) as f32;
        let rows = pressed(Key::ArrowUp) - pressed(Key::ArrowDown);
        let pages = pressed(Key::PageUp) - pressed(Key::PageDown);
        let ends = pressed(Key::Home) - pressed(Key::End);
        ui.scroll_with_delta(vec2(0.0, 24.0 * rows + (height - 24.0) * pages + 1e5 * ends));
        // In a narrow window what a command does is told by its name, and on it.
        const WIDE: f32 = 800.0;
        let is_wide = ui.ctx().content_rect().width() >= WIDE;
        Grid::new("keys").num_columns(if is_wide { 3 } else { 2 }).spacing([18.0, 5.0]).show(ui, |ui| {
            const TREE: [(&str, &str); 6] = [
                ("Up, Down", "The row above, the row below"),
                ("Right", "Open, or go to the first value inside"),
                ("Left", "Close, or go to what the value is in"),
                ("Page Up, Page Down", "A page up, a page down"),
                ("Home, End", "The first row, the last row"),
                ("Escape", "Leave a field as it was, or stop a save"),
            ];
            for (keys, does) in TREE {
                ui.label(RichText::new(keys).monospace());
                ui.label(does);
                ui.end_row();
            }
            for entry in TABLE.iter().filter(|entry| !entry.shortcuts.is_empty() && entry.command != Command::Cancel) {
                ui.label(RichText::new(entry.shortcuts.join(", ")).monospace());
                ui.label(entry.label).on_hover_text(entry.tooltip);
                if is_wide {
                    ui.label(RichText::new(entry.tooltip).color(tokens.muted));
                }
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
