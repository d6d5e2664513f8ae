//! Threads, progress, cancel: does the effects and gives events.
//!
//! Every thread of the program starts here, but for those of the libraries for windows and file events. An event is sent first,
//! then the window is woken. One thread makes all saves, in order; each watched file has one; everything else that takes a while
//! has one for as long as it takes. A job works on a snapshot, so nothing that is typed meanwhile can disturb it.

mod compare;
mod crew;
mod dialog;
mod freeing;
mod journal;
mod kept;
mod mends;
mod open;
mod running;
mod save;
mod search;
mod texts;
mod watch;

use crate::document::{self, Document, Merge, pointer};
use crate::state::merging::MergeDone;
use crate::state::session::Purpose;
use crate::state::{CompareFor, DocumentId, Effect, Event, Task, Theme};
use crate::storage::{self, Disk, Settings};
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::JoinHandle;

use running::Running;
use texts::Texts;

pub use crew::Threads;
pub use dialog::{FileChooser, Picked, SystemChooser};
pub use search::search_document;

/// Wakes the window.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Sends events to the window.
#[derive(Clone)]
struct Outbox {
    events: mpsc::Sender<Event>,
    wake: Wake,
}

impl Outbox {
    /// Sends and wakes. Where nobody listens any more the window is closed, and the event is of no use.
    fn send(&self, event: Event) {
        if self.events.send(event).is_ok() {
            (self.wake)();
        }
    }
}

/// Tells a job to stop.
#[derive(Clone, Default)]
struct Stop(Arc<AtomicBool>);

