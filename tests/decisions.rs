//! What the program decides, as lists of commands and events: no window, no disk, no thread.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod program;

use program::{Program, TEXT, stamp, version};
use std::sync::{Arc, Weak};
use treekeep::document::{Comparison, Document, Edit, Fragment, Head, Path, Value};
use treekeep::state::on_disk::{Differing, Unread};
use treekeep::state::session::{Part, Purpose};
use treekeep::state::{
    Answer, Command, CompareFor, Content, Dialog, Effect, Event, FindInput, Go, Input, Opened, PickPurpose, Report, Status, Task,
};
use treekeep::storage::{Digest, Expected, Version};

#[test]
fn an_edit_is_unsaved_until_the_save_has_ended() {
    let mut program = Program::open(TEXT);
    assert_eq!(program.status(), Status::Saved);
    program.edit(&[0], "Exodus");
    assert_eq!((program.text(), program.status()), (TEXT.replace("Genesis", "Exodus"), Status::Edited(1)));
    assert!(program.state.title().starts_with("• genesis.json"));
    program.command(Command::Save);
    let order = program.save();
    assert!(matches!(&order.expected, Expected::Version(expected) if *expected == version(TEXT)));
    assert_eq!(program.status(), Status::Saving);
    program.edit(&[2], "7");
    program.saved(&order);
    assert_eq!(program.status(), Status::Edited(1), "what was typed after the snapshot stays unsaved");
    program.command(Command::Undo);
    assert_eq!(program.status(), Status::Saved);
    program.command(Command::Undo);
    assert_eq!((program.text().as_str(), program.status()), (TEXT, Status::Edited(1)));
}

#[test]
fn a_failed_save_keeps_everything_and_the_next_edit_tries_again() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Exodus");
    program.command(Command::Save);
    let order = program.save();
    program.failed(&order, false);
    assert_eq!(program.status(), Status::Edited(1), "the count of unsaved changes does not fall");
    assert_eq!(program.session().failure.as_ref().unwrap().report.what, "The disk is full.");
    assert!(program.saves().is_empty(), "nothing is tried again by itself at once");
    program.edit(&[2], "7");
    let again = program.save();
    assert_eq!(String::from_utf8(again.document.to_bytes()).unwrap(), program.text());
    program.failed(&again, false);
    program.command(Command::Retry);
    let retried = program.save();
    program.saved(&retried);
    assert_eq!(program.status(), Status::Saved);
    assert!(program.session().failure.is_none());
}

#[test]
fn a_save_waits_for_the_digest_of_what_was_read() {
    let mut program = Program::new();
    program.take(Input::OpenFiles(vec!["/data/a.json".into()]));
    let id = program.id();
    program.event(Event::Opened(
        id,
        "/data/a.json".into(),
        Opened { fragment: Fragment::new("[1]").unwrap(), stamp: stamp(1), read_only: false },
    ));
    program.edit(&[0], "2");
    program.command(Command::Save);
    assert!(program.saves().is_empty());
    assert_eq!(program.status(), Status::Saving);
    program.event(Event::Digest(id, stamp(1), Digest::of(b"[1]")));
    assert!(matches!(program.save().expected, Expected::Version(version) if version.digest == Digest::of(b"[1]")));
}

#[test]
fn a_save_says_how_far_it_is_and_can_be_stopped() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Exodus");
    program.command(Command::Save);
    let id = program.id();
    program.event(Event::SaveStep(id, "writing".into()));
    program.event(Event::SaveProgress(id, 0, 100));
    program.event(Event::SaveProgress(id, 25, 100));
    let progress = |program: &Program| program.session().saving.as_ref().and_then(|saving| saving.progress);
    assert_eq!(progress(&program).and_then(|progress| progress.left_ms(program.ms)), Some(15_000), "a quarter took 5 seconds");
    program.event(Event::SaveStep(id, "making it durable".into()));
    assert!(progress(&program).is_none(), "each step has its own");
    program.take(Input::StopSave);
    assert!(matches!(program.effects.last(), Some(Effect::StopSave(stopped)) if *stopped == id));
}

#[test]
fn a_change_on_disk_is_loaded_while_nothing_is_edited() {
    let mut program = Program::open(TEXT);
    program.take(Input::Toggle([1].into()));
    program.take(Input::Select([1, 2].into()));
    let theirs = r#"{"new": 0, "title": "Exodus", "list": [1, 2, 3], "number": 3}"#;
    program.other_writes(theirs);
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), (theirs, Status::Saved));
    assert_eq!(program.session().loaded.as_ref().unwrap().text, "Changed on disk at 14:02, loaded. 3 values differ.");
    assert_eq!(*program.session().view.selection, [2, 2], "the selection stays on its value");
    assert!(program.session().view.fold.at(&[2]).is_open(), "what was open stays open");
    program.command(Command::ShowChange);
    assert_eq!(*program.session().view.selection, [0], "what was added stands first");
    program.command(Command::UndoLoad);
    assert_eq!((program.text().as_str(), program.status()), (TEXT, Status::ChangedOnDisk));
    assert_eq!(*program.session().view.selection, [1, 2]);
    program.edit(&[0], "Mine");
    assert_eq!(program.status(), Status::Conflict);
    program.command(Command::Save);
    let order = program.save();
    assert!(matches!(order.expected, Expected::Version(expected) if expected.digest == version(TEXT).digest), "on its old base");
    program.failed(&order, true);
    assert_eq!(program.status(), Status::Conflict);
    program.command(Command::Undo);
    program.command(Command::Redo);
    program.edit(&[2], "8");
    assert!(program.saves().is_empty(), "a conflict is not tried again by itself");
}

#[test]
fn undo_and_redo_across_a_load_follow_the_disk() {
    let mut program = Program::open("[1]");
    program.other_writes("[2]");
    program.compare();
    program.command(Command::Undo);
    assert_eq!((program.text().as_str(), program.status()), ("[1]", Status::ChangedOnDisk));
    program.command(Command::Redo);
    assert_eq!((program.text().as_str(), program.status()), ("[2]", Status::Saved));
}

#[test]
fn a_change_on_disk_meets_unsaved_edits() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    let theirs = TEXT.replace("Genesis", "Theirs").replace("12.50", "7");
    program.other_writes(&theirs);
    program.compare();
    assert_eq!(program.status(), Status::Conflict);
    assert_eq!(program.session().theirs().unwrap().differing, Differing::Count(2));
    assert_eq!(program.text(), TEXT.replace("Genesis", "Mine"), "nothing is loaded over edits");

    program.command(Command::Compare);
    program.compare();
    assert_eq!(program.session().differences.as_ref().unwrap().total, 2);

    program.command(Command::KeepMine);
    let order = program.save();
    assert!(
        matches!(order.expected, Expected::Version(expected) if expected.digest == version(&theirs).digest),
        "theirs as it was shown"
    );
    assert_eq!(order.purpose, Purpose::KeepMine);
    program.failed(&order, true);
    assert_eq!(program.status(), Status::Conflict);

    program.command(Command::TakeTheirs);
    program.compare();
    assert_eq!((program.text(), program.status()), (theirs, Status::Saved));
    program.command(Command::Undo);
    assert_eq!((program.text(), program.status()), (TEXT.replace("Genesis", "Mine"), Status::Conflict));
}

#[test]
fn keep_mine_ends_the_conflict() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.other_writes("[]");
    program.command(Command::KeepMine);
    let order = program.save();
    program.saved(&order);
    assert_eq!(program.status(), Status::Saved);
}

