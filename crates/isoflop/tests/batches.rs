//! Does a batch cost the tokens that the law of the critical batch says, and does the plan count them?

#![allow(clippy::unwrap_used, clippy::panic)]

use isoflop::blueprint::Given;
use isoflop::law::published;
use isoflop::plan::{Budget, Demand, Limits, PlanError, Problem};
use isoflop::{Fit, Flops, Nats, Plan, Tokens};

fn fit() -> Fit {
    Fit::from_published(published("besiroglu2024").unwrap())
}

fn solve(problem: Problem) -> Plan {
    fit().solve(&problem, 0.9).unwrap()
}

fn tokens(tokens: f64) -> Option<Tokens> {
    Some(Tokens::new(tokens).unwrap())
}

fn goal(loss: f64, batch: Option<Tokens>) -> Problem {
    Problem { batch, ..Problem::of_goal(Nats::new(loss).unwrap(), None) }
}

fn budget(flops: f64, batch: Option<Tokens>) -> Problem {
    Problem { batch, ..Problem::of_budget(Budget::Flops(Flops::new(flops).unwrap()), None) }
}

/// 1 + B L^(1/0.21) / 2.1e8, written a second time.
fn factor(batch: f64, loss: f64) -> f64 {
    1.0 + batch * loss.powf(1.0 / 0.21) / 2.1e8
}

fn near(value: f64, expected: f64) {
    assert!((value / expected - 1.0).abs() < 1e-8, "{value:e} for {expected:e}");
}

/// Every token counts for less, whatever the size: a goal keeps its size, and its tokens and compute grow by the factor.
#[test]
fn a_goal_takes_the_published_factor_more_tokens() {
    let tiny = solve(goal(2.0, None));
    for batch in [1e5, 4e6, 6e7] {
        let plan = solve(goal(2.0, tokens(batch)));
        near(plan.params.value, tiny.params.value);
        near(plan.tokens.value, tiny.tokens.value * factor(batch, 2.0));
        near(plan.flops.value, tiny.flops.value * factor(batch, 2.0));
        near(plan.loss.value, 2.0);
        let cost = plan.batch.unwrap();
        near(cost.wasted, 1.0 - 1.0 / factor(batch, 2.0));
        near(cost.steps, plan.tokens.value / batch);
        // McCandlish's hyperbola.
        near((cost.steps_factor - 1.0) * (factor(batch, 2.0) - 1.0), 1.0);
        assert!(cost.counted && plan.assumptions.iter().any(|line| line.contains("times the tokens of tiny ones")));
    }
    assert_eq!(tiny.batch, None);
}

/// The loss that a budget buys and the goal of that loss agree on the run: the waste has settled.
#[test]
fn a_budget_and_the_goal_of_its_loss_are_the_same_run() {
    for served in [None, Some(5e12)] {
        let demand = served.map(|served| Demand { tokens: Tokens::new(served).unwrap(), answers: None, rental: None });
        let bought = solve(Problem { demand: demand.clone(), ..budget(1e24, tokens(4e6)) });
        let small = solve(Problem { demand: demand.clone(), ..budget(1e24, None) });
        assert!(bought.loss.value > small.loss.value + 1e-3);
        let wanted = solve(Problem { demand, ..goal(bought.loss.value, tokens(4e6)) });
        assert!((wanted.params.value / bought.params.value - 1.0).abs() < 1e-4, "{wanted:?} {bought:?}");
        assert!((wanted.flops.value / bought.flops.value - 1.0).abs() < 1e-4);
    }
}

#[test]
fn a_limit_on_the_waste_names_the_batch_that_keeps_to_it() {
    let limits = Limits { waste: Some(0.2), ..Limits::default() };
    match fit().solve(&Problem { limits, ..goal(2.0, tokens(4e7)) }, 0.9) {
        Err(PlanError::Wasteful { allowed, wasted, .. }) => {
            near(wasted, 1.0 - 1.0 / factor(4e7, 2.0));
            // w = 0.2 at B / B_crit = 1/4.
            near(factor(allowed.get(), 2.0), 1.25);
            let kept = solve(Problem { limits, ..goal(2.0, tokens(0.999 * allowed.get())) });
            assert!(kept.batch.unwrap().wasted < 0.2);
        }
        other => panic!("{other:?}"),
    }
    for (waste, batch) in [(0.0, tokens(1e6)), (1.0, tokens(1e6)), (f64::NAN, tokens(1e6)), (0.2, None)] {
        let limits = Limits { waste: Some(waste), ..Limits::default() };
        assert!(
            matches!(fit().solve(&Problem { limits, ..goal(2.0, batch) }, 0.9), Err(PlanError::Problem(_))),
            "{waste}"
        );
    }
}

/// What papers advise is said beside the critical batch, and not counted; what was given is what is trained.
#[test]
fn the_blueprint_trains_with_the_batch_of_the_plan() {
    let advised = solve(budget(1e24, None)).with_blueprint(&Given::default());
    let cost = advised.batch.unwrap();
    near(cost.batch, advised.blueprint.unwrap().batch.get());
    assert!(!cost.counted && cost.wasted > 0.1);
    let given = Given { batch: tokens(4.0 * 1_048_576.0), ..Given::default() };
    let plan = solve(budget(1e24, given.batch)).with_blueprint(&given);
    near(plan.blueprint.unwrap().batch.get(), 4.0 * 1_048_576.0);
    assert!(plan.batch.unwrap().counted);
}

#[test]
fn more_text_than_people_have_written_is_doubted() {
    let doubt = |flops: f64| {
        let plan = solve(budget(flops, None));
        plan.warnings.into_iter().find(|warning| warning.code == "text_stock").map(|warning| warning.message)
    };
    assert_eq!(doubt(1e26), None);
    // At 1e29 FLOP the law asks for 6e14 tokens.
    let message = doubt(1e29).unwrap();
    for words in ["more than there probably is", "300T (100T to 1000T", "2026 and 2032", "2211.04325"] {
        assert!(message.contains(words), "{words}: {message}");
    }
}
