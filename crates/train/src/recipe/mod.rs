//! A recipe: the opinions that turn a width and a number of tokens into a complete run.

mod error;
mod file;
mod rules;
mod tuning;

use isoflop::counting::{Architecture, FlopGroups, ParamCounting, ParamGroups};
use isoflop::{Tokens, UnitError};
use serde::{Deserialize, Serialize};

use crate::corpus::TokenizerKind;
use crate::spec::{Block, Muon, RunSpec, Schedule};

pub use error::RecipeError;
pub use rules::{BatchRule, DepthRule, FeedForwardRule, ModelRule, OptimizerRule, ScheduleRule};
pub use tuning::Tuning;

/// Rules shared by all runs of a ladder, so that they differ in size and data only. A file of them is TOML: see
/// [`from_toml`](Self::from_toml).
///
/// # Choosing
/// The default was tuned for ladders of 1e4 to 1e6 parameters on bytes; LOG.md of 2026-11-22 shows the runs that chose it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// What runs made by it are called together.
    pub name: String,
    /// Context length in tokens.
    pub context: usize,
    /// What a token is.
    pub tokenizer: TokenizerKind,
    /// The model.
    pub model: ModelRule,
    /// The optimizer.
    pub optimizer: OptimizerRule,
    /// Tokens in a batch.
    pub batch: BatchRule,
    /// How the learning rate moves.
    pub schedule: ScheduleRule,
    /// What is known of its best rates and batch, where it was tuned; changes no run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuning>,
}

/// Tokens per parameter that small models of bytes want: what ladders are centred on, and sizes are tuned at.
pub const TOKENS_PER_PARAM: f64 = 25.0;

/// Where widths end: three times that of the widest dense model published, so that counts stay exact.
const WIDEST: usize = 1 << 16;

/// Peak learning rates of one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// Of the hidden matrices.
    pub hidden: f64,
    /// Of embedding, head and gains.
    pub embedding: f64,
}

/// What a width of a recipe counts, exactly and group by group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Size {
    /// The model.
    pub architecture: Architecture,
    /// Its parameters.
    pub params: ParamGroups,
    /// Its forward FLOP per token.
    pub forward_flops_per_token: FlopGroups,
    /// FLOP of the optimizer's matrix products in a step: none in AdamW.
    pub optimizer_flops_per_step: f64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            context: 128,
            tokenizer: TokenizerKind::Bytes,
            model: ModelRule::default(),
            optimizer: OptimizerRule::default(),
            batch: BatchRule::default(),
            schedule: ScheduleRule::default(),
            tuning: None,
        }
    }
}

impl Recipe {
    /// Widths to choose from, ascending, far beyond any model there is: each a third more than the one before, or as little above that as whole heads
    /// allow; below two heads, quarters of a head.
    ///
    /// # Example
    /// ```
    /// use isoflop_train::Recipe;
    /// let widths: Vec<usize> = Recipe::default().widths().take(12).collect();
    /// assert_eq!(widths, [8, 12, 16, 24, 32, 48, 64, 96, 128, 176, 240, 320]);
    /// ```
    pub fn widths(&self) -> impl Iterator<Item = usize> + use<> {
        let head = self.model.head_width;
        let quarter = (head / 4).next_multiple_of(2).max(2);
        let allowed = move |width: usize| {
            let grain = if width <= 2 * head { quarter } else { head };
            width.next_multiple_of(grain)
        };
        std::iter::successors(Some((head / 2).next_multiple_of(quarter)), move |width| {
            Some(allowed(width + width.div_ceil(3)))
        })
        .take_while(|width| *width <= WIDEST)
    }

    /// Whether `width` is one of the [`widths`](Self::widths).
    ///
    /// # Errors
    /// [`RecipeError::NoWidth`], which names the nearest.
    pub fn check_width(&self, width: usize) -> Result<(), RecipeError> {
        match self.widths().min_by_key(|known| known.abs_diff(width)) {
            Some(nearest) if nearest != width => Err(RecipeError::NoWidth { width, nearest }),
            _ => Ok(()),
        }
    }

    /// The model of this recipe with `width`.
    pub fn architecture(&self, width: usize) -> Architecture {
        let ModelRule { depth, head_width, tied_head, ref feed_forward, .. } = self.model;
        // As many heads as come nearest to the wanted width among those that divide the model's; rotation needs even widths.
        let divides = |heads: &usize| width.is_multiple_of(*heads) && (width / heads).is_multiple_of(2);
        let distance = |heads: &usize| (width / heads).abs_diff(head_width);
        let heads = (1..=width).filter(divides).min_by_key(distance).unwrap_or(1);
        Architecture {
            depth: depth.layers(width),
            width,
            heads,
            head_width: width / heads,
            feed_forward: ((feed_forward.ratio * width as f64) as usize).next_multiple_of(8),
            gated: feed_forward.gated,
            vocabulary: self.vocabulary(),
            tied_head,
            context: self.context,
        }
    }

