//! What the program decides about keeping: the journal, recovery, merging, kept versions, saving by itself, alerts.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in a test a panic is the report

mod program;

use program::{Program, TEXT, version};
use std::ops::ControlFlow;
use std::sync::Arc;
use treekeep::document::{Document, Fragment, Path};
use treekeep::state::journal::{EndOfJournal, Note};
use treekeep::state::merging::{MergeDone, MergeInput, MergeRow, Pick};
use treekeep::state::recovery::RecoverFor;
use treekeep::state::saving::{Alert, Options};
use treekeep::state::session::{Part, Purpose};
use treekeep::state::versions::{VersionFor, VersionInput};
use treekeep::state::{Answer, Command, Content, Dialog, Effect, Event, Input, Report, Status, Tab};
use treekeep::storage::{Backup, Cause, Expected, Found, Lost, Mend, OnDisk, Place, Record, Recovery, StillBroken};

/// The notes that left, as words.
fn notes(program: &mut Program) -> Vec<String> {
    let (journal, others): (Vec<Effect>, Vec<Effect>) =
        program.effects.drain(..).partition(|effect| matches!(effect, Effect::Journal(_)));
    program.effects = others;
    let mut words = Vec::new();
    for effect in journal {
        let Effect::Journal(order) = effect else { unreachable!() };
        assert!(order.document.root().is_same(program.session().document().root()) || order.notes.len() == 1);
        words.extend(order.is_new.then(|| format!("begin {} {}", order.begin.name, order.base.is_some())));
        words.extend(order.notes.iter().map(|note| match note {
            Note::Record(Record::Edit(made)) => {
                format!("{} {}{}", made.edit.describe(), made.pointer, if made.joins { " +" } else { "" })
            }
            Note::Record(Record::Undo) => "undo".to_owned(),
            Note::Record(Record::Redo) => "redo".to_owned(),
            Note::Record(Record::Mark(_)) => "mark".to_owned(),
            Note::Record(Record::Saved(..)) => "saved".to_owned(),
            Note::Record(other) => format!("{other:?}"),
            Note::Snapshot => format!("snapshot {}", order.unsaved),
            Note::Load(..) => "load".to_owned(),
        }));
    }
    words
}

#[test]
fn each_edit_undo_and_redo_is_handed_over_in_the_update_that_makes_it() {
    let mut program = Program::open(TEXT);
    assert!(notes(&mut program).is_empty(), "nothing was edited: no journal");
    program.edit(&[0], "Exodus");
    assert_eq!(notes(&mut program), ["begin genesis.json true", "Change value /title"]);
    assert_eq!(program.session().journal.pending(), 1);
    let id = program.id();
    program.event(Event::Journaled { id, notes: 1, length: 200 });
    assert_eq!(program.session().journal.pending(), 0);
    program.command(Command::Undo);
    assert_eq!(notes(&mut program), ["undo"]);
    program.command(Command::Redo);
    assert_eq!(notes(&mut program), ["redo"]);
    program.take(Input::Select([1, 1].into()));
    program.command(Command::MoveUp);
    program.ms -= 4500;
    program.command(Command::MoveUp);
    program.command(Command::Save);
    let order = program.save();
    assert_eq!(notes(&mut program), ["Move /list/1", "mark"]);
    program.saved(&order);
    assert_eq!(notes(&mut program), ["saved"]);
    program.event(Event::JournalTrouble(id, "no space left".to_owned()));
    assert_eq!(program.session().journal.trouble.as_deref(), Some("no space left"));
    assert_eq!(program.status(), Status::Saved);
}

#[test]
fn moves_that_join_one_step_say_so() {
    let mut program = Program::open(TEXT);
    program.take(Input::Select([1, 2].into()));
    program.command(Command::MoveUp);
    program.ms -= 4900;
    program.command(Command::MoveUp);
    assert_eq!(notes(&mut program), ["begin genesis.json true", "Move /list/2", "Move /list/1 +"]);
    assert_eq!(program.status(), Status::Edited(1));
}

#[test]
fn a_version_that_is_loaded_stands_in_the_journal() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Exodus");
    program.command(Command::Undo);
    notes(&mut program);
    let other = TEXT.replace("12.50", "13");
    program.other_writes(&other);
    program.compare();
    assert_eq!(program.text(), other);
    assert_eq!(notes(&mut program), ["load"]);
}

