//! A published law as the belief before any run: draws around its coefficients, as wide as laws of other corpora and recipes differ.

use std::sync::Arc;

use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::resample::{standard_normal, stream};

use super::{Draw, Fit, Prior, Scatter, Status, Tails};
use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use crate::law::{Coupled, CoupledCoefficients, Law, Published};
use crate::units::Flops;

/// Draws that carry the doubt.
const DRAWS: u64 = 1_000;
/// Standard deviation of ln E: losses per token of other tokenizers and corpora.
const FLOOR: f64 = 0.12;
/// Of ln of each term at the budget's best run.
const TERMS: f64 = 0.35;
/// Of ln alpha and ln beta: nine draws in ten of a published 0.35 lie in 0.23 to 0.53.
const EXPONENTS: f64 = 0.25;
/// Of ln k.
const COUPLING: f64 = 0.2;

/// A published law that says nothing of a best size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name} is a law of the form {law}, and a first sweep needs one of the form hoffmann or coupled, such as besiroglu2024: name another with --law"
)]
pub struct NoDoubt {
    name: &'static str,
    law: &'static str,
}

impl Fit {
    /// The coupled law around a `published` one, with the doubt of a first sweep of `budget` by someone else.
    ///
    /// ```text
    /// ln E, ln α, ln β, ln k and ln of both terms at (N*(budget), D*(budget)): independent normals around the published values,
    /// with standard deviations 0.12, 0.25, 0.25, 0.2 and 0.35; scatter as the default fit believes before it sees runs, 0.6 %
    /// ```
    ///
    /// # Source
    /// The spreads are ours: exponents of published text laws in nats per token lie between 0.25 and 0.5.
    ///
    /// # Trust
    /// Enough to place a first ladder; nothing to predict from.
    ///
    /// # Errors
    /// [`NoDoubt`] for laws that are not of Hoffmann's or the coupled form.
    ///
    /// # Example
    /// ```
    /// use isoflop::{Fit, Flops, law::published};
    /// let fit = Fit::published_in_doubt(published("besiroglu2024").unwrap(), Flops::new(1e19)?)?;
    /// assert_eq!(fit.draws().len(), 1_000);
    /// assert!(Fit::published_in_doubt(published("kaplan2020-params").unwrap(), Flops::new(1e19)?).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn published_in_doubt(published: &Published, budget: Flops) -> Result<Self, NoDoubt> {
        let none = || NoDoubt { name: published.name, law: published.law };
        let law = Some(published.law).filter(|law| ["hoffmann", Coupled.name()].contains(law));
        let centre = law.and_then(|_| CoupledCoefficients::from_slice(published.parameters)).ok_or_else(none)?;
        let ln_params = centre.best_ln_params(budget.get()).ok_or_else(none)?;
        let ln_tokens = ln(budget.get() / TRAINING_FLOPS_PER_PARAM_TOKEN) - ln_params;
        let tails = Tails::Light;
        let scale = exp(Prior::default().noise.centre);
        let draw = |number: u64| {
            let mut generator = stream(0, number);
            let mut around = |centre: f64, spread: f64| centre * exp(spread * standard_normal(&mut generator));
            let floor = around(centre.floor, FLOOR);
            let (alpha, beta) = (around(centre.alpha, EXPONENTS), around(centre.beta, EXPONENTS));
            let params_scale = around(centre.params_scale, TERMS) * exp((alpha - centre.alpha) * ln_params);
            let tokens_scale = around(centre.tokens_scale, TERMS) * exp((beta - centre.beta) * ln_tokens);
            let coupling = around(centre.coupling, COUPLING);
            Draw {
                parameters: vec![floor, params_scale, tokens_scale, alpha, beta, coupling],
                scatter: Scatter { scale, decay: 0.0, tails },
                drift: 0.0,
            }
        };
        let point =
            vec![centre.floor, centre.params_scale, centre.tokens_scale, centre.alpha, centre.beta, centre.coupling];
        let source = format!("{}, in doubt as another corpus and recipe would put it", published.name);
        Ok(Self {
            draws: (0..DRAWS).map(draw).collect(),
            source: Some(source),
            ..Self::bare(Arc::new(Coupled), point, Status::Published)
        })
    }
}
