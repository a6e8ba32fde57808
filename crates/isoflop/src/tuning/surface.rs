//! The response surface: ln loss as a paraboloid of the factors, with one optimum and one curvature for all widths.

use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::levenberg_marquardt::levenberg_marquardt;
use isoflop_numerics::linear_algebra::{Cholesky, dot};
use isoflop_numerics::minimize::Stopping;
use isoflop_numerics::quantile::{Bell, mixture_quantile};
use serde::{Deserialize, Serialize};

use super::{STEP, Trial, TuningError};

/// Sizes from which on the hidden rate's optimum may drift with width: two cannot tell a drift from the noise of one of them.
const DRIFT_WIDTHS: usize = 3;

/// Parameters besides one level for each width: the optimum, ln curvatures, the cross term, the drift.
const OPTIMUM: usize = 0;
const CURVATURE: usize = 3;
const CROSS: usize = 6;
const DRIFT: usize = 7;
const SHARED: usize = 8;

/// What is believed before any trial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beliefs {
    /// Centre and standard deviation of each shared parameter.
    pub shared: [(f64, f64); SHARED],
    /// Standard deviation of ln loss that neither the surface nor the seeds account for.
    pub noise: f64,
    /// How many trials that is worth.
    pub noise_trials: f64,
}

/// What is believed of any recipe.
///
/// Curvatures of 0.010 to 0.016 for both rates together and a noise of 0.5 to 1.3 % were measured on code with one layer (LOG.md of
/// 2026-11-22, "Where the best learning rate lies, over widths"): half of that for one factor, within a factor of e. Three steps are a factor of 3.4, as far as an author's own
/// rates are usually off; a drift of 0.25 is half the distance between the published rules of width, which are 0.5 apart (Yang et al. 2022,
/// arXiv:2203.03466, against its root).
const BELIEFS: Beliefs = {
    // ln of 0.005.
    const CURVATURE: (f64, f64) = (-5.3, 1.0);
    const OPTIMUM: (f64, f64) = (0.0, 3.0);
    Beliefs {
        shared: [OPTIMUM, OPTIMUM, OPTIMUM, CURVATURE, CURVATURE, CURVATURE, (0.0, 0.5), (0.0, 0.25)],
        noise: 0.008,
        noise_trials: 4.0,
    }
};
/// Standard deviation of ln loss between seeds of one width that is believed. Short runs scatter by 1 to 2 % with the order of their text,
/// and alike at all rates: of 289,000 bytes under eight seeds, one was 5 % worse than the others at each of three rates.
const SEED_SPREAD: f64 = 0.02;
/// Share of the parabola's excess by which the true one may differ: losses rise faster than a parabola far off, on one side first.
///
/// Two steps off, where the excess is about 1.5 %, that is as much as a run's noise; four steps off it is several times the noise, and such
/// runs hardly count. Of simulated optima in worlds that rise as measured ones do, nominal 90 % intervals held .52 to .86 with 0, .85 to
/// .96 with 0.25 and .94 to .99 with 0.5.
const FORM: f64 = 0.35;
/// Rounds in which weights, noise and surface are brought to agree.
const ROUNDS: usize = 12;
/// Evaluations of one search: it starts near its end in all rounds but the first.
const EVALUATIONS: usize = 200;

/// Second derivatives of ln loss at the optimum, per step squared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curvature {
    /// In each factor.
    pub factors: [f64; 3],
    /// Between hidden rate and batch.
    pub cross: f64,
}

impl Curvature {
    /// ln loss given away `moves` steps from the optimum: `1/2 moves' H moves`.
    ///
    /// # Example
    /// ```
    /// use isoflop::tuning::Curvature;
    /// let curvature = Curvature { factors: [0.008, 0.004, 0.002], cross: 0.001 };
    /// assert!((curvature.excess([1.0, 0.0, 2.0]) - (0.004 + 0.004 + 0.002)).abs() < 1e-15);
    /// ```
    pub fn excess(&self, moves: [f64; 3]) -> f64 {
        0.5 * dot(&self.slope(moves), &moves)
    }

    /// The gradient of [`excess`](Self::excess): `H moves`.
    fn slope(&self, moves: [f64; 3]) -> [f64; 3] {
        let [hidden, embedding, batch] = moves;
        let [of_hidden, of_embedding, of_batch] = self.factors;
        [of_hidden * hidden + self.cross * batch, of_embedding * embedding, of_batch * batch + self.cross * hidden]
    }
}

/// Where loss is lowest, and how well that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Surface {
    trials: Vec<Trial>,
    /// Ascending.
    widths: Vec<f64>,
    /// Widths and seeds that were trained.
    blocks: Vec<(f64, u64)>,
    /// Width at which the parameters' optimum is quoted: the geometric mean of the widths.
    pivot: f64,
    drifts: bool,
    /// The shared parameters, then one level for each width, then one deviation from it for each block.
    point: Vec<f64>,
    /// Of `point`, row by row.
    pub(super) covariance: Vec<f64>,
    noise: f64,
    freedom: u32,
}

