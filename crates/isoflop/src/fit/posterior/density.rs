//! The log density of the coupled law's posterior, with its gradient, over runs as bare arrays.

use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::simd::{Kernel, widest};

use crate::fit::prior::{Belief, Prior};
use crate::fit::{Draw, Scatter, Tails};
use crate::runs::Run;

/// Number of unknowns.
pub(super) const UNKNOWNS: usize = 8;

/// The unknowns, in order: ln P and ln T at the centre of the runs, logit of the floor's share, ln α, ln β, ln k, ln scatter, its decay.
pub(super) type Point = [f64; UNKNOWNS];

pub(super) const PARAMS_TERM: usize = 0;
pub(super) const TOKENS_TERM: usize = 1;
pub(super) const FLOOR: usize = 2;
pub(super) const ALPHA: usize = 3;
pub(super) const BETA: usize = 4;
pub(super) const COUPLING: usize = 5;
pub(super) const NOISE: usize = 6;
pub(super) const NOISE_DECAY: usize = 7;

/// Degrees of freedom of the heavy-tailed beliefs.
const FREEDOM: f64 = 4.0;

/// The box outside which no posterior mass worth the name lies; it keeps every exponential finite.
const BOX: [(f64, f64); UNKNOWNS] =
    [(-60.0, 20.0), (-60.0, 20.0), (-12.0, 12.0), (-5.0, 1.2), (-5.0, 1.2), (-3.0, 1.2), (-16.0, 0.5), (-1.5, 1.5)];

/// Runs are worked on this many at a time: a loop long enough for the compiler to turn into vector instructions.
const BLOCK: usize = 32;
/// Partial sums, so that the order of summation is the same whatever the width of a vector.
const LANES: usize = 8;

/// Runs as arrays, padded to whole blocks with runs that weigh nothing.
#[derive(Debug, Clone)]
pub(super) struct Density {
    /// ln N minus its mean.
    x: Vec<f64>,
    /// ln D minus its mean.
    y: Vec<f64>,
    /// ln loss.
    z: Vec<f64>,
    /// Decades of ND from their mean.
    decades: Vec<f64>,
    weight: Vec<f64>,
    centre: (f64, f64),
    ln_lowest_loss: f64,
    prior: Prior,
    floor: Belief,
    tails: Tails,
}

impl Density {
    /// The one place where quantities become bare numbers; `places` are what the law sees of each run: ln N and ln D, or what counts
    /// as them, and `weights` how much each run counts.
    pub(super) fn new(runs: &[Run], places: &[(f64, f64)], weights: Vec<f64>, prior: &Prior, tails: Tails) -> Self {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let padded = |values: Vec<f64>| {
            let mut values = values;
            values.resize(runs.len().next_multiple_of(BLOCK), 0.0);
            values
        };
        let centred = |values: Vec<f64>| {
            let centre = mean(&values);
            (values.iter().map(|value| value - centre).collect::<Vec<_>>(), centre)
        };
        let (x, x_centre) = centred(places.iter().map(|place| place.0).collect());
        let (y, y_centre) = centred(places.iter().map(|place| place.1).collect());
        let centre = (x_centre, y_centre);
        // Scatter goes with what was really spent, whatever it counts as.
        let (ln_params, _) = centred(runs.iter().map(|run| ln(run.params.get())).collect());
        let (ln_tokens, _) = centred(runs.iter().map(|run| ln(run.tokens.get())).collect());
        let decades = ln_params.iter().zip(&ln_tokens).map(|(x, y)| (x + y) / std::f64::consts::LN_10).collect();
        let z: Vec<f64> = runs.iter().map(|run| ln(run.loss.get())).collect();
        let largest_flops = runs.iter().map(|run| 6.0 * run.params.get() * run.tokens.get()).fold(0.0, f64::max);
        Self {
            decades: padded(decades),
            weight: padded(weights),
            ln_lowest_loss: z.iter().copied().fold(f64::INFINITY, f64::min),
            x: padded(x),
            y: padded(y),
            z: padded(z),
            centre,
            floor: prior.floor_at(largest_flops),
            prior: prior.clone(),
            tails,
        }
    }

    /// Log density at `point`, up to a constant that is the same for all tails, and its gradient; NaN outside the box.
    pub(super) fn value_and_gradient(&self, point: &[f64], gradient: &mut [f64]) -> f64 {
        let Ok(point) = <&Point>::try_from(point) else { return f64::NAN };
        if !in_box(point, 0..UNKNOWNS) {
            return f64::NAN;
        }
        let (value, slopes) = widest(Likelihood { density: self, point, x: &self.x, y: &self.y, slopes: None });
        gradient.copy_from_slice(&slopes);
        value + self.prior_density(point, gradient)
    }

