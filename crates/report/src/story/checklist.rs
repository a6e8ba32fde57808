//! What a reader must know to repeat a scaling law, filled in from the runs and the fit; what they do not say is said to be missing.
//!
//! # Source
//! The questions are those that Li et al. 2025, "(Mis)Fitting", arXiv:2502.18969, find unanswered in most papers.

use std::collections::BTreeSet;

use isoflop::Run;

use super::Story;
use crate::numbers;
use crate::table::{Align, Table};
use crate::words;

pub(super) const HEADING: &str = "What a paper should say";

/// Runs' own words for a thing, in the columns that usually have it.
const RATE: [&str; 3] = ["lr", "learning_rate", "max_lr"];
const BATCH: [&str; 4] = ["batch_tokens", "batch", "batch_size", "global_batch_size"];
const SEED: [&str; 1] = ["seed"];
const TEXT: [&str; 3] = ["corpus", "dataset", "data"];
const SHAPE: [&str; 4] = ["depth", "layers", "n_layer", "width"];

pub(super) fn table(story: &Story) -> Table {
    let (fit, runs) = (story.fit, &story.runs.kept);
    let mut table = Table::new([("question", Align::Left), ("answer", Align::Left)]);
    let mut row = |question: &str, answer: &str| table.row([question, answer]);

    row("Which form has the law?", fit.law().formula());
    let source = fit.law().source();
    row("Where does it come from?", if source.is_empty() { "it is this program's" } else { source });
    row("What is N?", &fit.conventions().params.to_string());
    row("What is C?", words::flops_counted(fit.conventions().flops));
    row("Which loss?", "final, held-out, nats per token, as the table gives it");

    row(
        "How many runs?",
        &format!(
            "{}, and {} left out, each named above with its reason",
            numbers::whole(runs.len()),
            story.runs.dropped.len()
        ),
    );
    row("Of which sizes?", &range(runs, |run| run.params.get(), numbers::count));
    row("On how many tokens?", &range(runs, |run| run.tokens.get(), numbers::count));
    row(
        "On how many tokens per parameter?",
        &range(runs, |run| run.tokens.get() / run.params.get(), |ratio| numbers::general(ratio, 3)),
    );
    row("With how much compute?", &range(runs, |run| run.flops.get(), |flops| numbers::compute(flops, 3) + " FLOP"));
    row("Is text repeated?", &repetition(runs));
    row("On which text?", &column(runs, &TEXT));
    row("With which shapes?", &column(runs, &SHAPE));
    row("With which learning rates?", &column(runs, &RATE));
    row("With which batches?", &column(runs, &BATCH));
    row("With how many seeds?", &column(runs, &SEED));

    row("What is minimised?", &words::objective(fit));
    row("How does the fit end?", words::status(fit.status()).as_ref());
    let certificate = fit.certificate().map(|certificate| words::certificate(certificate, fit.basins().len()));
    let sampling = fit.sampling().map(words::sampling);
    row("How is that known?", &certificate.or(sampling).unwrap_or_else(|| "it is not".to_owned()));
    let draws = if fit.draws().is_empty() { words::NO_INTERVAL.to_owned() } else { words::draws(fit) };
    row("Where do intervals come from?", &draws);
    let checked = match (story.claim, story.verdict) {
        (_, Some(verdict)) => words::verdict_answer(verdict),
        (Some(_), None) => "by a claim that waits for its run".to_owned(),
        (None, None) => {
            "not by this page: `isoflop backtest` holds back the larger runs, `isoflop claim` seals a prediction"
                .to_owned()
        }
    };
    row("Was it checked beyond its runs?", &checked);
    table
}

/// From the least to the most.
fn range(runs: &[Run], of: impl Fn(&Run) -> f64, words: impl Fn(f64) -> String) -> String {
    let values = runs.iter().map(of);
    let (least, most) =
        values.fold((f64::INFINITY, 0.0f64), |(least, most), value| (least.min(value), most.max(value)));
    if runs.is_empty() { "none".to_owned() } else { format!("{} to {}", words(least), words(most)) }
}

fn repetition(runs: &[Run]) -> String {
    let epochs = |run: &Run| run.unique_tokens.map(|unique| run.tokens.get() / unique.get());
    let known: Vec<f64> = runs.iter().filter_map(epochs).collect();
    if known.is_empty() {
        return missing(&["unique_tokens", "epochs"]);
    }
    let most = known.iter().copied().fold(1.0, f64::max);
    let repeated = known.iter().filter(|epochs| **epochs > 1.0).count();
    if repeated == 0 {
        "no".to_owned()
    } else {
        format!("by {repeated} runs, up to {} times", numbers::general(most, 3))
    }
}

/// The different values of the first of `names` that the runs have.
fn column(runs: &[Run], names: &[&str]) -> String {
    /// More are counted instead.
    const LISTED: usize = 4;
    let has = |name: &&&str| runs.iter().any(|run| run.covariates.contains_key(**name));
    let Some(name) = names.iter().find(has) else { return missing(names) };
    let values: BTreeSet<&str> = runs.iter().filter_map(|run| run.covariates.get(*name)).map(String::as_str).collect();
    let listed: Vec<&str> = values.iter().copied().take(LISTED).collect();
    match values.len() {
        many if many > LISTED => format!("{many} different values of `{name}`"),
        _ => format!("{name}: {}", listed.join(", ")),
    }
}

fn missing(names: &[&str]) -> String {
    format!("the table does not say (column {})", names.join(" or "))
}
