//! Fitting a law to runs: the posterior of the coupled law by default, any named law under any objective on request.

mod beside;
mod conventions;
mod doubt;
mod file;
mod form_error;
mod joint;
mod plain;
mod posterior;
mod prior;
mod question;
mod reduction;
mod result;
mod scatter;
mod warnings;

use std::sync::Arc;

use crate::law::{self, Hoffmann, Law};
use crate::names::UnknownName;
use crate::runs::Runs;
use crate::units::concise;

pub use beside::Beside;
pub use conventions::Conventions;
pub use doubt::NoDoubt;
pub use file::{FitFileError, Provenance};
pub use form_error::Rehearsal;
pub use joint::Joint;
pub use plain::{
    Certificate, HUBER_KNEE, Objective, Profile, ProfiledLoss, ProfiledSize, Quantity, Resampled, Resampling, Status,
    UnknownObjective, profile, recipes,
};
pub use posterior::{Learnt, SamplingQuality};
pub use prior::{Belief, Prior, UnknownBelief};
pub use question::QuestionError;
pub use reduction::{Path, RecipeReach, Reduction, RunsToAdd};
pub use result::{Draw, Estimate, Fit};
pub use scatter::{Scatter, Tails};
pub use warnings::Warning;

/// How to fit, and how to learn the doubt.
#[derive(Debug, Clone)]
pub struct FitOptions {
    /// The kind of fit. # Choosing: see [`Method`].
    pub method: Method,
    /// Draws that carry the doubt, at most [`MOST_DRAWS`]. # Choosing: 1,000 for intervals; 0 for the optimum alone.
    pub draws: usize,
    /// Seed of the draws. # Choosing: any; the same seed gives the same draws on every machine.
    pub seed: u64,
    /// Threads; 0 means one per core. The result does not depend on it.
    pub threads: usize,
    /// How runs count in a plain fit. # Choosing: equally, unless their standard errors differ much and are trusted, or settings repeat.
    pub weights: Weights,
    /// How the bootstrap of a plain fit resamples. # Choosing: [`Resampling::Automatic`].
    pub resampling: Resampling,
    /// Whether a plain fit of Hoffmann's law proves how far from optimal it can be. # Choosing: yes, unless thousands are fitted.
    pub certify: bool,
    /// Whether a posterior keeps runs whose columns say that their schedule has not ended. # Choosing: no; their loss is too high for
    /// their tokens.
    pub keep_unfinished: bool,
}

/// How much each run counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weights {
    /// Alike.
    #[default]
    Equal,
    /// By the inverse square of the standard error of ln loss, with mean one.
    StandardErrors,
    /// One mean for each setting, by what replicates say of it: 1/(misfit² + seeds²/n) for a setting trained n times.
    ///
    /// Seeds² is the pooled variance of ln loss within settings, misfit² what scatters around the law beyond it. A law that misses a
    /// setting misses all its replicates, so they are not n witnesses of the law; resamples and profiles count settings.
    Replicates,
}

/// What a fit is.
///
/// # Choosing
/// The posterior for forecasts: beyond the data the form of the law is the largest doubt, and only it carries that. A plain fit to compare
/// with published numbers, or to see what the runs alone say.
#[derive(Debug, Clone)]
pub enum Method {
    /// The posterior of the coupled law under weak priors.
    Posterior(Prior),
    /// The optimum of a named law under an objective, with a bootstrap by run.
    Plain {
        /// The law.
        law: Arc<dyn Law>,
        /// What is minimised. # Choosing: the default, unless a published number is to be met; see [`Objective`].
        objective: Objective,
    },
}

impl Method {
    /// The method that names ask for: the posterior where there is none, else a plain fit, of Hoffmann's law and under the default
    /// objective where only the other is named.
    ///
    /// # Errors
    /// [`UnknownName`] where no law is called `law`.
    pub fn named(law: Option<&str>, objective: Option<Objective>, runs: &Runs) -> Result<Self, UnknownName> {
        if law.is_none() && objective.is_none() {
            return Ok(Self::Posterior(Prior::default()));
        }
        let law = law::named(law.unwrap_or(Hoffmann.name()), &recipes(runs))?;
        Ok(Self::Plain { law, objective: objective.unwrap_or_default() })
    }
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            method: Method::Posterior(Prior::default()),
            draws: 1_000,
            seed: 0,
            threads: 0,
            weights: Weights::Equal,
            resampling: Resampling::Automatic,
            certify: true,
            keep_unfinished: false,
        }
    }
}

