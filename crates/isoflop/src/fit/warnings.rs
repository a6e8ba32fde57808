//! What to know before relying on a fit: usable, but read this.

use std::collections::BTreeMap;

use isoflop_numerics::quantile::median;
use serde::{Deserialize, Serialize};

use super::Status;
use crate::runs::Run;

/// A doubt about a fit, a prediction or a plan; `code` is stable, the message is for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable name for scripts.
    pub code: String,
    /// What it means and what would help, in words a student understands.
    pub message: String,
}

impl Warning {
    pub(crate) fn new(code: &str, message: String) -> Self {
        Self { code: code.to_owned(), message }
    }
}

/// Below this many runs the five parameters share too little information to be told apart well.
const FEW_RUNS: usize = 20;
/// Below this spread of tokens per parameter the two terms are hard to tell apart (arXiv:2605.08541).
const NARROW_RATIO_RANGE: f64 = 5.0;
/// The code of the warning about it.
pub(super) const NARROW_RATIO_RANGE_CODE: &str = "narrow_ratio_range";
/// Robust standard deviations beyond which a run is called an outlier.
const OUTLIER: f64 = 6.0;

/// Largest ratio of tokens per parameter over the smallest.
pub(super) fn ratio_range(runs: &[Run]) -> f64 {
    let ratios = runs.iter().map(|run| run.tokens.get() / run.params.get());
    let (low, high) = ratios.fold((f64::INFINITY, 0.0f64), |(low, high), ratio| (low.min(ratio), high.max(ratio)));
    high / low
}

/// That branches of trunks were taken for runs by themselves; `None` without any.
pub(super) fn shared_trunks(runs: &[Run]) -> Option<Warning> {
    let mut branches: BTreeMap<&str, usize> = BTreeMap::new();
    runs.iter().filter_map(Run::trunk).for_each(|trunk| *branches.entry(trunk).or_default() += 1);
    branches.retain(|_, branches| *branches > 1);
    let (trunks, rows) = (branches.len(), branches.values().sum::<usize>());
    (trunks > 0).then(|| {
        let message = format!(
            "{rows} runs are branches of {trunks} trunk{}: what chance did to a trunk it did to all its branches, yet each counts as a run of its own here, and the band may be too narrow; a plain fit (--law) draws whole trunks",
            if trunks == 1 { "" } else { "s" }
        );
        Warning::new("shared_trunks", message)
    })
}

/// The doubts about a fit that its runs, residuals and draws give reason for.
pub(super) fn about(
    runs: &[Run],
    residuals: &[f64],
    scale: f64,
    status: &Status,
    draws_wanted: usize,
    draws_failed: usize,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if runs.len() < FEW_RUNS {
        let message = format!(
            "{} runs for a law of sizes and data: the band rests on few numbers; more small runs narrow it",
            runs.len()
        );
        warnings.push(Warning::new("few_runs", message));
    }
    let range = ratio_range(runs);
    if range < NARROW_RATIO_RANGE {
        let message = format!(
            "tokens per parameter differ by only {range:.1}x: the effects of size and of data cannot be told apart well; add runs with other ratios"
        );
        warnings.push(Warning::new(NARROW_RATIO_RANGE_CODE, message));
    }
    match status {
        Status::AtBound { parameter, bound } => {
            let message = format!(
                "{parameter} ended at its bound {bound}: these runs do not determine it; runs over a wider range of compute would"
            );
            warnings.push(Warning::new("at_bound", message));
        }
        Status::Unconverged { relative_gradient } => {
            let message = format!(
                "the search stopped with a relative gradient of {relative_gradient:.1e}: try another objective"
            );
            warnings.push(Warning::new("unconverged", message));
        }
        Status::Unmixed { rhat, effective_draws } => {
            let message = format!(
                "the posterior's chains do not agree (R-hat {rhat:.2}, {effective_draws:.0} independent draws): its intervals are not to be used; more runs, a plain fit (--law hoffmann) or more --draws may help"
            );
            warnings.push(Warning::new("unmixed", message));
        }
        Status::Converged | Status::Published => {}
    }
    let outliers: Vec<&str> = runs
        .iter()
        .zip(residuals)
        .filter(|(_, residual)| residual.abs() > OUTLIER * scale)
        .map(|(run, _)| run.name.as_str())
        .collect();
    if !outliers.is_empty() {
        let shown = outliers.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let message = format!(
            "{} of {} runs lie more than {OUTLIER:.0} robust standard deviations off the law ({shown}{}): look at them; --where leaves runs out",
            outliers.len(),
            runs.len(),
            if outliers.len() > 5 { ", ..." } else { "" }
        );
        warnings.push(Warning::new("outliers", message));
    }
    if draws_failed > 0 {
        let message = format!("{draws_failed} of {draws_wanted} bootstrap refits found no optimum and are left out");
        warnings.push(Warning::new("failed_draws", message));
    }
    warnings
}

/// Robust standard deviation of the residuals of a fit with `parameters` unknowns.
///
/// A nearly-median fit passes exactly through as many runs as it has unknowns; those zero residuals say nothing about the
/// noise. So it is 1.4826 times the median of the other `n - p` absolute residuals.
pub(super) fn residual_scale(residuals: &[f64], parameters: usize) -> f64 {
    let mut sizes: Vec<f64> = residuals.iter().map(|residual| residual.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    1.4826 * median(sizes.split_off(parameters.min(residuals.len().saturating_sub(1))))
}
