//! Functions of one number between two bounds: where one changes sign, and where one is lowest.

/// Steps after which a search ends with what it has: bisection alone would have met any tolerance by then.
const MOST_STEPS: usize = 200;

/// A point and the height of a function there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Height {
    /// The point.
    pub at: f64,
    /// The function there.
    pub value: f64,
}

/// Where `function` changes sign between `low` and `high`, to within `tolerance`; `None` where it has one sign at both, or no number.
///
/// Inverse quadratic interpolation where it is safe, else bisection: no more steps than bisection needs, times a small factor.
///
/// # Source
/// Chandrupatla 1997, doi:10.1016/S0965-9978(96)00051-8.
///
/// # Example
/// ```
/// use isoflop_numerics::bracket::root;
/// let zero = root(|x| x * x * x - 2.0, 0.0, 2.0, 1e-12).unwrap();
/// assert!((zero - 2f64.cbrt()).abs() < 1e-12);
/// assert_eq!(root(|x| x * x + 1.0, -1.0, 1.0, 1e-12), None);
/// ```
pub fn root(function: impl Fn(f64) -> f64, low: f64, high: f64, tolerance: f64) -> Option<f64> {
    let (mut newest, mut other) = ((high, function(high)), (low, function(low)));
    if newest.1 == 0.0 {
        return Some(high);
    }
    if other.1 == 0.0 {
        return Some(low);
    }
    // False too where one of them is no number.
    if (newest.1 > 0.0) != (other.1 < 0.0) || newest.1.is_nan() || other.1.is_nan() {
        return None;
    }
    let mut share = 0.5;
    for _ in 0..MOST_STEPS {
        let at = newest.0 + share * (other.0 - newest.0);
        let value = function(at);
        let before = if (value > 0.0) == (newest.1 > 0.0) {
            newest
        } else {
            let before = other;
            other = newest;
            before
        };
        newest = (at, value);
        let width = (other.0 - newest.0).abs();
        if value == 0.0 || width <= tolerance {
            break;
        }
        // Where the newest three points bend little enough, the inverse parabola through them lands inside the bracket.
        let along = (newest.0 - other.0) / (before.0 - other.0);
        let up = (newest.1 - other.1) / (before.1 - other.1);
        share = if up * up < along && (1.0 - up) * (1.0 - up) < 1.0 - along {
            newest.1 / (other.1 - newest.1) * before.1 / (other.1 - before.1)
                + (before.0 - newest.0) / (other.0 - newest.0) * newest.1 / (before.1 - newest.1) * other.1
                    / (before.1 - other.1)
        } else {
            0.5
        };
        let least = 0.5 * tolerance / width;
        share = if share.is_finite() { share.clamp(least, 1.0 - least) } else { 0.5 };
    }
    Some(if newest.1.abs() < other.1.abs() { newest.0 } else { other.0 })
}

