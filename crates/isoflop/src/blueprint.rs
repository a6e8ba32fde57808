//! A planned size and budget as a run that can be started: depth, width, heads, feed-forward width, batch and steps.

use isoflop_numerics::elementary::ln;
use serde::{Deserialize, Serialize};

use crate::counting::{Architecture, ParamCounting};
use crate::literature::{Advice, advice};
use crate::units::{Flops, Params, Tokens, UnitError};

/// What is given about a model besides its size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Given {
    /// Size of the vocabulary.
    pub vocabulary: usize,
    /// Context length, tokens.
    pub context: usize,
    /// Whether the head shares the embedding matrix.
    pub tied_head: bool,
    /// Tokens a step; as papers advise where it is not given.
    pub batch: Option<Tokens>,
    /// Which parameters its size counts.
    pub counting: ParamCounting,
}

impl Default for Given {
    /// Those of Llama 2 (Touvron et al. 2023, arXiv:2307.09288).
    fn default() -> Self {
        Self { vocabulary: 32_000, context: 4_096, tied_head: false, batch: None, counting: ParamCounting::Total }
    }
}

/// Why there is no blueprint.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BlueprintError {
    /// No shape has so few parameters.
    #[error(
        "{params} parameters are too few for a vocabulary of {vocabulary}: the smallest shape has {smallest}; take a smaller vocabulary, or a larger model"
    )]
    TooSmall {
        /// The parameters asked for.
        params: Params,
        /// The vocabulary.
        vocabulary: usize,
        /// Parameters of the smallest shape.
        smallest: Params,
    },
    /// No shape comes near the size.
    #[error(
        "no shape of up to {DEEPEST} layers comes within {} % of {params} parameters: the nearest has {nearest}",
        100.0 * FARTHEST
    )]
    NoShape {
        /// The parameters asked for.
        params: Params,
        /// Parameters of the nearest shape.
        nearest: Params,
    },
    /// The budget does not pay for a step.
    #[error("{flops} FLOP do not pay for one context of {context} tokens: raise the budget, or shorten the context")]
    TooCheap {
        /// The budget.
        flops: Flops,
        /// The context length.
        context: usize,
    },
    /// A number left the range of `f64`.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

/// A run that can be started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blueprint {
    /// The shape.
    pub architecture: Architecture,
    /// All its parameters.
    pub params: Params,
    /// Training FLOP per token, every matrix product counted, attention causal.
    pub flops_per_token: f64,
    /// Batch, tokens; whole contexts.
    pub batch: Tokens,
    /// Optimizer steps.
    pub steps: u64,
    /// Tokens of all steps.
    pub tokens: Tokens,
    /// Their training compute.
    pub flops: Flops,
    /// What papers advise for learning rate and batch; the batch is that of the first where none was given.
    pub advice: Vec<Advice>,
}

/// Width over depth of the shapes in use: 128 in GPT-3 175B, 102 in Chinchilla and Llama 2 70B, 64 in GPT-2 small. The loss hardly
/// depends on it (Kaplan et al. 2020, arXiv:2001.08361, figure 5).
const ASPECT: f64 = 100.0;
/// A size one percent off is as bad as an aspect this factor off.
const ASPECT_PER_PERCENT: f64 = 1.5;
/// Widths of the model, each range with the width of its heads, the step of its widths, and its end. Wide models come in steps that
/// divide among devices.
const WIDTHS: [(usize, usize, usize); 5] =
    [(32, 32, 512), (64, 64, 2_048), (128, 128, 4_096), (128, 512, 16_384), (128, 1_024, 131_072)];
/// Feed-forward widths come in steps of this, so that they divide among devices.
const FEED_FORWARD_STEP: usize = 128;
/// Deepest shape that is tried.
const DEEPEST: usize = 256;
/// A shape farther off, as a share of the size, is another model.
const FARTHEST: f64 = 0.1;
/// Fewest steps: below, the batch is cut.
const FEWEST_STEPS: f64 = 100.0;

