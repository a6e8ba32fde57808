//! Ladders of training runs: cells, attempts, and the engine that executes them.
//!
//! A [`Sweep`] is a folder, and the folder is the truth. [`Sweep::create`] writes down the question and the runs,
//! [`Sweep::run`] trains what has no result yet, [`Sweep::status`] looks on, [`Sweep::runs`] is the table that a law is
//! fitted to. Killing any of it at any moment, and running it again, gives the same table to the last bit.
//!
//! ```no_run
//! # use std::{path::Path, sync::{Arc, atomic::AtomicBool}, time::SystemTime};
//! # use isoflop_sweep::{LocalEngine, Sweep, SweepError, SweepPlan};
//! # fn example(plan: SweepPlan, text: Arc<dyn isoflop_train::TokenSource>) -> Result<(), SweepError> {
//! let sweep = Sweep::create(Path::new("ladder"), &plan)?;
//! let stop = AtomicBool::new(false); // set by Ctrl-C
//! let summary = sweep.run(&LocalEngine::new(4, &SystemTime::now), text, &stop, &mut |progress| {
//!     let share = progress.flops_done / progress.flops_all; // for a progress bar
//! })?;
//! for failure in &summary.failed {
//!     // `failure.error` says what to do; the next call of `run` tries the cell again.
//! }
//! sweep.write_runs(Path::new("runs.csv"))?;
//! # Ok(())
//! # }
//! ```

mod attempt;
mod cell;
mod checkpoints;
mod design;
mod directory;
mod engine;
mod error;
mod execution;
mod files;
mod floor;
mod ladder;
mod metrics;
mod plan;
mod platform;
mod prefixes;
mod progress;
mod result;
mod runs;
mod status;
#[cfg(test)]
mod testing;
mod throughput;
mod training;
mod trunk;
mod tuning;

pub use attempt::{Attempt, Ending, Outcome, Start};
pub use cell::{Cell, CellPlan};
pub use design::{Design, DesignError, DesignedLadder, TimedQuestion, VALIDATION_FACTOR, probes};
pub use directory::{NamedCell, Sweep};
pub use engine::{Failure, LocalEngine, Summary};
pub use error::{Damage, SpecProblem, SweepError};
pub use ladder::{Ladder, LadderError};
pub use metrics::StepMetrics;
pub use plan::{CorpusLabel, SweepPlan};
pub use platform::Process;
pub use progress::{Event, Progress};
pub use result::CellResult;
pub use runs::{COLUMNS, RunsTable};
pub use status::{CellState, CellStatus};
pub use throughput::{Speed, Throughput};
pub use tuning::{Probed, TuningPlan, TuningPlanError, TuningState, probe, probed};
