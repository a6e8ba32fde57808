//! Does the default law, in the form that its runs allow, find known truths, and stay what it was where nothing asks for another form?

#![allow(clippy::unwrap_used)]

mod public;

use isoflop::fit::{Path, Provenance};
use isoflop::law::{Coupled, Law, Resources, Worth};
use isoflop::plan::PlanError;
use isoflop::{
    Estimate, Fit, FitError, FitOptions, Flops, Params, QuestionError, Reduction, Run, Runs, Setting, TableFormat,
    Tokens, fit,
};
use isoflop_numerics::resample::{standard_normal, stream};

const WORLDS: u64 = 20;
/// Of 20 intervals of 90 % two miss; more than six once in 400 times.
const FEWEST_HELD: usize = 14;
const SCATTER: f64 = 0.004;

fn read(table: &str) -> Runs {
    Runs::read(table.as_bytes(), "made", TableFormat::Csv, false).unwrap()
}

fn options(seed: u64) -> FitOptions {
    FitOptions { draws: 300, seed, ..FitOptions::default() }
}

fn params(value: f64) -> Params {
    Params::new(value).unwrap()
}

fn tokens(value: f64) -> Tokens {
    Tokens::new(value).unwrap()
}

fn holds(estimate: &Estimate, truth: f64) -> bool {
    estimate.lo.unwrap() <= truth && truth <= estimate.hi.unwrap()
}

fn estimate(fit: &Fit, name: &str) -> Estimate {
    fit.parameters(0.9).into_iter().find(|(parameter, _)| parameter == name).unwrap().1
}

/// A table of settings with their law's losses and normal scatter in ln loss, under recipes by name.
fn world(law: &dyn Law, truth: &[f64], settings: &[Setting], number: u64) -> Runs {
    let mut generator = stream(7, number);
    let mut table = String::from("params,tokens,unique_tokens,recipe,loss\n");
    for at in settings {
        let loss = law.loss(truth, at) * (SCATTER * standard_normal(&mut generator)).exp();
        let recipe = law.recipes().get(at.recipe).map_or("", String::as_str);
        table += &format!("{},{},{},{recipe},{loss}\n", at.params, at.tokens, at.unique_tokens);
    }
    read(&table)
}

/// How often each of some intervals holds its truth over all worlds.
fn count<const N: usize>(held: impl Fn(u64) -> [bool; N]) -> [usize; N] {
    let mut counts = [0; N];
    for number in 0..WORLDS {
        counts.iter_mut().zip(held(number)).for_each(|(count, held)| *count += usize::from(held));
    }
    counts
}

const TRUTH: [f64; 6] = [1.75, 420.0, 1500.0, 0.34, 0.36, 0.75];

/// Ten sizes at twenty tokens per parameter, shapes rounded by a few percent.
fn ray() -> Vec<Setting> {
    (0..20)
        .map(|i| {
            let size = 3e7 * 1.6f64.powi(i / 2);
            Setting::single_pass(size, 20.0 * size * (1.0 + 0.03 * f64::from(i % 3)))
        })
        .collect()
}

#[test]
fn the_loss_along_one_ray_is_told_with_an_honest_interval() {
    let ahead = Setting::single_pass(1.2e10, 2.4e11);
    let counts = count(|number| {
        let fit = fit(&world(&Coupled, &TRUTH, &ray(), number), &options(number)).unwrap();
        assert_eq!(fit.law().name(), "power-compute-floor");
        let loss = fit.predict(params(ahead.params), tokens(ahead.tokens), 0.9).unwrap().loss;
        if number == 0 {
            println!("{:?} at {loss:?}, truth {}", fit.parameters(0.9), Coupled.loss(&TRUTH, &ahead));
        }
        [holds(&loss, Coupled.loss(&TRUTH, &ahead))]
    });
    println!("ray: loss at 33x the compute held in {counts:?} of {WORLDS}");
    assert!(counts.iter().all(|count| *count >= FEWEST_HELD), "{counts:?}");
}

