//! The find bar above the tree: what is searched for, how often it was found, the way from hit to hit, and the list of all hits.

use crate::document::search::Scope;
use crate::document::{Kind, Node, Side, pointer, scalar};
use crate::state::command::Command;
use crate::state::find::Find;
use crate::state::format::grouped;
use crate::state::scroll::{ScrollPosition, Viewport};
use crate::state::{FindInput, Input, Session};
use crate::ui::field;
use crate::ui::text::{Base, Excerpt, clip, clip_bytes, line_ui, visible};
use crate::ui::theme;
use crate::ui::tree::marks::marks_in;
use crate::ui::tree::row::{RowMark, paint_marks};
use crate::ui::tree::scroll_bar::{scroll_bar_ui, track_in};
use egui::accesskit::Role;
use egui::text::{CCursor, CCursorRange};
use egui::{
    Align, Button, Event, EventFilter, Id, Key, Layout, Modifiers, Rect, RichText, Sense, TextEdit, TextStyle, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

/// In narrower windows not all of the bar fits into a line.
const NARROW: f32 = 1080.0;
/// In these not even the buttons beside the field.
const TINY: f32 = 680.0;
/// As wide as `123,456 of 1,234,567`.
const COUNT: f32 = 150.0;
/// The height of a row of the list.
const HIT_HEIGHT: f32 = 22.0;
/// Characters of a path and of a value in the list.
const SHOWN: usize = 120;
/// Those in front of a hit.
const BEFORE_HIT: usize = 30;

/// What drawing remembers.
#[derive(Default)]
pub struct Memory {
    asked: u64,
    /// The current hit that was last brought into sight in the list.
    followed: (Option<u64>, u64),
}

fn field_id() -> Id {
    Id::unique("find")
}

/// Draws the bar.
pub fn find_ui(ui: &mut Ui, session: &Session, memory: &mut Memory, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let find = &session.find;
    // In a narrow window the options stand below, in a very narrow one the list and the end, too.
    let is_narrow = ui.available_width() < NARROW;
    let is_tiny = ui.available_width() < TINY;
    ui.horizontal(|ui| {
        ui.set_min_height(38.0);
        ui.spacing_mut().item_spacing.x = 6.0;
        field_ui(ui, find, memory, inputs);
        for (command, text) in [(Command::FindPrevious, "Previous"), (Command::FindNext, "Next")] {
            let entry = command.entry();
            let keys = entry.shortcuts.first().copied().unwrap_or_default();
            if theme::quiet_button(ui, text).on_hover_text(format!("{} ({keys})", entry.tooltip)).clicked() {
                inputs.push(Input::Command(command));
            }
        }
        // Behind the buttons, and with room to grow: nothing moves while it counts.
        let begin = ui.cursor().min.x;
        let found = ui.label(RichText::new(count_text(find)).color(tokens.muted));
        ui.ctx().accesskit_node_builder(found.id, |node| node.set_live(egui::accesskit::Live::Polite));
        if !is_narrow {
            ui.add_space((begin + COUNT - ui.min_rect().max.x).max(0.0));
            ui.separator();
            options_ui(ui, find, inputs);
        }
        if !is_tiny {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| ends_ui(ui, find, inputs));
        }
    });
    if is_narrow {
        ui.horizontal(|ui| {
            ui.set_min_height(30.0);
            ui.spacing_mut().item_spacing.x = 6.0;
            options_ui(ui, find, inputs);
        });
    }
    if is_tiny {
        ui.allocate_ui_with_layout(
            vec2(ui.available_width(), theme::BUTTON_HEIGHT),
            Layout::right_to_left(Align::Center),
            |ui| ends_ui(ui, find, inputs),
        );
    }
    if let Some(invalid) = &find.invalid {
        let label = ui.label(RichText::new(invalid).color(tokens.edited));
        ui.ctx().accesskit_node_builder(label.id, |node| node.set_live(egui::accesskit::Live::Assertive));
    }
}

/// The list, and the end, from right to left.
fn ends_ui(ui: &mut Ui, find: &Find, inputs: &mut Vec<Input>) {
    if theme::quiet_button(ui, "Close find").on_hover_text("Back to the tree (Escape)").clicked() {
        inputs.push(Input::Find(FindInput::Close));
    }
    let list = if find.is_list_open { "Hide list" } else { "List hits" };
    if theme::quiet_button(ui, list).clicked() {
        inputs.push(Input::Find(FindInput::List(!find.is_list_open)));
    }
}

