//! `isoflop next`: the runs that leave least doubt about a bigger one.

use anyhow::{Context, Result, bail};
use isoflop::design::Change;
use isoflop::hardware::{Cost, Rental};
use isoflop::law::{PUBLISHED, published};
use isoflop::names::UnknownName;
use isoflop::{Decision, Fit, Flops, NextError, NextOptions, NextRuns};
use serde::Serialize;

use crate::arguments::{DecisionArgument, NextArguments};
use crate::{Outcome, input, output};

/// What `--json` prints.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    next: NextRuns,
    cost: Cost,
    #[serde(skip_serializing_if = "Option::is_none")]
    regret_usd: Option<Change>,
}

pub(crate) fn run(arguments: &NextArguments) -> Result<Outcome> {
    let rental = arguments.rental.rental(None)?;
    if !rental.as_ref().is_none_or(Rental::is_certain) {
        bail!("give --price, --mfu and --goodput as numbers here; a plan is what takes ranges");
    }
    let in_flops = |flops, dollars| match (flops, dollars, &rental) {
        (None, Some(dollars), Some(rental)) => rental.affordable(dollars).map(Some),
        (flops, _, _) => Ok(flops),
    };
    let budget = in_flops(arguments.flops, arguments.usd)?;
    let target = in_flops(arguments.target_flops, arguments.target_usd)?;
    let fit = match (&arguments.fit, &arguments.law) {
        (Some(path), _) if arguments.decide == DecisionArgument::Gain => input::fit(path)?,
        (Some(path), _) => input::fit_under(path, &arguments.conditions)?,
        (None, Some(name)) => {
            first_belief(name, budget.context("a first sweep needs a budget: --flops 1e19, or --usd 5k --gpu h100")?)?
        }
        (None, None) => bail!("name a fit, or a published law with --law besiroglu2024"),
    };
    let points = arguments.candidates.as_deref().map(input::points).transpose()?;
    let options = NextOptions {
        decision: decision(arguments, &fit)?,
        target,
        candidates: points.map(|points| points.into_iter().map(Into::into).collect()),
        max_runs: arguments.max_runs as usize,
        validate: arguments.validate,
    };
    let next = match budget {
        Some(budget) => fit.next_runs(budget, &options)?,
        None if options.decision == Decision::Regret => {
            fit.runs_worth_their_cost(target.ok_or(NextError::NoTarget)?, &options)?
        }
        None => bail!(
            "say the budget: --flops 1e20, or --usd 50k --gpu h100; --decide regret --target-flops 1e24 says how much is worth spending"
        ),
    };
    if arguments.json {
        let cost = priced(rental.as_ref(), next.spent).unwrap_or_default();
        let usd = |flops: f64| priced(rental.as_ref(), flops)?.usd;
        let regret_usd = usd(next.regret.before).zip(usd(next.regret.after));
        let regret_usd = regret_usd.map(|(before, after)| Change { before, after });
        output::print(&serde_json::to_string(&Answer { next, cost, regret_usd })?)?;
    } else {
        output::print(&isoflop_report::text::next(&next, rental.as_ref()))?;
    }
    Ok(Outcome::Done)
}

/// What so much compute costs, where a price was given.
fn priced(rental: Option<&Rental>, flops: f64) -> Option<Cost> {
    Some(rental?.cost(Flops::new(flops).ok()?))
}

/// What the runs of `fit` are to decide; of two recipes, the second in the table over the first where none is named.
fn decision(arguments: &NextArguments, fit: &Fit) -> Result<Decision> {
    if arguments.decide != DecisionArgument::Gain && arguments.over.is_some() {
        bail!("--over names the other recipe of a gain: add --decide gain");
    }
    if arguments.decide == DecisionArgument::Gain && arguments.conditions.unique_tokens.is_some() {
        bail!("a gain is that of runs on text seen once: leave --unique-tokens out");
    }
    let recipes = fit.law().recipes();
    Ok(match arguments.decide {
        DecisionArgument::Both => Decision::Both,
        DecisionArgument::Loss => Decision::Loss,
        DecisionArgument::Size => Decision::Size,
        DecisionArgument::Regret => Decision::Regret,
        DecisionArgument::Gain => {
            let (recipe, over) = (arguments.conditions.recipe.clone(), arguments.over.clone());
            let (recipe, over) = match (recipe, over, recipes) {
                (Some(recipe), Some(over), _) => (recipe, over),
                (_, _, [] | [_]) => return Err(NextError::NoRecipes.into()),
                (None, None, [first, second]) => (second.clone(), first.clone()),
                (Some(recipe), None, [first, second]) if recipe == *second => (recipe, first.clone()),
                (Some(recipe), None, [first, second]) if recipe == *first => (recipe, second.clone()),
                _ => bail!(
                    "a gain is that of one recipe over another: name both with --recipe and --over; there are {}",
                    recipes.join(", ")
                ),
            };
            Decision::Gain { recipe, over }
        }
    })
}

/// The published law called `name`, in doubt.
fn first_belief(name: &str, budget: Flops) -> Result<Fit> {
    let names = PUBLISHED.iter().map(|set| set.name);
    let set = published(name).with_context(|| UnknownName::new("published law", name, names))?;
    Ok(Fit::published_in_doubt(set, budget)?)
}
