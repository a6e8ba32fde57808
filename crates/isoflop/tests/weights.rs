//! Do weights do what they promise: runs known badly stop mattering, replicates count for what they tell, and a cell that cannot weigh is
//! refused?

#![allow(clippy::unwrap_used)]

use isoflop::fit::{Estimate, Fit, Quantity, Weights, profile};
use isoflop::law::{Hoffmann, by_name};
use isoflop::{FitError, FitOptions, Method, Objective, Runs, TableFormat, fit};
use isoflop_numerics::resample::{standard_normal, stream};

const TRUTH: [f64; 5] = [1.8, 480.0, 2000.0, 0.35, 0.37];

/// Twenty-four runs of [`TRUTH`], the loss of each lifted by `lift(i)` and known to `standard_error(i)`.
fn runs(lift: impl Fn(usize) -> f64, standard_error: impl Fn(usize) -> f64) -> Runs {
    let [floor, params_scale, tokens_scale, alpha, beta] = TRUTH;
    let mut table = String::from("params,tokens,loss,loss_se\n");
    for i in 0..24 {
        let (params, tokens) = (1e8 * 1.9f64.powi(i as i32 % 6), 2e9 * 3f64.powi(i as i32 / 6));
        let loss = floor + params_scale / params.powf(alpha) + tokens_scale / tokens.powf(beta) + lift(i);
        table += &format!("{params},{tokens},{loss},{}\n", standard_error(i));
    }
    Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap()
}

fn plain(runs: &Runs, law: &str, weights: Weights, draws: usize) -> Result<Fit, FitError> {
    let method = Method::Plain { law: by_name(law, &[]).unwrap(), objective: Objective::LogLeastSquares };
    fit(runs, &FitOptions { method, weights, draws, certify: false, ..FitOptions::default() })
}

#[test]
fn an_outlier_known_badly_stops_mattering_under_any_law() {
    let spoilt = runs(|i| if i == 17 { 0.5 } else { 0.0 }, |i| if i == 17 { 50.0 } else { 0.01 });
    for law in ["hoffmann", "coupled", "hoffmann-tied"] {
        let alike = plain(&spoilt, law, Weights::Equal, 0).unwrap();
        let weighed = plain(&spoilt, law, Weights::StandardErrors, 0).unwrap();
        let clean = plain(&runs(|_| 0.0, |_| 0.01), law, Weights::Equal, 0).unwrap();
        let (alike, weighed, clean) = [alike, weighed, clean].map(|fit| fit.parameter("E").unwrap()).into();
        assert!((weighed / clean - 1.0).abs() < 1e-3, "{law}: {weighed} {clean}");
        assert!((alike / clean - 1.0).abs() > 0.02, "{law}: {alike} {clean}");
    }
}

#[test]
fn equal_standard_errors_weigh_alike() {
    let scattered = runs(|i| 0.01 * (12.9 * i as f64).sin(), |i| 0.003 * runs(|_| 0.0, |_| 1.0).kept[i].loss.get());
    for law in ["hoffmann", "coupled"] {
        let alike = plain(&scattered, law, Weights::Equal, 0).unwrap();
        let weighed = plain(&scattered, law, Weights::StandardErrors, 0).unwrap();
        // The standard errors are 0.3 % of losses that scatter by that much themselves.
        for (name, estimate) in alike.parameters(0.9) {
            let other = weighed.parameter(&name).unwrap();
            assert!((other / estimate.value - 1.0).abs() < 0.05, "{law} {name}: {other} {}", estimate.value);
        }
    }
}

/// Half of the runs scatter by 2 %, half by 0.02 %: the doubt of the weighed fit is much smaller.
#[test]
fn the_bootstrap_weighs_too() {
    let scale = |i: usize| if i.is_multiple_of(2) { 0.04 } else { 4e-4 };
    let scattered = runs(|i| scale(i) * (12.9 * (i + 1) as f64).sin(), scale);
    for law in ["hoffmann", "coupled"] {
        let width = |weights| {
            let fit = plain(&scattered, law, weights, 100).unwrap();
            let (_, floor) = fit.parameters(0.9).swap_remove(0);
            floor.hi.unwrap() - floor.lo.unwrap()
        };
        let (alike, weighed) = (width(Weights::Equal), width(Weights::StandardErrors));
        assert!(weighed < 0.5 * alike, "{law}: {weighed} {alike}");
    }
}

