//! Does the law that is true forecast best, and are the numbers of the public runs those of an independent computation?
//!
//! The public data are other people's: found through `ISOFLOP_DATA`, and skipped visibly where they are absent.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod public;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use isoflop::backtest::{Backtest, BacktestError, BacktestOptions, Candidate, Cut, Target, backtest};
use isoflop::law::{Coupled, Hoffmann, by_name};
use isoflop::{Flops, Law, Objective, Params, Runs, Setting, TableFormat, Tokens};
use isoflop_numerics::resample::{standard_normal, stream};

fn plain(names: &[&str]) -> Vec<Candidate> {
    names.iter().map(|name| Candidate::Plain(by_name(name, &[]).unwrap())).collect()
}

fn quiet(_: usize, _: usize) {}

/// Six budgets of `sizes` sizes, whose ln loss scatters by `noise` around `truth`.
fn world(law: &dyn Law, truth: &[f64], sizes: i32, noise: f64, seed: u64) -> Runs {
    let mut generator = stream(seed, 0);
    let mut table = String::from("params,tokens,loss\n");
    for budget in 0..6 {
        for size in 0..sizes {
            let flops = 1e18 * 10f64.powf(0.6 * f64::from(budget));
            let ratio = 2.0 * 600f64.powf(f64::from(size) / f64::from(sizes - 1));
            let params = (flops / 6.0 / ratio).sqrt();
            let tokens = ratio * params;
            let off = noise * standard_normal(&mut generator);
            let loss = law.loss(truth, &Setting::single_pass(params, tokens)) * off.exp();
            table += &format!("{params},{tokens},{loss}\n");
        }
    }
    Runs::read(table.as_bytes(), "world", TableFormat::Csv, false).unwrap()
}

/// E, A, B, alpha, beta, and for the coupled law k well below one.
const ADDITIVE: [f64; 5] = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];
const COUPLED: [f64; 6] = [1.2, 30.0, 50.0, 0.20, 0.21, 0.45];

fn error_of(tested: &Backtest, law: &str) -> f64 {
    tested.laws.iter().find(|standing| standing.law == law).unwrap().score.error
}

#[test]
fn the_true_form_forecasts_best() {
    let options = |names: &[&str]| BacktestOptions {
        candidates: plain(names),
        objective: Objective::LogLeastSquares,
        draws: 50,
        ..BacktestOptions::default()
    };
    for seed in 0..3 {
        let runs = world(&Coupled, &COUPLED, 12, 0.0005, seed);
        let tested = backtest(&runs, &options(&["hoffmann", "coupled", "power-compute-floor"]), &quiet).unwrap();
        let (coupled, additive) = (error_of(&tested, "coupled"), error_of(&tested, "hoffmann"));
        println!("coupled world {seed}: coupled {coupled:.5} hoffmann {additive:.5}");
        assert_eq!(tested.verdict.law, "coupled", "{seed}: {coupled} {additive}");
        assert!(coupled < 0.2 * additive && coupled < 0.003, "{seed}: {coupled} {additive}");
        // Where the additive law is true, the freedom of k costs: it is one more unknown that few small runs must settle.
        let runs = world(&Hoffmann, &ADDITIVE, 12, 0.002, seed);
        let tested = backtest(&runs, &options(&["hoffmann", "coupled", "power-compute-floor"]), &quiet).unwrap();
        let (coupled, additive) = (error_of(&tested, "coupled"), error_of(&tested, "hoffmann"));
        println!("additive world {seed}: coupled {coupled:.5} hoffmann {additive:.5} {:?}", tested.verdict);
        assert_eq!(tested.verdict.law, "hoffmann", "{seed}: {coupled} {additive}");
        assert!(additive < 0.8 * coupled && additive < 0.01, "{seed}: {coupled} {additive}");
        assert!(error_of(&tested, "power-compute-floor") > 3.0 * additive);
    }
}

