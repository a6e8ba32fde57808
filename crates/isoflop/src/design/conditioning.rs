//! Quantities taken as jointly normal over the draws of a fit, and what seeing one with noise does to the doubt about the others.

use isoflop_numerics::linear_algebra::dot;

/// The joint covariance of some quantities, conditioned on what has been seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Joint {
    size: usize,
    /// Row by row.
    covariance: Vec<f64>,
}

impl Joint {
    /// Of quantities given draw by draw.
    pub(crate) fn of_draws(quantities: &[Vec<f64>]) -> Self {
        let size = quantities.len();
        let centred: Vec<Vec<f64>> = quantities
            .iter()
            .map(|values| {
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                values.iter().map(|value| value - mean).collect()
            })
            .collect();
        let mut covariance = vec![0.0; size * size];
        for (i, one) in centred.iter().enumerate() {
            for (j, other) in centred.iter().enumerate().take(i + 1) {
                let sum: f64 = one.iter().zip(other).map(|(a, b)| a * b).sum();
                covariance[i * size + j] = sum / one.len() as f64;
                covariance[j * size + i] = covariance[i * size + j];
            }
        }
        Self { size, covariance }
    }

    /// Of quantities that are linear in parameters with this `covariance`, row by row, given by their gradients.
    pub(crate) fn of_gradients(covariance: &[f64], gradients: &[Vec<f64>]) -> Self {
        let product = |gradient: &Vec<f64>| -> Vec<f64> {
            covariance.chunks_exact(gradient.len().max(1)).map(|row| dot(row, gradient)).collect()
        };
        let products: Vec<Vec<f64>> = gradients.iter().map(product).collect();
        let entries = gradients.iter().flat_map(|one| products.iter().map(|other| dot(one, other)));
        Self { size: gradients.len(), covariance: entries.collect() }
    }

    /// Variance of quantity `i`.
    pub(crate) fn variance(&self, i: usize) -> f64 {
        self.covariance(i, i)
    }

    /// Covariance of quantities `i` and `j`.
    pub(crate) fn covariance(&self, i: usize, j: usize) -> f64 {
        self.covariance[i * self.size + j]
    }

    /// The variance of `asked` that would be left after seeing `seen` with a noise of variance `noise`.
    ///
    /// ```text
    /// var(asked) - cov(asked, seen)² / (var(seen) + noise)
    /// ```
    pub(crate) fn variance_given(&self, asked: usize, seen: usize, noise: f64) -> f64 {
        let shared = self.covariance(asked, seen);
        self.variance(asked) - shared * shared / (self.variance(seen) + noise)
    }

    /// Takes quantity `seen` as seen with a noise of variance `noise`.
    pub(crate) fn observe(&mut self, seen: usize, noise: f64) {
        self.subtract(seen, self.variance(seen) + noise);
    }

    /// Undoes one [`Joint::observe`] of the same quantity with the same noise, which must be above zero.
    pub(crate) fn forget(&mut self, seen: usize, noise: f64) {
        self.subtract(seen, self.variance(seen) - noise);
    }

