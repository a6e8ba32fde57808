//! A sweep as a grid of budgets and sizes: what is done, what runs, what failed, and how losses lie to the law.

use isoflop::{Fit, Params, Tokens};

use crate::board::BoardState;
use crate::escape;
use crate::figure::{Axis, Cell, Color, Figure, Mark, Panel, Quantity};
use crate::numbers;

/// One run of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepRun {
    /// Its name.
    pub name: String,
    /// Compute it was laid out for, or that it takes, FLOP.
    pub budget: f64,
    /// Parameters.
    pub params: f64,
    /// Tokens it is to be trained on.
    pub tokens: f64,
    /// How far it is.
    pub state: BoardState,
    /// Attempts made at it.
    pub attempts: u32,
}

/// Budgets this close, relatively, share a column; sizes a row.
const SAME: f64 = 0.02;
/// Height of a row, pixels, and of the shortest board.
const ROW: f64 = 27.0;
const LOWEST: f64 = 130.0;
/// Room between the outermost cells and the axes, in cells.
const EDGE: f64 = 0.06;

/// Budgets across, sizes upwards; in each cell its state, the mean loss of its runs, and how far that lies off the law, where there is one.
pub fn sweep_board(question: &str, runs: &[SweepRun], fit: Option<&Fit>) -> Figure {
    let budgets = classes(runs.iter().map(|run| run.budget));
    let sizes = classes(runs.iter().map(|run| run.params));
    let ticks = |classes: &[f64], text: &dyn Fn(f64) -> String| {
        classes.iter().enumerate().map(|(place, value)| (place as f64, text(*value))).collect::<Vec<_>>()
    };
    let axis = |name: &str, ticks: Vec<(f64, String)>| {
        let last = ticks.len().max(1) as f64 - 0.5;
        Axis::linear(name, Quantity::Plain).exactly(-0.5 - EDGE, last + EDGE).with_ticks(ticks)
    };
    let mut panel = Panel::new(
        axis("budget, FLOP", ticks(&budgets, &|flops| numbers::compute(flops, 2))),
        axis("model size N, parameters", ticks(&sizes, &|params| numbers::count_to(params, 2))),
    );
    panel.height = (ROW * sizes.len() as f64).max(LOWEST);
    for state in Standing::ALL {
        let cell = |(column, row): (usize, usize)| {
            let here: Vec<&SweepRun> = runs
                .iter()
                .filter(|run| is_one(run.budget, budgets[column]) && is_one(run.params, sizes[row]))
                .collect();
            let standing = here.iter().map(|run| Standing::of(&run.state)).max()?;
            (standing == state).then(|| cell((column, row), &here, standing, fit))
        };
        let places = (0..budgets.len()).flat_map(|column| (0..sizes.len()).map(move |row| (column, row)));
        let cells: Vec<Cell> = places.filter_map(cell).collect();
        if !cells.is_empty() {
            panel.push(Mark::cells(state.words(), state.color(), cells));
        }
    }
    let count = |state: Standing| runs.iter().filter(|run| Standing::of(&run.state) == state).count();
    let others = Standing::ALL.iter().filter(|state| **state != Standing::Done && count(**state) > 0);
    let others: String = others.map(|state| format!(", {} {}", count(*state), state.words())).collect();
    let law = fit.map_or_else(String::new, |fit| {
        format!(
            " In brackets: loss over that of the law {}, less one, in the mean of the cell's runs.",
            fit.law().formula()
        )
    });
    Figure {
        title: format!("{} of {} runs are done{others}", count(Standing::Done), runs.len()),
        subtitle: escape::shorten(question, 100),
        caption: format!(
            "Each cell is a size at a budget: the mean loss of its finished runs on held-out text, nats per token, and how many there are if more than one; \
             else how far it is. Attempts beyond the first are counted with a +.{law}"
        ),
        width: (150.0 + 130.0 * budgets.len() as f64).clamp(420.0, 1_100.0),
        ..Figure::of(panel)
    }
}

