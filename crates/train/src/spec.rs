//! What decides a training run besides its text: two equal specs on equal text give equal bits on one machine.

use isoflop::counting::Architecture;
use isoflop::{Tokens, UnitError};
use serde::{Deserialize, Serialize};

/// One training run, completely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// The model.
    pub architecture: Architecture,
    /// The optimizer and its constants.
    pub optimizer: AdamW,
    /// How the learning rate moves.
    pub schedule: Schedule,
    /// Sequences of one context each, per step.
    pub batch_sequences: usize,
    /// Optimizer steps.
    pub steps: u64,
    /// Decides initial weights and the order of the text.
    pub seed: u64,
    /// Partial sums a step's gradient is made of. Shards may run on as many threads; their number decides the rounding, the
    /// number of threads does not.
    pub shards: usize,
}

/// AdamW with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamW {
    /// Peak learning rate of the hidden matrices.
    pub hidden_rate: f64,
    /// Peak learning rate of embedding, head and gains.
    pub embedding_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled decay of the matrices, multiplied by the learning rate; gains are not decayed.
    pub weight_decay: f64,
    /// Largest norm of the whole gradient; longer ones are scaled down to it.
    pub clip_norm: f64,
}

/// Linear warm-up, a plateau, and a linear cool-down to zero: all three in steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Steps from zero to the peak.
    pub warmup_steps: u64,
    /// Steps from the peak to zero, at the end of the run.
    pub cooldown_steps: u64,
}

impl RunSpec {
    /// Tokens the run trains on, repetitions included.
    ///
    /// # Errors
    /// [`UnitError::NotPositive`] when a factor is zero.
    pub fn tokens(&self) -> Result<Tokens, UnitError> {
        Tokens::new(self.steps as f64 * self.batch_sequences as f64 * self.architecture.context as f64)
    }
}

impl Schedule {
    /// Share of the peak learning rate at `step` of `steps`, counted from 0.
    ///
    /// ```text
    /// min(1, (step + 1)/warmup, (steps - step)/cooldown)
    /// ```
    pub fn rate_share(&self, step: u64, steps: u64) -> f64 {
        let ramp = |done: u64, length: u64| if length == 0 { 1.0 } else { done as f64 / length as f64 };
        let warmup = ramp(step + 1, self.warmup_steps);
        let cooldown = ramp(steps.saturating_sub(step), self.cooldown_steps);
        warmup.min(cooldown).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_stays_and_falls() {
        let schedule = Schedule { warmup_steps: 2, cooldown_steps: 4 };
        let shares: Vec<f64> = (0..8).map(|step| schedule.rate_share(step, 8)).collect();
        assert_eq!(shares, [0.5, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]);
    }
}
