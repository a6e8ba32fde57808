//! The canonical table, read from CSV or JSON lines: `params` or `flops`, `tokens`, `loss`, and any other columns.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use super::columns::{PARAMS, ParamColumn};
use super::{DropReason, Dropped, DroppedNumbers, Run, Runs};
use crate::counting::{FlopCounting, ParamCounting, TRAINING_FLOPS_PER_PARAM_TOKEN};
use crate::units::{Flops, Nats, Params, Tokens, parse_count};

/// Why a table is not runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunsError {
    /// The table could not be read to its end.
    #[error("{source_name}: cannot read: {error}")]
    Io {
        /// The table's name.
        source_name: String,
        /// What the reader said.
        error: std::io::Error,
    },
    /// The text is not CSV or not JSON lines.
    #[error("{source_name}:{line}: not {format}: {message}")]
    Malformed {
        /// The table's name.
        source_name: String,
        /// Line, counted from 1.
        line: u64,
        /// The format that was expected.
        format: &'static str,
        /// What the parser said.
        message: String,
    },
    /// A column the table cannot do without is not there.
    #[error(
        "{source_name}: no column `{column}`; the table needs `loss` and two of `params`, `tokens`, `flops`, and has {found:?}: rename a column"
    )]
    MissingColumn {
        /// The table's name.
        source_name: String,
        /// The missing column.
        column: &'static str,
        /// The columns that are there.
        found: Vec<String>,
    },
    /// Parameters counted in two ways, and no word on which is meant.
    #[error(
        "{source_name}: `{}` and `{}` count parameters in two ways: name the one that is meant `params`, or leave the other out",
        .columns[0],
        .columns[1]
    )]
    TwoCountings {
        /// The table's name.
        source_name: String,
        /// The columns.
        columns: [&'static str; 2],
    },
    /// A cell is not the number it should be.
    #[error(
        "{source_name}:{line}: {column} must be positive and finite, got `{text}`: correct the row, or leave it out (--skip-bad-rows does so in tables of runs)"
    )]
    BadNumber {
        /// The table's name.
        source_name: String,
        /// Line, counted from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The cell's text.
        text: String,
    },
    /// Text repeated so often that nothing is left of it.
    #[error(
        "{source_name}:{line}: `{text}` in column `{column}` leaves less than one distinct token: correct the row, or leave it out (--skip-bad-rows does so in tables of runs)"
    )]
    NoDistinctToken {
        /// The table's name.
        source_name: String,
        /// Line, counted from 1.
        line: u64,
        /// `unique_tokens` or `epochs`.
        column: &'static str,
        /// The cell's text.
        text: String,
    },
    /// There are no rows at all.
    #[error("{source_name}: no rows: the table is empty")]
    Empty {
        /// The table's name.
        source_name: String,
    },
    /// A filter is not `COLUMN=VALUE` or another comparison.
    #[error(
        "`{text}` is not a filter: write COLUMN=VALUE, for example recipe=baseline, or compare numbers by !=, <, <=, >, >=, for example flops>=1e11"
    )]
    BadFilter {
        /// The filter's text.
        text: String,
    },
    /// A filter names a column that no run has.
    #[error("no column `{column}` to filter by; there are {known:?}")]
    UnknownColumn {
        /// The filter's column.
        column: String,
        /// The columns that exist.
        known: Vec<String>,
    },
}

/// How a table is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

impl TableFormat {
    /// The format that a file name's ending stands for; CSV unless it says JSON.
    pub fn of_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        if [".jsonl", ".ndjson", ".json"].iter().any(|ending| name.ends_with(ending)) {
            Self::JsonLines
        } else {
            Self::Csv
        }
    }
}

/// Statuses of runs whose last loss is not a final loss.
const UNFINISHED: [&str; 7] = ["running", "crashed", "diverged", "failed", "killed", "stopped", "preempted"];

