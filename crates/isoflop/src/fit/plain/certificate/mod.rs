//! A proof that no other exponents do better: a lower bound of the objective over every floor, both scales and a box of exponents.
//!
//! With q the relative residual (predicted - observed)/observed, the objective is a sum of rho(ln(1 + q)), and q is linear in E, A, B.
//! For q <= 0 that cost is convex in q. For 0 < q <= Q the chord ln(1 + q) >= q ln(1 + Q)/Q replaces it by a convex one, where Q bounds
//! how far parameters with a lower objective can over-predict that run ([`reach`]). Any slopes y of that cost give a bound:
//!
//! ```text
//! objective >= sum of min_q (cost(q) - y q) - y  +  E S0 + A S(alpha) + B S(beta),   S(a) = sum of y x^-a / loss
//! ```
//!
//! and where S0, S(alpha) and S(beta) are not negative over a cell of exponents, what stands before them holds in the whole cell. The
//! best y come from a convex problem in which each power may be any non-negative combination of powers in the cell. Over cells as
//! wide as the box itself that problem lies only a fifth below the objective (Chinchilla's runs), so a few cells are enough; the sums
//! are checked on a grid of exponents, with a remainder for what lies in between.

mod powers;
mod reach;
mod relaxed;

use std::rc::Rc;

use isoflop_numerics::descent::{newton, solve_positive_definite};
use isoflop_numerics::elementary::{exp, ln};
use isoflop_numerics::minimize::Stopping;
use isoflop_numerics::penalty::Penalty;
use serde::{Deserialize, Serialize};

use self::powers::Powers;
use self::reach::Excess;
use self::relaxed::{Chords, Cost, Dual, Relaxed, TERMS};
use super::kernel::{Sample, Working};
use super::surface::Surface;

/// How far from optimal a fit can be at most.
///
/// # Trust
/// Derived here; computed in double precision with tangents, not in interval arithmetic, so exact to rounding (about 1e-12).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// No parameters with both exponents in the box have an objective below this.
    pub lower_bound: f64,
    /// The objective's excess over that bound, as a share of the objective.
    pub gap: f64,
    /// Smallest and largest exponent of the box; E, A and B are any non-negative numbers.
    pub exponents: (f64, f64),
    /// Cells of exponents examined.
    pub cells: usize,
    /// Whether the gap is as small as was wanted, two percent, before the work ended.
    pub is_closed: bool,
}

/// The box of exponents: wider than anything ever published.
const BOX: (f64, f64) = (0.02, 1.5);

/// Share of the objective below which a gap is as small as a reader can use.
const WANTED: f64 = 0.02;

/// Cells after which the proof stops and says what it has.
const MOST_CELLS: usize = 400;

/// Steps between the exponents at which sums are checked, in the cell around the optimum.
const STEPS: usize = 8;

/// Ratio from one step to the next outside that cell: sums must be known well at its edges, and roughly far away.
const GROWTH: f64 = 1.5;

/// Longest steps below and above that cell, in ratio: high powers bend fast.
const LONGEST: (f64, f64) = (0.3, 0.1);

/// Exponents that a cell has at least.
const LEAST_NODES: usize = 5;

/// Rise of the sum of squares at the edges of the cell around the optimum: enough to exclude what lies beyond at once.
const RISE: f64 = 0.07;

/// Least and largest width of that cell to either side of the optimum, in ratio.
const WIDTH: (f64, f64) = (0.02, 0.5);

/// Widths of the bend that a kink is given, relative to the typical residual, from quick to minimise to narrow.
const BENDS: [f64; 3] = [1.0, 0.35, 0.1];

/// Share of the objective that a bound may lack for its chords to be worth drawing closer.
const WORTH_TIGHTENING: f64 = 0.15;

/// Share of what a bound lacked that closer chords must gain to be drawn once more.
const LEAST_GAIN: f64 = 0.2;

/// Exponents exchanged in one cell.
const EXCHANGES: usize = 4;