/// What is to be said of a cell; the later ones weigh more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Done,
    Waiting,
    Running,
    Diverged,
    Failed,
}

impl Standing {
    const ALL: [Self; 5] = [Self::Done, Self::Waiting, Self::Running, Self::Diverged, Self::Failed];

    fn of(state: &BoardState) -> Self {
        match state {
            BoardState::Waiting => Self::Waiting,
            BoardState::Running(_) => Self::Running,
            BoardState::Done(_) => Self::Done,
            BoardState::Diverged => Self::Diverged,
            BoardState::Failed => Self::Failed,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Diverged => "diverged",
            Self::Failed => "failed",
        }
    }

    fn color(self) -> Color {
        match self {
            Self::Done => Color::Ramp(0.5),
            Self::Waiting => Color::Muted,
            Self::Running => Color::Ramp(0.0),
            Self::Diverged | Self::Failed => Color::Accent,
        }
    }
}

/// The distinct values, rising; close ones are one.
fn classes(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values.dedup_by(|later, earlier| is_one(*later, *earlier));
    values
}

fn is_one(one: f64, other: f64) -> bool {
    (one / other - 1.0).abs() <= SAME
}

/// A cell of the grid with its words.
fn cell((column, row): (usize, usize), runs: &[&SweepRun], standing: Standing, fit: Option<&Fit>) -> Cell {
    let losses: Vec<(f64, Option<f64>)> = runs.iter().filter_map(|run| loss(run, fit)).collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    let mut words: Vec<String> = Vec::new();
    if let Some(loss) = mean(&mut losses.iter().map(|(loss, _)| *loss)) {
        words.push(format!("{loss:.3}"));
        words.extend((losses.len() > 1).then(|| format!("x{}", losses.len())));
    }
    words.extend(
        mean(&mut losses.iter().filter_map(|(_, off)| *off)).map(|off| format!("({})", numbers::signed_percent(off))),
    );
    if standing != Standing::Done {
        let running = runs.iter().find_map(|run| match run.state {
            BoardState::Running(share) => Some(numbers::percent(share)),
            _ => None,
        });
        let state = running.filter(|_| standing == Standing::Running).unwrap_or_else(|| standing.words().to_owned());
        words.insert(0, state);
    }
    let again: u32 = runs.iter().map(|run| run.attempts.saturating_sub(1)).sum();
    words.extend((again > 0).then(|| format!("+{again}")));
    let told = runs.iter().map(|run| told(run, fit)).collect::<Vec<_>>().join("; ");
    let around = |place: usize| (place as f64 - 0.5, place as f64 + 0.5);
    Cell { across: around(column), upwards: around(row), text: words.join(" "), name: told }
}

/// The loss of a finished run, and how far it lies off the law.
fn loss(run: &SweepRun, fit: Option<&Fit>) -> Option<(f64, Option<f64>)> {
    let BoardState::Done(loss) = run.state else { return None };
    let expected =
        fit.and_then(|fit| fit.expected_loss(Params::new(run.params).ok()?, Tokens::new(run.tokens).ok()?).ok());
    Some((loss, expected.map(|expected| loss / expected.get() - 1.0)))
}

/// A run in words.
fn told(run: &SweepRun, fit: Option<&Fit>) -> String {
    let state = match (run.state, loss(run, fit)) {
        (_, Some((loss, off))) => {
            let off = off.map_or_else(String::new, |off| format!(", {} off the law", numbers::signed_percent(off)));
            format!("loss {loss:.4}{off}")
        }
        (BoardState::Running(share), None) => format!("{} done", numbers::percent(share)),
        (state, None) => Standing::of(&state).words().to_owned(),
    };
    let attempts = if run.attempts == 1 { "attempt" } else { "attempts" };
    format!(
        "{}: {} on {} tokens, {state}, {} {attempts}",
        escape::shorten(&run.name, 40),
        numbers::count(run.params),
        numbers::count(run.tokens),
        run.attempts
    )
}
