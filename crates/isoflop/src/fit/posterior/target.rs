//! What is sampled: the posterior of a form of the default law, over coordinates that runs determine.
//!
//! One likelihood serves every form. Repetition and recipes change what a run's parameters and tokens count as, so they move runs;
//! along a line of sizes and tokens the tokens term is switched off and compute stands in for parameters. The coupled law by itself
//! moves nothing and switches off nothing: its numbers are those of [`Density`] to the last bit.
//!
//! Coordinates: those of [`Density`] (or along a line: level, slope, floor, scatter, its decay), then ln R_D*, then ln rho of each
//! recipe but the first, resource by resource.

use isoflop_numerics::elementary::{exp, ln};

use super::density::{
    ALPHA, BETA, Density, FLOOR, NOISE, NOISE_DECAY, PARAMS_TERM, Places, Point, UNKNOWNS, in_box, normal, share,
    student,
};
use super::form::Form;
use crate::fit::prior::{Belief, Prior};
use crate::fit::{Draw, Scatter, Tails};
use crate::law::{Repetitions, Resources, Setting};
use crate::runs::Run;
use crate::runs::replicates::witnesses;

/// Entries of a point that the law along a line has, in the order of its coordinates.
const ALONG_LINE: [usize; 5] = [PARAMS_TERM, ALPHA, FLOOR, NOISE, NOISE_DECAY];

/// ln of a tokens term that weighs nothing beside any other: its share underflows to zero.
const SWITCHED_OFF: f64 = -1e4;

/// Largest absolute ln of R_D* or of a multiplier: what lies beyond has no mass worth the name.
const FARTHEST: f64 = 12.0;

/// The shape of a belief: log density and slope at a value.
type Bell = fn(&Belief, f64) -> (f64, f64);

/// The posterior of `form` for some runs.
pub(super) struct Target<'a> {
    density: Density,
    form: &'a Form,
    settings: Vec<Setting>,
    ln_losses: Vec<f64>,
    prior: Prior,
}

/// A point of the law: the numbers of [`Density`], then ln R_D* and ln rho.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LawPoint {
    pub(super) shared: Point,
    pub(super) extras: Vec<f64>,
}

impl<'a> Target<'a> {
    /// For `runs`, where seeds make `seed_share` of the variance of the scatter.
    pub(super) fn new(form: &'a Form, runs: &[Run], prior: &Prior, tails: Tails, seed_share: f64) -> Self {
        let settings: Vec<Setting> = runs.iter().map(|run| form.setting(run)).collect();
        let place = |at: &Setting| match form.resources {
            Resources::ParamsAndTokens => (ln(at.params), ln(effective_tokens(at, exp(prior.repetition.centre)).0)),
            Resources::Compute => (ln(at.flops), 0.0),
        };
        let places: Vec<(f64, f64)> = settings.iter().map(place).collect();
        let density = Density::new(runs, &places, witnesses(runs, seed_share), prior, tails);
        let ln_losses = runs.iter().map(|run| ln(run.loss.get())).collect();
        Self { density, form, settings, ln_losses, prior: prior.clone() }
    }

    fn shared_unknowns(&self) -> usize {
        match self.form.resources {
            Resources::ParamsAndTokens => UNKNOWNS,
            Resources::Compute => ALONG_LINE.len(),
        }
    }

    /// The belief about the floor at the runs' compute.
    pub(super) fn floor(&self) -> &Belief {
        self.density.floor()
    }

