//! What can be wrong with a recipe.

use isoflop::names::UnknownName;

use crate::error::TrainError;

/// Why a recipe cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// The text is no TOML, or has a key or a kind of value that recipes do not have.
    #[error("{origin} is not a recipe: {source}")]
    Toml {
        /// Where the text came from.
        origin: String,
        /// The line, what stands there, and what may.
        source: Box<toml::de::Error>,
    },
    /// A number is out of its range.
    #[error("{key} of the recipe must be {allowed}, got {value}")]
    OutOfRange {
        /// The key, with the tables it stands in.
        key: &'static str,
        /// What would be accepted.
        allowed: &'static str,
        /// What was given.
        value: f64,
    },
    /// The optimizer refuses a constant.
    #[error("the recipe's {0}")]
    Optimizer(TrainError),
    /// The recipe has no model of this width.
    #[error("the recipe has no model of width {width}; the nearest is {nearest}")]
    NoWidth {
        /// The width that was asked for.
        width: usize,
        /// The nearest there is.
        nearest: usize,
    },
    /// No recipe of this name is built in.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
}
