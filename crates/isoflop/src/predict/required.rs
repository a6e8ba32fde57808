//! What a loss takes: the least compute, the tokens for a size, the size for tokens.

use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::quantile::quantile;
use serde::Serialize;

use super::Extrapolation;
use crate::counting::training_flops;
use crate::fit::{Fit, QuestionError, Warning};
use crate::law::{Setting, reached_from};
use crate::units::{Nats, Params, Tokens};

/// Parameters and tokens so many that the loss has fallen as far as it does.
const ENDLESS: f64 = 1e60;

/// What is held while a loss is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Held {
    /// Nothing: the least compute is asked for.
    Nothing,
    /// The size: tokens are asked for.
    Params(Params),
    /// The tokens: the size is asked for.
    Tokens(Tokens),
}

/// An amount with its interval over the draws, of which some may say that no amount is enough.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Amount {
    /// Of the optimum of a plain fit, or the median over a posterior.
    pub value: f64,
    /// Lower end; `None` without draws.
    pub lo: Option<f64>,
    /// Upper end; `None` without draws, and where more draws than the interval leaves out say that no amount is enough.
    pub hi: Option<f64>,
}

/// The run that reaches a loss.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Required {
    /// The loss asked for, nats per token.
    pub target: Nats,
    /// Its size.
    pub params: Amount,
    /// Its tokens.
    pub tokens: Amount,
    /// Its training compute, 6ND.
    pub flops: Amount,
    /// Share of the draws in which no run reaches the loss (with the size or tokens that are held); `None` without draws.
    pub impossible: Option<f64>,
    /// Level of the intervals.
    pub level: f64,
    /// What the intervals cover, in words.
    pub covers: String,
    /// Distance of the central run from the data.
    pub extrapolation: Extrapolation,
    /// Doubts about it.
    pub warnings: Vec<Warning>,
}

/// N and D of a run; infinite where none is enough.
type Run = (f64, f64);

impl Fit {
    /// The run that the law expects to reach `target`: the one of least compute, or the one with what is `held`.
    ///
    /// ```text
    /// C(l) = min 6ND  with L(N, D) = l        D(l; N): L(N, D) = l        N(l; D): L(N, D) = l
    /// ```
    ///
    /// # Errors
    /// [`QuestionError::OutOfReach`] when the central law reaches `target` nowhere, and what keeps the fit from answering.
    ///
    /// # Example
    /// ```
    /// use isoflop::predict::Held;
    /// use isoflop::{Fit, Nats, law::published};
    /// let fit = Fit::from_published(published("besiroglu2024").unwrap());
    /// // The best loss of 5.76e23 FLOP.
    /// let required = fit.required(Nats::new(1.974441)?, Held::Nothing, 0.9)?;
    /// assert!((required.flops.value / 5.76e23 - 1.0).abs() < 1e-4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn required(&self, target: Nats, held: Held, level: f64) -> Result<Required, QuestionError> {
        self.check_recipe()?;
        if held != Held::Nothing {
            self.check_off_line()?;
        }
        let of = |parameters: &[f64]| self.run_reaching(parameters, target.get(), held);
        let runs: Vec<Run> = self.draws().iter().filter_map(|draw| of(&draw.parameters)).collect();
        let central = if self.prior().is_some() && !runs.is_empty() { None } else { of(self.point()) };
        if central.is_none() && runs.is_empty() {
            return Err(QuestionError::NoLeastCompute { law: self.law().name() });
        }
        let amount =
            |of: &dyn Fn(&Run) -> f64| Amount::of(central.as_ref().map(of), runs.iter().map(of).collect(), level);
        let flops = amount(&|(params, tokens)| crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN * params * tokens);
        if !flops.value.is_finite() {
            return Err(self.out_of_reach(target, held));
        }
        let (params, tokens) = (amount(&|run| run.0), amount(&|run| run.1));
        let (size, text) = (Params::new(params.value)?, Tokens::new(tokens.value)?);
        let extrapolation = Extrapolation::new(training_flops(size, text)?, self.largest_flops());
        let beyond = runs.iter().filter(|(params, tokens)| !(params * tokens).is_finite()).count();
        Ok(Required {
            target,
            params,
            tokens,
            flops,
            impossible: (!runs.is_empty()).then(|| beyond as f64 / runs.len() as f64),
            level,
            covers: if runs.is_empty() {
                "nothing: the law comes without draws".to_owned()
            } else {
                "doubt about the law's parameters, its form taken as right; one run scatters around it".to_owned()
            },
            extrapolation,
            warnings: self.distance_warnings(size, text, &extrapolation),
        })
    }

    /// The run that one set of parameters says reaches `target`; `None` where the law has no run of least compute.
    fn run_reaching(&self, parameters: &[f64], target: f64, held: Held) -> Option<Run> {
        let law = self.law();
        let loss = |params: f64, tokens: f64| law.loss(parameters, &Setting::single_pass(params, tokens));
        match (held, self.path()) {
            (Held::Params(params), _) => {
                let params = params.get();
                Some((params, reached_from(|tokens| Some(loss(params, tokens) - target), 1.0)?))
            }
            (Held::Tokens(tokens), _) => {
                let tokens = tokens.get();
                Some((reached_from(|params| Some(loss(params, tokens) - target), 1.0)?, tokens))
            }
            (Held::Nothing, Some(path)) => {
                let params = reached_from(|params| Some(loss(params, path.tokens_at(params)) - target), 1.0)?;
                Some((params, if params.is_finite() { path.tokens_at(params) } else { f64::INFINITY }))
            }
            (Held::Nothing, None) => {
                let flops = law.equivalent_flops(parameters, target)?;
                if !flops.is_finite() {
                    return Some((f64::INFINITY, f64::INFINITY));
                }
                let params = exp(law.best_ln_params(parameters, flops)?);
                Some((params, flops / crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN / params))
            }
        }
    }

    fn out_of_reach(&self, target: Nats, held: Held) -> QuestionError {
        let (params, tokens, held) = match held {
            Held::Nothing => (ENDLESS, ENDLESS, None),
            Held::Params(params) => (params.get(), ENDLESS, Some(format!("{params:.3} parameters"))),
            Held::Tokens(tokens) => (ENDLESS, tokens.get(), Some(format!("{tokens:.3} tokens"))),
        };
        let at = Setting::single_pass(params, tokens);
        let lowest = self.central(|parameters| Some(self.law().loss(parameters, &at))).unwrap_or(f64::NAN);
        QuestionError::OutOfReach { loss: target.get(), held, lowest }
    }
}

