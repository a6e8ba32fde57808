//! Recipes compared on their runs: which form they bear, how much compute one saves over another, and what would tell more.

use std::collections::BTreeMap;

use serde::Serialize;

use super::forms::{Fitted, Form, FormTest, tests};
use super::gain::{Crossover, GainAt, GainUnder, Rivals, Span};
use super::separation::Separation;
use crate::fit::{FitError, FitOptions, Warning};
use crate::names::UnknownName;
use crate::predict::Amount;
use crate::runs::{ONE_PASS, Run, Runs};
use crate::units::Flops;

const SCHEMA: &str = "isoflop.recipes/1";

/// Recipes are called different below this probability of being the same.
const IMPROBABLE: f64 = 0.05;
/// A form is given up for a freer one below this probability: a freer one extrapolates worse, so the doubt is the restricted one's.
const REJECTED: f64 = 0.01;
/// The compute that is asked about when none is named: so many times the largest run's.
const TEN_TIMES: f64 = 10.0;
/// What to compare, and how.
#[derive(Debug, Clone)]
pub struct RecipeOptions {
    /// The column that names the recipe.
    pub column: String,
    /// Compute to ask about; ten times the largest run's when `None`.
    pub flops: Option<Flops>,
    /// What a FLOP costs under each recipe, in any currency; 1 where nothing is said.
    pub costs: BTreeMap<String, f64>,
    /// Draws of the bootstrap.
    pub draws: usize,
    /// Level of the intervals.
    pub level: f64,
    /// Seed of the draws.
    pub seed: u64,
    /// Threads, 0 for one per core; the result does not depend on it.
    pub threads: usize,
}

impl Default for RecipeOptions {
    fn default() -> Self {
        Self {
            column: "recipe".to_owned(),
            flops: None,
            costs: BTreeMap::new(),
            draws: 500,
            level: 0.9,
            seed: 0,
            threads: 0,
        }
    }
}

/// Why recipes cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// No such column.
    #[error(transparent)]
    NoColumn(UnknownName),
    /// A cost of a recipe that the table does not have.
    #[error("--cost: {0}")]
    UnknownRecipe(UnknownName),
    /// A run without a cell.
    #[error("run {run} has no cell in the column `{column}`: fill it, or leave the run out with --where")]
    NoCell {
        /// The run.
        run: String,
        /// The column.
        column: String,
    },
    /// Fewer than two recipes.
    #[error("all runs have one recipe in the column `{column}` ({found}): a comparison needs two")]
    OneRecipe {
        /// The column.
        column: String,
        /// The recipe.
        found: String,
    },
    /// One table under two names.
    #[error("{second} holds the very runs of {first}: give another table, or a column of one table with --by")]
    SameRuns {
        /// The table that was read first.
        first: String,
        /// The other.
        second: String,
    },
    /// Tables whose parameters were counted in two ways.
    #[error("{first} and {second} count parameters in two ways: count them alike, for a gain compares equal sizes")]
    MixedCounting {
        /// The table that was read first.
        first: String,
        /// The other.
        second: String,
    },
    /// A recipe whose runs cannot carry a law.
    #[error("a law for each recipe is needed to compare them: {0}")]
    Fit(#[from] FitError),
    /// No form gives every recipe a best size.
    #[error(
        "no law of these runs has a best size at {flops:.3e} FLOP: vary size and tokens of each recipe independently"
    )]
    NoBestSize {
        /// The compute asked about.
        flops: f64,
    },
}

/// Recipes compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecipeComparison {
    /// `isoflop.recipes/1`.
    pub schema: &'static str,
    /// The column that named them.
    pub column: String,
    /// Each recipe with its number of runs, in the order of the table; the first is the reference.
    pub recipes: Vec<(String, usize)>,
    /// What they may share, the most restricted form first, each tested against the next.
    pub forms: Vec<FormTest>,
    /// The most restricted form that is not rejected; recipes that are the same are not assumed.
    pub chosen: Form,
    /// The compute asked about.
    pub flops: f64,
    /// That of the largest run.
    pub largest_flops: f64,
    /// Each other recipe against the reference.
    pub pairs: Vec<Pair>,
    /// Level of the intervals.
    pub level: f64,
    /// What the intervals cover.
    pub covers: String,
    /// Doubts.
    pub warnings: Vec<Warning>,
}