impl Runs {
    /// Reads the canonical table; `source_name` appears in errors.
    ///
    /// Two of `params`, `tokens` and `flops` give the third by `C = 6 N D`. Numbers may be written `70B`, `1.4T`, `3e18`. Where there is
    /// no `params`, the name of another column says which were counted: `total_params`, `non_embedding_params`, `matmul_params` or
    /// `active_params`, or the same with `params_` in front. Rows whose `status` says that the run did not finish are dropped with that
    /// reason.
    ///
    /// # Errors
    /// See [`RunsError`]. With `skip_bad_rows` a row with an impossible number is dropped with the message instead.
    ///
    /// # Example
    /// ```
    /// use isoflop::{Runs, TableFormat};
    /// let table = "params,tokens,loss\n1B,20B,2.58\n2B,40B,2.41\n";
    /// let runs = Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false)?;
    /// assert_eq!(runs.kept[0].flops.get(), 1.2e20);
    /// # Ok::<(), isoflop::RunsError>(())
    /// ```
    pub fn read(
        reader: impl BufRead,
        source_name: &str,
        format: TableFormat,
        skip_bad_rows: bool,
    ) -> Result<Self, RunsError> {
        let rows = read_rows(reader, source_name, format)?;
        let place = Place::of(source_name, &rows, &["loss"])?;

        let mut runs = Self { param_counting: place.params.counting.unwrap_or_default(), ..Self::default() };
        for row in rows {
            let name = row.name();
            let status = row.cells.get("status").map(|status| status.to_ascii_lowercase()).unwrap_or_default();
            if UNFINISHED.contains(&status.as_str()) {
                let numbers = place.numbers(&row);
                runs.dropped.push(Dropped { name, reason: DropReason::Unfinished { status }, numbers });
                continue;
            }
            let numbers = if skip_bad_rows { place.numbers(&row) } else { None };
            match place.run(row, name.clone()) {
                Ok(run) => runs.kept.push(run),
                Err(error) if skip_bad_rows => {
                    let message = error.to_string();
                    runs.dropped.push(Dropped { name, reason: DropReason::Unreadable { message }, numbers });
                }
                Err(error) => return Err(error),
            }
        }
        if !runs.kept.iter().all(follows_six_nd) {
            runs.flop_counting = FlopCounting::Measured;
        }
        Ok(runs)
    }
}

/// Whether the run's compute is `6 N D` but for rounding.
fn follows_six_nd(run: &Run) -> bool {
    let six_nd = TRAINING_FLOPS_PER_PARAM_TOKEN * run.params.get() * run.tokens.get();
    (run.flops.get() / six_nd - 1.0).abs() < 0.01
}

/// A size and a number of tokens to predict a loss for.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The cell `run`, or `id`, or `row 12` where the table gives neither.
    pub name: String,
    /// Parameters.
    pub params: Params,
    /// Tokens.
    pub tokens: Tokens,
    /// Training compute: the cell `flops`, or 6ND where there is none.
    pub flops: Flops,
    /// The cell `recipe`.
    pub recipe: Option<String>,
    /// Distinct tokens among them, from the columns `unique_tokens` or `epochs`.
    pub unique_tokens: Option<Tokens>,
    /// How parameters were counted, where the name of their column says so.
    pub param_counting: Option<ParamCounting>,
}

impl Point {
    /// Reads a table of points: the canonical table, whose `loss` may be missing and is not looked at.
    ///
    /// # Errors
    /// See [`RunsError`].
    pub fn read(reader: impl BufRead, source_name: &str, format: TableFormat) -> Result<Vec<Self>, RunsError> {
        let rows = read_rows(reader, source_name, format)?;
        let place = Place::of(source_name, &rows, &[])?;
        rows.iter()
            .map(|row| {
                let (params, tokens, flops) = place.sizes(row)?;
                let unique_tokens = place.unique_tokens(row, tokens)?;
                let cell = |column: &str| row.cells.get(column).cloned();
                let name = cell("run").or_else(|| cell("id")).unwrap_or_else(|| row.name());
                let param_counting = place.params.counting;
                Ok(Self { name, params, tokens, flops, recipe: cell("recipe"), unique_tokens, param_counting })
            })
            .collect()
    }
}

fn read_rows(reader: impl BufRead, source_name: &str, format: TableFormat) -> Result<Vec<Row>, RunsError> {
    match format {
        TableFormat::Csv => csv_rows(reader, source_name),
        TableFormat::JsonLines => json_rows(reader, source_name),
    }
}

/// One row: where it stood, and its non-empty cells by column.
struct Row {
    line: u64,
    cells: BTreeMap<String, String>,
}

