//! IsoFLOP valleys: loss against model size, one curve per training budget, their optima, and the big run beyond them.

use isoflop::{Claim, Estimate, Fit, Flops, Params, Prediction, Run, Runs, Tokens, Verdict};

use super::color::{Inks, Theme};
use super::labels::Room;
use super::scale::Scale;
use super::svg::{Anchor, Lettering, Marker, Point, Rect, Stroke, Svg, text_width};
use crate::budgets::{self, Budget, Budgets};
use crate::escape;
use crate::numbers::{self, Rounded};
use crate::words;
use crate::wrap;

/// What the figure shows.
#[derive(Debug, Clone, Copy)]
pub struct ValleysInput<'a> {
    /// The runs the law was fitted to; budgets are found in them by grouping compute.
    pub runs: &'a Runs,
    /// The law, with its draws.
    pub fit: &'a Fit,
    /// Level of the intervals.
    pub level: f64,
    /// The big run's sealed prediction, drawn as an interval.
    pub claim: Option<&'a Claim>,
    /// What came of it, drawn as a star at the claim's size; without a claim there is no place for it.
    pub verdict: Option<&'a Verdict>,
    /// The page it stands on.
    pub theme: Theme,
}

const WIDTH: f64 = 860.0;
const FRAME: Rect = Rect { left: 70.0, top: 66.0, right: 840.0, bottom: 496.0 };
const CAPTION_TOP: f64 = 564.0;
const CAPTION_LINE: f64 = 16.0;
const CAPTION_SIZE: f64 = 11.5;
const LABEL_SIZE: f64 = 12.0;
const LABEL_HEIGHT: f64 = 14.0;
const DOT: f64 = 4.2;
/// Half the height of the bar of an optimum: more than a dot, so that a run that hit it hides nothing.
const OPTIMUM: f64 = 6.5;
/// Width kept free right of the last curve for its label.
const LABEL_ROOM: f64 = 104.0;
/// Points to a curve.
const SAMPLES: usize = 160;
/// A run above the others by more than this share of their range is shown at the frame's edge instead of stretching it.
const STRETCH: f64 = 0.6;

const MARKERS: [Marker; 6] =
    [Marker::Circle, Marker::Square, Marker::Diamond, Marker::TriangleUp, Marker::Hexagon, Marker::TriangleDown];

/// The figure as a self-contained SVG document.
///
/// # Example
/// ```
/// use isoflop::{Fit, Runs, TableFormat, law::published};
/// use isoflop_report::{Theme, ValleysInput, valleys};
///
/// let table = "params,flops,loss\n1e8,1e19,3.03\n2e8,1e19,2.97\n4e8,1e19,2.99\n";
/// let runs = Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false)?;
/// let fit = Fit::from_published(published("besiroglu2024").unwrap());
/// let theme = Theme::Light;
/// let svg = valleys(&ValleysInput { runs: &runs, fit: &fit, level: 0.9, claim: None, verdict: None, theme });
/// assert!(svg.starts_with("<svg") && svg.contains("1e19 FLOP"));
/// # Ok::<(), isoflop::RunsError>(())
/// ```
pub fn valleys(input: &ValleysInput) -> String {
    let budgets = budgets::group(&input.runs.kept);
    let curves: Vec<Curve> =
        budgets.groups.iter().map(|budget| Curve::of_budget(budget, budgets.scattered, input)).collect();
    let axes = Axes::around(input, &curves);
    let caption = caption(input, &budgets, &axes);
    let caption = wrap::lines(&caption, |line| text_width(line, CAPTION_SIZE), FRAME.right - FRAME.left);
    let height = CAPTION_TOP + CAPTION_LINE * caption.len() as f64 + 4.0;
    let svg = Svg::new(WIDTH, height, &title(input), &caption.join(" "), input.theme.inks().background);

    let mut drawing =
        Drawing { input, axes, svg, room: Room::new(FRAME), wishes: Vec::new(), inks: input.theme.inks() };
    drawing.grid();
    drawing.frontier(&curves);
    drawing.curves(&curves);
    drawing.optima(&curves);
    drawing.runs(&budgets);
    drawing.big_run();
    drawing.labels();
    drawing.heading(&budgets);
    drawing.caption(&caption);
    drawing.svg.finish()
}