impl Stop {
    fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn take_back(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn asked(&self) -> ControlFlow<()> {
        if self.0.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// What jobs work with; tests give other folders and dialogs.
pub struct Surroundings {
    /// The disk.
    pub disk: Disk,
    /// Where backups stand.
    pub state_folder: PathBuf,
    /// Where settings stand.
    pub settings_path: PathBuf,
    /// The file dialogs.
    pub chooser: Arc<dyn FileChooser>,
}

impl Surroundings {
    /// Those of a real program.
    pub fn real() -> Self {
        Self {
            disk: Disk::real(),
            state_folder: storage::state_folder(),
            settings_path: storage::settings_path(),
            chooser: Arc::new(SystemChooser),
        }
    }
}

/// All jobs of a window.
pub struct Jobs {
    surroundings: Arc<Surroundings>,
    outbox: Outbox,
    events: mpsc::Receiver<Event>,
    saver: Option<(mpsc::Sender<save::Order>, JoinHandle<()>)>,
    journal: Option<(mpsc::Sender<journal::Order>, JoinHandle<()>)>,
    /// The last job of each kind.
    tasks: HashMap<(DocumentId, Task), Stop>,
    opening: HashMap<DocumentId, Stop>,
    saving: HashMap<DocumentId, Stop>,
    searching: HashMap<DocumentId, Stop>,
    watching: HashMap<DocumentId, watch::Watcher>,
    /// What was read of each file, while it is there.
    texts: Texts,
    /// Stops what is of no use when the window is closed.
    closing: Stop,
    settings: Settings,
    zone: Arc<OnceLock<TimeZone>>,
}

/// Does something in a thread of its own; not at all where none can be started.
pub fn aside(name: &str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = crew::start(name, work) {
        log::warn!("{name}: no thread could be started: {error}");
    }
}

impl Jobs {
    /// Starts the threads that save, and one that finds the time zone. The settings come back, with what is to be told of them.
    pub fn new(surroundings: Surroundings, wake: Wake) -> (Self, Settings, Option<String>) {
        let surroundings = Arc::new(surroundings);
        let (sender, events) = mpsc::channel();
        let outbox = Outbox { events: sender, wake };
        let (settings, notice) = storage::load_settings(&surroundings.disk, &surroundings.settings_path);
        let journal = journal::start(Arc::clone(&surroundings), outbox.clone());
        let saver = save::start(Arc::clone(&surroundings), outbox.clone(), journal.as_ref().map(|(sender, _)| sender.clone()));
        let jobs = Self {
            surroundings,
            outbox,
            events,
            saver,
            journal,
            tasks: HashMap::new(),
            opening: HashMap::new(),
            saving: HashMap::new(),
            searching: HashMap::new(),
            watching: HashMap::new(),
            texts: Texts::default(),
            closing: Stop::default(),
            settings: settings.clone(),
            zone: Arc::default(),
        };
        document::reclaim_with(freeing::free);
        let (zone, wake) = (Arc::clone(&jobs.zone), Arc::clone(&jobs.outbox.wake));
        // The list of all zones is read for it, which is no reason for a window to come later.
        jobs.spawn("zone", move || {
            zone.get_or_init(TimeZone::system);
            wake();
        });
        (jobs, settings, notice)
    }

    /// Where the person is; UTC for the moment until that is known.
    pub fn zone(&self) -> TimeZone {
        self.zone.get().cloned().unwrap_or(TimeZone::UTC)
    }

    /// What came back since the last call.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        self.events.try_iter()
    }

    /// Does an effect; gives it back where it is the window's to do.
    pub fn run(&mut self, effect: Effect) -> Option<Effect> {
        let outbox = self.outbox.clone();
        let surroundings = Arc::clone(&self.surroundings);
        let asks = matches!(effect, Effect::Open(..));
        match effect {
            Effect::Open(id, path) | Effect::OpenAnyway(id, path) => {
                // A window holds one document: what was watched for another one is not any more.
                self.watching.clear();
                self.texts.forget();
                let (stop, texts) = (Stop::default(), self.texts.clone());
                self.opening.insert(id, stop.clone());
                self.spawn("open", move || {
                    // What was shown before gives its memory back first.
                    freeing::wait();
                    if asks && let Some((needed, free)) = storage::lacking_memory(&surroundings.disk, &path) {
                        return outbox.send(Event::TooLarge(id, path, needed, free));
                    }
                    kept::finish_interrupted(&surroundings, &outbox, &path);
                    open::open(&surroundings.disk, &outbox, &texts, id, &path, &stop);
                });
            }
            Effect::StopOpening(id) => self.opening.get(&id).into_iter().for_each(Stop::now),
            Effect::ComputeDigest(id, stamp, fragment) => {
                self.spawn("digest", move || {
                    outbox.send(Event::Digest(id, stamp, storage::Digest::of_text(fragment.text(), &Threads)))
                });
            }
            Effect::ReadMended(id, mended) => {
                let running = self.running(id, Task::Mend);
                self.spawn("read", move || open::read_mended(id, &mended, &running));
            }
            Effect::Save(order) => {
                let stop = Stop::default();
                self.saving.insert(order.id, stop.clone());
                // A copy is another file.
                let watcher = self.watching.get(&order.id).filter(|_| !matches!(order.purpose, Purpose::Copy(_)));
                let held = watcher.map(watch::Watcher::hold);
                self.order(save::Order::Save(order, stop, self.settings.saving.retention(), held));
            }
            Effect::StopSave(id) => self.saving.get(&id).into_iter().for_each(Stop::now),
            Effect::Watch(id, path, version) => match self.watching.get(&id) {
                Some(watcher) if watcher.path == path => watcher.know(version),
                _ => {
                    self.watching.remove(&id);
                    let stop = Stop::default();
                    self.tasks.insert((id, Task::Reload), stop.clone());
                    let (texts, stops) = (self.texts.clone(), (stop, self.closing.clone()));
                    if let Some(watcher) = watch::start(surroundings, outbox, texts, id, path, version, stops) {
                        self.watching.insert(id, watcher);
                    }
                }
            },
            Effect::LookNow => self.watching.values().for_each(watch::Watcher::look_now),
            Effect::Compare(id, before, after, purpose) => {
                let follows = matches!(purpose, CompareFor::Load { .. } | CompareFor::Count { .. });
                let running = self.running(id, if follows { Task::Follow } else { Task::Compare });
                let patience = compare::patience(&before);
                self.spawn("compare", move || compare::compare_for(&before, &after, purpose, patience, &running));
            }
            Effect::Search(id, number, query, document, from) => {
                let stop = Stop::default();
                if let Some(before) = self.searching.insert(id, stop.clone()) {
                    before.now();
                }
                self.spawn("search", move || search::search(&outbox, id, number, &query, (&document, from), &stop));
            }
            Effect::StopSearch(id) => self.searching.get(&id).into_iter().for_each(Stop::now),
            Effect::Pick(purpose, suggested) => {
                self.spawn("dialog", move || outbox.send(dialog::pick(&*surroundings.chooser, purpose, suggested.as_deref())));
            }
            Effect::ReadValue { id, number, file, document, place } => {
                let running = self.running(id, Task::Value);
                self.spawn("read", move || {
                    if let Some(value) = open::read_value(&surroundings.disk, &file, &document, place, &running) {
                        running.deliver(Event::ValueRead(id, number, value));
                    }
                });
            }
            // In an object of millions of members each key is read.
            Effect::Resolve(id, revision, document, place) => {
                self.tasks.get(&(id, Task::Resolve)).into_iter().for_each(Stop::now);
                let running = self.running(id, Task::Resolve);
                self.spawn("resolve", move || {
                    let root = document.root();
                    if let ControlFlow::Continue(place) = pointer::resolve_watched(root, &place, &mut running.watch_values(root))
                    {
                        running.deliver(Event::Resolved(id, revision, place.map_err(|error| error.to_string())));
                    }
                });
            }
            Effect::Journal(order) => self.tell_journal(journal::Order::Write(order)),
            Effect::JournalMends(order) => self.tell_journal(journal::Order::Mend(order)),
            Effect::EndJournal(id, end) => self.tell_journal(journal::Order::End(id, end)),
            Effect::ForgetJournal(id, path) => self.tell_journal(journal::Order::Forget(id, path)),
            Effect::SyncJournals => self.tell_journal(journal::Order::Sync),
            Effect::FindUnsaved(of) => self.spawn("recover", move || kept::find_unsaved(&surroundings, &outbox, of)),
            Effect::Recover(id, journal, purpose) => {
                let running = self.running(id, Task::Recover);
                self.spawn("recover", move || kept::recover(&surroundings, id, journal, purpose, &running));
            }
            Effect::DiscardJournal(path) => self.spawn("recover", move || kept::discard(&surroundings, &outbox, &path)),
            Effect::ListVersions(id, path) => self.spawn("versions", move || kept::list(&surroundings, &outbox, id, &path)),
            Effect::ReadVersion(id, backup, purpose) => {
                let running = self.running(id, Task::Version);
                self.spawn("versions", move || kept::read(&surroundings, id, backup, purpose, &running));
            }
            Effect::OpenVersion(path) => self.spawn("versions", move || kept::open_window(&outbox, &path)),
            Effect::MeasureBackups => self.spawn("versions", move || kept::measure(&surroundings, &outbox)),
            Effect::Merge(id, order) => {
                let running = self.running(id, Task::Merge);
                self.spawn("merge", move || {
                    let mut watch = running.watch_values(order.base.root());
                    if let Some(merge) = Merge::new(&order.base, &order.mine, &order.theirs, &mut watch) {
                        drop(watch);
                        running.deliver(Event::Merged(id, order, Box::new(merge)));
                    }
                });
            }
            Effect::FinishMerge(id, merge) => {
                let running = self.running(id, Task::Merge);
                self.spawn("merge", move || {
                    let compared =
                        |a: &Document, b: &Document| document::compare(a.root(), b.root(), &mut running.watch_values(a.root()));
                    let done = match merge.document() {
                        Err(refusal) => Err(refusal.to_string()),
                        Ok(document) => {
                            let ways = (compared(merge.mine(), merge.theirs()), compared(merge.theirs(), &document));
                            match ways {
                                (Some(to_theirs), Some(to_merged)) => Ok(Box::new(MergeDone { document, to_theirs, to_merged })),
                                _ => Err("The merge was stopped before it was done".to_owned()),
                            }
                        }
                    };
                    running.deliver(Event::MergeDone(id, done));
                });
            }
            Effect::Count(id, document) => {
                self.tasks.get(&(id, Task::Count)).into_iter().for_each(Stop::now);
                let running = self.running(id, Task::Count);
                self.spawn("count", move || kept::count(id, &document, &running));
            }
            Effect::StopTask(id, task) => self.tasks.get(&(id, task)).into_iter().for_each(Stop::now),
            Effect::StoreSettings(recent, theme, options) => {
                self.settings.recent = recent;
                self.settings.saving = options;
                self.settings.theme = theme_name(theme).to_owned();
                self.order(save::Order::Settings(self.settings.clone()));
            }
            other => return Some(other),
        }
        None
    }

    /// A job of this kind begins; what stops one stops it from now on.
    fn running(&mut self, id: DocumentId, task: Task) -> Running {
        let stop = Stop::default();
        self.tasks.insert((id, task), stop.clone());
        Running::new(&self.outbox, id, task, stop, self.closing.clone())
    }

    /// Remembers the window's size when it is closed.
    pub fn remember_window(&mut self, size: (f32, f32)) {
        if self.settings.window != Some(size) {
            self.settings.window = Some(size);
            self.order(save::Order::Settings(self.settings.clone()));
        }
    }

    fn order(&self, order: save::Order) {
        if let Some((sender, _)) = &self.saver
            && sender.send(order).is_err()
        {
            self.outbox.send(Event::Notice(
                "Internal error: the thread that saves has ended. Save a copy elsewhere and restart.".to_owned(),
            ));
        }
    }

    fn tell_journal(&self, order: journal::Order) {
        if let Some((sender, _)) = &self.journal
            && sender.send(order).is_err()
        {
            self.outbox.send(Event::Notice("Internal error: edits are not safe from a crash any more. Save now.".to_owned()));
        }
    }

    /// A job that ends by a panic is told; the program goes on.
    fn spawn(&self, name: &str, job: impl FnOnce() + Send + 'static) {
        let outbox = self.outbox.clone();
        let guarded = move || {
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
                outbox.send(Event::Notice("Internal error in a background job. Nothing was changed.".to_owned()));
            }
        };
        if let Err(error) = crew::start(name, guarded) {
            self.outbox.send(Event::Notice(format!("No thread could be started: {error}.")));
        }
    }

    /// Ends without waiting for a save that hangs: what is not saved is in the journal.
    pub fn abandon_saves(&mut self) {
        // The thread goes with the process.
        self.saver = None;
    }

    /// Ends: waits for saves that were ordered, stops everything else.
    pub fn finish(&mut self) {
        self.closing.now();
        self.opening.values().chain(self.searching.values()).for_each(Stop::now);
        self.watching.clear();
        self.texts.forget();
        if let Some((sender, thread)) = self.saver.take() {
            drop(sender);
            // It catches its own panics.
            let _ = thread.join();
        }
        if let Some((sender, thread)) = self.journal.take()
            && sender.send(journal::Order::Finish).is_ok()
        {
            // All that it was told is written; a panic in it is told by the others.
            let _ = thread.join();
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A theme's name in the settings.
pub fn theme_name(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "system",
        Theme::Light => "light",
        Theme::Dark => "dark",
    }
}

/// The theme of that name; the system's for any other.
pub fn theme_of(name: &str) -> Theme {
    [Theme::Light, Theme::Dark].into_iter().find(|&theme| theme_name(theme) == name).unwrap_or_default()
}

/// A path that stays the same if the current folder changes.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
