//! The rules a recipe is made of, as a person writes them.

use serde::{Deserialize, Serialize};

use crate::spec::{Activation, AdamW, Muon};

/// How a width becomes a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelRule {
    /// How many layers it has.
    pub depth: DepthRule,
    /// Channels of an attention head, as nearly as the model's width can be divided; even, for rotation.
    pub head_width: usize,
    /// Whether the embedding serves as the head.
    pub tied_head: bool,
    /// Whether queries and keys are normalised per head.
    pub qk_norm: bool,
    /// The feed-forward block.
    pub feed_forward: FeedForwardRule,
}

/// How many layers a width has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DepthRule {
    /// So many at every width.
    Layers(usize),
    /// One for so much width, at least one in all: depth grows with width.
    WidthPerLayer(f64),
}

/// The feed-forward block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedForwardRule {
    /// Whether it has gates, and three matrices instead of two.
    pub gated: bool,
    /// The function of one number in it.
    pub activation: Activation,
    /// Its hidden width over the model's.
    pub ratio: f64,
}

/// The optimizer: AdamW, with Muon for the hidden matrices where it is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerRule {
    /// Peak learning rate of the hidden matrices at `base_width` and at a batch of [`BatchRule::tokens`].
    pub hidden_rate: f64,
    /// Peak learning rate of embedding, head and gains at every width and batch.
    pub embedding_rate: f64,
    /// Width at which `hidden_rate` is quoted.
    pub base_width: f64,
    /// Power of width by which the hidden rate departs from falling as its root; 0 unless tuned.
    pub width_drift: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled decay of the matrices, multiplied by the learning rate.
    pub weight_decay: f64,
    /// Largest norm of the whole gradient.
    pub clip_norm: f64,
    /// Muon for the hidden matrices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muon: Option<Muon>,
}

/// Tokens in a batch, as a power of the training tokens D: `tokens (D/training_tokens)^exponent`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchRule {
    /// Tokens in a batch of a run on `training_tokens`.
    pub tokens: f64,
    /// Training tokens at which `tokens` is quoted.
    pub training_tokens: f64,
    /// The power.
    pub exponent: f64,
}

/// Shares of the steps that the learning rate moves in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleRule {
    /// Share that warms up from zero.
    pub warmup: f64,
    /// Share that cools down to zero.
    pub cooldown: f64,
}

impl Default for ModelRule {
    /// One layer: at the compute of the ladders that the default is for, it reaches lower losses than two, and its losses follow one
    /// law. With two the ladder climbs through the compute at which copying from the context is learnt, and falls faster than any
    /// law of its smaller runs (LOG.md of 2026-11-22, "The demo with one layer").
    fn default() -> Self {
        Self {
            depth: DepthRule::Layers(1),
            head_width: 16,
            tied_head: false,
            qk_norm: false,
            feed_forward: FeedForwardRule::default(),
        }
    }
}

impl Default for FeedForwardRule {
    /// Gated, three matrices of 8/3, which cost what two of 4 do (Shazeer 2020, arXiv:2002.05202).
    fn default() -> Self {
        Self { gated: true, activation: Activation::Silu, ratio: 8.0 / 3.0 }
    }
}

impl Default for OptimizerRule {
    /// Second-moment decay 0.95 to 0.99 at small batches: Porian et al. 2024, arXiv:2406.19146. First-moment decay and rates were
    /// measured here (LOG.md of 2026-11-22, "The noise of a small run").
    fn default() -> Self {
        Self {
            hidden_rate: 5.7e-3,
            embedding_rate: 2.5e-2,
            base_width: 64.0,
            width_drift: 0.0,
            beta1: 0.8,
            beta2: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.1,
            clip_norm: 1.0,
            muon: None,
        }
    }
}

impl Default for BatchRule {
    /// Exponent: Li et al. 2025, arXiv:2503.04715 (B = 0.58 D^0.571).
    fn default() -> Self {
        Self { tokens: 640.0, training_tokens: 1e6, exponent: 0.571 }
    }
}

impl Default for ScheduleRule {
    /// Runs of a thousand steps have none to spare for a longer warm-up (LOG.md of 2026-11-22, "The noise of a small run").
    fn default() -> Self {
        Self { warmup: 0.02, cooldown: 0.7 }
    }
}

impl DepthRule {
    /// Layers at `width`.
    pub fn layers(self, width: usize) -> usize {
        match self {
            Self::Layers(layers) => layers,
            Self::WidthPerLayer(width_per_layer) => (width as f64 / width_per_layer).round().max(1.0) as usize,
        }
    }
}

impl BatchRule {
    /// Tokens in a batch of a run on `training_tokens`, before it is rounded to whole sequences.
    pub fn of(&self, training_tokens: f64) -> f64 {
        self.tokens * (training_tokens / self.training_tokens).powf(self.exponent)
    }
}

impl OptimizerRule {
    /// The optimizer's constants with the hidden matrices' rate in place of the one at the base.
    pub(super) fn adamw(&self, hidden_rate: f64) -> AdamW {
        let &Self { embedding_rate, beta1, beta2, epsilon, weight_decay, clip_norm, .. } = self;
        AdamW { hidden_rate, embedding_rate, beta1, beta2, epsilon, weight_decay, clip_norm }
    }
}
