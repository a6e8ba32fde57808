//! The local engine: worker threads that take cells, longest first, and a keeper that keeps claims alive and watches others'.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::attempt::{self, Claim, Outcome};
use crate::cell::Cell;
use crate::checkpoints::Checkpoints;
use crate::directory::Sweep;
use crate::error::SweepError;
use crate::execution::{Ended, Execution};
use crate::metrics;
use crate::platform::Process;
use crate::progress::{Event, Ledger, Progress};
use crate::result::CellResult;
use crate::training::Trainer;

/// How long an idle worker sleeps before it looks at the stop flag again.
const IDLE: Duration = Duration::from_millis(50);

/// Trains cells on the cores of this machine.
///
/// # Choosing
/// `LocalEngine::new(cores, &SystemTime::now)` is right unless a field says otherwise.
pub struct LocalEngine<'a> {
    /// Threads that train at the same time. One per core; a cell of several shards uses several.
    pub workers: usize,
    /// Most training time that an interruption can cost. Longer when checkpoints are large and the disk is slow.
    pub checkpoint_every: Duration,
    /// How often this process shows that it lives.
    pub heartbeat_every: Duration,
    /// How long another process may show no sign of life before its cell is taken over. Longer on shared storage that
    /// stalls. A process of this machine that no longer exists is not waited for.
    pub stale_after: Duration,
    /// Whether the trained models stay on the disk: 12 bytes per parameter.
    pub keep_checkpoints: bool,
    /// Tells the time.
    pub clock: &'a (dyn Fn() -> SystemTime + Sync),
}

/// What a call of [`Sweep::run`] leaves behind.
#[derive(Debug)]
pub struct Summary {
    /// Cells that were trained to their end, now or earlier.
    pub finished: usize,
    /// Cells whose loss stopped being a number, by name.
    pub diverged: Vec<String>,
    /// Cells that could not go on: the next call tries them again.
    pub failed: Vec<Failure>,
    /// Cells without a result that did not fail: there are some only after a stop.
    pub remaining: usize,
}

/// A cell that could not go on.
#[derive(Debug)]
pub struct Failure {
    /// Its name.
    pub cell: String,
    /// Why, and what to do.
    pub error: SweepError,
}

impl Summary {
    /// Whether every cell has a result.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.remaining == 0
    }
}

impl<'a> LocalEngine<'a> {
    /// An engine of `workers` threads with a checkpoint every five seconds.
    pub fn new(workers: usize, clock: &'a (dyn Fn() -> SystemTime + Sync)) -> Self {
        Self {
            workers,
            checkpoint_every: Duration::from_secs(5),
            heartbeat_every: Duration::from_secs(1),
            stale_after: Duration::from_secs(30),
            keep_checkpoints: true,
            clock,
        }
    }
}

/// Runs `sweep` as the process `process`.
pub(crate) fn run(
    sweep: &Sweep,
    engine: &LocalEngine<'_>,
    process: &Process,
    trainer: &dyn Trainer,
    stop: &AtomicBool,
    watch: &mut (dyn FnMut(&Progress<'_>) + Send),
) -> Result<Summary, SweepError> {
    let mut cells = Vec::new();
    let mut failed = Vec::new();
    for (name, cell) in sweep.cells()? {
        match cell {
            Ok(cell) => cells.push(cell),
            Err(error) => failed.push(Failure { cell: name, error }),
        }
    }
    // Longest first, so that at the end no worker sits alone with a long one.
    cells.sort_by(|a, b| b.exact_flops().total_cmp(&a.exact_flops()).then_with(|| a.name().cmp(b.name())));
    let workers = engine.workers.max(1);
    let floor = Floor {
        sweep,
        engine,
        process,
        trainer,
        stop,
        ledger: Ledger::new(&cells, watch),
        held: Mutex::default(),
        pool: Mutex::new(Pool {
            slots: vec![Slot::Open { abandoned: 0 }; cells.len()],
            free_threads: workers,
            workers,
            failed,
        }),
        changed: Condvar::new(),
        cells,
    };
    floor.announce();
    thread::scope(|scope| {
        scope.spawn(|| floor.keep());
        for _ in 0..workers {
            scope.spawn(|| {
                let _leave = Leave(&floor);
                floor.work();
            });
        }
    });
    floor.summarize()
}

/// The state that the threads of one `run` share.
struct Floor<'a> {
    sweep: &'a Sweep,
    engine: &'a LocalEngine<'a>,
    process: &'a Process,
    trainer: &'a dyn Trainer,
    stop: &'a AtomicBool,
    ledger: Ledger<'a>,
    cells: Vec<Cell>,
    /// The claims that need a heartbeat.
    held: Mutex<Vec<Arc<Claim>>>,
    pool: Mutex<Pool>,
    /// Something in the pool did.
    changed: Condvar,
}

struct Pool {
    /// One per cell.
    slots: Vec<Slot>,
    free_threads: usize,
    /// Workers that have not gone home.
    workers: usize,
    failed: Vec<Failure>,
}

/// What is known of one cell.
#[derive(Debug, Clone)]
enum Slot {
    /// Nobody seems to train it; attempts up to `abandoned` are known to be dead.
    Open { abandoned: u32 },
    /// A worker of this process has it.
    Ours,
    /// Another process trains it. Its heartbeat was `beat` the last `missed` times the keeper looked: counting looks
    /// compares no clocks of two machines, and survives a machine that sleeps.
    Elsewhere { attempt: u32, beat: Option<SystemTime>, missed: u32 },
    /// It has a result, or failed in this run.
    Settled,
}

/// Tells the keeper that a worker went home, even if it panicked.
struct Leave<'a>(&'a Floor<'a>);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.pool().workers -= 1;
        self.0.changed.notify_all();
    }
}

