//! A tuned recipe for people: the best rates and batch with intervals, what a step off them costs, whether they transfer.

use isoflop::tuning::{Factor, Move, STEP, Settled, Transfer, multiplier};
use serde::Serialize;

use super::Page;
use crate::escape;
use crate::numbers;
use crate::table::{Align, Table};

/// What tuning found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TunedRecipe {
    /// `isoflop.tune/1`.
    pub schema: &'static str,
    /// Name of the recipe.
    pub recipe: String,
    /// Whether the best is known well enough.
    pub settled: Settled,
    /// Hidden rate, embedding rate, batch.
    pub factors: Vec<TunedFactor>,
    /// Power of width by which the hidden rate's best departs from the recipe's rule, with its standard error.
    pub drift: Option<(f64, f64)>,
    /// Standard deviation of ln loss between seeds.
    pub noise: f64,
    /// Widths that were trained.
    pub widths: Vec<usize>,
    /// Runs that were trained, those that diverged included.
    pub runs: usize,
    /// Runs that diverged.
    pub diverged: usize,
    /// Training FLOPs of all of them.
    pub flops: f64,
    /// Training FLOPs there were.
    pub budget: f64,
    /// Level of the intervals.
    pub level: f64,
    /// Whether the hidden rate is best at other widths too.
    pub transfers: Vec<Transfer>,
    /// The recipe's file.
    pub path: String,
}

/// One tuned factor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TunedFactor {
    /// Which.
    pub factor: Factor,
    /// Its value in the recipe before.
    pub before: f64,
    /// Its best value.
    pub best: f64,
    /// Steps from the one to the other, at the largest width.
    pub moved: f64,
    /// Lower end of the interval of `moved`.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// ln loss that one step off the best gives away.
    pub step_costs: f64,
}

/// What tuning found: the answer, each factor, and how it is known.
pub fn tuned(found: &TunedRecipe) -> String {
    let mut page = Page::default();
    page.answer(&answer(found));
    page.table(&factors_table(found));
    for transfer in &found.transfers {
        page.remark(&transferred(transfer));
    }
    let widths: Vec<String> = found.widths.iter().map(ToString::to_string).collect();
    let diverged = match found.diverged {
        0 => String::new(),
        count => format!(", {} of them diverged", numbers::whole(count)),
    };
    let mut facts = vec![
        ("recipe", escape::plain(&found.recipe)),
        (
            "runs",
            format!(
                "{} at width {}{diverged}; {} of {} FLOP",
                numbers::whole(found.runs),
                widths.join(", "),
                numbers::compute(found.flops, 3),
                numbers::compute(found.budget, 3)
            ),
        ),
        ("noise", format!("runs of one seed scatter by {} of the loss", numbers::percent(found.noise))),
        ("step", format!("a factor of {STEP}")),
        (
            "hidden rate",
            "quoted at the recipe's base width and batch, both before and at its best; times and steps compare equal batches"
                .to_owned(),
        ),
    ];
    if let Some((drift, error)) = found.drift {
        let words =
            format!("the best hidden rate departs from the recipe's rule as width to the {drift:.2} +- {error:.2}");
        facts.push(("width", words));
    }
    page.facts(&facts);
    page.next(
        &format!("isoflop lab TEXT --recipe {}", escape::plain(&found.path)),
        "a ladder that inherits these rates; isoflop tune with --probe WIDTH says whether they hold at a larger size",
    );
    page.text
}

fn answer(found: &TunedRecipe) -> String {
    let [hidden, embedding, batch] =
        [0, 1, 2].map(|index| found.factors.get(index).map_or(f64::NAN, |factor| factor.best));
    let values = format!(
        "hidden rate {}, embedding rate {}, batch {} tokens",
        numbers::general(hidden, 2),
        numbers::general(embedding, 2),
        numbers::general(batch, 3)
    );
    match found.settled {
        Settled::Yes => format!("{values}: each is known to half a step"),
        Settled::Doubtful => {
            format!(
                "{values}, as far as the budget reached: not each is known to half a step; more --flops goes on from here"
            )
        }
        Settled::Outside => {
            format!("{values} is the best that was tried, and better lies beyond it; more --flops goes on from here")
        }
    }
}

