//! eframe's side: job events → `update` → effects → jobs, then drawing. It decides nothing.

use crate::jobs::{self, Jobs, Surroundings, theme_of};
use crate::state::{Content, Effect, Event, Input, Loading, Now, State, Theme, saving, update};
use crate::ui::{self, theme};
use egui::epaint::text::{FallbackRequest, FontProvider as _};
use egui::{Context, FontFamily, ThemePreference, ViewportCommand};
use egui_system_font_provider::SystemFontProvider;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Events taken in one frame; the rest in the next.
const EVENTS: usize = 256;
/// A save that is slow tells so after this time.
const SLOW_SAVE: Duration = Duration::from_millis(350);

/// The window.
pub struct App {
    /// Set once there is one.
    window: Arc<OnceLock<Context>>,
    state: State,
    jobs: Jobs,
    memory: ui::Memory,
    begun: Instant,
    /// Where the text goes that was asked for from the clipboard: over the selected value.
    paste_over: bool,
    had_focus: bool,
    /// When time brings something.
    tick_at_ms: Option<u64>,
    /// The window's inner size in points, to be remembered.
    size: Option<(f32, f32)>,
    shown: Option<(String, Theme)>,
    /// What the log knows to be painted.
    logged: &'static str,
}

impl App {
    /// A window with these files.
    pub fn new(ctx: &Context, surroundings: Surroundings, files: Vec<PathBuf>, read_only: bool) -> Self {
        let app = Self::begin(surroundings, files, read_only);
        app.show_in(ctx);
        app
    }

    /// Begins to open the files. Until a window is there, which takes longer than most files, nothing else is done.
    fn begin(surroundings: Surroundings, files: Vec<PathBuf>, read_only: bool) -> Self {
        let window = Arc::new(OnceLock::<Context>::new());
        let waker = Arc::clone(&window);
        // What comes before the window is taken by its first frame.
        let wake = move || waker.get().into_iter().for_each(Context::request_repaint);
        let (jobs, settings, notice) = Jobs::new(surroundings, Arc::new(wake));
        let (options, size) = (settings.saving, settings.window);
        let mut state = State::new(settings.recent, theme_of(&settings.theme), options);
        state.opens_versions = read_only;
        let mut app = Self {
            window,
            state,
            jobs,
            memory: ui::Memory::default(),
            begun: Instant::now(),
            paste_over: false,
            had_focus: true,
            tick_at_ms: None,
            size,
            shown: None,
            logged: "",
        };
        let opens = (!files.is_empty()).then_some(Input::OpenFiles(files));
        if opens.is_none() {
            app.jobs.run(Effect::FindUnsaved(None));
        }
        for input in opens.into_iter().chain(notice.map(|text| Input::Event(Event::Notice(text)))) {
            // There is nothing for a window to do yet.
            if !app.take(input).is_empty() {
                log::error!("an effect was done by nobody");
            }
        }
        app
    }

    fn show_in(&self, ctx: &Context) {
        theme::apply(ctx, ThemePreference::System);
        if self.window.set(ctx.clone()).is_err() {
            log::error!("the program has a window already");
        }
    }

