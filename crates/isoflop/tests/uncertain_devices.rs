//! Do a plan's intervals and chances count price, MFU and goodput together with the law?

#![allow(clippy::unwrap_used)]

use isoflop::hardware::{Rental, Uncertain, accelerator};
use isoflop::law::published;
use isoflop::plan::{Budget, Problem};
use isoflop::{Estimate, Fit, FitOptions, Nats, Objective, Plan, Runs, TableFormat, fit};

fn range(lo: f64, hi: f64) -> Uncertain {
    Uncertain::between(lo, hi).unwrap()
}

fn h100(price: impl Into<Uncertain>, utilisation: impl Into<Uncertain>) -> Option<Rental> {
    Some(Rental::new(accelerator("h100").unwrap(), price, utilisation, 0.9, Some(64)).unwrap())
}

/// Without draws, so that what spreads is the devices.
fn besiroglu() -> Fit {
    Fit::from_published(published("besiroglu2024").unwrap())
}

/// With draws.
fn fitted() -> Fit {
    let mut table = String::from("params,tokens,loss\n");
    for i in 0..24 {
        let (params, tokens) = (1e8 * 1.9f64.powi(i % 6), 2e9 * 3f64.powi(i / 6));
        let scatter = (0.002 * (12.9 * f64::from(i + 1)).sin()).exp();
        table += &format!(
            "{params},{tokens},{}\n",
            (1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37)) * scatter
        );
    }
    let runs = Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false).unwrap();
    let options = FitOptions { draws: 400, ..FitOptions::hoffmann(Objective::LogLeastSquares) };
    fit(&runs, &options).unwrap()
}

fn dollars(rental: Option<Rental>) -> Problem {
    Problem::of_budget(Budget::Dollars("$10M".parse().unwrap()), rental)
}

fn goal(loss: f64, rental: Option<Rental>) -> Problem {
    Problem::of_goal(Nats::new(loss).unwrap(), rental)
}

fn ends(estimate: &Estimate) -> (f64, f64) {
    (estimate.lo.unwrap(), estimate.hi.unwrap())
}

/// Width of the interval of dollars in ln.
fn ln_width(plan: &Plan) -> f64 {
    let (lo, hi) = plan.cost_interval.unwrap();
    (hi.usd.unwrap() / lo.usd.unwrap()).ln()
}

/// The 90 % interval of what a budget buys ends where the prices do: 1,000 draws know its ends to 4 % of its width.
#[test]
fn a_budget_of_dollars_buys_what_the_range_of_the_price_says() {
    let plan = besiroglu().solve(&dollars(h100(range(1.0, 4.0), 0.4)), 0.9).unwrap();
    let middle = besiroglu().solve(&dollars(h100(2.0, 0.4)), 0.9).unwrap();
    assert!((plan.flops.value / middle.flops.value - 1.0).abs() < 1e-12);
    let (lo, hi) = ends(&plan.flops);
    assert!(
        (lo / middle.flops.value * 2.0).ln().abs() < 0.1 && (hi / middle.flops.value / 2.0).ln().abs() < 0.1,
        "{plan:?}"
    );
    let (low, high) = plan.cost_interval.unwrap();
    for usd in [low.usd, high.usd] {
        assert!((usd.unwrap() / 1e7 - 1.0).abs() < 1e-9, "the budget is certain");
    }
    assert!((high.days.unwrap() / low.days.unwrap() / 4.0).ln().abs() < 0.15, "{plan:?}");
    assert!(ends(&plan.params).0 < plan.params.value && plan.params.value < ends(&plan.params).1);
    assert!(ends(&plan.loss).0 < plan.loss.value && plan.loss.value < ends(&plan.loss).1);
    assert_eq!((plan.new_run.lo, middle.loss.lo), (None, None));
    assert!(plan.covers.starts_with("price, MFU and goodput alone"), "{}", plan.covers);
}

/// Independent doubts in ln dollars add as squares.
#[test]
fn the_doubts_about_law_and_devices_add_up() {
    let fit = fitted();
    let width = |rental| ln_width(&fit.solve(&goal(2.1, rental), 0.9).unwrap());
    let law = width(h100(2.0, 0.4));
    let devices = (1.5f64 / (1.0 / 1.5)).ln();
    let both = width(h100(range(2.0 / 1.5, 2.0 * 1.5), 0.4));
    assert!(law > 0.1 && (both / law.hypot(devices) - 1.0).abs() < 0.1, "{law} {devices} {both}");
    assert!(width(h100(range(2.0 / 1.5, 2.0 * 1.5), range(0.3, 0.5))) > 1.05 * both);
}

#[test]
fn a_seed_gives_the_same_draws_and_a_range_of_one_number_is_that_number() {
    let fit = fitted();
    let solve = |seed, rental| fit.solve(&Problem { seed, ..dollars(rental) }, 0.9).unwrap();
    let doubtful = || h100(range(1.5, 3.0), range(0.3, 0.5));
    assert_eq!(solve(1, doubtful()), solve(1, doubtful()));
    assert_ne!(solve(1, doubtful()).flops, solve(2, doubtful()).flops);
    let point = solve(1, h100(range(2.0, 2.0), range(0.4, 0.4)));
    assert_eq!(point, solve(2, h100(2.0, 0.4)));
    assert!(point.cost_interval.is_none());
}

/// A budget of what the goal costs at the middle of the devices is enough in half of their draws, and of four times that in nearly all.
#[test]
fn the_chance_that_a_budget_is_enough_counts_the_devices() {
    let rental = h100(range(1.0, 4.0), range(0.3, 0.5));
    let cost = besiroglu().solve(&goal(2.0, rental.clone()), 0.9).unwrap().cost.usd.unwrap();
    let chance = |factor: f64| {
        let budget = Some(Budget::Dollars(isoflop::Dollars::new(factor * cost).unwrap()));
        let plan = besiroglu().solve(&Problem { budget, ..goal(2.0, rental.clone()) }, 0.9).unwrap();
        plan.goal.unwrap().within_budget.unwrap()
    };
    assert!((0.45..0.55).contains(&chance(1.0001)), "{}", chance(1.0001));
    assert!(chance(4.0) > 0.99 && chance(1.5) < 0.9);
    // A fit's run is cut short where the money runs out, and then misses its goal.
    let fit = fitted();
    let reached = |rental: Option<Rental>| {
        let budget = fit.solve(&goal(2.1, rental.clone()), 0.9).unwrap().cost.usd.unwrap() * 1.01;
        let budget = Some(Budget::Dollars(isoflop::Dollars::new(budget).unwrap()));
        fit.solve(&Problem { budget, ..goal(2.1, rental) }, 0.9).unwrap().goal.unwrap().reached.unwrap()
    };
    assert!(reached(h100(range(0.5, 8.0), 0.4)) < reached(h100(2.0, 0.4)) - 0.05);
}
