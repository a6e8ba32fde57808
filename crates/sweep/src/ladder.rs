//! An IsoFLOP ladder: a few budgets, and at each a few sizes around the one expected to be best.

use isoflop::counting::{Architecture, ParamCounting, TRAINING_FLOPS_PER_PARAM_TOKEN};
use isoflop::{Flops, Params, Tokens, UnitError};
use isoflop_train::{Recipe, RecipeError, RunSpec, Schedule};
use thiserror::Error;

use crate::cell::CellPlan;

/// What a ladder is laid out from.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    /// Rules shared by all runs, and the widths there are to choose from.
    pub recipe: Recipe,
    /// Training compute of each rung, 6ND.
    pub budgets: Vec<Flops>,
    /// Sizes at each budget.
    pub sizes: usize,
    /// Tokens per parameter expected to be best; the sizes are centred on it.
    pub tokens_per_param: f64,
    /// Seed of every run's weights and order of text.
    pub seed: u64,
}

/// Why a ladder cannot be laid out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LadderError {
    /// The recipe makes no models.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A trunk cannot cool down over this share of its branches.
    #[error("a cool-down takes a share of a run above 0 and at most 1, got {share}; 0.2 is usual")]
    CooldownShare {
        /// The share that was asked for.
        share: f64,
    },
    /// A number of the ladder is no quantity, such as a budget too small for a token.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

impl Ladder {
    /// The runs, budget by budget, each on the tokens that spend its budget, with batch and schedule for its tokens.
    ///
    /// ```text
    /// D = C / (6 N)      expected best size  N = sqrt(C / (6 r))
    /// ```
    ///
    /// with r the tokens per parameter expected to be best.
    ///
    /// # Errors
    /// [`LadderError::Recipe`] when a number of the recipe is out of its range; [`LadderError::Unit`] when a budget is too small for
    /// a token.
    pub fn cells(&self) -> Result<Vec<CellPlan>, LadderError> {
        let plan =
            |(rung, budget, shape): (usize, Flops, Architecture)| self.cell(self.tag(rung, &shape), shape, budget, 1);
        self.grid()?.into_iter().map(plan).collect()
    }

    /// The runs of [`cells`](Self::cells) as branches of trunks: the runs of one shape share batch, rates and warm-up, and so all
    /// steps until the first of their cool-downs, each of which takes `cooldown_share` of its run.
    ///
    /// Of D tokens in all, trained one by one, a trunk of which the longest branch takes D_max trains
    ///
    /// ```text
    /// (1 - cooldown_share) D_max + cooldown_share D
    /// ```
    ///
    /// Batch and rates are those of the recipe at the geometric mean of the branches' tokens: no branch has quite its own.
    ///
    /// # Source
    /// Hägele et al. 2024, arXiv:2405.18392: a fifth of a run suffices for its cool-down. Hu et al. 2024, arXiv:2404.06395: a ladder
    /// from one trunk for each size.
    ///
    /// # Trust
    /// Branches of a trunk are no independent runs: fits resample whole trunks, by the column `trunk` of their table.
    ///
    /// # Errors
    /// Those of `cells`, and [`LadderError::CooldownShare`].
    pub fn trunks(&self, cooldown_share: f64) -> Result<Vec<CellPlan>, LadderError> {
        if !(cooldown_share > 0.0 && cooldown_share <= 1.0) {
            return Err(LadderError::CooldownShare { share: cooldown_share });
        }
        let grid = self.grid()?;
        let mut cells = Vec::with_capacity(grid.len());
        for (rung, budget, shape) in &grid {
            let of_shape = grid.iter().filter(|(_, _, other)| other == shape);
            let ln_tokens: Vec<f64> = of_shape.map(|(_, budget, _)| spending(*budget, shape).ln()).collect();
            let mean = Tokens::new((ln_tokens.iter().sum::<f64>() / ln_tokens.len() as f64).exp())?;
            let trunk = self.recipe.run(shape.clone(), mean, self.seed, 1);
            let steps = spending(*budget, shape) / trunk.batch_tokens();
            let steps = Tokens::new(steps)?.get().round().max(1.0);
            let cooldown_steps = (cooldown_share * steps).round() as u64;
            let schedule = Schedule { cooldown_steps, ..trunk.schedule.clone() };
            let spec = RunSpec { steps: steps as u64, schedule, ..trunk };
            cells.push(self.planned(self.tag(*rung, shape), *budget, spec));
        }
        Ok(cells)
    }

