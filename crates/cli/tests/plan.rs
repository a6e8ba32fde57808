//! Plans as a user asks for them: goals, limits, text that runs out, serving, money; what binds is said, what does not is not.

#![allow(clippy::unwrap_used)]

#[path = "support/grid.rs"]
mod grid;
mod support;

use grid::{answer, table};
use serde_json::Value;
use tempfile::TempDir;

fn fitted() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    table(&dir, "runs.csv", "params,tokens,loss", 24, |_, (params, tokens, loss)| format!("{params},{tokens},{loss}"));
    answer(dir.path(), "fit runs.csv --law hoffmann --draws 100 -o fit.json").unwrap();
    dir
}

fn plan(dir: &TempDir, arguments: &str) -> Value {
    serde_json::from_str(&answer(dir.path(), &format!("plan fit.json {arguments} --json")).unwrap()).unwrap()
}

/// A page without its breaks of lines.
fn words(page: &str) -> String {
    page.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn value(plan: &Value, key: &str) -> f64 {
    plan[key]["value"].as_f64().unwrap()
}

#[test]
fn a_goal_is_reached_with_the_doubt_about_what_it_takes() {
    let dir = fitted();
    let by_budget = plan(&dir, "--flops 1e22");
    let by_goal = plan(&dir, &format!("--loss {}", value(&by_budget, "loss")));
    assert!((value(&by_goal, "flops") / 1e22 - 1.0).abs() < 1e-6);
    assert!(by_goal["flops"]["lo"].as_f64().unwrap() < 1e22 && by_goal["flops"]["hi"].as_f64().unwrap() > 1e22);
    assert!((0.2..0.8).contains(&by_goal["goal"]["reached"].as_f64().unwrap()), "{}", by_goal["goal"]);

    let better = plan(&dir, "--better 1% --than-flops 1e22");
    assert!((value(&better, "loss") / value(&by_budget, "loss") - 0.99).abs() < 1e-9);
    // Twice what it takes is enough in nearly all draws.
    let rich = plan(&dir, &format!("--better 1% --than-flops 1e22 --flops {}", 2.0 * value(&better, "flops")));
    assert!(rich["goal"]["within_budget"].as_f64().unwrap() > 0.9, "{}", rich["goal"]);
}

#[test]
fn what_binds_is_said_with_its_worth_and_what_does_not_is_not() {
    let dir = fitted();
    let free = answer(dir.path(), "plan fit.json --flops 1e22").unwrap();
    for word in ["limits", "ruled out", "epochs", "goal", "serving"] {
        assert!(!free.contains(word), "{word} in {free}");
    }
    let bound =
        answer(dir.path(), "plan fit.json --flops 1e22 --max-params 1B --unique-tokens 100B --repetition published")
            .unwrap();
    for words in
        ["1B parameters: 10 % more size is worth", "100B distinct tokens: 10 % more distinct text", "ruled out"]
    {
        assert!(bound.contains(words), "{words} not in {bound}");
    }
    let loose = answer(dir.path(), "plan fit.json --flops 1e22 --max-params 100B").unwrap();
    assert!(!loose.contains("more size is worth"), "{loose}");
}

#[test]
fn serving_and_memory_make_the_model_smaller() {
    let dir = fitted();
    let goal = format!("--loss {}", value(&plan(&dir, "--flops 1e22"), "loss"));
    let alone = value(&plan(&dir, &goal), "params");
    let served = plan(&dir, &format!("{goal} --serve 1T --gpu h100"));
    assert!(value(&served, "params") < 0.9 * alone);
    let total = served["serving"]["total"].as_f64().unwrap();
    let sides = served["cost"]["usd"].as_f64().unwrap() + served["serving"]["cost"]["usd"].as_f64().unwrap();
    assert!((total / sides - 1.0).abs() < 1e-9, "{total} {sides}");

    let bytes = 0.5 * alone * 1e-9;
    let small = plan(&dir, &format!("{goal} --memory {bytes}GB --precision fp8"));
    assert!((value(&small, "params") / (0.5 * alone) - 1.0).abs() < 1e-9);
}

#[test]
fn prompts_and_answers_have_bills_of_their_own() {
    let dir = fitted();
    let demand = "--loss 2.1 --gpu h100 --serve 5T --serve-output 1T";
    let apart = plan(&dir, demand);
    let usd = |phase: &str| apart["serving"][phase]["cost"]["usd"].as_f64().unwrap();
    assert!((apart["serving"]["cost"]["usd"].as_f64().unwrap() / (usd("prompts") + usd("answers")) - 1.0).abs() < 1e-9);
    let more = plan(&dir, &format!("{demand} --serve-sequences 64"));
    assert!(more["serving"]["answers"]["cost"]["usd"].as_f64().unwrap() < 0.5 * usd("answers"));
    let page = words(&answer(dir.path(), &format!("plan fit.json {demand} --precision fp8")).unwrap());
    for words in ["prompts $", "4T tokens", "answers $", "1T tokens", "16 sequences at once", "FP8 weights"] {
        assert!(page.contains(words), "{words} not in {page}");
    }
    let complaint = answer(dir.path(), "plan fit.json --loss 2.1 --gpu h100 --serve 5T --serve-output 6T").unwrap_err();
    assert!(complaint.contains("prompts and answers together"), "{complaint}");
}

#[test]
fn batches_waste_tokens_in_plain_words() {
    let dir = fitted();
    let wasteful = plan(&dir, "--loss 2.1 --batch 4M");
    let tiny = plan(&dir, "--loss 2.1 --batch 1k");
    assert!(value(&wasteful, "tokens") > 1.3 * value(&tiny, "tokens"));
    assert!((wasteful["blueprint"]["batch"].as_f64().unwrap() / 4e6 - 1.0).abs() < 1e-3);
    let page = words(&answer(dir.path(), "plan fit.json --loss 2.1 --batch 4M").unwrap());
    for words in [
        "critical batch at this loss is about",
        "of the tokens save steps",
        "this plan counts that",
        "Kaplan et al. 2020",
    ] {
        assert!(page.contains(words), "{words} not in {page}");
    }
    let free = words(&answer(dir.path(), "plan fit.json --loss 2.1").unwrap());
    assert!(free.contains("this plan does not count that, --batch"), "{free}");
    for (limit, remedy) in
        [("20%", "take batches of at most"), ("2", "between 0 and 100 %"), ("-1", "between 0 and 100 %")]
    {
        let complaint =
            answer(dir.path(), &format!("plan fit.json --loss 2.1 --batch 40M --max-batch-waste {limit}")).unwrap_err();
        assert!(complaint.contains(remedy), "{complaint}");
    }
}

#[test]
fn a_later_year_is_an_assumption_that_is_asked_for() {
    let dir = fitted();
    let now = "--loss 2.1 --gpu h100";
    assert!(plan(&dir, now)["later"].is_null());
    let later = plan(&dir, &format!("{now} --years 2 --progress 3"));
    let today = later["cost"]["usd"].as_f64().unwrap();
    assert!((later["later"]["usd"]["value"].as_f64().unwrap() * 9.0 / today - 1.0).abs() < 1e-9);
    let page = words(&answer(dir.path(), &format!("plan fit.json {now} --years 2")).unwrap());
    for words in ["the same loss in 2", "1.8..4 times a year", "Ho et al. 2024", "a belief beside the fit"] {
        assert!(page.contains(words), "{words} not in {page}");
    }
    let complaint = answer(dir.path(), &format!("plan fit.json {now} --years 0")).unwrap_err();
    assert!(complaint.contains("the number of years"), "{complaint}");
}

#[test]
fn budgets_in_days_hours_and_energy_are_the_same_budget() {
    let dir = fitted();
    let devices = "--gpu h100 --gpus 100 --goodput 1";
    let days = plan(&dir, &format!("--days 10 {devices}"));
    for budget in ["--gpu-hours 24000", "--kwh 20160", "--usd 48000"] {
        let other = plan(&dir, &format!("{budget} {devices}"));
        assert!((value(&other, "flops") / value(&days, "flops") - 1.0).abs() < 1e-9, "{budget}");
        assert!((other["cost"]["days"].as_f64().unwrap() - 10.0).abs() < 1e-9);
    }
}

#[test]
fn ranges_of_price_and_mfu_widen_what_they_touch_and_say_so() {
    let dir = fitted();
    let ranges = "--usd 100k --gpu h100 --gpus 64 --mfu 0.3..0.5 --price 1.5..3";
    let doubtful = plan(&dir, ranges);
    assert_eq!(doubtful, plan(&dir, ranges));
    let [lo, hi] = [0, 1].map(|end| doubtful["cost_interval"][end]["days"].as_f64().unwrap());
    assert!(lo < 0.9 * hi && lo < doubtful["cost"]["days"].as_f64().unwrap(), "{doubtful}");
    let page = words(&answer(dir.path(), &format!("plan fit.json {ranges}")).unwrap());
    for words in ["MFU 0.3..0.5", "$1.5..3 per device-hour", "nine times in ten", "and price, MFU and goodput;"] {
        assert!(page.contains(words), "{words} not in {page}");
    }
    let page = answer(dir.path(), "plan fit.json --usd 100k --gpu h100").unwrap();
    assert!(page.contains("taken for known"), "{page}");

    for (arguments, remedy) in [
        ("plan fit.json --usd 1k --gpu h100 --mfu 0.5..0.3", "from a smaller number to a larger"),
        ("plan fit.json --usd 1k --gpu h100 --goodput 0.9..1", "must end below 1"),
        ("plan fit.json --usd 1k --gpu h100 --mfu 0.3..1.2", "at most 1, got 1.2"),
        ("next fit.json --usd 1k --gpu h100 --mfu 0.3..0.5", "as numbers here"),
    ] {
        let complaint = answer(dir.path(), arguments).unwrap_err();
        assert!(complaint.contains(remedy), "{arguments}: {complaint}");
    }
}

/// A table that says in the name of a column which parameters it counts: the fit, the plan and its doubts say so too.
#[test]
fn parameters_that_are_not_all_are_said() {
    let dir = tempfile::tempdir().unwrap();
    table(&dir, "runs.csv", "active_params,tokens,loss", 24, |_, (params, tokens, loss)| {
        format!("{params},{tokens},{loss}")
    });
    table(&dir, "points.csv", "total_params,tokens", 2, |_, (params, tokens, _)| format!("{params},{tokens}"));
    let page = answer(dir.path(), "fit runs.csv --law hoffmann --draws 40 -o fit.json").unwrap();
    assert!(page.contains("parameters a token passes through"), "{page}");
    let page = words(&answer(dir.path(), "plan fit.json --flops 1e22 --memory 80GB").unwrap());
    for expected in
        ["N counting parameters a token passes through", "memory of all weights", "a mixture of experts has more"]
    {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    let complaint = answer(dir.path(), "predict fit.json --runs points.csv").unwrap_err();
    assert!(complaint.contains("count them alike"), "{complaint}");
}
