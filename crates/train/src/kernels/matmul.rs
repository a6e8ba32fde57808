//! Matrix product on register tiles: the left factor read in place, the right one packed into panels.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use super::amx;
use super::dispatch::dispatched;
use super::lanes::spans;
pub(crate) use super::operands::{Left, Precision, Right};
use super::pack::pack_panel;
use super::real::Real;
use super::tile::{PANEL, Store, Tile};

/// Most products summed before an output goes back to memory: two panels of so many rows, 40 KiB of `f32`, stay in the
/// first-level cache while the rows of the left factor pass by.
const MOST_STEPS: usize = 160;

/// Floats of scratch memory [`matmul`] needs for right factors of up to `columns` columns.
pub(crate) fn scratch_floats(columns: usize) -> usize {
    let floats = MOST_STEPS * columns.next_multiple_of(PANEL);
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    if amx::available() {
        return floats.max(amx::scratch_floats(columns));
    }
    floats
}

/// `out = left right` or `out += left right`, with the shapes `[m, n, k]`: out m x n, left m x k, right k x n.
///
/// `scratch` holds at least [`scratch_floats`] of n. Each output is summed over k in ascending order, in blocks that
/// depend on k only: the bits of a row do not depend on its neighbours.
pub(crate) fn matmul<F: Real>(
    out: &mut [F],
    store: Store,
    left: Left<'_, F>,
    right: Right<'_, F>,
    shape: [usize; 3],
    scratch: &mut [F],
    precision: Precision,
) {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    if amx::pays::<F>(shape[2], shape[1]) {
        let left = match left {
            Left::Rows(values) => Left::Rows(bytemuck::cast_slice(values)),
            Left::Columns(values) => Left::Columns(bytemuck::cast_slice(values)),
        };
        let right = match right {
            Right::Rows(values) => Right::Rows(bytemuck::cast_slice(values)),
            Right::Panels(values) => Right::Panels(bytemuck::cast_slice(values)),
        };
        let (out, scratch) = (bytemuck::cast_slice_mut(out), bytemuck::cast_slice_mut(scratch));
        return amx::matmul(out, store, left, right, shape, scratch, precision);
    }
    // Vector registers know one precision.
    let _ = precision;
    matmul_by_lanes(out, store, left, right, shape, scratch);
}

