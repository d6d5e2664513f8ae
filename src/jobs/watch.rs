//! Watching a file: hints from the file system and a look at the metadata every two seconds. The version decides.

use super::running::Running;
use super::texts::Texts;
use super::{Outbox, Stop, Surroundings, Threads, crew};
use crate::document::Document;
use crate::state::on_disk::Unread;
use crate::state::{DocumentId, Event, Task};
use crate::storage::{self, Digest, Hint, Look, OpenError, Stamp, SystemClock, Version};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Between two looks.
const POLL: Duration = Duration::from_secs(2);
/// Events come in bunches.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// A text that is not JSON may be half written: it is read again, this often, before anything is said.
const PATIENCE: (u32, Duration) = (4, Duration::from_millis(500));
/// A file of this length takes a while to write.
const LARGE: u64 = 64 << 20;
/// One that was not written for so long is written.
const STILL: Duration = Duration::from_millis(300);
/// So often that is waited for.
const RESTLESS: u32 = 20;
/// Between two readings of such a text so many times as long passes as the first took.
const REST: u32 = 4;
/// Where times can't be trusted the content is read this often: small files, large ones.
const COARSE: [(u64, Duration); 2] = [(8 << 20, Duration::from_secs(5)), (u64::MAX, Duration::from_secs(30))];

/// A smaller text is read anew in less time than anybody sees.
const WORTH_COMPARING: usize = 4 << 20;

/// A file that is watched until this is dropped.
pub struct Watcher {
    /// The file.
    pub path: PathBuf,
    control: mpsc::Sender<Message>,
}

enum Message {
    /// What is known to be on the disk.
    Know(Version),
    /// A save of the file begins.
    Hold,
    /// It has ended, and left this version on the disk.
    Release(Option<Version>),
    /// Something may have happened.
    Hint,
    /// There will be no events.
    Lost(String),
    /// Nobody wants to know any more.
    Stop,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // The channel alone would not end it: those who give hints hold it, too.
        let _ = self.control.send(Message::Stop);
    }
}

/// While this is there a save replaces the file: what is there in the meantime is not read, which would take as much memory again.
pub struct Held {
    control: mpsc::Sender<Message>,
    left: Option<Version>,
}

impl Held {
    /// What the save left on the disk.
    pub fn left(&mut self, version: Version) {
        self.left = Some(version);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.control.send(Message::Release(self.left));
    }
}

impl Watcher {
    /// A save of the file begins, and ends when what is given is dropped.
    pub fn hold(&self) -> Held {
        let _ = self.control.send(Message::Hold);
        Held { control: self.control.clone(), left: None }
    }

    /// Says what is on the disk as far as the window knows; what is not that is told.
    pub fn know(&self, version: Version) {
        // Where the thread has ended there is nobody to tell.
        let _ = self.control.send(Message::Know(version));
    }

    /// Looks now.
    pub fn look_now(&self) {
        let _ = self.control.send(Message::Hint);
    }
}

/// Starts watching; `None` where no thread could be started, which is told.
pub fn start(
    surroundings: Arc<Surroundings>,
    outbox: Outbox,
    texts: Texts,
    id: DocumentId,
    path: PathBuf,
    version: Version,
    (stop, closing): (Stop, Stop),
) -> Option<Watcher> {
    let (control, messages) = mpsc::channel();
    let hints = control.clone();
    let teller = outbox.clone();
    let watched = path.clone();
    let work = move || {
        // The names that lead to the file: its own, and where a link leads.
        let real = storage::real_path(&surroundings.disk, &watched).unwrap_or_else(|_| watched.clone());
        let mut kept = Vec::new();
        let mut paths = vec![watched.clone()];
        if real != watched {
            paths.push(real);
        }
        for path in &paths {
            let hints = hints.clone();
            let told = storage::watch(path, move |hint| {
                let message = match hint {
                    Hint::Touched => Message::Hint,
                    Hint::Lost(why) => Message::Lost(why),
                };
                let _ = hints.send(message);
            });
            match told {
                Ok(watch) => kept.push(watch),
                Err(why) => outbox.send(Event::Polling(id, why)),
            }
        }
        let mut watch = Watch {
            surroundings: &surroundings,
            outbox: &outbox,
            texts: &texts,
            id,
            path: &watched,
            known: version,
            gone: false,
            unread: None,
            read_at: None,
            rests_until: None,
            restless: 0,
            is_paused: false,
            saves: 0,
            stop,
            closing,
        };
        watch.run(&messages);
        drop(kept);
    };
    match crew::start("watch", work) {
        Ok(()) => Some(Watcher { path, control }),
        Err(error) => {
            teller.send(Event::Polling(id, error.to_string()));
            None
        }
    }
}

