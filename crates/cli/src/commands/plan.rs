//! `isoflop plan`: the best run under a budget.

use anyhow::{Result, bail};
use isoflop::hardware::Rental;
use isoflop::hardware::accelerator;

use crate::arguments::PlanArguments;
use crate::output::{self, OutputFile};
use crate::{Outcome, input};

pub(crate) fn run(arguments: &PlanArguments) -> Result<Outcome> {
    let file = arguments.output.as_deref().map(OutputFile::create).transpose()?;
    let fit = input::fit_under(&arguments.fit, &arguments.conditions)?;
    let rental = arguments.gpu.as_deref().map(|name| rental(name, arguments)).transpose()?;
    let budget = match (arguments.flops, arguments.usd, &rental) {
        (Some(flops), _, _) => flops,
        (None, Some(dollars), Some(rental)) => rental.affordable(dollars)?,
        (None, _, _) => bail!("say the budget: --flops 1e24, or --usd 10M --gpu h100"),
    };
    let plan = fit.plan(budget, rental.as_ref(), arguments.answer.level)?;

    let json = serde_json::to_string(&plan)?;
    if let Some(file) = file {
        file.write(&json)?;
    }
    output::print(&if arguments.answer.json { json } else { isoflop_report::text::plan(&plan) })?;
    Ok(Outcome::Done)
}

fn rental(name: &str, arguments: &PlanArguments) -> Result<Rental> {
    Ok(Rental::new(accelerator(name)?, arguments.price, arguments.mfu, arguments.goodput, arguments.gpus)?)
}
