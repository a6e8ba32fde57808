//! How likely a goal is reached.

use isoflop_numerics::elementary::ln;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::search::Optimum;
use crate::law::Setting;
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
    pub(super) fn of(
        asked: &Asked,
        plan: &Optimum,
        solutions: &[Option<Optimum>],
        extrapolation: &Extrapolation,
    ) -> Option<Self> {
        let loss = asked.central_goal()?;
        let share = |count: usize| (!solutions.is_empty()).then(|| count as f64 / solutions.len() as f64);
        let within = |solution: &&Option<Optimum>| solution.is_some_and(|solution| solution.cost <= asked.space.budget);
        let within = share(solutions.iter().filter(within).count());
        Some(Self {
            loss,
            impossible: share(solutions.iter().filter(|solution| solution.is_none()).count()),
            within_budget: within.filter(|_| asked.problem.budget.is_some()),
            reached: chance(asked, plan, extrapolation),
        })
    }
}

/// Chance that one new run shows a loss of at most the goal, which may differ from draw to draw.
fn chance(asked: &Asked, plan: &Optimum, extrapolation: &Extrapolation) -> Option<f64> {
    let bells = asked.fit.bells(&Setting::single_pass(plan.params, plan.tokens), extrapolation);
    let goals = asked.fit.draws().iter().filter_map(|draw| asked.goal(&draw.parameters));
    let chances: Vec<f64> = bells.iter().zip(goals).map(|(bell, goal)| bell.share_below(ln(goal))).collect();
    (!chances.is_empty()).then(|| chances.iter().sum::<f64>() / chances.len() as f64)
}
