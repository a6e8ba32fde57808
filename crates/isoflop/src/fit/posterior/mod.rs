//! The default fit: the posterior of the coupled law under weak priors, whose draws carry the doubt into predictions and plans.
//!
//! Beyond the data the form of the law is the largest doubt. So the floor is held by a weak belief to a share of the lowest loss seen, the
//! coupling k is shrunk to 1 unless the runs speak, the scatter is heavy-tailed and may shrink with size, and an error of form that
//! grows with distance is learnt from rehearsals on the runs themselves.
//!
//! Runs that cannot carry the coupled law, or that ask for more, get it in another form: see [`Reduction`](super::Reduction).

mod coordinates;
mod density;
mod form;
mod learnt;
mod rehearsal;
mod sampler;
mod steadiness;
mod target;

use std::sync::Arc;

use isoflop_numerics::convergence::{diagnose, normal_quantile};
use isoflop_numerics::nuts::{Chains, Settings};
use isoflop_numerics::quantile::median;
use serde::{Deserialize, Serialize};

use super::form_error::{self, Rehearsal};
use super::prior::Prior;
use super::reduction::Reduction;
use super::result::{Draw, Fit};
use super::{Beside, FitError, FitOptions, Objective, Status, Tails, plain, warnings};
use crate::law::{Hoffmann, Law, Resources};
use crate::runs::replicates::{seed_variance, setting_columns, settings, witnesses};
use crate::runs::{Run, Runs};
use form::Form;
use rehearsal::Refits;
use target::{LawPoint, Target};

pub use learnt::Learnt;

/// How well a posterior was sampled, and what the rehearsals said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SamplingQuality {
    /// Largest rank-normalised split R-hat over the unknowns (Vehtari et al. 2021, doi:10.1214/20-BA1221).
    pub rhat: f64,
    /// Smallest bulk or tail effective sample size over the unknowns.
    pub effective_draws: f64,
    /// Transitions whose energy ran away.
    pub divergences: usize,
    /// Fits below a cut, judged above it.
    pub rehearsals: Vec<Rehearsal>,
    /// Each belief before and after the runs.
    pub learnt: Vec<Learnt>,
}

/// Scatter around a plain fit, in ln loss, below which the runs are noiseless: an exact law needs no belief and has no error of form.
const NOISELESS: f64 = 2e-5;

const CHAINS: usize = 4;

/// The posterior of the coupled law for the kept runs, in the form that they allow.
pub(super) fn fit(runs: &Runs, prior: &Prior, options: &FitOptions) -> Result<Fit, FitError> {
    let all = runs;
    let finished;
    let runs = if options.keep_unfinished {
        all
    } else {
        finished = all.finished();
        &finished
    };
    let left_out = all.kept.len() - runs.kept.len();
    let form = Form::of(runs).map_err(|error| error.among_unfinished(left_out))?;
    let mut fit = posterior(runs, &form, prior, options)?;
    fit.reductions.splice(0..0, form.reductions.iter().cloned());
    fit.reductions.extend(Reduction::unfinished(all, runs));
    if form.repeats && form.recipes.is_empty() {
        fit.beside = Beside::lovelace(runs, options);
    }
    if form.resources == Resources::Compute {
        // A law of compute tells no effects apart.
        fit.warnings.retain(|warning| warning.code != warnings::NARROW_RATIO_RANGE_CODE);
    }
    Ok(fit)
}

