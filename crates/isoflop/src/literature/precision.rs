//! What parameters are worth when they, or what passes through them, are held in few bits.

use isoflop_numerics::elementary::exp;
use serde::{Deserialize, Serialize};

use crate::units::{Params, UnitError};

/// Bits that a model is trained in; `None` is full precision.
///
/// # Source
/// Kumar et al. 2024, *Scaling Laws for Precision*, arXiv:2411.04330, equation 4: 465 runs up to 1.7e9 parameters and 2.6e10 tokens.
///
/// # Trust
/// Secondary; little is known above 2e9 parameters.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Bits {
    /// Of weights.
    pub weights: Option<f64>,
    /// Of activations.
    pub activations: Option<f64>,
    /// Of keys and values.
    pub key_values: Option<f64>,
}

/// Bits over which weights, activations, keys and values lose their worth by a factor e.
const SENSITIVITY: [f64; 3] = [2.6745, 2.2102, 0.9578];

impl Bits {
    /// Share of the parameters that is left.
    ///
    /// ```text
    /// N_eff / N = (1 - e^(-P_w/2.6745)) (1 - e^(-P_a/2.2102)) (1 - e^(-P_kv/0.9578)),   P in bits
    /// ```
    ///
    /// # Example
    /// ```
    /// use isoflop::literature::Bits;
    /// let worth = |weights| Bits { weights: Some(weights), ..Bits::default() }.worth();
    /// assert!((worth(4.0) - 0.775_887).abs() < 1e-6);
    /// assert_eq!(Bits::default().worth(), 1.0);
    /// ```
    pub fn worth(&self) -> f64 {
        let bits = [self.weights, self.activations, self.key_values];
        bits.iter().zip(SENSITIVITY).map(|(bits, scale)| bits.map_or(1.0, |bits| 1.0 - exp(-bits / scale))).product()
    }

    /// Parameters at full precision that would lose as little.
    ///
    /// # Errors
    /// [`UnitError`] where no bits are left, or fewer.
    pub fn effective_params(&self, params: Params) -> Result<Params, UnitError> {
        Params::new(params.get() * self.worth())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_worth_of_weights_in_few_bits() {
        for (bits, worth) in [(16.0, 0.997_477), (8.0, 0.949_774), (4.0, 0.775_887), (3.0, 0.674_276)] {
            let found = Bits { weights: Some(bits), ..Bits::default() }.worth();
            assert!((found - worth).abs() < 1e-6, "{bits} bits: {found}");
        }
    }

    #[test]
    fn no_bits_are_no_model() {
        let params = Params::new(1e9).unwrap();
        for bits in [0.0, -1.0, f64::NAN] {
            assert!(Bits { activations: Some(bits), ..Bits::default() }.effective_params(params).is_err());
        }
    }
}
