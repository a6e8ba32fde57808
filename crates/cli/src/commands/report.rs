//! `isoflop report`: runs, their law and a plan as one page; or how the claims of a record did, or how far a sweep is.

use std::path::Path;

use anyhow::Result;
use isoflop::models::models;
use isoflop::{Fit, FitOptions, Plan, Runs, fit};
use isoflop_report::story::{self, RecordStory, SweepStory, track_record};
use isoflop_report::{
    ContourInput, ForecastInput, RatiosInput, Reproduction, Story, ValleysInput, contour, envelope, exponents,
    forecast, panels, ratios, reliability, report, residuals, sweep_board, valleys,
};

use super::explorer;
use super::fit::{fit_of, provenance};
use super::plan::asked_plan;
use crate::arguments::{AnswerArguments, ReportArguments};
use crate::output;
use crate::pages::{DocumentFile, Named};
use crate::{Outcome, input, record, sweeps};

pub(crate) fn run(arguments: &ReportArguments) -> Result<Outcome> {
    let file = DocumentFile::at(&arguments.output)?;
    if record::is_record(&arguments.table.runs) {
        return of_record(&arguments.table.runs, &file, arguments.answer.json);
    }
    if arguments.table.runs.is_dir() {
        return of_sweep(&arguments.table.runs, &file, &arguments.answer);
    }
    let (runs, text) = input::runs_and_text(&arguments.table)?;
    let fit = fit_of(&runs, &arguments.table, arguments.fit.as_deref())?;
    let (level, question) = (arguments.answer.level, &arguments.question);
    let fit = input::under(fit, question.conditions.recipe.as_deref(), None)?;
    let plan = asked_plan(&fit, question, level)?;

    let drawn = figures(&runs, &fit, level, plan.as_ref())?;
    let provenance = provenance();
    let story = Story {
        subject: format!("Runs: {}", arguments.table.runs.display()),
        runs: &runs,
        fit: &fit,
        level,
        noise: None,
        plan: plan.as_ref(),
        claim: None,
        verdict: None,
        figures: file.figures(&drawn),
        reproduction: Reproduction { version: provenance.version, commands: vec![provenance.command] },
    };
    // Whoever reads Markdown has no page to explore in.
    let explorer = file.is_page().then(|| explorer::section(arguments, &text, &fit, plan.as_ref()));
    let section = explorer.as_ref().and_then(|section| section.as_ref().ok());
    output::print(&file.write(&report(&story), &drawn, section, arguments.answer.json)?)?;
    if let Some(Err(reason)) = &explorer {
        output::remark(&format!("{}: a page to be read only, for {reason}", arguments.output.display()));
    }
    Ok(Outcome::Done)
}

/// The page of a track record.
fn of_record(folder: &Path, file: &DocumentFile, json: bool) -> Result<Outcome> {
    let record = record::track_record(&[folder.to_owned()])?;
    let drawn: Vec<Named> = vec![("reliability", reliability(&record))];
    let provenance = provenance();
    let story = RecordStory {
        subject: format!("Record: {}", folder.display()),
        record: &record,
        figures: file.figures(&drawn),
        reproduction: Reproduction { version: provenance.version, commands: vec![provenance.command] },
    };
    output::print(&file.write(&track_record(&story), &drawn, None, json)?)?;
    Ok(Outcome::Done)
}

/// The page of a sweep, finished or not.
fn of_sweep(folder: &Path, file: &DocumentFile, answer: &AnswerArguments) -> Result<Outcome> {
    let sweep = sweeps::open(folder)?;
    let runs = sweeps::runs(&sweep)?;
    let fit = sweeps::results(&sweep).and_then(|results| Ok(fit(&results, &FitOptions::default())?));
    let curves = envelope(&sweeps::curves(&sweep)?);
    let board = sweep_board(sweep.question(), &runs, fit.as_ref().ok());
    let drawn: Vec<Named> = [("board", Some(board)), ("envelope", curves)]
        .into_iter()
        .filter_map(|(name, figure)| Some((name, figure?)))
        .collect();
    let provenance = provenance();
    let place = sweep.dir().display();
    let story = SweepStory {
        question: sweep.question().to_owned(),
        subject: format!("Sweep: {place}; recipe {}, text {}", sweep.recipe(), sweep.corpus().name),
        runs: &runs,
        fit: fit.as_ref().map_err(|error| format!("{error:#}")),
        level: answer.level,
        figures: file.figures(&drawn),
        reproduction: Reproduction { version: provenance.version, commands: vec![provenance.command] },
    };
    output::print(&file.write(&story::sweep(&story), &drawn, None, answer.json)?)?;
    Ok(Outcome::Done)
}

/// The figures of a page, with their names: what was trained, what the law makes of it, how far that goes, and what speaks against it.
fn figures(runs: &Runs, fit: &Fit, level: f64, plan: Option<&Plan>) -> Result<Vec<Named>> {
    let models = models()?;
    let models = models.as_slice();
    let drawn = [
        ("valleys", Some(valleys(&ValleysInput { runs, fit, level, claim: None, verdict: None }))),
        ("contour", Some(contour(&ContourInput { runs, fit, level, plan, models }))),
        ("panels", Some(panels(runs, fit, level))),
        ("forecast", Some(forecast(&ForecastInput { runs, fit, level, plan, claim: None, verdict: None }))),
        ("ratios", Some(ratios(&RatiosInput { runs, fit, level, plan, models }))),
        ("exponents", exponents(fit, level)),
        ("residuals", Some(residuals(runs, fit))),
    ];
    Ok(drawn.into_iter().filter_map(|(name, figure)| Some((name, figure?))).collect())
}