fn factors_table(found: &TunedRecipe) -> Table {
    let interval = format!("steps, {}", numbers::level(found.level));
    let mut table = Table::new([
        ("", Align::Left),
        ("was", Align::Right),
        ("best", Align::Right),
        ("times", Align::Right),
        (&interval, Align::Left),
        ("a step off costs", Align::Right),
    ]);
    for factor in &found.factors {
        table.row([
            factor.factor.name(),
            &numbers::general(factor.before, 3),
            &numbers::general(factor.best, 3),
            &format!("{:.2}", multiplier(factor.moved)),
            &format!("{:+.1} ({:+.1} to {:+.1})", factor.moved, factor.low, factor.high),
            &numbers::percent(factor.step_costs),
        ]);
    }
    table
}

/// Whether a rate transfers, in a sentence.
pub fn transferred(transfer: &Transfer) -> String {
    let Transfer { width, moved, low, high, level, excess, verdict } = transfer;
    let steps = format!("by {moved:.1} steps ({low:.1} to {high:.1}, {})", numbers::level(*level));
    match verdict {
        Move::Transfers => format!("width {width}: transfers: the optimum moved {steps}"),
        Move::Moved => {
            format!(
                "width {width}: does not transfer: the optimum moved {steps}, and the tuned rate gives away {}",
                numbers::percent(*excess)
            )
        }
        Move::Unclear => format!("width {width}: cannot be told: the optimum moved {steps}; more seeds would tell"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> TunedRecipe {
        let factor = |factor, before: f64, moved: f64| TunedFactor {
            factor,
            before,
            best: before * multiplier(moved),
            moved,
            low: moved - 0.5,
            high: moved + 0.5,
            step_costs: 0.004,
        };
        let transfer = |moved: f64, verdict| Transfer {
            width: 128.0,
            moved,
            low: moved - 0.5,
            high: moved + 0.5,
            level: 0.9,
            excess: 0.0123,
            verdict,
        };
        TunedRecipe {
            schema: "isoflop.tune/1",
            recipe: "mine\u{1b}[31m".to_owned(),
            settled: Settled::Yes,
            factors: vec![
                factor(Factor::HiddenRate, 0.0057, 1.0),
                factor(Factor::EmbeddingRate, 0.025, -0.5),
                factor(Factor::Batch, 640.0, 0.2),
            ],
            drift: Some((-0.1, 0.08)),
            noise: 0.0071,
            widths: vec![16, 24, 32],
            runs: 54,
            diverged: 2,
            flops: 1.1e12,
            budget: 2e12,
            level: 0.9,
            transfers: vec![transfer(0.3, Move::Transfers), transfer(1.8, Move::Moved), transfer(0.1, Move::Unclear)],
            path: "out/tuned.toml".to_owned(),
        }
    }

    #[test]
    fn a_tuned_recipe_is_said_in_words_with_all_it_rests_on() {
        let text = tuned(&found());
        for part in [
            "hidden rate 0.0086, embedding rate 0.020, batch 694 tokens: each is known to half a step",
            "+1.0 (+0.5 to +1.5)",
            "0.40 %",
            "transfers: the optimum moved by 0.3 steps (-0.2 to 0.8, 90 %)",
            "does not transfer: the optimum moved by 1.8 steps",
            "gives away 1.2 %",
            "cannot be told",
            "54 at width 16, 24, 32, 2 of them diverged; 1.1e12 of 2e12 FLOP",
            "0.71 %",
            "-0.10 +- 0.08",
            "next: isoflop lab TEXT --recipe out/tuned.toml",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "escaped");
    }

    #[test]
    fn what_is_not_settled_says_so_first() {
        let first = |settled| tuned(&TunedRecipe { settled, ..found() }).replace('\n', " ");
        assert!(first(Settled::Doubtful).contains("not each is known to half a step"));
        assert!(first(Settled::Outside).contains("better lies beyond it"));
    }
}
