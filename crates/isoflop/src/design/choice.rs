//! The choice: candidates that can be paid, what they would show of what is asked, and the batch that serves the decision best.

use super::belief::Belief;
use super::candidates::Candidate;
use super::conditioning::Joint;
use super::decision::{Decision, Lead, sd_that_separates};
use super::next::{
    Change, MOST_CANDIDATES, NEXT_SCHEMA, NextError, NextOptions, NextRun, NextRuns, Purpose, TARGET_REACH,
};
use super::search::{Batch, Problem};
use crate::fit::Fit;
use crate::units::Flops;

/// What the expected waste of compute is worth against the variance of ln loss: a standard deviation of 1 % of the loss counts as much as
/// half a percent of the compute wasted, since .01² = .02 · .005. Less, and the choice of the size is neglected for the forecast (LOG.md).
const WASTE_WEIGHT: f64 = 0.02;
/// One effect of a run counts as what it is for where it is this many times the other.
const MAINLY: f64 = 3.0;
/// The validation run may take this share of the budget.
const VALIDATION_SHARE: f64 = 0.25;
/// Runs whose compute is within this factor are as large as each other.
const AS_LARGE: f64 = 2.0;

/// Candidates that can be paid, and the joints of what they would show with what is asked.
pub(super) struct Choice {
    belief: Belief,
    decision: Decision,
    budget: Flops,
    max_runs: usize,
    candidates: Vec<Candidate>,
    costs: Vec<f64>,
    noise: Vec<f64>,
    validation: Option<Candidate>,
    waste_per_variance: f64,
    /// The mean of the lead, where a gain is to be decided.
    lead: Option<f64>,
    /// The first as the draws have it; the second, where there is one, with k known.
    joints: Vec<Joint>,
}

impl Choice {
    /// Of `candidates` that `budget` pays for, one by one.
    pub(super) fn new(
        belief: Belief,
        budget: Flops,
        mut candidates: Vec<Candidate>,
        options: &NextOptions,
    ) -> Result<Self, NextError> {
        let validation = options.validate.then(|| validation(&candidates, budget)).flatten();
        if let Some(validation) = &validation {
            candidates.retain(|candidate| candidate.flops <= validation.flops);
        }
        if candidates.len() > MOST_CANDIDATES {
            return Err(NextError::TooManyCandidates { found: candidates.len() });
        }
        let target = &belief.target;
        let leads = belief.leads();
        // A lead is asked of the law as it is: that one of two recipes is better does not hang on k.
        let couplings = if leads.is_some() { None } else { belief.fit().ln_couplings() };
        let lead = leads.as_ref().map(|leads| leads.iter().sum::<f64>() / leads.len() as f64);
        let quantities: Vec<Vec<f64>> = candidates
            .iter()
            .map(|candidate| belief.ln_losses(candidate))
            .chain([belief.fit().ln_losses(target.params.get(), target.tokens.get()), belief.ln_sizes()])
            .chain(leads)
            .chain(couplings)
            .collect();
        let size = candidates.len() + 1;
        let mut joints = vec![Joint::of_draws(&quantities)];
        if lead.is_none() && quantities.len() > size + 1 {
            let mut known = joints[0].clone();
            known.observe(size + 1, 0.0);
            joints.push(known);
        }
        Ok(Self {
            decision: options.decision.clone(),
            budget,
            max_runs: options.max_runs,
            costs: candidates.iter().map(|candidate| candidate.flops.get()).collect(),
            noise: candidates.iter().map(|candidate| belief.run_variance(candidate)).collect(),
            waste_per_variance: belief.waste / joints[0].variance(size),
            validation,
            lead,
            joints,
            candidates,
            belief,
        })
    }

    /// The quantity that is the target's loss.
    fn loss(&self) -> usize {
        self.candidates.len()
    }

    /// The one that is its best size.
    fn size(&self) -> usize {
        self.candidates.len() + 1
    }

    /// The one that is the lead, where a gain is to be decided.
    fn leading(&self) -> usize {
        self.candidates.len() + 2
    }

    /// The quantities whose variances are to fall, with their weights, and what a FLOP counts beside them.
    fn aim(&self) -> (Vec<(usize, f64)>, f64) {
        let target = &self.belief.target;
        let share_of_target = 1.0 / target.flops.get();
        match self.decision {
            Decision::Both => {
                let price = if target.assumed { 0.0 } else { WASTE_WEIGHT * share_of_target };
                (vec![(self.loss(), 1.0), (self.size(), WASTE_WEIGHT * self.waste_per_variance)], price)
            }
            Decision::Loss => (vec![(self.loss(), 1.0)], 0.0),
            Decision::Size => (vec![(self.size(), 1.0)], 0.0),
            Decision::Regret => (vec![(self.size(), self.waste_per_variance)], share_of_target),
            Decision::Gain { .. } => (vec![(self.leading(), 1.0)], 0.0),
        }
    }

