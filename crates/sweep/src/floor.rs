//! The floor of the local engine: worker threads that take cells, the longest way first, and a keeper that keeps claims alive
//! and watches others'.
//!
//! A branch of a trunk waits for the branches that leave the trunk before it, as long as one of them is still on its way there:
//! what they have in common is trained once. Nobody else waits, and a branch that comes without its prefix is trained from its
//! beginning, to the same bits.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use isoflop_train::TokenSource;

use crate::attempt::{self, Claim, Outcome};
use crate::cell::Cell;
use crate::checkpoints::Checkpoints;
use crate::directory::Sweep;
use crate::engine::{Failure, LocalEngine, Summary};
use crate::error::SweepError;
use crate::execution::{Branching, Ended, Execution};
use crate::metrics;
use crate::platform::Process;
use crate::prefixes::Prefixes;
use crate::progress::{Event, Ledger, Progress};
use crate::result::CellResult;
use crate::training::{SessionTrainer, Trainer};
use crate::trunk::{Branch, Trunk, Trunks};

/// How long an idle worker sleeps before it looks at the stop flag again.
const IDLE: Duration = Duration::from_millis(50);

impl Sweep {
    /// Trains every cell that has no result yet, and returns when there is nothing left to do or `stop` is set.
    ///
    /// Cells that are one run until their cool-downs are trained as branches of one trunk: what they share is trained once.
    ///
    /// Cells that another process is training are waited for, and taken over when it dies. A cell that failed is tried
    /// again by the next call. It is always safe to call this again.
    ///
    /// # Errors
    /// [`SweepError::OtherCorpus`], or when the sweep itself cannot be read. What befalls single cells is in the [`Summary`].
    pub fn run(
        &self,
        engine: &LocalEngine<'_>,
        source: Arc<dyn TokenSource>,
        stop: &AtomicBool,
        progress: &mut (dyn FnMut(&Progress<'_>) + Send),
    ) -> Result<Summary, SweepError> {
        let planned = &self.corpus().fingerprint;
        if source.fingerprint() != planned {
            let given = source.fingerprint().to_owned();
            return Err(SweepError::OtherCorpus { planned: planned.clone(), given });
        }
        run(self, engine, &Process::current(), &SessionTrainer { source }, stop, progress)
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
    // By name first, so that equally long ways have one order everywhere.
    cells.sort_by(|a: &Cell, b: &Cell| a.name().cmp(b.name()));
    // The longest way first, so that at the end no worker sits alone with a long one.
    let trunks = Trunks::of(&cells);
    let ways: Vec<f64> = cells
        .iter()
        .enumerate()
        .map(|(index, cell)| cell.exact_flops_of(trunks.longest_way(index, cell.spec().steps)))
        .collect();
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by(|a, b| ways[*b].total_cmp(&ways[*a]));
    let inherited_steps = (0..cells.len()).map(|index| trunks.inherited_steps(index)).collect();
    let workers = engine.workers.max(1);
    let floor = Floor {
        sweep,
        engine,
        process,
        trainer,
        stop,
        ledger: Ledger::new(&cells, inherited_steps, watch),
        held: Mutex::default(),
        pool: Mutex::new(Pool {
            slots: vec![Slot::Open { abandoned: 0 }; cells.len()],
            reached: vec![0; cells.len()],
            free_threads: workers,
            workers,
            failed,
        }),
        changed: Condvar::new(),
        cells,
        trunks,
        order,
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
    trunks: Trunks,
    /// Places of the cells in the order in which they are taken.
    order: Vec<usize>,
    /// The claims that need a heartbeat.
    held: Mutex<Vec<Arc<Claim>>>,
    pool: Mutex<Pool>,
    /// Something in the pool did.
    changed: Condvar,
}

struct Pool {
    /// One per cell.
    slots: Vec<Slot>,
    /// Steps of each cell that are known to be on the disk, as its own checkpoint or as a prefix of its trunk.
    reached: Vec<u64>,
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
            self.pool().reached[index] = step.unwrap_or(0);
            self.look_at_prefixes(index);
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
                for &index in &self.order {
                    if let Slot::Open { abandoned } = pool.slots[index]
                        && !self.waits(&pool, index)
                    {
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

    /// Whether a prefix that the cell can go on from is still to come.
    fn waits(&self, pool: &Pool, index: usize) -> bool {
        let comes = |branch: &Branch| {
            let on_its_way =
                !matches!(pool.slots[branch.cell], Slot::Settled) && pool.reached[branch.cell] <= branch.leaves_at;
            on_its_way && branch.leaves_at > pool.reached[index]
        };
        self.trunks.before(index).iter().any(comes)
    }

    /// Whether another branch waits for the prefix that the cell leaves its trunk with.
    fn is_awaited(&self, index: usize) -> bool {
        let leaves_at = self.cells[index].spec().steps_before_cooldown();
        let pool = self.pool();
        let awaits = |branch: &Branch| {
            let idle = matches!(pool.slots[branch.cell], Slot::Open { .. } | Slot::Elsewhere { .. });
            idle && branch.leaves_at >= leaves_at && pool.reached[branch.cell] < leaves_at
        };
        self.trunks.of_cell(index).is_some_and(|trunk| trunk.branches.iter().any(awaits))
    }

    /// Notes that the cell's trunk has a prefix of `step` steps.
    fn note_prefix(&self, index: usize, step: u64) {
        let Some(trunk) = self.trunks.of_cell(index) else { return };
        let mut pool = self.pool();
        for branch in trunk.branches.iter().filter(|branch| branch.leaves_at >= step) {
            let reached = &mut pool.reached[branch.cell];
            *reached = step.max(*reached);
        }
        drop(pool);
        self.changed.notify_all();
    }

    /// Notes the prefixes that the cell's trunk has on the disk. What cannot be read is trained again.
    fn look_at_prefixes(&self, index: usize) {
        let Some(prefixes) = self.prefixes(index) else { return };
        prefixes.steps().unwrap_or_default().into_iter().for_each(|step| self.note_prefix(index, step));
    }

    /// Removes the prefixes of the cell's trunk that no branch has to go on from any more.
    ///
    /// Only those that are there now: what another branch keeps meanwhile, somebody waits for.
    fn tidy(&self, index: usize) -> Result<(), SweepError> {
        let (Some(trunk), Some(prefixes)) = (self.trunks.of_cell(index), self.prefixes(index)) else { return Ok(()) };
        let steps = prefixes.steps()?;
        let (mut wanted, mut unfinished) = (Vec::new(), false);
        for branch in &trunk.branches {
            let folder = self.folder(&self.cells[branch.cell]);
            if matches!(CellResult::read(&folder), Ok(Some(_))) {
                continue;
            }
            unfinished = true;
            let own = Checkpoints::of(&folder).steps()?.pop().unwrap_or(0);
            wanted.extend(Some(Trunk::longest_usable(&steps, branch.leaves_at)).filter(|prefix| *prefix > own));
        }
        if !unfinished {
            return prefixes.remove_all(&self.sweep.disk);
        }
        steps.iter().filter(|step| !wanted.contains(step)).try_for_each(|step| prefixes.remove(&self.sweep.disk, *step))
    }

    fn prefixes(&self, index: usize) -> Option<Prefixes> {
        self.trunks.of_cell(index).map(|trunk| Prefixes::of(&self.sweep.trunk_dir(&trunk.name)))
    }

    /// Claims and trains one cell.
    fn attempt(&self, index: usize, abandoned: u32, threads: usize) -> Result<Slot, SweepError> {
        let cell = &self.cells[index];
        let folder = self.folder(cell);
        if self.is_settled(index)? {
            self.tidy(index)?;
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
            let (is_awaited, note) = (|| self.is_awaited(index), |step| self.note_prefix(index, step));
            let branching =
                self.prefixes(index).map(|prefixes| Branching { prefixes, is_awaited: &is_awaited, note: &note });
            let execution = Execution {
                branching,
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
            let ended = execution.run()?;
            if matches!(ended.outcome, Outcome::Finished | Outcome::Diverged) {
                self.tidy(index)?;
            }
            Ok(ended)
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
                    self.look_at_prefixes(index);
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
#[cfg(test)]
mod trunk_tests;
