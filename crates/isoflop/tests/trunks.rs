//! Do intervals hold the truth where runs are branches of trunks, and what chance did to a trunk it did to all its branches?

#![allow(clippy::unwrap_used)]

use isoflop::fit::Resampling;
use isoflop::law::Hoffmann;
use isoflop::{FitOptions, Law, Objective, Runs, Setting, TableFormat, fit};
use isoflop_numerics::resample::{standard_normal, stream};

const TRUTH: [f64; 5] = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];

/// `trunks` sizes, one trunk each, of which every branch ends off the law by what befell the trunk and by what befell it alone.
fn runs(world: u64, trunks: i32, of_trunk: f64, of_branch: f64) -> Runs {
    const BRANCHES: i32 = 5;
    let mut generator = stream(world, 11);
    let mut noise = |scale: f64| scale * standard_normal(&mut generator);
    let mut table = String::from("run,params,tokens,loss,trunk\n");
    for size in 0..trunks {
        let params = 1e8 * 100f64.powf(f64::from(size) / f64::from(trunks - 1));
        let befell = noise(of_trunk);
        for branch in 0..BRANCHES {
            let tokens = 5.0 * params.sqrt() * 1e5 * 100f64.powf(f64::from(branch) / f64::from(BRANCHES - 1));
            let loss = Hoffmann.loss(&TRUTH, &Setting::single_pass(params, tokens)) * (befell + noise(of_branch)).exp();
            table += &format!("s{size}b{branch},{params},{tokens},{loss},t{size}\n");
        }
    }
    Runs::read(table.as_bytes(), "world", TableFormat::Csv, false).unwrap()
}

/// The same runs with nothing said about their trunks.
fn as_if_by_themselves(mut runs: Runs) -> Runs {
    runs.kept.iter_mut().for_each(|run| drop(run.covariates.remove("trunk")));
    runs
}

/// In how many of `worlds` the 95 % intervals of alpha and of beta hold the truth.
fn held(worlds: u64, of: impl Fn(u64) -> Runs) -> [usize; 2] {
    let mut held = [0; 2];
    for world in 0..worlds {
        let options = FitOptions { draws: 200, certify: false, ..FitOptions::hoffmann(Objective::LogLeastSquares) };
        let Ok(fit) = fit(&of(world), &options) else { continue };
        let parameters = fit.parameters(0.95);
        for (slot, (name, truth)) in [("alpha", TRUTH[3]), ("beta", TRUTH[4])].into_iter().enumerate() {
            let (_, estimate) = parameters.iter().find(|(parameter, _)| parameter == name).unwrap();
            held[slot] += usize::from(estimate.lo.unwrap() <= truth && truth <= estimate.hi.unwrap());
        }
    }
    held
}

/// Of 100 worlds a 95 % interval misses 5, and more than 12 once in 600 times. Alpha is told by sizes, of which each is one trunk.
#[test]
fn whole_trunks_are_drawn_and_their_intervals_hold_the_truth() {
    for trunks in [10, 24] {
        let world = |world| runs(world, trunks, 0.003, 0.0015);
        let (alone, whole) = (held(100, |number| as_if_by_themselves(world(number))), held(100, world));
        println!("{trunks} trunks of five: alpha, beta held in {alone:?} of 100 by run, {whole:?} by trunk");
        assert!(alone[0] <= 80, "the worlds are no test: {alone:?}");
        assert!(whole.iter().all(|held| *held >= 86), "{whole:?}");
    }
}

/// Where nothing befalls trunks, drawing them whole is right too, and costs little.
#[test]
fn trunks_without_a_fate_of_their_own_do_no_harm() {
    let whole = held(100, |world| runs(world, 10, 0.0, 0.003));
    println!("ten trunks without effect: alpha, beta held in {whole:?} of 100");
    assert!(whole.iter().all(|held| *held >= 86), "{whole:?}");
}

#[test]
fn a_fit_says_what_it_made_of_trunks() {
    let plain = |runs: &Runs| {
        let options = FitOptions { draws: 20, certify: false, ..FitOptions::hoffmann(Objective::LogLeastSquares) };
        *fit(runs, &options).unwrap().resampled().unwrap()
    };
    let few = plain(&runs(1, 10, 0.003, 0.002));
    assert_eq!((few.method, few.runs, few.shared), (Resampling::Signs, 10, 10));
    let many = plain(&runs(1, 24, 0.003, 0.002));
    assert_eq!((many.method, many.runs, many.shared), (Resampling::Strata, 24, 24));
    let alone = plain(&as_if_by_themselves(runs(1, 10, 0.003, 0.002)));
    assert_eq!((alone.method, alone.runs, alone.shared), (Resampling::Strata, 50, 0));

    let posterior = |runs: &Runs| {
        let fit = fit(runs, &FitOptions { draws: 20, ..FitOptions::default() }).unwrap();
        fit.warnings().iter().filter(|warning| warning.code == "shared_trunks").count()
    };
    assert_eq!(posterior(&runs(1, 10, 0.003, 0.002)), 1);
    assert_eq!(posterior(&as_if_by_themselves(runs(1, 10, 0.003, 0.002))), 0);
}
