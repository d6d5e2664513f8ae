//! What stands in the way of replacing a file, and what a new file takes over from the one that it replaces: owner, mode, extended attributes (access lists among them).

use super::disk::Disk;
use super::error::{Obstacle, SaveError};
use super::open;
use super::target::folder_of;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// What a rename would destroy, or can't do: then the file is written in place.
///
/// # Errors
/// The file may not be written at all.
pub fn obstacle(target: &Path, metadata: &Metadata) -> Result<Option<Obstacle>, SaveError> {
    if open::is_read_only(target, metadata) {
        return Err(SaveError::ReadOnly);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if metadata.nlink() > 1 {
            return Ok(Some(Obstacle::HardLinks(metadata.nlink())));
        }
        if rustix::fs::access(folder_of(target), rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_err() {
            return Ok(Some(Obstacle::Folder));
        }
    }
    Ok(None)
}

/// What could not be taken over, and matters.
#[derive(Debug)]
pub enum Refused {
    /// The owner would change.
    Owner,
    /// What the system says.
    Io(io::Error),
}

/// Makes `file` like the file `old`. The set-user and set-group bits are dropped, as other editors do; where the group can't be
/// kept, its rights are dropped rather than given to another group.
pub fn take_over(disk: &Disk, file: &File, path: &Path, old_file: &File, old: &Metadata) -> Result<(), Refused> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
        let own = disk.stat_open(file, path).map_err(Refused::Io)?;
        let mut mode = old.mode() & 0o777;
        let mut change = || -> Result<(), Refused> {
            if own.uid() != old.uid() {
                fchown(file, Some(old.uid()), None).map_err(|_| Refused::Owner)?;
            }
            if own.gid() != old.gid() && fchown(file, None, Some(old.gid())).is_err() {
                mode &= !0o070;
            }
            copy_attributes(file, old_file).map_err(Refused::Io)?;
            file.set_permissions(std::fs::Permissions::from_mode(mode)).map_err(Refused::Io)
        };
        let mut outcome = Ok(());
        disk.attributes(path, || {
            outcome = change();
            Ok(())
        })
        .map_err(Refused::Io)?;
        outcome
    }
    #[cfg(not(unix))]
    {
        let _ = old_file;
        disk.attributes(path, || file.set_permissions(old.permissions())).map_err(Refused::Io)
    }
}

/// Gives `to` the extended attributes of `from`, and no others: a folder may have given it an access list, which would let people
/// in whom the old file kept out. Those that the system keeps for itself are passed over.
#[cfg(unix)]
fn copy_attributes(to: &File, from: &File) -> io::Result<()> {
    use rustix::fs::{XattrFlags, fgetxattr, fremovexattr, fsetxattr};
    use rustix::io::Errno;
    // Security labels and trusted attributes are set by the system or by nobody.
    let matters = |name: &[u8]| name.starts_with(b"user.") || name.starts_with(b"system.posix_acl");
    let names = attribute_names(from)?;
    for name in attribute_names(to)?.iter().filter(|name| matters(name) && !names.contains(name)) {
        fremovexattr(to, name.as_slice())?;
    }
    for name in &names {
        let mut value = vec![0u8; 65_536];
        let length = match fgetxattr(from, name.as_slice(), &mut value) {
            Ok(length) => length,
            Err(Errno::NODATA | Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP) => continue,
            Err(error) => return Err(error.into()),
        };
        match fsetxattr(to, name.as_slice(), &value[..length], XattrFlags::empty()) {
            Err(error) if matters(name) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// The names of a file's extended attributes; none where the file system has none.
#[cfg(unix)]
fn attribute_names(file: &File) -> io::Result<Vec<Vec<u8>>> {
    use rustix::io::Errno;
    let mut names = vec![0u8; 65_536];
    match rustix::fs::flistxattr(file, &mut names) {
        Ok(length) => {
            let each = names[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty());
            Ok(each.map(<[u8]>::to_vec).collect())
        }
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
