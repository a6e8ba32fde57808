//! Where the runs are cut: smaller ones to fit, larger ones to judge.

use std::ops::Range;

use isoflop_numerics::elementary::log10;
use serde::{Deserialize, Serialize};

use super::BacktestError;
use crate::runs::groups::{CUT_SHARES, FEWEST_FITTED, FEWEST_JUDGED, by_compute, can_be_judged, cut_after, cut_at};
use crate::runs::{Run, Runs};
use crate::units::Flops;

/// A cut that was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// Runs with less compute are fitted.
    pub fitted_below: Flops,
    /// Runs with at least this are judged.
    pub judged_from: Flops,
}

impl Cut {
    /// At one compute: below it is fitted, the rest is judged.
    pub fn at(flops: Flops) -> Self {
        Self { fitted_below: flops, judged_from: flops }
    }
}

/// A cut as it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Largest compute among the fitted runs, FLOP.
    pub largest_fitted: Flops,
    /// Runs fitted.
    pub fitted: usize,
    /// Runs judged.
    pub judged: usize,
    /// Decades of compute from the largest fitted to the largest judged.
    pub decades: f64,
    /// Where the judged runs stand in order of compute; the fitted ones come first.
    #[serde(skip)]
    pub(super) places: Range<usize>,
}

/// Cuts that are made where none is asked for.
const FOUR: usize = CUT_SHARES.len();
/// Compute that the runs below such a cut span at least, as a factor: one budget alone tells no floor from what falls towards it.
const LEAST_SPAN: f64 = 2.0;

/// The cuts of `sorted` runs: those `asked` for; else those that rehearsals use, and where these are fewer than four, up to four of all that
/// there are.
pub(super) fn origins(sorted: &[Run], asked: &[Cut]) -> Result<Vec<Origin>, BacktestError> {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
        return Err(BacktestError::TooFewRuns { found: 0 });
    };
    if sorted.len() < FEWEST_FITTED + FEWEST_JUDGED {
        return Err(BacktestError::TooFewRuns { found: sorted.len() });
    }
    if cut_after(sorted, 0) == sorted.len() {
        return Err(BacktestError::OneBudget { runs: sorted.len(), smallest: first.flops, largest: last.flops });
    }
    if !asked.is_empty() {
        let made = |cut: &Cut| {
            let below = |flops: Flops| sorted.partition_point(|run| run.flops < flops);
            let (fitted, judged) = (below(cut.fitted_below), below(cut.judged_from));
            origin(sorted, fitted, judged.max(fitted)).ok_or(BacktestError::BadCut {
                cut: cut.fitted_below,
                fitted,
                judged: sorted.len() - judged.max(fitted),
                smallest: first.flops,
                largest: last.flops,
            })
        };
        return asked.iter().map(made).collect();
    }
    let usable = |mut places: Vec<usize>| -> Vec<Origin> {
        places.dedup();
        places.retain(|place| sorted[place - 1].flops.get() >= LEAST_SPAN * first.flops.get());
        places.into_iter().filter_map(|place| origin(sorted, place, place)).collect()
    };
    let by_share = usable(CUT_SHARES.iter().map(|share| cut_at(sorted, *share)).collect());
    if by_share.len() == FOUR {
        return Ok(by_share);
    }
    let all = usable((0..sorted.len()).map(|last| cut_after(sorted, last)).collect());
    if all.is_empty() { Err(BacktestError::NoCut) } else { Ok(evenly(all, FOUR)) }
}

/// Runs of the top are those with at least this share of the largest compute.
const TOP: f64 = 0.8;

impl Cut {
    /// Cuts above one budget after the other, up to `most` of them, that are all judged by the runs of the largest: how the forecast of the top
    /// came about as the ladder grew.
    ///
    /// # Errors
    /// [`BacktestError`] where the runs allow none.
    ///
    /// # Example
    /// ```
    /// use isoflop::backtest::Cut;
    /// use isoflop::{Runs, TableFormat};
    /// let rows = (0..30).map(|i| format!("{},{},2\n", 1e7 * 1.5f64.powi(i % 6), 1e18 * 4f64.powi(i / 6)));
    /// let table = format!("params,flops,loss\n{}", rows.collect::<String>());
    /// let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false)?;
    /// let below: Vec<f64> = Cut::below_the_top(&runs, 8)?.iter().map(|cut| cut.fitted_below.get()).collect();
    /// assert_eq!(below, [1.6e19, 6.4e19, 2.56e20]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn below_the_top(runs: &Runs, most: usize) -> Result<Vec<Self>, BacktestError> {
        let sorted = by_compute(&runs.finished().kept);
        let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
            return Err(BacktestError::TooFewRuns { found: 0 });
        };
        let top = sorted.partition_point(|run| run.flops.get() < TOP * last.flops.get());
        // A table of scattered compute has one run at the top.
        let top = top.min(sorted.len().saturating_sub(FEWEST_JUDGED));
        let mut places: Vec<usize> = (0..top).map(|place| cut_after(&sorted, place).min(top)).collect();
        places.dedup();
        places.retain(|place| {
            sorted[place - 1].flops.get() >= LEAST_SPAN * first.flops.get() && origin(&sorted, *place, top).is_some()
        });
        if places.is_empty() {
            return Err(if sorted.len() < FEWEST_FITTED + FEWEST_JUDGED {
                BacktestError::TooFewRuns { found: sorted.len() }
            } else {
                BacktestError::NoCut
            });
        }
        let judged_from = sorted[top].flops;
        Ok(evenly(places, most)
            .into_iter()
            .map(|place| Self { fitted_below: sorted[place].flops, judged_from })
            .collect())
    }
}