#[test]
fn a_journal_ends_with_its_document() {
    let ends = |program: &Program| -> Vec<EndOfJournal> {
        program
            .effects
            .iter()
            .filter_map(|effect| if let Effect::EndJournal(_, end) = effect { Some(*end) } else { None })
            .collect()
    };
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Exodus");
    program.take(Input::CloseRequested);
    assert!(ends(&program).is_empty(), "a question first");
    program.take(Input::Answer(Answer::DoNotSave));
    assert_eq!(ends(&program), [EndOfJournal::Discarded], "kept aside, in case it was a slip");

    let mut program = Program::open(TEXT);
    program.edit(&[0], "Exodus");
    program.command(Command::Save);
    let order = program.save();
    program.take(Input::CloseRequested);
    assert_eq!(program.state.dialog, Some(Dialog::ClosingAfterSave));
    program.saved(&order);
    assert_eq!(ends(&program), [EndOfJournal::Saved]);

    // The disk hangs: the window closes, and the journal stays.
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Exodus");
    program.command(Command::Save);
    program.take(Input::CloseRequested);
    program.take(Input::Answer(Answer::CloseNow));
    assert!(ends(&program).is_empty() && program.state.closing && program.state.recover_later);

    let mut program = Program::open(TEXT);
    program.edit(&[0], "Exodus");
    program.command(Command::Undo);
    program.command(Command::New);
    assert_eq!(ends(&program), [EndOfJournal::Saved], "another document takes its place");
}

fn found() -> Found {
    let lost = Lost {
        what: "Change value",
        pointer: "/title".into(),
        was: Some("\"Genesis\"".into()),
        mine: Some("\"Exodus\"".into()),
        now: None,
    };
    Found {
        journal: "/state/journal/x.journal".into(),
        document: Some("/data/genesis.json".into()),
        name: "genesis.json".into(),
        at_ms: 0,
        edits: 1,
        list: vec![lost],
    }
}

fn on_disk(text: &str) -> OnDisk {
    OnDisk { fragment: Fragment::new(text).unwrap(), version: version(text), read_only: false }
}

fn steps(text: &str, edits: &[(&str, &str)]) -> Recovery {
    let mut document = Document::parse(text).unwrap();
    let mut steps = Vec::new();
    for (place, json) in edits {
        let value = treekeep::document::Value::new(json).unwrap();
        let edit = treekeep::document::edit_to_add(&document, place, value, treekeep::document::ArrayPlace::Instead).unwrap();
        let applied = edit.apply(&document).unwrap();
        document = applied.document.clone();
        let label = edit.describe();
        steps.push(treekeep::storage::Ready { edits: vec![edit], document: applied.document, shifts: applied.shifts, label });
    }
    Recovery::Steps { on: on_disk(text), steps, left: Vec::new() }
}

#[test]
fn recovered_edits_are_unsaved_edits_like_others() {
    let mut program = Program::open(TEXT);
    let id = program.id();
    assert!(program.effects.iter().any(
        |effect| matches!(effect, Effect::FindUnsaved(Some((found, path))) if *found == id && path.ends_with("genesis.json"))
    ));
    program.event(Event::Unsaved(Some(id), vec![found()]));
    assert_eq!(program.state.dialog, Some(Dialog::Recover));
    program.take(Input::Answer(Answer::Recover));
    assert!(
        matches!(program.effects.last(), Some(Effect::Recover(_, journal, RecoverFor::Apply)) if journal.ends_with("x.journal"))
    );
    let recovery = steps(TEXT, &[("/title", "\"Exodus\""), ("/list/-", "4")]);
    program.effects.clear();
    program.event(Event::Recovered(id, found().journal, RecoverFor::Apply, Ok(Box::new(recovery))));
    assert_eq!(program.text(), TEXT.replace("Genesis", "Exodus").replace("3]", "3, 4]"));
    assert_eq!(program.status(), Status::Edited(2));
    let place = |of: fn(&Effect) -> bool| program.effects.iter().position(of).unwrap();
    let (written, forgotten) =
        (place(|effect| matches!(effect, Effect::Journal(_))), place(|effect| matches!(effect, Effect::ForgetJournal(..))));
    assert!(written < forgotten, "they are in a new journal before the old one goes");
    assert_eq!(notes(&mut program), ["begin genesis.json true", "Change value /title", "Insert /list/3"]);
    program.command(Command::Undo);
    program.command(Command::Undo);
    assert_eq!((program.text().as_str(), program.status()), (TEXT, Status::Saved));
    assert!(program.session().recoverable.is_empty());
}

