//! Figures of a law among its runs, and of plans: planes, panels, pairs, forecasts of the top, ways to one loss.

use std::sync::Arc;

use isoflop::backtest::{BacktestOptions, Candidate, Cut, backtest};
use isoflop::law::Hoffmann;
use isoflop::law::published;
use isoflop::plan::{Demand, Problem};
use isoflop::{Fit, Flops, Nats, Runs, TableFormat, Tokens};
use isoflop_report::figure::Page;
use isoflop_report::{
    ContourInput, RatiosInput, contour, csv as numbers_of, exponents, panels, pareto, ratios, rollout, svg,
};

use crate::LEVEL;
use crate::figures::{assert_figure, assert_is_sound};
use crate::stories::{fitted, ladder};

#[test]
fn the_plane_of_size_and_tokens_looks_as_expected() {
    let runs = ladder();
    let fit = fitted(&runs);
    let plan = fit.plan(Flops::new(4e13).unwrap(), None, LEVEL).unwrap();
    let figure = contour(&ContourInput { runs: &runs, fit: &fit, level: LEVEL, plan: Some(&plan), models: &[] });
    assert_figure("contour", &figure);
    // Every point of a line of equal loss has that loss but for the grid, and the two rows that were left out stand at their sizes.
    let numbers = numbers_of(&figure);
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(numbers.as_bytes()).records().map(Result::unwrap).collect();
    let mut seen = 0;
    for row in rows.iter().filter(|row| row[1].starts_with("loss ")) {
        let number = |text: &str| text.parse::<f64>().unwrap();
        let (params, tokens) = (number(&row[3]).try_into().unwrap(), number(&row[4]).try_into().unwrap());
        let (loss, level) = (fit.expected_loss(params, tokens).unwrap().get(), number(&row[1]["loss ".len()..]));
        assert!((loss / level - 1.0).abs() < 2e-3, "{row:?}: {loss}");
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
    assert_eq!(rows.iter().filter(|row| &row[2] == "open dot" && row[9].contains("left out: status is")).count(), 2);
}

#[test]
fn panels_of_kaplan_look_as_expected() {
    let runs = ladder();
    let figure = panels(&runs, &fitted(&runs), LEVEL);
    assert_figure("panels", &figure);
    // The line of best runs is in the panels of compute only.
    let of_best =
        |panel: &isoflop_report::figure::Panel| panel.marks.iter().any(|mark| mark.series.starts_with("best run"));
    assert_eq!(figure.panels.iter().map(of_best).collect::<Vec<_>>(), [true, false, false, true, false, false]);
}

#[test]
fn tokens_for_each_parameter_look_as_expected() {
    let fit = Fit::from_published(published("besiroglu2024").unwrap());
    let table = "run,params,tokens,loss\na,1e9,2e10,2.6\nb,4e9,3e10,2.4\nc,7e9,2e11,2.1\n";
    let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap();
    let models = isoflop::models::models().unwrap();
    let plan = fit.plan(Flops::new(5.76e23).unwrap(), None, LEVEL).unwrap();
    let input = RatiosInput { runs: &runs, fit: &fit, level: LEVEL, plan: Some(&plan), models: &models };
    let figure = ratios(&input);
    assert_figure("ratios", &figure);
    // A law of models a million times smaller says nothing of these.
    let ladder = ladder();
    let small = RatiosInput { runs: &ladder, fit: &fitted(&ladder), plan: None, ..input };
    assert!(!numbers_of(&ratios(&small)).contains("Chinchilla") && numbers_of(&figure).contains("Chinchilla"));
}

#[test]
fn pairs_of_exponents_look_as_expected() {
    assert_figure("exponents", &exponents(&fitted(&ladder()), LEVEL).unwrap());
}

#[test]
fn runs_along_one_line_have_a_plane_without_best_runs() {
    let rows: String = (0..12)
        .map(|i| 1e7 * 1.6f64.powi(i))
        .map(|n| format!("{n},{},{}\n", 20.0 * n, 1.7 + 60.0 * n.powf(-0.25)))
        .collect();
    let runs = Runs::read(format!("params,tokens,loss\n{rows}").as_bytes(), "t", TableFormat::Csv, false).unwrap();
    let fit = isoflop::fit(&runs, &isoflop::FitOptions { draws: 100, ..Default::default() }).unwrap();
    assert!(fit.path().is_some());
    let input = ContourInput { runs: &runs, fit: &fit, level: LEVEL, plan: None, models: &[] };
    let ratio = RatiosInput { runs: &runs, fit: &fit, level: LEVEL, plan: None, models: &[] };
    for figure in [contour(&input), ratios(&ratio)] {
        assert!(figure.caption.contains("do not tell size from tokens"), "{}", figure.caption);
        assert_is_sound(&svg(&figure, &Page::default()));
    }
}

#[test]
fn the_roll_out_of_forecasts_looks_as_expected() {
    let row = |i: i32| {
        let (params, tokens) = (1e7 * 2f64.powi(i % 6), 1e9 * 2.3f64.powi(i / 6));
        let scatter = 1.0 + 0.001 * f64::from(i * i % 7 - 3);
        format!("r{i},{params},{tokens},{}\n", (1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37)) * scatter)
    };
    let table = format!("run,params,tokens,loss\n{}", (0..42).map(row).collect::<String>());
    let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap();
    let cuts = Cut::below_the_top(&runs, 5).unwrap();
    let candidates = vec![Candidate::Plain(Arc::new(Hoffmann))];
    let options = BacktestOptions { candidates, cuts, draws: 60, ..BacktestOptions::default() };
    let mut tested = backtest(&runs, &options, &|_, _| {}).unwrap();
    let figure = rollout(&tested).unwrap();
    assert_figure("rollout", &figure);
    // The run with the lowest loss, which no cut was fitted to.
    let best = runs.kept.iter().min_by(|one, other| one.loss.get().total_cmp(&other.loss.get())).unwrap();
    assert!(numbers_of(&figure).contains(&format!("{}: {:.3}", best.name, best.loss.get())));
    assert_eq!(figure.panels[0].marks.iter().filter(|mark| mark.series == "hoffmann").count(), 2);
    tested.laws[0].forecasts.clear();
    assert!(rollout(&tested).is_none());
}

#[test]
fn ways_to_one_loss_look_as_expected() {
    let fit = Fit::from_published(published("besiroglu2024").unwrap());
    let demand = |tokens: f64| Some(Demand { tokens: Tokens::new(tokens).unwrap(), answers: None, rental: None });
    let goal = |demand| Problem { demand, ..Problem::of_goal(Nats::new(2.0).unwrap(), None) };
    for (name, problem) in [("pareto", goal(demand(3e12))), ("pareto-unserved", goal(None))] {
        let plan = fit.solve(&problem, LEVEL).unwrap();
        let mut trade = fit.trade(&problem, &plan, 61).unwrap();
        let figure = pareto(&plan, &trade).unwrap();
        assert_figure(name, &figure);
        assert_eq!(numbers_of(&figure).contains("in all"), problem.demand.is_some());
        trade.runs.truncate(1);
        assert_is_sound(&svg(&pareto(&plan, &trade).unwrap(), &Page::default()));
        trade.runs.clear();
        assert!(pareto(&plan, &trade).is_none());
    }
}
