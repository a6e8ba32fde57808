//! Row filters: keeping the rows whose column compares with a value as asked, with every other row counted and named.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::{DropReason, Dropped, Run, Runs, RunsError};
use crate::units::parse_count;

/// `recipe=baseline`, `flops>=1e11`: a column, how its values must compare, and with what.
///
/// Numbers are compared as numbers (`0` equals `0.0`), everything else as text; only numbers have an order.
///
/// ```
/// use isoflop::{Filter, Runs, TableFormat};
/// let table = "params,tokens,loss\n1e6,2e7,4.1\n4e6,8e7,3.5\n";
/// let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false)?;
/// let large: Filter = "flops > 1e15".parse()?;
/// assert_eq!(runs.filtered(&[large])?.kept.len(), 1);
/// # Ok::<(), isoflop::RunsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The column to look at.
    pub column: String,
    /// How its values must compare with `value`.
    pub comparison: Comparison,
    /// What they are compared with.
    pub value: String,
}

/// How a value must compare with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// Every comparison with its sign, longer signs before those that they begin with.
    const SIGNS: [(&str, Self); 6] = [
        ("!=", Self::Unequal),
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("=", Self::Equal),
        ("<", Self::Below),
        (">", Self::Above),
    ];

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Below => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Above => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }

    const fn needs_numbers(self) -> bool {
        !matches!(self, Self::Equal | Self::Unequal)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = Self::SIGNS.iter().find(|(_, comparison)| comparison == self).map_or("", |(sign, _)| sign);
        f.write_str(sign)
    }
}

impl fmt::Display for Filter {
    /// As it is typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.column, self.comparison, self.value)
    }
}

impl FromStr for Filter {
    type Err = RunsError;

    fn from_str(text: &str) -> Result<Self, RunsError> {
        let bad = || RunsError::BadFilter { text: text.to_owned() };
        let start = text.find(['=', '!', '<', '>']).ok_or_else(bad)?;
        let (column, rest) = text.split_at(start);
        let (sign, comparison) =
            Comparison::SIGNS.into_iter().find(|(sign, _)| rest.starts_with(sign)).ok_or_else(bad)?;
        let filter = Self { column: column.trim().to_owned(), comparison, value: rest[sign.len()..].trim().to_owned() };
        let no_number = comparison.needs_numbers() && parse_count(&filter.value).is_none();
        if filter.column.is_empty() || filter.value.starts_with(['=', '<', '>']) || no_number {
            return Err(bad());
        }
        Ok(filter)
    }
}

impl Filter {
    fn accepts(&self, found: &str) -> bool {
        let order = match (parse_count(found), parse_count(&self.value)) {
            (Some(found), Some(wanted)) => found.partial_cmp(&wanted),
            _ if self.comparison.needs_numbers() => None,
            _ => Some(found.trim().cmp(&self.value)),
        };
        order.is_some_and(|order| self.comparison.holds(order))
    }

    /// What was asked for, as it follows "not": a value, or `>= 1e11`.
    fn wanted(&self) -> String {
        match self.comparison {
            Comparison::Equal => self.value.clone(),
            comparison => format!("{comparison} {}", self.value),
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
                let reason = DropReason::Filtered { column: filter.column.clone(), found, wanted: filter.wanted() };
                Dropped::of_run(run, reason)
            }));
        }
        Ok(self)
    }

    /// These runs without those at `positions` among the kept ones, which join the dropped ones; positions beyond the last are nobody's.
    ///
    /// ```
    /// use isoflop::{Runs, TableFormat};
    /// let table = "params,tokens,loss\n1e6,2e7,4.1\n4e6,8e7,3.5\n";
    /// let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false)?.without(&[0]);
    /// assert_eq!(runs.kept[0].params.get(), 4e6);
    /// assert_eq!(runs.dropped[0].reason.to_string(), "left out by hand");
    /// # Ok::<(), isoflop::RunsError>(())
    /// ```
    #[must_use]
    pub fn without(mut self, positions: &[usize]) -> Self {
        let left_out: BTreeSet<usize> = positions.iter().copied().collect();
        for (position, run) in std::mem::take(&mut self.kept).into_iter().enumerate() {
            if left_out.contains(&position) {
                self.dropped.push(Dropped::of_run(run, DropReason::ByHand));
            } else {
                self.kept.push(run);
            }
        }
        self
    }

    /// The columns a filter may name.
    pub fn columns(&self) -> Vec<String> {
        let mut columns: Vec<String> = ["run", "params", "tokens", "flops", "loss"].map(str::to_owned).into();
        columns.extend(self.kept.iter().flat_map(|run| run.covariates.keys().cloned()));
        columns.sort();
        columns.dedup();
        columns
    }
}
