//! What is known of a recipe's best rates and batch: the `[tuning]` table, written by tuning, which changes no run.

use isoflop::tuning::{Curvature, Settled, multiplier, steps};
use serde::{Deserialize, Serialize};

use super::rules::{BatchRule, OptimizerRule};
use super::{Rates, Recipe};
use crate::spec::RunSpec;

/// What tuning measured. Lists are in the order hidden rate, embedding rate, batch; a step is a factor of [`isoflop::tuning::STEP`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// The best: rates at the recipe's base width, tokens in a batch of a run on its `batch.training_tokens`.
    pub optimum: [f64; 3],
    /// The best `optimizer.width_drift`.
    pub width_drift: f64,
    /// Standard errors of the optimum at the largest width, in steps.
    pub standard_errors: [f64; 3],
    /// Standard deviation of ln loss between seeds.
    pub noise: f64,
    /// Whether the optimum is known well enough.
    pub settled: Settled,
    /// Widths that were trained.
    pub widths: Vec<usize>,
    /// Runs that were trained.
    pub runs: usize,
    /// Their training FLOPs.
    pub flops: f64,
    /// Second derivatives of ln loss, per step squared.
    pub curvature: Curvature,
}

impl Recipe {
    /// The recipe with rates and batch moved by so many steps: hidden rate, embedding rate, batch.
    ///
    /// The hidden rate of a batch of given tokens moves with the first alone: the batch takes its root along, as [`rates`](Self::rates)
    /// has it.
    pub fn moved(&self, moves: [f64; 3]) -> Self {
        let [hidden, embedding, batch] = moves.map(multiplier);
        let optimizer = OptimizerRule {
            hidden_rate: self.optimizer.hidden_rate * hidden * batch.sqrt(),
            embedding_rate: self.optimizer.embedding_rate * embedding,
            ..self.optimizer.clone()
        };
        let batch = BatchRule { tokens: self.batch.tokens * batch, ..self.batch.clone() };
        Self { optimizer, batch, ..self.clone() }
    }

    /// The steps by which `spec` is off this recipe: what [`moved`](Self::moved) would undo but for the rounding of its batch.
    ///
    /// # Example
    /// ```
    /// # use isoflop::Tokens;
    /// use isoflop_train::Recipe;
    /// let recipe = Recipe::default();
    /// let moved = recipe.moved([1.0, -2.0, 1.0]);
    /// let off = recipe.moves_of(&moved.run(moved.architecture(32), Tokens::new(1e7)?, 0, 1));
    /// assert!((off[0] - 1.0).abs() < 1e-9 && (off[1] + 2.0).abs() < 1e-9 && (off[2] - 1.0).abs() < 0.1);
    /// # Ok::<(), isoflop::UnitError>(())
    /// ```
    pub fn moves_of(&self, spec: &RunSpec) -> [f64; 3] {
        let batch_tokens = spec.batch_tokens();
        let Rates { hidden, embedding } = self.rates(spec.architecture.width, batch_tokens);
        let tokens = spec.steps as f64 * batch_tokens;
        [
            steps(spec.optimizer.hidden_rate / hidden),
            steps(spec.optimizer.embedding_rate / embedding),
            steps(batch_tokens / self.batch.of(tokens)),
        ]
    }

    /// ln loss that `spec` is expected to give away by rates and batch other than the tuned ones: `1/2 x' H x` of the steps x that it is off
    /// them. 0 for what this recipe plans, up to the rounding of its batch to whole sequences; none where the recipe was not tuned.
    pub fn tuning_excess(&self, spec: &RunSpec) -> Option<f64> {
        let tuning = self.tuning.as_ref()?;
        let tuned = tuning.applied_to(self);
        let mut moves = tuned.moves_of(spec);
        let tokens = spec.tokens().ok()?;
        let wanted = tuned.batch.of(tokens.get()) / spec.architecture.context as f64;
        // Of a run of few steps whole batches are more or fewer tokens than it was planned for.
        let rounding = 0.5 + wanted / spec.steps as f64;
        let least = spec.batch_sequences == spec.shards.max(1) && wanted < spec.batch_sequences as f64;
        if least || (wanted - spec.batch_sequences as f64).abs() <= rounding {
            moves[2] = 0.0;
        }
        Some(tuning.curvature.excess(moves))
    }
}

