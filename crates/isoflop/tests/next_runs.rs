//! Do the next runs leave the doubt that they promise, when they are trained and fitted?

#![allow(clippy::unwrap_used)]

use isoflop::design::{Candidate, NextRun, Purpose};
use isoflop::{Decision, Fit, FitOptions, Flops, NextError, NextOptions, Params, Runs, TableFormat, Tokens, fit};
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

/// Each decision leaves less of its own doubt than the others do under the same budget.
#[test]
fn a_decision_gets_the_runs_that_serve_it_best() {
    let fit = fitted(&pilot(), 2);
    let next = |decision: Decision| {
        let options = NextOptions { decision, target: Some(Flops::new(1e23).unwrap()), ..NextOptions::default() };
        fit.next_runs(Flops::new(1e20).unwrap(), &options).unwrap()
    };
    let (both, loss, size, regret) =
        (next(Decision::Both), next(Decision::Loss), next(Decision::Size), next(Decision::Regret));
    let worst = |of: fn(&isoflop::NextRuns) -> f64, others: [&isoflop::NextRuns; 3]| {
        others.into_iter().map(of).fold(f64::INFINITY, f64::min)
    };
    let of_loss = |next: &isoflop::NextRuns| next.loss_sd.after;
    let of_size = |next: &isoflop::NextRuns| next.ln_params_sd.after;
    let cost = |next: &isoflop::NextRuns| next.regret.after + next.spent;
    println!("loss {:.5} {:?}", of_loss(&loss), [&both, &size, &regret].map(of_loss));
    println!("size {:.5} {:?}", of_size(&size), [&both, &loss, &regret].map(of_size));
    println!("cost {:.4e} {:?}", cost(&regret), [&both, &loss, &size].map(cost));
    assert!(of_loss(&loss) < worst(of_loss, [&both, &size, &regret]));
    assert!(of_size(&size) < worst(of_size, [&both, &loss, &regret]));
    assert!(cost(&regret) < worst(cost, [&both, &loss, &size]));
    assert!(!loss.stopped && !size.stopped);
}

/// No run is worth adding to what is worth its cost, none worth leaving out; and it costs the same to ask with more money.
#[test]
fn runs_are_bought_until_the_next_costs_more_than_it_saves() {
    let fit = fitted(&pilot(), 2);
    let target = Flops::new(1e21).unwrap();
    let many = NextOptions { max_runs: 100, ..NextOptions::default() };
    let worth = fit.runs_worth_their_cost(target, &many).unwrap();
    println!("{} runs, {:.3e} FLOP, regret {:?}", worth.runs.len(), worth.spent, worth.regret);
    assert!(worth.stopped && worth.spent > 0.0 && worth.spent < worth.regret.before - worth.regret.after);
    assert_eq!(worth.budget.get(), worth.regret.before);
    let regret = NextOptions { decision: Decision::Regret, target: Some(target), ..many };
    let rich = fit.next_runs(worth.budget, &regret).unwrap();
    assert_eq!((rich.spent, rich.regret), (worth.spent, worth.regret));
    let net = |next: &isoflop::NextRuns| next.regret.after + next.spent;
    for share in [0.03, 0.1, 0.3, 0.7] {
        let poor = fit.next_runs(Flops::new(share * worth.spent).unwrap(), &regret).unwrap();
        assert!(net(&poor) > net(&worth) && poor.regret.after > worth.regret.after, "{share}");
    }
    // A run of a hundredth of the compute is not worth as much learning.
    let small = fit.runs_worth_their_cost(Flops::new(1e19).unwrap(), &NextOptions::default()).unwrap();
    assert!(small.spent < 0.1 * worth.spent, "{} {}", small.spent, worth.spent);
    let nameless = NextOptions { target: None, ..regret };
    assert!(matches!(fit.next_runs(worth.budget, &nameless), Err(NextError::NoTarget)));
}

/// Besiroglu's law where a token is worth 1 or `worth` under `recipe`, with 0.3 % of scatter, as rows of a table.
fn rows(recipe: &str, worth: f64, runs: &[(f64, f64)], seed: u64) -> String {
    let mut generator = stream(seed, 0);
    let row = |(params, tokens): &(f64, f64)| {
        let loss = 1.8172 + 482.01 / params.powf(0.3478) + 2085.43 / (worth * tokens).powf(0.3658);
        format!("{params},{tokens},{},{recipe}\n", loss * (0.003 * standard_normal(&mut generator)).exp())
    };
    runs.iter().map(row).collect()
}

