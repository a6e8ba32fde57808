//! How likely a goal is reached.

use isoflop_numerics::elementary::ln;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::search::Optimum;
use super::world::World;
use crate::predict::Extrapolation;

/// A loss to reach, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GoalOutcome {
    /// The loss, nats per token.
    pub loss: f64,
    /// Share of the draws in which no run that keeps to the limits reaches it, whatever it costs; `None` without draws.
    pub impossible: Option<f64>,
    /// Share of the draws in which the budget is enough for it; `None` without draws or budget.
    pub within_budget: Option<f64>,
    /// Chance that the planned run shows it or a lower loss, by the law, its form and the scatter of runs; `None` without draws.
    pub reached: Option<f64>,
}

impl GoalOutcome {
    pub(super) fn of(asked: &Asked, plan: &Optimum, worlds: &[World], extrapolation: &Extrapolation) -> Option<Self> {
        let loss = asked.central_goal()?;
        let share = |count: usize| (!worlds.is_empty()).then(|| count as f64 / worlds.len() as f64);
        let within = share(worlds.iter().filter(|world| world.is_within_budget()).count());
        Some(Self {
            loss,
            impossible: share(worlds.iter().filter(|world| world.best.is_none()).count()),
            within_budget: within.filter(|_| asked.problem.budget.is_some()),
            reached: chance(asked, plan, worlds, extrapolation),
        })
    }
}

/// Chance that one new run shows a loss of at most the goal, which may differ from draw to draw.
fn chance(asked: &Asked, plan: &Optimum, worlds: &[World], extrapolation: &Extrapolation) -> Option<f64> {
    let chance = |world: &World| {
        let goal = asked.goal(world.parameters)?;
        Some(asked.bell(plan, world, extrapolation)?.share_below(ln(goal)))
    };
    let chances: Vec<f64> = worlds.iter().filter_map(chance).collect();
    (!chances.is_empty()).then(|| chances.iter().sum::<f64>() / chances.len() as f64)
}
