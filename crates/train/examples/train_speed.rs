//! Times optimizer steps of one shape on random tokens and prints JSON: the Rust side of `benches/trainer/compare.py`.
//!
//! ```text
//! train_speed '{"depth": 2, ...}' SEQUENCES STEPS THREADS
//! ```

// A script reads what this prints, and a wrong call may stop with a word.
#![allow(clippy::panic, clippy::print_stdout)]

use std::sync::Arc;

use isoflop::counting::Architecture;
use isoflop_train::{AdamW, Block, RunSpec, Schedule, Session, TokenSource};

/// Uniformly random tokens: the speed does not depend on them.
struct Noise {
    vocabulary: usize,
    tokens: Vec<u16>,
}

impl TokenSource for Noise {
    fn vocabulary(&self) -> usize {
        self.vocabulary
    }
    fn fingerprint(&self) -> &str {
        "noise"
    }
    fn window(&self, _seed: u64, index: u64, context: usize) -> &[u16] {
        let first = (index as usize * 7919) % (self.tokens.len() - context);
        &self.tokens[first..=first + context]
    }
    fn held_out_documents(&self) -> usize {
        0
    }
    fn held_out_document(&self, _document: usize) -> &[u16] {
        &[]
    }
    fn bytes_per_token(&self) -> f64 {
        1.0
    }
}

/// CPU seconds of the main thread, from the scheduler: it counts nanoseconds, and brings them up to date every few milliseconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux with scheduler statistics");
    let nanoseconds: u64 = stat.split_whitespace().next().and_then(|field| field.parse().ok()).expect("a number");
    nanoseconds as f64 * 1e-9
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shape, numbers @ ..] = arguments.as_slice() else {
        panic!("usage: train_speed SHAPE SEQUENCES STEPS THREADS")
    };
    let architecture: Architecture = serde_json::from_str(shape).expect("a shape in JSON");
    let numbers: Vec<usize> = numbers.iter().map(|number| number.parse().expect("a number")).collect();
    let [batch_sequences, steps, threads] = numbers[..] else { panic!("SEQUENCES STEPS THREADS") };
    let mut state = 1u64;
    let tokens = (0..1 << 16).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % architecture.vocabulary as u64) as u16
    });
    let source = Arc::new(Noise { vocabulary: architecture.vocabulary, tokens: tokens.collect() });
    let tokens_a_step = (batch_sequences * architecture.context) as f64;
    let spec = RunSpec {
        architecture,
        block: Block::default(),
        optimizer: AdamW {
            hidden_rate: 1e-3,
            embedding_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8,
            weight_decay: 0.1,
            clip_norm: 1.0,
        },
        muon: None,
        schedule: Schedule { warmup_steps: 0, cooldown_steps: 0 },
        batch_sequences,
        steps: steps as u64 + 1,
        seed: 0,
        shards: threads,
    };
    let mut session = Session::new(&spec, source, threads).expect("a trainable shape");
    session.step().expect("a first step, to touch all memory");
    let mut seconds = Vec::new();
    let mut wall = Vec::new();
    for _ in 0..steps {
        let (cpu, clock) = (cpu_seconds(), std::time::Instant::now());
        session.step().expect("a step");
        seconds.push(cpu_seconds() - cpu);
        wall.push(clock.elapsed().as_secs_f64());
    }
    println!("{}", serde_json::json!({ "tokens": tokens_a_step, "cpu_seconds": seconds, "wall_seconds": wall }));
}
