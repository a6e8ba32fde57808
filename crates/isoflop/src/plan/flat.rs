//! The sizes that are as good as the best.

use isoflop_numerics::elementary::{exp, ln};
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::search::Optimum;

/// Waste of compute at which a size still counts as good as the best.
pub const FLAT_TOLERANCE: f64 = 0.01;

/// The sizes around the optimum that waste no more than a tolerated share of what the run costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FlatRange {
    /// Smallest such size.
    pub params_lo: f64,
    /// Largest such size.
    pub params_hi: f64,
    /// Tolerated waste, as a share of the cost.
    pub tolerance: f64,
}

impl FlatRange {
    /// The allowed sizes whose loss the best run would reach with `1 - FLAT_TOLERANCE` of the compute, or that reach the goal at a cost
    /// of which the cheapest run's is no less a share.
    ///
    /// The shape of the valley is that of the fit's point; its bottom is put at `plan`.
    pub(super) fn around(asked: &Asked, plan: &Optimum) -> Self {
        let nothing = Self { params_lo: plan.params, params_hi: plan.params, tolerance: FLAT_TOLERANCE };
        let parameters = asked.fit.point();
        let Some(bottom) = asked.solve(parameters, None) else { return nothing };
        match asked.goal(parameters) {
            None => {
                let less = asked.space.with_compute(1.0 - FLAT_TOLERANCE);
                let Some(with_less) = asked.search(&less).lowest_loss(parameters, Some(bottom.params)) else {
                    return nothing;
                };
                let search = asked.search(&asked.space);
                Self::between(asked, plan, &bottom, |params| search.loss_at_size(parameters, params) <= with_less.loss)
            }
            Some(goal) => {
                let space = asked.space.without_budget();
                let most = bottom.cost / (1.0 - FLAT_TOLERANCE);
                let search = asked.search(&space);
                Self::between(asked, plan, &bottom, |params| search.cost_at_size(parameters, params, goal) <= most)
            }
        }
    }

    /// Loss and cost have one valley around the bottom, so its edges lie between the bottom and sizes that are surely outside.
    fn between(asked: &Asked, plan: &Optimum, bottom: &Optimum, is_flat: impl Fn(f64) -> bool) -> Self {
        /// e^20 times the best size: no law is flat that far.
        const FAR: f64 = 20.0;
        let (smallest, largest) = asked.space.params;
        let edge = |far: f64| {
            let (mut inside, mut outside) = (ln(bottom.params), ln(bottom.params) + far);
            for _ in 0..60 {
                let middle = 0.5 * (inside + outside);
                *(if is_flat(exp(middle)) { &mut inside } else { &mut outside }) = middle;
            }
            (plan.params * exp(inside - ln(bottom.params))).clamp(smallest, largest)
        };
        Self { params_lo: edge(-FAR), params_hi: edge(FAR), tolerance: FLAT_TOLERANCE }
    }
}
