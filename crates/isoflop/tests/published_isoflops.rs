//! Published isoflop sweeps: do fits reach the best optima known of the objective that their authors minimise?
//!
//! The data are other people's: found through `ISOFLOP_DATA`, and skipped visibly where they are absent.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod public;

use std::sync::Arc;

use isoflop::law::{Hoffmann, Law, through_three_points};
use isoflop::{Fit, FitOptions, Method, Objective, Runs, fit};

fn plain(runs: &Runs, objective: Objective) -> Fit {
    let law: Arc<dyn Law> = Arc::new(Hoffmann);
    fit(runs, &FitOptions { method: Method::Plain { law, objective }, draws: 0, ..FitOptions::default() }).unwrap()
}

/// Mean Huber 1e-3 of the loss itself, in millionths, and E, alpha and beta at the best optimum that an independent search found; the
/// tools of Czech et al. 2026 (arXiv:2603.22339) end at 13.099, 22.914, 22.930 and 22.625.
#[test]
fn the_best_known_optima_of_four_sweeps_are_reached() {
    for (table, filters, count, best, [floor, alpha, beta]) in [
        ("chinchilla_isoflop_scalefit/isoflops.csv", vec![], 124, 13.088_71, [1.871_92, 0.369_16, 0.402_39]),
        ("marin_isoflop/isoflops.csv", vec!["dataset=comma"], 85, 22.907_60, [2.701_36, 0.663_52, 0.348_34]),
        ("marin_isoflop/isoflops.csv", vec!["dataset=dclm"], 85, 22.836_90, [2.593_05, 0.663_34, 0.409_17]),
        ("marin_isoflop/isoflops.csv", vec!["dataset=nemotron"], 88, 22.608_49, [2.534_61, 0.644_26, 0.404_10]),
    ] {
        let Some(runs) = public::runs(table, &filters) else { return };
        assert_eq!(runs.kept.len(), count);
        let fit = plain(&runs, Objective::HuberLoss { knee: 1e-3 });
        let mean = 1e6 * fit.objective_value().unwrap() / count as f64;
        println!("{table} {filters:?}: {mean:.6} {:?}", fit.point());
        assert!(mean < best + 1e-5, "{table} {filters:?}: {mean}");
        for (name, expected) in [("E", floor), ("alpha", alpha), ("beta", beta)] {
            let got = fit.parameter(name).unwrap();
            assert!((got / expected - 1.0).abs() < 1e-3, "{table} {filters:?}: {name} {got}, {expected} expected");
        }
    }
}

/// The 136 runs of Besiroglu et al. below 1e20 FLOP, judged on the 23 from 1e21: what an independent computation found, and that such
/// a forecast is too sure of itself.
#[test]
fn an_additive_fit_of_the_small_runs_misses_the_large_ones() {
    let Some(runs) = public::runs("epoch_chinchilla/runs.csv", &["excluded_by_epoch=0"]) else { return };
    let split = |from: f64, to: f64| {
        let mut part = runs.clone();
        part.kept.retain(|run| (from..to).contains(&run.flops.get()));
        part
    };
    let (small, large) = (split(0.0, 1e20), split(1e21, f64::INFINITY));
    assert_eq!((small.kept.len(), large.kept.len()), (136, 23));
    let fit = plain(&small, Objective::LogLeastSquares);
    let errors: Vec<f64> = large
        .kept
        .iter()
        .map(|run| (fit.expected_loss(run.params, run.tokens).unwrap().get() / run.loss.get()).ln())
        .collect();
    let mean = errors.iter().sum::<f64>() / 23.0;
    let size = errors.iter().map(|error| error.abs()).sum::<f64>() / 23.0;
    println!("mean {mean} size {size}");
    assert!((mean.abs() - 0.012_10).abs() < 1e-5, "{mean}");
    assert!((size - 0.018_96).abs() < 1e-5, "{size}");
}

/// Three losses at three sizes determine a power law with a floor whatever the truth, and noise in them moves it far.
#[test]
fn three_points_prove_nothing() {
    let losses = [3.2, 2.8, 2.5];
    let answers = |losses: [f64; 3]| {
        let (floor, exponent) = through_three_points(losses, 10.0).unwrap();
        (floor, floor + (losses[2] - floor) * 100f64.powf(-exponent))
    };
    assert!((answers(losses).1 - 2.106_250).abs() < 1e-9);
    // Standard deviations of the floor and of the loss two decades on, in units of independent noise in each loss.
    let step = 1e-6;
    let spread = |of: fn((f64, f64)) -> f64| -> f64 {
        let slope = |i: usize| {
            let mut moved = losses;
            moved[i] += step;
            (of(answers(moved)) - of(answers(losses))) / step
        };
        (0..3).map(|i| slope(i).powi(2)).sum::<f64>().sqrt()
    };
    assert!((spread(|(floor, _)| floor) / 30.216 - 1.0).abs() < 1e-3);
    assert!((spread(|(_, loss)| loss) / 6.3730 - 1.0).abs() < 1e-3);
}
