//! A game with a hidden law for people: the task, what the runs showed and what they left, and what the answer was worth.

use isoflop::sandbox::{Assignment, Grade, Ledger, Level, Score};

use super::Page;
use crate::escape;
use crate::numbers;
use crate::table::{Align, Table};

/// The task.
pub fn assignment(assignment: &Assignment, folder: &str) -> String {
    let mut page = Page::default();
    let (budget, target) = (assignment.budget.get(), assignment.target.get());
    page.answer(&format!(
        "a law is hidden here: with {} FLOP for all your runs, find the size to train with {} FLOP and the loss it will reach",
        numbers::compute(budget, 3),
        numbers::compute(target, 3)
    ));
    let world = match assignment.level {
        Level::Textbook => "Hoffmann's law; runs scatter by 0.2 % of the loss",
        Level::Field => "two coupled terms; runs scatter by 0.5 % with heavy tails, and one in twenty goes wrong",
    };
    page.facts(&[
        ("world", world.to_owned()),
        ("player", format!("{}, seed {}", escape::plain(&assignment.player), assignment.seed)),
        ("distance", format!("{} the compute of all your runs together", numbers::factor(target / budget))),
    ]);
    page.next(
        &format!("isoflop sandbox train {folder} --params 20M --tokens 400M"),
        "and look at the loss; every run costs 6ND",
    );
    page.text
}

/// The latest runs, and the compute that is left.
pub fn ledger(ledger: &Ledger, latest: usize, table: &str) -> String {
    let mut page = Page::default();
    let (spent, left) = (ledger.spent(), ledger.left());
    page.answer(&format!(
        "{} run{} for {} FLOP; {} FLOP are left, {}",
        numbers::whole(ledger.runs().len()),
        if ledger.runs().len() == 1 { "" } else { "s" },
        numbers::compute(spent, 3),
        numbers::compute(left, 3),
        numbers::percent(left / (spent + left))
    ));
    let mut runs = Table::new([
        ("params", Align::Right),
        ("tokens", Align::Right),
        ("FLOP", Align::Right),
        ("loss", Align::Right),
        ("tokens/param", Align::Right),
    ]);
    for run in &ledger.runs()[ledger.runs().len() - latest..] {
        runs.row([
            &numbers::count(run.params.get()),
            &numbers::count(run.tokens.get()),
            &numbers::compute(run.flops.get(), 3),
            &format!("{:.4}", run.loss),
            &numbers::general(run.tokens.get() / run.params.get(), 3),
        ]);
    }
    page.table(&runs);
    page.next(
        &format!("isoflop fit {table} -o fit.json"),
        "once sizes and tokens differ enough, then `isoflop sandbox answer --fit fit.json`",
    );
    page.text
}

/// The truth, and what the answer was worth.
pub fn grade(grade: &Grade) -> String {
    let mut page = Page::default();
    let Score { answer, run, loss, error, held, wasted, .. } = &grade.score;
    page.answer(&format!(
        "you said {:.3} ({:.3}-{:.3}) for {} parameters; the run reached {loss:.3}: {} off, {} your interval",
        answer.loss,
        answer.lo,
        answer.hi,
        numbers::count(answer.params.get()),
        numbers::percent(error.abs()),
        if *held { "inside" } else { "outside" }
    ));
    let mut scores = Table::new([
        ("", Align::Left),
        ("size", Align::Right),
        ("forecast", Align::Right),
        ("reached", Align::Right),
        ("off", Align::Right),
        ("interval score", Align::Right),
        ("compute wasted", Align::Right),
    ]);
    let mut row = |who: &str, score: &Score| {
        scores.row([
            who,
            &numbers::count(score.answer.params.get()),
            &format!("{:.3} ({:.3}-{:.3})", score.answer.loss, score.answer.lo, score.answer.hi),
            &format!("{:.3}", score.loss),
            &numbers::signed_percent(score.error),
            &numbers::percent(score.interval_score),
            &numbers::percent(score.wasted),
        ]);
    };
    row("you", &grade.score);
    if let Some(reference) = &grade.reference {
        row("this program", reference);
    }
    page.table(&scores);
    page.remark(
        "Interval score: the width, and twenty times the distance of a miss; lower is better. This program had the same compute: its first sweep from a published law, and the default fit.",
    );
    let [floor, params_scale, tokens_scale, alpha, beta, coupling] = grade.truth;
    let number = |value: f64| numbers::general(value, 4);
    page.facts(&[
        (
            "truth",
            format!(
                "E {}, A {}, B {}, alpha {}, beta {}, k {}",
                number(floor),
                number(params_scale),
                number(tokens_scale),
                number(alpha),
                number(beta),
                number(coupling)
            ),
        ),
        (
            "best",
            format!(
                "{} on {} tokens: {:.4}; yours {:.4} without scatter",
                numbers::count(grade.best.params.get()),
                numbers::count(grade.best.tokens.get()),
                grade.best.expected_loss,
                run.expected_loss
            ),
        ),
        ("spent", format!("{} FLOP on {} runs", numbers::compute(grade.spent, 3), numbers::whole(grade.runs))),
    ]);
    let wasteful = *wasted > 0.05;
    page.next(
        &format!("isoflop sandbox new again --seed {}", grade.assignment.seed.wrapping_add(1)),
        if wasteful { "another world: runs on both sides of the best size tell it" } else { "another world" },
    );
    page.text
}

/// Many grades, and for each folder that has none the reason.
pub fn grades(marked: &[Result<&Grade, (&str, &str)>]) -> String {
    let mut page = Page::default();
    let graded: Vec<&Grade> = marked.iter().filter_map(|marked| marked.ok()).collect();
    let held = graded.iter().filter(|grade| grade.score.held).count();
    page.answer(&format!("{} of {} graded; {held} intervals held", graded.len(), marked.len()));
    let mut table = Table::new([
        ("player", Align::Left),
        ("runs", Align::Right),
        ("off", Align::Right),
        ("held", Align::Left),
        ("interval score", Align::Right),
        ("compute wasted", Align::Right),
    ]);
    for grade in &graded {
        let score = &grade.score;
        table.row([
            &grade.assignment.player,
            &numbers::whole(grade.runs),
            &numbers::signed_percent(score.error),
            if score.held { "yes" } else { "no" },
            &numbers::percent(score.interval_score),
            &numbers::percent(score.wasted),
        ]);
    }
    if !graded.is_empty() {
        page.table(&table);
    }
    for (folder, reason) in marked.iter().filter_map(|marked| marked.err()) {
        page.remark(&format!("{}: {}", escape::plain(folder), escape::plain(reason)));
    }
    page.text
}
