//! How laws forecast their own larger runs: fitted below cuts of compute, judged above them, and set side by side at a target.

mod candidate;
mod comparison;
mod cut;
mod forecast;
mod in_sample;
mod inflation;
mod score;
mod target;
mod work;

use serde::{Deserialize, Serialize};

use crate::fit::{Objective, Prior};
use crate::runs::Runs;
use crate::runs::groups::{self, by_compute};
use crate::units::{Flops, UnitError};

pub use candidate::{Candidate, candidates};
pub use comparison::{Disagreement, RunnerUp, Verdict};
pub use cut::{Cut, Origin};
pub use forecast::Forecast;
pub use in_sample::InSample;
pub use inflation::{Inflation, InflationAt};
pub use score::{DISTANCES, DistanceScore, Score};
pub use target::{AtTarget, Target, TargetRun};

use work::Attempt;

/// The schema of what `isoflop backtest --json` prints.
pub const BACKTEST_SCHEMA: &str = "isoflop.backtest/1";

/// What to back-test, and at which run to set the laws side by side.
#[derive(Debug, Clone)]
pub struct BacktestOptions {
    /// The laws. # Choosing: none, for [`candidates`] of the runs.
    pub candidates: Vec<Candidate>,
    /// Where to cut. # Choosing: none, for four cuts that leave 40 to 85 % of the runs below.
    pub cuts: Vec<Cut>,
    /// The run at which the laws are set side by side. # Choosing: [`Target::TenTimes`], unless there is a plan.
    pub target: Target,
    /// What plain laws minimise in forecasts. # Choosing: the default; AICc is always that of `log-ls`.
    pub objective: Objective,
    /// Beliefs of the posterior.
    pub prior: Prior,
    /// Draws of each fit. # Choosing: 200 give bands to a few percent of their width.
    pub draws: usize,
    /// Share of runs that the band at the target should hold, for which the inflation is measured.
    pub level: f64,
    /// Seed of the draws.
    pub seed: u64,
    /// Threads; 0 means one per core. The result does not depend on it.
    pub threads: usize,
}

impl Default for BacktestOptions {
    fn default() -> Self {
        Self {
            candidates: Vec::new(),
            cuts: Vec::new(),
            target: Target::TenTimes,
            objective: Objective::default(),
            prior: Prior::default(),
            draws: 200,
            level: 0.9,
            seed: 0,
            threads: 0,
        }
    }
}

/// Why there is no back-test.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BacktestError {
    /// Too few runs for any cut.
    #[error(
        "a back-test fits at least {} smaller runs and judges at least {} larger ones, and there are {found} runs: add runs, or loosen --where",
        groups::FEWEST_FITTED,
        groups::FEWEST_JUDGED
    )]
    TooFewRuns {
        /// The runs there are.
        found: usize,
    },
    /// No run is larger than the others.
    #[error(
        "all {runs} runs have the compute of one budget, {smallest} to {largest} FLOP: no run is larger than the others, so there is nothing to forecast; add runs at other budgets, best two decades apart"
    )]
    OneBudget {
        /// The runs.
        runs: usize,
        /// Smallest compute.
        smallest: Flops,
        /// Largest compute.
        largest: Flops,
    },
    /// No cut leaves enough on both sides.
    #[error(
        "no cut of compute leaves two budgets with at least {} runs of {} sizes below and {} runs above, one of them 1.26 times as large: add runs at smaller or larger budgets",
        groups::FEWEST_FITTED,
        groups::FEWEST_SIZES,
        groups::FEWEST_JUDGED
    )]
    NoCut,
    /// A cut that was asked for does not.
    #[error(
        "the cut at {cut} FLOP leaves {fitted} runs below and {judged} runs above; {} runs of {} sizes are needed below and {} above, and the largest must reach a quarter beyond the cut: the runs have {smallest} to {largest} FLOP",
        groups::FEWEST_FITTED,
        groups::FEWEST_SIZES,
        groups::FEWEST_JUDGED
    )]
    BadCut {
        /// The cut.
        cut: Flops,
        /// Runs below.
        fitted: usize,
        /// Runs above.
        judged: usize,
        /// Smallest compute.
        smallest: Flops,
        /// Largest compute.
        largest: Flops,
    },
    /// No law forecast anything.
    #[error("no law could be fitted below a cut and asked above it: {}", reasons(refused))]
    NothingForecast {
        /// Each law with its reason.
        refused: Vec<Refused>,
    },
    /// A target out of the range of numbers.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

fn reasons(refused: &[Refused]) -> String {
    refused.iter().map(|one| format!("{}: {}", one.law, one.reason)).collect::<Vec<_>>().join("; ")
}

/// A law that could not be back-tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Its name.
    pub law: String,
    /// Why, in words.
    pub reason: String,
}

