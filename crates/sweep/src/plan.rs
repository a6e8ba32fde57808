//! The question of a sweep and the runs that are to answer it: `sweep.toml`.

use std::path::Path;

use isoflop::Flops;
use isoflop_train::EvaluationLimit;
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, CellPlan};
use crate::error::{Damage, SweepError};
use crate::files::{self, Disk};

/// What `sweep.toml` says about its own form.
const SCHEMA: &str = "isoflop.sweep/1";

const REMEDY: &str = "bring it back from a backup, or delete it and create the sweep again with the same plan: \
                      finished cells stay finished";

/// A question and the runs that are to answer it.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepPlan {
    /// What is to be found out, in words.
    pub question: String,
    /// Name of what the runs have in common: architecture, optimizer and text.
    pub recipe: String,
    /// The budgets the runs were laid out for.
    pub budgets: Vec<Flops>,
    /// The text.
    pub corpus: CorpusLabel,
    /// How much of the held-out text each run is judged on: all on the same.
    pub evaluation: EvaluationLimit,
    /// The runs.
    pub cells: Vec<CellPlan>,
}

/// Which text the runs are trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusLabel {
    /// What people call it.
    pub name: String,
    /// Hash of text, split and tokenizer: [`isoflop_train::TokenSource::fingerprint`].
    pub fingerprint: String,
    /// Tokens of the training text.
    pub training_tokens: u64,
}

/// `sweep.toml`: all of the plan but the runs themselves, which stand in their `cell.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    schema: String,
    pub(crate) question: String,
    pub(crate) recipe: String,
    pub(crate) budgets: Vec<Flops>,
    /// Names of the planned cells. Later ones stand beside them in `cells/`, so that adding needs no change here.
    pub(crate) cells: Vec<String>,
    pub(crate) evaluation: EvaluationLimit,
    pub(crate) corpus: CorpusLabel,
}

impl SweepPlan {
    /// The plan's cells, and its header.
    pub(crate) fn lay_out(&self) -> Result<(Header, Vec<Cell>), SweepError> {
        let mut cells: Vec<Cell> = Vec::with_capacity(self.cells.len());
        for plan in &self.cells {
            let cell = Cell::new(plan.clone(), &self.corpus.fingerprint, self.evaluation)?;
            if let Some(same) = cells.iter().find(|other| other.hash() == cell.hash()) {
                return Err(SweepError::DuplicateCells { first: same.tag().to_owned(), second: cell.tag().to_owned() });
            }
            cells.push(cell);
        }
        let header = Header {
            schema: SCHEMA.to_owned(),
            question: self.question.clone(),
            recipe: self.recipe.clone(),
            budgets: self.budgets.clone(),
            cells: cells.iter().map(|cell| cell.name().to_owned()).collect(),
            evaluation: self.evaluation,
            corpus: self.corpus.clone(),
        };
        Ok((header, cells))
    }
}

impl Header {
    /// Reads `path`, if it is there.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, SweepError> {
        let Some(bytes) = files::read(path)? else { return Ok(None) };
        let damaged = |damage| SweepError::Damaged { path: path.to_owned(), damage, remedy: REMEDY };
        let text = String::from_utf8(bytes).map_err(|_| damaged(Damage::NotText))?;
        // The schema first: a later edition may have other fields, and saying so helps more than naming one of them.
        let table: toml::Table = text.parse().map_err(|e| damaged(Damage::Toml(Box::new(e))))?;
        let found = table.get("schema").and_then(|schema| schema.as_str()).unwrap_or("none");
        if found != SCHEMA {
            return Err(damaged(Damage::Schema { found: found.to_owned(), expected: SCHEMA }));
        }
        toml::from_str(&text).map(Some).map_err(|e| damaged(Damage::Toml(Box::new(e))))
    }

    /// Writes the header to `path`.
    pub(crate) fn write(&self, disk: &Disk, path: &Path) -> Result<(), SweepError> {
        let text =
            toml::to_string_pretty(self).expect("a header is a table of scalars, lists and one table at its end");
        disk.write_whole(path, text.as_bytes())
    }

    /// The first part in which `other` differs.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        let parts = [
            ("text", self.corpus != other.corpus),
            ("recipe", self.recipe != other.recipe),
            ("evaluation limit", self.evaluation != other.evaluation),
            ("list of cells", self.cells != other.cells),
            ("list of budgets", self.budgets != other.budgets),
            ("question", self.question != other.question),
        ];
        parts.into_iter().find(|(_, differs)| *differs).map(|(part, _)| part)
    }
}