#[test]
fn later_and_discard_change_nothing_in_the_document() {
    let mut program = Program::open(TEXT);
    let id = program.id();
    program.event(Event::Unsaved(Some(id), vec![found(), found()]));
    program.take(Input::Answer(Answer::Cancel));
    assert_eq!((program.state.dialog.clone(), program.session().recoverable.len()), (None, 2));
    program.command(Command::Recover);
    program.take(Input::Answer(Answer::Discard));
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::DiscardJournal(_))));
    assert_eq!(program.state.dialog, Some(Dialog::Recover), "the next one is asked about");
    program.take(Input::Answer(Answer::Cancel));
    // Edits that were made since come first.
    program.edit(&[0], "Exodus");
    program.effects.clear();
    program.command(Command::Recover);
    program.take(Input::Answer(Answer::Recover));
    assert!(!program.effects.iter().any(|effect| matches!(effect, Effect::Recover(..))));
    assert!(program.session().notice.as_ref().unwrap().contains("Save or undo"));
}

#[test]
fn what_could_not_be_made_again_is_listed_with_both_values() {
    let mut program = Program::open(TEXT);
    let id = program.id();
    program.event(Event::Unsaved(Some(id), vec![found()]));
    program.take(Input::Answer(Answer::Recover));
    let Recovery::Steps { on, steps, .. } = steps(TEXT, &[("/number", "7")]) else { unreachable!() };
    let left = vec![Lost { now: Some("\"Numbers\"".into()), ..found().list[0].clone() }];
    program.event(Event::Recovered(
        id,
        found().journal,
        RecoverFor::Apply,
        Ok(Box::new(Recovery::Steps { on, steps, left: left.clone() })),
    ));
    assert_eq!(program.state.dialog, Some(Dialog::Left(left)));
    assert_eq!(program.status(), Status::Edited(1));
    // A journal that can't be read now stays.
    program.event(Event::Recovered(id, found().journal, RecoverFor::Apply, Err("the disk is gone".into())));
    assert!(program.session().notice.as_ref().unwrap().contains("They are kept."));
}

#[test]
fn recovered_edits_on_a_changed_file_are_merged() {
    let mut program = Program::open(&TEXT.replace("12.50", "13"));
    let id = program.id();
    program.event(Event::Unsaved(Some(id), vec![found()]));
    program.take(Input::Answer(Answer::Recover));
    let document = |text: &str| Document::parse(text).unwrap();
    let recovery = || Recovery::Merge {
        base: document(TEXT),
        mine: document(&TEXT.replace("Genesis", "Exodus")),
        on: on_disk(&TEXT.replace("12.50", "13")),
    };
    let recovered = |program: &mut Program, recovery: Recovery| {
        program.event(Event::Recovered(id, found().journal, RecoverFor::Apply, Ok(Box::new(recovery))));
    };
    // What was edited while they were read would not be in the result.
    program.edit(&[0], "Mine");
    recovered(&mut program, recovery());
    assert!(!program.effects.iter().any(|effect| matches!(effect, Effect::Merge(..))) && program.session().notice.is_some());
    program.command(Command::Undo);
    recovered(&mut program, recovery());
    program.merge();
    assert!(program.session().merging.is_some());
    program.take(Input::Merge(MergeInput::Finish));
    finish(&mut program);
    assert_eq!((program.text(), program.status()), (TEXT.replace("Genesis", "Exodus").replace("12.50", "13"), Status::Edited(1)));
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::ForgetJournal(..))));
}

/// Does what the jobs would do.
fn finish(program: &mut Program) {
    let place = program.effects.iter().position(|effect| matches!(effect, Effect::FinishMerge(..))).expect("it was finished");
    let Effect::FinishMerge(id, merge) = program.effects.remove(place) else { unreachable!() };
    let document = merge.document().unwrap();
    let compare =
        |a: &Document, b: &Document| treekeep::document::compare(a.root(), b.root(), &mut |_| ControlFlow::Continue(())).unwrap();
    let done =
        MergeDone { to_theirs: compare(merge.mine(), merge.theirs()), to_merged: compare(merge.theirs(), &document), document };
    program.event(Event::MergeDone(id, Ok(Box::new(done))));
}

