//! Chinchilla's approaches 1 and 2 (Hoffmann et al. 2022, arXiv:2203.15556, sections 3.1 and 3.2) as cross-checks of a fitted law.
//!
//! Both read the best size per budget straight off the runs: the envelope of all losses, and the vertex of a parabola per budget. Both
//! are biased, and the bias does not shrink with more runs; so they are stated, their bias on noise-free losses of the fitted law
//! at the same runs is subtracted, and they are never what an answer rests on.

mod envelope;
mod parabola;

use isoflop_numerics::elementary::{exp, ln};
use serde::{Deserialize, Serialize};

use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use crate::law::Law;
use crate::runs::Run;

pub use envelope::{EnvelopePoint, training_envelope};
pub use parabola::vertex_shift;

/// Approaches 1 and 2 on one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossChecks {
    /// Approach 1: the runs that no cheaper run beats.
    pub envelope: CrossCheck,
    /// Approach 2: a parabola in ln D, and one in ln N, for every budget.
    pub parabola: CrossCheck,
}

/// What one approach says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossCheck {
    /// The best run of each budget, as the approach sees it, ascending in compute.
    pub optima: Vec<Optimum>,
    /// Budgets it gives no optimum for, and why.
    pub refused: Vec<RefusedBudget>,
    /// The lines through the optima; `None` with fewer than two budgets.
    pub stated: Option<Allocation>,
    /// What the approach makes of noise-free losses of the fitted law at the same runs, minus the truth; `None` without a law, or
    /// where it refuses a budget of the noise-free losses.
    pub bias: Option<Allocation>,
    /// Stated minus bias.
    pub corrected: Option<Allocation>,
}

/// The best run of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Optimum {
    /// Training compute, FLOP, as the table counts it.
    pub flops: f64,
    /// Best size, parameters.
    pub params: f64,
    /// Tokens to train it on.
    pub tokens: f64,
    /// Loss there, nats per token.
    pub loss: f64,
}

/// A budget without an optimum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefusedBudget {
    /// Training compute, FLOP.
    pub flops: f64,
    /// Runs of that budget.
    pub runs: usize,
    /// Why.
    pub reason: Refusal,
}

/// Why a budget has no optimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// Three sizes draw a parabola whatever they are.
    #[error("fewer than four sizes: train more at this budget")]
    TooFewSizes,
    /// Loss does not bend upwards.
    #[error("loss does not bend upwards over the sizes: noise, or too narrow a range")]
    NotConvex,
    /// Loss still falls towards the smallest size.
    #[error("loss still falls at the smallest size: train smaller ones at this budget")]
    FallsTowardsSmall,
    /// Loss still falls towards the largest size.
    #[error("loss still falls at the largest size: train larger ones at this budget")]
    FallsTowardsLarge,
}

/// Power laws of the best size and tokens.
///
/// ```text
/// ln N* = params_intercept + params_exponent ln C,   ln D* = tokens_intercept + tokens_exponent ln C
/// ```
/// C in FLOP as the table counts it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    /// a, exponent of compute in the best size.
    pub params_exponent: f64,
    /// ln of the best size at one FLOP.
    pub params_intercept: f64,
    /// b, exponent of compute in the best number of tokens.
    pub tokens_exponent: f64,
    /// ln of the best number of tokens at one FLOP.
    pub tokens_intercept: f64,
}

impl Allocation {
    /// Best size for `flops`, parameters.
    pub fn params(&self, flops: f64) -> f64 {
        exp(self.params_intercept + self.params_exponent * ln(flops))
    }

    /// Best number of tokens for `flops`.
    pub fn tokens(&self, flops: f64) -> f64 {
        exp(self.tokens_intercept + self.tokens_exponent * ln(flops))
    }

    /// The lines of least squares through `optima`; `None` with fewer than two budgets.
    fn through(optima: &[Optimum]) -> Option<Self> {
        let flops: Vec<f64> = optima.iter().map(|optimum| ln(optimum.flops)).collect();
        let line = |of: fn(&Optimum) -> f64| line(&flops, &optima.iter().map(|one| ln(of(one))).collect::<Vec<_>>());
        let (params_intercept, params_exponent) = line(|optimum| optimum.params)?;
        let (tokens_intercept, tokens_exponent) = line(|optimum| optimum.tokens)?;
        Some(Self { params_exponent, params_intercept, tokens_exponent, tokens_intercept })
    }

    /// The lines through a law's own optima at these budgets, whose compute is the table's.
    ///
    /// `ratio` is what the table counts over 6ND.
    fn of_law(law: &dyn Law, parameters: &[f64], optima: &[Optimum], ratio: f64) -> Option<Self> {
        let of = |optimum: &Optimum| {
            let six_nd = optimum.flops / ratio;
            let params = exp(law.best_ln_params(parameters, six_nd)?);
            let tokens = six_nd / TRAINING_FLOPS_PER_PARAM_TOKEN / params;
            Some(Optimum { params, tokens, ..*optimum })
        };
        Self::through(&optima.iter().map(of).collect::<Option<Vec<_>>>()?)
    }

    fn minus(&self, other: &Self) -> Self {
        Self {
            params_exponent: self.params_exponent - other.params_exponent,
            params_intercept: self.params_intercept - other.params_intercept,
            tokens_exponent: self.tokens_exponent - other.tokens_exponent,
            tokens_intercept: self.tokens_intercept - other.tokens_intercept,
        }
    }
}

/// One run as the approaches see it.
#[derive(Debug, Clone, Copy)]
struct Measurement {
    flops: f64,
    ln_params: f64,
    ln_tokens: f64,
    loss: f64,
}

