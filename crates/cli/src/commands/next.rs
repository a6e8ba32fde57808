//! `isoflop next`: the runs that leave least doubt about a bigger one.

use anyhow::{Context, Result, bail};
use isoflop::hardware::{Cost, Rental};
use isoflop::law::{PUBLISHED, published};
use isoflop::names::UnknownName;
use isoflop::{Fit, Flops, NextOptions, NextRuns};
use serde::Serialize;

use crate::arguments::NextArguments;
use crate::{Outcome, input, output};

/// What `--json` prints.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    next: NextRuns,
    cost: Cost,
}

pub(crate) fn run(arguments: &NextArguments) -> Result<Outcome> {
    let rental = arguments.rental.rental(None)?;
    if !rental.as_ref().is_none_or(Rental::is_certain) {
        bail!("give --price, --mfu and --goodput as numbers here; a plan is what takes ranges");
    }
    let budget = match (arguments.flops, arguments.usd, &rental) {
        (Some(flops), _, _) => flops,
        (None, Some(dollars), Some(rental)) => rental.affordable(dollars)?,
        (None, _, _) => bail!("say the budget: --flops 1e20, or --usd 50k --gpu h100"),
    };
    let fit = match (&arguments.fit, &arguments.law) {
        (Some(path), _) => input::fit_under(path, &arguments.conditions)?,
        (None, Some(name)) => first_belief(name, budget)?,
        (None, None) => bail!("name a fit, or a published law with --law besiroglu2024"),
    };
    let points = arguments.candidates.as_deref().map(input::points).transpose()?;
    let options = NextOptions {
        target: arguments.target_flops,
        candidates: points.map(|points| points.into_iter().map(Into::into).collect()),
        max_runs: arguments.max_runs as usize,
        validate: arguments.validate,
    };
    let next = fit.next_runs(budget, &options)?;
    let spent = Flops::new(next.spent).ok();
    let cost = rental.zip(spent).map_or_else(Cost::default, |(rental, spent)| rental.cost(spent));
    if arguments.json {
        output::print(&serde_json::to_string(&Answer { next, cost })?)?;
    } else {
        output::print(&isoflop_report::text::next(&next, cost.usd))?;
    }
    Ok(Outcome::Done)
}

/// The published law called `name`, in doubt.
fn first_belief(name: &str, budget: Flops) -> Result<Fit> {
    let names = PUBLISHED.iter().map(|set| set.name);
    let set = published(name).with_context(|| UnknownName::new("published law", name, names))?;
    Ok(Fit::published_in_doubt(set, budget)?)
}