#[test]
fn a_conflict_is_merged_and_saved_over_the_version_on_disk() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.edit(&[1, 0], "10");
    let theirs = TEXT.replace("Genesis", "Theirs").replace("12.50", "13");
    program.other_writes(&theirs);
    assert_eq!(program.status(), Status::Conflict);
    program.command(Command::Merge);
    program.merge();
    let merging = program.session().merging.as_ref().unwrap();
    assert_eq!((merging.merge.changes.len(), merging.merge.conflicts_left(), merging.selected), (3, 1, 0));
    assert_eq!(merging.rows[..2], [MergeRow::Group(String::new()), MergeRow::Change(0)]);
    // The document behind it stays as it is, and nothing is finished before all is chosen.
    program.take(Input::Paste("7".into(), true));
    program.take(Input::Merge(MergeInput::Finish));
    assert!(!program.effects.iter().any(|effect| matches!(effect, Effect::FinishMerge(..))));
    program.command(Command::ChooseTheirs);
    program.take(Input::Merge(MergeInput::Edit(0)));
    program.take(Input::Merge(MergeInput::Type("\"both".into())));
    program.take(Input::Merge(MergeInput::TakeTyped));
    assert!(program.session().merging.as_ref().unwrap().editor.as_ref().unwrap().problem.is_some());
    program.take(Input::Merge(MergeInput::Type("\"both\"".into())));
    program.take(Input::Merge(MergeInput::TakeTyped));
    program.take(Input::Merge(MergeInput::Finish));
    finish(&mut program);
    let merged = theirs.replace("Theirs", "both").replace("[1,", "[10,");
    assert_eq!((program.text(), program.status()), (merged.clone(), Status::Edited(1)));
    program.command(Command::Save);
    let order = program.save();
    assert_eq!(order.purpose, Purpose::Save);
    assert!(matches!(&order.expected, Expected::Version(expected) if *expected == version(&theirs)));
    program.saved(&order);
    assert_eq!(program.status(), Status::Saved);
    // The way back leads over theirs to mine.
    program.command(Command::Undo);
    assert_eq!(program.text(), theirs);
    program.command(Command::Undo);
    assert_eq!(program.text(), TEXT.replace("Genesis", "Mine").replace("[1,", "[10,"));
    assert_eq!(program.status(), Status::Conflict);
}

#[test]
fn what_is_left_of_a_merge_is_chosen_at_once() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.edit(&[1, 0], "10");
    program.edit(&[2], "7");
    program.other_writes(&TEXT.replace("Genesis", "Theirs").replace("[1,", "[11,").replace("12.50", "13"));
    program.command(Command::Merge);
    program.merge();
    program.take(Input::Merge(MergeInput::Choose(1, Pick::Theirs)));
    program.take(Input::Merge(MergeInput::ChooseLeft(Pick::Mine)));
    program.take(Input::Merge(MergeInput::Finish));
    finish(&mut program);
    assert_eq!(program.text(), TEXT.replace("Genesis", "Mine").replace("[1,", "[11,").replace("12.50", "7"));
}

#[test]
fn what_is_typed_in_a_merge_is_not_dropped_by_another_choice() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.edit(&[2], "7");
    program.other_writes(&TEXT.replace("Genesis", "Theirs").replace("12.50", "13"));
    program.command(Command::Merge);
    program.merge();
    program.take(Input::Merge(MergeInput::Edit(0)));
    program.take(Input::Merge(MergeInput::Type("\"by hand".into())));
    program.take(Input::Merge(MergeInput::ChooseLeft(Pick::Theirs)));
    program.command(Command::ChooseTheirs);
    // It is not valid yet: neither another field nor the end of the merge takes it away.
    for input in [MergeInput::Edit(1), MergeInput::Finish] {
        program.take(Input::Merge(input));
        let editor = program.session().merging.as_ref().unwrap().editor.as_ref().unwrap();
        assert_eq!((editor.change, editor.text.as_str(), editor.problem.is_some()), (0, "\"by hand", true));
    }
    program.take(Input::Merge(MergeInput::Type("\"by hand\"".into())));
    program.take(Input::Merge(MergeInput::Finish));
    finish(&mut program);
    assert_eq!(program.text(), TEXT.replace("Genesis", "by hand").replace("12.50", "13"));
}

#[test]
fn a_further_change_during_a_merge_is_an_ordinary_conflict() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.other_writes(&TEXT.replace("12.50", "13"));
    program.command(Command::Merge);
    program.merge();
    program.other_writes(&TEXT.replace("12.50", "14"));
    program.take(Input::Merge(MergeInput::Choose(0, Pick::Mine)));
    program.take(Input::Merge(MergeInput::Finish));
    finish(&mut program);
    program.command(Command::Save);
    let order = program.save();
    assert!(matches!(&order.expected, Expected::Version(expected) if *expected == version(&TEXT.replace("12.50", "13"))));
    program.failed(&order, true);
    assert_eq!(program.session().metrics.conflicts, 1);
    // Leaving a merge changes nothing.
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Mine");
    program.other_writes(&TEXT.replace("12.50", "13"));
    program.command(Command::Merge);
    program.merge();
    program.take(Input::Merge(MergeInput::Close));
    assert_eq!((program.text(), program.status()), (TEXT.replace("Genesis", "Mine"), Status::Conflict));
}