    /// The runs where they are, to be moved.
    pub(super) fn places(&self) -> Places {
        let none = vec![0.0; self.x.len()];
        Places { x: self.x.clone(), y: self.y.clone(), along_params: none.clone(), along_tokens: none }
    }

    /// Log likelihood at `point` of runs that count as `places`, with its gradient; how it answers to each run's place is written there.
    pub(super) fn likelihood_at(&self, point: &Point, places: &mut Places) -> (f64, Point) {
        let Places { x, y, along_params, along_tokens } = places;
        widest(Likelihood { density: self, point, x, y, slopes: Some((along_params, along_tokens)) })
    }

    /// The means of ln N and ln D, or of what counts as them, that `places` are measured from.
    pub(super) fn centre(&self) -> (f64, f64) {
        self.centre
    }

    /// Decades of ND of a run from the mean of all.
    pub(super) fn decades_of(&self, run: usize) -> f64 {
        self.decades[run]
    }

    /// The mean loss.
    pub(super) fn mean_loss(&self) -> f64 {
        let runs = self.weight.iter().filter(|weight| **weight > 0.0).count();
        self.z[..runs].iter().map(|z| exp(*z)).sum::<f64>() / runs as f64
    }

    /// The belief about the floor at the runs' compute.
    pub(super) fn floor(&self) -> &Belief {
        &self.floor
    }

    /// The lowest loss seen.
    pub(super) fn lowest_loss(&self) -> f64 {
        exp(self.ln_lowest_loss)
    }

    /// Log density of the beliefs about the coupled law at `point`, adding its slopes to `gradient`.
    pub(super) fn prior_density(&self, point: &Point, gradient: &mut [f64]) -> f64 {
        let prior = &self.prior;
        let mut value = 0.0;
        let mut add = |bell: fn(&Belief, f64) -> (f64, f64), belief: &Belief, entries: &[(usize, f64)]| {
            let at = entries.iter().map(|(entry, factor)| factor * point[*entry]).sum();
            let (density, slope) = bell(belief, at);
            value += density;
            for (entry, factor) in entries {
                gradient[*entry] += factor * slope;
            }
        };
        add(student, &prior.exponent, &[(ALPHA, 0.5), (BETA, 0.5)]);
        add(student, &prior.exponent_difference, &[(ALPHA, 1.0), (BETA, -1.0)]);
        add(student, &prior.coupling, &[(COUPLING, 1.0)]);
        add(student, &self.floor, &[(FLOOR, 1.0)]);
        add(normal, &prior.balance, &[(PARAMS_TERM, 1.0), (TOKENS_TERM, -1.0)]);
        add(normal, &prior.noise, &[(NOISE, 1.0)]);
        add(normal, &prior.noise_decay, &[(NOISE_DECAY, 1.0)]);
        value
    }

    /// The law's parameters and the scatter at `point`; the error of form is not the runs' to tell.
    pub(super) fn draw(&self, point: &Point) -> Draw {
        let (alpha, beta) = (exp(point[ALPHA]), exp(point[BETA]));
        let parameters = vec![
            self.lowest_loss() * share(point[FLOOR]),
            exp(point[PARAMS_TERM] + alpha * self.centre.0),
            exp(point[TOKENS_TERM] + beta * self.centre.1),
            alpha,
            beta,
            exp(point[COUPLING]),
        ];
        let scatter = Scatter { scale: exp(point[NOISE]), decay: point[NOISE_DECAY], tails: self.tails };
        Draw { parameters, scatter, drift: 0.0 }
    }

    /// Points to search from: the floor at two shares, the exponents of the belief, equal terms, and three couplings.
    pub(super) fn starts(&self) -> Vec<Point> {
        let mean_loss = self.mean_loss();
        let lowest = self.lowest_loss();
        let mut starts = Vec::new();
        for floor in [self.floor.centre, self.floor.centre + 1.5] {
            for coupling in [0.0, -0.7] {
                // Two equal terms add up to 2^k times one of them.
                let term = ln(mean_loss - share(floor) * lowest) - exp(coupling) * std::f64::consts::LN_2;
                let exponent = self.prior.exponent.centre;
                starts.push([term, term, floor, exponent, exponent, coupling, -4.0, self.prior.noise_decay.centre]);
            }
        }
        starts
    }
}

