//! The demo's ladder: three budgets of five sizes, and how much larger the run is that they must predict.

use anyhow::Result;
use isoflop::Flops;
use isoflop_sweep::Ladder;
use isoflop_train::{EvaluationLimit, Recipe};

/// Training compute of the rungs, 6ND: factors of four apart, so that the lever is long and the small rungs cost little.
const BUDGETS: [f64; 3] = [3e10, 1.2e11, 4.8e11];
/// The big run's compute over the largest rung's.
const BIG_FACTOR: f64 = 8.4;
/// Sizes a budget.
const SIZES: usize = 5;
/// Tokens per parameter that such small models of bytes want; only the centring of the ladder rests on it.
const TOKENS_PER_PARAM: f64 = 25.0;
/// Parts of the big run's gradient: a constant, so that the result does not depend on the machine's cores.
pub(crate) const BIG_SHARDS: usize = 4;
/// What judges a run: a little of every held-out document, so that a few odd ones do not decide.
pub(crate) const EVALUATION: EvaluationLimit = EvaluationLimit::Sample(100_000);

/// The ladder for one seed. The recipe's widths are 1.4 to 2 apart in size: wide valleys tell the effect of size from that of data.
pub(crate) fn ladder(seed: u64) -> Result<Ladder> {
    Ok(Ladder {
        recipe: Recipe::default(),
        budgets: BUDGETS.into_iter().map(Flops::new).collect::<Result<_, _>>()?,
        sizes: SIZES,
        tokens_per_param: TOKENS_PER_PARAM,
        seed,
    })
}

/// Compute of the run to predict.
pub(crate) fn big_budget() -> Result<Flops> {
    Ok(Flops::new(BIG_FACTOR * BUDGETS[BUDGETS.len() - 1])?)
}