#[test]
fn bands_of_a_wrong_form_are_inflated_and_those_of_the_true_one_hardly() {
    let runs = world(&Coupled, &COUPLED, 12, 0.0005, 7);
    let options = BacktestOptions {
        candidates: plain(&["hoffmann", "coupled"]),
        objective: Objective::LogLeastSquares,
        ..BacktestOptions::default()
    };
    let tested = backtest(&runs, &options, &quiet).unwrap();
    let inflation = |law: &str| {
        let standing = tested.laws.iter().find(|standing| standing.law == law).unwrap();
        assert!(standing.inflation.by_distance.iter().all(|at| at.factor >= 1.0 && at.forecasts > 0));
        let at = &standing.at_target;
        let (nominal, inflated) = (at.loss.unwrap(), at.inflated.unwrap());
        let width = |band: isoflop::Estimate| (band.hi.unwrap() / band.lo.unwrap()).ln();
        assert!((width(inflated) / width(nominal) / at.inflation - 1.0).abs() < 1e-9);
        at.inflation
    };
    assert!(inflation("hoffmann") > inflation("coupled"), "{} {}", inflation("hoffmann"), inflation("coupled"));
    assert!(inflation("coupled") < 1.5);
}

#[test]
fn neither_threads_nor_the_order_of_runs_change_anything_and_progress_ends() {
    let runs = world(&Hoffmann, &ADDITIVE, 6, 0.002, 3);
    let mut shuffled = runs.clone();
    shuffled.kept.reverse();
    let tested = |runs: &Runs, threads: usize| {
        let candidates = [plain(&["hoffmann", "coupled"]), vec![Candidate::Posterior]].concat();
        let options = BacktestOptions { candidates, draws: 50, threads, ..BacktestOptions::default() };
        let (most, all) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let watch = |done: usize, total: usize| {
            most.fetch_max(done, Ordering::Relaxed);
            all.store(total, Ordering::Relaxed);
        };
        let tested = backtest(runs, &options, &watch).unwrap();
        assert_eq!((most.into_inner(), all.into_inner()), (3 * 6, 3 * 6));
        tested
    };
    let one = tested(&runs, 1);
    let text = |tested: &Backtest| serde_json::to_string(tested).unwrap();
    assert_eq!(text(&one), text(&tested(&runs, 4)));
    assert!(text(&one).starts_with("{\"schema\":\"isoflop.backtest/1\""));
    // Runs of one compute come in another order then: sums, and so optima, differ in their last digits.
    let other = tested(&shuffled, 1);
    for law in ["hoffmann", "coupled"] {
        let (one, other) = (error_of(&one, law), error_of(&other, law));
        assert!((one / other - 1.0).abs() < 1e-4, "{law}: {one} {other}");
    }
}

#[test]
fn a_law_that_cannot_be_fitted_is_named_with_its_reason() {
    let table: String = (0..30)
        .map(|i| {
            let params = 1e7 * 1.25f64.powi(i);
            format!(
                "{params},{},{}\n",
                20.0 * params,
                1.8 + 300.0 / params.powf(0.3) * (1.0 + 0.002 * f64::from(i % 3))
            )
        })
        .collect();
    let runs = Runs::read(format!("params,tokens,loss\n{table}").as_bytes(), "ray", TableFormat::Csv, false).unwrap();
    let tested = backtest(&runs, &BacktestOptions { draws: 50, ..BacktestOptions::default() }, &quiet).unwrap();
    let names: Vec<&str> = tested.laws.iter().map(|standing| standing.law.as_str()).collect();
    assert!(names.contains(&"posterior") && names.contains(&"power-compute-floor"), "{names:?}");
    let refused: Vec<&str> = tested.refused.iter().map(|refused| refused.law.as_str()).collect();
    assert_eq!(refused, ["coupled", "hoffmann", "hoffmann-tied"]);
    assert!(tested.refused[0].reason.contains("same tokens per parameter"), "{:?}", tested.refused);
    // The target keeps to the ray, so that the posterior, which knows nothing off it, can answer.
    assert!((tested.target.tokens.get() / tested.target.params.get() - 20.0).abs() < 1e-6);
    assert!(tested.laws.iter().all(|standing| standing.at_target.loss.is_some()));
}

