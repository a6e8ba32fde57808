//! How a reward saturates with the compute of reinforcement learning.

use isoflop_numerics::elementary::{exp, ln};
use serde::{Deserialize, Serialize};

/// A reward that rises from where it starts to a ceiling.
///
/// ```text
/// R = R_0 + (A - R_0) / (1 + (C_mid / C)^B)
/// ```
/// A is the ceiling, C_mid the compute of half the way, in any unit, B how steeply the reward passes it.
///
/// # Source
/// Khatri et al. 2025, *ScaleRL*, arXiv:2510.13786, equation 1.
///
/// # Trust
/// Secondary.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RewardCurve {
    /// Reward before training.
    pub start: f64,
    /// Reward that no compute exceeds.
    pub ceiling: f64,
    /// Compute of half the way.
    pub midpoint: f64,
    /// How steeply.
    pub steepness: f64,
}

impl RewardCurve {
    /// The reward after `compute`.
    ///
    /// # Example
    /// ```
    /// use isoflop::literature::RewardCurve;
    /// let curve = RewardCurve { start: 0.30, ceiling: 0.61, midpoint: 8_000.0, steepness: 1.2 };
    /// assert!((curve.reward(8_000.0) - 0.455).abs() < 1e-12);
    /// assert!((curve.compute_for(0.455).unwrap() / 8_000.0 - 1.0).abs() < 1e-12);
    /// assert_eq!(curve.compute_for(0.7), None);
    /// ```
    pub fn reward(&self, compute: f64) -> f64 {
        let behind = exp(self.steepness * (ln(self.midpoint) - ln(compute)));
        self.start + (self.ceiling - self.start) / (1.0 + behind)
    }

    /// The compute after which the reward is `reward`; `None` where no compute gives it.
    pub fn compute_for(&self, reward: f64) -> Option<f64> {
        let share = (reward - self.start) / (self.ceiling - self.start);
        let inside = share > 0.0 && share < 1.0;
        inside.then(|| self.midpoint * exp(-ln(1.0 / share - 1.0) / self.steepness))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_curve_comes_out_and_can_be_turned_over() {
        let curve = RewardCurve { start: 0.30, ceiling: 0.61, midpoint: 8_000.0, steepness: 1.2 };
        let points = [(4_000.0, 0.394_014), (8_000.0, 0.455), (50_000.0, 0.579_052), (100_000.0, 0.595_724)];
        for (compute, reward) in points {
            assert!((curve.reward(compute) - reward).abs() < 1e-6, "{compute}");
            assert!((curve.compute_for(curve.reward(compute)).unwrap() / compute - 1.0).abs() < 1e-9);
        }
        assert_eq!((curve.compute_for(0.30), curve.compute_for(0.61)), (None, None));
    }
}
