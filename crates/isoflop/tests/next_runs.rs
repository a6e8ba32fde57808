//! Do the next runs leave the doubt that they promise, when they are trained and fitted?

#![allow(clippy::unwrap_used)]

use isoflop::design::{Candidate, NextRun, Purpose};
use isoflop::{Fit, FitOptions, Flops, NextError, NextOptions, Params, Runs, TableFormat, Tokens, fit};
use isoflop_numerics::resample::{standard_normal, stream};

/// Besiroglu's law with 0.3 % of scatter, fitted at these sizes and tokens.
fn fitted(runs: &[(f64, f64)], seed: u64) -> Fit {
    let mut generator = stream(seed, 0);
    let row = |(params, tokens): &(f64, f64)| {
        let loss = 1.8172 + 482.01 / params.powf(0.3478) + 2085.43 / tokens.powf(0.3658);
        format!("{params},{tokens},{}\n", loss * (0.003 * standard_normal(&mut generator)).exp())
    };
    let rows: String = runs.iter().map(row).collect();
    let runs = Runs::read(format!("params,tokens,loss\n{rows}").as_bytes(), "t", TableFormat::Csv, false).unwrap();
    fit(&runs, &FitOptions::default()).unwrap()
}

/// Three sizes at three ratios.
fn pilot() -> Vec<(f64, f64)> {
    let sizes = [2e7, 6e7, 1.8e8];
    sizes.into_iter().flat_map(|params| [5.0, 20.0, 80.0].map(|ratio| (params, ratio * params))).collect()
}

/// Width of the 90 % bands of the target's loss, and of the logarithm of its best size.
fn widths(fit: &Fit, target: Flops) -> (f64, f64) {
    let plan = fit.plan(target, None, 0.9).unwrap();
    let width = |estimate: isoflop::Estimate| (estimate.hi.unwrap() / estimate.lo.unwrap()).ln();
    (width(plan.loss), width(plan.params))
}

#[test]
fn the_doubt_left_is_no_more_than_promised() {
    let target = Flops::new(1e22).unwrap();
    let options = NextOptions { target: Some(target), ..NextOptions::default() };
    let mut ratios = (Vec::new(), Vec::new());
    for seed in 0..4 {
        let before = fitted(&pilot(), seed);
        let next = before.next_runs(Flops::new(2.6e20).unwrap(), &options).unwrap();
        assert!(next.loss_sd.after < 0.7 * next.loss_sd.before, "{next:?}");
        let trained = next.runs.iter().map(|run| (run.params.get(), run.tokens.get()));
        let after = fitted(&pilot().into_iter().chain(trained).collect::<Vec<_>>(), seed);
        let (was, is) = (widths(&before, target), widths(&after, target));
        ratios.0.push(is.0 / was.0 / (next.loss_sd.after / next.loss_sd.before));
        ratios.1.push(is.1 / was.1 / (next.ln_params_sd.after / next.ln_params_sd.before));
    }
    // After nine runs the promise is cautious (0.4 to 0.75 of it is left for the loss; why was not traced): it must not be broken.
    for ratios in [ratios.0, ratios.1] {
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        assert!(mean < 1.1 && mean > 0.33, "{ratios:?}");
    }
}

#[test]
fn the_same_candidate_twice_is_no_worse_than_once() {
    let before = fitted(&pilot(), 9);
    let candidate = |params: f64, ratio: f64| Candidate {
        name: None,
        params: Params::new(params).unwrap(),
        tokens: Tokens::new(ratio * params).unwrap(),
        flops: Flops::new(6.0 * ratio * params * params).unwrap(),
    };
    let some: Vec<Candidate> = [(5e8, 20.0), (1e8, 160.0), (2e7, 2.5)].map(|(n, r)| candidate(n, r)).to_vec();
    let doubt = |candidates: Vec<Candidate>| {
        let options = NextOptions { candidates: Some(candidates), max_runs: 5, ..NextOptions::default() };
        before.next_runs(Flops::new(1e20).unwrap(), &options).unwrap()
    };
    let (once, twice) = (doubt(some.clone()), doubt(some.iter().chain(&some).cloned().collect()));
    assert!((once.loss_sd.after / twice.loss_sd.after - 1.0).abs() < 1e-6);
    assert!((once.waste.after / twice.waste.after - 1.0).abs() < 1e-6);
}

#[test]
fn a_batch_without_repeats_gets_one_where_scatter_is_unknown() {
    let law = isoflop::law::published("besiroglu2024").unwrap();
    let budget = Flops::new(1e19).unwrap();
    let fit = Fit::published_in_doubt(law, budget).unwrap();
    for max_runs in 2..8 {
        let next = fit.next_runs(budget, &NextOptions { max_runs, ..NextOptions::default() }).unwrap();
        let replicates = |run: &&NextRun| run.purpose == Purpose::Replicate;
        assert!(next.runs.iter().filter(replicates).count() > 0, "{max_runs}: {:?}", next.runs);
        assert!(next.spent <= 1e19);
    }
}

#[test]
fn too_many_and_no_candidates_are_refused() {
    let fit = fitted(&pilot(), 1);
    let one = Candidate {
        name: None,
        params: Params::new(1e8).unwrap(),
        tokens: Tokens::new(2e9).unwrap(),
        flops: Flops::new(1.2e18).unwrap(),
    };
    let next = |count: usize| {
        let options = NextOptions { candidates: Some(vec![one.clone(); count]), ..NextOptions::default() };
        fit.next_runs(Flops::new(1e19).unwrap(), &options)
    };
    assert!(matches!(next(0), Err(NextError::NoCandidates)));
    assert!(matches!(next(501), Err(NextError::TooManyCandidates { found: 501 })));
}
