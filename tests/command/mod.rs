//! A folder of its own, in which the program is run as from a shell.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The folder; what the program keeps stands in `state` there.
pub struct Place {
    pub folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_treekeep"));
        command.args(arguments).current_dir(self.folder.path()).env("XDG_STATE_HOME", self.folder.path().join("state"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}
