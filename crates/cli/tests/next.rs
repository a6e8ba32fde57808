//! What does `isoflop next` choose, and what does it refuse?

#![allow(clippy::unwrap_used)]

#[path = "support/grid.rs"]
mod grid;
mod support;

use std::path::Path;

use grid::{answer, table};
use tempfile::TempDir;

/// A folder with `fit.json`, of twelve runs of 1e8 to 7e8 parameters on 2e9 to 2e10 tokens.
fn fitted() -> TempDir {
    let dir = TempDir::new().unwrap();
    table(&dir, "runs.csv", "params,tokens,loss", 12, |_, (params, tokens, loss)| format!("{params},{tokens},{loss}"));
    answer(dir.path(), "fit runs.csv -o fit.json --draws 300").unwrap();
    dir
}

fn next(dir: &Path, arguments: &str) -> serde_json::Value {
    serde_json::from_str(&answer(dir, &format!("next {arguments} --json")).unwrap()).unwrap()
}

/// Compute of all runs and how many there are.
fn spent(next: &serde_json::Value) -> (f64, usize) {
    let runs = next["runs"].as_array().unwrap();
    (runs.iter().map(|run| run["flops"].as_f64().unwrap()).sum(), runs.len())
}

/// Candidates of five sizes at four ratios, 6e16 to 6e20 FLOP.
fn candidates(dir: &Path) {
    let rows: String = (0..20)
        .map(|i| {
            let params = 1e7 * 10f64.powf(f64::from(i % 5) / 2.0);
            format!("c{i},{params},{}\n", params * 100.0 * 0.4f64.powi(i / 5))
        })
        .collect();
    std::fs::write(dir.join("candidates.csv"), format!("id,params,tokens\n{rows}")).unwrap();
}

#[test]
fn the_budget_and_the_number_of_runs_are_kept_and_the_doubt_falls() {
    let dir = fitted();
    candidates(dir.path());
    for (budget, most) in [(1e17, 3), (2e19, 8), (1e21, 45)] {
        for table in ["", " --candidates candidates.csv"] {
            let next = next(dir.path(), &format!("fit.json --flops {budget:e} --max-runs {most}{table}"));
            let (flops, runs) = spent(&next);
            assert!(runs > 0 && runs <= most && flops <= budget, "{budget:e}{table}: {runs} runs, {flops:e}");
            assert!((next["spent"].as_f64().unwrap() / flops - 1.0).abs() < 1e-12);
            for doubt in ["loss_sd", "ln_params_sd", "waste"] {
                let (before, after) = (next[doubt]["before"].as_f64().unwrap(), next[doubt]["after"].as_f64().unwrap());
                assert!(after < before && after > 0.0, "{doubt}: {before} {after}");
            }
            let named = next["runs"][0].get("candidate").is_some();
            assert_eq!(named, !table.is_empty());
        }
    }
}

#[test]
fn the_answer_is_that_of_the_fit_whatever_the_threads() {
    let dir = fitted();
    let chosen = |threads: u32| {
        answer(dir.path(), &format!("fit runs.csv -o again.json --draws 300 --threads {threads}")).unwrap();
        answer(dir.path(), "next again.json --flops 1e20 --json").unwrap()
    };
    assert_eq!(chosen(1), chosen(4));
}

#[test]
fn a_held_out_run_is_within_the_budget_and_none_is_larger() {
    let dir = fitted();
    let next = next(dir.path(), "fit.json --flops 1e20 --validate");
    let held_out = next["validation"]["flops"].as_f64().unwrap();
    assert_eq!(next["validation"]["purpose"], "validation");
    let runs = next["runs"].as_array().unwrap();
    assert!(runs.iter().all(|run| run["flops"].as_f64().unwrap() <= held_out));
    assert!(next["spent"].as_f64().unwrap() <= 1e20 && spent(&next).0 < next["spent"].as_f64().unwrap());
}

