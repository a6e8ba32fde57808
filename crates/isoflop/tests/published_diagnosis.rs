//! Are the published facts about the Chinchilla runs found, and the published bias of approach 2?

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod public;

use isoflop::crosscheck::{cross_check, vertex_shift};
use isoflop::diagnose::{Information, diagnose};
use isoflop::law::{Hoffmann, Law, published};
use isoflop::{FitOptions, Objective, Runs, Setting, TableFormat};

#[test]
fn the_five_runs_that_besiroglu_left_out_are_named_without_being_told() {
    let Some(runs) = public::runs("epoch_chinchilla/runs.csv", &[]) else { return };
    let left_out: Vec<String> =
        runs.kept.iter().filter(|run| run.covariates["excluded_by_epoch"] == "1").map(|run| run.name.clone()).collect();
    assert_eq!(left_out.len(), 5);
    let diagnosis = diagnose(&runs, None);
    let outliers = diagnosis.finding("outliers").unwrap();
    println!("{}", outliers.message);
    let worst: std::collections::BTreeSet<&String> = outliers.runs.iter().take(5).collect();
    assert_eq!(worst, left_out.iter().collect());
    assert!(outliers.runs.len() <= 7, "{:?}", outliers.runs);
}

#[test]
fn the_information_of_the_240_runs_has_its_known_condition() {
    let Some(runs) = public::runs("epoch_chinchilla/runs.csv", &[]) else { return };
    let runs = runs.filtered(&["excluded_by_epoch=0".parse().unwrap()]).unwrap();
    let options = FitOptions { draws: 0, ..FitOptions::hoffmann(Objective::LogLeastSquares) };
    let fit = isoflop::fit(&runs, &options).unwrap();
    let law: [f64; 5] = fit.point().try_into().unwrap();
    let points: Vec<(f64, f64)> = runs.kept.iter().map(|run| (run.params.get(), run.tokens.get())).collect();
    let condition = Information::new(&law, &points).unwrap().condition();
    // 3.484e6 by an independent computation, to the digits given.
    assert!((condition / 3.484e6 - 1.0).abs() < 2e-4, "{condition}");
}

/// Losses of `law` at 15 tokens counts from 1/`factor` to `factor` times `centre` times the best, for five budgets.
fn isoflops(law: &[f64; 5], factor: f64, centre: f64) -> Runs {
    let mut table = String::from("params,tokens,loss\n");
    for exponent in 17..=21 {
        let budget = 10f64.powi(exponent);
        let best = budget / 6.0 / Hoffmann.best_ln_params(law, budget).unwrap().exp();
        for i in 0..15 {
            let tokens = best * centre * factor.powf(f64::from(i) / 7.0 - 1.0);
            let params = budget / 6.0 / tokens;
            table += &format!("{params},{tokens},{}\n", Hoffmann.loss(law, &Setting::single_pass(params, tokens)));
        }
    }
    Runs::read(table.as_bytes(), "isoflops", TableFormat::Csv, false).unwrap()
}

/// Czech et al. 2026, arXiv:2603.22339: the digits are an independent computation's.
#[test]
fn approach_2_errs_by_what_is_published_and_the_correction_takes_it_out() {
    let hoffmann: [f64; 5] = published("hoffmann2022-printed").unwrap().parameters.try_into().unwrap();
    let symmetric = [1.69, 400.0, 400.0, 0.31, 0.31];
    for (law, factor, centre, error) in [
        (hoffmann, 2.0, 1.0, -0.003_269),
        (hoffmann, 4.0, 1.0, -0.013_011),
        (hoffmann, 8.0, 1.0, -0.029_029),
        (hoffmann, 16.0, 1.0, -0.051_002),
        (symmetric, 16.0, 1.0, 0.0),
        (symmetric, 8.0, 3.0, 0.026_452),
    ] {
        let runs = isoflops(&law, factor, centre);
        let check = cross_check(&runs.kept, Some((&Hoffmann, &law))).parabola;
        let truth = 1e24 / 6.0 / Hoffmann.best_ln_params(&law, 1e24).unwrap().exp();
        let got = check.stated.unwrap().tokens(1e24) / truth - 1.0;
        assert!((got - error).abs() < 6e-7, "factor {factor}: {got} for {error}");
        let corrected = check.corrected.unwrap().tokens(1e24) / truth - 1.0;
        assert!(corrected.abs() < 1e-9, "{corrected}");

        // The closed form of one budget says the same.
        let offsets: Vec<f64> = (0..15).map(|i| centre.ln() + factor.ln() * (f64::from(i) / 7.0 - 1.0)).collect();
        let shift = vertex_shift(law[3], law[4], &offsets).unwrap();
        assert!((shift.exp() - 1.0 - error).abs() < 6e-7, "{shift}");
    }
}

#[test]
fn approach_2_keeps_the_exponent_and_moves_the_intercept() {
    let law: [f64; 5] = published("hoffmann2022-printed").unwrap().parameters.try_into().unwrap();
    let stated = cross_check(&isoflops(&law, 16.0, 1.0).kept, None).parabola.stated.unwrap();
    assert!((stated.tokens_exponent - 0.548_387).abs() < 6e-7, "{}", stated.tokens_exponent);
    let intercept = stated.tokens_intercept / std::f64::consts::LN_10;
    assert!((intercept + 0.578_092).abs() < 6e-6, "{intercept}");
    assert!(cross_check(&isoflops(&law, 16.0, 1.0).kept, None).parabola.bias.is_none());
}

/// Chinchilla's own answer by approach 2, a = 0.49 (0.462, 0.534), on what was digitised of its runs.
#[test]
fn both_approaches_land_near_the_published_exponents() {
    let Some(runs) = public::runs("epoch_chinchilla/runs.csv", &[]) else { return };
    let checks = diagnose(&runs, None).cross_checks.unwrap();
    let (parabola, envelope) = (checks.parabola.corrected.unwrap(), checks.envelope.corrected.unwrap());
    println!("parabola {parabola:?} envelope {envelope:?}");
    assert!((0.462..0.534).contains(&parabola.params_exponent));
    assert!((0.46..0.54).contains(&envelope.params_exponent));
}

/// Muennighoff et al. 2023, arXiv:2305.16264: eight settings of 2.8 B parameters, four seeds each. Pooled standard deviation 0.0511 %.
#[test]
fn the_noise_of_seeds_is_the_published_one() {
    let Some(runs) = public::runs("datablations/runs_all.csv", &["is_seed_repeat=1", "params=2810000000"]) else {
        return;
    };
    let diagnosis = diagnose(&runs, None);
    let replicates = diagnosis.finding("replicates").unwrap();
    assert!((replicates.values["seed_noise"] / 5.1105e-4 - 1.0).abs() < 1e-4, "{}", replicates.message);
    assert_eq!((runs.kept.len(), replicates.values["count"]), (32, 8.0));
}