impl Floor<'_> {
    /// Tells the watcher what is on the disk already.
    fn announce(&self) {
        let mut done = 0;
        for (index, cell) in self.cells.iter().enumerate() {
            let folder = self.folder(cell);
            // What cannot be read here is reported when the cell's turn comes.
            let step = if matches!(CellResult::read(&folder), Ok(Some(_))) {
                done += 1;
                Some(cell.spec().steps)
            } else {
                Checkpoints::of(&folder).steps().ok().and_then(|mut steps| steps.pop())
            };
            self.ledger.note(index, cell, step.unwrap_or(0));
        }
        self.ledger.tell(Event::SweepStarted { cells: self.cells.len(), done });
        for failure in &self.pool().failed {
            self.ledger.tell(Event::CellFailed { cell: &failure.cell, error: &failure.error });
        }
    }

    /// A worker's day.
    fn work(&self) {
        while let Some((index, abandoned, threads)) = self.next() {
            let cell = &self.cells[index];
            let attempted = self.attempt(index, abandoned, threads);
            if let Err(error) = &attempted {
                self.ledger.tell(Event::CellFailed { cell: cell.name(), error });
            }
            let mut pool = self.pool();
            pool.free_threads += threads;
            pool.slots[index] = attempted.unwrap_or_else(|error| {
                pool.failed.push(Failure { cell: cell.name().to_owned(), error });
                Slot::Settled
            });
            drop(pool);
            self.changed.notify_all();
        }
    }

    /// The next cell that seems free, the attempts at it known to be dead, and the threads it gets; `None` when nothing is
    /// left to do, or to wait for.
    fn next(&self) -> Option<(usize, u32, usize)> {
        let mut pool = self.pool();
        while !self.stop.load(Ordering::Relaxed) {
            if pool.free_threads > 0 {
                for index in 0..self.cells.len() {
                    if let Slot::Open { abandoned } = pool.slots[index] {
                        let threads = self.cells[index].spec().shards.clamp(1, pool.free_threads);
                        pool.slots[index] = Slot::Ours;
                        pool.free_threads -= threads;
                        return Some((index, abandoned, threads));
                    }
                }
            }
            if !pool.slots.iter().any(|slot| matches!(slot, Slot::Open { .. } | Slot::Elsewhere { .. })) {
                return None;
            }
            pool = self.changed.wait_timeout(pool, IDLE).unwrap_or_else(PoisonError::into_inner).0;
        }
        None
    }

    /// Claims and trains one cell.
    fn attempt(&self, index: usize, abandoned: u32, threads: usize) -> Result<Slot, SweepError> {
        let cell = &self.cells[index];
        let folder = self.folder(cell);
        if self.is_settled(index)? {
            return Ok(Slot::Settled);
        }
        let number = match attempt::last(&folder)? {
            None => 1,
            Some(last) if last.ending.is_some() || last.number <= abandoned || last.is_dead() => last.number + 1,
            Some(last) => return Ok(self.leave(index, last.number)),
        };
        let Some(claim) = Claim::take(&self.sweep.disk, &folder, number, self.process, self.now())? else {
            return Ok(self.leave(index, number));
        };
        let claim = Arc::new(claim);
        lock(&self.held).push(Arc::clone(&claim));
        // The other one may have finished between our look at its result and our look at its ending.
        let ended = CellResult::read(&folder).and_then(|result| {
            if result.is_some() {
                return Ok(Ended { outcome: Outcome::Superseded, step: cell.spec().steps });
            }
            let execution = Execution {
                engine: self.engine,
                trainer: self.trainer,
                stop: self.stop,
                ledger: &self.ledger,
                disk: &self.sweep.disk,
                claim: &claim,
                cell,
                index,
                folder: &folder,
                threads,
            };
            execution.run()
        });
        lock(&self.held).retain(|held| !Arc::ptr_eq(held, &claim));
        let (outcome, step, reason) = match &ended {
            Ok(ended) => (ended.outcome, ended.step, None),
            Err(error) => {
                let step = metrics::read_last(&folder.join("metrics.jsonl")).map_or(0, |metrics| metrics.step);
                (Outcome::Failed, step, Some(error.to_string()))
            }
        };
        let recorded = claim.end(outcome, step, reason, self.now());
        match ended?.outcome {
            // With or without its last record: the result decides.
            Outcome::Finished | Outcome::Diverged | Outcome::Failed => Ok(Slot::Settled),
            Outcome::Superseded => Ok(Slot::Open { abandoned: 0 }),
            Outcome::Stopped => {
                self.ledger.tell(Event::CellStopped { cell, step });
                recorded.map(|()| Slot::Open { abandoned: 0 })
            }
        }
    }

    /// Whether the cell has a result, which then did not come from here.
    fn is_settled(&self, index: usize) -> Result<bool, SweepError> {
        let cell = &self.cells[index];
        let Some(result) = CellResult::read(&self.folder(cell))? else { return Ok(false) };
        self.ledger.note(index, cell, cell.spec().steps);
        self.ledger.tell(Event::CellDone { cell, result: &result, elsewhere: true });
        Ok(true)
    }

    /// Leaves the cell to whoever makes attempt `attempt`.
    fn leave(&self, index: usize, attempt: u32) -> Slot {
        self.ledger.tell(Event::CellElsewhere { cell: &self.cells[index] });
        Slot::Elsewhere { attempt, beat: None, missed: 0 }
    }

    /// The keeper's day: while workers work, shows that our claims are alive and looks whether others' still are.
    fn keep(&self) {
        loop {
            // Taken out of the lock first: a stalled disk must not stall the workers.
            let held = lock(&self.held).clone();
            held.iter().for_each(|claim| claim.beat(self.now()));
            for index in 0..self.cells.len() {
                let slot = self.pool().slots[index].clone();
                if let Slot::Elsewhere { attempt, beat, missed } = slot {
                    let seen = self.look(index, attempt, beat, missed);
                    self.pool().slots[index] = seen;
                    self.changed.notify_all();
                }
            }
            let waited = self.changed.wait_timeout_while(self.pool(), self.engine.heartbeat_every, |p| p.workers > 0);
            if waited.unwrap_or_else(PoisonError::into_inner).0.workers == 0 {
                return;
            }
        }
    }

    /// Looks again at a cell that another process trains.
    fn look(&self, index: usize, attempt: u32, beat: Option<SystemTime>, missed: u32) -> Slot {
        let patience = self.engine.stale_after.as_secs_f64() / self.engine.heartbeat_every.as_secs_f64().max(1e-3);
        let last = match attempt::last(&self.folder(&self.cells[index])) {
            Ok(Some(last)) => last,
            // Shared storage has moments. Nothing was learnt.
            _ => return Slot::Elsewhere { attempt, beat, missed },
        };
        if last.ending.is_some() || last.is_dead() {
            return Slot::Open { abandoned: last.number };
        }
        if last.number != attempt || last.heartbeat != beat {
            return Slot::Elsewhere { attempt: last.number, beat: last.heartbeat, missed: 0 };
        }
        if f64::from(missed + 1) >= patience {
            return Slot::Open { abandoned: attempt };
        }
        Slot::Elsewhere { attempt, beat, missed: missed + 1 }
    }

    /// Counts what is on the disk now.
    fn summarize(&self) -> Result<Summary, SweepError> {
        let failed = std::mem::take(&mut self.pool().failed);
        let mut summary = Summary { finished: 0, diverged: Vec::new(), failed, remaining: 0 };
        for cell in &self.cells {
            if summary.failed.iter().any(|failure| failure.cell == cell.name()) {
                continue;
            }
            match CellResult::read(&self.sweep.cell_dir(cell.name()))? {
                Some(CellResult::Finished { .. }) => summary.finished += 1,
                Some(CellResult::Diverged { .. }) => summary.diverged.push(cell.name().to_owned()),
                None => summary.remaining += 1,
            }
        }
        Ok(summary)
    }

    fn folder(&self, cell: &Cell) -> PathBuf {
        self.sweep.cell_dir(cell.name())
    }

    fn now(&self) -> SystemTime {
        (self.engine.clock)()
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        lock(&self.pool)
    }
}

/// The guarded value. A panic elsewhere ends the run when its thread is joined; until then the value is still true.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
