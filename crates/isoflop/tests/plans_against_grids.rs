//! Is a plan ever beaten by a dense grid of runs, does it keep to its limits, and is it refused only where the grid finds nothing?

#![allow(clippy::unwrap_used, clippy::panic)]

mod points;
mod waste;

use isoflop::hardware::{Precision, Rental, Uncertain, accelerator};
use isoflop::plan::{Answers, Budget, Demand, Goal, Limits, PlanError, Problem};
use isoflop::{Dollars, Fit, Flops, Nats, Params, Plan, Tokens};
use proptest::prelude::*;
use waste::loss_seen;

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
    /// FLOP, or what they cost at the middle of the devices.
    budget: Option<f64>,
    most_params: Option<f64>,
    unique: Option<f64>,
    epochs: Option<f64>,
    served: Option<f64>,
    batch: Option<f64>,
    devices: Option<Devices>,
}

/// H100s and what is not known of them.
#[derive(Debug, Clone)]
struct Devices {
    /// Lower end of the price, of MFU in training and in serving, and of goodput.
    lower: [f64; 4],
    /// How far each range goes beyond it: as a factor of the price, as a share of what is left to one.
    wider: [f64; 4],
    /// Dollars, device-hours, days or energy; dollars where there is a demand.
    unit: usize,
    /// Most days of training, as a share of those that the budget pays for.
    days: Option<f64>,
    /// Share of the tokens served that the model writes, how many sequences at once, and whether weights have one byte.
    answers: Option<(f64, f64, bool)>,
    /// Whether those that serve are told apart from those that train.
    serve_apart: bool,
}

const LAWS: [&str; 5] = ["hoffmann", "coupled", "muennighoff", "coupled-repeated", "lovelace"];
const GPUS: u32 = 512;

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
    points::point(name, &parameters)
}

impl Question {
    /// Whether weights have one byte in serving.
    fn is_narrow(&self) -> bool {
        self.devices.as_ref().is_some_and(Devices::is_narrow)
    }
}

impl Devices {
    fn is_narrow(&self) -> bool {
        self.answers.is_some_and(|(_, _, narrow)| narrow)
    }

    /// A range of a price, or of a share, by its place.
    fn ends(&self, place: usize) -> (f64, f64) {
        let (lower, wider) = (self.lower[place], self.wider[place]);
        (lower, if place == 0 { lower * (1.0 + wider) } else { lower + 0.9 * wider * (1.0 - lower) })
    }

    fn range(&self, place: usize) -> Uncertain {
        let (lo, hi) = self.ends(place);
        Uncertain::between(lo, hi).unwrap()
    }

    /// The middle of a range: of ln price, of the ln odds of a share.
    fn middle(&self, place: usize) -> f64 {
        let (lo, hi) = self.ends(place);
        let odds = (lo / (1.0 - lo) * hi / (1.0 - hi)).sqrt();
        if place == 0 { (lo * hi).sqrt() } else { odds / (1.0 + odds) }
    }

    fn training(&self) -> Rental {
        let h100 = accelerator("h100").unwrap();
        Rental::new(h100, self.range(0), self.range(1), self.range(3), Some(GPUS)).unwrap()
    }

    fn serving(&self) -> Rental {
        let h100 = accelerator("h100").unwrap();
        let rental = Rental::new(h100, self.range(0), self.range(2), 1.0, None).unwrap();
        rental.computing_in(if self.is_narrow() { Precision::Fp8 } else { Precision::Bf16 }).unwrap()
    }

    fn demand(&self, tokens: Tokens) -> Demand {
        let answers = self
            .answers
            .filter(|_| self.serve_apart)
            .map(|(share, sequences, _)| Answers { tokens: Tokens::new(share * tokens.get()).unwrap(), sequences });
        Demand { tokens, answers, rental: self.serve_apart.then(|| self.serving()) }
    }
}

