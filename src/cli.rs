//! The command line: the same document core and storage without a window.
//!
//! Results go to standard output, messages to standard error. Exit: 0 done, 1 invalid JSON or no such place, 2 input, output or
//! usage, 3 conflict, 4 locked. A closed pipe is no error.

use crate::document::{Document, Edit, Fragment, Key, Kind, Problem, Refusal, Value, pointer, scalar};
use crate::storage::{self, BackupPolicy, Backups, Cause, Digest, Disk, Env, OpenError, SaveError, SystemClock, UpdateError};
use clap::{Args, Parser, Subcommand};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// A desktop JSON viewer and editor: files of any size as a tree, saved without losing a byte.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Files to open in the window.
    files: Vec<PathBuf>,
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

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds is needed".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// What is to be done.
pub enum Task {
    /// A command ran; this is its exit.
    Done(ExitCode),
    /// The window, with these files.
    Window(Vec<PathBuf>),
}

/// Reads the arguments and runs the command that they name, if any.
pub fn run() -> Task {
    let arguments = Arguments::parse();
    let Some(command) = arguments.command else { return Task::Window(arguments.files) };
    let outcome = match command {
        Command::Check { files } => check(&files),
        Command::Get { file, pointer } => get(&file, &pointer),
        Command::Set { file, pointer, json, options } => set(&file, &pointer, &json, &options),
        Command::Remove { file, pointer, options } => remove(&file, &pointer, &options),
        Command::Version { file } => version(&file),
        Command::Backups { file } => backups(&file),
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

/// Why an edit of a file was not made.
enum EditError {
    Problem(Problem),
    Refusal(Refusal),
    Pointer(pointer::PointerError),
    OtherVersion,
}

/// Writes to standard output. Whoever closed it has read enough.
fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(IO, format!("standard output: {error}"))),
        _ => Ok(()),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    Ok(storage::read(&Disk::real(), &SystemClock, file, &mut |_, _| ControlFlow::Continue(()))?.bytes)
}

