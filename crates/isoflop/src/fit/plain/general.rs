//! The plain fit of any law: many starts, exact slopes, Levenberg-Marquardt for squares and BFGS for every other penalty.
//!
//! The search runs in coordinates that keep each parameter in its domain. Every start is first taken to the least-squares optimum, where
//! steps are few and safe; the distinct optima are then polished under the declared objective, in coordinates in which the curvature
//! of the squares is the identity.

use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::levenberg_marquardt::levenberg_marquardt;
use isoflop_numerics::linear_algebra::Cholesky;
use isoflop_numerics::minimize::{Ending, Minimum, Stopping, bfgs};
use isoflop_numerics::penalty::Penalty;
use isoflop_numerics::{parallel, resample};

use super::scheme::{Resample, Scheme};
use super::{Objective, Optimum, Status, observations};
use crate::fit::{FitError, FitOptions};
use crate::law::{Domain, Law, Observation};
use crate::runs::Runs;

/// Starts searched from: those of the law, then copies of them moved at random.
const STARTS: usize = 32;
/// How far a copy is moved, as the standard deviation of each coordinate.
const JITTER: f64 = 0.7;
/// Seed of the moves; the starts are part of the method, so it is not the user's.
const JITTER_SEED: u64 = 0x15_0F10;
/// Optima of the squares that are polished under another objective.
const POLISHED: usize = 4;
/// Optima whose predictions differ by no more than this in ln loss are one basin: a tenth of the scatter of the best-kept runs.
const ONE_BASIN: f64 = 5e-4;
/// Basins within this factor of the lowest objective are tried again in every resample: there the order may change.
const RIVAL: f64 = 1.25;

/// Coordinates this far from zero are at their bound: a floor of 1e-6 of the loss, a scale or an exponent of 1e6.
const FAR: f64 = 13.8;
/// Relative gradient below which a stalled search still counts as converged: the limit of rounding for sums of hundreds of terms.
const STALLED_GRADIENT: f64 = 1e-5;
/// An objective per run below this is rounding: the law passes through every run.
const NOISELESS: f64 = 1e-22;
/// A draw's last digits are far below the spread of the draws.
const DRAW_STOPPING: Stopping = Stopping { relative_gradient: 1e-4, evaluations: 200 };
const POINT_STOPPING: Stopping = Stopping { relative_gradient: 1e-9, evaluations: 1_000 };
/// The first descent from a start: enough to know its basin.
const FIRST_STOPPING: Stopping = Stopping { relative_gradient: 1e-6, evaluations: 100 };

/// The optimum of `law` under `objective`, and the optimum of each resample; run i counts `weights[i]` times.
pub(super) fn fit(
    runs: &Runs,
    weights: &[f64],
    law: &dyn Law,
    objective: Objective,
    options: &FitOptions,
) -> Result<Optimum, FitError> {
    let (observations, units) = observations::observations(runs, law)?;
    let problem = Problem::new(law, &observations, weights, objective);
    let basins = problem.basins(options.threads);
    let lowest = basins.first().ok_or_else(|| FitError::no_optimum(runs))?;
    let rivals: Vec<&Minimum> = basins.iter().filter(|basin| basin.value <= RIVAL * lowest.value).collect();

    let residuals = problem.log_residuals(&lowest.point);
    let scheme = Scheme::new(&runs.kept, weights, residuals.clone(), lowest.point.len(), options);
    let curvature = problem.curvature(&lowest.point);
    let draw = |number: usize| {
        let (observed, counted);
        let problem = match scheme.resample(number) {
            Resample::Counts(counts) => {
                counted = counts.iter().zip(weights).map(|(count, weight)| count * weight).collect::<Vec<_>>();
                Problem { weights: &counted, ..problem.clone() }
            }
            Resample::LnLosses(ln_losses) => {
                let with = |(run, ln_loss): (&Observation, &f64)| Observation { loss: exp(*ln_loss), ..*run };
                observed = observations.iter().zip(&ln_losses).map(with).collect::<Vec<_>>();
                Problem { observations: &observed, ln_losses, ..problem.clone() }
            }
        };
        let refits =
            rivals.iter().map(|rival| (*rival, problem.descend(&rival.point, curvature.as_ref(), DRAW_STOPPING)));
        let lowest = |a: &(&Minimum, Minimum), b: &(&Minimum, Minimum)| a.1.value.total_cmp(&b.1.value);
        let (from, refit) = refits.filter(|(_, refit)| refit.value.is_finite()).min_by(lowest)?;
        // Widened around the optimum that it came from: the way to another one is not doubt about either.
        let widened: Vec<f64> = from
            .point
            .iter()
            .zip(&refit.point)
            .map(|(centre, entry)| scheme.widened_in_reach(*centre, *entry))
            .collect();
        let parameters = law.in_bare_units(&problem.parameters(&widened), &units);
        let inside = parameters.iter().zip(&problem.domains).all(|(parameter, domain)| domain.contains(*parameter));
        inside.then_some(parameters)
    };
    let draws: Vec<Vec<f64>> = parallel::map(options.draws, options.threads, draw).into_iter().flatten().collect();
    Ok(Optimum {
        point: law.in_bare_units(&problem.parameters(&lowest.point), &units),
        value: lowest.value,
        status: problem.status(lowest),
        residuals,
        draws,
        resampled: (options.draws > 0).then_some(scheme.resampled),
        basins: basins.iter().map(|basin| basin.value).collect(),
    })
}

