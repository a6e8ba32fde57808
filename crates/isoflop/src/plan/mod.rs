//! From a fit and a question to what to train: the best run under budgets and limits, its interval, and the cost of being wrong.

mod asked;
mod batch;
mod binding;
mod checks;
mod costs;
mod counted;
mod error;
mod flat;
mod goal;
mod infeasible;
mod later;
mod limit;
mod problem;
mod regret;
mod relaxed;
mod remedies;
mod request;
mod search;
mod serving;
mod space;
mod trade;
mod world;

use isoflop_numerics::quantile::Bell;
use serde::{Deserialize, Serialize};

use crate::blueprint::{Blueprint, BlueprintError, Given};
use crate::counting::ParamCounting;
use crate::fit::{Estimate, Fit, Warning};
use crate::hardware::{Cost, Rental};
use crate::literature::TextStock;
use crate::predict::{Extrapolation, check_loss, new_run_of};
use crate::units::{Flops, Params, Tokens, significant};

pub use batch::BatchCost;
pub use binding::{Binding, RELAXED_BY, Worth};
pub use error::{PlanError, ProblemError};
pub use flat::{FLAT_TOLERANCE, FlatRange};
pub use goal::GoalOutcome;
pub use infeasible::{Infeasible, Remedy};
pub use later::{Later, Progress};
pub use limit::Limit;
pub use problem::{Answers, Baseline, Budget, Demand, Goal, Limits, Problem, Repetition, ServingMemory, ServingSpeed};
pub use regret::Regret;
pub use request::{Request, RequestError};
pub use serving::{Phase, Serving};
pub use trade::{Trade, TradeUnit, Traded};

use asked::Asked;
use search::Optimum;
use world::World;

/// The schema of `plan.json`.
pub const PLAN_SCHEMA: &str = "isoflop.plan/1";

/// Compute beyond which training takes longer than a model stays useful, however many devices there are.
///
/// # Source
/// Erdil & Schneider-Joseph 2024, arXiv:2411.01137: the wall of latency, for runs of three months.
const LATENCY_WALL: f64 = 2e31;

/// What to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `isoflop.plan/1`.
    pub schema: String,
    /// Best model size.
    pub params: Estimate,
    /// Which of its parameters are meant: those that the fitted runs count.
    #[serde(default)]
    pub param_counting: ParamCounting,
    /// Tokens to train it on.
    pub tokens: Estimate,
    /// Tokens per parameter.
    pub tokens_per_param: Estimate,
    /// Training compute; certain where it is the budget, doubtful where it is what a goal takes.
    pub flops: Estimate,
    /// Loss that the law expects of the planned run, with the doubt about the law's parameters, and about the devices where they are
    /// uncertain: then on the tokens that they leave the planned size.
    pub loss: Estimate,
    /// Loss that one such run will show: the law's form may be wrong so far out, and single runs scatter.
    pub new_run: Estimate,
    /// What training costs; `None` entries were not asked for.
    pub cost: Cost,
    /// What training costs at the ends of its intervals, where it is not certain; each amount has its own, over the draws of the law, of
    /// price, MFU and goodput together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_interval: Option<(Cost, Cost)>,
    /// The goal and how likely it is reached, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<GoalOutcome>,
    /// Passes over the distinct tokens, where these are limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<Estimate>,
    /// What serving costs, where there is a demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<Serving>,
    /// What its batch costs, where one is given or advised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchCost>,
    /// What its loss would cost later, where [`Plan::with_progress`] was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later: Option<Later>,
    /// Sizes that are as good.
    pub flat_range: FlatRange,
    /// Share of the cost wasted by acting on the point estimate, over the draws; `None` without draws.
    pub regret: Option<Regret>,
    /// The limits that this plan runs into, and what a little more of each is worth.
    #[serde(default)]
    pub binding: Vec<Binding>,
    /// Alternatives that were considered and rejected.
    pub ruled_out: Vec<String>,
    /// Level of the intervals.
    pub level: f64,
    /// What the intervals of the loss cover.
    pub covers: String,
    /// The run as it can be started, where [`Plan::with_blueprint`] was asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blueprint: Option<Blueprint>,
    /// Distance from the data.
    pub extrapolation: Extrapolation,
    /// What was assumed, with values.
    pub assumptions: Vec<String>,
    /// Doubts.
    pub warnings: Vec<Warning>,
}

