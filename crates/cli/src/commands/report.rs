//! `isoflop report`: runs, their law and a plan as one page.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Result, bail};
use isoflop::{Fit, Plan, Runs};
use isoflop_report::figure::{Figure, Page, Theme};
use isoflop_report::{
    FigureFile, ForecastInput, Reproduction, Story, ValleysInput, forecast, page, report, residuals, svg, valleys,
};
use serde_json::json;

use super::fit::{fit_of, provenance};
use super::plan::asked_plan;
use crate::arguments::ReportArguments;
use crate::output;
use crate::{Outcome, input};

/// Width of a figure on a telephone, pixels.
const NARROW: f64 = 360.0;

pub(crate) fn run(arguments: &ReportArguments) -> Result<Outcome> {
    let format = Format::of(&arguments.output)?;
    let runs = input::runs(&arguments.table)?;
    let fit = fit_of(&runs, &arguments.table, arguments.fit.as_deref())?;
    let (level, question) = (arguments.answer.level, &arguments.question);
    let fit = input::under(fit, question.conditions.recipe.as_deref(), None)?;
    let plan = asked_plan(&fit, question, level)?;

    let drawn = figures(&runs, &fit, level, plan.as_ref());
    let stem = arguments.output.file_stem().unwrap_or_default().to_string_lossy();
    let held = |figure: &Figure, width: Option<f64>| {
        matches!(format, Format::Html).then(|| svg(figure, &Page { theme: Theme::Adaptive, width }))
    };
    let file = |(name, figure): &(&str, Figure)| FigureFile {
        light: format!("{stem}-{name}.svg"),
        dark: Some(format!("{stem}-{name}-dark.svg")),
        svg: held(figure, None),
        narrow_svg: held(figure, Some(NARROW)),
        description: figure.title.clone(),
    };
    let files: Vec<FigureFile> = drawn.iter().map(file).collect();
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
        figures: files.clone(),
        reproduction: Reproduction { version: provenance.version, commands: vec![provenance.command] },
    };
    let document = report(&story);
    let mut written = vec![arguments.output.clone()];
    match format {
        Format::Html => output::write(&arguments.output, &page(&document))?,
        Format::Markdown => {
            for ((_, figure), file) in drawn.iter().zip(&files) {
                for (theme, name) in [(Theme::Light, Some(&file.light)), (Theme::Dark, file.dark.as_ref())] {
                    let Some(name) = name else { continue };
                    let path = arguments.output.with_file_name(name);
                    output::write(&path, &svg(figure, &Page { theme, width: None }))?;
                    written.push(path);
                }
            }
            output::write(&arguments.output, &document.to_markdown())?;
        }
    }
    let names: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    output::print(&if arguments.answer.json { json!({ "written": names }).to_string() } else { names.join("\n") })?;
    Ok(Outcome::Done)
}

/// The figures of a page, with their names.
fn figures(runs: &Runs, fit: &Fit, level: f64, plan: Option<&Plan>) -> Vec<(&'static str, Figure)> {
    let valleys = valleys(&ValleysInput { runs, fit, level, claim: None, verdict: None });
    let forecast = forecast(&ForecastInput { runs, fit, level, plan, claim: None, verdict: None });
    vec![("valleys", valleys), ("forecast", forecast), ("residuals", residuals(runs, fit))]
}

/// What the name of a page says that it is.
#[derive(Clone, Copy)]
enum Format {
    Html,
    Markdown,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(OsStr::to_str) {
            Some("html" | "htm") => Ok(Self::Html),
            Some("md") => Ok(Self::Markdown),
            _ => bail!("{}: a report ends in .html (one page with everything in it) or .md", path.display()),
        }
    }
}
