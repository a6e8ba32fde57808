//! One attempt at one cell, from its last checkpoint to its result or to whatever ends it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;
use std::{fs, io};

use isoflop_train::TrainError;

use crate::attempt::{Claim, Outcome};
use crate::cell::Cell;
use crate::checkpoints::Checkpoints;
use crate::engine::LocalEngine;
use crate::error::SweepError;
use crate::files::{self, Disk, UNFINISHED};
use crate::metrics::{self, MetricsWriter};
use crate::prefixes::Prefixes;
use crate::progress::{Event, Ledger};
use crate::result::CellResult;
use crate::training::{Trainer, Training, TrainingError};

/// All that one attempt needs.
pub(crate) struct Execution<'a, 'watch> {
    pub(crate) engine: &'a LocalEngine<'a>,
    pub(crate) trainer: &'a dyn Trainer,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) ledger: &'a Ledger<'watch>,
    pub(crate) disk: &'a Disk,
    pub(crate) claim: &'a Claim,
    pub(crate) cell: &'a Cell,
    /// Where the ledger keeps it.
    pub(crate) index: usize,
    pub(crate) folder: &'a Path,
    pub(crate) threads: usize,
    /// `None` for a cell that shares nothing.
    pub(crate) branching: Option<Branching<'a>>,
}

/// What a branch has to do with the others of its trunk.
pub(crate) struct Branching<'a> {
    pub(crate) prefixes: Prefixes,
    /// Whether another branch waits for the prefix that the cell leaves its trunk with.
    pub(crate) is_awaited: &'a dyn Fn() -> bool,
    /// To be told that there is a prefix of this many steps.
    pub(crate) note: &'a dyn Fn(u64),
}

/// How an attempt ended that met no error.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) step: u64,
}

/// A checkpoint to go on from.
struct Origin {
    step: u64,
    /// Whether the cell itself was trained to there.
    own: bool,
    checkpoint: PathBuf,
    curve: PathBuf,
}

/// A run in memory with its files.
struct Running<'a> {
    training: Box<dyn Training + 'a>,
    metrics: MetricsWriter,
    checkpoints: Checkpoints,
    /// Step of the newest checkpoint of its own that is known to be good; 0 without one.
    saved_step: u64,
    saved_at: SystemTime,
}

impl Execution<'_, '_> {
    /// Trains the cell until it is done, or the engine is asked to stop, or another process has taken over.
    pub(crate) fn run(&self) -> Result<Ended, SweepError> {
        let mut running = self.start()?;
        let steps = self.cell.spec().steps;
        while running.training.steps_done() < steps {
            let step = running.training.steps_done();
            if !self.claim.is_current() {
                return Ok(Ended { outcome: Outcome::Superseded, step });
            }
            if self.stop.load(Ordering::Relaxed) {
                let saved = self.save(&mut running)?;
                return Ok(Ended { outcome: if saved { Outcome::Stopped } else { Outcome::Superseded }, step });
            }
            if !self.share(&mut running)? {
                return Ok(Ended { outcome: Outcome::Superseded, step });
            }
            let metrics = match running.training.step() {
                Ok(metrics) => metrics,
                Err(TrainingError::Diverged(_)) => return self.conclude(CellResult::Diverged { step }, step),
                Err(error) => return Err(self.failure(error)),
            };
            running.metrics.push(&metrics)?;
            self.ledger.note(self.index, self.cell, metrics.step);
            self.ledger.tell(Event::Step {
                cell: self.cell,
                step: metrics.step,
                steps,
                loss: metrics.loss,
                tokens: self.cell.tokens().get() * (metrics.step as f64 / steps as f64),
            });
            if self.is_due(running.saved_at) && !self.save(&mut running)? {
                return Ok(Ended { outcome: Outcome::Superseded, step: metrics.step });
            }
        }
        if !self.share(&mut running)? {
            return Ok(Ended { outcome: Outcome::Superseded, step: steps });
        }
        // Judging takes a while: it should not cost training again when it is interrupted.
        if !self.save(&mut running)? {
            return Ok(Ended { outcome: Outcome::Superseded, step: steps });
        }
        self.ledger.tell(Event::Evaluating { cell: self.cell });
        let evaluation = running.training.evaluate(self.cell.evaluation()).map_err(|error| self.failure(error))?;
        // The last update is judged by nobody else.
        let finite = evaluation.loss.is_finite();
        let result =
            if finite { CellResult::Finished { steps, evaluation } } else { CellResult::Diverged { step: steps } };
        let ended = self.conclude(result, steps)?;
        // Only after the result is safe, and only if it is ours. From here on the older checkpoints serve nobody.
        if ended.outcome == Outcome::Superseded {
            return Ok(ended);
        }
        if self.engine.keep_checkpoints {
            running.checkpoints.remove_before(self.disk, steps)?;
        } else {
            running.checkpoints.remove_all(self.disk)?;
        }
        Ok(ended)
    }

