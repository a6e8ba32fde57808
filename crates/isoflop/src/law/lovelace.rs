//! The law of Lovelace et al. 2026: repeating text costs a penalty that grows with the model, so loss can rise again.

use std::borrow::Cow;

use isoflop_numerics::bracket;
use isoflop_numerics::elementary::{exp, ln};

use super::{
    Coupled, CoupledCoefficients, Domain, Hoffmann, Law, Observation, Parameter, Scales, Setting, Trust, Variable,
};

/// `L = E + A N^-alpha + B D^-beta + P R^delta (N/U)^kappa` with R = D/U - 1 repetitions of U distinct tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lovelace;

static PARAMETERS: [Parameter; 8] = [
    Parameter::new("E", "floor, nats per token", Domain::Positive),
    Parameter::new("A", "nats per token at one parameter", Domain::Positive),
    Parameter::new("B", "nats per token at one token", Domain::Positive),
    Parameter::new("alpha", "exponent of parameters", Domain::Positive),
    Parameter::new("beta", "exponent of tokens", Domain::Positive),
    Parameter::new(
        "P",
        "penalty, nats per token at one repetition and one parameter per distinct token",
        Domain::Positive,
    ),
    Parameter::new("delta", "exponent of repetitions", Domain::Positive),
    Parameter::new("kappa", "exponent of parameters per distinct token", Domain::Positive),
];

/// Less than one token is repeated of any text.
const FEWEST_LN_REPETITIONS: f64 = -60.0;

/// Parameters that it shares with Hoffmann's law.
const ONCE: usize = 5;