    /// The number of each budget, the budget, and a shape to spend it on.
    fn grid(&self) -> Result<Vec<(usize, Flops, Architecture)>, LadderError> {
        let expected =
            |budget: &Flops| (budget.get() / (TRAINING_FLOPS_PER_PARAM_TOKEN * self.tokens_per_param)).sqrt();
        let shapes = self.shapes(self.budgets.iter().map(expected).fold(0.0, f64::max))?;
        let mut grid = Vec::with_capacity(self.budgets.len() * self.sizes);
        for (rung, budget) in self.budgets.iter().enumerate() {
            let first = nearest(&shapes, expected(budget)).saturating_sub(self.sizes / 2);
            grid.extend(shapes.iter().skip(first).take(self.sizes).map(|shape| (rung + 1, *budget, shape.clone())));
        }
        Ok(grid)
    }

    /// The run that spends `budget` on the shape nearest to `params`, its gradient in `shards` parts.
    ///
    /// # Errors
    /// [`LadderError::Recipe`] when a number of the recipe is out of its range; [`LadderError::Unit`] when the budget is too small for
    /// a token.
    pub fn big_run(&self, budget: Flops, params: Params, shards: usize) -> Result<CellPlan, LadderError> {
        let mut shapes = self.shapes(params.get())?;
        let shape = shapes.swap_remove(nearest(&shapes, params.get()));
        let tag = format!("big-d{}-w{}-s{}", shape.depth, shape.width, self.seed);
        self.cell(tag, shape, budget, shards)
    }

    /// The recipe's models in ascending size: those of up to `params` parameters, and some larger ones: the nearest size may be
    /// one of them, and half of a budget's sizes lie above it.
    fn shapes(&self, params: f64) -> Result<Vec<Architecture>, LadderError> {
        self.recipe.check()?;
        let models = self.recipe.widths().map(|width| self.recipe.architecture(width));
        let mut larger = 0;
        let shapes = models.take_while(|shape| {
            larger += usize::from(total_params(shape) > params);
            larger <= self.sizes + 1
        });
        Ok(shapes.collect())
    }

    fn tag(&self, rung: usize, shape: &Architecture) -> String {
        format!("c{rung}-d{}-w{}-s{}", shape.depth, shape.width, self.seed)
    }

    fn cell(&self, tag: String, shape: Architecture, budget: Flops, shards: usize) -> Result<CellPlan, LadderError> {
        let tokens = Tokens::new(spending(budget, &shape))?;
        Ok(self.planned(tag, budget, self.recipe.run(shape, tokens, self.seed, shards)))
    }

    fn planned(&self, tag: String, budget: Flops, spec: RunSpec) -> CellPlan {
        CellPlan { tag, budget: Some(budget), tuning_excess: self.recipe.tuning_excess(&spec), spec }
    }
}

impl CellPlan {
    /// One run of about `params` on `tokens`, outside any ladder: of the recipe's models with widths in steps of eight, finer than
    /// the menu of ladders, the one nearest in ratio.
    ///
    /// # Errors
    /// [`LadderError::Recipe`] when a number of the recipe is out of its range.
    pub fn of_size(
        recipe: &Recipe,
        params: Params,
        tokens: Tokens,
        seed: u64,
        shards: usize,
    ) -> Result<Self, LadderError> {
        const STEP: usize = 8;
        const WIDEST: usize = 1 << 14;
        recipe.check()?;
        let widths = (STEP..=WIDEST).step_by(STEP);
        let mut shapes: Vec<Architecture> = widths.map(|width| recipe.architecture(width)).collect();
        let shape = shapes.swap_remove(nearest(&shapes, params.get()));
        let tag = format!("d{}-w{}-s{seed}", shape.depth, shape.width);
        let spec = recipe.run(shape, tokens, seed, shards);
        Ok(Self { tag, budget: None, tuning_excess: recipe.tuning_excess(&spec), spec })
    }
}

/// Tokens on which `shape` spends `budget`.
fn spending(budget: Flops, shape: &Architecture) -> f64 {
    budget.get() / (TRAINING_FLOPS_PER_PARAM_TOKEN * total_params(shape))
}

fn total_params(shape: &Architecture) -> f64 {
    shape.param_groups().count(ParamCounting::Total) as f64
}

