//! What a trained model writes: tokens drawn one after the other from its predictions.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::error::TrainError;
use crate::kernels::elementary::exp;
use crate::session::Session;

/// Tokens that a model writes after a prompt, without end.
///
/// Each is drawn from the model's prediction for what stands before it, of which it sees its context. Depends on the model, the
/// prompt, the temperature and the seed only.
#[derive(Debug)]
pub struct Sample<'a> {
    session: &'a mut Session,
    tokens: Vec<u16>,
    temperature: f64,
    generator: ChaCha8Rng,
}

impl Session {
    /// What the model writes after `prompt`, which must not be empty: the token that ends documents begins a new one.
    ///
    /// Predictions p become p^(1/temperature), normalised: 1 draws as the model predicts, less keeps to what it thinks likely, and 0
    /// always takes the likeliest token, the first of equals.
    ///
    /// # Errors
    /// [`TrainError::OutOfRange`] for a temperature that is negative or not finite, [`TrainError::EmptyPrompt`], and those of
    /// [`predict`](Self::predict), which come with the first token.
    pub fn sample(&mut self, prompt: &[u16], temperature: f64, seed: u64) -> Result<Sample<'_>, TrainError> {
        if !(temperature >= 0.0 && temperature.is_finite()) {
            let range = "finite and at least 0";
            return Err(TrainError::OutOfRange { field: "temperature", range, value: temperature });
        }
        if prompt.is_empty() {
            return Err(TrainError::EmptyPrompt);
        }
        let generator = ChaCha8Rng::seed_from_u64(seed);
        Ok(Sample { session: self, tokens: prompt.to_vec(), temperature, generator })
    }
}

impl Iterator for Sample<'_> {
    type Item = Result<u16, TrainError>;

    fn next(&mut self) -> Option<Self::Item> {
        let predicted = match self.session.predict(&self.tokens) {
            Ok(predicted) => predicted,
            Err(error) => return Some(Err(error)),
        };
        // 53 random bits, in [0, 1).
        let uniform = (self.generator.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let token = choose(&predicted, self.temperature, uniform);
        self.tokens.push(token);
        // What no prediction sees any more need not be kept.
        let forgotten = self.tokens.len().saturating_sub(self.session.spec().architecture.context);
        self.tokens.drain(..forgotten);
        Some(Ok(token))
    }
}

/// The token at which the running sum of the tempered predictions, given as ln p, steps over a `uniform` share of the whole.
fn choose(predicted: &[f64], temperature: f64, uniform: f64) -> u16 {
    let highest = predicted.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let likeliest = predicted.iter().position(|ln_p| *ln_p == highest).unwrap_or(0);
    // At such a temperature all but the likeliest would underflow, or the quotient be no number.
    if temperature < 1e-9 {
        return likeliest as u16;
    }
    let weights: Vec<f64> = predicted.iter().map(|ln_p| exp((ln_p - highest) / temperature)).collect();
    let mut left = uniform * weights.iter().sum::<f64>();
    let chosen = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    chosen.unwrap_or(likeliest) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_as_often_as_they_are_predicted() {
        let predicted = [0.5f64, 0.25, 0.125, 0.125].map(f64::ln);
        let counts = |temperature: f64| {
            let mut counts = [0; 4];
            (0..1000)
                .for_each(|i| counts[usize::from(choose(&predicted, temperature, (f64::from(i) + 0.5) / 1e3))] += 1);
            counts
        };
        assert_eq!(counts(1.0), [500, 250, 125, 125]);
        // Squared: 16, 4, 1, 1 of 22, so that the sum steps over 727.3, 909.1 and 954.5 of a thousand.
        assert_eq!(counts(0.5), [727, 182, 46, 45]);
        assert_eq!(counts(0.0), [1000, 0, 0, 0]);
        assert_eq!(choose(&[f64::NEG_INFINITY, 0.0], 1e300, 0.999), 1);
    }
}
