//! The outcome of a sweep as a table: `runs.csv`, in the columns that `isoflop fit` reads.

use std::path::Path;

use isoflop::counting::{ParamCounting, training_flops};
use isoflop::{Params, Tokens};

use crate::cell::Cell;
use crate::directory::Sweep;
use crate::error::SweepError;
use crate::result::CellResult;
use crate::trunk::Trunks;

/// The columns. `flops` is 6 N D with all parameters; `flops_exact` is counted layer by layer. `corpus` is what people call the
/// text; texts of one name are told apart by `corpus_fingerprint`, the first digits of the hash of text, split and tokenizer.
///
/// Runs with one `trunk` are one run until their cool-downs, and no independent witnesses of anything. `flops_inherited` is the
/// part of `flops_exact` that the planned cell before it in its trunk is trained for both: what a sweep spends is the sum of
/// `flops_exact` less that of `flops_inherited`. `tuning_excess` is the ln loss that a run's rates and batch are expected to give away,
/// empty where its recipe was not tuned.
pub const COLUMNS: [&str; 28] = [
    "run",
    "recipe",
    "params",
    "params_non_embedding",
    "tokens",
    "unique_tokens",
    "flops",
    "loss",
    "loss_se",
    "batch_tokens",
    "lr",
    "seed",
    "corpus",
    "corpus_fingerprint",
    "status",
    "tag",
    "budget",
    "depth",
    "width",
    "context",
    "steps",
    "flops_exact",
    "flops_inherited",
    "trunk",
    "bits_per_byte",
    "held_out_documents",
    "held_out_tokens",
    "tuning_excess",
];

/// The runs of a sweep that have a result, and those that have none yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsTable {
    /// The table, one row per run with a result, by parameters, then tokens, then name. It depends on the results only: any
    /// number of interruptions, workers and machines gives the same bytes.
    pub csv: String,
    /// Number of rows.
    pub rows: usize,
    /// Names of the cells that are not in the table because they have no result yet.
    pub unfinished: Vec<String>,
}

impl Sweep {
    /// The results so far as a table.
    ///
    /// Diverged runs are rows too, with an empty loss and the status `diverged`: what became of them is a finding.
    ///
    /// # Errors
    /// Damage and I/O: no row is left out silently.
    pub fn runs(&self) -> Result<RunsTable, SweepError> {
        let mut cells = Vec::new();
        for (_, cell) in self.cells()? {
            cells.push(cell?);
        }
        let trunks = Trunks::of(&cells);
        // A cell that was added later may have found nothing left to go on from.
        let planned = Trunks::of(&cells[..self.planned_cells().len()]);
        let mut done = Vec::new();
        let mut unfinished = Vec::new();
        for (index, cell) in cells.iter().enumerate() {
            let shared = Shared {
                trunk: trunks.of_cell(index).map_or("", |trunk| &trunk.name),
                inherited_steps: if index < self.planned_cells().len() { planned.inherited_steps(index) } else { 0 },
            };
            match CellResult::read(&self.cell_dir(cell.name()))? {
                Some(result) => done.push((cell, shared, result)),
                None => unfinished.push(cell.name().to_owned()),
            }
        }
        done.sort_by(|(a, ..), (b, ..)| {
            let size = a.params().cmp(&b.params()).then_with(|| a.tokens().get().total_cmp(&b.tokens().get()));
            size.then_with(|| a.name().cmp(b.name()))
        });
        let mut csv = COLUMNS.join(",") + "\n";
        for (cell, shared, result) in &done {
            let row = self.row(cell, shared, result);
            csv += &row.map(|field| quoted(&field)).join(",");
            csv.push('\n');
        }
        Ok(RunsTable { csv, rows: done.len(), unfinished })
    }

    /// Writes the table of [`runs`](Self::runs) to `path`, whole or not at all, and returns it.
    ///
    /// # Errors
    /// As `runs`, and I/O.
    pub fn write_runs(&self, path: &Path) -> Result<RunsTable, SweepError> {
        let table = self.runs()?;
        self.disk.write_whole(path, table.csv.as_bytes())?;
        Ok(table)
    }

    /// The fields of one row, in the order of [`COLUMNS`]; what is not known is empty. Numbers have as many digits as it
    /// takes to read the same number back.
    fn row(&self, cell: &Cell, shared: &Shared<'_>, result: &CellResult) -> [String; COLUMNS.len()] {
        let spec = cell.spec();
        let shape = &spec.architecture;
        let tokens = cell.tokens().get();
        // The last token of the text is a target only, and a rest shorter than a window is never seen.
        let windows = self.corpus().training_tokens.saturating_sub(1) / shape.context.max(1) as u64;
        let readable_tokens = windows as f64 * shape.context as f64;
        let flops = Params::new(cell.params() as f64).and_then(|params| training_flops(params, Tokens::new(tokens)?));
        let (status, evaluation) = match result {
            CellResult::Finished { evaluation, .. } => ("finished", Some(evaluation)),
            CellResult::Diverged { .. } => ("diverged", None),
        };
        [
            cell.name().to_owned(),
            self.recipe().to_owned(),
            cell.params().to_string(),
            shape.param_groups().count(ParamCounting::NonEmbedding).to_string(),
            tokens.to_string(),
            tokens.min(readable_tokens).to_string(),
            flops.map_or_else(|_| String::new(), |flops| flops.get().to_string()),
            known(evaluation.map(|evaluation| evaluation.loss)),
            known(evaluation.and_then(|evaluation| evaluation.standard_error)),
            (spec.batch_sequences * shape.context).to_string(),
            spec.optimizer.hidden_rate.to_string(),
            spec.seed.to_string(),
            self.corpus().name.clone(),
            format!("{:.12}", cell.corpus()),
            status.to_owned(),
            cell.tag().to_owned(),
            known(cell.budget().map(|budget| budget.get())),
            shape.depth.to_string(),
            shape.width.to_string(),
            shape.context.to_string(),
            spec.steps.to_string(),
            cell.exact_flops().to_string(),
            cell.exact_flops_of(shared.inherited_steps).to_string(),
            shared.trunk.to_owned(),
            known(evaluation.map(|evaluation| evaluation.bits_per_byte)),
            known(evaluation.map(|evaluation| evaluation.documents)),
            known(evaluation.map(|evaluation| evaluation.tokens)),
            known(cell.tuning_excess()),
        ]
    }
}

/// What a run has in common with others.
struct Shared<'a> {
    /// Name of the trunk; empty for a run that shares nothing.
    trunk: &'a str,
    inherited_steps: u64,
}

fn known<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// `field` as RFC 4180 wants it.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
