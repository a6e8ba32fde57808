//! The runs that would tell two recipes apart: the next runs whose decision is the gain, under the form that the runs bear.

use isoflop_numerics::elementary::ln;
use serde::Serialize;

use super::curve::Curve;
use super::gain::{Rivals, Span};
use crate::design::{Candidate, Change, Joint, Lead, NextRun, Problem, Purpose, candidates_around, sd_that_separates};

/// More runs than this nobody trains to tell two recipes apart.
const MOST_RUNS: usize = 100;
/// The largest of these runs over the largest at hand; the second where the first does not tell.
const REACHES: [f64; 2] = [1.0, 10.0];
/// More runs should take away at least this share of the variance, or they are not worth naming.
const HALF: f64 = 0.5;

/// The cheapest runs found that would separate two recipes, if they differ as estimated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Separation {
    /// By how much one is ahead of the other at the compute asked about, without and with the runs.
    pub lead: Lead,
    /// The largest run that was considered, FLOP: as large as those at hand, or ten times that where smaller ones do not tell.
    pub largest: f64,
    /// The most runs that were considered.
    pub most_runs: usize,
    /// The runs, the cheapest first; a setting that is repeated stands there as often. None where not even so many so large would
    /// separate the recipes.
    pub runs: Vec<NextRun>,
    /// Compute of all of them, FLOP.
    pub spent: f64,
}

impl Rivals<'_> {
    /// The runs that would separate the two, of recipes called `names`, told apart by `runs` runs so far.
    pub(super) fn separation(&self, names: &[String], runs: usize, span: Span, flops: f64) -> Option<Separation> {
        let mut found = None;
        for reach in REACHES {
            found = self.separation_within(names, runs, span, reach * span.largest, flops);
            if found.as_ref().is_some_and(|found| found.lead.separated) {
                break;
            }
        }
        found
    }

    /// The same with no run larger than `largest`.
    fn separation_within(
        &self,
        names: &[String],
        runs: usize,
        span: Span,
        largest: f64,
        flops: f64,
    ) -> Option<Separation> {
        let grid = candidates_around(span.largest, largest, span.ratios).ok()?;
        let recipes = [self.recipe, self.reference];
        let named = |recipe: usize| {
            grid.iter().map(move |candidate| Candidate { recipe: Some(names[recipe].clone()), ..candidate.clone() })
        };
        let candidates: Vec<Candidate> = recipes.into_iter().flat_map(named).collect();
        let lead = |curves: &[Curve]| {
            let best = |recipe: usize| curves[recipe].best_loss(flops);
            Some(ln(best(self.reference)?) - ln(best(self.recipe)?)).filter(|lead| lead.is_finite())
        };
        let answers = self.fitted.draws.iter().filter_map(|curves| Some((curves, lead(curves)?)));
        let (draws, leads): (Vec<&Vec<Curve>>, Vec<f64>) = answers.unzip();
        if draws.is_empty() {
            return None;
        }
        let ln_losses = |(number, candidate): (usize, &Candidate)| {
            let recipe = recipes[number / grid.len()];
            let loss = |curves: &&Vec<Curve>| ln(curves[recipe].loss(candidate.params.get(), candidate.tokens.get()));
            draws.iter().map(loss).collect::<Vec<f64>>()
        };
        let leading = candidates.len();
        let joints =
            [Joint::of_draws(&candidates.iter().enumerate().map(ln_losses).chain([leads]).collect::<Vec<_>>())];
        let costs: Vec<f64> = candidates.iter().map(|candidate| candidate.flops.get()).collect();
        let scatter = self.fitted.scatter(runs);
        let problem = Problem {
            costs: &costs,
            noise: &vec![scatter * scatter; candidates.len()],
            asked: &[(leading, 1.0)],
            price: 0.0,
            budget: f64::INFINITY,
            max_runs: MOST_RUNS,
        };
        let value = lead(&self.fitted.point)?;
        // Where the draws tell the recipes apart and the test on all runs does not yet, half the variance is to go as well.
        let enough = (sd_that_separates(value) * sd_that_separates(value)).min(HALF * joints[0].variance(leading));
        let batch = problem.cheapest_batch(&joints, enough);
        let batch = batch.unwrap_or_else(|| problem.batch(&joints, &vec![0; candidates.len()]));
        let sd = |joint: &Joint| joint.variance(leading).max(0.0).sqrt();
        let gain = self.gain_of(&self.fitted.point, flops)?;
        let change = Change { before: sd(&joints[0]), after: sd(&batch.joints[0]) };
        Some(Separation {
            lead: Lead::new(names[self.recipe].clone(), names[self.reference].clone(), value, gain, change),
            largest,
            most_runs: MOST_RUNS,
            spent: problem.spent(&batch),
            runs: problem.runs(&batch, &candidates, |_| Purpose::Gain),
        })
    }
}
