//! Is the game fair: worlds that differ, runs that are paid for and cannot be made up, and grades that tell good answers from bad ones?

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use isoflop::sandbox::{Answer, Assignment, Grade, Ledger, Level, SandboxError, World};
use isoflop::{FitOptions, Flops, Params, Runs, TableFormat, Tokens, fit};

fn assignment(player: &str, level: Level) -> Assignment {
    Assignment::new(7, player, level, Flops::new(1e20).unwrap(), Flops::new(1e23).unwrap()).unwrap()
}

/// Five budgets of seven sizes, a factor of eight apart, for all the compute there is.
fn grid(assignment: &Assignment) -> Ledger {
    let mut ledger = Ledger::new(assignment);
    let total: f64 = (0..5).map(|rung| 7.0 * 10f64.powf(0.5 * f64::from(rung))).sum();
    for rung in 0..5 {
        let flops = 0.999 * assignment.budget.get() * 10f64.powf(0.5 * f64::from(rung)) / total;
        for size in 0..7 {
            let params = (flops / 120.0).sqrt() * 8f64.powf(f64::from(size) / 6.0 - 0.5);
            ledger.train(Params::new(params).unwrap(), Tokens::new(flops / 6.0 / params).unwrap()).unwrap();
        }
    }
    ledger
}

fn read(csv: &str) -> Runs {
    Runs::read(csv.as_bytes(), "runs.csv", TableFormat::Csv, false).unwrap()
}

#[test]
fn players_have_worlds_of_their_own_and_always_the_same() {
    let truth = |player| World::of(&assignment(player, Level::Field)).parameters();
    assert_eq!(truth("ada"), truth("ada"));
    assert!(truth("ada").iter().zip(truth("bob")).all(|(ada, bob)| *ada != bob));
    assert_eq!(World::of(&assignment("ada", Level::Textbook)).parameters()[5], 1.0);
}

#[test]
fn compute_is_charged_and_cannot_be_overdrawn() {
    let mut ledger = Ledger::new(&assignment("ada", Level::Field));
    let (params, tokens) = (Params::new(1e8).unwrap(), Tokens::new(1e11).unwrap());
    let first = ledger.train(params, tokens).unwrap();
    assert_eq!(ledger.spent(), 6e19);
    assert!(matches!(ledger.train(params, tokens), Err(SandboxError::Overspent { left, .. }) if left == 4e19));
    assert_eq!(ledger.runs(), [first]);
}

#[test]
fn a_run_again_is_another_draw_of_the_scatter() {
    let world = World::of(&assignment("ada", Level::Textbook));
    let (params, tokens) = (Params::new(1e8).unwrap(), Tokens::new(1e9).unwrap());
    let losses: Vec<f64> = (0..400)
        .map(|replicate| (world.train(params, tokens, replicate) / world.expected_loss(params, tokens)).ln())
        .collect();
    let spread = (losses.iter().map(|loss| loss * loss).sum::<f64>() / 400.0).sqrt();
    assert!((spread / 0.002 - 1.0).abs() < 0.15, "{spread}");
    assert_eq!(world.train(params, tokens, 3), world.train(params, tokens, 3));
}

#[test]
fn a_table_is_accepted_as_written_and_not_with_one_digit_changed() {
    let assignment = assignment("ada", Level::Field);
    let ledger = grid(&assignment);
    let csv = ledger.to_csv();
    assert_eq!(Ledger::of_runs(&assignment, &read(&csv)).unwrap(), ledger);
    let last = csv.trim_end().chars().last().unwrap();
    let altered = csv.trim_end().strip_suffix(last).unwrap().to_owned() + if last == '5' { "6" } else { "5" };
    let refused = Ledger::of_runs(&assignment, &read(&altered));
    assert!(matches!(refused, Err(SandboxError::Altered { ref run, .. }) if run == "run-35"), "{refused:?}");
}

#[test]
fn a_good_answer_scores_better_than_a_bad_one_and_the_reference_is_good() {
    for player in ["ada", "bob", "eve"] {
        let assignment = assignment(player, Level::Field);
        let ledger = grid(&assignment);
        let fit = fit(&read(&ledger.to_csv()), &FitOptions::default()).unwrap();
        let good = Grade::of(&assignment, &ledger, Answer::of_fit(&fit, assignment.target).unwrap()).unwrap();
        let too_small = Params::new(good.best.params.get() / 8.0).unwrap();
        let bad = Grade::of(&assignment, &ledger, Answer::new(too_small, 1.3, 1.29, 1.31).unwrap()).unwrap();
        println!("{player}: {:?}\nreference {:?}", good.score, good.reference);
        assert!(good.score.error.abs() < 0.05 && good.score.wasted < 0.15, "{player}: {:?}", good.score);
        assert!(bad.score.wasted > 0.3 && !bad.score.held, "{player}: {:?}", bad.score);
        assert!(bad.score.interval_score > 5.0 * good.score.interval_score);
        let reference = good.reference.unwrap();
        assert!(reference.error.abs() < 0.05 && reference.wasted < 0.2, "{player}: {reference:?}");
        assert!(good.best.expected_loss <= good.score.run.expected_loss && good.best == bad.best);
    }
}

#[test]
fn what_cannot_be_played_is_refused() {
    let (budget, target) = (Flops::new(1e20).unwrap(), Flops::new(1e19).unwrap());
    let near = Assignment::new(1, "ada", Level::Field, budget, target);
    assert!(matches!(near, Err(SandboxError::TargetTooNear { .. })));
    let json = serde_json::to_string(&assignment("ada", Level::Field)).unwrap();
    assert_eq!(Assignment::from_json(&json, "a").unwrap(), assignment("ada", Level::Field));
    let older = json.replace("sandbox/1", "sandbox/0");
    assert!(matches!(Assignment::from_json(&older, "a"), Err(SandboxError::OtherSchema { .. })));
    assert!(matches!(Assignment::from_json("{}", "a"), Err(SandboxError::Malformed { .. })));
    let params = Params::new(1e9).unwrap();
    for (loss, lo, hi) in [(2.0, 2.1, 2.2), (2.0, f64::NAN, 2.2), (2.0, 1.9, f64::INFINITY), (2.0, 0.0, 2.1)] {
        assert!(matches!(Answer::new(params, loss, lo, hi), Err(SandboxError::NoInterval { .. })));
    }
}
