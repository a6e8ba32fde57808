//! What the local engine is asked to do, and what it leaves behind.

use std::time::{Duration, SystemTime};

use crate::error::SweepError;

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

/// What a call of [`Sweep::run`](crate::Sweep::run) leaves behind.
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
