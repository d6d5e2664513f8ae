//! One row of the tree, painted by hand from plain data.
//!
//! A row knows nothing of the document. What a screen reader is told about it is what can be seen: name, value or size, level, place
//! among its siblings, open or closed, selected or not.

use egui::accesskit::{Action, Node, Role};
use egui::{
    Align2, Color32, CornerRadius, Id, Painter, Pos2, Rect, Response, Sense, Shape, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo,
};
use egui::{pos2, vec2};

use crate::state::format::{byte_size, counted};
use crate::ui::text::{Base, Excerpt, Line, MAX_CHARS, clip, layout, visible};
use crate::ui::theme::{self, Tokens};

/// The height of a row, in points.
pub const ROW_HEIGHT: f32 = 24.0;
/// What a level is moved to the right, in points.
const LEVEL_WIDTH: f32 = 18.0;
/// From the left edge of the tree to the first level: room for the bar of edited rows.
const LEFT_MARGIN: f32 = 14.0;
/// From the start of a level to the middle of its triangle, and to its key.
const TRIANGLE_MIDDLE: f32 = 13.0;
const KEY_START: f32 = 22.0;
/// At the right edge: room for the scroll bar.
const RIGHT_MARGIN: f32 = 18.0;
/// Deeper levels are told by their number instead of by more room, so that their text stays in the window.
const MAX_INDENTED_LEVEL: u32 = 24;
/// A key takes no more than this part of the row, so that something of the value can be seen.
const MAX_KEY_SHARE: f32 = 0.6;
/// Characters of a key or value in an accessible name: as long as a sentence, since it is read out.
const NAME_CHARS: usize = 120;

/// What a row shows.
#[derive(Clone, Copy, Debug)]
pub struct RowView<'a> {
    /// Identifies the row for as long as it shows the same value.
    pub id: Id,
    /// How deep it is; the root is at level 1.
    pub level: u32,
    /// Its place among its siblings, from 1.
    pub position_in_set: u64,
    /// How many siblings there are, with itself.
    pub set_size: u64,
    /// What it is called.
    pub key: RowKey<'a>,
    /// What it holds.
    pub value: RowValue<'a>,
    /// Whether its children are shown; `None` if there are none to show.
    pub fold: Option<Fold>,
    /// Whether it is the selected row.
    pub selected: bool,
    /// Whether the keyboard's focus is on the tree.
    pub tree_focused: bool,
    /// Whether it was changed since the last save.
    pub edited: bool,
    /// Whether more of it is still on its way: its size is that so far.
    pub growing: bool,
    /// What is not painted because a text field covers it.
    pub hidden_parts: HiddenParts,
    /// What a search found in the key.
    pub key_marks: &'a [RowMark],
    /// What a search found in the text of a string, number or literal.
    pub value_marks: &'a [RowMark],
}

/// A part of a key or of a value's text that a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowMark {
    /// Its first byte in the decoded text.
    pub from: usize,
    /// Behind its last byte.
    pub to: usize,
    /// Whether it is the hit that was gone to.
    pub is_current: bool,
}

/// What a value is called within its container.
#[derive(Clone, Copy, Debug)]
pub enum RowKey<'a> {
    /// The whole document, by the name of its file.
    Root(&'a str),
    /// The name of a member of an object, decoded.
    Member(&'a str),
    /// The index of an element of an array, from 0.
    Element(u64),
}

/// What a row holds.
#[derive(Clone, Copy, Debug)]
pub enum RowValue<'a> {
    /// A string.
    String {
        /// The decoded text or, if that is long, its start; see [`clip`].
        text: &'a str,
        /// The length of the whole string, if that goes on behind `text`.
        total_bytes: Option<u64>,
        /// Whether the string begins with `text`, and not in front of it.
        is_start: bool,
    },
    /// A number as it is written.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// An array.
    Array {
        /// How many elements it has.
        items: u64,
        /// A few of them, for reading; strings in it made with [`isolated`](crate::ui::text::isolated).
        preview: &'a str,
    },
    /// An object.
    Object {
        /// How many members it has.
        members: u64,
        /// A few of them, for reading; strings in it made with [`isolated`](crate::ui::text::isolated).
        preview: &'a str,
    },
}

