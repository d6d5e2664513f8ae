//! What a file is besides its bytes: owner, mode, access lists, extended attributes, links to it. A save leaves all of it as it was,
//! on each file system, or refuses with the reason.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod faults;
mod mounts;

use faults::{NEW, OLD, Place, has, is_root, names, run, skip, text, version};
use mounts::{Image, Mounted};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use treekeep::storage::{Expected, SaveError};

/// All that a save has to leave as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Nature {
    owner: (u32, u32),
    mode: u32,
    names: u64,
    /// Access lists are among them.
    attributes: BTreeMap<String, Vec<u8>>,
}

fn nature(path: &Path) -> Nature {
    let metadata = fs::symlink_metadata(path).unwrap();
    let mut list = vec![0; 65_536];
    let length = rustix::fs::llistxattr(path, &mut list).unwrap_or(0);
    let names = list[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty());
    let attributes = names.map(|name| {
        let mut value = vec![0; 65_536];
        let length = rustix::fs::lgetxattr(path, name, &mut value).unwrap();
        (String::from_utf8_lossy(name).into_owned(), value[..length].to_vec())
    });
    Nature {
        owner: (metadata.uid(), metadata.gid()),
        mode: metadata.mode(),
        names: metadata.nlink(),
        attributes: attributes.collect(),
    }
}

fn attribute(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::setxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
}

fn access(arguments: &[&str], path: &Path) {
    run(Command::new("setfacl").args(arguments).arg(path));
}

/// Saves [`NEW`] over what stands at `path`, which stays what it is.
#[track_caller]
fn save_and_compare(place: &Place, path: &Path, context: &str) {
    let before = nature(path);
    place.save(path, &version(path), NEW).unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_eq!(text(path), NEW, "{context}");
    assert_eq!(nature(path), before, "{context}");
}

/// A folder on each file system that can be had here.
fn on_each_file_system(test: &dyn Fn(&str, &Path)) {
    if !is_root() || !has("setfacl") {
        return skip("needs root, to mount and to give files away, and setfacl");
    }
    let memory = tempfile::tempdir().unwrap();
    let Some(mounted) = Mounted::in_memory(4 << 20, 0, memory.path()) else { return };
    test("tmpfs", memory.path());
    drop(mounted);
    for (make, megabytes) in [("mkfs.ext4", 16), ("mkfs.xfs", 320), ("mkfs.btrfs", 128)] {
        if let Some(image) = Image::new(make, megabytes) {
            test(make, &image.root());
        }
    }
}

#[test]
fn owner_mode_lists_and_attributes_on_each_file_system() {
    on_each_file_system(&|system, root| {
        let place = Place::new();
        let mut cases = 0;
        let mut check = |what: &str, prepare: &dyn Fn(&Path)| {
            cases += 1;
            let folder = root.join(format!("case-{cases}"));
            fs::create_dir(&folder).unwrap();
            let path = folder.join("a.json");
            fs::write(&path, OLD).unwrap();
            prepare(&path);
            save_and_compare(&place, &path, &format!("{system}: {what}"));
            assert_eq!(names(&folder).iter().filter(|name| !name.ends_with(".lock")).count(), 1, "{system}: {what}");
        };
        for mode in [0o600, 0o640, 0o644, 0o664, 0o666, 0o755, 0o700, 0o602] {
            check(&format!("mode {mode:o}"), &|path| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap());
        }
        check("somebody else's", &|path| chown(path, Some(1234), Some(4321)).unwrap());
        check("another group's", &|path| chown(path, None, Some(4321)).unwrap());
        check("in a folder whose group is inherited", &|path| {
            let folder = path.parent().unwrap();
            chown(folder, None, Some(777)).unwrap();
            fs::set_permissions(folder, PermissionsExt::from_mode(0o2775)).unwrap();
        });
        check("somebody else's, in a folder for everybody", &|path| {
            chown(path, Some(1234), Some(4321)).unwrap();
            fs::set_permissions(path.parent().unwrap(), PermissionsExt::from_mode(0o1777)).unwrap();
        });
        check("attributes", &|path| {
            attribute(path, "user.note", b"kept");
            attribute(path, "user.empty", b"");
            attribute(path, "user.bytes", &[0, 255, 10, 0]);
            attribute(path, "user.long", &[7; 500]);
            attribute(path, "trusted.note", b"kept, too");
        });
        check("an access list", &|path| {
            access(&["-m", "u:4321:rw,g:1234:r,m::rw"], path);
        });
        check("an access list with a mask that takes away", &|path| {
            access(&["-m", "u:4321:rwx,g::rw,m::r"], path);
        });
        check("all at once", &|path| {
            chown(path, Some(1234), Some(4321)).unwrap();
            fs::set_permissions(path, PermissionsExt::from_mode(0o640)).unwrap();
            access(&["-m", "u:7:r"], path);
            attribute(path, "user.note", b"kept");
        });
        check("in a folder that gives new files an access list", &|path| {
            access(&["-d", "-m", "u:4321:rwx,g:1234:rw"], path.parent().unwrap());
        });
        check("its own access list, in such a folder", &|path| {
            access(&["-m", "u:7:r"], path);
            access(&["-d", "-m", "u:4321:rwx"], path.parent().unwrap());
        });
        check("a second name", &|path| {
            fs::hard_link(path, root.join(format!("second-{}", path.parent().unwrap().file_name().unwrap().display()))).unwrap();
            access(&["-m", "u:7:r"], path);
        });
        println!("{system}: {cases} kinds of files, all as they were");
    });
}

