//! Learning rate and batch of a run not yet trained, as papers advise them; they disagree, and the spread is part of the answer.

use std::borrow::Cow;

use isoflop_numerics::elementary::{exp, ln};
use serde::{Deserialize, Serialize};

use crate::counting::training_flops;
use crate::sources::Trust;
use crate::units::{Params, Tokens, UnitError};

/// What a law goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Learning rate by size and tokens, batch by tokens.
    SizeAndTokens,
    /// Both by compute, 6ND.
    Compute,
}

/// A published law of the best learning rate and batch.
///
/// ```text
/// rate = a N^b D^c        batch = p D^q        (by size and tokens)
/// rate = a C^b            batch = p C^q        (by compute)
/// ```
/// N parameters without embedding, D tokens, C FLOP, batch in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HyperparameterLaw {
    /// Author and year.
    pub name: &'static str,
    /// What it goes by.
    pub basis: Basis,
    /// Scale and exponents of the learning rate: those of N and D, or that of C and zero.
    pub learning_rate: [f64; 3],
    /// Scale and exponent of the batch.
    pub batch: [f64; 2],
    /// The optimizer it was measured under.
    pub optimizer: &'static str,
    /// Paper, and where in it.
    pub source: &'static str,
    /// How far the numbers were checked.
    pub trust: Trust,
    /// What to know before using it.
    pub note: &'static str,
}

/// What one law advises for one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// The law.
    pub law: Cow<'static, str>,
    /// The optimizer it was measured under.
    pub optimizer: Cow<'static, str>,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Batch, tokens.
    pub batch: Tokens,
}

impl HyperparameterLaw {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self {
            name: "step-law",
            basis: Basis::SizeAndTokens,
            learning_rate: [1.79, -0.713, 0.307],
            batch: [0.58, 0.571],
            optimizer: "AdamW",
            source: "Li et al. 2025, arXiv:2503.04715, equation 1",
            trust: Trust::Verified,
            note: "3,700 runs; learning rate and batch tuned together, decay to 1e-5",
        },
        Self {
            name: "deepseek-2024",
            basis: Basis::Compute,
            learning_rate: [0.3118, -0.1250, 0.0],
            batch: [0.2920, 0.3271],
            optimizer: "AdamW",
            source: "DeepSeek-AI 2024, arXiv:2401.02954, section 3.1",
            trust: Trust::Secondary,
            note: "1e17 to 2e19 FLOP, counted as non-embedding FLOP per token times tokens",
        },
        Self {
            name: "moonlight-2025",
            basis: Basis::Compute,
            learning_rate: [0.0127, -0.057, 0.0],
            batch: [0.0065, 0.4138],
            optimizer: "Muon",
            source: "Liu et al. 2025, arXiv:2502.16982",
            trust: Trust::Secondary,
            note: "for Muon with the update scaled to that of AdamW",
        },
    ];

    /// What it advises for `params` parameters without embedding on `tokens`.
    ///
    /// # Errors
    /// [`UnitError`] when the numbers leave the range of `f64`.
    ///
    /// # Example
    /// ```
    /// use isoflop::literature::HyperparameterLaw;
    /// use isoflop::{Params, Tokens};
    /// let [step_law, deepseek, _] = HyperparameterLaw::ALL.map(|law| law.advice(Params::new(1e9)?, Tokens::new(1e11)?));
    /// assert!((step_law.clone()?.learning_rate / 1.632_499e-3 - 1.0).abs() < 1e-6);
    /// assert!((step_law?.batch.get() / 1.107_715e6 - 1.0).abs() < 1e-6);
    /// assert!((deepseek?.batch.get() / 1.827_748e6 - 1.0).abs() < 1e-6);
    /// # Ok::<(), isoflop::UnitError>(())
    /// ```
    pub fn advice(&self, params: Params, tokens: Tokens) -> Result<Advice, UnitError> {
        let (first, second, of_batch) = match self.basis {
            Basis::SizeAndTokens => (params.get(), tokens.get(), tokens.get()),
            Basis::Compute => {
                let flops = training_flops(params, tokens)?.get();
                (flops, 1.0, flops)
            }
        };
        let [scale, along_first, along_second] = self.learning_rate;
        let [batch, along] = self.batch;
        Ok(Advice {
            law: Cow::Borrowed(self.name),
            optimizer: Cow::Borrowed(self.optimizer),
            learning_rate: scale * exp(along_first * ln(first) + along_second * ln(second)),
            batch: Tokens::new(batch * exp(along * ln(of_batch)))?,
        })
    }
}

/// What every law advises for `params` parameters without embedding on `tokens`.
///
/// # Errors
/// [`UnitError`] when the numbers leave the range of `f64`.
pub fn advice(params: Params, tokens: Tokens) -> Result<Vec<Advice>, UnitError> {
    HyperparameterLaw::ALL.iter().map(|law| law.advice(params, tokens)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_come_out() {
        let advice = advice(Params::new(1e9).unwrap(), Tokens::new(1e11).unwrap()).unwrap();
        for (number, rate, batch) in [(0, 1.632_499e-3, 1.107_715e6), (1, 7.881_470e-4, 1.827_748e6)] {
            assert!((advice[number].learning_rate / rate - 1.0).abs() < 1e-6, "{:?}", advice[number]);
            assert!((advice[number].batch.get() / batch - 1.0).abs() < 1e-6, "{:?}", advice[number]);
        }
    }

    #[test]
    fn larger_models_learn_slower_and_longer_runs_take_larger_batches() {
        for law in HyperparameterLaw::ALL {
            let of = |params: f64, tokens: f64| {
                law.advice(Params::new(params).unwrap(), Tokens::new(tokens).unwrap()).unwrap()
            };
            assert!(of(1e10, 1e11).learning_rate < of(1e9, 1e11).learning_rate, "{}", law.name);
            assert!(of(1e9, 1e12).batch > of(1e9, 1e11).batch, "{}", law.name);
        }
    }
}
