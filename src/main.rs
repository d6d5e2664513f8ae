//! Arguments → command line or window; nothing else.

use std::process::ExitCode;
use treekeep::cli::{self, Task};

fn main() -> ExitCode {
    env_logger::init();
    treekeep::storage::survive_size_limits();
    match cli::run() {
        Task::Done(exit) => exit,
        Task::Window(files, read_only) => match treekeep::app::run(files, read_only) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::from(2)
            }
        },
    }
}
