//! IsoFLOP valleys: loss against model size, one curve per training budget, their optima, and the big run beyond them.

use isoflop::{Claim, Estimate, Fit, Flops, Params, Prediction, Run, Runs, Tokens, Verdict};

use super::shared;
use crate::budgets::{self, Budget, Budgets};
use crate::escape;
use crate::figure::{Axis, Color, Dot, Extent, Figure, Label, Mark, Marker, Panel, Quantity, Side, Size, Whisker};
use crate::numbers::{self, Rounded};
use crate::words;

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
}

/// Points to a curve.
const SAMPLES: usize = 160;
/// Points to the line of optima within the budgets, and beyond them.
const FRONTIER_SAMPLES: (usize, usize) = (48, 24);
/// An optimum farther than this factor from every run is an extrapolation that would squeeze the runs into a corner.
const FAR: f64 = 10.0;

/// Model size across, loss upwards, a curve for each budget with its best size, and the big run; below it the big run enlarged, for on
/// the scale of the ladder its interval is a few pixels high.
///
/// # Example
/// ```
/// use isoflop::{Fit, Runs, TableFormat, law::published};
/// use isoflop_report::figure::Page;
/// use isoflop_report::{ValleysInput, svg, valleys};
///
/// let table = "params,flops,loss\n1e8,1e19,3.03\n2e8,1e19,2.97\n4e8,1e19,2.99\n";
/// let runs = Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false)?;
/// let fit = Fit::from_published(published("besiroglu2024").unwrap());
/// let figure = valleys(&ValleysInput { runs: &runs, fit: &fit, level: 0.9, claim: None, verdict: None });
/// let svg = svg(&figure, &Page::default());
/// assert!(svg.starts_with("<svg") && svg.contains("1e19 FLOP"));
/// # Ok::<(), isoflop::RunsError>(())
/// ```
pub fn valleys(input: &ValleysInput) -> Figure {
    let budgets = budgets::group(&input.runs.kept);
    let curves: Vec<Curve> =
        budgets.groups.iter().map(|budget| Curve::of_budget(budget, budgets.scattered, input)).collect();
    let mut sizes = Axis::logarithmic("model size N, parameters", Quantity::Count);
    if input.runs.kept.is_empty() {
        sizes = sizes.at_least(1e6, 1e9);
    }
    let panel = Panel::new(sizes, Axis::linear("loss, nats per token", Quantity::Plain));
    let mut panel = Panel { height: 430.0, ..panel };
    panel.marks.extend(frontier(input, &curves));
    for (index, curve) in curves.iter().enumerate() {
        let line =
            curve_line(input, curve.six_nd.get(), curve.reach(), Color::class(index, curves.len()), &curve.label);
        panel.push(line.solid_within(curve.sizes.0, curve.sizes.1));
    }
    if let Some(claim) = input.claim {
        // The valley of a budget at which nothing was trained yet.
        let size = claim.params.get();
        let label = format!("big run, {} FLOP", numbers::compute(claim.flops.get(), 2));
        panel.push(curve_line(input, claim.flops.get(), (size / 3.0, size * 1.6), Color::Accent, &label).dashed());
    }
    panel.push(optima(input, &curves));
    panel.marks.extend(shared::runs_by_budget(&budgets, dot));
    let dropped = shared::dropped(input.runs, |numbers| Some((numbers.params.get(), numbers.loss?.get())));
    panel.marks.extend(dropped.clone());
    panel.marks.extend(big_run(input));
    let enlarged = enlarged(input);
    let caption = caption(input, &budgets, enlarged.is_some(), dropped.as_ref());
    Figure {
        title: title(input),
        subtitle: subtitle(input, &budgets),
        caption,
        panels: std::iter::once(panel).chain(enlarged).collect(),
        columns: 1,
        width: 860.0,
    }
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
        let best = best.clamp(self.sizes.0 / FAR, self.sizes.1 * FAR);
        (self.sizes.0.min(best / 1.5) / beyond, self.sizes.1.max(best * 1.5) * beyond)
    }

    /// Whether the optimum is near enough to the runs to be shown.
    fn is_near(&self) -> bool {
        let near = self.sizes.0 / FAR..=self.sizes.1 * FAR;
        self.optimum.is_some_and(|optimum| near.contains(&optimum.params.value))
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

/// The law along one budget, labelled at its right end.
fn curve_line(input: &ValleysInput, six_nd: f64, (from, to): (f64, f64), color: Color, label: &str) -> Mark {
    let sample = |params: f64| Some((params, loss_on(input.fit, params, six_nd)?));
    let points = shared::spaced(from, to, SAMPLES).filter_map(sample).collect();
    Mark::line(label, color, points).labelled(Label::after(label)).stretching(Extent::All, Extent::Nothing)
}

/// The line through the optima, dashed and with its band from the largest budget to the big run's.
fn frontier(input: &ValleysInput, curves: &[Curve]) -> Vec<Mark> {
    let (Some(first), Some(last)) = (curves.first(), curves.last()) else { return Vec::new() };
    let (first, last) = (first.six_nd.get(), last.six_nd.get());
    let best = |from: f64, to: f64, count: usize| -> Vec<Prediction> {
        shared::spaced(from, to, count).filter_map(|six_nd| best_at(input, six_nd)).collect()
    };
    let line = |series: &str, best: &[Prediction]| {
        let points = best.iter().map(|best| (best.params.get(), best.loss.value)).collect();
        Mark::line(series, Color::Muted, points).stretching(Extent::Nothing, Extent::Nothing)
    };
    let within = line("compute-optimal", &best(first, last, FRONTIER_SAMPLES.0));
    let Some(claim) = input.claim.filter(|claim| claim.flops.get() > last) else { return vec![within] };
    let beyond = best(last, claim.flops.get(), FRONTIER_SAMPLES.1);
    let ends = |best: &Prediction| Some((best.params.get(), best.loss.lo?, best.loss.hi?));
    let band = Mark::band("compute-optimal, interval", Color::Accent, beyond.iter().filter_map(ends).collect());
    let label = Label::beside("compute-optimal", 0.55, Side::Left);
    let dashes = line("compute-optimal, extrapolated", &beyond).dashed().labelled(label);
    vec![within, band.stretching(Extent::Nothing, Extent::Nothing), dashes]
}

/// The bottom of each valley with the interval of its size; a run that hit it stands on the bar.
fn optima(input: &ValleysInput, curves: &[Curve]) -> Mark {
    let dot = |curve: &Curve| {
        let Optimum { params, loss } = curve.optimum.filter(|_| curve.is_near())?;
        let sentence = Rounded::count(&params).sentence(input.level);
        let dot = Dot::at(params.value, loss).named(format!("best at {}: {sentence} parameters", curve.label));
        Some(Dot { x_interval: params.lo.zip(params.hi), ..dot })
    };
    Mark::dots("best sizes", Color::Ink, Marker::Tick, curves.iter().filter_map(dot).collect())
        .with_whiskers(Whisker::Bar)
        .stretching(Extent::Nothing, Extent::All)
}

/// A run with its standard error.
fn dot(run: &Run) -> Option<Dot> {
    let (params, loss) = (run.params.get(), run.loss.get());
    let dot = Dot::at(params, loss).named(shared::run_words(run));
    Some(Dot { y_interval: run.loss_se.map(|se| (loss - se, loss + se)), ..dot })
}

/// The big run's predicted loss as an interval, what it reached as a star.
fn big_run(input: &ValleysInput) -> Vec<Mark> {
    let Some(claim) = input.claim else { return Vec::new() };
    let size = claim.params.get();
    let predicted = format!(
        "{}: predicted {}",
        escape::shorten(&claim.name, shared::LONGEST),
        Rounded::loss(&claim.loss).sentence(claim.level)
    );
    let dot = Dot { y_interval: claim.loss.lo.zip(claim.loss.hi), ..Dot::at(size, claim.loss.value).named(predicted) };
    let claimed = Mark::dots("big run, predicted", Color::Accent, Marker::Circle, vec![dot])
        .open()
        .with_whiskers(Whisker::Capped);
    let reached = input.verdict.map(|verdict| {
        let name = format!("{}: reached {}", escape::shorten(&verdict.run, shared::LONGEST), words::observed(verdict));
        let label = (!verdict.inside).then(|| format!("reached {}", words::observed(verdict)));
        let dot = Dot { label, ..Dot::at(size, verdict.observed.get()).named(name) };
        Mark::dots("big run, reached", Color::Ink, Marker::Star, vec![dot]).sized(Size::Large)
    });
    std::iter::once(claimed).chain(reached).collect()
}

/// The big run again, its interval as wide as half the page.
fn enlarged(input: &ValleysInput) -> Option<Panel> {
    let claim = input.claim?;
    let (lo, hi) = claim.loss.lo.zip(claim.loss.hi).filter(|(lo, hi)| lo < hi && hi.is_finite())?;
    let half = 0.5 * (hi - lo);
    let loss = Axis::linear("loss of the big run, nats per token", Quantity::Plain).at_least(lo - half, hi + half);
    let mut panel = Panel { height: 62.0, ..Panel::new(loss, Axis::hidden()) };
    let predicted = format!("predicted {}", Rounded::loss(&claim.loss).sentence(claim.level));
    let dot = Dot::at(claim.loss.value, 0.5).across(lo, hi).named(predicted.as_str());
    let claimed = Mark::dots("big run, predicted", Color::Accent, Marker::Circle, vec![dot]);
    let label = Label::beside(predicted, 0.0, Side::Above);
    panel.push(claimed.open().with_whiskers(Whisker::Capped).labelled(label));
    if let Some(verdict) = input.verdict {
        let side = if verdict.inside { "inside" } else { "outside" };
        let reached = format!("reached {}, {side}", words::observed(verdict));
        let dot = Dot::at(verdict.observed.get(), 0.5).named(reached.as_str());
        let star = Mark::dots("big run, reached", Color::Ink, Marker::Star, vec![dot]).sized(Size::Large);
        panel.push(star.labelled(Label::beside(reached, 0.0, Side::Below)));
    }
    Some(panel)
}

fn subtitle(input: &ValleysInput, budgets: &Budgets) -> String {
    let kind = match (budgets.scattered, budgets.groups.len()) {
        (true, 1) => "class of compute",
        (true, _) => "classes of compute",
        (false, 1) => "budget",
        (false, _) => "budgets",
    };
    format!("{} runs in {} {kind}", numbers::whole(input.runs.kept.len()), budgets.groups.len())
}

fn title(input: &ValleysInput) -> String {
    let growth = input.fit.derived(input.level).into_iter().find(|(name, _)| *name == "a");
    growth.map_or_else(
        || "IsoFLOP valleys".to_owned(),
        |(_, a)| format!("Best model size grows as compute^{}", Rounded::parameter(&a).sentence(input.level)),
    )
}

/// What a reader must know to read the figure: marks, conventions, numbers of runs, method.
fn caption(input: &ValleysInput, budgets: &Budgets, enlarged: bool, dropped: Option<&Mark>) -> String {
    let fit = input.fit;
    let level = numbers::level(input.level);
    let mut sentences = vec![if budgets.scattered {
        "Compute is scattered, so each colour is a class of runs with similar C; its curve is drawn at their mean C."
            .to_owned()
    } else {
        "Each colour is one training budget C.".to_owned()
    }];
    let bars = if input.runs.kept.iter().any(|run| run.loss_se.is_some()) { ", bars one standard error" } else { "" };
    sentences.push(format!("Filled marks: runs{bars}.{}", shared::dropped_words(dropped)));
    if !budgets.others.is_empty() {
        sentences.push(format!("Small grey dots: {} runs of no budget.", budgets.others.len()));
    }
    sentences.push(format!(
        "Curves: {}, {}; solid where runs lie, dashed beyond.",
        fit.law().formula(),
        shared::method(fit)
    ));
    let doubt = match fit.draws().len() {
        0 => "no interval, for the fit has no draws".to_owned(),
        _ => format!("grey bar: its {level} interval from {}", words::draws(fit)),
    };
    sentences.push(format!("Upright tick: best size of a budget; {doubt}."));
    if let Some(claim) = input.claim {
        let below = if enlarged { "; below, enlarged" } else { "" };
        let star = if input.verdict.is_some() { "; star: what it reached" } else { "" };
        sentences.push(format!(
            "Orange: the big run, sealed before it was trained, {} interval of one new run{star}{below}.",
            numbers::level(claim.level)
        ));
    }
    sentences.push(shared::conventions(fit));
    sentences.join(" ")
}