/// Share of the objective that a sum between two exponents may lose before they are solved for.
const TOLERABLE: f64 = 1e-3;

/// An objective per run below this is rounding, of which no share can be proved.
const NOISELESS: f64 = 1e-16;

/// A lower bound for the fit at `point` with objective `value`; `None` for objectives that are not convex in the relative residual,
/// where the optimum lies outside the box, and where the law passes through every run.
pub(super) fn certificate(surface: &Surface, point: &Working, value: f64) -> Option<Certificate> {
    let in_box = |exponent: f64| (BOX.0..=BOX.1).contains(&exponent);
    let is_provable = surface.is_convex_in_relative_residuals() && in_box(point[3]) && in_box(point[4]);
    if !is_provable || value < NOISELESS * surface.len() as f64 {
        return None;
    }
    let cost = Cost::of(surface.penalty())?;
    let (_, cells, examined) = prove(surface, cost, point, value);
    // Nothing costs less than nothing; and only parameters below the value were asked for.
    let lower_bound = cells.iter().map(|cell| cell.bound).fold(value, f64::min).max(0.0);
    let gap = (value - lower_bound) / value;
    Some(Certificate { lower_bound, gap, exponents: BOX, cells: examined, is_closed: gap <= WANTED })
}

/// Cells that cover the box, each with its bound, and how many were examined.
fn prove<'a>(surface: &'a Surface, cost: Cost, point: &Working, value: f64) -> (Proof<'a>, Vec<Cell>, usize) {
    let mut proof = Proof::new(surface, cost, point, value);
    let wanted = (1.0 - WANTED) * value;
    let mut cells = proof.first_cells();
    let mut examined = 0;
    // The cell around the optimum first: its terms are where those beside it start.
    for i in 0..cells.len() {
        if cells[i].bound >= wanted {
            continue;
        }
        let (before, rest) = cells.split_at_mut(i);
        let Some((cell, others)) = rest.split_first_mut() else { break };
        if let Some(centre) = before.first() {
            cell.start_from(centre);
        }
        let dual = proof.improve(cell, wanted);
        examined += 1;
        if let Some(dual) = &dual {
            for other in others {
                other.bound = other.bound.max(proof.bound(&other.nodes, dual).bound);
            }
        }
    }
    while let Some(lowest) = (0..cells.len()).min_by(|i, j| cells[*i].bound.total_cmp(&cells[*j].bound)) {
        if cells[lowest].bound >= wanted || examined >= MOST_CELLS {
            break;
        }
        let whole = cells.swap_remove(lowest);
        for mut half in proof.halves(&whole) {
            proof.improve(&mut half, wanted);
            examined += 1;
            // A half cannot be worse than its whole.
            half.bound = half.bound.max(whole.bound);
            cells.push(half);
        }
    }
    (proof, cells, examined)
}

/// Exponents of both powers, ascending, from the lowest to the highest of a cell.
type Nodes = [Vec<usize>; 2];

/// A cell of exponents and its bound.
#[derive(Debug, Clone)]
struct Cell {
    nodes: Nodes,
    bound: f64,
    /// What was solved for: exponents, and the terms found.
    slots: [[usize; 3]; 2],
    terms: [f64; TERMS],
    chords: Rc<Chords>,
}

impl Cell {
    /// Takes over exponents and terms of the axis along which both cells are the same.
    fn start_from(&mut self, other: &Self) {
        for axis in 0..2 {
            if self.nodes[axis] == other.nodes[axis] {
                let terms = 1 + 3 * axis..4 + 3 * axis;
                self.slots[axis] = other.slots[axis];
                self.terms[terms.clone()].copy_from_slice(&other.terms[terms]);
            }
        }
    }
}

/// A bound over a cell, and where it could be higher.
struct Bound {
    bound: f64,
    /// For either power the exponent at which its sum is lowest, and what that costs.
    lowest: [(usize, f64); 2],
}