/// One recipe against the reference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The recipe.
    pub recipe: String,
    /// The one it is compared with.
    pub reference: String,
    /// The gain at the compute asked about, under each form in which recipes differ; see [`Pair::gain`] for the chosen one.
    pub under: Vec<GainUnder>,
    /// The gain there under the chosen form.
    pub gain: GainUnder,
    /// The gain over compute under the chosen form.
    pub curve: Vec<GainAt>,
    /// Where the chosen form's curves cross.
    pub crossover: Crossover,
    /// Whether tied and free recipes disagree about which is better: the floor decides, and these runs do not determine it.
    pub flips: bool,
    /// Probability that the recipes differ by so much if they are the same (F test against the chosen form).
    pub same: f64,
    /// The better one; `None` when the runs do not separate them.
    pub winner: Option<String>,
    /// The same in money; `None` where a FLOP costs as much under both.
    pub money: Option<Money>,
    /// Runs that would separate them; `None` when they are separated, or when there are no draws to say.
    pub needed: Option<Separation>,
}

/// One recipe against the reference where a FLOP of one costs more than a FLOP of the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Money {
    /// What a FLOP costs under the recipe over what it costs under the reference.
    pub cost_ratio: f64,
    /// How many times the money the reference needs for the same loss: the gain over the ratio of costs.
    pub gain: Amount,
    /// Share of the draws in which the recipe is the cheaper one.
    pub better: f64,
    /// Where the cheaper recipe becomes the dearer one.
    pub crossover: Crossover,
    /// The cheaper one; `None` when the runs do not say.
    pub winner: Option<String>,
}

/// Compares the recipes in a column of `runs`.
///
/// ```text
/// tied          L_r = E + A (rho_N,r N)^-alpha + B (rho_D,r D)^-beta
/// shared floor  L_r = E + A_r N^-alpha_r + B_r D^-beta_r
/// free          L_r = E_r + A_r N^-alpha_r + B_r D^-beta_r
/// ```
///
/// # Source
/// Volkova et al. 2026, arXiv:2602.07712, for tied recipes.
///
/// # Errors
/// See [`RecipeError`].
pub fn compare_recipes(runs: &Runs, options: &RecipeOptions) -> Result<RecipeComparison, RecipeError> {
    let runs = labelled(&runs.finished(), &options.column)?;
    let recipes = crate::fit::recipes(&runs);
    if let [found] = recipes.as_slice() {
        return Err(RecipeError::OneRecipe { column: options.column.clone(), found: found.clone() });
    }
    let known = || recipes.iter().map(String::as_str);
    if let Some(name) = options.costs.keys().find(|name| !recipes.contains(name)) {
        return Err(RecipeError::UnknownRecipe(UnknownName::new("recipe", name, known())));
    }
    let fit_options =
        FitOptions { draws: options.draws, seed: options.seed, threads: options.threads, ..FitOptions::default() };
    let forms = Fitted::all(&runs, &recipes, &fit_options)?;
    let count = runs.kept.len();
    let tested = tests(&forms, count);
    let different = |test: &&FormTest| test.form != Form::Equal;
    let chosen = tested.iter().filter(different).find(|test| test.p_value.is_none_or(|p| p >= REJECTED));
    let chosen = chosen.map_or(Form::Free, |test| test.form);

    let computes = || runs.kept.iter().map(|run| run.flops.get());
    let ratios = || runs.kept.iter().map(|run| run.tokens.get() / run.params.get());
    let span = Span {
        smallest: computes().fold(f64::INFINITY, f64::min),
        largest: computes().fold(0.0, f64::max),
        ratios: (ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max)),
    };
    let flops = options.flops.map_or(TEN_TIMES * span.largest, Flops::get);
    let question = Question { runs: count, recipes: &recipes, forms: &forms, chosen, span, flops, options };
    let pairs: Option<Vec<Pair>> = (1..recipes.len()).map(|recipe| question.pair(recipe)).collect();
    let of = |name: &String| runs.kept.iter().filter(|run| run.recipe() == Some(name)).count();
    let mut warnings: Vec<Warning> =
        forms.iter().find(|form| form.form == chosen).map(|form| form.warnings.clone()).unwrap_or_default();
    warnings.dedup();
    if let Some(run) = runs.kept.iter().find(|run| run.epochs().is_some_and(|epochs| epochs > ONE_PASS)) {
        let message =
            format!("{} repeats its text, which these laws count as new: leave such runs out with --where", run.name);
        warnings.push(Warning::new("repeated_text", message));
    }
    Ok(RecipeComparison {
        schema: SCHEMA,
        column: options.column.clone(),
        recipes: recipes.iter().map(|name| (name.clone(), of(name))).collect(),
        forms: tested,
        chosen,
        flops,
        largest_flops: span.largest,
        pairs: pairs.ok_or(RecipeError::NoBestSize { flops })?,
        level: options.level,
        covers:
            "doubt about the laws' parameters by a bootstrap over the runs of all recipes; their form is taken as right"
                .to_owned(),
        warnings,
    })
}

