//! `isoflop figure`: any figure by its name.

use anyhow::{Context, Result};
use isoflop::models::models;
use isoflop::{Fit, FitOptions, Plan, Runs, fit};
use isoflop_report::figure::{Figure, Page, Theme};
use isoflop_report::{
    ContourInput, ForecastInput, RatiosInput, ValleysInput, contour, exponents, forecast, panels, ratios, residuals,
    valleys,
};
use serde_json::json;

use super::fit::fit_of;
use super::plan::asked_plan;
use crate::arguments::{DrawingArguments, FigureKind, FigureKindArguments, FitFigure, PlannedFigure, RunsFigure};
use crate::figure::FigureOutput;
use crate::input::{self, Subject};
use crate::{Outcome, output};

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
    })
}

/// The runs of a figure, and their fit.
fn fitted(of: &RunsFigure) -> Result<(Runs, Fit)> {
    let runs = input::runs(&of.table)?;
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
