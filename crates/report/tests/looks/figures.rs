//! Figures as SVG on both pages, in letters, and as numbers.

use std::fs;
use std::path::PathBuf;

use isoflop::law::published;
use isoflop::{Fit, Flops, Runs, TableFormat};
use isoflop_report::figure::{
    Axis, Cell, Color, Direction, Dot, Extent, Figure, Label, Mark, Marker, Page, Panel, Quantity, Side, Size, Theme,
    Weight, Whisker,
};
use isoflop_report::{
    ContourInput, ForecastInput, RatiosInput, ValleysInput, braille, contour, csv as numbers_of, exponents, forecast,
    gain, panels, ratios, reliability, residuals, svg, transfer, valleys,
};

use crate::stories::{big_run, compared, fitted, ladder, record, surface};
use crate::{LEVEL, assert_looks_as_expected};

const PAGES: [(Theme, &str); 2] = [(Theme::Light, "light"), (Theme::Dark, "dark")];

/// Compares the figure on both pages, in a terminal and as numbers.
pub(crate) fn assert_figure(name: &str, figure: &Figure) {
    for (theme, page) in PAGES {
        let drawn = svg(figure, &Page { theme, width: None });
        assert_is_sound(&drawn);
        assert_looks_as_expected(&format!("{name}-{page}.svg"), &drawn);
    }
    let letters = braille(figure, 90, 24);
    assert!(letters.lines().all(|line| line.chars().count() <= 90), "{letters}");
    assert_looks_as_expected(&format!("{name}.txt"), &letters);
    assert_is_sound(&svg(figure, &Page { width: Some(360.0), ..Page::default() }));
    look(name, figure);
}

/// Writes the figure to look at.
fn look(name: &str, figure: &Figure) {
    let Some(folder) = std::env::var_os("ISOFLOP_LOOK").map(PathBuf::from) else { return };
    for (suffix, width) in [("", None), ("-narrow", Some(360.0))] {
        let page = Page { width, ..Page::default() };
        fs::write(folder.join(format!("{name}{suffix}.svg")), svg(figure, &page)).unwrap();
    }
}

