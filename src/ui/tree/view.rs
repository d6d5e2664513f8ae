//! The tree: the rows that are in sight, the keys, the wheel.

use super::marks::{ScrollMarks, current_in, decoded_place, marks_in};
use super::row::{self, HiddenParts, ROW_HEIGHT, RowKey, RowValue, RowView, row_group, row_ui};
use super::scroll_bar::{scroll_bar_ui, track_in};
use super::{edit, set_active_row, tree_area};
use crate::document::{Kind, Node, Path, Side, scalar};
use crate::state::rows::Row;
use crate::state::scroll::{ScrollPosition, Viewport};
use crate::state::session::Part;
use crate::state::{DocumentId, Input, Session, State};
use crate::ui::menu;
use crate::ui::text::{MAX_CHARS, visible};
use crate::ui::theme;
use crate::ui::value_line::preview;
use egui::{Id, Rect, Ui, pos2, vec2};

/// Above the first row.
const TOP: f32 = 4.0;
/// Characters in front of a hit that would be out of sight.
const BEFORE_HIT: usize = 20;
/// Bytes of a number that are shown.
const NUMBER_BYTES: usize = 400;

/// The tree as it was drawn last.
#[derive(Default)]
pub struct Memory {
    document: Option<DocumentId>,
    /// The selection that was last brought into sight: how often a hit was gone to, and how many rows there were.
    followed: Option<(Path, u64, u64)>,
    /// As it was then.
    viewport: Option<Viewport>,
    /// Rows of a page.
    pub page: u64,
    marks: ScrollMarks,
}

/// What has the focus when the tree has it.
pub fn focus_id() -> Id {
    Id::unique("tree")
}

/// Draws the tree.
pub fn tree_ui(ui: &mut Ui, state: &State, id: DocumentId, session: &Session, memory: &mut Memory, inputs: &mut Vec<Input>) {
    let rect = ui.available_rect_before_wrap();
    let root = session.document().root().clone();
    let viewport = Viewport { rows: session.rows(), height: rect.height() - TOP, row_height: ROW_HEIGHT };
    let (mut area, tree) = tree_area(ui, focus_id(), rect, &session.name);
    if memory.document != Some(id) {
        *memory = Memory { document: Some(id), ..Memory::default() };
        tree.request_focus();
    }
    memory.page = viewport.page_rows();
    let position = scroll(&mut area, session, &root, rect, &viewport, memory, inputs);
    // The root is in no container: it is not one of its own children.
    let mut groups: Vec<(Option<Path>, Ui)> = Vec::new();
    let mut active = None;
    let visible = position.visible_rows(&viewport);
    for (number, shown) in visible.clone().zip(session.view.fold.rows_from(&root, visible.start)) {
        let top = rect.top() + TOP + position.row_top(number, &viewport);
        let place = Rect::from_min_size(pos2(rect.left(), top), vec2(rect.width(), ROW_HEIGHT));
        let parent = shown.path.parent();
        if !groups.iter().any(|(path, _)| *path == parent) {
            let group = row_group(&mut area, Id::unique(("group", id, parent.as_deref())), shown.siblings);
            groups.push((parent.clone(), group));
        }
        let Some((_, group)) = groups.iter_mut().find(|(path, _)| *path == parent) else { continue };
        let row_id = Id::unique(("row", id, &shown.path[..]));
        let selected = shown.path == session.view.selection;
        if selected {
            active = Some(row_id);
        }
        one_row(group, state, session, &shown, row_id, place, selected, &tree, inputs);
    }
    if let Some(row) = active {
        set_active_row(&area, focus_id(), row);
    }
    let track = track_in(rect);
    let (marks, has_more) = memory.marks.update(session, id, &viewport, theme::tokens(&area).search_mark);
    if has_more {
        area.ctx().request_repaint();
    }
    if let Some(moved) = scroll_bar_ui(&area, Id::unique("rows"), "Rows", track, position, &viewport, &marks) {
        inputs.push(Input::Scroll(moved));
    }
}

