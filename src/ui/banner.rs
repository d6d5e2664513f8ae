//! The banner: what happened, that nothing is lost, and what can be done. Only where there is something to decide or to know.

use crate::state::command::Command;
use crate::state::format::{byte_size, counted, values_differ};
use crate::state::on_disk::{Differing, Follow, OnDisk, Unread};
use crate::state::session::LARGE;
use crate::state::{Input, Session, State, Status};
use crate::ui::theme;
use egui::text::{LayoutJob, TextWrapping};
use egui::{Align, Color32, Frame, Label, Layout, Margin, Panel, TextFormat, TextStyle, Ui, vec2};

/// Less room than this, in points, a text does not get beside its buttons.
const BESIDE: f32 = 240.0;

/// How much a banner wants to be seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    /// Somebody has to choose.
    Question,
    /// It is good to know.
    Remark,
}

struct Banner {
    /// In bold, first.
    subject: String,
    text: String,
    choices: Vec<Command>,
    tone: Tone,
}

/// Draws the banners that are due, the most urgent one on top.
pub fn banner_ui(ui: &mut Ui, state: &State, now_ms: u64, inputs: &mut Vec<Input>) {
    let Some(session) = state.session() else { return };
    for (number, banner) in banners(session, now_ms).into_iter().enumerate() {
        draw(ui, number, &banner, inputs);
    }
}

/// When a failed save is tried again.
fn again(session: &Session, now_ms: u64) -> String {
    match session.metrics.retry_at_ms {
        Some(at) if at > now_ms => format!(" It is tried again in {}.", counted((at - now_ms).div_ceil(1000), "second")),
        _ => String::new(),
    }
}

fn banners(session: &Session, now_ms: u64) -> Vec<Banner> {
    let mut banners = Vec::new();
    let name = session.name.clone();
    // A save that met the other version is answered, too: the banner is the same otherwise.
    let is_refused = session.unsaved() > 0 && session.failure.as_ref().is_some_and(|failure| !failure.tries_again);
    let subject = if is_refused { format!("Not saved: {name}") } else { name.clone() };
    // While a save runs it is not known yet what is on the disk; what is about to load is not to be decided.
    let disk = match session.status_of_disk() {
        _ if session.saving.is_some() || session.merging.is_some() => Status::Saved,
        Status::ChangedOnDisk if session.following == Some(Follow::Load) => Status::Saved,
        status => status,
    };
    match (disk, &session.on_disk) {
        (Status::Conflict | Status::ChangedOnDisk, _) if session.is_passed_over => banners.push(Banner {
            subject,
            text:
                " was changed on disk by another program, and reading that was stopped. What you see here is the version before, \
                   and is safe."
                    .to_owned(),
            choices: vec![Command::CheckDisk, Command::SaveCopy],
            tone: Tone::Question,
        }),
        (Status::Conflict | Status::ChangedOnDisk, OnDisk::Unread { why, .. }) => banners.push(Banner {
            subject,
            text: match why {
                Unread::NotJson(line, column) => format!(" on disk is not JSON at the moment (line {line}, column {column})."),
                Unread::TooLarge(bytes) => format!(
                    " was changed on disk by another program. Its {} are more than there is memory for beside what is open.",
                    byte_size(*bytes)
                ),
            } + " What you see here is the version before, and is safe.",
            choices: vec![Command::KeepMine, Command::SaveCopy, Command::CheckDisk],
            tone: Tone::Question,
        }),
        (Status::Conflict | Status::ChangedOnDisk, OnDisk::Known(theirs)) => {
            let when = &theirs.when;
            let differ = match theirs.differing {
                Differing::Count(count) => format!("{}; both", values_differ(count)),
                // That waits until no field is open.
                Differing::Counting if session.due == Some(Follow::Load) => "Both".to_owned(),
                Differing::Counting => "The values that differ are being counted; both".to_owned(),
                Differing::Uncounted => "Both".to_owned(),
            };
            let mine = if disk == Status::Conflict { " while you have unsaved edits" } else { "" };
            banners.push(Banner {
                subject,
                text: format!(" was changed on disk by another program at {when}{mine}. {differ} versions are safe."),
                choices: vec![Command::Merge, Command::KeepMine, Command::TakeTheirs, Command::Compare, Command::SaveCopy],
                tone: Tone::Question,
            });
        }
        (Status::DeletedOnDisk, _) => banners.push(Banner {
            subject,
            text: " is not on the disk any more: it was deleted or moved. What you see here is safe.".to_owned(),
            choices: vec![Command::SaveAgain, Command::SaveCopy],
            tone: Tone::Question,
        }),
        _ => {}
    }
    if let Some(failure) = &session.failure
        && (failure.tries_again || banners.is_empty() && session.merging.is_none())
    {
        let report = &failure.report;
        banners.push(Banner {
            subject: format!("{name} was not saved."),
            text: format!(" {} {} {}{}", report.what, report.safe, report.todo, again(session, now_ms)),
            choices: if failure.needs_backup {
                vec![Command::Retry, Command::SaveWithoutBackup, Command::SaveCopy, Command::Dismiss]
            } else {
                vec![Command::Retry, Command::SaveCopy, Command::Dismiss]
            },
            tone: Tone::Question,
        });
    }
    if let Some(alert) = session.metrics.alert {
        banners.push(Banner {
            subject: String::new(),
            text: alert.text(session.journal.trouble.is_none()),
            choices: vec![Command::Save, Command::SaveCopy, Command::Dismiss],
            tone: Tone::Question,
        });
    }
    if let Some(found) = session.recoverable.first() {
        let edits = counted(found.edits, "unsaved edit");
        banners.push(Banner {
            subject: edits,
            text: match session.recoverable.len() - 1 {
                0 => " from before can be recovered.".to_owned(),
                more => format!(" from before can be recovered, and {} of edits.", counted(more as u64, "other set")),
            },
            choices: vec![Command::Recover],
            tone: Tone::Question,
        });
    }
    if let Some(loaded) = &session.loaded {
        banners.push(Banner {
            subject: format!("{name}:"),
            text: format!(" {}", loaded.text),
            choices: [
                loaded.first.is_some().then_some(Command::ShowChange),
                Some(Command::UndoLoad),
                (session.earlier_bytes() >= LARGE).then_some(Command::ForgetEarlier),
                Some(Command::Dismiss),
            ]
            .into_iter()
            .flatten()
            .collect(),
            tone: Tone::Remark,
        });
    }
    if let Some(notice) = &session.notice {
        banners.push(Banner {
            subject: String::new(),
            text: notice.clone(),
            choices: vec![Command::Dismiss],
            tone: Tone::Remark,
        });
    }
    banners
}