struct Watch<'a> {
    surroundings: &'a Surroundings,
    outbox: &'a Outbox,
    texts: &'a Texts,
    id: DocumentId,
    path: &'a Path,
    known: Version,
    gone: bool,
    /// A text that can't be shown.
    unread: Option<Seen>,
    read_at: Option<Instant>,
    /// A text that can't be shown is not read again before this: a large one that is still being written would be read over and over.
    rests_until: Option<Instant>,
    /// How often in a row the file was just being written.
    restless: u32,
    /// A person stopped the reading: it waits for the next hint.
    is_paused: bool,
    /// Saves that run or are about to.
    saves: u32,
    stop: Stop,
    /// The window is closed.
    closing: Stop,
}

/// A text that was read and can't be shown.
struct Seen {
    /// How often such a text was read in a row.
    times: u32,
    /// Which one was told, and why it can't be shown.
    told: Option<(Digest, Unread)>,
    /// It is not read again while the file looks like this.
    like: Option<Stamp>,
}

/// Whether a large file was written a moment ago, and most likely is still: what is there would be read in vain. Who writes on and on is
/// not waited for.
fn is_being_written(now: &Stamp, restless: u32) -> bool {
    let is_young = now.seen_ns - now.modified_ns < STILL.as_nanos() as i128;
    now.size >= LARGE && is_young && restless < RESTLESS
}

