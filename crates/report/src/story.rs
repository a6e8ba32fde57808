//! One experiment told as question, answer, verdict, figures, tables, doubts and the way to repeat it.

mod checklist;
mod comparison;
mod sweep;
mod track_record;

use std::collections::BTreeMap;

use isoflop::{Claim, Dropped, Fit, Plan, Run, Runs, Verdict};

use crate::budgets::{self, Budgets};
use crate::document::{Block, Document, FigureFile, code, plain, strong};
use crate::escape;
use crate::numbers;
use crate::plan_words;
use crate::table::{Align, Table};
use crate::text;
use crate::words;

pub use comparison::{ComparedRecipe, ComparedStory, comparison};
pub use sweep::{SweepStory, sweep};
pub use track_record::{RecordStory, track_record};

/// Everything a report tells; the parts that do not exist yet are left out of it.
#[derive(Debug, Clone)]
pub struct Story<'a> {
    /// What it is about, in words: the text with its size and split, or the table of runs.
    pub subject: String,
    /// The runs that were trained.
    pub runs: &'a Runs,
    /// The law fitted to them.
    pub fit: &'a Fit,
    /// Level of the intervals of the fit.
    pub level: f64,
    /// What seeds of one setting say about the scatter around the law, in words.
    pub noise: Option<String>,
    /// What to train next.
    pub plan: Option<&'a Plan>,
    /// What was sealed before it was trained.
    pub claim: Option<&'a Claim>,
    /// What came of it.
    pub verdict: Option<&'a Verdict>,
    /// Figures, in order.
    pub figures: Vec<FigureFile>,
    /// How to get the same numbers again.
    pub reproduction: Reproduction,
}

/// How to get the same numbers again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reproduction {
    /// Version of isoflop.
    pub version: String,
    /// The commands, in order, as typed.
    pub commands: Vec<String>,
}

/// Runs shown in the table; the rest are counted below it.
const SHOWN_RUNS: usize = 60;
/// More runs than this are folded away.
const UNFOLDED_RUNS: usize = 30;
/// Longest name in a table.
const NAME: usize = 40;

/// The document that tells the story.
pub fn report(story: &Story) -> Document {
    let mut document = Document::default();
    question(story, &mut document);
    answer(story, &mut document);
    verdict(story, &mut document);
    for figure in &story.figures {
        document.push(Block::Figure(figure.clone()));
    }
    plan(story, &mut document);
    fit(story, &mut document);
    noise(story, &mut document);
    doubts(story, &mut document);
    runs(story, &mut document);
    dropped(&story.runs.dropped, &mut document);
    conventions(story, &mut document);
    document.heading(checklist::HEADING);
    document.push(Block::Table(checklist::table(story)));
    reproduction(&story.reproduction, &mut document);
    document
}

fn question(story: &Story, document: &mut Document) {
    let asked = match (story.claim, story.plan) {
        (Some(claim), _) => format!(
            "What loss will a model of {} parameters reach on {} tokens, asked before it is trained?",
            numbers::count(claim.params.get()),
            numbers::count(claim.tokens.get())
        ),
        (None, Some(plan)) => format!("What is best trained with {} FLOP?", numbers::compute(plan.flops.value, 3)),
        (None, None) => "How does loss fall with model size and text?".to_owned(),
    };
    document.push(Block::Title(asked));
    document.paragraph([plain(&story.subject)]);
}

fn answer(story: &Story, document: &mut Document) {
    let (kept, _) = story.fit.run_counts();
    let (answer, rest) = match (story.claim, story.plan) {
        (Some(claim), _) => {
            let reach = words::reach(&claim.extrapolation);
            (words::claim_answer(claim), format!(", predicted from {kept} runs; {reach}."))
        }
        (None, Some(plan)) => (capitalised(&plan_words::answer(plan)), ".".to_owned()),
        (None, None) => (capitalised(&words::fit_answer(story.fit, story.level)), ".".to_owned()),
    };
    document.paragraph([strong(answer), plain(rest)]);
}