    /// Log density at `coordinates`, up to a constant, and its gradient; NaN where nothing can be.
    pub(super) fn log_density(&self, coordinates: &[f64], gradient: &mut [f64]) -> f64 {
        let (shared, extras) = coordinates.split_at(self.shared_unknowns());
        if extras.iter().any(|value| value.is_nan() || value.abs() > FARTHEST) {
            return f64::NAN;
        }
        let (shared_gradient, extra_gradient) = gradient.split_at_mut(shared.len());
        match self.form.resources {
            Resources::Compute => self.along_line(shared, extras, shared_gradient, extra_gradient),
            Resources::ParamsAndTokens if extras.is_empty() => {
                let density = |point: &Point, slopes: &mut Point| self.density.value_and_gradient(point, slopes);
                self.density.in_coordinates(shared, shared_gradient, density)
            }
            Resources::ParamsAndTokens => {
                let density = |point: &Point, slopes: &mut Point| {
                    if !in_box(point, 0..UNKNOWNS) {
                        return f64::NAN;
                    }
                    let likelihood = self.likelihood(point, extras, slopes, extra_gradient);
                    likelihood + self.density.prior_density(point, slopes) + self.extra_beliefs(extras, extra_gradient)
                };
                self.density.in_coordinates(shared, shared_gradient, density)
            }
        }
    }

    /// The same along a line.
    ///
    /// ```text
    /// level = ln(E + K),  slope = ln(γ K) at the centre;   |d(ln K, ln γ) / d(level, slope)| = e^level / K
    /// ```
    fn along_line(&self, coordinates: &[f64], extras: &[f64], gradient: &mut [f64], extra_gradient: &mut [f64]) -> f64 {
        let (Some(point), &[level, ..]) = (self.point_along_line(coordinates), coordinates) else { return f64::NAN };
        if !in_box(&point, ALONG_LINE.into_iter()) {
            return f64::NAN;
        }
        let mut slopes = [0.0; UNKNOWNS];
        let mut value = self.likelihood(&point, extras, &mut slopes, extra_gradient);
        for (bell, belief, entry) in self.beliefs_along_line() {
            let (density, slope) = bell(&belief, point[entry]);
            value += density;
            slopes[entry] += slope;
        }
        value += self.extra_beliefs(extras, extra_gradient);
        let scale = exp(point[PARAMS_TERM]);
        let floor_slope = self.density.lowest_loss() * share(point[FLOOR]) * (1.0 - share(point[FLOOR]));
        let along_scale = slopes[PARAMS_TERM] - slopes[ALPHA] - 1.0;
        gradient[0] = along_scale * exp(level) / scale + 1.0;
        gradient[1] = slopes[ALPHA];
        gradient[2] = slopes[FLOOR] - along_scale * floor_slope / scale;
        gradient[3] = slopes[NOISE];
        gradient[4] = slopes[NOISE_DECAY];
        value + level - point[PARAMS_TERM]
    }

    /// The law's numbers along a line; `None` where the level lies below the floor.
    fn point_along_line(&self, coordinates: &[f64]) -> Option<Point> {
        let &[level, slope, floor, noise, decay] = coordinates else { return None };
        if coordinates.iter().any(|value| value.is_nan() || value.abs() > 100.0) {
            return None;
        }
        let scale = exp(level) - self.density.lowest_loss() * share(floor);
        let ln_scale = ln(scale);
        (scale > 0.0).then_some([ln_scale, SWITCHED_OFF, floor, slope - ln_scale, slope - ln_scale, 0.0, noise, decay])
    }

    /// What is believed along a line: as for N and D, but compute takes two exponents' place.
    fn beliefs_along_line(&self) -> [(Bell, Belief, usize); 4] {
        [
            (student, exponent_of_compute(&self.prior), ALPHA),
            (student, *self.density.floor(), FLOOR),
            (normal, self.prior.noise, NOISE),
            (normal, self.prior.noise_decay, NOISE_DECAY),
        ]
    }

    /// Log likelihood at a point of the law and `extras`; slopes along both are written.
    fn likelihood(&self, point: &Point, extras: &[f64], slopes: &mut Point, extra_slopes: &mut [f64]) -> f64 {
        let mut places = self.density.places();
        let answers = self.move_runs(extras, &mut places);
        let (value, gradient) = self.density.likelihood_at(point, &mut places);
        slopes.copy_from_slice(&gradient);
        extra_slopes.fill(0.0);
        // A term falls as e^(-exponent place).
        let (alpha, beta) = (exp(point[ALPHA]), exp(point[BETA]));
        for (run, at) in self.settings.iter().enumerate() {
            let along = [-alpha * places.along_params[run], -beta * places.along_tokens[run]];
            if self.form.repeats {
                extra_slopes[0] += along[1] * answers[run];
            }
            for (resource, along) in along.iter().take(self.form.resource_count()).enumerate() {
                if let Some(multiplier) = self.multiplier(resource, at.recipe) {
                    extra_slopes[multiplier] += along;
                }
            }
        }
        value
    }

