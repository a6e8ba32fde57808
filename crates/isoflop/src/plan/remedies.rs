//! What stands in the way of a goal, and how far each limit would have to give.

use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::quantile::median;

use super::asked::Asked;
use super::infeasible::{Infeasible, Remedy};
use super::limit::Limit;
use super::world::World;

/// Draws that give a median to a tenth of a standard deviation.
const ENOUGH: usize = 160;

/// Why none of the `worlds`' best runs will do: which limits stand in the way, and how far each would have to give.
pub(super) fn infeasible(asked: &Asked, worlds: &[World]) -> Infeasible {
    let reached = worlds.iter().filter(|world| world.is_within_budget()).count();
    let share = (!worlds.is_empty()).then(|| reached as f64 / worlds.len() as f64);
    let limits = asked.problem.set_limits();
    let remedy = |limit: &Limit| {
        let factor = factor_needed(asked, *limit)?;
        Some(Remedy { limit: *limit, factor, amount: asked.problem.relaxed(*limit, factor).amount(*limit) })
    };
    let remedies = limits.iter().filter_map(remedy).collect();
    let lowest = middle(asked, |asked, parameters| {
        asked.search(&asked.space).lowest_loss(parameters, None).map(|optimum| optimum.loss)
    });
    Infeasible { goal: asked.central_goal(), lowest, share, remedies, limits }
}

/// The middle of a quantity over some draws, those without it counted as beyond all others.
fn middle(asked: &Asked, quantity: impl Fn(&Asked, &[f64]) -> Option<f64>) -> Option<f64> {
    let of = |parameters: &[f64]| quantity(asked, parameters).unwrap_or(f64::INFINITY);
    Some(median(asked.some_worlds(ENOUGH).into_iter().map(of).collect())).filter(|middle| middle.is_finite())
}

/// How much wider one limit must be for a run to get through; `None` where a thousand million times is not enough.
fn factor_needed(asked: &Asked, limit: Limit) -> Option<f64> {
    /// Widest factor that is asked about.
    const WIDEST: f64 = 1e9;
    /// Halvings of its logarithm: to a thousandth of the factor.
    const HALVINGS: usize = 15;
    let lets_through = |factor: f64| {
        let wider = asked.problem.relaxed(limit, factor);
        let Ok(wider) = Asked::new(asked.unasked, &wider) else { return false };
        let excess = middle(&wider, |wider, parameters| {
            let lowest = wider.search(&wider.space).lowest_loss(parameters, None)?;
            Some(wider.goal(parameters).map_or(-1.0, |goal| lowest.loss - goal * (1.0 + 1e-12)))
        });
        excess.is_some_and(|excess| excess <= 0.0)
    };
    if !lets_through(WIDEST) {
        return None;
    }
    let (mut low, mut high) = (0.0, ln(WIDEST));
    for _ in 0..HALVINGS {
        let between = 0.5 * (low + high);
        *(if lets_through(exp(between)) { &mut high } else { &mut low }) = between;
    }
    Some(exp(high))
}
