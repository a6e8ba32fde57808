//! Answers that are none: sizes that no model has, and optima at an end of what is searched.

use super::asked::Asked;
use super::error::{GUESSING, PlanError, SMALLEST};
use super::search::Optimum;
use crate::units::UnitError;

impl Asked<'_> {
    /// Refuses a budget, or a limit, below the smallest run.
    pub(super) fn check_sizes(&self) -> Result<(), PlanError> {
        if let Some((most, limit)) = self.problem.most_params()
            && most < SMALLEST
        {
            return Err(PlanError::LimitTooSmall(self.problem.amount(limit)));
        }
        let smallest = self.space.cost(SMALLEST, SMALLEST);
        if self.problem.budget.is_none() || self.space.budget >= smallest {
            return Ok(());
        }
        Err(if self.problem.demand.is_some() {
            PlanError::ServingAlone
        } else {
            PlanError::BudgetTooSmall(self.space.budget)
        })
    }

    /// Refuses an optimum that is none: at an end of what is searched where no limit is, or too small to be a model.
    pub(super) fn check_optimum(&self, best: &Optimum) -> Result<(), PlanError> {
        let at_an_end = |(low, high): (f64, f64), value: f64, limited: bool| {
            value <= low * (1.0 + 1e-6) || (!limited && value >= high * (1.0 - 1e-6))
        };
        let limits = &self.problem.limits;
        if at_an_end(self.space.params, best.params, self.problem.most_params().is_some())
            || at_an_end(self.space.tokens, best.tokens, limits.epochs.is_some())
        {
            return Err(UnitError::NotPositive { quantity: "the best size", value: f64::NAN }.into());
        }
        if best.params < SMALLEST || best.tokens < SMALLEST || best.loss > GUESSING {
            return Err(PlanError::TooSmall { run: best.run(), loss: best.loss });
        }
        Ok(())
    }
}