/// Parses as far as tags go: every element that opens closes, and no number is missing.
pub(crate) fn assert_is_sound(svg: &str) {
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
fn the_gain_of_recipes_looks_as_expected() {
    assert_figure("gain", &gain(&compared()));
}

#[test]
fn the_transfer_of_a_learning_rate_looks_as_expected() {
    assert_figure("transfer", &transfer(&surface()));
}

#[test]
fn the_valleys_look_as_expected() {
    let runs = ladder();
    let fit = fitted(&runs);
    let (claim, verdict) = big_run(&fit, -0.004);
    let input = ValleysInput { runs: &runs, fit: &fit, level: LEVEL, claim: Some(&claim), verdict: Some(&verdict) };
    assert_figure("valleys", &valleys(&input));
}

#[test]
fn the_forecast_looks_as_expected() {
    let runs = ladder();
    let fit = fitted(&runs);
    let (claim, verdict) = big_run(&fit, -0.004);
    let alone = ForecastInput { runs: &runs, fit: &fit, level: LEVEL, plan: None, claim: None, verdict: None };
    assert_figure("forecast", &forecast(&ForecastInput { claim: Some(&claim), verdict: Some(&verdict), ..alone }));
    let plan = fit.plan(Flops::new(8e13).unwrap(), None, LEVEL).unwrap();
    let planned = forecast(&ForecastInput { plan: Some(&plan), ..alone });
    assert!(numbers_of(&planned).contains(&format!(",{},{},", plan.flops.value, plan.new_run.value)));
}

#[test]
fn residuals_look_as_expected() {
    let runs = ladder();
    let fit = fitted(&runs);
    let figure = residuals(&runs, &fit);
    assert_figure("residuals", &figure);
    let run = &runs.kept[0];
    let off = run.loss.get() / fit.expected_loss_of(run).unwrap().get() - 1.0;
    assert_eq!(numbers_of(&figure).matches(&format!(",{off},")).count(), 3);
}

#[test]
fn reliability_looks_as_expected() {
    let fit = fitted(&ladder());
    assert_figure("reliability", &reliability(&record(&fit, 13, 2.0)));
    for (count, spread) in [(0, 1.0), (1, 1.0), (6, 1.0), (41, 0.5)] {
        assert_is_sound(&svg(&reliability(&record(&fit, count, spread)), &Page::default()));
    }
}

/// Every kind of mark, in four panels.
fn every_mark() -> Figure {
    let compute = || Axis::logarithmic("compute C, FLOP", Quantity::Compute);
    let loss = || Axis::linear("loss, nats per token", Quantity::Plain);
    let law = |flops: f64| 1.7 + 40.0 * flops.powf(-0.085);
    let flops = |step: i32| 1e17 * 10f64.powf(0.25 * f64::from(step));
    let curve = |from: i32, to: i32| (from..=to).map(|step| (flops(step), law(flops(step)))).collect::<Vec<_>>();
    let mut forecast = Panel { title: "Forecast".to_owned(), height: 260.0, ..Panel::new(compute(), loss()) };
    forecast.push(Mark::range("fitted to", Direction::Across, 1e17, 1e19).labelled(Label::beside(
        "fitted",
        0.0,
        Side::Below,
    )));
    for (level, wide) in [("90 %", 0.02), ("50 %", 0.008)] {
        let band = curve(8, 20)
            .into_iter()
            .enumerate()
            .map(|(step, (x, y))| (x, y - wide * step as f64, y + wide * step as f64));
        forecast.push(Mark::band(level, Color::Ramp(0.5), band.collect()));
    }
    forecast.push(Mark::line("law", Color::Ramp(0.5), curve(0, 20)).solid_within(1e17, 1e19).weighing(Weight::Bold));
    let run =
        |step: i32| Dot::at(flops(step), law(flops(step)) + 0.01 * f64::from(step % 3)).named(format!("run {step}"));
    forecast.push(Mark::dots("runs", Color::Ramp(0.5), Marker::Circle, (0..9).map(run).collect()));
    let dropped = Dot::at(2e18, 2.95).named("diverged: left out");
    forecast.push(Mark::dots("left out", Color::Muted, Marker::Square, vec![dropped]).open());
    let held = Dot::at(flops(20), law(flops(20)) + 0.03).labelled("+1.5 %").named("held out");
    forecast.push(Mark::dots("held out", Color::Ink, Marker::Star, vec![held]).sized(Size::Large));
    forecast.push(
        Mark::rule("floor", Color::Muted, Direction::Upwards, 1.75)
            .stretching(Extent::Nothing, Extent::All)
            .labelled(Label::after("floor")),
    );

    let size = || Axis::logarithmic("model size N, parameters", Quantity::Count);
    let tokens = Axis::logarithmic("training tokens D", Quantity::Count);
    let mut plane = Panel { title: "Plane".to_owned(), height: 260.0, ..Panel::new(size(), tokens) };
    for (index, ratio) in [5.0, 20.0, 100.0].into_iter().enumerate() {
        let line = Mark::line(
            format!("{ratio} tokens a parameter"),
            Color::class(index, 3),
            vec![(1e7, 1e7 * ratio), (1e10, 1e10 * ratio)],
        );
        plane.push(line.weighing(Weight::Thin).labelled(Label::on(ratio.to_string())));
    }
    plane.push(Mark::region("runs at hand", Color::Muted, vec![(1e7, 1e9), (3e7, 2e8), (4e8, 3e9), (1e8, 2e10)]));
    let model = |(name, params, tokens)| Dot::at(params, tokens).named(name).labelled(name);
    let known = [("<script>alert(1)", 7e9, 1e12), ("=HYPERLINK(1)", 1e9, 3e11)].map(model);
    plane.push(Mark::dots("known", Color::Muted, Marker::Circle, known.to_vec()).sized(Size::Small));
    let best = Dot::at(2e9, 4e10).across(1e9, 4e9).upwards(2e10, f64::INFINITY).named("best");
    plane.push(Mark::dots("best", Color::Ink, Marker::Tick, vec![best.clone()]).with_whiskers(Whisker::Bar));
    let published = Dot { x: 3e9, y: 2e10, ..best };
    plane.push(Mark::dots("published", Color::Accent, Marker::Cross, vec![published]).with_whiskers(Whisker::Capped));
    plane.push(Mark::words(Color::Accent, 5e8, 5e8, "never trained"));

    let names = |text: [&str; 3]| text.into_iter().enumerate().map(|(at, text)| (at as f64, text.to_owned())).collect();
    let budgets =
        Axis::linear("budget", Quantity::Compute).with_ticks(names(["1e17", "1e18", "1e19"])).exactly(-0.5, 2.5);
    let sizes = Axis::linear("size", Quantity::Count).with_ticks(names(["10M", "20M", "50M"])).exactly(-0.5, 2.5);
    let mut board = Panel { title: "Board".to_owned(), height: 150.0, ..Panel::new(budgets, sizes) };
    for (state, color, at) in
        [("done", Color::Ramp(0.2), 0), ("running", Color::Accent, 1), ("waiting for others", Color::Muted, 2)]
    {
        let cell = |row: i32| Cell {
            across: (f64::from(at) - 0.5, f64::from(at) + 0.5),
            upwards: (f64::from(row) - 0.5, f64::from(row) + 0.5),
            text: state.to_owned(),
            name: format!("{state} {row}"),
        };
        board.push(Mark::cells(state, color, (0..3).map(cell).collect()));
    }
    let cost = Axis::logarithmic("price", Quantity::Dollars);
    let mut share =
        Panel { title: "Share".to_owned(), height: 150.0, ..Panel::new(cost, Axis::linear("chance", Quantity::Share)) };
    let steps = |at: i32| (10f64.powi(at), 1.0 - 0.5f64.powi(at));
    share.push(
        Mark::line("chance", Color::class(0, 1), (0..9).map(steps).collect()).labelled(Label::after("chance of it")),
    );
    Figure {
        title: "Every mark".to_owned(),
        subtitle: "by hand".to_owned(),
        caption: "Not a measurement.".to_owned(),
        panels: vec![forecast, plane, board, share],
        columns: 2,
        width: 900.0,
    }
}

#[test]
fn every_mark_looks_as_expected() {
    let figure = every_mark();
    assert_figure("every-mark", &figure);
    let numbers = numbers_of(&figure);
    assert_looks_as_expected("every-mark.csv", &numbers);
    assert!(!numbers.contains(",=HYPERLINK") && !numbers.contains("NaN"), "{numbers}");
}

#[test]
fn odd_tables_give_sound_figures() {
    let published = Fit::from_published(published("besiroglu2024").unwrap());
    let ladder = ladder();
    let ladder_fit = fitted(&ladder);
    let (claim, missed) = big_run(&ladder_fit, 0.3);
    let models = isoflop::models::models().unwrap();
    let table = |text: &str| Runs::read(text.as_bytes(), "t", TableFormat::Csv, false).unwrap();
    let one = table("params,tokens,loss\n1e6,2e7,3\n");
    let equal = table("params,tokens,loss\n1e6,2e7,3\n2e6,1e7,3\n4e6,5e6,3\n1e6,2e8,3\n");
    let scattered: String = (0..80u32)
        .map(|i| {
            let (params, tokens) = (1e7 * 1.07f64.powf(f64::from(i)), 1e9 * 1.11f64.powf(f64::from(i * 37 % 80)));
            let loss = 1.8 + 480.0 / params.powf(0.35) + 2e3 / tokens.powf(0.36);
            format!("\"</title><script>{i}&\",{params},{tokens},{loss}\n")
        })
        .collect();
    let scattered = table(&format!("run,params,tokens,loss\n{scattered}"));
    let scattered_fit = fitted(&scattered);
    for (name, runs, fit) in [
        ("none", &Runs::default(), &published),
        ("one", &one, &published),
        ("equal", &equal, &published),
        ("elsewhere", &ladder, &published),
        ("missed", &ladder, &ladder_fit),
        ("scattered", &scattered, &scattered_fit),
    ] {
        for (claim, verdict) in
            [(None, None), (Some(&claim), None), (None, Some(&missed)), (Some(&claim), Some(&missed))]
        {
            let figure = valleys(&ValleysInput { runs, fit, level: LEVEL, claim, verdict });
            let input = ForecastInput { runs, fit, level: LEVEL, plan: None, claim, verdict };
            let plane = ContourInput { runs, fit, level: LEVEL, plan: None, models: &models };
            let ratio = RatiosInput { runs, fit, level: LEVEL, plan: None, models: &models };
            let others =
                [forecast(&input), residuals(runs, fit), contour(&plane), ratios(&ratio), panels(runs, fit, LEVEL)];
            for other in others.into_iter().chain(exponents(fit, LEVEL)) {
                assert_is_sound(&svg(&other, &Page::default()));
            }
            for (theme, _) in PAGES {
                let svg = svg(&figure, &Page { theme, width: None });
                assert_is_sound(&svg);
                // Every run has its mark, and a mark its name.
                assert_eq!(svg.matches(" tokens, loss ").count(), runs.kept.len());
            }
            assert!(!braille(&figure, 80, 20).contains("NaN"));
            look(&format!("odd-{name}-{}", usize::from(claim.is_some())), &figure);
        }
    }
}

#[test]
fn the_numbers_of_the_runs_are_read_back_to_the_last_bit() {
    let runs = ladder();
    let fit = fitted(&runs);
    let (claim, verdict) = big_run(&fit, -0.004);
    let input = ValleysInput { runs: &runs, fit: &fit, level: LEVEL, claim: Some(&claim), verdict: Some(&verdict) };
    let table = numbers_of(&valleys(&input));
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(table.as_bytes()).records().collect::<Result<_, _>>().unwrap();
    let number = |row: &csv::StringRecord, column: usize| row[column].parse::<f64>().unwrap().to_bits();
    for run in &runs.kept {
        let of_run = |row: &&csv::StringRecord| &row[2] == "dot" && row[9].starts_with(&format!("{}: ", run.name));
        let row = rows.iter().find(of_run).unwrap();
        let se = run.loss_se.unwrap();
        let wanted = [run.params.get(), run.loss.get(), run.loss.get() - se, run.loss.get() + se];
        assert_eq!([3, 4, 5, 6].map(|column| number(row, column)), wanted.map(f64::to_bits));
    }
    assert!(rows.iter().any(|row| &row[2] == "line") && rows.iter().any(|row| &row[2] == "dashed line"));
}