/// A back-test, and the laws at the target; what [`backtest`] returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    /// [`BACKTEST_SCHEMA`].
    pub schema: String,
    /// Runs used.
    pub n_runs: usize,
    /// Runs left out: by the table, by filters, or because their schedule has not ended.
    pub n_dropped: usize,
    /// What plain laws minimised in forecasts.
    pub objective: Objective,
    /// Share that the bands at the target should hold.
    pub level: f64,
    /// The cuts.
    pub origins: Vec<Origin>,
    /// The laws, the best forecaster first.
    pub laws: Vec<Standing>,
    /// The laws that forecast nothing.
    pub refused: Vec<Refused>,
    /// The run at which they are set side by side.
    pub target: TargetRun,
    /// Which law forecast best, and by how much they disagree at the target.
    pub verdict: Verdict,
}

/// How one law did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its name; `posterior` is the default fit.
    pub law: String,
    /// Its formula.
    pub formula: String,
    /// Over all forecasts.
    pub score: Score,
    /// By distance beyond the cut.
    pub by_distance: Vec<DistanceScore>,
    /// Every forecast, cut by cut.
    #[serde(skip)]
    pub forecasts: Vec<Forecast>,
    /// Judged runs that it gave no forecast of, with the first reason; such a law stands behind those that answered all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<Missed>,
    /// How much wider its bands would have had to be.
    pub inflation: Inflation,
    /// How it does on the runs it is fitted to; `None` for the posterior, which is no maximum of a likelihood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_sample: Option<InSample>,
    /// What it says at the target.
    pub at_target: AtTarget,
}

/// Judged runs without a forecast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// How many.
    pub runs: usize,
    /// Why the first of them.
    pub reason: String,
}

/// Fits each law below each cut and judges it above, measures by how much its bands were too narrow, and sets the laws side by side at the
/// target; `progress` is called with the pieces of work done and all there are.
///
/// Runs whose schedule has not ended are left out for every law. The score of a law is over all pairs of a cut and a run above it, so a large
/// run counts once for every cut. See [`Score`], [`Inflation`], [`InSample`], [`Verdict`] for what is computed.
///
/// # Source
/// Rolling-origin evaluation: Tashman 2000, doi:10.1016/S0169-2070(00)00065-0. That laws be judged by extrapolation, not by fit:
/// Alabdulmohsin et al. 2022, arXiv:2209.06640.
///
/// # Trust
/// It says how these laws would have forecast these runs. A break beyond the largest run is not seen by any cut.
///
/// # Errors
/// See [`BacktestError`].
///
/// # Example
/// ```
/// use isoflop::backtest::{BacktestOptions, Candidate, backtest};
/// use isoflop::law::Hoffmann;
/// use isoflop::{Runs, TableFormat};
/// let mut table = String::from("params,tokens,loss\n");
/// for i in 0..36 {
///     let (params, tokens) = (1e7 * 2f64.powi(i % 6), 1e9 * 2.3f64.powi(i / 6));
///     let scatter = 1.0 + 0.0005 * f64::from(i * i % 5 - 2);
///     let loss = (1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37)) * scatter;
///     table += &format!("{params},{tokens},{loss}\n");
/// }
/// let runs = Runs::read(table.as_bytes(), "grid.csv", TableFormat::Csv, false)?;
/// let plain = vec![Candidate::Plain(std::sync::Arc::new(Hoffmann))];
/// let tested = backtest(&runs, &BacktestOptions { candidates: plain, ..Default::default() }, &|_, _| {})?;
/// assert_eq!(tested.origins.len(), 4);
/// assert!(tested.laws[0].score.error < 0.005);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn backtest(
    runs: &Runs,
    options: &BacktestOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Backtest, BacktestError> {
    let mut runs = runs.finished();
    runs.kept = by_compute(&runs.kept);
    let origins = cut::origins(&runs.kept, &options.cuts)?;
    let chosen = if options.candidates.is_empty() { candidates(&runs) } else { options.candidates.clone() };
    let attempts = work::attempts(&runs, &chosen, &origins, options, progress);
    let (answered, refused): (Vec<Attempt>, Vec<Attempt>) =
        attempts.into_iter().partition(|attempt| !attempt.forecasts.is_empty() && attempt.whole.is_ok());
    let refused: Vec<Refused> = refused.into_iter().map(Attempt::refused).collect();
    if answered.is_empty() {
        return Err(BacktestError::NothingForecast { refused });
    }
    let answered = comparison::ranked(answered);
    let fits = answered.iter().filter_map(|attempt| Some((attempt.name(), attempt.whole.as_ref().ok()?)));
    let target = target::run(&runs, fits, options.target)?;
    let laws: Vec<Standing> =
        answered.into_iter().filter_map(|attempt| attempt.standing(&target, options.level)).collect();
    let Some(verdict) = Verdict::of(&laws) else { return Err(BacktestError::NothingForecast { refused }) };
    Ok(Backtest {
        schema: BACKTEST_SCHEMA.to_owned(),
        n_runs: runs.kept.len(),
        n_dropped: runs.dropped.len(),
        objective: options.objective,
        level: options.level,
        verdict,
        origins,
        laws,
        refused,
        target,
    })
}
