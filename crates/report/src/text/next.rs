//! The next runs for people: what they do to the doubt, the runs with what each is for, what was assumed.

use isoflop::Flops;
use isoflop::design::{Change, Decision, Lead, NextRun, NextRuns, Purpose};
use isoflop::hardware::Rental;

use super::Page;
use super::recipes::shown;
use crate::numbers;
use crate::table::{Align, Table};

/// The runs to train next; `rental` is what compute costs, where a price was given.
pub fn next(next: &NextRuns, rental: Option<&Rental>) -> String {
    let price = |flops: f64| rental.and_then(|rental| rental.cost(Flops::new(flops).ok()?).usd);
    let mut page = Page::default();
    page.answer(&answer(next, &price));
    let settings = settings(next.runs.iter().chain(&next.validation));
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
    if next.stopped {
        facts.push(("stopped", "more runs could be paid; the next would cost more compute than it saves".to_owned()));
    }
    if next.decision == Decision::Regret && !next.stopped && !next.runs.is_empty() {
        let more =
            "by the budget or the number of runs, before a run costs more than it saves; see --max-runs".to_owned();
        facts.push(("cut short", more));
    }
    facts.extend(next.assumptions.iter().map(|assumption| ("assumed", assumption.clone())));
    page.facts(&facts);
    match (next.runs.is_empty(), &next.validation) {
        (true, None) => {
            let recipe = next.lead.as_ref().map(|lead| format!(" --recipe {}", better(lead))).unwrap_or_default();
            page.next(
                &format!("isoflop plan FIT --flops {}{recipe}", numbers::compute(next.target.flops.get(), 3)),
                "the target as the fit has it",
            );
        }
        (_, Some(run)) => page.next(
            &format!("isoflop fit RUNS, then isoflop claim FIT --params {} --tokens {}", run.params, run.tokens),
            "train the others, fit them with the old runs, and seal the forecast of the held-out one before it is trained",
        ),
        (false, None) => page.next("isoflop fit RUNS", "when they are trained, fit them with the old runs"),
    }
    page.text
}

fn answer(next: &NextRuns, price: &dyn Fn(f64) -> Option<f64>) -> String {
    let cost = |flops: f64| {
        let dollars = price(flops).map(|usd| format!(", {}", dollars(usd))).unwrap_or_default();
        format!("{} FLOP{dollars}", numbers::compute(flops, 3))
    };
    let count = next.runs.len() + usize::from(next.validation.is_some());
    let runs =
        format!("{} run{} of {} in all", numbers::whole(count), if count == 1 { "" } else { "s" }, cost(next.spent));
    let target = numbers::compute(next.target.flops.get(), 3);
    let change =
        |change: Change| format!("from {} to {}", numbers::percent(change.before), numbers::percent(change.after));
    match (&next.decision, &next.lead) {
        (_, Some(lead)) => gain_answer(lead, count, &runs, &target),
        (Decision::Both | Decision::Regret, _) if count == 0 => format!(
            "none of the runs is worth its cost: {} of the target's compute ({}) is expected to be wasted on a wrong size, and no run saves more than it costs",
            numbers::percent(next.waste.before),
            cost(next.regret.before)
        ),
        (Decision::Loss, _) => {
            format!("{runs} bring the doubt about the loss at {target} FLOP {}", change(next.loss_sd))
        }
        (Decision::Size, _) => {
            format!("{runs} bring the doubt about the best size at {target} FLOP {}", change(next.ln_params_sd))
        }
        (Decision::Regret, _) => format!(
            "{runs} are worth their cost: they are expected to save the run of {target} FLOP {} that a wrong size would waste; {} stay at stake",
            cost(next.regret.before - next.regret.after),
            cost(next.regret.after)
        ),
        _ => format!(
            "{runs} bring the expected waste at {target} FLOP {}, and the doubt about its loss {}",
            change(next.waste),
            change(next.loss_sd)
        ),
    }
}

fn gain_answer(lead: &Lead, count: usize, runs: &str, target: &str) -> String {
    let (recipe, over) = (shown(&lead.recipe), shown(&lead.over));
    let sd = |sd: f64| numbers::percent(sd);
    match (lead.separated, count) {
        (true, 0) => format!(
            "{recipe} and {over} are told apart already: at {target} FLOP {}, with a standard deviation of {}; no run is needed",
            ahead(lead),
            sd(lead.sd.before)
        ),
        (true, _) => format!(
            "{runs} would tell {recipe} from {over} at {target} FLOP if they differ as estimated ({}): the doubt about the lead falls from {} to {}",
            ahead(lead),
            sd(lead.sd.before),
            sd(lead.sd.after)
        ),
        (false, _) => format!(
            "{runs} would not tell {recipe} from {over} at {target} FLOP yet ({}): the doubt about the lead falls from {} to {}, and {} would tell; raise the budget or the number of runs",
            ahead(lead),
            sd(lead.sd.before),
            sd(lead.sd.after),
            sd(lead.sd_that_separates())
        ),
    }
}

/// Which recipe is estimated to be ahead.
fn better(lead: &Lead) -> &str {
    if lead.value < 0.0 { &lead.over } else { &lead.recipe }
}

/// `muon is ahead by 0.4 % of the loss, a gain of 1.2x`.
pub(super) fn ahead(lead: &Lead) -> String {
    let behind = if lead.value < 0.0 { &lead.recipe } else { &lead.over };
    let gain = if lead.value < 0.0 { 1.0 / lead.gain } else { lead.gain };
    let gain = if gain.is_finite() {
        format!("which {} matches with {}x the compute", shown(behind), numbers::general(gain, 3))
    } else {
        format!("which no compute makes up for {}", shown(behind))
    };
    format!("{} is ahead by {} of the loss, {gain}", shown(better(lead)), numbers::percent(lead.value.abs()))
}

/// Dollars as people write them: `$1,234`, `$5.6e7`.
fn dollars(usd: f64) -> String {
    if usd < 1e7 {
        format!("${}", numbers::whole(usd.round() as usize))
    } else {
        format!("${}", numbers::compute(usd, 3))
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

/// Settings with how often each is run.
pub(super) fn settings<'a>(runs: impl IntoIterator<Item = &'a NextRun>) -> Vec<(&'a NextRun, usize)> {
    let mut settings: Vec<(&NextRun, usize)> = Vec::new();
    for run in runs {
        match settings.last_mut() {
            Some((_, times)) if run.purpose == Purpose::Replicate => *times += 1,
            _ => settings.push((run, 1)),
        }
    }
    settings
}

/// One row for each setting.
pub(super) fn runs_table(settings: &[(&NextRun, usize)]) -> Table {
    let first = |run: &NextRun| match (&run.recipe, &run.candidate) {
        (Some(recipe), Some(candidate)) => format!("{}, {}", shown(recipe), shown(candidate)),
        (Some(name), None) | (None, Some(name)) => shown(name),
        (None, None) => "-".to_owned(),
    };
    let recipes = settings.iter().any(|(run, _)| run.recipe.is_some());
    let mut table = Table::new([
        (if recipes { "recipe" } else { "candidate" }, Align::Left),
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
            &first(run),
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
        Purpose::Gain => "which recipe is better",
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
    if let Some(lead) = &next.lead {
        row("lead", lead.sd, "standard deviation, of one recipe's loss over the other's");
        return table;
    }
    row("loss", next.loss_sd, "standard deviation, the law's form taken as right");
    row("best size", next.ln_params_sd, "standard deviation of ln N*");
    row("waste", next.waste, "of the target's compute, expected from a wrong size");
    table
}
