//! The thread that saves, one order after the other.

use super::{Outbox, Stop, Surroundings};
use crate::state::session::Purpose;
use crate::state::{Event, Report, SaveEnd, SaveOrder};
use crate::storage::{self, BackupPolicy, Cause, Durability, Env, Options, SaveError, Saved, Settings, Step, SystemClock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a save waits for the lock before it asks.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// What the thread is told to write.
pub enum Order {
    /// A document.
    Save(SaveOrder, Stop),
    /// The settings.
    Settings(Settings),
}

/// Starts the thread. It ends when nobody can give it orders any more, after the last one.
pub fn start(surroundings: Arc<Surroundings>, outbox: Outbox) -> Option<(mpsc::Sender<Order>, JoinHandle<()>)> {
    let (sender, orders) = mpsc::channel();
    let teller = outbox.clone();
    let work = move || {
        for order in orders {
            match order {
                Order::Save(order, stop) => {
                    let id = order.id;
                    let purpose = order.purpose.clone();
                    let end =
                        catch_unwind(AssertUnwindSafe(|| save(&surroundings, &outbox, order, &stop))).unwrap_or_else(|_| {
                            let report = Report {
                                what: "Internal error while saving.".to_owned(),
                                safe: "Your edits are still here.".to_owned(),
                                todo: "Save a copy elsewhere.".to_owned(),
                            };
                            SaveEnd::Failed { report, purpose, is_conflict: false, is_cancelled: false }
                        });
                    outbox.send(Event::SaveEnded(id, end));
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

fn save(surroundings: &Surroundings, outbox: &Outbox, order: SaveOrder, stop: &Stop) -> SaveEnd {
    let failed = |report, purpose| SaveEnd::Failed { report, purpose, is_conflict: false, is_cancelled: false };
    if matches!(order.purpose, Purpose::Copy(_)) && is_own(surroundings, &order) {
        let report = Report {
            what: "That is the document's own file.".to_owned(),
            safe: "Nothing was written.".to_owned(),
            todo: "Choose another name, or use Save.".to_owned(),
        };
        return failed(report, order.purpose);
    }
    let cause = if order.purpose == Purpose::KeepMine { Cause::Theirs } else { Cause::Save };
    let env = Env { disk: &surroundings.disk, clock: &SystemClock, state_folder: &surroundings.state_folder };
    let options = Options { backup: BackupPolicy::Keep(cause), wait: LOCK_WAIT };
    let mut last = None;
    let saved = storage::save(&env, &order.path, &order.expected, &order.document, options, &mut |step: Step| {
        if last != Some(step) {
            last = Some(step);
            outbox.send(Event::SaveStep(order.id, step.doing()));
        }
        stop.asked()
    });
    match saved {
        Ok(saved) => {
            SaveEnd::Saved { remark: remark(&saved), version: saved.version, purpose: order.purpose, revision: order.revision }
        }
        Err(error) => SaveEnd::Failed {
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
