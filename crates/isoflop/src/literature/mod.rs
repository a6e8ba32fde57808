//! Published formulas beside the laws of a loss: hyper-parameters of a planned run, precision, experts, rewards of reinforcement learning.
//!
//! Nothing here is fitted; every number carries its source and how far it was checked.

mod experts;
mod hyperparameters;
mod precision;
mod reward;

pub use experts::GranularExperts;
pub use hyperparameters::{Advice, Basis, HyperparameterLaw, advice};
pub use precision::Bits;
pub use reward::RewardCurve;