fn backup(text: &str) -> Backup {
    let time = "2026-11-24T12:03:00Z".parse().unwrap();
    Backup { path: "/state/backups/x.json".into(), time, size: text.len() as u64, cause: Cause::Save, digest: "00000000".into() }
}

#[test]
fn a_kept_version_comes_back_as_an_edit_and_is_saved() {
    let mut program = Program::open(TEXT);
    let id = program.id();
    program.command(Command::FileHistory);
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::ListVersions(..))));
    let old = "{ \"title\": \"Old\" }\n";
    program.event(Event::Versions(id, Ok(vec![backup(old)])));
    program.take(Input::Version(VersionInput::Restore(0)));
    let Some(&Effect::ReadVersion(_, _, purpose)) = program.effects.last() else { panic!("it is read") };
    program.event(Event::VersionRead(id, backup(old), purpose, Ok(Fragment::new(old).unwrap())));
    assert_eq!(program.text(), old, "byte for byte");
    let order = program.save();
    program.saved(&order);
    assert_eq!(program.status(), Status::Saved);
    program.command(Command::Undo);
    assert_eq!((program.text().as_str(), program.status()), (TEXT, Status::Edited(1)));
    program.take(Input::Version(VersionInput::Compare(0)));
    program.event(Event::VersionRead(id, backup(old), VersionFor::Compare, Ok(Fragment::new(old).unwrap())));
    program.compare();
    assert_eq!(program.session().differences.as_ref().unwrap().total, 3);
}

#[test]
fn a_kept_version_never_goes_over_what_was_edited_while_it_was_read() {
    let restore = |program: &mut Program| {
        program.command(Command::FileHistory);
        program.event(Event::Versions(program.id(), Ok(vec![backup("[1]")])));
        program.take(Input::Version(VersionInput::Restore(0)));
        let read = program.effects.iter().rev().find_map(|effect| match effect {
            Effect::ReadVersion(_, _, purpose) => Some(*purpose),
            _ => None,
        });
        read.unwrap()
    };
    let read = |program: &mut Program, purpose: VersionFor| {
        program.event(Event::VersionRead(program.id(), backup("[1]"), purpose, Ok(Fragment::new("[1]").unwrap())));
    };
    let mut program = Program::open(TEXT);
    let purpose = restore(&mut program);
    program.edit(&[0], "Mine");
    read(&mut program, purpose);
    assert_eq!(program.text(), TEXT.replace("Genesis", "Mine"));
    assert!(program.saves().is_empty() && program.session().notice.is_some());
    let purpose = restore(&mut program);
    program.take(Input::Edit([2].into(), Part::Value));
    program.take(Input::Type("8".into()));
    read(&mut program, purpose);
    program.take(Input::Commit);
    assert_eq!(program.text(), TEXT.replace("Genesis", "Mine").replace("12.50", "8"));
}

#[test]
fn saving_by_itself_waits_for_quiet_and_never_goes_over_a_conflict() {
    let mut program = Program::open(TEXT);
    program.take(Input::Options(Options { autosave_seconds: 30, ..Options::default() }));
    program.edit(&[0], "Exodus");
    program.take(Input::Tick);
    assert!(program.saves().is_empty(), "not yet quiet for long");
    program.ms += 30_000;
    program.take(Input::Tick);
    let order = program.save();
    program.saved(&order);
    assert_eq!(program.status(), Status::Saved);
    program.edit(&[0], "Leviticus");
    program.other_writes(&TEXT.replace("12.50", "13"));
    program.ms += 60_000;
    program.take(Input::Tick);
    assert!(program.saves().is_empty() && program.status() == Status::Conflict);

    let mut program = Program::open(TEXT);
    program.take(Input::Options(Options { autosave_edits: 2, ..Options::default() }));
    program.edit(&[0], "Exodus");
    assert!(program.saves().is_empty());
    program.edit(&[2], "1");
    assert_eq!(program.saves().len(), 1);
    // Off unless it was chosen.
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Exodus");
    program.ms += 10_000_000;
    program.take(Input::Tick);
    assert!(program.saves().is_empty());
}