#[test]
fn what_is_not_counted_any_more_is_not_said_to_be() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.other_writes("[1]");
    let id = program.id();
    assert_eq!(program.session().theirs().unwrap().differing, Differing::Counting);
    program.event(Event::TaskEnded(id, Task::Follow, true));
    assert_eq!(program.session().theirs().unwrap().differing, Differing::Uncounted);
    program.compare();
    let counted = program.session().theirs().unwrap().differing;
    assert!(matches!(counted, Differing::Count(1..)), "{counted:?}");
    program.event(Event::TaskEnded(id, Task::Follow, true));
    assert_eq!(program.session().theirs().unwrap().differing, counted);

    let mut program = Program::open("[1]");
    program.other_writes("[2]");
    program.compare();
    program.command(Command::Undo);
    assert_eq!(program.session().theirs().unwrap().differing, Differing::Uncounted);
}

#[test]
fn edits_that_come_while_a_load_is_compared_win() {
    let mut program = Program::open(TEXT);
    program.other_writes("[1]");
    program.edit(&[0], "Mine");
    program.compare();
    assert_eq!((program.text(), program.status()), (TEXT.replace("Genesis", "Mine"), Status::Conflict));
    assert!(program.session().theirs().unwrap().differing != Differing::Counting);
}

#[test]
fn what_another_program_wrote_alike_is_saved() {
    let mut program = Program::open("[0, 1]");
    program.edit(&[0], "5");
    program.edit(&[1], "6");
    program.other_writes("[5, 6]");
    program.compare();
    assert_eq!((program.status(), program.session().unsaved()), (Status::Saved, 0));
    assert!(program.session().failure.is_none() && program.session().notice.is_some());
    // What is saved from then on stands on theirs; undo leads back to what is not on the disk any more.
    program.command(Command::Undo);
    assert_eq!((program.text().as_str(), program.status()), ("[5, 1]", Status::Edited(1)));
    program.command(Command::Save);
    let order = program.save();
    assert!(matches!(order.expected, Expected::Version(expected) if expected.digest == version("[5, 6]").digest));
    program.saved(&order);
    // Laid out otherwise it is not the same: which layout it is to have the person says.
    program.edit(&[0], "7");
    program.other_writes("[7,1]");
    program.compare();
    assert_eq!(program.status(), Status::Conflict);
    // Nor while something else is under way, or where it was edited on meanwhile.
    let mut program = Program::open("[0]");
    program.edit(&[0], "5");
    program.other_writes("[5]");
    program.edit(&[0], "55");
    program.compare();
    assert_eq!((program.status(), program.session().unsaved()), (Status::Edited(1), 1));
}

#[test]
fn a_version_that_was_not_read_to_its_end_is_not_passed_over_in_silence() {
    for is_edited in [false, true] {
        let mut program = Program::open("[0]");
        if is_edited {
            program.edit(&[0], "5");
        }
        program.event(Event::TaskEnded(program.id(), Task::Reload, true));
        let status = if is_edited { Status::Conflict } else { Status::ChangedOnDisk };
        assert_eq!((program.status(), program.session().theirs().is_none()), (status, true));
        assert!(Command::CheckDisk.is_enabled(&program.state) && !Command::KeepMine.is_enabled(&program.state));
        // Read after all it is met as ever; or it is what was there before.
        program.other_writes("[1]");
        program.compare();
        let expected = if is_edited { ("[5]", Status::Conflict) } else { ("[1]", Status::Saved) };
        assert_eq!((program.text().as_str(), program.status()), expected);
        let mut program = Program::open("[0]");
        program.event(Event::TaskEnded(program.id(), Task::Reload, true));
        program.event(Event::DiskTouched(program.id(), version("[0]"), false));
        assert_eq!(program.status(), Status::Saved);
    }
}

#[test]
fn a_version_of_which_much_differs_is_loaded_all_the_same() {
    let mut program = Program::open("[[0, [1, 2]], 3]");
    program.take(Input::Select([0, 1, 1].as_slice().into()));
    program.command(Command::ExpandAll);
    program.other_writes("[[7, [8, 9]]]");
    let purpose = program.effects.iter().position(|effect| matches!(effect, Effect::Compare(..))).unwrap();
    let Effect::Compare(id, _, _, purpose) = program.effects.remove(purpose) else { unreachable!() };
    program.event(Event::Compared(id, purpose, Box::new(Comparison::given_up())));
    assert_eq!((program.text().as_str(), program.status()), ("[[7, [8, 9]]]", Status::Saved));
    assert!(program.session().loaded.as_ref().unwrap().text.ends_with("loaded. Much of it differs."));
    // Who looked at a value looks at what stands in its place, and undo leads back.
    assert_eq!((&*program.session().view.selection, program.session().rows()), (&[0, 1, 1][..], 6));
    program.command(Command::Undo);
    assert_eq!((program.text().as_str(), program.session().rows()), ("[[0, [1, 2]], 3]", 7));
}

/// What is to be compared, as texts, and whether the result loads.
fn comparisons(program: &Program) -> Vec<(String, String, bool)> {
    let text = |node: &treekeep::document::Node| String::from_utf8(node.to_bytes()).unwrap();
    let of = |effect: &Effect| match effect {
        Effect::Compare(_, a, b, purpose) => Some((text(a), text(b), matches!(purpose, CompareFor::Load { .. }))),
        _ => None,
    };
    program.effects.iter().filter_map(of).collect()
}

#[test]
fn what_comes_while_a_version_is_compared_is_loaded_after_it() {
    let mut program = Program::open("[0]");
    program.other_writes("[1]");
    program.other_writes("[2]");
    program.other_writes("[3]");
    assert_eq!(comparisons(&program), [("[0]".into(), "[1]".into(), true)], "one at a time");
    program.compare_once();
    assert_eq!((program.text().as_str(), program.status()), ("[1]", Status::ChangedOnDisk));
    assert_eq!(comparisons(&program), [("[1]".into(), "[3]".into(), true)]);
    program.compare_once();
    assert_eq!((program.text().as_str(), program.status()), ("[3]", Status::Saved));
    assert!(comparisons(&program).is_empty());
}

#[test]
fn what_comes_while_differences_are_counted_is_counted_after_them() {
    let mut program = Program::open("[0]");
    program.edit(&[0], "9");
    program.other_writes("[1]");
    program.other_writes("[2, 2]");
    assert_eq!(comparisons(&program), [("[9]".into(), "[1]".into(), false)], "one at a time");
    program.compare_once();
    assert_eq!(program.session().theirs().unwrap().differing, Differing::Counting);
    assert_eq!(comparisons(&program), [("[9]".into(), "[2, 2]".into(), false)]);
    program.compare_once();
    assert_eq!(program.session().theirs().unwrap().differing, Differing::Count(3), "one is gone, two came");
    assert_eq!((program.text().as_str(), program.status()), ("[9]", Status::Conflict));
}

#[test]
fn a_disk_that_goes_back_while_a_version_is_compared_is_what_is_shown() {
    let mut program = Program::open("[0]");
    program.other_writes("[1]");
    program.other_writes("[0]");
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), ("[0]", Status::Saved));
    program.other_writes("[1]");
    program.event(Event::DiskGone(program.id()));
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), ("[0]", Status::DeletedOnDisk));
}

#[test]
fn their_version_is_taken_though_they_went_on() {
    let mut program = Program::open("[0]");
    program.edit(&[0], "9");
    program.other_writes("[1]");
    program.compare();
    program.command(Command::TakeTheirs);
    program.other_writes("[2]");
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), ("[2]", Status::Saved));
    program.command(Command::UndoLoad);
    program.command(Command::Undo);
    assert_eq!(program.text(), "[9]");
    // It is the only copy of their version once the file is gone.
    let mut program = Program::open("[0]");
    program.edit(&[0], "9");
    program.other_writes("[1]");
    program.compare();
    program.command(Command::TakeTheirs);
    program.event(Event::DiskGone(program.id()));
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), ("[1]", Status::DeletedOnDisk));
}

/// The versions from which on a file is to be watched.
fn watched(program: &mut Program) -> Vec<Digest> {
    let effects = std::mem::take(&mut program.effects);
    effects
        .iter()
        .filter_map(|effect| if let Effect::Watch(.., version) = effect { Some(version.digest) } else { None })
        .collect()
}