impl Watch<'_> {
    fn run(&mut self, messages: &mpsc::Receiver<Message>) {
        let mut wait = DEBOUNCE;
        loop {
            match messages.recv_timeout(wait) {
                Ok(message) => {
                    if !self.take(message) {
                        return;
                    }
                    // The rest of the bunch.
                    let until = Instant::now() + DEBOUNCE;
                    while let Some(left) = until.checked_duration_since(Instant::now()) {
                        match messages.recv_timeout(left) {
                            Ok(message) => {
                                if !self.take(message) {
                                    return;
                                }
                            }
                            Err(mpsc::RecvTimeoutError::Timeout) => break,
                            Err(mpsc::RecvTimeoutError::Disconnected) => return,
                        }
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            if !self.is_paused && self.saves == 0 {
                self.look();
            }
            wait = match &self.unread {
                _ if self.restless > 0 => DEBOUNCE,
                Some(seen) if seen.times < PATIENCE.0 => PATIENCE.1,
                _ => POLL,
            };
        }
    }

    /// Takes a message; says whether to go on.
    fn take(&mut self, message: Message) -> bool {
        match message {
            Message::Stop => return false,
            Message::Know(version) => self.knows(version),
            Message::Hold => self.saves += 1,
            Message::Release(left) => {
                self.saves = self.saves.saturating_sub(1);
                left.into_iter().for_each(|version| self.knows(version));
            }
            Message::Hint => {
                (self.read_at, self.is_paused) = (None, false);
                if let Some(seen) = &mut self.unread {
                    seen.like = None;
                }
            }
            Message::Lost(why) => self.outbox.send(Event::Polling(self.id, why)),
        }
        true
    }

    fn knows(&mut self, version: Version) {
        self.known = version;
        (self.gone, self.unread, self.is_paused) = (false, None, false);
    }

    fn look(&mut self) {
        let restless = std::mem::take(&mut self.restless);
        let disk = &self.surroundings.disk;
        let is_like = |stamp: &Stamp| matches!(storage::look(disk, &SystemClock, self.path, stamp), Ok(Look::Same));
        if self.unread.as_ref().and_then(|seen| seen.like.as_ref()).is_some_and(is_like) {
            return;
        }
        match storage::look(disk, &SystemClock, self.path, &self.known.stamp) {
            Ok(Look::Same) if !self.gone && self.unread.is_none() => {}
            Ok(Look::Gone) => self.tell_gone(),
            Ok(Look::Other(now)) if is_being_written(&now, restless) => self.restless = restless + 1,
            Ok(Look::Other(_)) => self.read(false),
            Ok(Look::Same | Look::Unsure) => self.read(true),
            // Not to be reached at the moment: that says nothing of the file.
            Err(error) => log::debug!("{}: {error}", self.path.display()),
        }
    }

    fn tell_gone(&mut self) {
        self.unread = None;
        if !self.gone {
            self.gone = true;
            self.outbox.send(Event::DiskGone(self.id));
        }
    }

    fn read(&mut self, is_like_known: bool) {
        if storage::has_coarse_times(self.path) && self.read_at.is_some_and(|read_at| read_at.elapsed() < self.coarse_pause()) {
            return;
        }
        if self.unread.is_some() && self.rests_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.read_at = Some(Instant::now());
        let disk = &self.surroundings.disk;
        // Where it looks as it was it most likely is: for that nothing is held in memory.
        if is_like_known {
            match storage::version_of(disk, &SystemClock, self.path) {
                Ok((version, read_only)) if version.digest == self.known.digest => return self.know(version, read_only),
                Ok(_) => {}
                Err(OpenError::Missing(_)) => return self.tell_gone(),
                Err(error) => return log::debug!("{error}"),
            }
        }
        let begun = Instant::now();
        self.stop.take_back();
        let running = Running::new(self.outbox, self.id, Task::Reload, self.stop.clone(), self.closing.clone());
        let progress = |done, total| running.at(done, total);
        // Where most of it is in memory already it takes next to none.
        let before = self.texts.last(self.id).filter(|text| text.text().len() >= WORTH_COMPARING);
        let reloaded = before.map(|before| storage::reload(disk, &SystemClock, self.path, &before, &Threads, &progress));
        match reloaded.transpose() {
            Ok(Some(Some(reloaded))) => {
                // Who stops it now stops nothing any more.
                drop(running);
                return self.read_is(reloaded.document, reloaded.version, reloaded.read_only);
            }
            Ok(_) => {}
            Err(error) => return self.not_read(error),
        }
        if storage::lacking_memory(disk, self.path).is_some() {
            return self.too_large();
        }
        let loaded = match storage::load(disk, &SystemClock, self.path, &Threads, &progress) {
            Ok(loaded) => loaded,
            Err(error) => return self.not_read(error),
        };
        drop(running);
        let text = loaded.fragment.as_ref().map_or_else(|(_, bytes)| bytes.as_slice(), |fragment| fragment.text());
        let version = Version { stamp: loaded.stamp, digest: Digest::of_text(text, &Threads) };
        match loaded.fragment {
            _ if version.digest == self.known.digest => self.know(version, loaded.read_only),
            Ok(fragment) => {
                self.texts.was_read(self.id, &fragment);
                self.read_is(Document::of(&fragment), version, loaded.read_only);
            }
            Err((problem, _)) => {
                // Also where it is another text each time, as while it is being written.
                let times = self.unread.as_ref().map_or(0, |seen| seen.times) + 1;
                self.rests_until = Some(Instant::now() + REST * begun.elapsed());
                self.unread(version, times, Unread::NotJson(problem.line, problem.column));
            }
        }
    }

    /// The file was read.
    fn read_is(&mut self, document: Document, version: Version, read_only: bool) {
        if version.digest == self.known.digest {
            return self.know(version, read_only);
        }
        (self.known, self.gone, self.unread) = (version, false, None);
        self.outbox.send(Event::DiskChanged(self.id, version, document));
    }

    /// It was not.
    fn not_read(&mut self, why: OpenError) {
        match why {
            OpenError::Missing(_) => self.tell_gone(),
            OpenError::TooLarge(..) => self.too_large(),
            OpenError::Cancelled(_) => self.is_paused = true,
            error => log::debug!("{error}"),
        }
    }

    /// There is no room for another version. Which one it is can be told all the same.
    fn too_large(&mut self) {
        match storage::version_of(&self.surroundings.disk, &SystemClock, self.path) {
            Ok((version, read_only)) if version.digest == self.known.digest => self.know(version, read_only),
            Ok((version, _)) => self.unread(version, PATIENCE.0, Unread::TooLarge(version.stamp.size)),
            Err(OpenError::Missing(_)) => self.tell_gone(),
            Err(error) => log::debug!("{error}"),
        }
    }

    /// A text that can't be shown was read so many times: once that is often enough it is told.
    fn unread(&mut self, version: Version, times: u32, why: Unread) {
        let before = self.unread.take().and_then(|seen| seen.told);
        let is_due = times >= PATIENCE.0;
        let told = if is_due { Some((version.digest, why)) } else { before };
        self.unread = Some(Seen { times, told, like: is_due.then_some(version.stamp) });
        if is_due {
            self.gone = false;
        }
        if told != before {
            self.outbox.send(Event::DiskUnread(self.id, version, why));
        }
    }

    /// The content is as it was.
    fn know(&mut self, version: Version, read_only: bool) {
        let touched = self.gone || self.unread.is_some() || !version.stamp.same_metadata(&self.known.stamp);
        (self.known, self.gone, self.unread) = (version, false, None);
        if touched {
            self.outbox.send(Event::DiskTouched(self.id, version, read_only));
        }
    }

    fn coarse_pause(&self) -> Duration {
        let size = self.known.stamp.size;
        COARSE.iter().find(|(limit, _)| size <= *limit).map_or(POLL, |(_, pause)| *pause)
    }
}
