//! `isoflop figure`: any figure by its name.

use anyhow::{Context, Result, bail};
use isoflop::backtest::{BacktestOptions, Cut, backtest};
use isoflop::models::models;
use isoflop::recipes::{RecipeOptions, TABLE_COLUMN, compare_recipes};
use isoflop::{Fit, FitOptions, Plan, Runs, fit};
use isoflop_report::figure::{Figure, Page, Theme};
use isoflop_report::{
    ContourInput, ForecastInput, RatiosInput, TrainingCurve, ValleysInput, basins, contour, envelope, exponents,
    forecast, gain, panels, pareto, ratios, reliability, residuals, rollout, sweep_board, transfer, valleys,
};
use serde_json::json;

use super::backtest::candidate;
use super::compare;
use super::fit::fit_of;
use super::plan::{asked_plan, request};
use crate::arguments::{
    BoardFigure, DrawingArguments, EnvelopeFigure, FigureKind, FigureKindArguments, FitFigure, GainFigure,
    ParetoFigure, PlannedFigure, RolloutFigure, RunsFigure, TableArguments,
};
use crate::figure::FigureOutput;
use crate::input::{self, Subject};
use crate::watch::Watch;
use crate::{Outcome, output, record, sweeps};

pub(crate) fn run(arguments: &FigureKindArguments) -> Result<Outcome> {
    let drawing = drawing(&arguments.kind);
    let target = FigureOutput::create(&drawing.output, drawing.json)?;
    let figure = figure(&arguments.kind)?;
    let theme = if drawing.dark { Theme::Dark } else { Theme::Light };
    let drawn = target.draw(&figure, &Page { theme, width: drawing.width.map(f64::from) })?;
    let file = drawing.output.display().to_string();
    output::print(&match (drawing.json, drawn.trim_start_matches('\n')) {
        (true, _) => {
            let Figure { title, subtitle, caption, .. } = &figure;
            json!({ "written": file, "title": title, "subtitle": subtitle, "caption": caption }).to_string()
        }
        (false, "") => file,
        (false, letters) => letters.to_owned(),
    })?;
    Ok(Outcome::Done)
}

fn drawing(kind: &FigureKind) -> &DrawingArguments {
    match kind {
        FigureKind::Valleys(of) | FigureKind::Panels(of) | FigureKind::Residuals(of) => &of.drawing,
        FigureKind::Contour(planned) | FigureKind::Ratios(planned) | FigureKind::Forecast(planned) => {
            &planned.of.drawing
        }
        FigureKind::Exponents(of) => &of.drawing,
        FigureKind::Rollout(of) => &of.drawing,
        FigureKind::Pareto(of) => &of.drawing,
        FigureKind::Gain(of) => &of.drawing,
        FigureKind::Board(of) => &of.drawing,
        FigureKind::Envelope(of) => &of.drawing,
        FigureKind::Basins(of) | FigureKind::Transfer(of) => &of.drawing,
        FigureKind::Reliability(of) => &of.drawing,
    }
}

fn figure(kind: &FigureKind) -> Result<Figure> {
    Ok(match kind {
        FigureKind::Valleys(of) => {
            let (runs, fit) = fitted(of)?;
            valleys(&ValleysInput { runs: &runs, fit: &fit, level: of.level, claim: None, verdict: None })
        }
        FigureKind::Contour(of) => {
            let (runs, fit, plan) = planned(of)?;
            let (plan, models) = (plan.as_ref(), &models()?);
            contour(&ContourInput { runs: &runs, fit: &fit, level: of.of.level, plan, models })
        }
        FigureKind::Panels(of) => {
            let (runs, fit) = fitted(of)?;
            panels(&runs, &fit, of.level)
        }
        FigureKind::Ratios(of) => {
            let (runs, fit, plan) = planned(of)?;
            let (plan, models) = (plan.as_ref(), &models()?);
            ratios(&RatiosInput { runs: &runs, fit: &fit, level: of.of.level, plan, models })
        }
        FigureKind::Forecast(of) => {
            let (runs, fit, plan) = planned(of)?;
            let plan = plan.as_ref();
            forecast(&ForecastInput { runs: &runs, fit: &fit, level: of.of.level, plan, claim: None, verdict: None })
        }
        FigureKind::Residuals(of) => {
            let (runs, fit) = fitted(of)?;
            residuals(&runs, &fit)
        }
        FigureKind::Exponents(of) => exponents_of(of)?,
        FigureKind::Rollout(of) => rollout_of(of)?,
        FigureKind::Pareto(of) => pareto_of(of)?,
        FigureKind::Gain(of) => gain_of(of)?,
        FigureKind::Board(of) => board_of(of)?,
        FigureKind::Envelope(of) => envelope_of(of)?,
        FigureKind::Basins(of) => basins(&sweeps::tuned_surface(&of.folder)?, of.level),
        FigureKind::Transfer(of) => transfer(&sweeps::tuned_surface(&of.folder)?),
        FigureKind::Reliability(of) => reliability(&record::track_record(&of.record)?),
    })
}

