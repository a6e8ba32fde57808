//! Row filters: keeping the rows whose column holds a value, with every other row counted and named.

use std::str::FromStr;

use super::{DropReason, Dropped, Run, Runs, RunsError};
use crate::units::parse_count;

/// `COLUMN=VALUE`: numbers are compared as numbers (`0` equals `0.0`), everything else as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The column to look at.
    pub column: String,
    /// The value to keep.
    pub value: String,
}

impl FromStr for Filter {
    type Err = RunsError;

    fn from_str(text: &str) -> Result<Self, RunsError> {
        match text.split_once('=') {
            Some((column, value)) if !column.trim().is_empty() => {
                Ok(Self { column: column.trim().to_owned(), value: value.trim().to_owned() })
            }
            _ => Err(RunsError::BadFilter { text: text.to_owned() }),
        }
    }
}

impl Filter {
    fn accepts(&self, found: &str) -> bool {
        match (parse_count(found), parse_count(&self.value)) {
            (Some(found), Some(wanted)) => found == wanted,
            _ => found.trim() == self.value,
        }
    }

    fn found_in(&self, run: &Run) -> Option<String> {
        match self.column.as_str() {
            "run" => Some(run.name.clone()),
            "params" => Some(run.params.get().to_string()),
            "tokens" => Some(run.tokens.get().to_string()),
            "flops" => Some(run.flops.get().to_string()),
            "loss" => Some(run.loss.get().to_string()),
            column => run.covariates.get(column).cloned(),
        }
    }
}

impl Runs {
    /// These runs with only those kept that pass every filter; the others join the dropped ones.
    ///
    /// # Errors
    /// [`RunsError::UnknownColumn`] when no run has a filter's column: a misspelt filter must not select everything or nothing.
    pub fn filtered(mut self, filters: &[Filter]) -> Result<Self, RunsError> {
        for filter in filters {
            if !self.kept.is_empty() && self.kept.iter().all(|run| filter.found_in(run).is_none()) {
                return Err(RunsError::UnknownColumn { column: filter.column.clone(), known: self.columns() });
            }
            let (kept, dropped): (Vec<Run>, Vec<Run>) = std::mem::take(&mut self.kept)
                .into_iter()
                .partition(|run| filter.found_in(run).is_some_and(|found| filter.accepts(&found)));
            self.kept = kept;
            self.dropped.extend(dropped.into_iter().map(|run| {
                let found = filter.found_in(&run).unwrap_or_else(|| "missing".to_owned());
                let reason =
                    DropReason::Filtered { column: filter.column.clone(), found, wanted: filter.value.clone() };
                Dropped { name: run.name, reason }
            }));
        }
        Ok(self)
    }

    /// The columns a filter may name.
    fn columns(&self) -> Vec<String> {
        let mut columns: Vec<String> = ["run", "params", "tokens", "flops", "loss"].map(str::to_owned).into();
        columns.extend(self.kept.iter().flat_map(|run| run.covariates.keys().cloned()));
        columns.sort();
        columns.dedup();
        columns
    }
}
