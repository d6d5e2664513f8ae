//! The window: draws what the state holds, and sends what the person did. It decides nothing.
//!
//! * [`theme`]: colours, fonts and buttons; no other file names a colour.
//! * [`text`]: text cut, escaped and put in visual order before it is drawn.
//! * [`value_line`]: a value in one line, outside of the tree.
//! * [`tree`]: the rows, the field in a row, the scroll bar.
//! * [`keys`]: the keyboard. [`menu`], [`find_bar`], [`banner`], [`path_bar`], [`status_bar`]: what stands around the tree.
//! * [`start_page`], [`broken`], [`merge`], [`differences`], [`side_panels`], [`reader`], [`dialogs`]: what stands in its place, beside it or over it.

pub mod banner;
pub mod broken;
pub mod dialogs;
pub mod differences;
pub mod field;
pub mod find_bar;
pub mod keys;
pub mod menu;
pub mod merge;
pub mod path_bar;
pub mod reader;
pub mod side_panels;
pub mod start_page;
pub mod status_bar;
pub mod text;
pub mod theme;
pub mod tree;
pub mod value_line;

use crate::state::{Content, Input, Loading, Session, State, Tab};
use egui::{CentralPanel, Frame, Margin, Panel, Ui};

/// What drawing remembers from frame to frame; nothing that matters.
#[derive(Default)]
pub struct Memory {
    /// The tree as it was drawn last.
    pub tree: tree::Memory,
    /// The find bar.
    pub find: find_bar::Memory,
    /// The text of the selected value.
    pub reader: reader::Memory,
    /// The list of changes to merge.
    pub merge: merge::Memory,
    /// Milliseconds since the program began.
    pub now_ms: u64,
    /// Writes a moment (nanoseconds since 1970) for people.
    pub when: Option<Box<dyn Fn(i128) -> String>>,
}

/// Draws the whole window; gives what the person did.
pub fn window_ui(ui: &mut Ui, state: &State, memory: &mut Memory) -> Vec<Input> {
    let mut inputs = Vec::new();
    let tokens = theme::tokens(ui);
    let bar = Frame::new().fill(tokens.window).inner_margin(Margin::symmetric(8, 4));
    let line = egui::Stroke::new(1.0, tokens.line);
    let modal = state.dialog.is_some();
    if !modal {
        keys::take(ui, state, memory.tree.page, &mut inputs);
    }
    Panel::top("menu").frame(bar).exact_size(38.0).show(ui, |ui| menu::menu_ui(ui, state, &mut inputs));
    banner::banner_ui(ui, state, memory.now_ms, &mut inputs);
    let status = || Panel::bottom("status").frame(bar.inner_margin(Margin::symmetric(14, 0))).exact_size(28.0);
    if let Some(Tab { content: Content::Loading(loading), .. }) = state.tab()
        && let Some(head) = &loading.head
    {
        status().show(ui, |ui| status_bar::loading_ui(ui, loading, memory.now_ms, &mut inputs));
        show_path_ui(ui, head, &mut inputs);
    }
    if let Some(session) = state.session() {
        status().show(ui, |ui| status_bar::status_ui(ui, session, memory.now_ms, &mut inputs));
        if session.differences.is_some() {
            let frame = Frame::new().fill(tokens.window).inner_margin(Margin::symmetric(14, 10)).stroke(line);
            Panel::right("differences").frame(frame).default_size(420.0).min_size(280.0).show(ui, |ui| {
                differences::differences_ui(ui, session, &mut inputs);
            });
        }
        side_ui(ui, state, session, memory, &mut inputs);
        show_path_ui(ui, session, &mut inputs);
        if let Some(tab) = state.tab().filter(|_| state.shows_text && session.merging.is_none()) {
            let frame = Frame::new().fill(tokens.window).inner_margin(Margin::symmetric(14, 8)).stroke(line);
            Panel::bottom("text").frame(frame).default_size(230.0).min_size(90.0).resizable(true).show(ui, |ui| {
                reader::reader_ui(ui, session, tab.id, &mut memory.reader, &mut inputs);
            });
        }
        if session.find.is_open && session.merging.is_none() {
            let frame = Frame::new().fill(tokens.window).inner_margin(Margin::symmetric(14, 3)).stroke(line);
            Panel::top("find").frame(frame).show(ui, |ui| find_bar::find_ui(ui, session, &mut memory.find, &mut inputs));
            if session.find.is_list_open {
                let frame = Frame::new().fill(tokens.window).inner_margin(Margin::symmetric(8, 6)).stroke(line);
                Panel::bottom("hits").frame(frame).default_size(190.0).min_size(80.0).resizable(true).show(ui, |ui| {
                    find_bar::hits_ui(ui, session, &mut memory.find, &mut inputs);
                });
            }
        }
    }
    // The window was cleared with the colour that is behind the rows.
    CentralPanel::default().frame(Frame::NONE).show(ui, |ui| match state.tab() {
        None => start_page::start_ui(ui, state, &mut inputs),
        Some(tab) => match &tab.content {
            Content::Loading(Loading { head: Some(head), .. }) => {
                tree::tree_ui(ui, state, tab.id, head, &mut memory.tree, &mut inputs);
            }
            Content::Loading(loading) => start_page::loading_ui(ui, loading, memory.now_ms, &mut inputs),
            Content::Broken { path, broken } => broken::broken_ui(ui, path, broken, memory.now_ms, &mut inputs),
            Content::Ready(session) if session.merging.is_some() => {
                if let Some(merging) = &session.merging {
                    merge::merge_ui(ui, session, merging, &mut memory.merge, &mut inputs);
                }
            }
            Content::Ready(session) => tree::tree_ui(ui, state, tab.id, session, &mut memory.tree, &mut inputs),
        },
    });
    dialogs::dialog_ui(ui, state, memory, &mut inputs);
    inputs
}

/// The path of the selected value.
fn show_path_ui(ui: &mut Ui, session: &Session, inputs: &mut Vec<Input>) {
    let frame = Frame::new().inner_margin(Margin::symmetric(14, 0));
    Panel::top("path").frame(frame).exact_size(32.0).show(ui, |ui| path_bar::path_ui(ui, session, inputs));
}

/// What stands beside the tree, one at a time.
fn side_ui(ui: &mut Ui, state: &State, session: &Session, memory: &Memory, inputs: &mut Vec<Input>) {
    if session.versions.is_none() && session.statistics.is_none() && !state.shows_saving {
        return;
    }
    let tokens = theme::tokens(ui);
    let line = egui::Stroke::new(1.0, tokens.line);
    let frame = Frame::new().fill(tokens.window).inner_margin(Margin::symmetric(14, 10)).stroke(line);
    Panel::right("side").frame(frame).default_size(400.0).min_size(280.0).show(ui, |ui| {
        if let Some(versions) = &session.versions {
            let when = |ns: i128| memory.when.as_ref().map_or_else(String::new, |when| when(ns));
            side_panels::versions_ui(ui, versions, &when, inputs);
        } else if let Some(counting) = &session.statistics {
            side_panels::statistics_ui(ui, session, counting, inputs);
        } else {
            side_panels::saving_ui(ui, state, session, memory.now_ms, inputs);
        }
    });
}
