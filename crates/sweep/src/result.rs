//! What came out of a cell: `result.json`. When it is there, the cell is done; nothing in it depends on when or how often.

use std::path::Path;

use isoflop_train::Evaluation;
use serde::{Deserialize, Serialize};

use crate::error::SweepError;
use crate::files::{self, Disk};

/// What `result.json` says about its own form.
const SCHEMA: &str = "isoflop.result/1";

const REMEDY: &str = "delete this file and run the sweep again: the cell goes on from its last checkpoint";

/// What came out of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum CellResult {
    /// It was trained to its end and judged.
    Finished {
        /// Steps it was trained.
        steps: u64,
        /// How it does on the held-out text.
        evaluation: Evaluation,
    },
    /// Its loss stopped being a number, and would again.
    Diverged {
        /// Steps done when it happened.
        step: u64,
    },
}

impl CellResult {
    /// The result in the cell's `folder`, if it is there.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, SweepError> {
        files::read_record(&folder.join("result.json"), SCHEMA, REMEDY)
    }

    /// Writes the result into the cell's `folder`.
    pub(crate) fn write(&self, disk: &Disk, folder: &Path) -> Result<(), SweepError> {
        disk.write_record(&folder.join("result.json"), SCHEMA, self)
    }
}