/// What is searched, and how.
fn options_ui(ui: &mut Ui, find: &Find, inputs: &mut Vec<Input>) {
    for (text, name, is_on, input) in [
        ("Aa", "Match case", find.query.is_case_sensitive, FindInput::CaseSensitive(!find.query.is_case_sensitive)),
        ("Word", "Whole words", find.query.is_whole_word, FindInput::WholeWord(!find.query.is_whole_word)),
        (".*", "Regular expression", find.query.is_pattern, FindInput::Pattern(!find.query.is_pattern)),
    ] {
        if toggle_ui(ui, text, name, is_on) {
            inputs.push(Input::Find(input));
        }
    }
    ui.separator();
    for (scope, text) in [(Scope::Both, "Both"), (Scope::Keys, "Keys"), (Scope::Values, "Values")] {
        if theme::radio(ui, find.query.scope == scope, text).clicked() {
            inputs.push(Input::Find(FindInput::Scope(scope)));
        }
    }
}

fn field_ui(ui: &mut Ui, find: &Find, memory: &mut Memory, inputs: &mut Vec<Input>) {
    let id = field_id();
    let has_focus = ui.memory(|memory| memory.has_focus(id));
    // Before the field takes them.
    let pressed = |modifiers: Modifiers, key: Key| has_focus && ui.input_mut(|input| input.consume_key(modifiers, key));
    let (previous, next) = (pressed(Modifiers::SHIFT, Key::Enter), pressed(Modifiers::NONE, Key::Enter));
    let closes = pressed(Modifiers::NONE, Key::Escape);
    if has_focus {
        ui.input_mut(|input| input.events.iter_mut().for_each(show_lines));
    }
    let mut typed = find.query.text.clone();
    // Escape is for the bar: egui would only take the focus away.
    let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, escape: true, ..EventFilter::default() };
    let field = TextEdit::singleline(&mut typed).id(id).desired_width(220.0).align(egui::Align2::LEFT_CENTER).hint_text("Find");
    let mut layouter = field::layouter(TextStyle::Body.resolve(ui.style()), false);
    let mut field = field.layouter(&mut layouter).event_filter(filter).show(ui);
    ui.ctx().accesskit_node_builder(id, |node| node.set_label("Find in the document"));
    if memory.asked != find.asked {
        memory.asked = find.asked;
        field.response.response.request_focus();
        // What was sought before is written over.
        let all = CCursorRange::two(CCursor::new(0), CCursor::new(typed.chars().count()));
        field.state.cursor.set_char_range(Some(all));
        field.state.store(ui.ctx(), id);
    }
    if typed != find.query.text {
        inputs.push(Input::Find(FindInput::Text(typed)));
    }
    for (is_pressed, command) in [(next, Command::FindNext), (previous, Command::FindPrevious)] {
        if is_pressed {
            inputs.push(Input::Command(command));
        }
    }
    if closes {
        inputs.push(Input::Find(FindInput::Close));
        ui.memory_mut(|memory| memory.request_focus(super::tree::focus_id()));
    }
}

/// What is pasted stands in the field as the tree shows it, where a field of one line would make spaces of its line breaks.
fn show_lines(event: &mut Event) {
    if let Event::Paste(text) = event {
        *text = visible(text.trim_end_matches(['\r', '\n'])).into_owned();
    }
}

fn toggle_ui(ui: &mut Ui, text: &str, name: &str, is_on: bool) -> bool {
    let button = ui.add(Button::new(RichText::new(text).monospace()).selected(is_on)).on_hover_text(name);
    ui.ctx().accesskit_node_builder(button.id, |node| {
        node.set_label(name);
        node.set_toggled(if is_on { egui::accesskit::Toggled::True } else { egui::accesskit::Toggled::False });
    });
    button.clicked()
}

/// `12 of 3,456`, while it runs `3,456 hits…`.
fn count_text(find: &Find) -> String {
    if find.query.text.is_empty() || find.invalid.is_some() {
        return String::new();
    }
    let count = grouped(find.count());
    let more = match &find.search {
        Some(search) if search.is_running => "…".to_owned(),
        // There may be more.
        Some(search) if search.is_partial => ", stopped".to_owned(),
        _ => String::new(),
    };
    match find.current.as_ref().and_then(|current| current.number) {
        Some(number) => format!("{} of {count}{more}", grouped(number + 1)),
        None if find.count() == 0 && more.is_empty() => "no hits".to_owned(),
        None => format!("{count} hits{more}"),
    }
}