/// One budget's valley: where its runs lie, where the law puts its bottom.
struct Curve {
    six_nd: Flops,
    label: String,
    /// Smallest and largest size among the runs.
    sizes: (f64, f64),
    optimum: Option<Optimum>,
}

/// The bottom of a valley.
#[derive(Clone, Copy)]
struct Optimum {
    params: Estimate,
    loss: f64,
}

impl Curve {
    fn of_budget(budget: &Budget, scattered: bool, input: &ValleysInput) -> Self {
        let sizes = budget.runs.iter().map(|run| run.params.get());
        let sizes = sizes.fold((f64::INFINITY, 0.0f64), |(low, high), size| (low.min(size), high.max(size)));
        let plan = input.fit.plan(budget.six_nd, None, input.level).ok();
        let optimum = plan.map(|plan| Optimum { params: plan.params, loss: plan.loss.value });
        Self {
            six_nd: budget.six_nd,
            label: format!("{}{} FLOP", if scattered { "≈ " } else { "" }, numbers::compute(budget.flops, 2)),
            sizes,
            optimum,
        }
    }

    /// Sizes at which the curve is drawn: beyond the runs on both sides, and around the optimum.
    fn reach(&self) -> (f64, f64) {
        let beyond = (self.sizes.1 / self.sizes.0).powf(0.3).clamp(1.4, 6.0);
        let best = self.optimum.map_or(self.sizes.0, |optimum| optimum.params.value);
        // An optimum far from every run is an extrapolation that would squeeze the runs into a corner.
        let best = best.clamp(self.sizes.0 / 10.0, self.sizes.1 * 10.0);
        (self.sizes.0.min(best / 1.5) / beyond, self.sizes.1.max(best * 1.5) * beyond)
    }
}

/// Loss of the law at `params` and compute `six_nd`.
fn loss_on(fit: &Fit, params: f64, six_nd: f64) -> Option<f64> {
    let tokens = six_nd / isoflop::counting::TRAINING_FLOPS_PER_PARAM_TOKEN / params;
    let (params, tokens) = (Params::new(params).ok()?, Tokens::new(tokens).ok()?);
    Some(fit.expected_loss(params, tokens).ok()?.get())
}

/// The compute-optimal prediction at `six_nd`.
fn best_at(input: &ValleysInput, six_nd: f64) -> Option<Prediction> {
    let (params, tokens) = input.fit.best_allocation(Flops::new(six_nd).ok()?).ok()?;
    input.fit.predict(params, tokens, input.claim.map_or(input.level, |claim| claim.level)).ok()
}

/// `count` values from `from` to `to`, equally far apart in logarithm.
fn spaced(from: f64, to: f64, count: usize) -> impl Iterator<Item = f64> {
    let ratio = (to / from).ln();
    (0..count).map(move |step| from * (ratio * step as f64 / (count - 1) as f64).exp())
}

/// The two scales, and how many runs lie above the frame.
struct Axes {
    params: Scale,
    loss: Scale,
    above: usize,
}

