//! Ticks at 1, 2 and 5, as many as there is room for.

use super::axis::Axis;
use super::scale::Scale;

/// A tick: where it stands, and its label where it has one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: Option<String>,
}

/// Over more decades than this 2 and 5 of each are a crowd.
const CROWDED: f64 = 4.2;
/// A logarithmic range of a smaller ratio has ticks at equal differences.
const FEW: f64 = 6.0;
/// Spaces between the ticks of a linear axis, at most.
const SPACES: f64 = 6.0;
/// Most ticks of an axis.
const MOST: usize = 60;

/// The ticks of `axis` on `scale`, in rising order; `needs` is the length that a label takes along the axis with the gap to the next.
pub(crate) fn ticks(axis: &Axis, scale: &Scale, needs: &dyn Fn(&str) -> f64) -> Vec<Tick> {
    if let Some(given) = &axis.ticks {
        return thinned(given.iter().filter(|(value, _)| scale.holds(*value)), scale, needs);
    }
    let (low, high) = scale.domain();
    if scale.is_logarithmic() && high / low >= FEW {
        let ticks = logarithmic(axis, scale, needs);
        if ticks.iter().filter(|tick| tick.label.is_some()).count() > 1 {
            return ticks;
        }
    }
    linear(axis, scale, needs)
}

/// Ticks given with their labels, less the labels that would overlap the one before.
fn thinned<'a>(
    given: impl Iterator<Item = &'a (f64, String)>,
    scale: &Scale,
    needs: &dyn Fn(&str) -> f64,
) -> Vec<Tick> {
    let mut ticks: Vec<Tick> = Vec::new();
    let mut last: Option<(f64, f64)> = None;
    for (value, label) in given {
        let Some(at) = scale.at(*value) else { continue };
        let half = 0.5 * needs(label);
        let free = last.is_none_or(|(before, half_before)| (at - before).abs() >= half + half_before);
        if free {
            last = Some((at, half));
        }
        ticks.push(Tick { value: *value, label: free.then(|| label.clone()) });
    }
    ticks
}

/// Whether labelled ticks leave each other room.
fn fit(ticks: &[Tick], scale: &Scale, needs: &dyn Fn(&str) -> f64) -> bool {
    let labelled: Vec<(f64, f64)> =
        ticks.iter().filter_map(|tick| Some((scale.at(tick.value)?, 0.5 * needs(tick.label.as_deref()?)))).collect();
    labelled.windows(2).all(|pair| (pair[1].0 - pair[0].0).abs() >= pair[0].1 + pair[1].1)
}

/// Steps of 1, 2 or 5 times a power of ten, at most six of them.
fn linear(axis: &Axis, scale: &Scale, needs: &dyn Fn(&str) -> f64) -> Vec<Tick> {
    let (low, high) = scale.domain();
    let rough = high / SPACES - low / SPACES;
    let power = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0].map(|multiple| multiple * power);
    let mut ticks = Vec::new();
    for step in steps.into_iter().filter(|step| *step >= rough && step.is_finite()) {
        let first = (low / step).ceil();
        ticks = (0..MOST)
            .map(|number| (first + number as f64) * step)
            .take_while(|value| *value <= high)
            // Nothing but zero is so near to zero.
            .map(|value| if value.abs() < 1e-9 * step { 0.0 } else { value })
            .filter(|value| scale.holds(*value))
            .map(|value| Tick { value, label: Some(axis.quantity.label(value, Some(step))) })
            .collect();
        if fit(&ticks, scale, needs) {
            break;
        }
    }
    ticks
}