impl Amount {
    /// `central`, or the median of the `draws`, with their central interval of `level`.
    pub(crate) fn of(central: Option<f64>, mut draws: Vec<f64>, level: f64) -> Self {
        draws.sort_by(f64::total_cmp);
        let at = |share: f64| quantile_or_infinite(&draws, share);
        let end = |share: f64| (!draws.is_empty()).then(|| at(share)).filter(|end| end.is_finite());
        Self { value: central.unwrap_or_else(|| at(0.5)), lo: end(0.5 * (1.0 - level)), hi: end(0.5 * (1.0 + level)) }
    }
}

/// A quantile of `sorted` values above zero, of which the last may be infinite; between finite ones it is that of their logarithms.
fn quantile_or_infinite(sorted: &[f64], share: f64) -> f64 {
    let finite = sorted.partition_point(|value| value.is_finite());
    // The share of the finite ones that ends where `share` of all does.
    let of_finite = share * (sorted.len() as f64 - 1.0) / (finite as f64 - 1.0).max(1.0);
    if finite == 0 || (of_finite > 1.0 && finite < sorted.len()) {
        return f64::INFINITY;
    }
    if sorted[0] == sorted[finite - 1] {
        // What is held has no rounding.
        return sorted[0];
    }
    let logarithms: Vec<f64> = sorted[..finite].iter().map(|value| ln(*value)).collect();
    exp(quantile(&logarithms, of_finite))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::published;
    use crate::units::Flops;

    fn besiroglu() -> Fit {
        Fit::from_published(published("besiroglu2024").unwrap())
    }

    fn best_loss(fit: &Fit, flops: f64) -> f64 {
        let (params, tokens) = fit.best_allocation(Flops::new(flops).unwrap()).unwrap();
        fit.expected_loss(params, tokens).unwrap().get()
    }

    /// From 1e24 FLOP, losses lower by 1, 2 and 5 % need 2.292752, 6.073455 and 682.0518 times the compute, and ten times the compute
    /// lowers the loss by 0.0479832: closed forms evaluated independently.
    #[test]
    fn lower_losses_need_the_worked_compute() {
        let fit = besiroglu();
        let now = best_loss(&fit, 1e24);
        for (cut, factor) in [(0.01, 2.292_752), (0.02, 6.073_455), (0.05, 682.051_8)] {
            let required = fit.required(Nats::new(now * (1.0 - cut)).unwrap(), Held::Nothing, 0.9).unwrap();
            assert!((required.flops.value / 1e24 / factor - 1.0).abs() < 1e-5, "{cut}: {required:?}");
            assert_eq!((required.flops.lo, required.impossible), (None, None));
        }
        assert!((now - best_loss(&fit, 1e25) - 0.047_983_2).abs() < 1e-6);
    }

    #[test]
    fn tokens_and_sizes_are_those_of_the_law() {
        let fit = besiroglu();
        let target = fit.expected_loss(Params::new(7e9).unwrap(), Tokens::new(2e12).unwrap()).unwrap();
        let tokens = fit.required(target, Held::Params(Params::new(7e9).unwrap()), 0.9).unwrap().tokens;
        let params = fit.required(target, Held::Tokens(Tokens::new(2e12).unwrap()), 0.9).unwrap().params;
        assert!((tokens.value / 2e12 - 1.0).abs() < 1e-7 && (params.value / 7e9 - 1.0).abs() < 1e-7);
        // 7e9 parameters fall towards E + A N^-alpha = 1.8172 + 482.01 / 7e9^0.3478.
        let error = fit.required(Nats::new(1.9).unwrap(), Held::Params(Params::new(7e9).unwrap()), 0.9).unwrap_err();
        let QuestionError::OutOfReach { lowest, .. } = error else { unreachable!("{error}") };
        assert!((lowest - (1.8172 + 482.01 / 7e9f64.powf(0.3478))).abs() < 1e-9, "{lowest}");
        assert!(matches!(
            fit.required(Nats::new(1.8).unwrap(), Held::Nothing, 0.9),
            Err(QuestionError::OutOfReach { held: None, .. })
        ));
    }

    #[test]
    fn quantiles_end_where_no_amount_is_enough() {
        let infinite = f64::INFINITY;
        let draws = [1.0, 10.0, 100.0, 1e3, infinite];
        assert!((quantile_or_infinite(&draws, 0.5) - 100.0).abs() < 1e-9);
        assert!((quantile_or_infinite(&draws, 0.125) - 10f64.sqrt()).abs() < 1e-9);
        assert_eq!(quantile_or_infinite(&draws, 0.8), infinite);
        assert_eq!(quantile_or_infinite(&[infinite; 3], 0.1), infinite);
        assert!((quantile_or_infinite(&draws[..4], 1.0) - 1e3).abs() < 1e-9);
    }
}
