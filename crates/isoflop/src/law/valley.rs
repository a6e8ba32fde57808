//! The valley of loss along a line of equal compute, for laws without a closed form.

use isoflop_numerics::elementary::{exp, ln};

use super::{Law, Reach, Setting};
use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;

/// Sizes are searched from one parameter to one token per run, in steps of this many e-folds before the valley is refined.
const STEP: f64 = 0.5;

/// Golden-section steps: the bracket of two steps shrinks to 1e-9 of an e-fold, where loss is flat to rounding.
const REFINEMENTS: usize = 44;

/// ln N of the lowest loss with 6ND = `flops` within `reach`; `None` when loss falls all the way to an end of the line or is not a
/// number.
pub(super) fn best_ln_params(loss: impl Fn(&Setting) -> f64, flops: f64, reach: &Reach) -> Option<f64> {
    let ln_product = ln(flops / TRAINING_FLOPS_PER_PARAM_TOKEN);
    let height = |ln_params: f64| loss(&Setting::single_pass(exp(ln_params), exp(ln_product - ln_params)));
    // At least one parameter and one token.
    let low = ln(reach.params.0.max(1.0)).max(ln_product - ln(reach.tokens.1));
    let high = ln(reach.params.1).min(ln_product - ln(reach.tokens.0.max(1.0)));
    lowest_between(height, low, high, REFINEMENTS)
}

/// Where `height` is lowest between `low` and `high`; `None` at an end or where it is not a number.
fn lowest_between(height: impl Fn(f64) -> f64, low: f64, high: f64, refinements: usize) -> Option<f64> {
    let steps = ((high - low) / STEP).floor().max(0.0) as usize;
    let at = |step: usize| low + step as f64 * STEP;
    let lowest = (0..=steps).map(|step| (step, height(at(step)))).min_by(|a, b| a.1.total_cmp(&b.1))?;
    if lowest.0 == 0 || lowest.0 == steps || !lowest.1.is_finite() {
        return None;
    }
    Some(golden_section(height, at(lowest.0 - 1), at(lowest.0 + 1), refinements))
}

/// ln of the model size with the lowest loss under C = 6ND = `flops` when there are only `unique_tokens` distinct tokens, which are
/// repeated where more are needed.
///
/// `None` where loss has no minimum along that line. For laws that do not ask for distinct tokens the answer is that of
/// [`Law::best_ln_params`].
///
/// # Example
/// ```
/// use isoflop::law::{self, best_ln_params_of_unique_tokens, published};
///
/// let set = published("muennighoff2023-repeated").unwrap();
/// // 1e23 FLOP and 100 B tokens: 23 B parameters on 7.2 epochs.
/// let params = best_ln_params_of_unique_tokens(set.law().as_ref(), set.parameters, 1e23, 1e11).unwrap().exp();
/// assert!((params / 2.306e10 - 1.0).abs() < 1e-3);
/// ```
pub fn best_ln_params_of_unique_tokens(
    law: &dyn Law,
    parameters: &[f64],
    flops: f64,
    unique_tokens: f64,
) -> Option<f64> {
    let loss = |at: &Setting| law.loss(parameters, &Setting { unique_tokens: unique_tokens.min(at.tokens), ..*at });
    best_ln_params(loss, flops, &law.reach())
}

/// ln N of the lowest loss with 6ND = `flops` near `ln_params`, where a law is best that differs from this one by what is lost in
/// repetition; `None` when the lowest loss is not near. Good to 1e-6 of the size, for uses in which it is looked for by the thousand.
pub(super) fn best_ln_params_near(loss: impl Fn(&Setting) -> f64, flops: f64, ln_params: f64) -> Option<f64> {
    /// e-folds to each side: text seen a thousand times too often moves the best size by less.
    const NEAR: f64 = 6.0;
    /// The bracket of two steps shrinks to 1e-6.
    const REFINEMENTS: usize = 29;
    let ln_product = ln(flops / TRAINING_FLOPS_PER_PARAM_TOKEN);
    let height = |ln_params: f64| loss(&Setting::single_pass(exp(ln_params), exp(ln_product - ln_params)));
    lowest_between(height, ln_params - NEAR, ln_params + NEAR, REFINEMENTS)
}

