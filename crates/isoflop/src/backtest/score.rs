//! How good forecasts were: error, bias, interval score, and how many bands held.

use serde::{Deserialize, Serialize};

use super::forecast::{Forecast, LEVELS};

/// Where one distance class ends and the next begins, in decades of compute beyond the cut.
pub const DISTANCES: [f64; 2] = [0.5, 1.0];

/// Means over forecasts, all of ln loss: 0.01 is one percent.
///
/// ```text
/// error = mean |e|,   bias = mean e,   e = ln predicted - ln observed
/// interval_score = mean of [ |e|/2 + Σ_α (α/2 (u_α - l_α) + (l_α - y)+ + (y - u_α)+) ] / 3.5,   α = 0.5, 0.1, 0.05
/// ```
/// | symbol | is |
/// |---|---|
/// | y | ln of the observed loss |
/// | l_α, u_α | ends of the band that should hold 1 - α |
///
/// # Source
/// Bracher et al. 2021, doi:10.1371/journal.pcbi.1008618, equation 1: proper, and pays for misses and for width alike.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Forecasts.
    pub forecasts: usize,
    /// Mean absolute error.
    pub error: f64,
    /// Mean error: above zero where too high a loss was forecast.
    pub bias: f64,
    /// Interval score.
    pub interval_score: f64,
    /// Shares of forecasts inside their 50, 90 and 95 % bands.
    pub inside: [f64; LEVELS.len()],
}

/// The score of the forecasts at one distance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DistanceScore {
    /// Nearest, in decades of compute beyond the cut.
    pub from: f64,
    /// Up to there; `None` for the farthest class.
    pub to: Option<f64>,
    /// The score.
    #[serde(flatten)]
    pub score: Score,
}

impl Score {
    /// Of `forecasts`; `None` when there are none.
    pub(super) fn of<'a>(forecasts: impl IntoIterator<Item = &'a Forecast>) -> Option<Self> {
        let mut score = Self { forecasts: 0, error: 0.0, bias: 0.0, interval_score: 0.0, inside: [0.0; LEVELS.len()] };
        for forecast in forecasts {
            score.forecasts += 1;
            score.error += forecast.error.abs();
            score.bias += forecast.error;
            let mut paid = 0.5 * forecast.error.abs();
            for ((level, (low, high)), inside) in LEVELS.iter().zip(&forecast.bands).zip(&mut score.inside) {
                paid += 0.5 * (1.0 - level) * (high - low) + low.max(-high).max(0.0);
                *inside += f64::from(u8::from(*low <= 0.0 && 0.0 <= *high));
            }
            score.interval_score += paid / (LEVELS.len() as f64 + 0.5);
        }
        if score.forecasts == 0 {
            return None;
        }
        let count = score.forecasts as f64;
        score.error /= count;
        score.bias /= count;
        score.interval_score /= count;
        score.inside.iter_mut().for_each(|share| *share /= count);
        Some(score)
    }

    /// By distance, the nearest first; classes without a forecast are not there.
    pub(super) fn by_distance(forecasts: &[Forecast]) -> Vec<DistanceScore> {
        let class = |(from, to): (f64, Option<f64>)| {
            let score = Self::of(forecasts.iter().filter(|forecast| is_within(forecast.decades, from, to)))?;
            Some(DistanceScore { from, to, score })
        };
        classes().into_iter().filter_map(class).collect()
    }
}

/// The distance classes: from, to.
pub(super) fn classes() -> Vec<(f64, Option<f64>)> {
    let starts = std::iter::once(0.0).chain(DISTANCES);
    let ends = DISTANCES.into_iter().map(Some).chain([None]);
    starts.zip(ends).collect()
}

/// Whether a distance belongs to a class.
pub(super) fn is_within(decades: f64, from: f64, to: Option<f64>) -> bool {
    decades >= from && to.is_none_or(|to| decades < to)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::backtest) fn forecast(origin: usize, decades: f64, error: f64, half_width: f64) -> Forecast {
        let bands = [0.3, 0.8, 1.0, 0.8].map(|share| (error - share * half_width, error + share * half_width));
        Forecast { run: "r".to_owned(), place: 0, origin, decades, observed: 2.0, error, bands }
    }

    #[test]
    fn a_worked_example() {
        // One forecast 0.02 too high with a 95 % band of ± 0.01: outside all three by 0.017, 0.012 and 0.01.
        let score = Score::of(&[forecast(0, 0.2, 0.02, 0.01)]).unwrap();
        let paid = 0.01 + (0.25 * 0.006 + 0.017) + (0.05 * 0.016 + 0.012) + (0.025 * 0.02 + 0.01);
        assert!((score.interval_score - paid / 3.5).abs() < 1e-15);
        assert_eq!((score.error, score.bias, score.inside), (0.02, 0.02, [0.0; 3]));
    }

    #[test]
    fn every_forecast_is_in_one_class() {
        let forecasts = [0.1, 0.5, 0.99, 1.0, 3.0].map(|decades| forecast(0, decades, -0.001, 0.01));
        let classes = Score::by_distance(&forecasts);
        assert_eq!(classes.iter().map(|class| class.score.forecasts).collect::<Vec<_>>(), [1, 2, 2]);
        assert_eq!(classes[2].to, None);
        assert!(Score::of(&[]).is_none() && Score::by_distance(&forecasts[..1]).len() == 1);
    }
}
