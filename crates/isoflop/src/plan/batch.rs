//! What the batch of a run costs in tokens, and what it saves in steps.

use isoflop_numerics::bracket::{self, Height};
use isoflop_numerics::elementary::{exp, ln};
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
/// stays. Where repeated text hurts, waste may lower the loss: see [`settled_factor`].
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

/// The factor of the tokens that agrees with what it makes of the loss: `factor = wasted(factor)`, the first such from one on; `None`
/// where there is none.
pub(super) fn settled_factor(wasted: impl Fn(f64) -> f64) -> Option<f64> {
    /// In ln factor: losses bend no more sharply with the text that counts.
    const STEP: f64 = 0.25;
    /// Up to e^30, more than any batch wastes that leaves something of its text.
    const LOOKS: usize = 120;
    /// Two that nearly meet in one are one.
    const TOUCHING: f64 = 1e-9;
    let excess = |ln_factor: f64| ln(wasted(exp(ln_factor))) - ln_factor;
    let looks = (1..=LOOKS).map(|step| {
        let at = STEP * step as f64;
        Height { at, value: excess(at) }
    });
    let mut lowest: Option<Height> = None;
    for look in looks {
        if look.value <= 0.0 {
            return bracket::root(excess, look.at - STEP, look.at, SETTLED).map(exp);
        }
        if lowest.is_none_or(|lowest| look.value < lowest.value) {
            lowest = Some(look);
        }
    }
    // Two may lie between two looks.
    let from = lowest?;
    let lowest = bracket::lowest(excess, from.at - STEP, from, from.at + STEP, TOUCHING);
    match lowest.value {
        value if value <= 0.0 => bracket::root(excess, from.at - STEP, lowest.at, SETTLED).map(exp),
        value if value <= TOUCHING => Some(exp(lowest.at)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line and a parabola of known crossings, by hand: 2 + 0.3 x = x at 20/7; 1 + x^2/8 = x at 4 - sqrt(8), and at 4 + sqrt(8) above.
    #[test]
    fn the_first_loss_that_stays_is_found() {
        assert!((settled(2.0, |loss| 2.0 + 0.3 * loss) - 20.0 / 7.0).abs() < 1e-12);
        assert!((settled(1.0, |loss| 1.0 + loss * loss / 8.0) - (4.0 - 8f64.sqrt())).abs() < 1e-11);
        for (least, nowhere) in [(1.0, f64::NAN), (2.0, f64::INFINITY)] {
            assert_eq!(settled(least, |_| nowhere), f64::INFINITY);
        }
        // 1 + x^2/2 is above x everywhere.
        assert_eq!(settled(1.0, |loss| 1.0 + loss * loss / 2.0), f64::INFINITY);
    }

    /// By hand: 64/x^2 = x at 4, however steeply it falls; 1 + x^2/8 = x at 4 - sqrt(8) before it is at 4 + sqrt(8); 2x never is.
    #[test]
    fn the_first_factor_that_agrees_with_itself_is_found() {
        let found = |wasted: fn(f64) -> f64| settled_factor(wasted);
        assert!((found(|factor| 64.0 / (factor * factor)).unwrap() - 4.0).abs() < 1e-12);
        assert!((found(|factor| 1.0 + factor * factor / 8.0).unwrap() - (4.0 - 8f64.sqrt())).abs() < 1e-12);
        assert_eq!(found(|factor| 2.0 * factor), None);
        // At a jump from above to below.
        assert!((found(|factor| if factor < 5.0 { 9.0 } else { 1.0 }).unwrap() - 5.0).abs() < 1e-11);
        // Between two looks: 3.99 + 50 (x - 4)^2 = x at 4 + (1 - sqrt(3)) / 100.
        let between = found(|factor| 3.99 + 50.0 * (factor - 4.0).powi(2)).unwrap();
        assert!((between - (4.0 + (1.0 - 3f64.sqrt()) / 100.0)).abs() < 1e-11);
    }
}