/// A law, the runs, and what is minimised.
#[derive(Clone)]
pub(super) struct Problem<'a> {
    law: &'a dyn Law,
    observations: &'a [Observation],
    /// How much each run counts.
    weights: &'a [f64],
    ln_losses: Vec<f64>,
    domains: Vec<Domain>,
    objective: Objective,
}

impl<'a> Problem<'a> {
    pub(super) fn new(
        law: &'a dyn Law,
        observations: &'a [Observation],
        weights: &'a [f64],
        objective: Objective,
    ) -> Self {
        Self {
            law,
            observations,
            weights,
            ln_losses: observations.iter().map(|run| ln(run.loss)).collect(),
            domains: law.parameters().iter().map(|parameter| parameter.domain).collect(),
            objective,
        }
    }

    /// The law's parameters at search coordinates.
    pub(super) fn parameters(&self, coordinates: &[f64]) -> Vec<f64> {
        self.domains.iter().zip(coordinates).map(|(domain, coordinate)| domain.parameter(*coordinate)).collect()
    }

    /// Calls `visit` with each run's number, its residual and the residual's slopes along the coordinates; false where the law gives
    /// no loss. `logarithmic` residuals are those of ln loss.
    fn residuals(&self, coordinates: &[f64], logarithmic: bool, mut visit: impl FnMut(usize, f64, &[f64])) -> bool {
        let parameters = self.parameters(coordinates);
        let stretch: Vec<f64> = self
            .domains
            .iter()
            .zip(parameters.iter().zip(coordinates))
            .map(|(domain, (parameter, coordinate))| domain.slope(*parameter, *coordinate))
            .collect();
        let mut gradient = vec![0.0; parameters.len()];
        for (i, run) in self.observations.iter().enumerate() {
            let loss = self.law.loss_and_gradient(&parameters, &run.at, &mut gradient);
            if !(loss > 0.0 && loss.is_finite()) {
                return false;
            }
            let (residual, unit) =
                if logarithmic { (ln(loss) - self.ln_losses[i], 1.0 / loss) } else { (loss - run.loss, 1.0) };
            for (entry, stretch) in gradient.iter_mut().zip(&stretch) {
                *entry *= unit * stretch;
            }
            visit(i, residual, &gradient);
        }
        true
    }

    /// The least-squares optimum from `start`.
    fn squares(&self, start: &[f64], logarithmic: bool, stopping: Stopping) -> Minimum {
        let roots: Vec<f64> = self.weights.iter().map(|weight| weight.sqrt()).collect();
        let size = start.len();
        let residuals = |point: &[f64], residuals: &mut [f64], slopes: &mut [f64]| {
            self.residuals(point, logarithmic, |i, residual, gradient| {
                residuals[i] = roots[i] * residual;
                for (slope, entry) in slopes[i * size..].iter_mut().zip(gradient) {
                    *slope = roots[i] * entry;
                }
            })
        };
        levenberg_marquardt(residuals, self.observations.len(), start, stopping)
    }