fn fitted_table(rows: &str) -> Fit {
    let table = format!("params,tokens,loss,recipe\n{rows}");
    let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap();
    fit(&runs, &FitOptions::default()).unwrap()
}

#[test]
fn the_runs_for_a_gain_narrow_the_lead_and_come_in_both_recipes() {
    let old = rows("adamw", 1.0, &pilot(), 1) + &rows("muon", 1.02, &pilot(), 2);
    let before = fitted_table(&old);
    let decision = Decision::Gain { recipe: "muon".to_owned(), over: "adamw".to_owned() };
    let target = Flops::new(1e21).unwrap();
    let options = NextOptions { decision, target: Some(target), ..NextOptions::default() };
    let next = before.next_runs(Flops::new(3e20).unwrap(), &options).unwrap();
    let lead = next.lead.clone().unwrap();
    println!("{lead:?}, {} runs, {:.3e} FLOP", next.runs.len(), next.spent);
    assert!(lead.sd.after < lead.sd.before && next.spent <= 3e20);
    let of = |name: &str| -> Vec<(f64, f64)> {
        let own = next.runs.iter().filter(|run| run.recipe.as_deref() == Some(name));
        own.map(|run| (run.params.get(), run.tokens.get())).collect()
    };
    assert!(!of("adamw").is_empty() && !of("muon").is_empty());
    assert_eq!(of("adamw").len() + of("muon").len(), next.runs.len());

    // Trained, they leave about the doubt that was promised.
    let after = fitted_table(&(old + &rows("adamw", 1.0, &of("adamw"), 3) + &rows("muon", 1.02, &of("muon"), 4)));
    let left = after.next_runs(Flops::new(1e19).unwrap(), &options).unwrap().lead.unwrap();
    println!("{left:?}");
    let ratio = left.sd.before / lead.sd.after;
    assert!(ratio < 1.25 && ratio > 0.5, "{ratio}");
}

#[test]
fn gains_that_no_fit_can_have_are_refused() {
    let alone = fitted(&pilot(), 1);
    let two = fitted_table(&(rows("adamw", 1.0, &pilot(), 1) + &rows("muon", 1.0, &pilot(), 2)));
    let next = |fit: &Fit, recipe: &str, over: &str, found: Option<&str>| {
        let decision = Decision::Gain { recipe: recipe.to_owned(), over: over.to_owned() };
        let candidate = Candidate {
            name: Some("c".to_owned()),
            params: Params::new(1e8).unwrap(),
            tokens: Tokens::new(2e9).unwrap(),
            flops: Flops::new(1.2e18).unwrap(),
            recipe: found.map(str::to_owned),
        };
        let options = NextOptions { decision, candidates: Some(vec![candidate]), ..NextOptions::default() };
        fit.next_runs(Flops::new(1e19).unwrap(), &options)
    };
    assert!(matches!(next(&alone, "muon", "adamw", None), Err(NextError::NoRecipes)));
    assert!(matches!(next(&two, "muon", "muon", None), Err(NextError::SameRecipe { .. })));
    assert!(matches!(next(&two, "muon", "lion", None), Err(NextError::Question(_))));
    assert!(matches!(next(&two, "muon", "adamw", Some("lion")), Err(NextError::OtherRecipe { .. })));
    let only = |found| next(&two, "muon", "adamw", found).unwrap().runs;
    assert!(only(Some("muon")).iter().all(|run| run.recipe.as_deref() == Some("muon")));
    assert!(only(None).iter().any(|run| run.recipe.as_deref() == Some("adamw")));
}

#[test]
fn the_same_candidate_twice_is_no_worse_than_once() {
    let before = fitted(&pilot(), 9);
    let candidate = |params: f64, ratio: f64| Candidate {
        name: None,
        params: Params::new(params).unwrap(),
        tokens: Tokens::new(ratio * params).unwrap(),
        flops: Flops::new(6.0 * ratio * params * params).unwrap(),
        recipe: None,
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
        recipe: None,
    };
    let next = |count: usize| {
        let options = NextOptions { candidates: Some(vec![one.clone(); count]), ..NextOptions::default() };
        fit.next_runs(Flops::new(1e19).unwrap(), &options)
    };
    assert!(matches!(next(0), Err(NextError::NoCandidates)));
    assert!(matches!(next(501), Err(NextError::TooManyCandidates { found: 501 })));
}
