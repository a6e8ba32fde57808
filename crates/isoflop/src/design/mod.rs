//! Which runs to train next: what a run would show, taken as jointly normal with what is asked, and the batch that leaves least doubt.
//!
//! ```text
//! draws of a fit -> Joint -> telling run                      one run, one target
//!                         -> taught                           runs already chosen, one target
//! candidates -----/       -> search -> choice -> NextRuns     a batch for a decision, under a budget
//! draws of forms -/                 -> recipes::Separation    the cheapest batch that tells recipes apart
//! ```

mod belief;
mod candidates;
mod choice;
mod conditioning;
mod decision;
mod next;
mod search;
mod taught;
mod telling;

use isoflop_numerics::elementary::ln;

use crate::fit::Fit;
use crate::law::Setting;

pub use candidates::Candidate;
pub use decision::{Decision, Lead};
pub use next::{Change, NEXT_SCHEMA, NextError, NextOptions, NextRun, NextRuns, NextTarget, Purpose};
pub use taught::Taught;
pub use telling::TellingRun;

pub(crate) use candidates::candidates_around;
pub(crate) use conditioning::Joint;
pub(crate) use decision::sd_that_separates;
pub(crate) use search::Problem;

impl Fit {
    /// ln loss at a point, draw by draw.
    fn ln_losses(&self, params: f64, tokens: f64) -> Vec<f64> {
        let at = Setting::single_pass(params, tokens);
        self.draws().iter().map(|draw| ln(self.law().loss(&draw.parameters, &at))).collect()
    }

    /// Variance of ln loss of one run around the law, averaged over the draws.
    fn run_variance(&self, params: f64, tokens: f64) -> f64 {
        let variance = |draw: &crate::fit::Draw| {
            let scale = self.bell(0.0, &draw.scatter, params, tokens).scale;
            draw.scatter.tails.variance() * scale * scale
        };
        self.draws().iter().map(variance).sum::<f64>() / self.draws().len() as f64
    }

    /// Where the law has an outer exponent k, ln k draw by draw.
    fn ln_couplings(&self) -> Option<Vec<f64>> {
        let coupling = self.law().parameters().iter().position(|parameter| parameter.name == "k")?;
        Some(self.draws().iter().map(|draw| ln(draw.parameters[coupling])).collect())
    }
}