    /// Moves runs to where `extras` put them; returns how each run's ln tokens answer to ln R_D*.
    fn move_runs(&self, extras: &[f64], places: &mut Places) -> Vec<f64> {
        let mut answers = Vec::new();
        if self.form.repeats {
            let centre = self.density.centre().1;
            for (at, y) in self.settings.iter().zip(&mut places.y) {
                let (tokens, answer) = effective_tokens(at, exp(extras[0]));
                *y = ln(tokens) - centre;
                answers.push(answer);
            }
        }
        for (run, at) in self.settings.iter().enumerate() {
            for (resource, place) in [&mut places.x[run], &mut places.y[run]].into_iter().enumerate() {
                if resource < self.form.resource_count()
                    && let Some(multiplier) = self.multiplier(resource, at.recipe)
                {
                    *place += extras[multiplier];
                }
            }
        }
        answers
    }

    /// Where the multiplier of a resource under a recipe stands among the extras; the first recipe has none.
    fn multiplier(&self, resource: usize, recipe: usize) -> Option<usize> {
        recipe.checked_sub(1).map(|other| usize::from(self.form.repeats) + resource * self.form.others() + other)
    }

    /// Log density of the beliefs about `extras`, adding their slopes.
    fn extra_beliefs(&self, extras: &[f64], slopes: &mut [f64]) -> f64 {
        let mut value = 0.0;
        for (number, (at, slope)) in extras.iter().zip(slopes).enumerate() {
            let is_repetition = self.form.repeats && number == 0;
            let belief = if is_repetition { &self.prior.repetition } else { &self.prior.worth };
            let (density, along) = student(belief, *at);
            value += density;
            *slope += along;
        }
        value
    }

    /// Coordinates to search from: those of the coupled law, with repetition as believed and every recipe worth the same.
    pub(super) fn starts(&self) -> Vec<Vec<f64>> {
        let mut extras = vec![self.prior.repetition.centre; usize::from(self.form.repeats)];
        extras.resize(self.form.extras(), 0.0);
        let shared: Vec<Vec<f64>> = match self.form.resources {
            Resources::ParamsAndTokens => {
                self.density.starts().iter().map(|start| self.density.coordinates_of(start).to_vec()).collect()
            }
            Resources::Compute => [0.0, 1.5].map(|above| self.start_along_line(self.floor().centre + above)).to_vec(),
        };
        shared.into_iter().map(|start| [start, extras.clone()].concat()).collect()
    }

    fn start_along_line(&self, floor: f64) -> Vec<f64> {
        let level = self.density.mean_loss();
        let scale = level - share(floor) * self.density.lowest_loss();
        vec![ln(level), exponent_of_compute(&self.prior).centre + ln(scale), floor, -4.0, self.prior.noise_decay.centre]
    }

    /// The law's numbers at `coordinates`.
    pub(super) fn point_at(&self, coordinates: &[f64]) -> Option<LawPoint> {
        let (shared, extras) = coordinates.split_at_checked(self.shared_unknowns())?;
        let shared = match self.form.resources {
            Resources::ParamsAndTokens => self.density.point_at(shared.try_into().ok()?)?,
            Resources::Compute => self.point_along_line(shared)?,
        };
        Some(LawPoint { shared, extras: extras.to_vec() })
    }

    /// The law's parameters and the scatter at a point.
    pub(super) fn draw(&self, point: &LawPoint) -> Draw {
        let Draw { parameters, scatter, drift } = self.density.draw(&point.shared);
        let mut parameters = match (self.form.resources, parameters.as_slice()) {
            (Resources::Compute, &[floor, scale, _, exponent, ..]) => vec![floor, scale, exponent],
            _ => parameters,
        };
        parameters.extend(point.extras.iter().map(|value| exp(*value)));
        Draw { parameters, scatter, drift }
    }

