//! Do plans reproduce what papers and independent computations give: optima, money, repetition, serving, the cost of being off?

#![allow(clippy::unwrap_used, clippy::panic)]

mod points;
mod public;

use isoflop::blueprint::Given;
use isoflop::fit::{Draw, Resampling};
use isoflop::hardware::{Precision, Rental, accelerator};
use isoflop::law::published;
use isoflop::plan::{
    Baseline, Budget, Demand, FLAT_TOLERANCE, Goal, Limit, Limits, PlanError, Problem, Repetition, ServingSpeed, Worth,
};
use isoflop::{Estimate, Fit, FitOptions, Flops, Nats, Objective, Params, Plan, Setting, Tokens};
use isoflop_numerics::quantile::central_interval;

const BES: &str = "besiroglu2024";

fn fit(name: &str) -> Fit {
    Fit::from_published(published(name).unwrap())
}

fn solve(name: &str, problem: &Problem) -> Plan {
    fit(name).solve(problem, 0.9).unwrap()
}

fn flops(flops: f64) -> Flops {
    Flops::new(flops).unwrap()
}

fn params(params: f64) -> Params {
    Params::new(params).unwrap()
}

fn tokens(tokens: f64) -> Tokens {
    Tokens::new(tokens).unwrap()
}

fn goal(loss: f64) -> Problem {
    Problem::of_goal(Nats::new(loss).unwrap(), None)
}

fn budget(budget: f64) -> Problem {
    Problem::of_budget(Budget::Flops(flops(budget)), None)
}

fn near(value: f64, expected: f64, tolerance: f64) {
    assert!((value / expected - 1.0).abs() < tolerance, "{value:e} for {expected:e}");
}

fn h100(price: f64, utilisation: f64, devices: Option<u32>) -> Rental {
    Rental::new(accelerator("h100").unwrap(), price, utilisation, 1.0, devices).unwrap()
}

/// Closed forms evaluated independently with the printed coefficients: N*, D*, L*.
#[test]
fn known_optima_are_reproduced() {
    for (name, budget, params, tokens, loss) in [
        (BES, 1e21, 2.778_46e9, 5.998_53e10, 2.305_529),
        (BES, 5.76e23, 7.224_87e10, 1.328_74e12, 1.974_441),
        (BES, 1e24, 9.586_07e10, 1.738_63e12, 1.959_712),
        (BES, 1e25, 3.120_70e11, 5.340_68e12, 1.911_729),
        ("hoffmann2022-printed", 5.76e23, 3.218_99e10, 2.982_31e12, 1.930_748),
        ("muennighoff2023", 1e24, 9.218_33e10, 1.807_99e12, 2.010_701),
    ] {
        let plan = fit(name).plan(flops(budget), None, 0.9).unwrap();
        near(plan.params.value, params, 1e-5);
        near(plan.tokens.value, tokens, 1e-5);
        assert!((plan.loss.value - loss).abs() < 1e-6, "{name} {budget:e}");
        // The cheapest run of that loss is the same run.
        let same = solve(name, &goal(plan.loss.value));
        near(same.params.value, plan.params.value, 1e-9);
        near(same.flops.value, budget, 1e-9);
    }
}

/// The unrounded exponents with rounded scales: the rounding of A and B moves nothing, that of alpha and beta moves D/N from 59 to 93.
#[test]
fn rounded_exponents_move_the_optimum() {
    let fit = points::point("hoffmann", &[1.6934, 406.4, 410.7, 0.339_170_84, 0.284_908_3]);
    let plan = fit.plan(flops(5.76e23), None, 0.9).unwrap();
    near(plan.params.value, 4.036_44e10, 1e-5);
    near(plan.tokens.value, 2.378_34e12, 1e-5);
    near(plan.tokens_per_param.value, 58.9216, 1e-5);
    assert!((plan.loss.value - 1.918_431).abs() < 1e-6);
    near(solve("hoffmann2022-printed", &budget(5.76e23)).tokens_per_param.value, 92.6474, 1e-5);
}

/// a, gamma and G of N* = G (C/6)^a and R* ~ C^-gamma.
#[test]
fn what_follows_from_the_parameters_is_reproduced() {
    for (name, [a, gamma, scale]) in
        [(BES, [0.512_612, 0.178_286, 0.119_630]), ("hoffmann2022-printed", [0.451_613, 0.153_548, 1.344_711])]
    {
        let derived = fit(name).derived(0.9);
        for (quantity, expected) in [("a", a), ("gamma", gamma), ("G", scale)] {
            let found = derived.iter().find(|(name, _)| *name == quantity).unwrap().1.value;
            near(found, expected, 5e-6);
        }
    }
}