#[test]
fn a_failed_save_is_tried_again_after_a_while_and_the_count_stays() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Exodus");
    program.command(Command::Save);
    let mut order = program.save();
    for failures in 1..=3 {
        program.failed(&order, false);
        assert_eq!((program.status(), program.session().metrics.failures), (Status::Edited(1), failures));
        program.take(Input::Tick);
        assert!(program.saves().is_empty(), "not at once");
        program.ms = program.session().metrics.retry_at_ms.unwrap();
        program.take(Input::Tick);
        order = program.save();
    }
    assert_eq!(program.session().metrics.alert, Some(Alert::Failing(3)));
    program.command(Command::Dismiss);
    program.failed(&order, false);
    assert_eq!(program.session().metrics.alert, None, "it was seen");
    program.command(Command::Retry);
    let order = program.save();
    program.saved(&order);
    let metrics = &program.session().metrics;
    assert_eq!((metrics.saves, metrics.failures, metrics.failures_in_row, metrics.retries), (1, 4, 0, 3));
    assert_eq!((metrics.alert, metrics.retry_at_ms, program.status()), (None, None, Status::Saved));
    // A conflict is not tried again.
    program.edit(&[0], "Leviticus");
    program.command(Command::Save);
    let order = program.save();
    program.failed(&order, true);
    assert_eq!(program.session().metrics.retry_at_ms, None);
    // Nor does one mean that saving does not work, however often it is met.
    for _ in 0..3 {
        program.command(Command::Save);
        let order = program.save();
        program.failed(&order, true);
    }
    program.take(Input::Tick);
    let metrics = &program.session().metrics;
    assert_eq!((metrics.alert, metrics.conflicts, metrics.failures_in_row), (None, 4, 0));
}

#[test]
fn many_or_old_unsaved_edits_raise_an_alert_that_stays_until_it_is_seen() {
    let mut program = Program::open(TEXT);
    for number in 0..49 {
        program.edit(&[2], &number.to_string());
    }
    assert_eq!(program.session().metrics.alert, None);
    program.edit(&[2], "100");
    assert_eq!(program.session().metrics.alert, Some(Alert::UnsavedMany(50)));
    program.edit(&[2], "101");
    program.command(Command::Dismiss);
    program.edit(&[2], "102");
    assert_eq!(program.session().metrics.alert, None);

    let mut program = Program::open(TEXT);
    program.take(Input::Options(Options { autosave_edits: 100, ..Options::default() }));
    program.edit(&[2], "1");
    program.ms += 599_000 - 5000;
    program.take(Input::Tick);
    assert_eq!(program.session().metrics.alert, None);
    program.take(Input::Tick);
    assert_eq!(program.session().metrics.alert, Some(Alert::UnsavedLong));
}

#[test]
fn without_room_for_a_backup_the_person_chooses() {
    let mut program = Program::open(TEXT);
    program.edit(&[0], "Exodus");
    program.command(Command::Save);
    let order = program.save();
    assert!(order.keeps_backup);
    program.failed_for_backup(&order);
    assert!(Command::SaveWithoutBackup.is_enabled(&program.state));
    program.command(Command::SaveWithoutBackup);
    let order = program.save();
    assert!(!order.keeps_backup);
    program.saved(&order);
    program.edit(&[0], "Leviticus");
    program.command(Command::Save);
    assert!(program.save().keeps_backup, "for that one save");
}

#[test]
fn a_new_documents_journal_begins_anew_when_it_has_a_file() {
    let mut program = Program::new();
    program.command(Command::New);
    program.take(Input::Select(Path::root()));
    program.command(Command::InsertInside);
    program.take(Input::Commit);
    let first = notes(&mut program);
    assert_eq!(first[..2], ["begin Untitled true".to_owned(), "Insert /key".to_owned()]);
    let order = program.first_save();
    program.saved(&order);
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::EndJournal(_, EndOfJournal::Saved))));
    notes(&mut program);
    program.edit(&[0], "7");
    assert_eq!(notes(&mut program)[0], "begin new.json true");
}

#[test]
fn a_file_that_may_not_fit_into_memory_is_asked_about_first() {
    let mut program = Program::new();
    program.take(Input::OpenFiles(vec!["/data/huge.json".into()]));
    let id = program.id();
    program.event(Event::TooLarge(id, "/data/huge.json".into(), 9_000_000_000, 6_000_000_000));
    assert!(program.state.is_loading() && matches!(program.state.dialog, Some(Dialog::Memory { .. })));
    // One that nobody waits for any more is not asked about.
    let mut other = Program::open(TEXT);
    let gone = treekeep::state::DocumentId(other.id().0 + 1000);
    other.event(Event::TooLarge(gone, "/data/huge.json".into(), 9_000_000_000, 6_000_000_000));
    assert_eq!((other.text().as_str(), other.state.dialog), (TEXT, None));
    program.effects.clear();
    program.take(Input::Answer(Answer::OpenAnyway));
    assert!(matches!(program.effects.last(), Some(Effect::OpenAnyway(_, path)) if path.ends_with("huge.json")));
    assert!(program.state.is_loading());
    program.event(Event::TooLarge(program.id(), "/data/huge.json".into(), 9_000_000_000, 6_000_000_000));
    program.take(Input::Answer(Answer::Cancel));
    assert!(program.state.tab().is_none());
}

