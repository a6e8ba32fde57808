//! Matrices of `f32` as blocks of bf16: `x` is the sum of its two or three parts, each the nearest bf16 to what is left.
//!
//! A block holds 16 lines of 16 pairs of bf16. In a left factor a line is a row of the product and its pairs run along the
//! inner size; in a right factor a line is a pair of inner indices and its pairs run along the columns of the product. So
//! one is the other with its 16 x 16 pairs transposed.

use std::arch::x86_64::*;

/// Inner indices of a block.
pub(super) const DEPTH: usize = 32;
/// Rows or columns of the product that a block is for.
pub(super) const SIDE: usize = 16;
/// Pairs of bf16, the lower inner index in the lower half.
type Lines = [[u32; SIDE]; SIDE];

/// The parts of 16 x 32 numbers, the largest first.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Block<const PARTS: usize>([Lines; PARTS]);

// SAFETY: plain numbers without padding; every bit pattern is valid.
unsafe impl<const PARTS: usize> bytemuck::Zeroable for Block<PARTS> {}
// SAFETY: as above.
unsafe impl<const PARTS: usize> bytemuck::Pod for Block<PARTS> {}

/// Which factor of a product blocks are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A part of a matrix that is to become a factor.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) values: &'a [f32],
    /// Distance between neighbours along the index that is not contiguous.
    pub(super) stride: usize,
    /// Whether neighbours along the inner size are neighbours in memory.
    pub(super) inner_contiguous: bool,
    /// Rows of a left factor, columns of a right one.
    pub(super) outer: usize,
    pub(super) inner: usize,
}

/// Blocks that a factor takes.
pub(super) fn blocks(outer: usize, inner: usize) -> usize {
    outer.div_ceil(SIDE) * inner.div_ceil(DEPTH)
}

/// Splits a matrix into blocks: for every 16 of the outer size, every 32 of the inner one.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) fn split<const PARTS: usize>(blocks: &mut [Block<PARTS>], side: Side, source: Source<'_>) {
    match (source.inner_contiguous, side) {
        (true, Side::Left) => split_all::<PARTS, true, false>(blocks, source),
        (true, Side::Right) => split_all::<PARTS, true, true>(blocks, source),
        (false, Side::Left) => split_all::<PARTS, false, true>(blocks, source),
        (false, Side::Right) => split_all::<PARTS, false, false>(blocks, source),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn split_all<const PARTS: usize, const CONTIGUOUS: bool, const TRANSPOSED: bool>(
    blocks: &mut [Block<PARTS>],
    source: Source<'_>,
) {
    let Source { values, stride, outer, inner, .. } = source;
    // Outer and inner index as row and column in memory.
    let in_memory = |outer: usize, inner: usize| if CONTIGUOUS { [outer, inner] } else { [inner, outer] };
    let [whole_rows, whole_columns] = in_memory(SIDE, DEPTH);
    let mut blocks = blocks.iter_mut();
    for first in (0..outer).step_by(SIDE) {
        for depth in (0..inner).step_by(DEPTH) {
            let block = blocks.next().expect("there is a block for every part of the matrix");
            let [rows, columns] = in_memory(SIDE.min(outer - first), DEPTH.min(inner - depth));
            let [row, column] = in_memory(first, depth);
            let values = &values[row * stride + column..];
            if rows == whole_rows && columns == whole_columns {
                split_block::<PARTS, CONTIGUOUS, TRANSPOSED>(block, values, stride);
            } else {
                let mut padded = [0.0; SIDE * DEPTH];
                for (padded, values) in padded.chunks_exact_mut(whole_columns).zip(values.chunks(stride)).take(rows) {
                    padded[..columns].copy_from_slice(&values[..columns]);
                }
                split_block::<PARTS, CONTIGUOUS, TRANSPOSED>(block, &padded, whole_columns);
            }
        }
    }
}

/// Splits 16 x 32 numbers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn split_block<const PARTS: usize, const CONTIGUOUS: bool, const TRANSPOSED: bool>(
    block: &mut Block<PARTS>,
    values: &[f32],
    stride: usize,
) {
    if TRANSPOSED {
        /// A store that straddles two cache lines costs twice.
        #[repr(align(64))]
        struct Aligned<const PARTS: usize>([Lines; PARTS]);
        let mut lines = Aligned([[[0; SIDE]; SIDE]; PARTS]);
        split_lines::<PARTS, CONTIGUOUS>(&mut lines.0, values, stride);
        for (block, lines) in block.0.iter_mut().zip(&lines.0) {
            transpose(block, lines);
        }
    } else {
        split_lines::<PARTS, CONTIGUOUS>(&mut block.0, values, stride);
    }
}