#[test]
fn off_the_ray_nothing_is_answered() {
    let runs = world(&Coupled, &TRUTH, &ray(), 0);
    let fit = fit(&runs, &options(0)).unwrap();
    let Some(Reduction::OneRay(Path { slope, .. })) = fit.reductions().first() else {
        panic!("{:?}", fit.reductions())
    };
    assert_eq!(*slope, 1.0);
    assert!(fit.warnings().iter().all(|warning| warning.code != "narrow_ratio_range"));
    let off = fit.predict(params(1e9), tokens(1e11), 0.9).unwrap_err();
    assert!(matches!(off, QuestionError::OffRay { .. }), "{off}");
    assert!(off.to_string().contains("ask for 1B on 20.6B tokens, or add runs such as"), "{off}");
    let budget = Flops::new(1e22).unwrap();
    let Err(PlanError::Question(error)) = fit.plan(budget, None, 0.9) else { panic!("a plan from one ray") };
    assert!(matches!(error, QuestionError::NoBestSize { .. }), "{error}");
    // What the refusal offers is answered.
    let QuestionError::NoBestSize { params, tokens, .. } = error else { unreachable!() };
    let loss = fit.predict(params, tokens, 0.9).unwrap().loss;
    assert!(loss.lo.unwrap() < loss.value && loss.value < loss.hi.unwrap());
    let text = fit.to_json(0.9, &Provenance::default());
    let read = Fit::from_json(&text, "fit.json").unwrap();
    assert_eq!(read.to_json(0.9, &Provenance::default()), text);
    assert_eq!(read.reductions(), fit.reductions());
}

/// A law, its truth and design, and one of its parameters.
type Exact<'a> = (&'a dyn Law, Vec<f64>, Vec<Setting>, &'static str, f64);

/// Runs that obey a law to the last digit leave no doubt about it, in any form.
#[test]
fn exact_runs_give_the_exact_law() {
    let table = |law: &dyn Law, truth: &[f64], settings: &[Setting]| {
        let row = |at: &Setting| {
            let recipe = law.recipes().get(at.recipe).map_or("", String::as_str);
            format!("{},{},{},{recipe},{}\n", at.params, at.tokens, at.unique_tokens, law.loss(truth, at))
        };
        let rows: String = settings.iter().map(row).collect();
        read(&format!("params,tokens,unique_tokens,recipe,loss\n{rows}"))
    };
    let recipes = ["adamw", "muon", "soap"].map(str::to_owned);
    let along = Resources::Compute.law();
    let repeats = Worth::new(Resources::ParamsAndTokens, true, None);
    let tells = Worth::new(Resources::ParamsAndTokens, false, Some(&recipes));
    let cases: [Exact; 3] = [
        (along.as_ref(), vec![1.7, 1500.0, 0.17], ray(), "alpha", 0.17),
        (&repeats, [&TRUTH[..], &[7.0]].concat(), repeated(), "R_D*", 7.0),
        (&tells, [&TRUTH[..], &[1.1, 0.9, 2.0, 2.5]].concat(), several(), "rho_D:soap", 2.5),
    ];
    for (law, truth, settings, name, value) in cases {
        let fit = fit(&table(law, &truth, &settings), &options(0)).unwrap();
        let found = estimate(&fit, name);
        assert!((found.value / value - 1.0).abs() < 1e-5 && !fit.reductions().is_empty(), "{name}: {found:?}");
        assert!(fit.draws().iter().all(|draw| draw.drift == 0.0));
    }
}

#[test]
fn few_sizes_that_cross_nowhere_are_a_line() {
    let line: Vec<Setting> = (0..9)
        .map(|i| {
            let step = f64::from(i % 3);
            Setting::single_pass(1e8 * 4f64.powf(step), 1e9 * 8f64.powf(step))
        })
        .collect();
    let fit_of = |settings: &[Setting]| fit(&world(&Coupled, &TRUTH, settings, 0), &options(0));
    let reduced = fit_of(&line).unwrap();
    let path = reduced.path().unwrap();
    assert!((path.slope - 1.5).abs() < 1e-9, "{path:?}");
    assert!(reduced.predict(params(6.4e9), tokens(5.12e11), 0.9).is_ok());
    assert!(matches!(reduced.predict(params(6.4e9), tokens(1.28e11), 0.9), Err(QuestionError::OffRay { .. })));
    let two: Vec<Setting> = line.iter().copied().filter(|at| at.params < 1e9).collect();
    assert!(matches!(fit_of(&two), Err(FitError::FewSizes { sizes: 2, .. })));
    // Three sizes that cross are a surface, as they were.
    let crossed: Vec<Setting> =
        line.iter().zip(0..).map(|(at, i)| Setting::single_pass(at.params, 1e9 * 5f64.powi(i / 3))).collect();
    assert_eq!(fit_of(&crossed).unwrap().law().name(), "coupled");
}

