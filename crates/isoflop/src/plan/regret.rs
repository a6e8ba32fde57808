//! What acting on an estimate costs.

use isoflop_numerics::quantile::quantile;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::search::{COARSE, Optimum, Search};
use super::world::World;

/// Share of what a run costs that is wasted because the plan rests on an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Regret {
    /// In the middle of the draws.
    pub median: f64,
    /// In the worst twentieth.
    pub p95: f64,
}

impl Asked<'_> {
    /// How much of its cost the plan wastes if a draw is the truth.
    ///
    /// ```text
    /// waste = 1 - (least cost of the same loss within the limits) / (cost of the plan)
    /// ```
    pub(super) fn regret(&self, plan: &Optimum, worlds: &[World]) -> Option<Regret> {
        let waste = |world: &World| {
            let run = self.trained(plan, world);
            let space = world.space.without_budget();
            let search = Search { tolerance: COARSE, ..self.search(&space) };
            let least = search.cheapest(world.draw?.parameters.as_slice(), run.loss, Some(plan.params))?;
            Some((1.0 - least.cost / run.cost).max(0.0))
        };
        let mut wastes: Vec<f64> = worlds.iter().filter_map(waste).filter(|waste| waste.is_finite()).collect();
        wastes.sort_by(f64::total_cmp);
        (!wastes.is_empty()).then(|| Regret { median: quantile(&wastes, 0.5), p95: quantile(&wastes, 0.95) })
    }
}