/// The logistic function: a share from its logit.
#[inline(always)]
pub(super) fn share(logit: f64) -> f64 {
    1.0 / (1.0 + exp(-logit))
}

/// Log density of Student's t with [`FREEDOM`] degrees around a belief, and its slope.
pub(super) fn student(belief: &Belief, at: f64) -> (f64, f64) {
    let t = (at - belief.centre) / belief.spread;
    let excess = 1.0 + t * t / FREEDOM;
    (-0.5 * (FREEDOM + 1.0) * ln(excess), -(FREEDOM + 1.0) * t / (FREEDOM * excess * belief.spread))
}

/// Log density of a normal around a belief, and its slope.
pub(super) fn normal(belief: &Belief, at: f64) -> (f64, f64) {
    let t = (at - belief.centre) / belief.spread;
    (-0.5 * t * t, -t / belief.spread)
}

/// Whether those entries of a point lie in the box.
pub(super) fn in_box(point: &Point, mut entries: impl Iterator<Item = usize>) -> bool {
    entries.all(|entry| (BOX[entry].0..=BOX[entry].1).contains(&point[entry]))
}

/// What runs count as, from the centre, and how the likelihood answers to it; padded like the arrays of [`Density`].
pub(super) struct Places {
    /// ln of their parameters.
    pub(super) x: Vec<f64>,
    /// ln of their tokens.
    pub(super) y: Vec<f64>,
    /// Slope of the log likelihood along ln of the params term of each run.
    pub(super) along_params: Vec<f64>,
    /// The same for the tokens term.
    pub(super) along_tokens: Vec<f64>,
}

/// The sum over runs.
struct Likelihood<'a> {
    density: &'a Density,
    point: &'a Point,
    x: &'a [f64],
    y: &'a [f64],
    /// Where to write the slopes along the two terms of each run.
    slopes: Option<(&'a mut Vec<f64>, &'a mut Vec<f64>)>,
}

impl Kernel for Likelihood<'_> {
    type Output = (f64, Point);

    #[inline(always)]
    fn run(self) -> (f64, Point) {
        let Self { density, point, x, y, mut slopes } = self;
        let &[params_term, tokens_term, floor, ln_alpha, ln_beta, ln_coupling, noise, noise_decay] = point;
        let (alpha, beta, coupling) = (exp(ln_alpha), exp(ln_beta), exp(ln_coupling));
        let per_coupling = 1.0 / coupling;
        let freedom = density.tails.freedom();
        let ln_peak = density.tails.ln_peak();
        let floor_share = share(floor);
        let ln_floor = density.ln_lowest_loss + ln(floor_share);

        let mut sums = [[0.0; LANES]; UNKNOWNS + 1];
        let columns = blocks(x).zip(blocks(y)).zip(blocks(&density.z));
        let columns = columns.zip(blocks(&density.decades).zip(blocks(&density.weight)));
        for (block, (((x, y), z), (decades, weight))) in columns.enumerate() {
            let mut entries = [[0.0; BLOCK]; UNKNOWNS + 1];
            for i in 0..BLOCK {
                // ln of the reducible loss: k ln(P^(1/k) + T^(1/k)).
                let ln_params = params_term - alpha * x[i];
                let ln_tokens = tokens_term - beta * y[i];
                let difference = (ln_params - ln_tokens) * per_coupling;
                let smaller = exp(-difference.abs());
                let logarithm = ln(1.0 + smaller);
                let larger_weight = 1.0 / (1.0 + smaller);
                let params_share = if difference >= 0.0 { larger_weight } else { 1.0 - larger_weight };
                let larger = if difference >= 0.0 { ln_params } else { ln_tokens };
                let ln_reducible = larger + coupling * logarithm;
                let coupling_slope = coupling * (logarithm + (1.0 - larger_weight) * difference.abs());
                // ln of the loss: ln(E + R).
                let above = ln_reducible - ln_floor;
                let smaller = exp(-above.abs());
                let larger_weight = 1.0 / (1.0 + smaller);
                let reducible_share = if above >= 0.0 { larger_weight } else { 1.0 - larger_weight };
                let larger = if above >= 0.0 { ln_reducible } else { ln_floor };
                let ln_loss = larger + ln(1.0 + smaller);
                // The bell of the scatter.
                let ln_precision = noise_decay * decades[i] - noise;
                let precision = exp(ln_precision);
                let residual = (z[i] - ln_loss) * precision;
                let excess = freedom + residual * residual;
                let pull = (freedom + 1.0) * residual / excess;
                let scale_slope = weight[i] * (pull * residual - 1.0);
                let loss_slope = weight[i] * pull * precision;
                let reducible_slope = loss_slope * reducible_share;
                let params_slope = reducible_slope * params_share;
                let tokens_slope = reducible_slope - params_slope;
                entries[PARAMS_TERM][i] = params_slope;
                entries[TOKENS_TERM][i] = tokens_slope;
                entries[FLOOR][i] = loss_slope - reducible_slope;
                entries[ALPHA][i] = -params_slope * x[i];
                entries[BETA][i] = -tokens_slope * y[i];
                entries[COUPLING][i] = reducible_slope * coupling_slope;
                entries[NOISE][i] = scale_slope;
                entries[NOISE_DECAY][i] = -scale_slope * decades[i];
                let ln_bell = ln_peak - 0.5 * (freedom + 1.0) * ln(excess / freedom);
                entries[UNKNOWNS][i] = weight[i] * (ln_precision + ln_bell);
            }
            if let Some((along_params, along_tokens)) = &mut slopes {
                let place = block * BLOCK..(block + 1) * BLOCK;
                along_params[place.clone()].copy_from_slice(&entries[PARAMS_TERM]);
                along_tokens[place].copy_from_slice(&entries[TOKENS_TERM]);
            }
            for (sums, entries) in sums.iter_mut().zip(&entries) {
                for lanes in entries.as_chunks::<LANES>().0 {
                    sums.iter_mut().zip(lanes).for_each(|(sum, entry)| *sum += entry);
                }
            }
        }
        let totals = sums.map(|lanes| lanes.iter().sum::<f64>());
        let mut gradient: Point = [0.0; UNKNOWNS];
        gradient.copy_from_slice(&totals[..UNKNOWNS]);
        gradient[FLOOR] *= 1.0 - floor_share;
        gradient[ALPHA] *= alpha;
        gradient[BETA] *= beta;
        (totals[UNKNOWNS], gradient)
    }
}

