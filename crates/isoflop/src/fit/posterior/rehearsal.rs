//! Rehearsals of extrapolation: the law fitted to the smaller runs and judged on the larger.

use isoflop_numerics::elementary::{ln, log10};
use isoflop_numerics::nuts::Settings;
use isoflop_numerics::parallel;
use isoflop_numerics::quantile::median;

use super::form::Form;
use super::sampler;
use super::target::Target;
use crate::fit::form_error::Rehearsal;
use crate::fit::prior::Prior;
use crate::fit::{Draw, Tails};
use crate::runs::Run;
use crate::runs::groups::{CUT_SHARES, by_compute, can_be_judged, cut_at};
use crate::runs::replicates::witnesses;

/// A run farther off than this is an accident, not a drift.
const LARGEST_ERROR: f64 = 0.3;

/// How parts of the runs are fitted again: as all of them were.
#[derive(Clone, Copy)]
pub(super) struct Refits<'a> {
    pub(super) form: &'a Form,
    pub(super) prior: &'a Prior,
    pub(super) tails: Tails,
    /// Share of the scatter's variance that seeds make.
    pub(super) seed_share: f64,
    pub(super) seed: u64,
}

impl Refits<'_> {
    /// Draws of the posterior of `runs`; `None` where they have none.
    pub(super) fn draws(&self, runs: &[Run]) -> Option<Vec<Draw>> {
        /// The doubt of a refit is needed to a few percent only.
        const SETTINGS: Settings =
            Settings { chains: 2, warmup: 100, draws: 100, target_acceptance: 0.8, max_depth: 8, threads: 1, seed: 0 };
        let target = Target::new(self.form, runs, self.prior, self.tails, self.seed_share);
        let mode = sampler::mode(&target)?;
        let chains = sampler::chains(&target, &mode, Settings { seed: self.seed, ..SETTINGS })?;
        Some(chains.pooled().filter_map(|at| target.draw_at(at)).collect())
    }
}

/// Rehearsals at each cut that leaves enough on both sides; `runs` in any order.
pub(super) fn rehearsals(refits: Refits, runs: &[Run], threads: usize) -> Vec<Rehearsal> {
    let sorted = by_compute(runs);
    let mut cuts: Vec<usize> = CUT_SHARES.iter().map(|share| cut_at(&sorted, *share)).collect();
    cuts.dedup();
    let rehearse = |number: usize| {
        let (fitted, judged) = sorted.split_at(cuts[number]);
        if !can_be_judged(fitted, judged) {
            return None;
        }
        let largest = fitted.last()?.flops.get();
        let decades = |run: &Run| log10(run.flops.get() / largest);
        let draws = refits.draws(fitted)?;
        Some(judge(refits.form, &draws, fitted.len(), judged, &witnesses(judged, refits.seed_share), &decades))
    };
    parallel::map(cuts.len(), threads, rehearse).into_iter().flatten().collect()
}

/// The drift of the judged runs from the median of the draws, by least squares on the distance.
fn judge(
    form: &Form,
    draws: &[Draw],
    fitted: usize,
    judged: &[Run],
    witnesses: &[f64],
    decades: &dyn Fn(&Run) -> f64,
) -> Rehearsal {
    let distance: Vec<f64> = judged.iter().map(decades).collect();
    let square: f64 = distance.iter().zip(witnesses).map(|(h, weight)| weight * h * h).sum();
    let mut drift = 0.0;
    // Of each draw from the median, projected on the distance as the drift is.
    let mut departures = vec![0.0; draws.len()];
    for ((run, h), weight) in judged.iter().zip(&distance).zip(witnesses) {
        let at = form.setting(run);
        let predicted: Vec<f64> = draws.iter().map(|draw| ln(form.law.loss(&draw.parameters, &at))).collect();
        let middle = median(predicted.clone());
        let error = (ln(run.loss.get()) - middle).clamp(-LARGEST_ERROR, LARGEST_ERROR);
        let lever = weight * h / square;
        drift += lever * error;
        departures.iter_mut().zip(&predicted).for_each(|(sum, value)| *sum += lever * (value - middle));
    }
    let mean = departures.iter().sum::<f64>() / draws.len() as f64;
    let doubt = departures.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / draws.len() as f64;
    let noise = median(draws.iter().map(|draw| draw.scatter.scale).collect());
    let spread = draws.first().map_or(1.0, |draw| draw.scatter.tails.variance());
    let variance = doubt + spread * noise * noise / square;
    let reach = distance.iter().copied().fold(0.0, f64::max);
    Rehearsal { fitted, judged: judged.len(), decades: reach, drift, variance }
}
