//! What the granularity of experts does to the loss of a mixture of experts.

use isoflop_numerics::elementary::{exp, ln};
use serde::Serialize;

use crate::units::{Nats, Params, Tokens, UnitError};

/// The law of fine-grained experts.
///
/// ```text
/// L = c + (g / G^gamma + a) / N^alpha + b / D^beta,      G = d_ff / d_expert
/// ```
/// N parameters and D tokens as their paper counts them; G = 1 are experts as wide as the feed-forward block of a dense model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GranularExperts {
    /// c, nats per token.
    pub floor: f64,
    /// a and alpha.
    pub params: (f64, f64),
    /// b and beta.
    pub tokens: (f64, f64),
    /// g and gamma.
    pub granularity: (f64, f64),
}

impl GranularExperts {
    /// Sixty-four times the parameters that a token passes through.
    ///
    /// # Source
    /// Krajewski et al. 2024, arXiv:2402.07871, table 1: 129e6 to 3.7e9 parameters, 1.6e10 to 1.3e11 tokens.
    ///
    /// # Trust
    /// Secondary, from two texts.
    pub const KRAJEWSKI_2024: Self =
        Self { floor: 0.47, params: (18.1, 0.115), tokens: (30.8, 0.147), granularity: (2.1, 0.58) };

    /// The loss at a granularity of at least 1.
    ///
    /// # Errors
    /// [`UnitError`] where the granularity is no positive number.
    ///
    /// # Example
    /// ```
    /// use isoflop::literature::GranularExperts;
    /// use isoflop::{Params, Tokens};
    /// let loss = GranularExperts::KRAJEWSKI_2024.loss(Params::new(1e9)?, Tokens::new(1e11)?, 8.0)?;
    /// assert!((loss.get() - 2.941_816).abs() < 1e-6);
    /// # Ok::<(), isoflop::UnitError>(())
    /// ```
    pub fn loss(&self, params: Params, tokens: Tokens, granularity: f64) -> Result<Nats, UnitError> {
        if !(granularity > 0.0 && granularity.is_finite()) {
            return Err(UnitError::NotPositive { quantity: "granularity", value: granularity });
        }
        let power = |base: f64, exponent: f64| exp(-exponent * ln(base));
        let of_params = self.params.0 + self.granularity.0 * power(granularity, self.granularity.1);
        Nats::new(
            self.floor
                + of_params * power(params.get(), self.params.1)
                + self.tokens.0 * power(tokens.get(), self.tokens.1),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_losses_come_out() {
        let (params, tokens) = (Params::new(1e9).unwrap(), Tokens::new(1e11).unwrap());
        let loss = |granularity| GranularExperts::KRAJEWSKI_2024.loss(params, tokens, granularity);
        for (granularity, expected) in [(1.0, 3.077_556), (8.0, 2.941_816), (32.0, 2.909_772)] {
            let found = loss(granularity).unwrap().get();
            assert!((found - expected).abs() < 1e-6, "{granularity}: {found}");
        }
        assert!([0.0, -1.0, f64::NAN, f64::INFINITY].into_iter().all(|granularity| loss(granularity).is_err()));
    }
}