impl FitOptions {
    /// Hoffmann's law under `objective`.
    pub fn hoffmann(objective: Objective) -> Self {
        Self { method: Method::Plain { law: Arc::new(Hoffmann), objective }, ..Self::default() }
    }
}

/// Why there is no fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Fewer runs than unknowns and one to judge by.
    #[error("{law} has {unknowns} unknowns and needs at least {needed} runs, got {found}: add runs, or loosen --where")]
    TooFewRuns {
        /// The law.
        law: &'static str,
        /// Its number of parameters.
        unknowns: usize,
        /// The least number of runs.
        needed: usize,
        /// The runs given.
        found: usize,
    },
    /// Too few are left without those whose schedule has not ended.
    #[error(
        "{law} needs at least {needed} runs and only {found} ended their schedule; {unfinished} did not and were left out, for their loss is too high for their tokens: add finished runs, or keep these with --keep-unfinished"
    )]
    TooFewFinished {
        /// The law.
        law: &'static str,
        /// The least number of runs.
        needed: usize,
        /// The finished runs.
        found: usize,
        /// The others.
        unfinished: usize,
    },
    /// More draws than memory should hold.
    #[error("{asked} draws are more than any answer gains from; ask for at most {MOST_DRAWS}")]
    TooManyDraws {
        /// The draws asked for.
        asked: usize,
    },
    /// Every run has the same ratio of tokens to parameters.
    #[error(
        "all runs have nearly the same tokens per parameter (they differ by {range:.2}x): on one ray the effects of size and data cannot be told apart, however many runs are added; train a few runs at another ratio"
    )]
    SingleRay {
        /// Largest ratio over the smallest.
        range: f64,
    },
    /// Runs along one line of sizes and tokens, of fewer sizes than a law along it has unknowns.
    #[error(
        "the runs have {sizes} different sizes, and none is trained on different numbers of tokens: a floor and an exponent need at least three sizes; add sizes, and runs such as {add} to tell size from data"
    )]
    FewSizes {
        /// Different sizes.
        sizes: usize,
        /// What would tell size from data.
        add: RunsToAdd,
    },
    /// Runs along one line that repeat their text.
    #[error(
        "all runs lie on one line of sizes and tokens, and {run} sees its text {epochs:.1} times: what repetition costs cannot be told there from what size and data gain; leave repeated runs out with --where, or add runs at another number of tokens per parameter"
    )]
    RepeatsOnRay {
        /// The first run that repeats.
        run: String,
        /// Its epochs.
        epochs: f64,
    },
    /// All runs have one size, or one number of tokens.
    #[error("all runs have the same {quantity}: its effect cannot be seen; add runs with another {quantity}")]
    NoVariation {
        /// What does not vary.
        quantity: &'static str,
    },
    /// The law needs a column that a run does not have.
    #[error("{law} needs the column `{column}`, and run {run} has none: add it to the table, or use another law")]
    MissingColumn {
        /// The law.
        law: &'static str,
        /// The column.
        column: &'static str,
        /// The first run without it.
        run: String,
    },
    /// A cell that the law needs cannot be used.
    #[error(
        "run {run}: `{text}` in column `{column}` is not what the law can use: correct it, or leave the run out with --where"
    )]
    BadCell {
        /// The run.
        run: String,
        /// The column.
        column: &'static str,
        /// The cell's text.
        text: String,
    },
    /// Weights by standard error, and a run without one.
    #[error("run {run} has no standard error: fill its cell in the column `loss_se`, or weigh the runs alike")]
    NoStandardError {
        /// The first run without.
        run: String,
    },
    /// Weights from replicates, and nothing was trained twice.
    #[error(
        "no setting of size and tokens was trained twice, so nothing is known of what seeds change: train some again with another seed, or weigh the runs alike"
    )]
    NoReplicates,
    /// Weights by standard error, and one that cannot weigh.
    #[error(
        "run {run} has the standard error {found} in the column `loss_se`, which must be positive and finite: correct it, or weigh the runs alike"
    )]
    BadStandardError {
        /// The run.
        run: String,
        /// Its standard error.
        found: f64,
    },
    /// Every run ended at the same loss.
    #[error(
        "all runs have the same loss, {loss}: there is nothing that falls; check which column was read as the loss"
    )]
    EqualLosses {
        /// That loss.
        loss: f64,
    },
    /// Compute counted in two ways, and a law of compute.
    #[error(
        "{law} depends on flops, and the column `flops` mixes two ways of counting: {message}; recount them (runs {})",
        runs.join(", ")
    )]
    MixedCounting {
        /// The law.
        law: &'static str,
        /// What was found.
        message: String,
        /// The runs that differ from the others, the first five.
        runs: Vec<String>,
    },
    /// No start led to a finite objective.
    #[error(
        "no optimum was found from any start: check the runs for wrong units (losses of {} to {})",
        concise(*lowest, 4),
        concise(*highest, 4)
    )]
    NoOptimum {
        /// Smallest loss.
        lowest: f64,
        /// Largest loss.
        highest: f64,
    },
}

