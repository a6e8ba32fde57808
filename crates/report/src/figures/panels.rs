//! Loss against compute, size and tokens side by side, as Kaplan et al. 2020 draw it, and below it what is above the floor.

use isoflop::{DroppedNumbers, Fit, Params, Run, Runs, Tokens};

use super::shared::{self, Best};
use crate::budgets::{self, Budget, Budgets};
use crate::figure::{Axis, Color, Direction, Dot, Extent, Figure, Label, Mark, Panel, Quantity, Side, Weight};
use crate::numbers::Rounded;

/// Best runs.
const SAMPLES: usize = 48;

/// What loss is shown against.
struct Against {
    name: &'static str,
    quantity: Quantity,
    of: fn(&Run) -> f64,
    of_dropped: fn(&DroppedNumbers) -> f64,
    /// Whether runs of one budget differ in it, and may be joined.
    joins: bool,
}

const AGAINST: [Against; 3] = [
    Against {
        name: "compute C, FLOP",
        quantity: Quantity::Compute,
        of: |run| run.flops.get(),
        of_dropped: |dropped| dropped.flops.get(),
        joins: false,
    },
    Against {
        name: "model size N, parameters",
        quantity: Quantity::Count,
        of: |run| run.params.get(),
        of_dropped: |dropped| dropped.params.get(),
        joins: true,
    },
    Against {
        name: "training tokens D",
        quantity: Quantity::Count,
        of: |run| run.tokens.get(),
        of_dropped: |dropped| dropped.tokens.get(),
        joins: true,
    },
];

/// Loss against C, N and D on one scale; below, where the law has a floor, the loss above it in logarithms. Only the panels of C have the line of
/// best runs, and only runs of one budget are joined.
///
/// # Source
/// Kaplan et al. 2020, arXiv:2001.08361, figure 1.
///
/// # Example
/// ```
/// use isoflop::{Fit, Runs, TableFormat, law::published};
/// use isoflop_report::panels;
///
/// let table = "params,tokens,loss\n1e8,2e9,3.03\n2e8,2e9,2.97\n4e8,2e9,2.99\n";
/// let runs = Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false)?;
/// let figure = panels(&runs, &Fit::from_published(published("besiroglu2024").unwrap()), 0.9);
/// assert_eq!(figure.panels.len(), 6);
/// # Ok::<(), isoflop::RunsError>(())
/// ```
pub fn panels(runs: &Runs, fit: &Fit, level: f64) -> Figure {
    let budgets = budgets::group(&runs.kept);
    let best = shared::best_runs(fit, shared::fitted_compute(runs), SAMPLES, level);
    let best: Vec<(f64, f64)> = best.iter().filter_map(|best| Some((best.flops, loss_of(fit, best)?))).collect();
    let row = |floor: f64| {
        let loss = match floor {
            0.0 => Axis::linear("loss L, nats per token", Quantity::Plain),
            _ => Axis::logarithmic("loss above the floor, L - E", Quantity::Plain),
        };
        let panels = AGAINST.map(|against| panel(runs, &budgets, &best, &against, loss.clone(), floor));
        let [first, second, third] = panels;
        let mut row = Figure { columns: 3, width: 960.0, ..Figure::of(first) };
        row.panels.extend([second, third]);
        row.share(Direction::Upwards);
        row
    };
    let floor = fit.parameters(level).into_iter().find(|(name, floor)| name == "E" && floor.value > 0.0);
    let below = floor.iter().flat_map(|(_, floor)| row(floor.value).panels);
    let above = row(0.0);
    let of_gamma = fit.derived(level).into_iter().find(|(name, _)| *name == "gamma");
    let title = match (&floor, of_gamma) {
        (Some(_), Some((_, gamma))) => {
            format!("Loss above the floor falls as compute^-{}", Rounded::parameter(&gamma).sentence(level))
        }
        _ => "Loss against compute, model size and tokens".to_owned(),
    };
    let left_out = shared::dropped(runs, |numbers| Some((1.0, numbers.loss?.get())));
    let floor_words = floor.as_ref().map_or_else(String::new, |(_, floor)| {
        format!(
            " Below: less the floor E of the law, {}; on these scales a power law is straight.",
            Rounded::parameter(floor).sentence(level)
        )
    });
    let joined =
        if budgets.scattered { "coloured by class of compute" } else { "coloured and joined by training budget" };
    let caption = format!(
        "Filled marks: runs, {joined}.{} Bold line: loss of the best run at each compute, of {}, {}.{floor_words} {}",
        shared::dropped_words(left_out.as_ref()),
        fit.law().formula(),
        shared::method(fit),
        shared::conventions(fit)
    );
    let panels = above.panels.iter().cloned().chain(below).collect();
    Figure { title, subtitle: shared::counted(runs), caption, panels, ..above }
}

/// The loss of a best run.
fn loss_of(fit: &Fit, best: &Best) -> Option<f64> {
    let (params, tokens) = (best.params.value, best.tokens(best.params.value));
    Some(fit.expected_loss(Params::new(params).ok()?, Tokens::new(tokens).ok()?).ok()?.get())
}

/// Loss less `floor` against one quantity.
fn panel(runs: &Runs, budgets: &Budgets, best: &[(f64, f64)], against: &Against, loss: Axis, floor: f64) -> Panel {
    let mut panel = Panel { height: 230.0, ..Panel::new(Axis::logarithmic(against.name, against.quantity), loss) };
    let at = |run: &Run| ((against.of)(run), run.loss.get() - floor);
    if against.joins && !budgets.scattered {
        let count = budgets.groups.len();
        let joined = |(index, budget)| joined(budget, &at, Color::class(index, count));
        panel.marks.extend(budgets.groups.iter().enumerate().map(joined));
    }
    panel.marks.extend(shared::runs_by_budget(budgets, |run| {
        let (x, y) = at(run);
        Some(Dot::at(x, y).named(shared::run_words(run)))
    }));
    let left_out = |numbers: &DroppedNumbers| Some(((against.of_dropped)(numbers), numbers.loss?.get() - floor));
    panel.marks.extend(shared::dropped(runs, left_out));
    if !against.joins && !best.is_empty() {
        let line = best.iter().map(|(flops, loss)| (*flops, loss - floor)).collect();
        let line = Mark::line("best run of the law", Color::Ink, line).weighing(Weight::Bold);
        panel.push(
            line.labelled(Label::beside("best runs", 0.35, Side::Below)).stretching(Extent::Nothing, Extent::Nothing),
        );
    }
    panel
}

/// The runs of one budget joined, in the mean where several stand at one place.
fn joined(budget: &Budget, at: &dyn Fn(&Run) -> (f64, f64), color: Color) -> Mark {
    let mut points: Vec<(f64, f64)> = budget.runs.iter().map(|run| at(run)).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mean = |same: &[(f64, f64)]| {
        let sum = same.iter().map(|(_, y)| y).sum::<f64>();
        (same[0].0, sum / same.len() as f64)
    };
    let line = points.chunk_by(|one, other| one.0 == other.0).map(mean).collect();
    Mark::line("one budget", color, line).weighing(Weight::Thin).stretching(Extent::Nothing, Extent::Nothing)
}
