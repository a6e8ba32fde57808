//! Muon's step of one matrix: momentum, orthogonalised by Newton and Schulz's iteration.

use crate::kernels::buffer::Buffer;
use crate::kernels::matmul::{matmul, scratch_floats};
use crate::kernels::operands::{Left, Precision, Right};
use crate::kernels::pack::{pack_transposed, packed_floats};
use crate::kernels::real::Real;
use crate::kernels::reduce::sum_of_squares;
use crate::kernels::tile::Store;

/// Steps of the iteration.
pub(crate) const ITERATIONS: usize = 5;
/// The polynomial `a x + b x^3 + c x^5` that each step applies to the singular values: steep at zero, so that five steps bring all of
/// them between 0.7 and 1.2 or so, not to one exactly (Jordan et al. 2024, kellerjordan.github.io/posts/muon).
const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];
/// Root mean square of the entries of a step over that of an orthogonal matrix (Liu et al. 2025, arXiv:2502.16982, equation 4).
const ROOT_MEAN_SQUARE: f64 = 0.2;
/// Small singular values are raised 485 times, and the rounding with them.
const PRECISION: Precision = Precision::Full;
/// What a norm is taken for when it is less.
const LEAST_NORM: f64 = 1e-7;

/// The constants of one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// What the gradient is multiplied by first: the clipping.
    pub(crate) gradient_scale: f64,
    pub(crate) momentum: f64,
    /// Learning rate, without the factor of the matrix's sides.
    pub(crate) rate: f64,
    /// `1 - learning rate * weight decay`.
    pub(crate) keep: f64,
}

/// One matrix with what moves it.
pub(crate) struct Moved<'a, F> {
    pub(crate) weights: &'a mut [F],
    pub(crate) momentum: &'a mut [F],
    pub(crate) gradient: &'a [F],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// Memory for matrices of up to the sides it was made for.
pub(crate) struct Scratch<F> {
    /// The matrix being orthogonalised, and its next value.
    current: Buffer<F>,
    next: Buffer<F>,
    /// `X X'` or `X' X`, whichever is smaller, and the polynomial of it.
    gram: Buffer<F>,
    polynomial: Buffer<F>,
    panels: Buffer<F>,
    products: Buffer<F>,
}

impl<F: Real> Scratch<F> {
    /// For each of `sides`, rows and columns.
    pub(crate) fn new(sides: impl Iterator<Item = (usize, usize)> + Clone) -> Self {
        let most = |count: fn((usize, usize)) -> usize| Buffer::zeros(sides.clone().map(count).max().unwrap_or(0));
        Self {
            current: most(|(rows, columns)| rows * columns),
            next: most(|(rows, columns)| rows * columns),
            gram: most(|(rows, columns)| rows.min(columns).pow(2)),
            polynomial: most(|(rows, columns)| rows.min(columns).pow(2)),
            panels: most(|(rows, columns)| packed_floats(columns, rows, PRECISION)),
            products: most(|(rows, columns)| scratch_floats(rows.max(columns))),
        }
    }
}

impl<F: Real> Moved<'_, F> {
    /// Takes the step, as [`Muon`](crate::spec::Muon) writes it.
    pub(crate) fn step(&mut self, constants: &Step, scratch: &mut Scratch<F>) {
        let Self { weights, momentum, gradient, rows, columns } = self;
        let Step { gradient_scale, momentum: mu, rate, keep } = *constants;
        let [keep_momentum, rest] = [mu, 1.0 - mu].map(F::from_f64);
        let scale = F::from_f64(gradient_scale);
        for ((out, m), &g) in scratch.current.iter_mut().zip(momentum.iter_mut()).zip(*gradient) {
            let g = rest * (g * scale);
            *m = keep_momentum * *m + g;
            *out = keep_momentum * *m + g;
        }
        orthogonalize(scratch, *rows, *columns);
        let sides = (*rows).max(*columns) as f64;
        let [rate, keep] = [rate * ROOT_MEAN_SQUARE * sides.sqrt(), keep].map(F::from_f64);
        for (weight, &direction) in weights.iter_mut().zip(scratch.current.iter()) {
            *weight = keep * *weight - rate * direction;
        }
    }
}

