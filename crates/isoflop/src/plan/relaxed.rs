//! How wide each limit of a problem is, and the same problem with one of them wider.

use super::limit::Limit;
use super::problem::{Budget, Limits, Problem};
use crate::units::{Dollars, Flops, Params, Tokens, significant};

impl Problem {
    /// The limits that are set.
    pub(super) fn set_limits(&self) -> Vec<Limit> {
        let Limits { params, memory, speed, unique_tokens, epochs, days, .. } = &self.limits;
        [
            (self.budget.is_some(), Limit::Budget),
            (params.is_some(), Limit::Params),
            (memory.is_some(), Limit::Memory),
            (speed.is_some(), Limit::Speed),
            (unique_tokens.is_some(), Limit::UniqueTokens),
            (epochs.is_some(), Limit::Epochs),
            (days.is_some(), Limit::Days),
        ]
        .into_iter()
        .filter_map(|(is_set, limit)| is_set.then_some(limit))
        .collect()
    }

    /// How wide a limit is, in words; empty where it is not set.
    pub(super) fn amount(&self, limit: Limit) -> String {
        let Limits { params, memory, speed, unique_tokens, epochs, days, .. } = &self.limits;
        let amount = match limit {
            Limit::Budget => self.budget.map(|budget| match budget {
                Budget::Flops(flops) => format!("{flops:.3} FLOP"),
                Budget::Dollars(dollars) => format!("{dollars:.3}"),
                Budget::DeviceHours(hours) => format!("{} device-hours", count(hours)),
                Budget::Days(days) => format!("{} days", significant(days, 3)),
                Budget::Energy(energy) => format!("{} kWh", count(energy)),
            }),
            Limit::Params => params.map(|params| format!("{params:.3} parameters")),
            Limit::Memory => memory.map(|memory| format!("{} GB for the weights", significant(memory.bytes / 1e9, 3))),
            Limit::Speed => speed
                .map(|speed| format!("{} tokens a second of one sequence", significant(speed.tokens_per_second, 3))),
            Limit::UniqueTokens => unique_tokens.map(|unique| format!("{unique:.3} distinct tokens")),
            Limit::Epochs => epochs.map(|epochs| format!("{} epochs", significant(epochs, 3))),
            Limit::Days => days.map(|days| format!("{} days", significant(days, 3))),
        };
        amount.unwrap_or_default()
    }

    /// The same question with one limit `factor` times as wide; infinite takes it away.
    pub(super) fn relaxed(&self, limit: Limit, factor: f64) -> Self {
        let mut problem = self.clone();
        let Limits { params, memory, speed, unique_tokens, epochs, days, .. } = &mut problem.limits;
        match limit {
            // A quantity of an infinite number does not exist: then there is no limit.
            Limit::Params => *params = params.and_then(|params| Params::new(factor * params.get()).ok()),
            Limit::UniqueTokens => {
                *unique_tokens = unique_tokens.and_then(|unique| Tokens::new(factor * unique.get()).ok());
                if unique_tokens.is_none() {
                    *epochs = None;
                }
            }
            Limit::Memory => *memory = wider(*memory, factor, |memory| &mut memory.bytes),
            Limit::Speed => *speed = wider(*speed, factor, |speed| &mut speed.params_per_second),
            Limit::Epochs => *epochs = wider(*epochs, factor, |epochs| epochs),
            Limit::Days => *days = wider(*days, factor, |days| days),
            Limit::Budget => {
                problem.budget = problem.budget.and_then(|budget| {
                    Some(match budget {
                        Budget::Flops(flops) => Budget::Flops(Flops::new(factor * flops.get()).ok()?),
                        Budget::Dollars(dollars) => Budget::Dollars(Dollars::new(factor * dollars.get()).ok()?),
                        Budget::DeviceHours(hours) => Budget::DeviceHours(factor * hours),
                        Budget::Days(days) => Budget::Days(factor * days),
                        Budget::Energy(energy) => Budget::Energy(factor * energy),
                    })
                });
                if factor.is_infinite() {
                    problem.budget = None;
                }
            }
        }
        problem
    }
}

/// A number of things with its suffix.
fn count(value: f64) -> String {
    Params::new(value).map_or_else(|_| value.to_string(), |value| format!("{value:.3}"))
}

/// A limit `factor` times as wide; none where that is infinite.
fn wider<T>(limit: Option<T>, factor: f64, number: impl Fn(&mut T) -> &mut f64) -> Option<T> {
    let mut limit = limit.filter(|_| factor.is_finite())?;
    *number(&mut limit) *= factor;
    Some(limit)
}
