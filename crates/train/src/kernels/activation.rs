//! The activation of a feed-forward block, gated (`f(gate) * up`: Shazeer 2020, arXiv:2002.05202) or plain, forward and backward.

use super::dispatch::dispatched;
use super::real::Real;
use crate::spec::Activation;

dispatched! {
    /// `activated = f(gate) * up`, each row of `hidden` holding `width` gates, then `width` ups; without gates `f(hidden)`.
    activate<F>(function: Activation, hidden: &[F], activated: &mut [F], width: usize, gated: bool) {
        match function {
            Activation::Silu => forward::<F, Silu, FUSED>(hidden, activated, width, gated),
            Activation::Gelu => forward::<F, Gelu, FUSED>(hidden, activated, width, gated),
            Activation::ReluSquared => forward::<F, ReluSquared, FUSED>(hidden, activated, width, gated),
        }
    }
}

dispatched! {
    /// Replaces `hidden` by the gradient with respect to it, given that with respect to the activated values.
    activate_backward<F>(function: Activation, hidden: &mut [F], d_activated: &[F], width: usize, gated: bool) {
        match function {
            Activation::Silu => backward::<F, Silu, FUSED>(hidden, d_activated, width, gated),
            Activation::Gelu => backward::<F, Gelu, FUSED>(hidden, d_activated, width, gated),
            Activation::ReluSquared => backward::<F, ReluSquared, FUSED>(hidden, d_activated, width, gated),
        }
    }
}

/// A function of one number with its slope.
trait Function {
    /// `f(x)` and `f'(x)`; a NaN stays one.
    fn value_and_slope<F: Real, const FUSED: bool>(x: F) -> (F, F);
}

struct Silu;
struct Gelu;
struct ReluSquared;

#[inline(always)]
fn sigmoid<F: Real, const FUSED: bool>(x: F) -> F {
    F::ONE / (F::ONE + (-x).exp::<FUSED>())
}

impl Function for Silu {
    #[inline(always)]
    fn value_and_slope<F: Real, const FUSED: bool>(x: F) -> (F, F) {
        let sigmoid = sigmoid::<F, FUSED>(x);
        let silu = x * sigmoid;
        (silu, sigmoid + silu * (F::ONE - sigmoid))
    }
}

impl Function for Gelu {
    /// `(1 + tanh(u))/2 = sigmoid(2u)`, with `2u = sqrt(8/pi) (x + 0.044715 x^3)`.
    #[inline(always)]
    fn value_and_slope<F: Real, const FUSED: bool>(x: F) -> (F, F) {
        const CUBE: f64 = 0.044715;
        /// sqrt(8/pi).
        const ROOT: f64 = 1.595_769_121_605_730_8;
        let [one, cube] = [ROOT, ROOT * CUBE].map(F::from_f64);
        let square = x * x;
        let sigmoid = sigmoid::<F, FUSED>(x * (one + cube * square));
        let gelu = x * sigmoid;
        (gelu, sigmoid + gelu * (F::ONE - sigmoid) * (one + F::from_f64(3.0 * ROOT * CUBE) * square))
    }
}

impl Function for ReluSquared {
    #[inline(always)]
    fn value_and_slope<F: Real, const FUSED: bool>(x: F) -> (F, F) {
        let relu = x.at_least(F::ZERO);
        (relu * relu, relu + relu)
    }
}

#[inline(always)]
fn forward<F: Real, A: Function, const FUSED: bool>(hidden: &[F], activated: &mut [F], width: usize, gated: bool) {
    if !gated {
        for (out, &x) in activated.iter_mut().zip(hidden) {
            *out = A::value_and_slope::<F, FUSED>(x).0;
        }
        return;
    }
    for (hidden, activated) in hidden.chunks_exact(2 * width).zip(activated.chunks_exact_mut(width)) {
        let (gate, up) = hidden.split_at(width);
        for i in 0..width {
            activated[i] = A::value_and_slope::<F, FUSED>(gate[i]).0 * up[i];
        }
    }
}

#[inline(always)]
fn backward<F: Real, A: Function, const FUSED: bool>(hidden: &mut [F], d_activated: &[F], width: usize, gated: bool) {
    if !gated {
        for (x, &d) in hidden.iter_mut().zip(d_activated) {
            *x = d * A::value_and_slope::<F, FUSED>(*x).1;
        }
        return;
    }
    for (hidden, d) in hidden.chunks_exact_mut(2 * width).zip(d_activated.chunks_exact(width)) {
        let (gate, up) = hidden.split_at_mut(width);
        for i in 0..width {
            let (value, slope) = A::value_and_slope::<F, FUSED>(gate[i]);
            gate[i] = d[i] * up[i] * slope;
            up[i] = d[i] * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dispatch::at_every_level;
    use super::*;

    const FUNCTIONS: [Activation; 3] = [Activation::Silu, Activation::Gelu, Activation::ReluSquared];

    /// The functions as their papers write them.
    fn exact(function: Activation, x: f64) -> f64 {
        match function {
            Activation::Silu => x / (1.0 + (-x).exp()),
            Activation::Gelu => {
                0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
            }
            Activation::ReluSquared => x.max(0.0).powi(2),
        }
    }

    #[test]
    fn each_function_is_the_one_of_its_paper_on_every_instruction_set() {
        let points: Vec<f64> = (-600..=600).map(|step| f64::from(step) * 0.02).collect();
        let hidden: Vec<f32> = points.iter().map(|&x| x as f32).collect();
        at_every_level(|level| {
            for function in FUNCTIONS {
                let mut activated = vec![0.0; hidden.len()];
                activate(function, &hidden, &mut activated, 1, false);
                for (&x, &value) in points.iter().zip(&activated) {
                    let wanted = exact(function, x);
                    let error = (f64::from(value) - wanted).abs();
                    // Gelu rounds the argument of an exponential, whose relative error grows with the argument.
                    assert!(error < 3e-6 * wanted.abs() + 1e-6, "{level:?} {function:?}({x}) = {value} for {wanted}");
                }
            }
        });
    }

    #[test]
    fn what_is_no_number_stays_none_and_the_largest_stay_finite() {
        for function in FUNCTIONS {
            let mut activated = [0.0f32; 3];
            activate(function, &[f32::NAN, 1e4, -1e4], &mut activated, 1, false);
            assert!(activated[0].is_nan() && activated[1] >= 1e4 && activated[2].abs() < 1e-20, "{activated:?}");
            let mut hidden = [f32::NAN, 1e4, -1e4];
            activate_backward(function, &mut hidden, &[1.0; 3], 1, false);
            assert!(hidden[0].is_nan() && hidden[1] >= 1.0 && hidden[2].abs() < 1e-20, "{hidden:?}");
        }
    }
}
