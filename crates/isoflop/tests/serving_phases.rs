//! Do prompts and answers cost what arithmetic and memory say, and does the plan follow?

#![allow(clippy::unwrap_used, clippy::panic)]

use isoflop::hardware::{Precision, Rental, accelerator};
use isoflop::law::published;
use isoflop::plan::{Answers, Demand, PlanError, Problem, ProblemError};
use isoflop::{Fit, Nats, Plan, Tokens};

const SERVED: f64 = 5e12;

fn h100(utilisation: f64) -> Rental {
    Rental::new(accelerator("h100").unwrap(), 2.0, utilisation, 1.0, None).unwrap()
}

fn solve(answers: Option<Answers>, rental: Option<Rental>) -> Result<Plan, PlanError> {
    let demand = Demand { tokens: Tokens::new(SERVED).unwrap(), answers, rental };
    let goal = Problem::of_goal(Nats::new(2.0).unwrap(), Some(h100(0.4)));
    Fit::from_published(published("besiroglu2024").unwrap()).solve(&Problem { demand: Some(demand), ..goal }, 0.9)
}

fn answers(tokens: f64, sequences: f64) -> Option<Answers> {
    Some(Answers { tokens: Tokens::new(tokens).unwrap(), sequences })
}

fn near(value: f64, expected: f64) {
    assert!((value / expected - 1.0).abs() < 1e-9, "{value:e} for {expected:e}");
}

/// 989.4e12 FLOP/s at 40 % read prompts; 3.35e12 bytes a second, two for each weight, write 16 sequences' answers.
#[test]
fn the_bill_is_that_of_arithmetic_and_memory() {
    let plan = solve(answers(1e12, 16.0), Some(h100(0.4))).unwrap();
    let (params, serving) = (plan.params.value, plan.serving.unwrap());
    let (prompts, written) = (serving.prompts.unwrap(), serving.answers.unwrap());
    near(prompts.seconds_per_token, 2.0 * params / (0.4 * 989.4e12));
    near(prompts.cost.usd.unwrap(), 4e12 * prompts.seconds_per_token / 3600.0 * 2.0);
    near(written.seconds_per_token, 2.0 * params / 3.35e12);
    near(written.cost.usd.unwrap(), 1e12 * written.seconds_per_token / 16.0 / 3600.0 * 2.0);
    near(serving.cost.usd.unwrap(), prompts.cost.usd.unwrap() + written.cost.usd.unwrap());
    near(serving.total, plan.cost.usd.unwrap() + serving.cost.usd.unwrap());
}

/// Where arithmetic binds both phases at the full peak, they are one: 1e6 sequences share a reading of the weights.
#[test]
fn many_sequences_at_the_full_peak_make_both_phases_one() {
    let alike = solve(None, Some(h100(1.0))).unwrap();
    let apart = solve(answers(1e12, 1e6), Some(h100(1.0))).unwrap();
    near(apart.params.value, alike.params.value);
    near(apart.serving.unwrap().total, alike.serving.unwrap().total);
    assert!(alike.serving.unwrap().answers.is_none());
    // One sequence at a time is 295 times as dear, and the model smaller.
    let alone = solve(answers(1e12, 1.0), Some(h100(1.0))).unwrap();
    assert!(
        alone.params.value < 0.5 * apart.params.value
            && alone.serving.unwrap().total > 2.0 * apart.serving.unwrap().total
    );
}

/// Half the bytes and twice the peak: FP8 serves at half the price, of the same model.
#[test]
fn narrow_formats_serve_at_their_own_peak_and_bytes() {
    let usd = |plan: &Plan| plan.serving.unwrap().cost.usd.unwrap() / plan.params.value;
    let wide = solve(answers(1e12, 16.0), Some(h100(0.4))).unwrap();
    let narrow = solve(answers(1e12, 16.0), Some(h100(0.4).computing_in(Precision::Fp8).unwrap())).unwrap();
    // 1979 TFLOP/s are twice 989.4 to one in ten thousand.
    assert!((usd(&wide) / usd(&narrow) - 2.0).abs() < 2e-4);
    assert!(narrow.params.value > wide.params.value);
    assert!(narrow.assumptions.iter().any(|line| line.contains("FP8 is taken to lose nothing")));
}

#[test]
fn impossible_demands_are_refused() {
    for (answers, rental, expected) in [
        (answers(6e12, 16.0), Some(h100(0.4)), "writes 6T of the 5T"),
        (answers(1e12, 0.0), Some(h100(0.4)), "sequences must be positive"),
        (answers(1e12, f64::NAN), Some(h100(0.4)), "sequences must be positive"),
        (answers(1e12, 16.0), None, "--gpu"),
    ] {
        match solve(answers, rental) {
            Err(PlanError::Problem(error @ ProblemError::MoreAnswersThanTokens { .. }))
            | Err(PlanError::Problem(error @ ProblemError::NotPositive { .. }))
            | Err(PlanError::Problem(error @ ProblemError::NeedsDevices(_))) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
}
