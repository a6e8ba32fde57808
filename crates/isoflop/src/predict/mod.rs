//! The loss of a run that has not been trained yet: point, interval, and how far beyond the data it lies.

mod against;
mod file;
mod required;

use isoflop_numerics::elementary::{exp, ln, log10};
use isoflop_numerics::quantile::{Bell, mixture_quantile};
use serde::{Deserialize, Serialize};

use crate::counting::training_flops;
use crate::fit::{Draw, Estimate, Fit, QuestionError, Reduction, Warning};
use crate::law::Setting;
use crate::units::{Flops, Params, Tokens};

pub use against::{Against, AgainstError, Judged, Side, Spread, against};
pub use file::Predictions;
pub use required::{Amount, Held, Required};

/// Epochs beyond those of the fitted runs, as a factor, from which a warning says so.
const EPOCHS_BEYOND: f64 = 1.2;

/// How far a point lies beyond the runs a fit rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extrapolation {
    /// Target compute over the largest fitted compute; `None` when the largest is not known.
    pub compute_factor: Option<f64>,
    /// Green up to half a decade beyond, amber up to one and a half, red farther or unknown.
    pub light: Light,
}

/// How much to trust a number by its distance from the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// Within half a decade of compute beyond the data.
    Green,
    /// Within one and a half decades.
    Amber,
    /// Farther, or not known.
    Red,
}

impl Extrapolation {
    /// The distance of `target` from a largest fitted compute.
    pub fn new(target: Flops, largest_fitted: Option<f64>) -> Self {
        let compute_factor = largest_fitted.map(|largest| target.get() / largest);
        let light = match compute_factor {
            Some(factor) if log10(factor) <= 0.5 => Light::Green,
            Some(factor) if log10(factor) <= 1.5 => Light::Amber,
            _ => Light::Red,
        };
        Self { compute_factor, light }
    }

    /// Decades of compute beyond the data; zero inside.
    pub fn decades(&self) -> f64 {
        self.compute_factor.map_or(0.0, |factor| log10(factor).max(0.0))
    }
}

/// A predicted run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Model size.
    pub params: Params,
    /// Training tokens.
    pub tokens: Tokens,
    /// Training compute, 6ND.
    pub flops: Flops,
    /// The recipe, where the fit tells several apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// Distinct tokens, where they are limited; what the run needs beyond them it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_tokens: Option<Tokens>,
    /// Loss in nats per token.
    pub loss: Estimate,
    /// Share of new runs the interval is meant to hold.
    pub level: f64,
    /// What the interval covers, in words.
    pub covers: String,
    /// Distance from the data.
    pub extrapolation: Extrapolation,
    /// Doubts about this prediction.
    pub warnings: Vec<Warning>,
    /// What the law beside the default says, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<BesideLoss>,
}

/// The loss that another law gives, without an interval: it was fitted plainly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BesideLoss {
    /// The law.
    pub law: String,
    /// Nats per token.
    pub loss: f64,
}

/// Refuses a loss that is no number, or has an end that is none.
pub(crate) fn check_loss(loss: &Estimate, params: Params, tokens: Tokens) -> Result<(), QuestionError> {
    let numbers = [Some(loss.value), loss.lo, loss.hi];
    if numbers.into_iter().flatten().all(|number| number > 0.0 && number.is_finite()) {
        return Ok(());
    }
    Err(QuestionError::NoLoss { params, tokens })
}

/// The loss of one new run of which `bells` of ln loss tell; no interval where there are none.
pub(crate) fn new_run_of(value: f64, bells: &[Bell], level: f64) -> Estimate {
    let end = |share: f64| (!bells.is_empty()).then(|| exp(mixture_quantile(bells, share)));
    Estimate { value, lo: end(0.5 * (1.0 - level)), hi: end(0.5 * (1.0 + level)) }
}

impl Fit {
    /// The loss of a new run of `params` trained on `tokens`, with the interval that holds it with probability `level`.
    ///
    /// The interval is that of a mixture: around each draw's ln loss, moved by its drift times the decades beyond the data, one
    /// Student-t bell as wide as runs scatter.
    ///
    /// # Errors
    /// [`QuestionError`] when the runs cannot tell, or the compute leaves the range of numbers.
    pub fn predict(&self, params: Params, tokens: Tokens, level: f64) -> Result<Prediction, QuestionError> {
        self.check_run(params, tokens)?;
        let flops = training_flops(params, tokens)?;
        let extrapolation = Extrapolation::new(flops, self.largest_flops());
        let loss = self.new_run(params, tokens, level, &extrapolation);
        check_loss(&loss, params, tokens)?;
        let covers = match loss.lo {
            Some(_) => format!(
                "the loss of one new run, {:.0} % of the time: doubt about the law, error of form, scatter of runs",
                100.0 * level
            ),
            None => "nothing: the law comes without draws".to_owned(),
        };
        let warnings = self.distance_warnings(params, tokens, &extrapolation);
        let once = Setting::single_pass(params.get(), tokens.get());
        let unique_tokens = self.unique_tokens();
        let at = Setting {
            unique_tokens: unique_tokens.map_or(once.tokens, |unique| unique.get().min(once.tokens)),
            ..once
        };
        let beside =
            self.beside().and_then(|beside| Some(BesideLoss { law: beside.law.clone(), loss: beside.loss(&at)? }));
        let recipe = self.recipe().map(str::to_owned);
        Ok(Prediction {
            params,
            tokens,
            flops,
            recipe,
            unique_tokens,
            loss,
            level,
            covers,
            extrapolation,
            warnings,
            beside,
        })
    }

