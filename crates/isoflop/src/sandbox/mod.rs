//! A game of scaling laws: a hidden world trains runs for a limited compute, a forecast is given, the truth comes out and is judged.
//!
//! ```text
//! Assignment -> World -> Trained runs, charged to a ledger -> Answer -> Grade
//! ```

mod error;
mod grade;
mod ledger;
mod world;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::units::Flops;

pub use error::SandboxError;
pub use grade::{Answer, Big, GRADE_SCHEMA, Grade, Score};
pub use ledger::{Ledger, Trained};
pub use world::World;

/// The schema of an assignment's file.
pub const ASSIGNMENT_SCHEMA: &str = "isoflop.sandbox/1";

/// How a world departs from the textbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The two terms of Hoffmann's law are added, and runs scatter by 0.2 % of the loss, normally.
    Textbook,
    /// The terms are coupled, runs scatter by 0.5 % with heavy tails, and one in twenty ends clearly too high.
    Field,
}

/// What a player is told: the compute there is, and the run to forecast.
///
/// The world follows from `seed` and `player`; a player with this program can look, as one who has the solutions of a textbook can.
/// What a grade does prove is that the runs are those of the world, within the compute, and that the answer came before the truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// `isoflop.sandbox/1`.
    pub schema: String,
    /// Seed of the class: the same for all who are to have comparable tasks.
    pub seed: u64,
    /// Who plays: each has a world of their own.
    pub player: String,
    /// How hard it is.
    pub level: Level,
    /// Compute for all runs together.
    pub budget: Flops,
    /// Compute of the run to forecast.
    pub target: Flops,
}

impl Assignment {
    /// An assignment whose target is a number of times beyond its budget.
    ///
    /// # Errors
    /// [`SandboxError::TargetTooNear`] when the target is not larger than the budget: it could simply be trained.
    pub fn new(seed: u64, player: &str, level: Level, budget: Flops, target: Flops) -> Result<Self, SandboxError> {
        let assignment =
            Self { schema: ASSIGNMENT_SCHEMA.to_owned(), seed, player: player.to_owned(), level, budget, target };
        assignment.checked("the assignment")
    }

    /// Reads an assignment's file; `source_name` says in errors where it came from.
    ///
    /// # Errors
    /// [`SandboxError`] when it is no assignment, or one that cannot be played.
    pub fn from_json(text: &str, source_name: &str) -> Result<Self, SandboxError> {
        let malformed = |error| SandboxError::Malformed { source_name: source_name.to_owned(), error };
        serde_json::from_str::<Self>(text).map_err(malformed)?.checked(source_name)
    }

    fn checked(self, source_name: &str) -> Result<Self, SandboxError> {
        if self.schema != ASSIGNMENT_SCHEMA {
            return Err(SandboxError::OtherSchema { source_name: source_name.to_owned(), found: self.schema });
        }
        if self.target <= self.budget {
            return Err(SandboxError::TargetTooNear { target: self.target, budget: self.budget });
        }
        Ok(self)
    }

    /// Seed of this player's world: of equal assignments but for the player, no two worlds have anything in common.
    fn world_seed(&self) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(self.player.as_bytes());
        first_number(&hash.finalize())
    }
}

/// The first eight bytes of a digest.
fn first_number(digest: &[u8]) -> u64 {
    digest.iter().take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
