//! Numbers as people read them: as many digits as the interval supports, counts with suffixes, shares in percent.

use isoflop::predict::Amount;
use isoflop::{Estimate, Params};

/// A count (parameters, tokens) to three significant digits with its suffix: `262B`.
pub(crate) fn count(value: f64) -> String {
    count_to(value, 3)
}

/// A count to `digits` significant digits with its suffix.
pub(crate) fn count_to(value: f64, digits: usize) -> String {
    match Params::new(value) {
        Ok(count) => format!("{count:.digits$}"),
        Err(_) => general(value, digits),
    }
}

/// `lo-hi` of counts: `210B-330B`.
pub(crate) fn count_range(lo: f64, hi: f64) -> String {
    format!("{}-{}", count(lo), count(hi))
}

/// Compute in scientific notation to `digits` significant digits, as it is typed: `3e18`, `5.76e23`.
pub(crate) fn compute(value: f64, digits: usize) -> String {
    let text = format!("{value:.*e}", digits.saturating_sub(1));
    match text.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => {
            format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// `value` to `digits` significant digits, in scientific notation where plain digits would be a row of zeros.
pub(crate) fn general(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-3..1e6).contains(&value.abs()) {
        return compute(value, digits);
    }
    format!("{value:.*}", decimals(value.abs(), digits))
}

/// A share as percent, to two significant digits: `0.31 %`.
pub(crate) fn percent(share: f64) -> String {
    let value = 100.0 * share;
    match value.abs() {
        size if size < 0.005 => "0 %".to_owned(),
        size if size >= 9.95 => format!("{value:.0} %"),
        size if size >= 0.995 => format!("{value:.1} %"),
        _ => format!("{value:.2} %"),
    }
}

/// A share as percent with its sign: `+0.31 %`.
pub(crate) fn signed_percent(share: f64) -> String {
    format!("{}{}", if share < 0.0 { '-' } else { '+' }, percent(share.abs()))
}

/// A level of confidence as percent without superfluous digits: `90 %`, `99.5 %`.
pub(crate) fn level(level: f64) -> String {
    let text = format!("{:.2}", 100.0 * level);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A ratio as a factor: `8.0x`, `45x`.
pub(crate) fn factor(factor: f64) -> String {
    match factor {
        factor if factor < 9.95 => format!("{factor:.1}x"),
        factor if factor < 1e5 => format!("{factor:.0}x"),
        _ => format!("{}x", compute(factor, 2)),
    }
}

/// A whole number with thousands apart: `1,000`.
pub(crate) fn whole(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The interval of an amount, nothing where it is held; where it has no upper end, that is said.
pub(crate) fn ends(amount: &Amount, text: &dyn Fn(f64) -> String) -> String {
    match (amount.lo, amount.hi) {
        (Some(lo), Some(hi)) if lo == hi => String::new(),
        (Some(lo), Some(hi)) => format!("{} to {}", text(lo), text(hi)),
        (Some(lo), None) => format!("{} to no end", text(lo)),
        _ => "-".to_owned(),
    }
}

/// The upper end of an interval in the words of `text`; one without end says so.
pub(crate) fn or_no_end(end: f64, text: impl Fn(f64) -> String) -> String {
    if end.is_infinite() { "no end".to_owned() } else { text(end) }
}

/// An estimate in texts of matching digits: the value, and the ends of its interval where it has one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rounded {
    /// The point.
    pub(crate) value: String,
    /// The ends.
    pub(crate) ends: Option<(String, String)>,
}

impl Rounded {
    /// A loss: three to five decimals, so that half the interval keeps two digits.
    pub(crate) fn loss(estimate: &Estimate) -> Self {
        let places = half_width(estimate).map_or(3, |half| decimals(half, 2).clamp(3, 5));
        Self::with(estimate, |value| format!("{value:.places$}"))
    }

    /// A parameter of a law: half the interval keeps two digits, the value at least three.
    pub(crate) fn parameter(estimate: &Estimate) -> Self {
        let plain = 1e-3..1e6;
        let ends = [Some(estimate.value), estimate.lo, estimate.hi];
        if ends.iter().flatten().any(|value| !plain.contains(&value.abs())) {
            return Self::with(estimate, |value| general(value, 3));
        }
        let places = match half_width(estimate) {
            Some(half) => {
                // An interval of nearly nothing earns two digits more, not all of them.
                decimals(half, 2).clamp(decimals(estimate.value.abs(), 3), decimals(estimate.value.abs(), 5))
            }
            None => decimals(estimate.value.abs(), 4),
        };
        Self::with(estimate, |value| format!("{value:.places$}"))
    }

    /// A count with suffix.
    pub(crate) fn count(estimate: &Estimate) -> Self {
        Self::with(estimate, count)
    }

    /// Compute to three significant digits.
    pub(crate) fn compute(estimate: &Estimate) -> Self {
        Self::with(estimate, |value| compute(value, 3))
    }

    /// A ratio to three significant digits.
    pub(crate) fn ratio(estimate: &Estimate) -> Self {
        Self::with(estimate, |value| general(value, 3))
    }

    fn with(estimate: &Estimate, text: impl Fn(f64) -> String) -> Self {
        let ends = estimate.lo.zip(estimate.hi).map(|(lo, hi)| (text(lo), or_no_end(hi, &text)));
        Self { value: text(estimate.value), ends }
    }

    /// `1.918 (1.890-1.955 at 90 %)`; without an interval, `1.918 (no interval)`.
    pub(crate) fn sentence(&self, at: f64) -> String {
        match &self.ends {
            Some((lo, hi)) => format!("{} ({lo}-{hi} at {})", self.value, level(at)),
            None => format!("{} (no interval)", self.value),
        }
    }

    /// The interval alone, `1.890 to 1.955`; a dash when there is none.
    pub(crate) fn interval(&self) -> String {
        self.ends.as_ref().map_or_else(|| "-".to_owned(), |(lo, hi)| format!("{lo} to {hi}"))
    }
}

/// Decimal places at which a positive `value` shows `digits` significant digits.
pub(crate) fn decimals(value: f64, digits: usize) -> usize {
    if value <= 0.0 || !value.is_finite() {
        return digits;
    }
    // At most 300 either way, so the conversions are exact.
    (digits as i64 - 1 - value.log10().floor() as i64).clamp(0, 12) as usize
}

fn half_width(estimate: &Estimate) -> Option<f64> {
    estimate.lo.zip(estimate.hi).map(|(lo, hi)| 0.5 * (hi - lo)).filter(|half| *half > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64, lo: f64, hi: f64) -> Estimate {
        Estimate { value, lo: Some(lo), hi: Some(hi) }
    }

    #[test]
    fn digits_follow_the_interval() {
        let loss = |value, lo, hi| Rounded::loss(&estimate(value, lo, hi)).sentence(0.9);
        assert_eq!(loss(1.91762, 1.88990, 1.95510), "1.918 (1.890-1.955 at 90 %)");
        assert_eq!(loss(1.91762, 1.91701, 1.91823), "1.91762 (1.91701-1.91823 at 90 %)");
        let parameter = |value, lo, hi| Rounded::parameter(&estimate(value, lo, hi));
        assert_eq!(parameter(477.83, 285.2, 744.4).interval(), "285 to 744");
        assert_eq!(parameter(0.34731, 0.3171, 0.3729).value, "0.347");
        assert_eq!(parameter(2.4e7, 1.0e6, 3.1e9).interval(), "1e6 to 3.1e9");
    }

    #[test]
    fn a_missing_interval_is_said() {
        let point = Estimate { value: 1.974_41, lo: None, hi: None };
        assert_eq!(Rounded::loss(&point).sentence(0.9), "1.974 (no interval)");
        assert_eq!(Rounded::loss(&point).interval(), "-");
    }

    #[test]
    fn small_and_large_numbers_stay_short() {
        assert_eq!([general(1.018_27e-5, 4), general(2_143.4, 3), general(3.2e9, 2)], ["1.018e-5", "2143", "3.2e9"]);
        assert_eq!(
            [percent(0.0031), percent(0.041), percent(-0.2), percent(1e-6)],
            ["0.31 %", "4.1 %", "-20 %", "0 %"]
        );
        assert_eq!([factor(8.0), factor(45.4), factor(3.1e6)], ["8.0x", "45x", "3.1e6x"]);
        assert_eq!([whole(7), whole(1_000), whole(1_234_567)], ["7", "1,000", "1,234,567"]);
        assert_eq!([level(0.9), level(0.995)], ["90 %", "99.5 %"]);
        assert_eq!([compute(3e11, 2), compute(5.76e23, 3), compute(9.99e11, 2)], ["3e11", "5.76e23", "1e12"]);
    }
}
