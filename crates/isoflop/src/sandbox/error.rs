//! Why a sandbox could not go on.

use thiserror::Error;

use crate::design::NextError;
use crate::fit::{FitError, QuestionError};
use crate::runs::RunsError;
use crate::units::{Flops, UnitError};

/// Why a sandbox could not go on; nothing was charged or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The target could simply be trained.
    #[error(
        "the run to forecast takes {target} FLOP and there are {budget} for all runs: forecast one of ten times the budget, or more"
    )]
    TargetTooNear {
        /// Compute of the run to forecast.
        target: Flops,
        /// Compute there is.
        budget: Flops,
    },
    /// The file is not an assignment.
    #[error("{source_name}: no assignment of a sandbox: {error}; `isoflop sandbox new` writes one")]
    Malformed {
        /// Where it came from.
        source_name: String,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// The file is of another kind or version.
    #[error("{source_name}: of schema {found}, not isoflop.sandbox/1")]
    OtherSchema {
        /// Where it came from.
        source_name: String,
        /// What it says it is.
        found: String,
    },
    /// The compute does not suffice.
    #[error("that run takes {asked} FLOP and {left:.3e} are left: train a smaller one, or answer")]
    Overspent {
        /// Compute of the run.
        asked: Flops,
        /// Compute left.
        left: f64,
    },
    /// A row is not what the world gave.
    #[error("{run} is not a run of this world: its loss of {found} was never trained here")]
    Altered {
        /// The run.
        run: String,
        /// Its loss as it stands in the table.
        found: f64,
    },
    /// The answer is no forecast.
    #[error("the interval must hold the loss: {lo} to {hi} does not hold {value}")]
    NoInterval {
        /// The loss.
        value: f64,
        /// Lower end.
        lo: f64,
        /// Upper end.
        hi: f64,
    },
    /// A size or an amount of text that leaves the range of numbers.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// The fit cannot be asked.
    #[error(transparent)]
    Question(#[from] QuestionError),
    /// The reference could not choose its runs.
    #[error(transparent)]
    Next(#[from] NextError),
    /// The reference could not be fitted.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A table of runs could not be read.
    #[error(transparent)]
    Runs(#[from] RunsError),
}