#[test]
fn a_run_that_cannot_weigh_is_named() {
    for law in ["hoffmann", "coupled"] {
        let mut table = runs(|_| 0.0, |_| 0.01);
        table.kept[3].loss_se = None;
        let missing = plain(&table, law, Weights::StandardErrors, 0).unwrap_err();
        assert_eq!(missing, FitError::NoStandardError { run: "row 5".to_owned() });
        for cell in [0.0, -0.01, f64::NAN, f64::INFINITY, 1e-300] {
            table.kept[3].loss_se = Some(cell);
            let error = plain(&table, law, Weights::StandardErrors, 0).unwrap_err();
            assert!(matches!(&error, FitError::BadStandardError { run, .. } if run == "row 5"), "{cell}: {error}");
            assert!(error.to_string().contains("loss_se"), "{error}");
        }
    }
}

/// Forty settings that the law misses by 0.6 % each, three seeds each that differ by 0.2 %.
fn replicated(world: u64, misfit: f64, seeds: f64) -> Runs {
    let [floor, params_scale, tokens_scale, alpha, beta] = TRUTH;
    let mut generator = stream(world, 7);
    let mut noise = |scale: f64| (scale * standard_normal(&mut generator)).exp();
    let mut table = String::from("params,tokens,loss,seed\n");
    for i in 0..40 {
        let (params, tokens) = (1e8 * 1.6f64.powi(i % 8), 2e9 * 2.4f64.powi(i / 8));
        let loss = floor + params_scale / params.powf(alpha) + tokens_scale / tokens.powf(beta);
        let missed = loss * noise(misfit);
        for seed in 0..3 {
            table += &format!("{params},{tokens},{},{seed}\n", missed * noise(seeds));
        }
    }
    Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap()
}

/// Where the law misses settings, replicates taken for witnesses of their own give intervals of the bootstrap and of the profile
/// that are too narrow by nearly the root of three; means of settings give honest ones.
#[test]
fn replicates_are_not_so_many_witnesses_where_the_law_misses_their_setting() {
    const WORLDS: u64 = 100;
    let held = |weights: Weights| {
        let inside = |interval: &Estimate| interval.lo.unwrap() <= TRUTH[3] && TRUTH[3] <= interval.hi.unwrap();
        let counts = (0..WORLDS).map(|world| {
            let runs = replicated(world, 0.006, 0.002);
            let fit = plain(&runs, "hoffmann", weights, 200).unwrap();
            assert_eq!(fit.run_counts(), (120, 0));
            let (_, bootstrap) = fit.parameters(0.9).into_iter().find(|(name, _)| name == "alpha").unwrap();
            let quantity = [Quantity::Parameter("alpha".to_owned())];
            let profiled = profile(&runs, &Hoffmann, &quantity, weights, 0.9, 1).unwrap()[0].unwrap();
            [inside(&bootstrap), inside(&profiled)].map(usize::from)
        });
        counts.fold([0, 0], |sum, one| [sum[0] + one[0], sum[1] + one[1]])
    };
    let (alike, settings) = (held(Weights::Equal), held(Weights::Replicates));
    println!("alpha in its 90 % interval, bootstrap and profile: alike {alike:?}, settings {settings:?} of {WORLDS}");
    assert!(settings.iter().all(|held| *held >= 83), "{settings:?}");
    assert!(alike.iter().all(|held| *held <= 75), "{alike:?}");
}

/// A setting trained often is known better only as far as seeds explain the scatter.
#[test]
fn misfit_and_seeds_decide_what_a_replicate_is_worth() {
    let extreme = |misfit: f64, seeds: f64| {
        let mut runs = replicated(3, misfit, seeds);
        // Two settings in three are left with one seed.
        runs.kept = runs
            .kept
            .iter()
            .enumerate()
            .filter(|(i, _)| i / 3 % 3 == 0 || i % 3 == 0)
            .map(|(_, run)| run.clone())
            .collect();
        let by = |weights| plain(&runs, "hoffmann", weights, 0).unwrap().parameter("E").unwrap();
        (by(Weights::Replicates), by(Weights::Equal))
    };
    // Only seeds: one replicate is one witness, as when runs weigh alike.
    let (settings, alike) = extreme(0.0, 0.005);
    assert!((settings / alike - 1.0).abs() < 5e-3, "{settings} {alike}");
    let (settings, alike) = extreme(0.01, 1e-6);
    assert!((settings / alike - 1.0).abs() > 1e-3, "{settings} {alike}");
}

#[test]
fn weights_from_replicates_need_replicates() {
    for law in ["hoffmann", "coupled"] {
        let error = plain(&runs(|_| 0.0, |_| 0.01), law, Weights::Replicates, 0).unwrap_err();
        assert_eq!(error, FitError::NoReplicates);
    }
}
