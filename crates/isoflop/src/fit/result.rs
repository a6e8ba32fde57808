//! A fit as it is used: the law with its parameters, the draws that carry the doubt, and where it all came from.

use std::sync::Arc;

use isoflop_numerics::elementary::exp;
use isoflop_numerics::quantile::{Bell, central_interval, median};
use serde::{Deserialize, Serialize};

use super::question::QuestionError;
use super::scatter::{Scatter, ScatterReach};
use super::{
    Beside, Certificate, Conventions, Objective, Prior, Profile, Reduction, Resampled, SamplingQuality, Status, Warning,
};
use crate::law::{Law, Published, Setting};
use crate::runs::{Run, Runs};
use crate::units::{Flops, Nats, Params, Tokens};

/// A value with the interval its report prints.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Point estimate.
    pub value: f64,
    /// Lower end; `None` when no draws exist to say.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
}

impl Estimate {
    /// `value` with the central `level` interval of `draws`, or without one when there are none.
    pub(crate) fn from_draws(value: f64, draws: Vec<f64>, level: f64) -> Self {
        if draws.is_empty() {
            return Self { value, lo: None, hi: None };
        }
        let (lo, hi) = central_interval(draws, level);
        Self { value, lo: Some(lo), hi: Some(hi) }
    }
}

/// One possible truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// The law's parameters, in its order.
    pub parameters: Vec<f64>,
    /// Scatter of runs around it.
    pub scatter: Scatter,
    /// Error of form: how far ln loss drifts from the law per decade of compute beyond the data.
    pub drift: f64,
}

/// A law with its parameters, the draws that carry the doubt, and everything needed to say where they came from.
#[derive(Debug, Clone)]
pub struct Fit {
    pub(super) law: Arc<dyn Law>,
    pub(super) objective: Option<Objective>,
    pub(super) objective_value: Option<f64>,
    pub(super) basins: Vec<f64>,
    pub(super) certificate: Option<Certificate>,
    pub(super) resampled: Option<Resampled>,
    pub(super) profile: Option<Profile>,
    pub(super) prior: Option<Prior>,
    pub(super) sampling: Option<SamplingQuality>,
    pub(super) point: Vec<f64>,
    pub(super) draws: Vec<Draw>,
    pub(super) noise: Option<f64>,
    pub(super) scatter_reach: Option<ScatterReach>,
    pub(super) n_runs: usize,
    pub(super) n_dropped: usize,
    pub(super) largest_flops: Option<f64>,
    pub(super) ratio_range: Option<(f64, f64)>,
    pub(super) conventions: Conventions,
    pub(super) fingerprint: Option<String>,
    pub(super) status: Status,
    pub(super) warnings: Vec<Warning>,
    pub(super) reductions: Vec<Reduction>,
    pub(super) beside: Option<Beside>,
    /// What [`Fit::of_recipe`] and [`Fit::with_unique_tokens`] asked for; no file has them.
    pub(super) recipe: Option<String>,
    pub(super) unique_tokens: Option<Tokens>,
    pub(super) source: Option<String>,
}

impl Fit {
    /// `point` of `law`, of which nothing else is known.
    pub(super) fn bare(law: Arc<dyn Law>, point: Vec<f64>, status: Status) -> Self {
        Self {
            law,
            objective: None,
            objective_value: None,
            basins: Vec::new(),
            certificate: None,
            resampled: None,
            profile: None,
            prior: None,
            sampling: None,
            point,
            draws: Vec::new(),
            noise: None,
            scatter_reach: None,
            n_runs: 0,
            n_dropped: 0,
            largest_flops: None,
            ratio_range: None,
            conventions: Conventions::default(),
            fingerprint: None,
            status,
            warnings: Vec::new(),
            reductions: Vec::new(),
            beside: None,
            recipe: None,
            unique_tokens: None,
            source: None,
        }
    }