    /// Takes the cell up where its newest usable checkpoint left it, or its trunk's longest prefix.
    fn start(&self) -> Result<Running<'_>, SweepError> {
        for name in files::list(self.folder)?.iter().filter(|name| name.ends_with(UNFINISHED)) {
            let path = self.folder.join(name);
            self.disk.change("remove", &path, || fs::remove_file(&path))?;
        }
        let checkpoints = Checkpoints::of(self.folder);
        checkpoints.prepare(self.disk)?;
        let mut passed_over = Vec::new();
        let mut resumed = None;
        for origin in self.origins(&checkpoints)? {
            match self.trainer.resume(self.cell.spec(), self.threads, &origin.checkpoint) {
                Ok(training) => {
                    resumed = Some((training, origin));
                    break;
                }
                Err(TrainingError::BadCheckpoint(_)) => passed_over.push(origin.step),
                // Another process found that nobody needs the prefix.
                Err(TrainingError::Failed(TrainError::Io { source, .. }))
                    if !origin.own && source.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.failure(error)),
            }
        }
        let curve = self.folder.join("metrics.jsonl");
        let (training, begun, saved_step) = match resumed {
            Some((training, Origin { step, curve, own, .. })) => (training, curve, if own { step } else { 0 }),
            None => {
                let begun = self.trainer.begin(self.cell.spec(), self.threads);
                (begun.map_err(|error| self.failure(error))?, curve.clone(), 0)
            }
        };
        let from_step = training.steps_done();
        self.ledger.note(self.index, self.cell, from_step);
        self.ledger.tell(Event::CellStarted {
            cell: self.cell,
            attempt: self.claim.number(),
            from_step,
            passed_over: &passed_over,
            threads: self.threads,
        });
        self.claim.record_start(from_step, passed_over)?;
        let metrics = MetricsWriter::continue_from(self.disk, &begun, &curve, from_step)?;
        Ok(Running { training, metrics, checkpoints, saved_step, saved_at: (self.engine.clock)() })
    }

    /// What the cell could go on from, the longest first; of equals its own.
    fn origins(&self, checkpoints: &Checkpoints) -> Result<Vec<Origin>, SweepError> {
        let own = |step| Origin {
            step,
            own: true,
            checkpoint: checkpoints.path(step),
            curve: self.folder.join("metrics.jsonl"),
        };
        let mut origins: Vec<Origin> = checkpoints.steps()?.into_iter().map(own).collect();
        if let Some(Branching { prefixes, .. }) = &self.branching {
            let leaves_at = self.cell.spec().steps_before_cooldown();
            let prefix =
                |step| Origin { step, own: false, checkpoint: prefixes.checkpoint(step), curve: prefixes.curve(step) };
            origins.extend(prefixes.steps()?.into_iter().filter(|step| *step <= leaves_at).map(prefix));
        }
        origins.sort_by_key(|origin| std::cmp::Reverse((origin.step, origin.own)));
        Ok(origins)
    }

    /// Where the cell leaves its trunk, keeps the prefix for the branches that wait for it. `false` when the cell is no longer ours.
    fn share(&self, running: &mut Running<'_>) -> Result<bool, SweepError> {
        let Some(Branching { prefixes, is_awaited, note }) = &self.branching else { return Ok(true) };
        let step = running.training.steps_done();
        if step != self.cell.spec().steps_before_cooldown() || !is_awaited() {
            return Ok(true);
        }
        if !self.save(running)? {
            return Ok(false);
        }
        let curve = metrics::lines_until(&self.folder.join("metrics.jsonl"), step)?;
        prefixes.keep(self.disk, step, &running.checkpoints.path(step), &curve)?;
        note(step);
        Ok(true)
    }

    /// Saves a checkpoint of the present step, unless there is one. `false` when the cell is no longer ours.
    fn save(&self, running: &mut Running<'_>) -> Result<bool, SweepError> {
        let step = running.training.steps_done();
        if step != running.saved_step {
            running.metrics.sync()?;
            if !self.claim.is_still_current() {
                return Ok(false);
            }
            let path = running.checkpoints.path(step);
            running.training.save(&path).map_err(|error| self.failure(error))?;
            running.checkpoints.remove_before(self.disk, running.saved_step)?;
            running.saved_step = step;
            self.ledger.tell(Event::Checkpointed { cell: self.cell, step });
        }
        running.saved_at = (self.engine.clock)();
        Ok(true)
    }

    fn is_due(&self, saved_at: SystemTime) -> bool {
        // A clock that was set back must not put the next checkpoint off by as much.
        (self.engine.clock)().duration_since(saved_at).map_or(true, |passed| passed >= self.engine.checkpoint_every)
    }

    /// Writes the result: from then on the cell is done.
    fn conclude(&self, result: CellResult, step: u64) -> Result<Ended, SweepError> {
        if !self.claim.is_still_current() {
            return Ok(Ended { outcome: Outcome::Superseded, step });
        }
        result.write(self.disk, self.folder)?;
        self.ledger.note(self.index, self.cell, self.cell.spec().steps);
        self.ledger.tell(Event::CellDone { cell: self.cell, result: &result, elsewhere: false });
        let outcome = match result {
            CellResult::Finished { .. } => Outcome::Finished,
            CellResult::Diverged { .. } => Outcome::Diverged,
        };
        Ok(Ended { outcome, step })
    }

    fn failure(&self, error: TrainingError) -> SweepError {
        SweepError::Training { cell: self.cell.name().to_owned(), source: error.into_source() }
    }
}
