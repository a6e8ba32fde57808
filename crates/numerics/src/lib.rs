//! Robust nonlinear least squares, variable projection, resampling and sampling.
//!
//! This crate has never heard of tokens: it minimises, solves, resamples and samples plain numbers.

pub mod bracket;
pub mod convergence;
pub mod descent;
pub mod elementary;
pub mod fisher;
pub mod levenberg_marquardt;
pub mod linear_algebra;
pub mod minimize;
pub mod newton;
pub mod nonnegative;
pub mod nuts;
pub mod parallel;
pub mod penalty;
pub mod pinball;
pub mod quantile;
pub mod resample;
pub mod simd;
