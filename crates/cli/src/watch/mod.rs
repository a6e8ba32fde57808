//! What a person sees of slow work: a bar for the text, a board of all runs on a terminal, a line for every finished part elsewhere.

mod live;
mod pace;

use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use isoflop_sweep::{CellResult, Event, Progress};
use isoflop_train::{BuildProgress, BuildStage};

pub(crate) use live::{Expected, Live};

/// A terminal that does not tell its size is taken for this one: lines, columns.
const USUAL_SIZE: (u16, u16) = (24, 80);
/// Lines left to what stands above.
const MARGIN: usize = 2;

/// Shows progress on standard error: a bar or a board on a terminal, plain lines elsewhere, nothing when asked to be quiet.
pub(crate) struct Watch {
    bar: ProgressBar,
    lines: bool,
    live: Mutex<Option<Live>>,
}

impl Watch {
    pub(crate) fn new(quiet: bool) -> Self {
        // A dumb terminal cannot move its cursor: lines are all it can show.
        let dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
        let terminal = std::io::stderr().is_terminal() && !dumb;
        let bar = if terminal && !quiet {
            ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        let watch = Self { bar, lines: !terminal && !quiet, live: Mutex::new(None) };
        watch.show("{msg}");
        watch.bar.enable_steady_tick(Duration::from_millis(250));
        watch
    }

    /// Shows what `template` says from now on, with nothing done.
    fn show(&self, template: &str) {
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.bar.set_style(style.progress_chars("=> "));
        self.bar.reset();
        self.bar.set_message("");
    }

    /// Starts a stage that a bar shows.
    pub(crate) fn stage(&self, name: &'static str) {
        *self.live() = None;
        self.show("{prefix:>9} [{bar:32}] {percent:>3} %  {elapsed} gone, {eta} left");
        self.bar.set_prefix(name);
    }

    /// Starts a stage that a board shows.
    pub(crate) fn board(&self, live: Live) {
        self.show("{msg}");
        *self.live() = Some(live);
    }

    /// Says lines above the bar.
    pub(crate) fn say(&self, text: &str) {
        for line in text.trim_end().lines() {
            if self.lines {
                crate::output::remark(line);
            } else {
                self.bar.println(line);
            }
        }
    }

    /// How far the reading of text is.
    pub(crate) fn corpus(&self, progress: &BuildProgress) {
        if progress.stage == BuildStage::Reading {
            self.share(progress.done as f64, progress.total as f64);
        }
    }

    /// How far a sweep is.
    pub(crate) fn sweep(&self, progress: &Progress<'_>) {
        if let Some(live) = self.live().as_mut() {
            live.note(progress);
            if !self.bar.is_hidden() && live.is_due() {
                let (lines, columns) = Term::stderr().size_checked().unwrap_or(USUAL_SIZE);
                // A letter in the last column makes some terminals begin another line.
                let width = usize::from(columns).saturating_sub(1);
                self.bar.set_message(live.shown(width, usize::from(lines).saturating_sub(MARGIN)));
            }
        }
        match &progress.event {
            Event::CellDone { cell, result: CellResult::Finished { evaluation, .. }, .. } if self.lines => {
                self.say(&format!(
                    "  {:<16} {:>8} params {:>8} tokens   loss {:.4}",
                    cell.tag(),
                    short(cell.params() as f64),
                    short(cell.tokens().get()),
                    evaluation.loss
                ));
            }
            Event::CellDone { cell, result: CellResult::Diverged { .. }, .. } => {
                self.say(&format!("  {:<16} diverged", cell.tag()));
            }
            Event::CellFailed { cell, error } => self.say(&format!("  {cell} failed: {error}")),
            _ => {}
        }
    }

    /// How much of a stage is done.
    pub(crate) fn share(&self, done: f64, all: f64) {
        if all > 0.0 {
            self.bar.set_position((1000.0 * done / all) as u64);
        }
    }

    /// Takes the bar or the board away.
    pub(crate) fn finish(&self) {
        *self.live() = None;
        self.bar.finish_and_clear();
    }

    fn live(&self) -> MutexGuard<'_, Option<Live>> {
        // A panic elsewhere leaves a board that is still true.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A count as people write it.
fn short(count: f64) -> String {
    isoflop::Tokens::new(count).map_or_else(|_| "0".to_owned(), |count| format!("{count:.3}"))
}