/// The wheel, and the selection when it moved out of sight. Gives the position to draw at.
fn scroll(
    area: &mut Ui,
    session: &Session,
    root: &Node,
    rect: Rect,
    viewport: &Viewport,
    memory: &mut Memory,
    inputs: &mut Vec<Input>,
) -> ScrollPosition {
    let before = session.view.scroll;
    let mut position = before.clamped(viewport);
    if area.rect_contains_pointer(rect) {
        let delta = area.input(|input| input.smooth_scroll_delta.y);
        if delta != 0.0 {
            position = position.moved_by_points(-delta, viewport);
        }
    }
    let selection = (session.view.selection.clone(), session.find.gone_to, viewport.rows);
    if memory.followed.as_ref() != Some(&selection) {
        let moved = memory.followed.as_ref().is_none_or(|(path, gone_to, _)| (path, *gone_to) != (&selection.0, selection.1));
        if moved && let Some(row) = session.view.fold.row_of(root, &selection.0) {
            // What is around a hit is of interest, too, and around a place far away.
            let is_hit = session.find.is_open && session.find.current.as_ref().is_some_and(|hit| hit.path == selection.0);
            let page = viewport.page_rows();
            let is_far = row + page < position.top_row || row > position.top_row + 2 * page + 1;
            position = match (is_hit || is_far) && !position.shows(row, viewport) {
                true => ScrollPosition::centred_on(row, viewport),
                false => position.showing(row, viewport),
            };
        }
        memory.followed = Some(selection);
    } else if let Some(old) = memory.viewport.as_ref().filter(|old| old.height > viewport.height)
        && let Some(row) = session.view.fold.row_of(root, &selection.0)
        && before.shows(row, old)
    {
        // A list that opened below must not cover it.
        position = position.showing(row, viewport);
    }
    memory.viewport = Some(*viewport);
    if position != before {
        inputs.push(Input::Scroll(position));
    }
    position
}

#[allow(clippy::too_many_arguments)] // a row is drawn from all of these, and nothing else takes them
fn one_row(
    group: &mut Ui,
    state: &State,
    session: &Session,
    shown: &Row,
    id: Id,
    place: Rect,
    selected: bool,
    tree: &egui::Response,
    inputs: &mut Vec<Input>,
) {
    let number = shown.path.last().copied();
    let key_text = shown.key.as_ref().map(|key| scalar::decode_start(key.bytes(), MAX_CHARS).0);
    let current = current_in(session, &shown.path, Side::Value);
    let columns = current.map_or(0, |_| columns_in(group, place));
    let (content, current) = Content::of(&shown.node, shown.open, current, columns);
    let editor = session.editor.as_ref().filter(|editor| editor.path == shown.path);
    let key_marks = match (&shown.key, &key_text) {
        (Some(key), Some(text)) => {
            let current = current_in(session, &shown.path, Side::Key);
            marks_in(session, Side::Key, text, current.and_then(|inside| decoded_place(key.bytes(), inside)))
        }
        _ => Vec::new(),
    };
    let value_marks = match content.text() {
        Some(text) => marks_in(session, Side::Value, text, current),
        None => Vec::new(),
    };
    let view = RowView {
        id,
        level: shown.path.len() as u32 + 1,
        position_in_set: number.unwrap_or(0) + 1,
        set_size: shown.siblings,
        key: match (&key_text, number) {
            (Some(text), _) => RowKey::Member(text),
            (None, Some(number)) => RowKey::Element(number),
            (None, None) => RowKey::Root(&session.name),
        },
        value: content.value(),
        fold: (shown.node.kind().is_container() && !shown.node.has_no_children()).then_some(if shown.open {
            row::Fold::Expanded
        } else {
            row::Fold::Collapsed
        }),
        selected,
        tree_focused: tree.has_focus() || editor.is_some(),
        edited: false,
        growing: session.is_growing(&shown.path),
        hidden_parts: HiddenParts {
            key: editor.filter(|editor| editor.part == Part::Key).map(edit::key_width),
            value: editor.is_some_and(|editor| editor.part == Part::Value),
        },
        key_marks: &key_marks,
        value_marks: &value_marks,
    };
    let output = row_ui(group, place, &view);
    let response = &output.response;
    if output.toggle_clicked {
        inputs.push(Input::Toggle(shown.path.clone()));
        tree.request_focus();
    } else if response.double_clicked() {
        inputs.push(Input::Edit(shown.path.clone(), Part::Value));
    } else if response.clicked() || response.secondary_clicked() {
        inputs.push(Input::Select(shown.path.clone()));
        if session.editor.is_none() {
            tree.request_focus();
        }
    }
    // The click that opens the menu also selects; from the next frame on the row is the selected one.
    if selected || response.secondary_clicked() {
        response.context_menu(|ui| menu::row_menu(ui, state, inputs));
    }
    if let Some(editor) = editor {
        let name = key_text.unwrap_or_else(|| number.map_or_else(|| session.name.clone(), |number| number.to_string()));
        edit::field_ui(group, editor, &visible(&name), output.key_rect, output.value_rect, tree, inputs);
    }
}