fn problem(question: &Question) -> Problem {
    let size = |value: Option<f64>| value.map(|value| Params::new(value).unwrap());
    let text = |value: Option<f64>| value.map(|value| Tokens::new(value).unwrap());
    let repeats = LAWS[question.law] != "hoffmann" && LAWS[question.law] != "coupled";
    let unique = question.unique.filter(|_| repeats);
    let rental = question.devices.as_ref().map(Devices::training);
    let price = rental.as_ref().zip(question.budget).map(|(rental, flops)| rental.cost(Flops::new(flops).unwrap()));
    let unit = |devices: &Devices| if question.served.is_some() { 0 } else { devices.unit };
    let budget = question.budget.map(|flops| match (price, question.devices.as_ref().map(unit)) {
        (Some(price), Some(0)) => Budget::Dollars(Dollars::new(price.usd.unwrap()).unwrap()),
        (Some(price), Some(1)) => Budget::DeviceHours(price.gpu_hours.unwrap()),
        (Some(price), Some(2)) => Budget::Days(price.days.unwrap()),
        (Some(price), Some(_)) => Budget::Energy(price.energy_kwh.unwrap()),
        _ => Budget::Flops(Flops::new(flops).unwrap()),
    });
    let days = question.devices.as_ref().zip(price).and_then(|(devices, price)| Some(devices.days? * price.days?));
    let demand = text(question.served).map(|tokens| match &question.devices {
        Some(devices) => devices.demand(tokens),
        None => Demand { tokens, answers: None, rental: None },
    });
    Problem {
        goal: question.goal.map_or(Goal::LowestLoss, |loss| Goal::Loss(Nats::new(loss).unwrap())),
        budget,
        limits: Limits {
            params: size(question.most_params),
            unique_tokens: text(unique),
            epochs: question.epochs.filter(|_| unique.is_some()),
            days,
            ..Limits::default()
        },
        batch: text(question.batch),
        demand,
        rental,
        seed: 7,
    }
}

/// What a problem's devices charge, written a second time: for a FLOP of training, and for serving with one parameter, of one byte where
/// that is `narrow`; FLOP themselves where nothing has a price. With the most FLOP that training may take, and the most that both may cost.
#[derive(Debug)]
struct Prices {
    training: f64,
    serving: f64,
    most_flops: f64,
    budget: f64,
}

impl Prices {
    fn of(problem: &Problem, narrow: bool) -> Self {
        let reference = Flops::new(1e20).unwrap();
        let flop = |rental: &Rental| {
            let cost = rental.cost(reference);
            [cost.usd, cost.gpu_hours, cost.days, cost.energy_kwh].map(|amount| amount.unwrap_or(f64::NAN) / 1e20)
        };
        let Some(training) = problem.rental.as_ref().map(flop) else {
            let budget = match problem.budget {
                Some(Budget::Flops(flops)) => flops.get(),
                _ => f64::INFINITY,
            };
            let serving = problem.demand.as_ref().map_or(0.0, |demand| 2.0 * demand.tokens.get());
            return Self { training: 1.0, serving, most_flops: f64::INFINITY, budget };
        };
        let serving = problem.demand.as_ref().map_or(0.0, |demand| {
            let all = demand.tokens.get();
            let Some(rental) = &demand.rental else { return 2.0 * all * training[0] };
            let [usd, hours, ..] = flop(rental);
            let written = demand.answers.map_or(0.0, |answers| answers.tokens.get());
            // 3.35 TB/s; 989.4 TFLOP/s in two bytes, 1,979 in one.
            let (bytes, peak) = if narrow { (1.0, 1979e12) } else { (2.0, 989.4e12) };
            let sequences = demand.answers.map_or(1.0, |answers| answers.sequences);
            let seconds = f64::max(2.0 / peak, bytes / 3.35e12 / sequences);
            2.0 * (all - written) * usd + written * seconds / 3600.0 * usd / hours
        });
        let most = match problem.budget {
            Some(Budget::DeviceHours(hours)) => hours / training[1],
            Some(Budget::Days(days)) => days / training[2],
            Some(Budget::Energy(energy)) => energy / training[3],
            _ => f64::INFINITY,
        };
        let budget = match problem.budget {
            Some(Budget::Dollars(dollars)) => dollars.get(),
            _ => f64::INFINITY,
        };
        let days = problem.limits.days.map_or(f64::INFINITY, |days| days / training[2]);
        Self { training: training[0], serving, most_flops: most.min(days), budget }
    }

