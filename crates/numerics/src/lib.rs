//! Robust nonlinear least squares, variable projection and resampling.
//!
//! This crate has never heard of tokens: it minimises, solves and resamples plain numbers.

pub mod elementary;
pub mod minimize;
pub mod nonnegative;
pub mod parallel;
pub mod penalty;
pub mod quantile;
pub mod resample;
