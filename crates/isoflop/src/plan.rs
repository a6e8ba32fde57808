//! From a fit and a budget to what to train: the optimum, its interval, the flat range around it, and the cost of being wrong.

use isoflop_numerics::elementary::exp;
use isoflop_numerics::quantile::quantile;
use serde::{Deserialize, Serialize};

use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use crate::fit::{Draw, Estimate, Fit, QuestionError, Warning};
use crate::hardware::{Cost, PriceError, Rental};
use crate::law::Setting;
use crate::predict::{Extrapolation, check_loss};
use crate::units::{Flops, Params, Tokens, UnitError};

/// The schema of `plan.json`.
pub const PLAN_SCHEMA: &str = "isoflop.plan/1";

/// Compute waste at which a size still counts as good as the best.
pub const FLAT_TOLERANCE: f64 = 0.01;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The law has no interior optimum, or the budget is out of range.
    #[error(
        "the law has no compute-optimal size at this budget ({0}): it must fall both with parameters and with tokens; fit runs that vary both"
    )]
    NoOptimum(#[from] UnitError),
    /// The fit cannot say.
    #[error(transparent)]
    Question(QuestionError),
    /// The price is not one.
    #[error(transparent)]
    Price(#[from] PriceError),
}

impl From<QuestionError> for PlanError {
    fn from(error: QuestionError) -> Self {
        match error {
            QuestionError::Unit(error) => Self::NoOptimum(error),
            error => Self::Question(error),
        }
    }
}

/// What to train under a compute budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `isoflop.plan/1`.
    pub schema: String,
    /// Best model size.
    pub params: Estimate,
    /// Tokens to train it on.
    pub tokens: Estimate,
    /// Tokens per parameter.
    pub tokens_per_param: Estimate,
    /// Training compute; certain, because it is the budget.
    pub flops: Estimate,
    /// Loss that the law expects of the planned run, with the doubt about the law's parameters alone.
    pub loss: Estimate,
    /// Loss that one such run will show: the law's form may be wrong so far out, and single runs scatter.
    pub new_run: Estimate,
    /// What that costs; `None` entries were not asked for.
    pub cost: Cost,
    /// Sizes that are as good.
    pub flat_range: FlatRange,
    /// Share of compute wasted by acting on the point estimate, over the draws; `None` without draws.
    pub regret: Option<Regret>,
    /// Alternatives that were considered and rejected; this version considers none.
    pub ruled_out: Vec<String>,
    /// Level of the intervals.
    pub level: f64,
    /// What the intervals of the loss cover.
    pub covers: String,
    /// Distance from the data.
    pub extrapolation: Extrapolation,
    /// What was assumed, with values.
    pub assumptions: Vec<String>,
    /// Doubts.
    pub warnings: Vec<Warning>,
}

/// The sizes around the optimum that waste no more than a tolerated share of the compute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FlatRange {
    /// Smallest such size.
    pub params_lo: f64,
    /// Largest such size.
    pub params_hi: f64,
    /// Tolerated waste, as a share of compute.
    pub tolerance: f64,
}

/// Share of compute wasted because the plan rests on an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Regret {
    /// In the middle of the draws.
    pub median: f64,
    /// In the worst twentieth.
    pub p95: f64,
}

impl Fit {
    /// The compute-optimal plan for `budget`, priced by `rental` where one is given.
    ///
    /// # Errors
    /// [`PlanError::NoOptimum`] when the law has no interior optimum, [`PlanError::Question`] when the runs cannot tell.
    ///
    /// # Example
    /// ```
    /// use isoflop::{Fit, Flops, law::published};
    /// let fit = Fit::from_published(published("besiroglu2024").unwrap());
    /// let plan = fit.plan(Flops::new(5.76e23)?, None, 0.9)?;
    /// assert!((plan.params.value / 7.22487e10 - 1.0).abs() < 1e-5);
    /// assert!((plan.loss.value - 1.974441).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn plan(&self, budget: Flops, rental: Option<&Rental>, level: f64) -> Result<Plan, PlanError> {
        let (params, tokens) = self.best_allocation(budget)?;
        let product = params.get() * tokens.get();
        let extrapolation = Extrapolation::new(budget, self.largest_flops());
        let best_sizes: Vec<f64> = self
            .draws()
            .iter()
            .filter_map(|draw| self.law().best_ln_params(&draw.parameters, budget.get()))
            .map(exp)
            .collect();
        let over_draws = |value: f64, of: &dyn Fn(f64) -> f64| {
            Estimate::from_draws(value, best_sizes.iter().map(|params| of(*params)).collect(), level)
        };