impl Surface {
    /// The surface that `trials` show.
    ///
    /// ```text
    /// ln loss = a_w + b_ws + 1/2 (x - m_w)' H (x - m_w) + noise      m_w = m + s ln(w/pivot)/ln 1.5 in the hidden rate
    /// ```
    ///
    /// with x the moves in steps, a_w a level for each width w, b_ws a deviation for each seed s there, m the optimum, H a positive definite curvature with one cross term
    /// (hidden rate and batch), and s the drift of the hidden rate's optimum as a power of width, where three widths or more were tried.
    /// A trial of excess e is taken to scatter by `sqrt(noise^2 + (0.35 e)^2)`: a parabola is right near its optimum only, so that trials far
    /// off count little, and none has to be left out.
    ///
    /// # Trust
    /// In simulated worlds whose losses rise faster than a parabola, `tests/tuning.rs` holds the error of the optimum and the coverage of its
    /// interval. Losses that rise faster to one side draw the optimum to the other: by 0.15 steps in those worlds.
    ///
    /// # Errors
    /// [`TuningError`].
    ///
    /// # Example
    /// ```
    /// use isoflop::tuning::{Factor, Surface, Trial};
    /// let loss = |k: f64| 2.0 * (0.004 * (k - 0.7) * (k - 0.7)).exp();
    /// let trials: Vec<Trial> =
    ///     (-2..=2).map(|k| f64::from(k)).map(|k| Trial { width: 32.0, seed: 0, moves: [k, 0.0, 0.0], loss: loss(k) }).collect();
    /// let surface = Surface::fit(&trials)?;
    /// let (optimum, doubt) = (surface.optimum(32.0)[0], surface.standard_errors(32.0)[0]);
    /// assert!((optimum - 0.7).abs() < 0.1 && doubt < 0.5);
    /// # Ok::<(), isoflop::tuning::TuningError>(())
    /// ```
    pub fn fit(trials: &[Trial]) -> Result<Self, TuningError> {
        Self::fit_under(trials, &BELIEFS)
    }

    /// As [`fit`](Self::fit), under other beliefs.
    pub(super) fn fit_under(trials: &[Trial], beliefs: &Beliefs) -> Result<Self, TuningError> {
        if trials.is_empty() {
            return Err(TuningError::NoTrials);
        }
        let bad = |trial: &Trial| {
            let positive = |value: f64| value > 0.0 && value.is_finite();
            !(positive(trial.width) && positive(trial.loss) && trial.moves.iter().all(|steps| steps.is_finite()))
        };
        if let Some((index, &Trial { width, moves, loss, .. })) =
            trials.iter().enumerate().find(|(_, trial)| bad(trial))
        {
            return Err(TuningError::BadTrial { index, width, moves, loss });
        }
        let mut widths: Vec<f64> = trials.iter().map(|trial| trial.width).collect();
        widths.sort_by(f64::total_cmp);
        widths.dedup();
        let mut blocks: Vec<(f64, u64)> = trials.iter().map(|trial| (trial.width, trial.seed)).collect();
        blocks.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        blocks.dedup();
        let pivot = exp(widths.iter().map(|width| ln(*width)).sum::<f64>() / widths.len() as f64);
        let lowest = |width: &f64| {
            let losses = trials.iter().filter(|trial| trial.width == *width).map(|trial| ln(trial.loss));
            losses.fold(f64::INFINITY, f64::min)
        };
        let shared = beliefs.shared.iter().map(|(centre, _)| *centre);
        let point = shared.chain(widths.iter().map(lowest)).chain(blocks.iter().map(|_| 0.0)).collect();
        let mut surface = Self {
            trials: trials.to_vec(),
            drifts: widths.len() >= DRIFT_WIDTHS,
            widths,
            blocks,
            pivot,
            point,
            covariance: Vec::new(),
            noise: beliefs.noise,
            freedom: 2,
        };
        for _ in 0..ROUNDS {
            let scatter: Vec<f64> = trials.iter().map(|trial| surface.scatter(trial.width, trial.moves)).collect();
            surface.settle(&scatter, beliefs)?;
        }
        Ok(surface)
    }