/// Whole blocks of a padded array.
#[inline(always)]
fn blocks(values: &[f64]) -> std::slice::Iter<'_, [f64; BLOCK]> {
    values.as_chunks::<BLOCK>().0.iter()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{Runs, TableFormat};

    pub(in super::super) fn density() -> Density {
        let rows: String = (0..13)
            .map(|i| {
                let (params, tokens) = (1e8 * 1.7f64.powi(i % 4), 2e9 * 2.1f64.powi(i / 4));
                let loss = 1.9 + 300.0 / params.powf(0.31) + 900.0 / tokens.powf(0.33) + 0.01 * f64::from(i % 3);
                format!("{params},{tokens},{loss}\n")
            })
            .collect();
        let runs = Runs::read(format!("params,tokens,loss\n{rows}").as_bytes(), "t", TableFormat::Csv, false).unwrap();
        let place = |run: &Run| (ln(run.params.get()), ln(run.tokens.get()));
        let places: Vec<_> = runs.kept.iter().map(place).collect();
        Density::new(&runs.kept, &places, vec![1.0; places.len()], &Prior::default(), Tails::Heavy)
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_density() {
        let density = density();
        for point in [[-0.4, -0.9, 0.6, -1.0, -1.2, -0.3, -3.0, 0.2], [-0.9, -0.2, -0.5, -1.4, -0.9, 0.2, -4.0, -0.1]] {
            let mut gradient = [0.0; UNKNOWNS];
            density.value_and_gradient(&point, &mut gradient);
            for i in 0..UNKNOWNS {
                let at = |step: f64| {
                    let mut moved = point;
                    moved[i] += step;
                    density.value_and_gradient(&moved, &mut [0.0; UNKNOWNS])
                };
                let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
                let tolerance = 1e-6 * (1.0 + gradient[i].abs());
                assert!((numeric - gradient[i]).abs() < tolerance, "entry {i}: {numeric} {}", gradient[i]);
            }
        }
    }

    #[test]
    fn points_outside_the_box_have_no_density() {
        assert!(density().value_and_gradient(&[0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0], &mut [0.0; 8]).is_nan());
        assert!(density().value_and_gradient(&[f64::NAN; 8], &mut [0.0; 8]).is_nan());
    }
}
