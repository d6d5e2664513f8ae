//! Panels beside the tree: the kept versions of the file, what the document is made of, counts and times of saves.

use crate::document::{Statistics, pointer};
use crate::state::format::{byte_size, counted, grouped};
use crate::state::versions::{Counting, VersionInput, Versions};
use crate::state::{Input, Session, State};
use crate::ui::text::{line_ui, visible};
use crate::ui::theme;
use egui::{Align, Grid, Layout, RichText, ScrollArea, Sense, TextStyle, Ui};

fn head_ui(ui: &mut Ui, title: &str, remark: &str, close: Input, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new(title).size(14.0));
        ui.label(RichText::new(remark).color(tokens.muted));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if theme::quiet_button(ui, "Close panel").clicked() {
                inputs.push(close);
            }
        });
    });
    ui.add_space(6.0);
}

/// Draws the kept versions.
pub fn versions_ui(ui: &mut Ui, versions: &Versions, when: &dyn Fn(i128) -> String, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let count = versions.list.as_ref().map_or(0, Vec::len);
    head_ui(ui, "File history", &counted(count as u64, "kept version"), Input::Version(VersionInput::Close), inputs);
    if let Some(trouble) = &versions.trouble {
        ui.label(trouble);
    }
    let Some(list) = &versions.list else { return };
    if list.is_empty() {
        ui.label(RichText::new("Each save keeps the version that it replaces. There is none yet.").color(tokens.muted));
    }
    const ROW_HEIGHT: f32 = 62.0;
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, ROW_HEIGHT, list.len(), |ui, rows| {
        for number in rows {
            let backup = &list[number];
            ui.allocate_ui(egui::vec2(ui.available_width(), ROW_HEIGHT), |ui| {
                ui.set_min_height(ROW_HEIGHT);
                let time = when(backup.time.as_nanosecond());
                ui.horizontal(|ui| {
                    let text = RichText::new(&time).color(tokens.text);
                    ui.label(if versions.selected == Some(number) { text.strong() } else { text });
                    ui.label(
                        RichText::new(format!("{}, {}", byte_size(backup.size), cause(&backup.cause.to_string())))
                            .color(tokens.muted),
                    );
                });
                ui.horizontal(|ui| {
                    for (label, hint, input) in [
                        ("Compare", "List what differs from the document as it is now.", VersionInput::Compare(number)),
                        ("Open", "Open it in a window of its own, to look at.", VersionInput::Open(number)),
                        ("Restore", "Bring it back and save it. Undo leads to what was there.", VersionInput::Restore(number)),
                    ] {
                        let button = theme::quiet_button(ui, label).on_hover_text(hint);
                        ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(format!("{label} version of {time}")));
                        if button.clicked() {
                            inputs.push(Input::Version(input));
                        }
                    }
                });
            });
        }
    });
}

fn cause(word: &str) -> &'static str {
    match word {
        "open" => "as it was opened",
        "save" => "replaced by a save",
        "conflict" => "written by another program during a save",
        _ => "another program's, before yours replaced it",
    }
}

