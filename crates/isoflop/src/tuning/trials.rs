//! Which trials to make: a star around the recipe first, then those that narrow the optimum's doubt most for their cost.

use super::{STEP, Surface};
use crate::design::Joint;

/// Standard error of the optimum, in steps, that tuning aims at: half a step gives away a thousandth of the loss.
const GOAL: f64 = 0.5;
/// Steps from the centre at which factors are tried: further off the parabola no longer holds.
const REACH: i32 = 2;
/// Steps beyond the trials from which on a candidate is news.
const BEYOND: f64 = 0.5;
/// Steps by which the centre may move beyond what was tried: a parabola forecasts no further.
const LEAP: f64 = 2.0;

/// A trial that could be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Width of its model.
    pub width: f64,
    /// Its seed: one that is known already costs no run to tell how good it is.
    pub seed: u64,
    /// Its moves.
    pub moves: [f64; 3],
    /// What it costs, in any unit.
    pub cost: f64,
}

/// Whether the optimum is known well enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// To half a step in each factor, and lower and higher values of each were tried.
    Yes,
    /// Its standard error is above half a step in some factor.
    Doubtful,
    /// In some factor it lies beyond what was tried.
    Outside,
}

/// The centre of a first round and a star around it: one factor at a time, one and two steps up and down.
pub fn star() -> Vec<[i32; 3]> {
    let arms = (0..3).flat_map(|factor| {
        [-2, -1, 1, 2].map(|steps| {
            let mut moves = [0; 3];
            moves[factor] = steps;
            moves
        })
    });
    std::iter::once([0; 3]).chain(arms).collect()
}

impl Surface {
    /// Moves worth trying next: all within two steps of the optimum at `width`, which is sought no further than two steps beyond the trials.
    pub fn neighbourhood(&self, width: f64) -> Vec<[i32; 3]> {
        let optimum = self.optimum(width);
        let centre = [0, 1, 2].map(|factor| {
            let (low, high) = self.tried(factor);
            optimum[factor].clamp(low - LEAP, high + LEAP).round() as i32
        });
        let side = 2 * REACH + 1;
        let offset = |cell: i32| [cell / (side * side), cell / side % side, cell % side].map(|steps| steps - REACH);
        let offsets = (0..side.pow(3)).map(offset);
        // Three factors moved at once tell nothing that two do not: there is no term for them.
        let offsets = offsets.filter(|offset| offset.iter().filter(|steps| **steps != 0).count() <= 2);
        offsets.map(|offset| [0, 1, 2].map(|factor| centre[factor] + offset[factor])).collect()
    }

    /// The moves to call the best: the optimum at `width`, no further than what was tried.
    pub fn best(&self, width: f64) -> [f64; 3] {
        let optimum = self.optimum(width);
        [0, 1, 2].map(|factor| {
            let (low, high) = self.tried(factor);
            optimum[factor].clamp(low, high)
        })
    }

    /// Whether the optimum at `width` is known well enough, where `candidates` is all that could be tried. A factor whose optimum lies beyond
    /// all that can be tried is known: below a batch of one sequence there is nothing.
    pub fn settled(&self, width: f64, candidates: &[Candidate]) -> Settled {
        let (optimum, errors) = (self.optimum(width), self.standard_errors(width));
        let mut worst = Settled::Yes;
        for factor in 0..3 {
            let (low, high) = self.tried(factor);
            let lower = candidates.iter().any(|candidate| candidate.moves[factor] < low - BEYOND);
            let higher = candidates.iter().any(|candidate| candidate.moves[factor] > high + BEYOND);
            match (optimum[factor] < low, optimum[factor] > high) {
                (true, _) if lower => return Settled::Outside,
                (_, true) if higher => return Settled::Outside,
                (false, false) if errors[factor] > GOAL => worst = Settled::Doubtful,
                _ => {}
            }
        }
        worst
    }

    /// The `count` candidates, by index and in the order of choice, that narrow the doubt about the optimum at `width` most for their cost, as
    /// long as `budget` pays for them; none twice.
    ///
    /// ```text
    /// sum over factors of var(m) before - var(m) after, over the cost
    /// ```
    ///
    /// of the surface taken as linear around where it is, one after the other.
    pub fn most_telling(&self, candidates: &[Candidate], count: usize, width: f64, budget: f64) -> Vec<usize> {
        let optima = (0..3).map(|factor| self.gradient_of_optimum(width, factor));
        let losses = candidates.iter().map(|Candidate { width, seed, moves, .. }| self.gradient(*width, *seed, *moves));
        let mut joint = Joint::of_gradients(&self.covariance, &optima.chain(losses).collect::<Vec<_>>());
        let noise = |Candidate { width, seed, moves, .. }: &Candidate| {
            let deviation = self.scatter(*width, *moves).hypot(self.doubt_of_seed(*width, *seed));
            deviation * deviation
        };
        let noises: Vec<f64> = candidates.iter().map(noise).collect();
        let mut chosen = Vec::with_capacity(count);
        let mut left = budget;
        for _ in 0..count {
            let worth = |index: usize| {
                let taught = |factor| joint.variance(factor) - joint.variance_given(factor, 3 + index, noises[index]);
                (0..3).map(taught).sum::<f64>() / candidates[index].cost
            };
            let payable =
                (0..candidates.len()).filter(|index| candidates[*index].cost <= left && !chosen.contains(index));
            let best = payable.map(|index| (index, worth(index))).filter(|(_, worth)| *worth > 0.0);
            let Some((index, _)) = best.max_by(|one, other| one.1.total_cmp(&other.1).then(other.0.cmp(&one.0))) else {
                break;
            };
            joint.observe(3 + index, noises[index]);
            left -= candidates[index].cost;
            chosen.push(index);
        }
        chosen
    }

    /// The lowest and highest move of `factor`, its place in [`Factor::ALL`](super::Factor::ALL), that were tried: an optimum beyond them is not
    /// bracketed.
    pub fn tried(&self, factor: usize) -> (f64, f64) {
        let moves = self.trials().iter().map(|trial| trial.moves[factor]);
        moves.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), steps| (low.min(steps), high.max(steps)))
    }
}

/// The multiplier that `steps` stand for.
///
/// ```
/// assert!((isoflop::tuning::multiplier(-2.0) - 1.0 / 2.25).abs() < 1e-15);
/// ```
pub fn multiplier(steps: f64) -> f64 {
    isoflop_numerics::elementary::exp(steps * isoflop_numerics::elementary::ln(STEP))
}

/// The steps that a `multiplier` is: the inverse of [`multiplier`].
pub fn steps(multiplier: f64) -> f64 {
    isoflop_numerics::elementary::ln(multiplier) / isoflop_numerics::elementary::ln(STEP)
}
