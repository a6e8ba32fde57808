//! Published formulas beside the laws of a loss: hyper-parameters of a planned run, critical batches, public text,
//! precision, experts, rewards of reinforcement learning.
//!
//! Nothing here is fitted; every number carries its source and how far it was checked.

mod critical_batch;
mod experts;
mod hyperparameters;
mod precision;
mod reward;
mod stock;

pub use critical_batch::CriticalBatch;
pub use experts::GranularExperts;
pub use hyperparameters::{Advice, Basis, HyperparameterLaw, advice};
pub use precision::Bits;
pub use reward::RewardCurve;
pub use stock::TextStock;
