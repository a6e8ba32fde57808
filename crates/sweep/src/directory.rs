//! A sweep is a folder, and the folder is the truth: nothing about it is remembered anywhere else.

use std::path::{Path, PathBuf};

use isoflop::Flops;
use isoflop_train::EvaluationLimit;

use crate::attempt::{self, Attempt};
use crate::cell::{Cell, CellPlan};
use crate::checkpoints::Checkpoints;
use crate::error::SweepError;
use crate::files::{self, Disk};
use crate::metrics::{self, StepMetrics};
use crate::plan::{CorpusLabel, Header, SweepPlan};

/// Name of a cell, and the cell itself if its `cell.json` can be read.
pub type NamedCell = (String, Result<Cell, SweepError>);

/// A sweep on disk.
///
/// ```text
/// sweep.toml                    the question and the plan
/// cells/<tag>-<hash>/
///     cell.json                 the run
///     attempts/<n>/started.json who trains it, from which step; created by one process only, touched while it lives
///     attempts/<n>/exit.json    how that ended
///     metrics.jsonl             one line per step
///     checkpoint/<step>.checkpoint
///     result.json               the cell is done when this is there
/// trunks/<name>/
///     <step>.checkpoint         the first steps of several cells, as long as one of them has still to go on from there
///     <step>.jsonl              their training curve
/// ```
#[derive(Debug, Clone)]
pub struct Sweep {
    dir: PathBuf,
    header: Header,
    pub(crate) disk: Disk,
}

impl Sweep {
    /// Creates the sweep of `plan` in `dir`, or opens it when it is already there: that is how a sweep is resumed.
    ///
    /// A `cell.json` that is missing or damaged is written anew.
    ///
    /// # Errors
    /// [`SweepError::OtherPlan`] when `dir` holds another sweep; the plan's own errors; damage and I/O.
    pub fn create(dir: &Path, plan: &SweepPlan) -> Result<Self, SweepError> {
        Self::create_on(Disk::default(), dir, plan)
    }

    pub(crate) fn create_on(disk: Disk, dir: &Path, plan: &SweepPlan) -> Result<Self, SweepError> {
        let (header, cells) = plan.lay_out()?;
        let path = dir.join("sweep.toml");
        let existing = Header::read(&path)?;
        if let Some(part) = existing.as_ref().and_then(|existing| existing.difference(&header)) {
            return Err(SweepError::OtherPlan { dir: dir.to_owned(), part });
        }
        let sweep = Self { dir: dir.to_owned(), header, disk };
        for cell in &cells {
            sweep.place(cell)?;
        }
        // Last, so that a folder with a sweep.toml has all its cells.
        if existing.is_none() {
            sweep.header.write(&sweep.disk, &path)?;
        }
        Ok(sweep)
    }

    /// Opens the sweep in `dir`.
    ///
    /// # Errors
    /// [`SweepError::NotASweep`], damage and I/O.
    pub fn open(dir: &Path) -> Result<Self, SweepError> {
        let header = Header::read(&dir.join("sweep.toml"))?;
        let header = header.ok_or_else(|| SweepError::NotASweep { dir: dir.to_owned() })?;
        Ok(Self { dir: dir.to_owned(), header, disk: Disk::default() })
    }

    /// The same sweep, changed through `disk`.
    #[cfg(test)]
    pub(crate) fn on(self, disk: Disk) -> Self {
        Self { disk, ..self }
    }

    /// Adds runs on the same text, such as the big one that the others predict. Returns the cells, in the order of
    /// `plans`; a run that the sweep already has is not added again, whatever its tag.
    ///
    /// # Errors
    /// [`SweepError::BadTag`], [`SweepError::BadSpec`], I/O.
    pub fn add_cells(&self, plans: &[CellPlan]) -> Result<Vec<Cell>, SweepError> {
        let mut known: Vec<Cell> = self.cells()?.into_iter().filter_map(|(_, cell)| cell.ok()).collect();
        let mut added = Vec::with_capacity(plans.len());
        for plan in plans {
            let cell = Cell::new(plan.clone(), &self.header.corpus.fingerprint, self.header.evaluation)?;
            let cell = match known.iter().find(|other| other.hash() == cell.hash()) {
                Some(same) => same.clone(),
                None => {
                    self.place(&cell)?;
                    known.push(cell.clone());
                    cell
                }
            };
            added.push(cell);
        }
        Ok(added)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is to be found out, in words.
    pub fn question(&self) -> &str {
        &self.header.question
    }

    /// Name of what the runs have in common.
    pub fn recipe(&self) -> &str {
        &self.header.recipe
    }

    /// The budgets the runs were laid out for.
    pub fn budgets(&self) -> &[Flops] {
        &self.header.budgets
    }

    /// The text the runs are trained on.
    pub fn corpus(&self) -> &CorpusLabel {
        &self.header.corpus
    }

    /// How much of the held-out text each run is judged on.
    pub fn evaluation(&self) -> EvaluationLimit {
        self.header.evaluation
    }

    /// Every cell with its name: the planned ones in the plan's order, then the added ones by name. A cell that is
    /// planned but whose `cell.json` is missing or damaged is an error in its place.
    ///
    /// # Errors
    /// When the folder `cells` cannot be listed.
    pub fn cells(&self) -> Result<Vec<NamedCell>, SweepError> {
        let planned = self.header.cells.iter().cloned();
        // A folder without cell.json was being added when the power went: its adder never heard that it was there.
        let added = files::list(&self.dir.join("cells"))?
            .into_iter()
            .filter(|name| !self.header.cells.contains(name) && self.cell_dir(name).join("cell.json").exists());
        let read = |name: String| {
            let cell = Cell::read(&self.cell_dir(&name));
            (name, cell)
        };
        Ok(planned.chain(added).map(read).collect())
    }

    /// One line per step of the cell `name`, each step once, in order.
    ///
    /// # Errors
    /// Damage and I/O.
    pub fn metrics(&self, name: &str) -> Result<Vec<StepMetrics>, SweepError> {
        metrics::read(&self.cell_dir(name).join("metrics.jsonl"))
    }

    /// Every attempt at the cell `name`, from the first.
    ///
    /// # Errors
    /// I/O.
    pub fn attempts(&self, name: &str) -> Result<Vec<Attempt>, SweepError> {
        attempt::all(&self.cell_dir(name))
    }

    /// The newest checkpoint of the cell `name`, if it has one.
    ///
    /// # Errors
    /// I/O.
    pub fn checkpoint(&self, name: &str) -> Result<Option<PathBuf>, SweepError> {
        let checkpoints = Checkpoints::of(&self.cell_dir(name));
        Ok(checkpoints.steps()?.pop().map(|step| checkpoints.path(step)))
    }

    /// The folder of the cell `name`.
    pub(crate) fn cell_dir(&self, name: &str) -> PathBuf {
        self.dir.join("cells").join(name)
    }

    /// The folder of the prefixes of the trunk `name`.
    pub(crate) fn trunk_dir(&self, name: &str) -> PathBuf {
        self.dir.join("trunks").join(name)
    }

    /// The cells of the plan, without those that were added later.
    pub(crate) fn planned_cells(&self) -> &[String] {
        &self.header.cells
    }

    /// Makes sure that `cell` is on the disk.
    fn place(&self, cell: &Cell) -> Result<(), SweepError> {
        let folder = self.cell_dir(cell.name());
        match Cell::read(&folder) {
            Ok(existing) if existing == *cell => Ok(()),
            Ok(_) | Err(SweepError::Damaged { .. }) => cell.write(&self.disk, &folder),
            Err(error) => Err(error),
        }
    }
}