impl Axes {
    fn around(input: &ValleysInput, curves: &[Curve]) -> Self {
        let mut losses: Vec<f64> = input.runs.kept.iter().map(|run| run.loss.get()).collect();
        losses.sort_by(f64::total_cmp);
        let lowest = losses.first().copied().unwrap_or(1.0);
        // Where the bulk of the runs ends: the 97th percentile, or the second highest of few.
        let bulk = losses.get((losses.len() * 97 / 100).min(losses.len().saturating_sub(2))).copied().unwrap_or(2.0);
        let limit = bulk + STRETCH * (bulk - lowest);
        let within = losses.iter().copied().filter(|loss| *loss <= limit || losses.len() < 8);
        let highest = within.clone().fold(bulk, f64::max);
        let above = losses.len() - within.count();

        let (mut low, mut high) = (lowest, highest);
        for optimum in curves.iter().filter_map(|curve| curve.optimum) {
            low = low.min(optimum.loss);
        }
        if let Some(claim) = input.claim {
            for end in [claim.loss.lo, Some(claim.loss.value), claim.loss.hi].into_iter().flatten() {
                (low, high) = (low.min(end), high.max(end));
            }
            if let Some(verdict) = input.verdict {
                let observed = verdict.observed.get();
                (low, high) = (low.min(observed), high.max(observed));
            }
        }
        let room = (0.06 * (high - low)).max(0.01 * high);

        let sizes = || input.runs.kept.iter().map(|run| run.params.get());
        let claimed = input.claim.map(|claim| claim.params.get());
        let mut left = sizes().fold(f64::INFINITY, f64::min);
        let mut right = sizes().fold(0.0, f64::max);
        for (near, far) in curves.iter().map(Curve::reach) {
            (left, right) = (left.min(near), right.max(far));
        }
        if let Some(size) = claimed {
            (left, right) = (left.min(size), right.max(size * 2.0));
        }
        if left >= right {
            (left, right) = if left.is_finite() { (left / 2.0, left * 2.0) } else { (1e6, 1e9) };
        }
        left /= 1.1;
        let width = FRAME.right - FRAME.left;
        right = left * (right / left).powf(width / (width - LABEL_ROOM));
        Self {
            params: Scale::logarithmic((left, right), (FRAME.left, FRAME.right)),
            loss: Scale::linear((low - room, high + room), (FRAME.bottom, FRAME.top)),
            above,
        }
    }

    fn point(&self, params: f64, loss: f64) -> Point {
        Point { x: self.params.at(params), y: self.loss.at(loss) }
    }

    fn hold(&self, params: f64, loss: f64) -> bool {
        self.params.holds(params) && self.loss.holds(loss)
    }
}

/// A label that still needs a place.
struct Wish {
    text: String,
    at: Point,
    color: String,
    bold: bool,
}

/// The figure while it is drawn; ink that labels should avoid is noted in the room as it is put down.
struct Drawing<'a> {
    input: &'a ValleysInput<'a>,
    axes: Axes,
    svg: Svg,
    room: Room,
    wishes: Vec<Wish>,
    inks: Inks,
}

