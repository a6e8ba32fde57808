//! Text and the report.

use isoflop::blueprint::Given;
use isoflop::counting::Architecture;
use isoflop::hardware::Rental;
use isoflop::law::published;
use isoflop::plan::{Budget, Demand, Limits, Problem, Repetition};
use isoflop::predict::{Held, against};
use isoflop::{Fit, Flops, Nats, Params, Tokens};
use isoflop_report::board::{Board, BoardRun, BoardState, Curve, board};
use isoflop_report::text::{LabPlan, PlannedRecipe, PlannedRun, PlannedSpeed, RecipeSize};
use isoflop_report::{FigureFile, Reproduction, Story, report, text};

use crate::stories::{big_run, compared, fitted, ladder, record};
use crate::{LEVEL, assert_looks_as_expected};

#[test]
fn what_the_command_line_prints_looks_as_expected() {
    let fit = fitted(&ladder());
    assert_looks_as_expected("fit.txt", &text::fit(&fit, LEVEL));
    let prediction = fit.predict(Params::new(3e6).unwrap(), Tokens::new(4e7).unwrap(), LEVEL).unwrap();
    assert_looks_as_expected("prediction.txt", &text::prediction(&prediction));
    let floor = fit.parameter("E").unwrap();
    let required = fit.required(Nats::new(1.1 * floor).unwrap(), Held::Nothing, LEVEL).unwrap();
    assert!(required.impossible.unwrap() > 0.0);
    assert_looks_as_expected("required.txt", &text::required(&required, Held::Nothing));
    let against = against(&fit, &ladder(), None, LEVEL, 1).unwrap();
    assert_looks_as_expected("against.txt", &text::against(&against));
    assert_looks_as_expected("plan.txt", &text::plan(&fit.plan(Flops::new(8e13).unwrap(), None, LEVEL).unwrap()));
    let rental = Rental::new(isoflop::hardware::accelerator("h100").unwrap(), 2.0, 0.4, 0.9, Some(8)).unwrap();
    let goal = Problem {
        limits: Limits {
            params: Some(Params::new(1.5e6).unwrap()),
            unique_tokens: Some(Tokens::new(1e7).unwrap()),
            repetition: Repetition::Published,
            ..Limits::default()
        },
        demand: Some(Demand { tokens: Tokens::new(1e7).unwrap(), answers: None, rental: Some(rental.clone()) }),
        budget: Some(Budget::Dollars("$1".parse().unwrap())),
        ..Problem::of_goal(Nats::new(2.4).unwrap(), Some(rental))
    };
    assert_looks_as_expected("goal-plan.txt", &text::plan(&fit.solve(&goal, LEVEL).unwrap()));
    let (claim, inside) = big_run(&fit, -0.004);
    assert!(inside.inside);
    assert_looks_as_expected("claim.txt", &text::claim(&claim));
    assert_looks_as_expected("verdict-inside.txt", &text::verdict(&inside));
    let (_, missed) = big_run(&fit, 0.2);
    assert!(!missed.inside);
    assert_looks_as_expected("verdict-missed.txt", &text::verdict(&missed));
}

#[test]
fn a_recipe_s_widths_look_as_expected() {
    let size = |width: usize| {
        let architecture = Architecture {
            depth: 2,
            width,
            heads: width / 16,
            head_width: 16,
            feed_forward: 4 * width,
            gated: false,
            vocabulary: 256,
            tied_head: true,
            context: 128,
        };
        RecipeSize {
            params: architecture.param_groups(),
            forward_flops_per_token: architecture.flop_groups(),
            architecture,
            optimizer_flops_per_step: 12_345_678.0,
            tokens: 1.6e6,
            steps: 1250,
            batch_tokens: 1280.0,
            hidden_rate: 0.0057 * (64.0 / width as f64).sqrt(),
            embedding_rate: 0.025,
            flops: 6.25e11,
        }
    };
    let text = text::recipe_sizes("mine\u{1b}[31m", 25.0, &[size(64), size(4096)]);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert_looks_as_expected("recipe-sizes.txt", &text);
}

#[test]
fn a_published_law_is_printed_without_intervals_and_with_the_reason() {
    let fit = Fit::from_published(published("besiroglu2024").unwrap());
    assert_looks_as_expected("published-fit.txt", &text::fit(&fit, LEVEL));
    let h100 = isoflop::hardware::accelerator("h100").unwrap();
    let rental = Rental::new(h100, 2.0, 0.4, 1.0, Some(4096)).unwrap();
    let budget = rental.affordable("$10M".parse().unwrap()).unwrap();
    let plan = fit.plan(budget, Some(&rental), LEVEL).unwrap().with_blueprint(&Given::default());
    assert_looks_as_expected("published-plan.txt", &text::plan(&plan));
    let prediction = fit.predict(Params::new(70e9).unwrap(), Tokens::new(1.4e12).unwrap(), LEVEL).unwrap();
    assert_looks_as_expected("published-prediction.txt", &text::prediction(&prediction));
}