    /// Tokens that train the model with `width` on `tokens_per_param` for each parameter, embeddings included.
    ///
    /// # Errors
    /// [`UnitError`] for a ratio that is not above zero.
    pub fn tokens(&self, width: usize, tokens_per_param: f64) -> Result<Tokens, UnitError> {
        let params = self.architecture(width).param_groups().count(ParamCounting::Total);
        Tokens::new(tokens_per_param * params as f64)
    }

    /// What the model with `width` counts.
    pub fn size(&self, width: usize) -> Size {
        let architecture = self.architecture(width);
        let muon_flops = |_: &Muon| Muon::flops_per_step(&architecture);
        Size {
            params: architecture.param_groups(),
            forward_flops_per_token: architecture.flop_groups(),
            optimizer_flops_per_step: self.optimizer.muon.as_ref().map_or(0.0, muon_flops),
            architecture,
        }
    }

    /// Token ids of the tokenizer: 256 bytes, or as many as byte-pair encoding may learn.
    pub fn vocabulary(&self) -> usize {
        match self.tokenizer {
            TokenizerKind::Bytes => 256,
            TokenizerKind::Bpe { vocabulary } => vocabulary,
        }
    }

    /// Peak learning rates at `width` and a batch of `batch_tokens`.
    ///
    /// ```text
    /// hidden = hidden_rate sqrt(base_width/width) (width/base_width)^width_drift sqrt(batch_tokens/base_batch)      embedding = embedding_rate
    /// ```
    ///
    /// # Source
    /// Rates per group: Yang et al. 2022, arXiv:2203.03466. Their 1/width gave too little to the widest run here and too much to the
    /// narrowest; the root did better on both. Root of the batch: Malladi et al. 2022, arXiv:2205.10287.
    pub fn rates(&self, width: usize, batch_tokens: f64) -> Rates {
        let OptimizerRule { hidden_rate, embedding_rate, base_width, width_drift, .. } = self.optimizer;
        let growth = base_width / width as f64 * (batch_tokens / self.batch.tokens);
        let drift = (width as f64 / base_width).powf(width_drift);
        Rates { hidden: hidden_rate * growth.sqrt() * drift, embedding: embedding_rate }
    }

    /// The complete run of `architecture` on about `tokens`: whole batches, at least one step.
    ///
    /// ```text
    /// batch = batch.tokens (D/batch.training_tokens)^batch.exponent      rates as in [`rates`](Self::rates)
    /// ```
    pub fn run(&self, architecture: Architecture, tokens: Tokens, seed: u64, shards: usize) -> RunSpec {
        let batch = self.batch.of(tokens.get());
        let batch_sequences = ((batch / self.context as f64).round() as usize).max(1).max(shards);
        let batch_tokens = (batch_sequences * self.context) as f64;
        let steps = (tokens.get() / batch_tokens).round().max(1.0);
        let share = |share: f64| (share * steps).round() as u64;
        let rates = self.rates(architecture.width, batch_tokens);
        RunSpec {
            block: Block { activation: self.model.feed_forward.activation, qk_norm: self.model.qk_norm },
            optimizer: self.optimizer.adamw(rates.hidden),
            muon: self.optimizer.muon.clone(),
            schedule: Schedule {
                warmup_steps: share(self.schedule.warmup),
                cooldown_steps: share(self.schedule.cooldown),
            },
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
            let spec = recipe.run(recipe.architecture(48), tokens, 1, 1);
            assert!((spec.tokens().unwrap().get() / tokens.get() - 1.0).abs() < 0.01, "{spec:?}");
        }
    }

    #[test]
    fn heads_share_the_whole_width() {
        for width in [8, 12, 16, 24, 32, 48, 64, 96, 104, 176] {
            let shape = Recipe::default().architecture(width);
            assert_eq!(shape.heads * shape.head_width, width, "{shape:?}");
            assert!((8..=26).contains(&shape.head_width), "{shape:?}");
        }
    }

    #[test]
    fn every_width_is_a_third_to_a_half_more_and_holds_even_heads() {
        for head_width in [2, 4, 6, 16, 48, 64, 128] {
            let recipe = Recipe { model: ModelRule { head_width, ..ModelRule::default() }, ..Recipe::default() };
            let widths: Vec<usize> = recipe.widths().take_while(|width| *width < 40 * head_width).collect();
            assert!(widths.len() > 8);
            for pair in widths.windows(2) {
                let step = pair[1] as f64 / pair[0] as f64;
                assert!(step >= 4.0 / 3.0 && (step <= 1.5 || pair[0] <= 6), "{head_width}: {widths:?}");
                let shape = recipe.architecture(pair[1]);
                assert!(shape.head_width.is_multiple_of(2) && shape.head_width <= 2 * head_width, "{shape:?}");
                assert!(pair[1] <= 2 * head_width || shape.head_width == head_width, "{shape:?}");
            }
        }
    }

