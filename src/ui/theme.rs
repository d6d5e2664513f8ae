//! How the window looks: every colour, the fonts, the spacing, and the few widgets that all parts share.
//!
//! No other file names a colour. One accent, few lines, generous rows, and nothing that moves by itself.

use egui::style::{ScrollAnimation, Selection, TextCursorStyle, WidgetVisuals, Widgets};
use egui::{
    Button, Color32, Context, CornerRadius, FontDefinitions, FontFamily, FontId, Margin, Response, RichText, Role, Sense, Shadow,
    Stroke, StrokeKind, Style, TextStyle, Theme, ThemePreference, Ui, Visuals, WidgetInfo, vec2,
};
use std::sync::Arc;

/// The height of a button or a text field, in points.
pub const BUTTON_HEIGHT: f32 = 27.0;
/// The radius of the corners of buttons and text fields, in points.
pub const BUTTON_RADIUS: u8 = 6;
/// The height of a [`chip`], in points.
pub const CHIP_HEIGHT: f32 = 17.0;

/// The colours of one theme, by what they are for.
#[derive(Debug, PartialEq)]
pub struct Tokens {
    /// Behind everything but the tree: bars and panels.
    pub window: Color32,
    /// Behind the rows.
    pub tree: Color32,
    /// A row under the pointer.
    pub hover: Color32,
    /// The selected row.
    pub selected: Color32,
    /// Between parts of the window, and around fields and quiet buttons.
    pub line: Color32,
    /// The vertical hairline of a level.
    pub guide: Color32,
    /// Behind the size of a container.
    pub chip: Color32,
    /// Behind text that can be edited.
    pub field: Color32,
    /// Text.
    pub text: Color32,
    /// Text that can be passed over: punctuation, indices, previews, `null`.
    pub muted: Color32,
    /// A string.
    pub string: Color32,
    /// A number.
    pub number: Color32,
    /// `true` and `false`.
    pub boolean: Color32,
    /// The best choice, the focus, and links.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// Changed since the last save.
    pub edited: Color32,
    /// Behind what a search has found.
    pub search_hit: Color32,
    /// Behind the hit that was gone to.
    pub search_current: Color32,
    /// The mark of a search hit on the scroll bar.
    pub search_mark: Color32,
    /// Behind a question that can't wait.
    pub banner: Color32,
    /// Text on the banner.
    pub on_banner: Color32,
    /// Around the banner and its buttons.
    pub banner_line: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// The colours of the light theme.
pub static LIGHT: Tokens = Tokens {
    window: rgb(0xf4f4f1),
    tree: rgb(0xffffff),
    hover: rgb(0xf1f3f6),
    selected: rgb(0xdbe8fa),
    line: rgb(0xe1e1dc),
    guide: rgb(0xececea),
    chip: rgb(0xeeeeea),
    field: rgb(0xffffff),
    text: rgb(0x1f2328),
    muted: rgb(0x636c76),
    string: rgb(0x116329),
    number: rgb(0x0550ae),
    boolean: rgb(0x8250df),
    accent: rgb(0x2463c9),
    on_accent: rgb(0xffffff),
    edited: rgb(0xc97a00),
    search_hit: rgb(0xffe48a),
    search_current: rgb(0xffc457),
    search_mark: rgb(0xd9a800),
    banner: rgb(0xfff3d1),
    on_banner: rgb(0x5c4300),
    banner_line: rgb(0xe6c565),
};

/// The colours of the dark theme.
pub static DARK: Tokens = Tokens {
    window: rgb(0x1a1c1f),
    tree: rgb(0x202327),
    hover: rgb(0x292d32),
    selected: rgb(0x26405f),
    line: rgb(0x33373d),
    guide: rgb(0x2d3136),
    chip: rgb(0x2c3035),
    field: rgb(0x17191c),
    text: rgb(0xe4e6e8),
    muted: rgb(0x9aa3ad),
    string: rgb(0x8fd19e),
    number: rgb(0x86b9f7),
    boolean: rgb(0xd2a8ff),
    accent: rgb(0x6aa8ff),
    on_accent: rgb(0x0d1520),
    edited: rgb(0xf0b429),
    search_hit: rgb(0x4f431a),
    search_current: rgb(0x7a5c00),
    search_mark: rgb(0xd9a800),
    banner: rgb(0x3a2f14),
    on_banner: rgb(0xf3d58a),
    banner_line: rgb(0x6d5a22),
};

/// The colours of the theme that is shown.
#[must_use]
pub fn tokens(ui: &Ui) -> &'static Tokens {
    of(ui.visuals())
}

