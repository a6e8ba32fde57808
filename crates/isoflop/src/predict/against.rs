//! Whether finished runs lie on the curve: each against what the fit expects of it, left out of the fit where it was in it.

use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::parallel;
use isoflop_numerics::quantile::{Bell, mixture_share_below};
use serde::Serialize;

use super::Extrapolation;
use crate::fit::{Draw, Estimate, Fit, FitError, FitOptions, Method, QuestionError, fit as fit_runs};
use crate::law::Setting;
use crate::runs::{Run, Runs};
use crate::units::{Flops, Nats, Params, Tokens};

/// Draws of a fit without the run that is judged.
const DRAWS: usize = 400;
/// Effective draws, as a share of all, below which draws of the fit with the run do not stand for those of the fit without it.
const FEWEST_EFFECTIVE: f64 = 0.25;

/// Why runs cannot be judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgainstError {
    /// The fit does not answer.
    #[error("run {run}: {error}")]
    Question {
        /// The run.
        run: String,
        /// Why.
        error: Box<QuestionError>,
    },
    /// Runs that count parameters in another way than the fit.
    #[error(transparent)]
    Counting(Box<QuestionError>),
    /// A law without draws.
    #[error(
        "the fit has no draws, so it cannot say how far off a run may be by chance: use a fit of runs, not published coefficients"
    )]
    NoDraws,
    /// Runs that are not those of the fit.
    #[error(
        "the runs given as fitted are not those of the fit (their fingerprint is another): give the same table and the same filters as `isoflop fit` had"
    )]
    OtherRuns,
    /// No run is left.
    #[error("no finished run to judge: every row was left out{example}")]
    NoRuns {
        /// Why the first was.
        example: String,
    },
    /// The fit without the run fails.
    #[error("run {run} cannot be left out of the fit: {error}")]
    Refit {
        /// The run.
        run: String,
        /// Why.
        error: Box<FitError>,
    },
}

/// Runs against a fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Against {
    /// The runs in the order of their table.
    pub runs: Vec<Judged>,
    /// Level at which a run is said to lie off the curve.
    pub level: f64,
    /// Rows that were not judged, with the reason: their schedule has not ended, so their loss is not comparable.
    pub unfinished: Vec<String>,
    /// Whether runs of the fit could be told: where not, a run among them pulls the curve towards itself.
    pub fitted_known: bool,
}

/// One run against the curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// The run.
    pub run: String,
    /// Its size.
    pub params: Params,
    /// Its tokens.
    pub tokens: Tokens,
    /// Its compute, as its table counts it.
    pub flops: Flops,
    /// Its loss.
    pub observed: Nats,
    /// What was expected of such a run, with the interval of the level.
    pub expected: Estimate,
    /// ln observed minus ln expected: above zero the run is worse.
    pub excess: f64,
    /// The excess over the standard deviation of all doubts: `excess / sqrt(law² + form² + scatter²)`.
    pub z: f64,
    /// Share of such runs expected to end lower; tails as heavy as runs show.
    pub percentile: f64,
    /// The doubts.
    pub spread: Spread,
    /// Whether it was left out of its own fit.
    pub left_out: bool,
    /// Where it lies.
    pub side: Side,
    /// Distance from the runs it was judged by.
    pub extrapolation: Extrapolation,
}

/// Standard deviations of ln loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Doubt about the law's parameters.
    pub law: f64,
    /// Error of form, beyond the data.
    pub form: f64,
    /// Scatter of single runs: seeds, evaluation, tuning.
    pub scatter: f64,
}

/// Where a run lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Better than the interval allows.
    Below,
    /// Inside the interval.
    On,
    /// Worse.
    Above,
}

