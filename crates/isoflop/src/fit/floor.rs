//! A weak prior on the floor: few runs over little compute cannot tell a floor from a slope, and the forecast hangs on it.

use serde::{Deserialize, Serialize};

use super::Objective;
use super::surface::FloorPenalty;

/// What is believed about E before the runs are looked at: a share of the lowest loss seen, normal in its logit.
///
/// # Choosing
/// None for fits to compare with others', and wherever hundreds of runs speak for themselves. With a few dozen runs over two
/// decades of compute, a share that falls with compute, from 0.6 at 1e19 FLOP to 0.16 at 1e12: an unpenalised fit then ends anywhere between no floor and the lowest loss.
///
/// # Trust
/// Derived here; LOG.md of 2026-11-22 shows what it does to ladders of fifteen runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FloorPrior {
    /// Expected share of the lowest loss, in (0, 1).
    pub share: f64,
    /// Standard deviation of the share's logit.
    pub spread: f64,
}

impl FloorPrior {
    /// The prior around `share` with the spread that leaves 0.27 to 0.73 plausible around one half; `None` outside (0, 1).
    pub fn around(share: f64) -> Option<Self> {
        (share > 0.0 && share < 1.0).then_some(Self { share, spread: 0.5 })
    }

    /// The prior as a penalty in the units of `objective`, for residuals of robust standard deviation `noise`; its centre is
    /// moved by `deviate` standard deviations, so that draws carry the prior's doubt as well as the runs'.
    ///
    /// Minus the log density of the residuals is the objective over `noise` squared for squares, and over `noise` times the knee
    /// for Huber's function of residuals mostly beyond it.
    pub(super) fn penalty(self, objective: Objective, noise: f64, deviate: f64) -> FloorPenalty {
        let unit = match objective {
            Objective::Huber { knee } => noise * knee.min(noise),
            Objective::LogLeastSquares | Objective::LeastSquares | Objective::StudentT { .. } => noise * noise,
        };
        let logit = (self.share / (1.0 - self.share)).ln();
        FloorPenalty { centre: logit + deviate * self.spread, strength: unit / (self.spread * self.spread) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_outside_the_open_unit_interval_are_no_prior() {
        assert!(FloorPrior::around(0.5).is_some());
        for share in [0.0, 1.0, -0.1, 1.7, f64::NAN] {
            assert!(FloorPrior::around(share).is_none(), "{share}");
        }
    }
}
