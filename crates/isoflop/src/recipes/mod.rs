//! Recipes compared: architectures, optimizers or texts, by the compute that one saves over another.

mod comparison;
mod curve;
mod forms;
mod gain;
mod separation;
mod shared_floor;

pub use comparison::{Pair, RecipeComparison, RecipeError, RecipeOptions, compare_recipes};
pub use forms::{Form, FormTest};
pub use gain::{Crossover, GainAt, GainUnder};
pub use separation::Separation;
