//! How far a number from the literature was checked.

use serde::{Deserialize, Serialize};

/// How far a number from the literature was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Read in the primary source, or recomputed from public data.
    Verified,
    /// Read in an independent text that cites the place; the primary text itself was not read.
    Secondary,
    /// Derived here.
    Derived,
}
