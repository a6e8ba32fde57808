//! What the default law becomes for the runs at hand: on one line of sizes and tokens, with repeated text, under several recipes.

use std::sync::Arc;

use isoflop_numerics::elementary::ln;

use crate::fit::reduction::{Path, RecipeReach, Reduction};
use crate::fit::{FitError, ONE_RAY, check_design, plain, warnings};
use crate::law::{Coupled, Hoffmann, Law, Resources, Setting, Worth};
use crate::runs::groups::distinct_sizes;
use crate::runs::{ONE_PASS, Run, Runs};

/// Fewest different sizes from which a floor and an exponent follow along a line.
const FEWEST_SIZES: usize = 3;
/// Sizes below which runs that cross nowhere are one line.
const FEW_SIZES: usize = 4;

/// The default law as these runs allow it.
#[derive(Debug, Clone)]
pub(super) struct Form {
    /// Whether the law is one of N and D, or of compute along a line.
    pub(super) resources: Resources,
    /// Whether text is repeated.
    pub(super) repeats: bool,
    /// The recipes, where there are several.
    pub(super) recipes: Vec<String>,
    /// The law in all.
    pub(super) law: Arc<dyn Law>,
    /// What was given up or added, and why.
    pub(super) reductions: Vec<Reduction>,
}

impl Form {
    /// The form for `runs`; the plain coupled law unless they ask for another.
    pub(super) fn of(runs: &Runs) -> Result<Self, FitError> {
        let kept = &runs.kept;
        let recipes = recipes(runs)?;
        let repeats = repeats(kept)?;
        let mut reductions = Vec::new();
        let path = path(runs)?;
        let resources = if path.is_some() { Resources::Compute } else { Resources::ParamsAndTokens };
        if path.is_none() {
            check_design(runs, Coupled.name(), Hoffmann.parameters().len())?;
        }
        if let Some(path) = path {
            if let Some((run, epochs)) = repeats {
                return Err(FitError::RepeatsOnRay { run: run.name.clone(), epochs });
            }
            reductions.push(Reduction::OneRay(path));
        }
        if repeats.is_some() {
            let epochs = kept.iter().filter_map(Run::epochs).filter(|epochs| *epochs > ONE_PASS);
            let most_epochs = epochs.clone().fold(0.0, f64::max);
            reductions.push(Reduction::RepeatedText { runs: epochs.count(), most_epochs });
        }
        if !recipes.is_empty() {
            let reach = |name: &String| RecipeReach::of(name, kept.iter().filter(|run| run.recipe() == Some(name)));
            reductions.push(Reduction::SeveralRecipes { recipes: recipes.iter().map(reach).collect() });
        }
        let repeats = repeats.is_some();
        let law: Arc<dyn Law> = match (repeats, recipes.as_slice()) {
            (false, []) => resources.law(),
            (true, []) => Arc::new(Worth::new(resources, true, None)),
            (repeats, recipes) => Arc::new(Worth::new(resources, repeats, Some(recipes))),
        };
        let form = Self { resources, repeats, recipes, law, reductions };
        // Beliefs would hold unknowns that no run speaks of; no answer should rest on more of them than the law itself has.
        let (unknowns, found) = (form.law.parameters().len(), kept.len());
        if form.extras() > 0 && found <= unknowns {
            return Err(FitError::TooFewRuns { law: form.law.name(), unknowns, needed: unknowns + 1, found });
        }
        Ok(form)
    }

    /// Whether this is the coupled law and nothing else.
    pub(super) fn is_plain(&self) -> bool {
        self.reductions.is_empty()
    }

    /// Recipes with multipliers of their own.
    pub(super) fn others(&self) -> usize {
        self.recipes.len().saturating_sub(1)
    }

    /// Resources that each recipe makes more or less of.
    pub(super) fn resource_count(&self) -> usize {
        match self.resources {
            Resources::ParamsAndTokens => 2,
            Resources::Compute => 1,
        }
    }

    /// Unknowns beside those of the law underneath: R_D*, then the multipliers.
    pub(super) fn extras(&self) -> usize {
        usize::from(self.repeats) + self.resource_count() * self.others()
    }

    /// Where a run was trained, as the law sees it.
    pub(super) fn setting(&self, run: &Run) -> Setting {
        let once = Setting::single_pass(run.params.get(), run.tokens.get());
        let recipe = || self.recipes.iter().position(|name| run.recipe() == Some(name));
        let unique_tokens = if self.repeats { run.distinct_tokens() } else { once.tokens };
        Setting { unique_tokens, recipe: recipe().unwrap_or(0), ..once }
    }
}

/// The recipes of `runs` in the order in which they appear, where there are several.
fn recipes(runs: &Runs) -> Result<Vec<String>, FitError> {
    let recipes = plain::recipes(runs);
    if recipes.len() < 2 {
        return Ok(Vec::new());
    }
    match runs.kept.iter().find(|run| run.recipe().is_none()) {
        None => Ok(recipes),
        Some(run) => {
            Err(FitError::MissingColumn { law: "a fit of several recipes", column: "recipe", run: run.name.clone() })
        }
    }
}

/// A run that repeats its text, with its epochs; every run must say then how much it repeats.
fn repeats(runs: &[Run]) -> Result<Option<(&Run, f64)>, FitError> {
    let repeated = runs.iter().find_map(|run| Some((run, run.epochs().filter(|epochs| *epochs > ONE_PASS)?)));
    match runs.iter().find(|run| run.epochs().is_none()) {
        Some(run) if repeated.is_some() => Err(FitError::MissingColumn {
            law: "a fit of repeated text",
            column: "unique_tokens` or `epochs",
            run: run.name.clone(),
        }),
        _ => Ok(repeated),
    }
}

/// The line of sizes and tokens that all runs lie on; `None` where they cross it, or where another check will refuse them.
fn path(runs: &Runs) -> Result<Option<Path>, FitError> {
    let kept = &runs.kept;
    let unknowns = Resources::Compute.law().parameters().len();
    let (Some(first), true) = (kept.first(), kept.len() > unknowns) else { return Ok(None) };
    let equal_losses = kept.iter().all(|run| run.loss == first.loss);
    let sizes = distinct_sizes(kept);
    let one_ray = warnings::ratio_range(kept) < ONE_RAY;
    let is_line = one_ray || (sizes < FEW_SIZES && !crosses(kept));
    if equal_losses || sizes < 2 || !is_line {
        return Ok(None);
    }
    let line = if one_ray { Some(Path::ray(kept)) } else { Path::line(kept) };
    match line {
        Some(path) if sizes >= FEWEST_SIZES => Ok(Some(path)),
        line => {
            let path = line.unwrap_or_else(|| Path::ray(kept));
            Err(FitError::FewSizes { sizes, add: path.runs_to_add() })
        }
    }
}

/// Whether some size was trained on different numbers of tokens, or some number of tokens was spent on different sizes.
fn crosses(runs: &[Run]) -> bool {
    let apart = |a: f64, b: f64| ln(a / b).abs() > ln(ONE_RAY);
    runs.iter().enumerate().any(|(i, a)| {
        runs[..i].iter().any(|b| apart(a.params.get(), b.params.get()) != apart(a.tokens.get(), b.tokens.get()))
    })
}