/// Whether the children of a container are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// They are shown below it.
    Expanded,
    /// They are not shown.
    Collapsed,
}

/// The parts of a row that a text field covers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HiddenParts {
    /// Its key, by a field of this width.
    pub key: Option<f32>,
    /// Its value.
    pub value: bool,
}

/// What happened to a row, and where its parts are.
#[derive(Clone, Debug)]
pub struct RowOutput {
    /// Clicks and the like on the whole row. A click on the triangle, or one by a screen reader, is among them.
    pub response: Response,
    /// Whether the row was asked to open or close: by a click on its triangle, or by a screen reader.
    pub toggle_clicked: bool,
    /// Where a text field for the key goes.
    pub key_rect: Rect,
    /// Where a text field for the value goes: up to the right end of the row.
    pub value_rect: Rect,
}

/// Adds a group to which rows with the same parent belong, for screen readers; it is not seen.
///
/// Rows drawn into the returned [`Ui`] are announced as `3 of 50`: AccessKit expects the size of a set at its container, not at its
/// items. Groups are nested as the containers are.
#[must_use]
pub fn row_group(ui: &mut Ui, id: Id, set_size: u64) -> Ui {
    let builder = UiBuilder::new().scope_id(id).max_rect(ui.max_rect()).accessibility_role(Role::Group);
    let group = ui.new_child(builder);
    ui.ctx().accesskit_node_builder(id, |node| node.set_size_of_set(set_size as usize));
    group
}

/// Adds a row at `rect` and paints it.
///
/// Its cost depends on the width of the window and not on the length of the value. It takes no focus: the tree keeps that, and names the
/// selected row as its active descendant.
pub fn row_ui(ui: &mut Ui, rect: Rect, row: &RowView<'_>) -> RowOutput {
    let response = ui.interact(rect, row.id, Sense::CLICK);
    let places = Places::new(rect, row.level, ui.painter());

    let on_triangle = |pos: Pos2| (places.triangle.x - 11.0..places.key_start).contains(&pos.x);
    let clicked_triangle = response.clicked() && response.interact_pointer_pos().is_some_and(on_triangle);
    let asked_to = |action| ui.input(|input| input.has_accesskit_action_request(row.id, action));
    let toggle_clicked = match row.fold {
        Some(Fold::Collapsed) => clicked_triangle || asked_to(Action::Expand),
        Some(Fold::Expanded) => clicked_triangle || asked_to(Action::Collapse),
        None => false,
    };

    response.widget_info(|| WidgetInfo::labeled(Role::TreeItem, ui.is_enabled(), accessible_name(row)));
    ui.ctx().accesskit_node_builder(row.id, |node| describe(node, row));

    let (key_rect, value_rect) = paint(ui, rect, &places, row, response.hovered());
    RowOutput { response, toggle_clicked, key_rect, value_rect }
}

/// What the row is called: what can be read on it.
fn accessible_name(row: &RowView<'_>) -> String {
    let key = shown_key(row.key);
    match row.value {
        RowValue::String { text, total_bytes, is_start } => {
            let clipped = clip(text, NAME_CHARS);
            let open = if is_start { "\"" } else { "…" };
            match total_bytes {
                Some(bytes) => format!("{key}: {open}{}… {}", visible(clipped.text), byte_size(bytes)),
                None if clipped.cut => format!("{key}: {open}{}…", visible(clipped.text)),
                None => format!("{key}: {open}{}\"", visible(text)),
            }
        }
        RowValue::Number(text) => {
            let clipped = clip(text, NAME_CHARS);
            format!("{key}: {}{}", visible(clipped.text), if clipped.cut { "…" } else { "" })
        }
        RowValue::Bool(value) => format!("{key}: {value}"),
        RowValue::Null => format!("{key}: null"),
        RowValue::Array { items, .. } => format!("{key}: array, {}", size(items, "item", row.growing)),
        RowValue::Object { members, .. } => format!("{key}: object, {}", size(members, "member", row.growing)),
    }
}

