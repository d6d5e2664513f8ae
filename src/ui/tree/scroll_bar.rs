//! The scroll bar of the tree, which says where among all rows the window is. The numbers are those of [`scroll`](crate::state::scroll).

use egui::accesskit::{Action, ActionData, Node, Orientation, Role};
use egui::{Color32, Event, Id, PointerButton, Rect, Response, Sense, Ui, WidgetInfo, pos2};

use crate::state::format::grouped;
use crate::state::scroll::{ScrollPosition, Thumb, Viewport, mark_along_track};
use crate::ui::theme;

/// The width of the bar, in points.
pub const TRACK_WIDTH: f32 = 9.0;
const THUMB_WIDTH: f32 = 7.0;
/// From the right, upper and lower edges of the tree to the bar.
const MARGIN: (f32, f32) = (3.0, 4.0);
const MARK_HEIGHT: f32 = 2.0;

/// Where the bar is in a tree that fills `tree`.
#[must_use]
pub fn track_in(tree: Rect) -> Rect {
    let right = tree.right() - MARGIN.0;
    Rect::from_min_max(pos2(right - TRACK_WIDTH, tree.top() + MARGIN.1), pos2(right, tree.bottom() - MARGIN.1))
}

/// A row worth finding: it was edited, or a search found it.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// The row.
    pub row: u64,
    /// The colour of the mark, a token of the [`theme`].
    pub color: Color32,
}

/// Adds the bar on `track` and returns where it was moved to, if it was.
///
/// A press beside the thumb brings the thumb there, and goes on as a drag. Not shown if all rows fit. It takes no focus: with the
/// keyboard one scrolls in what is beside it. `name` is for screen readers.
pub fn scroll_bar_ui(
    ui: &Ui,
    id: Id,
    name: &str,
    track: Rect,
    position: ScrollPosition,
    viewport: &Viewport,
    marks: &[Mark],
) -> Option<ScrollPosition> {
    let track_length = f64::from(track.height());
    let thumb = Thumb::new(position, viewport, track_length)?;
    let response = ui.interact(track, id, Sense::DRAG);
    let dragged_to = dragged(ui, &response, thumb, position, viewport);
    let moved_to = dragged_to.or_else(|| requested(ui, id, position, viewport));

    let shown = moved_to.unwrap_or(position);
    response.widget_info(|| WidgetInfo::labeled(Role::ScrollBar, ui.is_enabled(), name));
    ui.ctx().accesskit_node_builder(id, |node| describe(node, shown, viewport));

    let thumb = Thumb::new(shown, viewport, track_length)?;
    paint(ui, track, thumb, viewport, marks, response.hovered() || response.dragged());
    moved_to
}

/// Where the pointer drags the thumb. A quick drag begins, moves and ends within few frames: what counts is where it was pressed
/// and where it is now, not how it moved between frames.
fn dragged(ui: &Ui, response: &Response, thumb: Thumb, position: ScrollPosition, viewport: &Viewport) -> Option<ScrollPosition> {
    let track_length = f64::from(response.rect.height());
    let along_track = |y: f32| f64::from(y - response.rect.top());
    if let Some(y) = pressed_and_let_go(ui, response) {
        let pressed = along_track(y);
        return (!thumb.contains(pressed)).then(|| thumb.dragged_to(pressed - thumb.length / 2.0, viewport, track_length));
    }
    let pointer = along_track(response.interact_pointer_pos()?.y);
    if response.drag_started() {
        let pressed = ui.input(|input| input.pointer.press_origin()).map_or(pointer, |origin| along_track(origin.y));
        // The point of the thumb that was taken stays under the pointer; beside the thumb it is its middle.
        let held = if thumb.contains(pressed) { pressed - thumb.start } else { thumb.length / 2.0 };
        ui.data_mut(|data| data.insert_temp(response.id, held));
        // A press on the thumb moves nothing: a point can stand for thousands of rows.
        if thumb.contains(pressed) && pointer == pressed {
            return None;
        }
    } else {
        let moved = if response.drag_stopped() { ui.input(|input| input.pointer.delta().y) } else { response.drag_delta().y };
        if moved == 0.0 {
            return None;
        }
    }
    let held: f64 = ui.data(|data| data.get_temp(response.id))?;
    let moved_to = thumb.dragged_to(pointer - held, viewport, track_length);
    (moved_to != position).then_some(moved_to)
}

