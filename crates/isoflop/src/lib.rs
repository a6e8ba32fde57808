//! Scaling laws of neural networks, from runs to a verdict.
//!
//! ```text
//! Runs -> Fit -> Plan -> Claim -> Verdict
//! ```
//!
//! The library is pure: it takes readers, seeds and times as arguments, never prints, and builds for `wasm32`.

pub mod counting;
pub mod units;

pub use units::{BitsPerByte, Dollars, Flops, Nats, Params, Seconds, Tokens, UnitError, parse_count};
