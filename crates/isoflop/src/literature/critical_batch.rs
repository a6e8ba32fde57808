//! The batch beyond which larger batches take more tokens than they save steps.

use isoflop_numerics::elementary::{exp, ln};
use serde::Serialize;

use crate::sources::Trust;
use crate::units::{Nats, Tokens, UnitError};

/// A law of the critical batch, and what a batch costs by it.
///
/// ```text
/// B_crit = B* / L^(1/alpha)        D / D_min = 1 + B / B_crit        S / S_min = 1 + B_crit / B
/// ```
/// L loss in nats per token, B batch in tokens, D tokens and S steps to a loss; D_min tokens with batches of next to nothing, S_min steps
/// with batches without end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CriticalBatch {
    /// B*, tokens.
    pub scale: f64,
    /// alpha.
    pub exponent: f64,
    /// Papers.
    pub source: &'static str,
    /// How far the numbers were checked.
    pub trust: Trust,
}

impl CriticalBatch {
    /// By the loss alone, for Adam on WebText2.
    ///
    /// # Source
    /// Kaplan et al. 2020, arXiv:2001.08361, section 5.1; the trade of steps for tokens is that of McCandlish et al. 2018, arXiv:1812.06162.
    ///
    /// # Trust
    /// Secondary, and of models of at most 1.5e9 parameters with another tokenizer. Newer papers find the critical batch to grow as
    /// D^0.46 to D^0.47 (Bergsma et al. 2025, arXiv:2505.13738; Zhang et al. 2024, arXiv:2410.21676); their scale could not be checked.
    pub const KAPLAN_2020: Self = Self {
        scale: 2.1e8,
        exponent: 0.21,
        source: "Kaplan et al. 2020, arXiv:2001.08361, and McCandlish et al. 2018, arXiv:1812.06162",
        trust: Trust::Secondary,
    };

    /// The critical batch at a loss.
    ///
    /// # Errors
    /// [`UnitError`] when the number leaves the range of `f64`.
    ///
    /// # Example
    /// ```
    /// use isoflop::Nats;
    /// use isoflop::literature::CriticalBatch;
    /// let batch = CriticalBatch::KAPLAN_2020.at(Nats::new(2.5)?)?;
    /// assert!((batch.get() / 2.6746e6 - 1.0).abs() < 1e-4);
    /// # Ok::<(), isoflop::UnitError>(())
    /// ```
    pub fn at(&self, loss: Nats) -> Result<Tokens, UnitError> {
        Tokens::new(self.scale * exp(-ln(loss.get()) / self.exponent))
    }

    /// D / D_min: the tokens that reach a loss with a batch, for each that batches of next to nothing would take.
    ///
    /// # Errors
    /// [`UnitError`] when a number leaves the range of `f64`.
    pub fn tokens_factor(&self, batch: Tokens, loss: Nats) -> Result<f64, UnitError> {
        Ok(1.0 + batch.get() / self.at(loss)?.get())
    }

    /// The same of bare numbers, for the inner loops of a search.
    pub(crate) fn factor(&self, batch: f64, loss: f64) -> f64 {
        1.0 + batch / self.scale * exp(ln(loss) / self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// McCandlish's hyperbola: (S/S_min - 1)(D/D_min - 1) = 1, with S = D/B and S_min = D_min/B_crit.
    #[test]
    fn steps_and_tokens_lie_on_the_published_hyperbola() {
        let (law, loss, least) = (CriticalBatch::KAPLAN_2020, Nats::new(2.5).unwrap(), 1e11);
        let critical = law.at(loss).unwrap().get();
        for batch in [1e4, 1e6, 1e8] {
            let tokens = least * law.tokens_factor(Tokens::new(batch).unwrap(), loss).unwrap();
            let (steps, fewest) = (tokens / batch, least / critical);
            assert!(((steps / fewest - 1.0) * (tokens / least - 1.0) - 1.0).abs() < 1e-9);
        }
        // At the critical batch both double.
        assert!((law.tokens_factor(Tokens::new(critical).unwrap(), loss).unwrap() - 2.0).abs() < 1e-12);
        assert!((law.factor(critical, 2.5) - 2.0).abs() < 1e-12);
        assert!(law.at(Nats::new(2.0).unwrap()).unwrap().get() > critical);
    }
}