/// 1, 2 and 5 of every decade, or the decades, or every so many decades: the first of which the labels leave each other room.
fn logarithmic(axis: &Axis, scale: &Scale, needs: &dyn Fn(&str) -> f64) -> Vec<Tick> {
    let (low, high) = scale.domain();
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let all = |every: i32, digits: &'static [f64]| -> Vec<Tick> {
        (first..=last)
            .filter(|decade| decade.rem_euclid(every) == 0)
            .flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)))
            .filter(|value| scale.holds(*value))
            .map(|value| Tick { value, label: Some(axis.quantity.label(value, None)) })
            .collect()
    };
    let decades = high.log10() - low.log10();
    if decades <= CROWDED {
        let ticks = all(1, &[1.0, 2.0, 5.0]);
        if fit(&ticks, scale, needs) {
            return ticks;
        }
    }
    for every in [1, 2, 3, 5, 10, 20, 50, 100, 200] {
        let labelled = all(every, &[1.0]);
        if labelled.len() > MOST || !fit(&labelled, scale, needs) {
            continue;
        }
        if every > 1 {
            return labelled;
        }
        let with_minor = all(1, &[1.0, 2.0, 5.0]);
        let is_labelled = |tick: &Tick| labelled.iter().any(|other| other.value == tick.value);
        return with_minor
            .into_iter()
            .map(|tick| if is_labelled(&tick) { tick } else { Tick { label: None, ..tick } })
            .collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Quantity;

    fn labels(quantity: Quantity, logarithmic: bool, domain: (f64, f64), length: f64) -> Vec<String> {
        let axis = if logarithmic { Axis::logarithmic("a", quantity) } else { Axis::linear("a", quantity) };
        let scale = Scale::new(logarithmic, domain, (0.0, length));
        let ticks = ticks(&axis, &scale, &|text| 8.0 * text.len() as f64);
        ticks.into_iter().filter_map(|tick| tick.label).collect()
    }

    #[test]
    fn sizes_are_marked_at_1_2_and_5() {
        let sizes = |domain, length| labels(Quantity::Count, true, domain, length);
        assert_eq!(sizes((80e3, 2.5e6), 600.0), ["100K", "200K", "500K", "1M", "2M"]);
        assert_eq!(sizes((4e6, 2e11), 600.0), ["10M", "100M", "1B", "10B", "100B"]);
        assert_eq!(sizes((80e3, 12e6), 150.0), ["100K", "1M", "10M"]);
        assert_eq!(sizes((1e3, 1e12), 120.0), ["1K", "1M", "1B", "1T"]);
    }

    #[test]
    fn losses_are_marked_at_round_numbers() {
        let losses = |domain, length| labels(Quantity::Plain, false, domain, length);
        assert_eq!(losses((1.93, 3.1), 400.0), ["2.0", "2.2", "2.4", "2.6", "2.8", "3.0"]);
        assert_eq!(losses((1.93, 3.1), 100.0), ["2.0", "2.5", "3.0"]);
        assert_eq!(losses((2.4012, 2.4101), 400.0), ["2.402", "2.404", "2.406", "2.408", "2.410"]);
        assert_eq!(
            losses((-0.25, 0.31), 400.0),
            ["-0.2", "-0.1", "0.0", "0.1", "0.2", "0.3"].map(|text| { if text == "0.0" { "0" } else { text } })
        );
    }

    #[test]
    fn a_short_logarithmic_range_has_even_steps() {
        assert_eq!(labels(Quantity::Factor, true, (0.5, 2.7), 400.0), ["0.5x", "1.0x", "1.5x", "2.0x", "2.5x"]);
    }

    #[test]
    fn given_ticks_keep_as_many_labels_as_fit() {
        let given = (0..5).map(|step| (f64::from(step), format!("step {step}"))).collect();
        let axis = Axis::linear("a", Quantity::Plain).with_ticks(given);
        let shown = |length: f64| {
            let scale = Scale::new(false, (0.0, 4.0), (0.0, length));
            let ticks = ticks(&axis, &scale, &|text| 10.0 * text.len() as f64);
            assert_eq!(ticks.len(), 5);
            ticks.into_iter().filter_map(|tick| tick.label).count()
        };
        assert_eq!([shown(400.0), shown(200.0), shown(90.0)], [5, 3, 2]);
    }

    #[test]
    fn zero_is_no_tick_of_a_logarithmic_axis() {
        let axis = Axis::logarithmic("a", Quantity::Plain);
        let scale = Scale::new(true, (f64::MIN_POSITIVE, 3.0), (0.0, 90.0));
        let ticks = ticks(&axis, &scale, &|_| 80.0);
        assert!(!ticks.is_empty() && ticks.iter().all(|tick| tick.value > 0.0), "{ticks:?}");
    }

    #[test]
    fn no_range_breaks_the_ticks() {
        for (low, high) in
            [(1e-300, 1e300), (5e-324, 1e-323), (1.0, 1.000_000_1), (1e15, 1.000_01e15), (3e-9, 4e-9), (1e300, 1.7e308)]
        {
            for logarithmic in [false, true] {
                for length in [0.0, 10.0, 700.0] {
                    for quantity in [Quantity::Count, Quantity::Compute, Quantity::Share, Quantity::Dollars] {
                        assert!(labels(quantity, logarithmic, (low, high), length).len() <= MOST);
                    }
                }
            }
        }
    }
}
