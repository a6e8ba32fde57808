//! What the same loss would cost some years later, if algorithms go on improving: an assumption beside the fit, never part of it.

use isoflop_numerics::elementary::{exp, ln};
use serde::{Deserialize, Serialize};

use super::Plan;
use super::error::{FORESEEABLE, ProblemError};
use crate::fit::Estimate;
use crate::hardware::Uncertain;

/// By how much less compute a loss takes each year, and for how many years that is believed.
///
/// # Source
/// Ho et al. 2024, arXiv:2403.05812: the compute for a loss halves every 8.4 months, 2.7 times a year, with a 95 % interval of 4.5 to 14.3
/// months, 1.8 to 6.3 times a year. Gundlach et al. 2025, arXiv:2511.21622, find most of it to be a matter of scale: small runs gain less.
///
/// # Trust
/// Secondary. That the past goes on is a belief.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Years.
    pub years: f64,
    /// Factor each year; a range holds nine times in ten.
    pub yearly: Uncertain,
}

impl Default for Progress {
    /// One year at Ho et al.'s lower end, 1.8, to as far above their middle, 4: what was found since lies lower, not higher.
    fn default() -> Self {
        Self { years: 1.0, yearly: Uncertain::known_range(1.8, 4.0) }
    }
}

/// The same loss, later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Later {
    /// Years.
    pub years: f64,
    /// How many times less compute it takes; all intervals here hold nine times in ten and are over the rate of progress alone.
    pub cheaper: Estimate,
    /// Training compute, of today's algorithms for the same loss divided by that.
    pub flops: Estimate,
    /// Dollars at today's prices, where devices are rented.
    pub usd: Option<Estimate>,
    /// The rate assumed.
    pub yearly: String,
}

impl Plan {
    /// The plan with what its loss would cost later.
    ///
    /// ```text
    /// C(t) = C / g^t
    /// ```
    ///
    /// # Errors
    /// [`ProblemError::NotPositive`] unless the years are positive, [`ProblemError::TooManyYears`] beyond what is foreseeable,
    /// [`ProblemError::NotProgress`] where losses are to take more compute each year.
    ///
    /// # Example
    /// ```
    /// use isoflop::plan::Progress;
    /// use isoflop::{Fit, Flops, law::published};
    /// let plan = Fit::from_published(published("besiroglu2024").unwrap()).plan(Flops::new(1e24)?, None, 0.9)?;
    /// let later = plan.with_progress(&Progress { years: 2.0, yearly: 3.0.into() })?.later.unwrap();
    /// assert!((later.flops.value / 1e24 * 9.0 - 1.0).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_progress(mut self, progress: &Progress) -> Result<Self, ProblemError> {
        let Progress { years, yearly } = *progress;
        if !(years > 0.0 && years.is_finite()) {
            return Err(ProblemError::NotPositive { quantity: "the number of years", value: years });
        }
        if years > FORESEEABLE {
            return Err(ProblemError::TooManyYears(years));
        }
        let [lo, hi] = yearly.ends();
        if !(lo >= 1.0 && hi.is_finite()) {
            return Err(ProblemError::NotProgress(yearly));
        }
        let cheaper = [yearly.price(0.0), lo, hi].map(|yearly| exp(years * ln(yearly)));
        let over = |today: f64| divided(today, cheaper);
        self.later = Some(Later {
            years,
            cheaper: Estimate { value: cheaper[0], lo: Some(cheaper[1]), hi: Some(cheaper[2]) },
            flops: over(self.flops.value),
            usd: self.cost.usd.map(over),
            yearly: yearly.to_string(),
        });
        Ok(self)
    }
}

/// Today's amount over a factor in its middle, at its lower and at its upper end.
fn divided(today: f64, [middle, lo, hi]: [f64; 3]) -> Estimate {
    Estimate { value: today / middle, lo: Some(today / hi), hi: Some(today / lo) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::published;
    use crate::{Fit, Flops};

    /// 1.8 and 4 times a year for three years: 5.832 and 64 times, 2.683 in the middle.
    #[test]
    fn years_multiply() {
        let plan = Fit::from_published(published("besiroglu2024").unwrap()).plan(Flops::new(1e24).unwrap(), None, 0.9);
        let plan = plan.unwrap();
        let later = plan.clone().with_progress(&Progress { years: 3.0, ..Progress::default() }).unwrap().later.unwrap();
        let near = |value: Option<f64>, expected: f64| assert!((value.unwrap() / expected - 1.0).abs() < 1e-12);
        near(later.cheaper.lo, 5.832);
        near(later.cheaper.hi, 64.0);
        near(Some(later.cheaper.value), 7.2f64.powf(1.5));
        near(later.flops.lo, 1e24 / 64.0);
        near(later.flops.hi, 1e24 / 5.832);
        assert_eq!(later.usd, None);
        for years in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert!(plan.clone().with_progress(&Progress { years, ..Progress::default() }).is_err());
        }
        for yearly in [0.0, 0.5, -2.0, f64::NAN, f64::INFINITY] {
            let error = plan.clone().with_progress(&Progress { years: 2.0, yearly: yearly.into() }).unwrap_err();
            assert!(matches!(error, ProblemError::NotProgress(_)), "{error}");
        }
    }
}
