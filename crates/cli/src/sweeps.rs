//! What the folders of sweeps and tunings hold, for figures.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use isoflop::tuning::Surface;
use isoflop::{Flops, Runs, TableFormat};
use isoflop_report::board::BoardState;
use isoflop_report::{SweepRun, TrainingCurve};
use isoflop_sweep::{CellState, Sweep, TuningPlan};

use crate::input;
use crate::watch::flops_at;

/// Folders under one that a command was told, where it keeps its sweep.
const INSIDE: [&str; 3] = ["", "ladder", "runs"];
/// What `isoflop tune` leaves in its folder.
const TUNED: &str = "tuned.toml";

/// The sweep in `folder`, or in the place inside it where a command keeps one.
pub(crate) fn open(folder: &Path) -> Result<Sweep> {
    let places = INSIDE.map(|inside| folder.join(inside));
    let Some(place) = places.iter().find(|place| place.join("sweep.toml").is_file()) else {
        bail!(
            "{}: there is no sweep in it: name the folder that `isoflop lab`, `isoflop demo` or `isoflop tune` filled",
            folder.display()
        );
    };
    Ok(Sweep::open(place)?)
}

/// The runs of a sweep as they are now.
pub(crate) fn runs(sweep: &Sweep) -> Result<Vec<SweepRun>> {
    let mut runs = Vec::new();
    for ((name, cell), status) in sweep.cells()?.into_iter().zip(sweep.status(SystemTime::now())?) {
        let cell = cell.with_context(|| format!("{name}: cannot be read"))?;
        let share = status.step as f64 / status.steps.unwrap_or(1).max(1) as f64;
        let state = match (&status.state, status.loss) {
            (CellState::Finished, Some(loss)) => BoardState::Done(loss),
            (CellState::Running { .. }, _) => BoardState::Running(share),
            (CellState::Diverged, _) => BoardState::Diverged,
            (CellState::Waiting, _) => BoardState::Waiting,
            _ => BoardState::Failed,
        };
        let (params, tokens) = (cell.params() as f64, cell.tokens().get());
        let budget = cell.budget().map_or_else(|| cell.exact_flops(), Flops::get);
        runs.push(SweepRun { name: cell.tag().to_owned(), budget, params, tokens, state, attempts: status.attempts });
    }
    Ok(runs)
}

/// The results of a sweep so far, as a table to fit a law to.
pub(crate) fn results(sweep: &Sweep) -> Result<Runs> {
    let table = sweep.runs()?;
    Ok(Runs::read(table.csv.as_bytes(), "the sweep's results", TableFormat::Csv, false)?)
}

/// The training curves of a sweep.
pub(crate) fn curves(sweep: &Sweep) -> Result<Vec<TrainingCurve>> {
    let mut curves = Vec::new();
    for (name, cell) in sweep.cells()? {
        let cell = cell?;
        let metrics = sweep.metrics(&name)?;
        let losses = metrics.iter().map(|step| (flops_at(&cell, step.step), step.loss));
        curves.push(TrainingCurve::of_batches(cell.tag().to_owned(), cell.params() as f64, losses));
    }
    Ok(curves)
}

/// The surface that the runs of a tuning show, in steps from the recipe that it ended with.
pub(crate) fn tuned_surface(folder: &Path) -> Result<Surface> {
    let recipe: PathBuf = folder.join(TUNED);
    if !recipe.is_file() {
        bail!("{}: there is no {TUNED} in it: name the folder of an `isoflop tune` that has ended", folder.display());
    }
    let recipe = input::recipe(&recipe.to_string_lossy())?;
    let sweep = open(folder)?;
    let Some((plan, budget)) = TuningPlan::of_folder(sweep.dir(), &recipe, 0)? else {
        bail!("{}: there is no sweep in it", folder.display());
    };
    // Nothing is to be trained, so nothing is left to spend.
    let budget = budget.map_or_else(|| Flops::new(1.0), Ok)?;
    Ok(plan.state(&sweep, budget)?.surface)
}
