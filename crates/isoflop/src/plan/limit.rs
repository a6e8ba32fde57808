//! The limits that a plan can run into.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A limit that a plan can run into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Limit {
    /// [`Problem::budget`](super::Problem::budget).
    Budget,
    /// [`Limits::params`](super::Limits::params).
    Params,
    /// [`Limits::memory`](super::Limits::memory).
    Memory,
    /// [`Limits::speed`](super::Limits::speed).
    Speed,
    /// [`Limits::unique_tokens`](super::Limits::unique_tokens).
    UniqueTokens,
    /// [`Limits::epochs`](super::Limits::epochs).
    Epochs,
    /// [`Limits::days`](super::Limits::days).
    Days,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Budget => "the budget",
            Self::Params => "the largest size allowed",
            Self::Memory => "the memory of a serving device",
            Self::Speed => "the speed of decoding",
            Self::UniqueTokens => "the distinct tokens",
            Self::Epochs => "the epochs allowed",
            Self::Days => "the days allowed",
        })
    }
}
