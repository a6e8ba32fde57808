//! What was counted: parameters and FLOPs of a decoder-only transformer by group, and the conventions they are quoted in.
//!
//! Most published disagreements about scaling laws are counting errors, so a convention is data that travels with a
//! number ([`ParamCounting`], [`FlopCounting`]) and conversions happen here only.

mod decoder;
mod rules;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::{Flops, Params, Tokens, UnitError};

pub use decoder::{AttentionCounting, Decoder, Experts};
pub use rules::{BACKWARD_PER_FORWARD, FlopRule, hardware_flops, with_backward};

/// Which parameters a count includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParamCounting {
    /// Every trained number, embeddings included (Hoffmann et al. 2022).
    #[default]
    Total,
    /// Without token embedding and head (Kaplan et al. 2020).
    NonEmbedding,
    /// Everything that is multiplied: with the head, without the embedding lookup.
    Matmul,
    /// Those a token passes through, in a mixture of experts.
    Active,
}

impl fmt::Display for ParamCounting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Total => "all parameters, embeddings included",
            Self::NonEmbedding => "parameters without embeddings and head",
            Self::Matmul => "parameters in matrix products: head included, embedding lookup not",
            Self::Active => "parameters a token passes through",
        })
    }
}

/// How training compute was counted; forward and backward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FlopCounting {
    /// `C = 6 N D`, N as in the run's [`ParamCounting`].
    #[default]
    #[serde(rename = "6ND")]
    SixNd,
    /// Every matrix product of the architecture, attention and head included.
    #[serde(rename = "exact")]
    Exact,
    /// Read off a device or a log.
    #[serde(rename = "measured")]
    Measured,
}

/// FLOP per parameter per token in training: two forward, four backward (Kaplan et al. 2020, arXiv:2001.08361, section 2.1).
pub const TRAINING_FLOPS_PER_PARAM_TOKEN: f64 = 6.0;

/// FLOP per parameter per token in serving: the forward pass alone, attention to earlier tokens left out.
pub const SERVING_FLOPS_PER_PARAM_TOKEN: f64 = 2.0;

/// Training compute by the `6 N D` rule.
///
/// ```text
/// C = 6 N D
/// ```
///
/// # Errors
/// [`UnitError::NotPositive`] when the product leaves the range of `f64`.
///
/// # Example
/// ```
/// use isoflop::{Params, Tokens, counting::training_flops};
/// let flops = training_flops(Params::new(405e9)?, Tokens::new(15.6e12)?)?;
/// assert!((flops.get() / 3.7908e25 - 1.0).abs() < 1e-12);
/// # Ok::<(), isoflop::UnitError>(())
/// ```
pub fn training_flops(params: Params, tokens: Tokens) -> Result<Flops, UnitError> {
    Flops::new(TRAINING_FLOPS_PER_PARAM_TOKEN * params.get() * tokens.get())
}

/// The shape of a decoder-only transformer with pre-normalisation and rotary positions: what decides its counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Number of layers.
    pub depth: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Attention heads; queries, keys and values each have `heads * head_width` channels.
    pub heads: usize,
    /// Channels per head.
    pub head_width: usize,
    /// Hidden width of the feed-forward block.
    pub feed_forward: usize,
    /// Whether the feed-forward block is gated (three matrices, SwiGLU) or plain (two).
    pub gated: bool,
    /// Size of the vocabulary.
    pub vocabulary: usize,
    /// Whether the head shares the embedding matrix.
    pub tied_head: bool,
    /// Context length in tokens.
    pub context: usize,
}

/// Parameters by group. The groups are disjoint and complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamGroups {
    /// Token embedding, vocabulary x width.
    pub embedding: u64,
    /// Query, key, value and output projections of all layers.
    pub attention: u64,
    /// Feed-forward matrices of all layers.
    pub feed_forward: u64,
    /// Normalisation gains.
    pub norm: u64,
    /// Output head, vocabulary x width; zero when tied.
    pub head: u64,
}

impl ParamGroups {
    /// The count in one convention; in a dense model every parameter is active.
    pub fn count(&self, counting: ParamCounting) -> u64 {
        let body = self.attention + self.feed_forward + self.norm;
        match counting {
            ParamCounting::Total | ParamCounting::Active => self.embedding + body + self.head,
            ParamCounting::NonEmbedding => body,
            // A tied embedding is multiplied once, as the head.
            ParamCounting::Matmul => body + if self.head == 0 { self.embedding } else { self.head },
        }
    }
}

