//! A design as the report shows it.

use anyhow::{Context, Result};
use isoflop::law::published;
use isoflop::{Fit, Params, Tokens};
use isoflop_report::text::{LabPlan, PlannedRecipe, PlannedRun, PlannedSpeed};
use isoflop_sweep::{CellPlan, Design, DesignedLadder, Throughput};

use super::FIT_SECONDS;
use super::notebook::Notebook;

/// The law whose doubt says what a first ladder would teach.
const BELIEF: &str = "besiroglu2024";

/// What is going to be trained.
pub(super) fn plan(notebook: &Notebook, design: &Design, text: &str, level: f64) -> Result<LabPlan> {
    let idle = notebook.preparation.unwrap_or(0.0) + FIT_SECONDS * design.ladders.len() as f64;
    let recipes = design.ladders.iter().zip(&notebook.speeds);
    Ok(LabPlan {
        schema: "isoflop.lab-plan/1",
        text: text.to_owned(),
        given_seconds: notebook.question.seconds,
        expected_seconds: design.seconds + idle,
        cores: notebook.speeds.iter().map(|machine| machine.cores).max().unwrap_or(1),
        recipes: recipes.map(|(ladder, machine)| recipe(ladder, machine, level)).collect::<Result<_>>()?,
        text_limit: design.text_limit,
        level,
    })
}

fn recipe(ladder: &DesignedLadder, machine: &Throughput, level: f64) -> Result<PlannedRecipe> {
    let cells = ladder.cells.iter().zip(&ladder.cell_seconds);
    let runs = cells.map(|(cell, seconds)| run(cell, *seconds)).collect::<Result<Vec<_>>>()?;
    let validation = run(&ladder.validation, ladder.validation_seconds)?;
    let flops = ladder.validation.budget.context("a validation run has a budget")?;
    let belief = Fit::published_in_doubt(published(BELIEF).context("a published law")?, flops)?;
    let setting = |run: &PlannedRun| Ok::<_, isoflop::UnitError>((Params::new(run.params)?, Tokens::new(run.tokens)?));
    let settings = runs.iter().map(setting).collect::<Result<Vec<_>, _>>()?;
    let (params, tokens) = setting(&validation)?;
    let half_width = belief.taught_by(&settings, params, tokens).map(|taught| taught.half_width(level));
    Ok(PlannedRecipe {
        name: ladder.ladder.recipe.name.clone(),
        speeds: machine
            .speeds
            .iter()
            .map(|speed| PlannedSpeed {
                flops_per_token: speed.flops_per_token,
                tokens_per_second: speed.tokens_per_second,
            })
            .collect(),
        together: machine.together,
        runs,
        validation,
        half_width: half_width.map(|half| (half.before, half.after)),
    })
}

fn run(cell: &CellPlan, seconds: f64) -> Result<PlannedRun> {
    let params = cell.spec.architecture.param_groups().count(isoflop::counting::ParamCounting::Total) as f64;
    let tokens = cell.spec.tokens()?;
    let flops = isoflop::counting::training_flops(Params::new(params)?, tokens)?;
    Ok(PlannedRun {
        name: cell.tag.clone(),
        flops: flops.get(),
        params,
        tokens: tokens.get(),
        seconds,
        seed: cell.spec.seed,
    })
}