impl Fit {
    /// The compute-optimal plan for `budget`, priced by `rental` where one is given.
    ///
    /// # Errors
    /// As [`Fit::solve`].
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
        self.solve(&Problem::of_budget(Budget::Flops(budget), rental.cloned()), level)
    }

    /// The best run for `problem`, with `level` intervals.
    ///
    /// ```text
    /// min L(N, D)           subject to  N (6D + s) <= budget, and the limits
    /// min N (6D + s)        subject to  L(N, D) <= goal, and the limits
    /// s = 2 S p,  S tokens to serve, p the price of a FLOP of serving over that of training
    /// ```
    ///
    /// Each draw is solved by itself. The run to act on is the best of a plain fit's point; of a posterior it has the size in the middle
    /// of the draws' best, and the tokens that the budget leaves it, or that reach the goal in the middle of the draws.
    ///
    /// # Source
    /// Hoffmann et al. 2022, arXiv:2203.15556, for a budget alone; Sardana et al. 2024, arXiv:2401.00448, for serving; Czech et al. 2026,
    /// arXiv:2603.22339, for the waste.
    ///
    /// # Errors
    /// [`PlanError::Problem`] when the question makes no sense, [`PlanError::Infeasible`] when no run answers it, with what would have to
    /// give, [`PlanError::NoOptimum`] when the law has no best size, [`PlanError::Question`] when the runs cannot tell.
    ///
    /// # Example
    /// ```
    /// use isoflop::plan::{Limits, Problem};
    /// use isoflop::{Fit, law::published};
    /// let fit = Fit::from_published(published("besiroglu2024").unwrap());
    /// let cheapest = Problem::of_goal("2.0".parse::<f64>()?.try_into()?, None);
    /// let plan = fit.solve(&cheapest, 0.9)?;
    /// assert!((plan.loss.value - 2.0).abs() < 1e-9);
    ///
    /// let small = Problem { limits: Limits { params: Some("20B".parse()?), ..Limits::default() }, ..cheapest };
    /// let smaller = fit.solve(&small, 0.9)?;
    /// assert!((smaller.params.value / 20e9 - 1.0).abs() < 1e-9 && smaller.flops.value > plan.flops.value);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn solve(&self, problem: &Problem, level: f64) -> Result<Plan, PlanError> {
        let asked = Asked::new(self, problem)?;
        asked.check_sizes()?;
        let worlds = asked.worlds()?;
        let best = asked
            .central(&worlds)
            .ok_or_else(|| PlanError::Infeasible(Box::new(remedies::infeasible(&asked, &worlds))))?;
        asked.check_optimum(&best)?;
        let (params, tokens) = (Params::new(best.params)?, Tokens::new(best.tokens)?);
        let flops = asked.training_flops(&best);
        let extrapolation = Extrapolation::new(Flops::new(flops)?, self.largest_flops());

        let fit = &asked.fit;
        let central_loss = asked.central_loss(best.params, best.tokens);
        let losses = worlds.iter().map(|world| asked.trained(&best, world).loss).collect();
        let loss = Estimate::from_draws(central_loss, losses, level);
        let bells: Vec<Bell> = worlds.iter().filter_map(|world| asked.bell(&best, world, &extrapolation)).collect();
        let new_run = new_run_of(central_loss, &bells, level);
        check_loss(&loss, params, tokens)?;
        check_loss(&new_run, params, tokens)?;
        let mut warnings = self.warnings().to_vec();
        warnings.extend(fit.distance_warnings(params, tokens, &extrapolation));
        warnings.extend(fit.coupling_warning(params, tokens));
        warnings.extend(asked.counting_doubt());
        warnings.extend(asked.guessing_doubt(&best, &worlds));
        let distinct = asked.unique_tokens.map_or(tokens, |unique| if unique < tokens { unique } else { tokens });
        warnings
            .extend(TextStock::VILLALOBOS_2024.shortage(distinct).map(|message| Warning::new("text_stock", message)));
        warnings.extend((flops > LATENCY_WALL).then(|| {
            let message = "more than 2e31 FLOP: by what is known of networks and memory, no number of devices trains that in months";
            Warning::new("latency_wall", message.to_owned())
        }));

        let over_draws = |of: &dyn Fn(&Optimum) -> f64| {
            Estimate::from_draws(
                of(&best),
                worlds.iter().filter_map(|world| world.best.as_ref()).map(of).collect(),
                level,
            )
        };
        let spends_all = asked.goal(fit.point()).is_none() && problem.demand.is_none() && flops == asked.space.budget;
        let knows_flops = spends_all && (problem.is_certain() || matches!(problem.budget, Some(Budget::Flops(_))));
        let flops = if knows_flops {
            Estimate { value: flops, lo: Some(flops), hi: Some(flops) }
        } else {
            // A world that never reaches the goal counts as beyond all others.
            Estimate::from_draws(flops, worlds.iter().map(World::flops).collect(), level)
        };
        let batch = asked.batch(&best, central_loss)?;
        let weighed = binding::weigh(&asked, &best);
        Ok(Plan {
            schema: PLAN_SCHEMA.to_owned(),
            params: over_draws(&|best| best.params),
            param_counting: fit.conventions().params,
            tokens: over_draws(&|best| best.tokens),
            tokens_per_param: over_draws(&|best| best.tokens / best.params),
            cost: problem.rental.as_ref().map(|rental| rental.cost_of(flops.value)).unwrap_or_default(),
            cost_interval: (!knows_flops || !problem.is_certain()).then(|| costs::interval(&worlds, level)).flatten(),
            flops,
            goal: GoalOutcome::of(&asked, &best, &worlds, &extrapolation),
            epochs: asked.unique_tokens.map(|unique| over_draws(&|best| (best.tokens / unique.get()).max(1.0))),
            serving: Serving::of(&asked, &best, &worlds, level),
            batch,
            later: None,
            flat_range: FlatRange::around(&asked, &best),
            regret: asked.regret(&best, &worlds),
            binding: weighed.binding,
            ruled_out: weighed.ruled_out,
            loss,
            new_run,
            level,
            covers: asked.covers(),
            blueprint: None,
            extrapolation,
            assumptions: asked.assumptions(batch.as_ref()),
            warnings,
        })
    }
}

