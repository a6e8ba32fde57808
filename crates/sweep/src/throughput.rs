//! How fast this machine trains: tokens per second of a core while all cores train, as a function of what a token costs.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use isoflop::counting::Architecture;
use isoflop_train::{RunSpec, Session, TokenSource, TrainError};
use serde::{Deserialize, Serialize};

/// A pass forward is a third of forward and backward.
const FORWARD_SHARE: f64 = 1.0 / 3.0;
/// Tokens that speed is measured on.
const NOISE_TOKENS: usize = 1 << 16;

/// What one shape of model was measured at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speed {
    /// Exact training FLOPs of a token.
    pub flops_per_token: f64,
    /// Tokens per second of one core, all cores training such a model each.
    pub tokens_per_second: f64,
}

/// The measured speed of a machine at one recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throughput {
    /// Cores that trained at once.
    pub cores: usize,
    /// By rising cost of a token; never empty.
    pub speeds: Vec<Speed>,
    /// Speed of one run on all cores over the sum of the cores' speeds with a run each; 1 with one core.
    pub together: f64,
}

impl Throughput {
    /// Measures optimizer steps of `probes`, each on every core at once for about `window`, then the last probe on all cores together.
    /// `clock` tells the time since any moment.
    ///
    /// # Choosing
    /// Shapes that span those of the ladder; batches whose step is short beside `window`.
    ///
    /// # Errors
    /// The trainer's, when a probe cannot be trained.
    pub fn measure(
        probes: &[RunSpec],
        cores: usize,
        window: Duration,
        clock: &(dyn Fn() -> Duration + Sync),
    ) -> Result<Self, TrainError> {
        let cores = cores.max(1);
        let mut speeds = Vec::with_capacity(probes.len());
        for probe in probes {
            let runs = speeds_at_once(&RunSpec { shards: 1, ..probe.clone() }, cores, window, clock)?;
            speeds.push(Speed {
                flops_per_token: flops_per_token(&probe.architecture),
                tokens_per_second: runs.iter().sum::<f64>() / runs.len() as f64,
            });
        }
        let together = match (probes.last(), speeds.last()) {
            (Some(probe), Some(alone)) if cores > 1 => {
                let batch_sequences = probe.batch_sequences.max(cores);
                let shared = RunSpec { shards: cores, batch_sequences, ..probe.clone() };
                let shared = speed(&shared, cores, window, clock, || ())?;
                (shared / (cores as f64 * alone.tokens_per_second)).min(1.0)
            }
            _ => 1.0,
        };
        speeds.sort_by(|one, other| one.flops_per_token.total_cmp(&other.flops_per_token));
        Ok(Self { cores, speeds, together })
    }

    /// Tokens per second of one core on a model whose tokens cost `flops_per_token`: between measured shapes a power of the cost, beyond
    /// the dearest the same FLOPs per second, below the cheapest the same tokens per second.
    pub fn tokens_per_second(&self, flops_per_token: f64) -> f64 {
        let above = self.speeds.partition_point(|speed| speed.flops_per_token < flops_per_token);
        match (above.checked_sub(1).map(|below| self.speeds[below]), self.speeds.get(above)) {
            (Some(low), Some(high)) => {
                let share =
                    (flops_per_token / low.flops_per_token).ln() / (high.flops_per_token / low.flops_per_token).ln();
                low.tokens_per_second * (high.tokens_per_second / low.tokens_per_second).powf(share)
            }
            (Some(low), None) => low.tokens_per_second * low.flops_per_token / flops_per_token,
            (None, Some(high)) => high.tokens_per_second,
            (None, None) => 0.0,
        }
    }

    /// Seconds to train `spec` and to judge it on `judged_tokens`, on one core or, in shards, on as many as it has.
    pub fn seconds(&self, spec: &RunSpec, judged_tokens: f64) -> f64 {
        let trained = spec.steps as f64 * spec.batch_sequences as f64 * spec.architecture.context as f64;
        let a_core = self.tokens_per_second(flops_per_token(&spec.architecture));
        let threads = spec.shards.clamp(1, self.cores) as f64;
        let together = if threads > 1.0 { threads * self.together } else { 1.0 };
        (trained + FORWARD_SHARE * judged_tokens) / (a_core * together)
    }

    /// Seconds that runs of these seconds take on the cores, each on one, the longest started first.
    ///
    /// ```
    /// # use isoflop_sweep::Throughput;
    /// let machine = Throughput { cores: 2, speeds: Vec::new(), together: 1.0 };
    /// assert_eq!(machine.packed(&[1.0, 4.0, 2.0, 2.0]), 5.0);
    /// ```
    pub fn packed(&self, seconds: &[f64]) -> f64 {
        let mut longest_first = seconds.to_vec();
        longest_first.sort_by(|one, other| other.total_cmp(one));
        let mut busy_until = vec![0.0f64; self.cores.max(1)];
        for run in longest_first {
            // There is at least one core.
            if let Some(first) = busy_until.iter_mut().min_by(|one, other| one.total_cmp(other)) {
                *first += run;
            }
        }
        busy_until.into_iter().fold(0.0, f64::max)
    }
}

/// Exact training FLOPs of a token.
fn flops_per_token(shape: &Architecture) -> f64 {
    shape.flop_groups().training_flops_per_token()
}