/// Judges each of `runs` by `fit` at `level`; those among the `fitted` runs by the fit without them. `fitted` may be left out where
/// `runs` are the fitted ones. `threads` do not change the result.
///
/// The fit without a run is that of its draws, weighted by how little they expected of the run (importance sampling, Gelfand 1996,
/// "Model determination using sampling-based methods"), where these weights leave enough draws and put the run on the curve; else,
/// for plain fits, and for the run of the largest compute, the others are fitted again.
///
/// # Errors
/// See [`AgainstError`].
pub fn against(
    fit: &Fit,
    runs: &Runs,
    fitted: Option<&Runs>,
    level: f64,
    threads: usize,
) -> Result<Against, AgainstError> {
    if fit.draws().is_empty() {
        return Err(AgainstError::NoDraws);
    }
    fit.check_counting(runs.param_counting).map_err(|error| AgainstError::Counting(Box::new(error)))?;
    let finished = runs.finished();
    let unfinished: Vec<String> = finished.dropped[runs.dropped.len()..]
        .iter()
        .map(|dropped| format!("{}: {}", dropped.name, dropped.reason))
        .collect();
    if finished.kept.is_empty() {
        let example = finished.dropped.first().map(|dropped| format!(" ({}: {})", dropped.name, dropped.reason));
        return Err(AgainstError::NoRuns { example: example.unwrap_or_default() });
    }
    let fitted = match fitted {
        Some(fitted) => Some(FittedRuns::of(fit, fitted).ok_or(AgainstError::OtherRuns)?),
        None => FittedRuns::of(fit, runs),
    };
    let judge = |number: usize| {
        let run = &finished.kept[number];
        match fitted.as_ref().and_then(|fitted| fitted.without(run)) {
            Some(others) => left_out(fit, run, &others, level),
            None => Judged::new(fit, run, level, false),
        }
    };
    let judged = parallel::map(finished.kept.len(), threads, judge).into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(Against { runs: judged, level, unfinished, fitted_known: fitted.is_some() })
}

/// The runs of a fit.
struct FittedRuns {
    runs: Runs,
}

impl FittedRuns {
    /// `runs`, or the finished ones among them, if they are those of `fit`.
    fn of(fit: &Fit, runs: &Runs) -> Option<Self> {
        let candidates = [runs.clone(), runs.finished()];
        let runs = candidates.into_iter().find(|runs| fit.fingerprint() == Some(runs.fingerprint().as_str()))?;
        Some(Self { runs })
    }

    /// The others, where `run` is one of these: checkpoints of one run go together.
    fn without(&self, run: &Run) -> Option<Runs> {
        let is_it = |other: &Run| {
            other.name == run.name || (other.params, other.tokens, other.loss) == (run.params, run.tokens, run.loss)
        };
        let kept: Vec<Run> = self.runs.kept.iter().filter(|other| !is_it(other)).cloned().collect();
        (kept.len() < self.runs.kept.len()).then(|| Runs { kept, ..self.runs.clone() })
    }
}

/// `run` judged by the fit as it would be without it, that is, of `others`.
fn left_out(fit: &Fit, run: &Run, others: &Runs, level: f64) -> Result<Judged, AgainstError> {
    let reaches_farthest = others.largest_flops().is_none_or(|largest| run.flops.get() > largest.get());
    let alone = others.kept.len() + 1 == fit.run_counts().0;
    if let (Some(_), false, true) = (fit.prior(), reaches_farthest, alone)
        && let Some(reweighted) = reweighted(fit, run)
    {
        let judged = Judged::new(&reweighted, run, level, true)?;
        // A run far off may alone have made the tails heavy, which no weights undo.
        if judged.side == Side::On {
            return Ok(judged);
        }
    }
    let method = match (fit.prior(), fit.objective()) {
        (Some(prior), _) => Method::Posterior(prior.clone()),
        (None, objective) => Method::Plain { law: fit.shared_law(), objective: objective.unwrap_or_default() },
    };
    let options = FitOptions {
        method,
        draws: fit.draws().len().min(DRAWS),
        resampling: fit.resampled().map(|resampled| resampled.method).unwrap_or_default(),
        keep_unfinished: true,
        certify: false,
        threads: 1,
        ..FitOptions::default()
    };
    let without = fit_runs(others, &options);
    let without = without.map_err(|error| AgainstError::Refit { run: run.name.clone(), error: Box::new(error) })?;
    Judged::new(&without, run, level, true)
}

