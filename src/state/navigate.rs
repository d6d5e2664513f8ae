//! Keys and clicks → selection, open containers.

use super::Effect;
use crate::document::{Node, Path, RevisionId};
use crate::state::rows::Fold;
use crate::state::{Command, Dialog, DocumentId, Session, State};

/// Where the selection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// The row above.
    Up,
    /// The row below.
    Down,
    /// So many rows up.
    PageUp(u64),
    /// So many rows down.
    PageDown(u64),
    /// The first row.
    First,
    /// The last row.
    Last,
    /// Opens a container, or goes to its first child.
    Right,
    /// Closes a container, or goes to the one that it is in.
    Left,
}

/// Containers that opening some levels opens at most.
const LEVEL_LIMIT: usize = 100_000;
/// In deeper documents "everything" is so many levels: a row costs as much as it is deep.
const DEEPEST: u64 = 300;

/// Selects a value; opens what it is in.
pub fn select(state: &mut State, path: Path) {
    if let Some(session) = state.shown_mut() {
        reveal(session, &path);
        session.view.selection = path;
    }
}

/// A path was typed: what is there is looked up, and the question stays until that is known.
pub fn go_to(state: &mut State, text: String, effects: &mut Vec<Effect>) {
    let Some(id) = state.tab().map(|tab| tab.id) else { return };
    let Some(session) = state.session() else { return };
    let typed = text.trim();
    let slash = if typed.is_empty() || typed.starts_with('/') { "" } else { "/" };
    let revision = session.history.current();
    effects.push(Effect::Resolve(id, revision.id, revision.document.clone(), format!("{slash}{typed}")));
    state.dialog = Some(Dialog::GoTo { text, problem: None });
}

/// The place was looked up.
pub fn resolved(state: &mut State, id: DocumentId, revision: RevisionId, place: Result<Path, String>) {
    let is_shown = state.tab().is_some_and(|tab| tab.id == id);
    let is_current = state.session().is_some_and(|session| session.history.current().id == revision);
    let Some(Dialog::GoTo { problem, .. }) = state.dialog.as_mut().filter(|_| is_shown) else { return };
    match place {
        Err(why) => *problem = Some(why),
        Ok(_) if !is_current => *problem = Some("the document changed in the meantime".to_owned()),
        Ok(path) => {
            state.dialog = None;
            select(state, path);
        }
    }
}

/// Opens everything above `path`.
pub fn reveal(session: &mut Session, path: &Path) {
    let root = session.document().root().clone();
    if session.view.fold.row_of(&root, path).is_none() {
        session.view.fold = session.view.fold.with(&root, path, |fold| fold);
        // What is as usual leaves no trace: the containers above are opened one by one.
        for depth in 0..path.len() {
            if !session.view.fold.at(&path[..depth]).is_open() {
                session.view.fold = session.view.fold.with(&root, &path[..depth], |_| Fold::open());
            }
        }
    }
}

/// Opens or closes a container.
pub fn toggle(state: &mut State, path: &Path) {
    let Some(session) = state.shown_mut() else { return };
    let open = session.view.fold.at(path).is_open();
    set_open(session, path, if open { Fold::default() } else { Fold::open() });
    session.view.selection = path.clone();
}

fn set_open(session: &mut Session, path: &Path, fold: Fold) {
    let root = session.document().root().clone();
    session.view.fold = session.view.fold.with(&root, path, |_| fold);
    // What was selected inside a closed container is not on screen any more: the container is.
    if path.contains(&session.view.selection) && session.view.fold.row_of(&root, &session.view.selection).is_none() {
        session.view.selection = path.clone();
    }
}

/// Moves the selection.
pub fn go(state: &mut State, go: Go) {
    let Some(session) = state.shown_mut() else { return };
    let root = session.document().root().clone();
    let path = session.view.selection.clone();
    let row = session.view.fold.row_of(&root, &path).unwrap_or(0);
    let last = session.rows() - 1;
    let to = match go {
        Go::Up => row.saturating_sub(1),
        Go::Down => (row + 1).min(last),
        Go::PageUp(rows) => row.saturating_sub(rows.max(1)),
        Go::PageDown(rows) => (row + rows.max(1)).min(last),
        Go::First => 0,
        Go::Last => last,
        Go::Right => {
            let node = session.selected();
            if node.has_no_children() {
                return;
            }
            if !session.view.fold.at(&path).is_open() {
                return set_open(session, &path, Fold::open());
            }
            row + 1
        }
        Go::Left => {
            if session.view.fold.at(&path).is_open() && session.selected().kind().is_container() {
                return set_open(session, &path, Fold::default());
            }
            match path.parent() {
                Some(parent) => session.view.fold.row_of(&root, &parent).unwrap_or(0),
                None => return,
            }
        }
    };
    if let Some(found) = session.view.fold.row(&root, to) {
        session.view.selection = found.path;
    }
}

/// The commands that open and close.
pub fn fold(state: &mut State, command: Command) {
    let Some(session) = state.shown_mut() else { return };
    let path = session.view.selection.clone();
    match command {
        Command::Expand => set_open(session, &path, Fold::open()),
        Command::ExpandBelow => {
            let fold = all_below(session, &session.selected());
            set_open(session, &path, fold);
        }
        Command::CollapseBelow => set_open(session, &path, Fold::default()),
        Command::ExpandAll => session.view.fold = all_below(session, &session.document().root().clone()),
        Command::CollapseAll => {
            session.view.fold = Fold::open();
            session.view.selection = path.first().map_or_else(Path::root, |&first| Path::root().child(first));
        }
        Command::ExpandLevels(levels) => {
            let (fold, whole) = open_levels(session.document().root(), usize::from(levels));
            session.view.fold = fold;
            if !whole {
                session.notice =
                    Some(format!("Opened the first {LEVEL_LIMIT} arrays and objects; there are more on these levels."));
            }
            let shown = path.len().min(usize::from(levels));
            session.view.selection = path[..shown].into();
        }
        _ => {}
    }
}

/// Opens everything in `node`, or as many levels of it as a person can use.
fn all_below(session: &mut Session, node: &Node) -> Fold {
    let depth = session.document().depth_as_read();
    if depth <= DEEPEST {
        return Fold::open_below();
    }
    session.notice = Some(format!("This document is nested {depth} levels deep: {DEEPEST} levels were opened."));
    open_levels(node, DEEPEST as usize).0
}

/// Opens the containers above `levels`; not all of them where there are too many.
fn open_levels(root: &Node, levels: usize) -> (Fold, bool) {
    let mut fold = Fold::open();
    let mut opened = 1;
    let mut level = vec![(Path::root(), root.clone())];
    for _ in 1..levels {
        let mut next = Vec::new();
        for (path, node) in level {
            for (k, child) in node.children().enumerate() {
                if child.node.kind().is_container() && !child.node.has_no_children() {
                    if opened == LEVEL_LIMIT {
                        return (fold, false);
                    }
                    opened += 1;
                    let path = path.child(k as u64);
                    fold = fold.with(root, &path, |_| Fold::open());
                    next.push((path, child.node));
                }
            }
        }
        level = next;
    }
    (fold, true)
}