struct Proof<'a> {
    sample: &'a Sample,
    cost: Cost,
    value: f64,
    typical: f64,
    chords: Rc<Chords>,
    floor: Vec<f64>,
    zero: Vec<f64>,
    powers: [Powers<'a>; 2],
    highest: Vec<f64>,
    highest_floor: f64,
    optimum: Working,
    widths: [f64; 2],
    scratch: [Vec<f64>; 3],
}

impl<'a> Proof<'a> {
    fn new(surface: &'a Surface, cost: Cost, point: &Working, value: f64) -> Self {
        let sample = &surface.sample;
        let residuals = surface.log_residuals(point);
        let typical = residuals.iter().map(|residual| residual.abs()).sum::<f64>() / residuals.len() as f64;
        let width = sample.x.len();
        let (zero, one) = (vec![0.0; width], vec![1.0; width]);
        let excess = Excess { cost, chords: &one, slopes: &zero, constants: &zero, from: &zero };
        // What a run alone may cost.
        let alone = |weight: &f64| {
            let (paid, bend) = (value / weight, cost.softness * cost.over);
            if paid < 0.5 * bend * cost.over {
                (2.0 * cost.softness * paid).sqrt()
            } else {
                paid / cost.over + 0.5 * bend
            }
        };
        let known: Vec<f64> =
            sample.weights[..sample.len].iter().map(alone).chain(one.iter().copied()).take(width).collect();
        let reach = reach::reach(sample, &excess, &known, (BOX.1, BOX.1), value);
        let over: Vec<f64> = reach.iter().map(|reach| exp(*reach) - 1.0).collect();
        let chords = Rc::new(Chords {
            weights: sample.weights.clone(),
            slopes: reach.iter().zip(&over).map(|(reach, over)| reach / over).collect(),
            highest: over.iter().map(|over| 1.0 + over).collect(),
        });
        let highest: Vec<f64> =
            reach[..sample.len].iter().zip(&sample.ln_loss).map(|(reach, ln_loss)| ln_loss + reach).collect();
        let highest_floor = exp(highest.iter().copied().fold(f64::INFINITY, f64::min));
        let widths = widths(surface, point, &residuals);
        Self {
            sample,
            cost,
            value,
            typical,
            chords,
            floor: sample.loss.iter().map(|loss| 1.0 / loss).collect(),
            zero,
            powers: [Powers::new(&sample.x, &sample.loss), Powers::new(&sample.y, &sample.loss)],
            highest,
            highest_floor,
            optimum: *point,
            widths,
            scratch: std::array::from_fn(|_| vec![0.0; width]),
        }
    }

    /// The cell around the optimum, and those beside, above and below it.
    fn first_cells(&mut self) -> Vec<Cell> {
        let parts = [0, 1].map(|axis| self.parts(axis));
        let order = [(1, 1), (1, 0), (1, 2), (0, 1), (2, 1), (0, 0), (0, 2), (2, 0), (2, 2)];
        let cells = order.iter().filter(|(a, b)| parts[0][*a].len() > 1 && parts[1][*b].len() > 1);
        cells.map(|(a, b)| self.cell([parts[0][*a].clone(), parts[1][*b].clone()])).collect()
    }

    /// Exponents below, around and above the optimum.
    fn parts(&mut self, axis: usize) -> [Vec<usize>; 3] {
        let optimum = self.optimum[3 + axis];
        let ratio = exp(self.widths[axis]);
        let edges = [BOX.0, (optimum / ratio).max(BOX.0), (optimum * ratio).min(BOX.1), BOX.1];
        let fine = 2.0 * self.widths[axis] / STEPS as f64;
        let mut last = None;
        std::array::from_fn(|part| {
            let (low, high) = (edges[part], edges[part + 1]);
            if high <= low {
                return Vec::new();
            }
            let exponents = grid(low, high, [Direction::Down, Direction::Even, Direction::Up][part], fine);
            let new = if last.is_some() { &exponents[1..] } else { &exponents[..] };
            let first = self.powers[axis].add(new, &self.highest);
            let nodes: Vec<usize> = last.into_iter().chain(first..first + new.len()).collect();
            last = nodes.last().copied();
            nodes
        })
    }

