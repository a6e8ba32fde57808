//! Matrix product on register tiles: the left factor read in place, the right one packed into panels.

use super::dispatch::dispatched;
use super::real::Real;

/// Columns of a panel, and of a register tile: two 512-bit or four 256-bit registers of `f32`.
pub(crate) const PANEL: usize = 32;

/// Rows of a packed panel: 384 x 32 floats are 48 KiB, the size of a first-level cache.
const PANEL_ROWS: usize = 384;

/// Floats of scratch memory [`matmul`] needs.
pub(crate) const PANEL_FLOATS: usize = PANEL * PANEL_ROWS;

/// The left factor, m x k.
#[derive(Clone, Copy)]
pub(crate) enum Left<'a, F> {
    /// Row-major, m x k.
    Rows(&'a [F]),
    /// The transpose of a row-major k x m matrix.
    Columns(&'a [F]),
}

/// What happens to the values that stand in the output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// They are replaced.
    Replace,
    /// The product is added to them.
    Add,
}

/// A view of a left factor inside a register tile: element (row, step) stands at `row * row_stride + step * step_stride`.
#[derive(Clone, Copy)]
pub(super) struct TileLeft<'a, F> {
    pub(super) values: &'a [F],
    pub(super) row_stride: usize,
    pub(super) step_stride: usize,
}

/// The product of `R` rows of the left factor with one panel, kept in registers over all `steps`.
///
/// `panel` is steps x [`PANEL`], dense; the first `columns` columns are stored in `out`, whose rows lie `out_stride` apart.
#[inline(always)]
pub(super) fn tile<F: Real, const FUSED: bool, const R: usize>(
    steps: usize,
    left: TileLeft<F>,
    panel: &[F],
    out: &mut [F],
    out_stride: usize,
    columns: usize,
    store: Store,
) {
    let panel = &panel.as_chunks::<PANEL>().0[..steps];
    if steps > 0 {
        assert!((R - 1) * left.row_stride + (steps - 1) * left.step_stride < left.values.len());
    }
    let mut sums = [[F::ZERO; PANEL]; R];
    for (step, right) in panel.iter().enumerate() {
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: row < R and step < steps, so the index is at most the one asserted above.
            let factor = unsafe { *left.values.get_unchecked(row * left.row_stride + step * left.step_stride) };
            for column in 0..PANEL {
                sums[column] = factor.mul_add::<FUSED>(right[column], sums[column]);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let out = &mut out[row * out_stride..][..columns];
        match (store, <&mut [F; PANEL]>::try_from(&mut *out)) {
            (Store::Replace, Ok(out)) => *out = *sums,
            (Store::Add, Ok(out)) => {
                for column in 0..PANEL {
                    out[column] += sums[column];
                }
            }
            (Store::Replace, Err(_)) => out.copy_from_slice(&sums[..columns]),
            (Store::Add, Err(_)) => {
                for (out, &sum) in out.iter_mut().zip(sums) {
                    *out += sum;
                }
            }
        }
    }
}

/// Copies `rows` rows of `columns <= PANEL` values that lie `stride` apart into a dense panel, the rest filled with zeros.
#[inline(always)]
pub(super) fn pack_panel<F: Real>(panel: &mut [F], source: &[F], stride: usize, rows: usize, columns: usize) {
    let packed = &mut panel.as_chunks_mut::<PANEL>().0[..rows];
    for (row, packed) in packed.iter_mut().enumerate() {
        let source = &source[row * stride..][..columns];
        match <&[F; PANEL]>::try_from(source) {
            Ok(source) => *packed = *source,
            Err(_) => {
                packed[..columns].copy_from_slice(source);
                packed[columns..].fill(F::ZERO);
            }
        }
    }
}

dispatched! {
    /// `out = left right` or `out += left right`, with the shapes `[m, n, k]`: out m x n, left m x k, right k x n.
    ///
    /// `scratch` holds at least [`PANEL_FLOATS`]. Each output is summed over k in ascending order, in blocks that depend on k
    /// only: the bits of a row do not depend on its neighbours.
    matmul<F>(out: &mut [F], store: Store, left: Left<'_, F>, right: &[F], shape: [usize; 3], scratch: &mut [F]) {
        let [m, n, k] = shape;
        assert!(out.len() >= m * n && right.len() >= k * n, "matrices hold their shapes");
        if k == 0 && store == Store::Replace {
            out[..m * n].fill(F::ZERO);
        }
        let block = k.div_ceil(k.div_ceil(PANEL_ROWS).max(1)).max(1);
        for first_step in (0..k).step_by(block) {
            let steps = block.min(k - first_step);
            let store = if first_step == 0 { store } else { Store::Add };
            let rows_from = |row: usize| match left {
                Left::Rows(values) => {
                    TileLeft { values: &values[row * k + first_step..], row_stride: k, step_stride: 1 }
                }
                Left::Columns(values) => {
                    TileLeft { values: &values[row + first_step * m..], row_stride: 1, step_stride: m }
                }
            };
            for first_column in (0..n).step_by(PANEL) {
                let columns = PANEL.min(n - first_column);
                pack_panel(scratch, &right[first_step * n + first_column..], n, steps, columns);
                let mut row = 0;
                while row + ROWS <= m {
                    let out = &mut out[row * n + first_column..];
                    tile::<F, FUSED, ROWS>(steps, rows_from(row), scratch, out, n, columns, store);
                    row += ROWS;
                }
                while row < m {
                    let out = &mut out[row * n + first_column..];
                    tile::<F, FUSED, 1>(steps, rows_from(row), scratch, out, n, columns, store);
                    row += 1;
                }
            }
        }
    }
}

/// Writes the transpose of the row-major rows x columns matrix `source` into `out`.
pub(crate) fn transpose<F: Real>(out: &mut [F], source: &[F], rows: usize, columns: usize) {
    // Blocks of a cache line each way: a plain double loop misses the cache on every store.
    const BLOCK: usize = 16;
    for first_row in (0..rows).step_by(BLOCK) {
        for first_column in (0..columns).step_by(BLOCK) {
            for row in first_row..rows.min(first_row + BLOCK) {
                for column in first_column..columns.min(first_column + BLOCK) {
                    out[column * rows + row] = source[row * columns + column];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
            })
            .collect()
    }

    #[test]
    fn every_odd_shape_equals_the_triple_loop() {
        let mut scratch = vec![0.0; PANEL_FLOATS];
        for shape @ [m, n, k] in
            [[1, 1, 1], [8, 32, 16], [9, 33, 7], [3, 70, 400], [17, 5, 1000], [64, 64, 0], [0, 4, 3]]
        {
            let (left, right) = (numbers(m * k, 1), numbers(k * n, 2));
            let mut columns = vec![0.0; m * k];
            transpose(&mut columns, &left, m, k);
            for store in [Store::Replace, Store::Add] {
                let before = numbers(m * n, 3);
                for left_form in [Left::Rows(&left), Left::Columns(&columns)] {
                    let mut out = before.clone();
                    matmul(&mut out, store, left_form, &right, shape, &mut scratch);
                    for row in 0..m {
                        for column in 0..n {
                            let product: f64 = (0..k).map(|i| left[row * k + i] * right[i * n + column]).sum();
                            let start = if store == Store::Add { before[row * n + column] } else { 0.0 };
                            assert!(
                                (out[row * n + column] - start - product).abs() < 1e-12,
                                "{shape:?} {row} {column}"
                            );
                        }
                    }
                }
            }
        }
    }
}
