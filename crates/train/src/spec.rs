//! What decides a training run besides its text: two equal specs on equal text give equal bits on one machine.

use isoflop::counting::Architecture;
use isoflop::{Tokens, UnitError};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::muon::ITERATIONS;

/// One training run, completely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// Sizes of the model.
    pub architecture: Architecture,
    /// How its layers compute. Left out of files at its default, so that runs planned before it existed keep their names.
    #[serde(default, skip_serializing_if = "is_default")]
    pub block: Block,
    /// The optimizer and its constants.
    pub optimizer: AdamW,
    /// Muon in place of AdamW for the hidden matrices, at the rate and decay that `optimizer` gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muon: Option<Muon>,
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

/// What a layer computes, besides the sizes that [`Architecture`] counts: none of it adds a parameter or a matrix product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Block {
    /// What bends the hidden values of the feed-forward block: of the gates where it is gated, of all where it is plain.
    #[serde(skip_serializing_if = "is_default")]
    pub activation: Activation,
    /// Whether queries and keys are normalised, head by head and without gains, before their products: scores then stay within
    /// `log2(context^2 - context)` whatever the weights (Henry et al. 2020, arXiv:2010.04245, with their scale held fixed).
    #[serde(skip_serializing_if = "is_default")]
    pub qk_norm: bool,
}

/// The function of one number between the matrices of a feed-forward block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x sigmoid(x)`; with gates, SwiGLU (Shazeer 2020, arXiv:2002.05202).
    #[default]
    Silu,
    /// `x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))/2` (Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2).
    Gelu,
    /// `max(x, 0)^2` (So et al. 2021, arXiv:2109.08668).
    ReluSquared,
}

/// Whether a field need not be written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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

/// Muon: a matrix moves along its momentum with all singular values brought near one (Jordan et al. 2024,
/// kellerjordan.github.io/posts/muon).
///
/// ```text
/// m = mu m + (1 - mu) g        u = mu m + (1 - mu) g
/// w = (1 - rate decay) w - rate 0.2 sqrt(max(rows, columns)) orthogonalised(u)
/// ```
///
/// The factor gives steps the root mean square that AdamW's have, so that both take the same rates (Liu et al. 2025,
/// arXiv:2502.16982, section 2.2). Queries, keys, values, gates and ups are matrices of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Muon {
    /// Decay mu of the momentum.
    pub momentum: f64,
}

impl Default for Muon {
    /// Jordan et al. 2024.
    fn default() -> Self {
        Self { momentum: 0.95 }
    }
}

/// Training FLOP of a whole run; a multiply-add is two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RunFlops {
    /// Matrix products of forward and backward passes, as [`Architecture::flop_groups`] counts them.
    pub model: f64,
    /// Matrix products of the optimizer: none in AdamW, whose few operations per parameter are left out as everywhere.
    pub optimizer: f64,
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

/// A constant's path in the specification, its value, whether it will do, and what would.
type Constant = (&'static str, f64, bool, &'static str);

/// Refuses the first constant that is out of its range.
fn check(constants: &[Constant]) -> Result<(), TrainError> {
    match constants.iter().find(|(_, _, holds, _)| !holds) {
        Some(&(field, value, _, range)) => Err(TrainError::OutOfRange { field, range, value }),
        None => Ok(()),
    }
}

impl AdamW {
    /// Refuses constants that no step can be taken with.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let &Self { hidden_rate, embedding_rate, beta1, beta2, epsilon, weight_decay, clip_norm } = self;
        let finite = |value: f64| value >= 0.0 && value.is_finite();
        let share = |value: f64| (0.0..1.0).contains(&value);
        check(&[
            ("optimizer.hidden_rate", hidden_rate, finite(hidden_rate), "finite and at least 0"),
            ("optimizer.embedding_rate", embedding_rate, finite(embedding_rate), "finite and at least 0"),
            ("optimizer.weight_decay", weight_decay, finite(weight_decay), "finite and at least 0"),
            ("optimizer.beta1", beta1, share(beta1), "at least 0 and below 1"),
            ("optimizer.beta2", beta2, share(beta2), "at least 0 and below 1"),
            ("optimizer.epsilon", epsilon, epsilon > 0.0 && epsilon.is_finite(), "finite and above 0"),
            // Infinity is how clipping is turned off.
            ("optimizer.clip_norm", clip_norm, clip_norm > 0.0, "above 0"),
        ])
    }
}

