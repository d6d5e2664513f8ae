//! Comparing and merging files that nobody has open: for scripts, and for git as its drivers.

use super::{Failure, IO, print, read};
use crate::document::{Difference, Document, Layout, Merge, Node, Path, Style, compare_all, lay_out, patch_between, pointer};
use crate::jobs::Threads;
use crate::storage::{self, Disk};
use std::ops::ControlFlow;
use std::path::Path as FilePath;

/// Invalid input has the exit that `diff` has for trouble.
fn document(file: &FilePath) -> Result<Document, Failure> {
    Document::parse(read(file)?).map_err(|problem| Failure::new(IO, format!("{}:{problem}", file.display())))
}

/// Not a file, but what git gives for one that is not there.
fn is_nothing(file: &FilePath) -> bool {
    file == FilePath::new("/dev/null")
}

pub fn diff(before: &FilePath, after: &FilePath, patch: bool) -> Result<(), Failure> {
    let different = || Failure { message: None, exit: 1 };
    match (is_nothing(before), is_nothing(after)) {
        (true, true) => return Ok(()),
        (true, false) => {
            print(&line(b"+ ", "", &[document(after)?.root()]))?;
            return Err(different());
        }
        (false, true) => {
            print(&line(b"- ", "", &[document(before)?.root()]))?;
            return Err(different());
        }
        (false, false) => {}
    }
    let (a, b) = (document(before)?, document(after)?);
    let Some(found) = compare_all(a.root(), b.root(), usize::MAX, &mut |_| ControlFlow::Continue(())) else { return Ok(()) };
    if patch {
        print(&patch_between(&a, &b))?;
    } else {
        let mut text = Vec::new();
        found.differences.iter().for_each(|difference| text.extend(lines(&a, &b, difference)));
        print(&text)?;
    }
    if found.total == 0 { Ok(()) } else { Err(different()) }
}

/// One difference as a line: a sign, the place, the values.
fn lines(a: &Document, b: &Document, difference: &Difference) -> Vec<u8> {
    let place = |document: &Document, path: &Path| pointer::pointer(document.root(), path).unwrap_or_default();
    let node = |document: &Document, path: &Path| document.node(path).unwrap_or_else(|| document.root().clone());
    match difference {
        Difference::Added { after } => line(b"+ ", &place(b, after), &[&node(b, after)]),
        Difference::Removed { before } => line(b"- ", &place(a, before), &[&node(a, before)]),
        Difference::Changed { before, after } => line(b"~ ", &place(b, after), &[&node(a, before), &node(b, after)]),
        Difference::Moved { before, after } | Difference::Renamed { before, after } => {
            format!("> {} -> {}\n", place(a, before), place(b, after)).into_bytes()
        }
    }
}

fn line(sign: &[u8], place: &str, values: &[&Node]) -> Vec<u8> {
    let mut text = [sign, place.as_bytes(), b" "].concat();
    for (number, value) in values.iter().enumerate() {
        if number > 0 {
            text.extend_from_slice(b" -> ");
        }
        text.extend(lay_out(&value.to_bytes(), &Style::compact(), &Layout::OneLine));
    }
    text.push(b'\n');
    text
}

pub fn merge(base: &FilePath, mine: &FilePath, theirs: &FilePath, out: &FilePath) -> Result<(), Failure> {
    let sides = (document(base)?, document(mine)?, document(theirs)?);
    let Some(merge) = Merge::new(&sides.0, &sides.1, &sides.2, &mut |_| ControlFlow::Continue(())) else { return Ok(()) };
    let merged = merge.document().map_err(|refusal| Failure::new(IO, format!("{}: {refusal}", out.display())))?;
    storage::write_out(&Disk::real(), out, &merged, &Threads)
        .map_err(|error| Failure::new(IO, format!("{}: {error}", out.display())))?;
    let left: Vec<&str> =
        merge.changes.iter().filter(|change| change.choice.is_none()).map(|change| change.pointer.as_str()).collect();
    if left.is_empty() { Ok(()) } else { Err(Failure::new(1, left.join("\n"))) }
}
