//! `isoflop plan`: the best run under a budget, or the cheapest that reaches a goal, within limits.

use anyhow::Result;
use isoflop::plan::{Progress, Request};
use isoflop::{Fit, Plan};

use crate::arguments::{PlanArguments, QuestionArguments};
use crate::output::{self, OutputFile};
use crate::{Outcome, input};

pub(crate) fn run(arguments: &PlanArguments) -> Result<Outcome> {
    let file = arguments.output.as_deref().map(OutputFile::create).transpose()?;
    // The distinct tokens are one of the problem's limits: what more of them is worth is part of the answer.
    let fit = input::under(input::fit(&arguments.fit)?, arguments.question.conditions.recipe.as_deref(), None)?;
    let plan = fit.answer(&request(&arguments.question), arguments.answer.level)?;
    let mut plan = plan.with_blueprint(&arguments.question.shape.given());
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

/// The plan that `question` asks for, with its shape; `None` where it names neither a budget nor a goal.
pub(crate) fn asked_plan(fit: &Fit, question: &QuestionArguments, level: f64) -> Result<Option<Plan>> {
    let plan = question.is_asked().then(|| fit.answer(&request(question), level)).transpose()?;
    Ok(plan.map(|plan| plan.with_blueprint(&question.shape.given())))
}

/// What is asked.
pub(crate) fn request(arguments: &QuestionArguments) -> Request {
    let QuestionArguments { budget, goal, limits, conditions, demand, devices, shape } = arguments;
    Request {
        flops: budget.flops,
        usd: budget.usd,
        gpu_hours: budget.gpu_hours,
        days: budget.days,
        kwh: budget.kwh,
        loss: goal.loss,
        better: goal.better,
        than_params: goal.than_params,
        than_tokens: goal.than_tokens,
        than_flops: goal.than_flops,
        gpu: devices.rental.gpu.clone(),
        gpus: devices.gpus,
        price: Some(devices.rental.price),
        mfu: Some(devices.rental.mfu),
        goodput: Some(devices.rental.goodput),
        seed: devices.seed,
        max_params: limits.max_params,
        memory: limits.memory,
        min_tokens_per_second: limits.min_tokens_per_second,
        precision: Some(limits.precision.into()),
        unique_tokens: conditions.unique_tokens,
        repetition: limits.repetition.into(),
        max_epochs: limits.max_epochs,
        max_days: limits.max_days,
        serve: demand.serve,
        serve_output: demand.serve_output,
        serve_sequences: Some(demand.serve_sequences),
        serve_mfu: demand.serve_mfu,
        serve_price: demand.serve_price,
        batch: shape.batch,
        max_batch_waste: shape.max_batch_waste,
    }
}
