//! Arguments → command line or window; nothing else.

use std::process::ExitCode;
use treekeep::cli::{self, Task};

fn main() -> ExitCode {
    treekeep::storage::survive_size_limits();
    match cli::run() {
        Task::Done(exit) => exit,
        Task::Window(_files) => ExitCode::SUCCESS,
    }
}
