//! The runs to choose from: those of a table, or sizes times tokens per parameter up to the budget.

use isoflop_numerics::elementary::{exp, ln};

use crate::counting::{TRAINING_FLOPS_PER_PARAM_TOKEN, training_flops};
use crate::fit::Fit;
use crate::runs::Point;
use crate::units::{Flops, Params, Tokens, UnitError};

/// A run that could be trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its name, where a table gave one.
    pub name: Option<String>,
    /// Size.
    pub params: Params,
    /// Tokens.
    pub tokens: Tokens,
    /// What it costs.
    pub flops: Flops,
    /// The recipe it would be trained under, where recipes are compared; either where none is named.
    pub recipe: Option<String>,
}

impl From<Point> for Candidate {
    fn from(point: Point) -> Self {
        let Point { name, params, tokens, flops, recipe, .. } = point;
        Self { name: Some(name), params, tokens, flops, recipe }
    }
}

/// Sizes in steps of a fifth of a decade.
const SIZE_STEP: f64 = 1.584_893_192_461_113_5;
/// Tokens per parameter in steps of an octave.
const RATIO_STEP: f64 = 2.0;
/// How far tokens per parameter may leave the range of the fitted runs, where doubt about the form would begin to weigh.
const BEYOND_RATIOS: f64 = 2.0;
/// Without fitted runs: how far from the best tokens per parameter at the budget, to either side. IsoFLOP grids reach as far (sizes
/// within a factor of 3 of the best).
const FIRST_REACH: f64 = 8.0;
/// Compute of the cheapest candidates as a share of the largest fitted run, or of the budget where there is none: smaller runs cost
/// next to nothing already, and lie farther from the target than laws of the fitted ones are known to hold.
const CHEAPEST: f64 = 1e-3;
/// A decade of compute above the cheapest has some candidates whatever the steps, so that a small budget can be told what it lacks.
const DEAREST_AT_LEAST: f64 = 10.0;

/// More steps along one side than any budget within the range of numbers asks for.
const MOST_STEPS: f64 = 100.0;

impl Fit {
    /// Sizes times tokens per parameter around the fitted range (or around the law's best), no dearer than `budget`, or than the
    /// cheapest where that is dearer.
    pub(super) fn candidates(&self, budget: Flops) -> Result<Vec<Candidate>, UnitError> {
        let largest = self.largest_flops().unwrap_or(budget.get());
        let around_best = || {
            let ln_params = self.central(|parameters| self.law().best_ln_params(parameters, budget.get()));
            let params = exp(ln_params.unwrap_or(f64::NAN));
            let best = budget.get() / (TRAINING_FLOPS_PER_PARAM_TOKEN * params * params);
            (best / FIRST_REACH, best * FIRST_REACH)
        };
        match self.ratio_range() {
            Some(ratios) => candidates_around(largest, budget.get(), ratios),
            None => grid(CHEAPEST * largest, budget.get(), around_best()),
        }
    }
}

/// The candidates within twice the range of tokens per parameter of runs up to `largest` FLOP, no dearer than `dearest`.
pub(crate) fn candidates_around(largest: f64, dearest: f64, ratios: (f64, f64)) -> Result<Vec<Candidate>, UnitError> {
    grid(CHEAPEST * largest, dearest, (ratios.0 / BEYOND_RATIOS, ratios.1 * BEYOND_RATIOS))
}

/// Sizes times tokens per parameter between two of each, of `cheapest` FLOP to `dearest`, or to a decade more where that is less.
fn grid(cheapest: f64, dearest: f64, (lowest, highest): (f64, f64)) -> Result<Vec<Candidate>, UnitError> {
    let dearest = dearest.max(DEAREST_AT_LEAST * cheapest);
    let steps = |low: f64, high: f64, step: f64| (ln(high / low) / ln(step)).floor().clamp(0.0, MOST_STEPS) as i32;
    let size_of = |flops: f64, ratio: f64| (flops / TRAINING_FLOPS_PER_PARAM_TOKEN / ratio).sqrt();
    let (smallest, biggest) = (size_of(cheapest, highest), size_of(dearest, lowest));
    let mut candidates = Vec::new();
    for size in 0..=steps(smallest, biggest, SIZE_STEP) {
        let params = Params::new(smallest * SIZE_STEP.powi(size))?;
        for ratio in 0..=steps(lowest, highest, RATIO_STEP) {
            let tokens = Tokens::new(params.get() * lowest * RATIO_STEP.powi(ratio))?;
            let flops = training_flops(params, tokens)?;
            if (cheapest..=dearest).contains(&flops.get()) {
                candidates.push(Candidate { name: None, params, tokens, flops, recipe: None });
            }
        }
    }
    Ok(candidates)
}