    /// What the window shows; for tests.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn now(&self) -> Now {
        let unix_ns = jiff::Timestamp::now().as_nanosecond();
        Now { ms: self.begun.elapsed().as_millis() as u64, unix_ns, zone: self.jobs.zone() }
    }

    /// Takes an input; gives back the effects that are the window's to do.
    fn take(&mut self, input: Input) -> Vec<Effect> {
        let now = self.now();
        update(&mut self.state, input, &now).into_iter().filter_map(|effect| self.jobs.run(effect)).collect()
    }

    fn take_in(&mut self, ctx: &Context, input: Input) {
        for effect in self.take(input) {
            match effect {
                Effect::Copy(text) => ctx.copy_text(text),
                Effect::RequestPaste(over) => {
                    self.paste_over = over;
                    ctx.send_viewport_cmd(ViewportCommand::RequestPaste);
                }
                Effect::CloseWindow => ctx.send_viewport_cmd(ViewportCommand::Close),
                _ => log::error!("an effect was done by nobody"),
            }
        }
    }

    /// Tells the log what the frame before this one painted, where that is something new: how long a start takes is measured by it.
    fn log_painted(&mut self, ctx: &Context) {
        let painted = match self.state.tab().map(|tab| &tab.content) {
            _ if ctx.cumulative_frame_nr() == 0 => "",
            None => "start page",
            Some(Content::Loading(Loading { head: None, .. })) => "progress",
            Some(Content::Loading(_)) => "first rows",
            Some(Content::Ready(_)) => "tree",
            Some(Content::Broken { .. }) => "broken text",
        };
        if painted != self.logged {
            log::debug!("painted: {painted}");
            self.logged = painted;
        }
    }

    fn take_window_events(&mut self, ctx: &Context) {
        self.size = ctx.input(|input| input.viewport().inner_rect.map(|rect| (rect.width(), rect.height()))).or(self.size);
        let (dropped, close, focus) = ctx.input(|input| {
            let dropped: Vec<PathBuf> = input.raw.dropped_files.iter().map(|file| file.path().to_path_buf()).collect();
            (dropped, input.viewport().close_requested(), input.focused)
        });
        if !dropped.is_empty() {
            self.take_in(ctx, Input::OpenFiles(dropped));
        }
        if close && !self.state.closing {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.take_in(ctx, Input::CloseRequested);
        }
        if focus && !self.had_focus {
            self.jobs.run(Effect::LookNow);
        }
        if !focus && self.had_focus {
            self.take_in(ctx, Input::FocusLost);
        }
        self.had_focus = focus;
    }

    /// What time brings.
    fn tick(&mut self, ctx: &Context) {
        let now_ms = self.now().ms;
        if self.tick_at_ms.is_some_and(|at| now_ms >= at) {
            self.take_in(ctx, Input::Tick);
        }
        let wait_ms = saving::wait_ms(&self.state, self.now().ms);
        self.tick_at_ms = wait_ms.map(|wait| self.now().ms + wait);
        if let Some(wait) = wait_ms {
            ctx.request_repaint_after(Duration::from_millis(wait + 1));
        }
    }

    /// Title and colours, where they changed.
    fn show_outside(&mut self, ctx: &Context) {
        let shown = (self.state.title(), self.state.theme);
        if self.shown.as_ref() == Some(&shown) {
            return;
        }
        ctx.send_viewport_cmd(ViewportCommand::Title(shown.0.clone()));
        ctx.set_theme(match shown.1 {
            Theme::System => ThemePreference::System,
            Theme::Light => ThemePreference::Light,
            Theme::Dark => ThemePreference::Dark,
        });
        self.shown = Some(shown);
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.log_painted(ctx);
        let events: Vec<Event> = self.jobs.events().take(EVENTS).collect();
        if events.len() == EVENTS {
            ctx.request_repaint();
        }
        for event in events {
            self.take_in(ctx, Input::Event(event));
        }
        self.take_window_events(ctx);
        self.tick(ctx);
        self.show_outside(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let now = self.now();
        self.memory.now_ms = now.ms;
        self.memory.when = Some(Box::new(move |unix_ns| now.day_and_clock(unix_ns)));
        let ctx = ui.ctx().clone();
        let inputs = ui::window_ui(ui, &self.state, &mut self.memory);
        if !inputs.is_empty() {
            ctx.request_repaint();
        }
        for input in inputs {
            let input = match input {
                Input::Paste(text, _) => Input::Paste(text, std::mem::take(&mut self.paste_over)),
                other => other,
            };
            self.take_in(&ctx, input);
        }
        self.show_outside(&ctx);
        if self.state.session().is_some_and(|session| session.saving.is_some()) {
            ctx.request_repaint_after(SLOW_SAVE);
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        theme::ground(visuals)
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        if let Some(size) = self.size {
            self.jobs.remember_window(size);
        }
        if self.state.recover_later {
            self.jobs.abandon_saves();
        }
        self.jobs.finish();
    }
}

/// Opens the window and stays until it is closed.
///
/// # Errors
/// Why there is no window, as a sentence.
pub fn run(files: Vec<PathBuf>, read_only: bool) -> Result<(), String> {
    if cfg!(target_os = "linux")
        && ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
            .iter()
            .all(|name| std::env::var_os(name).is_none_or(|value| value.is_empty()))
    {
        return Err(
            "There is no display to open a window on. Start Treekeep in a graphical session, set DISPLAY or WAYLAND_DISPLAY, \
            or use its commands: treekeep --help"
                .to_owned(),
        );
    }
    let surroundings = Surroundings::real();
    let fonts = system_fonts();
    let app = App::begin(surroundings, files, read_only);
    let size = app.size.filter(|(width, height)| (320.0..16_000.0).contains(width) && (240.0..16_000.0).contains(height));
    let create =
        move |creation: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, Box<dyn std::error::Error + Send + Sync>> {
            creation.egui_ctx.add_font_provider(fonts);
            app.show_in(&creation.egui_ctx);
            Ok(Box::new(app))
        };
    eframe::run_native("treekeep", window_options(size), Box::new(create))
        .map_err(|error| format!("The window could not be opened: {error}. The commands work without one: treekeep --help"))
}

/// Fonts of the system, for what egui's own lack. Looking at all of them takes as long as opening the window, and then finding the
/// first font of a script as long as a frame: both begin here, in threads, so that no frame waits for it.
pub fn system_fonts() -> Arc<SystemFontProvider> {
    let fonts = Arc::new(SystemFontProvider::new());
    let finder = Arc::clone(&fonts);
    jobs::aside("fonts", move || {
        for family in [FontFamily::Monospace, FontFamily::Proportional] {
            for cluster in ["א", "王"] {
                // What is found is kept by the provider.
                finder.font_for(&FallbackRequest { cluster, family: &family });
            }
        }
    });
    fonts
}

/// The window's options; `size` in points.
pub fn window_options(size: Option<(f32, f32)>) -> eframe::NativeOptions {
    let viewport = egui::ViewportBuilder::default()
        .with_app_id("treekeep")
        .with_title("Treekeep")
        .with_inner_size(size.unwrap_or((1200.0, 740.0)))
        // A frame and a bar of the desktop need room, too.
        .with_clamp_size_to_monitor_size(true)
        .with_min_inner_size([480.0, 320.0])
        .with_drag_and_drop(true)
        .with_icon(icon());
    let renderer = eframe::Renderer::Glow;
    // Nothing here has a gradient. Without a graphics card each pixel takes less time so.
    let dithering = false;
    eframe::NativeOptions { viewport, renderer, dithering, system_font_fallback: false, ..eframe::NativeOptions::default() }
}

fn icon() -> egui::IconData {
    eframe::icon_data::from_png_bytes(include_bytes!("../assets/icon.png")).unwrap_or_default()
}
