//! The next runs for people: what they do to the doubt, the runs with what each is for, what was assumed.

use isoflop::design::{Change, NextRun, NextRuns, Purpose};

use super::Page;
use crate::numbers;
use crate::table::{Align, Table};

/// The runs to train next; `usd` is what they cost, where a price was given.
pub fn next(next: &NextRuns, usd: Option<f64>) -> String {
    let mut page = Page::default();
    page.answer(&answer(next, usd));
    let settings = settings(next);
    if !settings.is_empty() {
        page.table(&runs_table(&settings));
    }
    page.table(&doubt_table(next));
    page.doubts(&next.warnings);
    let mut facts = vec![("target", target(next))];
    facts.push((
        "spent",
        format!("{} of {} FLOP", numbers::compute(next.spent, 3), numbers::compute(next.budget.get(), 3)),
    ));
    if next.not_worth_it > 0 {
        let more = numbers::whole(next.not_worth_it);
        facts.push((
            "stopped",
            format!("{more} more could be paid and would cost more compute than they save the target"),
        ));
    }
    facts.extend(next.assumptions.iter().map(|assumption| ("assumed", assumption.clone())));
    page.facts(&facts);
    match (next.runs.is_empty(), &next.validation) {
        (true, None) => page.next(
            &format!("isoflop plan FIT --flops {}", numbers::compute(next.target.flops.get(), 3)),
            "the target as the fit has it",
        ),
        (_, Some(run)) => page.next(
            &format!("isoflop fit RUNS, then isoflop claim FIT --params {} --tokens {}", run.params, run.tokens),
            "train the others, fit them with the old runs, and seal the forecast of the held-out one before it is trained",
        ),
        (false, None) => page.next("isoflop fit RUNS", "when they are trained, fit them with the old runs"),
    }
    page.text
}

fn answer(next: &NextRuns, usd: Option<f64>) -> String {
    let dollars = usd.map(|usd| format!(", ${usd:.0}")).unwrap_or_default();
    let spent = format!("{} FLOP{dollars}", numbers::compute(next.spent, 3));
    match next.runs.len() + usize::from(next.validation.is_some()) {
        0 => format!(
            "none of the runs is worth its cost: {} of the target's compute is expected to be wasted on a wrong size, and no run saves more than it costs",
            numbers::percent(next.waste.before)
        ),
        count => format!(
            "{} run{} of {spent} in all bring the expected waste at {} FLOP from {} to {}, and the doubt about its loss from {} to {}",
            numbers::whole(count),
            if count == 1 { "" } else { "s" },
            numbers::compute(next.target.flops.get(), 3),
            numbers::percent(next.waste.before),
            numbers::percent(next.waste.after),
            numbers::percent(next.loss_sd.before),
            numbers::percent(next.loss_sd.after),
        ),
    }
}

fn target(next: &NextRuns) -> String {
    let target = &next.target;
    let assumed = if target.assumed { "; assumed, as none was named" } else { "" };
    format!(
        "{} FLOP: {:.3} on {:.3} tokens as the fit has it{assumed}",
        numbers::compute(target.flops.get(), 3),
        target.params,
        target.tokens
    )
}

/// A setting with how often it is run.
fn settings(next: &NextRuns) -> Vec<(&NextRun, usize)> {
    let mut settings: Vec<(&NextRun, usize)> = Vec::new();
    for run in next.runs.iter().chain(&next.validation) {
        match settings.last_mut() {
            Some((_, times)) if run.purpose == Purpose::Replicate => *times += 1,
            _ => settings.push((run, 1)),
        }
    }
    settings
}

fn runs_table(settings: &[(&NextRun, usize)]) -> Table {
    let mut table = Table::new([
        ("candidate", Align::Left),
        ("params", Align::Right),
        ("tokens", Align::Right),
        ("tokens/param", Align::Right),
        ("FLOP each", Align::Right),
        ("times", Align::Right),
        ("is for", Align::Left),
    ]);
    for (run, times) in settings {
        let again = if *times > 1 { "; repeated to see through noise" } else { "" };
        table.row([
            run.candidate.as_deref().unwrap_or("-"),
            &numbers::count(run.params.get()),
            &numbers::count(run.tokens.get()),
            &numbers::general(run.tokens.get() / run.params.get(), 3),
            &numbers::compute(run.flops.get(), 3),
            &numbers::whole(*times),
            &format!("{}{again}", purpose(run.purpose)),
        ]);
    }
    table
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Loss => "the target's loss",
        Purpose::Size => "the target's size",
        Purpose::Both => "loss and size",
        Purpose::Replicate => "noise",
        Purpose::Validation => "held out, to check the forecast of the others",
    }
}

fn doubt_table(next: &NextRuns) -> Table {
    let mut table = Table::new([
        ("doubt about the target", Align::Left),
        ("now", Align::Right),
        ("then", Align::Right),
        ("is", Align::Left),
    ]);
    let mut row = |name: &str, change: Change, what: &str| {
        table.row([name, &numbers::percent(change.before), &numbers::percent(change.after), what]);
    };
    row("loss", next.loss_sd, "standard deviation, the law's form taken as right");
    row("best size", next.ln_params_sd, "standard deviation of ln N*");
    row("waste", next.waste, "of the target's compute, expected from a wrong size");
    table
}
