//! A recipe: the opinions that turn a size and a number of tokens into a complete run.

use isoflop::Tokens;
use isoflop::counting::Architecture;
use serde::{Deserialize, Serialize};

use crate::spec::{AdamW, Block, RunSpec, Schedule};

/// Rules shared by all runs of a ladder, so that they differ in size and data only.
///
/// # Choosing
/// The default was tuned for ladders of 1e4 to 1e6 parameters on bytes; LOG.md of 2026-11-22 shows the runs that chose it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What runs made by it are called together.
    pub name: String,
    /// Vocabulary of the tokenizer.
    pub vocabulary: usize,
    /// Context length in tokens.
    pub context: usize,
    /// Channels of an attention head, as nearly as the model's width can be divided.
    pub head_width: usize,
    /// Peak learning rate of the hidden matrices at width 64 and a batch of `batch_tokens`; see [`run`](Self::run).
    pub hidden_rate: f64,
    /// Peak learning rate of embedding, head and gains at every width.
    pub embedding_rate: f64,
    /// Tokens in a batch at one million training tokens; it grows as a power of the training tokens.
    pub batch_tokens: f64,
}

/// Width at which the hidden learning rate is quoted.
const BASE_WIDTH: f64 = 64.0;
/// Training tokens at which the batch is quoted.
const BASE_TOKENS: f64 = 1e6;
/// Exponent of the batch in training tokens (Li et al. 2025, arXiv:2503.04715: B = 0.58 D^0.571).
const BATCH_EXPONENT: f64 = 0.571;
/// Share of the steps that warm up, and that cool down to zero.
const WARMUP_SHARE: f64 = 0.02;
const COOLDOWN_SHARE: f64 = 0.7;
/// Hidden width of the feed-forward block over the model's: three matrices of 8/3 cost what two of 4 do (Shazeer 2020, arXiv:2002.05202).
const FEED_FORWARD_RATIO: f64 = 8.0 / 3.0;

impl Default for Recipe {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            vocabulary: 256,
            context: 128,
            head_width: 16,
            hidden_rate: 5.7e-3,
            embedding_rate: 2.5e-2,
            batch_tokens: 640.0,
        }
    }
}

impl Recipe {
    /// The model of this recipe with `depth` layers of `width`.
    pub fn architecture(&self, depth: usize, width: usize) -> Architecture {
        // As many heads as come nearest to the wanted width among those that divide the model's; rotation needs even widths.
        let divides = |heads: &usize| width.is_multiple_of(*heads) && (width / heads).is_multiple_of(2);
        let distance = |heads: &usize| (width / heads).abs_diff(self.head_width);
        let heads = (1..=width).filter(divides).min_by_key(distance).unwrap_or(1);
        Architecture {
            depth,
            width,
            heads,
            head_width: width / heads,
            feed_forward: ((FEED_FORWARD_RATIO * width as f64) as usize).next_multiple_of(8),
            gated: true,
            vocabulary: self.vocabulary,
            tied_head: false,
            context: self.context,
        }
    }

    /// The complete run of `architecture` on about `tokens`: whole batches, at least one step.
    ///
    /// ```text
    /// batch = batch_tokens (D/1e6)^0.571      hidden rate = hidden_rate sqrt(64/width) sqrt(batch/batch_tokens)
    /// ```
    ///
    /// # Source
    /// Learning rates per group: Yang et al. 2022, arXiv:2203.03466. Their 1/width gave too little to the widest run here and too
    /// much to the narrowest; the root did better on both. Root of the batch: Malladi et al. 2022, arXiv:2205.10287. Second-moment decay 0.95 to 0.99 at small batches:
    /// Porian et al. 2024, arXiv:2406.19146. First-moment decay 0.8 and the short warm-up were measured here: runs of a thousand
    /// steps have none to spare (LOG.md of 2026-11-22, "The noise of a small run").
    pub fn run(&self, architecture: Architecture, tokens: Tokens, seed: u64, shards: usize) -> RunSpec {
        let batch = self.batch_tokens * (tokens.get() / BASE_TOKENS).powf(BATCH_EXPONENT);
        let batch_sequences = ((batch / self.context as f64).round() as usize).max(1).max(shards);
        let steps = (tokens.get() / (batch_sequences * self.context) as f64).round().max(1.0);
        let share = |share: f64| (share * steps).round() as u64;
        let batch_growth = (batch_sequences * self.context) as f64 / self.batch_tokens;
        RunSpec {
            block: Block::default(),
            optimizer: AdamW {
                hidden_rate: self.hidden_rate * (BASE_WIDTH / architecture.width as f64 * batch_growth).sqrt(),
                embedding_rate: self.embedding_rate,
                beta1: 0.8,
                beta2: 0.99,
                epsilon: 1e-8,
                weight_decay: 0.1,
                clip_norm: 1.0,
            },
            muon: None,
            schedule: Schedule { warmup_steps: share(WARMUP_SHARE), cooldown_steps: share(COOLDOWN_SHARE) },
            batch_sequences,
            steps: steps as u64,
            seed,
            shards,
            architecture,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_trains_on_the_tokens_it_was_asked_for() {
        let recipe = Recipe::default();
        for tokens in [2e5, 1e6, 7.7e6] {
            let tokens = Tokens::new(tokens).unwrap();
            let spec = recipe.run(recipe.architecture(2, 48), tokens, 1, 1);
            assert!((spec.tokens().unwrap().get() / tokens.get() - 1.0).abs() < 0.01, "{spec:?}");
        }
    }

    #[test]
    fn heads_share_the_whole_width() {
        for width in [8, 12, 16, 24, 32, 48, 64, 96, 104, 176] {
            let shape = Recipe::default().architecture(2, width);
            assert_eq!(shape.heads * shape.head_width, width, "{shape:?}");
            assert!((8..=26).contains(&shape.head_width), "{shape:?}");
        }
    }

    #[test]
    fn wider_models_learn_slower_in_their_matrices_only() {
        let recipe = Recipe::default();
        let tokens = Tokens::new(1e6).unwrap();
        let [narrow, wide] = [32, 128].map(|width| recipe.run(recipe.architecture(2, width), tokens, 1, 1).optimizer);
        assert_eq!(narrow.hidden_rate, 2.0 * wide.hidden_rate);
        assert_eq!(narrow.embedding_rate, wide.embedding_rate);
    }

    #[test]
    fn larger_batches_take_longer_steps_with_their_matrices_only() {
        let recipe = Recipe { batch_tokens: 1280.0, ..Recipe::default() };
        let run = |tokens| recipe.run(recipe.architecture(2, 64), Tokens::new(tokens).unwrap(), 1, 1);
        let (base, larger) = (run(1e6), run(1e7));
        assert_eq!(base.optimizer.hidden_rate, recipe.hidden_rate, "ten sequences of 128 are the quoted batch");
        let growth = larger.batch_sequences as f64 / base.batch_sequences as f64;
        assert!(growth > 3.0);
        assert!((larger.optimizer.hidden_rate / (base.optimizer.hidden_rate * growth.sqrt()) - 1.0).abs() < 1e-12);
        assert_eq!(base.optimizer.embedding_rate, larger.optimizer.embedding_rate);
    }
}
