//! Recipes compared, for people: which is better and by how much compute, under what it was supposed that they share.

use isoflop::predict::Amount;
use isoflop::recipes::{Crossover, Form, GainUnder, Money, Pair, RecipeComparison, Separation, TABLE_COLUMN};

use super::Page;
use super::next::{ahead, runs_table, settings};
use crate::escape;
use crate::numbers;
use crate::table::{Align, Table};

/// Recipes compared.
pub fn recipes(compared: &RecipeComparison) -> String {
    let mut page = Page::default();
    page.answer(&answers(compared));
    page.table(&gains(compared));
    for pair in &compared.pairs {
        page.remark(&remark(pair, compared));
        if let Some(needed) = pair.needed.as_ref().filter(|needed| needed.lead.separated) {
            page.table(&runs_table(&settings(&needed.runs)));
        }
    }
    page.table(&curve(compared));
    page.table(&forms(compared));
    page.doubts(&compared.warnings);
    let recipes: Vec<String> =
        compared.recipes.iter().map(|(name, runs)| format!("{} ({runs} runs)", shown(name))).collect();
    page.facts(&[
        (
            "gain",
            "how many times the compute the reference needs for the loss of the recipe's best run at that compute"
                .to_owned(),
        ),
        ("recipes", format!("{}; the first is the reference", recipes.join(", "))),
        ("supposed", format!("recipes are {}: the most they may share by these runs", form(compared.chosen))),
        ("covers", compared.covers.clone()),
        ("losses", "measured on the same held-out text for every recipe: nothing is compared otherwise".to_owned()),
    ]);
    if compared.pairs.iter().any(|pair| pair.winner.is_none()) {
        let again = if compared.column == TABLE_COLUMN { "compare TABLE TABLE" } else { "compare RUNS --by COLUMN" };
        page.next(&format!("isoflop {again}"), "with runs like those named above added");
    } else {
        page.next("isoflop fit RUNS", "with the better recipe alone, or with all in a column recipe");
    }
    page.text
}

/// Which is better, pair by pair, in one sentence.
pub(crate) fn answers(compared: &RecipeComparison) -> String {
    let flops = numbers::compute(compared.flops, 3);
    let answers: Vec<String> = compared.pairs.iter().map(|pair| answer(pair, &flops, compared.level)).collect();
    answers.join("; ")
}

/// The gain where it was asked about, over compute, and what the recipes may share, each under its title.
pub(crate) fn tables(compared: &RecipeComparison) -> [(&'static str, Table); 3] {
    [("Gain", gains(compared)), ("Gain over compute", curve(compared)), ("What they may share", forms(compared))]
}

pub(super) fn shown(name: &str) -> String {
    escape::shorten(name, 40)
}

/// What the recipes were supposed to share.
fn form(form: Form) -> &'static str {
    match form {
        Form::Equal => "the same",
        Form::Tied => "tied: one floor, the same exponents, and other worth of size and data",
        Form::SharedFloor => "of one floor, and of different exponents",
        Form::Free => "free: nothing is shared",
    }
}

fn short(form: Form) -> &'static str {
    match form {
        Form::Equal => "equal",
        Form::Tied => "tied",
        Form::SharedFloor => "shared floor",
        Form::Free => "free",
    }
}

fn times(gain: f64) -> String {
    if gain.is_finite() { format!("{}x", numbers::general(gain, 3)) } else { "no end".to_owned() }
}

fn sentence(gain: &Amount, level: f64) -> String {
    format!("{} ({} at {})", times(gain.value), numbers::ends(gain, &times), numbers::level(level))
}

fn answer(pair: &Pair, flops: &str, level: f64) -> String {
    let (recipe, reference) = (shown(&pair.recipe), shown(&pair.reference));
    match pair.winner.as_ref() {
        Some(winner) if *winner == pair.recipe && !pair.gain.gain.value.is_finite() => format!(
            "{recipe} is better: no compute brings {reference} to what it reaches at {flops} FLOP{}",
            pair.gain
                .gain
                .lo
                .map(|lo| format!(" (at least {} at {})", times(lo), numbers::level(level)))
                .unwrap_or_default()
        ),
        Some(winner) if *winner == pair.recipe => format!(
            "{recipe} is better: at {flops} FLOP {reference} needs {} the compute to match it",
            sentence(&pair.gain.gain, level)
        ),
        Some(_) => format!(
            "{reference} is better: at {flops} FLOP it needs only {} the compute of {recipe} to match it",
            sentence(&pair.gain.gain, level)
        ),
        None => format!(
            "{recipe} and {reference} are not separable yet: at {flops} FLOP the gain is {}",
            sentence(&pair.gain.gain, level)
        ),
    }
}

