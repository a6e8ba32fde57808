//! Do the text, the report and the figure of one whole story look as they did? `ISOFLOP_BLESS=1` writes what they look like now,
//! `ISOFLOP_LOOK=FOLDER` writes the odd figures to look at.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use isoflop::blueprint::Given;
use isoflop::counting::Architecture;
use isoflop::hardware::Rental;
use isoflop::law::published;
use isoflop::plan::{Budget, Demand, Limits, Problem, Repetition};
use isoflop::predict::{Held, against};
use isoflop::recipes::{RecipeOptions, compare_recipes};
use isoflop::tuning::{Surface, Trial};
use isoflop::{
    Claim, Fit, FitOptions, Flops, Nats, Params, Run, Runs, Sealing, TableFormat, Tokens, TrackRecord, Verdict, fit,
};
use isoflop_report::board::{Board, BoardRun, BoardState, Curve, board};
use isoflop_report::text::{LabPlan, PlannedRecipe, PlannedRun, PlannedSpeed, RecipeSize};
use isoflop_report::{
    FigureFile, Reproduction, Story, Theme, ValleysInput, gain, reliability, report, text, transfer, valleys,
};

const LEVEL: f64 = 0.9;

/// A ladder as the demo trains it: three budgets, five sizes each, a little noise; two rows that cannot be used.
fn ladder() -> Runs {
    let mut table = String::from("run,params,tokens,loss,loss_se,status\n");
    for (budget, flops) in [1e11, 1e12, 1e13f64].into_iter().enumerate() {
        let best = 0.17 * (flops / 6.0).powf(0.54);
        for (size, share) in [0.3, 0.55, 1.0, 1.8, 3.3].into_iter().enumerate() {
            let (params, tokens) = ((best * share).round(), (flops / 6.0 / (best * share)).round());
            let noise = 0.004 * [0.3, -0.8, 0.5, -0.2, 0.9, -0.6, 0.1][(3 * budget + size) % 7];
            let loss = (1.6 + 26.0 / params.powf(0.28) + 66.0 / tokens.powf(0.33)) * (1.0 + noise);
            table += &format!("b{budget}-s{size},{params},{tokens},{loss:.5},0.006,finished\n");
        }
    }
    table += "b2-s5,2e6,8e5,5.1,,diverged\n";
    table += "<script>alert(1)</script>|`x`,2e6,8e5,5.1,,crashed\n";
    Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false).unwrap()
}

/// Twelve runs of each of two recipes, of which the second has the better exponents from a worse start.
fn recipes() -> Runs {
    let mut table = String::from("params,tokens,loss,recipe\n");
    for (name, [a, b, alpha, beta]) in
        [("adamw", [480.0, 2000.0, 0.35, 0.37]), ("<muon>", [1400.0, 4500.0, 0.40, 0.405])]
    {
        for i in 0..12 {
            let (params, tokens) = (1e8 * 2f64.powi(i % 4), 2e9 * 4f64.powi(i / 4));
            let noise = 0.002 * [0.3, -0.8, 0.5, -0.2, 0.9, -0.6, 0.1][(i as usize + name.len()) % 7];
            let loss = (1.8 + a / params.powf(alpha) + b / tokens.powf(beta)) * (1.0 + noise);
            table += &format!("{params},{tokens},{loss:.5},{name}\n");
        }
    }
    Runs::read(table.as_bytes(), "recipes.csv", TableFormat::Csv, false).unwrap()
}

#[test]
fn the_gain_of_recipes_looks_as_expected() {
    let costs = [("<muon>".to_owned(), 1.2)].into();
    let options = RecipeOptions { draws: 100, costs, ..RecipeOptions::default() };
    let compared = compare_recipes(&recipes(), &options).unwrap();
    assert_looks_as_expected("recipes.txt", &text::recipes(&compared));
    let figure = gain(&compared, Theme::Light);
    assert!(!figure.contains("<muon>") && !figure.contains("NaN") && !figure.contains("inf"), "{figure}");
    assert_looks_as_expected("gain.svg", &figure);
}