#[test]
fn the_slope_along_the_isoflop_vanishes_at_the_optimum() {
    let fit = fit(BES);
    let product = 1e22 / 6.0;
    let (best, _) = fit.best_allocation(flops(1e22)).unwrap();
    let loss = |ln_params: f64| {
        let at = Setting::single_pass(ln_params.exp(), product / ln_params.exp());
        fit.law().loss(fit.point(), &at)
    };
    let (centre, step) = (best.get().ln(), 1e-4);
    let slope = (loss(centre + step) - loss(centre - step)) / (2.0 * step);
    assert!(slope.abs() < 1e-9, "{slope}");
    assert!(loss(centre) < loss(centre + 0.1) && loss(centre) < loss(centre - 0.1));
}

#[test]
fn the_edges_of_the_flat_range_waste_the_tolerance() {
    let fit = fit(BES);
    let range = fit.plan(flops(1e24), None, 0.9).unwrap().flat_range;
    for params in [range.params_lo, range.params_hi] {
        let loss = fit.law().loss(fit.point(), &Setting::single_pass(params, 1e24 / 6.0 / params));
        let waste = 1.0 - fit.law().equivalent_flops(fit.point(), loss).unwrap() / 1e24;
        assert!((waste - FLAT_TOLERANCE).abs() < 1e-9, "{waste}");
    }
    assert!(range.params_lo < 9.58607e10 && range.params_hi > 9.58607e10);
}

#[test]
fn ten_million_dollars_of_h100() {
    let rental = h100(2.0, 0.4, Some(4096));
    let plan = solve(BES, &Problem::of_budget(Budget::Dollars("$10M".parse().unwrap()), Some(rental)));
    near(plan.flops.value, 7.123_68e24, 1e-6);
    near(plan.params.value, 2.622_69e11, 1e-5);
    near(plan.tokens.value, 4.526_95e12, 1e-5);
    assert!((plan.loss.value - 1.91762).abs() < 1e-5);
    near(plan.cost.gpu_hours.unwrap(), 5e6, 1e-9);
    near(plan.cost.usd.unwrap(), 1e7, 1e-9);
    near(plan.cost.days.unwrap(), 50.8626, 1e-5);
    near(h100(2.0, 0.4, None).cost(flops(1e18)).usd.unwrap(), 1.403_769, 1e-6);
    near(h100(2.0, 0.4, None).cost(flops(1e24)).usd.unwrap(), 1.403_77e6, 1e-5);
}

/// Device-hours, days and energy are other words for the same budget.
#[test]
fn budgets_in_other_units_buy_the_same_run() {
    let rental = h100(2.0, 0.4, Some(4096));
    let dollars = solve(BES, &Problem::of_budget(Budget::Dollars("$10M".parse().unwrap()), Some(rental.clone())));
    for budget in [Budget::DeviceHours(5e6), Budget::Energy(5e6 * 0.7 * 1.2)] {
        let plan = solve(BES, &Problem::of_budget(budget, Some(rental.clone())));
        near(plan.params.value, dollars.params.value, 1e-9);
        near(plan.cost.co2_kg.unwrap(), 4.2e6 * 0.436, 1e-9);
    }
    // Ten times the money does not help within the same days.
    let limits = Limits { days: Some(50.8626), ..Limits::default() };
    let rich = Problem { limits, ..Problem::of_budget(Budget::Dollars("$100M".parse().unwrap()), Some(rental)) };
    let plan = solve(BES, &rich);
    near(plan.params.value, dollars.params.value, 1e-5);
    assert_eq!(plan.binding.iter().map(|binding| binding.limit).collect::<Vec<_>>(), [Limit::Days]);
}

