//! Whether the smaller runs lie on the law of the larger ones: the forecast with and without them.

use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::parallel;

use super::rehearsal::Refits;
use crate::fit::{Draw, Warning};
use crate::law::Setting;
use crate::runs::Run;
use crate::runs::groups::{FEWEST_FITTED, FEWEST_SIZES, by_compute, cut_at, distinct_sizes, largest_budget};

/// Shares of the runs, smallest compute first, that are left out.
const LEFT_OUT: [f64; 2] = [0.3, 0.45];
/// How far beyond the largest run the forecasts are compared, in compute.
const REACH: f64 = 10.0;
/// Standard deviations, and share of the loss, by which the forecast must move. Both forecasts rest on the larger runs, so that their
/// difference scatters less than it is held to here.
const SIGNIFICANT: f64 = 3.0;
const MATERIAL: f64 = 0.01;

/// A forecast of ln loss.
struct Forecast {
    mean: f64,
    variance: f64,
}

/// A warning when the forecast at ten times the largest run is another without the smaller runs; `draws` are those of all `runs`.
///
/// Very small models learn other things (which letters follow which) at another rate, and a law of all runs then takes its floor and
/// its exponents from what does not last.
pub(super) fn warning(refits: Refits, runs: &[Run], draws: &[Draw], threads: usize) -> Option<Warning> {
    let sorted = by_compute(runs);
    let at = beyond(refits, &sorted)?;
    let all = forecast(refits, draws, &at)?;
    let without = |number: usize| {
        let (smaller, larger) = sorted.split_at(cut_at(&sorted, LEFT_OUT[number]));
        let enough = larger.len() >= FEWEST_FITTED && distinct_sizes(larger) >= FEWEST_SIZES;
        let forecast =
            enough.then(|| refits.draws(larger)).flatten().and_then(|draws| forecast(refits, &draws, &at))?;
        let moved = (forecast.mean - all.mean).abs();
        let spread = (forecast.variance + all.variance).sqrt();
        let cut = || between(smaller.last()?.flops.get(), larger.first()?.flops.get());
        (moved > MATERIAL && moved > SIGNIFICANT * spread).then(|| Some(message(&cut()?, &forecast, &all)))?
    };
    let message = parallel::map(LEFT_OUT.len(), threads, without).into_iter().flatten().next()?;
    Some(Warning::new("smaller_runs_apart", message))
}

/// The best of the largest runs, grown to [`REACH`] times its compute.
fn beyond(refits: Refits, sorted: &[Run]) -> Option<Setting> {
    let best = largest_budget(sorted).iter().min_by(|a, b| a.loss.get().total_cmp(&b.loss.get()))?;
    let at = refits.form.setting(best);
    let growth = REACH.sqrt();
    Some(Setting {
        params: growth * at.params,
        tokens: growth * at.tokens,
        unique_tokens: growth * at.unique_tokens,
        ..at
    })
}

fn forecast(refits: Refits, draws: &[Draw], at: &Setting) -> Option<Forecast> {
    let losses: Vec<f64> = draws.iter().map(|draw| ln(refits.form.law.loss(&draw.parameters, at))).collect();
    let mean = losses.iter().sum::<f64>() / losses.len() as f64;
    let variance = losses.iter().map(|loss| (loss - mean) * (loss - mean)).sum::<f64>() / losses.len() as f64;
    mean.is_finite().then_some(Forecast { mean, variance })
}

/// The shortest number between two.
fn between(low: f64, high: f64) -> Option<String> {
    let middle = (low * high).sqrt();
    let inside = |text: &String| text.parse().is_ok_and(|number: f64| low < number && number < high);
    (0..17).map(|digits| format!("{middle:.digits$e}")).find(inside)
}

fn message(cut: &str, without: &Forecast, all: &Forecast) -> String {
    format!(
        "the smaller runs lie on another curve: without those below {cut} FLOP the loss at {REACH:.0} times the largest run would be {:.3}, not {:.3}; where small models are of another kind, leave them out: --where 'flops>{cut}'",
        exp(without.mean),
        exp(all.mean)
    )
}