/// A new file is what any program's new file is: mask, inherited group and access list.
#[test]
fn a_new_file_is_like_any_other_new_file() {
    on_each_file_system(&|system, root| {
        let place = Place::new();
        let folders: [(&str, &dyn Fn(&Path)); 3] = [
            ("a plain folder", &|_| {}),
            ("a folder whose group is inherited", &|folder| {
                chown(folder, None, Some(777)).unwrap();
                fs::set_permissions(folder, PermissionsExt::from_mode(0o2775)).unwrap();
            }),
            ("a folder that gives new files an access list", &|folder| access(&["-d", "-m", "u:4321:rwx,g:1234:rw"], folder)),
        ];
        for (number, (what, prepare)) in folders.iter().enumerate() {
            let folder = root.join(number.to_string());
            fs::create_dir(&folder).unwrap();
            prepare(&folder);
            fs::write(folder.join("other"), "").unwrap();
            place.save(&folder.join("a.json"), &Expected::Nothing, NEW).unwrap();
            assert_eq!(nature(&folder.join("a.json")), nature(&folder.join("other")), "{system}: {what}");
        }
    });
}

#[test]
fn what_must_not_change_is_refused_and_stays() {
    let Some(image) = (is_root() && has("chattr")).then(|| Image::new("mkfs.ext4", 16)).flatten() else {
        return skip("needs root, chattr and loop devices");
    };
    let place = Place::new();
    for flag in ["i", "a"] {
        let path = image.root().join(format!("{flag}.json"));
        fs::write(&path, OLD).unwrap();
        attribute(&path, "user.note", b"kept");
        let before = (nature(&path), fs::metadata(&path).unwrap().ino());
        run(Command::new("chattr").arg(format!("+{flag}")).arg(&path));
        let begun = Instant::now();
        let error = place.save(&path, &version(&path), NEW).unwrap_err();
        run(Command::new("chattr").arg(format!("-{flag}")).arg(&path));
        assert!(matches!(error, SaveError::ReadOnly | SaveError::CannotReplace(_)), "+{flag}: {error:?}");
        assert!(error.todo().contains("Save a copy"), "+{flag}: {}", error.todo());
        assert!(begun.elapsed() < Duration::from_secs(5), "+{flag}: it is not tried again and again");
        assert_eq!((text(&path).as_str(), (nature(&path), fs::metadata(&path).unwrap().ino())), (OLD, before), "+{flag}");
        place.save(&path, &version(&path), NEW).unwrap();
    }
    let litter: Vec<String> =
        names(&image.root()).into_iter().filter(|name| !name.ends_with("json") && !name.ends_with("lock")).collect();
    assert_eq!(litter, ["lost+found"]);
}