/// The big run, eight times beyond the ladder: its claim, and the verdict once it lands `off` its prediction.
fn big_run(fit: &Fit, off: f64) -> (Claim, Verdict) {
    let budget = Flops::new(8e13).unwrap();
    let (params, tokens) = fit.best_allocation(budget).unwrap();
    let sealing = Sealing { name: "big run", sealed_at: "2026-01-01T00:00:00Z", previous: None };
    let claim = fit.claim(params, tokens, LEVEL, &sealing).unwrap();
    let verdict = claim.judge(&landed(&claim, off), "2026-01-02T00:00:00Z").unwrap();
    (claim, verdict)
}

fn landed(claim: &Claim, off: f64) -> Run {
    let loss = claim.loss.value * (1.0 + off);
    let table =
        format!("run,params,tokens,loss,loss_se\nbig,{},{},{loss},0.004\n", claim.params.get(), claim.tokens.get());
    Runs::read(table.as_bytes(), "big.csv", TableFormat::Csv, false).unwrap().kept.remove(0)
}

fn fitted(runs: &Runs) -> Fit {
    fit(runs, &FitOptions { draws: 200, ..FitOptions::default() }).unwrap()
}

fn assert_looks_as_expected(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/expected").join(name);
    if std::env::var_os("ISOFLOP_BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == text,
        "{name} looks different; if it should, run the test with ISOFLOP_BLESS=1 and read the diff\n{text}"
    );
}

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
fn the_transfer_of_a_learning_rate_looks_as_expected() {
    let trial = |(width, seed, steps): (f64, u64, f64)| {
        let off = steps - 0.4 + 0.6 * (width / 32.0).ln();
        let of_seed = if seed == 1 { 1.03 } else { 1.0 };
        Trial {
            width,
            seed,
            moves: [steps, 0.0, 0.0],
            loss: of_seed * 5.0 * width.powf(-0.2) * (1.0 + 0.004 * off * off),
        }
    };
    let places = |width: f64| {
        let star = (-2..=2).map(move |steps| (width, 0, f64::from(steps)));
        star.chain([(width, 1, 0.0), (width, 1, 1.0)])
    };
    let trials: Vec<Trial> = [16.0, 32.0, 64.0].into_iter().flat_map(places).map(trial).collect();
    let surface = Surface::fit(&trials).unwrap();
    let [light, dark] = [Theme::Light, Theme::Dark].map(|theme| transfer(&surface, theme));
    assert!(!light.contains("NaN") && !light.contains("inf") && light != dark, "{light}");
    assert_looks_as_expected("transfer.svg", &light);
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
        corpus: "a synthetic language, 4.1 MB, 512 byte-pair tokens, 3 % of its documents held out".to_owned(),
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
        }],
        reproduction: Reproduction {
            version: "0.1.0".to_owned(),
            commands: vec!["isoflop demo --seed 0 --out demo".to_owned()],
        },
    };
    assert_looks_as_expected("report.md", &report(&story));
}

#[test]
fn the_valleys_look_as_expected_on_both_pages() {
    let runs = ladder();
    let fit = fitted(&runs);
    let (claim, verdict) = big_run(&fit, -0.004);
    for (name, theme) in [("valleys-light.svg", Theme::Light), ("valleys-dark.svg", Theme::Dark)] {
        let input =
            ValleysInput { runs: &runs, fit: &fit, level: LEVEL, claim: Some(&claim), verdict: Some(&verdict), theme };
        assert_looks_as_expected(name, &valleys(&input));
    }
}

/// `count` claims of one fit, all but the last judged by runs that scatter `spread` times as far as claimed.
fn record(fit: &Fit, count: usize, spread: f64) -> TrackRecord {
    let (mut claims, mut verdicts): (Vec<Claim>, Vec<Verdict>) = (Vec::new(), Vec::new());
    for number in 0..count {
        let name = format!("run {number}");
        let sealing = Sealing { name: &name, sealed_at: "2026-01-01T00:00:00Z", previous: claims.last() };
        let params = Params::new(1e6 * 1.3f64.powf(number as f64)).unwrap();
        let claim = fit.claim(params, Tokens::new(4e7).unwrap(), LEVEL, &sealing).unwrap();
        if number + 1 < count {
            // Steps of the golden ratio are even between -1 and 1.
            let off = 2.0 * (0.5 + 0.618_034 * number as f64).fract() - 1.0;
            let half = 0.5 * (claim.loss.hi.unwrap() - claim.loss.lo.unwrap()) / claim.loss.value;
            verdicts.push(claim.judge(&landed(&claim, spread * off * half), "2026-01-02T00:00:00Z").unwrap());
        }
        claims.push(claim);
    }
    TrackRecord::new(claims, verdicts).unwrap()
}