    /// Brings the surface to the most likely one for trials that scatter like this, and then the noise to what is left.
    fn settle(&mut self, scatter: &[f64], beliefs: &Beliefs) -> Result<(), TuningError> {
        let size = self.point.len();
        let count = self.trials.len() + SHARED + self.blocks.len();
        let fill = |point: &[f64], residuals: &mut [f64], slopes: &mut [f64]| {
            slopes.fill(0.0);
            let rows = residuals.iter_mut().zip(slopes.chunks_exact_mut(size));
            for (row, (residual, slopes)) in rows.enumerate() {
                if let Some((trial, scatter)) = self.trials.get(row).zip(scatter.get(row)) {
                    let (predicted, gradient) = self.at(point, trial.width, trial.seed, trial.moves);
                    *residual = (predicted - ln(trial.loss)) / scatter;
                    slopes.iter_mut().zip(gradient).for_each(|(slope, partial)| *slope = partial / scatter);
                } else {
                    let belief = row - self.trials.len();
                    // The levels, between the shared parameters and the blocks, are believed nothing of.
                    let parameter = if belief < SHARED { belief } else { belief + self.widths.len() };
                    let (centre, deviation) = beliefs.shared.get(belief).copied().unwrap_or((0.0, SEED_SPREAD));
                    *residual = (point[parameter] - centre) / deviation;
                    slopes[parameter] = 1.0 / deviation;
                }
            }
            true
        };
        let stopping = Stopping { evaluations: EVALUATIONS, ..Stopping::default() };
        let minimum = levenberg_marquardt(fill, count, &self.point, stopping);
        let (mut residuals, mut slopes) = (vec![0.0; count], vec![0.0; count * size]);
        fill(&minimum.point, &mut residuals, &mut slopes);
        let mut information = vec![0.0; size * size];
        for row in slopes.chunks_exact(size) {
            for (entries, one) in information.chunks_exact_mut(size).zip(row) {
                entries.iter_mut().zip(row).for_each(|(entry, other)| *entry += one * other);
            }
        }
        let covariance =
            Cholesky::new(&information, size).ok_or(TuningError::Singular { trials: self.trials.len() })?;
        let covariance = covariance.inverse();
        // What the trials are worth, less what they were spent on: the trace of their share of the information.
        let (mut worth, mut spent, mut squares) = (0.0, 0.0, 0.0);
        for ((scatter, residual), row) in scatter.iter().zip(&residuals).zip(slopes.chunks_exact(size)) {
            let weight = (self.noise / scatter) * (self.noise / scatter);
            worth += weight;
            spent += quadratic(&covariance, row);
            squares += residual * residual * self.noise * self.noise;
        }
        let freedom = beliefs.noise_trials + (worth - spent).max(0.0);
        self.noise = ((beliefs.noise_trials * beliefs.noise * beliefs.noise + squares) / freedom).sqrt();
        // Even numbers have a closed form; fewer is the wider bell.
        self.freedom = 2 * ((freedom / 2.0) as u32).max(1);
        self.point = minimum.point;
        self.covariance = covariance;
        Ok(())
    }

    /// ln loss at `moves` under `point`, and its gradient by the parameters.
    fn at(&self, point: &[f64], width: f64, seed: u64, moves: [f64; 3]) -> (f64, Vec<f64>) {
        let curvature = curvature(point);
        let travelled = self.steps_of_width(width);
        let off = [
            moves[0] - point[OPTIMUM] - point[DRIFT] * travelled,
            moves[1] - point[OPTIMUM + 1],
            moves[2] - point[OPTIMUM + 2],
        ];
        let slope = curvature.slope(off);
        let mut gradient = vec![0.0; point.len()];
        for factor in 0..3 {
            gradient[OPTIMUM + factor] = -slope[factor];
            let own = 0.5 * curvature.factors[factor] * off[factor] * off[factor];
            let shared = if factor == 1 { 0.0 } else { 0.5 * curvature.cross * off[0] * off[2] };
            gradient[CURVATURE + factor] = own + shared;
        }
        let lean = point[CROSS];
        let steepness = (curvature.factors[0] * curvature.factors[2]).sqrt();
        gradient[CROSS] = steepness * off[0] * off[2] / (1.0 + lean * lean).powf(1.5);
        gradient[DRIFT] = -slope[0] * travelled;
        let mut level = 0.0;
        if let Some(index) = self.widths.iter().position(|known| *known == width) {
            level = point[SHARED + index];
            gradient[SHARED + index] = 1.0;
        }
        if let Some(parameter) = self.block(width, seed) {
            level += point[parameter];
            gradient[parameter] = 1.0;
        }
        (level + curvature.excess(off), gradient)
    }

    /// Steps that the optimum drifts to `width` at a drift of one; none where there are too few widths to tell.
    fn steps_of_width(&self, width: f64) -> f64 {
        if self.drifts { ln(width / self.pivot) / ln(STEP) } else { 0.0 }
    }

    /// The parameter of a width's seed, where it was trained.
    fn block(&self, width: f64, seed: u64) -> Option<usize> {
        let index = self.blocks.iter().position(|known| *known == (width, seed))?;
        Some(SHARED + self.widths.len() + index)
    }

