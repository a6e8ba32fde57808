//! Which runs are allowed and what they cost: the limits of a problem in plain numbers, whatever the law.

use super::error::PlanError;
use super::limit::Limit;
use super::problem::Problem;
use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use crate::law::Reach;
use crate::units::Tokens;

/// What stands for no limit: beyond every size and every text, and its square is still a number.
const UNLIMITED: f64 = 1e60;

/// The runs that are allowed.
///
/// ```text
/// N <= N_max,   D <= D_max,   6ND <= C_max,   N (6D + s) <= budget
/// ```
#[derive(Debug, Clone)]
pub(super) struct Space {
    /// Smallest and largest N.
    pub(super) params: (f64, f64),
    /// Smallest and largest D.
    pub(super) tokens: (f64, f64),
    /// C_max, most compute of training.
    training: f64,
    /// Most that training and serving may cost together, in FLOP of training.
    pub(super) budget: f64,
    /// s: what serving one parameter costs, in FLOP of training.
    pub(super) serving: f64,
    /// Tokens a step, where what they waste is counted.
    pub(super) batch: Option<f64>,
}

impl Space {
    /// What `problem` allows within `reach`, where a law holds.
    pub(super) fn new(problem: &Problem, reach: &Reach) -> Result<Self, PlanError> {
        let unlimited = |limit: Option<f64>| limit.unwrap_or(UNLIMITED * UNLIMITED);
        let limits = &problem.limits;
        let most_tokens =
            limits.unique_tokens.zip(limits.epochs).map_or(UNLIMITED, |(unique, epochs)| unique.get() * epochs);
        let most_params = problem.most_params().map_or(UNLIMITED, |(most, _)| most);
        Ok(Self {
            // At least one parameter and one token.
            params: (reach.params.0.max(1.0), reach.params.1.min(most_params)),
            tokens: (reach.tokens.0.max(1.0), reach.tokens.1.min(most_tokens)),
            training: unlimited(problem.days_flops()?),
            budget: unlimited(problem.budget_flops()?),
            serving: problem.serving_per_param(),
            batch: problem.batch.map(Tokens::get),
        })
    }

    /// The same without a budget.
    pub(super) fn without_budget(&self) -> Self {
        Self { budget: UNLIMITED * UNLIMITED, ..self.clone() }
    }

    /// The same with compute scaled by `factor`.
    pub(super) fn with_compute(&self, factor: f64) -> Self {
        Self { budget: self.budget * factor, training: self.training * factor, ..self.clone() }
    }

    /// What a run costs, in FLOP of training.
    pub(super) fn cost(&self, params: f64, tokens: f64) -> f64 {
        params * (TRAINING_FLOPS_PER_PARAM_TOKEN * tokens + self.serving)
    }

    /// The most tokens that a model of `params` may be trained on; negative where serving alone costs too much.
    pub(super) fn most_tokens(&self, params: f64) -> f64 {
        let by_budget = (self.budget / params - self.serving) / TRAINING_FLOPS_PER_PARAM_TOKEN;
        self.tokens.1.min(self.training / (TRAINING_FLOPS_PER_PARAM_TOKEN * params)).min(by_budget)
    }

    /// The largest size that may see the fewest tokens.
    pub(super) fn most_params(&self) -> f64 {
        let fewest = TRAINING_FLOPS_PER_PARAM_TOKEN * self.tokens.0;
        self.params.1.min(self.training / fewest).min(self.budget / (fewest + self.serving))
    }

    /// Sizes at which another limit on tokens takes over: where a best run often lies.
    pub(super) fn corners(&self) -> [f64; 3] {
        let most = TRAINING_FLOPS_PER_PARAM_TOKEN * self.tokens.1;
        [self.training / most, self.budget / (most + self.serving), (self.budget - self.training) / self.serving]
    }

    /// The compute that a run of `params` on `tokens` may come to where only compute is limited and serving costs nothing.
    pub(super) fn compute_alone(&self) -> Option<f64> {
        let compute = self.training.min(self.budget);
        (self.serving == 0.0 && compute < UNLIMITED * UNLIMITED).then_some(compute)
    }

    /// Whether a run keeps to every limit.
    pub(super) fn allows(&self, params: f64, tokens: f64) -> bool {
        /// Rounding in products of the limits.
        const SLACK: f64 = 1.0 + 1e-12;
        let within = |(low, high): (f64, f64), value: f64| low <= value * SLACK && value <= high * SLACK;
        within(self.params, params)
            && within(self.tokens, tokens)
            && TRAINING_FLOPS_PER_PARAM_TOKEN * params * tokens <= self.training * SLACK
            && self.cost(params, tokens) <= self.budget * SLACK
    }

    /// The limits of `problem` that a run of `params` on `tokens` meets.
    pub(super) fn met(&self, problem: &Problem, params: f64, tokens: f64) -> Vec<Limit> {
        /// A search ends this near a limit.
        const MET: f64 = 1.0 - 1e-6;
        let limits = &problem.limits;
        let size = problem.most_params().filter(|(most, _)| params >= MET * most).map(|(_, limit)| limit);
        let epochs = limits.epochs.is_some() && tokens >= MET * self.tokens.1;
        // Each more distinct token spares a repeated one.
        let unique = limits.unique_tokens.is_some_and(|unique| tokens > unique.get() * MET);
        let days = TRAINING_FLOPS_PER_PARAM_TOKEN * params * tokens >= MET * self.training;
        let budget = self.cost(params, tokens) >= MET * self.budget;
        [
            budget.then_some(Limit::Budget),
            size,
            unique.then_some(Limit::UniqueTokens),
            epochs.then_some(Limit::Epochs),
            days.then_some(Limit::Days),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