impl Tuning {
    /// `recipe` with these rates and this batch.
    pub fn applied_to(&self, recipe: &Recipe) -> Recipe {
        let [hidden_rate, embedding_rate, tokens] = self.optimum;
        let width_drift = self.width_drift;
        let optimizer = OptimizerRule { hidden_rate, embedding_rate, width_drift, ..recipe.optimizer.clone() };
        let batch = BatchRule { tokens, ..recipe.batch.clone() };
        Recipe { optimizer, batch, tuning: Some(self.clone()), ..recipe.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop::Tokens;

    fn tuned() -> Recipe {
        let tuning = Tuning {
            optimum: [0.006, 0.02, 700.0],
            width_drift: -0.1,
            standard_errors: [0.2, 0.3, 0.4],
            noise: 0.007,
            settled: Settled::Yes,
            widths: vec![16, 24, 32],
            runs: 50,
            flops: 1e12,
            curvature: Curvature { factors: [0.008, 0.004, 0.002], cross: 0.001 },
        };
        tuning.applied_to(&Recipe { name: "tuned".to_owned(), ..Recipe::default() })
    }

    fn run(recipe: &Recipe, width: usize, tokens: f64) -> RunSpec {
        recipe.run(recipe.architecture(width), Tokens::new(tokens).unwrap(), 0, 1)
    }

    #[test]
    fn what_a_tuned_recipe_plans_gives_nothing_away() {
        let recipe = tuned();
        for width in [8, 16, 48, 240] {
            for tokens in [2e4, 3e5, 1.1e6, 4e7] {
                assert_eq!(recipe.tuning_excess(&run(&recipe, width, tokens)), Some(0.0), "{width} {tokens}");
            }
        }
        assert_eq!(Recipe::default().tuning_excess(&run(&recipe, 16, 1e6)), None);
    }

    #[test]
    fn moved_runs_give_away_what_the_parabola_says() {
        let recipe = tuned();
        let spec = run(&recipe.moved([1.0, 0.0, 0.0]), 32, 1e6);
        assert!((recipe.tuning_excess(&spec).unwrap() - 0.004).abs() < 1e-12);
        let spec = run(&recipe.moved([0.0, -2.0, 3.0]), 32, 2e8);
        assert!((recipe.tuning_excess(&spec).unwrap() - (0.008 + 0.009)).abs() < 1e-3);
        // Edited after it was tuned: still measured from the tuned rates.
        let edited = recipe.moved([2.0, 0.0, 0.0]);
        assert!((edited.tuning_excess(&run(&edited, 32, 1e6)).unwrap() - 0.016).abs() < 1e-12);
    }

    #[test]
    fn moves_are_found_again_at_every_width() {
        let recipe = tuned();
        for width in [16, 64, 176] {
            let found = recipe.moves_of(&run(&recipe.moved([-1.0, 2.0, 1.0]), width, 3e8));
            for (found, expected) in found.iter().zip([-1.0, 2.0, 1.0]) {
                assert!((found - expected).abs() < 0.02, "{width} {found}");
            }
        }
    }

    #[test]
    fn a_batch_of_the_same_tokens_has_the_same_hidden_rate_wherever_the_rule_is_quoted() {
        let recipe = tuned();
        let moved = recipe.moved([0.0, 0.0, 2.0]);
        let [one, other] = [&recipe, &moved].map(|recipe| recipe.rates(32, 1000.0).hidden);
        assert!((one / other - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_tuned_recipe_is_written_and_read_again_and_plans_the_same_runs() {
        let recipe = tuned();
        let text = recipe.to_toml();
        assert!(text.contains("[tuning]"), "{text}");
        let read = Recipe::from_toml(&text, "itself").unwrap();
        assert_eq!(read, recipe);
        let untuned = Recipe { tuning: None, ..recipe.clone() };
        assert_eq!(run(&untuned, 32, 1e6), run(&read, 32, 1e6));
        let refused = Recipe::from_toml(&text.replace("noise = 0.007", "noise = -1"), "mine.toml").unwrap_err();
        assert!(refused.to_string().contains("tuning.noise"), "{refused}");
    }

    #[test]
    fn a_drift_moves_the_rate_away_from_the_root_of_width() {
        let recipe = tuned();
        let root =
            Recipe { optimizer: OptimizerRule { width_drift: 0.0, ..recipe.optimizer.clone() }, ..recipe.clone() };
        let ratio = |width| recipe.rates(width, 700.0).hidden / root.rates(width, 700.0).hidden;
        assert_eq!(ratio(64), 1.0);
        assert!((ratio(16) - 4f64.powf(0.1)).abs() < 1e-12);
    }
}
