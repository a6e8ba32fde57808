//! The coupled law: terms of parameters and of tokens that add under an outer exponent. Its closed forms serve Hoffmann's law too.

use std::borrow::Cow;

use isoflop_numerics::elementary::{exp, ln};

use super::{Domain, Law, Observation, Parameter, Scales, Setting, Trust};
use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;

/// `L = E + [(A N^-alpha)^(1/k) + (B D^-beta)^(1/k)]^k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coupled;

/// One set of the law's six numbers.
///
/// ```text
/// L(N, D) = E + [(A N^-α)^(1/k) + (B D^-β)^(1/k)]^k
/// ```
///
/// | symbol | field | unit |
/// |---|---|---|
/// | E | `floor` | nats per token |
/// | A, B | `params_scale`, `tokens_scale` | nats per token at N = 1, D = 1 |
/// | α, β | `alpha`, `beta` | 1; the slopes where one term dominates, whatever k |
/// | k | `coupling` | 1; 1 adds the terms (Hoffmann), towards 0 the larger one alone counts |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoupledCoefficients {
    /// E, the loss of an infinite model on infinite text.
    pub floor: f64,
    /// A.
    pub params_scale: f64,
    /// B.
    pub tokens_scale: f64,
    /// Exponent of parameters.
    pub alpha: f64,
    /// Exponent of tokens.
    pub beta: f64,
    /// k, the outer exponent.
    pub coupling: f64,
}

static PARAMETERS: [Parameter; 6] = [
    Parameter::new("E", "floor, nats per token", Domain::Positive),
    Parameter::new("A", "nats per token at one parameter", Domain::Positive),
    Parameter::new("B", "nats per token at one token", Domain::Positive),
    Parameter::new("alpha", "exponent of parameters", Domain::Positive),
    Parameter::new("beta", "exponent of tokens", Domain::Positive),
    Parameter::new("k", "outer exponent that couples the terms; 1 adds them", Domain::Positive),
];

