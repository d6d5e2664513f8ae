//! For the fuzzer (`fuzz/`): a text read by each of the ways that must agree.

use super::Problem;
use super::fragment::Fragment;
use super::parts::{self, Alone, Feed, Start};
use super::scan::{self, ScanError, bom_length};
use super::sweep::Sweep;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;

/// By the plain scan.
///
/// # Errors
/// The first problem.
pub fn plain(text: &[u8]) -> Result<Arc<Fragment>, Problem> {
    match scan::scan(text, &mut |_| ControlFlow::Continue(())) {
        Ok(scanned) => Ok(Arc::new(Fragment::of(text.to_vec(), scanned))),
        Err(ScanError::Problem(problem)) => Err(problem),
        Err(ScanError::Cancelled) => unreachable!("this watcher never breaks off"),
    }
}

/// By the sweep alone, without the plain scan behind it.
pub fn swept(text: &[u8]) -> Option<Arc<Fragment>> {
    let mut sweep = Sweep::from_start();
    let is_right = sweep.advance(text, bom_length(text), text.len()) && sweep.finish();
    let scanned = is_right.then(|| sweep.into_scanned(text)).flatten()?;
    Some(Arc::new(Fragment::of(text.to_vec(), scanned)))
}

/// In parts that begin at `starts` besides the text's start: at what is a comma where that says so.
///
/// # Errors
/// The first problem.
pub fn joined(text: &[u8], starts: &[(usize, bool)]) -> Result<Arc<Fragment>, Problem> {
    let mut room = vec![0; text.len()];
    let start = |&(place, is_comma): &(usize, bool)| (place, if is_comma { Start::Comma } else { Start::Anywhere });
    let starts: Vec<(usize, Start)> = [(0, true)].iter().chain(starts).map(start).collect();
    match parts::sweep_from(&mut room, &starts, &Memory(text), &Alone) {
        Ok(scanned) => Ok(Arc::new(Fragment::of(room, scanned?))),
        Err(never) => match never {},
    }
}

/// A text in memory.
struct Memory<'a>(&'a [u8]);

impl Feed for Memory<'_> {
    type Stop = Infallible;

    fn fill(&self, offset: usize, room: &mut [u8]) -> Result<(), Infallible> {
        room.copy_from_slice(&self.0[offset..offset + room.len()]);
        Ok(())
    }

    fn go_on(&self) -> Result<(), Infallible> {
        Ok(())
    }
}