fn draw(ui: &mut Ui, number: usize, banner: &Banner, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let (fill, ink) = match banner.tone {
        Tone::Question => (tokens.banner, tokens.on_banner),
        Tone::Remark => (tokens.window, tokens.text),
    };
    let frame = Frame::new().fill(fill).inner_margin(Margin::symmetric(14, 9));
    Panel::top(egui::IdSalt::new(("banner", number))).frame(frame).show(ui, |ui| {
        // Beside each other where the text has room for a few words, or else one below the other.
        let spacing = ui.spacing().item_spacing.x;
        let font = TextStyle::Button.resolve(ui.style());
        let text_width = |label: &str| ui.painter().layout_no_wrap(label.to_owned(), font.clone(), ink).size().x;
        let button_width = |label: &str| text_width(label) + 2.0 * ui.spacing().button_padding.x + spacing;
        let widths: Vec<f32> = banner.choices.iter().map(|command| button_width(command.entry().label)).collect();
        let text = text_of(ui, banner, ink);
        let room = ui.available_width() - widths.iter().sum::<f32>();
        if room < BESIDE {
            text_ui(ui, text);
            ui.add_space(4.0);
            choices_ui(ui, banner, &widths, inputs);
            return;
        }
        // As high as it needs to be, whatever the window was before.
        let wrapped = LayoutJob { wrap: TextWrapping::wrap_at_width(room), ..text.clone() };
        let height = ui.painter().layout_job(wrapped).size().y.max(theme::BUTTON_HEIGHT);
        let size = vec2(ui.available_width(), height);
        ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
            // From right to left: the last choice first. The best one stands first, beside the text.
            for (place, &command) in banner.choices.iter().enumerate().rev() {
                choice_ui(ui, banner, place, command, inputs);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| text_ui(ui, text));
        });
    });
}

/// The choices from left to right, in as many lines as they need; a button goes to the next line as a whole.
fn choices_ui(ui: &mut Ui, banner: &Banner, widths: &[f32], inputs: &mut Vec<Input>) {
    let room = ui.available_width() + ui.spacing().item_spacing.x;
    let mut first = 0;
    while first < widths.len() {
        let mut end = 0.0;
        let fitting = widths[first..].iter().take_while(|width| {
            end += **width;
            end <= room
        });
        let next = first + fitting.count().max(1);
        ui.horizontal(|ui| {
            (first..next).for_each(|place| choice_ui(ui, banner, place, banner.choices[place], inputs));
        });
        first = next;
    }
}

fn choice_ui(ui: &mut Ui, banner: &Banner, place: usize, command: Command, inputs: &mut Vec<Input>) {
    let entry = command.entry();
    let response = match banner.tone {
        Tone::Question if place == 0 => theme::primary_button(ui, entry.label),
        Tone::Question => theme::banner_button(ui, entry.label),
        Tone::Remark => theme::quiet_button(ui, entry.label),
    };
    if response.on_hover_text(entry.tooltip).clicked() {
        inputs.push(Input::Command(command));
    }
}

fn text_of(ui: &Ui, banner: &Banner, ink: Color32) -> LayoutJob {
    let font = TextStyle::Body.resolve(ui.style());
    let mut job = LayoutJob::default();
    let strong = egui::FontId::new(font.size + 0.5, font.family.clone());
    job.append(&banner.subject, 0.0, TextFormat { font_id: strong, color: ink, ..TextFormat::default() });
    job.append(&banner.text, 0.0, TextFormat { font_id: font, color: ink, ..TextFormat::default() });
    job
}

fn text_ui(ui: &mut Ui, text: LayoutJob) {
    let response = ui.add(Label::new(text).wrap());
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(egui::accesskit::Live::Polite));
}
