//! exp, ln, sine and cosine from additions and multiplications only: the same bits on every machine, unlike the system's.

use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

/// e to the power of `x`, by halving the argument to `|r| <= ln 2 / 2` and a Taylor series.
pub(crate) fn exp(x: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    if x.is_nan() {
        return x;
    }
    let x = x.clamp(-708.0, 709.0);
    let n = (x * LOG2_E).round();
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut sum = 1.0;
    for k in (1..=14).rev() {
        sum = 1.0 + sum * r / f64::from(k);
    }
    sum * f64::from_bits(((n as i64 + 1023) as u64) << 52)
}

/// Natural logarithm of a positive normal `x`, by `2 artanh((m - 1)/(m + 1))` of its mantissa.
pub(crate) fn ln(x: f64) -> f64 {
    if !(x > 0.0 && x.is_finite()) {
        // Zero, infinity and NaN have exact answers everywhere.
        return x.ln();
    }
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for k in (0..12).rev() {
        sum = sum * square + 1.0 / f64::from(2 * k + 1);
    }
    2.0 * s * sum + exponent as f64 * LN_2
}

/// Sine and cosine of an angle between 0 and 1, by Taylor series.
pub(crate) fn sine_and_cosine(angle: f64) -> (f64, f64) {
    debug_assert!((0.0..=1.0).contains(&angle), "the series is long enough for one radian");
    let square = angle * angle;
    let (mut sine, mut cosine) = (1.0, 1.0);
    for k in (1..=10).rev() {
        let even = f64::from(2 * k);
        sine = 1.0 - sine * square / (even * (even + 1.0));
        cosine = 1.0 - cosine * square / (even * (even - 1.0));
    }
    (angle * sine, cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_agree_with_the_system_to_a_few_units_in_the_last_place() {
        for step in 1..10_000 {
            let x = f64::from(step) * 1e-4;
            let (sine, cosine) = sine_and_cosine(x);
            assert!((sine - x.sin()).abs() < 1e-15 && (cosine - x.cos()).abs() < 1e-15, "angle {x}");
            let wide = x * 2000.0 - 1000.0 * 0.7;
            assert!((exp(wide) / wide.exp() - 1.0).abs() < 1e-15 || wide.abs() > 700.0, "exp {wide}");
            let spread = x * wide.abs() + 1e-300;
            assert!((ln(spread) - spread.ln()).abs() < 2e-15 * spread.ln().abs().max(1.0), "ln {spread}");
        }
    }
}
