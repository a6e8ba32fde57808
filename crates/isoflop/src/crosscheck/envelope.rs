//! Approach 1: the lower envelope of loss over compute, through final losses, and through whole training curves.
//!
//! Hoffmann et al. 2022 draw it through whole training curves at 1,500 values of compute. A table of runs has the ends of the curves only,
//! so the envelope that checks a law is made of the runs that no cheaper run beats.

use isoflop_numerics::elementary::{exp, ln};

use super::{Measurement, Optimum, Seen};

/// The runs that no run of the same or less compute beats, ascending in compute.
pub(super) fn optima(measurements: &[Measurement]) -> Seen {
    let mut order: Vec<&Measurement> = measurements.iter().collect();
    order.sort_by(|a, b| a.flops.total_cmp(&b.flops).then(a.loss.total_cmp(&b.loss)));
    let mut optima: Vec<Optimum> = Vec::new();
    for run in order {
        if optima.last().is_none_or(|best| run.loss < best.loss) {
            optima.push(Optimum {
                flops: run.flops,
                params: exp(run.ln_params),
                tokens: exp(run.ln_tokens),
                loss: run.loss,
            });
        }
    }
    (optima, Vec::new())
}

/// A point of the lower envelope of training curves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnvelopePoint {
    /// Training compute, FLOP.
    pub flops: f64,
    /// The lowest loss that any curve has there, nats per token.
    pub loss: f64,
    /// Which curve has it.
    pub curve: usize,
    /// Share of that curve's compute that is done there: a schedule is annealed at 1 only.
    pub done: f64,
}

/// The lower envelope of training `curves`, each `(FLOP, loss)` in rising compute, at `count` values of compute equally far apart in logarithm.
///
/// Between its points a curve is a straight line in ln compute; beyond its ends it is not there. Points that are no positive number are not
/// there either.
///
/// # Source
/// Hoffmann et al. 2022, arXiv:2203.15556, section 3.1.
///
/// # Trust
/// Before the end of its schedule a run's loss is above what an annealed run of as much compute reaches, so the envelope is too high wherever
/// `done` is below 1: look at it, and fit the ends.
///
/// # Example
/// ```
/// use isoflop::crosscheck::training_envelope;
/// let small = vec![(1.0, 3.0), (4.0, 2.5)];
/// let large = vec![(2.0, 3.5), (16.0, 2.0)];
/// let envelope = training_envelope(&[small, large], 5);
/// assert_eq!(envelope.iter().map(|point| point.curve).collect::<Vec<_>>(), [0, 0, 0, 1, 1]);
/// assert_eq!((envelope[2].flops, envelope[2].loss, envelope[2].done), (4.0, 2.5, 1.0));
/// ```
pub fn training_envelope(curves: &[Vec<(f64, f64)>], count: usize) -> Vec<EnvelopePoint> {
    let whole =
        |(flops, loss): &(f64, f64)| [flops, loss].into_iter().all(|number| *number > 0.0 && number.is_finite());
    let curves: Vec<Vec<(f64, f64)>> = curves
        .iter()
        .map(|curve| curve.iter().filter(|point| whole(point)).map(|(flops, loss)| (ln(*flops), *loss)).collect())
        .collect();
    let ends = || curves.iter().filter_map(|curve| Some((curve.first()?.0, curve.last()?.0)));
    let (first, last) =
        ends().fold((f64::INFINITY, f64::NEG_INFINITY), |all, end| (all.0.min(end.0), all.1.max(end.1)));
    let steps = count.saturating_sub(1).max(1);
    let lowest = |step: usize| {
        // The ends themselves, so that rounding does not put them beyond their curves.
        let at = if step == steps { last } else { first + (last - first) * step as f64 / steps as f64 };
        let there = curves.iter().enumerate().filter_map(|(curve, points)| {
            let loss = between(points, at)?;
            Some(EnvelopePoint { flops: exp(at), loss, curve, done: exp(at - points.last()?.0) })
        });
        there.min_by(|one, other| one.loss.total_cmp(&other.loss))
    };
    (0..count).filter_map(lowest).collect()
}

/// The height of a broken line at `at`; `None` beyond its ends.
fn between(points: &[(f64, f64)], at: f64) -> Option<f64> {
    let after = points.partition_point(|(x, _)| *x < at);
    let (to, height) = *points.get(after)?;
    if to == at {
        return Some(height);
    }
    let (from, before) = *points.get(after.checked_sub(1)?)?;
    Some(before + (height - before) * (at - from) / (to - from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_lies_below_every_curve_and_on_one_of_them() {
        let curve = |size: f64| -> Vec<(f64, f64)> {
            (1..60)
                .map(|step| size * 1e15 * f64::from(step))
                .map(|flops| (flops, 1.5 + 3.0 / size.powf(0.3) + 1e5 * (flops / size).powf(-0.35)))
                .collect()
        };
        let curves = [1.0, 4.0, 16.0].map(curve);
        let envelope = training_envelope(&curves, 300);
        assert_eq!(envelope.len(), 300);
        assert!(envelope.windows(2).all(|pair| pair[0].flops < pair[1].flops && pair[0].curve <= pair[1].curve));
        for point in &envelope {
            assert!(point.done > 0.0 && point.done <= 1.0 + 1e-12, "{point:?}");
            for (index, curve) in curves.iter().enumerate() {
                let logs: Vec<(f64, f64)> = curve.iter().map(|(flops, loss)| (ln(*flops), *loss)).collect();
                let Some(loss) = between(&logs, ln(point.flops)) else { continue };
                assert!(point.loss <= loss + 1e-12);
                assert!(index != point.curve || (point.loss - loss).abs() < 1e-9);
            }
        }
        assert_eq!(envelope.last().map(|point| point.curve), Some(2));
    }

    #[test]
    fn what_is_no_number_is_no_part_of_a_curve() {
        let curves = [vec![(1.0, f64::NAN), (2.0, 3.0), (0.0, 1.0), (4.0, 2.0)], Vec::new()];
        let envelope = training_envelope(&curves, 3);
        assert_eq!(envelope.first().map(|point| point.loss), Some(3.0));
        assert!(training_envelope(&[], 9).is_empty());
    }

    #[test]
    fn a_run_that_a_cheaper_one_beats_is_not_on_the_envelope() {
        let run = |flops: f64, loss: f64| Measurement { flops, ln_params: 1.0, ln_tokens: 2.0, loss };
        let runs = [run(3.0, 2.5), run(1.0, 3.0), run(2.0, 3.1), run(1.0, 3.2), run(4.0, 2.4)];
        let losses: Vec<f64> = optima(&runs).0.iter().map(|optimum| optimum.loss).collect();
        assert_eq!(losses, [3.0, 2.5, 2.4]);
    }
}