impl Muon {
    /// Refuses constants that no step can be taken with.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let holds = (0.0..1.0).contains(&self.momentum);
        check(&[("muon.momentum", self.momentum, holds, "at least 0 and below 1")])
    }

    /// FLOP of the matrix products in one step of all hidden matrices of `shape`, exact.
    ///
    /// ```text
    /// sum over matrices of 5 (4 s^2 l + 2 s^3)
    /// ```
    ///
    /// with s and l the smaller and larger side: X X', its square, and their product with X, five times.
    pub fn flops_per_step(shape: &Architecture) -> f64 {
        let one = |rows: usize, columns: usize| {
            let (short, long) = (rows.min(columns) as f64, rows.max(columns) as f64);
            ITERATIONS as f64 * (4.0 * short * short * long + 2.0 * short.powi(3))
        };
        let feed_forward_matrices = if shape.gated { 3.0 } else { 2.0 };
        let attention = 4.0 * one(shape.heads * shape.head_width, shape.width);
        shape.depth as f64 * (attention + feed_forward_matrices * one(shape.feed_forward, shape.width))
    }
}

impl RunFlops {
    /// All of it.
    pub fn total(self) -> f64 {
        self.model + self.optimizer
    }
}

impl RunSpec {
    /// Training FLOP of the whole run, counted layer by layer.
    pub fn flops(&self) -> RunFlops {
        let model = self.architecture.flop_groups().training_flops_per_token() * self.token_count();
        let a_step = if self.muon.is_some() { Muon::flops_per_step(&self.architecture) } else { 0.0 };
        RunFlops { model, optimizer: a_step * self.steps as f64 }
    }

    /// Tokens the run trains on, repetitions included.
    ///
    /// # Errors
    /// [`UnitError::NotPositive`] when a factor is zero.
    pub fn tokens(&self) -> Result<Tokens, UnitError> {
        Tokens::new(self.token_count())
    }

    /// Tokens in a batch.
    pub fn batch_tokens(&self) -> f64 {
        (self.batch_sequences * self.architecture.context) as f64
    }

    fn token_count(&self) -> f64 {
        self.steps as f64 * self.batch_tokens()
    }

    /// Steps that the run does before its rate begins to fall: where others may branch off.
    ///
    /// ```text
    /// min(steps, steps + 1 - cooldown)
    /// ```
    /// The first step of a cool-down still has the whole rate, as [`Schedule::rate_share`] counts.
    pub fn steps_before_cooldown(&self) -> u64 {
        (self.steps + 1).saturating_sub(self.schedule.cooldown_steps).min(self.steps)
    }

    /// Whether `other`, on the same text, is the same run to the last bit for the first `step` steps.
    ///
    /// The length of a run decides nothing before its cool-down: runs that agree in all but `steps` and `cooldown_steps` are
    /// branches of one trunk until the earlier of their cool-downs begins (Hägele et al. 2024, arXiv:2405.18392; Hu et al.
    /// 2024, arXiv:2404.06395).
    ///
    /// # Example
    /// ```
    /// # use isoflop::{Tokens, counting::Architecture};
    /// use isoflop_train::{Recipe, RunSpec, Schedule};
    /// let recipe = Recipe::default();
    /// let run = recipe.run(recipe.architecture(32), Tokens::new(1e6)?, 0, 1);
    /// let schedule = Schedule { cooldown_steps: 200, ..run.schedule.clone() };
    /// let [short, long] = [1000, 2000].map(|steps| RunSpec { steps, schedule: schedule.clone(), ..run.clone() });
    /// assert!(short.agrees_until(&long, 801) && !short.agrees_until(&long, 802));
    /// # Ok::<(), isoflop::UnitError>(())
    /// ```
    pub fn agrees_until(&self, other: &Self, step: u64) -> bool {
        // Of a run and itself nothing is asked but that it has as many steps.
        let shared =
            if self == other { self.steps } else { self.steps_before_cooldown().min(other.steps_before_cooldown()) };
        step <= shared && self.trunk() == other.trunk()
    }