    fn cell(&self, nodes: Nodes) -> Cell {
        let slots = [0, 1].map(|axis| {
            let nodes = &nodes[axis];
            let distance = |node: usize| ln(self.powers[axis].exponent(node) / self.optimum[3 + axis]).abs();
            let middle = 1..nodes.len() - 1;
            let nearest = middle.min_by(|i, j| distance(nodes[*i]).total_cmp(&distance(nodes[*j])));
            [nodes[0], nearest.map_or(nodes[0], |i| nodes[i]), nodes[nodes.len() - 1]]
        });
        let mut terms = [0.0; TERMS];
        terms[0] = exp(self.optimum[0]);
        for axis in 0..2 {
            let distance = |node: usize| ln(self.powers[axis].exponent(node) / self.optimum[3 + axis]).abs();
            let nearest = (0..3).min_by(|i, j| distance(slots[axis][*i]).total_cmp(&distance(slots[axis][*j])));
            terms[1 + 3 * axis + nearest.unwrap_or(1)] = exp(self.optimum[1 + axis]);
        }
        Cell { nodes, bound: f64::NEG_INFINITY, slots, terms, chords: Rc::clone(&self.chords) }
    }

    /// Raises the bound of a cell until it is enough or cannot be raised further: what it proves draws the chords closer, which raises it
    /// again. Returns the dual of the first bound, which may serve other cells too.
    fn improve(&mut self, cell: &mut Cell, enough: f64) -> Option<Dual> {
        let first = self.examine(cell, enough, &BENDS);
        let mut best = first.clone();
        loop {
            let (before, left) = (cell.bound, self.value - cell.bound);
            if before >= enough.min(self.value) || left > WORTH_TIGHTENING * self.value {
                return first;
            }
            let Some(dual) = &best else { return first };
            cell.chords = Rc::new(self.tightened(cell, dual));
            best = self.examine(cell, enough, &BENDS[BENDS.len() - 1..]).or(best);
            if cell.bound - before < LEAST_GAIN * left {
                return first;
            }
        }
    }

    /// Solves for a cell under ever narrower bends until its bound is enough; returns the dual if it raised the bound.
    fn examine(&mut self, cell: &mut Cell, enough: f64, bends: &[f64]) -> Option<Dual> {
        let mut best: Option<Dual> = None;
        let mut exchanges = 0;
        let mut bends = bends.iter().map(|bend| self.cost.softened(bend * self.typical)).collect::<Vec<_>>();
        bends.dedup();
        for soft in bends {
            loop {
                let mut scratch = std::mem::take(&mut self.scratch);
                let relaxed = self.relaxed(&cell.chords, &cell.slots);
                let bounds = usable(&cell.slots);
                let stopping = Stopping { relative_gradient: 1e-4, evaluations: 40 };
                let end = newton(|terms| relaxed.derivatives(soft, terms, &mut scratch), cell.terms, &bounds, stopping);
                let dual = relaxed.dual(self.cost, soft, &end.point);
                self.scratch = scratch;
                cell.terms = end.point;
                let bound = self.bound(&cell.nodes, &dual);
                if bound.bound > cell.bound {
                    cell.bound = bound.bound;
                    best = Some(dual);
                }
                if cell.bound >= enough {
                    return best;
                }
                if exchanges >= EXCHANGES || !self.exchange(cell, &bound) {
                    break;
                }
                exchanges += 1;
            }
        }
        best
    }

