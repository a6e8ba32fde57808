//! An axis: what it measures, in which kind of number, and what it is held to.

use crate::numbers;

/// One of a panel's two directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From left to right.
    Across,
    /// From bottom to top.
    Upwards,
}

/// The kind of number on an axis, which decides how its ticks are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Parameters or tokens: `70B`.
    Count,
    /// FLOP: `3e18`.
    Compute,
    /// Dollars: `$10K`.
    Dollars,
    /// A share, one being the whole: `20 %`.
    Share,
    /// A factor: `1.5x`.
    Factor,
    /// A loss, an exponent, a residual: `2.4`.
    Plain,
}

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it measures, with the unit: `loss, nats per token`. An axis without name and ticks is not drawn.
    pub name: String,
    /// The kind of number.
    pub quantity: Quantity,
    /// Whether equal ratios are equally long; else equal differences are.
    pub logarithmic: bool,
    /// A range that is shown whatever the marks are.
    pub at_least: Option<(f64, f64)>,
    /// A range that is not left whatever the marks are.
    pub at_most: Option<(f64, f64)>,
    /// Ticks to use instead of round numbers.
    pub ticks: Option<Vec<(f64, String)>>,
}

impl Axis {
    /// Equal differences are equally long.
    pub fn linear(name: &str, quantity: Quantity) -> Self {
        Self { name: name.to_owned(), quantity, logarithmic: false, at_least: None, at_most: None, ticks: None }
    }

    /// Equal ratios are equally long; what is not above zero is beyond the lower end.
    pub fn logarithmic(name: &str, quantity: Quantity) -> Self {
        Self { logarithmic: true, ..Self::linear(name, quantity) }
    }

    /// An axis that is not drawn, from 0 to 1.
    pub fn hidden() -> Self {
        Self::linear("", Quantity::Plain).exactly(0.0, 1.0).with_ticks(Vec::new())
    }

    /// Shows at least `low` to `high`.
    #[must_use]
    pub fn at_least(self, low: f64, high: f64) -> Self {
        Self { at_least: Some((low, high)), ..self }
    }

    /// Shows at most `low` to `high`.
    #[must_use]
    pub fn at_most(self, low: f64, high: f64) -> Self {
        Self { at_most: Some((low, high)), ..self }
    }

    /// Shows `low` to `high`, no more and no less.
    #[must_use]
    pub fn exactly(self, low: f64, high: f64) -> Self {
        self.at_least(low, high).at_most(low, high)
    }

    /// Puts these ticks with these labels.
    #[must_use]
    pub fn with_ticks(self, ticks: Vec<(f64, String)>) -> Self {
        Self { ticks: Some(ticks), ..self }
    }

    /// Whether anything of it is drawn.
    pub(crate) fn is_shown(&self) -> bool {
        !self.name.is_empty() || self.ticks.as_ref().is_none_or(|ticks| !ticks.is_empty())
    }

    /// Whether `value` has a place on it.
    pub(crate) fn places(&self, value: f64) -> bool {
        value.is_finite() && (!self.logarithmic || value >= f64::MIN_POSITIVE)
    }
}

impl Quantity {
    /// A tick's label: told apart from ticks `step` away, to three significant digits without one.
    pub(crate) fn label(self, value: f64, step: Option<f64>) -> String {
        if value == 0.0 {
            return match self {
                Self::Share => "0 %".to_owned(),
                Self::Dollars => "$0".to_owned(),
                Self::Factor => "0x".to_owned(),
                Self::Count | Self::Compute | Self::Plain => "0".to_owned(),
            };
        }
        match self {
            Self::Count => count(value, step),
            Self::Compute => numbers::compute(value, digits(value, step)),
            Self::Dollars if value < 0.0 => format!("-${}", count(-value, step)),
            Self::Dollars => format!("${}", count(value, step)),
            Self::Share => format!("{} %", plain(100.0 * value, step.map(|step| 100.0 * step))),
            Self::Factor => format!("{}x", plain(value, step)),
            Self::Plain => plain(value, step),
        }
    }
}

/// A count with its suffix.
fn count(value: f64, step: Option<f64>) -> String {
    let size = value.abs();
    let text = if size < 1.0 { plain(size, step) } else { numbers::count_to(size, digits(size, step)) };
    if value < 0.0 { format!("-{text}") } else { text }
}

/// A number with as many decimals as `step` needs; as few as three significant digits allow without one.
fn plain(value: f64, step: Option<f64>) -> String {
    if !(1e-4..1e6).contains(&value.abs()) {
        return numbers::compute(value, digits(value, step));
    }
    let Some(step) = step else {
        let text = numbers::general(value, 3);
        return match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        };
    };
    format!("{value:.*}", numbers::decimals(step, 1))
}

/// Significant digits of `value` that a step of `step` changes.
fn digits(value: f64, step: Option<f64>) -> usize {
    let Some(step) = step else { return 3 };
    let digits = value.abs().log10().floor() - step.log10().floor() + 1.0;
    // At most 15: a step below the last digit of a float tells nothing apart.
    digits.clamp(1.0, 15.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_numbers_are_written_as_people_write_them() {
        let label = |quantity: Quantity, value| quantity.label(value, None);
        assert_eq!(label(Quantity::Count, 2e8), "200M");
        assert_eq!(label(Quantity::Compute, 5e20), "5e20");
        assert_eq!(label(Quantity::Dollars, 2e4), "$20K");
        assert_eq!([label(Quantity::Share, 0.05), label(Quantity::Share, -0.001)], ["5 %", "-0.1 %"]);
        assert_eq!([label(Quantity::Factor, 2.0), label(Quantity::Factor, 0.5)], ["2x", "0.5x"]);
        assert_eq!([label(Quantity::Plain, 10.0), label(Quantity::Plain, 0.002)], ["10", "0.002"]);
    }

    #[test]
    fn neighbours_are_told_apart() {
        for quantity in [Quantity::Count, Quantity::Compute, Quantity::Dollars, Quantity::Share, Quantity::Plain] {
            for (value, step) in [(2.4, 0.2), (1.0005e6, 500.0), (-3.0, 0.5), (1.23e20, 1e17), (0.001, 1e-5)] {
                let labels = [0.0, 1.0, 2.0].map(|steps| quantity.label(value + steps * step, Some(step)));
                assert!(labels[0] != labels[1] && labels[1] != labels[2], "{quantity:?} {labels:?}");
            }
        }
        assert_eq!(Quantity::Plain.label(2.0, Some(0.5)), "2.0");
        assert_eq!(Quantity::Factor.label(1.5, Some(0.5)), "1.5x");
    }
}
