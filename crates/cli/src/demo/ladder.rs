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
pub const BIG_SHARDS: usize = 4;
/// Held-out tokens that judge a run.
pub const EVALUATION: EvaluationLimit = EvaluationLimit::Tokens(100_000);

/// (depth, width), each about 1.6 times the size of the one before.
const SHAPES: [(usize, usize); 13] = [
    (1, 8),
    (1, 16),
    (2, 16),
    (2, 24),
    (2, 32),
    (2, 48),
    (2, 64),
    (3, 72),
    (3, 96),
    (3, 120),
    (4, 144),
    (4, 176),
    (5, 208),
];

/// The ladder for one seed.
pub fn ladder(seed: u64) -> Result<Ladder> {
    Ok(Ladder {
        recipe: Recipe::default(),
        shapes: SHAPES.to_vec(),
        budgets: BUDGETS.into_iter().map(Flops::new).collect::<Result<_, _>>()?,
        sizes: SIZES,
        tokens_per_param: TOKENS_PER_PARAM,
        seed,
    })
}

/// Compute of the run to predict.
pub fn big_budget() -> Result<Flops> {
    Ok(Flops::new(BIG_FACTOR * BUDGETS[BUDGETS.len() - 1])?)
}
