//! What the batch of a run costs in tokens, and what it saves in steps.

use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::error::PlanError;
use crate::literature::CriticalBatch;
use crate::units::{Nats, Tokens, significant};

/// The law that batches are judged by.
const LAW: CriticalBatch = CriticalBatch::KAPLAN_2020;

/// Rounds after which the loss under a batch, and what the batch costs at that loss, agree to rounding.
const ROUNDS: usize = 40;

/// The batch of a planned run beside the critical one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BatchCost {
    /// Tokens a step.
    pub batch: f64,
    /// The critical batch at the run's loss.
    pub critical: f64,
    /// Optimizer steps.
    pub steps: f64,
    /// Share of the tokens that smaller batches would not need: 1 - D_min / D.
    pub wasted: f64,
    /// Steps over the fewest that batches without end would take.
    pub steps_factor: f64,
    /// Whether the plan's tokens and compute count that waste; not where the batch is only what papers advise.
    pub counted: bool,
}

impl BatchCost {
    /// That of a batch, for a run on `tokens` that ends at `loss`.
    pub(super) fn new(batch: Tokens, tokens: f64, loss: f64, counted: bool) -> Option<Self> {
        let critical = LAW.at(Nats::new(loss).ok()?).ok()?.get();
        let batch = batch.get();
        Some(Self {
            batch,
            critical,
            steps: tokens / batch,
            wasted: batch / (batch + critical),
            steps_factor: 1.0 + critical / batch,
            counted,
        })
    }
}

impl Asked<'_> {
    /// Settles how many tokens a run sees for each that batches of next to nothing would take: at the loss of the goal, or of the best run
    /// at the fit's point; for all draws alike, which differ in that by less than the law of the critical batch can be trusted.
    ///
    /// # Errors
    /// [`PlanError::Wasteful`] where that is more than the problem allows.
    pub(super) fn settle_batch(&mut self) -> Result<(), PlanError> {
        let Some(batch) = self.problem.batch else { return Ok(()) };
        let factor = |loss: f64| -> Result<f64, PlanError> { Ok(LAW.tokens_factor(batch, Nats::new(loss)?)?) };
        if let Some(goal) = self.central_goal() {
            self.space.tokens_factor = factor(goal)?;
        } else {
            for _ in 0..ROUNDS {
                let Some(best) = self.solve(self.fit.point(), None) else { break };
                let before = std::mem::replace(&mut self.space.tokens_factor, factor(best.loss)?);
                if (self.space.tokens_factor / before - 1.0).abs() < 1e-12 {
                    break;
                }
            }
        }
        let wasted = 1.0 - 1.0 / self.space.tokens_factor;
        match self.problem.limits.waste {
            Some(most) if wasted > most => {
                // B / B_crit = w / (1 - w): the batch that wastes no more at this loss.
                let allowed = batch.get() * most / (1.0 - most) / (self.space.tokens_factor - 1.0);
                Err(PlanError::Wasteful { batch, wasted, most, allowed: Tokens::new(allowed)? })
            }
            _ => Ok(()),
        }
    }

    /// What the plan assumes of its batch, in words.
    pub(super) fn batch_assumption(&self) -> Option<String> {
        let batch = self.problem.batch?;
        let factor = significant(self.space.tokens_factor, 4);
        Some(format!(
            "batches of {batch} take {factor} times the tokens of tiny ones ({}; read in other texts); at most, for the fitted runs too \
             lost some to their batches",
            LAW.source
        ))
    }
}
