//! One file per command.

pub mod claim;
pub mod fit;
pub mod plan;
pub mod predict;
pub mod verify;
