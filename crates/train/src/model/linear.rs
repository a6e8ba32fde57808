//! A matrix without bias: forward, and backward to its input and to itself.

use super::layout::Matrix;
use super::pass::Weights;
use crate::kernels::matmul::{Left, Precision, Right, matmul};
use crate::kernels::real::Real;
use crate::kernels::tile::Store;

/// `y (+)= x W'`: x rows x inputs, y rows x outputs.
pub(crate) fn forward<F: Real>(
    matrix: &Matrix,
    weights: &Weights<F>,
    x: &[F],
    y: &mut [F],
    store: Store,
    scratch: &mut [F],
) {
    let rows = x.len() / matrix.inputs;
    let right = Right::Panels(&weights.forward[matrix.forward_panels.clone()]);
    matmul(y, store, Left::Rows(x), right, [rows, matrix.outputs, matrix.inputs], scratch, Precision::Full);
}

/// `dx = dy W`, and `dW += dy' x`: shapes as in [`forward`], gradient the whole flat vector.
pub(crate) fn backward<F: Real>(
    matrix: &Matrix,
    weights: &Weights<F>,
    x: &[F],
    dy: &[F],
    dx: &mut [F],
    gradient: &mut [F],
    scratch: &mut [F],
) {
    let rows = dy.len() / matrix.outputs;
    let right = Right::Panels(&weights.backward[matrix.backward_panels.clone()]);
    let shape = [rows, matrix.inputs, matrix.outputs];
    matmul(dx, Store::Replace, Left::Rows(dy), right, shape, scratch, Precision::Reduced);
    let gradient = &mut gradient[matrix.range.clone()];
    let shape = [matrix.outputs, matrix.inputs, rows];
    matmul(gradient, Store::Add, Left::Columns(dy), Right::Rows(x), shape, scratch, Precision::Reduced);
}
