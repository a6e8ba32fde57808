//! `isoflop predict`: the loss of runs that have not been trained, the run that a loss takes, and finished runs against the curve.

use std::path::Path;

use anyhow::{Result, bail};
use isoflop::law::Variable;
use isoflop::predict::{self, Held, Predictions};
use isoflop::{Fit, Nats, Point, Prediction, QuestionError};
use serde::Serialize;

use crate::arguments::PredictArguments;
use crate::{Outcome, input, output};

pub(crate) fn run(arguments: &PredictArguments) -> Result<Outcome> {
    let fit = input::fit_under(&arguments.fit, &arguments.conditions)?;
    if let Some(table) = &arguments.against {
        return against(&fit, table, arguments);
    }
    if let Some(loss) = arguments.loss {
        return required(&fit, loss, arguments);
    }
    let level = arguments.answer.level;
    let predictions = match (&arguments.runs, arguments.params, arguments.tokens) {
        (Some(table), _, _) => {
            let points = input::points(table)?;
            points.iter().map(|point| of_row(&fit, point, level)).collect::<Result<Vec<_>, _>>()?
        }
        (None, Some(params), Some(tokens)) => vec![fit.predict(params, tokens, level)?],
        (None, _, _) => bail!(
            "say what to predict: --params 70B --tokens 1.4T, or --runs TABLE with one row each; --loss 2.0 for what a loss takes; --against TABLE for finished runs"
        ),
    };
    if arguments.answer.json {
        let answer = match (predictions.as_slice(), &arguments.runs) {
            ([prediction], None) => Predictions::single(&fit, prediction),
            (rows, _) => Predictions::rows(&fit, rows),
        };
        output::print(&serde_json::to_string(&answer)?)?;
    } else {
        let texts: Vec<String> = predictions.iter().map(isoflop_report::text::prediction).collect();
        output::print(&texts.join("\n"))?;
    }
    Ok(Outcome::Done)
}

/// The run that a loss takes.
fn required(fit: &Fit, loss: Nats, arguments: &PredictArguments) -> Result<Outcome> {
    let held = match (arguments.params, arguments.tokens) {
        (Some(_), Some(_)) => {
            bail!("--params, --tokens and --loss at once leave nothing to ask: leave one of them out")
        }
        (Some(params), None) => Held::Params(params),
        (None, Some(tokens)) => Held::Tokens(tokens),
        (None, None) => Held::Nothing,
    };
    let required = fit.required(loss, held, arguments.answer.level)?;
    if arguments.answer.json {
        output::print(&serde_json::to_string(&Answered { schema: "isoflop.required/1", answer: &required })?)?;
    } else {
        output::print(&isoflop_report::text::required(&required, held))?;
    }
    Ok(Outcome::Done)
}

/// Finished runs against the curve.
fn against(fit: &Fit, table: &Path, arguments: &PredictArguments) -> Result<Outcome> {
    let fitted =
        arguments.fitted.as_deref().map(|path| input::table(path, &arguments.fitted_where, false)).transpose()?;
    let runs = input::table(table, &arguments.filters, false)?;
    let judged = predict::against(fit, &runs, fitted.as_ref(), arguments.answer.level, arguments.threads)?;
    if arguments.answer.json {
        output::print(&serde_json::to_string(&Answered { schema: "isoflop.against/1", answer: &judged })?)?;
    } else {
        output::print(&isoflop_report::text::against(&judged))?;
    }
    Ok(Outcome::Done)
}

/// An answer of the library under the name of its schema.
#[derive(Serialize)]
struct Answered<'a, Answer> {
    schema: &'static str,
    #[serde(flatten)]
    answer: &'a Answer,
}

/// The prediction of one row of a table. Its recipe and distinct tokens count where the fit knows of them and the arguments, which go
/// before, did not say; a table of runs may have those columns for a fit of one recipe and single passes too.
fn of_row(fit: &Fit, point: &Point, level: f64) -> Result<Prediction, QuestionError> {
    point.param_counting.map_or(Ok(()), |counting| fit.check_counting(counting))?;
    let recipe = point.recipe.as_deref().filter(|_| fit.law().recipes().len() > 1);
    let knows_repetition = fit.unique_tokens().is_none() && fit.law().variables().contains(&Variable::UniqueTokens);
    let unique_tokens = point.unique_tokens.filter(|unique| knows_repetition && *unique < point.tokens);
    if recipe.is_none() && unique_tokens.is_none() {
        return fit.predict(point.params, point.tokens, level);
    }
    input::under(fit.clone(), recipe, unique_tokens)?.predict(point.params, point.tokens, level)
}
