//! The find bar: what is searched for, what was found, and which hit is the current one.
//!
//! Hits are offsets in the text of the revision that was searched. They become paths only where one is shown or gone to, and those
//! are mapped through the edits made since. After an edit the search runs again in the background; the hits of before stay until
//! it has ended, and the current hit is found again by its path.

use super::scroll::ScrollPosition;
use super::session::{Session, View};
use super::update::{Effect, reveal};
use super::{DocumentId, Progress, State};
use crate::document::path::map_all;
use crate::document::search::{Chunk, Hits, Query, Scope, Searcher};
use crate::document::{Document, Path, RevisionId, Shift, Side, offset_of_path, path_of_offset};
use std::sync::Arc;

/// So many hits before and behind a place in the same value are told apart.
const NEIGHBOURS: u64 = 1000;

/// The find bar of one document.
#[derive(Default)]
pub struct Find {
    /// Whether the bar is shown.
    pub is_open: bool,
    /// What is searched for.
    pub query: Query,
    /// Changes each time the field is to get the focus.
    pub asked: u64,
    /// Why the query can't be searched for.
    pub invalid: Option<String>,
    /// The search whose hits are shown.
    pub search: Option<Search>,
    /// The same search in a later revision, until it has ended.
    again: Option<Search>,
    /// The current hit.
    pub current: Option<Current>,
    /// Changes each time a hit is gone to, also to the same one again.
    pub gone_to: u64,
    /// Whether the list of hits is shown.
    pub is_list_open: bool,
    /// Where it stands.
    pub list_scroll: ScrollPosition,
    /// The view from which typing looks for the nearest hit, and its revision.
    origin: Option<(View, RevisionId)>,
}

/// One search and what it has found so far.
pub struct Search {
    /// Names it in events.
    pub number: u64,
    /// The document of the revision that is searched.
    pub document: Document,
    revision: RevisionId,
    /// The query, compiled.
    pub searcher: Option<Arc<Searcher>>,
    /// What was found.
    pub hits: Hits,
    /// How much of the text is searched, once that was heard.
    pub progress: Option<Progress>,
    /// Whether more may come.
    pub is_running: bool,
    /// It was stopped: there may be more than was found.
    pub is_partial: bool,
    /// How positions moved since that revision.
    shifts: Vec<Shift>,
    /// Whether the first hit behind the origin is to be gone to.
    jumps: bool,
    /// The hit that was gone to before those in front of it were counted.
    first: Option<u64>,
    /// No hit is behind the origin: the first one of all is gone to.
    wraps: bool,
    /// A step to the next hit (`true`) or the one before, which is not known yet.
    awaited: Option<bool>,
}

/// The hit that was gone to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Its number, from 0; unknown while the document is searched again.
    pub number: Option<u64>,
    /// Where it is now.
    pub path: Path,
    /// In key or value.
    pub side: Side,
    /// Bytes from the start of the key or value as it is written.
    pub inside: u64,
}

/// What the person does in the bar.
#[derive(Clone, Debug, PartialEq)]
pub enum FindInput {
    /// The text in the field changed.
    Text(String),
    /// Keys, values or both.
    Scope(Scope),
    /// Upper and lower case differ, or not.
    CaseSensitive(bool),
    /// Whole words only, or not.
    WholeWord(bool),
    /// The text is a regular expression, or not.
    Pattern(bool),
    /// Goes to the next hit (`true`) or the one before.
    Step(bool),
    /// Goes to hit number so many, from 0.
    Go(u64),
    /// Shows the list of hits, or not.
    List(bool),
    /// The list was scrolled.
    ScrollList(ScrollPosition),
    /// The search is stopped; what it found stays.
    Stop,
    /// The bar is closed.
    Close,
}

/// What comes back from a search.
#[derive(Clone, Debug)]
pub enum Found {
    /// The query is one, and runs.
    Begun(Arc<Searcher>),
    /// It is none, for this reason.
    Invalid(String),
    /// The first hit behind the place where the person looks, before all others; or that there is none.
    First(Option<u64>),
    /// More hits, behind those before; so many bytes are searched.
    Hits(Vec<Chunk>, u64),
    /// There are no more.
    Ended,
}

impl Search {
    /// Where the hit at an offset of the searched text is in the current document; `None` where an edit removed it.
    fn path(&self, at: u64) -> Option<(Path, Side, u64)> {
        let place = path_of_offset(&self.document, at);
        match map_all(&self.shifts, &place.path) {
            crate::document::Moved::Kept(path) => Some((path, place.side, place.inside)),
            crate::document::Moved::Gone(_) => None,
        }
    }
}