/// Splits 16 rows of 32 numbers, pairs being neighbours in a row, or 32 rows of 16, pairs being neighbours in a column.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn split_lines<const PARTS: usize, const CONTIGUOUS: bool>(parts: &mut [Lines; PARTS], values: &[f32], stride: usize) {
    let interleave: [u16; DEPTH] = std::array::from_fn(|word| (word / 2 + word % 2 * SIDE) as u16);
    // SAFETY: 64 bytes of the array.
    let interleave = unsafe { _mm512_loadu_si512(interleave.as_ptr().cast()) };
    let (step, second) = if CONTIGUOUS { (stride, SIDE) } else { (2 * stride, stride) };
    assert!((SIDE - 1) * step + second + SIDE <= values.len());
    for line in 0..SIDE {
        // SAFETY: the last number read is that of the length just asserted.
        let mut rest = unsafe {
            let first = values.as_ptr().add(line * step);
            [_mm512_loadu_ps(first), _mm512_loadu_ps(first.add(second))]
        };
        for part in 0..PARTS {
            let last = part + 1 == PARTS;
            let rounded = if last { rest } else { [nearest(rest[0]), nearest(rest[1])] };
            let pairs = if CONTIGUOUS {
                round(rounded)
            } else if last {
                _mm512_permutexvar_epi16(interleave, round(rounded))
            } else {
                let lower = _mm512_srli_epi32::<16>(_mm512_castps_si512(rounded[0]));
                _mm512_or_si512(lower, _mm512_castps_si512(rounded[1]))
            };
            // SAFETY: a line is 64 bytes.
            unsafe { _mm512_storeu_si512(parts[part][line].as_mut_ptr().cast(), pairs) };
            rest = [_mm512_sub_ps(rest[0], rounded[0]), _mm512_sub_ps(rest[1], rounded[1])];
        }
    }
}

/// The nearest bf16, as `f32`; of two, the one farther from zero. A NaN may become a number, but what is left is NaN then.
#[inline]
#[target_feature(enable = "avx512f")]
fn nearest(numbers: __m512) -> __m512 {
    let half = _mm512_set1_epi32(0x8000);
    let upper_half = _mm512_set1_epi32(0xffff_0000_u32 as i32);
    _mm512_castsi512_ps(_mm512_and_si512(_mm512_add_epi32(_mm512_castps_si512(numbers), half), upper_half))
}

/// 32 numbers rounded to bf16, in their order; NaN stays NaN.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn round(numbers: [__m512; 2]) -> __m512i {
    // SAFETY: both are 512 plain bits.
    unsafe { std::mem::transmute(_mm512_cvtne2ps_pbh(numbers[1], numbers[0])) }
}

/// The transpose of 16 x 16 numbers of 32 bits.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(columns: &mut Lines, rows: &Lines) {
    for first in (0..SIDE).step_by(4) {
        // Register i holds four numbers of each of the rows i, 4 + i, 8 + i and 12 + i: quarter q of all four is a 4 x 4
        // matrix of the rows from 4q on.
        let mut registers = [_mm512_setzero_si512(); 4];
        for (row, register) in registers.iter_mut().enumerate() {
            *register = _mm512_castsi128_si512(quarter(&rows[row], first));
            *register = _mm512_inserti32x4::<1>(*register, quarter(&rows[4 + row], first));
            *register = _mm512_inserti32x4::<2>(*register, quarter(&rows[8 + row], first));
            *register = _mm512_inserti32x4::<3>(*register, quarter(&rows[12 + row], first));
        }
        let [a, b, c, d] = registers;
        let [low, high] = [_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b)];
        let [next_low, next_high] = [_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d)];
        let transposed = [
            _mm512_unpacklo_epi64(low, next_low),
            _mm512_unpackhi_epi64(low, next_low),
            _mm512_unpacklo_epi64(high, next_high),
            _mm512_unpackhi_epi64(high, next_high),
        ];
        for (column, register) in columns[first..first + 4].iter_mut().zip(transposed) {
            // SAFETY: a line is 64 bytes.
            unsafe { _mm512_storeu_si512(column.as_mut_ptr().cast(), register) };
        }
    }
}

/// Four numbers of a line.
#[inline]
#[target_feature(enable = "avx512f")]
fn quarter(line: &[u32; SIDE], first: usize) -> __m128i {
    let numbers = &line[first..first + 4];
    // SAFETY: 16 bytes of the slice.
    unsafe { _mm_loadu_si128(numbers.as_ptr().cast()) }
}
