//! Does the counting that a table's column names travel from runs to fit, plan and prediction, and is it said where an answer needs more?

#![allow(clippy::unwrap_used, clippy::panic)]

use isoflop::blueprint::Given;
use isoflop::counting::ParamCounting;
use isoflop::hardware::{Precision, Rental, accelerator};
use isoflop::plan::{Answers, Budget, Demand, Limits, Problem, ServingMemory, ServingSpeed};
use isoflop::predict::{AgainstError, against};
use isoflop::{Fit, FitOptions, Objective, Plan, QuestionError, Runs, TableFormat, Tokens, fit};

fn runs(column: &str) -> Runs {
    let mut table = format!("{column},tokens,loss\n");
    for i in 0..24 {
        let (params, tokens) = (1e8 * 1.9f64.powi(i % 6), 2e9 * 3f64.powi(i / 6));
        let scatter = (0.002 * (12.9 * f64::from(i + 1)).sin()).exp();
        let loss = (1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37)) * scatter;
        table += &format!("{params},{tokens},{loss}\n");
    }
    Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false).unwrap()
}

fn fitted(column: &str) -> Fit {
    let options = FitOptions { draws: 20, ..FitOptions::hoffmann(Objective::LogLeastSquares) };
    let fit = fit(&runs(column), &options).unwrap();
    // Through its file.
    Fit::from_json(&fit.to_json(0.9, &Default::default()), "fit.json").unwrap()
}

fn budget() -> Problem {
    Problem::of_budget(Budget::Flops("1e22".parse().unwrap()), None)
}

/// The doubts about counting, in one text.
fn doubts(plan: &Plan) -> String {
    let about = plan.warnings.iter().filter(|warning| warning.code == "params_counted");
    about.map(|warning| warning.message.as_str()).collect::<Vec<_>>().join(" / ")
}

#[test]
fn the_counting_travels_from_the_column_to_the_plan() {
    for (column, counting, words) in [
        ("params", ParamCounting::Total, None),
        ("non_embedding_params", ParamCounting::NonEmbedding, Some("without embeddings and head")),
        ("active_params", ParamCounting::Active, Some("a token passes through")),
    ] {
        let fit = fitted(column);
        assert_eq!(fit.conventions().params, counting);
        let plan = fit.solve(&budget(), 0.9).unwrap();
        assert_eq!(plan.param_counting, counting);
        assert_eq!(doubts(&plan), "", "nothing was asked that takes other parameters");
        match words {
            Some(words) => assert!(plan.assumptions[0].contains(words), "{:?}", plan.assumptions),
            None => assert_eq!(plan.assumptions[0], "training compute C = 6 N D"),
        }
        // The same numbers whatever they count: the fit's law is of what its table counts.
        assert_eq!(plan.params, fitted("params").solve(&budget(), 0.9).unwrap().params);
    }
}

#[test]
fn what_takes_more_parameters_than_are_counted_is_doubted() {
    let h100 = || accelerator("h100").unwrap();
    let rental = || Some(Rental::new(h100(), 2.0, 0.4, 0.9, None).unwrap());
    let memory = Some(ServingMemory { bytes: 80e9, precision: Precision::Bf16 });
    let speed = ServingSpeed::new(50.0, &h100(), Precision::Bf16);
    let limited = |limits: Limits| Problem { limits, ..budget() };
    let serving = |sequences: f64| {
        let answers = Some(Answers { tokens: Tokens::new(1e11).unwrap(), sequences });
        let demand = Some(Demand { tokens: Tokens::new(1e12).unwrap(), answers, rental: rental() });
        Problem { demand, rental: rental(), ..Problem::of_budget(Budget::Dollars("$1M".parse().unwrap()), None) }
    };
    let in_memory = limited(Limits { memory, ..Limits::default() });
    let fast = limited(Limits { speed, ..Limits::default() });
    let rented = Problem { rental: rental(), ..budget() };
    let (memory, reads, head) = ("memory of all weights", "reads more weights", "the head computes too");
    for (problem, non_embedding, active) in [
        (in_memory, vec![memory], vec![memory]),
        (fast, vec![reads], vec![]),
        (rented, vec![head], vec![]),
        (serving(16.0), vec![reads, head], vec![reads]),
        (serving(1.0), vec![reads, head], vec![]),
    ] {
        for (column, expected) in
            [("params", vec![]), ("non_embedding_params", non_embedding), ("active_params", active)]
        {
            let said = doubts(&fitted(column).solve(&problem, 0.9).unwrap());
            for words in [memory, reads, head] {
                assert_eq!(said.contains(words), expected.contains(&words), "{column}: {said}");
            }
        }
    }
}

#[test]
fn a_shape_is_met_in_the_counting_of_the_fit_and_doubted_for_mixtures() {
    let plan = |column: &str| fitted(column).solve(&budget(), 0.9).unwrap().with_blueprint(&Given::default());
    let plain = plan("params");
    let [params, body, total] = [plan("params"), plan("non_embedding_params"), plan("total_params")].map(|plan| {
        assert_eq!(doubts(&plan), "");
        plan.blueprint.unwrap().architecture.param_groups()
    });
    assert_eq!(params, total);
    for (groups, counting) in [(params, ParamCounting::Total), (body, ParamCounting::NonEmbedding)] {
        assert!((groups.count(counting) as f64 / plain.params.value - 1.0).abs() < 0.02, "{groups:?}");
    }
    assert!(doubts(&plan("active_params")).contains("a mixture of experts has more"));
}

#[test]
fn runs_counted_otherwise_are_not_set_beside_the_fit() {
    let fit = fitted("params");
    assert!(against(&fit, &runs("params"), None, 0.9, 1).is_ok());
    let error = against(&fit, &runs("active_params"), None, 0.9, 1).unwrap_err();
    assert!(matches!(&error, AgainstError::Counting(_)) && error.to_string().contains("count them alike"), "{error}");
    assert_eq!(
        fitted("active_params").check_counting(ParamCounting::Total),
        Err(QuestionError::OtherCounting { asked: ParamCounting::Total, fitted: ParamCounting::Active })
    );
}
