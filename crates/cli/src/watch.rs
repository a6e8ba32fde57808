//! What a person sees of slow work: one bar with the time left, a line for every finished part.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use isoflop_sweep::{CellResult, Event, Progress};
use isoflop_train::{BuildProgress, BuildStage};

/// Shows progress on standard error: a bar on a terminal, plain lines elsewhere, nothing when asked to be quiet.
pub(crate) struct Watch {
    bar: ProgressBar,
    lines: bool,
}

impl Watch {
    pub(crate) fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal && !quiet {
            ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        let style =
            ProgressStyle::with_template("{prefix:>9} [{bar:32}] {percent:>3} %  {elapsed} gone, {eta} left  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, lines: !terminal && !quiet }
    }

    /// Starts a stage of the story.
    pub(crate) fn stage(&self, name: &'static str) {
        self.bar.reset();
        self.bar.set_prefix(name);
        self.bar.set_message("");
    }

    /// Says a line above the bar.
    pub(crate) fn say(&self, line: &str) {
        if self.lines {
            crate::output::remark(line);
        } else {
            self.bar.println(line);
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
        self.share(progress.flops_done, progress.flops_all);
        match &progress.event {
            Event::Step { cell, loss, .. } => self.bar.set_message(format!("{} loss {loss:.3}", cell.tag())),
            Event::CellDone { cell, result: CellResult::Finished { evaluation, .. }, .. } => self.say(&format!(
                "  {:<16} {:>8} params {:>8} tokens   loss {:.4}",
                cell.tag(),
                short(cell.params() as f64),
                short(cell.tokens().get()),
                evaluation.loss
            )),
            Event::CellDone { cell, result: _, .. } => self.say(&format!("  {:<16} diverged", cell.tag())),
            Event::CellFailed { cell, error } => self.say(&format!("  {cell} failed: {error}")),
            _ => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// How much of a stage is done.
    pub(crate) fn share(&self, done: f64, all: f64) {
        if all > 0.0 {
            self.bar.set_position((1000.0 * done / all) as u64);
        }
    }
}

/// A count as people write it.
fn short(count: f64) -> String {
    isoflop::Tokens::new(count).map_or_else(|_| "0".to_owned(), |count| format!("{count:.3}"))
}