    fn cost(&self, params: f64, tokens: f64) -> f64 {
        params * (6.0 * tokens * self.training + self.serving)
    }

    /// The most tokens that a size may see.
    fn most_tokens(&self, params: f64) -> f64 {
        let paid = (self.budget / params - self.serving) / (6.0 * self.training);
        paid.min(self.most_flops / (6.0 * params))
    }
}

/// The grid's answer: the lowest loss, or the lowest cost of the goal, among allowed runs; none where there are none.
fn by_grid(question: &Question, problem: &Problem, fit: &Fit) -> Option<f64> {
    let limits = &problem.limits;
    let fit = limits.unique_tokens.map_or_else(|| fit.clone(), |unique| fit.with_unique_tokens(unique).unwrap());
    let most_tokens =
        limits.unique_tokens.zip(limits.epochs).map_or(f64::INFINITY, |(unique, epochs)| unique.get() * epochs);
    let prices = Prices::of(problem, question.is_narrow());
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
        let most = most_tokens.min(prices.most_tokens(params)).min(1e4 * f64::exp(28.0));
        for text in 0..texts {
            let tokens = most * f64::exp(-22.0 * text as f64 / texts as f64);
            if tokens < 1e3 {
                break;
            }
            let loss = loss_seen(&fit, params, tokens, question.batch, question.goal);
            let value = match question.goal {
                None => loss,
                Some(goal) if loss <= goal => prices.cost(params, tokens),
                Some(_) => continue,
            };
            if value.is_finite() && best.is_none_or(|best| value < best) {
                best = Some(value);
            }
        }
    }
    best
}

/// The problem as it stands, and as the devices of two draws make it.
fn check(question: &Question) -> Result<(), TestCaseError> {
    let fit = fit(question);
    let problem = problem(question);
    if let Some(devices) = &question.devices {
        let expected = devices.middle(0) / (3600.0 * 989.4e12 * devices.middle(1) * devices.middle(3));
        let found = Prices::of(&problem, question.is_narrow()).training;
        prop_assert!((found / expected - 1.0).abs() < 1e-9, "{found:e} for {expected:e}");
        for number in 0..2 {
            check_problem(question, &problem.drawn(number), &fit)?;
        }
    }
    check_problem(question, &problem, &fit)
}

fn check_problem(question: &Question, problem: &Problem, fit: &Fit) -> Result<(), TestCaseError> {
    let grid = by_grid(question, problem, fit);
    let plan: Plan = match fit.solve(problem, 0.9) {
        Ok(plan) => plan,
        Err(PlanError::Infeasible(_) | PlanError::ServingAlone) => {
            prop_assert!(grid.is_none(), "refused, and the grid finds {grid:?}");
            return Ok(());
        }
        // A goal so high, or a budget so low, that no model is needed for it.
        Err(PlanError::TooSmall { .. } | PlanError::BudgetTooSmall(_) | PlanError::NoOptimum(_)) => return Ok(()),
        Err(error) => panic!("{error}"),
    };
    let prices = Prices::of(problem, question.is_narrow());
    let (params, tokens) = (plan.params.value, plan.tokens.value);
    let cost = prices.cost(params, tokens);
    let within = |value: f64, most: f64| value <= most * (1.0 + 1e-9);
    prop_assert!(within(params, question.most_params.unwrap_or(f64::INFINITY)), "{plan:?}");
    prop_assert!(within(cost, prices.budget) && within(6.0 * params * tokens, prices.most_flops), "{plan:?}");
    if let Some((unique, epochs)) = problem.limits.unique_tokens.zip(problem.limits.epochs) {
        prop_assert!(within(tokens, unique.get() * epochs), "{plan:?}");
    }
    prop_assert!(within(plan.loss.value, question.goal.unwrap_or(f64::INFINITY)), "{plan:?}");
    // 13.8 nats stand for a guess, where a world leaves nothing to train with.
    prop_assert!(plan.loss.hi.is_none_or(|hi| hi <= 13.8), "{plan:?}");
    if let Some(usd) = plan.cost.usd {
        prop_assert!((usd / (6.0 * params * tokens * prices.training) - 1.0).abs() < 1e-9, "{plan:?}");
    }
    let served = plan.serving.filter(|_| problem.demand.as_ref().is_some_and(|demand| demand.rental.is_some()));
    if let Some(serving) = served {
        prop_assert!((serving.total / cost - 1.0).abs() < 1e-9, "{cost:e} {plan:?}");
        prop_assert!((serving.cost.usd.unwrap() / (params * prices.serving) - 1.0).abs() < 1e-9, "{plan:?}");
    }
    if let Some(grid) = grid {
        let value = if question.goal.is_some() { cost } else { plan.loss.value };
        prop_assert!(value <= grid * (1.0 + 1e-6), "{value:e}, and the grid finds {grid:e}: {plan:?}");
    }
    Ok(())
}