impl Find {
    /// What marks hits in the rows, while the bar is shown.
    pub fn searcher(&self) -> Option<&Searcher> {
        let search = self.search.as_ref().filter(|_| self.is_open)?;
        search.searcher.as_deref()
    }

    /// Number of hits so far.
    pub fn count(&self) -> u64 {
        self.search.as_ref().map_or(0, |search| search.hits.len())
    }

    /// Whether the number may still grow.
    pub fn is_running(&self) -> bool {
        self.search.as_ref().is_some_and(|search| search.is_running)
    }

    /// Where hit `number` is in the current document; `None` where an edit removed it. O(depth · log n).
    pub fn path(&self, number: u64) -> Option<(Path, Side, u64)> {
        let search = self.search.as_ref()?;
        search.path(search.hits.get(number)?)
    }

    /// Follows an edit.
    pub fn moved(&mut self, shifts: &[Shift]) {
        for search in self.search.iter_mut().chain(&mut self.again) {
            search.shifts.extend_from_slice(shifts);
        }
        if let Some(current) = &mut self.current {
            current.path = map_all(shifts, &current.path).into_path();
        }
        self.origin = None;
    }

    fn latest(&mut self) -> Option<&mut Search> {
        self.again.as_mut().or(self.search.as_mut())
    }
}

/// Shows the bar and gives its field the focus.
pub fn open(state: &mut State) {
    let number = state.number();
    if let Some(session) = state.session_mut() {
        session.find.is_open = true;
        session.find.asked = number;
        remember_origin(session);
    }
}

fn remember_origin(session: &mut Session) {
    session.find.origin = Some((session.view.clone(), session.history.current().id));
}

/// Something was done in the bar.
pub fn take(state: &mut State, input: FindInput, effects: &mut Vec<Effect>) {
    let Some(id) = state.tab().map(|tab| tab.id) else { return };
    let number = state.number();
    let Some(session) = state.session_mut() else { return };
    let find = &mut session.find;
    let query = match input {
        FindInput::Text(text) => find.query.with_text(&text),
        FindInput::Scope(scope) => Query { scope, ..find.query.clone() },
        FindInput::CaseSensitive(is_case_sensitive) => Query { is_case_sensitive, ..find.query.clone() },
        FindInput::WholeWord(is_whole_word) => Query { is_whole_word, ..find.query.clone() },
        FindInput::Pattern(is_pattern) => Query { is_pattern, ..find.query.clone() },
        FindInput::Step(forward) => return step(state, forward, effects),
        FindInput::Go(number) => return go(session, number),
        FindInput::List(is_open) => {
            find.is_list_open = is_open;
            return;
        }
        FindInput::ScrollList(position) => {
            find.list_scroll = position;
            return;
        }
        FindInput::Stop => return stop(session, id, effects),
        FindInput::Close => return close(session, id, effects),
    };
    if query != find.query {
        find.query = query;
        begin(session, id, number, effects);
    }
}

/// Ends the search; what was found by then is shown, of the newest revision that was searched.
fn stop(session: &mut Session, id: DocumentId, effects: &mut Vec<Effect>) {
    let find = &mut session.find;
    find.search = find.again.take().or_else(|| find.search.take());
    let Some(search) = find.search.as_mut().filter(|search| search.is_running) else { return };
    (search.is_running, search.is_partial, search.awaited) = (false, true, None);
    effects.push(Effect::StopSearch(id));
    jump(session);
    renumber(session);
}

/// Puts the bar away; what was found stays for *Find next*.
pub fn close(session: &mut Session, id: DocumentId, effects: &mut Vec<Effect>) {
    let find = &mut session.find;
    find.is_open = false;
    find.origin = None;
    if find.latest().is_some_and(|search| search.is_running) {
        effects.push(Effect::StopSearch(id));
        find.again = None;
    }
    // Half a search would count wrongly: the next use runs it anew.
    find.search.take_if(|search| search.is_running || search.is_partial);
}

impl Find {
    /// Forgets what was found, in a document that may be an earlier one; the next use of the bar searches anew.
    pub fn forget(&mut self) {
        if !self.is_open {
            (self.search, self.again) = (None, None);
        }
    }
}

/// Searches for another query.
fn begin(session: &mut Session, id: DocumentId, number: u64, effects: &mut Vec<Effect>) {
    if session.find.origin.is_none() {
        remember_origin(session);
    }
    let find = &mut session.find;
    (find.invalid, find.current, find.again, find.list_scroll) = (None, None, None, ScrollPosition::default());
    if find.query.text.is_empty() {
        if find.search.take().is_some_and(|search| search.is_running) {
            effects.push(Effect::StopSearch(id));
        }
        return;
    }
    let search = order(session, id, number, effects);
    session.find.search = Some(search);
}

