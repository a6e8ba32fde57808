//! Runs in order of compute: cut into smaller and larger ones without tearing a budget apart, grouped by budget, counted by size.

use std::ops::Range;

use isoflop_numerics::elementary::log10;

use super::Run;

/// Shares of the runs, smallest compute first, that a rehearsal or a back-test is fitted to.
pub(crate) const CUT_SHARES: [f64; 4] = [0.4, 0.55, 0.7, 0.85];
/// Fewest runs to fit below a cut, and to judge above it.
pub(crate) const FEWEST_FITTED: usize = 9;
pub(crate) const FEWEST_JUDGED: usize = 2;
/// Fewest different sizes below a cut.
pub(crate) const FEWEST_SIZES: usize = 3;
/// Decades that the judged runs must reach beyond a cut.
pub(crate) const SHORTEST_REACH: f64 = 0.1;
/// Compute within this factor of a run's lies on the same side of a cut: shapes round.
const ROUNDED_COMPUTE: f64 = 1.02;
/// Sizes this close, relatively, are one: shapes round.
const SAME_SIZE: f64 = 0.01;

/// `runs`, smallest compute first.
pub(crate) fn by_compute(runs: &[Run]) -> Vec<Run> {
    let mut sorted = runs.to_vec();
    sorted.sort_by(|a, b| a.flops.get().total_cmp(&b.flops.get()));
    sorted
}

/// Where to cut so that about `share` of the `sorted` runs lie below, none of one budget torn apart.
pub(crate) fn cut_at(sorted: &[Run], share: f64) -> usize {
    let last = ((share * sorted.len() as f64) as usize).saturating_sub(1).min(sorted.len().saturating_sub(1));
    cut_after(sorted, last)
}

/// Where to cut above run number `last` and the others of its budget; zero when there are no runs.
pub(crate) fn cut_after(sorted: &[Run], last: usize) -> usize {
    let Some(run) = sorted.get(last) else { return sorted.len() };
    let budget = run.flops.get() * ROUNDED_COMPUTE;
    sorted.partition_point(|run| run.flops.get() <= budget)
}

/// The runs of the largest budget of `sorted` ones.
pub(crate) fn largest_budget(sorted: &[Run]) -> &[Run] {
    let least = sorted.last().map_or(0.0, |run| run.flops.get() / ROUNDED_COMPUTE);
    &sorted[sorted.partition_point(|run| run.flops.get() < least)..]
}

/// Whether there are enough runs below a cut to fit, and enough far enough above it to judge.
pub(crate) fn can_be_judged(fitted: &[Run], judged: &[Run]) -> bool {
    let (Some(largest), Some(farthest)) = (fitted.last(), judged.last()) else { return false };
    fitted.len() >= FEWEST_FITTED
        && judged.len() >= FEWEST_JUDGED
        && log10(farthest.flops.get() / largest.flops.get()) >= SHORTEST_REACH
        && distinct_sizes(fitted) >= FEWEST_SIZES
}

/// The budgets of `sorted` runs: each holds the compute within `tolerance`, relatively, of its smallest.
pub(crate) fn budgets(sorted: &[Run], tolerance: f64) -> Vec<Range<usize>> {
    let mut budgets: Vec<Range<usize>> = Vec::new();
    for (place, run) in sorted.iter().enumerate() {
        match budgets.last_mut() {
            Some(budget) if run.flops.get() <= sorted[budget.start].flops.get() * (1.0 + tolerance) => {
                budget.end = place + 1;
            }
            _ => budgets.push(place..place + 1),
        }
    }
    budgets
}

/// Sizes that are not the same but for rounding.
pub(crate) fn distinct_sizes(runs: &[Run]) -> usize {
    let mut sizes: Vec<f64> = runs.iter().map(|run| run.params.get()).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup_by(|a, b| (*a / *b - 1.0).abs() < SAME_SIZE);
    sizes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Runs, TableFormat};

    fn sorted(flops: &[f64]) -> Vec<Run> {
        let rows: String = flops.iter().enumerate().map(|(i, flops)| format!("{}e6,{flops},2\n", i + 1)).collect();
        let table = format!("params,flops,loss\n{rows}");
        by_compute(&Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap().kept)
    }

    #[test]
    fn no_cut_tears_a_budget_apart() {
        let runs = sorted(&[1e19, 1e18, 1.01e18, 1.01e19, 1e20, 1e18]);
        assert_eq!((cut_at(&runs, 0.2), cut_at(&runs, 0.7), cut_at(&runs, 1.0)), (3, 5, 6));
        assert_eq!(budgets(&runs, 0.05), [0..3, 3..5, 5..6]);
        assert!(budgets(&[], 0.05).is_empty() && cut_at(&[], 0.4) == 0);
        assert_eq!(
            [largest_budget(&runs).len(), largest_budget(&runs[..5]).len(), largest_budget(&[]).len()],
            [1, 2, 0]
        );
    }

    #[test]
    fn a_cut_needs_runs_on_both_sides_and_a_way_between_them() {
        let runs = sorted(&[1e18, 1e18, 1e18, 1e18, 1e18, 1e18, 1e18, 1e18, 1e18, 1.1e18, 1e19]);
        assert!(can_be_judged(&runs[..9], &runs[9..]));
        assert!(!can_be_judged(&runs[..9], &runs[9..10]) && !can_be_judged(&runs[..8], &runs[9..]));
        let near = sorted(&[1e18, 1e18, 1e18, 1e18, 1e18, 1e18, 1e18, 1e18, 1e18, 1.1e18, 1.2e18]);
        assert!(!can_be_judged(&near[..9], &near[9..]) && !can_be_judged(&[], &near));
    }
}
