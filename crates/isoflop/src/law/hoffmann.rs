//! The law of Hoffmann et al. 2022: a floor, a term that falls with parameters, a term that falls with tokens.

use isoflop_numerics::elementary::{exp, ln};
use serde::{Deserialize, Serialize};

use super::{Law, Parameter};
use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use crate::units::{Flops, Nats, Params, Tokens, UnitError};

/// `L = E + A N^-alpha + B D^-beta` (Hoffmann et al. 2022, arXiv:2203.15556, equation 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hoffmann;

/// One set of the law's five numbers.
///
/// ```text
/// L(N, D) = E + A / N^α + B / D^β
/// ```
///
/// | symbol | field | unit |
/// |---|---|---|
/// | E | `floor` | nats per token |
/// | A, B | `params_scale`, `tokens_scale` | nats per token at N = 1, D = 1 |
/// | α, β | `alpha`, `beta` | 1; positive, loss falls as x^-α |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HoffmannCoefficients {
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
}

const PARAMETERS: [Parameter; 5] = [
    Parameter { name: "E", meaning: "floor, nats per token" },
    Parameter { name: "A", meaning: "nats per token at one parameter" },
    Parameter { name: "B", meaning: "nats per token at one token" },
    Parameter { name: "alpha", meaning: "exponent of parameters" },
    Parameter { name: "beta", meaning: "exponent of tokens" },
];

impl Law for Hoffmann {
    fn name(&self) -> &'static str {
        "hoffmann"
    }

    fn formula(&self) -> &'static str {
        "L = E + A/N^alpha + B/D^beta"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn loss(&self, parameters: &[f64], params: f64, tokens: f64) -> f64 {
        HoffmannCoefficients::from_slice(parameters).map_or(f64::NAN, |law| law.loss_at(params, tokens))
    }

    fn derived(&self, parameters: &[f64]) -> Vec<(&'static str, f64)> {
        HoffmannCoefficients::from_slice(parameters).map_or_else(Vec::new, |law| {
            vec![
                ("a", law.params_allocation()),
                ("b", law.tokens_allocation()),
                ("gamma", law.compute_exponent()),
                ("G", law.allocation_scale()),
            ]
        })
    }
}

impl HoffmannCoefficients {
    /// The coefficients from the order of [`Law::parameters`]; `None` when there are not five.
    pub fn from_slice(parameters: &[f64]) -> Option<Self> {
        match *parameters {
            [floor, params_scale, tokens_scale, alpha, beta] => {
                Some(Self { floor, params_scale, tokens_scale, alpha, beta })
            }
            _ => None,
        }
    }

    /// The coefficients in the order of [`Law::parameters`].
    pub const fn to_array(self) -> [f64; 5] {
        [self.floor, self.params_scale, self.tokens_scale, self.alpha, self.beta]
    }

    /// Loss of a model of `params` trained on `tokens`.
    ///
    /// # Errors
    /// [`UnitError::NotPositive`] when the coefficients are not those of a loss.
    pub fn loss(&self, params: Params, tokens: Tokens) -> Result<Nats, UnitError> {
        Nats::new(self.loss_at(params.get(), tokens.get()))
    }

    pub(crate) fn loss_at(&self, params: f64, tokens: f64) -> f64 {
        self.floor
            + self.params_scale * exp(-self.alpha * ln(params))
            + self.tokens_scale * exp(-self.beta * ln(tokens))
    }

    /// Exponent of compute in the best model size: a = β/(α + β).
    pub fn params_allocation(&self) -> f64 {
        self.beta / (self.alpha + self.beta)
    }

    /// Exponent of compute in the best number of tokens: b = α/(α + β).
    pub fn tokens_allocation(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }

    /// Exponent with which the reducible loss of a compute-optimal model falls: γ = αβ/(α + β).
    pub fn compute_exponent(&self) -> f64 {
        self.alpha * self.beta / (self.alpha + self.beta)
    }

    /// G = (αA/βB)^(1/(α + β)), the best size at C = 6.
    pub fn allocation_scale(&self) -> f64 {
        let ratio = self.alpha * self.params_scale / (self.beta * self.tokens_scale);
        exp(ln(ratio) / (self.alpha + self.beta))
    }

    /// Model size that spends `budget` best, and the tokens it is trained on.
    ///
    /// ```text
    /// N*(C) = G (C/6)^a,   D*(C) = (C/6)^b / G,   G = (αA/βB)^(1/(α+β))
    /// ```
    ///
    /// | symbol | is | unit |
    /// |---|---|---|
    /// | C | `budget`, forward and backward, counted 6ND | FLOP |
    /// | N*, D* | returned, in the law's own counting | parameters, tokens |
    ///
    /// # Source
    /// Hoffmann et al. 2022, arXiv:2203.15556, equation 4; the tests check dL/dN = 0 along C = 6ND instead of trusting it.
    ///
    /// # Trust
    /// Only near the fitted budgets, and only as far as `C = 6ND` holds.
    ///
    /// # Errors
    /// [`UnitError::NotPositive`] when an exponent or a scale is zero: such a law has no interior optimum.
    ///
    /// # Example
    /// ```
    /// use isoflop::{Flops, law::published};
    ///
    /// // The rounded printed coefficients ask for 32.2 B parameters, not the 70 B that was trained.
    /// let printed = published("hoffmann2022-printed").unwrap().coefficients;
    /// let (params, _) = printed.best_allocation(Flops::new(5.76e23)?)?;
    /// assert!((params.get() / 3.21899e10 - 1.0).abs() < 1e-5);
    /// # Ok::<(), isoflop::UnitError>(())
    /// ```
    pub fn best_allocation(&self, budget: Flops) -> Result<(Params, Tokens), UnitError> {
        let ln_product = ln(budget.get() / TRAINING_FLOPS_PER_PARAM_TOKEN);
        let ln_scale = ln(self.allocation_scale());
        let params = exp(ln_scale + self.params_allocation() * ln_product);
        let tokens = exp(self.tokens_allocation() * ln_product - ln_scale);
        Ok((Params::new(params)?, Tokens::new(tokens)?))
    }

    /// Reducible loss of the compute-optimal model at a `budget`.
    ///
    /// ```text
    /// R*(C) = (A G^-α + B G^β) (C/6)^-γ
    /// ```
    pub fn best_reducible_loss(&self, budget: Flops) -> f64 {
        self.reducible_scale() * exp(-self.compute_exponent() * ln(budget.get() / TRAINING_FLOPS_PER_PARAM_TOKEN))
    }

    /// Compute that a compute-optimal model would need for the loss of `params` and `tokens`.
    ///
    /// ```text
    /// C_eq = 6 [(A G^-α + B G^β) / (L(N, D) - E)]^(1/γ)
    /// ```
    ///
    /// One minus its ratio to the compute actually spent is the share wasted (Czech et al. 2026, arXiv:2603.22339).
    pub fn equivalent_compute(&self, params: f64, tokens: f64) -> f64 {
        let reducible = self.loss_at(params, tokens) - self.floor;
        TRAINING_FLOPS_PER_PARAM_TOKEN * exp(ln(self.reducible_scale() / reducible) / self.compute_exponent())
    }

    /// A G^-α + B G^β.
    fn reducible_scale(&self) -> f64 {
        let ln_scale = ln(self.allocation_scale());
        self.params_scale * exp(-self.alpha * ln_scale) + self.tokens_scale * exp(self.beta * ln_scale)
    }
}