/// A text that can be told as a whole alone comes back where there is no file, where the file is what was mended, and beside what
/// another program wrote.
#[test]
fn what_needs_no_base_comes_back_without_what_is_on_the_disk() {
    let mine = || Document::parse("[7]").unwrap();
    let recovered = |program: &mut Program, place: Place| {
        let id = program.id();
        let recovery = Recovery::Fresh { document: mine(), place };
        program.event(Event::Recovered(id, found().journal, RecoverFor::Apply, Ok(Box::new(recovery))));
        let is_missing = program.session().is_deleted();
        let status = if is_missing { Status::DeletedOnDisk } else { Status::Edited(1) };
        assert_eq!((program.text().as_str(), program.status(), program.session().unsaved()), ("[7]", status, 1));
        assert_eq!(notes(program)[0].split(' ').next_back(), Some("false"), "it is not told to stand on itself");
    };
    // From the list on the start page; the file can't be opened.
    let mut program = Program::new();
    program.event(Event::Unsaved(None, vec![found()]));
    program.take(Input::OpenUnsaved(0));
    let (id, path) = (program.id(), found().document.unwrap());
    let report = || Report { what: "It is not there.".into(), safe: String::new(), todo: String::new() };
    program.event(Event::NotOpened(id, path.clone(), report()));
    assert!(
        matches!(program.effects.last(), Some(Effect::Recover(_, journal, RecoverFor::Apply)) if *journal == found().journal)
    );
    recovered(&mut program, Place::Missing(path.clone()));
    assert!(program.session().is_deleted());
    program.command(Command::SaveAgain);
    let order = program.save();
    assert!(matches!(order.expected, Expected::Nothing));
    // The file is there again.
    program.failed(&order, true);
    program.other_writes("[8]");
    assert_eq!(program.status(), Status::Conflict);
    program.command(Command::KeepMine);
    assert!(matches!(program.save().expected, Expected::Version(over) if over == version("[8]")));
    // It can't be recovered either.
    let mut program = Program::new();
    program.event(Event::Unsaved(None, vec![found()]));
    program.take(Input::OpenUnsaved(0));
    let id = program.id();
    program.event(Event::NotOpened(id, path.clone(), report()));
    program.event(Event::Recovered(id, found().journal, RecoverFor::Apply, Err("the disk is gone".into())));
    assert!(program.state.tabs.is_empty() && matches!(program.state.dialog, Some(Dialog::Trouble(_))));
    // A broken file: its edits are offered, and saved over it.
    let broken = "[1,,2]";
    let open_broken = || {
        let mut program = Program::new();
        program.take(Input::OpenFiles(vec![path.clone()]));
        let id = program.id();
        let problem = Document::parse(broken).unwrap_err();
        program.event(Event::NotJson(id, path.clone(), Arc::new(broken.into()), version(broken), problem));
        assert!(program.effects.iter().any(|effect| matches!(effect, Effect::FindUnsaved(Some((found, _))) if *found == id)));
        program.event(Event::Unsaved(Some(id), vec![found()]));
        assert_eq!(program.state.dialog, Some(Dialog::Recover));
        program
    };
    let mut program = open_broken();
    program.take(Input::Answer(Answer::Recover));
    recovered(&mut program, Place::Broken(path.clone(), version(broken)));
    program.command(Command::Save);
    assert!(matches!(program.save().expected, Expected::Version(over) if over == version(broken)));
    // One that is not JSON yet comes back as far as it was mended, and that is in a journal of its own before the old one goes.
    let mut program = open_broken();
    program.take(Input::Answer(Answer::Recover));
    let text = "[1, 2,]";
    let still = |place: Place| StillBroken {
        origin: Arc::new(broken.into()),
        mends: vec![Mend { place: 3..4, bytes: b" ".to_vec() }],
        text: Arc::new(text.into()),
        problem: Document::parse(text).unwrap_err(),
        place,
    };
    program.effects.clear();
    let (id, mended) = (program.id(), still(Place::Broken(path.clone(), version(broken))));
    program.event(Event::Recovered(id, found().journal, RecoverFor::Apply, Ok(Box::new(Recovery::Broken(mended)))));
    let order = |effect: &Effect| match effect {
        Effect::JournalMends(order) => Some((order.mends.len(), order.text.is_some(), order.begin.digest.clone())),
        _ => None,
    };
    let digest = Some(version(broken).digest.to_string());
    let place = program.effects.iter().position(|effect| order(effect) == Some((1, true, digest.clone())));
    let forgets = program.effects.iter().position(|effect| matches!(effect, Effect::ForgetJournal(..)));
    assert!(place.is_some() && place < forgets && program.state.broken().unwrap().excerpt == text);
    // Where the file is gone it is one that is not there, and whatever comes there is told.
    let mut gone = open_broken();
    gone.take(Input::Answer(Answer::Recover));
    let still = still(Place::Missing(path.clone()));
    let gone_id = gone.id();
    gone.event(Event::Recovered(gone_id, found().journal, RecoverFor::Apply, Ok(Box::new(Recovery::Broken(still)))));
    gone.other_writes("[9]");
    gone.take(Input::Mend("[1, 2]".into()));
    gone.take(Input::ReadAgain);
    gone.effects.clear();
    gone.event(Event::Mended(gone_id, Ok(Fragment::new("[1, 2]").unwrap())));
    assert_eq!(gone.status(), Status::DeletedOnDisk);
    let nothing = treekeep::storage::Version::of_nothing();
    assert!(gone.effects.iter().any(|effect| matches!(effect, Effect::Watch(_, _, known) if *known == nothing)));
    gone.other_writes("[9]");
    assert_eq!(gone.status(), Status::Conflict);
    // Each change is told, and one that is taken back, too.
    program.effects.clear();
    program.take(Input::Mend("[1, 2]".into()));
    program.take(Input::Mend(text.into()));
    assert_eq!(program.effects.iter().filter_map(order).map(|order| order.0).collect::<Vec<_>>(), [2, 1]);
    program.take(Input::Mend("[1, 2]".into()));
    program.event(Event::JournalTrouble(id, "the disk is full".into()));
    assert_eq!(program.state.broken().unwrap().journal.trouble.as_deref(), Some("the disk is full"));
    program.event(Event::Journaled { id, notes: 0, length: 9 });
    assert_eq!(program.state.broken().unwrap().journal.trouble, None);
    // The window is closed without it.
    program.effects.clear();
    program.take(Input::CloseRequested);
    assert!(!program.effects.iter().any(|effect| matches!(effect, Effect::EndJournal(..))));
    program.take(Input::Answer(Answer::DoNotSave));
    assert!(program.effects.iter().any(|effect| matches!(effect, Effect::EndJournal(_, EndOfJournal::Discarded))));
    // What was mended in the meantime stays.
    let mut program = open_broken();
    program.take(Input::Answer(Answer::Recover));
    program.take(Input::Mend("[1, 2".into()));
    let (id, place) = (program.id(), Place::Broken(path.clone(), version(broken)));
    let recovery = Recovery::Fresh { document: mine(), place };
    program.event(Event::Recovered(id, found().journal, RecoverFor::Apply, Ok(Box::new(recovery))));
    assert!(program.state.session().is_none() && matches!(program.state.dialog, Some(Dialog::Trouble(_))));
    // Beside what another program wrote: what happens to that file is not this document's any more.
    let mut program = Program::open(TEXT);
    let before = program.id();
    recovered(&mut program, Place::Apart);
    assert_eq!(program.session().path, None);
    program.event(Event::DiskGone(before));
    assert_eq!(program.status(), Status::Edited(1));
}

