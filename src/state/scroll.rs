//! The arithmetic of scrolling a list of equally tall rows, exact at any length.
//!
//! A position is a row number and the part of that row above the upper edge. One offset in points could not do it: `f32` can't tell
//! neighbouring rows apart from about a million rows on. Numbers of rows stay exact up to 2^53, where `f64` ends.

use std::ops::Range;

/// The shortest thumb, in points, that is still easy to grab.
pub const MIN_THUMB_POINTS: f64 = 24.0;

/// The rows of a list and the window through which they are seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    /// How many rows the list has.
    pub rows: u64,
    /// The height of the visible area, in points.
    pub height: f32,
    /// The height of each row, in points; above 0.
    pub row_height: f32,
}

impl Viewport {
    /// How many rows fit, with the part of a row that is cut off.
    #[must_use]
    pub fn rows_visible(&self) -> f64 {
        f64::from(self.height.max(0.0)) / f64::from(self.row_height)
    }

    /// How far *page down* goes: the rows that fit less one, so that a row of the old page stays in sight.
    #[must_use]
    pub fn page_rows(&self) -> u64 {
        (self.rows_visible() as u64).saturating_sub(1).max(1)
    }

    /// The position at which `row` touches the lower edge.
    fn ending_with(&self, row: u64) -> ScrollPosition {
        let visible = self.rows_visible();
        let whole = visible.ceil();
        match (row + 1).checked_sub(whole as u64) {
            Some(top_row) => ScrollPosition { top_row, part: (whole - visible) as f32 }.normalized(),
            None => ScrollPosition::default(),
        }
    }

    /// The last position: the last row touches the lower edge, or everything fits.
    #[must_use]
    pub fn end(&self) -> ScrollPosition {
        match self.rows.checked_sub(1) {
            Some(last) => self.ending_with(last),
            None => ScrollPosition::default(),
        }
    }

    /// The rows that can be scrolled past the upper edge.
    fn scrollable_rows(&self) -> f64 {
        (self.rows as f64 - self.rows_visible()).max(0.0)
    }
}

/// Where a list stands: the first visible row, and how much of it is above the upper edge.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScrollPosition {
    /// The first row of which something is visible.
    pub top_row: u64,
    /// The hidden part of that row: at least 0, below 1.
    pub part: f32,
}

impl ScrollPosition {
    /// The position with `row` at the upper edge.
    #[must_use]
    pub fn at_row(row: u64) -> Self {
        Self { top_row: row, part: 0.0 }
    }

    /// A part that rounding left next to a whole row is that row: many small steps that add up to rows end on a row.
    fn normalized(self) -> Self {
        const ROUNDING: f32 = 1e-5;
        if self.part >= 1.0 - ROUNDING {
            Self::at_row(self.top_row.saturating_add(1))
        } else if self.part < ROUNDING {
            Self::at_row(self.top_row)
        } else {
            self
        }
    }

    /// The nearest position at which no space is left empty above or below the rows.
    #[must_use]
    pub fn clamped(self, viewport: &Viewport) -> Self {
        let end = viewport.end();
        if (self.top_row, self.part) > (end.top_row, end.part) { end } else { self }
    }

    /// Moves by whole rows, down if positive; the part of the first row stays as it is.
    #[must_use]
    pub fn moved_by_rows(self, rows: i64, viewport: &Viewport) -> Self {
        match self.top_row.checked_add_signed(rows) {
            Some(top_row) => Self { top_row, ..self }.clamped(viewport),
            None if rows < 0 => Self::default(),
            None => viewport.end(),
        }
    }

    /// Moves by points, down if positive.
    #[must_use]
    pub fn moved_by_points(self, points: f32, viewport: &Viewport) -> Self {
        let offset = f64::from(self.part) + f64::from(points) / f64::from(viewport.row_height);
        let whole = offset.floor();
        let moved = Self { part: (offset - whole) as f32, ..self };
        match moved.top_row.checked_add_signed(whole as i64) {
            Some(top_row) => Self { top_row, ..moved }.normalized().clamped(viewport),
            None if points < 0.0 => Self::default(),
            None => viewport.end(),
        }
    }

