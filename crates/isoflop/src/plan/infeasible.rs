//! Why no run answers, in data and in words.

use std::fmt;

use super::limit::Limit;
use crate::units::significant;

/// A goal that no allowed run reaches.
#[derive(Debug, Clone, PartialEq)]
pub struct Infeasible {
    /// The loss to reach.
    pub goal: Option<f64>,
    /// The lowest loss that is allowed; `None` where no run is.
    pub lowest: Option<f64>,
    /// Share of the draws in which the goal can be reached all the same; `None` without draws.
    pub share: Option<f64>,
    /// The limits of which one alone, wider, would let a run through; empty where none does.
    pub remedies: Vec<Remedy>,
    /// The limits that are set.
    pub limits: Vec<Limit>,
}

/// A limit wide enough, the others kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Remedy {
    /// Which.
    pub limit: Limit,
    /// How many times as wide it must be.
    pub factor: f64,
    /// What that comes to, such as `12B parameters`.
    pub amount: String,
}

impl fmt::Display for Infeasible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { goal, lowest, share, remedies, limits } = self;
        match (goal, limits.is_empty()) {
            (Some(goal), true) => write!(f, "no run of any size reaches loss {}", significant(*goal, 5))?,
            (Some(goal), false) => write!(f, "no run within these limits reaches loss {}", significant(*goal, 5))?,
            (None, _) => f.write_str("no run keeps to these limits")?,
        }
        if let Some(lowest) = lowest {
            let what = if limits.is_empty() { "the law's floor" } else { "the lowest they allow" };
            write!(f, ": {what} is {}", significant(*lowest, 5))?;
        }
        if let Some(share) = share {
            write!(f, " ({} % of the draws reach it)", significant(100.0 * share, 2))?;
        }
        match remedies.as_slice() {
            [] if limits.is_empty() => f.write_str("; ask for a loss above that"),
            [] => f.write_str("; widening one of them alone does not help: widen several, or ask for a higher loss"),
            [remedy] => write!(f, "; it would take about {}", remedy.amount),
            remedies => {
                let amounts: Vec<&str> = remedies.iter().map(|remedy| remedy.amount.as_str()).collect();
                write!(f, "; it would take about one of these: {}", amounts.join(", "))
            }
        }
    }
}

impl std::error::Error for Infeasible {}