/// Six sizes on three amounts of text, each seen 1, 4 and 20 times.
fn repeated() -> Vec<Setting> {
    let mut settings = Vec::new();
    for size in 0..6 {
        for unique in [2e8, 1e9, 5e9] {
            for epochs in [1.0, 4.0, 20.0] {
                let once = Setting::single_pass(3e7 * 2f64.powi(size), unique * epochs);
                settings.push(Setting { unique_tokens: unique, ..once });
            }
        }
    }
    settings
}

#[test]
fn what_repetition_costs_is_found_with_an_honest_interval() {
    let law = Worth::new(Resources::ParamsAndTokens, true, None);
    let truth = [&TRUTH[..], &[7.0]].concat();
    let ahead = Setting { unique_tokens: 2e10, ..Setting::single_pass(3e9, 2e11) };
    let counts = count(|number| {
        let fit = fit(&world(&law, &truth, &repeated(), number), &options(number)).unwrap();
        assert_eq!(fit.law().name(), "coupled-repeated");
        assert!(fit.beside().unwrap().scatter > 0.0);
        let limited = fit.with_unique_tokens(tokens(ahead.unique_tokens)).unwrap();
        let loss = limited.predict(params(ahead.params), tokens(ahead.tokens), 0.9).unwrap().loss;
        if number == 0 {
            println!("{:?} at {loss:?}, truth {}", estimate(&fit, "R_D*"), law.loss(&truth, &ahead));
        }
        [holds(&estimate(&fit, "R_D*"), 7.0), holds(&loss, law.loss(&truth, &ahead))]
    });
    println!("repetition: R_D*, loss held in {counts:?} of {WORLDS}");
    assert!(counts.iter().all(|count| *count >= FEWEST_HELD), "{counts:?}");
}

/// Five sizes at three ratios under three recipes.
fn several() -> Vec<Setting> {
    let mut settings = Vec::new();
    for recipe in 0..3 {
        for size in 0..5 {
            for ratio in [6.0, 20.0, 70.0] {
                let params = 5e7 * 2f64.powi(size);
                settings.push(Setting { recipe, ..Setting::single_pass(params, ratio * params) });
            }
        }
    }
    settings
}

#[test]
fn what_recipes_are_worth_is_found_with_honest_intervals() {
    let recipes = ["adamw", "muon", "soap"].map(str::to_owned);
    let law = Worth::new(Resources::ParamsAndTokens, false, Some(&recipes));
    // rho_N of the others, then their rho_D.
    let truth = [&TRUTH[..], &[1.1, 0.9, 2.0, 2.5]].concat();
    let ahead = Setting { recipe: 1, ..Setting::single_pass(4e9, 8e10) };
    let counts = count(|number| {
        let fit = fit(&world(&law, &truth, &several(), number), &options(number)).unwrap();
        assert_eq!(fit.law().recipes(), recipes);
        let muon = fit.of_recipe("muon").unwrap();
        assert_eq!(muon.law().name(), "coupled");
        let loss = muon.predict(params(ahead.params), tokens(ahead.tokens), 0.9).unwrap().loss;
        if number == 0 {
            println!("{:?} at {loss:?}, truth {}", estimate(&fit, "rho_D:muon"), law.loss(&truth, &ahead));
        }
        let worth = [("rho_N:muon", 1.1), ("rho_D:muon", 2.0), ("rho_D:soap", 2.5)];
        let [first, second, third] = worth.map(|(name, value)| holds(&estimate(&fit, name), value));
        [first, second, third, holds(&loss, law.loss(&truth, &ahead))]
    });
    println!("recipes: rho_N:muon, rho_D:muon, rho_D:soap, loss held in {counts:?} of {WORLDS}");
    assert!(counts.iter().all(|count| *count >= FEWEST_HELD), "{counts:?}");
}