/// The number of children.
fn size(children: u64, singular: &str, growing: bool) -> String {
    format!("{}{}", counted(children, singular), if growing { " so far" } else { "" })
}

/// The key as it is read; an empty one in quotation marks, to be seen at all.
fn shown_key(key: RowKey<'_>) -> String {
    match key {
        RowKey::Root(name) | RowKey::Member(name) => {
            let clipped = clip(name, NAME_CHARS);
            let end = if clipped.cut { "…" } else { "" };
            if name.trim().is_empty() && !clipped.cut {
                format!("\"{}\"", visible(name))
            } else {
                format!("{}{end}", visible(clipped.text))
            }
        }
        RowKey::Element(index) => index.to_string(),
    }
}

/// Tells screen readers what the name does not say. AccessKit counts levels and positions from 0.
fn describe(node: &mut Node, row: &RowView<'_>) {
    node.set_level(row.level.saturating_sub(1) as usize);
    node.set_position_in_set(row.position_in_set.saturating_sub(1) as usize);
    node.set_size_of_set(row.set_size as usize);
    node.set_selected(row.selected);
    let state = match row.fold {
        Some(Fold::Expanded) => {
            node.set_expanded(true);
            node.add_action(Action::Collapse);
            ", expanded"
        }
        Some(Fold::Collapsed) => {
            node.set_expanded(false);
            node.add_action(Action::Expand);
            ", collapsed"
        }
        None => "",
    };
    // The Linux adapter passes on neither level nor expanded, so they stand here as well.
    node.set_description(format!("level {}{state}", row.level));
}

/// Where the parts of a row are that don't depend on its text.
struct Places {
    /// The x of each guide.
    guides: Vec<f32>,
    /// The level in figures, where it starts, if the row is too deep to be indented.
    level_number: Option<f32>,
    /// The middle of the triangle.
    triangle: Pos2,
    key_start: f32,
    /// Where text has to end.
    right: f32,
}

impl Places {
    fn new(rect: Rect, level: u32, painter: &Painter) -> Self {
        let levels_above = level.clamp(1, MAX_INDENTED_LEVEL) - 1;
        let start_of = |level_above: u32| rect.left() + LEFT_MARGIN + LEVEL_WIDTH * level_above as f32;
        let guides = (0..levels_above).map(|above| painter.round_to_pixel_center(start_of(above) + TRIANGLE_MIDDLE)).collect();
        let mut start = start_of(levels_above);
        let level_number = (level > MAX_INDENTED_LEVEL).then_some(start + 4.0);
        if level_number.is_some() {
            // Room for as many figures as there are, so that rows of a level stay in line.
            start += 8.0 + 7.0 * level.ilog10() as f32;
        }
        Self {
            guides,
            level_number,
            triangle: pos2(start + TRIANGLE_MIDDLE, rect.center().y),
            key_start: start + KEY_START,
            right: rect.right() - RIGHT_MARGIN,
        }
    }
}