    /// Subtracts the outer square of the row `seen` over `divisor`.
    fn subtract(&mut self, seen: usize, divisor: f64) {
        let row = self.covariance[seen * self.size..(seen + 1) * self.size].to_vec();
        for (entries, shared) in self.covariance.chunks_exact_mut(self.size).zip(&row) {
            let factor = shared / divisor;
            // What is certain already, as after seeing it without noise, has nothing to tell.
            if factor.is_finite() {
                for (entry, other) in entries.iter_mut().zip(&row) {
                    *entry -= factor * other;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use isoflop_numerics::linear_algebra::Cholesky;

    use super::*;
    use crate::law::{Hoffmann, Law, Setting, published};

    /// Standard deviation of ln loss around the law.
    const NOISE: f64 = 0.003;
    /// Far below any curvature, so that draws of this width see the law's tangent.
    const TANGENT: f64 = 1e-5;

    /// ln of the first three parameters, the exponents as they are.
    fn law_at(theta: &[f64]) -> Vec<f64> {
        let [floor, params_scale, tokens_scale] = [theta[0], theta[1], theta[2]].map(f64::exp);
        vec![floor, params_scale, tokens_scale, theta[3], theta[4]]
    }

    fn ln_loss(theta: &[f64], (params, tokens): (f64, f64)) -> f64 {
        Hoffmann.loss(&law_at(theta), &Setting::single_pass(params, tokens)).ln()
    }

    /// The joint of ln loss at `points` and of ln N* at 1e24 FLOP under what `base` says of the law: two draws along each axis of the
    /// ellipsoid of doubt, so that their covariance is exactly that of the linear model, scaled by [`TANGENT`] squared.
    fn linear_model(base: &[(f64, f64)], points: &[(f64, f64)]) -> Joint {
        let centre: Vec<f64> = {
            let besiroglu = published("besiroglu2024").unwrap().parameters;
            // The table of the example was made with rounded coefficients.
            assert!((besiroglu[3] - 0.3478).abs() < 1e-4);
            vec![1.8172f64.ln(), 482.01f64.ln(), 2085.43f64.ln(), 0.3478, 0.3658]
        };
        let slope = |point: (f64, f64)| -> Vec<f64> {
            (0..5)
                .map(|i| {
                    let moved = |step: f64| {
                        let mut theta = centre.clone();
                        theta[i] += step;
                        ln_loss(&theta, point)
                    };
                    (moved(1e-5) - moved(-1e-5)) / 2e-5
                })
                .collect()
        };
        let mut information = vec![0.0; 25];
        for slope in base.iter().map(|point| slope(*point)) {
            for (entry, (i, j)) in information.iter_mut().zip((0..25).map(|entry| (entry / 5, entry % 5))) {
                *entry += slope[i] * slope[j] / (NOISE * NOISE);
            }
        }
        let covariance = Cholesky::new(&information, 5).unwrap().inverse();
        let factor = Cholesky::new(&covariance, 5).unwrap();
        let draws: Vec<Vec<f64>> = (0..10)
            .map(|draw| {
                let axis = draw / 2;
                let sign = if draw % 2 == 0 { 1.0 } else { -1.0 };
                let along = |i: usize| factor.lower()[i * 5 + axis];
                (0..5).map(|i| centre[i] + sign * TANGENT * 5f64.sqrt() * along(i)).collect()
            })
            .collect();
        let losses = points.iter().map(|point| draws.iter().map(|theta| ln_loss(theta, *point)).collect());
        let sizes = draws.iter().map(|theta| Hoffmann.best_ln_params(&law_at(theta), 1e24).unwrap()).collect();
        Joint::of_draws(&losses.chain([sizes]).collect::<Vec<_>>())
    }

    const BASE: [(f64, f64); 9] =
        [(1e8, 2e9), (1e8, 6e9), (1e8, 2e10), (3e8, 2e9), (3e8, 6e9), (3e8, 2e10), (1e9, 2e9), (1e9, 6e9), (1e9, 2e10)];
    const TARGET: (f64, f64) = (7e10, 1.4e12);

    /// Nine runs under Besiroglu's law, one more in turn: standard deviations from the normal equations, computed independently.
    #[test]
    fn one_more_run_leaves_the_doubt_that_the_normal_equations_leave() {
        let cases = [
            ((3e9, 6e10), 0.012_172, 0.566_138),
            ((1e9, 2e11), 0.020_928, 0.466_730),
            ((3e9, 6e9), 0.027_619, 0.378_703),
            ((1e8, 2e11), 0.022_403, 0.466_627),
            ((3e9, 2e9), 0.023_794, 0.496_632),
        ];
        let points: Vec<(f64, f64)> = cases.iter().map(|(point, ..)| *point).chain([TARGET]).collect();
        let (loss, size) = (5, 6);
        let noise = (NOISE * TANGENT).powi(2);
        let before = linear_model(&BASE, &points);
        let close = |variance: f64, expected: f64| {
            let found = variance.sqrt() / TANGENT;
            assert!((found / expected - 1.0).abs() < 1e-4, "{found} {expected}");
        };
        close(before.variance(loss), 0.030_456);
        close(before.variance(size), 0.566_724);
        for (run, (_, loss_after, size_after)) in cases.into_iter().enumerate() {
            close(before.variance_given(loss, run, noise), loss_after);
            close(before.variance_given(size, run, noise), size_after);
            let mut after = before.clone();
            after.observe(run, noise);
            close(after.variance(loss), loss_after);
            close(after.variance(size), size_after);
        }
    }

    #[test]
    fn what_was_observed_can_be_forgotten() {
        let before = linear_model(&BASE, &[(3e9, 6e10), (3e9, 2e9), TARGET]);
        let noise = (NOISE * TANGENT).powi(2);
        let mut joint = before.clone();
        joint.observe(0, noise);
        joint.observe(1, noise);
        joint.forget(0, noise);
        let mut other = before;
        other.observe(1, noise);
        for i in 0..4 {
            assert!((joint.variance(i) / other.variance(i) - 1.0).abs() < 1e-6, "{i}");
        }
    }

    #[test]
    fn what_is_known_exactly_has_nothing_left_to_tell() {
        let mut joint = Joint::of_draws(&[vec![0.0, 1.0, 2.0], vec![1.0, 0.0, 3.0]]);
        joint.observe(0, 0.0);
        let left = joint.variance(1);
        joint.observe(0, 0.0);
        assert_eq!(joint.variance(1), left);
        assert!(left > 0.0);
    }
}