#[test]
fn what_comes_during_a_save_that_replaces_nothing_is_told_once_more() {
    // A copy is no save of the file.
    let mut program = Program::open("[0]");
    program.take(Input::Event(Event::Picked(PickPurpose::SaveCopy, Some("/data/copy.json".into()))));
    let order = program.save();
    program.other_writes("[1]");
    assert_eq!(program.status(), Status::Saving);
    watched(&mut program);
    program.saved(&order);
    assert_eq!(watched(&mut program), [version("[0]").digest], "as the window knows it");
    // One that failed, with a conflict that is known: from there.
    let mut program = Program::open("[0]");
    program.edit(&[0], "9");
    program.other_writes("[1]");
    program.compare();
    program.command(Command::KeepMine);
    let order = program.save();
    program.event(Event::DiskGone(program.id()));
    watched(&mut program);
    program.failed(&order, true);
    assert_eq!(watched(&mut program), [version("[1]").digest]);
    // One that replaced it is the newest.
    program.command(Command::KeepMine);
    let order = program.save();
    program.other_writes("[2]");
    watched(&mut program);
    program.saved(&order);
    assert_eq!(watched(&mut program), [version("[9]").digest]);
    // Where nothing came the file is not read once more.
    program.edit(&[0], "8");
    program.command(Command::Save);
    let order = program.save();
    program.failed(&order, false);
    assert_eq!(watched(&mut program), []);
}

#[test]
fn a_file_that_is_there_again_is_known_or_read() {
    let mut program = Program::open("[0]");
    let id = program.id();
    program.other_writes("[1]");
    program.event(Event::DiskGone(id));
    program.compare();
    watched(&mut program);
    program.event(Event::DiskTouched(id, version("[1]"), false));
    assert_eq!(watched(&mut program), [version("[0]").digest], "so it is read");
    program.other_writes("[1]");
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), ("[1]", Status::Saved));
    // As it was, and then undone to what it was before.
    program.event(Event::DiskGone(id));
    assert_eq!(program.status(), Status::DeletedOnDisk);
    program.event(Event::DiskTouched(id, version("[1]"), false));
    assert_eq!(program.status(), Status::Saved);
    program.command(Command::UndoLoad);
    assert_eq!((program.text().as_str(), program.status()), ("[0]", Status::ChangedOnDisk));
}

#[test]
fn who_undoes_a_load_is_asked_about_the_next_version() {
    let mut program = Program::open("[0]");
    program.other_writes("[1]");
    program.compare();
    program.other_writes("[2]");
    program.command(Command::UndoLoad);
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), ("[0]", Status::ChangedOnDisk));
    assert_eq!(program.session().theirs().unwrap().differing, Differing::Count(1));
}

#[test]
fn an_open_field_is_not_pulled_away_by_what_was_asked_for_before() {
    let open = || {
        let mut program = Program::open("[0, 0]");
        program.edit(&[0], "9");
        program.other_writes("[1, 1]");
        program.compare();
        program
    };
    let field = |program: &mut Program| {
        program.take(Input::Edit([1].into(), Part::Value));
        program.take(Input::Type("77".into()));
    };
    let mut program = open();
    program.command(Command::TakeTheirs);
    field(&mut program);
    program.compare();
    assert!(program.session().editor.is_some() && program.session().notice.is_some());
    assert_eq!(program.text(), "[9, 0]");
    let mut program = open();
    program.command(Command::Merge);
    field(&mut program);
    program.merge();
    assert!(program.session().editor.is_some() && program.session().merging.is_none());
    program.take(Input::Commit);
    assert_eq!(program.text(), "[9, 77]");
}

#[test]
fn a_comparison_that_was_stopped_keeps_nothing_waiting() {
    let mut program = Program::open("[0]");
    program.other_writes("[1]");
    program.effects.clear();
    program.event(Event::TaskEnded(program.id(), Task::Follow, true));
    assert_eq!(program.session().theirs().unwrap().differing, Differing::Uncounted);
    program.other_writes("[2]");
    assert_eq!(comparisons(&program), [("[0]".into(), "[2]".into(), false)], "a person decided against the one before");
}

#[test]
fn a_load_waits_for_an_open_field() {
    let mut program = Program::open(TEXT);
    program.take(Input::Edit([2].into(), Part::Value));
    program.take(Input::Type("5".into()));
    program.other_writes("[1]");
    program.compare();
    assert_eq!(program.text(), TEXT, "nothing is pulled away under the hands");
    program.command(Command::Cancel);
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), ("[1]", Status::Saved));
}

#[test]
fn the_same_content_is_no_change() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.other_writes("[]");
    assert_eq!(program.status(), Status::Conflict);
    program.other_writes(TEXT);
    assert_eq!(program.status(), Status::Edited(1), "the other program took its change back");
    let id = program.id();
    program.event(Event::DiskTouched(id, version(TEXT), true));
    program.command(Command::Undo);
    assert_eq!(program.status(), Status::ReadOnly);
}

#[test]
fn a_deleted_file_empties_nothing_and_can_come_back() {
    let mut program = Program::open(TEXT);
    let id = program.id();
    program.event(Event::DiskGone(id));
    assert_eq!((program.text().as_str(), program.status()), (TEXT, Status::DeletedOnDisk));
    program.command(Command::SaveAgain);
    let order = program.save();
    assert!(matches!(order.expected, Expected::Nothing));
    program.saved(&order);
    assert_eq!(program.status(), Status::Saved);
    program.event(Event::DiskGone(id));
    program.other_writes("[2]");
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), ("[2]", Status::Saved));
}

#[test]
fn own_saves_are_no_changes() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.command(Command::Save);
    let order = program.save();
    let mine = program.text();
    program.other_writes(&mine);
    assert_eq!(program.status(), Status::Saving);
    program.saved(&order);
    program.other_writes(&mine);
    program.compare();
    assert_eq!(program.status(), Status::Saved);
    assert!(program.session().loaded.is_none());
}

#[test]
fn closing_with_unsaved_edits_asks() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.take(Input::CloseRequested);
    assert_eq!(program.state.dialog, Some(Dialog::Close));
    assert!(!program.state.closing);
    program.take(Input::Answer(Answer::Cancel));
    assert!(program.state.dialog.is_none() && !program.state.closing);
    program.take(Input::CloseRequested);
    program.take(Input::Answer(Answer::Save));
    let order = program.save();
    assert!(!program.state.closing, "not before the file is safe");
    program.saved(&order);
    assert!(program.state.closing);
}

#[test]
fn closing_stays_when_the_save_fails() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.take(Input::CloseRequested);
    program.take(Input::Answer(Answer::Save));
    let order = program.save();
    program.failed(&order, false);
    assert!(!program.state.closing);
    program.command(Command::Retry);
    let order = program.save();
    program.saved(&order);
    assert!(!program.state.closing, "the wish to close is not remembered for ever");
}

#[test]
fn a_wish_to_close_is_met_where_there_is_nothing_left_to_save() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.command(Command::Save);
    let order = program.save();
    program.edit(&[0], "More");
    program.take(Input::CloseRequested);
    program.take(Input::Answer(Answer::Cancel));
    program.saved(&order);
    program.take(Input::CloseRequested);
    assert_eq!(program.state.dialog, Some(Dialog::Close));
    // Undone, or saved by itself, behind the question.
    program.command(Command::Undo);
    program.take(Input::Answer(Answer::Save));
    assert!(program.state.closing);
}

