//! What the command line prints for people: the answer first, then values with intervals, doubts, conventions, the next step.

mod backtest;
mod diagnosis;
mod hardware;
mod lab;
mod models;
mod next;
mod predict;
mod recipes;
mod record;
mod sandbox;
mod sizes;
mod trained;
mod tuning;

use std::fmt::Write;

use isoflop::{Claim, Fit, Plan, Prediction, Verdict, Warning};

use crate::escape;
use crate::numbers::{self, Rounded};
use crate::plan_words;
use crate::profile;
use crate::table::{Align, Table};
use crate::words;
use crate::wrap;

pub use backtest::backtest;
pub use diagnosis::diagnosis;
pub use hardware::{gpu, gpus};
pub use lab::{LabPlan, PlannedRecipe, PlannedRun, PlannedSpeed, lab_plan};
pub use models::{comparison, model, models, standings};
pub use next::next;
pub use predict::{against, required};
pub use recipes::recipes;
pub(crate) use recipes::{answers as recipe_answers, tables as recipe_tables};
pub use record::track_record;
pub(crate) use record::{
    answer as record_answer, claims as claims_table, coverage as coverage_table, facts as record_facts,
    verdict as record_verdict,
};
pub use sandbox::{assignment, grade, grades, ledger};
pub use sizes::{RecipeSize, recipe_sizes};
pub use trained::{Trained, trained};
pub use tuning::{TunedFactor, TunedRecipe, transferred, tuned};

/// No line is longer, but for a word that is.
const WIDTH: usize = 100;

/// A fit: its exponents in a sentence, every parameter with its `level` interval, doubts, conventions, counts.
pub fn fit(fit: &Fit, level: f64) -> String {
    let mut page = Page::default();
    page.answer(&words::fit_answer(fit, level));
    page.table(&words::fit_table(fit, level));
    if fit.draws().is_empty() {
        page.remark(words::NO_INTERVAL);
    }
    if let Some(profile) = fit.profile() {
        page.table(&profile::table(profile));
    }
    page.doubts(fit.warnings());
    if let Some(sampling) = fit.sampling() {
        page.table(&words::beliefs_table(sampling));
    }

    let (kept, dropped) = fit.run_counts();
    let mut facts = vec![("law", fit.law().formula().to_owned())];
    facts.extend(fit.reductions().iter().map(|reduction| (words::reduction_name(reduction), reduction.to_string())));
    match fit.source() {
        Some(source) => facts.push(("source", source.to_owned())),
        None => facts.push(("runs", format!("{} fitted, {} dropped", numbers::whole(kept), numbers::whole(dropped)))),
    }
    let ending = words::status(fit.status());
    match (fit.objective(), fit.objective_value()) {
        (Some(objective), Some(value)) => {
            let value = numbers::general(value, 6);
            facts.push(("objective", format!("{objective} = {value} summed over runs; {ending}")));
        }
        _ => facts.push(("objective", format!("{}; {ending}", words::objective(fit)))),
    }
    if let Some(certificate) = fit.certificate() {
        facts.push(("proof", words::certificate(certificate, fit.basins().len())));
    }
    if let Some(sampling) = fit.sampling() {
        facts.push(("sampling", words::sampling(sampling)));
    }
    if let Some(beside) = fit.beside() {
        facts.push(("beside", words::beside(beside)));
    }
    if let Some(noise) = fit.noise() {
        facts.push(("scatter", words::scatter(fit, noise)));
    }
    if !fit.draws().is_empty() {
        facts.push(("draws", words::draws(fit)));
    }
    facts.push(("largest run", largest(fit)));
    if let Some((low, high)) = fit.ratio_range() {
        facts.push((
            "tokens/param",
            format!("{} to {} in the runs", numbers::general(low, 3), numbers::general(high, 3)),
        ));
    }
    let conventions = fit.conventions();
    facts.push(("N", conventions.params.to_string()));
    facts.push(("C", words::flops_counted(conventions.flops).to_owned()));
    facts.push(("loss", "nats per token, held-out text".to_owned()));
    page.facts(&facts);

    let (command, purpose) = words::after_fit(fit);
    page.next(&command, &purpose);
    page.text
}

fn largest(fit: &Fit) -> String {
    fit.largest_flops().map_or_else(
        || "unknown: the source does not say".to_owned(),
        |flops| format!("{} FLOP", numbers::compute(flops, 3)),
    )
}

