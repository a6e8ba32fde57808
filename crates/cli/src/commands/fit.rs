//! `isoflop fit`: runs to a law with intervals.

use anyhow::Result;
use isoflop::FitOptions;
use isoflop::fit::Provenance;

use crate::arguments::FitArguments;
use crate::output::{self, OutputFile};
use crate::{Outcome, input};

pub(crate) fn run(arguments: &FitArguments) -> Result<Outcome> {
    let file = arguments.output.as_deref().map(OutputFile::create).transpose()?;
    let runs = input::runs(&arguments.table)?;
    let options = FitOptions {
        objective: arguments.objective,
        floor: arguments.floor_share,
        draws: arguments.draws,
        seed: arguments.seed,
        threads: arguments.threads,
    };
    let fit = isoflop::fit(&runs, &options)?;

    let level = arguments.answer.level;
    let json = fit.to_json(level, &provenance());
    if let Some(file) = file {
        file.write(&json)?;
    }
    output::print(&if arguments.answer.json { json } else { isoflop_report::text::fit(&fit, level) })?;
    Ok(Outcome::Done)
}

/// This version and this command line.
pub(crate) fn provenance() -> Provenance {
    Provenance { version: env!("CARGO_PKG_VERSION").to_owned(), command: output::command_line() }
}
