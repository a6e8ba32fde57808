//! The law of Hoffmann et al. 2022: a floor, a term that falls with parameters, a term that falls with tokens.

use std::borrow::Cow;

use isoflop_numerics::elementary::{exp, ln};

use super::{Coupled, CoupledCoefficients, Domain, Law, Observation, Parameter, Scales, Setting, Trust};

/// `L = E + A N^-alpha + B D^-beta` (Hoffmann et al. 2022, arXiv:2203.15556, equation 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hoffmann;

static PARAMETERS: [Parameter; 5] = [
    Parameter::new("E", "floor, nats per token", Domain::Positive),
    Parameter::new("A", "nats per token at one parameter", Domain::Positive),
    Parameter::new("B", "nats per token at one token", Domain::Positive),
    Parameter::new("alpha", "exponent of parameters", Domain::Positive),
    Parameter::new("beta", "exponent of tokens", Domain::Positive),
];

impl Law for Hoffmann {
    fn name(&self) -> &'static str {
        "hoffmann"
    }

    fn formula(&self) -> &'static str {
        "L = E + A/N^alpha + B/D^beta"
    }

    fn source(&self) -> &'static str {
        "Hoffmann et al. 2022, arXiv:2203.15556, equation 2"
    }

    fn trust(&self) -> Trust {
        Trust::Verified
    }

    fn use_when(&self) -> &'static str {
        "dense models, one pass over the text, sizes and tokens varied independently; the form most published fits use"
    }

    fn parameters(&self) -> Cow<'_, [Parameter]> {
        Cow::Borrowed(&PARAMETERS)
    }

    fn loss_and_gradient(&self, parameters: &[f64], at: &Setting, gradient: &mut [f64]) -> f64 {
        let &[floor, params_scale, tokens_scale, alpha, beta] = parameters else { return f64::NAN };
        let (x, y) = (ln(at.params), ln(at.tokens));
        let (params_power, tokens_power) = (exp(-alpha * x), exp(-beta * y));
        let (params_term, tokens_term) = (params_scale * params_power, tokens_scale * tokens_power);
        gradient.copy_from_slice(&[1.0, params_power, tokens_power, -params_term * x, -tokens_term * y]);
        floor + params_term + tokens_term
    }

    fn in_bare_units(&self, parameters: &[f64], units: &Scales) -> Vec<f64> {
        Coupled.in_bare_units(parameters, units)
    }

    fn starts(&self, runs: &[Observation]) -> Vec<Vec<f64>> {
        let lowest = runs.iter().map(|run| run.loss).fold(f64::INFINITY, f64::min);
        let mean = runs.iter().map(|run| run.loss).sum::<f64>() / runs.len() as f64;
        let mut starts = Vec::new();
        for share in [0.7, 0.3] {
            let floor = share * lowest;
            let term = 0.5 * (mean - floor);
            for (alpha, beta) in [(0.35, 0.35), (0.2, 0.5), (0.5, 0.2)] {
                starts.push(vec![floor, term, term, alpha, beta]);
            }
        }
        starts
    }

    fn derived(&self, parameters: &[f64]) -> Vec<(&'static str, f64)> {
        CoupledCoefficients::from_slice(parameters).map_or_else(Vec::new, |law| law.derived())
    }

    fn best_ln_params(&self, parameters: &[f64], flops: f64) -> Option<f64> {
        CoupledCoefficients::from_slice(parameters)?.best_ln_params(flops)
    }

    fn equivalent_flops(&self, parameters: &[f64], loss: f64) -> Option<f64> {
        CoupledCoefficients::from_slice(parameters)?.equivalent_flops(loss)
    }

    fn tokens_for_loss(&self, parameters: &[f64], params: f64, _unique_tokens: f64, loss: f64) -> Option<f64> {
        CoupledCoefficients::from_slice(parameters)?.tokens_for_loss(params, loss)
    }
}