#[test]
fn a_field_that_is_not_valid_is_told_before_it_would_be_lost() {
    let with_field = |text: &str| {
        let mut program = Program::open("[0, 0]");
        program.edit(&[0], "9");
        program.other_writes("[1, 1]");
        program.compare();
        program.take(Input::Edit([1].into(), Part::Value));
        program.take(Input::Type(text.into()));
        program
    };
    let is_told = |program: &Program| program.session().notice.as_ref().is_some_and(|notice| notice.contains("not valid yet"));
    let mut program = with_field("7.");
    program.command(Command::TakeTheirs);
    assert!(comparisons(&program).is_empty() && is_told(&program));
    let mut program = with_field("7");
    program.command(Command::TakeTheirs);
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), ("[1, 1]", Status::Saved));
    program.command(Command::UndoLoad);
    assert_eq!(program.text(), "[9, 7]", "what was valid is an edit like others");
    // A save ends while a field is open, and the window was to be closed.
    let mut program = Program::open("[0, 0]");
    program.edit(&[0], "9");
    program.command(Command::Save);
    let order = program.save();
    program.take(Input::CloseRequested);
    program.take(Input::Edit([1].into(), Part::Value));
    program.take(Input::Type("7.".into()));
    program.saved(&order);
    assert_eq!((program.state.dialog.clone(), program.state.closing), (Some(Dialog::Close), false));
    program.take(Input::Answer(Answer::Save));
    assert!(is_told(&program) && program.session().editor.is_some() && !program.state.closing);
}

#[test]
fn a_file_that_was_chosen_for_another_document_is_not_written() {
    let mut program = Program::open(TEXT);
    program.command(Command::SaveCopy);
    program.take(Input::OpenFiles(vec!["/data/other.json".into()]));
    let opened = Opened { fragment: Fragment::new("[1]").unwrap(), stamp: stamp(1), read_only: false };
    program.event(Event::Opened(program.id(), "/data/other.json".into(), opened));
    program.event(Event::Picked(PickPurpose::SaveCopy, Some("/data/copy.json".into())));
    assert!(program.saves().is_empty() && program.session().notice.is_some());
}

#[test]
fn closing_during_a_save_waits() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.command(Command::Save);
    let order = program.save();
    program.take(Input::CloseRequested);
    assert_eq!(program.state.dialog, Some(Dialog::ClosingAfterSave));
    assert!(!program.state.closing);
    program.saved(&order);
    assert!(program.state.closing && program.state.dialog.is_none());
}

#[test]
fn text_that_is_not_valid_stays_in_the_field() {
    let mut program = Program::open(TEXT);
    program.take(Input::Edit([2].into(), Part::Value));
    program.take(Input::Type("12.".into()));
    assert!(program.session().editor.as_ref().unwrap().problem.is_some());
    // What is a text, but for its quotes, is told so.
    for (typed, is_bare) in [("שלום", true), ("hello", true), ("tru", false), ("12.", false), ("{", false)] {
        program.take(Input::Type(typed.into()));
        let problem = program.session().editor.as_ref().unwrap().problem.clone().unwrap();
        assert_eq!(problem.ends_with("; a text stands in quotes"), is_bare, "{problem}");
    }
    program.take(Input::Type("12.".into()));
    program.take(Input::Commit);
    program.take(Input::Select([0].into()));
    assert_eq!(program.session().editor.as_ref().unwrap().text, "12.");
    assert_eq!(program.text(), TEXT);
    program.command(Command::Save);
    assert!(program.saves().is_empty());
    program.take(Input::CloseRequested);
    assert!(!program.state.closing, "what is typed is not lost by closing");
    assert!(program.session().notice.as_ref().unwrap().contains("not valid yet"));
    program.take(Input::Type("12.5".into()));
    program.take(Input::Commit);
    assert_eq!(program.text(), TEXT.replace("12.50", "12.5"));
}

