//! What a fit's numbers mean: how they were counted, and what all its runs have in common.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::counting::{FlopCounting, ParamCounting};
use crate::runs::{Run, Runs};

/// Columns in which a run must agree with the fitted runs before it can be set beside them, where both have them.
const COMMON_COLUMNS: [&str; 5] = ["recipe", "tokenizer", "corpus", "corpus_fingerprint", "loss_unit"];

/// How the numbers of runs were counted, and what the runs have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conventions {
    /// Which parameters count.
    pub params: ParamCounting,
    /// How training compute was counted.
    pub flops: FlopCounting,
    /// Unit of the loss, such as `nats_per_token`.
    pub loss: String,
    /// What all runs have in the columns `recipe`, `tokenizer`, `corpus`, `corpus_fingerprint` and `loss_unit`; a column in which they
    /// differ is not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub common: BTreeMap<String, String>,
}

impl Default for Conventions {
    fn default() -> Self {
        Self {
            params: ParamCounting::default(),
            flops: FlopCounting::default(),
            loss: "nats_per_token".to_owned(),
            common: BTreeMap::new(),
        }
    }
}

impl Conventions {
    /// Those of the kept `runs`.
    pub(super) fn of(runs: &Runs) -> Self {
        let common = |column: &str| {
            let cell = |run: &Run| run.covariates.get(column).cloned();
            let first = runs.kept.first().and_then(cell)?;
            runs.kept.iter().all(|run| cell(run).as_ref() == Some(&first)).then(|| (column.to_owned(), first))
        };
        Self {
            params: runs.param_counting,
            flops: runs.flop_counting,
            common: COMMON_COLUMNS.into_iter().filter_map(common).collect(),
            ..Self::default()
        }
    }

    /// The first column in which `run` is unlike the fitted runs, with its cell and theirs.
    pub(crate) fn unlike<'a>(&'a self, run: &'a Run) -> Option<(&'a str, &'a str, &'a str)> {
        self.common.iter().find_map(|(column, ours)| {
            let cell = run.covariates.get(column)?;
            (cell != ours).then_some((column.as_str(), cell.as_str(), ours.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TableFormat;

    fn runs(rows: &str) -> Runs {
        let table = format!("params,tokens,loss,recipe,tokenizer,corpus\n{rows}");
        Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap()
    }

    #[test]
    fn only_what_all_runs_share_is_common() {
        let conventions = Conventions::of(&runs("1e9,2e10,2,base,bpe,web\n2e9,2e10,2,base,bpe,code\n"));
        let common: Vec<&str> = conventions.common.keys().map(String::as_str).collect();
        assert_eq!(common, ["recipe", "tokenizer"]);
        let unlike = runs("1e9,2e10,2,base,words,\n1e9,2e10,2,,bpe,books\n").kept;
        assert_eq!(conventions.unlike(&unlike[0]), Some(("tokenizer", "words", "bpe")));
        assert_eq!(conventions.unlike(&unlike[1]), None);
    }

    #[test]
    fn texts_of_one_name_are_told_apart_by_their_fingerprints() {
        let table = |print| format!("params,tokens,loss,corpus,corpus_fingerprint\n1e9,2e10,2,text,{print}\n");
        let read = |print| Runs::read(table(print).as_bytes(), "t", TableFormat::Csv, false).unwrap();
        let conventions = Conventions::of(&read("d57ed8f1bc2e"));
        assert_eq!(conventions.unlike(&read("d57ed8f1bc2e").kept[0]), None);
        let unlike = Some(("corpus_fingerprint", "60f074d0f51f", "d57ed8f1bc2e"));
        assert_eq!(conventions.unlike(&read("60f074d0f51f").kept[0]), unlike);
    }
}