#[test]
fn a_fit_of_several_recipes_asks_which() {
    let recipes = ["adamw", "muon", "soap"].map(str::to_owned);
    let law = Worth::new(Resources::ParamsAndTokens, false, Some(&recipes));
    let truth = [&TRUTH[..], &[1.1, 0.9, 2.0, 2.5]].concat();
    let fit = fit(&world(&law, &truth, &several(), 0), &options(0)).unwrap();
    let budget = Flops::new(1e22).unwrap();
    let which = QuestionError::WhichRecipe { recipes: recipes.to_vec() };
    assert_eq!(fit.predict(params(1e9), tokens(1e10), 0.9).unwrap_err(), which);
    assert!(matches!(fit.plan(budget, None, 0.9), Err(PlanError::Question(error)) if error == which));
    assert!(matches!(fit.of_recipe("lion"), Err(QuestionError::UnknownRecipe { .. })));
    // Data worth twice as much: the best model of a budget is larger.
    let best = |name: &str| fit.of_recipe(name).unwrap().plan(budget, None, 0.9).unwrap();
    assert!(best("muon").params.value > best("adamw").params.value);
    assert!(best("muon").loss.value < best("adamw").loss.value);
    let text = fit.to_json(0.9, &Provenance::default());
    let read = Fit::from_json(&text, "fit.json").unwrap();
    assert_eq!(read.to_json(0.9, &Provenance::default()), text);
    assert_eq!(read.of_recipe("soap").unwrap().draws(), fit.of_recipe("soap").unwrap().draws());
}

/// Recipes on one ray share the line; repetition there is refused.
#[test]
fn reductions_compose_or_say_that_they_do_not() {
    let two = |i: usize| if i % 4 < 2 { "adamw" } else { "muon" };
    let rows = |epochs: f64| -> String {
        let row = |(i, at): (usize, &Setting)| {
            let worth = if two(i) == "muon" { 1.6 } else { 1.0 };
            let loss = 1.7 + 900.0 / (worth * at.flops).powf(0.17) * (1.0 + 0.002 * (3.1 * i as f64).sin());
            format!("{},{},{},{},{loss}\n", at.params, at.tokens, at.tokens / epochs, two(i))
        };
        ray().iter().enumerate().map(row).collect()
    };
    let table = |epochs| read(&format!("params,tokens,unique_tokens,recipe,loss\n{}", rows(epochs)));
    let fit_ray = fit(&table(1.0), &options(0)).unwrap();
    assert_eq!(fit_ray.law().name(), "power-compute-recipes");
    assert!(holds(&estimate(&fit_ray, "rho_C:muon"), 1.6), "{:?}", estimate(&fit_ray, "rho_C:muon"));
    assert_eq!(fit_ray.reductions().len(), 2);
    let muon = fit_ray.of_recipe("muon").unwrap();
    assert!(muon.predict(params(1e10), tokens(2e11), 0.9).is_ok());
    assert!(matches!(muon.predict(params(1e10), tokens(2e12), 0.9), Err(QuestionError::OffRay { .. })));
    assert!(matches!(fit(&table(3.0), &options(0)), Err(FitError::RepeatsOnRay { .. })));
}

/// The same bits with columns that change nothing: distinct tokens as many as seen, one recipe, schedules at their end.
#[test]
fn where_nothing_asks_for_another_form_the_fit_is_the_same_to_the_last_bit() {
    let (mut bare, mut full) = (
        String::from("params,tokens,loss\n"),
        String::from("params,tokens,loss,unique_tokens,recipe,step,max_steps\n"),
    );
    let mut generator = stream(11, 0);
    for at in several().iter().filter(|at| at.recipe == 0) {
        let loss = Coupled.loss(&TRUTH, at) * (SCATTER * standard_normal(&mut generator)).exp();
        bare += &format!("{},{},{loss}\n", at.params, at.tokens);
        full += &format!("{},{},{loss},{},base,1000,1000\n", at.params, at.tokens, 1.5 * at.tokens);
    }
    let text = |table: &str| fit(&read(table), &options(5)).unwrap().to_json(0.9, &Provenance::default());
    // That all have one recipe is told, and nothing else.
    let told = r#","common":{"recipe":"base"}"#;
    assert_eq!(text(&full).matches(told).count(), 1);
    assert_eq!(text(&bare), text(&full).replace(told, ""));
    assert!(!text(&bare).contains("reductions"));
}

