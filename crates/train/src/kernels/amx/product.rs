//! The loops of a product around its blocks, and the packing of its factors.

use std::any::TypeId;

use super::split::{Block, DEPTH, SIDE, Side, Source, blocks, split};
use super::tiles::{Summed, Tiles};
use crate::kernels::dispatch::{Level, level};
use crate::kernels::operands::{Left, Precision, Right};
use crate::kernels::real::Real;
use crate::kernels::tile::Store;

/// Most products summed before an output goes back to memory: 32 columns of so many stay in the first-level cache.
const MOST_STEPS: usize = 256;
/// Most rows of the left factor split together: their blocks stay in the second-level cache.
const MOST_ROWS: usize = 256;
/// Rows and columns of the smallest product.
const TILE: usize = 2 * SIDE;

/// Floats of the largest block.
const MOST_FLOATS: usize = floats::<3>();

/// Floats of a block.
const fn floats<const PARTS: usize>() -> usize {
    size_of::<Block<PARTS>>() / size_of::<f32>()
}

/// Floats of scratch memory for products with so many columns.
pub(crate) fn scratch_floats(columns: usize) -> usize {
    (blocks(MOST_ROWS, MOST_STEPS) + blocks(columns, MOST_STEPS)) * MOST_FLOATS
}

/// Whether products with a right factor of k rows and n columns are done here: of `f32`, on a processor that can, and large
/// enough to fill a good part of the blocks.
pub(crate) fn pays<F: Real>(k: usize, n: usize) -> bool {
    level() == Level::Amx && TypeId::of::<F>() == TypeId::of::<f32>() && k >= SIDE && n >= SIDE
}

/// Floats of a right factor in blocks.
pub(crate) fn packed_floats(k: usize, n: usize, precision: Precision) -> usize {
    blocks(n, k)
        * match precision {
            Precision::Full => floats::<3>(),
            Precision::Reduced => floats::<2>(),
        }
}

/// Splits a row-major k x n matrix into blocks of a right factor.
pub(crate) fn pack(packed: &mut [f32], matrix: &[f32], k: usize, n: usize, precision: Precision) {
    split_right(packed, Source { values: matrix, stride: n, inner_contiguous: false, outer: n, inner: k }, precision);
}

/// [`pack`] of the transpose of a row-major n x k matrix.
pub(crate) fn pack_transposed(packed: &mut [f32], matrix: &[f32], k: usize, n: usize, precision: Precision) {
    split_right(packed, Source { values: matrix, stride: k, inner_contiguous: true, outer: n, inner: k }, precision);
}

fn split_right(packed: &mut [f32], source: Source<'_>, precision: Precision) {
    assert!(super::available());
    // SAFETY: the processor has the instructions, as just asserted.
    unsafe {
        match precision {
            Precision::Full => split(blocks_of::<3>(packed), Side::Right, source),
            Precision::Reduced => split(blocks_of::<2>(packed), Side::Right, source),
        }
    }
}

/// As many whole blocks as the memory holds.
fn blocks_of<const PARTS: usize>(memory: &mut [f32]) -> &mut [Block<PARTS>] {
    let whole = memory.len() / floats::<PARTS>() * floats::<PARTS>();
    bytemuck::cast_slice_mut(&mut memory[..whole])
}

/// [`matmul`](crate::kernels::matmul::matmul) on the matrix unit, for which it [`pays`].
pub(crate) fn matmul(
    out: &mut [f32],
    store: Store,
    left: Left<'_, f32>,
    right: Right<'_, f32>,
    shape: [usize; 3],
    scratch: &mut [f32],
    precision: Precision,
) {
    match precision {
        Precision::Full => of_parts::<3>(out, store, left, right, shape, scratch),
        Precision::Reduced => of_parts::<2>(out, store, left, right, shape, scratch),
    }
}

fn of_parts<const PARTS: usize>(
    out: &mut [f32],
    store: Store,
    left: Left<'_, f32>,
    right: Right<'_, f32>,
    [m, n, k]: [usize; 3],
    scratch: &mut [f32],
) where
    Block<PARTS>: Summed,
{
    let depth = k.div_ceil(DEPTH);
    let chunk = depth.div_ceil(depth.div_ceil(MOST_STEPS / DEPTH));
    let tiles = Tiles::new();
    let (left_blocks, right_blocks) = blocks_of::<PARTS>(scratch).split_at_mut(blocks(MOST_ROWS, MOST_STEPS));
    for first_depth in (0..depth).step_by(chunk) {
        let depths = chunk.min(depth - first_depth);
        let first_step = first_depth * DEPTH;
        let inner = (depths * DEPTH).min(k - first_step);
        let add = store == Store::Add || first_depth > 0;
        let (right_blocks, right_stride) = match right {
            Right::Panels(packed) => {
                // Narrow factors have the memory that vector registers would need, which is more and no whole number of blocks.
                let whole = packed.len() / floats::<PARTS>() * floats::<PARTS>();
                (&bytemuck::cast_slice(&packed[..whole])[first_depth..], depth)
            }
            Right::Rows(values) => {
                let values = &values[first_step * n..];
                let source = Source { values, stride: n, inner_contiguous: false, outer: n, inner };
                // SAFETY: that there is a `Tiles` says that the processor has the instructions.
                unsafe { split(right_blocks, Side::Right, source) };
                (&*right_blocks, depths)
            }
        };
        for first_row in (0..m).step_by(MOST_ROWS) {
            let rows = MOST_ROWS.min(m - first_row);
            let (values, stride) = match left {
                Left::Rows(values) => (&values[first_row * k + first_step..], k),
                Left::Columns(values) => (&values[first_step * m + first_row..], m),
            };
            let inner_contiguous = matches!(left, Left::Rows(_));
            // SAFETY: as above.
            unsafe { split(left_blocks, Side::Left, Source { values, stride, inner_contiguous, outer: rows, inner }) };
            for first_column in (0..n).step_by(TILE) {
                let columns = TILE.min(n - first_column);
                let right = pair(&right_blocks[first_column / SIDE * right_stride..], columns, right_stride, depths);
                for row in (0..rows).step_by(TILE) {
                    let height = TILE.min(rows - row);
                    let left = pair(&left_blocks[row / SIDE * depths..], height, depths, depths);
                    let out = &mut out[(first_row + row) * n + first_column..];
                    if height == TILE && columns == TILE {
                        tiles.multiply(left, right, out, n, add);
                    } else {
                        // The tile reaches beyond the matrix. Its sums begin where those of a whole one do: added afterwards they
                        // would be rounded otherwise, and a row's bits depend on how many rows stand beside it.
                        let mut whole = [[0.0; TILE]; TILE];
                        if add {
                            for (sums, out) in whole[..height].iter_mut().zip(out.chunks(n)) {
                                sums[..columns].copy_from_slice(&out[..columns]);
                            }
                        }
                        tiles.multiply(left, right, whole.as_flattened_mut(), TILE, add);
                        for (out, sums) in out.chunks_mut(n).zip(&whole[..height]) {
                            out[..columns].copy_from_slice(&sums[..columns]);
                        }
                    }
                }
            }
        }
    }
}

/// The blocks of two neighbours, `stride` blocks apart, or the same twice if there is no second one.
fn pair<B>(blocks: &[B], size: usize, stride: usize, depths: usize) -> [&[B]; 2] {
    let second = if size > SIDE { stride } else { 0 };
    [&blocks[..depths], &blocks[second..][..depths]]
}
