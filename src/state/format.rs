//! Numbers, sizes and times as people read them.

use super::Progress;
use crate::document::{Comparison, Style};

/// Writes a number with a comma after each group of three digits: `812,345`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Writes a count with its noun: `1 member`, `9 members`, `5,000,000 items`.
#[must_use]
pub fn counted(count: u64, singular: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {singular}{plural}", grouped(count))
}

/// Writes in how many places two versions differ: `3 values differ`.
#[must_use]
pub fn values_differ(count: u64) -> String {
    match count {
        0 => "No value differs".to_owned(),
        1 => "1 value differs".to_owned(),
        more => format!("{} differ", counted(more, "value")),
    }
}

/// The same of a comparison, which may have been given up.
#[must_use]
pub fn differs(comparison: &Comparison) -> String {
    if comparison.is_given_up { "Much of it differs".to_owned() } else { values_differ(comparison.total) }
}

/// Writes a size in decimal units with three or four figures: `84 bytes`, `9.4 MB`, `1.2 GB`.
#[must_use]
pub fn byte_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return counted(bytes, "byte");
    }
    // What would be rounded up to `1000.0 kB` is a megabyte.
    let mut value = bytes as f64 / 1000.0;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while value >= 999.95 {
        let Some(larger) = units.next() else { break };
        unit = Some(larger);
        value /= 1000.0;
    }
    format!("{value:.1} {}", unit.copied().unwrap_or_default())
}

/// Writes how far a job on bytes is: `312.0 MB of 1.0 GB, about 3 seconds left`.
#[must_use]
pub fn progress(progress: &Progress, now_ms: u64) -> String {
    let mut text = format!("{} of {}", byte_size(progress.done), byte_size(progress.total));
    if let Some(left_ms) = progress.left_ms(now_ms) {
        text.push_str(", ");
        text.push_str(&time_left(left_ms));
    }
    text
}

/// Writes how long something may still take. Whole seconds: it is no better known.
fn time_left(left_ms: u64) -> String {
    match left_ms.div_ceil(1000) {
        0 | 1 => "about a second left".to_owned(),
        seconds @ ..100 => format!("about {seconds} seconds left"),
        seconds => format!("about {} left", counted(seconds.div_ceil(60), "minute")),
    }
}

/// How a text is written: its encoding, its line ends, what it is indented by.
pub fn written_as(style: &Style) -> [String; 3] {
    let indent = match style.indent.as_deref() {
        None => "one line".to_owned(),
        Some(indent) if indent.contains('\t') => "tabs".to_owned(),
        Some(indent) => counted(indent.len() as u64, "space"),
    };
    ["UTF-8".to_owned(), if style.line_end == "\n" { "LF" } else { "CRLF" }.to_owned(), indent]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_from_the_right() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (812_345, "812,345"), (10_000_000_000_000, "10,000,000,000,000")]
        {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn one_is_singular_and_everything_else_plural() {
        for (count, expected) in [(0, "0 items"), (1, "1 item"), (3, "3 items"), (5_000_000, "5,000,000 items")] {
            assert_eq!(counted(count, "item"), expected);
        }
    }

    #[test]
    fn times_are_as_rough_as_they_are_known() {
        for (left_ms, expected) in [
            (0, "about a second left"),
            (1001, "about 2 seconds left"),
            (99_000, "about 99 seconds left"),
            (99_001, "about 2 minutes left"),
        ] {
            assert_eq!(time_left(left_ms), expected);
        }
        let begun = Progress::new(0, 1_000_000_000, 0);
        assert_eq!(progress(&begun, 0), "0 bytes of 1.0 GB");
        assert_eq!(progress(&begun.moved(250_000_000, 1_000_000_000, 900), 1000), "250.0 MB of 1.0 GB, about 3 seconds left");
    }

    #[test]
    fn sizes_change_unit_before_they_need_four_figures() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (48_200_000, "48.2 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(byte_size(bytes), expected, "{bytes}");
        }
    }
}