/// Forty settings that the law misses by 0.6 %, three seeds each that differ by 0.2 %: three runs are hardly more witnesses than one.
#[test]
fn replicates_of_settings_that_the_law_misses_do_not_narrow_the_band() {
    let far = Setting::single_pass(2.7e10, 6.6e11);
    const WORLDS: u64 = 24;
    let worth = std::cell::Cell::new(0.0);
    let held = (0..WORLDS).filter(|world| {
        let mut generator = stream(*world, 9);
        let mut noise = |scale: f64| (scale * standard_normal(&mut generator)).exp();
        let mut table = String::from("params,tokens,loss,seed\n");
        for i in 0..40 {
            let at = Setting::single_pass(1e8 * 1.6f64.powi(i % 8), 2e9 * 2.4f64.powi(i / 8));
            let missed = Coupled.loss(&TRUTH, &at) * noise(0.006);
            (0..3).for_each(|seed| table += &format!("{},{},{},{seed}\n", at.params, at.tokens, missed * noise(0.002)));
        }
        let fit = fit(&read(&table), &options(*world)).unwrap();
        let [Reduction::Replicates { runs: 120, worth: each }] = fit.reductions() else {
            panic!("{:?}", fit.reductions())
        };
        worth.set(worth.get() + each / WORLDS as f64);
        let plan = fit.plan(Flops::new(far.flops).unwrap(), None, 0.9).unwrap();
        let at = Setting::single_pass(plan.params.value, plan.tokens.value);
        holds(&plan.loss, Coupled.loss(&TRUTH, &at))
    });
    let held = held.count();
    println!("loss held in {held} of {WORLDS}; each of three seeds counts as {:.3}", worth.get());
    // Seeds make 0.1 of the variance, and eighty differences leave open 0.13: the mean of three varies by 0.87 + 0.13/3 of one run's.
    assert!((worth.get() - 1.0 / (3.0 * 0.87 + 0.13)).abs() < 0.02, "{}", worth.get());
    assert!(held >= 18, "{held}");
}

#[test]
fn unfinished_schedules_are_left_out_and_counted() {
    let mut table = String::from("run,params,tokens,loss,step,max_steps\n");
    for (i, at) in several().iter().filter(|at| at.recipe == 0).enumerate() {
        let loss = Coupled.loss(&TRUTH, at) * (0.003 * (12.9 * i as f64).sin()).exp();
        table += &format!("r{i},{},{},{loss},1000,1000\n", at.params, at.tokens);
        table += &format!("early{i},{},{},{},400,1000\n", at.params, 0.4 * at.tokens, 1.1 * loss);
    }
    let left_out = fit(&read(&table), &options(0)).unwrap();
    assert_eq!(left_out.run_counts(), (15, 15));
    let reduction = left_out.reductions()[0].to_string();
    assert!(
        reduction.starts_with("15 runs whose schedule has not ended are left out (early0: its schedule"),
        "{reduction}"
    );
    let kept = fit(&read(&table), &FitOptions { keep_unfinished: true, ..options(0) }).unwrap();
    assert_eq!(kept.run_counts(), (30, 0));

    let early = table.lines().filter(|line| !line.starts_with('r') || line.starts_with("run"));
    let error = fit(&read(&early.collect::<Vec<_>>().join("\n")), &options(0)).unwrap_err();
    assert!(matches!(error, FitError::TooFewFinished { found: 0, unfinished: 15, .. }), "{error:?}");
    assert!(error.to_string().contains("--keep-unfinished"), "{error}");
}

#[test]
fn runs_that_leave_their_conditions_open_are_named() {
    let table = "params,tokens,loss,recipe\n1e8,1e9,3,a\n2e8,1e9,2.9,b\n4e8,4e9,2.7,\n1e9,4e9,2.6,a\n2e9,9e9,2.5,b\n2e9,3e10,2.4,b\n";
    let error = fit(&read(table), &options(0)).unwrap_err().to_string();
    assert!(error.contains("needs the column `recipe`, and run row 4 has none"), "{error}");
    let table = table.replace("recipe", "epochs").replace(",a\n", ",1\n").replace(",b\n", ",8\n");
    let error = fit(&read(&table), &options(0)).unwrap_err().to_string();
    assert!(error.contains("column `unique_tokens` or `epochs`, and run row 4 has none"), "{error}");
}

