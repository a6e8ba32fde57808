//! One larger run as a fit of the smaller ones sees it: the loss in the middle, and its bands.

use isoflop_numerics::elementary::{ln, log10};
use isoflop_numerics::quantile::{Bell, mixture_quantile};

use crate::Estimate;
use crate::fit::{Draw, Fit, QuestionError};
use crate::law::Setting;
use crate::predict::check_loss;
use crate::runs::Run;

/// Shares that the bands of a forecast should hold; a band of the level that was asked for comes after them.
pub(super) const LEVELS: [f64; 3] = [0.5, 0.9, 0.95];

/// A forecast with what came of it; errors and bands in ln loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The run's name.
    pub run: String,
    /// Its place among the runs in order of compute.
    pub place: usize,
    /// Which cut.
    pub origin: usize,
    /// Decades of compute beyond the largest fitted run.
    pub decades: f64,
    /// The loss that the run reached, nats per token.
    pub observed: f64,
    /// ln predicted minus ln observed.
    pub error: f64,
    /// Ends of the 50, 90 and 95 % bands and of that of the level asked for, minus ln observed.
    pub bands: [(f64, f64); LEVELS.len() + 1],
}

impl Forecast {
    /// Of `run` by `fit`, whose runs are smaller.
    pub(super) fn of(fit: &Fit, run: &Run, place: usize, origin: usize, level: f64) -> Result<Self, QuestionError> {
        let own;
        let fit = match run.recipe() {
            Some(recipe) if fit.law().recipes().len() > 1 => {
                own = fit.of_recipe(recipe)?;
                &own
            }
            _ => fit,
        };
        fit.check_run(run.params, run.tokens)?;
        let at = setting(fit, run);
        let decades = fit.largest_flops().map_or(0.0, |largest| log10(run.flops.get() / largest).max(0.0));
        let middle = fit.central(|parameters| Some(fit.law().loss(parameters, &at))).unwrap_or(f64::NAN);
        check_loss(&Estimate { value: middle, lo: None, hi: None }, run.params, run.tokens)?;
        let bell = |draw: &Draw| {
            let centre = ln(fit.law().loss(&draw.parameters, &at)) + draw.drift * decades;
            fit.bell(centre, &draw.scatter, run.params.get(), run.tokens.get())
        };
        let bells: Vec<Bell> = fit.draws().iter().map(bell).collect();
        let observed = ln(run.loss.get());
        let [first, second, third] = LEVELS;
        let bands = [first, second, third, level].map(|level| {
            let end = |share: f64| mixture_quantile(&bells, share) - observed;
            (end(0.5 * (1.0 - level)), end(0.5 * (1.0 + level)))
        });
        if bands.iter().any(|(low, high)| !(low.is_finite() && high.is_finite())) {
            return Err(QuestionError::NoLoss { params: run.params, tokens: run.tokens });
        }
        Ok(Self {
            run: run.name.clone(),
            place,
            origin,
            decades,
            observed: run.loss.get(),
            error: ln(middle) - observed,
            bands,
        })
    }
}

/// Where the run was trained, as the fit saw its own runs: a posterior counts compute as 6ND, a plain fit as the table does.
fn setting(fit: &Fit, run: &Run) -> Setting {
    let once = Setting::single_pass(run.params.get(), run.tokens.get());
    let flops = if fit.prior().is_some() { once.flops } else { run.flops.get() };
    Setting { unique_tokens: run.distinct_tokens(), flops, ..once }
}

/// The loss of a plain optimum for `run`, in the middle, as ln predicted minus ln observed.
pub(super) fn error_of(fit: &Fit, run: &Run) -> f64 {
    let recipe = run.recipe().and_then(|name| fit.law().recipes().iter().position(|recipe| recipe == name));
    let at = Setting { recipe: recipe.unwrap_or(0), ..setting(fit, run) };
    ln(fit.law().loss(fit.point(), &at)) - ln(run.loss.get())
}