/// The amount (of compute, tokens or parameters) from `least` on at which `excess`, a falling function, vanishes; infinite where it
/// does not within e^60 of it.
///
/// False position with Illinois' halving (Dowell & Jarratt 1971, doi:10.1007/BF01934364), to 1e-9 of the amount.
pub(crate) fn reached_from(excess: impl Fn(f64) -> Option<f64>, least: f64) -> Option<f64> {
    const FARTHEST: f64 = 60.0;
    let start = ln(least);
    let (mut low, mut above) = (start, excess(least)?);
    if above <= 0.0 {
        return Some(least);
    }
    let mut step = 0.01;
    let (mut high, mut below) = loop {
        let at = low + step;
        if at - start > FARTHEST {
            return Some(f64::INFINITY);
        }
        match excess(exp(at))? {
            value if value > 0.0 => (low, above, step) = (at, value, 2.0 * step),
            value => break (at, value),
        }
    };
    let mut last_moved_low = None;
    let mut found = high;
    for _ in 0..60 {
        let middle = (low * below - high * above) / (below - above);
        // One end may stay where it is, so the bracket does not tell how near the other has come.
        let moved = (middle - found).abs();
        found = middle;
        let value = excess(exp(middle))?;
        if moved < 1e-9 || value == 0.0 {
            break;
        }
        let moves_low = value > 0.0;
        if moves_low {
            (low, above) = (middle, value);
            below *= if last_moved_low == Some(true) { 0.5 } else { 1.0 };
        } else {
            (high, below) = (middle, value);
            above *= if last_moved_low == Some(false) { 0.5 } else { 1.0 };
        }
        last_moved_low = Some(moves_low);
    }
    Some(exp(found))
}

/// The minimum of a function with one valley between `low` and `high` (Kiefer 1953, doi:10.2307/2032161).
fn golden_section(function: impl Fn(f64) -> f64, mut low: f64, mut high: f64, refinements: usize) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    let (mut left, mut right) = (high - RATIO * (high - low), low + RATIO * (high - low));
    let (mut at_left, mut at_right) = (function(left), function(right));
    for _ in 0..refinements {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - RATIO * (high - low);
            at_left = function(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + RATIO * (high - low);
            at_right = function(right);
        }
    }
    0.5 * (low + high)
}

/// The compute at which `excess`, the best loss minus the wanted one, vanishes; infinite when it stays positive wherever there is a
/// best loss, `None` where there is none at all.
pub(super) fn equivalent_flops(excess: impl Fn(f64) -> Option<f64>) -> Option<f64> {
    /// ln of the smallest and largest compute considered: 1e6 and 1e40 FLOP.
    const REACH: (f64, f64) = (13.815_510_557_964_274, 92.103_403_719_761_84);
    /// Steps of the first look: a law that holds in a bounded region has a best model over some e-folds of compute only.
    const STEPS: usize = 52;
    let at = |step: usize| REACH.0 + (REACH.1 - REACH.0) * step as f64 / STEPS as f64;
    let look: Vec<Option<f64>> = (0..=STEPS).map(|step| excess(exp(at(step)))).collect();
    let first = look.iter().position(Option::is_some)?;
    // Where the look ends above the wanted loss, it may still be reached before the law ceases to have a best model.
    let beyond = (first..=STEPS).find(|step| look[*step].is_none_or(|excess| excess <= 0.0));
    let Some(beyond) = beyond else { return Some(f64::INFINITY) };
    let (mut low, mut high) = (at(beyond.saturating_sub(1)), at(beyond));
    let mut reached = look[beyond].is_some();
    for _ in 0..54 {
        let middle = 0.5 * (low + high);
        match excess(exp(middle)) {
            Some(above) if above > 0.0 => low = middle,
            Some(_) => (high, reached) = (middle, true),
            // Below some compute a law may have no best model; more is needed there.
            None if beyond == first => low = middle,
            None => high = middle,
        }
    }
    Some(if reached { exp(0.5 * (low + high)) } else { f64::INFINITY })
}
