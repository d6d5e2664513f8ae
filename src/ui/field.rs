//! The text of a field, laid out so that the caret stands where it types, also behind right-to-left words.
//!
//! egui finds the caret by one glyph for each character of a line. In 0.37 a word of n right-to-left letters has n - 1 empty glyphs more:
//! its letters come in visual order, and the filling for letters that share a glyph takes the last one for the whole word. Every caret
//! behind it, also in the lines below, was drawn too far to the left. Here the superfluous glyphs are taken out again. This file can go
//! when egui counts right.
//!
//! *Limitation*: within a right-to-left word the caret goes from left to right.

use super::text::is_right_to_left;
use egui::epaint::text::Glyph;
use egui::text::LayoutJob;
use egui::{FontId, Galley, TextBuffer, Ui};
use std::sync::Arc;

/// For [`egui::TextEdit::layouter`]: lays out the text of a field, not wrapped, as the field does by itself. Lines end at line feeds
/// only where it is `multiline`.
pub fn layouter(font: FontId, multiline: bool) -> impl FnMut(&Ui, &dyn TextBuffer, f32) -> Arc<Galley> {
    move |ui, text, _| layout(ui, text.as_str(), &font, multiline)
}

/// O(length); where no letter is right-to-left, egui has it from the frame before.
fn layout(ui: &Ui, text: &str, font: &FontId, multiline: bool) -> Arc<Galley> {
    let visuals = ui.visuals();
    let color = visuals.override_text_color.unwrap_or_else(|| visuals.widgets.inactive.text_color());
    let mut job = match multiline {
        true => LayoutJob::simple(text.to_owned(), font.clone(), color, f32::INFINITY),
        false => LayoutJob::simple_singleline(text.to_owned(), font.clone(), color),
    };
    job.keep_trailing_whitespace = true;
    let galley = ui.fonts_mut(|fonts| {
        let line_height = fonts.row_height(font);
        job.sections.iter_mut().for_each(|section| section.format.line_height = Some(line_height));
        fonts.layout_job(job)
    });
    if text.chars().any(is_right_to_left) { with_a_glyph_for_each_character(galley) } else { galley }
}

fn with_a_glyph_for_each_character(galley: Arc<Galley>) -> Arc<Galley> {
    let job = Arc::clone(&galley.job);
    let lines: Vec<&str> = if job.break_on_newline { job.text.split('\n').collect() } else { vec![&job.text] };
    let mut mended = galley;
    if lines.len() != mended.rows.len() {
        return mended;
    }
    for (number, line) in lines.into_iter().enumerate() {
        if let Some(glyphs) = one_for_each(&mended.rows[number].row.glyphs, line) {
            Arc::make_mut(&mut Arc::make_mut(&mut mended).rows[number].row).glyphs = glyphs;
        }
    }
    mended
}

/// The glyphs of a line without those that stand for no character; `None` where there are none of these.
fn one_for_each(glyphs: &[Glyph], line: &str) -> Option<Vec<Glyph>> {
    let characters: Vec<char> = line.chars().collect();
    if glyphs.len() <= characters.len() {
        return None;
    }
    let is_filling = |glyph: &&Glyph| glyph.advance_width == 0.0 && glyph.uv_rect.is_nothing();
    let mut kept = Vec::with_capacity(characters.len());
    let mut rest = glyphs;
    for run in characters.chunk_by(|a, b| is_right_to_left(*a) == is_right_to_left(*b)) {
        let letters = match is_right_to_left(run[0]) {
            true => rest.iter().take(run.len()).take_while(|glyph| !is_filling(glyph)).count(),
            false => run.len().min(rest.len()),
        };
        kept.extend_from_slice(&rest[..letters]);
        rest = &rest[letters..];
        if is_right_to_left(run[0]) {
            // Where two letters share a glyph one of these has their place.
            let filling = rest.iter().take_while(is_filling).count();
            kept.extend_from_slice(&rest[..filling.min(run.len() - letters)]);
            rest = &rest[filling..];
        }
    }
    // A line in one font is one run, with the filling at its end.
    (rest.iter().all(|glyph| is_filling(&glyph)) && kept.len() == characters.len()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::text::CCursor;
    use egui_kittest::Harness;

    fn galley(text: &str) -> Arc<Galley> {
        let mut galley = None;
        let mut harness = Harness::builder().allow_missing_glyphs().build_ui(|ui| {
            galley = Some(layout(ui, text, &FontId::monospace(13.0), true));
        });
        harness.run();
        drop(harness);
        galley.unwrap()
    }

    #[test]
    fn the_filling_behind_right_to_left_letters_goes() {
        let letter = galley("x").rows[0].row.glyphs[0];
        // A dot for filling, anything else for a glyph; and what is left of it.
        for (line, glyphs, left) in [
            ("אבג x", "abc.. x", "abc x"),
            ("a אב, גדה: 1", "a bc., def..: 1", "a bc, def: 1"),
            // In one font all is one run.
            ("אב x", "x ba...", "x ba"),
            // Two letters in one glyph.
            ("لا x", "l. x", "l. x"),
            ("سلام x", "sla... x", "sla. x"),
        ] {
            let glyph = |character: char| {
                let mut glyph = letter;
                glyph.chr = character;
                if character == '.' {
                    (glyph.advance_width, glyph.uv_rect) = (0.0, Default::default());
                }
                glyph
            };
            let glyphs: Vec<Glyph> = glyphs.chars().map(glyph).collect();
            let kept = one_for_each(&glyphs, line).unwrap_or(glyphs);
            assert_eq!(kept.iter().map(|glyph| glyph.chr).collect::<String>(), left, "{line}");
        }
        assert!(one_for_each(&[letter; 4], "אב").is_none(), "what is not understood stays");
    }

    #[test]
    fn lines_have_carets_of_their_own() {
        let tops = |text: &str| -> Vec<f32> {
            let galley = galley(text);
            (0..=text.chars().count()).map(|number| galley.pos_from_cursor(CCursor::new(number)).top().round()).collect()
        };
        assert_eq!(tops("א בראשית\nab\nגד\nc"), tops("a abcdef\nab\nab\nc"));
    }
}