/// Paints the row, and returns where key and value are.
fn paint(ui: &Ui, rect: Rect, places: &Places, row: &RowView<'_>, hovered: bool) -> (Rect, Rect) {
    let painter = ui.painter();
    let tokens = theme::tokens(ui);
    paint_ground(painter, rect, row, hovered, tokens);
    for &x in &places.guides {
        painter.vline(x, rect.y_range(), Stroke::new(1.0, tokens.guide));
    }
    if let Some(x) = places.level_number {
        painter.text(pos2(x, rect.center().y), Align2::LEFT_CENTER, row.level, theme::chip_font(), tokens.muted);
    }
    if let Some(fold) = row.fold {
        painter.add(triangle(places.triangle, fold, tokens.muted));
    }

    let middle = rect.center().y;
    let mono = theme::mono();
    let key_color = if matches!(row.key, RowKey::Element(_)) { tokens.muted } else { tokens.text };
    let key_width = (places.right - places.key_start) * MAX_KEY_SHARE;
    let key = shown_key(row.key);
    let key = Excerpt::plain(&key).layout(painter, &mono, key_color, Base::LeftToRight, key_width);
    // The value makes room for a field that is wider than the key.
    let key_end = places.key_start + row.hidden_parts.key.map_or(key.width(), |width| width.max(key.width()).min(key_width));
    if row.hidden_parts.key.is_none() {
        if let RowKey::Root(name) | RowKey::Member(name) = row.key {
            // A blank key stands in quotation marks.
            let quotes = usize::from(name.trim().is_empty());
            paint_marks(painter, &key, pos2(places.key_start, middle), name, quotes, row.key_marks, tokens);
        }
        key.paint_centred(painter, places.key_start, middle);
    }
    let colon = layout(painter, ":", &mono, tokens.muted, Base::LeftToRight);
    let value_start = key_end + colon.width() + 8.0;
    if row.hidden_parts.key.is_none() {
        colon.paint_centred(painter, key_end, middle);
    }
    if !row.hidden_parts.value {
        paint_value(painter, row, value_start, middle, places.right, tokens);
    }

    let inner = rect.y_range().shrink(1.0);
    (
        Rect::from_x_y_ranges(places.key_start..=key_end, inner),
        Rect::from_x_y_ranges(value_start..=places.right.max(value_start), inner),
    )
}

/// Paints what is behind the text: selection, pointer, and the bar of an edited row.
fn paint_ground(painter: &Painter, rect: Rect, row: &RowView<'_>, hovered: bool, tokens: &Tokens) {
    if row.selected {
        painter.rect_filled(rect, CornerRadius::ZERO, tokens.selected);
        if row.tree_focused {
            painter.rect_stroke(rect, CornerRadius::ZERO, Stroke::new(1.0, tokens.accent), StrokeKind::Inside);
        }
    } else if hovered {
        painter.rect_filled(rect, CornerRadius::ZERO, tokens.hover);
    }
    if row.edited {
        let bar = Rect::from_min_max(rect.left_top() + vec2(4.0, 3.0), rect.left_bottom() + vec2(7.0, -3.0));
        painter.rect_filled(bar, 1.5, tokens.edited);
    }
}

/// Paints what a search found behind `line`, which shows `text` behind `opening` bytes: a quotation mark or an ellipsis.
pub fn paint_marks(painter: &Painter, line: &Line, start: Pos2, text: &str, opening: usize, marks: &[RowMark], tokens: &Tokens) {
    let place = |end: usize| opening + text.get(..end).map_or(usize::MAX / 2, |head| visible(head).len());
    for mark in marks {
        let color = if mark.is_current { tokens.search_current } else { tokens.search_hit };
        for (from, to) in line.spans(&(place(mark.from)..place(mark.to))) {
            let rect = Rect::from_x_y_ranges(start.x + from..=start.x + to, start.y - 9.0..=start.y + 9.0);
            painter.rect_filled(rect, 2.0, color);
            if mark.is_current {
                painter.rect_stroke(rect, 2.0, Stroke::new(1.0, tokens.search_mark), StrokeKind::Outside);
            }
        }
    }
}

/// The triangle that shows whether a container is open: a shape, so that it looks the same whatever the fonts.
fn triangle(middle: Pos2, fold: Fold, color: Color32) -> Shape {
    let points = match fold {
        Fold::Expanded => [vec2(-3.5, -2.0), vec2(3.5, -2.0), vec2(0.0, 2.5)],
        Fold::Collapsed => [vec2(-2.0, -3.5), vec2(2.5, 0.0), vec2(-2.0, 3.5)],
    };
    Shape::convex_polygon(points.map(|point| middle + point).to_vec(), color, Stroke::NONE)
}

