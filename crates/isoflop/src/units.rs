//! Quantities with their units: what a number means travels with it through the doors of the library.
//!
//! Values are positive and finite by construction. Text is read the way people write it (`70B`, `1.4T`, `3e18`, `$10M`,
//! `30d`) and printed the same way. Kernels take the bare number with `get`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text or a number is not a quantity.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// The number is zero, negative, NaN or infinite.
    #[error("{quantity} must be positive and finite, got {value}")]
    NotPositive {
        /// Which quantity was asked for.
        quantity: &'static str,
        /// The number that was given.
        value: f64,
    },
    /// The text is not a number with one of the known suffixes.
    #[error("`{text}` is not {quantity}; write {examples}")]
    Unreadable {
        /// Which quantity was asked for.
        quantity: &'static str,
        /// The text that was given.
        text: String,
        /// Texts that would have been understood.
        examples: &'static str,
    },
}

/// The suffixes of counts and money, short scale: K = 1e3, M = 1e6, B = 1e9, T = 1e12, Q = 1e15.
const SHORT_SCALE: [(char, f64); 5] = [('Q', 1e15), ('T', 1e12), ('B', 1e9), ('M', 1e6), ('K', 1e3)];

/// The suffixes of durations, in seconds.
const DURATIONS: [(char, f64); 5] = [('w', 604_800.0), ('d', 86_400.0), ('h', 3_600.0), ('m', 60.0), ('s', 1.0)];

/// The suffixes of memory, the longest first.
const BYTES: [(&str, f64); 9] = [
    ("GiB", 1_073_741_824.0),
    ("MiB", 1_048_576.0),
    ("TiB", 1_099_511_627_776.0),
    ("GB", 1e9),
    ("MB", 1e6),
    ("TB", 1e12),
    ("G", 1e9),
    ("M", 1e6),
    ("T", 1e12),
];

/// Reads a number such as `70B`, `1.4T`, `3e18`, `5_000` or `12k`; the sign and finiteness are the caller's concern.
///
/// `None` when the text is not such a number.
pub fn parse_count(text: &str) -> Option<f64> {
    let text = text.trim().replace('_', "");
    let last = text.chars().last()?;
    let scale = SHORT_SCALE.iter().find(|(suffix, _)| suffix.eq_ignore_ascii_case(&last));
    let digits = if scale.is_some() { &text[..text.len() - last.len_utf8()] } else { text.as_str() };
    // `f64::from_str` also reads "inf", "nan" and "infinity": those are words, not counts.
    if !digits.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+')) {
        return None;
    }
    let mantissa: f64 = digits.trim_end().parse().ok()?;
    Some(mantissa * scale.map_or(1.0, |(_, scale)| *scale))
}

/// Reads a share such as `5%` or `0.05`; its bounds are the caller's concern.
///
/// ```
/// assert_eq!(isoflop::parse_share("5 %"), Some(0.05));
/// ```
pub fn parse_share(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    number.trim().parse().ok().map(|number: f64| number / unit)
}

/// Reads a number of bytes such as `80GB`, `80G`, `640e9` or `80GiB`; `None` where it is not positive and finite.
///
/// ```
/// assert_eq!(isoflop::parse_bytes("80GiB"), Some(80.0 * 1024f64.powi(3)));
/// ```
pub fn parse_bytes(text: &str) -> Option<f64> {
    let text = text.trim();
    let named = |unit: &&(&str, f64)| {
        text.get(text.len().saturating_sub(unit.0.len())..).is_some_and(|end| end.eq_ignore_ascii_case(unit.0))
    };
    let unit = BYTES.iter().find(named);
    let (number, bytes) = unit.map_or((text, 1.0), |(unit, bytes)| (&text[..text.len() - unit.len()], *bytes));
    let number: f64 = number.trim().parse().ok()?;
    (number > 0.0 && number.is_finite()).then_some(number * bytes)
}

