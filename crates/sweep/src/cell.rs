//! A cell: one planned run, named by its content, so that the same run is never trained twice.

use std::path::Path;

use isoflop::counting::ParamCounting;
use isoflop::{Flops, Tokens};
use isoflop_train::{EvaluationLimit, RunSpec};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Damage, SpecProblem, SweepError};
use crate::files::{self, Disk};

/// What `cell.json` says about its own form.
const SCHEMA: &str = "isoflop.cell/1";

const REMEDY: &str = "create the sweep again with the same plan, or add the cell again: both write this file anew";

/// A run to be planned: what it is called and what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct CellPlan {
    /// What people call it, such as `c1-w48-d2-s0`.
    pub tag: String,
    /// The budget it was planned for, if it belongs to one.
    pub budget: Option<Flops>,
    /// ln loss that its rates and batch are expected to give away, where its recipe was tuned.
    pub tuning_excess: Option<f64>,
    /// The run.
    pub spec: RunSpec,
}

/// One planned run of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    name: String,
    plan: CellPlan,
    corpus: String,
    evaluation: EvaluationLimit,
    tokens: Tokens,
}

/// `cell.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CellFile {
    tag: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    budget: Option<Flops>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tuning_excess: Option<f64>,
    corpus: String,
    evaluation: EvaluationLimit,
    spec: RunSpec,
}

impl Cell {
    /// The cell of `plan` on the text with the fingerprint `corpus`, judged on `evaluation` of its held-out part.
    ///
    /// # Errors
    /// [`SweepError::BadTag`] and [`SweepError::BadSpec`].
    pub fn new(plan: CellPlan, corpus: &str, evaluation: EvaluationLimit) -> Result<Self, SweepError> {
        let starts_well = plan.tag.starts_with(|c: char| c.is_ascii_alphanumeric());
        let plain = plan.tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if !(starts_well && plain && plan.tag.len() <= 64) {
            return Err(SweepError::BadTag { tag: plan.tag });
        }
        let Ok(tokens) = plan.spec.tokens() else {
            return Err(SweepError::BadSpec { tag: plan.tag, problem: SpecProblem::NoTokens });
        };
        let spec = serde_json::to_value(&plan.spec).expect("a spec is a struct with text keys");
        // JSON has no NaN and no infinity: such a spec would come back as another, or not at all.
        if !serde_json::from_value::<RunSpec>(spec.clone()).is_ok_and(|back| back == plan.spec) {
            return Err(SweepError::BadSpec { tag: plan.tag, problem: SpecProblem::NotFinite });
        }
        let content = serde_json::json!({ "corpus": corpus, "evaluation": evaluation, "spec": spec });
        let name = format!("{}-{}", plan.tag, short_hash(&content));
        Ok(Self { name, plan, corpus: corpus.to_owned(), evaluation, tokens })
    }

    /// Name of the cell's folder, its run and its row: the tag and the first 12 digits of the SHA-256 of what decides its result.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hash in the name.
    pub fn hash(&self) -> &str {
        &self.name[self.plan.tag.len() + 1..]
    }

    /// Name of the trunk of all cells that are the same run until their cool-downs, whether there are others or not: `t` and the
    /// hash of what they have in common.
    pub(crate) fn trunk(&self) -> String {
        let spec = serde_json::to_value(self.plan.spec.trunk()).expect("a spec is a struct with text keys");
        format!("t{}", short_hash(&serde_json::json!({ "corpus": self.corpus, "spec": spec })))
    }

    /// What people call it.
    pub fn tag(&self) -> &str {
        &self.plan.tag
    }

    /// The budget it was planned for, if it belongs to one.
    pub fn budget(&self) -> Option<Flops> {
        self.plan.budget
    }

    /// ln loss that its rates and batch are expected to give away, where its recipe was tuned.
    pub fn tuning_excess(&self) -> Option<f64> {
        self.plan.tuning_excess
    }

    /// The run.
    pub fn spec(&self) -> &RunSpec {
        &self.plan.spec
    }

    /// Fingerprint of the text it is trained on.
    pub fn corpus(&self) -> &str {
        &self.corpus
    }

    /// How much of the held-out text the run is judged on.
    pub fn evaluation(&self) -> EvaluationLimit {
        self.evaluation
    }

    /// Tokens it trains on, repetitions included.
    pub fn tokens(&self) -> Tokens {
        self.tokens
    }

    /// All its parameters, embeddings included.
    pub fn params(&self) -> u64 {
        self.plan.spec.architecture.param_groups().count(ParamCounting::Total)
    }

