//! The two floats the trainer is written for: `f32` to train, `f64` to check gradients against finite differences.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

#[cfg(target_arch = "x86_64")]
use super::lanes::{self, Lanes};

/// A float the kernels are generic over. Sealed by being crate-private.
pub(crate) trait Real:
    bytemuck::Pod
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + SubAssign
    + Mul<Output = Self>
    + MulAssign
    + Div<Output = Self>
    + Neg<Output = Self>
{
    const ZERO: Self;
    const ONE: Self;

    /// A row of a register tile on a processor with AVX-512.
    #[cfg(target_arch = "x86_64")]
    type Avx512: Lanes<Self>;
    /// The same with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    type Avx2: Lanes<Self>;

    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
    fn sqrt(self) -> Self;

    /// `self * factor + term`, rounded once where `FUSED`: without the instruction a fused product is a slow library call.
    fn mul_add<const FUSED: bool>(self, factor: Self, term: Self) -> Self;

    /// e to the power of `self`, to about one unit in the last place; flushes to the smallest normal number, keeps NaN.
    fn exp<const FUSED: bool>(self) -> Self;

    /// The larger one; a NaN in `self` stays.
    #[inline(always)]
    fn at_least(self, floor: Self) -> Self {
        if self < floor { floor } else { self }
    }

    /// The smaller one; a NaN in `self` stays.
    #[inline(always)]
    fn at_most(self, ceiling: Self) -> Self {
        if self > ceiling { ceiling } else { self }
    }
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[cfg(target_arch = "x86_64")]
    type Avx512 = lanes::Avx512;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = lanes::Avx2;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn mul_add<const FUSED: bool>(self, factor: Self, term: Self) -> Self {
        if FUSED { self.mul_add(factor, term) } else { self * factor + term }
    }

    /// `2^n e^r` with n the nearest integer to `x / ln 2` and a minimax polynomial for `e^r` (Cephes, `expf`): branchless, so
    /// that a loop over it becomes vector instructions.
    #[inline(always)]
    fn exp<const FUSED: bool>(self) -> Self {
        // Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the mantissa.
        const ROUND: f32 = 12_582_912.0;
        // ln 2 in two parts, the first exact in few bits, so that `n * LN2_HIGH` is exact.
        const LN2_HIGH: f32 = 0.693_359_4;
        const LN2_LOW: f32 = -2.121_944_4e-4;
        const POLYNOMIAL: [f32; 5] = [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 0.5];
        let x = self.at_least(-87.3).at_most(88.3);
        let shifted = Real::mul_add::<FUSED>(x, std::f32::consts::LOG2_E, ROUND);
        let n = shifted - ROUND;
        let r = Real::mul_add::<FUSED>(n, -LN2_LOW, Real::mul_add::<FUSED>(n, -LN2_HIGH, x));
        let mut sum = 1.987_569_1e-4;
        for coefficient in POLYNOMIAL {
            sum = Real::mul_add::<FUSED>(sum, r, coefficient);
        }
        let mantissa = Real::mul_add::<FUSED>(sum, r * r, r) + 1.0;
        let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
        mantissa * f32::from_bits(exponent)
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[cfg(target_arch = "x86_64")]
    type Avx512 = lanes::Array<f64, true>;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = lanes::Array<f64, true>;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn mul_add<const FUSED: bool>(self, factor: Self, term: Self) -> Self {
        if FUSED { self.mul_add(factor, term) } else { self * factor + term }
    }

    #[inline(always)]
    fn exp<const FUSED: bool>(self) -> Self {
        super::elementary::exp(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Real;

    #[test]
    fn exp_is_right_to_two_units_in_the_last_place() {
        for step in 0..200_000 {
            let x = -87.0 + step as f32 * 175.0 / 200_000.0;
            let exact = f64::from(x).exp();
            for ours in [Real::exp::<true>(x), Real::exp::<false>(x)] {
                let error = (f64::from(ours) / exact - 1.0).abs();
                assert!(error < 2.5e-7, "exp({x}) = {ours}, relative error {error}");
            }
        }
    }

    #[test]
    fn exp_keeps_nan_and_never_overflows_to_garbage() {
        assert!(Real::exp::<true>(f32::NAN).is_nan());
        assert!(Real::exp::<true>(f32::NEG_INFINITY) < 1e-37);
        assert!(Real::exp::<true>(f32::INFINITY) > 1e38);
    }
}
