//! Runs as a law sees them: bare numbers in units that put their centre at 1, with the recipe and the distinct tokens of each.

use isoflop_numerics::elementary::{exp, ln};

use crate::fit::{FitError, warnings};
use crate::law::{Law, Observation, Scales, Setting, Variable};
use crate::runs::{Run, Runs};
use crate::units::Tokens;

/// Ratios of tokens to parameters closer together than this are one ray but for rounding of shapes.
const ONE_RAY: f64 = 1.3;
/// Values closer together than this are one value.
const ONE_VALUE: f64 = 0.01;

/// The recipes of `runs` in the order in which they appear: what [`crate::law::by_name`] makes a law of several recipes for.
///
/// The first one is the reference, whose multipliers are 1. Empty when no run has a cell in the column `recipe`.
pub fn recipes(runs: &Runs) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in runs.kept.iter().filter_map(|run| run.covariates.get("recipe")) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// What `law` is to be fitted to, and the units it is measured in.
pub(super) fn observations(runs: &Runs, law: &dyn Law) -> Result<(Vec<Observation>, Scales), FitError> {
    let settings: Vec<Setting> = runs.kept.iter().map(|run| setting(run, law)).collect::<Result<_, _>>()?;
    check(runs, &settings, law)?;
    let centre =
        |value: fn(&Setting) -> f64| exp(settings.iter().map(|at| ln(value(at))).sum::<f64>() / settings.len() as f64);
    let units = law.fitting_units(Scales {
        params: centre(|at| at.params),
        tokens: centre(|at| at.tokens),
        flops: centre(|at| at.flops),
    });
    let scaled = |(at, run): (&Setting, &Run)| Observation {
        at: Setting {
            params: at.params / units.params,
            tokens: at.tokens / units.tokens,
            unique_tokens: at.unique_tokens / units.tokens,
            flops: at.flops / units.flops,
            recipe: at.recipe,
        },
        loss: run.loss.get(),
    };
    Ok((settings.iter().zip(&runs.kept).map(scaled).collect(), units))
}

/// Where one run was trained.
fn setting(run: &Run, law: &dyn Law) -> Result<Setting, FitError> {
    let tokens = run.tokens.get();
    let needs_unique_tokens = law.variables().contains(&Variable::UniqueTokens);
    let unique_tokens = if needs_unique_tokens { unique_tokens(run, law)? } else { tokens };
    let recipe = if law.tells_recipes_apart() { recipe(run, law)? } else { 0 };
    Ok(Setting { params: run.params.get(), tokens, unique_tokens, flops: run.flops.get(), recipe })
}

fn unique_tokens(run: &Run, law: &dyn Law) -> Result<f64, FitError> {
    let column = "unique_tokens` or `epochs";
    let missing = || FitError::MissingColumn { law: law.name(), column, run: run.name.clone() };
    run.unique_tokens.map(Tokens::get).ok_or_else(missing)
}

fn recipe(run: &Run, law: &dyn Law) -> Result<usize, FitError> {
    let missing = || FitError::MissingColumn { law: law.name(), column: "recipe", run: run.name.clone() };
    let name = run.covariates.get("recipe").ok_or_else(missing)?;
    let unknown = || FitError::BadCell { run: run.name.clone(), column: "recipe", text: name.clone() };
    law.recipes().iter().position(|recipe| recipe == name).ok_or_else(unknown)
}

/// Refuses designs that cannot determine `law`, before anything is promised.
fn check(runs: &Runs, settings: &[Setting], law: &dyn Law) -> Result<(), FitError> {
    let unknowns = law.parameters().len();
    let (needed, found) = (unknowns + 1, settings.len());
    if found < needed {
        return Err(FitError::TooFewRuns { law: law.name(), unknowns, needed, found });
    }
    let loss = runs.kept[0].loss.get();
    if runs.kept.iter().all(|run| run.loss.get() == loss) {
        return Err(FitError::EqualLosses { loss });
    }
    let varies = |value: &dyn Fn(&Setting) -> f64| {
        let first = value(&settings[0]);
        settings.iter().any(|at| (value(at) / first - 1.0).abs() > ONE_VALUE)
    };
    let variables = law.variables();
    for variable in variables {
        let (seen, quantity): (&dyn Fn(&Setting) -> f64, _) = match variable {
            // Distinct tokens have an effect of their own only where they are not simply the tokens seen.
            Variable::UniqueTokens => (&|at: &Setting| at.tokens / at.unique_tokens, "epochs"),
            variable => (&|at: &Setting| variable.at(at), variable.name()),
        };
        if !varies(seen) {
            return Err(FitError::NoVariation { quantity });
        }
    }
    if law.tells_recipes_apart() && settings.iter().all(|at| at.recipe == settings[0].recipe) {
        return Err(FitError::NoVariation { quantity: "recipe" });
    }
    let range = warnings::ratio_range(&runs.kept);
    if is_surface(law) && range < ONE_RAY {
        return Err(FitError::SingleRay { range });
    }
    Ok(())
}

/// Whether the law tells the effects of params and of tokens apart.
pub(super) fn is_surface(law: &dyn Law) -> bool {
    law.variables().len() > 1
}
