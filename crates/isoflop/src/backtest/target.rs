//! The run at which the laws are set side by side, and what each says there.

use isoflop_numerics::elementary::{exp, ln, log10};
use serde::{Deserialize, Serialize};

use super::BacktestError;
use super::inflation::{Inflation, widened};
use crate::counting::{TRAINING_FLOPS_PER_PARAM_TOKEN, training_flops};
use crate::fit::{Estimate, Fit};
use crate::runs::Runs;
use crate::units::{Flops, Params, Tokens};

/// Where to set the laws side by side.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Target {
    /// At ten times the largest compute of the runs, where the best forecaster would spend it.
    #[default]
    TenTimes,
    /// At this compute, where the best forecaster would spend it.
    Compute(Flops),
    /// At this size and number of tokens.
    Run(Params, Tokens),
}

/// The run at which the laws are set side by side: one for all, because laws that each plan their own run say nothing about each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetRun {
    /// Model size.
    pub params: Params,
    /// Training tokens.
    pub tokens: Tokens,
    /// Training compute, 6ND.
    pub flops: Flops,
    /// Decades of compute beyond the largest run; zero inside.
    pub decades: f64,
    /// The law whose best allocation of the compute it is; `None` where it was given, or no law has one: then it has the tokens per
    /// parameter of the runs on the geometric mean.
    pub allocated_by: Option<String>,
    /// The recipe, where a law tells several apart: that of the largest run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
}

/// What one law says at the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AtTarget {
    /// Loss of one new run with its nominal band; `None` where the law gives none, for `refusal`.
    pub loss: Option<Estimate>,
    /// The factor that the back-test asks for at this distance, at least 1.
    pub inflation: f64,
    /// Forecasts that it rests on.
    pub forecasts: usize,
    /// Whether the target lies beyond every forecast of the back-test, so that the factor is extrapolated.
    pub beyond_forecasts: bool,
    /// The loss with the band widened by it.
    pub inflated: Option<Estimate>,
    /// Why there is no loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// The decade beyond the runs at which laws are compared where nothing else is asked.
const TEN: f64 = 10.0;

/// The target for `runs`, sorted by compute, of which there is at least one; `fits` of them by name, the best forecaster first.
pub(super) fn run<'a>(
    runs: &Runs,
    fits: impl Iterator<Item = (&'a str, &'a Fit)>,
    target: Target,
) -> Result<TargetRun, BacktestError> {
    let largest = runs.kept.last().map_or(1.0, |run| run.flops.get());
    let recipe = runs.kept.last().and_then(|run| run.recipe()).map(str::to_owned);
    let (params, tokens, allocated_by) = match target {
        Target::Run(params, tokens) => (params, tokens, None),
        Target::Compute(flops) => allocated(runs, fits, flops, recipe.as_deref())?,
        Target::TenTimes => allocated(runs, fits, Flops::new(TEN * largest)?, recipe.as_deref())?,
    };
    let flops = training_flops(params, tokens)?;
    let decades = log10(flops.get() / largest).max(0.0);
    Ok(TargetRun { params, tokens, flops, decades, allocated_by, recipe })
}

type Allocated = (Params, Tokens, Option<String>);

/// The run that the best forecaster with an opinion would spend `flops` on.
fn allocated<'a>(
    runs: &Runs,
    fits: impl Iterator<Item = (&'a str, &'a Fit)>,
    flops: Flops,
    recipe: Option<&str>,
) -> Result<Allocated, BacktestError> {
    for (name, fit) in fits {
        let own = of_recipe(fit, recipe);
        if let Some(path) = own.path() {
            let params = Params::new(path.params_at(flops.get()))?;
            return Ok((params, Tokens::new(path.tokens_at(params.get()))?, None));
        }
        if let Ok((params, tokens)) = own.best_allocation(flops) {
            return Ok((params, tokens, Some(name.to_owned())));
        }
    }
    let ln_ratios = runs.kept.iter().map(|run| ln(run.tokens.get() / run.params.get()));
    let ratio = exp(ln_ratios.sum::<f64>() / runs.kept.len() as f64);
    let params = Params::new((flops.get() / TRAINING_FLOPS_PER_PARAM_TOKEN / ratio).sqrt())?;
    Ok((params, Tokens::new(ratio * params.get())?, None))
}

/// `fit` for a recipe, where it tells several apart and knows this one.
fn of_recipe(fit: &Fit, recipe: Option<&str>) -> Fit {
    let several = fit.law().recipes().len() > 1;
    recipe.filter(|_| several).and_then(|recipe| fit.of_recipe(recipe).ok()).unwrap_or_else(|| fit.clone())
}

impl AtTarget {
    /// What `fit` says of the target, with the band as it is and widened by `inflation`.
    pub(super) fn of(fit: &Fit, target: &TargetRun, inflation: &Inflation) -> Self {
        let (factor, forecasts) = inflation.at(target.decades);
        let fit = of_recipe(fit, target.recipe.as_deref());
        let (loss, refusal) = match fit.predict(target.params, target.tokens, inflation.level) {
            Ok(prediction) => (Some(prediction.loss), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            inflated: loss.as_ref().map(|loss| widened(loss, factor)),
            loss,
            inflation: factor,
            forecasts,
            beyond_forecasts: target.decades > inflation.farthest,
            refusal,
        }
    }
}
