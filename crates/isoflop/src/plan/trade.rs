//! Runs of other sizes that end at a plan's loss: what each costs in training and in serving.

use isoflop_numerics::bracket;
use isoflop_numerics::elementary::{exp, ln};
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Plan, PlanError, Problem};
use crate::counting::{SERVING_FLOPS_PER_PARAM_TOKEN, TRAINING_FLOPS_PER_PARAM_TOKEN};
use crate::fit::Fit;

/// Sizes from the plan's divided by this to the plan's times this are looked at.
const SPAN: f64 = 30.0;
/// Tokens up to the plan's times this are looked at: the smallest sizes that reach a loss take endless text for it.
const FARTHEST: f64 = 1e6;
/// Good to this in ln D.
const TOLERANCE: f64 = 1e-9;

/// Ways to one loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trade {
    /// The loss that all of them reach, nats per token.
    pub loss: f64,
    /// What costs are counted in.
    pub unit: TradeUnit,
    /// By rising size; sizes that do not reach the loss are left out.
    pub runs: Vec<Traded>,
}

/// What the costs of a [`Trade`] are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradeUnit {
    /// Training and serving in dollars.
    Dollars,
    /// Training and serving in FLOP of training.
    Flops,
    /// Training in FLOP, serving in FLOP a token, for nothing is said of how much is served: the two have no sum.
    FlopsPerToken,
}

/// One way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Traded {
    /// Model size.
    pub params: f64,
    /// Tokens to train it on.
    pub tokens: f64,
    /// What training costs.
    pub training: f64,
    /// What serving costs.
    pub serving: f64,
}

impl Traded {
    /// Both together.
    pub fn total(&self) -> f64 {
        self.training + self.serving
    }
}

impl Fit {
    /// At `count` sizes around that of `plan`, which answers `problem`, the fewest tokens that end at its loss in the middle of the draws, and
    /// what training and serving cost.
    ///
    /// ```text
    /// L(N, D(N)) = L_plan,    training 6 N D(N),    serving N s  (2 N S p; 2 N a token where no S is given)
    /// ```
    ///
    /// The limits of the problem hold but for its budget; the plan is the cheapest of these runs in training and serving together.
    ///
    /// # Source
    /// Sardana et al. 2024, arXiv:2401.00448.
    ///
    /// # Errors
    /// As [`Fit::solve`].
    ///
    /// # Example
    /// ```
    /// use isoflop::plan::{Budget, Problem};
    /// use isoflop::{Fit, Flops, law::published};
    /// let fit = Fit::from_published(published("besiroglu2024").unwrap());
    /// let problem = Problem::of_budget(Budget::Flops(Flops::new(1e21)?), None);
    /// let plan = fit.solve(&problem, 0.9)?;
    /// let trade = fit.trade(&problem, &plan, 61)?;
    /// let cheapest = trade.runs.iter().min_by(|one, other| one.training.total_cmp(&other.training)).unwrap();
    /// assert!((cheapest.params / plan.params.value - 1.0).abs() < 1e-9 && (cheapest.training / 1e21 - 1.0).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trade(&self, problem: &Problem, plan: &Plan, count: usize) -> Result<Trade, PlanError> {
        let asked = Asked::new(self, problem)?;
        let space = asked.space.without_budget();
        let search = asked.search(&space);
        let loss = plan.loss.value;
        let (unit, price) = match (&problem.demand, problem.dollars_per_flop()) {
            (None, _) => (TradeUnit::FlopsPerToken, 1.0),
            (Some(_), None) => (TradeUnit::Flops, 1.0),
            (Some(_), Some(price)) => (TradeUnit::Dollars, price),
        };
        let serving = if problem.demand.is_some() { space.serving } else { SERVING_FLOPS_PER_PARAM_TOKEN };
        let traded = |params: f64| {
            let most = space.most_tokens(params);
            if most < space.tokens.0 || !(space.params.0..=space.params.1).contains(&params) {
                return None;
            }
            let middle = |tokens: f64| asked.fit.central(|parameters| Some(search.loss(parameters, params, tokens)));
            let excess = |ln_tokens: f64| middle(exp(ln_tokens)).unwrap_or(f64::NAN) - loss;
            let farthest = most.min(FARTHEST * plan.tokens.value);
            let tokens = exp(bracket::root(excess, ln(space.tokens.0), ln(farthest), TOLERANCE)?);
            let training = TRAINING_FLOPS_PER_PARAM_TOKEN * params * tokens * price;
            Some(Traded { params, tokens, training, serving: serving * params * price })
        };
        let half = count.saturating_sub(1).max(1) as f64 / 2.0;
        let size = |step: usize| plan.params.value * exp(ln(SPAN) * (step as f64 - half) / half);
        Ok(Trade { loss, unit, runs: (0..count).map(size).filter_map(traded).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::published;
    use crate::plan::{Budget, Demand};
    use crate::{Flops, Nats, Tokens};

    #[test]
    fn the_plan_is_the_cheapest_way_to_its_loss() {
        let fit = Fit::from_published(published("besiroglu2024").unwrap());
        let demand = Demand { tokens: Tokens::new(3e12).unwrap(), answers: None, rental: None };
        let budget = Budget::Flops(Flops::new(1e23).unwrap());
        let problem = Problem { demand: Some(demand), ..Problem::of_budget(budget, None) };
        let plan = fit.solve(&problem, 0.9).unwrap();
        let trade = fit.trade(&problem, &plan, 121).unwrap();
        let cheapest = trade.runs.iter().min_by(|one, other| one.total().total_cmp(&other.total())).unwrap();
        assert_eq!(trade.unit, TradeUnit::Flops);
        assert!((cheapest.params / plan.params.value - 1.0).abs() < 1e-9, "{cheapest:?}");
        assert!((cheapest.total() / 1e23 - 1.0).abs() < 1e-6, "{cheapest:?}");
        for run in &trade.runs {
            let loss =
                fit.expected_loss(crate::Params::new(run.params).unwrap(), Tokens::new(run.tokens).unwrap()).unwrap();
            assert!((loss.get() - plan.loss.value).abs() < 1e-6, "{run:?}");
        }
        // Serving rises with size; training is cheapest at the size that is best without serving.
        assert!(trade.runs.windows(2).all(|pair| pair[0].serving < pair[1].serving));
        let goal = Problem::of_goal(Nats::new(plan.loss.value).unwrap(), None);
        let alone = fit.solve(&goal, 0.9).unwrap();
        let trained = trade.runs.iter().min_by(|one, other| one.training.total_cmp(&other.training)).unwrap();
        assert!((trained.params / alone.params.value).ln().abs() < 0.06, "{trained:?} {alone:?}");
        assert_eq!(fit.trade(&goal, &alone, 9).unwrap().unit, TradeUnit::FlopsPerToken);
    }

    #[test]
    fn sizes_too_small_for_the_loss_are_left_out() {
        let fit = Fit::from_published(published("besiroglu2024").unwrap());
        let problem = Problem::of_goal(Nats::new(2.0).unwrap(), None);
        let plan = fit.solve(&problem, 0.9).unwrap();
        let trade = fit.trade(&problem, &plan, 41).unwrap();
        assert!(trade.runs.len() < 41 && trade.runs[0].params > plan.params.value / SPAN, "{trade:?}");
    }
}
