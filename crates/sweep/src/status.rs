//! What is known of every cell right now, read from the disk and changing nothing.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::attempt::{self, Outcome, Start};
use crate::cell::Cell;
use crate::checkpoints::Checkpoints;
use crate::directory::Sweep;
use crate::error::SweepError;
use crate::metrics;
use crate::result::CellResult;

/// One cell as it is now.
#[derive(Debug)]
pub struct CellStatus {
    /// Name of the cell.
    pub name: String,
    /// What is to be said of it.
    pub state: CellState,
    /// Steps done, as far as is known.
    pub step: u64,
    /// Steps of the whole run; `None` when its `cell.json` cannot be read.
    pub steps: Option<u64>,
    /// Held-out loss when finished, otherwise the loss of the last step's batch; in nats per token.
    pub loss: Option<f64>,
    /// Attempts made at it.
    pub attempts: u32,
}

/// What is to be said of a cell.
#[derive(Debug)]
#[non_exhaustive]
pub enum CellState {
    /// Nobody trains it: not yet, or no longer. `run` takes it up after [`CellStatus::step`] steps.
    Waiting,
    /// A process trains it.
    Running {
        /// Who; `None` when it has not said so yet.
        by: Option<Start>,
        /// Time since its last sign of life; zero when that is later than `now`, by a touch in between or by another
        /// machine's clock. `None` when the file system keeps no such time.
        heartbeat_age: Option<Duration>,
    },
    /// It has a loss.
    Finished,
    /// Its loss stopped being a number.
    Diverged,
    /// Its last attempt could not go on; `run` tries again.
    Failed {
        /// What the attempt said.
        reason: String,
    },
    /// A file of it cannot be used; the error names the remedy.
    Damaged {
        /// Which, why, and what to do.
        error: SweepError,
    },
}

impl Sweep {
    /// What is known of every cell at the time `now`. Changes nothing.
    ///
    /// # Errors
    /// When the folder `cells` cannot be listed; all else is a [`CellState::Damaged`].
    pub fn status(&self, now: SystemTime) -> Result<Vec<CellStatus>, SweepError> {
        Ok(self.cells()?.into_iter().map(|(name, cell)| status_of(&self.cell_dir(&name), name, cell, now)).collect())
    }
}

fn status_of(folder: &Path, name: String, cell: Result<Cell, SweepError>, now: SystemTime) -> CellStatus {
    let mut status = CellStatus { name, state: CellState::Waiting, step: 0, steps: None, loss: None, attempts: 0 };
    let looked = cell.and_then(|cell| {
        status.steps = Some(cell.spec().steps);
        look(folder, now, &mut status)
    });
    if let Err(error) = looked {
        status.state = CellState::Damaged { error };
    }
    status
}

fn look(folder: &Path, now: SystemTime, status: &mut CellStatus) -> Result<(), SweepError> {
    let last = attempt::last(folder)?;
    status.attempts = last.as_ref().map_or(0, |last| last.number);
    match CellResult::read(folder)? {
        Some(CellResult::Finished { steps, evaluation }) => {
            status.state = CellState::Finished;
            status.step = steps;
            status.loss = Some(evaluation.loss);
            return Ok(());
        }
        Some(CellResult::Diverged { step }) => {
            status.state = CellState::Diverged;
            status.step = step;
            return Ok(());
        }
        None => {}
    }
    let curve = metrics::read_last(&folder.join("metrics.jsonl"));
    status.loss = curve.map(|metrics| metrics.loss);
    let Some(last) = last else { return Ok(()) };
    let lives = last.ending.is_none() && !last.is_dead();
    if lives {
        status.step = curve.map_or(0, |metrics| metrics.step);
        let heartbeat_age = last.heartbeat.map(|heartbeat| now.duration_since(heartbeat).unwrap_or_default());
        status.state = CellState::Running { by: last.start, heartbeat_age };
        return Ok(());
    }
    // What the last attempt did after its checkpoint will be done again.
    status.step = Checkpoints::of(folder).steps()?.pop().unwrap_or(0);
    if let Some(ending) = last.ending.filter(|ending| ending.outcome == Outcome::Failed) {
        status.state = CellState::Failed { reason: ending.reason.unwrap_or_default() };
    }
    Ok(())
}