/// About so many characters of a value are in sight, whatever its key.
fn columns_in(ui: &Ui, place: Rect) -> usize {
    let width = ui.painter().fonts_mut(|fonts| fonts.glyph_width(&theme::mono(), '0')).max(1.0);
    (place.width() / 2.0 / width) as usize
}

/// The shown part of a value, however long it is.
enum Content {
    String { text: String, total_bytes: Option<u64>, is_start: bool },
    Number(String),
    Bool(bool),
    Null,
    Array(u64, String),
    Object(u64, String),
}

impl Content {
    /// With the place of the current hit, which begins at byte `current` of what is written. Where that is out of sight the part around
    /// it is shown.
    fn of(node: &Node, open: bool, current: Option<u64>, columns: usize) -> (Self, Option<usize>) {
        let start = node.raw_start().unwrap_or_default();
        let place = current.and_then(|inside| decoded_place(start, inside));
        if let Some(inside) = current
            && node.kind() == Kind::String
            && place.is_none_or(|place| place > columns)
            && let Some(around) = scalar::decode_around(start, inside as usize, BEFORE_HIT, MAX_CHARS)
        {
            let total_bytes = Some(node.byte_len()).filter(|_| !around.is_end);
            return (Self::String { text: around.text, total_bytes, is_start: around.is_start }, Some(around.place));
        }
        (Self::from_start(node, open, start), place)
    }

    fn from_start(node: &Node, open: bool, start: &[u8]) -> Self {
        let preview = || if open { String::new() } else { preview(node) };
        match node.kind() {
            Kind::String => {
                let (text, whole) = scalar::decode_start(start, MAX_CHARS);
                Self::String { text, total_bytes: (!whole).then(|| node.byte_len()), is_start: true }
            }
            Kind::Number => {
                let length = (node.byte_len() as usize).min(NUMBER_BYTES);
                let text = String::from_utf8_lossy(&start[..length]).into_owned();
                Self::Number(if length == NUMBER_BYTES { format!("{text}…") } else { text })
            }
            Kind::Bool => Self::Bool(start.first() == Some(&b't')),
            Kind::Null => Self::Null,
            Kind::Array => Self::Array(node.child_count(), preview()),
            Kind::Object => Self::Object(node.child_count(), preview()),
        }
    }

    /// What a search looks at.
    fn text(&self) -> Option<&str> {
        match self {
            Self::String { text, .. } | Self::Number(text) => Some(text),
            Self::Bool(value) => Some(if *value { "true" } else { "false" }),
            Self::Null => Some("null"),
            Self::Array(..) | Self::Object(..) => None,
        }
    }

    fn value(&self) -> RowValue<'_> {
        match self {
            Self::String { text, total_bytes, is_start } => {
                RowValue::String { text, total_bytes: *total_bytes, is_start: *is_start }
            }
            Self::Number(text) => RowValue::Number(text),
            Self::Bool(value) => RowValue::Bool(*value),
            Self::Null => RowValue::Null,
            Self::Array(items, preview) => RowValue::Array { items: *items, preview },
            Self::Object(members, preview) => RowValue::Object { members: *members, preview },
        }
    }
}
