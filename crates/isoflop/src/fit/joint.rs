//! Quantities of a fit over its draws, two at a time: their values, and the ellipse that holds a share of them.

use isoflop_numerics::elementary::ln;

use super::Fit;

/// Mean, spread and correlation of two quantities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Joint {
    /// The means.
    pub means: (f64, f64),
    /// The standard deviations.
    pub deviations: (f64, f64),
    /// Pearson's correlation.
    pub correlation: f64,
}

impl Fit {
    /// The value of a parameter of the law, or of what follows from the parameters (`a`, `b`, `gamma`), under each draw; `None` for a name that
    /// the law does not have.
    ///
    /// # Example
    /// ```
    /// use isoflop::{Fit, law::published};
    /// let fit = Fit::from_published(published("besiroglu2024").unwrap());
    /// assert_eq!(fit.drawn("alpha"), Some(Vec::new()));
    /// assert_eq!(fit.drawn("omega"), None);
    /// ```
    pub fn drawn(&self, name: &str) -> Option<Vec<f64>> {
        let draws = || self.draws().iter().map(|draw| draw.parameters.as_slice());
        if let Some(index) = self.law().parameters().iter().position(|parameter| parameter.name == name) {
            return Some(draws().map(|parameters| parameters[index]).collect());
        }
        let derived =
            |parameters: &[f64]| self.law().derived(parameters).into_iter().find(|(derived, _)| *derived == name);
        derived(self.point())?;
        Some(draws().map(|parameters| derived(parameters).map_or(f64::NAN, |(_, value)| value)).collect())
    }
}

impl Joint {
    /// Of `points`; `None` where fewer than three are numbers, or one of the two does not vary.
    ///
    /// # Example
    /// ```
    /// use isoflop::fit::Joint;
    /// let joint = Joint::of(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]).unwrap();
    /// assert!((joint.correlation - 1.0).abs() < 1e-12 && joint.means == (1.0, 3.0));
    /// assert_eq!(Joint::of(&[(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)]), None);
    /// ```
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let numbers: Vec<(f64, f64)> = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        if numbers.len() < 3 {
            return None;
        }
        let count = numbers.len() as f64;
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| numbers.iter().map(of).sum::<f64>() / count;
        let means = (mean(&|point| point.0), mean(&|point| point.1));
        let moment =
            |of: &dyn Fn(f64, f64) -> f64| mean(&|(x, y)| of(x - means.0, y - means.1)) * count / (count - 1.0);
        let deviations = (moment(&|x, _| x * x).sqrt(), moment(&|_, y| y * y).sqrt());
        let correlation = moment(&|x, y| x * y) / (deviations.0 * deviations.1);
        correlation.is_finite().then_some(Self { means, deviations, correlation: correlation.clamp(-1.0, 1.0) })
    }

    /// `count` points around the ellipse that holds a share `level` of a normal distribution with these moments.
    ///
    /// ```text
    /// x = m_x + r s_x cos t,   y = m_y + r s_y (rho cos t + sqrt(1 - rho^2) sin t),   r^2 = -2 ln(1 - level)
    /// ```
    ///
    /// # Trust
    /// r^2 is the quantile of chi-square with two degrees of freedom. Of draws that are not normal it holds another share: compare it with the draws.
    pub fn ellipse(&self, level: f64, count: usize) -> Vec<(f64, f64)> {
        let radius = (-2.0 * ln(1.0 - level)).sqrt();
        let beside = (1.0 - self.correlation * self.correlation).sqrt();
        let at = |step: usize| {
            let (sine, cosine) = (std::f64::consts::TAU * step as f64 / count as f64).sin_cos();
            (
                self.means.0 + radius * self.deviations.0 * cosine,
                self.means.1 + radius * self.deviations.1 * (self.correlation * cosine + beside * sine),
            )
        };
        (0..count).map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::{FitOptions, Objective, fit};
    use crate::{Runs, TableFormat};
    use isoflop_numerics::resample::{standard_normal, stream};

    #[test]
    fn the_ellipse_holds_its_share_of_normal_draws_and_no_more() {
        let mut generator = stream(1, 0);
        let rho = -0.8f64;
        let points: Vec<(f64, f64)> = (0..20_000)
            .map(|_| {
                let (one, other) = (standard_normal(&mut generator), standard_normal(&mut generator));
                (3.0 + 0.1 * one, -5.0 + 7.0 * (rho * one + (1.0 - rho * rho).sqrt() * other))
            })
            .collect();
        let joint = Joint::of(&points).unwrap();
        assert!((joint.correlation - rho).abs() < 0.01, "{joint:?}");
        for level in [0.5, 0.9] {
            let outline = joint.ellipse(level, 400);
            // Even-odd: a ray to the right crosses the outline once from inside.
            let crosses = |(x, y): (f64, f64), (from, to): ((f64, f64), (f64, f64))| {
                (from.1 > y) != (to.1 > y) && x < from.0 + (y - from.1) / (to.1 - from.1) * (to.0 - from.0)
            };
            let edges = |point| (0..400).filter(|i| crosses(point, (outline[*i], outline[(i + 1) % 400]))).count();
            let held = points.iter().filter(|point| edges(**point) % 2 == 1).count() as f64 / points.len() as f64;
            assert!((held - level).abs() < 0.01, "{level}: {held}");
        }
    }

    #[test]
    fn parameters_and_what_follows_from_them_are_found_by_name() {
        let rows: String = (0..24)
            .map(|i| {
                let (params, tokens) = (1e7 * 2f64.powi(i % 6), 1e9 * 2f64.powi(i / 6));
                let loss = 1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37) + 0.001 * f64::from(i * i % 5);
                format!("{params},{tokens},{loss}\n")
            })
            .collect();
        let table = format!("params,tokens,loss\n{rows}");
        let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap();
        let fit = fit(&runs, &FitOptions { draws: 20, ..FitOptions::hoffmann(Objective::LogLeastSquares) }).unwrap();
        let [alpha, beta, a] = ["alpha", "beta", "a"].map(|name| fit.drawn(name).unwrap());
        assert_eq!(a.len(), 20);
        for draw in 0..20 {
            assert!((a[draw] - beta[draw] / (alpha[draw] + beta[draw])).abs() < 1e-12);
        }
    }

    #[test]
    fn too_few_points_have_no_ellipse() {
        assert_eq!(Joint::of(&[(0.0, 1.0), (1.0, 3.0), (f64::NAN, 5.0)]), None);
    }
}
