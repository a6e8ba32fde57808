//! `isoflop compare`: recipes on their runs, or two well-known models under one law.

use std::path::Path;

use anyhow::{Result, bail};
use isoflop::models::{Comparison, model};
use isoflop::recipes::{RecipeOptions, TABLE_COLUMN, compare_recipes, runs_of_tables};
use isoflop::{Filter, Runs};
use isoflop_report::figure::Page;
use isoflop_report::gain;
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
    // What looks like a file was meant as one, though none may be there; names of models have dots, but no such endings.
    let looks_like_a_file =
        |name: &str| [".csv", ".json", ".jsonl", ".ndjson"].iter().any(|ending| name.ends_with(ending));
    let is_table =
        |name: &str| name == "-" || Path::new(name).exists() || name.contains('/') || looks_like_a_file(name);
    let named = |keep: bool| -> Vec<&String> {
        arguments.compared.iter().filter(|name| (is_table(name) || arguments.by.is_some()) == keep).collect()
    };
    match (named(true).as_slice(), named(false).as_slice(), &arguments.by) {
        ([_], [], Some(column)) => recipes(column, arguments),
        (_, _, Some(column)) => {
            bail!("--by {column} compares within one table: give one, or leave --by out to compare the tables")
        }
        ([table], [], None) => {
            bail!("{table}: name a second table of runs, or compare within this one by a column: --by recipe")
        }
        (_, [], None) => recipes(TABLE_COLUMN, arguments),
        ([], [first, second], None) => models(first, second, arguments),
        ([], names, None) => bail!(
            "models are compared in twos, such as gopher chinchilla, and {} named; `isoflop models --law besiroglu2024` ranks all",
            if names.len() == 1 { "one is".to_owned() } else { format!("{} are", names.len()) }
        ),
        ([table, ..], [model, ..], None) => bail!(
            "{table} is a table of runs and {model} is no file, so the name of a model: compare tables with tables (a model is one run, and has no gain over compute), or models with models"
        ),
    }
}

/// The runs of several tables, each called by its file's name, or by its path where two have one name; those of one table as they are.
pub(crate) fn runs_of(tables: &[String], filters: &[Filter], skip_bad_rows: bool) -> Result<Runs> {
    let read = |table: &str| input::table(Path::new(table), filters, skip_bad_rows);
    if let [table] = tables {
        return read(table);
    }
    let stem = |table: &str| {
        Path::new(table).file_stem().map_or_else(|| table.into(), |stem| stem.to_string_lossy().into_owned())
    };
    let named = |table: &String| {
        let shared = tables.iter().filter(|other| stem(other) == stem(table)).count() > 1;
        Ok((if shared { table.clone() } else { stem(table) }, read(table)?))
    };
    Ok(runs_of_tables(tables.iter().map(named).collect::<Result<_>>()?)?)
}

fn recipes(column: &str, arguments: &CompareArguments) -> Result<Outcome> {
    if arguments.law.is_some() {
        bail!("--law judges models; recipes are compared on their own runs: leave it out");
    }
    let runs = runs_of(&arguments.compared, &arguments.filters, arguments.skip_bad_rows)?;
    let figure = arguments.figure.output(arguments.answer.json)?;
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
    let drawn = figure.map(|figure| figure.draw(&gain(&compared), &Page::default())).transpose()?.unwrap_or_default();
    let text = if arguments.answer.json {
        serde_json::to_string(&compared)?
    } else {
        isoflop_report::text::recipes(&compared)
    };
    output::print(&(text + &drawn))?;
    Ok(Outcome::Done)
}

fn models(first: &str, second: &str, arguments: &CompareArguments) -> Result<Outcome> {
    let of_recipes = [
        ("--where", !arguments.filters.is_empty()),
        ("--skip-bad-rows", arguments.skip_bad_rows),
        ("--flops", arguments.flops.is_some()),
        ("--cost", !arguments.cost.is_empty()),
        ("--figure", arguments.figure.figure.is_some()),
    ];
    if let Some((flag, _)) = of_recipes.iter().find(|(_, given)| *given) {
        bail!(
            "{flag} is for recipes, and {first} and {second} are no files, so names of models: leave it out, or give tables"
        );
    }
    let (first, second) = (model(first)?, model(second)?);
    let law = arguments.law.as_deref().unwrap_or(Path::new("besiroglu2024"));
    let comparison = Comparison::new(&input::fit(law)?, first, second, arguments.answer.level)?;
    let law = law.display().to_string();
    if arguments.answer.json {
        output::print(&serde_json::to_string(&Answer { schema: "isoflop.compare/1", law, comparison })?)?;
    } else {
        output::print(&isoflop_report::text::comparison(&law, &comparison))?;
    }
    Ok(Outcome::Done)
}
