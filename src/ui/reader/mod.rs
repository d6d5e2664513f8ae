//! The text of the selected value, whole, whatever its size: in rows as wide as the panel, with its line breaks, to read and to copy from.
//!
//! [`rows`] finds rows, [`scroll`] which of them are in sight, [`hits`] what in these was searched for. A place in the text is a byte:
//! how many rows it has is not known.

mod hits;
mod rows;
mod scroll;

use super::text::{Base, Line, layout, line_ui, visible};
use super::theme;
use super::tree::marks::{current_in, searcher_of};
use super::tree::row::{RowMark, paint_marks};
use super::tree::scroll_bar::{scroll_bar_ui, track_in};
use crate::document::{Path, RevisionId, Side, pointer};
use crate::state::command::Command;
use crate::state::format::byte_size;
use crate::state::scroll::{ScrollPosition, Viewport};
use crate::state::{DocumentId, Input, Session};
use egui::accesskit::Role;
use egui::{
    Align, Event, EventFilter, Id, Key, Layout, Modifiers, Pos2, Rect, Response, RichText, Sense, TextStyle, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};
use hits::hits_in;
use rows::{Known, Row, Rows};
use scroll::TextScroll;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation as _;

const ROW_HEIGHT: f32 = 20.0;

/// The panel as it was drawn last.
#[derive(Default)]
pub struct Memory {
    shown: Option<(DocumentId, Path)>,
    /// What the rows were made from: the revision, the literal's length, the width.
    laid_out: Option<(RevisionId, usize, f32)>,
    /// As [`Rows::new`] has it.
    known: Known,
    scroll: TextScroll,
    /// The hit that was last brought into sight, and how often one had been gone to.
    followed: (Option<u64>, u64),
    /// The bytes of the literal that are chosen, from where they were pressed to where it was let go.
    chosen: Option<(usize, usize)>,
}

/// What has the focus when the text has it.
pub fn focus_id() -> Id {
    Id::unique("text of the value")
}

/// Draws the panel.
pub fn reader_ui(ui: &mut Ui, session: &Session, id: DocumentId, memory: &mut Memory, inputs: &mut Vec<Input>) {
    let node = session.selected();
    let literal = node.raw_text().filter(|_| !node.kind().is_container());
    head_ui(ui, session, literal, inputs);
    let rect = ui.available_rect_before_wrap();
    // The panel is as high as what is in it.
    ui.advance_cursor_after_rect(rect);
    match literal {
        Some(literal) => text_ui(ui, session, id, literal, rect, memory, inputs),
        None => {
            *memory = Memory::default();
            let text = "This has no text of its own. Select a string, or another single value.";
            let font = TextStyle::Body.resolve(ui.style());
            ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| {
                line_ui(ui, text, &font, theme::tokens(ui).muted, Sense::hover())
            });
        }
    }
}

/// What is shown, and what can be done with it.
fn head_ui(ui: &mut Ui, session: &Session, literal: Option<&[u8]>, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if theme::quiet_button(ui, "Close text").clicked() {
                inputs.push(Input::Command(Command::ShowText));
            }
            let copy = Command::CopyText.entry();
            if literal.is_some() && theme::quiet_button(ui, copy.label).on_hover_text(copy.tooltip).clicked() {
                inputs.push(Input::Command(copy.command));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let remark = match literal {
                    Some(literal) => byte_size(literal.len() as u64),
                    None => session.selected().kind().name().to_owned(),
                };
                ui.label(RichText::new("Text").size(14.0));
                ui.label(RichText::new(remark).color(tokens.muted));
                let place = pointer::pointer(session.document().root(), &session.view.selection).unwrap_or_default();
                line_ui(ui, &visible(&place), &TextStyle::Body.resolve(ui.style()), tokens.muted, Sense::hover());
            });
        });
    });
    ui.add_space(4.0);
}

