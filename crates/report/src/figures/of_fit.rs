//! The figure that says most about a fit and its runs.

use isoflop::{Fit, Runs};

use super::{ValleysInput, panels, valleys};
use crate::budgets;
use crate::figure::Figure;

/// The valleys where runs share training budgets, the panels where their compute is scattered.
pub fn figure_of_fit(runs: &Runs, fit: &Fit, level: f64) -> Figure {
    if budgets::group(&runs.kept).scattered {
        return panels(runs, fit, level);
    }
    valleys(&ValleysInput { runs, fit, level, claim: None, verdict: None })
}
