//! The hot loops: each a plain function on slices, generic over the float, compiled for several instruction sets.
//!
//! Matrices are row-major and dense unless a stride is named. Nothing here allocates; scratch memory is the caller's.

// Loops over an index into several arrays of one length are what the compiler turns into vector instructions.
#![allow(clippy::needless_range_loop)]

pub(crate) mod activation;
pub(crate) mod adamw;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) mod amx;
pub(crate) mod attention;
pub(crate) mod buffer;
pub(crate) mod cross_entropy;
pub(crate) mod dispatch;
pub(crate) mod elementary;
pub(crate) mod lanes;
pub(crate) mod matmul;
pub(crate) mod norm;
pub(crate) mod operands;
pub(crate) mod pack;
pub(crate) mod qk_norm;
pub(crate) mod real;
pub(crate) mod reduce;
pub(crate) mod rope;
pub(crate) mod tile;
