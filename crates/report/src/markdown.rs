//! report.md: one experiment told as question, answer, verdict, figure, tables, doubts and the way to repeat it.

mod comparison;

use std::fmt::Write;

use isoflop::{Claim, Dropped, Fit, Plan, Run, Runs, Verdict};

use crate::budgets::{self, Budgets};
use crate::escape;
use crate::numbers;
use crate::plan_words;
use crate::table::{Align, Table};
use crate::text;
use crate::words;

pub use comparison::{ComparedRecipe, ComparedStory, comparison};

/// Everything a report tells; the parts that do not exist yet are left out of it.
#[derive(Debug, Clone)]
pub struct Story<'a> {
    /// What the text is: name, size, tokenizer, split, in words.
    pub corpus: String,
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

/// A figure beside the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureFile {
    /// Path relative to the report, for a light page.
    pub light: String,
    /// The same for a dark page, where there is one.
    pub dark: Option<String>,
    /// What it shows, for those who cannot see it.
    pub description: String,
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

/// The text of report.md.
pub fn report(story: &Story) -> String {
    let sections = [
        question(story),
        answer(story),
        verdict(story),
        figures(story),
        plan(story),
        fit(story),
        noise(story),
        doubts(story),
        runs(story),
        dropped(&story.runs.dropped),
        conventions(story),
        Some(reproduction(&story.reproduction)),
    ];
    sections.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn question(story: &Story) -> Option<String> {
    let asked = match (story.claim, story.plan) {
        (Some(claim), _) => format!(
            "What loss will a model of {} parameters reach on {} tokens, asked before it is trained?",
            numbers::count(claim.params.get()),
            numbers::count(claim.tokens.get())
        ),
        (None, Some(plan)) => format!("What is best trained with {} FLOP?", numbers::compute(plan.flops.value, 3)),
        (None, None) => "How does loss fall with model size and text?".to_owned(),
    };
    Some(format!("# {asked}\n\nText: {}\n", escape::markdown(&story.corpus)))
}

fn answer(story: &Story) -> Option<String> {
    let (kept, _) = story.fit.run_counts();
    let sentence = match (story.claim, story.plan) {
        (Some(claim), _) => {
            format!(
                "**{}**, predicted from {kept} runs; {}.",
                words::claim_answer(claim),
                words::reach(&claim.extrapolation)
            )
        }
        (None, Some(plan)) => format!("**{}**.", capitalised(&plan_words::answer(plan))),
        (None, None) => format!("**{}**.", capitalised(&words::fit_answer(story.fit, story.level))),
    };
    Some(format!("{sentence}\n"))
}

fn verdict(story: &Story) -> Option<String> {
    let verdict = story.verdict?;
    let sealed = story.claim.map(|claim| {
        format!(
            "The claim was sealed {} as `{}` and judged {}. ",
            escape::markdown(&claim.sealed_at),
            // A hash is hexadecimal, but a file can hold anything.
            claim.hash.chars().filter(char::is_ascii_alphanumeric).take(12).collect::<String>(),
            escape::markdown(&verdict.judged_at)
        )
    });
    Some(format!(
        "## Verdict\n\n**{}**.\n\n{}\n{}{}.\n",
        capitalised(&words::verdict_answer(verdict)),
        text::verdict_table(verdict).to_markdown(),
        sealed.unwrap_or_default(),
        capitalised(&words::worth_of_one(verdict.level)),
    ))
}

fn figures(story: &Story) -> Option<String> {
    let shown: Vec<String> = story.figures.iter().map(figure).collect();
    (!shown.is_empty()).then(|| shown.join("\n"))
}

fn figure(figure: &FigureFile) -> String {
    let light = escape::link(&figure.light);
    let Some(dark) = &figure.dark else {
        return format!("![{}]({light})\n", escape::markdown(&figure.description));
    };
    format!(
        "<picture>\n  <source media=\"(prefers-color-scheme: dark)\" srcset=\"{}\">\n  <img src=\"{light}\" alt=\"{}\">\n</picture>\n",
        escape::link(dark),
        escape::xml(&figure.description)
    )
}

fn plan(story: &Story) -> Option<String> {
    let plan = story.plan?;
    Some(format!(
        "## Plan\n\n{}.\n\n{}\nRegret: {}.\n",
        capitalised(&plan_words::answer(plan)),
        plan_words::table(plan).to_markdown(),
        plan_words::regret(plan)
    ))
}

fn fit(story: &Story) -> Option<String> {
    let fit = story.fit;
    let mut text = format!(
        "## Fit\n\n`{}`: {}.\n\n{}",
        fit.law().formula(),
        words::fit_answer(fit, story.level),
        words::fit_table(fit, story.level).to_markdown()
    );
    if fit.draws().is_empty() {
        let _ = writeln!(text, "\n{}.", capitalised(words::NO_INTERVAL));
    }
    for reduction in fit.reductions() {
        let _ = writeln!(text, "\n{}.", capitalised(&escape::markdown(&reduction.to_string())));
    }
    Some(text)
}

fn noise(story: &Story) -> Option<String> {
    let noise = story.noise.as_ref()?;
    Some(format!("## Noise\n\n{}.\n", capitalised(&escape::markdown(noise))))
}

fn doubts(story: &Story) -> Option<String> {
    // A plan repeats the doubts of its fit.
    let mut messages: Vec<&str> = Vec::new();
    let planned = story.plan.map_or(&[][..], |plan| &plan.warnings);
    for warning in story.fit.warnings().iter().chain(planned) {
        if !messages.contains(&warning.message.as_str()) {
            messages.push(&warning.message);
        }
    }
    let list: String = messages.iter().map(|message| format!("- {}\n", escape::markdown(message))).collect();
    let body = if list.is_empty() { "None of the checks raised one.\n" } else { &list };
    Some(format!("## Doubts\n\n{body}"))
}

fn runs(story: &Story) -> Option<String> {
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
    let count = format!("{} runs fitted, {} dropped{shown}", numbers::whole(total), story.runs.dropped.len());
    let table = table.to_markdown();
    Some(if order.len() > UNFOLDED_RUNS {
        format!("## Runs\n\n<details>\n<summary>{count}</summary>\n\n{table}\n</details>\n")
    } else {
        format!("## Runs\n\n{count}, by falling compute.\n\n{table}")
    })
}

/// Budget by budget from the largest, sizes rising within each; scattered runs simply by falling compute.
fn by_falling_compute(runs: &[Run]) -> Vec<&Run> {
    let Budgets { groups, others, scattered } = budgets::group(runs);
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

fn dropped(dropped: &[Dropped]) -> Option<String> {
    if dropped.is_empty() {
        return Some("## Runs dropped\n\nNone.\n".to_owned());
    }
    let mut table = Table::new([("run", Align::Left), ("why", Align::Left)]);
    for row in dropped {
        table.row([&escape::shorten(&row.name, NAME), &escape::shorten(&row.reason.to_string(), 200)]);
    }
    Some(format!("## Runs dropped\n\n{}", table.to_markdown()))
}

fn conventions(story: &Story) -> Option<String> {
    let conventions = story.fit.conventions();
    let objective = words::objective(story.fit);
    let draws = story.fit.draws().len();
    let mut text = format!(
        "## Conventions\n\n- N: {}\n- C: {}\n- L: nats per token, held-out text\n- objective: `{objective}`, {}\n",
        conventions.params,
        words::flops_counted(conventions.flops),
        words::status(story.fit.status()),
    );
    if let Some(sampling) = story.fit.sampling() {
        let _ = writeln!(text, "- sampling: {}", words::sampling(sampling));
    }
    if draws > 0 {
        let _ = writeln!(text, "- intervals: {}, from {}", numbers::level(story.level), words::draws(story.fit));
    }
    if let Some(noise) = story.fit.noise() {
        let _ = writeln!(text, "- scatter of runs around the law: {}", words::scatter(story.fit, noise));
    }
    if let Some(fingerprint) = story.fit.fingerprint() {
        let _ = writeln!(text, "- SHA-256 of the runs: {}", escape::markdown(fingerprint));
    }
    if let Some(sampling) = story.fit.sampling() {
        let _ = write!(text, "\n## What the runs taught\n\n{}", words::beliefs_table(sampling).to_markdown());
    }
    Some(text)
}

fn reproduction(reproduction: &Reproduction) -> String {
    let Reproduction { version, commands } = reproduction;
    let commands: String = commands.iter().map(|command| format!("    {}\n", escape::plain(command))).collect();
    format!(
        "## Reproduce\n\nMade by isoflop {}. The same commands give the same numbers:\n\n{commands}",
        escape::markdown(version)
    )
}

/// `sentence` with a capital letter.
fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