impl Law for Lovelace {
    fn name(&self) -> &'static str {
        "lovelace"
    }

    fn formula(&self) -> &'static str {
        "L = E + A/N^alpha + B/D^beta + P R^delta (N/U)^kappa, R = D/U - 1"
    }

    fn source(&self) -> &'static str {
        "Lovelace et al. 2026, arXiv:2605.01640"
    }

    fn trust(&self) -> Trust {
        Trust::Secondary
    }

    fn use_when(&self) -> &'static str {
        "runs that repeat their text until loss rises (column unique_tokens or epochs); it falls with size and tokens only where nothing is repeated"
    }

    fn variables(&self) -> &'static [Variable] {
        &[Variable::Params, Variable::Tokens, Variable::UniqueTokens]
    }

    fn parameters(&self) -> Cow<'_, [Parameter]> {
        Cow::Borrowed(&PARAMETERS)
    }

    fn loss_and_gradient(&self, parameters: &[f64], at: &Setting, gradient: &mut [f64]) -> f64 {
        let &[.., penalty, delta, kappa] = parameters else { return f64::NAN };
        if parameters.len() != PARAMETERS.len() {
            return f64::NAN;
        }
        let once = Hoffmann.loss_and_gradient(&parameters[..ONCE], at, &mut gradient[..ONCE]);
        let repetitions = at.tokens / at.unique_tokens - 1.0;
        if repetitions <= 0.0 {
            gradient[ONCE..].fill(0.0);
            return once;
        }
        let (r, m) = (ln(repetitions), ln(at.params) - ln(at.unique_tokens));
        let power = exp(delta * r + kappa * m);
        gradient[ONCE..].copy_from_slice(&[power, penalty * power * r, penalty * power * m]);
        once + penalty * power
    }

    fn in_bare_units(&self, parameters: &[f64], units: &Scales) -> Vec<f64> {
        let mut bare = Coupled.in_bare_units(parameters, units);
        if let [.., penalty, _, kappa] = bare.as_mut_slice() {
            *penalty *= exp(*kappa * (ln(units.tokens) - ln(units.params)));
        }
        bare
    }

    fn starts(&self, runs: &[Observation]) -> Vec<Vec<f64>> {
        let penalties = [[0.01, 1.0, 0.5], [0.001, 1.5, 1.0], [0.05, 0.5, 0.3]];
        let once = Hoffmann.starts(runs);
        penalties
            .iter()
            .flat_map(|penalty| once.iter().map(|once| [once.as_slice(), penalty.as_slice()].concat()))
            .collect()
    }

    fn repetition_can_hurt(&self) -> bool {
        true
    }

    /// Where the penalty begins to grow faster than the term of tokens falls:
    ///
    /// ```text
    /// (beta + 1) ln(1 + R) + (delta - 1) ln R = ln(beta B / (delta P)) - beta ln U - kappa ln(N / U)
    /// ```
    ///
    /// With delta < 1 the penalty is steepest at once: two solutions, of which the larger is the bottom, or none.
    fn best_repeated_tokens(&self, parameters: &[f64], params: f64, unique_tokens: f64) -> Option<f64> {
        let &[_, _, b, _, beta, penalty, delta, kappa] = parameters else { return None };
        let ln_unique = ln(unique_tokens);
        let right = ln(beta * b / (delta * penalty)) - beta * ln_unique - kappa * (ln(params) - ln_unique);
        let rise =
            |ln_repetitions: f64| (beta + 1.0) * ln(1.0 + exp(ln_repetitions)) + (delta - 1.0) * ln_repetitions - right;
        // The steepest fall: where the left side is lowest.
        let steepest = if delta < 1.0 { ln((1.0 - delta) / (beta + delta)) } else { FEWEST_LN_REPETITIONS };
        if rise(steepest) >= 0.0 {
            return None;
        }
        let mut above = steepest.max(0.0) + 1.0;
        while rise(above) < 0.0 {
            above *= 2.0;
        }
        let ln_repetitions = bracket::root(rise, steepest, above, 1e-12)?;
        Some(unique_tokens * (1.0 + exp(ln_repetitions)))
    }

    /// Of one pass, where there is no penalty.
    fn best_ln_params(&self, parameters: &[f64], flops: f64) -> Option<f64> {
        CoupledCoefficients::from_slice(parameters.get(..ONCE)?)?.best_ln_params(flops)
    }

    fn equivalent_flops(&self, parameters: &[f64], loss: f64) -> Option<f64> {
        CoupledCoefficients::from_slice(parameters.get(..ONCE)?)?.equivalent_flops(loss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: [f64; 8] = [1.8, 480.0, 2000.0, 0.35, 0.37, 0.02, 1.2, 0.6];

    #[test]
    fn one_pass_costs_no_penalty() {
        let at = Setting::single_pass(1e9, 2e10);
        assert_eq!(Lovelace.loss(&PARAMETERS, &at), Hoffmann.loss(&PARAMETERS[..5], &at));
    }

    #[test]
    fn loss_rises_when_text_is_repeated_too_often() {
        let loss = |epochs: f64| {
            Lovelace.loss(&PARAMETERS, &Setting { unique_tokens: 1e9, ..Setting::single_pass(1e9, epochs * 1e9) })
        };
        assert!(loss(2.0) < loss(1.0) && loss(100.0) > loss(10.0));
    }
    /// Against a dense grid of repetitions, for penalties that are steepest at once and that are flat at first.
    #[test]
    fn the_bottom_among_repeated_runs_is_found() {
        let (params, unique) = (1e9, 1e9);
        for (penalty, delta, kappa) in [(0.02, 1.2, 0.6), (0.005, 0.7, 0.3), (0.01, 1.0, 0.2), (0.3, 0.7, 0.5)] {
            let parameters = [1.8, 480.0, 2000.0, 0.35, 0.37, penalty, delta, kappa];
            let loss = |tokens: f64| {
                Lovelace.loss(&parameters, &Setting { unique_tokens: unique, ..Setting::single_pass(params, tokens) })
            };
            let tokens = |step: u32| unique * (1.0 + (0.01 * f64::from(step) - 12.0).exp());
            // The last look at which loss falls.
            let falls = |step: &u32| loss(tokens(step + 1)) < loss(tokens(*step));
            let bottom = (0..2400).rev().find(falls).map(|step| tokens(step + 1));
            let found = Lovelace.best_repeated_tokens(&parameters, params, unique);
            match (bottom, found) {
                (Some(bottom), Some(found)) => assert!((found / bottom - 1.0).abs() < 0.02, "{found:e} {bottom:e}"),
                (bottom, found) => assert_eq!(bottom, found),
            }
            assert_eq!(found.is_none(), penalty == 0.3, "{found:?}");
        }
    }
}
