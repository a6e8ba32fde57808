//! Is a plan ever beaten by a dense grid of runs, does it keep to its limits, and is it refused only where the grid finds nothing?

#![allow(clippy::unwrap_used, clippy::panic)]

use isoflop::law::{by_name, published};
use isoflop::plan::{Budget, Demand, Goal, Limits, PlanError, Problem};
use isoflop::{Fit, Flops, Nats, Params, Plan, Setting, Tokens};
use proptest::prelude::*;

/// Points of the grid in ln N, over e^24, and in ln D, over e^22.
const SIZES: usize = 600;
const TEXTS: usize = 600;

/// What is asked, in bare numbers.
#[derive(Debug, Clone)]
struct Question {
    law: usize,
    /// E, A, B, alpha, beta, and two more that each law takes as it needs.
    coefficients: [f64; 8],
    goal: Option<f64>,
    budget: Option<f64>,
    most_params: Option<f64>,
    unique: Option<f64>,
    epochs: Option<f64>,
    served: Option<f64>,
    batch: Option<f64>,
}

const LAWS: [&str; 5] = ["hoffmann", "coupled", "muennighoff", "coupled-repeated", "lovelace"];

/// A fit without draws of the law with those coefficients: the published law of the same form with its numbers replaced.
fn fit(question: &Question) -> Fit {
    let name = LAWS[question.law];
    let [floor, a, b, alpha, beta, sixth, seventh, eighth] = question.coefficients;
    let parameters = match name {
        "hoffmann" => vec![floor, a, b, alpha, beta],
        "coupled" => vec![floor, a, b, alpha, beta, sixth],
        "muennighoff" => vec![floor, a, b, alpha, beta, 20.0 * sixth, 8.0 * seventh],
        "coupled-repeated" => vec![floor, a, b, alpha, beta, sixth, 20.0 * seventh],
        _ => vec![floor, a, b, alpha, beta, 0.05 * sixth, 0.5 + seventh, eighth],
    };
    let law = by_name(name, &[]).unwrap();
    let columns: Vec<String> = law.parameters().iter().map(|parameter| parameter.name.to_string()).collect();
    let mut file: serde_json::Value = serde_json::from_str(
        &Fit::from_published(published("besiroglu2024").unwrap()).to_json(0.9, &Default::default()),
    )
    .unwrap();
    let named: serde_json::Map<String, serde_json::Value> = columns
        .iter()
        .zip(&parameters)
        .map(|(name, value)| (name.clone(), serde_json::json!({"value": value, "lo": null, "hi": null})))
        .collect();
    file["law"] = name.into();
    file["point"] = parameters.into();
    file["params"] = named.into();
    file["draw_columns"] = serde_json::json!([]);
    Fit::from_json(&file.to_string(), "generated").unwrap()
}

fn problem(question: &Question) -> Problem {
    let size = |value: Option<f64>| value.map(|value| Params::new(value).unwrap());
    let text = |value: Option<f64>| value.map(|value| Tokens::new(value).unwrap());
    let repeats = LAWS[question.law] != "hoffmann" && LAWS[question.law] != "coupled";
    let unique = question.unique.filter(|_| repeats);
    Problem {
        goal: question.goal.map_or(Goal::LowestLoss, |loss| Goal::Loss(Nats::new(loss).unwrap())),
        budget: question.budget.map(|budget| Budget::Flops(Flops::new(budget).unwrap())),
        limits: Limits {
            params: size(question.most_params),
            unique_tokens: text(unique),
            epochs: question.epochs.filter(|_| unique.is_some()),
            ..Limits::default()
        },
        batch: text(question.batch),
        demand: text(question.served).map(|tokens| Demand { tokens, answers: None, rental: None }),
        ..Problem::default()
    }
}

/// Tokens seen for each that counts, at a loss: the critical batch of Kaplan et al. 2020.
fn tokens_factor(question: &Question, loss: f64) -> f64 {
    question.batch.map_or(1.0, |batch| 1.0 + batch * loss.powf(1.0 / 0.21) / 2.1e8)
}

/// The loss of a run that sees `tokens`; under a goal, where what the batch wastes is taken at the goal, below it or not.
fn loss_seen(question: &Question, fit: &Fit, params: f64, tokens: f64) -> f64 {
    let loss = |counted: f64| fit.law().loss(fit.point(), &Setting::single_pass(params, counted));
    if question.batch.is_none() {
        return loss(tokens);
    }
    if let Some(goal) = question.goal {
        return loss(tokens / tokens_factor(question, goal));
    }
    // Fewer tokens count, at a higher loss, at which more are wasted: from the top of what they may be, until it settles.
    let mut counted = tokens;
    for _ in 0..30 {
        let before = counted;
        counted = tokens / tokens_factor(question, loss(before));
        if (counted / before - 1.0).abs() < 1e-12 {
            break;
        }
    }
    loss(counted)
}