impl Law for Coupled {
    fn name(&self) -> &'static str {
        "coupled"
    }

    fn formula(&self) -> &'static str {
        "L = E + [(A/N^alpha)^(1/k) + (B/D^beta)^(1/k)]^k"
    }

    fn source(&self) -> &'static str {
        "Videau et al. 2026, arXiv:2608.07222; contains Hoffmann et al. 2022 (k = 1) and Kaplan et al. 2020 (E = 0)"
    }

    fn trust(&self) -> Trust {
        Trust::Secondary
    }

    fn use_when(&self) -> &'static str {
        "strongly under- or over-trained runs are in the data or in the plan; at least thirty runs, or a prior on k"
    }

    fn parameters(&self) -> Cow<'_, [Parameter]> {
        Cow::Borrowed(&PARAMETERS)
    }

    fn loss_and_gradient(&self, parameters: &[f64], at: &Setting, gradient: &mut [f64]) -> f64 {
        let &[floor, params_scale, tokens_scale, alpha, beta, coupling] = parameters else { return f64::NAN };
        let (x, y) = (ln(at.params), ln(at.tokens));
        let ln_params_term = ln(params_scale) - alpha * x;
        let ln_tokens_term = ln(tokens_scale) - beta * y;
        let coupled = CoupledTerms::new(ln_params_term, ln_tokens_term, coupling);
        let Reducible { value, params_share, tokens_share, coupling_slope } = coupled.reducible();
        gradient.copy_from_slice(&[
            1.0,
            value * params_share / params_scale,
            value * tokens_share / tokens_scale,
            -value * params_share * x,
            -value * tokens_share * y,
            value * coupling_slope,
        ]);
        floor + value
    }

    fn in_bare_units(&self, parameters: &[f64], units: &Scales) -> Vec<f64> {
        let mut bare = parameters.to_vec();
        if let [_, params_scale, tokens_scale, alpha, beta, ..] = bare.as_mut_slice() {
            *params_scale *= exp(*alpha * ln(units.params));
            *tokens_scale *= exp(*beta * ln(units.tokens));
        }
        bare
    }

    fn starts(&self, runs: &[Observation]) -> Vec<Vec<f64>> {
        let additive = super::Hoffmann.starts(runs);
        let coupled = |start: &Vec<f64>, coupling: f64| start.iter().copied().chain([coupling]).collect();
        [0.9, 0.5, 0.25]
            .iter()
            .flat_map(|coupling| additive.iter().map(move |start| coupled(start, *coupling)))
            .collect()
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

/// Logarithms of the two terms, ready to be added under the outer exponent k.
struct CoupledTerms {
    ln_params_term: f64,
    ln_tokens_term: f64,
    coupling: f64,
}

/// The reducible loss and what it depends on.
struct Reducible {
    /// [P^(1/k) + T^(1/k)]^k.
    value: f64,
    /// d ln value / d ln P: the weight of the params term.
    params_share: f64,
    /// d ln value / d ln T.
    tokens_share: f64,
    /// d ln value / d k.
    coupling_slope: f64,
}

impl CoupledTerms {
    fn new(ln_params_term: f64, ln_tokens_term: f64, coupling: f64) -> Self {
        Self { ln_params_term, ln_tokens_term, coupling }
    }

    fn reducible(&self) -> Reducible {
        let difference = (self.ln_params_term - self.ln_tokens_term) / self.coupling;
        let larger = self.ln_params_term.max(self.ln_tokens_term);
        let smaller_share = exp(-difference.abs());
        let logarithm = ln(1.0 + smaller_share);
        let larger_weight = 1.0 / (1.0 + smaller_share);
        let params_share = if difference >= 0.0 { larger_weight } else { 1.0 - larger_weight };
        Reducible {
            value: exp(larger + self.coupling * logarithm),
            params_share,
            tokens_share: 1.0 - params_share,
            coupling_slope: logarithm + (1.0 - larger_weight) * difference.abs(),
        }
    }
}

impl CoupledCoefficients {
    /// The coefficients from the order of [`Law::parameters`], of this law or of Hoffmann's (k = 1); `None` for other lengths.
    pub fn from_slice(parameters: &[f64]) -> Option<Self> {
        match *parameters {
            [floor, params_scale, tokens_scale, alpha, beta] => {
                Some(Self { floor, params_scale, tokens_scale, alpha, beta, coupling: 1.0 })
            }
            [floor, params_scale, tokens_scale, alpha, beta, coupling] => {
                Some(Self { floor, params_scale, tokens_scale, alpha, beta, coupling })
            }
            _ => None,
        }
    }

    /// Exponent of compute in the best model size: a = β/(α + β).
    pub fn params_allocation(&self) -> f64 {
        self.beta / (self.alpha + self.beta)
    }

    /// Exponent of compute in the best number of tokens: b = α/(α + β).
    pub fn tokens_allocation(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }

    /// Exponent with which the reducible loss of a compute-optimal model falls: γ = αβ/(α + β), whatever k.
    pub fn compute_exponent(&self) -> f64 {
        self.alpha * self.beta / (self.alpha + self.beta)
    }

    /// ln G, the logarithm of the best size at C = 6.
    ///
    /// ```text
    /// G = [(α/β)^k A/B]^(1/(α+β))
    /// ```
    pub fn ln_allocation_scale(&self) -> f64 {
        let ln_ratio = self.coupling * ln(self.alpha / self.beta) + ln(self.params_scale) - ln(self.tokens_scale);
        ln_ratio / (self.alpha + self.beta)
    }

    /// ln of the model size that spends `flops` best.
    ///
    /// ```text
    /// N*(C) = G (C/6)^a,   D*(C) = (C/6)^b / G
    /// ```
    ///
    /// | symbol | is | unit |
    /// |---|---|---|
    /// | C | `flops`, forward and backward, counted 6ND | FLOP |
    /// | N* | exp of what is returned, in the law's own counting | parameters |
    ///
    /// `None` when an exponent or a scale is not positive: such a law has no interior optimum.
    ///
    /// # Source
    /// Hoffmann et al. 2022, arXiv:2203.15556, equation 4, with the inner exponents α/k and β/k; tests check dL/dN = 0 along C = 6ND.
    ///
    /// # Trust
    /// Only near the fitted budgets, and only as far as `C = 6ND` holds.
    ///
    /// # Example
    /// ```
    /// use isoflop::law::{CoupledCoefficients, published};
    ///
    /// // The rounded printed coefficients ask for 32.2 B parameters, not the 70 B that was trained.
    /// let printed = published("hoffmann2022-printed").unwrap().parameters;
    /// let law = CoupledCoefficients::from_slice(printed).unwrap();
    /// let params = law.best_ln_params(5.76e23).unwrap().exp();
    /// assert!((params / 3.21899e10 - 1.0).abs() < 1e-5);
    /// ```
    pub fn best_ln_params(&self, flops: f64) -> Option<f64> {
        let ln_params =
            self.ln_allocation_scale() + self.params_allocation() * ln(flops / TRAINING_FLOPS_PER_PARAM_TOKEN);
        let positive = [self.params_scale, self.tokens_scale, self.alpha, self.beta].iter().all(|value| *value > 0.0);
        (positive && ln_params.is_finite()).then_some(ln_params)
    }

    /// Compute that a compute-optimal model would need for `loss`; infinite at or below the floor.
    ///
    /// ```text
    /// R*(C) = R*(6) (C/6)^-γ,   C_eq = 6 [R*(6) / (loss - E)]^(1/γ)
    /// ```
    ///
    /// One minus its ratio to the compute actually spent is the share wasted (Czech et al. 2026, arXiv:2603.22339).
    pub fn equivalent_flops(&self, loss: f64) -> Option<f64> {
        let ln_scale = self.ln_allocation_scale();
        if !ln_scale.is_finite() {
            return None;
        }
        let reducible = loss - self.floor;
        if reducible <= 0.0 {
            return Some(f64::INFINITY);
        }
        // The optimum at C = 6 is N = G, D = 1/G.
        let terms = CoupledTerms::new(
            ln(self.params_scale) - self.alpha * ln_scale,
            ln(self.tokens_scale) + self.beta * ln_scale,
            self.coupling,
        );
        let ln_ratio = ln(terms.reducible().value / reducible);
        Some(TRAINING_FLOPS_PER_PARAM_TOKEN * exp(ln_ratio / self.compute_exponent()))
    }

    /// Tokens on which a model of `params` reaches `loss`; infinite where none are enough.
    ///
    /// ```text
    /// D = (B / T)^(1/β),   T = (loss - E) [1 - (A N^-α / (loss - E))^(1/k)]^k
    /// ```
    ///
    /// # Example
    /// ```
    /// use isoflop::law::{CoupledCoefficients, published};
    ///
    /// let law = CoupledCoefficients::from_slice(published("besiroglu2024").unwrap().parameters).unwrap();
    /// assert!((law.tokens_for_loss(7.22487e10, 1.974441).unwrap() / 1.32874e12 - 1.0).abs() < 1e-4);
    /// assert_eq!(law.tokens_for_loss(1e9, 1.974441), Some(f64::INFINITY));
    /// ```
    pub fn tokens_for_loss(&self, params: f64, loss: f64) -> Option<f64> {
        let reducible = loss - self.floor;
        if reducible <= 0.0 {
            return Some(f64::INFINITY);
        }
        let ln_reducible = ln(reducible);
        let ln_taken = (ln(self.params_scale) - self.alpha * ln(params) - ln_reducible) / self.coupling;
        if ln_taken >= 0.0 {
            return Some(f64::INFINITY);
        }
        let ln_tokens_term = ln_reducible + self.coupling * ln(1.0 - exp(ln_taken));
        Some(exp((ln(self.tokens_scale) - ln_tokens_term) / self.beta)).filter(|tokens| !tokens.is_nan())
    }

    /// The allocation exponents a and b, γ, and G.
    pub(super) fn derived(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("a", self.params_allocation()),
            ("b", self.tokens_allocation()),
            ("gamma", self.compute_exponent()),
            ("G", exp(self.ln_allocation_scale())),
        ]
    }
}
