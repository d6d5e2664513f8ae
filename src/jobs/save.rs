//! The thread that saves, one order after the other.

use super::watch::Held;
use super::{Outbox, Stop, Surroundings, Threads, journal};
use crate::state::session::Purpose;
use crate::state::{DocumentId, Event, Report, SaveEnd, SaveOrder, Timing};
use crate::storage::{
    self, Announced, BackupPolicy, Cause, Digest, Doing, Durability, Env, Options, Retention, SaveError, Saved, Settings, Step,
    SystemClock,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a save waits for the lock before it asks.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Progress is told at most this often.
const PROGRESS: Duration = Duration::from_millis(100);
/// A wait for the lock counts, and is asked about, after this.
const SLOW_LOCK: Duration = Duration::from_millis(300);
/// How long a save waits until the journal says that it has noted it. A journal on a hung disk keeps no file from being saved.
const NOTE_WAIT: Duration = Duration::from_secs(2);

/// What the thread is told to write.
pub enum Order {
    /// A document, while its file is not looked at by others of this program.
    Save(SaveOrder, Stop, Retention, Option<Held>),
    /// The settings.
    Settings(Settings),
}

/// Starts the thread. It ends when nobody can give it orders any more, after the last one.
pub fn start(
    surroundings: Arc<Surroundings>,
    outbox: Outbox,
    journal: Option<mpsc::Sender<journal::Order>>,
) -> Option<(mpsc::Sender<Order>, JoinHandle<()>)> {
    let (sender, orders) = mpsc::channel();
    let teller = outbox.clone();
    let work = move || {
        for order in orders {
            match order {
                Order::Save(order, stop, retention, mut held) => {
                    let id = order.id;
                    let purpose = order.purpose.clone();
                    let end = catch_unwind(AssertUnwindSafe(|| {
                        save(&surroundings, &outbox, journal.as_ref(), order, &stop, retention)
                    }))
                    .unwrap_or_else(|_| {
                        let report = Report {
                            what: "Internal error while saving.".to_owned(),
                            safe: "Your edits are still here.".to_owned(),
                            todo: "Save a copy elsewhere.".to_owned(),
                        };
                        failed(report, purpose)
                    });
                    if let (Some(held), SaveEnd::Saved { version, .. }) = (&mut held, &end) {
                        held.left(*version);
                    }
                    outbox.send(Event::SaveEnded(id, end));
                    // What is on the disk is told behind it.
                    drop(held);
                }
                Order::Settings(settings) => {
                    if let Err(error) = storage::store_settings(&surroundings.disk, &surroundings.settings_path, &settings) {
                        log::warn!("{}: {error}", surroundings.settings_path.display());
                    }
                }
            }
        }
    };
    match thread::Builder::new().name("save".to_owned()).spawn(work) {
        Ok(thread) => Some((sender, thread)),
        Err(error) => {
            teller.send(Event::Notice(format!("Nothing can be saved, since no thread could be started: {error}.")));
            None
        }
    }
}

fn failed(report: Report, purpose: Purpose) -> SaveEnd {
    SaveEnd::Failed { report, purpose, is_conflict: false, is_cancelled: false, needs_backup: false, timing: Timing::default() }
}

/// Notes in the journal that a text is about to be in the file.
fn note(journal: &mpsc::Sender<journal::Order>, id: DocumentId, mark: u64, digest: &Digest) {
    let (done, noted) = mpsc::channel();
    if journal.send(journal::Order::SaveBegin(id, mark, *digest, done)).is_ok() && noted.recv_timeout(NOTE_WAIT).is_err() {
        log::warn!("the journal did not note a save in time");
    }
}

/// How long each step takes, as a save tells of them.
struct Watch {
    steps: Vec<(Step, Instant)>,
    holder: Option<String>,
    waited: bool,
    progress_at: Instant,
}

impl Watch {
    fn step(&mut self, step: Step) -> bool {
        let is_new = self.steps.last().is_none_or(|(last, _)| *last != step);
        if is_new {
            self.steps.push((step, Instant::now()));
        }
        is_new
    }

    fn since(&self) -> Duration {
        self.steps.last().map_or(Duration::ZERO, |(_, at)| at.elapsed())
    }

    fn is_progress_due(&mut self) -> bool {
        let is_due = self.progress_at.elapsed() >= PROGRESS;
        if is_due {
            self.progress_at = Instant::now();
        }
        is_due
    }

    fn timing(self) -> Timing {
        let ends: Vec<Instant> = self.steps.iter().skip(1).map(|(_, at)| *at).chain([Instant::now()]).collect();
        let mut steps_ms: Vec<(&'static str, u64)> = Vec::new();
        let mut lock_wait_ms = None;
        for ((step, begun), end) in self.steps.iter().zip(ends) {
            let ms = end.saturating_duration_since(*begun).as_millis() as u64;
            match steps_ms.iter_mut().find(|(name, _)| *name == step.doing()) {
                Some((_, sum)) => *sum += ms,
                None => steps_ms.push((step.doing(), ms)),
            }
            if *step == Step::Lock && self.waited {
                lock_wait_ms = Some(ms);
            }
        }
        Timing { steps_ms, lock_wait_ms, lock_holder: self.holder }
    }
}

fn save(
    surroundings: &Surroundings,
    outbox: &Outbox,
    journal: Option<&mpsc::Sender<journal::Order>>,
    order: SaveOrder,
    stop: &Stop,
    retention: Retention,
) -> SaveEnd {
    if matches!(order.purpose, Purpose::Copy(_)) && is_own(surroundings, &order) {
        let report = Report {
            what: "That is the document's own file.".to_owned(),
            safe: "Nothing was written.".to_owned(),
            todo: "Choose another name, or use Save.".to_owned(),
        };
        return failed(report, order.purpose);
    }
    let cause = if order.purpose == Purpose::KeepMine { Cause::Theirs } else { Cause::Save };
    let env = Env { disk: &surroundings.disk, clock: &SystemClock, state_folder: &surroundings.state_folder, crew: &Threads };
    let backup = if order.keeps_backup { BackupPolicy::Keep(cause) } else { BackupPolicy::Skip };
    let options = Options { backup, wait: LOCK_WAIT, retention };
    // A copy is another file: the journal is about this one.
    let journal = journal.filter(|_| !matches!(order.purpose, Purpose::Copy(_)));
    let announce = |digest: &Digest| {
        if let Some(journal) = journal {
            note(journal, order.id, order.revision.number(), digest);
        }
    };
    let content = Announced { document: &order.document, announce: &announce };
    let mut watch = Watch { steps: Vec::new(), holder: None, waited: false, progress_at: Instant::now() };
    let saved = storage::save(&env, &order.path, &order.expected, &content, options, &mut |doing: Doing| {
        let Doing { step, done, total } = doing;
        if watch.step(step) {
            outbox.send(Event::SaveStep(order.id, step.doing().to_owned()));
        } else if step == Step::Lock && !watch.waited && watch.since() >= SLOW_LOCK {
            watch.waited = true;
            watch.holder = storage::lock_holder(&surroundings.disk, &order.path.with_added_extension("lock"));
            if let Some(holder) = &watch.holder {
                outbox.send(Event::SaveStep(order.id, format!("waiting for the lock, which {holder} holds")));
            }
        }
        if total > 0 && watch.is_progress_due() {
            outbox.send(Event::SaveProgress(order.id, done, total));
        }
        stop.asked()
    });
    let timing = watch.timing();
    log::info!("{}: {} {timing:?}", order.path.display(), if saved.is_ok() { "saved" } else { "not saved" });
    match saved {
        Ok(saved) => SaveEnd::Saved {
            remark: remark(&saved),
            is_confirmed: !matches!(saved.durability, Durability::NameNotConfirmed(_)),
            version: saved.version,
            purpose: order.purpose,
            revision: order.revision,
            timing,
        },
        Err(error) => SaveEnd::Failed {
            needs_backup: matches!(error, SaveError::Backup { .. }),
            timing,
            is_conflict: matches!(error, SaveError::Conflict(_) | SaveError::Deleted),
            is_cancelled: matches!(error, SaveError::Cancelled),
            report: Report { what: error.what(), safe: error.safe(), todo: error.todo() },
            purpose: order.purpose,
        },
    }
}

fn is_own(surroundings: &Surroundings, order: &SaveOrder) -> bool {
    let real = |path: &Path| storage::real_path(&surroundings.disk, path).ok();
    order.own.as_deref().and_then(real).is_some_and(|own| real(&order.path).is_some_and(|path| path == own))
}

/// What should be told of a save that was made.
fn remark(saved: &Saved) -> Option<String> {
    let mut remarks = Vec::new();
    if let Some(displaced) = &saved.displaced {
        remarks.push(format!(
            "Another program wrote the file in the same moment; its version is kept as {}.",
            displaced.path.display()
        ));
    }
    if let Some(obstacle) = &saved.in_place {
        remarks.push(format!("The file was written in place. {}", obstacle.sentence()));
    }
    if let Durability::NameNotConfirmed(why) = &saved.durability {
        remarks.push(format!(
            "The file was written, but the disk did not confirm it ({why}). Save once more before you switch off."
        ));
    }
    if let Some(why) = &saved.unlocked {
        remarks.push(format!("The file was written without a lock, which can't be had here ({why})."));
    }
    (!remarks.is_empty()).then(|| remarks.join(" "))
}