/// Replaces the matrix in `scratch.current` by one with the same singular vectors and singular values near one.
///
/// ```text
/// X = M/|M|,    five times  X <- a X + (b A + c A^2) X  with A = X X',  or the same from the right with X' X if that is smaller
/// ```
fn orthogonalize<F: Real>(scratch: &mut Scratch<F>, rows: usize, columns: usize) {
    let Scratch { current, next, gram, polynomial, panels, products } = scratch;
    let (numbers, side) = (rows * columns, rows.min(columns));
    let (gram, polynomial) = (&mut gram[..side * side], &mut polynomial[..side * side]);
    let norm = sum_of_squares(&current[..numbers]).sqrt();
    // Not `max`, which would take a norm that is no number for the least one.
    let norm = if norm < LEAST_NORM { LEAST_NORM } else { norm };
    let inverse_norm = F::from_f64(1.0 / norm);
    for x in &mut current[..numbers] {
        *x *= inverse_norm;
    }
    let [linear, cubic, quintic] = COEFFICIENTS.map(F::from_f64);
    let mut product = |out: &mut [F], store: Store, left: Left<'_, F>, right: Right<'_, F>, shape: [usize; 3]| {
        matmul(out, store, left, right, shape, products, PRECISION);
    };
    for _ in 0..ITERATIONS {
        let x = &current[..numbers];
        if rows <= columns {
            pack_transposed(panels, x, columns, rows, PRECISION);
            product(gram, Store::Replace, Left::Rows(x), Right::Panels(panels), [rows, rows, columns]);
        } else {
            product(gram, Store::Replace, Left::Columns(x), Right::Rows(x), [columns, columns, rows]);
        }
        product(polynomial, Store::Replace, Left::Rows(gram), Right::Rows(gram), [side, side, side]);
        for (out, &gram) in polynomial.iter_mut().zip(gram.iter()) {
            *out = cubic * gram + quintic * *out;
        }
        for (out, &x) in next.iter_mut().zip(x) {
            *out = linear * x;
        }
        let (left, right) = if rows <= columns { (&*polynomial, x) } else { (x, &*polynomial) };
        product(next, Store::Add, Left::Rows(left), Right::Rows(right), [rows, columns, side]);
        std::mem::swap(current, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::dispatch::at_every_level;

    const SIDES: [(usize, usize); 6] = [(1, 1), (1, 9), (7, 3), (16, 16), (40, 24), (33, 90)];

    fn numbers(count: usize) -> Vec<f64> {
        let mut state = 5u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
        };
        (0..count).map(|_| draw()).collect()
    }

    fn orthogonalized<F: Real>(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
        let mut scratch = Scratch::<F>::new(SIDES.into_iter());
        for (to, &from) in scratch.current.iter_mut().zip(matrix) {
            *to = F::from_f64(from);
        }
        orthogonalize(&mut scratch, rows, columns);
        scratch.current[..rows * columns].iter().map(|x| x.to_f64()).collect()
    }

    /// `left' right` of two matrices of `rows` rows.
    fn transposed_product(left: &[f64], right: &[f64], rows: usize) -> Vec<f64> {
        let (m, n) = (left.len() / rows, right.len() / rows);
        let entry = |i: usize, j: usize| (0..rows).map(|row| left[row * m + i] * right[row * n + j]).sum();
        (0..m * n).map(|at| entry(at / n, at % n)).collect()
    }

    fn transposed(matrix: &[f64], rows: usize) -> Vec<f64> {
        let columns = matrix.len() / rows;
        (0..matrix.len()).map(|at| matrix[at % rows * columns + at / rows]).collect()
    }

    /// Eigenvalues of a symmetric matrix by Jacobi rotations, ascending.
    fn eigenvalues(mut matrix: Vec<f64>, side: usize) -> Vec<f64> {
        for _ in 0..30 {
            for p in 0..side {
                for q in p + 1..side {
                    let (a, b, off) = (matrix[p * side + p], matrix[q * side + q], matrix[p * side + q]);
                    let angle = 0.5 * (2.0 * off).atan2(a - b);
                    let (sine, cosine) = angle.sin_cos();
                    for i in 0..side {
                        let (x, y) = (matrix[i * side + p], matrix[i * side + q]);
                        matrix[i * side + p] = cosine * x + sine * y;
                        matrix[i * side + q] = cosine * y - sine * x;
                    }
                    for i in 0..side {
                        let (x, y) = (matrix[p * side + i], matrix[q * side + i]);
                        matrix[p * side + i] = cosine * x + sine * y;
                        matrix[q * side + i] = cosine * y - sine * x;
                    }
                }
            }
        }
        let mut values: Vec<f64> = (0..side).map(|i| matrix[i * side + i]).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    #[test]
    fn singular_values_become_what_the_polynomial_makes_of_them() {
        for (rows, columns) in SIDES {
            let matrix = numbers(rows * columns);
            let gram = |matrix: &[f64]| match rows <= columns {
                true => transposed_product(&transposed(matrix, rows), &transposed(matrix, rows), columns),
                false => transposed_product(matrix, matrix, rows),
            };
            let side = rows.min(columns);
            let norm = matrix.iter().map(|x| x * x).sum::<f64>().sqrt();
            let mut expected: Vec<f64> =
                eigenvalues(gram(&matrix), side).into_iter().map(|square| square.max(0.0).sqrt() / norm).collect();
            for _ in 0..5 {
                for x in &mut expected {
                    *x = 3.4445 * *x - 4.7750 * x.powi(3) + 2.0315 * x.powi(5);
                }
            }
            expected.sort_by(f64::total_cmp);
            let ours = eigenvalues(gram(&orthogonalized::<f64>(&matrix, rows, columns)), side);
            for (square, expected) in ours.iter().zip(&expected) {
                assert!((square.max(0.0).sqrt() - expected).abs() < 1e-9, "{rows} x {columns}: {ours:?} {expected:?}");
            }
            // What the five steps are for; the smallest singular values of a square matrix may lag behind.
            assert!(expected[side / 4] > 0.6 && expected[side - 1] < 1.3, "{rows} x {columns}: {expected:?}");
        }
    }

    #[test]
    fn a_tall_matrix_and_its_transpose_get_the_same_answer_on_every_instruction_set() {
        at_every_level(|level| {
            for (rows, columns) in SIDES {
                let matrix = numbers(rows * columns);
                let ours = orthogonalized::<f32>(&matrix, rows, columns);
                let turned = transposed(&orthogonalized::<f32>(&transposed(&matrix, rows), columns, rows), columns);
                let exact = orthogonalized::<f64>(&matrix, rows, columns);
                let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                // Rounding by 2^-24 of numbers up to one, raised by the slope at zero to the fifth power, 485, at most.
                assert!(distance(&ours, &exact) < 5e-5, "{level:?} {rows} x {columns}: {}", distance(&ours, &exact));
                assert!(distance(&turned, &exact) < 5e-5, "{level:?} {rows} x {columns}");
            }
        });
    }

    #[test]
    fn nothing_moves_without_a_gradient_and_what_is_no_number_stays_none() {
        let still = orthogonalized::<f32>(&[0.0; 12], 3, 4);
        assert!(still.iter().all(|x| *x == 0.0));
        let broken = orthogonalized::<f32>(&[f64::NAN; 12], 3, 4);
        assert!(broken.iter().all(|x| x.is_nan()));
    }
}
