//! What several figures say and show alike: runs by budget, runs that were left out, the line of best runs, what was fitted and counted.

use isoflop::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use isoflop::{DroppedNumbers, Estimate, Fit, Flops, Run, Runs};

use crate::budgets::Budgets;
use crate::escape;
use crate::figure::{Color, Dot, Extent, Mark, Marker, Size};
use crate::numbers;
use crate::words;

/// Most characters of a run's name.
pub(super) const LONGEST: usize = 60;

/// `count` values from `from` to `to`, equally far apart in logarithm.
pub(super) fn spaced(from: f64, to: f64, count: usize) -> impl Iterator<Item = f64> + Clone {
    let ratio = (to / from).ln();
    (0..count).map(move |step| from * (ratio * step as f64 / (count - 1) as f64).exp())
}

/// The smallest and the largest of positive numbers; `None` where there are none.
pub(super) fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |ends: Option<(f64, f64)>, value| {
        Some(ends.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    })
}

/// Smallest and largest 6 N D of the runs; zeros where there are none.
pub(super) fn fitted_compute(runs: &Runs) -> (f64, f64) {
    let six_nd = |run: &Run| TRAINING_FLOPS_PER_PARAM_TOKEN * run.params.get() * run.tokens.get();
    ends(runs.kept.iter().map(six_nd)).unwrap_or((0.0, 0.0))
}

/// A run in words.
pub(super) fn run_words(run: &Run) -> String {
    format!(
        "{}: {} on {} tokens, loss {}",
        escape::shorten(&run.name, LONGEST),
        numbers::count(run.params.get()),
        numbers::count(run.tokens.get()),
        numbers::general(run.loss.get(), 5)
    )
}

/// The runs where `dot` puts them, budget by budget; before them those of no budget.
pub(super) fn runs_by_budget(budgets: &Budgets, dot: impl Fn(&Run) -> Option<Dot>) -> Vec<Mark> {
    let dots = |runs: &[&Run]| {
        runs.iter().filter_map(|run| Some(dot(run)?.of_run(budgets.position(run)))).collect::<Vec<Dot>>()
    };
    let others =
        Mark::dots("runs of no budget", Color::Muted, Marker::Circle, dots(&budgets.others)).sized(Size::Small);
    let count = budgets.groups.len();
    let groups = budgets.groups.iter().enumerate().map(|(index, budget)| {
        let series = format!("runs at {} FLOP", numbers::compute(budget.flops, 2));
        Mark::dots(series, Color::class(index, count), Marker::class(index), dots(&budget.runs))
    });
    std::iter::once(others).chain(groups).map(|mark| mark.stretching(Extent::All, Extent::Bulk)).collect()
}

/// Runs that were left out, as far as they have numbers, where `place` puts them: open, with the reason as their name. Rows that a filter
/// left out are of another kind and not shown.
pub(super) fn dropped(runs: &Runs, place: impl Fn(&DroppedNumbers) -> Option<(f64, f64)>) -> Option<Mark> {
    let dots: Vec<Dot> = runs
        .dropped
        .iter()
        .filter(|row| row.was_meant())
        .filter_map(|row| {
            let (x, y) = place(row.numbers.as_ref()?)?;
            let reason = escape::shorten(&row.reason.to_string(), LONGEST);
            Some(Dot::at(x, y).named(format!("{}, left out: {reason}", escape::shorten(&row.name, LONGEST))))
        })
        .collect();
    let mark = Mark::dots("left out", Color::Muted, Marker::Circle, dots);
    (!mark.dots_of().is_empty()).then(|| mark.open().stretching(Extent::Nothing, Extent::Nothing))
}

/// The sentence about runs that were left out, with a space before it; nothing where none are shown.
pub(super) fn dropped_words(mark: Option<&Mark>) -> String {
    mark.map_or_else(String::new, |mark| format!(" Open circles: {} runs left out.", mark.dots_of().len()))
}

/// `172 runs, 3 dropped`.
pub(super) fn counted(runs: &Runs) -> String {
    format!("{} runs, {} dropped", numbers::whole(runs.kept.len()), numbers::whole(runs.dropped.len()))
}

/// `1 run`, `42 runs`.
pub(super) fn count_of(count: usize, one: &str) -> String {
    format!("{} {one}{}", numbers::whole(count), if count == 1 { "" } else { "s" })
}

/// How the law of `fit` came to its parameters.
pub(super) fn method(fit: &Fit) -> String {
    let (kept, dropped) = fit.run_counts();
    match (fit.objective(), fit.source()) {
        (Some(objective), _) => format!("fitted to {kept} runs by {objective} ({dropped} dropped)"),
        (None, Some(source)) => source.to_owned(),
        (None, None) if fit.prior().is_some() => format!("the posterior of {kept} runs ({dropped} dropped)"),
        (None, None) => "of unknown origin".to_owned(),
    }
}

/// How N, C and loss are counted.
pub(super) fn conventions(fit: &Fit) -> String {
    let conventions = fit.conventions();
    format!(
        "N: {}. C: {}. Loss: nats per token, held-out text.",
        conventions.params,
        words::flops_counted(conventions.flops)
    )
}

/// The best run of one compute.
pub(super) struct Best {
    pub(super) flops: f64,
    /// Size, with its interval.
    pub(super) params: Estimate,
}

impl Best {
    /// What the compute leaves a size.
    pub(super) fn tokens(&self, params: f64) -> f64 {
        self.flops / TRAINING_FLOPS_PER_PARAM_TOKEN / params
    }
}

/// The best runs at `count` values of compute; none where the fit cannot tell.
pub(super) fn best_runs(fit: &Fit, (from, to): (f64, f64), count: usize, level: f64) -> Vec<Best> {
    let best = |flops: f64| Some(Best { flops, params: fit.best_size(Flops::new(flops).ok()?, level).ok()? });
    spaced(from, to, count).filter_map(best).collect()
}

/// The line of best runs in the plane of size and tokens, dashed beyond the compute of the fitted runs, under it the band of its sizes; none of
/// them stretches an axis.
pub(super) fn frontier(best: &[Best], fitted: (f64, f64)) -> [Mark; 2] {
    let end = |of: fn(&Estimate) -> Option<f64>| -> Vec<(f64, f64)> {
        best.iter().filter_map(|best| of(&best.params).map(|params| (params, best.tokens(params)))).collect()
    };
    let (mut outline, high) = (end(|params| params.lo), end(|params| params.hi));
    outline.extend(high.into_iter().rev());
    let line = best.iter().map(|best| (best.params.value, best.tokens(best.params.value))).collect();
    let within = best.iter().filter(|best| (fitted.0..=fitted.1).contains(&best.flops)).map(|best| best.params.value);
    let (from, to) = ends(within).unwrap_or((0.0, 0.0));
    let line = Mark::line("compute-optimal", Color::Ink, line).solid_within(from, to);
    let band = Mark::region("compute-optimal, interval", Color::Ink, outline).without_edge();
    [band, line].map(|mark| mark.stretching(Extent::Nothing, Extent::Nothing))
}
