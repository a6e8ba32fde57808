//! Loss against learning rates and batch, width by width: where each basin is lowest, whether that moves, and whether both its sides were seen.

use isoflop::tuning::{Factor, Surface, multiplier};

use crate::figure::{
    Axis, Color, Direction, Dot, Extent, Figure, Label, Mark, Marker, Panel, Quantity, Side, Weight, Whisker,
};
use crate::numbers;

use super::basin::{Basin, whole_steps};
use super::shared;

/// A panel for each tuned factor: its multiplier across, loss upwards, a basin for each width with its optimum and the interval of that, and
/// the line along which it drifts. An optimum beyond all that was tried is called not bracketed.
///
/// # Source
/// Yang et al. 2022, arXiv:2203.03466, figure 1; that a minimum on the edge of a sweep is none: Wortsman et al. 2023, arXiv:2309.14322, section 3.
pub fn basins(surface: &Surface, level: f64) -> Figure {
    let mut unbracketed = Vec::new();
    let panels: Vec<Panel> =
        Factor::ALL.iter().map(|factor| panel(surface, *factor, level, &mut unbracketed)).collect();
    let first = panels[0].clone();
    let mut figure = Figure { columns: 3, width: 960.0, panels, ..Figure::of(first) };
    figure.share(Direction::Upwards);
    figure.title = match surface.drift() {
        Some((drift, error)) => {
            format!(
                "The best hidden rate drifts as width^{drift:+.2} (standard error {error:.2}) off the recipe's rule"
            )
        }
        None => "Loss against learning rates and batch, width by width".to_owned(),
    };
    figure.subtitle = if unbracketed.is_empty() {
        let (runs, widths) = (surface.trials().len(), surface.widths().len());
        format!(
            "{} at {}; every optimum lies within what was tried",
            shared::count_of(runs, "run"),
            shared::count_of(widths, "width")
        )
    } else {
        format!("Not bracketed: {}", unbracketed.join(", "))
    };
    figure.caption = caption(surface, level);
    figure
}

fn panel(surface: &Surface, factor: Factor, level: f64, unbracketed: &mut Vec<String>) -> Panel {
    let index = factor as usize;
    let basins: Vec<Basin> = surface.widths().iter().map(|width| Basin::of(surface, *width, factor)).collect();
    let steps = whole_steps(basins.iter().flat_map(|basin| &basin.curve).map(|(steps, _)| *steps));
    let ticks = steps.map(|steps| (f64::from(steps), numbers::general(multiplier(f64::from(steps)), 2))).collect();
    let name = format!("multiplier of the recipe's {}", factor.name());
    let mut panel = Panel::new(
        Axis::linear(&name, Quantity::Plain).with_ticks(ticks),
        Axis::linear("loss, nats per token", Quantity::Plain),
    );
    panel.height = 330.0;
    let (low, high) = surface.tried(index);
    let lowest: Vec<(f64, f64)> = basins.iter().map(|basin| basin.at(surface.optimum(basin.width)[index])).collect();
    if lowest.len() > 1 {
        let drift = Mark::line("drift of the optimum", Color::Muted, lowest.clone()).dashed().weighing(Weight::Thin);
        panel.push(drift.stretching(Extent::Nothing, Extent::Nothing));
    }
    for (number, (basin, (best, bottom))) in basins.iter().zip(lowest).enumerate() {
        let color = Color::class(number, basins.len());
        let loss = |at: &(f64, f64)| basin.loss(at);
        let curve = Mark::line(basin.name(), color, basin.curve.iter().map(loss).collect());
        let curve = curve.solid_within(low, high).labelled(Label::after(basin.name()));
        panel.push(curve.stretching(Extent::All, Extent::Nothing));
        let dot = |run: &(f64, f64)| {
            let (steps, loss) = loss(run);
            let times = numbers::general(multiplier(steps), 3);
            Dot::at(steps, loss).named(format!("{}, {times} times: loss {}", basin.name(), numbers::general(loss, 4)))
        };
        let runs = basin.runs.iter().map(dot).collect();
        panel.push(Mark::dots(basin.name(), color, Marker::class(number), runs).stretching(Extent::All, Extent::Bulk));
        let interval = surface.intervals(basin.width, level)[index];
        let is_bracketed = (low..=high).contains(&best);
        let words = format!("{}: best at {} times", basin.name(), numbers::general(multiplier(best), 3));
        let tick = Dot::at(best, bottom).across(interval.0, interval.1).named(words.as_str());
        let tick = Mark::dots(format!("{}, best", basin.name()), color, Marker::Tick, vec![tick]);
        panel.push(tick.with_whiskers(Whisker::Bar).stretching(Extent::Nothing, Extent::All));
        if !is_bracketed {
            let at = if best < low { low } else { high };
            unbracketed.push(format!("{} at width {}", factor.name(), basin.width));
            let flag = Mark::words(Color::Accent, at, bottom, "not bracketed");
            panel.push(Mark { label: Some(Label::beside("not bracketed", 0.0, Side::Below)), ..flag });
        }
    }
    panel
}

fn caption(surface: &Surface, level: f64) -> String {
    format!(
        "Each colour is a width. Dots: runs that differ in this factor alone, less what their seed does everywhere; they scatter by {}. Lines: the surface \
         that all {} runs were fitted to, dashed beyond what was tried. Upright ticks: the best values of all factors together, bars their {} intervals; dashed grey: how they \
         drift with width. One beyond what was tried is not bracketed: try farther before believing it. Loss: nats per token, held-out text.",
        numbers::percent(surface.noise()),
        numbers::whole(surface.trials().len()),
        numbers::level(level)
    )
}
