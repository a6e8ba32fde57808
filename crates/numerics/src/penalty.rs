//! What a residual costs: the function summed by robust regression, its slope and its curvature.

use crate::elementary::ln;

/// The cost rho(r) of a residual r.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Penalty {
    /// r^2/2: the mean.
    Squared,
    /// r^2/2 within `knee`, `knee (|r| - knee/2)` beyond (Huber 1964, doi:10.1214/aoms/1177703732).
    Huber {
        /// Where the square turns into a line, in units of the residual.
        knee: f64,
    },
    /// (nu + 1)/2 s^2 ln(1 + r^2/(nu s^2)): minus the log density of Student's t, up to a constant.
    StudentT {
        /// Degrees of freedom nu.
        freedom: f64,
        /// Scale s, in units of the residual.
        scale: f64,
    },
}

impl Penalty {
    /// rho(r) and its derivative.
    #[inline(always)]
    pub fn value_and_slope(self, residual: f64) -> (f64, f64) {
        match self {
            Self::Squared => (0.5 * residual * residual, residual),
            Self::Huber { knee } => {
                // Clamping gives both branches at once, without a jump for the processor to guess.
                let slope = if residual > knee { knee } else { residual };
                let slope = if slope < -knee { -knee } else { slope };
                (slope * (residual - 0.5 * slope), slope)
            }
            Self::StudentT { freedom, scale } => {
                let square = scale * scale;
                let ratio = residual * residual / (freedom * square);
                let value = 0.5 * (freedom + 1.0) * square * ln(1.0 + ratio);
                (value, (freedom + 1.0) * residual / (freedom * (1.0 + ratio)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PENALTIES: [Penalty; 3] =
        [Penalty::Squared, Penalty::Huber { knee: 0.3 }, Penalty::StudentT { freedom: 4.0, scale: 0.2 }];

    #[test]
    fn slopes_are_the_derivatives_of_the_values() {
        for penalty in PENALTIES {
            for i in -40..40 {
                let r = f64::from(i) * 0.05 + 0.013;
                let step = 1e-6;
                let numeric =
                    (penalty.value_and_slope(r + step).0 - penalty.value_and_slope(r - step).0) / (2.0 * step);
                assert!((numeric - penalty.value_and_slope(r).1).abs() < 1e-8, "{penalty:?} at {r}");
            }
        }
    }

    #[test]
    fn small_residuals_cost_half_their_square() {
        for penalty in [Penalty::Squared, Penalty::Huber { knee: 0.3 }] {
            assert_eq!(penalty.value_and_slope(0.1).0, 0.5 * 0.1 * 0.1);
        }
    }

    #[test]
    fn huber_grows_like_a_line_beyond_its_knee() {
        let penalty = Penalty::Huber { knee: 0.3 };
        assert_eq!(penalty.value_and_slope(7.0), (0.3 * (7.0 - 0.15), 0.3));
        assert_eq!(penalty.value_and_slope(-7.0), (0.3 * (7.0 - 0.15), -0.3));
    }
}
