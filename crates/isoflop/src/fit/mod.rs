//! Fitting a law to runs: optimum, bootstrap draws, status, warnings. A [`Fit`] is made here, read from its file, or published.

mod bootstrap;
mod file;
mod floor;
mod objective;
mod solve;
mod surface;
mod warnings;

use isoflop_numerics::quantile::central_interval;
use serde::{Deserialize, Serialize};

use crate::counting::{FlopCounting, ParamCounting};
use crate::law::{Hoffmann, HoffmannCoefficients, Law, Published};
use crate::runs::Runs;

pub use file::{FitFileError, Provenance};
pub use floor::FloorPrior;
pub use objective::{HUBER_KNEE, Objective, UnknownObjective};
pub use solve::Status;
pub use warnings::Warning;

/// What to minimise, and how to learn the doubt.
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    /// The objective. # Choosing: see [`Objective`].
    pub objective: Objective,
    /// Prior on the floor. # Choosing: see [`FloorPrior`].
    pub floor: Option<FloorPrior>,
    /// Bootstrap refits. # Choosing: 1,000 for intervals; 0 for the optimum alone.
    pub draws: usize,
    /// Seed of the bootstrap. # Choosing: any; the same seed gives the same draws on every machine.
    pub seed: u64,
    /// Threads for the refits; 0 means one per core. The result does not depend on it.
    pub threads: usize,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self { objective: Objective::default(), floor: None, draws: 1_000, seed: 0, threads: 0 }
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
    /// Every run has the same ratio of tokens to parameters.
    #[error(
        "all runs have nearly the same tokens per parameter (they differ by {range:.2}x): on one ray the effects of size and data cannot be told apart, however many runs are added; train a few runs at another ratio"
    )]
    SingleRay {
        /// Largest ratio over the smallest.
        range: f64,
    },
    /// All runs have one size, or one number of tokens.
    #[error("all runs have the same {quantity}: its effect cannot be seen; add runs with another {quantity}")]
    NoVariation {
        /// What does not vary.
        quantity: &'static str,
    },
    /// No start led to a finite objective.
    #[error(
        "no optimum was found from any start: check the runs for wrong units (losses of {lowest:.3} to {highest:.3})"
    )]
    NoOptimum {
        /// Smallest loss.
        lowest: f64,
        /// Largest loss.
        highest: f64,
    },
}

/// A value with the interval its report prints.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Point estimate.
    pub value: f64,
    /// Lower end; `None` when no draws exist to say.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
}

impl Estimate {
    /// `value` with the central `level` interval of `draws`, or without one when there are none.
    pub(crate) fn from_draws(value: f64, draws: Vec<f64>, level: f64) -> Self {
        if draws.is_empty() {
            return Self { value, lo: None, hi: None };
        }
        let (lo, hi) = central_interval(draws, level);
        Self { value, lo: Some(lo), hi: Some(hi) }
    }
}

/// A law with its parameters, the draws that carry the doubt, and everything needed to say where they came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    name: String,
    objective: Option<Objective>,
    objective_value: Option<f64>,
    floor_prior: Option<FloorPrior>,
    coefficients: HoffmannCoefficients,
    draws: Vec<HoffmannCoefficients>,
    noise: Option<f64>,
    n_runs: usize,
    n_dropped: usize,
    largest_flops: Option<f64>,
    ratio_range: Option<(f64, f64)>,
    param_counting: ParamCounting,
    flop_counting: FlopCounting,
    fingerprint: Option<String>,
    status: Status,
    warnings: Vec<Warning>,
    source: Option<String>,
}

/// Fits Hoffmann's law to the kept runs.
///
/// The start is exact for the three linear coefficients on a grid of exponents (variable projection); all five parameters are
/// then polished together under the declared objective. The doubt is a bootstrap by run, stratified by compute.
///
/// # Errors
/// See [`FitError`].
///
/// # Example
/// ```
/// use isoflop::{FitOptions, Runs, TableFormat, fit};
/// let mut table = String::from("params,tokens,loss\n");
/// for params in [1e8, 3e8, 1e9, 3e9_f64] {
///     for tokens in [2e9, 6e9, 2e10_f64] {
///         let loss = 1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37);
///         table += &format!("{params},{tokens},{loss}\n");
///     }
/// }
/// let runs = Runs::read(table.as_bytes(), "grid.csv", TableFormat::Csv, false)?;
/// let fit = fit(&runs, &FitOptions { draws: 0, ..FitOptions::default() })?;
/// assert!((fit.coefficients().alpha - 0.35).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit(runs: &Runs, options: &FitOptions) -> Result<Fit, FitError> {
    check_design(runs)?;
    let surface = surface::Surface::new(&runs.kept, options.objective);
    let losses = || runs.kept.iter().map(|run| run.loss.get());
    let no_optimum = || FitError::NoOptimum {
        lowest: losses().fold(f64::INFINITY, f64::min),
        highest: losses().fold(0.0, f64::max),
    };
    let noise_around =
        |point: &[f64]| warnings::residual_scale(&surface.log_residuals(point), Hoffmann.parameters().len());
    let mut minimum = solve::point_fit(&surface, None).ok_or_else(no_optimum)?;
    if let Some(prior) = options.floor {
        // How much the prior weighs against the runs depends on how noisy they are around the best law without it.
        let penalty = prior.penalty(options.objective, noise_around(&minimum.point), 0.0);
        minimum = solve::point_fit(&surface, Some(penalty)).ok_or_else(no_optimum)?;
    }
    let coefficients = surface.coefficients(&minimum.point).ok_or_else(no_optimum)?;

    let residuals = surface.log_residuals(&minimum.point);
    let noise = noise_around(&minimum.point);
    let draws = bootstrap::draws(&surface, &runs.kept, &minimum.point, noise, options);
    let failed = options.draws - draws.len();
    let status = solve::status(&surface, &minimum);
    let warnings = warnings::about(&runs.kept, &residuals, noise, &status, options.draws, failed);
    let ratios = || runs.kept.iter().map(|run| run.tokens.get() / run.params.get());
    Ok(Fit {
        name: Hoffmann.name().to_owned(),
        objective: Some(options.objective),
        objective_value: Some(minimum.value),
        floor_prior: options.floor,
        coefficients,
        draws,
        noise: Some(noise),
        n_runs: runs.kept.len(),
        n_dropped: runs.dropped.len(),
        largest_flops: runs.largest_flops().map(crate::units::Flops::get),
        ratio_range: Some((ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max))),
        param_counting: runs.param_counting,
        flop_counting: runs.flop_counting,
        fingerprint: Some(runs.fingerprint()),
        status,
        warnings,
        source: None,
    })
}

