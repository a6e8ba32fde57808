//! `isoflop fit`: runs to a law with intervals.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use isoflop::fit::{Profile, Provenance, recipes};
use isoflop::{Fit, FitOptions, Law, Method, Prior, Runs, law};

use crate::arguments::{FitArguments, ResamplingArgument, TableArguments, WeightArgument};
use crate::output::{self, OutputFile};
use crate::{Outcome, input};

pub(crate) fn run(arguments: &FitArguments) -> Result<Outcome> {
    let file = arguments.output.as_deref().map(OutputFile::create).transpose()?;
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
    output::print(&if arguments.answer.json { json } else { isoflop_report::text::fit(&fit, level) })?;
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

/// The posterior, unless a law or an objective asks for a plain fit.
fn method(arguments: &FitArguments, runs: &Runs) -> Result<Method> {
    if arguments.law.is_none() && arguments.objective.is_none() {
        if matches!(arguments.weights, WeightArgument::Se) {
            bail!(
                "the default fit learns how much runs scatter and weighs them by that; --weights se needs --law NAME"
            );
        }
        if !matches!(arguments.resampling, ResamplingArgument::Auto) {
            bail!("the default fit samples a posterior and resamples nothing; --resampling needs --law NAME");
        }
        let prior = arguments.prior.iter().try_fold(Prior::default(), |prior, text| prior.adjusted(text))?;
        return Ok(Method::Posterior(prior));
    }
    let name = arguments.law.as_deref().unwrap_or("hoffmann");
    Ok(Method::Plain { law: law(name, runs)?, objective: arguments.objective.unwrap_or_default() })
}

/// The law called `name`, for the recipes of `runs`.
pub(crate) fn law(name: &str, runs: &Runs) -> Result<Arc<dyn Law>> {
    law::by_name(name, &recipes(runs)).with_context(|| {
        let names: Vec<&str> = law::all().iter().map(|law| law.name()).collect();
        format!("there is no law called `{name}`; there are {}", names.join(", "))
    })
}

/// This version and this command line.
pub(crate) fn provenance() -> Provenance {
    Provenance { version: env!("CARGO_PKG_VERSION").to_owned(), command: output::command_line() }
}
