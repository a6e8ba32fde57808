//! The best runs of one recipe: loss over compute, and compute for a loss.

use isoflop_numerics::elementary::exp;

use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use crate::law::{Hoffmann, Law, Setting};

/// Hoffmann's law of one recipe.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    parameters: Vec<f64>,
}

impl Curve {
    /// E, A, B, alpha, beta; `None` for another number of them.
    pub(super) fn of(parameters: &[f64]) -> Option<Self> {
        (parameters.len() == Hoffmann.parameters().len()).then(|| Self { parameters: parameters.to_vec() })
    }

    /// Loss of a run, nats per token.
    pub(super) fn loss(&self, params: f64, tokens: f64) -> f64 {
        Hoffmann.loss(&self.parameters, &Setting::single_pass(params, tokens))
    }

    /// Size and tokens of the best run of `flops`.
    pub(super) fn best_run(&self, flops: f64) -> Option<(f64, f64)> {
        let params = exp(Hoffmann.best_ln_params(&self.parameters, flops)?);
        Some((params, flops / TRAINING_FLOPS_PER_PARAM_TOKEN / params))
    }

    /// Its loss.
    pub(super) fn best_loss(&self, flops: f64) -> Option<f64> {
        self.best_run(flops).map(|(params, tokens)| self.loss(params, tokens))
    }

    /// Compute-equivalent gain over `other` at `flops`: how many times the compute `other` needs to match this recipe; infinite where it
    /// never does.
    ///
    /// ```text
    /// CEG(C) = C_other(L*(C)) / C
    /// ```
    pub(super) fn gain_over(&self, other: &Self, flops: f64) -> Option<f64> {
        Some(Hoffmann.equivalent_flops(&other.parameters, self.best_loss(flops)?)? / flops)
    }
}