    /// What to train next, for `fit`.
    pub(super) fn next_runs(&self, fit: &Fit) -> NextRuns {
        let set_aside = self.validation.as_ref().map_or(0.0, |validation| validation.flops.get());
        let (asked, price) = self.aim();
        let problem = Problem {
            costs: &self.costs,
            noise: &self.noise,
            asked: &asked,
            price,
            budget: self.budget.get() - set_aside,
            max_runs: self.max_runs - usize::from(self.validation.is_some()).min(self.max_runs),
        };
        let enough = self.lead.map(|lead| sd_that_separates(lead) * sd_that_separates(lead));
        let separating = enough.and_then(|enough| problem.cheapest_batch(&self.joints, enough));
        let mut batch = separating.unwrap_or_else(|| problem.best_batch(&self.joints));
        let stopped = price > 0.0 && problem.could_go_on(&batch);
        if fit.noise().is_none() {
            self.repeat_one(&problem, &mut batch);
        }
        let batch = problem.batch(&self.joints, &batch.repeats);
        let (before, after) = (&self.joints[0], &batch.joints[0]);
        let change = |of: &dyn Fn(&Joint) -> f64| Change { before: of(before).max(0.0), after: of(after).max(0.0) };
        let sd = |quantity: usize| change(&|joint| joint.variance(quantity).max(0.0).sqrt());
        let waste = |joint: &Joint| self.waste_per_variance * joint.variance(self.size());
        let target = self.belief.target;
        let runs = problem.runs(&batch, &self.candidates, |candidate| self.purpose(&problem, &batch, candidate));
        let validation = self.validation.as_ref().map(|candidate| NextRun::of(candidate, Purpose::Validation));
        NextRuns {
            schema: NEXT_SCHEMA.to_owned(),
            decision: self.decision.clone(),
            target,
            spent: runs.iter().chain(&validation).map(|run| run.flops.get()).fold(0.0, |sum, flops| sum + flops),
            validation,
            budget: self.budget,
            stopped,
            loss_sd: sd(self.loss()),
            ln_params_sd: sd(self.size()),
            waste: change(&waste),
            regret: change(&|joint| waste(joint) * target.flops.get()),
            lead: self.lead(&sd),
            assumptions: self.assumptions(fit),
            warnings: fit.warnings().to_vec(),
            runs,
        }
    }

    /// The lead, where a gain is to be decided, with what becomes of its standard deviation.
    fn lead(&self, sd: &dyn Fn(usize) -> Change) -> Option<Lead> {
        let Decision::Gain { recipe, over } = &self.decision else { return None };
        Some(Lead::new(recipe.clone(), over.clone(), self.lead?, self.belief.gain()?, sd(self.leading())))
    }

    /// Where nobody knows how runs scatter and none is repeated, repeats the cheapest instead of what is missed least.
    fn repeat_one(&self, problem: &Problem<'_>, batch: &mut Batch) {
        let chosen = || (0..self.costs.len()).filter(|candidate| batch.repeats[*candidate] > 0);
        if chosen().any(|candidate| batch.repeats[candidate] > 1) || chosen().count() < 2 {
            return;
        }
        let Some(cheapest) = chosen().min_by(|a, b| self.costs[*a].total_cmp(&self.costs[*b])) else { return };
        let doubt_without = |candidate: usize| {
            let mut without = batch.clone();
            problem.remove(&mut without, candidate);
            problem.doubt(&without.joints)
        };
        let others = chosen().filter(|candidate| *candidate != cheapest).map(|other| (other, doubt_without(other)));
        if let Some((least, _)) = others.min_by(|a, b| a.1.total_cmp(&b.1)) {
            problem.remove(batch, least);
            problem.add(batch, cheapest);
        }
    }

    /// What would be missed more without any run of `candidate`: the forecast of the loss or the choice of the size.
    fn purpose(&self, problem: &Problem<'_>, batch: &Batch, candidate: usize) -> Purpose {
        if self.lead.is_some() {
            return Purpose::Gain;
        }
        let mut without = batch.clone();
        for _ in 0..batch.repeats[candidate] {
            problem.remove(&mut without, candidate);
        }
        let missed = |asked: usize| without.joints[0].variance(asked) / batch.joints[0].variance(asked) - 1.0;
        match (missed(self.loss()), missed(self.size())) {
            (loss, size) if loss > MAINLY * size => Purpose::Loss,
            (loss, size) if size > MAINLY * loss => Purpose::Size,
            _ => Purpose::Both,
        }
    }

    fn assumptions(&self, fit: &Fit) -> Vec<String> {
        let mut assumptions = vec!["a fit of all runs, the old and the next, with the same law".to_owned()];
        if self.belief.target.assumed {
            assumptions.push(format!(
                "no target was named: {TARGET_REACH} times the largest run that the budget allows; --target-flops names one"
            ));
        }
        if self.joints.len() > 1 {
            assumptions.push("the coupling k counted half as unknown, half as known".to_owned());
        }
        if self.lead.is_some() {
            assumptions.push(
                "recipes share floor and exponents, as the fit has it; isoflop compare tests that on the runs"
                    .to_owned(),
            );
        }
        assumptions.extend(fit.source().map(|source| format!("before any run: {source}")));
        assumptions
    }
}

/// The candidate to hold out: among those as large as a share of the budget allows, the one of middling tokens per parameter.
fn validation(candidates: &[Candidate], budget: Flops) -> Option<Candidate> {
    let affordable = || candidates.iter().filter(|candidate| candidate.flops.get() <= VALIDATION_SHARE * budget.get());
    let largest = affordable().map(|candidate| candidate.flops.get()).fold(0.0, f64::max);
    let mut large: Vec<&Candidate> =
        affordable().filter(|candidate| candidate.flops.get() * AS_LARGE >= largest).collect();
    let ratio = |candidate: &Candidate| candidate.tokens.get() / candidate.params.get();
    large.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    large.get(large.len() / 2).map(|candidate| (*candidate).clone())
}
