//! The invariants of `src/lib.rs`, held against the sources.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

use std::fs;
use std::path::{Path, PathBuf};

struct Source {
    /// `storage/save.rs`
    name: String,
    /// Without comments and without the tests at the end.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut waiting = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path: PathBuf = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
                found.push(Source { name: path.strip_prefix(&root).unwrap().to_string_lossy().into_owned(), code });
            }
        }
    }
    assert!(found.len() > 40, "the sources are read");
    found
}

/// The layer of a file: its folder, or the file itself.
fn layer(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap_or_default()
}

#[track_caller]
fn nowhere_but(words: &[&str], allowed: &[&str], reason: &str) {
    for source in sources() {
        if allowed.iter().any(|place| source.name.starts_with(place)) {
            continue;
        }
        for word in words {
            let line = source.code.lines().find(|line| line.contains(word));
            assert!(line.is_none(), "src/{}: `{word}`: {reason}\n  {}", source.name, line.unwrap_or_default());
        }
    }
}

#[test]
fn layers_know_what_is_below_them_only() {
    let allowed = |layer: &str| -> &[&str] {
        match layer {
            "document" => &[],
            "storage" => &["document"],
            "state" => &["document", "storage"],
            "jobs" => &["document", "storage", "state"],
            "ui" => &["document", "state"],
            "app" => &["document", "storage", "state", "jobs", "ui"],
            "cli" => &["document", "storage", "jobs"],
            "main" | "lib" => &["app", "cli", "document", "jobs", "state", "storage", "ui"],
            other => panic!("src/{other}: a new layer; say in src/lib.rs and here what it may know"),
        }
    };
    for source in sources() {
        let own = layer(&source.name);
        for other in ["document", "storage", "state", "jobs", "ui", "app", "cli"] {
            let used = source.code.contains(&format!("crate::{other}")) || source.code.contains(&format!("treekeep::{other}"));
            assert!(
                !used || other == own || allowed(own).contains(&other),
                "src/{} uses `{other}`, which `{own}` must not know: see the layers in src/lib.rs",
                source.name
            );
        }
    }
}

#[test]
fn state_takes_plain_data_of_storage_only() {
    for source in sources().iter().filter(|source| layer(&source.name) == "state") {
        for word in ["Disk", "SystemClock", "storage::read", "storage::save", "storage::look", "Env"] {
            let found = source.code.lines().find(|line| line.contains("storage") && line.contains(word));
            assert!(found.is_none(), "src/{}: {found:?}: state decides, it does not touch the disk", source.name);
        }
    }
}

#[test]
fn files_are_touched_in_storage_only() {
    nowhere_but(
        &["std::fs", "fs::read", "File::", "tempfile::"],
        &["storage/"],
        "every call on the file system goes through storage",
    );
    nowhere_but(
        &["fs::read(", "fs::write(", "fs::rename(", "File::create"],
        &["storage/disk.rs"],
        "a call beside the seam can't be made to fail in tests",
    );
}

#[test]
fn threads_start_in_jobs_only() {
    nowhere_but(&["thread::spawn", "thread::Builder", "std::thread"], &["jobs/", "storage/clock.rs"], "threads start in jobs");
}

#[test]
fn egui_is_known_in_app_and_ui_only() {
    nowhere_but(&["egui", "eframe"], &["app.rs", "ui/"], "the rest of the program works without a window");
}

#[test]
fn colours_are_named_in_the_theme_only() {
    nowhere_but(
        &["Color32::from", "Color32::WHITE", "Color32::BLACK", "Color32::RED", "Rgba::from"],
        &["ui/theme.rs"],
        "a colour is a token",
    );
}

#[test]
fn nothing_can_panic_without_a_reason() {
    let words = [".unwrap()", ".expect(", "panic!(", "todo!(", "unimplemented!(", "dbg!("];
    for source in sources() {
        for (number, line) in source.code.lines().enumerate() {
            for word in words {
                assert!(
                    !line.contains(word),
                    "src/{}: {}: `{word}` ends the program and the edits with it",
                    source.name,
                    number + 1
                );
            }
        }
    }
    // `unreachable!` stands where the types can't say it; each with a message that does.
    for source in sources() {
        for line in source.code.lines().filter(|line| line.contains("unreachable!(")) {
            assert!(line.contains("unreachable!(\""), "src/{}: `unreachable!` says why", source.name);
        }
    }
}

#[test]
fn no_code_is_unsafe() {
    nowhere_but(&["unsafe "], &["document/bitmap.rs"], "unsafe code needs a measurement that earns it");
}

#[test]
fn a_frame_waits_for_nothing() {
    for source in sources().iter().filter(|source| ["ui", "app"].contains(&layer(&source.name))) {
        for word in [".recv()", ".join()", "sleep(", ".lock()", "Document::parse", "Fragment::new", "rfd::", "to_bytes()"] {
            let found = source.code.lines().find(|line| line.contains(word));
            assert!(found.is_none(), "src/{}: `{word}` may take a while: {found:?}", source.name);
        }
    }
}

#[test]
fn every_module_is_on_the_map() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for source in sources() {
        let name = source.name.trim_end_matches(".rs");
        let stem = name.rsplit('/').next().unwrap_or_default();
        if ["lib", "main", "mod"].contains(&stem) {
            continue;
        }
        let told = ["problem", "clock", "format", "row", "scroll_bar", "view", "edit"].contains(&stem)
            || map.contains(&format!("`{stem}`"))
            || map.contains(&format!("[`{stem}`]"));
        assert!(told, "src/{}: the map in src/lib.rs does not name `{stem}`", source.name);
    }
}

#[test]
fn no_file_holds_a_second_idea() {
    for source in sources() {
        let lines = source.code.lines().count();
        assert!(lines <= 520, "src/{} has {lines} lines of code: is there a second idea in it?", source.name);
    }
}
