//! File systems that a test mounts for itself, and that go with it.
#![allow(dead_code)] // each test file uses a part

use crate::faults::skip;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Mounted until it is dropped.
pub struct Mounted(PathBuf);

impl Mounted {
    /// `mount ARGUMENTS ON`; says why not.
    pub fn new<A: AsRef<OsStr>>(arguments: &[A], on: &Path) -> Option<Self> {
        let output = Command::new("mount").args(arguments).arg(on).output();
        if output.is_ok_and(|output| output.status.success()) {
            return Some(Self(on.to_owned()));
        }
        skip("needs the right to mount");
        None
    }

    /// A file system in the memory with so much room, in bytes, and so many files; 0 files are as many as there is room for.
    pub fn in_memory(size: u64, files: u64, on: &Path) -> Option<Self> {
        Self::new(&["-t", "tmpfs", "-o", &format!("size={size},nr_inodes={files},mode=0755"), "tmpfs"], on)
    }

    /// Gives one in the memory room for four megabytes, and for a thousand files if their number was limited.
    pub fn grow(&self, files: u64) {
        self.remount(if files == 0 { "size=4m" } else { "size=4m,nr_inodes=1000" });
    }

    /// Gives it other options.
    pub fn remount(&self, options: &str) {
        let output = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A file system of its own in an image, mounted.
pub struct Image {
    /// Unmounted before the image goes.
    _mounted: Mounted,
    folder: tempfile::TempDir,
}

impl Image {
    /// Made by `make`, `mkfs.ext4` for one; says why not.
    pub fn new(make: &str, megabytes: u64) -> Option<Self> {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let (image, root) = (folder.path().join("image"), folder.path().join("mounted"));
        std::fs::File::create(&image).unwrap().set_len(megabytes << 20).unwrap();
        std::fs::create_dir(&root).unwrap();
        let made = Command::new(make).arg("-q").arg(&image).output();
        if !made.is_ok_and(|output| output.status.success()) {
            skip(&format!("needs {make}"));
            return None;
        }
        let mounted = Mounted::new(&["-o".as_ref(), "loop".as_ref(), image.as_os_str()], &root)?;
        Some(Self { _mounted: mounted, folder })
    }

    /// Its root folder.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }
}