/// Draws the list of all hits: only the rows in sight are looked up.
pub fn hits_ui(ui: &mut Ui, session: &Session, memory: &mut Memory, inputs: &mut Vec<Input>) {
    let tokens = theme::tokens(ui);
    let find = &session.find;
    let rect = ui.available_rect_before_wrap();
    // The panel is as high as what is in it.
    ui.advance_cursor_after_rect(rect);
    let viewport = Viewport { rows: find.count(), height: rect.height(), row_height: HIT_HEIGHT };
    let mut position = find.list_scroll.clamped(&viewport);
    if ui.rect_contains_pointer(rect) {
        let delta = ui.input(|input| input.smooth_scroll_delta.y);
        if delta != 0.0 {
            position = position.moved_by_points(-delta, &viewport);
        }
    }
    let current = find.current.as_ref().and_then(|current| current.number);
    if memory.followed != (current, find.gone_to) {
        memory.followed = (current, find.gone_to);
        if let Some(number) = current.filter(|number| *number < viewport.rows) {
            position = position.showing(number, &viewport);
        }
    }
    let track = track_in(rect);
    let moved: Option<ScrollPosition> = scroll_bar_ui(ui, Id::unique("hits"), "Hits", track, position, &viewport, &[]);
    let position = moved.unwrap_or(position);
    if position != find.list_scroll {
        inputs.push(Input::Find(FindInput::ScrollList(position)));
    }
    // Rows of which a part is out of sight do not make the panel higher.
    let mut area = ui.new_child(UiBuilder::new().id_salt("rows").max_rect(rect));
    area.shrink_clip_rect(rect);
    for number in position.visible_rows(&viewport) {
        let top = rect.top() + position.row_top(number, &viewport);
        let place = Rect::from_min_size(pos2(rect.left(), top), vec2(track.left() - rect.left() - 6.0, HIT_HEIGHT));
        if current == Some(number) {
            area.painter().rect_filled(place, 3.0, tokens.selected);
        }
        area.scope_builder(UiBuilder::new().max_rect(place.shrink2(vec2(6.0, 2.0))), |ui| {
            if hit_ui(ui, session, number) {
                inputs.push(Input::Find(FindInput::Go(number)));
            }
        });
    }
}

/// A line of the list: where the hit is, and the text around it. Says whether it was clicked.
fn hit_ui(ui: &mut Ui, session: &Session, number: u64) -> bool {
    let tokens = theme::tokens(ui);
    let font = TextStyle::Body.resolve(ui.style());
    let Some((path, side, inside)) = session.find.path(number) else {
        return line_ui(ui, "removed since", &font, tokens.muted, Sense::click()).clicked();
    };
    let place = pointer::pointer(session.document().root(), &path).unwrap_or_default();
    let place = if place.is_empty() { "the whole document" } else { &place };
    let place = format!("{}   ", visible(clip(place, SHOWN).text));
    let hit = Some(inside).filter(|_| side == Side::Value);
    let value = session.document().node(&path).map(|node| Snippet::of(&node, hit)).unwrap_or_default();
    let excerpt =
        Excerpt { is_start: value.is_start, goes_on: value.goes_on, quoted: value.is_string, text: &visible(&value.text) };
    let width = ui.available_width();
    let painter = ui.painter();
    let place_line = Excerpt::plain(&place).layout(painter, &font, tokens.muted, Base::LeftToRight, width);
    let room = width - place_line.width();
    let line = excerpt.layout(painter, &font, tokens.text, Base::LeftToRight, room.max(0.0));
    let marks = value.hit.map(|hit| marks_in(session, Side::Value, &value.text, Some(hit))).unwrap_or_default();
    let marks: Vec<RowMark> =
        marks.into_iter().filter(|mark| mark.is_current).map(|mark| RowMark { is_current: false, ..mark }).collect();
    let size = vec2(place_line.width() + line.width(), HIT_HEIGHT - 4.0);
    let (rect, row) = ui.allocate_exact_size(size, Sense::click());
    row.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{place}{}", excerpt.written(SHOWN))));
    let start = place_line.paint_centred(ui.painter(), rect.left(), rect.center().y);
    paint_marks(ui.painter(), &line, pos2(start, rect.center().y), &value.text, excerpt.opening().len(), &marks, tokens);
    line.paint_centred(ui.painter(), start, rect.center().y);
    row.clicked()
}

/// The part of a value that a line of the list shows.
#[derive(Default)]
struct Snippet {
    text: String,
    is_string: bool,
    is_start: bool,
    goes_on: bool,
    /// Where in it the hit begins.
    hit: Option<usize>,
}

impl Snippet {
    /// Around the hit at byte `hit` of what is written, or the start.
    fn of(node: &Node, hit: Option<u64>) -> Self {
        let start = node.raw_start().unwrap_or_default();
        match node.kind() {
            Kind::String => {
                let around = hit.and_then(|hit| scalar::decode_around(start, hit as usize, BEFORE_HIT, SHOWN));
                let (text, is_start, goes_on, hit) = match around {
                    Some(around) => (around.text, around.is_start, !around.is_end, Some(around.place)),
                    None => {
                        let (text, is_whole) = scalar::decode_start(start, SHOWN);
                        (text, true, !is_whole, None)
                    }
                };
                Self { text, is_string: true, is_start, goes_on, hit }
            }
            _ => {
                let clipped = clip_bytes(node.raw_text().unwrap_or_default(), SHOWN);
                let hit = hit.map(|hit| hit as usize);
                Self { text: clipped.text.to_owned(), is_string: false, is_start: true, goes_on: clipped.cut, hit }
            }
        }
    }
}
