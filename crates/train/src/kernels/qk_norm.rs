//! Root-mean-square norm of every head's queries and keys, without gains, forward and backward.

use super::dispatch::dispatched;
use super::norm::EPSILON;
use super::real::Real;

/// Partial sums of a product of two heads: heads are narrower than a tile's panel.
const LANES: usize = 8;

dispatched! {
    /// `x <- x r` with `r = 1/sqrt(mean(x^2) + epsilon)` for the queries and keys of each head; r is kept in `scales`.
    ///
    /// projections: rows x 3 heads head_width (queries, keys, values); scales: rows x 2 heads.
    qk_norm_forward<F>(projections: &mut [F], heads: usize, head_width: usize, scales: &mut [F]) {
        let (inverse_width, epsilon) = (F::from_f64(1.0 / head_width as f64), F::from_f64(EPSILON));
        let rows = projections.chunks_exact_mut(3 * heads * head_width).zip(scales.chunks_exact_mut(2 * heads));
        for (row, scales) in rows {
            for (channels, scale) in row.chunks_exact_mut(head_width).zip(scales) {
                *scale = F::ONE / (short_dot::<F, FUSED>(channels, channels) * inverse_width + epsilon).sqrt();
                for x in channels {
                    *x *= *scale;
                }
            }
        }
    }
}

dispatched! {
    /// Replaces `d_projections`, the gradient with respect to the values in `projections`, by that with respect to what was
    /// normalised, still rotated and, for the queries, still to be multiplied by `query_scale`:
    ///
    /// ```text
    /// d <- r (d - y mean(y d)/s^2)
    /// ```
    ///
    /// with y the values, r from [`qk_norm_forward`], s the query scale for queries and 1 for keys.
    qk_norm_backward<F>(
        projections: &[F], heads: usize, head_width: usize, scales: &[F], query_scale: F, d_projections: &mut [F],
    ) {
        let (row_width, inverse_width) = (3 * heads * head_width, F::from_f64(1.0 / head_width as f64));
        let query_factor = inverse_width / (query_scale * query_scale);
        let rows = projections.chunks_exact(row_width).zip(d_projections.chunks_exact_mut(row_width));
        for ((row, d_row), scales) in rows.zip(scales.chunks_exact(2 * heads)) {
            let channels = row.chunks_exact(head_width).zip(d_row.chunks_exact_mut(head_width)).zip(scales);
            for (head, ((y, d), &scale)) in channels.enumerate() {
                let factor = if head < heads { query_factor } else { inverse_width };
                let pull = short_dot::<F, FUSED>(y, d) * factor;
                for (d, &y) in d.iter_mut().zip(y) {
                    *d = scale * (*d - y * pull);
                }
            }
        }
    }
}

/// `sum over i of a[i] b[i]` of short slices, in [`LANES`] interleaved partial sums.
#[inline(always)]
fn short_dot<F: Real, const FUSED: bool>(a: &[F], b: &[F]) -> F {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [F::ZERO; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] = a[lane].mul_add::<FUSED>(b[lane], sums[lane]);
        }
    }
    let halves: [F; LANES / 2] = std::array::from_fn(|lane| sums[lane] + sums[lane + LANES / 2]);
    let mut sum = (halves[0] + halves[2]) + (halves[1] + halves[3]);
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        sum = a.mul_add::<FUSED>(b, sum);
    }
    sum
}
