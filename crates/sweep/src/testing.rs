//! A trainer that trains nothing, instantly and reproducibly, and watches how the engine treats it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use isoflop::counting::Architecture;
use isoflop_train::{AdamW, Block, Evaluation, EvaluationLimit, RunSpec, Schedule, TrainError};

use crate::cell::CellPlan;
use crate::directory::Sweep;
use crate::engine::{LocalEngine, Summary};
use crate::error::SweepError;
use crate::files::Disk;
use crate::floor;
use crate::metrics::StepMetrics;
use crate::plan::{CorpusLabel, SweepPlan};
use crate::platform::Process;
use crate::training::{Trainer, Training, TrainingError};

/// A small run that tests vary.
pub(crate) fn spec(steps: u64, seed: u64) -> RunSpec {
    RunSpec {
        architecture: Architecture {
            depth: 1,
            width: 16,
            heads: 2,
            head_width: 8,
            feed_forward: 48,
            gated: true,
            vocabulary: 32,
            tied_head: false,
            context: 16,
        },
        block: Block::default(),
        optimizer: AdamW {
            hidden_rate: 3e-3,
            embedding_rate: 1e-2,
            beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8,
            weight_decay: 0.1,
            clip_norm: 1.0,
        },
        muon: None,
        schedule: Schedule { warmup_steps: 2, cooldown_steps: steps / 5 },
        batch_sequences: 4,
        steps,
        seed,
        shards: 1,
    }
}

pub(crate) fn plan(steps: u64, seed: u64) -> CellPlan {
    CellPlan { tag: format!("t{steps}-s{seed}"), budget: None, tuning_excess: None, spec: spec(steps, seed) }
}

/// A sweep of runs of the given steps; the seeds count from 0.
pub(crate) fn sweep_plan(steps: &[u64]) -> SweepPlan {
    SweepPlan {
        question: "Does \"killing\" it matter?".to_owned(),
        recipe: "fake, v1".to_owned(),
        budgets: Vec::new(),
        corpus: CorpusLabel {
            name: "none".to_owned(),
            fingerprint: "0123456789abcdef".to_owned(),
            training_tokens: 500,
        },
        evaluation: EvaluationLimit::Tokens(100),
        cells: steps.iter().enumerate().map(|(seed, steps)| plan(*steps, seed as u64)).collect(),
    }
}

/// Runs are told apart by their seeds.
#[derive(Default)]
pub(crate) struct FakeTrainer {
    pub(crate) disk: Disk,
    pub(crate) seen: Mutex<Seen>,
    /// This seed diverges at its third step.
    pub(crate) diverges: Option<u64>,
    /// This seed cannot be started.
    pub(crate) fails: Option<u64>,
    /// Set when this many steps were done in all.
    pub(crate) stop_after: Option<usize>,
    pub(crate) stop: AtomicBool,
    /// Runs wait at their second step while this is set.
    pub(crate) asleep: Arc<AtomicBool>,
    pub(crate) step_takes: Duration,
}

/// What the engine did.
#[derive(Default)]
pub(crate) struct Seen {
    /// Seeds in the order in which they were begun or resumed, with the threads they got.
    pub(crate) taken: Vec<(u64, usize)>,
    /// How often each step of each seed was done; steps of a cool-down are told apart by their run.
    pub(crate) steps: BTreeMap<(u64, u64), usize>,
    training: BTreeSet<(u64, u64)>,
    /// Seeds and lengths of runs that were in memory twice at a time.
    pub(crate) doubled: BTreeSet<(u64, u64)>,
}

struct FakeRun<'a> {
    trainer: &'a FakeTrainer,
    spec: RunSpec,
    step: u64,
    state: u64,
}

/// One round of SplitMix64.
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

impl FakeTrainer {
    fn take(&self, spec: &RunSpec, threads: usize, step: u64, state: u64) -> FakeRun<'_> {
        let mut seen = self.seen.lock().unwrap();
        seen.taken.push((spec.seed, threads));
        if !seen.training.insert((spec.seed, spec.steps)) {
            seen.doubled.insert((spec.seed, spec.steps));
        }
        FakeRun { trainer: self, spec: spec.clone(), step, state }
    }

    /// Runs `sweep` on it.
    pub(crate) fn run(&self, sweep: &Sweep, engine: &LocalEngine<'_>) -> Result<Summary, SweepError> {
        floor::run(sweep, engine, &Process::current(), self, &self.stop, &mut |_| {})
    }
}

