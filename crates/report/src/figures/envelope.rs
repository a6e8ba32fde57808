//! Training curves of many runs over compute, and the lowest loss that any of them has there.

use std::collections::BTreeMap;

use isoflop::crosscheck::{EnvelopePoint, training_envelope};
use isoflop::{Run, Runs};

use crate::board::Curve;
use crate::escape;
use crate::figure::{Axis, Color, Dot, Extent, Figure, Label, Mark, Marker, Panel, Quantity, Side, Size, Weight};
use crate::numbers;

use super::shared;

/// The training of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingCurve {
    /// Its name.
    pub name: String,
    /// Parameters.
    pub params: f64,
    /// Training FLOP and loss, in rising compute.
    pub points: Vec<(f64, f64)>,
}

impl TrainingCurve {
    /// The curve of a run whose `losses` are those of single batches, each with the FLOP until then: means over batches within a factor of
    /// 1.25 of compute, for the lowest of many noisy curves would be noise.
    pub fn of_batches(name: String, params: f64, losses: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut thinned = Curve::default();
        losses.for_each(|(flops, loss)| thinned.push(flops, loss));
        let near = |flops: f64| {
            let of =
                thinned.points().iter().filter(move |(other, _)| (flops / WINDOW..=flops * WINDOW).contains(other));
            let (sum, count) = of.fold((0.0, 0u32), |(sum, count), (_, loss)| (sum + loss, count + 1));
            sum / f64::from(count)
        };
        let points = thinned.points().iter().map(|(flops, _)| (*flops, near(*flops))).collect();
        Self { name, params, points }
    }

    /// The curves of a table with a row for each checkpoint: rows with one value of the column `by` are one run; `None` where a row has no such
    /// column.
    pub fn of_checkpoints(runs: &Runs, by: &str) -> Option<Vec<Self>> {
        let mut curves: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
        for run in &runs.kept {
            let name = if by == "run" { Some(&run.name) } else { run.covariates.get(by) };
            curves.entry(name?).or_default().push(run);
        }
        let curve = |(name, mut rows): (&str, Vec<&Run>)| {
            rows.sort_by(|one, other| one.flops.get().total_cmp(&other.flops.get()));
            let params = rows.first().map_or(f64::NAN, |run| run.params.get());
            let points = rows.iter().map(|run| (run.flops.get(), run.loss.get())).collect();
            Self { name: name.to_owned(), params, points }
        };
        Some(curves.into_iter().map(curve).collect())
    }

    /// The compute of its last point.
    fn end(&self) -> f64 {
        self.points.last().map_or(0.0, |(flops, _)| *flops)
    }

    /// The same without its first steep fall.
    fn without_beginning(&self) -> Self {
        let points = self.points.iter().copied().filter(|(flops, _)| *flops >= BEGINNING * self.end()).collect();
        Self { points, ..self.clone() }
    }
}

/// Points of the envelope.
const SAMPLES: usize = 240;
/// A schedule counts as annealed from this share of its compute on.
const ANNEALED: f64 = 0.97;
/// What comes before this share of a run's compute is one steep fall.
const BEGINNING: f64 = 0.02;
/// Batches within this factor of compute are averaged.
const WINDOW: f64 = 1.25;
/// Runs of one budget end at compute that differs by less than this factor.
const ONE_END: f64 = 1.1;
/// Sizes this close, relatively, are one.
const SAME_SIZE: f64 = 0.01;

