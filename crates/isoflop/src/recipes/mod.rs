//! Recipes compared: architectures, optimizers or texts, by the compute that one saves over another.

mod comparison;
mod curve;
mod forms;
mod gain;
mod separation;
mod shared_floor;
mod tables;

pub use comparison::{Money, Pair, RecipeComparison, RecipeError, RecipeOptions, compare_recipes};
pub use forms::{Form, FormTest};
pub use gain::{Crossover, GainAt, GainUnder};
pub use separation::Separation;
pub use tables::{TABLE_COLUMN, runs_of_tables};
