//! How much each run counts.

use std::borrow::Cow;

use super::general::Problem;
use super::{Objective, observations};
use crate::fit::{FitError, Weights, warnings};
use crate::law::Law;
use crate::runs::replicates::{averaged, seed_variance, setting_columns, settings};
use crate::runs::{Run, Runs};

/// What a law is fitted to.
pub(super) struct Weighed<'a> {
    /// The runs, or one for each setting.
    pub(super) runs: Cow<'a, Runs>,
    /// How much each counts, one on average.
    pub(super) weights: Vec<f64>,
}

impl<'a> Weighed<'a> {
    /// `runs` as `weights` asks for.
    pub(super) fn new(
        runs: &'a Runs,
        weights: Weights,
        law: &dyn Law,
        objective: Objective,
        threads: usize,
    ) -> Result<Self, FitError> {
        match weights {
            Weights::Equal => Ok(Self { runs: Cow::Borrowed(runs), weights: vec![1.0; runs.kept.len()] }),
            Weights::StandardErrors => {
                let precisions: Vec<f64> = runs.kept.iter().map(precision).collect::<Result<_, _>>()?;
                Ok(Self { runs: Cow::Borrowed(runs), weights: with_mean_one(&precisions) })
            }
            Weights::Replicates => Self::settings(runs, law, objective, threads),
        }
    }

    /// One run for each setting, weighed by 1/(misfit² + seeds²/n).
    fn settings(runs: &Runs, law: &dyn Law, objective: Objective, threads: usize) -> Result<Self, FitError> {
        let settings = settings(&runs.kept, &setting_columns(&runs.kept));
        let (seeds, _) = seed_variance(&runs.kept, &settings).ok_or(FitError::NoReplicates)?;
        let (kept, counts) = averaged(&runs.kept, &settings);
        let runs = Runs { kept, dropped: Vec::new(), ..*runs };
        let alike = counts.iter().map(|count| 1.0 / *count as f64).sum::<f64>() / counts.len() as f64;
        let scatter = scatter(&runs, law, objective, threads)?;
        let misfit = (scatter * scatter - seeds * alike).max(0.0);
        // Without any noise every setting is known exactly.
        let precision = |count: &usize| if seeds + misfit > 0.0 { 1.0 / (misfit + seeds / *count as f64) } else { 1.0 };
        let precisions: Vec<f64> = counts.iter().map(precision).collect();
        Ok(Self { runs: Cow::Owned(runs), weights: with_mean_one(&precisions) })
    }
}

/// Standard deviation of ln loss around the law fitted to `runs` that count alike.
fn scatter(runs: &Runs, law: &dyn Law, objective: Objective, threads: usize) -> Result<f64, FitError> {
    let (observations, _) = observations::observations(runs, law)?;
    let alike = vec![1.0; observations.len()];
    let problem = Problem::new(law, &observations, &alike, objective);
    let optimum = problem.basins(threads).into_iter().next().ok_or_else(|| FitError::no_optimum(runs))?;
    Ok(warnings::residual_scale(&problem.log_residuals(&optimum.point), law.parameters().len()))
}

fn with_mean_one(weights: &[f64]) -> Vec<f64> {
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    weights.iter().map(|weight| weight / mean).collect()
}

/// The inverse square of the standard error of ln loss.
fn precision(run: &Run) -> Result<f64, FitError> {
    let standard_error = run.loss_se.ok_or_else(|| FitError::NoStandardError { run: run.name.clone() })?;
    let relative = standard_error / run.loss.get();
    let precision = 1.0 / (relative * relative);
    if standard_error > 0.0 && precision > 0.0 && precision.is_finite() {
        Ok(precision)
    } else {
        Err(FitError::BadStandardError { run: run.name.clone(), found: standard_error })
    }
}