    /// The loss that one new run shows: doubt about the law, error of form, and the scatter of runs.
    pub(crate) fn new_run(
        &self,
        params: Params,
        tokens: Tokens,
        level: f64,
        extrapolation: &Extrapolation,
    ) -> Estimate {
        self.new_run_at(&Setting::single_pass(params.get(), tokens.get()), level, extrapolation)
    }

    /// The same for a run that may repeat its text.
    fn new_run_at(&self, at: &Setting, level: f64, extrapolation: &Extrapolation) -> Estimate {
        let value = self.central(|parameters| Some(self.law().loss(parameters, at))).unwrap_or(f64::NAN);
        new_run_of(value, &self.bells(at, extrapolation), level)
    }

    /// What each draw says of the ln loss of one new run: around the law's, moved by its drift, a bell as wide as runs scatter.
    pub(crate) fn bells(&self, at: &Setting, extrapolation: &Extrapolation) -> Vec<Bell> {
        self.draws().iter().map(|draw| self.bell_under(draw, at, extrapolation)).collect()
    }

    /// What one draw says of it.
    pub(crate) fn bell_under(&self, draw: &Draw, at: &Setting, extrapolation: &Extrapolation) -> Bell {
        let centre = ln(self.law().loss(&draw.parameters, at)) + draw.drift * extrapolation.decades();
        self.bell(centre, &draw.scatter, at.params, at.tokens)
    }

    /// Doubts that come from where the point lies relative to the runs.
    pub(crate) fn distance_warnings(
        &self,
        params: Params,
        tokens: Tokens,
        extrapolation: &Extrapolation,
    ) -> Vec<Warning> {
        let mut warnings = Vec::new();
        match extrapolation.compute_factor {
            Some(factor) if extrapolation.light != Light::Green => {
                let message = format!(
                    "{factor:.0}x the compute of the largest fitted run: the form of the law itself is untested there; a validation run in between would tell"
                );
                warnings.push(Warning::new("extrapolates", message));
            }
            Some(_) => {}
            None => warnings.push(Warning::new(
                "unknown_reach",
                "the source does not say how large its largest run was: the distance of this prediction from its data is unknown".to_owned(),
            )),
        }
        if let Some(unique) = self.unique_tokens()
            && let Some(most) = self.reductions().iter().find_map(Reduction::most_epochs)
            && tokens.get() / unique.get() > EPOCHS_BEYOND * most
        {
            let message = format!(
                "{:.0} epochs, and no fitted run has more than {most:.0}: what repetition costs there is not known from them",
                tokens.get() / unique.get()
            );
            warnings.push(Warning::new("many_epochs", message));
        }
        let ratio = tokens.get() / params.get();
        if let Some((low, high)) = self.ratio_range()
            && (ratio > 2.0 * high || ratio < 0.5 * low)
        {
            let message = format!(
                "{ratio:.1} tokens per parameter, and the fitted runs have {low:.1} to {high:.1}: laws fitted at ordinary ratios mislead far outside them"
            );
            warnings.push(Warning::new("unusual_ratio", message));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::published;

    #[test]
    fn lights_change_at_half_and_one_and_a_half_decades() {
        let light = |factor: f64| Extrapolation::new(Flops::new(factor * 1e20).unwrap(), Some(1e20)).light;
        assert_eq!(
            [0.1, 3.0, 3.3, 31.0, 32.0].map(light),
            [Light::Green, Light::Green, Light::Amber, Light::Amber, Light::Red]
        );
    }

    #[test]
    fn a_published_law_predicts_without_an_interval_and_says_so() {
        let fit = Fit::from_published(published("besiroglu2024").unwrap());
        let prediction = fit.predict(Params::new(70e9).unwrap(), Tokens::new(1.4e12).unwrap(), 0.9).unwrap();
        assert!((prediction.loss.value - 1.973_5).abs() < 5e-3, "{prediction:?}");
        assert_eq!(prediction.loss.lo, None);
        assert_eq!(prediction.extrapolation.light, Light::Red);
    }
}
