//! Small decoder-only transformers, trained fast and reproducibly on CPU cores.

pub mod spec;

pub use spec::{AdamW, RunSpec, Schedule};
