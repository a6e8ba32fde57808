//! `isoflop gpus`: accelerators, and what a run costs on one.

use anyhow::Result;
use isoflop::hardware::Rental;
use isoflop::hardware::{Accelerator, Job, JobCost, Site, accelerator, accelerators};
use isoflop::models::model;
use serde::Serialize;

use crate::arguments::GpusArguments;
use crate::{Outcome, output};

/// What `--json` prints.
#[derive(Serialize)]
struct Answer {
    schema: &'static str,
    gpus: Vec<Accelerator>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<JobCost>,
}

pub(crate) fn run(arguments: &GpusArguments) -> Result<Outcome> {
    let Some(name) = &arguments.gpu else {
        let gpus = accelerators()?;
        let text = isoflop_report::text::gpus(&gpus);
        return answer(arguments, text, Answer { schema: "isoflop.gpus/1", gpus, job: None });
    };
    let gpu = accelerator(name)?;
    let job = job(arguments)?.map(|job| cost(&job, gpu.clone(), arguments)).transpose()?;
    let text = isoflop_report::text::gpu(&gpu, job.as_ref());
    answer(arguments, text, Answer { schema: "isoflop.gpus/1", gpus: vec![gpu], job })
}

fn answer(arguments: &GpusArguments, text: String, answer: Answer) -> Result<Outcome> {
    output::print(&if arguments.json { serde_json::to_string(&answer)? } else { text })?;
    Ok(Outcome::Done)
}

/// The run that the arguments describe, if they describe one.
fn job(arguments: &GpusArguments) -> Result<Option<Job>> {
    Ok(match (&arguments.model, arguments.params, arguments.tokens, arguments.flops) {
        (Some(name), ..) => {
            let model = model(name)?;
            Some(Job::model(model.params, model.active(), model.tokens)?)
        }
        (None, Some(params), Some(tokens), _) => Some(Job::model(params, params, tokens)?),
        (None, _, _, flops) => flops.map(Job::Compute),
    })
}

fn cost(job: &Job, gpu: Accelerator, arguments: &GpusArguments) -> Result<JobCost> {
    let assumed = Site::default();
    let site = Site {
        power_usage_effectiveness: arguments.pue.unwrap_or(assumed.power_usage_effectiveness),
        kg_co2_per_kwh: arguments.grid.unwrap_or(assumed.kg_co2_per_kwh),
        ..assumed
    };
    let rental = Rental::new(gpu, arguments.price, arguments.mfu, arguments.goodput, arguments.gpus)?;
    Ok(job.cost(&rental, &site)?)
}