/// The runs with the cell of `column` as their recipe.
fn labelled(runs: &Runs, column: &str) -> Result<Runs, RecipeError> {
    let known = || runs.kept.iter().flat_map(|run| run.covariates.keys().map(String::as_str));
    if !known().any(|name| name == column) {
        let mut columns: Vec<&str> = known().collect();
        columns.sort_unstable();
        columns.dedup();
        return Err(RecipeError::NoColumn(UnknownName::new("column", column, columns)));
    }
    let label = |run: &Run| {
        let cell = run.covariates.get(column).cloned();
        let cell = cell.ok_or_else(|| RecipeError::NoCell { run: run.name.clone(), column: column.to_owned() })?;
        let mut run = run.clone();
        run.covariates.insert("recipe".to_owned(), cell);
        Ok(run)
    };
    let kept = runs.kept.iter().map(label).collect::<Result<Vec<_>, RecipeError>>()?;
    Ok(Runs { kept, ..runs.clone() })
}

/// What every pair is asked.
struct Question<'a> {
    runs: usize,
    recipes: &'a [String],
    forms: &'a [Fitted],
    chosen: Form,
    span: Span,
    flops: f64,
    options: &'a RecipeOptions,
}

impl Question<'_> {
    /// Recipe number `recipe` against the first; `None` when there is no best size to compare.
    fn pair(&self, recipe: usize) -> Option<Pair> {
        let (names, equal) = ((&self.recipes[recipe], &self.recipes[0]), self.form(Form::Equal)?);
        let same = |fitted: &Fitted| equal.p_value(fitted, self.runs);
        let differing = self.forms.iter().filter(|fitted| fitted.form != Form::Equal);
        let under = |fitted: &Fitted| {
            let (gain, better) = self.rivals(fitted, recipe).gain(self.flops, 1.0)?;
            let winner = winner(&gain, names).filter(|_| same(fitted) < IMPROBABLE);
            Some(GainUnder { form: fitted.form, gain, better, winner })
        };
        let under: Vec<GainUnder> = differing.filter_map(under).collect();
        let gain = under.iter().find(|under| under.form == self.chosen)?.clone();
        let better = |form: Form| under.iter().find(|under| under.form == form).map(|under| under.gain.value > 1.0);
        let flips = better(Form::Tied) != better(Form::Free);
        let chosen = self.form(self.chosen)?;
        let asked = self.rivals(chosen, recipe);
        let needed = match gain.winner {
            Some(_) => None,
            None => asked.separation(self.recipes, self.runs, self.span, self.flops),
        };
        let cost = |name: &String| self.options.costs.get(name).copied().unwrap_or(1.0);
        let cost_ratio = cost(names.0) / cost(names.1);
        let money = (cost_ratio != 1.0).then(|| {
            let (gain, better) = asked.gain(self.flops, cost_ratio)?;
            let crossover = asked.crossover(self.span, cost_ratio);
            Some(Money { cost_ratio, winner: winner(&gain, names), gain, better, crossover })
        });
        Some(Pair {
            curve: asked.curve(self.span),
            crossover: asked.crossover(self.span, 1.0),
            flips,
            recipe: names.0.clone(),
            reference: names.1.clone(),
            under,
            same: same(chosen),
            winner: gain.winner.clone(),
            gain,
            money: money.flatten(),
            needed,
        })
    }

    fn rivals<'b>(&self, fitted: &'b Fitted, recipe: usize) -> Rivals<'b> {
        Rivals { fitted, recipe, reference: 0, level: self.options.level }
    }

    fn form(&self, form: Form) -> Option<&Fitted> {
        self.forms.iter().find(|fitted| fitted.form == form)
    }
}

/// The recipe or the reference, whichever an interval of the gain says is better.
fn winner(gain: &Amount, (recipe, reference): (&String, &String)) -> Option<String> {
    match (gain.lo, gain.hi) {
        (Some(lo), _) if lo > 1.0 => Some(recipe.clone()),
        (Some(_), Some(hi)) if hi < 1.0 => Some(reference.clone()),
        _ => None,
    }
}
