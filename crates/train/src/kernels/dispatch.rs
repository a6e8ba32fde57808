//! Compiles one function body for several instruction sets and picks the best one at run time.

/// Instruction sets the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// AVX-512, and products of `f32` matrices on the matrix unit where they are large enough.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    Amx,
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
pub(crate) fn best_level() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("fma")
        {
            #[cfg(target_os = "linux")]
            if super::amx::available() {
                return Level::Amx;
            }
            return Level::Avx512;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Level::Avx2;
        }
    }
    Level::Portable
}

#[cfg(not(test))]
pub(crate) use best_level as level;

#[cfg(test)]
pub(crate) use forced::{at_every_level, level};

/// Defines a function whose body is compiled once per [`Level`]; inside it two generics are in scope:
///
/// * `L`: the [`Lanes`](super::lanes::Lanes) of a row of a register tile;
/// * `FUSED`: whether `a * b + c` is one instruction.
///
/// Everything the body calls must be `#[inline(always)]`, or it is compiled for the baseline.
macro_rules! dispatched {
    ($(#[$meta:meta])* $name:ident<$float:ident>($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        pub(crate) fn $name<$float: $crate::kernels::real::Real>($($argument: $kind),*) $(-> $result)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body<
                $float: $crate::kernels::real::Real,
                L: $crate::kernels::lanes::Lanes<$float>,
                const FUSED: bool,
            >(
                $($argument: $kind),*
            ) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx512<$float: $crate::kernels::real::Real>($($argument: $kind),*) $(-> $result)? {
                body::<$float, $float::Avx512, true>($($argument),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2<$float: $crate::kernels::real::Real>($($argument: $kind),*) $(-> $result)? {
                body::<$float, $float::Avx2, true>($($argument),*)
            }

            match $crate::kernels::dispatch::level() {
                // SAFETY: `level` returns this only where the processor has these instructions.
                #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
                $crate::kernels::dispatch::Level::Amx => unsafe { avx512($($argument),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::dispatch::Level::Avx512 => unsafe { avx512($($argument),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::dispatch::Level::Avx2 => unsafe { avx2($($argument),*) },
                #[cfg(target_arch = "aarch64")]
                $crate::kernels::dispatch::Level::Portable =>
                    body::<$float, $crate::kernels::lanes::Array<$float, true>, true>($($argument),*),
                #[cfg(not(target_arch = "aarch64"))]
                $crate::kernels::dispatch::Level::Portable =>
                    body::<$float, $crate::kernels::lanes::Array<$float, false>, false>($($argument),*),
            }
        }
    };
}

pub(crate) use dispatched;

/// Lets tests run a kernel on every instruction set the machine has.
#[cfg(test)]
mod forced {
    use super::{Level, best_level};
    use std::cell::Cell;

    thread_local! {
        static FORCED: Cell<Option<Level>> = const { Cell::new(None) };
    }

    pub(crate) fn level() -> Level {
        FORCED.get().unwrap_or_else(best_level)
    }

    /// Calls `check` once per level up to the best one; kernels it calls on this thread then run at that level.
    pub(crate) fn at_every_level(mut check: impl FnMut(Level)) {
        let levels = match best_level() {
            #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
            Level::Amx => vec![Level::Portable, Level::Avx2, Level::Avx512, Level::Amx],
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => vec![Level::Portable, Level::Avx2, Level::Avx512],
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => vec![Level::Portable, Level::Avx2],
            Level::Portable => vec![Level::Portable],
        };
        for level in levels {
            FORCED.set(Some(level));
            check(level);
        }
        FORCED.set(None);
    }
}
