//! The command line: the same document core and storage without a window.
//!
//! Results go to standard output, messages to standard error. Exit: 0 done, 1 invalid JSON or no such place, 2 input, output or
//! usage, 3 conflict, 4 locked. A closed pipe is no error.

mod change;
mod compare;
mod edit;
mod recover;

use crate::document::{Document, Fragment, Problem, pointer};
use crate::jobs::Threads;
use crate::storage::{self, Digest, Disk, OpenError, SystemClock};
use clap::{Args, Parser, Subcommand};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// A desktop JSON viewer and editor: files of any size as a tree, saved without losing a byte.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Files to open in the window.
    files: Vec<PathBuf>,
    /// Opens a file only to look at it: it is not saved over.
    #[arg(long)]
    read_only: bool,
}

const AFTER_HELP: &str = "Without a command the window opens. POINTER is a JSON Pointer (RFC 6901): /name/0/x\n\n\
    Exit: 0 done, 1 invalid JSON or no such place, 2 input, output or usage, 3 conflict, 4 locked.";

#[derive(Subcommand)]
enum Command {
    /// Says whether files are JSON, and where they are not.
    Check {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Prints a value's text as it stands in the file.
    Get {
        /// The file.
        file: PathBuf,
        /// Where the value is.
        pointer: String,
    },
    /// Replaces a value, or adds a missing member at the end of its object; `-` or its length appends to an array.
    Set {
        /// The file.
        file: PathBuf,
        /// Where the value is or goes.
        pointer: String,
        /// The value, as JSON.
        #[arg(allow_hyphen_values = true)]
        json: String,
        #[command(flatten)]
        options: SaveOptions,
    },
    /// Removes a member or element.
    Remove {
        /// The file.
        file: PathBuf,
        /// What to remove.
        pointer: String,
        #[command(flatten)]
        options: SaveOptions,
    },
    /// Takes edits from standard input, one JSON object a line, and answers each on a line when it is safe in the journal.
    #[command(after_help = EDIT_HELP)]
    Edit {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        options: SaveOptions,
    },
    /// Lists edits that were not saved when a program ended; with a file makes them again and saves it.
    Recover {
        /// The file whose edits are to be made again.
        file: Option<PathBuf>,
        /// Only lists them.
        #[arg(long, conflicts_with = "discard")]
        list: bool,
        /// Puts them away; they are kept for 30 days.
        #[arg(long, requires = "file")]
        discard: bool,
        /// How long to wait for the lock.
        #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
        wait: Duration,
    },
    /// Brings a kept version back; the one that it replaces is kept in turn.
    Restore {
        /// The file.
        file: PathBuf,
        /// The version's name as `backups` lists it, or its beginning.
        version: String,
        #[command(flatten)]
        options: SaveOptions,
    },
    /// Applies a JSON Patch (an array of operations) or a merge patch (an object), whole or not at all.
    Patch {
        /// The file.
        file: PathBuf,
        /// The patch: a file, or `-` for standard input.
        patch: PathBuf,
        #[command(flatten)]
        options: SaveOptions,
    },
    /// Compares the values of two files; exit 0: the same, 1: different, 2: not JSON or not readable.
    Diff {
        /// Prints a JSON Patch that turns the first into the second.
        #[arg(long)]
        patch: bool,
        /// The earlier one.
        before: PathBuf,
        /// The later one.
        after: PathBuf,
    },
    /// Merges what two sides made of a base; exit 1 and a list of places on standard error where both changed the same, which
    /// are as in MINE then.
    Merge {
        /// What both began with.
        base: PathBuf,
        /// One side.
        mine: PathBuf,
        /// The other side, whose layout stays where nothing else is chosen.
        theirs: PathBuf,
        /// Where the result goes; it may be one of the others.
        #[arg(short, long, value_name = "OUT")]
        out: PathBuf,
    },
    /// Prints the digest of a file's content, 64 hexadecimal digits.
    Version {
        /// The file.
        file: PathBuf,
    },
    /// Lists the kept versions of a file: name, time, size, cause.
    Backups {
        /// The file.
        file: PathBuf,
    },
}

#[derive(Args)]
struct SaveOptions {
    /// Saves only if the file still has the content with this digest.
    #[arg(long, value_name = "DIGEST")]
    if_version: Option<Digest>,
    /// How long to wait for the lock.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    wait: Duration,
    /// Does not keep the replaced version.
    #[arg(long)]
    without_backup: bool,
}

impl SaveOptions {
    fn check_version(&self, file: &Path, found: &Digest) -> Result<(), Failure> {
        match self.if_version {
            Some(wanted) if wanted != *found => {
                Err(Failure::new(CONFLICT, format!("{}: the file has another version; nothing was written", file.display())))
            }
            _ => Ok(()),
        }
    }
}

const EDIT_HELP: &str = r#"Lines:
  {"op":"set","path":"/a/0","value":1}     replaces, or adds a missing member
  {"op":"insert","path":"/a/0","value":1}  a new member or element; "-" appends
  {"op":"remove","path":"/a/0"}
  {"op":"rename","path":"/a","key":"b"}
  {"op":"move","from":"/a/0","path":"/b/-"}
  {"op":"undo"}  {"op":"redo"}  {"op":"save"}

Each is answered by {"line":1,"ok":true,"unsaved":1}, or {"line":1,"ok":false,"why":"…"}. What is not saved at the end stays in the
journal; `treekeep recover FILE` makes it again."#;

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds is needed".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// What is to be done.
pub enum Task {
    /// A command ran; this is its exit.
    Done(ExitCode),
    /// The window, with these files; only to look at them.
    Window(Vec<PathBuf>, bool),
}

/// Reads the arguments and runs the command that they name, if any.
pub fn run() -> Task {
    let arguments = Arguments::parse();
    let Some(command) = arguments.command else { return Task::Window(arguments.files, arguments.read_only) };
    let outcome = match command {
        Command::Check { files } => check(&files),
        Command::Get { file, pointer } => get(&file, &pointer),
        Command::Set { file, pointer, json, options } => change::set(&file, &pointer, &json, &options),
        Command::Remove { file, pointer, options } => change::remove(&file, &pointer, &options),
        Command::Edit { file, options } => edit::edit(&file, &options),
        Command::Recover { file, list, discard, wait } => recover::recover(file.as_deref(), list, discard, wait),
        Command::Restore { file, version, options } => change::restore(&file, &version, &options),
        Command::Patch { file, patch, options } => change::patch(&file, &patch, &options),
        Command::Diff { before, after, patch } => compare::diff(&before, &after, patch),
        Command::Merge { base, mine, theirs, out } => compare::merge(&base, &mine, &theirs, &out),
        Command::Version { file } => version(&file),
        Command::Backups { file } => recover::backups(&file),
    };
    Task::Done(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = &failure.message {
                // Nothing is left to tell it with, if this fails.
                let _ = writeln!(io::stderr(), "{message}");
            }
            ExitCode::from(failure.exit)
        }
    })
}

