//! Tuning a recipe's rates and batch on the smallest models of its ladders: which runs, round by round, and the recipe they lead to.

mod probe;
#[cfg(test)]
mod tests;

use std::path::Path;

use isoflop::tuning::{Candidate, Factor, Settled, Surface, Trial, TuningError, star};
use isoflop::{Flops, UnitError};
use isoflop_train::{Recipe, RecipeError, RunSpec, TOKENS_PER_PARAM, Tuning};
use thiserror::Error;

use crate::cell::{Cell, CellPlan};
use crate::directory::Sweep;
use crate::error::SweepError;
use crate::result::CellResult;
use crate::throughput::Throughput;

pub use probe::{Probed, probe, probed};

/// Seeds of the centre in the first round: the star has the first, and they tell how runs scatter.
const FIRST_SEEDS: u64 = 3;
/// Seeds there are at each width: all that a run of a new one tells is told by one of these.
const SEEDS: u64 = 5;
/// Runs of a later round: as many as keep a few cores busy, few enough to learn from.
const ROUND: usize = 8;
/// Share of the budget that the first round may take.
const FIRST_SHARE: f64 = 0.5;
/// Sequences of a batch that can be made smaller by two steps: one is the least, and 1.5 squared is 2.25.
const LEAST_SEQUENCES: f64 = 2.25;
/// Widths of the menu from one that is tuned to the next, the best way first: further apart they tell a drift better.
const WAYS: [&[usize]; 4] = [&[0, 2, 4], &[0, 1, 2], &[0, 2], &[0]];
/// Widths of the menu that are looked at: far beyond what anybody tunes at.
const MENU: usize = 40;

/// A run that could be trained, and its place on the surface.
struct Possible {
    plan: CellPlan,
    candidate: Candidate,
}

/// A recipe to be tuned.
#[derive(Debug, Clone, PartialEq)]
pub struct TuningPlan {
    /// The recipe to begin from.
    pub recipe: Recipe,
    /// Widths to train, ascending.
    pub widths: Vec<usize>,
    /// First seed; others follow it.
    pub seed: u64,
}

