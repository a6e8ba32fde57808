//! The next runs: from a fit and a budget to the batch, what each run is for, and what it does to the doubt about the target.

use serde::{Deserialize, Serialize};

use super::belief::Belief;
use super::candidates::Candidate;
use super::choice::Choice;
use super::decision::{Decision, Lead};
use crate::fit::{Fit, QuestionError, Warning};
use crate::units::{Flops, Params, Tokens, UnitError};

/// The schema of `next --json`.
pub const NEXT_SCHEMA: &str = "isoflop.next/1";

/// Target compute over the largest run that the budget allows, where no target is named: as far as laws are usually asked to reach.
pub(super) const TARGET_REACH: f64 = 100.0;
/// With more candidates the joint covariance outgrows a browser's memory and the search a minute.
pub(super) const MOST_CANDIDATES: usize = 500;
/// Fewer draws cannot tell that many candidates apart.
pub(super) const FEWEST_DRAWS: usize = 50;
/// Why there are no next runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NextError {
    /// The fit cannot say.
    #[error(transparent)]
    Question(#[from] QuestionError),
    /// Nothing says how uncertain the law is.
    #[error(
        "the fit has {draws} draws that have a best size at {target} FLOP, and {FEWEST_DRAWS} are needed to know what is uncertain: fit runs with more --draws, or design a first sweep from a published law with --law NAME"
    )]
    FewDraws {
        /// Usable draws.
        draws: usize,
        /// The target.
        target: Flops,
    },
    /// No candidate can be paid.
    #[error(
        "{budget} FLOP pay for none of the candidates: the cheapest, {params:.3} on {tokens:.3} tokens, costs {cheapest}; raise the budget to that, or add cheaper candidates"
    )]
    BudgetTooSmall {
        /// The budget.
        budget: Flops,
        /// Cost of the cheapest candidate.
        cheapest: Flops,
        /// Its size.
        params: Params,
        /// Its tokens.
        tokens: Tokens,
    },
    /// More candidates than can be weighed against each other.
    #[error(
        "{found} candidates, and at most {MOST_CANDIDATES} can be weighed against each other: leave some out, or check the unit of the budget"
    )]
    TooManyCandidates {
        /// How many.
        found: usize,
    },
    /// No candidates at all.
    #[error("no candidates: give at least one row with params and tokens")]
    NoCandidates,
    /// Regret without the run that would be regretted.
    #[error("what a wrong size wastes depends on the run: say which with --target-flops, such as 1e24")]
    NoTarget,
    /// A gain between recipes that the fit does not tell apart.
    #[error(
        "the fit tells no recipes apart, so it has no gain of one over another: fit runs of both with a column recipe"
    )]
    NoRecipes,
    /// A gain of a recipe over itself.
    #[error("`{recipe}` has no gain over itself: name two recipes with --recipe and --over")]
    SameRecipe {
        /// The recipe.
        recipe: String,
    },
    /// A candidate of a third recipe.
    #[error("candidate {candidate} is of recipe `{found}`, and the gain is that of {recipe} over {over}: leave it out")]
    OtherRecipe {
        /// The candidate.
        candidate: String,
        /// Its recipe.
        found: String,
        /// The recipe that may be better.
        recipe: String,
        /// The one it is compared with.
        over: String,
    },
}

impl From<UnitError> for NextError {
    fn from(error: UnitError) -> Self {
        Self::Question(error.into())
    }
}

/// How to choose.
#[derive(Debug, Clone, PartialEq)]
pub struct NextOptions {
    /// What the runs are to decide. # Choosing: see [`Decision`].
    pub decision: Decision,
    /// Compute of the run that the next ones are for. # Choosing: that of the run you mean to train; without it, a hundred times the
    /// largest run that the budget allows, and the whole budget is spent.
    pub target: Option<Flops>,
    /// The runs to choose from. # Choosing: those you can train; none for sizes and tokens around the fitted ones.
    pub candidates: Option<Vec<Candidate>>,
    /// The most runs. # Choosing: what you can look after.
    pub max_runs: usize,
    /// Whether to set one run aside that checks the forecast of the others. # Choosing: yes, before much is spent on the target.
    pub validate: bool,
}