/// Writes `value` with a short-scale suffix below 1e16 and in scientific notation above it, to `digits` significant digits.
fn write_count(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    let digits = f.precision().unwrap_or(4).max(1);
    let text = if value < 1e16 {
        let (suffix, scale) = SHORT_SCALE
            .iter()
            .find(|(_, scale)| value >= *scale)
            .map_or((String::new(), 1.0), |(suffix, scale)| (suffix.to_string(), *scale));
        significant(value / scale, digits) + &suffix
    } else {
        scientific(value, digits)
    };
    f.pad_integral(true, "", &text)
}

/// `value` to `digits` significant digits in plain notation, without trailing zeros.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    let magnitude = if value > 0.0 { value.log10().floor() as i64 } else { 0 };
    let decimals = (digits as i64 - 1 - magnitude).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `value` to `digits` significant digits, in plain notation where that is short.
pub(crate) fn concise(value: f64, digits: usize) -> String {
    if (1e-4..1e7).contains(&value) { significant(value, digits) } else { scientific(value, digits) }
}

/// `value` as `5.76e23`, to `digits` significant digits, without trailing zeros.
fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.*e}", digits - 1);
    match text.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => {
            format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// Declares one positive quantity: a newtype over a private `f64`, its constructor, its reader and its printer.
macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $what:literal, $examples:literal, $parse:path, $write:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            /// The quantity of `value` in its unit.
            ///
            /// # Errors
            /// [`UnitError::NotPositive`] when `value` is zero, negative, NaN or infinite.
            pub fn new(value: f64) -> Result<Self, UnitError> {
                if value.is_finite() && value > 0.0 {
                    Ok(Self(value))
                } else {
                    Err(UnitError::NotPositive { quantity: $what, value })
                }
            }

            /// The bare number, in the unit of the type.
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl From<$name> for f64 {
            fn from(quantity: $name) -> f64 {
                quantity.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = UnitError;
            fn try_from(value: f64) -> Result<Self, UnitError> {
                Self::new(value)
            }
        }

        impl FromStr for $name {
            type Err = UnitError;
            fn from_str(text: &str) -> Result<Self, UnitError> {
                let unreadable =
                    || UnitError::Unreadable { quantity: $what, text: text.to_owned(), examples: $examples };
                Self::new($parse(text).ok_or_else(unreadable)?)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $write(f, self.0)
            }
        }
    };
}

quantity! {
    /// A number of parameters; which of them are counted is a [`crate::counting::ParamCounting`].
    ///
    /// ```
    /// use isoflop::Params;
    /// let size: Params = "70B".parse()?;
    /// assert_eq!(size.get(), 70e9);
    /// assert_eq!(size.to_string(), "70B");
    /// # Ok::<(), isoflop::UnitError>(())
    /// ```
    Params, "a number of parameters", "70B, 124M or 1.5e9", parse_count, write_count
}
quantity! {
    /// A number of tokens.
    Tokens, "a number of tokens", "1.4T, 20B or 3e11", parse_count, write_count
}
quantity! {
    /// Floating-point operations, forward and backward unless a name says otherwise.
    Flops, "a number of FLOP", "3e18 or 5.76e23", parse_count, write_count
}
quantity! {
    /// Cross-entropy loss in nats per token.
    Nats, "a loss in nats per token", "2.31", parse_plain, write_plain
}
quantity! {
    /// Cross-entropy loss in bits per byte: nats per token divided by ln 2 and by the bytes per token.
    BitsPerByte, "a loss in bits per byte", "0.84", parse_plain, write_plain
}
quantity! {
    /// United States dollars.
    Dollars, "an amount of money", "$10M, 2.5 or $400", parse_dollars, write_dollars
}
quantity! {
    /// A span of time, held in seconds.
    Seconds, "a time", "90s, 10m, 20h or 30d", parse_duration, write_duration
}