fn text_ui(
    ui: &mut Ui,
    session: &Session,
    id: DocumentId,
    literal: &[u8],
    rect: Rect,
    memory: &mut Memory,
    inputs: &mut Vec<Input>,
) {
    let track = track_in(rect);
    let around = Rect::from_min_max(rect.min, pos2(track.left() - 4.0, rect.bottom()));
    let place = around.shrink2(vec2(6.0, 3.0));
    let page = place.height() / ROW_HEIGHT;
    let response = ui.interact(around, focus_id(), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Document, ui.is_enabled(), "Text of the value"));
    theme::focus_ring(ui, &response, theme::BUTTON_RADIUS);
    let is_laid_out_anew = settle(session, id, literal.len(), place.width(), memory);
    let mut rows = Rows::new(literal, place.width(), measure(ui), std::mem::take(&mut memory.known));
    if is_laid_out_anew {
        memory.scroll.top = rows.start_of(memory.scroll.top);
    }
    follow_hit(session, &mut rows, page, memory);
    let mut by = by_drag(ui, &response, place);
    if ui.rect_contains_pointer(rect) {
        by -= ui.input(|input| input.smooth_scroll_delta.y) / ROW_HEIGHT;
    }
    if response.has_focus() {
        by += by_keys(ui, &response, page, session, &mut rows, memory, inputs);
    }
    memory.scroll = memory.scroll.moved(by, &mut rows, page);
    let mut shown = memory.scroll.in_sight(&mut rows, page);
    if let Some(at) = scroll_bar(ui, track, &rows, &shown, memory) {
        memory.scroll = TextScroll::at(at, &mut rows, page);
        shown = memory.scroll.in_sight(&mut rows, page);
    }
    choose(ui, &response, place, rows.end(), &shown, memory);
    let marks = marks_in_sight(session, &mut rows, &shown);
    paint(ui, place, rows.end(), &shown, &marks, memory);
    memory.known = rows.into_known();
}

/// How wide a character is. Hundreds of rows are measured where a text is scrolled up: the fonts are asked once for most characters.
fn measure(ui: &Ui) -> impl FnMut(char) -> f32 + use<> {
    let (painter, font) = (ui.painter().clone(), theme::mono());
    let mut widths = [None; 128];
    move |character| {
        let width = || painter.fonts_mut(|fonts| fonts.glyph_width(&font, character));
        match widths.get_mut(character as usize) {
            Some(known) => *known.get_or_insert_with(width),
            None => width(),
        }
    }
}

/// Forgets what was remembered of another value. Says whether rows may start elsewhere than before.
fn settle(session: &Session, id: DocumentId, length: usize, width: f32, memory: &mut Memory) -> bool {
    let what = (id, session.view.selection.clone());
    if memory.shown.as_ref() != Some(&what) {
        *memory = Memory { shown: Some(what), ..Memory::default() };
    }
    let revision = session.history.current().id;
    let before = memory.laid_out.replace((revision, length, width));
    if before == memory.laid_out {
        return false;
    }
    if before.is_some_and(|(before, size, _)| (before, size) != (revision, length)) {
        memory.chosen = None;
    }
    memory.known = Known::default();
    true
}

/// A hit in this value comes into sight when it becomes the current one.
fn follow_hit(session: &Session, rows: &mut Rows<'_>, page: f32, memory: &mut Memory) {
    let current = current_in(session, &session.view.selection, Side::Value);
    let followed = (current, session.find.gone_to);
    if memory.followed == followed {
        return;
    }
    memory.followed = followed;
    let Some(inside) = current else { return };
    let start = rows.start_of(inside as usize);
    if !memory.scroll.in_sight(rows, page).iter().any(|row| row.start == start) {
        let (top, _) = rows.above(start, page as usize / 3);
        memory.scroll = TextScroll::at(top, rows, page);
    }
}

