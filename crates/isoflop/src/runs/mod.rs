//! Training runs as the rest of the library sees them: kept ones, dropped ones with the reason, and their fingerprint.

mod columns;
mod conditions;
pub(crate) mod counted;
pub(crate) mod groups;
pub(crate) mod replicates;
mod select;
mod table;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::counting::{FlopCounting, ParamCounting};
use crate::units::{Flops, Nats, Params, Tokens};

pub(crate) use conditions::ONE_PASS;
pub use select::{Comparison, Filter};
pub use table::{Point, RunsError, TableFormat};

/// One finished training run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its name, or `row 12` where the table gives none.
    pub name: String,
    /// Parameters, in the [`ParamCounting`] of the table.
    pub params: Params,
    /// Tokens seen in training.
    pub tokens: Tokens,
    /// Distinct tokens among them, at most all of them; `None` where the table does not say.
    pub unique_tokens: Option<Tokens>,
    /// Training compute, in the [`FlopCounting`] of the table.
    pub flops: Flops,
    /// Final held-out loss.
    pub loss: Nats,
    /// Standard error of the loss, where known.
    pub loss_se: Option<f64>,
    /// The other columns of the table, as they were written.
    pub covariates: BTreeMap<String, String>,
}

/// A row that was left out, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dropped {
    /// The run's name, or `row 12`.
    pub name: String,
    /// Why, in words a report can print.
    pub reason: DropReason,
    /// Its numbers, as far as the row has them, so that a figure can show what was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<DroppedNumbers>,
}

/// What a row says that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DroppedNumbers {
    /// Parameters.
    pub params: Params,
    /// Tokens.
    pub tokens: Tokens,
    /// Training compute.
    pub flops: Flops,
    /// The last loss it had; `None` where the row has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Nats>,
}

impl Dropped {
    /// A run that was read and is left out.
    fn of_run(run: Run, reason: DropReason) -> Self {
        let Run { name, params, tokens, flops, loss, .. } = run;
        Self { name, reason, numbers: Some(DroppedNumbers { params, tokens, flops, loss: Some(loss) }) }
    }

    /// Whether it was a run like those that are kept, and not one of another kind that a filter left out.
    pub fn was_meant(&self) -> bool {
        !matches!(self.reason, DropReason::Filtered { .. })
    }
}

/// Why a row was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DropReason {
    /// The run did not finish: its status says so.
    Unfinished {
        /// The status, as written.
        status: String,
    },
    /// The run's own columns say that it is not at the end of its schedule.
    UnfinishedSchedule {
        /// What it reached, in the words of its columns.
        reached: String,
    },
    /// A row filter asked for another value.
    Filtered {
        /// The filter's column.
        column: String,
        /// The value found in the row.
        found: String,
        /// The value asked for, with its sign where that is not `=`.
        wanted: String,
    },
    /// Someone left it out, run by run.
    ByHand,
    /// The row cannot be read as a run, and the caller asked to go on without it.
    Unreadable {
        /// What is wrong, with its place.
        message: String,
    },
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished { status } => write!(f, "status is {status}"),
            Self::UnfinishedSchedule { reached } => write!(f, "its schedule has not ended: {reached}"),
            Self::Filtered { column, found, wanted } => write!(f, "{column} is {found}, not {wanted}"),
            Self::ByHand => f.write_str("left out by hand"),
            Self::Unreadable { message } => f.write_str(message),
        }
    }
}

/// Runs of one table, in one convention: what was kept, what was dropped and why.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Runs {
    /// The runs to work with.
    pub kept: Vec<Run>,
    /// The rows left out. No row vanishes.
    pub dropped: Vec<Dropped>,
    /// How parameters were counted: as the name of their column says, such as `active_params`; all of them where it says nothing.
    pub param_counting: ParamCounting,
    /// How training compute was counted.
    pub flop_counting: FlopCounting,
}

impl Runs {
    /// SHA-256 of the kept runs' numbers, in hexadecimal: equal runs in equal order have equal fingerprints.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for run in &self.kept {
            for number in [run.params.get(), run.tokens.get(), run.flops.get(), run.loss.get()] {
                hash.update(number.to_le_bytes());
            }
        }
        hexadecimal(&hash.finalize())
    }

    /// The largest training compute among the kept runs; `None` when there are none.
    pub fn largest_flops(&self) -> Option<Flops> {
        self.kept.iter().map(|run| run.flops).max_by(|a, b| a.get().total_cmp(&b.get()))
    }
}

/// `bytes` as lowercase hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