/// Crossing, disagreement between forms, money, and runs that would tell.
fn remark(pair: &Pair, compared: &RecipeComparison) -> String {
    let mut sentences = Vec::new();
    sentences.push(crossover(pair, &pair.crossover, "The curves"));
    let supposed = |form: Form| pair.under.iter().find(|under| under.form == form).map(verdict);
    if let (Some(tied), Some(free)) = (supposed(Form::Tied), supposed(Form::Free)) {
        sentences.push(if tied == free {
            format!("With one floor and with a floor of its own for each the verdict is the same: {tied}.")
        } else {
            format!(
                "The verdict hangs on the floor, and larger runs are needed to tell: with one floor (tied) {tied}, with a floor of its own for each (free) {free}."
            )
        });
    }
    if let Some(money) = &pair.money {
        sentences.push(in_money(pair, money, compared.level));
    }
    if let Some(needed) = &pair.needed {
        sentences.push(separation(needed));
    }
    sentences.join(" ")
}

/// Where curves cross, or that they do not.
fn crossover(pair: &Pair, crossover: &Crossover, what: &str) -> String {
    let compute = |flops: f64| numbers::compute(flops, 2);
    let (recipe, reference) = (shown(&pair.recipe), shown(&pair.reference));
    match &crossover.flops {
        Some(flops) => format!(
            "{what} of {recipe} and {reference} cross at {} FLOP ({}); in {} of the draws never before {} FLOP.",
            compute(flops.value),
            numbers::ends(flops, &compute),
            numbers::percent(crossover.never),
            compute(crossover.until)
        ),
        None => format!(
            "{what} of {recipe} and {reference} do not cross before {} FLOP; in {} of the draws they do.",
            compute(crossover.until),
            numbers::percent(1.0 - crossover.never)
        ),
    }
}

/// Which is the cheaper one, from where on.
fn in_money(pair: &Pair, money: &Money, level: f64) -> String {
    let winner = match &money.winner {
        Some(winner) => format!("{} is the cheaper one", shown(winner)),
        None => "which is cheaper is not separable yet".to_owned(),
    };
    format!(
        "In money, a FLOP of {} costing {}x, the gain is {}: {winner}. {}",
        shown(&pair.recipe),
        numbers::general(money.cost_ratio, 3),
        sentence(&money.gain, level),
        crossover(pair, &money.crossover, "At equal money, the curves")
    )
}

/// The verdict under one form, in a few words.
fn verdict(under: &GainUnder) -> String {
    match &under.winner {
        Some(winner) => format!("{} is better", shown(winner)),
        None => "not separable yet".to_owned(),
    }
}

/// Whether the runs named in the table below would tell the two apart, and at what cost.
fn separation(needed: &Separation) -> String {
    let lead = &needed.lead;
    let compute = |flops: f64| numbers::compute(flops, 2);
    if lead.separated {
        return format!(
            "If they differ as estimated ({}), {} more runs of {} FLOP in all, below, would tell (at 5 %, four times in five, where what is supposed holds).",
            ahead(lead),
            numbers::whole(needed.runs.len()),
            compute(needed.spent)
        );
    }
    format!(
        "If they differ as little as estimated ({}), not even {} more runs of up to {} FLOP would tell: take the cheaper or simpler one.",
        ahead(lead),
        numbers::whole(needed.most_runs),
        compute(needed.largest)
    )
}

fn gains(compared: &RecipeComparison) -> Table {
    let interval = format!("{} interval", numbers::level(compared.level));
    let mut table = Table::new([
        ("recipe", Align::Left),
        ("supposed", Align::Left),
        ("gain", Align::Right),
        (&interval, Align::Left),
        ("better in", Align::Right),
        ("verdict", Align::Left),
    ]);
    for pair in &compared.pairs {
        for under in &pair.under {
            let mark = if under.form == compared.chosen { " *" } else { "" };
            table.row([
                &shown(&pair.recipe),
                &format!("{}{mark}", short(under.form)),
                &times(under.gain.value),
                &numbers::ends(&under.gain, &times),
                &format!("{} of draws", numbers::percent(under.better)),
                &verdict(under),
            ]);
        }
    }
    table
}

fn curve(compared: &RecipeComparison) -> Table {
    let interval = format!("{} interval", numbers::level(compared.level));
    let mut table =
        Table::new([("recipe", Align::Left), ("FLOP", Align::Right), ("gain", Align::Right), (&interval, Align::Left)]);
    for pair in &compared.pairs {
        // Every sixth point shows the course; the figure and the JSON have all.
        for at in pair.curve.iter().step_by(6) {
            table.row([
                &shown(&pair.recipe),
                &numbers::compute(at.flops, 2),
                &times(at.gain.value),
                &numbers::ends(&at.gain, &times),
            ]);
        }
    }
    table
}

fn forms(compared: &RecipeComparison) -> Table {
    let mut table = Table::new([
        ("supposed", Align::Left),
        ("unknowns", Align::Right),
        ("scatter", Align::Right),
        ("against the next, p", Align::Left),
    ]);
    for test in &compared.forms {
        let p = test.p_value.map(|p| if p < 1e-4 { "under 0.0001".to_owned() } else { format!("{p:.4}") });
        let mark = if test.form == compared.chosen { " *" } else { "" };
        table.row([
            &format!("{}{mark}", short(test.form)),
            &test.unknowns.to_string(),
            &numbers::percent(test.scatter),
            &p.unwrap_or_default(),
        ]);
    }
    table
}