dispatched! {
    /// [`matmul`] on vector registers.
    matmul_by_lanes<F>(
        out: &mut [F], store: Store, left: Left<'_, F>, right: Right<'_, F>, shape: [usize; 3], scratch: &mut [F],
    ) {
        let [m, n, k] = shape;
        assert!(out.len() >= m * n, "the output holds its shape");
        if k == 0 && store == Store::Replace {
            out[..m * n].fill(F::ZERO);
        }
        let block = k.div_ceil(k.div_ceil(MOST_STEPS).max(1)).max(1);
        for first_step in (0..k).step_by(block) {
            let steps = block.min(k - first_step);
            let store = if first_step == 0 { store } else { Store::Add };
            let (panels, panel_stride) = match right {
                Right::Panels(panels) => (&panels[first_step * PANEL..], k * PANEL),
                Right::Rows(rows) => {
                    for first in (0..n).step_by(PANEL) {
                        let panel = &mut scratch[first * steps..];
                        pack_panel(panel, &rows[first_step * n + first..], n, steps, PANEL.min(n - first));
                    }
                    (&*scratch, steps * PANEL)
                }
            };
            for (first_column, columns) in spans::<F, L>(n) {
                let panels = &panels[first_column / PANEL * panel_stride..];
                for row in (0..m).step_by(L::rows(columns)) {
                    let rows = L::rows(columns).min(m - row);
                    let out = &mut out[row * n + first_column..];
                    let (values, left_stride) = match left {
                        Left::Rows(values) => (&values[row * k + first_step..], k),
                        // Not gathered first: that costs more than steps that lie on memory pages far apart.
                        Left::Columns(values) => (&values[first_step * m + row..], m),
                    };
                    let tile = Tile {
                        steps, left: values, left_stride, panels, panel_stride, out, out_stride: n, columns, store,
                    };
                    match left {
                        Left::Rows(_) => L::tile::<false>(rows, tile),
                        Left::Columns(_) => L::tile::<true>(rows, tile),
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dispatch::at_every_level;
    use super::super::pack::{pack, pack_transposed, packed_floats};
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

    const SHAPES: [[usize; 3]; 9] = [
        [1, 1, 1],
        [8, 32, 16],
        [9, 33, 7],
        [3, 70, 400],
        [17, 5, 1000],
        [64, 64, 0],
        [0, 4, 3],
        [23, 112, 161],
        [5, 16, 290],
    ];

    /// The largest difference from the triple loop over every shape and form of the factors, with sums of a few hundred terms
    /// of about 1.
    fn largest_error<F: Real>(precision: Precision) -> f64 {
        let round = |values: &[f64]| -> Vec<F> { values.iter().map(|&value| F::from_f64(value)).collect() };
        let mut scratch = vec![F::ZERO; scratch_floats(112)];
        let mut error: f64 = 0.0;
        for shape @ [m, n, k] in SHAPES {
            let (left, right) = (round(&numbers(m * k, 1)), round(&numbers(k * n, 2)));
            let columns: Vec<F> = (0..m * k).map(|at| left[at % m * k + at / m]).collect();
            let mut panels = [(); 2].map(|()| vec![F::ZERO; packed_floats(k, n, precision)]);
            let transposed: Vec<F> = (0..k * n).map(|at| right[at % k * n + at / k]).collect();
            if k > 0 {
                pack(&mut panels[0], &right, k, n, precision);
                pack_transposed(&mut panels[1], &transposed, k, n, precision);
            }
            assert!(panels[0] == panels[1]);
            for store in [Store::Replace, Store::Add] {
                let before = round(&numbers(m * n, 3));
                let rights = [Right::Rows(&right), Right::Panels(&panels[0])];
                let lefts = [Left::Rows(&left), Left::Columns(&columns)];
                for (left_form, right_form) in lefts.into_iter().flat_map(|left| rights.map(|right| (left, right))) {
                    let mut out = before.clone();
                    matmul(&mut out, store, left_form, right_form, shape, &mut scratch, precision);
                    for row in 0..m {
                        for column in 0..n {
                            let terms = (0..k).map(|i| left[row * k + i].to_f64() * right[i * n + column].to_f64());
                            let start = if store == Store::Add { before[row * n + column].to_f64() } else { 0.0 };
                            error = error.max((out[row * n + column].to_f64() - start - terms.sum::<f64>()).abs());
                        }
                    }
                }
            }
        }
        error
    }

    #[test]
    fn every_odd_shape_equals_the_triple_loop_on_every_instruction_set() {
        at_every_level(|level| {
            for precision in [Precision::Full, Precision::Reduced] {
                assert!(largest_error::<f64>(precision) < 1e-12, "{level:?}");
                // A thousand additions to a sum of about ten, each rounded by 2^-24 of it.
                let error = largest_error::<f32>(precision);
                println!("{level:?}, {precision:?}: {error:.1e}");
                assert!(error < 2e-5, "{level:?}, {precision:?}: {error}");
            }
        });
    }

    /// A product of all 13 rows at each precision, given both factors row by row; and the same with each row alone.
    fn together_and_alone(left: &[f32], right: &[f32], k: usize, n: usize, precision: Precision) -> [Vec<f32>; 2] {
        let mut scratch = vec![0.0; scratch_floats(n)];
        [left.len(), k].map(|length| {
            let mut out = vec![0.0; left.len() / k * n];
            for (left, out) in left.chunks(length).zip(out.chunks_mut(length / k * n)) {
                let shape = [length / k, n, k];
                matmul(out, Store::Replace, Left::Rows(left), Right::Rows(right), shape, &mut scratch, precision);
            }
            out
        })
    }

    #[test]
    fn bits_of_a_row_do_not_depend_on_its_neighbours() {
        let (k, n) = (333, 47);
        let [left, right] =
            [13 * k, k * n].map(|count| numbers(count, 5).iter().map(|&x| x as f32).collect::<Vec<_>>());
        at_every_level(|level| {
            for precision in [Precision::Full, Precision::Reduced] {
                let [together, alone] = together_and_alone(&left, &right, k, n, precision);
                assert!(together == alone, "{level:?}, {precision:?}");
            }
        });
    }

    #[test]
    fn bits_added_to_a_row_do_not_depend_on_its_neighbours() {
        // A whole tile of the matrix unit, and a part of one.
        let (m, n, k) = (45, 47, 40);
        let [left, right, before] =
            [m * k, k * n, m * n].map(|count| numbers(count, 5).iter().map(|&x| x as f32).collect::<Vec<_>>());
        let mut scratch = vec![0.0; scratch_floats(n)];
        at_every_level(|level| {
            for precision in [Precision::Full, Precision::Reduced] {
                let [together, alone] = [m, 1].map(|rows| {
                    let mut out = before.clone();
                    for (left, out) in left.chunks(rows * k).zip(out.chunks_mut(rows * n)) {
                        let (left, right) = (Left::Rows(left), Right::Rows(&right));
                        matmul(out, Store::Add, left, right, [rows, n, k], &mut scratch, precision);
                    }
                    out
                });
                assert!(together == alone, "{level:?}, {precision:?}");
            }
        });
    }

    #[test]
    fn what_is_not_finite_is_seen_and_what_is_tiny_does_no_harm() {
        let (k, n) = (40, 33);
        let right = vec![1.0; k * n];
        let quiet_nan_of_all_ones = f32::from_bits(0x7fff_ffff);
        at_every_level(|level| {
            for precision in [Precision::Full, Precision::Reduced] {
                for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, quiet_nan_of_all_ones] {
                    let mut left = vec![1.0; 13 * k];
                    left[7 * k + 35] = odd;
                    let [out, _] = together_and_alone(&left, &right, k, n, precision);
                    for (row, out) in out.chunks(n).enumerate() {
                        let right = |value: &f32| if row == 7 { !value.is_finite() } else { *value == k as f32 };
                        assert!(out.iter().all(right), "{level:?}, {precision:?}: {odd} gives {out:?} in row {row}");
                    }
                }
                // Numbers below the smallest normal one may count as zero.
                for tiny in [f32::MIN_POSITIVE / 8.0, -f32::from_bits(1), 1e-36] {
                    let [out, _] = together_and_alone(&vec![tiny; 13 * k], &right, k, n, precision);
                    let close = |value: &f32| (value - k as f32 * tiny).abs() <= k as f32 * f32::MIN_POSITIVE;
                    assert!(out.iter().all(close), "{level:?}, {precision:?}: {tiny}");
                }
            }
        });
    }
}