#[test]
fn strings_are_edited_as_the_design_says() {
    let edited = |before: &str, typed: &str, after: &str| {
        let mut program = Program::open(before);
        program.edit(&[0], typed);
        assert_eq!(program.text(), after);
    };
    edited(r#"["a"]"#, "12", r#"["12"]"#);
    edited(r#"["\u0041b\/c"]"#, "Axb/c", r#"["\u0041xb\/c"]"#);
    edited(r#"["\u05d0"]"#, "אב", r#"["\u05d0\u05d1"]"#);
    edited(r#"["a\nb"]"#, r#""a\nc""#, r#"["a\nc"]"#);
    edited(r#"["\ud800"]"#, r#""\ud800x""#, r#"["\ud800x"]"#);
    edited("[1.0]", " 1e400 ", "[1e400]");
    edited("[1]", "\"1\"", "[\"1\"]");
    let mut program = Program::open(&format!("[\"{}\"]", "x".repeat(20_000)));
    program.take(Input::Edit([0].into(), Part::Value));
    assert!(program.session().editor.is_none());
    assert!(program.session().notice.as_ref().unwrap().contains("too long"));
}

#[test]
fn a_new_member_is_named_then_filled_and_escape_takes_it_away() {
    let mut program = Program::open("{}");
    program.command(Command::InsertInside);
    assert_eq!(program.session().editor.as_ref().unwrap().part, Part::Key);
    program.take(Input::Type("a".into()));
    program.take(Input::Commit);
    assert_eq!(program.session().editor.as_ref().unwrap().part, Part::Value);
    program.take(Input::Type("5".into()));
    program.take(Input::Commit);
    assert_eq!(program.text(), "{\n  \"a\": 5\n}");
    program.command(Command::InsertAfter);
    program.command(Command::Cancel);
    assert_eq!(program.text(), "{\n  \"a\": 5\n}");
}

#[test]
fn cut_and_paste_keep_the_key_and_the_bytes() {
    let mut program = Program::open(r#"{"a": [1.0, 2], "b": {}}"#);
    program.take(Input::Select([0].into()));
    program.command(Command::Cut);
    let copied = program
        .effects
        .iter()
        .find_map(|effect| if let Effect::Copy(text) = effect { Some(text.clone()) } else { None })
        .unwrap();
    assert_eq!((copied.as_str(), program.text().as_str()), ("[1.0, 2]", r#"{"b": {}}"#));
    program.take(Input::Select([0].into()));
    program.take(Input::Paste(copied, false));
    assert_eq!(program.text(), r#"{"b": {}, "a": [1.0, 2]}"#);
    program.take(Input::Paste("{broken".into(), false));
    assert!(program.session().notice.as_ref().unwrap().contains("not JSON"));
    program.take(Input::Paste("plain words".into(), true));
    assert_eq!(program.text(), r#"{"b": {}, "a": "plain words"}"#);
}

#[test]
fn values_move_within_and_across_containers() {
    let mut program = Program::open(r#"{"a": [1, 2], "b": 3, "c": [4]}"#);
    program.take(Input::Select([0, 1].into()));
    program.command(Command::MoveUp);
    assert_eq!(
        (program.text().as_str(), &program.session().view.selection[..]),
        (r#"{"a": [2, 1], "b": 3, "c": [4]}"#, &[0, 0][..])
    );
    program.command(Command::MoveOut);
    assert_eq!(program.text(), r#"{"a": [1], "key": 2, "b": 3, "c": [4]}"#);
    program.command(Command::MoveIn);
    assert_eq!(program.text(), r#"{"a": [1, 2], "b": 3, "c": [4]}"#);
    program.take(Input::Select([1].into()));
    program.command(Command::MoveDown);
    assert_eq!(program.text(), r#"{"a": [1, 2], "c": [4], "b": 3}"#);
}

#[test]
fn types_are_changed() {
    use treekeep::document::Kind::{Array, Bool, Null, Number, Object, String};
    let changed = |before: &str, kind, after: &str| {
        let mut program = Program::open(&format!("[{before}]"));
        program.take(Input::Select([0].into()));
        program.command(Command::ChangeType(kind));
        assert_eq!(program.text(), format!("[{after}]"));
    };
    changed("12", String, "\"12\"");
    changed("\"12\"", Number, "12");
    changed("\"x\"", Number, "0");
    changed("\"true\"", Bool, "true");
    changed("5", Null, "null");
    changed("{\"a\":1,\"b\":2}", Array, "[1,2]");
    changed("[1,2]", Object, "{\"0\":1,\"1\":2}");
    changed("null", Object, "{}");
    changed("7", Array, "[7]");
}

#[test]
fn undo_brings_selection_and_open_containers_back() {
    let mut program = Program::open(r#"{"a": {"b": [1, 2]}, "c": 3}"#);
    program.command(Command::ExpandAll);
    program.take(Input::Select([0].into()));
    program.command(Command::Delete);
    assert_eq!(*program.session().view.selection, [0]);
    program.command(Command::Undo);
    assert_eq!(*program.session().view.selection, [0]);
    assert!(program.session().view.fold.at(&[0, 0]).is_open());
    assert_eq!(program.session().rows(), 6);
}

#[test]
fn arrow_keys_walk_the_tree() {
    let mut program = Program::open(TEXT);
    let walk = |program: &mut Program, goes: &[Go]| {
        goes.iter().for_each(|&go| program.take(Input::Go(go)));
        program.session().view.selection.to_vec()
    };
    assert_eq!(walk(&mut program, &[Go::Down, Go::Down]), [1]);
    assert_eq!(walk(&mut program, &[Go::Right, Go::Right]), [1, 0]);
    assert_eq!(walk(&mut program, &[Go::Down, Go::Left]), [1]);
    assert_eq!(walk(&mut program, &[Go::Left, Go::Down]), [2]);
    assert_eq!(walk(&mut program, &[Go::First, Go::Up]), Vec::<u64>::new());
    assert_eq!(walk(&mut program, &[Go::Last]), [2]);
    assert_eq!(walk(&mut program, &[Go::PageUp(2)]), [0]);
}

#[test]
fn a_text_that_is_not_json_is_mended_on_the_old_base() {
    let text = "[1,, 2]";
    let mut program = broken_program(text);
    let id = program.id();
    program.take(Input::Mend("[1, 2]".into()));
    program.take(Input::CloseRequested);
    assert_eq!(program.state.dialog, Some(Dialog::Close), "what was mended is not dropped in silence");
    program.take(Input::Answer(Answer::Cancel));
    // Nor where there is another problem behind it.
    let mut mended_once = broken_program("[1,, 2,, 3]");
    let id_once = mended_once.id();
    mended_once.take(Input::Mend("[1, 2,, 3]".into()));
    mended_once.take(Input::ReadAgain);
    let second = "[1, 2,, 3]";
    let problem = Document::parse(second).unwrap_err();
    mended_once.event(Event::Mended(id_once, Err((Arc::new(second.into()), problem))));
    mended_once.event(Event::DiskChanged(id_once, version("[0]"), Document::parse("[0]").unwrap()));
    mended_once.take(Input::OpenFiles(vec!["/data/b.json".into()]));
    let is_there = matches!(&mended_once.state.tab().unwrap().content, Content::Broken { broken, .. } if *broken.bytes == *second.as_bytes());
    assert!(is_there && mended_once.id() == id_once);
    mended_once.take(Input::Answer(Answer::Cancel));
    mended_once.take(Input::CloseRequested);
    assert_eq!(mended_once.state.dialog, Some(Dialog::Close));
    program.take(Input::ReadAgain);
    let bytes = program
        .effects
        .iter()
        .find_map(|effect| if let Effect::ReadMended(_, mended) = effect { Some(mended.text()) } else { None });
    assert_eq!(bytes.as_deref(), Some(&b"[1, 2]"[..]));
    program.event(Event::Mended(id, Ok(Fragment::new("[1, 2]").unwrap())));
    assert_eq!(program.status(), Status::Edited(1));
    program.command(Command::Save);
    let order = program.save();
    assert!(matches!(order.expected, Expected::Version(expected) if expected.digest == Digest::of(text.as_bytes())));
    program.saved(&order);
    assert_eq!(program.status(), Status::Saved);
}

/// A program that shows a text that is not JSON.
fn broken_program(text: &str) -> Program {
    let mut program = Program::new();
    program.take(Input::OpenFiles(vec!["/data/a.json".into()]));
    let problem = Document::parse(text).unwrap_err();
    let id = program.id();
    program.event(Event::NotJson(id, "/data/a.json".into(), Arc::new(text.into()), version(text), problem));
    program
}

#[test]
fn save_reads_a_mended_text_and_saves_it() {
    let mut program = broken_program("[1,, 2,, 3]");
    let id = program.id();
    program.command(Command::Save);
    assert!(!program.effects.iter().any(|effect| matches!(effect, Effect::ReadMended(..))), "nothing is mended yet");
    // What is still not JSON is not saved, which is told.
    program.take(Input::Mend("[1, 2,, 3]".into()));
    assert_eq!(program.state.title(), "• a.json — Treekeep");
    program.take(Input::CloseRequested);
    program.take(Input::Answer(Answer::Save));
    let problem = Document::parse("[1, 2,, 3]").unwrap_err();
    program.event(Event::Mended(id, Err((Arc::new("[1, 2,, 3]".into()), problem))));
    assert!(program.saves().is_empty() && !program.state.closing && program.state.broken().unwrap().is_refused);
    // What is, is saved where that was asked for by the time it was read, and the window stays.
    program.take(Input::Mend("[1, 2, 3]".into()));
    assert!(!program.state.broken().unwrap().is_refused, "that was said of what stood there before");
    program.take(Input::ReadAgain);
    program.command(Command::Save);
    assert_eq!(program.effects.iter().filter(|effect| matches!(effect, Effect::ReadMended(..))).count(), 2, "it is read once");
    program.event(Event::Mended(id, Ok(Fragment::new("[1, 2, 3]").unwrap())));
    let order = program.save();
    assert!(matches!(order.expected, Expected::Version(expected) if expected.digest == Digest::of(b"[1,, 2,, 3]")));
    program.saved(&order);
    assert_eq!((program.status(), program.state.closing), (Status::Saved, false));

    // The window goes with what was saved, and stays with what another program replaced meanwhile.
    for is_conflict in [false, true] {
        let mut program = broken_program("[1,, 2]");
        program.take(Input::Mend("[1, 2]".into()));
        program.take(Input::CloseRequested);
        program.take(Input::Answer(Answer::Save));
        program.event(Event::Mended(program.id(), Ok(Fragment::new("[1, 2]").unwrap())));
        let order = program.save();
        match is_conflict {
            false => program.saved(&order),
            true => program.failed(&order, true),
        }
        assert_eq!(program.state.closing, !is_conflict);
    }
}

#[test]
fn another_text_that_is_not_json_is_shown_where_nobody_mended_the_first() {
    let opens = |program: &Program| program.effects.iter().filter(|effect| matches!(effect, Effect::Open(..))).count();
    let mut program = broken_program("[1,, 2]");
    program.command(Command::CheckDisk);
    assert!(matches!(program.effects.last(), Some(Effect::LookNow)));
    program.other_breaks("[1,, 2]");
    assert_eq!(opens(&program), 1, "it is what is shown");
    program.other_breaks("[1,, 3]");
    assert!(opens(&program) == 2 && program.state.is_loading());
    let mut program = broken_program("[1,, 2]");
    program.take(Input::Mend("[1, 2]".into()));
    program.other_breaks("[1,, 3]");
    assert!(opens(&program) == 1 && program.state.broken().unwrap().excerpt == "[1, 2]");
    // Who takes back what was mended is told what was passed over meanwhile.
    program.effects.clear();
    program.take(Input::Mend("[1,, 2]".into()));
    let is_watched = |effect: &Effect| matches!(effect, Effect::Watch(_, _, known) if *known == version("[1,, 2]"));
    assert!(program.effects.iter().any(is_watched));
    // For one that is too large there is nothing else to show.
    program.event(Event::DiskUnread(program.id(), version("[1,, 4]"), Unread::TooLarge(9)));
    assert!(program.state.broken().is_some());
}

#[test]
fn a_kept_version_that_is_not_json_is_not_saved_over() {
    let mut program = broken_program("[1,, 2]");
    program.state.opens_versions = true;
    let id = program.id();
    program.take(Input::Mend("[1, 2]".into()));
    assert!(!Command::Save.is_enabled(&program.state));
    program.take(Input::CloseRequested);
    program.take(Input::Answer(Answer::Save));
    program.event(Event::Mended(id, Ok(Fragment::new("[1, 2]").unwrap())));
    assert!(program.saves().is_empty() && program.session().is_version && !program.state.closing);
}

#[test]
fn reading_a_mended_text_is_told_and_can_be_stopped() {
    let mut program = broken_program("[1,, 2]");
    let id = program.id();
    program.take(Input::Mend("[1, 2]".into()));
    program.take(Input::ReadAgain);
    program.event(Event::TaskProgress(id, Task::Mend, 3, 6));
    let broken = |program: &Program| match &program.state.tab().unwrap().content {
        Content::Broken { broken, .. } => {
            (broken.reading.is_some(), broken.progress.map(|progress| progress.part()), broken.excerpt.clone())
        }
        _ => panic!("it was not read yet"),
    };
    assert_eq!(broken(&program), (true, Some(0.5), "[1, 2]".to_owned()));
    program.take(Input::StopTask(Task::Mend));
    assert!(matches!(program.effects.last(), Some(Effect::StopTask(_, Task::Mend))));
    program.event(Event::TaskProgress(id, Task::Reload, 1, 6));
    program.event(Event::TaskEnded(id, Task::Reload, true));
    program.take(Input::Mend("[1]".into()));
    assert_eq!(broken(&program), (true, Some(0.5), "[1, 2]".to_owned()), "it is still being read");
    program.event(Event::TaskEnded(id, Task::Mend, true));
    assert_eq!(broken(&program), (false, None, "[1, 2]".to_owned()), "what was mended stays");
}

#[test]
fn a_files_value_comes_where_it_was_wanted_or_nowhere() {
    let choose = |program: &mut Program| {
        program.take(Input::Select([0].as_slice().into()));
        program.command(Command::ReplaceFromFile);
        program.event(Event::Picked(PickPurpose::ReplaceValue, Some("/data/b.json".into())));
        program.take(Input::Select([1].as_slice().into()));
        let Some(Effect::ReadValue { id, number, document, place, .. }) = program.effects.pop() else { panic!("it is read") };
        let edit = Edit::Replace { path: place, value: Value::new("[7]").unwrap() };
        let applied = edit.apply(&document).unwrap();
        Event::ValueRead(id, number, Ok(Box::new((edit, applied))))
    };
    let mut program = Program::open("[1, 2]");
    let read = choose(&mut program);
    program.event(read);
    assert_eq!((program.text().as_str(), program.status()), ("[[7], 2]", Status::Edited(1)));
    program.command(Command::Undo);
    assert_eq!(program.text(), "[1, 2]");

    let mut program = Program::open("[1, 2]");
    let read = choose(&mut program);
    program.edit(&[1], "5");
    program.event(read);
    assert_eq!(program.text(), "[1, 5]", "an edit that was made meanwhile stays");
    assert!(program.session().notice.as_ref().unwrap().contains("edited while that file was read"));

    let mut program = Program::open("[1, 2]");
    let late = choose(&mut program);
    program.edit(&[1], "5");
    let read = choose(&mut program);
    program.event(late);
    assert_eq!(program.text(), "[1, 5]", "the one before is not waited for any more");
    program.event(read);
    assert_eq!(program.text(), "[[7], 5]");

    let mut program = Program::open("[1, 2]");
    let read = choose(&mut program);
    program.event(Event::TaskEnded(program.id(), Task::Value, true));
    program.event(read);
    assert_eq!(program.text(), "[1, 2]", "what was stopped does not come");
}

#[test]
fn one_dialog_at_a_time() {
    let mut program = Program::new();
    program.command(Command::Open);
    program.command(Command::Open);
    assert_eq!(program.effects.iter().filter(|effect| matches!(effect, Effect::Pick(..))).count(), 1);
    program.event(Event::CannotPick(PickPurpose::Open, "no portal".into()));
    program.command(Command::Open);
    assert_eq!(program.effects.iter().filter(|effect| matches!(effect, Effect::Pick(..))).count(), 1);
    program.take(Input::Answer(Answer::Path("/data/a.json".into())));
    assert!(program.state.is_loading());
}

#[test]
fn a_copy_leaves_the_document_where_it_is() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.command(Command::SaveCopy);
    program.event(Event::Picked(PickPurpose::SaveCopy, Some("/data/copy.json".into())));
    let order = program.save();
    assert_eq!(
        (order.path.to_str(), order.own.as_deref().and_then(|own| own.to_str())),
        (Some("/data/copy.json"), Some("/data/genesis.json"))
    );
    program.saved(&order);
    assert_eq!(program.status(), Status::Edited(1));
    assert_eq!(program.session().name, "genesis.json");
}

#[test]
fn a_document_with_unsaved_edits_is_not_replaced() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.take(Input::OpenFiles(vec!["/data/b.json".into()]));
    program.command(Command::New);
    program.command(Command::OpenSample);
    assert_eq!(program.text(), TEXT.replace("Genesis", "Mine"));
    assert!(program.session().notice.is_some());
}

#[test]
fn the_path_is_copied() {
    let mut program = Program::open(TEXT);
    program.take(Input::Select(Path::from([1, 2])));
    program.command(Command::CopyPath);
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::Copy(text) if text == "/list/2")));
}

#[test]
fn a_key_that_is_there_already_is_told() {
    let mut program = Program::open(r#"{"a": 1, "b": 2, "c": {"a": 3}}"#);
    let mut rename = |path: &[u64], key: &str| {
        program.take(Input::Edit(path.into(), Part::Key));
        program.take(Input::Type(key.into()));
        program.take(Input::Commit);
        program.session().notice.clone()
    };
    assert!(rename(&[1], "a").unwrap().contains("the same key"));
    assert_eq!(rename(&[1], "d"), None);
    assert_eq!(rename(&[2, 0], "b"), None);
    assert_eq!(program.text(), r#"{"a": 1, "d": 2, "c": {"b": 3}}"#, "it is told, and taken");
}

#[test]
fn a_text_is_copied_as_it_reads() {
    let mut program = Program::open(r#"{"a": "x\n\u05d0\"", "b": "\ud800y", "c": 1.50, "d": []}"#);
    let mut copied = |number: u64, bytes: Option<std::ops::Range<usize>>| {
        program.effects.clear();
        program.take(Input::CopyText([number].into(), bytes));
        let copied =
            program.effects.iter().find_map(|effect| if let Effect::Copy(text) = effect { Some(text.clone()) } else { None });
        (copied, program.session().notice.clone())
    };
    assert_eq!(copied(0, None), (Some("x\nא\"".to_owned()), None));
    assert_eq!(copied(0, Some(2..10)), (Some("\nא".to_owned()), None));
    assert_eq!(copied(2, None), (Some("1.50".to_owned()), None));
    assert_eq!(copied(3, None), (None, None), "what is no single value has no text");
    let (text, notice) = copied(1, None);
    assert_eq!(text.as_deref(), Some("\u{fffd}y"));
    assert!(notice.is_some_and(|notice| notice.contains("1 lone surrogate")));
}

#[test]
fn a_very_deep_document_is_not_opened_whole() {
    let deep = 50_000;
    let mut program = Program::open(&format!("{}{}", "[".repeat(deep), "]".repeat(deep)));
    program.command(Command::ExpandAll);
    assert_eq!(program.session().rows(), 301);
    assert!(program.session().notice.as_ref().unwrap().contains("50000 levels deep"));
    program.take(Input::Go(Go::Last));
    assert_eq!(program.session().view.selection.len(), 300);
}

#[test]
fn opening_can_be_stopped() {
    let mut program = Program::new();
    program.take(Input::OpenFiles(vec!["/data/a.json".into()]));
    let id = program.id();
    program.event(Event::Progress(id, 5, 10));
    let Content::Loading(loading) = &program.state.tab().unwrap().content else { panic!("it is being read") };
    assert!(loading.progress.is_some_and(|progress| (progress.done, progress.total) == (5, 10)));
    program.command(Command::Cancel);
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::StopOpening(stopped) if *stopped == id)));
    program.event(Event::OpeningStopped(id));
    assert!(program.state.tab().is_none());
}

#[test]
fn a_file_that_is_being_read_is_searched_as_soon_as_it_is_there() {
    for is_taken_back in [false, true] {
        let mut program = Program::new();
        program.take(Input::OpenFiles(vec!["/data/a.json".into()]));
        let id = program.id();
        program.event(Event::Head(id, Head::of(b"[1, 2, 3").unwrap()));
        program.command(Command::Find);
        if is_taken_back {
            program.command(Command::Cancel);
            assert!(
                !program.effects.iter().any(|effect| matches!(effect, Effect::StopOpening(_))),
                "the file is meant by nobody"
            );
        }
        let opened = Opened { fragment: Fragment::new("[1, 2, 3]").unwrap(), stamp: stamp(1), read_only: false };
        program.event(Event::Opened(id, "/data/a.json".into(), opened));
        assert_eq!(program.session().find.is_open, !is_taken_back);
    }
}

#[test]
fn what_was_shown_is_shown_again_where_another_file_is_not_opened() {
    let fails: [fn(&mut Program); 3] = [
        |program| {
            let report = Report { what: "x.json could not be opened.".into(), safe: String::new(), todo: String::new() };
            program.event(Event::NotOpened(program.id(), "/data/x.json".into(), report));
        },
        |program| {
            program.event(Event::TooLarge(program.id(), "/data/x.json".into(), 9, 1));
            assert!(program.state.is_loading() && program.effects.is_empty(), "nothing is read while a person is asked");
            program.take(Input::Answer(Answer::Cancel));
        },
        |program| program.event(Event::OpeningStopped(program.id())),
    ];
    for fail in fails {
        let mut program = Program::open("[1, 2]");
        let id = program.id();
        program.edit(&[0], "7");
        program.command(Command::Save);
        let order = program.save();
        program.saved(&order);
        program.command(Command::Find);
        // Also where a third one was asked for meanwhile.
        for name in ["/data/w.json", "/data/x.json"] {
            program.take(Input::OpenFiles(vec![name.into()]));
        }
        assert!(program.state.is_loading() && program.id() != id);
        program.effects.clear();
        fail(&mut program);
        assert_eq!((program.id(), program.text().as_str(), program.status()), (id, "[7, 2]", Status::Saved));
        let is_watched = |effect: &Effect| matches!(effect, Effect::Watch(of, _, known) if *of == id && known.digest == version("[7, 2]").digest);
        assert!(program.effects.iter().any(is_watched) && !program.session().find.is_open);
        // Its journal ended with it: a new one is begun.
        program.take(Input::Answer(Answer::Cancel));
        program.command(Command::Undo);
        assert_eq!((program.text().as_str(), program.status()), ("[1, 2]", Status::Edited(1)));
        assert!(program.effects.iter().any(|effect| matches!(effect, Effect::Journal(order) if order.id == id && order.is_new)));
    }
    // So is what is not JSON, also where it was to be opened once more.
    let mut program = broken_program("[1,,2]");
    let id = program.id();
    for reopens in [false, true] {
        match reopens {
            true => program.other_breaks("[1,,3]"),
            false => program.take(Input::OpenFiles(vec!["/data/x.json".into()])),
        }
        assert!(program.state.is_loading());
        program.effects.clear();
        program.event(Event::OpeningStopped(program.id()));
        assert_eq!((program.id(), program.state.broken().unwrap().excerpt.as_str()), (id, "[1,,2]"));
        let is_watched =
            |effect: &Effect| matches!(effect, Effect::Watch(of, _, known) if *of == id && *known == version("[1,,2]"));
        assert!(program.effects.iter().any(is_watched));
    }
    // What is not known to its end yet is read anew; once.
    let mut program = Program::new();
    program.take(Input::OpenFiles(vec!["/data/a.json".into()]));
    let opened = Opened { fragment: Fragment::new("[1]").unwrap(), stamp: stamp(1), read_only: false };
    program.event(Event::Opened(program.id(), "/data/a.json".into(), opened));
    program.take(Input::OpenFiles(vec!["/data/x.json".into()]));
    for expected in [true, false] {
        program.effects.clear();
        program.event(Event::OpeningStopped(program.id()));
        let is_read = program.effects.iter().any(|effect| matches!(effect, Effect::Open(_, path) if path.ends_with("a.json")));
        assert_eq!((is_read, program.state.is_loading()), (expected, expected));
    }
    assert!(program.state.tab().is_none());
}

#[test]
fn of_several_files_the_first_is_opened_and_the_rest_is_named() {
    let mut program = Program::new();
    program.take(Input::OpenFiles(vec!["/data/a.json".into(), "/data/b.json".into()]));
    assert!(matches!(&program.state.dialog, Some(Dialog::Trouble(report)) if report.what.contains("b.json")));
    assert_eq!(program.effects.iter().filter(|effect| matches!(effect, Effect::Open(..))).count(), 1);
}

#[test]
fn a_document_without_a_file_is_never_called_saved() {
    let mut program = Program::new();
    program.command(Command::New);
    assert_eq!(program.status(), Status::Edited(0));
    program.command(Command::Save);
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::Pick(PickPurpose::SaveCopy, _))));
    program.event(Event::Picked(PickPurpose::SaveCopy, Some("/data/new.json".into())));
    let order = program.save();
    program.saved(&order);
    assert_eq!((program.status(), program.session().name.as_str()), (Status::Saved, "new.json"));
}

/// Loads `text` from the disk, as another program wrote it; gives what is left of it when nobody holds it any more.
fn other_loads(program: &mut Program, text: &str) -> Weak<Fragment> {
    let fragment = Fragment::new(text).unwrap();
    let id = program.id();
    program.event(Event::DiskChanged(id, version(text), Document::of(&fragment)));
    program.compare();
    assert_eq!(program.text(), text);
    Arc::downgrade(&fragment)
}

#[test]
fn a_version_that_is_forgotten_holds_no_memory() {
    let mut program = Program::open("[1]");
    assert!(!Command::ForgetEarlier.is_enabled(&program.state));
    let second = other_loads(&mut program, "[2]");
    program.command(Command::Find);
    program.take(Input::Find(FindInput::Text("2".into())));
    program.take(Input::Find(FindInput::Close));
    let third = other_loads(&mut program, "[3]");
    program.command(Command::Statistics);
    program.command(Command::UndoLoad);
    program.command(Command::Statistics);
    program.command(Command::Redo);
    program.command(Command::ForgetEarlier);
    program.effects.clear();
    assert!(second.upgrade().is_none() && third.upgrade().is_some());
    assert!(program.session().loaded.is_none() && !Command::Undo.is_enabled(&program.state));
    assert_eq!((program.text().as_str(), program.status()), ("[3]", Status::Saved));
    program.command(Command::New);
    program.effects.clear();
    assert!(third.upgrade().is_none(), "a document that is closed holds nothing");
}

/// Who undid a load is asked, also where the file goes and comes back.
#[test]
fn a_load_that_was_undone_does_not_come_again_with_the_file() {
    for again in ["[1]", "[2]"] {
        let mut program = Program::open("[0]");
        let id = program.id();
        program.other_writes("[1]");
        program.compare();
        program.command(Command::UndoLoad);
        program.event(Event::DiskGone(id));
        program.event(Event::DiskTouched(id, version("[1]"), false));
        program.other_writes(again);
        program.compare();
        assert_eq!((program.text().as_str(), program.status()), ("[0]", Status::ChangedOnDisk));
    }
    // Also where it was about to load when it was undone.
    let mut program = Program::open("[0]");
    program.other_writes("[1]");
    program.compare();
    program.other_writes("[2]");
    program.event(Event::Picked(PickPurpose::SaveCopy, Some("/data/copy.json".into())));
    let order = program.save();
    program.compare();
    assert_eq!(program.text(), "[1]", "it waits for the copy");
    program.command(Command::UndoLoad);
    program.saved(&order);
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), ("[0]", Status::ChangedOnDisk));
}

#[test]
fn what_is_not_json_on_the_disk_can_be_saved_over_by_choice_alone() {
    let mut program = Program::open("[0]");
    let id = program.id();
    program.other_breaks("[");
    assert_eq!(program.status(), Status::ChangedOnDisk);
    assert!(!Command::TakeTheirs.is_enabled(&program.state) && !Command::Merge.is_enabled(&program.state));
    // Whatever makes it right again loads by itself, as before.
    program.other_writes("[1]");
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), ("[1]", Status::Saved));
    program.other_breaks("[1");
    program.event(Event::DiskTouched(id, version("[1]"), false));
    assert_eq!(program.status(), Status::Saved);
    // Over it only on demand, and over nothing else.
    program.edit(&[0], "7");
    program.other_breaks("{");
    assert_eq!(program.status(), Status::Conflict);
    program.command(Command::Save);
    let order = program.save();
    assert!(matches!(order.expected, Expected::Version(expected) if expected == version("[1]")));
    program.failed(&order, true);
    program.command(Command::KeepMine);
    let order = program.save();
    assert!(matches!(order.expected, Expected::Version(expected) if expected == version("{")));
    program.saved(&order);
    assert_eq!(program.status(), Status::Saved);
}

/// A save of what was deleted failed, since a file is there again: trying again does not try to make it.
#[test]
fn retrying_goes_by_what_is_on_the_disk_now() {
    let mut program = Program::open("[0]");
    let id = program.id();
    program.edit(&[0], "7");
    program.event(Event::DiskGone(id));
    program.command(Command::SaveAgain);
    let order = program.save();
    program.failed(&order, false);
    program.event(Event::DiskTouched(id, version("[0]"), false));
    program.command(Command::Retry);
    let order = program.save();
    assert_eq!(order.purpose, Purpose::Save);
    assert!(matches!(order.expected, Expected::Version(expected) if expected == version("[0]")));
}

/// What another program wrote while a mended text was read is looked at once more.
#[test]
fn a_change_while_a_mended_text_is_read_is_not_passed_over() {
    let broken = "[1,, 2]";
    let problem = || Document::parse(broken).unwrap_err();
    let reads = || {
        let mut program = broken_program(broken);
        program.take(Input::ReadAgain);
        program.other_writes("[1, 2]");
        program.effects.clear();
        program
    };
    let is_watched = |program: &Program| {
        program.effects.iter().any(|effect| matches!(effect, Effect::Watch(_, _, known) if *known == version(broken)))
    };
    let mut program = reads();
    program.event(Event::Mended(program.id(), Err((Arc::new(broken.into()), problem()))));
    assert!(is_watched(&program));
    let mut program = reads();
    program.event(Event::TaskEnded(program.id(), Task::Mend, true));
    assert!(is_watched(&program));
}

/// The journal of a new document goes when the one of its file is there.
#[test]
fn what_is_typed_during_the_first_save_is_always_in_a_journal() {
    let mut program = Program::new();
    program.begin_new();
    let order = program.first_save();
    program.edit(&[0], "2");
    program.effects.clear();
    program.saved(&order);
    assert!(!program.effects.iter().any(|effect| matches!(effect, Effect::EndJournal(..))));
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::Journal(order) if order.is_new)));
}

#[test]
fn a_save_that_waits_for_the_digest_can_be_stopped() {
    let mut program = Program::new();
    program.take(Input::OpenFiles(vec!["/data/a.json".into()]));
    let id = program.id();
    let opened = Opened { fragment: Fragment::new("[0]").unwrap(), stamp: version("[0]").stamp, read_only: false };
    program.event(Event::Opened(id, "/data/a.json".into(), opened));
    program.edit(&[0], "7");
    program.command(Command::Save);
    program.take(Input::StopSave);
    program.event(Event::Digest(id, version("[0]").stamp, version("[0]").digest));
    assert!(program.saves().is_empty());
    assert_eq!(program.status(), Status::Edited(1));
}

#[test]
fn a_typed_path_leads_to_its_value() {
    let mut program = Program::open(TEXT);
    program.command(Command::CollapseAll);
    let go = |program: &mut Program, text: &str| {
        program.command(Command::GoTo);
        program.take(Input::Answer(Answer::TypePath(text.into())));
        program.take(Input::Answer(Answer::Path(text.into())));
        let Some(Effect::Resolve(id, revision, document, place)) = program.effects.pop() else { panic!("nothing is looked up") };
        let found = treekeep::document::pointer::resolve(document.root(), &place).map_err(|error| error.to_string());
        program.event(Event::Resolved(id, revision, found));
    };
    for (text, path) in [("/list/2", vec![1, 2]), ("number", vec![2]), ("", vec![])] {
        go(&mut program, text);
        assert_eq!((&program.session().view.selection[..], &program.state.dialog), (&path[..], &None));
    }
    go(&mut program, "/list/9/x");
    let Some(Dialog::GoTo { text, problem: Some(problem) }) = &program.state.dialog else { panic!("it is told") };
    assert_eq!((text.as_str(), problem.contains("/list/9")), ("/list/9/x", true));
    program.take(Input::Answer(Answer::Cancel));
    assert_eq!(program.session().view.selection, Path::root());
    // Who types on, or goes away, does not wait for what is being looked up.
    for answer in [Answer::TypePath("/lis".into()), Answer::Cancel] {
        program.command(Command::GoTo);
        program.take(Input::Answer(Answer::Path("/list".into())));
        program.event(Event::TaskProgress(program.id(), Task::Resolve, 3, 6));
        program.effects.clear();
        program.take(Input::Answer(answer));
        assert!(program.effects.iter().any(|effect| matches!(effect, Effect::StopTask(_, Task::Resolve))));
        program.event(Event::TaskEnded(program.id(), Task::Resolve, true));
        assert!(program.session().tasks.is_empty() && program.session().notice.is_none());
        program.take(Input::Answer(Answer::Cancel));
    }
}

#[test]
fn one_panel_stands_beside_the_tree() {
    let mut program = Program::open(TEXT);
    program.command(Command::Statistics);
    assert!(program.session().statistics.is_some());
    program.command(Command::Saving);
    assert!(program.session().statistics.is_none() && program.state.shows_saving);
    program.command(Command::FileHistory);
    program.event(Event::Versions(program.id(), Ok(Vec::new())));
    program.command(Command::Saving);
    assert!(program.session().versions.is_none() && program.state.shows_saving);
}

/// The watcher read the file before a save and told so after it.
#[test]
fn an_own_version_that_is_told_late_is_not_loaded() {
    let mut program = Program::open("[0]");
    for text in ["1", "2"] {
        program.edit(&[0], text);
        program.command(Command::Save);
        let order = program.save();
        program.saved(&order);
    }
    program.effects.clear();
    let late = Version { stamp: stamp(50_510_000_000_000), ..version("[1]") };
    program.event(Event::DiskChanged(program.id(), late, Document::parse("[1]").unwrap()));
    program.compare();
    assert_eq!((program.text().as_str(), program.status()), ("[2]", Status::Saved));
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::Watch(_, _, known) if *known == version("[2]"))));
    // The clock was set back, and somebody put it there again: it is told once more.
    program.event(Event::DiskChanged(program.id(), late, Document::parse("[1]").unwrap()));
    program.compare();
    assert_eq!(program.text(), "[1]");
}
