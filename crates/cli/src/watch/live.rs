//! The board of one sweep as its events move it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use isoflop_report::board::{Board, BoardRun, BoardState, Curve, board};
use isoflop_sweep::{Cell, CellResult, Event, Progress, StepMetrics};

use super::pace::Pace;

/// Shortest time between two looks of the board.
const REDRAW: Duration = Duration::from_millis(200);

/// What was expected of a sweep before it began.
pub(crate) struct Expected {
    /// Seconds of each cell in the sweep's order, where the machine's speed was measured.
    pub seconds: Option<Vec<f64>>,
    /// Runs trained at once.
    pub cores: usize,
}

/// The board, and what its times rest on.
pub(crate) struct Live {
    board: Board,
    places: BTreeMap<String, usize>,
    /// Share of each run that is done.
    shares: Vec<f64>,
    pace: Pace,
    started: Instant,
    drawn: Option<Instant>,
}

impl Live {
    /// A board of cells, each with what it was trained before.
    pub(crate) fn new(title: &str, cells: &[(Cell, Vec<StepMetrics>)], expected: &Expected) -> Self {
        let run = |(cell, metrics): &(Cell, Vec<StepMetrics>)| {
            let mut curve = Curve::default();
            metrics.iter().for_each(|step| curve.push(flops_at(cell, step.step), step.loss));
            BoardRun {
                name: cell.tag().to_owned(),
                params: cell.params() as f64,
                tokens: cell.tokens().get(),
                state: BoardState::Waiting,
                curve,
            }
        };
        let costs = || cells.iter().map(|(cell, _)| cell.exact_flops()).collect();
        Self {
            board: Board {
                title: title.to_owned(),
                runs: cells.iter().map(run).collect(),
                share: 0.0,
                gone: 0.0,
                left: None,
            },
            places: cells.iter().enumerate().map(|(place, (cell, _))| (cell.name().to_owned(), place)).collect(),
            shares: vec![0.0; cells.len()],
            pace: Pace::new(expected.seconds.clone().unwrap_or_else(costs), expected.seconds.is_some(), expected.cores),
            started: Instant::now(),
            drawn: None,
        }
    }

    /// Takes an event in.
    pub(crate) fn note(&mut self, progress: &Progress<'_>) {
        match &progress.event {
            Event::CellStarted { cell, from_step, .. } => {
                let share = *from_step as f64 / cell.spec().steps.max(1) as f64;
                self.set(cell.name(), BoardState::Running(share), share);
                if let Some(place) = self.places.get(cell.name()) {
                    self.pace.found_done(*place, share);
                }
            }
            Event::Step { cell, step, steps, loss, .. } => {
                let share = *step as f64 / (*steps).max(1) as f64;
                self.set(cell.name(), BoardState::Running(share), share);
                if let Some(place) = self.places.get(cell.name()) {
                    self.board.runs[*place].curve.push(flops_at(cell, *step), *loss);
                }
            }
            Event::CellDone { cell, result, elsewhere } => {
                let state = match result {
                    CellResult::Finished { evaluation, .. } => BoardState::Done(evaluation.loss),
                    _ => BoardState::Diverged,
                };
                self.set(cell.name(), state, 1.0);
                if let Some(place) = self.places.get(cell.name()).filter(|_| *elsewhere) {
                    self.pace.found_done(*place, 1.0);
                }
            }
            Event::CellStopped { cell, .. } => {
                let share = self.places.get(cell.name()).map_or(0.0, |place| self.shares[*place]);
                self.set(cell.name(), BoardState::Waiting, share);
            }
            Event::CellFailed { cell, .. } => self.set(cell, BoardState::Failed, 1.0),
            _ => {}
        }
    }

    /// Whether it is time to look at it again.
    pub(crate) fn is_due(&self) -> bool {
        self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW)
    }

    /// The board on a terminal of so many columns and lines.
    pub(crate) fn shown(&mut self, width: usize, height: usize) -> String {
        self.drawn = Some(Instant::now());
        self.board.gone = self.started.elapsed().as_secs_f64();
        self.board.share = self.pace.share(&self.shares);
        self.board.left = self.pace.left(&self.shares, self.board.gone);
        board(&self.board, width, height)
    }

    fn set(&mut self, name: &str, state: BoardState, share: f64) {
        if let Some(place) = self.places.get(name) {
            self.board.runs[*place].state = state;
            self.shares[*place] = share;
        }
    }
}

/// Training compute of `cell` after so many steps.
pub(crate) fn flops_at(cell: &Cell, step: u64) -> f64 {
    cell.exact_flops() * step as f64 / cell.spec().steps.max(1) as f64
}
