//! Minimising a function of a few variables from its gradient: dense BFGS with a weak-Wolfe bisection line search.
//!
//! The bisection needs no smoothness beyond a gradient almost everywhere, so the same search serves nearly
//! non-smooth objectives such as Huber's with a small knee (Lewis & Overton 2013, doi:10.1007/s10107-012-0514-2).

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub struct Stopping {
    /// Largest gradient entry, relative to the value, at which a point counts as a minimum.
    pub relative_gradient: f64,
    /// Most evaluations of the function.
    pub evaluations: usize,
}

impl Default for Stopping {
    fn default() -> Self {
        Self { relative_gradient: 1e-9, evaluations: 2_000 }
    }
}

/// How a minimisation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The gradient is small relative to the value.
    Converged,
    /// No lower value could be found along the last direction: the limit of rounding, or a kink.
    Stalled,
    /// The evaluations ran out.
    EvaluationLimit,
}

/// The lowest point found.
#[derive(Debug, Clone)]
pub struct Minimum {
    /// Where.
    pub point: Vec<f64>,
    /// The function there.
    pub value: f64,
    /// Its gradient there.
    pub gradient: Vec<f64>,
    /// How the search ended.
    pub ending: Ending,
    /// Evaluations spent.
    pub evaluations: usize,
}

impl Minimum {
    /// The largest gradient entry relative to the value.
    pub fn relative_gradient(&self) -> f64 {
        largest(&self.gradient) / self.value.abs().max(f64::MIN_POSITIVE)
    }
}

/// First condition of the line search: share of the predicted decrease that must be reached.
const SUFFICIENT_DECREASE: f64 = 1e-4;
/// Second condition: share of the slope that may remain.
const REMAINING_SLOPE: f64 = 0.9;

/// Relative width at which the bracket of a line search counts as a point.
const KINK_WIDTH: f64 = 1e-6;
/// Steps, relative to the full quasi-Newton step, beyond which a line search has failed.
const SHORTEST_STEP: f64 = 1e-15;
const LONGEST_STEP: f64 = 1e20;

/// Steps in a row without a measurable decrease after which the search ends.
const PATIENCE: usize = 3;

/// The local minimum that BFGS reaches from `start`.
///
/// `function` returns its value and writes its gradient; a value that is not finite marks a point outside the domain and the
/// search steps back. The variables should be scaled so that a unit step matters about equally in each.
///
/// # Example
/// ```
/// use isoflop_numerics::minimize::{bfgs, Stopping};
/// let bowl = |x: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 2.0 * (x[0] - 3.0);
///     gradient[1] = 20.0 * (x[1] + 1.0);
///     1.0 + (x[0] - 3.0).powi(2) + 10.0 * (x[1] + 1.0).powi(2)
/// };
/// let minimum = bfgs(bowl, &[0.0, 0.0], Stopping::default());
/// assert!((minimum.point[0] - 3.0).abs() < 1e-8 && (minimum.value - 1.0).abs() < 1e-12);
/// ```
pub fn bfgs(mut function: impl FnMut(&[f64], &mut [f64]) -> f64, start: &[f64], stopping: Stopping) -> Minimum {
    let size = start.len();
    let mut gradient = vec![0.0; size];
    let value = function(start, &mut gradient);
    let mut best = Minimum { point: start.to_vec(), value, gradient, ending: Ending::Stalled, evaluations: 1 };
    if !value.is_finite() {
        return best;
    }
    let mut inverse_hessian = identity(size, 1.0 / largest(&best.gradient).max(f64::MIN_POSITIVE));
    let mut first = true;
    let mut steps_without_decrease = 0;
    let mut point = vec![0.0; size];
    let mut gradient = vec![0.0; size];
    let mut direction = vec![0.0; size];

    loop {
        if best.relative_gradient() <= stopping.relative_gradient {
            best.ending = Ending::Converged;
            return best;
        }
        for (row, entry) in inverse_hessian.chunks_exact(size).zip(&mut direction) {
            *entry = -dot(row, &best.gradient);
        }
        let slope = dot(&direction, &best.gradient);
        if slope.is_nan() || slope >= 0.0 {
            return best;
        }

        let (mut shortest, mut longest, mut step) = (0.0, f64::INFINITY, 1.0);
        let value = loop {
            if best.evaluations >= stopping.evaluations {
                best.ending = Ending::EvaluationLimit;
                return best;
            }
            for i in 0..size {
                point[i] = best.point[i] + step * direction[i];
            }
            let value = function(&point, &mut gradient);
            best.evaluations += 1;
            let too_long = !value.is_finite() || value > best.value + SUFFICIENT_DECREASE * step * slope;
            // Between a step that is too short and one that is too long lies a kink: the short one is as good as it gets.
            let at_kink = longest.is_finite() && longest - step <= KINK_WIDTH * longest;
            if !too_long && (at_kink || dot(&direction, &gradient) >= REMAINING_SLOPE * slope) {
                break value;
            }
            if too_long {
                longest = step;
            } else {
                shortest = step;
            }
            step = if longest.is_infinite() {
                2.0 * step
            } else if longest - shortest <= KINK_WIDTH * longest {
                shortest
            } else {
                0.5 * (shortest + longest)
            };
            if !(SHORTEST_STEP..=LONGEST_STEP).contains(&step) {
                return best;
            }
        };

        let moved: Vec<f64> = point.iter().zip(&best.point).map(|(new, old)| new - old).collect();
        let bent: Vec<f64> = gradient.iter().zip(&best.gradient).map(|(new, old)| new - old).collect();
        let curvature = dot(&moved, &bent);
        if first && curvature > 0.0 {
            inverse_hessian = identity(size, curvature / dot(&bent, &bent));
            first = false;
        }
        if curvature > 0.0 {
            update(&mut inverse_hessian, &moved, &bent, curvature);
        }
        // At the limit of rounding every small step counts as sufficient: a few that change nothing are the end.
        let decrease = best.value - value;
        steps_without_decrease =
            if decrease > 4.0 * f64::EPSILON * value.abs() { 0 } else { steps_without_decrease + 1 };
        best.value = value;
        best.point.copy_from_slice(&point);
        best.gradient.copy_from_slice(&gradient);
        if steps_without_decrease >= PATIENCE {
            return best;
        }
    }
}