fn paint_value(painter: &Painter, row: &RowView<'_>, start: f32, middle: f32, right: f32, tokens: &Tokens) {
    let mono = theme::mono();
    let width = (right - start).max(0.0);
    let marks = row.value_marks;
    let excerpt = |text, color| {
        let excerpt = Excerpt::plain(text);
        let line = excerpt.layout(painter, &mono, color, Base::LeftToRight, width);
        paint_marks(painter, &line, pos2(start, middle), text, 0, marks, tokens);
        line.paint_centred(painter, start, middle);
    };
    match row.value {
        RowValue::String { text, total_bytes, is_start } => {
            let size = total_bytes.map(|bytes| layout(painter, &byte_size(bytes), &mono, tokens.muted, Base::LeftToRight));
            let size_width = size.as_ref().map_or(0.0, |line| line.width() + 8.0);
            let clipped = clip(text, MAX_CHARS);
            let (text_shown, goes_on) = (visible(clipped.text), clipped.cut || total_bytes.is_some());
            let excerpt = Excerpt { is_start, ..Excerpt::quoted(&text_shown, goes_on) };
            let line = excerpt.layout(painter, &mono, tokens.string, Base::FirstStrong, width - size_width);
            paint_marks(painter, &line, pos2(start, middle), text, excerpt.opening().len(), marks, tokens);
            let end = line.paint_centred(painter, start, middle);
            if let Some(size) = size {
                size.paint_centred(painter, end + 8.0, middle);
            }
        }
        RowValue::Number(text) => excerpt(text, tokens.number),
        RowValue::Bool(value) => excerpt(if value { "true" } else { "false" }, tokens.boolean),
        RowValue::Null => excerpt("null", tokens.muted),
        RowValue::Array { items, preview } => {
            paint_container(painter, &size(items, "item", row.growing), preview, start, middle, right, tokens)
        }
        RowValue::Object { members, preview } => {
            paint_container(painter, &size(members, "member", row.growing), preview, start, middle, right, tokens);
        }
    }
}

/// Paints the size of a container on a chip, and a preview of what is in it.
fn paint_container(painter: &Painter, size: &str, preview: &str, start: f32, middle: f32, right: f32, tokens: &Tokens) {
    let size = layout(painter, size, &theme::chip_font(), tokens.muted, Base::LeftToRight);
    let half_height = theme::CHIP_HEIGHT / 2.0;
    let chip = Rect::from_x_y_ranges(start..=start + size.width() + 16.0, middle - half_height..=middle + half_height);
    painter.rect_filled(chip, half_height, tokens.chip);
    size.paint_centred(painter, start + 8.0, middle);
    if !preview.is_empty() {
        let excerpt = Excerpt::plain(preview);
        let line =
            excerpt.layout(painter, &theme::mono(), tokens.muted, Base::LeftToRight, (right - chip.right() - 8.0).max(0.0));
        line.paint_centred(painter, chip.right() + 8.0, middle);
    }
}

