//! Is a run on the curve? Judged by the fit without it, whether that is drawn from the fit with it or made anew.

#![allow(clippy::unwrap_used)]

use isoflop::predict::{AgainstError, Side, against};
use isoflop::{Fit, FitOptions, Objective, Runs, TableFormat, fit, law::published};
use isoflop_numerics::resample::{standard_normal, stream};

const SCATTER: f64 = 0.003;

/// 30 runs around one law, of which number `odd` is off by `off`.
fn table(odd: usize, off: f64, without: Option<usize>) -> Runs {
    let mut generator = stream(5, 0);
    let mut table = String::from("run,params,tokens,loss\n");
    for i in 0..30 {
        let (params, tokens) = (1e8 * 1.8f64.powi(i % 6), 2e9 * 2.5f64.powi(i / 6));
        let loss = 1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37);
        let moved = if i as usize == odd { off } else { 0.0 };
        let observed = loss * (SCATTER * standard_normal(&mut generator) + moved).exp();
        if without != Some(i as usize) {
            table += &format!("r{i},{params},{tokens},{observed}\n");
        }
    }
    Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap()
}

fn posterior(runs: &Runs) -> Fit {
    fit(runs, &FitOptions { draws: 500, ..FitOptions::default() }).unwrap()
}

fn only(runs: &Runs, number: usize) -> Runs {
    Runs { kept: vec![runs.kept[number].clone()], ..runs.clone() }
}

/// The draws without a run, drawn from those with it, say what a fit without it says: for a run on the curve, one beside it, and one at
/// a corner of the grid, where leaving it out matters most.
#[test]
fn leaving_out_by_weights_is_leaving_out() {
    for (odd, off) in [(14, 0.0), (14, -0.012), (0, 0.006), (5, 0.009)] {
        let runs = table(odd, off, None);
        let with = posterior(&runs);
        let without = posterior(&table(odd, off, Some(odd)));
        let judged = against(&with, &only(&runs, odd), Some(&runs), 0.9, 1).unwrap();
        let anew = against(&without, &only(&runs, odd), None, 0.9, 1).unwrap();
        let (one, other) = (&judged.runs[0], &anew.runs[0]);
        assert!(one.left_out && !other.left_out && judged.fitted_known && !anew.fitted_known);
        assert!((one.z - other.z).abs() < 0.25 + 0.05 * other.z.abs(), "{odd} {off}: {} {}", one.z, other.z);
        assert!((one.spread.law / other.spread.law - 1.0).abs() < 0.25, "{:?} {:?}", one.spread, other.spread);
    }
}

#[test]
fn a_run_far_off_is_told_from_the_others_and_pulls_no_curve() {
    let runs = table(14, -0.02, None);
    let fit = posterior(&runs);
    let judged = against(&fit, &runs, None, 0.9, 0).unwrap();
    assert!(judged.runs.iter().all(|run| run.left_out));
    let odd = &judged.runs[14];
    assert!(odd.side == Side::Below && odd.z < -4.0 && odd.percentile < 0.01, "{odd:?}");
    // The expected loss is that of the law, not one drawn towards the run.
    let law = 1.8 + 480.0 / odd.params.get().powf(0.35) + 2000.0 / odd.tokens.get().powf(0.37);
    assert!((odd.expected.value / law - 1.0).abs() < 0.003, "{odd:?}");
    let others = judged.runs.iter().filter(|run| run.side != Side::On && run.run != "r14").count();
    assert!(others <= 7, "{others} of 29 where 2.9 are expected");
    assert_eq!(against(&fit, &runs, None, 0.9, 1).unwrap(), judged);
}

#[test]
fn plain_fits_leave_runs_out_too() {
    let runs = table(14, 0.0, None);
    let fit = fit(&runs, &FitOptions { draws: 200, ..FitOptions::hoffmann(Objective::LogLeastSquares) }).unwrap();
    let judged = against(&fit, &runs, None, 0.9, 0).unwrap();
    assert!(judged.runs.iter().all(|run| run.left_out && run.z.abs() < 5.0));
}

#[test]
fn what_cannot_be_compared_is_not() {
    let runs = table(0, 0.0, None);
    let fit = fit(&runs, &FitOptions { draws: 50, ..FitOptions::hoffmann(Objective::LogLeastSquares) }).unwrap();
    let text = "run,params,tokens,loss,step,max_steps\na,1e9,2e10,2.6,400,1000\nb,1e9,2e10,2.6,1000,1000\n";
    let half = Runs::read(text.as_bytes(), "t", TableFormat::Csv, false).unwrap();
    let judged = against(&fit, &half, None, 0.9, 1).unwrap();
    assert_eq!((judged.runs.len(), judged.unfinished.len()), (1, 1));
    assert!(judged.unfinished[0].contains("step is 400 of 1000"));
    assert!(matches!(against(&fit, &half, Some(&half), 0.9, 1), Err(AgainstError::OtherRuns)));
    assert!(matches!(against(&fit, &only(&half, 0), None, 0.9, 1), Err(AgainstError::NoRuns { .. })));
    let law = Fit::from_published(published("besiroglu2024").unwrap());
    assert!(matches!(against(&law, &runs, None, 0.9, 1), Err(AgainstError::NoDraws)));
}
