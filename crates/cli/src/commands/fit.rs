//! `isoflop fit`: runs to a law with intervals.

use std::path::Path;

use anyhow::{Result, bail};
use isoflop::fit::{Profile, Provenance};
use isoflop::{Fit, FitOptions, Method, Runs};
use isoflop_report::figure::Page;
use isoflop_report::figure_of_fit;

use crate::arguments::{FitArguments, ResamplingArgument, TableArguments, WeightArgument};
use crate::figure::FigureOutput;
use crate::output::{self, OutputFile};
use crate::{Outcome, input};

pub(crate) fn run(arguments: &FitArguments) -> Result<Outcome> {
    let file = arguments.output.as_deref().map(OutputFile::create).transpose()?;
    let figure = arguments.figure.output(arguments.answer.json)?;
    let runs = input::runs(&arguments.table)?;
    let options = FitOptions {
        method: method(arguments, &runs)?,
        draws: arguments.draws,
        resampling: arguments.resampling.into(),
        seed: arguments.seed,
        threads: arguments.threads,
        weights: arguments.weights.into(),
        keep_unfinished: arguments.keep_unfinished,
        ..FitOptions::default()
    };
    let fit = isoflop::fit(&runs, &options)?;
    let level = arguments.answer.level;
    let fit = match (&options.method, arguments.profile) {
        (_, false) => fit,
        (Method::Posterior(_), true) => {
            bail!("a profile is of the likelihood alone, and the default fit has beliefs; --profile needs --law NAME")
        }
        (Method::Plain { law, .. }, true) => {
            let target = arguments.params.zip(arguments.tokens);
            let (weights, threads) = (options.weights, arguments.threads);
            fit.with_profile(Profile::new(&runs, law.as_ref(), target, arguments.flops, weights, level, threads)?)
        }
    };
    let json = fit.to_json(level, &provenance());
    if let Some(file) = file {
        file.write(&json)?;
    }
    let draw = |figure: FigureOutput| figure.draw(&figure_of_fit(&runs, &fit, level), &Page::default());
    let drawn = figure.map(draw).transpose()?.unwrap_or_default();
    let text = if arguments.answer.json { json } else { isoflop_report::text::fit(&fit, level) };
    output::print(&(text + &drawn))?;
    Ok(Outcome::Done)
}

/// The fit at `path`, if it is of these `runs` of `table`; the default fit where none is named.
pub(crate) fn fit_of(runs: &Runs, table: &TableArguments, path: Option<&Path>) -> Result<Fit> {
    let Some(path) = path else { return Ok(isoflop::fit(runs, &FitOptions::default())?) };
    let fit = input::fit(path)?;
    if fit.fingerprint().is_some_and(|fitted| fitted != runs.fingerprint()) {
        bail!(
            "{}: was fitted to other runs than those of {}: give the same table and the same --where, or leave --fit out",
            path.display(),
            table.runs.display()
        );
    }
    Ok(fit)
}

/// The method that the arguments name, with their beliefs.
fn method(arguments: &FitArguments, runs: &Runs) -> Result<Method> {
    let method = Method::named(arguments.law.as_deref(), arguments.objective, runs)?;
    let Method::Posterior(prior) = method else { return Ok(method) };
    if matches!(arguments.weights, WeightArgument::Se) {
        bail!("the default fit learns how much runs scatter and weighs them by that; --weights se needs --law NAME");
    }
    if !matches!(arguments.resampling, ResamplingArgument::Auto) {
        bail!("the default fit samples a posterior and resamples nothing; --resampling needs --law NAME");
    }
    let prior = arguments.prior.iter().try_fold(prior, |prior, text| prior.adjusted(text))?;
    Ok(Method::Posterior(prior))
}

/// This version and this command line.
pub(crate) fn provenance() -> Provenance {
    Provenance { version: env!("CARGO_PKG_VERSION").to_owned(), command: output::command_line() }
}