/// What the window is cleared with before anything is painted, red, green, blue and alpha: the colour behind the rows.
///
/// Nothing else is painted there: without a graphics card a layer over the window costs as much as all of its text.
#[must_use]
pub fn ground(visuals: &Visuals) -> [f32; 4] {
    of(visuals).tree.to_normalized_gamma_f32()
}

fn of(visuals: &Visuals) -> &'static Tokens {
    if visuals.dark_mode { &DARK } else { &LIGHT }
}

/// Sets the fonts, and the style of both themes and chooses between them; once at the start is enough.
///
/// With [`ThemePreference::System`] the window follows the system, also later.
pub fn apply(ctx: &Context, preference: ThemePreference) {
    ctx.set_fonts(fonts());
    ctx.set_style_of(Theme::Light, style(Visuals::light(), &LIGHT));
    ctx.set_style_of(Theme::Dark, style(Visuals::dark(), &DARK));
    ctx.set_theme(preference);
}

/// The font of keys and values: 8 points a character, which is whole pixels at the usual scales.
#[must_use]
pub fn mono() -> FontId {
    monospace(8.0)
}

/// The font of a chip.
#[must_use]
pub fn chip_font() -> FontId {
    monospace(7.0)
}

/// The monospaced font in the size at which a character is so many points wide.
fn monospace(width: f32) -> FontId {
    /// What a character takes of the size, by the font's own table.
    const ADVANCE: f32 = 1233.0 / 2048.0;
    FontId::new(width / ADVANCE, FontFamily::Monospace)
}

/// egui's fonts. Characters of the monospaced one stand on whole pixels: where each is as wide as some pixels they are sharper so,
/// and are drawn once, not for each quarter of a pixel, which is most of the layout of a first frame.
fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    if let Some(font) = fonts.font_data.get_mut("Hack") {
        Arc::make_mut(font).tweak.subpixel_binning = Some(false);
    }
    fonts
}

fn style(base: Visuals, tokens: &Tokens) -> Style {
    let mut style = Style { visuals: visuals(base, tokens), animation_time: 0.0, ..Style::default() };
    style.text_styles = [
        (TextStyle::Small, FontId::new(11.0, FontFamily::Proportional)),
        (TextStyle::Body, FontId::new(13.0, FontFamily::Proportional)),
        (TextStyle::Button, FontId::new(13.0, FontFamily::Proportional)),
        (TextStyle::Heading, FontId::new(16.0, FontFamily::Proportional)),
        (TextStyle::Monospace, mono()),
    ]
    .into();
    style.scroll_animation = ScrollAnimation::none();
    style.interaction.selectable_labels = false;

    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(8.0, 6.0);
    spacing.button_padding = vec2(11.0, 4.0);
    spacing.interact_size = vec2(BUTTON_HEIGHT, BUTTON_HEIGHT);
    spacing.menu_margin = Margin::same(5);
    spacing.window_margin = Margin::same(18);
    spacing.menu_spacing = 4.0;
    style
}

