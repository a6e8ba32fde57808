//! What a batch wastes, written a second time.

#![allow(unreachable_pub)]

use isoflop::{Fit, Setting};

/// Tokens seen for each that counts, at a loss: the critical batch of Kaplan et al. 2020.
pub fn tokens_factor(batch: Option<f64>, loss: f64) -> f64 {
    batch.map_or(1.0, |batch| 1.0 + batch * loss.powf(1.0 / 0.21) / 2.1e8)
}

/// The loss of a run that sees `tokens`; under a goal, where what the batch wastes is taken at the goal, below it or not. No number where
/// it does not settle, for less and less of the text counts.
pub fn loss_seen(fit: &Fit, params: f64, tokens: f64, batch: Option<f64>, goal: Option<f64>) -> f64 {
    let loss = |counted: f64| fit.law().loss(fit.point(), &Setting::single_pass(params, counted));
    if batch.is_none() {
        return loss(tokens);
    }
    if let Some(goal) = goal {
        return loss(tokens / tokens_factor(batch, goal));
    }
    // Fewer tokens count, at a higher loss, at which more are wasted: from the top of what they may be, until it settles.
    let mut counted = tokens;
    for _ in 0..300 {
        let before = counted;
        counted = tokens / tokens_factor(batch, loss(before));
        if (counted / before - 1.0).abs() < 1e-12 {
            return loss(counted);
        }
        if counted < 1.0 {
            break;
        }
    }
    f64::NAN
}
