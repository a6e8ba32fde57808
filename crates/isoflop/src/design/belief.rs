//! What a fit, or those of two recipes, believe about a target: the draws that can answer, and what acting on them wastes.

use isoflop_numerics::elementary::{exp, ln};

use super::candidates::Candidate;
use super::next::{FEWEST_DRAWS, NextError, NextTarget};
use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use crate::fit::{Draw, Fit};
use crate::law::Setting;
use crate::predict::Amount;
use crate::units::Flops;

/// The fits that are asked, with those of their draws that have an answer.
pub(super) struct Belief {
    /// One, or the recipe that may be better and the one it is compared with.
    fits: Vec<Fit>,
    /// The run that the next ones are for, as the first fit has it.
    pub(super) target: NextTarget,
    /// Share of the target's compute wasted by training the size that the first fit thinks best, averaged over the draws.
    pub(super) waste: f64,
}

impl Belief {
    /// What `fits`, one or two, believe about their best runs of `flops`.
    pub(super) fn new(fits: Vec<Fit>, flops: Flops, assumed: bool) -> Result<Self, NextError> {
        let (params, tokens) = fits[0].best_allocation(flops)?;
        let target = NextTarget { flops, params, tokens, assumed };
        let at = Setting::single_pass(params.get(), tokens.get());
        let answers = |fit: &Fit, draw: &Draw| {
            fit.law().best_ln_params(&draw.parameters, flops.get()).is_some()
                && ln(fit.law().loss(&draw.parameters, &at)).is_finite()
        };
        // A draw of one recipe is worth nothing without the same draw of the other.
        let all = |number: usize| fits.iter().all(|fit| answers(fit, &fit.draws()[number]));
        let usable: Vec<usize> = (0..fits[0].draws().len()).filter(|number| all(*number)).collect();
        if usable.len() < FEWEST_DRAWS {
            return Err(NextError::FewDraws { draws: usable.len(), target: flops });
        }
        let with_usable =
            |fit: &Fit| fit.with_draws(usable.iter().map(|number| fit.draws()[*number].clone()).collect());
        let fits: Vec<Fit> = fits.iter().map(with_usable).collect();
        let waste = fits[0].expected_waste(&target);
        Ok(Self { fits, target, waste })
    }

    /// The first fit.
    pub(super) fn fit(&self) -> &Fit {
        &self.fits[0]
    }

    /// The fit of the candidate's recipe.
    fn fit_of(&self, candidate: &Candidate) -> &Fit {
        let own = self.fits.iter().find(|fit| fit.recipe().is_some() && fit.recipe() == candidate.recipe.as_deref());
        own.unwrap_or(&self.fits[0])
    }

    /// ln loss of a candidate, draw by draw.
    pub(super) fn ln_losses(&self, candidate: &Candidate) -> Vec<f64> {
        self.fit_of(candidate).ln_losses(candidate.params.get(), candidate.tokens.get())
    }

    /// Variance of ln loss of one run of a candidate around the law.
    pub(super) fn run_variance(&self, candidate: &Candidate) -> f64 {
        self.fit_of(candidate).run_variance(candidate.params.get(), candidate.tokens.get())
    }

    /// ln N* at the target's compute, draw by draw.
    pub(super) fn ln_sizes(&self) -> Vec<f64> {
        let fit = self.fit();
        let flops = self.target.flops.get();
        fit.draws().iter().filter_map(|draw| fit.law().best_ln_params(&draw.parameters, flops)).collect()
    }

    /// By how much ln loss of the first fit's best run is below that of the second, draw by draw; `None` of one fit.
    pub(super) fn leads(&self) -> Option<Vec<f64>> {
        let [one, over] = self.fits.as_slice() else { return None };
        let best = |fit: &Fit| fit.best_losses(self.target.flops.get());
        Some(best(over).iter().zip(best(one)).map(|(over, one)| ln(*over) - ln(one)).collect())
    }

    /// The compute-equivalent gain of the first fit over the second, its median over the draws; infinite where no compute is enough.
    pub(super) fn gain(&self) -> Option<f64> {
        let [one, over] = self.fits.as_slice() else { return None };
        let flops = self.target.flops.get();
        let needed = |(draw, loss): (&Draw, f64)| over.law().equivalent_flops(&draw.parameters, loss);
        let gains = over.draws().iter().zip(one.best_losses(flops)).filter_map(needed).map(|needed| needed / flops);
        Some(Amount::of(None, gains.collect(), 0.0).value)
    }
}

impl Fit {
    /// Loss of the best run of `flops`, of each draw that has one.
    fn best_losses(&self, flops: f64) -> Vec<f64> {
        let loss = |draw: &Draw| {
            let params = exp(self.law().best_ln_params(&draw.parameters, flops)?);
            let tokens = flops / TRAINING_FLOPS_PER_PARAM_TOKEN / params;
            Some(self.law().loss(&draw.parameters, &Setting::single_pass(params, tokens)))
        };
        self.draws().iter().filter_map(loss).collect()
    }

    /// Share of the target's compute wasted by training the size that the fit thinks best, averaged over the draws.
    fn expected_waste(&self, target: &NextTarget) -> f64 {
        let at = Setting::single_pass(target.params.get(), target.tokens.get());
        let waste = |draw: &Draw| {
            let equivalent = self.law().equivalent_flops(&draw.parameters, self.law().loss(&draw.parameters, &at))?;
            Some((1.0 - equivalent / target.flops.get()).max(0.0))
        };
        let wastes: Vec<f64> = self.draws().iter().filter_map(waste).filter(|waste| waste.is_finite()).collect();
        wastes.iter().sum::<f64>() / wastes.len() as f64
    }
}
