//! Are a plan's intervals those of its possible worlds, each solved alone: the law of one draw, with the devices as they turned out?

#![allow(clippy::unwrap_used)]

mod points;
mod waste;

use isoflop::hardware::{Rental, Uncertain, accelerator};
use isoflop::plan::{Answers, Budget, Demand, Goal, Limits, Problem};
use isoflop::{Estimate, Fit, FitOptions, Nats, Objective, Params, Plan, Runs, TableFormat, Tokens, fit};
use isoflop_numerics::quantile::central_interval;
use points::point;
use waste::{loss_seen, tokens_factor};

const LEVEL: f64 = 0.8;
const BATCH: f64 = 6e6;

fn fitted() -> Fit {
    let mut table = String::from("params,tokens,loss\n");
    for i in 0..24 {
        let (params, tokens) = (1e8 * 1.9f64.powi(i % 6), 2e9 * 3f64.powi(i / 6));
        let scatter = (0.004 * (12.9 * f64::from(i + 1)).sin()).exp();
        let loss = (1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37)) * scatter;
        table += &format!("{params},{tokens},{loss}\n");
    }
    let runs = Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false).unwrap();
    fit(&runs, &FitOptions { draws: 80, ..FitOptions::hoffmann(Objective::LogLeastSquares) }).unwrap()
}

/// Every draw of the fit as a fit of its own, with its problem.
fn worlds(fit: &Fit, problem: &Problem) -> Vec<(Fit, Problem)> {
    let world =
        |(number, draw): (usize, &isoflop::fit::Draw)| (point("hoffmann", &draw.parameters), problem.drawn(number));
    fit.draws().iter().enumerate().map(world).collect()
}

fn near_ends(estimate: &Estimate, values: Vec<f64>) {
    let (lo, hi) = central_interval(values, LEVEL);
    for (found, expected) in [(estimate.lo.unwrap(), lo), (estimate.hi.unwrap(), hi)] {
        // What is searched for among many draws is good to 1e-4 in ln N.
        assert!((found / expected - 1.0).abs() < 3e-4, "{found:e} for {expected:e}: {estimate:?}");
    }
}

fn range(lo: f64, hi: f64) -> Uncertain {
    Uncertain::between(lo, hi).unwrap()
}

/// H100s in doubt, and 5T tokens to serve of which the model writes 1T.
fn doubtful() -> (Rental, Demand) {
    let h100 = || accelerator("h100").unwrap();
    let training = Rental::new(h100(), range(1.5, 3.0), range(0.3, 0.5), range(0.8, 0.95), Some(64)).unwrap();
    let rental = Some(Rental::new(h100(), range(1.0, 2.5), range(0.2, 0.5), 1.0, None).unwrap());
    let answers = Some(Answers { tokens: Tokens::new(2e11).unwrap(), sequences: 32.0 });
    (training, Demand { tokens: Tokens::new(1e12).unwrap(), answers, rental })
}

/// Goals and budgets, with and without a largest size, a batch, devices in doubt, and serving.
fn problems() -> Vec<Problem> {
    let (rental, demand) = doubtful();
    let batch = Some(Tokens::new(BATCH).unwrap());
    let dollars = Some(Budget::Dollars("$300k".parse().unwrap()));
    let flops = Some(Budget::Flops("1e22".parse().unwrap()));
    let goal = Goal::Loss(Nats::new(2.15).unwrap());
    let small = Limits { params: Some("1.5B".parse::<Params>().unwrap()), ..Limits::default() };
    let rental = Some(rental);
    vec![
        Problem { budget: flops, batch, ..Problem::default() },
        Problem { goal, batch, ..Problem::default() },
        Problem { budget: dollars, rental: rental.clone(), batch, limits: small, seed: 3, ..Problem::default() },
        Problem { budget: dollars, rental: rental.clone(), demand: Some(demand.clone()), ..Problem::default() },
        Problem { budget: dollars, rental: rental.clone(), demand: Some(demand.clone()), batch, ..Problem::default() },
        Problem { goal, rental, demand: Some(demand), batch, ..Problem::default() },
    ]
}

#[test]
fn intervals_are_those_of_every_world_solved_alone() {
    let fit = fitted();
    for problem in problems() {
        let plan = fit.solve(&problem, LEVEL).unwrap();
        let alone: Vec<Plan> =
            worlds(&fit, &problem).iter().map(|(fit, problem)| fit.solve(problem, LEVEL).unwrap()).collect();
        let of = |quantity: fn(&Plan) -> f64| alone.iter().map(quantity).collect::<Vec<f64>>();
        near_ends(&plan.params, of(|plan| plan.params.value));
        near_ends(&plan.tokens, of(|plan| plan.tokens.value));
        near_ends(&plan.flops, of(|plan| plan.flops.value));
        if let Some((lo, hi)) = &plan.cost_interval {
            let usd = Estimate { value: f64::NAN, lo: lo.usd, hi: hi.usd };
            near_ends(&usd, of(|plan| plan.cost.usd.unwrap()));
            let days = Estimate { value: f64::NAN, lo: lo.days, hi: hi.days };
            near_ends(&days, of(|plan| plan.cost.days.unwrap()));
        }
        if let Some((lo, hi)) = plan.serving.and_then(|serving| serving.total_interval) {
            near_ends(
                &Estimate { value: f64::NAN, lo: Some(lo), hi: Some(hi) },
                of(|plan| plan.serving.unwrap().total),
            );
        }
    }
}

/// The planned run in every world, its batch wasting what it wastes at the loss it has there: on the tokens planned, or on those that the
/// budget leaves it.
#[test]
fn the_loss_of_the_planned_run_counts_the_waste_of_each_world() {
    let fit = fitted();
    let batch = |problem: &Problem| problem.batch.map(Tokens::get);
    for problem in problems().into_iter().filter(|problem| problem.demand.is_none()) {
        let plan = fit.solve(&problem, LEVEL).unwrap();
        let loss = |(fit, problem): &(Fit, Problem)| {
            let tokens = match (&problem.budget, &problem.rental) {
                (Some(Budget::Dollars(dollars)), Some(rental)) => {
                    rental.affordable(*dollars).unwrap().get() / 6.0 / plan.params.value
                }
                _ => plan.tokens.value,
            };
            loss_seen(fit, plan.params.value, tokens, batch(problem), None)
        };
        let losses: Vec<f64> = worlds(&fit, &problem).iter().map(loss).collect();
        let (lo, hi) = central_interval(losses, LEVEL);
        assert!((plan.loss.lo.unwrap() / lo - 1.0).abs() < 1e-9 && (plan.loss.hi.unwrap() / hi - 1.0).abs() < 1e-9);
        // Taking the waste at one loss for all worlds gives another interval.
        let factor = tokens_factor(batch(&problem), plan.loss.value);
        let alike =
            |(fit, _): &(Fit, Problem)| loss_seen(fit, plan.params.value, plan.tokens.value / factor, None, None);
        if problem.rental.is_none() {
            let (low, high) = central_interval(worlds(&fit, &problem).iter().map(alike).collect(), LEVEL);
            let wider = (hi - lo) / (high - low) - 1.0;
            assert!((0.005..0.2).contains(&wider), "{wider}");
        }
    }
}