/// The lowest point of `function` between `low` and `high`, from a point `from` between them that is no higher than either, to within
/// `tolerance`.
///
/// Parabolas through the lowest three points where they help, else golden sections. What comes back is never higher than `from`,
/// whatever the function does elsewhere, infinite heights included; with one valley in the bracket it is the bottom.
///
/// # Source
/// Brent 1973, Algorithms for Minimization without Derivatives, chapter 5.
///
/// # Example
/// ```
/// use isoflop_numerics::bracket::{Height, lowest};
/// let function = |x: f64| (x - 0.3).abs();
/// let bottom = lowest(function, 0.0, Height { at: 0.5, value: function(0.5) }, 1.0, 1e-9);
/// assert!((bottom.at - 0.3).abs() < 1e-8);
/// ```
pub fn lowest(function: impl Fn(f64) -> f64, low: f64, from: Height, high: f64, tolerance: f64) -> Height {
    /// One minus the golden ratio: the share of the longer part that a golden section takes.
    const SECTION: f64 = 0.381_966_011_250_105_1;
    let (mut low, mut high) = (low, high);
    let (mut best, mut second, mut third) = (from, from, from);
    let (mut step, mut step_before) = (0.0f64, 0.0f64);
    for _ in 0..MOST_STEPS {
        let middle = 0.5 * (low + high);
        if (best.at - middle).abs() <= 2.0 * tolerance - 0.5 * (high - low) {
            break;
        }
        let mut parabolic = None;
        if step_before.abs() > tolerance {
            let r = (best.at - second.at) * (best.value - third.value);
            let q = (best.at - third.at) * (best.value - second.value);
            let p = (best.at - third.at) * q - (best.at - second.at) * r;
            let move_to = best.at - p / (2.0 * (q - r));
            // Inside the bracket and less than half the step before the last; false where a height is not finite.
            if move_to > low && move_to < high && (move_to - best.at).abs() < 0.5 * step_before.abs() {
                let at_an_end = move_to - low < 2.0 * tolerance || high - move_to < 2.0 * tolerance;
                parabolic = Some(if at_an_end { tolerance.copysign(middle - best.at) } else { move_to - best.at });
            }
        }
        step_before = step;
        step = parabolic.unwrap_or_else(|| {
            step_before = if best.at < middle { high - best.at } else { low - best.at };
            SECTION * step_before
        });
        let at = best.at + if step.abs() >= tolerance { step } else { tolerance.copysign(step) };
        let tried = Height { at, value: function(at) };
        if tried.value <= best.value {
            *(if at < best.at { &mut high } else { &mut low }) = best.at;
            (third, second, best) = (second, best, tried);
        } else {
            *(if at < best.at { &mut low } else { &mut high }) = at;
            if tried.value <= second.value || second.at == best.at {
                (third, second) = (second, tried);
            } else if tried.value <= third.value || third.at == best.at || third.at == second.at {
                third = tried;
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn steep_flat_and_kinked_functions_change_sign_where_they_should() {
        type Case = (fn(f64) -> f64, f64, f64, f64);
        let cases: [Case; 5] = [
            (|x| (-x).exp() - 1e-8, 0.0, 60.0, 1e8f64.ln()),
            (|x| x.powi(9), -1.0, 4.0, 0.0),
            (|x| if x < 1.25 { -1.0 } else { 3.0 }, 0.0, 7.0, 1.25),
            (|x| 2.0 - x, 5.0, -3.0, 2.0),
            (|x| x.tanh() - 0.5, -300.0, 20.0, 0.5f64.atanh()),
        ];
        for (number, (function, low, high, zero)) in cases.into_iter().enumerate() {
            let calls = Cell::new(0);
            let counted = |x: f64| {
                calls.set(calls.get() + 1);
                function(x)
            };
            let found = root(counted, low, high, 1e-10).unwrap();
            let allowed = if number == 1 { 1e-3 } else { 1e-9 };
            assert!((found - zero).abs() < allowed, "{number}: {found}");
            assert!(calls.get() < 80, "{number}: {} calls", calls.get());
        }
    }

    #[test]
    fn one_sign_and_no_number_have_no_root() {
        assert_eq!(root(|x| x + 10.0, 0.0, 1.0, 1e-9), None);
        assert_eq!(root(|_| f64::NAN, 0.0, 1.0, 1e-9), None);
        assert_eq!(root(|x| x, 0.0, 1.0, 1e-9), Some(0.0));
    }

    #[test]
    fn smooth_valleys_take_few_steps_and_walls_do_not_hide_the_bottom() {
        let calls = Cell::new(0);
        let smooth = |x: f64| {
            calls.set(calls.get() + 1);
            (x - 1.7).exp() - x
        };
        let bottom = lowest(smooth, 0.0, Height { at: 1.0, value: smooth(1.0) }, 3.0, 1e-6);
        assert!((bottom.at - 1.7).abs() < 1e-6 && calls.get() < 15, "{bottom:?} in {} calls", calls.get());

        // Only a sliver is allowed.
        let walled = |x: f64| if (0.49..0.5).contains(&x) { 3.0 - x } else { f64::INFINITY };
        let bottom = lowest(walled, 0.0, Height { at: 0.495, value: walled(0.495) }, 1.0, 1e-9);
        assert!((bottom.at - 0.5).abs() < 1e-8, "{bottom:?}");
    }

    #[test]
    fn the_answer_is_never_higher_than_the_start() {
        let wild = |x: f64| (40.0 * x).sin() + x;
        for start in [0.1, 0.4, 0.9] {
            let from = Height { at: start, value: wild(start) };
            assert!(lowest(wild, 0.0, from, 1.0, 1e-9).value <= from.value);
        }
    }
}