fn verdict(story: &Story, document: &mut Document) {
    let Some(verdict) = story.verdict else { return };
    document.heading("Verdict");
    document.paragraph([strong(capitalised(&words::verdict_answer(verdict))), plain(".")]);
    document.push(Block::Table(text::verdict_table(verdict)));
    let worth = format!("{}.", capitalised(&words::worth_of_one(verdict.level)));
    let Some(claim) = story.claim else { return document.paragraph([plain(worth)]) };
    // A hash is hexadecimal, but a file can hold anything.
    let hash: String = claim.hash.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    document.paragraph([
        plain(format!("The claim was sealed {} as ", claim.sealed_at)),
        code(hash),
        plain(format!(" and judged {}. {worth}", verdict.judged_at)),
    ]);
}

fn plan(story: &Story, document: &mut Document) {
    let Some(plan) = story.plan else { return };
    document.heading("Plan");
    document.paragraph([plain(format!("{}.", capitalised(&plan_words::answer(plan))))]);
    document.push(Block::Table(plan_words::table(plan)));
    document.paragraph([plain(format!("Regret: {}.", plan_words::regret(plan)))]);
}

fn fit(story: &Story, document: &mut Document) {
    let fit = story.fit;
    document.heading("Fit");
    document.paragraph([code(fit.law().formula()), plain(format!(": {}.", words::fit_answer(fit, story.level)))]);
    document.push(Block::Table(words::fit_table(fit, story.level)));
    if fit.draws().is_empty() {
        document.paragraph([plain(format!("{}.", capitalised(words::NO_INTERVAL)))]);
    }
    for reduction in fit.reductions() {
        document.paragraph([plain(format!("{}.", capitalised(&reduction.to_string())))]);
    }
}

fn noise(story: &Story, document: &mut Document) {
    let Some(noise) = &story.noise else { return };
    document.heading("Noise");
    document.paragraph([plain(format!("{}.", capitalised(noise)))]);
}

fn doubts(story: &Story, document: &mut Document) {
    // A plan repeats the doubts of its fit.
    let mut messages: Vec<&str> = Vec::new();
    let planned = story.plan.map_or(&[][..], |plan| &plan.warnings);
    for warning in story.fit.warnings().iter().chain(planned) {
        if !messages.contains(&warning.message.as_str()) {
            messages.push(&warning.message);
        }
    }
    list_of_doubts(&messages, document);
}

/// The doubts, or that there are none.
fn list_of_doubts(messages: &[&str], document: &mut Document) {
    document.heading("Doubts");
    if messages.is_empty() {
        document.paragraph([plain("None of the checks raised one.")]);
    } else {
        document.push(Block::List(messages.iter().map(|message| vec![plain(*message)]).collect()));
    }
}

fn runs(story: &Story, document: &mut Document) {
    let mut order = by_falling_compute(&story.runs.kept);
    let total = order.len();
    order.truncate(SHOWN_RUNS);
    let mut table = Table::new([
        ("run", Align::Left),
        ("params", Align::Right),
        ("tokens", Align::Right),
        ("tokens/param", Align::Right),
        ("FLOP", Align::Right),
        ("loss", Align::Right),
        ("s.e.", Align::Right),
        ("off the law", Align::Right),
    ]);
    for run in &order {
        let (params, tokens, loss) = (run.params.get(), run.tokens.get(), run.loss.get());
        let off = story.fit.expected_loss_of(run).ok();
        let off = off.map(|law| format!("{:+.2} %", 100.0 * (loss / law.get() - 1.0)));
        table.row([
            &escape::shorten(&run.name, NAME),
            &numbers::count(params),
            &numbers::count(tokens),
            &numbers::general(tokens / params, 3),
            &numbers::compute(run.flops.get(), 3),
            &format!("{loss:.4}"),
            &run.loss_se.map(|se| numbers::general(se, 2)).unwrap_or_default(),
            &off.unwrap_or_default(),
        ]);
    }
    let shown = if total > order.len() { format!(", the {} largest shown", order.len()) } else { String::new() };
    let summary = format!("{} runs fitted, {} dropped{shown}", numbers::whole(total), story.runs.dropped.len());
    document.heading("Runs");
    if order.len() > UNFOLDED_RUNS {
        document.push(Block::Folded { summary, table });
    } else {
        document.paragraph([plain(format!("{summary}, by falling compute."))]);
        document.push(Block::Table(table));
    }
}

