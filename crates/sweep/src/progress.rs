//! What a running sweep tells whoever watches: events, and the share of the work that is done.

use std::sync::{Mutex, PoisonError};

use crate::cell::Cell;
use crate::error::SweepError;
use crate::result::CellResult;

/// Something happened, and how far the sweep is.
#[derive(Debug)]
pub struct Progress<'a> {
    /// What happened.
    pub event: Event<'a>,
    /// Exact training FLOPs done in all cells, earlier attempts included; what branches of a trunk share is counted once.
    pub flops_done: f64,
    /// Exact training FLOPs of all cells, counted likewise.
    pub flops_all: f64,
    /// Exact training FLOPs that branches take over from others and are spared.
    pub flops_inherited: f64,
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Once, first: what was found on the disk.
    SweepStarted {
        /// Number of cells.
        cells: usize,
        /// Those that need no more training.
        done: usize,
    },
    /// A cell is being trained.
    CellStarted {
        /// Which.
        cell: &'a Cell,
        /// The how manieth attempt at it.
        attempt: u32,
        /// Steps it had been trained before, by itself or as another branch of its trunk.
        from_step: u64,
        /// Steps whose checkpoints were there but damaged.
        passed_over: &'a [u64],
        /// Threads it has.
        threads: usize,
    },
    /// A step was done.
    Step {
        /// Of which cell.
        cell: &'a Cell,
        /// Steps done.
        step: u64,
        /// Steps of the whole run.
        steps: u64,
        /// Mean loss of the step's batch, in nats per token.
        loss: f64,
        /// Tokens trained on so far.
        tokens: f64,
    },
    /// A checkpoint is safe on the disk.
    Checkpointed {
        /// Of which cell.
        cell: &'a Cell,
        /// After how many steps.
        step: u64,
    },
    /// A cell is trained and is being judged on the held-out text.
    Evaluating {
        /// Which.
        cell: &'a Cell,
    },
    /// A cell has its result.
    CellDone {
        /// Which.
        cell: &'a Cell,
        /// What came out.
        result: &'a CellResult,
        /// Whether another process trained it.
        elsewhere: bool,
    },
    /// A cell was stopped on request.
    CellStopped {
        /// Which.
        cell: &'a Cell,
        /// After how many steps.
        step: u64,
    },
    /// A cell is left to another process that is training it.
    CellElsewhere {
        /// Which.
        cell: &'a Cell,
    },
    /// A cell could not go on; the others do.
    CellFailed {
        /// Its name.
        cell: &'a str,
        /// Why, and what to do.
        error: &'a SweepError,
    },
}

/// Keeps the totals and passes events on, one at a time.
pub(crate) struct Ledger<'a> {
    flops_all: f64,
    flops_inherited: f64,
    /// Steps of each cell that another one is trained for it.
    inherited_steps: Vec<u64>,
    state: Mutex<State<'a>>,
}

struct State<'a> {
    /// FLOPs done of each cell.
    flops_done: Vec<f64>,
    watch: &'a mut (dyn FnMut(&Progress<'_>) + Send),
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(
        cells: &[Cell],
        inherited_steps: Vec<u64>,
        watch: &'a mut (dyn FnMut(&Progress<'_>) + Send),
    ) -> Self {
        let flops_inherited = cells.iter().zip(&inherited_steps).map(|(cell, steps)| cell.exact_flops_of(*steps)).sum();
        let flops_all = cells.iter().map(Cell::exact_flops).sum::<f64>() - flops_inherited;
        let state = Mutex::new(State { flops_done: vec![0.0; cells.len()], watch });
        Self { flops_all, flops_inherited, inherited_steps, state }
    }

    /// Notes that `step` steps of `cell`, which stands at `index`, are done.
    pub(crate) fn note(&self, index: usize, cell: &Cell, step: u64) {
        let own = step.min(cell.spec().steps).saturating_sub(self.inherited_steps[index]);
        self.lock().flops_done[index] = cell.exact_flops_of(own);
    }

    /// Passes `event` on.
    pub(crate) fn tell(&self, event: Event<'_>) {
        let mut state = self.lock();
        let flops_done = state.flops_done.iter().sum();
        let Self { flops_all, flops_inherited, .. } = *self;
        (state.watch)(&Progress { event, flops_done, flops_all, flops_inherited });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<'a>> {
        // A watcher that panicked leaves numbers behind that are still true.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