    /// Moves one page up.
    #[must_use]
    pub fn page_up(self, viewport: &Viewport) -> Self {
        self.moved_by_rows(-(viewport.page_rows() as i64), viewport)
    }

    /// Moves one page down.
    #[must_use]
    pub fn page_down(self, viewport: &Viewport) -> Self {
        self.moved_by_rows(viewport.page_rows() as i64, viewport)
    }

    /// The rows of which something is visible.
    #[must_use]
    pub fn visible_rows(self, viewport: &Viewport) -> Range<u64> {
        // Less than a hundredth of a row is rounding, and nobody would see it.
        let count = (f64::from(self.part) + viewport.rows_visible() - 0.01).ceil().max(0.0) as u64;
        let end = self.top_row.saturating_add(count).min(viewport.rows);
        self.top_row.min(end)..end
    }

    /// The upper edge of `row` in points below the upper edge of the viewport.
    #[must_use]
    pub fn row_top(self, row: u64, viewport: &Viewport) -> f32 {
        let rows_below = if row >= self.top_row { (row - self.top_row) as f64 } else { -((self.top_row - row) as f64) };
        ((rows_below - f64::from(self.part)) * f64::from(viewport.row_height)) as f32
    }

    /// The row at `y` points below the upper edge of the viewport, if there is one.
    #[must_use]
    pub fn row_at(self, y: f32, viewport: &Viewport) -> Option<u64> {
        let offset = f64::from(self.part) + f64::from(y) / f64::from(viewport.row_height);
        let row = self.top_row.checked_add_signed(offset.floor() as i64)?;
        (row < viewport.rows).then_some(row)
    }

    /// Whether the whole of `row` can be seen.
    #[must_use]
    pub fn shows(self, row: u64, viewport: &Viewport) -> bool {
        let top = self.row_top(row, viewport);
        let tolerance = 0.01 * viewport.row_height;
        top >= -tolerance && top + viewport.row_height <= viewport.height + tolerance
    }

    /// Moves just as far as is needed to see the whole of `row`; not at all if it can be seen.
    #[must_use]
    pub fn showing(self, row: u64, viewport: &Viewport) -> Self {
        let row = row.min(viewport.rows.saturating_sub(1));
        if self.shows(row, viewport) {
            return self;
        }
        // In a viewport lower than a row, the upper edge of the row is the better half.
        if row <= self.top_row || viewport.rows_visible() < 1.0 {
            return Self::at_row(row).clamped(viewport);
        }
        viewport.ending_with(row).clamped(viewport)
    }

    /// The position with `row` in the middle, as nearly as the ends of the list allow.
    #[must_use]
    pub fn centred_on(row: u64, viewport: &Viewport) -> Self {
        let above = ((viewport.rows_visible() - 1.0) / 2.0).max(0.0);
        let whole = above.ceil();
        match row.checked_sub(whole as u64) {
            Some(top_row) => Self { top_row, part: (whole - above) as f32 }.normalized().clamped(viewport),
            None => Self::default(),
        }
    }
}

/// The thumb of a scroll bar within its track, in points from the start of the track.
///
/// In `f64`, because a point of a long track can stand for thousands of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thumb {
    /// Its upper end.
    pub start: f64,
    /// Its length: at least [`MIN_THUMB_POINTS`], unless the track is shorter.
    pub length: f64,
}

impl Thumb {
    /// The thumb for a position, or `None` if every row fits.
    #[must_use]
    pub fn new(position: ScrollPosition, viewport: &Viewport, track_length: f64) -> Option<Self> {
        let scrollable = viewport.scrollable_rows();
        if scrollable <= 0.0 || track_length <= 0.0 {
            return None;
        }
        let share = viewport.rows_visible() / viewport.rows as f64;
        let length = (track_length * share).max(MIN_THUMB_POINTS).min(track_length);
        let scrolled = position.top_row as f64 + f64::from(position.part);
        Some(Self { start: (scrolled / scrollable).min(1.0) * (track_length - length), length })
    }

