//! A plan in words and in a table, for the text and the Markdown report.

use isoflop::blueprint::Blueprint;
use isoflop::hardware::Cost;
use isoflop::plan::{BatchCost, Binding, Limit, Phase, RELAXED_BY, Serving, Worth};
use isoflop::{Estimate, Plan};

use crate::numbers::{self, Rounded};
use crate::table::{Align, Table};
use crate::words::dollars;

/// The run as it can be started: its shape, its batches, and what papers advise; by heading.
pub(crate) fn blueprint(blueprint: &Blueprint) -> [(&'static str, String); 3] {
    let shape = &blueprint.architecture;
    let gated = if shape.gated { "gated" } else { "plain" };
    let advice = blueprint.advice.iter().map(|advice| {
        format!(
            "{:.1e} with batches of {:.2} ({}, {})",
            advice.learning_rate, advice.batch, advice.law, advice.optimizer
        )
    });
    [
        (
            "shape",
            format!(
                "{} layers of width {}, {} heads of {}, feed-forward {} ({gated}), vocabulary {}, context {}: {:.3} parameters",
                shape.depth,
                numbers::whole(shape.width),
                shape.heads,
                shape.head_width,
                numbers::whole(shape.feed_forward),
                numbers::whole(shape.vocabulary),
                numbers::whole(shape.context),
                blueprint.params
            ),
        ),
        (
            "batches",
            format!(
                "{} steps of {:.3} tokens, {:.3} in all: {} FLOP with attention and head counted exactly",
                numbers::whole(blueprint.steps as usize),
                blueprint.batch,
                blueprint.tokens,
                numbers::compute(blueprint.flops.get(), 3)
            ),
        ),
        (
            "rates",
            format!("learning rate {}: papers disagree, your own sweep decides", advice.collect::<Vec<_>>().join(", ")),
        ),
    ]
}

/// A plan in one sentence, without its end.
pub(crate) fn answer(plan: &Plan) -> String {
    let price = plan.cost.usd.map(|usd| format!(", {}", dollars(usd))).unwrap_or_default();
    let compute = plan.goal.map(|_| format!(", {} FLOP", numbers::compute(plan.flops.value, 3))).unwrap_or_default();
    format!(
        "train {} on {} tokens: loss {}{compute}{price}{}",
        numbers::count(plan.params.value),
        numbers::count(plan.tokens.value),
        Rounded::loss(&plan.new_run).sentence(plan.level),
        flat_range(plan).map(|range| format!("; {range}")).unwrap_or_default(),
    )
}

/// Which sizes are as good, where more than one is.
fn flat_range(plan: &Plan) -> Option<String> {
    let range = &plan.flat_range;
    let sizes = numbers::count_range(range.params_lo, range.params_hi);
    let tolerance = numbers::level(range.tolerance);
    /// A range this narrow is the limit that the plan stands at.
    const WIDE: f64 = 1.001;
    (range.params_hi > WIDE * range.params_lo)
        .then(|| format!("any size in {sizes} costs under {tolerance} more compute"))
}

/// What a plan decides, with intervals, and what it costs.
pub(crate) fn table(plan: &Plan) -> Table {
    let interval = format!("{} interval", numbers::level(plan.level));
    let mut table =
        Table::new([("", Align::Left), ("value", Align::Right), (&interval, Align::Left), ("is", Align::Left)]);
    let mut row = |name: &str, rounded: Rounded, is: &str| {
        table.row([name, &rounded.value, &rounded.interval(), is]);
    };
    row("params", Rounded::count(&plan.params), "best model size");
    row("tokens", Rounded::count(&plan.tokens), "to train it on");
    row("tokens/param", Rounded::ratio(&plan.tokens_per_param), "");
    if let Some(epochs) = &plan.epochs {
        row("epochs", Rounded::ratio(epochs), "passes over the distinct tokens");
    }
    row("loss", Rounded::loss(&plan.loss), "nats per token, if the law's form holds");
    row("one run", Rounded::loss(&plan.new_run), "the form may not hold, and runs scatter");
    if is_certain(&plan.flops) {
        table.row(["compute", &numbers::compute(plan.flops.value, 3), "", "FLOP, the budget"]);
    } else {
        row("compute", Rounded::compute(&plan.flops), "FLOP, training");
    }
    for (name, amount, interval, is) in cost_rows(plan) {
        table.row([name, &amount, &interval, is]);
    }
    if let Some(serving) = &plan.serving {
        table.row(["serving", &numbers::compute(serving.flops, 3), "", "FLOP, 2 N for each token served"]);
        match serving.cost.usd {
            Some(usd) => {
                table.row(["", &dollars(usd), "", "for serving"]);
                for (name, phase) in [("prompts", serving.prompts), ("answers", serving.answers)] {
                    if let Some((name, usd, is)) = phase.and_then(|phase| phase_row(name, &phase)) {
                        table.row([name, &usd, "", &is]);
                    }
                }
                table.row([
                    "total",
                    &dollars(serving.total),
                    &total_interval(serving, dollars),
                    "training and serving",
                ]);
            }
            None => {
                let compute = |flops| numbers::compute(flops, 3);
                let interval = total_interval(serving, compute);
                table.row(["total", &compute(serving.total), &interval, "FLOP, training and serving"]);
            }
        }
    }
    table
}

/// What a phase of serving costs, and how long a device takes for it.
fn phase_row(name: &'static str, phase: &Phase) -> Option<(&'static str, String, String)> {
    let (tokens, milliseconds) = (numbers::count(phase.tokens), numbers::general(1e3 * phase.seconds_per_token, 3));
    Some((name, dollars(phase.cost.usd?), format!("{tokens} tokens, {milliseconds} ms each on one device")))
}

fn total_interval(serving: &Serving, text: impl Fn(f64) -> String) -> String {
    ends(serving.total_interval, text).unwrap_or_default()
}

/// An interval in words; `None` where both ends read alike, as of a quantity that the budget names.
fn ends(interval: Option<(f64, f64)>, text: impl Fn(f64) -> String) -> Option<String> {
    let (lo, hi) = interval.map(|(lo, hi)| (text(lo), numbers::or_no_end(hi, &text)))?;
    (lo != hi).then(|| format!("{lo} to {hi}"))
}

fn is_certain(estimate: &Estimate) -> bool {
    estimate.lo == Some(estimate.value) && estimate.hi == Some(estimate.value)
}

type CostRow = (&'static str, String, String, &'static str);

fn cost_rows(plan: &Plan) -> Vec<CostRow> {
    type Amount = (&'static str, fn(&Cost) -> Option<f64>, fn(f64) -> String, &'static str);
    let general = |value: f64| numbers::general(value, 3);
    let tonnes = |kg: f64| numbers::general(kg / 1000.0, 3);
    let amounts: [Amount; 5] = [
        ("price", |cost| cost.usd, dollars, ""),
        ("device-hours", |cost| cost.gpu_hours, numbers::count, ""),
        ("days", |cost| cost.days, general, "wall time"),
        ("energy", |cost| cost.energy_kwh, numbers::count, "kWh"),
        ("CO2", |cost| cost.co2_kg, tonnes, "tonnes"),
    ];
    let row = |(name, of, text, is): Amount| {
        let interval = plan.cost_interval.as_ref().and_then(|(lo, hi)| of(lo).zip(of(hi)));
        Some((name, text(of(&plan.cost)?), ends(interval, text).unwrap_or_default(), is))
    };
    amounts.into_iter().filter_map(row).collect()
}

/// What acting on the point estimate risks.
pub(crate) fn regret(plan: &Plan) -> String {
    let spent = if plan.serving.is_some() { "cost" } else { "compute" };
    match plan.regret {
        Some(regret) => format!(
            "acting on these point values wastes {} of the {spent} in the middle of the draws, {} in the worst twentieth",
            numbers::percent(regret.median),
            numbers::percent(regret.p95)
        ),
        None => "unknown: the fit has no draws".to_owned(),
    }
}

/// What the batch costs beside the critical one, where either is known.
pub(crate) fn batch(plan: &Plan) -> Option<String> {
    let BatchCost { batch, critical, wasted, steps_factor, counted, .. } = plan.batch?;
    let [batch, critical] = [batch, critical].map(numbers::count);
    let (wasted, times) = (numbers::percent(wasted), numbers::general(steps_factor, 2));
    let trade = format!(
        "the critical batch at this loss is about {critical} (Kaplan et al. 2020, small models; newer papers differ): with {batch} a step, \
         {wasted} of the tokens save steps instead of lowering the loss, and the steps are {times} times the fewest"
    );
    Some(if counted {
        format!("{trade}; this plan counts that")
    } else {
        format!("{trade}; this plan does not count that, --batch {batch} does")
    })
}

/// What the same loss would cost later, where that was asked.
pub(crate) fn later(plan: &Plan) -> Option<String> {
    let later = plan.later.as_ref()?;
    let compute = |flops| numbers::compute(flops, 3);
    let between = |of: &Estimate, text: fn(f64) -> String| {
        ends(of.lo.zip(of.hi), text).map(|ends| format!(" ({ends})")).unwrap_or_default()
    };
    let price = later.usd.as_ref().map(|usd| format!(", {}{}", dollars(usd.value), between(usd, dollars)));
    Some(format!(
        "the same loss in {} years for {}{} FLOP{}, if the compute for it goes on falling by {} times a year (Ho et al. 2024): a belief \
         beside the fit; later work finds less in small runs (Gundlach et al. 2025)",
        numbers::general(later.years, 3),
        compute(later.flops.value),
        between(&later.flops, compute),
        price.unwrap_or_default(),
        later.yearly
    ))
}

/// How sure a goal is, where there is one.
pub(crate) fn goal(plan: &Plan) -> Option<String> {
    let goal = plan.goal?;
    let mut parts = vec![format!("loss {} or lower", numbers::general(goal.loss, 5))];
    parts.extend(goal.reached.map(|chance| format!("this run shows it with a chance of {}", numbers::percent(chance))));
    parts.extend(
        goal.within_budget.map(|share| format!("the budget is enough in {} of the draws", numbers::percent(share))),
    );
    parts.extend(
        goal.impossible.filter(|share| *share > 0.0).map(|share| {
            format!("in {} of the draws no budget is, for the floor lies above it", numbers::percent(share))
        }),
    );
    Some(parts.join("; "))
}

/// The limits that a plan runs into, with what more of each is worth; a budget alone is no news.
pub(crate) fn limits(plan: &Plan) -> Vec<String> {
    match plan.binding.as_slice() {
        [Binding { limit: Limit::Budget, .. }] => Vec::new(),
        bindings => bindings.iter().map(limit).collect(),
    }
}

fn limit(binding: &Binding) -> String {
    let what = match binding.limit {
        Limit::Budget => "budget",
        Limit::Params => "size",
        Limit::Memory => "memory",
        Limit::Speed => "memory bandwidth",
        Limit::UniqueTokens => "distinct text",
        Limit::Epochs => "epochs",
        Limit::Days => "days",
        _ => "of a limit this version has no words for",
    };
    let more = numbers::level(RELAXED_BY);
    let worth = match binding.worth {
        Worth::LowerLoss(nats) => format!("{} nats", numbers::general(nats, 2)),
        Worth::LowerCost(share) => format!("{} of the cost", numbers::percent(share)),
    };
    format!("{}: {more} more {what} is worth {worth}", binding.amount)
}