        let loss = self.loss_at(params, tokens, level);
        let new_run = self.new_run(params, tokens, level, &extrapolation);
        check_loss(&loss, params, tokens)?;
        check_loss(&new_run, params, tokens)?;
        let mut warnings = self.warnings().to_vec();
        warnings.extend(self.distance_warnings(params, tokens, &extrapolation));
        warnings.extend(self.coupling_warning(params, tokens));
        let text = self.unique_tokens().map_or_else(
            || "one pass over unlimited unique data".to_owned(),
            |unique| format!("{unique} distinct tokens, repeated where more are needed"),
        );
        let mut assumptions = vec!["training compute C = 6 N D".to_owned(), text];
        assumptions.extend(self.recipe().map(|recipe| format!("recipe {recipe}")));
        let cost = rental.map_or_else(Cost::default, |rental| {
            assumptions.extend(rental.assumptions());
            rental.cost(budget)
        });
        Ok(Plan {
            schema: PLAN_SCHEMA.to_owned(),
            params: over_draws(params.get(), &|params| params),
            tokens: over_draws(tokens.get(), &|params| product / params),
            tokens_per_param: over_draws(tokens.get() / params.get(), &|params| product / params / params),
            flops: Estimate { value: budget.get(), lo: Some(budget.get()), hi: Some(budget.get()) },
            loss,
            new_run,
            cost,
            flat_range: self.flat_range(budget, params)?,
            regret: self.regret(budget, params, tokens),
            ruled_out: Vec::new(),
            level,
            covers: if self.draws().is_empty() {
                "nothing: the law comes without draws".to_owned()
            } else {
                "loss: doubt about the law's parameters, its form taken as right; one run: error of form and scatter of runs too".to_owned()
            },
            extrapolation,
            assumptions,
            warnings,
        })
    }

    /// How much compute the point plan wastes if a draw is the truth.
    ///
    /// ```text
    /// waste = 1 - C_eq(N, D) / C
    /// ```
    fn regret(&self, budget: Flops, params: Params, tokens: Tokens) -> Option<Regret> {
        let at = Setting::single_pass(params.get(), tokens.get());
        let waste = |draw: &Draw| {
            let equivalent = self.law().equivalent_flops(&draw.parameters, self.law().loss(&draw.parameters, &at))?;
            Some((1.0 - equivalent / budget.get()).max(0.0))
        };
        let mut wastes: Vec<f64> = self.draws().iter().filter_map(waste).filter(|waste| waste.is_finite()).collect();
        wastes.sort_by(f64::total_cmp);
        (!wastes.is_empty()).then(|| Regret { median: quantile(&wastes, 0.5), p95: quantile(&wastes, 0.95) })
    }

    /// The sizes whose loss at `budget` an optimal run would reach with at least `1 - FLAT_TOLERANCE` of the compute.
    ///
    /// The shape of the valley is that of [`Fit::point`]; its bottom is put at `best`.
    fn flat_range(&self, budget: Flops, best: Params) -> Result<FlatRange, UnitError> {
        let product = budget.get() / TRAINING_FLOPS_PER_PARAM_TOKEN;
        let is_flat = |ln_params: f64| {
            let at = Setting::single_pass(exp(ln_params), product / exp(ln_params));
            let equivalent = self.law().equivalent_flops(self.point(), self.law().loss(self.point(), &at));
            equivalent.is_some_and(|equivalent| equivalent >= (1.0 - FLAT_TOLERANCE) * budget.get())
        };
        let bottom = self
            .law()
            .best_ln_params(self.point(), budget.get())
            .ok_or(UnitError::NotPositive { quantity: "the best size", value: f64::NAN })?;
        // Loss along an isoflop has one valley, so the edge lies between the optimum and a size that is surely outside.
        let edge = |far: f64| {
            let (mut inside, mut outside) = (bottom, bottom + far);
            for _ in 0..60 {
                let middle = 0.5 * (inside + outside);
                if is_flat(middle) { inside = middle } else { outside = middle }
            }
            best.get() * exp(inside - bottom)
        };
        /// e^20 times the best size: no law is flat that far.
        const FAR: f64 = 20.0;
        Ok(FlatRange { params_lo: edge(-FAR), params_hi: edge(FAR), tolerance: FLAT_TOLERANCE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::published;

    fn besiroglu() -> Fit {
        Fit::from_published(published("besiroglu2024").unwrap())
    }

    /// Closed forms evaluated independently with the rounded coefficients: N*, D*, L*.
    #[test]
    fn known_optima_are_reproduced() {
        for (name, budget, params, tokens, loss) in [
            ("besiroglu2024", 1e21, 2.778_46e9, 5.998_53e10, 2.305_529),
            ("besiroglu2024", 1e25, 3.120_70e11, 5.340_68e12, 1.911_729),
            ("hoffmann2022-printed", 5.76e23, 3.218_99e10, 2.982_31e12, 1.930_748),
            ("muennighoff2023", 1e24, 9.218_33e10, 1.807_99e12, 2.010_701),
        ] {
            let fit = Fit::from_published(published(name).unwrap());
            let plan = fit.plan(Flops::new(budget).unwrap(), None, 0.9).unwrap();
            assert!((plan.params.value / params - 1.0).abs() < 1e-5, "{name} {budget:e}");
            assert!((plan.tokens.value / tokens - 1.0).abs() < 1e-5, "{name} {budget:e}");
            assert!((plan.loss.value - loss).abs() < 1e-6, "{name} {budget:e}");
        }
    }

    #[test]
    fn the_slope_along_the_isoflop_vanishes_at_the_optimum() {
        let fit = besiroglu();
        let product = 1e22 / 6.0;
        let (params, _) = fit.best_allocation(Flops::new(1e22).unwrap()).unwrap();
        let loss = |ln_params: f64| {
            let at = Setting::single_pass(ln_params.exp(), product / ln_params.exp());
            fit.law().loss(fit.point(), &at)
        };
        let (centre, step) = (params.get().ln(), 1e-4);
        let slope = (loss(centre + step) - loss(centre - step)) / (2.0 * step);
        assert!(slope.abs() < 1e-9, "{slope}");
        assert!(loss(centre) < loss(centre + 0.1) && loss(centre) < loss(centre - 0.1));
    }

    #[test]
    fn the_edges_of_the_flat_range_waste_the_tolerance() {
        let fit = besiroglu();
        let budget = Flops::new(1e24).unwrap();
        let range = fit.plan(budget, None, 0.9).unwrap().flat_range;
        for params in [range.params_lo, range.params_hi] {
            let loss = fit.law().loss(fit.point(), &Setting::single_pass(params, 1e24 / 6.0 / params));
            let waste = 1.0 - fit.law().equivalent_flops(fit.point(), loss).unwrap() / 1e24;
            assert!((waste - FLAT_TOLERANCE).abs() < 1e-9, "{waste}");
        }
        assert!(range.params_lo < 9.58607e10 && range.params_hi > 9.58607e10);
    }

    #[test]
    fn ten_million_dollars_of_h100() {
        let rental = Rental::new(crate::hardware::accelerator("h100").unwrap(), 2.0, 0.4, 1.0, None).unwrap();
        let budget = rental.affordable("$10M".parse().unwrap()).unwrap();
        assert!((budget.get() / 7.12368e24 - 1.0).abs() < 1e-6);
        let plan = besiroglu().plan(budget, Some(&rental), 0.9).unwrap();
        assert!((plan.params.value / 2.62269e11 - 1.0).abs() < 1e-5);
        assert!((plan.tokens.value / 4.52695e12 - 1.0).abs() < 1e-5);
        assert!((plan.loss.value - 1.91762).abs() < 1e-5);
        assert!((plan.cost.gpu_hours.unwrap() / 5e6 - 1.0).abs() < 1e-9);
        assert!((plan.cost.usd.unwrap() / 1e7 - 1.0).abs() < 1e-9);
    }
}