impl Given {
    /// A gated decoder of `depth` layers of `heads` heads, the feed-forward block 8/3 of the width.
    fn architecture(&self, depth: usize, (heads, head_width): (usize, usize)) -> Architecture {
        let width = heads * head_width;
        Architecture {
            depth,
            width,
            heads,
            head_width,
            feed_forward: (8 * width).div_ceil(3).next_multiple_of(FEED_FORWARD_STEP),
            gated: true,
            vocabulary: self.vocabulary,
            tied_head: self.tied_head,
            context: self.context,
        }
    }

    /// The parameters of a shape that are counted.
    fn size(&self, architecture: &Architecture) -> f64 {
        architecture.param_groups().count(self.counting) as f64
    }

    /// The shape whose size is nearest `params` at a usual aspect.
    fn nearest(&self, params: Params) -> Option<Architecture> {
        let widths = widths();
        let excess = |architecture: &Architecture| ln(self.size(architecture) / params.get());
        let at_depth = |depth: usize| {
            let larger = widths.partition_point(|width| excess(&self.architecture(depth, *width)) <= 0.0);
            let around = widths[larger.saturating_sub(1)..].iter().take(2);
            around.map(|width| self.architecture(depth, *width)).collect::<Vec<_>>()
        };
        let fault = |architecture: &Architecture| {
            let off = excess(architecture) / 0.01;
            let aspect = architecture.width as f64 / architecture.depth as f64;
            let unusual = ln(aspect / ASPECT) / ln(ASPECT_PER_PERCENT);
            off * off + unusual * unusual
        };
        (1..=DEEPEST).flat_map(at_depth).min_by(|one, other| fault(one).total_cmp(&fault(other)))
    }
}

/// Heads and their width, from the narrowest model to the widest.
fn widths() -> Vec<(usize, usize)> {
    let mut widths = Vec::new();
    let mut narrowest = 1usize;
    for (head, step, widest) in WIDTHS {
        widths.extend((narrowest.next_multiple_of(step)..widest).step_by(step).map(|width| (width / head, head)));
        narrowest = widest;
    }
    widths
}