impl Trainer for FakeTrainer {
    fn begin<'a>(&'a self, spec: &RunSpec, threads: usize) -> Result<Box<dyn Training + 'a>, TrainingError> {
        if self.fails == Some(spec.seed) {
            return Err(TrainingError::Failed(TrainError::NothingHeldOut));
        }
        Ok(Box::new(self.take(spec, threads, 0, mixed(spec.seed))))
    }

    fn resume<'a>(
        &'a self,
        spec: &RunSpec,
        threads: usize,
        checkpoint: &Path,
    ) -> Result<Box<dyn Training + 'a>, TrainingError> {
        let text = std::fs::read_to_string(checkpoint).unwrap_or_default();
        let numbers: Vec<u64> = text.split(' ').filter_map(|number| number.parse().ok()).collect();
        match numbers[..] {
            [step, state, check] if mixed(state) == check => Ok(Box::new(self.take(spec, threads, step, state))),
            _ => Err(TrainError::NotACheckpoint { path: checkpoint.to_owned() }.into()),
        }
    }
}

impl Training for FakeRun<'_> {
    fn steps_done(&self) -> u64 {
        self.step
    }

    fn step(&mut self) -> Result<StepMetrics, TrainingError> {
        // Not for ever: a test that fails meanwhile should say so.
        let mut naps = 0;
        while self.step == 1 && naps < 10_000 && self.trainer.asleep.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
            naps += 1;
        }
        std::thread::sleep(self.trainer.step_takes);
        if self.step == 2 && self.trainer.diverges == Some(self.spec.seed) {
            return Err(TrainError::Diverged { step: 2 }.into());
        }
        self.step += 1;
        let cools = self.step > self.spec.steps_before_cooldown();
        let run = if cools { mixed(self.spec.steps) } else { 0 };
        self.state = mixed(self.state ^ self.step ^ run);
        let mut seen = self.trainer.seen.lock().unwrap();
        *seen.steps.entry((self.spec.seed ^ run, self.step)).or_default() += 1;
        if self.trainer.stop_after.is_some_and(|after| seen.steps.values().sum::<usize>() >= after) {
            self.trainer.stop.store(true, Ordering::Relaxed);
        }
        Ok(StepMetrics { step: self.step, loss: loss_of(self.state), gradient_norm: 1.0, rate_share: 1.0 })
    }

    fn evaluate(&mut self, _limit: EvaluationLimit) -> Result<Evaluation, TrainingError> {
        let loss = loss_of(mixed(self.state));
        Ok(Evaluation { loss, standard_error: Some(loss / 100.0), bits_per_byte: loss * 1.4, documents: 3, tokens: 99 })
    }

    fn save(&self, path: &Path) -> Result<(), TrainingError> {
        let text = format!("{} {} {}", self.step, self.state, mixed(self.state));
        self.trainer.disk.write_whole(path, text.as_bytes()).map_err(|error| match error {
            SweepError::Io { action, path, source } => TrainError::Io { action, path, source }.into(),
            other => unreachable!("writing has no other error than {other}"),
        })
    }
}

impl Drop for FakeRun<'_> {
    fn drop(&mut self) {
        self.trainer.seen.lock().unwrap().training.remove(&(self.spec.seed, self.spec.steps));
    }
}

/// In [1, 2), and different for different states.
fn loss_of(state: u64) -> f64 {
    1.0 + (state >> 12) as f64 / (1_u64 << 52) as f64
}

/// An engine that checkpoints every step, and notices within milliseconds what others take seconds for.
pub(crate) fn fast_engine(workers: usize) -> LocalEngine<'static> {
    LocalEngine {
        checkpoint_every: Duration::ZERO,
        heartbeat_every: Duration::from_millis(2),
        stale_after: Duration::from_millis(200),
        ..LocalEngine::new(workers, &SystemTime::now)
    }
}

/// A process of this machine that no longer exists.
pub(crate) fn dead_process() -> Process {
    let now = Process::current();
    Process { started_ticks: now.started_ticks.map(|ticks| ticks - 1), ..now }
}

/// The table of the sweep of `plan` when nothing ever happens to it.
pub(crate) fn undisturbed_table(plan: &SweepPlan) -> String {
    let folder = tempfile::tempdir().unwrap();
    let sweep = Sweep::create(folder.path(), plan).unwrap();
    assert!(FakeTrainer::default().run(&sweep, &fast_engine(1)).unwrap().is_complete());
    sweep.runs().unwrap().csv
}

/// Folder of the cell with this seed.
pub(crate) fn folder_of(sweep: &Sweep, seed: u64) -> PathBuf {
    let name = name_of(sweep, seed);
    sweep.dir().join("cells").join(name)
}

/// Name of the cell with this seed.
pub(crate) fn name_of(sweep: &Sweep, seed: u64) -> String {
    let cells = sweep.cells().unwrap();
    let found = cells.into_iter().find(|(_, cell)| cell.as_ref().is_ok_and(|cell| cell.spec().seed == seed));
    found.unwrap().0
}
