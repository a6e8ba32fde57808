//! Whether a tuned learning rate is best at another width too, from a few rates around it there.

use isoflop_numerics::elementary::ln;

use super::surface::Beliefs;
use super::{Curvature, Surface, Trial, TuningError};

/// Steps within which an optimum counts as where it was.
const STILL: f64 = 0.5;
/// Half the width, in steps, of the widest interval that tells anything.
const TELLS: f64 = 1.0;
/// Trials that the tuned surface's noise was measured on, at the least.
const NOISE_TRIALS: f64 = 30.0;
/// Standard deviation of ln curvature between widths.
const CURVATURE_SPREAD: f64 = 0.4;

/// How far the best hidden rate at a width is from the one a recipe has there.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Transfer {
    /// The width.
    pub width: f64,
    /// Steps from the recipe's rate to the best.
    pub moved: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Level of the interval.
    pub level: f64,
    /// ln loss that the recipe's rate gives away there.
    pub excess: f64,
    /// What follows.
    pub verdict: Move,
}

/// Whether a learning rate transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// The interval holds the recipe's rate, or the best one is within half a step.
    Transfers,
    /// The best rate is another one.
    Moved,
    /// The interval holds the recipe's rate, and much else.
    Unclear,
}

impl Transfer {
    /// The shift that `trials` of one width show, their moves counted from the tuned recipe and differing in the hidden rate, where
    /// `curvature` and `noise` are those of the tuned surface.
    ///
    /// # Trust
    /// Three rates do not tell a curvature: that of the tuned surface is believed within a factor of about 1.5, and the noise with it.
    ///
    /// # Errors
    /// [`TuningError`].
    pub fn new(trials: &[Trial], curvature: &Curvature, noise: f64, level: f64) -> Result<Self, TuningError> {
        let known = 1e-3;
        let [hidden, embedding, batch] = curvature.factors.map(ln);
        let shared = [
            (0.0, 3.0),
            (0.0, known),
            (0.0, known),
            (hidden, CURVATURE_SPREAD),
            (embedding, known),
            (batch, known),
            (0.0, known),
            (0.0, known),
        ];
        let surface = Surface::fit_under(trials, &Beliefs { shared, noise, noise_trials: NOISE_TRIALS })?;
        let width = trials.first().map_or(f64::NAN, |trial| trial.width);
        let moved = surface.optimum(width)[0];
        let (low, high) = surface.intervals(width, level)[0];
        let holds = (low..=high).contains(&0.0);
        let verdict = match holds {
            true if high - low > 2.0 * TELLS => Move::Unclear,
            false if moved.abs() > STILL => Move::Moved,
            _ => Move::Transfers,
        };
        Ok(Self { width, moved, low, high, level, excess: surface.excess(width, [0.0; 3]), verdict })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURVATURE: Curvature = Curvature { factors: [0.008, 0.004, 0.002], cross: 0.0 };

    fn probe(optimum: f64, noise: f64) -> Transfer {
        let trials = [-1.0, 0.0, 1.0].map(|steps| Trial {
            width: 128.0,
            seed: 0,
            moves: [steps, 0.0, 0.0],
            loss: 1.7 * (CURVATURE.excess([steps - optimum, 0.0, 0.0])).exp(),
        });
        Transfer::new(&trials, &CURVATURE, noise, 0.9).unwrap()
    }

    #[test]
    fn a_shift_is_found_with_an_interval_around_it() {
        for optimum in [-1.5, -0.4, 0.0, 0.3, 1.2] {
            let found = probe(optimum, 0.002);
            assert!((found.moved - optimum).abs() < 0.2, "{found:?}");
            assert!(found.low < optimum && optimum < found.high, "{found:?}");
        }
    }

    #[test]
    fn it_transfers_moves_or_cannot_be_told() {
        assert_eq!(probe(0.3, 0.002).verdict, Move::Transfers);
        assert_eq!(probe(1.5, 0.002).verdict, Move::Moved);
        assert_eq!(probe(0.3, 0.03).verdict, Move::Unclear);
        assert_eq!(probe(0.0, 0.002).excess, 0.5 * CURVATURE.factors[0] * probe(0.0, 0.002).moved.powi(2));
    }
}