#[test]
fn a_chain_of_links_stays_link_by_link() {
    let place = Place::new();
    fs::create_dir(place.data("far")).unwrap();
    let path = place.data("far/a.json");
    fs::write(&path, OLD).unwrap();
    symlink("far/a.json", place.data("one")).unwrap();
    symlink(place.data("one"), place.data("two")).unwrap();
    symlink("../data/two", place.data("three")).unwrap();
    symlink("three", place.data("four")).unwrap();
    let links: Vec<PathBuf> = ["one", "two", "three", "four"].iter().map(|name| place.data(name)).collect();
    let state = |link: &PathBuf| (fs::symlink_metadata(link).unwrap().ino(), fs::read_link(link).unwrap());
    let before: Vec<_> = links.iter().map(state).collect();
    let kept = nature(&path);
    place.save(&links[3], &version(&links[3]), NEW).unwrap();
    assert_eq!((text(&path).as_str(), nature(&path)), (NEW, kept));
    assert_eq!(links.iter().map(state).collect::<Vec<_>>(), before);
    let expected = ["a.json", "a.json.lock"];
    assert_eq!(names(&place.data("far")), expected, "the new text was written beside the file, not beside the link");
}

/// What is no file is told as what it is, at once, by the program as well.
#[test]
fn what_is_no_file_is_told_and_left_alone() {
    let place = Place::new();
    rustix::fs::mknodat(rustix::fs::CWD, place.data("pipe"), rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(place.data("socket")).unwrap();
    fs::create_dir(place.data("folder")).unwrap();
    symlink("pipe", place.data("link")).unwrap();
    symlink("/dev/full", place.data("full")).unwrap();
    symlink("b", place.data("a")).unwrap();
    symlink("a", place.data("b")).unwrap();
    let before = names(&place.data(""));
    let cases = [
        ("pipe", "a named pipe"),
        ("link", "a named pipe"),
        ("socket", "a socket"),
        ("folder", "a folder"),
        ("full", "a device"),
        ("a", "symbolic links"),
    ];
    for (name, kind) in cases {
        for arguments in [&["set", name, "/a", "2"][..], &["check", name]] {
            let begun = Instant::now();
            let output = place.treekeep(arguments);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
            assert!(told.contains(kind), "{arguments:?}: {told}");
            assert!(begun.elapsed() < Duration::from_secs(5), "{arguments:?}: nobody writes into it");
        }
        assert!(place.save(&place.data(name), &Expected::Anything, NEW).is_err(), "{name}");
    }
    assert_eq!(names(&place.data("")), before);
    assert!(fs::symlink_metadata(place.data("pipe")).unwrap().file_type().is_fifo());
}

/// Names up to the longest, and some that are not text: the program saves them, and what it keeps fits beside them.
#[test]
fn names_of_every_length_and_of_any_bytes() {
    let place = Place::new();
    let long = |length: usize| [&vec![b'n'; length - 5][..], b".json"].concat();
    let mut all: Vec<Vec<u8>> = [6, 100, 230, 231, 232, 249, 250, 251, 254, 255].into_iter().map(long).collect();
    all.push("א".repeat(127).into_bytes());
    all.push([&[0xFF, 0xFE][..], b" \n\t'\".json"].concat());
    all.push(vec![0x80; 255]);
    all.push(b"-rf.json".to_vec());
    for name in all {
        let path = place.data("").join(OsStr::from_bytes(&name));
        fs::write(&path, OLD).unwrap();
        let mut command = place.command(OsStr::new(env!("CARGO_BIN_EXE_treekeep")));
        let output = command.arg("set").arg(&path).args(["/a", "2"]).stdin(Stdio::null()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), text(&path).as_str()), (Some(0), NEW), "{} bytes: {told}", name.len());
        // Its lock would be five bytes longer.
        assert_eq!(told.contains("without a lock"), name.len() > 250, "{} bytes: {told}", name.len());
        fs::remove_file(&path).unwrap();
    }
    let litter: Vec<String> = names(&place.data("")).into_iter().filter(|name| !name.ends_with(".lock")).collect();
    assert!(litter.is_empty(), "{litter:?}");
}
