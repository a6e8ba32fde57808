//! Whether a tuned hidden rate is best at another width too: three rates a step apart there.

use isoflop::tuning::Transfer;
use isoflop_train::{Recipe, TOKENS_PER_PARAM};

use super::{TuningPlanError, trials};
use crate::cell::CellPlan;
use crate::directory::Sweep;

/// Seeds of each rate: a width's runs of one seed are better or worse together.
const SEEDS: u64 = 2;
/// Steps of the hidden rate from the tuned one.
const PROBED: [i32; 3] = [-1, 0, 1];

/// Runs of a tuned recipe at `width` with the hidden rate as it has it, one step lower and one step higher, each
/// under two seeds.
///
/// # Errors
/// [`TuningPlanError::Recipe`] for a width that the recipe does not have, and [`TuningPlanError::Unit`].
pub fn probe(recipe: &Recipe, width: usize, seed: u64) -> Result<Vec<CellPlan>, TuningPlanError> {
    recipe.check_width(width)?;
    let tokens = recipe.tokens(width, TOKENS_PER_PARAM)?;
    let cell = |(seed, steps): (u64, i32)| {
        let moved = recipe.moved([f64::from(steps), 0.0, 0.0]);
        let spec = moved.run(moved.architecture(width), tokens, seed, 1);
        let tag = format!("w{width}-h{steps}-s{}", spec.seed).replace("h-", "hm");
        CellPlan { tag, budget: None, tuning_excess: recipe.tuning_excess(&spec), spec }
    };
    Ok((seed..seed + SEEDS).flat_map(|seed| PROBED.map(|steps| (seed, steps))).map(cell).collect())
}

/// Whether the hidden rate of a tuned `recipe` is best at the width of the runs of `sweep`, which [`probe`] planned; its interval holds
/// the true one in a share `level` of cases.
///
/// # Errors
/// [`TuningPlanError::Sweep`] for damage and I/O, [`TuningPlanError::Surface`] when every run diverged, [`TuningPlanError::Untuned`].
pub fn probed(recipe: &Recipe, sweep: &Sweep, level: f64) -> Result<Transfer, TuningPlanError> {
    let tuning = recipe.tuning.as_ref().ok_or_else(|| TuningPlanError::Untuned { recipe: recipe.name.clone() })?;
    let mut cells = Vec::new();
    for (_, cell) in sweep.cells()? {
        cells.push(cell?);
    }
    let (trials, _) = trials(recipe, sweep, &cells)?;
    Ok(Transfer::new(&trials, &tuning.curvature, tuning.noise, level)?)
}