/// Training compute across, training loss upwards, both in logarithms: a thin curve for each run, coloured by size, and their envelope, dashed
/// wherever it is made by a run whose schedule has not ended there. `None` where no curve has two points.
///
/// # Source
/// Hoffmann et al. 2022, arXiv:2203.15556, figure 2.
pub fn envelope(curves: &[TrainingCurve]) -> Option<Figure> {
    let mut curves: Vec<TrainingCurve> =
        curves.iter().map(TrainingCurve::without_beginning).filter(|curve| curve.points.len() > 1).collect();
    curves.sort_by(|one, other| one.params.total_cmp(&other.params));
    let lines: Vec<Vec<(f64, f64)>> = curves.iter().map(|curve| curve.points.clone()).collect();
    let mut lowest = training_envelope(&lines, SAMPLES);
    // Where the best of the largest runs ends, one of the same budget that ends a little later would draw the envelope up.
    let least = lowest.iter().map(|point| point.loss).fold(f64::INFINITY, f64::min);
    let last = lowest.last()?.flops;
    let is_best = |point: &EnvelopePoint| point.loss == least && point.flops * ONE_END > last;
    if let Some(best) = lowest.iter().position(is_best) {
        lowest.truncate(best + 1);
    }

    let mut panel = Panel::new(
        Axis::logarithmic("training compute C, FLOP", Quantity::Compute),
        Axis::logarithmic("loss, nats per token", Quantity::Plain),
    );
    panel.height = 420.0;
    let sizes: Vec<&[TrainingCurve]> =
        curves.chunk_by(|one, other| other.params <= one.params * (1.0 + SAME_SIZE)).collect();
    let mut ends = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        let color = Color::class(index, sizes.len());
        let longest = size.iter().map(TrainingCurve::end).fold(0.0, f64::max);
        let mut labelled = false;
        for curve in *size {
            let name = escape::shorten(&curve.name, shared::LONGEST);
            let bears = curve.end() == longest && !std::mem::replace(&mut labelled, true);
            ends.extend(curve.points.last().map(|(flops, loss)| Dot::at(*flops, *loss).named(name.as_str())));
            let line = Mark::line(name, color, curve.points.clone()).weighing(Weight::Thin);
            let line = line.stretching(Extent::All, Extent::Bulk);
            panel.push(if bears { line.labelled(Label::after(numbers::count_to(curve.params, 2))) } else { line });
        }
    }
    panel.push(Mark::dots("ends", Color::Muted, Marker::Circle, ends).sized(Size::Small));
    panel.marks.extend(pieces(&lowest));
    let annealed = lowest.iter().filter(|point| point.done >= ANNEALED).count() as f64 / lowest.len() as f64;
    Some(Figure {
        title: "Training curves and their envelope".to_owned(),
        subtitle: format!(
            "{} of {}; {} of the envelope is annealed",
            shared::count_of(curves.len(), "run"),
            shared::count_of(sizes.len(), "size"),
            numbers::percent(annealed)
        ),
        caption: "Thin: loss of each run while it is trained, of a sweep in the mean of batches within a factor of 1.25 of compute; coloured by model size, which stands at the end of its longest run; \
                  dots: ends. Bold: the lowest loss that any run has at that compute, dashed where the run that makes it has not ended its schedule: \
                  there it lies above what a run annealed at that compute would reach, and a law fitted to it is too high. Fit the ends instead. \
                  C: every matrix product that was computed, or as the table gives it."
            .to_owned(),
        ..Figure::of(panel)
    })
}

/// The envelope, solid where it is annealed.
fn pieces(lowest: &[EnvelopePoint]) -> Vec<Mark> {
    let is_annealed = |point: &EnvelopePoint| point.done >= ANNEALED;
    let at = |point: &EnvelopePoint| (point.flops, point.loss);
    let mut from = 0;
    let mut marks = Vec::new();
    for piece in lowest.chunk_by(|one, other| is_annealed(one) == is_annealed(other)) {
        let until = (from + piece.len()).min(lowest.len() - 1);
        // Pieces meet: each goes on to where the next begins.
        let line = lowest[from..=until].iter().map(at).collect();
        let (series, solid) =
            if is_annealed(&piece[0]) { ("envelope, annealed", true) } else { ("envelope, not annealed", false) };
        let mark = Mark::line(series, Color::Ink, line).weighing(Weight::Bold).stretching(Extent::All, Extent::Bulk);
        marks.push(if solid { mark } else { mark.dashed() });
        from += piece.len();
    }
    if let Some(first) = marks.first_mut() {
        first.label = Some(Label::beside("envelope", 0.3, Side::Below));
    }
    marks
}