#[cfg(test)]
mod tests {
    use egui::accesskit::ActionRequest;
    use egui::{Event, Modifiers, PointerButton};
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT as _, Queryable as _};

    use super::*;

    fn row<'a>(key: RowKey<'a>, value: RowValue<'a>) -> RowView<'a> {
        RowView {
            id: Id::unique("row"),
            level: 2,
            position_in_set: 8,
            set_size: 5_000_000,
            key,
            value,
            fold: None,
            selected: false,
            tree_focused: false,
            edited: false,
            growing: false,
            hidden_parts: HiddenParts::default(),
            key_marks: &[],
            value_marks: &[],
        }
    }

    fn string(text: &str) -> RowValue<'_> {
        RowValue::String { text, total_bytes: None, is_start: true }
    }

    #[test]
    fn names_are_what_can_be_read() {
        use RowKey::{Element, Member, Root};
        let long = "x".repeat(200);
        let cut = format!("long: \"{}…", "x".repeat(NAME_CHARS));
        for (key, value, expected) in [
            (Member("title"), string("Genesis"), "title: \"Genesis\""),
            (Element(3), RowValue::Number("12.50"), "3: 12.50"),
            (Member("isPrimary"), RowValue::Bool(true), "isPrimary: true"),
            (Member("reviewed"), RowValue::Null, "reviewed: null"),
            (Member("authors"), RowValue::Array { items: 3, preview: "…" }, "authors: array, 3 items"),
            (Member("meta"), RowValue::Object { members: 1, preview: "" }, "meta: object, 1 member"),
            (Root("genesis.json"), RowValue::Object { members: 9, preview: "" }, "genesis.json: object, 9 members"),
            (Root("big.json"), RowValue::Array { items: 5_000_000, preview: "" }, "big.json: array, 5,000,000 items"),
            (Member("a\nb"), string("\u{202e}x"), "a\\nb: \"\\u202ex\""),
            (Member(""), string(""), "\"\": \"\""),
            (Member(" "), RowValue::Null, "\" \": null"),
            (Member("long"), string(&long), &cut),
            (
                Member("cover"),
                RowValue::String { text: "iVBOR", total_bytes: Some(48_200_000), is_start: true },
                "cover: \"iVBOR… 48.2 MB",
            ),
        ] {
            assert_eq!(accessible_name(&row(key, value)), expected);
        }
    }

    /// What happened to a row.
    #[derive(Debug, Default, PartialEq)]
    struct Seen {
        clicks: usize,
        toggles: usize,
    }

    fn harness(view: RowView<'static>) -> Harness<'static, Seen> {
        Harness::builder().with_size([600.0, 100.0]).build_ui_state(
            move |ui, seen: &mut Seen| {
                let mut ui = row_group(ui, Id::unique("group"), 5_000_000);
                let output = row_ui(&mut ui, Rect::from_min_size(pos2(0.0, 20.0), vec2(600.0, ROW_HEIGHT)), &view);
                seen.clicks += usize::from(output.response.clicked());
                seen.toggles += usize::from(output.toggle_clicked);
            },
            Seen::default(),
        )
    }

    #[test]
    fn screen_readers_get_level_place_and_state() {
        for (fold, description) in
            [(None, "level 2"), (Some(Fold::Collapsed), "level 2, collapsed"), (Some(Fold::Expanded), "level 2, expanded")]
        {
            let array = RowValue::Array { items: 3, preview: "1, 2, 3" };
            let harness = harness(RowView { fold, selected: true, ..row(RowKey::Member("authors"), array) });
            let node = harness.get_by_role_and_label(Role::TreeItem, "authors: array, 3 items");
            let node = node.accesskit_node();
            let data = node.data();
            assert_eq!(data.description(), Some(description));
            assert_eq!(data.is_expanded(), fold.map(|fold| fold == Fold::Expanded));
            assert_eq!(data.is_selected(), Some(true));
            assert_eq!((data.level(), data.position_in_set(), data.size_of_set()), (Some(1), Some(7), Some(5_000_000)));
            let group = node.parent().unwrap();
            assert_eq!((group.role(), group.data().size_of_set()), (Role::Group, Some(5_000_000)));
        }
    }

    #[test]
    fn a_row_is_clicked_by_its_name() {
        let mut harness = harness(row(RowKey::Member("title"), string("Genesis")));
        harness.get_by_label("title: \"Genesis\"").click();
        harness.run();
        assert_eq!(*harness.state(), Seen { clicks: 1, toggles: 0 });
        harness.get_by_label("title: \"Genesis\"").click_accesskit();
        harness.run();
        assert_eq!(*harness.state(), Seen { clicks: 2, toggles: 0 });
    }

    fn click_at(harness: &mut Harness<'_, Seen>, pos: Pos2) {
        harness.event(Event::PointerMoved(pos));
        for pressed in [true, false] {
            harness.event(Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE });
        }
        harness.run();
    }

    #[test]
    fn only_the_triangle_of_a_container_toggles_it() {
        let object = RowValue::Object { members: 2, preview: "" };
        let closed = RowView { fold: Some(Fold::Collapsed), ..row(RowKey::Member("meta"), object) };
        let triangle = pos2(LEFT_MARGIN + LEVEL_WIDTH + TRIANGLE_MIDDLE, 32.0);
        for (view, pos, toggles) in
            [(closed, triangle, 1), (closed, pos2(200.0, 32.0), 0), (RowView { fold: None, ..closed }, triangle, 0)]
        {
            let mut harness = harness(view);
            click_at(&mut harness, pos);
            assert_eq!(*harness.state(), Seen { clicks: 1, toggles }, "{pos:?}");
        }
    }

    #[test]
    fn a_screen_reader_opens_and_closes_a_row() {
        let object = RowValue::Object { members: 2, preview: "" };
        for (fold, action, toggles) in [
            (Fold::Collapsed, Action::Expand, 1),
            (Fold::Collapsed, Action::Collapse, 0),
            (Fold::Expanded, Action::Collapse, 1),
            (Fold::Expanded, Action::Expand, 0),
        ] {
            let mut harness = harness(RowView { fold: Some(fold), ..row(RowKey::Member("meta"), object) });
            let target_node = harness.get_by_label("meta: object, 2 members").accesskit_node().locate().0;
            harness.event(Event::AccessKitActionRequest(ActionRequest {
                action,
                target_tree: egui::accesskit::TreeId::ROOT,
                target_node,
                data: None,
            }));
            harness.run();
            assert_eq!(harness.state().toggles, toggles, "{fold:?} {action:?}");
        }
    }

    #[test]
    fn deep_rows_stay_in_the_window() {
        let mut places = Vec::new();
        let mut harness = Harness::new_ui(|ui| {
            let rect = Rect::from_min_size(Pos2::ZERO, vec2(900.0, ROW_HEIGHT));
            places = [1, 2, 24, 25, 99, 5000].map(|level| Places::new(rect, level, ui.painter()).key_start).to_vec();
        });
        harness.run();
        drop(harness);
        assert_eq!(places, [36.0, 54.0, 450.0, 465.0, 465.0, 479.0]);
    }

    /// The texts of a row of 600 points as they are painted, from left to right.
    fn painted(view: RowView<'static>) -> String {
        let mut harness = harness(view);
        harness.run();
        let mut texts = Vec::new();
        for clipped in &harness.output().shapes {
            if let Shape::Text(text) = &clipped.shape {
                assert!(text.visual_bounding_rect().right() <= 600.0 - RIGHT_MARGIN, "{}", text.galley.text());
                texts.push((text.pos.x, text.galley.text().to_owned()));
            }
        }
        texts.sort_by(|one, other| one.0.total_cmp(&other.0));
        texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn a_row_is_painted_as_it_reads() {
        use RowKey::{Element, Member};
        let title = row(Member("title"), string("Genesis"));
        let hidden = |key: bool, value| RowView { hidden_parts: HiddenParts { key: key.then_some(40.0), value }, ..title };
        let preview = "\"Tanakh\", \"Torah\"";
        for (view, expected) in [
            (title, "title|:|\"Genesis\""),
            (hidden(true, false), "\"Genesis\""),
            (hidden(false, true), "title|:"),
            (row(Element(3), RowValue::Null), "3|:|null"),
            (row(Member("a"), RowValue::Array { items: 2, preview }), "a|:|2 items|\"Tanakh\", \"Torah\""),
            (row(Member("o"), RowValue::Object { members: 0, preview: "" }), "o|:|0 members"),
            (
                row(Member("cut"), RowValue::String { text: "iVBOR", total_bytes: Some(48_200_000), is_start: true }),
                "cut|:|\"iVBOR…|48.2 MB",
            ),
            (row(Member("\u{202e}"), string("a\u{2067}b\n")), "\\u202e|:|\"a\\u2067b\\n\""),
            (RowView { level: 30, ..title }, "30|title|:|\"Genes…"),
        ] {
            assert_eq!(painted(view), expected);
        }
    }

    #[test]
    fn a_long_value_ends_within_the_row() {
        let long: &'static str = "AbC0".repeat(500).leak();
        let key_and_colon = "cover|:|\"AbC0AbC0";
        let cut =
            painted(row(RowKey::Member("cover"), RowValue::String { text: long, total_bytes: Some(48_200_000), is_start: true }));
        assert!(cut.starts_with(key_and_colon) && cut.ends_with("…|48.2 MB"), "{cut}");
        let whole = painted(row(RowKey::Member("cover"), string(long)));
        assert!(whole.starts_with(key_and_colon) && whole.ends_with('…'), "{whole}");
        let both = painted(row(RowKey::Member(long), string(long)));
        assert!(both.contains("…|:|\"") && both.ends_with('…'), "{both}");
    }
}
