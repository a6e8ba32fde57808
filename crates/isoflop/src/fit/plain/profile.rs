//! Profile likelihood: how far a quantity can move before the runs object, all else refitted on the way.

use std::collections::BTreeMap;

use isoflop_numerics::convergence::normal_quantile;
use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::linear_algebra::Cholesky;
use isoflop_numerics::parallel;
use serde::{Deserialize, Serialize};

use super::general::Problem;
use super::weights::Weighed;
use super::{Objective, observations};
use crate::fit::{Estimate, FitError, Weights};
use crate::law::{Law, Scales, Setting};
use crate::runs::Runs;
use crate::units::{Flops, Params, Tokens};

/// What an interval is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Quantity {
    /// A parameter of the law, by name.
    Parameter(String),
    /// What follows from the parameters, by the name that [`Law::derived`] gives it.
    Derived(String),
    /// The expected loss at a size and a number of tokens, one pass over unique text.
    Loss(Params, Tokens),
    /// The size with the lowest loss for a compute.
    BestParams(Flops),
}

/// Profile-likelihood intervals beside a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// What the likelihood is: `log-ls`, normal scatter of ln loss, whatever the fit itself minimised.
    pub objective: Objective,
    /// Share of cases the intervals should hold.
    pub level: f64,
    /// Each parameter of the law.
    pub params: BTreeMap<String, Estimate>,
    /// What follows from them: exponents of the best size and tokens, gamma.
    pub derived: BTreeMap<String, Estimate>,
    /// The expected loss where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<ProfiledLoss>,
    /// The best size where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_params: Option<ProfiledSize>,
}

/// An expected loss with its profile-likelihood interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProfiledLoss {
    /// Model size.
    pub params: Params,
    /// Training tokens.
    pub tokens: Tokens,
    /// Expected loss, nats per token.
    #[serde(flatten)]
    pub loss: Estimate,
}

/// A compute-optimal size with its profile-likelihood interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProfiledSize {
    /// Training compute, 6ND.
    pub flops: Flops,
    /// Parameters of the best model.
    #[serde(flatten)]
    pub size: Estimate,
}

impl Profile {
    /// Of every parameter of `law` and all that follows from them, and of the loss at a target and the best size for a compute where these are
    /// given; see [`profile`].
    ///
    /// # Errors
    /// Those of a fit: see [`FitError`].
    pub fn new(
        runs: &Runs,
        law: &dyn Law,
        target: Option<(Params, Tokens)>,
        compute: Option<Flops>,
        weights: Weights,
        level: f64,
        threads: usize,
    ) -> Result<Self, FitError> {
        let parameters = law.parameters();
        let names = parameters.iter().map(|parameter| parameter.name.clone().into_owned());
        let middle = vec![0.5; parameters.len()];
        let mut quantities: Vec<Quantity> = names.map(Quantity::Parameter).collect();
        quantities.extend(law.derived(&middle).into_iter().map(|(name, _)| Quantity::Derived(name.to_owned())));
        quantities.extend(target.map(|(params, tokens)| Quantity::Loss(params, tokens)));
        quantities.extend(compute.map(Quantity::BestParams));
        let estimates = profile(runs, law, &quantities, weights, level, threads)?;
        let mut profile = Self {
            objective: Objective::LogLeastSquares,
            level,
            params: BTreeMap::new(),
            derived: BTreeMap::new(),
            loss: None,
            best_params: None,
        };
        for (quantity, estimate) in quantities.into_iter().zip(estimates) {
            let Some(estimate) = estimate else { continue };
            match quantity {
                Quantity::Parameter(name) => drop(profile.params.insert(name, estimate)),
                Quantity::Derived(name) => drop(profile.derived.insert(name, estimate)),
                Quantity::Loss(params, tokens) => profile.loss = Some(ProfiledLoss { params, tokens, loss: estimate }),
                Quantity::BestParams(flops) => profile.best_params = Some(ProfiledSize { flops, size: estimate }),
            }
        }
        Ok(profile)
    }
}

/// Halvings of a bracket around an end of an interval: it is then 1e-9 of its width from the end.
const HALVINGS: usize = 30;
/// Doublings of the first step, half a standard error, in search of an end: a million standard errors.
const DOUBLINGS: usize = 21;
/// Steps to a constrained optimum.
const STEPS: usize = 100;
/// A constrained optimum is reached when a step promises less than this share of the sum of squares, and the quantity is met this closely
/// relative to its standard error.
const SETTLED: f64 = 1e-11;
/// A quantity met this closely, relative to its standard error, is met.
const MET: f64 = 1e-8;

