//! What is counted of saves, saving by itself, trying again, and alerts.
//!
//! The number of unsaved changes is not counted here: it follows from the history, whose saved revision moves only when a save
//! ended its last step.

use super::State;
use super::Timing;
use super::on_disk::Status;
use super::session::{Purpose, Session};
use super::update::{Effect, Now};

pub use crate::storage::SavingOptions as Options;

/// The first try after a failed save; each further one waits twice as long, up to [`LAST_RETRY_MS`].
const FIRST_RETRY_MS: u64 = 15_000;
const LAST_RETRY_MS: u64 = 300_000;
/// Failures in a row that raise an alert.
const FAILURES: u64 = 3;
/// Unsaved edits that raise an alert where nothing saves by itself, and minutes where something should.
const MANY_EDITS: u64 = 50;
const LONG_MS: u64 = 600_000;

/// Something that a person has to know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    /// So many saves failed in a row.
    Failing(u64),
    /// Edits are unsaved for long, although saving by itself is on.
    UnsavedLong,
    /// Very many edits are unsaved.
    UnsavedMany(u64),
}

impl Alert {
    /// What to tell; whether the journal has the edits.
    pub fn text(self, is_journaled: bool) -> String {
        match self {
            Self::Failing(count) => {
                let kept = if is_journaled { " and in the crash journal" } else { "" };
                format!("{count} saves in a row have failed. Your edits are here{kept}, not in the file.")
            }
            Self::UnsavedLong => "Edits are unsaved for more than ten minutes, although saving by itself is on.".to_owned(),
            Self::UnsavedMany(count) => format!("{count} edits are not saved yet."),
        }
    }

    fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// Counts of one document's saves.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Saves that were made.
    pub saves: u64,
    /// Saves that failed.
    pub failures: u64,
    /// The last ones in a row.
    pub failures_in_row: u64,
    /// Saves that were tried again by themselves.
    pub retries: u64,
    /// Conflicts that a save met.
    pub conflicts: u64,
    /// Milliseconds of each step of the last save.
    pub last_ms: Vec<(&'static str, u64)>,
    /// Waits for a lock that another program held, and their length in all.
    pub lock_waits: u64,
    /// In milliseconds.
    pub lock_wait_ms: u64,
    /// Who held the lock last, where the system tells.
    pub lock_holder: Option<String>,
    /// When the first unsaved edit was made.
    pub unsaved_since_ms: Option<u64>,
    /// When the last edit was made.
    pub last_edit_ms: u64,
    /// When a failed save is tried again.
    pub retry_at_ms: Option<u64>,
    /// What has to be told.
    pub alert: Option<Alert>,
    seen: Option<Alert>,
}

impl Metrics {
    /// An edit was made.
    pub fn edited(&mut self, now_ms: u64) {
        self.last_edit_ms = now_ms;
        self.unsaved_since_ms.get_or_insert(now_ms);
    }

    /// A save ended: how long its steps took, and whether it waited for a lock.
    pub(super) fn timed(&mut self, timing: Timing) {
        self.last_ms = timing.steps_ms;
        if let Some(wait) = timing.lock_wait_ms {
            self.lock_waits += 1;
            self.lock_wait_ms += wait;
        }
        self.lock_holder = timing.lock_holder.or(self.lock_holder.take());
    }

    pub(super) fn saved(&mut self, left_unsaved: bool, now_ms: u64) {
        self.saves += 1;
        (self.failures_in_row, self.retry_at_ms) = (0, None);
        self.unsaved_since_ms = left_unsaved.then_some(now_ms);
    }

    pub(super) fn failed(&mut self, is_conflict: bool, tries_again: bool, now_ms: u64) {
        self.failures += 1;
        self.conflicts += u64::from(is_conflict);
        // A conflict waits for a person, who is told of it elsewhere.
        self.failures_in_row += u64::from(!is_conflict);
        let wait = FIRST_RETRY_MS << self.failures_in_row.saturating_sub(1).min(8);
        self.retry_at_ms = tries_again.then_some(now_ms + wait.min(LAST_RETRY_MS));
    }

    /// The person has seen the alert.
    pub(super) fn seen(&mut self) {
        self.seen = self.alert.take();
    }
}

fn alert_of(session: &Session, options: &Options, now: &Now) -> Option<Alert> {
    let metrics = &session.metrics;
    let unsaved = session.unsaved();
    if unsaved == 0 {
        return None;
    }
    if metrics.failures_in_row >= FAILURES {
        return Some(Alert::Failing(metrics.failures_in_row));
    }
    if options.autosaves() {
        let since = metrics.unsaved_since_ms.unwrap_or(now.ms);
        return (now.ms.saturating_sub(since) >= LONG_MS).then_some(Alert::UnsavedLong);
    }
    (unsaved >= MANY_EDITS).then_some(Alert::UnsavedMany(unsaved))
}

/// What time brings: alerts, and saves that are due.
pub(super) fn look(state: &mut State, now: &Now, effects: &mut Vec<Effect>) {
    let options = state.options.clone();
    let Some(id) = state.tab().map(|tab| tab.id) else { return };
    let Some(session) = state.session_mut() else { return };
    let alert = alert_of(session, &options, now);
    match (alert, session.metrics.seen) {
        (None, _) => (session.metrics.alert, session.metrics.seen) = (None, None),
        (Some(new), Some(seen)) if new.is_like(seen) => {}
        (Some(_), _) => session.metrics.alert = alert,
    }
    let retry = session.metrics.retry_at_ms.is_some_and(|at| now.ms >= at) && session.failure.is_some();
    if (retry || is_autosave_due(session, &options, now)) && may_save(session) {
        session.metrics.retries += u64::from(retry);
        super::update::begin_save(id, session, Purpose::Save, now, effects);
    }
}

fn is_autosave_due(session: &Session, options: &Options, now: &Now) -> bool {
    let by_edits = options.autosave_edits > 0 && session.unsaved() >= u64::from(options.autosave_edits);
    let quiet = now.ms.saturating_sub(session.metrics.last_edit_ms);
    let by_time = options.autosave_seconds > 0 && quiet >= u64::from(options.autosave_seconds) * 1000;
    session.failure.is_none() && (by_edits || by_time)
}

/// Never over a conflict, never while something is typed.
fn may_save(session: &Session) -> bool {
    let busy = session.saving.is_some() || session.editor.is_some() || session.merging.is_some();
    let ordinary = session.failure.as_ref().is_none_or(|failure| failure.purpose == Purpose::Save);
    !busy
        && ordinary
        && session.path.is_some()
        && !session.read_only
        && session.unsaved() > 0
        && session.status_of_disk() == Status::Saved
}

/// Milliseconds until time brings something, if it does.
pub fn wait_ms(state: &State, now_ms: u64) -> Option<u64> {
    let session = state.session()?;
    if session.unsaved() == 0 {
        return None;
    }
    let metrics = &session.metrics;
    let quiet = (state.options.autosave_seconds > 0 && session.failure.is_none())
        .then(|| metrics.last_edit_ms + u64::from(state.options.autosave_seconds) * 1000);
    let long = state.options.autosaves().then(|| metrics.unsaved_since_ms.unwrap_or(now_ms) + LONG_MS);
    [quiet, long, metrics.retry_at_ms].into_iter().flatten().filter(|&at| at > now_ms).min().map(|at| at - now_ms)
}
