//! One file per command.

pub(crate) mod backtest;
pub(crate) mod claim;
pub(crate) mod compare;
pub(crate) mod diagnose;
mod explorer;
pub(crate) mod figure;
pub(crate) mod fit;
pub(crate) mod gpus;
pub(crate) mod laws;
pub(crate) mod models;
pub(crate) mod next;
pub(crate) mod plan;
pub(crate) mod predict;
pub(crate) mod recipe;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod sample;
pub(crate) mod sandbox;
pub(crate) mod train;
pub(crate) mod tune;
pub(crate) mod verify;
