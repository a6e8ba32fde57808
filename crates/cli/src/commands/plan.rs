//! `isoflop plan`: the best run under a budget, or the cheapest that reaches a goal, within limits.

use anyhow::{Context, Result};
use isoflop::hardware::{Precision, Rental, accelerator};
use isoflop::plan::{Answers, Baseline, Budget, Demand, Goal, Limits, Problem, Progress, ServingMemory, ServingSpeed};

use crate::arguments::PlanArguments;
use crate::output::{self, OutputFile};
use crate::{Outcome, input};

pub(crate) fn run(arguments: &PlanArguments) -> Result<Outcome> {
    let file = arguments.output.as_deref().map(OutputFile::create).transpose()?;
    // The distinct tokens are one of the problem's limits: what more of them is worth is part of the answer.
    let fit = input::under(input::fit(&arguments.fit)?, arguments.conditions.recipe.as_deref(), None)?;
    let mut plan = fit.solve(&problem(arguments)?, arguments.answer.level)?.with_blueprint(&arguments.shape.given());
    if let Some(years) = arguments.later.years {
        plan = plan.with_progress(&Progress { years, yearly: arguments.later.progress })?;
    }

    let json = serde_json::to_string(&plan)?;
    if let Some(file) = file {
        file.write(&json)?;
    }
    output::print(&if arguments.answer.json { json } else { isoflop_report::text::plan(&plan) })?;
    Ok(Outcome::Done)
}

/// What is asked.
fn problem(arguments: &PlanArguments) -> Result<Problem> {
    let PlanArguments { budget, goal, limits, conditions, demand, .. } = arguments;
    let budgets = [
        budget.flops.map(Budget::Flops),
        budget.usd.map(Budget::Dollars),
        budget.gpu_hours.map(Budget::DeviceHours),
        budget.days.map(Budget::Days),
        budget.kwh.map(Budget::Energy),
    ];
    let than = match (goal.than_params, goal.than_tokens, goal.than_flops) {
        (Some(params), Some(tokens), _) => Baseline::Run { params, tokens },
        (_, _, Some(flops)) => Baseline::Best(flops),
        _ => Baseline::LargestFitted,
    };
    let goal = match (goal.loss, goal.better) {
        (Some(loss), _) => Goal::Loss(loss),
        (None, Some(share)) => Goal::Better { share, than },
        (None, None) => Goal::LowestLoss,
    };
    let answers = demand.serve_output.map(|tokens| Answers { tokens, sequences: demand.serve_sequences });
    let serving = |tokens| Ok::<_, anyhow::Error>(Demand { tokens, answers, rental: serving_rental(arguments)? });
    Ok(Problem {
        goal,
        budget: budgets.into_iter().flatten().next(),
        limits: Limits {
            params: limits.max_params,
            memory: limits.memory.map(|bytes| ServingMemory { bytes, precision: limits.precision.into() }),
            speed: limits.min_tokens_per_second.map(|speed| serving_speed(speed, arguments)).transpose()?,
            unique_tokens: conditions.unique_tokens,
            repetition: limits.repetition.into(),
            epochs: limits.max_epochs,
            days: limits.max_days,
            waste: arguments.shape.max_batch_waste,
        },
        demand: demand.serve.map(serving).transpose()?,
        rental: arguments.devices.rental.rental(arguments.devices.gpus)?,
        batch: arguments.shape.batch,
        seed: arguments.devices.seed,
    })
}

fn serving_speed(tokens_per_second: f64, arguments: &PlanArguments) -> Result<ServingSpeed> {
    let name = arguments.devices.rental.gpu.as_deref().unwrap_or_default();
    let precision = Precision::from(arguments.limits.precision);
    ServingSpeed::new(tokens_per_second, &accelerator(name)?, precision)
        .with_context(|| format!("{name} does not compute in {precision}: choose another --precision"))
}

/// Share of the peak that serving reaches where prompts and answers are one: much less than in training, for answers wait for memory.
const MIXED_UTILISATION: f64 = 0.1;

/// Serving is not a job that fails and starts again: it loses no time.
fn serving_rental(arguments: &PlanArguments) -> Result<Option<Rental>> {
    let (training, demand) = (&arguments.devices.rental, &arguments.demand);
    let price = demand.serve_price.unwrap_or(training.price);
    let alike = demand.serve_output.is_none();
    let utilisation = demand.serve_mfu.unwrap_or(if alike { MIXED_UTILISATION.into() } else { training.mfu });
    let rent = |name: &String| {
        let rental = Rental::new(accelerator(name)?, price, utilisation, 1.0, None)?;
        Ok(rental.computing_in(arguments.limits.precision.into())?)
    };
    training.gpu.as_ref().map(rent).transpose()
}
