//! Finding things in an open file: child number k, the path of a byte, the row at a place of the scroll bar.
//!
//! `cargo bench --bench navigate` opens the files of `--bench open` (records, an array of small integers, an object of millions of
//! keys; sizes and shapes by the same variables) and looks at random places, each time at another. What is shown is the mean, and
//! what 99 of 100 looks take no longer than. Preparation is what is done once, after opening and before the first look.

mod data;

use data::{Dice, file, megabytes, shapes};
use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;
use treekeep::document::{Document, path_of_offset};
use treekeep::jobs::Threads;
use treekeep::state::rows::Fold;
use treekeep::storage::{Disk, SystemClock, load};

const LOOKS: usize = 20_000;

fn main() {
    println!("{:<16} {:<34} {:>10} {:>10}", "file", "look", "mean µs", "99 % µs");
    for shape in shapes(&["records", "records, 1 line", "numbers", "flat", "bigobj"]) {
        let path = file(shape, megabytes());
        let begun = Instant::now();
        let loaded = load(&Disk::real(), &SystemClock, &path, &Threads, &|_, _| ControlFlow::Continue(()));
        let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
        let fragment = loaded.fragment.unwrap_or_else(|(problem, _)| panic!("{problem}"));
        let opening = begun.elapsed().as_secs_f64();

        let begun = Instant::now();
        let document = Document::of(&fragment);
        let fold = Fold::open_below();
        let rows = 1 + fold.rows_below(document.root());
        let preparation = begun.elapsed().as_secs_f64();

        let mut dice = Dice(29);
        let root = document.root();
        let children = root.child_count();
        let shown = Shown { name: shape.0, dice: &mut dice };
        let mut shown = shown.of(&format!("child of {children}"), children, |k| root.child(k).is_some());
        shown = shown.of("path of a byte", document.byte_len(), |offset| !path_of_offset(&document, offset).path.is_empty());
        shown = shown.of(&format!("row of {rows}, all open"), rows, |row| fold.row(root, row).is_some());
        shown.of("row, root open", 1 + children, |row| Fold::open().row(root, row).is_some());
        println!("{:<16} preparation {:.5} × opening ({:.3} s)", shape.0, preparation / opening, opening);
    }
}

struct Shown<'a> {
    name: &'a str,
    dice: &'a mut Dice,
}

impl Shown<'_> {
    /// Times looks at random numbers below `count`.
    fn of(self, what: &str, count: u64, look: impl Fn(u64) -> bool) -> Self {
        let mut times: Vec<f64> = Vec::with_capacity(LOOKS);
        for _ in 0..LOOKS {
            let number = self.dice.roll(count);
            let begun = Instant::now();
            black_box(look(number));
            times.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        let mean = times.iter().sum::<f64>() / LOOKS as f64;
        println!("{:<16} {what:<34} {mean:>10.2} {:>10.2}", self.name, times[LOOKS * 99 / 100]);
        self
    }
}
