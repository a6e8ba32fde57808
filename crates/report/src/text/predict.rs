//! What a loss takes, and finished runs against the curve, for people.

use isoflop::predict::{Against, Amount, Held, Judged, Required, Side};

use super::Page;
use crate::escape;
use crate::numbers::{self, Rounded};
use crate::table::{Align, Table};
use crate::words;

/// Runs that the table shows, the farthest off first; the JSON has all.
const SHOWN: usize = 20;

/// The run that a loss takes, with `held` as it was asked.
pub fn required(required: &Required, held: Held) -> String {
    let Required { target, params, tokens, flops, level, .. } = required;
    let mut page = Page::default();
    let (size, text) = (numbers::count(params.value), numbers::count(tokens.value));
    let answer = match held {
        Held::Nothing => format!("{} FLOP: {size} on {text} tokens", numbers::compute(flops.value, 3)),
        Held::Params(_) => format!("{text} tokens for {size}, {} FLOP", numbers::compute(flops.value, 3)),
        Held::Tokens(_) => format!("{size} for {text} tokens, {} FLOP", numbers::compute(flops.value, 3)),
    };
    page.answer(&format!("loss {} takes {answer}", numbers::general(target.get(), 4)));
    let interval = format!("{} interval", numbers::level(*level));
    let mut table =
        Table::new([("", Align::Left), ("value", Align::Right), (&interval, Align::Left), ("is", Align::Left)]);
    let mut row = |name: &str, amount: &Amount, text: &dyn Fn(f64) -> String, is: &str| {
        table.row([name, &text(amount.value), &numbers::ends(amount, text), is]);
    };
    let compute = |value: f64| numbers::compute(value, 3);
    row("params", params, &numbers::count, if matches!(held, Held::Params(_)) { "held" } else { "" });
    row("tokens", tokens, &numbers::count, if matches!(held, Held::Tokens(_)) { "held" } else { "" });
    row("compute", flops, &compute, if held == Held::Nothing { "FLOP, the least" } else { "FLOP, C = 6 N D" });
    page.table(&table);
    match required.impossible {
        None => page.remark(words::NO_INTERVAL),
        Some(0.0) => page.remark("No draw of the fit says that the loss is out of reach."),
        Some(share) => page.remark(&format!(
            "In {} of the draws no amount is enough: the loss lies under what they fall towards.",
            numbers::percent(share)
        )),
    }
    page.doubts(&required.warnings);
    page.facts(&[("covers", required.covers.clone()), ("distance", words::reach(&required.extrapolation))]);
    let run = format!("isoflop predict FIT --params {size} --tokens {text}");
    page.next(&run, "what one such run may end at: scatter and error of form are in that");
    page.text
}

/// Finished runs against the curve.
pub fn against(against: &Against) -> String {
    let mut page = Page::default();
    page.answer(&answer(against));
    let mut farthest: Vec<&Judged> = against.runs.iter().collect();
    farthest.sort_by(|one, other| other.z.abs().total_cmp(&one.z.abs()));
    page.table(&table(farthest.iter().take(SHOWN).copied(), against.level));
    if against.runs.len() > SHOWN {
        page.remark(&format!("The {SHOWN} runs farthest off; all {} are in the JSON.", against.runs.len()));
    }
    let mut facts = vec![
        ("excess", "ln observed minus ln expected: below zero the run is better".to_owned()),
        (
            "z",
            "excess over the standard deviation of doubt about the law, error of form and scatter of runs together"
                .to_owned(),
        ),
        ("lower", "share of such runs expected to end lower; it knows how heavy the tails are, z does not".to_owned()),
    ];
    if let [run] = against.runs.as_slice() {
        let Judged { spread, .. } = run;
        let parts = [spread.law, spread.form, spread.scatter].map(numbers::percent);
        facts.push(("doubts", format!("law {}, form {}, scatter of runs {}", parts[0], parts[1], parts[2])));
        facts.push(("distance", words::reach(&run.extrapolation)));
    }
    let left_out = against.runs.iter().filter(|run| run.left_out).count();
    facts.push((
        "left out",
        match (against.fitted_known, left_out) {
            (false, _) => "unknown: the fit does not keep its runs; if these are among them give --fitted RUNS, else the curve is pulled towards them".to_owned(),
            (true, 0) => "none of these runs was among the fitted ones".to_owned(),
            (true, 1) => "the run was among the fitted ones, and was judged by the fit without it".to_owned(),
            (true, count) => format!("{} runs were among the fitted ones; each was judged by the fit without it", numbers::whole(count)),
        },
    ));
    facts.extend(against.unfinished.iter().take(5).map(|reason| ("not judged", reason.clone())));
    if against.unfinished.len() > 5 {
        facts.push(("not judged", format!("and {} more whose schedule has not ended", against.unfinished.len() - 5)));
    }
    page.facts(&facts);
    if against.runs.iter().any(|run| run.side == Side::Above) {
        page.next("isoflop diagnose RUNS", "what may be wrong with runs above the curve");
    } else {
        page.next("isoflop fit RUNS", "with runs that were not in the fit added");
    }
    page.text
}

fn answer(against: &Against) -> String {
    if let [run] = against.runs.as_slice() {
        let expected = Rounded::loss(&run.expected);
        let side = match run.side {
            Side::Below => "below the curve: better than chance allows",
            Side::On => "on the curve",
            Side::Above => "above the curve: worse than chance allows",
        };
        return format!(
            "{} is {side}; its loss {:.4} is {} of the expected {}, z = {:+.1}",
            escape::shorten(&run.run, 40),
            run.observed.get(),
            numbers::signed_percent(run.excess),
            expected.sentence(against.level),
            run.z
        );
    }
    let count = |side: Side| against.runs.iter().filter(|run| run.side == side).count();
    let all = against.runs.len();
    format!(
        "{} of {all} runs below the curve, {} above it; by chance about {:.1} on each side",
        count(Side::Below),
        count(Side::Above),
        0.5 * (1.0 - against.level) * all as f64
    )
}

fn table<'a>(runs: impl Iterator<Item = &'a Judged>, level: f64) -> Table {
    let expected = format!("expected ({})", numbers::level(level));
    let mut table = Table::new([
        ("run", Align::Left),
        ("params", Align::Right),
        ("tokens", Align::Right),
        ("observed", Align::Right),
        (&expected, Align::Left),
        ("excess", Align::Right),
        ("z", Align::Right),
        ("lower", Align::Right),
        ("is", Align::Left),
    ]);
    for run in runs {
        let loss = Rounded::loss(&run.expected);
        table.row([
            &escape::shorten(&run.run, 24),
            &numbers::count(run.params.get()),
            &numbers::count(run.tokens.get()),
            &format!("{:.4}", run.observed.get()),
            &format!("{} ({})", loss.value, loss.interval()),
            &numbers::signed_percent(run.excess),
            &format!("{:+.1}", run.z),
            &numbers::percent(run.percentile),
            match run.side {
                Side::Below => "below",
                Side::On => "on",
                Side::Above => "above",
            },
        ]);
    }
    table
}