/// Budget by budget from the largest, sizes rising within each; scattered runs simply by falling compute.
fn by_falling_compute(runs: &[Run]) -> Vec<&Run> {
    let Budgets { groups, others, scattered, .. } = budgets::group(runs);
    let mut order: Vec<&Run> = Vec::with_capacity(runs.len());
    for mut budget in groups.into_iter().rev() {
        let size = |run: &&Run| run.params.get();
        budget.runs.sort_by(|a, b| size(a).total_cmp(&size(b)));
        order.extend(budget.runs);
    }
    order.extend(others);
    if scattered {
        order.sort_by(|a, b| b.flops.get().total_cmp(&a.flops.get()));
    }
    order
}

fn dropped(dropped: &[Dropped], document: &mut Document) {
    document.heading("Runs dropped");
    if dropped.is_empty() {
        return document.paragraph([plain("None.")]);
    }
    let mut table = Table::new([("run", Align::Left), ("why", Align::Left)]);
    for row in dropped {
        table.row([&escape::shorten(&row.name, NAME), &escape::shorten(&row.reason.to_string(), 200)]);
    }
    if dropped.len() > UNFOLDED_RUNS {
        document.push(Block::Folded { summary: reasons(dropped), table });
    } else {
        document.push(Block::Table(table));
    }
}

/// How many rows have each reason, the most frequent first.
fn reasons(dropped: &[Dropped]) -> String {
    /// The others are counted together.
    const NAMED: usize = 3;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for row in dropped {
        *counts.entry(escape::shorten(&row.reason.to_string(), NAME)).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let others: usize = counts.iter().skip(NAMED).map(|(_, count)| count).sum();
    let mut words: Vec<String> =
        counts.iter().take(NAMED).map(|(reason, count)| format!("{count}: {reason}")).collect();
    words.extend((others > 0).then(|| format!("{others} for other reasons")));
    format!("{} dropped; {}", dropped.len(), words.join("; "))
}

fn conventions(story: &Story, document: &mut Document) {
    let fit = story.fit;
    let conventions = fit.conventions();
    let mut items = vec![
        vec![plain(format!("N: {}", conventions.params))],
        vec![plain(format!("C: {}", words::flops_counted(conventions.flops)))],
        vec![plain("L: nats per token, held-out text")],
        vec![plain("objective: "), code(words::objective(fit)), plain(format!(", {}", words::status(fit.status())))],
    ];
    let mut fact = |text: String| items.push(vec![plain(text)]);
    if let Some(sampling) = fit.sampling() {
        fact(format!("sampling: {}", words::sampling(sampling)));
    }
    if !fit.draws().is_empty() {
        fact(format!("intervals: {}, from {}", numbers::level(story.level), words::draws(fit)));
    }
    if let Some(noise) = fit.noise() {
        fact(format!("scatter of runs around the law: {}", words::scatter(fit, noise)));
    }
    if let Some(fingerprint) = fit.fingerprint() {
        fact(format!("SHA-256 of the runs: {fingerprint}"));
    }
    document.heading("Conventions");
    document.push(Block::List(items));
    if let Some(sampling) = fit.sampling() {
        document.heading("What the runs taught");
        document.push(Block::Table(words::beliefs_table(sampling)));
    }
}

fn reproduction(reproduction: &Reproduction, document: &mut Document) {
    let Reproduction { version, commands } = reproduction;
    document.heading("Reproduce");
    document.paragraph([plain(format!("Made by isoflop {version}. The same commands give the same numbers:"))]);
    document.push(Block::Commands(commands.clone()));
}

/// `sentence` with a capital letter.
pub(crate) fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