fn order(session: &Session, id: DocumentId, number: u64, effects: &mut Vec<Effect>) -> Search {
    let document = session.document().clone();
    let from = offset_of_path(&document, origin_of(session)).unwrap_or(0);
    effects.push(Effect::Search(id, number, session.find.query.clone(), document.clone(), from));
    Search {
        number,
        document,
        revision: session.history.current().id,
        searcher: None,
        hits: Hits::default(),
        progress: None,
        is_running: true,
        is_partial: false,
        shifts: Vec::new(),
        jumps: true,
        first: None,
        wraps: false,
        awaited: None,
    }
}

/// After every input: a document that was changed is searched again.
pub fn follow(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(id) = state.tab().map(|tab| tab.id) else { return };
    let stale = state.session_mut().is_some_and(|session| {
        let now = session.history.current().id;
        let find = &mut session.find;
        find.is_open && find.invalid.is_none() && find.latest().is_some_and(|search| search.revision != now)
    });
    if stale {
        search_again(state, id, effects);
    }
}

fn search_again(state: &mut State, id: DocumentId, effects: &mut Vec<Effect>) {
    let number = state.number();
    let Some(session) = state.session_mut() else { return };
    let mut again = order(session, id, number, effects);
    again.jumps = false;
    let find = &mut session.find;
    // The hits of a search that had not ended are too few to stay.
    let has_ended = find.search.as_ref().is_some_and(|search| !search.is_running);
    if has_ended { find.again = Some(again) } else { find.search = Some(again) }
}

/// Something came back from a search.
pub fn found(state: &mut State, id: DocumentId, number: u64, found: Found, now_ms: u64) {
    let Some(session) = state.session_of(id) else { return };
    let find = &mut session.find;
    let Some(search) = find.search.iter_mut().chain(&mut find.again).find(|search| search.number == number) else { return };
    match found {
        Found::Begun(searcher) => search.searcher = Some(searcher),
        Found::Invalid(why) => {
            (find.invalid, find.search, find.again) = (Some(why), None, None);
            return restore_origin(session);
        }
        Found::First(at) => {
            search.first = at.filter(|_| search.jumps);
            search.wraps = at.is_none();
        }
        Found::Hits(chunks, done) => {
            let total = search.document.byte_len();
            search.progress = Some(Progress::after(search.progress, done, total, now_ms));
            chunks.into_iter().for_each(|chunk| search.hits.push(chunk));
        }
        Found::Ended => {
            (search.is_running, search.is_partial) = (false, false);
            if find.again.as_ref().is_some_and(|again| again.number == number) {
                find.search = find.again.take();
            }
        }
    }
    jump(session);
    renumber(session);
    // Who went elsewhere meanwhile stays there.
    let is_here = session.find.current.as_ref().is_none_or(|current| current.path == session.view.selection);
    if let Some(forward) = session.find.search.as_mut().and_then(|search| search.awaited.take()).filter(|_| is_here) {
        step_in(session, forward);
    }
}

/// The value from which the nearest hit is looked for.
fn origin_of(session: &Session) -> &Path {
    session.find.origin.as_ref().map_or(&session.view.selection, |(view, _)| &view.selection)
}

/// Goes to the first hit behind the place where the search was begun, once it is known.
fn jump(session: &mut Session) {
    let Some(search) = session.find.search.as_ref().filter(|search| search.jumps) else { return };
    let start = offset_of_path(&search.document, origin_of(session)).unwrap_or(0);
    let first = search.hits.first_from(start);
    let place = match () {
        () if first < search.hits.len() => search.hits.get(first).map(|at| (at, Some(first))),
        () if search.first.is_some() => search.first.map(|at| (at, None)),
        () if search.is_running && (!search.wraps || search.hits.is_empty()) => return,
        () => search.hits.get(0).map(|at| (at, Some(0))),
    };
    if let Some(search) = &mut session.find.search {
        search.jumps = false;
    }
    restore_origin(session);
    if let Some((at, number)) = place {
        let origin = session.find.origin.take();
        go_to(session, at, number);
        session.find.origin = origin;
    }
}

/// What typing opened on the way is closed again.
fn restore_origin(session: &mut Session) {
    if let Some((view, revision)) = &session.find.origin
        && *revision == session.history.current().id
    {
        session.view.fold = view.fold.clone();
        session.view.selection = view.selection.clone();
    }
}