/// Up to `most` of `all`, evenly over them, the first and the last among them.
fn evenly<T: Clone>(all: Vec<T>, most: usize) -> Vec<T> {
    if all.len() <= most {
        return all;
    }
    let (widest, last) = (all.len() - 1, most.saturating_sub(1).max(1));
    (0..most).map(|number| all[number * widest / last].clone()).collect()
}

/// The cut that fits the runs before place `fitted` and judges those from place `judged` on; `None` where these are too few or too near.
fn origin(sorted: &[Run], fitted: usize, judged: usize) -> Option<Origin> {
    let (smaller, larger) = (&sorted[..fitted], &sorted[judged..]);
    if !can_be_judged(smaller, larger) {
        return None;
    }
    let (largest_fitted, largest) = (smaller.last()?.flops, larger.last()?.flops);
    Some(Origin {
        largest_fitted,
        fitted,
        judged: larger.len(),
        decades: log10(largest.get() / largest_fitted.get()),
        places: judged..sorted.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TableFormat;

    /// `sizes` runs at each budget.
    fn ladder(budgets: &[f64], sizes: i32) -> Vec<Run> {
        let rows =
            budgets.iter().flat_map(|flops| (0..sizes).map(move |i| format!("{},{flops},2\n", 1e7 * 1.5f64.powi(i))));
        let table = format!("params,flops,loss\n{}", rows.collect::<String>());
        by_compute(&Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap().kept)
    }

    #[test]
    fn budgets_are_kept_whole_and_one_alone_is_never_fitted() {
        let fitted = |budgets: &[f64]| -> Vec<usize> {
            origins(&ladder(budgets, 9), &[]).unwrap().iter().map(|origin| origin.fitted).collect()
        };
        assert_eq!(fitted(&[1e18, 3e18, 1e19, 3e19, 1e20]), [18, 27, 36]);
        assert_eq!(fitted(&[1e18, 3e18, 1e19, 3e19, 1e20, 3e20, 1e21, 3e21]).len(), 4);
        let origins = origins(&ladder(&[1e18, 3e18, 1e19], 9), &[]).unwrap();
        assert!(origins.len() == 1 && (origins[0].decades - log10(1e19 / 3e18)).abs() < 1e-12);
    }

    #[test]
    fn tables_without_larger_runs_are_refused_with_the_remedy() {
        let said = |runs: &[Run]| origins(runs, &[]).unwrap_err().to_string();
        assert!(said(&ladder(&[1e18], 20)).contains("add runs at other budgets"));
        assert!(said(&ladder(&[1e18, 1e19], 4)).contains("there are 8 runs: add runs"));
        assert!(said(&ladder(&[1e18, 1e19], 20)).contains("no cut of compute leaves"));
    }

    #[test]
    fn cuts_below_the_top_are_all_judged_by_it() {
        let cuts = |budgets: &[f64], most: usize| {
            let kept = ladder(budgets, 6);
            Cut::below_the_top(&Runs { kept, ..Runs::default() }, most)
        };
        let six = [1e18, 3e18, 1e19, 3e19, 1e20, 3e20];
        let made = cuts(&six, 9).unwrap();
        assert_eq!(made.iter().map(|cut| cut.fitted_below.get()).collect::<Vec<_>>(), [1e19, 3e19, 1e20, 3e20]);
        assert!(made.iter().all(|cut| cut.judged_from.get() == 3e20));
        let two = cuts(&six, 2).unwrap();
        assert_eq!(two, [made[0], made[3]]);
        assert!(cuts(&[1e18], 9).unwrap_err().to_string().contains("there are 6 runs"));
        assert!(Cut::below_the_top(&Runs::default(), 9).is_err());
        let one_at_the_top: Vec<f64> = (0..20).map(|step| 1e18 * 1.5f64.powi(step)).collect();
        let scattered = Runs { kept: ladder(&one_at_the_top, 1), ..Runs::default() };
        // All of one size: nothing to tell a law from.
        assert_eq!(Cut::below_the_top(&scattered, 9), Err(BacktestError::NoCut));
    }

    #[test]
    fn a_cut_that_was_asked_for_is_made_or_refused() {
        let runs = ladder(&[1e18, 1e19, 1e20], 9);
        let cut = |below: f64, from: f64| Cut {
            fitted_below: Flops::new(below).unwrap(),
            judged_from: Flops::new(from).unwrap(),
        };
        let made = origins(&runs, &[cut(5e18, 5e19)]).unwrap();
        assert_eq!((made[0].fitted, made[0].judged, made[0].places.clone()), (9, 9, 18..27));
        let refused = origins(&runs, &[cut(1e18, 1e18)]).unwrap_err().to_string();
        assert!(
            refused.contains("leaves 0 runs below and 27 runs above") && refused.contains("1e18 to 1e20"),
            "{refused}"
        );
    }
}
