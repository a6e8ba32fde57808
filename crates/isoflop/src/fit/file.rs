//! `fit.json`: a fit at full precision, with draws and provenance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Estimate, Fit, FloorPrior, Objective, Status, Warning};
use crate::counting::{FlopCounting, ParamCounting};
use crate::law::{Hoffmann, HoffmannCoefficients, Law};

/// The schema this version writes and reads.
const SCHEMA: &str = "isoflop.fit/1";

/// Where a file came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of isoflop.
    pub version: String,
    /// The command that made it.
    pub command: String,
}

/// Why a text is not a fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitFileError {
    /// Not JSON, or not the JSON of a fit.
    #[error("{source_name}: not a fit: {error}; make one with `isoflop fit RUNS -o fit.json`")]
    Malformed {
        /// The file's name.
        source_name: String,
        /// What the parser said.
        error: serde_json::Error,
    },
    /// A fit of another version.
    #[error("{source_name}: schema `{found}`, and this version reads {SCHEMA}: fit the runs again")]
    OtherSchema {
        /// The file's name.
        source_name: String,
        /// The schema found.
        found: String,
    },
    /// A law or a number that cannot be.
    #[error("{source_name}: {problem}: the file was altered; fit the runs again")]
    Impossible {
        /// The file's name.
        source_name: String,
        /// What is wrong.
        problem: &'static str,
    },
}

/// The file, key by key; the ones in design order are relied upon by scripts.
#[derive(Serialize, Deserialize)]
struct FitFile {
    schema: String,
    law: String,
    formula: String,
    objective: Option<Objective>,
    objective_value: Option<f64>,
    #[serde(default)]
    floor_prior: Option<FloorPrior>,
    n_runs: usize,
    n_dropped: usize,
    status: String,
    ending: Status,
    level: f64,
    params: BTreeMap<String, Estimate>,
    derived: BTreeMap<String, Estimate>,
    noise: Option<f64>,
    warnings: Vec<Warning>,
    conventions: Conventions,
    largest_flops: Option<f64>,
    tokens_per_param: Option<(f64, f64)>,
    runs_sha256: Option<String>,
    source: Option<String>,
    provenance: Provenance,
    draws: Vec<[f64; 5]>,
}

#[derive(Serialize, Deserialize)]
struct Conventions {
    params: ParamCounting,
    flops: FlopCounting,
    loss: String,
}

impl Fit {
    /// The text of `fit.json`; intervals in it are at `level`.
    pub fn to_json(&self, level: f64, provenance: &Provenance) -> String {
        let named = |estimates: Vec<(&'static str, Estimate)>| {
            estimates.into_iter().map(|(name, estimate)| (name.to_owned(), estimate)).collect()
        };
        let file = FitFile {
            schema: SCHEMA.to_owned(),
            law: self.name.clone(),
            formula: Hoffmann.formula().to_owned(),
            objective: self.objective,
            objective_value: self.objective_value,
            floor_prior: self.floor_prior,
            n_runs: self.n_runs,
            n_dropped: self.n_dropped,
            status: self.status.code().to_owned(),
            ending: self.status.clone(),
            level,
            params: named(self.parameters(level)),
            derived: named(self.derived(level)),
            noise: self.noise,
            warnings: self.warnings.clone(),
            conventions: Conventions {
                params: self.param_counting,
                flops: self.flop_counting,
                loss: "nats_per_token".to_owned(),
            },
            largest_flops: self.largest_flops,
            tokens_per_param: self.ratio_range,
            runs_sha256: self.fingerprint.clone(),
            source: self.source.clone(),
            provenance: provenance.clone(),
            draws: self.draws.iter().map(|draw| draw.to_array()).collect(),
        };
        // Every key is a string and every number finite: there is nothing that could fail to be written.
        serde_json::to_string(&file).unwrap_or_default()
    }

    /// Reads `fit.json`; `source_name` appears in errors.
    ///
    /// # Errors
    /// See [`FitFileError`].
    pub fn from_json(text: &str, source_name: &str) -> Result<Self, FitFileError> {
        let name = || source_name.to_owned();
        let malformed = |error| FitFileError::Malformed { source_name: name(), error };
        let impossible = |problem| FitFileError::Impossible { source_name: name(), problem };
        #[derive(Deserialize)]
        struct Schema {
            schema: String,
        }
        let Schema { schema } = serde_json::from_str(text).map_err(malformed)?;
        if schema != SCHEMA {
            return Err(FitFileError::OtherSchema { source_name: name(), found: schema });
        }
        let file: FitFile = serde_json::from_str(text).map_err(malformed)?;
        if file.law != Hoffmann.name() {
            return Err(impossible("it names a law this version does not know"));
        }
        let values: Option<Vec<f64>> = Hoffmann
            .parameters()
            .iter()
            .map(|parameter| file.params.get(parameter.name).map(|estimate| estimate.value))
            .collect();
        let coefficients = values
            .as_deref()
            .and_then(HoffmannCoefficients::from_slice)
            .ok_or_else(|| impossible("a parameter is missing"))?;
        let draws: Vec<_> = file.draws.iter().filter_map(|draw| HoffmannCoefficients::from_slice(draw)).collect();
        let is_law = |law: &HoffmannCoefficients| law.to_array().iter().all(|value| value.is_finite() && *value > 0.0);
        if !is_law(&coefficients) || !draws.iter().all(is_law) {
            return Err(impossible("a parameter is not positive"));
        }
        Ok(Self {
            name: file.law,
            objective: file.objective,
            objective_value: file.objective_value,
            floor_prior: file.floor_prior,
            coefficients,
            draws,
            noise: file.noise,
            n_runs: file.n_runs,
            n_dropped: file.n_dropped,
            largest_flops: file.largest_flops,
            ratio_range: file.tokens_per_param,
            param_counting: file.conventions.params,
            flop_counting: file.conventions.flops,
            fingerprint: file.runs_sha256,
            status: file.ending,
            warnings: file.warnings,
            source: file.source,
        })
    }
}
