//! A number that is known, or that lies in a range nine times in ten.

use std::fmt;
use std::str::FromStr;

use isoflop_numerics::elementary::{exp, ln};
use serde::Serialize;

use crate::units::parse_count;

/// The standard normal quantile of .95: nine in ten lie between it and its negative.
const NINE_IN_TEN: f64 = 1.644_853_626_951_472_2;

/// A number above zero that is known, or that lies between two ends nine times in ten, below as often as above.
///
/// ```text
/// price = exp(m + s z)        share = 1 / (1 + exp(-(m + s z)))        z standard normal
/// ```
/// m and s follow from the ends, in ln of a price and in ln(p/(1 - p)) of a share: the bells of what is above zero, and of what lies
/// between zero and one. The laws are chosen, not measured: nothing is published on how rents and utilisation scatter.
///
/// # Example
/// ```
/// use isoflop::hardware::Uncertain;
/// let utilisation: Uncertain = "0.35..0.45".parse()?;
/// assert_eq!(utilisation.to_string(), "0.35..0.45");
/// assert_eq!("2".parse::<Uncertain>()?, Uncertain::from(2.0));
/// assert!("0.45..0.35".parse::<Uncertain>().is_err());
/// # Ok::<(), isoflop::hardware::RangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(into = "String")]
pub struct Uncertain {
    lo: f64,
    hi: f64,
}

/// What is no number and no range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`{0}` is no number such as 0.4, and no range from a smaller number to a larger such as 0.35..0.45")]
pub struct RangeError(String);

impl Uncertain {
    /// From `lo` to `hi` nine times in ten.
    ///
    /// # Errors
    /// [`RangeError`] unless `0 < lo <= hi`.
    pub fn between(lo: f64, hi: f64) -> Result<Self, RangeError> {
        let ordered = 0.0 < lo && lo <= hi && hi.is_finite();
        if ordered { Ok(Self { lo, hi }) } else { Err(RangeError(format!("{lo}..{hi}"))) }
    }

    /// A range written into the program, of `0 < lo <= hi`.
    pub(crate) const fn known_range(lo: f64, hi: f64) -> Self {
        Self { lo, hi }
    }

    /// Whether it is a number and no range.
    pub fn is_certain(&self) -> bool {
        self.lo == self.hi
    }

    /// The ends of the range.
    pub(crate) fn ends(&self) -> [f64; 2] {
        [self.lo, self.hi]
    }

    /// As a price: its value `deviate` standard deviations above the middle.
    pub(crate) fn price(&self, deviate: f64) -> f64 {
        if self.is_certain() { self.lo } else { exp(self.on(ln, deviate)) }
    }

    /// As a share of less than one: its value `deviate` standard deviations above the middle.
    pub(crate) fn share(&self, deviate: f64) -> f64 {
        let logit = |share: f64| ln(share / (1.0 - share));
        if self.is_certain() { self.lo } else { 1.0 / (1.0 + exp(-self.on(logit, deviate))) }
    }

    /// On a scale where it is normal.
    fn on(&self, scale: impl Fn(f64) -> f64, deviate: f64) -> f64 {
        let (lo, hi) = (scale(self.lo), scale(self.hi));
        0.5 * (lo + hi) + deviate * (hi - lo) / (2.0 * NINE_IN_TEN)
    }
}

impl From<f64> for Uncertain {
    fn from(value: f64) -> Self {
        Self { lo: value, hi: value }
    }
}

impl From<Uncertain> for String {
    fn from(uncertain: Uncertain) -> Self {
        uncertain.to_string()
    }
}

impl FromStr for Uncertain {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let error = || RangeError(text.to_owned());
        let number = |text: &str| parse_count(text.trim().trim_start_matches('$')).ok_or_else(error);
        match text.split_once("..") {
            None => number(text).map(Self::from),
            Some((lo, hi)) => Self::between(number(lo)?, number(hi)?).map_err(|_| error()),
        }
    }
}

impl fmt::Display for Uncertain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lo, hi } = self;
        if self.is_certain() { write!(f, "{lo}") } else { write!(f, "{lo}..{hi}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends are the quantiles of .05 and .95, the middle of a price is geometric, that of shares around a half is a half.
    #[test]
    fn ends_and_middles_are_where_they_should_be() {
        let price = Uncertain::between(1.5, 6.0).unwrap();
        let share = Uncertain::between(0.3, 0.7).unwrap();
        for (found, expected) in [
            (price.price(-NINE_IN_TEN), 1.5),
            (price.price(0.0), 3.0),
            (price.price(NINE_IN_TEN), 6.0),
            (share.share(-NINE_IN_TEN), 0.3),
            (share.share(0.0), 0.5),
            (share.share(NINE_IN_TEN), 0.7),
        ] {
            assert!((found / expected - 1.0).abs() < 1e-14, "{found} {expected}");
        }
        assert!(share.share(8.0) < 1.0 && price.price(-8.0) > 0.0);
        assert_eq!(Uncertain::from(0.4).share(3.0), 0.4);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "..", "0.4..", "..0.4", "0.5..0.4", "0..0.4", "-1..2", "nan..1", "0.1..inf", "a..b", "1...2"] {
            assert!(text.parse::<Uncertain>().is_err(), "{text}");
        }
        assert_eq!("1.5..2.5".parse::<Uncertain>(), Uncertain::between(1.5, 2.5));
        assert_eq!("0.4..0.4".parse::<Uncertain>(), Ok(Uncertain::from(0.4)));
    }
}
