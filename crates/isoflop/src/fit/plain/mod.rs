//! The plain fit: the optimum of a named law under a declared objective, and its bootstrap by run.

mod bootstrap;
mod certificate;
mod general;
mod hoffmann;
mod kernel;
mod linear;
mod objective;
mod observations;
mod profile;
mod projection;
mod scheme;
mod solve;
mod surface;
mod weights;

use std::sync::Arc;

use self::weights::Weighed;
use super::result::{Draw, Fit};
use super::{FitError, FitOptions, Scatter, Tails, Warning, check_design, form_error, warnings};
use crate::law::{Hoffmann, Law, Variable};
use crate::runs::Runs;
use crate::runs::counted::{RECOUNT, contradicting_compute};

pub use certificate::Certificate;
pub use objective::{HUBER_KNEE, Objective, UnknownObjective};
pub use observations::recipes;
pub use profile::{Profile, ProfiledLoss, ProfiledSize, Quantity, profile};
pub use scheme::{Resampled, Resampling};
pub use solve::Status;

/// What a search found, in the law's own units.
struct Optimum {
    point: Vec<f64>,
    value: f64,
    status: Status,
    /// ln predicted minus ln observed, run by run.
    residuals: Vec<f64>,
    /// The optimum of each resample that has one.
    draws: Vec<Vec<f64>>,
    /// How these were made; `None` without any.
    resampled: Option<Resampled>,
    /// The objective at each distinct local optimum, the lowest first.
    basins: Vec<f64>,
}

/// The optimum of `law` under `objective`; the doubt is a bootstrap by run, stratified by compute.
pub(super) fn fit(
    runs: &Runs,
    law: &Arc<dyn Law>,
    objective: Objective,
    options: &FitOptions,
) -> Result<Fit, FitError> {
    let unknowns = law.parameters().len();
    let mixed = contradicting_compute(&runs.kept);
    if let Some(finding) = &mixed
        && law.variables().contains(&Variable::Flops)
    {
        let runs = finding.runs.iter().take(5).cloned().collect();
        return Err(FitError::MixedCounting { law: law.name(), message: finding.message.clone(), runs });
    }
    if law.name() == Hoffmann.name() {
        check_design(runs, law.name(), unknowns)?;
    }
    let weighed = Weighed::new(runs, options.weights, law.as_ref(), objective, options.threads)?;
    let (optimum, certificate) = if law.name() == Hoffmann.name() {
        hoffmann::fit(&weighed.runs, &weighed.weights, objective, options)?
    } else {
        (general::fit(&weighed.runs, &weighed.weights, law.as_ref(), objective, options)?, None)
    };
    let noise = warnings::residual_scale(&optimum.residuals, unknowns);
    let scatter = Scatter { scale: noise, decay: 0.0, tails: Tails::Heavy };
    let failed = options.draws - optimum.draws.len();

    let mut fit = Fit::of_runs(runs, Arc::clone(law), optimum.point, optimum.status);
    fit.objective = Some(objective);
    fit.objective_value = Some(optimum.value);
    fit.basins = optimum.basins;
    fit.certificate = certificate;
    fit.resampled = optimum.resampled;
    let draw = |(parameters, drift)| Draw { parameters, scatter, drift };
    // A plain fit was never rehearsed beyond its data: its form is as wrong as forms are.
    let drifts = form_error::unrehearsed(fit.largest_flops, optimum.draws.len(), options.seed);
    fit.draws = optimum.draws.into_iter().zip(drifts).map(draw).collect();
    fit.noise = Some(noise);
    fit.warnings = warnings::about(&weighed.runs.kept, &optimum.residuals, noise, &fit.status, options.draws, failed);
    if let Some(finding) = mixed {
        let message = format!("column `flops`: {}; {RECOUNT}", finding.message);
        fit.warnings.push(Warning::new("mixed_counting", message));
    }
    fit.warnings.extend(floor_above_a_loss(&fit, runs));
    if !observations::is_surface(law.as_ref()) {
        // A law of one quantity tells no effects apart.
        fit.warnings.retain(|warning| warning.code != warnings::NARROW_RATIO_RANGE_CODE);
    }
    Ok(fit)
}

/// A floor that a run lies below: the law says that no run can.
fn floor_above_a_loss(fit: &Fit, runs: &Runs) -> Option<Warning> {
    let parameters = fit.law().parameters();
    let floor = parameters.iter().position(|parameter| parameter.meaning.starts_with("floor"))?;
    let floor = fit.point()[floor];
    let lowest = runs.kept.iter().min_by(|a, b| a.loss.get().total_cmp(&b.loss.get()))?;
    (lowest.loss.get() < floor).then(|| {
        let message = format!(
            "the floor E = {floor:.4} lies above the loss of run {}, {:.4}: look at its cell in the column `loss` (another unit, another text?), or leave it out with --where",
            lowest.name,
            lowest.loss.get()
        );
        Warning::new("floor_above_loss", message)
    })
}