/// Where the track was pressed, if it was let go again within the frame: to egui nothing was dragged then.
fn pressed_and_let_go(ui: &Ui, response: &Response) -> Option<f32> {
    let button = |event: &Event, is_press: bool| match event {
        Event::PointerButton { pos, button: PointerButton::Primary, pressed, .. } if *pressed == is_press => Some(pos.y),
        _ => None,
    };
    ui.input(|input| {
        let is_over = response.contains_pointer() && !input.pointer.primary_down();
        let is_press = |event: &Event| button(event, true).is_some_and(|y| response.rect.y_range().contains(y));
        let press = input.events.iter().position(is_press).filter(|_| is_over)?;
        let is_let_go = input.events[press..].iter().any(|event| button(event, false).is_some());
        button(&input.events[press], true).filter(|_| is_let_go)
    })
}

/// Where a screen reader asks to go.
fn requested(ui: &Ui, id: Id, position: ScrollPosition, viewport: &Viewport) -> Option<ScrollPosition> {
    ui.input(|input| {
        let value = input.accesskit_action_requests(id, Action::SetValue).filter_map(|request| match request.data {
            Some(ActionData::NumericValue(row)) => Some(ScrollPosition::at_row(row.max(0.0) as u64).clamped(viewport)),
            _ => None,
        });
        let pages = input.num_accesskit_action_requests(id, Action::Increment) as i64
            - input.num_accesskit_action_requests(id, Action::Decrement) as i64;
        let paged = (pages != 0).then(|| position.moved_by_rows(pages * viewport.page_rows() as i64, viewport));
        value.last().or(paged)
    })
}

fn describe(node: &mut Node, position: ScrollPosition, viewport: &Viewport) {
    node.set_orientation(Orientation::Vertical);
    node.set_numeric_value(position.top_row as f64);
    node.set_min_numeric_value(0.0);
    node.set_max_numeric_value(viewport.end().top_row as f64);
    node.set_numeric_value_step(1.0);
    node.set_value(format!("row {} of {}", grouped(position.top_row + 1), grouped(viewport.rows)));
    for action in [Action::SetValue, Action::Increment, Action::Decrement] {
        node.add_action(action);
    }
}

fn paint(ui: &Ui, track: Rect, thumb: Thumb, viewport: &Viewport, marks: &[Mark], active: bool) {
    let tokens = theme::tokens(ui);
    let top = track.top() + thumb.start as f32;
    // The marks take the right half of the bar: however many there are, the thumb is seen beside them.
    let marked = track.center().x..=track.right();
    let mut painted: Option<(i32, Color32)> = None;
    for mark in marks {
        let y = track.top() + mark_along_track(mark.row, viewport, f64::from(track.height())) as f32;
        // Marks that would cover each other are one: thousands of edits are no more shapes than the bar has points.
        if painted == Some((y as i32, mark.color)) {
            continue;
        }
        painted = Some((y as i32, mark.color));
        let rect = Rect::from_x_y_ranges(marked.clone(), y - MARK_HEIGHT / 2.0..=y + MARK_HEIGHT / 2.0);
        ui.painter().rect_filled(rect, 0.0, mark.color);
    }
    let half_width = THUMB_WIDTH / 2.0;
    let x = track.center().x - half_width..=track.center().x + half_width;
    let rect = Rect::from_x_y_ranges(x, top..=top + thumb.length as f32);
    ui.painter().rect_filled(rect, half_width, tokens.muted.gamma_multiply(if active { 0.65 } else { 0.45 }));
}