/// What the keys do while the text has the focus: rows to move by.
fn by_keys(
    ui: &Ui,
    response: &Response,
    page: f32,
    session: &Session,
    rows: &mut Rows<'_>,
    memory: &mut Memory,
    inputs: &mut Vec<Input>,
) -> f32 {
    let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, escape: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let pressed = |modifiers: Modifiers, key: Key| ui.input_mut(|input| input.count_and_consume_key(modifiers, key)) as f32;
    if ui.input(|input| input.events.iter().any(|event| matches!(event, Event::Copy))) {
        let chosen = memory.chosen.filter(|(from, to)| from != to).map(|(from, to)| from.min(to)..from.max(to));
        inputs.push(Input::CopyText(session.view.selection.clone(), chosen));
    }
    if pressed(Modifiers::COMMAND, Key::A) > 0.0 {
        memory.chosen = Some((rows.first(), rows.end()));
    }
    if pressed(Modifiers::NONE, Key::Escape) > 0.0 {
        ui.memory_mut(|memory| memory.request_focus(super::tree::focus_id()));
    }
    let plain = |key| pressed(Modifiers::NONE, key);
    let at_end = |key| plain(key) + pressed(Modifiers::COMMAND, key) > 0.0;
    if at_end(Key::Home) {
        memory.scroll = TextScroll::at(rows.first(), rows, page);
    }
    if at_end(Key::End) {
        memory.scroll = TextScroll::at(rows.end(), rows, page);
    }
    let step = (page - 1.0).floor().max(1.0);
    plain(Key::ArrowDown) - plain(Key::ArrowUp) + step * (plain(Key::PageDown) - plain(Key::PageUp))
}

/// Who drags beyond an edge wants to choose what is there, too: rows to move by.
fn by_drag(ui: &Ui, response: &Response, place: Rect) -> f32 {
    let Some(pointer) = response.interact_pointer_pos().filter(|_| response.dragged()) else { return 0.0 };
    let is_beyond = !place.y_range().contains(pointer.y);
    if is_beyond {
        ui.ctx().request_repaint();
    }
    if is_beyond { (pointer.y - place.center().y).signum() } else { 0.0 }
}

/// The scroll bar, on which a byte is what a row is elsewhere. Gives the byte that it was moved to.
fn scroll_bar(ui: &Ui, track: Rect, rows: &Rows<'_>, shown: &[Row], memory: &Memory) -> Option<usize> {
    let (first, end, top) = (rows.first(), rows.end(), memory.scroll.top);
    let last = shown.last().and_then(|row| row.next).unwrap_or(end);
    if (top, last) == (first, end) && memory.scroll.part == 0.0 {
        return None;
    }
    let bytes = (last - top).max(1) as f32;
    let viewport = Viewport { rows: (end - first) as u64, height: track.height(), row_height: track.height() / bytes };
    let position = ScrollPosition::at_row((top - first) as u64);
    let moved = scroll_bar_ui(ui, focus_id().with("scroll"), "Place in the text", track, position, &viewport, &[])?;
    Some(first + moved.top_row as usize)
}

/// A row as it is drawn, and where its left end is.
fn line(ui: &Ui, row: &Row, place: Rect) -> (Line, f32) {
    let base = if row.is_right_to_left { Base::RightToLeft } else { Base::LeftToRight };
    let line = layout(ui.painter(), &row.text, &theme::mono(), theme::tokens(ui).text, base);
    let left = if row.is_right_to_left { place.right() - line.width() } else { place.left() };
    (line, left)
}

/// Chooses text with the mouse: from where it is pressed to where it is let go, a word by a double click. `end` is that of the text.
fn choose(ui: &Ui, response: &Response, place: Rect, end: usize, shown: &[Row], memory: &mut Memory) {
    let Some(pointer) = response.interact_pointer_pos() else { return };
    let part = memory.scroll.part;
    let row_at = |point: Pos2| shown.get(((point.y - place.top()) / ROW_HEIGHT + part).max(0.0) as usize);
    let at = |point: Pos2| -> usize {
        let Some(row) = row_at(point) else { return shown.last().and_then(|row| row.next).unwrap_or(end) };
        let (line, left) = line(ui, row, place);
        row.raw_at(line.place_at(point.x - left), end)
    };
    if response.drag_started() || response.clicked() {
        response.request_focus();
    }
    let here = at(pointer);
    if response.double_clicked() {
        memory.chosen = row_at(pointer).map(|row| {
            let (line, left) = line(ui, row, place);
            word_at(row, &line, pointer.x - left, end)
        });
    } else if response.drag_started() {
        let origin = ui.input(|input| input.pointer.press_origin()).unwrap_or(pointer);
        memory.chosen = Some((at(origin), here));
    } else if response.dragged() {
        memory.chosen = memory.chosen.map(|(from, _)| (from, here));
    } else if response.clicked() {
        let extends = ui.input(|input| input.modifiers.shift);
        memory.chosen = Some((memory.chosen.filter(|_| extends).map_or(here, |(from, _)| from), here));
    }
}

