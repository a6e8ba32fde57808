//! A problem put to a fit: the law and the space it is solved in, its solution under every draw, and the one to act on.

use isoflop_numerics::bracket;
use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::quantile::median;

use super::error::{PlanError, ProblemError};
use super::problem::{Baseline, Goal, Problem, Repetition};
use super::search::{COARSE, FINE, Optimum, Search, Text};
use super::space::Space;
use super::world::World;
use crate::fit::{Draw, Fit};
use crate::law::{Setting, Variable};
use crate::units::{Flops, Tokens};

/// A problem with the fit that answers it.
pub(super) struct Asked<'a> {
    pub(super) problem: &'a Problem,
    /// The fit as it came.
    pub(super) unasked: &'a Fit,
    /// The fit, asked about the text of the problem.
    pub(super) fit: Fit,
    pub(super) space: Space,
    /// Distinct tokens, where what a run needs beyond them it repeats.
    pub(super) unique_tokens: Option<Tokens>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(unasked: &'a Fit, problem: &'a Problem) -> Result<Self, PlanError> {
        problem.check()?;
        let fit = match problem.limits.repetition {
            Repetition::Published => unasked
                .with_published_repetition()
                .ok_or_else(|| ProblemError::NoPublishedRepetition(unasked.law().name()))?,
            Repetition::Fitted => unasked.clone(),
        };
        let knows_repetition = fit.law().variables().contains(&Variable::UniqueTokens);
        let one_pass = problem.limits.epochs.is_some_and(|epochs| epochs <= 1.0);
        let fit = match problem.limits.unique_tokens {
            // Text that is never repeated asks nothing of the law.
            Some(_) if one_pass && !knows_repetition => fit,
            Some(unique) => fit.with_unique_tokens(unique)?,
            None => fit,
        };
        let space = Space::new(problem, &fit.law().reach())?;
        let unique_tokens = problem.limits.unique_tokens.or(fit.unique_tokens());
        let asked = Self { problem, unasked, unique_tokens, fit, space };
        let largest = asked.fit.largest_flops();
        let compute = if problem.budget.is_some() { Some(asked.space.budget) } else { largest };
        match compute.and_then(|flops| Flops::new(flops).ok()) {
            Some(flops) => asked.fit.check_best_size(flops)?,
            None => asked.fit.check_recipe()?,
        }
        if matches!(problem.goal, Goal::Better { than: Baseline::LargestFitted, .. }) && largest.is_none() {
            return Err(ProblemError::NoBaseline.into());
        }
        Ok(asked)
    }

    /// The optimiser over `space`.
    pub(super) fn search<'s>(&'s self, space: &'s Space) -> Search<'s> {
        let law = self.fit.law();
        let text = match self.fit.unique_tokens() {
            None => Text::Fresh,
            Some(unique) if law.repetition_can_hurt() => Text::CanHurt(unique.get()),
            Some(_) => Text::Repeated,
        };
        Search { law, space, text, tolerance: FINE, factor: None }
    }

    /// The loss to reach under `parameters`; `None` where the goal is the lowest.
    pub(super) fn goal(&self, parameters: &[f64]) -> Option<f64> {
        let (share, than) = match self.problem.goal {
            Goal::LowestLoss => return None,
            Goal::Loss(loss) => return Some(loss.get()),
            Goal::Better { share, than } => (share, than),
        };
        let law = self.fit.law();
        let best = |flops: f64| {
            let params = law.best_ln_params(parameters, flops).map_or(f64::NAN, exp);
            Setting::single_pass(params, flops / crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN / params)
        };
        let at = match than {
            Baseline::Run { params, tokens } => Setting::single_pass(params.get(), tokens.get()),
            Baseline::Best(flops) => best(flops.get()),
            Baseline::LargestFitted => best(self.fit.largest_flops().unwrap_or(f64::NAN)),
        };
        Some((1.0 - share) * law.loss(parameters, &at))
    }

    /// The best run under `parameters`. What a goal costs is asked whatever the budget: that is compared afterwards.
    pub(super) fn solve(&self, parameters: &[f64], near: Option<f64>) -> Option<Optimum> {
        self.solve_in(&self.space, parameters, near)
    }

    /// The same among the runs of another space.
    pub(super) fn solve_in(&self, space: &Space, parameters: &[f64], near: Option<f64>) -> Option<Optimum> {
        // From another draw's optimum: one of many.
        let tolerance = if near.is_some() { COARSE } else { FINE };
        match self.goal(parameters) {
            None => Search { tolerance, ..self.search(space) }.lowest_loss(parameters, near),
            Some(goal) => {
                let space = space.without_budget();
                Search { tolerance, ..self.search(&space) }.cheapest(parameters, goal, near)
            }
        }
    }

    /// The run to act on: the best of a plain fit's point, or of the size that is best in the middle of a posterior's draws; `None` where
    /// there is none within the budget.
    pub(super) fn central(&self, worlds: &[World]) -> Option<Optimum> {
        let solution = if self.fit.prior().is_none() || self.fit.draws().is_empty() {
            self.solve(self.fit.point(), None)
        } else {
            self.middle(worlds)
        };
        solution.filter(|solution| solution.cost <= self.space.budget * (1.0 + 1e-9))
    }

    fn middle(&self, worlds: &[World]) -> Option<Optimum> {
        let found: Vec<Optimum> = worlds.iter().filter_map(|world| world.best).collect();
        if 2 * found.len() < worlds.len().max(1) {
            return None;
        }
        let params = exp(median(found.iter().map(|found| ln(found.params)).collect()));
        let params = params.clamp(self.space.params.0, self.space.params.1);
        let tokens = median(found.iter().map(|found| found.tokens).collect());
        let space =
            if self.goal(self.fit.point()).is_some() { self.space.without_budget() } else { self.space.clone() };
        let most = space.most_tokens(params);
        let tokens = match self.central_goal() {
            None if self.search(&space).can_hurt() => tokens.min(most),
            None => most,
            Some(goal) => {
                let search = self.search(&space).reaching(goal);
                let loss = |tokens: f64| self.fit.central(|parameters| Some(search.loss(parameters, params, tokens)));
                let excess = |ln_tokens: f64| loss(exp(ln_tokens)).unwrap_or(f64::NAN) - goal;
                // The draws' tokens for a goal that the middle size cannot reach in the middle of the draws.
                let (fewest, tokens) = (ln(space.tokens.0), tokens.min(most));
                let enough =
                    (0..=8).map(|doubling| ln(tokens) + f64::from(doubling) * 0.5).take_while(|at| *at <= ln(most));
                let enough = enough.chain([ln(most)]).find(|at| excess(*at) <= 0.0);
                enough.and_then(|enough| bracket::root(excess, fewest, enough, 1e-9)).map_or(tokens, exp)
            }
        };
        Some(Optimum { params, tokens, loss: self.central_loss(params, tokens), cost: space.cost(params, tokens) })
    }

    /// The loss of a run in the middle of the draws.
    pub(super) fn central_loss(&self, params: f64, tokens: f64) -> f64 {
        let search = self.search(&self.space);
        self.fit.central(|parameters| Some(search.loss(parameters, params, tokens))).unwrap_or(f64::NAN)
    }

    /// The loss to reach, in the middle of the draws.
    pub(super) fn central_goal(&self) -> Option<f64> {
        self.fit.central(|parameters| self.goal(parameters))
    }

    /// The parameters of about `enough` draws, or those of the point that is acted on: for the middle of what takes long.
    pub(super) fn some_worlds(&self, enough: usize) -> Vec<&[f64]> {
        let draws = self.fit.draws();
        if draws.is_empty() || self.fit.prior().is_none() {
            return vec![self.fit.point()];
        }
        let every = draws.len().div_ceil(enough);
        draws.iter().step_by(every).map(|draw: &Draw| draw.parameters.as_slice()).collect()
    }
}