/// Refuses designs that cannot determine the law, before anything is promised.
fn check_design(runs: &Runs) -> Result<(), FitError> {
    /// Ratios closer together than this are one ray but for rounding of shapes.
    const ONE_RAY: f64 = 1.3;
    let unknowns = Hoffmann.parameters().len();
    let (needed, found) = (unknowns + 1, runs.kept.len());
    if found < needed {
        return Err(FitError::TooFewRuns { law: Hoffmann.name(), unknowns, needed, found });
    }
    let varies = |value: fn(&crate::runs::Run) -> f64| {
        let first = value(&runs.kept[0]);
        runs.kept.iter().any(|run| (value(run) / first - 1.0).abs() > 0.01)
    };
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

impl Fit {
    /// A published coefficient set as a fit: a point without draws, so without intervals.
    pub fn from_published(published: &Published) -> Self {
        Self {
            name: Hoffmann.name().to_owned(),
            objective: None,
            objective_value: None,
            floor_prior: None,
            coefficients: published.coefficients,
            draws: Vec::new(),
            noise: None,
            n_runs: 0,
            n_dropped: 0,
            largest_flops: published.largest_flops,
            ratio_range: None,
            param_counting: ParamCounting::Total,
            flop_counting: FlopCounting::SixNd,
            fingerprint: None,
            status: Status::Published,
            warnings: vec![Warning::new(
                "no_interval",
                format!(
                    "{} gives no joint draws, so nothing that follows from it has an interval; fit the runs to get one",
                    published.name
                ),
            )],
            source: Some(format!("{}; {}", published.source, published.note)),
        }
    }

    /// The law's name.
    pub fn law(&self) -> &str {
        &self.name
    }

    /// The objective that was minimised; `None` for a published set.
    pub fn objective(&self) -> Option<Objective> {
        self.objective
    }

    /// The objective at the optimum, summed over runs.
    pub fn objective_value(&self) -> Option<f64> {
        self.objective_value
    }

    /// The prior on the floor, whose penalty the objective then includes.
    pub fn floor_prior(&self) -> Option<FloorPrior> {
        self.floor_prior
    }

    /// The point estimate.
    pub fn coefficients(&self) -> HoffmannCoefficients {
        self.coefficients
    }

    /// The draws that carry the doubt.
    pub fn draws(&self) -> &[HoffmannCoefficients] {
        &self.draws
    }

    /// Robust standard deviation of ln loss around the law: seed noise, evaluation noise and misfit together.
    pub fn noise(&self) -> Option<f64> {
        self.noise
    }

    /// Number of runs fitted and number left out.
    pub fn run_counts(&self) -> (usize, usize) {
        (self.n_runs, self.n_dropped)
    }

    /// Largest training compute among the runs, FLOP.
    pub fn largest_flops(&self) -> Option<f64> {
        self.largest_flops
    }

    /// Smallest and largest tokens per parameter among the runs.
    pub fn ratio_range(&self) -> Option<(f64, f64)> {
        self.ratio_range
    }

    /// How the runs' parameters and compute were counted.
    pub fn conventions(&self) -> (ParamCounting, FlopCounting) {
        (self.param_counting, self.flop_counting)
    }

    /// How the fit ended.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Doubts, in words.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// SHA-256 of the runs' numbers; `None` for a published set.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// Where a published set comes from; `None` for a fit made here.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// Each parameter of the law with its interval.
    pub fn parameters(&self, level: f64) -> Vec<(&'static str, Estimate)> {
        let names = Hoffmann.parameters().iter().map(|parameter| parameter.name);
        let values = self.coefficients.to_array();
        let column = |i: usize| self.draws.iter().map(|draw| draw.to_array()[i]).collect();
        names.enumerate().map(|(i, name)| (name, Estimate::from_draws(values[i], column(i), level))).collect()
    }

    /// What follows from the parameters (allocation exponents a and b, gamma, G), with intervals.
    pub fn derived(&self, level: f64) -> Vec<(&'static str, Estimate)> {
        let of = |law: &HoffmannCoefficients| Hoffmann.derived(&law.to_array());
        let drawn: Vec<_> = self.draws.iter().map(of).collect();
        let column = |i: usize| drawn.iter().map(|draw| draw[i].1).collect();
        let values = of(&self.coefficients).into_iter().enumerate();
        values.map(|(i, (name, value))| (name, Estimate::from_draws(value, column(i), level))).collect()
    }
}
