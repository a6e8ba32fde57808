//! What training costs in every world, and the ends of the intervals of that.

use isoflop_numerics::quantile::central_interval;

use super::world::World;
use crate::hardware::Cost;

/// What training costs, at the ends of its intervals over the `worlds`; `None` without devices or worlds.
pub(super) fn interval(worlds: &[World], level: f64) -> Option<(Cost, Cost)> {
    let costs: Vec<Cost> =
        worlds.iter().filter_map(|world| Some(world.problem.rental.as_ref()?.cost_of(world.flops()))).collect();
    let ends = |of: fn(&Cost) -> Option<f64>| -> Option<(f64, f64)> {
        let amounts: Vec<f64> = costs.iter().map(of).collect::<Option<_>>()?;
        (!amounts.is_empty()).then(|| central_interval(amounts, level))
    };
    let usd = ends(|cost| cost.usd)?;
    let gpu_hours = ends(|cost| cost.gpu_hours);
    let days = ends(|cost| cost.days);
    let energy_kwh = ends(|cost| cost.energy_kwh);
    let co2_kg = ends(|cost| cost.co2_kg);
    let end = |of: fn(&(f64, f64)) -> f64| {
        let [gpu_hours, days, energy_kwh, co2_kg] =
            [gpu_hours, days, energy_kwh, co2_kg].map(|ends| ends.as_ref().map(of));
        Cost { usd: Some(of(&usd)), gpu_hours, days, energy_kwh, co2_kg }
    };
    Some((end(|ends| ends.0), end(|ends| ends.1)))
}