impl Drawing<'_> {
    fn grid(&mut self) {
        let Inks { grid, muted, ink, .. } = self.inks;
        let word = Lettering { color: muted, size: 11.5, anchor: Anchor::Middle, bold: false, halo: None };
        for tick in self.axes.loss.ticks() {
            let y = self.axes.loss.at(tick.value);
            let ends = [Point { x: FRAME.left, y }, Point { x: FRAME.right, y }];
            self.svg.line(&ends, Stroke::solid(grid, 1.0));
            let at = Point { x: FRAME.left - 9.0, y: y + 4.0 };
            self.svg.text(at, &tick.label.unwrap_or_default(), Lettering { anchor: Anchor::End, ..word });
        }
        let bottom = FRAME.bottom;
        for tick in self.axes.params.ticks() {
            let x = self.axes.params.at(tick.value);
            let length = if tick.label.is_some() { 6.0 } else { 3.5 };
            let ends = [Point { x, y: bottom }, Point { x, y: bottom + length }];
            self.svg.line(&ends, Stroke::solid(muted, 1.0));
            self.svg.text(Point { x, y: bottom + 20.0 }, &tick.label.unwrap_or_default(), word);
        }
        let ends = [Point { x: FRAME.left, y: bottom }, Point { x: FRAME.right, y: bottom }];
        self.svg.line(&ends, Stroke::solid(muted, 1.0));
        let name = Lettering { color: ink, size: 12.5, ..word };
        let middle = Point { x: 0.5 * (FRAME.left + FRAME.right), y: bottom + 42.0 };
        self.svg.text(middle, "model size N, parameters", name);
        let middle = Point { x: 16.0, y: 0.5 * (FRAME.top + bottom) };
        self.svg.rotated_text(middle, -90.0, "loss, nats per token", name);
    }

    /// The line through the optima, dashed and with its band from the largest budget to the big run's.
    fn frontier(&mut self, curves: &[Curve]) {
        let (Some(first), Some(last)) = (curves.first(), curves.last()) else { return };
        let (first, last) = (first.six_nd.get(), last.six_nd.get());
        let line = |input: &ValleysInput, axes: &Axes, from: f64, to: f64| -> Vec<Point> {
            spaced(from, to, 48)
                .filter_map(|six_nd| best_at(input, six_nd))
                .filter(|best| axes.hold(best.params.get(), best.loss.value))
                .map(|best| axes.point(best.params.get(), best.loss.value))
                .collect()
        };
        let muted = self.inks.muted;
        let within = line(self.input, &self.axes, first, last);
        self.room.add_line(&within);
        self.svg.line(&within, Stroke::solid(muted, 1.6));
        let Some(claim) = self.input.claim.filter(|claim| claim.flops.get() > last) else { return };

        let beyond: Vec<Prediction> =
            spaced(last, claim.flops.get(), 24).filter_map(|six_nd| best_at(self.input, six_nd)).collect();
        let edge = |end: fn(&Estimate) -> Option<f64>| -> Vec<Point> {
            let places = beyond.iter().filter_map(|best| Some((best.params.get(), end(&best.loss)?)));
            places.map(|(params, loss)| self.axes.point(params, loss)).collect()
        };
        let (mut band, upper) = (edge(|loss| loss.lo), edge(|loss| loss.hi));
        band.extend(upper.into_iter().rev());
        self.svg.area(&band, self.inks.accent, 0.13);
        let dashes = line(self.input, &self.axes, last, claim.flops.get());
        self.room.add_line(&dashes);
        self.svg.line(&dashes, Stroke::dashed(muted, 1.6));
        if let Some(middle) = dashes.get(dashes.len() / 2) {
            let text = "compute-optimal".to_owned();
            let at = Point { x: middle.x - text_width(&text, LABEL_SIZE) - 12.0, y: middle.y + 14.0 };
            self.wishes.push(Wish { text, at, color: muted.to_owned(), bold: false });
        }
    }

    fn curves(&mut self, curves: &[Curve]) {
        for (index, curve) in curves.iter().enumerate() {
            let color = self.input.theme.ramp(index, curves.len());
            self.curve(curve.six_nd.get(), curve.reach(), Some(curve.sizes), &color, &curve.label);
        }
        if let Some(claim) = self.input.claim {
            // The valley of a budget at which nothing was trained yet.
            let size = claim.params.get();
            let label = format!("big run, {} FLOP", numbers::compute(claim.flops.get(), 2));
            let accent = self.inks.accent;
            self.curve(claim.flops.get(), (size / 3.0, size * 1.6), None, accent, &label);
        }
    }

    /// The law along one budget: solid where runs lie, dashed beyond them, labelled at its right end.
    fn curve(&mut self, six_nd: f64, reach: (f64, f64), solid: Option<(f64, f64)>, color: &str, label: &str) {
        let point = |params: f64| {
            let loss = loss_on(self.input.fit, params, six_nd)?;
            self.axes.hold(params, loss).then(|| self.axes.point(params, loss))
        };
        let segment = |from: f64, to: f64| -> Vec<Point> { spaced(from, to, SAMPLES).filter_map(point).collect() };
        let (dashed, kept) = match solid {
            Some((low, high)) => (vec![segment(reach.0, low), segment(high, reach.1)], segment(low, high)),
            None => (vec![segment(reach.0, reach.1)], Vec::new()),
        };
        let end = dashed.last().and_then(|line| line.last()).or(kept.last()).copied();
        for line in &dashed {
            self.room.add_line(line);
            self.svg.line(line, Stroke::dashed(color, 1.4));
        }
        self.room.add_line(&kept);
        self.svg.line(&kept, Stroke::solid(color, 1.8));
        if let Some(end) = end {
            let at = Point { x: end.x + 6.0, y: end.y };
            self.wishes.push(Wish { text: label.to_owned(), at, color: color.to_owned(), bold: true });
        }
    }

    fn runs(&mut self, budgets: &Budgets) {
        for run in &budgets.others {
            let muted = self.inks.muted;
            self.run(run, Marker::Circle, 2.6, muted);
        }
        let count = budgets.groups.len();
        for (index, budget) in budgets.groups.iter().enumerate() {
            let color = self.input.theme.ramp(index, count);
            // Many runs: smaller dots, so that each is still seen.
            let radius = if self.input.runs.kept.len() > 60 { 0.75 * DOT } else { DOT };
            for run in &budget.runs {
                self.run(run, MARKERS[index % MARKERS.len()], radius, &color);
            }
        }
    }

    fn run(&mut self, run: &Run, marker: Marker, radius: f64, color: &str) {
        let (params, loss) = (run.params.get(), run.loss.get());
        let name = format!(
            "{}: {} on {} tokens, loss {}",
            escape::shorten(&run.name, 60),
            numbers::count(params),
            numbers::count(run.tokens.get()),
            numbers::general(loss, 5)
        );
        let (lowest, highest) = self.axes.loss.domain();
        if loss > highest {
            let at = Point { y: FRAME.top + 7.0, ..self.axes.point(params, highest) };
            self.room.add_dot(at, radius);
            let outline = Stroke::solid(color, 1.3);
            self.svg.marker(Marker::TriangleUp, at, radius, self.inks.background, outline, &name);
            return;
        }
        let at = self.axes.point(params, loss);
        if let Some(se) = run.loss_se {
            let (low, high) = ((loss - se).max(lowest), (loss + se).min(highest));
            let ends = [self.axes.point(params, low), self.axes.point(params, high)];
            self.svg.line(&ends, Stroke::solid(color, 1.2));
        }
        self.room.add_dot(at, radius + 1.0);
        self.svg.marker(marker, at, radius, color, Stroke::solid(self.inks.background, 1.0), &name);
    }

    /// The bottom of each valley with the interval of its size; a run that hit it stands on the bar.
    fn optima(&mut self, curves: &[Curve]) {
        let ink = self.inks.ink;
        let (left, right) = self.axes.params.domain();
        for (curve, optimum) in curves.iter().filter_map(|curve| Some((curve, curve.optimum?))) {
            let Optimum { params, loss } = optimum;
            if !self.axes.hold(params.value, loss) {
                continue;
            }
            let at = self.axes.point(params.value, loss);
            let name =
                format!("best at {}: {} parameters", curve.label, Rounded::count(&params).sentence(self.input.level));
            if let Some((lo, hi)) = params.lo.zip(params.hi) {
                let (from, to) = (self.axes.params.at(lo.max(left)), self.axes.params.at(hi.min(right)));
                let corner = |x: f64, side: f64| Point { x, y: at.y + side * OPTIMUM };
                let bar = [corner(from, -1.0), corner(to, -1.0), corner(to, 1.0), corner(from, 1.0)];
                self.svg.area(&bar, ink, 0.3);
                self.room.add_line(&[Point { x: from, ..at }, Point { x: to, ..at }]);
            }
            self.room.add_dot(at, OPTIMUM);
            let tick = [Point { y: at.y - OPTIMUM - 2.0, ..at }, Point { y: at.y + OPTIMUM + 2.0, ..at }];
            self.svg.named_line(&tick, Stroke::solid(ink, 2.0), &name);
        }
    }

    /// The big run: its predicted loss as an interval, what it reached as a star.
    fn big_run(&mut self) {
        let Some(claim) = self.input.claim else { return };
        let Inks { accent, background, ink, .. } = self.inks;
        let size = claim.params.get();
        if let Some((lo, hi)) = claim.loss.lo.zip(claim.loss.hi) {
            let ends = [self.axes.point(size, lo), self.axes.point(size, hi)];
            self.room.add_line(&ends);
            self.svg.line(&ends, Stroke::solid(accent, 2.2));
            for end in ends {
                let cap = [Point { x: end.x - 6.0, ..end }, Point { x: end.x + 6.0, ..end }];
                self.svg.line(&cap, Stroke::solid(accent, 2.2));
            }
        }
        let at = self.axes.point(size, claim.loss.value);
        self.room.add_dot(at, 8.0);
        let name = escape::shorten(&claim.name, 60);
        let predicted = format!("{name}: predicted {}", Rounded::loss(&claim.loss).sentence(claim.level));
        self.svg.marker(Marker::Circle, at, 3.6, background, Stroke::solid(accent, 1.8), &predicted);
        if let Some(verdict) = self.input.verdict {
            let at = self.axes.point(size, verdict.observed.get());
            self.room.add_dot(at, 9.0);
            let name = format!("{}: reached {}", escape::shorten(&verdict.run, 60), words::observed(verdict));
            self.svg.marker(Marker::Star, at, 9.0, ink, Stroke::solid(background, 1.2), &name);
            if !verdict.inside {
                let text = format!("reached {}", words::observed(verdict));
                let at = Point { x: at.x + 14.0, y: at.y };
                self.wishes.push(Wish { text, at, color: ink.to_owned(), bold: true });
            }
        }
    }

    /// The big run again, enlarged: on the scale of the ladder its interval is a few pixels high.
    fn enlarged(&mut self) {
        let Some(claim) = self.input.claim else { return };
        let Some((lo, hi)) = claim.loss.lo.zip(claim.loss.hi) else { return };
        let Inks { accent, background, ink, muted, .. } = self.inks;
        let loss = Rounded::loss(&claim.loss);
        let predicted = format!("predicted {}", loss.sentence(claim.level));
        let reached = self.input.verdict.map(|verdict| {
            let side = if verdict.inside { "inside" } else { "outside" };
            (verdict.observed.get(), format!("reached {}, {side}", words::observed(verdict)))
        });
        let width = text_width(&predicted, LABEL_SIZE).max(200.0);
        let height = if reached.is_some() { 78.0 } else { 60.0 };
        let wish = Point { x: FRAME.left + 16.0, y: FRAME.bottom - 12.0 - 0.5 * height };
        let Some(place) = self.room.place(wish, width, height) else { return };

        let word =
            Lettering { color: muted, size: LABEL_SIZE, anchor: Anchor::Start, bold: false, halo: Some(background) };
        let row = |number: f64| Point { x: place.left, y: place.top + 11.0 + 16.0 * number };
        self.svg.text(row(0.0), "the big run, enlarged: loss", word);
        let observed = reached.as_ref().map(|(observed, _)| *observed);
        let ends = |pick: fn(f64, f64) -> f64, end: f64| observed.map_or(end, |observed| pick(end, observed));
        let scale = Scale::linear((ends(f64::min, lo), ends(f64::max, hi)), (place.left + 10.0, place.left + 190.0));
        let y = place.top + 29.0;
        let at = |loss: f64| Point { x: scale.at(loss), y };
        self.svg.line(&[at(lo), at(hi)], Stroke::solid(accent, 2.4));
        for end in [at(lo), at(hi)] {
            let cap = [Point { y: end.y - 6.0, ..end }, Point { y: end.y + 6.0, ..end }];
            self.svg.line(&cap, Stroke::solid(accent, 2.4));
        }
        self.svg.marker(Marker::Circle, at(claim.loss.value), 5.0, background, Stroke::solid(accent, 2.2), "predicted");
        self.svg.text(row(2.6), &predicted, Lettering { color: accent, ..word });
        if let Some((observed, text)) = reached {
            self.svg.marker(Marker::Star, at(observed), 9.0, ink, Stroke::solid(background, 1.2), "reached");
            self.svg.text(row(3.7), &text, Lettering { color: ink, bold: true, ..word });
        }
    }

    fn labels(&mut self) {
        self.enlarged();
        let width = |wish: &Wish| text_width(&wish.text, LABEL_SIZE) * if wish.bold { 1.04 } else { 1.0 };
        let mut wishes = std::mem::take(&mut self.wishes);
        // Later wishes are about the big run and matter most; but a label that fits where it belongs is not pushed away by
        // one that has to look for a place anyway.
        wishes.reverse();
        wishes.sort_by_key(|wish| wish.at.x + width(wish) > FRAME.right);
        for wish in wishes {
            let width = width(&wish);
            let Some(place) = self.room.place(wish.at, width, LABEL_HEIGHT) else { continue };
            let lettering = Lettering {
                color: &wish.color,
                size: LABEL_SIZE,
                anchor: Anchor::Start,
                bold: wish.bold,
                halo: Some(self.inks.background),
            };
            self.svg.text(Point { x: place.left, y: place.bottom - 3.0 }, &wish.text, lettering);
        }
    }

    fn heading(&mut self, budgets: &Budgets) {
        let Inks { ink, muted, .. } = self.inks;
        let bold = Lettering { color: ink, size: 16.0, anchor: Anchor::Start, bold: true, halo: None };
        self.svg.text(Point { x: FRAME.left, y: 28.0 }, &title(self.input), bold);
        let kind = match (budgets.scattered, budgets.groups.len()) {
            (true, 1) => "class of compute",
            (true, _) => "classes of compute",
            (false, 1) => "budget",
            (false, _) => "budgets",
        };
        let line = format!("{} runs in {} {kind}", numbers::whole(self.input.runs.kept.len()), budgets.groups.len());
        let small = Lettering { color: muted, size: 12.5, bold: false, ..bold };
        self.svg.text(Point { x: FRAME.left, y: 47.0 }, &line, small);
    }

    fn caption(&mut self, lines: &[String]) {
        let lettering =
            Lettering { color: self.inks.muted, size: CAPTION_SIZE, anchor: Anchor::Start, bold: false, halo: None };
        for (line, text) in lines.iter().enumerate() {
            self.svg.text(Point { x: FRAME.left, y: CAPTION_TOP + CAPTION_LINE * line as f64 }, text, lettering);
        }
    }
}