#[test]
fn lower_loss_costs_the_worked_multiples() {
    let rental = h100(2.0, 0.4, None);
    for (share, factor, dollars) in
        [(0.01, 2.292_752, 3.218_49e6), (0.02, 6.073_455, 8.525_73e6), (0.05, 682.0518, 957.4e6)]
    {
        let better = Goal::Better { share, than: Baseline::Best(flops(1e24)) };
        let plan = solve(BES, &Problem { goal: better, rental: Some(rental.clone()), ..Problem::default() });
        near(plan.flops.value / 1e24, factor, 1e-6);
        near(plan.cost.usd.unwrap(), dollars, 1e-4);
        // The same run by name.
        let than = Baseline::Run { params: params(9.586_07e10), tokens: tokens(1.738_63e12) };
        let plan = solve(BES, &Problem { goal: Goal::Better { share, than }, ..Problem::default() });
        near(plan.flops.value / 1e24, factor, 1e-4);
    }
    let drop = fit(BES).plan(flops(1e24), None, 0.9).unwrap().loss.value
        - fit(BES).plan(flops(1e25), None, 0.9).unwrap().loss.value;
    near(drop, 0.047_983_2, 1e-5);
}

/// Optimum with 100 B distinct tokens under the published law, and under the published law of single passes with its repetition added.
#[test]
fn repeated_text_moves_the_plan_as_published() {
    let limits = Limits { unique_tokens: Some(tokens(1e11)), ..Limits::default() };
    let borrowed = Limits { repetition: Repetition::Published, ..limits };
    for (name, limits) in [("muennighoff2023-repeated", limits), ("muennighoff2023", borrowed)] {
        for (compute, params, epochs, loss) in
            [(1e22, 8.559_20e9, 1.947_22, 2.190_372), (1e23, 2.306_08e10, 7.2273, 2.098_200)]
        {
            let plan = solve(name, &Problem { limits, ..budget(compute) });
            near(plan.params.value, params, 1e-4);
            near(plan.epochs.unwrap().value, epochs, 1e-4);
            assert!((plan.loss.value - loss).abs() < 1e-6, "{name} {compute:e}");
        }
        let free = solve(name, &budget(1e23));
        assert!((free.loss.value - 2.0816).abs() < 1e-4);
        // Four epochs at most: the limit binds and what it costs is said.
        let capped = Limits { epochs: Some(4.0), ..limits };
        let plan = solve(name, &Problem { limits: capped, ..budget(1e23) });
        near(plan.tokens.value, 4e11, 1e-9);
        near(plan.params.value, 1e23 / 6.0 / 4e11, 1e-9);
        let binding: Vec<Limit> = plan.binding.iter().map(|binding| binding.limit).collect();
        assert_eq!(binding, [Limit::Budget, Limit::UniqueTokens, Limit::Epochs]);
        assert!(plan.binding.iter().all(|binding| matches!(binding.worth, Worth::LowerLoss(gain) if gain > 1e-4)));
        assert!(plan.ruled_out.iter().any(|line| line.contains("more than 4 epochs")), "{:?}", plan.ruled_out);
    }
    // One pass asks nothing of the law.
    let once = Limits { unique_tokens: Some(tokens(1e11)), epochs: Some(1.0), ..Limits::default() };
    near(solve(BES, &Problem { limits: once, ..budget(1e23) }).tokens.value, 1e11, 1e-9);
}

/// Sardana et al. 2024 with their coefficients; the quality is that of the compute-optimal model of a size.
#[test]
fn serving_makes_the_cheapest_model_smaller() {
    let theirs = "sardana2024";
    let (a, b, alpha, beta) = (406.4f64, 410.7, 0.336, 0.283);
    for (quality, served, loss, params, tokens_trained, total, saving) in [
        (30e9, 5e12, Some(1.958_253), 1.641_24e10, 3.264_97e12, Some(4.856_42e23), 0.162_777),
        (70e9, 1e13, None, 4.155_13e10, 7.922_50e12, None, 0.119_492),
    ] {
        // The best tokens of a size: the two terms fall alike.
        let optimal = (beta * b / (alpha * a) * f64::powf(quality, alpha)).powf(1.0 / beta);
        let goal_loss = fit(theirs).expected_loss(self::params(quality), tokens(optimal)).unwrap().get();
        if let Some(loss) = loss {
            assert!((goal_loss - loss).abs() < 1e-6, "{goal_loss}");
        }
        let demand = Demand { tokens: tokens(served), answers: None, rental: None };
        let plan = solve(theirs, &Problem { demand: Some(demand), ..goal(goal_loss) });
        near(plan.params.value, params, 1e-4);
        near(plan.tokens.value, tokens_trained, 1e-4);
        let cost = plan.serving.unwrap().total;
        if let Some(total) = total {
            near(cost, total, 1e-4);
        }
        near(1.0 - cost / (6.0 * quality * optimal + 2.0 * quality * served), saving, 1e-4);
        assert!(plan.ruled_out.iter().any(|line| line.contains("cheapest to train")), "{:?}", plan.ruled_out);
    }
}