impl Blueprint {
    /// The shape nearest `params`, of those that are counted, trained for as many whole batches as `budget` pays for.
    ///
    /// The batch is the one given or the first advice's, in whole contexts, and less where it would leave fewer than a hundred steps.
    ///
    /// # Errors
    /// [`BlueprintError`] when no shape is so small, or the budget does not pay for a step.
    ///
    /// # Example
    /// ```
    /// use isoflop::blueprint::{Blueprint, Given};
    /// use isoflop::{Flops, Params};
    /// let run = Blueprint::new(Params::new(7e9)?, Flops::new(8.4e22)?, &Given::default())?;
    /// assert!((run.params.get() / 7e9 - 1.0).abs() < 0.02);
    /// assert!((run.flops.get() / 8.4e22 - 1.0).abs() < 0.02);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(params: Params, budget: Flops, given: &Given) -> Result<Self, BlueprintError> {
        let smallest = Params::new(given.size(&given.architecture(1, (1, WIDTHS[0].0))))?;
        let too_small = || BlueprintError::TooSmall { params, vocabulary: given.vocabulary, smallest };
        if params.get() < 0.98 * smallest.get() {
            return Err(too_small());
        }
        let architecture = given.nearest(params).ok_or_else(too_small)?;
        let nearest = Params::new(given.size(&architecture))?;
        if (nearest.get() / params.get() - 1.0).abs() > FARTHEST {
            return Err(BlueprintError::NoShape { params, nearest });
        }
        let flops_per_token = architecture.flop_groups().training_flops_per_token();
        let affordable = budget.get() / flops_per_token;
        let body = architecture.param_groups().count(ParamCounting::NonEmbedding) as f64;
        let advice = advice(Params::new(body)?, Tokens::new(affordable)?)?;
        let context = given.context as f64;
        let advised = given.batch.or(advice.first().map(|advice| advice.batch)).map_or(f64::INFINITY, Tokens::get);
        let contexts = (advised.min(affordable / FEWEST_STEPS) / context).round().max(1.0);
        let steps = (affordable / (contexts * context)).round();
        if steps < 1.0 {
            return Err(BlueprintError::TooCheap { flops: budget, context: given.context });
        }
        let tokens = Tokens::new(steps * contexts * context)?;
        Ok(Self {
            params: Params::new(architecture.param_groups().count(ParamCounting::Total) as f64)?,
            flops_per_token,
            batch: Tokens::new(contexts * context)?,
            steps: steps as u64,
            tokens,
            flops: Flops::new(tokens.get() * flops_per_token)?,
            advice,
            architecture,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blueprint(params: f64, flops: f64, given: &Given) -> Result<Blueprint, BlueprintError> {
        Blueprint::new(Params::new(params).unwrap(), Flops::new(flops).unwrap(), given)
    }

    /// From a tenth of a billion to ten trillion parameters, at twenty tokens each.
    #[test]
    fn size_and_compute_are_met_within_two_percent_by_usual_shapes() {
        for step in 0..=100 {
            let params = 1e8 * 10f64.powf(f64::from(step) / 20.0);
            let budget = 120.0 * params * params;
            let run = blueprint(params, budget, &Given::default()).unwrap();
            assert!((run.params.get() / params - 1.0).abs() < 0.02, "{params:e} {run:?}");
            assert!((run.flops.get() / budget - 1.0).abs() < 0.02, "{params:e} {run:?}");
            let aspect = run.architecture.width as f64 / run.architecture.depth as f64;
            assert!((40.0..250.0).contains(&aspect), "{params:e} {:?}", run.architecture);
            assert_eq!(run.architecture.width, run.architecture.heads * run.architecture.head_width);
            assert_eq!(run.tokens.get(), run.steps as f64 * run.batch.get());
            assert_eq!(run.batch.get() % run.architecture.context as f64, 0.0);
        }
    }

    /// A billion parameters without embeddings and head are those of a larger model.
    #[test]
    fn a_size_is_met_in_the_counting_it_is_given_in() {
        for counting in [ParamCounting::NonEmbedding, ParamCounting::Matmul] {
            let run = blueprint(1e9, 1.2e20, &Given { counting, ..Given::default() }).unwrap();
            let groups = run.architecture.param_groups();
            assert!((groups.count(counting) as f64 / 1e9 - 1.0).abs() < 0.02, "{run:?}");
            assert_eq!(run.params.get(), groups.count(ParamCounting::Total) as f64);
            assert!(run.params.get() > 1.05e9);
        }
    }

    #[test]
    fn tiny_models_take_tiny_vocabularies() {
        let tiny =
            Given { vocabulary: 256, context: 256, tied_head: true, batch: None, counting: ParamCounting::Total };
        let run = blueprint(1e6, 1.2e14, &tiny).unwrap();
        assert!(
            (run.params.get() / 1e6 - 1.0).abs() < 0.05 && (run.flops.get() / 1.2e14 - 1.0).abs() < 0.02,
            "{run:?}"
        );
        let error = blueprint(1e6, 1.2e14, &Given::default()).unwrap_err();
        assert!(matches!(error, BlueprintError::TooSmall { vocabulary: 32_000, .. }), "{error}");
        let error = blueprint(1e9, 1e12, &Given::default()).unwrap_err();
        assert!(matches!(error, BlueprintError::TooCheap { context: 4_096, .. }), "{error}");
        let error = blueprint(1e15, 1.2e32, &Given::default()).unwrap_err();
        assert!(
            error.to_string().starts_with("no shape of up to 256 layers comes within 10 % of 1Q parameters"),
            "{error}"
        );
    }
}
