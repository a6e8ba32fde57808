//! Predictions as every door writes them: one layout for the command line and the explorer.

use serde::Serialize;

use super::Prediction;
use crate::fit::{Fit, Warning};

/// The schema of predictions.
const SCHEMA: &str = "isoflop.prediction/1";

/// Predictions of one fit with its doubts, ready to be written as JSON.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Predictions<'a> {
    schema: &'static str,
    /// A prediction that was asked for alone stands at the top level as well.
    #[serde(flatten)]
    single: Option<&'a Prediction>,
    predictions: &'a [Prediction],
    fit_warnings: &'a [Warning],
}

impl<'a> Predictions<'a> {
    /// The one prediction that was asked for.
    pub fn single(fit: &'a Fit, prediction: &'a Prediction) -> Self {
        Self { single: Some(prediction), ..Self::rows(fit, std::slice::from_ref(prediction)) }
    }

    /// A prediction for each row of a table, however many it has.
    pub fn rows(fit: &'a Fit, predictions: &'a [Prediction]) -> Self {
        Self { schema: SCHEMA, single: None, predictions, fit_warnings: fit.warnings() }
    }
}