fn check(files: &[PathBuf]) -> Result<(), Failure> {
    let mut exit = 0;
    for file in files {
        let found = read(file).and_then(|bytes| {
            let size = bytes.len();
            let fragment = Fragment::new(bytes).map_err(|problem| Failure::problem(file, &problem))?;
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
    let document = Document::parse(read(file)?).map_err(|problem| Failure::problem(file, &problem))?;
    let path = pointer::resolve(document.root(), place)
        .map_err(|error| Failure::new(INVALID, format!("{}: {error}", file.display())))?;
    let node = document.node(&path).unwrap_or_else(|| document.root().clone());
    let text = node.to_bytes();
    print(&[&text[..], b"\n"].concat())
}

fn set(file: &Path, place: &str, json: &str, options: &SaveOptions) -> Result<(), Failure> {
    let tokens = pointer::tokens(place).map_err(|error| Failure::new(IO, error.to_string()))?;
    let value = Value::new(json).map_err(|problem| Failure::new(INVALID, format!("the value is not JSON: {problem}")))?;
    change(file, options, &|document| edit_to_set(document, place, &tokens, value.clone()))
}

fn remove(file: &Path, place: &str, options: &SaveOptions) -> Result<(), Failure> {
    pointer::tokens(place).map_err(|error| Failure::new(IO, error.to_string()))?;
    change(file, options, &|document| {
        let path = pointer::resolve(document.root(), place).map_err(EditError::Pointer)?;
        Ok(Edit::Remove { path })
    })
}

/// Replaces what is there; a member or element that is not there comes at the end of its container.
fn edit_to_set(document: &Document, place: &str, tokens: &[String], value: Value) -> Result<Edit, EditError> {
    let nothing = match pointer::resolve(document.root(), place) {
        Ok(path) => return Ok(Edit::Replace { path, value }),
        Err(error) => error,
    };
    let (Some(last), Some(cut)) = (tokens.last(), place.rfind('/')) else { return Err(EditError::Pointer(nothing)) };
    let parent = pointer::resolve(document.root(), &place[..cut]).map_err(EditError::Pointer)?;
    let container = document.node(&parent).ok_or(EditError::Refusal(Refusal::NoSuchPlace))?;
    let index = container.child_count();
    let key = match container.kind() {
        Kind::Object => {
            let literal = scalar::encode(last, document.style().escaping);
            Some(Key::literal(&literal).map_err(EditError::Problem)?)
        }
        Kind::Array if last == "-" || pointer::array_index(last) == Some(index) => None,
        _ => return Err(EditError::Pointer(nothing)),
    };
    Ok(Edit::Insert { parent, index, key, value })
}

fn change(file: &Path, options: &SaveOptions, edit: &dyn Fn(&Document) -> Result<Edit, EditError>) -> Result<(), Failure> {
    let (disk, state_folder) = (Disk::real(), storage::state_folder());
    let env = Env { disk: &disk, clock: &SystemClock, state_folder: &state_folder };
    let backup = if options.without_backup { BackupPolicy::Skip } else { BackupPolicy::Keep(Cause::Save) };
    let saved = storage::update(
        &env,
        file,
        storage::Options { backup, wait: options.wait },
        &mut |bytes, digest| {
            if options.if_version.is_some_and(|wanted| wanted != *digest) {
                return Err(EditError::OtherVersion);
            }
            let document = Document::parse(bytes).map_err(EditError::Problem)?;
            let applied = edit(&document)?.apply(&document).map_err(EditError::Refusal)?;
            Ok(applied.document)
        },
        &mut |_| ControlFlow::Continue(()),
    );
    let saved = match saved {
        Ok(saved) => saved,
        Err(UpdateError::Open(error)) => return Err(error.into()),
        Err(UpdateError::Save(error)) => return Err(save_failure(file, &error)),
        Err(UpdateError::Edit(EditError::Problem(problem))) => return Err(Failure::problem(file, &problem)),
        Err(UpdateError::Edit(EditError::Refusal(refusal))) => {
            return Err(Failure::new(INVALID, format!("{}: {refusal}", file.display())));
        }
        Err(UpdateError::Edit(EditError::Pointer(error))) => {
            return Err(Failure::new(INVALID, format!("{}: {error}", file.display())));
        }
        Err(UpdateError::Edit(EditError::OtherVersion)) => {
            return Err(Failure::new(CONFLICT, format!("{}: the file has another version; nothing was written", file.display())));
        }
    };
    if let Some(why) = &saved.unlocked {
        let _ = writeln!(io::stderr(), "{}: saved without a lock ({why})", file.display());
    }
    if let Some(displaced) = &saved.displaced {
        let _ = writeln!(
            io::stderr(),
            "{}: another program wrote it in the same moment; its version is kept: {}",
            file.display(),
            displaced.path.display()
        );
    }
    match &saved.durability {
        storage::Durability::Confirmed => Ok(()),
        storage::Durability::NameNotConfirmed(why) => {
            Err(Failure::new(IO, format!("{}: saved, but the disk did not confirm it ({why})", file.display())))
        }
    }
}

fn save_failure(file: &Path, error: &SaveError) -> Failure {
    let exit = match error {
        SaveError::Conflict(_) | SaveError::Deleted | SaveError::Exists => CONFLICT,
        SaveError::Locked => LOCKED,
        _ => IO,
    };
    Failure::new(exit, format!("{}: {} {} {}", file.display(), error.what(), error.safe(), error.todo()))
}

fn version(file: &Path) -> Result<(), Failure> {
    let (version, _) = storage::version_of(&Disk::real(), &SystemClock, file)?;
    print(format!("{}\n", version.digest).as_bytes())
}

fn backups(file: &Path) -> Result<(), Failure> {
    let disk = Disk::real();
    let told = |error: io::Error| Failure::new(IO, format!("{}: {error}", file.display()));
    // A file that was deleted still has its backups.
    let real = match storage::real_path(&disk, file) {
        Ok(real) => real,
        Err(_) => std::path::absolute(file).map_err(told)?,
    };
    let mut lines = String::new();
    for backup in Backups::of(&disk, &storage::state_folder(), &real).list().map_err(told)? {
        lines.push_str(&format!("{}\t{}\t{} bytes\t{}\n", backup.name(), backup.time, backup.size, backup.cause));
    }
    if lines.is_empty() && !file.exists() {
        return Err(OpenError::Missing(file.to_owned()).into());
    }
    print(lines.as_bytes())
}