/// To the journal a version that was passed over is a step like any other.
#[test]
fn undo_past_what_was_passed_over_is_told_step_by_step() {
    let mut program = Program::open("[0]");
    program.edit(&[0], "100");
    program.other_writes("[1]");
    program.command(Command::TakeTheirs);
    program.compare();
    for text in ["[2]", "[3]"] {
        program.other_writes(text);
        program.compare();
    }
    let Some(Tab { content: Content::Ready(session), .. }) = program.state.tabs.first_mut() else { unreachable!() };
    session.history.forget_unedited();
    notes(&mut program);
    program.command(Command::Undo);
    assert_eq!((program.text().as_str(), notes(&mut program)), ("[2]", vec!["undo".to_owned()]));
    program.command(Command::Undo);
    assert_eq!((program.text().as_str(), notes(&mut program)), ("[100]", vec!["undo".to_owned(); 2]));
    program.command(Command::Redo);
    assert_eq!((program.text().as_str(), notes(&mut program)), ("[2]", vec!["redo".to_owned(); 2]));
}

/// What the disk did not confirm is a change to the journal, until it does.
#[test]
fn an_unconfirmed_first_save_is_kept_in_the_journal() {
    let mut program = Program::new();
    program.begin_new();
    let order = program.first_save();
    notes(&mut program);
    program.saved_so(&order, false);
    assert_eq!(notes(&mut program), ["begin new.json true", "snapshot 1"]);
}