/// The optima an approach sees, and the budgets where it sees none.
type Seen = (Vec<Optimum>, Vec<RefusedBudget>);

/// Runs both approaches on `runs`, and on noise-free losses of `law` at the same runs to learn their bias.
///
/// `law` comes with its parameters in bare units and in the counting of the runs.
///
/// # Source
/// Hoffmann et al. 2022, arXiv:2203.15556, sections 3.1 and 3.2. Bias: Czech et al. 2026, arXiv:2603.22339.
///
/// # Trust
/// A cross-check. The bias is that under the fitted law; where that is wrong, so is the correction. No intervals.
///
/// # Example
/// ```
/// use isoflop::{Runs, Setting, TableFormat, crosscheck::cross_check, law};
/// let published = law::published("besiroglu2024").unwrap();
/// let hoffmann = published.law();
/// let mut table = String::from("params,tokens,loss\n");
/// for budget in [1e18, 1e19, 1e20_f64] {
///     let best = hoffmann.best_ln_params(published.parameters, budget).unwrap().exp();
///     for factor in [0.25, 0.5, 1.0, 2.0, 4.0] {
///         let (params, tokens) = (best * factor, budget / 6.0 / best / factor);
///         let loss = hoffmann.loss(published.parameters, &Setting::single_pass(params, tokens));
///         table += &format!("{params},{tokens},{loss}\n");
///     }
/// }
/// let runs = Runs::read(table.as_bytes(), "isoflops", TableFormat::Csv, false)?;
/// let checks = cross_check(&runs.kept, Some((hoffmann.as_ref(), published.parameters)));
/// let (stated, corrected) = (checks.parabola.stated.unwrap(), checks.parabola.corrected.unwrap());
/// let truth = hoffmann.best_ln_params(published.parameters, 1e24).unwrap().exp();
/// assert!((stated.params(1e24) / truth - 1.0).abs() > 1e-3);
/// assert!((corrected.params(1e24) / truth - 1.0).abs() < 1e-9);
/// # Ok::<(), isoflop::RunsError>(())
/// ```
pub fn cross_check(runs: &[Run], law: Option<(&dyn Law, &[f64])>) -> CrossChecks {
    let measurements: Vec<Measurement> = runs
        .iter()
        .map(|run| Measurement {
            flops: budget(run),
            ln_params: ln(run.params.get()),
            ln_tokens: ln(run.tokens.get()),
            loss: run.loss.get(),
        })
        .collect();
    let noise_free = law.map(|(law, parameters)| {
        let loss = |run: &Measurement| {
            let at = crate::law::Setting::single_pass(exp(run.ln_params), exp(run.ln_tokens));
            Measurement { loss: law.loss(parameters, &at), ..*run }
        };
        (law, parameters, measurements.iter().map(loss).collect::<Vec<_>>())
    });
    let checked = |approach: fn(&[Measurement]) -> Seen| {
        let (optima, refused) = approach(&measurements);
        let stated = Allocation::through(&optima);
        let bias = noise_free.as_ref().and_then(|(law, parameters, losses)| {
            let (seen, _) = approach(&only_budgets(losses, &refused));
            let ratio = counted_over_six_nd(&measurements);
            let seen_allocation = Allocation::through(&seen)?;
            Some(seen_allocation.minus(&Allocation::of_law(*law, parameters, &seen, ratio)?))
        });
        let corrected = stated.zip(bias).map(|(stated, bias)| stated.minus(&bias));
        CrossCheck { optima, refused, stated, bias, corrected }
    };
    CrossChecks { envelope: checked(envelope::optima), parabola: checked(parabola::optima) }
}

/// Columns in which tables write the budget that a run was meant for.
const BUDGET_COLUMNS: [&str; 3] = ["flops_budget", "budget", "compute_budget"];

/// The budget a run was meant for, where the table says; else its compute.
fn budget(run: &Run) -> f64 {
    let stated = BUDGET_COLUMNS.iter().find_map(|column| run.covariates.get(*column));
    stated.and_then(|text| crate::units::parse_count(text)).filter(|flops| *flops > 0.0).unwrap_or(run.flops.get())
}

/// The measurements of budgets that were not refused: a bias is that of the budgets that were used.
fn only_budgets(measurements: &[Measurement], refused: &[RefusedBudget]) -> Vec<Measurement> {
    let is_refused = |run: &Measurement| {
        refused.iter().any(|budget| (ln(run.flops) - ln(budget.flops)).abs() < parabola::SAME_BUDGET)
    };
    measurements.iter().filter(|run| !is_refused(run)).copied().collect()
}

/// The geometric mean of what the table counts over 6ND.
fn counted_over_six_nd(measurements: &[Measurement]) -> f64 {
    let ln_six = ln(TRAINING_FLOPS_PER_PARAM_TOKEN);
    let sum: f64 = measurements.iter().map(|run| ln(run.flops) - ln_six - run.ln_params - run.ln_tokens).sum();
    exp(sum / measurements.len().max(1) as f64)
}

/// Intercept and slope of least squares; `None` when `x` does not vary.
fn line(x: &[f64], y: &[f64]) -> Option<(f64, f64)> {
    let n = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let squares: f64 = x.iter().map(|value| (value - mean_x).powi(2)).sum();
    let products: f64 = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    // Budgets are grouped to a tenth; a smaller spread is one budget.
    (x.len() >= 2 && squares > 0.01).then(|| (mean_y - products / squares * mean_x, products / squares))
}