/// Why a recipe cannot be tuned.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TuningPlanError {
    /// The recipe makes no models, or none of the width that is asked for.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The budget does not pay for the first round at the smallest size.
    #[error(
        "tuning needs {least:.1e} FLOP even at the smallest size, width {width}; got {budget:.1e}: give it that, or more"
    )]
    TooLittle {
        /// FLOPs that are needed.
        least: f64,
        /// The smallest width.
        width: usize,
        /// FLOPs that were given.
        budget: f64,
    },
    /// The runs place no optimum.
    #[error(transparent)]
    Surface(#[from] TuningError),
    /// A file of the sweep.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// A transfer is asked of rates that were not tuned.
    #[error("the recipe {recipe} was not tuned: run isoflop tune with it first")]
    Untuned {
        /// The recipe's name.
        recipe: String,
    },
    /// A width too small for a token.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

/// What is known after some rounds.
#[derive(Debug, Clone, PartialEq)]
pub struct TuningState {
    /// The surface of all finished runs.
    pub surface: Surface,
    /// Whether the optimum is known well enough.
    pub settled: Settled,
    /// FLOPs of all runs planned so far.
    pub spent: f64,
    /// Runs planned so far that diverged.
    pub diverged: usize,
    /// The runs to train next; none when it is settled or nothing more can be paid.
    pub next: Vec<CellPlan>,
}

impl TuningPlan {
    /// The widths to tune `recipe` at with `budget`: three, the largest whose first round takes half of it, or fewer.
    ///
    /// # Errors
    /// [`TuningPlanError::Recipe`] and [`TuningPlanError::TooLittle`].
    pub fn within(recipe: Recipe, budget: Flops, seed: u64) -> Result<Self, TuningPlanError> {
        recipe.check()?;
        let menu: Vec<usize> = recipe.widths().take(MENU).collect();
        let can_shrink = |width: &usize| {
            let batch = recipe.tokens(*width, TOKENS_PER_PARAM).map(|tokens| recipe.batch.of(tokens.get()));
            batch.is_ok_and(|batch| batch / recipe.context as f64 >= LEAST_SEQUENCES)
        };
        let payable = |widths: &[usize]| {
            let plan = Self { recipe: recipe.clone(), widths: widths.to_vec(), seed };
            let flops = plan.first_round().map(|cells| cells.iter().map(|cell| cell.spec.flops().total()).sum::<f64>());
            flops.map(|flops| flops / FIRST_SHARE)
        };
        let smallest = menu.iter().position(can_shrink);
        // Where no affordable batch can be made smaller, the smallest model will do.
        for first in smallest.into_iter().chain([0]) {
            for way in WAYS {
                let mut best = None;
                for start in first..menu.len() {
                    let widths: Option<Vec<usize>> = way.iter().map(|step| menu.get(start + step).copied()).collect();
                    let Some(widths) = widths else { break };
                    if payable(&widths)? > budget.get() {
                        break;
                    }
                    best = Some(widths);
                }
                if let Some(widths) = best {
                    return Ok(Self { recipe, widths, seed });
                }
            }
        }
        let width = menu.first().copied().unwrap_or(0);
        Err(TuningPlanError::TooLittle { least: payable(&[width])?, width, budget: budget.get() })
    }

    /// The compute whose runs, each judged on `judged_tokens`, keep `machine` busy for `seconds`.
    ///
    /// Counted at the speed of the smallest model, which trains the fewest FLOPs per second.
    ///
    /// # Errors
    /// [`TuningPlanError::Recipe`], and [`TuningPlanError::Unit`] when there is no time.
    pub fn flops_within(
        recipe: &Recipe,
        seconds: f64,
        machine: &Throughput,
        judged_tokens: f64,
    ) -> Result<Flops, TuningPlanError> {
        recipe.check()?;
        let widths = recipe.widths().take(1).collect();
        let smallest = Self { recipe: recipe.clone(), widths, seed: 0 }.first_round()?;
        let flops: f64 = smallest.iter().map(|cell| cell.spec.flops().total()).sum();
        let core_seconds: f64 = smallest.iter().map(|cell| machine.seconds(&cell.spec, judged_tokens)).sum();
        Ok(Flops::new(seconds * machine.cores as f64 * flops / core_seconds)?)
    }

    /// The plan that the sweep in `folder` was begun with, and its budget; none where there is no sweep yet.
    ///
    /// # Errors
    /// [`TuningPlanError::Sweep`] for damage and I/O.
    pub fn of_folder(
        folder: &Path,
        recipe: &Recipe,
        seed: u64,
    ) -> Result<Option<(Self, Option<Flops>)>, TuningPlanError> {
        if !folder.join("sweep.toml").exists() {
            return Ok(None);
        }
        let sweep = Sweep::open(folder)?;
        let mut widths = Vec::new();
        for (_, cell) in sweep.cells()? {
            widths.push(cell?.spec().architecture.width);
        }
        widths.sort_unstable();
        widths.dedup();
        Ok(Some((Self { recipe: recipe.clone(), widths, seed }, sweep.budgets().first().copied())))
    }

    /// The centre with repeated seeds, and a star of one-factor moves around it, at each width.
    ///
    /// # Errors
    /// [`TuningPlanError::Unit`].
    pub fn first_round(&self) -> Result<Vec<CellPlan>, TuningPlanError> {
        let mut cells: Vec<CellPlan> = Vec::new();
        for width in &self.widths {
            for moves in star() {
                let cell = self.cell(*width, moves, self.seed)?;
                // A small batch is rounded to the sequences that it had.
                let place = trial(&self.recipe, &cell.spec, f64::NAN);
                if !cells.iter().any(|known| is_same(&trial(&self.recipe, &known.spec, f64::NAN), &place)) {
                    cells.push(cell);
                }
            }
            for ordinal in 1..FIRST_SEEDS {
                cells.push(self.cell(*width, [0; 3], self.seed + ordinal)?);
            }
        }
        Ok(cells)
    }

    /// What the finished runs of `sweep` say, and the runs to train next with what is left of `budget`. It depends on nothing else.
    ///
    /// # Errors
    /// [`TuningPlanError::Sweep`] for a damaged folder, [`TuningPlanError::Surface`] when every run diverged.
    pub fn state(&self, sweep: &Sweep, budget: Flops) -> Result<TuningState, TuningPlanError> {
        let mut cells = Vec::new();
        for (_, cell) in sweep.cells()? {
            cells.push(cell?);
        }
        let (trials, diverged) = trials(&self.recipe, sweep, &cells)?;
        let surface = Surface::fit(&trials)?;
        let spent = cells.iter().map(Cell::exact_flops).sum::<f64>();
        let options = self.options(&surface, &cells, &diverged)?;
        let candidates: Vec<Candidate> = options.iter().map(|option| option.candidate).collect();
        let width = self.target();
        let settled = surface.settled(width, &candidates);
        let left = budget.get() - spent;
        let chosen = match settled {
            Settled::Yes => Vec::new(),
            _ => surface.most_telling(&candidates, ROUND, width, left),
        };
        let next = chosen.into_iter().map(|index| options[index].plan.clone()).collect();
        Ok(TuningState { surface, settled, spent, diverged: diverged.len(), next })
    }

    /// The recipe with the best rates and batch that `state` knows of, and what is known of them, under a name of its own.
    pub fn tuned(&self, state: &TuningState) -> Recipe {
        let TuningState { surface, settled, spent, diverged, .. } = state;
        let best = surface.best(self.target());
        let drift = surface.drift().map_or(0.0, |(drift, _)| drift);
        let moved = self.recipe.moved(best);
        // The best at the largest width, quoted at the base width.
        let to_base = (moved.optimizer.base_width / self.target()).powf(drift);
        let tuning = Tuning {
            optimum: [moved.optimizer.hidden_rate * to_base, moved.optimizer.embedding_rate, moved.batch.tokens],
            width_drift: self.recipe.optimizer.width_drift + drift,
            standard_errors: surface.standard_errors(self.target()),
            noise: surface.noise(),
            settled: *settled,
            widths: self.widths.clone(),
            runs: surface.trials().len() + diverged,
            flops: *spent,
            curvature: surface.curvature(),
        };
        // Tuned again, it is still called tuned once.
        let name = format!("{}-tuned", self.recipe.name.trim_end_matches("-tuned"));
        Recipe { name, ..tuning.applied_to(&self.recipe) }
    }

    /// Width at which the optimum is asked for: the largest, as it is the nearest to what will be trained.
    pub fn target(&self) -> f64 {
        self.widths.iter().copied().max().unwrap_or(0) as f64
    }

    /// The runs that could be trained next, each once.
    fn options(&self, surface: &Surface, cells: &[Cell], diverged: &[Trial]) -> Result<Vec<Possible>, TuningPlanError> {
        let mut known: Vec<Trial> = cells.iter().map(|cell| trial(&self.recipe, cell.spec(), f64::NAN)).collect();
        let mut options: Vec<Possible> = Vec::new();
        for width in &self.widths {
            for moves in surface.neighbourhood(self.target()) {
                for seed in self.seed..self.seed + SEEDS {
                    let plan = self.cell(*width, moves, seed)?;
                    let place = trial(&self.recipe, &plan.spec, f64::NAN);
                    // Small batches are rounded to the same few sequences.
                    if known.iter().any(|other| is_same(other, &place)) || is_hopeless(&place, diverged) {
                        continue;
                    }
                    let cost = plan.spec.flops().total();
                    let candidate = Candidate { width: place.width, seed, moves: place.moves, cost };
                    options.push(Possible { plan, candidate });
                    known.push(place);
                }
            }
        }
        Ok(options)
    }

    fn cell(&self, width: usize, moves: [i32; 3], seed: u64) -> Result<CellPlan, TuningPlanError> {
        let recipe = self.recipe.moved(moves.map(f64::from));
        let shape = recipe.architecture(width);
        let spec = recipe.run(shape, recipe.tokens(width, TOKENS_PER_PARAM)?, seed, 1);
        // A minus would read like the dash between the parts.
        let [hidden, embedding, batch] = moves.map(|steps| format!("{steps}").replace('-', "m"));
        let tag = format!("w{width}-h{hidden}-e{embedding}-b{batch}-s{seed}");
        Ok(CellPlan { tag, budget: None, tuning_excess: None, spec })
    }
}

/// Whether two trials are of one run.
fn is_same(one: &Trial, other: &Trial) -> bool {
    (one.width, one.seed) == (other.width, other.seed) && Factor::ALL.iter().all(|factor| one.agrees(other, *factor))
}

/// Whether a run with no higher rates and no smaller batch diverged.
fn is_hopeless(place: &Trial, diverged: &[Trial]) -> bool {
    diverged.iter().any(|wall| {
        let [hidden, embedding, batch] = [0, 1, 2].map(|factor| place.moves[factor] - wall.moves[factor]);
        let beyond = |factor: Factor, further: f64| further >= 0.0 || place.agrees(wall, factor);
        wall.width == place.width
            && beyond(Factor::HiddenRate, hidden)
            && beyond(Factor::EmbeddingRate, embedding)
            && beyond(Factor::Batch, -batch)
    })
}

/// The runs of `cells` that finished, and those that diverged, whose losses are no numbers.
fn trials(recipe: &Recipe, sweep: &Sweep, cells: &[Cell]) -> Result<(Vec<Trial>, Vec<Trial>), SweepError> {
    let (mut finished, mut diverged) = (Vec::new(), Vec::new());
    for cell in cells {
        match CellResult::read(&sweep.cell_dir(cell.name()))? {
            Some(CellResult::Finished { evaluation, .. }) => finished.push(trial(recipe, cell.spec(), evaluation.loss)),
            Some(CellResult::Diverged { .. }) => diverged.push(trial(recipe, cell.spec(), f64::NAN)),
            None => {}
        }
    }
    Ok((finished, diverged))
}

/// A run's place on the surface around `recipe`.
fn trial(recipe: &Recipe, spec: &RunSpec, loss: f64) -> Trial {
    Trial { width: spec.architecture.width as f64, seed: spec.seed, moves: recipe.moves_of(spec), loss }
}
