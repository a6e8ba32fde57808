//! `isoflop compare`: recipes on their runs, or two well-known models under one law.

use std::path::Path;

use anyhow::{Result, bail};
use isoflop::models::{Comparison, model};
use isoflop::recipes::{RecipeOptions, compare_recipes};
use serde::Serialize;

use crate::arguments::CompareArguments;
use crate::{Outcome, input, output};

/// What `--json` prints of two models.
#[derive(Serialize)]
struct Answer {
    schema: &'static str,
    law: String,
    #[serde(flatten)]
    comparison: Comparison,
}

pub(crate) fn run(arguments: &CompareArguments) -> Result<Outcome> {
    match (&arguments.by, &arguments.second) {
        (Some(column), _) => recipes(column, arguments),
        (None, Some(second)) => models(second, arguments),
        (None, None) => bail!("say what to compare: RUNS --by recipe, or two models such as gopher chinchilla"),
    }
}

fn recipes(column: &str, arguments: &CompareArguments) -> Result<Outcome> {
    let runs = input::table(Path::new(&arguments.first), &arguments.filters, arguments.skip_bad_rows)?;
    let options = RecipeOptions {
        column: column.to_owned(),
        flops: arguments.flops,
        costs: arguments.cost.iter().map(|cost| (cost.recipe.clone(), cost.cost)).collect(),
        draws: arguments.draws,
        level: arguments.answer.level,
        seed: arguments.seed,
        threads: arguments.threads,
    };
    let compared = compare_recipes(&runs, &options)?;
    let text = if arguments.answer.json {
        serde_json::to_string(&compared)?
    } else {
        isoflop_report::text::recipes(&compared)
    };
    output::print(&text)?;
    Ok(Outcome::Done)
}

fn models(second: &str, arguments: &CompareArguments) -> Result<Outcome> {
    if Path::new(&arguments.first).is_file() {
        bail!("{}: a table of runs is compared by a column: add --by recipe", arguments.first);
    }
    let (first, second) = (model(&arguments.first)?, model(second)?);
    let fit = input::fit(&arguments.law)?;
    let comparison = Comparison::new(&fit, first, second, arguments.answer.level)?;
    let law = arguments.law.display().to_string();
    if arguments.answer.json {
        output::print(&serde_json::to_string(&Answer { schema: "isoflop.compare/1", law, comparison })?)?;
    } else {
        output::print(&isoflop_report::text::comparison(&law, &comparison))?;
    }
    Ok(Outcome::Done)
}
