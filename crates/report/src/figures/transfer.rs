//! Whether a learning rate transfers: loss above the best against the hidden rate's multiplier, width by width.

use isoflop::tuning::{Factor, Surface, Trial, multiplier};

use super::color::{Inks, Theme};
use super::labels::Room;
use super::scale::Scale;
use super::svg::{Anchor, Lettering, Marker, Point, Rect, Stroke, Svg, text_width};
use crate::numbers;
use crate::wrap;

const WIDTH: f64 = 680.0;
const FRAME: Rect = Rect { left: 70.0, top: 66.0, right: 650.0, bottom: 426.0 };
const CAPTION_TOP: f64 = 486.0;
const CAPTION_LINE: f64 = 16.0;
const CAPTION_SIZE: f64 = 11.5;
const LABEL_SIZE: f64 = 12.5;
/// Points of a curve.
const SAMPLES: usize = 121;
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

/// The figure as a self-contained SVG document: multiplier of the recipe's hidden rate across, loss above each width's best upwards.
///
/// Dots are runs that differ in the hidden rate alone, lines the surface that all runs were fitted to. Lowest points below each other: the
/// rate transfers over widths (Yang et al. 2022, arXiv:2203.03466, figure 1).
pub fn transfer(surface: &Surface, theme: Theme) -> String {
    let cuts: Vec<Cut> = surface.widths().iter().map(|width| Cut::of(surface, *width)).collect();
    let steps = || cuts.iter().flat_map(|cut| &cut.curve).map(|(steps, _)| *steps);
    let (low, high) = steps().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)));
    let highest = cuts.iter().flat_map(|cut| &cut.runs).map(|(_, above)| *above).fold(0.01, f64::max);
    let lowest = cuts.iter().flat_map(|cut| &cut.runs).map(|(_, above)| *above).fold(0.0, f64::min);
    let caption = wrap::lines(&caption(surface), |line| text_width(line, CAPTION_SIZE), FRAME.right - FRAME.left);
    let height = CAPTION_TOP + CAPTION_LINE * caption.len() as f64 + 4.0;
    let inks = theme.inks();
    let title = "Loss against the hidden learning rate, width by width";
    let svg = Svg::new(WIDTH, height, title, &caption.join(" "), inks.background);
    let mut drawing = Drawing {
        svg,
        across: Scale::linear((low, high), (FRAME.left, FRAME.right)),
        upwards: Scale::linear((lowest - 0.05 * highest, 1.08 * highest), (FRAME.bottom, FRAME.top)),
        room: Room::new(FRAME),
        inks,
    };
    drawing.grid();
    for (index, cut) in cuts.iter().enumerate() {
        drawing.cut(cut, &theme.ramp(index, cuts.len()));
    }
    // After all lines, so that no label is under one.
    for (index, cut) in cuts.iter().enumerate() {
        drawing.label(cut, &theme.ramp(index, cuts.len()));
    }
    drawing.words(title, &caption);
    drawing.svg.finish()
}

fn caption(surface: &Surface) -> String {
    format!(
        "Dots: runs that differ in the hidden rate alone, less what their seed does at all rates; they scatter by {}. Lines: the surface that all {} runs were fitted to. \
         Triangles: its lowest points; where they stand below each other, the rate transfers.",
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

/// The figure while it is drawn.
struct Drawing {
    svg: Svg,
    across: Scale,
    upwards: Scale,
    room: Room,
    inks: Inks,
}

impl Drawing {
    fn at(&self, (steps, above): (f64, f64)) -> Point {
        Point { x: self.across.at(steps), y: self.upwards.at(above) }
    }

    fn grid(&mut self) {
        let Inks { grid, muted, .. } = self.inks;
        let word = Lettering { color: muted, size: 11.5, anchor: Anchor::Middle, bold: false, halo: None };
        for tick in self.upwards.ticks() {
            let y = self.upwards.at(tick.value);
            let ends = [Point { x: FRAME.left, y }, Point { x: FRAME.right, y }];
            self.svg.line(&ends, Stroke::solid(grid, 1.0));
            let at = Point { x: FRAME.left - 9.0, y: y + 4.0 };
            self.svg.text(at, &numbers::level(tick.value), Lettering { anchor: Anchor::End, ..word });
        }
        let (low, high) = self.across.domain();
        for steps in low.ceil() as i32..=high.floor() as i32 {
            let x = self.across.at(f64::from(steps));
            let ends = [Point { x, y: FRAME.top }, Point { x, y: FRAME.bottom }];
            self.svg.line(&ends, Stroke::solid(grid, 1.0));
            let text = numbers::general(multiplier(f64::from(steps)), 2);
            self.svg.text(Point { x, y: FRAME.bottom + 19.0 }, &text, word);
        }
        let middle = Point { x: 0.5 * (FRAME.left + FRAME.right), y: FRAME.bottom + 40.0 };
        self.svg.text(middle, "multiplier of the recipe's hidden rate at that width", word);
    }

    fn cut(&mut self, cut: &Cut, color: &str) {
        let shown = cut.curve.iter().filter(|(_, above)| self.upwards.holds(*above));
        let curve: Vec<Point> = shown.map(|sample| self.at(*sample)).collect();
        self.svg.named_line(&curve, Stroke::solid(color, 2.0), &cut.name());
        self.room.add_line(&curve);
        for (steps, above) in &cut.runs {
            let at = self.at((*steps, *above));
            let name = format!(
                "{}, {:.2} times the rate: {}",
                cut.name(),
                multiplier(*steps),
                numbers::signed_percent(*above)
            );
            self.svg.marker(Marker::Circle, at, 4.0, color, Stroke::solid(self.inks.background, 1.2), &name);
            self.room.add_dot(at, 4.0);
        }
        // On the lower edge, where the lowest points can be compared.
        let at = Point { x: self.across.at(cut.best), y: FRAME.bottom - 6.0 };
        let name = format!("{}: best at {:.2} times the rate", cut.name(), multiplier(cut.best));
        self.svg.marker(Marker::TriangleUp, at, 5.5, color, Stroke::solid(self.inks.background, 1.2), &name);
        self.room.add_dot(at, 7.0);
    }

    fn label(&mut self, cut: &Cut, color: &str) {
        let text = cut.name();
        let mut shown = cut.curve.iter().filter(|(_, above)| self.upwards.holds(*above));
        let Some(end) = shown.next_back() else { return };
        let width = text_width(&text, LABEL_SIZE);
        let end = self.at(*end);
        let wish = Point { x: end.x - width - 8.0, y: end.y };
        if let Some(place) = self.room.place(wish, width, LABEL_SIZE) {
            let at = Point { x: place.left, y: place.bottom - 2.0 };
            let halo = Some(self.inks.background);
            self.svg.text(at, &text, Lettering { color, size: LABEL_SIZE, anchor: Anchor::Start, bold: true, halo });
        }
    }

    fn words(&mut self, title: &str, caption: &[String]) {
        let Inks { ink, muted, .. } = self.inks;
        let bold = Lettering { color: ink, size: 16.0, anchor: Anchor::Start, bold: true, halo: None };
        self.svg.text(Point { x: FRAME.left, y: 28.0 }, title, bold);
        let small = Lettering { color: muted, size: 12.5, bold: false, ..bold };
        self.svg.text(Point { x: FRAME.left, y: 47.0 }, "loss above the width's lowest", small);
        let lettering = Lettering { size: CAPTION_SIZE, ..small };
        for (line, text) in caption.iter().enumerate() {
            self.svg.text(Point { x: FRAME.left, y: CAPTION_TOP + CAPTION_LINE * line as f64 }, text, lettering);
        }
    }
}