/// Tokens per second of runs of `spec` on as many cores at once.
fn speeds_at_once(
    spec: &RunSpec,
    cores: usize,
    window: Duration,
    clock: &(dyn Fn() -> Duration + Sync),
) -> Result<Vec<f64>, TrainError> {
    let ready = Barrier::new(cores);
    thread::scope(|scope| {
        let runs: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    speed(spec, 1, window, clock, || {
                        ready.wait();
                    })
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// Tokens per second of one run on `threads`, after a first step that touches all memory and `ready`, which is always called.
fn speed(
    spec: &RunSpec,
    threads: usize,
    window: Duration,
    clock: &(dyn Fn() -> Duration + Sync),
    ready: impl FnOnce(),
) -> Result<f64, TrainError> {
    let endless = RunSpec { steps: u64::MAX, ..spec.clone() };
    let begun = Session::new(&endless, Arc::new(Noise::new(&spec.architecture)), threads)
        .and_then(|mut session| session.step().map(|_| session));
    ready();
    let mut session = begun?;
    let start = clock();
    let mut steps = 0;
    loop {
        session.step()?;
        steps += 1;
        let passed = clock().saturating_sub(start);
        if passed >= window && !passed.is_zero() {
            let tokens = (steps * spec.batch_sequences * spec.architecture.context) as f64;
            return Ok(tokens / passed.as_secs_f64());
        }
    }
}

/// Random tokens: speed does not depend on the text.
struct Noise {
    vocabulary: usize,
    tokens: Vec<u16>,
}

impl Noise {
    fn new(shape: &Architecture) -> Self {
        let mut state = 1u64;
        let token = |_| {
            // Knuth's MMIX generator; its upper bits are random enough to be no pattern.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % shape.vocabulary.max(1) as u64) as u16
        };
        Self {
            vocabulary: shape.vocabulary,
            tokens: (0..NOISE_TOKENS.max(2 * (shape.context + 1))).map(token).collect(),
        }
    }
}

impl TokenSource for Noise {
    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn fingerprint(&self) -> &str {
        "noise"
    }

    fn window(&self, _seed: u64, index: u64, context: usize) -> &[u16] {
        let first = (index as usize).wrapping_mul(context) % (self.tokens.len() - context);
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::testing::spec;

    fn machine() -> Throughput {
        let speed = |flops_per_token, tokens_per_second| Speed { flops_per_token, tokens_per_second };
        Throughput { cores: 4, speeds: vec![speed(1e5, 4e5), speed(1e7, 4e3)], together: 0.75 }
    }

    #[test]
    fn speed_is_a_power_of_the_cost_between_shapes_and_never_hoped_for_beyond() {
        let machine = machine();
        for (cost, expected) in [(1e4, 4e5), (1e5, 4e5), (1e6, 4e4), (1e7, 4e3), (1e8, 4e2)] {
            let found = machine.tokens_per_second(cost);
            assert!((found / expected - 1.0).abs() < 1e-12, "{cost}: {found}");
        }
    }

    #[test]
    fn a_run_in_shards_has_the_cores_for_what_they_do_together() {
        let machine = machine();
        let alone = spec(1_000, 0);
        let shared = RunSpec { shards: 4, ..alone.clone() };
        let ratio = machine.seconds(&alone, 0.0) / machine.seconds(&shared, 0.0);
        assert!((ratio - 3.0).abs() < 1e-12, "{ratio}");
        // More shards than cores help nobody.
        assert_eq!(machine.seconds(&RunSpec { shards: 9, ..alone.clone() }, 0.0), machine.seconds(&shared, 0.0));
        // Judging costs a third of training.
        let tokens = alone.tokens().unwrap().get();
        assert!((machine.seconds(&alone, 3.0 * tokens) / machine.seconds(&alone, 0.0) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn no_packing_is_shorter_than_its_longest_run_or_its_share_of_the_work() {
        let machine = machine();
        assert_eq!(machine.packed(&[]), 0.0);
        assert_eq!(machine.packed(&[7.0, 1.0, 1.0]), 7.0);
        let seconds: Vec<f64> = (1..=20).map(f64::from).collect();
        let packed = machine.packed(&seconds);
        assert!((210.0 / 4.0..210.0 / 4.0 + 20.0).contains(&packed), "{packed}");
    }

    #[test]
    fn measured_speed_is_tokens_over_the_clocks_time() {
        // A clock that moves a tenth of a second each time it is read: a run reads it before its steps and after each of them.
        let reads = AtomicU64::new(0);
        let clock = || Duration::from_millis(100 * reads.fetch_add(1, Ordering::Relaxed));
        let probe = spec(1, 0);
        let measured =
            Throughput::measure(std::slice::from_ref(&probe), 1, Duration::from_millis(250), &clock).unwrap();
        // Three steps of 4 sequences of 16 tokens in 0.3 s.
        assert_eq!(measured.speeds[0].tokens_per_second, 3.0 * 64.0 / 0.3);
        assert_eq!((measured.cores, measured.together), (1, 1.0));
    }

    #[test]
    fn all_cores_are_measured_and_a_probe_that_cannot_be_trained_is_refused() {
        let start = std::time::Instant::now();
        let clock = || start.elapsed();
        let measured = Throughput::measure(&[spec(1, 0)], 2, Duration::from_millis(5), &clock).unwrap();
        assert!(measured.speeds[0].tokens_per_second > 0.0 && measured.together > 0.0 && measured.together <= 1.0);

        let mut odd = spec(1, 0);
        odd.architecture.head_width = 7;
        assert!(Throughput::measure(&[odd], 2, Duration::from_millis(5), &clock).is_err());
    }
}