impl Row {
    /// The cell `run`, or the place.
    fn name(&self) -> String {
        self.cells.get("run").cloned().unwrap_or_else(|| format!("row {}", self.line))
    }
}

/// Where errors say they happened.
struct Place<'a> {
    source_name: &'a str,
    params: ParamColumn,
}

impl<'a> Place<'a> {
    /// The table of `rows`, once it has the columns that are `needed`.
    fn of(source_name: &'a str, rows: &[Row], needed: &[&'static str]) -> Result<Self, RunsError> {
        if rows.is_empty() {
            return Err(RunsError::Empty { source_name: source_name.to_owned() });
        }
        let has = |column: &str| rows.iter().any(|row| row.cells.contains_key(column));
        let missing = |column| {
            let mut found: Vec<String> = rows.iter().flat_map(|row| row.cells.keys().cloned()).collect();
            found.sort();
            found.dedup();
            RunsError::MissingColumn { source_name: source_name.to_owned(), column, found }
        };
        if let Some(column) = needed.iter().find(|column| !has(column)) {
            return Err(missing(column));
        }
        let two = |columns| RunsError::TwoCountings { source_name: source_name.to_owned(), columns };
        let params = ParamColumn::of(has).map_err(two)?;
        match (has(params.name), has("tokens"), has("flops")) {
            (true, true, _) | (true, _, true) | (_, true, true) => Ok(Self { source_name, params }),
            (false, _, _) => Err(missing(PARAMS)),
            (true, false, false) => Err(missing("tokens")),
        }
    }

    fn run(&self, row: Row, name: String) -> Result<Run, RunsError> {
        let (params, tokens, flops) = self.sizes(&row)?;
        let unique_tokens = self.unique_tokens(&row, tokens)?;
        let missing = || self.bad_number(row.line, "loss", "nothing");
        let loss = self.number(&row, "loss")?.ok_or_else(missing)?;
        let loss = Nats::new(loss).map_err(|_| missing())?;
        let loss_se = self.number(&row, "loss_se")?;
        let mut covariates = row.cells;
        for column in ["run", self.params.name, "tokens", "flops", "loss", "loss_se"] {
            covariates.remove(column);
        }
        Ok(Run { name, params, tokens, unique_tokens, flops, loss, loss_se, covariates })
    }

    /// What can be read of a row that is left out; `None` without sizes.
    fn numbers(&self, row: &Row) -> Option<DroppedNumbers> {
        let (params, tokens, flops) = self.sizes(row).ok()?;
        let loss = self.number(row, "loss").ok().flatten().and_then(|loss| Nats::new(loss).ok());
        Some(DroppedNumbers { params, tokens, flops, loss })
    }

    /// The cell `unique_tokens`, or `tokens` over the cell `epochs`; at most `tokens`, and `None` where both are empty.
    fn unique_tokens(&self, row: &Row, tokens: Tokens) -> Result<Option<Tokens>, RunsError> {
        let (distinct, epochs) = (self.number(row, "unique_tokens")?, self.number(row, "epochs")?);
        let column = if distinct.is_some() { "unique_tokens" } else { "epochs" };
        let Some(unique) = distinct.or_else(|| epochs.map(|epochs| tokens.get() / epochs)) else { return Ok(None) };
        match Tokens::new(unique.min(tokens.get())) {
            Ok(unique) if unique.get() >= 1.0 => Ok(Some(unique)),
            _ => Err(RunsError::NoDistinctToken {
                source_name: self.source_name.to_owned(),
                line: row.line,
                column,
                text: row.cells.get(column).cloned().unwrap_or_default(),
            }),
        }
    }

    /// Params, tokens and compute of a row, the third from the other two by `C = 6 N D`.
    fn sizes(&self, row: &Row) -> Result<(Params, Tokens, Flops), RunsError> {
        let column = self.params.name;
        let params = self.number(row, column)?;
        let tokens = self.number(row, "tokens")?;
        let flops = self.number(row, "flops")?;
        let six = TRAINING_FLOPS_PER_PARAM_TOKEN;
        let (params, tokens, flops) = match (params, tokens, flops) {
            (Some(params), Some(tokens), flops) => (params, tokens, flops.unwrap_or(six * params * tokens)),
            (Some(params), None, Some(flops)) => (params, flops / (six * params), flops),
            (None, Some(tokens), Some(flops)) => (flops / (six * tokens), tokens, flops),
            (None, _, _) => return Err(self.bad_number(row.line, column, "nothing")),
            (_, None, _) => return Err(self.bad_number(row.line, "tokens", "nothing")),
        };
        let overflow = |column| self.bad_number(row.line, column, "a number out of range");
        Ok((
            Params::new(params).map_err(|_| overflow(column))?,
            Tokens::new(tokens).map_err(|_| overflow("tokens"))?,
            Flops::new(flops).map_err(|_| overflow("flops"))?,
        ))
    }

    /// The cell as a positive number; `None` when it is empty or absent.
    fn number(&self, row: &Row, column: &'static str) -> Result<Option<f64>, RunsError> {
        let Some(text) = row.cells.get(column) else { return Ok(None) };
        match parse_count(text) {
            Some(number) if number.is_finite() && number > 0.0 => Ok(Some(number)),
            _ => Err(self.bad_number(row.line, column, text)),
        }
    }

    fn bad_number(&self, line: u64, column: &'static str, text: &str) -> RunsError {
        RunsError::BadNumber { source_name: self.source_name.to_owned(), line, column, text: text.to_owned() }
    }
}

