//! `fit.json`: a fit at full precision, with draws and provenance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::scatter::ScatterReach;
use super::{
    Beside, Certificate, Conventions, Draw, Estimate, Fit, Objective, Prior, Profile, Reduction, Resampled,
    SamplingQuality, Scatter, Status, Tails, Warning,
};
use crate::law;

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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recipes: Vec<String>,
    /// An [`Objective`], or [`POSTERIOR`].
    objective: Option<String>,
    objective_value: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    basins: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resampled: Option<Resampled>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<Profile>,
    #[serde(default)]
    prior: Option<Prior>,
    #[serde(default)]
    sampling: Option<SamplingQuality>,
    n_runs: usize,
    n_dropped: usize,
    status: String,
    ending: Status,
    level: f64,
    params: BTreeMap<String, Estimate>,
    /// One coherent set of parameters, in the law's order.
    point: Vec<f64>,
    derived: BTreeMap<String, Estimate>,
    noise: Option<f64>,
    scatter_reach: Option<ScatterReach>,
    warnings: Vec<Warning>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reductions: Vec<WrittenReduction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beside: Option<Beside>,
    conventions: Conventions,
    largest_flops: Option<f64>,
    tokens_per_param: Option<(f64, f64)>,
    runs_sha256: Option<String>,
    source: Option<String>,
    provenance: Provenance,
    /// What the columns of `draws` are: the parameters, then [`DRAW_NUISANCES`].
    draw_columns: Vec<String>,
    draws: Vec<Vec<f64>>,
}

/// A reduction with its line of words, which is written for readers and not read back.
#[derive(Serialize, Deserialize)]
struct WrittenReduction {
    #[serde(flatten)]
    reduction: Reduction,
    #[serde(skip_deserializing)]
    message: String,
}

/// What stands for the objective of a posterior; its value is minus the log density at the mode.
const POSTERIOR: &str = "posterior";

/// The columns of a draw after its parameters.
const DRAW_NUISANCES: [&str; 4] = ["scatter", "scatter_decay", "scatter_freedom", "drift"];

impl Fit {
    /// The text of `fit.json`; intervals in it are at `level`.
    pub fn to_json(&self, level: f64, provenance: &Provenance) -> String {
        let parameters = self.law.parameters();
        let names = parameters.iter().map(|parameter| parameter.name.clone().into_owned());
        let derived = self.derived(level).into_iter().map(|(name, estimate)| (name.to_owned(), estimate));
        let row = |draw: &Draw| {
            let Scatter { scale, decay, tails } = draw.scatter;
            let nuisances = [scale, decay, f64::from(tails.degrees()), draw.drift];
            draw.parameters.iter().copied().chain(nuisances).collect()
        };
        let file = FitFile {
            schema: SCHEMA.to_owned(),
            law: self.law.name().to_owned(),
            formula: self.law.formula().to_owned(),
            recipes: self.law.recipes().to_vec(),
            objective: match (&self.prior, self.objective) {
                (Some(_), _) => Some(POSTERIOR.to_owned()),
                (None, objective) => objective.map(|objective| objective.to_string()),
            },
            objective_value: self.objective_value,
            basins: self.basins.clone(),
            certificate: self.certificate,
            resampled: self.resampled,
            profile: self.profile.clone(),
            prior: self.prior.clone(),
            sampling: self.sampling.clone(),
            n_runs: self.n_runs,
            n_dropped: self.n_dropped,
            status: self.status.code().to_owned(),
            ending: self.status.clone(),
            level,
            params: self.parameters(level).into_iter().collect(),
            point: self.point.clone(),
            derived: derived.collect(),
            noise: self.noise,
            scatter_reach: self.scatter_reach,
            warnings: self.warnings.clone(),
            reductions: self
                .reductions
                .iter()
                .map(|reduction| WrittenReduction { reduction: reduction.clone(), message: reduction.to_string() })
                .collect(),
            beside: self.beside.clone(),
            conventions: self.conventions.clone(),
            largest_flops: self.largest_flops,
            tokens_per_param: self.ratio_range,
            runs_sha256: self.fingerprint.clone(),
            source: self.source.clone(),
            provenance: provenance.clone(),
            draw_columns: names.chain(DRAW_NUISANCES.map(str::to_owned)).collect(),
            draws: self.draws.iter().map(row).collect(),
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
        let law = law::by_name(&file.law, &file.recipes)
            .ok_or_else(|| impossible("it names a law this version does not know"))?;
        let parameters = law.parameters();
        let is_law = |values: &[f64]| {
            values.len() == parameters.len()
                && values.iter().zip(parameters.iter()).all(|(value, parameter)| parameter.domain.contains(*value))
        };
        if !is_law(&file.point) {
            return Err(impossible("its parameters are not those of its law"));
        }
        let draw = |row: &Vec<f64>| match row.split_at_checked(parameters.len())? {
            (values, &[scale, decay, freedom, drift]) if is_law(values) && scale >= 0.0 && drift.is_finite() => {
                let scatter = Scatter { scale, decay, tails: Tails::of_degrees(freedom)? };
                decay.is_finite().then(|| Draw { parameters: values.to_vec(), scatter, drift })
            }
            _ => None,
        };
        let draws: Option<Vec<Draw>> = file.draws.iter().map(draw).collect();
        let draws = draws.ok_or_else(|| impossible("a draw is not one of its law"))?;
        drop(parameters);
        let objective = match file.objective.as_deref() {
            None | Some(POSTERIOR) => None,
            Some(text) => Some(text.parse::<Objective>().map_err(|_| impossible("its objective is none"))?),
        };
        Ok(Self {
            law,
            objective,
            objective_value: file.objective_value,
            basins: file.basins,
            certificate: file.certificate,
            resampled: file.resampled,
            profile: file.profile,
            prior: file.prior,
            sampling: file.sampling,
            point: file.point,
            draws,
            noise: file.noise,
            scatter_reach: file.scatter_reach,
            n_runs: file.n_runs,
            n_dropped: file.n_dropped,
            largest_flops: file.largest_flops,
            ratio_range: file.tokens_per_param,
            conventions: file.conventions,
            fingerprint: file.runs_sha256,
            status: file.ending,
            warnings: file.warnings,
            reductions: file.reductions.into_iter().map(|written| written.reduction).collect(),
            beside: file.beside,
            recipe: None,
            unique_tokens: None,
            source: file.source,
        })
    }
}