prop_compose! {
    fn devices()(
        price in 0.5..6.0,
        shares in [0.05..0.6, 0.01..0.4, 0.5..0.95],
        wider in [0.0..3.0, 0.0..0.5, 0.0..0.5, 0.0..0.8],
        unit in 0usize..4,
        days in prop::option::weighted(0.4, 0.05..2.0),
        answers in prop::option::weighted(0.7, (0.01..1.0, 1.0..400.0, any::<bool>())),
        serve_apart in prop::bool::weighted(0.8),
    ) -> Devices {
        let [training, serving, goodput] = shares;
        Devices { lower: [price, training, serving, goodput], wider, unit, days, answers, serve_apart }
    }
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
        text in (prop::option::weighted(0.7, 18.0..30.0), prop::option::weighted(0.5, 1.0..40.0)),
        served in prop::option::weighted(0.5, 20.0..32.0),
        batch in prop::option::weighted(0.4, 9.0..19.0),
        devices in prop::option::weighted(0.4, devices()),
    ) -> Question {
        // The terms at 1e8 parameters and 1e9 tokens, so that every law is of language.
        let a = params_term * f64::powf(1e8, alpha);
        let b = tokens_term * f64::powf(1e9, beta);
        let (unique, epochs): (Option<f64>, _) = text;
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
            devices,
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

/// Text whose first repetition hurts most: the best run reads everything once, or far more often, and which of them turns on the size.
#[test]
fn a_rise_after_one_pass_hides_no_better_run() {
    let question = |coefficients, goal, unique, epochs, batch| Question {
        law: 4,
        coefficients,
        goal,
        budget: if goal.is_none() { Some(7.016_735_912_097_631e20) } else { None },
        most_params: None,
        unique: Some(unique),
        epochs,
        served: None,
        batch,
        devices: None,
    };
    let few = 65_659_969.0;
    let questions = [
        question(
            [1.2, 23.42422483, 94574.918498, 0.15, 0.50339148, 0.29795695, 0.454603, 0.68938163],
            None,
            few,
            None,
            Some(5_116_355.3),
        ),
        question(
            [1.2, 97.138635655, 418.89047354, 0.33579525, 0.25357845, 0.93702629, 0.53581928, 0.2],
            None,
            few,
            None,
            Some(3_462_056.7),
        ),
        question(
            [1.76661474, 244.95610497, 7629.54966517, 0.32885077, 0.39117800, 0.15, 0.2, 0.2],
            None,
            57_713_796_969.0,
            Some(22.83158782510714),
            Some(33_059_397.5),
        ),
        question(
            [
                1.2,
                25.639203341502927,
                347536.25316960143,
                0.16484178876618735,
                0.5677195426347937,
                0.9516541989893232,
                0.2,
                0.296039601827534,
            ],
            Some(1.914133222162419),
            69_605_064_131.453_2,
            None,
            None,
        ),
    ];
    for question in questions {
        check(&question).unwrap();
    }
}