fn visuals(base: Visuals, tokens: &Tokens) -> Visuals {
    let line = Stroke::new(1.0, tokens.line);
    let text = Stroke::new(1.0, tokens.text);
    let resting = WidgetVisuals {
        bg_fill: tokens.field,
        weak_bg_fill: tokens.field,
        bg_stroke: line,
        corner_radius: CornerRadius::same(BUTTON_RADIUS),
        fg_stroke: text,
        expansion: 0.0,
    };
    let hovered = WidgetVisuals { bg_fill: tokens.hover, weak_bg_fill: tokens.hover, ..resting };
    let shadow =
        Shadow { offset: [0, 4], blur: 16, spread: 0, color: Color32::from_black_alpha(if base.dark_mode { 96 } else { 28 }) };
    Visuals {
        widgets: Widgets {
            noninteractive: WidgetVisuals { bg_fill: tokens.window, weak_bg_fill: tokens.window, ..resting },
            inactive: resting,
            hovered,
            // Pressed, or with the keyboard's focus: the outline is how the focus is seen.
            active: WidgetVisuals { bg_stroke: Stroke::new(1.0, tokens.accent), ..hovered },
            open: hovered,
        },
        selection: Selection { bg_fill: tokens.selected, stroke: Stroke::new(1.0, tokens.accent) },
        weak_text_color: Some(tokens.muted),
        hyperlink_color: tokens.accent,
        faint_bg_color: tokens.hover,
        extreme_bg_color: tokens.field,
        text_edit_bg_color: Some(tokens.field),
        code_bg_color: tokens.chip,
        warn_fg_color: tokens.edited,
        error_fg_color: tokens.edited,
        window_fill: tokens.window,
        window_stroke: line,
        window_corner_radius: CornerRadius::same(10),
        window_shadow: shadow,
        menu_corner_radius: CornerRadius::same(8),
        popup_shadow: shadow,
        panel_fill: tokens.window,
        text_cursor: TextCursorStyle { stroke: Stroke::new(1.5, tokens.accent), ..base.text_cursor.clone() },
        ..base
    }
}

/// Adds the button of the best choice: filled with the accent. At most one is in sight.
pub fn primary_button(ui: &mut Ui, text: &str) -> Response {
    let tokens = tokens(ui);
    let fills =
        ButtonFills { resting: tokens.accent, hovered: tokens.accent.lerp_to_gamma(tokens.on_accent, 0.12), line: tokens.accent };
    button(ui, text, tokens.on_accent, &fills)
}

/// Adds a button for any other choice: a line around it, in the colours of what is behind it.
pub fn quiet_button(ui: &mut Ui, text: &str) -> Response {
    let tokens = tokens(ui);
    button(ui, text, tokens.text, &ButtonFills::quiet(tokens))
}

/// Adds a quiet button that leaves room above and below it in a bar.
pub fn small_button(ui: &mut Ui, text: &str) -> Response {
    let tokens = tokens(ui);
    ui.spacing_mut().button_padding.y = 0.0;
    button_of_height(ui, RichText::new(text).color(tokens.text).size(12.0), 20.0, &ButtonFills::quiet(tokens))
}

/// Adds a button on the banner.
pub fn banner_button(ui: &mut Ui, text: &str) -> Response {
    let tokens = tokens(ui);
    let hovered = tokens.banner.lerp_to_gamma(tokens.banner_line, 0.35);
    button(ui, text, tokens.on_banner, &ButtonFills { resting: tokens.banner, hovered, line: tokens.banner_line })
}

struct ButtonFills {
    resting: Color32,
    hovered: Color32,
    line: Color32,
}

impl ButtonFills {
    fn quiet(tokens: &Tokens) -> Self {
        Self { resting: tokens.field, hovered: tokens.hover, line: tokens.line }
    }
}

fn button(ui: &mut Ui, text: &str, color: Color32, fills: &ButtonFills) -> Response {
    button_of_height(ui, RichText::new(text).color(color), BUTTON_HEIGHT, fills)
}

/// Its text is its accessible name.
fn button_of_height(ui: &mut Ui, text: RichText, height: f32, fills: &ButtonFills) -> Response {
    let response = ui
        .scope(|ui| {
            let widgets = &mut ui.visuals_mut().widgets;
            for (visuals, fill) in [
                (&mut widgets.inactive, fills.resting),
                (&mut widgets.hovered, fills.hovered),
                (&mut widgets.active, fills.hovered),
            ] {
                visuals.weak_bg_fill = fill;
                visuals.bg_stroke = Stroke::new(1.0, fills.line);
            }
            ui.add(Button::new(text).min_size(vec2(0.0, height)))
        })
        .inner;
    focus_ring(ui, &response, BUTTON_RADIUS);
    response
}

