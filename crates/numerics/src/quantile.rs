//! Quantiles of draws, and of a mixture of Student-t bells centred on them.

/// The `share` quantile of `sorted` values, linear between order statistics (Hyndman & Fan 1996, type 7); NaN when empty.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = share.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    if sorted[below] == sorted[above] {
        // Between two infinities there is no line.
        return sorted[below];
    }
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// The central interval of `values` that holds `level` of them, as (lower, upper).
pub fn central_interval(mut values: Vec<f64>, level: f64) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    (quantile(&values, 0.5 * (1.0 - level)), quantile(&values, 0.5 * (1.0 + level)))
}

/// The median of `values`; NaN when empty.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

/// Distribution function of Student's t with an even number of degrees of `freedom`, in closed form.
///
/// ```text
/// F(t) = 1/2 + w/2 Σ_j c_j (1 - w²)^j,    w = t/√(t² + ν),    c_0 = 1,  c_j = c_(j-1) (2j - 1)/(2j),    j < ν/2
/// ```
/// # Source
/// Abramowitz & Stegun 1964, 26.7.4.
pub fn student_cdf(t: f64, freedom: u32) -> f64 {
    debug_assert!(freedom.is_multiple_of(2), "the sum ends for even degrees of freedom only");
    let square = t * t + f64::from(freedom);
    let (w, rest) = (t / square.sqrt(), f64::from(freedom) / square);
    let (mut term, mut sum) = (1.0, 1.0);
    for j in 1..freedom / 2 {
        term *= rest * f64::from(2 * j - 1) / f64::from(2 * j);
        sum += term;
    }
    0.5 + 0.5 * w * sum
}

/// A Student-t bell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bell {
    /// Its centre.
    pub centre: f64,
    /// Its scale; zero is a point.
    pub scale: f64,
    /// Its degrees of freedom, an even number.
    pub freedom: u32,
}

impl Bell {
    /// Share of the bell below `x`; all or nothing of a point.
    pub fn share_below(&self, x: f64) -> f64 {
        if self.scale > 0.0 {
            student_cdf((x - self.centre) / self.scale, self.freedom)
        } else {
            f64::from(u8::from(self.centre <= x))
        }
    }
}

/// Share of an equal mixture of `bells` below `x`; NaN when there are none.
pub fn mixture_share_below(bells: &[Bell], x: f64) -> f64 {
    bells.iter().map(|bell| bell.share_below(x)).sum::<f64>() / bells.len() as f64
}

/// The `share` quantile of an equal mixture of `bells`; NaN when there are none.
///
/// A draw's doubt about the law and a new observation's noise add up this way without another layer of random numbers. Where all scales
/// are zero it is [`quantile`] of the centres.
pub fn mixture_quantile(bells: &[Bell], share: f64) -> f64 {
    let scale = bells.iter().map(|bell| bell.scale).fold(0.0, f64::max);
    let mut centres: Vec<f64> = bells.iter().map(|bell| bell.centre).collect();
    centres.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (centres.first(), centres.last()) else { return f64::NAN };
    if scale <= 0.0 {
        return quantile(&centres, share);
    }
    // Less than 2e-7 of a bell lies beyond 64 scales: the bracket holds every share a report asks for.
    let (mut low, mut high) = (first - 64.0 * scale, last + 64.0 * scale);
    // The width halves until it is lost in rounding.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if mixture_share_below(bells, middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_few_values() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(quantile(&values, 0.0), 1.0);
        assert_eq!(quantile(&values, 0.5), 2.5);
        assert_eq!(quantile(&values, 1.0), 4.0);
        assert!(quantile(&[], 0.5).is_nan());
        assert_eq!(quantile(&[1.0, f64::INFINITY, f64::INFINITY], 0.9), f64::INFINITY);
    }

    #[test]
    fn student_agrees_with_its_table() {
        // One-sided 95 % and two-sided 95 % points of t(4), t(8) and t(30).
        for (freedom, t95, t975) in
            [(4, 2.131_846_786, 2.776_445_105), (8, 1.859_548_038, 2.306_004_135), (30, 1.697_260_887, 2.042_272_456)]
        {
            assert!((student_cdf(t95, freedom) - 0.95).abs() < 1e-9, "{freedom}");
            assert!((student_cdf(-t975, freedom) - 0.025).abs() < 1e-9, "{freedom}");
        }
    }

    #[test]
    fn one_bell_has_its_own_quantiles() {
        let got = mixture_quantile(&[Bell { centre: 10.0, scale: 0.5, freedom: 4 }], 0.95);
        assert!((got - (10.0 + 0.5 * 2.131_846_786)).abs() < 1e-8, "{got}");
    }

    #[test]
    fn a_narrow_bell_changes_nothing() {
        let values: Vec<f64> = (0..1001).map(f64::from).collect();
        let bells: Vec<Bell> = values.iter().map(|centre| Bell { centre: *centre, scale: 1e-9, freedom: 4 }).collect();
        assert!((mixture_quantile(&bells, 0.25) - quantile(&values, 0.25)).abs() < 1.0);
    }
}
