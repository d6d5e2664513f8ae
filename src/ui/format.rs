//! Numbers and sizes as people read them.

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
