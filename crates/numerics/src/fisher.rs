//! The tail of Fisher's F: how improbable a ratio of variances is.

use crate::elementary::{exp, ln};

/// Probability that F with `numerator` and `denominator` degrees of freedom, both above zero, exceeds `f`.
///
/// ```text
/// P(F > f) = I_x(d2/2, d1/2),   x = d2/(d2 + d1 f)
/// ```
/// # Source
/// Abramowitz & Stegun 1964, 26.6.2; the incomplete beta function by the continued fraction 26.5.8.
pub fn fisher_tail(f: f64, numerator: u32, denominator: u32) -> f64 {
    if f <= 0.0 {
        return 1.0;
    }
    let (top, bottom) = (f64::from(numerator), f64::from(denominator));
    incomplete_beta(bottom / (bottom + top * f), denominator, numerator)
}

/// I_x(a/2, b/2), the regularised incomplete beta function.
fn incomplete_beta(x: f64, twice_a: u32, twice_b: u32) -> f64 {
    let (a, b) = (0.5 * f64::from(twice_a), 0.5 * f64::from(twice_b));
    // The fraction converges fast below the mean only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, twice_b, twice_a);
    }
    if x <= 0.0 {
        return 0.0;
    }
    let ln_beta = ln_gamma_of_half(twice_a) + ln_gamma_of_half(twice_b) - ln_gamma_of_half(twice_a + twice_b);
    exp(a * ln(x) + b * ln(1.0 - x) - ln_beta) / a * fraction(x, a, b)
}

/// The continued fraction of I_x(a, b), by Lentz's method.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let whole = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut c, mut d) = (1.0, 1.0 / whole(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = d;
    for step in 1..300 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / whole(1.0 + term * d);
            c = whole(1.0 + term / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// ln Γ(n/2) for n above zero.
fn ln_gamma_of_half(n: u32) -> f64 {
    let (start, base) = if n.is_multiple_of(2) { (2, 0.0) } else { (1, 0.5 * ln(std::f64::consts::PI)) };
    (start..n).step_by(2).map(|twice| ln(0.5 * f64::from(twice))).sum::<f64>() + base
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantile::student_cdf;

    #[test]
    fn tails_are_those_of_the_table() {
        // 5 % points of F.
        for (numerator, denominator, f) in
            [(1, 10, 4.964_603), (2, 10, 4.102_821), (5, 20, 2.710_890), (10, 200, 1.878_282), (3, 7, 4.346_831)]
        {
            let tail = fisher_tail(f, numerator, denominator);
            assert!((tail - 0.05).abs() < 1e-6, "{numerator} {denominator}: {tail}");
        }
        assert_eq!(fisher_tail(0.0, 2, 10), 1.0);
        assert!(fisher_tail(1e6, 2, 100) < 1e-12);
    }

    #[test]
    fn with_one_degree_it_is_the_square_of_students_t() {
        for t in [0.1, 1.0, 2.5, 7.0] {
            let both_sides = 2.0 * (1.0 - student_cdf(t, 8));
            assert!((fisher_tail(t * t, 1, 8) - both_sides).abs() < 1e-12, "{t}");
        }
    }
}
