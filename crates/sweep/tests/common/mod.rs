//! Six small runs of the real trainer on a text made of dice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use isoflop::Flops;
use isoflop::counting::Architecture;
use isoflop_sweep::{CellPlan, CorpusLabel, LocalEngine, Progress, Summary, Sweep, SweepPlan};
use isoflop_train::{AdamW, Block, EvaluationLimit, RunSpec, Schedule, TokenSource};

pub(crate) const VOCABULARY: usize = 32;
pub(crate) const CONTEXT: usize = 32;

/// A text in which every token depends on the one before it.
pub(crate) struct Dice {
    training: Vec<u16>,
    held_out: Vec<Vec<u16>>,
}

impl Dice {
    pub(crate) fn new() -> Self {
        let mut state = 1;
        let mut text = |length: usize| {
            let mut token = 0;
            let mut next = || {
                token = (3 * token + (dice(&mut state) % 5) as u16) % VOCABULARY as u16;
                token
            };
            (0..length).map(|_| next()).collect()
        };
        Self { training: text(1024 * CONTEXT + 1), held_out: (0..6).map(|_| text(100)).collect() }
    }
}

/// The next number of a linear congruential generator (Knuth's MMIX), its good half.
pub(crate) fn dice(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

impl TokenSource for Dice {
    fn vocabulary(&self) -> usize {
        VOCABULARY
    }

    fn fingerprint(&self) -> &str {
        "dice-1"
    }

    fn window(&self, seed: u64, index: u64, context: usize) -> &[u16] {
        let windows = ((self.training.len() - 1) / context) as u64;
        // An odd step visits every window of a power of two once.
        let window = (index.wrapping_mul(2 * seed + 1).wrapping_add(seed * 7 + index / windows) % windows) as usize;
        &self.training[window * context..=(window + 1) * context]
    }

    fn held_out_documents(&self) -> usize {
        self.held_out.len()
    }

    fn held_out_document(&self, document: usize) -> &[u16] {
        &self.held_out[document]
    }

    fn bytes_per_token(&self) -> f64 {
        1.0
    }
}

/// Six runs: three sizes, one of them in two shards, one of them bound to diverge. `length` scales all of them.
pub(crate) fn plan(length: u64) -> SweepPlan {
    let shapes = [(16, 1, 60), (16, 2, 60), (24, 2, 40), (32, 2, 40), (32, 3, 30), (16, 1, 50)];
    let cell = |(number, (width, depth, steps)): (usize, (usize, usize, u64))| {
        let steps = steps * length;
        let diverges = number == 5;
        let hidden_rate = if diverges { 1e30 } else { 4e-3 };
        CellPlan {
            tag: format!("w{width}-d{depth}-s{number}"),
            budget: Flops::new(1e9).ok(),
            tuning_excess: None,
            spec: RunSpec {
                architecture: Architecture {
                    depth,
                    width,
                    heads: 2,
                    head_width: width / 2,
                    feed_forward: 3 * width,
                    gated: true,
                    vocabulary: VOCABULARY,
                    tied_head: false,
                    context: CONTEXT,
                },
                block: Block::default(),
                optimizer: AdamW {
                    hidden_rate,
                    embedding_rate: 1e-2,
                    beta1: 0.9,
                    beta2: 0.95,
                    epsilon: 1e-8,
                    weight_decay: 0.1,
                    clip_norm: 1.0,
                },
                muon: None,
                schedule: Schedule { warmup_steps: steps / 10, cooldown_steps: steps / 5 },
                batch_sequences: 8,
                steps,
                seed: number as u64,
                shards: if number == 3 { 2 } else { 1 },
            },
        }
    };
    SweepPlan {
        question: "Does killing it change anything?".to_owned(),
        recipe: "dice".to_owned(),
        budgets: Vec::new(),
        corpus: CorpusLabel {
            name: "dice".to_owned(),
            fingerprint: "dice-1".to_owned(),
            training_tokens: 1024 * CONTEXT as u64 + 1,
        },
        evaluation: EvaluationLimit::Tokens(500),
        cells: shapes.into_iter().enumerate().map(cell).collect(),
    }
}

/// Creates or resumes the sweep of `plan` in `dir`.
pub(crate) fn run(
    dir: &Path,
    plan: &SweepPlan,
    workers: usize,
    checkpoint_every: Duration,
    stop: &AtomicBool,
    watch: &mut (dyn FnMut(&Progress<'_>) + Send),
) -> Summary {
    let sweep = Sweep::create(dir, plan).expect("the plan is sound");
    let engine = LocalEngine {
        checkpoint_every,
        heartbeat_every: Duration::from_millis(50),
        stale_after: Duration::from_secs(3),
        ..LocalEngine::new(workers, &SystemTime::now)
    };
    sweep.run(&engine, Arc::new(Dice::new()), stop, watch).expect("the folder can be read")
}