/// Profile-likelihood intervals of `quantities` of `law` under least squares on ln loss, in their order; `None` for what the law does not
/// have.
///
/// ```text
/// { q : n ln(RSS(q)/RSS_min) <= z² },   RSS(q) the least sum of squares of ln loss among parameters whose quantity is q
/// ```
/// z is the normal point of `level`, 1.959964 for 95 %. An end that no parameters reach, or that the runs never object to, is `None`: the
/// interval is one-sided.
///
/// # Source
/// Wilks 1938, doi:10.1214/aoms/1177732360. The constrained optimum is found by Newton steps on the Lagrangian with the curvature of least
/// squares (Nocedal & Wright 2006, chapter 18), damped until the sum of squares and the constraint agree that they help.
///
/// # Errors
/// Those of a fit: see [`FitError`].
///
/// # Example
/// ```
/// use isoflop::fit::{Quantity, Weights, profile};
/// use isoflop::law::Hoffmann;
/// use isoflop::{Runs, TableFormat};
/// let mut table = String::from("params,tokens,loss\n");
/// for i in 0..24 {
///     let (params, tokens) = (1e8 * 1.9f64.powi(i % 6), 2e9 * 3f64.powi(i / 6));
///     let loss = 1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37);
///     table += &format!("{params},{tokens},{}\n", loss * (1.0 + 0.003 * (12.9 * f64::from(i)).sin()));
/// }
/// let runs = Runs::read(table.as_bytes(), "grid.csv", TableFormat::Csv, false)?;
/// let alpha = profile(&runs, &Hoffmann, &[Quantity::Parameter("alpha".into())], Weights::Equal, 0.95, 1)?[0].unwrap();
/// assert!(alpha.lo.unwrap() < 0.35 && 0.35 < alpha.hi.unwrap());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn profile(
    runs: &Runs,
    law: &dyn Law,
    quantities: &[Quantity],
    weights: Weights,
    level: f64,
    threads: usize,
) -> Result<Vec<Option<Estimate>>, FitError> {
    let Weighed { runs, weights } = &Weighed::new(runs, weights, law, Objective::LogLeastSquares, threads)?;
    let (observations, units) = observations::observations(runs, law)?;
    let problem = Problem::new(law, &observations, weights, Objective::LogLeastSquares);
    let optimum = problem.basins(threads).into_iter().next().ok_or_else(|| FitError::no_optimum(runs))?;
    let deviate = normal_quantile(0.5 * (1.0 + level));
    let wanted = optimum.value * exp(deviate * deviate / runs.kept.len() as f64);
    let interval = |number: usize| {
        let search = Search::new(&problem, &units, &quantities[number])?;
        let value = search.quantity(&optimum.point)?;
        let end = |sign| search.end(&optimum.point, value, optimum.value, wanted, sign).map(|end| search.natural(end));
        Some(Estimate { value: search.natural(value), lo: end(-1.0), hi: end(1.0) })
    };
    Ok(parallel::map(quantities.len(), threads, interval))
}

/// One quantity of one problem.
struct Search<'a> {
    problem: &'a Problem<'a>,
    units: &'a Scales,
    quantity: &'a Quantity,
    /// Which entry of the parameters or of what follows from them it is.
    index: usize,
}