    /// Training FLOPs of the whole run, counted layer by layer, with the matrix products of its optimizer.
    pub fn exact_flops(&self) -> f64 {
        self.plan.spec.flops().total()
    }

    /// Those of `steps` of its steps.
    pub(crate) fn exact_flops_of(&self, steps: u64) -> f64 {
        self.exact_flops() * (steps as f64 / self.plan.spec.steps as f64)
    }

    /// Reads the cell in `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self, SweepError> {
        let path = folder.join("cell.json");
        let damaged = |damage| SweepError::Damaged { path: path.clone(), damage, remedy: REMEDY };
        let Some(file) = files::read_record::<CellFile>(&path, SCHEMA, REMEDY)? else {
            return Err(damaged(Damage::Missing));
        };
        let CellFile { tag, budget, tuning_excess, corpus, evaluation, spec } = file;
        let cell = Self::new(CellPlan { tag, budget, tuning_excess, spec }, &corpus, evaluation)?;
        let expected = folder.file_name().and_then(|name| name.to_str());
        if expected == Some(cell.name()) { Ok(cell) } else { Err(damaged(Damage::Hash { belongs: cell.name })) }
    }

    /// Writes the cell into `folder`.
    pub(crate) fn write(&self, disk: &Disk, folder: &Path) -> Result<(), SweepError> {
        let file = CellFile {
            tag: self.plan.tag.clone(),
            budget: self.plan.budget,
            tuning_excess: self.plan.tuning_excess,
            corpus: self.corpus.clone(),
            evaluation: self.evaluation,
            spec: self.plan.spec.clone(),
        };
        disk.create_folder(folder)?;
        disk.write_record(&folder.join("cell.json"), SCHEMA, &file)
    }
}

/// First 12 hexadecimal digits of the SHA-256 of `content` in canonical form.
fn short_hash(content: &Value) -> String {
    let mut text = String::new();
    write_canonical(content, &mut text);
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// JSON without white space and with sorted keys, whatever order the map keeps them in.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                write_canonical(item, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::plan;

    fn cell(plan: CellPlan) -> Cell {
        Cell::new(plan, "text", EvaluationLimit::Tokens(1000)).unwrap()
    }

    #[test]
    fn names_of_existing_cells_never_change() {
        // Computed once with Python's hashlib over the canonical text. A new value here orphans every sweep on every disk.
        assert_eq!(cell(plan(20, 7)).name(), "t20-s7-3761048bbda1");
    }

    #[test]
    fn the_name_depends_on_what_decides_the_result_and_on_nothing_else() {
        let base = cell(plan(20, 7));
        let budget = Some(Flops::new(1e9).unwrap());
        assert_eq!(cell(CellPlan { budget, ..plan(20, 7) }).hash(), base.hash());
        assert_eq!(cell(CellPlan { tag: "x".to_owned(), ..plan(20, 7) }).hash(), base.hash());
        assert_ne!(cell(plan(20, 8)).hash(), base.hash());
        assert_ne!(Cell::new(plan(20, 7), "other", EvaluationLimit::Tokens(1000)).unwrap().hash(), base.hash());
        assert_ne!(Cell::new(plan(20, 7), "text", EvaluationLimit::Everything).unwrap().hash(), base.hash());
    }

    #[test]
    fn key_order_does_not_matter_to_the_canonical_form() {
        let mut text = String::new();
        write_canonical(&serde_json::json!({ "b": [1.5, {}, []], "a": "\"" }), &mut text);
        assert_eq!(text, r#"{"a":"\"","b":[1.5,{},[]]}"#);
    }

    #[test]
    fn tags_that_could_leave_the_folder_are_refused() {
        for tag in ["", "..", "a/b", "a b", "-x", "ü", &"x".repeat(65)] {
            let refused =
                Cell::new(CellPlan { tag: tag.to_owned(), ..plan(20, 7) }, "text", EvaluationLimit::Everything);
            assert!(matches!(refused, Err(SweepError::BadTag { .. })), "{tag}");
        }
    }

    #[test]
    fn specs_that_json_cannot_hold_are_refused() {
        let mut broken = plan(20, 7);
        broken.spec.optimizer.epsilon = f64::NAN;
        let refused = Cell::new(broken, "text", EvaluationLimit::Everything);
        assert!(matches!(refused, Err(SweepError::BadSpec { problem: SpecProblem::NotFinite, .. })));
        let refused = Cell::new(plan(0, 7), "text", EvaluationLimit::Everything);
        assert!(matches!(refused, Err(SweepError::BadSpec { problem: SpecProblem::NoTokens, .. })));
    }
}