/// Forward FLOPs per token by group; a multiply-add is two. Normalisation, rotation, softmax and activation functions are
/// left out, as everywhere in the field: below 2 % for widths above 64.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FlopGroups {
    /// Query, key, value and output projections.
    pub projections: f64,
    /// Scores and weighted sums against an average of half a context (causal).
    pub attention: f64,
    /// Feed-forward matrices.
    pub feed_forward: f64,
    /// Output head.
    pub head: f64,
}

impl FlopGroups {
    /// Forward FLOPs per token, all groups.
    pub fn forward_flops_per_token(&self) -> f64 {
        self.projections + self.attention + self.feed_forward + self.head
    }

    /// Training FLOPs per token: the backward pass costs twice the forward.
    pub fn training_flops_per_token(&self) -> f64 {
        with_backward(self.forward_flops_per_token())
    }
}

impl Architecture {
    /// Parameters by group, exact.
    ///
    /// ```text
    /// attention    4 L d (h k)          feed-forward  (3 or 2) L d f
    /// norm         (2 L + 1) d          embedding, head  V d each
    /// ```
    ///
    /// | symbol | is |
    /// |---|---|
    /// | L, d, h, k, f, V | depth, width, heads, head width, feed-forward width, vocabulary |
    ///
    /// # Example
    /// ```
    /// use isoflop::counting::{Architecture, ParamCounting};
    /// let shape = Architecture {
    ///     depth: 5, width: 128, heads: 2, head_width: 64, feed_forward: 352, gated: true,
    ///     vocabulary: 256, tied_head: false, context: 256,
    /// };
    /// assert_eq!(shape.param_groups().count(ParamCounting::NonEmbedding), 1_004_928);
    /// ```
    pub fn param_groups(&self) -> ParamGroups {
        let [depth, width, vocabulary] = [self.depth, self.width, self.vocabulary].map(|n| n as u64);
        let channels = (self.heads * self.head_width) as u64;
        let matrices = if self.gated { 3 } else { 2 };
        ParamGroups {
            embedding: vocabulary * width,
            attention: 4 * depth * width * channels,
            feed_forward: matrices * depth * width * self.feed_forward as u64,
            norm: (2 * depth + 1) * width,
            head: if self.tied_head { 0 } else { vocabulary * width },
        }
    }

    /// Forward FLOPs per token by group at the full context.
    ///
    /// ```text
    /// projections 8 L d (h k)   attention 2 L (s+1) (h k)   feed-forward 2 (3 or 2) L d f   head 2 V d
    /// ```
    ///
    /// with s the context: a causal token sees (s + 1)/2 positions on average, and each costs one score and one sum.
    ///
    /// # Source
    /// Hoffmann et al. 2022, arXiv:2203.15556, appendix F, with the causal half counted once and the softmax left out.
    pub fn flop_groups(&self) -> FlopGroups {
        let [depth, width, context] = [self.depth, self.width, self.context].map(|n| n as f64);
        let channels = (self.heads * self.head_width) as f64;
        let matrices = if self.gated { 3.0 } else { 2.0 };
        FlopGroups {
            projections: 8.0 * depth * width * channels,
            attention: 2.0 * depth * (context + 1.0) * channels,
            feed_forward: 2.0 * matrices * depth * width * self.feed_forward as f64,
            head: 2.0 * self.vocabulary as f64 * width,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Architecture {
        Architecture {
            depth: 2,
            width: 64,
            heads: 2,
            head_width: 32,
            feed_forward: 176,
            gated: true,
            vocabulary: 256,
            tied_head: false,
            context: 256,
        }
    }

    #[test]
    fn groups_add_up_to_the_total() {
        let groups = small().param_groups();
        let sum = groups.embedding + groups.attention + groups.feed_forward + groups.norm + groups.head;
        assert_eq!(groups.count(ParamCounting::Total), sum);
        assert_eq!(groups.count(ParamCounting::Matmul) + groups.embedding, sum);
    }

    #[test]
    fn a_tied_head_is_multiplied_but_not_stored_twice() {
        let tied = Architecture { tied_head: true, ..small() };
        let groups = tied.param_groups();
        assert_eq!(groups.head, 0);
        assert_eq!(groups.count(ParamCounting::Matmul), small().param_groups().count(ParamCounting::Matmul));
    }

    #[test]
    fn exact_training_flops_exceed_six_n_by_the_attention() {
        let shape = small();
        let flops = shape.flop_groups();
        let matrices = shape.param_groups().count(ParamCounting::Matmul) - shape.param_groups().norm;
        let six_n = 6.0 * matrices as f64;
        assert_eq!(flops.training_flops_per_token() - six_n, 3.0 * flops.attention);
    }
}