impl Default for NextOptions {
    fn default() -> Self {
        Self { decision: Decision::Both, target: None, candidates: None, max_runs: 45, validate: false }
    }
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Mostly the forecast of the target's loss.
    Loss,
    /// Mostly the choice of the target's size.
    Size,
    /// Both.
    Both,
    /// A second run of the same setting: less noise there, and how much runs scatter.
    Replicate,
    /// Which of two recipes is better.
    Gain,
    /// Held out: to be predicted by a fit of the others.
    Validation,
}

/// A run to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NextRun {
    /// The candidate's name, where a table gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// The recipe to train it under, where recipes are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// Size.
    pub params: Params,
    /// Tokens.
    pub tokens: Tokens,
    /// Compute.
    pub flops: Flops,
    /// What for.
    pub purpose: Purpose,
}

impl NextRun {
    /// A run of `candidate`.
    pub(crate) fn of(candidate: &Candidate, purpose: Purpose) -> Self {
        let Candidate { name, params, tokens, flops, recipe } = candidate.clone();
        Self { candidate: name, recipe, params, tokens, flops, purpose }
    }
}

/// A doubt without and with the runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Now.
    pub before: f64,
    /// Expected when the runs are trained and fitted.
    pub after: f64,
}

/// The run that the next ones are for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NextTarget {
    /// Its compute.
    pub flops: Flops,
    /// Its best size as the fit has it.
    pub params: Params,
    /// Its tokens.
    pub tokens: Tokens,
    /// Whether nobody named it.
    pub assumed: bool,
}

/// The runs to train next.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NextRuns {
    /// `isoflop.next/1`.
    pub schema: String,
    /// What they are to decide.
    pub decision: Decision,
    /// The run that they are for.
    pub target: NextTarget,
    /// The runs, the cheapest first; a setting that is repeated stands there as often.
    pub runs: Vec<NextRun>,
    /// The run set aside, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<NextRun>,
    /// The compute that could be spent.
    pub budget: Flops,
    /// Compute of all runs, FLOP; zero where none is worth its cost.
    pub spent: f64,
    /// Whether more runs could be paid, and are left out because none is worth its cost to the target.
    pub stopped: bool,
    /// Standard deviation of ln loss of the target: doubt about the law's parameters, its form taken as right.
    pub loss_sd: Change,
    /// Standard deviation of ln N*, the target's best size.
    pub ln_params_sd: Change,
    /// Expected share of the target's compute that is wasted by training the size that the fit thinks best.
    pub waste: Change,
    /// The same in FLOP.
    pub regret: Change,
    /// By how much one recipe is ahead of the other there, where that was to be decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<Lead>,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// Doubts.
    pub warnings: Vec<Warning>,
}

impl Fit {
    /// The runs under `budget` that leave least doubt about what is to be decided: the target's loss and its best size, one of them,
    /// what a wrong size costs, or the gain of one recipe over another (see [`Decision`] for the formulas).
    ///
    /// | symbol | is | unit |
    /// |---|---|---|
    /// | var | variance over the draws, conditioned on the runs as a joint normal | |
    /// | L | loss of the planned target | nats per token |
    /// | N* | best size at the target's compute C | parameters |
    /// | w | expected waste over the draws by their variance of ln N* | share of compute |
    /// | L*_r | loss of the best run under recipe r | nats per token |
    ///
    /// Where the law has an outer exponent k, the sum is taken twice, once with k known: the runs then serve a fit that takes k as
    /// known, such as Hoffmann's, as well as one that does not. For loss and size of a target that was named, what the runs cost counts
    /// as compute of the target wasted does, so that runs which are not worth it are left out. For a gain the cheapest runs are taken
    /// that tell the recipes apart (see [`Lead`]), or those that come nearest to it.
    ///
    /// # Source
    /// V-optimality under a cost (Li et al. 2026, arXiv:2604.22753); LOG.md says what the mixture of loss and size is for. Regret:
    /// expected value of sample information, with waste quadratic in the error of ln N*.
    ///
    /// # Trust
    /// Doubts after the runs are expectations of a joint normal at the scatter that the fit believes in now. For nine runs they were too
    /// cautious, which was not traced further: refits left 0.4 to 0.75 of the doubt about the loss that was promised (`tests/next_runs.rs`). Where the law's form
    /// is wrong beyond the runs they are too hopeful, as that is not counted.
    ///
    /// # Errors
    /// [`NextError`]: no candidate can be paid, or the fit cannot say what is uncertain.
    pub fn next_runs(&self, budget: Flops, options: &NextOptions) -> Result<NextRuns, NextError> {
        if options.decision == Decision::Regret && options.target.is_none() {
            return Err(NextError::NoTarget);
        }
        let rivals = self.rivals(&options.decision)?;
        let candidates = affordable(candidates(&rivals, budget, options)?, budget)?;
        let largest = candidates.iter().map(|candidate| candidate.flops.get()).fold(0.0, f64::max);
        let flops = options.target.map_or_else(|| Flops::new(TARGET_REACH * largest), Ok)?;
        let belief = Belief::new(rivals, flops, options.target.is_none())?;
        Ok(Choice::new(belief, budget, candidates, options)?.next_runs(self))
    }