/// A message, and the exit that goes with it.
struct Failure {
    message: Option<String>,
    exit: u8,
}

const INVALID: u8 = 1;
const IO: u8 = 2;
const CONFLICT: u8 = 3;
const LOCKED: u8 = 4;

impl Failure {
    fn new(exit: u8, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), exit }
    }

    fn problem(file: &Path, problem: &Problem) -> Self {
        Self::new(INVALID, format!("{}:{problem}", file.display()))
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::new(IO, error.to_string())
    }
}

/// Writes to standard output. Whoever closed it has read enough.
fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(IO, format!("standard output: {error}"))),
        _ => Ok(()),
    }
}

/// As the settings have it.
fn retention() -> storage::Retention {
    storage::load_settings(&Disk::real(), &storage::settings_path()).0.saving.retention()
}

fn read_versioned(file: &Path) -> Result<(Vec<u8>, storage::Version), Failure> {
    let opened = storage::read(&Disk::real(), &SystemClock, file, &mut |_, _| ControlFlow::Continue(()))?;
    let version = storage::Version { stamp: opened.stamp, digest: Digest::of(&opened.bytes) };
    Ok((opened.bytes, version))
}

/// Reads and understands a file on all cores.
fn load(file: &Path) -> Result<Arc<Fragment>, Failure> {
    let loaded = storage::load(&Disk::real(), &SystemClock, file, &Threads, &|_, _| ControlFlow::Continue(()))?;
    loaded.fragment.map_err(|(problem, _)| Failure::problem(file, &problem))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    Ok(storage::read(&Disk::real(), &SystemClock, file, &mut |_, _| ControlFlow::Continue(()))?.bytes)
}

fn check(files: &[PathBuf]) -> Result<(), Failure> {
    let mut exit = 0;
    for file in files {
        let found = load(file).and_then(|fragment| {
            let size = fragment.text().len();
            let (values, depth) = (fragment.values(), fragment.depth());
            print(format!("{}: JSON, {size} bytes, {values} values, depth {depth}\n", file.display()).as_bytes())
        });
        if let Err(failure) = found {
            let _ = writeln!(io::stderr(), "{}", failure.message.unwrap_or_default());
            exit = exit.max(failure.exit);
        }
    }
    if exit == 0 { Ok(()) } else { Err(Failure { message: None, exit }) }
}

fn get(file: &Path, place: &str) -> Result<(), Failure> {
    pointer::tokens(place).map_err(|error| Failure::new(IO, error.to_string()))?;
    let document = Document::of(&load(file)?);
    let path = pointer::resolve(document.root(), place)
        .map_err(|error| Failure::new(INVALID, format!("{}: {error}", file.display())))?;
    let node = document.node(&path).unwrap_or_else(|| document.root().clone());
    let text = node.to_bytes();
    print(&[&text[..], b"\n"].concat())
}

fn version(file: &Path) -> Result<(), Failure> {
    let (version, _) = storage::version_of(&Disk::real(), &SystemClock, file)?;
    print(format!("{}\n", version.digest).as_bytes())
}
