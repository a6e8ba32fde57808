//! Matrix product on register tiles: the left factor read in place, the right one packed into panels.

use super::dispatch::dispatched;
use super::lanes::Lanes;
use super::real::Real;

/// Columns of a panel, and of a register tile: two 512-bit or four 256-bit registers of `f32`.
pub(crate) const PANEL: usize = 32;

/// Rows of a packed panel: 384 x 32 floats are 48 KiB, the size of a first-level cache.
const PANEL_ROWS: usize = 384;

/// Floats of scratch memory [`matmul`] needs for right factors of up to `columns` columns.
pub(crate) fn scratch_floats(columns: usize) -> usize {
    PANEL_ROWS * (PANEL + columns.next_multiple_of(PANEL))
}

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

/// Where a register tile reads its left factor: the first element, and the distance between rows (when `COLUMNS` is false,
/// steps being neighbours) or between steps (when it is true, rows being neighbours).
#[derive(Clone, Copy)]
pub(crate) struct TileLeft<'a, F, const COLUMNS: bool> {
    pub(crate) values: &'a [F],
    pub(crate) stride: usize,
}

/// Steps between two updates of the addresses of a left factor that is read by rows.
const UNROLL: usize = 4;

/// The product of `R` rows of the left factor with one panel, kept in registers over all `steps`.
///
/// `panel` is steps x [`PANEL`], dense; the first `columns` columns are stored in `out`, whose rows lie `out_stride` apart.
/// Called through [`Lanes::tile`].
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(super) fn tile_body<F: Real, L: Lanes<F>, const R: usize, const COLUMNS: bool>(
    steps: usize,
    left: TileLeft<F, COLUMNS>,
    panel: &[F],
    out: &mut [F],
    out_stride: usize,
    columns: usize,
    store: Store,
) {
    let TileLeft { values: left, stride } = left;
    let panel = &panel.as_chunks::<PANEL>().0[..steps];
    if steps > 0 {
        let last = if COLUMNS { R - 1 + (steps - 1) * stride } else { (R - 1) * stride + steps - 1 };
        assert!(last < left.len());
    }
    // SAFETY of both reads: row < R and step < steps, so the index is at most `last`.
    let mut sums = [L::splat(F::ZERO); R];
    if COLUMNS {
        for (step, right) in panel.iter().enumerate() {
            let right = L::load(right);
            for row in 0..R {
                // SAFETY: see above.
                let factor = unsafe { *left.get_unchecked(step * stride + row) };
                sums[row] = L::splat(factor).mul_add(right, sums[row]);
            }
        }
    } else {
        let (blocks, rest) = panel.as_chunks::<UNROLL>();
        for (block, right) in blocks.iter().enumerate() {
            for step in 0..UNROLL {
                let right = L::load(&right[step]);
                for row in 0..R {
                    // SAFETY: see above.
                    let factor = unsafe { *left.get_unchecked(row * stride + block * UNROLL + step) };
                    sums[row] = L::splat(factor).mul_add(right, sums[row]);
                }
            }
        }
        for (step, right) in rest.iter().enumerate() {
            let right = L::load(right);
            for row in 0..R {
                // SAFETY: see above.
                let factor = unsafe { *left.get_unchecked(row * stride + blocks.len() * UNROLL + step) };
                sums[row] = L::splat(factor).mul_add(right, sums[row]);
            }
        }
    }
    for row in 0..R {
        let out = &mut out[row * out_stride..][..columns];
        if let Ok(out) = <&mut [F; PANEL]>::try_from(&mut *out) {
            let sums = if store == Store::Add { sums[row].add(L::load(out)) } else { sums[row] };
            sums.store(out);
        } else {
            // The panel reaches beyond the matrix.
            let mut edge = [F::ZERO; PANEL];
            sums[row].store(&mut edge);
            for (out, &sum) in out.iter_mut().zip(&edge) {
                *out = if store == Store::Add { *out + sum } else { sum };
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

/// Writes the transpose of `columns <= PANEL` rows of `rows` values that lie `stride` apart into a dense panel of `rows` rows,
/// the rest filled with zeros.
#[inline(always)]
pub(super) fn pack_transposed_panel<F: Real>(
    panel: &mut [F],
    source: &[F],
    stride: usize,
    rows: usize,
    columns: usize,
) {
    let panel = &mut panel.as_chunks_mut::<PANEL>().0[..rows];
    if columns < PANEL {
        panel.as_flattened_mut().fill(F::ZERO);
        for column in 0..columns {
            for (row, &value) in panel.iter_mut().zip(&source[column * stride..][..rows]) {
                row[column] = value;
            }
        }
        return;
    }
    if rows > 0 {
        assert!((PANEL - 1) * stride + rows <= source.len());
    }
    for (row, packed) in panel.iter_mut().enumerate() {
        for column in 0..PANEL {
            // SAFETY: column < PANEL and row < rows, so the index is below the length asserted above. Written as gathers:
            // scattered stores take twice as long.
            packed[column] = unsafe { *source.get_unchecked(column * stride + row) };
        }
    }
}

/// The right factor, k x n.
#[derive(Clone, Copy)]
pub(crate) enum Right<'a, F> {
    /// Row-major, k x n.
    Rows(&'a [F]),
    /// What [`pack`] made of it.
    Panels(&'a [F]),
}

/// Floats a k x n matrix takes in panels.
pub(crate) fn packed_floats(k: usize, n: usize) -> usize {
    k * n.next_multiple_of(PANEL)
}

/// Rearranges a row-major k x n matrix, for many products with it, into n/[`PANEL`] panels of k rows.
pub(crate) fn pack<F: Real>(panels: &mut [F], matrix: &[F], k: usize, n: usize) {
    for (panel, first) in panels.chunks_exact_mut(k * PANEL).zip((0..n).step_by(PANEL)) {
        pack_panel(panel, &matrix[first..], n, k, PANEL.min(n - first));
    }
}

/// [`pack`] of the transpose of a row-major n x k matrix.
pub(crate) fn pack_transposed<F: Real>(panels: &mut [F], matrix: &[F], k: usize, n: usize) {
    for (panel, first) in panels.chunks_exact_mut(k * PANEL).zip((0..n).step_by(PANEL)) {
        pack_transposed_panel(panel, &matrix[first * k..], k, k, PANEL.min(n - first));
    }
}

dispatched! {
    /// `out = left right` or `out += left right`, with the shapes `[m, n, k]`: out m x n, left m x k, right k x n.
    ///
    /// `scratch` holds at least [`scratch_floats`] of n. Each output is summed over k in ascending order, in blocks that
    /// depend on k only: the bits of a row do not depend on its neighbours.
    matmul<F>(
        out: &mut [F], store: Store, left: Left<'_, F>, right: Right<'_, F>, shape: [usize; 3], scratch: &mut [F],
    ) {
        let [m, n, k] = shape;
        assert!(out.len() >= m * n, "the output holds its shape");
        if k == 0 && store == Store::Replace {
            out[..m * n].fill(F::ZERO);
        }
        let (left_scratch, right_scratch) = scratch.split_at_mut(PANEL_ROWS * PANEL);
        let block = k.div_ceil(k.div_ceil(PANEL_ROWS).max(1)).max(1);
        for first_step in (0..k).step_by(block) {
            let steps = block.min(k - first_step);
            let store = if first_step == 0 { store } else { Store::Add };
            let (panels, panel_stride) = match right {
                Right::Panels(panels) => (&panels[first_step * PANEL..], k * PANEL),
                Right::Rows(rows) => {
                    for first in (0..n).step_by(PANEL) {
                        let panel = &mut right_scratch[first * steps..];
                        pack_panel(panel, &rows[first_step * n + first..], n, steps, PANEL.min(n - first));
                    }
                    (&*right_scratch, steps * PANEL)
                }
            };
            match left {
                // A panel stays in the first-level cache while the rows of the left factor pass by.
                Left::Rows(rows) => {
                    for (number, first_column) in (0..n).step_by(PANEL).enumerate() {
                        let (panel, columns) = (&panels[number * panel_stride..], PANEL.min(n - first_column));
                        let mut row = 0;
                        while row < m {
                            let left = TileLeft::<_, false> { values: &rows[row * k + first_step..], stride: k };
                            let out = &mut out[row * n + first_column..];
                            if row + ROWS <= m {
                                L::tile::<ROWS, false>(steps, left, panel, out, n, columns, store);
                                row += ROWS;
                            } else {
                                L::tile::<1, false>(steps, left, panel, out, n, columns, store);
                                row += 1;
                            }
                        }
                    }
                }
                // A few columns at a time are gathered from memory pages far apart, and stay while the panels pass by.
                Left::Columns(left_columns) => {
                    let whole = m / ROWS * ROWS;
                    let columns_from = &left_columns[first_step * m..];
                    for row in (0..whole).step_by(ROWS) {
                        let left = pack_left::<F, ROWS>(left_scratch, &columns_from[row..], m, steps);
                        row_of_tiles::<F, L, ROWS>(steps, left, panels, panel_stride, row, &mut *out, n, store);
                    }
                    for row in whole..m {
                        let left = pack_left::<F, 1>(left_scratch, &columns_from[row..], m, steps);
                        row_of_tiles::<F, L, 1>(steps, left, panels, panel_stride, row, &mut *out, n, store);
                    }
                }
            }
        }
    }
}

/// Copies `R` neighbouring columns of `steps` rows that lie `stride` apart into a dense block.
#[inline(always)]
fn pack_left<'a, F: Real, const R: usize>(
    scratch: &'a mut [F],
    columns: &[F],
    stride: usize,
    steps: usize,
) -> TileLeft<'a, F, true> {
    for (step, packed) in scratch.as_chunks_mut::<R>().0[..steps].iter_mut().enumerate() {
        *packed = *columns[step * stride..].first_chunk().expect("a row of the left factor reaches to its last column");
    }
    TileLeft { values: &scratch[..steps * R], stride: R }
}

/// The product of `R` packed rows of the left factor, from `row` on, with all panels.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn row_of_tiles<F: Real, L: Lanes<F>, const R: usize>(
    steps: usize,
    left: TileLeft<F, true>,
    panels: &[F],
    panel_stride: usize,
    row: usize,
    out: &mut [F],
    n: usize,
    store: Store,
) {
    let left = TileLeft { stride: R, ..left };
    for (number, first_column) in (0..n).step_by(PANEL).enumerate() {
        let (panel, columns) = (&panels[number * panel_stride..], PANEL.min(n - first_column));
        L::tile::<R, true>(steps, left, panel, &mut out[row * n + first_column..], n, columns, store);
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
        let mut scratch = vec![0.0; scratch_floats(70)];
        for shape @ [m, n, k] in
            [[1, 1, 1], [8, 32, 16], [9, 33, 7], [3, 70, 400], [17, 5, 1000], [64, 64, 0], [0, 4, 3]]
        {
            let (left, right) = (numbers(m * k, 1), numbers(k * n, 2));
            let columns: Vec<f64> = (0..m * k).map(|at| left[at % m * k + at / m]).collect();
            let mut panels = [(); 2].map(|()| vec![0.0; packed_floats(k, n)]);
            let transposed: Vec<f64> = (0..k * n).map(|at| right[at % k * n + at / k]).collect();
            if k > 0 {
                pack(&mut panels[0], &right, k, n);
                pack_transposed(&mut panels[1], &transposed, k, n);
            }
            assert!(panels[0] == panels[1]);
            for store in [Store::Replace, Store::Add] {
                let before = numbers(m * n, 3);
                let rights = [Right::Rows(&right), Right::Panels(&panels[0])];
                let lefts = [Left::Rows(&left), Left::Columns(&columns)];
                for (left_form, right_form) in lefts.into_iter().flat_map(|left| rights.map(|right| (left, right))) {
                    let mut out = before.clone();
                    matmul(&mut out, store, left_form, right_form, shape, &mut scratch);
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
