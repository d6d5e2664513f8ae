//! Where a text is scrolled to. How many rows it has is not known: a place in it is the byte at which a row starts.

use super::rows::{Row, Rows};

/// The first row in sight, and how much of it is above the edge.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TextScroll {
    /// Where the row starts in the literal.
    pub top: usize,
    /// The hidden part of it: at least 0, below 1.
    pub part: f32,
}

impl TextScroll {
    /// With the row that byte `at` is in at the edge, or less far down if nothing else would be left empty on a page of so many rows.
    pub fn at(at: usize, rows: &mut Rows<'_>, page: f32) -> Self {
        Self { top: rows.start_of(at), part: 0.0 }.moved(0.0, rows, page)
    }

    /// Moved by rows, down if positive; not further than to the last page.
    pub fn moved(self, by: f32, rows: &mut Rows<'_>, page: f32) -> Self {
        let offset = self.part + by;
        let whole = offset.floor();
        let mut moved = Self { top: self.top, part: offset - whole };
        if whole < 0.0 {
            let wanted = -whole as usize;
            let (top, above) = rows.above(self.top, wanted);
            moved = Self { top, part: if above < wanted { 0.0 } else { moved.part } };
        }
        for _ in 0..whole.max(0.0) as usize {
            let Some(next) = rows.row(moved.top).next else { break };
            moved.top = next;
        }
        if moved.fills(rows, page) { moved } else { Self::end(rows, page) }
    }

    /// Whether there are rows down to the lower edge.
    fn fills(self, rows: &mut Rows<'_>, page: f32) -> bool {
        let (mut below, mut next) = (-self.part, Some(self.top));
        while let Some(start) = next.filter(|_| below < page) {
            next = rows.row(start).next;
            below += 1.0;
        }
        below >= page
    }

    /// The last row touches the lower edge, or everything fits.
    fn end(rows: &mut Rows<'_>, page: f32) -> Self {
        let last = rows.start_of(rows.end());
        let count = page.ceil().max(1.0);
        let (top, above) = rows.above(last, count as usize - 1);
        Self { top, part: if (above as f32) + 1.0 < page { 0.0 } else { count - page } }
    }

    /// The rows of which something is in sight.
    pub fn in_sight(self, rows: &mut Rows<'_>, page: f32) -> Vec<Row> {
        rows.page(self.top, ((page + self.part).ceil() as usize).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::Known;
    use super::*;

    const PAGE: f32 = 3.5;

    fn scrolled(lines: usize, moves: &[f32]) -> (String, f32) {
        let literal = format!("\"{}\"", (0..lines).map(|n| n.to_string()).collect::<Vec<_>>().join("\\n"));
        let mut rows = Rows::new(literal.as_bytes(), 10.0, |_| 1.0, Known::default());
        let start = TextScroll::at(0, &mut rows, PAGE);
        let scroll = moves.iter().fold(start, |scroll, by| scroll.moved(*by, &mut rows, PAGE));
        (scroll.in_sight(&mut rows, PAGE)[0].text.clone(), scroll.part)
    }

    #[test]
    fn it_stops_at_both_ends() {
        for (lines, moves, top, part) in [
            (100, &[][..], "0", 0.0),
            (100, &[1.0], "1", 0.0),
            (100, &[1.25], "1", 0.25),
            (100, &[10.0, -2.5], "7", 0.5),
            (100, &[10.0, -2.5, -50.0], "0", 0.0),
            (100, &[0.25, -1.0], "0", 0.0),
            (100, &[1000.0], "96", 0.5),
            (100, &[96.0], "96", 0.0),
            (100, &[96.75], "96", 0.5),
            (100, &[1000.0, -0.5], "96", 0.0),
            // All of it fits.
            (3, &[5.0], "0", 0.0),
            (4, &[5.0], "0", 0.5),
        ] {
            assert_eq!(scrolled(lines, moves), (top.to_owned(), part), "{lines} {moves:?}");
        }
    }
}