fn csv_rows(reader: impl Read, source_name: &str) -> Result<Vec<Row>, RunsError> {
    let malformed = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let message = error.to_string();
        match error.into_kind() {
            csv::ErrorKind::Io(error) => RunsError::Io { source_name: source_name.to_owned(), error },
            _ => RunsError::Malformed { source_name: source_name.to_owned(), line, format: "CSV", message },
        }
    };
    let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
    let columns: Vec<String> =
        table.headers().map_err(malformed)?.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    let mut rows = Vec::new();
    for record in table.records() {
        let record = record.map_err(malformed)?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells = columns.iter().cloned().zip(record.iter().map(str::to_owned));
        rows.push(Row { line, cells: cells.filter(|(_, cell)| !cell.is_empty()).collect() });
    }
    Ok(rows)
}

fn json_rows(reader: impl BufRead, source_name: &str) -> Result<Vec<Row>, RunsError> {
    let mut rows = Vec::new();
    for (index, text) in reader.lines().enumerate() {
        let line = index as u64 + 1;
        let text = text.map_err(|error| RunsError::Io { source_name: source_name.to_owned(), error })?;
        if text.trim().is_empty() {
            continue;
        }
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).map_err(|error| RunsError::Malformed {
                source_name: source_name.to_owned(),
                line,
                format: "a JSON object a line",
                message: error.to_string(),
            })?;
        let cells = object.into_iter().filter_map(|(column, value)| match value {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some((column, text)),
            other => Some((column, other.to_string())),
        });
        rows.push(Row { line, cells: cells.collect() });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(table: &str) -> Result<Runs, RunsError> {
        Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false)
    }

    #[test]
    fn two_of_three_give_the_third() {
        let runs = read("params,tokens,flops,loss\n1e9,2e10,,3\n1e9,,1.2e20,3\n,2e10,1.2e20,3\n").unwrap();
        for run in &runs.kept {
            assert_eq!((run.params.get(), run.tokens.get(), run.flops.get()), (1e9, 2e10, 1.2e20));
        }
    }

    #[test]
    fn the_name_of_the_column_says_which_parameters_were_counted() {
        let counting = |table: &str| read(table).map(|runs| (runs.param_counting, runs.kept[0].params.get()));
        for (column, expected) in [
            ("params", ParamCounting::Total),
            ("total_params", ParamCounting::Total),
            ("non_embedding_params", ParamCounting::NonEmbedding),
            ("params_non_embedding", ParamCounting::NonEmbedding),
            ("matmul_params", ParamCounting::Matmul),
            ("active_params", ParamCounting::Active),
        ] {
            let table = format!("{column},tokens,loss\n1e9,2e10,2\n");
            assert_eq!(counting(&table).unwrap(), (expected, 1e9), "{column}");
            assert!(!read(&table).unwrap().kept[0].covariates.contains_key(column));
            let said = Point::read(table.as_bytes(), "t", TableFormat::Csv).unwrap()[0].param_counting;
            assert_eq!(said, (column != "params").then_some(expected), "{column}");
        }
        // The plain column goes before all others, which stay what a row says besides.
        let table = "params,params_non_embedding,active_params,tokens,loss\n3e9,2e9,1e9,2e10,2\n";
        assert_eq!(counting(table).unwrap(), (ParamCounting::Total, 3e9));
        assert_eq!(read(table).unwrap().kept[0].covariates["active_params"], "1e9");
        let error = read("active_params,total_params,tokens,loss\n1e9,3e9,2e10,2\n").unwrap_err().to_string();
        assert!(error.contains("`total_params` and `active_params` count parameters in two ways"), "{error}");
        let error = read("active_params,tokens,loss\nmany,2e10,2\n").unwrap_err().to_string();
        assert!(error.contains("active_params must be positive"), "{error}");
    }

    #[test]
    fn impossible_numbers_name_their_line() {
        for (cell, row) in
            [("tokens", "1e9,-3,2"), ("loss", "1e9,2e10,NaN"), ("params", "x,2e10,2"), ("loss", "1e9,1,")]
        {
            let error = read(&format!("params,tokens,loss\n1e9,2e10,2\n{row}\n")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("runs.csv:3: {cell} must be positive")), "{error}");
        }
    }

    #[test]
    fn distinct_tokens_come_from_either_column_and_are_at_most_all() {
        let table = "params,tokens,unique_tokens,epochs,loss\n1e9,8e10,2e10,,3\n1e9,8e10,,4,3\n1e9,8e10,9e10,,3\n1e9,8e10,,0.5,3\n1e9,8e10,,,3\n";
        let unique: Vec<_> = read(table).unwrap().kept.iter().map(|run| run.unique_tokens.map(Tokens::get)).collect();
        assert_eq!(unique, [Some(2e10), Some(2e10), Some(8e10), Some(8e10), None]);
        let points = Point::read(table.as_bytes(), "t", TableFormat::Csv).unwrap();
        assert_eq!(points.iter().map(|point| point.unique_tokens.map(Tokens::get)).collect::<Vec<_>>(), unique);
    }

    #[test]
    fn impossible_repetition_names_its_cell() {
        for (column, cell, remedy) in [
            ("epochs", "-4", "epochs must be positive and finite, got `-4`"),
            ("epochs", "many", "epochs must be positive and finite, got `many`"),
            ("epochs", "1e300", "`1e300` in column `epochs` leaves less than one distinct token"),
            ("unique_tokens", "NaN", "unique_tokens must be positive and finite, got `NaN`"),
            ("unique_tokens", "1e-300", "`1e-300` in column `unique_tokens` leaves less than one distinct token"),
        ] {
            let error = read(&format!("params,tokens,{column},loss\n1e9,2e10,{cell},2\n")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("runs.csv:2: {remedy}")), "{error}");
        }
    }

    #[test]
    fn bad_rows_can_be_dropped_with_their_reason() {
        let table = "params,tokens,loss\n1e9,2e10,2\n1e9,-3,2\n";
        let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, true).unwrap();
        assert_eq!((runs.kept.len(), runs.dropped.len()), (1, 1));
        assert_eq!(runs.dropped[0].name, "row 3");
    }

    #[test]
    fn dropped_rows_keep_the_numbers_that_they_have() {
        let table = "params,tokens,loss,status,recipe\n1e9,2e10,2,,a\n2e9,4e10,9,diverged,a\n3e9,,1,crashed,a\n4e9,8e10,,diverged,a\n5e9,1e11,-2,,a\n6e9,1e11,2,,b\n";
        let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, true).unwrap();
        let runs = runs.filtered(&["recipe=a".parse().unwrap()]).unwrap();
        let numbers = |dropped: &Dropped| {
            let numbers = dropped.numbers?;
            Some((numbers.params.get(), numbers.tokens.get(), numbers.flops.get(), numbers.loss.map(Nats::get)))
        };
        let expected = [
            (Some((2e9, 4e10, 4.8e20, Some(9.0))), true),
            (None, true),
            (Some((4e9, 8e10, 1.92e21, None)), true),
            (Some((5e9, 1e11, 3e21, None)), true),
            (Some((6e9, 1e11, 3.6e21, Some(2.0))), false),
        ];
        let found: Vec<_> = runs.dropped.iter().map(|dropped| (numbers(dropped), dropped.was_meant())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn missing_columns_and_empty_tables_are_errors() {
        assert!(matches!(read("params,tokens\n1,2\n"), Err(RunsError::MissingColumn { column: "loss", .. })));
        assert!(matches!(read("params,loss\n1,2\n"), Err(RunsError::MissingColumn { column: "tokens", .. })));
        assert!(matches!(read("params,tokens,loss\n"), Err(RunsError::Empty { .. })));
        assert!(matches!(read(""), Err(RunsError::Empty { .. })));
    }

    #[test]
    fn ragged_rows_and_binary_files_are_malformed() {
        assert!(matches!(read("params,tokens,loss\n1,2\n"), Err(RunsError::Malformed { line: 2, .. })));
        let binary = [b'a', b',', 0xff, 0xfe, b'\n', 0xff, b',', 0xfe];
        let error = Runs::read(&binary[..], "t", TableFormat::Csv, false);
        assert!(matches!(error, Err(RunsError::Malformed { .. })), "{error:?}");
    }

    #[test]
    fn unfinished_runs_are_dropped_and_named() {
        let runs = read("run,params,tokens,loss,status\na,1e9,2e10,2,finished\nb,1e9,2e10,NaN,diverged\n").unwrap();
        assert_eq!(runs.dropped[0].name, "b");
        assert_eq!(runs.dropped[0].reason.to_string(), "status is diverged");
    }

    #[test]
    fn json_lines_are_the_same_table() {
        let json = "{\"run\":\"a\",\"params\":\"1B\",\"tokens\":2e10,\"loss\":2.5,\"note\":null}\n\n";
        let runs = Runs::read(json.as_bytes(), "t.jsonl", TableFormat::of_name("t.jsonl"), false).unwrap();
        assert_eq!(runs.kept[0].name, "a");
        assert_eq!(runs.kept[0].flops.get(), 1.2e20);
        let broken = Runs::read(&b"{\"a\":1}\nnot json\n"[..], "t", TableFormat::JsonLines, false);
        assert!(matches!(broken, Err(RunsError::Malformed { line: 2, .. })));
    }

    #[test]
    fn filters_keep_count_and_name_what_they_drop() {
        let table = "run,params,tokens,loss,out\na,1e9,2e10,2,0\nb,1e9,2e10,2,1\n";
        let runs = read(table).unwrap().filtered(&["out=0.0".parse().unwrap()]).unwrap();
        assert_eq!((runs.kept[0].name.as_str(), runs.dropped[0].name.as_str()), ("a", "b"));
        assert_eq!(runs.dropped[0].reason.to_string(), "out is 1, not 0.0");
        let unknown = read(table).unwrap().filtered(&["nope=1".parse().unwrap()]);
        assert!(matches!(unknown, Err(RunsError::UnknownColumn { .. })));
        for nonsense in ["noequals", "=1", "out!", "out!1", "out>=many", "out=>1"] {
            let filter = nonsense.parse::<super::super::Filter>();
            assert!(matches!(filter, Err(RunsError::BadFilter { .. })), "{nonsense}: {filter:?}");
        }
    }

    #[test]
    fn filters_compare_numbers_in_any_spelling_and_drop_what_has_no_order() {
        let table = "run,params,tokens,loss,budget\na,1e9,2e10,2,1e10\nb,1e9,2e10,2,3T\nc,1e9,2e10,2,none\n";
        for (filter, kept, reason) in [
            ("budget>=1e12", "b", "budget is 1e10, not >= 1e12"),
            ("budget < 3e12", "a", "budget is 3T, not < 3e12"),
            ("budget<=1e10", "a", "budget is 3T, not <= 1e10"),
            ("budget>10B", "b", "budget is 1e10, not > 10B"),
            ("run!=a", "bc", "run is a, not != a"),
            ("budget!=1e10", "bc", "budget is 1e10, not != 1e10"),
        ] {
            let runs = read(table).unwrap().filtered(&[filter.parse().unwrap()]).unwrap();
            let names: String = runs.kept.iter().map(|run| run.name.as_str()).collect();
            assert_eq!((names.as_str(), runs.dropped[0].reason.to_string().as_str()), (kept, reason), "{filter}");
        }
    }
}