impl Plan {
    /// The plan with a shape of its size and the batches that its compute pays for; a doubt instead, where there is none.
    pub fn with_blueprint(mut self, given: &Given) -> Self {
        let given = &Given { counting: self.param_counting, ..*given };
        let blueprint = Params::new(self.params.value)
            .and_then(|params| Ok((params, Flops::new(self.flops.value)?)))
            .map_err(BlueprintError::from)
            .and_then(|(params, flops)| Blueprint::new(params, flops, given));
        match blueprint {
            Ok(blueprint) => {
                let advised = || BatchCost::new(blueprint.batch, blueprint.tokens.get(), self.loss.value, false);
                self.batch = self.batch.or_else(advised);
                self.warnings.extend(self.shape_doubt());
                self.blueprint = Some(blueprint);
            }
            Err(error) => self.warnings.push(Warning::new("no_blueprint", format!("no shape of this size: {error}"))),
        }
        self
    }
}

impl Asked<'_> {
    /// Training compute of a run; the budget itself where the run spends it.
    fn training_flops(&self, run: &Optimum) -> f64 {
        let flops = run.flops();
        if (flops / self.space.budget - 1.0).abs() < 1e-12 { self.space.budget } else { flops }
    }

    /// What the intervals cover, in words.
    fn covers(&self) -> String {
        let law = match (self.fit.draws().is_empty(), self.problem.is_certain()) {
            (true, true) => return "nothing: the law comes without draws".to_owned(),
            (true, false) => return "price, MFU and goodput alone: the law comes without draws".to_owned(),
            (false, _) => "doubt about the law's parameters, its form taken as right",
        };
        let devices = if self.problem.is_certain() { "" } else { ", and price, MFU and goodput" };
        format!("loss: {law}{devices}; one run: error of form and scatter of runs too")
    }

    /// The run to be better than, in words.
    fn baseline(&self) -> Option<String> {
        let Goal::Better { share, than } = self.problem.goal else { return None };
        let run = match than {
            Baseline::Run { params, tokens } => format!("{params} on {tokens} tokens"),
            Baseline::Best(flops) => format!("the best run of {flops} FLOP"),
            Baseline::LargestFitted => {
                format!(
                    "the best run of {:.3} FLOP, the compute of the largest fitted run",
                    Flops::new(self.fit.largest_flops()?).ok()?
                )
            }
        };
        Some(format!("{} % less loss than {run}", significant(100.0 * share, 3)))
    }

    /// What was assumed, in words.
    fn assumptions(&self, batch: Option<&BatchCost>) -> Vec<String> {
        let text = match (self.unique_tokens, self.problem.limits.epochs) {
            (None, _) => "one pass over unlimited unique data".to_owned(),
            (Some(unique), Some(epochs)) if epochs <= 1.0 => format!("one pass over at most {unique} distinct tokens"),
            (Some(unique), _) => format!("{unique} distinct tokens, repeated where more are needed"),
        };
        let compute = match self.fit.conventions().params {
            ParamCounting::Total => "training compute C = 6 N D".to_owned(),
            counting => format!("training compute C = 6 N D, N counting {counting}"),
        };
        let mut assumptions = vec![compute, text];
        if self.problem.limits.repetition == Repetition::Published {
            assumptions.push("what repeated text is worth: Muennighoff et al. 2023, not these runs".to_owned());
        }
        assumptions.extend(batch.zip(self.problem.batch).map(|(cost, batch)| cost.assumption(batch)));
        assumptions.extend(self.baseline());
        assumptions.extend(self.fit.recipe().map(|recipe| format!("recipe {recipe}")));
        assumptions.extend(self.problem.rental.iter().flat_map(Rental::assumptions));
        assumptions.extend(self.problem.demand.iter().flat_map(Demand::assumptions));
        assumptions
    }
}