    /// The draw at sampled coordinates.
    pub(super) fn draw_at(&self, coordinates: &[f64]) -> Option<Draw> {
        Some(self.draw(&self.point_at(coordinates)?))
    }

    /// Minus the log density of the law's own numbers at `coordinates`: what is reported as the objective.
    pub(super) fn objective(&self, coordinates: &[f64]) -> Option<f64> {
        let point = self.point_at(coordinates)?;
        let volume = match self.form.resources {
            Resources::ParamsAndTokens => return self.objective_of_coupled(&point),
            Resources::Compute => coordinates.first()? - point.shared[PARAMS_TERM],
        };
        Some(volume - self.log_density(coordinates, &mut vec![0.0; coordinates.len()]))
    }

    fn objective_of_coupled(&self, point: &LawPoint) -> Option<f64> {
        let mut slopes = [0.0; UNKNOWNS];
        if point.extras.is_empty() {
            return Some(-self.density.value_and_gradient(&point.shared, &mut slopes));
        }
        let mut extra_slopes = vec![0.0; point.extras.len()];
        let likelihood = self.likelihood(&point.shared, &point.extras, &mut slopes, &mut extra_slopes);
        let beliefs = self.density.prior_density(&point.shared, &mut slopes)
            + self.extra_beliefs(&point.extras, &mut extra_slopes);
        Some(-likelihood - beliefs)
    }

    /// Residuals ln observed - ln predicted of a draw, run by run, in units of the scatter's scale there.
    pub(super) fn standardised_residuals(&self, draw: &Draw) -> Vec<f64> {
        let residual = |(run, at): (usize, &Setting)| {
            let loss = ln(self.form.law.loss(&draw.parameters, at));
            (self.ln_losses[run] - loss) / self.scale_of(run, &draw.scatter)
        };
        self.settings.iter().enumerate().map(residual).collect()
    }

    /// The scale of `scatter` at a run.
    pub(super) fn scale_of(&self, run: usize, scatter: &Scatter) -> f64 {
        scatter.scale * exp(-scatter.decay * self.density.decades_of(run))
    }
}

/// The belief about the exponent of compute: with both terms alike and equal exponents it is half of theirs, along any line.
pub(super) fn exponent_of_compute(prior: &Prior) -> Belief {
    Belief { centre: prior.exponent.centre - std::f64::consts::LN_2, ..prior.exponent }
}