/// The same with money: serving at a quarter of training's utilisation.
#[test]
fn dear_serving_makes_it_smaller_still() {
    let demand = Demand { tokens: tokens(1e13), answers: None, rental: Some(h100(2.0, 0.1, None)) };
    let (a, b, alpha, beta) = (482.01f64, 2085.43, 0.3478, 0.3658);
    let optimal = (beta * b / (alpha * a) * f64::powf(70e9, alpha)).powf(1.0 / beta);
    let loss = fit(BES).expected_loss(params(70e9), tokens(optimal)).unwrap().get();
    let problem = Problem { demand: Some(demand), rental: Some(h100(2.0, 0.4, None)), ..goal(loss) };
    let plan = solve(BES, &problem);
    near(plan.params.value, 2.394_18e10, 1e-4);
    near(plan.tokens.value, 7.533_14e12, 1e-4);
    let total = plan.serving.unwrap().total;
    near(total, 4.207_78e6, 1e-4);
    let rental = h100(2.0, 0.4, None);
    let other =
        (6.0 * 70e9 * optimal + 4.0 * 2.0 * 70e9 * 1e13) / rental.affordable("$1".parse().unwrap()).unwrap().get();
    near(other, 8.621_31e6, 1e-4);
    // Asked the other way round: that money for both, and the lowest loss it buys.
    let money = Budget::Dollars(isoflop::Dollars::new(total).unwrap());
    let other = solve(BES, &Problem { goal: Goal::LowestLoss, budget: Some(money), ..problem });
    near(other.params.value, plan.params.value, 1e-4);
    assert!((other.loss.value - loss).abs() < 1e-8);
}

/// Off by a factor in size, or in tokens, at C = 3.8e25; and de Vries' half-sized model of the same loss.
#[test]
fn being_off_wastes_the_worked_shares() {
    let fit = fit(BES);
    let (best, text) = fit.best_allocation(flops(3.8e25)).unwrap();
    let waste = |params: f64, tokens: f64| {
        let loss = fit.law().loss(fit.point(), &Setting::single_pass(params, tokens));
        6.0 * params * tokens / solve(BES, &goal(loss)).flops.value
    };
    for (factor, expected) in [(0.5, 1.184_136), (2.0, 1.185_785), (4.0, 1.943_873)] {
        near(waste(factor * best.get(), text.get() / factor), expected, 1e-6);
    }
    near(1.0 - 1.0 / waste(best.get() / 1.6, 1.6 * text.get()), 0.075_251, 1e-4);
    let loss = |params: f64, tokens: f64| fit.law().loss(fit.point(), &Setting::single_pass(params, tokens));
    near(loss(best.get() / 1.6, 1.6 * text.get()) - loss(best.get(), text.get()), 0.001_046_49, 1e-5);

    for (share, dearer) in [(0.75, 0.0335), (0.5, 0.259_304), (0.3, 1.613)] {
        let limits = Limits { params: Some(params(share * best.get())), ..Limits::default() };
        let small = solve(BES, &Problem { limits, ..goal(loss(best.get(), text.get())) });
        near(small.params.value / best.get(), share, 1e-9);
        let tolerance = if share == 0.5 { 1e-5 } else { 1e-3 };
        near(small.flops.value / 3.8e25 - 1.0, dearer, tolerance);
        if share == 0.5 {
            near(small.tokens.value / text.get(), 2.518_608, 1e-6);
        }
    }
    // Below 0.146 of the size no text is enough, and the refusal says at which size it would be.
    let limits = Limits { params: Some(params(0.146 * best.get())), ..Limits::default() };
    let impossible = Problem { limits, ..goal(loss(best.get(), text.get())) };
    let Err(PlanError::Infeasible(why)) = fit.solve(&impossible, 0.9) else { panic!("there is a plan") };
    assert_eq!(why.remedies.len(), 1);
    near(why.remedies[0].factor * 0.146, 0.146_413, 1e-3);
    let within = |share: f64| {
        let limits = Limits { params: Some(params(share * best.get())), ..Limits::default() };
        fit.solve(&Problem { limits, ..goal(loss(best.get(), text.get())) }, 0.9)
    };
    assert!(within(0.146_413 * (1.0 + 1e-4)).is_ok() && within(0.146_413 * (1.0 - 1e-4)).is_err());
}

