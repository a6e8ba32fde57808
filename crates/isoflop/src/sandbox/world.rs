//! The hidden law of an assignment, and the losses of runs trained in it.

use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::resample::{self, below, standard_normal};
use sha2::{Digest, Sha256};

use super::{Assignment, Level, first_number};
use crate::law::{Coupled, CoupledCoefficients, Law, Setting};
use crate::units::{Flops, Params, Tokens};

/// Ranges that the hidden law is drawn from, around what language models of 2020 to 2025 showed: the published sets of
/// [`crate::law::PUBLISHED`] lie within or near them.
const FLOOR: (f64, f64) = (1.4, 2.0);
const EXPONENT: (f64, f64) = (0.25, 0.45);
/// Loss that each term leaves at [`REFERENCE`], in nats per token.
const TERM: (f64, f64) = (0.2, 0.5);
const COUPLING: (f64, f64) = (0.55, 0.95);
/// Parameters and tokens at which the terms are drawn.
const REFERENCE: (f64, f64) = (1e9, 2e10);

/// Share of the loss by which runs scatter.
const TEXTBOOK_SCATTER: f64 = 0.002;
const FIELD_SCATTER: f64 = 0.005;
/// Degrees of freedom of the field's scatter.
const FIELD_FREEDOM: usize = 4;
/// One run in so many ends too high, as one with an unlucky learning rate does, by this share of the loss.
const MISHAP: usize = 20;
const MISHAP_EXCESS: f64 = 0.03;

/// Where runs are trained: [`Coupled`]'s law, whose parameters only a grade shows.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    seed: u64,
    level: Level,
    parameters: [f64; 6],
}

impl World {
    /// The world of an assignment.
    pub fn of(assignment: &Assignment) -> Self {
        let seed = assignment.world_seed();
        let mut generator = resample::stream(seed, 0);
        /// Steps of a range: fine enough to be taken for any number in it.
        const STEPS: usize = 1 << 30;
        let mut within =
            |(low, high): (f64, f64)| low + (high - low) * below(&mut generator, STEPS) as f64 / STEPS as f64;
        let (alpha, beta) = (within(EXPONENT), within(EXPONENT));
        let (params_term, tokens_term) = (within(TERM), within(TERM));
        let scale = |term: f64, at: f64, exponent: f64| term * exp(exponent * ln(at));
        let coupling = within(COUPLING);
        let parameters = [
            within(FLOOR),
            scale(params_term, REFERENCE.0, alpha),
            scale(tokens_term, REFERENCE.1, beta),
            alpha,
            beta,
            match assignment.level {
                Level::Textbook => 1.0,
                Level::Field => coupling,
            },
        ];
        Self { seed, level: assignment.level, parameters }
    }

    /// E, A, B, alpha, beta and k of [`Coupled`]'s law.
    pub fn parameters(&self) -> [f64; 6] {
        self.parameters
    }

    /// What the law says of a run, without its scatter, in nats per token.
    pub fn expected_loss(&self, params: Params, tokens: Tokens) -> f64 {
        Coupled.loss(&self.parameters, &Setting::single_pass(params.get(), tokens.get()))
    }

    /// The size with the lowest expected loss at `flops`, in parameters.
    pub fn best_params(&self, flops: Flops) -> Option<f64> {
        CoupledCoefficients::from_slice(&self.parameters)?.best_ln_params(flops.get()).map(exp)
    }

    /// The least compute that reaches `loss`; `None` at the floor or below it.
    pub fn least_flops(&self, loss: f64) -> Option<f64> {
        CoupledCoefficients::from_slice(&self.parameters)?.equivalent_flops(loss)
    }

    /// The loss that a run ends at; `replicate` counts runs of this size and these tokens, each of which is another draw of the scatter.
    pub fn train(&self, params: Params, tokens: Tokens, replicate: u64) -> f64 {
        let Luck { scatter, mishap } = self.luck(params, tokens, replicate);
        self.expected_loss(params, tokens) * exp(scatter + if mishap { MISHAP_EXCESS } else { 0.0 })
    }

    /// The same of a run that is watched, as runs of the target's compute are: it scatters, but no mishap befalls it.
    pub fn train_with_care(&self, params: Params, tokens: Tokens) -> f64 {
        self.expected_loss(params, tokens) * exp(self.luck(params, tokens, 0).scatter)
    }

    fn luck(&self, params: Params, tokens: Tokens, replicate: u64) -> Luck {
        let mut hash = Sha256::new();
        for number in [params.get().to_bits(), tokens.get().to_bits(), replicate] {
            hash.update(number.to_le_bytes());
        }
        let mut generator = resample::stream(self.seed, first_number(&hash.finalize()));
        let normal = standard_normal(&mut generator);
        match self.level {
            Level::Textbook => Luck { scatter: TEXTBOOK_SCATTER * normal, mishap: false },
            Level::Field => {
                let square: f64 = (0..FIELD_FREEDOM).map(|_| standard_normal(&mut generator).powi(2)).sum();
                let scatter = FIELD_SCATTER * normal / (square / FIELD_FREEDOM as f64).sqrt();
                Luck { scatter, mishap: below(&mut generator, MISHAP) == 0 }
            }
        }
    }
}

/// What chance does to a run.
struct Luck {
    /// Of ln loss.
    scatter: f64,
    mishap: bool,
}