    #[test]
    fn a_width_between_two_is_refused_and_the_nearest_named() {
        let recipe = Recipe::default();
        assert!(recipe.widths().all(|width| recipe.check_width(width).is_ok()));
        for (width, near) in [(0, 8), (65, 64), (90, 96), (usize::MAX, recipe.widths().max().unwrap())] {
            let refused = recipe.check_width(width);
            assert!(matches!(refused, Err(RecipeError::NoWidth { nearest, .. }) if nearest == near), "{refused:?}");
        }
    }

    #[test]
    fn layers_are_fixed_or_grow_with_the_width() {
        let deep = |depth| Recipe { model: ModelRule { depth, ..ModelRule::default() }, ..Recipe::default() };
        let layers = |depth| [16, 48, 176, 640].map(|width| deep(depth).architecture(width).depth);
        assert_eq!(layers(DepthRule::Layers(3)), [3; 4]);
        assert_eq!(layers(DepthRule::WidthPerLayer(64.0)), [1, 1, 3, 10]);
    }

    #[test]
    fn wider_models_learn_slower_in_their_matrices_only() {
        let recipe = Recipe::default();
        let tokens = Tokens::new(1e6).unwrap();
        let [narrow, wide] = [32, 128].map(|width| recipe.run(recipe.architecture(width), tokens, 1, 1).optimizer);
        assert_eq!(narrow.hidden_rate, 2.0 * wide.hidden_rate);
        assert_eq!(narrow.embedding_rate, wide.embedding_rate);
    }

    #[test]
    fn larger_batches_take_longer_steps_with_their_matrices_only() {
        let recipe = Recipe { batch: BatchRule { tokens: 1280.0, ..BatchRule::default() }, ..Recipe::default() };
        let run = |tokens| recipe.run(recipe.architecture(64), Tokens::new(tokens).unwrap(), 1, 1);
        let (base, larger) = (run(1e6), run(1e7));
        assert_eq!(
            base.optimizer.hidden_rate, recipe.optimizer.hidden_rate,
            "ten sequences of 128 are the quoted batch"
        );
        let growth = larger.batch_sequences as f64 / base.batch_sequences as f64;
        assert!(growth > 3.0);
        assert!((larger.optimizer.hidden_rate / (base.optimizer.hidden_rate * growth.sqrt()) - 1.0).abs() < 1e-12);
        assert_eq!(base.optimizer.embedding_rate, larger.optimizer.embedding_rate);
    }

    #[test]
    fn the_default_recipe_plans_the_very_runs_it_planned_when_it_was_code() {
        // The demo's widest run at 4.8e11 FLOP, from a folder written before recipes were data. A change here changes every ladder.
        let before = r#"{"architecture":{"depth":1,"width":96,"heads":6,"head_width":16,"feed_forward":256,"gated":true,
            "vocabulary":256,"tied_head":false,"context":128},"optimizer":{"hidden_rate":0.003604996532591953,
            "embedding_rate":0.025,"beta1":0.8,"beta2":0.99,"epsilon":1e-8,"weight_decay":0.1,"clip_norm":1.0},
            "schedule":{"warmup_steps":26,"cooldown_steps":911},"batch_sequences":3,"steps":1302,"seed":0,"shards":1}"#;
        let recipe = Recipe::default();
        let shape = recipe.architecture(96);
        let tokens = Tokens::new(4.8e11 / (6.0 * shape.param_groups().count(ParamCounting::Total) as f64)).unwrap();
        let spec = recipe.run(shape, tokens, 0, 1);
        let before: RunSpec = serde_json::from_str(before).unwrap();
        assert_eq!(spec, before);
    }

    #[test]
    fn a_size_counts_what_its_run_costs() {
        for name in Recipe::NAMES {
            let recipe = Recipe::named(name).unwrap();
            let size = recipe.size(64);
            let spec = recipe.run(size.architecture.clone(), Tokens::new(1e6).unwrap(), 0, 1);
            let flops = spec.flops();
            let tokens = spec.tokens().unwrap().get();
            assert_eq!(flops.model, size.forward_flops_per_token.training_flops_per_token() * tokens);
            assert_eq!(flops.optimizer, size.optimizer_flops_per_step * spec.steps as f64);
            assert_eq!(flops.optimizer > 0.0, name == "muon");
            // Four matrices of 64 x 64, and two of 256 or three of 176 x 64.
            let feed_forward = if name == "gpt2-like" { 2 * 256 } else { 3 * 176 };
            assert_eq!(size.params.attention + size.params.feed_forward, (4 * 64 + feed_forward) * 64);
        }
    }
}
