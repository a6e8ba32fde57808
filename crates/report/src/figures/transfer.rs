//! Whether a learning rate transfers: loss above the best against the hidden rate's multiplier, width by width.

use isoflop::tuning::{Factor, Surface, multiplier};

use crate::figure::{Axis, Color, Dot, Extent, Figure, Label, Mark, Marker, Panel, Quantity};
use crate::numbers;

use super::basin::{Basin, whole_steps};

/// The axis shows at least this much above the lowest.
const LEAST: f64 = 0.01;

/// Multiplier of the recipe's hidden rate across, loss above each width's best upwards.
///
/// Dots are runs that differ in the hidden rate alone, lines the surface that all runs were fitted to. Lowest points at one place: the
/// rate transfers over widths (Yang et al. 2022, arXiv:2203.03466, figure 1).
pub fn transfer(surface: &Surface) -> Figure {
    let cuts: Vec<Basin> =
        surface.widths().iter().map(|width| Basin::of(surface, *width, Factor::HiddenRate)).collect();
    let ticks = whole_steps(cuts.iter().flat_map(|cut| &cut.curve).map(|(steps, _)| *steps))
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