/// A predicted run: its loss with the interval, what that covers, and the distance from the data.
pub fn prediction(prediction: &Prediction) -> String {
    let Prediction { params, tokens, flops, level, .. } = prediction;
    let loss = Rounded::loss(&prediction.loss);
    let mut page = Page::default();
    page.answer(&format!("{params} on {tokens} tokens: loss {}", loss.sentence(*level)));

    let interval = format!("{} interval", numbers::level(*level));
    let mut table =
        Table::new([("", Align::Left), ("value", Align::Right), (&interval, Align::Left), ("is", Align::Left)]);
    table.row(["loss", &loss.value, &loss.interval(), "nats per token"]);
    table.row(["params", &params.to_string(), "", ""]);
    table.row(["tokens", &tokens.to_string(), "", ""]);
    table.row(["tokens/param", &numbers::general(tokens.get() / params.get(), 3), "", ""]);
    table.row(["compute", &numbers::compute(flops.get(), 3), "", "FLOP, C = 6 N D"]);
    page.table(&table);
    if loss.ends.is_none() {
        page.remark(words::NO_INTERVAL);
    }
    page.doubts(&prediction.warnings);
    let mut facts = vec![("covers", prediction.covers.clone()), ("distance", words::reach(&prediction.extrapolation))];
    facts.extend(prediction.recipe.as_ref().map(|recipe| ("recipe", recipe.clone())));
    facts.extend(prediction.unique_tokens.map(|unique| ("text", words::epochs(unique, *tokens))));
    facts.extend(prediction.beside.as_ref().map(|beside| ("beside", words::beside_loss(beside))));
    page.facts(&facts);

    let recipe = prediction.recipe.as_ref().map(|recipe| format!(" --recipe {recipe}")).unwrap_or_default();
    let unique = prediction.unique_tokens.map(|unique| format!(" --unique-tokens {unique}")).unwrap_or_default();
    let run = format!("--params {params} --tokens {tokens}{recipe}{unique}");
    if loss.ends.is_some() {
        page.next(&format!("isoflop claim FIT {run}"), "seal this before the run, so that it can be wrong");
    } else {
        page.next("isoflop fit RUNS", "a fit of runs has draws, and so an interval");
    }
    page.text
}

/// A plan: what to train in a sentence, every quantity with its interval, the flat range, the risk, what was assumed.
pub fn plan(plan: &Plan) -> String {
    let mut page = Page::default();
    page.answer(&plan_words::answer(plan));
    page.table(&plan_words::table(plan));
    if plan.loss.lo.is_none() {
        page.remark(words::NO_INTERVAL);
    }
    page.doubts(&plan.warnings);
    let mut facts: Vec<(&str, String)> = plan_words::goal(plan).map(|goal| ("goal", goal)).into_iter().collect();
    facts.extend(plan_words::limits(plan).into_iter().map(|limit| ("limits", limit)));
    facts.extend(plan.blueprint.iter().flat_map(plan_words::blueprint));
    facts.extend(plan_words::batch(plan).map(|batch| ("critical", batch)));
    facts.push(("covers", plan.covers.clone()));
    facts.push(("distance", words::reach(&plan.extrapolation)));
    facts.push(("regret", plan_words::regret(plan)));
    facts.extend(plan.assumptions.iter().map(|assumption| ("assumed", assumption.clone())));
    facts.extend(plan_words::later(plan).map(|later| ("later", later)));
    facts.extend(plan.ruled_out.iter().map(|alternative| ("ruled out", alternative.clone())));
    page.facts(&facts);

    let run = format!("--params {} --tokens {}", numbers::count(plan.params.value), numbers::count(plan.tokens.value));
    if plan.new_run.lo.is_some() {
        page.next(&format!("isoflop claim FIT {run}"), "seal the prediction before the run");
    } else {
        page.next("isoflop fit RUNS", "a fit of your own runs has draws, and so intervals");
    }
    page.text
}

/// A sealed claim: what will happen, since when, under which hash.
pub fn claim(claim: &Claim) -> String {
    let mut page = Page::default();
    let name = escape::shorten(&claim.name, 40);
    page.answer(&format!("claimed as \"{name}\": {}", words::claim_answer(claim)));
    let loss = Rounded::loss(&claim.loss);
    let interval = format!("{} interval", numbers::level(claim.level));
    let mut table =
        Table::new([("", Align::Left), ("value", Align::Right), (&interval, Align::Left), ("is", Align::Left)]);
    table.row(["loss", &loss.value, &loss.interval(), "nats per token, of one new run"]);
    table.row(["params", &claim.params.to_string(), "", ""]);
    table.row(["tokens", &claim.tokens.to_string(), "", ""]);
    table.row(["compute", &numbers::compute(claim.flops.get(), 3), "", "FLOP, C = 6 N D"]);
    page.table(&table);
    page.facts(&[
        ("distance", words::reach(&claim.extrapolation)),
        ("sealed", claim.sealed_at.clone()),
        ("hash", claim.hash.clone()),
        ("after", claim.previous.clone().unwrap_or_else(|| "none, the first of its record".to_owned())),
        ("runs", claim.runs_sha256.clone().unwrap_or_else(|| "none: not fitted to runs at hand".to_owned())),
        ("counted", words::conventions(&claim.conventions)),
    ]);
    page.next("isoflop verify CLAIM RUN", "once the run is done");
    page.text
}