    /// The runs that are worth their cost to a run of `target` FLOP, whatever they cost together: [`Decision::Regret`] under a budget of
    /// all that a wrong size is expected to waste, above which nothing can be saved.
    ///
    /// # Errors
    /// As [`Fit::next_runs`].
    pub fn runs_worth_their_cost(&self, target: Flops, options: &NextOptions) -> Result<NextRuns, NextError> {
        let options = NextOptions { decision: Decision::Regret, target: Some(target), ..options.clone() };
        let rivals = self.rivals(&options.decision)?;
        let belief = Belief::new(rivals.clone(), target, false)?;
        let at_stake = Flops::new(belief.waste * target.get())?;
        let candidates = candidates(&rivals, at_stake, &options)?;
        let cheapest = cheapest(&candidates).ok_or(NextError::NoCandidates)?;
        let budget = if at_stake < cheapest.flops { cheapest.flops } else { at_stake };
        let candidates = affordable(candidates, budget)?;
        Ok(Choice::new(belief, budget, candidates, &options)?.next_runs(self))
    }

    /// The fit, or those of the two recipes whose gain is to be decided.
    fn rivals(&self, decision: &Decision) -> Result<Vec<Self>, NextError> {
        match decision {
            Decision::Gain { .. } if self.law().recipes().len() < 2 => Err(NextError::NoRecipes),
            Decision::Gain { recipe, over } if recipe == over => Err(NextError::SameRecipe { recipe: recipe.clone() }),
            Decision::Gain { recipe, over } => Ok(vec![self.of_recipe(recipe)?, self.of_recipe(over)?]),
            _ => Ok(vec![self.clone()]),
        }
    }
}

/// The candidates to choose from, each with its recipe where two are compared.
fn candidates(rivals: &[Fit], budget: Flops, options: &NextOptions) -> Result<Vec<Candidate>, NextError> {
    let own = |fit: &Fit| match &options.candidates {
        Some(candidates) => Ok(candidates.clone()),
        None => fit.candidates(budget),
    };
    let Decision::Gain { recipe, over } = &options.decision else { return Ok(own(&rivals[0])?) };
    let mut candidates = Vec::new();
    for (fit, name) in rivals.iter().zip([recipe, over]) {
        for candidate in own(fit)? {
            match &candidate.recipe {
                Some(found) if found != recipe && found != over => {
                    let candidate = candidate.name.unwrap_or_default();
                    let (found, recipe, over) = (found.clone(), recipe.clone(), over.clone());
                    return Err(NextError::OtherRecipe { candidate, found, recipe, over });
                }
                Some(found) if found != name => {}
                _ => candidates.push(Candidate { recipe: Some(name.clone()), ..candidate }),
            }
        }
    }
    Ok(candidates)
}

fn cheapest(candidates: &[Candidate]) -> Option<&Candidate> {
    candidates.iter().min_by(|a, b| a.flops.get().total_cmp(&b.flops.get()))
}

/// Those that `budget` pays for.
fn affordable(mut candidates: Vec<Candidate>, budget: Flops) -> Result<Vec<Candidate>, NextError> {
    let cheapest = cheapest(&candidates).ok_or(NextError::NoCandidates)?;
    if cheapest.flops > budget {
        let (cheapest, params, tokens) = (cheapest.flops, cheapest.params, cheapest.tokens);
        return Err(NextError::BudgetTooSmall { budget, cheapest, params, tokens });
    }
    candidates.retain(|candidate| candidate.flops <= budget);
    Ok(candidates)
}