fn posterior(runs: &Runs, form: &Form, prior: &Prior, options: &FitOptions) -> Result<Fit, FitError> {
    if form.is_plain()
        && let Some(exact) = exact(runs, &(Arc::new(Hoffmann) as Arc<dyn Law>), options)?
    {
        return Ok(exact);
    }
    let no_optimum = || FitError::no_optimum(runs);
    let alike = Peak::of(form, &runs.kept, prior, 1.0).ok_or_else(no_optimum)?;
    let seed_share = alike.seed_share(&runs.kept);
    let peak = match seed_share {
        Some(share) if share < 1.0 => Peak::of(form, &runs.kept, prior, share).ok_or_else(no_optimum)?,
        _ => alike,
    };
    let Peak { tails, target, mode, point, .. } = &peak;
    // A law that its runs obey to the last digit leaves the sampler nothing to stand on; that another form could not be fitted is no
    // reason not to sample this one.
    if !form.is_plain()
        && point.scatter.scale < 5.0 * NOISELESS
        && let Ok(Some(exact)) = exact(runs, &form.law, options)
    {
        return Ok(exact);
    }
    let (chains, quality) = sample(target, mode, options).ok_or_else(no_optimum)?;
    let share = seed_share.unwrap_or(1.0);
    let refits = Refits { form, prior, tails: *tails, seed_share: share, seed: options.seed };
    let rehearsals = rehearsal::rehearsals(refits, &runs.kept, options.threads);
    let points: Vec<LawPoint> = chains.pooled().filter_map(|at| target.point_at(at)).collect();
    let learnt = learnt::learnt(form, prior, target.floor(), &points);
    let quality = SamplingQuality { rehearsals, learnt, ..quality };
    let status = if quality.mixed() {
        Status::Converged
    } else {
        Status::Unmixed { rhat: quality.rhat, effective_draws: quality.effective_draws }
    };

    let mut fit = Fit::of_runs(runs, Arc::clone(&form.law), point.parameters.clone(), status);
    let form_error = prior.form_error_at(fit.largest_flops);
    let drifts = form_error::draws(&form_error, &quality.rehearsals, options.draws, options.seed);
    let sampled: Vec<&[f64]> = chains.pooled().collect();
    // Evenly through all chains, so that every one counts.
    let kept = (0..options.draws).map(|number| sampled[number * sampled.len() / options.draws]);
    let draws = kept.filter_map(|at| target.draw_at(at));
    fit.draws = draws.zip(drifts).map(|(draw, drift)| Draw { drift, ..draw }).collect();
    fit.objective_value = target.objective(mode);
    fit.prior = Some(prior.clone());
    let told_by_prior = learnt::warning(&quality.learnt);
    fit.sampling = Some(quality);
    let residuals = target.standardised_residuals(point);
    let noise = median(fit.draws.iter().map(|draw| draw.scatter.scale).collect());
    fit.noise = Some(if fit.draws.is_empty() { point.scatter.scale } else { noise });
    fit.warnings = warnings::about(&runs.kept, &residuals, 1.0, &fit.status, 0, 0);
    fit.warnings.extend(warnings::shared_trunks(&runs.kept));
    fit.reductions.extend(Reduction::replicates(&witnesses(&runs.kept, share)));
    fit.warnings.extend(steadiness::warning(refits, &runs.kept, &fit.draws, options.threads));
    fit.warnings.extend(told_by_prior);
    Ok(fit)
}

/// Where a posterior is highest, under the tails that put it highest.
struct Peak<'a> {
    tails: Tails,
    target: Target<'a>,
    mode: Vec<f64>,
    point: Draw,
    density: f64,
}

impl<'a> Peak<'a> {
    fn of(form: &'a Form, runs: &[Run], prior: &Prior, seed_share: f64) -> Option<Self> {
        let under = |tails| {
            let target = Target::new(form, runs, prior, tails, seed_share);
            let mode = sampler::mode(&target)?;
            let point = target.draw_at(&mode)?;
            let density = target.log_density(&mode, &mut vec![0.0; mode.len()]);
            Some(Self { tails, target, mode, point, density })
        };
        Tails::ALL.into_iter().filter_map(under).max_by(|one, other| one.density.total_cmp(&other.density))
    }

    /// The largest share of the scatter's variance that seeds may make, where settings repeat.
    ///
    /// The largest, because few replicates say little: a pair that agrees by chance is no proof that the law misses its setting.
    fn seed_share(&self, runs: &[Run]) -> Option<f64> {
        let settings = settings(runs, &setting_columns(runs));
        let (seeds, degrees) = seed_variance(runs, &settings)?;
        let repeated: Vec<usize> = settings.into_iter().flatten().collect();
        let square = |run: &usize| self.target.scale_of(*run, &self.point.scatter).powi(2);
        let scatter = self.tails.variance() * repeated.iter().map(square).sum::<f64>() / repeated.len() as f64;
        Some((seeds / (lowest_ratio(degrees as f64) * scatter)).min(1.0))
    }
}

/// The twentieth part of a variance's estimates that lie lowest lie below this multiple of it (Wilson & Hilferty 1931,
/// doi:10.1073/pnas.17.12.684).
fn lowest_ratio(degrees: f64) -> f64 {
    let spread = 2.0 / (9.0 * degrees);
    (1.0 - spread + normal_quantile(0.05) * spread.sqrt()).powi(3)
}

/// The plain fit of `law` where it leaves nothing unexplained.
fn exact(runs: &Runs, law: &Arc<dyn Law>, options: &FitOptions) -> Result<Option<Fit>, FitError> {
    let point =
        plain::fit(runs, law, Objective::LogLeastSquares, &FitOptions { draws: 0, certify: false, ..options.clone() })?;
    if point.noise().is_none_or(|noise| noise >= NOISELESS) {
        return Ok(None);
    }
    let mut exact = plain::fit(runs, law, Objective::LogLeastSquares, options)?;
    exact.draws.iter_mut().for_each(|draw| draw.drift = 0.0);
    Ok(Some(exact))
}