fn title(input: &ValleysInput) -> String {
    let growth = input.fit.derived(input.level).into_iter().find(|(name, _)| *name == "a");
    growth.map_or_else(
        || "IsoFLOP valleys".to_owned(),
        |(_, a)| format!("Best model size grows as compute^{}", Rounded::parameter(&a).sentence(input.level)),
    )
}

/// What a reader must know to read the figure: marks, conventions, numbers of runs, method.
fn caption(input: &ValleysInput, budgets: &Budgets, axes: &Axes) -> String {
    let fit = input.fit;
    let level = numbers::level(input.level);
    let mut sentences = vec![if budgets.scattered {
        "Compute is scattered, so each colour is a class of runs with similar C; its curve is drawn at their mean C."
            .to_owned()
    } else {
        "Each colour is one training budget C.".to_owned()
    }];
    let bars = if input.runs.kept.iter().any(|run| run.loss_se.is_some()) { ", bars one standard error" } else { "" };
    sentences.push(format!("Filled marks: runs{bars}."));
    if !budgets.others.is_empty() {
        sentences.push(format!("Small grey dots: {} runs of no budget.", budgets.others.len()));
    }
    if axes.above > 0 {
        sentences.push(format!("Open triangles: {} runs above the frame.", axes.above));
    }
    let (kept, dropped) = fit.run_counts();
    let method = match (fit.objective(), fit.source()) {
        (Some(objective), _) => format!("fitted to {kept} runs by {objective} ({dropped} dropped)"),
        (None, Some(source)) => source.to_owned(),
        (None, None) if fit.prior().is_some() => format!("the posterior of {kept} runs ({dropped} dropped)"),
        (None, None) => "of unknown origin".to_owned(),
    };
    sentences.push(format!("Curves: {}, {method}; solid where runs lie, dashed beyond.", fit.law().formula()));
    let doubt = match fit.draws().len() {
        0 => "no interval, for the fit has no draws".to_owned(),
        _ => format!("grey bar: its {level} interval from {}", words::draws(fit)),
    };
    sentences.push(format!("Upright tick: best size of a budget; {doubt}."));
    if let Some(claim) = input.claim {
        let star = if input.verdict.is_some() { "; star: what it reached" } else { "" };
        sentences.push(format!(
            "Orange: the big run, sealed before it was trained, {} interval of one new run{star}.",
            numbers::level(claim.level)
        ));
    }
    let conventions = fit.conventions();
    sentences.push(format!(
        "N: {}. C: {}. Loss: nats per token, held-out text.",
        conventions.params,
        words::flops_counted(conventions.flops)
    ));
    sentences.join(" ")
}