    /// The optimum under the objective from `start`; `curvature` is that of the squares near it.
    fn descend(&self, start: &[f64], curvature: Option<&Cholesky>, stopping: Stopping) -> Minimum {
        let (penalty, logarithmic) = (self.objective.penalty(), self.objective.is_logarithmic());
        if penalty == Penalty::Squared {
            return self.squares(start, logarithmic, stopping);
        }
        let coordinates = |moved: &[f64]| {
            let mut point = moved.to_vec();
            if let Some(curvature) = curvature {
                curvature.solve_transposed(&mut point);
            }
            point.iter_mut().zip(start).for_each(|(entry, start)| *entry += start);
            point
        };
        let objective = |moved: &[f64], gradient: &mut [f64]| {
            let mut sum = 0.0;
            gradient.fill(0.0);
            let inside = self.residuals(&coordinates(moved), logarithmic, |i, residual, slopes| {
                let (cost, slope) = penalty.value_and_slope(residual);
                sum += self.weights[i] * cost;
                let slope = self.weights[i] * slope;
                gradient.iter_mut().zip(slopes).for_each(|(entry, along)| *entry += slope * along);
            });
            if let Some(curvature) = curvature {
                curvature.solve_lower(gradient);
            }
            if inside { sum } else { f64::NAN }
        };
        let minimum = bfgs(objective, &vec![0.0; start.len()], stopping);
        Minimum { point: coordinates(&minimum.point), ..minimum }
    }

    /// The law.
    pub(super) fn law(&self) -> &dyn Law {
        self.law
    }

    /// Half the weighted sum of squared ln residuals; `None` where the law gives no loss.
    pub(super) fn half_squares(&self, point: &[f64]) -> Option<f64> {
        let mut sum = 0.0;
        let inside =
            self.residuals(point, true, |run, residual, _| sum += 0.5 * self.weights[run] * residual * residual);
        inside.then_some(sum)
    }

    /// The slopes of [`Problem::half_squares`], and the products of the residuals' slopes, row by row; `None` where the law gives no loss.
    pub(super) fn gradient_and_curvature(&self, point: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
        let size = point.len();
        let (mut gradient, mut normal) = (vec![0.0; size], vec![0.0; size * size]);
        let inside = self.residuals(point, true, |run, residual, slopes| {
            for i in 0..size {
                gradient[i] += self.weights[run] * residual * slopes[i];
                for j in 0..size {
                    normal[i * size + j] += self.weights[run] * slopes[i] * slopes[j];
                }
            }
        });
        inside.then_some((gradient, normal))
    }

    /// A factor of the curvature of half the squared ln residuals, lifted a little where the runs leave it flat; `None` where slopes
    /// are not finite.
    pub(super) fn curvature(&self, point: &[f64]) -> Option<Cholesky> {
        let size = point.len();
        let (_, mut normal) = self.gradient_and_curvature(point)?;
        let largest = (0..size).map(|i| normal[i * size + i]).fold(f64::MIN_POSITIVE, f64::max);
        (0..size).for_each(|i| normal[i * size + i] += 1e-9 * largest);
        Cholesky::new(&normal, size)
    }

    /// The distinct local optima under the objective, the lowest first.
    pub(super) fn basins(&self, threads: usize) -> Vec<Minimum> {
        let starts = self.starts();
        let logarithmic = self.objective.is_logarithmic();
        let optima = parallel::map(starts.len(), threads, |i| self.squares(&starts[i], logarithmic, FIRST_STOPPING));
        let squares = self.distinct(optima);
        let declared = parallel::map(squares.len().min(POLISHED), threads, |i| {
            let point = &squares[i].point;
            self.descend(point, self.curvature(point).as_ref(), POINT_STOPPING)
        });
        self.distinct(declared)
    }

