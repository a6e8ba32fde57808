//! Sums over a slice, in an order that is fixed and still vectorises.

use super::dispatch::dispatched;
use super::real::Real;

/// Partial sums kept side by side: four registers of eight, or two of sixteen.
const LANES: usize = 32;

/// `sum over i of a[i] b[i]`, in [`LANES`] interleaved partial sums.
#[inline(always)]
pub(super) fn dot<F: Real, const FUSED: bool>(a: &[F], b: &[F]) -> F {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [F::ZERO; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] = a[lane].mul_add::<FUSED>(b[lane], sums[lane]);
        }
    }
    let mut sum = fold(sums);
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        sum = a.mul_add::<FUSED>(b, sum);
    }
    sum
}

/// The sum of the lanes, halving their number each time.
#[inline(always)]
fn fold<F: Real>(mut lanes: [F; LANES]) -> F {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            let other = lanes[lane + width];
            lanes[lane] += other;
        }
        width /= 2;
    }
    lanes[0]
}

/// The sum of the elements, in [`LANES`] interleaved partial sums.
#[inline(always)]
pub(super) fn sum<F: Real>(values: &[F]) -> F {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut sums = [F::ZERO; LANES];
    for block in blocks {
        for lane in 0..LANES {
            sums[lane] += block[lane];
        }
    }
    rest.iter().fold(fold(sums), |sum, &value| sum + value)
}

/// The largest element; meaningless when one is NaN.
#[inline(always)]
pub(super) fn largest<F: Real>(values: &[F]) -> F {
    let mut lanes = [values[0]; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for lane in 0..LANES {
            lanes[lane] = lanes[lane].at_least(block[lane]);
        }
    }
    lanes.iter().chain(rest).fold(values[0], |most, &value| most.at_least(value))
}

dispatched! {
    /// Sum of squares in f64, chunk by chunk: the order does not depend on who adds the chunks.
    sum_of_squares<F>(values: &[F]) -> f64 {
        values.chunks(4096).map(|chunk| dot::<F, FUSED>(chunk, chunk).to_f64()).sum()
    }
}

dispatched! {
    /// `total[i] += part[i]`.
    add<F>(total: &mut [F], part: &[F]) {
        for (total, &part) in total.iter_mut().zip(part) {
            *total += part;
        }
    }
}
