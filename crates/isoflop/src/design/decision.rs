//! What the next runs are to decide, and when two recipes count as told apart.

use serde::Serialize;

use super::Change;

/// What the next runs are to decide.
///
/// ```text
/// Both     var(ln L) + 0.02 waste           waste = w var(ln N*)
/// Loss     var(ln L)
/// Size     var(ln N*)
/// Regret   waste C + what the runs cost     C the target's compute, FLOP
/// Gain     var(lead)                        lead = ln L*_over(C) - ln L*_recipe(C)
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// The target's loss and its size. # Choosing: the default, when both will be asked for.
    #[default]
    Both,
    /// What the target's loss will be. # Choosing: a forecast has to be right, whatever the size.
    Loss,
    /// Which size is best at the target's compute. # Choosing: the plan has to be right, whatever the loss.
    Size,
    /// What a wrong size wastes at the target, against what the runs cost. # Choosing: how much to spend is open as well; no run is
    /// taken that costs more than it is expected to save.
    Regret,
    /// Whether a recipe is better than another at the target, and by how much compute. # Choosing: a fit of several recipes.
    ///
    /// The lead in ln loss stands for the compute-equivalent gain: it is zero where the gain is one, and finite where the gain has no
    /// end.
    Gain {
        /// The recipe that may be better.
        recipe: String,
        /// The one it is compared with.
        over: String,
    },
}

/// A lead of so many standard deviations is found at 5 % in four of five repetitions by a test of two differences, the worth of size and
/// that of data: the root of the noncentrality 9.63 of chi-squared with two degrees of freedom (one difference would take 1.96 + 0.84).
const FOUND: f64 = 3.1;

/// By how much one recipe is ahead of another, and how surely that is known without and with the runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lead {
    /// The recipe.
    pub recipe: String,
    /// The one it is compared with.
    pub over: String,
    /// Difference of ln loss of their best runs at the target, as estimated now; above zero where the recipe is better.
    pub value: f64,
    /// Its compute-equivalent gain: how many times the compute the other needs for the same loss, infinite where none is enough.
    pub gain: f64,
    /// Standard deviation of the difference.
    pub sd: Change,
    /// Whether the runs tell the recipes apart if they differ as estimated: at 5 %, in four of five repetitions.
    pub separated: bool,
}

impl Lead {
    /// The standard deviation with which such a lead is found: at 5 %, in four of five repetitions.
    pub fn sd_that_separates(&self) -> f64 {
        sd_that_separates(self.value)
    }

    /// A lead with what becomes of its standard deviation.
    pub(crate) fn new(recipe: String, over: String, value: f64, gain: f64, sd: Change) -> Self {
        // The budget for the doubt was met with equality at best, but for rounding.
        let separated = sd.after <= sd_that_separates(value) * (1.0 + 1e-9);
        Self { recipe, over, value, gain, sd, separated }
    }
}

/// The standard deviation with which a `lead` is found at 5 %, four times in five.
pub(crate) fn sd_that_separates(lead: f64) -> f64 {
    lead.abs() / FOUND
}
