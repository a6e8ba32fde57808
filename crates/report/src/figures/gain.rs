//! Compute-equivalent gain of recipes over compute, with its interval.

use isoflop::predict::Amount;
use isoflop::recipes::{Pair, RecipeComparison};

use super::color::{Inks, Theme};
use super::labels::Room;
use super::scale::Scale;
use super::svg::{Anchor, Lettering, Point, Rect, Stroke, Svg, text_width};
use crate::escape;
use crate::numbers;
use crate::wrap;

const WIDTH: f64 = 760.0;
const FRAME: Rect = Rect { left: 70.0, top: 66.0, right: 730.0, bottom: 426.0 };
const CAPTION_TOP: f64 = 486.0;
const CAPTION_LINE: f64 = 16.0;
const CAPTION_SIZE: f64 = 11.5;
const LABEL_SIZE: f64 = 12.5;
/// Gains beyond this, or below one over it, are drawn at the edge of the frame: they say no more than "much".
const MOST: f64 = 100.0;
/// A range of gains narrower than this has ticks at equal differences.
const FEW: f64 = 6.0;
/// The frame shows at least this much on both sides of one.
const LEAST: f64 = 1.25;

/// The figure as a self-contained SVG document: compute across, the gain over the reference upwards, both in logarithms.
///
/// Bands hold the interval of the comparison. Where a gain has no end, or goes beyond a hundred, its curve follows the edge of the frame.
pub fn gain(compared: &RecipeComparison, theme: Theme) -> String {
    let caption = wrap::lines(&caption(compared), |line| text_width(line, CAPTION_SIZE), FRAME.right - FRAME.left);
    let height = CAPTION_TOP + CAPTION_LINE * caption.len() as f64 + 4.0;
    let reference = compared.pairs.first().map_or("the reference", |pair| pair.reference.as_str());
    let title = format!("Compute that {} needs for the same loss", escape::shorten(reference, 30));
    let inks = theme.inks();
    let computes = || compared.pairs.iter().flat_map(|pair| pair.curve.iter().map(|at| at.flops));
    let across = (computes().fold(f64::INFINITY, f64::min), computes().fold(0.0, f64::max));
    let mut drawing = Drawing {
        svg: Svg::new(WIDTH, height, &title, &caption.join(" "), inks.background),
        across: Scale::logarithmic(across, (FRAME.left, FRAME.right)),
        upwards: Scale::logarithmic(gains_shown(compared), (FRAME.bottom, FRAME.top)),
        room: Room::new(FRAME),
        inks,
    };
    drawing.grid();
    // One class more than there are, so that the last is not as dark as ink.
    let colors = (0..compared.pairs.len()).map(|number| theme.ramp(number, compared.pairs.len() + 1));
    let colored: Vec<(&Pair, String)> = compared.pairs.iter().zip(colors).collect();
    colored.iter().for_each(|(pair, color)| drawing.band(pair, color));
    drawing.computes(compared);
    colored.iter().for_each(|(pair, color)| drawing.curve(pair, color));
    colored.iter().for_each(|(pair, color)| drawing.name(pair, color));
    drawing.words(&title, &caption);
    drawing.svg.finish()
}

/// The gains that the frame holds: all ends of intervals that are neither beyond [`MOST`] nor nearly one.
fn gains_shown(compared: &RecipeComparison) -> (f64, f64) {
    let ends = |gain: &Amount| [gain.value, gain.lo.unwrap_or(gain.value), gain.hi.unwrap_or(f64::INFINITY)];
    let dearer = || compared.pairs.iter().filter_map(|pair| pair.money.as_ref()).map(|money| money.cost_ratio);
    let all = || compared.pairs.iter().flat_map(|pair| &pair.curve).flat_map(|at| ends(&at.gain)).chain(dearer());
    let within = |gain: f64| gain.clamp(1.0 / MOST, MOST);
    let (low, high) = (all().fold(1.0 / LEAST, f64::min), all().fold(LEAST, f64::max));
    (within(low) / 1.05, within(high) * 1.05)
}