#[test]
fn a_track_record_looks_as_expected() {
    let fit = fitted(&ladder());
    let narrow = record(&fit, 13, 2.0);
    assert!(narrow.so_few.unwrap() < 0.01, "{narrow:?}");
    assert_looks_as_expected("record.txt", &text::track_record(&narrow));
    assert_looks_as_expected("reliability.svg", &reliability(&narrow, Theme::Light));
    for (count, spread, words) in [
        (0, 1.0, "no claims yet"),
        (1, 1.0, "1 claim, none judged yet"),
        (6, 1.0, "Nothing in this speaks against the intervals"),
        (41, 0.5, "wider than need be"),
    ] {
        let record = record(&fit, count, spread);
        let shown = text::track_record(&record);
        assert!(shown.contains(words), "{shown}");
        assert_is_sound(&reliability(&record, Theme::Dark));
    }
}

/// Parses as far as tags go: every element that opens closes, and no number is missing.
fn assert_is_sound(svg: &str) {
    for word in ["NaN", "inf", "<script"] {
        assert!(!svg.contains(word), "{word} in {svg}");
    }
    let mut open: Vec<&str> = Vec::new();
    for tag in svg.split('<').skip(1).map(|rest| rest.split_once('>').unwrap().0) {
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn odd_tables_give_sound_figures() {
    let published = Fit::from_published(published("besiroglu2024").unwrap());
    let ladder = ladder();
    let ladder_fit = fitted(&ladder);
    let (claim, missed) = big_run(&ladder_fit, 0.3);
    let one = Runs::read("params,tokens,loss\n1e6,2e7,3\n".as_bytes(), "t", TableFormat::Csv, false).unwrap();
    let scattered: String = (0..80u32)
        .map(|i| {
            let (params, tokens) = (1e7 * 1.07f64.powf(f64::from(i)), 1e9 * 1.11f64.powf(f64::from(i * 37 % 80)));
            format!(
                "\"</title><script>{i}&\",{params},{tokens},{}\n",
                1.8 + 480.0 / params.powf(0.35) + 2e3 / tokens.powf(0.36)
            )
        })
        .collect();
    let scattered = format!("run,params,tokens,loss\n{scattered}");
    let scattered = Runs::read(scattered.as_bytes(), "t", TableFormat::Csv, false).unwrap();
    let scattered_fit = fitted(&scattered);
    for (runs, fit) in [
        (&Runs::default(), &published),
        (&one, &published),
        (&ladder, &published),
        (&ladder, &ladder_fit),
        (&scattered, &scattered_fit),
    ] {
        for (claim, verdict) in
            [(None, None), (Some(&claim), None), (Some(&claim), Some(&missed)), (None, Some(&missed))]
        {
            for theme in [Theme::Light, Theme::Dark] {
                let svg = valleys(&ValleysInput { runs, fit, level: LEVEL, claim, verdict, theme });
                assert_is_sound(&svg);
                // Every run has its mark, and a mark its name.
                let marks = svg.matches(" tokens, loss ").count();
                assert_eq!(marks, runs.kept.len());
            }
        }
    }
    if let Some(folder) = std::env::var_os("ISOFLOP_LOOK") {
        let input =
            |runs, fit, claim, verdict| ValleysInput { runs, fit, level: LEVEL, claim, verdict, theme: Theme::Light };
        let folder = PathBuf::from(folder);
        let missed = valleys(&input(&ladder, &ladder_fit, Some(&claim), Some(&missed)));
        fs::write(folder.join("missed.svg"), missed).unwrap();
        fs::write(folder.join("scattered.svg"), valleys(&input(&scattered, &scattered_fit, None, None))).unwrap();
        fs::write(folder.join("one.svg"), valleys(&input(&one, &published, None, None))).unwrap();
    }
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
