//! From quantities to lengths on a page: a linear and a logarithmic scale.

/// Lengths beyond this many frames are as good as infinite; held to it they stay numbers.
const FAR: f64 = 1e4;

/// A map from `from..=to` (`from < to`) to lengths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    logarithmic: bool,
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// Equal ratios are equally long when `logarithmic` (the domain is positive then), else equal differences.
    pub(crate) fn new(logarithmic: bool, domain: (f64, f64), lengths: (f64, f64)) -> Self {
        Self { logarithmic, from: domain.0, to: domain.1, start: lengths.0, end: lengths.1 }
    }

    /// Where `value` lies; values that are no number have no place, and what is not positive lies below every logarithm.
    pub(crate) fn at(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        let share = if self.logarithmic {
            (value.max(0.0).ln() - self.from.ln()) / (self.to.ln() - self.from.ln())
        } else {
            // Halves, because the difference of the largest floats is none.
            (0.5 * value - 0.5 * self.from) / (0.5 * self.to - 0.5 * self.from)
        };
        Some(self.start + share.clamp(-FAR, FAR) * (self.end - self.start))
    }

    /// Whether `value` lies in the domain.
    pub(crate) fn holds(&self, value: f64) -> bool {
        (self.from..=self.to).contains(&value)
    }

    /// The ends of the domain.
    pub(crate) fn domain(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    /// Whether equal ratios are equally long.
    pub(crate) fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// The same lengths for a domain `factor` times as long, from the same beginning.
    pub(crate) fn extended(&self, factor: f64) -> Self {
        let to = if self.logarithmic {
            (self.from.ln() + factor * (self.to.ln() - self.from.ln())).exp()
        } else {
            self.from + factor * (self.to - self.from)
        };
        Self { to: if to.is_finite() { to } else { self.to }, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_domain_are_ends_on_the_page() {
        let scale = Scale::new(true, (1e3, 1e6), (10.0, 70.0));
        assert_eq!([scale.at(1e3), scale.at(1e6)], [Some(10.0), Some(70.0)]);
        assert!((scale.at(1e4).unwrap() - 30.0).abs() < 1e-9);
        assert_eq!(Scale::new(false, (1.0, 3.0), (100.0, 0.0)).at(1.5), Some(75.0));
    }

    #[test]
    fn every_number_has_a_finite_place() {
        for scale in [
            Scale::new(true, (1e-308, 1e308), (0.0, 9.0)),
            Scale::new(false, (-1.7e308, 1.7e308), (9.0, 0.0)),
            Scale::new(false, (1.0, 1.000_000_001), (0.0, 9.0)),
        ] {
            for value in [f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, f64::MAX, f64::MIN_POSITIVE] {
                assert!(scale.at(value).unwrap().is_finite(), "{scale:?} {value}");
            }
            assert_eq!(scale.at(f64::NAN), None);
        }
    }

    #[test]
    fn an_extended_scale_moves_its_end_inwards() {
        let scale = Scale::new(true, (1.0, 100.0), (0.0, 60.0)).extended(1.5);
        assert!((scale.at(100.0).unwrap() - 40.0).abs() < 1e-9);
    }
}
