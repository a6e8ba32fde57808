//! One AdamW update of a run of parameters that share their constants (Loshchilov & Hutter 2019, arXiv:1711.05101).

use super::dispatch::dispatched;

/// The constants of one update, bias corrections included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Update<F> {
    /// What the gradient is multiplied by first: the clipping.
    pub(crate) gradient_scale: F,
    pub(crate) beta1: F,
    pub(crate) beta2: F,
    /// Learning rate over the first moment's bias correction, `1 - beta1^t`.
    pub(crate) rate: F,
    /// `1/sqrt(1 - beta2^t)`.
    pub(crate) root_correction: F,
    pub(crate) epsilon: F,
    /// `1 - learning rate * weight decay`.
    pub(crate) keep: F,
}

dispatched! {
    /// ```text
    /// m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g^2
    /// w = keep w - rate m / (sqrt(v) root_correction + epsilon)
    /// ```
    update<F>(weights: &mut [F], first: &mut [F], second: &mut [F], gradient: &[F], constants: &Update<F>) {
        let c = *constants;
        let (rest1, rest2) = (F::ONE - c.beta1, F::ONE - c.beta2);
        for (((weight, m), v), &g) in weights.iter_mut().zip(first).zip(second).zip(gradient) {
            let g = g * c.gradient_scale;
            *m = c.beta1 * *m + rest1 * g;
            *v = c.beta2 * *v + rest2 * (g * g);
            *weight = c.keep * *weight - c.rate * *m / (v.sqrt() * c.root_correction + c.epsilon);
        }
    }
}