    /// Chords for parameters in a cell alone: what a dual leaves to pay there is little, and so is how far a run can be over-predicted.
    fn tightened(&self, cell: &Cell, dual: &Dual) -> Chords {
        let from: Vec<f64> = dual.residuals.iter().map(|residual| residual.max(0.0)).collect();
        let chords = &cell.chords;
        let inverse_softness = 1.0 / self.cost.softness;
        // From there on a run pays more than its tangent: nothing to begin with, which keeps the sum convex.
        let constants: Vec<f64> = (0..from.len())
            .map(|i| {
                let (height, _) = self.cost.of_excess(chords.slopes[i] * from[i], inverse_softness);
                chords.weights[i] * height - dual.slopes[i] * from[i]
            })
            .collect();
        let excess = Excess {
            cost: self.cost,
            chords: &chords.slopes,
            slopes: &dual.slopes,
            constants: &constants,
            from: &from,
        };
        let known: Vec<f64> = chords.highest.iter().map(|highest| ln(*highest)).collect();
        let largest = [0, 1].map(|axis| self.powers[axis].exponent(cell.nodes[axis][cell.nodes[axis].len() - 1]));
        let left = self.value - cell.bound;
        let reach = reach::reach(self.sample, &excess, &known, (largest[0], largest[1]), left);
        let over: Vec<f64> = reach.iter().map(|reach| exp(*reach) - 1.0).collect();
        Chords {
            weights: chords.weights.clone(),
            slopes: reach.iter().zip(&over).map(|(reach, over)| reach / over).collect(),
            highest: over.iter().map(|over| 1.0 + over).collect(),
        }
    }

    /// Puts the exponent whose sum is lowest in the place of the one that gives least.
    fn exchange(&self, cell: &mut Cell, bound: &Bound) -> bool {
        let mut exchanged = false;
        for axis in 0..2 {
            let (node, lost) = bound.lowest[axis];
            let slots = &mut cell.slots[axis];
            if -lost > TOLERABLE * self.value && !slots.contains(&node) {
                let terms = &mut cell.terms[1 + 3 * axis..4 + 3 * axis];
                let least = (0..3).min_by(|i, j| terms[*i].total_cmp(&terms[*j])).unwrap_or(0);
                slots[least] = node;
                exchanged = true;
            }
        }
        exchanged
    }

    /// The bound that a dual gives over a cell.
    fn bound(&self, nodes: &Nodes, dual: &Dual) -> Bound {
        let floor: f64 = dual.slopes.iter().zip(&self.floor).map(|(slope, floor)| slope * floor).sum();
        let mut bound = dual.value - dual.rounding + floor.min(0.0) * self.highest_floor;
        let lowest = [0, 1].map(|axis| {
            let powers = &self.powers[axis];
            let nodes = &nodes[axis];
            let moments = powers.moments(nodes, &dual.slopes);
            let mut lowest = (nodes[0], 0.0);
            for (&[near, far], [left, right]) in nodes.array_windows().zip(moments.array_windows()) {
                let least = powers.least((near, far), [left, right]);
                if least < lowest.1 {
                    lowest = (if left.sum < right.sum { near } else { far }, least);
                }
            }
            bound += lowest.1;
            lowest
        });
        Bound { bound, lowest }
    }

    fn relaxed<'b>(&'b self, chords: &'b Chords, slots: &[[usize; 3]; 2]) -> Relaxed<'b> {
        let mut columns = [self.zero.as_slice(); TERMS];
        columns[0] = &self.floor;
        for axis in 0..2 {
            for place in 0..3 {
                columns[1 + 3 * axis + place] = self.powers[axis].column(slots[axis][place]);
            }
        }
        Relaxed { chords, columns }
    }

