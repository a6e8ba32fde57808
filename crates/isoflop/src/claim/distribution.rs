//! What a claim says of every possible loss, in a few numbers: enough to judge it at other levels than its own.

use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::quantile::{Bell, mixture_quantile};
use serde::{Deserialize, Serialize};

/// Shares at which a distribution is kept: the ends of the intervals of 50, 80, 90, 95 and 99 %, and twentieths between them.
const SHARES: [f64; 25] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85,
    0.9, 0.95, 0.975, 0.99, 0.995,
];

/// Shares that differ by less than this are one: 0.5 (1 - 0.9) is 0.04999999999999999.
const SAME_SHARE: f64 = 1e-9;

/// The distribution of the loss of one new run, as quantiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Quantiles")]
pub struct Distribution {
    /// Shares of new runs, rising.
    shares: Vec<f64>,
    /// The losses below which they end, nats per token.
    losses: Vec<f64>,
}

/// A distribution as read, before it is known to be one.
#[derive(Deserialize)]
struct Quantiles {
    shares: Vec<f64>,
    losses: Vec<f64>,
}

impl TryFrom<Quantiles> for Distribution {
    type Error = &'static str;

    fn try_from(Quantiles { shares, losses }: Quantiles) -> Result<Self, Self::Error> {
        let distribution = Self { shares, losses };
        if distribution.is_sound() { Ok(distribution) } else { Err("the quantiles of its distribution do not rise") }
    }
}

impl Distribution {
    /// The quantiles of an equal mixture of bells in ln loss.
    pub(super) fn of(bells: &[Bell]) -> Self {
        let losses = SHARES.iter().map(|share| exp(mixture_quantile(bells, *share))).collect();
        Self { shares: SHARES.to_vec(), losses }
    }

    /// Share of new runs expected below `loss`: linear in ln loss between the quantiles kept, and no farther than the outermost.
    ///
    /// The same for every loss below the lowest quantile: what is known there is that fewer than so many runs end so low.
    pub fn share_below(&self, loss: f64) -> f64 {
        let above = self.losses.partition_point(|quantile| *quantile <= loss);
        let ends = (self.shares.first().copied().unwrap_or(f64::NAN), self.shares.last().copied().unwrap_or(f64::NAN));
        match (above.checked_sub(1), self.losses.get(above)) {
            (None, _) => ends.0,
            (_, None) => ends.1,
            (Some(below), Some(upper)) => {
                let (from, to) = (self.shares[below], self.shares[above]);
                from + (to - from) * ln(loss / self.losses[below]) / ln(upper / self.losses[below])
            }
        }
    }

    /// The central interval of `level`, where its ends were kept: those of 50, 80, 90, 95 and 99 % are.
    pub fn interval(&self, level: f64) -> Option<(f64, f64)> {
        let end = |share: f64| {
            let place = self.shares.iter().position(|kept| (kept - share).abs() < SAME_SHARE)?;
            self.losses.get(place).copied()
        };
        Some((end(0.5 * (1.0 - level))?, end(0.5 * (1.0 + level))?))
    }

    /// Whether this is one: as many losses as shares, both above zero and rising.
    pub(super) fn is_sound(&self) -> bool {
        let rise = |values: &[f64]| {
            let positive = values.iter().all(|value| value.is_finite() && *value > 0.0);
            positive && values.windows(2).all(|pair| pair[0] <= pair[1])
        };
        self.shares.len() == self.losses.len() && !self.shares.is_empty() && rise(&self.shares) && rise(&self.losses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal() -> Distribution {
        Distribution::of(&[Bell { centre: ln(2.0), scale: 0.01, freedom: 30 }])
    }

    #[test]
    fn shares_are_those_of_the_bell() {
        let distribution = normal();
        assert!(distribution.is_sound());
        // One-sided points of Student's t with 30 degrees: 80 %, 95 %, 97.5 %.
        for (t, share) in [(0.0, 0.5), (0.853_767, 0.8), (1.697_261, 0.95), (-2.042_272, 0.025)] {
            let got = distribution.share_below(2.0 * exp(0.01 * t));
            assert!((got - share).abs() < 1e-6, "{t}: {got}");
        }
        // Between two quantiles kept, interpolation is off by little.
        assert!((distribution.share_below(2.0 * exp(0.01)) - 0.837_31).abs() < 0.003);
        assert_eq!([distribution.share_below(1.0), distribution.share_below(3.0)], [0.005, 0.995]);
    }

    #[test]
    fn intervals_are_kept_at_the_usual_levels_only() {
        let (low, high) = normal().interval(0.9).unwrap();
        assert!((ln(high / 2.0) - 0.016_972_61).abs() < 1e-8 && (low * high / 4.0 - 1.0).abs() < 1e-9);
        assert!([0.5, 0.8, 0.95, 0.99].into_iter().all(|level| normal().interval(level).is_some()));
        assert_eq!(normal().interval(0.77), None);
    }
}