/// The BFGS update of the inverse Hessian H for a step s that changed the gradient by y.
///
/// ```text
/// H += (1 + yᵀHy / sᵀy) s sᵀ / sᵀy - (H y sᵀ + s yᵀ H) / sᵀy
/// ```
fn update(inverse_hessian: &mut [f64], moved: &[f64], bent: &[f64], curvature: f64) {
    let size = moved.len();
    let product: Vec<f64> = inverse_hessian.chunks_exact(size).map(|row| dot(row, bent)).collect();
    let outer = (1.0 + dot(bent, &product) / curvature) / curvature;
    for i in 0..size {
        for j in 0..size {
            inverse_hessian[i * size + j] +=
                outer * moved[i] * moved[j] - (product[i] * moved[j] + moved[i] * product[j]) / curvature;
        }
    }
}

fn identity(size: usize, scale: f64) -> Vec<f64> {
    let mut matrix = vec![0.0; size * size];
    matrix.iter_mut().step_by(size + 1).for_each(|entry| *entry = scale);
    matrix
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock 1960: minimum 0 at (1, 1) along a curved valley.
    fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> f64 {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        gradient[0] = -2.0 * a - 400.0 * x[0] * b;
        gradient[1] = 200.0 * b;
        a * a + 100.0 * b * b + 1.0
    }

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let minimum = bfgs(rosenbrock, &[-1.2, 1.0], Stopping::default());
        assert_eq!(minimum.ending, Ending::Converged);
        assert!((minimum.point[0] - 1.0).abs() < 1e-7 && (minimum.point[1] - 1.0).abs() < 1e-7, "{minimum:?}");
    }

    #[test]
    fn a_kink_is_reached_although_the_gradient_never_vanishes() {
        let kink = |x: &[f64], gradient: &mut [f64]| {
            gradient[0] = x[0].signum() + 0.1 * (x[0] - x[1]);
            gradient[1] = 10.0 * x[1].signum() - 0.1 * (x[0] - x[1]);
            1.0 + x[0].abs() + 10.0 * x[1].abs() + 0.05 * (x[0] - x[1]).powi(2)
        };
        let minimum = bfgs(kink, &[2.3, -1.7], Stopping::default());
        assert!(minimum.value - 1.0 < 1e-6, "{minimum:?}");
    }

    #[test]
    fn points_outside_the_domain_are_stepped_back_from() {
        let barrier = |x: &[f64], gradient: &mut [f64]| {
            gradient[0] = 1.0 - 0.01 / x[0];
            if x[0] > 0.0 { 1.0 + x[0] - 0.01 * x[0].ln() } else { f64::NAN }
        };
        let minimum = bfgs(barrier, &[5.0], Stopping::default());
        assert!((minimum.point[0] - 0.01).abs() < 1e-6, "{minimum:?}");
    }

    #[test]
    fn the_evaluation_limit_is_kept() {
        let minimum = bfgs(rosenbrock, &[-1.2, 1.0], Stopping { evaluations: 5, ..Stopping::default() });
        assert_eq!((minimum.ending, minimum.evaluations), (Ending::EvaluationLimit, 5));
    }

    #[test]
    fn a_start_outside_the_domain_is_returned_as_it_was() {
        let minimum = bfgs(|_, _| f64::NAN, &[1.0], Stopping::default());
        assert_eq!((minimum.ending, minimum.point[0]), (Ending::Stalled, 1.0));
    }
}
