//! The demo's ladder: three budgets of five sizes, whatever the machine.

use anyhow::Result;
use isoflop::Flops;
use isoflop_sweep::{Ladder, VALIDATION_FACTOR};
use isoflop_train::{Recipe, TOKENS_PER_PARAM};

/// Training compute of the rungs, 6ND: factors of four apart, so that the lever is long and the small rungs cost little.
const BUDGETS: [f64; 3] = [3e10, 1.2e11, 4.8e11];
/// Sizes a budget.
const SIZES: usize = 5;
/// Parts of the big run's gradient: a constant, so that the result does not depend on the machine's cores.
pub(crate) const BIG_SHARDS: usize = 4;

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
    Ok(Flops::new(VALIDATION_FACTOR * BUDGETS[BUDGETS.len() - 1])?)
}

#[cfg(test)]
mod tests {
    use isoflop::Params;

    use super::*;

    #[test]
    fn the_big_run_has_four_shards_at_every_size_it_may_take() {
        let ladder = ladder(0).unwrap();
        for params in [5e3, 2e4, 8e4, 3e5] {
            let run = ladder.validation_run(big_budget().unwrap(), Params::new(params).unwrap(), BIG_SHARDS).unwrap();
            assert_eq!(run.spec.shards, BIG_SHARDS, "{params}");
            assert_eq!(run, ladder.big_run(big_budget().unwrap(), Params::new(params).unwrap(), BIG_SHARDS).unwrap());
        }
    }
}