/// The word of a row, or the white space, that is `x` points from the left end.
fn word_at(row: &Row, line: &Line, x: f32, end: usize) -> (usize, usize) {
    let near = line.place_at(x);
    // The one that ends at the nearest border between two letters, or the one that begins there.
    let words = row.text.split_word_bound_indices().map(|(start, word)| start..start + word.len());
    let is_there = |word: &Range<usize>| line.spans(word).iter().any(|(from, to)| (*from..=*to).contains(&x));
    let mut words = words.filter(|word| word.start <= near && near <= word.end);
    let first = words.next().unwrap_or(near..near);
    let word = if is_there(&first) { first } else { words.next().unwrap_or(first) };
    (row.raw_at(word.start, end), row.raw_at(word.end, end))
}

fn paint(ui: &mut Ui, place: Rect, end: usize, shown: &[Row], marks: &[Vec<RowMark>], memory: &Memory) {
    let tokens = theme::tokens(ui);
    let chosen = memory.chosen.map(|(from, to)| from.min(to)..from.max(to)).unwrap_or_default();
    let builder = UiBuilder::new().scope_id(focus_id().with("rows")).max_rect(place).accessibility_parent(focus_id());
    let mut area = ui.new_child(builder);
    area.shrink_clip_rect(place);
    // Rows come and go under the same places while the text is scrolled.
    area.ctx().allow_widget_id_changes_in(place);
    for (number, row) in shown.iter().enumerate() {
        let top = place.top() + (number as f32 - memory.scroll.part) * ROW_HEIGHT;
        let at = Rect::from_min_size(pos2(place.left(), top), vec2(place.width(), ROW_HEIGHT));
        let response = area.interact(at, focus_id().with(row.start), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &row.text));
        let (line, left) = line(&area, row, at);
        for (from, to) in chosen_in(row, &chosen, end, &line) {
            let rect = Rect::from_x_y_ranges(left + from..=left + to, at.y_range());
            area.painter().rect_filled(rect, 0.0, area.visuals().selection.bg_fill);
        }
        paint_marks(area.painter(), &line, pos2(left, at.center().y), &row.text, 0, &marks[number], tokens);
        line.paint_centred(area.painter(), left, at.center().y);
    }
}

/// What of a row is chosen: from and to, in points from the left end of what is drawn.
fn chosen_in(row: &Row, chosen: &Range<usize>, end: usize, line: &Line) -> Vec<(f32, f32)> {
    /// A line break is as wide as a narrow letter.
    const LINE_BREAK: f32 = 4.0;
    let next = row.next.unwrap_or(end);
    let (from, to) = (chosen.start.max(row.start), chosen.end.min(next));
    if from >= to {
        return Vec::new();
    }
    let mut spans = line.spans(&(row.shown_at(from)..row.shown_at(to)));
    if row.ends_line() && chosen.end >= next {
        let width = line.width();
        spans.push(if row.is_right_to_left { (-LINE_BREAK, 0.0) } else { (width, width + LINE_BREAK) });
    }
    spans
}

/// The hits in the rows, which may begin in one and end in another.
fn marks_in_sight(session: &Session, rows: &mut Rows<'_>, shown: &[Row]) -> Vec<Vec<RowMark>> {
    let hits = searcher_of(session, Side::Value).map(|searcher| hits_in(searcher, rows, shown)).unwrap_or_default();
    let current = current_in(session, &session.view.selection, Side::Value);
    let in_row = |row: &Row| -> Vec<RowMark> {
        let next = row.next.unwrap_or(usize::MAX);
        let here = hits.iter().filter(|hit| hit.start < next && hit.end > row.start);
        let marks = here.map(|hit| RowMark {
            from: row.shown_at(hit.start),
            to: row.shown_at(hit.end),
            is_current: current == Some(hit.start as u64),
        });
        marks.collect()
    };
    shown.iter().map(in_row).collect()
}