/// Index of the shape whose size is nearest to `params` in ratio.
fn nearest(shapes: &[Architecture], params: f64) -> usize {
    let distance = |shape: &Architecture| (total_params(shape) / params).ln().abs();
    (0..shapes.len()).min_by(|a, b| distance(&shapes[*a]).total_cmp(&distance(&shapes[*b]))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder() -> Ladder {
        Ladder {
            recipe: Recipe::default(),
            budgets: [1e11, 4e11].map(|flops| Flops::new(flops).unwrap()).to_vec(),
            sizes: 5,
            tokens_per_param: 20.0,
            seed: 3,
        }
    }

    #[test]
    fn every_run_spends_its_budget() {
        for cell in ladder().cells().unwrap() {
            let flops = 6.0 * total_params(&cell.spec.architecture) * cell.spec.tokens().unwrap().get();
            assert!((flops / cell.budget.unwrap().get() - 1.0).abs() < 0.02, "{} {flops:e}", cell.tag);
        }
    }

    #[test]
    fn a_trunk_for_each_shape_spends_the_same_budgets_on_one_batch() {
        let (cells, branches) = (ladder().cells().unwrap(), ladder().trunks(0.2).unwrap());
        let mut shared = 0;
        for (cell, branch) in cells.iter().zip(&branches) {
            assert_eq!((&cell.tag, &cell.spec.architecture), (&branch.tag, &branch.spec.architecture));
            let ratio = branch.spec.tokens().unwrap().get() / cell.spec.tokens().unwrap().get();
            assert!((ratio - 1.0).abs() < 0.02, "{} {ratio}", cell.tag);
            let cooldown = branch.spec.schedule.cooldown_steps as f64 / branch.spec.steps as f64;
            assert!((cooldown - 0.2).abs() < 0.01, "{} {cooldown}", cell.tag);
            let others = branches.iter().filter(|other| other.spec.architecture == branch.spec.architecture);
            for other in others.filter(|other| other.spec != branch.spec) {
                shared += 1;
                let shortest = branch.spec.steps_before_cooldown().min(other.spec.steps_before_cooldown());
                assert!(shortest > 0 && branch.spec.agrees_until(&other.spec, shortest), "{} {}", cell.tag, other.tag);
            }
        }
        assert!(shared >= 6, "{shared}");
    }

    #[test]
    fn a_cooldown_is_a_share_of_a_run() {
        for share in [0.0, -0.1, 1.1, f64::NAN] {
            let refused = ladder().trunks(share).unwrap_err();
            assert!(matches!(refused, LadderError::CooldownShare { .. }), "{refused}");
        }
        assert!(ladder().trunks(1.0).is_ok());
    }

    #[test]
    fn one_run_has_about_the_size_and_the_tokens_that_were_asked_for() {
        let tokens = Tokens::new(3e6).unwrap();
        for params in [5e4, 1e6, 2e7, 3e8] {
            let cell = CellPlan::of_size(&Recipe::default(), Params::new(params).unwrap(), tokens, 0, 4).unwrap();
            let ratio = total_params(&cell.spec.architecture) / params;
            assert!((0.8..1.25).contains(&ratio), "{} {ratio}", cell.tag);
            assert!((cell.spec.tokens().unwrap().get() / 3e6 - 1.0).abs() < 0.01);
        }
    }

    #[test]
    fn sizes_are_centred_and_begin_with_the_smallest_model() {
        let widths = |budgets: [f64; 2]| -> Vec<usize> {
            let budgets = budgets.map(|flops| Flops::new(flops).unwrap()).to_vec();
            let cells = Ladder { budgets, ..ladder() }.cells().unwrap();
            cells.iter().map(|cell| cell.spec.architecture.width).collect()
        };
        assert_eq!(widths([1e9, 1e11]), [8, 12, 16, 24, 32, 16, 24, 32, 48, 64]);
        // The largest budget decides how far the models go, wherever it stands.
        assert_eq!(widths([1e13, 1e9])[..5], [64, 96, 128, 176, 240]);
    }

    #[test]
    fn the_demos_ladder_is_what_it_was_when_shapes_were_listed() {
        let budgets = [3e10, 1.2e11, 4.8e11].map(|flops| Flops::new(flops).unwrap()).to_vec();
        let demo = Ladder { budgets, tokens_per_param: 25.0, seed: 0, ..ladder() };
        let tags: Vec<String> = demo.cells().unwrap().into_iter().map(|cell| cell.tag).collect();
        let rungs = [[8, 12, 16, 24, 32], [16, 24, 32, 48, 64], [24, 32, 48, 64, 96]];
        let before = (1..).zip(rungs).flat_map(|(rung, widths)| widths.map(|w| format!("c{rung}-d1-w{w}-s0")));
        assert_eq!(tags, before.collect::<Vec<_>>());
    }

    #[test]
    fn the_big_run_takes_the_nearest_shape_and_all_of_its_budget() {
        let big = ladder().big_run(Flops::new(1e13).unwrap(), Params::new(2.5e5).unwrap(), 4).unwrap();
        assert_eq!((big.spec.architecture.width, big.spec.shards), (128, 4));
    }

    #[test]
    fn a_recipe_that_makes_no_models_is_refused() {
        let mut headless = ladder();
        headless.recipe.model.head_width = 0;
        assert!(headless.cells().unwrap_err().to_string().contains("model.head_width"));
        let big = headless.big_run(Flops::new(1e13).unwrap(), Params::new(2.5e5).unwrap(), 4);
        assert!(matches!(big, Err(LadderError::Recipe(RecipeError::OutOfRange { .. }))));
    }
}