/// The grid's answer: the lowest loss, or the lowest cost of the goal, among allowed runs; none where there are none.
fn by_grid(question: &Question, fit: &Fit) -> Option<f64> {
    let Problem { limits, .. } = problem(question);
    let fit = limits.unique_tokens.map_or_else(|| fit.clone(), |unique| fit.with_unique_tokens(unique).unwrap());
    let most_tokens =
        limits.unique_tokens.zip(limits.epochs).map_or(f64::INFINITY, |(unique, epochs)| unique.get() * epochs);
    let serving = 2.0 * question.served.unwrap_or(0.0);
    let budget = question.budget.unwrap_or(f64::INFINITY);
    // A batch has to settle at every point: fewer of them.
    let coarser = if question.batch.is_some() { 3 } else { 1 };
    let (sizes, texts) = (SIZES / coarser, TEXTS / coarser);
    let mut best = None;
    for size in 0..sizes {
        let params = 1e4 * f64::exp(24.0 * size as f64 / sizes as f64);
        if question.most_params.is_some_and(|most| params > most) {
            break;
        }
        // Points along the budget and the most tokens, and below.
        let most = most_tokens.min((budget / params - serving) / 6.0).min(1e4 * f64::exp(28.0));
        for text in 0..texts {
            let tokens = most * f64::exp(-22.0 * text as f64 / texts as f64);
            if tokens < 1e3 {
                break;
            }
            let loss = loss_seen(question, &fit, params, tokens);
            let value = match question.goal {
                None => loss,
                Some(goal) if loss <= goal => params * (6.0 * tokens + serving),
                Some(_) => continue,
            };
            if best.is_none_or(|best| value < best) {
                best = Some(value);
            }
        }
    }
    best
}

fn check(question: &Question) -> Result<(), TestCaseError> {
    let fit = fit(question);
    let grid = by_grid(question, &fit);
    let problem = problem(question);
    let plan: Plan = match fit.solve(&problem, 0.9) {
        Ok(plan) => plan,
        Err(PlanError::Infeasible(_) | PlanError::ServingAlone) => {
            prop_assert!(grid.is_none(), "refused, and the grid finds {grid:?}");
            return Ok(());
        }
        // A goal so high, or a budget so low, that no model is needed for it.
        Err(PlanError::TooSmall { .. } | PlanError::BudgetTooSmall(_) | PlanError::NoOptimum(_)) => return Ok(()),
        Err(error) => panic!("{error}"),
    };
    let (params, tokens) = (plan.params.value, plan.tokens.value);
    let cost = params * (6.0 * tokens + 2.0 * question.served.unwrap_or(0.0));
    let within = |value: f64, most: Option<f64>| most.is_none_or(|most| value <= most * (1.0 + 1e-9));
    prop_assert!(within(params, question.most_params) && within(cost, question.budget), "{plan:?}");
    let most_tokens = problem.limits.unique_tokens.zip(problem.limits.epochs);
    prop_assert!(within(tokens, most_tokens.map(|(unique, epochs)| unique.get() * epochs)), "{plan:?}");
    prop_assert!(within(plan.loss.value, question.goal), "{plan:?}");
    if let Some(grid) = grid {
        let value = if question.goal.is_some() { cost } else { plan.loss.value };
        prop_assert!(value <= grid * (1.0 + 1e-6), "{value:e}, and the grid finds {grid:e}: {plan:?}");
    }
    Ok(())
}

prop_compose! {
    fn question()(
        law in 0..LAWS.len(),
        floor in 1.2..2.0,
        params_term in 0.2..3.0,
        tokens_term in 0.2..3.0,
        alpha in 0.15..0.6,
        beta in 0.15..0.6,
        others in [0.15..1.0, 0.2..1.0, 0.2..0.8],
        excess in prop::option::of(0.02..1.2),
        budget in prop::option::weighted(0.8, 40.0..58.0),
        most_params in prop::option::weighted(0.6, 16.0..27.0),
        unique in prop::option::weighted(0.7, 18.0..30.0),
        epochs in prop::option::weighted(0.5, 1.0..40.0),
        served in prop::option::weighted(0.5, 20.0..32.0),
        batch in prop::option::weighted(0.4, 9.0..19.0),
    ) -> Question {
        // The terms at 1e8 parameters and 1e9 tokens, so that every law is of language.
        let a = params_term * f64::powf(1e8, alpha);
        let b = tokens_term * f64::powf(1e9, beta);
        Question {
            law,
            coefficients: [floor, a, b, alpha, beta, others[0], others[1], others[2]],
            goal: excess.map(|excess| floor + excess),
            // Something is to be asked.
            budget: if excess.is_none() { Some(f64::exp(budget.unwrap_or(48.0))) } else { budget.map(f64::exp) },
            most_params: most_params.map(f64::exp),
            unique: unique.map(f64::exp),
            epochs,
            served: served.map(f64::exp),
            batch: batch.map(f64::exp),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_grid_beats_a_plan(question in question()) {
        check(&question)?;
    }
}
