//! Whether a tuned hidden rate is best at another width too: five rates a step apart there.

use std::ops::Range;

use isoflop::Tokens;
use isoflop::tuning::{Transfer, Trial};
use isoflop_train::{Recipe, TOKENS_PER_PARAM};

use super::{TuningPlanError, trials};
use crate::cell::CellPlan;
use crate::directory::Sweep;

/// Steps of the hidden rate from the tuned one: the outer ones place the optimum, the inner ones show that it lies between them.
const PROBED: [i32; 5] = [-2, -1, 0, 1, 2];

/// What a width says of the tuned hidden rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Probed {
    /// Whether the rate is best there.
    pub transfer: Transfer,
    /// Its runs, in steps from the tuned recipe.
    pub trials: Vec<Trial>,
}

/// Runs of a tuned recipe at `width` with the hidden rate as it has it and up to two steps lower and higher, each under all `seeds`:
/// a width's runs of one seed are better or worse together. Trained on `tokens`, or on as many as a ladder would.
///
/// # Errors
/// [`TuningPlanError::Recipe`] for a width that the recipe does not have, and [`TuningPlanError::Unit`].
pub fn probe(
    recipe: &Recipe,
    width: usize,
    tokens: Option<Tokens>,
    seeds: Range<u64>,
) -> Result<Vec<CellPlan>, TuningPlanError> {
    recipe.check_width(width)?;
    let tokens = match tokens {
        Some(tokens) => tokens,
        None => recipe.tokens(width, TOKENS_PER_PARAM)?,
    };
    let cell = |(seed, steps): (u64, i32)| {
        let moved = recipe.moved([f64::from(steps), 0.0, 0.0]);
        let spec = moved.run(moved.architecture(width), tokens, seed, 1);
        let tag = format!("w{width}-h{steps}-s{}", spec.seed).replace("h-", "hm");
        CellPlan { tag, budget: None, tuning_excess: recipe.tuning_excess(&spec), spec }
    };
    Ok(seeds.flat_map(|seed| PROBED.map(|steps| (seed, steps))).map(cell).collect())
}

/// Whether the hidden rate of a tuned `recipe` is best at the width of the runs of `sweep`, which [`probe`] planned; its interval holds
/// the true one in a share `level` of cases.
///
/// # Errors
/// [`TuningPlanError::Sweep`] for damage and I/O, [`TuningPlanError::Surface`] when every run diverged, [`TuningPlanError::Untuned`].
pub fn probed(recipe: &Recipe, sweep: &Sweep, level: f64) -> Result<Probed, TuningPlanError> {
    let tuning = recipe.tuning.as_ref().ok_or_else(|| TuningPlanError::Untuned { recipe: recipe.name.clone() })?;
    let mut cells = Vec::new();
    for (_, cell) in sweep.cells()? {
        cells.push(cell?);
    }
    let (trials, _) = trials(recipe, sweep, &cells)?;
    let transfer = Transfer::new(&trials, &tuning.curvature, tuning.noise, level)?;
    Ok(Probed { transfer, trials })
}