    /// Two cells that cover one, cut where its terms have their mean exponent.
    fn halves(&mut self, cell: &Cell) -> Vec<Cell> {
        let spread = |axis: usize| {
            let terms = &cell.terms[1 + 3 * axis..4 + 3 * axis];
            let place = |i: usize| ln(self.powers[axis].exponent(cell.slots[axis][i]));
            let total: f64 = terms.iter().sum();
            let mean = (0..3).map(|i| terms[i] * place(i)).sum::<f64>() / total;
            let square = (0..3).map(|i| terms[i] * (place(i) - mean) * (place(i) - mean)).sum::<f64>() / total;
            if total > 0.0 { (square, mean) } else { (0.0, f64::NAN) }
        };
        let spreads = [spread(0), spread(1)];
        let axis = usize::from(spreads[1].0 > spreads[0].0);
        let nodes = self.refined(axis, &cell.nodes[axis]);
        let distance = |i: &usize| {
            let off = (ln(self.powers[axis].exponent(nodes[*i])) - spreads[axis].1).abs();
            if off.is_nan() { 0.0 } else { off }
        };
        let cut = (1..nodes.len() - 1).min_by(|i, j| distance(i).total_cmp(&distance(j))).unwrap_or(1);
        let parts = [nodes[..=cut].to_vec(), nodes[cut..].to_vec()];
        parts
            .map(|part| {
                let mut halves = cell.nodes.clone();
                halves[axis] = self.refined(axis, &part);
                Cell { chords: Rc::clone(&cell.chords), ..self.cell(halves) }
            })
            .into()
    }

    /// The same exponents, with as many between them as a cell needs.
    fn refined(&mut self, axis: usize, nodes: &[usize]) -> Vec<usize> {
        let mut nodes = nodes.to_vec();
        while nodes.len() < LEAST_NODES {
            let powers = &mut self.powers[axis];
            let middles: Vec<f64> =
                nodes.windows(2).map(|pair| 0.5 * (powers.exponent(pair[0]) + powers.exponent(pair[1]))).collect();
            let first = powers.add(&middles, &self.highest);
            let last = nodes[nodes.len() - 1];
            nodes = nodes.iter().take(middles.len()).enumerate().flat_map(|(i, node)| [*node, first + i]).collect();
            nodes.push(last);
        }
        nodes
    }
}

/// Where the steps of a grid are finest.
#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Down,
    Even,
    Up,
}

/// Exponents from `low` to `high` in ratios that start at `fine`.
fn grid(low: f64, high: f64, direction: Direction, fine: f64) -> Vec<f64> {
    let length = ln(high / low);
    let (growth, longest) = match direction {
        Direction::Down => (GROWTH, LONGEST.0),
        Direction::Even => (1.0, fine),
        Direction::Up => (GROWTH, LONGEST.1),
    };
    let (mut steps, mut step, mut covered) = (Vec::new(), fine, 0.0);
    while covered < length * (1.0 - 1e-9) {
        covered += step;
        steps.push(covered);
        step = (step * growth).min(longest.max(fine));
    }
    // The last step is stretched or shortened with the others.
    let stretch = length / covered;
    let count = steps.len();
    let mut exponents: Vec<f64> = if direction == Direction::Down {
        steps.iter().rev().skip(1).map(|covered| high * exp(-covered * stretch)).collect()
    } else {
        steps[..count - 1].iter().map(|covered| low * exp(covered * stretch)).collect()
    };
    exponents.insert(0, low);
    exponents.push(high);
    exponents
}

/// Which slots hold an exponent of their own.
fn usable(slots: &[[usize; 3]; 2]) -> [(f64, f64); TERMS] {
    let mut bounds = [(0.0, f64::INFINITY); TERMS];
    for axis in 0..2 {
        for place in 0..3 {
            if slots[axis][..place].contains(&slots[axis][place]) {
                bounds[1 + 3 * axis + place] = (0.0, 0.0);
            }
        }
    }
    bounds
}

/// How far, in ratio, either exponent can move before the best sum of squares with it has risen by [`RISE`].
fn widths(surface: &Surface, point: &Working, residuals: &[f64]) -> [f64; 2] {
    let squares: f64 = residuals.iter().map(|residual| residual * residual).sum();
    let curvature = surface.derivatives(&surface.sample, point, Penalty::Squared).hessian;
    [3, 4].map(|i| {
        let mut unit = [0.0; 5];
        unit[i] = 1.0;
        let inverse = solve_positive_definite(curvature, unit).map_or(f64::INFINITY, |column| column[i]);
        let distance = (RISE * squares * inverse).sqrt();
        (distance / point[i]).max(WIDTH.0).min(WIDTH.1)
    })
}

#[cfg(test)]
mod tests;