    /// Whether a point of the track is on the thumb.
    #[must_use]
    pub fn contains(&self, along_track: f64) -> bool {
        (self.start..self.start + self.length).contains(&along_track)
    }

    /// The position when the thumb is dragged so that it starts at `start`; beyond the ends of the track means the ends of the list.
    #[must_use]
    pub fn dragged_to(&self, start: f64, viewport: &Viewport, track_length: f64) -> ScrollPosition {
        let room = track_length - self.length;
        if start <= 0.0 || room <= 0.0 {
            return ScrollPosition::default();
        }
        if start >= room {
            return viewport.end();
        }
        let scrolled = start / room * viewport.scrollable_rows();
        ScrollPosition { top_row: scrolled as u64, part: scrolled.fract() as f32 }.normalized().clamped(viewport)
    }
}

/// Where on the track a mark for `row` belongs, in points from its start.
#[must_use]
pub fn mark_along_track(row: u64, viewport: &Viewport, track_length: f64) -> f64 {
    if viewport.rows == 0 {
        return 0.0;
    }
    ((row as f64 + 0.5) / viewport.rows as f64).min(1.0) * track_length
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEN_MILLION: u64 = 10_000_000;
    const LONGEST: u64 = 10_000_000_000_000;

    /// Ten and a half rows are visible.
    fn viewport(rows: u64) -> Viewport {
        Viewport { rows, height: 252.0, row_height: 24.0 }
    }

    fn at(top_row: u64, part: f32) -> ScrollPosition {
        ScrollPosition { top_row, part }
    }

    #[test]
    fn one_row_is_one_row_at_the_top_in_the_middle_and_at_the_end() {
        for rows in [1_000, TEN_MILLION, LONGEST] {
            let viewport = viewport(rows);
            for top_row in [0, rows / 2, rows - 13] {
                for start in [at(top_row, 0.0), at(top_row, 0.25)] {
                    let expected = at(top_row + 1, start.part);
                    assert_eq!(start.moved_by_rows(1, &viewport), expected);
                    assert_eq!(start.moved_by_points(24.0, &viewport), expected);
                    assert_eq!(expected.moved_by_rows(-1, &viewport), start);
                    assert_eq!(expected.moved_by_points(-24.0, &viewport), start);
                }
            }
        }
    }

    #[test]
    fn twenty_small_steps_of_a_wheel_are_one_large_one() {
        for rows in [1_000, TEN_MILLION, LONGEST] {
            let viewport = viewport(rows);
            let start = at(rows / 10 * 9, 0.0);
            let end = (0..20).fold(start, |position, _| position.moved_by_points(1.0, &viewport));
            assert_eq!(end.top_row, start.top_row);
            assert!((end.part - 20.0 / 24.0).abs() < 1e-5, "{end:?}");
        }
    }

    #[test]
    fn the_ends_hold() {
        let viewport = viewport(TEN_MILLION);
        let end = at(TEN_MILLION - 11, 0.5);
        assert_eq!(viewport.end(), end);
        for (start, points, expected) in [
            (at(0, 0.5), -13.0, at(0, 0.0)),
            (at(3, 0.0), -1e9, at(0, 0.0)),
            (end, 1.0, end),
            (at(5, 0.0), 1e12, end),
            (at(0, 0.0), f32::MAX, end),
            (end, f32::MIN, at(0, 0.0)),
        ] {
            assert_eq!(start.moved_by_points(points, &viewport), expected, "{start:?} {points}");
        }
        assert_eq!(end.moved_by_rows(i64::MAX, &viewport), end);
        assert_eq!(end.moved_by_rows(i64::MIN, &viewport), at(0, 0.0));
    }

    #[test]
    fn what_fits_does_not_scroll() {
        for rows in [0, 1, 10] {
            let viewport = viewport(rows);
            assert_eq!(viewport.end(), at(0, 0.0));
            assert_eq!(at(0, 0.0).moved_by_points(5.0, &viewport), at(0, 0.0));
            assert_eq!(Thumb::new(at(0, 0.0), &viewport, 240.0), None);
            assert_eq!(at(0, 0.0).visible_rows(&viewport), 0..rows);
        }
        assert_eq!(viewport(11).end(), at(0, 0.5));
    }

    #[test]
    fn a_shorter_list_moves_the_position_back() {
        assert_eq!(at(500, 0.75).clamped(&viewport(100)), at(89, 0.5));
        assert_eq!(at(500, 0.75).clamped(&viewport(3)), at(0, 0.0));
    }

    #[test]
    fn visible_rows_have_something_to_see() {
        let viewport = viewport(TEN_MILLION);
        for (position, expected) in
            [(at(0, 0.0), 0..11), (at(0, 0.4), 0..11), (at(0, 0.75), 0..12), (viewport.end(), TEN_MILLION - 11..TEN_MILLION)]
        {
            assert_eq!(position.visible_rows(&viewport), expected, "{position:?}");
        }
    }

    #[test]
    fn a_row_comes_into_view_at_the_nearest_edge() {
        let viewport = viewport(TEN_MILLION);
        for (start, row, expected) in [
            (at(100, 0.0), 105, at(100, 0.0)),
            (at(100, 0.0), 109, at(100, 0.0)),
            (at(100, 0.0), 110, at(100, 0.5)),
            (at(100, 0.0), 111, at(101, 0.5)),
            (at(100, 0.5), 100, at(100, 0.0)),
            (at(100, 0.5), 7, at(7, 0.0)),
            (at(100, 0.5), TEN_MILLION - 1, viewport.end()),
            (at(100, 0.5), u64::MAX, viewport.end()),
        ] {
            assert_eq!(start.showing(row, &viewport), expected, "{start:?} {row}");
        }
        for (row, expected) in [(0, at(0, 0.0)), (3, at(0, 0.0)), (1000, at(995, 0.25)), (TEN_MILLION - 1, viewport.end())] {
            assert_eq!(ScrollPosition::centred_on(row, &viewport), expected, "{row}");
        }
    }

    #[test]
    fn pages_overlap_by_a_row() {
        let viewport = viewport(TEN_MILLION);
        assert_eq!(at(0, 0.0).page_down(&viewport), at(9, 0.0));
        assert_eq!(at(9, 0.25).page_up(&viewport), at(0, 0.25));
        assert_eq!(at(5, 0.25).page_up(&viewport), at(0, 0.0));
        assert_eq!(Viewport { height: 10.0, ..viewport }.page_rows(), 1);
    }

    #[test]
    fn rows_and_points_agree() {
        let viewport = viewport(LONGEST);
        let position = at(LONGEST / 2, 0.5);
        assert_eq!(position.row_top(position.top_row, &viewport), -12.0);
        assert_eq!(position.row_top(position.top_row + 2, &viewport), 36.0);
        assert_eq!(position.row_top(position.top_row - 1, &viewport), -36.0);
        assert_eq!(position.row_at(0.0, &viewport), Some(position.top_row));
        assert_eq!(position.row_at(12.0, &viewport), Some(position.top_row + 1));
        assert_eq!(at(0, 0.0).row_at(-1.0, &viewport), None);
        assert_eq!(Viewport { rows: 2, ..viewport }.end().row_at(48.0, &Viewport { rows: 2, ..viewport }), None);
    }

    #[test]
    fn the_thumb_is_never_too_small_and_reaches_both_ends() {
        for rows in [11, 1_000, TEN_MILLION, LONGEST] {
            let viewport = viewport(rows);
            let first = Thumb::new(at(0, 0.0), &viewport, 240.0).unwrap();
            assert_eq!(first.start, 0.0);
            assert!(first.length >= MIN_THUMB_POINTS);
            let last = Thumb::new(viewport.end(), &viewport, 240.0).unwrap();
            assert!((last.start + last.length - 240.0).abs() < 1e-6, "{last:?}");
            assert_eq!(first.dragged_to(-1.0, &viewport, 240.0), at(0, 0.0));
            assert_eq!(first.dragged_to(240.0, &viewport, 240.0), viewport.end());
        }
        let short = Thumb::new(at(0, 0.0), &viewport(1_000), 10.0).unwrap();
        assert_eq!(short.length, 10.0);
    }

    #[test]
    fn a_click_on_the_track_brings_the_thumb_to_the_pointer() {
        let viewport = viewport(TEN_MILLION);
        let thumb = Thumb::new(at(0, 0.0), &viewport, 240.0).unwrap();
        assert!(thumb.contains(23.0) && !thumb.contains(24.0));
        let moved = Thumb::new(thumb.dragged_to(120.0 - thumb.length / 2.0, &viewport, 240.0), &viewport, 240.0).unwrap();
        assert!((moved.start + moved.length / 2.0 - 120.0).abs() < 1e-6, "{moved:?}");
        assert_eq!(mark_along_track(TEN_MILLION / 2, &viewport, 240.0).round(), 120.0);
    }

    proptest! {
        #[test]
        fn a_position_is_always_within_the_list(rows in 0..LONGEST, top_row in 0..LONGEST, part in 0.0_f32..1.0, points in -1e7_f32..1e7, height in 0.0_f32..3000.0) {
            let viewport = Viewport { rows, height, row_height: 24.0 };
            let moved = at(top_row, part).clamped(&viewport).moved_by_points(points, &viewport);
            prop_assert!((0.0..1.0).contains(&moved.part));
            prop_assert_eq!(moved, moved.clamped(&viewport));
            prop_assert!(moved.visible_rows(&viewport).end <= rows);
        }

        #[test]
        fn there_and_back_is_where_it_started(top_row in 1_000..LONGEST - 2_000, part in 0.0_f32..1.0, points in -20_000.0_f32..20_000.0) {
            let viewport = viewport(LONGEST);
            let back = at(top_row, part).moved_by_points(points, &viewport).moved_by_points(-points, &viewport);
            let rows_apart = back.top_row as f64 - top_row as f64 + f64::from(back.part - part);
            // Each way may end on a row that it comes next to.
            prop_assert!(rows_apart.abs() < 3e-5, "{back:?}");
        }

        #[test]
        fn a_shown_row_is_shown(rows in 1..LONGEST, top_row in 0..LONGEST, part in 0.0_f32..1.0, row in 0..LONGEST, height in 24.0_f32..3000.0) {
            let viewport = Viewport { rows, height, row_height: 24.0 };
            let row = row % rows;
            let start = at(top_row, part).clamped(&viewport);
            let shown = start.showing(row, &viewport);
            prop_assert!(shown.shows(row, &viewport), "{shown:?}");
            prop_assert_eq!(shown.showing(row, &viewport), shown);
            let centred = ScrollPosition::centred_on(row, &viewport);
            prop_assert!(centred.shows(row, &viewport), "{centred:?}");
        }

        #[test]
        fn dragging_the_thumb_nowhere_moves_by_less_than_a_row(rows in 100..TEN_MILLION, place in 0.0_f64..1.0, part in 0.0_f32..1.0) {
            let viewport = viewport(rows);
            let start = at((rows as f64 * place) as u64, part).clamped(&viewport);
            let thumb = Thumb::new(start, &viewport, 600.0).unwrap();
            let dragged = thumb.dragged_to(thumb.start, &viewport, 600.0);
            let rows_apart = dragged.top_row as f64 - start.top_row as f64 + f64::from(dragged.part) - f64::from(start.part);
            prop_assert!(rows_apart.abs() < 1e-3, "{start:?} {dragged:?}");
        }
    }
}
