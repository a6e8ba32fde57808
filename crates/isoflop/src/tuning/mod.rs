//! Tuning learning rates and batch on small models: a response surface around their optimum, and the runs that would place it best.
//!
//! ```text
//! trials -> Surface -> optimum, its doubt, loss given away
//!              \-----> the next trials
//! ```

mod shift;
mod surface;
mod trials;

pub use shift::{Move, Transfer};
pub use surface::{Curvature, Surface};
pub use trials::{Candidate, Settled, multiplier, star, steps};

use thiserror::Error;

/// Ratio of neighbouring values of a factor: one step of the grid.
///
/// A step from the best costs a few tenths of a percent of the loss, about what one seed scatters: finer grids would measure noise.
pub const STEP: f64 = 1.5;

/// What is tuned, in the order of every `moves`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// Peak learning rate of the hidden matrices.
    HiddenRate,
    /// Peak learning rate of embedding, head and gains.
    EmbeddingRate,
    /// Tokens in a batch; the hidden rate moves with it as the recipe has it.
    Batch,
}

impl Factor {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::HiddenRate, Self::EmbeddingRate, Self::Batch];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::HiddenRate => "hidden rate",
            Self::EmbeddingRate => "embedding rate",
            Self::Batch => "batch",
        }
    }
}

/// One finished run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// Width of the model; runs of one width are trained on as many tokens.
    pub width: f64,
    /// Seed of weights and order of text: runs of one width and seed are better or worse together.
    pub seed: u64,
    /// How far each factor is from the recipe's, in steps: the logarithm to base [`STEP`] of its multiplier.
    pub moves: [f64; 3],
    /// Held-out loss.
    pub loss: f64,
}

impl Trial {
    /// Whether `factor` has moved as far as in `other`, but for the last digits of how it was reached.
    pub fn agrees(&self, other: &Self, factor: Factor) -> bool {
        const ROUNDING: f64 = 1e-6;
        let index = factor as usize;
        (self.moves[index] - other.moves[index]).abs() < ROUNDING
    }
}

/// Why there is no surface.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TuningError {
    /// Nothing to learn from.
    #[error(
        "tuning needs finished runs, got none: every run diverged or none was trained; lower the rates of the recipe"
    )]
    NoTrials,
    /// A loss or a coordinate that is none.
    #[error(
        "trial {index} has width {width}, moves {moves:?} and loss {loss}; a width and a loss are above 0, and all are finite"
    )]
    BadTrial {
        /// Which, counted from 0.
        index: usize,
        /// Its width.
        width: f64,
        /// Its moves.
        moves: [f64; 3],
        /// Its loss.
        loss: f64,
    },
    /// The trials say nothing about the surface.
    #[error("{trials} trials do not place the optimum: the curvature at it is not positive; train some more")]
    Singular {
        /// How many there are.
        trials: usize,
    },
}