#[test]
fn runs_that_cost_more_than_they_save_are_left_out_of_a_named_target_only() {
    let dir = fitted();
    let all = next(dir.path(), "fit.json --flops 1e20");
    assert_eq!((&all["stopped"], &all["target"]["assumed"]), (&false.into(), &true.into()));
    let small = next(dir.path(), "fit.json --flops 1e20 --target-flops 1e22");
    let large = next(dir.path(), "fit.json --flops 1e20 --target-flops 1e25");
    assert!(spent(&small).0 < spent(&large).0, "{small} {large}");
    // What was kept is worth at least what it costs: a standard deviation of 1 % of the loss as much as 0.5 % of the target.
    let change = |doubt: &str, power: i32| {
        let at = |when: &str| small[doubt][when].as_f64().unwrap().powi(power);
        at("before") - at("after")
    };
    assert!((change("waste", 1) + change("loss_sd", 2) / 0.02) * 1e22 >= spent(&small).0, "{small}");
    let text = answer(dir.path(), "next fit.json --flops 1e20 --target-flops 1e19").unwrap();
    assert!(text.contains("the next would cost more compute than it saves"), "{text}");
}

#[test]
fn each_decision_has_its_own_runs_and_words() {
    let dir = fitted();
    let ask = |arguments: &str| next(dir.path(), &format!("fit.json --flops 1e20 {arguments}"));
    let (loss, size) = (ask("--decide loss"), ask("--decide size"));
    let after = |next: &serde_json::Value, doubt: &str| next[doubt]["after"].as_f64().unwrap();
    assert!(after(&loss, "loss_sd") < after(&size, "loss_sd"));
    assert!(after(&size, "ln_params_sd") < after(&loss, "ln_params_sd"));
    assert_eq!((&loss["decision"], &size["decision"]), (&"loss".into(), &"size".into()));
    for (decision, words) in [("loss", "doubt about the loss"), ("size", "doubt about the best size")] {
        let text = answer(dir.path(), &format!("next fit.json --flops 1e20 --decide {decision}")).unwrap();
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn regret_says_how_many_dollars_are_worth_spending() {
    let dir = fitted();
    let worth = next(dir.path(), "fit.json --decide regret --target-usd 1M --gpu h100 --max-runs 500");
    let usd = |when: &str| worth["regret_usd"][when].as_f64().unwrap();
    let cost = worth["cost"]["usd"].as_f64().unwrap();
    assert!(cost > 0.0 && cost < usd("before") - usd("after"), "{worth}");
    // A million dollars buy the target.
    let share = usd("before") / worth["waste"]["before"].as_f64().unwrap();
    assert!((share / 1e6 - 1.0).abs() < 1e-9, "{share}");
    let text = answer(dir.path(), "next fit.json --decide regret --target-usd 1M --gpu h100").unwrap();
    assert!(text.contains("worth their cost") && text.contains("that a wrong size would"), "{text}");
    let text = answer(dir.path(), "next fit.json --decide regret --target-flops 1e17").unwrap();
    assert!(text.contains("none of the runs is worth its cost"), "{text}");
}

#[test]
fn two_recipes_are_told_apart_by_the_runs_named() {
    let dir = TempDir::new().unwrap();
    let rows: String = [("adamw", 1.0f64, 12.9), ("muon", 1.01, 7.3)]
        .into_iter()
        .flat_map(|(name, worth, phase)| {
            (0..12).map(move |i| {
                let (params, tokens) = (1e8 * 1.9f64.powi(i % 4), 2e9 * 3f64.powi(i / 4));
                let scatter = (0.004 * (phase * f64::from(i + 1)).sin()).exp();
                let loss = (1.8 + 480.0 / params.powf(0.35) + 2000.0 / (worth * tokens).powf(0.37)) * scatter;
                format!("{params},{tokens},{loss},{name}\n")
            })
        })
        .collect();
    std::fs::write(dir.path().join("two.csv"), format!("params,tokens,loss,recipe\n{rows}")).unwrap();
    answer(dir.path(), "fit two.csv -o two.json --draws 300").unwrap();
    let next = next(dir.path(), "two.json --decide gain --flops 1e20 --target-flops 1e21");
    let sd = |when: &str| next["lead"]["sd"][when].as_f64().unwrap();
    assert_eq!((&next["lead"]["recipe"], &next["lead"]["over"]), (&"muon".into(), &"adamw".into()));
    assert!(sd("after") < sd("before"), "{next}");
    assert!(next["runs"].as_array().unwrap().iter().any(|run| run["recipe"] == "muon"), "{next}");
    let text = answer(dir.path(), "next two.json --decide gain --flops 1e20 --target-flops 1e21").unwrap();
    assert!(text.contains("tell muon from adamw") && text.contains("which recipe is better"), "{text}");
    for (arguments, remedy) in [
        ("two.json --decide gain --recipe muon --over lion --flops 1e20", "no recipe `lion`"),
        ("two.json --decide gain --recipe lion --flops 1e20", "name both with --recipe and --over"),
        ("two.json --decide gain --unique-tokens 1B --flops 1e20", "leave --unique-tokens out"),
        ("two.json --over muon --recipe adamw --flops 1e20", "add --decide gain"),
        ("two.json --decide loss --flops 1e20", "say which with --recipe"),
    ] {
        let complaint = answer(dir.path(), &format!("next {arguments}")).unwrap_err();
        assert!(complaint.contains(remedy), "{arguments}: {complaint}");
    }
}

#[test]
fn dollars_buy_what_their_compute_buys() {
    let dir = fitted();
    let next = next(dir.path(), "fit.json --usd 500 --gpu h100");
    let usd = next["cost"]["usd"].as_f64().unwrap();
    assert!(usd > 400.0 && usd <= 500.0, "{usd}");
}

#[test]
fn a_first_sweep_needs_no_runs_and_repeats_one() {
    let dir = TempDir::new().unwrap();
    let next = next(dir.path(), "--law besiroglu2024 --flops 1e19 --max-runs 9");
    let (flops, runs) = spent(&next);
    assert!(flops <= 1e19 && runs <= 9);
    assert!(next["runs"].as_array().unwrap().iter().any(|run| run["purpose"] == "replicate"));
    // Enough to fit: several sizes, several tokens per parameter.
    let ratios = next["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["tokens"].as_f64().unwrap() / run["params"].as_f64().unwrap());
    let (low, high) =
        ratios.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), ratio| (low.min(ratio), high.max(ratio)));
    assert!(high / low > 8.0, "{low} {high}");
}

#[test]
fn what_cannot_be_answered_is_refused_with_the_remedy() {
    let dir = fitted();
    std::fs::write(dir.path().join("bad.csv"), "id,params,tokens\n1,1e8,2e9\n2,1e8,-5\n").unwrap();
    std::fs::write(dir.path().join("short.csv"), "id,params\n1,1e8\n").unwrap();
    let ray: String = (0..9)
        .map(|i| {
            let params = 1e8 * 10f64.powf(f64::from(i) / 8.0);
            let (tokens, wobble) = (20.0 * params, 1.0 + 0.002 * f64::from(i % 3 - 1));
            format!("{params},{tokens},{}\n", (1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37)) * wobble)
        })
        .collect();
    std::fs::write(dir.path().join("ray.csv"), format!("params,tokens,loss\n{ray}")).unwrap();
    answer(dir.path(), "fit ray.csv -o ray.json --draws 300").unwrap();
    for (arguments, remedy) in [
        ("fit.json --flops 1e10", "raise the budget"),
        ("fit.json --flops 1e20 --candidates bad.csv", "bad.csv:3: tokens must be positive"),
        ("fit.json --flops 1e20 --candidates short.csv", "no column `tokens`"),
        ("fit.json --flops 1e15 --candidates candidates.csv", "costs"),
        ("fit.json --flops -1", "positive"),
        ("fit.json --flops 1e20 --max-runs 0", "1..=1000"),
        ("fit.json", "--flops"),
        ("fit.json --decide regret", "--target-flops"),
        ("fit.json --decide gain --flops 1e20", "column recipe"),
        ("--flops 1e20", "--law"),
        ("--law besiroglu --flops 1e20", "did you mean besiroglu2024"),
        ("--law kaplan2020-params --flops 1e20", "besiroglu2024"),
        ("besiroglu2024 --flops 1e20", "--law NAME"),
        ("ray.json --flops 1e20", "add runs such as"),
        ("fit.json --usd 100", "--gpu"),
    ] {
        candidates(dir.path());
        let complaint = answer(dir.path(), &format!("next {arguments}")).unwrap_err();
        assert!(complaint.contains(remedy), "{arguments}: {complaint}");
    }
}
