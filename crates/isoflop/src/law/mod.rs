//! Scaling laws: formulas from (params, tokens) to loss, all under one contract.

mod hoffmann;
mod published;

use std::fmt::Debug;

pub use hoffmann::{Hoffmann, HoffmannCoefficients};
pub use published::{PUBLISHED, Published, Trust, published};

/// A scaling law: a family of curves `ln L = f(parameters; ln N, ln D)`, falling in N and in D.
///
/// Implementations are stateless; the parameters are passed in, in the order of [`Law::parameters`] and in the units they are
/// published in. The optimiser works in other coordinates, chosen by the law so that they are nearly uncorrelated.
pub trait Law: Debug + Sync {
    /// The name that files and the command line use, such as `hoffmann`.
    fn name(&self) -> &'static str;

    /// The formula, for people.
    fn formula(&self) -> &'static str;

    /// The parameters, in order.
    fn parameters(&self) -> &'static [Parameter];

    /// Loss in nats per token at `params` and `tokens` (both as bare numbers, in the units of the law).
    fn loss(&self, parameters: &[f64], params: f64, tokens: f64) -> f64;

    /// Compute-optimal quantities that follow from the parameters, with their names, for reports.
    fn derived(&self, parameters: &[f64]) -> Vec<(&'static str, f64)>;
}

/// A parameter of a law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// The name, as the paper writes it.
    pub name: &'static str,
    /// What it is, with its unit.
    pub meaning: &'static str,
}

/// Every law that can be fitted or asked for by name.
pub const ALL: [&dyn Law; 1] = [&Hoffmann];

/// The law called `name`; `None` when there is none.
pub fn by_name(name: &str) -> Option<&'static dyn Law> {
    ALL.into_iter().find(|law| law.name() == name)
}