/// D' of a setting with R_D* = `scale`, and how ln D' answers to ln R_D* (Muennighoff et al. 2023, arXiv:2305.16264, equation 5).
fn effective_tokens(at: &Setting, scale: f64) -> (f64, f64) {
    if at.unique_tokens >= at.tokens {
        return (at.tokens, 0.0);
    }
    let repeats = Repetitions::new(at.tokens / at.unique_tokens - 1.0, scale);
    (at.unique_tokens * (1.0 + repeats.value), scale * repeats.along_scale / (1.0 + repeats.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Runs, TableFormat};

    /// Rows of size, tokens, distinct tokens and recipe, with losses of some law.
    fn runs(line: bool, repeats: bool, recipes: usize) -> Runs {
        let rows: String = (0..20)
            .map(|i| {
                let params = 1e8 * 1.7f64.powi(i % 5);
                let tokens = if line { 20.0 * params } else { 2e9 * 2.1f64.powi(i / 5) };
                let epochs = if repeats { 1.0 + f64::from(i % 3) * 6.0 } else { 1.0 };
                let loss = 1.9 + 300.0 / params.powf(0.31) + 900.0 / tokens.powf(0.33) + 0.01 * f64::from(i % 3);
                format!("{params},{tokens},{},r{},{loss}\n", tokens / epochs, i as usize % recipes)
            })
            .collect();
        let table = format!("params,tokens,unique_tokens,recipe,loss\n{rows}");
        Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap()
    }

    const CASES: [(bool, bool, usize, usize); 6] = [
        (false, false, 1, 8),
        (true, false, 1, 5),
        (false, true, 1, 9),
        (false, false, 3, 12),
        (false, true, 2, 11),
        (true, false, 3, 7),
    ];

    #[test]
    fn the_gradient_of_every_form_is_the_slope_of_its_density() {
        for (line, repeats, recipes, unknowns) in CASES {
            let runs = runs(line, repeats, recipes);
            let form = Form::of(&runs).unwrap();
            let target = Target::new(&form, &runs.kept, &Prior::default(), Tails::Heavy, 1.0);
            for (number, mut point) in target.starts().into_iter().enumerate() {
                assert_eq!(point.len(), unknowns);
                for (i, value) in point.iter_mut().enumerate() {
                    *value += 0.05 * (1.7 * (i + number) as f64).sin();
                }
                let mut gradient = vec![0.0; unknowns];
                assert!(target.log_density(&point, &mut gradient).is_finite());
                for i in 0..unknowns {
                    let at = |step: f64| {
                        let mut moved = point.clone();
                        moved[i] += step;
                        target.log_density(&moved, &mut vec![0.0; unknowns])
                    };
                    let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
                    let tolerance = 1e-5 * (1.0 + gradient[i].abs());
                    assert!(
                        (numeric - gradient[i]).abs() < tolerance,
                        "{line} {repeats} {recipes} {i}: {numeric} {}",
                        gradient[i]
                    );
                }
            }
        }
    }

    /// The residuals that the density judges are those of the law that is reported.
    #[test]
    fn the_density_judges_the_law_that_is_reported() {
        for (line, repeats, recipes, _) in CASES {
            let runs = runs(line, repeats, recipes);
            let form = Form::of(&runs).unwrap();
            let target = Target::new(&form, &runs.kept, &Prior::default(), Tails::Heavy, 1.0);
            let mut start = target.starts().swap_remove(0);
            let extras = form.extras();
            let first = start.len() - extras;
            start[first..].iter_mut().enumerate().for_each(|(i, value)| *value += 0.1 * (i + 1) as f64);
            let point = target.point_at(&start).unwrap();
            let mut places = target.density.places();
            target.move_runs(&point.extras, &mut places);
            let (likelihood, _) = target.density.likelihood_at(&point.shared, &mut places);
            let draw = target.draw(&point);
            let expected: f64 = target
                .standardised_residuals(&draw)
                .iter()
                .enumerate()
                .map(|(run, residual)| {
                    let ln_scale = ln(draw.scatter.scale) - draw.scatter.decay * target.density.decades_of(run);
                    Tails::Heavy.ln_peak() - ln_scale - 2.5 * ln(1.0 + residual * residual / 4.0)
                })
                .sum();
            assert!(
                (likelihood - expected).abs() < 1e-8 * expected.abs(),
                "{line} {repeats} {recipes}: {likelihood} {expected}"
            );
        }
    }

    #[test]
    fn repetition_without_repeats_and_recipes_alike_change_nothing() {
        let once = runs(false, false, 1);
        let form = Form::of(&once).unwrap();
        assert!(form.is_plain());
        let plain = Target::new(&form, &once.kept, &Prior::default(), Tails::Heavy, 1.0);
        let extended = Form {
            repeats: true,
            recipes: vec!["r0".to_owned(), "other".to_owned()],
            law: std::sync::Arc::new(crate::law::Worth::new(
                Resources::ParamsAndTokens,
                true,
                Some(&["r0".to_owned(), "other".to_owned()]),
            )),
            ..form.clone()
        };
        let extended = Target::new(&extended, &once.kept, &Prior::default(), Tails::Heavy, 1.0);
        let start = plain.starts().swap_remove(0);
        let mut slopes = [0.0; UNKNOWNS];
        let mut extended_slopes = [0.0; UNKNOWNS + 3];
        let extras = [Prior::default().repetition.centre, 0.0, 0.0];
        let value = plain.log_density(&start, &mut slopes);
        assert_eq!(extended.log_density(&[start, extras.to_vec()].concat(), &mut extended_slopes), value);
        assert_eq!(extended_slopes[..UNKNOWNS], slopes);
    }
}
