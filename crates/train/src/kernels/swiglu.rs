//! The gated activation `silu(gate) * up` (Shazeer 2020, arXiv:2002.05202), forward and backward.

use super::dispatch::dispatched;

dispatched! {
    /// `activated = silu(gate) * up`; each row of `gate_up` holds `width` gates, then `width` ups.
    swiglu_forward<F>(gate_up: &[F], activated: &mut [F], width: usize) {
        for (gate_up, activated) in gate_up.chunks_exact(2 * width).zip(activated.chunks_exact_mut(width)) {
            let (gate, up) = gate_up.split_at(width);
            for i in 0..width {
                let sigmoid = F::ONE / (F::ONE + (-gate[i]).exp::<FUSED>());
                activated[i] = gate[i] * sigmoid * up[i];
            }
        }
    }
}

dispatched! {
    /// Replaces `gate_up` by the gradient with respect to it, given that with respect to the activated values.
    swiglu_backward<F>(gate_up: &mut [F], d_activated: &[F], width: usize) {
        for (gate_up, d) in gate_up.chunks_exact_mut(2 * width).zip(d_activated.chunks_exact(width)) {
            let (gate, up) = gate_up.split_at_mut(width);
            for i in 0..width {
                let sigmoid = F::ONE / (F::ONE + (-gate[i]).exp::<FUSED>());
                let silu = gate[i] * sigmoid;
                gate[i] = d[i] * up[i] * (sigmoid + silu * (F::ONE - sigmoid));
                up[i] = d[i] * silu;
            }
        }
    }
}
