//! Scaling laws of neural networks, from runs to a verdict.
//!
//! ```text
//! Runs -> Fit -> Plan -> Claim -> Verdict
//! ```
//!
//! The library is pure: it takes readers, seeds and times as arguments, never prints, and builds for `wasm32`.

pub mod backtest;
pub mod blueprint;
pub mod claim;
pub mod counting;
pub mod crosscheck;
pub mod design;
pub mod diagnose;
pub mod fit;
pub mod hardware;
pub mod law;
pub mod literature;
pub mod models;
pub mod names;
pub mod plan;
pub mod predict;
pub mod recipes;
pub mod runs;
pub mod sandbox;
mod sources;
pub mod tuning;
pub mod units;

pub use claim::{Claim, ClaimError, Sealing, TrackRecord, Verdict};
pub use crosscheck::{CrossCheck, CrossChecks};
pub use design::{Decision, NextError, NextOptions, NextRuns, TellingRun};
pub use diagnose::{Diagnosis, Finding, Severity};
pub use fit::{
    Estimate, Fit, FitError, FitOptions, Method, Objective, Prior, QuestionError, Reduction, Status, Warning, fit,
};
pub use law::{Law, Setting};
pub use plan::{Plan, PlanError};
pub use predict::{Extrapolation, Light, Prediction};
pub use runs::{Comparison, DropReason, Dropped, DroppedNumbers, Filter, Point, Run, Runs, RunsError, TableFormat};
pub use units::{
    BitsPerByte, Dollars, Flops, Nats, Params, Seconds, Tokens, UnitError, parse_bytes, parse_count, parse_share,
};
