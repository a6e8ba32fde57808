//! By how much one recipe is better than another: the compute-equivalent gain over compute, and where it passes one.

use isoflop_numerics::elementary::{exp, ln};
use serde::Serialize;

use super::curve::Curve;
use super::forms::{Fitted, Form};
use crate::predict::Amount;

/// Points of the gain's curve.
const POINTS: usize = 25;
/// Steps of the look for a crossing, about a third of a decade each.
const STEPS: usize = 48;
/// The curve ends at so many times the largest run's compute, and crossings are looked for up to so many times.
const CURVE_REACH: f64 = 1e3;
const CROSSING_REACH: f64 = 1e6;

/// The gain at one compute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GainAt {
    /// Training compute of the better-or-worse recipe, 6ND.
    pub flops: f64,
    /// How many times that the reference needs for the same loss.
    pub gain: Amount,
}

/// What one form says at the compute asked about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GainUnder {
    /// The form.
    pub form: Form,
    /// The gain there.
    pub gain: Amount,
    /// Share of the draws in which the recipe is the better one.
    pub better: f64,
    /// The better one under this form; `None` when the runs do not separate them.
    pub winner: Option<String>,
}

/// Where the better recipe becomes the worse one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Crossover {
    /// Compute of the recipe at the crossing, FLOP; `None` where the central curves do not cross. An upper end that is missing is beyond `until`.
    pub flops: Option<Amount>,
    /// Share of the draws whose curves do not cross between the smallest run and `until`.
    pub never: f64,
    /// How far was looked, FLOP: a million times the largest run.
    pub until: f64,
}

/// Smallest and largest compute and tokens per parameter among the runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) smallest: f64,
    pub(super) largest: f64,
    pub(super) ratios: (f64, f64),
}

/// Two recipes of a fitted form.
pub(super) struct Rivals<'a> {
    pub(super) fitted: &'a Fitted,
    pub(super) recipe: usize,
    pub(super) reference: usize,
    pub(super) level: f64,
}

impl Rivals<'_> {
    pub(super) fn gain_of(&self, curves: &[Curve], flops: f64) -> Option<f64> {
        curves[self.recipe].gain_over(&curves[self.reference], flops)
    }

    /// The gain at `flops` where a FLOP of the recipe costs `cost_ratio` of the reference's, and the share of the draws in which it is
    /// above one.
    pub(super) fn gain(&self, flops: f64, cost_ratio: f64) -> Option<(Amount, f64)> {
        let gain = |curves: &[Curve]| self.gain_of(curves, flops).map(|gain| gain / cost_ratio);
        let point = gain(&self.fitted.point)?;
        let draws: Vec<f64> = self.fitted.draws.iter().filter_map(|curves| gain(curves)).collect();
        let better = draws.iter().filter(|gain| **gain > 1.0).count() as f64 / draws.len().max(1) as f64;
        Some((Amount::of(Some(point), draws, self.level), better))
    }

    /// The gain from the smallest run to a thousand times the largest.
    pub(super) fn curve(&self, span: Span) -> Vec<GainAt> {
        let at = |flops: f64| Some(GainAt { flops, gain: self.gain(flops, 1.0)?.0 });
        steps(span.smallest, CURVE_REACH * span.largest, POINTS).filter_map(at).collect()
    }

    /// Where the gain passes one, when a FLOP of the recipe costs `cost_ratio` of the reference's.
    pub(super) fn crossover(&self, span: Span, cost_ratio: f64) -> Crossover {
        let until = CROSSING_REACH * span.largest;
        let crossing = |curves: &[Curve]| self.crossing(curves, (span.smallest, until), cost_ratio);
        let draws: Vec<f64> =
            self.fitted.draws.iter().map(|curves| crossing(curves).unwrap_or(f64::INFINITY)).collect();
        let never = draws.iter().filter(|flops| !flops.is_finite()).count() as f64 / draws.len().max(1) as f64;
        let point = crossing(&self.fitted.point);
        Crossover { flops: point.map(|point| Amount::of(Some(point), draws, self.level)), never, until }
    }

    /// The first compute between two ends at which the best losses are equal, the reference given as much money as the recipe.
    fn crossing(&self, curves: &[Curve], (from, to): (f64, f64), cost_ratio: f64) -> Option<f64> {
        let lead = |flops: f64| {
            let reference = curves[self.reference].best_loss(cost_ratio * flops)?;
            Some(reference - curves[self.recipe].best_loss(flops)?)
        };
        let looked: Vec<(f64, f64)> =
            steps(from, to, STEPS).filter_map(|flops| Some((ln(flops), lead(flops)?))).collect();
        let around = looked.windows(2).find(|pair| pair[0].1 * pair[1].1 < 0.0)?;
        let ((mut low, at_low), (mut high, _)) = (around[0], around[1]);
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            if lead(exp(middle))? * at_low > 0.0 { low = middle } else { high = middle }
        }
        Some(exp(0.5 * (low + high)))
    }
}

/// `count` amounts from `from` to `to`, equally far apart in logarithm.
fn steps(from: f64, to: f64, count: usize) -> impl Iterator<Item = f64> {
    let ratio = ln(to / from);
    (0..count).map(move |step| from * exp(ratio * step as f64 / (count - 1) as f64))
}
