//! `isoflop predict`: the loss of runs that have not been trained.

use anyhow::{Result, bail};
use isoflop::{Prediction, Warning};
use serde::Serialize;

use crate::arguments::PredictArguments;
use crate::{Outcome, input, output};

/// What `--json` prints. A single prediction stands at the top level as well.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    #[serde(flatten)]
    single: Option<&'a Prediction>,
    predictions: &'a [Prediction],
    fit_warnings: &'a [Warning],
}

pub(crate) fn run(arguments: &PredictArguments) -> Result<Outcome> {
    let fit = input::fit(&arguments.fit)?;
    let level = arguments.answer.level;
    let predictions = match (&arguments.runs, arguments.target.params, arguments.target.tokens) {
        (Some(table), _, _) => input::points(table)?
            .iter()
            .map(|point| fit.predict(point.params, point.tokens, level))
            .collect::<Result<Vec<_>, _>>()?,
        (None, Some(params), Some(tokens)) => vec![fit.predict(params, tokens, level)?],
        (None, _, _) => bail!("say what to predict: --params 70B --tokens 1.4T, or --runs TABLE with one row each"),
    };
    if arguments.answer.json {
        let single = arguments.runs.is_none().then(|| predictions.first()).flatten();
        let answer =
            Answer { schema: "isoflop.prediction/1", single, predictions: &predictions, fit_warnings: fit.warnings() };
        output::print(&serde_json::to_string(&answer)?)?;
    } else {
        let texts: Vec<String> = predictions.iter().map(isoflop_report::text::prediction).collect();
        output::print(&texts.join("\n"))?;
    }
    Ok(Outcome::Done)
}
