//! What a model costs after its training.

use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::problem::Demand;
use super::search::Optimum;
use crate::counting::SERVING_FLOPS_PER_PARAM_TOKEN;
use crate::hardware::Cost;

/// Serving over a model's life.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Serving {
    /// Tokens served.
    pub tokens: f64,
    /// Compute, 2NS.
    pub flops: f64,
    /// What it costs; `None` entries were not asked for.
    pub cost: Cost,
    /// Training and serving together: dollars where devices are rented, else FLOP.
    pub total: f64,
}

impl Serving {
    pub(super) fn of(asked: &Asked, plan: &Optimum) -> Option<Self> {
        let demand = asked.problem.demand.as_ref()?;
        let flops = SERVING_FLOPS_PER_PARAM_TOKEN * plan.params * demand.tokens.get();
        let cost = demand.rental.as_ref().map(|rental| rental.cost_of(flops)).unwrap_or_default();
        let total = match (&asked.problem.rental, &demand.rental) {
            (Some(rental), Some(_)) => plan.cost * rental.dollars_per_flop(),
            _ => plan.cost,
        };
        Some(Self { tokens: demand.tokens.get(), flops, cost, total })
    }
}

impl Demand {
    /// What it rests on, in words.
    pub(super) fn assumption(&self) -> String {
        let tokens = self.tokens;
        match &self.rental {
            Some(rental) => format!("serving {tokens} tokens at 2 N FLOP each on {}", rental.assumption()),
            None => format!("serving {tokens} tokens at 2 N FLOP each, a FLOP at the price of one in training"),
        }
    }
}
