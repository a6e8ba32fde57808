//! `isoflop recipe`: what a recipe's widths count and how they are trained, or the recipe as TOML.

use anyhow::Result;
use isoflop_report::text::{RecipeSize, recipe_sizes};
use isoflop_train::{Recipe, Size};
use serde::Serialize;

use crate::arguments::RecipeArguments;
use crate::{Outcome, input, output};

/// Widths that are shown where none is asked for.
const SHOWN: usize = 12;

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    recipe: &'a Recipe,
    tokens_per_param: f64,
    sizes: &'a [RecipeSize],
}

pub(crate) fn run(arguments: &RecipeArguments) -> Result<Outcome> {
    let recipe = input::recipe(&arguments.recipe)?;
    if arguments.toml {
        output::print(&recipe.to_toml())?;
        return Ok(Outcome::Done);
    }
    let ratio = arguments.tokens_per_param;
    let widths =
        if arguments.width.is_empty() { recipe.widths().take(SHOWN).collect() } else { arguments.width.clone() };
    let sizes = widths.into_iter().map(|width| size(&recipe, width, ratio)).collect::<Result<Vec<_>>>()?;
    let answer = Answer { schema: "isoflop.recipe/1", recipe: &recipe, tokens_per_param: ratio, sizes: &sizes };
    let text = || recipe_sizes(&recipe.name, ratio, &sizes);
    output::print(&if arguments.json { serde_json::to_string(&answer)? } else { text() })?;
    Ok(Outcome::Done)
}

/// A width's counts and its run.
fn size(recipe: &Recipe, width: usize, tokens_per_param: f64) -> Result<RecipeSize> {
    recipe.check_width(width)?;
    let Size { architecture, params, forward_flops_per_token, optimizer_flops_per_step } = recipe.size(width);
    let run = recipe.run(architecture.clone(), recipe.tokens(width, tokens_per_param)?, 0, 1);
    Ok(RecipeSize {
        architecture,
        params,
        forward_flops_per_token,
        optimizer_flops_per_step,
        tokens: run.tokens()?.get(),
        steps: run.steps,
        batch_tokens: run.batch_tokens(),
        hidden_rate: run.optimizer.hidden_rate,
        embedding_rate: run.optimizer.embedding_rate,
        flops: run.flops().total(),
    })
}