/// Muennighoff et al. 2023, arXiv:2305.16264: runs on C4. The authors' R_D* is 15.4, and their own objective is flat from 10 to 200.
///
/// The seven largest runs are held out: 8.67 B parameters on 178 B tokens seen up to 13.7 times, four times the compute of the others.
#[test]
fn the_largest_public_repeated_runs_are_foretold_from_the_smaller() {
    let Some(mut runs) = public::runs("datablations/runs_fit182.csv", &[]) else { return };
    let (held_out, kept) = runs.kept.into_iter().partition(|run| run.params.get() > 8e9);
    runs.kept = kept;
    let held_out: Vec<Run> = held_out;
    assert_eq!((runs.kept.len(), held_out.len()), (175, 7));
    let fit = fit(&runs, &options(0)).unwrap();
    let repetitions = estimate(&fit, "R_D*");
    println!("R_D* {repetitions:?}, {:?}, beside {:?}", fit.status(), fit.beside());
    assert!(repetitions.lo.unwrap() > 3.0 && repetitions.hi.unwrap() < 100.0, "{repetitions:?}");
    let mut errors = Vec::new();
    for run in &held_out {
        let unique = run.unique_tokens.unwrap();
        let prediction = fit.with_unique_tokens(unique).unwrap().predict(run.params, run.tokens, 0.9).unwrap();
        let error = prediction.loss.value / run.loss.get() - 1.0;
        println!("{}: {} {:?} {error:+.4} {:?}", run.name, run.loss.get(), prediction.loss, prediction.beside);
        errors.push((error.abs(), holds(&prediction.loss, run.loss.get())));
    }
    let mean = errors.iter().map(|(error, _)| error).sum::<f64>() / errors.len() as f64;
    let budget = Flops::new(1e22).unwrap();
    let best = |fit: &Fit| fit.plan(budget, None, 0.9).unwrap().params;
    println!(
        "at 1e22 FLOP {:?}, with 25B tokens {:?}",
        best(&fit),
        best(&fit.with_unique_tokens(tokens(25e9)).unwrap())
    );
    println!("mean error {mean:.4}, held {}", errors.iter().filter(|(_, held)| *held).count());
    // The additive law without repetition misses these runs by more than its scatter; 3 % is that of one run of this table.
    assert!(mean < 0.03 && errors.iter().filter(|(_, held)| *held).count() >= 5, "{errors:?}");
}

#[test]
fn with_little_text_the_plan_is_the_best_for_it() {
    let law = Worth::new(Resources::ParamsAndTokens, true, None);
    let truth = [&TRUTH[..], &[7.0]].concat();
    let fit = fit(&world(&law, &truth, &repeated(), 0), &options(0)).unwrap();
    let budget = Flops::new(1e20).unwrap();
    let free = fit.plan(budget, None, 0.9).unwrap();
    let plan = fit.with_unique_tokens(tokens(2e9)).unwrap().plan(budget, None, 0.9).unwrap();
    println!("{:?} {:?} {:?}, without limit {:?}", plan.params, plan.loss, plan.regret, free.params);
    assert!(plan.loss.value > free.loss.value && plan.regret.unwrap().p95 < 0.05);
    // The truth's own best size, by looking at all of them.
    let loss = |params: f64| {
        law.loss(&truth, &Setting { unique_tokens: 2e9, ..Setting::single_pass(params, 1e20 / 6.0 / params) })
    };
    let best = (0..400).map(|i| 2e8 * 1.01f64.powi(i)).min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap();
    println!("truth {best:e}");
    assert!(plan.params.lo.unwrap() < best && best < plan.params.hi.unwrap(), "{:?} {best:e}", plan.params);
    assert!(loss(plan.params.value) - loss(best) < 1e-3);
    assert!(plan.assumptions.iter().any(|text| text == "2B distinct tokens, repeated where more are needed"));
    let plenty = fit.with_unique_tokens(tokens(1e12)).unwrap().plan(budget, None, 0.9).unwrap();
    assert!((plenty.params.value / free.params.value - 1.0).abs() < 1e-4);
}