/// The runs of a figure, and their fit.
fn fitted(of: &RunsFigure) -> Result<(Runs, Fit)> {
    let TableArguments { runs: path, filters, skip_bad_rows } = &of.table;
    let runs = match input::subject(path, filters, *skip_bad_rows)? {
        Subject::Runs(runs) => runs,
        Subject::Fit(_) => {
            let name = path.display();
            bail!("{name}: is a fit, and this figure shows runs: give their table, with --fit {name} for the law")
        }
    };
    let fit = fit_of(&runs, &of.table, of.fit.as_deref())?;
    Ok((runs, fit))
}

/// The same with what is planned, if anything is.
fn planned(of: &PlannedFigure) -> Result<(Runs, Fit, Option<Plan>)> {
    let (runs, fit) = fitted(&of.of)?;
    let fit = input::under(fit, of.question.conditions.recipe.as_deref(), None)?;
    let plan = asked_plan(&fit, &of.question, of.of.level)?;
    Ok((runs, fit, plan))
}

fn exponents_of(of: &FitFigure) -> Result<Figure> {
    let fit = match input::subject(&of.input, &of.filters, false)? {
        Subject::Fit(fit) => *fit,
        Subject::Runs(runs) => fit(&runs, &FitOptions::default())?,
    };
    exponents(&fit, of.level).with_context(|| {
        format!(
            "{} has no two of alpha, beta, E, a and gamma to show in a pair: give a fit of a law that has, such as hoffmann",
            fit.law().name()
        )
    })
}

/// Cuts of a roll-out.
const CUTS: usize = 8;

fn rollout_of(of: &RolloutFigure) -> Result<Figure> {
    let runs = input::runs(&of.table)?;
    let options = BacktestOptions {
        candidates: of.law.iter().map(|name| candidate(name, &runs)).collect::<Result<_>>()?,
        cuts: Cut::below_the_top(&runs, CUTS)?,
        draws: of.draws,
        level: of.level,
        seed: of.seed,
        ..BacktestOptions::default()
    };
    let watch = Watch::new(of.drawing.json);
    watch.stage("roll-out");
    let tested = backtest(&runs, &options, &|done, all| watch.share(done as f64, all as f64));
    watch.finish();
    rollout(&tested?).context("no law forecast a run of the largest budget: name another with --law")
}

/// Sizes along the line of one loss.
const SIZES: usize = 241;

fn pareto_of(of: &ParetoFigure) -> Result<Figure> {
    let fit = input::under(input::fit(&of.fit)?, of.question.conditions.recipe.as_deref(), None)?;
    let problem = request(&of.question).problem()?;
    let plan = fit.solve(&problem, of.level)?;
    let trade = fit.trade(&problem, &plan, SIZES)?;
    pareto(&plan, &trade).context("no other size comes to the loss of the plan: widen its limits")
}

fn gain_of(of: &GainFigure) -> Result<Figure> {
    let runs = compare::runs_of(&of.compared, &of.filters, false)?;
    let column = match (&of.by, of.compared.as_slice()) {
        (Some(column), [_]) => column,
        (None, [_, _, ..]) => TABLE_COLUMN,
        (Some(column), _) => bail!("--by {column} compares within one table: give one, or leave --by out"),
        (None, _) => bail!("name a second table of runs, or compare within this one by a column: --by recipe"),
    };
    let options =
        RecipeOptions { column: column.to_owned(), draws: of.draws, level: of.level, ..RecipeOptions::default() };
    Ok(gain(&compare_recipes(&runs, &options)?))
}

fn board_of(of: &BoardFigure) -> Result<Figure> {
    let sweep = sweeps::open(&of.sweep)?;
    let fit = match &of.fit {
        Some(path) => Some(input::fit(path)?),
        // A sweep that has only begun has no law yet.
        None => sweeps::results(&sweep).ok().and_then(|runs| fit(&runs, &FitOptions::default()).ok()),
    };
    Ok(sweep_board(sweep.question(), &sweeps::runs(&sweep)?, fit.as_ref()))
}

fn envelope_of(of: &EnvelopeFigure) -> Result<Figure> {
    let curves = match of.input.is_dir() {
        true => sweeps::curves(&sweeps::open(&of.input)?)?,
        false => {
            TrainingCurve::of_checkpoints(&input::table(&of.input, &of.filters, false)?, &of.by).with_context(|| {
                format!(
                    "{}: not every row has the column `{}` to tell runs apart by: name another with --by",
                    of.input.display(),
                    of.by
                )
            })?
        }
    };
    envelope(&curves).with_context(|| {
        format!("{}: no run has two points of its training: give a sweep that has begun, or a table with a row for each checkpoint", of.input.display())
    })
}
