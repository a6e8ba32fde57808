//! What the batch of a run costs in tokens, and what it saves in steps.

use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::error::PlanError;
use super::search::Optimum;
use crate::literature::CriticalBatch;
use crate::units::{Nats, Tokens, significant};

/// The law that batches are judged by.
pub(super) const LAW: CriticalBatch = CriticalBatch::KAPLAN_2020;

/// Rounds after which the loss under a batch, and what the batch wastes at that loss, agree.
pub(super) const ROUNDS: usize = 60;

/// Changes by a smaller share than this are none.
pub(super) const SETTLED: f64 = 1e-13;

/// The batch of a planned run beside the critical one, in the middle of the draws. The plan's intervals take what the batch wastes at the
/// loss of each draw: at the goal where there is one, else at the loss that the run ends at.
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

    /// What the plan assumes of it, in words.
    pub(super) fn assumption(&self, batch: Tokens) -> String {
        let factor = significant(1.0 / (1.0 - self.wasted), 4);
        format!(
            "batches of {batch} take {factor} times the tokens of tiny ones ({}; read in other texts); at most, for the fitted \
             runs too lost some to their batches",
            LAW.source
        )
    }
}

impl Asked<'_> {
    /// What the batch of the plan costs; `None` where none is given.
    ///
    /// # Errors
    /// [`PlanError::Wasteful`] where it wastes more than the problem allows.
    pub(super) fn batch(&self, plan: &Optimum, loss: f64) -> Result<Option<BatchCost>, PlanError> {
        let Some(batch) = self.problem.batch else { return Ok(None) };
        let cost = BatchCost::new(batch, plan.tokens, loss, true);
        match (cost, self.problem.limits.waste) {
            (Some(BatchCost { wasted, critical, .. }), Some(most)) if wasted > most => {
                // B / B_crit = w / (1 - w): the batch that wastes no more at this loss.
                Err(PlanError::Wasteful { batch, wasted, most, allowed: Tokens::new(critical * most / (1.0 - most))? })
            }
            _ => Ok(cost),
        }
    }
}

/// The loss that agrees with what the batch wastes at it: `loss = under(loss)`, the first such from `least` on, the loss without waste;
/// infinite where losses rise without end, for the batch leaves nothing of the text.
///
/// Waste grows with the loss, and so does the loss with waste: losses that are put into `under` again and again rise to the first that
/// stays. Only where repeated text hurts may waste lower it, and then they close in from both sides.
pub(super) fn settled(least: f64, under: impl Fn(f64) -> f64) -> f64 {
    /// Where losses close in more slowly than this, jumps ahead are not to be trusted.
    const STEEP: f64 = 0.99;
    let mut loss = least;
    for _ in 0..ROUNDS {
        let once = under(loss);
        if (once / loss - 1.0).abs() < SETTLED {
            return once;
        }
        if !once.is_finite() {
            break;
        }
        let twice = under(once);
        // Differences shrink by a constant factor near the end: the sum of those to come (Aitken's jump).
        let slope = (twice - once) / (once - loss);
        let ahead = if slope < STEEP { (twice - once) * slope / (1.0 - slope) } else { 0.0 };
        loss = twice + ahead;
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line and a parabola of known crossings, by hand: 2 + 0.3 x = x at 20/7; 1 + x^2/8 = x at 4 - sqrt(8), and at 4 + sqrt(8) above.
    #[test]
    fn the_first_loss_that_stays_is_found() {
        assert!((settled(2.0, |loss| 2.0 + 0.3 * loss) - 20.0 / 7.0).abs() < 1e-12);
        assert!((settled(1.0, |loss| 1.0 + loss * loss / 8.0) - (4.0 - 8f64.sqrt())).abs() < 1e-11);
        // One that falls: 3 - x/2 = x at 2, from above and from below in turn; steeper, 12 - 3x = x at 3, it is found as well.
        assert!((settled(1.0, |loss| 3.0 - 0.5 * loss) - 2.0).abs() < 1e-12);
        assert!((settled(1.0, |loss| 12.0 - 3.0 * loss) - 3.0).abs() < 1e-12);
        for (least, nowhere) in [(1.0, f64::NAN), (2.0, f64::INFINITY)] {
            assert_eq!(settled(least, |_| nowhere), f64::INFINITY);
        }
        // 1 + x^2/2 is above x everywhere.
        assert_eq!(settled(1.0, |loss| 1.0 + loss * loss / 2.0), f64::INFINITY);
    }
}