    /// The law's own starts, then copies of them moved at random; the same for the same runs.
    fn starts(&self) -> Vec<Vec<f64>> {
        let own: Vec<Vec<f64>> = self
            .law
            .starts(self.observations)
            .iter()
            .map(|start| {
                self.domains.iter().zip(start).map(|(domain, parameter)| domain.coordinate(*parameter)).collect()
            })
            .collect();
        let copies = STARTS.saturating_sub(own.len());
        let moved = (0..copies).filter_map(|copy| {
            let mut generator = resample::stream(JITTER_SEED, copy as u64);
            let start: &Vec<f64> = own.get(copy % own.len().max(1))?;
            Some(start.iter().map(|entry| entry + JITTER * resample::standard_normal(&mut generator)).collect())
        });
        let moved: Vec<Vec<f64>> = moved.collect();
        own.into_iter().chain(moved).collect()
    }

    /// One minimum of each basin, the lowest first; searches that ran out far from a minimum are no basin unless nothing else is.
    fn distinct(&self, mut minima: Vec<Minimum>) -> Vec<Minimum> {
        minima.retain(|minimum| minimum.value.is_finite());
        minima.sort_by(|a, b| a.value.total_cmp(&b.value));
        let mut kept: Vec<(Minimum, Vec<f64>)> = Vec::new();
        for minimum in minima {
            let residuals = self.log_residuals(&minimum.point);
            let same = |other: &[f64]| residuals.iter().zip(other).all(|(a, b)| (a - b).abs() < ONE_BASIN);
            let settled = minimum.ending != Ending::EvaluationLimit || kept.is_empty();
            if settled && !kept.iter().any(|(_, other)| same(other)) {
                kept.push((minimum, residuals));
            }
        }
        kept.into_iter().map(|(minimum, _)| minimum).collect()
    }

    /// ln predicted minus ln observed, run by run.
    pub(super) fn log_residuals(&self, coordinates: &[f64]) -> Vec<f64> {
        let mut residuals = vec![f64::NAN; self.observations.len()];
        self.residuals(coordinates, true, |i, residual, _| residuals[i] = residual);
        residuals
    }

    /// The label of a minimum.
    fn status(&self, minimum: &Minimum) -> Status {
        let parameters = self.law.parameters();
        for ((parameter, domain), coordinate) in parameters.iter().zip(&self.domains).zip(&minimum.point) {
            if let Some(bound) = domain.bound_near(*coordinate) {
                return Status::AtBound { parameter: parameter.name.clone().into_owned(), bound };
            }
        }
        let relative_gradient = minimum.relative_gradient();
        let noiseless = minimum.value.abs() < NOISELESS * self.observations.len() as f64;
        match minimum.ending {
            Ending::Converged => Status::Converged,
            _ if relative_gradient < STALLED_GRADIENT || noiseless => Status::Converged,
            _ => Status::Unconverged { relative_gradient },
        }
    }
}

impl Domain {
    /// The parameter at a search coordinate.
    fn parameter(self, coordinate: f64) -> f64 {
        match self {
            Self::Positive => exp(coordinate),
            Self::Real => coordinate,
            Self::Between(low, high) => low + (high - low) / (1.0 + exp(-coordinate)),
        }
    }

    /// The search coordinate of a parameter.
    fn coordinate(self, parameter: f64) -> f64 {
        match self {
            Self::Positive => ln(parameter),
            Self::Real => parameter,
            Self::Between(low, high) => ln((parameter - low) / (high - parameter)),
        }
    }

    /// The slope of the parameter along its coordinate.
    fn slope(self, parameter: f64, coordinate: f64) -> f64 {
        match self {
            Self::Positive => parameter,
            Self::Real => 1.0,
            Self::Between(low, high) => {
                let tail = exp(-coordinate.abs());
                (high - low) * tail / ((1.0 + tail) * (1.0 + tail))
            }
        }
    }

    /// The bound that a coordinate lies at, if it lies at one.
    fn bound_near(self, coordinate: f64) -> Option<f64> {
        match self {
            Self::Positive if coordinate < -FAR => Some(0.0),
            Self::Positive if coordinate > FAR => Some(exp(FAR)),
            Self::Between(low, _) if coordinate < -FAR => Some(low),
            Self::Between(_, high) if coordinate > FAR => Some(high),
            _ => None,
        }
    }
}