/// The public runs resampled by case. An independent bootstrap of 400 refits is one of many: each end of its 95 % intervals lies among
/// the ends of sixteen of ours, of as many refits.
#[test]
fn intervals_of_plans_agree_with_an_independent_bootstrap() {
    let Some(runs) = public::chinchilla() else { return };
    let ends = |seed: u64| {
        let options = FitOptions { draws: 400, seed, ..FitOptions::hoffmann(Objective::default()) };
        let fit = isoflop::fit(&runs, &FitOptions { resampling: Resampling::Cases, ..options }).unwrap();
        let plan = fit.plan(flops(7.12e24), None, 0.95).unwrap();
        let better = |share: f64| {
            let goal = Goal::Better { share, than: Baseline::Best(flops(1e24)) };
            fit.solve(&Problem { goal, ..Problem::default() }, 0.95).unwrap()
        };
        let (one, five) = (better(0.01), better(0.05));
        // What ten times the compute of 1e24 FLOP lowers the loss by, in every draw.
        let best = |parameters: &[f64], flops: f64| {
            let params = fit.law().best_ln_params(parameters, flops).unwrap().exp();
            fit.law().loss(parameters, &Setting::single_pass(params, flops / 6.0 / params))
        };
        let drop = |draw: &Draw| best(&draw.parameters, 1e24) - best(&draw.parameters, 1e25);
        let drops = central_interval(fit.draws().iter().map(drop).collect(), 0.95);
        let drop = Estimate { value: f64::NAN, lo: Some(drops.0), hi: Some(drops.1) };
        let impossible = five.goal.unwrap().impossible.unwrap();
        let estimates = [plan.params, one.flops, five.flops, plan.loss, drop];
        let ends = estimates.iter().flat_map(|estimate| [estimate.lo.unwrap(), estimate.hi.unwrap()]);
        ends.chain([impossible]).collect::<Vec<f64>>()
    };
    let all: Vec<Vec<f64>> = (0..16).map(ends).collect();
    let expected = [1.81e11, 4.69e11, 2.10e24, 2.69e24, 200e24, 3.4e28, 1.890, 1.955, 0.0411, 0.0528, 0.0025];
    for (place, expected) in expected.into_iter().enumerate() {
        let lowest = all.iter().map(|ends| ends[place]).fold(f64::INFINITY, f64::min);
        let highest = all.iter().map(|ends| ends[place]).fold(0.0, f64::max);
        assert!((lowest..=highest).contains(&expected), "{place}: {expected:e} is not in {lowest:e} to {highest:e}");
    }
}

#[test]
fn a_plan_is_a_run_that_can_be_started() {
    for decade in 20..=26 {
        let budget = 10f64.powi(decade);
        let plan = solve(BES, &self::budget(budget)).with_blueprint(&Given::default());
        let run = plan.blueprint.clone().unwrap();
        near(run.flops.get(), budget, 0.02);
        near(run.params.get(), plan.params.value, 0.02);
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }
    let tiny = solve(BES, &budget(1e14)).with_blueprint(&Given::default());
    assert_eq!(tiny.blueprint, None);
    assert!(tiny.warnings.iter().any(|warning| warning.code == "no_blueprint"), "{:?}", tiny.warnings);
}

/// An H100 reads 3.35e12 bytes a second: 33.5 B parameters in sixteen bits fifty times.
#[test]
fn a_model_that_must_answer_fast_is_small() {
    let h100 = accelerator("h100").unwrap();
    let within = |precision| {
        let speed = ServingSpeed::new(50.0, &h100, precision);
        solve(BES, &Problem { limits: Limits { speed, ..Limits::default() }, ..budget(1e25) })
    };
    let plan = within(Precision::Bf16);
    near(plan.params.value, 3.35e12 / 100.0, 1e-9);
    let limits: Vec<Limit> = plan.binding.iter().map(|binding| binding.limit).collect();
    assert_eq!(limits, [Limit::Budget, Limit::Speed]);
    near(within(Precision::Fp8).params.value, 3.35e12 / 50.0, 1e-9);
    assert_eq!(ServingSpeed::new(50.0, &accelerator("a100").unwrap(), Precision::Fp8), None);
    let speed = ServingSpeed::new(-1.0, &h100, Precision::Bf16);
    let error = fit(BES).solve(&Problem { limits: Limits { speed, ..Limits::default() }, ..budget(1e25) }, 0.9);
    assert!(error.unwrap_err().to_string().contains("tokens a second"));
}
