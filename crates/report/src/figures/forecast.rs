//! Loss of the best runs against compute, within the runs and beyond them, with the band of a new run.

use isoflop::{Claim, Estimate, Fit, Flops, Plan, Runs, Verdict};

use super::shared;
use crate::escape;
use crate::figure::{
    Axis, Color, Direction, Dot, Extent, Figure, Label, Mark, Marker, Panel, Quantity, Side, Size, Whisker,
};
use crate::numbers::{self, Rounded};
use crate::words;

/// What the figure shows.
#[derive(Debug, Clone, Copy)]
pub struct ForecastInput<'a> {
    /// The runs the law was fitted to.
    pub runs: &'a Runs,
    /// The law, with its draws.
    pub fit: &'a Fit,
    /// Level of the wide band.
    pub level: f64,
    /// What is planned.
    pub plan: Option<&'a Plan>,
    /// What was sealed.
    pub claim: Option<&'a Claim>,
    /// What came of it, at the claim's compute.
    pub verdict: Option<&'a Verdict>,
}

/// Level of the narrow band.
const HALF: f64 = 0.5;
/// Points to a band.
const SAMPLES: usize = 48;
/// Without a target the forecast goes so far beyond the largest run.
const BEYOND: f64 = 30.0;

/// Compute across, loss upwards: the runs, the law's best run at each compute with the bands of one new run, and the run that is planned
/// or was predicted.
///
/// # Example
/// ```
/// use isoflop::{Fit, Runs, TableFormat, law::published};
/// use isoflop_report::{ForecastInput, forecast};
///
/// let table = "params,tokens,loss\n1e8,2e9,3.03\n2e8,4e9,2.77\n4e8,8e9,2.59\n";
/// let runs = Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false)?;
/// let fit = Fit::from_published(published("besiroglu2024").unwrap());
/// let input = ForecastInput { runs: &runs, fit: &fit, level: 0.9, plan: None, claim: None, verdict: None };
/// assert!(forecast(&input).title.contains("30x"));
/// # Ok::<(), isoflop::RunsError>(())
/// ```
pub fn forecast(input: &ForecastInput) -> Figure {
    let computes = || input.runs.kept.iter().map(|run| run.flops.get());
    let (least, largest) = if input.runs.kept.is_empty() {
        (1e18, 1e20)
    } else {
        (computes().fold(f64::INFINITY, f64::min), computes().fold(0.0, f64::max))
    };
    let target = input.claim.map(|claim| claim.flops.get()).or_else(|| input.plan.map(|plan| plan.flops.value));
    let farthest = target.unwrap_or(BEYOND * largest).max(largest);

    let mut panel = Panel::new(
        Axis::logarithmic("training compute C, FLOP", Quantity::Compute),
        Axis::linear("loss, nats per token", Quantity::Plain),
    );
    panel.height = 400.0;
    panel.push(Mark::range("fitted range", Direction::Across, least, largest).labelled(Label::beside(
        "fitted",
        0.0,
        Side::Right,
    )));
    panel.marks.extend(curve(input, least, farthest * 1.2, largest));
    let dots = input.runs.kept.iter().enumerate().map(|(position, run)| {
        let name = format!("{}: {:.4}", escape::shorten(&run.name, shared::LONGEST), run.loss.get());
        Dot::at(run.flops.get(), run.loss.get()).named(name).of_run(Some(position))
    });
    let runs = Mark::dots("runs", Color::Muted, Marker::Circle, dots.collect()).sized(Size::Small);
    panel.push(runs.stretching(Extent::All, Extent::Bulk));
    let dropped = shared::dropped(input.runs, |numbers| Some((numbers.flops.get(), numbers.loss?.get())));
    panel.marks.extend(dropped.clone());
    panel.marks.extend(target_marks(input));

    let factor = numbers::general(farthest / largest, 2);
    Figure {
        title: format!("Forecast to {factor}x the compute of the largest run"),
        subtitle: shared::counted(input.runs),
        caption: caption(input, dropped.as_ref()),
        width: 860.0,
        ..Figure::of(panel)
    }
}

/// The law's best run with its bands.
fn curve(input: &ForecastInput, from: f64, to: f64, largest: f64) -> Vec<Mark> {
    let at = |step: usize| from * (to / from).powf(step as f64 / (SAMPLES - 1) as f64);
    let loss_at = |flops: f64, level: f64| {
        let (params, tokens) = input.fit.best_allocation(Flops::new(flops).ok()?).ok()?;
        Some(input.fit.predict(params, tokens, level).ok()?.loss)
    };
    let band = |level: f64| -> Vec<(f64, f64, f64)> {
        let ends = |flops: f64| {
            let Estimate { lo, hi, .. } = loss_at(flops, level)?;
            Some((flops, lo?, hi?))
        };
        (0..SAMPLES).filter_map(|step| ends(at(step))).collect()
    };
    let middle = (0..SAMPLES).filter_map(|step| Some((at(step), loss_at(at(step), HALF)?.value))).collect();
    let color = Color::class(0, 1);
    let wide = Mark::band(numbers::level(input.level), color, band(input.level)).stretching(Extent::All, Extent::Bulk);
    let narrow = Mark::band(numbers::level(HALF), color, band(HALF));
    let line = Mark::line("best run of the law", color, middle).solid_within(0.0, largest);
    vec![wide, narrow, line]
}

/// What is planned or was predicted, and what came of it.
fn target_marks(input: &ForecastInput) -> Vec<Mark> {
    let dot = |flops: f64, loss: &Estimate, words: &str| {
        let text = format!("{words} {}", Rounded::loss(loss).value);
        let dot = Dot::at(flops, loss.value).named(text.as_str()).labelled(text);
        let dot = match (loss.lo, loss.hi) {
            (Some(lo), Some(hi)) => dot.upwards(lo, hi),
            _ => dot,
        };
        Mark::dots(words, Color::Accent, Marker::Circle, vec![dot]).open().with_whiskers(Whisker::Capped)
    };
    let mut marks = Vec::new();
    match (input.claim, input.plan) {
        (Some(claim), _) => marks.push(dot(claim.flops.get(), &claim.loss, "predicted")),
        (None, Some(plan)) => marks.push(dot(plan.flops.value, &plan.new_run, "planned")),
        (None, None) => {}
    }
    if let (Some(claim), Some(verdict)) = (input.claim, input.verdict) {
        let text = format!("reached {}", numbers::general(verdict.observed.get(), 4));
        let star =
            Dot::at(claim.flops.get(), verdict.observed.get()).named(words::verdict_answer(verdict)).labelled(text);
        marks.push(Mark::dots("reached", Color::Ink, Marker::Star, vec![star]).sized(Size::Large));
    }
    marks
}

fn caption(input: &ForecastInput, dropped: Option<&Mark>) -> String {
    let bands = if input.fit.draws().is_empty() {
        format!(" {}.", words::NO_INTERVAL)
    } else {
        format!(
            " Bands: {} and {} for one new run, from {}.",
            numbers::level(HALF),
            numbers::level(input.level),
            words::draws(input.fit)
        )
    };
    format!(
        "Line: loss of the best run of the law at each compute; dashed beyond the runs it was fitted to.{bands} Dots: all runs, of which most are \
         not the best of their compute.{} Law: {}. {}",
        shared::dropped_words(dropped),
        input.fit.law().formula(),
        shared::conventions(input.fit)
    )
}
