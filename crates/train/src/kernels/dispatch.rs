//! Compiles one function body for several instruction sets and picks the best one at run time.

/// Instruction sets the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// AVX-512 F, VL, DQ and BW: 16 floats a register, 32 registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 and FMA: 8 floats a register, 16 registers.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What the target always has: SSE2 on x86-64, NEON on aarch64.
    Portable,
}

/// The best instruction set this machine has. Detection is cached by the standard library.
#[inline]
pub(crate) fn level() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
        {
            return Level::Avx512;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Level::Avx2;
        }
    }
    Level::Portable
}

/// Defines a function whose body is compiled once per [`Level`]; inside it two constants are in scope:
///
/// * `FUSED`: whether `a * b + c` is one instruction;
/// * `ROWS`: rows of a register tile of [`PANEL`](super::matmul::PANEL) columns; a divisor of it.
///
/// Everything the body calls must be `#[inline(always)]`, or it is compiled for the baseline.
macro_rules! dispatched {
    ($(#[$meta:meta])* $name:ident<$float:ident>($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        pub(crate) fn $name<$float: $crate::kernels::real::Real>($($argument: $kind),*) $(-> $result)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body<$float: $crate::kernels::real::Real, const FUSED: bool, const ROWS: usize>(
                $($argument: $kind),*
            ) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx512<$float: $crate::kernels::real::Real>($($argument: $kind),*) $(-> $result)? {
                body::<$float, true, 8>($($argument),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2<$float: $crate::kernels::real::Real>($($argument: $kind),*) $(-> $result)? {
                body::<$float, true, 2>($($argument),*)
            }

            match $crate::kernels::dispatch::level() {
                // SAFETY: `level` returns this only where the processor has these instructions.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::dispatch::Level::Avx512 => unsafe { avx512($($argument),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::dispatch::Level::Avx2 => unsafe { avx2($($argument),*) },
                #[cfg(target_arch = "aarch64")]
                $crate::kernels::dispatch::Level::Portable => body::<$float, true, 2>($($argument),*),
                #[cfg(not(target_arch = "aarch64"))]
                $crate::kernels::dispatch::Level::Portable => body::<$float, false, 1>($($argument),*),
            }
        }
    };
}

pub(crate) use dispatched;
