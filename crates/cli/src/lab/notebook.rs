//! `lab.json`: what a lab was asked and what the machine was measured at, so that the same command goes on with the same design.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use isoflop_sweep::Throughput;
use isoflop_train::{Recipe, TokenizerKind};
use serde::{Deserialize, Serialize};

use crate::output;

const SCHEMA: &str = "isoflop.lab-notebook/1";

/// What decides a lab besides the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// Files and folders, as absolute paths.
    pub text: Vec<PathBuf>,
    /// The time asked for.
    pub seconds: f64,
    pub recipes: Vec<Recipe>,
    pub seed: u64,
}

/// A lab's question and what was found before its design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notebook {
    schema: String,
    pub question: Question,
    /// Speed at each recipe.
    pub speeds: Vec<Throughput>,
    /// Seconds until the design: measuring, and reading the text. Not there before the text was read.
    pub preparation: Option<f64>,
    /// The command that began it.
    command: String,
}

impl Notebook {
    pub(crate) fn new(question: Question, speeds: Vec<Throughput>) -> Self {
        Self { schema: SCHEMA.to_owned(), question, speeds, preparation: None, command: output::command_line() }
    }

    /// The notebook in `folder`, if there is one; one of another question is refused.
    pub(crate) fn find(folder: &Path, question: &Question) -> Result<Option<Self>> {
        let path = Self::path(folder);
        if !path.exists() {
            // A demo's folder, say: its text and runs are not this lab's.
            if folder.join("ladder").exists() {
                bail!("{}: holds runs that are no lab's; name another folder with --out", folder.display());
            }
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| format!("{}: cannot read", path.display()))?;
        let unreadable = || {
            format!(
                "{}: is no lab's notebook of this version; name another folder with --out, or delete this one",
                path.display()
            )
        };
        let notebook: Self = serde_json::from_str(&text).with_context(unreadable)?;
        if notebook.schema != SCHEMA {
            bail!(unreadable());
        }
        if notebook.speeds.len() != notebook.question.recipes.len() {
            bail!(unreadable());
        }
        if let Some(part) = notebook.question.difference(question) {
            bail!(
                "{}: holds another lab (its {part} differs): `{}` goes on with that one; name another folder with --out for this one",
                folder.display(),
                notebook.command
            );
        }
        Ok(Some(notebook))
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        output::write(&Self::path(folder), &serde_json::to_string_pretty(self)?)
    }

    fn path(folder: &Path) -> PathBuf {
        folder.join("lab.json")
    }
}

impl Question {
    /// The longest context, and what a token is for all recipes: losses per token of different tokens cannot be compared.
    pub(crate) fn corpus(&self) -> Result<(usize, TokenizerKind)> {
        let context = self.recipes.iter().map(|recipe| recipe.context).max().context("a lab needs a recipe")?;
        let tokenizer = self.recipes.first().map(|recipe| recipe.tokenizer).context("a lab needs a recipe")?;
        if let Some(other) = self.recipes.iter().find(|recipe| recipe.tokenizer != tokenizer) {
            bail!(
                "recipe {} has another tokenizer than {}: losses are per token, so recipes are compared on the same tokens",
                other.name,
                self.recipes[0].name
            );
        }
        Ok((context, tokenizer))
    }

    /// The first part in which `other` differs.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let parts = [
            ("time", self.seconds != other.seconds),
            ("text", self.text != other.text),
            ("list of recipes", self.recipes != other.recipes),
            ("seed", self.seed != other.seed),
        ];
        parts.into_iter().find(|(_, differs)| *differs).map(|(part, _)| part)
    }
}
