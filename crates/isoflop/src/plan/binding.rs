//! What was weighed against a plan: a little more of each limit that it runs into, none of it, and the run that is cheapest to train.

use isoflop_numerics::quantile::median;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::limit::Limit;
use super::search::Optimum;

/// Draws that give a median to a fifth of a standard deviation.
const ENOUGH: usize = 40;

/// How much wider a limit is made to see what it is worth.
pub const RELAXED_BY: f64 = 0.1;

/// A limit that a plan runs into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// Which.
    pub limit: Limit,
    /// How wide it is, in words.
    pub amount: String,
    /// What a tenth more of it is worth, in the middle of the draws.
    pub worth: Worth,
}

/// What a wider limit is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Worth {
    /// So much lower a loss, nats per token.
    LowerLoss(f64),
    /// So large a share of the cost of reaching the goal.
    LowerCost(f64),
}

/// The limits that a plan meets with their worth, and what was weighed against it.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    pub(super) binding: Vec<Binding>,
    /// The alternatives, each with the reason against it.
    pub(super) ruled_out: Vec<String>,
}

/// Draws, each with its best run under the problem as it is.
struct Worlds<'a> {
    asked: &'a Asked<'a>,
    plan: &'a Optimum,
    best: Vec<(&'a [f64], Optimum)>,
}

/// An alternative in the middle of the draws, and how much better than the best run it is.
struct Alternative {
    run: Optimum,
    gain: f64,
}

/// Weighs wider limits, no limits, and the run that is cheapest to train against `plan`.
pub(super) fn weigh(asked: &Asked, plan: &Optimum) -> Weighed {
    /// A share of the cost below which an alternative is the same plan.
    const NOTABLE_SHARE: f64 = 1e-3;
    /// The same in nats.
    const NOTABLE_LOSS: f64 = 1e-4;
    let met = asked.space.met(asked.problem, plan.params, plan.tokens);
    let is_goal = asked.goal(asked.fit.point()).is_some();
    let notable = if is_goal { NOTABLE_SHARE } else { NOTABLE_LOSS };
    if met.is_empty() && asked.problem.demand.is_none() {
        return Weighed::default();
    }
    let worlds = Worlds::new(asked, plan);
    let mut weighed = Weighed::default();
    for limit in met {
        let amount = asked.problem.amount(limit);
        if let Some(wider) = worlds.relaxed(limit, 1.0 + RELAXED_BY) {
            let worth = if is_goal { Worth::LowerCost(wider.gain) } else { Worth::LowerLoss(wider.gain) };
            weighed.binding.push(Binding { limit, amount: amount.clone(), worth });
        }
        if limit == Limit::Budget {
            continue;
        }
        if let Some(Alternative { run, gain }) = worlds.relaxed(limit, f64::INFINITY).filter(|free| free.gain > notable)
        {
            let better =
                if is_goal { format!("{:.1} % cheaper", 100.0 * gain) } else { format!("loss lower by {gain:.4}") };
            weighed.ruled_out.push(format!("{}, {better}: more than {amount}", run.run()));
        }
    }
    if let Some(Alternative { run, gain }) = worlds.cheapest_to_train().filter(|other| -other.gain > NOTABLE_SHARE) {
        let dearer = -100.0 * gain;
        let line = format!("{}, cheapest to train for this loss: {dearer:.1} % dearer with its serving", run.run());
        weighed.ruled_out.push(line);
    }
    weighed
}

impl<'a> Worlds<'a> {
    fn new(asked: &'a Asked<'a>, plan: &'a Optimum) -> Self {
        let solved = |parameters| Some((parameters, asked.solve(parameters, Some(plan.params))?));
        Self { asked, plan, best: asked.some_worlds(ENOUGH).into_iter().filter_map(solved).collect() }
    }

    /// The best run with one limit `factor` times as wide.
    fn relaxed(&self, limit: Limit, factor: f64) -> Option<Alternative> {
        let problem = self.asked.problem.relaxed(limit, factor);
        let wider = Asked::new(self.asked.unasked, &problem).ok()?;
        self.middle(|parameters, best| {
            let after = wider.solve(parameters, Some(self.plan.params))?;
            // Searches end where loss is flat to rounding: a wider limit never raises it.
            let gain = if self.asked.goal(parameters).is_some() {
                1.0 - after.cost / best.cost
            } else {
                best.loss - after.loss
            };
            Some((after, gain.max(0.0)))
        })
    }

    /// The run that is cheapest to train to the same loss, priced with its serving; `None` without a demand.
    fn cheapest_to_train(&self) -> Option<Alternative> {
        self.asked.problem.demand.as_ref()?;
        let mut space = self.asked.space.without_budget();
        space.serving = 0.0;
        self.middle(|parameters, best| {
            let other = self.asked.search(&space).cheapest(parameters, best.loss, Some(best.params))?;
            let cost = self.asked.space.cost(other.params, other.tokens);
            Some((Optimum { cost, ..other }, 1.0 - cost / best.cost))
        })
    }

    fn middle(&self, alternative: impl Fn(&[f64], &Optimum) -> Option<(Optimum, f64)>) -> Option<Alternative> {
        let of = |(parameters, best): &(&[f64], Optimum)| alternative(parameters, best);
        let (runs, gains): (Vec<Optimum>, Vec<f64>) = self.best.iter().filter_map(of).unzip();
        let middle = |of: fn(&Optimum) -> f64| median(runs.iter().map(of).collect());
        let run = Optimum {
            params: middle(|run| run.params),
            tokens: middle(|run| run.tokens),
            loss: middle(|run| run.loss),
            cost: middle(|run| run.cost),
        };
        (!gains.is_empty()).then(|| Alternative { run, gain: median(gains) })
    }
}
