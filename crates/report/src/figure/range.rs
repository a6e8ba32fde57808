//! The ranges of axes, from the marks.

use super::Panel;
use super::axis::{Axis, Direction};
use super::mark::{Extent, Mark, Shape};

/// A value above the bulk of the others by more than this share of their range is beyond the frame.
const STRETCH: f64 = 0.6;
/// With fewer values there is no bulk.
const BULK: usize = 8;
/// Empty share of a range beyond its outermost marks.
const MARGIN: f64 = 0.05;
/// A smaller share of their size between the outermost values is rounding.
const ROUNDING: f64 = 1e-9;
/// Differences below this are none, so that steps between ticks keep their digits.
const NOTHING: f64 = 1e-290;
/// Share of its size around a single value.
const AROUND: f64 = 0.05;

/// The ends of the axis in `direction`, always two different finite numbers in order, above zero on a logarithmic axis.
pub(super) fn range(panel: &Panel, direction: Direction) -> (f64, f64) {
    let axis = panel.axis(direction);
    let extent = |mark: &Mark| match direction {
        Direction::Across => mark.across,
        Direction::Upwards => mark.upwards,
    };
    let of_extent = |wanted: Extent| -> Vec<f64> {
        let marks = panel.marks.iter().filter(|mark| extent(mark) == wanted);
        marks.flat_map(|mark| values(mark, direction)).filter(|value| axis.places(*value)).collect()
    };
    let reached = of_extent(Extent::All).into_iter().chain(bulk(of_extent(Extent::Bulk)));
    let ends = reached.fold(None, |ends: Option<(f64, f64)>, value| {
        Some(ends.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    });
    let padded = ends.map(|ends| padded(axis, ends));
    let given = axis.at_least.filter(|given| is_range(axis, *given));
    let (mut low, mut high) = match (padded, given) {
        (Some(marks), Some(given)) => (marks.0.min(given.0), marks.1.max(given.1)),
        (Some(ends), None) | (None, Some(ends)) => ends,
        (None, None) if axis.logarithmic => (1.0, 10.0),
        (None, None) => (0.0, 1.0),
    };
    if let Some(most) = axis.at_most.filter(|most| is_range(axis, *most)) {
        (low, high) = (low.max(most.0), high.min(most.1));
        if !is_range(axis, (low, high)) {
            return most;
        }
    }
    (low, high)
}

/// Whether the ends are in order, have places, and are far enough apart for steps between them to keep their digits.
fn is_range(axis: &Axis, (low, high): (f64, f64)) -> bool {
    let placed = axis.places(low) && axis.places(high) && low < high;
    placed && if axis.logarithmic { high.ln() - low.ln() > ROUNDING } else { !is_one_value(low, high) }
}

/// Whether two numbers differ by no more than rounding.
fn is_one_value(low: f64, high: f64) -> bool {
    // Halves, because the difference of the largest floats is none.
    let span = 0.5 * high - 0.5 * low;
    span <= ROUNDING * low.abs().max(high.abs()) || span < NOTHING
}

/// Values without those far above the others.
fn bulk(mut values: Vec<f64>) -> Vec<f64> {
    if values.len() < BULK {
        return values;
    }
    values.sort_by(f64::total_cmp);
    // Where the bulk ends: the 97th percentile, or the second highest of few.
    let last = values[(values.len() * 97 / 100).min(values.len() - 2)];
    let limit = last + STRETCH * (last - values[0]);
    values.retain(|value| *value <= limit);
    values
}

/// The range with room at both ends.
fn padded(axis: &Axis, (low, high): (f64, f64)) -> (f64, f64) {
    let one_value = is_one_value(low, high);
    if axis.logarithmic {
        let (low, high) = if one_value { (low / 2.0, high * 2.0) } else { (low, high) };
        let room = (MARGIN * (high.ln() - low.ln())).exp();
        return ((low / room).max(f64::MIN_POSITIVE), (high * room).min(f64::MAX));
    }
    let room = match (one_value, low.abs()) {
        (true, size) if size < NOTHING => 1.0,
        (true, size) => AROUND * size,
        (false, _) => MARGIN * high - MARGIN * low,
    };
    ((low - room).max(f64::MIN), (high + room).min(f64::MAX))
}

/// Everything of a mark that has a place on the axis in `direction`.
fn values(mark: &Mark, direction: Direction) -> Vec<f64> {
    let across = direction == Direction::Across;
    let pick = |(x, y): (f64, f64)| if across { x } else { y };
    let ends = |(low, high): (f64, f64)| [low, high];
    match &mark.shape {
        Shape::Line { points, .. } | Shape::Region { outline: points, .. } => {
            points.iter().copied().map(pick).collect()
        }
        Shape::Band(points) if across => points.iter().map(|(x, ..)| *x).collect(),
        Shape::Band(points) => points.iter().flat_map(|(_, low, high)| [*low, *high]).collect(),
        Shape::Range { direction: own, from, to } if *own == direction => vec![*from, *to],
        Shape::Rule { direction: own, at, .. } if *own == direction => vec![*at],
        Shape::Range { .. } | Shape::Rule { .. } => Vec::new(),
        Shape::Dots { dots, .. } => dots
            .iter()
            .flat_map(|dot| {
                let interval = if across { dot.x_interval } else { dot.y_interval };
                std::iter::once(pick((dot.x, dot.y))).chain(interval.into_iter().flat_map(ends))
            })
            .collect(),
        Shape::Cells(cells) => {
            cells.iter().flat_map(|cell| ends(if across { cell.across } else { cell.upwards })).collect()
        }
        Shape::Words { x, y } => vec![pick((*x, *y))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Color, Dot, Marker, Quantity};

    fn dots(values: &[f64]) -> Mark {
        let dots = values.iter().map(|value| Dot::at(1.0, *value)).collect();
        Mark::dots("runs", Color::Ink, Marker::Circle, dots)
    }

    fn upwards(axis: Axis, marks: Vec<Mark>) -> (f64, f64) {
        let mut panel = Panel::new(Axis::linear("x", Quantity::Plain), axis);
        panel.marks = marks;
        panel.range(Direction::Upwards)
    }

    fn linear() -> Axis {
        Axis::linear("loss", Quantity::Plain)
    }

    #[test]
    fn marks_stretch_the_axis_with_a_margin() {
        assert_eq!(upwards(linear(), vec![dots(&[2.0, 3.0])]), (1.95, 3.05));
        let interval = Mark::dots("a", Color::Ink, Marker::Circle, vec![Dot::at(1.0, 2.5).upwards(1.0, f64::INFINITY)]);
        assert_eq!(upwards(linear(), vec![dots(&[2.0, 3.0]), interval]), (0.9, 3.1));
    }

    #[test]
    fn what_must_not_stretch_it_does_not() {
        let far = dots(&[90.0]).stretching(Extent::All, Extent::Nothing);
        let rule = Mark::rule("floor", Color::Muted, Direction::Upwards, -7.0);
        assert_eq!(upwards(linear(), vec![dots(&[2.0, 3.0]), far, rule]), (1.95, 3.05));
    }

    #[test]
    fn a_few_far_above_the_bulk_stay_outside() {
        let losses = [2.0, 2.1, 2.2, 2.3, 2.4, 2.6, 2.8, 3.0, 9.0];
        let bulk = upwards(linear(), vec![dots(&losses).stretching(Extent::All, Extent::Bulk)]);
        assert_eq!(bulk, (1.95, 3.05));
        let few = upwards(linear(), vec![dots(&losses[5..]).stretching(Extent::All, Extent::Bulk)]);
        assert!(few.1 > 9.0, "{few:?}");
    }

    #[test]
    fn an_axis_holds_what_it_is_told() {
        assert_eq!(upwards(linear().exactly(0.0, 1.0), vec![dots(&[2.0, 3.0])]), (0.0, 1.0));
        assert_eq!(upwards(linear().at_least(0.0, 1.0), vec![dots(&[0.5])]), (0.0, 1.0));
        assert_eq!(upwards(linear().at_most(0.0, 2.5), vec![dots(&[2.0, 3.0])]), (1.95, 2.5));
    }

    #[test]
    fn a_range_too_short_to_be_one_is_not_asked_for() {
        for (low, high) in [(0.0, 5e-324), (1.0, 1.0 + f64::EPSILON), (3.0, 3.0), (4.0, 2.0), (f64::NAN, 1.0)] {
            assert_eq!(upwards(linear().exactly(low, high), vec![dots(&[2.0, 3.0])]), (1.95, 3.05));
        }
        let high = f64::from_bits(1e300f64.to_bits() + 1);
        assert_eq!(upwards(Axis::logarithmic("N", Quantity::Count).exactly(1e300, high), Vec::new()), (1.0, 10.0));
    }

    #[test]
    fn every_panel_has_a_range() {
        let logarithmic = || Axis::logarithmic("N", Quantity::Count);
        assert_eq!(upwards(linear(), Vec::new()), (0.0, 1.0));
        assert_eq!(upwards(logarithmic(), vec![dots(&[0.0, -1.0, f64::NAN])]), (1.0, 10.0));
        for values in [&[2.0, 2.0][..], &[0.0], &[f64::MAX, f64::MIN], &[f64::MAX], &[5e-324], &[f64::INFINITY]] {
            for axis in [linear(), logarithmic()] {
                let (low, high) = upwards(axis, vec![dots(values)]);
                assert!(low < high && low.is_finite() && high.is_finite(), "{values:?}: {low} {high}");
            }
        }
    }
}