    /// What every fit of `runs` knows about them, around a `point` of `law` without draws.
    pub(super) fn of_runs(runs: &Runs, law: Arc<dyn Law>, point: Vec<f64>, status: Status) -> Self {
        let ratios = || runs.kept.iter().map(|run| run.tokens.get() / run.params.get());
        Self {
            scatter_reach: Some(ScatterReach::of(runs)),
            n_runs: runs.kept.len(),
            n_dropped: runs.dropped.len(),
            largest_flops: runs.largest_flops().map(Flops::get),
            ratio_range: Some((ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max))),
            conventions: Conventions::of(runs),
            fingerprint: Some(runs.fingerprint()),
            ..Self::bare(law, point, status)
        }
    }

    /// A published coefficient set as a fit: a point without draws, so without intervals.
    pub fn from_published(published: &Published) -> Self {
        let message = format!(
            "{} gives no joint draws, so nothing that follows from it has an interval; fit the runs to get one",
            published.name
        );
        Self {
            largest_flops: published.largest_flops,
            warnings: vec![Warning::new("no_interval", message)],
            source: Some(format!("{}; {}", published.source, published.note)),
            ..Self::bare(published.law(), published.parameters.to_vec(), Status::Published)
        }
    }

    /// The same fit with at most `draws` of its draws, evenly chosen: rougher intervals in less time.
    #[must_use]
    pub fn thinned(&self, draws: usize) -> Self {
        let all = self.draws.len();
        if draws >= all {
            return self.clone();
        }
        self.with_draws((0..draws).map(|draw| self.draws[draw * all / draws].clone()).collect())
    }

    /// The law.
    pub fn law(&self) -> &dyn Law {
        self.law.as_ref()
    }

    /// The law, to fit it again.
    pub(crate) fn shared_law(&self) -> Arc<dyn Law> {
        Arc::clone(&self.law)
    }

    /// The same fit with other draws.
    pub(crate) fn with_draws(&self, draws: Vec<Draw>) -> Self {
        Self { draws, ..self.clone() }
    }

    /// The objective that was minimised; `None` for a posterior and for a published set.
    pub fn objective(&self) -> Option<Objective> {
        self.objective
    }

    /// The objective at the optimum, summed over runs.
    pub fn objective_value(&self) -> Option<f64> {
        self.objective_value
    }

    /// The objective at each distinct local optimum that the search found, the lowest first; empty where no search was needed.
    pub fn basins(&self) -> &[f64] {
        &self.basins
    }

    /// How far from optimal the fit can be at most, where that was proved.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// How the draws of a plain fit were made; `None` without draws, for a posterior, and for a published set.
    pub fn resampled(&self) -> Option<&Resampled> {
        self.resampled.as_ref()
    }

    /// Profile-likelihood intervals, where they were asked for.
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    /// The same fit with profile-likelihood intervals beside it.
    pub fn with_profile(self, profile: Profile) -> Self {
        Self { profile: Some(profile), ..self }
    }

    /// The prior of a posterior.
    pub fn prior(&self) -> Option<&Prior> {
        self.prior.as_ref()
    }

    /// How well the posterior was sampled.
    pub fn sampling(&self) -> Option<&SamplingQuality> {
        self.sampling.as_ref()
    }

    /// One coherent set of parameters: the optimum of a plain fit, the mode of a posterior.
    pub fn point(&self) -> &[f64] {
        &self.point
    }

    /// The draws that carry the doubt.
    pub fn draws(&self) -> &[Draw] {
        &self.draws
    }

    /// Scale of ln loss around the law: seed noise, evaluation noise and misfit together.
    pub fn noise(&self) -> Option<f64> {
        self.noise
    }

    /// Number of runs fitted and number left out.
    pub fn run_counts(&self) -> (usize, usize) {
        (self.n_runs, self.n_dropped)
    }

    /// Largest training compute among the runs, FLOP.
    pub fn largest_flops(&self) -> Option<f64> {
        self.largest_flops
    }

    /// Smallest and largest tokens per parameter among the runs.
    pub fn ratio_range(&self) -> Option<(f64, f64)> {
        self.ratio_range
    }

    /// How the runs were counted, and what they have in common.
    pub fn conventions(&self) -> &Conventions {
        &self.conventions
    }

    /// How the fit ended.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Doubts, in words.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// What the default law gave up or took on for these runs; empty where it is the coupled law and every run counts.
    pub fn reductions(&self) -> &[Reduction] {
        &self.reductions
    }

    /// A plain fit of another law for the same runs, where one law would not tell enough.
    pub fn beside(&self) -> Option<&Beside> {
        self.beside.as_ref()
    }

    /// SHA-256 of the runs' numbers; `None` for a published set.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// Where a published set comes from; `None` for a fit made here.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// The central value of one parameter; `None` when the law has none of that name.
    pub fn parameter(&self, name: &str) -> Option<f64> {
        let parameters = self.parameters(0.9);
        parameters.into_iter().find(|(parameter, _)| parameter == name).map(|(_, estimate)| estimate.value)
    }

    /// Each parameter of the law with its interval: the optimum of a plain fit, the median of a posterior.
    pub fn parameters(&self, level: f64) -> Vec<(String, Estimate)> {
        let parameters = self.law.parameters();
        let named = parameters.iter().enumerate().map(|(i, parameter)| {
            let estimate = self.estimate(|parameters| Some(parameters[i]), level);
            (parameter.name.clone().into_owned(), estimate)
        });
        named.filter_map(|(name, estimate)| Some((name, estimate?))).collect()
    }

    /// What follows from the parameters (allocation exponents a and b, gamma, G), with intervals.
    pub fn derived(&self, level: f64) -> Vec<(&'static str, Estimate)> {
        let names = self.law.derived(&self.point).into_iter().map(|(name, _)| name);
        let of =
            |i: usize| self.estimate(|parameters| self.law.derived(parameters).get(i).map(|(_, value)| *value), level);
        names.enumerate().filter_map(|(i, name)| Some((name, of(i)?))).collect()
    }

    /// The central loss at `params` and `tokens`: the optimum's, or the median of the posterior.
    ///
    /// # Errors
    /// [`QuestionError`] when the fit cannot say, or its law gives no loss there.
    pub fn expected_loss(&self, params: Params, tokens: Tokens) -> Result<Nats, QuestionError> {
        self.check_run(params, tokens)?;
        let at = Setting::single_pass(params.get(), tokens.get());
        Ok(Nats::new(self.central(|parameters| Some(self.law.loss(parameters, &at))).unwrap_or(f64::NAN))?)
    }

    /// The central loss of a run like `run`: its recipe, its repeated text.
    ///
    /// # Errors
    /// [`QuestionError`] when the fit cannot say, or its law gives no loss there.
    pub fn expected_loss_of(&self, run: &Run) -> Result<Nats, QuestionError> {
        if self.law.recipes().len() > 1
            && let Some(name) = run.recipe()
        {
            return self.of_recipe(name)?.expected_loss_of(run);
        }
        self.check_run(run.params, run.tokens)?;
        let once = Setting::single_pass(run.params.get(), run.tokens.get());
        let at = Setting { unique_tokens: run.distinct_tokens(), ..once };
        Ok(Nats::new(self.central(|parameters| Some(self.law.loss(parameters, &at))).unwrap_or(f64::NAN))?)
    }

    /// The compute-optimal size and tokens for `budget`.
    ///
    /// # Errors
    /// [`QuestionError`] when the runs cannot tell, or the law has no interior optimum.
    pub fn best_allocation(&self, budget: Flops) -> Result<(Params, Tokens), QuestionError> {
        self.check_best_size(budget)?;
        let ln_params = self.central(|parameters| self.law.best_ln_params(parameters, budget.get()));
        let params = Params::new(exp(ln_params.unwrap_or(f64::NAN)))?;
        let product = budget.get() / crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
        Ok((params, Tokens::new(product / params.get())?))
    }

    /// The compute-optimal size for `budget`, parameters, with its interval over the draws.
    ///
    /// # Errors
    /// As [`Fit::best_allocation`].
    ///
    /// # Example
    /// ```
    /// use isoflop::{Fit, Flops, law::published};
    /// let fit = Fit::from_published(published("besiroglu2024").unwrap());
    /// let budget = Flops::new(5.76e23)?;
    /// let size = fit.best_size(budget, 0.9)?;
    /// assert_eq!((size.value, size.lo), (fit.best_allocation(budget)?.0.get(), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn best_size(&self, budget: Flops, level: f64) -> Result<Estimate, QuestionError> {
        let (params, _) = self.best_allocation(budget)?;
        let ln_params = self.estimate(|parameters| self.law.best_ln_params(parameters, budget.get()), level);
        let end = |end: fn(&Estimate) -> Option<f64>| ln_params.as_ref().and_then(end).map(exp);
        Ok(Estimate { value: params.get(), lo: end(|size| size.lo), hi: end(|size| size.hi) })
    }

    /// `quantity` at the optimum of a plain fit, or its median over a posterior.
    pub(crate) fn central(&self, quantity: impl Fn(&[f64]) -> Option<f64>) -> Option<f64> {
        if self.prior.is_none() || self.draws.is_empty() {
            return quantity(&self.point);
        }
        let values: Vec<f64> = self.draws.iter().filter_map(|draw| quantity(&draw.parameters)).collect();
        (!values.is_empty()).then(|| median(values))
    }

    /// The same with its interval over the draws; `None` when the quantity does not exist.
    pub(crate) fn estimate(&self, quantity: impl Fn(&[f64]) -> Option<f64>, level: f64) -> Option<Estimate> {
        let value = self.central(&quantity)?;
        let values = self.draws.iter().filter_map(|draw| quantity(&draw.parameters)).collect();
        Some(Estimate::from_draws(value, values, level))
    }

    /// The bell of a new run at a point of ln loss `centre` under `scatter`.
    pub(crate) fn bell(&self, centre: f64, scatter: &Scatter, params: f64, tokens: f64) -> Bell {
        let decades = self.scatter_reach.map_or(0.0, |reach| reach.decades(params, tokens));
        scatter.bell(centre, decades)
    }
}
