//! RMSNorm with a gain, forward and backward (Zhang & Sennrich 2019, arXiv:1910.07467).

use super::dispatch::dispatched;
use super::reduce::dot;

/// Added to the mean square before the root.
pub(super) const EPSILON: f64 = 1e-5;

dispatched! {
    /// `normalized = input * r * gain` with `r = 1/sqrt(mean(input^2) + epsilon)`, row by row; r is kept in `scales`.
    ///
    /// input, normalized: rows x width; gain: width; scales: rows.
    norm_forward<F>(input: &[F], gain: &[F], normalized: &mut [F], scales: &mut [F]) {
        let width = gain.len();
        let (inverse_width, epsilon) = (F::from_f64(1.0 / width as f64), F::from_f64(EPSILON));
        let rows = input.chunks_exact(width).zip(normalized.chunks_exact_mut(width)).zip(scales);
        for ((input, normalized), scale) in rows {
            *scale = F::ONE / (dot::<F, L, FUSED>(input, input) * inverse_width + epsilon).sqrt();
            for ((out, &x), &gain) in normalized.iter_mut().zip(input).zip(gain) {
                *out = x * *scale * gain;
            }
        }
    }
}

dispatched! {
    /// Adds the gradient with respect to input and gain, given that with respect to `normalized`:
    ///
    /// ```text
    /// d_input += r (gain d - input r^2 mean(gain d input)),    d_gain += sum over rows of d input r
    /// ```
    norm_backward<F>(
        input: &[F], gain: &[F], scales: &[F], d_normalized: &[F], d_input: &mut [F], d_gain: &mut [F],
        scratch: &mut [F],
    ) {
        let width = gain.len();
        let inverse_width = F::from_f64(1.0 / width as f64);
        let scaled = &mut scratch[..width];
        let rows = input.chunks_exact(width).zip(d_normalized.chunks_exact(width)).zip(scales);
        for (((input, d), &scale), d_input) in rows.zip(d_input.chunks_exact_mut(width)) {
            for i in 0..width {
                scaled[i] = gain[i] * d[i];
            }
            let pull = dot::<F, L, FUSED>(scaled, input) * inverse_width * scale * scale * scale;
            for i in 0..width {
                d_input[i] += scaled[i] * scale - input[i] * pull;
                d_gain[i] += d[i] * input[i] * scale;
            }
        }
    }
}