impl Nats {
    /// The same loss in bits per byte, for a tokenizer of `bytes_per_token`.
    ///
    /// ```text
    /// BPB = L / (ln 2 · bytes per token)
    /// ```
    ///
    /// # Errors
    /// [`UnitError::NotPositive`] when `bytes_per_token` is not positive.
    pub fn to_bits_per_byte(self, bytes_per_token: f64) -> Result<BitsPerByte, UnitError> {
        BitsPerByte::new(self.0 / (std::f64::consts::LN_2 * bytes_per_token))
    }
}

impl Seconds {
    /// The span in days.
    pub fn days(self) -> f64 {
        self.0 / 86_400.0
    }
}

fn parse_plain(text: &str) -> Option<f64> {
    parse_count(text).filter(|_| !text.trim().ends_with(|c: char| c.is_ascii_alphabetic()))
}

fn parse_dollars(text: &str) -> Option<f64> {
    let text = text.trim();
    parse_count(text.strip_prefix('$').unwrap_or(text))
}

fn parse_duration(text: &str) -> Option<f64> {
    let text = text.trim();
    let last = text.chars().last()?;
    let (_, scale) = DURATIONS.iter().find(|(suffix, _)| *suffix == last)?;
    parse_plain(&text[..text.len() - 1]).map(|number| number * scale)
}

fn write_plain(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    let text = significant(value, f.precision().unwrap_or(5).max(1));
    f.pad_integral(true, "", &text)
}

fn write_dollars(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    f.write_str("$")?;
    write_count(f, value)
}

fn write_duration(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    let (suffix, scale) = DURATIONS
        .iter()
        .filter(|(suffix, _)| *suffix != 'w')
        .find(|(_, scale)| value >= *scale)
        .copied()
        .unwrap_or(('s', 1.0));
    let text = significant(value / scale, f.precision().unwrap_or(3).max(1));
    f.pad_integral(true, "", &format!("{text}{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_counts_in_many_ways() {
        for (text, value) in
            [("70B", 70e9), ("1.4T", 1.4e12), ("3e18", 3e18), ("12k", 12e3), (" 5_000 ", 5e3), ("2 M", 2e6)]
        {
            assert_eq!(parse_count(text), Some(value), "{text}");
        }
    }

    #[test]
    fn words_are_not_counts() {
        for text in ["", "B", "inf", "nan", "infinity", "1e", "7x", "--3", "1.4TT", "é"] {
            assert!(text.parse::<Params>().is_err(), "{text}");
        }
    }

    #[test]
    fn zero_negative_and_overflow_are_refused() {
        for text in ["0", "-3", "1e400"] {
            assert!(matches!(text.parse::<Tokens>(), Err(UnitError::NotPositive { .. })), "{text}");
        }
    }

    #[test]
    fn what_is_printed_can_be_read_back() {
        for text in ["70B", "1.4T", "3e18", "5.76e23", "124M", "999", "1.5K"] {
            assert_eq!(text.parse::<Flops>().unwrap().to_string(), text);
        }
        for text in ["$10M", "$400", "$2.5"] {
            assert_eq!(text.parse::<Dollars>().unwrap().to_string(), text);
        }
        for text in ["30d", "20h", "10m", "90s"] {
            let printed = text.parse::<Seconds>().unwrap().to_string();
            assert_eq!(printed.parse::<Seconds>(), text.parse::<Seconds>(), "{text} printed as {printed}");
        }
    }

    #[test]
    fn precision_is_significant_digits() {
        let size: Params = "26226912345".parse().unwrap();
        assert_eq!(size.to_string(), "26.23B");
        assert_eq!(format!("{size:.7}"), "26.22691B");
    }

    #[test]
    fn a_duration_needs_its_unit() {
        assert!("30".parse::<Seconds>().is_err());
        assert_eq!("1.5h".parse::<Seconds>().unwrap().get(), 5400.0);
    }

    #[test]
    fn bits_per_byte_of_a_uniform_byte_is_eight() {
        let uniform = Nats::new(256f64.ln()).unwrap();
        assert!((uniform.to_bits_per_byte(1.0).unwrap().get() - 8.0).abs() < 1e-12);
    }
}
