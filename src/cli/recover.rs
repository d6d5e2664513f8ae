//! What was kept: backups, and edits that were not saved.

use super::{Failure, IO, print};
use crate::storage::{self, Backups, Disk, OpenError};
use std::io;
use std::path::{Path, PathBuf};

fn told(file: &Path) -> impl Fn(io::Error) -> Failure + '_ {
    move |error| Failure::new(IO, format!("{}: {error}", file.display()))
}

/// The real path, also of a file that was deleted: it still has its backups.
fn real(disk: &Disk, file: &Path) -> Result<PathBuf, Failure> {
    match storage::real_path(disk, file) {
        Ok(real) => Ok(real),
        Err(_) => std::path::absolute(file).map_err(told(file)),
    }
}

pub fn backups(file: &Path) -> Result<(), Failure> {
    let disk = Disk::real();
    let real = real(&disk, file)?;
    let mut lines = String::new();
    for backup in Backups::of(&disk, &storage::state_folder(), &real).list().map_err(told(file))? {
        lines.push_str(&format!("{}\t{}\t{} bytes\t{}\n", backup.name(), backup.time, backup.size, backup.cause));
    }
    if lines.is_empty() && !file.exists() {
        return Err(OpenError::Missing(file.to_owned()).into());
    }
    print(lines.as_bytes())
}