/// A verdict: inside or missed in a sentence, predicted beside observed, and what one verdict is worth.
pub fn verdict(verdict: &Verdict) -> String {
    let mut page = Page::default();
    page.answer(&words::verdict_answer(verdict));
    page.table(&verdict_table(verdict));
    page.remark(&words::worth_of_one(verdict.level));
    page.facts(&[
        ("claim", format!("\"{}\", {}", escape::shorten(&verdict.name, 40), verdict.claim)),
        ("run", escape::shorten(&verdict.run, 80)),
        ("distance", words::reach(&verdict.extrapolation)),
        ("judged", verdict.judged_at.clone()),
    ]);
    if verdict.inside {
        page.next("isoflop fit RUNS", "with this run added: the law then reaches as far as it");
    } else {
        page.next("isoflop fit RUNS", "with this run added: what the law did not know, it learns from it");
    }
    page.text
}

/// Predicted beside observed; shared with the Markdown report.
pub(crate) fn verdict_table(verdict: &Verdict) -> Table {
    let predicted = Rounded::loss(&verdict.predicted);
    let interval = format!("{} interval {}", numbers::level(verdict.level), predicted.interval());
    let se = verdict.observed_se.map(|se| format!("standard error {}", numbers::general(se, 2)));
    let mut table = Table::new([("", Align::Left), ("loss", Align::Right), ("", Align::Left)]);
    table.row(["predicted", &predicted.value, &interval]);
    table.row(["observed", &words::observed(verdict), &se.unwrap_or_default()]);
    table.row(["error", &words::error_nats(verdict), &words::error(verdict)]);
    table.row(["percentile", &words::percentile(verdict.percentile), "of such runs were expected to end lower"]);
    table
}

/// A page of plain text, built from the top.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn answer(&mut self, sentence: &str) {
        self.wrapped("", sentence);
    }

    fn table(&mut self, table: &Table) {
        self.text.push('\n');
        self.text.push_str(&table.to_text());
    }

    fn remark(&mut self, remark: &str) {
        self.text.push('\n');
        self.wrapped("  ", remark);
    }

    fn doubts(&mut self, warnings: &[Warning]) {
        if warnings.is_empty() {
            return;
        }
        self.text.push_str("\ndoubts\n");
        for warning in warnings {
            self.wrapped("  - ", &warning.message);
        }
    }

    /// Names in a column, what they stand for wrapped beside them; a name is not repeated on the next line.
    fn facts(&mut self, facts: &[(&str, String)]) {
        self.text.push('\n');
        let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut before = "";
        for (name, fact) in facts {
            let shown = if *name == before { "" } else { *name };
            self.wrapped(&format!("  {shown:<width$}  "), fact);
            before = name;
        }
    }

    fn next(&mut self, command: &str, purpose: &str) {
        let _ = writeln!(self.text, "\nnext: {command}");
        self.wrapped("      ", purpose);
    }

    /// Adds `text` after `lead`, broken at spaces; the lines after the first are indented as far as `lead` is long.
    fn wrapped(&mut self, lead: &str, text: &str) {
        let indent = lead.chars().count();
        let lines = wrap::lines(&escape::plain(text), |line| line.chars().count() as f64, (WIDTH - indent) as f64);
        for (number, line) in lines.iter().enumerate() {
            let before = if number == 0 { lead.to_owned() } else { " ".repeat(indent) };
            self.text.push_str(&before);
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_stand_alone_and_nothing_else_is_wider_than_the_page() {
        let mut page = Page::default();
        page.wrapped("  - ", &format!("{} {} end", "word ".repeat(40), "x".repeat(150)));
        for line in page.text.lines() {
            assert!(line.chars().count() <= WIDTH || line.trim().starts_with('x'), "{line}");
            assert!(line.starts_with("  - ") || line.starts_with("    "), "{line}");
        }
    }
}