fn caption(compared: &RecipeComparison) -> String {
    let level = numbers::level(compared.level);
    let crossings: Vec<String> = compared.pairs.iter().map(|pair| crossing(pair, compared)).collect();
    let costs = if compared.pairs.iter().any(|pair| pair.money.is_some()) {
        " Above a dashed level line the recipe is better by the dollar too."
    } else {
        ""
    };
    format!(
        "Line: how many times its compute the reference needs for the loss of the recipe's best run. Band: {level} interval; it \
         covers doubt about the laws' parameters, their form taken as right. Above one the recipe is better.{costs} {} Largest run at hand: \
         {} FLOP; what lies to its right is extrapolated.",
        crossings.join(" "),
        numbers::compute(compared.largest_flops, 2)
    )
}

/// Where a recipe's curve passes one, in a sentence.
fn crossing(pair: &Pair, compared: &RecipeComparison) -> String {
    let compute = |flops: f64| numbers::compute(flops, 2);
    let (recipe, never) = (escape::shorten(&pair.recipe, 30), numbers::percent(pair.crossover.never));
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

/// The figure while it is drawn.
struct Drawing {
    svg: Svg,
    across: Scale,
    upwards: Scale,
    room: Room,
    inks: Inks,
}

impl Drawing {
    /// A point of the frame; gains beyond its edge lie on the edge.
    fn at(&self, flops: f64, gain: f64) -> Point {
        let (low, high) = self.upwards.domain();
        Point { x: self.across.at(flops), y: self.upwards.at(gain.clamp(low, high)) }
    }

    /// The gains that are marked: between a few, where 1, 2 and 5 are too sparse, at equal differences.
    fn gains(&self) -> Vec<(f64, String)> {
        let (low, high) = self.upwards.domain();
        let ticks =
            if high / low < FEW { Scale::linear((low, high), (0.0, 1.0)).ticks() } else { self.upwards.ticks() };
        ticks.into_iter().map(|tick| (tick.value, format!("{}x", numbers::general(tick.value, 2)))).collect()
    }

    fn grid(&mut self) {
        let Inks { grid, muted, .. } = self.inks;
        let word = Lettering { color: muted, size: 11.5, anchor: Anchor::Middle, bold: false, halo: None };
        for (gain, text) in self.gains() {
            let y = self.upwards.at(gain);
            let (left, right) = (Point { x: FRAME.left, y }, Point { x: FRAME.right, y });
            self.svg.line(&[left, right], Stroke::solid(grid, 1.0));
            self.svg.text(Point { x: left.x - 9.0, y: y + 4.0 }, &text, Lettering { anchor: Anchor::End, ..word });
        }
        // Whole decades only: over many of them 2 and 5 are too dense.
        let decade = |value: f64| (value.log10() - value.log10().round()).abs() < 1e-9;
        for tick in self.across.ticks().into_iter().filter(|tick| decade(tick.value)) {
            let x = self.across.at(tick.value);
            self.svg.line(&[Point { x, y: FRAME.bottom }, Point { x, y: FRAME.top }], Stroke::solid(grid, 1.0));
            self.svg.text(Point { x, y: FRAME.bottom + 19.0 }, &numbers::compute(tick.value, 1), word);
        }
        let middle = Point { x: 0.5 * (FRAME.left + FRAME.right), y: FRAME.bottom + 40.0 };
        self.svg.text(middle, "training compute of the recipe, FLOP", word);
        let y = self.upwards.at(1.0);
        let one = [Point { x: FRAME.left, y }, Point { x: FRAME.right, y }];
        self.svg.line(&one, Stroke::solid(muted, 1.4));
        self.room.add_line(&one);
    }

    /// The largest run at hand, and the compute asked about.
    fn computes(&mut self, compared: &RecipeComparison) {
        for (flops, name) in [(compared.largest_flops, "largest run"), (compared.flops, "asked about")] {
            if !self.across.holds(flops) {
                continue;
            }
            let x = self.across.at(flops);
            let line = [Point { x, y: FRAME.bottom }, Point { x, y: FRAME.top }];
            self.svg.line(&line, Stroke::dashed(self.inks.muted, 1.2));
            self.room.add_line(&line);
            let halo = Some(self.inks.background);
            let word = Lettering { color: self.inks.muted, size: 11.0, anchor: Anchor::End, bold: false, halo };
            self.svg.rotated_text(Point { x: x - 4.0, y: FRAME.top + 4.0 }, -90.0, name, word);
        }
    }

    fn band(&mut self, pair: &Pair, color: &str) {
        let upper = pair.curve.iter().map(|at| self.at(at.flops, at.gain.hi.unwrap_or(f64::INFINITY)));
        let lower = pair.curve.iter().rev().map(|at| self.at(at.flops, at.gain.lo.unwrap_or(at.gain.value)));
        let outline: Vec<Point> = upper.chain(lower).collect();
        self.svg.area(&outline, color, 0.16);
    }

    fn curve(&mut self, pair: &Pair, color: &str) {
        let line: Vec<Point> = pair.curve.iter().map(|at| self.at(at.flops, at.gain.value)).collect();
        self.svg.named_line(&line, Stroke::solid(color, 2.2), &pair.recipe);
        self.room.add_line(&line);
        if let Some(money) = &pair.money {
            let y = self.upwards.at(money.cost_ratio);
            let cost = [Point { x: FRAME.left, y }, Point { x: FRAME.right, y }];
            self.svg.line(&cost, Stroke::dashed(color, 1.2));
            self.room.add_line(&cost);
            let text = format!("its FLOP costs {}x", numbers::general(money.cost_ratio, 3));
            let halo = Some(self.inks.background);
            let word = Lettering { color, size: 11.0, anchor: Anchor::End, bold: false, halo };
            self.svg.text(Point { x: FRAME.right - 4.0, y: y - 4.0 }, &text, word);
        }
    }

    /// The recipe's name beside the middle of its curve.
    fn name(&mut self, pair: &Pair, color: &str) {
        let Some(middle) = pair.curve.get(pair.curve.len() / 3) else { return };
        let at = self.at(middle.flops, middle.gain.value);
        let name = escape::shorten(&pair.recipe, 30);
        let (width, height) = (text_width(&name, LABEL_SIZE), LABEL_SIZE + 2.0);
        let wish = Point { x: at.x - 0.5 * width, y: at.y - height };
        if let Some(place) = self.room.place(wish, width, height) {
            let halo = Some(self.inks.background);
            let lettering = Lettering { color, size: LABEL_SIZE, anchor: Anchor::Start, bold: true, halo };
            self.svg.text(Point { x: place.left, y: place.bottom - 3.0 }, &name, lettering);
        }
    }

    fn words(&mut self, title: &str, caption: &[String]) {
        let Inks { ink, muted, .. } = self.inks;
        let bold = Lettering { color: ink, size: 16.0, anchor: Anchor::Start, bold: true, halo: None };
        self.svg.text(Point { x: FRAME.left, y: 28.0 }, title, bold);
        let small = Lettering { color: muted, size: 12.5, bold: false, ..bold };
        self.svg.text(
            Point { x: FRAME.left, y: 47.0 },
            "compute-equivalent gain, times the recipe's own compute",
            small,
        );
        let lettering = Lettering { size: CAPTION_SIZE, ..small };
        for (line, text) in caption.iter().enumerate() {
            self.svg.text(Point { x: FRAME.left, y: CAPTION_TOP + CAPTION_LINE * line as f64 }, text, lettering);
        }
    }
}