/// Most draws of a fit: quantiles of a million are exact to a thousandth of a standard deviation.
pub const MOST_DRAWS: usize = 1_000_000;

impl FitError {
    /// This error of the finished runs, where `unfinished` others were left out.
    fn among_unfinished(self, unfinished: usize) -> Self {
        match self {
            Self::TooFewRuns { law, needed, found, .. } if unfinished > 0 => {
                Self::TooFewFinished { law, needed, found, unfinished }
            }
            error => error,
        }
    }

    /// No search ended anywhere, for `runs`.
    fn no_optimum(runs: &Runs) -> Self {
        let losses = || runs.kept.iter().map(|run| run.loss.get());
        Self::NoOptimum { lowest: losses().fold(f64::INFINITY, f64::min), highest: losses().fold(0.0, f64::max) }
    }
}

/// Fits the kept runs.
///
/// # Errors
/// See [`FitError`].
///
/// # Example
/// ```
/// use isoflop::{FitOptions, Objective, Runs, TableFormat, fit};
/// let mut table = String::from("params,tokens,loss\n");
/// for params in [1e8, 3e8, 1e9, 3e9_f64] {
///     for tokens in [2e9, 6e9, 2e10_f64] {
///         let loss = 1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37);
///         table += &format!("{params},{tokens},{loss}\n");
///     }
/// }
/// let runs = Runs::read(table.as_bytes(), "grid.csv", TableFormat::Csv, false)?;
/// let plain = FitOptions { draws: 0, ..FitOptions::hoffmann(Objective::default()) };
/// let fit = fit(&runs, &plain)?;
/// assert!((fit.parameter("alpha").unwrap() - 0.35).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit(runs: &Runs, options: &FitOptions) -> Result<Fit, FitError> {
    if options.draws > MOST_DRAWS {
        return Err(FitError::TooManyDraws { asked: options.draws });
    }
    match &options.method {
        Method::Posterior(prior) => posterior::fit(runs, prior, options),
        Method::Plain { law, objective } => plain::fit(runs, law, *objective, options),
    }
}

/// Ratios closer together than this are one ray but for rounding of shapes.
const ONE_RAY: f64 = 1.3;

/// Refuses designs that cannot determine a law of params and tokens with `unknowns` parameters, before anything is promised.
fn check_design(runs: &Runs, law: &'static str, unknowns: usize) -> Result<(), FitError> {
    let (needed, found) = (unknowns + 1, runs.kept.len());
    if found < needed {
        return Err(FitError::TooFewRuns { law, unknowns, needed, found });
    }
    let varies = |value: fn(&crate::runs::Run) -> f64| {
        let first = value(&runs.kept[0]);
        runs.kept.iter().any(|run| (value(run) / first - 1.0).abs() > 0.01)
    };
    let loss = runs.kept[0].loss.get();
    if runs.kept.iter().all(|run| run.loss.get() == loss) {
        return Err(FitError::EqualLosses { loss });
    }
    if !varies(|run| run.params.get()) {
        return Err(FitError::NoVariation { quantity: "params" });
    }
    if !varies(|run| run.tokens.get()) {
        return Err(FitError::NoVariation { quantity: "tokens" });
    }
    let range = warnings::ratio_range(&runs.kept);
    if range < ONE_RAY {
        return Err(FitError::SingleRay { range });
    }
    Ok(())
}