    /// What all branches of one trunk have in common: the run without its `steps` and `cooldown_steps`, which are zero.
    pub fn trunk(&self) -> Self {
        Self { steps: 0, schedule: Schedule { cooldown_steps: 0, ..self.schedule.clone() }, ..self.clone() }
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

    /// A run as files held it before there were kinds of models.
    const WRITTEN_BEFORE: &str = r#"{"architecture":{"depth":1,"width":16,"heads":1,"head_width":16,"feed_forward":48,
        "gated":true,"vocabulary":256,"tied_head":false,"context":128},"optimizer":{"hidden_rate":0.0057,
        "embedding_rate":0.025,"beta1":0.8,"beta2":0.99,"epsilon":1e-8,"weight_decay":0.1,"clip_norm":1.0},
        "schedule":{"warmup_steps":2,"cooldown_steps":70},"batch_sequences":5,"steps":100,"seed":3,"shards":1}"#;

    #[test]
    fn runs_written_before_there_were_kinds_of_models_are_read_and_written_as_they_were() {
        let spec: RunSpec = serde_json::from_str(WRITTEN_BEFORE).unwrap();
        assert_eq!((spec.block, &spec.muon), (Block { activation: Activation::Silu, qk_norm: false }, &None));
        let before: serde_json::Value = serde_json::from_str(WRITTEN_BEFORE).unwrap();
        assert_eq!(serde_json::to_value(&spec).unwrap(), before);
    }

    #[test]
    fn what_differs_from_the_default_is_written_and_read_again() {
        let before: RunSpec = serde_json::from_str(WRITTEN_BEFORE).unwrap();
        let block = Block { activation: Activation::ReluSquared, qk_norm: true };
        let spec = RunSpec { block, muon: Some(Muon { momentum: 0.95 }), ..before };
        let text = serde_json::to_string(&spec).unwrap();
        assert!(text.contains(r#""block":{"activation":"relu_squared","qk_norm":true}"#), "{text}");
        assert_eq!(serde_json::from_str::<RunSpec>(&text).unwrap(), spec);
        assert!(serde_json::from_str::<RunSpec>(&text.replace("qk_norm", "qknorm")).is_err());
    }

    #[test]
    fn orthogonalising_is_counted_product_by_product() {
        let before: RunSpec = serde_json::from_str(WRITTEN_BEFORE).unwrap();
        let architecture =
            Architecture { depth: 3, width: 10, head_width: 12, feed_forward: 25, ..before.architecture };
        let adamw = RunSpec { architecture, ..before };
        let muon = RunSpec { muon: Some(Muon { momentum: 0.9 }), ..adamw.clone() };
        // Of a 12 x 10 matrix: 10 x 10 x 12, 10 x 10 x 10 and 12 x 10 x 10 multiply-adds; of a 25 x 10 matrix 2500, 1000, 2500.
        let a_step = 3.0 * 5.0 * 2.0 * (4.0 * (1200.0 + 1000.0 + 1200.0) + 3.0 * (2500.0 + 1000.0 + 2500.0));
        let [without, with] = [&adamw, &muon].map(RunSpec::flops);
        assert_eq!((without.optimizer, with.optimizer), (0.0, 100.0 * a_step));
        assert_eq!(without.model, with.model);
        assert_eq!(with.total() - without.total(), with.optimizer);
    }

    #[test]
    fn the_rate_rises_stays_and_falls() {
        let schedule = Schedule { warmup_steps: 2, cooldown_steps: 4 };
        let shares: Vec<f64> = (0..8).map(|step| schedule.rate_share(step, 8)).collect();
        assert_eq!(shares, [0.5, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]);
    }

    #[test]
    fn runs_agree_for_as_long_as_their_rates_do_and_not_a_step_longer() {
        let recipe = crate::Recipe::default();
        let base = recipe.run(recipe.architecture(16), Tokens::new(1e5).unwrap(), 0, 1);
        let run = |steps, warmup_steps, cooldown_steps| RunSpec {
            steps,
            schedule: Schedule { warmup_steps, cooldown_steps },
            ..base.clone()
        };
        for warmup in [0, 3, 9] {
            for (steps, cooldown) in [(0, 0), (1, 0), (1, 1), (5, 2), (5, 5), (5, 9), (8, 1), (8, 4), (12, 4), (12, 0)]
            {
                let one = run(steps, warmup, cooldown);
                for (steps, cooldown) in [(5, 0), (8, 4), (12, 3), (40, 10), (12, 40)] {
                    let other = run(steps, warmup, cooldown);
                    let rates = |spec: &RunSpec| -> Vec<f64> {
                        (0..spec.steps).map(|step| spec.schedule.rate_share(step, spec.steps)).collect()
                    };
                    let (ours, theirs) = (rates(&one), rates(&other));
                    for step in 0..=45 {
                        let agrees = one.agrees_until(&other, step);
                        assert_eq!(agrees, other.agrees_until(&one, step));
                        let known = |rates: &[f64]| rates.len() as u64 >= step;
                        let same = known(&ours) && known(&theirs) && ours[..step as usize] == theirs[..step as usize];
                        assert!(same || !agrees, "{one:?} and {other:?} until {step}");
                        // Where warm-up and cool-down overlap, runs may agree for longer than is promised.
                        if warmup == 0 && step > 0 && one != other {
                            let whole = |rates: &[f64]| rates.len() as u64 >= step && rates[step as usize - 1] == 1.0;
                            assert_eq!(agrees, whole(&ours) && whole(&theirs), "{one:?} and {other:?} until {step}");
                        }
                    }
                }
            }
        }
        assert!(!run(8, 3, 4).agrees_until(&run(8, 2, 4), 0), "another warm-up is another trunk");
        assert!(!run(8, 3, 4).agrees_until(&RunSpec { seed: 1, ..run(8, 3, 4) }, 0));
    }
}
