//! What a person sees of slow work: a bar for the text, a board of all runs on a terminal, a line for every finished part elsewhere.

mod live;
mod pace;

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use isoflop_sweep::{CellResult, Event, Progress};
use isoflop_train::{BuildProgress, BuildStage};

pub(crate) use live::{Expected, Live, flops_at};

/// A terminal that does not tell its size is taken for this one: lines, columns.
const USUAL_SIZE: (u16, u16) = (24, 80);
/// Lines left to what stands above.
const MARGIN: usize = 2;

/// Shows progress on standard error: a bar or a board on a terminal, plain lines elsewhere, nothing when asked to be quiet.
pub(crate) struct Watch {
    bar: ProgressBar,
    lines: bool,
    live: Mutex<Option<Live>>,
    /// When the training at hand began, and how many tokens lay behind it then.
    began: Mutex<Option<(Instant, f64)>>,
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
        let watch = Self { bar, lines: !terminal && !quiet, live: Mutex::new(None), began: Mutex::new(None) };
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
        self.show("{prefix:>9} [{bar:32}] {percent:>3} %  {elapsed} gone, {eta} left  {msg}");
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
            // What was done before is no news.
            Event::CellDone { elsewhere: true, .. } => {}
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

    /// How far a single run is: its loss, its speed and the memory of this process.
    pub(crate) fn run(&self, progress: &Progress<'_>) {
        self.share(progress.flops_done, progress.flops_all);
        match &progress.event {
            Event::CellStarted { cell, from_step, .. } => {
                let done = cell.tokens().get() * (*from_step as f64 / cell.spec().steps as f64);
                *self.began.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((Instant::now(), done));
                if *from_step > 0 {
                    self.say(&format!("going on after step {from_step} of {}", cell.spec().steps));
                }
            }
            Event::Step { loss, tokens, .. } => {
                let began = *self.began.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let speed = began.map_or(0.0, |(began, done)| (tokens - done) / began.elapsed().as_secs_f64());
                let memory = resident_bytes().map_or_else(String::new, |bytes| format!("  {:.0} MB", bytes / 1e6));
                self.bar.set_message(format!("loss {loss:.3}  {} tokens/s{memory}", short(speed)));
            }
            Event::Evaluating { .. } => self.bar.set_message("judging on held-out documents"),
            _ => {}
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

/// Memory that this process holds, where the system tells.
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(1024.0 * kilobytes.trim().trim_end_matches("kB").trim().parse::<f64>().ok()?)
}

/// A flag that Ctrl-C and a polite kill raise.
pub(crate) fn stop_on_interrupt() -> Result<&'static AtomicBool> {
    static STOP: AtomicBool = AtomicBool::new(false);
    ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed)).context("cannot listen for Ctrl-C")?;
    Ok(&STOP)
}

/// Threads to train on: as many as asked for, one per core for 0.
pub(crate) fn workers(threads: usize) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// A count as people write it.
fn short(count: f64) -> String {
    isoflop::Tokens::new(count).map_or_else(|_| "0".to_owned(), |count| format!("{count:.3}"))
}
