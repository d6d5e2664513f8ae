//! What is at stake when a document is closed or gives way to another, and what is asked then.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod program;

use program::{Program, version};
use treekeep::document::Fragment;
use treekeep::state::saving::Options;
use treekeep::state::session::{Part, Purpose};
use treekeep::state::{Answer, Command, Dialog, Effect, Event, Input, Opened, PickPurpose, Status};

fn with_autosave(text: &str) -> Program {
    let mut program = Program::open(text);
    program.take(Input::Options(Options { autosave_seconds: 30, ..Options::default() }));
    program
}

/// Time goes by until a save begins by itself.
fn autosave(program: &mut Program) -> treekeep::state::SaveOrder {
    program.ms += 30_000;
    program.take(Input::Tick);
    program.save()
}

#[test]
fn what_is_typed_in_a_row_is_not_lost_to_another_document() {
    for input in [Input::Command(Command::New), Input::OpenFiles(vec!["/data/b.json".into()])] {
        let mut program = Program::open("[0]");
        program.take(Input::Edit([0].into(), Part::Value));
        program.take(Input::Type("77".into()));
        program.take(input);
        assert_eq!((program.text().as_str(), program.status()), ("[77]", Status::Edited(1)));
    }
}

#[test]
fn a_merge_under_way_is_not_lost_to_another_document() {
    let mut program = Program::open("[0, 1]");
    program.edit(&[0], "7");
    program.other_writes("[0, 2]");
    program.command(Command::Merge);
    program.merge();
    program.take(Input::OpenFiles(vec!["/data/b.json".into()]));
    assert!(program.session().merging.is_some());
}

#[test]
fn a_kept_version_is_never_saved_over() {
    let mut program = Program::new();
    program.state.opens_versions = true;
    let path = || "/state/backups/x.json".into();
    program.take(Input::OpenFiles(vec![path()]));
    let (id, of) = (program.id(), version("[1]"));
    let opened = Opened { fragment: Fragment::new("[1]").unwrap(), stamp: of.stamp, read_only: false };
    program.event(Event::Opened(id, path(), opened));
    program.event(Event::Digest(id, of.stamp, of.digest));
    program.edit(&[0], "2");
    program.take(Input::CloseRequested);
    program.take(Input::Answer(Answer::Save));
    assert!(program.saves().is_empty() && !program.state.closing);
    // It asks where to, and closes once that is written.
    program.event(Event::Picked(PickPurpose::SaveCopy, Some("/data/copy.json".into())));
    let order = program.save();
    assert_eq!(order.purpose, Purpose::Copy("/data/copy.json".into()));
    program.saved(&order);
    assert!(program.state.closing);
}

#[test]
fn a_wish_to_close_does_not_outlive_its_dialog() {
    let mut program = Program::new();
    program.begin_new();
    program.take(Input::CloseRequested);
    program.take(Input::Answer(Answer::Save));
    program.event(Event::CannotPick(PickPurpose::SaveCopy, "no portal".into()));
    program.take(Input::Answer(Answer::Cancel));
    // Much later.
    program.command(Command::Save);
    program.event(Event::CannotPick(PickPurpose::SaveCopy, "no portal".into()));
    program.take(Input::Answer(Answer::Path("/data/new.json".into())));
    let order = program.save();
    program.saved(&order);
    assert!(!program.state.closing);
}

#[test]
fn a_wish_to_close_waits_for_a_save_that_began_by_itself() {
    let mut program = with_autosave("[0]");
    program.edit(&[0], "7");
    program.take(Input::CloseRequested);
    assert_eq!(program.state.dialog, Some(Dialog::Close));
    let order = autosave(&mut program);
    program.take(Input::Answer(Answer::Save));
    assert_eq!(program.state.dialog, Some(Dialog::ClosingAfterSave));
    program.saved(&order);
    assert!(program.state.closing);
}

#[test]
fn a_copy_that_is_not_made_is_told() {
    let mut program = with_autosave("[0]");
    program.edit(&[0], "7");
    program.command(Command::SaveCopy);
    let order = autosave(&mut program);
    program.event(Event::Picked(PickPurpose::SaveCopy, Some("/data/copy.json".into())));
    assert!(program.session().notice.is_some());
    program.saved(&order);
    assert!(program.saves().is_empty());
}

/// Nothing is edited, but what is shown is nowhere else.
#[test]
fn what_is_not_in_its_file_is_not_closed_unasked() {
    let mut gone = Program::open("[0]");
    gone.event(Event::DiskGone(gone.id()));
    gone.take(Input::OpenFiles(vec!["/data/b.json".into()]));
    assert_eq!(gone.text(), "[0]");
    gone.take(Input::CloseRequested);
    assert_eq!((gone.state.closing, gone.state.dialog.clone()), (false, Some(Dialog::Close)));
    gone.take(Input::Answer(Answer::Save));
    let order = gone.save();
    assert_eq!(order.purpose, Purpose::Again);
    gone.saved(&order);
    assert!(gone.state.closing);
    let mut edited = Program::open("[0]");
    edited.edit(&[0], "7");
    edited.event(Event::DiskGone(edited.id()));
    edited.take(Input::CloseRequested);
    edited.take(Input::Answer(Answer::Save));
    assert_eq!(edited.save().purpose, Purpose::Again);

    let mut replaced = Program::open("[0]");
    replaced.other_writes("[1]");
    replaced.compare();
    replaced.command(Command::UndoLoad);
    replaced.take(Input::CloseRequested);
    assert_eq!((replaced.state.closing, replaced.state.dialog.clone()), (false, Some(Dialog::Close)));
    replaced.take(Input::Answer(Answer::Save));
    assert!(replaced.effects.iter().any(|effect| matches!(effect, Effect::Pick(PickPurpose::SaveCopy, _))));
    replaced.event(Event::Picked(PickPurpose::SaveCopy, None));
    replaced.take(Input::CloseRequested);
    replaced.take(Input::Answer(Answer::DoNotSave));
    assert!(replaced.state.closing);
    // What loads by itself in a moment is no reason to ask.
    let mut loading = Program::open("[0]");
    loading.other_writes("[1]");
    loading.take(Input::CloseRequested);
    assert!(loading.state.closing);
}

#[test]
fn what_the_disk_did_not_confirm_is_not_saved_yet() {
    let mut program = Program::open("[0]");
    program.edit(&[0], "1");
    program.command(Command::Save);
    let order = program.save();
    program.saved_so(&order, false);
    assert_eq!(program.status(), Status::Unconfirmed);
    program.take(Input::CloseRequested);
    assert_eq!((program.state.closing, program.state.dialog.clone()), (false, Some(Dialog::Close)));
    program.take(Input::Answer(Answer::Save));
    let order = program.save();
    program.saved(&order);
    assert_eq!((program.status(), program.state.closing), (Status::Saved, true));
}