/// Chains that agree, sampled longer as long as they do not, and what they say about themselves.
fn sample(target: &Target, mode: &[f64], options: &FitOptions) -> Option<(Chains, SamplingQuality)> {
    /// Transitions per kept draw at first: successive ones resemble each other.
    const THINNING: usize = 2;
    /// Attempts, each twice as long as the one before.
    const ATTEMPTS: u32 = 3;
    let mut best: Option<(Chains, SamplingQuality)> = None;
    for attempt in 0..ATTEMPTS {
        let longer = 1 << attempt;
        let draws = (THINNING * options.draws).div_ceil(CHAINS).max(FEWEST_TRANSITIONS) * longer;
        let settings = Settings {
            chains: CHAINS,
            warmup: 200 * longer,
            draws,
            seed: options.seed,
            threads: options.threads,
            ..Settings::default()
        };
        let chains = sampler::chains(target, mode, settings)?;
        let quality = SamplingQuality::of(&chains, mode.len());
        let enough = quality.mixed() && quality.effective_draws >= options.draws as f64;
        if best.as_ref().is_none_or(|(_, best)| quality.effective_draws > best.effective_draws) {
            best = Some((chains, quality));
        }
        if enough {
            break;
        }
    }
    best
}

/// Transitions of a chain below which [`FEWEST_EFFECTIVE`] draws are out of reach, however few are kept.
const FEWEST_TRANSITIONS: usize = 250;

/// R-hat and effective draws that a posterior must show before it counts (Vehtari et al. 2021).
const LARGEST_RHAT: f64 = 1.01;
const FEWEST_EFFECTIVE: f64 = 400.0;

impl SamplingQuality {
    /// What the chains say about themselves: the worst of all unknowns.
    fn of(chains: &Chains, unknowns: usize) -> Self {
        let mut quality = Self {
            rhat: 0.0,
            effective_draws: f64::INFINITY,
            divergences: chains.divergences(),
            rehearsals: Vec::new(),
            learnt: Vec::new(),
        };
        for unknown in 0..unknowns {
            let diagnosis = diagnose(&chains.draws, unknown);
            // An unknown value is no agreement.
            quality.rhat = if diagnosis.rhat.is_nan() { f64::INFINITY } else { quality.rhat.max(diagnosis.rhat) };
            let effective = diagnosis.ess_bulk.min(diagnosis.ess_tail);
            quality.effective_draws = if effective.is_nan() { 0.0 } else { quality.effective_draws.min(effective) };
        }
        quality
    }

    /// Whether the chains agree and are long enough to be believed.
    pub fn mixed(&self) -> bool {
        self.rhat < LARGEST_RHAT && self.effective_draws >= FEWEST_EFFECTIVE
    }
}

#[cfg(test)]
mod tests {
    use isoflop_numerics::elementary::exp;
    use isoflop_numerics::resample::{standard_normal, stream};

    use super::*;
    use crate::{Method, TableFormat};

    /// 120 runs around one law, whose ln loss is off by what `scatter` makes of two normal numbers.
    fn fitted(scatter: fn(f64, f64) -> f64) -> Fit {
        let mut generator = stream(7, 0);
        let row = |i: i32| {
            let (params, tokens) = (1e7 * 1.9f64.powi(i % 12), 1e9 * 2.2f64.powi(i / 12));
            let loss = 1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.36);
            let off = 0.003 * scatter(standard_normal(&mut generator), standard_normal(&mut generator));
            format!("{params},{tokens},{}\n", loss * exp(off))
        };
        let rows: String = (0..120).map(row).collect();
        let runs = Runs::read(format!("params,tokens,loss\n{rows}").as_bytes(), "t", TableFormat::Csv, false).unwrap();
        let options = FitOptions { method: Method::Posterior(Prior::default()), draws: 400, ..FitOptions::default() };
        crate::fit(&runs, &options).unwrap()
    }

    /// Against tables of chi-squared: 0.1026 of 2, 3.940 of 10, 60.391 of 80 degrees.
    #[test]
    fn few_differences_leave_the_noise_of_seeds_open() {
        for (degrees, quantile, tolerance) in [(2.0, 0.1026, 0.025), (10.0, 3.940, 0.01), (80.0, 60.391, 0.01)] {
            assert!((super::lowest_ratio(degrees) * degrees - quantile).abs() < tolerance, "{degrees}");
        }
        assert!(super::lowest_ratio(1.0) > 0.0 && super::lowest_ratio(1.0) < 0.01);
    }

    #[test]
    fn tails_are_those_the_runs_show() {
        let tails = |fit: &Fit| fit.draws()[0].scatter.tails;
        assert_eq!(tails(&fitted(|first, _| first)), Tails::Light);
        // A quotient of normal numbers has the heaviest tails there are.
        assert_eq!(tails(&fitted(|first, second| first / second)), Tails::Heavy);
    }
}