#[test]
fn the_report_of_a_whole_story_looks_as_expected() {
    let runs = ladder();
    let fit = fitted(&runs);
    let plan = fit.plan(Flops::new(8e13).unwrap(), None, LEVEL).unwrap();
    let (claim, verdict) = big_run(&fit, -0.004);
    let story = Story {
        subject: "Text: a synthetic language, 4.1 MB, 512 byte-pair tokens, 3 % of its documents held out".to_owned(),
        runs: &runs,
        fit: &fit,
        level: LEVEL,
        noise: Some("one setting was trained four times: seeds scatter by 0.5 %".to_owned()),
        plan: Some(&plan),
        claim: Some(&claim),
        verdict: Some(&verdict),
        figures: vec![FigureFile {
            light: "figures/valleys.svg".to_owned(),
            dark: Some("figures/valleys-dark.svg".to_owned()),
            description: "Loss against model size, one curve per training budget".to_owned(),
            ..FigureFile::default()
        }],
        reproduction: Reproduction {
            version: "0.1.0".to_owned(),
            commands: vec!["isoflop demo --seed 0 --out demo".to_owned()],
        },
    };
    assert_looks_as_expected("report.md", &report(&story).to_markdown());
}

#[test]
fn a_track_record_looks_as_expected() {
    let fit = fitted(&ladder());
    let narrow = record(&fit, 13, 2.0);
    assert!(narrow.so_few.unwrap() < 0.01, "{narrow:?}");
    assert_looks_as_expected("record.txt", &text::track_record(&narrow));
    for (count, spread, words) in [
        (0, 1.0, "no claims yet"),
        (1, 1.0, "1 claim, none judged yet"),
        (6, 1.0, "Nothing in this speaks against the intervals"),
        (41, 0.5, "wider than need be"),
    ] {
        let shown = text::track_record(&record(&fit, count, spread));
        assert!(shown.contains(words), "{shown}");
    }
}

#[test]
fn recipes_look_as_expected() {
    assert_looks_as_expected("recipes.txt", &text::recipes(&compared()));
}

/// Five runs of a ladder in training: one of each state, and curves of power laws.
fn training() -> Board {
    let states = [
        BoardState::Done(1.8634),
        BoardState::Running(0.62),
        BoardState::Failed,
        BoardState::Diverged,
        BoardState::Waiting,
    ];
    let run = |(index, state): (usize, BoardState)| {
        let (params, tokens) = (5e3 * 2f64.powi(index as i32), 2e6 / 2f64.powi(index as i32));
        let share = match state {
            BoardState::Done(_) => 1.0,
            BoardState::Waiting => 0.0,
            _ => 0.62,
        };
        let mut curve = Curve::default();
        for step in 1..=(share * 1_000.0) as u32 {
            let seen = tokens * f64::from(step) / 1_000.0;
            curve.push(6.0 * params * seen, 1.2 + 9.0 / params.powf(0.3) + 20.0 / seen.powf(0.4));
        }
        BoardRun { name: format!("c3-d1-w{}-s0", 8 << index), params, tokens, state, curve }
    };
    let runs = states.into_iter().enumerate().map(run).collect();
    Board { title: "ladder".to_owned(), runs, share: 0.44, gone: 71.0, left: Some(95.0) }
}

#[test]
fn the_board_looks_as_expected_on_wide_narrow_and_low_terminals() {
    let looks = [(79, 24), (44, 24), (79, 6), (24, 10)];
    let looks = looks.map(|(width, height)| format!("{width} x {height}\n{}\n", board(&training(), width, height)));
    assert_looks_as_expected("board.txt", &looks.join("\n"));
}

#[test]
fn the_plan_of_a_lab_looks_as_expected() {
    let run = |name: &str, flops: f64, params: f64, seed: u64| PlannedRun {
        name: name.to_owned(),
        flops,
        params,
        tokens: flops / 6.0 / params,
        seconds: flops / 1.5e10,
        seed,
    };
    let ladder = [3e10, 1.2e11, 4.8e11].into_iter().flat_map(|flops| {
        let centre = (flops / 150.0f64).sqrt();
        [0.4, 0.63, 1.0, 1.6, 2.5].map(|size| run("c1-d1-w8-s0", flops, centre * size, 0))
    });
    let repeats = (1..4).map(|seed| run("c2-d1-w32-s1", 1.2e11, 2.8e4, seed));
    let speed = |flops_per_token, tokens_per_second| PlannedSpeed { flops_per_token, tokens_per_second };
    let recipe = |name: &str| PlannedRecipe {
        name: name.to_owned(),
        speeds: vec![speed(2.3e4, 2.5e5), speed(2.7e5, 7.1e4), speed(1.5e6, 1.6e4)],
        together: 0.81,
        runs: ladder.clone().chain(repeats.clone()).collect(),
        validation: run("big-d1-w128-s0", 8.4 * 4.8e11, 1.6e5, 0),
        half_width: Some((0.43, 0.018)),
    };
    let plan = LabPlan {
        schema: "isoflop.lab-plan/1",
        text: "my notes: 2112 documents and 15.7 MB to train on, 63 documents held out, 12 left out".to_owned(),
        given_seconds: 600.0,
        expected_seconds: 552.4,
        cores: 4,
        recipes: vec![recipe("default"), recipe("muon")],
        text_limit: Some(3.6),
        level: LEVEL,
    };
    assert_looks_as_expected("lab-plan.txt", &text::lab_plan(&plan));
}