/// Parameters and how well they do.
struct Place {
    point: Vec<f64>,
    quantity: f64,
    value: f64,
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem<'a>, units: &'a Scales, quantity: &'a Quantity) -> Option<Self> {
        let law = problem.law();
        let index = match quantity {
            Quantity::Parameter(name) => {
                law.parameters().iter().position(|parameter| parameter.name == name.as_str())?
            }
            Quantity::Derived(name) => {
                let middle = vec![0.5; law.parameters().len()];
                law.derived(&middle).iter().position(|(derived, _)| derived == name)?
            }
            Quantity::Loss(..) | Quantity::BestParams(_) => 0,
        };
        Some(Self { problem, units, quantity, index })
    }

    /// The quantity, on a scale on which it can take any value where that is possible.
    fn quantity(&self, point: &[f64]) -> Option<f64> {
        let law = self.problem.law();
        let bare = law.in_bare_units(&self.problem.parameters(point), self.units);
        let value = match self.quantity {
            Quantity::Parameter(_) => {
                let parameter = bare[self.index];
                if self.is_logarithmic() { ln(parameter) } else { parameter }
            }
            Quantity::Derived(_) => law.derived(&bare).get(self.index)?.1,
            Quantity::Loss(params, tokens) => ln(law.loss(&bare, &Setting::single_pass(params.get(), tokens.get()))),
            Quantity::BestParams(flops) => law.best_ln_params(&bare, flops.get())?,
        };
        value.is_finite().then_some(value)
    }

    fn is_logarithmic(&self) -> bool {
        self.problem.law().parameters()[self.index].domain == crate::law::Domain::Positive
    }

    /// The quantity in its own units.
    fn natural(&self, value: f64) -> f64 {
        match self.quantity {
            Quantity::Parameter(_) if !self.is_logarithmic() => value,
            Quantity::Derived(_) => value,
            Quantity::Parameter(_) | Quantity::Loss(..) | Quantity::BestParams(_) => exp(value),
        }
    }

    /// The slope of the quantity along the coordinates, by central differences.
    fn slope(&self, point: &[f64]) -> Option<Vec<f64>> {
        const STEP: f64 = 1e-5;
        let mut moved = point.to_vec();
        let mut along = |i: usize| {
            moved[i] = point[i] + STEP;
            let above = self.quantity(&moved)?;
            moved[i] = point[i] - STEP;
            let below = self.quantity(&moved)?;
            moved[i] = point[i];
            Some((above - below) / (2.0 * STEP))
        };
        (0..point.len()).map(&mut along).collect()
    }

    /// Where the sum of squares reaches `wanted`, going from the optimum to one side.
    fn end(&self, optimum: &[f64], value: f64, lowest: f64, wanted: f64, sign: f64) -> Option<f64> {
        let slope = self.slope(optimum)?;
        let mut across = slope.clone();
        self.problem.curvature(optimum)?.solve(&mut across);
        // The distance at which a quantity that is linear in the parameters reaches `wanted`.
        let standard_error = (2.0 * (wanted - lowest) * dot(&slope, &across)).sqrt();
        if !(standard_error > 0.0 && standard_error.is_finite()) {
            return None;
        }
        let mut inside = Place { point: optimum.to_vec(), quantity: value, value: lowest };
        let mut step = 0.5 * standard_error;
        let mut outside = None;
        for _ in 0..DOUBLINGS {
            match self.held_at(&inside.point, inside.quantity + sign * step, standard_error) {
                Some(place) if place.value < wanted => {
                    inside = place;
                    step *= 2.0;
                }
                Some(place) => {
                    outside = Some(place.quantity);
                    break;
                }
                // Too far in one step, or more than the law can do.
                None => step *= 0.25,
            }
            if step < 1e-9 * standard_error {
                return None;
            }
        }
        let mut outside = outside?;
        for _ in 0..HALVINGS {
            let middle = 0.5 * (inside.quantity + outside);
            let place = self.held_at(&inside.point, middle, standard_error)?;
            if place.value < wanted {
                inside = place;
            } else {
                outside = middle;
            }
        }
        Some(0.5 * (inside.quantity + outside))
    }

    /// The least sum of squares among parameters whose quantity is `held`, from `start`; `None` where the search does not settle.
    fn held_at(&self, start: &[f64], held: f64, standard_error: f64) -> Option<Place> {
        let mut place = self.place(start.to_vec())?;
        let mut damping = 0.0;
        // The price of a missed constraint, relative to the sum of squares.
        let mut price = 0.0f64;
        for _ in 0..STEPS {
            let (gradient, curvature) = self.problem.gradient_and_curvature(&place.point)?;
            let slope = self.slope(&place.point)?;
            let missing = held - place.quantity;
            let Some((step, multiplier)) = constrained_step(&gradient, &curvature, &slope, missing, damping) else {
                damping = if damping == 0.0 { 1e-6 } else { 10.0 * damping };
                continue;
            };
            price = price.max(2.0 * multiplier.abs());
            let promised = price * missing.abs() - dot(&gradient, &step);
            if missing.abs() <= MET * standard_error && promised.abs() <= SETTLED * place.value {
                return Some(place);
            }
            let moved: Vec<f64> = place.point.iter().zip(&step).map(|(entry, step)| entry + step).collect();
            let merit = |place: &Place| place.value + price * (held - place.quantity).abs();
            match self.place(moved) {
                // Rounding decides the last step of all.
                Some(next) if merit(&next) <= merit(&place) + SETTLED * place.value => {
                    place = next;
                    damping = if damping < 1e-9 { 0.0 } else { 0.1 * damping };
                }
                _ if damping > 1e12 => return None,
                _ => damping = if damping == 0.0 { 1e-6 } else { 10.0 * damping },
            }
        }
        None
    }

    fn place(&self, point: Vec<f64>) -> Option<Place> {
        let value = self.problem.half_squares(&point)?;
        Some(Place { quantity: self.quantity(&point)?, value, point })
    }
}

/// The minimum of `gradient·x + x·curvature·x/2` where `slope·x = missing`, and the multiplier of the constraint.
fn constrained_step(
    gradient: &[f64],
    curvature: &[f64],
    slope: &[f64],
    missing: f64,
    damping: f64,
) -> Option<(Vec<f64>, f64)> {
    let size = gradient.len();
    let largest = (0..size).map(|i| curvature[i * size + i]).fold(f64::MIN_POSITIVE, f64::max);
    let mut damped = curvature.to_vec();
    for i in 0..size {
        damped[i * size + i] += damping * curvature[i * size + i] + (1e-13 + 1e-9 * damping) * largest;
    }
    let factor = Cholesky::new(&damped, size)?;
    let (mut along, mut across) = (gradient.to_vec(), slope.to_vec());
    factor.solve(&mut along);
    factor.solve(&mut across);
    let multiplier = (missing + dot(slope, &along)) / dot(slope, &across);
    multiplier
        .is_finite()
        .then(|| (along.iter().zip(&across).map(|(along, across)| multiplier * across - along).collect(), multiplier))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
