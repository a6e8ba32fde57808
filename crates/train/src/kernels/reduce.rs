//! Sums over a slice, in an order that is fixed and still vectorises.

use super::dispatch::dispatched;
use super::lanes::Lanes;
use super::real::Real;
use super::tile::PANEL;

/// `sum over i of a[i] b[i]`, in [`PANEL`] interleaved partial sums.
#[inline(always)]
pub(super) fn dot<F: Real, L: Lanes<F>, const FUSED: bool>(a: &[F], b: &[F]) -> F {
    let (a_blocks, a_rest) = a.as_chunks::<PANEL>();
    let (b_blocks, b_rest) = b.as_chunks::<PANEL>();
    let mut sums = L::splat(F::ZERO);
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        sums = L::load(a).mul_add(L::load(b), sums);
    }
    let mut lanes = [F::ZERO; PANEL];
    sums.store(&mut lanes);
    let mut sum = fold(lanes, |a, b| a + b);
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        sum = a.mul_add::<FUSED>(b, sum);
    }
    sum
}

/// All lanes combined into one, halving their number each time.
#[inline(always)]
fn fold<F: Real>(lanes: [F; PANEL], combine: impl Fn(F, F) -> F) -> F {
    let halves: [F; 16] = std::array::from_fn(|lane| combine(lanes[lane], lanes[lane + 16]));
    let halves: [F; 8] = std::array::from_fn(|lane| combine(halves[lane], halves[lane + 8]));
    let halves: [F; 4] = std::array::from_fn(|lane| combine(halves[lane], halves[lane + 4]));
    combine(combine(halves[0], halves[2]), combine(halves[1], halves[3]))
}

/// 2^-64: beside the largest weight, which is 1, a smaller one is rounded away in any sum.
const LEAST_WEIGHT: f64 = 5.421_010_862_427_522e-20;

/// e to the power of `exponent`, at most 0, and zero where that is below 2^-64.
///
/// Products of smaller weights with small gradients are subnormal numbers, on which processors take a hundred times as long: attention
/// that is sure of itself trained 2.5 times slower with them.
#[inline(always)]
pub(super) fn weight<F: Real, const FUSED: bool>(exponent: F) -> F {
    let weight = exponent.exp::<FUSED>();
    if weight < F::from_f64(LEAST_WEIGHT) { F::ZERO } else { weight }
}

/// Replaces each value by the [`weight`] of `value - peak` and returns their sum, in [`PANEL`] interleaved partial sums.
#[inline(always)]
pub(super) fn exponentials<F: Real, const FUSED: bool>(values: &mut [F], peak: F) -> F {
    let (blocks, rest) = values.as_chunks_mut::<PANEL>();
    let mut sums = [F::ZERO; PANEL];
    for block in blocks {
        for lane in 0..PANEL {
            block[lane] = weight::<F, FUSED>(block[lane] - peak);
            sums[lane] += block[lane];
        }
    }
    let mut sum = fold(sums, |a, b| a + b);
    for value in rest {
        *value = weight::<F, FUSED>(*value - peak);
        sum += *value;
    }
    sum
}

/// The largest element; meaningless when one is NaN.
#[inline(always)]
pub(super) fn largest<F: Real>(values: &[F]) -> F {
    let mut lanes = [values[0]; PANEL];
    let (blocks, rest) = values.as_chunks::<PANEL>();
    for block in blocks {
        for lane in 0..PANEL {
            lanes[lane] = lanes[lane].at_least(block[lane]);
        }
    }
    rest.iter().fold(fold(lanes, F::at_least), |most, &value| most.at_least(value))
}

dispatched! {
    /// Sum of squares in f64, chunk by chunk: the order does not depend on who adds the chunks.
    sum_of_squares<F>(values: &[F]) -> f64 {
        values.chunks(4096).map(|chunk| dot::<F, L, FUSED>(chunk, chunk).to_f64()).sum()
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