/// The draws of a posterior drawn anew with weights inverse to the density they gave `run`; `None` when a few of them have it all.
fn reweighted(fit: &Fit, run: &Run) -> Option<Fit> {
    let own = fit.about(run).ok()?;
    let at = own.setting(run);
    // Within the data there is no drift.
    let inside = Extrapolation::new(run.flops, own.largest_flops());
    let observed = ln(run.loss.get());
    let ln_weights: Vec<f64> = own.bells(&at, &inside).iter().map(|bell| -ln_density(bell, observed)).collect();
    let highest = ln_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = ln_weights.iter().map(|weight| exp(weight - highest)).collect();
    let (sum, squares) = weights.iter().fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w));
    let count = weights.len() as f64;
    if sum * sum / squares < FEWEST_EFFECTIVE * count {
        return None;
    }
    // Systematic resampling (Kitagawa 1996, doi:10.1080/10618600.1996.10474692) adds no noise of its own worth the name.
    let mut draws: Vec<Draw> = Vec::with_capacity(weights.len());
    let mut below = 0.0;
    for (draw, weight) in fit.draws().iter().zip(&weights) {
        below += weight * count / sum;
        while (draws.len() as f64 + 0.5) < below {
            draws.push(draw.clone());
        }
    }
    Some(fit.with_draws(draws))
}

/// ln of a bell's density at `x`, but for a constant of its degrees of freedom.
fn ln_density(bell: &Bell, x: f64) -> f64 {
    let (t, freedom) = ((x - bell.centre) / bell.scale, f64::from(bell.freedom));
    -ln(bell.scale) - 0.5 * (freedom + 1.0) * ln(1.0 + t * t / freedom)
}

impl Judged {
    fn new(fit: &Fit, run: &Run, level: f64, left_out: bool) -> Result<Self, AgainstError> {
        let question = |error: QuestionError| AgainstError::Question { run: run.name.clone(), error: Box::new(error) };
        let fit = fit.about(run).map_err(question)?;
        fit.check_run(run.params, run.tokens).map_err(question)?;
        let extrapolation = Extrapolation::new(run.flops, fit.largest_flops());
        let at = fit.setting(run);
        let expected = fit.new_run_at(&at, level, &extrapolation);
        super::check_loss(&expected, run.params, run.tokens).map_err(question)?;
        let bells = fit.bells(&at, &extrapolation);
        let observed = ln(run.loss.get());
        let excess = observed - ln(expected.value);
        let spread = Spread::of(&fit, &bells, &extrapolation);
        let percentile = mixture_share_below(&bells, observed);
        Ok(Self {
            run: run.name.clone(),
            params: run.params,
            tokens: run.tokens,
            flops: run.flops,
            observed: run.loss,
            expected,
            excess,
            z: excess / (spread.law * spread.law + spread.form * spread.form + spread.scatter * spread.scatter).sqrt(),
            percentile,
            spread,
            left_out,
            side: match percentile {
                share if share < 0.5 * (1.0 - level) => Side::Below,
                share if share > 0.5 * (1.0 + level) => Side::Above,
                _ => Side::On,
            },
            extrapolation,
        })
    }
}

impl Spread {
    fn of(fit: &Fit, bells: &[Bell], extrapolation: &Extrapolation) -> Self {
        let drifts: Vec<f64> = fit.draws().iter().map(|draw| draw.drift * extrapolation.decades()).collect();
        let centres: Vec<f64> = bells.iter().zip(&drifts).map(|(bell, drift)| bell.centre - drift).collect();
        let variances =
            bells.iter().zip(fit.draws()).map(|(bell, draw)| bell.scale * bell.scale * draw.scatter.tails.variance());
        let scatter = (variances.sum::<f64>() / bells.len() as f64).sqrt();
        Self { law: deviation(&centres), form: deviation(&drifts), scatter }
    }
}

/// Standard deviation of `values`.
fn deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt()
}

impl Fit {
    /// This fit for the recipe of `run`, where it tells several apart.
    fn about(&self, run: &Run) -> Result<Self, QuestionError> {
        match run.recipe() {
            Some(name) if self.law().recipes().len() > 1 => self.of_recipe(name),
            _ => Ok(self.clone()),
        }
    }

    /// Where `run` was trained, its repeated text counted.
    fn setting(&self, run: &Run) -> Setting {
        let once = Setting::single_pass(run.params.get(), run.tokens.get());
        Setting { unique_tokens: run.distinct_tokens(), ..once }
    }
}
