//! The tree of values, drawn by hand so that its length does not matter.
//!
//! * [`view`](tree_ui): the rows in sight, keys, wheel.
//! * [`row`]: one row; `edit`: the text field in it; `marks`: what a search found.
//! * [`scroll_bar`]: the bar at the right edge.

use egui::accesskit::Role;
use egui::{EventFilter, Id, Rect, Response, Sense, Ui, UiBuilder, WidgetInfo};

mod edit;
pub mod marks;
pub mod row;
pub mod scroll_bar;
mod view;

pub use view::{Memory, focus_id, tree_ui};

/// Adds an area at `rect` into which the rows of a tree are drawn, and which takes the keyboard's focus for all of them.
///
/// With the focus it gets the arrow keys and *Escape*, which egui would otherwise take to move the focus away. `name` is for screen
/// readers. Give the focus back with [`Response::request_focus`] after a row was clicked.
#[must_use]
pub fn tree_area(ui: &mut Ui, id: Id, rect: Rect, name: &str) -> (Ui, Response) {
    // No clicks: Enter and Space would be clicks, too. And not the area's own response: that one is asked again when the area ends, and
    // would give up a focus that was requested on the way.
    let response = ui.interact(rect, id, Sense::focusable_noninteractive());
    response.widget_info(|| WidgetInfo::labeled(Role::Tree, ui.is_enabled(), name));
    if response.has_focus() {
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, escape: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
    }
    let mut area = ui.new_child(UiBuilder::new().scope_id(id.with("rows")).max_rect(rect).accessibility_parent(id));
    area.shrink_clip_rect(rect);
    area.expand_to_include_rect(rect);
    // Rows come and go under the same places while the tree is scrolled.
    area.ctx().allow_widget_id_changes_in(rect);
    (area, response)
}

/// Tells screen readers that `row` is the current one of the tree `id`; it has to be among the rows that were drawn.
///
/// Call it after drawing the rows. The focus itself stays on the tree.
pub fn set_active_row(ui: &Ui, id: Id, row: Id) {
    ui.ctx().accesskit_node_builder(id, |node| node.set_active_descendant(row.accesskit_id()));
}

#[cfg(test)]
mod tests {
    use egui::{Key, pos2, vec2};
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT as _, Queryable as _};

    use super::row::{HiddenParts, ROW_HEIGHT, RowKey, RowValue, RowView, row_ui};
    use super::*;

    /// A tree of three rows: the selected one, and the keys that arrived while it had the focus.
    #[derive(Default)]
    struct State {
        selected: u64,
        keys: Vec<Key>,
        was_clicked_in_focus: bool,
    }

    fn harness() -> Harness<'static, State> {
        let tree_id = Id::unique("tree");
        Harness::builder().with_size([600.0, 100.0]).build_ui_state(
            move |ui, state: &mut State| {
                let rect = Rect::from_min_size(pos2(0.0, 20.0), vec2(600.0, 76.0));
                let (mut area, tree) = tree_area(ui, tree_id, rect, "Values");
                if tree.has_focus() {
                    for key in [Key::ArrowDown, Key::ArrowLeft, Key::Escape, Key::Enter] {
                        if area.input(|input| input.key_pressed(key)) {
                            state.keys.push(key);
                        }
                    }
                }
                for index in 0..3 {
                    let top = rect.top() + ROW_HEIGHT * index as f32;
                    let row = RowView {
                        id: tree_id.with(index),
                        level: 2,
                        position_in_set: index + 1,
                        set_size: 3,
                        key: RowKey::Element(index),
                        value: RowValue::Null,
                        fold: None,
                        selected: state.selected == index,
                        tree_focused: tree.has_focus(),
                        edited: false,
                        growing: false,
                        hidden_parts: HiddenParts::default(),
                        key_marks: &[],
                        value_marks: &[],
                    };
                    let output = row_ui(&mut area, Rect::from_min_size(pos2(0.0, top), vec2(600.0, ROW_HEIGHT)), &row);
                    if output.response.clicked() {
                        state.was_clicked_in_focus |= tree.has_focus();
                        state.selected = index;
                        tree.request_focus();
                    }
                }
                set_active_row(&area, tree_id, tree_id.with(state.selected));
            },
            State::default(),
        )
    }

    #[test]
    fn a_click_on_a_row_gives_the_tree_the_focus_and_makes_the_row_current() {
        let mut harness = harness();
        harness.get_by_label("1: null").click();
        harness.run();
        let tree = harness.get_by_role_and_label(Role::Tree, "Values");
        assert!(tree.accesskit_node().is_focused_in_tree());
        assert!(!tree.is_focused());
        assert!(harness.get_by_label("1: null").is_focused());
        assert!(!harness.get_by_label("0: null").is_focused());
    }

    #[test]
    fn keys_stay_in_the_tree() {
        let mut harness = harness();
        harness.get_by_label("1: null").click();
        harness.run();
        let keys = [Key::ArrowDown, Key::ArrowLeft, Key::Escape, Key::Enter];
        for key in keys {
            harness.key_press(key);
            harness.run();
        }
        assert_eq!(harness.state().keys, keys);
        assert_eq!(harness.state().selected, 1);
    }

    #[test]
    fn the_tree_is_reached_with_tab() {
        let mut harness = harness();
        harness.key_press(Key::Tab);
        harness.run();
        assert!(harness.get_by_role_and_label(Role::Tree, "Values").accesskit_node().is_focused_in_tree());
    }
}
