//! `isoflop report`: runs, their law and a plan as one page.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Result, bail};
use isoflop::{Fit, FitOptions, Runs, fit};
use isoflop_report::figure::{Page, Theme};
use isoflop_report::{FigureFile, Reproduction, Story, ValleysInput, page, report, svg, valleys};
use serde_json::json;

use super::fit::provenance;
use super::plan::request;
use crate::arguments::ReportArguments;
use crate::output;
use crate::{Outcome, input};

pub(crate) fn run(arguments: &ReportArguments) -> Result<Outcome> {
    let format = Format::of(&arguments.output)?;
    let runs = input::runs(&arguments.table)?;
    let fit = the_fit(arguments, &runs)?;
    let level = arguments.answer.level;
    let question = &arguments.question;
    let asked = question.is_asked().then(|| fit.answer(&request(question), level)).transpose()?;
    let plan = asked.map(|plan| plan.with_blueprint(&question.shape.given()));

    let curves = valleys(&ValleysInput { runs: &runs, fit: &fit, level, claim: None, verdict: None });
    let drawing = |theme| svg(&curves, &Page { theme, width: None });
    let stem = arguments.output.file_stem().unwrap_or_default().to_string_lossy();
    let file = |theme: &str| format!("{stem}-valleys{theme}.svg");
    let figure = FigureFile {
        light: file(""),
        dark: Some(file("-dark")),
        svg: matches!(format, Format::Html).then(|| drawing(Theme::Adaptive)),
        description: "Loss against model size, one curve per training budget".to_owned(),
    };
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
        figures: vec![figure.clone()],
        reproduction: Reproduction { version: provenance.version, commands: vec![provenance.command] },
    };
    let document = report(&story);
    let mut written = vec![arguments.output.clone()];
    match format {
        Format::Html => output::write(&arguments.output, &page(&document))?,
        Format::Markdown => {
            for (theme, name) in [(Theme::Light, Some(&figure.light)), (Theme::Dark, figure.dark.as_ref())] {
                let Some(name) = name else { continue };
                let path = arguments.output.with_file_name(name);
                output::write(&path, &drawing(theme))?;
                written.push(path);
            }
            output::write(&arguments.output, &document.to_markdown())?;
        }
    }
    let names: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    output::print(&if arguments.answer.json { json!({ "written": names }).to_string() } else { names.join("\n") })?;
    Ok(Outcome::Done)
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

/// The fit that the arguments name, if it is of these runs; else the default fit.
fn the_fit(arguments: &ReportArguments, runs: &Runs) -> Result<Fit> {
    let fit = match &arguments.fit {
        None => fit(runs, &FitOptions::default())?,
        Some(path) => {
            let fit = input::fit(path)?;
            if fit.fingerprint().is_some_and(|fitted| fitted != runs.fingerprint()) {
                bail!(
                    "{}: was fitted to other runs than those of {}: give the same table and the same --where, or leave --fit out",
                    path.display(),
                    arguments.table.runs.display()
                );
            }
            fit
        }
    };
    Ok(input::under(fit, arguments.question.conditions.recipe.as_deref(), None)?)
}
