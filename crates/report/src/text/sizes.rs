//! A recipe's widths for people: what each counts, group by group, and how it is trained.

use isoflop::counting::{Architecture, FlopGroups, ParamCounting, ParamGroups};
use serde::Serialize;

use super::Page;
use crate::escape;
use crate::numbers;
use crate::table::{Align, Table};

/// One width of a recipe, and its run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecipeSize {
    /// The model.
    pub architecture: Architecture,
    /// Its parameters.
    pub params: ParamGroups,
    /// Its forward FLOP per token.
    pub forward_flops_per_token: FlopGroups,
    /// FLOP of the optimizer's matrix products in a step.
    pub optimizer_flops_per_step: f64,
    /// Tokens it is trained on.
    pub tokens: f64,
    /// Optimizer steps.
    pub steps: u64,
    /// Tokens in a batch.
    pub batch_tokens: f64,
    /// Peak learning rate of the hidden matrices.
    pub hidden_rate: f64,
    /// Peak learning rate of embedding, head and gains.
    pub embedding_rate: f64,
    /// Training FLOP of the run, those of the optimizer included.
    pub flops: f64,
}

/// The widths of the recipe called `name`: parameters, FLOP and runs, each in a table; runs are on `tokens_per_param` for each parameter.
pub fn recipe_sizes(name: &str, tokens_per_param: f64, sizes: &[RecipeSize]) -> String {
    let mut page = Page::default();
    let params = |size: &RecipeSize| numbers::count(size.params.count(ParamCounting::Total) as f64);
    let name = escape::shorten(name, 40);
    page.answer(&match sizes {
        [] => format!("{name}: no width was asked for"),
        [one] => format!("{name}, width {}: {} parameters", one.architecture.width, params(one)),
        [first, .., last] => format!(
            "{name}, widths {} to {}: {} to {} parameters",
            first.architecture.width,
            last.architecture.width,
            params(first),
            params(last)
        ),
    });
    page.table(&params_table(sizes));
    page.table(&flops_table(sizes));
    page.table(&runs_table(sizes));
    let ratio = numbers::general(tokens_per_param, 3);
    let mut facts = vec![
        ("FLOP/token", "forward pass alone, at the full context; training takes three times as many".to_owned()),
        ("optimizer", "FLOP of its matrix products in a step; AdamW has none".to_owned()),
        ("tokens", format!("{ratio} per parameter, embeddings included, in whole batches")),
        ("rates", "peak learning rates: of hidden matrices, and of embedding, head and norms".to_owned()),
    ];
    if let Some(Architecture { context, vocabulary, tied_head, .. }) = sizes.first().map(|size| &size.architecture) {
        let head = if *tied_head { "the embedding serves as the head" } else { "a head of its own" };
        facts.push(("model", format!("context {context}, vocabulary {vocabulary}, {head}")));
    }
    page.facts(&facts);
    page.next("isoflop recipe RECIPE --toml > mine.toml", "the recipe with all its keys, to be changed");
    page.text
}

/// Exact, however large: a count of parameters or FLOP that a person compares with their own.
fn exact(count: f64) -> String {
    numbers::whole(count as usize)
}

fn params_table(sizes: &[RecipeSize]) -> Table {
    let mut table = Table::new([
        ("width", Align::Right),
        ("layers", Align::Right),
        ("heads", Align::Right),
        ("params", Align::Right),
        ("embedding", Align::Right),
        ("attention", Align::Right),
        ("feed-forward", Align::Right),
        ("norms", Align::Right),
        ("head", Align::Right),
    ]);
    for RecipeSize { architecture: Architecture { width, depth, heads, .. }, params, .. } in sizes {
        let whole = |count: u64| exact(count as f64);
        table.row([
            &width.to_string(),
            &depth.to_string(),
            &heads.to_string(),
            &whole(params.count(ParamCounting::Total)),
            &whole(params.embedding),
            &whole(params.attention),
            &whole(params.feed_forward),
            &whole(params.norm),
            &whole(params.head),
        ]);
    }
    table
}

fn flops_table(sizes: &[RecipeSize]) -> Table {
    let mut table = Table::new([
        ("width", Align::Right),
        ("FLOP/token", Align::Right),
        ("projections", Align::Right),
        ("attention", Align::Right),
        ("feed-forward", Align::Right),
        ("head", Align::Right),
        ("optimizer", Align::Right),
    ]);
    for RecipeSize { architecture, forward_flops_per_token: flops, optimizer_flops_per_step, .. } in sizes {
        table.row([
            &architecture.width.to_string(),
            &exact(flops.forward_flops_per_token()),
            &exact(flops.projections),
            &exact(flops.attention),
            &exact(flops.feed_forward),
            &exact(flops.head),
            &exact(*optimizer_flops_per_step),
        ]);
    }
    table
}

fn runs_table(sizes: &[RecipeSize]) -> Table {
    let mut table = Table::new([
        ("width", Align::Right),
        ("tokens", Align::Right),
        ("steps", Align::Right),
        ("batch", Align::Right),
        ("hidden rate", Align::Right),
        ("embedding rate", Align::Right),
        ("FLOP", Align::Right),
    ]);
    for size in sizes {
        table.row([
            &size.architecture.width.to_string(),
            &numbers::count(size.tokens),
            &exact(size.steps as f64),
            &exact(size.batch_tokens),
            &numbers::general(size.hidden_rate, 3),
            &numbers::general(size.embedding_rate, 3),
            &numbers::compute(size.flops, 3),
        ]);
    }
    table
}
