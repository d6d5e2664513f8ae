//! The text of the selected value, whole, whatever its size: in rows as wide as the panel, with its line breaks, to read and to copy from.
//!
//! [`rows`] finds the rows in sight. What is scrolled are bytes: how many rows a text has is not known, and need not be.

mod rows;

use super::text::{Base, Line, layout, line_ui, visible};
use super::theme;
use super::tree::marks::{current_in, marks_in};
use super::tree::row::{RowMark, paint_marks};
use super::tree::scroll_bar::{scroll_bar_ui, track_in};
use crate::document::{Path, RevisionId, Side, pointer};
use crate::state::command::Command;
use crate::state::format::byte_size;
use crate::state::scroll::{ScrollPosition, Viewport};
use crate::state::{DocumentId, Input, Session};
use egui::accesskit::Role;
use egui::{
    Align, Event, EventFilter, Id, Key, Layout, Modifiers, Rect, Response, RichText, Sense, TextStyle, Ui, WidgetInfo, pos2, vec2,
};
use rows::{Row, Rows};

const ROW_HEIGHT: f32 = 20.0;
/// Rows that a drag beyond the edge scrolls in a frame.
const DRAGGED: i64 = 1;

/// The panel as it was drawn last.
#[derive(Default)]
pub struct Memory {
    shown: Option<(DocumentId, Path)>,
    /// What the rows were made from.
    laid_out: Option<(RevisionId, f32)>,
    /// Where the first row starts in the literal, and how much of it is above the edge, from 0 to 1.
    top: usize,
    part: f32,
    /// The hit that was last brought into sight.
    followed: Option<u64>,
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
            ui.scope_builder(egui::UiBuilder::new().max_rect(rect), |ui| {
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
    let response = ui.interact(around, focus_id(), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Document, ui.is_enabled(), "Text of the value"));
    theme::focus_ring(ui, &response, theme::BUTTON_RADIUS);
    let painter = ui.painter().clone();
    let measure = |character| painter.fonts_mut(|fonts| fonts.glyph_width(&theme::mono(), character));
    let mut rows = Rows::new(literal, place.width(), measure);
    let page = f64::from(place.height() / ROW_HEIGHT);
    settle(session, id, &mut rows, place.width(), page, memory);
    follow_hit(session, &mut rows, page, memory);
    let moved =
        by_wheel(ui, rect) + by_keys(ui, &response, page, session, &mut rows, memory, inputs) + by_drag(ui, &response, place);
    if moved != 0.0 {
        scroll(&mut rows, moved, page, memory);
    }
    let mut shown = in_sight(&mut rows, page, memory);
    if let Some(top) = scroll_bar(ui, track, &rows, &shown, memory) {
        (memory.top, memory.part) = (rows.start_of(top), 0.0);
        scroll(&mut rows, 0.0, page, memory);
        shown = in_sight(&mut rows, page, memory);
    }
    choose(ui, &response, place, &rows, &shown, memory);
    paint(ui, session, place, &shown, &mut rows, memory);
}

/// What was remembered fits to what is shown now.
fn settle<W: FnMut(char) -> f32>(
    session: &Session,
    id: DocumentId,
    rows: &mut Rows<'_, W>,
    width: f32,
    page: f64,
    memory: &mut Memory,
) {
    let what = (id, session.view.selection.clone());
    if memory.shown.as_ref() != Some(&what) {
        *memory = Memory { shown: Some(what), top: rows.first(), ..Memory::default() };
    }
    let revision = session.history.current().id;
    let laid_out = Some((revision, width));
    if memory.laid_out != laid_out {
        if memory.laid_out.is_some_and(|(before, _)| before != revision) {
            memory.chosen = None;
        }
        memory.laid_out = laid_out;
        memory.top = rows.start_of(memory.top);
    }
    scroll(rows, 0.0, page, memory);
}

/// A hit in this value comes into sight when it becomes the current one.
fn follow_hit<W: FnMut(char) -> f32>(session: &Session, rows: &mut Rows<'_, W>, page: f64, memory: &mut Memory) {
    let current = current_in(session, &session.view.selection, Side::Value);
    if memory.followed != current {
        memory.followed = current;
        if let Some(inside) = current {
            let start = rows.start_of(inside as usize);
            if !in_sight(rows, page, memory).iter().any(|row| row.start == start) {
                (memory.top, memory.part) = (rows.above(start, page as usize / 3).0, 0.0);
                scroll(rows, 0.0, page, memory);
            }
        }
    }
}

/// Moves by rows, down if positive; not further than to the last page.
fn scroll<W: FnMut(char) -> f32>(rows: &mut Rows<'_, W>, by: f32, page: f64, memory: &mut Memory) {
    let offset = memory.part + by;
    let whole = offset.floor();
    memory.part = offset - whole;
    if whole < 0.0 {
        let wanted = -whole as usize;
        let (top, moved) = rows.above(memory.top, wanted);
        memory.top = top;
        if moved < wanted {
            memory.part = 0.0;
        }
    }
    for _ in 0..whole.max(0.0) as usize {
        let Some(next) = rows.row(memory.top).next else { break };
        memory.top = next;
    }
    // Nothing is left empty below the last row.
    let mut left = 0_usize;
    let mut at = Some(memory.top);
    while let Some(start) = at.filter(|_| left as f64 - f64::from(memory.part) < page) {
        at = rows.row(start).next;
        left += 1;
    }
    if at.is_none() && left as f64 - f64::from(memory.part) < page {
        let last = rows.start_of(rows.end());
        let (top, above) = rows.above(last, page.ceil() as usize - 1);
        (memory.top, memory.part) = (top, if (above as f64) + 1.0 < page { 0.0 } else { (page.ceil() - page) as f32 });
    }
}

/// The rows of which something is in sight.
fn in_sight<W: FnMut(char) -> f32>(rows: &mut Rows<'_, W>, page: f64, memory: &Memory) -> Vec<Row> {
    let count = (page + f64::from(memory.part)).ceil() as usize;
    let mut shown = vec![rows.row(memory.top)];
    while shown.len() < count
        && let Some(next) = shown.last().and_then(|row| row.next)
    {
        shown.push(rows.row(next));
    }
    shown
}

fn by_wheel(ui: &Ui, rect: Rect) -> f32 {
    if ui.rect_contains_pointer(rect) { -ui.input(|input| input.smooth_scroll_delta.y) / ROW_HEIGHT } else { 0.0 }
}

/// What the keys do while the text has the focus: rows to move by.
fn by_keys<W: FnMut(char) -> f32>(
    ui: &Ui,
    response: &Response,
    page: f64,
    session: &Session,
    rows: &mut Rows<'_, W>,
    memory: &mut Memory,
    inputs: &mut Vec<Input>,
) -> f32 {
    if !response.has_focus() {
        return 0.0;
    }
    let filter = EventFilter { vertical_arrows: true, escape: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let pressed = |modifiers: Modifiers, key: Key| ui.input_mut(|input| input.count_and_consume_key(modifiers, key)) as f32;
    let copies = ui.input(|input| input.events.iter().any(|event| matches!(event, Event::Copy)));
    if copies {
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
    if plain(Key::Home) > 0.0 {
        (memory.top, memory.part) = (rows.first(), 0.0);
    }
    if plain(Key::End) > 0.0 {
        memory.top = rows.start_of(rows.end());
        scroll(rows, 0.0, page, memory);
    }
    let page = (page - 1.0).max(1.0).floor() as f32;
    plain(Key::ArrowDown) - plain(Key::ArrowUp) + page * (plain(Key::PageDown) - plain(Key::PageUp))
}

/// Who drags beyond an edge wants to choose what is there, too.
fn by_drag(ui: &Ui, response: &Response, place: Rect) -> f32 {
    let Some(pointer) = response.interact_pointer_pos().filter(|_| response.dragged()) else { return 0.0 };
    let rows = if pointer.y < place.top() {
        -DRAGGED
    } else if pointer.y > place.bottom() {
        DRAGGED
    } else {
        return 0.0;
    };
    ui.ctx().request_repaint();
    rows as f32
}

/// The scroll bar, on which a byte is what a row is elsewhere. Gives the byte that it was moved to.
fn scroll_bar<W: FnMut(char) -> f32>(ui: &Ui, track: Rect, rows: &Rows<'_, W>, shown: &[Row], memory: &Memory) -> Option<usize> {
    let (first, end) = (rows.first(), rows.end());
    let last = shown.last().and_then(|row| row.next).unwrap_or(end);
    if (memory.top, last) == (first, end) && memory.part == 0.0 {
        return None;
    }
    let bytes = (last - memory.top).max(1) as f32;
    let viewport = Viewport { rows: (end - first) as u64, height: track.height(), row_height: track.height() / bytes };
    let position = ScrollPosition::at_row((memory.top - first) as u64);
    let moved = scroll_bar_ui(ui, focus_id().with("scroll"), "Place in the text", track, position, &viewport, &[])?;
    Some(first + moved.top_row as usize)
}

fn row_place(place: Rect, number: usize, memory: &Memory) -> Rect {
    let top = place.top() + (number as f32 - memory.part) * ROW_HEIGHT;
    Rect::from_min_size(pos2(place.left(), top), vec2(place.width(), ROW_HEIGHT))
}

/// A row as it is drawn, and where its left end is.
fn line<W: FnMut(char) -> f32>(ui: &Ui, rows: &Rows<'_, W>, row: &Row, place: Rect) -> (Line, f32) {
    let is_right_to_left = rows.is_right_to_left(row.start);
    let base = if is_right_to_left { Base::RightToLeft } else { Base::LeftToRight };
    let line = layout(ui.painter(), &row.text, &theme::mono(), theme::tokens(ui).text, base);
    let left = if is_right_to_left { place.right() - line.width() } else { place.left() };
    (line, left)
}

/// Chooses text with the mouse: from where it is pressed to where it is let go, a word by a double click.
fn choose<W: FnMut(char) -> f32>(
    ui: &Ui,
    response: &Response,
    place: Rect,
    rows: &Rows<'_, W>,
    shown: &[Row],
    memory: &mut Memory,
) {
    let at = |point: egui::Pos2, memory: &Memory| -> usize {
        let number = ((point.y - place.top()) / ROW_HEIGHT + memory.part).max(0.0) as usize;
        let Some(row) = shown.get(number) else { return shown.last().and_then(|row| row.next).unwrap_or(rows.end()) };
        let (line, left) = line(ui, rows, row, place);
        row.raw_at(line.place_at(point.x - left), rows.end())
    };
    let Some(pointer) = response.interact_pointer_pos() else { return };
    let origin = ui.input(|input| input.pointer.press_origin());
    if response.drag_started() || response.clicked() {
        response.request_focus();
    }
    if response.double_clicked() {
        let here = at(pointer, memory);
        let row = shown.iter().find(|row| row.start <= here && row.next.is_none_or(|next| here < next));
        memory.chosen = row.map(|row| word_at(row, here, rows.end()));
    } else if response.drag_started()
        && let Some(origin) = origin
    {
        memory.chosen = Some((at(origin, memory), at(pointer, memory)));
    } else if response.dragged()
        && let Some((from, _)) = memory.chosen
    {
        memory.chosen = Some((from, at(pointer, memory)));
    } else if response.clicked() {
        let here = at(pointer, memory);
        let extends = ui.input(|input| input.modifiers.shift);
        memory.chosen = Some((memory.chosen.filter(|_| extends).map_or(here, |(from, _)| from), here));
    }
}

/// The word of a row that byte `here` of the literal is in, or the white space.
fn word_at(row: &Row, here: usize, end: usize) -> (usize, usize) {
    let shown = row.shown_at(here);
    let words = unicode_segmentation::UnicodeSegmentation::split_word_bound_indices(row.text.as_str());
    let word = words.take_while(|(start, _)| *start <= shown).last();
    word.map_or((here, here), |(start, word)| (row.raw_at(start, end), row.raw_at(start + word.len(), end)))
}

fn paint<W: FnMut(char) -> f32>(
    ui: &mut Ui,
    session: &Session,
    place: Rect,
    shown: &[Row],
    rows: &mut Rows<'_, W>,
    memory: &Memory,
) {
    let tokens = theme::tokens(ui);
    let marks = marks_in_sight(session, shown, memory.followed);
    let chosen = memory.chosen.map(|(from, to)| from.min(to)..from.max(to)).unwrap_or_default();
    let mut area =
        ui.new_child(egui::UiBuilder::new().scope_id(focus_id().with("rows")).max_rect(place).accessibility_parent(focus_id()));
    area.shrink_clip_rect(place);
    area.ctx().allow_widget_id_changes_in(place);
    for (number, row) in shown.iter().enumerate() {
        let at = row_place(place, number, memory);
        let response = area.interact(at, focus_id().with(row.start), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &row.text));
        let (line, left) = line(&area, rows, row, at);
        let next = row.next.unwrap_or(rows.end());
        let (from, to) = (chosen.start.max(row.start), chosen.end.min(next));
        if from < to {
            let mut spans = line.spans(&(row.shown_at(from)..row.shown_at(to)));
            if row.ends_line() && chosen.end >= next {
                // The line break, as a narrow letter.
                spans.push(if rows.is_right_to_left(row.start) { (-4.0, 0.0) } else { (line.width(), line.width() + 4.0) });
            }
            for (from, to) in spans {
                let rect = Rect::from_x_y_ranges(left + from..=left + to, at.y_range());
                area.painter().rect_filled(rect, 0.0, area.visuals().selection.bg_fill);
            }
        }
        paint_marks(area.painter(), &line, pos2(left, at.center().y), &row.text, 0, &marks[number], tokens);
        line.paint_centred(area.painter(), left, at.center().y);
    }
}

/// The hits in the rows, which may begin in one and end in another.
fn marks_in_sight(session: &Session, shown: &[Row], current: Option<u64>) -> Vec<Vec<RowMark>> {
    let mut text = String::new();
    let mut begins = Vec::new();
    for place in shown.iter().flat_map(|row| &row.places) {
        begins.push((text.len(), place.raw));
        text.push(place.character);
    }
    let raw_of = |decoded: usize| begins.partition_point(|(begin, _)| *begin < decoded);
    let current = current.and_then(|inside| begins.iter().find(|(_, raw)| *raw as u64 == inside).map(|(begin, _)| *begin));
    let hits = marks_in(session, Side::Value, &text, current);
    let in_row = |row: &Row| -> Vec<RowMark> {
        let next = row.next.unwrap_or(usize::MAX);
        let mut marks = Vec::new();
        for hit in &hits {
            let from = begins.get(raw_of(hit.from)).map_or(usize::MAX, |(_, raw)| *raw);
            let to = begins.get(raw_of(hit.to)).map_or(usize::MAX, |(_, raw)| *raw);
            if from < next && to > row.start {
                marks.push(RowMark { from: row.shown_at(from), to: row.shown_at(to), is_current: hit.is_current });
            }
        }
        marks
    };
    shown.iter().map(in_row).collect()
}