#[cfg(test)]
mod tests {
    use egui::{Modifiers, Pos2, vec2};
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT as _, Queryable as _};

    use super::*;

    const VIEWPORT: Viewport = Viewport { rows: 10_000_000, height: 240.0, row_height: 24.0 };
    const LAST: u64 = 10_000_000 - 10;

    fn harness(rows: u64, position: ScrollPosition) -> Harness<'static, ScrollPosition> {
        let viewport = Viewport { rows, ..VIEWPORT };
        Harness::builder().with_size([40.0, 240.0]).build_ui_state(
            move |ui, position| {
                let track = Rect::from_min_size(pos2(10.0, 0.0), vec2(TRACK_WIDTH, 240.0));
                if let Some(moved_to) = scroll_bar_ui(ui, Id::unique("bar"), "Rows", track, *position, &viewport, &[]) {
                    *position = moved_to;
                }
            },
            position,
        )
    }

    fn button(harness: &mut Harness<'_, ScrollPosition>, y: f32, pressed: bool) {
        let (pos, button) = (pos2(14.0, y), PointerButton::Primary);
        harness.event(Event::PointerMoved(pos));
        harness.event(Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
        harness.run();
    }

    fn drag_to(harness: &mut Harness<'_, ScrollPosition>, y: f32) {
        harness.event(Event::PointerMoved(Pos2::new(14.0, y)));
        harness.run();
    }

    #[test]
    fn the_thumb_is_dragged_from_where_it_was_taken() {
        let start = ScrollPosition { top_row: 3, part: 0.25 };
        let mut harness = harness(VIEWPORT.rows, start);
        button(&mut harness, 12.0, true);
        assert_eq!(*harness.state(), start, "a press on the thumb moves nothing");
        drag_to(&mut harness, 12.0 + 108.0);
        let middle = *harness.state();
        assert!(middle.top_row.abs_diff(LAST / 2) < 10, "{middle:?}");
        drag_to(&mut harness, 500.0);
        assert_eq!(*harness.state(), VIEWPORT.end());
        drag_to(&mut harness, -50.0);
        assert_eq!(*harness.state(), ScrollPosition::default());
        button(&mut harness, -50.0, false);
        drag_to(&mut harness, 100.0);
        assert_eq!(*harness.state(), ScrollPosition::default(), "nothing is dragged any more");
    }

    #[test]
    fn a_press_on_the_track_goes_there() {
        let mut harness = harness(VIEWPORT.rows, ScrollPosition::default());
        button(&mut harness, 120.0, true);
        assert!(harness.state().top_row.abs_diff(LAST / 2) < 10, "{:?}", harness.state());
        button(&mut harness, 120.0, false);
        button(&mut harness, 239.0, true);
        assert_eq!(*harness.state(), VIEWPORT.end());
    }

    #[test]
    fn a_press_that_is_let_go_at_once_goes_there_too() {
        let mut harness = harness(VIEWPORT.rows, ScrollPosition::default());
        let (pos, button) = (pos2(14.0, 120.0), PointerButton::Primary);
        harness.event(Event::PointerMoved(pos));
        for pressed in [true, false] {
            harness.event(Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
        }
        harness.run();
        assert!(harness.state().top_row.abs_diff(LAST / 2) < 10, "{:?}", harness.state());
    }

    #[test]
    fn screen_readers_read_and_set_the_row() {
        let mut harness = harness(VIEWPORT.rows, ScrollPosition::at_row(7));
        let bar = harness.get_by_role_and_label(Role::ScrollBar, "Rows");
        let node = bar.accesskit_node();
        assert_eq!(node.data().value(), Some("row 8 of 10,000,000"));
        assert_eq!((node.data().numeric_value(), node.data().max_numeric_value()), (Some(7.0), Some(LAST as f64)));
        bar.set_value_accesskit(5_000_000.0);
        harness.run();
        assert_eq!(*harness.state(), ScrollPosition::at_row(5_000_000));
        harness.get_by_label("Rows").decrement_accesskit();
        harness.run();
        assert_eq!(*harness.state(), ScrollPosition::at_row(4_999_991));
        harness.get_by_label("Rows").set_value_accesskit(1e300);
        harness.run();
        assert_eq!(*harness.state(), VIEWPORT.end());
    }

    #[test]
    fn nothing_is_shown_if_every_row_fits() {
        let harness = harness(10, ScrollPosition::default());
        assert!(harness.query_by_label("Rows").is_none());
    }
}
