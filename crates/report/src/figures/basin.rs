//! One width's runs that differ in one tuned factor alone, and the surface along them.

use isoflop::tuning::{Factor, Surface, Trial};

use super::shared;

/// Points of a curve.
const SAMPLES: usize = 121;
/// Steps of the factor shown beside the trials.
const MARGIN: f64 = 0.5;

/// A basin.
pub(super) struct Basin {
    pub(super) width: f64,
    /// Steps of the factor, and loss above the lowest of the curve as a share.
    pub(super) runs: Vec<(f64, f64)>,
    pub(super) curve: Vec<(f64, f64)>,
    /// Steps of the factor at the curve's lowest point.
    pub(super) best: f64,
    /// The loss there.
    pub(super) lowest: f64,
}

impl Basin {
    /// The basin of `factor` at `width`.
    pub(super) fn of(surface: &Surface, width: f64, factor: Factor) -> Self {
        let index = factor as usize;
        let same = |one: &Trial, other: &Trial| {
            Factor::ALL.iter().filter(|held| **held != factor).all(|held| one.agrees(other, *held))
        };
        let of_width: Vec<&Trial> = surface.trials().iter().filter(|trial| trial.width == width).collect();
        // The line along the factor on which most runs lie.
        let beside = |centre: &Trial| of_width.iter().filter(|trial| same(trial, centre)).count();
        let centre = of_width.iter().copied().max_by_key(|trial| beside(trial));
        let on_line: Vec<&Trial> =
            of_width.iter().copied().filter(|trial| centre.is_some_and(|centre| same(trial, centre))).collect();
        let held = centre.map_or([0.0; 3], |centre| centre.moves);
        let (low, high) = shared::ends(on_line.iter().map(|trial| trial.moves[index])).unwrap_or((0.0, 0.0));
        let sample = |step: usize| low - MARGIN + (high - low + 2.0 * MARGIN) * step as f64 / (SAMPLES - 1) as f64;
        let excess = |steps: f64| {
            let mut moves = held;
            moves[index] = steps;
            surface.excess(width, moves)
        };
        let heights: Vec<(f64, f64)> = (0..SAMPLES).map(sample).map(|steps| (steps, excess(steps))).collect();
        let lowest = heights.iter().copied().min_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or((0.0, 0.0));
        let level = surface.lowest_loss(width).unwrap_or(f64::NAN) * lowest.1.exp();
        // Seeds are better or worse at all rates alike.
        let above = |trial: &&Trial| {
            let of_seed = surface.seed_effect(width, trial.seed);
            (trial.moves[index], trial.loss / level * (-of_seed).exp() - 1.0)
        };
        Self {
            width,
            runs: on_line.iter().map(above).collect(),
            curve: heights.into_iter().map(|(steps, height)| (steps, (height - lowest.1).exp_m1())).collect(),
            best: lowest.0,
            lowest: level,
        }
    }

    /// Steps and the loss of a point above the lowest.
    pub(super) fn loss(&self, (steps, above): &(f64, f64)) -> (f64, f64) {
        (*steps, self.lowest * (1.0 + above))
    }

    /// The point of the curve nearest to `steps`.
    pub(super) fn at(&self, steps: f64) -> (f64, f64) {
        let off = |at: &&(f64, f64)| (at.0 - steps).abs();
        let nearest = self.curve.iter().min_by(|one, other| off(one).total_cmp(&off(other)));
        (steps, nearest.map_or(f64::NAN, |nearest| self.loss(nearest).1))
    }

    /// What it is called.
    pub(super) fn name(&self) -> String {
        format!("width {}", self.width)
    }
}

/// The whole steps from the lowest to the highest of `steps`.
pub(super) fn whole_steps(steps: impl Iterator<Item = f64>) -> std::ops::RangeInclusive<i32> {
    let (low, high) = steps
        .filter(|steps| steps.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)));
    low.ceil() as i32..=high.floor() as i32
}