/// The number of the hit that was gone to before all others, once those in front of it are counted.
fn count_first(session: &mut Session) {
    let find = &mut session.find;
    let (Some(search), Some(current)) = (&mut find.search, &mut find.current) else { return };
    let Some(at) = search.first.filter(|_| current.number.is_none()) else { return };
    let number = search.hits.first_from(at);
    if search.hits.get(number) == Some(at) {
        (current.number, search.first) = (Some(number), None);
    }
}

/// Finds the current hit's number after the document was searched again.
fn renumber(session: &mut Session) {
    count_first(session);
    let find = &session.find;
    let (Some(search), Some(current)) = (&find.search, &find.current) else { return };
    // Those in front of it were not all counted.
    if search.is_partial && current.number.is_none() {
        return;
    }
    if search.is_running || search.revision != session.history.current().id || current_is_at(search, current) {
        return;
    }
    let start = offset_of_path(&search.document, &current.path).unwrap_or(0);
    let first = search.hits.first_from(start);
    let mut number = None;
    for candidate in first..search.hits.len().min(first + NEIGHBOURS) {
        let Some(offset) = search.hits.get(candidate) else { break };
        let place = path_of_offset(&search.document, offset);
        if place.path != current.path {
            break;
        }
        if number.is_none() || (place.side == current.side && place.inside <= current.inside) {
            number = Some(candidate);
        }
    }
    let place = number.and_then(|number| find.path(number));
    session.find.current = match (number, place) {
        (Some(number), Some((path, side, inside))) => Some(Current { number: Some(number), path, side, inside }),
        _ => None,
    };
}

fn current_is_at(search: &Search, current: &Current) -> bool {
    let place = current.number.and_then(|number| search.hits.get(number)).map(|at| path_of_offset(&search.document, at));
    place.is_some_and(|place| place.path == current.path && place.side == current.side && place.inside == current.inside)
}

/// Selects a hit.
fn go(session: &mut Session, number: u64) {
    if let Some(at) = session.find.search.as_ref().and_then(|search| search.hits.get(number)) {
        go_to(session, at, Some(number));
    }
}

/// Selects the hit at an offset of the searched text; its number may not be known yet.
fn go_to(session: &mut Session, at: u64, number: Option<u64>) {
    let Some((path, side, inside)) = session.find.search.as_ref().and_then(|search| search.path(at)) else { return };
    if session.document().node(&path).is_none() {
        return;
    }
    reveal(session, &path);
    session.view.selection = path.clone();
    session.find.current = Some(Current { number, path, side, inside });
    session.find.gone_to += 1;
    if let Some(search) = &mut session.find.search {
        (search.jumps, search.awaited) = (false, None);
    }
    remember_origin(session);
}

/// Goes to the next hit, or the one before; from the last one to the first.
pub fn step(state: &mut State, forward: bool, effects: &mut Vec<Effect>) {
    let Some(id) = state.tab().map(|tab| tab.id) else { return };
    let new = state.number();
    let Some(session) = state.session_mut() else { return };
    if session.find.query.text.is_empty() {
        return open(state);
    }
    session.find.is_open = true;
    // Stopped before there was any: it is tried once more.
    session.find.search.take_if(|search| search.is_partial && search.hits.is_empty());
    if session.find.search.is_none() {
        if session.find.invalid.is_none() {
            remember_origin(session);
            begin(session, id, new, effects);
        }
        return;
    }
    step_in(session, forward);
}

/// The same in what was found, as soon as that is known.
fn step_in(session: &mut Session, forward: bool) {
    let Some(search) = &session.find.search else { return };
    let count = search.hits.len();
    if count == 0 && !search.is_running {
        return;
    }
    // From the current hit, unless the person went elsewhere.
    let here = session.find.current.as_ref().filter(|current| current.path == session.view.selection);
    let next = match here.map(|current| current.number) {
        Some(Some(number)) if forward => number + 1,
        Some(Some(number)) => number.wrapping_sub(1),
        // Those in front of it are still being counted.
        Some(None) if search.first.is_some() && search.is_running => count,
        _ => {
            let start = offset_of_path(&search.document, &session.view.selection).unwrap_or(0);
            let first = search.hits.first_from(start);
            if forward { first } else { first.wrapping_sub(1) }
        }
    };
    match (next < count, search.is_running) {
        (true, _) => go(session, next),
        // What is there is not known yet.
        (false, true) => {
            if let Some(search) = &mut session.find.search {
                search.awaited = Some(forward);
            }
        }
        (false, false) => go(session, if forward { 0 } else { count - 1 }),
    }
}
