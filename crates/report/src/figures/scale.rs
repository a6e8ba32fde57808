//! From quantities to pixels: a linear and a logarithmic scale, each with ticks at 1, 2 and 5.

use isoflop::Params;

/// A tick: where it stands, and its label where it has one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: Option<String>,
}

/// A map from `from..=to` (`from < to`) to pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    logarithmic: bool,
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// Equal differences are equally long.
    pub(crate) fn linear(domain: (f64, f64), pixels: (f64, f64)) -> Self {
        Self { logarithmic: false, from: domain.0, to: domain.1, start: pixels.0, end: pixels.1 }
    }

    /// Equal ratios are equally long; the domain is positive.
    pub(crate) fn logarithmic(domain: (f64, f64), pixels: (f64, f64)) -> Self {
        Self { logarithmic: true, from: domain.0, to: domain.1, start: pixels.0, end: pixels.1 }
    }

    /// Where `value` lies, in pixels.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        self.start + share * (self.end - self.start)
    }

    /// Whether `value` lies in the domain.
    pub(crate) fn holds(&self, value: f64) -> bool {
        (self.from..=self.to).contains(&value)
    }

    /// The ends of the domain.
    pub(crate) fn domain(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    /// Ticks inside the domain, in rising order.
    pub(crate) fn ticks(&self) -> Vec<Tick> {
        if self.logarithmic { self.logarithmic_ticks() } else { self.linear_ticks() }
    }

    /// Steps of 1, 2 or 5 times a power of ten, about six of them.
    fn linear_ticks(&self) -> Vec<Tick> {
        let rough = (self.to - self.from) / 6.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|multiple| multiple * power).find(|step| *step >= rough);
        let step = step.unwrap_or(10.0 * power);
        let places = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        let first = (self.from / step).ceil();
        (0..40)
            .map(|number| (first + f64::from(number)) * step)
            .take_while(|value| *value <= self.to)
            .map(|value| Tick { value, label: Some(format!("{value:.places$}")) })
            .collect()
    }

    /// 1, 2 and 5 of every decade; over many decades only the 1s are labelled.
    fn logarithmic_ticks(&self) -> Vec<Tick> {
        let decades = (self.to / self.from).log10();
        let first = self.from.log10().floor() as i32;
        let last = self.to.log10().ceil() as i32;
        (first..=last)
            .flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| (digit, digit * 10f64.powi(decade))))
            .filter(|(_, value)| self.holds(*value))
            .map(|(digit, value)| {
                let labelled = digit == 1.0 || decades <= 4.2;
                let label = Params::new(value).ok().filter(|_| labelled).map(|count| format!("{count:.3}"));
                Tick { value, label }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> Vec<String> {
        scale.ticks().into_iter().filter_map(|tick| tick.label).collect()
    }

    #[test]
    fn sizes_are_marked_at_1_2_and_5() {
        let scale = Scale::logarithmic((80e3, 2.5e6), (0.0, 100.0));
        assert_eq!(labels(&scale), ["100K", "200K", "500K", "1M", "2M"]);
        assert_eq!(labels(&Scale::logarithmic((4e6, 2e11), (0.0, 100.0))), ["10M", "100M", "1B", "10B", "100B"]);
    }

    #[test]
    fn losses_are_marked_at_round_numbers() {
        assert_eq!(labels(&Scale::linear((1.93, 3.1), (100.0, 0.0))), ["2.0", "2.2", "2.4", "2.6", "2.8", "3.0"]);
        assert_eq!(
            labels(&Scale::linear((2.4012, 2.4101), (100.0, 0.0))),
            ["2.402", "2.404", "2.406", "2.408", "2.410"]
        );
    }

    #[test]
    fn ends_of_the_domain_are_ends_in_pixels() {
        let scale = Scale::logarithmic((1e3, 1e6), (10.0, 70.0));
        assert_eq!([scale.at(1e3), scale.at(1e6)], [10.0, 70.0]);
        assert!((scale.at(1e4) - 30.0).abs() < 1e-9);
        assert_eq!(Scale::linear((1.0, 3.0), (100.0, 0.0)).at(1.5), 75.0);
    }
}
