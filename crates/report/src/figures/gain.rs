//! Compute-equivalent gain of recipes over compute, with its interval.

use isoflop::recipes::{GainAt, Pair, RecipeComparison};

use crate::escape;
use crate::figure::{Axis, Color, Direction, Extent, Figure, Label, Mark, Panel, Pattern, Quantity, Side};
use crate::numbers;

/// Gains beyond this, or below one over it, are beyond the frame: they say no more than "much".
const MOST: f64 = 100.0;
/// The frame shows at least this much on both sides of one.
const LEAST: f64 = 1.25;
/// Most characters of a recipe's name.
const LONGEST: usize = 30;

/// Compute across, the gain over the reference upwards, both in logarithms.
///
/// Bands hold the interval of the comparison; where a gain has no end its band reaches to the frame. Beyond a hundred nothing is shown.
pub fn gain(compared: &RecipeComparison) -> Figure {
    let computes = || compared.pairs.iter().flat_map(|pair| &pair.curve).map(|at| at.flops);
    let across = (computes().fold(f64::INFINITY, f64::min), computes().fold(0.0, f64::max));
    let mut panel = Panel::new(
        Axis::logarithmic("training compute of the recipe, FLOP", Quantity::Compute).exactly(across.0, across.1),
        Axis::logarithmic("compute-equivalent gain, times the recipe's own compute", Quantity::Factor)
            .at_least(1.0 / LEAST, LEAST)
            .at_most(1.0 / MOST, MOST),
    );
    // One class more than there are, so that the last is not as dark as ink.
    let color = |index: usize| Color::class(index, compared.pairs.len() + 1);
    for (index, pair) in compared.pairs.iter().enumerate() {
        let ends = |at: &GainAt| (at.flops, at.gain.lo.unwrap_or(at.gain.value), at.gain.hi.unwrap_or(f64::INFINITY));
        panel.push(Mark::band(pair.recipe.as_str(), color(index), pair.curve.iter().map(ends).collect()));
    }
    panel.push(Mark::rule("as good as the reference", Color::Muted, Direction::Upwards, 1.0).patterned(Pattern::Solid));
    for (flops, name) in [(compared.largest_flops, "largest run"), (compared.flops, "asked about")] {
        let rule = Mark::rule(name, Color::Muted, Direction::Across, flops);
        panel.push(rule.labelled(Label::after(name)));
    }
    for (index, pair) in compared.pairs.iter().enumerate() {
        let (color, points) = (color(index), pair.curve.iter().map(|at| (at.flops, at.gain.value)).collect());
        let label = Label::beside(escape::shorten(&pair.recipe, LONGEST), 0.35, Side::Above);
        let line = Mark::line(pair.recipe.as_str(), color, points).solid_within(0.0, compared.largest_flops);
        panel.push(line.labelled(label));
        if let Some(money) = &pair.money {
            let text = format!("its FLOP costs {}x", numbers::general(money.cost_ratio, 3));
            let name = format!("cost of {}", pair.recipe);
            let rule = Mark::rule(name, color, Direction::Upwards, money.cost_ratio);
            let rule = rule.stretching(Extent::Nothing, Extent::All);
            panel.push(rule.labelled(Label::beside(text, 1.0, Side::Above)));
        }
    }
    let reference = compared.pairs.first().map_or("the reference", |pair| pair.reference.as_str());
    Figure {
        title: format!("Compute that {} needs for the same loss", escape::shorten(reference, LONGEST)),
        caption: caption(compared),
        ..Figure::of(panel)
    }
}

fn caption(compared: &RecipeComparison) -> String {
    let level = numbers::level(compared.level);
    let crossings: Vec<String> = compared.pairs.iter().map(|pair| crossing(pair, compared)).collect();
    let costs = if compared.pairs.iter().any(|pair| pair.money.is_some()) {
        " Above the dashed level line in its colour a recipe is better by the dollar too."
    } else {
        ""
    };
    format!(
        "Line: how many times its compute the reference needs for the loss of the recipe's best run. Band: {level} interval; it \
         covers doubt about the laws' parameters, their form taken as right. Above one the recipe is better.{costs} {} Largest run at hand: \
         {} FLOP; to its right lines are dashed, for they are extrapolated.",
        crossings.join(" "),
        numbers::compute(compared.largest_flops, 2)
    )
}

/// Where a recipe's curve passes one, in a sentence.
fn crossing(pair: &Pair, compared: &RecipeComparison) -> String {
    let compute = |flops: f64| numbers::compute(flops, 2);
    let (recipe, never) = (escape::shorten(&pair.recipe, LONGEST), numbers::percent(pair.crossover.never));
    match &pair.crossover.flops {
        Some(flops) => format!(
            "{recipe} crosses at {} FLOP ({} at {}; never in {never} of draws).",
            compute(flops.value),
            numbers::ends(flops, &compute),
            numbers::level(compared.level)
        ),
        None => format!("{recipe} does not cross before {} FLOP (in {never} of draws).", compute(pair.crossover.until)),
    }
}