/// Draws what the document is made of.
pub fn statistics_ui(ui: &mut Ui, session: &Session, counting: &Counting, inputs: &mut Vec<Input>) {
    let remark = match &counting.statistics {
        Some(found) => counted(found.total(), "value"),
        None => "counting…".to_owned(),
    };
    head_ui(ui, "Statistics", &remark, Input::ClosePanel, inputs);
    let (Some(found), Some(document)) = (&counting.statistics, &counting.document) else { return };
    let tokens = theme::tokens(ui);
    if !document.root().is_same(session.document().root()) {
        ui.label(RichText::new("Counted before the last edits.").color(tokens.muted));
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        Grid::new("kinds").num_columns(2).spacing([24.0, 4.0]).show(ui, |ui| {
            for (kind, count) in Statistics::KINDS.iter().zip(found.by_kind) {
                ui.label(kind.name());
                ui.label(RichText::new(grouped(count)).monospace());
                ui.end_row();
            }
        });
        section(ui, &format!("Values by depth ({} levels)", found.by_depth.len()));
        Grid::new("depths").num_columns(2).spacing([24.0, 4.0]).show(ui, |ui| {
            const SHOWN: usize = 12;
            for (depth, count) in found.by_depth.iter().enumerate().take(SHOWN) {
                ui.label(if depth == 0 { "the outermost value".to_owned() } else { format!("level {depth}") });
                ui.label(RichText::new(grouped(*count)).monospace());
                ui.end_row();
            }
            if found.by_depth.len() > SHOWN {
                ui.label("deeper");
                ui.label(RichText::new(grouped(found.by_depth[SHOWN..].iter().sum())).monospace());
                ui.end_row();
            }
        });
        for (title, list, unit) in
            [("Largest containers", &found.containers, "child"), ("Longest strings", &found.strings, "byte")]
        {
            section(ui, title);
            for large in list {
                let place = pointer::pointer(document.root(), &large.path).unwrap_or_default();
                let place = if place.is_empty() { "the outermost value".to_owned() } else { place };
                let size = match (unit, large.size) {
                    ("child", 1) => "1 child".to_owned(),
                    ("child", size) => format!("{} children", grouped(size)),
                    (_, size) => byte_size(size),
                };
                let text = format!("{size}  {}", visible(&place));
                if line_ui(ui, &text, &TextStyle::Body.resolve(ui.style()), tokens.accent, Sense::click()).clicked() {
                    inputs.push(Input::ShowPlace(large.path.clone()));
                }
            }
        }
    });
}

fn section(ui: &mut Ui, title: &str) {
    ui.add_space(10.0);
    ui.label(RichText::new(title).color(theme::tokens(ui).muted).size(12.0));
}

/// Draws counts and times of saves.
pub fn saving_ui(ui: &mut Ui, state: &State, session: &Session, now_ms: u64, inputs: &mut Vec<Input>) {
    head_ui(ui, "Saving", "", Input::ClosePanel, inputs);
    let metrics = &session.metrics;
    let ago = |ms: u64| match now_ms.saturating_sub(ms) / 1000 {
        seconds @ 0..120 => counted(seconds, "second"),
        seconds => counted(seconds / 60, "minute"),
    };
    let journal = match &session.journal.trouble {
        Some(why) => format!("off: {why}"),
        None if session.journal.begun => {
            let pending = session.journal.pending();
            let waiting = if pending > 0 { format!(", {} on their way", counted(pending, "edit")) } else { String::new() };
            format!("{}{waiting}", byte_size(session.journal.length))
        }
        None => "nothing to keep yet".to_owned(),
    };
    let unsaved = match (session.unsaved(), metrics.unsaved_since_ms) {
        (0, _) => "none".to_owned(),
        (count, Some(since)) => format!("{}, for {}", grouped(count), ago(since)),
        (count, None) => grouped(count),
    };
    let locks = match (metrics.lock_waits, &metrics.lock_holder) {
        (0, _) => "none".to_owned(),
        (count, None) => format!("{}, {} ms in all", grouped(count), grouped(metrics.lock_wait_ms)),
        (count, Some(holder)) => format!("{}, {} ms in all; last for {holder}", grouped(count), grouped(metrics.lock_wait_ms)),
    };
    let rows = [
        ("Saves made", grouped(metrics.saves)),
        ("Failures", grouped(metrics.failures)),
        ("Tried again", grouped(metrics.retries)),
        ("Conflicts met", grouped(metrics.conflicts)),
        ("Waits for a lock", locks),
        ("Unsaved changes", unsaved),
        ("Crash journal", journal),
        ("Backups of all files", state.backups_bytes.map_or_else(|| "being measured".to_owned(), byte_size)),
    ];
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        Grid::new("saving").num_columns(2).spacing([24.0, 6.0]).show(ui, |ui| {
            for (name, value) in rows {
                ui.label(RichText::new(name).color(theme::tokens(ui).muted));
                ui.label(value);
                ui.end_row();
            }
        });
        if metrics.last_ms.is_empty() {
            return;
        }
        section(ui, "Time of the last save, by step");
        Grid::new("steps").num_columns(2).spacing([24.0, 4.0]).show(ui, |ui| {
            for (step, ms) in &metrics.last_ms {
                ui.label(*step);
                ui.label(RichText::new(format!("{} ms", grouped(*ms))).monospace());
                ui.end_row();
            }
        });
    });
}