#[test]
fn tables_that_hold_no_back_test_are_refused_with_the_remedy() {
    let said = |runs: &Runs, options: &BacktestOptions| backtest(runs, options, &quiet).unwrap_err().to_string();
    let options = BacktestOptions::default();
    let mut runs = world(&Hoffmann, &ADDITIVE, 8, 0.002, 1);
    let cut = Cut::at(Flops::new(2e18).unwrap());
    let early = BacktestOptions { cuts: vec![cut], ..options.clone() };
    assert!(said(&runs, &early).contains("the cut at 2e18 FLOP leaves 8 runs below"), "{}", said(&runs, &early));
    runs.kept.truncate(8);
    assert!(said(&runs, &options).contains("there are 8 runs: add runs"));
    let one_budget = Runs { kept: [runs.kept.clone(), runs.kept].concat(), ..runs };
    assert!(said(&one_budget, &options).contains("add runs at other budgets"), "{}", said(&one_budget, &options));
    assert!(matches!(backtest(&Runs::default(), &options, &quiet), Err(BacktestError::TooFewRuns { found: 0 })));
}

/// Least squares of ln loss, computed independently with another optimiser: 136 runs below 1e20 FLOP, 23 from 1e21 on.
#[test]
fn the_public_runs_give_the_numbers_of_an_independent_computation() {
    let Some(runs) = public::chinchilla() else { return };
    let cut = Cut { fitted_below: Flops::new(1e20).unwrap(), judged_from: Flops::new(1e21).unwrap() };
    let options = BacktestOptions {
        candidates: vec![
            Candidate::Plain(Arc::new(Hoffmann)),
            plain(&["hoffmann-tied"]).remove(0),
            plain(&["coupled"]).remove(0),
        ],
        cuts: vec![cut],
        objective: Objective::LogLeastSquares,
        target: Target::Run(Params::new(7e10).unwrap(), Tokens::new(1.4e12).unwrap()),
        ..BacktestOptions::default()
    };
    let tested = backtest(&runs, &options, &quiet).unwrap();
    assert_eq!((tested.origins[0].fitted, tested.origins[0].judged), (136, 23));
    let of = |law: &str| tested.laws.iter().find(|standing| standing.law == law).unwrap();
    let hoffmann = of("hoffmann");
    println!("{:?} {:?}", hoffmann.score, tested.verdict);
    assert!((hoffmann.score.error - 0.018_96).abs() < 5e-6, "{}", hoffmann.score.error);
    assert!((hoffmann.score.bias.abs() - 0.012_10).abs() < 5e-6, "{}", hoffmann.score.bias);
    // k counts the scale.
    for (law, unknowns, aicc) in [("hoffmann", 6, -2375.49), ("hoffmann-tied", 5, -2367.19), ("coupled", 7, -2419.53)] {
        let found = of(law).in_sample.unwrap();
        println!("{law} {found:?}");
        assert_eq!(found.unknowns, unknowns, "{law}");
        assert!((found.aicc.unwrap() - aicc).abs() < 5e-3, "{law}: {:?}", found.aicc);
        assert!(found.leave_one_budget_out.unwrap() < 0.01);
    }
}

#[test]
fn five_forms_on_the_public_runs_are_ranked_with_their_bands() {
    let Some(runs) = public::chinchilla() else { return };
    let tested = backtest(&runs, &BacktestOptions::default(), &quiet).unwrap();
    assert_eq!((tested.origins.len(), tested.laws.len(), tested.refused.len()), (4, 5, 0));
    for standing in &tested.laws {
        println!(
            "{}: {:?}\n  {:?}\n  {:?}\n  {:?}",
            standing.law, standing.score, standing.inflation.by_distance, standing.in_sample, standing.at_target
        );
    }
    println!("{:?} {:?}", tested.target, tested.verdict);
    let judged: usize = tested.origins.iter().map(|origin| origin.judged).sum();
    for standing in &tested.laws {
        assert_eq!(standing.score.forecasts, judged, "{}", standing.law);
        assert_eq!(standing.by_distance.iter().map(|class| class.score.forecasts).sum::<usize>(), judged);
        assert!(standing.at_target.loss.unwrap().lo.unwrap() >= standing.at_target.inflated.unwrap().lo.unwrap());
    }
    assert!(tested.laws.windows(2).all(|pair| pair[0].score.error <= pair[1].score.error));
    assert!((tested.target.decades - 1.0).abs() < 1e-9);
}
