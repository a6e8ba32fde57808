//! Questions to the planner that make no sense: each refused with exit code 2, in words that say what to type instead.

#![allow(clippy::unwrap_used)]

#[path = "support/grid.rs"]
mod grid;
mod support;

use grid::{answer, table};

#[test]
fn bad_questions_name_their_remedy() {
    let dir = tempfile::tempdir().unwrap();
    table(&dir, "runs.csv", "params,tokens,loss", 24, |_, (params, tokens, loss)| format!("{params},{tokens},{loss}"));
    answer(dir.path(), "fit runs.csv --law hoffmann --draws 40 -o fit.json").unwrap();
    std::fs::write(dir.path().join("empty.json"), "").unwrap();
    std::fs::write(dir.path().join("binary.json"), [0, 255, 254]).unwrap();
    for (asked, remedy) in [
        // Goals.
        ("fit.json --loss 1.2", "the law's floor is 1.8"),
        ("fit.json --loss 0", "must be positive and finite"),
        ("fit.json --loss -3", "must be positive and finite, got -3"),
        ("fit.json --loss nan", "must be positive and finite, got NaN"),
        ("fit.json --loss 1e300", "is reached by guessing"),
        ("fit.json --loss 5%", "for a share use --better 5%"),
        ("fit.json --better 500%", "between 0 and 100 %"),
        ("fit.json --better -5%", "between 0 and 100 %"),
        ("fit.json --loss 2.0 --better 5%", "cannot be used with"),
        ("fit.json", "a budget (--flops 1e24"),
        // Budgets.
        ("fit.json --flops 1", "below the smallest sensible run"),
        ("fit.json --flops 7b", "check the unit of the budget"),
        ("fit.json --flops 1e300", "all the energy that people use in a year"),
        ("fit.json --flops -1e20", "must be positive and finite, got -1"),
        ("fit.json --flops -7B", "must be positive and finite, got -7"),
        ("fit.json --usd 1e24 --gpu h100", "a budget in FLOP is --flops"),
        ("fit.json --usd 10M", "--gpu"),
        ("fit.json --flops 1e22 --usd 10M --gpu h100", "cannot be used with"),
        ("fit.json --days 10 --gpu h100", "--gpus"),
        // Limits against each other, and units mistaken.
        ("fit.json --loss 2.1 --max-params 10M", "it would take about"),
        ("fit.json --loss 2.1 --flops 1e18", "it would take about"),
        ("fit.json --loss 2.1 --flops 1e18 --max-params 10M", "widen several"),
        ("fit.json --flops 1e22 --max-params 7b-tokens", "is not a number of parameters; write 70B"),
        ("fit.json --flops 1e22 --max-params 7", "leaves no model of 1,000 parameters"),
        ("fit.json --flops 1e22 --max-params -7B", "must be positive and finite, got -7"),
        ("fit.json --flops 1e22 --memory 80", "--memory 80GB"),
        ("fit.json --flops 1e22 --min-tokens-per-second 1e12 --gpu h100", "leaves no model of 1,000 parameters"),
        ("fit.json --flops 1e22 --min-tokens-per-second 50 --gpu a100 --precision fp8", "a100 does not compute in FP8"),
        ("fit.json --flops 1e22 --max-epochs 2", "--unique-tokens"),
        ("fit.json --flops 1e22 --unique-tokens 100B", "--repetition published"),
        ("fit.json --flops 1e22 --unique-tokens 1T --max-epochs 0.5", "must be at least 1"),
        ("fit.json --loss 2.2 --max-days 3", "--gpus"),
        // Devices.
        ("fit.json --usd 10M --gpu h10", "did you mean h100"),
        ("fit.json --usd 10M --gpu abacus", "known are h100"),
        ("fit.json --usd 10M --gpu h100 --mfu 40", "at most 1, got 40"),
        ("fit.json --usd 10M --gpu h100 --mfu 0.5..0.4", "from a smaller number to a larger"),
        ("fit.json --usd 10M --gpu h100 --price -2..3", "from a smaller number to a larger"),
        ("fit.json --usd 10M --gpu h100 --price 1e-300..1e300", "a number of FLOP must be positive and finite"),
        ("besiroglu2024 --loss 2.2 --kwh 4M --gpu tpu-v6e", "not published"),
        // Serving, batches, later years.
        ("fit.json --flops 1e18 --serve 50T", "check the unit"),
        ("fit.json --flops 1e22 --gpu h100 --serve 1T", "give it in dollars"),
        ("fit.json --loss 2.1 --serve 1e300", "check the unit of --serve"),
        ("fit.json --flops 1e22 --serve 1e24", "lower --serve, or raise the budget"),
        ("fit.json --loss 2.1 --serve 5T --serve-output 6T --gpu h100", "prompts and answers together"),
        ("fit.json --loss 2.1 --batch 1e14", "check the unit of --batch"),
        ("fit.json --loss 2.1 --max-batch-waste 10%", "--batch"),
        ("fit.json --flops 1e22 --years 1000", "nobody knows"),
        ("fit.json --flops 1e22 --years 2 --progress 0.5", "1 or more"),
        ("fit.json --flops 1e22 --level 2", "a share between 0 and 1"),
        // Fits.
        ("besiroglu2025 --flops 1e22", "did you mean besiroglu2024"),
        ("nowhere.json --flops 1e22", "no such file"),
        ("empty.json --flops 1e22", "make one with `isoflop fit"),
        ("binary.json --flops 1e22", "cannot read as text"),
        ("runs.csv --flops 1e22", "make one with `isoflop fit"),
    ] {
        let complaint = answer(dir.path(), &format!("plan {asked}")).unwrap_err();
        assert!(complaint.contains(remedy), "{asked}: {complaint}");
    }
}
