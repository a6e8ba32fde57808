//! An IsoFLOP ladder: a few budgets, and at each a few sizes around the one expected to be best.

use isoflop::counting::{Architecture, ParamCounting, TRAINING_FLOPS_PER_PARAM_TOKEN};
use isoflop::{Flops, Params, Tokens, UnitError};
use isoflop_train::Recipe;
use thiserror::Error;

use crate::cell::CellPlan;

/// What a ladder is laid out from.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    /// Rules shared by all runs.
    pub recipe: Recipe,
    /// Shapes to choose from, (depth, width), in ascending size.
    pub shapes: Vec<(usize, usize)>,
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
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum LadderError {
    /// There is no shape to choose from.
    #[error("the ladder has no shapes to choose from; name at least one (depth, width) in `shapes`")]
    NoShapes,
    /// A number of the ladder is no quantity, such as a budget too small for a token.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

impl Ladder {
    /// The runs, budget by budget, each on the tokens that spend its budget.
    ///
    /// ```text
    /// D = C / (6 N)      expected best size  N = sqrt(C / (6 r))
    /// ```
    ///
    /// with r the tokens per parameter expected to be best.
    ///
    /// # Errors
    /// [`LadderError::NoShapes`] without shapes; [`LadderError::Unit`] when a budget is too small for a token.
    pub fn cells(&self) -> Result<Vec<CellPlan>, LadderError> {
        let shapes = self.architectures();
        let mut cells = Vec::with_capacity(self.budgets.len() * self.sizes);
        for (rung, budget) in self.budgets.iter().enumerate() {
            let expected = (budget.get() / (TRAINING_FLOPS_PER_PARAM_TOKEN * self.tokens_per_param)).sqrt();
            let centre = nearest(&shapes, expected).ok_or(LadderError::NoShapes)?;
            let first = centre.saturating_sub(self.sizes / 2).min(shapes.len().saturating_sub(self.sizes));
            for shape in shapes.iter().skip(first).take(self.sizes) {
                let tag = format!("c{}-d{}-w{}-s{}", rung + 1, shape.depth, shape.width, self.seed);
                cells.push(self.cell(tag, shape.clone(), *budget, 1)?);
            }
        }
        Ok(cells)
    }

    /// The run that spends `budget` on the shape nearest to `params`, its gradient in `shards` parts.
    ///
    /// # Errors
    /// [`LadderError::NoShapes`] without shapes; [`LadderError::Unit`] when the budget is too small for a token.
    pub fn big_run(&self, budget: Flops, params: Params, shards: usize) -> Result<CellPlan, LadderError> {
        let mut shapes = self.architectures();
        let shape = shapes.swap_remove(nearest(&shapes, params.get()).ok_or(LadderError::NoShapes)?);
        let tag = format!("big-d{}-w{}-s{}", shape.depth, shape.width, self.seed);
        self.cell(tag, shape, budget, shards)
    }

    fn architectures(&self) -> Vec<Architecture> {
        self.shapes.iter().map(|(depth, width)| self.recipe.architecture(*depth, *width)).collect()
    }

    fn cell(&self, tag: String, shape: Architecture, budget: Flops, shards: usize) -> Result<CellPlan, LadderError> {
        let params = total_params(&shape);
        let tokens = Tokens::new(budget.get() / (TRAINING_FLOPS_PER_PARAM_TOKEN * params))?;
        Ok(CellPlan { tag, budget: Some(budget), spec: self.recipe.run(shape, tokens, self.seed, shards) })
    }
}

fn total_params(shape: &Architecture) -> f64 {
    shape.param_groups().count(ParamCounting::Total) as f64
}

/// Index of the shape whose size is nearest to `params` in ratio; none without shapes.
fn nearest(shapes: &[Architecture], params: f64) -> Option<usize> {
    let distance = |shape: &Architecture| (total_params(shape) / params).ln().abs();
    (0..shapes.len()).min_by(|a, b| distance(&shapes[*a]).total_cmp(&distance(&shapes[*b])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder() -> Ladder {
        Ladder {
            recipe: Recipe::default(),
            shapes: [16, 24, 32, 48, 64, 96, 128].map(|width| (2, width)).to_vec(),
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
    fn sizes_are_centred_and_stay_in_the_menu() {
        let cells = ladder().cells().unwrap();
        assert_eq!(cells.len(), 10);
        let mut tiny = ladder();
        tiny.budgets = vec![Flops::new(1e9).unwrap(), Flops::new(1e15).unwrap()];
        let widths: Vec<usize> = tiny.cells().unwrap().iter().map(|cell| cell.spec.architecture.width).collect();
        assert_eq!(widths, [16, 24, 32, 48, 64, 32, 48, 64, 96, 128]);
    }

    #[test]
    fn the_big_run_takes_the_nearest_shape_and_all_of_its_budget() {
        let big = ladder().big_run(Flops::new(1e13).unwrap(), Params::new(2.5e5).unwrap(), 4).unwrap();
        assert_eq!((big.spec.architecture.width, big.spec.shards), (96, 4));
    }

    #[test]
    fn a_ladder_without_shapes_is_refused() {
        let empty = Ladder { shapes: Vec::new(), ..ladder() };
        assert_eq!(empty.cells().unwrap_err(), LadderError::NoShapes);
        let big = empty.big_run(Flops::new(1e13).unwrap(), Params::new(2.5e5).unwrap(), 4);
        assert_eq!(big.unwrap_err(), LadderError::NoShapes);
    }
}
