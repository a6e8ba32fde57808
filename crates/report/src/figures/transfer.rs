//! Whether a learning rate transfers: loss above the best against the hidden rate's multiplier, width by width.

use isoflop::tuning::{Factor, Surface, Trial, multiplier};

use crate::figure::{Axis, Color, Dot, Extent, Figure, Label, Mark, Marker, Panel, Quantity};
use crate::numbers;

/// Points of a curve.
const SAMPLES: usize = 121;
/// The axis shows at least this much above the lowest.
const LEAST: f64 = 0.01;
/// Steps of the hidden rate shown beside the trials.
const MARGIN: f64 = 0.5;

/// The runs of one width that differ in the hidden rate alone, and the surface along them.
struct Cut {
    width: f64,
    /// Steps of the hidden rate and loss above the lowest of the curve, as a share.
    runs: Vec<(f64, f64)>,
    curve: Vec<(f64, f64)>,
    /// Steps of the hidden rate at the curve's lowest point.
    best: f64,
}

/// Multiplier of the recipe's hidden rate across, loss above each width's best upwards.
///
/// Dots are runs that differ in the hidden rate alone, lines the surface that all runs were fitted to. Lowest points at one place: the
/// rate transfers over widths (Yang et al. 2022, arXiv:2203.03466, figure 1).
pub fn transfer(surface: &Surface) -> Figure {
    let cuts: Vec<Cut> = surface.widths().iter().map(|width| Cut::of(surface, *width)).collect();
    let steps = || cuts.iter().flat_map(|cut| &cut.curve).map(|(steps, _)| *steps).filter(|steps| steps.is_finite());
    let (low, high) = steps().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)));
    let ticks = (low.ceil() as i32..=high.floor() as i32)
        .map(|steps| (f64::from(steps), numbers::general(multiplier(f64::from(steps)), 2)));
    let mut panel = Panel::new(
        Axis::linear("multiplier of the recipe's hidden rate at that width", Quantity::Plain)
            .with_ticks(ticks.collect()),
        Axis::linear("loss above the width's lowest", Quantity::Share).at_least(0.0, LEAST),
    );
    let color = |index: usize| Color::class(index, cuts.len());
    for (index, cut) in cuts.iter().enumerate() {
        let line = Mark::line(cut.name(), color(index), cut.curve.clone());
        let line = line.labelled(Label::after(cut.name()));
        panel.push(line.stretching(Extent::All, Extent::Nothing));
    }
    for (index, cut) in cuts.iter().enumerate() {
        let (name, times) = (cut.name(), |steps: f64| format!("{:.2} times the rate", multiplier(steps)));
        let dot = |(steps, above): &(f64, f64)| {
            let above_in_words = numbers::signed_percent(*above);
            Dot::at(*steps, *above).named(format!("{name}, {}: {above_in_words}", times(*steps)))
        };
        let runs = cut.runs.iter().map(dot).collect();
        panel.push(Mark::dots(name.as_str(), color(index), Marker::class(index), runs));
        let best = Dot::at(cut.best, 0.0).named(format!("{name}: best at {}", times(cut.best)));
        panel.push(Mark::dots(format!("{name}, lowest"), color(index), Marker::Tick, vec![best]));
    }
    Figure {
        title: "Loss against the hidden learning rate, width by width".to_owned(),
        caption: caption(surface),
        width: 680.0,
        ..Figure::of(panel)
    }
}

fn caption(surface: &Surface) -> String {
    format!(
        "Dots: runs that differ in the hidden rate alone, less what their seed does at all rates; they scatter by {}. Lines: the surface that all {} runs were fitted to. \
         Upright ticks: its lowest points; where they stand at one place, the rate transfers.",
        numbers::percent(surface.noise()),
        numbers::whole(surface.trials().len())
    )
}

impl Cut {
    fn of(surface: &Surface, width: f64) -> Self {
        let same = |one: &Trial, other: &Trial| {
            [Factor::EmbeddingRate, Factor::Batch].iter().all(|factor| one.agrees(other, *factor))
        };
        let of_width: Vec<&Trial> = surface.trials().iter().filter(|trial| trial.width == width).collect();
        // The line along the hidden rate on which most runs lie.
        let beside = |centre: &Trial| of_width.iter().filter(|trial| same(trial, centre)).count();
        let centre = of_width.iter().copied().max_by_key(|trial| beside(trial));
        let on_line: Vec<&Trial> =
            of_width.iter().copied().filter(|trial| centre.is_some_and(|centre| same(trial, centre))).collect();
        let [_, embedding, batch] = centre.map_or([0.0; 3], |centre| centre.moves);
        let hidden = || on_line.iter().map(|trial| trial.moves[0]);
        let (low, high) =
            hidden().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)));
        let sample = |index: usize| low - MARGIN + (high - low + 2.0 * MARGIN) * index as f64 / (SAMPLES - 1) as f64;
        let excess = |steps: f64| surface.excess(width, [steps, embedding, batch]);
        let heights: Vec<(f64, f64)> = (0..SAMPLES).map(sample).map(|steps| (steps, excess(steps))).collect();
        let lowest = heights.iter().copied().min_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or((0.0, 0.0));
        let level = surface.lowest_loss(width).unwrap_or(f64::NAN) * lowest.1.exp();
        // Seeds are better or worse at all rates alike.
        let above = |trial: &&Trial| {
            let of_seed = surface.seed_effect(width, trial.seed);
            (trial.moves[0], trial.loss / level * (-of_seed).exp() - 1.0)
        };
        Self {
            width,
            runs: on_line.iter().map(above).collect(),
            curve: heights.into_iter().map(|(steps, height)| (steps, (height - lowest.1).exp_m1())).collect(),
            best: lowest.0,
        }
    }

    fn name(&self) -> String {
        format!("width {}", self.width)
    }
}