    /// Standard deviation of ln loss around the surface of a seed that was not trained yet; 0 of one that was.
    pub(super) fn doubt_of_seed(&self, width: f64, seed: u64) -> f64 {
        if self.block(width, seed).is_some() { 0.0 } else { SEED_SPREAD }
    }

    /// Standard deviation of ln loss at `moves` around the surface.
    pub(super) fn scatter(&self, width: f64, moves: [f64; 3]) -> f64 {
        let excess = self.excess(width, moves);
        self.noise.hypot(FORM * excess)
    }

    /// By the parameters, the gradient of ln loss at `moves`.
    pub(super) fn gradient(&self, width: f64, seed: u64, moves: [f64; 3]) -> Vec<f64> {
        self.at(&self.point, width, seed, moves).1
    }

    /// By the parameters, the gradient of the optimum of `factor` at `width`.
    pub(super) fn gradient_of_optimum(&self, width: f64, factor: usize) -> Vec<f64> {
        let mut gradient = vec![0.0; self.point.len()];
        gradient[OPTIMUM + factor] = 1.0;
        if factor == 0 {
            gradient[DRIFT] = self.steps_of_width(width);
        }
        gradient
    }

    /// Steps from the recipe's factors to the best ones, at `width`.
    pub fn optimum(&self, width: f64) -> [f64; 3] {
        let drifted = self.point[DRIFT] * self.steps_of_width(width);
        [self.point[OPTIMUM] + drifted, self.point[OPTIMUM + 1], self.point[OPTIMUM + 2]]
    }

    /// Standard errors of [`optimum`](Self::optimum).
    pub fn standard_errors(&self, width: f64) -> [f64; 3] {
        [0, 1, 2].map(|factor| quadratic(&self.covariance, &self.gradient_of_optimum(width, factor)).sqrt())
    }

    /// The central interval of [`optimum`](Self::optimum) that holds the true one in a share `level` of cases, by Student's t.
    pub fn intervals(&self, width: f64, level: f64) -> [(f64, f64); 3] {
        let (optimum, errors) = (self.optimum(width), self.standard_errors(width));
        [0, 1, 2].map(|factor| {
            let bell = Bell { centre: optimum[factor], scale: errors[factor], freedom: self.freedom };
            let end = |share| mixture_quantile(&[bell], share);
            (end(0.5 * (1.0 - level)), end(0.5 * (1.0 + level)))
        })
    }

    /// The power of width by which the hidden rate's optimum departs from the recipe's rule, with its standard error; none where fewer than
    /// three widths were tried.
    pub fn drift(&self) -> Option<(f64, f64)> {
        let variance = self.covariance[DRIFT * self.point.len() + DRIFT];
        self.drifts.then(|| (self.point[DRIFT], variance.sqrt()))
    }

    /// The curvature at the optimum.
    pub fn curvature(&self) -> Curvature {
        curvature(&self.point)
    }

    /// ln loss that `moves` give away at `width`.
    pub fn excess(&self, width: f64, moves: [f64; 3]) -> f64 {
        let optimum = self.optimum(width);
        self.curvature().excess([0, 1, 2].map(|factor| moves[factor] - optimum[factor]))
    }

    /// ln loss by which the runs of `seed` at `width` are worse than the width's mean; 0 of a seed that was not trained.
    pub fn seed_effect(&self, width: f64, seed: u64) -> f64 {
        self.block(width, seed).map_or(0.0, |parameter| self.point[parameter])
    }

    /// The lowest loss at `width` in the mean of its seeds, where it was tried.
    pub fn lowest_loss(&self, width: f64) -> Option<f64> {
        let index = self.widths.iter().position(|known| *known == width)?;
        Some(exp(self.point[SHARED + index]))
    }

    /// Standard deviation of ln loss that neither the surface nor the seeds account for.
    pub fn noise(&self) -> f64 {
        self.noise
    }

    /// The widths that were tried, ascending.
    pub fn widths(&self) -> &[f64] {
        &self.widths
    }

    /// The trials.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }
}

/// The curvature that the parameters stand for: positive definite whatever they are.
fn curvature(point: &[f64]) -> Curvature {
    let factors = [0, 1, 2].map(|factor| exp(point[CURVATURE + factor]));
    let lean = point[CROSS] / (1.0 + point[CROSS] * point[CROSS]).sqrt();
    Curvature { factors, cross: lean * (factors[0] * factors[2]).sqrt() }
}

/// `x' A x` for a matrix row by row.
fn quadratic(matrix: &[f64], x: &[f64]) -> f64 {
    matrix.chunks_exact(x.len().max(1)).zip(x).map(|(row, entry)| entry * dot(row, x)).sum()
}