/// A choice among several, with an outline that can be seen on every ground.
pub fn radio(ui: &mut Ui, is_chosen: bool, text: &str) -> Response {
    ui.scope(|ui| {
        outline(ui);
        ui.radio(is_chosen, text)
    })
    .inner
}

/// A choice of its own.
pub fn checkbox(ui: &mut Ui, is_chosen: &mut bool, text: &str) -> Response {
    ui.scope(|ui| {
        outline(ui);
        ui.checkbox(is_chosen, text)
    })
    .inner
}

fn outline(ui: &mut Ui) {
    let tokens = tokens(ui);
    let inactive = &mut ui.visuals_mut().widgets.inactive;
    (inactive.bg_fill, inactive.bg_stroke) = (tokens.field, Stroke::new(1.0, tokens.muted));
}

/// Draws the outline that shows where the keyboard is, around a widget that has the focus.
pub fn focus_ring(ui: &Ui, response: &Response, radius: u8) {
    if response.has_focus() {
        let stroke = Stroke::new(1.0, tokens(ui).accent);
        ui.painter().rect_stroke(response.rect.expand(2.0), CornerRadius::same(radius + 2), stroke, StrokeKind::Inside);
    }
}

/// Adds a short fact on a rounded ground, such as `9 members`.
pub fn chip(ui: &mut Ui, text: &str) -> Response {
    let tokens = tokens(ui);
    let galley = ui.painter().layout_no_wrap(text.to_owned(), chip_font(), tokens.muted);
    let size = vec2(galley.size().x + 16.0, CHIP_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    ui.painter().rect_filled(rect, CHIP_HEIGHT / 2.0, tokens.chip);
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, tokens.muted);
    response
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable as _;

    use super::*;

    /// The contrast of two opaque colours (WCAG 2.2).
    fn contrast(one: Color32, other: Color32) -> f32 {
        let luminance = |color: Color32| {
            let [red, green, blue, _] = egui::Rgba::from(color).to_array();
            0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
        };
        let (one, other) = (luminance(one), luminance(other));
        one.max(other) / one.min(other)
    }

    #[test]
    fn text_can_be_read_on_every_ground() {
        for tokens in [&LIGHT, &DARK] {
            for ground in [tokens.window, tokens.tree, tokens.hover, tokens.selected] {
                for ink in [tokens.text, tokens.string, tokens.number, tokens.boolean, tokens.muted] {
                    assert!(contrast(ink, ground) > 4.0, "{ink:?} on {ground:?}: {}", contrast(ink, ground));
                }
            }
            assert!(contrast(tokens.on_accent, tokens.accent) > 4.5);
            assert!(contrast(tokens.on_banner, tokens.banner) > 4.5);
            assert!(contrast(tokens.muted, tokens.chip) > 4.0);
            for ground in [tokens.search_hit, tokens.search_current] {
                for ink in [tokens.text, tokens.string, tokens.number, tokens.boolean] {
                    assert!(contrast(ink, ground) > 3.0, "{ink:?} on {ground:?}: {}", contrast(ink, ground));
                }
                assert!(contrast(tokens.text, ground) > 4.5);
            }
        }
    }

    #[test]
    fn buttons_are_found_by_their_text_and_clicked() {
        for theme in [ThemePreference::Light, ThemePreference::Dark] {
            let mut harness = Harness::new_ui_state(
                |ui, clicks: &mut Vec<&str>| {
                    apply(ui.ctx(), theme);
                    if primary_button(ui, "Compare and merge…").clicked() {
                        clicks.push("primary");
                    }
                    if quiet_button(ui, "Keep mine").clicked() {
                        clicks.push("quiet");
                    }
                    assert!(banner_button(ui, "Take theirs").rect.height() == BUTTON_HEIGHT);
                    chip(ui, "9 members");
                },
                Vec::new(),
            );
            harness.get_by_label("Compare and merge…").click();
            harness.run();
            harness.get_by_label("Keep mine").click();
            harness.run();
            assert_eq!(harness.state(), &["primary", "quiet"]);
            harness.get_by_label("9 members");
        }
    }
}
