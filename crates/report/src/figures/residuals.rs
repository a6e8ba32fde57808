//! How far runs lie off their law, against compute, size and tokens: the plot that finds mistakes.

use isoflop::{Fit, Run, Runs};

use super::shared;
use crate::budgets::{self, Budgets};
use crate::escape;
use crate::figure::{Axis, Color, Direction, Dot, Extent, Figure, Mark, Marker, Panel, Pattern, Quantity};
use crate::numbers;
use crate::words;

/// What residuals are shown against.
struct Against {
    name: &'static str,
    quantity: Quantity,
    of: fn(&Run) -> f64,
}

const AGAINST: [Against; 3] = [
    Against { name: "compute C, FLOP", quantity: Quantity::Compute, of: |run| run.flops.get() },
    Against { name: "model size N, parameters", quantity: Quantity::Count, of: |run| run.params.get() },
    Against { name: "training tokens D", quantity: Quantity::Count, of: |run| run.tokens.get() },
];

/// Loss over the law's, less one, against C, N and D; coloured by budget, the scatter of runs shaded.
///
/// # Example
/// ```
/// use isoflop::{Fit, Runs, TableFormat, law::published};
/// use isoflop_report::{csv, residuals};
///
/// let table = "params,tokens,loss\n1e8,2e9,3.03\n2e8,2e9,2.97\n4e8,2e9,2.99\n";
/// let runs = Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false)?;
/// let figure = residuals(&runs, &Fit::from_published(published("besiroglu2024").unwrap()));
/// assert_eq!(figure.panels.len(), 3);
/// # Ok::<(), isoflop::RunsError>(())
/// ```
pub fn residuals(runs: &Runs, fit: &Fit) -> Figure {
    let budgets = budgets::group(&runs.kept);
    let panels = AGAINST.map(|Against { name, quantity, of }| {
        let off_the_law = Axis::linear("loss over the law's, less one", Quantity::Share).at_least(-0.002, 0.002);
        let mut panel = Panel { height: 240.0, ..Panel::new(Axis::logarithmic(name, quantity), off_the_law) };
        if let Some(noise) = fit.noise() {
            panel.push(Mark::range("scatter of runs", Direction::Upwards, -noise, noise));
        }
        panel.push(Mark::rule("the law", Color::Muted, Direction::Upwards, 0.0).patterned(Pattern::Solid));
        for (index, budget) in budgets.groups.iter().enumerate() {
            let dots = budget.runs.iter().filter_map(|run| dot(run, &budgets, fit, of)).collect();
            let series = format!("{} FLOP", numbers::compute(budget.flops, 2));
            let mark = Mark::dots(series, Color::class(index, budgets.groups.len()), Marker::class(index), dots);
            panel.push(mark.stretching(Extent::All, Extent::Bulk));
        }
        let others: Vec<Dot> = budgets.others.iter().filter_map(|run| dot(run, &budgets, fit, of)).collect();
        if !others.is_empty() {
            let mark = Mark::dots("of no budget", Color::Muted, Marker::Circle, others);
            panel.push(mark.stretching(Extent::All, Extent::Bulk));
        }
        panel
    });
    let [first, second, third] = panels;
    let mut figure = Figure {
        title: "What the law leaves unexplained".to_owned(),
        subtitle: shared::counted(runs),
        caption: caption(fit),
        columns: 3,
        width: 960.0,
        ..Figure::of(first)
    };
    figure.panels.extend([second, third]);
    figure.share(Direction::Upwards);
    figure
}

/// A run where `of` puts it; `None` where the law has no loss for it.
fn dot(run: &Run, budgets: &Budgets, fit: &Fit, of: fn(&Run) -> f64) -> Option<Dot> {
    let off = run.loss.get() / fit.expected_loss_of(run).ok()?.get() - 1.0;
    let name = format!("{}: {:+.2} %", escape::shorten(&run.name, shared::LONGEST), 100.0 * off);
    Some(Dot::at(of(run), off).named(name).of_run(budgets.position(run)))
}

fn caption(fit: &Fit) -> String {
    let scatter = fit
        .noise()
        .map_or_else(String::new, |noise| format!(" Shaded: scatter of runs, {}.", words::scatter(fit, noise)));
    format!(
        "Each colour and marker is one training budget. A law that holds leaves no slope, no bend and no group on one side.{scatter} Law: {}. N: {}. C: {}.",
        fit.law().formula(),
        fit.conventions().params,
        words::flops_counted(fit.conventions().flops)
    )
}
